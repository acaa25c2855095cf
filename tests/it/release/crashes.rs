//! The process ends between any two steps. Whoever comes next finds out what happened, and the
//! ledger tells it.

use std::collections::HashMap;
use std::process::Stdio;

use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use bursar::qrs::Patience;
use bursar::release::run::{RunError, Undo};
use bursar::simulator::{Fault, FaultRule, LicenseKind, LicenseVariant, SeatKind};
use chrono::TimeDelta;

use super::world::{Mortal, World, crowd, order, path};
use crate::support::process::{Process, bursar};

/// Starts a run, waits until the site has got `request` (method and path) for the `nth` time, and
/// kills it. Then the lease runs out.
async fn killed_at(world: &World, method: &'static str, path: &str, nth: usize) {
    let engine = world.engine();
    let running = tokio::spawn(async move { engine.run(&order(Mode::Real)).await });
    world.until_requests(method, path, nth).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    // Until the lease is over, nobody else may run.
    let error = world.engine().run(&order(Mode::Real)).await.unwrap_err();
    assert!(matches!(error, RunError::Busy(_)), "{error}");
    world.control().clear_faults();
    world.pass(TimeDelta::minutes(3));
}

/// The seats of the idle people are gone, and each is recorded and told as freed exactly once.
async fn assert_each_freed_once(world: &World, count: usize) {
    assert!(world.holders(SeatKind::Analyzer).iter().all(|id| id.starts_with("busy")));
    let mut freed: HashMap<String, usize> = HashMap::new();
    for (id, result) in world.results().await {
        if result == SeatResult::Freed {
            *freed.entry(id).or_default() += 1;
        }
    }
    assert_eq!(freed.len(), count, "{freed:?}");
    assert!(freed.values().all(|times| *times == 1), "{freed:?}");
    let mut told = world.released_events().await;
    told.sort_unstable();
    let all = told.len();
    told.dedup();
    assert_eq!((told.len(), all), (count, count), "{told:?}");
    assert_eq!(world.unsettled().await, 0);
}

