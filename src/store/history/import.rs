//! Taking over samples that another program recorded.
//!
//! An import may run again, over the same time, with more or fewer samples: single polls are known
//! by their time, and final hours and days by how many samples they are made of. So what is there
//! already is left as it is. Samples of an hour in which Bursar polled that pool itself are not
//! taken.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use chrono_tz::Tz;
use rusqlite::Connection;

use super::bucket::{Bucket, Unit};
use super::calendar::{Calendar, HOUR, hour_floor, hour_of};
use super::maintain::Limits;
use super::write::Writer;
use super::{Origin, Sample, Source};
use crate::store::settings::HistoryRetention;
use crate::store::{Store, StoreError};

/// All samples of one site in some days, to be taken over.
#[derive(Debug, Clone)]
pub struct Batch {
    pub site: String,
    /// Time zone of the days.
    pub zone: Tz,
    /// Numbers of the days: see [`Calendar`]. `samples` has all there are of these days, and of the
    /// rest of the hour of UTC in which the first one begins.
    pub days: Range<i64>,
    /// In any order. The later one of two of the same second counts.
    pub samples: Vec<Sample>,
}

/// What became of the samples of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Were not there before.
    pub new: u64,
    /// Were there already.
    pub known: u64,
    /// Not taken: Bursar polled in the same hour itself.
    pub own: u64,
    /// Not taken: older than the history goes back.
    pub old: u64,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.known += other.known;
        self.own += other.own;
        self.old += other.old;
    }
}

impl Store {
    /// Takes samples over, all or none of them. With `dry_run` it only says what would become of
    /// them.
    ///
    /// Days are those of the batch's zone. Call [`maintain_history`](Self::maintain_history) with the same one
    /// before, and afterwards to have the new polls rolled up; a dry run needs neither.
    pub async fn import_history(
        &self,
        batch: Batch,
        retention: HistoryRetention,
        dry_run: bool,
    ) -> Result<Imported, StoreError> {
        let now = self.now_ms().div_euclid(1000);
        let gate = &self.shared.gate;
        if dry_run {
            let query = move |db: &Connection| {
                take(db, &batch, (retention, Calendar(batch.zone)), now, true)
            };
            return gate.read("compare history", query).await;
        }
        let change = move |db: &Connection| {
            let calendar = super::calendar(db)?;
            take(db, &batch, (retention, calendar), now, false)
        };
        gate.write("import history", change).await
    }
}

fn take(
    db: &Connection,
    batch: &Batch,
    (retention, calendar): (HistoryRetention, Calendar),
    now: i64,
    dry_run: bool,
) -> rusqlite::Result<Imported> {
    let limits = Limits::of(retention, calendar, now);
    let own = Own::read(db, &batch.site, &batch.days, calendar)?;
    let mut result = Imported::default();
    let mut series: BTreeMap<(&str, &str), BTreeMap<i64, f64>> = BTreeMap::new();
    let start = calendar.start(batch.days.start);
    for sample in batch.samples.iter().filter(|sample| sample.value.is_finite()) {
        let time = sample.time.timestamp();
        let counts = u64::from(time >= start);
        if calendar.day_of(time) < limits.day {
            result.old += counts;
        } else if own.has(&sample.pool, time, calendar) {
            result.own += counts;
        } else {
            let key = (&*sample.pool, &*sample.field);
            if series.entry(key).or_default().insert(time, sample.value).is_some() {
                result.known += counts;
            }
        }
    }
    if series.is_empty() {
        return Ok(result);
    }
    let mut target = Target::find(db, &batch.site, (&limits, calendar), !dry_run)?;
    for (name, samples) in &series {
        result += match &mut target {
            Some(target) => target.take(*name, samples, &batch.days, dry_run)?,
            None => Imported { new: count_from(samples, start), ..Imported::default() },
        };
    }
    Ok(result)
}

/// When Bursar itself polled, by pool.
#[derive(Default)]
struct Own {
    hours: HashMap<String, HashSet<i64>>,
    /// Those whose hours are gone.
    days: HashMap<String, HashSet<i64>>,
}

impl Own {
    fn read(
        db: &Connection,
        site: &str,
        days: &Range<i64>,
        calendar: Calendar,
    ) -> rusqlite::Result<Self> {
        let mut own = Self::default();
        let Some(source) = Source::find(db, site, Origin::Bursar)? else { return Ok(own) };
        let all = source.series(db)?;
        let pools: HashMap<i64, &str> = all.iter().map(|(id, pool, _)| (*id, &**pool)).collect();
        let span = hour_floor(calendar.start(days.start))..calendar.start(days.end);
        let mut polls = db.prepare_cached(
            "SELECT DISTINCT series, time / 3600 FROM history_raw
              WHERE source = ?1 AND time >= ?2 AND time < ?3",
        )?;
        let mut rows = polls.query([source.id, span.start, span.end])?;
        while let Some(row) = rows.next()? {
            if let Some(pool) = pools.get(&row.get(0)?) {
                own.hours.entry((*pool).to_owned()).or_default().insert(row.get(1)?);
            }
        }
        for (series, pool, _) in &all {
            let range = hour_of(span.start)..hour_of(span.end - 1) + 1;
            let hours = Unit::Hour.rows(db, *series, range)?;
            let first_hour = Unit::Hour.ends(db, *series)?.map_or(i64::MAX, |(first, _)| first);
            let mut days = Unit::Day.rows(db, *series, days.start - 1..days.end)?;
            days.retain(|(day, _)| calendar.start(day + 1) <= first_hour.saturating_mul(HOUR));
            for (known, rows) in [(&mut own.hours, hours), (&mut own.days, days)] {
                known.entry(pool.clone()).or_default().extend(rows.iter().map(|(at, _)| *at));
            }
        }
        Ok(own)
    }

