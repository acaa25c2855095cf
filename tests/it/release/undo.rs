//! Seats back to the people who had them.

use bursar::ledger::{Action, Entry, Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use bursar::qrs::Patience;
use bursar::release::run::{Report, RunError, Undo};
use bursar::release::undo::Others;
use bursar::simulator::{
    Fault, FaultRule, LicenseKind, LicenseVariant, SeatKind, SeatSpec, UserSpec,
};
use bursar::store::Addition;
use chrono::TimeDelta;

use super::world::{World, crowd, idle, order, start, status};

async fn undo(world: &World, what: Undo) -> Report {
    let result = world.engine().undo(&what, &order(Mode::Undo)).await;
    result.unwrap_or_else(|error| panic!("{error}"))
}

async fn unusable(world: &World, what: Undo, says: &str) {
    let error = world.engine().undo(&what, &order(Mode::Undo)).await.unwrap_err();
    assert!(matches!(error, RunError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
}

fn posts(world: &World) -> usize {
    world.changes().iter().filter(|request| request.method == "POST").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_run_is_taken_back_once() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let run = world.run(Mode::Real).await.run;
    let report = undo(&world, Undo::run(run[..20].to_owned())).await;
    assert_eq!((report.status, report.mode), (RunStatus::Done, Mode::Undo), "{report:?}");
    assert_eq!(report.counts[0].released, 3);
    assert_eq!(world.holders(SeatKind::Analyzer).len(), 12);
    assert_eq!(world.bodies("seatRestored").await.len(), 3);
    let given: Vec<_> =
        world.intents().await.into_iter().filter(|i| i.action == Action::Allocate).collect();
    assert_eq!(given.len(), 3);

    // Twice gives nothing twice.
    let report = undo(&world, Undo::run(run.clone())).await;
    assert_eq!((report.status, report.skipped.len()), (RunStatus::Done, 3), "{report:?}");
    assert_eq!(posts(&world), 3);

    // Who got a seat back is left alone.
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 3), "{report:?}");
    assert_eq!(report.counts[1].kept_by_reason.get("reallocated"), None, "never used is first");
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let reasons: Vec<_> = plan.types[1]
        .decisions
        .iter()
        .filter(|d| d.keep.iter().any(|keep| keep.code() == "reallocated"))
        .collect();
    assert_eq!(reasons.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_gets_the_seat_of_the_last_run_back() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.run(Mode::Real).await;
    let report = undo(&world, Undo::User("corp\\IDLE1".into())).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let holders = world.holders(SeatKind::Analyzer);
    assert_eq!(holders.len(), 10);
    assert!(holders.contains(&"idle1".to_owned()));
    let report = undo(&world, Undo::User("CORP\\idle1".into())).await;
    assert_eq!(report.skipped.len(), 1, "{report:?}");
    assert!(report.skipped[0].why.contains("already allocated again"), "{report:?}");
    assert_eq!(posts(&world), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_not_can_not_be_taken_back() {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    unusable(&world, Undo::run("0199"), "there is no run").await;
    unusable(&world, Undo::User("CORP\\idle0".into()), "no release of a seat").await;
    let rehearsal = world.run(Mode::Rehearsal).await;
    unusable(&world, Undo::run(rehearsal.run), "took no seat").await;
    world.run(Mode::Real).await;
    unusable(&world, Undo::User("CORP\\busy1".into()), "no release of a seat").await;
    assert_eq!(posts(&world), 0);
    let undos = world.entries().await.into_iter();
    let undos = undos.filter(|e| matches!(e, Entry::RunStarted { mode: Mode::Undo, .. }));
    assert_eq!(undos.count(), 0, "there was no run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_seat_the_site_refuses() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let run = world.run(Mode::Real).await.run;
    // Six are in use: one is free.
    world.control().update_pools(|pools| pools.analyzer.total = 7);
    let report = undo(&world, Undo::run(run)).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    assert_eq!((report.counts[0].released, report.counts[0].refused), (1, 1));
    assert_eq!(world.holders(SeatKind::Analyzer).len(), 7);
    let refused = report.seats.iter().find_map(|(_, result)| match result {
        SeatResult::Refused { why } => Some(why.clone()),
        _ => None,
    });
    assert!(refused.as_deref().is_some_and(|why| why.contains("400")), "{report:?}");
    assert_eq!(world.unsettled().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_or_has_a_seat_again_is_told() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| release.concurrency = 1);
    let run = world.run(Mode::Real).await.run;
    world.control().remove_user("CORP", "idle0");
    world.control().add_seat(&SeatSpec { ..idle(SeatKind::Analyzer, "idle1", 0) });
    let report = undo(&world, Undo::run(run)).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let whys: Vec<_> = report.skipped.iter().map(|s| s.why.as_str()).collect();
    assert_eq!(whys.len(), 2, "{whys:?}");
    assert!(whys[0].contains("not on the site"), "{whys:?}");
    assert!(whys[1].contains("has a seat again"), "{whys:?}");
    assert_eq!((report.counts[0].released, posts(&world)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_while_releasing_is_paused() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let run = world.run(Mode::Real).await.run;
    let site = world.settings.sites[0].name.clone();
    let until = start() + TimeDelta::days(1);
    let entry = Entry::Paused { until, why: "something is wrong".into(), by: "anna".into() };
    let addition = Addition { site, run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    let report = undo(&world, Undo::run(run)).await;
    assert_eq!((report.status, posts(&world)), (RunStatus::Done, 2), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_in_quarantine_comes_back() {
    let mut scenario = crowd(SeatKind::Analyzer, 0);
    scenario.license = LicenseVariant { kind: LicenseKind::Lef, ..LicenseVariant::default() };
    for (id, days) in [("recent", 5), ("a", 1), ("b", 1), ("c", 1), ("d", 1)] {
        scenario.users.push(UserSpec::of("CORP", id));
        scenario.seats.push(idle(SeatKind::Analyzer, id, days));
    }
    let mut world = World::new(scenario).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.release_threshold_days = 3;
        }
    });
    world.run(Mode::Real).await;
    assert!(!world.holders(SeatKind::Analyzer).contains(&"recent".to_owned()));
    let report = undo(&world, Undo::User("CORP\\recent".into())).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"recent".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_out_and_nothing_sent_twice() {
    for fault in [Fault::ResetHandled, Fault::ResetAfter] {
        let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
        let run = world.run(Mode::Real).await.run;
        world.fault(FaultRule::from(fault.clone()).method("POST"));
        let report = undo(&world, Undo::run(run)).await;
        assert_eq!((report.status, posts(&world)), (RunStatus::Done, 2), "{fault:?}: {report:?}");
        assert_eq!(world.holders(SeatKind::Analyzer).len(), 8);
        assert_eq!(world.unsettled().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_in_a_row_end_it() {
    let world = World::new(crowd(SeatKind::Analyzer, 9)).await;
    let run = world.run(Mode::Real).await.run;
    world.fault(FaultRule::from(status(500)).method("POST"));
    let report = undo(&world, Undo::run(run)).await;
    assert_eq!((report.status, posts(&world)), (RunStatus::Broken, 5), "{report:?}");
}

/// The user lost the seat twice: only the newer release is to be undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_a_later_one_followed_gives_nothing_back() {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let first = world.run(Mode::Real).await.run;
    world.control().add_seat(&SeatSpec {
        id: Some("0199c2f4-0000-7000-8000-000000000001".into()),
        ..idle(SeatKind::Analyzer, "idle0", 100)
    });
    world.pass(TimeDelta::days(60));
    for n in 1..4 {
        world.control().log_in("CORP", &format!("busy{n}"));
    }
    let second = world.run(Mode::Real).await;
    assert_eq!((second.status, world.deletes()), (RunStatus::Done, 2), "{second:?}");
    let report = undo(&world, Undo::run(first)).await;
    assert_eq!((report.skipped.len(), posts(&world)), (1, 0), "{report:?}");
    let report = undo(&world, Undo::run(second.run)).await;
    assert_eq!((report.skipped.len(), posts(&world)), (0, 1), "{report:?}");
}

/// Somebody with two rows of a type and one of the other, all of them idle.
fn doubled() -> bursar::simulator::Scenario {
    let mut scenario = crowd(SeatKind::Analyzer, 2);
    scenario.users.push(UserSpec::of("CORP", "twice"));
    for (kind, id, days) in
        [(SeatKind::Analyzer, 1, 80), (SeatKind::Analyzer, 2, 70), (SeatKind::Professional, 3, 75)]
    {
        scenario.seats.push(SeatSpec {
            id: Some(format!("0199c2f4-0000-7000-8000-00000000000{id}")),
            ..idle(kind, "twice", days)
        });
    }
    // So many more in use that no guard has anything against it.
    for n in 0..16 {
        let kind = if n < 8 { SeatKind::Professional } else { SeatKind::Analyzer };
        scenario.seats.push(idle(kind, &format!("more{n}"), 1));
        scenario.users.push(UserSpec::of("CORP", &format!("more{n}")));
    }
    scenario
}

fn rows(world: &World, kind: SeatKind, id: &str) -> usize {
    let user = world.user(id);
    let seats = world.control().seats(kind).into_iter();
    seats.filter(|s| s.user.is_some_and(|u| u.to_string() == user)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_rows_and_both_types_come_back() {
    for (second, analyzer) in [(true, 2), (false, 1)] {
        let world = World::new(doubled()).await;
        world.control().update_quirks(|quirks| quirks.second_seat = second);
        let run = world.run(Mode::Real).await.run;
        assert_eq!(rows(&world, SeatKind::Analyzer, "twice"), 0);
        assert_eq!(rows(&world, SeatKind::Professional, "twice"), 0);
        let report = undo(&world, Undo::User("CORP\\twice".into())).await;
        assert_eq!(rows(&world, SeatKind::Analyzer, "twice"), analyzer, "{report:?}");
        assert_eq!(rows(&world, SeatKind::Professional, "twice"), 1, "{report:?}");
        let refused: Vec<_> = report
            .seats
            .iter()
            .filter_map(|(_, result)| match result {
                SeatResult::Refused { why } => Some(why.as_str()),
                _ => None,
            })
            .collect();
        if second {
            assert_eq!((report.status, refused.len()), (RunStatus::Done, 0), "{report:?}");
        } else {
            // It says what the site said, and nothing that was not given counts as given.
            assert_eq!((report.status, refused.len()), (RunStatus::Partly, 1), "{report:?}");
            assert!(refused[0].contains("2 rows of this type were taken"), "{refused:?}");
            assert!(refused[0].contains("already has this access"), "{refused:?}");
        }
        assert_eq!(world.bodies("seatRestored").await.len(), analyzer + 1);
        // What is back is not given again, and the others of the run are.
        let report = undo(&world, Undo::Run { run, also: false }).await;
        assert_eq!((report.skipped.len(), report.seats.len()), (3, 2), "{report:?}");
        assert_eq!(world.unsettled().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_there_all_the_time_is_none_that_came_back() {
    let mut scenario = doubled();
    // One of the two is in use.
    let place =
        scenario.seats.iter().position(|s| s.id.as_deref().is_some_and(|id| id.ends_with("02")));
    scenario.seats[place.unwrap()].last_used = bursar::simulator::When::days_ago(1);
    let mut world = World::new(scenario).await;
    world.settings(|release| release.policy.judge_per_user = false);
    world.control().update_quirks(|quirks| quirks.second_seat = true);
    world.run(Mode::Real).await;
    assert_eq!(rows(&world, SeatKind::Analyzer, "twice"), 1);
    let report = undo(&world, Undo::User("CORP\\twice".into())).await;
    assert_eq!(rows(&world, SeatKind::Analyzer, "twice"), 2, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_were_lost_in_different_runs_come_back() {
    let mut world = World::new(doubled()).await;
    let policy = world.settings.sites[0].release.policy.clone();
    for seat_type in [SeatType::Professional, SeatType::Analyzer] {
        let types = policy.types.clone();
        world.settings(|release| {
            release.policy.types = types;
            release.policy.types.retain(|rule| rule.seat_type == seat_type);
        });
        world.run(Mode::Real).await;
    }
    let report = undo(&world, Undo::User("corp\\TWICE".into())).await;
    assert_eq!(rows(&world, SeatKind::Analyzer, "twice"), 1, "{report:?}");
    assert_eq!(rows(&world, SeatKind::Professional, "twice"), 1, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_got_a_seat_of_another_type_since_is_told_before_and_left_out_when_wanted() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let run = world.run(Mode::Real).await.run;
    world.pass(TimeDelta::hours(1));
    world.control().add_seat(&SeatSpec {
        created: bursar::simulator::When::days_ago(0),
        ..idle(SeatKind::Professional, "idle1", 0)
    });
    let what = Undo::Run { run, also: false };
    let returns = world.engine().returns(&what, Patience::ONCE).await.unwrap();
    let with_others: Vec<_> = returns.seats.iter().filter(|seat| !seat.others.is_empty()).collect();
    assert_eq!((returns.seats.len(), with_others.len()), (3, 1), "{returns:?}");
    assert_eq!(&*with_others[0].holder.user_id, "idle1");
    assert_eq!(with_others[0].others[0].seat_type, SeatType::Professional);
    assert_eq!(posts(&world), 0, "nothing was changed");

    let order = order(Mode::Undo);
    let report = world.engine().undo_with(&what, Others::LeaveOut, &order).await.unwrap();
    assert_eq!((report.skipped.len(), posts(&world)), (1, 2), "{report:?}");
    assert!(report.skipped[0].why.contains("got a Professional seat since"), "{report:?}");
    let report = world.engine().undo_with(&what, Others::GiveBoth, &order).await.unwrap();
    assert_eq!(posts(&world), 3, "{report:?}");
}
