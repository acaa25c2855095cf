//! `qlikSenseLicense` and `qlikSenseVersion`: what is watched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::monitor::settings::app::LicenseMonitorApp;
use crate::monitor::settings::license::{LicenseMonitor, ServerLicenseMonitor};
use crate::monitor::settings::seats::SeatMonitor;
use crate::monitor::settings::version::VersionMonitor;
use crate::release::settings::raw::LicenseRelease;

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct QlikSenseLicense {
    /// The license of the server itself: when it ends, and whether it is valid.
    pub(in crate::config) server_license_monitor: ServerLicenseMonitor,
    /// The access licenses: how many seats of each type there are, are taken and are free.
    pub(in crate::config) license_monitor: LicenseMonitor,
    /// The single seats: who has one, how they are used, and what changes.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) seat_monitor: SeatMonitor,
    /// Qlik's License Monitor app: whether its reload works and its data are fresh.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) license_monitor_app: LicenseMonitorApp,
    /// Releasing seats that nobody uses, so that they are free for others. Check that your license agreement allows it
    /// before you switch it on.
    pub(in crate::config) license_release: LicenseRelease,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct QlikSenseVersion {
    /// Which version of Qlik Sense the site runs.
    pub(in crate::config) version_monitor: VersionMonitor,
}
