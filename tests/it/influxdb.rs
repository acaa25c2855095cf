#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::{Json, Router};
use bursar::config::Secret;
use bursar::config::settings::{self, BasicAuth, InfluxVersion, RetentionPolicy, Switches, Tag};
use bursar::destination::influxdb::InfluxDb;
use bursar::destination::route::{Routes, Site};
use bursar::destination::{Destination, Outcome};
use bursar::event::{Body, Event, LicenseState, ServerLicenseStatus};
use bursar::license::pools::{MinutePool, SeatPool, TokenLoginPool, TokenTotals, TokenUserPool};
use bursar::license::{Expiry, Pools, ServerLicense, server::Kind};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::support::influxd::{self, ADMIN, Influxd, PASSWORD};
use crate::support::influxdb3::{self, InfluxDb3};
use crate::support::proxy::{Mode, Proxy};
use crate::support::victoria;

fn tag(name: &str, value: &str) -> Tag {
    Tag { name: name.into(), value: value.into() }
}

fn routes() -> Routes {
    let switches = Switches { influxdb: true, ..Switches::default() };
    let site = Site {
        tags: vec![],
        server_license: Some(switches.clone()),
        access_license: Some(switches),
    };
    Routes { named_sites: false, sites: HashMap::from([("default".into(), site)]) }
}

fn v1(url: url::Url, database: &str) -> settings::InfluxDb {
    settings::InfluxDb {
        url,
        ca_cert: None,
        reject_unauthorized: true,
        version: InfluxVersion::V1 {
            auth: Some(BasicAuth { username: ADMIN.into(), password: Secret::new(PASSWORD) }),
            database: database.into(),
            retention_policy: Some(RetentionPolicy {
                name: "10 d".into(),
                duration: "520w".into(),
            }),
        },
        tags: vec![tag("env", "test, \"a\"=b\\")],
        timeout: Duration::from_secs(20),
    }
}

fn build(settings: &settings::InfluxDb) -> InfluxDb {
    InfluxDb::with_routes(settings, routes()).unwrap()
}

/// A time like that of a poll: now, with nanoseconds, so that it survives only if all are kept.
fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000, 123_456_789).unwrap()
}

fn server_license(time: DateTime<Utc>, days: Option<i64>) -> Event {
    let date = days.map(|days| (time + TimeDelta::days(days)).date_naive());
    Event::new(
        "default",
        time,
        Body::ServerLicenseStatus(ServerLicenseStatus {
            license: ServerLicense {
                kind: Kind::SignedKey,
                expiry: date.map_or(Expiry::Perpetual, Expiry::On),
                server_says_expired: false,
                expired_reason: None,
                blacklisted: false,
                invalid: false,
                allotments: vec![],
                maintenance_end: None,
            },
            state: LicenseState::Valid,
            expired: days.is_some_and(|days| days < 0),
            expiry_date: date,
            days_until_expiry: days,
            threshold_days: 30,
        }),
    )
}

fn pools() -> Pools {
    let seats = SeatPool {
        enabled: true,
        total: 100.0,
        allocated: 80.0,
        available: 18.0,
        used: 61.0,
        quarantined: 2.0,
        excess: 0.0,
    };
    Pools {
        professional: Some(seats),
        analyzer: Some(SeatPool { total: 200.0, ..seats }),
        analyzer_capacity: Some(MinutePool {
            enabled: true,
            allocated_minutes: 6000.0,
            used_minutes: 12.5,
            unavailable_minutes: 3.0,
        }),
        token_user: Some(TokenUserPool {
            enabled: true,
            token_cost: 1.0,
            allocated_tokens: 20.0,
            used_tokens: 12.0,
            quarantined_tokens: 2.0,
        }),
        token_login: Some(TokenLoginPool {
            enabled: true,
            token_cost: 0.1,
            allocated_tokens: 5.0,
            used_tokens: 1.0,
            unavailable_tokens: 4.0,
        }),
        tokens: Some(TokenTotals { enabled: true, total_tokens: 40.0, available_tokens: 15.0 }),
    }
}

fn access_licenses(time: DateTime<Utc>) -> Event {
    Event::new("default", time, Body::AccessLicenseStatus(pools()))
}

