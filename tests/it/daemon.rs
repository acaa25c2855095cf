//! The whole way of a fact: simulated site, daemon, real servers. Time runs fast where a test
//! needs many polls.

use std::collections::HashSet;
use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::{Fault, FaultRule, LicenseVariant, Scenario, When};
use serde_json::Value;

use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::mosquitto::{Mosquitto, Subscriber};
use crate::support::process::{LIMIT, Process};
use crate::support::proxy::{Mode, Proxy};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, influxdb_section, mqtt_section, webhook_section};

/// Simulated time a second: with "every 1 minute", ten polls of each monitor.
const FAST: f64 = 600.0;

fn expiring() -> Scenario {
    Scenario { license: LicenseVariant::signed(When::in_days(30)), ..Scenario::default() }
}

async fn start(setup: &Setup, yaml: &str) -> Daemon {
    let clock = Clock::fast(chrono::Utc::now(), FAST);
    Daemon::start(setup.load(yaml), clock).await.expect("the daemon starts")
}

/// The InfluxDB section with the shared server's administrator, so that the database is made.
fn influxdb_with_login(port: u16, database: &str) -> String {
    influxdb_section(port, database).replace(
        "auth: {enable: false, username: '', password: ''}",
        &format!(
            "auth: {{enable: true, username: {ADMIN}, password: '{}'}}",
            PASSWORD.replace('\'', "''")
        ),
    )
}

