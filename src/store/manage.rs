//! What a person sees of the outbox and can do about it: states, lists, retry, drop.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::drops::{CHUNK, DropCandidate, DropReason, Drops};
use super::outbox::{class_number, class_of, queue_id};
use super::{Store, StoreError, time_of};
use crate::event::Class;

/// One destination's queue.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueState {
    /// Id of the destination; it may no longer be configured.
    pub destination: String,
    /// Events that wait for their delivery.
    pub pending: u64,
    /// Events that the destination refused for good.
    pub dead: u64,
    /// When the oldest waiting event was observed.
    pub oldest: Option<DateTime<Utc>>,
    /// Events lost to the limits of size and age, ever: the sum of those in `drops`.
    pub dropped: u64,
    /// All that left undelivered, by reason.
    pub drops: Vec<DropCount>,
    /// What went wrong last; older than `last_delivered` when it works again.
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
    /// Deliveries that failed in a row; 0 when the last one worked.
    pub attempts: u32,
    pub last_delivered: Option<DateTime<Utc>>,
    /// The event that failed most often among those that are next; absent when none has failed yet.
    pub most_tried: Option<MostTried>,
}

impl QueueState {
    /// Of a destination that had no event yet.
    pub fn unused(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            pending: 0,
            dead: 0,
            oldest: None,
            dropped: 0,
            drops: Vec::new(),
            last_error: None,
            last_error_at: None,
            attempts: 0,
            last_delivered: None,
            most_tried: None,
        }
    }

    /// Whether it had no event yet, as far as is known.
    pub fn is_unused(&self) -> bool {
        *self == Self::unused(self.destination.as_str())
    }
}

/// An event that waits although it was tried.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MostTried {
    pub event_id: String,
    pub site: String,
    pub kind: String,
    /// Deliveries that failed.
    pub attempts: u32,
}

/// How many deliveries were given up for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DropCount {
    pub reason: DropReason,
    pub class: Class,
    pub count: u64,
}

/// One delivery, as `bursar outbox list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub destination: String,
    pub event_id: String,
    pub site: String,
    pub kind: String,
    pub class: Class,
    /// When it was observed.
    pub time: DateTime<Utc>,
    /// A dead letter.
    pub dead: bool,
    pub attempts: u32,
    pub last_error: Option<String>,
}

/// Which deliveries a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// All of one destination, waiting and dead.
    Destination(String),
    /// The dead letters of one destination, or of all.
    Dead { destination: Option<String> },
    /// One event, for one destination or all that still have it to get.
    Event { id: String, destination: Option<String> },
}

impl Selector {
    /// As a condition on `delivery`, with its parameters ?1 and ?2. `class IN (0, 1)` lets SQLite
    /// walk the key.
    fn condition(&self) -> (&'static str, [Option<String>; 2]) {
        match self.clone() {
            Self::Destination(name) => (
                "queue IN (SELECT id FROM queue WHERE destination = ?1)
                 AND class IN (0, 1) AND ?2 IS NULL",
                [Some(name), None],
            ),
            Self::Dead { destination } => (
                "queue IN (SELECT id FROM queue WHERE destination = ?1 OR ?1 IS NULL)
                 AND class IN (0, 1) AND dead = 1 AND ?2 IS NULL",
                [destination, None],
            ),
            Self::Event { id, destination } => (
                "queue IN (SELECT id FROM queue WHERE destination = ?1 OR ?1 IS NULL)
                 AND seq = (SELECT seq FROM event WHERE id = ?2)",
                [destination, Some(id)],
            ),
        }
    }
}

impl Store {
    /// The queues of all destinations that ever had an event, by name.
    pub async fn queue_states(&self) -> Result<Vec<QueueState>, StoreError> {
        self.shared.gate.read("read the queues", |db| queue_states(db, None)).await
    }

    /// One destination's queue; `None` when it never had an event.
    pub async fn queue_state(&self, destination: &str) -> Result<Option<QueueState>, StoreError> {
        let name = destination.to_owned();
        let states =
            self.shared.gate.read("read a queue", move |db| queue_states(db, Some(&name))).await?;
        Ok(states.into_iter().next())
    }

