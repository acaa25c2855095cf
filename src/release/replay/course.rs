//! When a seat may go by a rule, and what its release counts for.

use super::RECORDED_DAYS;
use super::segments::{LONG_AGO, Ms};
use super::ticks::{DAY, Ticks};
use super::timeline::{Judged, Piece, Tenure, Timeline};
use crate::policy::TypeRule;

/// Which of two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Only what is certain.
    Certain,
    /// All that is possible.
    Possible,
}

/// A rule, and the days on which it is replayed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) timeline: &'a Timeline<'a>,
    pub(super) rule: &'a TypeRule,
    pub(super) ticks: &'a Ticks,
}

impl<'a> Terms<'a> {
    pub(super) fn tenure(&self, piece: &Piece) -> &'a Tenure<'a> {
        &self.timeline.tenures[piece.tenure as usize]
    }

    /// Whether more than the share stands between what is due and its release.
    pub(super) fn takes_turns(&self) -> bool {
        let rule = self.rule;
        rule.grace_days > 0 || rule.keep_free.is_some() || rule.max_releases.is_some()
    }

    /// From when on the seat may go, by the rule.
    pub(super) fn due(&self, piece: &Piece, tenure: &Tenure<'_>) -> Option<Ms> {
        let (threshold, never_used) =
            (self.rule.release_threshold_days, self.rule.never_used_grace_days);
        let days = match (piece.never, piece.unknown) {
            (false, _) => threshold,
            (true, false) => never_used,
            (true, true) => threshold.min(never_used),
        };
        if piece.short && days >= RECORDED_DAYS {
            return None;
        }
        let after = |time: Ms, days: u32| time.saturating_add(Ms::from(days) * DAY);
        let mut from = after(piece.idle_since, days).max(piece.window.from);
        if tenure.given_again != LONG_AGO {
            from = from.max(after(tenure.given_again, self.rule.reallocated_grace_days));
        }
        (from < piece.window.to).then_some(from)
    }

    pub(super) fn counts(&self, mode: Mode, piece: &Piece, tenure: &Tenure<'_>) -> bool {
        mode == Mode::Possible || (!piece.unknown && tenure.judged == Judged::Goes)
    }

    /// The first day on which the seat may not go any more.
    pub(super) fn end(&self, mode: Mode, piece: &Piece) -> usize {
        let end = self.ticks.at_or_after(piece.window.to);
        match mode {
            Mode::Possible => end,
            Mode::Certain => end.min(self.ticks.after(piece.window.certain_to)),
        }
    }

    /// From when on somebody who came back at that time may lose a seat again, if that is later than a day.
    pub(super) fn grace_end(&self, back: Ms, day: usize) -> Option<usize> {
        if back == LONG_AGO || back > self.ticks.times[day] {
            return None;
        }
        let grace = Ms::from(self.rule.reallocated_grace_days) * DAY;
        let until = self.ticks.at_or_after(back.saturating_add(grace));
        (until > day).then_some(until)
    }

    /// The day on which a seat that went is not free any more. Who may have come back before is not out for
    /// certain.
    pub(super) fn over(&self, mode: Mode, piece: &Piece, tenure: &Tenure<'_>) -> usize {
        let back = match mode {
            Mode::Certain => piece.back_early,
            Mode::Possible => piece.back,
        };
        self.ticks.day_of(back.min(tenure.end))
    }

    /// Seats of the type at the beginning of each day.
    pub(super) fn seats(&self) -> Vec<u64> {
        let mut change = vec![0_i64; self.ticks.days.len() + 1];
        let of_type = |tenure: &&Tenure<'_>| tenure.seat_type == self.rule.seat_type;
        for tenure in self.timeline.tenures.iter().filter(of_type) {
            change[self.ticks.at_or_after(tenure.start)] += 1;
            change[self.ticks.at_or_after(tenure.end)] -= 1;
        }
        let mut seats = 0;
        let mut sum = |change: i64| {
            seats += change;
            u64::try_from(seats).unwrap_or(0)
        };
        change.into_iter().map(&mut sum).collect()
    }
}

/// What a person accepted may grow by so much: as [`crate::ledger::past::Accepted::most`].
fn most(accepted: u64) -> u64 {
    accepted.saturating_add(accepted.div_ceil(10))
}

