//! Who keeps a seat whatever happens.
//!
//! Texts are compared without regard to letter case, as Qlik does: see [`fold`]. A mistake here
//! would take a seat from somebody who is protected, so where a comparison could go both ways, it
//! finds them equal.

mod fold;
mod glob;

use std::collections::HashMap;

pub use fold::fold;

use super::plan::Keep;
use super::policy::{NeverRelease, ThreeWay};
use crate::license::{Holder, Person};

/// Directory of Qlik's own accounts, protected always.
const INTERNAL: &str = "internal";

/// [`NeverRelease`], ready to be asked many times.
///
/// What a rule looks for is folded; beside it stands the rule as it was written, for people.
#[derive(Debug, Clone)]
pub struct Rules {
    users: Exact,
    user_patterns: Vec<(UserPattern, Box<str>)>,
    directories: Exact,
    directory_patterns: Vec<(Box<str>, Box<str>)>,
    tags: Exact,
    properties: Exact,
    roles: Exact,
    groups: Exact,
    inactive: ThreeWay,
    blocked: ThreeWay,
    removed_externally: ThreeWay,
}

/// Rules without patterns: what they look for, folded, and how they were written.
#[derive(Debug, Clone, Default)]
struct Exact(HashMap<Box<str>, Box<str>>);

impl Exact {
    fn new<'a>(rules: impl IntoIterator<Item = &'a String>) -> Self {
        let mut exact = Self::default();
        for rule in rules {
            let folded = fold(rule);
            if !folded.is_empty() {
                exact.add(folded.into(), rule.trim().into());
            }
        }
        exact
    }

    /// Of rules that mean the same the first one stays.
    fn add(&mut self, folded: Box<str>, written: Box<str>) {
        self.0.entry(folded).or_insert(written);
    }

    fn get(&self, folded: &str) -> Option<&str> {
        self.0.get(folded).map(|written| &**written)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules that name one of the values.
    fn naming(&self, values: &[Box<str>]) -> Vec<&str> {
        if self.is_empty() {
            return Vec::new();
        }
        values.iter().filter_map(|value| self.get(&fold(value))).collect()
    }
}

#[derive(Debug, Clone)]
struct UserPattern {
    directory: Box<str>,
    user_id: Box<str>,
}

impl Rules {
    /// Blank entries are no rules.
    pub fn new(never_release: &NeverRelease) -> Self {
        let mut users = Exact::default();
        let mut user_patterns = Vec::new();
        for rule in &never_release.users {
            let (directory, user_id) = (fold(&rule.directory), fold(&rule.user_id));
            if directory.is_empty() && user_id.is_empty() {
                continue;
            }
            let written = format!("{}\\{}", rule.directory.trim(), rule.user_id.trim()).into();
            if glob::is_pattern(&directory) || glob::is_pattern(&user_id) {
                let glob = UserPattern { directory: directory.into(), user_id: user_id.into() };
                user_patterns.push((glob, written));
            } else {
                users.add(pair(&directory, &user_id), written);
            }
        }
        let (patterns, directories): (Vec<_>, Vec<_>) =
            never_release.directories.iter().partition(|d| glob::is_pattern(d));
        let mut properties = Exact::default();
        for rule in &never_release.custom_properties {
            let (name, value) = (fold(&rule.name), fold(&rule.value));
            if !(name.is_empty() && value.is_empty()) {
                let written = format!("{} = {}", rule.name.trim(), rule.value.trim()).into();
                properties.add(pair(&name, &value), written);
            }
        }
        Self {
            users,
            user_patterns,
            directories: Exact::new(directories),
            directory_patterns: patterns
                .into_iter()
                .map(|written| (fold(written).into(), written.trim().into()))
                .collect(),
            tags: Exact::new(&never_release.tags),
            properties,
            roles: Exact::new(&never_release.roles),
            groups: Exact::new(&never_release.groups),
            inactive: never_release.inactive,
            blocked: never_release.blocked,
            removed_externally: never_release.removed_externally,
        }
    }

    /// Every rule that keeps this person's seats, in the order of [`Keep`].
    pub fn keeping(&self, person: &Person) -> Vec<Keep> {
        let mut keep = Vec::new();
        self.incomplete(person, &mut keep);
        self.accounts(&[(&person.directory, &person.user_id)], &mut keep);
        self.marks(person, &mut keep);
        keep
    }

