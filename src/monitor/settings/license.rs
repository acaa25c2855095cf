//! `qlikSenseLicense.serverLicenseMonitor` and `licenseMonitor`, as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::Destination;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServerLicenseMonitor {
    /// Watch the server license.
    pub(crate) enable: bool,
    /// When to look, beside once at start: a schedule text or a cron line. A license changes
    /// rarely: the default is once a day.
    pub(crate) frequency: String,
    /// When to alert.
    pub(crate) alert: Alert,
    /// How to read a date such as `03/04/2027` in the license text: `dmy` (3 April) or `mdy`
    /// (4 March). Not set by default: such a date is then reported as unreadable, not guessed.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) date_order: Option<DateOrder>,
    /// Where the data and the alerts go.
    pub(crate) destination: Destination,
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

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Alert {
    /// Alert when this many days or fewer are left, and then each day: a written number takes the
    /// place of all `steps` of `Butler.alert.rules.serverLicenseExpiring`. Not written, which is the
    /// default: from 90 days on, at each of those steps, which leave time for a purchase.
    #[schemars(range(min = 0, max = 36500), extend("x-noun" = "a number of days"))]
    pub(crate) threshold_days: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum DateOrder {
    Dmy,
    Mdy,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LicenseMonitor {
    /// Watch the access licenses.
    pub(crate) enable: bool,
    /// When to look, beside once at start. The default of every 6 hours shows a working day's
    /// rise and fall.
    pub(crate) frequency: String,
    /// Where the data goes. `mqtt` and `webhook` are Bursar's own here; their `sendAlert` has no
    /// effect, because this monitor has no alerts.
    pub(crate) destination: Destination,
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
