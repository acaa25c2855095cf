//! Times in which a seat was not used, and after which it was used again.
//!
//! A seat shows its last use only, so a gap can be seen at one moment: when the next use shows. They
//! are kept from then on, to be able to say later how a shorter threshold would have fared.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::SeatReading;
use super::difference::PART;
use super::row::{seat_type_of, uuid_of};
use crate::license::{Moment, Seat, SeatType};
use crate::store::{Store, StoreError, time_of};

/// Shorter ones are not kept.
const LEAST: TimeDelta = TimeDelta::days(14);

/// By how much a use may lie ahead of the reading that shows it: clocks differ.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// A time in which a seat was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleGap {
    pub seat_type: SeatType,
    pub seat: Uuid,
    /// Who had the seat all the time.
    pub user: Uuid,
    /// The use before it; of a seat that was never used before, its allocation.
    pub from: DateTime<Utc>,
    /// The use that ended it.
    pub to: DateTime<Utc>,
    /// Never used before.
    pub first_use: bool,
    /// The last reading that showed no use after `from`. What happened between it and `to` can't be
    /// told, so the gap is certain up to here; with hourly readings that is all of it.
    pub unused_at: DateTime<Utc>,
}

impl Store {
    /// The gaps of a site that ended from `from` (included) to `to` (not included), by their end.
    pub async fn idle_gaps(
        &self,
        site: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<IdleGap>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT seat_type, seat, user, since, until, first_use, unused_at FROM seat_gap
                  WHERE site = ?1 AND until >= ?2 AND until < ?3
                  ORDER BY until, seat_type, seat",
            )?;
            let range = params![site, from.timestamp_millis(), to.timestamp_millis()];
            query.query_map(range, gap_of)?.collect()
        };
        self.shared.gate.read("read the gaps of use", query).await
    }

    /// The next gaps that ended from `from` (included) to `to` (not included), after the one that was read
    /// last: at most 10,000. Fewer are the end.
    pub async fn next_idle_gaps(
        &self,
        site: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        after: Option<IdleGap>,
    ) -> Result<Vec<IdleGap>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT seat_type, seat, user, since, until, first_use, unused_at FROM seat_gap
                  WHERE site = ?1 AND until >= ?2 AND until < ?3
                    AND (until > ?2 OR seat_type > ?4 OR (seat_type = ?4 AND seat > ?5))
                  ORDER BY until, seat_type, seat LIMIT ?6",
            )?;
            let start = after.map_or(from, |last| last.to);
            let seat_type = after.map_or("", |last| last.seat_type.as_str());
            let seat = after.map_or(String::new(), |last| last.seat.to_string());
            let range = params![
                site,
                start.timestamp_millis(),
                to.timestamp_millis(),
                seat_type,
                seat,
                PART as i64
            ];
            query.query_map(range, gap_of)?.collect()
        };
        self.shared.gate.read("read the gaps of use", query).await
    }
}

fn gap_of(row: &Row<'_>) -> rusqlite::Result<IdleGap> {
    Ok(IdleGap {
        seat_type: seat_type_of(row, 0)?,
        seat: uuid_of(row, 1)?,
        user: uuid_of(row, 2)?,
        from: time_of(row.get(3)?),
        to: time_of(row.get(4)?),
        first_use: row.get(5)?,
        unused_at: time_of(row.get(6)?),
    })
}

/// When the list of a type was read before.
pub(super) fn last_read(
    db: &Connection,
    site: &str,
    seat_type: SeatType,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let time = db
        .prepare_cached("SELECT last_read FROM seat_list WHERE site = ?1 AND seat_type = ?2")?
        .query_row([site, seat_type.as_str()], |row| row.get(0))
        .optional()?;
    Ok(time.map(time_of))
}

pub(super) fn keep(db: &Connection, site: &str, gap: &IdleGap) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO seat_gap (site, until, seat_type, seat, user, since, first_use, unused_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        site,
        gap.to.timestamp_millis(),
        gap.seat_type.as_str(),
        gap.seat.to_string(),
        gap.user.to_string(),
        gap.from.timestamp_millis(),
        gap.first_use,
        gap.unused_at.timestamp_millis(),
    ])
    .map(drop)
}

/// The gap that ended between two readings of a seat, if one did. Only what both readings say for certain: the same person, two times that can be read, and a use
/// that is not ahead of the clock.
pub(super) fn between(
    (old, last_read): (&Seat, DateTime<Utc>),
    (new, read): (&Seat, DateTime<Utc>),
) -> Option<IdleGap> {
    let user = new.holder.as_ref()?.id;
    if old.holder.as_ref()?.id != user {
        return None;
    }
    let to = new.last_used.at()?;
    let (from, first_use) = match &old.last_used {
        Moment::At(used) => (*used, false),
        Moment::Never => (new.created.at()?, true),
        Moment::Unreadable(_) => return None,
    };
    (to - from >= LEAST && to <= read + AHEAD).then_some(IdleGap {
        seat_type: new.seat_type,
        seat: new.id,
        user,
        from,
        to,
        first_use,
        unused_at: last_read.max(from).min(to),
    })
}

/// Removes those that ended as long ago as changes are kept.
pub(super) fn forget(db: &Connection, site: &str, reading: &SeatReading) -> rusqlite::Result<()> {
    let oldest = reading.time - TimeDelta::days(reading.keep_changes_days.into());
    db.prepare_cached("DELETE FROM seat_gap WHERE site = ?1 AND until < ?2")?
        .execute(params![site, oldest.timestamp_millis()])
        .map(drop)
}
