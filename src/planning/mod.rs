//! The store's history as the questions of [`insight`](crate::insight) take it: loaded once, asked
//! by commands, reports and alerts alike.
//!
//! [`Planning::load`] reads a few rows per day and figure; everything else is computed from them
//! when it is asked for. What isn't known is `None`, never zero.

pub mod changes;
pub mod chargeback;
pub mod forecast;
pub mod idle;
pub mod load;
mod minutes;
pub mod money;
pub mod outlook;
pub mod recorded;
pub mod renewal;
pub mod replay;
pub mod returns;
pub mod seats;

use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::insight::capacity::{self, Capacity};
use crate::insight::contract::Contracts;
use crate::insight::cost::{Prices, ReleasedSeats};
use crate::insight::forecast::{Bought, Forecast, forecast_if};
use crate::insight::growth::{Growth, History, growth};
use crate::insight::order::Order;
use crate::insight::pace::Pace;
use crate::insight::reclaim::Limits;
use crate::insight::returns::Returned;
use crate::insight::season::{self, Season};
use crate::insight::utilization::{self, Now, Period, Step, YearOnYear};
use crate::insight::{Entitled, NotEnough, Released, Series, Total, days_after};
use crate::license::SeatType;
use crate::license::pools::MinutePool;
use crate::release::settings::Release;
use crate::words::Locale;

pub use forecast::{ForecastView, WhatIf};
pub use minutes::Month;
pub use outlook::{Outlook, outlook};
pub use seats::SeatCounts;

/// Everything that is known of a site's licenses over time.
#[derive(Debug)]
pub struct Planning {
    pub site: String,
    pub now: DateTime<Utc>,
    pub zone: Tz,
    /// How people write numbers and days.
    pub locale: Locale,
    /// The day that `now` is in.
    pub today: NaiveDate,
    /// Types of seats that there is history of, Professional first.
    pub pools: Vec<Pool>,
    /// Analyzer Capacity, when there is history of it.
    pub minutes: Option<Minutes>,
    /// `Butler.cost`.
    pub prices: Option<Prices>,
    /// When contracts renew, where that is said.
    pub contracts: Contracts,
    /// The end of the server's license, as it was read last up to `now`; `None` where it is not watched, was not read,
    /// or has none.
    pub license_end: Option<LicenseEnd>,
    /// Seats that were released, with when their people got one again, if they did.
    pub released: Vec<ReleasedSeats>,
    /// From the list of seats; `None` while it was never read.
    pub seats: Option<seats::Counts>,
    /// Who came back of those whose seats were released in the 365 days up to `now`; `None` where nothing has a price.
    returned: Option<Returned>,
    /// How the settings release seats; `None` of a site that they don't have.
    release: Option<Release>,
    order: OnceLock<Option<Order>>,
}

/// The end of the server's license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseEnd {
    /// The last valid day.
    pub last_valid: NaiveDate,
    /// When it was read.
    pub as_of: DateTime<Utc>,
}

/// The seats of one type over time.
#[derive(Debug)]
pub struct Pool {
    pub seat_type: SeatType,
    /// Allocated seats: what all figures on utilization and growth are of. Of a token license: the
    /// tokens that are taken.
    pub taken: Series,
    /// Seats in use by the server's own, undocumented measure.
    pub used: Series,
    pub entitled: Entitled,
    /// What could be given out, by the server's own count. Empty where the history lacks it.
    pub available: Series,
    /// What Bursar released, and didn't allocate again.
    pub released: Vec<Released>,
    /// Seats in quarantine, and allocated above what is entitled. Empty where the history lacks them.
    pub quarantined: Series,
    pub excess: Series,
    /// Time of the last poll.
    pub as_of: DateTime<Utc>,
    forecast: OnceLock<Result<Forecast, NotEnough>>,
}

/// The minutes of Analyzer Capacity over time. Used minutes start again with each month.
#[derive(Debug)]
pub struct Minutes {
    pub used: Series,
    pub allocated: Series,
    pub unavailable: Series,
    /// Time of the last poll.
    pub as_of: DateTime<Utc>,
}

/// What counts as a clean-up.
const CLEAN_UP_WITHIN: i64 = 7;
const CLEAN_UP_LEAST: f64 = 5.0;
const CLEAN_UP_PERCENT: f64 = 3.0;

/// A day on which the license had another total than on the one before.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntitledChange {
    pub day: NaiveDate,
    pub from: f64,
    pub to: f64,
}

impl Pool {
    /// On which days between two (both included) the total changed.
    pub fn entitled_changes(&self, first: NaiveDate, last: NaiveDate) -> Vec<EntitledChange> {
        let mut changes = Vec::new();
        let mut known = self.entitled.on(days_after(first, -1));
        for day in self.taken.between(first, last) {
            let total = self.entitled.on(day.day);
            if let (Some(from), Some(to)) = (known, total)
                && from != to
            {
                changes.push(EntitledChange { day: day.day, from, to });
            }
            known = total.or(known);
        }
        changes
    }

