//! The pages: what is known, read from the store. Whole without scripts.
//!
//! | path | what |
//! | --- | --- |
//! | `/` | all sites, or the only one |
//! | `/site/NAME` | one site; below it `/trends`, `/seats`, `/cost` (with `.csv`), `/person/ID`, `/releases`, `/run/RUN`, `/changes`, `/renewal`, `/monitor-app` |
//! | `/alerts`, `/reports`, `/destinations`, `/settings`, `/daemon` | of all sites |
//! | `/reports/FILE`, `/report` | a report that was written; one that is made now |
//! | `/assets/...` | the style and the script, from the binary |
//! | `/api`, `/api/v1/...` | the same as JSON, and what can be asked |
//! | `/api/status` | the picture of now as JSON |
//! | `/metrics` | the same as OpenMetrics |
//! | `/health` | 503 while the daemon can't read or write its store, or a monitor is late; else 200, with what is not read |
//! | `/healthz`, `/readyz` | for orchestrators: 503 where the store can't be read; where anything does not work |
//! | `/login`, `/logout` | and forms of operators: see `actions` |
//!
//! Nothing here asks a site or changes one: what operators do changes the store. `viewer` finds out who asks and what
//! they may see. Each page has a file: from what is known to words
//! (a struct for its template). `answer` makes what is sent, `frame` what stands around each page, `known` keeps what
//! is expensive, `unchanged` answers what did not change without making it again.

mod actions;
mod alerts;
mod answer;
pub mod api;
mod app;
mod asked;
mod assets;
mod certificate;
mod changes;
mod cost;
mod daemon;
mod destinations;
mod form;
mod frame;
mod gauge;
mod host;
mod known;
mod login;
pub mod metrics;
mod more;
mod order_form;
mod overview;
mod person;
mod plan;
mod probes;
mod releases;
mod renewal;
mod reports;
mod run;
mod seats;
mod sections;
mod serve;
mod settings;
mod sheet;
mod site;
mod trends;
mod unchanged;
mod viewer;
mod wording;

pub use probes::serve_health;
pub use serve::{LIMITS, Limits};

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, RawQuery, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use self::answer::{Answer, Failure};
use self::asked::Asked;
use self::certificate::Certificate;
use self::known::Known;
use self::login::{Hashing, Tries};
use self::unchanged::{Answered, unchanged};
use self::viewer::{Looks, State, Viewer};
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::{Reach, Site};
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
    answered: Arc<Answered>,
    /// The settings in effect, in words.
    explained: Arc<settings::Explained>,
    /// Who looks through all seats takes a turn.
    turns: Arc<Semaphore>,
    looks: Arc<Looks>,
    tries: Arc<Tries>,
    hashing: Arc<Hashing>,
    /// Who asks; nobody who is known until a request came in.
    viewer: Viewer,
}

/// So many look through the seats of a site at once, each with a connection to the store.
pub const TURNS: usize = 1;

impl Served {
    /// Whether the settings have people named to everybody.
    fn show_names(&self) -> bool {
        self.source.settings.web.as_ref().is_some_and(|web| web.show_names)
    }

    fn reach(&self) -> Reach {
        self.source.settings.web.as_ref().map_or(Reach::Anybody, |web| web.reach)
    }

    /// Whether pages name people to the one who asks.
    fn names(&self) -> bool {
        self.viewer.names
    }

    /// The sites that there are for the one who asks.
    fn sites(&self) -> impl Iterator<Item = &Site> {
        self.source.settings.sites.iter().filter(|site| self.viewer.sees(&site.name))
    }

    /// Whether what is of a site, or of the daemon itself, is there for the one who asks.
    fn sees(&self, site: &str) -> bool {
        site == crate::event::DAEMON || self.viewer.sees(site)
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
    certificate: Option<Arc<Certificate>>,
    limits: Limits,
}

impl Page {
    /// Takes the address.
    ///
    /// # Errors
    /// When it is taken or not of this machine, or the certificate of the settings can't be used.
    pub async fn bind(address: SocketAddr, source: Source) -> anyhow::Result<Self> {
        let tls = source.settings.web.as_ref().and_then(|web| web.tls.as_ref());
        let certificate = tls.map(Certificate::load).transpose();
        let certificate = certificate.context("the certificate of the pages (Butler.web.tls)")?;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve the status page at {address} (Butler.web.host, Butler.web.port)")
        })?;
        let since = source.clock.now();
        let served = Served {
            explained: Arc::new(settings::Explained::of(&source.settings)),
            source,
            since,
            known: Arc::default(),
            answered: Arc::default(),
            turns: Arc::new(Semaphore::new(TURNS)),
            looks: Arc::default(),
            tries: Arc::default(),
            hashing: Arc::default(),
            viewer: Viewer::anonymous(false, None),
        };
        let certificate = certificate.map(Arc::new);
        Ok(Self { listener, served, certificate, limits: LIMITS })
    }

    /// The same of a daemon that started earlier than this page.
    #[must_use]
    pub fn since(mut self, start: DateTime<Utc>) -> Self {
        self.served.since = start;
        self
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// The address in use.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Serves until `stop`, by the settings that it was bound with.
    pub async fn serve(self, stop: CancellationToken) {
        let settings = watch::Sender::new(self.served.source.settings.clone());
        self.serve_as(settings.subscribe(), stop).await;
    }

    /// Serves until `stop`, each request by the settings that are in force when it comes.
    pub async fn serve_as(
        self,
        mut settings: watch::Receiver<Arc<Settings>>,
        stop: CancellationToken,
    ) {
        let Self { listener, mut served, certificate, limits } = self;
        let (apps, app) = watch::channel(served.clone().app());
        let serving = serve::serve(listener, app, certificate, limits, stop);
        let mut serving = std::pin::pin!(serving);
        loop {
            let known = served.known.clone();
            tokio::select! {
                () = serving.as_mut() => return,
                () = known.tidy() => {}
                Ok(()) = settings.changed() => {
                    served = served.under(settings.borrow_and_update().clone());
                    drop(apps.send_replace(served.clone().app()));
                }
            }
        }
    }
}

