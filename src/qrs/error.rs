//! Every way a conversation with the repository service can fail.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::license::ShapeError;
use crate::tls::PemError;

/// Why a client can't be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A certificate, key or CA file can't be used.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// `host` or `port` don't make an address.
    #[error("{host:?} is not a host to connect to: {why}")]
    Host { host: String, why: String },
    /// `tlsServerName` is not a DNS name.
    #[error(
        "tlsServerName {name:?} is not a DNS name; write the name that stands in the server's certificate, such as qlik1.example.com"
    )]
    ServerName { name: String },
    /// A fixed header has a name or value that HTTP doesn't allow.
    #[error("the header {name:?} of headers.static can't be sent: {why}")]
    Header { name: String, why: String },
    /// The HTTP client refused the settings.
    #[error("cannot set up the HTTP client: {0}")]
    Http(String),
}

/// Why a question to the repository service has no usable answer. Each text says what was tried,
/// what happened and what to do, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No TCP connection, or no TLS handshake on it, within the connect timeout.
    #[error(
        "cannot connect to {address}: {why}; check host and port, that the Qlik Sense repository service runs there, and the firewalls on the way"
    )]
    CannotConnect { address: String, why: String },

    /// The server's certificate is good, but for another name than the one expected.
    #[error("{}", name_mismatch(address, expected, accepted))]
    NameMismatch {
        address: String,
        /// The name that was looked for.
        expected: String,
        /// The names the certificate would accept.
        accepted: Vec<String>,
    },

    /// The server's certificate was signed by somebody else than the CA file's owner.
    #[error(
        "the certificate of {address} was not signed by the certificate authority in {}: clientCertCA must be the root.pem exported from this very site{}",
        ca.display(),
        note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default()
    )]
    UnknownIssuer {
        address: String,
        ca: PathBuf,
        /// What is odd about the CA file, such as not being a CA's certificate.
        note: Option<String>,
    },

    /// The server's certificate is over.
    #[error(
        "the certificate of {address} expired{}: have Qlik Sense create its certificates again, then export them anew",
        since.as_deref().map(|since| format!(" on {since}")).unwrap_or_default()
    )]
    ServerCertificateExpired { address: String, since: Option<String> },

    /// The server ended the handshake because of the client certificate, or for want of one.
    #[error(
        "{address} refused the client certificate {}: {why}; export client.pem and client_key.pem again from this site (they stop working when Qlik Sense creates its certificates again)",
        cert.display()
    )]
    ClientCertificateRefused { address: String, cert: PathBuf, why: String },

    /// Any other failure of TLS.
    #[error("no secure connection to {address}: {why}")]
    Tls { address: String, why: String },

    /// 403 with the text of the cross-site request check.
    #[error(
        "{url} answered 403 because the xrfkey did not arrive in both query and header: something on the way (a proxy, a rewrite rule) cuts the query or the X-Qlik-Xrfkey header; connect to the repository service directly, port 4242"
    )]
    Xsrf { url: String },

    /// 403: the acting user may not.
    #[error(
        "{url} answered 403: the user in X-Qlik-User (headers.static) has no rights for this; use UserDirectory=INTERNAL; UserId=sa_api, or give the user a role that may read licenses"
    )]
    Forbidden { url: String },

    /// 401: a proxy wants a login.
    #[error(
        "{url} answered 401: it wants a login, so it is probably the Qlik proxy and not the repository service; set port to 4242 and host to the central node"
    )]
    Unauthorized { url: String },

    /// 404.
    #[error(
        "{url} answered 404: there is nothing by that name; check host and port (4242 is the repository service), and the version of Qlik Sense"
    )]
    NotFound { url: String },

    /// 400: the service can't parse the question.
    #[error(
        "{url} answered 400{}: it does not understand the filter or a parameter of the request; please report this with the version of Qlik Sense",
        answer.as_deref().map(|text| format!(" ({text})")).unwrap_or_default()
    )]
    BadFilter {
        url: String,
        /// The start of the service's plain text, which repeats the filter.
        answer: Option<String>,
    },

    /// 5xx, 408 or 429.
    #[error(
        "{url} answered {status}: the repository service or something before it is overloaded, starting or faulty; if it stays, look into the repository's logs on the central node"
    )]
    Server {
        url: String,
        status: u16,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },

    /// A status that no question of this program should meet.
    #[error(
        "{url} answered {status}, which the repository service does not answer to this question; check that host and port lead to it and not to a proxy or another web server"
    )]
    UnexpectedStatus { url: String, status: u16 },

    /// 200, but the body isn't JSON.
    #[error("{url} answered 200 with {body} instead of JSON; {}", body.advice())]
    NotJson { url: String, body: NotJson },

    /// 200 and JSON, but not what was asked for.
    #[error(
        "{url} answered with something else: expected {expected}, found {found}; check that host and port lead to the repository service, and the version of Qlik Sense"
    )]
    UnexpectedShape { url: String, expected: String, found: String },

    /// A list that is shorter than the service's own count, twice in a row.
    #[error(
        "{url} answered with {listed} rows although its count is {counted}: the list is cut or filtered by security rules, so it is not used; use a user with full read access in X-Qlik-User"
    )]
    Incomplete { url: String, listed: usize, counted: u64 },

    /// No whole answer within the request timeout.
    #[error(
        "{url} gave no whole answer within {} s; the repository service is busy or the network is slow: raise the request timeout or look at the load of the central node",
        after.as_secs_f64()
    )]
    TimedOut { url: String, after: Duration },

    /// The body is larger than anything this question should answer.
    #[error(
        "{url} answered with more than {} MiB, which is not read further; check that host and port lead to the repository service",
        limit / (1024 * 1024)
    )]
    TooLarge { url: String, limit: usize },

    /// The connection ended between request and answer.
    #[error(
        "the connection broke before {url} answered: {why}; if this happens each time, the service may be refusing the client certificate, or ask for it only after the request (TLS renegotiation, not supported): export client.pem again, look into the repository's logs"
    )]
    Interrupted { url: String, why: String },
}

