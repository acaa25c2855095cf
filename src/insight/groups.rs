//! Seats by what their users belong to: a directory, or the value of a custom property.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::activity::people;
use super::idle::{Usage, grouped};
use crate::license::{Holder, Person, Seat};

/// What the users of some seats have in common. In this order: those of whom something is known come
/// first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "of", content = "value", rename_all = "camelCase")]
pub enum Group {
    Value(String),
    /// They don't have the property.
    Without,
    /// The user could not be read, or was not read yet.
    Unknown,
    /// There is no user any more.
    NoUser,
    /// What belongs to no seat: minutes, and entitled seats of a type that nobody has one of.
    Nobody,
}

impl Group {
    /// As people read it.
    pub fn title(&self) -> &str {
        match self {
            Self::Value(value) => value,
            Self::Without => "(without)",
            Self::Unknown => "(unknown)",
            Self::NoUser => "(no user)",
            Self::Nobody => "(nobody)",
        }
    }
}

impl Group {
    /// As programs read it: what is told apart from a value of the same name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Without => "without",
            Self::Unknown => "unknown",
            Self::NoUser => "noUser",
            Self::Nobody => "nobody",
        }
    }
}

/// How the seats of a group are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupUsage {
    pub group: Group,
    #[serde(flatten)]
    pub usage: Usage,
    /// People who used one of them within the last 28 times 24 hours.
    pub active_28_days: u32,
}

/// By user directory, as written in capitals: Qlik doesn't tell them apart by case.
pub fn by_directory(seats: &[Seat], now: DateTime<Utc>) -> Vec<GroupUsage> {
    by(seats, |seat| vec![directory(seat.holder.as_deref())], now)
}

/// The user directory of a holder.
pub fn directory(holder: Option<&Holder>) -> Group {
    holder.map_or(Group::NoUser, |holder| Group::Value(spelling(&holder.directory)))
}

/// A user directory as it is written wherever it stands by itself.
pub fn spelling(directory: &str) -> String {
    directory.to_uppercase()
}

/// By the value of a custom property, whose name is compared without regard to case. Whose user has
/// several values is counted under each.
pub fn by_property(
    seats: &[Seat],
    users: &HashMap<Uuid, &Person>,
    name: &str,
    now: DateTime<Utc>,
) -> Vec<GroupUsage> {
    let group = |seat: &Seat| match values(seat.holder.as_deref().map(|h| h.id), users, name) {
        Ok(values) => values.into_iter().map(|value| Group::Value(value.to_owned())).collect(),
        Err(group) => vec![group],
    };
    by(seats, group, now)
}

/// The values that a user has of a custom property together, such as `Finance + Sales`: one group for
/// each person.
pub fn property(user: Option<Uuid>, users: &HashMap<Uuid, &Person>, name: &str) -> Group {
    match values(user, users, name) {
        Ok(values) => Group::Value(values.join(" + ")),
        Err(group) => group,
    }
}

/// The values that a user has of a property, each once; or the group of those without.
fn values<'a>(
    user: Option<Uuid>,
    users: &HashMap<Uuid, &'a Person>,
    name: &str,
) -> Result<Vec<&'a str>, Group> {
    let person = users.get(&user.ok_or(Group::NoUser)?).ok_or(Group::Unknown)?;
    let name = name.to_lowercase();
    let of_name = person.properties.iter().filter(|(of, _)| of.to_lowercase() == name);
    let mut values: Vec<&str> = of_name.map(|(_, value)| &**value).collect();
    values.sort_unstable();
    values.dedup();
    if values.is_empty() { Err(Group::Without) } else { Ok(values) }
}

/// The groups with the most seats first; what is not known last.
fn by(seats: &[Seat], groups: impl Fn(&Seat) -> Vec<Group>, now: DateTime<Utc>) -> Vec<GroupUsage> {
    let mut members: BTreeMap<Group, Vec<Seat>> = BTreeMap::new();
    for seat in seats {
        for group in groups(seat) {
            members.entry(group).or_default().push(seat.clone());
        }
    }
    let mut found: Vec<GroupUsage> = members
        .into_iter()
        .map(|(group, seats)| GroupUsage {
            group,
            usage: grouped(&seats, now, |_| Some(())).remove(&()).unwrap_or_default(),
            active_28_days: people(seats.iter(), 28, now),
        })
        .collect();
    let known = |group: &Group| matches!(group, Group::Value(_));
    found.sort_by(|a, b| {
        known(&b.group)
            .cmp(&known(&a.group))
            .then(b.usage.seats.cmp(&a.usage.seats))
            .then(a.group.cmp(&b.group))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::idle::tests::{now, seat};
    use super::*;
    use crate::license::SeatType;

    fn person(id: u128, properties: &[(&str, &str)]) -> Person {
        Person {
            id: Uuid::from_u128(id),
            directory: "CORP".into(),
            user_id: "x".into(),
            name: "".into(),
            roles: Some(vec![]),
            groups: Some(vec![]),
            tags: vec![],
            properties: properties.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            inactive: false,
            blocked: false,
            removed_externally: false,
        }
    }

    fn told(groups: &[GroupUsage]) -> Vec<(&str, u32, u32)> {
        groups.iter().map(|g| (g.group.title(), g.usage.seats, g.active_28_days)).collect()
    }

    #[test]
    fn users_that_are_not_known_are_counted_as_such() {
        let people = [
            person(1, &[("Department", "Sales"), ("color", "red")]),
            person(2, &[("DEPARTMENT", "Sales"), ("department", "Finance")]),
            person(3, &[("color", "red")]),
        ];
        let users: HashMap<Uuid, &Person> = people.iter().map(|p| (p.id, p)).collect();
        let mut seats: Vec<Seat> =
            (1..=5).map(|user| seat(user, SeatType::Analyzer, 24 * 20 * user as i64)).collect();
        seats[4].holder = None;
        let groups = by_property(&seats, &users, "department", now());
        assert_eq!(
            told(&groups),
            [
                ("Sales", 2, 1),
                ("Finance", 1, 0),
                ("(without)", 1, 0),
                ("(unknown)", 1, 0),
                ("(no user)", 1, 0)
            ]
        );
        let directories = by_directory(&seats, now());
        assert_eq!(told(&directories), [("CORP", 4, 1), ("(no user)", 1, 0)]);
    }
}
