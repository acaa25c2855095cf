//! When the free seats run out: a range that holds 80 % of what may come, never a single date.

use chrono::NaiveDate;
use serde::Serialize;

use super::backtest::{BackTest, backtest};
use super::growth::{Growth, History, Joined, Joint, Model, WINDOW_DAYS, Z80};
use super::holt::{self, Holt};
use super::{DAYS_PER_MONTH, NotEnough, Unit, days_after, or_why};

/// How far ahead a forecast looks: 10 years.
pub const LONGEST_DAYS: i64 = 3_652;

/// Growth is not known to the day: a range is at least a week.
const SHORTEST_DAYS: i64 = 6;

/// When something happens: between two days, either of which may be beyond ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum RunsOut {
    /// Nothing is free on the day of the question.
    Already,
    /// `latest` is absent when it may well take more than ten years.
    Between {
        earliest: NaiveDate,
        latest: Option<NaiveDate>,
    },
    NotWithinTenYears,
}

/// The answer for one type of seats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    pub today: NaiveDate,
    /// The last day with data: what the forecast starts from.
    pub as_of: NaiveDate,
    pub entitled: f64,
    pub taken: f64,
    pub free: f64,
    pub growth: Growth,
    /// How long the free seats last at exactly the middle of the growth: for a phrase like "about 27
    /// months", beside the range. Absent without growth.
    pub months_at_growth: Option<f64>,
    pub runs_out: RunsOut,
    /// Seats that could be released now.
    pub reclaimable: u32,
    /// When all of them are released today.
    pub runs_out_after_release: RunsOut,
    /// Growth that fades, by a damped trend on weekly medians.
    #[serde(serialize_with = "or_why")]
    pub second_opinion: Result<SecondOpinion, NotEnough>,
    #[serde(serialize_with = "or_why")]
    pub error: Result<BackTest, NotEnough>,
    #[serde(skip)]
    lines: Lines,
}

/// What a damped trend says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondOpinion {
    /// Of the next month; it fades after.
    pub per_month: f64,
    pub runs_out: RunsOut,
    pub runs_out_after_release: RunsOut,
}

/// A day of the future.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outlook {
    pub day: NaiveDate,
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// Forecasts from the last day with data up to today. `reclaimable` seats could be released now.
///
/// # Errors
/// Less than eight weeks of data, or no entitled total.
pub fn forecast(
    history: &History<'_>,
    reclaimable: u32,
    today: NaiveDate,
) -> Result<Forecast, NotEnough> {
    let joined = Joined::new(history);
    let joints = joined.until(today);
    let model = Model::fit(joints)?;
    let days = history.series.between(NaiveDate::MIN, today);
    let nothing = NotEnough { have: 0, need: 1, unit: Unit::Totals };
    let entitled = history.entitled.on(today).ok_or(nothing)?;
    let last = days.last().ok_or(nothing)?;
    let error = backtest(joints);
    let widened = error.as_ref().map_or(1.0, |test| test.widened);
    let growth = model.growth(joints, history, widened);
    let weeks = weekly(joints);
    let holt = holt::fit(&weeks);
    let lines = Lines { start: last.day, taken: last.last, model, widened };
    let free = entitled - last.last;
    let release = f64::from(reclaimable);
    let when = |less: f64, line: &dyn Fn(f64) -> (f64, f64)| {
        runs_out(history, last.last, less, (last.day, today), line)
    };
    let ours = |days: f64| lines.change(days);
    let second_opinion = match holt {
        Some(holt) => {
            let steps = damped(&holt, joints);
            let theirs = |days: f64| at(&steps, days);
            let (low, high) = at(&steps, DAYS_PER_MONTH);
            Ok(SecondOpinion {
                per_month: low / 2.0 + high / 2.0,
                runs_out: when(0.0, &theirs),
                runs_out_after_release: when(release, &theirs),
            })
        }
        None => Err(NotEnough {
            have: u32::try_from(weeks.iter().flatten().count()).unwrap_or(u32::MAX),
            need: holt::FEWEST,
            unit: Unit::Weeks,
        }),
    };
    Ok(Forecast {
        today,
        as_of: last.day,
        entitled,
        taken: last.last,
        free,
        months_at_growth: months(free, growth.per_month.middle),
        runs_out: when(0.0, &ours),
        reclaimable,
        runs_out_after_release: when(release, &ours),
        second_opinion,
        error,
        growth,
        lines,
    })
}

/// How many months so many seats last at a growth; `None` when there is none.
pub fn months(free: f64, per_month: f64) -> Option<f64> {
    let months = free.max(0.0) / per_month;
    (per_month > 0.0 && months.is_finite()).then_some(months)
}

impl Forecast {
    /// With the free seats as the site counts them: those in quarantine are neither taken nor free.
    pub fn with_free(mut self, free: f64) -> Self {
        self.free = free;
        self.months_at_growth = months(free, self.growth.per_month.middle);
        if free <= 0.0 {
            self.runs_out = RunsOut::Already;
        }
        if free + f64::from(self.reclaimable) <= 0.0 {
            self.runs_out_after_release = RunsOut::Already;
        }
        self
    }
}

