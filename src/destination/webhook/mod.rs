//! Webhooks: one call for each event, GET with the values in the query, POST and PUT with JSON.
//!
//! Each configured webhook is a destination of its own, with its own queue: one that is down holds
//! up no other. The values are in [`payload`].
//!
//! A template of the settings makes the body in the place of the built-in JSON. When it fails all
//! the same (it was tried when the settings were loaded), the built-in JSON is sent and the log says
//! so: an alert in the wrong form is better than none, and a receiver that does not take it leaves a
//! dead letter with both reasons.
//!
//! Every call carries `X-Bursar-Event-Id`: the same at each repetition, so a receiver can drop what
//! it has already seen. With a key in the settings it carries a signature too, see [`signature`].
//!
//! Only 2xx is done, and with the shipped templates only if the body does not say otherwise, see
//! `body`. 408, 425, 429, 5xx and no answer at all are tried again. So are 401, 403, 404, 407 and 410:
//! what is wrong are the credentials, the proxy's or the address, and they hold for every event. Any
//! other answer is final: a redirect is not followed (the settings must name the final address), and
//! another 4xx would come again. Bodies of answers are not shown: they may repeat the URL, whose path is
//! a secret with many receivers.

mod body;
pub(crate) mod raw;
pub mod settings;
mod sign;
pub(crate) mod validate;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tracing::error;
use url::Url;

use self::body::Receiver;
use super::http::{self, Endpoint, Proxy};
use super::template::Template;
use super::{Destination, Outcome, Probe, ProbeFailure, payload};
use crate::destination::webhook::settings::{HttpMethod, WebhookPurpose};
use crate::event::route::Routes;
use crate::event::{Channel, Event, Kind, Queue, Topic};
use crate::plain::one_line;
use crate::secret::Secret;

pub use sign::{SIGNATURE_HEADER, signature};

/// Header with the event's id.
pub const EVENT_ID_HEADER: &str = "x-bursar-event-id";

/// Why a webhook can't be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The CA file can't be used.
    #[error("webhook {webhook:?}: {source}")]
    Http { webhook: String, source: http::BuildError },
    /// Not a name of a header.
    #[error(
        "webhook {webhook:?}: {name:?} can't be the name of a header (letters, digits and - only)"
    )]
    HeaderName { webhook: String, name: String },
    /// The value of a header holds line ends or the like. The value is not shown: it may be secret.
    #[error(
        "webhook {webhook:?}: the value of the header {name} holds characters that can't be sent"
    )]
    HeaderValue { webhook: String, name: String },
    /// The template was not looked at before.
    #[error("webhook {webhook:?}: the template can't be used: {why}")]
    Template { webhook: String, why: String },
}

/// One webhook.
pub struct Webhook {
    id: String,
    title: String,
    url: Url,
    method: HttpMethod,
    headers: HeaderMap,
    hmac_key: Option<Secret>,
    min_interval: Option<Duration>,
    ca_cert: Option<PathBuf>,
    reject_unauthorized: bool,
    proxy: Proxy,
    timeout: Duration,
    routes: Routes,
    client: reqwest::Client,
    template: Option<(Template, HeaderValue)>,
    receiver: Receiver,
}

impl fmt::Debug for Webhook {
    /// Without the URL's path and query, and without header values: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// The webhook as the settings describe it.
    ///
    /// # Errors
    /// When the CA file or a header can't be used.
    pub fn new(webhook: &settings::Webhook, routes: Routes) -> Result<Self, BuildError> {
        let endpoint = Endpoint {
            url: &webhook.url,
            ca_cert: webhook.ca_cert.as_deref(),
            reject_unauthorized: webhook.reject_unauthorized,
            timeout: webhook.timeout,
            proxy: &webhook.proxy,
        };
        let client = endpoint
            .client()
            .map_err(|source| BuildError::Http { webhook: webhook.description.clone(), source })?;
        Ok(Self {
            template: template(webhook)?,
            receiver: Receiver::of(webhook.template.as_ref().map(|template| &template.source)),
            id: id(webhook),
            title: title(webhook),
            url: webhook.url.clone(),
            method: webhook.method,
            headers: headers(webhook)?,
            hmac_key: webhook.hmac_key.clone(),
            min_interval: (!webhook.rate_limit.is_zero()).then_some(webhook.rate_limit),
            ca_cert: webhook.ca_cert.clone(),
            reject_unauthorized: webhook.reject_unauthorized,
            proxy: webhook.proxy.clone(),
            timeout: webhook.timeout,
            routes,
            client,
        })
    }

