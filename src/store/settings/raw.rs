//! `storage` as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Storage {
    /// The store's file. Empty: `bursar.db` in the service's state directory (systemd's
    /// `$STATE_DIRECTORY`, `%ProgramData%\Bursar` on Windows), else in the working directory.
    pub(crate) path: String,
    /// How much is kept for a destination that is down.
    pub(crate) outbox: Outbox,
    /// How long the history of the figures is kept. Ten sites that are polled every 5 minutes take
    /// less than 200 MB with the defaults.
    pub(crate) history: History,
    /// Copies of the store on a schedule.
    pub(crate) backup: Backup,
}

/// Verified copies of the store, made while the daemon runs. `bursar store backup` makes one at any time, `bursar store
/// restore` puts one back.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Backup {
    /// Make them. Off by default: they take the room of the store each.
    pub(crate) enable: bool,
    /// When. Default every night at 02:30.
    pub(crate) frequency: String,
    /// Where they are written; made if it isn't there. Looked up from the folder of the store: a folder on another disk
    /// is what helps when the disk is lost. Default `backup`.
    pub(crate) folder: String,
    /// Copies that stay: the oldest go, after the new one was verified. Default 7, a week.
    #[schemars(range(min = 1, max = 10_000), extend("x-noun" = "a number of copies"))]
    pub(crate) keep: i64,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "30 2 * * *".to_owned(),
            folder: "backup".to_owned(),
            keep: 7,
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct History {
    /// Days for which every single poll is kept. The default of 90 shows a quarter as it was; older
    /// questions need no minutes, and single polls are what takes the room.
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) raw_days: i64,
    /// Days for which minimum, mean, maximum and last figure of every hour are kept. The default of
    /// 730 (two years) shows at what time of the day and week licenses are used, with last year
    /// beside it. At least `rawDays`.
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) hourly_days: i64,
    /// Days for which the same of every day is kept. The default of 3650 (ten years) covers several
    /// contracts and takes little room. At least `hourlyDays`.
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) daily_days: i64,
}

impl Default for History {
    fn default() -> Self {
        Self { raw_days: 90, hourly_days: 730, daily_days: 3_650 }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Outbox {
    /// Most events kept for each destination. When it is exceeded the oldest recurring data goes
    /// first and alerts last; every loss is counted and logged. The default of 100,000 holds a
    /// month of one site's data when both monitors look every minute.
    #[schemars(range(min = 1))]
    pub(crate) max_events: i64,
    /// Days after which an undelivered event is given up. The default of 30 outlasts a holiday.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) max_age_days: i64,
    /// Failed deliveries, over at least a minute, after which an event is on trial: others are tried
    /// out of turn, and when the destination takes those and not this one, it becomes a dead letter
    /// (`bursar outbox list --refused`). While nothing gets through, everything waits and nothing
    /// becomes one. The default of 5 tells a bad event from a bad moment.
    #[schemars(range(min = 2, max = 1000))]
    pub(crate) set_aside_after_failures: i64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { max_events: 100_000, max_age_days: 30, set_aside_after_failures: 5 }
    }
}
