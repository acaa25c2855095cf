//! Pages since which nothing was written: answered without being made again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

use super::viewer::Viewer;
use super::{Served, answer};
use crate::store::Revision;

/// What comes of time alone (who is idle, what is late) is as old as this at most: two looks of the script.
const AGE: TimeDelta = TimeDelta::seconds(150);

/// So many addresses are remembered, of so many bytes each.
const MOST: usize = 500;
const LONGEST: usize = 500;

/// What was answered last, by address.
#[derive(Debug, Default)]
pub(super) struct Answered(Mutex<HashMap<String, Last>>);

#[derive(Debug)]
struct Last {
    /// Of the store before the page was made, and whether it could be written.
    known: (Revision, bool),
    at: DateTime<Utc>,
    tag: HeaderValue,
}

impl Answered {
    /// The tag of a page, if it is one of theirs and the page would be the same now.
    fn same(
        &self,
        address: &str,
        known: (Revision, bool),
        now: DateTime<Utc>,
        theirs: &HeaderValue,
    ) -> Option<HeaderValue> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.get(address).filter(|last| last.known == known)?;
        let age = now - last.at;
        let fresh = age >= TimeDelta::zero() && age < AGE;
        (fresh && answer::is_among(theirs, &last.tag)).then(|| last.tag.clone())
    }

    fn note(&self, address: String, last: Last) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&address) {
            all.clear();
        }
        all.insert(address, last);
    }
}

/// Whether pages at a path say what is in the store and nothing else.
fn is_page(path: &str) -> bool {
    let others = ["/assets/", "/api/", "/health", "/readyz", "/reports", "/report"];
    !others.iter().any(|other| path.starts_with(other)) && !path.ends_with(".csv")
}

/// 304 where the browser has the page and nothing was written since it was made. Who may not see a page is
/// turned away before.
pub(super) async fn unchanged(
    State(served): State<Served>,
    request: Request,
    next: Next,
) -> Response {
    let uri = request.uri();
    let address = uri.path_and_query().map_or(uri.path(), |all| all.as_str());
    // What is made for one is nobody else's.
    let address = match request.extensions().get::<Viewer>() {
        Some(viewer) => format!("{} {address}", viewer.kind()),
        None => return next.run(request).await,
    };
    if request.method() != Method::GET || address.len() > LONGEST || !is_page(uri.path()) {
        return next.run(request).await;
    }
    let store = &served.source.store;
    let Ok(revision) = store.revision().await else { return next.run(request).await };
    let known = (revision, store.can_write().is_ok());
    let now = served.source.clock.now();
    let theirs = request.headers().get(header::IF_NONE_MATCH);
    if let Some(tag) = theirs.and_then(|of| served.answered.same(&address, known, now, of)) {
        return answer::not_modified(tag, now);
    }
    let response = next.run(request).await;
    let is_made = matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
    if let Some(tag) = response.headers().get(header::ETAG).filter(|_| is_made) {
        served.answered.note(address, Last { known, at: now, tag: tag.clone() });
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_while_nothing_was_written_and_for_a_while() {
        let answered = Answered::default();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (at, tag) = (time("2026-11-24T10:00:00Z"), HeaderValue::from_static("W/\"a\""));
        let (known, later) = ((Revision::new(7, 1), true), (Revision::new(8, 1), true));
        answered.note("/?a".to_owned(), Last { known, at, tag: tag.clone() });
        let of = |address, known, now: &str, theirs| {
            answered.same(address, known, time(now), &HeaderValue::from_static(theirs)).is_some()
        };
        let soon = "2026-11-24T10:02:29Z";
        assert!(of("/?a", known, soon, "W/\"x\", W/\"a\""));
        assert!(!of("/?a", known, soon, "W/\"x\""), "theirs is another page");
        assert!(!of("/?b", known, soon, "W/\"a\""), "of another address");
        assert!(!of("/?a", later, soon, "W/\"a\""), "something was written");
        assert!(!of("/?a", (known.0, false), soon, "W/\"a\""), "nothing can be written any more");
        assert!(
            !of("/?a", known, "2026-11-24T10:02:30Z", "W/\"a\""),
            "who is idle may have changed"
        );
        assert!(!of("/?a", known, "2026-11-24T09:59:59Z", "W/\"a\""), "the clock was set back");
        for n in 0..2 * MOST {
            answered.note(n.to_string(), Last { known, at, tag: tag.clone() });
        }
        assert!(answered.0.lock().unwrap().len() <= MOST);
    }
}
