//! What this process did since its start, counted where it is written down.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::outbox::{QueueId, Settlement};
use super::{PollError, Store};
use crate::event::Monitor;

/// The polls of a monitor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polls {
    pub ok: u64,
    pub failed: u64,
    /// How long after its time the last poll began; `None` before the first time of the schedule.
    pub lag: Option<TimeDelta>,
    /// Times of the schedule that went by while a poll was under way.
    pub missed: u64,
}

/// What became of the events of a queue, delivery by delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deliveries {
    pub sent: u64,
    /// Failed, and tried again later.
    pub retried: u64,
    /// Refused for good.
    pub refused: u64,
}

/// All counts since the start of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By site and monitor.
    pub polls: BTreeMap<(String, &'static str), Polls>,
    /// By destination.
    pub deliveries: BTreeMap<String, Deliveries>,
}

/// The counts as they go on.
#[derive(Debug, Default)]
pub(super) struct Counting(Mutex<Tally>);

impl Counting {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Numbers can't be left half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn polls(&self, site: &str, monitor: Monitor, change: impl FnOnce(&mut Polls)) {
        change(self.tally().polls.entry((site.to_owned(), monitor.code())).or_default());
    }

    pub(super) fn polled(&self, site: &str, monitor: Monitor, result: &Result<(), PollError>) {
        self.polls(site, monitor, |polls| match result {
            Ok(()) => polls.ok += 1,
            Err(_) => polls.failed += 1,
        });
    }

    pub(super) fn settled(&self, destination: &str, results: &[(QueueId, Settlement)]) {
        let mut tally = self.tally();
        let deliveries = tally.deliveries.entry(destination.to_owned()).or_default();
        for (_, settlement) in results {
            match settlement {
                Settlement::Done => deliveries.sent += 1,
                Settlement::Retry { .. } => deliveries.retried += 1,
                Settlement::Dead { .. } => deliveries.refused += 1,
            }
        }
    }
}

impl Store {
    /// What this process did since its start, as far as the store was told.
    pub fn tally(&self) -> Tally {
        self.shared.counting.tally().clone()
    }

    /// Counts that a poll begins so long after its time, and how many times of the schedule went by
    /// before it.
    pub fn note_tick(&self, site: &str, monitor: Monitor, lag: TimeDelta, missed: u64) {
        self.shared.counting.polls(site, monitor, |polls| {
            polls.lag = Some(lag);
            polls.missed += missed;
        });
    }
}
