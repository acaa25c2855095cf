//! `mqttConfig`.

use super::settings::{
    Mqtt, MqttAuth, MqttProtocol, MqttTemplates, MqttTls, MqttTopics, StatusTopic,
};
use super::{identity, raw};
use crate::destination::template::Source;
use crate::destination::template::raw::PayloadTemplate;
use crate::destination::template::validate as template;
use crate::event::{Event, Topic};
use crate::settings::{At, Check};

pub(crate) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<Mqtt> {
    let raw: raw::MqttConfig = at.read();
    if !raw.enable {
        return None;
    }
    let host = check.host(&at.get("brokerHost"), &raw.broker_host, "brokerPort");
    let port = check.port(raw.broker_port);
    let topics = topics(check, at, &raw);
    let status = status(check, at, &raw);
    let templates = templates(check, &at.get("templates"), &raw.templates);
    let keep_alive = check.seconds(raw.keep_alive_seconds);
    if raw.azure_event_grid.enable {
        return Some(azure(
            check,
            at,
            raw,
            Mqtt {
                host,
                port,
                protocol: MqttProtocol::V5,
                client_id: None,
                auth: None,
                keep_alive,
                tls: None,
                topics,
                status,
                templates,
            },
        ));
    }
    let username = raw.username.trim().to_owned();
    if username.is_empty() && !raw.password.0.is_empty() {
        check.error(
            &at.get("username"),
            "there is a password but no user name",
            "write the user's name, or remove the password",
        );
    }
    Some(Mqtt {
        host,
        port,
        protocol: match raw.protocol_version {
            raw::ProtocolVersion::V311 => MqttProtocol::V311,
            raw::ProtocolVersion::V5 => MqttProtocol::V5,
        },
        client_id: written(&raw.client_id),
        auth: (!username.is_empty())
            .then(|| MqttAuth { username, password: raw.password.secret() }),
        keep_alive,
        tls: raw.tls.enable.then(|| tls(check, &at.get("tls"), &raw.tls)),
        topics,
        status,
        templates,
    })
}

/// The templates, each tried on the events of its topic.
fn templates(check: &Check<'_>, at: &At<'_>, raw: &raw::MqttTemplates) -> MqttTemplates {
    let of = |topic: Topic, key: &str, raw: &PayloadTemplate| -> Option<Source> {
        let content_type = match (raw.content_type.trim(), topic) {
            ("", Topic::ServerLicenseAlert) => "text/plain",
            ("", _) => "application/json",
            (written, _) => written,
        };
        let written = template::Written {
            key: "template",
            text: &raw.template,
            file: &raw.template_file,
            content_type,
            values: &raw.values,
        };
        let takes = |event: &Event| event.kind().topic() == topic;
        template::source(check, &at.get(key), &written, takes)
    };
    MqttTemplates {
        server_license: of(
            Topic::ServerLicense,
            "qlikSenseServerLicense",
            &raw.qlik_sense_server_license,
        ),
        server_license_alert: of(
            Topic::ServerLicenseAlert,
            "qlikSenseServerLicenseExpire",
            &raw.qlik_sense_server_license_expire,
        ),
        access_license: of(Topic::AccessLicense, "qlikSenseLicense", &raw.qlik_sense_license),
        release: of(Topic::Release, "qlikSenseLicenseRelease", &raw.qlik_sense_license_release),
        seats: of(Topic::Seats, "bursarSeat", &raw.bursar_seat),
        seat_changes: of(Topic::SeatChanges, "bursarSeatChange", &raw.bursar_seat_change),
        monitor_app: of(Topic::MonitorApp, "bursarMonitorApp", &raw.bursar_monitor_app),
        version: of(Topic::Version, "bursarVersion", &raw.bursar_version),
        alert: of(Topic::Alert, "bursarAlert", &raw.bursar_alert),
    }
}

fn tls(check: &Check<'_>, at: &At<'_>, raw: &raw::MqttTls) -> MqttTls {
    unverified(check, at, raw);
    let cert = check.optional_path(&raw.client_cert);
    let key = check.optional_path(&raw.client_key);
    if cert.is_some() && key.is_none() {
        check.error(
            &at.get("clientKey"),
            "there is a client certificate but no key",
            "write the path of its key",
        );
    }
    if key.is_some() && cert.is_none() {
        check.error(
            &at.get("clientCert"),
            "there is a key but no client certificate",
            "write the path of its certificate",
        );
    }
    MqttTls {
        ca_cert: check.optional_path(&raw.cert_ca),
        client: cert.zip(key),
        reject_unauthorized: raw.reject_unauthorized,
        server_name: check.server_name(&at.get("serverName"), &raw.server_name),
    }
}

fn unverified(check: &Check<'_>, at: &At<'_>, raw: &raw::MqttTls) {
    if !raw.reject_unauthorized {
        check.warn(
            &at.get("rejectUnauthorized"),
            "the broker's certificate is not verified: anybody in between can read the password",
            "set it to true, and certCA to the broker's certificate authority",
        );
    }
}