/// Field names and types of a measurement, sorted.
async fn field_types(influxd: &Influxd, database: &str, measurement: &str) -> Vec<String> {
    let statement = format!("SHOW FIELD KEYS FROM \"{measurement}\"");
    influxd
        .rows(database, &statement)
        .await
        .iter()
        .map(|row| {
            format!("{}:{}", row["fieldKey"].as_str().unwrap(), row["fieldType"].as_str().unwrap())
        })
        .collect()
}

async fn count(influxd: &Influxd, database: &str) -> i64 {
    let rows = influxd
        .rows(database, "SELECT COUNT(license_expired) AS n FROM qlik_sense_server_license")
        .await;
    rows.first().map_or(0, |row| row["n"].as_i64().unwrap())
}

#[tokio::test]
async fn points_are_read_back_with_butlers_names_and_types() {
    let influxd = influxd::shared().await;
    let database = "round trip \"1\"";
    let influxdb = build(&v1(influxd.url(), database));
    let events = [
        server_license(time(), Some(29)),
        server_license(time() + TimeDelta::hours(1), None),
        access_licenses(time()),
    ];
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 3]);

    let rows = influxd.rows(database, "SELECT * FROM qlik_sense_server_license").await;
    assert_eq!(
        rows,
        [
            json!({"time": 1_795_500_000_123_456_789_i64, "days_until_expiry": 29, "env": "test, \"a\"=b/",
                "expiry_date": "2026-12-23", "license_expired": false, "state": "valid"}),
            json!({"time": 1_795_503_600_123_456_789_i64, "days_until_expiry": null, "env": "test, \"a\"=b/",
                "expiry_date": "perpetual", "license_expired": false, "state": "valid"}),
        ]
    );
    assert_eq!(
        field_types(influxd, database, "qlik_sense_server_license").await,
        [
            "days_until_expiry:float",
            "expiry_date:string",
            "license_expired:boolean",
            "state:string"
        ]
    );

    let rows =
        influxd.rows(database, "SELECT * FROM qlik_sense_license GROUP BY license_type").await;
    let by_type: HashMap<_, Vec<String>> = rows
        .iter()
        .map(|row| {
            let fields = row.as_object().unwrap().iter();
            let present =
                fields.filter(|(k, v)| !v.is_null() && !["time", "env"].contains(&k.as_str()));
            let kind = row["license_type"].as_str().unwrap();
            (kind, present.map(|(k, v)| format!("{k}={v}")).collect())
        })
        .collect();
    assert_eq!(by_type.len(), 6);
    let fields = |kind: &str| by_type[kind].join(" ");
    assert_eq!(
        fields("analyzer"),
        "license_type=\"analyzer\" allocated=80 available=18 excess=0 quarantined=2 total=200 used=61"
    );
    assert_eq!(
        fields("professional"),
        "license_type=\"professional\" allocated=80 available=18 excess=0 quarantined=2 total=100 used=61"
    );
    assert_eq!(
        fields("analyzer_capacity"),
        "license_type=\"analyzer_capacity\" allocated_minutes=6000 unavailable_minutes=3 used_minutes=12.5"
    );
    assert_eq!(
        fields("token_login"),
        "license_type=\"token_login\" allocated_tokens=5 token_cost=0.1 unavailable_tokens=4 used_tokens=1"
    );
    assert_eq!(
        fields("token_user"),
        "license_type=\"token_user\" allocated_tokens=20 quarantined_tokens=2 token_cost=1 used_tokens=12"
    );
    assert_eq!(
        fields("tokens_available"),
        "license_type=\"tokens_available\" available_tokens=15 total_tokens=40"
    );
    let types = field_types(influxd, database, "qlik_sense_license").await;
    assert_eq!(types.len(), 16);
    assert!(types.iter().all(|t| t.ends_with(":float")), "{types:?}");
}

#[tokio::test]
async fn a_missing_database_is_made_with_its_policy_as_default() {
    let influxd = influxd::shared().await;
    let influxdb = build(&v1(influxd.url(), "made"));
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    let policies = influxd.rows("", "SHOW RETENTION POLICIES ON made").await;
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0]["name"], "10 d");
    assert_eq!(policies[0]["duration"], "87360h0m0s");
    assert_eq!(policies[0]["default"], true);

    influxd.query("", "DROP DATABASE made").await;
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    assert_eq!(count(influxd, "made").await, 1);
}

