//! A plan that a person has read: only what is in it, and only what still holds.

use bursar::ledger::{Entry, Mode, RunStatus, SeatResult};
use bursar::license::SeatType;
use bursar::policy::{Guard, NeverRelease};
use bursar::qrs::Patience;
use bursar::release::plan::{Outcome, Plan};
use bursar::release::run::{Report, RunError};
use bursar::simulator::{Fault, SeatKind};
use chrono::TimeDelta;

use super::world::{World, crowd, order, people};

async fn world() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    world
}

/// As it comes out of a file.
async fn plan(world: &World) -> Plan {
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    serde_json::from_slice(&serde_json::to_vec_pretty(&plan).unwrap()).unwrap()
}

async fn apply(world: &World, plan: Plan, accepted: &[Guard]) -> Report {
    let result = world.engine().apply(plan, accepted, &order(Mode::Real)).await;
    result.unwrap_or_else(|error| panic!("{error}"))
}

async fn unusable(world: &World, plan: Plan, says: &str) {
    let error = world.engine().apply(plan, &[], &order(Mode::Real)).await.unwrap_err();
    assert!(matches!(error, RunError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(world.changes().is_empty());
    assert!(world.entries().await.is_empty(), "there was no run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_from_a_file_is_applied_and_recorded_by_its_digest() {
    let world = world().await;
    let plan = plan(&world).await;
    let digest = plan.digest();
    let report = apply(&world, plan, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 4), "{report:?}");
    let recorded = world.entries().await.into_iter().find_map(|entry| match entry {
        Entry::Planned { digest, .. } => Some(digest),
        _ => None,
    });
    assert_eq!(recorded, Some(digest.clone()));
    let json = world.store.load_plan(&report.run).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Plan>(&json).unwrap().digest(), digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_of_a_plan_changes_nothing() {
    let world = world().await;
    let plan = plan(&world).await;
    let report = world.engine().apply(plan, &[], &order(Mode::Rehearsal)).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(report.counts[0].released, 4);
    assert!(world.changes().is_empty() && world.intents().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_can_not_be_used_is_refused_before_anything() {
    let world = world().await;
    let good = plan(&world).await;
    unusable(&world, Plan { format: 2, ..good.clone() }, "format 2").await;
    unusable(&world, Plan { site: "other".into(), ..good.clone() }, "site other").await;
    let old = good.now - TimeDelta::hours(25);
    unusable(&world, Plan { now: old, ..good.clone() }, "more than a day ago").await;
    let ahead = good.now + TimeDelta::minutes(10);
    unusable(&world, Plan { now: ahead, ..good.clone() }, "in the future").await;

    let mut world = world;
    world.settings(|release| release.policy.types.clear());
    unusable(&world, good, "licenseType.analyzer.enable").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_yesterday_is_judged_by_the_facts_of_today() {
    let world = world().await;
    let plan = plan(&world).await;
    world.pass(TimeDelta::hours(23));
    assert!(world.control().log_in("CORP", "idle1"));
    world.control().remove_seat(&world.seat(SeatKind::Analyzer, "idle2"));
    let report = apply(&world, plan, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle1".to_owned()));
    let counts = &report.counts[0];
    assert_eq!((counts.planned, counts.released, counts.changed, counts.gone), (4, 2, 1, 1));
    let whys: Vec<_> = report.skipped.iter().map(|s| s.why.as_str()).collect();
    assert!(whys.iter().any(|why| why.starts_with("used on")), "{whys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exclusion_that_was_added_since_protects() {
    let mut world = world().await;
    let plan = plan(&world).await;
    world.settings(|release| {
        release.policy.never_release =
            NeverRelease { directories: vec!["corp".into()], ..NeverRelease::default() };
    });
    let report = apply(&world, plan, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 0), "{report:?}");
    assert_eq!(report.skipped.len(), 4);
    assert!(report.skipped[0].why.contains("userDirectory"), "{}", report.skipped[0].why);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_was_given_since_protects() {
    let world = world().await;
    let plan = plan(&world).await;
    world.control().update_user("CORP", "idle3", |user| user.tags.push("keep".into()));
    let report = apply(&world, plan, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 3), "{report:?}");
    assert_eq!(world.intents().await.len(), 3);
}

/// Whoever edits a plan can take seats out of it, and not put any in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_plan_can_not_take_what_the_rules_keep() {
    let world = world().await;
    world.control().update_user("CORP", "idle0", |user| user.tags.push("Keep".into()));
    let mut edited = plan(&world).await;
    assert_eq!(edited.types[0].count(Outcome::Release), 3);
    for decision in &mut edited.types[0].decisions {
        decision.outcome = Outcome::Release;
        decision.keep.clear();
    }
    edited.policy.never_release = NeverRelease::default();
    edited.policy.types[0].release_threshold_days = 1;
    edited.policy.types[0].max_release_percent = 100;
    edited.refusals.clear();
    let twice = edited.types[0].decisions.clone();
    edited.types[0].decisions.extend(twice);
    let report = apply(&world, edited, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 3), "{report:?}");
    assert!(world.holders(SeatKind::Analyzer).contains(&"idle0".to_owned()));
    world.assert_no_delete_twice();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_that_are_not_in_the_plan_are_not_touched() {
    let world = world().await;
    let mut less = plan(&world).await;
    let part = &mut less.types[0];
    let second = |d: &bursar::release::Decision| {
        d.holder.as_ref().is_some_and(|holder| &*holder.user_id == "idle1")
    };
    part.decisions.retain(|decision| decision.outcome == Outcome::Keep || second(decision));
    let report = apply(&world, less, &[]).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.results().await, [("idle1".to_owned(), SeatResult::Freed)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_is_overruled_by_name_only() {
    let seats = [("a", 100), ("b", 90), ("c", 1), ("d", 1)];
    let mut world = World::new(people(SeatKind::Analyzer, &seats)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    let plan = plan(&world).await;
    assert_eq!(plan.refusals.len(), 1, "{plan:?}");
    let report = apply(&world, plan.clone(), &[Guard::Clock]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 0), "{report:?}");
    assert_eq!(report.refusals[0].guard, Guard::Percent);

    // What speaks against it only now has to be accepted, too.
    world.fault(Fault::ClockSkew { seconds: 1000 });
    let report = apply(&world, plan.clone(), &[Guard::Percent]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 0), "{report:?}");
    assert_eq!(report.refusals.iter().map(|r| r.guard).collect::<Vec<_>>(), [Guard::Clock]);

    let report = apply(&world, plan, &[Guard::Percent, Guard::Clock]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
    assert!(report.refusals.is_empty());
    let accepted = world.entries().await.into_iter().rev().find_map(|entry| match entry {
        Entry::Planned { accepted, refusals, .. } => Some((accepted, refusals.len())),
        _ => None,
    });
    assert_eq!(accepted, Some((vec!["percent".to_owned(), "clock".to_owned()], 2)));
}

/// What the plan said against itself counts, even if it is over: the person has to know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_the_plan_has_to_be_accepted() {
    let world = world().await;
    world.fault(Fault::ClockSkew { seconds: 1000 });
    let plan = plan(&world).await;
    world.control().clear_faults();
    let report = apply(&world, plan.clone(), &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 0), "{report:?}");
    let report = apply(&world, plan, &[Guard::Clock]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 4), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_can_not_be_accepted() {
    let world = world().await;
    let plan = plan(&world).await;
    world.fault(bursar::simulator::FaultRule::on("/qrs/user", Fault::HtmlOk));
    let report = apply(&world, plan, Guard::ALL).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 0), "{report:?}");
    assert_eq!(report.refusals[0].guard, Guard::Incomplete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grace_that_was_set_since_has_to_pass_first() {
    let mut world = world().await;
    let plan = plan(&world).await;
    world.settings(|release| release.policy.types[0].grace_days = 7);
    let report = apply(&world, plan, &[]).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 0), "{report:?}");
    assert!(report.skipped.iter().all(|s| s.why.contains("announced first")), "{report:?}");
    assert_eq!(report.skipped.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_is_off_can_be_planned_but_not_applied() {
    let mut world = world().await;
    world.settings(|release| release.policy.types.clear());
    let plan = world.engine().plan(Some(SeatType::Analyzer), Patience::ONCE).await.unwrap();
    assert_eq!(plan.types[0].count(Outcome::Release), 4);
    unusable(&world, plan, "licenseType.analyzer.enable").await;
}