    /// The body and its type: by the template, or built in. The third is why the template could
    /// not be used: losing an event is worse than sending it in another form.
    fn body(&self, event: &Event) -> (String, HeaderValue, Option<String>) {
        let failed = match &self.template {
            Some((template, content_type)) => match template.render(event) {
                Ok(body) => return (body, content_type.clone(), None),
                Err(error) => Some(error.to_string()),
            },
            None => None,
        };
        if let Some(why) = &failed {
            error!(
                destination = self.id,
                event = event.id,
                why,
                "a template failed: the event is sent in the built-in form"
            );
        }
        let map = payload::webhook_json(event, self.routes.named_sites);
        (Value::Object(map).to_string(), HeaderValue::from_static("application/json"), failed)
    }

    /// The call, and why it doesn't have the form that the settings ask for.
    fn request(&self, event: &Event) -> (RequestBuilder, Option<String>) {
        let mut failed = None;
        let (request, signed) = match self.method {
            HttpMethod::Get => {
                let map = payload::webhook_json(event, self.routes.named_sites);
                let mut url = self.url.clone();
                url.query_pairs_mut().extend_pairs(query_pairs(&map));
                let query = url.query().unwrap_or_default().to_owned();
                (self.client.get(url), query)
            }
            HttpMethod::Post | HttpMethod::Put => {
                let (body, content_type, why) = self.body(event);
                failed = why;
                let request = match self.method {
                    HttpMethod::Put => self.client.put(self.url.clone()),
                    _ => self.client.post(self.url.clone()),
                };
                (request.header(CONTENT_TYPE, content_type).body(body.clone()), body)
            }
        };
        // `headers` replaces what is there already: the settings have the last word.
        let request = request.headers(self.headers.clone()).header(EVENT_ID_HEADER, &event.id);
        let request = match &self.hmac_key {
            Some(key) => request.header(SIGNATURE_HEADER, signature(key, signed.as_bytes())),
            None => request,
        };
        (request, failed)
    }

    async fn call(&self, event: &Event) -> Outcome {
        let (request, failed) = self.request(event);
        match request.send().await {
            Err(error) => {
                let why = http::no_answer(&self.url, error);
                let by =
                    self.proxy.of(&self.url).map(|proxy| format!(" (through the proxy {proxy})"));
                Outcome::Retry { after: None, why: why + &by.unwrap_or_default() }
            }
            Ok(response) => {
                let after = http::retry_after(response.headers(), Utc::now());
                let status = response.status();
                let outcome = judge(status, after);
                // Read in any case, so that the connection can be used again.
                let body = http::body_text(response).await;
                let outcome = match outcome {
                    Outcome::Done => self.receiver.judge(status, &body).unwrap_or(Outcome::Done),
                    other => other,
                };
                match (outcome, failed) {
                    (Outcome::Refused { why }, Some(failed)) => Outcome::Refused {
                        why: format!("{why} to the built-in form; the template failed: {failed}"),
                    },
                    (outcome, _) => outcome,
                }
            }
        }
    }
}

