//! Notice before a release, and what takes it back.

use bursar::event::Body;
use bursar::ledger::{Entry, Mode, RunStatus};
use bursar::simulator::SeatKind;
use chrono::TimeDelta;

use super::world::{World, crowd, start};

async fn world() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.grace_days = 7;
        }
    });
    world
}

fn busy_people_log_in(world: &World) {
    for n in 3..12 {
        world.control().log_in("CORP", &format!("busy{n}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_is_announced_first_and_released_when_it_is_due() {
    let world = world().await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert!(world.changes().is_empty());
    assert_eq!(report.counts.iter().map(|c| c.announced).sum::<u64>(), 3);
    let told = world.bodies("seatAnnounced").await;
    assert_eq!(told.len(), 3);
    for body in &told {
        let Body::SeatAnnounced(announced) = body else { panic!("{body:?}") };
        let in_days = (announced.due - start()).num_days();
        assert_eq!((in_days, announced.seat.rehearsal), (7, false));
    }
    // Announced once, whatever runs come in between.
    world.pass(TimeDelta::days(6));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.counts.iter().map(|c| c.announced).sum::<u64>(), 0, "{report:?}");
    assert!(world.changes().is_empty());
    world.pass(TimeDelta::days(2));
    busy_people_log_in(&world);
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 3), "{report:?}");
    assert!(world.bodies("seatWithdrawn").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_withdraws_it() {
    let world = world().await;
    world.run(Mode::Real).await;
    world.pass(TimeDelta::days(8));
    busy_people_log_in(&world);
    assert!(world.control().log_in("CORP", "idle1"));
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    let told = world.bodies("seatWithdrawn").await;
    let [Body::SeatWithdrawn(withdrawn)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(&*withdrawn.seat.holder.user_id, "idle1");
    assert!(withdrawn.why.contains("used on"), "{}", withdrawn.why);
    let records = world.entries().await;
    assert_eq!(records.iter().filter(|e| matches!(e, Entry::Withdrawn { .. })).count(), 1);
    // It is forgotten: the next one begins anew.
    assert!(
        world.store.release_past(&world.settings.sites[0].name).await.unwrap().announced.is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_promises_nothing() {
    let world = world().await;
    let report = world.run(Mode::Rehearsal).await;
    assert_eq!(report.counts.iter().map(|c| c.announced).sum::<u64>(), 3, "{report:?}");
    let told = world.bodies("seatAnnounced").await;
    assert!(told.iter().all(|b| matches!(b, Body::SeatAnnounced(a) if a.seat.rehearsal)));
    assert_eq!(told.len(), 3);
    let site = &world.settings.sites[0].name;
    assert!(world.store.release_past(site).await.unwrap().announced.is_empty());
    let entries = world.entries().await;
    assert!(!entries.iter().any(|entry| matches!(entry, Entry::Announced { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_stops_announcements_too() {
    let world = world().await;
    world.fault(bursar::simulator::Fault::ClockSkew { seconds: 1000 });
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    assert!(world.bodies("seatAnnounced").await.is_empty());
    assert_eq!(report.counts.iter().map(|c| c.announced).sum::<u64>(), 0);
}
