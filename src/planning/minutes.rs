//! The minutes of Analyzer Capacity, month by month.
//!
//! The server counts them up and starts again with each month, at its own midnight. Days here are those
//! of the configured zone, so what is polled around the turn of the month may still be, or already be,
//! the other one's: what the figures themselves do tells which.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Serialize;

use super::Planning;
use crate::insight::pace::Used;
use crate::insight::utilization::{self, Step, periods};
use crate::insight::{Daily, Entitled, Series, days_after};

/// The minutes of a month.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Month {
    /// `2026-10`.
    pub name: String,
    /// The most that was seen between the server's reset at its beginning and that at its end.
    pub used: f64,
    /// On the month's last day with data.
    pub allocated: Option<f64>,
    pub percent: Option<f64>,
    /// Days with data, and days of the month.
    pub days: u32,
    pub of: u32,
    #[serde(skip)]
    pub start: NaiveDate,
}

impl Planning {
    /// The minutes of the months between two days (both included) that have data, oldest first. A
    /// month of which the server has counted nothing yet is not among them.
    pub fn minutes_by_month(&self, range: (NaiveDate, NaiveDate)) -> Vec<Month> {
        let Some(minutes) = &self.minutes else { return Vec::new() };
        let counted = counted(&minutes.used);
        let months = periods(&minutes.used, &Entitled::default(), Step::Month, range);
        let month = months.into_iter().filter_map(|mut month| {
            // Minutes are those of whole months.
            month.start = utilization::start(Step::Month, month.start);
            let whole = utilization::end(Step::Month, month.start) - month.start;
            month.of = u32::try_from(whole.num_days() + 1).unwrap_or(u32::MAX);
            let own = counted.iter().filter(|part| part.month == month.start);
            let used = own.map(|part| part.value).max_by(f64::total_cmp)?;
            let end = month.start.checked_add_months(Months::new(1)).unwrap_or(month.start);
            let allocated = minutes.allocated.between(month.start, end.pred_opt().unwrap_or(end));
            let allocated = allocated.last().map(|day| day.last);
            let percent = allocated.filter(|a| *a > 0.0).map(|a| used / a * 100.0);
            let (name, days, of) = (month.name, month.days, month.of);
            Some(Month { name, used, allocated, percent, days, of, start: month.start })
        });
        month.collect()
    }
}

impl Month {
    /// Its last day, with data or not.
    pub fn end(&self) -> NaiveDate {
        days_after(self.start, i64::from(self.of) - 1)
    }

    /// Months put together by quarters or years; by anything shorter they stay as they are.
    pub fn put_together(months: &[Self], step: Step) -> Vec<Self> {
        let name = |month: &Self| {
            let (year, number) = month.name.split_once('-').unwrap_or((&month.name, ""));
            match step {
                Step::Year => year.to_owned(),
                Step::Quarter => {
                    let number: u32 = number.parse().unwrap_or(1);
                    format!("{year}-Q{}", number.saturating_sub(1) / 3 + 1)
                }
                Step::Day | Step::Week | Step::Month => month.name.clone(),
            }
        };
        let groups = months.chunk_by(|a, b| name(a) == name(b));
        let group = groups.map(|group| {
            let used = group.iter().map(|month| month.used).sum();
            // A sum without one of its months would be too small.
            let allocated: Option<f64> = group.iter().map(|month| month.allocated).sum();
            Self {
                name: name(&group[0]),
                used,
                allocated,
                percent: allocated.filter(|a| *a > 0.0).map(|a| used / a * 100.0),
                days: group.iter().map(|month| month.days).sum(),
                of: group.iter().map(|month| month.of).sum(),
                start: group[0].start,
            }
        });
        group.collect()
    }
}

/// Some minutes that were seen, and the first day of the month that they count for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    month: NaiveDate,
    value: f64,
}

/// The month that the newest figure counts for, by its first day.
pub(super) fn month_of_last(used: &Series) -> Option<NaiveDate> {
    counted(used).last().map(|part| part.month)
}

