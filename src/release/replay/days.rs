//! One run a day, where seats take turns: `keepFree`, `maxReleases`, `graceDays`, a share that stops the run.
//!
//! The run of a day is at its beginning. What happens within a day counts on it: who comes back on a day
//! is not out any more at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use uuid::Uuid;

use super::course::{Course, Mode, Terms};
use super::segments::{LONG_AGO, Ms};
use super::timeline::Piece;

/// Of a piece whose seat stays.
pub(super) const STAYS: u16 = u16::MAX;

/// Who goes first, as in a plan: removed from their directory, then idle for longest, then excess.
type Turn = (bool, Ms, bool, Uuid, u32);

/// The seats that are due and wait.
#[derive(Debug, Default)]
struct Waiting {
    /// May go now.
    ready: BTreeSet<Turn>,
    /// Have to be announced first.
    fresh: BTreeSet<Turn>,
    /// Announced, and not due yet: the day of the run that may take it.
    told: HashMap<u32, usize>,
    told_until: BTreeMap<usize, Vec<u32>>,
    /// When the time of each is over.
    ends: BTreeMap<usize, Vec<u32>>,
    /// Of today, by tenure: announcements that hold on in the next part of the same time; `None`: due.
    carried: HashMap<u32, Option<usize>>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.ready.len() + self.fresh.len() + self.told.len()
    }
}

