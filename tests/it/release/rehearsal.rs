//! A rehearsal does everything but the deed.

use bursar::event::Body;
use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::qrs::Patience;
use bursar::release::Plan;
use bursar::simulator::{SeatKind, UserSpec};

use super::world::{World, crowd, idle, order};

async fn saved(world: &World, run: &str) -> Plan {
    let json = world.store.load_plan(run).await.unwrap().expect("the plan is kept");
    serde_json::from_slice(&json).unwrap()
}

/// As far as a plan doesn't depend on when it was made and for which run.
fn without_run_and_time(plan: Plan) -> String {
    let mut plan = Plan { run: String::new(), now: super::world::start(), ..plan };
    plan.notes.clear();
    plan.digest()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_only_reads_and_plans_the_same() {
    let mut scenario = crowd(SeatKind::Analyzer, 5);
    for n in 0..8 {
        let id = format!("author{n}");
        scenario.users.push(UserSpec::of("CORP", &id));
        scenario.seats.push(idle(SeatKind::Professional, &id, if n < 2 { 70 } else { 1 }));
    }
    let world = World::new(scenario).await;
    let rehearsal = world.run(Mode::Rehearsal).await;
    assert_eq!(rehearsal.status, RunStatus::Done, "{rehearsal:?}");
    assert!(world.control().requests().iter().all(|request| request.method == "GET"));
    let planned = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let real = world.run(Mode::Real).await;
    assert_eq!(real.status, RunStatus::Done, "{real:?}");
    assert_eq!(world.deletes(), 7);

    let plans = [saved(&world, &rehearsal.run).await, planned, saved(&world, &real.run).await];
    let digests = plans.map(without_run_and_time);
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
    let released = |counts: &[bursar::ledger::TypeCounts]| {
        counts.iter().map(|c| (c.seat_type, c.planned, c.released, c.kept)).collect::<Vec<_>>()
    };
    assert_eq!(released(&rehearsal.counts), released(&real.counts));

    let records = world.records().await;
    let of = |run: &str| -> Vec<_> {
        let records = records.iter().filter(|record| record.run.as_deref() == Some(run));
        records.map(|record| record.entry.clone()).collect()
    };
    let entries = of(&rehearsal.run);
    let kinds: Vec<_> = entries.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["runStarted", "planned", "runEnded"]);
    assert!(matches!(&entries[0], Entry::RunStarted { mode: Mode::Rehearsal, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_tells_which_seats_it_would_release() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let report = world.run(Mode::Rehearsal).await;
    let told = world.bodies("seatReleased").await;
    assert_eq!(told.len(), 3);
    for body in &told {
        let Body::SeatReleased(released) = body else { panic!("{body:?}") };
        assert!(released.seat.rehearsal);
        assert_eq!((&released.seat.run, &released.result), (&report.run, &SeatResult::Freed));
    }
    let told = world.bodies("seatsKept").await;
    assert!(matches!(&told[..], [Body::SeatsKept(kept)] if kept.rehearsal), "{told:?}");
    let told = world.bodies("releaseRun").await;
    assert!(matches!(&told[..], [Body::ReleaseRun(run)] if run.mode == Mode::Rehearsal));
    // Nobody is left alone because of a rehearsal.
    let again = world.run(Mode::Rehearsal).await;
    assert_eq!(again.counts, report.counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_is_stopped_by_the_same_guards() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.fault(bursar::simulator::Fault::ClockSkew { seconds: 1000 });
    let rehearsal = world.run(Mode::Rehearsal).await;
    let real = world.run(Mode::Real).await;
    assert_eq!(rehearsal.status, RunStatus::Refused);
    let guards = |report: &bursar::release::run::Report| -> Vec<_> {
        report.refusals.iter().map(|r| (r.guard, r.seat_type)).collect()
    };
    assert_eq!(guards(&rehearsal), guards(&real));
    assert!(world.bodies("seatReleased").await.is_empty());
    let told = world.bodies("releaseRefused").await;
    let rehearsals: Vec<_> = told
        .iter()
        .map(|body| matches!(body, Body::ReleaseRefused(refused) if refused.rehearsal))
        .collect();
    assert_eq!(rehearsals, [true, false]);
}

/// Requests of a rehearsal don't grow with the seats it would release, but for the users.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_asks_little() {
    let world = World::new(crowd(SeatKind::Analyzer, 250)).await;
    let before = world.control().request_count();
    let report = world.engine().run(&order(Mode::Rehearsal)).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(report.counts.iter().map(|c| c.released).sum::<u64>(), 250);
    let asked = world.control().request_count() - before;
    // Two lists, their counts, the pools, two batches of users, which site it is (nodes and license),
    // and the names of its tags, because a rule looks at them.
    assert!(asked <= 10, "{asked}");
    assert_eq!(world.released_events().await.len(), 250);
}
