//! `cert` and `configQRS` as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::SecretText;

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Cert {
    /// The client certificate, PEM.
    #[schemars(example = &"./certificates/client.pem")]
    pub(crate) client_cert: String,
    /// Its private key, PEM, without a password.
    #[schemars(example = &"./certificates/client_key.pem")]
    pub(crate) client_cert_key: String,
    /// The certificate authority that signed the server's certificate, PEM.
    #[serde(rename = "clientCertCA")]
    #[schemars(example = &"./certificates/root.pem")]
    pub(crate) client_cert_ca: String,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConfigQrs {
    /// How Bursar proves who it is: `certificates` to the repository service itself, or through a virtual proxy of Qlik's
    /// (port 443) where 4242 is closed: `jwt` with the token in `virtualProxy`, `header` with a header of `headers.static` in which the
    /// proxy looks for the name of the user. Default `certificates`.
    pub(crate) authentication: Authentication,
    /// The virtual proxy, where `authentication` is `jwt` or `header`.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) virtual_proxy: VirtualProxy,
    /// Name or IP address of the server that runs the repository service (the central node).
    #[schemars(example = &"qlik.example.com")]
    pub(crate) host: String,
    /// Port of the repository service. Default 4242, Qlik's own; of a proxy 443.
    #[schemars(range(min = 1, max = 65535), extend("x-noun" = "a port"))]
    pub(crate) port: i64,
    /// HTTPS. Without it the site's data travels in clear text; no Qlik server offers that.
    #[serde(rename = "useSSL")]
    pub(crate) use_ssl: bool,
    /// Headers of every request. `X-Qlik-User` is required: it says as whom Bursar acts.
    pub(crate) headers: Headers,
    /// Verify the server's certificate. Leave it on: when the name in the certificate isn't the
    /// address used, set `tlsServerName` instead. Butler's default is off.
    pub(crate) reject_unauthorized: bool,
    /// The name in the server's certificate, when it isn't `host`. Empty: `host`.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) tls_server_name: String,
    /// Seconds to wait for a connection. Default 10: a server on the same
    /// network answers in far less.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(crate) connect_timeout_seconds: i64,
    /// Seconds to wait for a whole answer. Default 60: a busy server takes its time
    /// over a long list.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(crate) request_timeout_seconds: i64,
    /// Requests to the site at the same time. Default 4: people work on the same repository.
    #[schemars(range(min = 1, max = 100), extend("x-bursar" = true))]
    pub(crate) max_concurrency: i64,
}

impl Default for ConfigQrs {
    fn default() -> Self {
        Self {
            authentication: Authentication::Certificates,
            virtual_proxy: VirtualProxy::default(),
            host: String::new(),
            port: 4242,
            use_ssl: true,
            headers: Headers::default(),
            reject_unauthorized: true,
            tls_server_name: String::new(),
            connect_timeout_seconds: 10,
            request_timeout_seconds: 60,
            max_concurrency: 4,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum Authentication {
    Certificates,
    Jwt,
    Header,
}

/// A virtual proxy for Bursar alone, so that what it lets in can be kept small: see
/// [rights](qlik-rights.md#through-the-proxy).
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct VirtualProxy {
    /// Its prefix, as in the Qlik Management Console. Empty: the default virtual proxy, which has none.
    #[schemars(example = &"bursar")]
    pub(crate) prefix: String,
    /// The token (JWT) that is shown to begin a session. Keep it out of this file: `${file:/etc/bursar/jwt}`.
    pub(crate) token: SecretText,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Headers {
    /// Headers with a fixed value.
    #[serde(rename = "static")]
    #[schemars(extend("x-example" = true))]
    pub(crate) fixed: Vec<SiteHeader>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SiteHeader {
    /// Name of the header.
    #[schemars(example = &"X-Qlik-User")]
    pub(crate) name: String,
    /// For `X-Qlik-User`: directory and id of a user that may read licenses.
    #[schemars(example = &"UserDirectory=INTERNAL; UserId=sa_repository")]
    pub(crate) value: String,
}
