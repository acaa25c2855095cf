//! The daemon, from a seat that changes to the webhook and the store, and through a restart.

use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::Monitor;
use bursar::simulator::{Fault, FaultRule, Scenario, SeatKind, SeatSpec, UserSpec, When};
use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::analyzers;
use crate::support::process::LIMIT;
use crate::support::receiver::{Call, Receiver};
use crate::support::setup::Setup;

/// Simulated seconds a second.
const FAST: f64 = 600.0;

fn yaml(setup: &Setup, url: &str) -> String {
    let webhooks = format!(
        "  webhookNotification:
    enable: true
    qlikSenseSeatMonitor:
      webhooks:
        - {{description: seats, webhookURL: '{url}', httpMethod: POST}}
"
    );
    setup.yaml("every 24 hours", &webhooks).replace(
        "seatMonitor: {enable: false}",
        "seatMonitor:
      frequency: every 10 minutes
      destination:
        webhook: {enable: true, sendRecurring: {enable: true}, sendAlert: {enable: true}}",
    )
}

/// The accounts in the messages of what changed, with the kind of change.
fn told(calls: &[Call]) -> Vec<String> {
    let messages = calls.iter().map(|call| serde_json::from_str::<Value>(&call.body).unwrap());
    let changes = messages.filter(|message| message["event"] == "seat changes");
    let line = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap_or("nobody").to_owned();
        format!("{} {}", text("change"), text("user"))
    };
    changes
        .flat_map(|message| {
            message["changes"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
        })
        .collect()
}

fn looks(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.body.contains("\"seat activity\"")).count()
}

async fn start(setup: &Setup, url: &str) -> Daemon {
    let clock = Clock::fast(setup.site.control().now(), FAST);
    Daemon::start(setup.load(&yaml(setup, url)), clock).await.expect("the daemon starts")
}

fn scenario() -> Scenario {
    let mut scenario = analyzers(&[("anna", 3), ("bo", 50), ("cleo", 20)]);
    scenario.clock.start = Some(When::At(Utc::now()));
    scenario.clock.speed = FAST;
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_told_once_whatever_happens_to_the_daemon() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(scenario()).await;
    let control = setup.site.control();
    let daemon = start(&setup, &receiver.url("/seats")).await;
    receiver.wait(|calls| looks(calls) >= 1).await;
    let seat = |user: &str| control.seat_of(SeatKind::Analyzer, "CORP", user).unwrap();
    control.remove_seat(&seat("bo").id.to_string());
    receiver.wait(|calls| told(calls).len() == 1).await;
    daemon.stop().await;

    // While nobody looks: one seat goes, one comes.
    control.remove_seat(&seat("cleo").id.to_string());
    control.add_user(&UserSpec::of("CORP", "dora"));
    control.add_seat(&SeatSpec::of(SeatKind::Analyzer, "CORP\\dora", When::Never));
    let so_far = looks(&receiver.calls());
    let daemon = start(&setup, &receiver.url("/seats")).await;
    receiver.wait(|calls| looks(calls) >= so_far + 3).await;
    let mut all = told(&receiver.calls());
    all.sort();
    assert_eq!(all, [r"allocated CORP\dora", r"released CORP\bo", r"released CORP\cleo"]);

    // A login page in place of the list: known as a failure, and nobody lost anything.
    control.set_fault(FaultRule::on("/qrs/license/analyzeraccesstype/full", Fault::HtmlOk));
    let failed = async {
        loop {
            let health = daemon.store().health().await.unwrap();
            let seats = health.iter().find(|health| health.monitor == Monitor::Seats);
            if let Some(problem) = seats.and_then(|health| health.problem()) {
                return problem.code.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(tokio::time::timeout(LIMIT, failed).await.unwrap(), "not-json");
    control.clear_faults();
    let so_far = looks(&receiver.calls());
    receiver.wait(|calls| looks(calls) >= so_far + 2).await;
    assert_eq!(told(&receiver.calls()).len(), 3);
    let now = control.now() + TimeDelta::hours(1);
    let since = now - TimeDelta::days(7);
    let stored = daemon.store().seat_changes(super::SITE, since, now).await.unwrap();
    assert_eq!(stored.len(), 3, "{stored:?}");
    daemon.stop().await;
}

/// Kept with the reading that shows the use which ended it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_time_without_use_is_kept_when_it_ends() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(scenario()).await;
    let control = setup.site.control();
    let daemon = start(&setup, &receiver.url("/seats")).await;
    receiver.wait(|calls| looks(calls) >= 1).await;
    let bo = control.seat_of(SeatKind::Analyzer, "CORP", "bo").unwrap();
    for user in ["anna", "bo"] {
        assert!(control.log_in("CORP", user));
    }
    let so_far = looks(&receiver.calls());
    receiver.wait(|calls| looks(calls) >= so_far + 3).await;
    let to = control.now() + TimeDelta::hours(1);
    let from = to - TimeDelta::days(7);
    let gaps = daemon.store().idle_gaps(super::SITE, from, to).await.unwrap();
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(gap.seat, bo.id);
    assert_eq!(gap.from.timestamp_millis(), bo.last_used.unwrap().timestamp_millis());
    assert!(!gap.first_use && gap.to > from && gap.unused_at <= gap.to);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_answer_from_the_store() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(scenario()).await;
    let control = setup.site.control();
    let bursar = |arguments: &[&str]| {
        let file = setup.folder.path().join("bursar.yaml");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_bursar"))
            .args(["insight"])
            .args(arguments)
            .arg("-c")
            .arg(file)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let daemon = start(&setup, &receiver.url("/seats")).await;
    receiver.wait(|calls| looks(calls) >= 1).await;
    let seat = control.seat_of(SeatKind::Analyzer, "CORP", "bo").unwrap();
    control.remove_seat(&seat.id.to_string());
    receiver.wait(|calls| told(calls).len() == 1).await;
    daemon.stop().await;

    let (code, json, errors) = bursar(&["activity", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let answers: Value = serde_json::from_str(&json).unwrap();
    let answer = &answers["sites"][0];
    let analyzer = &answer["types"][0];
    assert_eq!(analyzer["seatType"], "analyzer");
    assert_eq!((&analyzer["seats"], &analyzer["active"]["last7Days"]), (&2.into(), &1.into()));
    assert_eq!(analyzer["byRules"]["enabled"], false);
    assert_eq!(answer["directories"][0]["group"]["value"], "CORP");
    let (code, json, _) = bursar(&["changes", "--days", "7", "--json"]);
    let answers: Value = serde_json::from_str(&json).unwrap();
    let answer = &answers["sites"][0];
    assert_eq!((code, &answer["counts"][0]["change"]), (0, &"released".into()));
    assert_eq!(answer["changes"][0]["user"], r"CORP\bo");
    assert_eq!(answer["changes"][0]["by"], Value::Null);
    for arguments in [&["activity"][..], &["changes", "--days", "28"]] {
        let (code, text, _) = bursar(arguments);
        assert_eq!(code, 0);
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 100, "{longest}: {text}");
    }
}
