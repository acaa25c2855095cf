//! On which day a line that strays as it did before reaches the total for the first time: of many
//! paths that may come, the days on which each crosses.

use super::backtest::Stretch;
use super::forecast::LONGEST_DAYS;
use super::models::{self, Curve, Fitted, Kind, Line};
use super::steps::Steps;

/// Paths that are drawn.
const PATHS: u64 = 400;

/// The same paths for the same history.
const SEED: u64 = 0x6275_7273_6172;

/// Seeds far from each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Surprises that follow each other are drawn together, so many at a time.
const BLOCK: usize = 4;

/// What may come, in days from the last one with data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ahead {
    /// Days of a step.
    days: f64,
    /// Expected and its standard deviation, after each step.
    line: Line,
    /// Standard deviation of the error after each step: what the test of the past says; it never shrinks.
    widths: Vec<f64>,
    fitted: Fitted,
    behind: f64,
    /// The last level.
    start: f64,
    /// As in [`Steps`].
    excess: Vec<f64>,
    weekdays: [f64; 7],
}

impl Ahead {
    /// From levels that end with `start`. `None` when a kind can't be fitted to them.
    pub(super) fn new(kind: Kind, steps: &Steps, start: f64, stretch: Stretch) -> Option<Self> {
        let fitted = models::fitted(kind, steps)?;
        let longest = (LONGEST_DAYS as f64 / steps.days).ceil() as usize + 2;
        let line = Line::of(&fitted.0, longest);
        let Steps { days, behind, .. } = *steps;
        let mut widest: f64 = 0.0;
        let widths = (0..longest).map(|step| {
            let step = step as f64;
            let width = line.at(step + behind).1 * stretch.at(step.max(1.0));
            widest = if step > 0.0 { widest.max(width) } else { 0.0 };
            widest
        });
        let widths = widths.collect();
        Some(Self {
            days,
            line,
            widths,
            fitted,
            behind,
            start,
            excess: steps.excess.clone(),
            weekdays: steps.weekdays,
        })
    }

    /// Change since the last day, and its standard deviation.
    pub(super) fn change(&self, days: f64) -> (f64, f64) {
        let steps = days / self.days;
        let (expected, _) = self.line.at(steps + self.behind);
        let (now, _) = self.line.at(self.behind);
        // Now is known; what the model takes it for fades in.
        let known = (1.0 - steps).max(0.0);
        // Seven days ahead it is the same day of the week.
        let ahead = (days.round() as usize) % 7;
        let weekday = self.weekdays[(7 - ahead) % 7];
        let start = self.start - self.weekdays[0];
        let change = expected - start + (start - now) * known + weekday - self.weekdays[0];
        (change, self.width(steps))
    }

    fn width(&self, steps: f64) -> f64 {
        if steps < 1.0 {
            return self.widths[1] * steps.sqrt();
        }
        let index = (steps.floor() as usize).min(self.widths.len() - 2);
        let share = (steps - index as f64).min(1.0);
        self.widths[index] + (self.widths[index + 1] - self.widths[index]) * share
    }

    /// For each path the first day after `from`, up to `days`, on which the change since the last day is
    /// what is needed; without and with so much `more` that is needed for it.
    pub(super) fn passages(
        &self,
        (from, days): (i64, i64),
        needed: &dyn Fn(i64) -> Option<f64>,
        more: f64,
    ) -> [Vec<Option<i64>>; 2] {
        // What floats make of the same number is no difference.
        let least = |needed: f64| needed - 1e-9 * needed.abs();
        let needed: Vec<Option<f64>> = (0..=days).map(|day| needed(day).map(least)).collect();
        let lowest = |step: &Step| {
            let of = &needed[step.begin as usize..=(step.end().ceil() as usize).min(days as usize)];
            of.iter().flatten().copied().fold(f64::INFINITY, f64::min)
        };
        let steps = self.steps(from, days);
        let lowest: Vec<f64> = steps.iter().map(lowest).collect();
        let mut passages = [Vec::new(), Vec::new()];
        self.walk(&steps, |walk| {
            let crossed = passage(walk, &needed, &lowest, more);
            passages[0].push(crossed[0]);
            passages[1].push(crossed[1]);
        });
        passages
    }

