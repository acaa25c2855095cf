//! Intents whose outcome is not known, and outcomes that may yet have to be corrected.

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ledger::{append_records, entry_of};
use super::past::{from_json, to_json};
use super::{Addition, AppendError, Unsettled};
use crate::event::Event;
use crate::ledger::{Entry, Intent, Outcome, ResponseClass, SeatResult};
use crate::store::{Store, StoreError, outbox, time_of};

/// An outcome that says "refused" because nothing had happened for ten minutes.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedByTime {
    /// Of the outcome.
    pub seq: u64,
    pub run: String,
    /// Number and time of the intent.
    pub intent: (u64, DateTime<Utc>),
    pub of: Intent,
    pub answered: Option<ResponseClass>,
}

/// An outcome and the events that tell of it, each with those who want it.
type Told = (Outcome, Vec<(Event, Vec<String>)>);

impl Store {
    /// Intents without a known outcome, oldest first.
    pub async fn unsettled(&self, site: &str) -> Result<Vec<Unsettled>, StoreError> {
        let site = site.to_owned();
        self.shared.gate.read("read open releases", move |db| unsettled(db, &site)).await
    }

    /// Outcomes of this site since then that say "refused" by time alone and were not corrected,
    /// with intents that are still in the store.
    pub async fn refused_by_time(
        &self,
        site: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<RefusedByTime>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| refused_by_time(db, &site, since);
        self.shared.gate.read("read refused releases", query).await
    }

    /// As [`append_outcomes`](Self::append_outcomes), of one intent. Returns whether it was written.
    pub async fn append_outcome(
        &self,
        site: &str,
        run: &str,
        outcome: Outcome,
        events: Vec<(Event, Vec<String>)>,
    ) -> Result<bool, AppendError> {
        let written = self.append_outcomes(site, run, vec![(outcome, events)]).await?;
        Ok(written == 1)
    }

    /// Appends what became of intents, with the events that tell of it, all at once, whoever has the
    /// release lock by now: what a site did is a fact. When another process has recorded an outcome
    /// of one meanwhile, this one corrects it; when both say the same, nothing is written of it.
    /// Returns how many were.
    pub async fn append_outcomes(
        &self,
        site: &str,
        run: &str,
        outcomes: Vec<Told>,
    ) -> Result<usize, AppendError> {
        let (site, run) = (site.to_owned(), run.to_owned());
        let (clock, limits) = (self.shared.clock.clone(), self.shared.limits);
        let change = move |db: &Connection| {
            let now = clock().timestamp_millis();
            let (mut additions, mut events) = (Vec::with_capacity(outcomes.len()), Vec::new());
            for (mut outcome, told) in outcomes {
                if let Some((seq, last)) = closed_by(db, &site, &outcome)? {
                    if last.result == outcome.result || !outcome.is_final() {
                        continue;
                    }
                    outcome.evidence.corrects = Some(seq);
                }
                let (site, run, entry) = (site.clone(), Some(run.clone()), Entry::Outcome(outcome));
                additions.push(Addition { site, run, entry });
                events.extend(told);
            }
            append_records(db, now, &additions)?;
            let drops = outbox::record(db, &events, now, limits)?;
            Ok((additions.len(), drops, now, !events.is_empty()))
        };
        let (written, drops, now, any) =
            self.shared.gate.write("append outcomes to the ledger", change).await?;
        self.shared.drop_log.add(&drops, now);
        if any {
            self.wake();
        }
        Ok(written)
    }
}

/// The last outcome of the same intent, if the intent is closed.
fn closed_by(
    db: &Connection,
    site: &str,
    outcome: &Outcome,
) -> rusqlite::Result<Option<(u64, Outcome)>> {
    let open = db
        .prepare_cached("SELECT 1 FROM release_unsettled WHERE site = ?1 AND seq = ?2")?
        .exists(params![site, outcome.intent as i64])?;
    if open {
        return Ok(None);
    }
    // From the newest on: only somebody who was faster has closed it.
    let mut query = db.prepare_cached(
        "SELECT seq, entry FROM ledger WHERE kind = 'outcome' AND seq > ?1 ORDER BY seq DESC",
    )?;
    let mut rows = query.query([outcome.intent as i64])?;
    while let Some(row) = rows.next()? {
        if let Entry::Outcome(other) = entry_of(row, 1)?
            && other.intent == outcome.intent
        {
            return Ok(Some((row.get::<_, i64>(0)?.unsigned_abs(), other)));
        }
    }
    Ok(None)
}

