//! How fast a figure grows, and how far it strays from that.
//!
//! In plain words: seats that Bursar released are added back to every later day, so that a clean-up
//! is no decline. Days on which nothing was free are left out, because a full pool can't grow. What is
//! left is cut where the entitled total changed; the slope is the median over all pairs of days of the
//! same piece within the last two years. How far the figure was off such a line after 1, 2, ... 26
//! weeks in its own past is what its future is allowed, too.

use chrono::NaiveDate;
use serde::Serialize;

use super::backtest;
use super::series::{Basis, Entitled, Released, Series, basis};
use super::steps::Steps;
use super::theil_sen::{self, Point};
use super::{DAYS_PER_MONTH, NotEnough, Unit, days_after};

/// Standard deviations to either side that hold 80 % of a normal distribution.
pub(super) const Z80: f64 = 1.281_551_565_544_600_5;

/// Weeks with data that growth needs.
pub const FEWEST_WEEKS: u32 = 8;

/// How far back growth looks: whole years, so that seasons weigh the same.
pub const WINDOW_DAYS: i64 = 730;

/// Everything that is known of a figure.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Seats taken (or minutes used, or whatever grows towards a total).
    pub series: &'a Series,
    pub entitled: &'a Entitled,
    /// What Bursar released of it.
    pub released: &'a [Released],
}

/// Seats a month, as a range of 80 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    pub per_month: Estimate,
    /// Pieces between changes of the entitled total.
    pub segments: u32,
    /// Days left out because nothing was free.
    pub full_days: u32,
    /// Released seats that were added back.
    pub added_back: u64,
    pub basis: Basis,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// Growth up to and including a day.
///
/// # Errors
/// Less than eight weeks with data.
pub fn growth(history: &History<'_>, until: NaiveDate) -> Result<Growth, NotEnough> {
    let joined = Joined::new(history);
    let points = joined.until(until);
    let model = Model::fit(points)?;
    let choice = backtest::choose(&Steps::new(points, model.slope));
    let widened = choice.test.map_or(1.0, |test| test.widened.max(1.0));
    Ok(model.growth(points, history, widened))
}

/// A day with its level as if nothing had been released.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Joint {
    pub(super) day: NaiveDate,
    pub(super) level: f64,
    /// Which stretch of the same entitled total it belongs to.
    pub(super) segment: usize,
    /// Nothing was free.
    pub(super) full: bool,
}

/// A history with its clean-ups undone.
#[derive(Debug, Clone)]
pub(super) struct Joined(Vec<Joint>);

impl Joined {
    pub(super) fn new(history: &History<'_>) -> Self {
        let mut released: Vec<Released> = history.released.to_vec();
        released.sort_by_key(|r| r.day);
        let first = history.series.days().first().map(|d| d.day);
        let mut released =
            released.into_iter().filter(|r| Some(r.day) >= first && r.count > 0).peekable();
        let mut added = 0.0;
        let joints = history.series.days().iter().map(|daily| {
            let mut on_the_day = false;
            while let Some(release) = released.next_if(|r| r.day <= daily.day) {
                added += f64::from(release.count);
                on_the_day = on_the_day || release.day == daily.day;
            }
            // Of a day with a release its end counts: that is after the release.
            let taken = if on_the_day { daily.last } else { daily.median() };
            Joint {
                day: daily.day,
                level: taken + added,
                segment: history.entitled.changes_by(daily.day),
                full: history.entitled.is_full(daily.day, taken),
            }
        });
        Self(joints.collect())
    }

    /// Everything up to a day.
    pub(super) fn until(&self, day: NaiveDate) -> &[Joint] {
        &self.0[..self.0.partition_point(|joint| joint.day <= day)]
    }
}

/// The slope of a stretch of days and the errors of a line with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    /// A day.
    pub(super) slope: f64,
    low: f64,
    high: f64,
    window: (usize, usize),
}

