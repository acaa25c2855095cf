//! From InfluxDB 2.x: a stand-in that answers Flux as its documentation shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::secret::Secret;
use serde_json::{Value, json};

use super::*;

fn v2(token: &str, bucket: &str) -> InfluxVersion {
    InfluxVersion::V2 {
        org: "my org".into(),
        bucket: bucket.into(),
        description: String::new(),
        token: Secret::new(token),
        retention: std::time::Duration::ZERO,
    }
}

type Points = Vec<(DateTime<Utc>, String)>;

/// The points of a bucket: by tags (with `|` between them) and field, in the order of time.
#[derive(Default)]
struct Bucket {
    series: BTreeMap<(String, String), Points>,
    /// Start and stop of the ranges that were asked for.
    ranges: Mutex<Vec<(String, String)>>,
    /// Break off in the middle of a range that begins with this.
    broken: Option<&'static str>,
}

impl Bucket {
    fn add(&mut self, tags: &str, field: &str, time: DateTime<Utc>, value: &str) {
        let key = (tags.to_owned(), field.to_owned());
        self.series.entry(key).or_default().push((time, value.to_owned()));
    }

    async fn serve(self) -> (url::Url, Arc<Self>) {
        let bucket = Arc::new(self);
        let shared = bucket.clone();
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            shared.answer(&method, &uri, &headers, &body)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (url, bucket)
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let refuse = |status: u16, code: &str, message: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            (status, Json(json!({"code": code, "message": message}))).into_response()
        };
        if headers["authorization"] != "Token t0ken" {
            return refuse(401, "unauthorized", "unauthorized access");
        }
        let path = (method.as_str(), uri.path(), uri.query());
        if path != ("POST", "/api/v2/query", Some("org=my+org")) {
            return refuse(404, "not found", "path not found");
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        let annotations = json!(["datatype"]);
        assert_eq!(
            (&body["type"], &body["dialect"]["annotations"]),
            (&json!("flux"), &annotations)
        );
        let flux = body["query"].as_str().unwrap();
        let mut steps = flux.split(" |> ");
        if steps.next() != Some("from(bucket: \"licenses \\\"x\\\"\")") {
            return refuse(
                404,
                "not found",
                "failed to initialize execute state: could not find bucket \"other\"",
            );
        }
        let range = steps.next().unwrap();
        let range = range.strip_prefix("range(start: ").unwrap().strip_suffix(')').unwrap();
        let (start, stop) = range.split_once(", stop: ").unwrap_or((range, "2100-01-01T00:00:00Z"));
        let measurement = "filter(fn: (r) => r._measurement == \"qlik_sense_license\")";
        assert_eq!(steps.next(), Some(measurement));
        let fields = steps.next().unwrap();
        let pick = steps.next();
        self.ranges.lock().unwrap().push((start.to_owned(), stop.to_owned()));
        self.tables(fields, time(start)..time(stop), pick).into_response()
    }

    fn tables(
        &self,
        fields: &str,
        range: std::ops::Range<DateTime<Utc>>,
        pick: Option<&str>,
    ) -> String {
        let mut text = String::new();
        let mut header = String::new();
        let all = self.series.iter().filter(|((_, f), _)| fields.contains(&format!("\"{f}\"")));
        for (table, ((tags, field), values)) in all.enumerate() {
            let tags: Vec<_> = tags.split('|').map(|tag| tag.split_once('=').unwrap()).collect();
            let mut values: Vec<_> = values.iter().filter(|(t, _)| range.contains(t)).collect();
            match pick {
                None => {}
                Some("first()") => values.truncate(1),
                Some("last()") => drop(values.drain(..values.len().saturating_sub(1))),
                Some(other) => panic!("{other}"),
            }
            let kind = match values.first() {
                None => continue,
                Some((_, value)) if value.parse::<f64>().is_ok() => "double",
                Some(_) => "string",
            };
            let names: Vec<_> = tags.iter().map(|(name, _)| *name).collect();
            let time = "dateTime:RFC3339";
            // A table with the same columns as the one before goes on below it.
            let new_header = format!(
                "#datatype,string,long,{time},{time},{time},{kind},string,string{}\r\n\
                 ,result,table,_start,_stop,_time,_value,_field,_measurement,{}\r\n",
                ",string".repeat(names.len()),
                names.join(",")
            );
            if new_header != header {
                text.push_str(if header.is_empty() { "" } else { "\r\n" });
                text.push_str(&new_header);
                header = new_header;
            }
            let cells: Vec<_> = tags.iter().map(|(_, value)| *value).collect();
            for (at, value) in values {
                text.push_str(&format!(
                    ",_result,{table},{},{},{},{value},{field},qlik_sense_license,{}\r\n",
                    range.start.format("%Y-%m-%dT%H:%M:%SZ"),
                    range.end.format("%Y-%m-%dT%H:%M:%SZ"),
                    at.format("%Y-%m-%dT%H:%M:%S%.fZ"),
                    cells.join(",")
                ));
            }
            if self.broken.is_some_and(|start| range.start == self::time(start)) {
                text.push_str("\r\n#datatype,string,string\r\n,error,reference\r\n,engine: context canceled for t0ken,\r\n");
                return text;
            }
        }
        text.push_str("\r\n");
        text
    }
}

