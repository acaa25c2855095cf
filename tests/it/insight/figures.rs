//! Histories whose truth is known.

use bursar::insight::forecast::{self, Forecast, RunsOut, forecast};
use bursar::insight::growth::{Growth, History, growth};
use bursar::insight::models::Kind;
use bursar::insight::{Daily, Entitled, NotEnough, Released, Series, Total, Unit, words};
use chrono::{NaiveDate, TimeDelta};

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// So many days before the last of them, 30 October 2026.
fn ago(days: i64) -> NaiveDate {
    today() - TimeDelta::days(days)
}

fn today() -> NaiveDate {
    day("2026-10-30")
}

/// A value for each of so many days, the last one today.
fn series(days: i64, value: impl Fn(i64) -> f64) -> Series {
    Series::new((0..days).map(|i| Daily::flat(ago(days - 1 - i), value(i))))
}

fn grown(series: &Series, entitled: &Entitled, released: &[Released]) -> Growth {
    growth(&History { series, entitled, released }, today()).unwrap()
}

fn forecast_of(series: &Series, total: f64, reclaimable: u32) -> Forecast {
    let entitled = Entitled::always(total);
    let history = History { series, entitled: &entitled, released: &[] };
    forecast(&history, reclaimable, today()).unwrap()
}

#[track_caller]
fn near(value: f64, expected: f64, within: f64) {
    assert!((value - expected).abs() <= within, "{value} is not near {expected}");
}

/// Four months are 121.75 days.
#[test]
fn the_admin_guides_example_comes_out() {
    let line = series(123, |i| 20.0 + 10.0 * i as f64 / 121.75);
    let whole_seats = series(123, |i| (20.0 + 10.0 * i as f64 / 121.75).floor());
    for series in [line, whole_seats] {
        let taken = series.last().unwrap().last;
        let answer = forecast_of(&series, taken + 68.0, 0);
        near(answer.growth.per_month.middle, 2.5, 0.05);
        assert_eq!(answer.free, 68.0);
        let months = answer.months_at_growth.unwrap();
        near(months, 27.2, 0.5);
        let RunsOut::Between { earliest, latest: Some(latest), .. } = answer.runs_out else {
            panic!("{answer:?}")
        };
        let there = today() + TimeDelta::days((68.0 / 2.5 * 30.4375) as i64);
        assert!(earliest <= there && there <= latest, "{earliest} {latest}");
        assert!((latest - earliest).num_days() < 300, "{earliest} {latest}");
    }
    assert_eq!(forecast::months(68.0, 2.5).map(words::about_months).unwrap(), "about 27 months");
}

#[test]
fn a_clean_up_is_no_decline() {
    let entitled = Entitled::always(500.0);
    let seats = |released: bool| {
        series(400, move |i| {
            let gone = if released && i >= 200 { 60.0 } else { 0.0 };
            (100.0 + i as f64 * 3.0 / 30.4375).floor() - gone
        })
    };
    let told = [Released { day: ago(199), count: 60 }];
    let plain = grown(&seats(false), &entitled, &[]);
    let cleaned = grown(&seats(true), &entitled, &told);
    near(plain.per_month.middle, 3.0, 0.05);
    near(cleaned.per_month.middle, plain.per_month.middle, 1e-9);
    assert_eq!(cleaned.added_back, 60);
    // Not told of it, it is one.
    assert!(grown(&seats(true), &entitled, &[]).per_month.middle < 0.0);
}

#[test]
fn a_seat_given_back_each_week_is_no_decline_either() {
    let entitled = Entitled::always(500.0);
    let released: Vec<Released> =
        (1..50).map(|week| Released { day: ago(350 - week * 7), count: 1 }).collect();
    let seats =
        series(351, |i| 100.0 + (i as f64 * 5.0 / 30.4375).floor() - (i / 7).min(49) as f64);
    near(grown(&seats, &entitled, &released).per_month.middle, 5.0, 0.05);
    near(grown(&seats, &entitled, &[]).per_month.middle, 5.0 - 30.4375 / 7.0, 0.1);
}

