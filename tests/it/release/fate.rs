//! What became of a seat, cell by cell: every answer to a DELETE, and when its effect shows.
//!
//! | the seat is gone | at once | 3 s later | 150 s later | never |
//! | --- | --- | --- | --- | --- |
//! | 2xx | freed | freed | open, then freed | open |
//! | 3xx, 401, 403, 404, 409, 412 | freed | freed | refused | refused |
//! | others, none | freed | freed | open, then freed | open, then refused by time |

use std::collections::BTreeMap;
use std::time::Duration;

use bursar::event::Body;
use bursar::ledger::{Mode, Outcome, ResponseClass, RunStatus, SeatResult, Statement, Trigger};
use bursar::license::SeatType;
use bursar::qrs::Patience;
use bursar::release::run::Undo;
use bursar::simulator::{Fault, FaultRule, LicenseRule, SeatKind};
use chrono::TimeDelta;

use super::world::{World, crowd, order, path};

/// What is answered, and what class it is of.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) name: &'static str,
    /// With the effect and without it.
    pub(super) handled: Fault,
    pub(super) ignored: Fault,
    class: ResponseClass,
}

fn status(name: &'static str, code: u16, html: bool, class: ResponseClass) -> Cell {
    Cell {
        name,
        handled: Fault::StatusHandled { code, html },
        ignored: Fault::Status { code, html, retry_after_seconds: None },
        class,
    }
}

pub(super) fn cells() -> Vec<Cell> {
    let mut cells = vec![
        status("200", 200, false, ResponseClass::Accepted),
        status("200 with a page", 200, true, ResponseClass::Accepted),
        status("202", 202, false, ResponseClass::Accepted),
        status("204", 204, false, ResponseClass::Accepted),
        status("302", 302, true, ResponseClass::Refused),
        status("401", 401, true, ResponseClass::Refused),
        status("403", 403, false, ResponseClass::Refused),
        status("404", 404, false, ResponseClass::Refused),
        status("409", 409, false, ResponseClass::Refused),
        status("412", 412, false, ResponseClass::Refused),
        status("400", 400, false, ResponseClass::Unclear),
        status("408", 408, false, ResponseClass::Unclear),
        status("429", 429, false, ResponseClass::Unclear),
        status("500", 500, false, ResponseClass::Unclear),
        status("500 with a page", 500, true, ResponseClass::Unclear),
        status("502", 502, true, ResponseClass::Unclear),
        status("503", 503, false, ResponseClass::Unclear),
        status("504", 504, true, ResponseClass::Unclear),
    ];
    cells.push(Cell {
        name: "reset",
        handled: Fault::ResetHandled,
        ignored: Fault::ResetBefore,
        class: ResponseClass::Unclear,
    });
    cells.push(Cell {
        name: "no answer",
        handled: Fault::HangHandled,
        ignored: Fault::Hang,
        class: ResponseClass::Unclear,
    });
    cells
}

/// When the effect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    AtOnce,
    /// After a few seconds: at the second look.
    Soon,
    /// After 150 seconds: after the run.
    Later,
    Never,
}

/// A run over one seat for each answer. Cell n is the seat of `idle<n>`.
async fn world(shows: Shows) -> World {
    let cells = cells();
    let mut scenario = crowd(SeatKind::Analyzer, cells.len());
    match shows {
        Shows::Soon => scenario.quirks.delete_shows_after_reads = 1,
        Shows::Later => scenario.quirks.delete_shows_after_seconds = 150,
        Shows::AtOnce | Shows::Never => {}
    }
    let mut world = World::new(scenario).await;
    world.settings.sites[0].connection.request_timeout = Duration::from_secs(2);
    world.settings(|release| release.policy.limits.stop_after_failures = 1000);
    for (n, cell) in cells.iter().enumerate() {
        let id = world.seat(SeatKind::Analyzer, &format!("idle{n}"));
        let fault = if shows == Shows::Never { &cell.ignored } else { &cell.handled };
        world.fault(FaultRule::on(&path(SeatType::Analyzer, &id), fault.clone()).method("DELETE"));
    }
    let report = world.run(Mode::Real).await;
    assert_ne!(report.status, RunStatus::Failed, "{report:?}");
    world
}

