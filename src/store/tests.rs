//! The store as its users see it; each test on a file of its own.

mod access;
mod alerts;
mod files;
mod limits;
mod queues;
mod release;
mod statements;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::samples::{alert, at, recurring, server_status};
use super::*;
use crate::event::{Class, Event, Monitor};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn to(destinations: &[&str], event: &Event) -> (Event, Vec<String>) {
    (event.clone(), destinations.iter().map(|d| (*d).to_owned()).collect())
}

/// A store in a folder of its own, on a clock that only the test moves.
pub(super) struct Bench {
    folder: TempDir,
    pub(super) store: Store,
    clock: Arc<AtomicI64>,
}

impl Bench {
    pub(super) async fn new(max_events: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let store = open(&folder.path().join("bursar.db"), max_events, &clock).await.unwrap();
        Self { folder, store, clock }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("bursar.db")
    }

    /// A connection as another process would have it.
    pub(super) fn other(&self) -> rusqlite::Connection {
        opened::database(&self.path())
    }

    pub(super) fn advance(&self, by: Duration) {
        self.clock.fetch_add(by.as_secs() as i64, Ordering::Relaxed);
    }

    pub(super) fn advance_by(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn set_now(&self, now: DateTime<Utc>) {
        self.clock.store((now - at(0)).num_seconds(), Ordering::Relaxed);
    }

    pub(super) fn store_now(&self) -> DateTime<Utc> {
        at(self.clock.load(Ordering::Relaxed))
    }

    async fn record(&self, destinations: &[&str], event: &Event) {
        self.store.record(vec![to(destinations, event)]).await.unwrap();
    }

    /// The ids of what waits for a destination.
    async fn pending(&self, destination: &str) -> Vec<String> {
        let batch = self.store.next_batch(destination, 1000).await.unwrap();
        batch.into_iter().map(|q| q.event.id).collect()
    }

    /// Settles the first event that waits.
    async fn settle_head(&self, destination: &str, settlement: Settlement) {
        let head = self.store.next_batch(destination, 1).await.unwrap();
        self.store.settle(destination, &[(head[0].id, settlement)]).await.unwrap();
    }

    async fn state(&self, destination: &str) -> QueueState {
        self.store.queue_state(destination).await.unwrap().unwrap()
    }

    pub(super) fn rows(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.other().query_row(&query, [], |r| r.get(0)).unwrap()
    }
}

async fn open(path: &Path, max_events: u64, clock: &Arc<AtomicI64>) -> Result<Store, StoreError> {
    let limits = OutboxLimits { max_events, max_age: 30 * DAY };
    let clock = clock.clone();
    opened::open(path, limits, move || at(clock.load(Ordering::Relaxed))).await
}

fn dead(why: &str) -> Settlement {
    Settlement::Dead { why: why.into() }
}

fn retry(why: &str) -> Settlement {
    Settlement::Retry { why: why.into() }
}
