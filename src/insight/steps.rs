//! A history in steps of equal length that end with its last day: what models of time series take.
//!
//! A step is a week; a month where the days are so few that most weeks have none. Full days are left
//! out (nothing can be seen on them), and where the entitled total changed the two sides are put
//! together as if those who waited had been there all the time.

use chrono::NaiveDate;

use super::growth::Joint;
use super::{DAYS_PER_MONTH, days_after};

const WEEK: f64 = 7.0;

/// How far back models look: years enough for a season, few enough for today to count.
const LONGEST_DAYS: i64 = 6 * 365;

/// Levels of equal steps, oldest first. A step without data is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    /// Days of a step.
    pub(super) days: f64,
    /// The median of each step.
    pub(super) levels: Vec<Option<f64>>,
    /// The last day of each step.
    pub(super) ends: Vec<Option<f64>>,
    /// How far the highest day of each step with data lies above its median.
    pub(super) excess: Vec<f64>,
    /// How far the last day of a step lies behind its middle, in steps.
    pub(super) behind: f64,
    /// What each day of the week is above or below the others, by days back from the last one.
    pub(super) weekdays: [f64; 7],
}

impl Steps {
    /// `slope`: growth a day, for what lies between two pieces.
    pub(super) fn new(joints: &[Joint], slope: f64) -> Self {
        let Some(last) = joints.last().map(|joint| joint.day) else { return Self::none() };
        let from = joints.partition_point(|joint| joint.day <= days_after(last, -LONGEST_DAYS));
        let days = together(&joints[from..], slope);
        let ago = |joint: &Joint| (last - joint.day).num_days() as f64;
        let (Some(first), Some(newest)) = (days.first(), days.last()) else { return Self::none() };
        let span = ago(first) - ago(newest);
        let mut weeks: Vec<i64> = days.iter().map(|day| (ago(day) / WEEK) as i64).collect();
        weeks.dedup();
        let length = if weeks.len() as f64 * 2.0 < span / WEEK { DAYS_PER_MONTH } else { WEEK };
        // Months are those around their day, so that the 28th and the 31st are a month apart.
        let early = if length > WEEK { length / 2.0 } else { 0.0 };
        let step = |joint: &Joint| ((ago(joint) + early) / length) as usize;
        let count = step(first) + 1;
        let mut steps = Self {
            days: length,
            levels: vec![None; count],
            ends: vec![None; count],
            excess: Vec::new(),
            behind: 0.0,
            weekdays: [0.0; 7],
        };
        let raw = days;
        let weekday = |joint: &Joint| ago(joint) as usize % 7;
        steps.weekdays = weekdays(&raw, weekday);
        let days =
            raw.iter().map(|day| Joint { level: day.level - steps.weekdays[weekday(day)], ..*day });
        let days: Vec<Joint> = days.collect();
        let (mut behind, mut filled) = (0.0, 0.0);
        for of_step in days.chunk_by(|a, b| step(a) == step(b)) {
            let [.., end] = of_step else { continue };
            let index = count - 1 - step(end);
            let center = of_step.iter().map(ago).sum::<f64>() / of_step.len() as f64;
            behind += (center - ago(end)) / length;
            filled += 1.0;
            let middle = median(of_step.iter().map(|day| day.level).collect());
            // Growth within the step is none of it.
            let above = |day: &Joint| {
                let of_week = steps.weekdays[weekday(day)] - steps.weekdays[0];
                day.level + of_week - slope * (center - ago(day))
            };
            let highest = of_step.iter().map(above).fold(middle, f64::max);
            steps.levels[index] = Some(middle);
            steps.excess.push(highest - middle);
            steps.ends[index] = Some(end.level);
        }
        steps.behind = behind / filled;
        steps
    }

    fn none() -> Self {
        Self {
            days: WEEK,
            levels: Vec::new(),
            ends: Vec::new(),
            excess: Vec::new(),
            behind: 0.0,
            weekdays: [0.0; 7],
        }
    }

    /// Steps of a year.
    pub(super) fn year(&self) -> f64 {
        DAYS_PER_MONTH * 12.0 / self.days
    }

    /// Weeks with data, or months.
    pub(super) fn known(&self) -> usize {
        self.levels.iter().flatten().count()
    }
}

/// What days of the week do, from the last half year: the middle of what each was off the seven days
/// around it. Nothing of days that are no week.
fn weekdays(days: &[Joint], weekday: impl Fn(&Joint) -> usize) -> [f64; 7] {
    let recent = &days[days.len().saturating_sub(182)..];
    let mut off: [Vec<f64>; 7] = Default::default();
    for week in recent.windows(7) {
        if (week[6].day - week[0].day).num_days() == 6 {
            let middle = median(week.iter().map(|day| day.level).collect());
            off[weekday(&week[3])].push(week[3].level - middle);
        }
    }
    if off.iter().any(|of| of.len() < 8) {
        return [0.0; 7];
    }
    off.map(median)
}

/// The days on which something was free, with the jumps at changes of the total taken out. The newest
/// piece stays as it is.
fn together(joints: &[Joint], slope: f64) -> Vec<Joint> {
    let mut free: Vec<Joint> = joints.iter().filter(|joint| !joint.full).copied().collect();
    let mut end = free.len();
    let mut shift = 0.0;
    while end > 0 {
        let segment = free[end - 1].segment;
        let start = free[..end].partition_point(|joint| joint.segment < segment);
        for joint in &mut free[start..end] {
            joint.level += shift;
        }
        if start > 0 {
            let near = |joint: &&Joint, day: NaiveDate| (joint.day - day).num_days().abs() < 7;
            let (before, after) = (free[start - 1].day, free[start].day);
            let above = || free[start..end].iter().take_while(|joint| near(joint, after));
            let below = || free[..start].iter().rev().take_while(|joint| near(joint, before));
            let level = |of: &[Joint]| median(of.iter().map(|joint| joint.level).collect());
            let mean_day = |of: &[Joint], from: NaiveDate| {
                of.iter().map(|j| (j.day - from).num_days() as f64).sum::<f64>() / of.len() as f64
            };
            let below: Vec<Joint> = below().copied().collect();
            let same = below[0].segment;
            let below: Vec<Joint> = below.into_iter().filter(|j| j.segment == same).collect();
            let above: Vec<Joint> = above().copied().collect();
            let gap = mean_day(&above, before) - mean_day(&below, before);
            shift = level(&above) - level(&below) - slope * gap;
        }
        end = start;
    }
    free
}

/// The middle of some values; zero of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        values[middle - 1] / 2.0 + values[middle] / 2.0
    }
}