/// Waits until the queue of a destination is empty after at least one delivery.
async fn drained(daemon: &Daemon, destination: &str) {
    let wait = async {
        loop {
            let queues = daemon.store().queue_states().await.expect("the store is readable");
            let queue = queues.iter().find(|q| q.destination.starts_with(destination));
            if queue.is_some_and(|q| q.pending == 0 && q.last_delivered.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("the queue drains");
}

/// Waits until so many events are pending for a destination.
async fn piled_up(daemon: &Daemon, destination: &str, count: u64) {
    let wait = async {
        loop {
            let queues = daemon.store().queue_states().await.expect("the store is readable");
            if queues.iter().any(|q| q.destination.starts_with(destination) && q.pending >= count) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("events pile up");
}

fn days_sent(bodies: &[String]) -> Vec<Value> {
    bodies.iter().map(|body| serde_json::from_str(body).expect("JSON")).collect()
}

/// The end of a message: what no test can know beforehand.
fn time_and_id(body: &str) -> String {
    let json: Value = serde_json::from_str(body).expect("JSON");
    format!("\"time\":{},\"eventId\":{}}}", json["time"], json["eventId"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_butler_shaped_file_brings_everything_everywhere() {
    let influx = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "butler/#").await;
    let receiver = Receiver::start().await;
    let setup = Setup::new(expiring()).await;
    let more = influxdb_with_login(influx.port, "everything")
        + &mqtt_section(broker.port)
        + &webhook_section(&receiver.url(""));
    let daemon = Daemon::start(setup.load(&setup.yaml("every 24 hours", &more)), Clock::System)
        .await
        .unwrap();

    let calls = receiver
        .wait(|calls| ["/status", "/alert"].iter().all(|p| calls.iter().any(|c| c.path == *p)))
        .await;
    subscriber
        .until("status and alert on MQTT", |all| {
            ["butler/license", "butler/license/expire"]
                .iter()
                .all(|topic| all.iter().any(|message| message.topic == *topic))
        })
        .await;
    drained(&daemon, "influxdb").await;
    daemon.stop().await;

    let today = chrono::Utc::now().date_naive();
    let end = (today + chrono::Days::new(30)).format("%Y-%m-%d").to_string();
    let start =
        format!("{{\"licenseExpired\":false,\"expiryDateStr\":\"{end}\",\"daysUntilExpiry\":30,");
    let rest = "\"state\":\"expiring\",\"thresholdDays\":60,";
    let text = format!("Qlik Sense server license is about to expire in 30 days, on {end}");
    let status = calls.iter().find(|c| c.path == "/status").unwrap();
    let event = "\"event\":\"server license status\",";
    assert_eq!(status.method, "POST");
    assert_eq!(status.body, start.clone() + event + rest + &time_and_id(&status.body));
    let alert = calls.iter().find(|c| c.path == "/alert").unwrap();
    let event = "\"event\":\"server license about to expire alert\",";
    let message = format!("\"message\":\"{text}\",");
    assert_eq!(alert.method, "PUT");
    let expected = start.clone() + event + rest + &message + &time_and_id(&alert.body);
    assert_eq!(alert.body, expected);
    let state = &subscriber.on("butler/license")[0];
    assert_eq!(*state, start + rest + &time_and_id(state));
    assert_eq!(subscriber.on("butler/license/expire"), [text]);

    let rows = influx.rows("everything", "SELECT * FROM qlik_sense_server_license").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["license_expired"], false);
    assert_eq!(rows[0]["expiry_date"], end.as_str());
    assert_eq!(rows[0]["days_until_expiry"], 30);
    assert_eq!(rows[0]["butler_instance"], "prod");
    assert_eq!(rows[0]["license_tag"], "first");
    assert!(rows[0].get("site").is_none(), "one site, no site tag: {}", rows[0]);
    let rows = influx.rows("everything", "SELECT * FROM qlik_sense_license").await;
    let mut kinds: Vec<_> = rows.iter().filter_map(|row| row["license_type"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "analyzer",
            "analyzer_capacity",
            "professional",
            "token_login",
            "token_user",
            "tokens_available"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn influxdb_down_for_a_while_gets_every_point_once() {
    let influx = influxd::shared().await;
    let proxy = Proxy::start(influx.port, Mode::Refuse).await;
    let setup = Setup::new(expiring()).await;
    let yaml = setup.yaml("every 1 minute", &influxdb_with_login(proxy.port, "down"));
    let daemon = start(&setup, &yaml).await;
    piled_up(&daemon, "influxdb", 20).await;
    let waiting = daemon.store().list(Some("influxdb"), false, 1000).await.unwrap();
    let stored: Vec<i64> = waiting
        .iter()
        .filter(|row| row.kind == "serverLicenseStatus")
        .map(|row| row.time.timestamp_millis())
        .collect();
    proxy.set(Mode::Pass).await;
    drained(&daemon, "influxdb").await;
    daemon.stop().await;

    let rows = influx.rows("down", "SELECT days_until_expiry FROM qlik_sense_server_license").await;
    let times: Vec<i64> =
        rows.iter().map(|row| row["time"].as_i64().unwrap() / 1_000_000).collect();
    assert!(stored.len() >= 3, "{stored:?}");
    assert_eq!(times[..stored.len()], stored, "every stored point, once and in order");
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "one point a poll");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_fails_gets_everything_later_and_in_order() {
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(503));
    let setup = Setup::new(expiring()).await;
    let more = webhook_section(&receiver.url("")) + "  alert: {repeat: eachPoll}\n";
    let yaml = setup.yaml("every 1 minute", &more);
    let daemon = start(&setup, &yaml).await;
    receiver.wait(|calls| calls.len() >= 4).await;
    receiver.set(Mood::Well);
    let enough = |calls: &[crate::support::receiver::Call]| {
        calls.iter().filter(|c| c.taken && c.path == "/status").count() >= 10
            && calls.iter().filter(|c| c.taken && c.path == "/alert").count() >= 10
    };
    receiver.wait(enough).await;
    daemon.stop().await;
    for path in ["/status", "/alert"] {
        let messages = days_sent(&receiver.taken(path));
        let times: Vec<&str> = messages.iter().map(|m| m["time"].as_str().unwrap()).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{path}: {times:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_was_down_gets_everything_in_order() {
    let broker = Mosquitto::plain().await;
    let proxy = Proxy::start(broker.port, Mode::Refuse).await;
    let subscriber = Subscriber::new(broker.port, "butler/license").await;
    let setup = Setup::new(expiring()).await;
    let daemon = start(&setup, &setup.yaml("every 1 minute", &mqtt_section(proxy.port))).await;
    piled_up(&daemon, "mqtt", 20).await;
    proxy.set(Mode::Pass).await;
    subscriber.until("ten messages", |all| all.len() >= 10).await;
    daemon.stop().await;
    let messages = days_sent(&subscriber.on("butler/license"));
    let mut times: Vec<&str> = messages.iter().map(|m| m["time"].as_str().unwrap()).collect();
    times.dedup();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_never_answers_delays_no_other() {
    let silent = Receiver::start().await;
    silent.set(Mood::Silent);
    let receiver = Receiver::start().await;
    let setup = Setup::new(expiring()).await;
    let more = format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: silent, webhookURL: '{}', httpMethod: POST}}
        - {{description: well, webhookURL: '{}', httpMethod: POST}}
",
        silent.url("/silent"),
        receiver.url("/well")
    );
    let daemon = start(&setup, &setup.yaml("every 1 minute", &more)).await;
    receiver.wait(|calls| calls.len() >= 5).await;
    assert_eq!(silent.calls().len(), 1, "the first call is still waiting for its answer");
    let began = std::time::Instant::now();
    daemon.stop().await;
    assert!(began.elapsed() < bursar::daemon::STOP_LIMIT, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_is_down_at_start_is_read_once_it_is_up() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(expiring()).await;
    let proxy = Proxy::start(setup.site.addr().port(), Mode::Refuse).await;
    let yaml = setup
        .yaml("every 24 hours", &webhook_section(&receiver.url("")))
        .replace(&format!("port: {}", setup.site.addr().port()), &format!("port: {}", proxy.port));
    let daemon = start(&setup, &yaml).await;
    let failing = async {
        loop {
            let health = daemon.store().health().await.unwrap();
            if health.iter().filter(|h| h.problem().is_some()).count() == 2 {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let health = tokio::time::timeout(LIMIT, failing).await.expect("the failure is known");
    let problem = health[0].problem().unwrap();
    assert_eq!(problem.code, "cannot-connect", "{problem:?}");
    proxy.set(Mode::Pass).await;
    receiver.wait(|calls| calls.iter().any(|c| c.path == "/status")).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_monitor_that_fails_does_not_stop_the_other() {
    let receiver = Receiver::start().await;
    let scenario = Scenario {
        faults: vec![FaultRule::on("/qrs/license/accesstypeoverview", Fault::Forbidden)],
        ..expiring()
    };
    let setup = Setup::new(scenario).await;
    let yaml = setup.yaml("every 1 minute", &webhook_section(&receiver.url("")));
    let daemon = start(&setup, &yaml).await;
    receiver.wait(|calls| calls.iter().filter(|c| c.path == "/status").count() >= 3).await;
    let health = daemon.store().health().await.unwrap();
    let problems: Vec<_> = health.iter().filter_map(|h| h.problem()).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    daemon.stop().await;
}

/// Kills the daemon while `destination` is down, and again while it delivers, and compares what
/// the receiver has with what the first daemon said it had stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_nothing() {
    let influx = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let (influx_proxy, mqtt_proxy) = (
        Proxy::start(influx.port, Mode::Refuse).await,
        Proxy::start(broker.port, Mode::Refuse).await,
    );
    let subscriber = Subscriber::new(broker.port, "butler/license").await;
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(500));
    let setup = Setup::new(expiring()).await;
    let more = influxdb_with_login(influx_proxy.port, "killed")
        + &mqtt_section(mqtt_proxy.port)
        + &webhook_section(&receiver.url(""));
    let file = setup.write(&setup.yaml("every 1 minute", &more));
    let run = ["run", "-c", file.to_str().unwrap(), "-l", "debug", "--speed", "1200"];

    // Everything is down: kill it while events pile up.
    let mut first = Process::start(&run, setup.folder.path());
    for _ in 0..8 {
        first.wait_for("server license: expiring");
    }
    first.kill();
    let stored: Vec<String> = pending_times(&setup, "webhook").await;
    assert!(stored.len() >= 8, "{stored:?}");

    // Everything is up: kill it in the middle of catching up.
    influx_proxy.set(Mode::Pass).await;
    mqtt_proxy.set(Mode::Pass).await;
    receiver.set(Mood::Well);
    let second = Process::start(&run, setup.folder.path());
    receiver.wait(|calls| calls.iter().any(|c| c.taken)).await;
    second.kill();

    // The third one brings the rest.
    let third = Process::start(&run, setup.folder.path());
    let has_all =
        |messages: &[String]| stored.iter().all(|t| messages.iter().any(|m| m.contains(t)));
    receiver.wait(|_| has_all(&receiver.taken("/status"))).await;
    subscriber
        .until("every stored event on MQTT", |all| {
            has_all(&all.iter().map(|m| m.payload.clone()).collect::<Vec<_>>())
        })
        .await;
    let times = async {
        loop {
            let rows = influx.rows("killed", "SELECT * FROM qlik_sense_server_license").await;
            let times: HashSet<i64> =
                rows.iter().map(|r| r["time"].as_i64().unwrap() / 1_000_000).collect();
            let all = stored.iter().all(|text| {
                let time: chrono::DateTime<chrono::Utc> = text.parse().unwrap();
                times.contains(&time.timestamp_millis())
            });
            if all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, times).await.expect("every stored event in InfluxDB");
    let (status, said) = third.terminate();
    assert!(status.success(), "{said:#?}");

    // In order, whatever was repeated. (The clock of each fast process starts anew, so only what
    // the first one stored can be compared by time.)
    let messages = days_sent(&receiver.taken("/status"));
    let mut times: Vec<&str> = messages.iter().map(|m| m["time"].as_str().unwrap()).collect();
    let mut known = HashSet::new();
    times.retain(|time| stored.iter().any(|s| s == time) && known.insert(*time));
    assert_eq!(times, stored);
}

/// The times of the recurring server license events that wait for a destination.
async fn pending_times(setup: &Setup, destination: &str) -> Vec<String> {
    let limits = bursar::store::settings::OutboxLimits {
        max_events: 100_000,
        max_age: Duration::from_secs(30 * 86400),
    };
    let store =
        crate::support::store::open(&setup.store(), limits, chrono::Utc::now).await.unwrap();
    let list = store.list(None, false, 1000).await.unwrap();
    store.close().await;
    list.iter()
        .filter(|row| row.destination.starts_with(destination) && row.kind == "serverLicenseStatus")
        .map(|row| row.time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_store_is_refused() {
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 24 hours", "");
    let daemon = Daemon::start(setup.load(&yaml), Clock::System).await.unwrap();
    let error = Daemon::start(setup.load(&yaml), Clock::System).await.unwrap_err();
    assert!(error.to_string().contains("another bursar"), "{error:#}");
    daemon.stop().await;
    Daemon::start(setup.load(&yaml), Clock::System).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sites_are_told_apart_everywhere() {
    let influx = influxd::shared().await;
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "seats/#").await;
    let receiver = Receiver::start().await;
    let setup = Setup::new(expiring()).await;
    let more = influxdb_with_login(influx.port, "sites")
        + &mqtt_section(broker.port)
        + "    qlikSenseLicenseTopic: seats\n"
        + &format!(
            "  webhookNotification:
    enable: true
    qlikSenseLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: seats, webhookURL: '{}', httpMethod: PUT}}
  sites:
    - {{name: north}}
    - name: south
      tags: [{{name: stage, value: test}}]
      qlikSenseLicense: {{serverLicenseMonitor: {{enable: false}}}}
",
            receiver.url("/seats")
        );
    let yaml = setup.yaml("every 24 hours", &more).replace(
        "        influxDb: {enable: true, tag: {static: null}}\n",
        "        influxDb: {enable: true}
        mqtt: {enable: true, sendRecurring: {enable: true}}
        webhook: {enable: true, sendRecurring: {enable: true}}
",
    );
    let daemon = Daemon::start(setup.load(&yaml), Clock::System).await.unwrap();
    receiver.wait(|calls| calls.len() == 2).await;
    subscriber.until("both sites", |all| all.len() == 2).await;
    drained(&daemon, "influxdb").await;
    daemon.stop().await;

    let calls = days_sent(&receiver.taken("/seats"));
    let mut sites: Vec<_> = calls.iter().map(|call| call["site"].as_str().unwrap()).collect();
    sites.sort_unstable();
    assert_eq!(sites, ["north", "south"]);
    assert_eq!(calls[0]["event"], "access license status");
    assert_eq!(calls[0]["professional"]["total"], 25);
    for site in ["north", "south"] {
        let seen = days_sent(&subscriber.on(&format!("seats/{site}")));
        assert_eq!(seen[0]["analyzer"]["allocated"], 4, "{seen:?}");
    }
    let rows = influx.rows("sites", "SELECT * FROM qlik_sense_license").await;
    let of = |site: &str| rows.iter().filter(|row| row["site"] == site).count();
    assert_eq!((of("north"), of("south")), (6, 6), "{rows:#?}");
    assert!(rows.iter().all(|row| (row["stage"] == "test") == (row["site"] == "south")));
    let rows = influx.rows("sites", "SELECT * FROM qlik_sense_server_license").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["site"], "north");
}
