use uuid::Uuid;

use super::*;
use crate::license::monitor_app::{Cause, Stream, TaskStatus};

const NOW: &str = "2026-01-10T12:00:00Z";

fn at(text: &str) -> Moment {
    match text {
        "" => Moment::Never,
        text => text.parse().map_or_else(|_| Moment::Unreadable(text.into()), Moment::At),
    }
}

/// A time of the day of `NOW`, or a whole one.
fn time(text: &str) -> Moment {
    if text.len() == 5 { at(&format!("2026-01-10T{text}:00Z")) } else { at(text) }
}

fn run(id: u128, status: i64, start: &str, stop: &str) -> Execution {
    Execution {
        id: (id > 0).then(|| Uuid::from_u128(id)),
        status: TaskStatus(status),
        start: time(start),
        stop: time(stop),
        milliseconds: None,
        node: None,
        file: None,
        messages: Vec::new(),
    }
}

fn facts(reloaded: &str, last: Execution) -> Facts {
    Facts {
        wanted: Wanted {
            app_name: "License Monitor".into(),
            app_id: None,
            task_name: "Reload License Monitor".into(),
        },
        app: Some(App {
            id: Uuid::from_u128(1),
            name: "License Monitor".into(),
            published: true,
            stream: Some(Stream { id: None, name: "Monitoring apps".into() }),
            last_reload: time(reloaded),
        }),
        task: Some(Task {
            id: Uuid::from_u128(2),
            name: "Reload License Monitor".into(),
            app: Some(Uuid::from_u128(1)),
            enabled: true,
            last,
            next: time("13:00"),
        }),
        history: Vec::new(),
        log: None,
        notes: Vec::new(),
    }
}

fn judged(facts: Facts) -> MonitorApp {
    let limits = Limits { stale_hours: 24, running_long_minutes: 120 };
    let app = judge(facts, limits, NOW.parse().unwrap());
    // What is not fine says so, and what to do; what is fine is no problem.
    assert_eq!(app.problem().is_none(), app.health.is_fine());
    assert_eq!(app.hint.is_none(), app.health.is_fine());
    assert!(!app.text.is_empty());
    app
}

/// Status, start and stop of the last run, the app's reload, and what comes of it.
#[test]
fn the_last_run_and_the_age_of_the_data() {
    use AppHealth::*;
    for (status, start, stop, reloaded, health) in [
        (7, "11:00", "11:01", "11:01", Healthy),
        // Exactly as old as allowed, and a minute more.
        (7, "2026-01-09T11:59:00Z", "2026-01-09T12:00:00Z", "2026-01-09T12:00:00Z", Healthy),
        (7, "2026-01-09T11:58:00Z", "2026-01-09T11:59:00Z", "2026-01-09T11:59:00Z", Stale),
        (8, "11:00", "11:01", "10:01", Failed),
        (6, "11:00", "11:01", "10:01", Failed),
        (11, "11:00", "11:01", "10:01", Failed),
        (8, "11:00", "11:01", "", Failed),
        // Failed and stale: the failure says more.
        (8, "11:00", "11:01", "2026-01-01T00:00:00Z", Failed),
        // Reloaded by other means after it failed.
        (8, "10:00", "10:01", "11:30", Healthy),
        (8, "2026-01-08T10:00:00Z", "2026-01-08T10:01:00Z", "2026-01-08T12:00:00Z", Stale),
        // A failure that can't be dated is not forgiven.
        (8, "", "", "11:30", Failed),
        (8, "", "soon", "11:30", Failed),
        // Under way.
        (1, "11:59", "", "11:01", Running),
        (2, "11:59", "", "11:01", Running),
        (3, "11:59", "", "11:01", Running),
        (4, "11:59", "", "11:01", Running),
        (5, "11:59", "", "11:01", Running),
        (10, "11:59", "", "11:01", Running),
        (13, "11:59", "", "11:01", Running),
        (14, "11:59", "", "11:01", Running),
        (2, "10:00", "", "09:01", Running),
        (2, "09:59", "", "09:01", RunningLong),
        (13, "09:59", "", "09:01", RunningLong),
        (2, "", "", "11:01", Running),
        (2, "", "", "2026-01-01T00:00:00Z", Stale),
        (2, "11:59", "", "2026-01-01T00:00:00Z", Stale),
        (2, "11:59", "", "", Running),
        (2, "morgen", "", "11:01", Unknown),
        // Nothing ran.
        (0, "", "", "", Never),
        (12, "", "", "", Never),
        (9, "11:00", "11:00", "", Never),
        (0, "", "", "11:01", Unknown),
        (9, "11:00", "11:00", "11:01", Unknown),
        (12, "11:00", "11:00", "11:01", Unknown),
        (9, "11:00", "11:00", "2026-01-01T00:00:00Z", Stale),
        // Numbers of servers to come.
        (15, "11:00", "11:01", "11:01", Unknown),
        (42, "11:00", "11:01", "11:01", Unknown),
        (-1, "11:00", "11:01", "11:01", Unknown),
        // The app doesn't say; its task does.
        (7, "11:00", "11:01", "", Healthy),
        (7, "2026-01-01T11:00:00Z", "2026-01-01T11:01:00Z", "", Stale),
        (7, "11:00", "", "", Never),
        // What can't be read is not fine.
        (7, "11:00", "gestern", "11:01", Unknown),
        (7, "11:00", "11:01", "10/01/2026", Unknown),
        // The future.
        (7, "12:00", "12:05", "12:05", Healthy),
        (7, "12:00", "12:05", "12:30", Unknown),
    ] {
        let app = judged(facts(reloaded, run(9, status, start, stop)));
        assert_eq!(app.health, health, "{status} {start} {stop} {reloaded}: {}", app.text);
    }
}

