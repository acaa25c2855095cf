//! Qlik's License Monitor app: what a site says of it, and what that means. No I/O.
//!
//! [`choose`] picks the app and its task among several, [`judge()`] says how it fares, [`script_log`]
//! what the log of a failed reload means.

pub mod choose;
pub mod judge;
pub mod script_log;
mod state;

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::{Uuid, uuid};

use super::Moment;

pub use choose::Wanted;
pub use judge::{Facts, Limits, judge};
pub use script_log::{Cause, ScriptLog};
pub use state::{AppHealth, AppName, AppRun, MonitorApp, TaskName};

/// The stream "Monitoring apps" has the same id on every site.
pub const MONITORING_STREAM: Uuid = uuid!("a70ca8a5-1d59-4cc9-b5fa-6e207978dcaf");

/// An app, as `GET /qrs/app/full` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub id: Uuid,
    pub name: String,
    pub published: bool,
    pub stream: Option<Stream>,
    /// When its data were loaded, by whatever means.
    pub last_reload: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub id: Option<Uuid>,
    pub name: String,
}

/// A reload task, as `GET /qrs/reloadtask/full` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: Uuid,
    pub name: String,
    /// The app it reloads.
    pub app: Option<Uuid>,
    pub enabled: bool,
    pub last: Execution,
    pub next: Moment,
}

/// A run of a task: the last one of the task, or a row of `GET /qrs/executionresult/full`.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// `None`: the task never ran.
    pub id: Option<Uuid>,
    pub status: TaskStatus,
    pub start: Moment,
    pub stop: Moment,
    pub milliseconds: Option<i64>,
    pub node: Option<String>,
    /// Under which its script log is kept; `None` without one. The flag `scriptLogAvailable` is
    /// false on live sites although there is a log, so it is not looked at.
    pub file: Option<Uuid>,
    /// What the scheduler says of it, secrets masked.
    pub messages: Vec<String>,
}

/// A run as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    pub id: Uuid,
    pub task: Uuid,
    pub run: AppRun,
    /// Of a failed run whose log could be read.
    pub log: Option<ScriptLog>,
}

/// The state of a run by its number. New numbers came with newer servers, so any is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskStatus(pub i64);

/// What a state means for the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There was no run, or its state was reset.
    None,
    /// On its way, from the trigger to the abort of it.
    Running,
    Succeeded,
    Failed,
    /// It was its turn, and it was left out.
    Skipped,
    /// A number without a known meaning.
    Unknown,
}

impl TaskStatus {
    /// As the server's enumeration calls it (`GET /qrs/about/api/enums`).
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NeverStarted",
            1 => "Triggered",
            2 => "Started",
            3 => "Queued",
            4 => "AbortInitiated",
            5 => "Aborting",
            6 => "Aborted",
            7 => "FinishedSuccess",
            8 => "FinishedFail",
            9 => "Skipped",
            10 => "Retry",
            11 => "Error",
            12 => "Reset",
            13 => "DistributionQueue",
            14 => "DistributionRunning",
            _ => return None,
        })
    }

    pub fn phase(self) -> Phase {
        match self.0 {
            0 | 12 => Phase::None,
            1..=5 | 10 | 13 | 14 => Phase::Running,
            7 => Phase::Succeeded,
            6 | 8 | 11 => Phase::Failed,
            9 => Phase::Skipped,
            _ => Phase::Unknown,
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown status {}", self.0),
        }
    }
}

impl Execution {
    /// When it ended or, where the site doesn't say, began.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        self.stop.at().or(self.start.at())
    }

    /// As events and the store have it.
    pub fn facts(&self) -> AppRun {
        let between = || Some((self.stop.at()? - self.start.at()?).num_milliseconds());
        let milliseconds = self.milliseconds.filter(|ms| *ms > 0).or_else(between);
        AppRun {
            id: self.id,
            status: self.status.0,
            status_name: self.status.to_string(),
            start: self.start.at(),
            stop: self.stop.at(),
            seconds: milliseconds.map(|ms| ms as f64 / 1000.0),
            node: self.node.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_meaning_and_no_new_one_is_fine() {
        let phases: Vec<_> = (0..=14).map(|n| TaskStatus(n).phase()).collect();
        use Phase::*;
        assert_eq!(
            phases,
            [
                None, Running, Running, Running, Running, Running, Failed, Succeeded, Failed,
                Skipped, Running, Failed, None, Running, Running
            ]
        );
        for n in [-1, 15, 42, i64::MAX] {
            assert_eq!(TaskStatus(n).phase(), Unknown);
            assert_eq!(TaskStatus(n).to_string(), format!("unknown status {n}"));
        }
        assert_eq!(TaskStatus(13).to_string(), "DistributionQueue");
    }
}
