//! From facts to times in which a seat may go.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::segments::{Idle, Kind, LONG_AGO, Ms, NEVER, Segment, Window, segments};
use super::{Facts, RECORDED_DAYS, Removed};
use crate::license::{Holder, Person, Seat, SeatType};
use crate::policy::{NeverRelease, Policy, ThreeWay, TypeRule};
use crate::release::plan::dates;
use crate::release::rules::Rules;

/// What each seat went through, and whom the rules keep: the same for all thresholds.
#[derive(Debug)]
pub struct Timeline<'a> {
    pub(super) facts: &'a Facts,
    pub(super) policy: &'a Policy,
    pub(super) now: DateTime<Utc>,
    pub(super) tenures: Vec<Tenure<'a>>,
    /// People with a number each.
    pub(super) users: usize,
    /// A threshold of less than 14 days will ask.
    short: bool,
    /// Of all tenures, where they are needed together.
    pieces: OnceCell<Vec<Piece>>,
}

/// A seat in one person's hands.
#[derive(Debug, Clone)]
pub(super) struct Tenure<'a> {
    pub(super) seat_type: SeatType,
    pub(super) seat: Uuid,
    pub(super) user: u32,
    pub(super) holder: &'a Holder,
    pub(super) start: Ms,
    /// When it was lost, or [`NEVER`].
    pub(super) end: Ms,
    /// When the same person got a seat of the type again after that.
    pub(super) again: Ms,
    pub(super) judged: Judged,
    pub(super) removed_externally: bool,
    pub(super) excess: bool,
    /// When Bursar really took a seat of the type from the person before this one, it is kept by
    /// `reallocatedGraceDays` from here.
    pub(super) given_again: Ms,
    /// Where its gaps of use are.
    gaps: Range<u32>,
    /// After these: not used from here to its end, and whether it never was before. What a seat that is gone
    /// went through without this is not known at all.
    last: Option<(Ms, bool)>,
    /// The person has a seat of another type, too, whose use keeps this one.
    loose: bool,
}

/// What the rules say of a person today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Goes,
    Kept,
    /// The person was not read well enough.
    Unknown,
}

/// A time in which a seat may go: once it was idle for long enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) tenure: u32,
    pub(super) idle_since: Ms,
    pub(super) window: Window,
    /// When the person used it again, or got another one; [`NEVER`] so far.
    pub(super) back: Ms,
    /// The same, or before it where nobody looked for a day or more: some use may be missed.
    pub(super) back_early: Ms,
    /// Idle since its allocation: `neverUsedGraceDays` counts.
    pub(super) never: bool,
    /// It is not known whether the seat was idle at all.
    pub(super) unknown: bool,
    /// Of less than 14 days: only a shorter threshold looks at it.
    pub(super) short: bool,
}

impl<'a> Timeline<'a> {
    /// Who is protected follows from `policy` and what people are marked with today. `rules`: all
    /// that will be replayed.
    pub fn new(
        facts: &'a Facts,
        policy: &'a Policy,
        rules: &[TypeRule],
        now: DateTime<Utc>,
    ) -> Self {
        let today = policy.calendar.date(now);
        let mut builder = Builder::new(facts, policy, today, now);
        builder.seats();
        builder.removed();
        builder.next_seats();
        builder.other_types();
        let days =
            rules.iter().map(|rule| rule.release_threshold_days.min(rule.never_used_grace_days));
        let short = days.min().is_some_and(|days| days < RECORDED_DAYS);
        let (tenures, users) = (builder.tenures, builder.users.len());
        Self { facts, policy, now, tenures, users, short, pieces: OnceCell::new() }
    }

    /// The times in which the seat of a tenure may go, in order. `parts` is room for the work.
    pub(super) fn pieces_of(&self, n: usize, parts: &mut Vec<Segment>, pieces: &mut Vec<Piece>) {
        let tenure = &self.tenures[n];
        if tenure.judged == Judged::Kept {
            return;
        }
        let recorded = self.facts.recorded_from.get(&tenure.seat_type).map_or(NEVER, |at| ms(*at));
        let end = tenure.end;
        let last = tenure.last.map(|(from, never)| Idle { from, to: end, certain_to: end, never });
        let known = self.facts.gaps.at(&tenure.gaps).chain(last);
        let last_unknown = end != NEVER && last.is_none();
        parts.clear();
        segments(parts, (tenure.start, end), known, recorded, last_unknown);
        for segment in parts {
            let mut piece = piece(n, tenure, segment);
            // What of it matters only to a short threshold is not there without one.
            if piece.short && !self.short {
                continue;
            }
            if tenure.loose {
                piece.window = Window { certain_to: LONG_AGO, loose: true, ..piece.window };
            }
            pieces.push(piece);
        }
    }

