//! What must hold for any history.

use bursar::insight::forecast::{Forecast, RunsOut, forecast};
use bursar::insight::growth::History;
use bursar::insight::utilization::{Step, months, now, periods, year_on_year};
use bursar::insight::{Daily, Entitled, NotEnough, Released, Series, Total, holt, season, words};
use chrono::{NaiveDate, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;

use bursar::insight::budget::{Year, project};
use bursar::insight::cost::Prices;
use bursar::insight::money::Currency;
use bursar::license::SeatType;

use super::figures::day;

/// A history as plain values.
#[derive(Debug, Clone)]
struct Plain {
    days: Vec<Daily>,
    totals: Vec<Total>,
    released: Vec<Released>,
    today: NaiveDate,
}

impl Plain {
    fn forecast(&self) -> Result<Forecast, NotEnough> {
        let series = Series::new(self.days.iter().copied());
        let entitled = Entitled::new(self.totals.iter().copied());
        let history = History { series: &series, entitled: &entitled, released: &self.released };
        forecast(&history, 3, self.today)
    }

    /// Every figure through a function.
    fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        let mut plain = self.clone();
        for day in &mut plain.days {
            *day = Daily {
                day: day.day,
                min: change(day.min),
                mean: change(day.mean),
                max: change(day.max),
                last: change(day.last),
            };
        }
        for total in &mut plain.totals {
            total.total = change(total.total);
        }
        plain
    }

    fn shifted(&self, by: TimeDelta) -> Self {
        let mut plain = self.clone();
        plain.days.iter_mut().for_each(|day| day.day += by);
        plain.totals.iter_mut().for_each(|total| total.from += by);
        plain.released.iter_mut().for_each(|released| released.day += by);
        plain.today += by;
        plain
    }
}

/// Seats that come and go, with gaps, purchases and clean-ups: whole numbers, so that sums are exact.
fn believable() -> impl Strategy<Value = Plain> {
    let days = vec((any::<bool>(), -2..=3_i32, 0..10_u32), 60..260);
    let changes = vec((0..260_i64, 40..400_u32), 0..3);
    let released = vec((0..260_i64, 1..20_u32), 0..4);
    (days, changes, released).prop_map(|(days, changes, released)| {
        let first = day("2025-02-03");
        let at = |i: i64| first + TimeDelta::days(i);
        let mut level = 60.0;
        let mut rows = Vec::new();
        for (i, (up, step, gap)) in (0..).zip(&days) {
            level += f64::from(if *up { *step } else { 0 });
            if *gap > 0 {
                let (min, max) = (level - 1.0, level + 1.0);
                rows.push(Daily { day: at(i), min, mean: level, max, last: level });
            }
        }
        let changes = changes
            .iter()
            .map(|(i, total)| Total { from: at(*i), total: 100.0 + f64::from(*total) });
        let start = Total { from: at(-900), total: 150.0 };
        Plain {
            today: at(i64::try_from(days.len()).unwrap() - 1),
            days: rows,
            totals: std::iter::once(start).chain(changes).collect(),
            released: released
                .iter()
                .map(|(i, count)| Released { day: at(*i), count: *count })
                .collect(),
        }
    })
}

/// Anything that isn't NaN, infinities included.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e6_f64,
        1 => any::<f64>().prop_filter("a number", |value| !value.is_nan()),
        1 => prop::sample::select(vec![0.0, -0.0, f64::MAX, f64::MIN, 1e-300, f64::INFINITY]),
    ]
}

fn anything() -> impl Strategy<Value = Plain> {
    let date = || {
        prop_oneof![
            8 => (0..900_i64).prop_map(|i| day("2025-02-03") + TimeDelta::days(i)),
            1 => prop::sample::select(vec![NaiveDate::MIN, NaiveDate::MAX, day("0001-01-01")]),
        ]
    };
    let daily = (date(), number(), number(), number(), number())
        .prop_map(|(day, min, mean, max, last)| Daily { day, min, mean, max, last });
    let total = (date(), number()).prop_map(|(from, total)| Total { from, total });
    let released = (date(), any::<u32>()).prop_map(|(day, count)| Released { day, count });
    (vec(daily, 0..160), vec(total, 0..5), vec(released, 0..5), date())
        .prop_map(|(days, totals, released, today)| Plain { days, totals, released, today })
}