#[tokio::test]
async fn one_refused_point_of_twenty_stands_alone() {
    let influxd = influxd::shared().await;
    let database = "refused";
    let influxdb = build(&v1(influxd.url(), database));
    influxd.query("", "CREATE DATABASE refused").await;
    let events: Vec<Event> =
        (0..20).map(|i| server_license(time() + TimeDelta::hours(i), Some(i))).collect();
    // The same field as text, in the shard of the eleventh point's week only: a conflict there.
    let eleventh = events[11].time.timestamp_nanos_opt().unwrap();
    // A retention policy's duration decides the length of its shards: one hour makes 20 of them.
    influxd
        .query("", "CREATE RETENTION POLICY \"10 d\" ON refused DURATION 520w REPLICATION 1 SHARD DURATION 1h DEFAULT")
        .await;
    write(influxd, database, &format!("qlik_sense_server_license state=1 {eleventh}")).await;

    let outcomes = influxdb.deliver(&events).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Refused { why } => {
                assert_eq!(index, 11);
                assert!(why.contains("field type conflict"), "{why}");
            }
            other => assert_eq!(*other, Outcome::Done, "{index}"),
        }
    }
    assert!(matches!(outcomes[11], Outcome::Refused { .. }));
    assert_eq!(count(influxd, database).await, 19);
}

async fn write(influxd: &Influxd, database: &str, line: &str) {
    let mut url = influxd.url().join("/write").unwrap();
    url.query_pairs_mut().append_pair("db", database);
    let answer = reqwest::Client::new()
        .post(url)
        .basic_auth(ADMIN, Some(PASSWORD))
        .body(line.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn wrong_credentials_wait() {
    let influxd = influxd::shared().await;
    let mut settings = v1(influxd.url(), "credentials");
    if let InfluxVersion::V1 { auth, .. } = &mut settings.version {
        *auth = Some(BasicAuth { username: ADMIN.into(), password: Secret::new("wrong") });
    }
    let outcomes = build(&settings).deliver(&[server_license(time(), None)]).await;
    let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(why.contains("401") && why.contains("credentials"), "{why}");
    assert!(!why.contains("wrong\"") && !why.contains("Basic"), "{why}");
}

#[tokio::test]
async fn down_and_back_everything_is_there_once() {
    let influxd = influxd::shared().await;
    let proxy = Proxy::start(influxd.port, Mode::Refuse).await;
    let database = "outage";
    let mut settings = v1(format!("http://127.0.0.1:{}", proxy.port).parse().unwrap(), database);
    settings.timeout = Duration::from_millis(300);
    let influxdb = build(&settings);
    let events: Vec<Event> =
        (0..10).map(|i| server_license(time() + TimeDelta::hours(i), Some(i))).collect();

    let mut whys = Vec::new();
    for mode in [Mode::Refuse, Mode::Silent, Mode::CutRequestAfter(100), Mode::CutAnswerAfter(0)] {
        proxy.set(mode).await;
        for outcome in influxdb.deliver(&events).await {
            let Outcome::Retry { why, .. } = outcome else { panic!("{mode:?}: {outcome:?}") };
            whys.push(why);
        }
    }
    assert!(whys[0].contains("cannot connect"), "{}", whys[0]);
    assert!(whys[10].contains("did not answer in time"), "{}", whys[10]);
    assert_eq!(whys.len(), 40);

    proxy.set(Mode::Pass).await;
    settings.timeout = Duration::from_secs(20);
    let influxdb = build(&settings);
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 10]);
    // The server stores the batch but its word is lost: delivered again, all are there once.
    proxy.set(Mode::CutAnswerAfter(0)).await;
    let outcomes = influxdb.deliver(&events).await;
    assert!(outcomes.iter().all(|o| matches!(o, Outcome::Retry { .. })), "{outcomes:?}");
    proxy.set(Mode::Pass).await;
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 10]);
    assert_eq!(count(influxd, database).await, 10);
}

#[tokio::test]
async fn alerts_and_switched_off_monitors_are_not_wanted() {
    let influxd = influxd::shared().await;
    let mut routes = routes();
    let site = routes.sites.get_mut("default").unwrap();
    site.access_license = Some(Switches::default());
    let influxdb = InfluxDb::with_routes(&v1(influxd.url(), "x"), routes).unwrap();
    let status = server_license(time(), Some(3));
    assert!(influxdb.wants(&status));
    let Body::ServerLicenseStatus(inner) = status.body.clone() else { unreachable!() };
    for body in [
        Body::ServerLicenseExpiring(inner.clone()),
        Body::ServerLicenseExpired(inner.clone()),
        Body::ServerLicenseProblem(inner),
    ] {
        assert!(!influxdb.wants(&Event { body, ..status.clone() }));
    }
    assert!(!influxdb.wants(&access_licenses(time())));
    assert!(!influxdb.wants(&Event { site: "gone".into(), ..status }));
}

