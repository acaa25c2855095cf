//! InfluxDB 2.x: Flux at `/api/v2/query`, answered in annotated CSV.

use std::ops::Range;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::json;

use super::csv;
use super::lines::Lines;
use super::source::{Collected, Found, Header, ReadError, Tags, field, fields, refused};
use crate::destination::http::shorten;
use crate::destination::influxdb::BuildError;
use crate::destination::influxdb::points::ACCESS_LICENSE;
use crate::destination::influxdb::server::{Server, authorization};
use crate::secret::Secret;

/// Reads one bucket.
#[derive(Debug)]
pub(crate) struct Reader {
    server: Server,
    org: String,
    bucket: String,
    authorization: HeaderValue,
}

impl Reader {
    /// # Errors
    /// When the token can't be sent in a header.
    pub(crate) fn new(
        server: Server,
        org: &str,
        bucket: &str,
        token: &Secret,
    ) -> Result<Self, BuildError> {
        let authorization = authorization("Token", token)?;
        Ok(Self { server, org: org.to_owned(), bucket: bucket.to_owned(), authorization })
    }

    /// Times of the first and the last point.
    pub(crate) async fn ends(&self) -> Result<Option<(i64, i64)>, ReadError> {
        let mut ends: Option<(i64, i64)> = None;
        for pick in ["first", "last"] {
            // Of each series: the answer is short all the same.
            let flux = format!("{} |> {pick}()", self.flux("1970-01-01T00:00:00Z", None));
            self.query(&flux, |row| {
                let time = time(row)?;
                let (first, last) = ends.unwrap_or((time, time));
                ends = Some((first.min(time), last.max(time)));
                Ok(())
            })
            .await?;
        }
        Ok(ends)
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
        let flux = self.flux(&text(span.start), Some(&text(span.end)));
        // Rows of a table come one after the other, and have the same tags.
        let mut last = Header::new(Tags::new());
        self.query(&flux, |row| {
            let Some(field) = row.get("_field").and_then(field) else { return Ok(()) };
            let own = ["result", "table"];
            let tags =
                row.texts().filter(|(name, _)| !name.starts_with('_') && !own.contains(name));
            let header = Header::new(tags.map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
            if header != last {
                last = header;
            }
            let number = row.number("_value");
            found.push(Found { header: last.clone(), field, time: time(row)?, number })
        })
        .await
    }

    fn flux(&self, start: &str, stop: Option<&str>) -> String {
        let stop = stop.map(|stop| format!(", stop: {stop}")).unwrap_or_default();
        let fields: Vec<_> = fields().iter().map(|f| format!("r._field == {}", text(f))).collect();
        format!(
            "from(bucket: {}) |> range(start: {start}{stop}) \
             |> filter(fn: (r) => r._measurement == {}) |> filter(fn: (r) => {})",
            text(&self.bucket),
            text(ACCESS_LICENSE),
            fields.join(" or ")
        )
    }

    async fn query(
        &self,
        flux: &str,
        mut each: impl FnMut(&csv::Row) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let dialect = json!({"header": true, "delimiter": ",", "annotations": ["datatype"]});
        let body = json!({"query": flux, "type": "flux", "dialect": dialect});
        let url = self.server.at("/api/v2/query", &[("org", &self.org)]);
        let request = self
            .server
            .client
            .post(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/csv")
            .json(&body);
        let database = format!("the bucket {} of the organization {}", self.bucket, self.org);
        let response = self
            .server
            .open(request)
            .await
            .map_err(|refusal| refused(refusal, &database, "influxDb.v2Config.token"))?;
        let mut lines = Lines::new(&self.server, response);
        let mut reader = csv::Reader::default();
        let broken = |why: csv::Unclosed| {
            ReadError::Failed(format!("a query for {database} broke off: {why}"))
        };
        while let Some(line) = lines.next().await? {
            let Some(row) = reader.line(&line).map_err(broken)? else { continue };
            if let Some(why) = row.get("error") {
                let why = shorten(why, 240);
                return Err(ReadError::Failed(format!("a query for {database} failed: {why}")));
            }
            each(&row)?;
        }
        reader.finish().map_err(broken)
    }
}

fn time(row: &csv::Row) -> Result<i64, ReadError> {
    let time = row.get("_time").and_then(|text| text.parse::<DateTime<Utc>>().ok());
    time.map(|time| time.timestamp()).ok_or_else(|| {
        ReadError::Failed(
            "a query was answered with something else than InfluxDB's CSV; check \
             influxDb.hostIP, influxDb.hostPort and influxDb.version"
                .to_owned(),
        )
    })
}

/// A text in Flux.
fn text(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#).replace("${", r"\${");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(text(r#"a"b\c${d}"#), r#""a\"b\\c\${d}""#);
    }
}
