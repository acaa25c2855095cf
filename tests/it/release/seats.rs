//! Seat by seat: who loses one, who keeps theirs, and what is written down.

use bursar::event::Body;
use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::license::{Moment, SeatType};
use bursar::simulator::{
    Fault, FaultRule, LicenseKind, LicenseRule, LicenseVariant, SeatKind, SeatSpec, Section,
    UserSpec, When,
};
use chrono::TimeDelta;

use super::world::{World, after, crowd, idle, nobody, order, path, people, status};

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
    let because: Vec<_> = world.intents().await.into_iter().map(|i| i.because).collect();
    assert!(because.contains(&"idle for 63 days (threshold 30)".to_owned()), "{because:?}");

    let mut told = world.released_events().await;
    told.sort_unstable();
    assert_eq!(told, ["idle0", "idle1", "idle2"]);
    let ended = world.bodies("releaseRun").await;
    let [Body::ReleaseRun(ended)] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!(ended.ledger, report.head);
    assert_eq!(world.store.head().await.unwrap(), Some(report.head));
    // The lock is free again.
    world.engine().run(&order(Mode::Real)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_go_in_the_order_of_the_plan_and_progress_is_told() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| release.concurrency = 1);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let copy = seen.clone();
    let order = after(Mode::Real, move |done, all| copy.lock().unwrap().push((done, all)));
    world.engine().run(&order).await.unwrap();
    let results: Vec<_> = world.results().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(results, ["idle0", "idle1", "idle2", "idle3"]);
    assert_eq!(*seen.lock().unwrap(), [(1, 4), (2, 4), (3, 4), (4, 4)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_site_is_no_trouble() {
    let world = World::new(nobody()).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(report.counts.len(), 2);
    assert!(world.changes().is_empty());
    let kinds: Vec<_> = world.entries().await.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["runStarted", "planned", "runEnded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_enabled_type_there_is_nothing_to_do_and_nothing_to_tell() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| release.policy.types.clear());
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert!(report.refusals.is_empty() && report.counts.is_empty());
    assert!(world.changes().is_empty());
    assert!(world.bodies("releaseRefused").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_types_are_released_in_one_run() {
    let mut scenario = crowd(SeatKind::Analyzer, 2);
    for n in 0..8 {
        let id = format!("author{n}");
        scenario.users.push(UserSpec::of("CORP", &id));
        scenario.seats.push(idle(SeatKind::Professional, &id, if n < 2 { 70 } else { 1 }));
    }
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let released: Vec<_> = report.counts.iter().map(|c| (c.seat_type, c.released)).collect();
    assert_eq!(released, [(SeatType::Professional, 2), (SeatType::Analyzer, 2)]);
    assert_eq!(world.control().seats(SeatKind::Professional).len(), 6);
    world.assert_no_delete_twice();
}

/// Correction 7: a login page, `{}`, `null` or half an answer in place of a user says nothing about
/// their protections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_behind_a_login_page_keeps_the_seat() {
    for fault in [
        Fault::HtmlOk,
        Fault::EmptyObject,
        Fault::Null,
        Fault::EmptyOk,
        Fault::BrokenJson,
        Fault::Truncate,
        Fault::Unauthorized,
        status(500),
    ] {
        // When the plan is made: everybody, which is a guard's business.
        let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
        let report = world.fault(FaultRule::on("/qrs/user", fault.clone())).run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Refused, "{fault:?}: {report:?}");
        assert_eq!(world.deletes(), 0, "{fault:?}");

        // When the seat is read again: this user only.
        let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
        let user = world.user("idle1");
        world.fault(FaultRule::on(&format!("/qrs/user/{user}"), fault.clone()));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Partly, "{fault:?}: {report:?}");
        assert_eq!(world.deletes(), 2, "{fault:?}");
        assert!(world.holders(SeatKind::Analyzer).contains(&"idle1".to_owned()), "{fault:?}");
        let [skipped] = &report.skipped[..] else { panic!("{fault:?}: {report:?}") };
        assert_eq!(&*skipped.holder.user_id, "idle1");
        assert!(skipped.why.contains("could not be read"), "{}", skipped.why);
        assert!(!world.intents().await.iter().any(|intent| &*intent.holder.user_id == "idle1"));
    }
}

/// Correction 8: one missing user, one row without a user, one DELETE that is not answered with
/// 204 are that seat's trouble only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_seat_does_not_end_the_run() {
    let world = World::new(crowd(SeatKind::Analyzer, 5)).await;
    world.control().remove_user("CORP", "idle0");
    let missing = format!("/qrs/user/{}", world.user("idle1"));
    world.fault(FaultRule::on(&missing, status(404)));
    let refused = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle2"));
    world.fault(FaultRule::on(&refused, status(409)).method("DELETE"));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    let mut results = world.results().await;
    results.sort_by(|one, other| one.0.cmp(&other.0));
    let (ids, results): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    assert_eq!(ids, ["idle2", "idle3", "idle4"]);
    assert!(
        matches!(&results[0], SeatResult::Refused { why } if why.contains("409")),
        "{results:?}"
    );
    assert_eq!(results[1..], [SeatResult::Freed, SeatResult::Freed]);
    assert_eq!(report.skipped.len(), 1, "idle1: {report:?}");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("idle2")), "{report:?}");
    let holders = world.holders(SeatKind::Analyzer);
    assert!(["idle1", "idle2"].iter().all(|id| holders.contains(&(*id).to_owned())));
}