/// What came instead of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotJson {
    Html,
    Empty,
    /// It began as JSON and broke off.
    Truncated,
    Text,
}

impl NotJson {
    fn advice(self) -> &'static str {
        match self {
            Self::Html => {
                "a login or error page: host and port lead to a proxy or another web server, use the repository service (port 4242)"
            }
            Self::Empty | Self::Text => {
                "check that host and port lead to the repository service (port 4242)"
            }
            Self::Truncated => {
                "the answer was cut on the way: if it stays, look at the proxies and firewalls between"
            }
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Html => "an HTML page",
            Self::Empty => "an empty body",
            Self::Truncated => "a truncated body",
            Self::Text => "text",
        })
    }
}

impl Error {
    /// A stable short name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CannotConnect { .. } => "cannot-connect",
            Self::NameMismatch { .. } => "tls-name-mismatch",
            Self::UnknownIssuer { .. } => "tls-unknown-issuer",
            Self::ServerCertificateExpired { .. } => "tls-server-certificate-expired",
            Self::ClientCertificateRefused { .. } => "tls-client-certificate-refused",
            Self::Tls { .. } => "tls",
            Self::Xsrf { .. } => "xsrf",
            Self::Forbidden { .. } => "forbidden",
            Self::Unauthorized { .. } => "unauthorized",
            Self::NotFound { .. } => "not-found",
            Self::BadFilter { .. } => "bad-filter",
            Self::Server { .. } => "server-error",
            Self::UnexpectedStatus { .. } => "unexpected-status",
            Self::NotJson { .. } => "not-json",
            Self::UnexpectedShape { .. } => "unexpected-shape",
            Self::Incomplete { .. } => "incomplete-list",
            Self::TimedOut { .. } => "timed-out",
            Self::TooLarge { .. } => "too-large",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    /// Whether the same question may be answered a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::CannotConnect { .. }
                | Self::Server { .. }
                | Self::TimedOut { .. }
                | Self::Interrupted { .. }
                | Self::NotJson { body: NotJson::Truncated, .. }
        )
    }

    /// How long the server asked to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn shape(url: &str, error: ShapeError) -> Self {
        Self::UnexpectedShape { url: url.to_owned(), expected: error.expected, found: error.found }
    }
}

fn name_mismatch(address: &str, expected: &str, accepted: &[String]) -> String {
    match accepted.first() {
        Some(name) => format!(
            "the certificate of {address} is not valid for the name {expected} but for {}: set tlsServerName to {name}",
            accepted.join(", ")
        ),
        None => format!(
            "the certificate of {address} is not valid for the name {expected}, and names no other: have Qlik Sense create its certificates again"
        ),
    }
}
