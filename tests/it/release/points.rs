//! Crash points: an attempt at one seat is cut off at every poll that returned pending, for every
//! cell of the table of what was answered and when it shows. Whoever comes next finds out, and the
//! ledger says what the site saw.
//!
//! Some cells run always; all of them with `BURSAR_LONG=1` (see `tests/long.sh`).

use bursar::ledger::{Mode, Outcome, SeatResult};
use bursar::license::SeatType;
use bursar::qrs::Patience;
use bursar::release::plan;
use bursar::release::run::{RunError, Undo};
use bursar::simulator::{Fault, FaultRule, SeatKind};
use chrono::TimeDelta;

use super::fate::{Cell, Shows, cells};
use super::world::{Mortal, World, crowd, order, path};

/// Seats at which points are tried; a cell has some 60 points.
const SEATS: usize = 120;

fn is_long() -> bool {
    std::env::var_os("BURSAR_LONG").is_some()
}

/// One of each class, where it matters.
fn chosen() -> Vec<(Cell, Shows)> {
    let some = [
        ("204", Shows::AtOnce),
        ("204", Shows::Later),
        ("404", Shows::AtOnce),
        ("403", Shows::Never),
        ("500", Shows::Soon),
        ("502", Shows::Never),
        ("reset", Shows::AtOnce),
    ];
    let all = [Shows::AtOnce, Shows::Soon, Shows::Later, Shows::Never];
    let pairs = cells().into_iter().flat_map(|cell| all.map(|shows| (cell.clone(), shows)));
    pairs.filter(|(cell, shows)| is_long() || some.contains(&(cell.name, *shows))).collect()
}

async fn site() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, SEATS)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
        release.policy.limits.stale_signal_days = 0;
        release.policy.types[0].max_release_percent = 100;
    });
    world
}

/// What the site saw and has, and what the ledger says of it.
struct Truth {
    deletes: usize,
    is_there: bool,
    intents: usize,
    last: Option<Outcome>,
    told: usize,
}

async fn truth(world: &World, id: &str, seat: &str) -> Truth {
    let lines = world.control().requests_to(&path(SeatType::Analyzer, seat));
    let own = |user: &str| user == id;
    let intents = world.intents().await.into_iter().filter(|i| own(&i.holder.user_id)).count();
    let last = world.outcomes().await.into_iter().rfind(|outcome| own(&outcome.holder.user_id));
    Truth {
        deletes: lines.iter().filter(|request| request.method == "DELETE").count(),
        is_there: world.control().seat_of(SeatKind::Analyzer, "CORP", id).is_some(),
        intents,
        last,
        told: world.released_events().await.iter().filter(|told| own(told)).count(),
    }
}

fn assert_true(truth: &Truth, at: &str) {
    assert!(truth.deletes <= 1, "{at}: asked {} times", truth.deletes);
    assert!(truth.deletes == 0 || truth.intents == 1, "{at}: {} intents", truth.intents);
    let Some(last) = &truth.last else {
        assert!(truth.is_there && truth.deletes == 0, "{at}: nothing is recorded");
        return;
    };
    let freed = last.result == SeatResult::Freed;
    assert_eq!(freed, !truth.is_there, "{at}: {last:?}");
    assert_eq!(truth.told, usize::from(freed), "{at}");
    // Nothing but a DELETE frees a seat.
    assert!(!freed || truth.deletes == 1, "{at}");
}

/// Releases this seat alone.
async fn release(world: &World, seat: &str) -> Result<(), RunError> {
    let engine = world.engine();
    let mut plan = engine.plan(None, Patience::ONCE).await?;
    for part in &mut plan.types {
        part.decisions.retain(|decision| {
            decision.seat.to_string() == seat || decision.outcome == plan::Outcome::Keep
        });
    }
    engine.apply(plan, &[], &order(Mode::Real)).await.map(drop)
}