/// Correction 8: a type that can't be listed doesn't hold up the other, where people are not judged
/// by both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_professional_half_does_not_stop_analyzer() {
    for fault in [status(500), Fault::Forbidden, Fault::HtmlOk, Fault::ShortList { drop: 1 }] {
        let mut scenario = crowd(SeatKind::Analyzer, 2);
        scenario.users.push(UserSpec::of("CORP", "author"));
        scenario.seats.push(idle(SeatKind::Professional, "author", 70));
        let mut world = World::new(scenario).await;
        world.settings(|release| release.policy.judge_per_user = false);
        world.fault(FaultRule::on("/qrs/license/professionalaccesstype/full", fault.clone()));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Partly, "{fault:?}: {report:?}");
        assert!(report.why.as_deref().is_some_and(|why| why.contains("Professional")));
        assert_eq!(world.deletes(), 2, "{fault:?}");
        assert_eq!(world.holders(SeatKind::Professional), ["author"]);
        let [refusal] = &report.refusals[..] else { panic!("{fault:?}: {report:?}") };
        assert_eq!(refusal.seat_type, Some(SeatType::Professional));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_can_not_be_read_ends_as_failed() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let report = world.fault(status(503)).run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    assert!(report.why.as_deref().is_some_and(|why| why.contains("503")), "{report:?}");
    assert!(world.changes().is_empty());
    assert_eq!(world.bodies("releaseRun").await.len(), 1);
}

/// Correction 9: the seat is gone, the answer is lost, the record is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_leaves_a_record() {
    for fault in [Fault::ResetHandled, Fault::ResetAfter] {
        let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
        world.fault(FaultRule::from(fault.clone()).method("DELETE"));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Done, "{fault:?}: {report:?}");
        assert!(world.results().await.iter().all(|(_, result)| *result == SeatResult::Freed));
        assert_eq!(world.released_events().await.len(), 3);
        assert_eq!(world.unsettled().await, 0);
        world.assert_no_delete_twice();
    }
}

/// The same with an error in place of the answer: it happened all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_times_out_and_happened_is_freed() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    world.settings.sites[0].connection.request_timeout = std::time::Duration::from_secs(2);
    world.fault(FaultRule::from(Fault::HangHandled).method("DELETE"));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.results().await, [("idle0".to_owned(), SeatResult::Freed)]);
    assert_eq!(world.deletes(), 1);
}

