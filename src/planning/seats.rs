//! What the list of seats adds: how many are active, idle, reclaimable.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::insight::activity;
use crate::insight::idle::{self, Usage, is_reclaimable};
use crate::license::{Seat, SeatType};
use crate::policy::{Policy, TypeRule};
use crate::store::Seats;

/// Days that "active" means.
pub const ACTIVE_DAYS: u32 = 28;

/// How many seats are in use, of all types.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub by_type: BTreeMap<SeatType, SeatCounts>,
    /// Each person once, whatever they hold.
    pub active_people: u32,
}

/// How many seats of a type are in use.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCounts {
    /// People who used one within 28 days.
    pub active: u32,
    /// Idle for the configured `releaseThresholdDays`; the rules that keep seats are not asked.
    pub reclaimable: u32,
    pub threshold_days: u32,
    pub usage: Usage,
    /// When the list was read.
    pub as_of: DateTime<Utc>,
}

impl Counts {
    /// `None` while no list was ever read.
    pub fn new(known: &Seats, policy: &Policy, now: DateTime<Utc>) -> Option<Self> {
        if known.lists.is_empty() {
            return None;
        }
        let all: Vec<Seat> = seats(known).cloned().collect();
        let activity = activity::activity(&all, now);
        let mut usages = idle::usage(&all, now);
        let by_type = known.lists.iter().map(|list| {
            let seat_type = list.seat_type;
            let threshold_days = threshold(policy, seat_type);
            let reclaimable = list
                .seats
                .iter()
                .filter(|known| is_reclaimable(&known.seat, threshold_days, now))
                .count();
            let counts = SeatCounts {
                active: activity.by_type.get(&seat_type).map_or(0, |a| a.last_28_days),
                reclaimable: u32::try_from(reclaimable).unwrap_or(u32::MAX),
                threshold_days,
                usage: usages.remove(&seat_type).unwrap_or_default(),
                as_of: list.last_read,
            };
            (seat_type, counts)
        });
        Some(Self { by_type: by_type.collect(), active_people: activity.people.last_28_days })
    }

    /// Of a type; `None` while its list was never read.
    pub fn of(&self, seat_type: SeatType) -> Option<&SeatCounts> {
        self.by_type.get(&seat_type)
    }
}

/// `releaseThresholdDays` of a type; its default where the type isn't released.
fn threshold(policy: &Policy, seat_type: SeatType) -> u32 {
    let default = || TypeRule::new(seat_type).release_threshold_days;
    policy.rule(seat_type).map_or_else(default, |rule| rule.release_threshold_days)
}

/// All seats of all lists.
pub(super) fn seats(known: &Seats) -> impl Iterator<Item = &Seat> {
    known.lists.iter().flat_map(|list| &list.seats).map(|known| &known.seat)
}
