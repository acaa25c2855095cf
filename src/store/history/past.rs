//! Keeping many polls of the past at once, as they would be kept by now if they had been kept one by one:
//! for made-up histories.

use std::ops::Range;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::bucket::{Bucket, Unit};
use super::calendar::{Calendar, HOUR, hour_of};
use super::maintain::Limits;
use super::write::Writer;
use super::{Origin, Source};
use crate::store::settings::HistoryRetention;
use crate::store::{Store, StoreError};

/// Pool and field of a figure.
pub type Figure = (&'static str, &'static str);

impl Store {
    /// Keeps polls of a site that the history knows nothing of yet: the newest one by one, the others in
    /// the rollups that `retention` keeps at the store's time. `polls` are in their order, with a value for each of
    /// `figures`; one that isn't finite is left out.
    ///
    /// Days are those of the zone that [`maintain_history`](Self::maintain_history) was given.
    pub async fn keep_past<const N: usize>(
        &self,
        site: &str,
        figures: [Figure; N],
        retention: HistoryRetention,
        polls: impl Iterator<Item = (DateTime<Utc>, [f64; N])> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (site, now) = (site.to_owned(), self.now_ms().div_euclid(1000));
        let change = move |db: &Connection| {
            let calendar = super::calendar(db)?;
            let limits = Limits::of(retention, calendar, now);
            let mut source = Source::find_or_make(db, &site, Origin::Bursar)?;
            source.raw_from = Some(limits.raw);
            db.prepare_cached("UPDATE history_source SET raw_from = ?2 WHERE id = ?1")?
                .execute([source.id, limits.raw])?;
            let mut writer = Writer::new(db, source)?;
            let mut series = [0; N];
            for (series, (pool, field)) in series.iter_mut().zip(figures) {
                *series = writer.series(pool, field)?;
            }
            let mut rollups =
                [Unit::Hour, Unit::Day].map(|unit| Rollup::new(unit, calendar, series));
            for (time, values) in polls {
                let time = time.timestamp();
                for rollup in &mut rollups {
                    rollup.add(db, time, &values)?;
                    if !source.is_final(rollup.span.start) || rollup.at < limits.first(rollup.unit)
                    {
                        rollup.buckets = [None; N];
                    }
                }
                if source.is_final(hour_of(time) * HOUR) {
                    continue;
                }
                for (series, value) in series.iter().zip(values).filter(|(_, v)| v.is_finite()) {
                    writer.put_raw(*series, time, value)?;
                }
            }
            rollups.iter_mut().try_for_each(|rollup| rollup.put(db))
        };
        self.shared.gate.write("keep history", change).await
    }
}

impl Limits {
    fn first(&self, unit: Unit) -> i64 {
        match unit {
            Unit::Hour => self.hour,
            Unit::Day => self.day,
        }
    }
}

/// The hour or the day that is being rolled up.
struct Rollup<const N: usize> {
    unit: Unit,
    calendar: Calendar,
    series: [i64; N],
    at: i64,
    /// From its start to that of the next one.
    span: Range<i64>,
    buckets: [Option<Bucket>; N],
}

impl<const N: usize> Rollup<N> {
    fn new(unit: Unit, calendar: Calendar, series: [i64; N]) -> Self {
        Self { unit, calendar, series, at: 0, span: 0..0, buckets: [None; N] }
    }

    fn add(&mut self, db: &Connection, time: i64, values: &[f64; N]) -> rusqlite::Result<()> {
        if !self.span.contains(&time) {
            self.put(db)?;
            self.at = self.unit.of(time, self.calendar);
            self.span = self.unit.span(self.at, self.calendar);
        }
        for (bucket, value) in self.buckets.iter_mut().zip(values).filter(|(_, v)| v.is_finite()) {
            match bucket {
                Some(bucket) => bucket.add(time, *value),
                None => *bucket = Some(Bucket::of(time, *value)),
            }
        }
        Ok(())
    }

    fn put(&mut self, db: &Connection) -> rusqlite::Result<()> {
        for (series, bucket) in
            self.series.iter().zip(std::mem::replace(&mut self.buckets, [None; N]))
        {
            if let Some(bucket) = bucket {
                self.unit.put(db, *series, self.at, &bucket)?;
            }
        }
        Ok(())
    }
}