/// No answer, and the seat is still there: the request may still be under way. The record stays
/// open until that can't be any more, and nothing is sent again meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_the_outcome_stays_open() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    world.settings.sites[0].connection.request_timeout = std::time::Duration::from_secs(2);
    world.fault(FaultRule::from(Fault::Hang).method("DELETE").times(1));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    assert!(matches!(&report.seats[0].1, SeatResult::Unclear { .. }), "{report:?}");
    assert_eq!(world.unsettled().await, 1);
    assert!(world.released_events().await.is_empty());

    // It keeps its own seat out of the next plan, and stops nothing else.
    for minutes in [0, 3, 7] {
        world.pass(TimeDelta::minutes(minutes));
        let report = world.run(Mode::Real).await;
        assert_eq!(report.status, RunStatus::Done, "{report:?}");
        let kept = &report.counts.iter().find(|c| c.seats > 0).unwrap().kept_by_reason;
        assert_eq!(kept["unsettled"], 1, "{kept:?}");
        assert_eq!((world.unsettled().await, world.deletes()), (1, 1));
    }

    world.pass(TimeDelta::minutes(2));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let results = world.results().await;
    let results: Vec<_> = results.iter().map(|(_, result)| result).collect();
    assert!(
        matches!(
            results[..],
            [SeatResult::Unclear { .. }, SeatResult::Refused { .. }, SeatResult::Freed]
        ),
        "{results:?}"
    );
    assert_eq!((world.unsettled().await, world.deletes()), (0, 2));
}

/// 404 to everything is what a service that is not there answers: it proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_404_alone_is_not_believed() {
    // At the second look: nothing is attempted.
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    for id in ["idle0", "idle1"] {
        let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, id));
        world.fault(FaultRule::on(&seat, status(404)));
    }
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Partly, 0), "{report:?}");
    assert!(world.intents().await.is_empty());

    // After a DELETE that was not accepted.
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle0"));
    world.fault(FaultRule::on(&seat, status(404)).skip(1));
    let report = world.run(Mode::Real).await;
    assert!(matches!(&report.seats[0].1, SeatResult::Unclear { .. }), "{report:?}");
    assert_eq!(world.unsettled().await, 1);
    assert_eq!(world.holders(SeatKind::Analyzer).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_somebody_else_took_is_gone() {
    // Between plan and look.
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| release.concurrency = 1);
    let (control, seat) = (world.control().clone(), world.seat(SeatKind::Analyzer, "idle1"));
    let order = after(Mode::Real, move |_, _| {
        control.remove_seat(&seat);
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.deletes(), 1);
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.counts.iter().map(|c| c.gone).sum::<u64>(), 1);

    // Between look and DELETE.
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    let id = world.seat(SeatKind::Analyzer, "idle0");
    let fault = Fault::SeatTaken { seat: id.clone() };
    world.fault(FaultRule::on(&path(SeatType::Analyzer, &id), fault).method("DELETE"));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    // Whose request it was can't be told: one left, and the seat is gone.
    assert_eq!(world.results().await, [("idle0".to_owned(), SeatResult::Freed)]);
    let remark = world.outcomes().await.remove(0).evidence.remark;
    assert!(remark.as_deref().is_some_and(|remark| remark.contains("404")), "{remark:?}");
    assert_eq!(world.released_events().await, ["idle0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_logs_in_before_the_delete_keeps_the_seat() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle1"));
    let login = Fault::UserLogsIn { user: "CORP\\idle1".to_owned() };
    world.fault(FaultRule::on(&seat, login).method("GET").times(1));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.deletes(), 2);
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle1".to_owned()));
    let [skipped] = &report.skipped[..] else { panic!("{report:?}") };
    assert!(skipped.why.starts_with("used on 2026-11-24"), "{}", skipped.why);
    assert_eq!(report.counts.iter().map(|c| c.changed).sum::<u64>(), 1);
    assert_eq!(world.intents().await.len(), 2, "no intent for a seat that is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_uses_another_seat_meanwhile_keeps_both() {
    let mut scenario = crowd(SeatKind::Analyzer, 2);
    for n in 0..8 {
        let id = format!("author{n}");
        scenario.users.push(UserSpec::of("CORP", &id));
        scenario.seats.push(idle(SeatKind::Professional, &id, 1));
    }
    // Two seats, both idle; nothing else of Professional is due.
    scenario.seats.push(idle(SeatKind::Professional, "idle0", 80));
    let mut world = World::new(scenario).await;
    // One after the other, Professional first: side by side, either may be read before the login.
    world.settings(|release| release.concurrency = 1);
    let professional = path(SeatType::Professional, &world.seat(SeatKind::Professional, "idle0"));
    let login = Fault::UserLogsIn { user: "CORP\\idle0".to_owned() };
    world.fault(FaultRule::on(&professional, login).method("GET").times(1));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let whys: Vec<_> = report.skipped.iter().map(|s| s.why.as_str()).collect();
    assert_eq!(whys.len(), 2, "{whys:?}");
    assert!(whys.iter().any(|why| why.contains("Professional seat")), "{whys:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle0".to_owned()));
    assert!(world.holders(SeatKind::Professional).contains(&"idle0".to_owned()));
    assert_eq!(world.deletes(), 1);
}

