//! What became of seats: every outcome of a site, with the reason that stood in its intent.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::ledger::entry_of;
use crate::ledger::{Entry, Outcome};
use crate::store::{Store, StoreError, time_of};

/// An outcome in the ledger. Rehearsals have none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Number and hash of the outcome's record.
    pub seq: u64,
    pub hash: String,
    pub time: DateTime<Utc>,
    pub run: String,
    /// Why it was to be done, in words; absent once the intent was archived.
    pub because: Option<String>,
    pub outcome: Outcome,
}

impl Attempt {
    /// Whether the seat was taken from its user.
    pub fn is_release(&self) -> bool {
        self.outcome.is_release()
    }

    /// Whether the user was given a seat again.
    pub fn is_return(&self) -> bool {
        self.outcome.is_return()
    }
}

/// Without outcomes that a later one of the same intent replaces or corrects.
fn last_of_each(all: Vec<Attempt>) -> Vec<Attempt> {
    let last: HashMap<u64, u64> =
        all.iter().map(|attempt| (attempt.outcome.intent, attempt.seq)).collect();
    all.into_iter().filter(|attempt| last[&attempt.outcome.intent] == attempt.seq).collect()
}

impl Store {
    /// What became of every intent of a site that is still in the store: the last outcome of each,
    /// in the order in which they were written.
    pub async fn attempts(&self, site: &str) -> Result<Vec<Attempt>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT o.seq, o.hash, o.time, o.run, json_extract(i.entry, '$.because'), o.entry
                   FROM ledger o
                   LEFT JOIN ledger i ON i.seq = json_extract(o.entry, '$.intent')
                        AND i.kind = 'intent'
                  WHERE o.kind = 'outcome' AND o.site = ?1 ORDER BY o.seq",
            )?;
            let row = |r: &Row<'_>| {
                let Entry::Outcome(outcome) = entry_of(r, 5)? else {
                    return Err(rusqlite::Error::InvalidQuery);
                };
                Ok(Attempt {
                    seq: r.get::<_, i64>(0)?.unsigned_abs(),
                    hash: r.get(1)?,
                    time: time_of(r.get(2)?),
                    run: r.get(3)?,
                    because: r.get(4)?,
                    outcome,
                })
            };
            let all = query.query_map([site], row)?.collect::<rusqlite::Result<Vec<Attempt>>>()?;
            Ok(last_of_each(all))
        };
        self.shared.gate.read("read what became of seats", query).await
    }

    /// Time of the first record that is still in the store, when others before it were archived.
    pub async fn ledger_complete_from(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = |db: &Connection| {
            db.prepare_cached(
                "SELECT time FROM ledger
                  WHERE seq = 1 + (SELECT seq FROM ledger_end WHERE which = 'start' AND seq > 0)",
            )?
            .query_row([], |r| r.get(0))
            .optional()
        };
        let time = self.shared.gate.read("read the ledger", query).await?;
        Ok(time.map(time_of))
    }
}
