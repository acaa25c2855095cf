//! Recorded gaps of use, held small: a large site has millions of them.

use std::collections::HashMap;
use std::ops::Range;

use uuid::Uuid;

use super::Gap;
use super::segments::{Idle, Ms};
use crate::license::SeatType;

/// Who had which seat.
type Key = (SeatType, Uuid, Uuid);

/// The gaps of all seats, those of a seat together and in order.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    /// Each seat in one person's hands has a number.
    numbers: HashMap<Key, u32>,
    all: Vec<Packed>,
    /// Of each number the first gap, and where the last one ends.
    starts: Vec<u32>,
}

/// Gaps in any order, until all are there.
#[derive(Debug, Default)]
pub struct Gathered {
    numbers: HashMap<Key, u32>,
    all: Vec<Packed>,
}

/// A gap in 28 bytes; [`Gap`] takes 80.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Packed {
    /// Whose it is. The highest bit says that the seat was never used before.
    number: u32,
    from: Ms,
    to: Ms,
    unused_at: Ms,
}

const FIRST_USE: u32 = 1 << 31;

impl Packed {
    fn owner(self) -> u32 {
        self.number & !FIRST_USE
    }

    fn idle(self) -> Idle {
        let never = self.number & FIRST_USE != 0;
        Idle { from: self.from, to: self.to, certain_to: self.unused_at, never }
    }
}

impl Gathered {
    pub fn push(&mut self, gap: Gap) {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry((gap.seat_type, gap.seat, gap.user)).or_insert(next);
        self.all.push(Packed {
            number: number | if gap.first_use { FIRST_USE } else { 0 },
            from: gap.from.timestamp_millis(),
            to: gap.to.timestamp_millis(),
            unused_at: gap.unused_at.timestamp_millis(),
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, by seat.
    pub fn sorted(self) -> Gaps {
        let Self { numbers, mut all } = self;
        all.sort_unstable_by_key(|gap| (gap.owner(), gap.from, gap.to));
        let mut starts = vec![0_u32; numbers.len() + 1];
        for gap in &all {
            starts[gap.owner() as usize + 1] += 1;
        }
        for n in 1..starts.len() {
            starts[n] += starts[n - 1];
        }
        Gaps { numbers, all, starts }
    }
}

impl FromIterator<Gap> for Gaps {
    fn from_iter<I: IntoIterator<Item = Gap>>(gaps: I) -> Self {
        let mut gathered = Gathered::default();
        gaps.into_iter().for_each(|gap| gathered.push(gap));
        gathered.sorted()
    }
}

impl Gaps {
    /// Where the gaps of a seat in a person's hands are.
    pub(super) fn place(&self, seat_type: SeatType, seat: Uuid, user: Uuid) -> Range<u32> {
        match self.numbers.get(&(seat_type, seat, user)) {
            Some(number) => self.starts[*number as usize]..self.starts[*number as usize + 1],
            None => 0..0,
        }
    }

    /// The gaps at a place, in order.
    pub(super) fn at(&self, place: &Range<u32>) -> impl Iterator<Item = Idle> {
        self.all[place.start as usize..place.end as usize].iter().map(|gap| gap.idle())
    }
}
