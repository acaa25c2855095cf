//! Whether the daemon does its work: what is read when, what is late, the store.

use askama::Template;
use axum::http::HeaderMap;

use super::Served;
use super::answer::{self, Answer, age};
use super::frame::{Frame, Part, is_stopped, site_address};
use super::wording::{local, locale};
use crate::event::Monitor;
use crate::plain::one_line;

#[derive(Template)]
#[template(path = "daemon.html")]
struct Page {
    frame: Frame,
    tone: &'static str,
    line: String,
    since: String,
    version: &'static str,
    store: (&'static str, &'static str),
    size: String,
    /// Whether the file is in force, as a tone and in words.
    settings: (&'static str, String),
    /// What is wrong with the file, where it isn't.
    refused: Vec<String>,
    needs_restart: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    site: String,
    address: String,
    monitor: &'static str,
    tone: &'static str,
    word: &'static str,
    polled: String,
    success: String,
    next: String,
    problem: String,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let settings = &served.source.settings;
    let status = served.status().await?;
    let (now, zone) = (status.time, settings.time_zone);
    let health = served.source.store.health().await?;
    let fitness = served.fitness(&health, now);
    let mut rows = Vec::new();
    for site in &status.sites {
        for monitor in &site.monitors {
            let health = monitor.health.as_ref();
            let problem = health.and_then(crate::store::Health::problem);
            let (tone, word) = match (health, problem) {
                (None, _) if monitor.monitor == Monitor::Release => ("", "no run yet"),
                (None, _) => ("unknown", "not read yet"),
                (Some(health), Some(_)) if is_stopped(health) => ("watch", "stopped by a guard"),
                (Some(_), Some(_)) => ("act", "fails"),
                (Some(_), None) => ("fine", "works"),
            };
            let success = health.and_then(|health| health.last_success);
            rows.push(Row {
                site: site.name.clone(),
                address: site_address(&site.name, ""),
                monitor: monitor.monitor.as_str(),
                tone,
                word,
                polled: health.map_or_else(|| "never".to_owned(), |of| age(of.last_poll, now)),
                success: success.map_or_else(|| "never".to_owned(), |time| age(time, now)),
                next: monitor.next.map_or_else(String::new, |next| local(next, zone)),
                problem: problem.map(|problem| one_line(&problem.text)).unwrap_or_default(),
            });
        }
    }
    // Where the daemon runs, the row is its own.
    let in_force = served.source.store.in_force().await?;
    let refused = in_force.as_ref().and_then(|state| state.refused.clone());
    let size = std::fs::metadata(&settings.storage.path).map(|file| file.len());
    let page = Page {
        tone: match (fitness.late.is_empty(), fitness.unread.is_empty()) {
            (false, _) => "act",
            (_, false) => "unknown",
            _ => "fine",
        },
        line: fitness.line(),
        since: local(served.since, zone),
        version: status.version,
        store: match served.source.store.can_write() {
            Ok(()) => ("fine", "what is read can be stored"),
            Err(_) => ("act", "what is read can't be stored: see the log"),
        },
        size: size.map_or_else(|_| "not known".to_owned(), crate::words::bytes),
        settings: match (&in_force, &refused) {
            (_, Some(refused)) => (
                "act",
                format!(
                    "the file can't be used since {}: the settings of before go on",
                    local(refused.since, zone)
                ),
            ),
            (Some(state), None) => ("fine", format!("in force since {}", local(state.since, zone))),
            (None, None) => ("unknown", "not known".to_owned()),
        },
        // They have settings in them, which are nobody's whom the daemon doesn't know.
        refused: refused
            .map(|refused| match served.viewer.is_known() {
                true => refused.problems,
                false => vec![format!(
                    "{} in it: `bursar check` says where",
                    crate::words::counted(
                        locale(),
                        refused.problems.len() as u64,
                        "error",
                        "errors"
                    )
                )],
            })
            .unwrap_or_default(),
        needs_restart: in_force.map(|state| state.needs_restart).unwrap_or_default(),
        rows,
        frame: Frame::new(served, &status, Part::Health, None),
    };
    Ok(answer::page(headers, now, &page))
}