    /// On which days between two (both included) many seats went that Bursar did not release: at least five
    /// and 3 % of those taken, from one day with data to the next within a week.
    pub fn clean_ups(&self, first: NaiveDate, last: NaiveDate) -> Vec<Released> {
        let days = self.taken.between(days_after(first, -CLEAN_UP_WITHIN), last);
        let gone = |pair: &[crate::insight::Daily]| {
            let (before, after) = (pair[0], pair[1]);
            if after.day < first || (after.day - before.day).num_days() > CLEAN_UP_WITHIN {
                return None;
            }
            // What was released on the first of the days may show on the next one only.
            let own = self.released.iter().filter(|of| of.day >= before.day && of.day <= after.day);
            let own: u32 = own.map(|of| of.count).sum();
            let gone = before.last - after.last - f64::from(own);
            let least = CLEAN_UP_LEAST.max(before.last * CLEAN_UP_PERCENT / 100.0);
            (gone >= least).then(|| Released { day: after.day, count: gone.round() as u32 })
        };
        days.windows(2).filter_map(gone).collect()
    }

    fn history(&self) -> History<'_> {
        History { series: &self.taken, entitled: &self.entitled, released: &self.released }
    }

    /// The newest figures up to a day.
    pub fn on(&self, day: NaiveDate) -> Option<Now> {
        let now = utilization::now(&self.taken, &self.entitled, &self.available, day)?;
        let on = |series: &Series| series.between(now.day, now.day).last().map(|day| day.last);
        Some(Now { quarantined: on(&self.quarantined), excess: on(&self.excess), ..now })
    }

    /// What was entitled, and what of it can be given out on the days to come: what is neither taken
    /// nor free today is not.
    fn usable(&self, today: NaiveDate) -> Entitled {
        let held = self.on(today).and_then(|now| {
            let total = now.entitled?;
            let held = total - now.taken - now.free?;
            (held > 0.0).then_some(total - held)
        });
        match held {
            Some(total) => self.entitled.with(Total { from: days_after(today, 1), total }),
            None => self.entitled.clone(),
        }
    }
}

