//! Appending to the ledger, and reading it.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::past::{follow, from_json, to_json};
use super::{Addition, AppendError, Claim, claim, open};
use crate::event::Event;
use crate::ledger::chain::Raw;
use crate::ledger::{Action, Entry, Head, Mode, Record};
use crate::store::{Store, StoreError, aside, outbox, time_of};

/// In the order in which [`Raw`] and [`Record`] are made of a row.
pub(super) const COLUMNS: &str = "seq, time, site, run, kind, entry, previous, hash";

impl Store {
    /// Appends records, in this order, and the events that tell of them, all or nothing, durable
    /// on return. With a claim, only while it is held. `events` gets the head after the additions.
    /// Keeps what [`Past`](crate::ledger::past::Past) is made of up to date. Returns the numbers
    /// of the records and the head.
    pub async fn append(
        &self,
        claim: Option<&Claim>,
        additions: Vec<Addition>,
        events: impl FnOnce(&Head) -> Vec<(Event, Vec<String>)> + Send + 'static,
    ) -> Result<(Vec<u64>, Head), AppendError> {
        let (claim, limits) = (claim.cloned(), self.shared.limits);
        let clock = self.shared.clock.clone();
        // No seat is taken by what a damaged file says of it.
        self.shared.gate.is_whole()?;
        let change = move |db: &Connection| {
            let now = clock().timestamp_millis();
            // Nothing is written before all of it may be.
            if let Some(claim) = claim
                && let Err(by) = claim::is_held(db, &claim)?
            {
                return Ok(Err(AppendError::ClaimLost { site: claim.site, by }));
            }
            let releases = |of: &Addition| matches!(&of.entry, Entry::Intent(intent) if intent.action == Action::Release);
            if additions.iter().any(releases)
                && let Some(begun) = aside::holds(db)?
            {
                return Ok(Err(AppendError::BegunAnew(begun.text())));
            }
            for addition in &additions {
                if let Entry::Intent(intent) = &addition.entry
                    && let Some(seq) = open::open_before(db, &addition.site, intent)?
                {
                    return Ok(Err(AppendError::Open { seat: intent.seat, seq }));
                }
            }
            let (numbers, head) = append_records(db, now, &additions)?;
            let events = events(&head);
            let drops = outbox::record(db, &events, now, limits)?;
            Ok(Ok((numbers, head, drops, now, !events.is_empty())))
        };
        let (numbers, head, drops, now, any) =
            self.shared.gate.write("append to the ledger", change).await??;
        self.shared.drop_log.add(&drops, now);
        if any {
            self.wake();
        }
        Ok((numbers, head))
    }

    /// The last record's number and hash; `None` for an empty ledger.
    pub async fn head(&self) -> Result<Option<Head>, StoreError> {
        let head = self.shared.gate.read("read the head of the ledger", head).await?;
        Ok(Some(head).filter(|head| head.seq > 0))
    }

    /// Records from number `from` on, at most `max`, in order.
    pub async fn records(&self, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM ledger WHERE seq >= ?1 ORDER BY seq LIMIT ?2"
            ))?;
            let limits = [from, max as u64].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            query.query_map(limits, record_of)?.collect()
        };
        self.shared.gate.read("read the ledger", query).await
    }

    /// The records of a run, in order. `run` may be the beginning of its id.
    ///
    /// # Errors
    /// Also when several runs begin like that.
    pub async fn records_of(&self, run: &str) -> Result<Vec<Record>, StoreError> {
        let begin = run.to_owned();
        let query = move |db: &Connection| {
            let run = match find_run(db, &begin)? {
                Ok(Some(run)) => run,
                Ok(None) => return Ok(Ok(Vec::new())),
                Err(error) => return Ok(Err(error)),
            };
            let mut query = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM ledger WHERE run = ?1 AND run <> '' ORDER BY seq"
            ))?;
            query.query_map([run], record_of)?.collect::<rusqlite::Result<_>>().map(Ok)
        };
        self.shared.gate.read("read a run", query).await?
    }

    /// Outcomes of a site before record `before`, newest first, at most `max`; only those that name
    /// `user`, if given.
    pub async fn outcomes_before(
        &self,
        before: u64,
        site: &str,
        user: Option<Uuid>,
        max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let (site, user) = (site.to_owned(), user.map(|user| user.to_string()));
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM ledger
                  WHERE kind = 'outcome' AND seq < ?1 AND site = ?2
                        AND (?3 IS NULL OR instr(entry, ?3) > 0)
                  ORDER BY seq DESC LIMIT ?4"
            ))?;
            query.query_map(params![before, site, user, max], record_of)?.collect()
        };
        self.shared.gate.read("read what became of seats", query).await
    }

    /// The `runStarted` records of a site (of all sites when absent), newest first.
    pub async fn run_starts(
        &self,
        site: Option<&str>,
        max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let site = site.map(str::to_owned);
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM ledger
                  WHERE kind = 'runStarted' AND (site = ?1 OR ?1 IS NULL)
                  ORDER BY seq DESC LIMIT ?2"
            ))?;
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            query.query_map(params![site, max], record_of)?.collect()
        };
        self.shared.gate.read("read the runs", query).await
    }
}

/// A run that did what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneRun {
    pub time: DateTime<Utc>,
    /// A rehearsal otherwise.
    pub real: bool,
}

/// So many runs are looked through for one that was done, or a real one.
const LOOKED_THROUGH: i64 = 1_000;

