//! One request to the repository service: TLS, headers, xrfkey, timeouts, body limit.

mod session;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, DATE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Response, StatusCode};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

use self::session::{Session, Sessions};
use super::answer::{BodyError, Sink, fill, header_date, is_html, status_error};
use super::error::{BuildError, Error, NotJson};
use super::http::Http;
use super::proxy::ProxyProblem;
use super::{Reading, Service, diagnose};
use crate::qrs::settings::{Connection, Entry};
use crate::secret::Echo;
use crate::tls;

/// Header that must repeat the query parameter `xrfkey`.
const XRFKEY_HEADER: HeaderName = HeaderName::from_static("x-qlik-xrfkey");

/// Header that names the acting user.
const USER_HEADER: &str = "x-qlik-user";

/// How many connections all clients that share it may have in use at once.
#[derive(Debug, Clone)]
pub struct Connections {
    places: Arc<Semaphore>,
    /// Idle ones are kept for the next requests.
    kept: bool,
}

impl Connections {
    /// As many as there are requests.
    pub fn unlimited() -> Self {
        Self { places: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)), kept: true }
    }

    /// So many, each for one request.
    pub fn at_most(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(count)), kept: false }
    }
}

/// Whether a request may still be sent.
pub(super) type May<'a> = dyn Fn() -> bool + Sync + 'a;

/// A pool of connections to one site.
#[derive(Debug)]
pub(super) struct Transport {
    http: Http,
    connections: Connections,
    /// Ends in `/qrs/` or `/v1/`.
    base: Url,
    service: Service,
    headers: HeaderMap,
    permits: Semaphore,
    concurrency: usize,
    timeout: Duration,
    peer: Peer,
    /// At a virtual proxy, where it is one that is asked.
    sessions: Option<Sessions>,
    /// Finds the fixed headers in answers.
    pub(super) echo: Option<Echo>,
}

/// The head of an answer. It keeps its place among the concurrent requests until it is dropped.
pub(super) struct HttpResponse<'a> {
    pub response: Response,
    pub server_date: Option<DateTime<Utc>>,
    answered: Instant,
    sent: Instant,
    timeout: Duration,
    /// The request, for people.
    pub shown: String,
    /// In which it was asked for, where it was a proxy that was asked.
    session: Option<Arc<Session>>,
    /// The proxy doesn't know that session any more.
    is_over: bool,
    _permit: SemaphorePermit<'a>,
    _connection: SemaphorePermit<'a>,
}

impl HttpResponse<'_> {
    fn reading<T>(&self, value: T) -> Reading<T> {
        Reading {
            value,
            server_date: self.server_date,
            answered: self.answered,
            latency: self.sent.elapsed(),
        }
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        let url = self.shown.clone();
        if error.is_timeout() {
            return Error::TimedOut { url, after: self.timeout };
        }
        Error::NotJson { url, body: NotJson::Truncated }
    }
}

/// Who is talked to and with which files: what errors need to name.
#[derive(Debug)]
pub(super) struct Peer {
    /// For people.
    pub address: String,
    /// ` (at 10.0.0.5)`, where the name in the address is not what is connected to.
    pub via: String,
    pub connect_timeout: Duration,
    /// Name expected in the server's certificate.
    pub expected_name: String,
    pub client_cert: PathBuf,
    pub ca: PathBuf,
    /// What is odd about the CA file.
    pub ca_note: Option<String>,
}

impl Transport {
    pub(super) fn new(
        connection: &Connection,
        connections: Connections,
        service: Service,
    ) -> Result<Self, BuildError> {
        tls::install_provider();
        if let Some(missing) = &connection.missing {
            return Err(BuildError::Missing(missing.clone()));
        }
        let concurrency = connection.max_concurrency.max(1);
        let server_name = server_name(connection)?;
        let base = base_url(connection, server_name, service)?;
        Ok(Self {
            http: Http::new(connection, connections.kept),
            connections,
            headers: headers(&connection.headers)?,
            sessions: sessions(connection)?,
            echo: Echo::of(&connection.secrets()),
            permits: Semaphore::new(concurrency),
            concurrency,
            timeout: connection.request_timeout,
            peer: Peer::new(connection, &base, server_name),
            base,
            service,
        })
    }

    pub(super) fn is_equipped(&self) -> Result<(), Error> {
        self.http.client().map(drop)
    }

    pub(super) fn address(&self) -> &str {
        &self.peer.address
    }