    /// Why the newest dead letter of a destination was not taken.
    pub async fn newest_dead(&self, destination: &str) -> Result<Option<String>, StoreError> {
        let name = destination.to_owned();
        let query = move |db: &Connection| {
            let Some(queue) = queue_id(db, &name)? else { return Ok(None) };
            let mut newest: Option<(i64, Option<String>)> = None;
            for class in [Class::Recurring, Class::Alert] {
                let found = db
                    .prepare_cached(
                        "SELECT seq, last_error FROM delivery
                          WHERE queue = ?1 AND class = ?2 AND dead = 1 ORDER BY seq DESC LIMIT 1",
                    )?
                    .query_row(params![queue, class_number(class)], |r| Ok((r.get(0)?, r.get(1)?)))
                    .optional()?;
                newest = newest.into_iter().chain(found).max();
            }
            Ok(newest.and_then(|(_, why)| why))
        };
        self.shared.gate.read("read a queue", query).await
    }

    /// Deliveries that wait or are dead, oldest event first, at most `limit`.
    pub async fn list(
        &self,
        destination: Option<&str>,
        dead_only: bool,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let destination = destination.map(str::to_owned);
        self.shared
            .gate
            .read("list the outbox", move |db| {
                let mut query = db.prepare_cached(
                    "SELECT destination, event.id, site, kind, class, time, delivery.dead,
                            delivery.attempts, delivery.last_error
                       FROM delivery JOIN queue ON queue.id = delivery.queue JOIN event USING (seq)
                      WHERE (destination = ?1 OR ?1 IS NULL) AND (delivery.dead = 1 OR NOT ?2)
                      ORDER BY seq, destination LIMIT ?3",
                )?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                query.query_map(params![destination, dead_only, limit], listed)?.collect()
            })
            .await
    }

    /// Gives a queue all that is in another one, at its place by age. Returns how much that is.
    pub async fn take_over(&self, from: &str, to: &str) -> Result<u64, StoreError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let mut moved = 0;
        loop {
            let (from, to) = (from.clone(), to.clone());
            let part = move |db: &Connection| {
                let Some(of) = queue_id(db, &from)? else { return Ok(0) };
                db.prepare_cached("INSERT OR IGNORE INTO queue (destination) VALUES (?1)")?
                    .execute([&to])?;
                let Some(queue) = queue_id(db, &to)? else { return Ok(0) };
                // What both are owed is owed once.
                db.prepare_cached(&format!(
                    "INSERT OR IGNORE INTO delivery (queue, class, dead, seq, attempts, last_error)
                     SELECT ?2, class, dead, seq, attempts, last_error FROM delivery
                      WHERE queue = ?1 ORDER BY class, dead, seq LIMIT {CHUNK}"
                ))?
                .execute(params![of, queue])?;
                db.prepare_cached(&format!(
                    "DELETE FROM delivery WHERE queue = ?1 AND (class, dead, seq) IN
                         (SELECT class, dead, seq FROM delivery
                           WHERE queue = ?1 ORDER BY class, dead, seq LIMIT {CHUNK})"
                ))?
                .execute([of])
            };
            let part = self.shared.gate.write("move a queue", part).await?;
            moved += part as u64;
            if part == 0 {
                return Ok(moved);
            }
        }
    }

    /// Gives dead letters another chance, at their old place in the queue, and makes the workers
    /// try the queues concerned at once, also when they wait for a back-off. Returns how many of
    /// the selected deliveries wait now.
    pub async fn retry(&self, selector: Selector) -> Result<u64, StoreError> {
        let (condition, values) = selector.condition();
        let [of, event] = values.clone();
        let nudge = move |db: &Connection| {
            db.execute(
                &format!(
                    "UPDATE queue SET nudge = nudge + 1
                      WHERE id IN (SELECT queue FROM delivery WHERE {condition})"
                ),
                params![of, event],
            )?;
            let waiting = format!("SELECT count(*) FROM delivery WHERE dead = 0 AND ({condition})");
            db.query_row(&waiting, params![of, event], |r| r.get::<_, i64>(0))
        };
        let mut count = self.shared.gate.write("retry deliveries", nudge).await? as u64;
        loop {
            let [of, event] = values.clone();
            let revive = move |db: &Connection| {
                let mut revive = db.prepare(&format!(
                    "UPDATE delivery SET dead = 0, attempts = 0 WHERE (seq, queue) IN
                         (SELECT seq, queue FROM delivery WHERE dead = 1 AND ({condition})
                           LIMIT {CHUNK})"
                ))?;
                revive.execute(params![of, event])
            };
            let revived = self.shared.gate.write("retry deliveries", revive).await?;
            count += revived as u64;
            if revived < CHUNK {
                break;
            }
        }
        self.wake();
        Ok(count)
    }

    /// Gives deliveries up. Returns how many.
    pub async fn drop_events(&self, selector: Selector) -> Result<u64, StoreError> {
        let (condition, values) = selector.condition();
        let mut count = 0;
        loop {
            let [of, event] = values.clone();
            let change = move |db: &Connection| {
                let mut query = db.prepare(&format!(
                    "SELECT queue, class, seq FROM delivery WHERE {condition} LIMIT {CHUNK}"
                ))?;
                let rows = query.query_map(params![of, event], DropCandidate::of)?;
                let candidates = rows.collect::<rusqlite::Result<Vec<_>>>()?;
                let mut drops = Drops::default();
                drops.remove(db, DropReason::ByHand, &candidates)?;
                drops.count(db)
            };
            let dropped = self.shared.gate.write("drop deliveries", change).await?.total();
            count += dropped;
            if dropped < CHUNK as u64 {
                return Ok(count);
            }
        }
    }

    /// How often a person asked for this queue to be tried now ([`retry`](Self::retry), from this
    /// or another process).
    pub async fn nudges(&self, destination: &str) -> Result<i64, StoreError> {
        let name = destination.to_owned();
        self.shared
            .gate
            .read("read a queue", move |db| {
                let nudges = db
                    .prepare_cached("SELECT nudge FROM queue WHERE destination = ?1")?
                    .query_row([name], |r| r.get(0))
                    .optional()?;
                Ok(nudges.unwrap_or(0))
            })
            .await
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        destination: row.get(0)?,
        event_id: row.get(1)?,
        site: row.get(2)?,
        kind: row.get(3)?,
        class: class_of(row.get(4)?),
        time: time_of(row.get(5)?),
        dead: row.get(6)?,
        attempts: row.get(7)?,
        last_error: row.get(8)?,
    })
}

