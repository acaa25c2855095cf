//! What alerts remember: states, history, silences.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Store, StoreError, outbox, time_of};
use crate::alert::state::{Alert, Occurrence, Silence, States};
use crate::event::{Event, Key, Rule, Severity};

/// How long the history is kept.
const KEPT_MS: i64 = 730 * 86_400_000;

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertHistoryEntry {
    pub time: DateTime<Utc>,
    #[serde(flatten)]
    pub key: Key,
    pub what: Occurrence,
    pub severity: Severity,
    pub text: String,
    /// To how many destinations it was sent.
    pub sent: u32,
}

/// How many events a queue had lost, and when that number had grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    pub destination: String,
    pub count: u64,
    pub grew: DateTime<Utc>,
}

/// What one look at the alerts changes.
#[derive(Debug, Clone, Default)]
pub struct AlertChanges {
    /// New, or not as before.
    pub changed: Vec<Alert>,
    /// Neither pending nor firing any more.
    pub gone: Vec<Key>,
    pub happened: Vec<AlertHistoryEntry>,
    pub drops: Vec<Drop>,
    /// What is told, with the queues it goes to.
    pub events: Vec<(Event, Vec<String>)>,
}

impl AlertChanges {
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.gone.is_empty()
            && self.happened.is_empty()
            && self.drops.is_empty()
            && self.events.is_empty()
    }
}

/// A silence to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSilence {
    pub site: Option<String>,
    pub rule: Option<Rule>,
    pub subject: Option<String>,
    pub until: DateTime<Utc>,
    pub why: String,
    pub by: String,
}

impl Store {
    /// The alerts that are pending or fire.
    pub async fn alerts(&self) -> Result<States, StoreError> {
        let query = |db: &Connection| {
            let mut query = db.prepare_cached("SELECT json FROM alert_state")?;
            let texts = query.query_map([], |r| r.get::<_, String>(0))?;
            let texts = texts.collect::<rusqlite::Result<Vec<_>>>()?;
            // What a newer release wrote is judged anew.
            let alerts = texts.iter().filter_map(|text| serde_json::from_str::<Alert>(text).ok());
            Ok(alerts.map(|alert| (alert.key.clone(), alert)).collect())
        };
        self.shared.gate.read("read the alerts", query).await
    }

    /// Writes down new states and what happened, and queues what is told: all or nothing.
    pub async fn record_alerts(&self, changes: AlertChanges) -> Result<(), StoreError> {
        let now = self.now_ms();
        let limits = self.shared.limits;
        let wakes = !changes.events.is_empty();
        let write = move |db: &Connection| {
            write(db, &changes, now)?;
            outbox::record(db, &changes.events, now, limits)
        };
        let drops = self.shared.gate.write("record alerts", write).await?;
        self.shared.drop_log.add(&drops, now);
        if wakes {
            self.wake();
        }
        Ok(())
    }

    /// What happened to alerts, newest first, at most `limit`.
    pub async fn alert_history(&self, limit: usize) -> Result<Vec<AlertHistoryEntry>, StoreError> {
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT time, site, rule, subject, what, severity, text, sent
                   FROM alert_history ORDER BY id DESC LIMIT ?1",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = query.query_map([limit], happened)?;
            // A rule of a newer release has no name here.
            rows.filter_map(Result::transpose).collect()
        };
        self.shared.gate.read("read the history of alerts", query).await
    }

    /// The silences that hold at the store's time, or all there ever were.
    pub async fn silences(&self, ended_too: bool) -> Result<Vec<Silence>, StoreError> {
        self.silences_until(if ended_too { i64::MIN } else { self.now_ms() }).await
    }

    /// The silences that held at a time. Who judges by a time takes these: while the store is busy
    /// one may end, and what is told then would bear a time at which it still held.
    pub async fn silences_at(&self, time: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        self.silences_until(time.timestamp_millis()).await
    }

    /// Those that end after a time.
    async fn silences_until(&self, time: i64) -> Result<Vec<Silence>, StoreError> {
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT id, site, rule, subject, since, until, why, by
                   FROM alert_silence WHERE until > ?1 ORDER BY id",
            )?;
            let rows = query.query_map([time], silence)?;
            rows.filter_map(Result::transpose).collect()
        };
        self.shared.gate.read("read the silences", query).await
    }

    /// Makes a silence that holds from now on.
    pub async fn add_silence(&self, new: NewSilence) -> Result<Silence, StoreError> {
        let now = self.now_ms();
        let write = move |db: &Connection| {
            let id = db
                .prepare_cached(
                    "INSERT INTO alert_silence (site, rule, subject, since, until, why, by)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .insert(params![
                    new.site,
                    new.rule.map(Rule::stored),
                    new.subject,
                    now,
                    new.until.timestamp_millis(),
                    new.why,
                    new.by
                ])?;
            let NewSilence { site, rule, subject, until, why, by } = new;
            Ok(Silence { id, site, rule, subject, from: time_of(now), until, why, by })
        };
        self.shared.gate.write("record a silence", write).await
    }

    /// Ends a silence now. False when there is none of that id that holds.
    pub async fn end_silence(&self, id: i64) -> Result<bool, StoreError> {
        let now = self.now_ms();
        let write = move |db: &Connection| {
            db.prepare_cached("UPDATE alert_silence SET until = ?2 WHERE id = ?1 AND until > ?2")?
                .execute([id, now])
                .map(|changed| changed > 0)
        };
        self.shared.gate.write("end a silence", write).await
    }

    /// What was last known of events that queues lost.
    pub async fn alert_drops(&self) -> Result<Vec<Drop>, StoreError> {
        let query = |db: &Connection| {
            let mut query =
                db.prepare_cached("SELECT destination, count, grew FROM alert_drops")?;
            let row = |r: &Row<'_>| {
                Ok(Drop {
                    destination: r.get(0)?,
                    count: r.get::<_, i64>(1)?.unsigned_abs(),
                    grew: time_of(r.get(2)?),
                })
            };
            query.query_map([], row)?.collect()
        };
        self.shared.gate.read("read what queues lost", query).await
    }
}

