//! How much of what is entitled is taken: now, per day, week and month, and a year ago.

use chrono::{Datelike, Months, NaiveDate, Weekday};
use serde::Serialize;

use super::series::{Basis, Daily, Entitled, Series, basis};
use super::{NotEnough, Unit, days_after, percent};
use crate::license::pools;

/// Months of history that a comparison with last year needs.
pub const MONTHS_FOR_YEAR_ON_YEAR: u32 = 13;

/// The newest figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Now {
    /// The last day with data.
    pub day: NaiveDate,
    pub taken: f64,
    pub entitled: Option<f64>,
    /// What can be given out: neither allocated nor in quarantine. Absent when nothing is entitled.
    pub free: Option<f64>,
    /// In quarantine: not taken, and not free either. Absent where the history lacks it.
    pub quarantined: Option<f64>,
    /// Allocated above what is entitled. Absent as above.
    pub excess: Option<f64>,
    /// Over 100 when more is allocated than entitled. Absent when nothing is entitled.
    pub percent: Option<f64>,
}

/// What a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Day,
    /// ISO 8601: Monday to Sunday.
    Week,
    Month,
    Quarter,
    Year,
}

/// A day, week, month, quarter or year that has data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// `2026-10-05`, `2026-W41`, `2026-10`, `2026-Q4`, `2026`.
    pub name: String,
    /// Its first day that was asked for, with data or not.
    pub start: NaiveDate,
    /// Days with data.
    pub days: u32,
    /// Days of it that were asked for: all but where the range begins or ends within it.
    pub of: u32,
    pub peak: f64,
    /// Of the days' means: a day counts once, however often it was looked at.
    pub mean: f64,
    pub last: f64,
    /// `last` against that of the period before, whatever lies between.
    pub change: Option<f64>,
    /// On its last day with data.
    pub entitled: Option<f64>,
    /// Mean of the days' means, each against what was entitled on that day.
    pub mean_percent: Option<f64>,
    /// The highest of the days' peaks against what was entitled on that day.
    pub peak_percent: Option<f64>,
    /// Days on which nothing could be given out.
    pub full_days: u32,
    /// The most that were in quarantine. Absent where the history lacks it.
    pub quarantined: Option<f64>,
}

/// A month against the same month a year before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct YearOnYear {
    pub this: Period,
    /// Up to the same day of the month when this month isn't over. Absent when that month has no data.
    pub last_year: Option<Period>,
    /// Difference of the means.
    pub change: Option<f64>,
    pub change_percent: Option<f64>,
    /// Of the whole history.
    pub basis: Basis,
}

/// The newest day up to today. `available`: seats that could be given out, by the server's count;
/// where it has no such day, what is not taken counts as free.
pub fn now(
    series: &Series,
    entitled: &Entitled,
    available: &Series,
    today: NaiveDate,
) -> Option<Now> {
    let last = series.between(NaiveDate::MIN, today).last()?;
    let total = entitled.on(last.day);
    let percent = total.and_then(|total| percent(last.last, total));
    let available = available.between(last.day, last.day).last().map(|day| day.last);
    let free = pools::free(available, total, last.last);
    Some(Now {
        day: last.day,
        taken: last.last,
        entitled: total,
        free,
        quarantined: None,
        excess: None,
        percent,
    })
}

/// The periods between two days (both included) that have data, oldest first. Those at the ends are cut to the two
/// days, and so is what they have changed.
pub fn periods(
    series: &Series,
    entitled: &Entitled,
    step: Step,
    (first, last): (NaiveDate, NaiveDate),
) -> Vec<Period> {
    let days = series.between(first, last);
    let mut periods: Vec<Period> = days
        .chunk_by(|a, b| start(step, a.day) == start(step, b.day))
        .filter_map(|days| period(step, days, entitled))
        .collect();
    for period in &mut periods {
        let (from, until) = (period.start.max(first), end(step, period.start).min(last));
        period.start = from;
        period.of = u32::try_from((until - from).num_days() + 1).unwrap_or(u32::MAX);
    }
    // Of the first one too, where what was before is known.
    if let Some(period) = periods.first_mut() {
        let before = series.between(NaiveDate::MIN, days_after(period.start, -1)).last();
        period.change = before.map(|before| period.last - before.last);
    }
    for i in 1..periods.len() {
        periods[i].change = Some(periods[i].last - periods[i - 1].last);
    }
    periods
}

