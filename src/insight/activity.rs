//! People who were there lately, from the last use that each seat shows.
//!
//! A seat shows its last use only, so this tells who was active up to now, not who was on a day in the
//! past. Somebody with two seats is one person.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::idle::known;
use crate::license::{Seat, SeatType};

/// The windows that activity is counted in.
pub const WINDOWS: [u32; 4] = [1, 7, 28, 90];

/// People active within the last so many times 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Active {
    pub last_day: u32,
    pub last_7_days: u32,
    pub last_28_days: u32,
    pub last_90_days: u32,
}

/// Activity of each type, and of all people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub by_type: BTreeMap<SeatType, Active>,
    /// Each person once, whatever they hold.
    pub people: Active,
}

pub fn activity(seats: &[Seat], now: DateTime<Utc>) -> Activity {
    let counted = |seat_type: Option<SeatType>| {
        let of_type = |seat: &&Seat| seat_type.is_none_or(|wanted| seat.seat_type == wanted);
        let [last_day, last_7_days, last_28_days, last_90_days] =
            WINDOWS.map(|days| people(seats.iter().filter(of_type), days, now));
        Active { last_day, last_7_days, last_28_days, last_90_days }
    };
    let types = SeatType::ALL.into_iter();
    let types = types.filter(|wanted| seats.iter().any(|seat| seat.seat_type == *wanted));
    Activity {
        by_type: types.map(|wanted| (wanted, counted(Some(wanted)))).collect(),
        people: counted(None),
    }
}

/// People who used one of the seats within the last so many times 24 hours.
pub fn people<'a>(seats: impl Iterator<Item = &'a Seat>, days: u32, now: DateTime<Utc>) -> u32 {
    let window = TimeDelta::days(days.into());
    let active: HashSet<Uuid> = seats
        .filter(|seat| known(&seat.last_used).is_some_and(|at| now - at < window))
        .filter_map(|seat| Some(seat.holder.as_ref()?.id))
        .collect();
    u32::try_from(active.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::idle::tests::{now, seat};
    use super::*;
    use crate::license::Moment;

    #[test]
    fn a_person_counts_once_however_many_seats_they_use() {
        let mut seats = vec![
            seat(1, SeatType::Professional, 5),
            seat(1, SeatType::Analyzer, 50),
            seat(2, SeatType::Analyzer, 6 * 24),
            seat(3, SeatType::Analyzer, 27 * 24),
            seat(4, SeatType::Analyzer, 28 * 24),
            seat(5, SeatType::Analyzer, 1),
            seat(6, SeatType::Analyzer, 1),
        ];
        seats[5].last_used = Moment::Never;
        seats[6].holder = None;
        let activity = activity(&seats, now());
        let windows = |active: Active| {
            [active.last_day, active.last_7_days, active.last_28_days, active.last_90_days]
        };
        assert_eq!(windows(activity.by_type[&SeatType::Professional]), [1, 1, 1, 1]);
        assert_eq!(windows(activity.by_type[&SeatType::Analyzer]), [0, 2, 3, 4]);
        assert_eq!(windows(activity.people), [1, 2, 3, 4]);
        assert!(!activity.by_type.contains_key(&SeatType::User));
        assert_eq!(windows(super::activity(&[], now()).people), [0; 4]);
    }
}
