//! A decision with its reasons for every seat. Pure: no I/O, no clock, no randomness.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::guard::Refusal;
use super::policy::{Policy, TypeRule};
use crate::license::{Holder, Moment, Person, Pools, Seat, SeatType};

/// What a site said, as far as a plan needs it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Every type that was asked for, enabled or not, in the order of [`SeatType::ALL`].
    pub seats: Vec<TypeSeats>,
    /// The users that were asked for. One that isn't here was not asked for.
    pub people: HashMap<Uuid, PersonRead>,
    pub pools: Option<Pools>,
    /// The site's clock and ours when its first list was answered.
    pub clocks: Option<Clocks>,
    /// Other configured sites that have the same license, or of which it can't be told.
    pub sharing: Vec<Sharing>,
}

/// The seats of one type, or why there is no complete list of them.
#[derive(Debug, Clone)]
pub struct TypeSeats {
    pub seat_type: SeatType,
    pub list: Result<Vec<Seat>, String>,
}

/// A user that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonRead {
    Whole(Person),
    /// The site has no such user.
    Gone,
    /// No answer that is this user, whole: why.
    Unreadable(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    pub site: DateTime<Utc>,
    pub here: DateTime<Utc>,
}

/// Another site of the settings, compared by its license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    pub site: String,
    /// `Ok` = the same license; `Err` = it could not be read: why.
    pub same: Result<(), String>,
}

/// What earlier runs did, as far as a plan needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// When Bursar last took a seat of this type from this user, or gave it back on request.
    pub released: HashMap<(SeatType, Uuid), DateTime<Utc>>,
    /// Seats that were announced and neither released nor withdrawn since.
    pub announced: HashMap<Uuid, Announcement>,
    /// Intents without a known outcome.
    pub unsettled: u32,
}

/// An announced release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    pub last_used: Moment,
    pub announced: DateTime<Utc>,
    /// Not released before.
    pub due: DateTime<Utc>,
}

/// What a run would do, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Format of this text; a newer one is refused.
    pub format: u32,
    /// The run it was made for.
    pub run: String,
    pub site: String,
    /// The time that "idle" refers to.
    pub now: DateTime<Utc>,
    pub policy: Policy,
    pub types: Vec<TypePlan>,
    /// Announcements to take back: the seat was used, or is protected or gone now.
    pub withdrawn: Vec<Withdrawal>,
    /// What stops it from being applied unattended.
    pub refusals: Vec<Refusal>,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}

/// The part of a plan for one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypePlan {
    pub seat_type: SeatType,
    pub rule: TypeRule,
    /// Free seats, as the site counts them.
    pub free: Option<u32>,
    /// Why there are no decisions: the list could not be read.
    pub problem: Option<String>,
    /// One for each seat: releases in their order, then announcements, then the rest by account.
    pub decisions: Vec<Decision>,
}

/// What is to become of one seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub seat: Uuid,
    pub outcome: Outcome,
    pub holder: Option<Holder>,
    pub created: Moment,
    pub last_used: Moment,
    /// The later of last use and allocation.
    pub idle_since: Option<DateTime<Utc>>,
    pub excess: bool,
    pub removed_externally: bool,
    /// Why it is kept, the one that is shown first in front; empty for a release.
    pub keep: Vec<Keep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Release,
    /// Due, and announced by this run; released by a later one.
    Announce,
    Keep,
}

/// An announcement that no longer holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    pub announcement: Announcement,
    pub why: String,
}

/// Why a seat is kept. In this order the first that applies is the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Keep {
    /// Taken already, and blocked until its quarantine ends.
    Quarantined {
        until: Moment,
    },
    /// The row names no user.
    NoUser {
        deleted: Option<Box<str>>,
    },
    /// The user is not on the site any more.
    UserGone,
    /// No whole answer for this user: protections can't be told.
    UserUnread {
        why: String,
    },
    /// The answer lacks a field that a rule looks at.
    UserIncomplete {
        field: Box<str>,
    },
    /// Directory `INTERNAL`: Qlik's own accounts.
    Internal,
    User {
        rule: String,
    },
    UserDirectory {
        rule: String,
    },
    Tag {
        rule: String,
    },
    CustomProperty {
        rule: String,
    },
    Role {
        rule: String,
    },
    UserGroup {
        rule: String,
    },
    Inactive {
        is: bool,
    },
    Blocked {
        is: bool,
    },
    RemovedExternally {
        is: bool,
    },
    /// `field` holds something that is no time.
    UnreadableDate {
        field: Box<str>,
        text: Box<str>,
    },
    /// Neither used nor allocated at any known time.
    NoDate,
    /// Last use or allocation lies after the time of the plan.
    FutureDate {
        field: Box<str>,
        at: DateTime<Utc>,
    },
    /// Used within the threshold.
    Used {
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// Allocated within the threshold (and used before that, if at all).
    Allocated {
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// Never used, and within the grace for that.
    NeverUsed {
        allocated: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// The same person uses a seat of another type.
    UsedOtherSeat {
        seat_type: SeatType,
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    },
    /// Allocated again after an earlier release.
    Reallocated {
        released: DateTime<Utc>,
        until: DateTime<Utc>,
    },
    /// Announced, and not due yet.
    Announced {
        due: DateTime<Utc>,
    },
    /// Enough seats are free.
    EnoughFree {
        free: u32,
        keep_free: u32,
    },
    /// Due, but others have been idle for longer.
    OverCap {
        cap: u32,
    },
}

/// The users that have to be read: those whose seats would go if nothing about the user speaks
/// against it. Sorted, each once.
pub fn people_in_question(
    _snapshot: &Snapshot,
    _past: &Past,
    _policy: &Policy,
    _now: DateTime<Utc>,
) -> Vec<Uuid> {
    unimplemented!("plan")
}

/// Decides about every seat of the enabled types. Guards are not asked here: see
/// [`super::guard::check`].
pub fn plan(
    _run: &str,
    _site: &str,
    _snapshot: &Snapshot,
    _past: &Past,
    _policy: &Policy,
    _now: DateTime<Utc>,
) -> Plan {
    unimplemented!("plan")
}

/// Whether a seat that was read again may still be taken: the reasons to keep it that come from
/// the seat and its user alone. Empty = it may.
pub fn keeping(
    _seat: &Seat,
    _person: &PersonRead,
    _past: &Past,
    _policy: &Policy,
    _now: DateTime<Utc>,
) -> Vec<Keep> {
    unimplemented!("plan")
}

impl Keep {
    /// Short and stable, for counts: `used`, `never-used`, `tag`.
    pub fn code(&self) -> &'static str {
        unimplemented!("plan")
    }

    /// A sentence's worth for people: `used 3 days ago, on 2026-11-21; due on 2026-12-21`.
    pub fn text(&self) -> String {
        unimplemented!("plan")
    }
}

impl Plan {
    /// The seats to release, in the order in which they go, without the types that are stopped by
    /// a guard that is not in `accepted`.
    pub fn releases(&self, _accepted: &[super::Guard]) -> Vec<(SeatType, &Decision)> {
        unimplemented!("plan")
    }
}