pub(super) struct Replay<'a> {
    terms: Terms<'a>,
    mode: Mode,
    pieces: &'a [Piece],
    /// Free at the beginning of each day, in truth.
    free_before: &'a [Option<u32>],
    course: Course,
    /// The day on which the seat of each piece goes, or [`STAYS`].
    days: Vec<u16>,
    out_until: Vec<Ms>,
    came_back_at: Vec<Ms>,
    waiting: Waiting,
    is_first: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        terms: Terms<'a>,
        mode: Mode,
        pieces: &'a [Piece],
        free_before: &'a [Option<u32>],
    ) -> Self {
        Self {
            terms,
            mode,
            pieces,
            free_before,
            course: Course::new(mode, terms.ticks.days.len()),
            days: vec![STAYS; pieces.len()],
            out_until: vec![LONG_AGO; terms.timeline.tenures.len()],
            came_back_at: vec![LONG_AGO; terms.timeline.users],
            waiting: Waiting::default(),
            is_first: true,
        }
    }

    /// What it says, and the day on which the seat of each piece goes.
    pub(super) fn run(mut self) -> (Course, Vec<u16>) {
        let days = self.terms.ticks.days.len();
        let mut arrivals = self.arrivals();
        let seats = self.terms.seats();
        let mut out = 0_i64;
        for day in 0..days {
            let arrived = std::mem::take(&mut arrivals[day]);
            self.expire(day);
            let mut there = Vec::with_capacity(arrived.len());
            for n in arrived {
                match self.waits_until(n, day) {
                    None => there.push(n),
                    Some(later) if later < days => arrivals[later].push(n),
                    Some(_) => {}
                }
            }
            let before = u32::try_from(out).unwrap_or(0);
            if self.is_free_of_limits(day) {
                // All that is due goes at once: nothing waits, and whose turn it is doesn't matter.
                let due = (there.len() as u64, seats[day].saturating_sub(before.into()));
                if !self.course.is_stopped(self.terms.rule, self.is_first, due) {
                    there.into_iter().for_each(|n| self.release(n, day));
                    there = Vec::new();
                } else {
                    self.course.stopped[day] = true;
                }
            }
            let is_done = there.is_empty() && self.waiting.len() == 0;
            there.into_iter().for_each(|n| self.admit(n, day));
            if !is_done && !self.course.stopped[day] {
                self.act(day, before, seats[day]);
            }
            self.is_first &= !self.terms.ticks.open[day];
            out += self.course.change[day];
            self.course.out[day] = u32::try_from(out).unwrap_or(0);
        }
        (self.course, self.days)
    }

    /// Nothing but the share stands between what is due and its release.
    fn is_free_of_limits(&self, day: usize) -> bool {
        !self.terms.takes_turns() && self.waiting.len() == 0 && self.terms.ticks.open[day]
    }

    fn piece(&self, n: u32) -> &'a Piece {
        &self.pieces[n as usize]
    }

    /// The pieces of each day on which their seat first may go.
    fn arrivals(&mut self) -> Vec<Vec<u32>> {
        let terms = self.terms;
        let mut arrivals = vec![Vec::new(); terms.ticks.days.len()];
        for (n, piece) in (0_u32..).zip(self.pieces) {
            let tenure = terms.tenure(piece);
            if tenure.seat_type != terms.rule.seat_type || !terms.counts(self.mode, piece, tenure) {
                continue;
            }
            let Some(from) = terms.due(piece, tenure) else { continue };
            let (day, end) = (terms.ticks.at_or_after(from), terms.end(self.mode, piece));
            if day < end {
                arrivals[day].push(n);
                self.course.arrive(terms, piece, (day, end));
            }
        }
        arrivals
    }

    /// Until which day a seat that is due waits because it is out, or just came back.
    fn waits_until(&self, n: u32, day: usize) -> Option<usize> {
        let piece = self.piece(n);
        let tenure = self.terms.tenure(piece);
        let never = self.terms.ticks.days.len();
        if self.out_until[piece.tenure as usize] > self.terms.ticks.times[day] {
            // Still out: the same time without use in two parts.
            return Some(never);
        }
        let until = self.terms.grace_end(self.came_back_at[tenure.user as usize], day)?;
        Some(if until < self.terms.end(self.mode, piece) { until } else { never })
    }

    fn turn(&self, n: u32) -> Turn {
        let piece = self.piece(n);
        let tenure = self.terms.tenure(piece);
        (!tenure.removed_externally, piece.idle_since, !tenure.excess, tenure.seat, n)
    }

    fn admit(&mut self, n: u32, day: usize) {
        let turn = self.turn(n);
        let end = self.terms.end(self.mode, self.piece(n));
        if end <= day {
            return;
        }
        let tenure = self.piece(n).tenure;
        match self.waiting.carried.remove(&tenure) {
            Some(Some(due)) => self.tell(n, due),
            Some(None) => drop(self.waiting.ready.insert(turn)),
            None if self.terms.rule.grace_days == 0 => drop(self.waiting.ready.insert(turn)),
            None => drop(self.waiting.fresh.insert(turn)),
        }
        self.waiting.ends.entry(end).or_default().push(n);
    }

    /// Those who used their seat meanwhile are not due any more; those whose announcement is over are.
    fn expire(&mut self, day: usize) {
        self.waiting.carried.clear();
        for n in self.waiting.ends.remove(&day).unwrap_or_default() {
            let (turn, tenure) = (self.turn(n), self.piece(n).tenure);
            self.waiting.fresh.remove(&turn);
            let told = self.waiting.told.remove(&n);
            if self.waiting.ready.remove(&turn) || told.is_some() {
                self.waiting.carried.insert(tenure, told);
            }
        }
        let over = self.waiting.told_until.range(..=day).map(|(day, _)| *day).collect::<Vec<_>>();
        for day in over {
            for n in self.waiting.told_until.remove(&day).unwrap_or_default() {
                if self.waiting.told.remove(&n).is_some() {
                    let turn = self.turn(n);
                    self.waiting.ready.insert(turn);
                }
            }
        }
    }

    /// The run of a day. `out`: seats that are free only here.
    fn act(&mut self, day: usize, out: u32, seats: u64) {
        if !self.terms.ticks.open[day] {
            return;
        }
        let due = (self.waiting.len() as u64, seats.saturating_sub(out.into()));
        if self.course.is_stopped(self.terms.rule, self.is_first, due) {
            self.course.stopped[day] = true;
            return;
        }
        let needed = self.terms.rule.keep_free.map_or(usize::MAX, |keep_free| {
            let free = self.free_before[day].map(|free| free.saturating_add(out));
            match (free, self.mode) {
                (Some(free), _) => keep_free.saturating_sub(free) as usize,
                (None, Mode::Certain) => 0,
                (None, Mode::Possible) => usize::MAX,
            }
        });
        let most = self.terms.rule.max_releases.map_or(usize::MAX, |most| most as usize);
        let mut gone = 0;
        while gone < needed.min(most) {
            let Some(turn) = self.waiting.ready.pop_first() else { break };
            self.release(turn.4, day);
            gone += 1;
        }
        let needed = needed.saturating_sub(gone + self.waiting.told.len());
        for _ in 0..needed.min(most) {
            let Some(turn) = self.waiting.fresh.pop_first() else { break };
            let grace = TimeDelta::days(self.terms.rule.grace_days.into()).num_milliseconds();
            let due =
                self.terms.ticks.at_or_after(self.terms.ticks.times[day].saturating_add(grace));
            self.tell(turn.4, due);
        }
    }

    fn tell(&mut self, n: u32, due: usize) {
        self.waiting.told.insert(n, due);
        self.waiting.told_until.entry(due).or_default().push(n);
    }

    fn release(&mut self, n: u32, day: usize) {
        let piece = self.piece(n);
        let tenure = self.terms.tenure(piece);
        self.out_until[piece.tenure as usize] = piece.back.min(tenure.end);
        if !piece.unknown {
            self.came_back_at[tenure.user as usize] = piece.back;
        }
        self.course.release(self.terms, piece, tenure, day);
        self.days[n as usize] = u16::try_from(day).unwrap_or(STAYS);
    }
}
