//! The history of one figure of one site: a row per day, and what was entitled and released when.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What a day has of a figure, such as the allocated Professional seats. The day is one of the
/// configured time zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Daily {
    pub day: NaiveDate,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    pub last: f64,
}

/// From this day on the license has so many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    pub from: NaiveDate,
    pub total: f64,
}

/// Seats that Bursar released on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    pub day: NaiveDate,
    pub count: u32,
}

/// How much data an answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// Days with data.
    pub days: u32,
    /// Days between the first and the last that have none.
    pub missing: u32,
}

impl Daily {
    /// A day on which the figure did not change.
    pub fn flat(day: NaiveDate, value: f64) -> Self {
        Self { day, min: value, mean: value, max: value, last: value }
    }

    /// The day's median, as far as its four figures tell: minimum and maximum are its ends, so it is
    /// the middle of mean and last.
    pub fn median(&self) -> f64 {
        // Halved first: the sum of two large numbers may be beyond what there is.
        let (low, high) = (self.min.min(self.max), self.max.max(self.min));
        (self.mean / 2.0 + self.last / 2.0).clamp(low, high)
    }

    fn is_finite(&self) -> bool {
        [self.min, self.mean, self.max, self.last].iter().all(|value| value.is_finite())
    }
}

/// Days of a figure, each at most once, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series(Vec<Daily>);

impl Series {
    /// Takes days in any order. A value that is no finite number makes no day; of two rows of a day
    /// the one with the larger figures stays.
    pub fn new(days: impl IntoIterator<Item = Daily>) -> Self {
        let mut days: Vec<Daily> = days.into_iter().filter(Daily::is_finite).collect();
        days.sort_by(|a, b| {
            let figures = |d: &Daily| [d.last, d.mean, d.max, d.min];
            a.day.cmp(&b.day).then_with(|| {
                let pairs = figures(a).into_iter().zip(figures(b));
                pairs.fold(std::cmp::Ordering::Equal, |order, (a, b)| order.then(b.total_cmp(&a)))
            })
        });
        days.dedup_by_key(|d| d.day);
        Self(days)
    }

    pub fn days(&self) -> &[Daily] {
        &self.0
    }

    /// The days as if nothing had been released: from the day of a release on, its seats are there.
    pub fn with_added_back(&self, released: &[Released]) -> Self {
        let mut released = released.to_vec();
        released.sort_by_key(|release| release.day);
        let mut ahead = released.into_iter().peekable();
        let mut added = 0.0;
        let days = self.0.iter().map(|day| {
            while let Some(release) = ahead.next_if(|release| release.day <= day.day) {
                added += f64::from(release.count);
            }
            Daily {
                day: day.day,
                min: day.min + added,
                mean: day.mean + added,
                max: day.max + added,
                last: day.last + added,
            }
        });
        Self(days.collect())
    }

    /// The last day with data.
    pub fn last(&self) -> Option<&Daily> {
        self.0.last()
    }

    /// From one day to another, both included.
    pub fn between(&self, first: NaiveDate, last: NaiveDate) -> &[Daily] {
        let from = self.0.partition_point(|d| d.day < first);
        let to = self.0.partition_point(|d| d.day <= last);
        self.0.get(from..to).unwrap_or_default()
    }
}

/// The basis of days in order, each once.
pub(super) fn basis(days: &[Daily]) -> Option<Basis> {
    let (first, last) = (days.first()?.day, days.last()?.day);
    let days = u32::try_from(days.len()).unwrap_or(u32::MAX);
    let span = u32::try_from((last - first).num_days() + 1).unwrap_or(u32::MAX);
    Some(Basis { first, last, days, missing: span.saturating_sub(days) })
}

/// What the license had, over time. May know of future changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entitled {
    totals: Vec<Total>,
    full: BTreeSet<NaiveDate>,
}

impl Entitled {
    /// Takes totals in any order. Of two of a day the larger counts; one that is no finite number
    /// doesn't.
    pub fn new(totals: impl IntoIterator<Item = Total>) -> Self {
        let mut totals: Vec<Total> =
            totals.into_iter().filter(|total| total.total.is_finite()).collect();
        totals.sort_by(|a, b| a.from.cmp(&b.from).then(b.total.total_cmp(&a.total)));
        totals.dedup_by_key(|total| total.from);
        totals.dedup_by(|later, earlier| later.total == earlier.total);
        Self { totals, full: BTreeSet::new() }
    }

