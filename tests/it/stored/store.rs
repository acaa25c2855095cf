//! A whole store that an older build left behind: opened, brought up to date, and all of it read.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bursar::alert::state::{Alert, Occurrence};
use bursar::event::{Class, Event, Monitor};
use bursar::ledger::past::Announcement;
use bursar::ledger::{Entry, RunStatus, SeatResult};
use bursar::license::monitor_app::ScriptLog;
use bursar::license::{Change, Moment, Person, SeatType};
use bursar::release::Plan;
use bursar::store::Store;
use bursar::store::history::Resolution;
use bursar::store::settings::OutboxLimits;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::meaning::now;
use super::{files, folder, read};
use crate::support::process::output;

/// What the commands need to find the store.
pub const SETTINGS: &str = r"
Butler:
  timeZone: Europe/Berlin
  storage:
    path: bursar.db
  configQRS:
    host: qlik.example.com
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=INTERNAL; UserId=sa_repository
  cert:
    clientCert: client.pem
    clientCertKey: client_key.pem
    clientCertCA: root.pem
";

/// The stores that are kept: the format and the file's content.
fn stores() -> Vec<(i64, Vec<u8>)> {
    let mut stores = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(format) = name.strip_prefix("store-").and_then(|n| n.strip_suffix(".db.gz"))
        else {
            continue;
        };
        let mut content = Vec::new();
        let file = std::fs::File::open(&path).unwrap();
        flate2::read::GzDecoder::new(file).read_to_end(&mut content).unwrap();
        stores.push((format.parse().unwrap(), content));
    }
    assert!(!stores.is_empty());
    stores
}

/// A store of this format in a folder of its own.
pub fn old_store(format: i64) -> TempDir {
    let (_, content) = stores().into_iter().find(|(found, _)| *found == format).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bursar.db"), content).unwrap();
    folder
}

/// Opens it an hour after it was left; a file of an older format is brought up to date.
async fn open(folder: &Path) -> Store {
    let limits = OutboxLimits { max_events: 1000, max_age: Duration::from_secs(30 * 86_400) };
    let an_hour_later = || now() + TimeDelta::hours(1);
    crate::support::store::open(&folder.join("bursar.db"), limits, an_hour_later).await.unwrap()
}

fn format_of(folder: &Path) -> i64 {
    let db = crate::support::store::database(folder.join("bursar.db"));
    db.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap()
}

/// The format that this build makes.
fn current() -> i64 {
    8
}

fn run(n: u32) -> String {
    format!("0199b1c2-0000-7000-8000-{n:012}")
}

#[tokio::test]
async fn the_stores_that_are_kept_are_of_the_format_that_they_say() {
    for (format, _) in stores() {
        let folder = old_store(format);
        assert_eq!(format_of(folder.path()), format);
        open(folder.path()).await.close().await;
        assert!(format_of(folder.path()) >= 7);
    }
}

#[tokio::test]
async fn every_queued_event_is_delivered() {
    for (format, _) in stores() {
        let folder = old_store(format);
        let store = open(folder.path()).await;
        let mut queued: Vec<Event> =
            store.next_batch("influxdb", 100).await.unwrap().into_iter().map(|q| q.event).collect();
        let mut written: Vec<Event> =
            files("events").iter().map(|(name, _)| read("events", name)).collect();
        written.retain(|event| queued.iter().any(|queued| queued.id == event.id));
        // Alerts come first.
        queued.sort_by(|a, b| a.id.cmp(&b.id));
        written.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(queued, written);
        assert_eq!(queued.len(), 23);

        let mqtt = store.queue_state("mqtt").await.unwrap().unwrap();
        assert_eq!((mqtt.pending, mqtt.dead, mqtt.attempts), (21, 1, 1));
        assert_eq!((mqtt.drops.len(), mqtt.drops[0].count), (1, 1));
        assert_eq!(mqtt.last_error.as_deref(), Some("refused"));
        let dead = store.list(Some("mqtt"), true, 10).await.unwrap();
        assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("400")));
        assert_eq!(dead[0].class, Class::Recurring);

        let latest: Vec<_> = store
            .latest()
            .await
            .unwrap()
            .iter()
            .map(|e| (e.site.clone(), e.kind().as_str()))
            .collect();
        let latest: Vec<_> = latest.iter().map(|(site, kind)| (site.as_str(), *kind)).collect();
        assert_eq!(
            latest,
            [
                ("default", "accessLicenseStatus"),
                ("default", "monitorApp"),
                ("default", "releaseRun"),
                ("default", "seatActivity"),
                ("default", "seatsKept"),
                ("default", "serverLicenseStatus"),
                ("north", "accessLicenseStatus"),
            ]
        );
    }
}

