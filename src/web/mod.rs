//! The pages: what is known, read from the store. Whole without scripts.
//!
//! | path | what |
//! | --- | --- |
//! | `/` | all sites, or the only one |
//! | `/site/NAME` | one site; below it `/trends`, `/seats` (both with `.csv`), `/person/ID`, `/releases`, `/changes` |
//! | `/alerts`, `/destinations`, `/settings`, `/daemon` | of all sites |
//! | `/assets/...` | the style and the script, from the binary |
//! | `/api/status` | the picture of now as JSON |
//! | `/health` | 503 while the daemon can't read or write its store, or a monitor is late; else 200, with what is not read |
//!
//! They only read; nothing here asks a site or changes anything. Each page has a file: from what is known to words
//! (a struct for its template). `answer` makes what is sent, `frame` what stands around each page, `known` keeps what
//! is expensive.

mod alerts;
mod answer;
mod asked;
mod assets;
mod changes;
mod daemon;
mod destinations;
mod frame;
mod gauge;
mod known;
mod overview;
mod person;
mod plan;
mod releases;
mod seats;
mod serve;
mod settings;
mod sheet;
mod site;
mod trends;
mod viewer;

pub use serve::{LIMITS, Limits};

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, RawQuery, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, map_request, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use self::answer::Failure;
use self::known::Known;
use self::viewer::{Looks, State, Viewer};
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::plain::in_json;
use crate::secret::mask_own;
use crate::status::{Fitness, Status};
use crate::store::{Health, Store, StoreError};

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
    known: Arc<Known>,
    /// The settings in effect, in words.
    explained: Arc<settings::Explained>,
    /// Who looks through all seats takes a turn.
    turns: Arc<Semaphore>,
    looks: Arc<Looks>,
    /// Who asks; nobody who is known until a request came in.
    viewer: Viewer,
}

/// So many look through the seats of a site at once.
const TURNS: usize = 1;

impl Served {
    /// Whether pages name people to the one who asks.
    fn names(&self) -> bool {
        self.viewer.names
    }

    /// The sites that there are for the one who asks.
    fn sites(&self) -> impl Iterator<Item = &Site> {
        self.source.settings.sites.iter().filter(|site| self.viewer.sees(&site.name))
    }

    /// Whether all sites are there for the one who asks.
    fn all_sites(&self) -> bool {
        self.viewer.sites.is_none()
    }