async fn one() -> (World, String) {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle0"));
    (world, seat)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_intent() {
    let (world, seat) = one().await;
    world.fault(FaultRule::on(&seat, Fault::Hang).method("GET"));
    killed_at(&world, "GET", &seat, 1).await;
    assert!(world.intents().await.is_empty());
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_each_freed_once(&world, 1).await;
    assert_eq!(world.deletes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_intent_and_before_the_delete_had_any_effect() {
    let (world, seat) = one().await;
    world.fault(FaultRule::from(Fault::Hang).method("DELETE"));
    killed_at(&world, "DELETE", &seat, 1).await;
    assert_eq!((world.intents().await.len(), world.unsettled().await), (1, 1));
    // Ten minutes and one after the intent it can't come to anything any more.
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 1);
    world.pass(TimeDelta::minutes(9));
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
    let outcomes = world.outcomes().await;
    let [open, outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(!open.is_final() && open.evidence.there, "{open:?}");
    assert!(matches!(outcome.result, SeatResult::Refused { .. }), "{outcome:?}");
    assert!(outcome.evidence.by_time, "{outcome:?}");
    assert!(outcome.settled_later);
    assert!(world.released_events().await.is_empty());
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_each_freed_once(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_delete_and_before_its_answer() {
    let (world, seat) = one().await;
    world.fault(FaultRule::from(Fault::HangHandled).method("DELETE"));
    killed_at(&world, "DELETE", &seat, 1).await;
    world.until_gone(SeatKind::Analyzer, "idle0").await;
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
    assert_each_freed_once(&world, 1).await;
    let records = world.records().await;
    let outcome = records.last().unwrap();
    assert!(matches!(&outcome.entry, Entry::Outcome(outcome) if outcome.settled_later));
    assert_eq!(outcome.run, records[0].run, "it belongs to the run that did it");
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 1), "{report:?}");
    // What the run that was cut short took can be allocated again.
    let run = records[0].run.clone().unwrap();
    let report = world.engine().undo(&Undo::run(run), &order(Mode::Undo)).await.unwrap();
    assert_eq!(report.counts[0].released, 1, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_answer_and_before_the_outcome() {
    let (world, seat) = one().await;
    world.fault(FaultRule::on(&seat, Fault::Hang).method("GET").skip(1));
    killed_at(&world, "GET", &seat, 2).await;
    assert_eq!((world.unsettled().await, world.deletes()), (1, 1));
    // The next run does it by itself.
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_each_freed_once(&world, 1).await;
    assert_eq!(world.deletes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_seat_in_quarantine() {
    let mut scenario = crowd(SeatKind::Analyzer, 1);
    scenario.license = LicenseVariant { kind: LicenseKind::Lef, ..LicenseVariant::default() };
    scenario.seats[0].last_used = bursar::simulator::When::days_ago(5);
    let mut world = World::new(scenario).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.release_threshold_days = 3;
        }
    });
    world.fault(FaultRule::from(Fault::HangHandled).method("DELETE"));
    killed_at(&world, "DELETE", "", 1).await;
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
    let results = world.results().await;
    assert!(matches!(&results[..], [(_, SeatResult::Quarantined { .. })]), "{results:?}");
    assert_eq!(world.released_events().await, ["idle0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_finding_out() {
    let (world, seat) = one().await;
    world.fault(FaultRule::from(Fault::HangHandled).method("DELETE"));
    killed_at(&world, "DELETE", &seat, 1).await;
    world.fault(FaultRule::on(&seat, Fault::Hang).method("GET"));
    killed_at(&world, "GET", &seat, 2).await;
    assert_eq!(world.unsettled().await, 1);
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
    assert_each_freed_once(&world, 1).await;
}

/// A seat that is still there right after the end of the process may yet go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_still_be_under_way_is_left_open() {
    let (world, seat) = one().await;
    world.fault(FaultRule::from(Fault::Hang).method("DELETE"));
    let engine = world.engine();
    let running = tokio::spawn(async move { engine.run(&order(Mode::Real)).await });
    world.until_requests("DELETE", &seat, 1).await;
    running.abort();
    world.control().clear_faults();
    // The lease is over, but not the time that the site may need.
    world.pass(TimeDelta::seconds(90));
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 1);
    assert!(world.outcomes().await.iter().all(|outcome| !outcome.is_final()));
    // It was under way indeed.
    world.control().remove_seat(seat.rsplit('/').next().unwrap());
    assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
    assert_each_freed_once(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_giving_a_seat_back() {
    for (fault, given) in [(Fault::HangHandled, true), (Fault::Hang, false)] {
        let (world, _) = one().await;
        let run = world.run(Mode::Real).await.run;
        world.fault(FaultRule::from(fault).method("POST"));
        let (engine, what) = (world.engine(), Undo::run(run.clone()));
        let running = tokio::spawn(async move { engine.undo(&what, &order(Mode::Undo)).await });
        world.until_requests("POST", "", 1).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        world.control().clear_faults();
        world.pass(TimeDelta::minutes(12));
        let again = world.engine().undo(&Undo::run(run), &order(Mode::Undo)).await.unwrap();
        assert_eq!(again.status, RunStatus::Done, "{again:?}");
        assert_eq!(again.skipped.len(), usize::from(given), "{again:?}");
        assert_eq!(world.holders(SeatKind::Analyzer).len(), 4);
        assert_eq!(world.bodies("seatRestored").await.len(), 1);
        assert_eq!(world.unsettled().await, 0);
    }
}

/// At every request there is: it arrives and nothing comes of it, or all of it happens and the
/// answer doesn't come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_request() {
    for fault in [Fault::Hang, Fault::HangHandled] {
        let mut killed = 0;
        for number in 0.. {
            let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
            world.fault(FaultRule::from(fault.clone()).skip(number).times(1));
            let (engine, control) = (world.engine(), world.control().clone());
            let mut running = tokio::spawn(async move { engine.run(&order(Mode::Real)).await });
            let number = u64::from(number);
            let hangs = async {
                while control.request_count() <= number {
                    tokio::task::yield_now().await;
                }
            };
            let ended = tokio::select! {
                () = hangs => false,
                report = &mut running => report.unwrap().is_ok(),
            };
            if ended {
                break;
            }
            // Requests that are under way beside it may or may not take effect.
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
            killed += 1;
            world.control().clear_faults();
            world.pass(TimeDelta::minutes(12));
            let report = world.run(Mode::Real).await;
            assert_eq!(report.status, RunStatus::Done, "{fault:?} at {number}: {report:?}");
            assert_each_freed_once(&world, 2).await;
            if fault == Fault::HangHandled {
                world.assert_no_delete_twice();
            }
        }
        assert!(killed >= 10, "{killed} requests");
    }
}

/// At any point where a run waits for the site, the store or the clock. Which points these are
/// differs from time to time; what must hold does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_await() {
    let count = 60;
    let world = World::new(crowd(SeatKind::Analyzer, count)).await;
    let mut killed = 0;
    for polls in (1..90).chain(20..50) {
        let mut engine = world.engine();
        engine.store = world.another_store().await;
        let run = async move { engine.run(&order(Mode::Real)).await };
        match Mortal::new(run, polls).await {
            None => killed += 1,
            // All seats are done; the later part of a run is what is left to be killed.
            Some(Ok(_)) if world.deletes() >= count => break,
            Some(Ok(report)) => assert_eq!(report.status, RunStatus::Done, "{report:?}"),
            Some(Err(error)) => panic!("after {polls} polls: {error}"),
        }
        world.pass(TimeDelta::minutes(12));
    }
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_each_freed_once(&world, count).await;
    assert!(killed > 10, "only {killed} runs were killed");
    let settled = world.outcomes().await.iter().filter(|o| o.settled_later).count();
    assert!(settled > 0, "no run was killed with a seat in hand");
}

/// The real program, killed as the operating system does at its worst. The next command needs no
/// second call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_is_killed() {
    for fault in [Fault::Hang, Fault::HangHandled] {
        let (world, file) = World::now(crowd(SeatKind::Analyzer, 3)).await;
        let happens = fault == Fault::HangHandled;
        let arguments = ["release", "apply", "-c", file.to_str().unwrap(), "--yes"];
        let folder = world.setup.folder.path();
        world.fault(FaultRule::from(fault).method("DELETE"));
        let process = Process::start(&arguments, folder);
        world.until_deletes(2).await;
        process.kill();
        world.control().clear_faults();
        assert_eq!(world.unsettled().await, 2);
        if happens {
            world.until_gone(SeatKind::Analyzer, "idle0").await;
            world.until_gone(SeatKind::Analyzer, "idle1").await;
        }

        // The lock of the dead holds for a minute, so that nothing is under way when it ends.
        world.lock_ends_in(TimeDelta::milliseconds(1500));
        let again = bursar(&arguments).current_dir(folder).output().unwrap();
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(said.contains("another run has the release lock"), "{said}");
        assert!(said.contains("waiting until"), "{said}");
        world.assert_no_delete_twice();
        if happens {
            let out = String::from_utf8_lossy(&again.stdout).into_owned();
            assert_eq!(again.status.code(), Some(0), "{said}{out}");
        } else {
            // What was sent may still be under way: the seats are left alone until that is over.
            world.pass(TimeDelta::minutes(15));
            let report = world.run(Mode::Real).await;
            assert_eq!(report.status, RunStatus::Done, "{report:?}");
        }
        assert!(world.holders(SeatKind::Analyzer).iter().all(|id| id.starts_with("busy")));
        let mut freed = world.results().await;
        freed.retain(|(_, result)| *result == SeatResult::Freed);
        freed.sort_by(|a, b| a.0.cmp(&b.0));
        let freed: Vec<_> = freed.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(freed, ["idle0", "idle1", "idle2"]);
        assert_eq!(world.unsettled().await, 0);
        let arguments = ["audit", "verify", "-c", file.to_str().unwrap()];
        let verified = bursar(&arguments).current_dir(folder).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
    }
}

/// A lock that its owner renews is not waited for: the command says who has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_renewed_is_not_waited_for() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 3)).await;
    let folder = world.setup.folder.path();
    let site = &world.settings.sites[0].name;
    let lease = std::time::Duration::from_secs(60);
    let claim = world.store.claim_release(site, "alive", "somebody else", lease).await;
    let claim = claim.unwrap().unwrap();
    for more in [&["apply"][..], &["undo", "CORP\\idle0"]] {
        let arguments = [&["release"], more, &["-c", file.to_str().unwrap(), "--yes"]].concat();
        let mut process = Process::start(&arguments, folder);
        process.wait_for("waiting until");
        assert!(world.store.renew_claim(&claim, lease).await.unwrap().is_ok());
        process.wait_for("another run has the release lock of this site: somebody else since");
        let (status, _) = process.ended();
        assert_eq!(status.code(), Some(1), "{more:?}");
    }
    assert_eq!(world.deletes(), 0);
}

/// Two processes at the same time: one does it, the other waits and finds nothing left to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_at_once() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 8)).await;
    let arguments = ["release", "apply", "-c", file.to_str().unwrap(), "--yes"];
    let folder = world.setup.folder.path();
    world.fault(FaultRule::from(Fault::Latency { millis: 50 }).method("DELETE"));
    let mut first = bursar(&arguments);
    first.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    world.until_deletes(1).await;
    let second = bursar(&arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another run has the release lock"), "{said}");
    assert!(said.contains("there is nothing to release"), "{said}");
    assert_eq!(second.status.code(), Some(0), "{said}");
    assert!(first.wait().unwrap().success());
    assert_eq!(world.deletes(), 8);
    world.assert_no_delete_twice();
    assert_eq!(world.results().await.len(), 8);
}
