//! What certain and possible releases of the same seats say together.

use chrono::{DateTime, NaiveDate, TimeDelta};

use super::answer::{Bounds, CameBack, Return};
use super::course::{Course, Mode, Terms};
use super::segments::{Ms, NEVER};
use super::timeline::Piece;
use crate::insight::cost::ReleasedSeats;
use crate::insight::returns::{WITHIN_DAYS, is_within};
use crate::license::SeatType;

/// Within so many days; at all.
const WITHIN: [Option<i64>; 4] = {
    let [a, b, c] = WITHIN_DAYS;
    [Some(a), Some(b), Some(c), None]
};

/// The releases of both replays, counted.
#[derive(Debug)]
pub(super) struct Both<'a> {
    terms: Terms<'a>,
    names: bool,
    sure: [u64; 4],
    maybe: [u64; 4],
    /// Releases that are certain, but not their day: they may have been earlier. So many of each day.
    pub(super) shifted: Vec<u32>,
    /// The day of each release, and the one on which its seat was taken again: for what they saved.
    certain: Vec<(u16, u16)>,
    possible: Vec<(u16, u16)>,
    sure_names: Vec<Return>,
    maybe_names: Vec<Return>,
}

impl<'a> Both<'a> {
    pub(super) fn new(terms: Terms<'a>, names: bool) -> Self {
        Self {
            terms,
            names,
            sure: [0; 4],
            maybe: [0; 4],
            shifted: vec![0; terms.ticks.days.len()],
            certain: Vec::new(),
            possible: Vec::new(),
            sure_names: Vec::new(),
            maybe_names: Vec::new(),
        }
    }

    /// The day on which the seat of a piece goes for certain, and on which it may.
    pub(super) fn add(&mut self, piece: &Piece, certain: Option<usize>, possible: Option<usize>) {
        let has_back = piece.back <= self.terms.ticks.now && piece.back != NEVER;
        let both = certain.zip(possible).filter(|_| !piece.unknown);
        if let Some(day) = certain {
            self.certain.push(self.saved(Mode::Certain, piece, day));
            // Released as early, and back as late, as can be: what is certain. And the other way round.
            let earliest = both.map_or(day, |(_, possible)| day.min(possible));
            if has_back {
                self.count_back(|both| &mut both.sure, piece.back, earliest);
            }
            self.shifted[day] += u32::from(both.is_some_and(|(_, possible)| possible != day));
        }
        if let Some(day) = possible {
            self.possible.push(self.saved(Mode::Possible, piece, day));
            let latest = match piece.window.loose {
                true => self.terms.end(Mode::Possible, piece) - 1,
                false => day,
            };
            let latest = both.map_or(latest, |(certain, _)| latest.max(certain));
            if piece.unknown {
                self.maybe.iter_mut().for_each(|count| *count += 1);
            } else if has_back {
                let back = piece.back_early.max(self.terms.ticks.times[day]);
                self.count_back(|both| &mut both.maybe, back, latest);
            }
        }
        // Of whom nothing is known, nobody is named.
        if self.names && has_back && !piece.unknown {
            if let Some(day) = certain {
                let back = self.told(piece, day, true);
                self.sure_names.push(back);
            } else if let Some(day) = possible {
                let back = self.told(piece, day, false);
                self.maybe_names.push(back);
            }
        }
    }

    /// If they went on a day and came at a time.
    fn count_back(&mut self, counts: impl Fn(&mut Self) -> &mut [u64; 4], back: Ms, day: usize) {
        let away = TimeDelta::milliseconds(back - self.terms.ticks.times[day]);
        for (count, within) in counts(self).iter_mut().zip(WITHIN) {
            *count += u64::from(within.is_none_or(|days| is_within(away, days)));
        }
    }

    fn saved(&self, mode: Mode, piece: &Piece, day: usize) -> (u16, u16) {
        let number = |day: usize| u16::try_from(day).unwrap_or(u16::MAX);
        let over = self.terms.over(mode, piece, self.terms.tenure(piece));
        (number(day), number(over))
    }

    fn told(&self, piece: &Piece, day: usize, certain: bool) -> Return {
        let ticks = self.terms.ticks;
        let back = DateTime::from_timestamp_millis(piece.back).unwrap_or_default();
        Return {
            holder: self.terms.tenure(piece).holder.clone(),
            released: ticks.days[day],
            back,
            days: (back - ticks.time(day)).num_days(),
            certain,
        }
    }

    /// How many came back. `more`: so many more releases are possible, each with a return.
    pub(super) fn came_back(&self, more: u64) -> CameBack {
        let [within_14_days, within_30_days, within_90_days, so_far] =
            [0, 1, 2, 3].map(|n| Bounds::new(self.sure[n], self.maybe[n].saturating_add(more)));
        CameBack { within_14_days, within_30_days, within_90_days, so_far }
    }

    /// The first day of which a release is possible.
    pub(super) fn first_release(possible: &Course, days: &[NaiveDate]) -> Option<NaiveDate> {
        possible.released.iter().position(|count| *count > 0).map(|day| days[day])
    }

    /// The certain and the possible releases as the cost of seats takes them, and who came back.
    pub(super) fn finish(self) -> (Vec<ReleasedSeats>, Vec<ReleasedSeats>, Vec<Return>) {
        let (days, seat_type) = (&self.terms.ticks.days, self.terms.rule.seat_type);
        let certain = together(days, seat_type, self.certain);
        let possible = together(days, seat_type, self.possible);
        let mut names = self.sure_names;
        names.extend(self.maybe_names);
        names.sort_by(|one, other| {
            let key = |r: &Return| (r.released, r.back, r.holder.id);
            key(one).cmp(&key(other))
        });
        (certain, possible, names)
    }
}

/// Those of the same days together.
fn together(
    days: &[NaiveDate],
    seat_type: SeatType,
    mut releases: Vec<(u16, u16)>,
) -> Vec<ReleasedSeats> {
    releases.sort_unstable();
    let same = releases.chunk_by(|one, other| one == other);
    same.map(|same| ReleasedSeats {
        seat_type,
        from: days[usize::from(same[0].0)],
        until: days.get(usize::from(same[0].1)).copied(),
        count: u32::try_from(same.len()).unwrap_or(u32::MAX),
    })
    .collect()
}
