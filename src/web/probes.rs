//! What orchestrators ask: `/healthz`, whether a restart would help, and `/readyz`, whether all works.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::serve::{LIMITS, serve};
use super::{Reach, Served, Unreadable};
use crate::plain::one_line;
use crate::secret::mask_own;
use crate::status::Status;
use crate::store::Store;

/// 200 while the process answers and its store can be read; nothing else. A site or a destination that is down, or a full
/// disk, is not mended by a restart.
pub(super) async fn alive(State(of): State<Served>) -> Response {
    match of.source.store.alive().await {
        Ok(()) => "alive\n".into_response(),
        Err(error) => Unreadable(error).into_response(),
    }
}

/// Answers `GET /health` as Butler does for containers, by the measure of `alive`, until `stop`.
pub async fn serve_health(listener: TcpListener, store: Store, stop: CancellationToken) {
    let app = Router::new().route("/health", get(health)).with_state(store);
    let (_apps, apps) = watch::channel(app);
    serve(listener, apps, None, LIMITS, stop).await;
}

/// What it answers, as Butler has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status_code: u16,
    status: &'static str,
}

async fn health(State(store): State<Store>) -> Response {
    let (code, status) = match store.alive().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::error!(%error, "a health check finds that the store can't be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the store can't be read, see the log")
        }
    };
    (code, Json(Health { status_code: code.as_u16(), status })).into_response()
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    /// How many things are not as they should be.
    problems: usize,
    /// Each of them; absent where the one who asks is not told of sites.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<Reason>>,
}

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    /// `monitor`, `destination`, `store`, `settings`.
    of: &'static str,
    what: String,
}

impl Reason {
    fn new(of: &'static str, what: impl AsRef<str>) -> Self {
        Self { of, what: mask_own(&one_line(what.as_ref())).into_owned() }
    }
}

/// 200 while each site is read on time, each destination takes what it is sent, what is read can be stored, and the
/// settings of the file are in force; else 503. Reasons are JSON.
pub(super) async fn ready(State(of): State<Served>) -> Response {
    let source = &of.source;
    let now = source.clock.now();
    let read = async {
        let status = Status::read(&source.settings, &source.store, now).await?;
        let begun = source.store.begun_anew().await?;
        Ok((status, source.store.health().await?, source.store.in_force().await?, begun))
    };
    let (status, health, in_force, begun) = match read.await {
        Ok(read) => read,
        Err(error) => return Unreadable(error).into_response(),
    };
    let fitness = crate::status::Fitness::of(&source.settings, &health, Some(of.since), now);
    let mut reasons: Vec<Reason> = Vec::new();
    let unread = fitness.late.iter().map(|what| format!("{what} is late"));
    reasons.extend(unread.map(|what| Reason::new("monitor", what)));
    let unread = fitness.unread.iter().map(|what| format!("nothing is read by {what}"));
    reasons.extend(unread.map(|what| Reason::new("monitor", what)));
    for site in &status.sites {
        let never = site
            .monitors
            .iter()
            .filter(|of| of.monitor != crate::event::Monitor::Release && of.health.is_none());
        reasons.extend(never.map(|of| {
            let what = format!("{} of {} was not read yet", of.monitor.as_str(), site.name);
            Reason::new("monitor", what)
        }));
    }
    for queue in status.queues.iter().filter(|queue| queue.title.is_some()) {
        if queue.state.attempts > 0 && queue.state.pending > 0 {
            let (title, why) = (queue.title.as_deref().unwrap_or_default(), queue.trouble());
            let what = format!("{title} takes nothing: {}", why.unwrap_or_default());
            reasons.push(Reason::new("destination", what));
        }
    }
    if source.store.can_write().is_err() {
        reasons.push(Reason::new("store", "what is read can't be stored, see the log"));
    }
    if begun.is_some() {
        let what = "it was damaged or gone and began anew: no seat is released, see bursar status";
        reasons.push(Reason::new("store", what));
    }
    if in_force.is_some_and(|state| state.refused.is_some()) {
        reasons.push(Reason::new("settings", "the file can't be used, those of before go on"));
    }
    // Who is not told of sites is told how many things are wrong.
    let tells = of.viewer.is_known() && of.all_sites() || of.reach() == Reach::Anybody;
    let (ready, problems) = (reasons.is_empty(), reasons.len());
    let answer = Readiness { ready, problems, reasons: tells.then_some(reasons) };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(answer)).into_response()
}
