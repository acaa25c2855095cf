//! Looks at who has the seats: `GET /qrs/license/...accesstype/full` of each type, compared with
//! the count, and users in full where the release rules or a breakdown need them.
//!
//! A type whose list can't be read in full is left as it is; the other types are not held up.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::event::seats::MAX_LISTED;
use crate::event::{Body, SeatActivity, SeatChanges};
use crate::insight::activity;
use crate::insight::seats::figures;
use crate::ledger::past::Past;
use crate::license::changes::{self, Change, INITIAL_DAYS, Known, Lists, Old, SeatRow};
use crate::license::{Person, PersonRead, Pools, Seat, SeatType};
use crate::monitor::seat_lists::{self, Memory};
use crate::monitor::settings::SeatMonitor;
use crate::policy::Policy;
use crate::qrs;
use crate::release::plan::{self, Snapshot};
use crate::release::reclaim;
use crate::store::{KnownSeat, SeatReading, Seats};

/// How long a user that was read counts as known. Properties, tags and roles change rarely, and a
/// run of the release engine reads its users anew in any case.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);

/// What the event of a first reading lists of the past.
const FIRST_LISTED_DAYS: i64 = 7;

/// What is known before the site is asked.
#[derive(Debug, Clone, Default)]
pub struct Before {
    pub seats: Seats,
    pub known: Known,
    pub past: Past,
    /// As the other monitor saw them last.
    pub pools: Option<Pools>,
}

/// What the settings say of it.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    pub monitor: &'a SeatMonitor,
    /// The release rules.
    pub policy: &'a Policy,
    /// Whose days users are counted on.
    pub zone: Tz,
}

/// What was seen, and what could not be read.
#[derive(Debug)]
pub struct Observed {
    pub reading: SeatReading,
    pub bodies: Vec<Body>,
    /// The first of the types that could not be read.
    pub problem: Option<qrs::Error>,
}

/// The lists as the site has them.
#[derive(Debug)]
pub struct Read {
    /// The complete ones.
    lists: Vec<(SeatType, Vec<SeatRow>)>,
    problem: Option<qrs::Error>,
}

impl Read {
    /// The rows of a type, if its list is complete.
    pub fn rows(&self, seat_type: SeatType) -> Option<&[SeatRow]> {
        let list = self.lists.iter().find(|(read, _)| *read == seat_type);
        list.map(|(_, rows)| rows.as_slice())
    }
}

