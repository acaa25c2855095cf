//! `Butler.webhookNotification`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use url::Url;

use crate::destination::Destination;
use crate::destination::http::{self, Proxy};
use crate::destination::registry::{SetUp, Surroundings};
use crate::destination::settings::CertificateFile;
use crate::destination::template;
use crate::event::Queue;
use crate::secret::{Forms, Secret};

/// One webhook, with the kind of message it is for.
#[derive(Clone, PartialEq)]
pub struct Webhook {
    pub purpose: WebhookPurpose,
    pub description: String,
    pub url: Url,
    /// The address as it is written, where there are references in it.
    pub written: Option<String>,
    pub method: HttpMethod,
    /// Own CA file (`cert.certCA`), used when `cert.enable` is true.
    pub ca_cert: Option<PathBuf>,
    pub reject_unauthorized: bool,
    pub headers: Vec<(String, Secret)>,
    /// Key for the HMAC-SHA256 signature of the body.
    pub hmac_key: Option<Secret>,
    /// `rateLimit`: at least this long between two calls. Zero = no limit.
    pub rate_limit: Duration,
    pub timeout: Duration,
    pub proxy: Proxy,
    /// In the place of the built-in JSON; never with GET.
    pub template: Option<BodyTemplate>,
}

impl fmt::Debug for Webhook {
    /// Without the URL's path and query: they are secrets (Slack, Teams).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("purpose", &self.purpose)
            .field("description", &self.description)
            .field("host", &self.url.host_str())
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A body made by a template in the place of the built-in one.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTemplate {
    pub source: template::Source,
    /// The HTTP header.
    pub content_type: String,
}

/// Which list of `webhookNotification` a webhook stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookPurpose {
    /// `qlikSenseServerLicenseMonitor`: recurring server license data.
    ServerLicense,
    /// `qlikSenseServerLicenseExpiryAlert`: server license alerts.
    ServerLicenseAlert,
    /// `qlikSenseLicenseMonitor` (Bursar's own): recurring access license data.
    AccessLicense,
    /// `qlikSenseLicenseRelease` (Bursar's own): everything that is told of releases.
    Release,
    /// `qlikSenseSeatMonitor` (Bursar's own): how seats are used, and what changed.
    Seats,
    /// `qlikSenseLicenseMonitorApp` (Bursar's own): how Qlik's License Monitor app is.
    MonitorApp,
    /// `qlikSenseVersion` (Bursar's own): which version of Qlik Sense runs.
    Version,
    /// `qlikSenseAlert` (Bursar's own): alerts.
    Alert,
}

impl WebhookPurpose {
    /// In the order in which the lists stand in the settings.
    pub const ALL: [Self; 8] = [
        Self::ServerLicense,
        Self::ServerLicenseAlert,
        Self::AccessLicense,
        Self::Release,
        Self::Seats,
        Self::MonitorApp,
        Self::Version,
        Self::Alert,
    ];

    /// Its list of `webhookNotification`.
    pub fn section(self) -> &'static str {
        match self {
            Self::ServerLicense => "qlikSenseServerLicenseMonitor",
            Self::ServerLicenseAlert => "qlikSenseServerLicenseExpiryAlert",
            Self::AccessLicense => "qlikSenseLicenseMonitor",
            Self::Release => "qlikSenseLicenseRelease",
            Self::Seats => "qlikSenseSeatMonitor",
            Self::MonitorApp => "qlikSenseLicenseMonitorApp",
            Self::Version => "qlikSenseVersion",
            Self::Alert => "qlikSenseAlert",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    Get,
    Post,
    Put,
}

impl SetUp for Vec<Webhook> {
    fn queues(&self) -> Vec<Queue> {
        self.iter().map(super::queue).collect()
    }

    fn build(&self, n: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>> {
        let webhook = self.get(n).context("there is no such webhook")?;
        Ok(Arc::new(super::Webhook::new(webhook, surroundings.routes.clone())?))
    }

    fn certificates(&self) -> Vec<CertificateFile<'_>> {
        let mut files = Vec::new();
        for purpose in WebhookPurpose::ALL {
            let list = self.iter().filter(|webhook| webhook.purpose == purpose);
            for (i, webhook) in list.enumerate() {
                let section = purpose.section();
                let setting =
                    format!("Butler.webhookNotification.{section}.webhooks[{i}].cert.certCA");
                let ca = webhook.ca_cert.iter();
                files.extend(ca.map(|ca| CertificateFile::authority(setting.clone(), ca)));
            }
        }
        files
    }

    fn secrets(&self, forms: &mut Forms) {
        for webhook in self {
            forms.address(&webhook.url);
            if let Proxy::At(proxy) = &webhook.proxy {
                forms.address(proxy);
            }
            for (name, value) in &webhook.headers {
                forms.header(name, value.reveal());
            }
            if let Some(key) = &webhook.hmac_key {
                forms.secret(key.reveal());
            }
            if let Some(template) = &webhook.template {
                template.source.secrets(forms);
            }
        }
    }

    fn in_clear(&self) -> Vec<(&'static str, String)> {
        let clear = self.iter().filter(|webhook| http::is_in_clear(&webhook.url));
        let with_secrets = clear.filter(|webhook| {
            let mut forms = Forms::default();
            forms.address(&webhook.url);
            webhook.headers.iter().for_each(|(name, value)| forms.header(name, value.reveal()));
            !forms.is_empty()
        });
        let proxies = self.iter().filter_map(|webhook| match &webhook.proxy {
            Proxy::At(proxy) if proxy.password().is_some() && http::is_in_clear(proxy) => {
                let text = format!(
                    "the password of the proxy {} goes there unencrypted",
                    http::origin(proxy)
                );
                Some(("Butler.webhookNotification", text))
            }
            _ => None,
        });
        with_secrets
            .map(|webhook| {
                let (origin, name) = (http::origin(&webhook.url), webhook.description.trim());
                let text =
                    format!("the credentials of webhook {name:?} go to {origin} unencrypted");
                ("Butler.webhookNotification", text)
            })
            .chain(proxies)
            .collect()
    }
}
