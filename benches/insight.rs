//! What the questions on five years of daily data cost: `cargo bench --bench insight` prints a table.

use std::hint::black_box;
use std::time::Instant;

use bursar::insight::forecast::forecast;
use bursar::insight::growth::{History, growth};
use bursar::insight::utilization::{months, year_on_year};
use bursar::insight::{Daily, Entitled, Released, Series, Total, season};
use chrono::{NaiveDate, TimeDelta};

const DAYS: i64 = 5 * 365 + 1;
const TIMES: u32 = 50;

fn main() {
    let first = NaiveDate::from_ymd_opt(2021, 11, 24).expect("a day of the calendar");
    let at = |i: i64| first + TimeDelta::days(i);
    let today = at(DAYS - 1);
    let mut random = fastrand::Rng::with_seed(1);
    let mut level = 80.0;
    let days: Vec<Daily> = (0..DAYS)
        .map(|i| {
            level += f64::from(u8::from(random.f64() < 0.12));
            level -= f64::from(u8::from(random.f64() < 0.04));
            if i == 900 {
                level -= 30.0;
            }
            let max = level + f64::from(random.u8(0..3));
            Daily { day: at(i), min: level, mean: level + 0.3, max, last: level }
        })
        .collect();
    let total = |day: i64, total| Total { from: at(day), total };
    let entitled = Entitled::new([total(0, 150.0), total(700, 220.0), total(1500, 300.0)]);
    let released = [Released { day: at(900), count: 30 }];
    let series = Series::new(days.iter().copied());
    let history = History { series: &series, entitled: &entitled, released: &released };

    line("series of 5 years made", || Series::new(days.iter().copied()));
    line("month table", || months(&series, &entitled, today));
    line("year on year", || year_on_year(&series, &entitled, today, today));
    line("seasons by month and weekday", || {
        (season::by_month(&series, today), season::by_weekday(&series, today))
    });
    line("growth", || growth(&history, today));
    line("forecast with back-test and second opinion", || forecast(&history, 20, today));
    line("all of them", || {
        let series = Series::new(days.iter().copied());
        let history = History { series: &series, entitled: &entitled, released: &released };
        (
            months(&series, &entitled, today),
            year_on_year(&series, &entitled, today, today),
            season::by_month(&series, today),
            season::by_weekday(&series, today),
            growth(&history, today),
            forecast(&history, 20, today),
        )
    });
}

fn line<T>(what: &str, work: impl Fn() -> T) {
    black_box(work());
    let started = Instant::now();
    for _ in 0..TIMES {
        black_box(work());
    }
    let each = started.elapsed().as_secs_f64() / f64::from(TIMES) * 1e3;
    println!("{what:<58} {each:>9.2} ms");
}
