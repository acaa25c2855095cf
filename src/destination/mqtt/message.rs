//! What an event says on MQTT: topic, payload, retain flag.

use super::link::Message;
use tracing::error;

use crate::destination::mqtt::settings::{MqttTemplates, MqttTopics};
use crate::destination::payload;
use crate::destination::template::{self, Template};
use crate::event::{Event, Nature, Topic};

/// By topic, where the settings have one.
#[derive(Debug, Default)]
pub(super) struct Templates {
    server_license: Option<Template>,
    server_license_alert: Option<Template>,
    access_license: Option<Template>,
    release: Option<Template>,
    seats: Option<Template>,
    seat_changes: Option<Template>,
    monitor_app: Option<Template>,
    version: Option<Template>,
    alert: Option<Template>,
}

impl Templates {
    /// # Errors
    /// When one is no Handlebars: they were tried when the settings were loaded.
    pub(super) fn new(settings: &MqttTemplates) -> Result<Self, template::Error> {
        let compile =
            |source: &Option<template::Source>| source.as_ref().map(Template::compile).transpose();
        Ok(Self {
            server_license: compile(&settings.server_license)?,
            server_license_alert: compile(&settings.server_license_alert)?,
            access_license: compile(&settings.access_license)?,
            release: compile(&settings.release)?,
            seats: compile(&settings.seats)?,
            seat_changes: compile(&settings.seat_changes)?,
            monitor_app: compile(&settings.monitor_app)?,
            version: compile(&settings.version)?,
            alert: compile(&settings.alert)?,
        })
    }

    fn of(&self, topic: Topic) -> Option<&Template> {
        let template = match topic {
            Topic::ServerLicense => &self.server_license,
            Topic::ServerLicenseAlert => &self.server_license_alert,
            Topic::AccessLicense => &self.access_license,
            Topic::Release => &self.release,
            Topic::Seats => &self.seats,
            Topic::SeatChanges => &self.seat_changes,
            Topic::MonitorApp => &self.monitor_app,
            Topic::Version => &self.version,
            Topic::Alert => &self.alert,
            Topic::Daemon => return None,
        };
        template.as_ref()
    }
}

/// Translates events.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) topics: MqttTopics,
    pub(super) templates: Templates,
    /// Topics are per site.
    pub(super) named_sites: bool,
}

impl Messages {
    /// States are retained, so that whoever subscribes later learns them at once. Nothing else is: an
    /// old alert must not greet each new subscriber.
    pub(super) fn of(&self, event: &Event) -> Message {
        let kind = event.kind();
        let payload = self.rendered(event).unwrap_or_else(|| match kind.topic() {
            // Plain text, as Butler's are.
            Topic::ServerLicenseAlert => {
                payload::alert_text(event).unwrap_or_default().into_bytes()
            }
            _ => self.json(event),
        });
        Message {
            topic: self.topic(self.written(kind.topic()), &event.site),
            payload,
            retain: kind.nature() == Nature::State,
        }
    }

    /// The topic as the settings have it.
    fn written(&self, topic: Topic) -> &str {
        match topic {
            Topic::ServerLicense => &self.topics.server_license,
            Topic::ServerLicenseAlert => &self.topics.server_license_alert,
            Topic::AccessLicense => &self.topics.access_license,
            Topic::Release => &self.topics.release,
            Topic::Seats => &self.topics.seats,
            Topic::SeatChanges => &self.topics.seat_changes,
            Topic::MonitorApp => &self.topics.monitor_app,
            Topic::Version => &self.topics.version,
            Topic::Alert => &self.topics.alert,
            // The queue takes none.
            Topic::Daemon => "bursar/daemon",
        }
    }

    /// The payload by the topic's template. When that fails the event goes out as built in: losing
    /// it would be worse.
    fn rendered(&self, event: &Event) -> Option<Vec<u8>> {
        match self.templates.of(event.kind().topic())?.render(event) {
            Ok(text) => Some(text.into_bytes()),
            Err(why) => {
                error!(
                    destination = "mqtt",
                    event = event.id,
                    why = %why,
                    "a template failed: the event is sent in the built-in form"
                );
                None
            }
        }
    }

    fn json(&self, event: &Event) -> Vec<u8> {
        let json = payload::json(event, self.named_sites);
        serde_json::to_vec(&json).expect("a JSON map has text keys")
    }

