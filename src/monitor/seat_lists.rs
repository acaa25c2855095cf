//! How the lists of seats are read: whole, or what changed since they were read before.
//!
//! A difference is asked for by the dates of the rows and believed only when the site's own counts say
//! that what is known and what changed make up the whole: of all seats, of those in quarantine, in
//! excess, used within a day and within 30 days. Otherwise, once a day, and where a list is short, the
//! whole list is read. What releases are decided on is never read in this way.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::settings::{Pace, SeatMonitor};
use crate::license::changes::SeatRow;
use crate::license::{Moment, SeatType};
use crate::policy::Policy;
use crate::qrs::{self, SeatsOf};
use crate::store::SeatList;

/// A list of so many seats is half a megabyte: it is read whole.
pub const WHOLE_UP_TO: usize = 1_000;

/// How long a whole reading holds.
const WHOLE_EVERY: TimeDelta = TimeDelta::hours(24);

/// Rows may be written a little later than their dates say, and nodes' clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Bytes of a row, and of a user in full, as they usually are.
const ROW_BYTES: usize = 550;
const USER_BYTES: usize = 2_500;

/// A look that is due a little later is due.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What a process remembers of its readings of a site. Whoever forgets it reads whole lists.
#[derive(Debug, Default)]
pub struct Memory {
    lists: HashMap<SeatType, Remembered>,
    /// When the lists were read last, whole or not.
    read: Option<DateTime<Utc>>,
    /// How many seats there were when it was told how they are read.
    told: Option<Vec<usize>>,
}

/// Of one type.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    seats: usize,
    /// When the whole list was read.
    whole: DateTime<Utc>,
    /// By how much the site's clock is behind ours.
    behind: TimeDelta,
    /// The server knows no filter of this kind.
    refused: bool,
}

/// A list as it is now.
#[derive(Debug)]
pub(super) struct ListRead {
    pub(super) rows: Vec<SeatRow>,
    remembered: Remembered,
}

impl Memory {
    /// Takes in a list that was read.
    pub(super) fn keep(&mut self, seat_type: SeatType, read: &ListRead, now: DateTime<Utc>) {
        self.lists.insert(seat_type, read.remembered);
        self.read = Some(now);
    }

    /// The seats of the types, the longest list first.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.lists.values().map(|list| list.seats).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }

    /// Whether the lists were read so lately that a look at the counts is enough.
    pub fn may_wait(&self, monitor: &SeatMonitor, now: DateTime<Utc>) -> bool {
        let pace = pace(monitor, self.sizes().iter().sum());
        let Some((read, pace)) = self.read.zip(pace) else { return false };
        (TimeDelta::zero()..pace - TOLERANCE).contains(&(now - read))
    }

