//! The one list of destinations.

use std::sync::Arc;

use super::Destination;
use super::email::Email;
use super::influxdb::InfluxDb;
use super::mqtt::Mqtt;
use super::webhook::{self, Webhook};
use crate::config::Settings;

/// The queue names of every destination that is switched on, with what a person calls each. Pure.
pub fn names(settings: &Settings) -> Vec<(String, String)> {
    let influxdb = settings.influxdb.as_ref().map(|_| ("influxdb".into(), "InfluxDB".into()));
    let mqtt = settings.mqtt.as_ref().map(|_| ("mqtt".into(), "MQTT".into()));
    let email = settings.email.as_ref().map(|_| ("email".into(), "e-mail".into()));
    let webhooks = settings.webhooks.iter().map(webhook::names);
    influxdb.into_iter().chain(mqtt).chain(email).chain(webhooks).collect()
}

/// Builds every destination that is switched on, in a fixed order. Spawns nothing.
pub fn build(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Destination>>> {
    let mut list: Vec<Arc<dyn Destination>> = Vec::new();
    if let Some(influxdb) = &settings.influxdb {
        list.push(Arc::new(InfluxDb::new(influxdb, settings)?));
    }
    if let Some(mqtt) = &settings.mqtt {
        list.push(Arc::new(Mqtt::new(mqtt, settings)?));
    }
    if let Some(email) = &settings.email {
        list.push(Arc::new(Email::new(email, settings)?));
    }
    for webhook in &settings.webhooks {
        list.push(Arc::new(Webhook::new(webhook, settings)?));
    }
    Ok(list)
}
