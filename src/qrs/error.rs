//! Every way a conversation with the repository service can fail.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use super::proxy::ProxyProblem;
use crate::license::ShapeError;
use crate::tls::PemError;

/// Why a client can't be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A certificate, key or CA file can't be used.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The settings of the site lack something that they refer to.
    #[error("it is left out until its settings are complete: {0}")]
    Missing(String),
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

/// Why a question to the repository service has no usable answer. `Display` is
/// [`what`](Self::what) and [`fix`](Self::fix) in one sentence; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Error {
    /// Nothing was sent: the client certificate, its key or the authority's file can't be used.
    #[strum(serialize = "certificate-file")]
    CertificateFile { what: String, fix: String },
    /// No TCP connection, or no TLS handshake on it, within the connect timeout.
    CannotConnect { address: String, why: String },
    /// Not one connection more can be opened by this process, to whomever.
    NoFiles { address: String },
    /// The server's certificate is good, but for another name than the one expected.
    #[strum(serialize = "tls-name-mismatch")]
    NameMismatch {
        address: String,
        /// The name that was looked for.
        expected: String,
        /// The names the certificate would accept.
        accepted: Vec<String>,
    },
    /// The server's certificate was signed by somebody else than the CA file's owner.
    #[strum(serialize = "tls-unknown-issuer")]
    UnknownIssuer {
        address: String,
        ca: PathBuf,
        /// What is odd about the CA file, such as not being a CA's certificate.
        note: Option<String>,
    },
    /// The server's certificate is over.
    #[strum(serialize = "tls-server-certificate-expired")]
    ServerCertificateExpired { address: String, since: Option<String> },
    /// The server ended the handshake because of the client certificate, or for want of one.
    #[strum(serialize = "tls-client-certificate-refused")]
    ClientCertificateRefused { address: String, cert: PathBuf, why: String },
    /// Any other failure of TLS.
    Tls { address: String, why: String, fix: &'static str },
    /// 403 with the text of the cross-site request check.
    Xsrf { url: String },
    /// 403: the acting user may not.
    Forbidden { url: String },
    /// 401: a proxy wants a login.
    Unauthorized { url: String },
    /// The virtual proxy doesn't let Bursar in.
    Proxy { url: String, problem: ProxyProblem },
    /// 404.
    NotFound { url: String },
    /// 400: the service can't parse the question.
    BadFilter {
        url: String,
        /// The start of the service's plain text, which repeats the filter.
        answer: Option<String>,
    },
    /// 400 or 409 to a request that was to change something.
    Refused {
        url: String,
        status: u16,
        /// The start of the service's plain text: which rule is broken.
        answer: Option<String>,
    },
    /// 5xx, 408 or 429.
    #[strum(serialize = "server-error")]
    Server {
        url: String,
        status: u16,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// A status that no question of this program should meet.
    UnexpectedStatus { url: String, status: u16 },
    /// 200, but the body isn't JSON.
    NotJson { url: String, body: NotJson },
    /// 200 and JSON, but not what was asked for.
    UnexpectedShape { url: String, expected: String, found: String },
    /// A list that is shorter than the service's own count, twice in a row.
    #[strum(serialize = "incomplete-list")]
    Incomplete { url: String, listed: usize, counted: u64 },
    /// Nothing was sent, because the time for it was over before its turn came.
    NotSent { url: String },
    /// The whole reading, of which this question is a part, was to be over by now.
    OutOfTime { url: String },
    /// No whole answer within the request timeout.
    TimedOut { url: String, after: Duration },
    /// The body is larger than anything this question should answer.
    TooLarge { url: String, limit: usize },
    /// The body repeats a fixed header that may be a credential, so it is not read further.
    Echo { url: String },
    /// Something answered that is no HTTP. `clear`: it was called without TLS.
    NotHttp { url: String, clear: bool },
    /// The connection ended between request and answer.
    Interrupted { url: String, why: String },
    /// Any of the others, of the service that says the version of Qlik Sense.
    OfSystem(Box<Self>),
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.fix())
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The status that was answered, where that is what went wrong.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::OfSystem(error) => error.status(),
            Self::Proxy { problem, .. } => problem.status(),
            Self::Unauthorized { .. } => Some(401),
            Self::Forbidden { .. } | Self::Xsrf { .. } => Some(403),
            Self::NotFound { .. } => Some(404),
            Self::BadFilter { .. } => Some(400),
            Self::Refused { status, .. }
            | Self::Server { status, .. }
            | Self::UnexpectedStatus { status, .. } => Some(*status),
            Self::CertificateFile { .. }
            | Self::CannotConnect { .. }
            | Self::NoFiles { .. }
            | Self::NameMismatch { .. }
            | Self::UnknownIssuer { .. }
            | Self::ServerCertificateExpired { .. }
            | Self::ClientCertificateRefused { .. }
            | Self::Tls { .. }
            | Self::NotJson { .. }
            | Self::UnexpectedShape { .. }
            | Self::Incomplete { .. }
            | Self::NotSent { .. }
            | Self::OutOfTime { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::Echo { .. }
            | Self::NotHttp { .. }
            | Self::Interrupted { .. } => None,
        }
    }

    /// What was tried and what happened.
    pub fn what(&self) -> String {
        match self {
            Self::OfSystem(error) => error.what(),
            Self::CertificateFile { what, .. } => what.clone(),
            Self::CannotConnect { address, why } => format!("cannot connect to {address}: {why}"),
            Self::NoFiles { address } => {
                format!("cannot connect to {address}: {}", crate::descriptors::EXHAUSTED)
            }
            Self::NameMismatch { address, expected, accepted } => {
                let but = match &accepted[..] {
                    [] => "and names no other".to_owned(),
                    names => format!("but for {}", names.join(", ")),
                };
                format!("the certificate of {address} is not valid for the name {expected} {but}")
            }
            Self::UnknownIssuer { address, ca, note } => {
                let note = note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
                let ca = ca.display();
                format!(
                    "the certificate of {address} was not signed by the certificate authority in {ca}{note}"
                )
            }
            Self::ServerCertificateExpired { address, since: Some(day) } => {
                format!("the certificate of {address} expired on {day}")
            }
            Self::ServerCertificateExpired { address, since: None } => {
                format!("the certificate of {address} is expired")
            }
            Self::ClientCertificateRefused { address, cert, why } => {
                format!("{address} refused the client certificate {}: {why}", cert.display())
            }
            Self::Tls { address, why, .. } => format!("no secure connection to {address}: {why}"),
            Self::Xsrf { url } => format!(
                "{url} answered 403 because the xrfkey did not arrive in both query and header"
            ),
            Self::Forbidden { url } => {
                format!("{url} answered 403: the user in X-Qlik-User has no rights for this")
            }
            Self::Unauthorized { url } => format!("{url} answered 401: it wants a login"),
            Self::Proxy { url, problem } => problem.text(url),
            Self::NotFound { url } => {
                format!("{url} answered 404: there is nothing by that name")
            }
            Self::BadFilter { url, answer } => {
                let answer = answer.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
                format!(
                    "{url} answered 400{answer}: it does not understand the filter or a parameter of the request"
                )
            }
            Self::Refused { url, status, answer } => {
                let answer = answer.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
                format!("{url} answered {status}{answer}: it refuses this change")
            }
            Self::Server { url, status, .. } => format!(
                "{url} answered {status}: the repository service or something before it is overloaded, starting or faulty"
            ),
            Self::UnexpectedStatus { url, status } => format!(
                "{url} answered {status}, which the repository service does not answer to this question"
            ),
            Self::NotJson { url, body } => {
                format!("{url} answered 200 with {body} instead of JSON")
            }
            Self::UnexpectedShape { url, expected, found } => {
                format!("{url} answered with something else: expected {expected}, found {found}")
            }
            Self::Incomplete { url, listed, counted } => format!(
                "{url} answered with {listed} rows although its count is {counted}: the list is cut or filtered by security rules, so it is not used"
            ),
            Self::NotSent { url } => {
                format!("{url} was not asked: the time for it was over before its turn came")
            }
            Self::OutOfTime { url } => {
                format!("{url} was not read: the time for the whole reading was over")
            }
            Self::TimedOut { url, after } => {
                format!("{url} gave no whole answer within {} s", after.as_secs_f64())
            }
            Self::TooLarge { url, limit } => {
                let most = match limit / 1024 {
                    kibibytes @ ..1024 => format!("{kibibytes} KiB"),
                    kibibytes => format!("{} MiB", kibibytes / 1024),
                };
                format!("{url} answered with more than {most}, which is not read further")
            }
            Self::Echo { url } => format!(
                "{url} answered with a value of headers.static, which nobody may see, so the answer is not used"
            ),
            Self::NotHttp { url, .. } => format!("{url} answered with something that is no HTTP"),
            Self::Interrupted { url, why } => {
                format!("the connection broke before {url} answered: {why}")
            }
        }
    }

    /// What an admin can do about it.
    pub fn fix(&self) -> Cow<'static, str> {
        let fix = match self {
            Self::OfSystem(error) => return error.fix_of_system(),
            Self::CertificateFile { fix, .. } => return fix.clone().into(),
            Self::CannotConnect { .. } => {
                "check host and port, that the Qlik Sense repository service runs there, and the firewalls on the way"
            }
            Self::NoFiles { .. } => {
                "raise the limit: the daemon says at its start how many files it needs"
            }
            Self::NameMismatch { accepted, .. } => match accepted.first() {
                Some(name) => return format!("set tlsServerName to {name}").into(),
                None => "have Qlik Sense create its certificates again, then export them anew",
            },
            Self::UnknownIssuer { .. } => {
                "clientCertCA must be the root.pem exported from this very site"
            }
            Self::ServerCertificateExpired { .. } => {
                "have Qlik Sense create its certificates again, then export them anew"
            }
            Self::ClientCertificateRefused { .. } => {
                "export client.pem and client_key.pem again from this site: they stop working when Qlik Sense creates its certificates again"
            }
            Self::Tls { fix, .. } => fix,
            Self::Xsrf { .. } => {
                "something on the way (a proxy, a rewrite rule) cuts the query or the X-Qlik-Xrfkey header: connect to the repository service directly, port 4242"
            }
            Self::Forbidden { .. } => {
                "set X-Qlik-User in headers.static to UserDirectory=INTERNAL; UserId=sa_api, or give that user a role that may read licenses and users (for the License Monitor app: apps, tasks and execution results, too) and, to release seats, change licenses"
            }
            Self::Unauthorized { .. } => {
                "this is probably the Qlik proxy and not the repository service: set port to 4242 and host to the central node"
            }
            Self::Proxy { problem, .. } => problem.fix(),
            Self::NotFound { .. } | Self::UnexpectedShape { .. } => {
                "check that host and port lead to the repository service (port 4242), and the version of Qlik Sense"
            }
            Self::BadFilter { answer: Some(_), .. } => {
                "please report this with the version of Qlik Sense"
            }
            Self::Refused { .. } => {
                "look at the access allocations of this user and the free seats in the management console"
            }
            Self::Server { .. } => {
                "if it stays, look into the repository's logs on the central node"
            }
            // The service always gives its reason as text; a proxy gives a page.
            Self::BadFilter { answer: None, .. }
            | Self::UnexpectedStatus { .. }
            | Self::TooLarge { .. }
            | Self::NotJson { body: NotJson::Html | NotJson::Empty | NotJson::Text, .. } => {
                "check that host and port lead to the repository service (port 4242) and not to a proxy or another web server"
            }
            Self::NotJson { body: NotJson::Truncated, .. } => {
                "if it stays, look at the proxies and firewalls on the way"
            }
            Self::Incomplete { .. } => {
                "use a user with full read access in X-Qlik-User, such as UserDirectory=INTERNAL; UserId=sa_api"
            }
            Self::Echo { .. } => {
                "look at what stands between (a gateway that repeats requests), or take a value that is no secret and no common word"
            }
            Self::NotSent { .. } => {
                "look at the load of the central node; if it is idle, raise maxConcurrency"
            }
            Self::OutOfTime { .. } => {
                "give the command more time (--timeout), or look at the load of the central node"
            }
            Self::TimedOut { .. } => {
                "raise the request timeout, or look at the load of the central node"
            }
            Self::NotHttp { clear: true, .. } => {
                "set useSSL: true: the repository service speaks TLS only"
            }
            Self::NotHttp { clear: false, .. } => {
                "check that host and port lead to the repository service (port 4242)"
            }
            Self::Interrupted { .. } => {
                "if it stays, export client.pem again and look into the repository's logs: the service may be refusing the client certificate, or asking for it only after the request (TLS renegotiation, which is not supported)"
            }
        };
        fix.into()
    }

    /// What there is to do where it isn't the repository service that was asked.
    fn fix_of_system(&self) -> Cow<'static, str> {
        let fix = match self {
            Self::CannotConnect { .. } => {
                "check host and port of versionMonitor (9032 is Qlik's own), that the firewalls on the way let it through, and that the services of Qlik Sense run there"
            }
            Self::Xsrf { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::NotFound { .. }
            | Self::UnexpectedShape { .. }
            | Self::BadFilter { .. }
            | Self::UnexpectedStatus { .. }
            | Self::TooLarge { .. }
            | Self::NotJson { body: NotJson::Html | NotJson::Empty | NotJson::Text, .. } => {
                "check that host and port of versionMonitor lead to the service that says the version (port 9032), and the version of Qlik Sense: old ones may not have it"
            }
            Self::NameMismatch { .. } => {
                "set configQRS.tlsServerName to the name in the certificate, or host of versionMonitor to one that is in it"
            }
            Self::Tls { .. } => {
                "check host and port of versionMonitor (9032 is Qlik's own), and which versions of TLS the server allows"
            }
            Self::Server { .. } | Self::NotHttp { .. } | Self::Interrupted { .. } => {
                "if it stays, look into the logs of the services of Qlik Sense on that server"
            }
            other => return other.fix(),
        };
        fix.into()
    }

    /// A stable short name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OfSystem(error) => error.code(),
            Self::Proxy { problem, .. } => problem.into(),
            error => error.into(),
        }
    }

    /// Whether the same question may be answered a moment later.
    pub fn is_transient(&self) -> bool {
        let error = match self {
            Self::OfSystem(error) => error,
            error => error,
        };
        matches!(
            error,
            Self::CannotConnect { .. }
                | Self::NoFiles { .. }
                | Self::Server { .. }
                | Self::NotSent { .. }
                | Self::OutOfTime { .. }
                | Self::TimedOut { .. }
                | Self::NotHttp { .. }
                | Self::Interrupted { .. }
                | Self::NotJson { body: NotJson::Truncated, .. }
        )
    }

    /// How long the server asked to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            Self::OfSystem(error) => error.retry_after(),
            _ => None,
        }
    }

    pub(super) fn shape(url: &str, error: ShapeError) -> Self {
        Self::UnexpectedShape { url: url.to_owned(), expected: error.expected, found: error.found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_error() -> Vec<Error> {
        let address = || "https://qlik1:4242".to_owned();
        let url = || "https://qlik1:4242/qrs/license".to_owned();
        let note = "the file holds the certificate of CN=qlik1, which is no authority";
        vec![
            Error::CannotConnect { address: address(), why: "connection refused".into() },
            Error::Proxy { url: url(), problem: ProxyProblem::Login },
            Error::Proxy { url: url(), problem: ProxyProblem::Host },
            Error::Proxy { url: url(), problem: ProxyProblem::Prefix },
            Error::Proxy { url: url(), problem: ProxyProblem::NoSession },
            Error::NoFiles { address: address() },
            Error::NotHttp { url: url(), clear: true },
            Error::NotHttp { url: url(), clear: false },
            Error::NameMismatch {
                address: address(),
                expected: "10.0.0.5".into(),
                accepted: vec!["qlik1".into(), "qlik1.example.com".into()],
            },
            Error::NameMismatch {
                address: address(),
                expected: "10.0.0.5".into(),
                accepted: Vec::new(),
            },
            Error::UnknownIssuer { address: address(), ca: "root.pem".into(), note: None },
            Error::UnknownIssuer {
                address: address(),
                ca: "server.pem".into(),
                note: Some(note.into()),
            },
            Error::ServerCertificateExpired {
                address: address(),
                since: Some("2026-01-02".into()),
            },
            Error::ClientCertificateRefused {
                address: address(),
                cert: "client.pem".into(),
                why: "another certificate authority signed it".into(),
            },
            Error::Tls {
                address: address(),
                why: "it does not speak TLS".into(),
                fix: "check port",
            },
            Error::Xsrf { url: url() },
            Error::Forbidden { url: url() },
            Error::Unauthorized { url: url() },
            Error::NotFound { url: url() },
            Error::BadFilter { url: url(), answer: Some("Invalid expression".into()) },
            Error::BadFilter { url: url(), answer: None },
            Error::Refused { url: url(), status: 400, answer: Some("Broken rules".into()) },
            Error::Refused { url: url(), status: 409, answer: None },
            Error::Server { url: url(), status: 503, retry_after: None },
            Error::UnexpectedStatus { url: url(), status: 302 },
            Error::NotJson { url: url(), body: NotJson::Html },
            Error::NotJson { url: url(), body: NotJson::Empty },
            Error::NotJson { url: url(), body: NotJson::Truncated },
            Error::NotJson { url: url(), body: NotJson::Text },
            Error::UnexpectedShape {
                url: url(),
                expected: "a list".into(),
                found: "an object".into(),
            },
            Error::Incomplete { url: url(), listed: 100, counted: 2000 },
            Error::NotSent { url: url() },
            Error::OutOfTime { url: url() },
            Error::TimedOut { url: url(), after: Duration::from_secs(60) },
            Error::TooLarge { url: url(), limit: 4 * 1024 * 1024 },
            Error::Interrupted { url: url(), why: "connection reset by peer".into() },
        ]
    }

    #[test]
    fn every_error_is_a_sentence_to_act_on() {
        let errors = every_error();
        let sentences: Vec<_> =
            errors.iter().map(|error| format!("{}: {error}", error.code())).collect();
        assert!(sentences.iter().all(|text| !text.ends_with('.') && !text.contains('\n')));
        insta::assert_snapshot!(sentences.join("\n"));
    }

    #[test]
    fn the_transient_ones() {
        let transient: Vec<_> =
            every_error().iter().filter(|e| e.is_transient()).map(Error::code).collect();
        assert_eq!(
            transient,
            [
                "cannot-connect",
                "no-files",
                "not-http",
                "not-http",
                "server-error",
                "not-json",
                "not-sent",
                "out-of-time",
                "timed-out",
                "interrupted"
            ]
        );
    }
}