/// Only Analyzer is enabled; the Professional list says nothing that can be believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_other_seats_can_not_be_read_keeps_the_seat() {
    let html = Fault::HtmlOk;
    for fault in [status(500), status(404), Fault::Forbidden, html, Fault::ShortList { drop: 1 }] {
        let mut scenario = crowd(SeatKind::Analyzer, 2);
        scenario.seats.push(idle(SeatKind::Professional, "idle0", 1));
        let mut world = World::new(scenario).await;
        world.settings(|release| {
            release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
        });
        world.fault(FaultRule::on("/qrs/license/professionalaccesstype/full", fault.clone()));
        let report = world.run(Mode::Real).await;
        assert_eq!(world.deletes(), 0, "{fault:?}: {report:?}");
        assert_eq!(report.status, RunStatus::Failed, "{fault:?}: {report:?}");
        let why = report.why.unwrap_or_default();
        assert!(why.contains("the Professional seats could not be read"), "{fault:?}: {why}");
        assert_eq!(report.counts[0].kept_by_reason["other-seats-unread"], 2, "{fault:?}");
    }
}

/// A type that the overview lacks: nobody can have a seat of it, so a 404 is an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_the_site_does_not_have_keeps_nobody() {
    let mut scenario = crowd(SeatKind::Analyzer, 2);
    scenario.pools.omit = vec![Section::ProfessionalAccess];
    let world = World::new(scenario).await;
    world.fault(FaultRule::on("/qrs/license/professionalaccesstype", status(404)));
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
}

/// Between the plan and the seat's turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_was_given_meanwhile_keeps_the_other() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| release.concurrency = 1);
    let control = world.control().clone();
    let order = after(Mode::Real, move |done, _| {
        if done == 1 {
            let seat = SeatSpec::of(SeatKind::Professional, r"CORP\idle1", When::Never);
            control.add_seat(&seat);
        }
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 1), "{report:?}");
    let whys: Vec<_> = report.skipped.iter().map(|s| s.why.as_str()).collect();
    assert_eq!(whys, ["the same person has a Professional seat that the plan did not know"]);
}

