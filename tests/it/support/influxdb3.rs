//! A stand-in for InfluxDB 3 Core, which no package registry has.
//!
//! It answers as 3.6.0 was recorded to answer, and is strict: it parses every line with InfluxData's
//! own parser, keeps the type of every column, and refuses what it does not know.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod query;

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The only token that is let in.
pub const TOKEN: &str = "apiv3_token";

/// The stand-in.
#[derive(Debug, Clone)]
pub struct InfluxDb3 {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    without_v3: Option<StatusCode>,
    /// A query may not touch more days than this.
    limit_days: Option<i64>,
    databases: BTreeMap<String, Database>,
    /// Method, path with query, and whether the body was compressed.
    requests: Vec<(Method, String, bool)>,
}

#[derive(Debug, Default)]
struct Database {
    /// By table and column: `tag` or the type of the field.
    columns: HashMap<(String, String), &'static str>,
    /// By table, tags and time: a row written twice is one row.
    rows: BTreeMap<(String, String, i64), BTreeMap<String, String>>,
}

impl InfluxDb3 {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, inner: Arc::default() };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// From now on `/api/v3/write_lp` and `/api/v3/query_sql` are answered with this status.
    pub fn without_v3(&self, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        self.inner.lock().unwrap().without_v3 = Some(status);
    }

    /// From now on a query that touches more days than this is refused, as by a server that hasn't
    /// put its files together.
    pub fn limit_days(&self, days: i64) {
        self.inner.lock().unwrap().limit_days = Some(days);
    }

    pub fn url(&self) -> url::Url {
        format!("http://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// The rows of a database, as `table tags time fields`.
    pub fn rows(&self, database: &str) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let rows = inner.databases.get(database).into_iter().flat_map(|d| &d.rows);
        rows.map(|((table, tags, time), fields)| {
            let fields: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{table} {tags} {time} {}", fields.join(","))
        })
        .collect()
    }

    /// Paths with queries of the requests since the last call, and whether all bodies were compressed.
    pub fn take_requests(&self) -> (Vec<String>, bool) {
        let requests = std::mem::take(&mut self.inner.lock().unwrap().requests);
        let writes = requests.iter().filter(|(method, ..)| method == Method::POST);
        let compressed = writes.clone().all(|(_, _, compressed)| *compressed);
        (requests.iter().map(|(_, path, _)| path.clone()).collect(), compressed)
    }
}

async fn answer(
    State(server): State<InfluxDb3>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inner = server.inner.lock().unwrap();
    let compressed = headers.get("content-encoding").is_some_and(|e| e == "gzip");
    inner.requests.push((method.clone(), uri.to_string(), compressed));
    let authorization = headers.get("authorization").and_then(|a| a.to_str().ok()).unwrap_or("");
    if ![format!("Bearer {TOKEN}"), format!("Token {TOKEN}")].iter().any(|a| a == authorization) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut text = String::new();
    if compressed {
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(body.to_vec()).unwrap();
    }
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    match (method, uri.path()) {
        (Method::GET, "/ping") => {
            axum::Json(json!({"version": "3.6.0", "revision": "0"})).into_response()
        }
        (Method::GET, "/health") => "OK".into_response(),
        (Method::POST, "/api/v3/write_lp") => match inner.without_v3 {
            Some(status) => status.into_response(),
            None => write_v3(&mut inner, &query, &text),
        },
        (Method::POST, "/api/v2/write") => write_v2(&mut inner, &query, &text),
        (Method::POST, "/api/v3/query_sql") => match inner.without_v3 {
            Some(status) => status.into_response(),
            None => query::sql(&inner, &text),
        },
        (Method::GET, "/query") => query::influxql(&inner, &query),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn write_v3(inner: &mut Inner, query: &HashMap<String, String>, text: &str) -> Response {
    let bad = |text: &str| (StatusCode::BAD_REQUEST, text.to_owned()).into_response();
    for name in query.keys() {
        if !["db", "precision", "accept_partial", "no_sync"].contains(&name.as_str()) {
            return bad(&format!("serde error: unknown field `{name}`"));
        }
    }
    let Some(name) = query.get("db") else { return bad("serde error: missing field `db`") };
    let Some(scale) = scale(query.get("precision").map_or("auto", |p| p), true) else {
        return bad("serde error: unknown variant of precision");
    };
    if name.contains(' ') {
        return bad("invalid character in database or rp name");
    }
    let accept_partial = match query.get("accept_partial").map(String::as_str) {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return bad("serde error: provided string was not `true` or `false`"),
    };
    let database = inner.databases.entry(name.clone()).or_default();
    let checked = check(database, text);
    let errors: Vec<Value> = checked
        .iter()
        .enumerate()
        .filter_map(|(index, (line, result))| {
            let message = result.as_ref().err()?;
            Some(json!({"error_message": message, "line_number": index + 1, "original_line": line}))
        })
        .collect();
    if errors.is_empty() || accept_partial {
        store(database, text, scale);
    }
    match (errors.first(), accept_partial) {
        (None, _) => StatusCode::NO_CONTENT.into_response(),
        (Some(_), true) => {
            json_400(&json!({"error": "partial write of line protocol occurred", "data": errors}))
        }
        (Some(first), false) => {
            json_400(&json!({"error": "parsing failed for write_lp endpoint", "data": first}))
        }
    }
}

fn write_v2(inner: &mut Inner, query: &HashMap<String, String>, text: &str) -> Response {
    let invalid = |message: &str| json_400(&json!({"code": "invalid", "message": message}));
    let Some(name) = query.get("bucket") else { return invalid("no bucket") };
    let Some(scale) = scale(query.get("precision").map_or("ns", |p| p), false) else {
        return invalid("unknown precision");
    };
    let database = inner.databases.entry(name.clone()).or_default();
    if check(database, text).iter().any(|(_, result)| result.is_err()) {
        return invalid("write buffer error: parsing for line protocol failed");
    }
    store(database, text, scale);
    StatusCode::NO_CONTENT.into_response()
}

fn json_400(value: &Value) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(value)).into_response()
}

