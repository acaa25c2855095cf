//! The Qlik Repository Service (QRS): a site's database of licenses, users and apps.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `transport` | one request: TLS, headers, xrfkey, timeouts, body limit |
//! | `proxy` | what keeps Bursar out at a virtual proxy |
//! | `answer` | the parts of an HTTP answer, and what a status means |
//! | `patience` | how often a question is asked, and when the whole reading ends |
//! | [`progress`] | how far a client's readings have come |
//! | [`retry`] | when a failed GET is tried again |
//! | `list` | a list, parsed element by element while it comes |
//! | `loose` | values of any JSON type, so that one odd field spoils no list |
//! | `read` | what is asked of the service, and what counts as an answer |
//! | `seats` | the seats of a type, as the rules of release look at them |
//! | `site` | which site it is that answers |
//! | `system_info` | which version of Qlik Sense it is; another service, with a port of its own |
//! | `monitor_app` | apps, reload tasks, their runs and script logs |
//! | `people`, `user` | users in full, by id, many in one request; which answer is a user, whole |
//! | [`mod@write`] | the only requests that change a site: give a seat, take a seat |
//! | [`filter`] | filter expressions, escaped as the service demands |
//! | [`wire`] | answers as types |
//! | [`error`], `diagnose` | every way to fail, as a sentence an admin can act on |
//!
//! Only [`mod@write`] can change a site, and only `release` may use it: everything else sends GET alone.
//! What is sent with another method is sent once, never again on its own. No body and no key is
//! ever logged.

mod answer;
mod diagnose;
pub mod error;
pub mod filter;
mod http;
mod json;
mod list;
mod loose;
mod monitor_app;
mod names;
mod patience;
mod people;
pub mod progress;
mod proxy;
mod read;
pub mod retry;
mod seats;
pub mod settings;
mod site;
mod system_info;
mod transport;
mod user;
pub mod wire;
pub mod write;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::qrs::settings::Connection;

pub use crate::backoff::Backoff;
pub use error::{BuildError, Error};
pub use filter::{Field, Filter};
pub use http::NEW_CERTIFICATE;
pub use patience::Patience;
pub use progress::Progress;
pub use seats::SeatsOf;
pub use transport::Connections;
pub use wire::About;

use answer::Sink;
use retry::{Allowance, Tries};
use transport::Transport;

/// A value, and what its reading tells of the site.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<T> {
    pub value: T,
    /// The site's clock (`Date` header, whole seconds) when it answered.
    pub server_date: Option<DateTime<Utc>>,
    /// When the head of the answer came.
    pub answered: Instant,
    /// From sending the request to the last byte of the answer, without retries and queueing.
    pub latency: Duration,
}

impl<T> Reading<T> {
    /// The same reading of something made of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        Reading {
            value: f(self.value),
            server_date: self.server_date,
            answered: self.answered,
            latency: self.latency,
        }
    }
}

/// What a client takes from outside so that tests decide it. Time is tokio's.
#[derive(Debug)]
pub struct Options {
    /// For the jitter of retries and the xrfkey.
    pub rng: fastrand::Rng,
    pub backoff: Backoff,
    /// Shared with the clients of other sites.
    pub connections: Connections,
    /// Which of the site's services is asked.
    pub service: Service,
}

/// A service of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The repository: everything but what follows.
    Repository,
    /// The one that says which version of Qlik Sense it is.
    System,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rng: fastrand::Rng::new(),
            backoff: retry::PACE,
            connections: Connections::unlimited(),
            service: Service::Repository,
        }
    }
}

/// A client of one site: one pool of kept connections, a bounded number of requests at a time.
/// Clones share both.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    site: String,
    transport: Transport,
    rng: Mutex<fastrand::Rng>,
    backoff: Backoff,
    allowance: Allowance,
    progress: Progress,
}

impl Client {
    /// A client for the site called `site`. Sends nothing. The certificate files are read for the first
    /// request; one that can't be used is the error of that.
    ///
    /// # Errors
    /// When the host or a header can't be used.
    pub fn new(site: &str, connection: &Connection) -> Result<Self, BuildError> {
        Self::with(site, connection, Options::default())
    }

    /// As [`new`](Self::new), one of many that share how many connections there may be.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn sharing(
        site: &str,
        connection: &Connection,
        connections: &Connections,
    ) -> Result<Self, BuildError> {
        let options = Options { connections: connections.clone(), ..Options::default() };
        Self::with(site, connection, options)
    }

    /// A client of the service that says the version of Qlik Sense.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_system(
        site: &str,
        connection: &Connection,
        connections: &Connections,
    ) -> Result<Self, BuildError> {
        let connections = connections.clone();
        let options = Options { connections, service: Service::System, ..Options::default() };
        Self::with(site, connection, options)
    }

    /// As [`new`](Self::new), with the randomness and the pace of retries given.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(site: &str, connection: &Connection, options: Options) -> Result<Self, BuildError> {
        let inner = Inner {
            site: site.to_owned(),
            transport: Transport::new(connection, options.connections, options.service)?,
            rng: Mutex::new(options.rng),
            backoff: options.backoff,
            allowance: Allowance::default(),
            progress: Progress::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the certificate files can be used. Sends nothing.
    ///
    /// # Errors
    /// [`Error::CertificateFile`].
    pub fn is_equipped(&self) -> Result<(), Error> {
        self.inner.transport.is_equipped()
    }

    /// Name of the site as configured.
    pub fn site(&self) -> &str {
        &self.inner.site
    }

    /// Where requests go, for people: `https://qlik1.example.com:4242`, with the address connected
    /// to when that is another.
    pub fn address(&self) -> &str {
        self.inner.transport.address()
    }

    /// The pace at which a failed question is asked again.
    pub fn pace(&self) -> Backoff {
        self.inner.backoff
    }

    /// How many requests to the site run at a time.
    pub fn concurrency(&self) -> usize {
        self.inner.transport.concurrency()
    }

    /// How far its readings have come.
    pub fn progress(&self) -> &Progress {
        &self.inner.progress
    }

    /// A GET with retries. `path` is below `/qrs/`; `sink` makes what takes the body of a try.
    async fn get<S: Sink>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        sink: impl Fn() -> S,
        patience: Patience,
    ) -> Result<Reading<S::Value>, Error> {
        let inner = &*self.inner;
        let mut tries = Tries::new(&inner.site, inner.backoff, patience);
        loop {
            let key = self.xrfkey();
            match inner.transport.get(path, query, &key, sink(), tries.until()).await {
                Ok(reading) => return Ok(reading),
                Err(error) => {
                    let wait = tries.failed(error, &mut retry::lock(&inner.rng))?;
                    tokio::time::sleep(wait).await;
                    if !inner.allowance.one(tries.until()).await
                        && let Some(error) = tries.given_up()
                    {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn xrfkey(&self) -> String {
        transport::xrfkey(&mut retry::lock(&self.inner.rng))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("site", &self.inner.site)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
