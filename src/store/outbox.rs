//! The queues: recording events, handing them to the workers, settling them, keeping the limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use tracing::warn;

use super::drops::{CHUNK, DropCandidate, DropReason, Drops};
use super::{Store, StoreError, history};
use crate::event::{Class, Event, Series};
use crate::store::settings::OutboxLimits;

/// Names one event in a queue, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub(super) i64);

/// One event that waits for its delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    pub id: QueueId,
    pub event: Event,
    /// Deliveries that failed so far.
    pub attempts: u32,
    /// The answer to the last of them.
    pub last_error: Option<String>,
}

/// What becomes of an event in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The destination has it: it leaves the queue.
    Done,
    /// The destination will never take it: kept as a dead letter, for a person to look at.
    Dead { why: String },
    /// It stays where it is in the queue.
    Retry { why: String },
}

impl Store {
    /// Queues each event for the destinations named beside it, and keeps recurring events as the
    /// latest of their site and kind, their figures in the history. All or nothing, and on the disk when it returns. Wakes the
    /// workers.
    ///
    /// Recording an event again (same id) is harmless, so a call whose outcome is unclear may be
    /// repeated.
    pub async fn record(&self, events: Vec<(Event, Vec<String>)>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        self.record_with(events, |_| Ok(())).await
    }

    /// As [`record`](Self::record), with a change of something else in the same transaction.
    pub(super) async fn record_with(
        &self,
        events: Vec<(Event, Vec<String>)>,
        change: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let now = self.now_ms();
        let limits = self.shared.limits;
        let drops = self
            .shared
            .gate
            .write("record events", move |db| {
                change(db)?;
                record(db, &events, now, limits)
            })
            .await?;
        self.shared.drop_log.add(&drops, now);
        self.wake();
        Ok(())
    }

    /// The newest recurring event of each site and kind, also of those no destination wanted.
    pub async fn latest(&self) -> Result<Vec<Event>, StoreError> {
        self.shared
            .gate
            .read("read the latest data", |db| {
                let mut query = db.prepare_cached("SELECT json FROM latest ORDER BY site, kind")?;
                let rows = query.query_map([], |r| r.get::<_, String>(0))?;
                let texts = rows.collect::<rusqlite::Result<Vec<_>>>()?;
                // One that this release can't read is replaced at the next poll.
                Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
            })
            .await
    }

    /// The events that are next in a queue, at most `max`: alerts and what was done to seats before
    /// recurring data, oldest first in each of the two lanes.
    ///
    /// What is too old by now is dropped first. An event that this release can't read (written by
    /// a newer one) becomes a dead letter instead of blocking the queue.
    pub async fn next_batch(
        &self,
        destination: &str,
        max: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        self.next_batch_beside(destination, max, Vec::new()).await
    }

    /// As [`next_batch`](Self::next_batch), passing over all events of these series.
    pub async fn next_batch_beside(
        &self,
        destination: &str,
        max: usize,
        beside: Vec<Series>,
    ) -> Result<Vec<Queued>, StoreError> {
        self.expire().await?;
        let beside = Arc::new(beside);
        loop {
            let (name, beside) = (destination.to_owned(), beside.clone());
            let query = move |db: &Connection| head(db, &name, max, &beside);
            let Head { batch, unreadable } = self.shared.gate.read("read a queue", query).await?;
            if !unreadable.is_empty() {
                warn!(
                    destination,
                    count = unreadable.len(),
                    "queued events that this release can't read are kept as dead letters"
                );
                self.settle(destination, &unreadable).await?;
            }
            if !batch.is_empty() || unreadable.is_empty() {
                return Ok(batch);
            }
        }
    }

    /// One event of a queue, if it still waits there and can be read.
    pub async fn waiting(
        &self,
        destination: &str,
        id: QueueId,
    ) -> Result<Option<Queued>, StoreError> {
        let name = destination.to_owned();
        let query = move |db: &Connection| {
            let Some(queue) = queue_id(db, &name)? else { return Ok(None) };
            let mut query = db.prepare_cached(
                "SELECT delivery.seq, event.json, delivery.attempts, delivery.last_error
                   FROM delivery JOIN event ON event.seq = delivery.seq
                  WHERE delivery.seq = ?1 AND delivery.queue = ?2 AND delivery.dead = 0",
            )?;
            let mut rows = query.query([id.0, queue])?;
            rows.next()?.map(queued).transpose().map(|found| found.and_then(Result::ok))
        };
        self.shared.gate.read("read a queue", query).await
    }

