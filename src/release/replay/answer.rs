//! Two replays as one answer.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::Span;
use super::days::{Course, Mode, Release, Replay, Ticks};
use super::segments::{Ms, NEVER};
use super::timeline::Timeline;
use crate::insight::cost::ReleasedSeats;
use crate::license::{Holder, SeatType};
use crate::policy::TypeRule;

/// How many free seats a day without a figure may take from one before.
const FREE_HOLDS: i64 = 7;

/// What is certain, and all that is possible. Equal: exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounds<T> {
    pub at_least: T,
    pub at_most: T,
}

impl<T: Copy + Ord> Bounds<T> {
    pub fn new(certain: T, possible: T) -> Self {
        Self { at_least: certain, at_most: possible.max(certain) }
    }

    pub fn is_exact(&self) -> bool {
        self.at_least == self.at_most
    }
}

/// `12`, or `3-9` where it is at least and at most.
impl<T: fmt::Display + Copy + Ord> fmt::Display for Bounds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return write!(f, "{}", self.at_least);
        }
        write!(f, "{}-{}", self.at_least, self.at_most)
    }
}

/// A type under a rule.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub rule: TypeRule,
    pub recorded_from: Option<DateTime<Utc>>,
    /// Releases; a seat that goes twice counts twice.
    pub released: Bounds<u64>,
    pub came_back: CameBack,
    /// At the end: seats that would be free more than there are.
    pub out: Bounds<u32>,
    pub days: Vec<Day>,
    /// Who came back, in the order of their releases; those that are only possible, too.
    pub returns: Vec<Return>,
    /// For what they would have saved.
    pub certain: Vec<ReleasedSeats>,
    pub possible: Vec<ReleasedSeats>,
    /// Due on the first day, of so many seats, where that is more than `maxReleasePercent`: taken as
    /// accepted by a person.
    pub accepted: Option<(u64, u64)>,
    /// Seats that are there and whose person was not read well enough to decide.
    pub undecided: u32,
    /// The first day of which a release is possible.
    pub first_release: Option<NaiveDate>,
}

/// How many of those who were released used it again within so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CameBack {
    pub within_14_days: Bounds<u64>,
    pub within_30_days: Bounds<u64>,
    pub within_90_days: Bounds<u64>,
    pub so_far: Bounds<u64>,
}

/// A day of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    pub day: NaiveDate,
    /// All figures of the day are.
    pub exact: bool,
    pub released: Bounds<u32>,
    pub came_back: Bounds<u32>,
    /// Released and not back at the end of the day: so many more would be free.
    pub out: Bounds<u32>,
    /// In truth; absent without a figure of the day.
    pub free: Option<u32>,
    pub free_then: Option<Bounds<u32>>,
    /// `maxReleasePercent` would have stopped the run.
    pub stopped: bool,
}

/// Somebody who would have lost a seat, and used it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    pub holder: Holder,
    pub released: NaiveDate,
    pub back: DateTime<Utc>,
    /// Whole days between the two.
    pub days: i64,
    /// It is certain that they would have lost it.
    pub certain: bool,
}

impl Timeline<'_> {
    /// The days under a rule. `names`: with those who came back.
    pub fn replay(&self, rule: &TypeRule, span: Span, names: bool) -> Replayed {
        self.replay_from(None, rule, span, names)
    }

    /// The same; no run is before `begin`, when the seats were read first: a run that would have been on that
    /// day is at this time.
    pub fn replay_from(
        &self,
        begin: Option<DateTime<Utc>>,
        rule: &TypeRule,
        span: Span,
        names: bool,
    ) -> Replayed {
        let ticks = Ticks::new(&self.policy.calendar, span, begin, self.now);
        let none = Default::default();
        let known = self.facts.free.get(&rule.seat_type).unwrap_or(&none);
        let before = |day: &NaiveDate| {
            let first = *day - TimeDelta::days(FREE_HOLDS);
            known.range(first..*day).next_back().map(|(_, free)| *free)
        };
        let mut free_before: Vec<_> = ticks.days.iter().map(before).collect();
        // Nobody looked before: the first figure is that of the day.
        if let (Some(first @ None), Some(day), Some(_)) =
            (free_before.first_mut(), ticks.days.first(), begin)
        {
            *first = known.get(day).copied();
        }
        let run = |mode| Replay::new(self, rule, &ticks, mode, &free_before).run();
        let (certain, possible) = (run(Mode::Certain), run(Mode::Possible));
        let shifted = Shifted::new(&certain, &possible);
        let days = (0..ticks.days.len()).map(|n| {
            let free = known.get(&ticks.days[n]).copied();
            day(&ticks, rule, (n, free), (&certain, &possible), &shifted)
        });
        let days: Vec<Day> = days.collect();
        let released = |course: &Course| course.releases.len() as u64;
        // A seat of which nothing is known may go several times, each time with a return.
        let more = rule.max_releases.map_or(possible.more, |most| {
            let most = u64::from(most) * ticks.days.len() as u64;
            possible.more.min(most.saturating_sub(released(&possible)))
        });
        let back = |within: Option<i64>| {
            // Released as early, and back as late, as can be: what is certain. And the other way round.
            let sure = certain.releases.iter().filter(|release| {
                let first = shifted.earliest(release);
                is_back(&ticks, (first, release.back), release, within)
            });
            let maybe = possible.releases.iter().filter(|release| {
                let last = shifted.latest(release);
                release.unknown || is_back(&ticks, (last, release.back_early), release, within)
            });
            Bounds::new(sure.count() as u64, (maybe.count() as u64).saturating_add(more))
        };
        let first_release = possible.releases.iter().map(|release| release.day).min();
        let first_release = first_release.map(|day| ticks.days[day as usize]);
        let returns = if names { self.returns(&ticks, &certain, &possible) } else { Vec::new() };
        Replayed {
            rule: rule.clone(),
            recorded_from: self.facts.recorded_from.get(&rule.seat_type).copied(),
            released: Bounds::new(released(&certain), released(&possible).saturating_add(more)),
            came_back: CameBack {
                within_14_days: back(Some(14)),
                within_30_days: back(Some(30)),
                within_90_days: back(Some(90)),
                so_far: back(None),
            },
            out: days.last().map(|day| day.out).unwrap_or_default(),
            days,
            returns,
            certain: saved(&ticks, rule.seat_type, &certain),
            possible: saved(&ticks, rule.seat_type, &possible),
            accepted: certain.accepted.or(possible.accepted),
            undecided: self.undecided(rule.seat_type),
            first_release,
        }
    }

    fn returns(&self, ticks: &Ticks, certain: &Course, possible: &Course) -> Vec<Return> {
        // Of whom nothing is known, nobody is named.
        let is_back = |release: &&Release| release.back != NEVER && !release.unknown;
        let sure: HashMap<(u32, i64), u32> = certain
            .releases
            .iter()
            .filter(is_back)
            .map(|release| ((release.tenure, release.back), release.day))
            .collect();
        let told = |release: &Release, certain: bool| {
            let back = DateTime::from_timestamp_millis(release.back).unwrap_or_default();
            let day = release.day as usize;
            Return {
                holder: self.tenures[release.tenure as usize].holder.clone(),
                released: ticks.days[day],
                back,
                days: (back - ticks.time(day)).num_days(),
                certain,
            }
        };
        let maybe = possible.releases.iter().filter(is_back);
        let maybe = maybe.filter(|release| !sure.contains_key(&(release.tenure, release.back)));
        let mut all: Vec<Return> = certain
            .releases
            .iter()
            .filter(is_back)
            .map(|release| told(release, true))
            .chain(maybe.map(|release| told(release, false)))
            .collect();
        all.sort_by(|one, other| {
            let key = |r: &Return| (r.released, r.back, r.holder.id);
            key(one).cmp(&key(other))
        });
        all
    }
}

