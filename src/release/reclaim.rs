//! What the rules let go now, from what is known of the seats and their users: all of it, over as many runs as
//! that takes.
//!
//! The planner of the releases itself decides, without `maxReleases`: that says how soon seats go, not how
//! many. Of the guards, which stop a whole run, `maxReleasePercent` is asked: what it holds back goes in no run.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::guard;
use super::plan::{self, Keep, Outcome, Snapshot, TypeSeats};
use crate::insight::reclaim::{ByRules, HeldBack, KeepFree, Limits, Spent};
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
/// `maxReleasePercent`, or a guard would stop by what is gone already.
fn without_taken(past: &Past) -> Past {
    Past { taken: BTreeMap::new(), ..past.clone() }
}

/// The plan of a run that may take all at once.
fn planned(snapshot: &Snapshot, past: &Past, settings: &Policy, now: DateTime<Utc>) -> plan::Plan {
    let mut policy = policy(settings, snapshot.seats.iter().map(|seats| seats.seat_type));
    for rule in &mut policy.types {
        rule.max_releases = None;
    }
    plan::plan("", "", snapshot, past, &policy, now)
}

/// The seats that the rules let go, and whether that waits for the end of a notice: in the order in which they go,
/// no more than `keepFree` asks for.
fn going(part: &plan::TypePlan) -> impl Iterator<Item = (Uuid, Outcome)> {
    let of = |wanted: &dyn Fn(&plan::Decision) -> bool, outcome| {
        let found = part.decisions.iter().filter(|decision| wanted(decision));
        found.map(|decision| (decision.seat, outcome)).collect::<Vec<_>>()
    };
    let needed = part.rule.keep_free.zip(part.free);
    let most = needed.map_or(usize::MAX, |(keep, free)| keep.saturating_sub(free) as usize);
    let releases = of(&|decision| decision.outcome == Outcome::Release, Outcome::Release);
    let announced = of(&is_announced, Outcome::Announce);
    let later = of(&|decision| decision.outcome == Outcome::Announce, Outcome::Announce);
    releases.into_iter().chain(announced).chain(later).take(most)
}

/// What the next run does with a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It releases it.
    Release,
    /// It announces that it is released later.
    Announce,
    /// It would release it, and a guard stops the run (`maxReleasePercent`).
    HeldBack,
    /// It stays, for this reason first.
    Keep(Keep),
}

impl Turn {
    /// Short and stable: `release`, `announce`, `held-back`, or the code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Announce => "announce",
            Self::HeldBack => "held-back",
            Self::Keep(why) => why.code(),
        }
    }

    /// For people: `goes`, `stays: used within releaseThresholdDays`.
    pub fn text(&self) -> String {
        match self {
            Self::Release => "goes".to_owned(),
            Self::Announce => "is announced".to_owned(),
            Self::HeldBack => "stays: held back by a guard (maxReleasePercent)".to_owned(),
            Self::Keep(why) => format!("stays: {}", Keep::meaning(why.code())),
        }
    }
}

/// What the next run does with each seat of the types that the settings release, as if none went within the last 22
/// hours.
pub fn next_run(
    snapshot: &Snapshot,
    past: &Past,
    settings: &Policy,
    now: DateTime<Utc>,
) -> HashMap<Uuid, Turn> {
    let past = without_taken(past);
    let plan = plan::plan("", "", snapshot, &past, settings, now);
    let mut turns = HashMap::new();
    for part in &plan.types {
        let is_stopped = is_stopped(&plan, part, &past, settings);
        for decision in &part.decisions {
            let turn = match (decision.outcome, decision.keep.first()) {
                (Outcome::Release | Outcome::Announce, _) if is_stopped => Turn::HeldBack,
                (Outcome::Release, _) => Turn::Release,
                (Outcome::Announce, _) => Turn::Announce,
                (Outcome::Keep, Some(why)) => Turn::Keep(why.clone()),
                (Outcome::Keep, None) => continue,
            };
            turns.insert(decision.seat, turn);
        }
    }
    turns
}