impl Planning {
    pub fn pool(&self, seat_type: SeatType) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.seat_type == seat_type)
    }

    /// Types that there is history of.
    pub fn seat_types(&self) -> impl Iterator<Item = SeatType> {
        self.pools.iter().map(|pool| pool.seat_type)
    }

    /// Seats of a type that the release rules let go, over as many runs as that takes, at once or after an
    /// announcement; `None` while the list of seats was never read.
    pub fn reclaimable(&self, seat_type: SeatType) -> Option<u32> {
        self.seat_counts(seat_type).map(|seats| seats.reclaimable)
    }

    /// How what is reclaimable of a type goes, and what holds back the rest; nothing while its list was never read.
    pub fn limits(&self, seat_type: SeatType) -> Limits {
        self.seat_counts(seat_type).map(|seats| seats.limits).unwrap_or_default()
    }

    /// How many seats of a type are in use; `None` while its list was never read.
    pub fn seat_counts(&self, seat_type: SeatType) -> Option<&SeatCounts> {
        self.seats.as_ref()?.of(seat_type)
    }

    /// When the seats of a type run out. Computed once. `None` without history of the type.
    ///
    /// While [`reclaimable`](Self::reclaimable) isn't known, the figures with release say nothing:
    /// they are as without.
    pub fn forecast(&self, seat_type: SeatType) -> Option<&Result<Forecast, NotEnough>> {
        let pool = self.pool(seat_type)?;
        Some(pool.forecast.get_or_init(|| self.forecast_of(pool, None)))
    }

    /// The same if so many seats were bought, today or later.
    pub fn forecast_if(
        &self,
        seat_type: SeatType,
        bought: Bought,
    ) -> Option<Result<Forecast, NotEnough>> {
        Some(self.forecast_of(self.pool(seat_type)?, Some(bought)))
    }

    fn forecast_of(&self, pool: &Pool, bought: Option<Bought>) -> Result<Forecast, NotEnough> {
        let reclaimable = self.reclaimable(pool.seat_type).unwrap_or(0);
        let usable = pool.usable(self.today);
        let history = History { entitled: &usable, ..pool.history() };
        let known = forecast_if(&history, reclaimable, bought, self.today)?;
        let free = pool.on(self.today).and_then(|now| now.free);
        Ok(match free {
            Some(free) => known.with_free(free),
            None => known,
        })
    }

    /// Seats a month. Of the forecast where there is one: its range is widened by the test of the
    /// past.
    pub fn growth(&self, seat_type: SeatType) -> Option<Result<Growth, NotEnough>> {
        if let Some(Ok(forecast)) = self.forecast(seat_type) {
            return Some(Ok(forecast.growth));
        }
        Some(growth(&self.pool(seat_type)?.history(), self.today))
    }

    /// The newest figures of a type.
    pub fn current(&self, seat_type: SeatType) -> Option<Now> {
        self.pool(seat_type)?.on(self.today)
    }

    /// The days, weeks or months between two days (both included) that have data, oldest first. One that isn't over
    /// today is whole, with days to come.
    pub fn utilization(
        &self,
        seat_type: SeatType,
        step: Step,
        (first, last): (NaiveDate, NaiveDate),
    ) -> Vec<Period> {
        let open = utilization::end(step, utilization::start(step, self.today));
        let last = if last < self.today { last } else { last.max(open) };
        self.utilization_within(seat_type, step, (first, last))
    }

    /// The same, where those at the ends have no day outside.
    pub fn utilization_within(
        &self,
        seat_type: SeatType,
        step: Step,
        range: (NaiveDate, NaiveDate),
    ) -> Vec<Period> {
        let Some(pool) = self.pool(seat_type) else { return Vec::new() };
        let mut periods = utilization::periods(&pool.taken, &pool.entitled, step, range);
        for period in &mut periods {
            let days = pool.quarantined.between(period.start, period.end().min(range.1));
            period.quarantined = days.iter().map(|day| day.max).reduce(f64::max);
        }
        periods
    }

    /// A month (any day of it) against the same one a year before.
    pub fn year_on_year(
        &self,
        seat_type: SeatType,
        month: NaiveDate,
    ) -> Option<Result<YearOnYear, NotEnough>> {
        let pool = self.pool(seat_type)?;
        Some(utilization::year_on_year(&pool.taken, &pool.entitled, month, self.today))
    }

    /// What months and weekdays do to a type.
    pub fn seasons(&self, seat_type: SeatType) -> Option<Seasons> {
        let pool = self.pool(seat_type)?;
        // A clean-up is no season.
        let taken = pool.taken.with_added_back(&pool.released);
        Some(Seasons::of(&taken, self.today))
    }

    /// What months and weekdays do to the use of a type, by the server's own measure.
    pub fn seasons_of_use(&self, seat_type: SeatType) -> Option<Seasons> {
        Some(Seasons::of(&self.pool(seat_type)?.used, self.today))
    }

    /// The minutes of this month, as of the last poll. `None` without Analyzer Capacity, or while the
    /// server has counted nothing of this month: what was used in another one says nothing of it.
    pub fn capacity(&self) -> Option<Capacity> {
        let minutes = self.minutes.as_ref()?;
        let polled = minutes.as_of.min(self.now);
        let month = |day: NaiveDate| (chrono::Datelike::year(&day), chrono::Datelike::month(&day));
        let polled_on = polled.with_timezone(&self.zone).date_naive();
        // By the server's own count: around its midnight that is another month than ours.
        let counted = minutes::month_of_last(&minutes.used)?;
        if month(polled_on) != month(self.today) || month(counted) != month(self.today) {
            return None;
        }
        let last = |series: &Series| series.last().map(|day| day.last);
        let pool = MinutePool {
            enabled: true,
            allocated_minutes: last(&minutes.allocated)?,
            used_minutes: last(&minutes.used)?,
            unavailable_minutes: last(&minutes.unavailable).unwrap_or(0.0),
        };
        let days = minutes::by_day(&minutes.used);
        let pace = Pace::of(&days, minutes::first_of(polled_on));
        let before = polled_on.pred_opt().filter(|before| month(*before) == month(polled_on));
        let before = before.and_then(|day| minutes.used.between(day, day).last());
        let before = before.map(|day| day.last);
        Some(capacity::capacity(&pool, before, polled, self.zone, &pace))
    }
}

/// What months and weekdays do, from two years of history on.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seasons {
    #[serde(serialize_with = "crate::insight::or_why")]
    pub by_month: Result<Season, NotEnough>,
    #[serde(serialize_with = "crate::insight::or_why")]
    pub by_weekday: Result<Season, NotEnough>,
}

impl Seasons {
    fn of(series: &Series, today: NaiveDate) -> Self {
        Self {
            by_month: season::by_month(series, today),
            by_weekday: season::by_weekday(series, today),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::Daily;

    /// 200 seats; Bursar releases 40 of them, which a poll shows on the next day, and later 30 go without it.
    #[test]
    fn a_clean_up_is_what_went_without_a_release() {
        let day = |n| days_after("2026-03-01".parse().unwrap(), n);
        let levels = [200.0, 200.0, 160.0, 161.0, 157.0, 127.0, 127.0, 100.0];
        let days = [0, 1, 2, 3, 4, 5, 6, 16].into_iter().zip(levels);
        let pool = Pool {
            seat_type: SeatType::Analyzer,
            taken: Series::new(days.map(|(n, level)| Daily::flat(day(n), level))),
            used: Series::new([]),
            entitled: Entitled::always(300.0),
            available: Series::new([]),
            released: vec![Released { day: day(1), count: 40 }],
            quarantined: Series::new([]),
            excess: Series::new([]),
            as_of: "2026-03-17T00:00:00Z".parse().unwrap(),
            forecast: OnceLock::new(),
        };
        let found = |from, to| {
            let all = pool.clean_ups(day(from), day(to)).into_iter();
            all.map(|of| ((of.day - day(0)).num_days(), of.count)).collect::<Vec<_>>()
        };
        // Four are few, and of days far from one another nobody knows when they went.
        assert_eq!(found(0, 20), [(5, 30)]);
        assert_eq!(found(5, 5), [(5, 30)], "against the day before");
        assert_eq!(found(6, 20), []);
    }
}
