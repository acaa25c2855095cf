//! Exponential smoothing with a damped trend, ETS(A,Ad,N) in the usual notation: each value moves the
//! level by `alpha` of its surprise and the trend by `beta`, and the trend fades by `phi` a step.
//!
//! A missing value moves nothing: level and trend go on as expected. The starting level and trend
//! are those with the least squares for the given constants (the errors are linear in them), so that
//! only three numbers are searched, on a grid first and then in ever smaller steps around its best.

/// Bounds as R's `forecast::ets` and statsmodels have them.
const ALPHA: (f64, f64) = (0.0001, 0.9999);
const PHI: (f64, f64) = (0.8, 0.98);

const ALPHAS: [f64; 9] = [0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.999];
const BETAS: [f64; 7] = [0.0001, 0.02, 0.08, 0.2, 0.4, 0.7, 0.95];
const PHIS: [f64; 5] = [0.8, 0.86, 0.92, 0.96, 0.98];
const FEW_ALPHAS: [f64; 5] = [0.05, 0.2, 0.5, 0.8, 0.999];
const FEW_BETAS: [f64; 4] = [0.0001, 0.05, 0.2, 0.6];
const FEW_PHIS: [f64; 2] = [0.9, 0.98];

/// Fewest values for five unknowns.
pub const FEWEST: u32 = 8;

/// A fitted model at the end of its data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holt {
    pub alpha: f64,
    /// Share of the trend that a surprise changes, of `alpha`: 0 to 1.
    pub beta: f64,
    pub phi: f64,
    pub level: f64,
    pub trend: f64,
    /// Standard deviation of the one-step errors.
    pub sigma: f64,
}

/// The next steps, one by one: what is expected and its standard deviation.
#[derive(Debug, Clone)]
pub struct Steps {
    model: Holt,
    /// Sum of `phi` to the powers so far.
    powers: f64,
    power: f64,
    /// Variance in units of `sigma` squared.
    variance: f64,
}

/// Fits the model to values at equal distances. `None` with fewer than [`FEWEST`] of them.
pub fn fit(values: &[Option<f64>]) -> Option<Holt> {
    search(values, true, PHI.1)
}

/// The same with a trend that may last longer, up to `phi`; not exact: the best of a coarse grid, for
/// models that are fitted many times.
pub(super) fn search(values: &[Option<f64>], exact: bool, phi: f64) -> Option<Holt> {
    let first = values.iter().position(Option::is_some)?;
    let last = values.iter().rposition(Option::is_some)?;
    let values = values.get(first..=last)?;
    let known = values.iter().flatten().count();
    if known < FEWEST as usize {
        return None;
    }
    let mut best: Option<(f64, [f64; 3])> = None;
    let consider = |at: [f64; 3], best: &mut Option<(f64, [f64; 3])>| {
        let Some(run) = run(values, at) else { return false };
        let better = best.is_none_or(|(squares, _)| run.squares < squares);
        if better {
            *best = Some((run.squares, at));
        }
        better
    };
    let (alphas, betas, phis): (&[f64], &[f64], &[f64]) =
        if exact { (&ALPHAS, &BETAS, &PHIS) } else { (&FEW_ALPHAS, &FEW_BETAS, &FEW_PHIS) };
    let longest = phi;
    let phis = phis.iter().copied().chain((phi > PHI.1).then_some(phi));
    let phis: Vec<f64> = phis.collect();
    for alpha in alphas {
        for beta in betas {
            for phi in &phis {
                consider([*alpha, *beta, *phi], &mut best);
            }
        }
    }
    let mut steps = [0.1, 0.1, 0.03];
    let halvings = if exact { 14 } else { 0 };
    for _ in 0..halvings {
        let mut moved = true;
        let mut tries = 0;
        while moved && tries < 12 {
            moved = false;
            tries += 1;
            for dimension in 0..3 {
                for sign in [1.0, -1.0] {
                    let mut at = best?.1;
                    let (low, high) = if dimension == 2 { (PHI.0, longest) } else { ALPHA };
                    at[dimension] = (at[dimension] + sign * steps[dimension]).clamp(low, high);
                    moved |= consider(at, &mut best);
                }
            }
        }
        steps = steps.map(|step| step / 2.0);
    }
    let (squares, at) = best?;
    let end = run(values, at)?;
    let freedom = known.saturating_sub(5).max(1);
    let [alpha, beta, phi] = at;
    let sigma = (squares / freedom as f64).sqrt();
    let model = Holt { alpha, beta, phi, level: end.level, trend: end.trend, sigma };
    let finite = [model.level, model.trend, model.sigma].iter().all(|value| value.is_finite());
    finite.then_some(model)
}

struct Run {
    squares: f64,
    start_level: f64,
    start_trend: f64,
    level: f64,
    trend: f64,
}

