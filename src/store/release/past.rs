//! What the ledger means for the next run, kept up to date with each record.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::ledger::entry_of;
use crate::ledger::past::{Accepted, Announcement, OpenIntent, Past, Pause, WINDOW};
use crate::ledger::{Action, Entry, Outcome, SeatResult, Statement};
use crate::license::SeatType;
use crate::policy::Guard;
use crate::store::seats::row::{seat_type_of, uuid_of};
use crate::store::site::{forget_identity, identity, keep_identity};
use crate::store::{Store, StoreError, aside, time_of};

impl Store {
    /// What a plan for a site needs to know of earlier runs.
    pub async fn release_past(&self, site: &str) -> Result<Past, StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms());
        self.shared.gate.read("read what earlier runs did", move |db| past(db, &site, now)).await
    }

    /// What a person accepted on a site, oldest first, whether it holds or not.
    pub async fn accepted(&self, site: &str) -> Result<Vec<Accepted>, StoreError> {
        let site = site.to_owned();
        self.shared.gate.read("read what was accepted", move |db| accepted(db, &site)).await
    }

    /// When Bursar last took a seat of this type from this user or allocated it again.
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

    /// The pause of a site that holds at the store's time; that of a store that began anew before a person's.
    pub async fn pause(&self, site: &str) -> Result<Option<Pause>, StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms());
        let query = move |db: &Connection| {
            if let Some(held) = aside::pause(db)? {
                return Ok(Some(held));
            }
            db.prepare_cached(
                "SELECT until, why, by, since FROM release_pause WHERE site = ?1 AND until > ?2",
            )?
            .query_row(params![site, now], |r| {
                Ok(Pause {
                    until: time_of(r.get(0)?),
                    why: r.get(1)?,
                    by: r.get(2)?,
                    since: time_of(r.get(3)?),
                    begun_anew: false,
                })
            })
            .optional()
        };
        self.shared.gate.read("read the pause of releases", query).await
    }
}

fn past(db: &Connection, site: &str, now: i64) -> rusqlite::Result<Past> {
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
    past.open = super::open::unsettled(db, site)?
        .into_iter()
        .map(|open| OpenIntent {
            record: open.seq,
            action: open.intent.action,
            seat_type: open.intent.seat_type,
            seat: open.intent.seat,
            since: open.time,
        })
        .collect();
    past.taken = taken(db, site, now - WINDOW.num_milliseconds())?;
    past.accepted = accepted(db, site)?;
    past.identity = identity(db, site)?;
    Ok(past)
}

/// What the runs of a site that began after a time wanted to take, and what came of it.
pub(in crate::store) const TAKEN: &str = "
    SELECT record.seq, record.entry
      FROM ledger AS start JOIN ledger AS record ON record.run = start.run AND record.run <> ''
     WHERE start.kind = 'runStarted' AND start.site = ?1 AND start.time > ?2
           AND record.kind IN ('intent', 'outcome')
     ORDER BY record.seq";

/// How many seats of each type the runs took that began after a time. An attempt whose outcome is not
/// known counts: the seat may be gone. One that was allocated again counts, too.
fn taken(db: &Connection, site: &str, since: i64) -> rusqlite::Result<BTreeMap<SeatType, u32>> {
    let sql = TAKEN;
    let mut query = db.prepare_cached(sql)?;
    let mut attempts: HashMap<u64, (SeatType, bool)> = HashMap::new();
    let mut rows = query.query(params![site, since])?;
    while let Some(row) = rows.next()? {
        match entry_of(row, 1)? {
            Entry::Intent(intent) if intent.action == Action::Release => {
                let seq = row.get::<_, i64>(0)?.unsigned_abs();
                attempts.insert(seq, (intent.seat_type, true));
            }
            Entry::Outcome(outcome) => {
                if let Some((_, taken)) = attempts.get_mut(&outcome.intent) {
                    *taken = outcome.is_release() || !outcome.is_final();
                }
            }
            _ => {}
        }
    }
    let mut count = BTreeMap::new();
    for (seat_type, _) in attempts.into_values().filter(|(_, taken)| *taken) {
        *count.entry(seat_type).or_default() += 1;
    }
    Ok(count)
}

/// What a person accepted, oldest first. A few records of all years.
fn accepted(db: &Connection, site: &str) -> rusqlite::Result<Vec<Accepted>> {
    let mut query = db.prepare_cached(
        "SELECT time, entry FROM ledger WHERE kind = 'accepted' AND site = ?1 ORDER BY seq",
    )?;
    let mut rows = query.query([site])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let since = time_of(row.get(0)?);
        if let Entry::Accepted { guard, seat_type, due, seats, until, why, by } = entry_of(row, 1)?
        {
            all.push(Accepted { guard, seat_type, due, seats, since, until, by, why });
        }
    }
    Ok(all)
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
        Entry::Intent(intent) => {
            super::seats::note_intent(db, seq, time, site, intent)?;
            db.prepare_cached(
                "INSERT INTO release_unsettled (site, seq, seat) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![site, seq, intent.seat.to_string()])
            .map(drop)
        }
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
        Entry::SiteAccepted { is, known_as, .. } => {
            if let Some(known_as) = known_as {
                forget_identity(db, known_as)?;
            }
            keep_identity(db, site, is, time)
        }
        Entry::Planned { site: Some(now), refusals, .. } => {
            // A run that met another site has learned nothing of this one.
            if refusals.iter().any(|refusal| refusal.guard == Guard::OtherSite) {
                return Ok(());
            }
            let known = identity(db, site)?;
            let learned = known.as_ref().map_or_else(|| now.clone(), |known| known.learn(now));
            if known.as_ref() == Some(&learned) {
                return Ok(());
            }
            keep_identity(db, site, &learned, time)
        }
        Entry::RunStarted { .. }
        | Entry::Planned { .. }
        | Entry::RunEnded { .. }
        | Entry::Accepted { .. }
        | Entry::LossAccepted { .. }
        | Entry::Archived { .. }
        | Entry::Rebuilt { .. } => Ok(()),
    }
}

fn follow_outcome(
    db: &Connection,
    time: i64,
    site: &str,
    outcome: &Outcome,
) -> rusqlite::Result<()> {
    super::seats::note_outcome(db, time, site, outcome)?;
    if !outcome.is_final() {
        return super::open::keep_open(db, time, site, outcome);
    }
    db.prepare_cached("DELETE FROM release_unsettled WHERE site = ?1 AND seq = ?2")?
        .execute(params![site, outcome.intent as i64])?;
    let taken = outcome.is_release();
    let says_taken = matches!(
        outcome.result,
        SeatResult::Gone | SeatResult::Stated { says: Statement::Taken, .. }
    );
    let gone = outcome.action == Action::Release && says_taken;
    if taken || gone {
        forget_announcement(db, site, outcome.seat)?;
    }
    if taken || outcome.is_return() {
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
