//! Who asks, and what they may see: found out once for each request, before any page is made.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::Served;
use crate::event::DAEMON;
use crate::status::Status;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Looks; people are named only where the settings say so.
    Viewer,
    /// Sees names and gives orders.
    Operator,
}

/// How somebody is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// Nobody logged in: whoever reaches the address.
    Anonymous,
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
    /// Where the request came from.
    pub(super) peer: Option<SocketAddr>,
}

/// The other end of a connection, as `serve` puts it into each request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Viewer {
    /// Nobody is logged in: reads only.
    pub(super) fn anonymous(names: bool, peer: Option<SocketAddr>) -> Self {
        Self { who: Who::Anonymous, role: Role::Viewer, sites: None, names, peer }
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

    fn name(&self) -> String {
        let from = self.peer.map_or_else(String::new, |peer| format!(" at {}", peer.ip()));
        match &self.who {
            Who::Anonymous => format!("somebody without login{from}"),
        }
    }
}

/// Who was already told to the log to have looked at a site where people are named.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashSet<(String, String)>>);

impl Looks {
    /// So many are remembered; then all are told again.
    const MOST: usize = 10_000;

    pub(super) fn tell(&self, viewer: &Viewer, site: &str) {
        let name = viewer.name();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= Self::MOST {
            told.clear();
        }
        if told.insert((name.clone(), site.to_owned())) {
            tracing::info!(site, "{name} looks at pages that name people");
        }
    }
}

/// Finds out who asks, for the handlers behind it.
pub(super) async fn recognize(served: Served, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let names = served.source.settings.web.is_some_and(|web| web.show_names);
    request.extensions_mut().insert(Viewer::anonymous(names, peer));
    next.run(request).await
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
