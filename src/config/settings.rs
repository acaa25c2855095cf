//! The validated settings: types that can only hold what makes sense.
//!
//! Made by [`crate::config::load()`] from the raw file; everything else in the program takes these.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use lettre::message::Mailbox;
use url::Url;

use crate::alert;
use crate::destination::template;
use crate::insight::cost::Prices;
use crate::license::DateOrder;
use crate::license::monitor_app::Wanted;
use crate::policy::Policy;
use crate::schedule::Schedule;
use crate::secret::Secret;

/// Everything a running daemon needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The file these come from.
    pub file: PathBuf,
    pub log: Log,
    /// Calendar days (expiry) and schedules are counted in this zone.
    pub time_zone: Tz,
    pub storage: Storage,
    /// At least one.
    pub sites: Vec<Site>,
    /// Whether the file has a `sites` list. Only then is the site a visible dimension (tag `site`,
    /// topic suffix, payload key), so that a single-site Butler dashboard sees what it knows.
    pub named_sites: bool,
    pub influxdb: Option<InfluxDb>,
    pub mqtt: Option<Mqtt>,
    pub webhooks: Vec<Webhook>,
    pub email: Option<Email>,
    /// What seats and minutes cost (`Butler.cost`); `None` when nothing has a price.
    pub cost: Option<Prices>,
    /// What is watched for of the daemon itself (`Butler.alert`); sites have their own.
    pub alert: alert::Policy,
    pub alert_destination: Switches,
    /// Reports on a schedule (`Butler.report`), when enabled.
    pub reports: Option<Reports>,
    /// Where the status page is served, if it is (`Butler.web`).
    pub web: Option<SocketAddr>,
    /// Butler sections that the file fills in and Bursar doesn't implement, in file order.
    pub unimplemented: Vec<String>,
}

impl Settings {
    /// Butler's settings that the file fills in and Bursar ignores, as one sentence.
    pub fn unimplemented_line(&self) -> Option<String> {
        if self.unimplemented.is_empty() {
            return None;
        }
        let names = self.unimplemented.join(", ");
        Some(format!("these settings of Butler's are not used by Bursar: {names}"))
    }
}

/// `Butler.report`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Reports {
    pub schedule: Schedule,
    /// As [`Period::parse`](crate::report::Period::parse) takes it.
    pub period: &'static str,
    /// At least one, each once.
    pub formats: Vec<crate::report::Format>,
    /// From the folder of the store.
    pub folder: PathBuf,
    pub email: bool,
    /// Files that stay, of each format. At least 1.
    pub keep: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub level: tracing::level_filters::LevelFilter,
    /// One JSON object a line on standard output instead of text for people.
    pub json: bool,
    /// Where daily rotated files go, if anywhere (`fileLogging`, `logDirectory`).
    pub directory: Option<PathBuf>,
}

/// `Butler.storage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    pub path: PathBuf,
    pub outbox: OutboxLimits,
    pub history: HistoryRetention,
}

/// How many days the history of figures is kept, by how finely. Each at least as long as the one
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRetention {
    /// Every poll.
    pub raw_days: u32,
    pub hourly_days: u32,
    pub daily_days: u32,
}

/// How much a destination's queue may hold while the destination is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    pub max_events: u64,
    pub max_age: Duration,
}

/// One Qlik Sense site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub name: String,
    pub connection: Connection,
    /// Added to every InfluxDB point of this site.
    pub tags: Vec<Tag>,
    pub server_license: Option<ServerLicenseMonitor>,
    pub access_license: Option<AccessLicenseMonitor>,
    pub seats: Option<SeatMonitor>,
    pub monitor_app: Option<LicenseMonitorApp>,
    pub release: Release,
    /// `Butler.alert` with what the site has in its place.
    pub alert: alert::Policy,
    pub alert_destination: Switches,
}

