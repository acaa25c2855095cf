//! What the list of seats adds: how many are active, idle, reclaimable.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::insight::idle::{Usage, is_reclaimable};
use crate::insight::seats::{self, Figures};
use crate::ledger::past::Past;
use crate::license::{PersonRead, Pools, Seat, SeatType};
use crate::policy::{Policy, TypeRule};
use crate::release::plan::Snapshot;
use crate::release::reclaim;
use crate::store::Seats;

/// The figures of the seats as they were read last. `past` and `pools` are what the rules look at
/// beside them.
pub fn figures(
    known: &Seats,
    past: &Past,
    pools: Option<Pools>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Figures {
    let now = as_of(known, now);
    let snapshot = snapshot(known, pools);
    let by_rules = reclaim::by_rules(&snapshot, past, policy, now);
    let first_uses: HashMap<(SeatType, Uuid), DateTime<Utc>> = known
        .seats()
        .filter_map(|known| Some(((known.seat.seat_type, known.seat.id), known.first_used?)))
        .collect();
    let first_used = |seat: &Seat| first_uses.get(&(seat.seat_type, seat.id)).copied();
    seats::figures(&known.to_vec(), &first_used, &by_rules, now)
}

/// The seats as the planner of the releases takes them.
pub(super) fn snapshot(known: &Seats, pools: Option<Pools>) -> Snapshot {
    let list = |seats: &[crate::store::KnownSeat]| -> Vec<Seat> {
        seats.iter().map(|known| known.seat.clone()).collect()
    };
    let lists = known.lists.iter().map(|of| (of.seat_type, list(&of.seats)));
    let people = known.people.iter();
    let people = people.map(|(id, stored)| (*id, PersonRead::Whole(stored.person.clone())));
    reclaim::snapshot(lists.collect(), people.collect(), pools)
}

/// Never before the last reading: the site's clock, or a simulated one, may run ahead.
pub fn as_of(known: &Seats, now: DateTime<Utc>) -> DateTime<Utc> {
    known.lists.iter().map(|list| list.last_read).fold(now, std::cmp::max)
}

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
    /// Idle for the configured `releaseThresholdDays`, also those that the rules keep.
    pub idle: u32,
    /// What the release rules would take, at once or after an announcement.
    pub reclaimable: u32,
    /// Whether seats of the type are released at all; if not, they are those that its rules would take.
    #[serde(skip)]
    pub released: bool,
    /// Idle, but whether the rules keep them can't be told: their user is not known well enough.
    pub undecided: u32,
    pub threshold_days: u32,
    pub usage: Usage,
    /// When the list was read.
    pub as_of: DateTime<Utc>,
}

impl Counts {
    /// `None` while no list was ever read.
    pub fn new(
        known: &Seats,
        past: &Past,
        pools: Option<Pools>,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        if known.lists.is_empty() {
            return None;
        }
        let now = as_of(known, now);
        let figures = figures(known, past, pools, policy, now);
        let by_type = known.lists.iter().map(|list| {
            let of = figures.of(list.seat_type);
            let threshold_days = threshold(policy, list.seat_type);
            let idle =
                |known: &&crate::store::KnownSeat| is_reclaimable(&known.seat, threshold_days, now);
            let idle = list.seats.iter().filter(idle).count();
            let counts = SeatCounts {
                active: of.active.last_28_days,
                idle: u32::try_from(idle).unwrap_or(u32::MAX),
                reclaimable: of.by_rules.map_or(0, |rules| rules.reclaimable()),
                released: of.by_rules.is_some_and(|rules| rules.enabled),
                undecided: of.by_rules.map_or(0, |rules| rules.unknown),
                threshold_days,
                usage: of.usage,
                as_of: list.last_read,
            };
            (list.seat_type, counts)
        });
        Some(Self { by_type: by_type.collect(), active_people: figures.people.last_28_days })
    }

    /// Of a type; `None` while its list was never read.
    pub fn of(&self, seat_type: SeatType) -> Option<&SeatCounts> {
        self.by_type.get(&seat_type)
    }
}

/// `releaseThresholdDays` of a type; its default where the type isn't released.
pub(super) fn threshold(policy: &Policy, seat_type: SeatType) -> u32 {
    let default = || TypeRule::new(seat_type).release_threshold_days;
    policy.rule(seat_type).map_or_else(default, |rule| rule.release_threshold_days)
}

/// All seats of all lists.
pub(super) fn seats(known: &Seats) -> impl Iterator<Item = &Seat> {
    known.seats().map(|known| &known.seat)
}
