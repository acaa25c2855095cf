//! Analyzer Capacity: minutes of the calendar month, used against how much of the month is gone, and
//! what they come to by its end: each day of the rest counts by its weekday ([`Pace`]).

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::pace::Pace;
use super::{NotEnough, Unit};
use crate::license::pools::MinutePool;

/// Whole days of a month that a projection needs: the first ones say nothing of the rest.
pub const FEWEST_DAYS: u32 = 3;
/// The same while nothing is known of the weekdays: a whole week, and some days of the next.
pub const FEWEST_DAYS_ALONE: u32 = 10;

/// The month so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// First day of the month.
    pub month: NaiveDate,
    /// Minutes that can be used this month: the allocated ones without the unavailable ones.
    pub usable: f64,
    pub used: f64,
    pub left: f64,
    pub used_percent: Option<f64>,
    /// How much of the month is gone, change of clocks included.
    pub gone_percent: f64,
    /// Used minutes at the same pace at the end of the month.
    #[serde(serialize_with = "super::or_why")]
    pub projected: Result<Projected, NotEnough>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projected {
    pub used: f64,
    /// In 14 of 15 months it will be more than this.
    pub low: f64,
    pub percent: Option<f64>,
    pub runs_out: MonthEnd,
}

/// Whether the minutes last to the end of the month at this pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum MonthEnd {
    Lasts,
    RunsOut {
        day: NaiveDate,
    },
    /// Nothing is left now.
    Already,
}

/// The low end of a projection is passed in 14 of 15 months.
const LOW_END: f64 = 1.5;

/// Looks at the minutes of the month that `now` is in, in a time zone. `before_today`: those used when
/// the day began, where that is known.
pub fn capacity(
    minutes: &MinutePool,
    before_today: Option<f64>,
    now: DateTime<Utc>,
    zone: Tz,
    pace: &Pace,
) -> Capacity {
    let today = now.with_timezone(&zone).date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let next = month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
    let (start, end) = (midnight(month, zone), midnight(next, zone));
    let seconds = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).num_seconds() as f64;
    let gone = (seconds(start, now) / seconds(start, end)).clamp(0.0, 1.0);

    let usable = (minutes.allocated_minutes - minutes.unavailable_minutes).max(0.0);
    let used = minutes.used_minutes;
    let days = today.day0() as usize;
    let fewest = if pace.is_known() { FEWEST_DAYS } else { FEWEST_DAYS_ALONE };
    let projected = NotEnough::unless(days, fewest, Unit::Days).map(|()| {
        let tomorrow = today.succ_opt().unwrap_or(next);
        let begun = midnight(today, zone);
        let of_today = seconds(begun, now) / seconds(begun, midnight(tomorrow, zone));
        let before = before_today.map(|before| before.min(used));
        let month = Span { first: month, today, tomorrow, next };
        project(used, before, of_today.clamp(0.0, 1.0), &month, pace).against(usable, &month, pace)
    });
    Capacity {
        month,
        usable,
        used,
        left: (usable - used).max(0.0),
        used_percent: super::percent(used, usable),
        gone_percent: gone * 100.0,
        projected,
    }
}

/// The days of a month, and where in it a day is.
struct Span {
    first: NaiveDate,
    today: NaiveDate,
    tomorrow: NaiveDate,
    next: NaiveDate,
}

/// What a month comes to at its pace.
struct AtPace {
    used: f64,
    /// Minutes of a day of weight 1.
    level: f64,
    at_end_of_today: f64,
    at_end: f64,
    low: f64,
}

/// Of a day that is not over only what is more than usual counts: when in the day people work isn't
/// known. Without the figure of its beginning it counts by its hours.
fn project(used: f64, before: Option<f64>, of_today: f64, month: &Span, pace: &Pace) -> AtPace {
    let seen = pace.sum(month.first, month.today);
    let rest = pace.sum(month.tomorrow, month.next);
    let weight = pace.weight(month.today);
    let known = before.filter(|_| seen.weight > 0.0);
    let (so_far, of_seen) = match known {
        Some(before) => (before, seen.weight),
        None => (used, seen.weight + weight * of_today),
    };
    let level = if of_seen > 0.0 { so_far / of_seen } else { 0.0 };
    let at_end_of_today = match known {
        Some(before) => used.max(before + level * weight),
        None => used + level * weight * (1.0 - of_today),
    };
    let at_end = at_end_of_today + level * rest.weight;
    let ahead = rest.weight + weight;
    let of_level = if of_seen > 0.0 { seen.squares * (ahead / of_seen).powi(2) } else { 0.0 };
    let deviation = level * pace.spread() * (of_level + rest.squares + weight * weight).sqrt();
    let low = (at_end - LOW_END * deviation).max(used);
    AtPace { used, level, at_end_of_today, at_end, low }
}

