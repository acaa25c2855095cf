//! Hours and days as numbers: hours of UTC, days of the calendar in a time zone.

use chrono::{Datelike, Days as CalendarDays, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

pub(super) const HOUR: i64 = 3600;

/// 1970-01-01 in chrono's count of days.
const EPOCH: i32 = 719_163;

/// The hour a time is in.
pub(super) fn hour_of(time: i64) -> i64 {
    time.div_euclid(HOUR)
}

/// The last full hour of UTC at or before a time, as a time.
pub fn hour_floor(time: i64) -> i64 {
    hour_of(time) * HOUR
}

/// The days of a time zone, numbered from 1970-01-01 = 0. Most have 24 hours, those on which the
/// clocks change have 23 or 25 (or 23.5 ...).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar(pub Tz);

impl Calendar {
    /// When a day begins, in seconds since 1970: at midnight, or, when the clocks skip midnight, at
    /// the first time after it that there is.
    pub fn start(self, day: i64) -> i64 {
        let date = date_of(day);
        let midnight = date.and_time(NaiveTime::MIN);
        match self.0.from_local_datetime(&midnight) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.timestamp(),
            LocalResult::None => self.after_skipped(date),
        }
    }

    /// The first time of the zone after a midnight that it skips. No zone skips more than a day.
    fn after_skipped(self, date: NaiveDate) -> i64 {
        let midnight = date.and_time(NaiveTime::MIN);
        let steps = (1..=26 * 60).map(|minute| midnight + chrono::TimeDelta::minutes(minute));
        steps
            .filter_map(|local| self.0.from_local_datetime(&local).earliest())
            .map(|time| time.timestamp())
            .next()
            .unwrap_or_else(|| midnight.and_utc().timestamp())
    }

    /// The day a time is in.
    pub fn day_of(self, time: i64) -> i64 {
        // Times beyond the calendar are in its first or last day.
        let (first, last) = (date_of(i64::MIN / 86_400), date_of(i64::MAX / 86_400));
        let ends = [first, last].map(|date| date.and_time(NaiveTime::MIN).and_utc().timestamp());
        let utc = Utc.timestamp_opt(time.clamp(ends[0], ends[1]), 0).single().unwrap_or_default();
        let day = number_of(utc.with_timezone(&self.0).date_naive());
        // Where clocks are set back over midnight, a date comes twice.
        if time < self.start(day) {
            day - 1
        } else if time >= self.start(day + 1) {
            day + 1
        } else {
            day
        }
    }
}

/// The number of a date.
pub fn number_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce() - EPOCH)
}

/// The date of a number; the last one that chrono knows for numbers beyond.
pub fn date_of(day: i64) -> NaiveDate {
    let epoch = NaiveDate::default();
    let date = if day < 0 {
        epoch.checked_sub_days(CalendarDays::new(day.unsigned_abs()))
    } else {
        epoch.checked_add_days(CalendarDays::new(day.unsigned_abs()))
    };
    // A margin, so that a time zone can shift it.
    date.unwrap_or(if day < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
        .clamp(NaiveDate::MIN + CalendarDays::new(2), NaiveDate::MAX - CalendarDays::new(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> i64 {
        text.parse::<chrono::DateTime<Utc>>().unwrap().timestamp()
    }

    fn day(text: &str) -> i64 {
        number_of(text.parse().unwrap())
    }

    fn hours(zone: Tz, date: &str) -> f64 {
        let calendar = Calendar(zone);
        (calendar.start(day(date) + 1) - calendar.start(day(date))) as f64 / HOUR as f64
    }

    #[test]
    fn days_have_the_hours_that_the_zone_gives_them() {
        use chrono_tz::{Africa, America, Asia, Australia, Europe, Pacific};
        for (zone, date, expected) in [
            (Tz::UTC, "2026-03-29", 24.0),
            (Europe::Stockholm, "2026-03-28", 24.0),
            (Europe::Stockholm, "2026-03-29", 23.0),
            (Europe::Stockholm, "2026-10-25", 25.0),
            (Australia::Lord_Howe, "2026-04-05", 24.5),
            (Australia::Lord_Howe, "2026-10-04", 23.5),
            // Midnight itself is skipped, or comes twice.
            (Africa::Cairo, "2026-04-24", 23.0),
            (America::Havana, "2026-11-01", 25.0),
            (America::Sao_Paulo, "2018-11-04", 23.0),
            (America::Sao_Paulo, "2018-02-17", 25.0),
            // A day that isn't there.
            (Pacific::Apia, "2011-12-30", 0.0),
            (Asia::Kolkata, "2026-06-01", 24.0),
        ] {
            assert_eq!(hours(zone, date), expected, "{zone} {date}");
        }
    }

    #[test]
    fn a_time_is_in_exactly_one_day() {
        for zone in [
            "UTC",
            "Europe/Stockholm",
            "Asia/Kolkata",
            "Africa/Cairo",
            "America/St_Johns",
            "Pacific/Apia",
            "America/Sao_Paulo",
            "Australia/Lord_Howe",
            "Pacific/Kiritimati",
        ] {
            let calendar = Calendar(zone.parse().unwrap());
            for begin in [time("2006-10-20T00:00:00Z"), time("2011-12-20T00:00:00Z")] {
                for time in (begin..begin + 20 * 24 * HOUR).step_by(600) {
                    let day = calendar.day_of(time);
                    let range = calendar.start(day)..calendar.start(day + 1);
                    assert!(range.contains(&time), "{zone}: {time} in {day}, {range:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_and_dates() {
        assert_eq!(day("1970-01-01"), 0);
        assert_eq!(day("2026-11-24"), 20_781);
        assert_eq!(date_of(20_781).to_string(), "2026-11-24");
        assert_eq!(date_of(-1).to_string(), "1969-12-31");
        for far in [i64::MIN, i64::MAX] {
            Calendar(Tz::UTC).start(far);
        }
        let stockholm = Calendar(chrono_tz::Europe::Stockholm);
        assert_eq!(stockholm.start(day("2026-11-24")), time("2026-11-23T23:00:00Z"));
        assert_eq!(stockholm.day_of(time("2026-11-23T22:59:59Z")), day("2026-11-23"));
    }

    #[test]
    fn a_time_beyond_the_calendar_is_in_its_first_or_last_day() {
        for zone in [Tz::UTC, chrono_tz::Asia::Kolkata, chrono_tz::America::New_York] {
            let calendar = Calendar(zone);
            assert!(calendar.day_of(i64::MAX) > day("9999-12-31"));
            assert!(calendar.day_of(i64::MIN) < day("0001-01-01"));
        }
    }
}
