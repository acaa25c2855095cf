//! The demo's gaps of use: times in which its people did without Qlik Sense.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use uuid::Uuid;

use super::releases::seat_type as type_of;
use crate::license::SeatType;
use crate::simulator::past::Past;
use crate::simulator::{Seat, User};
use crate::store::IdleGap;

/// As long as the daemon keeps them.
const DAYS: i64 = 725;
/// Whoever does not come every few weeks.
const NOW_AND_THEN: f64 = 0.4;
/// The demo's daemon looks so often.
const LOOK: TimeDelta = TimeDelta::minutes(15);

/// Gaps of two years before what the seats show now, the same for the same seed: most people come
/// every week, the others stay away for weeks, some for months. Nobody who has the seat still was away
/// for so long that a clean-up would have taken it.
pub(super) fn gaps(
    seats: &[Seat],
    seat_type: SeatType,
    past: &Past,
    users: &HashMap<Uuid, User>,
) -> Vec<IdleGap> {
    let mut rng = Rng::with_seed(past.seed ^ 0x6a70);
    let oldest = past.end - TimeDelta::days(DAYS);
    let mut gaps = Vec::new();
    for seat in seats.iter().filter(|seat| type_of(seat.kind) == seat_type) {
        let (Some(user), Some(used)) = (seat.user, seat.last_used) else { continue };
        if rng.f64() > NOW_AND_THEN {
            continue;
        }
        let mut to = used - days(&mut rng, 1.0, 60.0);
        while to > oldest.max(seat.created) {
            // Three weeks are common, half a year is rare.
            let from = to - TimeDelta::days(14) - days(&mut rng, 0.0, 1.0) * away(&mut rng);
            if from < seat.created {
                break;
            }
            let kept = users.get(&user).is_some_and(|user| !user.tags.is_empty());
            let taken = past.clean_ups.iter().map(|clean_up| clean_up.time).find(|time| {
                let due = from + TimeDelta::days(super::releases::THRESHOLD_DAYS.into());
                due <= *time && *time < to && !kept
            });
            if taken.is_none() {
                gaps.push(gap((seat_type, seat.id, user), from, to));
            }
            to = from - days(&mut rng, 5.0, 120.0);
        }
    }
    gaps
}

fn gap(
    (seat_type, seat, user): (SeatType, Uuid, Uuid),
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> IdleGap {
    IdleGap { seat_type, seat, user, from, to, first_use: false, unused_at: to - LOOK }
}

/// Up to 230 times, mostly few.
fn away(rng: &mut Rng) -> i32 {
    1 + (230.0 * rng.f64().powi(3)) as i32
}

fn days(rng: &mut Rng, least: f64, most: f64) -> TimeDelta {
    TimeDelta::minutes(((least + rng.f64() * (most - least)) * 1_440.0) as i64)
}
