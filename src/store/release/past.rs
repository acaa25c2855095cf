//! What the ledger means for the next run, kept up to date with each record.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::ledger::entry_of;
use super::{Pause, Unsettled};
use crate::ledger::{Action, Entry, Outcome, SeatResult};
use crate::license::SeatType;
use crate::release::plan::{Announcement, Past};
use crate::store::{Store, StoreError, time_of};

impl Store {
    /// Intents without a known outcome, oldest first.
    pub async fn unsettled(&self, site: &str) -> Result<Vec<Unsettled>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT seq, time, run, entry FROM release_unsettled JOIN ledger USING (seq)
                  WHERE release_unsettled.site = ?1 ORDER BY seq",
            )?;
            let row = |r: &Row<'_>| {
                let Entry::Intent(intent) = entry_of(r, 3)? else {
                    return Err(rusqlite::Error::InvalidQuery);
                };
                let seq = r.get::<_, i64>(0)?.unsigned_abs();
                Ok(Unsettled { seq, time: time_of(r.get(1)?), run: r.get(2)?, intent })
            };
            query.query_map([site], row)?.collect()
        };
        self.shared.gate.read("read unsettled releases", query).await
    }

    /// What a plan for a site needs to know of earlier runs.
    pub async fn release_past(&self, site: &str) -> Result<Past, StoreError> {
        let site = site.to_owned();
        self.shared.gate.read("read what earlier runs did", move |db| past(db, &site)).await
    }

    /// When Bursar last took a seat of this type from this user or gave it back.
    pub async fn last_released(
        &self,
        site: &str,
        seat_type: SeatType,
        user: Uuid,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT time FROM release_past WHERE site = ?1 AND seat_type = ?2 AND user = ?3",
            )?
            .query_row(params![site, seat_type.as_str(), user.to_string()], |r| r.get(0))
            .optional()
        };
        let time = self.shared.gate.read("read what earlier runs did", query).await?;
        Ok(time.map(time_of))
    }

    /// The pause of a site that holds at the store's time.
    pub async fn pause(&self, site: &str) -> Result<Option<Pause>, StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms());
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT until, why, by, since FROM release_pause WHERE site = ?1 AND until > ?2",
            )?
            .query_row(params![site, now], |r| {
                Ok(Pause {
                    until: time_of(r.get(0)?),
                    why: r.get(1)?,
                    by: r.get(2)?,
                    since: time_of(r.get(3)?),
                })
            })
            .optional()
        };
        self.shared.gate.read("read the pause of releases", query).await
    }
}

fn past(db: &Connection, site: &str) -> rusqlite::Result<Past> {
    let mut past = Past::default();
    let mut query =
        db.prepare_cached("SELECT seat_type, user, time FROM release_past WHERE site = ?1")?;
    let mut rows = query.query([site])?;
    while let Some(row) = rows.next()? {
        let key = (seat_type_of(row, 0)?, uuid_of(row, 1)?);
        past.released.insert(key, time_of(row.get(2)?));
    }
    let mut query = db.prepare_cached("SELECT json FROM release_announced WHERE site = ?1")?;
    let mut rows = query.query([site])?;
    while let Some(row) = rows.next()? {
        let announcement: Announcement = from_json(row, 0)?;
        past.announced.insert(announcement.seat, announcement);
    }
    past.unsettled = db
        .prepare_cached("SELECT count(*) FROM release_unsettled WHERE site = ?1")?
        .query_row([site], |r| r.get(0))?;
    Ok(past)
}

/// Brings the tables that [`Past`], the unsettled intents and the pause are made of up to date
/// with a record.
pub(super) fn follow(
    db: &Connection,
    seq: i64,
    time: i64,
    site: &str,
    entry: &Entry,
) -> rusqlite::Result<()> {
    match entry {
        Entry::Intent(_) => db
            .prepare_cached("INSERT INTO release_unsettled (site, seq) VALUES (?1, ?2)")?
            .execute(params![site, seq])
            .map(drop),
        Entry::Outcome(outcome) => follow_outcome(db, time, site, outcome),
        Entry::Announced { seat_type, seat, holder, last_used, due } => {
            let announcement = Announcement {
                seat_type: *seat_type,
                seat: *seat,
                holder: holder.clone(),
                last_used: last_used.clone(),
                announced: time_of(time),
                due: *due,
            };
            let json = to_json(&announcement)?;
            db.prepare_cached("INSERT OR REPLACE INTO release_announced VALUES (?1, ?2, ?3)")?
                .execute(params![site, seat.to_string(), json])
                .map(drop)
        }
        Entry::Withdrawn { seat, .. } => forget_announcement(db, site, *seat),
        Entry::Paused { until, why, by } => db
            .prepare_cached("INSERT OR REPLACE INTO release_pause VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![site, until.timestamp_millis(), why, by, time])
            .map(drop),
        Entry::Resumed { .. } => db
            .prepare_cached("DELETE FROM release_pause WHERE site = ?1")?
            .execute([site])
            .map(drop),
        Entry::RunStarted { .. }
        | Entry::Planned { .. }
        | Entry::RunEnded { .. }
        | Entry::Archived { .. } => Ok(()),
    }
}

fn follow_outcome(
    db: &Connection,
    time: i64,
    site: &str,
    outcome: &Outcome,
) -> rusqlite::Result<()> {
    let (taken, given_back, gone) = match (&outcome.result, outcome.action) {
        (SeatResult::Unclear { .. }, _) => return Ok(()),
        (SeatResult::Freed | SeatResult::Quarantined { .. }, Action::Release) => {
            (true, false, false)
        }
        (SeatResult::Allocated, _) => (false, true, false),
        (SeatResult::Gone, Action::Release) => (false, false, true),
        _ => (false, false, false),
    };
    db.prepare_cached("DELETE FROM release_unsettled WHERE site = ?1 AND seq = ?2")?
        .execute(params![site, outcome.intent as i64])?;
    if taken || gone {
        forget_announcement(db, site, outcome.seat)?;
    }
    if taken || given_back {
        let user = outcome.holder.id.to_string();
        db.prepare_cached("INSERT OR REPLACE INTO release_past VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![site, outcome.seat_type.as_str(), user, time])?;
    }
    Ok(())
}

fn forget_announcement(db: &Connection, site: &str, seat: Uuid) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM release_announced WHERE site = ?1 AND seat = ?2")?
        .execute([site, &seat.to_string()])
        .map(drop)
}

fn seat_type_of(row: &Row<'_>, column: usize) -> rusqlite::Result<SeatType> {
    let text: String = row.get(column)?;
    SeatType::ALL
        .into_iter()
        .find(|seat_type| seat_type.as_str() == text)
        .ok_or_else(|| unreadable(column, format!("no type of seat: {text}").into()))
}

fn uuid_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    text.parse().map_err(|e: uuid::Error| unreadable(column, e.into()))
}

pub(in crate::store) fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| unreadable(column, e.into()))
}

pub(in crate::store) fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

pub(in crate::store) fn unreadable(
    column: usize,
    why: Box<dyn std::error::Error + Send + Sync>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why)
}