impl RunsOut {
    /// The first day on which the seats may run out; `None` beyond ten years.
    pub fn earliest(&self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Already => Some(today),
            Self::Between { earliest, .. } => Some(*earliest),
            Self::NotWithinTenYears => None,
        }
    }

    /// The day by which they will have run out, with the range's certainty; `None` beyond ten years.
    pub fn latest(&self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Already => Some(today),
            Self::Between { latest, .. } => *latest,
            Self::NotWithinTenYears => None,
        }
    }
}

impl Forecast {
    /// Seats taken on a day to come, with their 80 % range. Not below zero.
    pub fn outlook(&self, day: NaiveDate) -> Outlook {
        let days = (day - self.lines.start).num_days().max(0) as f64;
        let (low, high) = self.lines.change(days);
        let middle = self.lines.model.slope * days;
        let seats = |change: f64| (self.lines.taken + change).max(0.0);
        Outlook { day, low: seats(low), middle: seats(middle), high: seats(high) }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Lines {
    start: NaiveDate,
    taken: f64,
    model: Model,
    widened: f64,
}

impl Lines {
    /// How much less and more there may be after so many days.
    fn change(&self, days: f64) -> (f64, f64) {
        let (middle, half) =
            (self.model.slope * days, Z80 * self.widened * self.model.spread(days));
        (middle - half, middle + half)
    }
}

/// The first day on which the high line reaches the total, and the first on which the low one does.
/// `less` seats are released first.
fn runs_out(
    history: &History<'_>,
    taken: f64,
    less: f64,
    (start, today): (NaiveDate, NaiveDate),
    line: &dyn Fn(f64) -> (f64, f64),
) -> RunsOut {
    let taken = taken - less;
    if history.entitled.on(today).is_some_and(|total| taken >= total) {
        return RunsOut::Already;
    }
    let (mut earliest, mut latest) = (None, None);
    let waited = (today - start).num_days();
    for ahead in 1..=LONGEST_DAYS {
        let day = days_after(today, ahead);
        let Some(total) = history.entitled.on(day) else { continue };
        let (low, high) = line((waited + ahead) as f64);
        if taken + high >= total {
            earliest = earliest.or(Some(ahead));
        }
        if taken + low >= total {
            latest = Some(ahead);
            break;
        }
    }
    let Some(mut earliest) = earliest else { return RunsOut::NotWithinTenYears };
    if let Some(latest) = &mut latest {
        let short = SHORTEST_DAYS - (*latest - earliest);
        if short > 0 {
            earliest = (earliest - short / 2).max(0);
            *latest = earliest + SHORTEST_DAYS;
        }
    }
    RunsOut::Between {
        earliest: days_after(today, earliest),
        latest: latest.map(|latest| days_after(today, latest)),
    }
}

/// Medians of the weeks that end with the last day, of the time that growth looks at.
fn weekly(joints: &[Joint]) -> Vec<Option<f64>> {
    let Some(last) = joints.last() else { return Vec::new() };
    let from = days_after(last.day, -WINDOW_DAYS);
    let joints = &joints[joints.partition_point(|joint| joint.day <= from)..];
    let Some(first) = joints.first() else { return Vec::new() };
    let weeks = (last.day - first.day).num_days() / 7;
    let mut values = Vec::new();
    let mut rest = joints;
    for week in (0..=weeks).rev() {
        let end = days_after(last.day, -7 * week);
        let (now, later) = rest.split_at(rest.partition_point(|joint| joint.day <= end));
        rest = later;
        let mut levels: Vec<f64> = now.iter().map(|joint| joint.level).collect();
        levels.sort_unstable_by(f64::total_cmp);
        let middle = levels.len() / 2;
        values.push(match levels.len() {
            0 => None,
            n if n % 2 == 1 => Some(levels[middle]),
            _ => Some(levels[middle - 1] / 2.0 + levels[middle] / 2.0),
        });
    }
    values
}

/// Change from the last day by weeks: low and high. The first entry is now.
fn damped(holt: &Holt, joints: &[Joint]) -> Vec<(f64, f64)> {
    let now = joints.last().map_or(0.0, |joint| joint.level);
    // A week's median stands in its middle: the model is half a week behind.
    let offset = holt.level - now;
    let weeks = usize::try_from(LONGEST_DAYS / 7).unwrap_or(0) + 60;
    let ahead = holt.steps().take(weeks).map(|(expected, sd)| {
        let change = expected - holt.level;
        // The level now is known; the model's own is a smoothed one.
        let half = Z80 * (sd * sd + offset * offset).sqrt();
        (change - half, change + half)
    });
    std::iter::once((0.0, 0.0)).chain(ahead).collect()
}

fn at(steps: &[(f64, f64)], days: f64) -> (f64, f64) {
    let week = days / 7.0;
    let index = (week.floor() as usize).min(steps.len() - 2);
    let share = (week - index as f64).min(1.0);
    let between = |a: f64, b: f64| a + (b - a) * share;
    let ((low, high), (next_low, next_high)) = (steps[index], steps[index + 1]);
    (between(low, next_low), between(high, next_high))
}
