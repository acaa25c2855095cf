//! Signs of life, as the services that wait for them see them.

use bursar::simulator::{Fault, FaultRule, Scenario};

use crate::support::influxd::{self, ADMIN, PASSWORD};
use crate::support::process::{Process, output};
use crate::support::receiver::{Call, Mood, Receiver};
use crate::support::setup::{Setup, influxdb_section};

/// Time runs so many times as fast: what is stale after seven minutes is so within two seconds.
const SPEED: &str = "300";

fn start(setup: &Setup, more: &str) -> Process {
    let file = setup.write(&setup.yaml("every 1 minute", more));
    let args = ["run", "-c", file.to_str().unwrap(), "--speed", SPEED];
    Process::start(&args, setup.folder.path())
}

fn heartbeat(url: &str, signals: &str) -> String {
    format!(
        "  heartbeat: {{enable: true, remoteURL: '{url}', frequency: every 1 minute{signals}}}\n"
    )
}

fn count(calls: &[Call], method: &str, path: &str) -> usize {
    calls.iter().filter(|call| call.method == method && call.path == path).count()
}

/// How often a line was said.
fn said(log: &[String], text: &str) -> usize {
    log.iter().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_of_life_come_only_while_every_site_is_read() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let more = heartbeat(&receiver.url("/ping/s3cr3t"), ", signals: startAndFail");
    let daemon = start(&setup, &more);
    let begun = receiver.wait(|calls| count(calls, "GET", "/ping/s3cr3t") >= 2).await;
    assert_eq!((begun[0].method.as_str(), begun[0].path.as_str()), ("GET", "/ping/s3cr3t/start"));

    setup.site.control().set_fault(FaultRule::from(Fault::ResetBefore));
    let failing = receiver.wait(|calls| count(calls, "POST", "/ping/s3cr3t/fail") >= 1).await;
    let lived = count(&failing, "GET", "/ping/s3cr3t");
    let failing = receiver.wait(|calls| count(calls, "POST", "/ping/s3cr3t/fail") >= 4).await;
    assert_eq!(count(&failing, "GET", "/ping/s3cr3t"), lived, "a sign of life on stale data");
    let told: Vec<_> = failing.iter().filter(|call| call.path.ends_with("/fail")).collect();
    assert!(told[0].body.contains("of default"), "{:?}", told[0]);

    setup.site.control().clear_faults();
    receiver.wait(|calls| count(calls, "GET", "/ping/s3cr3t") > lived).await;
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let fails = count(&receiver.calls(), "POST", "/ping/s3cr3t/fail");
    let (begins, ends) =
        (said(&log, "no sign of life is sent"), said(&log, "signs of life are sent"));
    assert!(
        begins >= 1 && begins < fails && begins - ends <= 1,
        "{begins} {ends} {fails} {log:#?}"
    );
    assert_eq!(said(&log, "s3cr3t"), 0, "{log:#?}");
}

/// As Butler does: the address alone, nothing at another one, and nothing while the site can't be read. Settings that
/// are read again end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_sign_of_life_asks_for_nothing_else() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    setup.site.control().set_fault(FaultRule::from(Fault::ResetBefore));
    let mut daemon = start(&setup, &heartbeat(&receiver.url("/alive"), ""));
    daemon.wait_for("no sign of life is sent");
    assert_eq!(receiver.calls().len(), 0, "nothing was read yet");
    setup.site.control().clear_faults();
    let calls = receiver.wait(|calls| calls.len() >= 3).await;
    assert_eq!(count(&calls, "GET", "/alive"), calls.len(), "{calls:#?}");

    // A service that is down is told once, and its end.
    receiver.set(Mood::Status(503));
    daemon.wait_for("signs of life do not get to");
    let before = receiver.calls().len();
    receiver.wait(|calls| calls.len() >= before + 3).await;
    receiver.set(Mood::Well);
    daemon.wait_for("get to");

    setup.write(&setup.yaml("every 1 minute", ""));
    let reloaded = output(&["reload", "-c", "bursar.yaml"], setup.folder.path());
    let text = String::from_utf8([reloaded.stdout, reloaded.stderr].concat()).unwrap();
    assert!(text.contains("signs of life to a monitoring service"), "{text}");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    assert_eq!(said(&log, "signs of life do not get to"), 1, "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_it_runs_is_logged_and_stored_where_butler_has_it() {
    let influxd = influxd::shared().await;
    influxd.query("", "CREATE DATABASE uptime").await;
    let setup = Setup::new(Scenario::default()).await;
    let password = PASSWORD.replace('\'', "''");
    let influxdb = influxdb_section(influxd.port, "uptime").replace(
        "{enable: false, username: '', password: ''}",
        &format!("{{enable: true, username: {ADMIN}, password: '{password}'}}"),
    );
    let uptime = "  uptimeMonitor: {enable: true, frequency: every 1 minute, logLevel: info, storeInInfluxdb: {enable: true}}\n";
    let mut daemon = start(&setup, &format!("{influxdb}{uptime}"));
    daemon.wait_for("running for ");
    let row = crate::support::process::until("a point", async || {
        let all = "SELECT * FROM butler_memory_usage";
        influxd.rows("uptime", all).await.into_iter().next()
    })
    .await;
    assert_eq!(row["butler_instance"], "prod", "the tags of all points: {row}");
    assert_eq!(row["version"], env!("CARGO_PKG_VERSION"));
    assert!(row["uptime_seconds"].as_f64().unwrap() >= 0.0, "{row}");
    #[cfg(target_os = "linux")]
    assert!((1.0..4000.0).contains(&row["process_memory"].as_f64().unwrap()), "{row}");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_asks_as_it_asked_butler() {
    let setup = Setup::new(Scenario::default()).await;
    let mut daemon = start(&setup, "  dockerHealthCheck: {enable: true, port: 0}\n");
    let line = daemon.wait_for("health checks are answered at ");
    let url = line.split("answered at ").nth(1).unwrap().trim().to_owned();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/health"), "{url}");
    // A site that is down is no reason to start the container anew.
    setup.site.control().set_fault(FaultRule::from(Fault::ResetBefore));
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), r#"{"statusCode":200,"status":"ok"}"#);
    let other = reqwest::get(url.replace("/health", "/status")).await.unwrap();
    assert_eq!(other.status(), 404);
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    reqwest::get(&url).await.expect_err("nobody listens any more");
}
