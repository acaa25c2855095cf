//! What the destinations that speak HTTP share: the client, what an answer means, and errors in
//! words that a person can act on and that hold no secret.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect;
use rustls::{CertificateError, ClientConfig};
use url::{Host, Url};

use super::LONGEST_ANSWER;
use crate::descriptors;
use crate::plain::shortened;
use crate::secret::{beginning, mask};
use crate::tls::{self, PemError, Trust};

/// How long the TCP and TLS handshakes of a request may take, at most.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest `Retry-After` that is followed. A receiver that means longer is asked once an hour,
/// which harms nobody; one that errs must not hold an alert back for days.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Most characters of why there is no answer: a certificate may name as many hosts as it likes.
const LONGEST_REASON: usize = 500;

/// Why an HTTP client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The CA file can't be used.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Anything else the HTTP library doesn't like.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

/// Whom to believe and how long to wait, for one receiver.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    pub url: &'a Url,
    /// Own CA file; the system's roots when absent.
    pub ca_cert: Option<&'a Path>,
    pub reject_unauthorized: bool,
    /// The whole request, from connecting to the last byte of the answer.
    pub timeout: Duration,
    pub proxy: &'a Proxy,
}

/// What requests go through.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the environment names (`HTTPS_PROXY` and the like), except on this machine.
    #[default]
    Environment,
    /// Nothing.
    Direct,
    /// This one. Its user name and password are secrets.
    At(Url),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Direct => f.write_str("Direct"),
            Self::At(url) => write!(f, "At({})", origin(url)),
        }
    }
}

impl Proxy {
    /// What a person may see of the proxy that requests to this address go through, if there is one.
    pub fn of(&self, url: &Url) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::At(proxy) => Some(origin(proxy)),
            Self::Environment => has_proxy(url).then(|| "of the environment".to_owned()),
        }
    }
}

impl Endpoint<'_> {
    /// TLS settings for this receiver.
    pub fn tls(&self) -> Result<ClientConfig, PemError> {
        let trust = match (self.reject_unauthorized, self.ca_cert) {
            (false, _) => Trust::Anybody,
            (true, Some(path)) => Trust::CaFile(path),
            (true, None) => Trust::System,
        };
        tls::client_config(trust, None)
    }

    /// A client for this receiver. It follows no redirects (a moved receiver must be told in the
    /// settings, and credentials go nowhere else) and repeats nothing on its own: the outbox does.
    ///
    /// # Errors
    /// When the CA file can't be read or used.
    pub fn client(&self) -> Result<reqwest::Client, BuildError> {
        tls::install_provider();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls()?)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("bursar/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout))
            .timeout(self.timeout);
        builder = match self.proxy {
            Proxy::Environment if !is_loopback(self.url) => builder,
            Proxy::Environment | Proxy::Direct => builder.no_proxy(),
            Proxy::At(url) => {
                let proxy = reqwest::Proxy::all(url.clone())
                    .map_err(|e| BuildError::Client(chain(&e.without_url())))?;
                builder.no_proxy().proxy(proxy)
            }
        };
        builder.build().map_err(|e| BuildError::Client(chain(&e.without_url())))
    }

    /// Resolves the receiver's name, connects, and completes the TLS handshake where there is one,
    /// without sending a request. Always directly, even where requests go through a proxy.
    ///
    /// # Errors
    /// In words, with what to do about it.
    pub async fn reach(&self) -> Result<(), String> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let connect = async {
            let stream = tokio::net::TcpStream::connect((host, port)).await.map_err(|e| {
                format!("cannot connect to {}: {}", origin(self.url), descriptors::explain(&e))
            })?;
            if self.url.scheme() != "https" {
                return Ok(());
            }
            let tls = self.tls().map_err(|e| e.to_string())?;
            let name = rustls::pki_types::ServerName::try_from(host.to_owned())
                .map_err(|_| format!("{host} can't be a name in a certificate"))?;
            tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls))
                .connect(name, stream)
                .await
                .map(drop)
                .map_err(|e| match rustls_error(&e) {
                    Some(error) => shorten(&tls_text(self.url, error), LONGEST_REASON),
                    None => format!("the TLS handshake with {} failed: {e}", origin(self.url)),
                })
        };
        let limit = CONNECT_TIMEOUT.min(self.timeout);
        match tokio::time::timeout(limit, connect).await {
            Ok(result) => result,
            Err(_) => Err(format!(
                "no connection to {} within {} s",
                origin(self.url),
                limit.as_secs_f32()
            )),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether what is sent to this address goes over a network, for all to read.
pub fn is_in_clear(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// Whether a host, as settings name it, is this machine: what is sent there is in no network.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether the environment names an HTTP proxy that requests to this address may go through.
fn has_proxy(url: &Url) -> bool {
    let names = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_loopback(url) && names.into_iter().any(set)
}

/// Scheme, host and port: the part of a URL that may be shown. Path, query and user may be secret.
pub fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Why no answer came, in words, without the URL's path and query.
pub fn no_answer(url: &Url, error: reqwest::Error) -> String {
    let error = error.without_url();
    let origin = origin(url);
    if let Some(tls) = error.source().and_then(find_rustls) {
        return shorten(&tls_text(url, tls), LONGEST_REASON);
    }
    if descriptors::are_named(&error) || (error.is_connect() && descriptors::are_exhausted()) {
        return format!("cannot connect to {origin}: {}", descriptors::EXHAUSTED);
    }
    if error.is_timeout() && error.is_connect() {
        return format!("cannot connect to {origin}: no answer to the connection attempt");
    }
    if error.is_timeout() {
        return format!("{origin} accepted the request but did not answer in time");
    }
    if error.is_connect() {
        return format!("cannot connect to {origin}: {}", shorten(&root(&error), LONGEST_REASON));
    }
    format!("the request to {origin} broke off: {}", shorten(&root(&error), LONGEST_REASON))
}

fn find_rustls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(rustls_error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An [`io::Error`] hides its content from `source()`.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner
        .downcast_ref::<rustls::Error>()
        .or_else(|| inner.downcast_ref::<io::Error>().and_then(rustls_error))
}

/// The innermost cause, which is the only one that says something.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn tls_text(url: &Url, error: &rustls::Error) -> String {
    let origin = origin(url);
    let rustls::Error::InvalidCertificate(why) = error else {
        return format!("the TLS handshake with {origin} failed: {error}");
    };
    match why {
        CertificateError::UnknownIssuer => format!(
            "the certificate of {origin} is signed by an authority that is not trusted: set certCA of this destination to the certificate file of that authority"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "the certificate of {origin} is not valid for that name{}: use a name it is valid for in the address",
                accepted_names(why)
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {origin} has expired: it must be renewed there")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => format!(
            "the certificate of {origin} is not valid yet: check the clocks of both machines"
        ),
        CertificateError::BadSignature => format!(
            "the certificate of {origin} is not signed by the key in certCA: that file has the authority's name but is not the one that signed (was the authority made anew?)"
        ),
        other => format!("the certificate of {origin} is not acceptable: {other}"),
    }
}

fn accepted_names(why: &CertificateError) -> String {
    match why {
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            format!(" (but for {})", presented.join(", "))
        }
        _ => String::new(),
    }
}