#[tokio::test]
async fn a_missing_policy_of_a_database_with_data_does_not_hide_that_data() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE filled").await;
    write(influxd, "filled", "other v=1").await;
    let influxdb = build(&v1(influxd.url(), "filled"));
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    let policies = influxd.rows("", "SHOW RETENTION POLICIES ON filled").await;
    let names: Vec<_> =
        policies.iter().map(|p| (p["name"].clone(), p["default"].clone())).collect();
    assert_eq!(names, [(json!("autogen"), json!(true)), (json!("10 d"), json!(false))]);
    assert_eq!(count(influxd, "filled").await, 1);
    let probe = influxdb.probe().await.unwrap();
    assert!(probe.warnings.iter().any(|w| w.contains("autogen")), "{probe:?}");

    influxd.query("", "CREATE DATABASE empty").await;
    let influxdb = build(&v1(influxd.url(), "empty"));
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    let policies = influxd.rows("", "SHOW RETENTION POLICIES ON empty").await;
    assert_eq!(policies[1]["name"], "10 d");
    assert_eq!(policies[1]["default"], true);
}

#[tokio::test]
async fn a_user_that_may_only_write_can_write() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE plain").await;
    influxd.query("", "CREATE USER writer WITH PASSWORD 'w'").await;
    influxd.query("", "GRANT WRITE ON plain TO writer").await;
    let as_writer = |database: &str| {
        let mut settings = v1(influxd.url(), database);
        if let InfluxVersion::V1 { auth, .. } = &mut settings.version {
            *auth = Some(BasicAuth { username: "writer".into(), password: Secret::new("w") });
        }
        build(&settings)
    };
    let influxdb = as_writer("plain");
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
    assert_eq!(
        influxdb.probe().await.unwrap().found,
        "InfluxDB 1.6.7~rc0, database plain exists, test write accepted"
    );

    // It can't make what is missing; that is said, and waited for.
    let influxdb = as_writer("not there");
    let outcomes = influxdb.deliver(&[server_license(time(), None)]).await;
    let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(why.contains("not there does not exist and can't be made"), "{why}");
    let failure = influxdb.probe().await.unwrap_err();
    assert!(failure.fix.contains("create the database"), "{failure:?}");
}

#[tokio::test]
async fn a_conflict_that_stores_nothing_loses_no_other_point() {
    // On a new measurement 1.x refuses the whole batch, without a word on what is stored.
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE whole").await;
    let mut first = access_licenses(time());
    if let Body::AccessLicenseStatus(pools) = &mut first.body {
        pools.professional.as_mut().unwrap().used = f64::NAN;
    }
    let influxdb = build(&v1(influxd.url(), "whole"));
    assert_eq!(influxdb.deliver(&[first]).await, [Outcome::Done]);
    let rows = influxd
        .rows(
            "whole",
            "SELECT total, used FROM qlik_sense_license WHERE license_type = 'professional'",
        )
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0]["total"].as_f64(), rows[0]["used"].as_f64()), (Some(100.0), None));
}

#[tokio::test]
async fn points_older_than_the_policy_are_refused_and_the_rest_is_stored() {
    let influxd = influxd::shared().await;
    let mut settings = v1(influxd.url(), "short");
    if let InfluxVersion::V1 { retention_policy, .. } = &mut settings.version {
        *retention_policy = Some(RetentionPolicy { name: "2h".into(), duration: "2h".into() });
    }
    let now = Utc::now();
    let events = [server_license(now - TimeDelta::days(2), None), server_license(now, None)];
    let outcomes = build(&settings).deliver(&events).await;
    let Outcome::Refused { why } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(why.contains("beyond retention policy"), "{why}");
    assert_eq!(outcomes[1], Outcome::Done);
    assert_eq!(count(influxd, "short").await, 1);
}