    /// The next event of each series that waits in a queue, in the order of
    /// [`next_batch`](Self::next_batch), at most `max`.
    pub async fn next_of_each_series(
        &self,
        destination: &str,
        max: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        let name = destination.to_owned();
        let query = move |db: &Connection| next_of_each_series(db, &name, max);
        self.shared.gate.read("read a queue", query).await
    }

    /// Writes down what became of events of one queue, all or nothing. Events that left the queue
    /// meanwhile are passed over.
    pub async fn settle(
        &self,
        destination: &str,
        results: &[(QueueId, Settlement)],
    ) -> Result<(), StoreError> {
        if results.is_empty() {
            return Ok(());
        }
        let (name, all, now) = (destination.to_owned(), results.to_vec(), self.now_ms());
        self.shared.gate.write("settle deliveries", move |db| settle(db, &name, &all, now)).await?;
        self.shared.counting.settled(destination, results);
        Ok(())
    }

    /// Reduces the recurring events that wait in a queue to the newest of each site and kind.
    /// Alerts and dead letters stay. Returns how many went.
    pub async fn coalesce(&self, destination: &str) -> Result<u64, StoreError> {
        let name = destination.to_owned();
        let query = move |db: &Connection| older_recurring(db, &name);
        let surplus = self.shared.gate.read("read a queue", query).await?;
        let mut gone = 0;
        for part in surplus.chunks(CHUNK) {
            let part = part.to_vec();
            let change = move |db: &Connection| {
                let mut drops = Drops::default();
                drops.remove(db, DropReason::Coalesced, &part)?;
                drops.count(db)
            };
            gone += self.shared.gate.write("coalesce a queue", change).await?.total();
        }
        Ok(gone)
    }

    /// Drops all that is too old.
    async fn expire(&self) -> Result<(), StoreError> {
        let (now, limits) = (self.now_ms(), self.shared.limits);
        let query = move |db: &Connection| any_expired(db, now, limits);
        let mut more = self.shared.gate.read("look for what is too old", query).await?;
        while more {
            let change = move |db: &Connection| {
                let mut drops = Drops::default();
                expire(db, now, limits, &mut drops)?;
                drops.count(db)
            };
            let drops = self.shared.gate.write("drop what is too old", change).await?;
            self.shared.drop_log.add(&drops, now);
            more = drops.total() > 0;
        }
        Ok(())
    }
}

pub(super) fn class_number(class: Class) -> i64 {
    match class {
        Class::Recurring => 0,
        Class::Alert => 1,
    }
}

pub(super) fn class_of(number: i64) -> Class {
    if number == 0 { Class::Recurring } else { Class::Alert }
}

pub(super) fn queue_id(db: &Connection, destination: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM queue WHERE destination = ?1")?
        .query_row([destination], |r| r.get(0))
        .optional()
}

/// Queues events, keeps their figures, and drops what is over the limits then.
pub(super) fn record(
    db: &Connection,
    events: &[(Event, Vec<String>)],
    now: i64,
    limits: OutboxLimits,
) -> rusqlite::Result<Drops> {
    let mut drops = Drops::default();
    if events.is_empty() {
        return Ok(drops);
    }
    let queues = insert(db, events, now)?;
    history::record(db, events.iter().map(|(event, _)| event))?;
    expire(db, now, limits, &mut drops)?;
    for queue in queues {
        evict(db, queue, limits, CHUNK + events.len(), &mut drops)?;
    }
    drops.count(db)
}