fn dates(answer: RunsOut) -> [Option<NaiveDate>; 2] {
    match answer {
        RunsOut::Between { earliest, latest, .. } => [Some(earliest), latest],
        RunsOut::Already => [Some(NaiveDate::MIN), Some(NaiveDate::MIN)],
        RunsOut::NotWithinTenYears => [None, None],
    }
}

/// Rounding may move a crossing by a day.
fn same_but_rounding(a: RunsOut, b: RunsOut) -> bool {
    dates(a).into_iter().zip(dates(b)).all(|pair| match pair {
        (Some(a), Some(b)) => (a - b).num_days().abs() <= 1,
        (a, b) => a == b,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_shift_in_time_shifts_the_forecast(plain in believable(), days in -400..4_000_i64) {
        let by = TimeDelta::days(days);
        let (here, there) = (plain.forecast(), plain.shifted(by).forecast());
        match (here, there) {
            (Ok(here), Ok(there)) => {
                prop_assert_eq!(here.growth.per_month, there.growth.per_month);
                let shifted = |answer| dates(answer).map(|d| d.and_then(|d| d.checked_add_signed(by)));
                if here.runs_out != RunsOut::Already {
                    prop_assert_eq!(shifted(here.runs_out), dates(there.runs_out));
                }
                prop_assert_eq!(here.error, there.error);
            }
            (here, there) => prop_assert_eq!(here.err(), there.err()),
        }
    }

    #[test]
    fn a_constant_more_changes_no_slope(plain in believable(), more in 0..5_000_i32) {
        let more = f64::from(more);
        let raised = plain.map(|value| value + more);
        match (plain.forecast(), raised.forecast()) {
            (Ok(a), Ok(b)) => {
                let (here, there) = (a.growth.per_month, b.growth.per_month);
                prop_assert_eq!(here.middle, there.middle);
                for (here, there) in [(here.low, there.low), (here.high, there.high)] {
                    prop_assert!((here - there).abs() <= 1e-9 * (1.0 + here.abs()));
                }
                prop_assert!(same_but_rounding(a.runs_out, b.runs_out), "{a:?} {b:?}");
            }
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }

    /// A power of two is exact.
    #[test]
    fn twice_the_seats_grow_twice_as_fast(mut plain in believable(), power in 1..5_i32) {
        plain.released.clear();
        let factor = 2.0_f64.powi(power);
        match (plain.forecast(), plain.map(|value| value * factor).forecast()) {
            (Ok(a), Ok(b)) => {
                prop_assert_eq!(a.growth.per_month.middle * factor, b.growth.per_month.middle);
                prop_assert_eq!(a.growth.per_month.low * factor, b.growth.per_month.low);
                prop_assert!(same_but_rounding(a.runs_out, b.runs_out), "{a:?} {b:?}");
            }
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(plain in believable(), seed in any::<u64>()) {
        let mut shuffled = plain.clone();
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut shuffled.days);
        random.shuffle(&mut shuffled.totals);
        random.shuffle(&mut shuffled.released);
        prop_assert_eq!(plain.forecast(), shuffled.forecast());
    }

    /// What has to be bought, by when, and how many seats that makes are counted in the same cases as when the seats run out.
    #[test]
    fn what_is_bought_follows_from_when_seats_run_out(plain in believable(), total in 40..110_u32) {
        let plain = Plain {
            totals: vec![Total { from: day("2020-01-01"), total: f64::from(total) }],
            ..plain
        };
        let Ok(forecast) = plain.forecast() else { return Ok(()) };
        let prices = Prices {
            currency: Currency::parse("EUR").unwrap(),
            professional_per_seat_per_year: None,
            analyzer_per_seat_per_year: Some(420.into()),
            capacity_per_thousand_minutes: None,
            budget_per_year: None,
            term: Default::default(),
        };
        let entitled = Entitled::always(f64::from(total));
        let found = project(
            &prices,
            SeatType::Analyzer,
            &forecast,
            &entitled,
            Year::of(None, plain.today),
        )
        .unwrap();
        let buy = found.to_buy;
        let runs_out = forecast.runs_out;
        prop_assert_eq!(buy.earliest, runs_out.earliest(plain.today).filter(|_| buy.seats_high > 0));
        prop_assert_eq!(buy.latest, runs_out.latest(plain.today).filter(|_| buy.seats_low > 0));
        // Nothing is bought of what does not run out within the year, and a seat is bought no later than it runs out.
        let year = plain.today.checked_add_months(chrono::Months::new(12)).unwrap();
        prop_assert!(buy.seats_high == 0 || buy.earliest.is_some_and(|day| day <= year), "{:?}", found);
        prop_assert!(buy.seats_low == 0 || buy.earliest.is_some(), "{:?}", found);
        // The total and what is bought are what is needed.
        let needed = forecast.needed((year - plain.today).num_days());
        let total = u64::from(total);
        prop_assert_eq!(needed.until, year);
        prop_assert_eq!(total + buy.seats_low, needed.low.max(total));
        prop_assert_eq!(total + buy.seats_high, needed.high.max(total));
        let told = words::to_buy(&found, Default::default());
        let ends = match buy.seats_low == buy.seats_high {
            true => format!("({} in all)", total + buy.seats_high),
            false => format!("({} to {} in all)", total + buy.seats_low, total + buy.seats_high),
        };
        prop_assert!(told.contains(&ends), "{}", told);
    }

    #[test]
    fn no_history_makes_it_panic(plain in anything()) {
        let series = Series::new(plain.days.iter().copied());
        let entitled = Entitled::new(plain.totals.iter().copied());
        if let Ok(answer) = plain.forecast() {
            let _ = words::runs_out(&answer.runs_out, plain.today, bursar::words::Locale::default());
            for day in [plain.today, NaiveDate::MIN, NaiveDate::MAX] {
                let _ = answer.outlook(day);
            }
            prop_assert!(serde_json::to_string(&answer).is_ok());
        }
        let _ = now(&series, &entitled, &series, plain.today);
        let _ = months(&series, &entitled, plain.today);
        for step in [Step::Day, Step::Week] {
            let rows = periods(&series, &entitled, step, (NaiveDate::MIN, NaiveDate::MAX));
            let counted: u32 = rows.iter().map(|row| row.days).sum();
            prop_assert_eq!(counted as usize, series.days().len());
        }
        let _ = year_on_year(&series, &entitled, plain.today, plain.today);
        let _ = season::by_month(&series, NaiveDate::MAX);
        let _ = season::by_weekday(&series, NaiveDate::MAX);
        let values: Vec<Option<f64>> = plain.days.iter().map(|d| Some(d.mean)).collect();
        let _ = holt::fit(&values);
    }
}

#[test]
fn nothing_one_point_and_all_the_same() {
    let at = |i: i64| day("2026-01-01") + TimeDelta::days(i);
    let plain = |days: Vec<Daily>| Plain {
        days,
        totals: vec![Total { from: at(-9), total: 10.0 }],
        released: Vec::new(),
        today: at(400),
    };
    assert!(plain(Vec::new()).forecast().is_err());
    assert!(plain(vec![Daily::flat(at(0), 5.0)]).forecast().is_err());
    let same = plain((0..400).map(|i| Daily::flat(at(i), 5.0)).collect()).forecast().unwrap();
    assert_eq!(same.growth.per_month.middle, 0.0);
    assert_eq!(same.runs_out, RunsOut::NotWithinTenYears);
    assert_eq!(same.months_at_growth, None);
    let untold =
        Plain { totals: Vec::new(), ..plain((0..400).map(|i| Daily::flat(at(i), 5.0)).collect()) };
    assert_eq!(
        untold.forecast().unwrap_err().to_string(),
        "not enough data: 0 of 1 entitled totals"
    );
}
