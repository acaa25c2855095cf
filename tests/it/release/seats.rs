//! Seat by seat: who loses one, who keeps theirs, and what is written down.

use bursar::event::Body;
use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::simulator::SeatKind;

use super::world::{World, crowd, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_seats_are_released_recorded_and_told() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).iter().all(|id| id.starts_with("busy")));
    assert_eq!(world.deletes(), 3);
    let expected: Vec<_> = (0..3).map(|n| (format!("idle{n}"), SeatResult::Freed)).collect();
    let mut results = world.results().await;
    results.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(results, expected);
    assert_eq!(world.unsettled().await, 0);

    let kinds: Vec<_> = world.entries().await.iter().map(Entry::kind).collect();
    assert_eq!(kinds[..2], ["runStarted", "planned"]);
    assert_eq!(kinds[2..8].iter().filter(|kind| **kind == "intent").count(), 3);
    assert_eq!(kinds[8..], ["runEnded"]);
    let analyzer = report.counts.iter().find(|c| c.seats > 0).unwrap();
    assert_eq!((analyzer.planned, analyzer.released, analyzer.kept), (3, 3, 9));

    let mut told = world.told_released().await;
    told.sort_unstable();
    assert_eq!(told, ["idle0", "idle1", "idle2"]);
    let ended = world.told("releaseRun").await;
    let [Body::ReleaseRun(ended)] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(ended.ledger, report.head);
    assert_eq!(world.store.head().await.unwrap(), Some(report.head));
    // The lock is free again.
    world.engine().run(&order(Mode::Real)).await.unwrap();
}