/// Whether nothing but its notice keeps a seat.
fn is_announced(decision: &plan::Decision) -> bool {
    decision.outcome == Outcome::Keep
        && !decision.keep.is_empty()
        && decision.keep.iter().all(|keep| matches!(keep, Keep::Announced { .. }))
}

/// Whether a guard stops the runs of a type; of one that the settings don't release there are none to stop.
fn is_stopped(plan: &plan::Plan, part: &plan::TypePlan, past: &Past, settings: &Policy) -> bool {
    settings.rule(part.seat_type).is_some()
        && guard::too_large_a_share(plan, &part.rule, part, past).is_some()
}

/// The seats that are reclaimable by the rules: runs take them, at once or after an announcement.
pub fn seats(
    snapshot: &Snapshot,
    past: &Past,
    settings: &Policy,
    now: DateTime<Utc>,
) -> HashSet<(SeatType, Uuid)> {
    let past = without_taken(past);
    let plan = planned(snapshot, &past, settings, now);
    let parts = plan.types.iter().filter(|part| !is_stopped(&plan, part, &past, settings));
    let seats = |part: &plan::TypePlan| {
        let seat_type = part.seat_type;
        going(part).map(|(seat, _)| (seat_type, seat)).collect::<Vec<_>>()
    };
    parts.flat_map(seats).collect()
}

/// What of each type in the snapshot is reclaimable by the rules, how it goes, and what holds back the rest.
pub fn by_rules(
    snapshot: &Snapshot,
    past: &Past,
    settings: &Policy,
    now: DateTime<Utc>,
) -> BTreeMap<SeatType, (ByRules, Limits)> {
    let taken = past.taken.clone();
    let past = without_taken(past);
    let plan = planned(snapshot, &past, settings, now);
    let answer = |part: &plan::TypePlan| {
        let count = |wanted: &dyn Fn(&plan::Decision) -> bool| {
            number(part.decisions.iter().filter(|of| wanted(of)).count())
        };
        let [release, announce] = [Outcome::Release, Outcome::Announce]
            .map(|outcome| number(going(part).filter(|(_, of)| *of == outcome).count()));
        let rule = settings.rule(part.seat_type);
        let all = release.saturating_add(announce);
        let held_back = (all > 0 && is_stopped(&plan, part, &past, settings)).then(|| HeldBack {
            seats: all,
            max_release_percent: part.rule.max_release_percent,
            due: number(part.due()),
            of: number(part.decisions.len()),
        });
        let [release, announce] = if held_back.is_some() { [0; 2] } else { [release, announce] };
        let max = rule
            .map_or_else(|| TypeRule::new(part.seat_type).max_releases, |rule| rule.max_releases);
        let next_run = max.map_or(release, |max| max.min(release));
        let limits = Limits {
            next_run,
            max_releases: max.filter(|_| next_run < release),
            after_notice: announce,
            keep_free: part.decisions.iter().find_map(kept_free).map(|(is, free)| KeepFree {
                is,
                free,
                seats: count(&|decision| kept_free(decision).is_some()),
            }),
            held_back,
            spent: taken
                .get(&part.seat_type)
                .filter(|taken| **taken > 0)
                .and_then(|taken| Some(Spent { taken: *taken, of: max? })),
            // Rules don't know whether runs are on.
            releasing: None,
        };
        let rules = ByRules {
            enabled: rule.is_some(),
            threshold_days: part.rule.release_threshold_days,
            release,
            announce,
            unknown: count(&|decision| {
                let unknown = decision.keep.first().is_some_and(Keep::is_unknown);
                decision.holder.is_some() && unknown
            }),
        };
        (part.seat_type, (rules, limits))
    };
    plan.types.iter().map(answer).collect()
}

/// Of a seat that the rules let go, and `keepFree` holds back: how many are to be free, and are.
fn kept_free(decision: &plan::Decision) -> Option<(u32, u32)> {
    match *decision.keep.first()? {
        Keep::EnoughFree { free, keep_free } => Some((keep_free, free)),
        _ => None,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
