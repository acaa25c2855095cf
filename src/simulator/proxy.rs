//! A virtual proxy before a site, as a client without a certificate meets it on port 443.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, COOKIE, DATE, HOST, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::connection::{Pace, PacedBody, ResetSwitch};
use super::control::Control;
use super::routes::{self, HttpResponse, Request};

/// A virtual proxy. Who comes in by it acts as `INTERNAL\sa_api`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySettings {
    /// Its prefix.
    pub prefix: String,
    /// The token that it takes (JWT). Empty: none.
    pub token: String,
    /// The header that it takes as the name of the user. Empty: none.
    pub header: String,
    /// The hosts that it is asked for under; empty: any.
    pub hosts: Vec<String>,
    /// Whether it wants `qlik-csrf-token` back, as since November 2024. Without, there is no page that says it.
    pub csrf: bool,
    /// Sessions that a user may have at a time.
    pub sessions: usize,
}

impl Default for ProxySettings {
    fn default() -> Self {
        Self {
            prefix: "api".to_owned(),
            token: String::new(),
            header: String::new(),
            hosts: Vec::new(),
            csrf: true,
            sessions: 5,
        }
    }
}

/// A proxy that listens.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    settings: ProxySettings,
    /// By its id: what goes with it.
    sessions: HashMap<String, String>,
    begun: u64,
}

impl Proxy {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many sessions were begun so far.
    pub fn sessions_begun(&self) -> u64 {
        self.state().begun
    }

    /// As if all had been idle for too long.
    pub fn end_sessions(&self) {
        self.state().sessions.clear();
    }

    /// Changes what it takes.
    pub fn update(&self, change: impl FnOnce(&mut ProxySettings)) {
        change(&mut self.state().settings);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn start(
        settings: ProxySettings,
        tls: ServerConfig,
        control: Control,
        (stop, tasks): (CancellationToken, TaskTracker),
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let state = State { settings, sessions: HashMap::new(), begun: 0 };
        let proxy = Self { address: listener.local_addr()?, state: Arc::new(Mutex::new(state)) };
        let tls = TlsAcceptor::from(Arc::new(tls));
        let (own, all) = (proxy.clone(), tasks.clone());
        tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                let Ok((tcp, _)) = accepted else { return };
                let (proxy, tls, control, stop) =
                    (own.clone(), tls.clone(), control.clone(), stop.clone());
                all.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = serve(tcp, tls, proxy, control) => {}
                    }
                });
            }
        });
        Ok(proxy)
    }

    /// What is answered, and the headers of a session that is begun.
    fn answer(
        &self,
        head: &HeaderMap,
        request: &Request,
        control: &Control,
    ) -> (HttpResponse, Vec<(&'static str, String)>) {
        let mut state = self.state();
        let plain = |answer| (answer, Vec::new());
        let header =
            |name: &str| head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let host = header(HOST.as_str()).split(':').next().unwrap_or_default().to_owned();
        let settings = state.settings.clone();
        if !settings.hosts.is_empty() && !settings.hosts.contains(&host) {
            return plain(HttpResponse::html(403, "403 Forbidden"));
        }
        let begin = format!("/{}/", settings.prefix);
        let Some(path) = request.path.strip_prefix(&begin) else {
            return plain(HttpResponse::html(400, "The virtual proxy is not known"));
        };
        let cookie = format!("X-Qlik-Session-{}", settings.prefix);
        let cookies = header(COOKIE.as_str()).split(';').map(str::trim);
        let session = cookies
            .filter_map(|one| one.strip_prefix(&cookie)?.strip_prefix('='))
            .find_map(|id| Some((id.to_owned(), state.sessions.get(id)?.clone())));
        let known = !settings.token.is_empty()
            && header("authorization") == format!("Bearer {}", settings.token)
            || !settings.header.is_empty() && !header(&settings.header).is_empty();
        let mut more = Vec::new();
        let csrf = match &session {
            Some((_, csrf)) => csrf.clone(),
            None if !known => return plain(HttpResponse::html(401, "401 Unauthorized")),
            None if state.sessions.len() >= settings.sessions => {
                return plain(HttpResponse::html(
                    401,
                    "You cannot use Qlik Sense: too many sessions",
                ));
            }
            None => {
                let (id, csrf) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
                more.push((SET_COOKIE_NAME, format!("{cookie}={id}; Path=/; HttpOnly; Secure")));
                state.sessions.insert(id, csrf.clone());
                state.begun += 1;
                csrf
            }
        };
        if path == "qps/csrftoken" {
            if !settings.csrf {
                return plain(HttpResponse::html(404, "404 Not Found"));
            }
            more.push((CSRF, csrf));
            return (HttpResponse::new(204, "text/plain", Bytes::new()), more);
        }
        if session.is_some() && settings.csrf && header(CSRF) != csrf {
            return plain(HttpResponse::html(403, "403 Forbidden"));
        }
        drop(state);
        let mut inner = Request::new(&request.method, &format!("/{path}"), Some(&request.query));
        inner.xrf_header.clone_from(&request.xrf_header);
        inner.content_type.clone_from(&request.content_type);
        inner.user_header = Some("UserDirectory=INTERNAL; UserId=sa_api".to_owned());
        inner.body = request.body.clone();
        let number = control.begin(&inner, 0);
        let answer = routes::answer(&mut control.site(), &inner);
        control.finish(number, answer.status, answer.body.len());
        (answer, more)
    }
}

const CSRF: &str = "qlik-csrf-token";
const SET_COOKIE_NAME: &str = "set-cookie";

async fn serve(tcp: TcpStream, tls: TlsAcceptor, proxy: Proxy, control: Control) {
    let Ok(stream) = tls.accept(tcp).await else { return };
    let service = service_fn(|request| handle(request, proxy.clone(), control.clone()));
    // The errors are the client's.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn handle(
    http: HttpRequest<Incoming>,
    proxy: Proxy,
    control: Control,
) -> io::Result<Response<PacedBody>> {
    let (head, body) = http.into_parts();
    let mut request = Request::new(head.method.as_str(), head.uri.path(), head.uri.query());
    let text = |name: &str| {
        head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    request.xrf_header = text("x-qlik-xrfkey");
    request.content_type = text(CONTENT_TYPE.as_str());
    request.body = super::server::read(body).await?;
    let (answer, more) = proxy.answer(&head.headers, &request, &control);
    let date = routes::date_header(&control.site(), 0);
    let mut response = Response::builder().status(answer.status).header(DATE, date);
    if answer.status != 204 {
        response = response.header(CONTENT_TYPE, answer.content_type);
    }
    for (name, value) in more {
        response = response.header(name, value);
    }
    let body = PacedBody::new(answer.body, Pace::AtOnce, ResetSwitch::default(), false);
    Ok(response.body(body).expect("status and headers are valid"))
}
