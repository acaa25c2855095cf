//! How wrong each model would have been: forecasts are made again from days in the past, with nothing
//! but what was known then, and compared with what came. That says which model is used and how wide
//! its range has to be.

use serde::Serialize;

use super::growth::Z80;
use super::models::{self, Curve, Kind, Line};
use super::seasonal::{self, Deviations};
use super::steps::Steps;
use super::{NotEnough, Unit};

/// How far ahead the forecasts of the test look, in days.
pub const HORIZONS: [i64; 4] = [28, 91, 182, 364];

/// Weeks of data before the first forecast and after it that a test needs.
pub const FEWEST_WEEKS: u32 = 16;

/// From so many days of the past it is forecast at most.
const ORIGINS: usize = 30;

/// Steps ahead that are tested, by weeks and by months.
const WEEKS: [usize; 6] = [1, 4, 8, 13, 26, 52];
const MONTHS: [usize; 5] = [1, 2, 3, 6, 12];

/// Standard errors of a difference that may be chance.
const CHANCE: f64 = 2.0;

/// The error of past forecasts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackTest {
    /// Mean absolute error in seats, over all forecasts.
    pub mae: f64,
    /// The error of saying "it stays as it is".
    pub no_change_mae: f64,
    /// Share of forecasts whose 80 % range, before it is widened, held what came.
    pub coverage_percent: f64,
    /// What the range is stretched by to hold 80 % of them, over all horizons; 1 = not at all.
    pub widened: f64,
    pub forecasts: u32,
    pub horizons: Vec<Horizon>,
    /// Of every model that could be tried, the simplest first.
    pub scores: Vec<Score>,
    #[serde(skip)]
    pub(super) stretch: Stretch,
}

/// The forecasts that looked equally far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Horizon {
    pub days: i64,
    pub forecasts: u32,
    pub mae: f64,
    pub no_change_mae: f64,
    pub coverage_percent: f64,
}

/// How good a model was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    pub model: Kind,
    /// Its error against that of no change, the mean over all horizons: smaller is better.
    pub score: f64,
    pub mae: f64,
}

/// What a model's own spread has to be multiplied with, by steps ahead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch(Vec<(f64, f64)>);

impl Stretch {
    pub(super) fn none() -> Self {
        Self(vec![(1.0, 1.0)])
    }

    pub(super) fn at(&self, steps: f64) -> f64 {
        let after = self.0.partition_point(|(at, _)| *at < steps);
        match (after.checked_sub(1).map(|i| self.0[i]), self.0.get(after)) {
            (None, None) => 1.0,
            (Some((_, by)), None) => by,
            (None, Some((_, by))) => *by,
            (Some((low, by)), Some((high, then))) => {
                by + (then - by) * (steps / low).ln() / (high / low).ln()
            }
        }
    }
}

/// What one forecast of one model came to.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    origin: usize,
    /// Steps ahead.
    ahead: usize,
    /// What came less what was expected.
    error: f64,
    /// The model's own standard deviation.
    spread: f64,
    /// What came less the last value.
    change: f64,
}

/// The chosen model and how it fared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) kind: Kind,
    pub(super) test: Result<BackTest, NotEnough>,
}

/// Tries every model on the past; a line where there is too little of it.
pub(super) fn choose(steps: &Steps) -> Choice {
    let known = steps.known();
    let have = (known as f64 * steps.days / 7.0).round() as u32;
    let short = Choice {
        kind: Kind::Straight,
        test: Err(NotEnough { have, need: FEWEST_WEEKS, unit: Unit::Weeks }),
    };
    if have < FEWEST_WEEKS {
        return short;
    }
    let horizons: &[usize] = if steps.days > 7.0 { &MONTHS } else { &WEEKS };
    let count = steps.levels.len();
    // From the first third on, so that there is something to learn from; of three years at most.
    let last = count - 1;
    let first = (count / 3).max(8).max(count.saturating_sub((3.0 * steps.year()) as usize));
    let mut origins: Vec<usize> = (0..ORIGINS)
        .map(|i| first + (last.saturating_sub(first)) * i / ORIGINS)
        .filter(|origin| *origin < last)
        .collect();
    origins.dedup();
    let mut outcomes: Vec<(Kind, Vec<Outcome>)> =
        Kind::ALL.into_iter().map(|kind| (kind, Vec::new())).collect();
    let deviations = seasonal::deviations(&steps.levels, steps.year());
    for origin in origins {
        forecasts_from(origin, steps, horizons, deviations.as_ref(), &mut outcomes);
    }
    let most = outcomes.iter().map(|(_, of)| of.len()).max().unwrap_or(0);
    outcomes.retain(|(_, of)| of.len() == most && most > 0);
    if outcomes.is_empty() {
        return short;
    }
    let (scores, best) = compare(&outcomes, horizons);
    let (kind, of) = &outcomes[best];
    let span = last - first;
    Choice { kind: *kind, test: Ok(summary(of, horizons, span, steps, scores)) }
}

