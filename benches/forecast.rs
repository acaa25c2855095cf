//! How well forecasts hold: `cargo bench --bench forecast` prints the table of `docs/insight.md`.
//!
//! On 20 made-up series and the public ones of `tests/data/insight`; with
//! `BURSAR_PUBLIC_SERIES=FILE` on those that `make.py public FILE` wrote there instead. Seasons are compared with
//! what STL with ETS said of the same months.

#![expect(unreachable_pub, reason = "shared with the tests")]

#[path = "../tests/it/insight/made.rs"]
mod made;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bursar::insight::forecast::{Forecast, RunsOut, forecast};
use bursar::insight::growth::History;
use bursar::insight::{Daily, Entitled, Released, Series, Total};
use chrono::{Months, NaiveDate, TimeDelta};
use serde::Deserialize;

/// No other series was looked at with these while the method was made.
const SEEDS: [u64; 2] = [90_000, 90_100];

const HORIZONS: [&str; 4] = ["1 month", "3 months", "6 months", "12 months"];

/// The interval scores of the method before this one (a Theil-Sen line alone; this bench at 6aaeb2d): of the
/// made-up series, of the 14 public ones, of the 61.
const BEFORE: [(usize, [f64; 4]); 3] = [
    (20, [1.12, 1.96, 2.81, 5.12]),
    (14, [2.17, 3.48, 4.85, 5.14]),
    (61, [2.99, 4.33, 5.14, 6.58]),
];

/// Of more values only the newest are taken.
const LONGEST: usize = 520;

#[derive(Deserialize)]
struct Public {
    frequency: u32,
    values: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Peers {
    #[serde(default)]
    seasonal: Vec<Window>,
}

#[derive(Deserialize)]
struct Window {
    known: Vec<f64>,
    came: Vec<f64>,
    stl: Vec<f64>,
}

/// A series with what will come of it, from one day on.
struct Case {
    known: Vec<(NaiveDate, f64)>,
    totals: Vec<Total>,
    released: Vec<Released>,
    /// What comes after each horizon.
    came: Vec<Option<(NaiveDate, f64)>>,
    future: Vec<(NaiveDate, f64)>,
    /// Totals above today's level that are asked for.
    above: [f64; 3],
    /// The mean change in half a year: what errors are counted in.
    scale: f64,
}

struct Numbers<'a> {
    seen: &'a [Option<f64>],
    /// As if nothing was bought or released.
    demand: &'a [Option<f64>],
    at: &'a dyn Fn(usize) -> NaiveDate,
    ahead: [usize; 4],
    totals: &'a [(usize, f64)],
    released: &'a [(usize, u32)],
}

impl Numbers<'_> {
    fn case(&self, origin: usize) -> Option<Case> {
        let (now, demand) = (self.seen[origin]?, self.demand[origin]?);
        let come = |i: usize| Some(((self.at)(i), now + self.demand.get(i).copied()?? - demand));
        let lag = self.ahead[2];
        let moved = |end: usize, lag: usize| -> Vec<f64> {
            let pairs = (0..end.saturating_sub(lag))
                .filter_map(|i| Some((self.demand[i + lag]? - self.demand[i]?).abs()));
            pairs.collect()
        };
        let mut before = moved(origin + 1, lag.min(origin / 2).max(1));
        before.sort_by(f64::total_cmp);
        let usual = before.get(before.len() / 2).copied().unwrap_or(1.0).max(1e-6);
        let all = moved(self.demand.len(), lag.min(origin / 2).max(1));
        let day = |i: usize| (self.at)(i);
        let total = |from: NaiveDate, total: f64| Total { from, total };
        let changes = self.totals.iter().filter(|(i, _)| *i <= origin);
        Some(Case {
            known: (0..=origin).filter_map(|i| Some((day(i), self.seen[i]?))).collect(),
            totals: std::iter::once(total(day(0) - TimeDelta::days(9), 1e9))
                .chain(changes.map(|(i, seats)| total(day(*i), 1e9 + seats)))
                .collect(),
            released: self
                .released
                .iter()
                .filter(|(i, _)| *i <= origin)
                .map(|(i, count)| Released { day: day(*i), count: *count })
                .collect(),
            came: self.ahead.iter().map(|ahead| come(origin + ahead)).collect(),
            future: (origin + 1..self.demand.len()).filter_map(come).collect(),
            above: [0.5, 1.0, 2.0].map(|times| times * usual),
            scale: (all.iter().sum::<f64>() / all.len().max(1) as f64).max(1e-9),
        })
    }
}

