//! The kinds of destinations: the one list, with their words.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A kind of destination. Its word ([`Channel::as_str`]) is also what serde writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    InfluxDb,
    Mqtt,
    Webhook,
    /// The last one: [`Channel::ALL`] counts on it.
    Email,
}

/// What a kind is called.
struct Words {
    /// In alert rules, stored alerts and before the `/` of a queue's name. Stored, so it never
    /// changes.
    word: &'static str,
    /// In the `destination` section of a monitor.
    key: &'static str,
    /// Its own section below `Butler`.
    section: &'static str,
    /// For people.
    title: &'static str,
    /// How something gets there.
    to: &'static str,
    /// Where in it alerts get to, where they have a place of their own.
    alerts_to: Option<&'static str>,
}

impl Channel {
    /// All of them, in the order of the settings.
    pub const ALL: [Self; Self::Email as usize + 1] =
        [Self::InfluxDb, Self::Mqtt, Self::Webhook, Self::Email];

    const fn words(self) -> Words {
        match self {
            Self::InfluxDb => Words {
                word: "influxdb",
                key: "influxDb",
                section: "influxDb",
                title: "InfluxDB",
                to: "To InfluxDB",
                alerts_to: Some("To InfluxDB, measurement `bursar_alert`."),
            },
            Self::Mqtt => Words {
                word: "mqtt",
                key: "mqtt",
                section: "mqttConfig",
                title: "MQTT",
                to: "To the MQTT broker",
                alerts_to: Some("To the MQTT broker, topic `bursarAlertTopic`."),
            },
            Self::Webhook => Words {
                word: "webhook",
                key: "webhook",
                section: "webhookNotification",
                title: "webhooks",
                to: "To webhooks",
                alerts_to: Some("To the webhooks of `webhookNotification.qlikSenseAlert`."),
            },
            Self::Email => Words {
                word: "email",
                key: "email",
                section: "email",
                title: "e-mail",
                to: "By e-mail",
                alerts_to: None,
            },
        }
    }

    /// The word in alert rules and in the names of queues.
    pub fn as_str(self) -> &'static str {
        self.words().word
    }

    /// The key in the `destination` section of a monitor.
    pub fn key(self) -> &'static str {
        self.words().key
    }

    /// The section below `Butler` in which it is set up.
    pub fn section(self) -> &'static str {
        self.words().section
    }

    /// For people.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// What the key in a `destination` section means.
    pub fn described(self) -> String {
        let Words { to, section, .. } = self.words();
        format!("{to}, set up in `{section}`.")
    }

    /// The same where only alerts are sent.
    pub fn described_for_alerts(self) -> String {
        self.words().alerts_to.map_or_else(|| self.described(), str::to_owned)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By hand: an enum's doc comments would say more than its words.
impl JsonSchema for Channel {
    fn schema_name() -> Cow<'static, str> {
        "Channel".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_channel() {
        for channel in Channel::ALL {
            let word = channel.as_str();
            assert_eq!(serde_json::to_value(channel).unwrap(), word);
            assert_eq!(serde_json::from_value::<Channel>(word.into()).unwrap(), channel);
        }
    }

    #[test]
    fn no_two_channels_share_a_word() {
        type Word = fn(Channel) -> &'static str;
        let words: [Word; 4] = [Channel::as_str, Channel::key, Channel::section, Channel::title];
        for word in words {
            let all: std::collections::BTreeSet<_> = Channel::ALL.map(word).into();
            assert_eq!(all.len(), Channel::ALL.len(), "{all:?}");
        }
    }
}
