//! InfluxDB 3.x: SQL at `/api/v3/query_sql`, answered in lines of JSON; InfluxQL at the path of 1.x
//! where a server doesn't have that one.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Map, Value, json};

use super::lines::Lines;
use super::source::{Collected, Found, Header, ReadError, field, refused};
use super::v1;
use crate::destination::influxdb::BuildError;
use crate::destination::influxdb::points::ACCESS_LICENSE;
use crate::destination::influxdb::server::{Refused, Server, authorization};
use crate::secret::Secret;

/// Reads one database.
#[derive(Debug)]
pub(crate) struct Reader {
    server: Server,
    database: String,
    authorization: HeaderValue,
    /// The server has only the path of 1.x (Cloud Dedicated, Clustered).
    only_v1: AtomicBool,
    v1: v1::Reader,
}

type Row = Map<String, Value>;

impl Reader {
    /// # Errors
    /// When the token can't be sent in a header.
    pub(crate) fn new(server: Server, database: &str, token: &Secret) -> Result<Self, BuildError> {
        let authorization = authorization("Bearer", token)?;
        let login = v1::Login::Header(authorization.clone());
        let v1 = v1::Reader::new(server.clone(), login, database, None);
        let (database, only_v1) = (database.to_owned(), AtomicBool::new(false));
        Ok(Self { server, database, authorization, only_v1, v1 })
    }

    /// Times of the first and the last point.
    pub(crate) async fn ends(&self) -> Result<Option<(i64, i64)>, ReadError> {
        let sql = format!("SELECT min(time) AS first, max(time) AS last FROM \"{ACCESS_LICENSE}\"");
        let mut ends = None;
        let answered = self
            .query(&sql, |row| {
                ends = time(row.get("first")).zip(time(row.get("last")));
                Ok(())
            })
            .await?;
        if answered { Ok(ends) } else { self.v1.ends().await }
    }

    /// All figures of a range of time.
    pub(crate) async fn read(
        &self,
        span: Range<i64>,
        found: &mut Collected,
    ) -> Result<(), ReadError> {
        let text = |seconds: i64| {
            let time = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
            time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        };
        let sql = format!(
            "SELECT * FROM \"{ACCESS_LICENSE}\" WHERE time >= '{}' AND time < '{}'",
            text(span.start),
            text(span.end)
        );
        let answered = self
            .query(&sql, |row| {
                let at = time(row.get("time")).ok_or_else(something_else)?;
                // A column of text is a tag, unless it has the name of a field.
                let tags = row.iter().filter(|(name, _)| *name != "time" && field(name).is_none());
                let tags = tags.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
                let header = Header::new(tags.collect());
                for (name, value) in row.iter().filter(|(_, value)| !value.is_null()) {
                    if let Some(field) = field(name) {
                        let (header, number) = (header.clone(), value.as_f64());
                        found.push(Found { header, field, time: at, number })?;
                    }
                }
                Ok(())
            })
            .await?;
        if answered { Ok(()) } else { self.v1.read(span, found).await }
    }

    /// False when the server has no such path.
    async fn query(
        &self,
        sql: &str,
        mut each: impl FnMut(&Row) -> Result<(), ReadError>,
    ) -> Result<bool, ReadError> {
        if self.only_v1.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let body = json!({"db": self.database, "q": sql, "format": "jsonl"});
        let request = self
            .server
            .client
            .post(self.server.at("/api/v3/query_sql", &[]))
            .header(AUTHORIZATION, self.authorization.clone())
            .json(&body);
        let response = match self.server.open(request).await {
            Ok(response) => response,
            Err(refusal) if self.is_missing(&refusal) => {
                self.only_v1.store(true, Ordering::Relaxed);
                return Ok(false);
            }
            Err(Refused::Response(answer)) if no_such_table(&answer.body) => return Ok(true),
            Err(refusal) => {
                let database = format!("the database {}", self.database);
                return Err(refused(refusal, &database, "influxDb.v3Config.token"));
            }
        };
        let mut lines = Lines::new(&self.server, response);
        while let Some(line) = lines.next().await? {
            if !line.trim().is_empty() {
                each(&serde_json::from_str(&line).map_err(|_| something_else())?)?;
            }
        }
        Ok(true)
    }

    /// The path, not the database, which is told in words.
    fn is_missing(&self, refusal: &Refused) -> bool {
        let Refused::Response(answer) = refusal else { return false };
        let speaks_of_database = answer.body.to_lowercase().contains("database");
        matches!(answer.status.as_u16(), 404 | 405) && !speaks_of_database
    }
}

/// Nothing was ever written to the measurement: told as an error of the query.
fn no_such_table(body: &str) -> bool {
    body.contains(ACCESS_LICENSE) && body.contains("not found")
}

/// Times come without a zone, and are UTC.
fn time(value: Option<&Value>) -> Option<i64> {
    let text = value?.as_str()?;
    let utc = text.strip_suffix('Z').unwrap_or(text);
    Some(utc.parse::<NaiveDateTime>().ok()?.and_utc().timestamp())
}

fn something_else() -> ReadError {
    ReadError::Failed(
        "a query was answered with something else than InfluxDB's JSON; check influxDb.hostIP, \
         influxDb.hostPort and influxDb.version"
            .to_owned(),
    )
}
