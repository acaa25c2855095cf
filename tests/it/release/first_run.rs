//! When the daemon's first run after a start comes: nobody loses a seat before a person could read
//! what the next run would do.

use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::ledger::{Entry, Mode, Trigger};
use bursar::policy::{NeverRelease, Policy};
use bursar::schedule::Schedule;
use bursar::simulator::SeatKind;
use bursar::store::Addition;
use chrono::{DateTime, TimeDelta, Utc};

use super::world::{World, crowd, start};
use crate::support::process::LIMIT;

/// Simulated seconds a second.
const FAST: f64 = 600.0;

/// A site with two idle seats; the next tick comes half an hour after the start.
async fn world() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| {
        release.schedule = Schedule::parse("30 8 * * *").unwrap();
        // A busy machine is a clock that jumps, at this speed.
        release.policy.limits.clock_tolerance_seconds = 86_400;
    });
    world
}

fn tick() -> DateTime<Utc> {
    start() + TimeDelta::minutes(30)
}

/// The ledger knows a run, so long before the start.
async fn ran(world: &World, trigger: Trigger, mode: Mode, policy: Policy, before: TimeDelta) {
    let (storage, then) = (&world.settings.storage, start() - before);
    let store =
        crate::support::store::open(&storage.path, storage.outbox, move || then).await.unwrap();
    let entry = Entry::RunStarted { mode, trigger, version: "0".into(), policy };
    let site = world.settings.sites[0].name.clone();
    let run = Some(format!("before {before}"));
    store.append(None, vec![Addition { site, run, entry }], |_| Vec::new()).await.unwrap();
    store.close().await;
}

/// When the first run of the daemon begins, after it has ended.
async fn first_run(world: &World) -> DateTime<Utc> {
    world.control().set_time(start());
    world.control().set_speed(FAST);
    let clock = Clock::fast(start(), FAST);
    let daemon = Daemon::start(world.settings.clone(), clock).await.expect("the daemon starts");
    let known = world.records().await.len() as u64;
    let wait = async {
        loop {
            let records = daemon.store().records(known + 1, 100).await.unwrap();
            if records.iter().any(|record| matches!(record.entry, Entry::RunEnded { .. })) {
                return records[0].time;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let began = tokio::time::timeout(LIMIT, wait).await.expect("there is a run");
    daemon.stop().await;
    for request in world.changes() {
        assert!(request.time + TimeDelta::minutes(1) >= began, "{request:?}");
    }
    began
}

fn policy(world: &World) -> Policy {
    world.settings.sites[0].release.policy.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rehearsal_no_seat_goes_before_the_tick() {
    let world = world().await;
    let policy = policy(&world);
    ran(&world, Trigger::Schedule, Mode::Rehearsal, policy, TimeDelta::days(2)).await;
    assert!(first_run(&world).await >= tick());
    assert_eq!(world.deletes(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_run_before_the_rehearsals_changes_nothing_in_that() {
    let world = world().await;
    let policy = policy(&world);
    ran(&world, Trigger::Schedule, Mode::Real, policy.clone(), TimeDelta::days(30)).await;
    ran(&world, Trigger::Schedule, Mode::Rehearsal, policy, TimeDelta::days(2)).await;
    assert!(first_run(&world).await >= tick());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_what_decides_a_missed_tick_starts_nothing() {
    let world = world().await;
    let now = policy(&world);
    let mut threshold = now.clone();
    threshold.types[0].release_threshold_days += 1;
    let mut limits = now.clone();
    limits.limits.stop_after_failures += 1;
    let rules = Policy { never_release: NeverRelease::default(), ..now.clone() };
    let apart = Policy { judge_per_user: !now.judge_per_user, ..now };
    for before in [threshold, limits, rules, apart] {
        let world = self::world().await;
        ran(&world, Trigger::Schedule, Mode::Real, before.clone(), TimeDelta::days(2)).await;
        assert!(first_run(&world).await >= tick(), "{before:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_hand_is_no_run_of_the_schedule() {
    let world = world().await;
    let by_hand = Trigger::Command { user: "anna@test".into(), process: None };
    let policy = policy(&world);
    ran(&world, by_hand, Mode::Real, policy, TimeDelta::days(2)).await;
    assert!(first_run(&world).await >= tick());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_tick_of_real_runs_is_made_up_for_at_once() {
    let world = world().await;
    let policy = policy(&world);
    ran(&world, Trigger::Schedule, Mode::Real, policy.clone(), TimeDelta::days(2)).await;
    assert!(first_run(&world).await < tick());
    assert_eq!(world.deletes(), 2);

    // Nothing was missed.
    let world = self::world().await;
    ran(&world, Trigger::Schedule, Mode::Real, policy, TimeDelta::hours(23)).await;
    assert!(first_run(&world).await >= tick());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_takes_nothing_and_starts_at_once() {
    let mut world = world().await;
    world.settings(|release| release.dry_run = true);
    assert!(first_run(&world).await < tick());
    assert_eq!(world.deletes(), 0);
}
