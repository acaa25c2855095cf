//! `qlikSenseLicense`: what is watched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Destination, InfluxDbSwitch, NameValue};

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct QlikSenseLicense {
    /// The license of the server itself: when it ends, and whether it is valid.
    pub(in crate::config) server_license_monitor: ServerLicenseMonitor,
    /// The access licenses: how many seats of each type there are, are taken and are free.
    pub(in crate::config) license_monitor: LicenseMonitor,
    /// Giving unused seats back. Checked but not active in this version: nothing is released.
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
    /// Alert when this many days or fewer are left. Default 60: time for a purchase.
    #[schemars(range(min = 0, max = 36500), extend("x-noun" = "a number of days"))]
    pub(in crate::config) threshold_days: i64,
}

impl Default for Alert {
    fn default() -> Self {
        Self { threshold_days: 60 }
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

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct LicenseRelease {
    /// Release unused seats. Not active in this version.
    pub(in crate::config) enable: bool,
    /// Plan and record, but release nothing. On by default: releasing must be asked for.
    pub(in crate::config) dry_run: bool,
    /// When to look for unused seats.
    pub(in crate::config) frequency: String,
    /// Who keeps their seat whatever happens.
    pub(in crate::config) never_release: NeverRelease,
    /// Which types are released, and when.
    pub(in crate::config) license_type: LicenseType,
    /// Where releases are recorded.
    pub(in crate::config) destination: ReleaseDestination,
}

impl Default for LicenseRelease {
    fn default() -> Self {
        Self {
            enable: false,
            dry_run: true,
            frequency: "every 24 hours".to_owned(),
            never_release: NeverRelease::default(),
            license_type: LicenseType::default(),
            destination: ReleaseDestination::default(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct NeverRelease {
    /// Single users.
    pub(in crate::config) user: Vec<User>,
    /// Users with one of these tags.
    pub(in crate::config) tag: Vec<String>,
    /// Users with one of these custom properties: name and value must both match.
    pub(in crate::config) custom_property: Vec<NameValue>,
    /// All users of these directories.
    pub(in crate::config) user_directory: Vec<String>,
    /// Users marked inactive: `yes` keeps those that are, `no` those that aren't.
    pub(in crate::config) inactive: ThreeWay,
    /// Users marked blocked: as `inactive`.
    pub(in crate::config) blocked: ThreeWay,
    /// Users removed from their directory: as `inactive`.
    pub(in crate::config) removed_externally: ThreeWay,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct User {
    /// The user's directory.
    #[schemars(example = &"CORP")]
    pub(in crate::config) user_dir: String,
    /// The user's id.
    #[schemars(example = &"anna")]
    pub(in crate::config) user_id: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::config) enum ThreeWay {
    #[default]
    Ignore,
    Yes,
    No,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct LicenseType {
    /// Analyzer seats.
    pub(in crate::config) analyzer: ReleaseRule,
    /// Professional seats.
    pub(in crate::config) professional: ReleaseRule,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ReleaseRule {
    /// Release seats of this type.
    pub(in crate::config) enable: bool,
    /// Days without use after which a seat is given back. Default 30.
    #[schemars(range(min = 1, max = 36500), extend("x-noun" = "a threshold"))]
    pub(in crate::config) release_threshold_days: i64,
}

impl Default for ReleaseRule {
    fn default() -> Self {
        Self { enable: false, release_threshold_days: 30 }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ReleaseDestination {
    /// To InfluxDB, set up in `influxDb`.
    pub(in crate::config) influx_db: InfluxDbSwitch,
}
