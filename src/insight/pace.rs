//! How minutes are used over the week, by the days of the past: what a month so far says of its rest.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

/// Whole days of earlier months from which on the weekdays are known: four of each.
pub const DAYS_FOR_WEEKDAYS: usize = 28;
/// Days of the past that count: what a week was like long ago says little.
const DAYS_BACK: i64 = 182;
/// The least that one day differs from another of its kind, as a part: with few days the spread would
/// look smaller than it is.
const LEAST_SPREAD: f64 = 0.1;
/// The same while the weekdays are not known.
const LEAST_SPREAD_UNKNOWN: f64 = 0.25;

/// Minutes of a whole day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    pub day: NaiveDate,
    pub minutes: f64,
}

/// What a day has of a week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// By weekday, Monday first; their mean is 1.
    weights: [f64; 7],
    /// How far a day is from its weekday's, as a part of it: a standard deviation.
    spread: f64,
    /// Whether there was enough of earlier months.
    is_known: bool,
}

/// Days that add up: the sum of their weights, and what their spread grows with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) weight: f64,
    pub(super) squares: f64,
}

impl Pace {
    /// Every day is like every other.
    pub fn flat() -> Self {
        Self { weights: [1.0; 7], spread: LEAST_SPREAD, is_known: true }
    }

    /// From whole days, in order, of a month (by its first day) and those before it. While there are
    /// too few of earlier months, of all days only working days and weekends are told apart.
    pub fn of(days: &[Used], month: NaiveDate) -> Self {
        let from = month - TimeDelta::days(DAYS_BACK);
        let is_earlier = |used: &&Used| used.day >= from && used.day < month;
        let earlier: Vec<Used> = days.iter().filter(is_earlier).copied().collect();
        if earlier.len() >= DAYS_FOR_WEEKDAYS
            && let Some(pace) = Self::fit(&earlier, |day| day.num_days_from_monday())
        {
            return Self { is_known: true, spread: pace.spread.max(LEAST_SPREAD), ..pace };
        }
        let recent: Vec<Used> = days.iter().filter(|used| used.day >= from).copied().collect();
        let class = |day: Weekday| u32::from(matches!(day, Weekday::Sat | Weekday::Sun));
        let pace = Self::fit(&recent, class).unwrap_or_else(Self::flat);
        Self { is_known: false, spread: pace.spread.max(LEAST_SPREAD_UNKNOWN), ..pace }
    }

    /// Each month has its level; days are compared within it. `None` when a class of weekdays was
    /// not seen, or nothing was used at all.
    fn fit(days: &[Used], class: impl Fn(Weekday) -> u32) -> Option<Self> {
        let mut months: BTreeMap<(i32, u32), Vec<f64>> = BTreeMap::new();
        let month = |day: NaiveDate| (day.year(), day.month());
        for used in days {
            months.entry(month(used.day)).or_default().push(used.minutes);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let relative: Vec<(Weekday, f64)> = days
            .iter()
            .filter_map(|used| {
                let level = mean(months.get(&month(used.day))?);
                (level > 0.0).then(|| (used.day.weekday(), used.minutes / level))
            })
            .collect();
        let mut weights = [0.0; 7];
        for (place, weight) in weights.iter_mut().enumerate() {
            let of = Weekday::try_from(u8::try_from(place).ok()?).ok()?;
            let same = relative.iter().filter(|(day, _)| class(*day) == class(of));
            let values: Vec<f64> = same.map(|(_, value)| *value).collect();
            *weight = (!values.is_empty()).then(|| mean(&values))?;
        }
        let middle = mean(&weights);
        if !(middle.is_finite() && middle > 0.0) {
            return None;
        }
        let place = |day: Weekday| day.num_days_from_monday() as usize;
        let off: f64 = relative.iter().map(|(day, v)| (v - weights[place(*day)]).powi(2)).sum();
        let scale: f64 = relative.iter().map(|(day, _)| weights[place(*day)].powi(2)).sum();
        let spread = (off / scale).sqrt();
        let weights = weights.map(|weight| weight / middle);
        Some(Self { weights, spread, is_known: false })
    }

    /// Whether the weekdays are known from earlier months.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    pub(super) fn weight(&self, day: NaiveDate) -> f64 {
        self.weights[day.weekday().num_days_from_monday() as usize]
    }

    /// Of the days from one on, up to and without another.
    pub(super) fn sum(&self, from: NaiveDate, to: NaiveDate) -> Sum {
        let days = from.iter_days().take_while(|day| *day < to);
        days.map(|day| self.weight(day)).fold(Sum::default(), |sum, weight| Sum {
            weight: sum.weight + weight,
            squares: sum.squares + weight * weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(first: &str, count: usize, minutes: impl Fn(NaiveDate) -> f64) -> Vec<Used> {
        let days = day(first).iter_days().take(count);
        days.map(|day| Used { day, minutes: minutes(day) }).collect()
    }

    fn is_weekend(day: NaiveDate) -> bool {
        matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
    }

    #[test]
    fn weekdays_are_those_of_earlier_months_whatever_each_month_used() {
        let week = |day: NaiveDate| {
            let of_month = if day.month() == 4 { 1.0 } else { 3.0 };
            of_month * if is_weekend(day) { 0.0 } else { 70.0 }
        };
        let pace = Pace::of(&days("2026-04-06", 42, week), day("2026-06-01"));
        assert!(pace.is_known());
        assert!((pace.weight(day("2026-06-01")) - 1.4).abs() < 0.05, "{pace:?}");
        assert!(pace.weight(day("2026-06-06")).abs() < 1e-9, "{pace:?}");
        let week = pace.sum(day("2026-06-01"), day("2026-06-08"));
        assert!((week.weight - 7.0).abs() < 1e-9, "{week:?}");
    }

    #[test]
    fn with_little_history_only_the_weekend_is_told_apart() {
        let month = day("2026-06-01");
        let minutes = |day: NaiveDate| if is_weekend(day) { 10.0 } else { 100.0 };
        let pace = Pace::of(&days("2026-06-01", 10, minutes), month);
        assert!(!pace.is_known());
        assert!(
            (pace.weight(day("2026-06-06")) / pace.weight(day("2026-06-03")) - 0.1).abs() < 1e-9
        );
        // No weekend was seen, or nothing was used: every day is like every other.
        for few in [days("2026-06-01", 5, minutes), days("2026-06-01", 12, |_| 0.0), Vec::new()] {
            let pace = Pace::of(&few, month);
            assert_eq!((pace.weights, pace.is_known()), ([1.0; 7], false));
        }
    }
}