/// Nanoseconds in one unit of the precision, by the names that were recorded or are documented for
/// every release. `auto` is refused: Bursar says what it sends.
fn scale(precision: &str, v3: bool) -> Option<i64> {
    match (precision, v3) {
        ("nanosecond", true) | ("ns", false) => Some(1),
        ("microsecond", true) | ("us", false) => Some(1_000),
        ("millisecond", true) | ("ms", false) => Some(1_000_000),
        ("second", true) | ("s", _) => Some(1_000_000_000),
        _ => None,
    }
}

/// Every line with what is wrong with it. Columns of good lines are added to the schema.
fn check(database: &mut Database, text: &str) -> Vec<(String, Result<(), String>)> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let result = parse(line).and_then(|parsed| {
                let table = parsed.series.measurement.to_string();
                let columns = columns(&parsed);
                for (column, kind) in &columns {
                    let key = (table.clone(), column.clone());
                    let twice = columns.iter().filter(|(other, _)| other == column).count() > 1;
                    if twice || database.columns.get(&key).is_some_and(|known| known != kind) {
                        return Err(format!("invalid column type for column '{column}'"));
                    }
                }
                for (column, kind) in columns {
                    database.columns.insert((table.clone(), column), kind);
                }
                Ok(())
            });
            (line.to_owned(), result)
        })
        .collect()
}

fn parse(line: &str) -> Result<ParsedLine<'_>, String> {
    match parse_lines(line).next() {
        Some(Ok(parsed)) => Ok(parsed),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no line".into()),
    }
}

fn columns(parsed: &ParsedLine<'_>) -> Vec<(String, &'static str)> {
    let tags = parsed.series.tag_set.iter().flatten().map(|(name, _)| (name.to_string(), "tag"));
    let fields = parsed.field_set.iter().map(|(name, value)| {
        let kind = match value {
            FieldValue::F64(_) => "float",
            FieldValue::I64(_) => "integer",
            FieldValue::U64(_) => "unsigned",
            FieldValue::String(_) => "string",
            FieldValue::Boolean(_) => "boolean",
        };
        (name.to_string(), kind)
    });
    tags.chain(fields).collect()
}

fn store(database: &mut Database, text: &str, scale: i64) {
    for (line, result) in check(database, text) {
        let (Ok(()), Ok(parsed)) = (result, parse(&line)) else { continue };
        let tags: Vec<String> = parsed
            .series
            .tag_set
            .iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let time = parsed.timestamp.unwrap() * scale;
        let key = (parsed.series.measurement.to_string(), tags.join(","), time);
        let row = database.rows.entry(key).or_default();
        for (name, value) in parsed.field_set.iter() {
            row.insert(name.to_string(), value.to_string());
        }
    }
}
