//! What happened to seats, each deed once: changes that readings of the lists show, and what the ledger tells of
//! Bursar's own, which may be older than the first reading, or newer than the last one.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::ledger::{Action, SeatResult};
use crate::license::changes::{After, By, Change, ChangeKind, TimeFrom};
use crate::store::{Attempt, Store, StoreError};

/// A reading may tell of an allocation by the time of the site, and the ledger by its own.
const SAME: TimeDelta = TimeDelta::days(1);

/// Something that happened to a seat.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    pub change: Change,
    /// The record of the ledger that proves it; absent of what others did, and of what was archived.
    pub record: Option<u64>,
    /// Number of the change in the store; absent while no reading has shown it.
    pub seen: Option<i64>,
}

/// What happened at a site from one time to another (not included), oldest first. `attempts` are those of the
/// site, of all times.
///
/// # Errors
/// The store can't be read.
pub async fn deeds(
    store: &Store,
    site: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    attempts: &[Attempt],
) -> Result<Vec<Deed>, StoreError> {
    // What a reading tells by another time is the same all the same.
    let around = |time: DateTime<Utc>, by: TimeDelta| time.checked_add_signed(by).unwrap_or(time);
    let (first, last) = (around(from, -SAME), around(to, SAME));
    let changes = store.seat_changes(site, first, last).await?;
    let attempts = attempts.iter().filter(|of| of.time >= first && of.time < last);
    let mut deeds = merge(changes.into_iter().map(|change| (0, change)), attempts);
    deeds.retain(|deed| deed.change.time >= from && deed.change.time < to);
    Ok(deeds)
}

/// In which time a reading tells of what these did; `None` of none.
pub fn around(attempts: &[&Attempt]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let times = || attempts.iter().map(|attempt| attempt.time);
    Some((times().min()? - SAME, times().max()? + SAME))
}

/// Changes with their numbers and attempts, each deed once, oldest first. Attempts without effect are no deeds.
pub fn merge<'a>(
    changes: impl IntoIterator<Item = (i64, Change)>,
    attempts: impl IntoIterator<Item = &'a Attempt>,
) -> Vec<Deed> {
    let seen = |(id, change)| Deed { change, record: None, seen: Some(id) };
    let mut deeds: Vec<Deed> = changes.into_iter().map(seen).collect();
    let mut of_user: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (n, deed) in deeds.iter().enumerate() {
        if let Some(holder) = &deed.change.holder {
            of_user.entry(holder.id).or_default().push(n);
        }
    }
    for attempt in attempts {
        let Some(told) = told(attempt) else { continue };
        let places = of_user.get(&attempt.outcome.holder.id).into_iter().flatten();
        let open = || places.clone().copied().filter(|n| deeds[*n].record.is_none());
        let found = open()
            .find(|n| is_of_run(&deeds[*n].change, &told))
            .or_else(|| open().find(|n| is_near(&deeds[*n].change, &told)));
        match found {
            Some(n) => deeds[n].record = Some(attempt.seq),
            None => deeds.push(Deed { change: told, record: Some(attempt.seq), seen: None }),
        }
    }
    deeds.sort_by_key(|deed| deed.change.time);
    deeds
}

/// Whether a reading may show what the ledger tells.
fn is_alike(change: &Change, told: &Change) -> bool {
    let kind = change.kind == told.kind || change.kind.is_loss() && told.kind.is_loss();
    kind && change.seat_type == told.seat_type
}

/// Of the same run, which takes a seat of a type from somebody once.
fn is_of_run(change: &Change, told: &Change) -> bool {
    is_alike(change, told) && change.is_by_bursar() && change.by == told.by
}

fn is_near(change: &Change, told: &Change) -> bool {
    is_alike(change, told) && (change.time - told.time).abs() < SAME
}

/// A seat that was taken or given back, as the ledger tells it.
fn told(attempt: &Attempt) -> Option<Change> {
    let outcome = &attempt.outcome;
    if !attempt.is_release() && !attempt.is_return() {
        return None;
    }
    let (kind, after) = match (outcome.action, &outcome.result) {
        (Action::Allocate, _) => (ChangeKind::Allocated, After::Held),
        (Action::Release, SeatResult::Quarantined { .. }) => {
            (ChangeKind::Quarantined, After::Quarantined)
        }
        (Action::Release, _) => (ChangeKind::Released, After::Gone),
    };
    Some(Change {
        kind,
        seat_type: outcome.seat_type,
        seat: outcome.seat,
        holder: Some(outcome.holder.clone()),
        deleted_user: None,
        after,
        from: None,
        time: attempt.time,
        time_from: TimeFrom::Ledger,
        by: By::Bursar { run: attempt.run.clone() },
        released_before: None,
        initial: false,
    })
}
