//! Made months of Analyzer Capacity: how often a month that lasts is called short, and how long before
//! its end one that doesn't is. The table in `docs/alerts.md` is made of it (`UPDATE_GENERATED=1`).

use std::fmt::Write as _;

use bursar::insight::capacity::{MonthEnd, capacity};
use bursar::insight::pace::{Pace, Used};
use bursar::license::pools::MinutePool;
use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use chrono_tz::Tz;

/// A kind of month: its weekdays, how far days are from them, and what a day of so many has beyond
/// that.
struct Kind {
    week: [f64; 7],
    spread: f64,
    factor: fn(u32, u32) -> f64,
}

fn plain(_: u32, _: u32) -> f64 {
    1.0
}

const KINDS: [Kind; 6] = [
    // An office, one whose days differ much, every day alike, and shifts.
    Kind { week: [1.1, 1.15, 1.1, 1.05, 0.8, 0.05, 0.03], spread: 0.2, factor: plain },
    Kind { week: [1.0, 1.0, 1.0, 1.0, 0.8, 0.1, 0.05], spread: 0.4, factor: plain },
    Kind { week: [1.0; 7], spread: 0.25, factor: plain },
    Kind { week: [1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.4], spread: 0.25, factor: plain },
    // A rush in the last three days, and in the first.
    Kind {
        week: [1.0, 1.0, 1.0, 1.0, 0.9, 0.05, 0.05],
        spread: 0.2,
        factor: |day, of| if day + 3 > of { 1.5 } else { 1.0 },
    },
    Kind {
        week: [1.0, 1.0, 1.0, 1.0, 0.9, 0.05, 0.05],
        spread: 0.2,
        factor: |day, _| if day <= 3 { 1.5 } else { 1.0 },
    },
];

/// The same numbers on each machine.
struct Made(u64);

impl Made {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Near enough to a normal distribution.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn month(made: &mut Made, kind: &Kind, first: NaiveDate) -> Vec<Used> {
    let next = first + Months::new(1);
    let of = (next - TimeDelta::days(1)).day();
    let total = 20_000.0 * (0.8 + 0.3 * made.next());
    let days: Vec<Used> = first
        .iter_days()
        .take_while(|day| *day < next)
        .map(|day| {
            let weekday = kind.week[day.weekday().num_days_from_monday() as usize];
            let noise = (1.0 + kind.spread * made.normal()).max(0.0);
            Used { day, minutes: weekday * (kind.factor)(day.day(), of) * noise }
        })
        .collect();
    let sum: f64 = days.iter().map(|used| used.minutes).sum();
    days.iter().map(|used| Used { minutes: used.minutes / sum * total, ..*used }).collect()
}

/// Of 72 months that use this share of their minutes: on how many each day says for sure that they
/// don't last, and of each the day on which they are gone and the first on which that was said.
struct Asked {
    short_on: [usize; 32],
    months: Vec<(Option<u32>, Option<u32>, u32)>,
}

fn asked(share: f64) -> Asked {
    let mut asked = Asked { short_on: [0; 32], months: Vec::new() };
    for (n, kind) in KINDS.iter().enumerate() {
        let mut made = Made(n as u64 + 1);
        let mut history: Vec<Used> = Vec::new();
        for of in 0..24 {
            let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Months::new(of);
            let days = month(&mut made, kind, first);
            if of >= 12 {
                ask(&history, &days, share, &mut asked);
            }
            history.extend(days);
        }
    }
    asked
}

fn ask(history: &[Used], days: &[Used], share: f64, asked: &mut Asked) {
    let usable = days.iter().map(|used| used.minutes).sum::<f64>() / share;
    let pace = Pace::of(history, days[0].day);
    let (mut used, mut said, mut gone) = (0.0, None, None);
    for day in days {
        let pool = MinutePool {
            enabled: true,
            allocated_minutes: usable,
            used_minutes: used,
            unavailable_minutes: 0.0,
        };
        // As the day begins.
        let now = day.day.and_hms_opt(0, 0, 0).unwrap().and_utc();
        let answer = capacity(&pool, Some(used), now, Tz::UTC, &pace);
        let short = answer.projected.is_ok_and(|projected| {
            projected.runs_out == MonthEnd::Already || projected.low >= usable
        });
        if short {
            asked.short_on[day.day.day() as usize] += 1;
            said.get_or_insert(day.day.day());
        }
        used += day.minutes;
        if used >= usable {
            gone.get_or_insert(day.day.day());
        }
    }
    asked.months.push((gone, said, days.len() as u32));
}

#[test]
fn months_that_last_are_seldom_called_short_and_those_that_do_not_in_time() {
    let percent = |count: usize| (count * 100).div_ceil(72);
    let mut table = String::from(
        "| months use | called short on day 4 | day 10 | day 20 | on any day | before the minutes are gone | median of days before |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for share in [0.9, 0.97, 1.03, 1.05, 1.1, 1.2, 1.4] {
        let asked = asked(share);
        assert_eq!(asked.months.len(), 72);
        let on = |day: usize| percent(asked.short_on[day]);
        let ever = asked.months.iter().filter(|(_, said, _)| said.is_some()).count();
        let mut lead: Vec<i64> = asked
            .months
            .iter()
            .filter_map(|(gone, said, _)| Some(i64::from((*gone)?) - i64::from((*said)?)))
            .collect();
        lead.sort_unstable();
        let in_time = lead.iter().filter(|days| **days >= 0).count();
        let last = if share < 1.0 {
            "| | |".to_owned()
        } else {
            format!("| {in_time} of 72 | {} |", lead[lead.len() / 2])
        };
        let _ = writeln!(
            table,
            "| {:.0} % | {} % | {} % | {} % | {ever} of 72 {last}",
            share * 100.0,
            on(4),
            on(10),
            on(20),
        );
        if share <= 0.9 {
            assert!(on(4) <= 10, "{table}");
            assert!(on(10) <= 3, "{table}");
        }
        if share > 1.0 {
            // A month that falls short by more than two days is never told of too late; one that does
            // by less, on the day after at the latest.
            for (gone, said, of) in &asked.months {
                let gone = gone.expect("it falls short");
                let late = said.is_none_or(|said| said > gone);
                assert!(!late || of - gone <= 2, "gone on {gone} of {of}, said on {said:?}");
            }
        }
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    crate::support::generated(&file, "capacity", &table);
}
