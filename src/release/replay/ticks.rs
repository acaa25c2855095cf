//! The days of a replay, and on which of them a time lies.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::Span;
use super::segments::{Ms, NEVER};
use super::timeline::ms;
use crate::policy::calendar::Calendar;

pub(super) const DAY: Ms = 86_400_000;

/// The days of a replay with their beginnings.
#[derive(Debug)]
pub(super) struct Ticks {
    pub(super) days: Vec<NaiveDate>,
    pub(super) times: Vec<Ms>,
    /// Whether a real run may take seats on that day.
    pub(super) open: Vec<bool>,
    /// That day if it is open, or the next one that is; the number of days if none is.
    pub(super) next_open: Vec<u32>,
    pub(super) now: Ms,
}

impl Ticks {
    /// No run is before `earliest`.
    pub(super) fn new(
        calendar: &Calendar,
        span: Span,
        earliest: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let days: Vec<NaiveDate> =
            span.first.iter_days().take_while(|day| *day <= span.last).collect();
        let begin = |day: &NaiveDate| {
            let begin = day.pred_opt().and_then(|before| calendar.day_after(before));
            let begin = begin.map_or(NEVER, ms);
            earliest.map_or(begin, |earliest| begin.max(ms(earliest)))
        };
        let in_hours = |day: &NaiveDate| {
            let hours = &calendar.allowed_hours;
            let on = |days: &[chrono::Weekday]| days.is_empty() || days.contains(&day.weekday());
            hours.is_empty() || hours.iter().any(|hours| on(&hours.days))
        };
        let frozen = |day: &NaiveDate| calendar.freeze.iter().any(|freeze| freeze.holds_on(*day));
        let times = days.iter().map(begin).collect();
        let open: Vec<bool> = days.iter().map(|day| in_hours(day) && !frozen(day)).collect();
        let mut next_open = vec![0; days.len()];
        let mut next = days.len();
        for (day, is_open) in open.iter().enumerate().rev() {
            next = if *is_open { day } else { next };
            next_open[day] = u32::try_from(next).unwrap_or(u32::MAX);
        }
        Self { days, times, open, next_open, now: ms(now) }
    }

    /// The first run at this time or later; the number of days if there is none.
    pub(super) fn at_or_after(&self, time: Ms) -> usize {
        self.first(time, |begin| begin >= time)
    }

    /// The first run after this time.
    pub(super) fn after(&self, time: Ms) -> usize {
        self.first(time, |begin| begin > time)
    }

    /// The first day whose beginning is `late` enough. Days have some 24 hours, so it is near the one that
    /// they would have.
    fn first(&self, time: Ms, late: impl Fn(Ms) -> bool) -> usize {
        let Some(first) = self.times.first() else { return 0 };
        let days = time.saturating_sub(*first).max(0) / DAY;
        let mut day = usize::try_from(days).map_or(self.times.len(), |n| n.min(self.times.len()));
        while day > 0 && late(self.times[day - 1]) {
            day -= 1;
        }
        while day < self.times.len() && !late(self.times[day]) {
            day += 1;
        }
        day
    }

    /// The day that a time lies in; the number of days if that is beyond them, or has not come yet.
    pub(super) fn day_of(&self, time: Ms) -> usize {
        if time > self.now {
            return self.days.len();
        }
        self.after(time).saturating_sub(1)
    }

    /// Beginning of the run of a day.
    pub(super) fn time(&self, day: usize) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.times[day]).unwrap_or_default()
    }
}
