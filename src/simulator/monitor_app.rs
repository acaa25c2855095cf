//! What the License Monitor app of a simulated site is like.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

use super::when::When;

/// The License Monitor app and its reload task.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MonitorApp {
    /// Apps of this name; only the first is published and has a task.
    pub copies: usize,
    /// Apps of the same name in other streams, reloaded never.
    pub elsewhere: usize,
    /// Name of the app.
    pub app_name: String,
    /// Stream of the first app. The default has the id that it has on every site.
    pub stream: String,
    /// There is a reload task.
    pub task: bool,
    /// Name of the reload task.
    pub task_name: String,
    /// Status of the last reload: 7 = succeeded, 8 = failed, 0 = never ran, 2 = running ...
    pub status: u8,
    /// When the last reload ended; of one that is under way, when it would. It began 50 seconds
    /// earlier. `never` = there was none.
    pub last_reload: When,
    /// The task goes on running as the clock does, with the same status. Otherwise nothing happens
    /// after `lastReload`.
    pub repeats: bool,
    /// Runs in the history, the last one included.
    pub history: usize,
    /// How many of the runs up to `lastReload` failed, where that did. All before them worked; those that
    /// `repeats` brings fail, too, until `mendedAfterMinutes`.
    pub failures: usize,
    /// From so many minutes after the start on, what made runs fail is mended. Never by default.
    pub mended_after_minutes: Option<i64>,
    /// What the script log of a failed run tells.
    pub script_error: ScriptError,
    /// A reload is due this long after the last.
    pub every_minutes: i64,
    /// The reload task is switched on.
    pub enabled: bool,
    /// Which way to the script log the server knows.
    pub script_log: ScriptLogApi,
    /// Downloads of a script log that answer 404 before one succeeds.
    pub early_not_found: u32,
}

/// What made a reload fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptError {
    /// 401 from a REST connection: a wrong password.
    #[default]
    Unauthorized,
    ConnectionMissing,
    Certificate,
    Timeout,
    OutOfMemory,
    FileMissing,
    /// The lines hold a password and a license number.
    Leaking,
}

/// Ways to a script log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptLogApi {
    #[default]
    Both,
    /// `scriptlog?fileReferenceId=`.
    Old,
    /// `scriptlogfile?executionResultId=`.
    New,
    Neither,
}

impl Default for MonitorApp {
    fn default() -> Self {
        Self {
            copies: 1,
            elsewhere: 0,
            app_name: "License Monitor".to_owned(),
            stream: "Monitoring apps".to_owned(),
            task: true,
            task_name: "Reload License Monitor".to_owned(),
            status: 7,
            last_reload: When::FromNow(TimeDelta::minutes(-20)),
            repeats: false,
            history: 5,
            failures: 1,
            mended_after_minutes: None,
            script_error: ScriptError::default(),
            every_minutes: 60,
            enabled: true,
            script_log: ScriptLogApi::default(),
            early_not_found: 0,
        }
    }
}
