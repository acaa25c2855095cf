//! One run from the lock to the last event.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Guard, Plan, Refusal};
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::destination::Destination;
use crate::ledger::{Head, Intent, Mode, RunStatus, SeatResult, Trigger, TypeCounts};
use crate::license::SeatType;
use crate::qrs;
use crate::store::{AppendError, Holder, Store, StoreError};

/// Releases of one site.
#[derive(Clone)]
pub struct Engine {
    pub settings: Arc<Settings>,
    pub site: Site,
    pub client: qrs::Client,
    pub store: Store,
    pub clock: Clock,
    /// Who may want the events.
    pub destinations: Arc<[Arc<dyn Destination>]>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("site", &self.site.name).finish_non_exhaustive()
    }
}

/// How a run is to be done.
#[derive(Debug, Clone)]
pub struct Order {
    pub mode: Mode,
    pub trigger: Trigger,
    /// Ends the run after the seats in hand.
    pub stop: CancellationToken,
    /// Reading the site is not retried beyond this.
    pub deadline: Instant,
    /// Called after each seat.
    pub progress: Progress,
}

/// Called with the number of seats done and the number planned.
#[derive(Clone)]
pub struct Progress(pub Arc<dyn Fn(u64, u64) + Send + Sync>);

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(|_, _| {}))
    }
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Report {
    pub run: String,
    pub mode: Mode,
    pub status: RunStatus,
    pub counts: Vec<TypeCounts>,
    pub refusals: Vec<Refusal>,
    /// What became of each seat that was attempted.
    pub seats: Vec<(Intent, SeatResult)>,
    /// Why it stopped early, if it did.
    pub why: Option<String>,
    /// The ledger with the end of this run.
    pub head: Head,
}

/// Which releases to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// All of a run; the id or its beginning.
    Run(String),
    /// The last one of a user: `CORP\anna`.
    User(String),
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run of the same site is under way.
    #[error("another run has the release lock of this site: {} since {}; wait for it, or stop it", .0.owner, .0.since.format("%Y-%m-%d %H:%M:%S UTC"))]
    Busy(Holder),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan to be applied, or the run to be undone, can't be used.
    #[error("{0}")]
    Unusable(String),
}

impl Engine {
    /// Reads the site and says what a run would do now. Nothing is recorded.
    ///
    /// # Errors
    /// When the store can't be read. What can't be read of the site is in the plan.
    pub async fn plan(
        &self,
        _only: Option<SeatType>,
        _deadline: Instant,
    ) -> Result<Plan, RunError> {
        unimplemented!("run")
    }

    /// Settles what is unsettled, plans, and applies the plan as far as guards let it.
    ///
    /// # Errors
    /// When there was no run at all.
    pub async fn run(&self, _order: &Order) -> Result<Report, RunError> {
        unimplemented!("run")
    }

    /// Applies a plan that a person has read.
    ///
    /// # Errors
    /// When there was no run at all, such as for a plan of another site or one older than a day.
    pub async fn apply(
        &self,
        _plan: Plan,
        _accepted: &[Guard],
        _order: &Order,
    ) -> Result<Report, RunError> {
        unimplemented!("run")
    }

    /// Gives seats back to the people who had them.
    ///
    /// # Errors
    /// When there was no run at all.
    pub async fn undo(&self, _what: &Undo, _order: &Order) -> Result<Report, RunError> {
        unimplemented!("run")
    }

    /// Finds out what became of intents without an outcome. Returns how many are still unknown.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn settle(&self, _deadline: Instant) -> Result<u32, RunError> {
        unimplemented!("run")
    }
}
