//! Releases in a real InfluxDB 1.x, and by which switch they get there.

use std::collections::HashMap;

use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::line::tag_text;
use bursar::destination::influxdb::settings;
use bursar::destination::registry::Configured;
use bursar::destination::{Destination, Outcome};
use bursar::event::route::{Routes, Site};
use bursar::event::{Channel, Event, SeatFacts, SendSwitch, Switches, UserTag};
use bursar::ledger::{Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use chrono::TimeDelta;
use serde_json::json;

use super::v1::{field_types, v1};
use crate::support::influxd;
use crate::support::releases::{all, counts, holder, now, rehearsed, released, run, seat};
use crate::support::wanted as wants;

fn routes(influxdb: bool, user_tag: UserTag) -> Routes {
    let send = if influxdb { SendSwitch::ON } else { SendSwitch::OFF };
    let switches = Switches::default().with(Channel::InfluxDb, send);
    let site = Site { release: Some(switches), user_tag, ..Site::default() };
    Routes { named_sites: false, sites: HashMap::from([("default".into(), site)]) }
}

fn build(settings: &settings::InfluxDb, user_tag: UserTag) -> InfluxDb {
    InfluxDb::new(settings, routes(true, user_tag)).unwrap()
}

#[tokio::test]
async fn releases_are_read_back_as_butler_writes_them() {
    let influxd = influxd::shared().await;
    let database = "releases";
    let mut settings = v1(influxd.url(), database);
    settings.tags = vec![super::tag("env", "prod")];
    let influxdb = build(&settings, UserTag::Name);
    let events = [
        released(seat(), SeatResult::Freed),
        released(rehearsed(), SeatResult::Freed),
        run(
            Mode::Real,
            RunStatus::Done,
            vec![counts(SeatType::Professional), counts(SeatType::Analyzer)],
        ),
    ];
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 3]);
    // Delivered twice, they overwrite themselves.
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 3]);

    let time = now().timestamp_nanos_opt().unwrap();
    let point = json!({"time": time, "days_since_last_use": 43, "env": "prod",
        "license_type": "analyzer", "user": "CORP\\anna"});
    for measurement in ["qlik_sense_license_release", "bursar_release_planned"] {
        let rows = influxd.rows(database, &format!("SELECT * FROM {measurement}")).await;
        assert_eq!(rows, std::slice::from_ref(&point), "{measurement}");
        assert_eq!(
            field_types(influxd, database, measurement).await,
            ["days_since_last_use:float"]
        );
    }
    let rows = influxd.rows(database, "SELECT * FROM bursar_release_run").await;
    let of = |kind: &str| {
        json!({"time": time, "env": "prod", "license_type": kind, "mode": "real", "status": "done",
            "seats": 100, "planned": 12, "released": 9, "quarantined": 2, "announced": 1,
            "kept": 87, "changed": 1, "refused": 1, "gone": 1, "unclear": 0,
            "kept_custom_property": 7, "kept_never_used": 10, "kept_used": 70,
            "ledger_seq": 77, "ledger_hash": "cd".repeat(32)})
    };
    assert_eq!(rows.len(), 2);
    assert!(rows.contains(&of("professional")) && rows.contains(&of("analyzer")), "{rows:?}");
    let types = field_types(influxd, database, "bursar_release_run").await;
    assert_eq!(types.len(), 15);
    let texts: Vec<_> = types.iter().filter(|t| !t.ends_with(":float")).collect();
    assert_eq!(texts, ["ledger_hash:string"]);
}