/// Whether somebody came back, if they went on a day and came at a time.
fn is_back(ticks: &Ticks, (day, back): (u32, Ms), release: &Release, within: Option<i64>) -> bool {
    release.back != NEVER
        && within.is_none_or(|days| {
            let limit = ticks.time(day as usize) + TimeDelta::days(days);
            back <= limit.timestamp_millis()
        })
}

/// Releases that are certain, but not their day: they may have been earlier.
struct Shifted {
    /// Of each time that a seat was not used: the days in both replays.
    possible: HashMap<(u32, Ms), u32>,
    certain: HashMap<(u32, Ms), u32>,
    /// So many of each day.
    on: HashMap<u32, u32>,
}

impl Shifted {
    fn new(certain: &Course, possible: &Course) -> Self {
        let days = |course: &Course| -> HashMap<(u32, Ms), u32> {
            let known = course.releases.iter().filter(|release| !release.unknown);
            known.map(|release| ((release.tenure, release.back), release.day)).collect()
        };
        let (certain, possible) = (days(certain), days(possible));
        let mut on = HashMap::new();
        for (key, day) in &certain {
            if possible.get(key).is_some_and(|other| other != day) {
                *on.entry(*day).or_default() += 1;
            }
        }
        Self { possible, certain, on }
    }

    fn earliest(&self, release: &Release) -> u32 {
        let other = self.possible.get(&(release.tenure, release.back)).copied();
        other.map_or(release.day, |day| day.min(release.day))
    }

    fn latest(&self, release: &Release) -> u32 {
        let other = self.certain.get(&(release.tenure, release.back)).copied();
        other.map_or(release.latest, |day| day.max(release.latest))
    }
}

fn day(
    ticks: &Ticks,
    rule: &TypeRule,
    (n, free): (usize, Option<u32>),
    (certain, possible): (&Course, &Course),
    shifted: &Shifted,
) -> Day {
    let other_day = u32::try_from(n).ok().and_then(|n| shifted.on.get(&n)).copied().unwrap_or(0);
    let released = possible.released[n].saturating_add(possible.more_released[n]);
    let released = released.saturating_add(other_day);
    let released = rule.max_releases.map_or(released, |most| released.min(most));
    let released = Bounds::new(certain.released[n].saturating_sub(other_day), released);
    let came_back = possible.came_back[n].saturating_add(possible.more_back[n]);
    let came_back = Bounds::new(certain.came_back[n], came_back);
    let out = Bounds::new(certain.out[n], possible.out[n]);
    let then = |free: u32| {
        Bounds::new(free.saturating_add(out.at_least), free.saturating_add(out.at_most))
    };
    Day {
        day: ticks.days[n],
        exact: released.is_exact() && came_back.is_exact() && out.is_exact(),
        released,
        came_back,
        out,
        free,
        free_then: free.map(then),
        stopped: certain.stopped[n],
    }
}

/// The releases as the cost of seats takes them, those of a day together.
fn saved(ticks: &Ticks, seat_type: SeatType, course: &Course) -> Vec<ReleasedSeats> {
    let mut counts: HashMap<(u32, u32), u32> = HashMap::new();
    for release in &course.releases {
        *counts.entry((release.day, release.until)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    counts
        .into_iter()
        .map(|((from, until), count)| ReleasedSeats {
            seat_type,
            from: ticks.days[from as usize],
            until: ticks.days.get(until as usize).copied(),
            count,
        })
        .collect()
}