#[tokio::test]
async fn the_ledger_and_what_follows_from_it_are_there() {
    for (format, _) in stores() {
        let folder = old_store(format);
        let store = open(folder.path()).await;
        let records = store.records(1, 1000).await.unwrap();
        assert_eq!((records.len(), records[0].seq), (30, 6));
        let kinds: BTreeSet<_> = records.iter().map(|record| record.entry.kind()).collect();
        assert_eq!(kinds.len(), 10, "{kinds:?}");
        assert_eq!(store.head().await.unwrap().unwrap().seq, 35);
        assert_eq!(store.records_of(&run(2)).await.unwrap().len(), 14);
        let starts = store.run_starts(Some("default"), 10).await.unwrap();
        assert_eq!(starts.len(), 4);

        let unsettled = store.unsettled("default").await.unwrap();
        let seats: Vec<_> = unsettled.iter().map(|u| u.intent.seat).collect();
        assert_eq!(seats, [0x515, 0x516].map(Uuid::from_u128));
        assert!(unsettled.iter().all(|u| u.run == run(5) && u.time == now() - TimeDelta::days(2)));

        let past = store.release_past("default").await.unwrap();
        assert_eq!(past.open.len(), 2);
        let released =
            |n: u128| past.released.get(&(SeatType::Analyzer, Uuid::from_u128(0xa00 + n)));
        assert_eq!(released(41), Some(&(now() - TimeDelta::days(10))));
        assert_eq!(released(12), Some(&(now() - TimeDelta::days(5))));
        assert_eq!(released(11), Some(&(now() - TimeDelta::days(3))), "allocated again then");
        assert_eq!(past.released.len(), 3);
        let announced: Vec<&Announcement> = past.announced.values().collect();
        assert_eq!(announced, [&read::<Announcement>("announcements", "full")]);

        let pause = store.pause("default").await.unwrap().unwrap();
        assert_eq!((pause.why.as_str(), pause.by.as_str()), ("year end", "user8@admin1"));
        assert_eq!(pause.until, now() + TimeDelta::days(20));

        let attempts = store.attempts("default").await.unwrap();
        let results: Vec<_> = attempts.iter().map(|a| a.outcome.result.as_str()).collect();
        assert_eq!(results, ["freed", "quarantined", "refused", "gone", "allocated", "unclear"]);
        assert!(attempts.iter().all(|a| a.because.is_some()));
        assert_eq!(attempts.iter().filter(|a| a.is_release()).count(), 2);
        let done = store.done_seats("default").await.unwrap();
        let done: Vec<_> = done.iter().map(|seat| (seat.time, seat.action, seat.user)).collect();
        let by_ledger = attempts.iter().filter(|a| a.is_release() || a.is_return());
        let by_ledger: Vec<_> =
            by_ledger.map(|a| (a.time, a.outcome.action, a.outcome.holder.id)).collect();
        assert_eq!((done.len(), &done), (3, &by_ledger));
        let wanted = store.next_wanted_seats("default", DateTime::UNIX_EPOCH, None).await.unwrap();
        assert_eq!(wanted.iter().filter(|wanted| wanted.moments.is_some()).count(), wanted.len());
        assert_eq!(store.unbacked("default").await.unwrap(), []);
        let from = store.ledger_complete_from().await.unwrap();
        assert_eq!(from, Some(now() - TimeDelta::days(9)));

        let plan = store.load_plan(&run(2)).await.unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Plan>(&plan).unwrap(), read("plans", "full"));

        // The lock of the process that was killed has run out.
        let lease = Duration::from_secs(60);
        store.claim_release("default", "a-run", "test", lease).await.unwrap().unwrap();
        // And the chain goes on.
        let entry = Entry::Resumed { by: "somebody@here".into() };
        let addition = bursar::store::Addition { site: "default".into(), run: None, entry };
        let (_, head) = store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
        assert_eq!(head.seq, 36);
        assert_eq!(store.pause("default").await.unwrap(), None);
    }
}

