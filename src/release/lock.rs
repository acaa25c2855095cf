//! The right to release seats of a site, kept while the work lasts.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::{Engine, RunError};
use crate::clock::Clock;
use crate::ledger::Trigger;
use crate::store::{AppendError, Claim, Holder, Store};

/// For how long a claim holds without being renewed. Who takes over has waited that long, so
/// nothing that a dead process has sent is new by then.
const LEASE: Duration = Duration::from_secs(60);

/// How often a claim is renewed: three times before it runs out.
const RENEWAL: Duration = Duration::from_secs(15);

/// How soon a renewal that the store could not write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A difference between the clock and the machine's own pace that is told.
const JUMP: chrono::Duration = chrono::Duration::seconds(10);

/// A claim in the store, and whether it was lost.
#[derive(Debug)]
pub(super) struct Lock {
    store: Store,
    clock: Clock,
    claim: Claim,
    taken: Instant,
    lost: CancellationToken,
    /// Who took over, once it is lost.
    taker: Mutex<Option<Holder>>,
    /// Nobody else may have it before, by this machine's own pace.
    held_until: Mutex<Instant>,
}

impl Lock {
    /// Takes the claim of the engine's site for a run.
    pub(super) async fn take(
        engine: &Engine,
        run: &str,
        trigger: &Trigger,
    ) -> Result<Self, RunError> {
        let owner = match trigger {
            // It names its process itself.
            Trigger::Command { process: Some(_), .. } => trigger.to_string(),
            _ => format!("{trigger}, {}", crate::who::am_i()),
        };
        let taken = Instant::now();
        let lease = engine.clock.shown(LEASE);
        let claimed = engine.store.claim_release(&engine.site.name, run, &owner, lease).await?;
        let claim = claimed.map_err(RunError::Busy)?;
        Ok(Self {
            store: engine.store.clone(),
            clock: engine.clock,
            claim,
            taken,
            lost: CancellationToken::new(),
            taker: Mutex::new(None),
            held_until: Mutex::new(taken + LEASE),
        })
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Whether it is held, as far as can be known without asking the store. Looked at right before
    /// a request leaves.
    pub(super) fn is_held(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < *guard(&self.held_until)
    }

    /// Why it is not held any more.
    pub(super) fn loss(&self) -> AppendError {
        AppendError::ClaimLost { site: self.claim.site.clone(), by: guard(&self.taker).clone() }
    }

    /// Asks the store whether it is still held, and prolongs it.
    ///
    /// # Errors
    /// When it is lost, or the store can't be used.
    pub(super) async fn ask(&self) -> Result<(), AppendError> {
        let asked = Instant::now();
        match self.store.renew_claim(&self.claim, self.clock.shown(LEASE)).await? {
            Ok(()) => {
                *guard(&self.held_until) = asked + LEASE;
                Ok(())
            }
            Err(by) => {
                *guard(&self.taker) = by;
                self.lost.cancel();
                Err(self.loss())
            }
        }
    }

    /// Cancelled when another run may have taken over.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Does the work and renews the claim meanwhile. Both are polled together: a renewal that
    /// waited in line for the store behind the work would wait for ever.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let renewing = async {
            self.renew().await;
            self.lost.cancel();
            std::future::pending::<()>().await;
        };
        match select(pin!(work), pin!(renewing)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => unreachable!("renewing never ends"),
        }
    }

    /// Renews until the claim is lost.
    async fn renew(&self) {
        let mut next = self.taken + RENEWAL;
        let mut last = (self.clock.now(), Instant::now());
        loop {
            let until = *guard(&self.held_until);
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(next.min(until)).await;
            let asked = Instant::now();
            self.say_jump(&mut last);
            match self.ask().await {
                Ok(()) => next = asked + RENEWAL,
                Err(AppendError::Store(error)) => {
                    tracing::warn!(site = self.claim.site, %error, "the release lock can't be renewed");
                    next = asked + RETRY;
                }
                Err(_) => return,
            }
        }
    }

    /// Says so when the clock of the machine was set, or the machine slept: the lock's times in the
    /// store are by that clock.
    fn say_jump(&self, last: &mut (DateTime<Utc>, Instant)) {
        let (shown, runtime) = std::mem::replace(last, (self.clock.now(), Instant::now()));
        let passed = self.clock.shown(last.1.duration_since(runtime));
        let passed = chrono::Duration::from_std(passed).unwrap_or_default();
        let jump = (last.0 - shown) - passed;
        if jump.abs() > JUMP {
            tracing::warn!(
                site = self.claim.site,
                seconds = jump.num_seconds(),
                "the clock of this machine jumped by {} s while the release lock was held; the lock \
                 holds by the pace of the machine",
                jump.num_seconds()
            );
        }
    }

    /// Lets the next run begin at once. What fails here ends by itself when the lease is over.
    pub(super) async fn give_back(self) {
        if let Err(error) = self.store.drop_claim(&self.claim).await {
            tracing::warn!(site = self.claim.site, %error, "the release lock can't be given back; it ends within a minute");
        }
    }
}

/// The value, also after a panic elsewhere: it is replaced whole.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
