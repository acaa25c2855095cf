//! Of the two clocks, this machine's and the site's, the one counts that makes a seat less idle.

use bursar::ledger::{Mode, RunStatus};
use bursar::license::SeatType;
use bursar::simulator::{Fault, FaultRule, Scenario, SeatKind};
use chrono::TimeDelta;

use super::world::{World, crowd, idle, path};

/// Anna's seat becomes due when the test begins.
fn scenario() -> Scenario {
    let mut scenario = crowd(SeatKind::Analyzer, 1);
    scenario.users.push(bursar::simulator::UserSpec::of("CORP", "anna"));
    scenario.seats.push(idle(SeatKind::Analyzer, "anna", 30));
    scenario
}

fn has_seat(world: &World) -> bool {
    world.control().seat_of(SeatKind::Analyzer, "CORP", "anna").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_is_not_due_yet_by_the_clock_of_the_site_is_kept() {
    let world = World::new(scenario()).await;
    world.pass(TimeDelta::seconds(100));
    world.fault(Fault::ClockSkew { seconds: -200 });
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 1), "{report:?}");
    assert!(has_seat(&world));
    world.control().clear_faults();
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert!(!has_seat(&world), "by both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_is_not_due_yet_by_our_clock_is_kept() {
    // The site is a hundred seconds ahead.
    let world = World::at(scenario(), TimeDelta::seconds(-100)).await;
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert!(has_seat(&world));
    world.pass(TimeDelta::seconds(101));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert!(!has_seat(&world), "by both");
}

/// Also when the seat is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_of_the_site_counts_again_just_before_a_seat_goes() {
    let world = World::new(scenario()).await;
    world.pass(TimeDelta::seconds(100));
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "anna"));
    world.fault(FaultRule::on(&seat, Fault::ClockSkew { seconds: -200 }));
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 1), "{report:?}");
    assert!(has_seat(&world));
    assert!(report.skipped[0].why.starts_with("used on"), "{report:?}");
}
