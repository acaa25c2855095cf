//! Reading the history.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

use super::bucket::{Bucket, Unit};
use super::calendar::Calendar;
use super::write::find_series;
use super::{Origin, Source};
use crate::store::{Store, StoreError};

/// How finely the history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Resolution {
    /// Every poll, as far back as polls are kept.
    Raw,
    /// Hours of UTC.
    Hour,
    /// Days of the configured time zone.
    Day,
}

/// The figures of a poll, an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollup {
    /// Time of the poll, or start of the hour or day.
    pub start: DateTime<Utc>,
    pub min: f64,
    /// Of all polls in it, each counted alike.
    pub mean: f64,
    pub max: f64,
    /// That of the last poll in it.
    pub last: f64,
    /// How many polls there were: never 0.
    pub samples: u64,
}

/// One figure of a site that there is history of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    pub site: String,
    pub pool: String,
    pub field: String,
    /// Time of the first sample, or the start of its hour or day once polls or hours are gone.
    pub first: DateTime<Utc>,
    /// Time of the last sample.
    pub last: DateTime<Utc>,
}

impl Store {
    /// What one figure of a site was from `from` on and before `to`: polls of that time, or hours
    /// or days that begin in it, in order. Nothing where nothing was polled. Complete up to the
    /// last poll, whenever maintenance ran.
    pub async fn history(
        &self,
        site: &str,
        pool: &str,
        field: &str,
        resolution: Resolution,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Rollup>, StoreError> {
        let name = [site, pool, field].map(str::to_owned);
        let query = move |db: &Connection| {
            let mut parts = Vec::new();
            for (source, series) in find(db, &name)? {
                parts.push(Part { db, source, series, calendar: super::calendar(db)? });
            }
            match resolution {
                Resolution::Raw => raw(&parts, from, to),
                Resolution::Hour => rollups(&parts, Unit::Hour, from, to),
                Resolution::Day => rollups(&parts, Unit::Day, from, to),
            }
        };
        self.shared.gate.read("read the history", query).await
    }

    /// All figures that there is history of, of one site or all, by name.
    pub async fn history_series(&self, site: Option<&str>) -> Result<Vec<Series>, StoreError> {
        let site = site.map(str::to_owned);
        self.shared.gate.read("list the history", move |db| series(db, site.as_deref())).await
    }
}

/// The series of a figure: what Bursar recorded, then what was imported.
pub(super) fn find(
    db: &Connection,
    [site, pool, field]: &[String; 3],
) -> rusqlite::Result<Vec<(Source, i64)>> {
    let mut found = Vec::new();
    for origin in [Origin::Bursar, Origin::Import] {
        let Some(source) = Source::find(db, site, origin)? else { continue };
        if let Some(series) = find_series(db, source, pool, field)? {
            found.push((source, series));
        }
    }
    Ok(found)
}

/// One series of one source.
pub(super) struct Part<'a> {
    pub(super) db: &'a Connection,
    pub(super) source: Source,
    pub(super) series: i64,
    pub(super) calendar: Calendar,
}

impl Part<'_> {
    /// The polls of a range of time, in order.
    fn polls(&self, span: Range<i64>) -> rusqlite::Result<Vec<(i64, f64)>> {
        self.db
            .prepare_cached(
                "SELECT time, value FROM history_raw
                  WHERE source = ?1 AND time >= ?2 AND time < ?3 AND series = ?4 ORDER BY time",
            )?
            .query_map([self.source.id, span.start, span.end, self.series], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect()
    }

    /// The buckets of a range whose rollups don't know all polls yet, in order.
    fn marked(&self, unit: Unit, range: &Range<i64>) -> rusqlite::Result<BTreeSet<i64>> {
        let marks = |unit: Unit, range: Range<i64>| -> rusqlite::Result<Vec<i64>> {
            self.db
                .prepare_cached(
                    "SELECT bucket FROM history_dirty
                      WHERE unit = ?1 AND source = ?2 AND bucket >= ?3 AND bucket < ?4",
                )?
                .query_map([unit.number(), self.source.id, range.start, range.end], |r| r.get(0))?
                .collect()
        };
        let mut marked: BTreeSet<i64> = marks(unit, range.clone())?.into_iter().collect();
        if unit == Unit::Day {
            // Days learn of marked hours only when those are rolled up.
            let span = unit.start(range.start, self.calendar)..unit.start(range.end, self.calendar);
            let hours = Unit::Hour.of(span.start, self.calendar)
                ..Unit::Hour.of(span.end - 1, self.calendar) + 1;
            for hour in marks(Unit::Hour, hours)? {
                let span = Unit::Hour.span(hour, self.calendar);
                for time in [span.start, span.end - 1] {
                    marked.insert(self.calendar.day_of(time));
                }
            }
            marked.retain(|day| range.contains(day));
        }
        marked.retain(|bucket| !self.source.is_final(unit.start(*bucket, self.calendar)));
        Ok(marked)
    }

    /// The polls of a bucket, rolled up now.
    fn roll_up(&self, unit: Unit, bucket: i64) -> rusqlite::Result<Option<Bucket>> {
        let polls = self.polls(unit.span(bucket, self.calendar))?;
        let mut buckets = polls.into_iter().map(|(time, value)| Bucket::of(time, value));
        let first = buckets.next();
        Ok(first.map(|mut all| {
            buckets.for_each(|one| all.merge(&one));
            all
        }))
    }

    /// The buckets of a range, complete.
    pub(super) fn buckets(
        &self,
        unit: Unit,
        range: Range<i64>,
    ) -> rusqlite::Result<BTreeMap<i64, Bucket>> {
        let mut range = range;
        if let (Unit::Hour, Some(from)) = (unit, self.source.hours_from) {
            // Those before are being deleted, and no longer kept up to date.
            range.start = range.start.max(from);
        }
        let rows = unit.rows(self.db, self.series, range.clone())?;
        let mut all: BTreeMap<i64, Bucket> = rows.into_iter().collect();
        for bucket in self.marked(unit, &range)? {
            match self.roll_up(unit, bucket)? {
                Some(content) => all.insert(bucket, content),
                None => all.remove(&bucket),
            };
        }
        Ok(all)
    }

    /// Times of the first and the last sample.
    fn ends(&self) -> rusqlite::Result<Option<(i64, i64)>> {
        let mut ends: Option<(i64, i64)> = None;
        let mut extend = |first: i64, last: i64| {
            let (start, end) = ends.unwrap_or((first, last));
            ends = Some((start.min(first), end.max(last)));
        };
        let mut first_hour = i64::MAX;
        for unit in [Unit::Hour, Unit::Day] {
            let Some((first, last)) = unit.ends(self.db, self.series)? else { continue };
            let last = unit.get(self.db, self.series, last)?.map(|last| last.last_at);
            let span = unit.span(first, self.calendar);
            let mut first = span.start;
            if unit == Unit::Hour {
                first_hour = first;
            } else if span.end > first_hour {
                // The hours of that day tell it better.
                first = first_hour;
            }
            if !self.source.is_final(first) {
                first = self.polls(span)?.first().map_or(first, |(time, _)| *time);
            }
            extend(first, last.unwrap_or(first));
        }
        let marked = self.marked(Unit::Hour, &(i64::MIN..i64::MAX))?;
        let polls = |hours: &mut dyn Iterator<Item = &i64>| -> rusqlite::Result<_> {
            for hour in hours {
                let polls = self.polls(Unit::Hour.span(*hour, self.calendar))?;
                if !polls.is_empty() {
                    return Ok(polls);
                }
            }
            Ok(Vec::new())
        };
        if let Some((first, _)) = polls(&mut marked.iter())?.first() {
            extend(*first, *first);
        }
        if let Some((last, _)) = polls(&mut marked.iter().rev())?.last() {
            extend(*last, *last);
        }
        Ok(ends)
    }
}