#[tokio::test]
async fn seats_people_and_changes_are_there() {
    for (format, _) in stores() {
        let folder = old_store(format);
        let store = open(folder.path()).await;
        let seats = store.seats("default").await.unwrap();
        let list = seats.list(SeatType::Analyzer).unwrap();
        assert_eq!((list.first_read, list.last_read), (now() - TimeDelta::days(2), now()));
        let seat =
            |n: u128| list.seats.iter().find(|k| k.seat.id == Uuid::from_u128(0x500 + n)).unwrap();
        assert_eq!(seat(1).first_used, Some(now() - TimeDelta::days(1)));
        assert_eq!(seat(1).seat.holder.as_ref().unwrap().account(), r"CORP\user1");
        assert_eq!(
            (seat(2).seat.excess, &seat(2).seat.quarantined),
            (true, &Some(Moment::At(now())))
        );
        assert_eq!(seat(6).seat.deleted_user.as_deref(), Some(r"CORP\user6"));
        assert_eq!(seat(6).seat.created, Moment::Unreadable("soon".into()));
        assert_eq!(seats.list(SeatType::Professional).unwrap().seats.len(), 1);
        for name in ["full", "without-roles"] {
            let person: Person = read("people", name);
            assert_eq!(seats.people[&person.id].person, person);
        }
        let (from, to) = (now() - TimeDelta::days(30), now() + TimeDelta::days(1));
        let changes = store.seat_changes("default", from, to).await.unwrap();
        let mut written: Vec<Change> =
            files("changes").iter().map(|(name, _)| read("changes", name)).collect();
        written.retain(|change| changes.iter().any(|c| c.kind == change.kind));
        written.sort_by_key(|change| change.time);
        assert_eq!(changes, written);
        assert_eq!(changes.len(), 7);
        let days =
            store.seat_days("default", Some(SeatType::Analyzer), from.date_naive()).await.unwrap();
        assert_eq!(days.iter().map(|day| day.users).collect::<Vec<_>>(), [2, 2]);
    }
}

#[tokio::test]
async fn history_alerts_health_and_reloads_are_there() {
    for (format, _) in stores() {
        let folder = old_store(format);
        let store = open(folder.path()).await;
        let day = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (day("2026-02-01T00:00:00Z"), day("2026-02-28T00:00:00Z"));
        let read_at = async |resolution| {
            store.history("north", "professional", "allocated", resolution, from, to).await.unwrap()
        };
        let days = read_at(Resolution::Day).await;
        // Two that were imported and three that were polled, in days of Berlin.
        assert_eq!(days.iter().map(|day| day.samples).sum::<u64>(), 70);
        assert_eq!((days[0].min, days[0].max), (70.0, 70.0));
        assert_eq!(days.last().map(|day| day.max), Some(96.0));
        assert_eq!(read_at(Resolution::Hour).await.len(), 70);
        assert_eq!(read_at(Resolution::Raw).await.len(), 70);
        let series = store.history_series(Some("default")).await.unwrap();
        assert!(series.len() > 30, "{}", series.len());

        let alerts = store.alerts().await.unwrap();
        // With a field that came later there is none in those stores.
        for (name, _) in files("alerts").into_iter().filter(|(name, _)| !name.contains('.')) {
            let alert: Alert = read("alerts", &name);
            assert_eq!(alerts.get(&alert.key), Some(&alert), "{name}");
        }
        let told: Vec<_> =
            store.alert_history(10).await.unwrap().iter().rev().map(|told| told.what).collect();
        assert_eq!(told, Occurrence::ALL);
        let silences = store.silences(true).await.unwrap();
        assert_eq!((silences.len(), silences[0].why.as_str()), (2, "moving"));
        assert_eq!(store.silences(false).await.unwrap().len(), 1);
        assert_eq!(store.alert_drops().await.unwrap()[0].count, 1);

        let health = store.health().await.unwrap();
        assert_eq!(health.len(), 6);
        let failed: Vec<_> = health.iter().filter(|h| h.problem().is_some()).collect();
        assert_eq!((failed.len(), failed[0].monitor), (1, Monitor::Seats));

        let runs = store.app_runs("default", 10).await.unwrap();
        assert_eq!((runs.len(), runs[0].run.status, runs[1].run.status), (2, 8, 7));
        assert_eq!(runs[0].run, read("app-runs", "full"));
        assert_eq!(runs[0].log, Some(read::<ScriptLog>("script-logs", "full")));
    }
}