#[test]
fn what_is_missing_or_off() {
    let fine = || facts("11:01", run(9, 7, "11:00", "11:01"));
    let mut no_app = fine();
    (no_app.app, no_app.task) = (None, None);
    let mut by_id = no_app.clone();
    by_id.wanted.app_id = Some(Uuid::from_u128(5));
    let mut no_task = fine();
    no_task.task = None;
    let mut off = fine();
    off.task.as_mut().unwrap().enabled = false;
    let mut off_and_failed = facts("10:01", run(9, 8, "11:00", "11:01"));
    off_and_failed.task.as_mut().unwrap().enabled = false;
    let mut off_but_running = facts("11:01", run(9, 2, "11:59", ""));
    off_but_running.task.as_mut().unwrap().enabled = false;
    let all = [no_app, by_id, no_task, off, off_and_failed, off_but_running];
    let lines: Vec<_> = all.into_iter().map(|facts| judged(facts).summary()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn while_it_runs_the_run_before_counts() {
    let mut again = facts("2026-01-10T09:01:00Z", run(9, 2, "11:59", ""));
    again.history = vec![run(7, 8, "10:00", "10:01"), run(8, 8, "11:00", "11:01")];
    let app = judged(again.clone());
    assert_eq!((app.health, app.failures), (AppHealth::Failed, 2));
    assert!(app.running_since.is_some());
    assert_eq!(
        failed_run(again.task.as_ref().unwrap(), &again.history).unwrap().id,
        again.history[1].id
    );
    // The row of the last run is in the history, too.
    let mut twice = facts("09:01", run(9, 8, "11:00", "11:01"));
    twice.history =
        vec![run(9, 8, "11:00", "11:01"), run(8, 7, "09:00", "09:01"), run(7, 8, "08:00", "08:01")];
    assert_eq!(judged(twice).failures, 1);
    // Skipped: judged by the run before, with a remark.
    let mut skipped = facts("11:01", run(9, 9, "11:30", "11:30"));
    skipped.history = vec![run(8, 7, "11:00", "11:01")];
    let app = judged(skipped);
    assert_eq!(app.health, AppHealth::Healthy);
    assert_eq!(
        app.notes,
        ["the last state of the task is Skipped: it is judged by the run before"]
    );
}

#[test]
fn the_app_is_believed_more_than_its_task() {
    let app = judged(facts("2026-01-01T00:00:00Z", run(9, 7, "11:00", "11:01")));
    assert_eq!(app.health, AppHealth::Stale);
    insta::assert_snapshot!(app.notes.concat(), @"the task says that it reloaded the app at 2026-01-10 11:01 UTC, the app that its data are of 2026-01-01 00:00 UTC: the app is believed");
}

#[test]
fn a_failure_says_why_and_what_to_do() {
    let mut failed = facts("09:01", run(9, 8, "11:00", "11:01"));
    failed.history = vec![run(8, 8, "10:00", "10:01"), run(7, 7, "09:00", "09:01")];
    let text = b"Error: HTTP protocol error 401 (Unauthorized)\r\nExecution Failed\r\n";
    failed.log = Some(ScriptLog::read(text, false));
    let app = judged(failed.clone());
    assert_eq!(app.cause, Some(Cause::Unauthorized));
    let (title, text, hint) = app.problem().unwrap();
    insta::assert_snapshot!(format!("{title}\n{text}\n{hint}"));
    // Without a log the scheduler's word is all there is.
    failed.log = None;
    failed.task.as_mut().unwrap().last.messages = vec!["Reload failed in Engine.".into()];
    let app = judged(failed.clone());
    assert_eq!(
        (app.cause, app.errors),
        (Some(Cause::Unknown), vec!["Reload failed in Engine.".into()])
    );
    failed.task.as_mut().unwrap().last.status = TaskStatus(6);
    assert_eq!(judged(failed).cause, Some(Cause::Aborted));
}
