//! Qlik's License Monitor app: its state, its reloads, and what the error means.

use askama::Template;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

use super::Served;
use super::answer::{self, Answer, age};
use super::frame::{Frame, Part};
use super::site::{AppView, app};
use crate::event::Monitor;
use crate::license::monitor_app::{KeptRun, Phase, TaskStatus};
use crate::plain::one_line;
use crate::words::local;

/// So many reloads are shown.
const RUNS: usize = 50;

#[derive(Template)]
#[template(path = "app.html")]
struct Page {
    frame: Frame,
    site: String,
    watched: bool,
    problem: String,
    next: String,
    state: Option<AppView>,
    facts: Vec<(&'static str, String)>,
    errors: Vec<String>,
    notes: Vec<String>,
    runs: Vec<RunView>,
    /// The end of the script log of the last reload that failed.
    log: Option<String>,
    names: bool,
}

struct RunView {
    start: String,
    tone: &'static str,
    status: String,
    took: String,
    cause: &'static str,
    meaning: &'static str,
    errors: Vec<String>,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap, name: &str) -> Answer {
    let site = served.site(name)?;
    let status = served.status().await?;
    let (now, zone, names) = (status.time, served.source.settings.time_zone, served.names());
    let of_site = status.sites.iter().find(|of| of.name == name);
    let monitor = of_site.and_then(|of| of.monitors.iter().find(|m| m.monitor == Monitor::App));
    let problem = monitor.and_then(|of| of.health.as_ref()?.problem());
    let read = of_site.and_then(|of| of.monitor_app.as_ref());
    let runs = served.source.store.app_runs(name, RUNS).await?;
    let when = |time: DateTime<Utc>| local(time, zone);
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| facts.extend(value.map(|text| (name, text)));
    if let Some(state) = read.map(|read| &read.value) {
        fact(
            "App",
            state.app.as_ref().map(|app| match &app.stream {
                Some(stream) => one_line(&format!("{}, stream {stream}", app.name)),
                None => one_line(&format!("{}, not published", app.name)),
            }),
        );
        fact("Task", state.task.as_ref().map(|task| one_line(&task.name)));
        fact("Data of", state.data_from.map(when));
        fact("Running since", state.running_since.map(when));
        fact("Next reload", state.next_run.map(when));
        fact("Failed in a row", Some(state.failures.to_string()).filter(|_| state.failures > 0));
        fact("Too old after", Some(format!("{} hours", state.stale_hours)));
    }
    let lines = |lines: &[String]| lines.iter().map(|line| one_line(line)).collect::<Vec<_>>();
    let log = runs.iter().find_map(|run| run.log.as_ref());
    let page = Page {
        frame: Frame::new(served, &status, Part::App, Some(name)),
        site: name.to_owned(),
        watched: site.monitor_app.is_some(),
        problem: problem.map_or_else(String::new, |problem| one_line(&problem.text)),
        next: monitor.and_then(|of| of.next).map_or_else(String::new, when),
        state: read.map(|read| app(&read.value, age(read.time, now))),
        facts,
        errors: read.map(|read| lines(&read.value.errors)).unwrap_or_default(),
        notes: read.map(|read| lines(&read.value.notes)).unwrap_or_default(),
        runs: runs.iter().map(|run| view(run, zone)).collect(),
        log: log.filter(|_| names).map(|log| lines(log.lines()).join("\n")),
        names,
    };
    Ok(answer::page(headers, now, &page))
}

fn view(kept: &KeptRun, zone: chrono_tz::Tz) -> RunView {
    let (run, log) = (&kept.run, kept.log.as_ref());
    RunView {
        start: run.start.map_or_else(|| "not known".to_owned(), |time| local(time, zone)),
        tone: match TaskStatus(run.status).phase() {
            Phase::Succeeded => "fine",
            Phase::Failed => "act",
            Phase::Unknown => "unknown",
            Phase::Running | Phase::Skipped | Phase::None => "watch",
        },
        status: one_line(&run.status_name),
        took: run.seconds.map_or_else(String::new, |seconds| format!("{seconds:.0} s")),
        cause: log.map_or("", |log| log.cause().as_str()),
        meaning: log.map_or("", |log| log.cause().hint()),
        errors: log.map_or_else(Vec::new, |log| {
            log.errors().iter().take(3).map(|line| one_line(line)).collect()
        }),
    }
}
