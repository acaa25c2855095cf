//! Who keeps a seat whatever happens.
//!
//! Texts are compared without regard to letter case, as Qlik does: see [`fold()`]. A mistake here
//! would take a seat from somebody who is protected, so where a comparison could go both ways, it
//! finds them equal.

mod exact;
mod fold;
mod glob;
mod loose;
pub mod names;

use self::exact::Exact;
pub use self::fold::fold;
use self::glob::Globs;

use super::plan::Keep;
use crate::policy::{NeverRelease, ThreeWay, UserPattern};
use chrono::NaiveDate;

use crate::license::{Holder, Person};

/// Directory of Qlik's own accounts, protected always.
const INTERNAL: &str = "internal";

/// [`NeverRelease`], ready to be asked many times.
///
/// What a rule looks for is folded; beside it stands the rule as it was written, for people.
#[derive(Debug, Clone)]
pub struct Rules {
    /// By directory.
    users: Exact<Exact<Box<str>>>,
    /// By user id, which differs more often than the directory.
    user_patterns: Globs<PairPattern>,
    directories: Texts,
    tags: Texts,
    /// By name.
    properties: Exact<Exact<Box<str>>>,
    /// By value.
    property_patterns: Globs<PairPattern>,
    roles: Texts,
    groups: Texts,
    inactive: ThreeWay,
    blocked: ThreeWay,
    removed_externally: ThreeWay,
}

/// Texts and patterns to look for, and how they were written.
#[derive(Debug, Clone)]
struct Texts {
    literal: Exact<Box<str>>,
    patterns: Globs<Box<str>>,
}

/// The other half of a rule of two texts, one of which is a pattern: a user's directory, a property's
/// name.
#[derive(Debug, Clone)]
struct PairPattern {
    other: Box<str>,
    written: Box<str>,
}

impl UserPattern {
    /// Whether it is about this person, ended or not.
    pub fn names(&self, holder: &Holder) -> bool {
        let of = |rule: &str, text: &str| glob::matches(&fold(rule), &fold(text));
        of(&self.directory, &holder.directory) && of(&self.user_id, &holder.user_id)
    }
}

impl Rules {
    /// Blank entries are no rules, nor are those that have ended before `today`.
    pub fn new(never_release: &NeverRelease, today: NaiveDate) -> Self {
        let mut users = Vec::new();
        let mut user_patterns = Vec::new();
        for rule in never_release.users.iter().filter(|rule| !rule.is_over(today)) {
            let (directory, user_id) = (fold(&rule.directory), fold(&rule.user_id));
            if directory.is_empty() && user_id.is_empty() {
                continue;
            }
            let written = rule.to_string().into();
            if glob::is_pattern(&directory) || glob::is_pattern(&user_id) {
                let pattern = PairPattern { other: directory.into(), written };
                user_patterns.push((user_id.into(), pattern));
            } else {
                users.push((directory, user_id, written));
            }
        }
        let mut properties = Vec::new();
        let mut property_patterns = Vec::new();
        for rule in &never_release.custom_properties {
            let (name, value) = (fold(&rule.name), fold(&rule.value));
            if name.is_empty() && value.is_empty() {
                continue;
            }
            let written = format!("{} = {}", rule.name.trim(), rule.value.trim()).into();
            if glob::is_pattern(&name) || glob::is_pattern(&value) {
                property_patterns.push((value.into(), PairPattern { other: name.into(), written }));
            } else {
                properties.push((name, value, written));
            }
        }
        Self {
            users: Exact::of_pairs(users),
            user_patterns: Globs::new(user_patterns),
            directories: Texts::new(&never_release.directories),
            tags: Texts::new(&never_release.tags),
            properties: Exact::of_pairs(properties),
            property_patterns: Globs::new(property_patterns),
            roles: Texts::new(&never_release.roles),
            groups: Texts::new(&never_release.groups),
            inactive: never_release.inactive,
            blocked: never_release.blocked,
            removed_externally: never_release.removed_externally,
        }
    }

    /// Every rule that keeps the seats of a person who holds one, in the order of [`Keep`]. The account as
    /// the seat's row names it counts, too, should it be another one.
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
            let patterns = patterns.filter(|p| glob::matches(&p.other, directory));
            users.extend(patterns.map(|pattern| &*pattern.written));
            directories.extend(self.directories.naming(directory));
        }
        push_all(keep, users, |rule| Keep::User { rule });
        push_all(keep, directories, |rule| Keep::UserDirectory { rule });
    }

    /// The rules with a pattern that name a custom property.
    fn property_pattern(&self, name: &str, value: &str) -> Vec<&str> {
        if self.property_patterns.is_empty() {
            return Vec::new();
        }
        let (name, value) = (fold(name), fold(value));
        let patterns = self.property_patterns.matching(&value);
        let patterns = patterns.filter(|pattern| glob::matches(&pattern.other, &name));
        patterns.map(|pattern| &*pattern.written).collect()
    }

    /// Everything that only the whole user tells.
    fn marks(&self, person: &Person, keep: &mut Vec<Keep>) {
        let roles = person.roles.as_deref().unwrap_or_default();
        let groups = person.groups.as_deref().unwrap_or_default();
        let properties = person.properties.iter().flat_map(|(name, value)| {
            let literal = self.properties.get(name).and_then(|values| values.get(value));
            literal.map(|rule| &**rule).into_iter().chain(self.property_pattern(name, value))
        });
        push_all(keep, self.tags.naming_any(&person.tags), |rule| Keep::Tag { rule });
        push_all(keep, properties.collect(), |rule| Keep::CustomProperty { rule });
        push_all(keep, self.roles.naming_any(roles), |rule| Keep::Role { rule });
        push_all(keep, self.groups.naming_any(groups), |rule| Keep::UserGroup { rule });
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

impl Texts {
    /// Blank ones are left out.
    fn new(texts: &[String]) -> Self {
        let (patterns, literal): (Vec<_>, Vec<_>) =
            texts.iter().partition(|text| glob::is_pattern(text));
        let pattern = |text: &String| (fold(text).into(), text.trim().into());
        Self {
            literal: Exact::of_texts(literal),
            patterns: Globs::new(patterns.into_iter().map(pattern).collect()),
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty() && self.patterns.is_empty()
    }

    /// The rules that name a text.
    fn naming<'a>(&'a self, text: &str) -> Vec<&'a str> {
        let mut rules: Vec<&str> = self.literal.get(text).map(|rule| &**rule).into_iter().collect();
        if !self.patterns.is_empty() {
            rules.extend(self.patterns.matching(&fold(text)).map(|rule| &**rule));
        }
        rules
    }

    fn naming_any(&self, texts: &[Box<str>]) -> Vec<&str> {
        texts.iter().flat_map(|text| self.naming(text)).collect()
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

fn keeps(switch: ThreeWay, has_the_mark: bool) -> bool {
    match switch {
        ThreeWay::Ignore => false,
        ThreeWay::Yes => has_the_mark,
        ThreeWay::No => !has_the_mark,
    }
}
