//! The one list of destinations.

use std::sync::Arc;

use super::Destination;
use super::influxdb::InfluxDb;
use super::mqtt::Mqtt;
use super::webhook::Webhook;
use crate::config::Settings;

/// Builds every destination that is switched on, in a fixed order. Spawns nothing.
pub fn build(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Destination>>> {
    let mut list: Vec<Arc<dyn Destination>> = Vec::new();
    if let Some(influxdb) = &settings.influxdb {
        list.push(Arc::new(InfluxDb::new(influxdb, settings)?));
    }
    if let Some(mqtt) = &settings.mqtt {
        list.push(Arc::new(Mqtt::new(mqtt, settings)?));
    }
    for webhook in &settings.webhooks {
        list.push(Arc::new(Webhook::new(webhook, settings)?));
    }
    Ok(list)
}
