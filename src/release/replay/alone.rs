//! Without limits, seats take no turns: each person's are replayed by themselves, one after the other.
//!
//! It says what [`super::days`] says, but reads each gap once and keeps none. Where a day turns out on which
//! `maxReleasePercent` would have stopped the run, what follows depends on all seats together: there is no
//! answer then.

use std::collections::BTreeMap;

use super::both::Both;
use super::course::{Course, Mode, Terms};
use super::segments::{LONG_AGO, Ms, Segment};
use super::timeline::{Judged, Piece};

const MODES: [Mode; 2] = [Mode::Certain, Mode::Possible];

/// What is certain, all that is possible, and both together; `None` where seats take turns.
pub(super) fn replay<'a>(terms: Terms<'a>, names: bool) -> Option<(Course, Course, Both<'a>)> {
    if terms.takes_turns() {
        return None;
    }
    let days = terms.ticks.days.len();
    let courses = MODES.map(|mode| Course::new(mode, days));
    let mut alone = Alone { terms, courses, both: Both::new(terms, names) };
    let (mut parts, mut pieces) = (Vec::new(), Vec::new());
    for tenures in Persons::new(terms).each() {
        pieces.clear();
        alone.gather(tenures, &mut parts, &mut pieces);
        match tenures {
            [_] => alone.one(&pieces),
            _ => alone.several(&pieces),
        }
    }
    let Alone { courses: [mut certain, mut possible], both, .. } = alone;
    let seats = terms.seats();
    let runs = [&mut certain, &mut possible].into_iter().all(|course| runs(terms, course, &seats));
    runs.then_some((certain, possible, both))
}

/// Follows the days, and says whether the run of each would have taken its seats.
fn runs(terms: Terms<'_>, course: &mut Course, seats: &[u64]) -> bool {
    let (mut out, mut is_first) = (0_i64, true);
    for day in 0..terms.ticks.days.len() {
        let before = u64::try_from(out).unwrap_or(0);
        let due = (course.released[day].into(), seats[day].saturating_sub(before));
        if terms.ticks.open[day] && course.is_stopped(terms.rule, is_first, due) {
            return false;
        }
        is_first &= !terms.ticks.open[day];
        out += course.change[day];
        course.out[day] = u32::try_from(out).unwrap_or(0);
    }
    true
}

/// The tenures of a type by person.
struct Persons {
    /// In order, those of a person together.
    tenures: Vec<usize>,
    users: Vec<u32>,
}

impl Persons {
    fn new(terms: Terms<'_>) -> Self {
        let all = &terms.timeline.tenures;
        let goes =
            |n: &usize| all[*n].seat_type == terms.rule.seat_type && all[*n].judged != Judged::Kept;
        let mut tenures: Vec<usize> = (0..all.len()).filter(goes).collect();
        tenures.sort_by_key(|n| all[*n].user);
        let users = tenures.iter().map(|n| all[*n].user).collect();
        Self { tenures, users }
    }

    fn each(&self) -> impl Iterator<Item = &[usize]> {
        let mut from = 0;
        self.users.chunk_by(|one, other| one == other).map(move |of_person| {
            let tenures = &self.tenures[from..from + of_person.len()];
            from += of_person.len();
            tenures
        })
    }
}

struct Alone<'a> {
    terms: Terms<'a>,
    courses: [Course; 2],
    both: Both<'a>,
}

