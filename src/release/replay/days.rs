//! One run a day.
//!
//! The run of a day is at its beginning. What happens within a day counts on it: who comes back on a day
//! is not out any more at its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::segments::{LONG_AGO, Ms, NEVER};
use super::timeline::{Judged, Piece, Tenure, Timeline, ms};
use super::{RECORDED_DAYS, Span};
use crate::policy::TypeRule;
use crate::policy::calendar::Calendar;

const DAY: Ms = 86_400_000;

/// What a person accepted may grow by so much: as [`crate::ledger::past::Accepted::most`].
fn most(accepted: u64) -> u64 {
    accepted.saturating_add(accepted.div_ceil(10))
}

/// The days of a replay with their beginnings.
#[derive(Debug)]
pub(super) struct Ticks {
    pub(super) days: Vec<NaiveDate>,
    times: Vec<Ms>,
    /// Whether a real run may take seats on that day.
    open: Vec<bool>,
    now: Ms,
}

impl Ticks {
    /// No run is before `earliest`.
    pub(super) fn new(
        calendar: &Calendar,
        span: Span,
        earliest: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let days: Vec<NaiveDate> =
            span.first.iter_days().take_while(|day| *day <= span.last).collect();
        let begin = |day: &NaiveDate| {
            let begin = day.pred_opt().and_then(|before| calendar.day_after(before));
            let begin = begin.map_or(NEVER, ms);
            earliest.map_or(begin, |earliest| begin.max(ms(earliest)))
        };
        let in_hours = |day: &NaiveDate| {
            let hours = &calendar.allowed_hours;
            let on = |days: &[chrono::Weekday]| days.is_empty() || days.contains(&day.weekday());
            hours.is_empty() || hours.iter().any(|hours| on(&hours.days))
        };
        let frozen = |day: &NaiveDate| calendar.freeze.iter().any(|freeze| freeze.holds_on(*day));
        let times = days.iter().map(begin).collect();
        let open = days.iter().map(|day| in_hours(day) && !frozen(day)).collect();
        Self { days, times, open, now: ms(now) }
    }

    /// The first run at this time or later; the number of days if there is none.
    fn at_or_after(&self, time: Ms) -> usize {
        self.times.partition_point(|begin| *begin < time)
    }

    /// The first run after this time.
    fn after(&self, time: Ms) -> usize {
        self.times.partition_point(|begin| *begin <= time)
    }

    /// The day that a time lies in; the number of days if that is beyond them, or has not come yet.
    fn day_of(&self, time: Ms) -> usize {
        if time > self.now {
            return self.days.len();
        }
        self.after(time).saturating_sub(1)
    }

    /// Beginning of the run of a day.
    pub(super) fn time(&self, day: usize) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.times[day]).unwrap_or_default()
    }
}

/// Which of two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Only what is certain.
    Certain,
    /// All that is possible.
    Possible,
}

/// A release of a replay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release {
    pub(super) tenure: u32,
    pub(super) day: u32,
    /// The last day on which it may have been instead.
    pub(super) latest: u32,
    /// When its person came back; [`NEVER`] so far.
    pub(super) back: Ms,
    pub(super) back_early: Ms,
    /// Nothing is known of the seat at that time: it may go, and its person come back, on any day.
    pub(super) unknown: bool,
    /// The day on which they did, or on which the seat went in any case; the number of days if none.
    pub(super) until: u32,
}

