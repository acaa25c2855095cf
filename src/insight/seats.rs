//! What the current list of seats says: the figures that commands, alerts, reports, pages, messages
//! and points show of seats all come from here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::activity::{self, Active, FirstTime};
use super::idle::{self, TwoSeats, Usage};
use super::reclaim::ByRules;
use crate::license::{Seat, SeatType};

/// Of all seats of a site, as they are now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Types that somebody has a seat of, and those that the rules were asked about.
    pub types: BTreeMap<SeatType, TypeFigures>,
    /// Each person once, whatever they hold.
    pub people: Active,
    pub first_time: FirstTime,
    pub two_seats: Vec<TwoSeats>,
}

/// Of the seats of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TypeFigures {
    /// Idle and never used, whatever the rules keep.
    pub usage: Usage,
    pub active: Active,
    pub first_time: FirstTime,
    /// Reclaimable: what runs would take. Absent when that can't be told.
    pub by_rules: Option<ByRules>,
}

impl Figures {
    /// Of a type that nobody has: zeros.
    pub fn of(&self, seat_type: SeatType) -> TypeFigures {
        self.types.get(&seat_type).copied().unwrap_or_default()
    }
}

/// The figures of these seats. `first_used` knows first uses that were seen; `by_rules` is what the
/// planner of releases says of each type.
pub fn figures(
    seats: &[Seat],
    first_used: &dyn Fn(&Seat) -> Option<DateTime<Utc>>,
    by_rules: &BTreeMap<SeatType, ByRules>,
    now: DateTime<Utc>,
) -> Figures {
    let usage = idle::usage(seats, now);
    let active = activity::activity(seats, now);
    let first_time = |wanted: Option<SeatType>| {
        let of = seats.iter().filter(|seat| wanted.is_none_or(|wanted| seat.seat_type == wanted));
        activity::first_time(of.map(|seat| (seat, first_used(seat))), now)
    };
    let of = |seat_type: SeatType| TypeFigures {
        usage: usage.get(&seat_type).copied().unwrap_or_default(),
        active: active.by_type.get(&seat_type).copied().unwrap_or_default(),
        first_time: first_time(Some(seat_type)),
        by_rules: by_rules.get(&seat_type).copied(),
    };
    let known =
        |seat_type: &SeatType| usage.contains_key(seat_type) || by_rules.contains_key(seat_type);
    Figures {
        types: SeatType::ALL.into_iter().filter(known).map(|t| (t, of(t))).collect(),
        people: active.people,
        first_time: first_time(None),
        two_seats: idle::two_seats(seats),
    }
}
