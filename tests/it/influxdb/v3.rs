//! InfluxDB 3.x: a stand-in that answers as the real one was recorded.

use std::time::Duration;

use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::settings;
use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::destination::{Destination, Outcome};
use bursar::event::Event;
use bursar::secret::Secret;
use chrono::TimeDelta;
use serde_json::json;

use super::{access_licenses, build, routes, server_license, tag, time};
use crate::support::influxdb3::{self, InfluxDb3};

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
    let path = "/api/v3/write_lp?db=butler&precision=nanosecond&accept_partial=true";
    assert_eq!(server.take_requests(), (vec![path.to_owned()], true));
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
        let influxdb = InfluxDb::new(&settings, routes).unwrap();
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
        let (requests, compressed) = server.take_requests();
        assert!(compressed && requests.len() == 1 && requests[0].starts_with(expected));
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
