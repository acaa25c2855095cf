//! `webhookNotification`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::template::raw::TemplateValue;
use crate::settings::SecretText;

/// Butler's settings in this section that Bursar doesn't have: accepted, never read.
const BUTLERS: &[&str] = &["reloadTaskFailure", "reloadTaskAborted", "serviceMonitor"];

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = BUTLERS))]
pub(crate) struct WebhookNotification {
    /// Call webhooks.
    pub(crate) enable: bool,
    /// The server license's recurring data.
    pub(crate) qlik_sense_server_license_monitor: WebhookList,
    /// The server license's alerts.
    pub(crate) qlik_sense_server_license_expiry_alert: WebhookList,
    /// The access licenses' recurring data.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_license_monitor: WebhookList,
    /// Everything that is told of releases: seats released, announced, withdrawn and allocated again,
    /// refusals, and what a run kept and how it ended. `event` in the message tells them apart.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_license_release: WebhookList,
    /// How the seats are used and what changed with them. `event` in the message tells them apart.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_seat_monitor: WebhookList,
    /// How Qlik's License Monitor app is, each poll.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_license_monitor_app: WebhookList,
    /// Which version of Qlik Sense runs, each poll.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_version: WebhookList,
    /// Alerts of all rules (`Butler.alert`). The server license's come in Butler's form to the list
    /// above while they fire; that they are over comes here.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_alert: WebhookList,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WebhookList {
    /// Seconds between two calls of a webhook. Recurring data is thinned out to it; alerts wait
    /// but are never dropped (Butler drops them). Default 0: no limit.
    #[schemars(range(min = 0, max = 31_536_000), extend("x-noun" = "a number of seconds"))]
    pub(crate) rate_limit: i64,
    /// The webhooks, each called on its own.
    pub(crate) webhooks: Vec<Webhook>,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Webhook {
    /// What it is, for the log and the status page.
    #[schemars(example = &"Ticket system")]
    pub(crate) description: String,
    /// Address, with `http://` or `https://`. Kept secret: such addresses often hold a key.
    #[serde(rename = "webhookURL")]
    #[schemars(example = &"https://hooks.example.com/license", extend("writeOnly" = true))]
    pub(crate) webhook_url: String,
    /// `POST` and `PUT` send JSON, `GET` sends the same names in the query.
    pub(crate) http_method: HttpMethod,
    /// Verification of the server.
    pub(crate) cert: WebhookCert,
    /// Additional headers. Their values are kept secret.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) headers: Vec<WebhookHeader>,
    /// Key of an HMAC-SHA256 signature of the body, sent in a header. Empty: no signature.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) hmac_key: SecretText,
    /// Seconds to wait for an answer. Default 10.
    #[schemars(range(min = 1, max = 3600), extend("x-bursar" = true))]
    pub(crate) timeout_seconds: i64,
    /// Address of the HTTP proxy to call it through, such as `http://proxy.example.com:3128`, with
    /// `user:password@` where the proxy wants that. Empty: what the environment names (`HTTPS_PROXY`,
    /// `HTTP_PROXY`, `NO_PROXY`). `none`: no proxy.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) proxy: SecretText,
    /// Template of the body (Handlebars), or the name of a shipped one: `slack`, `teams`,
    /// `pagerduty`, `alertmanager`. Empty: the built-in JSON. See docs/templates.md.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) template: String,
    /// File with the template of the body, in the place of `template`. Looked up from the working
    /// directory, then from the folder of this file.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) template_file: String,
    /// What the template makes: the header `Content-Type`, and how values are escaped.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) content_type: String,
    /// Values for the template, as `values.NAME`.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) values: Vec<TemplateValue>,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            description: String::new(),
            webhook_url: String::new(),
            http_method: HttpMethod::Post,
            cert: WebhookCert::default(),
            headers: Vec::new(),
            hmac_key: SecretText::default(),
            timeout_seconds: 10,
            proxy: SecretText::default(),
            template: String::new(),
            template_file: String::new(),
            content_type: "application/json".to_owned(),
            values: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(crate) enum HttpMethod {
    Get,
    Post,
    Put,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WebhookCert {
    /// Use the two keys below. Off: certificates are verified against the operating system's
    /// authorities.
    pub(crate) enable: bool,
    /// Verify the server's certificate.
    pub(crate) reject_unauthorized: bool,
    /// Certificate authority of the server, PEM.
    #[serde(rename = "certCA")]
    pub(crate) cert_ca: String,
}

impl Default for WebhookCert {
    fn default() -> Self {
        Self { enable: false, reject_unauthorized: true, cert_ca: String::new() }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WebhookHeader {
    /// Name of the header.
    #[schemars(example = &"Authorization")]
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: SecretText,
}