/// What the receiver asked for with `Retry-After`: seconds or an HTTP date. Dates are counted from
/// the answer's own `Date`, where there is one, so that a clock that is off doesn't matter.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = http_date(text)?;
        let sent = headers.get(DATE).and_then(|d| http_date(d.to_str().ok()?)).unwrap_or(now);
        (until - sent).to_std().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The three forms of a date in HTTP (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok())
        .map(|time| time.and_utc())
}

/// The first 16 KiB of an answer's body as text. What can't be read is left out: the status
/// already says what happened.
pub async fn body_text(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    let is_cut = bytes.len() >= LONGEST_ANSWER;
    bytes.truncate(LONGEST_ANSWER);
    let text = String::from_utf8_lossy(&bytes);
    if is_cut { beginning(&text).to_owned() } else { text.into_owned() }
}

/// What a server said, on one line of at most `limit` characters and without secrets of ours.
pub fn shorten(text: &str, limit: usize) -> String {
    shortened(&mask(text), limit)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(retry_after: &'static str, date: Option<&'static str>) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            map.insert(DATE, HeaderValue::from_static(date));
        }
        map
    }

    #[test]
    fn retry_after_in_seconds_and_in_all_forms_of_a_date() {
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        let wait = |text| retry_after(&headers(text, None), now).map(|d| d.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Tue, 24 Nov 2026 08:01:30 GMT"), Some(90));
        assert_eq!(wait("Tuesday, 24-Nov-26 08:01:30 GMT"), Some(90));
        assert_eq!(wait("Tue Nov 24 08:01:30 2026"), Some(90));
        assert_eq!(wait("Tue, 24 Nov 2026 07:00:00 GMT"), Some(0), "in the past");
        assert_eq!(wait("864000"), Some(3600), "limited");
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_retry_date_is_counted_from_the_servers_clock() {
        let now = "2026-11-24T09:00:00Z".parse().unwrap();
        let map = headers("Tue, 24 Nov 2026 08:00:10 GMT", Some("Tue, 24 Nov 2026 08:00:00 GMT"));
        assert_eq!(retry_after(&map, now), Some(Duration::from_secs(10)));
    }

    #[test]
    fn an_origin_shows_no_path_query_or_user() {
        let url: Url = "https://me:pw@hooks.example.com/services/T0/secret?code=1".parse().unwrap();
        assert_eq!(origin(&url), "https://hooks.example.com");
        let url: Url = "http://[::1]:8086/x".parse().unwrap();
        assert_eq!(origin(&url), "http://[::1]:8086");
    }

    #[test]
    fn shorten_cuts_between_characters_and_keeps_one_line() {
        assert_eq!(shorten("a\n b\tc", 10), "a b c");
        assert_eq!(shorten("äöüß", 2), "äö...");
    }
}