/// The month table, oldest first.
pub fn months(series: &Series, entitled: &Entitled, today: NaiveDate) -> Vec<Period> {
    let mut months = periods(series, entitled, Step::Month, (NaiveDate::MIN, today));
    if let Some(last) = months.last_mut() {
        last.of = last.start.num_days_in_month().into();
    }
    months
}

/// A month of the history against the same one a year before. `month` is any day of it.
///
/// # Errors
/// Less than 13 months from the first to the last with data, or no data in the month itself.
pub fn year_on_year(
    series: &Series,
    entitled: &Entitled,
    month: NaiveDate,
    today: NaiveDate,
) -> Result<YearOnYear, NotEnough> {
    let need = MONTHS_FOR_YEAR_ON_YEAR;
    let days = series.between(NaiveDate::MIN, today);
    NotEnough::unless(months_spanned(days), need, Unit::Months)?;
    let none = NotEnough { have: 0, need: 1, unit: Unit::Days };
    let basis = basis(days).ok_or(none)?;
    let from = month.with_day(1).unwrap_or(month);
    let until = end(Step::Month, from).min(today);
    let this = period(Step::Month, series.between(from, until), entitled).ok_or(none)?;
    let last_year = from.with_year(from.year() - 1).and_then(|start| {
        let whole = end(Step::Month, start);
        let until =
            if until < end(Step::Month, from) { start.with_day(until.day()) } else { Some(whole) };
        period(Step::Month, series.between(start, until.unwrap_or(whole)), entitled)
    });
    let change = last_year.as_ref().map(|last| this.mean - last.mean);
    let change_percent = last_year
        .as_ref()
        .and_then(|last| percent(this.mean, last.mean))
        .map(|percent| percent - 100.0);
    Ok(YearOnYear { this, last_year, change, change_percent, basis })
}

/// Calendar months from that of the first to that of the last day, both counted.
pub(super) fn months_spanned(days: &[Daily]) -> usize {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return 0 };
    let number = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
    usize::try_from(number(last.day) - number(first.day) + 1).unwrap_or(0)
}

fn period(step: Step, days: &[Daily], entitled: &Entitled) -> Option<Period> {
    let (first, last) = (days.first()?, days.last()?);
    let start = start(step, first.day);
    let count = days.len() as f64;
    let shares = |value: fn(&Daily) -> f64| {
        days.iter()
            .filter_map(move |day| percent(value(day), entitled.on(day.day)?))
            .collect::<Vec<f64>>()
    };
    let (means, peaks) = (shares(|day| day.mean), shares(|day| day.max));
    let mean_percent =
        (!means.is_empty()).then(|| means.iter().map(|share| share / means.len() as f64).sum());
    Some(Period {
        name: name(step, start),
        start,
        days: u32::try_from(days.len()).unwrap_or(u32::MAX),
        of: u32::try_from((end(step, start) - start).num_days() + 1).unwrap_or(u32::MAX),
        peak: days.iter().map(|day| day.max).fold(f64::NEG_INFINITY, f64::max),
        mean: days.iter().map(|day| day.mean / count).sum(),
        last: last.last,
        change: None,
        entitled: entitled.on(last.day),
        mean_percent,
        peak_percent: peaks.into_iter().reduce(f64::max),
        full_days: full_days(days, entitled),
        quarantined: None,
    })
}

/// Days on which nothing could be given out.
pub fn full_days(days: &[Daily], entitled: &Entitled) -> u32 {
    let full = days.iter().filter(|day| entitled.is_full(day.day, day.median()));
    u32::try_from(full.count()).unwrap_or(u32::MAX)
}