/// Level, trend and error as functions of the start: constant, part of the level, part of the trend.
fn run(values: &[Option<f64>], [alpha, beta, phi]: [f64; 3]) -> Option<Run> {
    let beta = alpha * beta;
    // The first value is the origin, so that sums of squares don't drown small differences.
    let origin = values.iter().flatten().next()?;
    let mut level = [0.0, 1.0, 0.0];
    let mut trend = [0.0, 0.0, 1.0];
    // Sums of products of the errors' parts.
    let mut sums = [[0.0; 3]; 3];
    for value in values {
        for part in 0..3 {
            trend[part] *= phi;
            level[part] += trend[part];
        }
        let Some(value) = value else { continue };
        let mut error = level.map(|part| -part);
        error[0] += value - origin;
        for a in 0..3 {
            for b in a..3 {
                sums[a][b] += error[a] * error[b];
            }
            level[a] += alpha * error[a];
            trend[a] += beta * error[a];
        }
    }
    let [[s00, s01, s02], [_, s11, s12], [_, _, s22]] = sums;
    let determinant = s11 * s22 - s12 * s12;
    let (start_level, start_trend) = if determinant > 1e-12 * s11 * s22 {
        ((s12 * s02 - s22 * s01) / determinant, (s12 * s01 - s11 * s02) / determinant)
    } else if s11 > 0.0 {
        (-s01 / s11, 0.0)
    } else {
        (0.0, 0.0)
    };
    let squares = s00
        + start_level * (2.0 * s01 + start_level * s11 + 2.0 * start_trend * s12)
        + start_trend * (2.0 * s02 + start_trend * s22);
    let at = |parts: [f64; 3]| parts[0] + start_level * parts[1] + start_trend * parts[2];
    squares.is_finite().then(|| Run {
        squares: squares.max(0.0),
        start_level: start_level + origin,
        start_trend,
        level: at(level) + origin,
        trend: at(trend),
    })
}

impl Holt {
    /// How far each value was from what was expected one step before it.
    pub(super) fn surprises(&self, values: &[Option<f64>]) -> Vec<f64> {
        let Some(run) = run(values, [self.alpha, self.beta, self.phi]) else { return Vec::new() };
        let (mut level, mut trend) = (run.start_level, run.start_trend);
        let mut surprises = Vec::with_capacity(values.len());
        for value in values {
            trend *= self.phi;
            level += trend;
            let Some(value) = value else { continue };
            let error = value - level;
            surprises.push(error);
            level += self.alpha * error;
            trend += self.alpha * self.beta * error;
        }
        surprises
    }

    pub fn steps(self) -> Steps {
        Steps { model: self, powers: 0.0, power: 1.0, variance: 0.0 }
    }
}

impl Iterator for Steps {
    type Item = (f64, f64);

    fn next(&mut self) -> Option<(f64, f64)> {
        let Holt { alpha, beta, phi, level, trend, sigma } = self.model;
        // What a surprise so many steps ago is worth now.
        let weight = if self.powers == 0.0 { 1.0 } else { alpha + alpha * beta * self.powers };
        self.variance += weight * weight;
        self.power *= phi;
        self.powers += self.power;
        Some((level + trend * self.powers, sigma * self.variance.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_goes_on_and_flattens() {
        let values: Vec<Option<f64>> = (0..40).map(|i| Some(100.0 + 2.0 * f64::from(i))).collect();
        let model = fit(&values).unwrap();
        let next: Vec<f64> = model.steps().map(|(expected, _)| expected).take(200).collect();
        assert!((next[0] - 180.0).abs() < 0.5, "{model:?}");
        assert!(next.is_sorted());
        let limit = model.level + model.trend * model.phi / (1.0 - model.phi);
        assert!(next[199] < limit + 1e-9 && next[199] > limit - 5.0);
    }

    #[test]
    fn what_is_missing_is_neither_zero_nor_surprise() {
        let line = |i: i32| Some(50.0 + f64::from(i));
        let whole: Vec<Option<f64>> = (0..40).map(line).collect();
        let holes: Vec<Option<f64>> = (0..40).map(|i| line(i).filter(|_| i % 7 != 3)).collect();
        let (whole, holes) = (fit(&whole).unwrap(), fit(&holes).unwrap());
        assert!((whole.level - holes.level).abs() < 0.5, "{whole:?} {holes:?}");
        let few: Vec<Option<f64>> = (0..40).map(|i| line(i).filter(|_| i < 7)).collect();
        assert_eq!(fit(&few), None);
        assert_eq!(fit(&[None, None]), None);
    }

    #[test]
    fn what_never_changes_is_certain() {
        let model = fit(&[Some(7.0); 20]).unwrap();
        assert!((model.level - 7.0).abs() < 1e-9 && model.sigma < 1e-9);
    }
}