/// What a command says: its exit code, standard output, standard error.
pub fn say(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = output(args, folder);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("it ended by itself"), text(output.stdout), text(output.stderr))
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let (code, out, err) = say(folder, args);
    assert_eq!(code, 0, "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
}

#[test]
fn the_commands_read_it() {
    for (format, _) in stores() {
        let old = old_store(format);
        let here = old.path();
        std::fs::write(here.join("bursar.yaml"), SETTINGS).unwrap();
        crate::audit::write_certificates(here);
        let archive = folder().join("archive-1.jsonl");
        let archive = archive.to_str().unwrap();

        // Before anything brought it up to date, as an auditor has a copy.
        let verify = ["audit", "verify", "-c", "bursar.yaml", "--json", "--file", archive];
        let show = ["audit", "show", "-c", "bursar.yaml", "--json", &run(2)];
        for _ in 0..2 {
            let found = json(here, &verify);
            assert_eq!(
                (&found["inOrder"], &found["records"]),
                (&true.into(), &35.into()),
                "{found}"
            );
            let shown = json(here, &show);
            assert_eq!(shown.as_array().unwrap().len(), 14);
            assert_eq!(shown[0]["entry"]["kind"], "runStarted");
            if format_of(here) == format && format < current() {
                // Who only looks changes nothing, and makes no copy.
                for command in [&["status"][..], &["release", "history"], &["alert", "list"]] {
                    let (code, _, err) = say(here, &[command, &["-c", "bursar.yaml"]].concat());
                    assert!(code == 1 && err.contains("start the daemon"), "{command:?}: {err}");
                }
                assert_eq!(format_of(here), format);
                let files = std::fs::read_dir(here).unwrap().map(|e| e.unwrap().file_name());
                assert!(!files.into_iter().any(|name| name.to_string_lossy().contains("backup")));
            }
            // Brings it up to date.
            json(here, &["outbox", "list", "-c", "bursar.yaml", "--json"]);
        }
        assert!(format_of(here) >= 7);

        let runs = json(here, &["release", "history", "-c", "bursar.yaml", "--json"]);
        let ends: Vec<_> = runs["sites"][0]["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["status"].clone())
            .collect();
        assert_eq!(ends, [Value::Null, "done".into(), "refused".into(), "partly".into()]);
        let (code, out, err) = say(here, &["release", "history", "-c", "bursar.yaml"]);
        assert!(
            code == 0 && out.contains("user8@admin1") && out.contains("cut short"),
            "{out}{err}"
        );

        let list = json(here, &["outbox", "list", "-c", "bursar.yaml", "--json", "--limit", "100"]);
        let kinds: BTreeSet<_> =
            list.as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
        assert_eq!((list.as_array().unwrap().len(), kinds.len()), (45, 16), "{list}");

        let status = json(here, &["status", "-c", "bursar.yaml", "--json"]);
        let site = &status["sites"][0];
        assert_eq!(site["serverLicense"]["state"], "perpetual");
        assert_eq!(site["accessLicenses"]["tokens"]["availableTokens"], 25.0);
        assert_eq!(site["release"]["status"], RunStatus::Broken.as_str());
        assert_eq!(site["monitorApp"]["health"], "missing");
        assert_eq!(status["alerts"].as_array().unwrap().len(), 3);
        assert_eq!(status["queues"].as_array().unwrap().len(), 2);
        let (code, out, err) = say(here, &["status", "-c", "bursar.yaml"]);
        assert!(code == 0 && out.contains("perpetual"), "{out}{err}");
        let (code, out, err) = say(here, &["audit", "show", "-c", "bursar.yaml", &run(2)]);
        assert!(code == 0 && out.contains(&SeatResult::Gone.text()), "{out}{err}");
    }
}
