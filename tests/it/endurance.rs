//! What takes long: `tests/long.sh`. Two hundred deaths under load, and a month.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bursar::simulator::{LicenseVariant, Scenario, When};
use chrono::{DateTime, Utc};

use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::mosquitto::{Mosquitto, Subscriber};
use crate::support::process::{self, Process};
use crate::support::proxy::{Mode, Proxy};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, influxdb_section, mqtt_section, webhook_section};
use crate::support::store::database;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn sections(influx: u16, mqtt: u16, webhook: &str, database: &str) -> String {
    let login = format!(
        "auth: {{enable: true, username: {ADMIN}, password: '{}'}}",
        PASSWORD.replace('\'', "''")
    );
    influxdb_section(influx, database)
        .replace("auth: {enable: false, username: '', password: ''}", &login)
        + &mqtt_section(mqtt)
        + &webhook_section(webhook)
}

const MODES: [Mode; 6] = [
    Mode::Pass,
    Mode::Pass,
    Mode::Refuse,
    Mode::Silent,
    Mode::CutRequestAfter(700),
    Mode::CutAnswerAfter(60),
];

/// What was stored arrives, whenever the process dies, and whatever its receivers do: Mosquitto and InfluxDB go up and down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_deaths_lose_nothing() {
    let Some(kills) = number("BURSAR_KILLS") else { return };
    let mut rng = fastrand::Rng::with_seed(number("BURSAR_SEED").unwrap_or(1));
    let influx = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let to_influx = Proxy::start(influx.port, Mode::Pass).await;
    let to_mqtt = Proxy::start(broker.port, Mode::Pass).await;
    let subscriber = Subscriber::new(broker.port, "butler/#").await;
    let receiver = Receiver::start().await;
    let scenario =
        Scenario { license: LicenseVariant::signed(When::in_days(30)), ..Scenario::default() };
    let setup = Setup::new(scenario).await;
    let more = sections(to_influx.port, to_mqtt.port, &receiver.url(""), "many_deaths");
    let file = setup.write(&setup.yaml("every 1 minute", &more));
    let run = ["run", "-c", file.to_str().unwrap(), "-l", "debug", "--speed", "1200"];

    // The first one makes the store, which notes from now on what was to be delivered.
    let mut first = Process::start(&run, setup.folder.path());
    first.wait_for("server license: expiring");
    assert!(first.terminate().0.success());
    database(setup.store())
        .execute_batch(
            "CREATE TABLE produced (queue TEXT, id TEXT, kind TEXT, time INTEGER, PRIMARY KEY (queue, id));
             CREATE TRIGGER produced AFTER INSERT ON delivery BEGIN
                 INSERT INTO produced SELECT queue.destination, event.id, event.kind, event.time
                   FROM event, queue WHERE event.seq = NEW.seq AND queue.id = NEW.queue;
             END;",
        )
        .unwrap();

    let mut died_with = 0;
    for kill in 0..kills {
        to_influx.set(MODES[rng.usize(..MODES.len())]).await;
        to_mqtt.set(MODES[rng.usize(..MODES.len())]).await;
        receiver.set([Mood::Well, Mood::Well, Mood::Status(500), Mood::Silent][rng.usize(..4)]);
        let mut daemon = Process::start(&run, setup.folder.path());
        // Most of them get as far as a poll, on however slow a machine.
        if rng.u32(..4) > 0 {
            daemon.wait_for("server license: expiring");
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(20..900))).await;
        let said = daemon.kill();
        let bad: Vec<_> = said
            .iter()
            .filter(|line| line.contains("panicked") || line.contains("damaged"))
            .collect();
        assert!(bad.is_empty(), "after {kill} deaths: {bad:?}");
        died_with += waiting(&setup).values().sum::<i64>();
    }

    // All is well: what waits is delivered.
    to_influx.set(Mode::Pass).await;
    to_mqtt.set(Mode::Pass).await;
    receiver.set(Mood::Well);
    setup.write(&setup.yaml("every 1 hour", &more));
    let last = Process::start(&run, setup.folder.path());
    let mut rest = BTreeMap::new();
    for _ in 0..600 {
        rest = waiting(&setup);
        if rest.values().all(|waiting| *waiting == 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(rest.values().all(|waiting| *waiting == 0), "{rest:?}");
    let (status, said) = last.terminate();
    assert!(status.success(), "{said:#?}");

    let db = database(setup.store());
    let whole: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let lost: i64 = db
        .query_row(
            "SELECT (SELECT count(*) FROM dropped) + (SELECT coalesce(sum(dead), 0) FROM queue)",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(lost, 0, "nothing was dropped or refused");
    let mut query = db.prepare("SELECT queue, id, kind, time FROM produced").unwrap();
    let rows = query.query_map([], |r| {
        Ok((
            r.get::<_, String>(0)?,
            r.get::<_, String>(1)?,
            r.get::<_, String>(2)?,
            r.get::<_, i64>(3)?,
        ))
    });
    let produced: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert!(!produced.is_empty());
    let on_mqtt: Vec<String> = subscriber.received().into_iter().map(|one| one.payload).collect();
    let calls = receiver.calls();
    let called: HashSet<&str> = calls
        .iter()
        .filter(|call| call.taken)
        .filter_map(|call| call.headers.get("x-bursar-event-id")?.to_str().ok())
        .collect();
    let mut points: HashSet<i64> = HashSet::new();
    for measurement in ["qlik_sense_server_license", "qlik_sense_license"] {
        let rows = influx.rows("many_deaths", &format!("SELECT * FROM {measurement}")).await;
        points.extend(rows.iter().filter_map(|row| Some(row["time"].as_i64()? / 1_000_000)));
    }
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (queue, id, kind, time) in &produced {
        let arrived = match queue.split('/').next().unwrap_or_default() {
            "mqtt" => {
                on_mqtt.iter().any(|payload| payload.contains(id.as_str()))
                    || kind.starts_with("serverLicenseExp")
            }
            "webhook" => called.contains(id.as_str()),
            "influxdb" => points.contains(time),
            other => panic!("{other}"),
        };
        let count = counts.entry(queue).or_default();
        count.0 += 1;
        count.1 += usize::from(!arrived);
    }
    println!("{kills} deaths, {died_with} events waited at them; produced and missing: {counts:?}");
    assert!(counts.values().all(|(_, missing)| *missing == 0), "{counts:?}");
}

fn waiting(setup: &Setup) -> BTreeMap<String, i64> {
    let db = database(setup.store());
    db.busy_timeout(Duration::from_secs(60)).unwrap();
    let mut query = db.prepare("SELECT destination, pending FROM queue").unwrap();
    query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// What a process has, as Linux counts it.
#[derive(Debug, Clone, Copy)]
struct Size {
    kib: u64,
    files: usize,
    store: u64,
    logs: u64,
}

impl Size {
    fn of(process: &Process, setup: &Setup) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let kib = kib.trim().split(' ').next().unwrap().parse().unwrap();
        let files = std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count();
        let bytes =
            |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |facts| facts.len());
        let logs = std::fs::read_dir(setup.folder.path().join("log"));
        let logs = logs.into_iter().flatten().map(|file| bytes(file.unwrap().path())).sum();
        Self { kib, files, store: bytes(setup.store()), logs }
    }
}

/// A month with a poll every five minutes: memory and open files as after the first day, the store within its retention, the
/// log within its limit. One receiver is down half of the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_leaves_memory_files_store_and_log_as_they_were() {
    let Some(speed) = number("BURSAR_MONTH_SPEED") else { return };
    let mut scenario =
        Scenario { license: LicenseVariant::signed(When::in_days(400)), ..Scenario::default() };
    scenario.clock.speed = speed as f64;
    let setup = Setup::new(scenario).await;
    let receiver = Receiver::start().await;
    let more = webhook_section(&receiver.url(""))
        + "  fileLogging: true\n  logFileMaxMB: 1\n  logFilesKept: 3\n  logDirectory: log\n";
    let yaml = setup
        .yaml("every 5 minutes", &more)
        .replace("    seatMonitor: {enable: false}", "    seatMonitor: {frequency: every 15 minutes}")
        .replace("  storage:\n", "  storage:\n    history: {rawDays: 2, hourlyDays: 7, dailyDays: 40}\n    outbox: {maxEvents: 500}\n");
    let file = setup.write(&yaml);
    let mut daemon = Process::start(
        &["run", "-c", file.to_str().unwrap(), "--speed", &speed.to_string()],
        setup.folder.path(),
    );
    daemon.wait_for("server license:");
    let began: DateTime<Utc> = Utc::now();
    let day = Duration::from_secs_f64(86_400.0 / speed as f64);
    let mut days: Vec<Size> = Vec::new();
    for n in 0..30 {
        receiver.set(if n % 2 == 0 { Mood::Well } else { Mood::Status(503) });
        tokio::time::sleep(day).await;
        days.push(Size::of(&daemon, &setup));
    }
    println!(
        "{days:#?}\n{} polls read by the site in {:?}",
        setup.site.control().request_count(),
        Utc::now() - began
    );
    let read = process::output(&["status", "-c", file.to_str().unwrap()], setup.folder.path());
    assert!(read.status.success());
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said:#?}");
    // After three days the raw history is as long as it gets.
    let most = |of: fn(&Size) -> u64, days: &[Size]| days.iter().map(of).max().unwrap();
    let (early, late) = (&days[2..8], &days[23..]);
    assert!(most(|s| s.kib, late) * 100 <= most(|s| s.kib, early) * 105, "memory grows: {days:#?}");
    assert!(
        most(|s| s.files as u64, late) <= most(|s| s.files as u64, early) + 2,
        "files: {days:#?}"
    );
    assert!(
        most(|s| s.store, late) * 100 <= most(|s| s.store, early) * 150,
        "the store grows: {days:#?}"
    );
    assert!(most(|s| s.logs, late) <= 5 * 1024 * 1024, "the logs grow: {days:#?}");
}