/// What one replay says.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) releases: Vec<Release>,
    pub(super) released: Vec<u32>,
    pub(super) came_back: Vec<u32>,
    /// At the end of each day.
    pub(super) out: Vec<u32>,
    /// Days on which `maxReleasePercent` stopped the run.
    pub(super) stopped: Vec<bool>,
    /// What a person would have had to accept on the first day: due, of so many seats.
    pub(super) accepted: Option<(u64, u64)>,
    /// Beyond what `releases` has: a seat of which nothing is known may go again and again.
    pub(super) more: u64,
    /// Of each day, how many beyond `released` and `came_back` are possible.
    pub(super) more_released: Vec<u32>,
    pub(super) more_back: Vec<u32>,
}

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
    timeline: &'a Timeline<'a>,
    rule: &'a TypeRule,
    ticks: &'a Ticks,
    mode: Mode,
    /// Free at the beginning of each day, in truth.
    free_before: &'a [Option<u32>],
    course: Course,
    /// How the number of those who are out changes with each day.
    change: Vec<i64>,
    out_until: Vec<Ms>,
    came_back_at: Vec<Ms>,
    waiting: Waiting,
    is_first: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        timeline: &'a Timeline<'a>,
        rule: &'a TypeRule,
        ticks: &'a Ticks,
        mode: Mode,
        free_before: &'a [Option<u32>],
    ) -> Self {
        let days = ticks.days.len();
        Self {
            timeline,
            rule,
            ticks,
            mode,
            free_before,
            course: Course {
                releases: Vec::new(),
                released: vec![0; days],
                came_back: vec![0; days],
                out: vec![0; days],
                stopped: vec![false; days],
                accepted: None,
                more: 0,
                more_released: vec![0; days],
                more_back: vec![0; days],
            },
            change: vec![0; days + 1],
            out_until: vec![LONG_AGO; timeline.tenures.len()],
            came_back_at: vec![LONG_AGO; timeline.users],
            waiting: Waiting::default(),
            is_first: true,
        }
    }

    pub(super) fn run(mut self) -> Course {
        let days = self.ticks.days.len();
        let mut arrivals = self.arrivals();
        let seats = self.seats();
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
                let due = there.len() as u64;
                if !self.is_stopped(due, seats[day].saturating_sub(before.into())) {
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
            self.is_first &= !self.ticks.open[day];
            out += self.change[day];
            self.course.out[day] = u32::try_from(out).unwrap_or(0);
        }
        self.course
    }

    fn tenure(&self, piece: &Piece) -> &'a Tenure {
        &self.timeline.tenures[piece.tenure as usize]
    }

    /// Nothing but the share stands between what is due and its release.
    fn is_free_of_limits(&self, day: usize) -> bool {
        let rule = self.rule;
        let none = rule.grace_days == 0 && rule.keep_free.is_none() && rule.max_releases.is_none();
        none && self.waiting.len() == 0 && self.ticks.open[day]
    }

    fn piece(&self, n: u32) -> &'a Piece {
        &self.timeline.pieces[n as usize]
    }

    /// The pieces of each day on which their seat first may go.
    fn arrivals(&mut self) -> Vec<Vec<u32>> {
        let days = self.ticks.days.len();
        let mut arrivals = vec![Vec::new(); days];
        for (n, piece) in (0_u32..).zip(&self.timeline.pieces) {
            let tenure = self.tenure(piece);
            if tenure.seat_type != self.rule.seat_type || !self.counts(piece, tenure) {
                continue;
            }
            let Some(from) = self.due(piece, tenure) else { continue };
            let day = self.ticks.at_or_after(from);
            if day < self.end(piece) {
                arrivals[day].push(n);
                if self.mode == Mode::Possible && (piece.unknown || piece.window.loose) {
                    self.on_any_day(piece, day);
                }
            }
        }
        arrivals
    }

    fn counts(&self, piece: &Piece, tenure: &Tenure) -> bool {
        self.mode == Mode::Possible || (!piece.unknown && tenure.judged == Judged::Goes)
    }

    /// From when on the seat may go, by the rule.
    fn due(&self, piece: &Piece, tenure: &Tenure) -> Option<Ms> {
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
        Some(from)
    }

    /// The first day on which the seat may not go any more.
    fn end(&self, piece: &Piece) -> usize {
        match self.mode {
            Mode::Possible => self.ticks.at_or_after(piece.window.to),
            Mode::Certain => {
                let certain = self.ticks.after(piece.window.certain_to);
                certain.min(self.ticks.at_or_after(piece.window.to))
            }
        }
    }

    /// A seat of which nothing is known may have gone on any of its days, and more than once. Where only the
    /// person's other seat is not known, it goes once.
    fn on_any_day(&mut self, piece: &Piece, first: usize) {
        let end = self.end(piece);
        for day in first + 1..end {
            self.course.more_released[day] += 1;
        }
        if !piece.unknown {
            return;
        }
        let days = self.rule.release_threshold_days.min(self.rule.never_used_grace_days).max(1);
        self.course.more += ((end - 1 - first) / days as usize) as u64;
        // Also after the time in which it may go: whoever went may stay away for as long as nothing is known.
        let last = self.ticks.day_of(piece.back);
        for back in self.course.more_back.iter_mut().take(last + 1).skip(first) {
            *back += 1;
        }
    }

    /// Seats of the type at the beginning of each day.
    fn seats(&self) -> Vec<u64> {
        let mut change = vec![0_i64; self.ticks.days.len() + 1];
        let of_type = |tenure: &&Tenure| tenure.seat_type == self.rule.seat_type;
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

    /// Until which day a seat that is due waits because it is out, or just came back.
    fn waits_until(&self, n: u32, day: usize) -> Option<usize> {
        let piece = self.piece(n);
        let (tenure, now) = (self.tenure(piece), self.ticks.times[day]);
        let never = Some(self.ticks.days.len());
        if self.out_until[piece.tenure as usize] > now {
            // Still out: the same time without use in two parts.
            return never;
        }
        let back = self.came_back_at[tenure.user as usize];
        if back == LONG_AGO || back > now {
            return None;
        }
        let grace = Ms::from(self.rule.reallocated_grace_days) * DAY;
        let until = self.ticks.at_or_after(back.saturating_add(grace));
        (until > day).then_some(if until < self.end(piece) { until } else { self.ticks.days.len() })
    }

    fn turn(&self, n: u32) -> Turn {
        let piece = self.piece(n);
        let tenure = self.tenure(piece);
        (!tenure.removed_externally, piece.idle_since, !tenure.excess, tenure.seat, n)
    }

    fn admit(&mut self, n: u32, day: usize) {
        let turn = self.turn(n);
        let end = self.end(self.piece(n));
        if end <= day {
            return;
        }
        let tenure = self.piece(n).tenure;
        match self.waiting.carried.remove(&tenure) {
            Some(Some(due)) => self.tell(n, due),
            Some(None) => drop(self.waiting.ready.insert(turn)),
            None if self.rule.grace_days == 0 => drop(self.waiting.ready.insert(turn)),
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
        if !self.ticks.open[day] {
            return;
        }
        if self.is_stopped(self.waiting.len() as u64, seats.saturating_sub(out.into())) {
            self.course.stopped[day] = true;
            return;
        }
        let needed = self.rule.keep_free.map_or(usize::MAX, |keep_free| {
            let free = self.free_before[day].map(|free| free.saturating_add(out));
            match (free, self.mode) {
                (Some(free), _) => keep_free.saturating_sub(free) as usize,
                (None, Mode::Certain) => 0,
                (None, Mode::Possible) => usize::MAX,
            }
        });
        let most = self.rule.max_releases.map_or(usize::MAX, |most| most as usize);
        let mut gone = 0;
        while gone < needed.min(most) {
            let Some(turn) = self.waiting.ready.pop_first() else { break };
            self.release(turn.4, day);
            gone += 1;
        }
        let needed = needed.saturating_sub(gone + self.waiting.told.len());
        for _ in 0..needed.min(most) {
            let Some(turn) = self.waiting.fresh.pop_first() else { break };
            let grace = TimeDelta::days(self.rule.grace_days.into()).num_milliseconds();
            let due = self.ticks.at_or_after(self.ticks.times[day].saturating_add(grace));
            self.tell(turn.4, due);
        }
    }

    fn tell(&mut self, n: u32, due: usize) {
        self.waiting.told.insert(n, due);
        self.waiting.told_until.entry(due).or_default().push(n);
    }

    /// Whether `maxReleasePercent` stops the run. What is due on the first day is taken for accepted, as a
    /// person has to do with a backlog of years.
    fn is_stopped(&mut self, due: u64, seats: u64) -> bool {
        let allowed = (seats * u64::from(self.rule.max_release_percent)).div_ceil(100).max(1);
        if due <= allowed {
            return false;
        }
        if self.is_first {
            self.course.accepted = Some((due, seats));
        }
        self.course.accepted.is_none_or(|(accepted, _)| due > most(accepted))
    }

    fn release(&mut self, n: u32, day: usize) {
        let piece = self.piece(n);
        let tenure = self.tenure(piece);
        let until = piece.back.min(tenure.end);
        // Who may have come back before is not out for certain.
        let over = self.ticks.day_of(match self.mode {
            Mode::Certain => piece.back_early.min(tenure.end),
            Mode::Possible => until,
        });
        self.out_until[piece.tenure as usize] = until;
        if !piece.unknown {
            self.came_back_at[tenure.user as usize] = piece.back;
        }
        self.change[day] += 1;
        self.change[over.max(day)] -= 1;
        self.course.released[day] += 1;
        self.count_return(piece);
        let number = |day: usize| u32::try_from(day).unwrap_or(u32::MAX);
        self.course.releases.push(Release {
            tenure: piece.tenure,
            day: number(day),
            latest: number(if piece.window.loose { self.end(piece) - 1 } else { day }),
            back: if piece.back > self.ticks.now { NEVER } else { piece.back },
            back_early: piece.back_early.max(self.ticks.times[day]),
            unknown: piece.unknown,
            until: number(over),
        });
    }

    /// On its day; where that is not known, on none of them for certain, and on each possibly.
    fn count_return(&mut self, piece: &Piece) {
        let (early, back) = (self.ticks.day_of(piece.back_early), self.ticks.day_of(piece.back));
        if early == back || self.mode == Mode::Possible {
            if let Some(count) = self.course.came_back.get_mut(back) {
                *count += 1;
            }
            let before = self.course.more_back.iter_mut().take(back).skip(early);
            before.for_each(|count| *count += 1);
        }
    }
}
