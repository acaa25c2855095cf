//! What the rules would have done: the past of the seats, replayed day by day under other settings.
//!
//! ```text
//! facts -> Timeline (what each seat went through, who is protected) -> replay, once for each threshold
//! ```
//!
//! Pure: no I/O, no clock. A seat shows its last use only, so the past is known by the gaps of use that
//! were recorded ([`Gap`]): whoever lies in none of them used the seat within 14 days. Where that does not
//! hold (before gaps were recorded, the last days of a seat that is gone, people whose tags nobody
//! read) the answer is a pair of bounds: two replays, one of what is certain and one of all that is
//! possible.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `timeline` | from facts to times in which a seat may go |
//! | `segments` | when a seat was idle, used, or nobody knows; two seats of one person |
//! | `gaps` | recorded gaps of use, held small |
//! | `ticks` | the days, and on which of them a time lies |
//! | `course` | when a seat may go by a rule, and what its release counts for |
//! | `alone` | without limits: one person after the other |
//! | `days` | one run a day of all seats: limits, announcements, freezes |
//! | `both` | the releases of two replays, counted: who came back, what was saved |
//! | `answer` | two replays put together as bounds |

mod alone;
mod answer;
mod both;
mod course;
mod days;
mod gaps;
mod segments;
#[cfg(test)]
mod tests;
mod ticks;
mod timeline;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

pub use self::answer::{Bounds, CameBack, Day, Replayed, Return};
pub use self::gaps::{Gaps, Gathered};
pub use self::timeline::Timeline;
use crate::license::{Holder, Person, Seat, SeatType};
use crate::policy::{Policy, TypeRule};

/// Shorter gaps are not recorded.
pub const RECORDED_DAYS: u32 = 14;

/// Thresholds that are compared where nobody names others.
pub const THRESHOLDS: [u32; 5] = [30, 60, 90, 120, 180];

/// What is known of the past of a site's seats.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The seats as they were read last.
    pub seats: Vec<Seat>,
    /// Users that were read in full.
    pub people: HashMap<Uuid, Person>,
    /// Recorded gaps of use that ended after the first day.
    pub gaps: Gaps,
    /// Seats that people lost since the first day.
    pub removed: Vec<Removed>,
    /// When Bursar last took a seat of a type from a user, or gave it back.
    pub released: HashMap<(SeatType, Uuid), DateTime<Utc>>,
    /// From when on every gap is recorded. A type that isn't here has none.
    pub recorded_from: BTreeMap<SeatType, DateTime<Utc>>,
    /// Free seats at the end of each day, where that is known.
    pub free: BTreeMap<SeatType, BTreeMap<NaiveDate, u32>>,
}

/// A time in which a seat was not used, and after which the same person used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub user: Uuid,
    /// The use before; of a seat that was never used before, its allocation.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub first_use: bool,
    /// Up to here it is certain that nobody used it.
    pub unused_at: DateTime<Utc>,
}

/// A seat that somebody lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    /// Where that was seen.
    pub allocated: Option<DateTime<Utc>>,
    pub removed: DateTime<Utc>,
    /// The last use or allocation, where a run of Bursar's took it: the ledger has it then.
    pub idle_since: Option<IdleSince>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleSince {
    pub at: DateTime<Utc>,
    /// It was never used: `at` is its allocation.
    pub never: bool,
}

/// The days of a replay, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// A rule with another threshold. `neverUsedGraceDays` follows where it was the same.
pub fn with_threshold(rule: &TypeRule, days: u32) -> TypeRule {
    let follows = rule.never_used_grace_days == rule.release_threshold_days;
    let never_used_grace_days = if follows { days } else { rule.never_used_grace_days };
    TypeRule { release_threshold_days: days, never_used_grace_days, ..rule.clone() }
}

/// The rules to replay: of the types that the settings release, else of all types that there are seats of.
pub fn rules(policy: &Policy, facts: &Facts) -> Vec<TypeRule> {
    if !policy.types.is_empty() {
        return policy.types.clone();
    }
    let known = |seat_type: &SeatType| facts.seats.iter().any(|seat| seat.seat_type == *seat_type);
    SeatType::ALL.into_iter().filter(known).map(TypeRule::new).collect()
}
