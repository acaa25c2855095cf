//! What ends a run before all seats are done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use bursar::qrs::Patience;
use bursar::release::run::{RunError, Undo};
use bursar::simulator::{Fault, FaultRule, SeatKind};
use bursar::store::{Addition, Store};
use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::world::{World, after, crowd, order, path, start, status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_failures_in_a_row_end_the_run() {
    for (fault, concurrency) in [
        (status(500), 2),
        (Fault::Forbidden, 2),
        (Fault::Forbidden, 8),
        (Fault::Xsrf, 1),
        (status(200), 4),
        (Fault::ResetBefore, 2),
    ] {
        let mut world = World::new(crowd(SeatKind::Analyzer, 12)).await;
        world.settings(|release| release.concurrency = concurrency);
        world.fault(FaultRule::from(fault.clone()).method("DELETE"));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Broken, "{fault:?}: {report:?}");
        assert_eq!(world.deletes(), 5, "{fault:?} at {concurrency}: never more than allowed");
        assert_eq!(world.holders(SeatKind::Analyzer).len(), 48);
        assert!(report.why.as_deref().is_some_and(|why| why.starts_with("5 seats in a row")));
        let ended = world.entries().await.pop();
        assert!(matches!(ended, Some(Entry::RunEnded { status: RunStatus::Broken, .. })));
        world.assert_no_delete_twice();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_with_successes_between_them_do_not() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 12)).await;
    world.settings(|release| release.concurrency = 1);
    for n in (0..12).filter(|n| n % 2 == 0) {
        let seat = world.seat(SeatKind::Analyzer, &format!("idle{n}"));
        world.fault(FaultRule::on(&path(SeatType::Analyzer, &seat), status(500)).method("DELETE"));
    }
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    assert_eq!(world.deletes(), 12);
}

/// One that is being looked into counts as a failure until it is known, from the first seat on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_more_is_sent_while_a_refusal_that_would_end_the_run_is_looked_into() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 12)).await;
    world.settings(|release| {
        release.concurrency = 2;
        release.policy.limits.stop_after_failures = 1;
    });
    world.fault(FaultRule::from(status(409)).method("DELETE").skip(1).times(1));
    let mut engine = world.engine();
    engine.waits.second_look = std::time::Duration::from_secs(1);
    let report = engine.run(&order(Mode::Real)).await.unwrap();
    assert_eq!(report.status, RunStatus::Broken, "{report:?}");
    // The first, the refused one, and the one beside it.
    assert!(world.deletes() <= 3, "{}", world.deletes());
}

/// A site that stops answering in the middle of a run: nothing is sent that can't be checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_that_can_not_be_read_again_end_the_run_too() {
    for fault in [status(503), Fault::HtmlOk, Fault::ResetBefore, Fault::EmptyObject] {
        let mut world = World::new(crowd(SeatKind::Analyzer, 12)).await;
        world.settings(|release| release.concurrency = 2);
        let control = world.control().clone();
        let broken = AtomicBool::new(false);
        let order = after(Mode::Real, move |done, _| {
            if done == 2 && !broken.swap(true, Ordering::Relaxed) {
                let rule = FaultRule::on("/qrs/license/analyzeraccesstype", fault.clone());
                control.set_fault(rule.method("GET"));
            }
        });
        let report = world.engine().run(&order).await.unwrap();
        assert_eq!(report.status, RunStatus::Broken, "{report:?}");
        // Two were done, and at most one more was under way.
        assert!(world.deletes() <= 3, "{}", world.deletes());
        assert_eq!(world.intents().await.len(), world.deletes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_the_seats_in_hand() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 6)).await;
    world.settings(|release| release.concurrency = 2);
    let mut order = order(Mode::Real);
    let stop = order.stop.clone();
    order.progress.0 = Arc::new(move |_, _| stop.cancel());
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
    let results = world.results().await;
    // Nothing is begun and nothing sent after the stop: the second one may not have had its intent
    // yet, or its intent and no more.
    assert!((1..=2).contains(&results.len()), "{results:?}");
    assert_eq!(world.unsettled().await, 0, "{results:?}");
    let freed = results.iter().filter(|(_, result)| result.is_taken()).count();
    assert!((1..=2).contains(&freed) && world.deletes() == freed, "{results:?}");
    assert_eq!(world.bodies("releaseRun").await.len(), 1);
}

