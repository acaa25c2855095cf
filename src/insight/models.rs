//! The models that a forecast chooses from. Each is a level that follows its surprises by `alpha`, a
//! trend that goes on or fades, and maybe a season; the mean of them is one too.

use serde::Serialize;

use super::growth::{WINDOW_DAYS, Z80};
use super::holt;
use super::seasonal::{self, Profile};
use super::steps::Steps;
use super::theil_sen::{self, Point};

/// From the simplest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It goes on as it did.
    Straight,
    /// It stays as it is.
    Level,
    /// Growth that fades.
    Damped,
    /// The year's season, and growth that fades.
    Seasonal,
    /// The mean of all others.
    Mean,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Straight, Self::Level, Self::Damped, Self::Seasonal, Self::Mean];
}

/// A model at the end of its data; lengths are in steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    level: f64,
    trend: f64,
    phi: f64,
    alpha: f64,
    beta: f64,
    season: Option<Profile>,
    /// Standard deviation of the surprises one step ahead.
    sigma: f64,
    /// That of the trend.
    trend_sd: f64,
    /// The surprises, oldest first.
    surprises: Vec<f64>,
}

/// One or more curves, whose mean is meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fitted(pub(super) Vec<Curve>);

/// What is left of a trend after a month at most.
const LASTING: f64 = 0.98;

const ALPHAS: [f64; 9] = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0];

/// Fits a kind to levels, the last one now. `None` when there are too few for it. `exact`: search as
/// long as it takes, not on a grid only.
pub(super) fn fit(
    kind: Kind,
    levels: &[Option<f64>],
    step_days: f64,
    exact: bool,
) -> Option<Curve> {
    let longest = (WINDOW_DAYS as f64 / step_days).round() as usize;
    let recent = &levels[levels.len().saturating_sub(longest)..];
    match kind {
        Kind::Level => Some(smooth(recent, 0.0, 0.0)),
        Kind::Straight => {
            let (slope, sd) = slope(recent)?;
            Some(smooth(recent, slope, sd))
        }
        Kind::Damped => damped(recent, step_days, exact),
        Kind::Seasonal => {
            let year = 12.0 * super::DAYS_PER_MONTH / step_days;
            let profile = seasonal::deviations(levels, year)?.profile(None)?;
            with_season(profile, levels, step_days, exact)
        }
        Kind::Mean => None,
    }
}

/// A season that is known, and growth that fades.
pub(super) fn with_season(
    profile: Profile,
    levels: &[Option<f64>],
    step_days: f64,
    exact: bool,
) -> Option<Curve> {
    let longest = (WINDOW_DAYS as f64 / step_days).round() as usize;
    let adjusted = profile.taken_out(levels);
    let recent = &adjusted[adjusted.len().saturating_sub(longest)..];
    Some(Curve { season: Some(profile), ..damped(recent, step_days, exact)? })
}

fn slope(levels: &[Option<f64>]) -> Option<(f64, f64)> {
    let known = levels.iter().enumerate().filter_map(|(i, y)| Some((i, (*y)?)));
    let points: Vec<Point> = known.map(|(i, y)| Point { x: i as f64, y }).collect();
    let sen = theil_sen::slope(&[&points], Z80)?;
    Some((sen.slope, (sen.high - sen.low) / (2.0 * Z80)))
}

/// Exponential smoothing along a line of a slope.
fn smooth(levels: &[Option<f64>], slope: f64, slope_sd: f64) -> Curve {
    let run = |alpha: f64| {
        let mut level: Option<f64> = None;
        let mut surprises = Vec::with_capacity(levels.len());
        for value in levels {
            level = level.map(|level| level + slope);
            let Some(value) = value else { continue };
            match &mut level {
                None => level = Some(*value),
                Some(level) => {
                    let error = value - *level;
                    surprises.push(error);
                    *level += alpha * error;
                }
            }
        }
        let squares = surprises.iter().map(|e| e * e).sum::<f64>();
        (squares, level.unwrap_or(0.0), surprises)
    };
    let mut best = (ALPHAS[8], run(ALPHAS[8]));
    for alpha in ALPHAS.into_iter().rev().skip(1) {
        let tried = run(alpha);
        if tried.0 < best.1.0 {
            best = (alpha, tried);
        }
    }
    let (alpha, (squares, level, surprises)) = best;
    let count = surprises.len().max(2) as f64;
    let sigma = (squares / (count - 1.0)).sqrt();
    // A line drawn through a walk is as uncertain as the walk is long.
    let trend_sd = slope_sd.max(alpha * sigma / count.sqrt());
    Curve {
        level,
        trend: slope,
        phi: 1.0,
        alpha,
        beta: 0.0,
        season: None,
        sigma,
        trend_sd,
        surprises,
    }
}