/// On the day of a release its end counts, whatever the day was before.
#[test]
fn the_day_of_a_release_is_no_outlier() {
    let released = [Released { day: ago(30), count: 40 }];
    let days = (0..100).map(|i| {
        let at = ago(99 - i);
        match i {
            ..69 => Daily::flat(at, 140.0),
            69 => Daily { day: at, min: 100.0, mean: 130.0, max: 140.0, last: 100.0 },
            _ => Daily::flat(at, 100.0),
        }
    });
    let entitled = Entitled::always(200.0);
    let answer = grown(&Series::new(days), &entitled, &released);
    assert_eq!((answer.per_month.low, answer.per_month.high), (0.0, 0.0));
}

#[test]
fn a_purchase_cuts_but_does_not_count() {
    let entitled = Entitled::new([
        Total { from: ago(1000), total: 130.0 },
        Total { from: ago(200), total: 300.0 },
    ]);
    // Fifty people waited for it.
    let seats =
        series(400, |i| 100.0 + i as f64 * 2.0 / 30.4375 + if i >= 199 { 50.0 } else { 0.0 });
    let answer = grown(&seats, &entitled, &[]);
    assert_eq!(answer.segments, 2);
    near(answer.per_month.middle, 2.0, 0.01);
    assert!(grown(&seats, &Entitled::always(300.0), &[]).per_month.middle > 4.0);
}

#[test]
fn a_full_pool_cannot_grow_and_says_nothing() {
    let seats = series(300, |i| (100.0 + i as f64 * 6.0 / 30.4375).min(130.0));
    let answer = grown(&seats, &Entitled::always(130.0), &[]);
    near(answer.per_month.middle, 6.0, 0.01);
    assert_eq!(answer.full_days, 300 - 153);
}

#[test]
fn eight_weeks_are_needed_and_gaps_do_not_count() {
    let entitled = Entitled::always(100.0);
    let ask =
        |series: &Series| growth(&History { series, entitled: &entitled, released: &[] }, today());
    let short = Err(NotEnough { have: 7, need: 8, unit: Unit::Weeks });
    assert_eq!(ask(&series(49, |i| i as f64)), short);
    assert!(ask(&series(56, |i| i as f64)).is_ok());
    // A hundred days, of which seven weeks have data.
    let all = series(100, |i| i as f64);
    let gaps =
        Series::new(all.days().iter().filter(|d| (today() - d.day).num_days() % 14 < 7).copied());
    let gaps = Series::new(gaps.days().iter().filter(|d| d.day > ago(98)).copied());
    assert_eq!(ask(&gaps), short);
    assert_eq!(ask(&Series::default()), Err(NotEnough { have: 0, need: 8, unit: Unit::Weeks }));
    // What comes after the day of the question isn't known yet.
    let later = growth(&History { series: &all, entitled: &entitled, released: &[] }, ago(60));
    assert_eq!(later, Err(NotEnough { have: 6, need: 8, unit: Unit::Weeks }));
}

#[test]
fn missing_days_are_no_zeros() {
    let all = series(200, |i| 50.0 + i as f64 * 0.2);
    let some =
        Series::new(all.days().iter().filter(|d| (today() - d.day).num_days() % 5 > 1).copied());
    let answer = grown(&some, &Entitled::always(500.0), &[]);
    near(answer.per_month.middle, 0.2 * 30.4375, 1e-9);
    assert_eq!((answer.basis.days, answer.basis.missing), (120, 78));
}

#[test]
fn released_seats_last_so_much_longer() {
    let seats = series(365, |i| (40.0 + i as f64 * 4.0 / 30.4375).floor());
    let answer = forecast_of(&seats, 120.0, 12);
    let (RunsOut::Between { earliest: early, .. }, RunsOut::Between { earliest: later, .. }) =
        (answer.runs_out, answer.runs_out_after_release)
    else {
        panic!("{answer:?}")
    };
    // 12 seats at 4 a month.
    near((later - early).num_days() as f64, 91.0, 12.0);
}

