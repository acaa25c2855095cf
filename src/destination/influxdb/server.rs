//! The connection to InfluxDB and what its answers to a write mean, whatever the version.

use std::io::Write as _;
use std::time::Duration;

use chrono::Utc;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::split::Line;
use super::{BuildError, settings};
use crate::destination::TOO_MANY;
use crate::destination::http::{self, Endpoint, Proxy};
use crate::secret::Secret;

/// How much of the server's own words is kept.
const MESSAGE_LIMIT: usize = 240;

/// What became of a write request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All lines are stored.
    Stored,
    /// At least one line was refused, or the request as such. Which lines, and whether the others
    /// are stored, is not known: the versions differ, and so do the cases within one version.
    Doubtful { why: String },
    /// Nothing to do with these lines: it may work later.
    Wait { after: Option<Duration>, why: String },
    /// The database, its retention policy or the bucket is not there, or the path is not (404, 405).
    Missing { why: String },
}

/// The connection that the clients of all versions share.
#[derive(Debug, Clone)]
pub struct Server {
    pub client: reqwest::Client,
    pub url: Url,
}

/// An answer, read.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

/// Why there is no answer to read.
#[derive(Debug)]
pub enum Refused {
    /// None came; in words.
    NoAnswer(String),
    /// The server refused.
    Response(HttpResponse),
}

impl Server {
    /// The connection that the settings describe.
    ///
    /// # Errors
    /// When the CA file can't be used.
    pub fn new(influxdb: &settings::InfluxDb, timeout: Duration) -> Result<Self, BuildError> {
        let client = Endpoint {
            url: &influxdb.url,
            ca_cert: influxdb.ca_cert.as_deref(),
            reject_unauthorized: influxdb.reject_unauthorized,
            timeout,
            proxy: &Proxy::Environment,
        }
        .client()?;
        Ok(Self { client, url: influxdb.url.clone() })
    }

    /// The URL of one of the server's paths. A path prefix in the settings (a reverse proxy's) stays.
    pub fn at(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// Why no answer came, in words.
    pub async fn send(&self, request: RequestBuilder) -> Result<HttpResponse, String> {
        let response = request.send().await.map_err(|e| http::no_answer(&self.url, e))?;
        Ok(self.read(response).await)
    }

    /// Sends a request whose answer is to be read bit by bit.
    ///
    /// # Errors
    /// Why no answer came, in words; or an answer with a status other than 200.
    pub async fn open(&self, request: RequestBuilder) -> Result<Response, Refused> {
        let response =
            request.send().await.map_err(|e| Refused::NoAnswer(http::no_answer(&self.url, e)))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            _ => Err(Refused::Response(self.read(response).await)),
        }
    }

    async fn read(&self, response: Response) -> HttpResponse {
        let status = response.status();
        let headers = response.headers().clone();
        let body = http::body_text(response).await;
        HttpResponse { status, headers, body }
    }

    /// Sends a compressed batch to a write path and judges the answer.
    pub async fn write(&self, request: RequestBuilder, body: Vec<u8>) -> Verdict {
        let request = request
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .header(CONTENT_ENCODING, "gzip")
            .body(body);
        match self.send(request).await {
            Ok(answer) => answer.verdict(),
            Err(why) => Verdict::Wait { after: None, why },
        }
    }
}

impl HttpResponse {
    /// What an answer to a write means.
    pub fn verdict(&self) -> Verdict {
        let why = self.text();
        match self.status.as_u16() {
            204 => Verdict::Stored,
            status @ (400 | 500) => match Trouble::of(&server_message(&self.body)) {
                Some(Trouble::Gone) => Verdict::Missing { why },
                Some(Trouble::BadPoint) => Verdict::Doubtful { why },
                // 1.x says 400 of what a server with more memory or less load would take.
                Some(Trouble::Load) => {
                    Verdict::Wait { after: http::retry_after(&self.headers, Utc::now()), why }
                }
                None if status == 400 => Verdict::Doubtful { why },
                None => Verdict::Wait { after: http::retry_after(&self.headers, Utc::now()), why },
            },
            413 | 422 => Verdict::Doubtful { why },
            404 | 405 => Verdict::Missing { why },
            200..=299 => Verdict::Wait {
                after: None,
                why: format!(
                    "answered {} instead of 204: something else than InfluxDB answers at that address",
                    self.status.as_u16()
                ),
            },
            429 => {
                let after = http::retry_after(&self.headers, Utc::now());
                Verdict::Wait { after: Some(after.unwrap_or(TOO_MANY)), why }
            }
            _ => Verdict::Wait { after: http::retry_after(&self.headers, Utc::now()), why },
        }
    }

    /// The status and the server's own words.
    pub fn text(&self) -> String {
        let hint = match self.status.as_u16() {
            401 => ": the credentials are missing or wrong",
            403 => ": the credentials are right but don't allow this",
            413 => ": too large",
            429 => ": too many requests",
            300..=399 => ": a redirect, which is not followed; give the final address",
            _ => "",
        };
        match server_message(&self.body).as_str() {
            "" => format!("answered {}{hint}", self.status),
            message => format!("answered {}{hint}: {message}", self.status),
        }
    }
}

/// What a server's words are about, where its status does not say: InfluxDB 2.0 to 2.2 answer 500 to
/// everything that its storage does not like, and 1.x answers so to a policy that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// At least one point, whatever the server's state.
    BadPoint,
    /// Memory, time, or other work in the way.
    Load,
    /// The database, its policy or the bucket.
    Gone,
}