impl Served {
    /// The same by other settings. Who is logged in, and who tried too often, stays so.
    fn under(self, settings: Arc<Settings>) -> Self {
        Self {
            explained: Arc::new(settings::Explained::of(&settings)),
            known: Arc::default(),
            answered: Arc::default(),
            source: Source { settings, ..self.source },
            ..self
        }
    }

    fn app(self) -> Router {
        let locale = self.source.settings.locale;
        let shared = self.clone();
        let web = shared.source.settings.web.as_ref();
        let hsts = web.and_then(|web| web.tls.as_ref()).is_some_and(|tls| tls.hsts);
        let hosts: Arc<[String]> = web.map_or_else(Arc::default, |web| web.hosts.clone().into());
        Router::new()
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
            .route(
                "/api",
                get(async |State(of): Of, headers: HeaderMap| api::page(&of, &headers).await),
            )
            .nest("/api/v1", api::routes())
            .route("/metrics", get(metrics))
            .route("/health", get(health))
            .route("/healthz", get(probes::alive))
            .route("/readyz", get(probes::ready))
            .route("/login", get(log_in_page).post(log_in))
            .route("/logout", post(log_out))
            .route("/alerts/{act}", post(of_alerts))
            .route("/destinations/{act}", post(of_letters))
            .route("/site/{name}/releases/{act}", post(of_releases))
            .merge(more::routes())
            .fallback(nothing)
            .layer(from_fn_with_state(self.clone(), unchanged))
            .layer(from_fn(move |request: Request, next: Next| {
                viewer::recognize(shared.clone(), request, next)
            }))
            .layer(map_request(move |request: Request| {
                std::future::ready(host::known(&hosts, request))
            }))
            .layer(from_fn(move |request, next| host::secure(hsts, request, next)))
            .layer(from_fn(move |request, next| wording::with(locale, request, next)))
            .with_state(self)
    }
}

type Of = State<Served>;
type Name = Path<String>;

async fn nothing() -> Failure {
    Failure::NotFound("There is no page at this address.".to_owned())
}

async fn api_status(State(served): State<Served>) -> Result<Response, Unreadable> {
    let json = crate::plain::to_json(&served.status().await?);
    let json = json.expect("a picture of now has texts for keys");
    let body = in_json(&mask_own(&json)).into_owned();
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn metrics(State(served): Of, headers: HeaderMap) -> Result<Response, Unreadable> {
    Ok(metrics::answer(&served, &headers).await?)
}

async fn log_in_page(State(of): Of, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    Ok(login::show(&of, &headers, Asked::of(query.as_deref())?.get("to")))
}

async fn log_in(State(of): Of, request: Request) -> Answer {
    login::log_in(&of, request).await
}

async fn log_out(State(of): Of, request: Request) -> Answer {
    login::log_out(&of, request).await
}

async fn of_alerts(State(of): Of, Path(act): Name, request: Request) -> Answer {
    match act.as_str() {
        "silence" => actions::silence(&of, request).await,
        "unsilence" => actions::unsilence(&of, request).await,
        "test" => actions::test(&of, request).await,
        _ => Err(nothing().await),
    }
}

async fn of_letters(State(of): Of, Path(act): Name, request: Request) -> Answer {
    match act.as_str() {
        "retry" => actions::letters(&of, request, true).await,
        "drop" => actions::letters(&of, request, false).await,
        _ => Err(nothing().await),
    }
}

async fn of_releases(
    State(of): Of,
    Path((name, act)): Path<(String, String)>,
    request: Request,
) -> Answer {
    match act.as_str() {
        "pause" => actions::pause(&of, &name, request).await,
        "unpause" => actions::unpause(&of, &name, request).await,
        "apply" => actions::apply(&of, &name, request).await,
        "undo" => actions::undo(&of, &name, request).await,
        _ => Err(nothing().await),
    }
}

async fn health(State(served): State<Served>) -> Response {
    // Programs that ask whether it works are not told of sites, where pages aren't shown to everybody.
    let tells = served.viewer.is_known() || served.reach() == Reach::Anybody;
    let Served { source, since, .. } = served;
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
    let line = fitness.line();
    let line = if tells { &line } else { line.split(':').next().unwrap_or_default() };
    (status, format!("{line}\n")).into_response()
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
