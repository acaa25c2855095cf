//! What a site does not say is unknown, and unknown keeps the seat.

use bursar::ledger::Mode;
use bursar::simulator::{Fault, FaultRule, SeatKind};

use super::world::{World, crowd, idle};

const SEATS: &str = "/qrs/license/analyzeraccesstype";

/// Without the list of tags nobody knows who is protected by one; without a date nobody knows how long
/// a seat has been idle. Neither is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_missing_keeps_every_seat() {
    for (path, field) in [
        ("/qrs/user", "tags"),
        ("/qrs/user", "customProperties"),
        (SEATS, "createdDate"),
        (SEATS, "lastUsed"),
    ] {
        let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
        world.fault(FaultRule::on(path, Fault::FieldMissing { name: field.into() }));
        let report = world.run(Mode::Real).await;
        assert_eq!(world.deletes(), 0, "{field}: {report:?}");
        // With the field, the same seats go.
        world.control().clear_faults();
        world.run(Mode::Real).await;
        assert_eq!(world.deletes(), 3, "{field}");
    }
}

/// Somebody who works with a user access seat keeps the idle Analyzer seat, as with Professional.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_of_a_user_access_seat_counts() {
    let mut scenario = crowd(SeatKind::Analyzer, 3);
    scenario.pools.tokens.enabled = true;
    scenario.pools.tokens.total = 100;
    scenario.seats.push(idle(SeatKind::User, "idle1", 0));
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(world.deletes(), 2, "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle1".to_owned()), "{report:?}");
}
