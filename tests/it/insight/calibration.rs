//! Whether ranges hold what comes: a part of `cargo bench --bench forecast`, on made-up series.

use bursar::insight::forecast::{Forecast, RunsOut, forecast};
use bursar::insight::growth::History;
use bursar::insight::renewal::{Question, renewal};
use bursar::insight::{Daily, Entitled, Released, Series, Total};
use chrono::{NaiveDate, TimeDelta};

use super::made::{KINDS, Made, made};

const AHEAD: [usize; 4] = [30, 91, 182, 365];

#[derive(Default)]
struct Tally {
    asked: u32,
    held: u32,
    /// First passages whose early end could be checked, and those that came before it.
    early: (u32, u32),
    late: (u32, u32),
}

#[test]
fn ranges_and_first_passages_hold() {
    let mut tally = Tally::default();
    for (kind, seed) in KINDS.into_iter().zip(0..) {
        for series in [4000, 4100] {
            let made = made(kind, series + seed);
            for origin in [250, 600, 1000] {
                ask(&made, origin, &mut tally);
            }
        }
    }
    let percent = |(of, some): (u32, u32)| f64::from(some) / f64::from(of) * 100.0;
    let held = percent((tally.asked, tally.held));
    let (before, after) = (percent(tally.early), percent(tally.late));
    println!("{held:.1} % of {} held", tally.asked);
    println!("{before:.1} % of {} before, {after:.1} % of {} after", tally.early.0, tally.late.0);
    assert!((76.0..=88.0).contains(&held), "{held} % of {} ranges held", tally.asked);
    assert!(before <= 12.0, "{before} % of {:?} came before the range", tally.early);
    assert!(after <= 12.0, "{after} % of {:?} came after the range", tally.late);
}

/// Seats for a year are too few about as often as they were asked to be.
#[test]
fn renewals_are_short_as_often_as_asked() {
    let question = Question { on: None, months: vec![12], risks: vec![5, 20] };
    let (mut asked, mut short) = (0, [0, 0]);
    for (kind, seed) in KINDS.into_iter().zip(0..) {
        for series in [4200, 4300, 4400] {
            let made = made(kind, series + seed);
            for origin in [400, 1000] {
                let known = Known::new(&made, origin);
                let renewal = renewal(&known.forecast(&made), &question, None, None, 0.0, None);
                let term = &renewal.terms[0];
                let days = usize::try_from((term.last - renewal.on).num_days()).unwrap();
                let most =
                    (origin..=origin + days).map(|day| known.come(&made, day)).fold(0.0, f64::max);
                asked += 1;
                for (short, choice) in short.iter_mut().zip(&term.choices) {
                    *short += u32::from(most > choice.without_release.seats as f64);
                }
            }
        }
    }
    let [five, twenty] = short.map(|short| f64::from(short) / f64::from(asked) * 100.0);
    println!("{five:.1} and {twenty:.1} % of {asked} were short");
    assert!(five <= 10.0, "{five} % of {asked} were short instead of 5");
    assert!((5.0..=28.0).contains(&twenty), "{twenty} % of {asked} were short instead of 20");
}

fn at(day: usize) -> NaiveDate {
    let first: NaiveDate = "2020-01-01".parse().unwrap();
    first + TimeDelta::days(i64::try_from(day).unwrap())
}

/// What is known on a day.
struct Known {
    origin: usize,
    series: Series,
    released: Vec<Released>,
    /// As far above as it usually moves in half a year; reached or not, the pool was never short before.
    target: f64,
}

impl Known {
    fn new(made: &Made, origin: usize) -> Self {
        let seen = &made.seen[..=origin];
        let series =
            Series::new(seen.iter().enumerate().map(|(i, seats)| Daily::flat(at(i), *seats)));
        let mut moved: Vec<f64> =
            made.demand[..=origin].windows(183).map(|days| (days[182] - days[0]).abs()).collect();
        moved.sort_by(f64::total_cmp);
        let target = seen[origin] + moved[moved.len() / 2].max(1.0);
        let released = made.released.iter().filter(|(day, _)| *day <= origin);
        let released =
            released.map(|(day, count)| Released { day: at(*day), count: *count }).collect();
        Self { origin, series, released, target }
    }

    fn forecast(&self, made: &Made) -> Forecast {
        let total = |day: usize, total: f64| Total { from: at(day), total };
        let before = made.totals.iter().filter(|(day, _)| *day <= self.origin);
        let entitled = Entitled::new(
            before
                .map(|(day, seats)| total(*day, 1e9 + seats))
                .chain([total(0, 1e9), total(self.origin + 1, self.target)]),
        );
        let history =
            History { series: &self.series, entitled: &entitled, released: &self.released };
        forecast(&history, 0, at(self.origin)).unwrap()
    }

    fn come(&self, made: &Made, day: usize) -> f64 {
        made.seen[self.origin] + made.demand[day] - made.demand[self.origin]
    }
}

fn ask(made: &Made, origin: usize, tally: &mut Tally) {
    let known = Known::new(made, origin);
    let (answer, target) = (known.forecast(made), known.target);
    let come = |day: usize| known.come(made, day);
    for ahead in AHEAD {
        let outlook = answer.outlook(at(origin + ahead));
        tally.asked += 1;
        let seats = come(origin + ahead).max(0.0);
        tally.held += u32::from(outlook.low <= seats && seats <= outlook.high);
    }
    let end = made.demand.len() - 1;
    let passage = (origin + 1..=end).find(|day| come(*day) >= target).map(at);
    let RunsOut::Between { earliest, latest, .. } = answer.runs_out else { return };
    if earliest <= at(end) {
        tally.early.0 += 1;
        tally.early.1 += u32::from(passage.is_some_and(|day| day < earliest));
    }
    if let Some(latest) = latest.filter(|latest| *latest <= at(end)) {
        tally.late.0 += 1;
        tally.late.1 += u32::from(passage.is_none_or(|day| day > latest));
    }
}