/// Returns the queues that got an event.
fn insert(
    db: &Connection,
    events: &[(Event, Vec<String>)],
    now: i64,
) -> rusqlite::Result<Vec<i64>> {
    let mut known: HashMap<&str, i64> = HashMap::new();
    for (event, destinations) in events {
        let json = serde_json::to_string(event)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let time = event.time.timestamp_millis();
        if event.class() == Class::Recurring {
            db.prepare_cached(
                "INSERT INTO latest (site, kind, time, json) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (site, kind) DO UPDATE SET time = excluded.time, json = excluded.json
                 WHERE excluded.time >= time",
            )?
            .execute(params![event.site, event.kind().as_str(), time, json])?;
        }
        if destinations.is_empty() {
            continue;
        }
        db.prepare_cached(
            "INSERT INTO event (id, site, kind, time, recorded, json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![event.id, event.site, event.kind().as_str(), time, now, json])?;
        let seq: i64 = db
            .prepare_cached("SELECT seq FROM event WHERE id = ?1")?
            .query_row([&event.id], |r| r.get(0))?;
        for destination in destinations {
            let queue = match known.get(destination.as_str()) {
                Some(queue) => *queue,
                None => {
                    let queue = make_queue(db, destination)?;
                    known.insert(destination, queue);
                    queue
                }
            };
            db.prepare_cached(
                "INSERT INTO delivery (queue, class, seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT (seq, queue) DO NOTHING",
            )?
            .execute(params![queue, class_number(event.class()), seq])?;
        }
    }
    Ok(known.into_values().collect())
}

fn make_queue(db: &Connection, destination: &str) -> rusqlite::Result<i64> {
    if let Some(queue) = queue_id(db, destination)? {
        return Ok(queue);
    }
    db.prepare_cached("INSERT INTO queue (destination) VALUES (?1)")?.insert([destination])
}

/// What waits, as far as it was looked at.
#[derive(Default)]
struct Head {
    batch: Vec<Queued>,
    unreadable: Vec<(QueueId, Settlement)>,
}

/// The lanes of a queue, the one that never waits for the other first.
const LANES: [Class; 2] = [Class::Alert, Class::Recurring];

/// Asks for what waits in a lane, oldest first: walks the key, row by row as they are asked for.
fn lane(db: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    db.prepare_cached(
        "SELECT delivery.seq, event.json, delivery.attempts, delivery.last_error, event.site,
                event.kind
           FROM delivery CROSS JOIN event ON event.seq = delivery.seq
          WHERE delivery.queue = ?1 AND delivery.class = ?2 AND delivery.dead = 0
          ORDER BY delivery.seq",
    )
}

fn head(
    db: &Connection,
    destination: &str,
    max: usize,
    beside: &[Series],
) -> rusqlite::Result<Head> {
    let mut head = Head::default();
    let Some(queue) = queue_id(db, destination)? else { return Ok(head) };
    let mut query = lane(db)?;
    for lane in LANES {
        let mut rows = query.query(params![queue, class_number(lane)])?;
        while head.batch.len() + head.unreadable.len() < max
            && let Some(row) = rows.next()?
        {
            let passed = in_series(row, beside)?;
            if passed == Some(true) {
                continue;
            }
            match queued(row)? {
                Ok(event) if passed.is_none() && covered(&event.event, beside) => {}
                Ok(event) => head.batch.push(event),
                Err(unreadable) => head.unreadable.push(unreadable),
            }
        }
    }
    Ok(head)
}

/// Whether an event is of one of these series, as far as that can be told without reading it.
fn in_series(row: &Row<'_>, series: &[Series]) -> rusqlite::Result<Option<bool>> {
    let (site, kind) = (row.get_ref(4)?.as_str()?, row.get_ref(5)?.as_str()?);
    let mut like = series.iter().filter(|one| one.site == site && one.kind.as_str() == kind);
    let Some(first) = like.next() else { return Ok(Some(false)) };
    Ok((first.is_whole_kind() || like.any(Series::is_whole_kind)).then_some(true))
}

fn covered(event: &Event, series: &[Series]) -> bool {
    let of = event.series();
    series.iter().any(|one| one.covers(&of))
}

fn queued(row: &Row<'_>) -> rusqlite::Result<Result<Queued, (QueueId, Settlement)>> {
    let id = QueueId(row.get(0)?);
    Ok(match serde_json::from_str(row.get_ref(1)?.as_str()?) {
        Ok(event) => Ok(Queued { id, event, attempts: row.get(2)?, last_error: row.get(3)? }),
        Err(e) => {
            let why = format!("this release can't read the stored event: {e}");
            Err((id, Settlement::Dead { why }))
        }
    })
}

fn next_of_each_series(
    db: &Connection,
    destination: &str,
    max: usize,
) -> rusqlite::Result<Vec<Queued>> {
    let mut found: Vec<Queued> = Vec::new();
    let Some(queue) = queue_id(db, destination)? else { return Ok(found) };
    let mut query = lane(db)?;
    let mut known: Vec<Series> = Vec::new();
    for lane in LANES {
        let mut rows = query.query(params![queue, class_number(lane)])?;
        while found.len() < max
            && let Some(row) = rows.next()?
        {
            if in_series(row, &known)? == Some(true) {
                continue;
            }
            // One that can't be read is settled when it is next.
            let Ok(event) = queued(row)? else { continue };
            let series = event.event.series();
            if !known.contains(&series) {
                known.push(series);
                found.push(event);
            }
        }
    }
    Ok(found)
}

fn settle(
    db: &Connection,
    destination: &str,
    results: &[(QueueId, Settlement)],
    now: i64,
) -> rusqlite::Result<()> {
    let Some(queue) = queue_id(db, destination)? else { return Ok(()) };
    let mut failed = None;
    let mut done = false;
    for (QueueId(seq), settlement) in results {
        match settlement {
            Settlement::Done => {
                done = true;
                db.prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND queue = ?2")?
                    .execute([*seq, queue])?;
            }
            Settlement::Dead { why } | Settlement::Retry { why } => {
                let dead = matches!(settlement, Settlement::Dead { .. });
                failed = Some((why, dead));
                db.prepare_cached(
                    "UPDATE delivery SET attempts = attempts + 1, last_error = ?3, dead = ?4
                     WHERE seq = ?1 AND queue = ?2",
                )?
                .execute(params![seq, queue, why, dead])?;
            }
        }
    }
    if done {
        db.prepare_cached("UPDATE queue SET last_delivered = ?2 WHERE id = ?1")?
            .execute([queue, now])?;
    }
    let retrying = results.iter().any(|(_, s)| matches!(s, Settlement::Retry { .. }));
    db.prepare_cached("UPDATE queue SET attempts = iif(?2, attempts + 1, 0) WHERE id = ?1")?
        .execute(params![queue, retrying])?;
    if let Some((why, _)) = failed {
        db.prepare_cached("UPDATE queue SET last_error = ?2, last_error_at = ?3 WHERE id = ?1")?
            .execute(params![queue, why, now])?;
    }
    Ok(())
}

/// The recurring deliveries that wait and have a newer one of their site and kind behind them,
/// oldest first.
fn older_recurring(db: &Connection, destination: &str) -> rusqlite::Result<Vec<DropCandidate>> {
    let Some(queue) = queue_id(db, destination)? else { return Ok(Vec::new()) };
    // Backwards, so that the first of each series is its newest: no sort, little memory.
    let mut query = db.prepare_cached(
        "SELECT queue, class, seq, site, kind FROM delivery CROSS JOIN event USING (seq)
          WHERE queue = ?1 AND class = 0 AND dead = 0 ORDER BY seq DESC",
    )?;
    let mut rows = query.query([queue])?;
    let mut series: HashSet<(String, String)> = HashSet::new();
    let mut surplus = Vec::new();
    while let Some(row) = rows.next()? {
        if !series.insert((row.get(3)?, row.get(4)?)) {
            surplus.push(DropCandidate::of(row)?);
        }
    }
    surplus.reverse();
    Ok(surplus)
}

/// The time of recording before which an event is too old.
fn cutoff(now: i64, limits: OutboxLimits) -> i64 {
    let age = i64::try_from(limits.max_age.as_millis()).unwrap_or(i64::MAX);
    now.saturating_sub(age)
}

fn any_expired(db: &Connection, now: i64, limits: OutboxLimits) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM event WHERE recorded < ?1)")?
        .query_row([cutoff(now, limits)], |r| r.get(0))
}

