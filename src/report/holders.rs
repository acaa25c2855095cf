//! Who holds a seat at the end of a period: the lists as they were read last, with what changed since then
//! taken back.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::config::settings::Site;
use crate::license::changes::{After, Change, ChangeKind};
use crate::license::{Moment, Seat, SeatType};
use crate::planning::seats::Turn;
use crate::store::{Seats, Store, StoreError};

/// The seats of one type at the end of a period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holders {
    pub seat_type: SeatType,
    /// The end of the period; the last reading of the list, where that was earlier.
    pub as_of: DateTime<Utc>,
    /// Seats that somebody holds.
    pub held: u32,
    pub quarantined: u32,
    /// Absent unless names are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<SeatHolder>>,
}

/// A seat, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatHolder {
    /// `CORP\anna`.
    pub user: String,
    /// What people call them; may be empty.
    pub name: String,
    /// When the seat was given to them; absent where the site doesn't tell.
    pub since: Option<DateTime<Utc>>,
    pub quarantined: bool,
    /// When the seat was used last, by the list as it was read last; absent where it never was, where the site doesn't
    /// tell, and of a seat that is not on that list any more.
    pub last_used: Option<DateTime<Utc>>,
    /// The site says that it never was.
    pub never_used: bool,
    /// What the next run does with the seat, by the list as it was read last: `release`, `announce`, `held-back`, or
    /// the code of the first reason to keep it. Absent of a seat that is not on that list any more, of a type that the settings don't
    /// release, and where the period is over for more than a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run: Option<&'static str>,
    /// The same for people.
    #[serde(skip)]
    pub next_run_in_words: Option<String>,
}

/// Who held seats when a period ended, by type. A type whose changes were not recorded yet by then is not
/// among them.
pub(super) async fn holders(
    store: &Store,
    site: &Site,
    known: &Seats,
    end: DateTime<Utc>,
    (names, turns): (bool, &HashMap<Uuid, Turn>),
) -> Result<Vec<Holders>, StoreError> {
    let latest = known.lists.iter().map(|list| list.last_read).max();
    let Some(latest) = latest else { return Ok(Vec::new()) };
    // A change may bear a time of the site's, whose clock runs ahead.
    let later = store.seat_changes(&site.name, end, latest + TimeDelta::days(1)).await?;
    let mut found = Vec::new();
    for list in &known.lists {
        if super::happened::recorded_from(site, list) > end {
            continue;
        }
        let now = list.seats.iter().map(|known| &known.seat);
        let mut people = as_of(list.seat_type, now, &later, turns);
        people.sort_by(|a, b| (&a.user, a.quarantined).cmp(&(&b.user, b.quarantined)));
        let quarantined = people.iter().filter(|seat| seat.quarantined).count();
        found.push(Holders {
            seat_type: list.seat_type,
            as_of: end.min(list.last_read),
            held: count(people.len() - quarantined),
            quarantined: count(quarantined),
            people: names.then_some(people),
        });
    }
    Ok(found)
}

fn count(seats: usize) -> u32 {
    u32::try_from(seats).unwrap_or(u32::MAX)
}

/// The seats of a type before all of these changes (oldest first).
fn as_of<'a>(
    seat_type: SeatType,
    now: impl Iterator<Item = &'a Seat>,
    later: &[Change],
    turns: &HashMap<Uuid, Turn>,
) -> Vec<SeatHolder> {
    let mut seats: BTreeMap<Uuid, SeatHolder> = now.map(|seat| (seat.id, of_seat(seat))).collect();
    for change in later.iter().rev() {
        let before = |quarantined| SeatHolder {
            user: change.account(),
            name: change.holder.as_ref().map_or_else(String::new, |holder| holder.name.to_string()),
            since: None,
            quarantined,
            last_used: None,
            never_used: false,
            next_run: None,
            next_run_in_words: None,
        };
        // The seat of the other type that somebody had before.
        if let Some(from) = change.from.as_ref().filter(|from| from.seat_type == seat_type) {
            match from.after {
                After::Gone => drop(seats.insert(from.seat, before(false))),
                After::Held => {}
                After::Quarantined => {
                    seats.entry(from.seat).and_modify(|seat| seat.quarantined = false);
                }
            }
        }
        if change.seat_type != seat_type {
            continue;
        }
        match change.kind {
            ChangeKind::Allocated | ChangeKind::Moved => drop(seats.remove(&change.seat)),
            ChangeKind::Released => drop(seats.insert(change.seat, before(false))),
            ChangeKind::QuarantineEnded => drop(seats.insert(change.seat, before(true))),
            // Its row may have stayed, without a user.
            ChangeKind::UserDeleted => {
                let known = seats.get(&change.seat);
                let since = known.and_then(|seat| seat.since);
                let (last_used, never_used) =
                    known.map_or((None, false), |seat| (seat.last_used, seat.never_used));
                let quarantined = change.after == After::Quarantined;
                seats.insert(
                    change.seat,
                    SeatHolder { since, last_used, never_used, ..before(quarantined) },
                );
            }
            ChangeKind::Quarantined | ChangeKind::Restored => {
                let was = change.kind == ChangeKind::Restored;
                seats.entry(change.seat).and_modify(|seat| seat.quarantined = was);
            }
        }
    }
    let told = |(id, seat): (Uuid, SeatHolder)| {
        let turn = turns.get(&id);
        let (next_run, next_run_in_words) =
            (turn.map(|of| of.code), turn.map(|of| of.text.clone()));
        SeatHolder { next_run, next_run_in_words, ..seat }
    };
    seats.into_iter().map(told).collect()
}

fn of_seat(seat: &Seat) -> SeatHolder {
    let (user, name) = match (&seat.holder, &seat.deleted_user) {
        (Some(holder), _) => (holder.account(), holder.name.to_string()),
        (None, Some(deleted)) => (format!("{deleted} (deleted)"), String::new()),
        (None, None) => ("a deleted user".to_owned(), String::new()),
    };
    SeatHolder {
        user,
        name,
        since: seat.created.at(),
        quarantined: seat.quarantined.is_some(),
        last_used: seat.last_used.at(),
        never_used: matches!(seat.last_used, Moment::Never),
        next_run: None,
        next_run_in_words: None,
    }
}