#[test]
fn the_end_of_a_range_may_be_open() {
    let full = series(100, |_| 50.0);
    assert_eq!(forecast_of(&full, 80.0, 0).runs_out, RunsOut::NotWithinTenYears);
    // Up and down for nothing: it may get there or not.
    let wave = series(400, |i| 50.0 + ((i % 80) - 40).abs() as f64 / 4.0);
    let answer = forecast_of(&wave, 75.0, 0);
    assert!(matches!(answer.runs_out, RunsOut::Between { latest: None, .. }), "{answer:?}");

    let entitled = Entitled::always(170.0);
    let over = series(100, |i| 100.0 + i as f64);
    let history = History { series: &over, entitled: &entitled, released: &[] };
    let answer = forecast(&history, 40, today()).unwrap();
    assert_eq!((answer.free, answer.runs_out), (-29.0, RunsOut::Already));
    assert!(matches!(answer.runs_out_after_release, RunsOut::Between { .. }));
    assert_eq!(answer.months_at_growth, Some(0.0));
    assert_eq!(answer.runs_out.latest(today()), Some(today()));
    assert_eq!(answer.runs_out.earliest(today()), Some(today()));
}

#[test]
fn a_range_is_never_a_single_day() {
    let RunsOut::Between { earliest, latest: Some(latest), .. } =
        forecast_of(&series(200, |i| i as f64), 230.0, 0).runs_out
    else {
        panic!()
    };
    // The line reaches it 31 days after today.
    assert!(earliest < ago(-30) && latest > ago(-32), "{earliest} {latest}");
    assert!((6..=10).contains(&(latest - earliest).num_days()), "{earliest} {latest}");
}

#[test]
fn totals_to_come_are_reckoned_with() {
    let seats = series(200, |i| 100.0 + i as f64 * 0.5);
    let totals = |more: Option<Total>| {
        Entitled::new([Total { from: ago(900), total: 220.0 }].into_iter().chain(more))
    };
    let ask = |entitled: &Entitled| {
        let history = History { series: &seats, entitled, released: &[] };
        let RunsOut::Between { earliest, .. } = forecast(&history, 0, today()).unwrap().runs_out
        else {
            panic!()
        };
        (earliest - today()).num_days()
    };
    near(ask(&totals(None)) as f64, 41.0, 4.0);
    let more = Total { from: ago(-10), total: 320.0 };
    near(ask(&totals(Some(more))) as f64, 241.0, 4.0);
    // 20 seats go back at the end of the month.
    let less = Total { from: ago(-10), total: 205.0 };
    near(ask(&totals(Some(less))) as f64, 10.0, 4.0);
}

#[test]
fn old_data_makes_the_range_no_younger() {
    let seats = series(200, |i| i as f64 * 0.5);
    let entitled = Entitled::always(120.0);
    let history = History { series: &seats, entitled: &entitled, released: &[] };
    let late = today() + TimeDelta::days(20);
    let (now, late) =
        (forecast(&history, 0, today()).unwrap(), forecast(&history, 0, late).unwrap());
    assert_eq!(late.as_of, today());
    assert_eq!(late.runs_out, now.runs_out);
}

#[test]
fn the_second_opinion_flattens() {
    let seats = series(500, |i| (100.0 + i as f64 * 5.0 / 30.4375).floor());
    let answer = forecast_of(&seats, 240.0, 0);
    let second = answer.second_opinion.unwrap();
    near(second.per_month, 5.0, 0.6);
    let latest = |answer| match answer {
        RunsOut::Between { latest, .. } => latest,
        _ => None,
    };
    let first = latest(answer.runs_out).unwrap();
    assert!(latest(second.runs_out).is_none_or(|second| second > first), "{second:?}");
}

