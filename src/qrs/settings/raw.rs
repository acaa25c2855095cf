//! `cert` and `configQRS` as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// How Bursar proves who it is. Only `certificates`.
    pub(crate) authentication: Authentication,
    /// Name or IP address of the server that runs the repository service (the central node).
    #[schemars(example = &"qlik.example.com")]
    pub(crate) host: String,
    /// Port of the repository service. Default 4242, Qlik's own.
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
