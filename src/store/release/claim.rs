//! The lock of a run: one run at a time may release seats of a site, over all processes.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Claim, Holder};
use crate::store::{Store, StoreError, time_of};

impl Store {
    /// Takes the right to release seats of a site for `lease`; `Err` names who has it. A run that
    /// has it may take it again.
    pub async fn claim_release(
        &self,
        site: &str,
        run: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Result<Claim, Holder>, StoreError> {
        let claim = Claim { site: site.to_owned(), run: run.to_owned() };
        let (owner, clock) = (owner.to_owned(), self.shared.clock.clone());
        let take = move |db: &Connection| {
            let now = clock().timestamp_millis();
            if let Some(holder) = other_holder(db, &claim, now)? {
                return Ok(Err(holder));
            }
            let lease = millis(lease);
            db.prepare_cached(
                "INSERT INTO release_claim (site, run, owner, since, until, lease)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (site) DO UPDATE SET
                     since = iif(run = excluded.run, since, excluded.since),
                     run = excluded.run, owner = excluded.owner,
                     until = excluded.until, lease = excluded.lease",
            )?
            .execute(params![
                claim.site,
                claim.run,
                owner,
                now,
                now.saturating_add(lease),
                lease
            ])?;
            Ok(Ok(claim))
        };
        self.shared.gate.write("take the release lock", take).await
    }

    /// Who has the right to release seats of a site, without taking it.
    pub async fn release_holder(&self, site: &str) -> Result<Option<Holder>, StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms());
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT run, owner, since, until FROM release_claim WHERE site = ?1 AND until > ?2",
            )?
            .query_row(params![site, now], holder_of)
            .optional()
        };
        self.shared.gate.read("look at the release lock", query).await
    }

    /// Prolongs a claim; `Err` when it was lost, with who has it now. One whose lease ran out while
    /// nobody else wanted it is still held: a clock that is set forward takes nobody's lock away.
    pub async fn renew_claim(
        &self,
        claim: &Claim,
        lease: Duration,
    ) -> Result<Result<(), Option<Holder>>, StoreError> {
        let (claim, clock) = (claim.clone(), self.shared.clock.clone());
        let renew = move |db: &Connection| {
            let (now, lease) = (clock().timestamp_millis(), millis(lease));
            db.prepare_cached(
                "UPDATE release_claim SET until = ?3, lease = ?4 WHERE site = ?1 AND run = ?2",
            )?
            .execute(params![
                claim.site,
                claim.run,
                now.saturating_add(lease),
                lease
            ])?;
            is_held(db, &claim)
        };
        self.shared.gate.write("renew the release lock", renew).await
    }

    /// Gives a claim back. Nothing happens when it was lost.
    pub async fn drop_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        let give_back = move |db: &Connection| {
            db.prepare_cached("DELETE FROM release_claim WHERE site = ?1 AND run = ?2")?
                .execute([&claim.site, &claim.run])
                .map(drop)
        };
        self.shared.gate.write("give the release lock back", give_back).await
    }
}

/// Whether the claim is still this run's; `Err` names who has it, if anybody.
pub(super) fn is_held(
    db: &Connection,
    claim: &Claim,
) -> rusqlite::Result<Result<(), Option<Holder>>> {
    let holder = db
        .prepare_cached("SELECT run, owner, since, until FROM release_claim WHERE site = ?1")?
        .query_row([&claim.site], holder_of)
        .optional()?;
    Ok(match holder {
        Some(holder) if holder.run == claim.run => Ok(()),
        other => Err(other),
    })
}

/// Another run that has the claim now.
fn other_holder(db: &Connection, claim: &Claim, now: i64) -> rusqlite::Result<Option<Holder>> {
    // An end further off than the lease means that the clock was set back. Nobody knows how much of
    // the lease is left: it starts again now. Whoever is alive renews it.
    db.prepare_cached(
        "UPDATE release_claim SET until = ?2 + lease WHERE site = ?1 AND until > ?2 + lease",
    )?
    .execute(params![claim.site, now])?;
    db.prepare_cached(
        "SELECT run, owner, since, until FROM release_claim
          WHERE site = ?1 AND run <> ?2 AND until > ?3",
    )?
    .query_row(params![claim.site, claim.run, now], holder_of)
    .optional()
}

fn holder_of(r: &Row<'_>) -> rusqlite::Result<Holder> {
    Ok(Holder {
        run: r.get(0)?,
        owner: r.get(1)?,
        since: time_of(r.get(2)?),
        until: time_of(r.get(3)?),
    })
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
