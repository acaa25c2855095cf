//! The delivery worker: takes the events of one destination from the outbox and sees them
//! delivered, in order.
//!
//! At most one delivery is under way. What the destination asks to retry stays at the head of the
//! queue and holds back everything behind it, so a receiver sees events in order; what it refuses
//! becomes a dead letter and makes way. An event leaves the outbox only after the destination's
//! word, so a crash at any moment means that it is delivered again, not that it is lost.

mod complaints;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, warn};

use self::complaints::Complaints;
use super::http::shorten;
use super::{Destination, Outcome};
use crate::backoff::{Backoff, Series};
use crate::store::{QueueId, Queued, Settlement, Store, StoreError};

/// The pace of deliveries to a destination that is down.
const PACE: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(5 * 60) };

/// How often the file is looked at for what other processes changed (`bursar outbox retry`).
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Destinations bound their own time; this is for those that don't.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the delivery in hand may go on after a stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long a destination's background work may take to end after that.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);
/// A receiver that asks for a longer pause is asked again after this one.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// Most characters of a reason, which a server may have a part in.
const LONGEST_REASON: usize = 1000;

/// Delivers one destination's queue, and runs the destination's background work beside it, until
/// `stop` is cancelled; returns at most 7 seconds after that. What was not delivered by then stays
/// in the store.
///
/// `rng` spreads the retries.
pub async fn run(
    destination: Arc<dyn Destination>,
    store: Store,
    rng: fastrand::Rng,
    stop: CancellationToken,
) {
    // The delivery in hand may need the background work (a connection) to the end, so that has a
    // token of its own.
    let stop_background = CancellationToken::new();
    let mut background = AbortOnDropHandle::new(tokio::spawn(run_background(
        destination.clone(),
        rng.clone(),
        stop_background.clone(),
    )));
    Worker::new(destination.clone(), store, rng, stop).deliver_all().await;
    stop_background.cancel();
    if timeout(BACKGROUND_GRACE, &mut background).await.is_err() {
        warn!(
            destination = destination.id(),
            "the destination's connection didn't end in time and was cut off"
        );
    }
}

/// Keeps the destination's background work going, whatever happens in it.
async fn run_background(
    destination: Arc<dyn Destination>,
    rng: fastrand::Rng,
    stop: CancellationToken,
) {
    let mut backoff = PACE.series(rng);
    while !stop.is_cancelled() {
        let task = {
            let (destination, stop) = (destination.clone(), stop.clone());
            AbortOnDropHandle::new(tokio::spawn(async move { destination.run(stop).await }))
        };
        let ended = task.await;
        if stop.is_cancelled() {
            return;
        }
        let why = match ended {
            Ok(()) => "it returned without being told to stop".to_owned(),
            Err(e) => panic_text(e),
        };
        error!(
            destination = destination.id(),
            why, "a destination's background work ended; this is a defect, it is started again"
        );
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(backoff.next_delay()) => {}
        }
    }
}

struct Worker {
    destination: Arc<dyn Destination>,
    store: Store,
    stop: CancellationToken,
    changes: watch::Receiver<u64>,
    /// Waits between failed deliveries.
    backoff: Series,
    /// Waits between failed accesses to the store.
    store_backoff: Series,
    complaints: Complaints,
    /// When the last delivery began.
    last_call: Option<Instant>,
    /// How often a person had asked for a try at once when that was last looked at.
    nudges: Option<i64>,
}

/// The worker was told to stop.
struct Stopped;

/// What a delivery came to.
struct Delivered {
    results: Vec<(QueueId, Settlement)>,
    /// When some are to be retried: why, and the pause the receiver asked for.
    retry: Option<(String, Option<Duration>)>,
}

impl Worker {
    fn new(
        destination: Arc<dyn Destination>,
        store: Store,
        mut rng: fastrand::Rng,
        stop: CancellationToken,
    ) -> Self {
        let changes = store.changes();
        let complaints = Complaints::new(destination.id(), destination.title());
        let store_backoff = PACE.series(rng.fork());
        let backoff = PACE.series(rng);
        Self {
            destination,
            store,
            stop,
            changes,
            backoff,
            store_backoff,
            complaints,
            last_call: None,
            nudges: None,
        }
    }

    async fn deliver_all(mut self) {
        self.nudged().await;
        while let Ok(()) = self.step().await {}
    }

    /// One round: wait for something to deliver, deliver it, settle it, wait if it failed.
    async fn step(&mut self) -> Result<(), Stopped> {
        let batch = self.take().await?;
        let delivered = self.deliver(batch).await?;
        self.settle(&delivered.results).await?;
        self.report(&delivered).await;
        match delivered.retry {
            None => self.backoff.reset(),
            Some((_, after)) => {
                let after = after.unwrap_or_default().min(MAX_RETRY_AFTER);
                let pause = self.backoff.next_delay().max(after);
                self.pause(pause).await?;
            }
        }
        Ok(())
    }