#[test]
fn the_past_errors_stand_beside_the_range() {
    let few = forecast_of(&series(80, |i| i as f64), 500.0, 0);
    assert_eq!(few.error, Err(NotEnough { have: 12, need: 16, unit: Unit::Weeks }));
    // Four more each month, two fewer each third one.
    let seats = series(800, |i| {
        100.0 + (i as f64 * 4.0 / 30.4375).floor() - if i % 91 > 60 { 6.0 } else { 0.0 }
    });
    let answer = forecast_of(&seats, 500.0, 0);
    assert_eq!(grown(&seats, &Entitled::always(500.0), &[]), answer.growth);
    let test = answer.error.unwrap();
    assert_eq!(test.horizons.len(), 4);
    assert!(test.forecasts >= test.horizons.iter().map(|h| h.forecasts).sum::<u32>());
    assert!(test.forecasts >= 30 && test.mae < test.no_change_mae / 2.0, "{test:?}");
    assert!(test.coverage_percent >= 60.0 && test.widened >= 0.5, "{test:?}");
}

#[test]
fn the_outlook_starts_now_and_widens() {
    let mut random = fastrand::Rng::with_seed(11);
    let noise: Vec<f64> = (0..300).map(|_| f64::from(random.i32(-2..=2))).collect();
    let answer = forecast_of(&series(300, |i| 50.0 + i as f64 * 0.1 + noise[i as usize]), 200.0, 0);
    let now = answer.outlook(today());
    assert_eq!((now.low, now.middle, now.high), (answer.taken, answer.taken, answer.taken));
    let widths = [10, 40, 200, 700].map(|days| {
        let outlook = answer.outlook(ago(-days));
        assert!(outlook.low <= outlook.middle && outlook.middle <= outlook.high);
        outlook.high - outlook.low
    });
    assert!(widths.is_sorted(), "{widths:?}");
}

/// Ranges are true if what they say will come does: forecasts of 28 to 182 days from three days of each of
/// 12 made-up sites whose seats come and go at random.
#[test]
fn four_of_five_ranges_hold_what_comes() {
    let (mut held, mut asked) = (0, 0);
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (come, go) = (0.05 + random.f64() * 0.4, random.f64() * 0.2);
        let mut level = 60.0;
        let mut days = Vec::new();
        for i in 0..900_i64 {
            let at = ago(899 - i);
            let working = !["Sat", "Sun"].contains(&at.format("%a").to_string().as_str());
            if working {
                level += f64::from(u8::from(random.f64() < come));
                level -= f64::from(u8::from(random.f64() < go));
                // Now and then a department.
                level += if random.f64() < 0.004 { f64::from(random.i32(2..8)) } else { 0.0 };
            }
            days.push(Daily::flat(at, level));
        }
        for origin in [250, 400, 700] {
            let known = Series::new(days[..origin].iter().copied());
            let entitled = Entitled::always(1e6);
            let history = History { series: &known, entitled: &entitled, released: &[] };
            let answer = forecast(&history, 0, days[origin - 1].day).unwrap();
            for horizon in [28, 91, 182] {
                let come = days[origin - 1 + horizon];
                let outlook = answer.outlook(come.day);
                asked += 1;
                held += i32::from(outlook.low <= come.last && come.last <= outlook.high);
            }
        }
    }
    let share = f64::from(held) / f64::from(asked);
    println!("{held} of {asked} held");
    assert!((0.75..=0.92).contains(&share), "{held} of {asked}");
}

/// A wave of a year, as rough as seats are.
fn summer(i: i64) -> f64 {
    let year = std::f64::consts::TAU * i as f64 / 365.25;
    (80.0 + i as f64 / 60.0 + 12.0 * year.sin()).round()
}

#[test]
fn the_model_that_did_best_is_used() {
    let kind = |series: &Series| {
        let answer = forecast_of(series, 1e4, 0);
        (answer.model, answer.error.unwrap())
    };
    let (model, test) = kind(&series(1000, summer));
    assert_eq!(model, Kind::Seasonal, "{test:?}");
    let score = |kind| test.scores.iter().find(|of| of.model == kind).unwrap().score;
    assert!(score(Kind::Seasonal) < score(Kind::Straight) / 2.0, "{test:?}");
    assert!(words::chosen(model, &Ok(test)).starts_with("yearly season, the least error"));

    let (model, test) = kind(&series(500, |i| (50.0 + i as f64 * 0.1).floor()));
    assert_eq!(model, Kind::Straight, "{test:?}");
    assert_eq!(test.scores.len(), 4, "no season of less than two years");
    // It grew for a year and has stood still since.
    let (model, test) = kind(&series(800, |i| (50.0 + i.min(365) as f64 * 0.2).floor()));
    assert!(matches!(model, Kind::Level | Kind::Damped), "{model:?} {test:?}");
    // Too little to try: a line.
    let few = forecast_of(&series(80, |i| i as f64), 500.0, 0);
    assert_eq!(few.model, Kind::Straight);
}