/// The last outcome of each cell, by its name.
async fn last(world: &World) -> BTreeMap<&'static str, Outcome> {
    let cells = cells();
    let mut last = BTreeMap::new();
    for outcome in world.outcomes().await {
        let number = outcome.holder.user_id.strip_prefix("idle").unwrap().parse::<usize>();
        last.insert(cells[number.unwrap()].name, outcome);
    }
    assert_eq!(last.len(), cells.len());
    last
}

/// The ledger, the events, the memory and the site say the same of every cell; each was asked for
/// once.
async fn assert_agreed(world: &World) {
    let last = last(world).await;
    assert_eq!(world.deletes(), last.len());
    world.assert_no_delete_twice();
    let mut freed: Vec<_> = last
        .values()
        .filter(|outcome| outcome.is_release())
        .map(|outcome| outcome.holder.user_id.to_string())
        .collect();
    freed.sort_unstable();
    let mut told = world.released_events().await;
    told.sort_unstable();
    assert_eq!(told, freed, "each is told once");
    let past = world.store.release_past(&world.settings.sites[0].name).await.unwrap();
    for outcome in last.values() {
        let key = (outcome.seat_type, outcome.holder.id);
        assert_eq!(past.released.contains_key(&key), outcome.is_release(), "{outcome:?}");
        let open = past.open.iter().any(|open| open.seat == outcome.seat);
        assert_eq!(open, !outcome.is_final(), "{outcome:?}");
    }
}

