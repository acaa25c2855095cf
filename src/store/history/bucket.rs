//! What is kept of the figures of an hour or a day, and where.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::calendar::{Calendar, HOUR, hour_of};

/// The figures of an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) samples: i64,
    /// Time of the last sample.
    pub(super) last_at: i64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) last: f64,
    pub(super) sum: f64,
}

impl Bucket {
    pub(super) fn of(time: i64, value: f64) -> Self {
        Self { samples: 1, last_at: time, min: value, max: value, last: value, sum: value }
    }

    /// Counts one more sample; they may come in any order.
    pub(super) fn add(&mut self, time: i64, value: f64) {
        self.merge(&Self::of(time, value));
    }

    /// Counts the samples of another bucket, too.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.last_at >= self.last_at {
            (self.last_at, self.last) = (other.last_at, other.last);
        }
        self.samples += other.samples;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    /// Corrects a sample that was counted as `before`. Its extremes can't be taken back.
    pub(super) fn correct(&mut self, time: i64, before: f64, value: f64) {
        if self.last_at == time {
            self.last = value;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value - before;
    }

    fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            samples: row.get(first)?,
            last_at: row.get(first + 1)?,
            min: row.get(first + 2)?,
            max: row.get(first + 3)?,
            last: row.get(first + 4)?,
            sum: row.get(first + 5)?,
        })
    }
}

/// Samples of one source, put into buckets by series.
pub(super) type BySeries = BTreeMap<i64, Bucket>;

pub(super) fn count(buckets: &mut BySeries, series: i64, time: i64, value: f64) {
    buckets
        .entry(series)
        .and_modify(|bucket| bucket.add(time, value))
        .or_insert_with(|| Bucket::of(time, value));
}

/// The two sizes of buckets, each with a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
}

impl Unit {
    /// In `history_dirty`.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Hour => 0,
            Self::Day => 1,
        }
    }

    /// The bucket a time is in.
    pub(super) fn of(self, time: i64, calendar: Calendar) -> i64 {
        match self {
            Self::Hour => hour_of(time),
            Self::Day => calendar.day_of(time),
        }
    }

    /// From the start of a bucket to that of the next one.
    pub(super) fn span(self, bucket: i64, calendar: Calendar) -> Range<i64> {
        self.start(bucket, calendar)..self.start(bucket + 1, calendar)
    }

    pub(super) fn start(self, bucket: i64, calendar: Calendar) -> i64 {
        match self {
            Self::Hour => bucket.saturating_mul(HOUR),
            Self::Day => calendar.start(bucket),
        }
    }

    /// One row, if it is there.
    pub(super) fn get(
        self,
        db: &Connection,
        series: i64,
        bucket: i64,
    ) -> rusqlite::Result<Option<Bucket>> {
        let sql = match self {
            Self::Hour => {
                "SELECT samples, last_at, min, max, last, sum FROM history_hour
                  WHERE series = ?1 AND hour = ?2"
            }
            Self::Day => {
                "SELECT samples, last_at, min, max, last, sum FROM history_day
                  WHERE series = ?1 AND day = ?2"
            }
        };
        db.prepare_cached(sql)?.query_row([series, bucket], |row| Bucket::read(row, 0)).optional()
    }

    /// The rows of a series in a range of buckets, in order.
    pub(super) fn rows(
        self,
        db: &Connection,
        series: i64,
        range: Range<i64>,
    ) -> rusqlite::Result<Vec<(i64, Bucket)>> {
        let sql = match self {
            Self::Hour => {
                "SELECT hour, samples, last_at, min, max, last, sum FROM history_hour
                  WHERE series = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour"
            }
            Self::Day => {
                "SELECT day, samples, last_at, min, max, last, sum FROM history_day
                  WHERE series = ?1 AND day >= ?2 AND day < ?3 ORDER BY day"
            }
        };
        let mut query = db.prepare_cached(sql)?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, Bucket::read(row, 1)?));
        query.query_map([series, range.start, range.end], row)?.collect()
    }

    /// The rows of a series in a range of buckets, in order: which, and the time of the last sample.
    pub(super) fn last_times(
        self,
        db: &Connection,
        series: i64,
        range: Range<i64>,
    ) -> rusqlite::Result<Vec<(i64, i64)>> {
        let sql = match self {
            Self::Hour => {
                "SELECT hour, last_at FROM history_hour
                  WHERE series = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour"
            }
            Self::Day => {
                "SELECT day, last_at FROM history_day
                  WHERE series = ?1 AND day >= ?2 AND day < ?3 ORDER BY day"
            }
        };
        let mut query = db.prepare_cached(sql)?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        query.query_map([series, range.start, range.end], row)?.collect()
    }

    /// Puts a row in place of what is there.
    pub(super) fn put(
        self,
        db: &Connection,
        series: i64,
        bucket: i64,
        content: &Bucket,
    ) -> rusqlite::Result<()> {
        let sql = match self {
            Self::Hour => {
                "INSERT OR REPLACE INTO history_hour VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            }
            Self::Day => {
                "INSERT OR REPLACE INTO history_day VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            }
        };
        let Bucket { samples, last_at, min, max, last, sum } = content;
        db.prepare_cached(sql)?
            .execute(params![series, bucket, samples, last_at, min, max, last, sum])
            .map(drop)
    }

    pub(super) fn delete(self, db: &Connection, series: i64, bucket: i64) -> rusqlite::Result<()> {
        let sql = match self {
            Self::Hour => "DELETE FROM history_hour WHERE series = ?1 AND hour = ?2",
            Self::Day => "DELETE FROM history_day WHERE series = ?1 AND day = ?2",
        };
        db.prepare_cached(sql)?.execute([series, bucket]).map(drop)
    }

    /// First and last bucket of a series.
    pub(super) fn ends(self, db: &Connection, series: i64) -> rusqlite::Result<Option<(i64, i64)>> {
        // Two seeks; min and max in one statement would be a scan.
        let sql = match self {
            Self::Hour => {
                "SELECT (SELECT min(hour) FROM history_hour WHERE series = ?1),
                        (SELECT max(hour) FROM history_hour WHERE series = ?1)"
            }
            Self::Day => {
                "SELECT (SELECT min(day) FROM history_day WHERE series = ?1),
                        (SELECT max(day) FROM history_day WHERE series = ?1)"
            }
        };
        db.prepare_cached(sql)?.query_row([series], |row| {
            let ends: (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(ends.0.zip(ends.1))
        })
    }
}

/// Rolls the polls of one source in a range of time up, by series, in the order of time.
pub(super) fn fold(db: &Connection, source: i64, span: Range<i64>) -> rusqlite::Result<BySeries> {
    let mut query = db.prepare_cached(
        "SELECT time, series, value FROM history_raw
          WHERE source = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, series",
    )?;
    let mut rows = query.query([source, span.start, span.end])?;
    let mut buckets = BySeries::new();
    while let Some(row) = rows.next()? {
        count(&mut buckets, row.get(1)?, row.get(0)?, row.get(2)?);
    }
    Ok(buckets)
}
