//! The ledger of a store file, looked at without changing anything: beside a running daemon, or of
//! a copy on another machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::derived::{Difference, Rebuilt, odd_claims};
use super::ledger::{COLUMNS, find_run};
use super::plans;
use super::seats::given_back;
use crate::ledger::Head;
use crate::ledger::chain::{Broken, Raw};
use crate::license::SeatType;
use crate::store::{StoreError, file};

/// Blocks: for commands only. Shows the ledger as it was when it was opened.
#[derive(Debug)]
pub struct LedgerFile {
    db: Connection,
    path: PathBuf,
    /// A store that was made before there was a ledger.
    older: bool,
    /// Opened without regard to other processes, since there were none.
    alone: bool,
}

/// A record, or what is wrong with it; with its number, where at least that can be read.
pub type Readable = Result<Raw, (Option<u64>, Broken)>;

impl LedgerFile {
    /// Opens the file of a store that this process has open.
    pub(super) fn beside(path: &Path) -> Result<Self, StoreError> {
        let db = file::open_shared_to_read(path)?;
        let failed = |e: rusqlite::Error| StoreError::from_sql(path, "read the ledger", &e);
        db.execute_batch("BEGIN").map_err(failed)?;
        Ok(Self { db, path: path.to_path_buf(), older: false, alone: false })
    }

