//! Events on MQTT 3.1.1 and 5.
//!
//! An event counts as delivered when its PUBACK was seen. State topics are retained, alerts are
//! not. The status topic says `online` while Bursar is connected and `offline` otherwise (last
//! will); a broker that does not allow it gets everything else all the same. The session is clean: Bursar subscribes to nothing, and what was not acknowledged comes
//! again from the outbox, so there is nothing a broker would have to remember.

mod complaints;
mod connection;
mod failure;
mod flight;
mod identity;
mod link;
mod message;
mod probe;
pub(crate) mod raw;
pub mod settings;
mod tap;
mod turns;
mod v311;
mod v5;
pub(crate) mod validate;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, OFFLINE, Up};
use self::link::{Ack, Message, Notice, Plan, Tls, Will};
use self::message::{Messages, Templates};
use super::{Destination, Outcome, Probe, ProbeFailure, template};
use crate::destination::mqtt::settings::MqttProtocol;
use crate::destination::registry::Installation;
use crate::event::route::Routes;
use crate::event::{Channel, Event};
use crate::tls::{ClientFiles, PemError, Trust, client_config};

/// Why the destination can't be made of its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A certificate or key file can't be used.
    #[error("the TLS settings of mqttConfig can't be used: {0}")]
    Tls(#[from] PemError),
    /// A template was not looked at before.
    #[error("a template of mqttConfig can't be used: {0}")]
    Template(#[from] template::Error),
}

/// The MQTT destination.
pub struct Mqtt {
    plan: Plan,
    connection: Connection,
    messages: Messages,
    status_topic: Option<String>,
    /// `rejectUnauthorized: false`.
    unverified: bool,
    ack_timeout: Duration,
    /// Set after a delivery that did not go through: the next one sends an event only after the
    /// one before was acknowledged. So a message that is not accepted does not drag the ones after
    /// it along at every attempt, and a connection that breaks under load gets on all the same.
    one_by_one: AtomicBool,
}

impl fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt").field("broker", &self.plan.at()).finish_non_exhaustive()
    }
}

impl Mqtt {
    /// Reads the certificate files; connects nowhere before [`run`](Destination::run).
    pub fn new(
        mqtt: &settings::Mqtt,
        routes: Routes,
        installation: &Installation,
    ) -> Result<Self, BuildError> {
        let tls = match &mqtt.tls {
            None => None,
            Some(tls) => Some(Tls {
                config: Arc::new(tls_config(tls)?),
                name: tls.server_name.clone().unwrap_or_else(|| mqtt.host.clone()),
            }),
        };
        let status_topic = identity::status_topic(mqtt, installation);
        let will = |topic: &String| Will { topic: topic.clone(), payload: OFFLINE, retain: true };
        let plan = Plan {
            protocol: mqtt.protocol,
            host: mqtt.host.clone(),
            port: mqtt.port,
            client_id: identity::client_id(mqtt, installation),
            auth: mqtt.auth.clone(),
            keep_alive: mqtt.keep_alive,
            tls,
            will: status_topic.as_ref().map(will),
            connect_timeout: Duration::from_secs(10),
        };
        Ok(Self {
            connection: Connection::new(plan.clone(), status_topic.clone()),
            plan,
            status_topic,
            messages: Messages {
                topics: mqtt.topics.clone(),
                templates: Templates::new(&mqtt.templates)?,
                named_sites: routes.named_sites,
            },
            unverified: mqtt.tls.as_ref().is_some_and(|tls| !tls.reject_unauthorized),
            ack_timeout: Duration::from_secs(10),
            one_by_one: AtomicBool::new(false),
        })
    }

    /// Other limits than 10 s to connect and 10 s for the acknowledgements of a batch.
    #[must_use]
    pub fn with_timeouts(mut self, connect: Duration, ack: Duration) -> Self {
        self.plan.connect_timeout = connect;
        self.connection = Connection::new(self.plan.clone(), self.status_topic.clone());
        self.ack_timeout = ack;
        self
    }

    /// Sends the events and says what became of them, up to the first that must come again; ends
    /// before that one when the connection is lost.
    async fn send(&self, up: &Up, events: &[Event], deadline: Instant) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for handed in self.hand_over(up, events, deadline).await {
            let ack = match handed {
                Handed::Settled(ack) => Ok(ack),
                Handed::Waiting(notice) => tokio::select! {
                    biased;
                    ack = timeout_at(deadline, notice.ack()) => ack,
                    () = up.gone.cancelled() => Ok(Ack::Lost),
                },
            };
            match ack {
                Ok(Ack::Done) => outcomes.push(Outcome::Done),
                Ok(Ack::Never(why)) => outcomes.push(Outcome::Refused { why }),
                Ok(Ack::Later(why)) => {
                    outcomes.push(retry(&why));
                    break;
                }
                Ok(Ack::Lost) => break,
                Err(_) => {
                    // Nothing of this connection may be sent after this: it would come twice and
                    // out of order.
                    up.abandon.cancel();
                    break;
                }
            }
        }
        outcomes
    }

    /// Hands the events over in order, as far as that goes.
    async fn hand_over(&self, up: &Up, events: &[Event], deadline: Instant) -> Vec<Handed> {
        let mut handed = Vec::with_capacity(events.len());
        for event in events {
            let mut message = self.messages.of(event);
            message.retain &= self.connection.retain();
            if let Some(why) = self.too_large(&message, up.granted.max_packet) {
                handed.push(Handed::Settled(Ack::Never(why)));
                continue;
            }
            let notice = tokio::select! {
                notice = timeout_at(deadline, up.publish(message)) => notice,
                () = up.gone.cancelled() => break,
            };
            match notice {
                Ok(Ok(notice)) => handed.push(Handed::Waiting(notice)),
                Ok(Err(why)) => {
                    handed.push(Handed::Settled(Ack::Later(why)));
                    break;
                }
                Err(_) => break,
            }
        }
        handed
    }

    /// Why the message can't be sent to a broker that announced its limit.
    fn too_large(&self, message: &Message, max: Option<u32>) -> Option<String> {
        let Some(size) = message.packet_size(self.plan.protocol) else {
            return Some("the message is larger than the 256 MB of an MQTT packet".to_owned());
        };
        let max = max.filter(|max| size > *max as usize)?;
        Some(format!("the message has {size} bytes, but the broker takes packets up to {max}"))
    }
}

