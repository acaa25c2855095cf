//! Whether what a run goes by follows from the ledger, and making it so.

use rusqlite::{Connection, params};

use super::Addition;
use super::derived::{Difference, Rebuilt, odd_claims, replace};
use super::ledger::{COLUMNS, append_records};
use super::reader::{LedgerFile, strict};
use crate::ledger::Entry;
use crate::store::{Store, StoreError};

/// Why nothing was made anew from the ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RebuildError {
    /// A record that this release can't read, or that can't come after the others.
    #[error("nothing was changed: record {seq} can't be followed: {why}")]
    Record { seq: u64, why: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// What the store notes of a site beside the ledger, and does not follow from it. Reads all
    /// records, on a connection of its own: nobody has to wait meanwhile.
    pub async fn unbacked(&self, site: &str) -> Result<Vec<Difference>, StoreError> {
        let (path, site) = (self.path().to_owned(), site.to_owned());
        let compare = move || {
            let ledger = LedgerFile::beside(&path)?;
            let mut rebuilt = ledger.rebuild(false)?;
            ledger.each(|record| {
                // What can't be read is no record: it backs nothing.
                if let Ok(raw) = record {
                    rebuilt.push(&raw);
                }
                Ok::<_, StoreError>(())
            })?;
            let mut differences = ledger.differences(&rebuilt)?;
            if let Some((seq, why)) = rebuilt.failed() {
                differences.insert(0, Difference::unreadable(*seq, why));
            }
            // What sits in the file may change what a run reads after it was compared.
            for (name, table) in ledger.odd_guards()? {
                differences.insert(0, Difference::guard(&name, &table));
            }
            for damage in ledger.damages()? {
                differences.insert(0, Difference::damage(&damage));
            }
            differences.retain(|other| other.site.is_empty() || other.site == site);
            Ok(differences)
        };
        match tokio::task::spawn_blocking(compare).await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Makes what the store notes beside the ledger anew from it, takes off locks that no run can
    /// have, and records who wanted it and what was changed. Nothing is written where all follows
    /// from the ledger.
    pub async fn rebuild_from_ledger(&self, by: String) -> Result<Vec<Difference>, RebuildError> {
        let clock = self.shared.clock.clone();
        let change = move |db: &Connection| {
            let now = clock().timestamp_millis();
            let mut rebuilt = Rebuilt::of(db)?;
            let mut query = db.prepare(&format!("SELECT {COLUMNS} FROM ledger ORDER BY seq"))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                rebuilt.push(&strict(row)?);
            }
            if let Some((seq, why)) = rebuilt.failed().cloned() {
                return Ok(Err(RebuildError::Record { seq, why }));
            }
            let mut differences = rebuilt.differences(db)?;
            let claims = odd_claims(db, now)?;
            for claim in &claims {
                db.execute("DELETE FROM release_claim WHERE site = ?1", params![claim.site])?;
            }
            replace(&rebuilt, db, now)?;
            differences.extend(claims);
            if !differences.is_empty() {
                let changes = differences.iter().take(MOST).map(Difference::to_string).collect();
                let count = differences.len() as u64;
                let entry = Entry::Rebuilt { by, count, changes };
                append_records(db, now, &[Addition { site: String::new(), run: None, entry }])?;
            }
            Ok(Ok(differences))
        };
        self.shared.gate.write("make notes anew from the ledger", change).await?
    }
}

/// So many changes are written down one by one.
const MOST: usize = 50;
