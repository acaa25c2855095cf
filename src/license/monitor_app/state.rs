//! Qlik's License Monitor app.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Cause;
use crate::plain::one_line;

/// How the app is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum AppHealth {
    /// Its last reload worked, and its data are fresh.
    Healthy,
    /// A reload is under way; the one before worked.
    Running,
    /// A reload has been under way for longer than a reload should take.
    RunningLong,
    /// The last reload that ended failed.
    Failed,
    /// The last reload that worked is too long ago.
    Stale,
    /// There is no such app, or no task that reloads it.
    Missing,
    /// It was never reloaded.
    Never,
    /// The task that reloads it is switched off.
    Disabled,
    /// What the site says can't be understood: a person has to look.
    Unknown,
}

impl AppHealth {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Running => "reload under way",
            Self::RunningLong => "reload takes too long",
            Self::Failed => "reload failed",
            Self::Stale => "data are old",
            Self::Missing => "missing",
            Self::Never => "never reloaded",
            Self::Disabled => "reload is switched off",
            Self::Unknown => "state unknown",
        }
    }

    /// Nobody has to do anything.
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Healthy | Self::Running)
    }
}

/// How Qlik's License Monitor app is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorApp {
    pub health: AppHealth,
    /// One sentence for people. Its times are UTC; it has no ages, so that it stays the same while
    /// the app's state does.
    pub text: String,
    /// Absent when it was not found.
    pub app: Option<AppName>,
    /// The task that reloads it.
    pub task: Option<TaskName>,
    /// The task's last run, or the one that is under way.
    pub last_run: Option<AppRun>,
    /// When the data of the app were loaded: the app's own word where it has one, otherwise the end
    /// of the task's last run that worked.
    pub data_from: Option<DateTime<Utc>>,
    /// When the run under way began, where one is and the site says so.
    pub running_since: Option<DateTime<Utc>>,
    /// When the task is due next.
    pub next_run: Option<DateTime<Utc>>,
    /// Runs that failed in a row, up to the last that ended; 0 when that one worked.
    pub failures: u32,
    /// What usually makes a reload fail like this.
    pub cause: Option<Cause>,
    /// The error lines of the failed run's script log, secrets masked.
    pub errors: Vec<String>,
    /// What to do about it; `None` while all is fine.
    pub hint: Option<String>,
    /// What is odd without being a problem: several apps of the name and which was taken, a log that
    /// could not be read.
    pub notes: Vec<String>,
    /// Settings that decide: older than this is stale ...
    pub stale_hours: u32,
    /// ... and under way for longer than this is too long.
    pub running_long_minutes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppName {
    pub id: Uuid,
    pub name: String,
    /// Absent when it is not published.
    pub stream: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskName {
    pub id: Uuid,
    pub name: String,
    pub enabled: bool,
}

/// One run of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRun {
    /// Id of the execution result; absent of a run that never was.
    pub id: Option<Uuid>,
    /// As the site numbers it.
    pub status: i64,
    /// As the site calls it, `FinishedFail`; `unknown status 42` for a number without a known name.
    pub status_name: String,
    pub start: Option<DateTime<Utc>>,
    pub stop: Option<DateTime<Utc>>,
    pub seconds: Option<f64>,
    /// The node it ran on, where the site says so.
    pub node: Option<String>,
}

impl MonitorApp {
    /// One line for people, such as the log shows it.
    pub fn summary(&self) -> String {
        let mut line = format!("License Monitor app: {}", self.health.words());
        if !self.health.is_fine() {
            line = format!("{line}: {}", self.text);
        }
        one_line(&line)
    }

    /// What an alert says: title, text, and what to do. `None` while nobody has to do anything.
    pub fn problem(&self) -> Option<(String, String, String)> {
        if self.health.is_fine() {
            return None;
        }
        let title = format!("License Monitor app: {}", self.health.words());
        let mut text = self.text.clone();
        if let Some(error) = self.errors.first() {
            text = format!("{text}; the script log says: {error}");
        }
        Some((title, one_line(&text), self.hint.clone().unwrap_or_default()))
    }

    /// How old its data are at a time; `None` when that is not known.
    pub fn age(&self, now: DateTime<Utc>) -> Option<chrono::TimeDelta> {
        self.data_from.map(|from| now - from)
    }
}