/// What every model would have said on a day of the past, and what came.
fn forecasts_from(
    origin: usize,
    steps: &Steps,
    horizons: &[usize],
    deviations: Option<&Deviations>,
    outcomes: &mut [(Kind, Vec<Outcome>)],
) {
    let Some(start) = steps.ends[origin] else { return };
    let known = &steps.levels[..=origin];
    let last = steps.levels.len() - 1;
    let far = horizons.iter().copied().max().unwrap_or(1) + 1;
    let line = |curve: Curve| Line::of([&curve], far);
    let fitted = |kind| Some((kind, line(models::fit(kind, known, steps.days, false)?)));
    let own: Vec<(Kind, Line)> = Kind::ALL.into_iter().filter_map(fitted).collect();
    let two_years = own.iter().any(|(kind, _)| *kind == Kind::Seasonal);
    // Before two years are known: the season by all years but the one that is forecast.
    let by_others = |year: usize| {
        let profile = deviations?.profile(Some(year))?.earlier(last - origin);
        models::with_season(profile, known, steps.days, false).map(line)
    };
    let mut others: Vec<(usize, Option<Line>)> = Vec::new();
    for &ahead in horizons {
        let Some(Some(came)) = steps.ends.get(origin + ahead) else { continue };
        let mut season = None;
        if let Some(deviations) = deviations.filter(|_| !two_years) {
            let year = deviations.year(last - origin - ahead);
            if others.iter().all(|(of, _)| *of != year) {
                others.push((year, by_others(year)));
            }
            season = others.iter().find(|(of, _)| *of == year).and_then(|(_, line)| line.as_ref());
        }
        let season = season.map(|line| (Kind::Seasonal, line));
        let said: Vec<(Kind, (f64, f64))> = own
            .iter()
            .map(|(kind, line)| (*kind, line))
            .chain(season)
            .map(|(kind, line)| (kind, line.at(ahead as f64 + steps.behind)))
            .collect();
        for (kind, outcomes) in &mut *outcomes {
            let members = said.iter().filter(|(of, _)| *kind == Kind::Mean || of == kind);
            let (mut expected, mut spread, mut count) = (0.0, 0.0, 0.0);
            for (_, (middle, sd)) in members {
                expected += middle;
                spread += sd;
                count += 1.0;
            }
            if count > 0.0 {
                let error = came - expected / count;
                let (spread, change) = (spread / count, came - start);
                outcomes.push(Outcome { origin, ahead, error, spread, change });
            }
        }
    }
}

/// The score of each model, and which is chosen: the simplest that is not worse than the best by more
/// than what chance does.
fn compare(outcomes: &[(Kind, Vec<Outcome>)], horizons: &[usize]) -> (Vec<Score>, usize) {
    let count = outcomes[0].1.len();
    // Each forecast weighs so that each horizon counts the same, and none is drowned by the longest.
    let mut weights = vec![0.0; count];
    let mut tested = 0.0;
    for ahead in horizons {
        let of = |i: &usize| outcomes[0].1[*i].ahead == *ahead;
        let these: Vec<usize> = (0..count).filter(of).collect();
        if these.is_empty() {
            continue;
        }
        tested += 1.0;
        let usual = these.iter().map(|i| outcomes[0].1[*i].change.abs()).sum::<f64>();
        for i in these {
            weights[i] = if usual > 0.0 { 1.0 / usual } else { 1.0 };
        }
    }
    weights.iter_mut().for_each(|weight| *weight /= tested);
    let scores: Vec<Score> = outcomes
        .iter()
        .map(|(model, of)| Score {
            model: *model,
            score: of.iter().zip(&weights).map(|(o, weight)| o.error.abs() * weight).sum(),
            mae: of.iter().map(|o| o.error.abs() / count as f64).sum(),
        })
        .collect();
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if score.score < scores[best].score {
            best = i;
        }
    }
    let simple = (0..best).find(|i| !worse(&outcomes[*i].1, &outcomes[best].1, &weights));
    (scores, simple.unwrap_or(best))
}

