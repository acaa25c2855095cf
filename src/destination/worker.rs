//! The delivery worker: takes the events of one destination from the outbox and sees them
//! delivered, in order.
//!
//! At most one delivery is under way. Alerts and what was done to seats go before recurring data. What
//! the destination asks to retry holds back everything else, because most of the time it is the
//! destination that is down: then one event at a time is tried until one gets through. An event that goes
//! on failing is put on trial (`suspects`): others are tried out of turn, and when the destination
//! takes those and not this one, it becomes a dead letter. What the destination refuses becomes one at
//! once. An event leaves the outbox only after the destination's word, so a crash at any moment means
//! that it is delivered again, not that it is lost.

mod complaints;
mod suspects;
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
use self::suspects::{Failed, Suspects};
use super::http::shorten;
use super::{Destination, Outcome};
use crate::backoff::{Backoff, Series};
use crate::event::Series as EventSeries;
use crate::store::settings::SetAside;
use crate::store::{QueueId, Queued, Settlement, Store, StoreError};

/// The first wait after a failed delivery, and the longest of accesses to the store. Of deliveries the
/// destination says it ([`Destination::longest_wait`]).
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// Most series of a queue that are tried in turn while nothing gets through.
const MOST_IN_TURN: usize = 50;

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
/// `rng` spreads the retries; `set_aside` says when an event that fails alone becomes a dead letter.
pub async fn run(
    destination: Arc<dyn Destination>,
    store: Store,
    set_aside: SetAside,
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
    Worker::new(destination.clone(), store, set_aside, rng, stop).deliver_all().await;
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
    let mut backoff = pace(LONGEST_WAIT).series(rng);
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

fn pace(cap: Duration) -> Backoff {
    Backoff { first: FIRST_WAIT, cap }
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
    suspects: Suspects,
    /// Nothing got through since the last failure that is not one event's own.
    down: bool,
    /// How many events the next delivery may carry: one while it fails, more and more after that.
    window: usize,
    /// Counts the failures while one is on trial and nothing gets through.
    turn: usize,
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
    /// The series of each.
    series: Vec<EventSeries>,
    /// When some are to be retried.
    retry: Option<Retry>,
}

struct Retry {
    why: String,
    /// The pause the receiver asked for.
    after: Option<Duration>,
    /// The one to blame, if one is: others need not wait for it.
    alone: bool,
}

impl Worker {
    fn new(
        destination: Arc<dyn Destination>,
        store: Store,
        set_aside: SetAside,
        mut rng: fastrand::Rng,
        stop: CancellationToken,
    ) -> Self {
        let changes = store.changes();
        let complaints = Complaints::new(destination.id(), destination.title());
        let suspects = Suspects::new(set_aside, rng.fork());
        let store_backoff = pace(LONGEST_WAIT).series(rng.fork());
        let backoff = pace(destination.longest_wait()).series(rng);
        Self {
            destination,
            store,
            stop,
            changes,
            backoff,
            store_backoff,
            complaints,
            suspects,
            down: false,
            window: usize::MAX,
            turn: 0,
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
        let mut delivered = self.deliver(batch).await?;
        self.judge(&mut delivered);
        self.settle(&delivered.results).await?;
        self.report(&delivered).await;
        match delivered.retry {
            Some(Retry { after, alone: false, .. }) => {
                let after = after.unwrap_or_default().min(MAX_RETRY_AFTER);
                let pause = self.backoff.next_delay().max(after);
                self.pause(pause).await?;
            }
            Some(_) => {}
            None => self.backoff.reset(),
        }
        Ok(())
    }

    /// Who is to blame for what failed, and who is set aside because others were taken.
    fn judge(&mut self, delivered: &mut Delivered) {
        let mut verdicts = Vec::new();
        for ((id, settlement), series) in delivered.results.iter().zip(&delivered.series) {
            match settlement {
                Settlement::Done => {
                    self.down = false;
                    verdicts.extend(self.suspects.acknowledged(*id, series));
                }
                Settlement::Dead { .. } => self.suspects.forget(*id),
                Settlement::Retry { why } => {
                    // What comes after the first one only waits for it.
                    let Some(retry) = &mut delivered.retry else { break };
                    let failed = self.suspects.failed(*id, series, why, retry.after);
                    self.turn += 1;
                    retry.alone = !self.down && failed != Failed::All;
                    if !retry.alone {
                        self.suspects.all_fail();
                        self.down = true;
                    }
                    if let Failed::SetAside(verdict) = failed {
                        verdicts.push(verdict);
                    }
                    break;
                }
            }
        }
        let max = self.destination.max_batch().max(1);
        self.window = match &delivered.retry {
            None => self.window.saturating_mul(2).min(max),
            Some(_) => 1,
        };
        for verdict in verdicts {
            let dead = Settlement::Dead { why: shorten(&verdict.why, LONGEST_REASON) };
            match delivered.results.iter_mut().find(|(id, _)| *id == verdict.id) {
                Some((_, settlement)) => *settlement = dead,
                None => delivered.results.push((verdict.id, dead)),
            }
        }
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
                let wait = Instant::now() + LOOK_AGAIN;
                let wait = self.suspects.next_due().map_or(wait, |due| due.min(wait));
                tokio::select! {
                    () = self.stop.cancelled() => return Err(Stopped),
                    // Fails only when the store is gone, which the next call says, too.
                    _ = self.changes.changed() => {}
                    () = sleep_until(wait) => {}
                }
                continue;
            }
            let Some(interval) = self.destination.min_interval() else { return Ok(batch) };
            if let Some(last) = self.last_call {
                self.sleep_until(last + interval).await?;
            }
            self.coalesce().await?;
            let batch = self.next_batch().await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    /// What is to be tried now, if anything.
    async fn next_batch(&mut self) -> Result<Vec<Queued>, Stopped> {
        if self.down
            && let Some(id) = self.suspects.first_on_trial()
        {
            return self.in_turn(id).await;
        }
        self.turn = 0;
        while !self.down
            && let Some(id) = self.suspects.due()
        {
            match self
                .ask_store(move |store, to| async move { store.waiting(to.id(), id).await })
                .await?
            {
                Some(event) => return Ok(vec![event]),
                None => self.suspects.forget(id),
            }
        }
        let max = self.window.min(self.destination.max_batch().max(1));
        let beside = self.suspects.series_on_trial();
        self.ask_store(move |store, to| {
            let beside = beside.clone();
            async move { store.next_batch_beside(to.id(), max, beside).await }
        })
        .await
    }

    /// While nothing gets through: the one on trial and the others that wait, by turns.
    async fn in_turn(&mut self, on_trial: QueueId) -> Result<Vec<Queued>, Stopped> {
        let mut waiting = self
            .ask_store(
                |store, to| async move { store.next_of_each_series(to.id(), MOST_IN_TURN).await },
            )
            .await?;
        let Some(at) = waiting.iter().position(|queued| queued.id == on_trial) else {
            // It left the queue, or many others stand before it.
            let waits = self
                .ask_store(move |store, to| async move { store.waiting(to.id(), on_trial).await })
                .await?;
            if waits.is_none() {
                self.suspects.forget(on_trial);
            }
            waiting.truncate(1);
            return Ok(waiting);
        };
        let suspect = waiting.remove(at);
        let turn = self.turn;
        if turn.is_multiple_of(2) {
            return Ok(vec![suspect]);
        }
        if waiting.is_empty() && self.suspects.may_be_overtaken(on_trial) {
            waiting = self
                .ask_store(|store, to| async move { store.next_batch(to.id(), 2).await })
                .await?;
            waiting.retain(|queued| queued.id != on_trial);
        }
        if waiting.is_empty() {
            return Ok(vec![suspect]);
        }
        let mut others = unlike_first(waiting, &suspect.event.series());
        Ok(vec![others.swap_remove(turn / 2 % others.len())])
    }

    async fn coalesce(&mut self) -> Result<(), Stopped> {
        self.ask_store(|store, to| async move { store.coalesce(to.id()).await }).await.map(drop)
    }

    /// What the store says, once it works.
    async fn ask_store<T, F>(
        &mut self,
        ask: impl Fn(Store, Arc<dyn Destination>) -> F,
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        loop {
            let result = ask(self.store.clone(), self.destination.clone()).await;
            if let Some(value) = self.checked(result).await? {
                return Ok(value);
            }
        }
    }

    /// Calls the destination, in a task of its own: a panic in it is a failed delivery.
    async fn deliver(&mut self, batch: Vec<Queued>) -> Result<Delivered, Stopped> {
        let (ids, events): (Vec<_>, Vec<_>) = batch.into_iter().map(|q| (q.id, q.event)).unzip();
        let series = events.iter().map(crate::event::Event::series).collect();
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
        Ok(Delivered::new(ids, series, outcomes))
    }

    /// Until it is written down: the events must not be sent again because the disk was full.
    async fn settle(&mut self, results: &[(QueueId, Settlement)]) -> Result<(), Stopped> {
        self.ask_store(|store, to| async move { store.settle(to.id(), results).await }).await
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
        let done = delivered.results.iter().filter(|(_, s)| *s == Settlement::Done).count() as u64;
        let down = delivered.retry.as_ref().filter(|_| self.down);
        let due = match down {
            Some(retry) => self.complaints.down_is_due(&retry.why),
            None => done > 0 && self.complaints.is_down(),
        };
        if !due {
            return;
        }
        let state = self.store.queue_state(self.destination.id()).await;
        let waiting = state.ok().flatten().map_or(0, |s| s.pending);
        match down {
            Some(retry) => self.complaints.down(&retry.why, waiting),
            None => self.complaints.up(done + waiting),
        }
    }

    /// Waits for a retry, or less when a person asks for one now or the destination is back.
    async fn pause(&mut self, pause: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + pause;
        let destination = self.destination.clone();
        let mut back = std::pin::pin!(destination.back());
        while Instant::now() < until {
            if self.nudged().await {
                self.backoff.reset();
                return Ok(());
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(Stopped),
                () = &mut back => return Ok(()),
                () = sleep_until(until.min(Instant::now() + LOOK_AGAIN)) => {}
            }
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
    fn new(ids: Vec<QueueId>, series: Vec<EventSeries>, outcomes: Vec<Outcome>) -> Self {
        let mut retry: Option<Retry> = None;
        // Whatever a destination lets through of what its server said.
        let told = |why: String| shorten(&why, LONGEST_REASON);
        let settlement = |outcome| match outcome {
            Outcome::Done => Settlement::Done,
            Outcome::Refused { why } => Settlement::Dead { why: told(why) },
            Outcome::Retry { after, why } => {
                let why = told(why);
                let first = || Retry { why: why.clone(), after: None, alone: false };
                let retry = retry.get_or_insert_with(first);
                retry.after = retry.after.max(after);
                Settlement::Retry { why }
            }
        };
        let results = ids.into_iter().zip(outcomes.into_iter().map(settlement)).collect();
        Self { results, series, retry }
    }
}

/// What is least like the suspect first, and one of each site and kind before a second one.
fn unlike_first(waiting: Vec<Queued>, suspect: &EventSeries) -> Vec<Queued> {
    let mut seen = vec![suspect.clone()];
    let mut ranked: Vec<(usize, Queued)> = Vec::with_capacity(waiting.len());
    for queued in waiting {
        let series = queued.event.series();
        let alike = seen.iter().filter(|one| one.is_like(&series)).count();
        seen.push(series);
        ranked.push((alike, queued));
    }
    ranked.sort_by_key(|(alike, _)| *alike);
    ranked.into_iter().map(|(_, queued)| queued).collect()
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