    /// The next batch, as soon as there is one and the destination's rate limit allows it.
    async fn take(&mut self) -> Result<Vec<Queued>, Stopped> {
        loop {
            if self.stop.is_cancelled() {
                return Err(Stopped);
            }
            self.changes.mark_unchanged();
            let batch = self.next_batch().await?;
            if batch.is_empty() {
                tokio::select! {
                    () = self.stop.cancelled() => return Err(Stopped),
                    // Fails only when the store is gone, which the next call says, too.
                    _ = self.changes.changed() => {}
                    () = sleep(LOOK_AGAIN) => {}
                }
                continue;
            }
            let Some(interval) = self.destination.min_interval() else { return Ok(batch) };
            if let Some(last) = self.last_call {
                self.sleep_until(last + interval).await?;
            }
            let batch = self.coalesced_batch().await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    async fn next_batch(&mut self) -> Result<Vec<Queued>, Stopped> {
        loop {
            let max = self.destination.max_batch().max(1);
            let result = self.store.next_batch(self.destination.id(), max).await;
            if let Some(batch) = self.checked(result).await? {
                return Ok(batch);
            }
        }
    }

    async fn coalesced_batch(&mut self) -> Result<Vec<Queued>, Stopped> {
        loop {
            let result = self.store.coalesce(self.destination.id()).await;
            if self.checked(result).await?.is_some() {
                return self.next_batch().await;
            }
        }
    }

    /// Calls the destination, in a task of its own: a panic in it is a failed delivery.
    async fn deliver(&mut self, batch: Vec<Queued>) -> Result<Delivered, Stopped> {
        let (ids, events): (Vec<_>, Vec<_>) = batch.into_iter().map(|q| (q.id, q.event)).unzip();
        let destination = self.destination.clone();
        self.last_call = Some(Instant::now());
        let mut call =
            AbortOnDropHandle::new(tokio::spawn(async move { destination.deliver(&events).await }));
        let ended = tokio::select! {
            ended = timeout(DELIVERY_TIMEOUT, &mut call) => ended,
            () = self.stop.cancelled() => match timeout(STOP_GRACE, &mut call).await {
                Ok(ended) => Ok(ended),
                Err(_) => return Err(Stopped),
            },
        };
        let outcomes = match ended {
            Ok(Ok(outcomes)) if outcomes.len() == ids.len() => Ok(outcomes),
            Ok(Ok(outcomes)) => {
                let why = format!("{} outcomes for {} events", outcomes.len(), ids.len());
                error!(
                    destination = self.destination.id(),
                    why,
                    "a destination broke its contract; this is a defect, the events are delivered again"
                );
                Err(why)
            }
            Ok(Err(e)) => {
                let why = panic_text(e);
                error!(
                    destination = self.destination.id(),
                    why, "a delivery panicked; this is a defect, the events are delivered again"
                );
                Err(why)
            }
            Err(_) => Err(format!("no answer within {} seconds", DELIVERY_TIMEOUT.as_secs())),
        };
        let outcomes = outcomes.unwrap_or_else(|why| {
            ids.iter().map(|_| Outcome::Retry { after: None, why: why.clone() }).collect()
        });
        Ok(Delivered::new(ids, outcomes))
    }

    /// Until it is written down: the events must not be sent again because the disk was full.
    async fn settle(&mut self, results: &[(QueueId, Settlement)]) -> Result<(), Stopped> {
        loop {
            let result = self.store.settle(self.destination.id(), results).await;
            if self.checked(result).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// The value, or `None` after a wait when the store failed: then the call is to be repeated.
    async fn checked<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, Stopped> {
        match result {
            Ok(value) => {
                self.store_backoff.reset();
                self.complaints.store_works();
                Ok(Some(value))
            }
            Err(StoreError::Closed) => Err(Stopped),
            Err(e) => {
                self.complaints.store_failed(&e);
                let until = Instant::now() + self.store_backoff.next_delay();
                self.sleep_until(until).await?;
                Ok(None)
            }
        }
    }

    async fn report(&mut self, delivered: &Delivered) {
        let refused = delivered.results.iter().filter_map(|(_, s)| match s {
            Settlement::Dead { why } => Some(why.as_str()),
            _ => None,
        });
        self.complaints.refused(refused);
        let due = match &delivered.retry {
            Some(_) => self.complaints.down_is_due(),
            None => self.complaints.is_down(),
        };
        if !due {
            return;
        }
        let state = self.store.queue_state(self.destination.id()).await;
        let waiting = state.ok().flatten().map_or(0, |s| s.pending);
        match &delivered.retry {
            Some((why, _)) => self.complaints.down(why, waiting),
            None => {
                let done = delivered.results.iter().filter(|(_, s)| *s == Settlement::Done);
                self.complaints.up(done.count() as u64 + waiting);
            }
        }
    }

    /// Waits for a retry, or less when a person asks for one now.
    async fn pause(&mut self, pause: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if self.nudged().await {
                self.backoff.reset();
                return Ok(());
            }
            self.sleep_until(until.min(Instant::now() + LOOK_AGAIN)).await?;
        }
        Ok(())
    }

    /// Whether a person asked for a try at once since this was last called.
    async fn nudged(&mut self) -> bool {
        // A store that fails is noticed by the next batch.
        let Ok(nudges) = self.store.nudges(self.destination.id()).await else { return false };
        self.nudges.replace(nudges).is_some_and(|before| before != nudges)
    }

    async fn sleep_until(&self, until: Instant) -> Result<(), Stopped> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Stopped),
            () = sleep_until(until) => Ok(()),
        }
    }
}

impl Delivered {
    fn new(ids: Vec<QueueId>, outcomes: Vec<Outcome>) -> Self {
        let mut retry: Option<(String, Option<Duration>)> = None;
        // Whatever a destination lets through of what its server said.
        let told = |why: String| shorten(&why, LONGEST_REASON);
        let settlement = |outcome| match outcome {
            Outcome::Done => Settlement::Done,
            Outcome::Refused { why } => Settlement::Dead { why: told(why) },
            Outcome::Retry { after, why } => {
                let why = told(why);
                let (_, longest) = retry.get_or_insert_with(|| (why.clone(), None));
                *longest = (*longest).max(after);
                Settlement::Retry { why }
            }
        };
        let results = ids.into_iter().zip(outcomes.into_iter().map(settlement)).collect();
        Self { results, retry }
    }
}

fn panic_text(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(_) => "a value that is no text".to_owned(),
        },
    };
    format!("it panicked: {text}")
}
