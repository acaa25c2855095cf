//! What leaves of releases: payloads, their schemas, points, and the line for people.

mod delivery;

use bursar::destination::influxdb::line::tag_text;
use bursar::destination::influxdb::points::points;
use bursar::destination::payload::{alert_text, json, webhook_json};
use bursar::event::{Class, Event, Kind, Monitor, SeatFacts, UserTag};
use bursar::ledger::{Mode, RunStatus, SeatResult};
use bursar::license::{Holder, SeatType};
use bursar::policy::Guard;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::payloads::{assert_as_its_schema_says, schema};
use crate::support::releases::{
    all, announced, counts, holder, kept, now, refused, rehearsed, released, restored, run, seat,
    withdrawn,
};

fn compact(event: &Event) -> String {
    serde_json::to_string(&json(event, false)).unwrap()
}

#[test]
fn one_line_for_people() {
    let lines: Vec<_> = all().iter().map(Event::summary).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    released the Analyzer seat of CORP\anna, unused for 43 days
    rehearsal: would release the Analyzer seat of CORP\anna, never used, allocated 1 day ago
    released the Analyzer seat of CORP\anna, unused for 43 days, in quarantine until 2026-12-01 06:00 UTC
    released the Analyzer seat of CORP\anna, unused for 43 days, in quarantine
    announced the release of the Analyzer seat of CORP\anna, unused for 43 days, for 2026-12-04 06:00 UTC
    rehearsal: would announce the release of the Analyzer seat of CORP\anna, unused for 43 days, for 2026-12-04 06:00 UTC
    withdrew the announced release of the user access seat of CORP\anna: used on 2026-11-23
    rehearsal: would withdraw the announced release of the Analyzer seat of CORP\anna: used on 2026-11-23
    allocated again the Analyzer seat of CORP\anna
    rehearsal: would allocate again the Analyzer seat of CORP\anna
    alert, release refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them
    alert, a real release would be refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them
    kept seats: Professional 87 of 100 (custom-property 7, never-used 10, used 70), Analyzer 87 of 100 (custom-property 7, never-used 10, used 70)
    rehearsal: kept seats: Professional 87 of 100 (custom-property 7, never-used 10, used 70), Analyzer 87 of 100 (custom-property 7, never-used 10, used 70)
    release run done in part; Analyzer: 9 released, 2 of them in quarantine, 1 announced, 1 kept when read again, 1 refused by the site, 1 already gone, 87 kept
    rehearsal: release run done; Professional: 9 would be released, 2 of them in quarantine, 1 announced, 1 kept when read again, 1 refused by the site, 1 already gone, 87 kept; user access: 9 would be released, 2 of them in quarantine, 1 announced, 1 kept when read again, 1 refused by the site, 1 already gone, 87 kept
    undo of releases broken off; no type of seat was looked at; 5 failures in a row
    ");
}

#[test]
fn a_line_stays_one_line_whatever_the_name() {
    let mut odd = seat();
    odd.holder = holder("CORP\u{1b}[31m", "anna\r\nERROR forged");
    let line = released(odd, SeatResult::Freed).summary();
    assert_eq!(
        line,
        r"released the Analyzer seat of CORP [31m\anna ERROR forged, unused for 43 days"
    );
}

#[test]
fn the_event_survives_the_outbox() {
    for event in all() {
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
        assert_eq!(event.monitor(), Monitor::Release);
    }
}

#[test]
fn counts_are_recurring_and_everything_else_must_not_be_lost() {
    let recurring: Vec<_> =
        all().iter().filter(|e| e.class() == Class::Recurring).map(|e| e.kind().as_str()).collect();
    assert_eq!(recurring, ["seatsKept", "seatsKept", "releaseRun", "releaseRun", "releaseRun"]);
}

