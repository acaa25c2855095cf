//! From a simulated site through the daemon to the store, a webhook and the command.

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::Body;
use bursar::store::Store;
use serde_json::Value;

use super::*;
use crate::support::process::{LIMIT, output};
use crate::support::receiver::Receiver;
use crate::support::setup::Setup;

const APP: &str = "    licenseMonitorApp:
      enable: true
      destination:
        webhook: {enable: true, sendRecurring: {enable: true}}
";

fn yaml(setup: &Setup, receiver: &Receiver) -> String {
    let webhooks = format!(
        "  webhookNotification:
    enable: true
    qlikSenseLicenseMonitorApp:
      webhooks:
        - {{description: app, webhookURL: '{}', httpMethod: POST}}
",
        receiver.url("/app")
    );
    setup.yaml("every 24 hours", &format!("{APP}{webhooks}"))
}

fn failing() -> Scenario {
    let mut scenario = Scenario::default();
    scenario.license_monitor.status = 8;
    scenario.license_monitor.failures = 2;
    scenario.license_monitor.script_error = ScriptError::Leaking;
    scenario
}

/// Waits for the next state of the app in the store that satisfies.
async fn until(store: &Store, enough: impl Fn(&bursar::license::monitor_app::MonitorApp) -> bool) {
    let wait = async {
        loop {
            let latest = store.latest().await.unwrap();
            let app = latest.iter().find_map(|event| match &event.body {
                Body::MonitorApp(app) => Some(app),
                _ => None,
            });
            if app.is_some_and(&enough) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("the app is read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_and_its_end_reach_everybody() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(failing()).await;
    let yaml = yaml(&setup, &receiver);
    // A minute passes in 100 ms: half an hour in three seconds.
    let clock = Clock::fast(Utc::now(), 600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    until(daemon.store(), |app| app.health == AppHealth::Failed).await;
    let calls = receiver.wait(|calls| calls.iter().any(|call| call.path == "/app")).await;
    let call = calls.iter().find(|call| call.path == "/app").unwrap();
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["event"], "license monitor app status");
    assert_eq!((&body["health"], &body["cause"]), (&"failed".into(), &"unauthorized".into()));
    assert_eq!(body["failures"], 2);
    let runs = daemon.store().app_runs("default", 10).await.unwrap();
    assert_eq!(runs.len(), 5, "each once");
    assert!(runs[0].log.is_some());

    // Somebody sets the password and starts the task.
    setup.site.control().update_license_monitor(|app| {
        app.status = 7;
        app.last_reload = When::FromNow(TimeDelta::minutes(-2));
    });
    until(daemon.store(), |app| app.health == AppHealth::Healthy).await;
    let health = daemon.store().health().await.unwrap();
    let health = health.iter().find(|h| h.monitor == bursar::event::Monitor::App).unwrap();
    assert_eq!(health.failures, 0);
    daemon.stop().await;
    // Nothing secret is in the file, packed or not.
    let file = std::fs::read(setup.store()).unwrap();
    let secret = b"Sommer2026";
    assert!(!file.windows(secret.len()).any(|bytes| bytes == secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_shows_what_the_daemon_stored() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(failing()).await;
    let file = setup.write(&yaml(&setup, &receiver));
    let file = file.to_str().unwrap();
    let run = |args: &[&str]| {
        let mut all = vec!["monitor-app", "-c", file];
        all.extend(args);
        let output = output(&all, setup.folder.path());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = run(&[]);
    assert_eq!(code, 1);
    assert!(error.contains("does not exist yet: start the daemon"), "{error}");

    let daemon = Daemon::start(setup.load(&yaml(&setup, &receiver)), Clock::System).await.unwrap();
    until(daemon.store(), |app| app.health == AppHealth::Failed).await;
    daemon.stop().await;
    setup.site.control().set_fault(Fault::Hang);

    let (code, text, _) = run(&["--log"]);
    assert_eq!(code, 3, "the app is not fine");
    for expected in [
        "License Monitor app: reload failed",
        "2 times in a row",
        "App          License Monitor, stream Monitoring apps",
        "Errors of the last reload",
        "Error: HTTP protocol error 401 (Unauthorized): user=CORP\\svc_qlik;",
        "What to do",
        "Last reloads",
        "FinishedFail     50 s  unauthorized",
        "FinishedSuccess  50 s",
        "End of the last failed reload's script log",
        "LIB CONNECT TO 'monitor_apps_REST_license_overview'",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(!text.contains("Sommer2026"));
    let before_log = text.split("End of the last failed").next().unwrap();
    // A pipe gets each text on one line, with any command in it whole; tables.rs looks at terminals.
    let whole = |line: &str| {
        line.contains("usually the password")
            && line.ends_with("(management console, Data connections)")
    };
    assert!(before_log.lines().any(whole), "{before_log}");

    let (code, text, _) = run(&["--json", "--limit", "2", "--site", "default"]);
    assert_eq!(code, 3);
    let answers: Value = serde_json::from_str(&text).unwrap();
    let views = &answers["sites"];
    assert_eq!(views[0]["state"]["health"], "failed");
    assert_eq!(views[0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(views[0]["runs"][0]["statusName"], "FinishedFail");
    assert_eq!(views[0]["runs"][0]["cause"], "unauthorized");
    assert_eq!(views[0]["log"], Value::Null);

    let (code, _, error) = run(&["--site", "elsewhere"]);
    assert_eq!(code, 2);
    assert!(error.contains("there is no site elsewhere"), "{error}");
    let status = output(&["status", "-c", file], setup.folder.path());
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("License Monitor  reload failed"), "{status}");
    assert!(status.contains("next look at License Monitor app: "), "{status}");
}
