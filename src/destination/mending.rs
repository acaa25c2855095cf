//! A destination that could not be set up: its certificate can't be read, its credentials can't be sent.
//! Its events wait, and each delivery tries to set it up again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Destination, Outcome, Probe, ProbeFailure};
use crate::event::{Event, Queue};

/// Sets up the destination of a queue.
pub(super) type SetUpAgain = Box<dyn Fn() -> anyhow::Result<Arc<dyn Destination>> + Send + Sync>;

pub(super) struct Mending {
    queue: Queue,
    again: SetUpAgain,
    made: watch::Sender<Option<Arc<dyn Destination>>>,
}

impl Mending {
    pub(super) fn new(queue: Queue, again: SetUpAgain) -> Self {
        Self { queue, again, made: watch::Sender::new(None) }
    }

    fn known(&self) -> Option<Arc<dyn Destination>> {
        self.made.borrow().clone()
    }

    /// The destination, or why there still is none.
    fn destination(&self) -> Result<Arc<dyn Destination>, String> {
        if let Some(made) = self.known() {
            return Ok(made);
        }
        let made = (self.again)().map_err(|error| format!("it can't be set up: {error}"))?;
        tracing::info!(queue = self.id(), "{} is set up now", made.title());
        self.made.send_replace(Some(made.clone()));
        Ok(made)
    }
}

#[async_trait]
impl Destination for Mending {
    fn id(&self) -> &str {
        &self.queue.id
    }

    fn title(&self) -> String {
        self.known().map_or_else(|| self.queue.title.clone(), |made| made.title())
    }

    fn max_batch(&self) -> usize {
        self.known().map_or(1, |made| made.max_batch())
    }

    fn min_interval(&self) -> Option<Duration> {
        self.known().and_then(|made| made.min_interval())
    }

    fn longest_wait(&self) -> Duration {
        // Read once, before it is made.
        self.known().map_or(Duration::from_secs(30), |made| made.longest_wait())
    }

    async fn back(&self) {
        match self.known() {
            Some(made) => made.back().await,
            None => std::future::pending().await,
        }
    }

    async fn run(&self, stop: CancellationToken) {
        let mut made = self.made.subscribe();
        let ready = async {
            // The sender lives as long as this destination.
            let made = made.wait_for(Option::is_some).await;
            made.ok().and_then(|made| made.clone())
        };
        tokio::select! {
            () = stop.cancelled() => {}
            made = ready => match made {
                Some(made) => made.run(stop).await,
                None => stop.cancelled().await,
            },
        }
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        match self.destination() {
            Ok(made) => made.deliver(events).await,
            Err(why) => {
                events.iter().map(|_| Outcome::Retry { after: None, why: why.clone() }).collect()
            }
        }
    }

    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        match self.destination() {
            Ok(made) => made.probe().await,
            Err(what) => Err(ProbeFailure {
                what,
                fix:
                    "set what is missing, or change the setting; a running daemon looks for a file \
                      again with each delivery, and for a variable at its next start"
                        .into(),
            }),
        }
    }
}
