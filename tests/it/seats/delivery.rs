//! What leaves of seats: payloads, their schemas, points, and the line for people.

use std::collections::HashMap;

use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::points::{is_reserved, points};
use bursar::destination::payload::json;
use bursar::destination::registry::Configured;
use bursar::destination::{Destination, Outcome};
use bursar::event::route::{Routes, Site};
use bursar::event::{
    Body, Channel, Class, Event, Monitor, SeatActivity, SeatChanges, SendSwitch, Switches,
    TypeActivity, UserTag,
};
use bursar::insight::activity::{Active, FirstTime};
use bursar::insight::idle::{Idle, Reclaimable, Usage};
use bursar::insight::reclaim::ByRules;
use bursar::license::changes::{After, By, Change, MovedFrom, TimeFrom};
use bursar::license::{ChangeKind, SeatType};
use chrono::TimeDelta;
use serde_json::json as literal;
use uuid::Uuid;

use crate::influxdb::v1::{field_types, v1};
use crate::payloads::assert_as_its_schema_says;
use crate::support::releases::{holder, now};
use crate::support::{influxd, wanted};

fn event(body: Body) -> Event {
    Event { id: "0199-id".into(), site: "default".into(), time: now(), body, notice: None }
}

fn active(n: u32) -> Active {
    Active { last_day: n, last_7_days: n + 1, last_28_days: n + 2, last_90_days: n + 3 }
}

fn activity() -> Event {
    let idle = Idle {
        days_0_7: 40,
        days_8_30: 20,
        days_31_60: 10,
        days_61_90: 5,
        over_90: 8,
        never_used: 6,
        unknown: 1,
    };
    let of = TypeActivity {
        seat_type: SeatType::Analyzer,
        usage: Usage {
            seats: 92,
            quarantined: 2,
            excess: 1,
            without_user: 1,
            idle,
            reclaimable: Reclaimable { after_30_days: 20, after_60_days: 12, after_90_days: 9 },
        },
        active: active(30),
        first_time: FirstTime { last_day: 0, last_7_days: 1, last_28_days: 2, last_90_days: 3 },
        by_rules: Some(ByRules {
            enabled: true,
            threshold_days: 30,
            release: 15,
            announce: 2,
            unknown: 1,
        }),
    };
    let professional =
        TypeActivity { seat_type: SeatType::Professional, by_rules: None, ..of.clone() };
    event(Body::SeatActivity(SeatActivity {
        types: vec![professional, of],
        people: active(50),
        two_seats: 4,
    }))
}

fn change(kind: ChangeKind, seat: u128) -> Change {
    Change {
        kind,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(seat),
        holder: Some(holder("CORP", "anna")),
        deleted_user: None,
        after: After::Held,
        from: None,
        time: now() - TimeDelta::minutes(20),
        time_from: TimeFrom::CreatedDate,
        by: By::Unknown,
        released_before: None,
        initial: false,
    }
}

fn some_changes() -> Vec<Change> {
    let again = Change {
        released_before: Some(now() - TimeDelta::days(3)),
        by: By::Someone { user: r"CORP\admin".into() },
        ..change(ChangeKind::Allocated, 1)
    };
    let ours = Change {
        by: By::Bursar { run: "run-1".into() },
        after: After::Gone,
        time_from: TimeFrom::Ledger,
        ..change(ChangeKind::Released, 2)
    };
    let from = MovedFrom {
        seat_type: SeatType::Professional,
        seat: Uuid::from_u128(9),
        after: After::Quarantined,
    };
    let moved = Change { from: Some(from), ..change(ChangeKind::Moved, 3) };
    let deleted = Change {
        holder: None,
        deleted_user: Some(r"CORP\gone".into()),
        after: After::Quarantined,
        ..change(ChangeKind::UserDeleted, 4)
    };
    let first = Change { initial: true, ..change(ChangeKind::Allocated, 5) };
    vec![again, ours, moved, deleted, first]
}

fn changes() -> Event {
    event(Body::SeatChanges(SeatChanges::of(&some_changes())))
}

