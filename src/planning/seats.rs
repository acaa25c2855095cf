//! What the list of seats adds: how many are active, idle, reclaimable.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::insight::activity;
use crate::insight::idle::{self, Usage, is_reclaimable};
use crate::license::{Seat, SeatType};
use crate::release::Policy;
use crate::release::policy::TypeRule;
use crate::store::{Store, StoreError};

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
}

impl Counts {
    pub fn new(seats: &[Seat], policy: &Policy, now: DateTime<Utc>) -> Self {
        let activity = activity::activity(seats, now);
        let usages = idle::usage(seats, now);
        let by_type = usages.into_iter().map(|(seat_type, usage)| {
            let threshold_days = threshold(policy, seat_type);
            let reclaimable = seats
                .iter()
                .filter(|seat| seat.seat_type == seat_type)
                .filter(|seat| is_reclaimable(seat, threshold_days, now))
                .count();
            let active = activity.by_type.get(&seat_type).map_or(0, |a| a.last_28_days);
            let reclaimable = u32::try_from(reclaimable).unwrap_or(u32::MAX);
            (seat_type, SeatCounts { active, reclaimable, threshold_days, usage })
        });
        Self { by_type: by_type.collect(), active_people: activity.people.last_28_days }
    }

    /// Of a type; `None` when the list has no seat of it.
    pub fn of(&self, seat_type: SeatType) -> Option<&SeatCounts> {
        self.by_type.get(&seat_type)
    }
}

/// `releaseThresholdDays` of a type; its default where the type isn't released.
fn threshold(policy: &Policy, seat_type: SeatType) -> u32 {
    let default = || TypeRule::new(seat_type).release_threshold_days;
    policy.rule(seat_type).map_or_else(default, |rule| rule.release_threshold_days)
}

/// The list of seats of a site; `None` while it was never read.
pub(super) async fn list(store: &Store, site: &str) -> Result<Option<Vec<Seat>>, StoreError> {
    let known = store.seats(site).await?;
    let seats = || known.seats().map(|known| known.seat.clone()).collect();
    Ok((!known.lists.is_empty()).then(seats))
}
