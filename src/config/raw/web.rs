//! The pages as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pages that show what is known: state, trends, seats, releases. On this machine's loopback anybody may read them,
/// without names; who logs in (`bursar user add`) sees and does more. For other machines they need TLS and a login,
/// or a proxy before them.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Web {
    /// Serve the pages. On by default, on this machine's loopback only. A port that is taken, or a certificate that
    /// can't be used, is warned about and tried again; it keeps nothing else from starting.
    pub(in crate::config) enable: bool,
    /// IP address to listen on. Default `127.0.0.1`, this machine only. Any other needs `tls`, `proxy` or `hosts`:
    /// without one of them nobody is answered there.
    pub(in crate::config) host: String,
    /// Port to listen on. 0 takes any free one and logs it. Default 8478, which nothing else uses by custom.
    #[schemars(range(min = 0, max = 65535), extend("x-noun" = "a port"))]
    pub(in crate::config) port: i64,
    /// Names under which the pages are asked for, such as `bursar.example.com`, without port. Requests for any other
    /// name are refused, because a page elsewhere could point a name of its own at this machine. IP addresses and
    /// `localhost` are always answered. Behind a proxy that names neither `proxy` nor `tls`, whoever the proxy lets
    /// in reads the pages.
    pub(in crate::config) hosts: Vec<String>,
    /// Name the people who hold seats to everybody who reads the pages. Off by default: without it a person is shown
    /// by the beginning of an id, and can't be searched for. Operators always see names.
    pub(in crate::config) show_names: bool,
    /// Show the pages only to those who are logged in. Off by default on loopback, where anybody on this machine reads
    /// them; always on where `tls` or `proxy` opens them to other machines.
    pub(in crate::config) require_login: bool,
    /// Certificate of the pages, for HTTPS. TLS 1.2 or newer.
    pub(in crate::config) tls: WebTls,
    /// A proxy before the pages that knows who asks, such as one with OpenID Connect.
    pub(in crate::config) proxy: WebProxy,
}

/// Certificate of the pages, for HTTPS. Both files are read again when they change.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct WebTls {
    /// PEM file with the certificate, and those of its issuers after it. Empty: plain HTTP.
    pub(in crate::config) cert: String,
    /// PEM file with its key, without a password.
    pub(in crate::config) key: String,
    /// Tell browsers to ask this machine over HTTPS alone for a year (`Strict-Transport-Security`), where they asked
    /// by a name and not by an address. Off by default, because browsers take it for every port of that name: what
    /// else is served under it without TLS, such as Grafana, can't be opened any more.
    pub(in crate::config) hsts: bool,
}

/// A proxy before the pages that knows who asks, such as one with OpenID Connect.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct WebProxy {
    /// Addresses whose word is taken, such as `10.0.0.5` or `10.0.0.0/24`. Empty: there is no such proxy. From anywhere
    /// else the header is ignored. The proxy has to remove the header from what it gets.
    pub(in crate::config) from: Vec<String>,
    /// Header with the name of the user. Default `X-Forwarded-User`.
    pub(in crate::config) user_header: String,
    /// Users who see names and give orders, spelt as the proxy names them. All others only read.
    pub(in crate::config) operators: Vec<String>,
}

/// Not registered, and not used by Qlik Sense, databases, proxies or monitoring.
const PORT: i64 = 8478;

impl Default for Web {
    fn default() -> Self {
        Self {
            enable: true,
            host: "127.0.0.1".to_owned(),
            port: PORT,
            hosts: Vec::new(),
            show_names: false,
            require_login: false,
            tls: WebTls::default(),
            proxy: WebProxy::default(),
        }
    }
}

impl Default for WebProxy {
    fn default() -> Self {
        let user_header = "X-Forwarded-User".to_owned();
        Self { from: Vec::new(), user_header, operators: Vec::new() }
    }
}