fn made_cases() -> Vec<Case> {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a day of the calendar");
    let at = |i: usize| first + TimeDelta::days(i64::try_from(i).unwrap_or(0));
    let mut cases = Vec::new();
    for (kind, number) in made::KINDS.into_iter().zip(0..) {
        for seed in SEEDS {
            let made = made::made(kind, seed + number);
            let some = |of: &[f64]| of.iter().copied().map(Some).collect::<Vec<_>>();
            let (seen, demand) = (some(&made.seen), some(&made.demand));
            let numbers = Numbers {
                seen: &seen,
                demand: &demand,
                at: &at,
                ahead: [30, 91, 182, 365],
                totals: &made.totals,
                released: &made.released,
            };
            let origins = [200, 330, 480, 650, 900, 1200, 1500];
            cases.extend(origins.into_iter().filter_map(|origin| numbers.case(origin)));
        }
    }
    cases
}

fn public_cases(all: &BTreeMap<String, Public>) -> Vec<Case> {
    let first = NaiveDate::from_ymd_opt(2000, 1, 15).expect("a day of the calendar");
    let mut cases = Vec::new();
    for public in all.values() {
        let values = &public.values[public.values.len().saturating_sub(LONGEST)..];
        let monthly = public.frequency == 12;
        let at = |i: usize| {
            if monthly {
                first + Months::new(u32::try_from(i).unwrap_or(0))
            } else {
                first + TimeDelta::weeks(i64::try_from(i).unwrap_or(0))
            }
        };
        let numbers = Numbers {
            seen: values,
            demand: values,
            at: &at,
            ahead: if monthly { [1, 3, 6, 12] } else { [4, 13, 26, 52] },
            totals: &[],
            released: &[],
        };
        let half = values.len() / 2;
        let origins = (0..7).map(|n| half + (values.len() - half - 1) * n / 7);
        cases.extend(origins.filter_map(|origin| numbers.case(origin)));
    }
    cases
}

#[derive(Default)]
struct Tally {
    /// By horizon: forecasts, those that held, sum of interval scores.
    values: [(u32, u32, f64); 4],
    /// Ends of ranges that could be checked, and first passages before the one and after the other.
    early: (u32, u32),
    late: (u32, u32),
    asked: u32,
    took: Duration,
}

fn answer(case: &Case, target: Option<f64>) -> Option<Forecast> {
    let today = case.known.last()?.0;
    let series = Series::new(case.known.iter().map(|(day, value)| Daily::flat(*day, *value)));
    let target = target.map(|total| Total { from: today + TimeDelta::days(1), total });
    let entitled = Entitled::new(case.totals.iter().copied().chain(target));
    let history = History { series: &series, entitled: &entitled, released: &case.released };
    forecast(&history, 0, today).ok()
}

impl Tally {
    fn add(&mut self, case: &Case) -> Option<()> {
        let began = Instant::now();
        let known = answer(case, None)?;
        self.took += began.elapsed();
        self.asked += 1;
        for ((forecasts, held, score), came) in self.values.iter_mut().zip(&case.came) {
            let Some((day, came)) = came else { continue };
            let (outlook, came) = (known.outlook(*day), came.max(0.0));
            *forecasts += 1;
            *held += u32::from(outlook.low <= came && came <= outlook.high);
            let outside = (outlook.low - came).max(came - outlook.high).max(0.0);
            *score += (outlook.high - outlook.low + 10.0 * outside) / case.scale;
        }
        let (today, now) = *case.known.last()?;
        let end = case.future.last().map_or(today, |(day, _)| *day);
        for above in case.above {
            let Some(answer) = answer(case, Some(now + above)) else { continue };
            let reached = case.future.iter().position(|(_, v)| *v >= now + above - 1e-9);
            let first = reached.map(|i| case.future[i].0);
            // The last day that it was seen not to be reached.
            let not_yet = match reached {
                Some(0) => today,
                Some(i) => case.future[i - 1].0,
                None => end,
            };
            let RunsOut::Between { earliest, latest, .. } = answer.runs_out else { continue };
            if earliest <= end {
                self.early.0 += 1;
                self.early.1 += u32::from(first.is_some_and(|first| first < earliest));
            }
            if let Some(latest) = latest.filter(|latest| *latest <= end) {
                self.late.0 += 1;
                self.late.1 += u32::from(not_yet >= latest);
            }
        }
        Some(())
    }

