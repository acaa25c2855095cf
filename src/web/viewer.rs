//! Who asks, and what they may see: found out once for each request, before any page is made.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Failure;
use super::{Served, login};
use crate::config::settings::{Reach, WebProxy};
use crate::credential::fingerprint;
use crate::event::DAEMON;
use crate::plain::{one_line, shortened};
use crate::status::Status;
use crate::store::{Access, Role, StoreError};

/// Characters of a user's name that are shown.
const NAME: usize = 64;

/// How somebody is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// Nobody logged in: whoever reaches the address.
    Anonymous,
    /// Logged in, with the hash of the session's secret.
    User { name: String, session: String },
    /// Named by the proxy.
    Proxied { name: String },
    /// A program.
    Token { name: String },
}

/// Somebody who asks for pages.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    pub(super) who: Who,
    pub(super) role: Role,
    /// The sites that there are for them; `None`: all.
    pub(super) sites: Option<Arc<[String]>>,
    /// Whether people who hold seats are named to them.
    pub(super) names: bool,
    pub(super) peer: Option<Peer>,
}

/// The other end of a connection, as `serve` puts it into each request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// The connection speaks TLS.
    pub(super) is_tls: bool,
}

impl Peer {
    pub(super) fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

impl Viewer {
    /// Nobody is logged in: reads only.
    pub(super) fn anonymous(names: bool, peer: Option<Peer>) -> Self {
        Self { who: Who::Anonymous, role: Role::Viewer, sites: None, names, peer }
    }

    fn known(who: Who, access: Access, show_names: bool, peer: Option<Peer>) -> Self {
        let Access { role, sites } = access;
        let names = show_names || role == Role::Operator;
        Self { who, role, sites: sites.map(Into::into), names, peer }
    }

    /// Whether anything is known of them.
    pub(super) fn is_known(&self) -> bool {
        self.who != Who::Anonymous
    }

    /// Whether there is this site for them.
    pub(super) fn sees(&self, site: &str) -> bool {
        self.sites.as_ref().is_none_or(|sites| sites.iter().any(|of| of == site))
    }

    /// Leaves out what is of other sites. What is of the daemon itself stays.
    pub(super) fn narrow(&self, status: &mut Status) {
        if self.sites.is_none() {
            return;
        }
        let sees = |site: &str| site == DAEMON || self.sees(site);
        status.sites.retain(|site| sees(&site.name));
        status.alerts.retain(|alert| sees(&alert.key.site));
        status.silences.retain(|of| of.site.as_deref().is_none_or(sees));
        for one in &mut status.unheard {
            one.sites.retain(|site| sees(site));
        }
        status.unheard.retain(|one| !one.sites.is_empty());
    }

    /// Those of one kind get the same pages.
    pub(super) fn kind(&self) -> String {
        format!("{:?}", (&self.who, self.role, self.names, &self.sites))
    }

    /// Without how it is known.
    pub(super) fn name(&self) -> &str {
        match &self.who {
            Who::Anonymous => "somebody without login",
            Who::User { name, .. } | Who::Proxied { name } | Who::Token { name } => name,
        }
    }

    /// The name and how it is known, for records of what they do: `anna, logged in`.
    pub(super) fn by(&self) -> String {
        match &self.who {
            Who::Anonymous => "somebody without login".to_owned(),
            Who::User { name, .. } => format!("{name}, logged in"),
            Who::Proxied { name } => format!("{name}, named by the proxy"),
            Who::Token { name } => format!("token {name}"),
        }
    }

    /// Where they ask from: the browser's address, or that of the proxy before it.
    pub(super) fn from(&self) -> String {
        self.peer.map_or_else(|| "an unknown address".to_owned(), |peer| peer.ip().to_string())
    }
}

/// Who was already told to the log to have looked at a site where people are named.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashSet<(Who, String, String)>>);

impl Looks {
    /// So many are remembered; then all are told again.
    const MOST: usize = 10_000;