pub(super) fn unsettled(db: &Connection, site: &str) -> rusqlite::Result<Vec<Unsettled>> {
    let mut query = db.prepare_cached(
        "SELECT seq, time, run, entry, answered, there FROM release_unsettled JOIN ledger USING (seq)
          WHERE release_unsettled.site = ?1 ORDER BY seq",
    )?;
    let row = |r: &Row<'_>| {
        let Entry::Intent(intent) = entry_of(r, 3)? else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        let known = r.get_ref(4)? != ValueRef::Null;
        let answered = known.then(|| from_json(r, 4)).transpose()?;
        Ok(Unsettled {
            seq: r.get::<_, i64>(0)?.unsigned_abs(),
            time: time_of(r.get(1)?),
            run: r.get(2)?,
            intent,
            answered,
            there: r.get::<_, Option<i64>>(5)?.map(time_of),
            why: None,
        })
    };
    let mut all = query.query_map([site], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for open in &mut all {
        open.why = reason(db, open.seq)?;
    }
    Ok(all)
}

/// Why the last outcome of an open intent could not tell more.
fn reason(db: &Connection, intent: u64) -> rusqlite::Result<Option<String>> {
    db.prepare_cached(
        "SELECT json_extract(entry, '$.result.why') FROM ledger
          WHERE run = (SELECT run FROM ledger WHERE seq = ?1) AND run <> '' AND kind = 'outcome'
            AND seq > ?1 AND json_extract(entry, '$.intent') = ?1
          ORDER BY seq DESC LIMIT 1",
    )?
    .query_row([intent as i64], |r| r.get(0))
    .optional()
    .map(Option::flatten)
}

/// An earlier intent of the same seat that is still open.
pub(super) fn open_before(
    db: &Connection,
    site: &str,
    intent: &Intent,
) -> rusqlite::Result<Option<u64>> {
    let seq: Option<i64> = db
        .prepare_cached("SELECT seq FROM release_unsettled WHERE site = ?1 AND seat = ?2")?
        .query_row(params![site, intent.seat.to_string()], |r| r.get(0))
        .optional()?;
    Ok(seq.map(i64::unsigned_abs))
}

/// Keeps what an outcome says that leaves its intent open.
pub(super) fn keep_open(
    db: &Connection,
    time: i64,
    site: &str,
    outcome: &Outcome,
) -> rusqlite::Result<()> {
    let answered = outcome.evidence.answered.map(|answered| to_json(&answered)).transpose()?;
    db.prepare_cached(
        "UPDATE release_unsettled
            SET answered = coalesce(?3, answered), there = coalesce(there, ?4)
          WHERE site = ?1 AND seq = ?2",
    )?
    .execute(params![site, outcome.intent as i64, answered, outcome.evidence.there.then_some(time)])
    .map(drop)
}

fn refused_by_time(
    db: &Connection,
    site: &str,
    since: DateTime<Utc>,
) -> rusqlite::Result<Vec<RefusedByTime>> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut query = db.prepare_cached(
        "SELECT seq, run, entry FROM ledger
          WHERE site = ?1 AND kind = 'outcome' AND time >= ?2 ORDER BY seq DESC",
    )?;
    let mut rows = query.query(params![site, since.timestamp_millis()])?;
    while let Some(row) = rows.next()? {
        let Entry::Outcome(outcome) = entry_of(row, 2)? else { continue };
        // A later one of the same intent has corrected it.
        if !seen.insert(outcome.intent)
            || !outcome.evidence.by_time
            || !matches!(outcome.result, SeatResult::Refused { .. })
        {
            continue;
        }
        let Some((time, of)) = intent(db, outcome.intent)? else { continue };
        found.push(RefusedByTime {
            seq: row.get::<_, i64>(0)?.unsigned_abs(),
            run: row.get(1)?,
            intent: (outcome.intent, time),
            of,
            answered: outcome.evidence.answered,
        });
    }
    Ok(found)
}

fn intent(db: &Connection, seq: u64) -> rusqlite::Result<Option<(DateTime<Utc>, Intent)>> {
    let row = |r: &Row<'_>| Ok((time_of(r.get(0)?), entry_of(r, 1)?));
    let found = db
        .prepare_cached("SELECT time, entry FROM ledger WHERE seq = ?1")?
        .query_row([seq as i64], row)
        .optional()?;
    Ok(found.and_then(|(time, entry)| match entry {
        Entry::Intent(intent) => Some((time, intent)),
        _ => None,
    }))
}
