//! InfluxDB 3.x: `/api/v3/write_lp`, and the 2.x path where a server doesn't have that one.
//!
//! The server makes database and tables at the first write. `accept_partial` is true: what can be
//! stored of a batch with a bad line is stored at once, and splitting has only to find the bad one.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{NaiveTime, Utc};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use super::BuildError;
use super::line::{Field, Point};
use super::server::{Server, Verdict, authorization, gzip_text};
use crate::destination::{Probe, ProbeFailure, http};
use crate::secret::Secret;

/// Writes to one database.
#[derive(Debug)]
pub struct Client {
    server: Server,
    database: String,
    bearer: HeaderValue,
    token: HeaderValue,
    /// The server has only the 2.x path (Cloud Dedicated, Clustered).
    only_v2: AtomicBool,
}

impl Client {
    /// A client for one database.
    ///
    /// # Errors
    /// When the token can't be sent in a header.
    pub fn new(server: Server, database: &str, token: &Secret) -> Result<Self, BuildError> {
        Ok(Self {
            server,
            database: database.to_owned(),
            bearer: authorization("Bearer", token)?,
            token: authorization("Token", token)?,
            only_v2: AtomicBool::new(false),
        })
    }

    /// Writes a compressed batch.
    pub async fn write(&self, body: Vec<u8>) -> Verdict {
        if self.only_v2.load(Ordering::Relaxed) {
            return self.write_v2(body).await;
        }
        let query =
            [("db", &*self.database), ("precision", "nanosecond"), ("accept_partial", "true")];
        let url = self.server.at("/api/v3/write_lp", &query);
        let request = self.server.client.post(url).header(AUTHORIZATION, self.bearer.clone());
        let missing = match self.server.write(request, body.clone()).await {
            Verdict::Missing { why } => why,
            verdict => return verdict,
        };
        let verdict = self.write_v2(body).await;
        if matches!(verdict, Verdict::Stored | Verdict::Doubtful { .. }) {
            tracing::info!("this InfluxDB has no /api/v3/write_lp: writing to /api/v2/write");
            self.only_v2.store(true, Ordering::Relaxed);
        }
        match verdict {
            Verdict::Missing { why } => Verdict::Wait {
                after: None,
                why: format!(
                    "/api/v3/write_lp {missing} and /api/v2/write {why}: check influxDb.version and the address"
                ),
            },
            verdict => verdict,
        }
    }

    async fn write_v2(&self, body: Vec<u8>) -> Verdict {
        let query = [("bucket", &*self.database), ("precision", "ns")];
        let url = self.server.at("/api/v2/write", &query);
        let request = self.server.client.post(url).header(AUTHORIZATION, self.token.clone());
        self.server.write(request, body).await
    }

    /// Reach, version, token; then one point in the table `bursar_check`, always at midnight of
    /// the day, so that any number of checks leaves one row a day: 3.x can't take a row back, and
    /// checks neither token nor database without one.
    ///
    /// # Errors
    /// The first of these that fails, with what to do.
    pub async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let fail = |what: String, fix: &str| ProbeFailure { what, fix: fix.into() };
        let version = self.version().await.map_err(|why| {
            fail(why, "check influxDb.hostIP, influxDb.hostPort and that InfluxDB runs there")
        })?;
        let point = Point {
            measurement: "bursar_check",
            tags: vec![],
            fields: vec![("ok".into(), Field::Bool(true))],
            time: Utc::now().date_naive().and_time(NaiveTime::MIN).and_utc(),
        };
        let line = point.to_line().expect("a flag and a time of this century make a line");
        match self.write(gzip_text(&line)).await {
            Verdict::Stored => Ok(Probe {
                found: format!("{version}, database {}, test write accepted", self.database),
                warnings: vec![],
            }),
            Verdict::Wait { why, .. } | Verdict::Missing { why } | Verdict::Doubtful { why } => {
                Err(fail(
                    format!("a test write to the database {} failed: {why}", self.database),
                    "check influxDb.v3Config.token, its rights, and influxDb.v3Config.database",
                ))
            }
        }
    }

    async fn version(&self) -> Result<String, String> {
        let request = self.server.client.get(self.server.at("/ping", &[]));
        let answer = self.server.send(request.header(AUTHORIZATION, self.bearer.clone())).await?;
        let version = serde_json::from_str::<Value>(&answer.body)
            .ok()
            .and_then(|json| Some(json.get("version")?.as_str()?.to_owned()));
        Ok(match version {
            Some(version) => format!("InfluxDB {}", http::shorten(&version, 40)),
            None => "InfluxDB 3.x".into(),
        })
    }
}
