//! Runs as the ledger tells them now, and who took which seat.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use serde::Serialize;
use uuid::Uuid;

use super::ledger::{COLUMNS, entry_of, record_of};
use crate::ledger::{
    Account, Action, Entry, Mode, Record, RunStatus, SeatResult, Statement, Trigger,
};
use crate::policy::Guard;
use crate::store::{Store, StoreError, time_of};

/// A run, and what it came to by now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRun {
    pub run: String,
    pub started: DateTime<Utc>,
    /// Absent where its end is not recorded.
    pub ended: Option<DateTime<Utc>>,
    pub mode: Mode,
    pub trigger: Trigger,
    pub state: RunState,
    #[serde(flatten)]
    pub account: Account,
}

/// Whether a run has ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It has the lock of the site.
    UnderWay,
    /// Its process ended in the middle.
    CutShort,
    #[serde(untagged)]
    Ended(RunStatus),
}

impl RunState {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ended(status) => status.as_str(),
            Self::UnderWay => "under way",
            Self::CutShort => "cut short",
        }
    }
}

impl KnownRun {
    /// What stopped a run before its first seat, where guards did. Of a pause or a freeze no more than that: why there was
    /// one is told while it holds.
    pub fn refused_by(&self) -> Option<String> {
        let why = self.account.why.as_ref();
        let why = why.filter(|_| self.state == RunState::Ended(RunStatus::Refused))?;
        let names = |guard: &Guard| {
            let named = format!("{guard}: ");
            why.starts_with(&named) || why.contains(&format!("; {named}"))
        };
        let mut guards = Guard::ALL.iter().copied().filter(names).peekable();
        let is_wanted = guards.peek().is_some() && guards.all(Guard::is_deliberate);
        Some(if is_wanted { "a pause or a freeze".to_owned() } else { why.clone() })
    }

    /// How many seats it took or allocated again; a rehearsal none.
    pub fn seats_moved(&self) -> u64 {
        match self.mode {
            Mode::Rehearsal => 0,
            Mode::Real | Mode::Undo => {
                self.account.counts.iter().map(|of| of.counts.released).sum()
            }
        }
    }

    /// `4 seats were released by it`.
    pub fn moved(&self) -> String {
        let what = if self.mode == Mode::Undo { "allocated again" } else { "released" };
        match self.seats_moved() {
            1 => format!("1 seat was {what} by it"),
            moved => format!("{moved} seats were {what} by it"),
        }
    }

    /// What became of the seats, a line for each type, and why the run stopped early.
    pub fn lines(&self) -> Vec<String> {
        let counts = self.account.counts.iter().map(|counts| counts.summary(self.mode));
        counts.chain(self.account.why.clone()).collect()
    }
}

/// Who took a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSeat {
    pub run: String,
    pub time: DateTime<Utc>,
    /// By the word of this person only.
    pub stated_by: Option<String>,
}

impl Store {
    /// The runs of a site, newest first, at most `max`.
    pub async fn runs(&self, site: &str, max: usize) -> Result<Vec<KnownRun>, StoreError> {
        let holder = self.release_holder(site).await?.map(|holder| holder.run);
        let starts = self.run_starts(Some(site), max).await?;
        let first = starts.last().map_or(0, |start| start.seq);
        let is_undo =
            |start: &Record| matches!(start.entry, Entry::RunStarted { mode: Mode::Undo, .. });
        let given = match starts.iter().any(is_undo) {
            true => self.given_back(site, first).await?,
            false => HashMap::new(),
        };
        let mut runs = Vec::new();
        for start in starts {
            let Some(mut run) = self.known_run(start, holder.as_deref()).await? else { continue };
            run.account.note_given_back(given.get(&run.run).map_or(&[], Vec::as_slice));
            runs.push(run);
        }
        Ok(runs)
    }