/// The list could be read for the plan, and not again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_seats_that_can_not_be_read_again_keep_the_seat() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    let list = "/qrs/license/professionalaccesstype/full";
    world.fault(FaultRule::on(list, status(500)).skip(1));
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Partly, 0), "{report:?}");
    let why = report.why.unwrap_or_default();
    assert!(why.contains("the user's Professional seats could not be read"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_is_given_meanwhile_protects() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| release.concurrency = 1);
    let control = world.control().clone();
    let order = after(Mode::Real, move |_, _| {
        control.update_user("CORP", "idle2", |user| user.tags = vec!["KEEP".to_owned()]);
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle2".to_owned()));
    let [skipped] = &report.skipped[..] else { panic!("{report:?}") };
    assert!(skipped.why.contains("Keep"), "{}", skipped.why);
}

/// Still idle for long enough, but not as the plan saw it: somebody has to look at that first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_is_not_as_planned_is_kept() {
    let mut scenario = crowd(SeatKind::Analyzer, 5);
    scenario.users.push(UserSpec::of("CORP", "heir"));
    let mut world = World::new(scenario).await;
    world.settings(|release| release.concurrency = 1);
    let ids = [1, 2, 3].map(|n| world.seat(SeatKind::Analyzer, &format!("idle{n}")));
    let control = world.control().clone();
    let order = after(Mode::Real, move |done, _| {
        if done > 1 {
            return;
        }
        let [used, inherited, new] = ids.clone();
        for id in [&used, &inherited, &new] {
            control.remove_seat(id);
        }
        control.add_seat(&SeatSpec { id: Some(used), ..idle(SeatKind::Analyzer, "idle1", 50) });
        let days = 60 + 5 - 2;
        let heir = idle(SeatKind::Analyzer, "heir", days);
        control.add_seat(&SeatSpec { id: Some(inherited), ..heir });
        let created = When::days_ago(300);
        let seat = idle(SeatKind::Analyzer, "idle3", 60 + 5 - 3);
        control.add_seat(&SeatSpec { id: Some(new), created, ..seat });
    });
    let report = world.engine().run(&order).await.unwrap();
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    let whys: Vec<_> = report.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "used on 2026-10-05 08:00 UTC",
            "the seat belongs to somebody else now",
            "the time of its allocation changed"
        ]
    );
    assert_eq!(world.intents().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_license_puts_recently_used_seats_in_quarantine() {
    let mut scenario = crowd(SeatKind::Analyzer, 1);
    scenario.license = LicenseVariant { kind: LicenseKind::Lef, ..LicenseVariant::default() };
    // Used 5 days ago: due only with a threshold below the 7 days of quarantine.
    scenario.users.push(UserSpec::of("CORP", "recent"));
    scenario.seats.push(idle(SeatKind::Analyzer, "recent", 5));
    for n in 0..8 {
        scenario.users.push(UserSpec::of("CORP", &format!("more{n}")));
        scenario.seats.push(idle(SeatKind::Analyzer, &format!("more{n}"), 1));
    }
    let mut world = World::new(scenario).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.release_threshold_days = 3;
        }
    });
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let results = world.results().await;
    let recent = results.iter().find(|(id, _)| id == "recent").map(|(_, result)| result);
    let Some(SeatResult::Quarantined { until: Moment::At(until) }) = recent else {
        panic!("{results:?}")
    };
    let days = (*until - super::world::start()).num_days();
    assert_eq!(days, 7);
    assert!(results.contains(&("idle0".to_owned(), SeatResult::Freed)), "{results:?}");
    let counts = report.counts.iter().find(|c| c.seat_type == SeatType::Analyzer).unwrap();
    assert_eq!((counts.released, counts.quarantined), (2, 1));
    assert_eq!(world.released_events().await.len(), 2);

    // A seat in quarantine is no seat to take.
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
}

