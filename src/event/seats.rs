//! Who has the seats, and what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stored;
use crate::form;
use crate::insight::activity::{Active, FirstTime};
use crate::insight::idle::Usage;
use crate::insight::reclaim::ByRules;
use crate::insight::seats::{Figures, TypeFigures};
use crate::license::{Change, ChangeKind, SeatType};

/// Most changes that one event lists; its counts have all of them.
pub const MAX_LISTED: usize = 200;

/// How the seats are used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatActivity {
    /// The types whose list was complete.
    pub types: Vec<TypeActivity>,
    /// Each person once, whatever they hold.
    #[serde(
        serialize_with = "form::write::<stored::Active, _, _>",
        deserialize_with = "form::read::<stored::Active, _, _>"
    )]
    pub people: Active,
    /// People with seats of several types.
    #[serde(default)]
    pub two_seats: u32,
}

/// How the seats of one type are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeActivity {
    pub seat_type: SeatType,
    #[serde(
        flatten,
        serialize_with = "form::write::<stored::Usage, _, _>",
        deserialize_with = "form::read::<stored::Usage, _, _>"
    )]
    pub usage: Usage,
    #[serde(
        default,
        serialize_with = "form::write::<stored::Active, _, _>",
        deserialize_with = "form::read::<stored::Active, _, _>"
    )]
    pub active: Active,
    #[serde(
        default,
        serialize_with = "form::write::<stored::FirstTime, _, _>",
        deserialize_with = "form::read::<stored::FirstTime, _, _>"
    )]
    pub first_time: FirstTime,
    /// What a run of the release engine would take now; absent when it can't be told.
    #[serde(
        default,
        serialize_with = "form::write_some::<stored::ByRules, _, _>",
        deserialize_with = "form::read_some::<stored::ByRules, _, _>"
    )]
    pub by_rules: Option<ByRules>,
}

/// What changed since the lists were read before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatChanges {
    /// How many there are of each type and kind, without those of a first reading.
    pub counts: Vec<ChangeCount>,
    /// The changes, oldest first, at most [`MAX_LISTED`].
    #[serde(
        serialize_with = "form::write_all::<stored::Change, _, _>",
        deserialize_with = "form::read_all::<stored::Change, _, _>"
    )]
    pub changes: Vec<Change>,
    /// Changes that are not in the list.
    #[serde(default)]
    pub omitted: u32,
}

/// How often something happened to the seats of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCount {
    pub seat_type: SeatType,
    pub kind: ChangeKind,
    pub count: u32,
    /// How many of them are churn: allocated again within 14 days of a release.
    #[serde(default)]
    pub churn: u32,
    /// How many of them Bursar did.
    #[serde(default)]
    pub by_bursar: u32,
}

impl TypeActivity {
    /// A type without seats.
    pub fn nothing() -> Self {
        Self {
            seat_type: SeatType::User,
            usage: Usage::default(),
            active: Active::default(),
            first_time: FirstTime::default(),
            by_rules: None,
        }
    }
}

impl From<(SeatType, TypeFigures)> for TypeActivity {
    fn from((seat_type, figures): (SeatType, TypeFigures)) -> Self {
        let TypeFigures { usage, active, first_time, by_rules } = figures;
        Self { seat_type, usage, active, first_time, by_rules }
    }
}

impl SeatActivity {
    /// What is told of these figures, of the types that were read.
    pub fn of(figures: &Figures, types: impl IntoIterator<Item = SeatType>) -> Self {
        let types = types.into_iter().map(|seat_type| (seat_type, figures.of(seat_type)).into());
        Self {
            types: types.collect(),
            people: figures.people,
            two_seats: u32::try_from(figures.two_seats.len()).unwrap_or(u32::MAX),
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let of_type = |of: &TypeActivity| {
            let (title, seats) = (of.seat_type.title(), of.usage.seats);
            format!("{title} {} of {seats} used within 28 days", of.active.last_28_days)
        };
        let types: Vec<_> = self.types.iter().map(of_type).collect();
        if types.is_empty() {
            "seats: nobody has one".to_owned()
        } else {
            format!("seats: {}", types.join(", "))
        }
    }
}

impl SeatChanges {
    /// What is told of these changes: all are counted, and the first are listed.
    pub fn of(changes: &[Change]) -> Self {
        let listed = changes.len().min(MAX_LISTED);
        Self {
            counts: count(changes),
            changes: changes[..listed].to_vec(),
            omitted: u32::try_from(changes.len() - listed).unwrap_or(u32::MAX),
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let counts: Vec<_> = self
            .counts
            .iter()
            .map(|c| format!("{} {} {}", c.count, c.seat_type.title(), c.kind.title()))
            .collect();
        if counts.is_empty() {
            let first = self.changes.len() + self.omitted as usize;
            return format!("seats: read for the first time, {first} allocated not long ago");
        }
        format!("seats changed: {}", counts.join(", "))
    }
}

/// How many changes there are of each type and kind, without those of a first reading.
pub fn count<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<ChangeCount> {
    let mut counts: BTreeMap<(SeatType, ChangeKind), ChangeCount> = BTreeMap::new();
    for change in changes.into_iter().filter(|change| !change.initial) {
        let (seat_type, kind) = (change.seat_type, change.kind);
        let counted = counts.entry((seat_type, kind)).or_insert(ChangeCount {
            seat_type,
            kind,
            count: 0,
            churn: 0,
            by_bursar: 0,
        });
        counted.count += 1;
        counted.churn += u32::from(change.is_churn());
        counted.by_bursar += u32::from(change.is_by_bursar());
    }
    counts.into_values().collect()
}
