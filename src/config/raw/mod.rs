//! The configuration file as it is written: Butler's tree and key names, and Bursar's own keys.
//!
//! These structs are the one source of the JSON schema, the reference page and the annotated
//! example: a field's doc comment is its documentation, [`Default`] its default. They hold what
//! was written; whether it makes sense is decided in [`super::validate`].
//!
//! Schema extensions used here: `x-bursar` marks a key that Butler doesn't have, `x-noun` names
//! what a number is in error messages,
//! `x-amount` a decimal number that is kept as text.

mod alert;
mod license;
mod report;
mod signs;
mod site;
mod web;

pub(super) use alert::*;
pub(super) use license::*;
pub(super) use report::*;
pub(super) use signs::*;
pub(super) use site::*;
pub(super) use web::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::known;
use crate::destination::registry::Sections;
use crate::insight::settings::raw::Cost;
use crate::qrs::settings::raw::{Cert, ConfigQrs};
use crate::store::settings::raw::Storage;

/// Configuration of Bursar. The tree is Butler's, so that a Butler file works unchanged.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(super) struct File {
    /// Everything stands under this key, as in Butler.
    #[serde(rename = "Butler")]
    pub(super) butler: Butler,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = known::BUTLERS))]
pub(super) struct Butler {
    /// How much is logged. `verbose` is the same as `debug`, `silly` the same as `trace`. Default
    /// `info`: what was done and what failed, without the single requests.
    pub(super) log_level: LogLevel,
    /// Write the log to a file as well, one file a day (more where `logFileMaxMB` is reached). Off by default: service managers and
    /// containers collect standard output.
    pub(super) file_logging: bool,
    /// Folder of the log files, from the working directory. Made when missing.
    pub(super) log_directory: String,
    /// Most megabytes of a log file. A day that has more gets several files. The default of 20 can still be
    /// opened in an editor; a usual day has less than one.
    #[schemars(extend("x-bursar" = true), range(min = 1, max = 10_000))]
    #[serde(rename = "logFileMaxMB")]
    pub(super) log_file_max_mb: i64,
    /// Log files that stay; the oldest goes when a new one begins. With the default of 30 a month of usual
    /// days stays, and the folder never takes more than 600 MB.
    #[schemars(extend("x-bursar" = true), range(min = 1, max = 10_000))]
    pub(super) log_files_kept: i64,
    /// `human` for people, `json` for one JSON object a line on standard error.
    #[schemars(extend("x-bursar" = true))]
    pub(super) log_format: LogFormat,
    /// Time zone in which schedules run and days until expiry are counted, as a name of the IANA
    /// database such as `Europe/Stockholm`. Default `UTC`, as in Butler.
    #[schemars(extend("x-bursar" = true))]
    pub(super) time_zone: String,
    /// How reports in HTML and Markdown, e-mails, `status`, `insight` and the pages write numbers and dates: a language, or a
    /// language and a country, such as `de` or `en-GB`. Known are `en`, `en-GB`, `en-US`, `da`, `de`, `de-CH`, `es`, `es-MX`, `fi`,
    /// `fr`, `fr-CA`, `it`, `nb`, `nl`, `pl`, `pt`, `pt-PT` and `sv`. The words stay English; CSV and JSON are
    /// the same everywhere. Default `en`: `12,345.6`, 5 March 2027, and `2027-03-05` in tables.
    #[schemars(extend("x-bursar" = true))]
    pub(super) locale: String,
    /// The embedded store: what waits to be delivered and the last state of each site.
    #[schemars(extend("x-bursar" = true))]
    pub(super) storage: Storage,
    /// The pages.
    #[schemars(extend("x-bursar" = true))]
    pub(super) web: Web,
    /// Signs of life to a monitoring service.
    pub(super) heartbeat: Heartbeat,
    /// The health check of a container.
    pub(super) docker_health_check: DockerHealthCheck,
    /// How long the daemon has been running, and with how much memory.
    pub(super) uptime_monitor: UptimeMonitor,
    /// Certificate with which the repository service is called, exported from the Qlik Management
    /// Console in PEM format. Paths are looked up from the working directory, then from the
    /// folder of this file.
    pub(super) cert: Cert,
    /// The repository service of the Qlik Sense site.
    #[serde(rename = "configQRS")]
    pub(super) config_qrs: ConfigQrs,
    /// What is watched, how often, and where it is sent.
    pub(super) qlik_sense_license: QlikSenseLicense,
    /// Which version of Qlik Sense runs, and how long it is supported.
    pub(super) qlik_sense_version: QlikSenseVersion,
    /// The destinations.
    #[serde(flatten)]
    pub(super) destinations: Sections,
    /// What licenses cost, for the figures and reports on it. Without prices no cost is shown.
    #[schemars(extend("x-bursar" = true))]
    pub(super) cost: Cost,
    /// What people are told of: rules, how often, and where to.
    #[schemars(extend("x-bursar" = true))]
    pub(super) alert: Alerting,
    /// Reports on a schedule.
    #[schemars(extend("x-bursar" = true))]
    pub(super) report: Report,
    /// How a running daemon takes changed settings.
    #[schemars(extend("x-bursar" = true))]
    pub(super) config_reload: ConfigReload,
    /// Several Qlik Sense sites. Each entry inherits `configQRS`, `cert`, `qlikSenseLicense`,
    /// `qlikSenseVersion` and `alert` from the common sections and may change single keys of them. When the list is used, the site's
    /// name becomes a tag, a topic level and a payload key.
    #[schemars(extend("x-bursar" = true))]
    pub(super) sites: Vec<Site>,
}

impl Default for Butler {
    fn default() -> Self {
        Self {
            log_level: LogLevel::Info,
            file_logging: false,
            log_directory: "log".to_owned(),
            log_file_max_mb: 20,
            log_files_kept: 30,
            log_format: LogFormat::Human,
            time_zone: "UTC".to_owned(),
            locale: "en".to_owned(),
            storage: Storage::default(),
            web: Web::default(),
            heartbeat: Heartbeat::default(),
            docker_health_check: DockerHealthCheck::default(),
            uptime_monitor: UptimeMonitor::default(),
            cert: Cert::default(),
            config_qrs: ConfigQrs::default(),
            cost: Cost::default(),
            alert: Alerting::default(),
            report: Report::default(),
            config_reload: ConfigReload::default(),
            sites: Vec::new(),
            qlik_sense_license: QlikSenseLicense::default(),
            qlik_sense_version: QlikSenseVersion::default(),
            destinations: Sections::default(),
        }
    }
}

/// A running daemon looks at this file and at all that it refers to (certificates, `${file:}`, templates), by content,
/// and puts what changed in force without a restart, once two looks in a row found the same. Settings with anything wrong change nothing: those of before stay,
/// and the alert `reloadRefused` says why. `bursar reload` and SIGHUP do it at once.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ConfigReload {
    /// Seconds between two looks.
    #[schemars(range(min = 1, max = 3600), extend("x-noun" = "a number of seconds"))]
    pub(super) seconds: i64,
}

impl Default for ConfigReload {
    fn default() -> Self {
        Self { seconds: 10 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Verbose,
    Debug,
    Silly,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum LogFormat {
    Human,
    Json,
}