/// 204, and nothing happens. It may be late: the record stays open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_delete_without_effect_is_not_taken_for_done() {
    let world = World::new(crowd(SeatKind::Analyzer, 1)).await;
    world.fault(FaultRule::from(status(204)).method("DELETE"));
    let report = world.run(Mode::Real).await;
    let [(_, SeatResult::Unclear { why })] = &report.seats[..] else { panic!("{report:?}") };
    assert_eq!(why, "the site accepted it, but the seat is still there");
    assert!(world.outcomes().await[0].evidence.there);
    assert!(world.released_events().await.is_empty());
    assert_eq!(world.deletes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_a_seat_back_at_login_is_left_alone_for_a_while() {
    let mut scenario = crowd(SeatKind::Analyzer, 1);
    scenario.license_rules = vec![LicenseRule {
        name: "everybody".to_owned(),
        kind: SeatKind::Analyzer,
        ..LicenseRule::default()
    }];
    let mut world = World::new(scenario).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.release_threshold_days = 3;
            rule.never_used_grace_days = 3;
        }
    });
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert!(world.control().log_in("CORP", "idle0"), "the rule gives a seat");
    world.pass(TimeDelta::days(10));
    for n in 1..4 {
        world.control().log_in("CORP", &format!("busy{n}"));
    }
    let report = world.run(Mode::Real).await;
    let reasons: Vec<_> = report.counts.iter().map(|c| c.kept_by_reason.clone()).collect();
    assert!(reasons.iter().any(|by| by.get("reallocated") == Some(&1)), "{report:?}");
    assert_eq!(world.deletes(), 1);
    world.pass(TimeDelta::days(5));
    for n in 1..4 {
        world.control().log_in("CORP", &format!("busy{n}"));
    }
    world.run(Mode::Real).await;
    assert_eq!(world.deletes(), 2, "the two weeks are over");
}

/// Correction 16: whatever an id looks like, the record has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_user_ids_are_recorded_as_they_are() {
    let odd = ["ends\\", "ünï-ﷺ-日本", "a b,c=d", "quote\"'", "new\nline", "名\\"];
    let mut scenario = crowd(SeatKind::Analyzer, 6);
    for id in odd {
        scenario.users.push(UserSpec::of("CORP", id));
        scenario.seats.push(idle(SeatKind::Analyzer, id, 200));
    }
    for n in 0..40 {
        scenario.users.push(UserSpec::of("CORP", &format!("more{n}")));
        scenario.seats.push(idle(SeatKind::Analyzer, &format!("more{n}"), 1));
    }
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let (results, told) = (world.results().await, world.released_events().await);
    for id in odd {
        assert!(results.contains(&(id.to_owned(), SeatResult::Freed)), "{id:?}: {results:?}");
        assert!(told.contains(&id.to_owned()), "{id:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_used_seats_have_their_own_grace_and_say_so() {
    let mut scenario = crowd(SeatKind::Analyzer, 0);
    for (id, days) in [("new", 1), ("old", 90)] {
        scenario.users.push(UserSpec::of("CORP", id));
        let created = When::days_ago(days);
        scenario.seats.push(SeatSpec { created, ..never(id) });
    }
    for n in 0..6 {
        scenario.users.push(UserSpec::of("CORP", &format!("busy{n}")));
        scenario.seats.push(idle(SeatKind::Analyzer, &format!("busy{n}"), 1));
    }
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.results().await, [("old".to_owned(), SeatResult::Freed)]);
    let told = world.bodies("seatReleased").await;
    let [Body::SeatReleased(released)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(released.seat.idle_days, 90);
    let because = &world.intents().await[0].because;
    assert_eq!(because, "never used, allocated 90 days ago (grace 30)");
}

fn never(id: &str) -> SeatSpec {
    SeatSpec::of(SeatKind::Analyzer, &format!("CORP\\{id}"), When::Never)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_seats_of_one_person_both_go() {
    let mut scenario = people(SeatKind::Analyzer, &[("twice", 100)]);
    scenario.seats.push(idle(SeatKind::Analyzer, "twice", 90));
    for n in 0..8 {
        scenario.users.push(UserSpec::of("CORP", &format!("busy{n}")));
        scenario.seats.push(idle(SeatKind::Analyzer, &format!("busy{n}"), 1));
    }
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    world.assert_no_delete_twice();
}