    /// Whether the site still has as many seats of each type.
    ///
    /// # Errors
    /// See [`qrs::Error`].
    pub async fn counts_are_the_same(
        &self,
        client: &qrs::Client,
        patience: qrs::Patience,
    ) -> Result<bool, qrs::Error> {
        for (seat_type, list) in &self.lists {
            let count = client.count_seats(*seat_type, SeatsOf::All, patience).await?;
            if count != list.seats as u64 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How the seats are read, when that is news: at the start, and when another pace follows.
    pub fn news(&mut self, monitor: &SeatMonitor, policy: &Policy, zone: Tz) -> Option<String> {
        let sizes = self.sizes();
        let class = |sizes: &[usize]| {
            let long = sizes.iter().filter(|seats| **seats > WHOLE_UP_TO).count();
            (long, pace(monitor, sizes.iter().sum()))
        };
        if self.told.as_ref().is_some_and(|told| class(told) == class(&sizes)) {
            return None;
        }
        let text = told(&sizes, monitor, policy, zone);
        self.told = Some(sizes);
        Some(text)
    }
}

/// How far apart the lists are read where the settings don't say; `None` where they do, and where
/// every look reads them.
fn pace(monitor: &SeatMonitor, seats: usize) -> Option<TimeDelta> {
    match (monitor.pace, seats) {
        (Pace::AsWritten, _) | (Pace::BySize, ..=5_000) => None,
        (Pace::BySize, ..=20_000) => Some(TimeDelta::hours(2)),
        (Pace::BySize, _) => Some(TimeDelta::hours(4)),
    }
}

/// What is read how often, and about how much that is.
pub fn told(sizes: &[usize], monitor: &SeatMonitor, policy: &Policy, zone: Tz) -> String {
    let seats: usize = sizes.iter().sum();
    let often = monitor.schedule.text();
    let start = DateTime::UNIX_EPOCH + TimeDelta::days(18_262);
    let ticks = monitor.schedule.upcoming(start, zone, 1_500);
    let looks = ticks.iter().filter(|tick| **tick <= start + TimeDelta::days(1)).count().max(1);
    let pace = pace(monitor, seats);
    let readings = pace.map_or(looks, |pace| (24 / pace.num_hours().max(1)) as usize);
    let (long, short): (Vec<usize>, Vec<usize>) =
        sizes.iter().partition(|seats| **seats > WHOLE_UP_TO);
    let whole = short.iter().sum::<usize>() * ROW_BYTES;
    let daily = long.iter().sum::<usize>() * ROW_BYTES;
    let mut text = format!("{seats} seats are read: ");
    if long.is_empty() {
        text += &format!(
            "the whole lists, {often}, about {} each time and {} a day",
            megabytes(whole),
            megabytes(whole * readings)
        );
    } else {
        let between = match pace {
            Some(pace) => format!(
                "every {} hours what changed, and {often} how many there are",
                pace.num_hours()
            ),
            None => format!("{often} what changed"),
        };
        text += &format!(
            "once a day the whole lists, about {}; between, {between}, proved by the site's counts; \
             at least {} a day",
            megabytes(whole + daily),
            megabytes(daily + whole * readings)
        );
    }
    text + &if !monitor.breakdown_by.is_empty() || !policy.never_release.roles.is_empty() {
        format!("; every user in full once a day, about {}", megabytes(seats * USER_BYTES))
    } else {
        "; users in full once a day, those of idle seats only".to_owned()
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Reads the list of a type, whole unless its difference is enough.
///
/// # Errors
/// See [`qrs::Error`].
pub(super) async fn read(
    client: &qrs::Client,
    seat_type: SeatType,
    known: Option<&SeatList>,
    memory: &Memory,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<ListRead, qrs::Error> {
    let mut refused = false;
    if let (Some(known), Some(before)) = (known, memory.lists.get(&seat_type).copied()) {
        refused = before.refused;
        let lately = |time| (TimeDelta::zero()..WHOLE_EVERY).contains(&(now - time));
        if known.seats.len() > WHOLE_UP_TO
            && !refused
            && lately(before.whole)
            && lately(known.last_read)
        {
            let since = known.last_read - before.behind - OVERLAP;
            match difference(client, known, since, now, patience).await {
                Ok(Some(rows)) => {
                    let remembered = Remembered { seats: rows.len(), ..before };
                    return Ok(ListRead { rows, remembered });
                }
                Ok(None) => tracing::debug!(
                    seat_type = seat_type.as_str(),
                    "what changed doesn't add up to what the site counts: the whole list is read"
                ),
                Err(qrs::Error::BadFilter { .. }) => refused = true,
                Err(qrs::Error::Incomplete { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let reading = client.seat_rows(seat_type, patience).await?;
    let behind = reading.server_date.map_or(TimeDelta::zero(), |theirs| now - theirs);
    let remembered = Remembered {
        seats: reading.value.len(),
        whole: now,
        behind: behind.max(TimeDelta::zero()),
        refused,
    };
    Ok(ListRead { rows: reading.value, remembered })
}

/// What is known with what changed since; `None` unless the site's counts agree.
async fn difference(
    client: &qrs::Client,
    known: &SeatList,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Option<Vec<SeatRow>>, qrs::Error> {
    let seat_type = known.seat_type;
    let changed = client.changed_seat_rows(seat_type, since.trunc_subsecs(0), patience).await?;
    let unchanged = known.seats.iter().map(|known| SeatRow {
        seat: known.seat.clone(),
        // Only new and changed rows are asked who made them so.
        modified: Moment::Unreadable("not read".into()),
        modified_by: None,
    });
    let mut rows: HashMap<Uuid, SeatRow> = unchanged.map(|row| (row.seat.id, row)).collect();
    rows.extend(changed.value.into_iter().map(|row| (row.seat.id, row)));
    let rows: Vec<SeatRow> = rows.into_values().collect();
    let used_since = |time: DateTime<Utc>| SeatsOf::UsedSince(time.trunc_subsecs(0));
    for of in [
        SeatsOf::All,
        SeatsOf::Quarantined,
        SeatsOf::Excess,
        used_since(now - TimeDelta::days(1)),
        used_since(now - TimeDelta::days(30)),
    ] {
        let ours = rows.iter().filter(|row| of.holds(&row.seat)).count() as u64;
        let theirs = match client.count_seats(seat_type, of, patience).await {
            // A server, or a type, without this property.
            Err(qrs::Error::BadFilter { .. }) if of == SeatsOf::Excess => 0,
            count => count?,
        };
        if ours != theirs {
            return Ok(None);
        }
    }
    Ok(Some(rows))
}
