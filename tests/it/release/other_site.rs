//! Another site behind the same address: between plan and apply, and between runs.

use bursar::ledger::{Entry, Mode, RunStatus};
use bursar::license::SeatType;
use bursar::policy::Guard;
use bursar::qrs::Patience;
use bursar::release::run::Report;
use bursar::simulator::{Fault, FaultRule, SeatKind};

use super::world::{World, crowd, order, status};
use crate::support::process::output;

const NODES: &str = "/qrs/servernodeconfiguration";

async fn world() -> World {
    let mut world = World::new(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
        release.policy.types[0].max_releases = Some(1);
    });
    world
}

fn assert_refused(world: &World, report: &Report, deletes: usize, saw: &str) {
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    assert_eq!(world.deletes(), deletes);
    let refusal = &report.refusals[0];
    assert_eq!(refusal.guard, Guard::OtherSite, "{report:?}");
    assert!(refusal.saw.contains(saw), "{refusal}");
    let why = report.why.as_deref().unwrap_or_default();
    assert!(why.contains("other-site"), "what the alert says: {why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_not_applied_to_another_site() {
    let world = world().await;
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(plan.identity.is_some() && !text.contains("0001 0002 0003 0004"), "hashes only");
    world.control().become_site("elsewhere");
    let report = world.engine().apply(plan, &[], &order(Mode::Real)).await.unwrap();
    assert_refused(&world, &report, 0, "the plan was made of another site");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_runs_another_site_took_the_address() {
    let world = world().await;
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    world.pass(chrono::TimeDelta::hours(24));
    world.control().become_site("elsewhere");
    let report = world.run(Mode::Real).await;
    assert_refused(&world, &report, 1, "another site answers at this address");
    let report = world.run(Mode::Rehearsal).await;
    assert_refused(&world, &report, 1, "another site answers at this address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_can_not_be_told_is_not_touched() {
    let world = world().await;
    for fault in [status(500), Fault::HtmlOk, Fault::EmptyOk] {
        world.fault(FaultRule::on(NODES, fault.clone()));
        let report = world.run(Mode::Real).await;
        assert_refused(&world, &report, 0, "it can't be told which site answers");
        world.control().clear_faults();
    }
    // Neither nodes nor license may be read.
    world.fault(FaultRule::on(NODES, Fault::Forbidden));
    world.fault(FaultRule::on("/qrs/license", Fault::Forbidden));
    let report = world.engine().plan(None, Patience::ONCE).await.unwrap();
    assert!(report.refusals.iter().any(|r| r.guard == Guard::OtherSite), "{report:?}");
}

/// An old server, or an account that may not read the nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nodes_can_not_be_read_the_license_tells() {
    for fault in [status(404), Fault::Forbidden] {
        let world = world().await;
        world.fault(FaultRule::on(NODES, fault));
        assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
        world.pass(chrono::TimeDelta::hours(24));
        world.control().renew_license("0009 0009 0009 0009");
        let report = world.run(Mode::Real).await;
        assert_refused(&world, &report, 1, "another site answers");
        world.control().renew_license("0001 0002 0003 0004");
        // Rights that were given are no change.
        world.control().clear_faults();
        assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
        assert_eq!(world.deletes(), 2);
        // Rights that were taken away are one: nobody knows.
        world.pass(chrono::TimeDelta::hours(24));
        world.fault(FaultRule::on(NODES, Fault::Forbidden));
        let report = world.run(Mode::Real).await;
        assert_refused(&world, &report, 2, "can't be read any more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_license_is_accepted_by_a_person() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 4)).await;
    let config = file.to_str().unwrap();
    let folder = world.setup.folder.path().to_path_buf();
    let bursar = |args: &[&str]| {
        let said = output(&[&args[..2], &["-c", config], &args[2..]].concat(), &folder);
        let text = [&said.stdout[..], &said.stderr[..]].concat();
        (said.status.code(), String::from_utf8(text).unwrap())
    };
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    let accept = |why: &str| {
        let args = ["release", "accept", "site", "-c", config, "--why", why];
        let said = output(&args, &folder);
        let text = [&said.stdout[..], &said.stderr[..]].concat();
        (said.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, said) = accept("for nothing");
    assert_eq!(code, Some(3), "{said}");
    world.control().renew_license("0009 0009 0009 0009");
    let (code, said) = bursar(&["release", "plan"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("another license than before"), "{said}");
    assert!(said.contains(&format!("release accept site -c {config} --why")), "{said}");
    assert_eq!(world.deletes(), 4);
    let (code, said) = accept(" ");
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = accept("renewed for 2027");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = bursar(&["release", "plan"]);
    assert_eq!(code, Some(0), "{said}");
    let entry = world.entries().await.pop().unwrap();
    let Entry::SiteAccepted { was, is, why, by, .. } = entry else { panic!("{entry:?}") };
    assert_eq!((why.as_str(), by.contains("process")), ("renewed for 2027", true));
    assert_ne!(was, Some(is));
    // Another site altogether is accepted the same way: it was set up anew.
    world.control().become_site("anew");
    assert_eq!(bursar(&["release", "plan"]).0, Some(3));
    assert_eq!(accept("set up anew").0, Some(0));
    assert_eq!(bursar(&["release", "plan"]).0, Some(0));
    assert_eq!(bursar(&["audit", "verify"]).0, Some(0));
}

/// On another site the seat is missing, and that is no sign that it was taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_seat_is_not_asked_of_another_site() {
    let world = world().await;
    let engine = world.engine();
    let known = engine.client.identity(Patience::ONCE).await.unwrap();
    assert!(!world.store.meet_site(&engine.site.name, known).await.unwrap());
    super::guards::open_intent(&world, "idle0").await;
    world.control().become_site("elsewhere");
    assert!(world.control().remove_seat(&world.seat(SeatKind::Analyzer, "idle0")));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    assert_eq!((world.unsettled().await, world.outcomes().await.len()), (1, 0));
}

/// A site that gets another name in the settings would leave its pause, its limits and what can be
/// undone behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_with_a_new_name_is_stopped_until_a_person_says_that_it_is_meant() {
    let world = world().await;
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    let was = world.settings.sites[0].name.clone();
    let mut world = world;
    world.settings.sites[0].name = "prod".into();
    let report = world.run(Mode::Real).await;
    assert_refused(&world, &report, 1, &format!("known here as {was}"));
    // A name that never held anything is no other site.
    world.settings.sites[0].name = "prd".into();
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Refused);
    world.settings.sites[0].name = "prod".into();
    assert!(report.refusals[0].fix.contains("accept site --why"), "{report:?}");
    let is = world.engine().client.identity(Patience::ONCE).await.unwrap();
    assert_eq!(world.engine().known_as(&is).await.unwrap(), std::slice::from_ref(&was));
    let entry = Entry::SiteAccepted {
        was: None,
        is,
        known_as: Some(was),
        why: "renamed".into(),
        by: "anna".into(),
    };
    let addition = bursar::store::Addition { site: "prod".into(), run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
}

/// The old name may stay in the settings, for another machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_name_for_the_same_site_has_no_limits_of_its_own() {
    let mut world = world().await;
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    let mut other = world.settings.sites[0].clone();
    world.settings.sites[0].name = "prod".into();
    other.connection.port = 9;
    world.settings.sites.push(other);
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Refused, 1), "{report:?}");
    let saw: Vec<_> = report.refusals.iter().map(|refusal| refusal.saw.as_str()).collect();
    assert!(saw.iter().any(|saw| saw.contains("known here as default")), "{saw:?}");
}

/// No poll ever told which site was meant by the name, so nothing tells that the new one is another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_a_name_that_was_never_met_holds_for_what_is_met_since() {
    let mut world = world().await;
    let was = world.settings.sites[0].name.clone();
    let until = world.control().now() + chrono::Duration::days(3);
    let why = "an audit".to_owned();
    let entry = Entry::Paused { until, why, by: "anna".into() };
    let addition = bursar::store::Addition { site: was.clone(), run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    world.settings.sites[0].name = "prod".into();
    let report = world.run(Mode::Real).await;
    assert_refused(&world, &report, 0, &format!("known here as {was}"));
    let is = world.engine().client.identity(Patience::ONCE).await.unwrap();
    let entry = Entry::SiteAccepted {
        was: None,
        is,
        known_as: Some(was),
        why: "the audit is over".into(),
        by: "anna".into(),
    };
    let addition = bursar::store::Addition { site: "prod".into(), run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
}