#[tokio::test]
async fn the_check_of_1_x_leaves_nothing_behind() {
    let influxd = influxd::shared().await;
    let influxdb = build(&v1(influxd.url(), "probed"));
    assert_eq!(
        influxdb.probe().await.unwrap().found,
        "InfluxDB 1.6.7~rc0, database probed will be made at the first write"
    );
    let databases = influxd.rows("", "SHOW DATABASES").await;
    assert!(databases.iter().all(|row| row["name"] != "probed"));
    influxd.query("", "CREATE DATABASE probed").await;
    assert!(influxdb.probe().await.unwrap().found.contains("test write accepted"));
    assert_eq!(influxd.rows("probed", "SHOW SERIES").await.len(), 0);

    let mut wrong = v1(influxd.url(), "probed");
    if let InfluxVersion::V1 { auth, .. } = &mut wrong.version {
        *auth = None;
    }
    let failure = build(&wrong).probe().await.unwrap_err();
    assert!(failure.what.contains("401") && failure.fix.contains("v1Config.auth"), "{failure:?}");
    let nobody = v1("http://127.0.0.1:1".parse().unwrap(), "probed");
    let failure = build(&nobody).probe().await.unwrap_err();
    assert!(failure.what.contains("cannot connect"), "{failure:?}");
}

#[tokio::test]
async fn a_duration_that_is_not_one_is_an_error_at_build() {
    let mut settings = v1("http://127.0.0.1:1".parse().unwrap(), "x");
    if let InfluxVersion::V1 { retention_policy, .. } = &mut settings.version {
        *retention_policy = Some(RetentionPolicy { name: "p".into(), duration: "10 days".into() });
    }
    let error = InfluxDb::with_routes(&settings, routes()).unwrap_err().to_string();
    assert!(error.contains("\"10 days\"") && error.contains("10d"), "{error}");
}

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

    // vmauth answers 400 and repeats the token.
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

fn v3(server: &InfluxDb3, database: &str, token: &str) -> settings::InfluxDb {
    settings::InfluxDb {
        url: server.url(),
        ca_cert: None,
        reject_unauthorized: true,
        version: InfluxVersion::V3 { database: database.into(), token: Secret::new(token) },
        tags: vec![],
        timeout: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn the_stand_in_answers_as_3_x_was_recorded() {
    let server = InfluxDb3::start().await;
    let request = async |path: &str, token: &str, body: &str| {
        let url = format!("{}{path}", server.url().as_str().trim_end_matches('/'));
        let request = reqwest::Client::new().post(url).header("authorization", token);
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    let bearer = format!("Bearer {}", influxdb3::TOKEN);
    let token = format!("Token {}", influxdb3::TOKEN);
    let three = "m,t=a v=1 1\ngarbage\nm,t=b v=2 1";

    for (path, header) in [
        ("/api/v3/write_lp?db=ok&precision=second", &bearer),
        ("/api/v3/write_lp?db=ok&precision=s&no_sync=true", &token),
        ("/api/v2/write?bucket=ok&org=&precision=s", &token),
    ] {
        assert_eq!(request(path, header, "m v=1 1").await, (204, String::new()), "{path}");
    }
    assert_eq!(server.rows("ok"), ["m  1000000000 v=1"]);

    for path in ["/api/v3/write_lp?db=x&precision=secs", "/api/v3/write_lp?precision=s"] {
        let (status, text) = request(path, &bearer, "m v=1 1").await;
        assert_eq!((status, text.starts_with("serde error: ")), (400, true), "{text}");
    }
    let (status, text) = request("/api/v3/write_lp?db=part&precision=s", &bearer, three).await;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &json["error"]), (400, &json!("partial write of line protocol occurred")));
    assert_eq!((&json["data"][0]["line_number"], server.rows("part").len()), (&json!(2), 2));

    let path = "/api/v3/write_lp?db=none&precision=s&accept_partial=false";
    let (status, text) = request(path, &bearer, three).await;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &json["error"]), (400, &json!("parsing failed for write_lp endpoint")));
    assert_eq!((json["data"].is_object(), server.rows("none").len()), (true, 0));

    for line in ["m v=\"text\" 2", "m,v=tag w=1 2", "m,x=1 x=1 2"] {
        let (status, text) = request("/api/v3/write_lp?db=ok&precision=s", &bearer, line).await;
        assert_eq!(status, 400);
        assert!(text.contains("invalid column type for column"), "{text}");
    }
    assert_eq!(request("/api/v3/write_lp?db=ok", "Bearer no", "m v=1").await, (401, String::new()));
    let (status, text) = request("/api/v3/write_lp?db=a%20b&precision=s", &bearer, "m v=1 1").await;
    assert_eq!((status, text.as_str()), (400, "invalid character in database or rp name"));
    let (status, text) = request("/api/v2/write?bucket=v2&precision=s", &token, three).await;
    assert_eq!(status, 400);
    assert!(text.contains("write buffer error: parsing for line protocol failed"), "{text}");
    assert_eq!(server.rows("v2").len(), 0);
    assert_eq!(
        request("/api/v3/write_lp?db=ok&precision=s", &bearer, r"m,t=a\ v=1 1").await.0,
        400
    );
}

