//! What a run of the release engine would take now, from what is known of the seats and their users.
//!
//! The planner of the releases itself decides. Guards, which stop a whole run, are not asked.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::guard;
use super::plan::{self, Keep, Outcome, Snapshot, TypeSeats};
use crate::insight::reclaim::{ByRules, Limit, Limits, Spent};
use crate::ledger::past::Past;
use crate::license::{PersonRead, Pools, Seat, SeatType};
use crate::policy::{Policy, TypeRule};

/// The rules of the settings; those of a type that is not released are its defaults.
pub fn policy(policy: &Policy, types: impl IntoIterator<Item = SeatType>) -> Policy {
    let mut all = policy.clone();
    all.types = types
        .into_iter()
        .map(|seat_type| {
            policy.rule(seat_type).cloned().unwrap_or_else(|| TypeRule::new(seat_type))
        })
        .collect();
    all
}

/// The seats of the types that are known, as the planner takes them.
pub fn snapshot(
    lists: Vec<(SeatType, Vec<Seat>)>,
    people: HashMap<Uuid, PersonRead>,
    pools: Option<Pools>,
) -> Snapshot {
    let seats = lists
        .into_iter()
        .map(|(seat_type, seats)| TypeSeats { seat_type, list: Ok(seats) })
        .collect();
    Snapshot { seats, people, pools, ..Snapshot::default() }
}

/// What earlier runs did, without what those of the last hours took: that is not counted against
/// `maxReleases` and `maxReleasePercent`, or what a run would take would fall to nothing after each of them.
fn without_taken(past: &Past) -> Past {
    Past { taken: BTreeMap::new(), ..past.clone() }
}

/// One run's plan.
fn planned(snapshot: &Snapshot, past: &Past, settings: &Policy, now: DateTime<Utc>) -> plan::Plan {
    let policy = policy(settings, snapshot.seats.iter().map(|seats| seats.seat_type));
    plan::plan("", "", snapshot, past, &policy, now)
}

/// The seats that the rules would take, at once or after an announcement.
pub fn seats(
    snapshot: &Snapshot,
    past: &Past,
    settings: &Policy,
    now: DateTime<Utc>,
) -> HashSet<(SeatType, Uuid)> {
    let plan = planned(snapshot, &without_taken(past), settings, now);
    let due = |part: &plan::TypePlan| {
        let due = part.decisions.iter().filter(|decision| decision.outcome != Outcome::Keep);
        due.map(|decision| (part.seat_type, decision.seat)).collect::<Vec<_>>()
    };
    plan.types.iter().flat_map(due).collect()
}

/// What one run would take of each type in the snapshot, by the rules, and what decides that: `keepFree` and
/// `maxReleases` hold back what is due beyond them.
pub fn by_rules(
    snapshot: &Snapshot,
    past: &Past,
    settings: &Policy,
    now: DateTime<Utc>,
) -> BTreeMap<SeatType, (ByRules, Limits)> {
    let taken = past.taken.clone();
    let past = without_taken(past);
    let plan = planned(snapshot, &past, settings, now);
    let count = |part: &plan::TypePlan, wanted: &dyn Fn(&plan::Decision) -> bool| {
        let found = part.decisions.iter().filter(|decision| wanted(decision)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let of = |part: &plan::TypePlan| ByRules {
        enabled: settings.rule(part.seat_type).is_some(),
        threshold_days: part.rule.release_threshold_days,
        release: count(part, &|decision| decision.outcome == Outcome::Release),
        announce: count(part, &|decision| decision.outcome == Outcome::Announce),
        unknown: count(part, &|decision| {
            decision.holder.is_some() && decision.keep.first().is_some_and(plan::Keep::is_unknown)
        }),
    };
    let limits = |part: &plan::TypePlan| Limits {
        left: count(part, &|decision| limit(decision).is_some()),
        by: part.decisions.iter().filter_map(limit).min_by_key(|limit| match limit {
            // What is beyond both is beyond the tighter one first: seats that only `maxReleases` leaves
            // are there when it is.
            Limit::MaxReleases { .. } => 0,
            Limit::KeepFree { .. } => 1,
        }),
        stopped_above_percent: guard::too_large_a_share(&plan, &part.rule, part, &past)
            .map(|_| part.rule.max_release_percent),
        spent: taken
            .get(&part.seat_type)
            .filter(|taken| **taken > 0)
            .and_then(|taken| Some(Spent { taken: *taken, of: part.rule.max_releases? })),
    };
    plan.types.iter().map(|part| (part.seat_type, (of(part), limits(part)))).collect()
}

/// The limit that keeps a seat that is due.
fn limit(decision: &plan::Decision) -> Option<Limit> {
    match *decision.keep.first()? {
        Keep::EnoughFree { free, keep_free } => Some(Limit::KeepFree { is: keep_free, free }),
        Keep::OverCap { cap, .. } => Some(Limit::MaxReleases { is: cap }),
        _ => None,
    }
}
