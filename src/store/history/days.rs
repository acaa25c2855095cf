//! Several figures of a site at once, by the days of the calendar.

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::Connection;

use super::bucket::Unit;
use super::calendar::date_of;
use super::query::{Part, Rollup, find, merged, rollup, time_of};
use crate::store::{Store, StoreError};

/// A figure on a day of the configured time zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    pub day: NaiveDate,
    pub rollup: Rollup,
    /// Time of the last poll of the day.
    pub last_at: DateTime<Utc>,
}

impl Store {
    /// All days of several figures (pool and field) of a site up to now, from one look at the file:
    /// they fit together. A figure that there is no history of has no days.
    pub async fn history_days(
        &self,
        site: &str,
        figures: &[(&'static str, &'static str)],
    ) -> Result<Vec<Vec<Day>>, StoreError> {
        let (site, figures) = (site.to_owned(), figures.to_vec());
        let query = move |db: &Connection| {
            // One transaction: a poll between two figures would be in one of them only.
            let db = db.unchecked_transaction()?;
            figures.iter().map(|(pool, field)| days(&db, [&site, pool, field])).collect()
        };
        self.shared.gate.read("read the history", query).await
    }
}

fn days(db: &Connection, name: [&str; 3]) -> rusqlite::Result<Vec<Day>> {
    let calendar = super::calendar(db)?;
    let found = find(db, &name.map(str::to_owned))?;
    let parts: Vec<_> =
        found.into_iter().map(|(source, series)| Part { db, source, series, calendar }).collect();
    let buckets = merged(&parts, Unit::Day, 0..calendar.day_of(LAST))?;
    let day = |(number, bucket)| Day {
        day: date_of(number),
        rollup: rollup(Unit::Day.start(number, calendar), &bucket),
        last_at: time_of(bucket.last_at),
    };
    Ok(buckets.into_iter().map(day).collect())
}

/// The year 2200: no day after it is asked for.
const LAST: i64 = 7_258_118_400;
