//! A server that holds points: which of the three query interfaces, and what they all give.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::{v1, v2, v3};
use crate::destination::http;
use crate::destination::influxdb::BuildError;
use crate::destination::influxdb::points::{ACCESS_LICENSE, LICENSE_TYPE};
use crate::destination::influxdb::server::{Refused, Server};
use crate::destination::influxdb::settings::{InfluxDb, InfluxVersion};
use crate::license::Pools;

/// A query may take longer than a write, for which the settings' timeout is.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Figures of one answer that are kept in memory, at most.
const MOST: usize = 1_000_000;

/// Tags of a point without `license_type`.
pub(crate) type Tags = BTreeMap<String, String>;

/// What points of one series have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Header {
    /// Tag `license_type`.
    pub pool: String,
    pub tags: Tags,
}

impl Header {
    /// From all tags. Tags without a value are none.
    pub(crate) fn new(mut tags: Tags) -> Arc<Self> {
        tags.retain(|_, value| !value.is_empty());
        let pool = tags.remove(LICENSE_TYPE).unwrap_or_default();
        Arc::new(Self { pool, tags })
    }
}

/// One figure of a point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub header: Arc<Header>,
    pub field: &'static str,
    /// Seconds since 1970.
    pub time: i64,
    /// `None` for a text or flag where a number should be.
    pub number: Option<f64>,
}

/// Text where numbers should be: how often.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Texts {
    pub header: Arc<Header>,
    pub field: &'static str,
    pub count: u64,
}

/// The fields of every kind of access license, each once.
pub(crate) fn fields() -> Vec<&'static str> {
    let mut all: Vec<_> =
        Pools::fields().iter().flat_map(|(_, fields)| fields.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A field by its name.
pub(crate) fn field(name: &str) -> Option<&'static str> {
    Pools::fields()
        .iter()
        .flat_map(|(_, fields)| fields.iter().copied())
        .find(|field| *field == name)
}

/// Why points can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The answer is too large, or the server finds the question so: ask for less time.
    #[error("too much data at once: {0}")]
    TooMuch(String),
    /// In words, with what to do.
    #[error("{0}")]
    Failed(String),
}

/// A collection of figures that doesn't grow without end.
#[derive(Debug, Default)]
pub(crate) struct Collected(pub Vec<Found>);

impl Collected {
    pub(crate) fn push(&mut self, found: Found) -> Result<(), ReadError> {
        if self.0.len() >= MOST {
            return Err(ReadError::TooMuch(format!("more than {MOST} figures")));
        }
        self.0.push(found);
        Ok(())
    }
}

/// A server and a database of it.
#[derive(Debug)]
pub(crate) struct Source {
    title: String,
    database: String,
    api: Api,
}

#[derive(Debug)]
enum Api {
    V1(v1::Reader),
    V2(v2::Reader),
    V3(v3::Reader),
}

impl Source {
    /// The server that the settings describe.
    ///
    /// # Errors
    /// When the CA file or the token can't be used.
    pub(crate) fn new(
        influxdb: &InfluxDb,
        retention_policy: Option<&str>,
    ) -> Result<Self, BuildError> {
        let server = Server::new(influxdb, influxdb.timeout.max(TIMEOUT))?;
        let (api, major, database) = match &influxdb.version {
            InfluxVersion::V1 { auth, database, .. } => {
                let login = v1::Login::from(auth.clone());
                (Api::V1(v1::Reader::new(server, login, database, retention_policy)), 1, database)
            }
            InfluxVersion::V2 { org, bucket, token, .. } => {
                (Api::V2(v2::Reader::new(server, org, bucket, token)?), 2, bucket)
            }
            InfluxVersion::V3 { database, token } => {
                (Api::V3(v3::Reader::new(server, database, token)?), 3, database)
            }
        };
        let title = format!("InfluxDB {major}.x at {}", http::origin(&influxdb.url));
        Ok(Self { title, database: database.clone(), api })
    }

    /// Version and address, for people.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Name of the database or bucket.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// What to say when there are no points at all.
    pub(crate) fn nothing_there(&self) -> String {
        let Self { title, database, .. } = self;
        let hint = match &self.api {
            Api::V1(_) => {
                ", at least not in its default retention policy; if they are in another one: \
                 --retention-policy NAME"
            }
            Api::V2(_) | Api::V3(_) => "",
        };
        format!("{title}: the database {database} has no points of {ACCESS_LICENSE}{hint}")
    }

    /// Times of the first and the last point, in seconds.
    pub(crate) async fn ends(&self) -> Result<Option<(i64, i64)>, ReadError> {
        match &self.api {
            Api::V1(reader) => reader.ends().await,
            Api::V2(reader) => reader.ends().await,
            Api::V3(reader) => reader.ends().await,
        }
    }

    /// Text in place of numbers that [`read`](Self::read) doesn't give.
    pub(crate) async fn texts(&self, span: Range<i64>) -> Result<Vec<Texts>, ReadError> {
        match &self.api {
            Api::V1(reader) => reader.texts(span).await,
            Api::V2(_) | Api::V3(_) => Ok(Vec::new()),
        }
    }

    /// All figures of a range of time, in any order.
    pub(crate) async fn read(&self, span: Range<i64>) -> Result<Vec<Found>, ReadError> {
        let mut found = Collected::default();
        match &self.api {
            Api::V1(reader) => reader.read(span, &mut found).await?,
            Api::V2(reader) => reader.read(span, &mut found).await?,
            Api::V3(reader) => reader.read(span, &mut found).await?,
        }
        Ok(found.0)
    }
}

/// What a refusal means, with what to do.
pub(crate) fn refused(refused: Refused, database: &str, credentials: &str) -> ReadError {
    let answer = match refused {
        Refused::NoAnswer(why) => {
            return ReadError::Failed(format!(
                "{why}; check influxDb.hostIP, influxDb.hostPort and that InfluxDB runs there"
            ));
        }
        Refused::Response(answer) => answer,
    };
    let text = answer.text();
    if text.contains("file limit") || matches!(answer.status.as_u16(), 413) {
        return ReadError::TooMuch(text);
    }
    let fix = match answer.status.as_u16() {
        401 | 403 => format!("check {credentials}, and that it may read {database}"),
        404 | 405 => format!("check that {database} exists, and influxDb.version"),
        300..=399 => "check influxDb.hostIP, influxDb.hostPort and influxDb.useSSL".to_owned(),
        _ => "look into the server's log if that doesn't say enough".to_owned(),
    };
    ReadError::Failed(format!("a query for {database}: {text}; {fix}"))
}
