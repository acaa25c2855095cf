//! `qlikSenseVersion.versionMonitor`, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::{Destinations, Form, InfluxDbSwitch, Switch};
use crate::event::Channel;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct VersionMonitor {
    /// Watch which version of Qlik Sense the site runs.
    pub(crate) enable: bool,
    /// When to look, beside once at start. A version changes a few times a year: the default is once
    /// a day.
    pub(crate) frequency: String,
    /// Name or IP address of the server that is asked. Empty: `configQRS.host`.
    #[schemars(example = &"qlik.example.com")]
    pub(crate) host: String,
    /// Port of the service that says the version. Default 9032, Qlik's own. It is another one than
    /// that of the repository service, and has to be open for Bursar in firewalls.
    #[schemars(
        range(min = 1, max = 65535),
        extend("x-bursar" = true, "x-noun" = "a port")
    )]
    pub(crate) port: i64,
    /// Verify the server's certificate, against `cert.clientCertCA`. Butler's default is off.
    pub(crate) reject_unauthorized: bool,
    /// When Qlik ends the support of which release: an alert comes after that day, and for a release
    /// that isn't listed the end counts as not known. Empty by default, because the dates are Qlik's
    /// to say: they are in its product lifecycle.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) end_of_support: Vec<EndOfSupport>,
    /// Where the data goes. `mqtt`, `webhook` and `email` are Bursar's own here; `sendAlert` has no
    /// effect, because a change of the version is told by the alert rules.
    pub(crate) destination: Destinations<VersionForm>,
}

impl Default for VersionMonitor {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "every 24 hours".to_owned(),
            host: String::new(),
            port: 9032,
            reject_unauthorized: true,
            end_of_support: Vec::new(),
            destination: Destinations::default(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EndOfSupport {
    /// The release as the site says it, or how that begins: `May 2024` is also `May 2024 Patch 4`,
    /// `14.187` also `14.187.4`. The longest entry that fits counts.
    #[schemars(example = &"May 2024")]
    pub(crate) release: String,
    /// The last day of support, as `2026-05-14`.
    #[schemars(example = &"2026-05-14")]
    pub(crate) date: String,
}

/// The form of `destination` here: Butler has InfluxDB only.
#[derive(Debug, Clone)]
pub(crate) struct VersionForm;

impl Form for VersionForm {
    const NAME: &'static str = "VersionDestination";
    const DESCRIPTION: Option<&'static str> = Some("Where the data of the version goes.");
    const BUTLERS: &'static [Channel] = &[Channel::InfluxDb];
    type Figures = InfluxDbSwitch;
    type Messages = Switch;
}