    /// How many requests run at a time.
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// One GET without retries, within the request timeout and before `until`, the wait for other
    /// requests to end included. Only a 200 is `Ok`.
    pub(super) async fn get<S: Sink>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        xrfkey: &str,
        mut sink: S,
        until: Option<Instant>,
    ) -> Result<Reading<S::Value>, Error> {
        let mut answer = self.found(path, query, xrfkey, until).await?;
        let value = match fill(&mut answer.response, &mut sink, self.echo.clone()).await {
            Ok(()) => sink.finish(),
            Err(BodyError::Broken(error)) => return Err(answer.broken(&error)),
            Err(BodyError::Stopped(stop)) => Err(stop),
        };
        let result = match value {
            Ok(value) => Ok(answer.reading(value)),
            Err(stop) => Err(stop.error(answer.shown.clone())),
        };
        // Lets the connection go back to the pool before the place is free, so that the next
        // request takes it instead of opening another.
        tokio::task::yield_now().await;
        result
    }

    /// The head of a 200 that is no page for people.
    async fn found(
        &self,
        path: &str,
        query: &[(&str, &str)],
        xrfkey: &str,
        until: Option<Instant>,
    ) -> Result<HttpResponse<'_>, Error> {
        let mut is_first = true;
        let answer = loop {
            let answer = self.send(Method::GET, path, query, None, xrfkey, until, None).await?;
            // The session is over: another one is begun, once. What only reads may be asked again.
            let is_over = answer.is_over
                && (answer.response.status() != StatusCode::OK || is_html(&answer.response));
            if !std::mem::replace(&mut is_first, false) || !is_over {
                break answer;
            }
        };
        if answer.response.status() != StatusCode::OK {
            let (of_proxy, url) = (answer.session.is_some(), answer.shown.clone());
            let error = status_error(answer.response, answer.shown, answer.server_date).await;
            return Err(match error {
                Error::Unauthorized { .. } if of_proxy => {
                    Error::Proxy { url, problem: ProxyProblem::Login }
                }
                error => error,
            });
        }
        if is_html(&answer.response) {
            return Err(Error::NotJson { url: answer.shown, body: NotJson::Html });
        }
        Ok(answer)
    }

    /// One request, sent at most once, whatever becomes of its connection: hyper sends a request
    /// on another connection only if it never began to write it. `may` is asked once a connection
    /// may be used, and nothing is waited for after it but the connection itself.
    #[expect(clippy::too_many_arguments, reason = "what a request is made of")]
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        xrfkey: &str,
        until: Option<Instant>,
        may: Option<&May<'_>>,
    ) -> Result<HttpResponse<'_>, Error> {
        let http = self.http.client()?;
        let url = self.url(path, query, xrfkey);
        let shown = self.shown(path);
        let mut headers = self.headers.clone();
        let xrfkey = HeaderValue::from_str(xrfkey).expect("an xrfkey is alphanumeric");
        headers.insert(XRFKEY_HEADER, xrfkey);

        let places = async {
            let permit = self.permits.acquire().await?;
            // The place of this site first: what waits here takes nothing from other sites.
            Ok::<_, AcquireError>((permit, self.connections.places.acquire().await?))
        };
        let (permit, in_use) = match until {
            None => places.await,
            Some(until) => match tokio::time::timeout_at(until, places).await {
                Ok(permits) => permits,
                Err(_) => return Err(Error::NotSent { url: shown }),
            },
        }
        .expect("the semaphores are never closed");
        let session = match &self.sessions {
            None => None,
            Some(sessions) => {
                // Apart: it is seldom needed, and every request would be as large as it.
                let session = Box::pin(self.session(sessions, &http, &headers, until)).await?;
                headers.extend(session.headers.clone());
                Some(session)
            }
        };
        let sent = Instant::now();
        let timeout = until.map_or(self.timeout, |until| (until - sent).min(self.timeout));
        // Asked only now: the wait for a place may have been long.
        if timeout.is_zero() || may.is_some_and(|may| !may()) {
            return Err(Error::NotSent { url: shown });
        }
        let failed = |error| diagnose::request_error(&error, &self.peer, &shown, timeout);
        let mut request = http.request(method, url).headers(headers).timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let server_date = header_date(response.headers(), DATE);
        let answered = Instant::now();
        let is_over = session.as_ref().is_some_and(|of| session::is_over(of, &response));
        if let (Some(sessions), Some(session), true) = (&self.sessions, &session, is_over) {
            sessions.forget(session).await;
        }
        Ok(HttpResponse {
            response,
            server_date,
            answered,
            sent,
            timeout,
            shown,
            session,
            is_over,
            _permit: permit,
            _connection: in_use,
        })
    }

    pub(super) fn url(&self, path: &str, query: &[(&str, &str)], xrfkey: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        let mut text = match self.service {
            Service::Repository => format!("xrfkey={xrfkey}"),
            Service::System => return url,
        };
        for (name, value) in query {
            text.push('&');
            text.push_str(&encode(name));
            text.push('=');
            text.push_str(&encode(value));
        }
        url.set_query(Some(&text));
        url
    }

    /// A request for people: without its query, which is long and repeats names of users.
    pub(super) fn shown(&self, path: &str) -> String {
        let Peer { address, via, .. } = &self.peer;
        let root = self.base.path();
        format!("{}{root}{path}{via}", address.strip_suffix(via.as_str()).unwrap_or(address))
    }
}