fn is_open(outcome: &Outcome) -> bool {
    matches!(outcome.result, SeatResult::Unclear { .. })
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome.result, SeatResult::Refused { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_at_once_or_soon_is_freed_whatever_was_answered() {
    for shows in [Shows::AtOnce, Shows::Soon] {
        let world = world(shows).await;
        let last = last(&world).await;
        for cell in cells() {
            let outcome = &last[cell.name];
            let name = format!("{} {shows:?}", cell.name);
            assert_eq!(outcome.result, SeatResult::Freed, "{name}");
            assert_eq!(outcome.evidence.answered, Some(cell.class), "{name}");
            assert!(!outcome.evidence.late, "{name}");
            // What was answered stays on record where it says something else.
            let remark = outcome.evidence.remark.is_some();
            assert_eq!(remark, cell.class != ResponseClass::Accepted, "{name}");
        }
        assert_agreed(&world).await;
        assert!(world.holders(SeatKind::Analyzer).iter().all(|id| id.starts_with("busy")));
        // And undo knows all of them.
        world.control().clear_faults();
        let run = world.records().await[0].run.clone().unwrap();
        let undone = world.engine().undo(&Undo::run(run), &order(Mode::Undo)).await.unwrap();
        assert_eq!(undone.seats.len(), cells().len(), "{undone:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_after_150_seconds_is_found_out_by_the_next_run() {
    let world = world(Shows::Later).await;
    let first = last(&world).await;
    for cell in cells() {
        let outcome = &first[cell.name];
        let refused = cell.class == ResponseClass::Refused;
        assert_eq!((is_refused(outcome), is_open(outcome)), (refused, !refused), "{}", cell.name);
    }
    assert_agreed(&world).await;
    world.control().clear_faults();
    world.pass(TimeDelta::seconds(160));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let second = last(&world).await;
    for cell in cells() {
        let outcome = &second[cell.name];
        if cell.class == ResponseClass::Refused {
            assert!(is_refused(outcome), "{}", cell.name);
            continue;
        }
        assert_eq!(outcome.result, SeatResult::Freed, "{}", cell.name);
        assert!(outcome.settled_later && !outcome.evidence.late, "{}", cell.name);
        assert_eq!(outcome.evidence.answered, Some(cell.class), "{}", cell.name);
    }
    assert_eq!(world.unsettled().await, 0);
    assert_agreed(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_gone_is_refused_or_open_and_after_ten_minutes_refused_by_time() {
    let world = world(Shows::Never).await;
    let first = last(&world).await;
    for cell in cells() {
        let outcome = &first[cell.name];
        let refused = cell.class == ResponseClass::Refused;
        assert_eq!((is_refused(outcome), is_open(outcome)), (refused, !refused), "{}", cell.name);
    }
    world.control().clear_faults();
    let settled = || async { world.engine().settle(Patience::ONCE).await.unwrap() };
    let open = cells().iter().filter(|cell| cell.class != ResponseClass::Refused).count() as u32;
    // Not a minute earlier, however often it is looked at.
    for _ in 0..3 {
        world.pass(TimeDelta::minutes(3));
        assert_eq!(settled().await, open);
    }
    world.pass(TimeDelta::minutes(2));
    let accepted =
        cells().iter().filter(|cell| cell.class == ResponseClass::Accepted).count() as u32;
    assert_eq!(settled().await, accepted);
    let second = last(&world).await;
    for cell in cells() {
        let outcome = &second[cell.name];
        match cell.class {
            ResponseClass::Accepted => assert!(is_open(outcome), "{}", cell.name),
            ResponseClass::Refused => {
                assert!(is_refused(outcome) && !outcome.evidence.by_time, "{}", cell.name);
            }
            _ => assert!(is_refused(outcome) && outcome.evidence.by_time, "{}", cell.name),
        }
    }
    assert_agreed(&world).await;
    assert_eq!(world.holders(SeatKind::Analyzer).len(), cells().len() * 4, "all have theirs");

    // What was accepted stays open for good, and keeps its seat.
    world.pass(TimeDelta::days(2));
    assert_eq!(settled().await, accepted);
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    assert_eq!(plan.types[1].kept_by_reason()["unsettled"], accepted as usize);
    // After a day it is too many for a run: 4 of 80.
    assert_eq!(plan.refusals[0].guard.as_str(), "unsettled");
}

/// One seat whose DELETE is answered so and has no effect.
async fn one(fault: Fault) -> (World, String) {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let seat = world.seat(SeatKind::Analyzer, "idle0");
    world.fault(FaultRule::on(&path(SeatType::Analyzer, &seat), fault).method("DELETE"));
    world.run(Mode::Real).await;
    world.control().clear_faults();
    (world, seat)
}

fn unclear() -> Fault {
    Fault::Status { code: 500, html: false, retry_after_seconds: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_of_the_seats_completes_what_is_open_or_was_refused_by_time_as_late() {
    for settled_before in [false, true] {
        let (world, seat) = one(unclear()).await;
        if settled_before {
            world.pass(TimeDelta::minutes(12));
            assert_eq!(world.engine().settle(Patience::ONCE).await.unwrap(), 0);
        }
        world.pass(TimeDelta::hours(23));
        world.control().remove_seat(&seat);
        world.engine().settle_after_poll(Patience::ONCE).await.unwrap();
        let outcomes = world.outcomes().await;
        let late = outcomes.last().unwrap();
        assert_eq!(late.result, SeatResult::Freed);
        assert!(late.evidence.late && late.settled_later, "{late:?}");
        let corrects = late.evidence.corrects.is_some();
        assert_eq!(corrects, settled_before, "{late:?}");
        let told = world.bodies("seatReleased").await;
        let [Body::SeatReleased(told)] = &told[..] else { panic!("{told:?}") };
        assert!(told.late);
        assert_eq!(world.unsettled().await, 0);
        // Attributed only: undo of the run leaves it out unless it is asked for.
        let undo = async |also| {
            let what = Undo::Run { run: told.seat.run.clone(), also };
            world.engine().undo(&what, &order(Mode::Undo)).await
        };
        let error = undo(false).await.unwrap_err().to_string();
        assert!(error.contains("--also"), "{error}");
        // Once.
        world.engine().settle_after_poll(Patience::ONCE).await.unwrap();
        assert_eq!(world.outcomes().await.len(), outcomes.len());
        assert_eq!(undo(true).await.unwrap().seats.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_a_day_later_is_not_ours() {
    let (world, seat) = one(unclear()).await;
    world.pass(TimeDelta::minutes(12));
    world.engine().settle_after_poll(Patience::ONCE).await.unwrap();
    world.pass(TimeDelta::hours(24));
    world.control().remove_seat(&seat);
    world.engine().settle_after_poll(Patience::ONCE).await.unwrap();
    let last = world.outcomes().await.pop().unwrap();
    assert!(is_refused(&last) && last.evidence.by_time, "{last:?}");
    assert!(world.released_events().await.is_empty());

    // The same with one that was still open.
    let (world, seat) =
        one(Fault::Status { code: 202, html: false, retry_after_seconds: None }).await;
    world.pass(TimeDelta::hours(25));
    world.control().remove_seat(&seat);
    world.engine().settle_after_poll(Patience::ONCE).await.unwrap();
    let last = world.outcomes().await.pop().unwrap();
    assert_eq!(last.result, SeatResult::Gone);
    assert!(last.evidence.remark.is_some());
    assert!(world.released_events().await.is_empty());
}

/// Whether a returned seat keeps its id is not known: both are the same to the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_is_given_out_again_at_once_was_freed_all_the_same() {
    for same_id in [false, true] {
        let mut scenario = crowd(SeatKind::Analyzer, 1);
        scenario.quirks.same_seat_id_again = same_id;
        scenario.license_rules =
            vec![LicenseRule { kind: SeatKind::Analyzer, ..LicenseRule::default() }];
        let world = World::new(scenario).await;
        let seat = world.seat(SeatKind::Analyzer, "idle0");
        // The user logs in between the DELETE and the look at the seat.
        let login = Fault::UserLogsIn { user: "CORP\\idle0".to_owned() };
        world.fault(FaultRule::on(&path(SeatType::Analyzer, &seat), login).method("GET").skip(1));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Done, "{same_id}: {report:?}");
        assert_eq!(world.results().await, [("idle0".to_owned(), SeatResult::Freed)]);
        let now = world.seat(SeatKind::Analyzer, "idle0");
        assert_eq!(now == seat, same_id);
        assert_agreed_of_one(&world).await;
    }
}

async fn assert_agreed_of_one(world: &World) {
    let outcome = world.outcomes().await.pop().unwrap();
    let past = world.store.release_past(&world.settings.sites[0].name).await.unwrap();
    assert!(past.released.contains_key(&(outcome.seat_type, outcome.holder.id)), "churn");
    assert_eq!(world.released_events().await, ["idle0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_can_close_what_stays_open() {
    let (world, _) = one(Fault::Status { code: 200, html: true, retry_after_seconds: None }).await;
    let open = world.store.unsettled(&world.settings.sites[0].name).await.unwrap().remove(0);
    assert_eq!(open.answered, Some(ResponseClass::Accepted));
    let by = Trigger::Command { user: "anna@test".into(), process: None };
    let engine = world.engine();
    engine.state(open.seq, Statement::Kept, "asked her", &by).await.unwrap();
    let error = engine.state(open.seq, Statement::Kept, "asked her", &by).await.unwrap_err();
    assert!(error.to_string().contains("not open any more"), "{error}");
    let last = world.outcomes().await.pop().unwrap();
    let SeatResult::Stated { says: Statement::Kept, by, why } = &last.result else {
        panic!("{last:?}")
    };
    assert!(by.contains("anna@test") && why == "asked her", "{last:?}");
    // No release: not told, not undone, and the seat is judged like any other again.
    assert!(world.released_events().await.is_empty());
    assert_eq!(world.unsettled().await, 0);
    let undo = Undo::run(open.run.clone());
    let error = engine.undo(&undo, &order(Mode::Undo)).await.unwrap_err();
    assert!(error.to_string().contains("took no seat"), "{error}");
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert_eq!(world.released_events().await, ["idle0"]);
}
