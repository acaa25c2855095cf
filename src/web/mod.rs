//! The status page: what is known right now, read from the store.
//!
//! | path | what |
//! | --- | --- |
//! | `/` | the page |
//! | `/api/status` | the same as JSON |
//! | `/health` | 503 while the daemon can't read or write its store, or a monitor is late; else 200, with what is not read |
//!
//! It only reads; nothing here asks a site or changes anything.

mod page;
mod serve;

pub use serve::{LIMITS, Limits};

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{map_request, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Settings;
use crate::plain::{in_json, on_terminal};
use crate::secret::mask_own;
use crate::status::{Fitness, Status};
use crate::store::{Store, StoreError};

/// What the handlers read from.
#[derive(Debug, Clone)]
pub struct Source {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub clock: Clock,
}

/// What they share.
#[derive(Debug, Clone)]
struct Served {
    source: Source,
    /// The start of the daemon.
    since: DateTime<Utc>,
}

/// A bound, not yet serving page.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    served: Served,
    limits: Limits,
}

impl Page {
    /// Takes the address, so that a taken one is an error at start.
    pub async fn bind(address: SocketAddr, source: Source) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve the status page at {address} (Butler.web.host, Butler.web.port)")
        })?;
        let since = source.clock.now();
        Ok(Self { listener, served: Served { source, since }, limits: LIMITS })
    }

    /// The address in use.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Serves until `stop`.
    pub async fn serve(self, stop: CancellationToken) {
        let app = Router::new()
            .route("/", get(index))
            .route("/api/status", get(api_status))
            .route("/health", get(health))
            .layer(map_response(secure))
            .layer(map_request(known_host))
            .with_state(self.served);
        serve::serve(self.listener, app, self.limits, stop).await;
    }
}

async fn read(source: &Source) -> Result<Status, StoreError> {
    Status::read(&source.settings, &source.store, source.clock.now()).await
}

async fn index(State(Served { source, .. }): State<Served>) -> Result<Html<String>, Failure> {
    let status = read(&source).await?;
    let page = page::render(&status, source.settings.time_zone);
    Ok(Html(on_terminal(&mask_own(&page), false).into_owned()))
}

async fn api_status(State(Served { source, .. }): State<Served>) -> Result<Response, Failure> {
    let json = serde_json::to_string(&read(&source).await?);
    let json = json.expect("a picture of now has texts for keys");
    let body = in_json(&mask_own(&json)).into_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn health(State(Served { source, since }): State<Served>) -> Response {
    let health = match source.store.health().await {
        Ok(health) => health,
        Err(error) => return Failure(error).into_response(),
    };
    if source.store.can_write().is_err() {
        // The log has the error with each poll: here, nothing of the machine is told.
        let why = "what was read can't be stored, see the log\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    // A site that can't be read is no reason to start the daemon anew, nor to call all well.
    let fitness = Fitness::of(&source.settings, &health, Some(since), source.clock.now());
    let status = match fitness.late.as_slice() {
        [] => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{}\n", fitness.line())).into_response()
}

/// The store can't be read: the page says so, the details go to the log.
struct Failure(StoreError);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "the status page can't read the store");
        (StatusCode::SERVICE_UNAVAILABLE, "the store can't be read, see the log\n").into_response()
    }
}

/// Answers only requests for an IP address or `localhost`: a page elsewhere could otherwise point
/// its own name at this machine and read the status through a visitor's browser (DNS rebinding).
/// A proxy before the page has to pass the address on as the host.
async fn known_host(request: Request) -> Result<Request, (StatusCode, &'static str)> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(is_address) {
        return Ok(request);
    }
    let why = "ask for this page by IP address or as localhost\n";
    Err((StatusCode::MISDIRECTED_REQUEST, why))
}

/// `127.0.0.1`, `[::1]` or `localhost`, with or without a port; no other spelling of an address (`0x7f.1`), which
/// no browser sends.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !is_bare_v6(name) => name,
        _ => host,
    };
    let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || v6.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
}

/// The colon before is one of an address without brackets, and what follows no port.
fn is_bare_v6(name: &str) -> bool {
    name.contains(':') && !name.ends_with(']')
}

/// Headers that keep a browser from doing more than showing the page.
async fn secure(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8321",
            "10.0.0.5:1",
            "[::1]",
            "[::1]:8321",
            "localhost",
            "LOCALHOST:80",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:80",
            "0x7f.1",
            "0x7f.1:8321",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "::1",
            "[::1",
            "127.0.0.1@evil.example",
            "localhost.",
            "[::ffff:0x7f.1]",
        ] {
            assert!(!is_address(host), "{host}");
        }
    }
}
