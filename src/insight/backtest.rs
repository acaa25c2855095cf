//! How wrong the forecast would have been: it is made again from days in the past, with nothing but
//! what was known then, and compared with what came.

use chrono::NaiveDate;
use serde::Serialize;

use super::growth::{Joint, Model, Z80};
use super::{NotEnough, Unit, days_after};

/// How far ahead the forecasts of the test look, in days.
pub const HORIZONS: [i64; 3] = [28, 91, 182];

/// Weeks of data before the first forecast and after it that a test needs.
pub const FEWEST_WEEKS: u32 = 16;

/// From so many days of the past it is forecast.
const ORIGINS: i64 = 12;

/// Fewest forecasts that the range is widened for.
const FEWEST_FORECASTS: usize = 10;

/// No range is widened more than this.
const WIDEST: f64 = 3.0;

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
    /// What the range had to be widened by to hold 80 % of them; 1 = not at all.
    pub widened: f64,
    pub forecasts: u32,
    pub horizons: Vec<Horizon>,
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

struct Outcome {
    horizon: i64,
    error: f64,
    change: f64,
    /// Half of the 80 % range.
    range: f64,
}

pub(super) fn backtest(joints: &[Joint]) -> Result<BackTest, NotEnough> {
    let need = NotEnough { have: 0, need: FEWEST_WEEKS, unit: Unit::Weeks };
    let (Some(first), Some(last)) = (joints.first(), joints.last()) else { return Err(need) };
    let span = (last.day - first.day).num_days();
    let have = u32::try_from((span + 1) / 7).unwrap_or(u32::MAX);
    if have < FEWEST_WEEKS {
        return Err(NotEnough { have, ..need });
    }
    let mut outcomes = Vec::new();
    // From the first third on, so that there is something to learn from.
    let (from, to) = ((span / 3).max(56), span - HORIZONS[0]);
    let mut origins: Vec<i64> =
        (0..ORIGINS).map(|i| from + (to - from) * i / (ORIGINS - 1)).collect();
    origins.dedup();
    for origin in origins {
        forecasts_from(joints, days_after(first.day, origin), &mut outcomes);
    }
    if outcomes.is_empty() {
        return Err(NotEnough { have, ..need });
    }
    let horizons = HORIZONS.into_iter().filter_map(|days| {
        let of: Vec<&Outcome> = outcomes.iter().filter(|o| o.horizon == days).collect();
        let [mae, no_change_mae, coverage_percent] = figures(&of)?;
        let forecasts = u32::try_from(of.len()).unwrap_or(u32::MAX);
        Some(Horizon { days, forecasts, mae, no_change_mae, coverage_percent })
    });
    let horizons = horizons.collect();
    let all: Vec<&Outcome> = outcomes.iter().collect();
    let [mae, no_change_mae, coverage_percent] = figures(&all).unwrap_or_default();
    Ok(BackTest {
        mae,
        no_change_mae,
        coverage_percent,
        widened: widened(&outcomes),
        forecasts: u32::try_from(outcomes.len()).unwrap_or(u32::MAX),
        horizons,
    })
}

/// Forecasts from the last day with data up to `origin`, if there is one in the week before, for the last
/// day of the week before each horizon's end.
fn forecasts_from(joints: &[Joint], origin: NaiveDate, outcomes: &mut Vec<Outcome>) {
    let up_to = |day: NaiveDate| {
        let joints = &joints[..joints.partition_point(|joint| joint.day <= day)];
        joints.last().filter(|last| (day - last.day).num_days() < 7).map(|last| (last, joints))
    };
    let end = joints.last().map(|joint| joint.day);
    let Some((start, known)) = up_to(origin) else { return };
    let Ok(model) = Model::fit(known) else { return };
    for horizon in HORIZONS {
        let target = days_after(origin, horizon);
        let Some((come, _)) = up_to(target).filter(|_| Some(target) <= end) else { continue };
        let days = (come.day - start.day).num_days() as f64;
        let change = come.level - start.level;
        outcomes.push(Outcome {
            horizon,
            error: (change - model.slope * days).abs(),
            change: change.abs(),
            range: Z80 * model.spread(days),
        });
    }
}

/// Error, error of no change, coverage in percent.
fn figures(outcomes: &[&Outcome]) -> Option<[f64; 3]> {
    if outcomes.is_empty() {
        return None;
    }
    let mean = |value: fn(&Outcome) -> f64| {
        outcomes.iter().map(|o| value(o) / outcomes.len() as f64).sum::<f64>()
    };
    let held = |o: &Outcome| if o.error <= o.range * (1.0 + 1e-9) + 1e-9 { 100.0 } else { 0.0 };
    Some([mean(|o| o.error), mean(|o| o.change), mean(held)])
}

/// The 80 % quantile of error against range.
fn widened(outcomes: &[Outcome]) -> f64 {
    if outcomes.len() < FEWEST_FORECASTS {
        return 1.0;
    }
    let mut ratios: Vec<f64> = outcomes
        .iter()
        .map(|o| if o.error <= 1e-9 { 0.0 } else { o.error / o.range.max(1e-9) })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let rank = (ratios.len() * 4).div_ceil(5) - 1;
    ratios[rank].clamp(1.0, WIDEST)
}