fn a_year(bucket: &mut Bucket) -> usize {
    let times: Vec<_> = every(180, "2025-10-01T00:00:00.5Z", "2026-11-20T00:00:00Z").collect();
    for (n, at) in times.iter().enumerate() {
        for (field, value) in [("allocated", n % 50), ("total", 50), ("used", 7)] {
            let tags = "license_type=professional|host=\"a, \"\"b\"\"\"";
            bucket.add(tags, field, *at, &value.to_string());
        }
        bucket.add("license_type=analyzer_capacity", "used_minutes", *at, &format!("{n}.25"));
    }
    times.len()
}

#[tokio::test]
async fn a_year_is_read_in_windows_and_taken_over_once() {
    let mut bucket = Bucket::default();
    let polls = a_year(&mut bucket);
    let (url, bucket) = bucket.serve().await;
    let target = Target::new(settings(url, v2("t0ken", "licenses \"x\""), &[])).await;
    let summary = target.import(everything()).await.unwrap();
    assert_eq!(
        told(&summary),
        format!(
            "default: 4 figures, {} new, 0 known, 2025-10-01T00:00 to 2026-11-19T18:00\n",
            polls * 4
        )
    );
    let ranges = std::mem::take(&mut *bucket.ranges.lock().unwrap());
    // First, last, then windows that join, begin with a day of Stockholm and get longer.
    let windows = &ranges[2..];
    assert_eq!(windows[0].0, "2025-09-30T22:00:00Z");
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
    assert!((7..30).contains(&windows.len()), "{}", windows.len());
    let daily = target.daily("default", "analyzer_capacity", "used_minutes").await;
    assert_eq!((daily.len(), daily[1].samples, daily[1].min), (415, 8, 8.25));

    let before = target.dump();
    let again = target.import(everything()).await.unwrap();
    assert_eq!((again.sites[0].new, again.sites[0].known), (0, polls as u64 * 4));
    assert_eq!(target.dump(), before);
}

#[tokio::test]
async fn text_and_foreign_columns_are_told_apart_by_their_type() {
    let mut bucket = Bucket::default();
    let (one, two) = (time("2026-11-01T00:00:00Z"), time("2026-11-02T00:00:00Z"));
    bucket.add("license_type=professional", "used", one, "7");
    bucket.add("license_type=professional", "allocated", one, "n/a");
    bucket.add("license_type=professional", "allocated", two, "12");
    bucket.add("license_type=professional", "mood", one, "1");
    bucket.add("license_type=wizard", "used", one, "1");
    let (url, _) = bucket.serve().await;
    let target = Target::new(settings(url, v2("t0ken", "licenses \"x\""), &[])).await;
    assert_eq!(
        told(&target.import(everything()).await.unwrap()),
        "default: 1 figures, 1 new, 0 known, 2026-11-01T00:00 to 2026-11-01T00:00\n\
         skipped 2: allocated of professional is text and no number\n\
         skipped 1: license_type \"wizard\" is not known\n"
    );
}

#[tokio::test]
async fn what_a_server_refuses_is_said_with_what_to_do() {
    let refusal = async |bucket: Bucket, token: &str, name: &str| {
        let (url, _) = bucket.serve().await;
        let target = Target::new(settings(url, v2(token, name), &[])).await;
        target.import(everything()).await.unwrap_err().to_string()
    };
    let good = "licenses \"x\"";
    insta::assert_snapshot!(refusal(Bucket::default(), "wrong", good).await, @r#"a query for the bucket licenses "x" of the organization my org: answered 401 Unauthorized: the credentials are missing or wrong: unauthorized access; check influxDb.v2Config.token, and that it may read the bucket licenses "x" of the organization my org"#);
    insta::assert_snapshot!(refusal(Bucket::default(), "t0ken", "other").await, @r#"a query for the bucket other of the organization my org: answered 404 Not Found: failed to initialize execute state: could not find bucket "other"; check that the bucket other of the organization my org exists, and influxDb.version"#);
    let nothing = refusal(Bucket::default(), "t0ken", good).await;
    assert!(nothing.contains("no points of qlik_sense_license"), "{nothing}");
    let mut broken = Bucket { broken: Some("2025-09-30T22:00:00Z"), ..Bucket::default() };
    a_year(&mut broken);
    let why = refusal(broken, "t0ken", good).await;
    assert!(why.contains("failed: engine: context canceled"), "{why}");
}

#[tokio::test]
async fn version_2_at_another_server_says_so() {
    let influxd = crate::support::influxd::shared().await;
    let target = Target::new(settings(influxd.url(), v2("t0ken", "x"), &[])).await;
    let why = target.import(everything()).await.unwrap_err().to_string();
    assert!(why.contains("influxDb.version") || why.contains("influxDb.v2Config.token"), "{why}");
}
