//! What the list of seats adds: how many are active, idle, reclaimable.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use uuid::Uuid;

use super::load::{self, Release};
use crate::event::Latest;
use crate::insight::idle::{Usage, is_reclaimable};
use crate::insight::reclaim::{ByRules, Limits, Releasing};
use crate::insight::seats::{self, Figures};
use crate::ledger::past::Past;
use crate::license::{PersonRead, Pools, Seat, SeatType};
use crate::policy::{Policy, TypeRule};
use crate::release::plan::Snapshot;
use crate::release::reclaim;
use crate::release::settings::Release as Settings;
use crate::store::{Seats, Store, StoreError};

/// What is known of the seats of a site at a time: the lists as they were read last without what Bursar
/// released since, and what the rules look at beside them.
#[derive(Debug)]
pub struct Known {
    /// As they were read.
    pub(super) list: Seats,
    /// Without what was released since; absent where nothing was.
    left: Option<Seats>,
    pub past: Past,
    /// As they were read last, with what was released since free.
    pub pools: Option<Pools>,
    /// Everything that was released up to then.
    pub(super) releases: Vec<Release>,
}

impl Known {
    /// # Errors
    /// The store can't be read.
    pub async fn load(
        store: &Store,
        site: &str,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let done = store.done_seats(site).await?;
        // What happened after this time is not known at it.
        let releases = load::releases(done.into_iter().filter(|done| done.time <= now), zone);
        let list = store.seats(site).await?;
        let left = load::without_released(&list, &releases);
        let past = store.release_past(site).await?;
        let latest = store.latest().await?;
        let pools = Latest::new(&latest, site).pools().map(|(polled, pools)| {
            let mut pools = pools.clone();
            for release in releases.iter().filter(|release| release.time > polled) {
                if release.seats.until.is_none() {
                    pools.give_back(release.seats.seat_type);
                }
            }
            pools
        });
        Ok(Self { list, left, past, pools, releases })
    }

    /// The lists without what was released since they were read.
    pub fn seats(&self) -> &Seats {
        self.left.as_ref().unwrap_or(&self.list)
    }
}

/// The figures of these seats, and of each type how what is reclaimable goes. `policy`: rules that are asked in
/// place of those of the settings.
pub fn figures(
    known: &Known,
    settings: &Settings,
    policy: Option<&Policy>,
    now: DateTime<Utc>,
) -> (Figures, BTreeMap<SeatType, Limits>) {
    let (known, past, pools) = (known.seats(), &known.past, known.pools.clone());
    let now = as_of(known, now);
    let policy = policy.unwrap_or(&settings.policy);
    let snapshot = snapshot(known, pools);
    let answers = reclaim::by_rules(&snapshot, past, policy, now);
    let limits = answers.iter().map(|(of, (_, limits))| {
        (*of, Limits { releasing: Some(releasing(settings, *of)), ..*limits })
    });
    let limits = limits.collect();
    let by_rules: BTreeMap<SeatType, ByRules> =
        answers.into_iter().map(|(of, (rules, _))| (of, rules)).collect();
    let first_uses: HashMap<(SeatType, Uuid), DateTime<Utc>> = known
        .seats()
        .filter_map(|known| Some(((known.seat.seat_type, known.seat.id), known.first_used?)))
        .collect();
    let first_used = |seat: &Seat| first_uses.get(&(seat.seat_type, seat.id)).copied();
    (seats::figures(&known.to_vec(), &first_used, &by_rules, now), limits)
}

/// What the next run does with a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// `release`, `announce`, `held-back`, or the code of the first reason to keep it.
    pub code: &'static str,
    /// The same for people.
    pub text: String,
}

/// What the next run does with each seat, by the lists as they were read last.
pub fn next_run(known: &Known, settings: &Settings, now: DateTime<Utc>) -> HashMap<Uuid, Turn> {
    let seats = known.seats();
    let snapshot = snapshot(seats, known.pools.clone());
    let turns = reclaim::next_run(&snapshot, &known.past, &settings.policy, as_of(seats, now));
    let told = |of: reclaim::Turn| Turn { code: of.code(), text: of.text() };
    turns.into_iter().map(|(seat, of)| (seat, told(of))).collect()
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
    /// What the release rules let go, over as many runs as that takes, at once or after an announcement.
    pub reclaimable: u32,
    /// How they go, and what holds back the rest.
    pub limits: Limits,
    /// Idle, but whether the rules keep them can't be told: their user is not known well enough.
    pub undecided: u32,
    pub threshold_days: u32,
    pub usage: Usage,
    /// When the list was read.
    pub as_of: DateTime<Utc>,
}

impl Counts {
    /// `policy`: rules that are asked in place of those of the settings. `None` while no list was ever read.
    pub fn new(
        known: &Known,
        settings: &Settings,
        policy: Option<&Policy>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let list = known.seats();
        if list.lists.is_empty() {
            return None;
        }
        let now = as_of(list, now);
        let (figures, limits) = figures(known, settings, policy, now);
        let policy = policy.unwrap_or(&settings.policy);
        let by_type = list.lists.iter().map(|list| {
            let of = figures.of(list.seat_type);
            let threshold_days = threshold(policy, list.seat_type);
            let idle =
                |known: &&crate::store::KnownSeat| is_reclaimable(&known.seat, threshold_days, now);
            let idle = list.seats.iter().filter(idle).count();
            let counts = SeatCounts {
                active: of.active.last_28_days,
                idle: u32::try_from(idle).unwrap_or(u32::MAX),
                reclaimable: of.by_rules.map_or(0, |rules| rules.reclaimable()),
                limits: limits.get(&list.seat_type).copied().unwrap_or_default(),
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

/// Whether runs take seats of a type by themselves.
pub fn releasing(settings: &Settings, seat_type: SeatType) -> Releasing {
    match (settings.enable, settings.policy.rule(seat_type)) {
        // Switching releases on would not release it.
        (_, None) => Releasing::TypeOff,
        (false, Some(_)) => Releasing::Off,
        (true, Some(_)) if settings.dry_run => Releasing::Rehearsal,
        (true, Some(_)) => Releasing::Real,
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
