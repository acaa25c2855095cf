//! One run from the lock to the last event.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lock::Lock;
use super::plan::{FORMAT, Outcome};
use super::reviewed::Reviewed;
use super::session::{Session, Tally, run_id};
use super::settings::Site;
use super::{Plan, settle, undo};
use crate::clock::Clock;
use crate::event::InForce;
use crate::ledger::{Head, Intent, Mode, RunStatus, SeatResult, Statement, Trigger, TypeCounts};
use crate::license::{Holder as Person, SeatType};
use crate::plain::one_line;
use crate::policy::{Guard, Refusal, TypeRule};
use crate::qrs::{self, Patience};
use crate::store::{AppendError, Holder, Store, StoreError};

/// Releases of one site.
#[derive(Clone)]
pub struct Engine {
    pub site: Site,
    pub client: qrs::Client,
    pub store: Store,
    pub clock: Clock,
    /// Who may want the events.
    pub addressing: InForce,
    pub waits: Waits,
}

/// How long a run waits for what it can't hurry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Before a refusal is looked at a second time: a proxy may have repeated the request, and the
    /// first one of both may have been done on another node.
    pub second_look: Duration,
    /// For the answers that are under way when a run is stopped.
    pub at_stop: Duration,
    /// What is read again together is to have its turn within this time, as far as the site's pace
    /// tells: whoever logs in between is not seen.
    pub ahead: Duration,
    /// For another site to say which license it has, where the settings say that it is not shared.
    pub others: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            second_look: second * 10,
            at_stop: second * 5,
            ahead: second * 2,
            others: second * 5,
        }
    }
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
    /// Of reading the site before the first seat.
    pub patience: Patience,
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
    /// Remarks of the plan.
    pub notes: Vec<String>,
    /// What became of each seat that was attempted.
    pub seats: Vec<(Intent, SeatResult)>,
    /// Seats that were planned and left as they were, without any attempt.
    pub skipped: Vec<Skipped>,
    /// Why it stopped early, if it did.
    pub why: Option<String>,
    /// The ledger with the end of this run.
    pub head: Head,
}

/// A seat that was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Person,
    pub why: String,
    /// The run that had taken it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
}

/// Which releases to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// All of a run; the id or its beginning. `also`: those that were found gone late and are only
    /// attributed to it, too.
    Run { run: String, also: bool },
    /// The last one of each type of a user: `CORP\anna`.
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
    /// What the store notes of earlier runs does not follow from the ledger: somebody changed it.
    #[error(
        "nothing is released: what the store notes of earlier runs is not what the ledger says \
         ({first}{}); `bursar audit verify` says more, and `bursar audit rebuild` makes it right",
        more(*.count)
    )]
    NotBacked { first: String, count: usize },
}

impl Undo {
    /// What a run certainly took.
    pub fn run(run: impl Into<String>) -> Self {
        Self::Run { run: run.into(), also: false }
    }
}

impl Engine {
    /// Reads the site and says what a run would do now. Nothing is recorded. `only` restricts it to
    /// a type, which need not be enabled.
    ///
    /// # Errors
    /// When the store can't be read. What can't be read of the site is in the plan.
    pub async fn plan(&self, only: Option<SeatType>, patience: Patience) -> Result<Plan, RunError> {
        let mut policy = self.site.release.policy.clone();
        if let Some(only) = only {
            policy.types = vec![policy.rule(only).cloned().unwrap_or_else(|| TypeRule::new(only))];
        }
        let past = self.store.release_past(&self.site.name).await?;
        let (mut plan, _) = self.look(&run_id(), &policy, &past, patience).await?;
        for refusal in &mut plan.refusals {
            let off = refusal.seat_type.filter(|of| self.site.release.policy.rule(*of).is_none());
            if let Some(off) = off {
                refusal.fix = format!(
                    "releasing {} seats is off, so no run takes any; once \
                     `Butler.qlikSenseLicense.licenseRelease.licenseType.{off}.enable` is true: {}",
                    off.title(),
                    refusal.fix
                );
            }
        }
        Ok(plan)
    }

    /// Settles what is unsettled, plans, and applies the plan as far as guards let it.
    ///
    /// # Errors
    /// When there was no run at all.
    pub async fn run(&self, order: &Order) -> Result<Report, RunError> {
        self.release(None, order).await
    }

    /// Applies a plan that a person has read: what of it still holds. The site is read and judged
    /// anew, by the settings of now; what is not in the plan is not touched. `accepted` names the
    /// guards that the person overrules.
    ///
    /// # Errors
    /// When there was no run at all, such as for a plan of another site or one older than a day.
    pub async fn apply(
        &self,
        plan: Plan,
        accepted: &[Guard],
        order: &Order,
    ) -> Result<Report, RunError> {
        self.usable(&plan).map_err(RunError::Unusable)?;
        let accepted = accepted.to_vec();
        self.release(Some(Reviewed { plan, accepted }), order).await
    }

    /// Allocates seats again to the people who had them, also to those who meanwhile got one of another
    /// type. Works while releasing is paused.
    ///
    /// # Errors
    /// When there was no run at all.
    pub async fn undo(&self, what: &Undo, order: &Order) -> Result<Report, RunError> {
        self.undo_with(what, undo::Others::GiveBoth, order).await
    }

