//! The newest plans of each site, compressed.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rusqlite::{Connection, OptionalExtension, params};

use super::ledger::find_run;
use super::past::unreadable;
use crate::store::{Store, StoreError};

/// How many plans of a site are kept.
const PLANS: i64 = 30;

impl Store {
    /// Keeps a plan's JSON under its run; the oldest plans of the site beyond thirty are removed.
    pub async fn save_plan(&self, site: &str, run: &str, json: Vec<u8>) -> Result<(), StoreError> {
        let (site, run) = (site.to_owned(), run.to_owned());
        let save = move |db: &Connection| {
            let failed = |e: std::io::Error| rusqlite::Error::ToSqlConversionFailure(e.into());
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&json).map_err(failed)?;
            let packed = encoder.finish().map_err(failed)?;
            db.prepare_cached(
                "INSERT OR REPLACE INTO release_plan (site, run, json) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![site, run, packed])?;
            db.prepare_cached(
                "DELETE FROM release_plan WHERE site = ?1 AND id <=
                     (SELECT id FROM release_plan WHERE site = ?1
                       ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![site, PLANS])
            .map(drop)
        };
        self.shared.gate.write("keep a plan", save).await
    }

    /// The run whose plan of a site was kept last.
    pub async fn last_plan(&self, site: &str) -> Result<Option<String>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            db.prepare_cached(
                "SELECT run FROM release_plan WHERE site = ?1 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([site], |row| row.get(0))
            .optional()
        };
        self.shared.gate.read("read the last plan", query).await
    }

    /// The JSON of a run's plan, where it is still kept. `run` may be the beginning of its id.
    pub async fn load_plan(&self, run: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let begin = run.to_owned();
        let query = move |db: &Connection| match find_run(db, &begin)? {
            Ok(Some(run)) => plan(db, &run).map(Ok),
            Ok(None) => Ok(Ok(None)),
            Err(error) => Ok(Err(error)),
        };
        self.shared.gate.read("read a plan", query).await?
    }
}

/// The JSON of a run's plan.
pub(super) fn plan(db: &Connection, run: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let packed: Option<Vec<u8>> = db
        .prepare_cached("SELECT json FROM release_plan WHERE run = ?1")?
        .query_row([run], |r| r.get(0))
        .optional()?;
    packed.map(|packed| unpack(&packed)).transpose()
}

fn unpack(packed: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let mut json = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut json).map_err(|e| unreadable(0, e.into()))?;
    Ok(json)
}
