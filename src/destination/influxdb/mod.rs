//! InfluxDB 1.x, 2.x and 3.x: recurring data as points.
//!
//! Measurements, tags, fields and types are Butler's, so its dashboards go on; `state` in
//! `qlik_sense_server_license` is new, and so are `bursar_release_run` and `bursar_release_planned`.
//! Points carry the time of the poll: delivered twice, they overwrite themselves. Alerts of licenses
//! are not written, as in Butler: the same facts are in the points.
//!
//! Only status 204 counts as stored. What every other answer means is in [`server`], how refused
//! points are found in [`split`], and what the versions do differently in [`v1`], [`v2`], [`v3`].

pub mod line;
pub mod points;
pub(crate) mod raw;
pub mod server;
pub mod settings;
pub mod split;
pub mod tags;
pub mod v1;
pub mod v2;
pub mod v3;
pub(crate) mod validate;

use async_trait::async_trait;

use self::server::Verdict;
use self::split::{LineOutcome, Write};
use self::tags::StaticTags;
use super::{Destination, Outcome, Probe, ProbeFailure, http};
use crate::destination::influxdb::settings::InfluxVersion;
use crate::event::route::Routes;
use crate::event::{Channel, Event};

/// Events in one delivery. One event makes at most six points, a point about 200 bytes before
/// compression: far below what any version refuses as too large.
const MAX_BATCH: usize = 500;

/// Why the destination can't be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The CA file can't be used.
    #[error(transparent)]
    Http(#[from] http::BuildError),
    /// The token can't be sent.
    #[error(
        "the InfluxDB token holds characters that can't be sent in a header: look for line ends or quotes that do not belong to it"
    )]
    Token,
    /// Not a duration of InfluxQL.
    #[error(
        "{0:?} is not a duration of InfluxDB 1.x: write a number with h, d or w, such as 10d, or INF"
    )]
    Duration(String),
}

/// The InfluxDB destination.
#[derive(Debug)]
pub struct InfluxDb {
    title: String,
    routes: Routes,
    tags: StaticTags,
    api: Api,
}

/// One client per version, the same three operations in each.
#[derive(Debug)]
enum Api {
    V1(v1::Client),
    V2(v2::Client),
    V3(v3::Client),
}

impl InfluxDb {
    /// The destination as the settings describe it. Tags that can't be written are logged once.
    ///
    /// # Errors
    /// When the CA file, the token or the retention policy's duration can't be used.
    pub fn new(influxdb: &settings::InfluxDb, routes: Routes) -> Result<Self, BuildError> {
        let server = server::Server::new(influxdb, influxdb.timeout)?;
        let (api, major) = match &influxdb.version {
            InfluxVersion::V1 { auth, database, retention_policy } => {
                let client = v1::Client::new(server, auth, database, retention_policy)?;
                (Api::V1(client), 1)
            }
            InfluxVersion::V2 { org, bucket, description, token, retention } => {
                let bucket = v2::Bucket {
                    org: org.clone(),
                    name: bucket.clone(),
                    description: description.clone(),
                    retention: *retention,
                };
                (Api::V2(v2::Client::new(server, bucket, token)?), 2)
            }
            InfluxVersion::V3 { database, token } => {
                (Api::V3(v3::Client::new(server, database, token)?), 3)
            }
        };
        let tags = StaticTags::new(&influxdb.tags, &routes);
        for warning in tags.warnings() {
            tracing::warn!(destination = "influxdb", "{warning}");
        }
        let title = format!("InfluxDB {major}.x at {}", http::origin(&influxdb.url));
        Ok(Self { title, routes, tags, api })
    }

    /// The lines of a batch, each with the index of its event.
    fn lines(&self, events: &[Event]) -> (Vec<split::Line>, Vec<Option<String>>) {
        let mut lines = Vec::new();
        let mut unwritable = vec![None; events.len()];
        for (index, event) in events.iter().enumerate() {
            let user_tag = self.routes.user_tag(event);
            for point in points::points(event, self.tags.of(event), user_tag) {
                match point.to_line() {
                    Some(text) => lines.push(split::Line { event: index, text }),
                    None => {
                        unwritable[index] = Some(format!(
                            "{} at {} can't be written as a point: no figure that is a number, or a time out of range",
                            point.measurement, point.time
                        ));
                    }
                }
            }
        }
        (lines, unwritable)
    }
}

#[async_trait]
impl Destination for InfluxDb {
    fn id(&self) -> &str {
        Channel::InfluxDb.as_str()
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let (lines, unwritable) = self.lines(events);
        let results = split::write_all(&self.api, &lines).await;
        let mut outcomes: Vec<Outcome> = unwritable
            .into_iter()
            .map(|why| why.map_or(Outcome::Done, |why| Outcome::Refused { why }))
            .collect();
        for (line, result) in lines.iter().zip(results) {
            let outcome = &mut outcomes[line.event];
            match (result, &outcome) {
                (LineOutcome::Stored, _) => {}
                (LineOutcome::Later { after, why }, _) => *outcome = Outcome::Retry { after, why },
                (LineOutcome::Refused { why }, Outcome::Done) => {
                    *outcome = Outcome::Refused { why };
                }
                (LineOutcome::Refused { .. }, _) => {}
            }
        }
        outcomes
    }

    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let mut probe = match &self.api {
            Api::V1(client) => client.probe().await,
            Api::V2(client) => client.probe().await,
            Api::V3(client) => client.probe().await,
        }?;
        probe.warnings.extend(self.tags.warnings().iter().cloned());
        Ok(probe)
    }
}

impl Write for Api {
    async fn write(&self, lines: &[split::Line]) -> Verdict {
        let body = server::gzip(lines);
        match self {
            Self::V1(client) => client.write(body).await,
            Self::V2(client) => client.write(body).await,
            Self::V3(client) => client.write(body).await,
        }
    }
}
