//! `cert`, `configQRS`, `sites`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alerting, QlikSenseLicense};
use crate::destination::switches::raw::NameValue;

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Cert {
    /// The client certificate, PEM.
    #[schemars(example = &"./certificates/client.pem")]
    pub(in crate::config) client_cert: String,
    /// Its private key, PEM, without a password.
    #[schemars(example = &"./certificates/client_key.pem")]
    pub(in crate::config) client_cert_key: String,
    /// The certificate authority that signed the server's certificate, PEM.
    #[serde(rename = "clientCertCA")]
    #[schemars(example = &"./certificates/root.pem")]
    pub(in crate::config) client_cert_ca: String,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ConfigQrs {
    /// How Bursar proves who it is. Only `certificates`.
    pub(in crate::config) authentication: Authentication,
    /// Name or IP address of the server that runs the repository service (the central node).
    #[schemars(example = &"qlik.example.com")]
    pub(in crate::config) host: String,
    /// Port of the repository service. Default 4242, Qlik's own.
    #[schemars(range(min = 1, max = 65535), extend("x-noun" = "a port"))]
    pub(in crate::config) port: i64,
    /// HTTPS. Without it the site's data travels in clear text; no Qlik server offers that.
    #[serde(rename = "useSSL")]
    pub(in crate::config) use_ssl: bool,
    /// Headers of every request. `X-Qlik-User` is required: it says as whom Bursar acts.
    pub(in crate::config) headers: Headers,
    /// Verify the server's certificate. Leave it on: when the name in the certificate isn't the
    /// address used, set `tlsServerName` instead. Butler's default is off.
    pub(in crate::config) reject_unauthorized: bool,
    /// The name in the server's certificate, when it isn't `host`. Empty: `host`.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) tls_server_name: String,
    /// Seconds to wait for a connection. Default 10: a server on the same
    /// network answers in far less.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(in crate::config) connect_timeout_seconds: i64,
    /// Seconds to wait for a whole answer. Default 60: a busy server takes its time
    /// over a long list.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(in crate::config) request_timeout_seconds: i64,
    /// Requests to the site at the same time. Default 4: people work on the same repository.
    #[schemars(range(min = 1, max = 100), extend("x-bursar" = true))]
    pub(in crate::config) max_concurrency: i64,
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
pub(in crate::config) enum Authentication {
    Certificates,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Headers {
    /// Headers with a fixed value.
    #[serde(rename = "static")]
    #[schemars(extend("x-example" = true))]
    pub(in crate::config) fixed: Vec<SiteHeader>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct SiteHeader {
    /// Name of the header.
    #[schemars(example = &"X-Qlik-User")]
    pub(in crate::config) name: String,
    /// For `X-Qlik-User`: directory and id of a user that may read licenses.
    #[schemars(example = &"UserDirectory=INTERNAL; UserId=sa_repository")]
    pub(in crate::config) value: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Site {
    /// Name of the site, unique; letters, digits, `-`, `_` and `.`.
    #[schemars(example = &"prod")]
    pub(in crate::config) name: String,
    /// Keys of `configQRS` that differ for this site.
    #[serde(rename = "configQRS")]
    pub(in crate::config) config_qrs: ConfigQrs,
    /// Keys of `cert` that differ for this site.
    pub(in crate::config) cert: Cert,
    /// InfluxDB tags of this site's points.
    pub(in crate::config) tags: Vec<NameValue>,
    /// Keys of `qlikSenseLicense` that differ for this site.
    pub(in crate::config) qlik_sense_license: QlikSenseLicense,
    /// Keys of `alert` that differ for this site.
    pub(in crate::config) alert: Alerting,
}