/// Whether one model's errors are larger than another's by more than chance does: the mean of the
/// differences of each origin against what it varies by.
fn worse(of: &[Outcome], than: &[Outcome], weights: &[f64]) -> bool {
    let mut differences: Vec<f64> = Vec::new();
    let mut origin = None;
    for ((a, b), weight) in of.iter().zip(than).zip(weights) {
        if origin != Some(a.origin) {
            origin = Some(a.origin);
            differences.push(0.0);
        }
        let last = differences.len() - 1;
        differences[last] += (a.error.abs() - b.error.abs()) * weight;
    }
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / n;
    mean > CHANCE * (variance / n).sqrt()
}

fn summary(
    of: &[Outcome],
    horizons: &[usize],
    span: usize,
    steps: &Steps,
    scores: Vec<Score>,
) -> BackTest {
    let all: Vec<&Outcome> = of.iter().collect();
    let [mae, no_change_mae, coverage_percent] = figures(&all);
    let days = |ahead: usize| {
        if steps.days > 7.0 {
            // A month of the calendar for people: four weeks, thirteen, ...
            match ahead {
                1 => 28,
                3 => 91,
                6 => 182,
                12 => 364,
                _ => 0,
            }
        } else {
            ahead as i64 * 7
        }
    };
    let mut told = Vec::new();
    for ahead in horizons {
        let these: Vec<&Outcome> = of.iter().filter(|o| o.ahead == *ahead).collect();
        if these.is_empty() || !HORIZONS.contains(&days(*ahead)) {
            continue;
        }
        let [mae, no_change_mae, coverage_percent] = figures(&these);
        let forecasts = these.len() as u32;
        told.push(Horizon { days: days(*ahead), forecasts, mae, no_change_mae, coverage_percent });
    }
    let (stretch, widened) = stretch(of, horizons, span);
    BackTest {
        mae,
        no_change_mae,
        coverage_percent,
        widened,
        forecasts: of.len() as u32,
        horizons: told,
        scores,
        stretch,
    }
}

/// Error, error of no change, coverage in percent.
fn figures(outcomes: &[&Outcome]) -> [f64; 3] {
    let mean = |value: fn(&Outcome) -> f64| {
        outcomes.iter().map(|o| value(o) / outcomes.len() as f64).sum::<f64>()
    };
    let held = |o: &Outcome| {
        let range = o.spread * Z80;
        if o.error.abs() <= range * (1.0 + 1e-9) + 1e-9 { 100.0 } else { 0.0 }
    };
    [mean(|o| o.error.abs()), mean(|o| o.change.abs()), mean(held)]
}

/// Forecasts that don't overlap which all horizons together are worth at each of them.
const PRIOR: f64 = 4.0;

/// How much wider a range gets for want of forecasts that don't overlap.
const FEW: f64 = 1.6;

/// What the model's own account of its errors counts.
const OWN: f64 = 4.0;

/// No range is stretched less or more.
const STRETCH: (f64, f64) = (0.5, 4.0);

/// By how much a range has to be stretched to hold 80 % at each horizon. Far ahead the forecasts
/// of the test overlap and are few: the less they are worth, the more the others count.
fn stretch(of: &[Outcome], horizons: &[usize], span: usize) -> (Stretch, f64) {
    let ratio = |o: &Outcome| {
        if o.error.abs() <= 1e-9 { 0.0 } else { o.error.abs() / (o.spread * Z80).max(1e-9) }
    };
    let mut each: Vec<(f64, f64, f64)> = Vec::new();
    for ahead in horizons {
        let mut ratios: Vec<f64> = of.iter().filter(|o| o.ahead == *ahead).map(ratio).collect();
        if ratios.is_empty() {
            continue;
        }
        ratios.sort_unstable_by(f64::total_cmp);
        let n = ratios.len();
        let rank = ((n + 1) as f64 * 0.8).ceil() as usize;
        let worth = (span as f64 / *ahead as f64).min(n as f64);
        each.push((*ahead as f64, ratios[rank.min(n) - 1], worth));
    }
    let total: f64 = each.iter().map(|(_, _, worth)| worth.sqrt()).sum();
    let pooled =
        (each.iter().map(|(_, by, worth)| by * worth.sqrt()).sum::<f64>() + OWN) / (total + OWN);
    let pooled = if pooled.is_finite() { pooled } else { 1.0 };
    let clamp = |by: f64| by.clamp(STRETCH.0, STRETCH.1);
    let stretch = each.iter().map(|(ahead, by, worth)| {
        let few = 1.0 + FEW / (worth + PRIOR);
        (*ahead, clamp((by * worth + pooled * PRIOR) / (worth + PRIOR) * few))
    });
    (Stretch(stretch.collect()), clamp(pooled))
}
