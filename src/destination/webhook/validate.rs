//! `webhookNotification`.

use url::Url;

use super::raw;
use super::settings::{BodyTemplate, HttpMethod, Webhook, WebhookPurpose};
use super::{queue, queue_before, takes};
use crate::destination::http::Proxy;
use crate::destination::registry::Waiting;
use crate::destination::template::validate as template;
use crate::plain::one_line;
use crate::secret::Secret;
use crate::settings::{At, Check, MISSING, is_token};

/// Those that can be called, and those that are missing something.
pub(crate) fn settings(check: &Check<'_>, at: &At<'_>) -> (Vec<Webhook>, Vec<Waiting>) {
    let raw: raw::WebhookNotification = at.read();
    if !raw.enable && !at.get("enable").broken {
        return (Vec::new(), Vec::new());
    }
    let lists =
        WebhookPurpose::ALL.map(|purpose| (purpose.section(), purpose, list(&raw, purpose)));
    if !at.is_uncertain() && lists.iter().all(|(_, _, list)| list.webhooks.is_empty()) {
        check.warn(
            &at.get("enable"),
            "no webhook that Bursar calls is listed below",
            "add one, or set this to false",
        );
    }
    let (mut webhooks, mut waiting) = (Vec::new(), Vec::new());
    for (key, purpose, list) in lists {
        let (enable, rate_limit) = (at.get("enable"), at.get(key).get("rateLimit"));
        let common = [enable, rate_limit].iter().find_map(|at| check.missing_here(at));
        for (raw, at) in list.webhooks.iter().zip(at.get(key).get("webhooks").items()) {
            let made = webhook(check, &at, raw, purpose, list.rate_limit);
            let Some(why) = check.missing_in(&at).or_else(|| common.clone()) else {
                webhooks.extend(made);
                continue;
            };
            let written = at.get("webhookURL").written();
            let method = method(raw);
            let before = || queue_before(purpose, method, &written, raw.description.trim());
            waiting.push(Waiting { queue: made.as_ref().map_or_else(before, queue), why });
        }
    }
    (webhooks, waiting)
}

fn method(raw: &raw::Webhook) -> HttpMethod {
    match raw.http_method {
        raw::HttpMethod::Get => HttpMethod::Get,
        raw::HttpMethod::Post => HttpMethod::Post,
        raw::HttpMethod::Put => HttpMethod::Put,
    }
}

fn list(raw: &raw::WebhookNotification, purpose: WebhookPurpose) -> &raw::WebhookList {
    match purpose {
        WebhookPurpose::ServerLicense => &raw.qlik_sense_server_license_monitor,
        WebhookPurpose::ServerLicenseAlert => &raw.qlik_sense_server_license_expiry_alert,
        WebhookPurpose::AccessLicense => &raw.qlik_sense_license_monitor,
        WebhookPurpose::Release => &raw.qlik_sense_license_release,
        WebhookPurpose::Seats => &raw.qlik_sense_seat_monitor,
        WebhookPurpose::MonitorApp => &raw.qlik_sense_license_monitor_app,
        WebhookPurpose::Version => &raw.qlik_sense_version,
        WebhookPurpose::Alert => &raw.qlik_sense_alert,
    }
}

fn webhook(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::Webhook,
    purpose: WebhookPurpose,
    rate_limit: i64,
) -> Option<Webhook> {
    let url = url(check, &at.get("webhookURL"), raw.webhook_url.trim());
    let proxy = proxy(check, &at.get("proxy"), raw.proxy.0.trim());
    let mut ca_cert = None;
    let mut reject_unauthorized = true;
    if raw.cert.enable {
        ca_cert = check.optional_path(&raw.cert.cert_ca);
        reject_unauthorized = raw.cert.reject_unauthorized;
        if !reject_unauthorized {
            check.warn(
                &at.at("cert.rejectUnauthorized"),
                "the server's certificate is not verified: anybody in between can read what is sent",
                "set it to true, and certCA to the server's certificate authority",
            );
        }
    }
    let mut headers = Vec::new();
    for (header, at) in raw.headers.iter().zip(at.get("headers").items()) {
        let name = header.name.trim();
        if !is_token(name) {
            check.error(
                &at.get("name"),
                format!("\"{name}\" is not the name of a header"),
                "use letters, digits and - only",
            );
        }
        if header.value.0.contains(char::is_control) {
            check.error(
                &at.get("value"),
                "a header can't hold a line break",
                "write it on one line",
            );
        }
        headers.push((name.to_owned(), Secret::new(header.value.0.clone())));
    }
    let template = body_template(check, at, raw, purpose);
    Some(Webhook {
        purpose,
        template,
        description: raw.description.trim().to_owned(),
        url: url?,
        method: method(raw),
        written: Some(at.get("webhookURL").written()).filter(|text| !text.is_empty()),
        ca_cert,
        reject_unauthorized,
        headers,
        hmac_key: raw.hmac_key.secret(),
        rate_limit: check.seconds(rate_limit),
        timeout: check.seconds(raw.timeout_seconds),
        proxy: proxy?,
    })
}

fn body_template(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::Webhook,
    purpose: WebhookPurpose,
) -> Option<BodyTemplate> {
    let written = template::Written {
        key: "template",
        text: &raw.template,
        file: &raw.template_file,
        content_type: &raw.content_type,
        values: &raw.values,
    };
    let source = template::source(check, at, &written, |event| takes(purpose, event.kind()))?;
    let content_type = raw.content_type.trim();
    if content_type.is_empty()
        || content_type.contains(char::is_control)
        || !content_type.is_ascii()
    {
        check.error(
            &at.get("contentType"),
            format!("\"{}\" is not a content type", one_line(content_type)),
            "write application/json, text/plain or the like",
        );
    }
    if raw.http_method == raw::HttpMethod::Get {
        let key = if raw.template.trim().is_empty() { "templateFile" } else { "template" };
        check.error(
            &at.get(key),
            "a GET call has no body, so there is nothing to make from a template",
            "set httpMethod to POST or PUT, or remove the template",
        );
    }
    Some(BodyTemplate { source, content_type: content_type.to_owned() })
}

fn proxy(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Proxy> {
    match text {
        "" => Some(Proxy::Environment),
        "none" => Some(Proxy::Direct),
        address => url(check, at, address).map(Proxy::At),
    }
}

/// The address never shows in a message: it may hold a key.
fn url(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Url> {
    if text.is_empty() {
        check.error(at, MISSING, "write the address, with https:// in front");
        return None;
    }
    if !text.contains("://") {
        check.error(at, "the address has no scheme", "write https:// or http:// in front");
        return None;
    }
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            check.error(
                at,
                format!("{}:// is not HTTP", url.scheme()),
                "write https:// or http:// in front",
            );
            None
        }
        Ok(url) => Some(url),
        Err(error) => {
            check.error(
                at,
                format!("the address can't be read: {error}"),
                "write it as https://host/path",
            );
            None
        }
    }
}

/// Says so when the list for a purpose is not among those with webhooks. `at` is the switch.
pub(crate) fn listed(
    check: &Check<'_>,
    at: &At<'_>,
    purpose: WebhookPurpose,
    lists: &[WebhookPurpose],
) {
    if !lists.contains(&purpose) {
        let section = purpose.section();
        check.warn(
            at,
            format!("nothing is sent: Butler.webhookNotification.{section} has no webhooks"),
            "add one there, or set this to false",
        );
    }
}