/// Azure Event Grid takes the client id as user name and the certificate as proof. Its own
/// certificate is public, so `tls.certCA` is used only if it is written.
fn azure(check: &Check<'_>, section: &At<'_>, raw: raw::MqttConfig, common: Mqtt) -> Mqtt {
    let at = section.get("azureEventGrid");
    let grid = raw.azure_event_grid;
    let client_id = check.required(
        &at.get("clientId"),
        &grid.client_id,
        "write the client's authentication name",
    );
    let cert = check.required_path(
        &at.get("clientCertFile"),
        &grid.client_cert_file,
        "write the path of the client certificate",
    );
    let key = check.required_path(
        &at.get("clientKeyFile"),
        &grid.client_key_file,
        "write the path of the client certificate's key",
    );
    unverified(check, &section.get("tls"), &raw.tls);
    let server_name = check.server_name(&section.at("tls.serverName"), &raw.tls.server_name);
    Mqtt {
        auth: Some(MqttAuth { username: client_id.clone(), password: None }),
        client_id: Some(client_id),
        tls: Some(MqttTls {
            ca_cert: check.optional_path(&raw.tls.cert_ca),
            client: Some((cert, key)),
            reject_unauthorized: raw.tls.reject_unauthorized,
            server_name,
        }),
        ..common
    }
}

fn written(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn topic(check: &Check<'_>, at: &At<'_>, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        check.error(
            at,
            "a topic can't be empty",
            "write a topic, or remove the key for the default",
        );
    } else if text.contains(['+', '#', '\0']) {
        check.error(
            at,
            format!("\"{text}\" can't be published to"),
            "write a topic without + and #",
        );
    } else if text.starts_with('$') {
        check.error(
            at,
            format!("\"{text}\" can't be published to"),
            "topics that start with $ belong to the broker",
        );
    }
    text.to_owned()
}

/// What is configured wins; empty is off.
fn status(check: &Check<'_>, at: &At<'_>, raw: &raw::MqttConfig) -> StatusTopic {
    let named = |key: &str, text: &str| StatusTopic::Named(topic(check, &at.get(key), text));
    match (&raw.status_topic, written(&raw.bursar_status_topic)) {
        (Some(text), older) => {
            if older.is_some() {
                check.warn(
                    &at.get("bursarStatusTopic"),
                    "statusTopic is written, too, and wins",
                    "remove this key",
                );
            }
            match written(text) {
                Some(text) => named("statusTopic", &text),
                None => StatusTopic::Off,
            }
        }
        (None, Some(older)) => named("bursarStatusTopic", &older),
        (None, None) => {
            let built_in = raw::MqttConfig::default();
            let pairs = data_topics(raw).into_iter().zip(data_topics(&built_in));
            StatusTopic::Below(identity::root(pairs.map(|((_, a), (_, b))| (a.trim(), b))))
        }
    }
}

/// The topics of events, with their keys.
fn data_topics(raw: &raw::MqttConfig) -> [(&'static str, &str); 9] {
    [
        ("qlikSenseServerLicenseTopic", &raw.qlik_sense_server_license_topic),
        ("qlikSenseServerLicenseExpireTopic", &raw.qlik_sense_server_license_expire_topic),
        ("qlikSenseLicenseTopic", &raw.qlik_sense_license_topic),
        ("qlikSenseLicenseReleaseTopic", &raw.qlik_sense_license_release_topic),
        ("bursarSeatTopic", &raw.bursar_seat_topic),
        ("bursarSeatChangeTopic", &raw.bursar_seat_change_topic),
        ("bursarMonitorAppTopic", &raw.bursar_monitor_app_topic),
        ("bursarVersionTopic", &raw.bursar_version_topic),
        ("bursarAlertTopic", &raw.bursar_alert_topic),
    ]
}

fn topics(check: &Check<'_>, at: &At<'_>, raw: &raw::MqttConfig) -> MqttTopics {
    let status = raw.status_topic.as_deref().map(|topic| ("statusTopic", topic));
    let older = ("bursarStatusTopic", raw.bursar_status_topic.as_str());
    let keys: Vec<(&str, &str)> =
        data_topics(raw).into_iter().chain([status.unwrap_or(older)]).collect();
    for (i, (key, text)) in keys.iter().enumerate().filter(|(_, (_, text))| !text.trim().is_empty())
    {
        if let Some((first, _)) = keys[..i].iter().find(|(_, other)| other.trim() == text.trim()) {
            check.warn(
                &at.get(key),
                format!("{first} has the same topic, so subscribers can't tell the two apart"),
                "write a topic of its own",
            );
        }
    }
    let [
        server_license,
        server_license_alert,
        access_license,
        release,
        seats,
        seat_changes,
        monitor_app,
        version,
        alert,
    ] = data_topics(raw).map(|(key, text)| topic(check, &at.get(key), text));
    MqttTopics {
        server_license,
        server_license_alert,
        access_license,
        release,
        seats,
        seat_changes,
        monitor_app,
        version,
        alert,
    }
}