    /// Days on which nothing could be given out by the site's own count, whatever was taken: the rest is in
    /// quarantine.
    pub fn with_full_days(mut self, days: impl IntoIterator<Item = NaiveDate>) -> Self {
        self.full.extend(days);
        self
    }

    /// With another total from a day on.
    pub fn with(&self, total: Total) -> Self {
        Self { full: self.full.clone(), ..Self::new(self.totals.iter().copied().chain([total])) }
    }

    /// The same all the time.
    pub fn always(total: f64) -> Self {
        Self::new([Total { from: NaiveDate::MIN, total }])
    }

    /// On a day; `None` before anything is known.
    pub fn on(&self, day: NaiveDate) -> Option<f64> {
        let after = self.totals.partition_point(|total| total.from <= day);
        Some(self.totals.get(after.checked_sub(1)?)?.total)
    }

    /// Whether nothing could be given out on a day on which so many were taken.
    pub fn is_full(&self, day: NaiveDate, taken: f64) -> bool {
        self.full.contains(&day) || self.on(day).is_some_and(|total| taken >= total)
    }

    /// The number of changes up to a day: what tells one stretch of the same total from the next.
    pub(super) fn changes_by(&self, day: NaiveDate) -> usize {
        self.totals.partition_point(|total| total.from <= day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_series_is_in_order_and_has_each_day_once() {
        let row = |text, value| Daily::flat(day(text), value);
        let series = Series::new([
            row("2026-03-02", 5.0),
            row("2026-03-01", f64::NAN),
            row("2026-03-04", 7.0),
            row("2026-03-01", 4.0),
            row("2026-03-02", 6.0),
        ]);
        let values: Vec<f64> = series.days().iter().map(|d| d.last).collect();
        assert_eq!(values, [4.0, 6.0, 7.0]);
        let basis = |series: &Series| basis(series.days());
        let whole = basis(&series).unwrap();
        assert_eq!((whole.days, whole.missing), (3, 1));
        assert_eq!(series.between(day("2026-03-02"), day("2026-03-03")).len(), 1);
        assert_eq!(basis(&Series::default()), None);
    }

    #[test]
    fn released_seats_are_there_again_from_the_day_of_the_release_on() {
        let row = |text, value| Daily::flat(day(text), value);
        let series = Series::new([
            row("2026-03-01", 10.0),
            row("2026-03-02", 7.0),
            row("2026-03-05", 8.0),
            row("2026-03-06", 6.0),
        ]);
        let released = [("2026-03-06", 2), ("2026-03-02", 3)]
            .map(|(at, count)| Released { day: day(at), count });
        let joined = series.with_added_back(&released);
        let values: Vec<f64> = joined.days().iter().map(|d| d.mean).collect();
        assert_eq!(values, [10.0, 10.0, 11.0, 11.0]);
    }

    #[test]
    fn a_days_median_lies_between_mean_and_last() {
        let daily = Daily { day: day("2026-03-01"), min: 1.0, mean: 20.0, max: 90.0, last: 22.0 };
        assert_eq!(daily.median(), 21.0);
    }

    #[test]
    fn the_total_of_a_day_is_the_last_one_set() {
        let total = |text, total| Total { from: day(text), total };
        let entitled = Entitled::new([
            total("2026-06-01", 150.0),
            total("2026-01-01", 100.0),
            total("2026-02-01", 100.0),
            total("2026-03-01", f64::NAN),
        ]);
        assert_eq!(entitled.on(day("2025-12-31")), None);
        assert_eq!(entitled.on(day("2026-05-31")), Some(100.0));
        assert_eq!(entitled.on(day("2026-06-01")), Some(150.0));
        assert_eq!(entitled.changes_by(day("2026-05-31")), 1);
        assert_eq!(entitled.changes_by(day("2026-07-31")), 2);
        let fewer = entitled.with(total("2026-07-01", 140.0));
        assert_eq!(fewer.on(day("2026-06-30")), Some(150.0));
        assert_eq!(fewer.on(day("2026-07-01")), Some(140.0));
    }

    #[test]
    fn a_day_on_which_nothing_could_be_given_out_is_full() {
        let entitled = Entitled::always(100.0).with_full_days([day("2026-03-02")]);
        assert!(entitled.is_full(day("2026-03-01"), 100.0));
        assert!(!entitled.is_full(day("2026-03-01"), 88.0));
        assert!(entitled.is_full(day("2026-03-02"), 88.0), "12 are in quarantine");
    }
}
