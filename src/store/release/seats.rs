//! Seats that were taken and given back, whatever of the ledger lies in an archive.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::past::{to_json, unreadable};
use crate::ledger::{Account, Action, Intent, Outcome};
use crate::license::{Moment, SeatType};
use crate::store::seats::row::{seat_type_of, uuid_of};
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
    /// Notes in what a run came to how many of its seats undos have given back since. `first`: the record of its
    /// start.
    pub(super) async fn note_given_back(
        &self,
        site: &str,
        (run, first): (&str, u64),
        account: &mut Account,
    ) -> Result<(), StoreError> {
        let given = self.given_back(site, first).await?;
        account.note_given_back(given.get(run).map_or(&[], Vec::as_slice));
        Ok(())
    }

    /// See [`given_back`].
    pub(super) async fn given_back(
        &self,
        site: &str,
        after: u64,
    ) -> Result<HashMap<String, Vec<(SeatType, u64)>>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| given_back(db, &site, after);
        self.shared.gate.read("read what was given back", query).await
    }

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

/// By the id of the run that took them: how many seats of each type undos have given back, of what was taken after a
/// record.
pub(super) fn given_back(
    db: &Connection,
    site: &str,
    after: u64,
) -> rusqlite::Result<HashMap<String, Vec<(SeatType, u64)>>> {
    let mut query = db.prepare_cached(
        "SELECT intent, action, seat_type, seat FROM release_seat
          WHERE site = ?1 AND intent > ?2 AND done IS NOT NULL ORDER BY intent",
    )?;
    let mut run_of = db.prepare_cached("SELECT run FROM ledger WHERE seq = ?1")?;
    let mut taken: HashMap<String, i64> = HashMap::new();
    let mut given: HashMap<String, Vec<(SeatType, u64)>> = HashMap::new();
    let mut rows = query.query(params![site, after as i64])?;
    while let Some(row) = rows.next()? {
        let (intent, seat): (i64, String) = (row.get(0)?, row.get(3)?);
        if action_of(row, 1)? == Action::Release {
            taken.insert(seat, intent);
            continue;
        }
        // By its run, unless that was before.
        let Some(intent) = taken.remove(&seat) else { continue };
        let Some(run) = run_of.query_row([intent], |r| r.get(0)).optional()? else { continue };
        let (seat_type, types) = (seat_type_of(row, 2)?, given.entry(run).or_default());
        match types.iter_mut().find(|(of, _)| *of == seat_type) {
            Some((_, count)) => *count += 1,
            None => types.push((seat_type, 1)),
        }
    }
    Ok(given)
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
