//! The time a report is about.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::insight::days_after;
use crate::insight::utilization::Step;
use crate::store::history::calendar::{Calendar, number_of};
use crate::words::Locale;

/// Days of the configured time zone, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// `2026-10`, `2026-Q3`, `2026`, `2017..2026`.
    pub name: String,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// The longest period.
pub const MOST_YEARS: u32 = 30;

impl Period {
    /// Reads `2026-10`, `2026-Q3`, `2026`, `last-month`, `last-quarter` or `last-year`, and `2017..2026`.
    ///
    /// # Errors
    /// Anything else, a period that hasn't begun yet, and one of more than [`MOST_YEARS`].
    pub fn parse(text: &str, today: NaiveDate) -> Result<Self, String> {
        let year = today.year();
        let month = today.month();
        let quarter = (month - 1) / 3 + 1;
        let found = match text.trim().to_ascii_lowercase().as_str() {
            "last-month" if month == 1 => Self::month(year - 1, 12),
            "last-month" => Self::month(year, month - 1),
            "last-quarter" if quarter == 1 => Self::quarter(year - 1, 4),
            "last-quarter" => Self::quarter(year, quarter - 1),
            "last-year" => Self::year(year - 1),
            other => {
                if let Some((from, to)) = other.split_once("..")
                    && let (Some(first), Some(last)) = (Self::one(from), Self::one(to))
                    && first.first >= last.first
                {
                    let (from, to) = (first.name, last.name);
                    return Err(match from == to {
                        true => format!("{text} is one period; write {from}"),
                        false => format!("{text} ends before it begins; write {to}..{from}"),
                    });
                }
                Self::named(other)
            }
        };
        let found = found.ok_or_else(|| {
            format!(
                "{text} is no period; write a month (2026-10), a quarter (2026-Q3), a year (2026), \
                 last-month, last-quarter or last-year, or from one to another (2017..2026)"
            )
        })?;
        if found.months() > MOST_YEARS * 12 {
            return Err(format!("{text} is longer than {MOST_YEARS} years"));
        }
        if found.first > today {
            return Err(format!("{text} has not begun yet"));
        }
        Ok(found)
    }