    fn print(&self, name: &str, before: Option<[f64; 4]>) {
        println!("{name}");
        let percent = |of: u32, part: u32| f64::from(part) / f64::from(of.max(1)) * 100.0;
        for (i, (forecasts, held, score)) in self.values.iter().enumerate() {
            let before = before.map_or_else(String::new, |of| format!(" (before: {:.2})", of[i]));
            println!(
                "  {:<10} {:>5.1} % of {forecasts:>4} ranges held, interval score {:.2}{before}",
                HORIZONS[i],
                percent(*forecasts, *held),
                score / f64::from((*forecasts).max(1))
            );
        }
        println!(
            "  first passage before the range {:.1} % of {}, after it {:.1} % of {}",
            percent(self.early.0, self.early.1),
            self.early.0,
            percent(self.late.0, self.late.1),
            self.late.0
        );
        let each = self.took.as_secs_f64() * 1e3 / f64::from(self.asked.max(1));
        println!("  {each:.1} ms a forecast");
    }
}

fn seasons(peers: &BTreeMap<String, Peers>) -> Option<()> {
    println!("seasons, error of the next 12 months (MASE)");
    let first = NaiveDate::from_ymd_opt(2001, 1, 15)?;
    let at = |month: usize| first + Months::new(u32::try_from(month).unwrap_or(0));
    let mut sums: BTreeMap<usize, [f64; 4]> = BTreeMap::new();
    for window in peers.values().flat_map(|peers| &peers.seasonal) {
        let known = window.known.len();
        let days = window.known.iter().enumerate().map(|(i, value)| Daily::flat(at(i), *value));
        let (series, entitled) = (Series::new(days), Entitled::always(1e9));
        let history = History { series: &series, entitled: &entitled, released: &[] };
        let answer = forecast(&history, 0, at(known - 1)).ok()?;
        let steps = window.known.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let naive = steps.sum::<f64>() / (known - 1) as f64;
        let sum = sums.entry(known).or_default();
        for (month, (came, stl)) in window.came.iter().zip(&window.stl).enumerate() {
            let ours = answer.outlook(at(known + month)).middle;
            for (sum, said) in sum.iter_mut().zip([ours, *stl, window.known[known - 1]]) {
                *sum += (said - came).abs() / naive / 12.0;
            }
        }
        sum[3] += 1.0;
    }
    for (known, [ours, stl, naive, windows]) in sums {
        println!(
            "  {known} months known: {:.2}, STL with ETS {:.2}, no change {:.2}",
            ours / windows,
            stl / windows,
            naive / windows
        );
    }
    Some(())
}

fn read<T: serde::de::DeserializeOwned>(path: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn main() -> anyhow::Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/insight");
    let file = std::env::var("BURSAR_PUBLIC_SERIES");
    let public: BTreeMap<String, Public> =
        read(&file.unwrap_or_else(|_| format!("{data}/series.json")))?;
    let made = made::KINDS.len() * SEEDS.len();
    let groups = [
        (format!("{made} made-up series"), made, made_cases()),
        (format!("{} public series", public.len()), public.len(), public_cases(&public)),
    ];
    let mut all = Tally::default();
    for (name, count, cases) in &groups {
        let mut tally = Tally::default();
        for case in cases {
            let _ = (tally.add(case), all.add(case));
        }
        let before = BEFORE.iter().find(|(of, _)| of == count).map(|(_, scores)| *scores);
        tally.print(name, before);
    }
    all.print("all of them", None);
    let _ = seasons(&read(&format!("{data}/models.json"))?);
    Ok(())
}
