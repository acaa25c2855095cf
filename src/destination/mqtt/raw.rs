//! `mqttConfig`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::template::raw::PayloadTemplate;
use crate::settings::SecretText;

/// Butler's settings in this section that Bursar doesn't have: accepted, never read.
const BUTLERS: &[&str] = &[
    "taskFailureSendFull",
    "taskAbortedSendFull",
    "subscriptionRootTopic",
    "taskStartTopic",
    "taskFailureTopic",
    "taskFailureFullTopic",
    "taskFailureServerStatusTopic",
    "taskAbortedTopic",
    "taskAbortedFullTopic",
    "serviceRunningTopic",
    "serviceStoppedTopic",
    "serviceStatusTopic",
    "qlikSenseCloud",
];

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-butlers" = BUTLERS))]
pub(crate) struct MqttConfig {
    /// Publish to an MQTT broker.
    pub(crate) enable: bool,
    /// Name or IP address of the broker, without `mqtt://`.
    #[schemars(example = &"mqtt.example.com")]
    pub(crate) broker_host: String,
    /// Port of the broker. Default 1883; brokers usually take TLS on 8883.
    #[schemars(range(min = 1, max = 65535), extend("x-noun" = "a port"))]
    pub(crate) broker_port: i64,
    /// Azure Event Grid's broker: MQTT 5 over TLS with a client certificate.
    pub(crate) azure_event_grid: AzureEventGrid,
    /// Version of the protocol: `3.1.1` or `5`, in quotes. Default `3.1.1`, which every broker
    /// speaks. With `azureEventGrid` always `5`.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) protocol_version: ProtocolVersion,
    /// Name of this client at the broker, unique there. Empty: `bursar-`, the beginning of this
    /// computer's name and an id that is kept beside the store, so that no two installations share it.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) client_id: String,
    /// User name. Empty: no login.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) username: String,
    /// Password.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) password: SecretText,
    /// Seconds between signs of life. Default 30: the broker says `offline` for a lost
    /// client after one and a half times this.
    #[schemars(range(min = 5, max = 65535), extend("x-bursar" = true))]
    pub(crate) keep_alive_seconds: i64,
    /// TLS to the broker.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) tls: MqttTls,
    /// Topic of the server license's recurring data.
    pub(crate) qlik_sense_server_license_topic: String,
    /// Topic of the server license's alerts.
    pub(crate) qlik_sense_server_license_expire_topic: String,
    /// Topic of the access licenses' recurring data.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_license_topic: String,
    /// Topic for what is told of releases: seats released, announced, withdrawn, allocated again, runs
    /// and refusals, as JSON. Not retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) qlik_sense_license_release_topic: String,
    /// Topic of how the seats are used, retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_seat_topic: String,
    /// Topic of what changed with seats: allocated, released, moved ... Not retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_seat_change_topic: String,
    /// Topic of the state of Qlik's License Monitor app, retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_monitor_app_topic: String,
    /// Topic of the version of Qlik Sense, retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_version_topic: String,
    /// Topic of the alerts of all rules but the server license's, as JSON. Not retained.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_alert_topic: String,
    /// Topic that says whether Bursar runs: `online` or `offline`, retained. Default
    /// `ROOT/bursar/status/NAME`: the root is that of the first topic above that is configured
    /// (`bursar/status/NAME` without one), the name is this computer's with an id that is kept beside
    /// the store. Empty: no status is sent.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) status_topic: Option<String>,
    /// Older name of `statusTopic`, read where that one is not written.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) bursar_status_topic: String,
    /// Templates of payloads, by topic, in the place of the built-in ones. See docs/templates.md.
    #[schemars(extend("x-bursar" = true))]
    pub(crate) templates: MqttTemplates,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MqttTemplates {
    /// Of `qlikSenseServerLicenseTopic`.
    pub(crate) qlik_sense_server_license: PayloadTemplate,
    /// Of `qlikSenseServerLicenseExpireTopic`. Here `contentType` is `text/plain` by default.
    pub(crate) qlik_sense_server_license_expire: PayloadTemplate,
    /// Of `qlikSenseLicenseTopic`.
    pub(crate) qlik_sense_license: PayloadTemplate,
    /// Of `qlikSenseLicenseReleaseTopic`.
    pub(crate) qlik_sense_license_release: PayloadTemplate,
    /// Of `bursarSeatTopic`.
    pub(crate) bursar_seat: PayloadTemplate,
    /// Of `bursarSeatChangeTopic`.
    pub(crate) bursar_seat_change: PayloadTemplate,
    /// Of `bursarMonitorAppTopic`.
    pub(crate) bursar_monitor_app: PayloadTemplate,
    /// Of `bursarVersionTopic`.
    pub(crate) bursar_version: PayloadTemplate,
    /// Of `bursarAlertTopic`.
    pub(crate) bursar_alert: PayloadTemplate,
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            enable: false,
            broker_host: String::new(),
            broker_port: 1883,
            azure_event_grid: AzureEventGrid::default(),
            protocol_version: ProtocolVersion::V311,
            client_id: String::new(),
            username: String::new(),
            password: SecretText::default(),
            keep_alive_seconds: 30,
            tls: MqttTls::default(),
            qlik_sense_server_license_topic: "bursar/server_license".to_owned(),
            qlik_sense_server_license_expire_topic: "bursar/server_license_alert".to_owned(),
            qlik_sense_license_topic: "bursar/access_license".to_owned(),
            qlik_sense_license_release_topic: "bursar/release".to_owned(),
            bursar_seat_topic: "bursar/seats".to_owned(),
            bursar_seat_change_topic: "bursar/seat_changes".to_owned(),
            bursar_monitor_app_topic: "bursar/license_monitor_app".to_owned(),
            bursar_version_topic: "bursar/qlik_sense_version".to_owned(),
            bursar_alert_topic: "bursar/alert".to_owned(),
            status_topic: None,
            bursar_status_topic: String::new(),
            templates: MqttTemplates::default(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AzureEventGrid {
    /// Use Azure Event Grid's settings in place of `clientId`, `username`, `protocolVersion` and
    /// `tls`.
    pub(crate) enable: bool,
    /// Client id, used as the user name too.
    pub(crate) client_id: String,
    /// Client certificate, PEM.
    pub(crate) client_cert_file: String,
    /// Its private key, PEM.
    pub(crate) client_key_file: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ProtocolVersion {
    #[serde(rename = "3.1.1")]
    V311,
    #[serde(rename = "5")]
    V5,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MqttTls {
    /// Encrypt the connection.
    pub(crate) enable: bool,
    /// Certificate authority of the broker, PEM. Empty: those the operating system trusts.
    #[serde(rename = "certCA")]
    pub(crate) cert_ca: String,
    /// Client certificate, PEM. Empty: none.
    pub(crate) client_cert: String,
    /// Its private key, PEM.
    pub(crate) client_key: String,
    /// Verify the broker's certificate.
    pub(crate) reject_unauthorized: bool,
    /// The name in the broker's certificate, when it isn't `brokerHost`.
    pub(crate) server_name: String,
}

impl Default for MqttTls {
    fn default() -> Self {
        Self {
            enable: false,
            cert_ca: String::new(),
            client_cert: String::new(),
            client_key: String::new(),
            reject_unauthorized: true,
            server_name: String::new(),
        }
    }
}
