//! Who keeps a seat whatever happens.
//!
//! Texts are compared without regard to letter case, as Qlik does: see [`fold()`]. A mistake here
//! would take a seat from somebody who is protected, so where a comparison could go both ways, it
//! finds them equal.

mod exact;
mod fold;
mod glob;

use self::exact::Exact;
pub use self::fold::fold;
use self::glob::Globs;

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
    /// By directory.
    users: Exact<Texts>,
    /// By user id, which differs more often than the directory.
    user_patterns: Globs<UserPattern>,
    directories: Texts,
    directory_patterns: Globs<Box<str>>,
    tags: Texts,
    /// By name.
    properties: Exact<Texts>,
    roles: Texts,
    groups: Texts,
    inactive: ThreeWay,
    blocked: ThreeWay,
    removed_externally: ThreeWay,
}

/// Texts to look for, and how they were written.
type Texts = Exact<Box<str>>;

#[derive(Debug, Clone)]
struct UserPattern {
    directory: Box<str>,
    written: Box<str>,
}

impl Rules {
    /// Blank entries are no rules.
    pub fn new(never_release: &NeverRelease) -> Self {
        let mut users = Vec::new();
        let mut user_patterns = Vec::new();
        for rule in &never_release.users {
            let (directory, user_id) = (fold(&rule.directory), fold(&rule.user_id));
            if directory.is_empty() && user_id.is_empty() {
                continue;
            }
            let written = format!("{}\\{}", rule.directory.trim(), rule.user_id.trim()).into();
            if glob::is_pattern(&directory) || glob::is_pattern(&user_id) {
                let pattern = UserPattern { directory: directory.into(), written };
                user_patterns.push((user_id.into(), pattern));
            } else {
                users.push((directory, user_id, written));
            }
        }
        let (patterns, directories): (Vec<_>, Vec<_>) =
            never_release.directories.iter().partition(|d| glob::is_pattern(d));
        let mut properties = Vec::new();
        for rule in &never_release.custom_properties {
            let (name, value) = (fold(&rule.name), fold(&rule.value));
            if !(name.is_empty() && value.is_empty()) {
                let written = format!("{} = {}", rule.name.trim(), rule.value.trim()).into();
                properties.push((name, value, written));
            }
        }
        Self {
            users: Exact::of_pairs(users),
            user_patterns: Globs::new(user_patterns),
            directories: Exact::of_texts(directories),
            directory_patterns: Globs::new(
                patterns.into_iter().map(|text| (fold(text).into(), text.trim().into())).collect(),
            ),
            tags: Exact::of_texts(&never_release.tags),
            properties: Exact::of_pairs(properties),
            roles: Exact::of_texts(&never_release.roles),
            groups: Exact::of_texts(&never_release.groups),
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
    pub(super) fn keeping_holder(&self, holder: &Holder, person: &Person, keep: &mut Vec<Keep>) {
        self.incomplete(person, keep);
        let accounts = [(&*person.directory, &*person.user_id), account(holder)];
        let same = accounts[0] == accounts[1];
        self.accounts(if same { &accounts[..1] } else { &accounts }, keep);
        self.marks(person, keep);
    }

    /// What the account alone says, for a holder who could not be read.
    pub(super) fn keeping_account(&self, holder: &Holder, keep: &mut Vec<Keep>) {
        self.accounts(&[account(holder)], keep);
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
            let ids = self.users.get(directory);
            users.extend(ids.and_then(|ids| ids.get(user_id)).map(|rule| &**rule));
            let patterns = self.user_patterns.matching(user_id);
            let patterns = patterns.filter(|p| glob::matches(&p.directory, directory));
            users.extend(patterns.map(|pattern| &*pattern.written));
            directories.extend(self.directories.get(directory).map(|rule| &**rule));
            let patterns = self.directory_patterns.matching(directory);
            directories.extend(patterns.map(|rule| &**rule));
        }
        push_all(keep, users, |rule| Keep::User { rule });
        push_all(keep, directories, |rule| Keep::UserDirectory { rule });
    }

    /// Everything that only the whole user tells.
    fn marks(&self, person: &Person, keep: &mut Vec<Keep>) {
        let roles = person.roles.as_deref().unwrap_or_default();
        let groups = person.groups.as_deref().unwrap_or_default();
        let properties = person.properties.iter().filter_map(|(name, value)| {
            let rule = self.properties.get(name)?.get(value)?;
            Some(&**rule)
        });
        push_all(keep, naming(&self.tags, &person.tags), |rule| Keep::Tag { rule });
        push_all(keep, properties.collect(), |rule| Keep::CustomProperty { rule });
        push_all(keep, naming(&self.roles, roles), |rule| Keep::Role { rule });
        push_all(keep, naming(&self.groups, groups), |rule| Keep::UserGroup { rule });
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

/// The rules that name one of the values.
fn naming<'a>(rules: &'a Texts, values: &[Box<str>]) -> Vec<&'a str> {
    values.iter().filter_map(|value| rules.get(value)).map(|rule| &**rule).collect()
}

fn account(holder: &Holder) -> (&str, &str) {
    (&holder.directory, &holder.user_id)
}

fn keeps(switch: ThreeWay, has_the_mark: bool) -> bool {
    match switch {
        ThreeWay::Ignore => false,
        ThreeWay::Yes => has_the_mark,
        ThreeWay::No => !has_the_mark,
    }
}
