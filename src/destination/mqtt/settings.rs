//! `Butler.mqttConfig`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::destination::Destination;
use crate::destination::http;
use crate::destination::registry::{SetUp, Surroundings};
use crate::destination::settings::{CertificateFile, CertificateRole};
use crate::destination::template;
use crate::event::{Channel, Kind, Queue};
use crate::secret::{Forms, Secret};

/// `Butler.mqttConfig`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Mqtt {
    pub host: String,
    pub port: u16,
    pub protocol: MqttProtocol,
    /// `None`: made of the host's name and the installation's id.
    pub client_id: Option<String>,
    pub auth: Option<MqttAuth>,
    pub keep_alive: Duration,
    pub tls: Option<MqttTls>,
    pub topics: MqttTopics,
    pub status: StatusTopic,
    pub templates: MqttTemplates,
}

impl Mqtt {
    /// With an id of its own, since a broker ends the older of two connections with the same one, and
    /// without a word of whether the daemon is there.
    pub(in crate::destination) fn beside_a_daemon(&mut self) {
        self.client_id = Some(match &self.client_id {
            Some(written) => format!("{written}-test"),
            None => format!("bursar-test-{:08x}", fastrand::u32(..)),
        });
        self.status = StatusTopic::Off;
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MqttAuth {
    pub username: String,
    pub password: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttProtocol {
    V311,
    V5,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MqttTls {
    /// Own CA; the system's roots when absent.
    pub ca_cert: Option<PathBuf>,
    /// Client certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
    pub reject_unauthorized: bool,
    pub server_name: Option<String>,
}

/// Topics. With several sites, `/` and the site's name are appended (or put in place of `{site}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTopics {
    /// Recurring server license data (`qlikSenseServerLicenseTopic`).
    pub server_license: String,
    /// Server license alerts (`qlikSenseServerLicenseExpireTopic`).
    pub server_license_alert: String,
    /// Recurring access license data (`qlikSenseLicenseTopic`, Bursar's own).
    pub access_license: String,
    /// Releases (`qlikSenseLicenseReleaseTopic`, Bursar's own).
    pub release: String,
    /// How seats are used (`bursarSeatTopic`).
    pub seats: String,
    /// What changed with them (`bursarSeatChangeTopic`). Not retained.
    pub seat_changes: String,
    /// Qlik's License Monitor app (`bursarMonitorAppTopic`).
    pub monitor_app: String,
    /// The version of Qlik Sense (`bursarVersionTopic`).
    pub version: String,
    /// Alerts of all rules but the server license's (`bursarAlertTopic`), as JSON. Not retained.
    pub alert: String,
}

/// Where `online` and `offline` go, retained, the latter as last will (`statusTopic`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusTopic {
    Off,
    Named(String),
    /// Below this root, with a name of this installation's own.
    Below(String),
}

/// Templates in the place of the built-in payloads, by topic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MqttTemplates {
    pub server_license: Option<template::Source>,
    pub server_license_alert: Option<template::Source>,
    pub access_license: Option<template::Source>,
    pub release: Option<template::Source>,
    pub seats: Option<template::Source>,
    pub seat_changes: Option<template::Source>,
    pub monitor_app: Option<template::Source>,
    pub version: Option<template::Source>,
    pub alert: Option<template::Source>,
}

/// Its queue: the same whatever its settings say.
pub(crate) fn queue() -> Queue {
    Queue::only(Channel::Mqtt, |kind| kind != Kind::DaemonUptime)
}

impl SetUp for Mqtt {
    fn queues(&self) -> Vec<Queue> {
        vec![queue()]
    }

    fn build(&self, _: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>> {
        let mqtt = super::Mqtt::new(self, surroundings.routes.clone(), &surroundings.installation)?;
        Ok(Arc::new(mqtt))
    }

    fn certificates(&self) -> Vec<CertificateFile<'_>> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let ca = tls.ca_cert.iter();
        let ca = ca.map(|ca| CertificateFile::authority("Butler.mqttConfig.tls.certCA", ca));
        let client = tls.client.iter().map(|(cert, key)| CertificateFile {
            setting: "Butler.mqttConfig.tls.clientCert".to_owned(),
            file: cert,
            role: CertificateRole::Client {
                key,
                key_setting: "Butler.mqttConfig.tls.clientKey".to_owned(),
            },
        });
        ca.chain(client).collect()
    }

    fn secrets(&self, forms: &mut Forms) {
        if let Some(MqttAuth { username, password: Some(password) }) = &self.auth {
            forms.login(username, password.reveal());
        }
        let MqttTemplates {
            server_license,
            server_license_alert,
            access_license,
            release,
            seats,
            seat_changes,
            monitor_app,
            version,
            alert,
        } = &self.templates;
        let templates = [
            server_license,
            server_license_alert,
            access_license,
            release,
            seats,
            seat_changes,
            monitor_app,
            version,
            alert,
        ];
        templates.into_iter().flatten().for_each(|template| template.secrets(forms));
    }

    fn in_clear(&self) -> Vec<(&'static str, String)> {
        let clear = self.tls.is_none() && !http::is_this_machine(&self.host);
        let auth = self.auth.iter().filter(|auth| clear && auth.password.is_some());
        auth.map(|_| {
            ("Butler.mqttConfig", format!("the password goes to {} unencrypted", self.host))
        })
        .collect()
    }
}
