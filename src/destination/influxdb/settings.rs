//! `Butler.influxDb`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::destination::Destination;
use crate::destination::http;
use crate::destination::registry::{SetUp, Surroundings};
use crate::destination::settings::{BasicAuth, CertificateFile};
use crate::event::{Channel, Kind, Queue, Tag};
use crate::secret::{Forms, Secret};

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

/// Its queue: the same whatever its settings say.
pub(crate) fn queue() -> Queue {
    Queue::only(Channel::InfluxDb, Kind::has_figures)
}

impl SetUp for InfluxDb {
    fn queues(&self) -> Vec<Queue> {
        vec![queue()]
    }

    fn build(&self, _: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>> {
        let influxdb = super::InfluxDb::new(self, surroundings.routes.clone())?;
        Ok(Arc::new(influxdb))
    }

    fn certificates(&self) -> Vec<CertificateFile<'_>> {
        let ca = self.ca_cert.iter();
        ca.map(|ca| CertificateFile::authority("Butler.influxDb.certCA", ca)).collect()
    }

    fn secrets(&self, forms: &mut Forms) {
        forms.address(&self.url);
        match &self.version {
            InfluxVersion::V1 { auth: Some(auth), .. } => {
                forms.login(&auth.username, auth.password.reveal());
            }
            InfluxVersion::V1 { auth: None, .. } => {}
            InfluxVersion::V2 { token, .. } | InfluxVersion::V3 { token, .. } => {
                forms.secret(token.reveal());
            }
        }
    }

    fn in_clear(&self) -> Vec<(&'static str, String)> {
        let (mut forms, origin) = (Forms::default(), http::origin(&self.url));
        self.secrets(&mut forms);
        if forms.is_empty() || !http::is_in_clear(&self.url) {
            return Vec::new();
        }
        vec![("Butler.influxDb", format!("the credentials go to {origin} unencrypted"))]
    }
}