/// What one replay says.
#[derive(Debug)]
pub(super) struct Course {
    mode: Mode,
    pub(super) released: Vec<u32>,
    pub(super) came_back: Vec<u32>,
    /// At the end of each day.
    pub(super) out: Vec<u32>,
    /// Days on which `maxReleasePercent` stopped the run.
    pub(super) stopped: Vec<bool>,
    /// What a person would have had to accept on the first day: due, of so many seats.
    pub(super) accepted: Option<(u64, u64)>,
    /// Beyond what is counted: a seat of which nothing is known may go again and again.
    pub(super) more: u64,
    /// How the number of those who are out changes with each day.
    pub(super) change: Vec<i64>,
    /// How many beyond `released` and `came_back` are possible: how that changes with each day.
    more_released: Vec<i64>,
    more_back: Vec<i64>,
}

impl Course {
    pub(super) fn new(mode: Mode, days: usize) -> Self {
        Self {
            mode,
            released: vec![0; days],
            came_back: vec![0; days],
            out: vec![0; days],
            stopped: vec![false; days],
            accepted: None,
            more: 0,
            change: vec![0; days + 1],
            more_released: vec![0; days + 1],
            more_back: vec![0; days + 1],
        }
    }

    /// A seat may go from a day on. Of one of which nothing is known, that may have been on any of its days,
    /// and more than once; where only the person's other seat is not known, it goes once.
    pub(super) fn arrive(&mut self, terms: Terms<'_>, piece: &Piece, (first, end): (usize, usize)) {
        if self.mode != Mode::Possible || !(piece.unknown || piece.window.loose) {
            return;
        }
        add(&mut self.more_released, first + 1, end);
        if !piece.unknown {
            return;
        }
        let rule = terms.rule;
        let days = rule.release_threshold_days.min(rule.never_used_grace_days).max(1);
        self.more += ((end - 1 - first) / days as usize) as u64;
        // Also after the time in which it may go: whoever went may stay away for as long as nothing is known.
        add(&mut self.more_back, first, terms.ticks.day_of(piece.back) + 1);
    }

    /// A seat goes on a day.
    pub(super) fn release(
        &mut self,
        terms: Terms<'_>,
        piece: &Piece,
        tenure: &Tenure<'_>,
        day: usize,
    ) {
        let over = terms.over(self.mode, piece, tenure);
        self.change[day] += 1;
        self.change[over.max(day)] -= 1;
        self.released[day] += 1;
        // Back on its day; where that is not known, on none of them for certain, and on each possibly.
        let early = terms.ticks.day_of(piece.back_early);
        let back = terms.ticks.day_of(piece.back);
        if early == back || self.mode == Mode::Possible {
            if let Some(count) = self.came_back.get_mut(back) {
                *count += 1;
            }
            add(&mut self.more_back, early, back);
        }
    }

    /// Whether `maxReleasePercent` stops the run. What is due on the first day is taken for accepted, as a
    /// person has to do with a backlog of years.
    pub(super) fn is_stopped(
        &mut self,
        rule: &TypeRule,
        is_first: bool,
        (due, seats): (u64, u64),
    ) -> bool {
        let allowed = (seats * u64::from(rule.max_release_percent)).div_ceil(100).max(1);
        if due <= allowed {
            return false;
        }
        if is_first {
            self.accepted = Some((due, seats));
        }
        self.accepted.is_none_or(|(accepted, _)| due > most(accepted))
    }

    /// Of all days together.
    pub(super) fn all_released(&self) -> u64 {
        self.released.iter().map(|count| u64::from(*count)).sum()
    }

    /// Of each day, how many more may have gone and come back.
    pub(super) fn more_of_days(&self) -> (Vec<u32>, Vec<u32>) {
        (sums(&self.more_released), sums(&self.more_back))
    }
}

/// One more on each of these days.
fn add(change: &mut [i64], from: usize, to: usize) {
    let to = to.min(change.len() - 1);
    if from < to {
        change[from] += 1;
        change[to] -= 1;
    }
}

fn sums(change: &[i64]) -> Vec<u32> {
    let mut sum = 0;
    let mut next = |change: &i64| {
        sum += change;
        u32::try_from(sum).unwrap_or(0)
    };
    change.iter().map(&mut next).collect()
}
