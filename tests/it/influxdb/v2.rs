//! InfluxDB 2.x: a real server of its write API, and what its documentation says of buckets.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::{Json, Router};
use bursar::destination::influxdb::settings;
use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::destination::{Destination, Outcome};
use bursar::event::Tag;
use bursar::secret::Secret;
use chrono::Utc;
use serde_json::json;

use super::{access_licenses, build, server_license, tag, time};
use crate::support::{influxd, victoria};

fn v2(port: u16, token: &str, tags: Vec<Tag>) -> settings::InfluxDb {
    settings::InfluxDb {
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        ca_cert: None,
        reject_unauthorized: true,
        version: InfluxVersion::V2 {
            org: "my org".into(),
            bucket: "licenses".into(),
            description: "of Qlik".into(),
            token: Secret::new(token),
            retention: Duration::from_secs(864_000),
        },
        tags,
        timeout: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn a_server_of_the_2_x_write_api_stores_every_figure() {
    let victoria = victoria::shared().await;
    let influxdb = build(&v2(victoria.port, victoria::TOKEN, vec![tag("test", "v2")]));
    // The server refuses what is far from its own clock.
    let now = Utc::now();
    let events = [access_licenses(now), server_license(now, Some(-3))];
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 2]);

    let samples = victoria.samples("v2", 29).await;
    let at = now.timestamp_millis();
    let expected = [
        ("qlik_sense_license_total professional", 100.0),
        ("qlik_sense_license_total analyzer", 200.0),
        ("qlik_sense_license_used_minutes analyzer_capacity", 12.5),
        ("qlik_sense_license_token_cost token_login", 0.1),
        ("qlik_sense_license_quarantined_tokens token_user", 2.0),
        ("qlik_sense_license_total_tokens tokens_available", 40.0),
        ("qlik_sense_server_license_days_until_expiry", -3.0),
        ("qlik_sense_server_license_license_expired", 1.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&vec![(value, at)]), "{name} in {samples:#?}");
    }
    assert!(influxdb.probe().await.unwrap().found.contains("test write accepted"));

    // vmauth answers 400 and repeats the token, which whoever loads settings keeps.
    let mut forms = bursar::secret::Forms::default();
    forms.secret("s3cret");
    bursar::secret::keep(forms);
    let wrong = build(&v2(victoria.port, "s3cret", vec![]));
    let outcomes = wrong.deliver(&[server_license(now, None)]).await;
    let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(why.contains("auth token") && !why.contains("s3cret"), "{why}");
    assert!(wrong.probe().await.is_err());
}

/// Answers as InfluxDB 2.x documents it: a bucket must be made before it can be written to.
async fn documented_v2() -> (u16, Arc<Mutex<Vec<String>>>) {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = log.clone();
    let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let mut log = seen.lock().unwrap();
        let made = log.iter().any(|line| line.starts_with("POST /api/v2/buckets"));
        let not_found = |what: &str| {
            (StatusCode::NOT_FOUND, Json(json!({"code": "not found", "message": what})))
                .into_response()
        };
        assert_eq!(headers["authorization"], "Token t");
        let answer = match (method.as_str(), uri.path()) {
            ("POST", "/api/v2/write") if made => StatusCode::NO_CONTENT.into_response(),
            ("POST", "/api/v2/write") => not_found("bucket \"licenses\" not found"),
            ("GET", "/api/v2/orgs") if uri.query() == Some("org=my+org") => {
                Json(json!({"orgs": [{"id": "0a1b", "name": "my org"}]})).into_response()
            }
            ("POST", "/api/v2/buckets") => StatusCode::CREATED.into_response(),
            _ => not_found("path not found"),
        };
        let body = if uri.path() == "/api/v2/buckets" {
            String::from_utf8_lossy(&body)
        } else {
            "".into()
        };
        log.push(format!("{method} {uri} {body}").trim_end().to_owned());
        answer
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (port, log)
}

#[tokio::test]
async fn a_missing_bucket_of_2_x_is_made_with_its_retention() {
    let (port, log) = documented_v2().await;
    let influxdb = build(&v2(port, "t", vec![]));
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    assert_eq!(
        *log.lock().unwrap(),
        [
            "POST /api/v2/write?org=my+org&bucket=licenses&precision=ns",
            "GET /api/v2/orgs?org=my+org",
            r#"POST /api/v2/buckets {"orgID":"0a1b","name":"licenses","description":"of Qlik","retentionRules":[{"type":"expire","everySeconds":864000}]}"#,
            "POST /api/v2/write?org=my+org&bucket=licenses&precision=ns",
        ]
    );
}

#[tokio::test]
async fn version_2_at_a_1_x_server_says_so() {
    let influxd = influxd::shared().await;
    let influxdb = build(&v2(influxd.port, "t", vec![]));
    let outcomes = influxdb.deliver(&[server_license(time(), None)]).await;
    let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(why.contains("check influxDb.version"), "{why}");
}