/// A summer that came twice comes a third time.
#[test]
fn two_years_are_enough_for_a_season() {
    let known = series(740, summer);
    let answer = forecast_of(&known, 1e4, 0);
    for ahead in [30, 91, 182, 300] {
        let middle = answer.outlook(ago(-ahead)).middle;
        near(middle, summer(739 + ahead), 4.0);
    }
}

#[test]
fn purchases_and_clean_ups_do_not_widen_the_range() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut level = 90.0;
    let people: Vec<f64> = (0..600)
        .map(|_| {
            level += f64::from(u8::from(random.f64() < 0.15));
            level -= f64::from(u8::from(random.f64() < 0.05));
            level
        })
        .collect();
    let width = |seats: &Series, totals: &Entitled, released: &[Released]| {
        let history = History { series: seats, entitled: totals, released };
        let answer = forecast(&history, 0, today()).unwrap();
        let outlook = answer.outlook(ago(-182));
        outlook.high - outlook.low
    };
    let day_of = |i: i64| ago(599 - i);
    let plain = series(600, |i| people[i as usize]);
    let quiet = width(&plain, &Entitled::always(1e4), &[]);
    let bought = series(600, |i| people[i as usize] + if i >= 300 { 60.0 } else { 0.0 });
    let totals = Entitled::new([
        Total { from: ago(1000), total: 1e4 },
        Total { from: day_of(300), total: 1.1e4 },
    ]);
    let after_purchase = width(&bought, &totals, &[]);
    assert!(after_purchase < quiet * 1.3, "{after_purchase} {quiet}");
    let cleaned = series(600, |i| people[i as usize] - if i >= 300 { 40.0 } else { 0.0 });
    let released = [Released { day: day_of(300), count: 40 }];
    near(width(&cleaned, &Entitled::always(1e4), &released), quiet, quiet * 0.01);
}

#[test]
fn a_pool_that_was_always_full_shows_no_demand() {
    let full = series(400, |_| 50.0);
    let entitled = Entitled::always(50.0);
    let history = History { series: &full, entitled: &entitled, released: &[] };
    let why = forecast(&history, 0, today()).unwrap_err();
    assert_eq!(why, NotEnough { have: 0, need: 8, unit: Unit::FreeWeeks });
    assert_eq!(why.to_string(), "demand can't be seen: the pool was always full");
    assert_eq!(growth(&history, today()), Err(why));
    assert_eq!(serde_json::to_string(&why).unwrap(), r#"{"have":0,"need":8,"unit":"freeWeeks"}"#);
}

#[test]
fn an_open_end_says_what_can_be_said() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut level = 100.0;
    let walk: Vec<f64> = (0..700)
        .map(|_| {
            level += f64::from(random.i32(-1..=1));
            level
        })
        .collect();
    let answer = forecast_of(&series(700, |i| walk[i as usize]), level + 40.0, 0);
    let RunsOut::Between { earliest, latest: None, median, within_ten_years_percent } =
        answer.runs_out
    else {
        panic!("{:?}", answer.runs_out)
    };
    assert!((10..90).contains(&within_ten_years_percent), "{:?}", answer.runs_out);
    assert_eq!(median.is_some(), within_ten_years_percent >= 50);
    assert!(median.is_none_or(|median| median > earliest));
    let said = words::runs_out(&answer.runs_out, today(), bursar::words::Locale::default());
    assert!(said.contains("; one in two by ") || said.contains("; within 10 years in "), "{said}");
}