    /// Those of all tenures.
    pub(super) fn pieces(&self) -> &[Piece] {
        self.pieces.get_or_init(|| {
            let (mut parts, mut pieces) = (Vec::new(), Vec::new());
            for n in 0..self.tenures.len() {
                self.pieces_of(n, &mut parts, &mut pieces);
            }
            pieces
        })
    }

    /// The seats of a type whose person was not read well enough to tell whether a rule keeps them.
    pub fn undecided(&self, seat_type: SeatType) -> u32 {
        let of = |tenure: &&Tenure<'_>| {
            tenure.seat_type == seat_type && tenure.judged == Judged::Unknown && tenure.end == NEVER
        };
        u32::try_from(self.tenures.iter().filter(of).count()).unwrap_or(u32::MAX)
    }
}

/// Nobody looked for so long: uses in between may be missed.
const BLIND: Ms = 86_400_000;

struct Builder<'a> {
    facts: &'a Facts,
    policy: &'a Policy,
    now: Ms,
    rules: Rules,
    asks: bool,
    users: HashMap<Uuid, u32>,
    tenures: Vec<Tenure<'a>>,
}

impl<'a> Builder<'a> {
    fn new(facts: &'a Facts, policy: &'a Policy, today: NaiveDate, now: DateTime<Utc>) -> Self {
        Self {
            facts,
            policy,
            now: ms(now),
            rules: Rules::new(&policy.never_release, today),
            asks: asks_about_people(&policy.never_release),
            users: HashMap::new(),
            tenures: Vec::with_capacity(facts.seats.len() + facts.removed.len()),
        }
    }

    fn user(&mut self, id: Uuid) -> u32 {
        let next = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        *self.users.entry(id).or_insert(next)
    }

    /// The seats that are there. What their row can't tell keeps them: they are in no replay.
    fn seats(&mut self) {
        let facts = self.facts;
        for seat in facts.seats.iter().filter(|seat| seat.quarantined.is_none()) {
            let Some(holder) = seat.holder.as_deref() else { continue };
            let Some(start) = dates::allocated(&seat.created).map(ms) else { continue };
            let person = facts.people.get(&holder.id);
            let given_again = facts.released.get(&(seat.seat_type, holder.id)).map(|at| ms(*at));
            let user = self.user(holder.id);
            self.tenures.push(Tenure {
                seat_type: seat.seat_type,
                seat: seat.id,
                user,
                holder,
                start,
                end: NEVER,
                again: NEVER,
                judged: self.judge(holder, person),
                removed_externally: person.is_some_and(|person| person.removed_externally),
                excess: seat.excess,
                given_again: given_again.map_or(LONG_AGO, |at| at.max(start)),
                gaps: facts.gaps.place(seat.seat_type, seat.id, holder.id),
                last: self.current(seat),
                loose: false,
            });
        }
    }

    /// Since when a seat is idle now, and whether it was never used.
    fn current(&self, seat: &Seat) -> Option<(Ms, bool)> {
        let from = ms(dates::idle_since(seat)?);
        let never = dates::known(&seat.last_used).is_none();
        (from <= self.now).then_some((from, never))
    }

    /// The seats that are gone, as far as something is known of them.
    fn removed(&mut self) {
        let facts = self.facts;
        let lost: HashSet<(SeatType, Uuid)> =
            facts.removed.iter().map(|removed| (removed.seat_type, removed.seat)).collect();
        let held =
            |seat: &&Seat| seat.quarantined.is_none() && lost.contains(&(seat.seat_type, seat.id));
        let there: HashMap<(SeatType, Uuid), Option<Uuid>> = facts
            .seats
            .iter()
            .filter(held)
            .map(|seat| ((seat.seat_type, seat.id), seat.holder.as_ref().map(|h| h.id)))
            .collect();
        let mut seen = HashSet::new();
        for removed in &facts.removed {
            let Removed { seat_type, seat, holder, .. } = removed;
            // Back from quarantine, or told twice: in quarantine, and then free.
            if there.get(&(*seat_type, *seat)) == Some(&Some(holder.id))
                || !seen.insert((*seat_type, *seat, holder.id))
            {
                continue;
            }
            let end = ms(removed.removed);
            let start = removed.allocated.map_or(LONG_AGO, ms);
            let person = facts.people.get(&holder.id);
            let user = self.user(holder.id);
            self.tenures.push(Tenure {
                seat_type: *seat_type,
                seat: *seat,
                user,
                holder,
                start,
                end,
                again: NEVER,
                judged: self.judge(holder, person),
                removed_externally: person.is_some_and(|person| person.removed_externally),
                excess: false,
                given_again: LONG_AGO,
                gaps: facts.gaps.place(*seat_type, *seat, holder.id),
                last: removed.idle_since.map(|since| (ms(since.at), since.never)),
                loose: false,
            });
        }
    }

