//! The history of every figure: each poll raw for a while, then as hourly and daily rollups.
//!
//! [`Store::record`](super::Store::record) keeps the figures of a poll in the transaction that
//! queues its events. [`Store::maintain_history`](super::Store::maintain_history) rolls up and
//! deletes in small steps. What it hasn't got to yet is worked out when it is asked for, so answers
//! never wait for maintenance.
//!
//! How it stays right:
//! - A **mark** (`history_dirty`) says which hours and days have polls that their rollup doesn't
//!   know. It is set with the poll, and goes with the rollup that is made anew from all polls of
//!   the hour or day. So it doesn't matter in which order polls come, how often, or where a kill
//!   interrupts.
//! - Raw polls go by moving `raw_from`, past hours and days without marks only. What begins before
//!   it is **final**: a poll that comes that late is added to its rollups at once.
//! - What is imported is kept apart from what Bursar recorded (`origin`), and put together with
//!   it when it is read.
//!
//! Nothing is filled in: an hour without a poll has no rollup.

mod bucket;
pub mod calendar;
mod days;
mod figures;
mod gaps;
mod import;
mod maintain;
mod past;
mod query;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rusqlite::{Connection, OptionalExtension, Row, params};

use self::calendar::Calendar;
pub use self::days::Day;
pub use self::figures::state_number;
pub use self::gaps::Gap;
pub use self::import::{Batch, Imported};
pub use self::maintain::Maintained;
pub use self::past::Figure;
pub use self::query::{Resolution, Rollup, Series};
pub(super) use self::write::{keep, record};

/// Pool of the server license's history.
pub const SERVER_LICENSE: &str = "server_license";

/// One figure at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Kept to the second: a second sample of the same second takes the place of the first.
    pub time: DateTime<Utc>,
    /// As the tag `license_type` of InfluxDB points: `professional`, `analyzer_capacity` ...; or
    /// [`SERVER_LICENSE`].
    pub pool: Cow<'static, str>,
    /// As the field of InfluxDB points: `allocated`, `used_minutes` ...
    pub field: Cow<'static, str>,
    /// What isn't finite is left out.
    pub value: f64,
}

/// Who took the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Bursar,
    Import,
}

impl Origin {
    fn number(self) -> i64 {
        match self {
            Self::Bursar => 0,
            Self::Import => 1,
        }
    }
}

/// All samples of one site and origin.
#[derive(Debug, Clone, Copy)]
struct Source {
    id: i64,
    /// Raw polls before this time are gone; what begins before it is final.
    raw_from: Option<i64>,
    /// Hours before this one are gone, too.
    hours_from: Option<i64>,
}

impl Source {
    fn find(db: &Connection, site: &str, origin: Origin) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT id, raw_from, hours_from FROM history_source
                    WHERE site = ?1 AND origin = ?2";
        db.prepare_cached(sql)?
            .query_row(params![site, origin.number()], |row| Self::read(row, 0))
            .optional()
    }

    fn find_or_make(db: &Connection, site: &str, origin: Origin) -> rusqlite::Result<Self> {
        if let Some(source) = Self::find(db, site, origin)? {
            return Ok(source);
        }
        let id = db
            .prepare_cached("INSERT INTO history_source (site, origin) VALUES (?1, ?2)")?
            .insert(params![site, origin.number()])?;
        Ok(Self { id, raw_from: None, hours_from: None })
    }

    fn by_id(db: &Connection, id: i64) -> rusqlite::Result<Self> {
        db.prepare_cached("SELECT id, raw_from, hours_from FROM history_source WHERE id = ?1")?
            .query_row([id], |row| Self::read(row, 0))
    }

    fn all(db: &Connection) -> rusqlite::Result<Vec<Self>> {
        db.prepare_cached("SELECT id, raw_from, hours_from FROM history_source ORDER BY id")?
            .query_map([], |row| Self::read(row, 0))?
            .collect()
    }

    fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(first)?,
            raw_from: row.get(first + 1)?,
            hours_from: row.get(first + 2)?,
        })
    }

    /// Its series, with pool and field.
    fn series(self, db: &Connection) -> rusqlite::Result<Vec<(i64, String, String)>> {
        db.prepare_cached(
            "SELECT id, pool, field FROM history_series WHERE source = ?1 ORDER BY id",
        )?
        .query_map([self.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
    }

    /// Whether an hour or day that begins at this time can't be rolled up from raw polls any more.
    fn is_final(self, start: i64) -> bool {
        self.raw_from.is_some_and(|from| start < from)
    }
}

/// The calendar of the days in the file.
fn calendar(db: &Connection) -> rusqlite::Result<Calendar> {
    let name: String =
        db.prepare_cached("SELECT name FROM history_zone")?.query_row([], |row| row.get(0))?;
    // A zone that this release doesn't know is replaced at the next maintenance.
    Ok(Calendar(name.parse().unwrap_or(Tz::UTC)))
}