    /// As [`Self::keeping`] for a person who holds a seat. The account as the seat's row names it
    /// counts, too, should it be another one.
    pub fn keeping_holder(&self, holder: &Holder, person: &Person) -> Vec<Keep> {
        let mut keep = Vec::new();
        self.incomplete(person, &mut keep);
        let accounts = [(&*person.directory, &*person.user_id), account(holder)];
        let same = accounts[0] == accounts[1];
        self.accounts(if same { &accounts[..1] } else { &accounts }, &mut keep);
        self.marks(person, &mut keep);
        keep
    }

    /// What the account alone says, for a holder who could not be read.
    pub fn keeping_account(&self, holder: &Holder) -> Vec<Keep> {
        let mut keep = Vec::new();
        self.accounts(&[account(holder)], &mut keep);
        keep
    }

    fn incomplete(&self, person: &Person, keep: &mut Vec<Keep>) {
        let missing = |field: &str| Keep::UserIncomplete { field: field.into() };
        if person.roles.is_none() && !self.roles.is_empty() {
            keep.push(missing("roles"));
        }
        if person.groups.is_none() && !self.groups.is_empty() {
            keep.push(missing("attributes"));
        }
    }

    fn accounts(&self, accounts: &[(&str, &str)], keep: &mut Vec<Keep>) {
        let folded: Vec<_> = accounts.iter().map(|(dir, id)| (fold(dir), fold(id))).collect();
        if folded.iter().any(|(directory, _)| directory == INTERNAL) {
            keep.push(Keep::Internal);
        }
        let mut users: Vec<&str> = Vec::new();
        let mut directories: Vec<&str> = Vec::new();
        for (directory, user_id) in &folded {
            if !self.users.is_empty() {
                users.extend(self.users.get(&pair(directory, user_id)));
            }
            let fits = |pattern: &UserPattern| {
                glob::matches(&pattern.directory, directory)
                    && glob::matches(&pattern.user_id, user_id)
            };
            users.extend(
                self.user_patterns.iter().filter(|(p, _)| fits(p)).map(|(_, rule)| &**rule),
            );
            directories.extend(self.directories.get(directory));
            let fits = |pattern: &str| glob::matches(pattern, directory);
            let patterns = self.directory_patterns.iter();
            directories.extend(patterns.filter(|(p, _)| fits(p)).map(|(_, rule)| &**rule));
        }
        push_all(keep, users, |rule| Keep::User { rule });
        push_all(keep, directories, |rule| Keep::UserDirectory { rule });
    }

    /// Everything that only the whole user tells.
    fn marks(&self, person: &Person, keep: &mut Vec<Keep>) {
        push_all(keep, self.tags.naming(&person.tags), |rule| Keep::Tag { rule });
        if !self.properties.is_empty() {
            let pairs =
                person.properties.iter().map(|(name, value)| pair(&fold(name), &fold(value)));
            let rules = pairs.filter_map(|pair| self.properties.get(&pair)).collect();
            push_all(keep, rules, |rule| Keep::CustomProperty { rule });
        }
        let roles = person.roles.as_deref().unwrap_or_default();
        push_all(keep, self.roles.naming(roles), |rule| Keep::Role { rule });
        let groups = person.groups.as_deref().unwrap_or_default();
        push_all(keep, self.groups.naming(groups), |rule| Keep::UserGroup { rule });
        if keeps(self.inactive, person.inactive) {
            keep.push(Keep::Inactive { is: person.inactive });
        }
        if keeps(self.blocked, person.blocked) {
            keep.push(Keep::Blocked { is: person.blocked });
        }
        if keeps(self.removed_externally, person.removed_externally) {
            keep.push(Keep::RemovedExternally { is: person.removed_externally });
        }
    }
}

/// Each rule once, in the order of the alphabet: the site's order means nothing.
fn push_all(keep: &mut Vec<Keep>, mut rules: Vec<&str>, reason: fn(Box<str>) -> Keep) {
    rules.sort_unstable();
    rules.dedup();
    keep.extend(rules.into_iter().map(|rule| reason(rule.into())));
}

fn account(holder: &Holder) -> (&str, &str) {
    (&holder.directory, &holder.user_id)
}

/// Two texts as one key.
fn pair(one: &str, other: &str) -> Box<str> {
    format!("{one}\0{other}").into()
}

fn keeps(switch: ThreeWay, has_the_mark: bool) -> bool {
    match switch {
        ThreeWay::Ignore => false,
        ThreeWay::Yes => has_the_mark,
        ThreeWay::No => !has_the_mark,
    }
}