/// Reads the lists of all types, whole or what changed: see [`seat_lists`].
///
/// # Errors
/// When not one type could be read.
pub async fn read(
    client: &qrs::Client,
    known: &Seats,
    memory: &mut Memory,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Read, qrs::Error> {
    let remembered = &*memory;
    let one = |seat_type| {
        seat_lists::read(client, seat_type, known.list(seat_type), remembered, now, patience)
    };
    let answers = join_all(SeatType::ALL.map(one)).await;
    let mut lists: Vec<(SeatType, Vec<SeatRow>)> = Vec::new();
    let (mut problem, mut unknown_type) = (None, None);
    for (seat_type, answer) in SeatType::ALL.into_iter().zip(answers) {
        match answer {
            Ok(read) => {
                memory.keep(seat_type, &read, now);
                lists.push((seat_type, read.rows));
            }
            // A server that has no such type at all.
            Err(error @ qrs::Error::NotFound { .. }) if known.list(seat_type).is_none() => {
                unknown_type.get_or_insert(error);
            }
            Err(error) => {
                problem.get_or_insert(error);
            }
        }
    }
    if lists.is_empty() {
        return Err(problem.or(unknown_type).expect("a type that was not read has its reason"));
    }
    Ok(Read { lists, problem })
}

/// Compares the lists with what is known, and says what changed and how the seats are used. `before`
/// has to know what Bursar did up to the reading of the lists, or it would be somebody else's deed.
pub async fn observe(
    client: &qrs::Client,
    options: Options<'_>,
    read: Read,
    before: &Before,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Observed {
    let Options { monitor, policy, zone } = options;
    let Read { lists, problem } = read;
    let mut known = before.known.clone();
    let old: HashMap<SeatType, Vec<Seat>> = before
        .seats
        .lists
        .iter()
        .map(|list| (list.seat_type, list.seats.iter().map(|k| k.seat.clone()).collect()))
        .collect();
    let compared: Vec<Lists<'_>> = lists
        .iter()
        .map(|(seat_type, rows)| {
            let list = before.seats.list(*seat_type).zip(old.get(seat_type));
            let old = list.map(|(list, seats)| Old { seats, read: list.last_read });
            Lists { seat_type: *seat_type, old, new: rows }
        })
        .collect();
    let vanished = changes::vanished(&compared);
    if !vanished.is_empty() {
        let read = client.people(&vanished, patience).await;
        let gone = read.into_iter().filter(|(_, person)| *person == PersonRead::Gone);
        known.gone = gone.map(|(id, _)| id).collect();
    }
    let changes = changes::changes(&compared, &known, now);

    let fresh: Vec<(SeatType, Vec<Seat>)> = lists
        .into_iter()
        .map(|(seat_type, rows)| (seat_type, rows.into_iter().map(|row| row.seat).collect()))
        .collect();
    let current = current(before, &fresh);
    let all: Vec<Seat> = current.iter().flat_map(|(_, seats)| seats.clone()).collect();
    let mut new_on_days = activity::new_on_days(old.values().flatten(), &all, zone);
    drop(old);
    // Of days before anybody looked, only those are seen who never came again.
    let day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
    let first = before.seats.lists.iter().map(|list| day(list.last_read)).min();
    let first = first.unwrap_or_else(|| day(now));
    new_on_days.retain(|(day, _), _| *day >= first);

    let mut snapshot = reclaim::snapshot(current, HashMap::new(), before.pools.clone());
    let people = people(client, options, before, &snapshot, now, patience).await;
    let stored = before.seats.people.iter();
    snapshot.people =
        stored.map(|(id, stored)| (*id, PersonRead::Whole(stored.person.clone()))).collect();
    snapshot.people.extend(people.iter().map(|(id, person)| (*id, person.clone())));
    let rules = reclaim::by_rules(&snapshot, &before.past, policy, now);
    let rules = rules.into_iter().map(|(of, (rules, _))| (of, rules)).collect();
    let seen = seen_first_uses(before, &fresh);
    // A type that nobody has or had a seat of is no news.
    let had = |seat_type| before.seats.list(seat_type).is_some_and(|list| !list.seats.is_empty());
    let types = fresh.iter().filter(|(seat_type, seats)| !seats.is_empty() || had(*seat_type));
    let types = types.map(|(seat_type, _)| *seat_type);
    let first_used = |seat: &Seat| seen.get(&(seat.seat_type, seat.id)).copied();
    let figures = figures(&all, &first_used, &rules, now);
    let mut bodies = vec![Body::SeatActivity(SeatActivity::of(&figures, types))];
    if let Some(changes) = seat_changes(&changes, now) {
        bodies.push(Body::SeatChanges(changes));
    }
    let reading = SeatReading {
        time: now,
        lists: fresh,
        changes,
        people: people.into_iter().filter_map(whole).collect(),
        new_on_days,
        zone,
        keep_changes_days: monitor.keep_changes_days,
    };
    Observed { reading, bodies, problem }
}

/// The lists as they are now: those that were read, and the others as they were.
fn current(before: &Before, fresh: &[(SeatType, Vec<Seat>)]) -> Vec<(SeatType, Vec<Seat>)> {
    let mut current = fresh.to_vec();
    for list in &before.seats.lists {
        if !fresh.iter().any(|(seat_type, _)| *seat_type == list.seat_type) {
            let seats = list.seats.iter().map(|known| known.seat.clone()).collect();
            current.push((list.seat_type, seats));
        }
    }
    current.sort_by_key(|(seat_type, _)| *seat_type);
    current
}

/// Reads the users that are needed and not known well enough: those whose seat is idle for long
/// enough, and all for a breakdown, or where rules name roles, of which a site has no list.
async fn people(
    client: &qrs::Client,
    options: Options<'_>,
    before: &Before,
    snapshot: &Snapshot,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> HashMap<Uuid, PersonRead> {
    let policy = options.policy;
    let all = reclaim::policy(policy, snapshot.seats.iter().map(|seats| seats.seat_type));
    let mut wanted = plan::people_in_question(snapshot, &before.past, &all, now);
    let in_question: HashSet<Uuid> = wanted.iter().copied().collect();
    if !options.monitor.breakdown_by.is_empty() || !policy.never_release.roles.is_empty() {
        let holders = snapshot.seats.iter().flat_map(|seats| seats.list.iter().flatten());
        wanted.extend(holders.filter_map(|seat| Some(seat.holder.as_ref()?.id)));
        wanted.sort_unstable();
        wanted.dedup();
    }
    wanted.retain(|id| {
        let known = before.seats.people.get(id);
        known.is_none_or(|stored| now - stored.read >= KNOWN_FOR || stored.read > now)
    });
    if wanted.is_empty() {
        return HashMap::new();
    }
    let mut read = client.people(&wanted, patience).await;
    // Groups can be many, and only the rules look at them.
    let by_groups = !policy.never_release.groups.is_empty();
    for (id, person) in &mut read {
        if let PersonRead::Whole(person) = person
            && !(by_groups && in_question.contains(id))
        {
            person.groups = Some(Vec::new());
        }
    }
    read
}

fn whole((_, person): (Uuid, PersonRead)) -> Option<Person> {
    match person {
        PersonRead::Whole(person) => Some(person),
        PersonRead::Gone | PersonRead::Unreadable(_) => None,
    }
}

type FirstUses = HashMap<(SeatType, Uuid), DateTime<Utc>>;

/// First uses that were seen, at this reading or an earlier one.
fn seen_first_uses(before: &Before, fresh: &[(SeatType, Vec<Seat>)]) -> FirstUses {
    let known: HashMap<(SeatType, Uuid), &KnownSeat> =
        before.seats.seats().map(|known| ((known.seat.seat_type, known.seat.id), known)).collect();
    let mut seen: FirstUses =
        known.iter().filter_map(|(key, known)| Some((*key, known.first_used?))).collect();
    for seat in fresh.iter().flat_map(|(_, seats)| seats) {
        let key = (seat.seat_type, seat.id);
        let old = known.get(&key).map(|known| &known.seat);
        if let Some(first) = activity::seen_first_use(old, seat) {
            seen.entry(key).or_insert(first);
        }
    }
    seen
}

/// What is told of the changes, if there are any: of a first reading the last days only.
fn seat_changes(changes: &[Change], now: DateTime<Utc>) -> Option<SeatChanges> {
    const { assert!(FIRST_LISTED_DAYS <= INITIAL_DAYS && MAX_LISTED > 0) };
    let recent = |change: &&Change| {
        !change.initial || now - change.time < TimeDelta::days(FIRST_LISTED_DAYS)
    };
    let recent: Vec<Change> = changes.iter().filter(recent).cloned().collect();
    (!recent.is_empty()).then(|| SeatChanges::of(&recent))
}