impl Alone<'_> {
    fn gather(&self, tenures: &[usize], parts: &mut Vec<Segment>, pieces: &mut Vec<Piece>) {
        for n in tenures {
            self.terms.timeline.pieces_of(*n, parts, pieces);
        }
    }

    /// The first day on which a seat may go, and the first on which it may not any more.
    fn arrival(&mut self, mode: usize, piece: &Piece, due: Ms) -> Option<(usize, usize)> {
        let terms = self.terms;
        if !terms.counts(MODES[mode], piece, terms.tenure(piece)) {
            return None;
        }
        let days = (terms.ticks.at_or_after(due), terms.end(MODES[mode], piece));
        (days.0 < days.1).then(|| {
            self.courses[mode].arrive(terms, piece, days);
            days
        })
    }

    /// A person with one seat: its times follow each other.
    fn one(&mut self, pieces: &[Piece]) {
        let terms = self.terms;
        let (mut out_until, mut came_back_at) = ([LONG_AGO; 2], [LONG_AGO; 2]);
        for piece in pieces {
            let tenure = terms.tenure(piece);
            let Some(due) = terms.due(piece, tenure) else { continue };
            let gone = [0, 1].map(|mode| {
                let (mut day, end) = self.arrival(mode, piece, due)?;
                loop {
                    if out_until[mode] > terms.ticks.times[day] {
                        return None;
                    }
                    match terms.grace_end(came_back_at[mode], day) {
                        Some(until) if until < end => day = until,
                        Some(_) => return None,
                        None => break,
                    }
                }
                let day = terms.ticks.next_open[day] as usize;
                (day < end).then_some(day)
            });
            for (mode, day) in gone.iter().enumerate() {
                let Some(day) = *day else { continue };
                out_until[mode] = piece.back.min(tenure.end);
                if !piece.unknown {
                    came_back_at[mode] = piece.back;
                }
                self.courses[mode].release(terms, piece, tenure, day);
            }
            if gone != [None, None] {
                self.both.add(piece, gone[0], gone[1]);
            }
        }
    }

    /// One with several, such as a seat that was lost and another one later.
    fn several(&mut self, pieces: &[Piece]) {
        let [certain, possible] = [0, 1].map(|mode| self.day_by_day(mode, pieces));
        for ((piece, certain), possible) in pieces.iter().zip(certain).zip(possible) {
            if certain.is_some() || possible.is_some() {
                self.both.add(piece, certain, possible);
            }
        }
    }

    /// The day on which the seat of each piece goes.
    fn day_by_day(&mut self, mode: usize, pieces: &[Piece]) -> Vec<Option<usize>> {
        let terms = self.terms;
        let ticks = terms.ticks;
        // By day, and in the order in which they came to it.
        let mut coming: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (n, piece) in pieces.iter().enumerate() {
            let due = terms.due(piece, terms.tenure(piece));
            if let Some((day, _)) = due.and_then(|due| self.arrival(mode, piece, due)) {
                coming.insert((day, n), n);
            }
        }
        let mut order = pieces.len();
        let mut gone = vec![None; pieces.len()];
        let mut out_until: BTreeMap<u32, Ms> = BTreeMap::new();
        let mut came_back_at = LONG_AGO;
        let mut waiting: Vec<usize> = Vec::new();
        let mut run = ticks.days.len();
        loop {
            let next = coming.first_key_value().map_or(ticks.days.len(), |((day, _), _)| *day);
            let day = next.min(run);
            if day >= ticks.days.len() {
                return gone;
            }
            while let Some(entry) = coming.first_entry().filter(|entry| entry.key().0 == day) {
                let n = entry.remove();
                let piece = &pieces[n];
                if out_until.get(&piece.tenure).is_some_and(|until| *until > ticks.times[day]) {
                    continue;
                }
                match terms.grace_end(came_back_at, day) {
                    Some(until) if until < terms.end(MODES[mode], piece) => {
                        coming.insert((until, order), n);
                        order += 1;
                    }
                    Some(_) => {}
                    None => waiting.push(n),
                }
            }
            run = ticks.next_open[day] as usize;
            if run > day {
                continue;
            }
            run = ticks.days.len();
            for n in waiting.drain(..) {
                let (piece, tenure) = (&pieces[n], terms.tenure(&pieces[n]));
                if terms.end(MODES[mode], piece) <= day {
                    continue;
                }
                out_until.insert(piece.tenure, piece.back.min(tenure.end));
                if !piece.unknown {
                    came_back_at = piece.back;
                }
                self.courses[mode].release(terms, piece, tenure, day);
                gone[n] = Some(day);
            }
        }
    }
}
