//! Destinations: what waits, what was refused, what was lost.

use askama::Template;
use axum::http::HeaderMap;

use super::Served;
use super::answer::{self, Answer, age};
use super::frame::{Frame, Part};
use super::wording::{local, number};
use crate::event::DAEMON;
use crate::plain::one_line;
use crate::status::Queue;

/// So many refused events are listed.
const REFUSED: usize = 50;

#[derive(Template)]
#[template(path = "destinations.html")]
struct Page {
    frame: Frame,
    queues: Vec<QueueView>,
    refused: Vec<RefusedView>,
    /// Who looks may try again or drop what was refused, and of all sites.
    operator: bool,
    operator_of_all: bool,
}

struct QueueView {
    title: String,
    name: String,
    tone: &'static str,
    word: &'static str,
    pending: String,
    oldest: String,
    dead: String,
    has_dead: bool,
    dropped: String,
    last: String,
    error: String,
}

struct RefusedView {
    time: String,
    destination: String,
    kind: String,
    site: String,
    error: String,
    id: String,
    /// Whether the one who looks may do something about it.
    may: bool,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let status = served.status().await?;
    let (now, zone) = (status.time, served.source.settings.time_zone);
    let refused = served.source.store.list(None, true, REFUSED).await?;
    let refused =
        refused.into_iter().filter(|of| of.site == DAEMON || served.viewer.sees(&of.site));
    let refused = refused.map(|listed| RefusedView {
        time: local(listed.time, zone),
        may: served.may_change(&listed.site),
        destination: listed.destination,
        kind: listed.kind,
        site: listed.site,
        error: one_line(&listed.last_error.unwrap_or_default()),
        id: listed.event_id,
    });
    let queues = status.queues.iter().map(|queue| {
        let state = &queue.state;
        let (tone, word) = standing(queue);
        QueueView {
            title: one_line(queue.title.as_deref().unwrap_or("no longer configured")),
            name: state.destination.clone(),
            tone,
            word,
            pending: number(state.pending as f64),
            oldest: state.oldest.map_or_else(String::new, |time| age(time, now)),
            dead: number(state.dead as f64),
            has_dead: state.dead > 0,
            dropped: number(state.dropped as f64),
            last: state.last_delivered.map_or_else(|| "never".to_owned(), |time| age(time, now)),
            error: one_line(&queue.trouble().unwrap_or_default()),
        }
    });
    let page = Page {
        queues: queues.collect(),
        refused: refused.collect(),
        operator: served.is_operator(),
        operator_of_all: served.is_operator() && served.all_sites(),
        frame: Frame::new(served, &status, Part::Destinations, None),
    };
    Ok(answer::page(headers, now, &page))
}

fn standing(queue: &Queue) -> (&'static str, &'static str) {
    let state = &queue.state;
    match () {
        () if state.dead > 0 => ("act", "refused some"),
        () if state.dropped > 0 => ("act", "lost some"),
        () if queue.trouble().is_some() => ("watch", "has trouble"),
        () if state.last_delivered.is_none() => ("unknown", "nothing yet"),
        () => ("fine", "delivers"),
    }
}