#[test]
fn payloads() {
    let events = [
        released(seat(), SeatResult::Freed),
        announced(seat()),
        withdrawn(seat()),
        restored(seat()),
        refused(false),
        kept(true),
        run(Mode::Real, RunStatus::Done, vec![counts(SeatType::Analyzer)]),
    ];
    let lines: Vec<_> = events.iter().map(compact).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"kind":"seatReleased","user":"CORP\\anna","userDirectory":"CORP","userId":"anna","userName":"Anna Ödman","licenseType":"analyzer","seatId":"00000000-0000-0000-0000-000000005ea7","allocated":"2025-03-01T08:00:00.000Z","lastUsed":"2026-10-12T06:00:00.123Z","idleDays":43,"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","result":"freed","late":false,"time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"seatAnnounced","user":"CORP\\anna","userDirectory":"CORP","userId":"anna","userName":"Anna Ödman","licenseType":"analyzer","seatId":"00000000-0000-0000-0000-000000005ea7","allocated":"2025-03-01T08:00:00.000Z","lastUsed":"2026-10-12T06:00:00.123Z","idleDays":43,"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","due":"2026-12-04T06:00:00.000Z","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"seatWithdrawn","user":"CORP\\anna","userDirectory":"CORP","userId":"anna","userName":"Anna Ödman","licenseType":"analyzer","seatId":"00000000-0000-0000-0000-000000005ea7","allocated":"2025-03-01T08:00:00.000Z","lastUsed":"2026-10-12T06:00:00.123Z","idleDays":43,"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","why":"used on 2026-11-23","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"seatRestored","user":"CORP\\anna","userDirectory":"CORP","userId":"anna","userName":"Anna Ödman","licenseType":"analyzer","seatId":"00000000-0000-0000-0000-000000005ea7","allocated":"2025-03-01T08:00:00.000Z","lastUsed":"2026-10-12T06:00:00.123Z","idleDays":43,"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"releaseRefused","refusals":[{"guard":"percent","licenseType":"analyzer","saw":"60 of 100 seats would go, more than maxReleasePercent (25)","fix":"see whether the directory sync works"},{"guard":"clock","licenseType":null,"saw":"the clocks differ by 7 minutes","fix":"synchronise them"}],"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","message":"Qlik Sense license release was refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"seatsKept","licenseTypes":{"professional":{"seats":100,"kept":87,"keptByReason":{"custom-property":7,"never-used":10,"used":70}},"analyzer":{"seats":100,"kept":87,"keptByReason":{"custom-property":7,"never-used":10,"used":70}}},"rehearsal":true,"run":"0199b1c2-0000-7000-8000-000000000001","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    {"kind":"releaseRun","mode":"real","status":"done","trigger":"schedule","startedBy":null,"started":"2026-11-24T05:59:58.250Z","ended":"2026-11-24T06:00:00.005Z","why":null,"licenseTypes":{"analyzer":{"seats":100,"planned":12,"released":9,"quarantined":2,"announced":1,"kept":87,"changed":1,"refused":1,"gone":1,"unclear":0}},"planDigest":"abababababababababababababababababababababababababababababababab","ledger":{"seq":77,"hash":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"},"rehearsal":false,"run":"0199b1c2-0000-7000-8000-000000000001","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}
    "#);
}

#[test]
fn webhooks_say_which_event_it_is_and_which_site() {
    for event in all() {
        let mqtt = json(&event, false);
        let mut webhook = webhook_json(&event, true);
        assert_eq!(mqtt["kind"], event.kind().as_str());
        assert_eq!(webhook.remove("site"), Some("default".into()));
        assert!(webhook.remove("event").is_some_and(|name| name.is_string()));
        // Beside these both are the same.
        let mut expected = mqtt;
        expected.remove("kind");
        assert_eq!(webhook, expected);
    }
}

#[test]
fn only_refusals_are_alerts_in_words() {
    let texts: Vec<_> = all().iter().filter_map(alert_text).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    Qlik Sense license release was refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them
    Qlik Sense license release would be refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them
    ");
}

#[test]
fn payloads_are_as_their_schemas_say() {
    for event in all() {
        assert_as_its_schema_says(&event);
    }
}

#[test]
fn the_schema_names_every_guard() {
    let schema = schema(Kind::ReleaseRefused);
    let named = &schema["properties"]["refusals"]["items"]["properties"]["guard"]["enum"];
    let named: Vec<_> = named.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(named, Guard::ALL.iter().map(|guard| guard.as_str()).collect::<Vec<_>>());
}

fn lines(event: &Event, user_tag: UserTag) -> Vec<String> {
    let tags = vec![("env".to_owned(), "prod".to_owned())];
    points(event, tags, user_tag).iter().map(|point| point.to_line().unwrap()).collect()
}

#[test]
fn releases_as_butler_writes_them_and_runs_beside_them() {
    let quarantined = SeatResult::Quarantined { until: bursar::license::Moment::At(now()) };
    let events = [
        released(seat(), SeatResult::Freed),
        released(seat(), quarantined),
        released(rehearsed(), SeatResult::Freed),
        run(
            Mode::Real,
            RunStatus::Partly,
            vec![counts(SeatType::Professional), counts(SeatType::Analyzer)],
        ),
        run(Mode::Rehearsal, RunStatus::Failed, vec![]),
    ];
    let all: Vec<_> = events.iter().flat_map(|event| lines(event, UserTag::Name)).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    qlik_sense_license_release,env=prod,license_type=analyzer,user=CORP\anna days_since_last_use=43 1795500000005000000
    qlik_sense_license_release,env=prod,license_type=analyzer,user=CORP\anna days_since_last_use=43 1795500000005000000
    bursar_release_planned,env=prod,license_type=analyzer,user=CORP\anna days_since_last_use=43 1795500000005000000
    bursar_release_run,env=prod,license_type=professional,mode=real,status=partly seats=100,planned=12,released=9,quarantined=2,announced=1,kept=87,changed=1,refused=1,gone=1,unclear=0,kept_custom_property=7,kept_never_used=10,kept_used=70,ledger_seq=77,ledger_hash="cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" 1795500000005000000
    bursar_release_run,env=prod,license_type=analyzer,mode=real,status=partly seats=100,planned=12,released=9,quarantined=2,announced=1,kept=87,changed=1,refused=1,gone=1,unclear=0,kept_custom_property=7,kept_never_used=10,kept_used=70,ledger_seq=77,ledger_hash="cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" 1795500000005000000
    bursar_release_run,env=prod,license_type=none,mode=rehearsal,status=failed seats=0,planned=0,released=0,quarantined=0,announced=0,kept=0,changed=0,refused=0,gone=0,unclear=0,ledger_seq=77,ledger_hash="cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" 1795500000005000000
    "#);
}

#[test]
fn the_rest_makes_no_points() {
    let kinds = |made: bool| -> std::collections::BTreeSet<&str> {
        all().iter().filter(|e| e.kind().has_figures() == made).map(|e| e.kind().as_str()).collect()
    };
    assert_eq!(kinds(true).into_iter().collect::<Vec<_>>(), ["releaseRun", "seatReleased"]);
    for event in all() {
        assert_eq!(!lines(&event, UserTag::Name).is_empty(), event.kind().has_figures());
    }
}

#[test]
fn a_hash_stands_for_the_user_in_any_case() {
    let with = |directory: &str, user_id: &str| {
        let seat = SeatFacts { holder: holder(directory, user_id), ..seat() };
        lines(&released(seat, SeatResult::Freed), UserTag::Hash).join("")
    };
    // printf 'corp\\anna' | sha256sum
    assert_eq!(
        with("CORP", "Anna"),
        "qlik_sense_license_release,env=prod,license_type=analyzer,user=0634c4250638dc4c days_since_last_use=43 1795500000005000000"
    );
    assert_eq!(with("corp", "ANNA"), with("CORP", "anna"));
    assert_ne!(with("CORP", "anna2"), with("CORP", "anna"));
}

/// Without a user only the time tells points apart, also of seats that went at the same moment.
#[test]
fn points_without_a_user_do_not_overwrite_each_other() {
    let point = |id: u128| {
        let seat = SeatFacts { seat: Uuid::from_u128(id), ..rehearsed() };
        let event = released(seat, SeatResult::Freed);
        points(&event, vec![], UserTag::Off).remove(0)
    };
    // Ids as the repository makes them: random, of version 4.
    let ids: Vec<_> = (0..1000_u128)
        .map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834))
        .map(|i| uuid::Builder::from_random_bytes(i.to_be_bytes()).into_uuid().as_u128())
        .collect();
    let times: std::collections::HashSet<_> = ids.iter().map(|id| point(*id).time).collect();
    assert_eq!(times.len(), ids.len());
    for id in ids {
        let point = point(id);
        assert!(point.time >= now() && point.time - now() < chrono::TimeDelta::seconds(1));
        assert!(point.tags.iter().all(|(name, _)| name != "user"));
        // A repetition overwrites itself.
        assert_eq!(point.time, self::points_again(id));
    }
}