    /// As [`undo`](Self::undo), with what a person said of those who got another seat meanwhile.
    ///
    /// # Errors
    /// When there was no run at all.
    pub async fn undo_with(
        &self,
        what: &Undo,
        others: undo::Others,
        order: &Order,
    ) -> Result<Report, RunError> {
        if order.mode != Mode::Undo {
            let why =
                "an undo allocates seats again: it is neither a release nor a rehearsal".to_owned();
            return Err(RunError::Unusable(why));
        }
        let run = run_id();
        let lock = Lock::take(self, &run, &order.trigger).await?;
        let session = Session::new(self, order, Mode::Undo, run, &lock);
        let result = lock.during(async {
            order.settle(self).await?;
            let taken = undo::find(self, what).await?;
            session.begin().await?;
            let mut tally = Tally::default();
            let done = undo::undo(&session, taken, others, &mut tally).await;
            session.end(tally, done).await
        });
        let result = result.await;
        lock.give_back().await;
        result
    }

    /// Finds out what became of intents without an outcome. Returns how many are still unknown.
    ///
    /// # Errors
    /// When the store can't be used, or another run is under way.
    pub async fn settle(&self, patience: Patience) -> Result<u32, RunError> {
        if self.store.unsettled(&self.site.name).await?.is_empty() {
            return Ok(0);
        }
        let work = async {
            self.backed().await?;
            settle::settle(self, patience).await
        };
        self.settling(work).await
    }

    /// As [`settle`](Self::settle) after a poll of the seats, which also looks whether a seat that
    /// counted as refused by time is gone by now. Does nothing while a run is under way.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn settle_after_poll(&self, patience: Patience) -> Result<(), RunError> {
        if !settle::is_any(self).await? {
            return Ok(());
        }
        match self.settling(settle::after_poll(self, patience)).await {
            // It looks at them itself.
            Err(RunError::Busy(_)) => Ok(()),
            settled => settled,
        }
    }

    /// Whether the site shows the seat of an intent as it was before the attempt.
    ///
    /// # Errors
    /// When that can't be read completely: why.
    pub async fn is_as_before(&self, intent: &Intent) -> Result<bool, String> {
        settle::is_as_before(self, intent).await
    }

    /// Closes an open intent by the word of a person.
    ///
    /// # Errors
    /// When it is not open, the store can't be used, or another run is under way.
    pub async fn state(
        &self,
        record: u64,
        says: Statement,
        why: &str,
        trigger: &Trigger,
    ) -> Result<(), RunError> {
        self.settling(settle::state(self, record, says, why, trigger)).await
    }

    async fn settling<T>(
        &self,
        work: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        let lock = Lock::take(self, &run_id(), &Trigger::Schedule).await?;
        let result = lock.during(work).await;
        lock.give_back().await;
        result
    }

    /// A run goes by the ledger: what is noted beside it decides nothing where it says otherwise.
    async fn backed(&self) -> Result<(), RunError> {
        let differences = self.store.unbacked(&self.site.name).await?;
        match differences.first() {
            None => Ok(()),
            Some(first) => Err(RunError::NotBacked {
                first: one_line(&first.to_string()),
                count: differences.len(),
            }),
        }
    }

    async fn release(&self, reviewed: Option<Reviewed>, order: &Order) -> Result<Report, RunError> {
        if order.mode == Mode::Undo {
            let why = "seats are allocated again by an undo, not by a release".to_owned();
            return Err(RunError::Unusable(why));
        }
        let run = run_id();
        let lock = Lock::take(self, &run, &order.trigger).await?;
        let session = Session::new(self, order, order.mode, run, &lock);
        let result = lock.during(async {
            if order.mode == Mode::Real {
                self.backed().await?;
            }
            order.settle(self).await?;
            session.begin().await?;
            let mut tally = Tally::default();
            let done = session.release(reviewed, &mut tally).await;
            session.end(tally, done).await
        });
        let result = result.await;
        lock.give_back().await;
        result
    }

    /// What speaks against using a plan at all.
    fn usable(&self, plan: &Plan) -> Result<(), String> {
        if plan.format != FORMAT {
            return Err(format!(
                "the plan has format {}, and this release reads format {FORMAT}; make a new one \
                 with `bursar release plan`",
                plan.format
            ));
        }
        if plan.site != self.site.name {
            return Err(format!(
                "the plan was made for site {}, not for {}",
                plan.site, self.site.name
            ));
        }
        let age = self.clock.now() - plan.now;
        let made = plan.now.format("%Y-%m-%d %H:%M:%S UTC");
        if age > OLDEST_PLAN {
            return Err(format!(
                "the plan was made on {made}, more than a day ago; make a new one with `bursar \
                 release plan`"
            ));
        }
        let tolerance = self.site.release.policy.limits.clock_tolerance_seconds;
        if -age > chrono::Duration::seconds(tolerance.into()) {
            return Err(format!(
                "the plan was made on {made}, which is in the future; set this machine's clock, or \
                 make a new plan"
            ));
        }
        for part in &plan.types {
            let wants = part.count(Outcome::Release) + part.count(Outcome::Announce) > 0;
            if wants && self.site.release.policy.rule(part.seat_type).is_none() {
                return Err(format!(
                    "the plan releases {} seats, and releasing them is switched off: see \
                     licenseType.{}.enable in Butler.qlikSenseLicense.licenseRelease",
                    part.seat_type.title(),
                    part.seat_type
                ));
            }
        }
        Ok(())
    }
}

impl Order {
    /// What can be found out before the run, unless it is stopped meanwhile.
    async fn settle(&self, engine: &Engine) -> Result<(), RunError> {
        let patience = self.patience.no_retry_after(Instant::now() + SETTLING);
        tokio::select! {
            left = settle::settle(engine, patience) => left.map(drop),
            () = self.stop.cancelled() => Ok(()),
        }
    }
}

fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    }
}

/// Until when unsettled seats are asked for again and again.
const SETTLING: Duration = Duration::from_secs(30);

/// The age at which a plan can't be applied any more.
const OLDEST_PLAN: chrono::Duration = chrono::Duration::hours(24);

#[cfg(test)]
pub(super) mod tests;
