//! Two replays as one answer.

use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::both::Both;
use super::course::{Course, Mode, Terms};
use super::days::{Replay, STAYS};
use super::ticks::Ticks;
use super::timeline::Timeline;
use super::{Span, alone};
use crate::insight::cost::ReleasedSeats;
use crate::license::Holder;
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
        let terms = Terms { timeline: self, rule, ticks: &ticks };
        let (certain, possible, both) = alone::replay(terms, names)
            .unwrap_or_else(|| self.in_turn(terms, begin.is_some(), names));
        self.answer(terms, (&certain, &possible), both)
    }

    /// Day by day, all seats together.
    pub(super) fn in_turn<'t>(
        &self,
        terms: Terms<'t>,
        begins: bool,
        names: bool,
    ) -> (Course, Course, Both<'t>) {
        let ticks = terms.ticks;
        let none = Default::default();
        let known = self.facts.free.get(&terms.rule.seat_type).unwrap_or(&none);
        let before = |day: &NaiveDate| {
            let first = *day - TimeDelta::days(FREE_HOLDS);
            known.range(first..*day).next_back().map(|(_, free)| *free)
        };
        let mut free_before: Vec<_> = ticks.days.iter().map(before).collect();
        // Nobody looked before: the first figure is that of the day.
        if let (Some(first @ None), Some(day), true) =
            (free_before.first_mut(), ticks.days.first(), begins)
        {
            *first = known.get(day).copied();
        }
        let pieces = terms.timeline.pieces();
        let run = |mode| Replay::new(terms, mode, pieces, &free_before).run();
        let ((certain, of_certain), (possible, of_possible)) =
            (run(Mode::Certain), run(Mode::Possible));
        let mut both = Both::new(terms, names);
        let day = |day: u16| (day != STAYS).then_some(usize::from(day));
        for ((piece, certain), possible) in pieces.iter().zip(of_certain).zip(of_possible) {
            if certain != STAYS || possible != STAYS {
                both.add(piece, day(certain), day(possible));
            }
        }
        (certain, possible, both)
    }

    /// Two replays as one answer.
    pub(super) fn answer(
        &self,
        terms: Terms<'_>,
        (certain, possible): (&Course, &Course),
        both: Both<'_>,
    ) -> Replayed {
        let Terms { rule, ticks, .. } = terms;
        let none = Default::default();
        let known = self.facts.free.get(&rule.seat_type).unwrap_or(&none);
        let more_of_days = possible.more_of_days();
        let days = (0..ticks.days.len()).map(|n| {
            let free = known.get(&ticks.days[n]).copied();
            let more = (more_of_days.0[n], more_of_days.1[n]);
            day(terms, (n, free), (certain, possible), more, both.shifted[n])
        });
        let days: Vec<Day> = days.collect();
        let released = (certain.all_released(), possible.all_released());
        // A seat of which nothing is known may go several times, each time with a return.
        let more = rule.max_releases.map_or(possible.more, |most| {
            let most = u64::from(most) * ticks.days.len() as u64;
            possible.more.min(most.saturating_sub(released.1))
        });
        let came_back = both.came_back(more);
        let (of_certain, of_possible, returns) = both.finish();
        Replayed {
            rule: rule.clone(),
            recorded_from: self.facts.recorded_from.get(&rule.seat_type).copied(),
            released: Bounds::new(released.0, released.1.saturating_add(more)),
            came_back,
            out: days.last().map(|day| day.out).unwrap_or_default(),
            days,
            returns,
            certain: of_certain,
            possible: of_possible,
            accepted: certain.accepted.or(possible.accepted),
            undecided: self.undecided(rule.seat_type),
            first_release: Both::first_release(possible, &ticks.days),
        }
    }
}

fn day(
    Terms { rule, ticks, .. }: Terms<'_>,
    (n, free): (usize, Option<u32>),
    (certain, possible): (&Course, &Course),
    (more_released, more_back): (u32, u32),
    other_day: u32,
) -> Day {
    let released = possible.released[n].saturating_add(more_released);
    let released = released.saturating_add(other_day);
    let released = rule.max_releases.map_or(released, |most| released.min(most));
    let released = Bounds::new(certain.released[n].saturating_sub(other_day), released);
    let came_back = possible.came_back[n].saturating_add(more_back);
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