    /// For each of the same paths the change since the last day, on each day from one to another: on the
    /// usual day, and on the highest of its step, which is what is looked at for a passage.
    pub(super) fn changes(&self, (first, last): (i64, i64)) -> Vec<Vec<Change>> {
        let mut paths = Vec::new();
        self.walk(&self.steps(first - 1, last), |walk| {
            let mut path = Vec::new();
            if first <= 0 {
                // The last day itself is known.
                path.push(Change { usual: 0.0, highest: 0.0 });
            }
            for at in walk {
                for day in at.step.first..=at.step.last {
                    let level = at.level(day);
                    let weekday = self.weekdays[(7 - day as usize % 7) % 7] - self.weekdays[0];
                    path.push(Change { usual: level + weekday, highest: level + at.excess });
                }
            }
            paths.push(path);
        });
        paths
    }

    /// Shows each path once.
    fn walk(&self, steps: &[Step], mut show: impl FnMut(&mut dyn Iterator<Item = At>)) {
        let curve = self.fitted.0.last().expect("a fitted model has a curve");
        let noise = Noise::new(curve, &self.excess);
        for path in 0..PATHS {
            // Each has draws of its own, so that how long one is followed changes no other.
            let mut random = fastrand::Rng::with_seed(SEED ^ path.wrapping_mul(SPREAD));
            let mut drawn = noise.draw(&mut random);
            let mut before = 0.0;
            show(&mut steps.iter().map(|step| {
                let (strayed, excess) = drawn.next();
                let value = step.middle + strayed * step.by + step.stays * drawn.stays;
                At { step: *step, before: std::mem::replace(&mut before, value), value, excess }
            }));
        }
    }

    /// The steps up to a day, with those of their days that are after `from`.
    fn steps(&self, from: i64, days: i64) -> Vec<Step> {
        let curve = self.fitted.0.last().expect("a fitted model has a curve");
        let count = (days as f64 / self.days).ceil() as usize;
        let own = curve.spread(count).into_iter().skip(1);
        (1..=count).zip(own).map(|(step, own)| self.step(step, own, (from, days))).collect()
    }

    fn step(&self, step: usize, own: f64, (from, days): (i64, i64)) -> Step {
        let begin = (step - 1) as f64 * self.days;
        let end = step as f64 * self.days;
        let (middle, spread) = self.change(end);
        let own = own.max(1e-12);
        Step {
            middle,
            by: (spread / own).min(1.0),
            stays: (spread * spread - own * own).max(0.0).sqrt(),
            begin,
            days: self.days,
            first: (begin.floor() as i64 + 1).max(from + 1),
            last: (end.floor() as i64).min(days),
        }
    }
}

/// The first days on which a path is what is needed, without and with more; `lowest` is the least that
/// each step needs: below it nothing is reached.
fn passage(
    walk: &mut dyn Iterator<Item = At>,
    needed: &[Option<f64>],
    lowest: &[f64],
    more: f64,
) -> [Option<i64>; 2] {
    let mut crossed = [None; 2];
    for (at, lowest) in walk.zip(lowest) {
        let highest = f64::max(at.value, at.before) + at.excess;
        for (crossed, more) in crossed.iter_mut().zip([0.0, more]) {
            if crossed.is_none() && highest >= lowest + more {
                *crossed = (at.step.first..=at.step.last).find(|day| {
                    let level = at.level(*day) + at.excess;
                    needed[*day as usize].is_some_and(|needed| level >= needed + more)
                });
            }
        }
        if crossed.iter().all(Option::is_some) {
            break;
        }
    }
    crossed
}

/// What a path is on a day, as the change since the last one with data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Change {
    pub(super) usual: f64,
    pub(super) highest: f64,
}

/// A path in a step: where it begins and ends, and how far its highest day is above.
struct At {
    step: Step,
    before: f64,
    value: f64,
    excess: f64,
}

impl At {
    fn level(&self, day: i64) -> f64 {
        let share = (day as f64 - self.step.begin) / self.step.days;
        self.before + (self.value - self.before) * share
    }
}

/// What all paths have in common in one step.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Expected at its end.
    middle: f64,
    /// What the model's own straying is multiplied with.
    by: f64,
    /// What its surprises don't explain of the error is one that stays: its standard deviation.
    stays: f64,
    /// Days after the last one with data.
    begin: f64,
    /// So many days long.
    days: f64,
    /// Its first and last day that count.
    first: i64,
    last: i64,
}

impl Step {
    fn end(&self) -> f64 {
        self.begin + self.days
    }
}

/// How a curve strays.
struct Noise {
    /// Each with how far the highest day of its step was above the median.
    surprises: Vec<(f64, f64)>,
    alpha: f64,
    beta: f64,
    phi: f64,
    trend_sd: f64,
}

