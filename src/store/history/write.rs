//! Keeping samples.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::bucket::{Bucket, Unit};
use super::calendar::{Calendar, hour_of};
use super::{Origin, Sample, Source, figures};
use crate::event::Event;
use crate::license::Pools;
use crate::store::{Store, StoreError};

impl Store {
    /// Keeps samples of a site as if they had been polled, all or none of them: for figures that
    /// come with no event of their own, and for made-up histories.
    pub async fn keep_samples(&self, site: &str, samples: Vec<Sample>) -> Result<(), StoreError> {
        let site = site.to_owned();
        self.shared.gate.write("keep history", move |db| keep(db, &site, &samples)).await
    }

    /// Keeps polls of the access licenses of a site, without an event for anybody.
    pub async fn keep_pools(
        &self,
        site: &str,
        polls: Vec<(chrono::DateTime<chrono::Utc>, Pools)>,
    ) -> Result<(), StoreError> {
        let samples = polls.iter().flat_map(|(time, pools)| figures::of_pools(*time, pools));
        self.keep_samples(site, samples.collect()).await
    }
}

/// Keeps what the events say of figures.
pub(in crate::store) fn record<'a>(
    db: &Connection,
    events: impl Iterator<Item = &'a Event>,
) -> rusqlite::Result<()> {
    for event in events {
        keep(db, &event.site, &figures::of_event(event))?;
    }
    Ok(())
}

/// Keeps samples of a site's polls.
pub(in crate::store) fn keep(
    db: &Connection,
    site: &str,
    samples: &[Sample],
) -> rusqlite::Result<()> {
    if samples.is_empty() {
        return Ok(());
    }
    let mut writer = Writer::new(db, Source::find_or_make(db, site, Origin::Bursar)?)?;
    for sample in samples.iter().filter(|sample| sample.value.is_finite()) {
        let series = writer.series(&sample.pool, &sample.field)?;
        writer.put(series, sample.time.timestamp(), sample.value)?;
    }
    Ok(())
}

/// Writes samples of one source.
pub(super) struct Writer<'a> {
    db: &'a Connection,
    source: Source,
    calendar: Calendar,
    /// Ids of the series met so far.
    known: HashMap<(String, String), i64>,
    /// Hours that got their mark.
    marked: HashSet<i64>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(db: &'a Connection, source: Source) -> rusqlite::Result<Self> {
        let calendar = super::calendar(db)?;
        Ok(Self { db, source, calendar, known: HashMap::new(), marked: HashSet::new() })
    }

    /// The id of a series, made when it is new.
    pub(super) fn series(&mut self, pool: &str, field: &str) -> rusqlite::Result<i64> {
        let key = (pool.to_owned(), field.to_owned());
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        let id = match self.find_series(pool, field)? {
            Some(id) => id,
            None => self
                .db
                .prepare_cached(
                    "INSERT INTO history_series (source, pool, field) VALUES (?1, ?2, ?3)",
                )?
                .insert(params![self.source.id, pool, field])?,
        };
        self.known.insert(key, id);
        Ok(id)
    }

    pub(super) fn find_series(&self, pool: &str, field: &str) -> rusqlite::Result<Option<i64>> {
        find_series(self.db, self.source, pool, field)
    }

    /// Keeps one sample, in place of one of the same second.
    fn put(&mut self, series: i64, time: i64, value: f64) -> rusqlite::Result<()> {
        if self.source.is_final(time) {
            return self.put_late(series, time, value);
        }
        let day = self.final_day_of(time);
        let before = match day {
            Some(_) => self.get(series, time)?,
            None => None,
        };
        if !self.put_raw(series, time, value)? {
            return Ok(());
        }
        match (day, before) {
            (None, _) => {}
            (Some(day), None) => self.add(Unit::Day, series, day, time, value)?,
            (Some(day), Some(before)) => {
                self.correct(Unit::Day, series, day, time, before, value)?;
            }
        }
        Ok(())
    }

    /// Keeps one poll and marks its hour. True when that changed anything.
    pub(super) fn put_raw(&mut self, series: i64, time: i64, value: f64) -> rusqlite::Result<bool> {
        let changed = self
            .db
            .prepare_cached(
                "INSERT INTO history_raw VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            )?
            .execute(params![self.source.id, time, series, value])?
            > 0;
        if changed {
            self.mark(hour_of(time))?;
        }
        Ok(changed)
    }

    /// The value of a poll.
    pub(super) fn get(&self, series: i64, time: i64) -> rusqlite::Result<Option<f64>> {
        self.db
            .prepare_cached(
                "SELECT value FROM history_raw WHERE source = ?1 AND time = ?2 AND series = ?3",
            )?
            .query_row([self.source.id, time, series], |row| row.get(0))
            .optional()
    }

    /// The day of a time, if it is final though the time itself is not: hours and days don't end
    /// together in every zone.
    fn final_day_of(&self, time: i64) -> Option<i64> {
        const TWO_DAYS: i64 = 2 * 86_400;
        // Spares the calendar nearly always.
        self.source.raw_from.filter(|from| time < from.saturating_add(TWO_DAYS))?;
        let day = self.calendar.day_of(time);
        self.source.is_final(self.calendar.start(day)).then_some(day)
    }

    /// Adds a sample to a final hour and day. The same sample again, right after itself, is known
    /// by its time; any other repetition can't be.
    fn put_late(&self, series: i64, time: i64, value: f64) -> rusqlite::Result<()> {
        let mut units = vec![Unit::Hour, Unit::Day];
        if self.source.hours_from.is_some_and(|from| hour_of(time) < from) {
            units.remove(0);
        }
        let mut before = None;
        for unit in units {
            let at = unit.of(time, self.calendar);
            let known = unit.get(self.db, series, at)?;
            before = before.or(known.filter(|b| b.last_at == time).map(|b| b.last));
            match before {
                Some(before) => self.correct(unit, series, at, time, before, value)?,
                None => self.add(unit, series, at, time, value)?,
            }
        }
        Ok(())
    }

    fn correct(
        &self,
        unit: Unit,
        series: i64,
        at: i64,
        time: i64,
        before: f64,
        value: f64,
    ) -> rusqlite::Result<()> {
        if let Some(mut bucket) = unit.get(self.db, series, at)? {
            bucket.correct(time, before, value);
            unit.put(self.db, series, at, &bucket)?;
        }
        Ok(())
    }

    fn add(&self, unit: Unit, series: i64, at: i64, time: i64, value: f64) -> rusqlite::Result<()> {
        let mut bucket = Bucket::of(time, value);
        if let Some(before) = unit.get(self.db, series, at)? {
            bucket = before;
            bucket.add(time, value);
        }
        unit.put(self.db, series, at, &bucket)
    }

    fn mark(&mut self, hour: i64) -> rusqlite::Result<()> {
        if self.marked.insert(hour) {
            mark(self.db, Unit::Hour, self.source.id, hour)?;
        }
        Ok(())
    }
}

pub(super) fn find_series(
    db: &Connection,
    source: Source,
    pool: &str,
    field: &str,
) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(
        "SELECT id FROM history_series WHERE source = ?1 AND pool = ?2 AND field = ?3",
    )?
    .query_row(params![source.id, pool, field], |row| row.get(0))
    .optional()
}

/// Says that a bucket has to be rolled up.
pub(super) fn mark(db: &Connection, unit: Unit, source: i64, bucket: i64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO history_dirty VALUES (?1, ?2, ?3)")?
        .execute([unit.number(), source, bucket])
        .map(drop)
}
