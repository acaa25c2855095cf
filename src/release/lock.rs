//! The right to release seats of a site, kept while the work lasts.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::{Engine, RunError};
use crate::clock::Clock;
use crate::ledger::Trigger;
use crate::store::{Claim, Store};

/// For how long a claim holds without being renewed. Who takes over has waited that long, so
/// nothing that a dead process has sent is new by then.
const LEASE: Duration = Duration::from_secs(60);

/// How often a claim is renewed: three times before it runs out.
const RENEWAL: Duration = Duration::from_secs(15);

/// How soon a renewal that the store could not write is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A claim in the store, and whether it was lost.
#[derive(Debug)]
pub(super) struct Lock {
    store: Store,
    clock: Clock,
    claim: Claim,
    taken: Instant,
    lost: CancellationToken,
}

impl Lock {
    /// Takes the claim of the engine's site for a run.
    pub(super) async fn take(
        engine: &Engine,
        run: &str,
        trigger: &Trigger,
    ) -> Result<Self, RunError> {
        let owner = format!(
            "{trigger}, process {} on {}",
            std::process::id(),
            gethostname::gethostname().to_string_lossy()
        );
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
        })
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.claim
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
        let mut until = self.taken + LEASE;
        let mut next = self.taken + RENEWAL;
        while Instant::now() < until {
            tokio::time::sleep_until(next.min(until)).await;
            let asked = Instant::now();
            match self.store.renew_claim(&self.claim, self.clock.shown(LEASE)).await {
                Ok(true) => {
                    until = asked + LEASE;
                    next = asked + RENEWAL;
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(site = self.claim.site, %error, "the release lock can't be renewed");
                    next = asked + RETRY;
                }
            }
        }
    }

    /// Lets the next run begin at once. What fails here ends by itself when the lease is over.
    pub(super) async fn give_back(self) {
        if let Err(error) = self.store.drop_claim(&self.claim).await {
            tracing::warn!(site = self.claim.site, %error, "the release lock can't be given back; it ends within a minute");
        }
    }
}
