//! What months and weekdays do to a figure, from two years of it.
//!
//! Classical decomposition: each month against the average of the twelve months around it (the two
//! ends count half), each day against the average of the seven days around it; then the mean over all
//! years or weeks, shifted so that the season sums to zero. Months and days whose surroundings have a
//! gap are left out.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use super::series::{Basis, Series, basis};
use super::utilization::months_spanned;
use super::{NotEnough, Unit};

/// Months of history that a season needs.
pub const MONTHS_FOR_SEASONS: u32 = 24;

/// The season of one month or weekday.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Month 1 to 12, or weekday 1 (Monday) to 7.
    pub number: u32,
    pub name: &'static str,
    /// So many more (or fewer) than around it.
    pub difference: f64,
    /// Years or weeks that it was seen in.
    pub seen: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Season {
    /// Those that were seen, in order.
    pub parts: Vec<Part>,
    pub basis: Basis,
}

/// What months do.
///
/// # Errors
/// Less than 24 months, or so many gaps that no month has its year around it.
pub fn by_month(series: &Series, today: NaiveDate) -> Result<Season, NotEnough> {
    let basis = enough(series, today)?;
    let mut months: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
    for day in series.between(NaiveDate::MIN, today) {
        let month = day.day.year() * 12 + i32::try_from(day.day.month0()).unwrap_or(0);
        let (mean, days) = months.entry(month).or_default();
        *days += 1.0;
        *mean += (day.mean - *mean) / *days;
    }
    let at = |month: i32| months.get(&month).map(|(mean, _)| *mean);
    let deviations = months.keys().filter_map(|month| {
        let ends = at(month - 6)? / 2.0 + at(month + 6)? / 2.0;
        let inner = (month - 5..=month + 5).map(at).sum::<Option<f64>>()?;
        let number = u32::try_from(month.rem_euclid(12)).ok()? + 1;
        Some((number, at(*month)? - (ends + inner) / 12.0))
    });
    season(deviations, 12, super::words::month, basis)
}

/// What weekdays do.
///
/// # Errors
/// As for [`by_month`].
pub fn by_weekday(series: &Series, today: NaiveDate) -> Result<Season, NotEnough> {
    let basis = enough(series, today)?;
    let days = series.between(NaiveDate::MIN, today);
    let deviations = days.windows(7).filter(|week| (week[6].day - week[0].day).num_days() == 6);
    let deviations = deviations.map(|week| {
        let mean: f64 = week.iter().map(|day| day.mean / 7.0).sum();
        (week[3].day.weekday().number_from_monday(), week[3].mean - mean)
    });
    season(deviations, 7, weekday_name, basis)
}

fn enough(series: &Series, today: NaiveDate) -> Result<Basis, NotEnough> {
    let days = series.between(NaiveDate::MIN, today);
    let months = months_spanned(days);
    NotEnough::unless(months, MONTHS_FOR_SEASONS, Unit::Months)?;
    basis(days).ok_or(NotEnough { have: 0, need: MONTHS_FOR_SEASONS, unit: Unit::Months })
}

fn season(
    deviations: impl Iterator<Item = (u32, f64)>,
    length: u32,
    name: fn(u32) -> &'static str,
    basis: Basis,
) -> Result<Season, NotEnough> {
    let mut sums: BTreeMap<u32, (f64, u32)> = BTreeMap::new();
    for (number, deviation) in deviations {
        let (sum, seen) = sums.entry(number).or_default();
        *sum += deviation;
        *seen += 1;
    }
    NotEnough::unless(sums.len(), length, if length == 12 { Unit::Months } else { Unit::Days })?;
    let mean = |(sum, seen): &(f64, u32)| sum / f64::from(*seen);
    let middle = sums.values().map(|sum| mean(sum) / f64::from(length)).sum::<f64>();
    let parts = sums.iter().map(|(number, sum)| Part {
        number: *number,
        name: name(*number),
        difference: mean(sum) - middle,
        seen: sum.1,
    });
    Ok(Season { parts: parts.collect(), basis })
}

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn weekday_name(number: u32) -> &'static str {
    WEEKDAYS[(number as usize).clamp(1, WEEKDAYS.len()) - 1]
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::super::series::Daily;
    use super::*;

    /// From 2024 on, with a value for each day.
    fn series(days: i64, value: impl Fn(NaiveDate) -> f64) -> Series {
        let first: NaiveDate = "2024-01-01".parse().unwrap();
        Series::new((0..days).map(|i| {
            let day = first + chrono::TimeDelta::days(i);
            Daily::flat(day, value(day))
        }))
    }

    const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2030, 1, 1).unwrap();

    #[test]
    fn a_summer_dip_shows_in_july() {
        let dip = |day: NaiveDate| {
            let days = f64::from(day.num_days_from_ce());
            days / 30.0 - if day.month() == 7 { 12.0 } else { 0.0 }
        };
        let season = by_month(&series(3 * 365, dip), TODAY).unwrap();
        let july = season.parts[6];
        assert_eq!((july.name, july.seen), ("July", 2));
        assert!((july.difference + 11.0).abs() < 0.2, "{july:?}");
        assert!(season.parts.iter().map(|part| part.difference).sum::<f64>().abs() < 1e-9);
    }

    #[test]
    fn a_free_day_shows_in_the_week() {
        let sundays = |day: NaiveDate| if day.weekday() == Weekday::Sun { 3.0 } else { 10.0 };
        let season = by_weekday(&series(800, sundays), TODAY).unwrap();
        assert!((season.parts[6].difference + 6.0).abs() < 1e-9);
        assert!((season.parts[0].difference - 1.0).abs() < 1e-9);
        assert_eq!(season.parts[6].name, "Sunday");
    }

    #[test]
    fn less_than_two_years_is_no_season() {
        // January 2024 to November 2025.
        let short = series(690, |_| 1.0);
        let expected = Err(NotEnough { have: 23, need: 24, unit: Unit::Months });
        assert_eq!(by_month(&short, TODAY), expected);
        assert_eq!(by_weekday(&short, TODAY), expected);
        // Two years with a hole: no month has a whole year around it.
        let all = series(731, |_| 1.0);
        let hole = Series::new(all.days().iter().filter(|d| d.day.month() != 3).copied());
        assert_eq!(
            by_month(&hole, TODAY),
            Err(NotEnough { have: 0, need: 12, unit: Unit::Months })
        );
    }
}