    /// The runs of a site that began from one time to another (not included), oldest first.
    pub async fn runs_between(
        &self,
        site: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Vec<KnownRun>, StoreError> {
        let holder = self.release_holder(site).await?.map(|holder| holder.run);
        let mut runs = Vec::new();
        let mut starts = self.run_starts(Some(site), usize::MAX).await?;
        starts.retain(|start| start.time >= from && start.time < to);
        for start in starts.into_iter().rev() {
            runs.extend(self.known_run(start, holder.as_deref()).await?);
        }
        Ok(runs)
    }

    /// The last run of a site that was real, whatever became of it; rehearsals may have followed, 1,000 at
    /// most.
    pub async fn last_real_run(&self, site: &str) -> Result<Option<KnownRun>, StoreError> {
        let Some(start) = self.last_real_start(site).await? else { return Ok(None) };
        let holder = self.release_holder(site).await?.map(|holder| holder.run);
        let first = start.seq;
        let Some(mut run) = self.known_run(start, holder.as_deref()).await? else {
            return Ok(None);
        };
        self.note_given_back(site, (&run.run, first), &mut run.account).await?;
        Ok(Some(run))
    }

    async fn known_run(
        &self,
        start: Record,
        holder: Option<&str>,
    ) -> Result<Option<KnownRun>, StoreError> {
        let (Some(run), Entry::RunStarted { mode, trigger, .. }) = (start.run, start.entry) else {
            return Ok(None);
        };
        let id = run.clone();
        let records = self.shared.gate.read("read a run", move |db| telling(db, &id)).await?;
        let account = Account::of(&records);
        let state = match account.status {
            Some(status) => RunState::Ended(status),
            None if holder == Some(&run) => RunState::UnderWay,
            None => RunState::CutShort,
        };
        let end = records.iter().find(|r| matches!(r.entry, Entry::RunEnded { .. }));
        let ended = end.map(|record| record.time);
        let started = start.time;
        Ok(Some(KnownRun { run, started, ended, mode, trigger, state, account }))
    }

    /// The seats that Bursar has taken on a site since then, by its records or a person's word.
    pub async fn taken_since(
        &self,
        site: &str,
        since: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, TakenSeat>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut taken = HashMap::new();
            let mut query = db.prepare_cached(
                "SELECT run, time, entry FROM ledger
                  WHERE site = ?1 AND kind = 'outcome' AND time >= ?2 ORDER BY seq",
            )?;
            let mut rows = query.query(params![site, since.timestamp_millis()])?;
            while let Some(row) = rows.next()? {
                let Entry::Outcome(outcome) = entry_of(row, 2)? else { continue };
                if outcome.action != Action::Release {
                    continue;
                }
                let stated_by = match &outcome.result {
                    SeatResult::Stated { says: Statement::Taken, by, .. } => Some(by.clone()),
                    result if result.is_taken() => None,
                    _ => {
                        taken.remove(&outcome.seat);
                        continue;
                    }
                };
                let (run, time) = (row.get(0)?, time_of(row.get(1)?));
                taken.insert(outcome.seat, TakenSeat { run, time, stated_by });
            }
            Ok(taken)
        };
        self.shared.gate.read("read what became of seats", query).await
    }
}

/// The records that tell what a run came to: of one whose seats are all told by its end, only that.
fn telling(db: &Connection, run: &str) -> rusqlite::Result<Vec<Record>> {
    let last: Option<String> = db
        .prepare_cached(
            "SELECT kind FROM ledger WHERE run = ?1 AND run <> '' ORDER BY seq DESC LIMIT 1",
        )?
        .query_map([run], |row| row.get(0))?
        .next()
        .transpose()?;
    let any_open = db
        .prepare_cached(
            "SELECT 1 FROM release_unsettled JOIN ledger USING (seq)
              WHERE ledger.run = ?1 AND ledger.run <> ''",
        )?
        .exists([run])?;
    let is_told = last.as_deref() == Some("runEnded") && !any_open;
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM ledger
          WHERE run = ?1 AND run <> '' AND (kind = 'runEnded' OR NOT ?2) ORDER BY seq"
    ))?;
    query.query_map(params![run, is_told], record_of)?.collect()
}
