//! Each guard stops a run before the first DELETE, and says so.

use crate::support::store::database;
use bursar::event::Body;
use bursar::ledger::{Action, Entry, Intent, Mode, RunStatus};
use bursar::license::{Holder, Moment, SeatType, SiteIdentity};
use bursar::policy::calendar::{Day, Freeze};
use bursar::policy::{Guard, UserPattern};
use bursar::qrs::Patience;
use bursar::release::run::Report;
use bursar::simulator::{Fault, FaultRule, SeatKind};
use bursar::store::Addition;
use chrono::TimeDelta;

use super::world::{World, crowd, from_ten_to_eleven, order, path, people, start, status};

/// The run was stopped by this guard: nothing sent, recorded and told with what it saw and what to
/// do.
async fn assert_stopped(world: &World, report: &Report, guard: Guard, saw: &str) {
    let changes = world.changes();
    assert!(changes.is_empty(), "{guard}: {changes:?}");
    assert_eq!(report.status, RunStatus::Refused, "{guard}: {report:?}");
    let stops = report.refusals.iter().find(|refusal| refusal.guard == guard);
    let refusal = stops.unwrap_or_else(|| panic!("{guard}: {report:?}"));
    assert!(refusal.saw.contains(saw), "{guard}: {}", refusal.saw);
    assert!(!refusal.fix.is_empty());
    let told = world.bodies("releaseRefused").await;
    let Some(Body::ReleaseRefused(told)) = told.last() else { panic!("{guard}: {told:?}") };
    assert_eq!(told.refusals, report.refusals);
    assert!(!told.rehearsal);
    let planned = world.entries().await.into_iter().rev().find_map(|entry| match entry {
        Entry::Planned { refusals, .. } => Some(refusals),
        _ => None,
    });
    assert_eq!(planned.as_ref(), Some(&report.refusals));
    assert!(world.bodies("seatReleased").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn percent() {
    let seats = [("a", 100), ("b", 90), ("c", 1), ("d", 1), ("e", 1)];
    let world = World::new(people(SeatKind::Analyzer, &seats)).await;
    let mut world = world;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.max_release_percent = 20;
        }
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::Percent, "2 of 5 Analyzer seats").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_is_stopped_does_not_stop_the_other() {
    let mut scenario = people(SeatKind::Analyzer, &[("a", 100), ("b", 90), ("c", 1)]);
    let other = crowd(SeatKind::Professional, 2);
    scenario.users.extend(other.users);
    scenario.seats.extend(other.seats);
    let world = World::new(scenario).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Partly, "{report:?}");
    assert_eq!(world.deletes(), 2);
    assert_eq!(world.holders(SeatKind::Analyzer), ["a", "b", "c"]);
    assert_eq!(report.refusals.len(), 1);
}

/// A plan that was made under other settings, or edited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_releases() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    world.settings(|release| release.policy.types[0].max_releases = Some(2));
    let report = world.engine().apply(plan, &[], &order(Mode::Real)).await.unwrap();
    assert_stopped(&world, &report, Guard::MaxReleases, "3 seats").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_signal() {
    let seats = [("a", 100), ("b", 20), ("c", 20), ("d", 9), ("e", 20)];
    let world = World::new(people(SeatKind::Analyzer, &seats)).await;
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::StaleSignal, "within 7 days").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incomplete_list() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
        release.policy.judge_per_user = false;
    });
    let list = "/qrs/license/analyzeraccesstype/full";
    world.fault(FaultRule::on(list, Fault::ShortList { drop: 1 }));
    let report = world.run(Mode::Real).await;
    // The only type: the run failed rather than being refused.
    assert_eq!(report.status, RunStatus::Failed, "{report:?}");
    let report = Report { status: RunStatus::Refused, ..report };
    assert_stopped(&world, &report, Guard::Incomplete, "complete list").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incomplete_people() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.fault(FaultRule::on("/qrs/user", status(500)));
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::Incomplete, "3 of 3 users").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clock() {
    for seconds in [-400, 400] {
        let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
        world.fault(Fault::ClockSkew { seconds });
        let report = world.run(Mode::Real).await;
        assert_stopped(&world, &report, Guard::Clock, "the site's clock").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsettled() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        release.concurrency = 1;
        release.policy.limits.max_unsettled = Some(0);
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
    let seat = path(SeatType::Analyzer, &world.seat(SeatKind::Analyzer, "idle0"));
    world.fault(FaultRule::on(&seat, Fault::Hang).method("DELETE"));
    let engine = world.engine();
    let running = tokio::spawn(async move { engine.run(&order(Mode::Real)).await });
    world.until_deletes(1).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());

    world.pass(TimeDelta::hours(25));
    world.control().clear_faults();
    world.fault(FaultRule::on(&seat, status(500)));
    let report = world.run(Mode::Real).await;
    assert_eq!(world.deletes(), 1, "the one before");
    assert_eq!(report.status, RunStatus::Refused, "{report:?}");
    assert_eq!(report.refusals[0].guard, Guard::Unsettled);
    assert_eq!(world.bodies("releaseRefused").await.len(), 1);

    world.control().clear_faults();
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.control().seats(SeatKind::Analyzer).len(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_license() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    // The same machine under another name: the same license.
    let mut twin = world.settings.sites[0].clone();
    twin.name = "twin".into();
    world.settings.sites.push(twin);
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::SharedLicense, "twin has the same license").await;

    // What was said is believed until it turns out to be wrong.
    world.settings(|release| release.policy.limits.license_key_shared = Some(false));
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::SharedLicense, "licenseKeyShared is false, but").await;

    world.settings(|release| release.policy.limits.license_key_shared = Some(true));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert_eq!(world.deletes(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_that_can_not_be_asked() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let mut other = world.settings.sites[0].clone();
    other.name = "other".into();
    other.connection.client_cert = "no such file".into();
    world.settings.sites.push(other);
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::SharedLicense, "whether other has it can't be told")
        .await;
    world.settings(|release| release.policy.limits.license_key_shared = Some(false));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
}