/// A user id that ends in a backslash made a broken line in Butler: the release left no record.
#[tokio::test]
async fn odd_accounts_leave_a_record_all_the_same() {
    let influxd = influxd::shared().await;
    let database = "release_accounts";
    let influxdb = build(&v1(influxd.url(), database), UserTag::Name);
    let cases = [
        ("anna\\", "CORP\\anna/"),
        ("anna\\\\", "CORP\\anna//"),
        ("a\\b", "CORP\\a\\b"),
        ("anna berg", "CORP\\anna berg"),
        ("a, b=c", "CORP\\a, b=c"),
        ("\"anna\"", "CORP/\"anna\""),
        (" anna", "CORP/ anna"),
        (",anna", "CORP/,anna"),
        ("a\\,b", "CORP\\a/,b"),
        ("two\nlines", "CORP\\two lines"),
        ("ends\r\n", "CORP\\ends"),
        ("åsa öberg 安娜 🦀", "CORP\\åsa öberg 安娜 🦀"),
        ("#anna", "CORP\\#anna"),
        ("", "CORP/"),
    ];
    let events: Vec<Event> = cases
        .iter()
        .map(|(user_id, _)| {
            let seat = SeatFacts { holder: holder("CORP", user_id), ..seat() };
            released(seat, SeatResult::Freed)
        })
        .collect();
    assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; cases.len()]);
    let rows = influxd.rows(database, "SELECT * FROM qlik_sense_license_release").await;
    let mut users: Vec<&str> = rows.iter().map(|row| row["user"].as_str().unwrap()).collect();
    let mut expected = cases.map(|(_, user)| user).to_vec();
    users.sort_unstable();
    expected.sort_unstable();
    assert_eq!(users, expected);
    for (user_id, user) in cases {
        assert_eq!(tag_text(&holder("CORP", user_id).account()).as_deref(), Some(user));
    }
}

#[tokio::test]
async fn users_are_hashed_or_left_out_and_no_release_is_lost() {
    let influxd = influxd::shared().await;
    let events: Vec<Event> = (1..=200_u128)
        .map(|i| {
            let id = uuid::Builder::from_random_bytes(((i << 64) | (i * 7_919)).to_be_bytes());
            let seat = SeatFacts {
                seat: id.into_uuid(),
                holder: holder("CORP", &format!("user{i}")),
                ..seat()
            };
            released(seat, SeatResult::Freed)
        })
        .collect();
    assert!(events.iter().all(|event| event.time == now()));
    for (database, user_tag) in [("release_hash", UserTag::Hash), ("release_nobody", UserTag::Off)]
    {
        let influxdb = build(&v1(influxd.url(), database), user_tag);
        for _ in 0..2 {
            assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 200]);
        }
        let rows = influxd.rows(database, "SELECT * FROM qlik_sense_license_release").await;
        assert_eq!(rows.len(), 200, "{database}");
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!text.contains("CORP") && !text.contains("user1"), "{database}");
        assert_eq!(rows.iter().all(|row| row.get("user").is_some()), user_tag == UserTag::Hash);
        let last = (now() + TimeDelta::seconds(1)).timestamp_nanos_opt().unwrap();
        assert!(rows.iter().all(|row| row["time"].as_i64().unwrap() < last));
        let series = influxd.rows(database, "SHOW SERIES FROM qlik_sense_license_release").await;
        assert_eq!(series.len(), if user_tag == UserTag::Hash { 200 } else { 1 });
    }
}

/// Butler writes releases to InfluxDB whatever `licenseRelease.destination.influxDb.enable` says.
#[test]
fn the_switch_of_releases_is_followed() {
    let settings = v1("http://127.0.0.1:1".parse().unwrap(), "x");
    let wanted = |influxdb: bool| -> Vec<&str> {
        let routes = routes(influxdb, UserTag::Name);
        let configured = Configured { influxdb: Some(settings.clone()), ..Configured::default() };
        let mut kinds: Vec<_> = all()
            .iter()
            .filter(|event| wants(&configured, &routes, event))
            .map(|event| event.kind().as_str())
            .collect();
        kinds.dedup();
        kinds
    };
    assert_eq!(wanted(true), ["seatReleased", "releaseRun"]);
    assert_eq!(wanted(false), Vec::<&str>::new());
}

/// The users' wish for their privacy is not known any more once their site is not configured.
#[tokio::test]
async fn a_release_of_a_site_that_is_gone_names_nobody() {
    let influxd = influxd::shared().await;
    let database = "release_gone";
    let influxdb = build(&v1(influxd.url(), database), UserTag::Name);
    let event = Event { site: "gone".into(), ..released(seat(), SeatResult::Freed) };
    assert_eq!(influxdb.deliver(&[event]).await, [Outcome::Done]);
    let rows = influxd.rows(database, "SELECT * FROM qlik_sense_license_release").await;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].get("user").is_none(), "{rows:?}");
}
