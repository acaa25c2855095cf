//! Who came back after a release, by the ledger and the changes that readings of the lists show.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::seats;
use crate::insight::cost::DAYS;
use crate::insight::returns::{Away, Returned};
use crate::ledger::Action;
use crate::license::SeatType;
use crate::license::changes::ChangeKind;
use crate::store::{Seats, Store, StoreError};

/// The site's clock may run ahead.
const SLACK: TimeDelta = TimeDelta::days(1);

/// What became of the seats that were released in the 365 days up to a time.
///
/// # Errors
/// The store can't be read.
pub async fn of_year(
    store: &Store,
    site: &str,
    known: &Seats,
    now: DateTime<Utc>,
) -> Result<Returned, StoreError> {
    let since = now - TimeDelta::days(DAYS);
    let away = away(store, site, known, (since, now)).await?;
    Ok(Returned::of(away.into_iter(), now))
}

/// Every seat that Bursar released at a site between two times, and when its person had one of the type again: by an undo,
/// by whatever a reading showed, or by the list as it was read last (`known`).
///
/// # Errors
/// The store can't be read.
pub async fn away(
    store: &Store,
    site: &str,
    known: &Seats,
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Away>, StoreError> {
    let done = store.done_seats(site).await?;
    let is_of_then = |time: DateTime<Utc>| (since..=now).contains(&time);
    let released =
        done.iter().filter(|done| done.action == Action::Release && is_of_then(done.time));
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