/// The lease ends, and everything is settled that can be.
async fn come_back(world: &World) {
    for minutes in [3, 9] {
        world.pass(TimeDelta::minutes(minutes));
        world.engine().settle(Patience::ONCE).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_cut_off_everywhere() {
    let mut all = 0;
    for (cell, shows) in chosen() {
        let mut world = site().await;
        if cell.name == "no answer" {
            // Waited for once a point; the others must not depend on real time.
            world.settings.sites[0].connection.request_timeout = std::time::Duration::from_secs(2);
        }
        world.control().update_quirks(|quirks| match shows {
            Shows::Soon => quirks.delete_shows_after_reads = 1,
            Shows::Later => quirks.delete_shows_after_seconds = 150,
            Shows::AtOnce | Shows::Never => {}
        });
        let mut points = 0;
        for polls in 0.. {
            let id = format!("idle{polls}");
            assert!(polls < SEATS, "there are more points than seats");
            let seat = world.seat(SeatKind::Analyzer, &id);
            let fault = if shows == Shows::Never { &cell.ignored } else { &cell.handled };
            let rule = FaultRule::on(&path(SeatType::Analyzer, &seat), fault.clone());
            world.fault(rule.method("DELETE"));
            let ended = Mortal::new(release(&world, &seat), polls).await;
            come_back(&world).await;
            let at = format!("{} {shows:?} after {polls} polls", cell.name);
            assert_true(&truth(&world, &id, &seat).await, &at);
            if let Some(ended) = ended {
                ended.unwrap();
                break;
            }
            points += 1;
        }
        println!("{} {shows:?}: {points} points", cell.name);
        assert!(points > 20, "{points}");
        all += points;
    }
    println!("{all} points of a release");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finding_out_is_cut_off_everywhere() {
    let mut all = 0;
    for (handled, fault) in [(true, Fault::HangHandled), (false, Fault::Hang)] {
        let world = site().await;
        for polls in 0.. {
            let id = format!("idle{polls}");
            let seat = world.seat(SeatKind::Analyzer, &id);
            let on = path(SeatType::Analyzer, &seat);
            world.fault(FaultRule::on(&on, fault.clone()).method("DELETE"));
            let reached = async {
                match handled {
                    true => world.until_gone(SeatKind::Analyzer, &id).await,
                    false => world.until_requests("DELETE", &on, 1).await,
                }
            };
            tokio::select! {
                done = release(&world, &seat) => done.unwrap(),
                () = reached => {}
            }
            world.pass(TimeDelta::minutes(12));
            let engine = world.engine();
            let settled = Mortal::new(engine.settle(Patience::ONCE), polls).await;
            come_back(&world).await;
            let truth = truth(&world, &id, &seat).await;
            assert_true(&truth, &format!("handled {handled} after {polls} polls"));
            assert_eq!(truth.is_there, !handled);
            if let Some(settled) = settled {
                assert_eq!(settled.unwrap(), 0);
                break;
            }
            all += 1;
        }
    }
    println!("{all} points of finding out");
    assert!(all > 10, "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_is_cut_off_everywhere() {
    let world = site().await;
    let mut points = 0;
    for polls in 0.. {
        let id = format!("idle{polls}");
        let seat = world.seat(SeatKind::Analyzer, &id);
        release(&world, &seat).await.unwrap();
        let engine = world.engine();
        let what = Undo::User(format!("CORP\\{id}"));
        let undo = order(Mode::Undo);
        let ended = Mortal::new(engine.undo(&what, &undo), polls).await;
        come_back(&world).await;
        // Once more, as a person would: nobody gets two seats, and nobody is left without.
        if world.control().seat_of(SeatKind::Analyzer, "CORP", &id).is_none() {
            world.engine().undo(&what, &order(Mode::Undo)).await.unwrap();
        }
        let held = world.holders(SeatKind::Analyzer).iter().filter(|user| **user == id).count();
        assert_eq!(held, 1, "after {polls} polls");
        let last = world.outcomes().await.into_iter().rfind(|o| *o.holder.user_id == *id).unwrap();
        assert_eq!(last.result, SeatResult::Allocated, "after {polls} polls");
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
        points += 1;
    }
    println!("{points} points of an undo");
    assert!(points > 10, "{points}");
}
