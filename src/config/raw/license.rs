//! `qlikSenseLicense`: what is watched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LicenseMonitorApp, LicenseRelease, SeatMonitor};
use crate::destination::switches::raw::Destination;

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
    /// Giving seats that nobody uses back to the pool. Check that your license agreement allows it
    /// before you switch it on.
    pub(in crate::config) license_release: LicenseRelease,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ServerLicenseMonitor {
    /// Watch the server license.
    pub(in crate::config) enable: bool,
    /// When to look, beside once at start: a schedule text or a cron line. A license changes
    /// rarely: the default is once a day.
    pub(in crate::config) frequency: String,
    /// When to alert.
    pub(in crate::config) alert: Alert,
    /// How to read a date such as `03/04/2027` in the license text: `dmy` (3 April) or `mdy`
    /// (4 March). Not set by default: such a date is then reported as unreadable, not guessed.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) date_order: Option<DateOrder>,
    /// Where the data and the alerts go.
    pub(in crate::config) destination: Destination,
}

impl Default for ServerLicenseMonitor {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "every 24 hours".to_owned(),
            alert: Alert::default(),
            date_order: None,
            destination: Destination::default(),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Alert {
    /// Alert when this many days or fewer are left. Not written: from 90 days on, at each of the
    /// `steps` of `Butler.alert.rules.serverLicenseExpiring`, which leave time for a purchase.
    #[schemars(range(min = 0, max = 36500), extend("x-noun" = "a number of days"))]
    pub(in crate::config) threshold_days: i64,
}

impl Default for Alert {
    fn default() -> Self {
        Self { threshold_days: 90 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::config) enum DateOrder {
    Dmy,
    Mdy,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct LicenseMonitor {
    /// Watch the access licenses.
    pub(in crate::config) enable: bool,
    /// When to look, beside once at start. The default of every 6 hours shows a working day's
    /// rise and fall.
    pub(in crate::config) frequency: String,
    /// Where the data goes. `mqtt` and `webhook` are Bursar's own here; their `sendAlert` has no
    /// effect, because this monitor has no alerts.
    pub(in crate::config) destination: Destination,
}

impl Default for LicenseMonitor {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "every 6 hours".to_owned(),
            destination: Destination::default(),
        }
    }
}