/// It isn't waited for where the settings say that nothing is shared, but counts by what is known of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_that_is_down_counts_by_the_license_that_it_had() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| release.policy.limits.license_key_shared = Some(false));
    let mut other = world.settings.sites[0].clone();
    other.name = "other".into();
    other.connection.client_cert = "no such file".into();
    world.settings.sites.push(other);
    // It was met when it still answered, with nodes of its own.
    let license = world.engine().client.identity(Patience::ONCE).await.unwrap().license;
    assert!(license.is_some());
    let known = SiteIdentity { nodes: vec!["other".into()], license };
    world.store.meet_site("other", known).await.unwrap();
    let report = world.run(Mode::Real).await;
    let saw = "licenseKeyShared is false, but other has the same license";
    assert_stopped(&world, &report, Guard::SharedLicense, saw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    let site = world.settings.sites[0].name.clone();
    let until = start() + TimeDelta::hours(1);
    let entry = Entry::Paused { until, why: "year end".into(), by: "anna".into() };
    let addition = Addition { site, run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::Paused, "year end").await;
    world.pass(TimeDelta::hours(2));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
}

/// 2026-11-24 is a Tuesday; in Stockholm it is 09:00.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        let calendar = &mut release.policy.calendar;
        calendar.time_zone = chrono_tz::Europe::Stockholm;
        let [from, to] = ["2026-11-20", "2026-11-24"].map(|day| Day::parse(day).unwrap());
        calendar.freeze = vec![Freeze { from, to, why: "year end".into() }];
    });
    let report = world.run(Mode::Real).await;
    let saw = "releases are frozen through 2026-11-24: year end";
    assert_stopped(&world, &report, Guard::Frozen, saw).await;

    // By hand it is the same, and nobody can overrule it.
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    assert!(plan.refusals.iter().any(|refusal| refusal.guard == Guard::Frozen));
    let report = world.engine().apply(plan.clone(), Guard::ALL, &order(Mode::Real)).await.unwrap();
    assert_stopped(&world, &report, Guard::Frozen, saw).await;
    // A rehearsal goes on: it has its plan, which says so.
    let rehearsal = world.run(Mode::Rehearsal).await;
    assert_eq!(rehearsal.counts[1].planned, 3, "{rehearsal:?}");

    // The last minute of the last day, and the first one after it: a plan that was made meanwhile
    // can be applied then.
    world.pass(TimeDelta::hours(14) + TimeDelta::minutes(59));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Refused);
    world.pass(TimeDelta::minutes(1));
    let report = world.engine().apply(plan, &[], &order(Mode::Real)).await.unwrap();
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    assert_eq!(world.deletes(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_the_allowed_hours() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| release.policy.calendar = from_ten_to_eleven());
    let report = world.run(Mode::Real).await;
    let saw = "outside the allowed hours (tue 10:00-11:00), which begin Tue 2026-11-24 10:00 CET";
    assert_stopped(&world, &report, Guard::Frozen, saw).await;
    world.pass(TimeDelta::minutes(59));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Refused);
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.run(Mode::Real).await.status, RunStatus::Done);
    assert_eq!(world.deletes(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_misspelt() {
    let mut scenario = crowd(SeatKind::Analyzer, 3);
    // Nobody whose seat is due has the tag: only the site's own list tells of it.
    let busy = scenario.users.iter_mut().find(|user| user.user_id == "busy5").unwrap();
    busy.tags.push("Geschützt".into());
    let mut world = World::new(scenario).await;
    let user = UserPattern {
        directory: "CORP".into(),
        user_id: "CORP\\idle1".into(),
        ..UserPattern::default()
    };
    world.settings(|release| release.policy.never_release.users = vec![user]);
    let report = world.run(Mode::Real).await;
    let saw = r"`CORP\CORP\idle1` protects nobody as it is written, and seems to mean CORP\idle1";
    assert_stopped(&world, &report, Guard::RuleMisspelt, saw).await;
    let rehearsal = world.run(Mode::Rehearsal).await;
    assert!(rehearsal.refusals.iter().any(|r| r.guard == Guard::RuleMisspelt), "{rehearsal:?}");
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let report = world.engine().apply(plan, Guard::ALL, &order(Mode::Real)).await.unwrap();
    assert_stopped(&world, &report, Guard::RuleMisspelt, saw).await;

    world.settings(|release| {
        release.policy.never_release.users.clear();
        release.policy.never_release.tags = vec!["geschuetzt".into()];
    });
    let report = world.run(Mode::Real).await;
    assert_stopped(&world, &report, Guard::RuleMisspelt, "seems to mean the tag Geschützt").await;
    let asked = world.control().requests_to("/qrs/tag");
    assert_eq!(asked.len(), 5, "one request for each run and plan");

    // One that is like nothing stops nothing, and is told of.
    world.settings(|release| release.policy.never_release.tags = vec!["Quark".into()]);
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let note = "neverRelease.tag `Quark` protects nobody: the site has no tag of this name";
    assert!(report.notes.iter().any(|said| said.contains(note)), "{:?}", report.notes);
    assert_eq!(world.deletes(), 3);
}

/// A list that the site refuses is said, and stops nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_can_not_be_asked_for_are_said() {
    let world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.fault(FaultRule::on("/qrs/tag", Fault::Forbidden));
    let report = world.run(Mode::Real).await;
    assert_eq!(report.status, RunStatus::Done, "{report:?}");
    let note = report.notes.iter().find(|note| note.contains("neverRelease.tag `Keep`"));
    assert!(note.is_some_and(|note| note.contains("not looked at: the site's tags")), "{report:?}");
}

/// Where nothing may be read, nothing is said of what is not there, nor of clocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_403_on_everything_names_are_not_looked_at_and_no_clock_is_blamed() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 3)).await;
    world.settings(|release| {
        release.policy.never_release.roles = vec!["RootAdmin".into()];
        release.policy.never_release.groups = vec!["Board".into()];
    });
    world.fault(FaultRule::on("/qrs", Fault::Forbidden));
    let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
    let notes = plan.notes.join("\n");
    assert!(!notes.contains("protects nobody"), "{notes}");
    for rule in ["neverRelease.role `RootAdmin`", "neverRelease.userGroup `Board`"] {
        let note = plan.notes.iter().find(|note| note.contains(rule)).expect("it is said");
        assert!(note.contains("was not looked at: the Professional seats"), "{note}");
    }
    let clock = plan.refusals.iter().find(|refusal| refusal.guard == Guard::Clock).unwrap();
    assert!(clock.saw.contains("no list of seats could be read"), "{clock}");
    assert!(!clock.fix.contains("set both clocks"), "{clock}");
}