impl Model {
    /// Looks at the last two years of the days.
    pub(super) fn fit(joints: &[Joint]) -> Result<Self, NotEnough> {
        let Some(last) = joints.last().map(|joint| joint.day) else {
            return Err(NotEnough { have: 0, need: FEWEST_WEEKS, unit: Unit::Weeks });
        };
        let from = joints.partition_point(|joint| joint.day <= days_after(last, -WINDOW_DAYS));
        let window = &joints[from..];
        // Days that count, in weeks back from the last.
        let mut weeks: Vec<i64> = window
            .iter()
            .filter(|joint| !joint.full)
            .map(|joint| (last - joint.day).num_days() / 7)
            .collect();
        weeks.dedup();
        let mut all: Vec<i64> =
            window.iter().map(|joint| (last - joint.day).num_days() / 7).collect();
        all.dedup();
        NotEnough::unless(all.len(), FEWEST_WEEKS, Unit::Weeks)?;
        NotEnough::unless(weeks.len(), FEWEST_WEEKS, Unit::FreeWeeks)?;

        let points: Vec<(usize, Point)> = window
            .iter()
            .filter(|joint| !joint.full)
            .map(|joint| {
                let x = -((last - joint.day).num_days() as f64);
                (joint.segment, Point { x, y: joint.level })
            })
            .collect();
        let groups: Vec<Vec<Point>> = points
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| group.iter().map(|(_, point)| *point).collect())
            .collect();
        let views: Vec<&[Point]> = groups.iter().map(Vec::as_slice).collect();
        let short = NotEnough { have: 1, need: FEWEST_WEEKS, unit: Unit::Weeks };
        let sen = theil_sen::slope(&views, Z80).ok_or(short)?;
        let span = points[points.len() - 1].1.x - points[0].1.x;
        let errors = errors(&views, sen.slope, span);
        // A sum of independent steps: what one day adds, over the days that the slope was seen.
        let daily = errors.last().map_or(0.0, |(days, square)| square / days);
        let straying = (daily / span).sqrt();
        Ok(Self {
            slope: sen.slope,
            low: sen.low.min(sen.slope - Z80 * straying),
            high: sen.high.max(sen.slope + Z80 * straying),
            window: (from, joints.len()),
        })
    }

    /// `widened`: what the back-test says the range must be stretched by.
    pub(super) fn growth(&self, joints: &[Joint], history: &History<'_>, widened: f64) -> Growth {
        let window = &joints[self.window.0..self.window.1];
        let (first, last) = (window[0].day, window[window.len() - 1].day);
        let counted = || window.iter().filter(|joint| !joint.full);
        let mut segments: Vec<usize> = counted().map(|joint| joint.segment).collect();
        segments.dedup();
        let estimate = Estimate {
            low: self.slope + (self.low - self.slope) * widened,
            middle: self.slope,
            high: self.slope + (self.high - self.slope) * widened,
        };
        Growth {
            per_month: Estimate {
                low: estimate.low * DAYS_PER_MONTH,
                middle: estimate.middle * DAYS_PER_MONTH,
                high: estimate.high * DAYS_PER_MONTH,
            },
            segments: u32::try_from(segments.len()).unwrap_or(u32::MAX),
            full_days: u32::try_from(window.len() - counted().count()).unwrap_or(u32::MAX),
            added_back: history
                .released
                .iter()
                .filter(|r| first < r.day && r.day <= last)
                .map(|r| u64::from(r.count))
                .sum(),
            basis: basis(history.series.between(first, last)).unwrap_or(Basis {
                first,
                last,
                days: 0,
                missing: 0,
            }),
        }
    }
}

/// Mean squares of the errors after so many days: all pairs of days of a piece that lie about so far
/// apart, each scaled to the exact distance. They never shrink with the distance.
fn errors(groups: &[&[Point]], slope: f64, span: f64) -> Vec<(f64, f64)> {
    let longest = (span / 4.0).floor();
    let days = (1..7).map(f64::from);
    let weeks = (1..).map(|week| f64::from(week) * 7.0);
    let mut squares: Vec<(f64, f64)> = Vec::new();
    for lag in days.chain(weeks.take_while(|lag| *lag <= longest)) {
        let (mut sum, mut count) = (0.0, 0.0);
        for group in groups {
            let mut ahead = 0;
            for point in *group {
                while ahead < group.len() && group[ahead].x < point.x + lag {
                    ahead += 1;
                }
                let Some(later) = group.get(ahead) else { break };
                let distance = later.x - point.x;
                if distance <= lag * 1.25 {
                    let error = later.y - point.y - slope * distance;
                    sum += error * error * lag / distance;
                    count += 1.0;
                }
            }
        }
        if count >= 4.0 {
            let before = squares.last().map_or(0.0, |(_, square)| *square);
            squares.push((lag, (sum / count).max(before)));
        }
    }
    if squares.is_empty() {
        squares.push(scatter(groups, slope, span));
    }
    squares
}

/// Where no two days lie near enough: the scatter around the line, taken for what one span adds.
fn scatter(groups: &[&[Point]], slope: f64, span: f64) -> (f64, f64) {
    let mut worst: f64 = 0.0;
    for group in groups {
        let residuals = group.iter().map(|point| point.y - slope * point.x);
        let (low, high) = residuals
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), r| (low.min(r), high.max(r)));
        worst = worst.max(high - low);
    }
    (span.max(1.0), worst * worst)
}