#[async_trait]
impl Destination for Webhook {
    fn id(&self) -> &str {
        &self.id
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn min_interval(&self) -> Option<Duration> {
        self.min_interval
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let outcome = match Outcome::waits_for(outcomes.last()) {
                Some(waits) => waits,
                None => self.call(event).await,
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Resolves the name, connects and completes the TLS handshake, and sends nothing: there is no
    /// method that no receiver takes for a message.
    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let endpoint = Endpoint {
            url: &self.url,
            ca_cert: self.ca_cert.as_deref(),
            reject_unauthorized: self.reject_unauthorized,
            timeout: self.timeout,
            proxy: &self.proxy,
        };
        match endpoint.reach().await {
            Ok(()) => Ok(Probe {
                found: "reachable (connected, nothing sent)".into(),
                warnings: if self.reject_unauthorized || self.url.scheme() != "https" {
                    vec![]
                } else {
                    vec!["certificates are not verified (cert.rejectUnauthorized: false)".into()]
                },
            }),
            Err(what) => match self.proxy.of(&self.url) {
                Some(proxy) => Ok(Probe {
                    found: format!("not reachable directly; calls go through the proxy {proxy}"),
                    warnings: vec![format!("can't be checked without a call: {what}")],
                }),
                None => Err(ProbeFailure {
                    what,
                    fix: "check webhookURL and, for https, cert.certCA (with cert.enable: true)"
                        .into(),
                }),
            },
        }
    }
}

/// What a status means. `after` is the answer's `Retry-After`.
fn judge(status: StatusCode, after: Option<Duration>) -> Outcome {
    match status.as_u16() {
        200..=299 => Outcome::Done,
        429 => Outcome::Retry {
            after: Some(after.unwrap_or(super::TOO_MANY)),
            why: format!("answered {status}"),
        },
        408 | 425 | 500..=599 => Outcome::Retry { after, why: format!("answered {status}") },
        // Of the settings and not of the event: the worker sees whether another one gets through.
        401 => Outcome::Retry {
            after,
            why: format!(
                "answered {status}: the credentials are missing or wrong, see headers and webhookURL"
            ),
        },
        403 => Outcome::Retry {
            after,
            why: format!(
                "answered {status}: the credentials do not allow this, see headers and webhookURL"
            ),
        },
        407 => Outcome::Retry {
            after,
            why: format!(
                "answered {status}: the proxy wants a user name and password in its address"
            ),
        },
        404 | 410 => Outcome::Retry {
            after,
            why: format!(
                "answered {status}: the address is gone, webhookURL must be one that is there"
            ),
        },
        300..=399 => Outcome::Refused {
            why: format!(
                "answered {status}: redirects are not followed, webhookURL must be the final address"
            ),
        },
        _ => Outcome::Refused { why: format!("answered {status}") },
    }
}

/// Whether the events of a list of webhooks are of this kind, too.
pub(crate) fn takes(purpose: WebhookPurpose, kind: Kind) -> bool {
    let of_topic = match kind.topic() {
        Topic::ServerLicense => WebhookPurpose::ServerLicense,
        Topic::ServerLicenseAlert => WebhookPurpose::ServerLicenseAlert,
        Topic::AccessLicense => WebhookPurpose::AccessLicense,
        Topic::Release => WebhookPurpose::Release,
        Topic::Seats | Topic::SeatChanges => WebhookPurpose::Seats,
        Topic::MonitorApp => WebhookPurpose::MonitorApp,
        Topic::Version => WebhookPurpose::Version,
        Topic::Alert => WebhookPurpose::Alert,
        Topic::Daemon => return false,
    };
    of_topic == purpose
}

fn template(webhook: &settings::Webhook) -> Result<Option<(Template, HeaderValue)>, BuildError> {
    let Some(template) = &webhook.template else { return Ok(None) };
    let bad = |why: String| BuildError::Template { webhook: webhook.description.clone(), why };
    let content_type = HeaderValue::try_from(&template.content_type)
        .map_err(|_| bad("its contentType can't be sent".to_owned()))?;
    let compiled = Template::compile(&template.source).map_err(|error| bad(error.to_string()))?;
    Ok(Some((compiled, content_type)))
}

/// The queue of a webhook.
pub(crate) fn queue(webhook: &settings::Webhook) -> Queue {
    let settings::Webhook { purpose, method, .. } = webhook;
    let id_before = webhook.written.as_deref().map(|written| name(*purpose, *method, written));
    Queue {
        id: id(webhook),
        id_before,
        title: title(webhook),
        channel: Channel::Webhook,
        kinds: kinds(*purpose),
    }
}

/// The queue of one whose address isn't known, by the address as it is written.
pub(crate) fn queue_before(
    purpose: WebhookPurpose,
    method: HttpMethod,
    written: &str,
    description: &str,
) -> Queue {
    let title = match one_line(description).as_str() {
        "" => format!("webhook {} (address unknown)", method_name(method)),
        description => {
            format!("webhook {description} ({}, address unknown)", method_name(method))
        }
    };
    let (id, kinds) = (name(purpose, method, written), kinds(purpose));
    Queue { id, id_before: None, title, channel: Channel::Webhook, kinds }
}

/// What a list of webhooks can take.
pub(crate) fn kinds(purpose: WebhookPurpose) -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|kind| takes(purpose, *kind)).collect()
}

/// The queue's name: the same for the same purpose, method and address, whatever else changes. The
/// address is hashed because it may be secret.
fn id(webhook: &settings::Webhook) -> String {
    name(webhook.purpose, webhook.method, webhook.url.as_str())
}

fn name(purpose: WebhookPurpose, method: HttpMethod, address: &str) -> String {
    let purpose = match purpose {
        WebhookPurpose::ServerLicense => "serverLicense",
        WebhookPurpose::ServerLicenseAlert => "serverLicenseAlert",
        WebhookPurpose::AccessLicense => "accessLicense",
        WebhookPurpose::Release => "release",
        WebhookPurpose::Seats => "seats",
        WebhookPurpose::MonitorApp => "monitorApp",
        WebhookPurpose::Version => "version",
        WebhookPurpose::Alert => "alert",
    };
    let text = format!("{purpose} {} {address}", method_name(method));
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    format!("{}/{}", Channel::Webhook, &hash[..8])
}