fn lines(event: &Event, user_tag: UserTag) -> String {
    let tags = vec![("env".to_owned(), "prod".to_owned())];
    let lines = points(event, tags, user_tag);
    lines.iter().map(|point| point.to_line().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_line_for_people_and_the_outbox_gives_back_what_it_got() {
    let lines: Vec<_> = [activity(), changes()].iter().map(Event::summary).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    seats: Professional 32 of 92 used within 28 days, Analyzer 32 of 92 used within 28 days
    seats changed: 1 Analyzer released, 1 Analyzer user deleted, 1 Analyzer allocated, 1 Analyzer moved to another type
    ");
    for event in [activity(), changes()] {
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
        assert_eq!(event.monitor(), Monitor::Seats);
        assert!(event.kind().has_figures());
    }
    assert_eq!((activity().class(), changes().class()), (Class::Recurring, Class::Alert));
}

#[test]
fn an_event_lists_no_more_than_it_may_and_counts_all() {
    let many: Vec<Change> = (0..450).map(|n| change(ChangeKind::Released, n)).collect();
    let told = SeatChanges::of(&many);
    assert_eq!((told.changes.len(), told.omitted, told.counts[0].count), (200, 250, 450));
}

#[test]
fn names_are_in_no_point_unless_somebody_wants_them() {
    insta::assert_snapshot!(lines(&activity(), UserTag::Off), @r"
    bursar_seat_activity,env=prod,license_type=professional seats=92,excess=1,quarantined=2,without_user=1,idle_0_7d=40,idle_8_30d=20,idle_31_60d=10,idle_61_90d=5,idle_over_90d=8,never_used=6,idle_unknown=1,reclaimable_30d=20,reclaimable_60d=12,reclaimable_90d=9,first_time_1d=0,first_time_7d=1,first_time_28d=2,first_time_90d=3,active_1d=30,active_7d=31,active_28d=32,active_90d=33 1795500000005000000
    bursar_seat_activity,env=prod,license_type=analyzer seats=92,excess=1,quarantined=2,without_user=1,idle_0_7d=40,idle_8_30d=20,idle_31_60d=10,idle_61_90d=5,idle_over_90d=8,never_used=6,idle_unknown=1,reclaimable_30d=20,reclaimable_60d=12,reclaimable_90d=9,first_time_1d=0,first_time_7d=1,first_time_28d=2,first_time_90d=3,active_1d=30,active_7d=31,active_28d=32,active_90d=33,reclaimable_rules=17,announceable_rules=2,undecided_rules=1 1795500000005000000
    bursar_seat_activity,env=prod,license_type=all active_1d=50,active_7d=51,active_28d=52,active_90d=53,two_seats=4 1795500000005000000
    ");
    insta::assert_snapshot!(lines(&changes(), UserTag::Off), @r"
    bursar_seat_change,change=released,env=prod,license_type=analyzer count=1,churn=0,by_bursar=1 1795500000005000000
    bursar_seat_change,change=userDeleted,env=prod,license_type=analyzer count=1,churn=0,by_bursar=0 1795500000005000000
    bursar_seat_change,change=allocated,env=prod,license_type=analyzer count=1,churn=1,by_bursar=0 1795500000005000000
    bursar_seat_change,change=moved,env=prod,license_type=analyzer count=1,churn=0,by_bursar=0 1795500000005000000
    ");
    let named = lines(&changes(), UserTag::Name);
    let hashed = lines(&changes(), UserTag::Hash);
    let singles = |text: &str| -> Vec<String> {
        text.lines().filter(|l| l.starts_with("bursar_seat_user_change")).map(Into::into).collect()
    };
    insta::assert_snapshot!(singles(&named).join("\n"), @r"
    bursar_seat_user_change,change=allocated,env=prod,license_type=analyzer,user=CORP\anna count=1,churn=1 1795498800005000001
    bursar_seat_user_change,change=released,env=prod,license_type=analyzer,user=CORP\anna count=1,churn=0 1795498800005000002
    bursar_seat_user_change,change=moved,env=prod,license_type=analyzer,user=CORP\anna count=1,churn=0 1795498800005000003
    ");
    // The deleted user and the change of the first reading are not among them.
    assert_eq!((singles(&named).len(), singles(&hashed).len()), (3, 3));
    assert!(!hashed.contains("anna"), "{hashed}");
    for event in [activity(), changes()] {
        for point in points(&event, vec![], UserTag::Name) {
            let names = point.fields.iter().map(|(name, _)| name.to_string());
            for name in names.chain(point.tags.iter().map(|(name, _)| name.clone())) {
                assert!(is_reserved(Monitor::Seats, &name), "{name}");
            }
        }
    }
    assert!(!is_reserved(Monitor::Seats, "env"));
}

#[test]
fn payloads_are_as_their_schemas_say() {
    for event in [activity(), changes()] {
        assert_as_its_schema_says(&event);
    }
    let text = serde_json::to_string(&json(&changes(), false)["changes"][0]).unwrap();
    insta::assert_snapshot!(text, @r#"{"change":"allocated","licenseType":"analyzer","user":"CORP\\anna","userDirectory":"CORP","userId":"anna","userName":"Anna Ödman","seatId":"00000000-0000-0000-0000-000000000001","after":"held","movedFrom":null,"changed":"2026-11-24T05:40:00.005Z","timeFrom":"createdDate","by":"CORP\\admin","run":null,"churn":true,"releasedBefore":"2026-11-21T06:00:00.005Z","initial":false}"#);
}

#[tokio::test]
async fn a_real_influxdb_takes_the_points_and_gives_them_back() {
    let influxd = influxd::shared().await;
    let database = "seats";
    let switches = Switches::default().with(Channel::InfluxDb, SendSwitch::ON);
    let site = Site { seats: Some(switches), seat_user_tag: UserTag::Hash, ..Site::default() };
    let sites = HashMap::from([("default".into(), site)]);
    let routes = Routes { named_sites: false, sites };
    let settings = v1(influxd.url(), database);
    let influxdb = InfluxDb::new(&settings, routes.clone()).unwrap();
    let events = [activity(), changes()];
    let configured = Configured { influxdb: Some(settings), ..Configured::default() };
    assert!(events.iter().all(|event| wanted(&configured, &routes, event)));
    for _ in 0..2 {
        assert_eq!(influxdb.deliver(&events).await, vec![Outcome::Done; 2]);
    }
    let rows = influxd.rows(database, "SELECT * FROM bursar_seat_activity").await;
    assert_eq!(rows.len(), 3, "two types and all people, once: {rows:?}");
    let analyzer = rows.iter().find(|row| row["license_type"] == "analyzer").unwrap();
    assert_eq!(
        (&analyzer["seats"], &analyzer["active_28d"], &analyzer["reclaimable_rules"]),
        (&literal!(92), &literal!(32), &literal!(17))
    );
    let types = field_types(influxd, database, "bursar_seat_activity").await;
    assert!(types.iter().all(|t| t.ends_with(":float")), "{types:?}");
    let rows = influxd.rows(database, "SELECT * FROM bursar_seat_change").await;
    let mut kinds: Vec<_> = rows.iter().map(|row| row["change"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["allocated", "moved", "released", "userDeleted"]);
    let rows = influxd.rows(database, "SELECT * FROM bursar_seat_user_change").await;
    assert_eq!(rows.len(), 3);
}