    pub(super) fn tell(&self, viewer: &Viewer, site: &str) {
        let from = viewer.from();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= Self::MOST {
            told.clear();
        }
        if told.insert((viewer.who.clone(), from.clone(), site.to_owned())) {
            tracing::info!(site, from, "pages that name people are looked at by {}", viewer.by());
        }
    }
}

/// Finds out who asks, and whether they may, for the handlers behind it.
pub(super) async fn recognize(served: Served, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let viewer = match find(&served, request.headers(), peer).await {
        Ok(viewer) => viewer,
        Err(refused) => return refused,
    };
    let path = request.uri().path();
    if let Some(refused) = refused(&served, &viewer, &request, path) {
        return refused;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && matches!(viewer.who, Who::Token { .. }) {
        let text = "A token only reads: what is changed is changed by a person who is logged in.";
        return Failure::forbidden(text).into_response();
    }
    let spoken = login::spoken(&served, peer, request.headers());
    request.extensions_mut().insert(spoken);
    request.extensions_mut().insert(viewer);
    next.run(request).await
}

/// Why the one who asks gets no page at all.
fn refused(served: &Served, viewer: &Viewer, request: &Request, path: &str) -> Option<Response> {
    let is_open =
        ["/health", "/healthz", "/readyz"].contains(&path) || path.starts_with("/assets/");
    match served.reach() {
        _ if is_open => None,
        Reach::Nobody => {
            let text = "These pages can be reached from other machines and have neither TLS nor a proxy before \
                        them, so they are shown to nobody: see Butler.web in the settings.";
            Some(Failure::forbidden(text).into_response())
        }
        Reach::LoggedIn if !viewer.is_known() && path != "/login" => {
            let accept = request.headers().get(header::ACCEPT).and_then(|text| text.to_str().ok());
            let wants_page = accept.is_some_and(|text| text.contains("text/html"));
            if request.method() == Method::GET && wants_page && !path.starts_with("/api/") {
                let to = request.uri().path_and_query().map_or("/", |to| to.as_str());
                return Some(login::asked(served, viewer.peer, request.headers(), to));
            }
            Some(unauthorized("log in first, or send a token: Authorization: Bearer TOKEN\n"))
        }
        Reach::Anybody | Reach::LoggedIn => None,
    }
}

fn unauthorized(text: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer realm=\"Bursar\"")], text)
        .into_response()
}

/// By token, by proxy, by session, in this order.
async fn find(
    served: &Served,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Viewer, Response> {
    let store = &served.source.store;
    let show_names = served.show_names();
    let unreadable = |error: StoreError| Failure::Store(error).into_response();
    if let Some(secret) = bearer(headers) {
        let token = store.token(&fingerprint(secret)).await.map_err(unreadable)?;
        let Some((name, access)) = token else {
            return Err(unauthorized("this token is not known, or it ran out\n"));
        };
        return Ok(Viewer::known(Who::Token { name }, access, show_names, peer));
    }
    if let Some(proxy) = served.source.settings.web.as_ref().and_then(|web| web.proxy.as_ref())
        && let Some((name, access)) = proxied(proxy, headers, peer)
    {
        return Ok(Viewer::known(Who::Proxied { name }, access, show_names, peer));
    }
    if let Some(secret) = login::cookie(headers) {
        let session = fingerprint(secret);
        if let Some((name, access)) = store.session(&session).await.map_err(unreadable)? {
            return Ok(Viewer::known(Who::User { name, session }, access, show_names, peer));
        }
    }
    Ok(Viewer::anonymous(show_names, peer))
}

/// The secret of `Authorization: Bearer`. Other schemes are a proxy's own.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Who a proxy names that may. A header that stands twice names nobody: one of them may be the browser's.
fn proxied(proxy: &WebProxy, headers: &HeaderMap, peer: Option<Peer>) -> Option<(String, Access)> {
    let ip = peer?.ip();
    if !proxy.from.iter().any(|network| network.has(ip)) {
        return None;
    }
    let mut values = headers.get_all(&proxy.header).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let name = String::from_utf8_lossy(value.as_bytes());
    let name = name.trim();
    let is_operator = proxy.operators.iter().any(|operator| operator == name);
    let shown = shortened(&one_line(name), NAME);
    let role = if is_operator { Role::Operator } else { Role::Viewer };
    (!shown.is_empty()).then_some((shown, Access { role, sites: None }))
}

/// What handlers get: all that they share, as it is for the one who asks.
pub(super) struct State<T>(pub(super) T);

impl FromRequestParts<Served> for State<Served> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, of: &Served) -> Result<Self, Self::Rejection> {
        let mut served = of.clone();
        // Without it, nobody is known: what `Served` begins with.
        if let Some(viewer) = parts.extensions.get::<Viewer>() {
            served.viewer = viewer.clone();
        }
        Ok(Self(served))
    }
}