impl AtPace {
    fn against(&self, usable: f64, month: &Span, pace: &Pace) -> Projected {
        let runs_out = if self.used >= usable {
            MonthEnd::Already
        } else if self.at_end < usable {
            MonthEnd::Lasts
        } else {
            MonthEnd::RunsOut { day: self.day_of(usable, month, pace) }
        };
        let percent = super::percent(self.at_end, usable);
        Projected { used: self.at_end, low: self.low, percent, runs_out }
    }

    /// The day on which so many are used.
    fn day_of(&self, usable: f64, month: &Span, pace: &Pace) -> NaiveDate {
        let mut used = self.at_end_of_today;
        let mut day = month.today;
        while used < usable {
            let Some(next) = day.succ_opt().filter(|next| *next < month.next) else { break };
            day = next;
            used += self.level * pace.weight(day);
        }
        day
    }
}

/// The day's first moment, which a change of clocks may move.
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    (0..4)
        .find_map(|hours| {
            let local = midnight.checked_add_signed(TimeDelta::hours(hours))?;
            zone.from_local_datetime(&local).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(allocated: f64, used: f64, unavailable: f64) -> MinutePool {
        MinutePool {
            enabled: true,
            allocated_minutes: allocated,
            used_minutes: used,
            unavailable_minutes: unavailable,
        }
    }

    fn flat(minutes: &MinutePool, before: Option<f64>, now: DateTime<Utc>, zone: Tz) -> Capacity {
        capacity(minutes, before, now, zone, &Pace::flat())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn half_a_month_tells_the_whole() {
        // June has 30 days; 15 of them are gone.
        let now = at("2026-06-16T00:00:00Z");
        let answer = flat(&minutes(1_000.0, 400.0, 0.0), Some(400.0), now, Tz::UTC);
        assert_eq!((answer.month, answer.gone_percent), (day("2026-06-01"), 50.0));
        assert_eq!((answer.used_percent, answer.left), (Some(40.0), 600.0));
        let projected = answer.projected.unwrap();
        assert_eq!((projected.used, projected.percent), (800.0, Some(80.0)));
        assert_eq!(projected.runs_out, MonthEnd::Lasts);
    }

    #[test]
    fn unavailable_minutes_bring_the_end_nearer() {
        let now = at("2026-06-16T00:00:00Z");
        let answer = flat(&minutes(1_000.0, 400.0, 400.0), None, now, Tz::UTC);
        assert_eq!((answer.usable, answer.left), (600.0, 200.0));
        // 600 of 800 minutes: three quarters of 30 days.
        let runs_out = MonthEnd::RunsOut { day: day("2026-06-23") };
        assert_eq!(answer.projected.unwrap().runs_out, runs_out);
        let gone = flat(&minutes(1_000.0, 700.0, 400.0), None, now, Tz::UTC);
        assert_eq!(gone.projected.unwrap().runs_out, MonthEnd::Already);
        let none = flat(&minutes(0.0, 0.0, 0.0), None, now, Tz::UTC);
        assert_eq!((none.used_percent, none.projected.unwrap().percent), (None, None));
    }

    #[test]
    fn the_month_is_that_of_the_zone() {
        // New Year in Auckland, still December in UTC.
        let now = at("2026-12-31T11:30:00Z");
        let answer = flat(&minutes(1_000.0, 1.0, 0.0), None, now, Tz::Pacific__Auckland);
        assert_eq!(answer.month, day("2027-01-01"));
        let short = NotEnough { have: 0, need: 3, unit: Unit::Days };
        assert_eq!(answer.projected, Err(short));
        // March has an hour less in Berlin.
        let now = at("2026-03-16T11:30:00Z");
        let answer = flat(&minutes(1_000.0, 1.0, 0.0), None, now, Tz::Europe__Berlin);
        assert!((answer.gone_percent - 372.5 / 743.0 * 100.0).abs() < 1e-9, "{answer:?}");
    }
}