/// How to reach a site's repository service (`configQRS`, `cert`).
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Address to connect to: a name or an IP address.
    pub host: String,
    pub port: u16,
    /// Plain HTTP when false, as Butler has it. For tests behind a proxy only.
    pub use_ssl: bool,
    pub client_cert: PathBuf,
    pub client_key: PathBuf,
    pub ca_cert: PathBuf,
    /// Verify the server's certificate.
    pub reject_unauthorized: bool,
    /// The name expected in the server's certificate, when it isn't `host`.
    pub tls_server_name: Option<String>,
    /// Fixed request headers; contains `X-Qlik-User`.
    pub headers: Vec<(String, String)>,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    /// Requests at the same time.
    pub max_concurrency: usize,
}

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
    /// Custom properties of users that seats are counted by.
    pub breakdown_by: Vec<String>,
    /// Changes of seats are kept for so many days.
    pub keep_changes_days: u32,
    pub destination: Switches,
    pub user_tag: UserTag,
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

/// `licenseRelease`. There even when it is off, so that a plan can be made before it is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Run on the schedule.
    pub enable: bool,
    /// Plan and record, but change nothing.
    pub dry_run: bool,
    pub schedule: Schedule,
    pub policy: Policy,
    /// Seats that are released at the same time.
    pub concurrency: usize,
    pub destination: Switches,
    pub user_tag: UserTag,
}

/// How InfluxDB points of releases name the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserTag {
    /// `CORP\anna`, as Butler writes it.
    #[default]
    Name,
    /// A hash of it: the same for the same user, but no name.
    Hash,
    /// Not at all.
    Off,
}

/// Which destinations a monitor's events go to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Switches {
    pub influxdb: bool,
    /// Added to this monitor's InfluxDB points.
    pub influxdb_tags: Vec<Tag>,
    pub mqtt: SendSwitch,
    pub webhook: SendSwitch,
    pub email: SendSwitch,
}

/// `enable` of a destination is folded in: both are false when it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendSwitch {
    pub recurring: bool,
    pub alert: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

/// `Butler.influxDb`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct InfluxDb {
    /// `http://hostIP:hostPort` or `https://...`.
    pub url: Url,
    /// Own CA for https.
    pub ca_cert: Option<PathBuf>,
    pub reject_unauthorized: bool,
    pub version: InfluxVersion,
    /// Added to every point.
    pub tags: Vec<Tag>,
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InfluxVersion {
    V1 { auth: Option<BasicAuth>, database: String, retention_policy: Option<RetentionPolicy> },
    V2 { org: String, bucket: String, description: String, token: Secret, retention: Duration },
    V3 { database: String, token: Secret },
}

#[derive(Debug, Clone, PartialEq)]
pub struct BasicAuth {
    pub username: String,
    pub password: Secret,
}

/// A retention policy of InfluxDB 1.x. `duration` in InfluxQL's own syntax (`10d`, `INF`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    pub name: String,
    pub duration: String,
}

/// `Butler.mqttConfig`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Mqtt {
    pub host: String,
    pub port: u16,
    pub protocol: MqttProtocol,
    pub client_id: String,
    pub auth: Option<MqttAuth>,
    pub keep_alive: Duration,
    pub tls: Option<MqttTls>,
    pub topics: MqttTopics,
    pub templates: MqttTemplates,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MqttAuth {
    pub username: String,
    pub password: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttProtocol {
    V311,
    V5,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MqttTls {
    /// Own CA; the system's roots when absent.
    pub ca_cert: Option<PathBuf>,
    /// Client certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
    pub reject_unauthorized: bool,
    pub server_name: Option<String>,
}

/// Topics. With several sites, `/` and the site's name are appended (or put in place of `{site}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTopics {
    /// Recurring server license data (`qlikSenseServerLicenseTopic`).
    pub server_license: String,
    /// Server license alerts (`qlikSenseServerLicenseExpireTopic`).
    pub server_license_alert: String,
    /// Recurring access license data (`qlikSenseLicenseTopic`, Bursar's own).
    pub access_license: String,
    /// Releases (`qlikSenseLicenseReleaseTopic`, Bursar's own).
    pub release: String,
    /// How seats are used (`bursarSeatTopic`).
    pub seats: String,
    /// What changed with them (`bursarSeatChangeTopic`). Not retained.
    pub seat_changes: String,
    /// Qlik's License Monitor app (`bursarMonitorAppTopic`).
    pub monitor_app: String,
    /// Alerts of all rules but the server license's (`bursarAlertTopic`), as JSON. Not retained.
    pub alert: String,
    /// `online` / `offline`, retained, the latter as last will.
    pub status: String,
}

/// Templates in the place of the built-in payloads, by topic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MqttTemplates {
    pub server_license: Option<template::Source>,
    pub server_license_alert: Option<template::Source>,
    pub access_license: Option<template::Source>,
    pub release: Option<template::Source>,
    pub seats: Option<template::Source>,
    pub seat_changes: Option<template::Source>,
    pub monitor_app: Option<template::Source>,
    pub alert: Option<template::Source>,
}

