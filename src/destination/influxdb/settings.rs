//! `Butler.influxDb`.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::destination::settings::BasicAuth;
use crate::event::Tag;
use crate::secret::Secret;

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

/// A retention policy of InfluxDB 1.x. `duration` in InfluxQL's own syntax (`10d`, `INF`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    pub name: String,
    pub duration: String,
}
