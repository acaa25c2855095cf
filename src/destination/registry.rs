//! The one list of destinations.

use std::sync::Arc;

use chrono_tz::Tz;

use super::Destination;
use super::email::Email;
use super::influxdb::InfluxDb;
use super::mqtt::Mqtt;
use super::route::Routes;
use super::webhook::{self, Webhook};
use crate::event::Channel;

/// What is set up, and what goes to it.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    pub influxdb: Option<super::influxdb::settings::InfluxDb>,
    pub mqtt: Option<super::mqtt::settings::Mqtt>,
    pub email: Option<super::email::settings::Email>,
    pub webhooks: Vec<super::webhook::settings::Webhook>,
    pub routes: Routes,
    /// Times in e-mails are told in it.
    pub time_zone: Tz,
}

/// The queue names of every destination that is switched on, with what a person calls each. Pure.
pub fn names(configured: &Configured) -> Vec<(String, String)> {
    let named = |channel: Channel| (channel.as_str().to_owned(), channel.title().to_owned());
    let influxdb = configured.influxdb.as_ref().map(|_| named(Channel::InfluxDb));
    let mqtt = configured.mqtt.as_ref().map(|_| named(Channel::Mqtt));
    let email = configured.email.as_ref().map(|_| named(Channel::Email));
    let webhooks = configured.webhooks.iter().map(webhook::names);
    influxdb.into_iter().chain(mqtt).chain(email).chain(webhooks).collect()
}

/// Builds every destination that is switched on, in a fixed order. Spawns nothing.
pub fn build(configured: &Configured) -> anyhow::Result<Vec<Arc<dyn Destination>>> {
    let mut list: Vec<Arc<dyn Destination>> = Vec::new();
    let routes = || configured.routes.clone();
    if let Some(influxdb) = &configured.influxdb {
        list.push(Arc::new(InfluxDb::new(influxdb, routes())?));
    }
    if let Some(mqtt) = &configured.mqtt {
        list.push(Arc::new(Mqtt::new(mqtt, routes())?));
    }
    if let Some(email) = &configured.email {
        list.push(Arc::new(Email::new(email, routes(), configured.time_zone)?));
    }
    for webhook in &configured.webhooks {
        list.push(Arc::new(Webhook::new(webhook, routes())?));
    }
    Ok(list)
}