impl Trouble {
    /// `None`: nothing that is known. Load comes first: "partial write" stands before both.
    fn of(words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        if words.contains("unable to parse") {
            // It repeats the line, which may hold any of the words below.
            return Some(Self::BadPoint);
        }
        if says(&["cache-max-memory-size", "timeout", "engine is closed", "too many requests"]) {
            return Some(Self::Load);
        }
        if says(&["retention policy not found", "database not found"])
            || (words.contains("bucket \"") && words.contains("not found"))
        {
            return Some(Self::Gone);
        }
        let bad = [
            "partial write",
            "field type conflict",
            "points beyond retention policy",
            "invalid field",
            "invalid tag",
        ];
        says(&bad).then_some(Self::BadPoint)
    }
}

/// The server's own words: the known members of the JSON of each version, or the text as it is.
/// `original_line` of 3.x repeats data and is left out.
pub fn server_message(body: &str) -> String {
    let Ok(Value::Object(json)) = serde_json::from_str::<Value>(body) else {
        // An HTML page says nothing more than the status.
        let text = body.trim_start();
        return if text.starts_with('<') {
            String::new()
        } else {
            http::shorten(text, MESSAGE_LIMIT)
        };
    };
    let mut words: Vec<&str> =
        ["error", "message"].iter().filter_map(|key| json.get(*key)?.as_str()).collect();
    let details = match json.get("data") {
        Some(Value::Array(list)) => list.first(),
        other => other,
    };
    words.extend(details.and_then(|d| d.get("error_message")?.as_str()));
    http::shorten(&words.join(": "), MESSAGE_LIMIT)
}

/// The value of an `Authorization` header, kept out of debug output.
///
/// # Errors
/// When the token holds characters that no header can.
pub fn authorization(scheme: &str, token: &Secret) -> Result<HeaderValue, BuildError> {
    let mut value = HeaderValue::try_from(format!("{scheme} {}", token.reveal()))
        .map_err(|_| BuildError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The lines as one compressed body.
pub fn gzip(lines: &[Line]) -> Vec<u8> {
    let length = lines.iter().map(|line| line.text.len() + 1).sum();
    let mut text = String::with_capacity(length);
    for line in lines {
        text.push_str(&line.text);
        text.push('\n');
    }
    gzip_text(&text)
}

/// A text as a compressed body.
pub fn gzip_text(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("writing to memory works");
    encoder.finish().expect("writing to memory works")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    #[test]
    fn only_204_is_stored() {
        assert_eq!(answer(204, "").verdict(), Verdict::Stored);
        for status in [200, 202] {
            assert!(matches!(answer(status, "<html>").verdict(), Verdict::Wait { .. }));
        }
    }

    #[test]
    fn credentials_and_overload_wait() {
        for status in [301, 401, 403, 408, 429, 500, 502, 503] {
            assert!(matches!(answer(status, "").verdict(), Verdict::Wait { .. }), "{status}");
        }
        assert!(matches!(answer(404, "").verdict(), Verdict::Missing { .. }));
        for status in [400, 413, 422] {
            assert!(matches!(answer(status, "").verdict(), Verdict::Doubtful { .. }), "{status}");
        }
    }

    /// Case "InfluxDB 2.0 to 2.2": the lines of `influx2-500.tsv`.
    #[test]
    fn influxdb_2_0_to_2_2() {
        let says = |message: &str| {
            let message = format!("unexpected error writing points to database: {message}");
            let body = serde_json::json!({"code": "internal error", "message": message});
            answer(500, &body.to_string()).verdict()
        };
        for bad in [
            "partial write: field type conflict: input field \"used\" on measurement \"qlik_sense_license\" is type float, already exists as type integer dropped=6",
            "partial write: points beyond retention policy dropped=3",
        ] {
            assert!(matches!(says(bad), Verdict::Doubtful { .. }), "{bad}");
        }
        for later in [
            "timeout",
            "partial write: cache-max-memory-size exceeded: (1074/1073)",
            "engine is closed",
            "something new",
        ] {
            assert!(matches!(says(later), Verdict::Wait { .. }), "{later}");
        }
        for gone in ["retention policy not found: ten_days", "database not found: \"x\""] {
            assert!(matches!(says(gone), Verdict::Missing { .. }), "{gone}");
        }
        // 1.x says so with 400, which is no bad point either.
        let full = r#"{"error":"partial write: cache-max-memory-size exceeded: (1074/1073)"}"#;
        assert!(matches!(answer(400, full).verdict(), Verdict::Wait { .. }));
    }

    #[test]
    fn what_the_server_asks_for_is_passed_on() {
        let mut busy = answer(503, r#"{"error":"timeout"}"#);
        busy.headers.insert("retry-after", HeaderValue::from_static("30"));
        let why = "answered 503 Service Unavailable: timeout".into();
        assert_eq!(busy.verdict(), Verdict::Wait { after: Some(Duration::from_secs(30)), why });
    }

    #[test]
    fn the_servers_words_without_the_line() {
        let partial = r#"{"error":"partial write of line protocol occurred","data":[{"error_message":"invalid column type","line_number":2,"original_line":"m,user=DIR\\anna v=1"}]}"#;
        assert_eq!(
            server_message(partial),
            "partial write of line protocol occurred: invalid column type"
        );
        let whole = r#"{"error":"parsing failed for write_lp endpoint","data":{"error_message":"bad","line_number":2,"original_line":"secret"}}"#;
        assert_eq!(server_message(whole), "parsing failed for write_lp endpoint: bad");
        assert_eq!(server_message("404 page not found\n"), "404 page not found");
        assert_eq!(server_message("<html><body>Sign in</body></html>"), "");
        assert_eq!(server_message(r#"{"code":"invalid","message":"m"}"#), "m");
    }
}
