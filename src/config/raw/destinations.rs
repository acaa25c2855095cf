//! The switches by which a monitor sends to a destination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NameValue;

/// Where a monitor's data goes.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Destination {
    /// To InfluxDB, set up in `influxDb`.
    pub(in crate::config) influx_db: InfluxDbSwitch,
    /// To the MQTT broker, set up in `mqttConfig`.
    pub(in crate::config) mqtt: Switch,
    /// To webhooks, set up in `webhookNotification`.
    pub(in crate::config) webhook: Switch,
    /// By e-mail, set up in `email`.
    #[schemars(extend("x-bursar" = true))]
    pub(in crate::config) email: Switch,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct InfluxDbSwitch {
    /// Store each poll's data in InfluxDB.
    pub(in crate::config) enable: bool,
    /// Tags of these points.
    pub(in crate::config) tag: StaticTags,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct StaticTags {
    /// Tags with a fixed value.
    #[serde(rename = "static")]
    pub(in crate::config) fixed: Vec<NameValue>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Switch {
    /// Off: neither recurring data nor alerts are sent there.
    pub(in crate::config) enable: bool,
    /// Each poll's data.
    pub(in crate::config) send_recurring: Enable,
    /// Alerts.
    pub(in crate::config) send_alert: Enable,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Enable {
    /// Switches it on.
    pub(in crate::config) enable: bool,
}
