//! Who came back after a release, by the ledger and the changes that readings of the lists show.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::seats;
use crate::insight::returns::Away;
use crate::ledger::Action;
use crate::license::SeatType;
use crate::license::changes::ChangeKind;
use crate::store::{Seats, Store, StoreError};

/// The site's clock may run ahead.
const SLACK: TimeDelta = TimeDelta::days(1);

/// Every seat that Bursar released at a site up to a time, and when its person had one of the type again: by an undo,
/// by whatever a reading showed, or by the list as it was read last (`known`).
///
/// # Errors
/// The store can't be read.
pub async fn away(
    store: &Store,
    site: &str,
    known: &Seats,
    now: DateTime<Utc>,
) -> Result<Vec<Away>, StoreError> {
    let done = store.done_seats(site).await?;
    let released = done.iter().filter(|done| done.action == Action::Release && done.time <= now);
    let Some(first) = released.clone().map(|done| done.time).min() else { return Ok(Vec::new()) };
    let mut given: HashMap<(SeatType, Uuid), Vec<DateTime<Utc>>> = HashMap::new();
    for done in done.iter().filter(|done| done.action == Action::Allocate) {
        given.entry((done.seat_type, done.user)).or_default().push(done.time);
    }
    for change in store.seat_changes(site, first, now + SLACK).await? {
        let is_given = matches!(change.kind, ChangeKind::Allocated | ChangeKind::Moved)
            || change.kind == ChangeKind::Restored;
        if let Some(holder) = change.holder.as_ref().filter(|_| is_given) {
            given.entry((change.seat_type, holder.id)).or_default().push(change.time);
        }
    }
    for seat in seats::seats(known) {
        if let (Some(holder), Some(created)) = (&seat.holder, seat.created.at()) {
            given.entry((seat.seat_type, holder.id)).or_default().push(created);
        }
    }
    let away = released.map(|done| {
        let again = given.get(&(done.seat_type, done.user)).into_iter().flatten();
        Away { from: done.time, until: again.filter(|time| **time > done.time).min().copied() }
    });
    Ok(away.collect())
}