fn title(webhook: &settings::Webhook) -> String {
    let target = format!("{} {}", method_name(webhook.method), http::origin(&webhook.url));
    match one_line(&webhook.description).as_str() {
        "" => format!("webhook {target}"),
        description => format!("webhook {description} ({target})"),
    }
}

fn method_name(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
    }
}

fn headers(webhook: &settings::Webhook) -> Result<HeaderMap, BuildError> {
    let mut map = HeaderMap::new();
    for (name, value) in &webhook.headers {
        let key = HeaderName::try_from(name).map_err(|_| BuildError::HeaderName {
            webhook: webhook.description.clone(),
            name: name.clone(),
        })?;
        let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| {
            BuildError::HeaderValue { webhook: webhook.description.clone(), name: name.clone() }
        })?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// The values as pairs for a query: nested ones as `outer.inner`, nothing for `null`.
fn query_pairs(map: &Map<String, Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in map {
        match value {
            Value::Null => {}
            Value::Object(inner) => {
                pairs.extend(
                    query_pairs(inner).into_iter().map(|(k, v)| (format!("{name}.{k}"), v)),
                );
            }
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            other => pairs.push((name.clone(), other.to_string())),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> settings::Webhook {
        settings::Webhook {
            purpose: WebhookPurpose::ServerLicense,
            description: "ops chat".into(),
            url: url.parse().unwrap(),
            method: HttpMethod::Post,
            ca_cert: None,
            reject_unauthorized: true,
            headers: vec![],
            hmac_key: None,
            rate_limit: Duration::ZERO,
            proxy: Proxy::Environment,
            timeout: Duration::from_secs(1),
            template: None,
            written: None,
        }
    }

    #[test]
    fn the_id_depends_on_purpose_method_and_address_only() {
        let one = settings("https://hooks.example.com/a");
        assert_eq!(id(&one), "webhook/6cd17dfe");
        let mut same = settings("https://hooks.example.com/a");
        same.description = "renamed".into();
        same.rate_limit = Duration::from_secs(9);
        assert_eq!(id(&same), id(&one));
        for change in [
            |s: &mut settings::Webhook| s.method = HttpMethod::Put,
            |s: &mut settings::Webhook| s.purpose = WebhookPurpose::ServerLicenseAlert,
            |s: &mut settings::Webhook| s.url.set_path("/b"),
        ] {
            let mut other = settings("https://hooks.example.com/a");
            change(&mut other);
            assert_ne!(id(&other), id(&one));
        }
    }

    #[test]
    fn neither_title_nor_debug_shows_path_query_or_headers() {
        let mut webhook = settings("https://user:pw@hooks.example.com/T0/secret?code=secret");
        webhook.headers = vec![("Authorization".into(), Secret::new("secret"))];
        let built = Webhook::new(&webhook, Routes::default()).unwrap();
        assert_eq!(built.title(), "webhook ops chat (POST https://hooks.example.com)");
        for text in [built.title(), format!("{built:?}"), built.id().to_owned()] {
            assert!(!text.contains("secret") && !text.contains("pw"), "{text}");
        }
    }

    #[test]
    fn statuses() {
        let kind = |status: u16| match judge(StatusCode::from_u16(status).unwrap(), None) {
            Outcome::Done => "done",
            Outcome::Retry { .. } => "retry",
            Outcome::Refused { .. } => "refused",
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(kind(status), "done", "{status}");
        }
        for status in [401, 403, 404, 407, 408, 410, 425, 429, 500, 502, 503, 504] {
            assert_eq!(kind(status), "retry", "{status}");
        }
        for status in [301, 302, 307, 400, 405, 413, 422] {
            assert_eq!(kind(status), "refused", "{status}");
        }
    }

    #[test]
    fn a_bad_header_is_an_error_that_shows_no_value() {
        let mut webhook = settings("https://hooks.example.com/a");
        webhook.headers = vec![("X-Key".into(), Secret::new("secret\n"))];
        let error = Webhook::new(&webhook, Routes::default()).unwrap_err().to_string();
        assert!(error.contains("X-Key") && !error.contains("secret"), "{error}");
        webhook.headers = vec![("X Key".into(), Secret::new("v"))];
        assert!(Webhook::new(&webhook, Routes::default()).is_err());
    }

    #[test]
    fn nested_values_are_dotted_in_a_query() {
        let Value::Object(map) =
            serde_json::json!({"a": {"total": 3, "enabled": true}, "n": null, "t": "x y"})
        else {
            unreachable!()
        };
        let pairs: Vec<_> =
            query_pairs(&map).into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(pairs, ["a.total=3", "a.enabled=true", "t=x y"]);
    }
}
