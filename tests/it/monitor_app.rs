//! Qlik's License Monitor app: what is read of a site, what becomes of it, and who is told.

mod told;
mod whole_way;

use std::time::Duration;

use bursar::event::Switches;
use bursar::license::monitor_app::{AppHealth, Cause, KeptRun, Wanted};
use bursar::monitor::monitor_app::{Observed, observe};
use bursar::monitor::settings::LicenseMonitorApp;
use bursar::qrs::settings::Connection;
use bursar::qrs::{Backoff, Client, Error, Options, Patience};
use bursar::schedule::Schedule;
use bursar::simulator::{
    Fault, FaultRule, MonitorApp, Running, Scenario, ScriptError, ScriptLogApi, When,
};
use chrono::{DateTime, TimeDelta, Utc};

/// A site whose clock stands still at a known time.
struct Site {
    running: Running,
    client: Client,
    _folder: tempfile::TempDir,
}

fn now() -> DateTime<Utc> {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn settings() -> LicenseMonitorApp {
    LicenseMonitorApp {
        schedule: Schedule::parse("every 30 minutes").unwrap(),
        wanted: Wanted {
            app_name: "License Monitor".into(),
            app_id: None,
            task_name: "Reload License Monitor".into(),
        },
        stale_hours: 24,
        running_long_minutes: 120,
        keep_runs_days: 730,
        destination: Switches::default(),
    }
}

impl Site {
    async fn start(change: impl FnOnce(&mut MonitorApp)) -> Self {
        bursar::tls::install_provider();
        let mut scenario = Scenario::default();
        scenario.clock.start = Some(When::At(now()));
        scenario.clock.speed = 0.0;
        change(&mut scenario.license_monitor);
        let server_name = scenario.server_name.clone();
        let running = Running::start(scenario, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = running.pki().write_to(folder.path()).unwrap();
        let connection = Connection {
            host: "127.0.0.1".into(),
            port: running.addr().port(),
            use_ssl: true,
            client_cert: files.client_cert.clone(),
            client_key: files.client_key.clone(),
            ca_cert: files.root.clone(),
            reject_unauthorized: true,
            tls_server_name: Some(server_name),
            headers: vec![("X-Qlik-User".into(), "UserDirectory=INTERNAL; UserId=sa_api".into())],
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            max_concurrency: 4,
            entry: bursar::qrs::settings::Entry::default(),
            missing: None,
        };
        let millis = Duration::from_millis;
        let options = Options {
            rng: fastrand::Rng::with_seed(1),
            backoff: Backoff { first: millis(1), cap: millis(5) },
            ..Options::default()
        };
        let client = Client::with("test", &connection, options).unwrap();
        Self { running, client, _folder: folder }
    }

    fn change(&self, change: impl FnOnce(&mut MonitorApp)) {
        self.running.control().update_license_monitor(change);
    }

    async fn try_look(
        &self,
        settings: &LicenseMonitorApp,
        known: &[KeptRun],
    ) -> Result<Observed, Error> {
        observe(&self.client, settings, known, now(), Patience::ONCE).await
    }

    async fn look(&self) -> Observed {
        self.try_look(&settings(), &[]).await.unwrap()
    }

    /// Paths of the requests so far, without those that only count.
    fn asked(&self, part: &str) -> usize {
        let requests = self.running.control().requests();
        requests.iter().filter(|request| request.path.contains(part)).count()
    }
}

fn ago(minutes: i64) -> When {
    When::FromNow(TimeDelta::minutes(-minutes))
}

#[tokio::test]
async fn every_state_a_site_can_be_in() {
    use AppHealth::*;
    let site = Site::start(|_| {}).await;
    let usual = MonitorApp::default();
    let cases: [(AppHealth, &str, MonitorApp); 15] = [
        (Healthy, "reloaded at 2026-01-10 11:40 UTC", usual.clone()),
        (
            Failed,
            "the reload failed at 2026-01-10 11:40 UTC; its data are of 2026-01-10 10:40 UTC",
            MonitorApp { status: 8, ..usual.clone() },
        ),
        (Failed, "was aborted", MonitorApp { status: 6, ..usual.clone() }),
        (Failed, "ended with an error", MonitorApp { status: 11, ..usual.clone() }),
        (
            Failed,
            "3 times in a row; its data are of 2026-01-10 08:40 UTC",
            MonitorApp { status: 8, failures: 3, ..usual.clone() },
        ),
        (
            Running,
            "a reload is Started",
            MonitorApp { status: 2, last_reload: ago(0), ..usual.clone() },
        ),
        (
            Running,
            "DistributionQueue",
            MonitorApp { status: 13, last_reload: ago(0), ..usual.clone() },
        ),
        (
            Running,
            "DistributionRunning",
            MonitorApp { status: 14, last_reload: ago(0), ..usual.clone() },
        ),
        (
            RunningLong,
            "has been Started since 2026-01-10 08:59 UTC, longer than 120 minutes",
            MonitorApp { status: 2, last_reload: ago(180), ..usual.clone() },
        ),
        (
            Stale,
            "its data are of 2026-01-07 12:00 UTC, older than 24 hours",
            MonitorApp { last_reload: When::days_ago(3), ..usual.clone() },
        ),
        (Missing, "no app is called", MonitorApp { copies: 0, ..usual.clone() }),
        (Missing, "no task reloads the app", MonitorApp { task: false, ..usual.clone() }),
        (Never, "was never reloaded", MonitorApp { status: 0, ..usual.clone() }),
        (Disabled, "is switched off", MonitorApp { enabled: false, ..usual.clone() }),
        (Unknown, "unknown status 42", MonitorApp { status: 42, ..usual.clone() }),
    ];
    for (health, text, app) in cases {
        site.change(|current| *current = app.clone());
        let seen = site.look().await.app;
        assert_eq!(seen.health, health, "{app:?}: {}", seen.text);
        assert!(seen.text.contains(text), "{text:?} is not in {:?}", seen.text);
    }
    let methods = site.running.control().requests();
    assert!(methods.iter().all(|request| request.method == "GET"), "nothing is changed");
}

#[tokio::test]
async fn a_failure_tells_its_cause() {
    let site = Site::start(|app| app.status = 8).await;
    for (error, cause, line) in [
        (ScriptError::Unauthorized, Cause::Unauthorized, "HTTP protocol error 401 (Unauthorized)"),
        (ScriptError::ConnectionMissing, Cause::ConnectionMissing, "not found"),
        (ScriptError::Certificate, Cause::Certificate, "trust relationship"),
        (ScriptError::Timeout, Cause::Timeout, "timed out"),
        (ScriptError::OutOfMemory, Cause::OutOfMemory, "Out of memory"),
        (ScriptError::FileMissing, Cause::FileMissing, "Cannot open file"),
    ] {
        site.change(|app| app.script_error = error);
        let seen = site.look().await;
        assert_eq!(seen.app.cause, Some(cause));
        assert!(seen.app.errors[0].contains(line), "{:?}", seen.app.errors);
        assert_eq!(seen.app.hint.as_deref(), Some(cause.hint()));
        assert!(seen.app.notes.is_empty(), "{:?}", seen.app.notes);
    }
}

#[tokio::test]
async fn secrets_of_a_log_stay_there() {
    let site = Site::start(|app| {
        app.status = 8;
        app.script_error = ScriptError::Leaking;
    })
    .await;
    let seen = site.look().await;
    let all = format!("{seen:?}");
    assert!(!all.contains("Sommer2026") && !all.contains("3456"), "{all}");
    assert!(all.contains("password=[masked]") && all.contains("license [masked]"), "{all}");
}

#[tokio::test]
async fn both_ways_to_the_log_and_its_early_404() {
    for api in [ScriptLogApi::Both, ScriptLogApi::Old, ScriptLogApi::New] {
        let site = Site::start(|app| {
            app.status = 8;
            app.script_log = api;
            app.early_not_found = 2;
        })
        .await;
        let seen = site.look().await.app;
        assert_eq!(seen.cause, Some(Cause::Unauthorized), "{api:?}: {:?}", seen.notes);
        assert_eq!(site.asked("/download/"), 3, "{api:?}");
        assert_eq!(site.asked("/scriptlogfile"), usize::from(api == ScriptLogApi::New));
    }
}

#[tokio::test]
async fn without_a_log_the_scheduler_is_quoted() {
    let site = Site::start(|app| {
        app.status = 8;
        app.script_log = ScriptLogApi::Neither;
    })
    .await;
    let seen = site.look().await.app;
    assert_eq!((seen.health, seen.cause), (AppHealth::Failed, Some(Cause::Unknown)));
    assert!(seen.errors.iter().any(|line| line.contains("Reload failed in Engine")));
    assert!(seen.notes[0].starts_with("the script log can't be read: "), "{:?}", seen.notes);
    // Too often 404, and a page instead of a log: the same.
    site.change(|app| {
        app.script_log = ScriptLogApi::Old;
        app.early_not_found = 3;
    });
    assert!(site.look().await.app.notes[0].contains("answered 404"));
    site.running.control().set_fault(FaultRule::on("/qrs/download", Fault::HtmlOk));
    let seen = site.look().await.app;
    assert!(seen.notes[0].contains("an HTML page"), "{:?}", seen.notes);
    assert_eq!(seen.errors.len(), 2);
}

#[tokio::test]
async fn a_log_is_read_once() {
    let site = Site::start(|app| app.status = 8).await;
    let first = site.look().await;
    assert_eq!(site.asked("/download/"), 1);
    let again = site.try_look(&settings(), &first.runs).await.unwrap();
    assert_eq!(again.app, first.app);
    assert_eq!(again.runs.iter().find(|run| run.log.is_some()), Some(&first.runs[0]));
    assert_eq!(site.asked("/download/"), 1, "what is known is not asked again");
}

#[tokio::test]
async fn the_history_reaches_back_as_far_as_is_needed() {
    let site = Site::start(|app| {
        app.history = 60;
        app.every_minutes = 60;
    })
    .await;
    let first = site.look().await;
    assert_eq!(first.runs.len(), 60);
    assert_eq!(first.runs[0].run.seconds, Some(49.784));
    // Later, a day before the newest one.
    let again = site.try_look(&settings(), &first.runs).await.unwrap();
    assert_eq!(again.runs.len(), 25);
    // Where it can't be read, the last run is enough to judge by.
    site.running.control().set_fault(FaultRule::on("/qrs/executionresult", Fault::Forbidden));
    let seen = site.look().await;
    assert_eq!((seen.app.health, seen.runs.len()), (AppHealth::Healthy, 1));
    assert!(seen.app.notes[0].contains("answered 403"), "{:?}", seen.app.notes);
}

#[tokio::test]
async fn a_renamed_app_is_found_by_its_task_and_one_by_its_id() {
    let site = Site::start(|app| app.app_name = "O'Neill \\ License Monitor".into()).await;
    let seen = site.look().await.app;
    assert_eq!(seen.health, AppHealth::Healthy);
    let id = seen.app.clone().unwrap().id;
    insta::assert_snapshot!(seen.notes.concat(), @r#"no app is called "License Monitor": "O'Neill \ License Monitor" was taken, which the task "Reload License Monitor" reloads; set appName to its new name"#);
    // By its new name, which has signs that a filter must escape.
    let mut named = settings();
    named.wanted.app_name = "o'neill \\ license monitor".into();
    named.wanted.task_name = "another".into();
    let seen = site.try_look(&named, &[]).await.unwrap().app;
    assert_eq!((seen.app.unwrap().id, seen.notes), (id, Vec::new()));
    let mut by_id = settings();
    by_id.wanted.app_id = Some(id);
    assert_eq!(site.try_look(&by_id, &[]).await.unwrap().app.health, AppHealth::Healthy);
    by_id.wanted.app_id = Some(uuid::Uuid::from_u128(7));
    assert_eq!(site.try_look(&by_id, &[]).await.unwrap().app.health, AppHealth::Missing);
    // A task of another name is found by its app.
    site.change(|app| {
        app.app_name = "License Monitor".into();
        app.task_name = "Nachtlauf".into();
    });
    let seen = site.look().await.app;
    assert_eq!((seen.health, seen.task.unwrap().name.as_str()), (AppHealth::Healthy, "Nachtlauf"));
}

#[tokio::test]
async fn of_several_apps_the_one_in_the_stream_is_taken() {
    let site = Site::start(|app| {
        app.copies = 2;
        app.elsewhere = 1;
    })
    .await;
    let seen = site.look().await.app;
    assert_eq!(seen.health, AppHealth::Healthy);
    assert_eq!(seen.app.unwrap().stream.as_deref(), Some("Monitoring apps"));
    assert!(seen.notes[0].starts_with("3 apps are called \"License Monitor\""), "{:?}", seen.notes);
    site.change(|app| app.stream = "Überwachung".into());
    let seen = site.look().await.app;
    assert!(seen.notes[0].contains("because it was reloaded last"), "{:?}", seen.notes);
}

#[tokio::test]
async fn no_right_is_not_the_same_as_no_app() {
    let site = Site::start(|_| {}).await;
    let error = async |path: &str, fault: Fault| {
        let control = site.running.control();
        control.clear_faults();
        control.set_fault(FaultRule::on(path, fault));
        site.try_look(&settings(), &[]).await.expect_err("it can't be told")
    };
    let forbidden = error("/qrs/app", Fault::Forbidden).await;
    assert_eq!(forbidden.code(), "forbidden");
    assert!(forbidden.to_string().contains("apps, tasks and execution results"), "{forbidden}");
    assert_eq!(error("/qrs/reloadtask", Fault::Forbidden).await.code(), "forbidden");
    // Nor is what is no list, or a short one.
    for (fault, code) in [
        (Fault::HtmlOk, "not-json"),
        (Fault::EmptyOk, "not-json"),
        (Fault::Null, "unexpected-shape"),
        (Fault::EmptyObject, "unexpected-shape"),
        (Fault::ShortList { drop: 1 }, "incomplete-list"),
        (Fault::FieldMissing { name: "published".into() }, "unexpected-shape"),
    ] {
        assert_eq!(error("/qrs/app/full", fault.clone()).await.code(), code, "{fault:?}");
    }
}

#[tokio::test]
async fn a_time_that_is_none_needs_a_person() {
    let site = Site::start(|_| {}).await;
    let fault = Fault::Field { name: "lastReloadTime".into(), value: "10.01.2026".into() };
    site.running.control().set_fault(FaultRule::on("/qrs/app/full", fault));
    let seen = site.look().await.app;
    assert_eq!(seen.health, AppHealth::Unknown);
    assert_eq!(seen.text, "when the app was last reloaded can't be read as a time: \"10.01.2026\"");
}