fn queue_states(db: &Connection, only: Option<&str>) -> rusqlite::Result<Vec<QueueState>> {
    let mut query = db.prepare_cached(
        "SELECT id, destination, pending, dead, attempts, last_error, last_error_at,
                last_delivered,
                (SELECT min(time) FROM event WHERE seq IN (
                    (SELECT min(seq) FROM delivery WHERE queue = q.id AND class = 0 AND dead = 0),
                    (SELECT min(seq) FROM delivery WHERE queue = q.id AND class = 1 AND dead = 0)))
           FROM queue AS q WHERE destination = ?1 OR ?1 IS NULL ORDER BY destination",
    )?;
    let mut rows = query.query([only])?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        let drops = drop_counts(db, row.get(0)?)?;
        let lost = |d: &&DropCount| matches!(d.reason, DropReason::Overflow | DropReason::Expired);
        states.push(QueueState {
            destination: row.get(1)?,
            pending: row.get::<_, i64>(2)? as u64,
            dead: row.get::<_, i64>(3)? as u64,
            attempts: row.get(4)?,
            last_error: row.get(5)?,
            last_error_at: row.get::<_, Option<i64>>(6)?.map(time_of),
            last_delivered: row.get::<_, Option<i64>>(7)?.map(time_of),
            oldest: row.get::<_, Option<i64>>(8)?.map(time_of),
            most_tried: most_tried(db, row.get(0)?)?,
            dropped: drops.iter().filter(lost).map(|d| d.count).sum(),
            drops,
        });
    }
    Ok(states)
}

fn most_tried(db: &Connection, queue: i64) -> rusqlite::Result<Option<MostTried>> {
    let mut query = db.prepare_cached(
        "SELECT event.id, event.site, event.kind, delivery.attempts
           FROM delivery CROSS JOIN event ON event.seq = delivery.seq
          WHERE delivery.queue = ?1 AND delivery.class = ?2 AND delivery.dead = 0
          ORDER BY delivery.seq LIMIT 1",
    )?;
    let mut most: Option<MostTried> = None;
    for class in [Class::Alert, Class::Recurring] {
        let row = |r: &Row<'_>| {
            Ok(MostTried {
                event_id: r.get(0)?,
                site: r.get(1)?,
                kind: r.get(2)?,
                attempts: r.get(3)?,
            })
        };
        let next = query.query_row(params![queue, class_number(class)], row).optional()?;
        most = most.into_iter().chain(next).max_by_key(|one| one.attempts);
    }
    Ok(most.filter(|one| one.attempts > 0))
}

fn drop_counts(db: &Connection, queue: i64) -> rusqlite::Result<Vec<DropCount>> {
    let mut query = db.prepare_cached(
        "SELECT reason, class, count FROM dropped WHERE queue = ?1 ORDER BY reason, class",
    )?;
    let mut rows = query.query([queue])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if let Some(reason) = DropReason::ALL.iter().copied().find(|r| r.as_str() == text) {
            let count = row.get::<_, i64>(2)? as u64;
            counts.push(DropCount { reason, class: class_of(row.get(1)?), count });
        }
    }
    Ok(counts)
}