    /// Opens a store file that is there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let alone = !file::log_of(path).exists();
        let db = file::open_to_read(path)?;
        let failed = |e: rusqlite::Error| StoreError::from_sql(path, "read the ledger", &e);
        // One transaction for all that is read.
        db.execute_batch("BEGIN").map_err(failed)?;
        let older = file::is_older_than_ledger(&db).map_err(failed)?;
        Ok(Self { db, path: path.to_path_buf(), older, alone })
    }

    /// Somebody began to write while the file was looked at: what was read may be half of this and
    /// half of that.
    pub fn disturbed(&self) -> bool {
        self.alone && file::log_of(&self.path).exists()
    }

    /// What the first record follows, and the last record, as the store noted them.
    pub fn ends(&self) -> Result<(Head, Head), StoreError> {
        if self.older {
            return Ok((Head::zero(), Head::zero()));
        }
        let end = |which: &str| {
            self.db.query_row("SELECT seq, hash FROM ledger_end WHERE which = ?1", [which], |r| {
                Ok(Head { seq: number(r, 0)?, hash: r.get(1)? })
            })
        };
        end("start").and_then(|start| Ok((start, end("head")?))).map_err(|e| self.failed(&e))
    }

    /// Hands each record to `take`, in order.
    pub fn each<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(Readable) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.older {
            return Ok(());
        }
        let failed = |e: rusqlite::Error| E::from(self.failed(&e));
        let mut query = self
            .db
            .prepare(&format!("SELECT {COLUMNS} FROM ledger ORDER BY seq"))
            .map_err(failed)?;
        let mut rows = query.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(readable(row))?;
        }
        Ok(())
    }

    /// The records of a run and, after them, what later runs found out about its seats. `run` may
    /// be the beginning of its id.
    pub fn run(&self, run: &str) -> Result<Vec<Raw>, StoreError> {
        if self.older {
            return Ok(Vec::new());
        }
        let Some(run) = find_run(&self.db, run).map_err(|e| self.failed(&e))?? else {
            return Ok(Vec::new());
        };
        let read = || {
            let mut query = self.db.prepare(&format!(
                "SELECT {COLUMNS} FROM ledger WHERE run = ?1 AND run <> '' ORDER BY seq"
            ))?;
            let mut records =
                query.query_map([&run], strict)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut query = self.db.prepare(&format!(
                "SELECT {COLUMNS} FROM ledger WHERE kind = 'outcome' AND run <> ?1 AND
                     json_extract(iif(json_valid(entry), entry, '{{}}'), '$.intent') IN
                         (SELECT seq FROM ledger WHERE run = ?1 AND run <> '' AND kind = 'intent')
                  ORDER BY seq"
            ))?;
            for later in query.query_map([&run], strict)? {
                records.push(later?);
            }
            Ok(records)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// How many seats of a run undos have given back since, by type. `first`: the record of its start. By what the
    /// store notes beside the ledger, as lists of runs have it.
    pub fn given_back(
        &self,
        site: &str,
        (run, first): (&str, u64),
    ) -> Result<Vec<(SeatType, u64)>, StoreError> {
        if self.older {
            return Ok(Vec::new());
        }
        let mut all = given_back(&self.db, site, first).map_err(|e| self.failed(&e))?;
        Ok(all.remove(run).unwrap_or_default())
    }

    /// The numbers of all intents that the store counts as unsettled.
    pub fn unsettled(&self) -> Result<BTreeSet<u64>, StoreError> {
        if self.older {
            return Ok(BTreeSet::new());
        }
        let read = || {
            let mut query = self.db.prepare("SELECT seq FROM release_unsettled")?;
            query.query_map([], |r| number(r, 0))?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The JSON of a run's plan, where it is still kept.
    pub fn plan(&self, run: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if self.older {
            return Ok(None);
        }
        plans::plan(&self.db, run).map_err(|e| self.failed(&e))
    }

    /// What guards the ledger in the file and is not as it must be, and triggers of any table that
    /// Bursar does not make: (name, table).
    pub fn odd_guards(&self) -> Result<BTreeSet<(String, String)>, StoreError> {
        if self.older {
            return Ok(BTreeSet::new());
        }
        let compare = || {
            let found = file::guarding_schema(&self.db)?;
            let expected = file::expected_guarding_schema(&self.db)?;
            let odd = expected.iter().filter(|part| !found.contains(part));
            let foreign = found.iter().filter(|part| !expected.contains(part));
            let named = odd.chain(foreign).map(|(name, table, _)| (name.clone(), table.clone()));
            Ok(named.collect())
        };
        compare().map_err(|e| self.failed(&e))
    }

    /// What SQLite finds wrong with the tables that runs go by, their indexes included: an index that
    /// was made anew without some rows hides them from every question that goes through it.
    pub fn damages(&self) -> Result<Vec<String>, StoreError> {
        if self.older {
            return Ok(Vec::new());
        }
        let check = || {
            let mut found = Vec::new();
            for table in CHECKED {
                // Older files have fewer.
                if !self.db.table_exists(None, table)? {
                    continue;
                }
                let mut query = self.db.prepare(&format!("PRAGMA integrity_check('{table}')"))?;
                let lines = query.query_map([], |r| r.get::<_, String>(0))?;
                let lines = lines.collect::<rusqlite::Result<Vec<_>>>()?;
                found.extend(lines.into_iter().filter(|line| line != "ok"));
            }
            found.dedup();
            Ok(found)
        };
        check().map_err(|e| self.failed(&e))
    }

    /// Begins to rebuild what the file notes beside the ledger. Of archived records that are not at
    /// hand (`whole`: they are pushed, too), it is taken on trust.
    pub fn rebuild(&self, whole: bool) -> Result<Rebuilt, StoreError> {
        let begin = if whole { Rebuilt::new() } else { Rebuilt::of(&self.db) };
        begin.map_err(|e| self.failed(&e))
    }

    /// What the file notes beside the ledger and does not follow from it.
    pub fn differences(&self, rebuilt: &Rebuilt) -> Result<Vec<Difference>, StoreError> {
        if self.older {
            return Ok(Vec::new());
        }
        rebuilt.differences(&self.db).map_err(|e| self.failed(&e))
    }

    /// Locks of runs that hold at this time, and that no run of the ledger can have.
    pub fn odd_claims(&self, now: DateTime<Utc>) -> Result<Vec<Difference>, StoreError> {
        if self.older {
            return Ok(Vec::new());
        }
        odd_claims(&self.db, now.timestamp_millis()).map_err(|e| self.failed(&e))
    }

    /// A store that was made before there was a ledger.
    pub fn has_no_ledger(&self) -> bool {
        self.older
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::from_sql(&self.path, "read the ledger", error)
    }
}

/// The tables that decide what a run may do.
const CHECKED: [&str; 8] = [
    "ledger",
    "ledger_end",
    "release_announced",
    "release_claim",
    "release_past",
    "release_pause",
    "release_unsettled",
    "site_identity",
];

#[expect(clippy::result_large_err, reason = "what is wrong is told rarely, and whole")]
fn readable(row: &Row<'_>) -> Readable {
    strict(row).map_err(|e| {
        let seq = number(row, 0).ok();
        let place = seq.map_or_else(|| "a record".to_owned(), |seq| format!("record {seq}"));
        (seq, Broken::Unreadable { place, why: e.to_string() })
    })
}

pub(super) fn strict(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        seq: number(row, 0)?,
        time: row.get(1)?,
        site: row.get(2)?,
        run: row.get(3)?,
        kind: row.get(4)?,
        entry: row.get(5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    match row.get_ref(column)? {
        ValueRef::Integer(n) if n >= 0 => Ok(n.unsigned_abs()),
        other => Err(rusqlite::Error::InvalidColumnType(column, "seq".into(), other.data_type())),
    }
}