/// Drops the deliveries of the oldest events that are too old, a limited number of events.
fn expire(
    db: &Connection,
    now: i64,
    limits: OutboxLimits,
    drops: &mut Drops,
) -> rusqlite::Result<()> {
    let mut query = db.prepare_cached(
        "SELECT queue, class, delivery.seq
           FROM (SELECT seq FROM event WHERE recorded < ?1 ORDER BY recorded LIMIT ?2) AS old
          CROSS JOIN delivery ON delivery.seq = old.seq",
    )?;
    let rows = query.query_map(params![cutoff(now, limits), CHUNK as i64], DropCandidate::of)?;
    let candidates = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    drops.remove(db, DropReason::Expired, &candidates)
}

/// Brings a queue down to the size limit, or at least `at_most` events nearer to it. The order of
/// sacrifice: recurring before alerts, and in each of them dead letters (the receiver has refused
/// them already) before what waits, oldest first.
fn evict(
    db: &Connection,
    queue: i64,
    limits: OutboxLimits,
    at_most: usize,
    drops: &mut Drops,
) -> rusqlite::Result<()> {
    let size: u64 = db
        .prepare_cached("SELECT pending + dead FROM queue WHERE id = ?1")?
        .query_row([queue], |r| r.get(0).map(i64::unsigned_abs))?;
    let mut surplus = size.saturating_sub(limits.max_events).min(at_most as u64);
    for (class, dead) in [(0, 1), (0, 0), (1, 1), (1, 0)] {
        if surplus == 0 {
            break;
        }
        let mut query = db.prepare_cached(
            "SELECT queue, class, seq FROM delivery
              WHERE queue = ?1 AND class = ?2 AND dead = ?3 ORDER BY seq LIMIT ?4",
        )?;
        let rows =
            query.query_map(params![queue, class, dead, surplus as i64], DropCandidate::of)?;
        let candidates = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        drops.remove(db, DropReason::Overflow, &candidates)?;
        surplus -= candidates.len() as u64;
    }
    Ok(())
}