fn retry(why: &str) -> Outcome {
    Outcome::Retry { after: None, why: why.to_owned() }
}

fn is_retry(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Retry { .. }))
}

enum Handed {
    Waiting(Notice),
    Settled(Ack),
}

fn tls_config(tls: &settings::MqttTls) -> Result<rustls::ClientConfig, PemError> {
    let trust = match (&tls.ca_cert, tls.reject_unauthorized) {
        (_, false) => Trust::Anybody,
        (Some(path), true) => Trust::CaFile(path),
        (None, true) => Trust::System,
    };
    let client = tls.client.as_ref().map(|(cert, key)| ClientFiles { cert, key });
    client_config(trust, client)
}

fn version(protocol: MqttProtocol) -> &'static str {
    match protocol {
        MqttProtocol::V311 => "MQTT 3.1.1",
        MqttProtocol::V5 => "MQTT 5",
    }
}

#[async_trait]
impl Destination for Mqtt {
    fn id(&self) -> &str {
        Channel::Mqtt.as_str()
    }

    fn title(&self) -> String {
        format!("{} at {}", version(self.plan.protocol), self.plan.at())
    }

    fn max_batch(&self) -> usize {
        20
    }

    async fn back(&self) {
        self.connection.back().await;
    }

    async fn run(&self, stop: CancellationToken) {
        self.connection.run(stop.clone()).await;
        stop.cancelled().await;
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let up = match self.connection.up().await {
            Ok(up) => up,
            Err(why) => return vec![retry(&why); events.len()],
        };
        let deadline = Instant::now() + self.ack_timeout;
        let window = if self.one_by_one.load(Ordering::Relaxed) { 1 } else { self.max_batch() };
        let mut outcomes = Vec::with_capacity(events.len());
        let mut alone = false;
        for part in events.chunks(window) {
            alone = part.len() == 1;
            let settled = self.send(&up, part, deadline).await;
            let whole = settled.len() == part.len() && !is_retry(settled.last());
            outcomes.extend(settled);
            if !whole {
                break;
            }
        }
        let smooth = outcomes.len() == events.len() && !is_retry(outcomes.last());
        self.one_by_one.store(!smooth, Ordering::Relaxed);
        if outcomes.len() < events.len() && !is_retry(outcomes.last()) {
            // The reason is known once the connection is cleared away.
            let _ = timeout_at(Instant::now() + CLEAR_AWAY, up.gone.cancelled()).await;
            let failure = self.connection.last_failure();
            if let Some(failure) = failure.filter(|f| alone && f.is_final_for_the_message()) {
                outcomes.push(Outcome::Refused { why: failure.what });
            } else if alone {
                outcomes.push(retry(&self.connection.why_down()));
            }
        }
        if outcomes.len() < events.len() {
            // Whatever follows the first that must come again comes again too, acknowledged or
            // not: else an older state would overwrite a newer one.
            let why = if alone || is_retry(outcomes.last()) {
                "an earlier event of the batch has to be sent again".to_owned()
            } else {
                self.connection.why_down()
            };
            outcomes.resize(events.len(), retry(&why));
        }
        outcomes
    }

    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        // Where it is off, below a topic that this client must be allowed to publish to.
        let topic = self.status_topic.as_ref().unwrap_or(&self.messages.topics.server_license);
        probe::probe(&self.plan, topic, self.ack_timeout, self.unverified).await
    }
}

/// How long the end of a connection may take to be noticed by the one who keeps it.
const CLEAR_AWAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn mqtt() -> Mqtt {
        let plan = Plan {
            protocol: MqttProtocol::V5,
            host: "::1".into(),
            port: 1883,
            client_id: "bursar".into(),
            auth: None,
            keep_alive: Duration::from_secs(60),
            tls: None,
            will: None,
            connect_timeout: Duration::from_secs(1),
        };
        let topics = settings::MqttTopics {
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
        Mqtt {
            connection: Connection::new(plan.clone(), Some("status".into())),
            plan,
            status_topic: Some("status".into()),
            messages: Messages { topics, templates: Templates::default(), named_sites: false },
            unverified: false,
            ack_timeout: Duration::from_secs(1),
            one_by_one: AtomicBool::new(false),
        }
    }

    #[test]
    fn the_title_is_an_address() {
        assert_eq!(mqtt().title(), "MQTT 5 at mqtt://[::1]:1883");
    }
}