    /// When people who lost a seat got one of the type again.
    fn next_seats(&mut self) {
        let lost = |tenure: &&Tenure<'_>| tenure.end != NEVER;
        let mut starts: HashMap<(SeatType, u32), Vec<Ms>> = HashMap::new();
        for tenure in self.tenures.iter().filter(lost) {
            starts.insert((tenure.seat_type, tenure.user), Vec::new());
        }
        for tenure in &self.tenures {
            if let Some(of_person) = starts.get_mut(&(tenure.seat_type, tenure.user)) {
                of_person.push(tenure.start);
            }
        }
        for tenure in self.tenures.iter_mut().filter(|tenure| tenure.end != NEVER) {
            let of_person = starts.get(&(tenure.seat_type, tenure.user)).into_iter().flatten();
            let next = of_person.filter(|start| **start >= tenure.end).min();
            tenure.again = next.copied().unwrap_or(NEVER);
        }
    }

    /// What the other seats of a person went through is known in parts only, and so is what follows.
    fn other_types(&mut self) {
        if !self.policy.judge_per_user {
            return;
        }
        let mut first = vec![None; self.users.len()];
        let mut several = vec![false; self.users.len()];
        for tenure in &self.tenures {
            let (user, seat_type) = (tenure.user as usize, tenure.seat_type);
            several[user] |= *first[user].get_or_insert(seat_type) != seat_type;
        }
        for tenure in &mut self.tenures {
            tenure.loose = several[tenure.user as usize];
        }
    }

    fn judge(&self, holder: &Holder, person: Option<&Person>) -> Judged {
        let mut keep = Vec::new();
        let person = person.filter(|person| person.id == holder.id);
        match person {
            Some(person) => self.rules.keeping_holder(holder, person, &mut keep),
            None => self.rules.keeping_account(holder, &mut keep),
        }
        if keep.iter().any(|reason| !reason.is_unknown()) {
            Judged::Kept
        } else if !keep.is_empty() || (person.is_none() && self.asks) {
            Judged::Unknown
        } else {
            Judged::Goes
        }
    }
}

fn piece(n: usize, tenure: &Tenure<'_>, segment: &Segment) -> Piece {
    let certain = tenure.judged == Judged::Goes;
    let is_last = segment.to == tenure.end;
    let back = if is_last { tenure.again } else { segment.to };
    let window = |certain_to| Window {
        from: segment.from,
        to: segment.to,
        certain_to: if certain { certain_to } else { LONG_AGO },
        loose: false,
    };
    let back_early = match segment.kind {
        Kind::Idle(idle) if !is_last && back - idle.certain_to >= BLIND => idle.certain_to,
        _ => back,
    };
    let (idle_since, window, never, unknown) = match segment.kind {
        Kind::Idle(idle) => (idle.from, window(idle.certain_to), idle.never, false),
        Kind::Unknown | Kind::Used => {
            // Since its allocation, if it was never used until then.
            (segment.from, window(LONG_AGO), segment.from == tenure.start, true)
        }
    };
    Piece {
        tenure: u32::try_from(n).unwrap_or(u32::MAX),
        idle_since,
        window,
        back,
        back_early,
        never,
        unknown,
        short: segment.kind == Kind::Used,
    }
}

/// Whether a rule needs more of a person than the account.
fn asks_about_people(rules: &NeverRelease) -> bool {
    let NeverRelease {
        users: _,
        directories: _,
        tags,
        custom_properties,
        roles,
        groups,
        inactive,
        blocked,
        removed_externally,
    } = rules;
    let marks = [inactive, blocked, removed_externally];
    !(tags.is_empty() && custom_properties.is_empty() && roles.is_empty() && groups.is_empty())
        || marks.into_iter().any(|mark| *mark != ThreeWay::Ignore)
}

pub(super) fn ms(time: DateTime<Utc>) -> Ms {
    time.timestamp_millis()
}
