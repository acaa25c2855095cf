//! The embedded SQL store: one file that holds the outbox, the latest snapshots, the health of
//! the polls, the [`history`] of their figures, and who has which seat.
//!
//! The **outbox** keeps each event once, with one delivery row for each destination that wants it.
//! [`Store::record`] returns when all of it is on the disk; a row leaves when the destination
//! acknowledged the event ([`Store::settle`]), when a person drops it, or when the limits of size
//! and age ran out, which is counted and logged. An event leaves with its last row. Deliveries to
//! a destination that is no longer configured stay until then: they are never sent elsewhere.
//!
//! Several processes may use the file at once: the daemon, and commands beside it.

mod access;
mod alert;
mod app;
pub mod aside;
mod backup;
pub mod care;
pub mod demo;
mod drops;
mod error;
mod file;
mod gate;
mod health;
pub mod history;
pub mod installation;
mod manage;
mod mark;
#[cfg(test)]
pub(crate) mod opened;
mod orders;
mod outbox;
mod release;
mod reload;
#[cfg(test)]
pub(crate) mod samples;
mod seats;
pub mod settings;
mod site;
mod tally;
#[cfg(test)]
mod tests;

pub use access::{Access, PageToken, PageUser, Role, SESSION_IDLE, SESSION_WHOLE};
pub use alert::{AlertChanges, AlertHistoryEntry, Drop, NewSilence};
pub use drops::DropReason;
pub use error::StoreError;
pub(crate) use file::real as real_path;
pub use health::{Health, PollError};
pub use manage::{DropCount, Listed, MostTried, QueueState, Selector};
pub use orders::{NewPageOrder, Ordered, PageOrder, Placed};
pub use outbox::{QueueId, Queued, Settlement};
pub use release::{
    Addition, AppendError, Archive, ArchiveError, Attempt, Claim, Difference, DoneRun, DoneSeat,
    Holder, KnownRun, LedgerFile, Moments, Readable, RebuildError, Rebuilt, RefusedByTime,
    RunState, TakenSeat, Unsettled, WantedSeat,
};
pub use reload::{Ahead, InForce, Refused as RefusedSettings, Wish};
pub use seats::{
    FoundSeats, IdleGap, KnownSeat, PeopleMarks, SeatFilter, SeatKey, SeatList, SeatOrder,
    SeatPlace, SeatReading, SeatState, Seats, SeatsPast, StoredPerson, UserDay,
};
pub use tally::{Deliveries, Polls, Tally};

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use self::gate::Gate;
use crate::store::settings::OutboxLimits;

/// A handle to the store; clones share the one connection of the process.
///
/// Every method may wait for the disk, and returns a [`StoreError`] when the file can't be read or
/// written; nothing is changed then.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    gate: Gate,
    limits: OutboxLimits,
    clock: Clock,
    drop_log: drops::DropLog,
    counting: tally::Counting,
    /// Counts what may interest a worker.
    changes: watch::Sender<u64>,
}

type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the file, or makes it (readable by its owner only, on unix), and brings its format up
    /// to date. A file that is damaged, not ours, or of a newer release is refused and left as it
    /// is.
    pub async fn open(path: &Path, limits: OutboxLimits) -> Result<Self, StoreError> {
        Self::open_with_clock(path, limits, Utc::now).await
    }

    /// As [`open`](Self::open), with the clock that ages and the times in the store are taken from.
    pub async fn open_with_clock(
        path: &Path,
        limits: OutboxLimits,
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let gate = Gate::open(path).await?;
        let changes = watch::Sender::new(0);
        let (clock, drop_log) = (Arc::new(clock), drops::DropLog::default());
        let counting = tally::Counting::default();
        let shared = Shared { gate, limits, clock, drop_log, counting, changes };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens a file that is there, to read it only: it is neither made nor changed, and a file of an
    /// older release is refused. What writes fails.
    pub async fn open_to_read(path: &Path, limits: OutboxLimits) -> Result<Self, StoreError> {
        Self::open_to_read_with_clock(path, limits, Utc::now).await
    }

    /// As [`open_to_read`](Self::open_to_read), with the clock that says what is over.
    pub async fn open_to_read_with_clock(
        path: &Path,
        limits: OutboxLimits,
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let gate = Gate::open_to_read(path).await?;
        let changes = watch::Sender::new(0);
        let (clock, drop_log) = (Arc::new(clock), drops::DropLog::default());
        let counting = tally::Counting::default();
        let shared = Shared { gate, limits, clock, drop_log, counting, changes };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Changes value when this process recorded events or revived dead letters. What other
    /// processes change in the file doesn't show here: look again every few seconds.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// What changes whenever something is written to the file, by this process or another.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        let query = |db: &rusqlite::Connection| {
            let mut version = db.prepare_cached("PRAGMA data_version")?;
            let others = version.query_row([], |row| row.get(0))?;
            Ok(Revision { own: db.total_changes(), others })
        };
        self.shared.gate.read("read its revision", query).await
    }

    /// Whether what comes in can be stored, as far as the last write tells.
    ///
    /// # Errors
    /// Why it could not: the disk is full, or the file is out of reach.
    pub fn can_write(&self) -> Result<(), StoreError> {
        self.shared.gate.works()
    }

    /// Waits for the call in hand and closes the file. Other clones get [`StoreError::Closed`]
    /// from then on.
    pub async fn close(self) {
        self.shared.gate.close().await;
    }

    /// The file.
    fn path(&self) -> &Path {
        self.shared.gate.path()
    }

    fn wake(&self) {
        self.shared.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn now_ms(&self) -> i64 {
        (self.shared.clock)().timestamp_millis()
    }
}

/// A state of the store: another one where anything was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// Rows that this process has changed since it opened the file.
    own: u64,
    /// SQLite's count of what others have committed.
    others: i64,
}

#[cfg(test)]
impl Revision {
    pub(crate) fn new(own: u64, others: i64) -> Self {
        Self { own, others }
    }
}

/// A time from its column. Out of the range of the calendar only in a damaged file: 1970 then.
fn time_of(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

#[cfg(test)]
impl Store {
    /// After so many writes, so many fail.
    pub(crate) fn fail_writes(&self, after: usize, count: usize) {
        use std::sync::atomic::Ordering::SeqCst;
        self.shared.gate.failures_left.store(count, SeqCst);
        self.shared.gate.writes_left.store(after, SeqCst);
    }

    /// From now on writes work. Whether any failed.
    pub(crate) fn writes_fail_no_more(&self) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        self.shared.gate.writes_left.store(usize::MAX, SeqCst);
        self.shared.gate.failures_left.swap(usize::MAX, SeqCst) == 0
    }

    /// As if the leases of all claims were over.
    pub(crate) async fn forget_claims(&self) {
        let forget = |db: &rusqlite::Connection| db.execute("DELETE FROM release_claim", []);
        self.shared.gate.write("forget claims", forget).await.expect("the store works");
    }
}