/// Reading is given up at once: nothing is in hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_the_site_is_read_ends_the_run() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let list = "/qrs/license/analyzeraccesstype/full";
    world.fault(FaultRule::on(list, Fault::Hang));
    let (order, engine) = (order(Mode::Real), world.engine());
    let stop = order.stop.clone();
    let running = tokio::spawn(async move { engine.run(&order).await });
    world.until_requests("GET", list, 1).await;
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
    let kinds: Vec<_> = world.entries().await.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["runStarted", "runEnded"]);
    // The lock is free.
    world.control().clear_faults();
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_no_undo_and_an_undo_no_rehearsal() {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let error = world.engine().run(&order(Mode::Undo)).await.unwrap_err();
    assert!(matches!(error, RunError::Unusable(_)), "{error}");
    let run = world.run(Mode::Real).await.run;
    for mode in [Mode::Rehearsal, Mode::Real] {
        let error = world.engine().undo(&Undo::run(run.clone()), &order(mode)).await.unwrap_err();
        assert!(matches!(error, RunError::Unusable(_)), "{error}");
    }
    assert_eq!(world.changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_in_the_middle_of_a_run_ends_it_before_the_next_seat() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 6)).await;
    world.settings(|release| release.concurrency = 1);
    let (store, site) = (world.store.clone(), world.settings.sites[0].name.clone());
    let order = after(Mode::Real, move |_, _| blocking(pause(store.clone(), site.clone())));
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Stopped, "{report:?}");
    assert_eq!(world.deletes(), 1);
    assert!(report.why.as_deref().is_some_and(|why| why.contains("year end")), "{report:?}");
}

async fn pause(store: Store, site: String) {
    let entry = Entry::Paused {
        until: start() + TimeDelta::days(1),
        why: "year end".into(),
        by: "anna".into(),
    };
    store.append(None, vec![Addition { site, run: None, entry }], |_| Vec::new()).await.unwrap();
}

/// Within a callback.
fn blocking<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_run_at_a_time_over_all_processes() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle0"));
    world.fault(FaultRule::on(&seat, Fault::Hang).method("DELETE").times(1));
    let first = world.engine();
    let running = tokio::spawn(async move { first.run(&order(Mode::Real)).await });
    world.until_deletes(1).await;
    let mut second = world.engine();
    second.store = world.another_store().await;
    let error = second.run(&order(Mode::Real)).await.unwrap_err();
    assert!(matches!(error, RunError::Busy(_)), "{error}");
    let said = error.to_string();
    assert!(said.contains("anna@test") && said.contains("process"), "{said}");
    assert!(matches!(second.settle(Patience::ONCE).await, Err(RunError::Busy(_))));
    running.abort();
}

/// Correction 13: two processes that run at the same time, again and again, delete nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_runs_never_delete_twice() {
    let world = World::new(crowd(SeatKind::Analyzer, 20)).await;
    let mut runs = JoinSet::new();
    for _ in 0..4 {
        let mut engine = world.engine();
        engine.store = world.another_store().await;
        runs.spawn(async move {
            let mut released = 0;
            for _ in 0..4 {
                if let Ok(report) = engine.run(&order(Mode::Real)).await {
                    released += report.counts.iter().map(|c| c.released).sum::<u64>();
                }
            }
            released
        });
    }
    let released: u64 = runs.join_all().await.into_iter().sum();
    assert_eq!(released, 20);
    assert_eq!(world.deletes(), 20);
    world.assert_no_delete_twice();
    assert_eq!(world.results().await.len(), 20);
}

/// The lock is lost while a seat is in hand: nothing more is sent, and whoever has it now finds out
/// what became of that seat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_lock_ends_the_run_at_once() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| release.concurrency = 1);
    let other = world.another_store().await;
    let world = Arc::new(world);
    let (site, copy) = (world.settings.sites[0].name.clone(), world.clone());
    let order = after(Mode::Real, move |_, _| {
        // This process stood still for two minutes, and another one took over.
        copy.pass(TimeDelta::minutes(2));
        let lease = std::time::Duration::from_secs(60);
        blocking(other.claim_release(&site, "another", "somebody", lease)).unwrap().unwrap();
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("another run took over")));
    assert_eq!(world.deletes(), 1);
    assert_eq!(world.results().await, [("idle0".to_owned(), SeatResult::Freed)]);
    assert_eq!(world.unsettled().await, 0, "no intent without the lock");
    // The claim of the other one still stands.
    let error = world.engine().run(&super::world::order(Mode::Real)).await.unwrap_err();
    assert!(matches!(error, RunError::Busy(_)), "{error}");
}

/// A store that can't be written ends the run before the seat is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_durable_intent_nothing_is_sent() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| release.concurrency = 1);
    let store = world.store.clone();
    let order = after(Mode::Real, move |_, _| blocking(store.clone().close()));
    let error = world.engine().run(&order).await.unwrap_err();
    assert!(matches!(error, RunError::Append(_) | RunError::Store(_)), "{error}");
    assert_eq!(world.deletes(), 1);
}
