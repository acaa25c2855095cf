//! The status page: what is known right now, read from the store.
//!
//! | path | what |
//! | --- | --- |
//! | `/` | the page |
//! | `/api/status` | the same as JSON |
//! | `/health` | 200 while the daemon can read and write its store |
//!
//! It only reads; nothing here asks a site or changes anything.

mod page;
mod serve;

pub use serve::{LIMITS, Limits};

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{map_request, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Settings;
use crate::plain::{in_json, on_terminal};
use crate::secret::mask_own;
use crate::status::Status;
use crate::store::{Store, StoreError};

/// What the handlers read from.
#[derive(Debug, Clone)]
pub struct Source {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub clock: Clock,
}

/// A bound, not yet serving page.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    source: Source,
    limits: Limits,
}

impl Page {
    /// Takes the address, so that a taken one is an error at start.
    pub async fn bind(address: SocketAddr, source: Source) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve the status page at {address} (Butler.web.host, Butler.web.port)")
        })?;
        Ok(Self { listener, source, limits: LIMITS })
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
            .with_state(self.source);
        serve::serve(self.listener, app, self.limits, stop).await;
    }
}

async fn read(source: &Source) -> Result<Status, StoreError> {
    Status::read(&source.settings, &source.store, source.clock.now()).await
}

async fn index(State(source): State<Source>) -> Result<Html<String>, Failure> {
    let status = read(&source).await?;
    let page = page::render(&status, source.settings.time_zone);
    Ok(Html(on_terminal(&mask_own(&page), false).into_owned()))
}

async fn api_status(State(source): State<Source>) -> Result<Response, Failure> {
    let json = serde_json::to_string(&read(&source).await?);
    let json = json.expect("a picture of now has texts for keys");
    let body = in_json(&mask_own(&json)).into_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn health(State(source): State<Source>) -> Response {
    if let Err(error) = source.store.health().await {
        return Failure(error).into_response();
    }
    if source.store.can_write().is_err() {
        // The log has the error with each poll: here, nothing of the machine is told.
        let why = "what was read can't be stored, see the log\n";
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    "healthy\n".into_response()
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
    let name = host.and_then(|host| url::Url::parse(&format!("http://{host}/")).ok());
    let known = name.is_some_and(|url| match url.host() {
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    });
    if known {
        return Ok(request);
    }
    let why = "ask for this page by IP address or as localhost\n";
    Err((StatusCode::MISDIRECTED_REQUEST, why))
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
