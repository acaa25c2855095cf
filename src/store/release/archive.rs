//! Taking old records out of the store once they are safe in a file.

use rusqlite::{Connection, OptionalExtension, params};

use super::Addition;
use super::ledger::append_records;
use crate::ledger::{Entry, Head};
use crate::store::{Store, StoreError};

/// Records that were written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The last of them.
    pub through: Head,
    pub records: u64,
    /// Name of the file, for people.
    pub file: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// Who wants it.
    pub by: String,
}

/// Why records were not taken out of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArchiveError {
    /// The store changed since the file was written.
    #[error(
        "the ledger of the store changed while the file was written; nothing was removed from the store: remove the file and try again"
    )]
    Changed,
    /// An intent among them has no known outcome.
    #[error(
        "record {0} is an intent whose outcome is not known yet; nothing was removed from the store"
    )]
    Unsettled(u64),
    /// A run that has records among them holds the lock of its site.
    #[error("run {0} is under way; nothing was removed from the store: wait for its end")]
    UnderWay(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Notes an archive in the ledger and removes its records from the store, all or nothing.
    /// Returns the head.
    pub async fn archive_ledger(&self, archive: Archive) -> Result<Head, ArchiveError> {
        let clock = self.shared.clock.clone();
        let change = move |db: &Connection| {
            let through = archive.through.seq as i64;
            // All of it is looked at before anything is written.
            let same = db
                .prepare_cached(
                    "SELECT 1 FROM ledger WHERE seq = ?1 AND hash = ?2 AND
                         (SELECT count(*) FROM ledger WHERE seq <= ?1) = ?3 AND
                         (SELECT seq FROM ledger_end WHERE which = 'start') = ?1 - ?3",
                )?
                .exists(params![through, archive.through.hash, archive.records as i64])?;
            if !same {
                return Ok(Err(ArchiveError::Changed));
            }
            let unsettled: Option<i64> = db
                .prepare_cached("SELECT seq FROM release_unsettled WHERE seq <= ?1 ORDER BY seq")?
                .query_row([through], |r| r.get(0))
                .optional()?;
            if let Some(seq) = unsettled {
                return Ok(Err(ArchiveError::Unsettled(seq.unsigned_abs())));
            }
            let now = clock().timestamp_millis();
            let run: Option<String> = db
                .prepare_cached(
                    "SELECT run FROM release_claim WHERE until > ?1 AND EXISTS
                         (SELECT 1 FROM ledger WHERE ledger.run = release_claim.run AND ledger.run <> ''
                                             AND seq <= ?2)",
                )?
                .query_row([now, through], |r| r.get(0))
                .optional()?;
            if let Some(run) = run {
                return Ok(Err(ArchiveError::UnderWay(run)));
            }
            let hash = archive.through.hash.clone();
            let Archive { through: last, records, file, digest, by } = archive;
            let entry = Entry::Archived { through: last, records, file, digest, by };
            let addition = Addition { site: String::new(), run: None, entry };
            let (_, head) = append_records(db, now, &[addition])?;
            db.prepare_cached("UPDATE ledger_end SET seq = ?1, hash = ?2 WHERE which = 'start'")?
                .execute(params![through, hash])?;
            db.prepare_cached("DELETE FROM ledger WHERE seq <= ?1")?.execute([through])?;
            Ok(Ok(head))
        };
        self.shared.gate.write("archive records of the ledger", change).await?
    }
}
