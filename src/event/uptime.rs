//! How long the daemon has been running.

use serde::{Deserialize, Serialize};

/// What the daemon says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DaemonUptime {
    /// Which Bursar it is.
    pub version: String,
    /// Since its start.
    pub seconds: u64,
    /// Memory of the process; `None` where the operating system doesn't say.
    pub memory_bytes: Option<u64>,
}

impl DaemonUptime {
    /// One line for people: `running for 3 days 2 h, with 14.2 MB of memory`.
    pub fn summary(&self) -> String {
        let (minutes, hours, days) =
            (self.seconds / 60 % 60, self.seconds / 3600 % 24, self.seconds / 86_400);
        let time = match (days, hours) {
            (0, 0) => format!("{minutes} min"),
            (0, hours) => format!("{hours} h {minutes} min"),
            (1, hours) => format!("1 day {hours} h"),
            (days, hours) => format!("{days} days {hours} h"),
        };
        match self.memory_bytes {
            Some(bytes) => {
                format!("running for {time}, with {:.1} MB of memory", bytes as f64 / 1e6)
            }
            None => format!("running for {time}"),
        }
    }
}