/// The situation that each guard is there for, and the run that meets it: a new guard has to say what
/// its own is. With a part of what it saw.
async fn meet(guard: Guard) -> (World, Report, &'static str) {
    let crowd = crowd(SeatKind::Analyzer, 3);
    let (world, saw) = match guard {
        Guard::Percent => {
            let seats = [("a", 100), ("b", 90), ("c", 1), ("d", 1), ("e", 1)];
            let mut world = World::new(people(SeatKind::Analyzer, &seats)).await;
            world.settings(|release| {
                release.policy.types.iter_mut().for_each(|rule| rule.max_release_percent = 20);
            });
            (world, "2 of 5 Analyzer seats")
        }
        Guard::MaxReleases => {
            let mut world = World::new(crowd).await;
            only_analyzer(&mut world);
            let plan = world.engine().plan(None, Patience::ONCE).await.unwrap();
            world.settings(|release| release.policy.types[0].max_releases = Some(2));
            let report = world.engine().apply(plan, &[], &order(Mode::Real)).await.unwrap();
            return (world, report, "maxReleases is 2");
        }
        Guard::StaleSignal => {
            let seats = [("a", 100), ("b", 20), ("c", 20), ("d", 9), ("e", 20)];
            (World::new(people(SeatKind::Analyzer, &seats)).await, "within 7 days")
        }
        Guard::Incomplete => {
            let world = World::new(crowd).await;
            world.fault(FaultRule::on("/qrs/user", status(500)));
            (world, "3 of 3 users")
        }
        Guard::Clock => {
            let world = World::new(crowd).await;
            world.fault(Fault::ClockSkew { seconds: 400 });
            (world, "the site's clock")
        }
        Guard::Unsettled => {
            let mut world = World::new(crowd).await;
            world.settings(|release| release.policy.limits.max_unsettled = Some(0));
            let seat = world.seat(SeatKind::Analyzer, "idle0");
            open_intent(&world, "idle0").await;
            world.pass(TimeDelta::hours(25));
            world.fault(FaultRule::on(&path(SeatType::Analyzer, &seat), status(500)));
            (world, "what became of 1 seat")
        }
        Guard::SharedLicense => {
            let mut world = World::new(crowd).await;
            let mut twin = world.settings.sites[0].clone();
            twin.name = "twin".into();
            world.settings.sites.push(twin);
            (world, "twin has the same license")
        }
        Guard::Paused => {
            let world = World::new(crowd).await;
            let until = start() + TimeDelta::hours(1);
            let entry = Entry::Paused { until, why: "year end".into(), by: "anna".into() };
            append(&world, None, entry).await;
            (world, "year end")
        }
        Guard::StoreBegunAnew => {
            let world = World::new(crowd).await;
            let sql = "INSERT INTO begun_anew (id, time, why) VALUES (1, 0, 'the store is gone')";
            database(world.setup.store()).execute(sql, []).unwrap();
            (world, "the store is gone")
        }
        Guard::OtherSite => {
            let world = World::new(crowd).await;
            let engine = world.engine();
            let known = engine.client.identity(Patience::ONCE).await.unwrap();
            assert!(!world.store.meet_site(&engine.site.name, known).await.unwrap());
            world.control().become_site("elsewhere");
            (world, "another site answers")
        }
        Guard::Frozen => {
            let mut world = World::new(crowd).await;
            world.settings(|release| release.policy.calendar = from_ten_to_eleven());
            (world, "outside the allowed hours")
        }
        Guard::RuleMisspelt => {
            let mut world = World::new(crowd).await;
            let user = UserPattern {
                directory: "CORP".into(),
                user_id: "CORP\\idle1".into(),
                ..UserPattern::default()
            };
            world.settings(|release| release.policy.never_release.users = vec![user]);
            (world, "protects nobody as it is written")
        }
    };
    let mut world = world;
    only_analyzer(&mut world);
    let report = world.run(Mode::Real).await;
    (world, report, saw)
}

fn only_analyzer(world: &mut World) {
    world.settings(|release| {
        release.policy.types.retain(|rule| rule.seat_type == SeatType::Analyzer);
    });
}

async fn append(world: &World, run: Option<&str>, entry: Entry) {
    let site = world.settings.sites[0].name.clone();
    let addition = Addition { site, run: run.map(str::to_owned), entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
}

/// A process died after it had written that it would take this user's seat.
pub(super) async fn open_intent(world: &World, id: &str) {
    let seat = world.control().seat_of(SeatKind::Analyzer, "CORP", id).unwrap();
    let intent = Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: seat.id,
        holder: Holder {
            id: seat.user.unwrap(),
            directory: "CORP".into(),
            user_id: id.into(),
            name: "".into(),
        },
        created: Moment::Never,
        last_used: Moment::Never,
        because: "idle for 60 days (threshold 30)".into(),
        has: 0,
    };
    append(world, Some("before"), Entry::Intent(intent)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_guard_stops_what_it_is_there_for() {
    for &guard in Guard::ALL {
        let (world, report, saw) = meet(guard).await;
        assert_stopped(&world, &report, guard, saw).await;
    }
}
