//! The season of a year, for forecasts: what each twelfth of the year before today is above or below
//! the trend. Newer years count more. Trend and season are found in turns, each from what the other
//! leaves, as STL does.

/// A season needs so many years.
const YEARS: f64 = 2.0;

const PARTS: usize = 12;

/// What a year counts of the one after it.
const OLDER: f64 = 0.7;

/// Months to either side that the trend of a month is drawn from.
const TREND_MONTHS: f64 = 10.0;

const TURNS: usize = 6;

/// The season around each twelfth of the year, going back from now; between two it is straight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    parts: [f64; PARTS],
    /// Steps of a twelfth.
    length: f64,
    /// How many steps before the parts' own end now is.
    back: f64,
}

impl Profile {
    /// The same as seen from so many steps earlier.
    pub(super) fn earlier(&self, steps: usize) -> Self {
        Self { back: self.back + steps as f64, ..self.clone() }
    }

    /// So many steps ahead.
    pub(super) fn at(&self, step: f64) -> f64 {
        let ago = ((self.back - step) / self.length).rem_euclid(PARTS as f64);
        let part = (ago.floor() as usize).min(PARTS - 1);
        let share = ago - part as f64;
        let (here, next) = (self.parts[part], self.parts[(part + 1) % PARTS]);
        here + (next - here) * share
    }

    /// The levels without it, the last one now.
    pub(super) fn taken_out(&self, levels: &[Option<f64>]) -> Vec<Option<f64>> {
        let now = levels.len() as f64 - 1.0;
        let without = |(i, level): (usize, &Option<f64>)| Some((*level)? - self.at(i as f64 - now));
        levels.iter().enumerate().map(without).collect()
    }
}

/// What each month was off the trend, the newest first.
#[derive(Debug, Clone)]
pub(super) struct Deviations {
    months: Vec<Option<f64>>,
    length: f64,
}

impl Deviations {
    /// The season, maybe without what one of the years (counted back from now) says of it. `None` when a
    /// part of it was never seen.
    pub(super) fn profile(&self, without: Option<usize>) -> Option<Profile> {
        let parts = parts(&self.months, without)?;
        Some(Profile { parts, length: self.length, back: 0.0 })
    }

    /// The year, counted back from now, that lies so many steps back.
    pub(super) fn year(&self, ago: usize) -> usize {
        (ago as f64 / self.length).round() as usize / PARTS
    }
}

/// The mean of each part over the years, newer ones counting more, so that all sum to zero.
fn parts(months: &[Option<f64>], without: Option<usize>) -> Option<[f64; PARTS]> {
    let mut sums = [(0.0, 0.0); PARTS];
    for (m, deviation) in months.iter().enumerate() {
        let Some(deviation) = deviation.filter(|_| Some(m / PARTS) != without) else { continue };
        let weight = OLDER.powf((m / PARTS) as f64);
        let (sum, weights) = &mut sums[m % PARTS];
        *sum += weight * deviation;
        *weights += weight;
    }
    if sums.iter().any(|(_, weights)| *weights == 0.0) {
        return None;
    }
    let parts = sums.map(|(sum, weights)| sum / weights);
    let mean = parts.iter().sum::<f64>() / PARTS as f64;
    let parts = parts.map(|part| part - mean);
    parts.iter().all(|part| part.is_finite()).then_some(parts)
}

/// From levels of so many steps a year, the last one now. `None` of less than two years, or of years
/// with gaps.
pub(super) fn deviations(levels: &[Option<f64>], year: f64) -> Option<Deviations> {
    let length = year / PARTS as f64;
    let first = levels.iter().position(Option::is_some)?;
    if ((levels.len() - first) as f64) < year * YEARS - length / 2.0 {
        return None;
    }
    // Means of months, the newest first.
    let mut months: Vec<(f64, f64)> = Vec::new();
    for (ago, level) in levels.iter().rev().enumerate() {
        let month = (ago as f64 / length).round() as usize;
        if months.len() <= month {
            months.resize(month + 1, (0.0, 0.0));
        }
        if let Some(level) = level {
            let (mean, count) = &mut months[month];
            *count += 1.0;
            *mean += (level - *mean) / *count;
        }
    }
    let months: Vec<Option<f64>> =
        months.into_iter().map(|(mean, count)| (count > 0.0).then_some(mean)).collect();
    let mut season = [0.0; PARTS];
    let mut off: Vec<Option<f64>> = Vec::new();
    for turn in 0..TURNS {
        let without: Vec<Option<f64>> = months
            .iter()
            .enumerate()
            .map(|(m, level)| Some((*level)? - season[m % PARTS]))
            .collect();
        let reach = if turn == 0 { TREND_MONTHS * 2.0 } else { TREND_MONTHS };
        let trend = |m| local_line(&without, m, reach);
        off = months.iter().enumerate().map(|(m, level)| Some((*level)? - trend(m)?)).collect();
        season = parts(&off, None)?;
    }
    Some(Deviations { months: off, length })
}

/// A line through what lies around a month, at that month; the nearer the more it counts.
fn local_line(months: &[Option<f64>], at: usize, reach: f64) -> Option<f64> {
    // At the ends as many months count as in the middle.
    let last = months.len() - 1;
    let short = (reach - at as f64).max(reach - (last - at) as f64).max(0.0);
    let reach = reach + short;
    let from = (at as f64 - reach).max(0.0).floor() as usize;
    let to = ((at as f64 + reach).ceil() as usize).min(last);
    let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (m, level) in months.iter().enumerate().take(to + 1).skip(from) {
        let Some(y) = level else { continue };
        let x = m as f64 - at as f64;
        let near = 1.0 - (x.abs() / (reach + 1.0)).powi(3);
        let weight = near * near * near;
        w += weight;
        wx += weight * x;
        wy += weight * y;
        wxx += weight * x * x;
        wxy += weight * x * y;
    }
    let determinant = w * wxx - wx * wx;
    if determinant > 1e-9 * w * wxx {
        Some((wxx * wy - wx * wxy) / determinant)
    } else {
        (w > 0.0).then(|| wy / w)
    }
}
