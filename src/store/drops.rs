//! Deliveries that are given up: removing, counting and logging them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, params};
use tracing::warn;

use super::outbox::{class_number, class_of};
use crate::event::Class;

/// How many deliveries one transaction gives up. A mass of them goes in parts: others get their
/// turn between two parts, and SQLite needs not hold a copy of all pages concerned in memory.
/// Few in tests, so that they have to do with parts, too.
pub(super) const CHUNK: usize = if cfg!(test) { 3 } else { 1_000 };

/// Why a delivery was given up without the destination having it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum DropReason {
    /// The queue was at its size limit.
    Overflow,
    /// It was older than the age limit.
    Expired,
    /// A person asked for it.
    #[strum(serialize = "by hand")]
    ByHand,
    /// A newer recurring event took its place while the destination's rate limit was waited for.
    Coalesced,
}

impl DropReason {
    pub(super) const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The reason as text: what the store and reports hold.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A delivery that is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropCandidate {
    queue: i64,
    class: i64,
    seq: i64,
}

impl DropCandidate {
    /// From a row of queue, class, seq.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { queue: row.get(0)?, class: row.get(1)?, seq: row.get(2)? })
    }
}

/// What was given up in one transaction: (queue, reason, class) -> (destination, count).
#[derive(Debug, Default)]
pub(super) struct Drops(BTreeMap<(i64, DropReason, Class), (String, u64)>);

impl Drops {
    /// Removes the deliveries. Those that have gone meanwhile aren't counted.
    pub(super) fn remove(
        &mut self,
        db: &Connection,
        reason: DropReason,
        candidates: &[DropCandidate],
    ) -> rusqlite::Result<()> {
        let mut delete = db.prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND queue = ?2")?;
        for DropCandidate { queue, class, seq } in candidates {
            if delete.execute([seq, queue])? > 0 {
                self.0.entry((*queue, reason, class_of(*class))).or_default().1 += 1;
            }
        }
        Ok(())
    }

    /// Adds them to the counts in the store, and learns the names of the destinations.
    pub(super) fn count(mut self, db: &Connection) -> rusqlite::Result<Self> {
        for ((queue, reason, class), (destination, count)) in &mut self.0 {
            db.prepare_cached(
                "INSERT INTO dropped (queue, reason, class, count) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET count = count + excluded.count",
            )?
            .execute(params![
                queue,
                reason.as_str(),
                class_number(*class),
                *count as i64
            ])?;
            *destination = db
                .prepare_cached("SELECT destination FROM queue WHERE id = ?1")?
                .query_row([queue], |r| r.get(0))?;
        }
        Ok(self)
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().map(|(_, count)| count).sum()
    }
}

/// What the log says of drops: one line per queue, reason and class, then at most one a minute
/// with the sum of what went meanwhile. A full queue drops an event for each that comes in.
#[derive(Debug, Default)]
pub(super) struct DropLog(Mutex<HashMap<(i64, DropReason, Class), LastLine>>);

#[derive(Debug, Default)]
struct LastLine {
    /// When the last line was written, in milliseconds.
    at: Option<i64>,
    /// Dropped since then.
    unsaid: u64,
}

/// The shortest time between two lines on the same queue, reason and class.
const REPEAT_MS: i64 = 60_000;

impl DropLog {
    pub(super) fn add(&self, drops: &Drops, now: i64) {
        // Numbers can't be left half changed.
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, (destination, count)) in &drops.0 {
            let said = log.entry(*key).or_default();
            said.unsaid += count;
            if said.at.is_some_and(|at| (0..REPEAT_MS).contains(&(now - at))) {
                continue;
            }
            let count = std::mem::take(&mut said.unsaid);
            said.at = Some(now);
            let (_, reason, class) = key;
            let limit = match reason {
                DropReason::Overflow => "the size limit",
                _ => "the age limit",
            };
            warn!(
                %destination, count, class = ?class, reason = reason.as_str(),
                "events were dropped from the outbox undelivered: it is over {limit}"
            );
        }
    }
}