    fn named(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (Self::one(from)?, Self::one(to)?);
            let name = format!("{}..{}", from.name, to.name);
            return (from.first < to.first).then_some(Self {
                name,
                first: from.first,
                last: to.last,
            });
        }
        Self::one(text)
    }

    fn one(text: &str) -> Option<Self> {
        let digits = |text: &str, count: usize| {
            let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
            all.then(|| text.parse::<u32>().ok()).flatten()
        };
        let (year, part) = text.split_once('-').map_or((text, None), |(y, p)| (y, Some(p)));
        let year = i32::try_from(digits(year, 4)?).ok()?;
        match part {
            None => Self::year(year),
            Some(part) => match part.strip_prefix('q') {
                Some(quarter) => Self::quarter(year, digits(quarter, 1)?),
                None => Self::month(year, digits(part, 2)?),
            },
        }
    }

    fn year(year: i32) -> Option<Self> {
        Self::new(year.to_string(), NaiveDate::from_ymd_opt(year, 1, 1)?, 12)
    }

    fn quarter(year: i32, quarter: u32) -> Option<Self> {
        let month = quarter.checked_sub(1)? * 3 + 1;
        Self::new(format!("{year}-Q{quarter}"), NaiveDate::from_ymd_opt(year, month, 1)?, 3)
    }

    fn month(year: i32, month: u32) -> Option<Self> {
        Self::new(format!("{year}-{month:02}"), NaiveDate::from_ymd_opt(year, month, 1)?, 1)
    }

    fn new(name: String, first: NaiveDate, months: u32) -> Option<Self> {
        let last = first.checked_add_months(Months::new(months))?.pred_opt()?;
        Some(Self { name, first, last })
    }

    /// Its first moment, and the first one after it.
    pub fn span(&self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = |day: NaiveDate| {
            DateTime::from_timestamp(Calendar(zone).start(number_of(day)), 0).unwrap_or_default()
        };
        (start(self.first), start(days_after(self.last, 1)))
    }

    /// Calendar months that it touches.
    pub fn months(&self) -> u32 {
        let number = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        u32::try_from(number(self.last) - number(self.first) + 1).unwrap_or(u32::MAX)
    }

    /// What its tables and bars are by, so that they can be read at a glance.
    pub fn step(&self) -> Step {
        match self.months() {
            ..=1 => Step::Week,
            2..=24 => Step::Month,
            25..=72 => Step::Quarter,
            _ => Step::Year,
        }
    }

    /// `1 October 2026 to 31 October 2026`, for people.
    pub fn words(&self, locale: Locale) -> String {
        format!("{} to {}", locale.date(self.first), locale.date(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_read_as_people_write_them() {
        let today = day("2026-02-10");
        for (text, name, first, last) in [
            ("2026-01", "2026-01", "2026-01-01", "2026-01-31"),
            ("2024-02", "2024-02", "2024-02-01", "2024-02-29"),
            ("2025-Q3", "2025-Q3", "2025-07-01", "2025-09-30"),
            ("2025-q4", "2025-Q4", "2025-10-01", "2025-12-31"),
            ("2026", "2026", "2026-01-01", "2026-12-31"),
            ("last-month", "2026-01", "2026-01-01", "2026-01-31"),
            ("last-quarter", "2025-Q4", "2025-10-01", "2025-12-31"),
            ("Last-Year", "2025", "2025-01-01", "2025-12-31"),
            ("2017..2026", "2017..2026", "2017-01-01", "2026-12-31"),
            ("2024-q3..2025-02", "2024-Q3..2025-02", "2024-07-01", "2025-02-28"),
        ] {
            let period = Period::parse(text, today).unwrap();
            let want = Period { name: name.into(), first: day(first), last: day(last) };
            assert_eq!(period, want, "{text}");
        }
        let january = Period::parse("last-month", day("2026-01-31")).unwrap();
        assert_eq!(january.name, "2025-12");
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let today = day("2026-02-10");
        for text in [
            "",
            "2026-13",
            "2026-00",
            "2026-Q5",
            "2026-Q0",
            "26-01",
            "2026-1",
            "x",
            "2026-+1",
            "..",
            "2025..",
            "2024..2025..2026",
            "last-year..2026",
        ] {
            let error = Period::parse(text, today).unwrap_err();
            assert!(error.contains("is no period"), "{text}: {error}");
        }
        let turned = Period::parse("2026..2017", today).unwrap_err();
        assert_eq!(turned, "2026..2017 ends before it begins; write 2017..2026");
        let one = Period::parse("2025..2025", today).unwrap_err();
        assert_eq!(one, "2025..2025 is one period; write 2025");
        let long = Period::parse("1996..2026", today).unwrap_err();
        assert_eq!(long, "1996..2026 is longer than 30 years");
        assert_eq!(Period::parse("2026-03", today).unwrap_err(), "2026-03 has not begun yet");
    }

    #[test]
    fn the_longer_it_is_the_wider_its_parts() {
        for (text, step) in [
            ("2026-01", Step::Week),
            ("2025-Q4", Step::Month),
            ("2024..2025", Step::Month),
            ("2023..2025", Step::Quarter),
            ("2016..2025", Step::Year),
        ] {
            assert_eq!(Period::parse(text, day("2026-02-10")).unwrap().step(), step, "{text}");
        }
    }

    #[test]
    fn it_spans_the_days_of_the_zone() {
        let period = Period::parse("2026-01", day("2026-02-10")).unwrap();
        let (from, to) = period.span(chrono_tz::Europe::Stockholm);
        assert_eq!(from.to_rfc3339(), "2025-12-31T23:00:00+00:00");
        assert_eq!(to.to_rfc3339(), "2026-01-31T23:00:00+00:00");
    }
}
