//! The whole way of a release: simulated site, daemon, store, real servers.

use std::collections::BTreeSet;
use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};
use serde_json::Value;

use crate::payloads::schema_errors;
use crate::support::influxd::{self, ADMIN, Influxd, PASSWORD};
use crate::support::mosquitto::{Mosquitto, Received, Subscriber};
use crate::support::process::LIMIT;
use crate::support::receiver::{Call, Receiver};
use crate::support::setup::{Setup, influxdb_section, mqtt_section};

/// The idle ones of the site; one has a name that Butler's record of a release breaks on.
const IDLE: [&str; 3] = ["idle one", "idle,two", "idle\\"];

fn scenario() -> Scenario {
    let mut scenario = Scenario { population: Population::none(), ..Scenario::default() };
    let busy = (0..12).map(|n| format!("busy{n}"));
    for (name, days) in IDLE.map(|n| (n.to_owned(), 60)).into_iter().chain(busy.map(|n| (n, 1))) {
        scenario.users.push(UserSpec::of("CORP", &name));
        let account = format!("CORP\\{name}");
        scenario.seats.push(SeatSpec::of(SeatKind::Analyzer, &account, When::days_ago(days)));
    }
    scenario
}

/// As [`scenario`] wants it: `qlikSenseLicense` is the last section of the file's common part.
fn yaml(setup: &Setup, dry_run: bool, servers: &str) -> String {
    let release = format!(
        "    licenseRelease:
      enable: true
      dryRun: {dry_run}
      frequency: every 1 minute
      licenseKeyShared: false
      clockToleranceSeconds: 86400
      licenseType: {{analyzer: {{enable: true}}}}
      destination:
        influxDb: {{enable: true}}
        mqtt: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
        webhook: {{enable: true, sendRecurring: {{enable: true}}, sendAlert: {{enable: true}}}}
"
    );
    setup.yaml("every 24 hours", &format!("{release}{servers}"))
}

/// Starts a daemon, waits for the word of a finished run and for empty queues, and stops it.
async fn one_run(setup: &Setup, yaml: &str, receiver: &Receiver, mode: &str) {
    // A minute of the schedule a second.
    let clock = Clock::fast(chrono::Utc::now(), 60.0);
    let daemon = Daemon::start(setup.load(yaml), clock).await.unwrap();
    let ended = |call: &Call| {
        let json: Value = serde_json::from_str(&call.body).unwrap();
        json["event"] == "license release run" && json["mode"] == mode
    };
    receiver.wait(|calls| calls.iter().any(ended)).await;
    let drained = async {
        loop {
            let queues = daemon.store().queue_states().await.unwrap();
            if queues.iter().all(|q| q.pending == 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, drained).await.expect("the queues drain");
    daemon.stop().await;
}

async fn users(influxd: &Influxd, database: &str, measurement: &str) -> BTreeSet<String> {
    let rows = influxd.rows(database, &format!("SELECT * FROM {measurement}")).await;
    rows.iter()
        .map(|row| {
            assert_eq!(row["license_type"], "analyzer");
            assert_eq!(row["days_since_last_use"], 60);
            row["user"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_arrive_everywhere_rehearsed_and_real() {
    let setup = Setup::new(scenario()).await;
    let influxd = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "bursar/release").await;
    let receiver = Receiver::start().await;
    let database = "release_delivery";
    let password = PASSWORD.replace('\'', "''");
    let login = format!("auth: {{enable: true, username: {ADMIN}, password: '{password}'}}");
    let influx = influxdb_section(influxd.port, database)
        .replace("auth: {enable: false, username: '', password: ''}", &login);
    let servers = format!(
        "{influx}{}  webhookNotification:
    enable: true
    qlikSenseLicenseRelease:
      webhooks: [{{webhookURL: '{}'}}]
",
        mqtt_section(broker.port),
        receiver.url("/release")
    );

    one_run(&setup, &yaml(&setup, true, &servers), &receiver, "rehearsal").await;
    let expected: BTreeSet<String> =
        ["CORP\\idle one", "CORP\\idle,two", "CORP\\idle/"].map(String::from).into();
    assert_eq!(users(influxd, database, "bursar_release_planned").await, expected);
    assert_eq!(users(influxd, database, "qlik_sense_license_release").await, BTreeSet::new());

    one_run(&setup, &yaml(&setup, false, &servers), &receiver, "real").await;
    assert_eq!(users(influxd, database, "qlik_sense_license_release").await, expected);
    let runs =
        influxd.rows(database, "SELECT released, kept_used, mode FROM bursar_release_run").await;
    for mode in ["rehearsal", "real"] {
        let run = runs.iter().find(|run| run["mode"] == mode).unwrap();
        assert_eq!((&run["released"], &run["kept_used"]), (&3.into(), &12.into()), "{run}");
    }

    // A run that was under way at the end may have told one destination more than the other.
    let arrived =
        |m: &Received| m.payload.contains("releaseRun") && m.payload.contains(r#""real""#);
    subscriber.until("the end of a real run", |received| received.iter().any(arrived)).await;
    // Messages that nobody made by hand are as the schemas say, too.
    let calls: Vec<Value> =
        receiver.taken("/release").iter().map(|b| serde_json::from_str(b).unwrap()).collect();
    let messages: Vec<Value> = subscriber
        .on("bursar/release")
        .iter()
        .map(|payload| serde_json::from_str(payload).unwrap())
        .collect();
    let mut kinds = BTreeSet::new();
    for message in &messages {
        let kind = message["kind"].as_str().unwrap();
        kinds.insert(kind);
        assert_eq!(schema_errors(kind, message), Vec::<String>::new(), "{message}");
        // The webhook's call of the same event, which goes by the same schema.
        for call in calls.iter().filter(|call| call["eventId"] == message["eventId"]) {
            assert_eq!(schema_errors(kind, call), Vec::<String>::new(), "{call}");
        }
    }
    assert_eq!(kinds, BTreeSet::from(["releaseRun", "seatReleased", "seatsKept"]));
    let released = |rehearsal: bool| -> BTreeSet<&str> {
        messages
            .iter()
            .filter(|m| m["kind"] == "seatReleased" && m["rehearsal"] == rehearsal)
            .map(|m| m["userId"].as_str().unwrap())
            .collect()
    };
    assert_eq!(released(true), IDLE.into());
    assert_eq!(released(false), IDLE.into());
}
