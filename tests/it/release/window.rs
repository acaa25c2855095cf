//! `maxReleases` and `maxReleasePercent` hold over 22 hours, over all runs and processes.

use bursar::ledger::{Mode, RunStatus};
use bursar::license::SeatType;
use bursar::policy::Guard;
use bursar::qrs::Patience;
use bursar::release::run::Report;
use bursar::schedule::Schedule;
use bursar::simulator::{ClockSettings, Scenario, SeatKind, UserSpec, When};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Europe::Berlin;

use super::world::{World, crowd, idle, order, path, start, status};

/// Four times as many seats as are idle; of these two may go in a run.
async fn world(idle: usize) -> World {
    ration(World::new(crowd(SeatKind::Analyzer, idle)).await)
}

fn ration(mut world: World) -> World {
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
        release.policy.types[0].max_releases = Some(2);
    });
    world
}

/// How the run ended, and how many seats it took.
async fn run(world: &World) -> (RunStatus, u64) {
    let report = world.run(Mode::Real).await;
    (report.status, report.counts[0].released)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_share_one_allowance() {
    let world = world(6).await;
    assert_eq!(run(&world).await, (RunStatus::Done, 2));
    world.pass(TimeDelta::hours(21));
    // Another process, with a store of its own.
    let another =
        bursar::release::run::Engine { store: world.another_store().await, ..world.engine() };
    let report: Report = another.run(&order(Mode::Real)).await.unwrap();
    assert_eq!((report.status, report.counts[0].released), (RunStatus::Done, 0), "{report:?}");
    assert_eq!(report.counts[0].kept_by_reason["over-cap"], 4);
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    assert_eq!((plan.types[0].taken, plan.types[0].left), (2, Some(0)));
    let said = plan.headline();
    assert!(said.contains("2 went within the last 22 hours, 0 more may go"), "{said}");
    world.pass(TimeDelta::minutes(61));
    assert_eq!(run(&world).await, (RunStatus::Done, 2));
    assert_eq!(world.deletes(), 4);
}

/// A person may go beyond it, in so many words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_hand_it_takes_an_accept() {
    let mut world = world(6).await;
    world.settings(|release| release.policy.types[0].max_releases = None);
    let reviewed = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let mut world = ration(world);
    assert_eq!(run(&world).await, (RunStatus::Done, 2));
    let report = world.engine().apply(reviewed.clone(), &[], &order(Mode::Real)).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 2), "{report:?}");
    let refusal = &report.refusals[0];
    assert_eq!(refusal.guard, Guard::MaxReleases);
    assert!(refusal.saw.contains("4 seats"), "{refusal}");
    assert!(refusal.saw.contains("2 went within the last 22 hours"), "{refusal}");
    assert!(refusal.fix.contains("--accept max-releases"), "{refusal}");
    let accepted = [Guard::MaxReleases];
    let report = world.engine().apply(reviewed, &accepted, &order(Mode::Real)).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 6), "{report:?}");
    // A lower limit than what has gone already is no trouble.
    world.settings(|release| release.policy.types[0].max_releases = Some(1));
    assert_eq!(run(&world).await, (RunStatus::Done, 0));
}

/// A seat counts when its run began, and one whose fate is open counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_attempt_is_part_of_the_allowance() {
    let mut world = world(6).await;
    world.settings(|release| {
        release.policy.limits.max_unsettled = Some(10);
        release.concurrency = 1;
    });
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle0"));
    world.fault(bursar::simulator::FaultRule::on(&seat, status(504)).method("DELETE"));
    let report = world.run(Mode::Real).await;
    assert_eq!((report.counts[0].released, report.counts[0].unclear), (1, 1), "{report:?}");
    let past = world.store.release_past(&world.settings.sites[0].name).await.unwrap();
    assert_eq!(past.taken(SeatType::Analyzer), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_percentage_is_of_what_is_due_and_what_went() {
    let mut world = world(2).await;
    world.settings(|release| release.policy.types[0].max_releases = None);
    // A quarter of eight.
    assert_eq!(run(&world).await, (RunStatus::Done, 2));
    let late = |id: &str| {
        world.control().add_user(&UserSpec::of("CORP", id));
        world.control().add_seat(&idle(SeatKind::Analyzer, id, 50));
    };
    // Three of nine, rounded up.
    late("late1");
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    assert_eq!(plan.refusals, []);
    late("late2");
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    let saw = &report.refusals[0].saw;
    assert!(saw.starts_with("4 of 10 Analyzer seats are due or went within"), "{saw}");
    world.pass(TimeDelta::hours(22));
    // Two of eight.
    assert_eq!(run(&world).await, (RunStatus::Done, 2));
}

/// A daily run gets its allowance every day, also on the days of 23 and 25 hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daily_run_gets_its_allowance_over_both_changes_of_the_clocks() {
    let daily = Schedule::parse("at 05:00").unwrap();
    for before in ["2027-03-26T12:00:00Z", "2027-10-29T12:00:00Z"] {
        let before: DateTime<Utc> = before.parse().unwrap();
        let clock = ClockSettings { start: Some(When::At(before)), ..ClockSettings::default() };
        let scenario = Scenario { clock, ..crowd(SeatKind::Analyzer, 6) };
        let world = ration(World::at(scenario, before - start()).await);
        let mut lengths = Vec::new();
        let mut last = before;
        for tick in daily.upcoming(before, Berlin, 3) {
            lengths.push((tick - last).num_hours());
            last = tick;
            // As late as a run starts after its tick, on all days but the last.
            world.pass(tick - world.clock().now() + TimeDelta::seconds(1));
            assert_eq!(run(&world).await, (RunStatus::Done, 2), "{tick}");
            world.pass(TimeDelta::hours(1));
            assert_eq!(run(&world).await, (RunStatus::Done, 0), "{tick}");
        }
        assert!(lengths[1..].iter().any(|hours| *hours != 24), "{lengths:?}");
        assert_eq!(world.deletes(), 6);
    }
}