fn write(db: &Connection, changes: &AlertChanges, now: i64) -> rusqlite::Result<()> {
    for Key { site, rule, subject } in &changes.gone {
        db.prepare_cached(
            "DELETE FROM alert_state WHERE site = ?1 AND rule = ?2 AND subject = ?3",
        )?
        .execute(params![site, rule.stored(), subject])?;
    }
    for alert in &changes.changed {
        let Key { site, rule, subject } = &alert.key;
        let json = serde_json::to_string(alert)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        db.prepare_cached("INSERT OR REPLACE INTO alert_state VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![site, rule.stored(), subject, json])?;
    }
    for one in &changes.happened {
        let Key { site, rule, subject } = &one.key;
        db.prepare_cached(
            "INSERT INTO alert_history (time, site, rule, subject, what, severity, text, sent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            one.time.timestamp_millis(),
            site,
            rule.stored(),
            subject,
            one.what.as_str(),
            one.severity.as_str(),
            one.text,
            one.sent
        ])?;
    }
    for drop in &changes.drops {
        db.prepare_cached("INSERT OR REPLACE INTO alert_drops VALUES (?1, ?2, ?3)")?
            .execute(params![drop.destination, drop.count as i64, drop.grew.timestamp_millis()])?;
    }
    if !changes.happened.is_empty() {
        db.prepare_cached("DELETE FROM alert_history WHERE time < ?1")?.execute([now - KEPT_MS])?;
        db.prepare_cached("DELETE FROM alert_silence WHERE until < ?1")?
            .execute([now - KEPT_MS])?;
    }
    Ok(())
}

/// A word of an enum by its name.
fn word<T: DeserializeOwned>(text: String) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

fn happened(r: &Row<'_>) -> rusqlite::Result<Option<AlertHistoryEntry>> {
    let (Some(rule), Some(what), Some(severity)) =
        (word(r.get(2)?), word(r.get(4)?), word(r.get(5)?))
    else {
        return Ok(None);
    };
    Ok(Some(AlertHistoryEntry {
        time: time_of(r.get(0)?),
        key: Key { site: r.get(1)?, rule, subject: r.get(3)? },
        what,
        severity,
        text: r.get(6)?,
        sent: r.get(7)?,
    }))
}

fn silence(r: &Row<'_>) -> rusqlite::Result<Option<Silence>> {
    let rule = match r.get::<_, Option<String>>(2)? {
        None => None,
        // Of a rule that this release doesn't know: it must not silence everything.
        Some(text) => match word::<Rule>(text) {
            None => return Ok(None),
            known => known,
        },
    };
    Ok(Some(Silence {
        id: r.get(0)?,
        site: r.get(1)?,
        rule,
        subject: r.get(3)?,
        from: time_of(r.get(4)?),
        until: time_of(r.get(5)?),
        why: r.get(6)?,
        by: r.get(7)?,
    }))
}
