//! InfluxDB 1.x: InfluxQL at `/query`, answered in chunks of JSON. InfluxDB 3.x servers without
//! their own query path have it, too.

use std::ops::Range;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::lines::Lines;
use super::source::{Collected, Found, Header, ReadError, Tags, Texts, field, fields, refused};
use crate::destination::http::shorten;
use crate::destination::influxdb::points::ACCESS_LICENSE;
use crate::destination::influxdb::server::Server;
use crate::destination::influxdb::v1::identifier;
use crate::destination::settings::BasicAuth;

/// How the server knows who asks.
#[derive(Debug)]
pub(crate) enum Login {
    Nobody,
    Basic(BasicAuth),
    Header(HeaderValue),
}

impl From<Option<BasicAuth>> for Login {
    fn from(auth: Option<BasicAuth>) -> Self {
        auth.map_or(Self::Nobody, Self::Basic)
    }
}

/// Reads one database.
#[derive(Debug)]
pub(crate) struct Reader {
    server: Server,
    login: Login,
    database: String,
    /// The measurement in InfluxQL, with its retention policy if one was asked for.
    measurement: String,
}

impl Reader {
    pub(crate) fn new(
        server: Server,
        login: Login,
        database: &str,
        retention_policy: Option<&str>,
    ) -> Self {
        let policy = retention_policy.map(|policy| format!("{}.", identifier(policy)));
        let measurement = format!("{}{}", policy.unwrap_or_default(), identifier(ACCESS_LICENSE));
        Self { server, login, database: database.to_owned(), measurement }
    }

    /// Times of the first and the last point.
    pub(crate) async fn ends(&self) -> Result<Option<(i64, i64)>, ReadError> {
        let mut ends = Vec::new();
        for order in ["ASC", "DESC"] {
            let query = format!("{} ORDER BY time {order} LIMIT 1", self.select());
            let mut time = None;
            self.query(&query, |series| {
                time = series.values.first().and_then(|row| seconds(row.first()));
                Ok(())
            })
            .await?;
            ends.extend(time);
        }
        Ok((ends.len() == 2).then(|| (ends[0], ends[1])))
    }

    /// All figures of a range of time.
    pub(crate) async fn read(
        &self,
        span: Range<i64>,
        found: &mut Collected,
    ) -> Result<(), ReadError> {
        let query = format!("{} WHERE {} GROUP BY *", self.select(), within(&span));
        self.query(&query, |series| {
            let header = Header::new(series.tags);
            let columns: Vec<_> = series.columns.iter().map(|name| field(name)).collect();
            for row in &series.values {
                let time = seconds(row.first()).ok_or_else(something_else)?;
                for (value, field) in row.iter().zip(&columns) {
                    if let (Some(field), Some(number)) = (field, value.as_f64()) {
                        let header = header.clone();
                        found.push(Found { header, field, time, number: Some(number) })?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Text in fields that should be numbers. Where a field has both, in different shards, a query
    /// gives the numbers alone: so numbers and text are asked for each by its type.
    pub(crate) async fn texts(&self, span: Range<i64>) -> Result<Vec<Texts>, ReadError> {
        let mut with_text = Vec::new();
        let query = format!("SHOW FIELD KEYS FROM {}", self.measurement);
        self.query(&query, |series| {
            for row in &series.values {
                if let [Value::String(name), Value::String(kind)] = &row[..]
                    && !["float", "integer", "unsigned"].contains(&kind.as_str())
                {
                    with_text.extend(field(name).map(|field| (field, kind.clone())));
                }
            }
            Ok(())
        })
        .await?;
        let mut texts = Vec::new();
        for (field, kind) in with_text {
            let query = format!(
                "SELECT COUNT({}::{kind}) FROM {} WHERE {} GROUP BY *",
                identifier(field),
                self.measurement,
                within(&span)
            );
            self.query(&query, |series| {
                let count = series.values.first().and_then(|row| row.get(1)?.as_u64());
                if let Some(count) = count.filter(|count| *count > 0) {
                    texts.push(Texts { header: Header::new(series.tags), field, count });
                }
                Ok(())
            })
            .await?;
        }
        Ok(texts)
    }

    /// Every figure as a number; `null` where it is none.
    fn select(&self) -> String {
        let fields: Vec<_> =
            fields().iter().map(|f| format!("{0}::float AS {0}", identifier(f))).collect();
        format!("SELECT {} FROM {}", fields.join(", "), self.measurement)
    }

    async fn query(
        &self,
        query: &str,
        mut each: impl FnMut(Series) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        // In chunks, because a server may cut an answer that isn't.
        let parameters = [
            ("db", &*self.database),
            ("q", query),
            ("epoch", "ms"),
            ("chunked", "true"),
            ("chunk_size", "10000"),
        ];
        let request = self.server.client.get(self.server.at("/query", &parameters));
        let database = format!("the database {}", self.database);
        let response = self.server.open(self.log_in(request)).await.map_err(|refusal| {
            refused(refusal, &database, "influxDb.v1Config.auth (enable, username, password)")
        })?;
        let mut lines = Lines::new(&self.server, response);
        while let Some(line) = lines.next().await? {
            if line.trim().is_empty() {
                continue;
            }
            let chunk: Chunk = serde_json::from_str(&line).map_err(|_| something_else())?;
            let mut results = chunk.results;
            if let Some(why) =
                chunk.error.or_else(|| results.iter_mut().find_map(|result| result.error.take()))
            {
                return Err(self.failed(&why));
            }
            for series in results.into_iter().flat_map(|result| result.series) {
                each(series)?;
            }
        }
        Ok(())
    }

    fn log_in(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.login {
            Login::Nobody => request,
            Login::Basic(auth) => request.basic_auth(&auth.username, Some(auth.password.reveal())),
            Login::Header(value) => request.header(AUTHORIZATION, value.clone()),
        }
    }

    /// The statement was read and refused, which comes with status 200.
    fn failed(&self, why: &str) -> ReadError {
        let shown = shorten(why, 240);
        let database = &self.database;
        let fix = if why.contains("database not found") {
            "check influxDb.v1Config.dbName".to_owned()
        } else if why.contains("retention policy not found") {
            "check --retention-policy".to_owned()
        } else if why.contains("authoriz") {
            format!(
                "give the user of influxDb.v1Config.auth read access to the database {database}"
            )
        } else {
            "look into the server's log if that doesn't say enough".to_owned()
        };
        ReadError::Failed(format!(
            "a query for the database {database} was refused: {shown}; {fix}"
        ))
    }
}

fn within(span: &Range<i64>) -> String {
    format!("time >= {}s AND time < {}s", span.start, span.end)
}

fn seconds(value: Option<&Value>) -> Option<i64> {
    Some(value?.as_i64()?.div_euclid(1000))
}

fn something_else() -> ReadError {
    ReadError::Failed(
        "a query was answered with something else than InfluxDB's JSON; check influxDb.hostIP, \
         influxDb.hostPort and influxDb.version"
            .to_owned(),
    )
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    results: Vec<QueryResult>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct QueryResult {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    tags: Tags,
    columns: Vec<String>,
    #[serde(default)]
    values: Vec<Vec<Value>>,
}
