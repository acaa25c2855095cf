//! Bursar as a service of the operating system: systemd's on Linux, the service manager's on Windows.

pub mod rights;
#[cfg(target_os = "linux")]
pub mod systemd;
pub mod unit;
#[cfg(windows)]
pub mod windows;

use chrono::{DateTime, Utc};

/// Name in the service manager of Windows (`sc query Bursar`).
pub const NAME: &str = "Bursar";

/// What the operating system knows of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// `systemd` or `windows`.
    pub manager: &'static str,
    pub installed: bool,
    /// Who installed it: `command` (`bursar service install`), `package`, `hand`.
    pub by: Option<&'static str>,
    /// The file of the unit; on Windows `None`.
    pub unit: Option<String>,
    /// Whether it starts with the computer; `None`: not known.
    pub enabled: Option<bool>,
    /// In the manager's words, such as `active`, `failed`, `running`; `None`: nobody was asked.
    pub state: Option<String>,
    pub runs: bool,
    pub since: Option<DateTime<Utc>>,
    pub pid: Option<u32>,
    /// How often the manager started it again since it was started by hand.
    pub restarts: Option<u32>,
    /// How the last run ended, in the manager's words, such as `success`, `watchdog`, `exit-code 2`.
    pub last_result: Option<String>,
    /// What it starts.
    pub command: Option<String>,
    /// As whom.
    pub account: Option<String>,
}

impl Known {
    /// In a line.
    pub fn line(&self) -> String {
        if !self.installed {
            return "no service is installed".to_owned();
        }
        let state = self.state.as_deref().unwrap_or("not asked how it is");
        let starts = match self.enabled {
            Some(true) => ", starts with the computer",
            Some(false) => ", does not start with the computer",
            None => "",
        };
        let ended = match self.last_result.as_deref() {
            Some(result) if !self.runs && result != "success" => {
                format!(", ended with {result}")
            }
            _ => String::new(),
        };
        format!("{state}{starts}{ended}")
    }
}
