//! What the demo's daemon would know of the seats by now: the lists, what changed in them, and who was
//! there on each day.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::releases::{holder, run_of, seat_type};
use super::{gaps, past::every};
use crate::config::settings::{Settings, Site};
use crate::license::changes::{After, By, CHURN_DAYS, Change, ChangeKind, TimeFrom};
use crate::license::{Holder, Moment, Seat, SeatType};
use crate::simulator::past::{Life, Loss, Past};
use crate::simulator::{Control, Seat as SiteSeat, SeatKind, User};
use crate::store::{KnownSeat, SeatList, SeatsPast, Store, UserDay};

/// Keeps what years of looking at the site's seats would have left.
pub(super) async fn write(
    store: &Store,
    settings: &Settings,
    site: &Site,
    past: &Past,
    control: &Control,
) -> anyhow::Result<()> {
    let Some(monitor) = &site.seats else { return Ok(()) };
    let look = every(&monitor.schedule, settings, past.end);
    let users: HashMap<Uuid, User> =
        control.users().into_iter().map(|user| (user.id, user)).collect();
    let kinds = [SeatKind::Professional, SeatKind::Analyzer];
    let seats: Vec<SiteSeat> = kinds.into_iter().flat_map(|kind| control.seats(kind)).collect();
    let (first_read, last_read) = (past.looks(look).next().unwrap_or(past.end), past.end);
    let lists = SeatType::ALL.map(|of| {
        let rows = seats.iter().filter(|seat| seat_type(seat.kind) == of);
        let known = rows.map(|seat| KnownSeat {
            seat: as_read(seat, &users),
            first_seen: past.noticed(seat.created, look).clamp(first_read, last_read),
            first_used: None,
        });
        SeatList { seat_type: of, first_read, last_read, seats: known.collect() }
    });
    let oldest = past.end - TimeDelta::days(monitor.keep_changes_days.into());
    let mut changes = changes(past, look);
    changes.retain(|change| (oldest..=last_read).contains(&change.time));
    let gaps = SeatType::counted().flat_map(|of| gaps::gaps(&seats, of, past, &users));
    let days = days(past, look);
    let known = SeatsPast { lists: lists.to_vec(), changes, gaps: gaps.collect(), days };
    store.keep_seats_past(&site.name, known).await?;
    Ok(())
}

/// A row as the monitor reads it.
fn as_read(seat: &SiteSeat, users: &HashMap<Uuid, User>) -> Seat {
    let user = seat.user.and_then(|id| users.get(&id));
    let named = user.map(|user| Holder {
        id: user.id,
        directory: user.directory.as_str().into(),
        user_id: user.user_id.as_str().into(),
        name: user.name.as_str().into(),
    });
    Seat {
        id: seat.id,
        seat_type: seat_type(seat.kind),
        holder: named.map(Arc::new),
        deleted_user: seat.deleted_user.as_ref().map(|(dir, id)| format!("{dir}\\{id}").into()),
        created: Moment::At(seat.created),
        last_used: seat.last_used.map_or(Moment::Never, Moment::At),
        excess: seat.excess,
        quarantined: seat.quarantined_until.map(Moment::At),
    }
}

/// What happened to the seats of all kinds, as looking every so often would have seen it, oldest first.
pub(super) fn changes(past: &Past, look: TimeDelta) -> Vec<Change> {
    let lives = past.stories().into_iter().flat_map(|story| &story.lives);
    let mut lost: BTreeMap<(SeatType, Uuid), DateTime<Utc>> = BTreeMap::new();
    for life in lives.clone() {
        if let Some(end) = life.end {
            lost.insert((seat_type(life.kind), life.person.id), end.time);
        }
    }
    let start = past.looks(look).next().unwrap_or(past.end);
    let mut changes = Vec::new();
    for life in lives {
        if life.given >= start {
            let before = lost.get(&(seat_type(life.kind), life.person.id)).copied();
            let is_churn = |before: &DateTime<Utc>| {
                *before < life.given && life.given - *before < TimeDelta::days(CHURN_DAYS)
            };
            let giver = match life.kind {
                SeatKind::Professional => "CORP\\admin01",
                _ => "INTERNAL\\sa_repository",
            };
            changes.push(Change {
                time_from: TimeFrom::CreatedDate,
                by: By::Someone { user: giver.into() },
                released_before: before.filter(is_churn),
                ..change(life, ChangeKind::Allocated, After::Held, life.given)
            });
        }
        let Some(end) = life.end.filter(|end| end.time >= start) else { continue };
        match end.why {
            Loss::Released { clean_up } => changes.push(Change {
                time_from: TimeFrom::Ledger,
                by: By::Bursar { run: run_of(past.clean_ups[clean_up].time) },
                ..change(life, ChangeKind::Released, After::Gone, end.time)
            }),
            Loss::Deleted => {
                let time = past.noticed(end.time, look);
                changes.push(change(life, ChangeKind::UserDeleted, After::Gone, time));
            }
            Loss::Withdrawn => {
                changes.push(Change {
                    time_from: TimeFrom::ModifiedDate,
                    by: By::Someone { user: "CORP\\admin01".into() },
                    ..change(life, ChangeKind::Quarantined, After::Quarantined, end.time)
                });
                let over = life.quarantine().map(|(_, to)| past.noticed(to, look));
                if let Some(over) = over {
                    changes.push(change(life, ChangeKind::QuarantineEnded, After::Gone, over));
                }
            }
        }
    }
    changes.sort_by_key(|change| (change.time, change.kind, change.seat_type, change.seat));
    changes
}

/// That nothing more is known of than when it was noticed.
fn change(life: &Life, kind: ChangeKind, after: After, time: DateTime<Utc>) -> Change {
    Change {
        kind,
        seat_type: seat_type(life.kind),
        seat: life.seat,
        holder: Some(holder(&life.person)),
        deleted_user: None,
        after,
        from: None,
        time,
        time_from: TimeFrom::Noticed,
        by: By::Unknown,
        released_before: None,
        initial: false,
    }
}

/// The users of each day.
fn days(past: &Past, look: TimeDelta) -> Vec<UserDay> {
    let mut readings: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    for time in past.looks(look) {
        *readings.entry(time.date_naive()).or_default() += 1;
    }
    let of = |(day, readings): (NaiveDate, u32)| {
        let [professional, analyzer] =
            [SeatKind::Professional, SeatKind::Analyzer].map(|kind| past.users(kind, day));
        [
            (Some(SeatType::Professional), professional),
            (Some(SeatType::Analyzer), analyzer),
            (None, professional + analyzer),
        ]
        .map(|(seat_type, users)| UserDay { day, seat_type, users, readings })
    };
    readings.into_iter().flat_map(of).collect()
}