fn points_again(id: u128) -> chrono::DateTime<chrono::Utc> {
    let seat = SeatFacts { seat: Uuid::from_u128(id), ..rehearsed() };
    points(&released(seat, SeatResult::Freed), vec![], UserTag::Off)[0].time
}

/// The switches of `licenseRelease.destination`, from the file to the queues.
#[test]
fn each_switch_sends_what_it_says() {
    let wanted = |influxdb: bool, mqtt: &str, webhook: &str| {
        let text = format!(
            "Butler:
  configQRS: {{host: q, headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=A; UserId=b}}]}}}}
  cert: {{clientCert: a, clientCertKey: b, clientCertCA: c}}
  influxDb: {{enable: true, hostIP: db, version: 1, v1Config: {{dbName: qlik}}}}
  mqttConfig: {{enable: true, brokerHost: mqtt}}
  webhookNotification: {{enable: true, qlikSenseLicenseRelease: {{webhooks: [{{webhookURL: 'http://a'}}]}}}}
  qlikSenseLicense:
    licenseRelease:
      destination:
        influxDb: {{enable: {influxdb}}}
        mqtt: {{{mqtt}}}
        webhook: {{{webhook}}}
"
        );
        let file = std::path::Path::new("x.yaml");
        let env = bursar::config::FixedEnvironment::default();
        let loaded = bursar::config::load_text(&text, file, &env).unwrap();
        let (events, addressing) = (all(), loaded.settings.addressing());
        let mut lines = String::new();
        for queue in addressing.queues() {
            let wants = |event: &&Event| addressing.queues_of(event).any(|wants| wants == queue);
            let mut kinds: Vec<_> =
                events.iter().filter(wants).map(|event| event.kind().as_str()).collect();
            kinds.dedup();
            let name = queue.channel;
            lines += &format!(
                "{name}: {}\n",
                if kinds.is_empty() { "-".to_owned() } else { kinds.join(" ") }
            );
        }
        lines
    };
    let recurring = "enable: true, sendRecurring: {enable: true}";
    let alert = "enable: true, sendAlert: {enable: true}";
    let neither = "sendRecurring: {enable: true}, sendAlert: {enable: true}";
    insta::assert_snapshot!(wanted(true, recurring, alert), @r"
    influxdb: seatReleased releaseRun
    mqtt: seatsKept releaseRun
    webhook: seatReleased seatAnnounced seatWithdrawn seatRestored releaseRefused
    ");
    insta::assert_snapshot!(wanted(false, alert, recurring), @r"
    influxdb: -
    mqtt: seatReleased seatAnnounced seatWithdrawn seatRestored releaseRefused
    webhook: seatsKept releaseRun
    ");
    insta::assert_snapshot!(wanted(false, neither, neither), @r"
    influxdb: -
    mqtt: -
    webhook: -
    ");
}

proptest! {
    /// Whatever an account is called, its line is read back as one point with the account as the
    /// tag `user`, changed only as documented: a backslash that line protocol can't hold becomes a
    /// slash, a line end, tab or NUL a blank.
    #[test]
    fn any_account_arrives(
        directory in prop_oneof![any::<String>(), "[A-Za-z ,=\"\\\\\n\r\t]{0,8}"],
        user_id in prop_oneof![any::<String>(), "[a-zåß ,=\"\\\\\n\r\t]{0,8}"],
        days in 0_i64..100_000,
        rehearsal: bool,
    ) {
        let holder = Holder { directory: directory.into(), user_id: user_id.into(), ..seat().holder };
        let account = holder.account();
        let facts = SeatFacts { holder, idle_days: days, rehearsal, ..seat() };
        let event = released(facts, SeatResult::Freed);
        let line = lines(&event, UserTag::Name).remove(0);
        let mut parsed = influxdb_line_protocol::parse_lines(&line);
        let point = parsed.next().unwrap().unwrap();
        prop_assert!(parsed.next().is_none(), "{}", line);
        let measurement =
            if rehearsal { "bursar_release_planned" } else { "qlik_sense_license_release" };
        prop_assert_eq!(point.series.measurement.as_str(), measurement);
        let tags: Vec<_> = point.series.tag_set.iter().flatten().collect();
        let user = tags.iter().find(|(name, _)| *name == "user").map(|(_, user)| user.to_string());
        prop_assert_eq!(&user, &tag_text(&account));
        prop_assert_eq!(tags.len(), 3);
        let user = user.unwrap();
        // What is documented: sign by sign the same, but for these.
        let trimmed = account.trim_matches(['\n', '\r']);
        prop_assert_eq!(user.chars().count(), trimmed.chars().count());
        for (shown, real) in user.chars().zip(trimmed.chars()) {
            let blank = matches!(real, '\n' | '\r' | '\t' | '\0') && shown == ' ';
            prop_assert!(shown == real || (real == '\\' && shown == '/') || blank);
        }
        let fields: Vec<_> = point.field_set.iter().collect();
        prop_assert_eq!(fields.len(), 1);
        prop_assert_eq!(fields[0].0.as_str(), "days_since_last_use");
        let value = influxdb_line_protocol::FieldValue::F64(days as f64);
        prop_assert_eq!(&fields[0].1, &value);
        prop_assert_eq!(point.timestamp, event.time.timestamp_nanos_opt());
    }
}
