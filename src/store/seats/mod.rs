//! Who has which seat, what changed, and how many people were there each day.
//!
//! A reading of the lists is kept in one transaction with the events that tell of it
//! ([`Store::keep_seats`](super::Store::keep_seats)): after a crash either both are there or neither, and the next reading
//! finds the same differences again. Only the daemon writes here.

mod difference;
mod gaps;
mod past;
mod read;
pub(super) mod row;
mod search;
#[cfg(test)]
mod tests;
mod write;

pub use gaps::IdleGap;
pub use past::{SeatsPast, UserDay};
pub use search::{FoundSeats, SeatFilter, SeatKey, SeatOrder, SeatPlace, SeatState};

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::insight::activity::NewOnDay;
use crate::license::{Change, Person, Seat, SeatType};

/// The seats of a site as they were read last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seats {
    /// The types that were read at least once, in the order of [`SeatType::ALL`].
    pub lists: Vec<SeatList>,
    /// Holders that were read in full.
    pub people: HashMap<Uuid, StoredPerson>,
}

/// The seats of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct SeatList {
    pub seat_type: SeatType,
    pub first_read: DateTime<Utc>,
    /// When the list was read the last time, in full or by what changed.
    pub last_read: DateTime<Utc>,
    pub seats: Vec<KnownSeat>,
}

/// A seat with what its row alone does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSeat {
    pub seat: Seat,
    pub first_seen: DateTime<Utc>,
    /// Only where it was seen: not used at one reading, and used at the next.
    pub first_used: Option<DateTime<Utc>>,
}

/// A user, and when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPerson {
    pub read: DateTime<Utc>,
    pub person: Person,
}

/// What people are marked with, as far as they were read in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleMarks {
    /// Whose roles are known.
    pub roles_of: Vec<Uuid>,
    /// Whose groups are known: not those of whom none were kept.
    pub groups_of: Vec<Uuid>,
    pub roles: BTreeSet<Box<str>>,
    pub groups: BTreeSet<Box<str>>,
}

/// What one reading of the lists brought.
#[derive(Debug, Clone)]
pub struct SeatReading {
    pub time: DateTime<Utc>,
    /// The complete lists. Types that are not here stay as they are.
    pub lists: Vec<(SeatType, Vec<Seat>)>,
    pub changes: Vec<Change>,
    /// People that were read just now.
    pub people: Vec<Person>,
    pub new_on_days: NewOnDay,
    /// Whose days these are.
    pub zone: Tz,
    /// Changes, and gaps of use that ended, before so many days are removed.
    pub keep_changes_days: u32,
}

impl Seats {
    pub fn list(&self, seat_type: SeatType) -> Option<&SeatList> {
        self.lists.iter().find(|list| list.seat_type == seat_type)
    }

    /// The seats of all types.
    pub fn seats(&self) -> impl Iterator<Item = &KnownSeat> {
        self.lists.iter().flat_map(|list| &list.seats)
    }

    /// The same, as plain seats.
    pub fn to_vec(&self) -> Vec<Seat> {
        self.seats().map(|known| known.seat.clone()).collect()
    }
}