impl Noise {
    fn new(curve: &Curve, excess: &[f64]) -> Self {
        let (alpha, beta, phi, trend_sd, sigma) = curve.constants();
        let all = curve.surprises();
        // The first ones are those of a model that knew nothing yet.
        let surprises = &all[(all.len() / 10).min(8)..];
        let count = surprises.len().max(1) as f64;
        let mean = surprises.iter().sum::<f64>() / count;
        let square = surprises.iter().map(|e| (e - mean) * (e - mean)).sum::<f64>() / count;
        let scale = if square > 0.0 { sigma / square.sqrt() } else { 0.0 };
        // Both end with the newest.
        let excess = excess.iter().rev().copied().chain(std::iter::repeat(0.0));
        let surprises = surprises.iter().rev().map(|e| (e - mean) * scale).zip(excess);
        let mut surprises: Vec<(f64, f64)> = surprises.collect();
        surprises.reverse();
        if surprises.is_empty() {
            surprises.push((0.0, 0.0));
        }
        Self { surprises, alpha, beta, phi, trend_sd }
    }

    fn draw<'a>(&'a self, random: &'a mut fastrand::Rng) -> Drawn<'a> {
        let drift = normal(random) * self.trend_sd;
        let stays = normal(random);
        Drawn { noise: self, random, at: 0, left: 0, level: 0.0, trend: 0.0, drift, stays }
    }
}

/// One path of it.
struct Drawn<'a> {
    noise: &'a Noise,
    random: &'a mut fastrand::Rng,
    at: usize,
    left: usize,
    level: f64,
    trend: f64,
    /// What this path grows more than expected in a step.
    drift: f64,
    /// The part of its error that stays, in standard deviations.
    stays: f64,
}

impl Drawn<'_> {
    /// How far it strayed in the next step, and how far that step's highest day was above it.
    fn next(&mut self) -> (f64, f64) {
        if self.left == 0 {
            self.at = self.random.usize(..self.noise.surprises.len());
            self.left = BLOCK;
        }
        let (surprise, excess) = self.noise.surprises[self.at];
        self.at = (self.at + 1) % self.noise.surprises.len();
        self.left -= 1;
        self.trend *= self.noise.phi;
        self.drift *= self.noise.phi;
        self.level += self.trend + self.drift;
        let value = self.level + surprise;
        self.level += self.noise.alpha * surprise;
        self.trend += self.noise.alpha * self.noise.beta * surprise;
        (value, excess)
    }
}

/// Sum of twelve uniform numbers: near enough to the normal distribution for a slope.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::super::growth::Joint;
    use super::*;

    /// What a path reaches within a time and on which day it reaches it are two sides of the same.
    #[test]
    fn a_path_goes_beyond_what_it_passes_and_on_the_same_day() {
        let first: chrono::NaiveDate = "2025-01-01".parse().unwrap();
        let joints: Vec<Joint> = (0..400_i64)
            .map(|i| Joint {
                day: super::super::days_after(first, i),
                level: 80.0
                    + i as f64 * 0.05
                    + ((i / 7) * 7_919 % 11) as f64
                    + (i % 7) as f64 * 0.5,
                segment: 0,
                full: false,
            })
            .collect();
        let steps = Steps::new(&joints, 0.05);
        let start = joints.last().unwrap().level;
        let ahead = Ahead::new(Kind::Straight, &steps, start, Stretch::none()).unwrap();
        for (from, days, more) in [(0, 365, 8.0), (30, 200, 3.0), (30, 31, 0.5)] {
            let paths = ahead.changes((from + 1, days));
            let reached = |needed: f64| -> Vec<Option<i64>> {
                let first = |path: &Vec<Change>| path.iter().position(|on| on.highest >= needed);
                paths.iter().map(|path| first(path).map(|n| from + 1 + n as i64)).collect()
            };
            assert!(paths.iter().all(|path| path.len() as i64 == days - from));
            // Half of them reach it.
            let highest = |path: &Vec<Change>| path.iter().map(|on| on.highest).fold(0.0, f64::max);
            let mut all: Vec<f64> = paths.iter().map(highest).collect();
            all.sort_unstable_by(f64::total_cmp);
            let needed = all[all.len() / 2];
            let passages = ahead.passages((from, days), &|_| Some(needed), more);
            let least = needed - 1e-9 * needed;
            assert_eq!(passages, [reached(least), reached(least + more)]);
            assert!(passages[0].iter().flatten().count() >= all.len() / 2);
        }
    }
}