fn raw(
    parts: &[Part<'_>],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> rusqlite::Result<Vec<Rollup>> {
    let mut all = BTreeMap::new();
    for part in parts {
        for (time, value) in part.polls(seconds(from)..seconds(to))? {
            // Bursar's own comes first and stays.
            all.entry(time).or_insert_with(|| Bucket::of(time, value));
        }
    }
    Ok(all.into_iter().map(|(time, bucket)| rollup(time, &bucket)).collect())
}

fn rollups(
    parts: &[Part<'_>],
    unit: Unit,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> rusqlite::Result<Vec<Rollup>> {
    let Some(calendar) = parts.first().map(|part| part.calendar) else { return Ok(Vec::new()) };
    // The first bucket that begins at or after a time.
    let first = |time: i64| {
        let bucket = unit.of(time, calendar);
        if unit.start(bucket, calendar) < time { bucket + 1 } else { bucket }
    };
    let all = merged(parts, unit, first(seconds(from))..first(seconds(to)))?;
    Ok(all.iter().map(|(at, bucket)| rollup(unit.start(*at, calendar), bucket)).collect())
}

/// The buckets of a range, of all parts together.
pub(super) fn merged(
    parts: &[Part<'_>],
    unit: Unit,
    range: Range<i64>,
) -> rusqlite::Result<BTreeMap<i64, Bucket>> {
    let mut all: BTreeMap<i64, Bucket> = BTreeMap::new();
    for part in parts {
        for (bucket, content) in part.buckets(unit, range.clone())? {
            all.entry(bucket).and_modify(|known| known.merge(&content)).or_insert(content);
        }
    }
    Ok(all)
}

pub(super) fn rollup(start: i64, bucket: &Bucket) -> Rollup {
    Rollup {
        start: time_of(start),
        min: bucket.min,
        mean: bucket.sum / bucket.samples as f64,
        max: bucket.max,
        last: bucket.last,
        samples: bucket.samples.unsigned_abs(),
    }
}

/// The first full second at or after a time: samples are kept to the second.
pub(super) fn seconds(time: DateTime<Utc>) -> i64 {
    time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0)
}

pub(super) fn time_of(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

fn series(db: &Connection, site: Option<&str>) -> rusqlite::Result<Vec<Series>> {
    let calendar = super::calendar(db)?;
    let mut query = db.prepare_cached(
        "SELECT site, pool, field, history_series.id, history_source.id, raw_from, hours_from
           FROM history_series JOIN history_source ON history_source.id = source
          WHERE site = ?1 OR ?1 IS NULL ORDER BY site, pool, field, origin",
    )?;
    let row = |row: &Row<'_>| {
        let names: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        let source = Source::read(row, 4)?;
        Ok((names, Part { db, source, series: row.get(3)?, calendar }))
    };
    let mut all: Vec<Series> = Vec::new();
    for found in query.query_map(params![site], row)? {
        let ([site, pool, field], part) = found?;
        let Some((first, last)) = part.ends()?.map(|(a, b)| (time_of(a), time_of(b))) else {
            continue;
        };
        match all.last_mut() {
            Some(known) if (&known.site, &known.pool, &known.field) == (&site, &pool, &field) => {
                known.first = known.first.min(first);
                known.last = known.last.max(last);
            }
            _ => all.push(Series { site, pool, field, first, last }),
        }
    }
    Ok(all)
}
