//! Bursar as a service of the operating system: systemd's on Linux, the service manager's on Windows.

pub mod rights;
#[cfg(target_os = "linux")]
pub mod systemd;
pub mod unit;
#[cfg(windows)]
pub mod windows;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

/// Name in the service manager of Windows (`sc query Bursar`).
pub const NAME: &str = "Bursar";

/// The settings file that a command line of the Windows service names, as `service install` has written it: the last
/// argument, between quotes where it has blanks.
pub fn settings_of(command: &str) -> Option<PathBuf> {
    let (_, file) = command.rsplit_once(" -c ")?;
    let file = file.trim();
    let quoted = file.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.unwrap_or(file).into()).filter(|file: &PathBuf| !file.as_os_str().is_empty())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_service_are_those_of_its_command_line() {
        let of = |command: &str| settings_of(command).map(|file| file.display().to_string());
        let plain = r"C:\bursar.exe service run -c C:\ProgramData\Bursar\bursar.yaml";
        assert_eq!(of(plain).as_deref(), Some(r"C:\ProgramData\Bursar\bursar.yaml"));
        let blanks =
            r#""C:\Program Files -c x\bursar.exe" service run -c "D:\my data\bursar.yaml""#;
        assert_eq!(of(blanks).as_deref(), Some(r"D:\my data\bursar.yaml"));
        assert_eq!(of(r"C:\other.exe"), None);
        assert_eq!(of("bursar.exe service run -c "), None);
    }
}
