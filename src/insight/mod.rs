//! What the history says: utilization, peaks, seasons, growth, when seats run out, what they cost.
//!
//! Pure: no I/O, no clock. Every function takes its history, its totals and "today" as plain values.
//! A day without data is not there; it never counts as zero. A question that the data is too short
//! for is answered with [`NotEnough`], not with a guess. What the figures mean and how they are
//! computed stands in `docs/insight.md`.

pub mod activity;
pub mod backtest;
pub mod budget;
pub mod capacity;
pub mod chargeback;
pub mod contract;
pub mod cost;
pub mod duration;
pub mod forecast;
pub mod groups;
pub mod growth;
pub mod holt;
pub mod idle;
pub mod models;
pub mod money;
pub mod order;
pub mod pace;
mod passage;
pub mod purchase;
pub mod reclaim;
pub mod renewal;
pub mod returns;
pub mod season;
mod seasonal;
pub mod seats;
pub mod series;
pub(crate) mod settings;
mod steps;
pub mod theil_sen;
pub mod utilization;
pub mod words;

use std::fmt;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

pub use series::{Basis, Daily, Entitled, Released, Series, Total};

/// Days of a month on average: what "a month" is in a growth figure.
pub const DAYS_PER_MONTH: f64 = 30.4375;

/// There is too little data for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotEnough {
    pub have: u32,
    pub need: u32,
    pub unit: Unit,
}

/// What the data is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Days,
    Weeks,
    /// Weeks in which something was free: while nothing is, nobody sees who else wants a seat.
    #[serde(rename = "freeWeeks")]
    FreeWeeks,
    Months,
    /// Entitled totals: what the seats are counted against.
    Totals,
}

impl NotEnough {
    /// `Err` if there is less than needed.
    pub(crate) fn unless(have: usize, need: u32, unit: Unit) -> Result<(), Self> {
        let have = u32::try_from(have).unwrap_or(u32::MAX);
        if have < need { Err(Self { have, need, unit }) } else { Ok(()) }
    }
}

impl fmt::Display for NotEnough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "days",
            Unit::Weeks => "weeks",
            Unit::FreeWeeks => {
                let some = match self.have {
                    0 => "always full".to_owned(),
                    1 => "full but for 1 week".to_owned(),
                    have => format!("full but for {have} weeks"),
                };
                return write!(f, "demand can't be seen: the pool was {some}");
            }
            Unit::Months => "months",
            Unit::Totals => "entitled totals",
        };
        write!(f, "not enough data: {} of {} {unit}", self.have, self.need)
    }
}

impl std::error::Error for NotEnough {}

/// For JSON: the answer itself, or `{"notEnough": {...}}` in its place.
pub(crate) fn or_why<T: Serialize, S: Serializer>(
    answer: &Result<T, NotEnough>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Why {
        not_enough: NotEnough,
    }
    match answer {
        Ok(answer) => answer.serialize(serializer),
        Err(not_enough) => Why { not_enough: *not_enough }.serialize(serializer),
    }
}

/// A share in percent; `None` of nothing.
pub(crate) fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole * 100.0)
}

/// Of sorted values, of which there is one at least, the one that so many percent don't go beyond.
fn ranked<T>(sorted: &[T], percent: usize) -> &T {
    &sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

/// So many days later; the last day there is if that is beyond it.
pub(crate) fn days_after(day: NaiveDate, days: i64) -> NaiveDate {
    let limit = if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    chrono::TimeDelta::try_days(days)
        .and_then(|delta| day.checked_add_signed(delta))
        .unwrap_or(limit)
}
