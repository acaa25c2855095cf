//! Times without data.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::bucket::Unit;
use super::calendar::{Calendar, HOUR};
use super::query::{seconds, time_of};
use super::{Origin, SERVER_LICENSE, Source};
use crate::store::{Store, StoreError};

/// A time in which no poll of the access licenses succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Time of the last sample before, or the start of what was asked for.
    pub from: DateTime<Utc>,
    /// Time of the first sample after, or the end of what was asked for.
    pub to: DateTime<Utc>,
}

impl Store {
    /// Where the history of a site's access licenses has holes between two times (until now at
    /// most), given that a poll is `expected` that often: places where at least one is missing.
    ///
    /// Once the single polls are gone a hole shows when a whole hour is without data, and once the
    /// hours are gone, a whole day; what is missing at the edges of a hole isn't known then, and
    /// not counted as missing.
    pub async fn history_gaps(
        &self,
        site: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        expected: Duration,
    ) -> Result<Vec<Gap>, StoreError> {
        let site = site.to_owned();
        let now = self.now_ms().div_euclid(1000);
        let range = seconds(from)..seconds(to).min(now);
        let query = move |db: &Connection| {
            let mut spans = Vec::new();
            for origin in [Origin::Bursar, Origin::Import] {
                if let Some(source) = Source::find(db, &site, origin)? {
                    spans.extend(known(db, source, &range)?);
                }
            }
            spans.sort_unstable();
            // A poll that is late by less than half an interval is not a missing one.
            let longest = i64::try_from(expected.as_secs() * 3 / 2).unwrap_or(i64::MAX);
            Ok(holes(&spans, range, longest))
        };
        self.shared.gate.read("read the history", query).await
    }
}

/// Times of samples: from the first to the last of an hour or day, or the same twice for a poll.
fn known(db: &Connection, source: Source, range: &Range<i64>) -> rusqlite::Result<Vec<(i64, i64)>> {
    let calendar = super::calendar(db)?;
    // All figures of a pool come together: one tells the times of all.
    let mut of_pools = HashMap::new();
    for (series, pool, _) in source.series(db)? {
        if pool != SERVER_LICENSE {
            of_pools.entry(pool).or_insert(series);
        }
    }
    let raw_from = source.raw_from.unwrap_or(range.start).max(range.start);
    let mut spans = Vec::new();
    // The other figures are left out in SQLite: reading them here takes longer than all the rest.
    let series: Vec<String> = of_pools.values().map(i64::to_string).collect();
    let mut polls = db.prepare(&format!(
        "SELECT time FROM history_raw
          WHERE source = ?1 AND time >= ?2 AND time < ?3 AND +series IN ({})",
        series.join(", ")
    ))?;
    let mut rows = polls.query([source.id, raw_from, range.end])?;
    while let Some(row) = rows.next()? {
        let time: i64 = row.get(0)?;
        if spans.last() != Some(&(time, time)) {
            spans.push((time, time));
        }
    }
    for series in of_pools.into_values() {
        let hours = range.start.div_euclid(HOUR)..raw_from.min(range.end).div_euclid(HOUR);
        spans.extend(rows_as_spans(db, Unit::Hour, series, hours, calendar)?);
        let first_hour = Unit::Hour.ends(db, series)?.map(|(first, _)| first * HOUR);
        let until = first_hour.unwrap_or(raw_from).min(raw_from).min(range.end);
        let days = calendar.day_of(range.start)..calendar.day_of(until);
        spans.extend(rows_as_spans(db, Unit::Day, series, days, calendar)?);
    }
    Ok(spans)
}

fn rows_as_spans(
    db: &Connection,
    unit: Unit,
    series: i64,
    range: Range<i64>,
    calendar: Calendar,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let rows = unit.last_times(db, series, range)?;
    Ok(rows.into_iter().map(|(at, last)| (unit.start(at, calendar), last)).collect())
}

/// The parts of a range that are longer than allowed and without any of the spans, which are sorted.
fn holes(spans: &[(i64, i64)], range: Range<i64>, longest: i64) -> Vec<Gap> {
    let mut holes = Vec::new();
    let mut reached = range.start;
    for (start, end) in spans.iter().copied().chain([(range.end, range.end)]) {
        if start - reached > longest {
            holes.push(Gap { from: time_of(reached), to: time_of(start) });
        }
        reached = reached.max(end);
    }
    holes
}