fn damped(levels: &[Option<f64>], step_days: f64, exact: bool) -> Option<Curve> {
    let end = levels.iter().rposition(Option::is_some)? + 1;
    let known = &levels[levels.iter().position(Option::is_some)?..end];
    // A trend fades by as much in a month, whatever the step.
    let phi = LASTING.powf(step_days / super::DAYS_PER_MONTH);
    let model = holt::search(known, exact, phi)?;
    let (mut level, mut trend) = (model.level, model.trend);
    for _ in end..levels.len() {
        trend *= model.phi;
        level += trend;
    }
    let surprises = model.surprises(known);
    let trend_sd = model.alpha * model.sigma / (surprises.len() as f64).sqrt();
    Some(Curve {
        level,
        trend,
        phi: model.phi,
        alpha: model.alpha,
        beta: model.beta,
        season: None,
        sigma: model.sigma,
        trend_sd,
        surprises,
    })
}

impl Curve {
    /// Expected after so many steps; 0 is now.
    pub(super) fn path(&self, steps: usize) -> Vec<f64> {
        let season = |step: f64| self.season.as_ref().map_or(0.0, |season| season.at(step));
        let (mut power, mut powers) = (1.0, 0.0);
        let mut path = Vec::with_capacity(steps + 1);
        path.push(self.level + season(0.0));
        for step in 1..=steps {
            power *= self.phi;
            powers += power;
            path.push(self.level + self.trend * powers + season(step as f64));
        }
        path
    }

    /// Standard deviation after so many steps by the model's own account; of now there is none.
    pub(super) fn spread(&self, steps: usize) -> Vec<f64> {
        let (mut power, mut powers, mut variance) = (1.0, 0.0, 0.0);
        let mut spread = vec![0.0];
        for step in 1..=steps {
            let weight = if step == 1 { 1.0 } else { self.alpha * (1.0 + self.beta * powers) };
            variance += weight * weight;
            power *= self.phi;
            powers += power;
            let trend = self.trend_sd * powers;
            spread.push((self.sigma * self.sigma * variance + trend * trend).sqrt());
        }
        spread
    }
}

impl Curve {
    pub(super) fn constants(&self) -> (f64, f64, f64, f64, f64) {
        (self.alpha, self.beta, self.phi, self.trend_sd, self.sigma)
    }

    pub(super) fn surprises(&self) -> &[f64] {
        &self.surprises
    }
}

/// The mean of curves, ready to be asked for any number of steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    path: Vec<f64>,
    spread: Vec<f64>,
}

impl Line {
    pub(super) fn of<'a>(curves: impl IntoIterator<Item = &'a Curve>, steps: usize) -> Self {
        let mut line = Self { path: vec![0.0; steps + 1], spread: vec![0.0; steps + 1] };
        let mut count = 0.0;
        for curve in curves {
            count += 1.0;
            for (sum, value) in line.path.iter_mut().zip(curve.path(steps)) {
                *sum += value;
            }
            for (sum, value) in line.spread.iter_mut().zip(curve.spread(steps)) {
                *sum += value;
            }
        }
        line.path.iter_mut().chain(&mut line.spread).for_each(|value| *value /= count);
        line
    }

    /// Expected, and its standard deviation.
    pub(super) fn at(&self, steps: f64) -> (f64, f64) {
        let index = (steps.floor() as usize).min(self.path.len() - 2);
        let share = (steps - index as f64).min(1.0);
        let between = |of: &[f64]| of[index] + (of[index + 1] - of[index]) * share;
        (between(&self.path), between(&self.spread))
    }
}

/// A kind's curves at the end of all that is known.
pub(super) fn fitted(kind: Kind, steps: &Steps) -> Option<Fitted> {
    let kinds: Vec<Kind> = if kind == Kind::Mean { Kind::ALL.to_vec() } else { vec![kind] };
    let curves: Vec<Curve> =
        kinds.into_iter().filter_map(|kind| fit(kind, &steps.levels, steps.days, true)).collect();
    (!curves.is_empty()).then_some(Fitted(curves))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        values: Vec<f64>,
        level: Vec<f64>,
        straight: Vec<f64>,
    }

    fn reference() -> BTreeMap<String, Reference> {
        let path = format!("{}/tests/data/insight/models.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// `SimpleExpSmoothing` of statsmodels, along a line by `scipy.stats.theilslopes` or none.
    #[test]
    fn level_and_line_go_on_as_those_of_statsmodels() {
        let all = reference();
        assert_eq!(all.len(), 14);
        for (name, reference) in all {
            let values: Vec<Option<f64>> = reference.values.iter().copied().map(Some).collect();
            let theirs = [(Kind::Level, &reference.level), (Kind::Straight, &reference.straight)];
            for (kind, theirs) in theirs {
                let ours = fit(kind, &values, 7.0, true).unwrap().path(12);
                assert_eq!(theirs.len(), 12);
                for (ours, theirs) in ours[1..].iter().zip(theirs) {
                    let off = (ours - theirs).abs();
                    assert!(off <= 1e-6 * theirs.abs().max(1.0), "{name} {kind:?} {ours} {theirs}");
                }
            }
        }
    }

    #[test]
    fn what_is_missing_moves_no_level() {
        let values: Vec<Option<f64>> =
            (0..40).map(|i| (i % 3 != 1).then(|| f64::from(i))).collect();
        let path = fit(Kind::Straight, &values, 7.0, true).unwrap().path(2);
        assert!((path[2] - 41.0).abs() < 1e-9, "{path:?}");
    }
}
