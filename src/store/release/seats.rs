//! Seats that were taken and given back, whatever of the ledger lies in an archive.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::past::{seat_type_of, to_json, unreadable, uuid_of};
use crate::ledger::{Action, Intent, Outcome};
use crate::license::{Moment, SeatType};
use crate::store::{Store, StoreError, time_of};

/// They are read in parts of so many.
const PART: usize = 10_000;

/// A seat that was taken from its user, or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneSeat {
    pub time: DateTime<Utc>,
    pub action: Action,
    pub seat_type: SeatType,
    pub user: Uuid,
}

/// A seat that was to be taken, and what it was like then.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedSeat {
    /// Number of the intent's record.
    pub intent: u64,
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub user: Uuid,
    /// Absent where only the outcome was there when this began to be kept.
    pub moments: Option<Moments>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    pub created: Moment,
    pub last_used: Moment,
}

impl Store {
    /// Every seat of a site that was taken or given back, oldest first.
    pub async fn done_seats(&self, site: &str) -> Result<Vec<DoneSeat>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT done, action, seat_type, user FROM release_seat
                  WHERE site = ?1 AND done IS NOT NULL ORDER BY done, intent",
            )?;
            let row = |r: &Row<'_>| {
                Ok(DoneSeat {
                    time: time_of(r.get(0)?),
                    action: action_of(r, 1)?,
                    seat_type: seat_type_of(r, 2)?,
                    user: uuid_of(r, 3)?,
                })
            };
            query.query_map([site], row)?.collect()
        };
        self.shared.gate.read("read what was released", query).await
    }

    /// The next seats of a site that were to be taken from a time on, after the record that was read last.
    /// At most 10,000; fewer are the end.
    pub async fn next_wanted_seats(
        &self,
        site: &str,
        from: DateTime<Utc>,
        after: Option<u64>,
    ) -> Result<Vec<WantedSeat>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT intent, seat_type, seat, user, created, last_used FROM release_seat
                  WHERE site = ?1 AND intent > ?2 AND time >= ?3 AND action = 'release'
                  ORDER BY intent LIMIT ?4",
            )?;
            let after = after.unwrap_or(0) as i64;
            let range = params![site, after, from.timestamp_millis(), PART as i64];
            let row = |r: &Row<'_>| {
                let (created, last_used) = (moment_of(r, 4)?, moment_of(r, 5)?);
                Ok(WantedSeat {
                    intent: r.get::<_, i64>(0)?.unsigned_abs(),
                    seat_type: seat_type_of(r, 1)?,
                    seat: uuid_of(r, 2)?,
                    user: uuid_of(r, 3)?,
                    moments: created
                        .zip(last_used)
                        .map(|(created, last_used)| Moments { created, last_used }),
                })
            };
            query.query_map(range, row)?.collect()
        };
        self.shared.gate.read("read what was to be released", query).await
    }
}

/// Notes what is to be done to a seat.
pub(super) fn note_intent(
    db: &Connection,
    seq: i64,
    time: i64,
    site: &str,
    intent: &Intent,
) -> rusqlite::Result<()> {
    let action: &str = intent.action.into();
    db.prepare_cached(
        "INSERT OR REPLACE INTO release_seat VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL)",
    )?
    .execute(params![
        site,
        seq,
        time,
        action,
        intent.seat_type.as_str(),
        intent.seat.to_string(),
        intent.holder.id.to_string(),
        to_json(&intent.created)?,
        to_json(&intent.last_used)?,
    ])
    .map(drop)
}

/// Notes what became of it: a later outcome replaces what an earlier one said.
pub(super) fn note_outcome(
    db: &Connection,
    time: i64,
    site: &str,
    outcome: &Outcome,
) -> rusqlite::Result<()> {
    let done = (outcome.is_release() || outcome.is_return()).then_some(time);
    let action: &str = outcome.action.into();
    db.prepare_cached(
        "INSERT INTO release_seat VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL, ?8)
             ON CONFLICT (site, intent) DO UPDATE SET done = excluded.done",
    )?
    .execute(params![
        site,
        outcome.intent as i64,
        time,
        action,
        outcome.seat_type.as_str(),
        outcome.seat.to_string(),
        outcome.holder.id.to_string(),
        done,
    ])
    .map(drop)
}

fn action_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Action> {
    let text: String = row.get(column)?;
    [Action::Release, Action::Allocate]
        .into_iter()
        .find(|action| <&str>::from(*action) == text)
        .ok_or_else(|| unreadable(column, format!("nothing to do to a seat: {text}").into()))
}

fn moment_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Moment>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| unreadable(column, e.into())))
        .transpose()
}