/// How many days the last one before may be back that a day is compared with.
const NEAR: u64 = 3;

/// What was seen, oldest first, each for its month.
fn counted(used: &Series) -> Vec<Part> {
    let days = used.between(NaiveDate::MIN, NaiveDate::MAX);
    let mut parts = Vec::with_capacity(days.len());
    let mut before: Option<&Daily> = None;
    // Whether the month of the day before the turn still goes on in the days after it.
    let mut goes_on = false;
    for day in days {
        let before = before.replace(day).filter(|one| one.day + Days::new(NEAR) >= day.day);
        let own = first_of(day.day);
        let next = own.checked_add_months(Months::new(1)).unwrap_or(own);
        let previous = own.checked_sub_months(Months::new(1)).unwrap_or(own);
        // The figure only falls when it starts again.
        let fell_within = day.last < day.max;
        let fell_before = before.is_some_and(|before| day.min < before.last) && !fell_within;
        let is_last =
            day.day.succ_opt().is_some_and(|tomorrow| tomorrow.month() != day.day.month());
        let is_first = day.day.day() <= 2;
        if day.day.day() == 1 {
            // Still the old month's, unless it fell since, or there was nothing that could fall.
            let rises = before.is_some_and(|before| before.day < own && before.last > 0.0);
            goes_on = rises && parts.last().is_some_and(|part: &Part| part.month < own);
        }
        goes_on &= is_first && !fell_before;
        match (fell_within, is_last) {
            (true, true) => {
                parts.push(Part { month: own, value: day.max });
                parts.push(Part { month: next, value: day.last });
            }
            (true, false) if goes_on => {
                parts.push(Part { month: previous, value: day.max });
                parts.push(Part { month: own, value: day.last });
                goes_on = false;
            }
            (false, true) if fell_before => parts.push(Part { month: next, value: day.max }),
            (false, _) if goes_on => parts.push(Part { month: previous, value: day.max }),
            _ => parts.push(Part { month: own, value: day.max }),
        }
    }
    parts
}

/// What was used on each day of which the day before is known, too.
pub(super) fn by_day(used: &Series) -> Vec<Used> {
    let days = used.between(NaiveDate::MIN, NaiveDate::MAX);
    let of = |pair: &[Daily]| {
        let (before, day) = (&pair[0], &pair[1]);
        if before.day.succ_opt() != Some(day.day) {
            return None;
        }
        // The figure only falls when it starts again.
        let minutes = if day.last < day.max {
            (day.max - before.last).max(0.0) + day.last
        } else if day.min < before.last {
            day.last
        } else {
            day.last - before.last
        };
        Some(Used { day: day.day, minutes })
    };
    days.windows(2).filter_map(of).collect()
}