impl Peer {
    fn new(connection: &Connection, base: &Url, server_name: Option<&str>) -> Self {
        let port = connection.port;
        let via = server_name.map_or_else(String::new, |_| format!(" (at {})", connection.host));
        let address = match server_name {
            Some(name) => format!("https://{name}:{port}{via}"),
            None => base.as_str().trim_end_matches(base.path()).to_owned(),
        };
        let ca_note = (connection.use_ssl && connection.reject_unauthorized)
            .then(|| ca_note(connection))
            .flatten();
        Self {
            address,
            via,
            connect_timeout: connection.connect_timeout,
            expected_name: server_name.unwrap_or(&connection.host).to_owned(),
            client_cert: connection.client_cert.clone(),
            ca: connection.ca_cert.clone(),
            ca_note,
        }
    }
}

/// What of the CA file may be why nobody is believed. No certificate in it is a CA's: server.pem or client.pem given instead of
/// root.pem loads without complaint and then fits nothing.
fn ca_note(connection: &Connection) -> Option<String> {
    let certs = tls::load_certs(&connection.ca_cert).ok()?;
    let facts: Vec<_> =
        certs.iter().filter_map(|cert| tls::inspect(cert, &connection.ca_cert).ok()).collect();
    let first = facts.first()?;
    if let Some(weak) = certs.iter().find_map(tls::Weakness::of) {
        return Some(format!("of the certificate in the file: {weak}"));
    }
    facts.iter().all(|cert| !cert.is_ca).then(|| {
        format!("the file holds the certificate of {}, which is no authority", first.subject)
    })
}

/// The name to expect in the certificate where it isn't the host's own.
pub(super) fn server_name(connection: &Connection) -> Result<Option<&str>, BuildError> {
    let Some(name) = connection.tls_server_name.as_deref().filter(|_| connection.use_ssl) else {
        return Ok(None);
    };
    if name.eq_ignore_ascii_case(&connection.host) {
        return Ok(None);
    }
    match ServerName::try_from(name) {
        Ok(ServerName::DnsName(_)) => Ok(Some(name)),
        _ => Err(BuildError::ServerName { name: name.to_owned() }),
    }
}

impl Service {
    /// Where its paths begin.
    fn root(self) -> &'static str {
        match self {
            Self::Repository => "/qrs/",
            Self::System => "/v1/",
        }
    }
}

/// `https://host:port/qrs/`. With a server name of its own the URL holds that name, which makes it
/// the name in the handshake and the `Host` header too; [`To`] leads it to the real address.
fn base_url(
    connection: &Connection,
    server_name: Option<&str>,
    service: Service,
) -> Result<Url, BuildError> {
    let host = connection.host.as_str();
    let bad = |why: String| BuildError::Host { host: host.to_owned(), why };
    if host.is_empty() || host.contains(['/', '@', '?', '#', '\\', ' ']) {
        return Err(bad("write a name or an IP address, without https:// and path".to_owned()));
    }
    let scheme = if connection.use_ssl { "https" } else { "http" };
    let in_url = match (server_name, host.parse()) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(IpAddr::V6(address))) => format!("[{address}]"),
        (None, _) => host.to_owned(),
    };
    let root = service.root();
    let prefix = match (&connection.entry, service) {
        (Entry::Proxy { prefix: Some(prefix), .. }, Service::Repository) => format!("/{prefix}"),
        _ => String::new(),
    };
    let url = Url::parse(&format!("{scheme}://{in_url}:{}{prefix}{root}", connection.port))
        .map_err(|error| bad(error.to_string()))?;
    match server_name {
        // A name such as 0x7f.1 would turn into an IP address.
        Some(name) if url.domain().is_none_or(|domain| !domain.eq_ignore_ascii_case(name)) => {
            Err(BuildError::ServerName { name: name.to_owned() })
        }
        _ => Ok(url),
    }
}

/// What a virtual proxy is asked with, where it is one that is asked.
fn sessions(connection: &Connection) -> Result<Option<Sessions>, BuildError> {
    let Entry::Proxy { token, .. } = &connection.entry else { return Ok(None) };
    let Some(token) = token else { return Ok(Some(Sessions::new(None))) };
    let bad = |error: InvalidHeaderValue| BuildError::Header {
        name: "Authorization".into(),
        why: error.to_string(),
    };
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(bad)?;
    bearer.set_sensitive(true);
    Ok(Some(Sessions::new(Some(bearer))))
}

/// Leads every name to one host.
pub(super) struct To {
    pub(super) host: String,
}