    /// What of the work is not done, of sites that are there for the one who asks.
    fn fitness(&self, health: &[Health], now: DateTime<Utc>) -> Fitness {
        let settings = &self.source.settings;
        if self.all_sites() {
            return Fitness::of(settings, health, Some(self.since), now);
        }
        let mut own = Settings::clone(settings);
        own.sites.retain(|site| self.viewer.sees(&site.name));
        Fitness::of(&own, health, Some(self.since), now)
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// The picture of now, as far as it is there for the one who asks.
    async fn status(&self) -> Result<Status, StoreError> {
        let source = &self.source;
        let now = source.clock.now();
        let mut status = Status::read(&source.settings, &source.store, now).await?;
        self.viewer.narrow(&mut status);
        Ok(status)
    }

    /// A site of the settings, if it is there for the one who asks.
    fn site(&self, name: &str) -> Result<&Site, Failure> {
        let site = self.sites().find(|site| site.name == name);
        if site.is_some() && self.viewer.names {
            self.looks.tell(&self.viewer, name);
        }
        site.ok_or_else(|| Failure::NotFound("There is no such site in the settings.".to_owned()))
    }
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
        let served = Served {
            explained: Arc::new(settings::Explained::of(&source.settings)),
            source,
            since,
            known: Arc::default(),
            turns: Arc::new(Semaphore::new(TURNS)),
            looks: Arc::default(),
            viewer: Viewer::anonymous(false, None),
        };
        Ok(Self { listener, served, limits: LIMITS })
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
        let tidy = self.served.known.clone();
        let shared = self.served.clone();
        let app = Router::new()
            .route(
                "/",
                get(async |State(of): Of, headers: HeaderMap| overview::page(&of, &headers).await),
            )
            .route(
                "/alerts",
                get(async |State(of): Of, headers: HeaderMap| alerts::page(&of, &headers).await),
            )
            .route(
                "/destinations",
                get(async |State(of): Of, headers: HeaderMap| {
                    destinations::page(&of, &headers).await
                }),
            )
            .route(
                "/settings",
                get(async |State(of): Of, headers: HeaderMap| settings::page(&of, &headers).await),
            )
            .route(
                "/daemon",
                get(async |State(of): Of, headers: HeaderMap| daemon::page(&of, &headers).await),
            )
            .route(
                "/site/{name}",
                get(async |State(of): Of, Path(name): Name, headers: HeaderMap| {
                    site::page(&of, &headers, &name).await
                }),
            )
            .route(
                "/site/{name}/trends",
                get(
                    async |State(of): Of,
                           Path(name): Name,
                           RawQuery(q): RawQuery,
                           headers: HeaderMap| {
                        trends::page(&of, &headers, &name, q.as_deref()).await
                    },
                ),
            )
            .route(
                "/site/{name}/trends.csv",
                get(async |State(of): Of, Path(name): Name, RawQuery(q): RawQuery| {
                    trends::csv(&of, &name, q.as_deref()).await
                }),
            )
            .route(
                "/site/{name}/seats",
                get(
                    async |State(of): Of,
                           Path(name): Name,
                           RawQuery(q): RawQuery,
                           headers: HeaderMap| {
                        seats::page(&of, &headers, &name, q.as_deref()).await
                    },
                ),
            )
            .route(
                "/site/{name}/seats.csv",
                get(async |State(of): Of, Path(name): Name, RawQuery(q): RawQuery| {
                    seats::csv(&of, &name, q.as_deref()).await
                }),
            )
            .route(
                "/site/{name}/person/{user}",
                get(
                    async |State(of): Of,
                           Path((name, user)): Path<(String, String)>,
                           headers: HeaderMap| {
                        person::page(&of, &headers, &name, &user).await
                    },
                ),
            )
            .route(
                "/site/{name}/releases",
                get(async |State(of): Of, Path(name): Name, headers: HeaderMap| {
                    releases::page(&of, &headers, &name).await
                }),
            )
            .route(
                "/site/{name}/changes",
                get(
                    async |State(of): Of,
                           Path(name): Name,
                           RawQuery(q): RawQuery,
                           headers: HeaderMap| {
                        changes::page(&of, &headers, &name, q.as_deref()).await
                    },
                ),
            )
            .route("/assets/{name}", get(assets::asset))
            .route("/api/status", get(api_status))
            .route("/health", get(health))
            .fallback(nothing)
            .layer(from_fn(move |request: Request, next: Next| {
                viewer::recognize(shared.clone(), request, next)
            }))
            .layer(map_request(known_host))
            .layer(map_response(secure))
            .with_state(self.served);
        tokio::select! {
            () = serve::serve(self.listener, app, self.limits, stop) => {}
            () = tidy.tidy() => {}
        }
    }
}

type Of = State<Served>;
type Name = Path<String>;

async fn nothing() -> Failure {
    Failure::NotFound("There is no page at this address.".to_owned())
}

async fn api_status(State(served): State<Served>) -> Result<Response, Unreadable> {
    let json = serde_json::to_string(&served.status().await?);
    let json = json.expect("a picture of now has texts for keys");
    let body = in_json(&mask_own(&json)).into_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn health(State(Served { source, since, .. }): State<Served>) -> Response {
    let health = match source.store.health().await {
        Ok(health) => health,
        Err(error) => return Unreadable(error).into_response(),
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

/// The store can't be read: programs are told so, the details go to the log.
struct Unreadable(StoreError);

impl From<StoreError> for Unreadable {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unreadable {
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
    const HEADERS: [(HeaderName, &str); 3] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // What names its content may be kept; what is known of a site stays in no browser's files.
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(cache);
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
