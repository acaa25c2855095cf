//! Where events go.
//!
//! One folder per destination, the same life cycle for each:
//!
//! 1. **validate** turns the section as it is written (`raw`) into `settings`, and reads no more than
//!    the templates that it names;
//! 2. **build** (`new` of each destination) may read files and make clients, but spawns nothing;
//! 3. **run** owns whatever must go on in the background, until it is told to stop;
//! 4. **deliver** is called by the one delivery worker of the destination, never twice at once.
//!
//! A destination knows nothing of schedules, sites or other destinations.

pub mod email;
pub mod http;
pub mod influxdb;
mod mending;
pub mod mqtt;
pub mod payload;
pub mod registry;
pub mod settings;
pub(crate) mod switches;
pub mod template;
pub mod webhook;
pub mod worker;

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::event::Event;

/// The longest answer that is read of a receiver, whatever it speaks: a reply of SMTP with all its
/// lines, the body of an HTTP answer, a packet of MQTT. Acknowledgements have a few hundred bytes. The
/// head of an HTTP answer is bounded by the library (about 400 KiB).
pub(crate) const LONGEST_ANSWER: usize = 16 * 1024;

/// The pause after "too many requests" without a time: it is the receiver's state and no event's fault.
pub(crate) const TOO_MANY: Duration = Duration::from_secs(30);

/// One place events are delivered to. Each has its own queue in the outbox and its own worker.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Stable name of the queue in the outbox, such as `influxdb`, `mqtt`,
    /// `webhook/1f0c2a9b`. Survives restarts and reordering of the settings.
    fn id(&self) -> &str;

    /// What a person calls it, without secrets: `InfluxDB 2.x at http://influx:8086`.
    fn title(&self) -> String;

    /// How many events one [`deliver`](Self::deliver) call may carry.
    fn max_batch(&self) -> usize {
        1
    }

    /// The shortest time between two deliveries, where the settings ask for one. While the worker
    /// waits for it, recurring events of the same kind and site are reduced to the newest.
    fn min_interval(&self) -> Option<Duration> {
        None
    }

    /// The longest wait between two tries while it is down and asks for no longer one. Waits are random
    /// up to here, so that many clients of a server that is back come one by one.
    fn longest_wait(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Returns when a destination that was away is back, where that can be told without a delivery: its
    /// queue is tried at once then.
    async fn back(&self) {
        std::future::pending().await
    }

    /// Background work, such as a connection's event loop. Owned and joined by the worker; returns
    /// soon after `stop` is cancelled. Must not return before that.
    async fn run(&self, stop: CancellationToken) {
        stop.cancelled().await;
    }

    /// Delivers the events, in the order given, and says what became of each. Must return exactly
    /// one outcome per event, in the same order; must not retry on its own (except splitting a
    /// batch) and must bound its own time. May be cancelled at any await: what was not
    /// acknowledged is delivered again.
    async fn deliver(&self, events: &[Event]) -> Vec<Outcome>;

    /// For `bursar check`: reach, credentials, and a write that is harmless or cleaned up.
    async fn probe(&self) -> Result<Probe, ProbeFailure>;
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver acknowledged it.
    Done,
    /// It may work later. `after` is what the receiver asked for (`Retry-After`), if it did.
    Retry { after: Option<Duration>, why: String },
    /// The receiver will never take this one: it is kept as a dead letter.
    Refused { why: String },
}

impl Outcome {
    /// Events that are delivered one by one keep their order: what comes after one that must wait,
    /// waits for it.
    pub fn waits_for(before: Option<&Self>) -> Option<Self> {
        match before? {
            Self::Retry { after, .. } => {
                Some(Self::Retry { after: *after, why: "waits for the one before it".into() })
            }
            Self::Done | Self::Refused { .. } => None,
        }
    }
}

/// What a successful probe found, in words for the table that `bursar check` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Such as `InfluxDB 1.6.7, database butler exists, test write accepted`.
    pub found: String,
    /// Things that work but deserve a look.
    pub warnings: Vec<String>,
}

/// Why a probe failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFailure {
    /// What was tried and what happened.
    pub what: String,
    /// What a person can do about it.
    pub fix: String,
}
