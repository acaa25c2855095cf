//! Which rules of `neverRelease` name nobody: what is asked for it, and of whom.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::plan::{Plan, Snapshot};
use super::rules::fold;
use super::rules::names::{Finding, Known, Missing, Names, findings, near_account};
use super::run::Engine;
use crate::license::{Person, PersonRead};
use crate::policy::{NeverRelease, Policy};
use crate::qrs::{Error, Patience};
use crate::store::{PeopleMarks, StoreError};

/// What was asked for. `None`: no rule looks at it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    tags: Option<Result<BTreeSet<Box<str>>, String>>,
    properties: Option<Result<Properties, String>>,
    marks: Option<Result<PeopleMarks, String>>,
}

type Properties = std::collections::BTreeMap<Box<str>, BTreeSet<Box<str>>>;

/// Asks for the names that rules look at: at most two requests, and the people that the seat monitor
/// has read.
pub(super) async fn ask(engine: &Engine, policy: &Policy, patience: Patience) -> Asked {
    if policy.types.is_empty() {
        return Asked::default();
    }
    let NeverRelease { tags, custom_properties, roles, groups, .. } = &policy.never_release;
    let what = |error: Error| error.what();
    let ask_tags = async {
        if tags.is_empty() {
            return None;
        }
        Some(engine.client.tags(patience).await.map_err(what))
    };
    let ask_properties = async {
        if custom_properties.is_empty() {
            return None;
        }
        Some(engine.client.custom_properties(patience).await.map_err(what))
    };
    let ask_marks = async {
        if roles.is_empty() && groups.is_empty() {
            return None;
        }
        let marks = engine.store.people_marks(&engine.site.name).await;
        Some(marks.map_err(|error| error.to_string()))
    };
    let (tags, properties, marks) = tokio::join!(ask_tags, ask_properties, ask_marks);
    Asked { tags, properties, marks }
}

/// What is wrong with the rules, by what was asked and the people that were read.
pub(super) fn look(
    policy: &Policy,
    snapshot: &Snapshot,
    asked: Asked,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let rules = &policy.never_release;
    if policy.types.is_empty() || *rules == NeverRelease::default() {
        return Vec::new();
    }
    let people = snapshot.people.values().filter_map(|read| match read {
        PersonRead::Whole(person) => Some(person),
        PersonRead::Gone | PersonRead::Unreadable(_) => None,
    });
    let names = names(rules, snapshot, people.clone(), asked);
    let lists = snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
    let holders = lists.flatten().filter_map(|seat| seat.holder.as_deref());
    let held = holders.map(|holder| (&*holder.directory, &*holder.user_id));
    // Nearly everybody who was read is named by a seat, too.
    let mut seen = HashSet::new();
    let accounts: Vec<(&str, &str)> = held
        .chain(people.map(|person| (&*person.directory, &*person.user_id)))
        .filter(|account| seen.insert(*account))
        .collect();
    let accounts = || accounts.iter().copied();
    findings(rules, policy.calendar.date(now), accounts, &names)
}

/// Whether a rule that names nobody was meant for somebody whose seat is due: it differs by a slip, and whom it names
/// never had a seat. Who has left is written in many rules, and is no mistake.
///
/// # Errors
/// When the store can't be read.
pub(super) async fn look_at_the_due(
    engine: &Engine,
    rules: &mut [Finding],
    plan: &Plan,
) -> Result<bool, StoreError> {
    let decisions = plan.types.iter().flat_map(|part| &part.decisions);
    let due = decisions.filter(|decision| decision.is_due()).filter_map(|of| of.holder.as_ref());
    let due: Vec<_> = due.map(|holder| (&*holder.directory, &*holder.user_id)).collect();
    let mut near: Vec<_> = rules
        .iter_mut()
        .filter_map(|rule| near_account(rule, due.iter().copied()).map(|account| (rule, account)))
        .collect();
    if near.is_empty() {
        return Ok(false);
    }
    let named: HashSet<String> =
        near.iter().map(|(rule, _)| fold(rule.account()).into_owned()).collect();
    let is_named = move |account: &str| named.contains(&*fold(account));
    let had_seats = engine.store.had_seats(&engine.site.name, is_named).await?;
    let had_seats: HashSet<String> = had_seats.iter().map(|of| fold(of).into_owned()).collect();
    near.retain(|(rule, _)| !had_seats.contains(&*fold(rule.account())));
    let found = !near.is_empty();
    for (rule, account) in near {
        rule.means(account);
    }
    Ok(found)
}