    /// `{site}` is replaced wherever it stands; named sites are appended where it doesn't.
    fn topic(&self, topic: &str, site: &str) -> String {
        let level = level(site);
        if topic.contains("{site}") {
            topic.replace("{site}", &level)
        } else if self.named_sites {
            format!("{topic}/{level}")
        } else {
            topic.to_owned()
        }
    }
}

/// A site's name as one level of a topic: wildcards, separators and control characters, which a
/// broker would refuse or misread, become underscores.
pub(super) fn level(site: &str) -> String {
    site.chars()
        .map(|c| if matches!(c, '/' | '+' | '#') || c.is_control() { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    fn messages(named_sites: bool) -> Messages {
        let topics = MqttTopics {
            server_license: "state".into(),
            server_license_alert: "alert".into(),
            access_license: "access".into(),
            release: "release".into(),
            seats: "seats".into(),
            seat_changes: "changes".into(),
            monitor_app: "app".into(),
            version: "version".into(),
            alert: "alerts".into(),
        };
        Messages { topics, templates: Templates::default(), named_sites }
    }

    #[test]
    fn one_site_keeps_the_topic_as_it_is() {
        assert_eq!(messages(false).topic("qlik/license", "default"), "qlik/license");
        assert_eq!(messages(false).topic("{site}/license", "default"), "default/license");
    }

    #[test]
    fn named_sites_are_put_in_or_appended() {
        assert_eq!(messages(true).topic("qlik/license", "prod"), "qlik/license/prod");
        assert_eq!(messages(true).topic("qlik/{site}/license", "prod"), "qlik/prod/license");
    }

    #[test]
    fn a_site_name_can_be_no_wildcard_and_no_two_levels() {
        assert_eq!(level("a/b+c#d\u{0}é"), "a_b_c_d_é");
    }

    #[test]
    fn a_topics_template_makes_its_payloads_and_no_others() {
        let source = template::Source {
            name: "test".into(),
            text: "{{upper alert.severity}}: {{alert.text}}{{#if (has alert.facts.nope)}}{{nope}}{{/if}}".into(),
            format: template::Format::Text,
            values: vec![],
            zone: chrono_tz::Tz::UTC,
        };
        let settings =
            MqttTemplates { server_license_alert: Some(source), ..MqttTemplates::default() };
        let templates = Templates::new(&settings).unwrap();
        let (own, plain) = (Messages { templates, ..messages(true) }, messages(true));
        let mut changed = Vec::new();
        for event in template::samples::all() {
            let (own, plain) = (own.of(&event), plain.of(&event));
            assert_eq!((&own.topic, own.retain), (&plain.topic, plain.retain));
            if own.payload != plain.payload {
                let text = String::from_utf8(own.payload).unwrap();
                let (severity, rest) = text.split_once(": ").unwrap();
                assert_eq!(rest.as_bytes(), plain.payload);
                changed.push((event.kind().as_str(), severity.to_owned()));
            }
        }
        changed.dedup();
        let changed: Vec<_> = changed.iter().map(|(kind, word)| (*kind, word.as_str())).collect();
        assert_eq!(
            changed,
            [
                ("serverLicenseExpiring", "WARNING"),
                ("serverLicenseExpired", "CRITICAL"),
                ("serverLicenseProblem", "WARNING"),
                ("serverLicenseProblem", "CRITICAL"),
            ]
        );
    }

    #[test]
    fn an_event_that_a_template_fails_on_goes_out_as_built_in() {
        let source = template::Source {
            name: "test".into(),
            text: "{{nope}}".into(),
            format: template::Format::Text,
            values: vec![],
            zone: chrono_tz::Tz::UTC,
        };
        let settings = MqttTemplates { alert: Some(source), ..MqttTemplates::default() };
        let templates = Templates::new(&settings).unwrap();
        let (own, plain) = (Messages { templates, ..messages(false) }, messages(false));
        let alerts = template::samples::all();
        let alerts: Vec<_> = alerts.iter().filter(|e| e.kind() == Kind::Alert).collect();
        assert!(!alerts.is_empty());
        for event in alerts {
            assert_eq!(own.of(event).payload, plain.of(event).payload);
        }
    }
}
