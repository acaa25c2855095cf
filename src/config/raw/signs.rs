//! `heartbeat`, `dockerHealthCheck`, `uptimeMonitor`: signs of life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::SecretText;

/// A request to a monitoring service, which tells somebody when none comes any more. It is sent only while every site
/// is read and what was read is stored: each monitor that is on has read its site on time, and the store can be
/// written. A service that is not reached is told in the log once, and so is when it is again.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Heartbeat {
    /// Send them. Off by default.
    pub(in crate::config) enable: bool,
    /// What is asked for, by GET. Its path is kept secret: whoever knows it can send signs of life.
    #[serde(rename = "remoteURL")]
    #[schemars(example = &"https://hc-ping.com/your-uuid-here")]
    pub(in crate::config) remote_url: SecretText,
    /// When, as Butler's phrases or cron. Default `every 30 seconds`.
    pub(in crate::config) frequency: String,
    /// What the service understands. `plain`: the address alone is asked for, and nothing is while something is wrong.
    /// `startAndFail`: besides, the address with `/start` behind it when the daemon begins to send, and with `/fail` in
    /// place of a sign of life, with the reason as the body of a POST, as Healthchecks and services like it take them.
    /// Default `plain`, as in Butler.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) signals: Signals,
    /// Certificate authority of the service, PEM. Empty: those the operating system trusts.
    #[serde(rename = "certCA")]
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) cert_ca: String,
    /// Seconds to wait for an answer. Default 10.
    #[schemars(range(min = 1, max = 300), extend("x-bursar" = true))]
    pub(in crate::config) timeout_seconds: i64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            enable: false,
            remote_url: SecretText::default(),
            frequency: "every 30 seconds".to_owned(),
            signals: Signals::Plain,
            cert_ca: String::new(),
            timeout_seconds: 10,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Signals {
    Plain,
    StartAndFail,
}

/// A port of this machine alone (127.0.0.1) for the health check of a container, as Butler has it: `GET /health` is
/// answered 200 while the daemon lives and its store can be read, by the measure of `/healthz` of the pages, else 503.
/// `bursar healthcheck` asks more and needs no port.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct DockerHealthCheck {
    /// Listen. Off by default.
    pub(in crate::config) enable: bool,
    /// The port. Default 12398, as in Butler. One that is taken is tried again every 30 seconds.
    #[schemars(range(min = 0, max = 65535), extend("x-noun" = "a port"))]
    pub(in crate::config) port: i64,
}

impl Default for DockerHealthCheck {
    fn default() -> Self {
        Self { enable: false, port: 12398 }
    }
}

/// How long the daemon has been running, and with how much memory.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = ["storeNewRelic"]))]
pub(in crate::config) struct UptimeMonitor {
    /// Say it in the log. Off by default.
    pub(in crate::config) enable: bool,
    /// When, as Butler's phrases or cron. Default `every 15 minutes`.
    pub(in crate::config) frequency: String,
    /// At which level it is logged. Default `verbose`, which is the same as `debug`: not shown unless `logLevel` is.
    pub(in crate::config) log_level: super::LogLevel,
    /// Whether it goes to InfluxDB, too.
    pub(in crate::config) store_in_influxdb: StoreInInfluxdb,
}

impl Default for UptimeMonitor {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "every 15 minutes".to_owned(),
            log_level: super::LogLevel::Verbose,
            store_in_influxdb: StoreInInfluxdb::default(),
        }
    }
}

/// Keys that older Butlers had in `storeInInfluxdb`: it was a database of its own there.
const OLDER: &[&str] = &["hostIP", "hostPort", "auth", "dbName", "retentionPolicy", "instanceTag"];

/// Points in measurement `butler_memory_usage` of the InfluxDB in `influxDb`: `process_memory` (MiB) as Butler has it, and
/// `uptime_seconds`. Bursar has no heap that grows by itself, so there are no fields `heap_used`, `heap_total`, `external`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = OLDER))]
pub(in crate::config) struct StoreInInfluxdb {
    /// Send them. Off by default.
    pub(in crate::config) enable: bool,
}