fn names<'a>(
    rules: &NeverRelease,
    snapshot: &Snapshot,
    people: impl Iterator<Item = &'a Person> + Clone,
    asked: Asked,
) -> Names {
    let mut names = Names::default();
    let unread = snapshot.seats.iter().find(|seats| seats.list.is_err());
    names.accounts_missing =
        unread.map(|seats| format!("the {} seats could not be read", seats.seat_type.title()));
    match asked.tags {
        Some(Ok(tags)) => names.tags.names = tags,
        Some(Err(why)) => {
            names.tags.missing = Some(Missing::Unread(format!("the site's tags: {why}")));
        }
        None => {}
    }
    match asked.properties {
        Some(Ok(properties)) => names.properties = properties,
        Some(Err(why)) => {
            names.properties_missing = Some(format!("the site's custom properties: {why}"));
        }
        None => {}
    }
    match asked.marks {
        Some(Ok(marks)) => {
            let read = |has: fn(&Person) -> bool| {
                people.clone().filter(move |person| has(person)).map(|person| person.id)
            };
            let roles = marks.roles_of.into_iter().chain(read(|person| person.roles.is_some()));
            let groups = marks.groups_of.into_iter().chain(read(|person| person.groups.is_some()));
            let (roles, groups) = (some_missing(snapshot, roles), some_missing(snapshot, groups));
            names.roles = Known { names: marks.roles, missing: roles };
            names.groups = Known { names: marks.groups, missing: groups };
        }
        Some(Err(why)) => {
            names.roles.missing = Some(Missing::Unread(why.clone()));
            names.groups.missing = Some(Missing::Unread(why));
        }
        None => {}
    }
    let wanted = |rules: &[String]| !rules.is_empty();
    for person in people {
        add(&mut names.tags.names, &person.tags);
        for (name, value) in &person.properties {
            match names.properties.get_mut(name) {
                // One whose values are not limited stays so.
                Some(values) if values.is_empty() => {}
                Some(values) => add(values, [value]),
                None => {
                    names.properties.insert(name.clone(), [value.clone()].into());
                }
            }
        }
        if wanted(&rules.roles) || wanted(&rules.tags) {
            add(&mut names.roles.names, person.roles.iter().flatten());
        }
        if wanted(&rules.groups) {
            add(&mut names.groups.names, person.groups.iter().flatten());
        }
    }
    names
}

/// Adds the names that are not known yet: of most people all are.
fn add<'a>(known: &mut BTreeSet<Box<str>>, names: impl IntoIterator<Item = &'a Box<str>>) {
    for name in names {
        if !known.contains(name) {
            known.insert(name.clone());
        }
    }
}

/// Why roles or groups may be missing: they are known of these people, and not of everybody who has a
/// seat. Where the seats could not be read, nobody knows who that is.
fn some_missing(snapshot: &Snapshot, known: impl Iterator<Item = Uuid>) -> Option<Missing> {
    if let Some(unread) = snapshot.seats.iter().find(|seats| seats.list.is_err()) {
        let title = unread.seat_type.title();
        return Some(Missing::Unread(format!("the {title} seats could not be read")));
    }
    let lists = snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
    let holders: HashSet<Uuid> =
        lists.flatten().filter_map(|seat| Some(seat.holder.as_ref()?.id)).collect();
    let known: HashSet<Uuid> = known.filter(|id| holders.contains(id)).collect();
    let (known, of) = (known.len(), holders.len());
    (known < of).then_some(Missing::NotAll { known, of })
}
