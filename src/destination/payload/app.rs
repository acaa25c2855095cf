//! What is sent of Qlik's License Monitor app.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::value::{Time, id_schema};
use crate::license::monitor_app::{self, AppHealth, Cause};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MonitorApp<'a> {
    /// How the app is, in a word.
    health: AppHealth,
    /// Nobody has to do anything.
    healthy: bool,
    /// The state as one sentence.
    #[schemars(length(min = 1))]
    text: &'a str,
    /// What to do about it; null while healthy.
    hint: Option<&'a str>,
    /// The app that was taken; null when none was found.
    app: Option<App<'a>>,
    /// The task that reloads it; null when there is none.
    task: Option<Task<'a>>,
    /// The task's last run, or the one under way; null when it never ran.
    last_run: Option<Run<'a>>,
    /// When the app's data were loaded, UTC; null: never, or not known.
    data_from: Option<Time>,
    /// How old that was when the site was looked at, in hours with one decimal.
    data_age_hours: Option<f64>,
    /// When the run under way began, UTC; null when none is, or the site doesn't say.
    running_since: Option<Time>,
    /// When the task is due next, UTC; null when it is not.
    next_run: Option<Time>,
    /// Runs that failed in a row, up to the last that ended.
    failures: u32,
    /// What usually makes a reload fail so; null unless it failed.
    cause: Option<Cause>,
    /// Error lines of the failed run's script log; secrets are masked.
    errors: &'a [String],
    /// What is odd beside the state.
    notes: &'a [String],
    /// Data older than so many hours are stale: the setting.
    #[schemars(range(min = 1))]
    stale_hours: u32,
    /// A run under way for longer than so many minutes takes too long: the setting.
    #[schemars(range(min = 1))]
    running_long_minutes: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct App<'a> {
    /// Id of the app.
    #[schemars(schema_with = "id_schema")]
    id: String,
    /// Name of the app.
    name: &'a str,
    /// The stream it is published to; null: it is not.
    stream: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Task<'a> {
    /// Id of the task.
    #[schemars(schema_with = "id_schema")]
    id: String,
    /// Name of the task.
    name: &'a str,
    /// Whether it is switched on.
    enabled: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    /// Id of the execution result; null where the site has none.
    #[schemars(extend("format" = "uuid"))]
    id: Option<String>,
    /// The site's number: 7 succeeded, 8 failed.
    status: i64,
    /// The site's name of it.
    status_name: &'a str,
    /// When it began, UTC; null where the site doesn't say.
    start: Option<Time>,
    /// When it ended, UTC; null while it runs.
    stop: Option<Time>,
    /// How long it took, in seconds; null while it runs.
    seconds: Option<f64>,
    /// The node it ran on; null where the site doesn't say.
    node: Option<&'a str>,
}

impl<'a> MonitorApp<'a> {
    /// `now`: when the site was looked at.
    pub(super) fn new(app: &'a monitor_app::MonitorApp, now: DateTime<Utc>) -> Self {
        let age = app.age(now);
        let monitor_app::MonitorApp {
            health,
            text,
            app,
            task,
            last_run,
            data_from,
            running_since,
            next_run,
            failures,
            cause,
            errors,
            hint,
            notes,
            stale_hours,
            running_long_minutes,
        } = app;
        Self {
            health: *health,
            healthy: health.is_fine(),
            text,
            hint: hint.as_deref(),
            app: app.as_ref().map(Into::into),
            task: task.as_ref().map(Into::into),
            last_run: last_run.as_ref().map(Into::into),
            data_from: data_from.map(Time),
            data_age_hours: age.map(|age| (age.num_seconds() as f64 / 360.0).round() / 10.0),
            running_since: running_since.map(Time),
            next_run: next_run.map(Time),
            failures: *failures,
            cause: *cause,
            errors,
            notes,
            stale_hours: *stale_hours,
            running_long_minutes: *running_long_minutes,
        }
    }
}

impl<'a> From<&'a monitor_app::AppName> for App<'a> {
    fn from(app: &'a monitor_app::AppName) -> Self {
        let monitor_app::AppName { id, name, stream } = app;
        Self { id: id.to_string(), name, stream: stream.as_deref() }
    }
}

impl<'a> From<&'a monitor_app::TaskName> for Task<'a> {
    fn from(task: &'a monitor_app::TaskName) -> Self {
        let monitor_app::TaskName { id, name, enabled } = task;
        Self { id: id.to_string(), name, enabled: *enabled }
    }
}

impl<'a> From<&'a monitor_app::AppRun> for Run<'a> {
    fn from(run: &'a monitor_app::AppRun) -> Self {
        let monitor_app::AppRun { id, status, status_name, start, stop, seconds, node } = run;
        Self {
            id: id.map(|id| id.to_string()),
            status: *status,
            status_name,
            start: start.map(Time),
            stop: stop.map(Time),
            seconds: *seconds,
            node: node.as_deref(),
        }
    }
}