impl Period {
    /// Its last day, with data or not.
    pub fn end(&self) -> NaiveDate {
        days_after(self.start, i64::from(self.of) - 1)
    }
}

/// The first day of the period that a day is of.
pub fn start(step: Step, day: NaiveDate) -> NaiveDate {
    match step {
        Step::Day => day,
        Step::Week => day.week(Weekday::Mon).checked_first_day().unwrap_or(day),
        Step::Month => day.with_day(1).unwrap_or(day),
        Step::Quarter => {
            NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1).unwrap_or(day)
        }
        Step::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1).unwrap_or(day),
    }
}

/// The last day of the period that begins on a day.
pub fn end(step: Step, start: NaiveDate) -> NaiveDate {
    match step {
        Step::Day => start,
        Step::Week => days_after(start, 6),
        Step::Month => days_after(start, i64::from(start.num_days_in_month()) - 1),
        Step::Quarter => days_after(start + Months::new(3), -1),
        Step::Year => days_after(start + Months::new(12), -1),
    }
}

fn name(step: Step, start: NaiveDate) -> String {
    match step {
        Step::Day => start.to_string(),
        Step::Week => {
            let week = start.iso_week();
            format!("{}-W{:02}", week.year(), week.week())
        }
        Step::Month => format!("{}-{:02}", start.year(), start.month()),
        Step::Quarter => format!("{}-Q{}", start.year(), start.month0() / 3 + 1),
        Step::Year => start.year().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::Total;
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn row(text: &str, min: f64, mean: f64, max: f64, last: f64) -> Daily {
        Daily { day: day(text), min, mean, max, last }
    }

    fn totals(rows: &[(&str, f64)]) -> Entitled {
        Entitled::new(rows.iter().map(|(from, total)| Total { from: day(from), total: *total }))
    }

    #[test]
    fn now_is_the_last_day_up_to_today() {
        let series = Series::new([
            row("2026-03-01", 1.0, 2.0, 3.0, 50.0),
            row("2026-03-09", 1.0, 2.0, 3.0, 99.0),
        ]);
        let entitled = totals(&[("2026-01-01", 200.0)]);
        let nothing = Series::default();
        let now = now(&series, &entitled, &nothing, day("2026-03-05")).unwrap();
        assert_eq!((now.day, now.percent), (day("2026-03-01"), Some(25.0)));
        assert_eq!(now.free, Some(150.0), "nobody counted what is available");
        let available = Series::new([row("2026-03-01", 9.0, 9.0, 9.0, 138.0)]);
        let counted = super::now(&series, &entitled, &available, day("2026-03-05")).unwrap();
        assert_eq!(counted.free, Some(138.0), "12 are in quarantine");
        let over = super::now(&series, &totals(&[("2026-01-01", 40.0)]), &nothing, now.day);
        assert_eq!(over.unwrap().free, Some(0.0), "never less than none");
        let none =
            super::now(&series, &totals(&[("2026-01-01", 0.0)]), &nothing, day("2026-03-05"))
                .unwrap();
        assert_eq!(none.percent, None);
        assert_eq!(super::now(&series, &entitled, &nothing, day("2026-02-05")), None);
    }

    #[test]
    fn a_month_is_what_its_days_have() {
        let series = Series::new([
            row("2026-02-28", 5.0, 8.0, 9.0, 8.0),
            row("2026-03-01", 8.0, 10.0, 30.0, 12.0),
            row("2026-03-20", 18.0, 20.0, 40.0, 24.0),
        ]);
        // Bought more on the 15th: the share of a day is against that day's total.
        let entitled = totals(&[("2026-01-01", 40.0), ("2026-03-15", 80.0)]);
        let months = months(&series, &entitled, day("2026-03-25"));
        assert_eq!(months.len(), 2);
        let march = &months[1];
        assert_eq!(march.name, "2026-03");
        assert_eq!((march.days, march.of), (2, 31));
        assert_eq!((march.peak, march.mean, march.last), (40.0, 15.0, 24.0));
        assert_eq!((march.change, march.entitled), (Some(16.0), Some(80.0)));
        assert_eq!((march.mean_percent, march.peak_percent), (Some(25.0), Some(75.0)));
        assert_eq!(months[0].change, None);
        // What was before the days that are asked for is known all the same; half a month has what changed in it.
        let asked = |first: &str, last: &str| {
            let of = periods(&series, &entitled, Step::Month, (day(first), day(last)));
            assert_eq!(of.len(), 1, "{first}");
            (of[0].change, of[0].start, of[0].of)
        };
        assert_eq!(asked("2026-03-01", "2026-03-31"), (Some(16.0), day("2026-03-01"), 31));
        assert_eq!(asked("2026-03-15", "2026-03-25"), (Some(12.0), day("2026-03-15"), 11));
    }

    /// October 2026 begins with a Thursday and ends with a Saturday.
    #[test]
    fn weeks_at_the_ends_of_a_range_are_cut_to_it() {
        let days = (0..60).map(|n| Daily::flat(days_after(day("2026-09-15"), n), n as f64));
        let october = (day("2026-10-01"), day("2026-10-31"));
        let weeks = periods(&Series::new(days), &totals(&[]), Step::Week, october);
        let of: Vec<_> =
            weeks.iter().map(|week| (week.name.as_str(), week.days, week.of)).collect();
        let edges = (of[0], of[4]);
        assert_eq!((of.len(), edges), (5, (("2026-W40", 4, 4), ("2026-W44", 6, 6))));
        assert_eq!((weeks[0].start, weeks[4].end()), october);
        // One more each day: what changed is as much as there are days.
        assert!(weeks.iter().all(|week| week.change == Some(week.days.into())), "{weeks:?}");
    }

    #[test]
    fn weeks_are_those_of_iso() {
        let series = Series::new([
            row("2026-12-31", 1.0, 1.0, 1.0, 1.0),
            row("2027-01-03", 1.0, 1.0, 2.0, 1.0),
            row("2027-01-04", 1.0, 1.0, 1.0, 1.0),
        ]);
        let all = (day("2026-01-01"), day("2027-12-31"));
        let weeks = periods(&series, &totals(&[]), Step::Week, all);
        let names: Vec<&str> = weeks.iter().map(|week| week.name.as_str()).collect();
        assert_eq!(names, ["2026-W53", "2027-W01"]);
        assert_eq!((weeks[0].days, weeks[0].of, weeks[0].peak), (2, 7, 2.0));
        assert_eq!(weeks[0].peak_percent, None);
        assert_eq!(periods(&series, &totals(&[]), Step::Day, all).len(), 3);
    }

    #[test]
    fn a_year_back_needs_thirteen_months() {
        let flat = |text: &str, value| Daily::flat(day(text), value);
        let days = |first: &str| {
            Series::new([flat(first, 10.0), flat("2025-10-25", 99.0), flat("2026-10-03", 15.0)])
        };
        let compare = |series: &Series| {
            year_on_year(series, &totals(&[]), day("2026-10-20"), day("2026-10-12"))
        };
        let eleven = Series::new([flat("2025-12-01", 10.0), flat("2026-10-03", 15.0)]);
        assert_eq!(compare(&eleven), Err(NotEnough { have: 11, need: 13, unit: Unit::Months }));
        // October isn't over: the 25th of last year's isn't looked at.
        let compared = compare(&days("2025-10-02")).unwrap();
        assert_eq!(compared.last_year.unwrap().mean, 10.0);
        assert_eq!((compared.change, compared.change_percent), (Some(5.0), Some(50.0)));
        // A month without data is no zero.
        let compared = compare(&days("2025-09-02")).unwrap();
        assert_eq!((compared.last_year, compared.change), (None, None));
    }
}