impl Store {
    /// The last run of a site that took seats or had none to take, or was a rehearsal; one that is
    /// under way counts. Runs that guards refused and runs that failed don't.
    pub async fn last_done_run(&self, site: &str) -> Result<Option<DoneRun>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT started.time, json_extract(started.entry, '$.mode'),
                        (SELECT json_extract(ended.entry, '$.status') FROM ledger ended
                          WHERE ended.run = started.run AND ended.run <> ''
                            AND +ended.kind = 'runEnded')
                   FROM ledger started
                  WHERE started.kind = 'runStarted' AND started.site = ?1
                  ORDER BY started.seq DESC LIMIT ?2",
            )?;
            let mut rows = query.query(params![site, LOOKED_THROUGH])?;
            let mut newest = true;
            while let Some(row) = rows.next()? {
                let (mode, status): (String, Option<String>) = (row.get(1)?, row.get(2)?);
                let under_way = newest && status.is_none();
                newest = false;
                let done = match mode.as_str() {
                    "rehearsal" => true,
                    "real" => {
                        let done = ["done", "partly", "broken", "stopped"];
                        under_way || status.is_some_and(|status| done.contains(&status.as_str()))
                    }
                    _ => false,
                };
                if done {
                    return Ok(Some(DoneRun { time: time_of(row.get(0)?), real: mode == "real" }));
                }
            }
            Ok(None)
        };
        self.shared.gate.read("read the last run", query).await
    }

    /// The start of the last run of a site that was real, whatever became of it, among the last 1,000.
    pub(super) async fn last_real_start(&self, site: &str) -> Result<Option<Record>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT started.seq, json_extract(started.entry, '$.mode') FROM ledger started
                  WHERE started.kind = 'runStarted' AND started.site = ?1
                  ORDER BY started.seq DESC LIMIT ?2",
            )?;
            let mut rows = query.query(params![site, LOOKED_THROUGH])?;
            while let Some(row) = rows.next()? {
                if row.get::<_, String>(1)? == Mode::Real.as_str() {
                    return Ok(Some(row.get::<_, i64>(0)?.unsigned_abs()));
                }
            }
            Ok(None)
        };
        let seq = self.shared.gate.read("read the last run", query).await?;
        let Some(seq) = seq else { return Ok(None) };
        Ok(self.records(seq, 1).await?.pop())
    }
}

pub(in crate::store) fn head(db: &Connection) -> rusqlite::Result<Head> {
    db.prepare_cached("SELECT seq, hash FROM ledger_end WHERE which = 'head'")?
        .query_row([], |r| Ok(Head { seq: r.get::<_, i64>(0)?.unsigned_abs(), hash: r.get(1)? }))
}

/// Within a transaction that writes.
pub(in crate::store) fn append_records(
    db: &Connection,
    now: i64,
    additions: &[Addition],
) -> rusqlite::Result<(Vec<u64>, Head)> {
    // The head is kept apart from the records. A record that somebody cut off from the end stays
    // missing, whatever comes after it.
    let mut head = head(db)?;
    let mut numbers = Vec::with_capacity(additions.len());
    for addition in additions {
        let mut raw = Raw {
            seq: head.seq + 1,
            time: now,
            site: addition.site.clone(),
            run: addition.run.clone().unwrap_or_default(),
            kind: addition.entry.kind().to_owned(),
            entry: to_json(&addition.entry)?,
            previous: head.hash,
            hash: String::new(),
        };
        raw.hash = raw.expected_hash();
        db.prepare_cached("INSERT INTO ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                raw.seq as i64,
                raw.time,
                raw.site,
                raw.run,
                raw.kind,
                raw.entry,
                raw.previous,
                raw.hash
            ],
        )?;
        follow(db, raw.seq as i64, now, &addition.site, &addition.entry)?;
        numbers.push(raw.seq);
        head = raw.head();
    }
    Ok((numbers, head))
}

pub(super) fn record_of(row: &Row<'_>) -> rusqlite::Result<Record> {
    let run: String = row.get(3)?;
    Ok(Record {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        time: time_of(row.get(1)?),
        site: row.get(2)?,
        run: Some(run).filter(|run| !run.is_empty()),
        entry: entry_of(row, 5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}

pub(super) fn entry_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Entry> {
    from_json(row, column)
}

/// The run whose id is or begins like this; capital letters are taken for small ones.
pub(super) fn find_run(
    db: &Connection,
    begin: &str,
) -> rusqlite::Result<Result<Option<String>, StoreError>> {
    if begin.is_empty() {
        return Ok(Ok(None));
    }
    // As a range, so that an index is used, and no character of the text has a meaning.
    let mut query = db.prepare_cached(
        "SELECT run FROM ledger WHERE run >= ?1 AND run < ?1 || char(1114111) AND run <> ''
         UNION
         SELECT run FROM release_plan WHERE run >= ?1 AND run < ?1 || char(1114111)
         ORDER BY run LIMIT 4",
    )?;
    let mut runs: Vec<String> =
        query.query_map([begin], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    if runs.is_empty() && begin.chars().any(|letter| letter.is_ascii_uppercase()) {
        return find_run(db, &begin.to_ascii_lowercase());
    }
    if runs.len() > 1 && runs[0] != begin {
        return Ok(Err(StoreError::Ambiguous { begin: begin.to_owned(), runs }));
    }
    runs.truncate(1);
    Ok(Ok(runs.pop()))
}