    fn has(&self, pool: &str, time: i64, calendar: Calendar) -> bool {
        let has = |known: &HashMap<String, HashSet<i64>>, at: &dyn Fn() -> i64| {
            known.get(pool).is_some_and(|known| !known.is_empty() && known.contains(&at()))
        };
        has(&self.hours, &|| hour_of(time)) || has(&self.days, &|| calendar.day_of(time))
    }
}

/// Where imported samples go.
struct Target<'a> {
    db: &'a Connection,
    writer: Writer<'a>,
    source: Source,
    limits: Limits,
    calendar: Calendar,
}

impl<'a> Target<'a> {
    /// `None` when nothing was imported for the site yet, and `make` is false.
    fn find(
        db: &'a Connection,
        site: &str,
        (limits, calendar): (&Limits, Calendar),
        make: bool,
    ) -> rusqlite::Result<Option<Self>> {
        let source = match Source::find(db, site, Origin::Import)? {
            None if !make => return Ok(None),
            None => Source::find_or_make(db, site, Origin::Import)?,
            Some(source) => source,
        };
        // Older polls would be deleted at the next maintenance: they go into rollups at once.
        let raw_from = source.raw_from.unwrap_or(limits.raw);
        let source = Source { raw_from: Some(raw_from), ..source };
        if make {
            db.prepare_cached("UPDATE history_source SET raw_from = ?2 WHERE id = ?1")?
                .execute([source.id, raw_from])?;
        }
        let writer = Writer::new(db, source)?;
        Ok(Some(Self { db, writer, source, limits: *limits, calendar }))
    }

    /// Takes the samples of one series, those of each day with all others of that day.
    fn take(
        &mut self,
        (pool, field): (&str, &str),
        samples: &BTreeMap<i64, f64>,
        days: &Range<i64>,
        dry_run: bool,
    ) -> rusqlite::Result<Imported> {
        let mut result = Imported::default();
        let series = match self.writer.find_series(pool, field)? {
            None if dry_run => {
                result.new = count_from(samples, self.calendar.start(days.start));
                return Ok(result);
            }
            None => self.writer.series(pool, field)?,
            Some(series) => series,
        };
        let mut final_hours: BTreeMap<i64, Bucket> = BTreeMap::new();
        let mut final_days: BTreeMap<i64, Bucket> = BTreeMap::new();
        for (time, value) in samples {
            let (hour, day) = (hour_of(*time), self.calendar.day_of(*time));
            let day_is_final = self.source.is_final(self.calendar.start(day));
            if day_is_final {
                add(&mut final_days, day, *time, *value);
            }
            if self.source.is_final(hour * HOUR) {
                add(&mut final_hours, hour, *time, *value);
                continue;
            }
            // The rest of an hour is needed only where its beginning is in a final day.
            if !days.contains(&day) && !day_is_final {
                continue;
            }
            let known = self.writer.get(series, *time)? == Some(*value);
            if !known && !dry_run {
                self.writer.put_raw(series, *time, *value)?;
            }
            if !day_is_final {
                *(if known { &mut result.known } else { &mut result.new }) += 1;
            }
        }
        let start = |day: i64| hour_of(self.calendar.start(day));
        let hours = start(days.start).max(self.limits.hour)..start(days.end);
        for (hour, bucket) in final_hours.iter().filter(|(hour, _)| hours.contains(hour)) {
            self.replace(Unit::Hour, series, *hour, bucket, dry_run)?;
        }
        for (day, bucket) in final_days.iter().filter(|(day, _)| days.contains(day)) {
            let known = self.replace(Unit::Day, series, *day, bucket, dry_run)?;
            result.known += known;
            result.new += bucket.samples.unsigned_abs() - known;
        }
        Ok(result)
    }

    /// Puts a final bucket in place of one that is made of fewer samples, or of as many other ones.
    /// Returns how many of its samples were there before.
    fn replace(
        &self,
        unit: Unit,
        series: i64,
        at: i64,
        bucket: &Bucket,
        dry_run: bool,
    ) -> rusqlite::Result<u64> {
        let before = unit.get(self.db, series, at)?;
        let samples = before.map_or(0, |before| before.samples);
        let better =
            samples < bucket.samples || samples == bucket.samples && before != Some(*bucket);
        if better && !dry_run {
            unit.put(self.db, series, at, bucket)?;
        }
        Ok(samples.min(bucket.samples).unsigned_abs())
    }
}

fn add(buckets: &mut BTreeMap<i64, Bucket>, at: i64, time: i64, value: f64) {
    buckets
        .entry(at)
        .and_modify(|bucket| bucket.add(time, value))
        .or_insert_with(|| Bucket::of(time, value));
}

fn count_from(samples: &BTreeMap<i64, f64>, start: i64) -> u64 {
    samples.range(start..).count() as u64
}
