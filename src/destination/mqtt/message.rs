//! What an event says on MQTT: topic, payload, retain flag.

use super::link::Message;
use crate::config::settings::MqttTopics;
use crate::event::{Body, Event};

/// Translates events. Pure.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    pub(super) topics: MqttTopics,
    /// Topics are per site.
    pub(super) named_sites: bool,
}

impl Messages {
    /// State topics are retained, so that whoever subscribes later learns the state at once.
    /// Alerts are not: an old alert must not greet each new subscriber.
    pub(super) fn of(&self, event: &Event) -> Message {
        let (topic, payload, retain) = match &event.body {
            Body::ServerLicenseStatus(_) => (&self.topics.server_license, state(event), true),
            Body::AccessLicenseStatus(_) => (&self.topics.access_license, state(event), true),
            Body::ServerLicenseExpiring(_)
            | Body::ServerLicenseExpired(_)
            | Body::ServerLicenseProblem(_) => {
                (&self.topics.server_license_alert, alert(event), false)
            }
        };
        Message { topic: self.topic(topic, &event.site), payload, retain }
    }

    fn topic(&self, topic: &str, site: &str) -> String {
        if !self.named_sites {
            return topic.to_owned();
        }
        let level = level(site);
        if topic.contains("{site}") {
            topic.replace("{site}", &level)
        } else {
            format!("{topic}/{level}")
        }
    }
}

/// A site's name as one level of a topic: wildcards, separators and control characters, which a
/// broker would refuse or misread, become underscores.
fn level(site: &str) -> String {
    site.chars()
        .map(|c| if matches!(c, '/' | '+' | '#') || c.is_control() { '_' } else { c })
        .collect()
}

fn state(event: &Event) -> Vec<u8> {
    serde_json::to_vec(&event.body).unwrap_or_default()
}

fn alert(event: &Event) -> Vec<u8> {
    event.kind().as_bytes().to_vec()
}