#[tokio::test]
async fn a_3_x_server_stores_every_point_at_its_own_time() {
    let server = InfluxDb3::start().await;
    let mut settings = v3(&server, "butler", influxdb3::TOKEN);
    settings.tags = vec![tag("env", "a\\"), tag("odd", "x, y=z")];
    let influxdb = build(&settings);
    let events = [server_license(time(), Some(29)), access_licenses(time())];
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 2]);
    let rows = server.rows("butler");
    assert_eq!(rows.len(), 7);
    assert_eq!(
        rows[6],
        "qlik_sense_server_license env=a/,odd=x, y=z 1795500000123456789 days_until_expiry=29,expiry_date=2026-12-23,license_expired=false,state=valid"
    );
    assert_eq!(server.take_requests(), (vec!["/api/v3/write_lp".to_owned()], true));
}

#[tokio::test]
async fn a_refused_point_of_3_x_stands_alone_on_both_paths() {
    for without_v3 in [None, Some(404), Some(405)] {
        let server = InfluxDb3::start().await;
        if let Some(status) = without_v3 {
            server.without_v3(status);
        }
        let mut routes = routes();
        let mut bad = routes.sites["default"].clone();
        // A tag that has the name of a field of the other measurement is fine; this one was a
        // field before.
        bad.tags = vec![tag("was_field", "x")];
        routes.sites.insert("bad".into(), bad);
        let settings = v3(&server, "butler", influxdb3::TOKEN);
        let influxdb = InfluxDb::with_routes(&settings, routes).unwrap();
        let url = format!("{}api/v2/write?bucket=butler&precision=ns", server.url());
        let answer = reqwest::Client::new()
            .post(url)
            .header("authorization", format!("Token {}", influxdb3::TOKEN))
            .body("qlik_sense_server_license was_field=1 1")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 204);

        let mut events: Vec<Event> =
            (0..20).map(|i| server_license(time() + TimeDelta::hours(i), Some(i))).collect();
        events[7].site = "bad".into();
        let outcomes = influxdb.deliver(&events).await;
        let refused: Vec<_> =
            outcomes.iter().enumerate().filter(|(_, o)| **o != Outcome::Done).collect();
        let [(7, Outcome::Refused { why })] = &refused[..] else { panic!("{refused:?}") };
        assert!(!why.contains("was_field=x"), "the line is repeated: {why}");
        assert_eq!(server.rows("butler").len(), 20);

        // The path that works is remembered.
        server.take_requests();
        assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
        let expected = if without_v3.is_some() { "/api/v2/write" } else { "/api/v3/write_lp" };
        assert_eq!(server.take_requests(), (vec![expected.to_owned()], true));
    }
}

#[tokio::test]
async fn settings_that_3_x_refuses_wait() {
    let server = InfluxDb3::start().await;
    let deliver = async |database: &str, token: &str| {
        let influxdb = build(&v3(&server, database, token));
        let outcomes = influxdb.deliver(&[server_license(time(), None)]).await;
        let [Outcome::Retry { why, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(influxdb.probe().await.is_err());
        why.clone()
    };
    assert!(deliver("butler", "wrong").await.contains("401"));
    let why = deliver("with blank", influxdb3::TOKEN).await;
    assert!(why.contains("invalid character in database"), "{why}");
}

#[tokio::test]
async fn the_check_of_3_x_leaves_one_row_however_often() {
    let server = InfluxDb3::start().await;
    let influxdb = build(&v3(&server, "butler", influxdb3::TOKEN));
    for _ in 0..2 {
        let probe = influxdb.probe().await.unwrap();
        assert_eq!(probe.found, "InfluxDB 3.6.0, database butler, test write accepted");
    }
    // Two when midnight was between them.
    assert!((1..=2).contains(&server.rows("butler").len()));
    assert!(server.rows("butler")[0].starts_with("bursar_check  "));
}
