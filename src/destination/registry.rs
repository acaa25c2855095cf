//! The one list of destinations: their sections in the settings, what is set up, and how it is built.
//! Adding one is a line in each of `Sections`, [`Configured`] and the two functions below it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mending::Mending;
use super::settings::{CertificateFile, CertificateRole};
use super::{Destination, email, influxdb, mqtt, webhook};
use crate::event::route::Routes;
use crate::event::{Channel, Queue};
use crate::secret::Forms;
use crate::settings::{At, Check};
use crate::words::Locale;

// The sections below `Butler`, as they are written. A doc comment would describe `Butler`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Sections {
    /// InfluxDB 1.x, 2.x or 3.x.
    influx_db: influxdb::raw::InfluxDb,
    /// An MQTT broker.
    mqtt_config: mqtt::raw::MqttConfig,
    /// Webhooks: HTTP calls to anything.
    webhook_notification: webhook::raw::WebhookNotification,
    /// E-mail by SMTP. Butler's own section, `emailNotification`, is about tasks and stays unused.
    #[schemars(extend("x-bursar" = true))]
    email: email::raw::Email,
}

/// What is set up. Events are offered in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configured {
    pub influxdb: Option<influxdb::settings::InfluxDb>,
    pub mqtt: Option<mqtt::settings::Mqtt>,
    pub email: Option<email::settings::Email>,
    pub webhooks: Vec<webhook::settings::Webhook>,
    /// Switched on, and without something that their settings refer to.
    pub waiting: Vec<Waiting>,
}

/// A destination of which it isn't known how to reach it, since something that its settings refer to isn't
/// there. Its events are queued.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub queue: Queue,
    /// What is missing.
    pub why: String,
}

/// From the sections to what is set up. Pure.
pub(crate) fn validate(check: &Check<'_>, butler: &At<'_>) -> Configured {
    let section = |channel: Channel| butler.get(channel.section());
    let (webhooks, waiting) = webhook::validate::settings(check, &section(Channel::Webhook));
    let mut configured = Configured {
        influxdb: influxdb::validate::settings(check, &section(Channel::InfluxDb)),
        mqtt: mqtt::validate::settings(check, &section(Channel::Mqtt)),
        email: email::validate::settings(check, &section(Channel::Email)),
        webhooks,
        waiting,
    };
    let whole = |channel: Channel| -> Option<String> {
        let at = section(channel);
        let enable = at.get("enable");
        check.missing_in(&at).filter(|_| enable.broken || enable.read::<bool>())
    };
    if let Some(why) = whole(Channel::InfluxDb) {
        configured.influxdb = None;
        configured.waiting.push(Waiting { queue: influxdb::settings::queue(), why });
    }
    if let Some(why) = whole(Channel::Mqtt) {
        configured.mqtt = None;
        configured.waiting.push(Waiting { queue: mqtt::settings::queue(), why });
    }
    if let Some(why) = whole(Channel::Email) {
        configured.email = None;
        configured.waiting.push(Waiting { queue: email::settings::queue(), why });
    }
    configured
}

impl Configured {
    fn each(&self) -> [&dyn SetUp; Channel::ALL.len()] {
        let Self { influxdb, mqtt, email, webhooks, waiting: _ } = self;
        [influxdb, mqtt, email, webhooks]
    }

    /// The same for a command that runs while the daemon does: it takes over no session of the
    /// daemon's, and says nothing in its name.
    #[must_use]
    pub fn beside_a_daemon(&self) -> Self {
        let mut beside = self.clone();
        if let Some(mqtt) = &mut beside.mqtt {
            mqtt.beside_a_daemon();
        }
        beside
    }

    /// What is missing of a channel that is switched on.
    pub fn missing(&self, channel: Channel) -> Option<&str> {
        let waiting = self.waiting.iter().find(|waiting| waiting.queue.channel == channel);
        waiting.map(|waiting| waiting.why.as_str())
    }

    /// The files with certificates that destinations name.
    pub(crate) fn certificates(&self) -> Vec<CertificateFile<'_>> {
        self.each().into_iter().flat_map(SetUp::certificates).collect()
    }

    /// Credentials that go to another machine without encryption.
    pub fn in_clear(&self) -> Vec<(&'static str, String)> {
        self.each().into_iter().flat_map(SetUp::in_clear).collect()
    }

    /// What destinations are sent and nobody may see.
    pub(crate) fn secrets(&self, forms: &mut Forms) {
        self.each().into_iter().for_each(|set_up| set_up.secrets(forms));
    }
}

/// What a destination's validated settings tell of it.
pub(crate) trait SetUp {
    /// Its queues. Pure.
    fn queues(&self) -> Vec<Queue>;

