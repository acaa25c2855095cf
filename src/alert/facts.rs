//! What rules look at.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};

use crate::event::{Monitor, ReleaseRun};
use crate::ledger::past::AcceptedSince;
use crate::license::version::VersionChange;
use crate::license::{Pools, SeatType, ServerLicenseStatus, Support};

/// Something that may be known.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact<T> {
    /// It isn't watched by the settings: what fired because of it is over.
    Off,
    /// It is watched, and not known (yet, or any more): what fires goes on.
    Unknown,
    Known(T),
}

impl<T> Fact<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Off | Self::Unknown => None,
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    /// `None` is unknown.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Known)
    }
}

/// A value and when it was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Dated<T> {
    pub time: DateTime<Utc>,
    pub value: T,
}

/// What is known of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub site: String,
    pub now: DateTime<Utc>,
    /// Judged on the day it is now.
    pub server_license: Fact<Dated<ServerLicenseStatus>>,
    pub pools: Fact<Dated<Pools>>,
    /// Quarantined seats a week ago, by type.
    pub quarantined_before: Fact<Vec<(SeatType, f64)>>,
    pub capacity: Fact<CapacityFacts>,
    pub run_out: Fact<Vec<RunOutFacts>>,
    pub budget: Fact<Option<BudgetFacts>>,
    pub release: Fact<Dated<ReleaseFacts>>,
    /// Also while releasing is off: an attempt by hand, or of earlier, may be open.
    pub unsettled: Fact<UnsettledFacts>,
    /// Off unless releases are real.
    pub overdue: Fact<Option<OverdueFacts>>,
    pub churn: Fact<Vec<ChurnFacts>>,
    pub app: Fact<Dated<AppFacts>>,
    pub version: Fact<Dated<VersionFacts>>,
    /// Monitors that are on.
    pub monitors: Fact<Vec<MonitorFacts>>,
}

/// The month's minutes of Analyzer Capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct CapacityFacts {
    pub used: f64,
    pub usable: f64,
    /// At the end of the month.
    pub projected: f64,
    pub end: CapacityEnd,
}

/// How far the minutes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapacityEnd {
    /// Nothing is left now.
    NoneLeft,
    /// They are gone on that day, at this pace.
    Short {
        day: NaiveDate,
        /// Even at the low end of what is projected.
        sure: bool,
    },
    Lasts,
}

/// When the seats of a type may run out.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOutFacts {
    pub seat_type: SeatType,
    /// Days to the early end of the range; `None` when it isn't in sight, an error when there is too
    /// little history.
    pub days: Result<Option<i64>, ()>,
    /// In words: `between 5 March and 20 June 2027`; empty when nothing is to be said.
    pub when: String,
}

/// Money as text, with its currency.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetFacts {
    /// What it is that costs more: `what is licensed costs` ...
    pub what: String,
    pub cost: String,
    pub budget: String,
    pub is_over: bool,
    /// Over, or within it by less than the band.
    pub is_near: bool,
}

/// How the last run of the release engine ended, and whether the engine can run.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseFacts {
    pub run: Option<ReleaseRun>,
    /// What keeps the engine from running now, or from taking seats.
    pub problem: Option<String>,
    /// Guards stopped the last try, or a type of it: that is `problem`, and no failure.
    pub is_refused: bool,
    /// Who has accepted all that stopped the last run since: the next one goes on.
    pub accepted: Option<AcceptedSince>,
}

/// Attempts at seats of which it is not known what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsettledFacts {
    pub seats: usize,
    pub oldest: Option<DateTime<Utc>>,
}

/// No real run was done for so many times of the schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct OverdueFacts {
    /// The last one that was.
    pub last: Option<DateTime<Utc>>,
    pub ticks: u32,
    pub reason: String,
    /// Only a freeze of the settings keeps it.
    pub by_plan: bool,
}

/// People who got a seat again.
#[derive(Debug, Clone, PartialEq)]
pub struct ChurnFacts {
    pub seat_type: SeatType,
    /// Seats that were allocated within 28 days.
    pub allocated: u32,
    /// Those of them that went to people who had lost one within 14 days.
    pub again: u32,
}

/// How Qlik's License Monitor is.
#[derive(Debug, Clone, PartialEq)]
pub struct AppFacts {
    pub state: AppState,
    /// One line for people.
    pub text: String,
    pub hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppState {
    Healthy,
    RunningLong,
    Failed,
    /// Its data are old, or it was never reloaded.
    Stale,
    Missing,
    /// The task that reloads it is switched off.
    Disabled,
    /// The site's answer doesn't say.
    Unknown,
}

/// Which version of Qlik Sense a site runs.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionFacts {
    /// As people call it.
    pub name: String,
    pub change: Option<VersionChange>,
    pub support: Support,
    /// The day it is at the site.
    pub today: NaiveDate,
}

/// How a monitor of a site fares.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorFacts {
    pub monitor: Monitor,
    /// `None`: it was never polled.
    pub last_poll: Option<DateTime<Utc>>,
    pub last_success: Option<DateTime<Utc>>,
    /// From when on its data is stale; `None` before the first success.
    pub stale_from: Option<DateTime<Utc>>,
    /// Why it fails now.
    pub problem: Option<String>,
    /// It fails because another site answers.
    pub other_site: bool,
}

/// What is known of the daemon itself.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonFacts {
    pub now: DateTime<Utc>,
    pub queues: Fact<Vec<QueueFacts>>,
    pub certificates: Fact<Vec<CertificateFacts>>,
    pub settings: Fact<SettingsFacts>,
    pub store: Fact<StoreFacts>,
}

/// The queue of a destination that is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFacts {
    pub destination: String,
    pub title: String,
    pub pending: u64,
    pub oldest: Option<DateTime<Utc>>,
    pub failing: bool,
    pub last_error: Option<String>,
    /// Events that the destination does not take.
    pub dead: u64,
    /// Why the newest of them was not taken.
    pub newest_dead: Option<String>,
    /// Lost to the limits, ever.
    pub dropped: u64,
    /// When that number grew last.
    pub dropped_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFacts {
    /// The setting that names the file.
    pub setting: String,
    pub file: PathBuf,
    /// Whole days, negative after the end.
    pub days_left: i64,
    pub not_after: DateTime<Utc>,
}

/// The store itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreFacts {
    pub file: PathBuf,
    /// That it began anew, and what to do about it; `None`: it did not, or a person let releases go on.
    pub begun_anew: Option<(String, String)>,
}

/// The settings file, against those that the daemon runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsFacts {
    pub file: PathBuf,
    /// How many errors it has now.
    pub errors: usize,
    /// The first of them.
    pub first: String,
}
