//! Servers of several years: fields that they lack or have besides. Every monitor reads each of them, and a
//! rehearsal comes to its end.

use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::Monitor;
use bursar::ledger::{Mode, RunStatus};
use bursar::license::monitor_app::AppHealth;
use bursar::simulator::{Scenario, SeatKind, When};
use bursar::store::RunState;
use chrono::Utc;

use crate::support::process::{output, until};
use crate::support::setup::Setup;

/// Simulated seconds a second.
const FAST: f64 = 600.0;

const MORE: &str = "    licenseMonitorApp: {enable: true}
    licenseRelease:
      enable: true
      dryRun: true
      licenseKeyShared: false
      frequency: every 1 hours
      licenseType:
        professional: {enable: true, releaseThresholdDays: 30}
        analyzer: {enable: true, releaseThresholdDays: 30}
";

fn scenario(year: u32) -> Scenario {
    let file = format!("{}/config/scenarios/server-{year}.yaml", env!("CARGO_MANIFEST_DIR"));
    Scenario::from_yaml(&std::fs::read_to_string(file).unwrap()).unwrap()
}

async fn all_is_well_on(year: u32) {
    let mut scenario = scenario(year);
    scenario.clock.start = Some(When::At(Utc::now()));
    scenario.clock.speed = FAST;
    // A failed run has its script log read, by the way that this server has.
    scenario.license_monitor.status = 8;
    let setup = Setup::new(scenario).await;
    let yaml = setup.yaml("every 1 hours", MORE);
    let yaml = yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {}");
    let clock = Clock::fast(setup.site.control().now(), FAST);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    let store = daemon.store();
    let rehearsal = until("a rehearsal ends", async || {
        let mut runs = store.runs("default", 1).await.unwrap();
        runs.pop().filter(|run| matches!(run.state, RunState::Ended(_)))
    })
    .await;
    assert_eq!(rehearsal.mode, Mode::Rehearsal);
    assert_eq!(rehearsal.state, RunState::Ended(RunStatus::Done), "{year}: {rehearsal:?}");
    let considered: u64 = rehearsal.account.counts.iter().map(|of| of.counts.seats).sum();
    assert!(considered > 0, "{year}: {:?}", rehearsal.account);
    let monitors = [
        Monitor::ServerLicense,
        Monitor::AccessLicense,
        Monitor::Seats,
        Monitor::App,
        Monitor::Release,
    ];
    until("every monitor has read", async || {
        let health = store.health().await.unwrap();
        let well = |monitor: &Monitor| {
            health.iter().any(|one| one.monitor == *monitor && one.last_success.is_some())
        };
        monitors.iter().all(well).then_some(())
    })
    .await;
    for health in store.health().await.unwrap() {
        assert!(health.problem().is_none(), "{year}: {health:?}");
    }
    let seats = store.seats("default").await.unwrap().to_vec();
    let simulated = setup.site.control().seats(SeatKind::Analyzer).len()
        + setup.site.control().seats(SeatKind::Professional).len();
    assert_eq!(seats.len(), simulated, "{year}");
    assert!(seats.iter().all(|seat| seat.holder.is_some()), "{year}");
    let app = until("the app's failure is read", async || {
        let latest = store.latest().await.unwrap();
        latest.into_iter().find_map(|event| match event.body {
            bursar::event::Body::MonitorApp(app) => Some(app),
            _ => None,
        })
    })
    .await;
    assert_eq!(app.health, AppHealth::Failed, "{year}");
    let runs = store.app_runs("default", 10).await.unwrap();
    assert!(runs[0].log.is_some(), "{year}: the script log is read");
    tokio::time::timeout(Duration::from_secs(30), daemon.stop()).await.unwrap();

    let bad = setup.site.control().requests();
    let bad = bad.iter().filter(|request| request.status.is_some_and(|status| status == 400));
    assert_eq!(bad.count(), 0, "{year}: nothing is asked that the server doesn't know");

    // Commands go by the machine's clock.
    setup.site.control().set_speed(1.0);
    setup.site.control().set_time(Utc::now());
    let file = setup.write(&yaml);
    let run = |args: &[&str]| {
        let run = output(&[args, &["-c", file.to_str().unwrap()]].concat(), setup.folder.path());
        let said = String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap();
        assert!(run.status.success(), "{year}: {said}");
        said
    };
    let said = run(&["check"]);
    assert!(!said.contains("FAIL"), "{year}: {said}");
    run(&["release", "plan"]);
    let status = run(&["status", "--live"]);
    assert!(status.contains("professional 30, analyzer 120"), "{year}: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_2018() {
    all_is_well_on(2018).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_2020() {
    all_is_well_on(2020).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_2023() {
    all_is_well_on(2023).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_2025() {
    all_is_well_on(2025).await;
}