impl Resolve for To {
    fn resolve(&self, _name: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            // The port of the URL replaces this one.
            let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
                Ok(address) => vec![SocketAddr::new(address, 0)],
                Err(_) => tokio::net::lookup_host((host.as_str(), 0)).await?.collect(),
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The fixed headers, without those that this client sets itself.
fn headers(fixed: &[(String, String)]) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fixed {
        let bad = |why: String| BuildError::Header { name: name.clone(), why };
        let header = HeaderName::try_from(name.trim()).map_err(|error| bad(error.to_string()))?;
        if header == XRFKEY_HEADER || header == "host" || header == "content-length" {
            continue;
        }
        let value = if header == USER_HEADER { encode_non_ascii(value) } else { value.clone() };
        let value = HeaderValue::try_from(value.trim()).map_err(|error| bad(error.to_string()))?;
        headers.append(header, value);
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    Ok(headers)
}

/// The service wants the user's name URL-encoded; what is ASCII works as it is, and may be encoded
/// already.
fn encode_non_ascii(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { encode(&c.to_string()) })
        .collect()
}

/// Percent-encoding of a query's component by RFC 3986: all but its unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

/// 16 random letters and digits: the service compares the one in the query with the one in the
/// header.
pub(super) fn xrfkey(rng: &mut fastrand::Rng) -> String {
    (0..16).map(|_| rng.alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(host: &str, name: Option<&str>) -> Connection {
        Connection {
            host: host.into(),
            port: 4242,
            use_ssl: true,
            client_cert: "client.pem".into(),
            client_key: "client_key.pem".into(),
            ca_cert: "root.pem".into(),
            reject_unauthorized: true,
            tls_server_name: name.map(Into::into),
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            max_concurrency: 4,
            entry: Entry::default(),
            missing: None,
        }
    }

    fn base(host: &str, name: Option<&str>) -> Result<String, BuildError> {
        let connection = connection(host, name);
        let name = server_name(&connection)?;
        base_url(&connection, name, Service::Repository).map(Into::into)
    }

    #[test]
    fn hosts_of_every_kind() {
        for (host, name, url) in [
            ("qlik1.example.com", None, "https://qlik1.example.com:4242/qrs/"),
            ("WIN_QLIK1", None, "https://win_qlik1:4242/qrs/"),
            ("10.0.0.5", None, "https://10.0.0.5:4242/qrs/"),
            ("2001:db8::1", None, "https://[2001:db8::1]:4242/qrs/"),
            ("10.0.0.5", Some("WIN_QLIK1"), "https://win_qlik1:4242/qrs/"),
            ("alias.example.com", Some("qlik1"), "https://qlik1:4242/qrs/"),
            ("10.0.0.5", Some("10.0.0.5"), "https://10.0.0.5:4242/qrs/"),
        ] {
            assert_eq!(base(host, name).unwrap(), url);
        }
        for host in ["", "https://qlik1", "qlik1/qrs", "user@qlik1", "two words"] {
            assert!(matches!(base(host, None), Err(BuildError::Host { .. })), "{host}");
        }
        for name in ["", "10.0.0.6", "two words", "0x7f.1"] {
            let result = base("10.0.0.5", Some(name));
            assert!(matches!(result, Err(BuildError::ServerName { .. })), "{name:?} {result:?}");
        }
    }

    #[test]
    fn fixed_headers_are_sent_but_ours_win() {
        let fixed = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let made = headers(&[
            fixed("X-Qlik-User", "UserDirectory=CORP; UserId=jürgen%20x"),
            fixed("X-Qlik-Xrfkey", "abcdefghijklmnop"),
            fixed("Host", "elsewhere"),
            fixed("X-Own", "1"),
        ])
        .unwrap();
        assert_eq!(made["x-qlik-user"], "UserDirectory=CORP; UserId=j%C3%BCrgen%20x");
        assert_eq!(made["x-own"], "1");
        assert_eq!(made.len(), 3, "{made:?}");
        assert!(headers(&[fixed("X Own", "1")]).is_err());
        assert!(headers(&[fixed("X-Own", "a\nb")]).is_err());
    }

    #[test]
    fn xrfkeys_are_16_letters_and_digits_and_fresh() {
        let mut rng = fastrand::Rng::with_seed(1);
        let keys: std::collections::HashSet<_> = (0..1000).map(|_| xrfkey(&mut rng)).collect();
        assert_eq!(keys.len(), 1000);
        assert!(keys.iter().all(|k| k.len() == 16 && k.bytes().all(|b| b.is_ascii_alphanumeric())));
    }

    #[test]
    fn components_are_encoded_by_rfc_3986() {
        assert_eq!(
            encode("name eq 'Q1\\'25' & #+é/~"),
            "name%20eq%20%27Q1%5C%2725%27%20%26%20%23%2B%C3%A9%2F~"
        );
    }
}