    /// Makes the one of a queue, by its place among the queues. May read files and make clients, but
    /// spawns nothing.
    fn build(&self, n: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>>;

    /// The files with certificates that it names.
    fn certificates(&self) -> Vec<CertificateFile<'_>>;

    /// What it sends and nobody may see.
    fn secrets(&self, forms: &mut Forms);

    /// What of that goes to another machine without encryption, each as the setting and a sentence.
    fn in_clear(&self) -> Vec<(&'static str, String)>;
}

/// Of a destination that is off there is nothing.
impl<T: SetUp> SetUp for Option<T> {
    fn queues(&self) -> Vec<Queue> {
        self.iter().flat_map(SetUp::queues).collect()
    }

    fn build(&self, n: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>> {
        self.as_ref().context("it is off")?.build(n, surroundings)
    }

    fn certificates(&self) -> Vec<CertificateFile<'_>> {
        self.iter().flat_map(SetUp::certificates).collect()
    }

    fn secrets(&self, forms: &mut Forms) {
        self.iter().for_each(|set_up| set_up.secrets(forms));
    }

    fn in_clear(&self) -> Vec<(&'static str, String)> {
        self.iter().flat_map(SetUp::in_clear).collect()
    }
}

/// All that makes a destination what it is: of two that are equal, the one that runs can stay.
#[derive(PartialEq)]
enum Made<'a> {
    InfluxDb(&'a influxdb::settings::InfluxDb, &'a Routes),
    Mqtt(&'a mqtt::settings::Mqtt, bool),
    Email(&'a email::settings::Email, bool, Tz, Locale),
    Webhook(&'a webhook::settings::Webhook, bool),
    Waiting(&'a Waiting),
}

impl Configured {
    /// Whether the destination of a queue is made of the same as in other settings.
    pub fn is_same(&self, id: &str, around: &Surroundings, other: (&Self, &Surroundings)) -> bool {
        self.made(id, around) == other.0.made(id, other.1)
    }

    fn made<'a>(&'a self, id: &str, around: &'a Surroundings) -> Option<Made<'a>> {
        let Self { influxdb, mqtt, email, webhooks, waiting } = self;
        let named = around.routes.named_sites;
        let is_its = |set_up: &dyn SetUp| set_up.queues().iter().any(|queue| queue.id == id);
        let webhook = || webhooks.queues().iter().position(|queue| queue.id == id);
        None.or_else(|| {
            influxdb
                .as_ref()
                .filter(|_| is_its(influxdb))
                .map(|of| Made::InfluxDb(of, &around.routes))
        })
        .or_else(|| mqtt.as_ref().filter(|_| is_its(mqtt)).map(|of| Made::Mqtt(of, named)))
        .or_else(|| {
            email
                .as_ref()
                .filter(|_| is_its(email))
                .map(|of| Made::Email(of, named, around.time_zone, around.locale))
        })
        .or_else(|| webhook().map(|n| Made::Webhook(&webhooks[n], named)))
        .or_else(|| waiting.iter().find(|waiting| waiting.queue.id == id).map(Made::Waiting))
    }

    /// The files with certificates that the destination of a queue uses, and maybe those of its kind.
    pub fn certificate_files(&self, id: &str) -> Vec<PathBuf> {
        let of =
            self.each().into_iter().filter(|set_up| set_up.queues().iter().any(|q| q.id == id));
        let named = of.flat_map(SetUp::certificates);
        let files = named.flat_map(|named| match named.role {
            CertificateRole::Client { key, .. } => vec![named.file.to_owned(), key.to_owned()],
            CertificateRole::Authority => vec![named.file.to_owned()],
        });
        files.collect()
    }
}

/// Builds the destination of a queue. One without something that its settings refer to is there all the same.
///
/// # Errors
/// Why it can't be set up.
pub fn build_one(
    configured: &Configured,
    id: &str,
    surroundings: &Surroundings,
) -> anyhow::Result<Arc<dyn Destination>> {
    for set_up in configured.each() {
        if let Some(n) = set_up.queues().iter().position(|queue| queue.id == id) {
            return set_up.build(n, surroundings);
        }
    }
    let waiting = configured.waiting.iter().find(|waiting| waiting.queue.id == id);
    Ok(waiting.context("the settings do not have it")?.wait())
}

impl Waiting {
    /// Its events wait until other settings are in force.
    fn wait(&self) -> Arc<dyn Destination> {
        let why = self.why.clone();
        Arc::new(Mending::new(self.queue.clone(), Box::new(move || anyhow::bail!("{why}"))))
    }
}

/// What destinations know of the rest of the settings.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub routes: Routes,
    /// Times in e-mails are told in it.
    pub time_zone: Tz,
    /// Numbers and days in e-mails are told so.
    pub locale: Locale,
    pub installation: Installation,
}

/// What tells this installation from all others that send to the same places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// This computer's name.
    pub host: String,
    /// Kept beside the store; `None` before the daemon ran for the first time.
    pub id: Option<String>,
}

/// The queues of every destination that is switched on. Pure.
pub fn queues(configured: &Configured) -> Vec<Queue> {
    let waiting = configured.waiting.iter().map(|waiting| waiting.queue.clone());
    configured.each().into_iter().flat_map(SetUp::queues).chain(waiting).collect()
}

/// Builds every destination that is switched on, in a fixed order. Spawns nothing.
///
/// One that can't be set up is there all the same: its events wait, and it is tried again with each
/// delivery.
pub fn build(configured: &Configured, surroundings: &Surroundings) -> Vec<Arc<dyn Destination>> {
    let mut list: Vec<Arc<dyn Destination>> = Vec::new();
    for (kind, set_up) in configured.each().into_iter().enumerate() {
        for (n, queue) in set_up.queues().into_iter().enumerate() {
            list.push(set_up.build(n, surroundings).unwrap_or_else(|error| {
                let (id, title) = (&queue.id, &queue.title);
                tracing::error!(queue = id, "{title} can't be set up, its events wait: {error}");
                let (configured, surroundings) = (configured.clone(), surroundings.clone());
                let again = move || configured.each()[kind].build(n, &surroundings);
                Arc::new(Mending::new(queue, Box::new(again)))
            }));
        }
    }
    for waiting in &configured.waiting {
        let Waiting { queue, why } = waiting;
        let (id, title) = (&queue.id, &queue.title);
        tracing::error!(queue = id, "{title} can't be set up, its events wait: {why}");
        list.push(waiting.wait());
    }
    list
}
