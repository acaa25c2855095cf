//! What of a site is looked at, and when: `qlikSenseLicense` and `qlikSenseVersion`.

pub(crate) mod app;
pub(crate) mod license;
pub(crate) mod seats;
pub(crate) mod validate;
pub(crate) mod version;

use crate::event::{Switches, UserTag};
use crate::license::monitor_app::Wanted;
use crate::license::{DateOrder, EndOfSupport};
use crate::qrs::settings::Connection;
use crate::schedule::Schedule;

#[derive(Debug, Clone, PartialEq)]
pub struct ServerLicenseMonitor {
    pub schedule: Schedule,
    /// Alert when this many days or fewer are left. At least 0.
    pub threshold_days: i64,
    /// Whether the file says so; else it is the first of the alert's steps.
    pub threshold_written: bool,
    /// Day/month order for dates that could be read both ways.
    pub date_order: DateOrder,
    pub destination: Switches,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AccessLicenseMonitor {
    pub schedule: Schedule,
    pub destination: Switches,
}

/// `seatMonitor`.
#[derive(Debug, Clone, PartialEq)]
pub struct SeatMonitor {
    pub schedule: Schedule,
    pub pace: Pace,
    /// Custom properties of users that seats are counted by.
    pub breakdown_by: Vec<String>,
    /// Changes of seats are kept for so many days.
    pub keep_changes_days: u32,
    pub destination: Switches,
    pub user_tag: UserTag,
}

/// Whether each look at the seats reads their lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The settings say when.
    AsWritten,
    /// They don't: the more seats a site has, the fewer looks do.
    BySize,
}

/// `licenseMonitorApp`.
#[derive(Debug, Clone, PartialEq)]
pub struct LicenseMonitorApp {
    pub schedule: Schedule,
    pub wanted: Wanted,
    pub stale_hours: u32,
    pub running_long_minutes: u32,
    /// Runs are kept for so many days.
    pub keep_runs_days: u32,
    pub destination: Switches,
}

/// `qlikSenseVersion.versionMonitor`.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionMonitor {
    pub schedule: Schedule,
    /// The service that is asked, on the site's server or another.
    pub connection: Connection,
    pub end_of_support: Vec<EndOfSupport>,
    pub destination: Switches,
}