/// `Butler.email`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub security: EmailSecurity,
    /// Own CA; the system's roots when absent.
    pub ca_cert: Option<PathBuf>,
    pub reject_unauthorized: bool,
    /// The name in the server's certificate, when it isn't `host`.
    pub server_name: Option<String>,
    pub auth: Option<BasicAuth>,
    /// What Bursar calls itself in EHLO.
    pub hello_name: Option<String>,
    pub from: Mailbox,
    /// At least one of `to` and `cc`.
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// For one command and its answer.
    pub timeout: Duration,
    /// Kept on one line.
    pub subject: Option<template::Source>,
    pub text: Option<template::Source>,
    pub html: Option<template::Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSecurity {
    /// Begins in plain text and must be encrypted before anything is said (usually port 587).
    StartTls,
    /// Encrypted from the first byte (usually port 465).
    Tls,
    /// Never encrypted.
    None,
}

/// A body made by a template in the place of the built-in one.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTemplate {
    pub source: template::Source,
    /// The HTTP header.
    pub content_type: String,
}

/// One webhook, with the kind of message it is for.
#[derive(Clone, PartialEq)]
pub struct Webhook {
    pub purpose: WebhookPurpose,
    pub description: String,
    pub url: Url,
    pub method: HttpMethod,
    /// Own CA file (`cert.certCA`), used when `cert.enable` is true.
    pub ca_cert: Option<PathBuf>,
    pub reject_unauthorized: bool,
    pub headers: Vec<(String, Secret)>,
    /// Key for the HMAC-SHA256 signature of the body.
    pub hmac_key: Option<Secret>,
    /// `rateLimit`: at least this long between two calls. Zero = no limit.
    pub rate_limit: Duration,
    pub timeout: Duration,
    /// In the place of the built-in JSON; never with GET.
    pub template: Option<BodyTemplate>,
}

impl fmt::Debug for Webhook {
    /// Without the URL's path and query: they are secrets (Slack, Teams).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("purpose", &self.purpose)
            .field("description", &self.description)
            .field("host", &self.url.host_str())
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// Which list of `webhookNotification` a webhook stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookPurpose {
    /// `qlikSenseServerLicenseMonitor`: recurring server license data.
    ServerLicense,
    /// `qlikSenseServerLicenseExpiryAlert`: server license alerts.
    ServerLicenseAlert,
    /// `qlikSenseLicenseMonitor` (Bursar's own): recurring access license data.
    AccessLicense,
    /// `qlikSenseLicenseRelease` (Bursar's own): everything that is told of releases.
    Release,
    /// `qlikSenseSeatMonitor` (Bursar's own): how seats are used, and what changed.
    Seats,
    /// `qlikSenseLicenseMonitorApp` (Bursar's own): how Qlik's License Monitor app is.
    MonitorApp,
    /// `qlikSenseAlert` (Bursar's own): alerts.
    Alert,
}

impl WebhookPurpose {
    /// In the order in which the lists stand in the settings.
    pub const ALL: [Self; 7] = [
        Self::ServerLicense,
        Self::ServerLicenseAlert,
        Self::AccessLicense,
        Self::Release,
        Self::Seats,
        Self::MonitorApp,
        Self::Alert,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    Get,
    Post,
    Put,
}