pub(super) fn first_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days as `2026-10-31 min max last`.
    fn series(text: &str) -> Series {
        let days = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [day, min, max, last] = words[..] else { panic!("{line}") };
            let [min, max, last] = [min, max, last].map(|word| word.parse().unwrap());
            Daily { day: day.parse().unwrap(), min, mean: max, max, last }
        });
        Series::new(days)
    }

    /// The most of each month.
    fn months(text: &str) -> Vec<(String, f64)> {
        let mut months: Vec<(String, f64)> = Vec::new();
        for Part { month, value } in counted(&series(text)) {
            let name = month.format("%Y-%m").to_string();
            match months.iter_mut().find(|(of, _)| *of == name) {
                Some((_, most)) => *most = most.max(value),
                None => months.push((name, value)),
            }
        }
        months
    }

    fn expect(months: &[(&str, f64)]) -> Vec<(String, f64)> {
        months.iter().map(|(name, most)| ((*name).to_owned(), *most)).collect()
    }

    #[test]
    fn a_poll_between_local_midnight_and_the_servers_reset_is_the_old_months() {
        // The server's midnight is some hours after ours: 14,050 is seen on the first.
        let text = "2026-09-29 13000 13500 13500\n2026-09-30 13500 14000 14000\n\
                    2026-10-01 0 14050 120\n2026-10-02 120 400 400\n2026-10-31 5500 5943 5943";
        assert_eq!(months(text), expect(&[("2026-09", 14050.0), ("2026-10", 5943.0)]));
    }

    #[test]
    fn a_server_that_is_ahead_starts_the_next_month_on_our_last_day() {
        let text = "2026-09-29 13000 13500 13500\n2026-09-30 10 14000 90\n2026-10-01 90 300 300\n\
                    2026-10-31 5500 5943 5943";
        assert_eq!(months(text), expect(&[("2026-09", 14000.0), ("2026-10", 5943.0)]));
        // Polled once a day, after its reset.
        let text = "2026-09-29 13500 13500 13500\n2026-09-30 90 90 90\n2026-10-01 300 300 300";
        assert_eq!(months(text), expect(&[("2026-09", 13500.0), ("2026-10", 300.0)]));
    }

    #[test]
    fn polled_once_a_day_before_the_reset_the_first_is_the_old_months() {
        let text = "2026-09-30 14000 14000 14000\n2026-10-01 14050 14050 14050\n\
                    2026-10-02 200 200 200\n2026-10-31 5943 5943 5943";
        assert_eq!(months(text), expect(&[("2026-09", 14050.0), ("2026-10", 5943.0)]));
    }

    /// On the first, before the reset was seen: nothing of the new month is known.
    #[test]
    fn a_first_without_a_reset_yet_says_nothing_of_its_month() {
        let text = "2026-09-30 14000 14000 14000\n2026-10-01 14000 14050 14050";
        assert_eq!(months(text), expect(&[("2026-09", 14050.0)]));
        let last = month_of_last(&series(text)).unwrap();
        assert_eq!(last, NaiveDate::from_ymd_opt(2026, 9, 1).unwrap());
    }

    #[test]
    fn a_reset_at_our_midnight_needs_no_care() {
        let text = "2026-09-30 13500 14000 14000\n2026-10-01 0 250 250\n2026-10-02 250 500 500";
        assert_eq!(months(text), expect(&[("2026-09", 14000.0), ("2026-10", 500.0)]));
    }

    #[test]
    fn a_day_used_what_it_has_beyond_the_day_before() {
        let text = "2026-09-29 13000 13500 13500\n2026-09-30 13500 14000 14000\n\
                    2026-10-01 0 14050 120\n2026-10-02 120 400 400\n2026-10-04 900 900 900\n\
                    2026-10-31 5500 5500 5500\n2026-11-01 30 70 70";
        let used = by_day(&series(text)).into_iter();
        let used: Vec<_> = used.map(|used| (used.day.to_string(), used.minutes)).collect();
        let expected = [
            ("2026-09-30", 500.0),
            ("2026-10-01", 170.0),
            ("2026-10-02", 280.0),
            ("2026-11-01", 70.0),
        ];
        assert_eq!(used, expected.map(|(day, minutes)| (day.to_owned(), minutes)));
    }

    /// What is not known is taken as it stands.
    #[test]
    fn without_the_day_before_or_with_nothing_used_the_days_are_their_own_months() {
        let text = "2026-09-20 9000 9000 9000\n2026-10-01 9500 9500 9500";
        assert_eq!(months(text), expect(&[("2026-09", 9000.0), ("2026-10", 9500.0)]));
        let text = "2026-09-30 0 0 0\n2026-10-01 0 70 70\n2026-10-02 70 90 90";
        assert_eq!(months(text), expect(&[("2026-09", 0.0), ("2026-10", 90.0)]));
        // A server that does not start again: from the third on a day is its own month's.
        let text = "2026-09-30 100 100 100\n2026-10-01 110 110 110\n2026-10-02 120 120 120\n\
                    2026-10-03 130 130 130";
        assert_eq!(months(text), expect(&[("2026-09", 120.0), ("2026-10", 130.0)]));
        // A correction in the middle of a month.
        let text = "2026-09-14 50 100 100\n2026-09-15 20 110 20\n2026-09-16 20 40 40";
        assert_eq!(months(text), expect(&[("2026-09", 110.0)]));
    }
}
