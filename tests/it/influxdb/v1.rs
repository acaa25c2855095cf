//! InfluxDB 1.x, the real one.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod gone;

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::line::{Field, Point, tag_text};
use bursar::destination::influxdb::settings;
use bursar::destination::influxdb::settings::{InfluxVersion, RetentionPolicy};
use bursar::destination::settings::BasicAuth;
use bursar::destination::{Destination, Outcome};
use bursar::event::{Body, Event};
use bursar::secret::Secret;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::{access_licenses, build, routes, server_license, tag, time};
use crate::support::influxd::{self, ADMIN, Influxd, PASSWORD};
use crate::support::proxy::{Mode, Proxy};

pub fn v1(url: url::Url, database: &str) -> settings::InfluxDb {
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

/// Field names and types of a measurement, sorted.
pub async fn field_types(influxd: &Influxd, database: &str, measurement: &str) -> Vec<String> {
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

/// Everything that means something to a parser, in every combination of up to three.
fn odd_texts() -> Vec<String> {
    let special = ["a", "\\", ",", "=", " ", "\"", "\n", "#"];
    let mut texts: Vec<String> = vec![];
    let mut longest = vec![String::new()];
    for _ in 0..3 {
        longest = longest.iter().flat_map(|t| special.map(|s| format!("{t}{s}"))).collect();
        texts.extend(longest.iter().cloned());
    }
    texts
}

#[tokio::test]
async fn odd_texts_are_read_back_from_the_real_parser() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE odd").await;
    let texts = odd_texts();
    let points: Vec<Point> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Point {
            measurement: "m",
            tags: vec![(format!("k{text}"), "1".into()), ("odd".into(), text.clone())],
            fields: vec![("text".into(), Field::Text(text.clone()))],
            time: time() + TimeDelta::seconds(i64::try_from(index).unwrap()),
        })
        .collect();
    let lines: Vec<String> = points.iter().map(|point| point.to_line().unwrap()).collect();
    write(influxd, "odd", &lines.join("\n")).await;

    let rows = influxd.rows("odd", "SELECT odd, text FROM m").await;
    assert_eq!(rows.len(), texts.len());
    for (row, text) in rows.iter().zip(&texts) {
        assert_eq!(row["odd"].as_str().map(str::to_owned), tag_text(text), "{text:?}");
        assert_eq!(row["text"], text.replace('\n', " "), "{text:?}");
    }
    let keys = influxd.rows("odd", "SHOW TAG KEYS FROM m").await;
    let mut keys: Vec<String> =
        keys.iter().map(|row| row["tagKey"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    let mut expected: Vec<String> =
        texts.iter().filter_map(|text| tag_text(&format!("k{text}"))).collect();
    expected.push("odd".into());
    expected.sort();
    expected.dedup();
    assert_eq!(keys, expected);
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
    // The default one has what it had; points go where the settings say.
    assert_eq!(count(influxd, "filled").await, 0);
    let statement =
        "SELECT COUNT(license_expired) AS n FROM filled.\"10 d\".qlik_sense_server_license";
    assert_eq!(influxd.rows("filled", statement).await[0]["n"], 1);
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
async fn a_figure_that_is_not_a_number_is_left_out() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE nan").await;
    let mut first = access_licenses(time());
    if let Body::AccessLicenseStatus(pools) = &mut first.body {
        pools.professional.as_mut().unwrap().used = f64::NAN;
    }
    let influxdb = build(&v1(influxd.url(), "nan"));
    assert_eq!(influxdb.deliver(&[first]).await, [Outcome::Done]);
    let rows = influxd
        .rows(
            "nan",
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
    let error = InfluxDb::new(&settings, routes()).unwrap_err().to_string();
    assert!(error.contains("\"10 days\"") && error.contains("10d"), "{error}");
}

#[tokio::test]
async fn a_server_that_only_takes_writes_is_written_to() {
    let answer = async |uri: axum::http::Uri| match uri.path() {
        "/write" => StatusCode::NO_CONTENT,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let influxdb = build(&v1(url, "x"));
    assert_eq!(influxdb.deliver(&[server_license(time(), None)]).await, [Outcome::Done]);
}
