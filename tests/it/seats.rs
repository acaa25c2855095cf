//! Who has the seats and what becomes of them, against the simulated site.

mod daemon;
mod delivery;
mod differences;

use bursar::daemon::{PollFailure, seats};
use bursar::event::{Body, Event, SeatActivity, SeatChanges};
use bursar::ledger::Mode;
use bursar::license::changes::{By, Change};
use bursar::license::{ChangeKind, SeatType};
use bursar::monitor::allocation_changes::Observed;
use bursar::monitor::seat_lists::Memory;
use bursar::qrs::write::Writer;
use bursar::qrs::{Client, Patience};
use bursar::simulator::{
    Fault, FaultRule, PropertySpec, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use chrono::{NaiveDate, TimeDelta};
use tokio::time::Instant;

use crate::release::world::{World, people};

const SITE: &str = "default";

/// The monitor's settings as they are by default.
pub async fn watched(scenario: Scenario) -> World {
    let mut world = World::new(scenario).await;
    let yaml = std::fs::read_to_string(world.settings.file.clone()).unwrap();
    let yaml = yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}");
    world.settings = world.setup.load(&yaml);
    world
}

async fn see(world: &World) -> Result<Observed, PollFailure> {
    let monitor = world.settings.sites[0].seats.as_ref().expect("seats are looked at");
    let mut memory = Memory::default();
    seats::poll(&world.engine(), monitor, &mut memory, world.clock().now(), Patience::ONCE).await
}

/// One look that is kept, as the daemon does it. Gives back what was told.
pub async fn poll(world: &World) -> (SeatActivity, SeatChanges, Option<String>) {
    let observed = see(world).await.expect("a list can be read");
    let time = observed.reading.time;
    let mut told = (SeatActivity::default(), SeatChanges::default());
    for body in &observed.bodies {
        match body {
            Body::SeatActivity(activity) => told.0 = activity.clone(),
            Body::SeatChanges(changes) => told.1 = changes.clone(),
            other => panic!("{other:?}"),
        }
    }
    let events = observed
        .bodies
        .into_iter()
        .map(|body| (Event::new(SITE, time, body), vec!["everything".to_owned()]))
        .collect();
    world.store.keep_seats(SITE, observed.reading, events).await.unwrap();
    (told.0, told.1, observed.problem.map(|problem| problem.code().to_owned()))
}

/// `released analyzer CORP\anna by ...`, one for each change.
fn lines(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| {
        let by = match &change.by {
            By::Unknown => String::new(),
            By::Bursar { .. } => " by Bursar".to_owned(),
            By::Someone { user } => format!(" by {user}"),
        };
        let from = change.from.as_ref().map_or(String::new(), |f| format!(" from {}", f.seat_type));
        let again = if change.is_churn() { " again" } else { "" };
        let kind = change.kind.as_str();
        format!("{kind}{again} {}{from} {}{by}", change.seat_type, change.account())
    };
    changes.iter().map(line).collect()
}

async fn changed(world: &World) -> Vec<String> {
    lines(&poll(world).await.1.changes)
}

/// Somebody with a name, who may change the site.
fn admin(world: &World) -> Client {
    let mut site = world.settings.sites[0].clone();
    for (name, value) in &mut site.connection.headers {
        if name.eq_ignore_ascii_case("x-qlik-user") {
            *value = "UserDirectory=CORP; UserId=admin".to_owned();
        }
    }
    Client::new(&site.name, &site.connection).unwrap()
}

fn soon() -> Instant {
    Instant::now() + std::time::Duration::from_secs(20)
}

async fn take(world: &World, seat_type: SeatType, kind: SeatKind, user: &str) {
    let id = world.seat(kind, user).parse().unwrap();
    Writer::new(admin(world)).deallocate(seat_type, id, soon(), &|| true).await.unwrap();
}

async fn give(world: &World, seat_type: SeatType, user: &str) {
    let id = world.user(user).parse().unwrap();
    Writer::new(admin(world)).allocate(seat_type, id, soon(), &|| true).await.unwrap();
}

fn with_admin(mut scenario: Scenario) -> Scenario {
    let mut admin = UserSpec::of("CORP", "admin");
    admin.roles = vec!["RootAdmin".into()];
    scenario.users.push(admin);
    scenario
}

fn analyzers(seats: &[(&str, i64)]) -> Scenario {
    with_admin(people(SeatKind::Analyzer, seats))
}

#[tokio::test]
async fn the_first_look_tells_of_new_seats_and_of_nothing_lost() {
    let mut scenario = analyzers(&[("old", 3), ("new", 1), ("gone", 40)]);
    for (seat, days) in scenario.seats.iter_mut().zip([400, 5, 40]) {
        seat.created = When::days_ago(days);
    }
    scenario.seats[2].user = "CORP\\nobody".into();
    scenario.seats[2].quarantined_until = When::in_days(2);
    let world = watched(scenario).await;
    let (activity, changes, problem) = poll(&world).await;
    assert_eq!(problem, None);
    assert_eq!(lines(&changes.changes), [r"allocated analyzer CORP\new"]);
    let change = &changes.changes[0];
    assert!(change.initial && changes.counts.is_empty(), "{changes:?}");
    let (now, age) = (world.clock().now(), TimeDelta::days(5));
    assert!((now - change.time - age).abs() < TimeDelta::minutes(1), "{}", change.time);

    // The store knows of the last 90 days: two seats.
    let since = now - TimeDelta::days(90);
    let known = world.store.seat_changes(SITE, since, now).await.unwrap();
    assert!(known.iter().all(|c| c.initial && c.kind == ChangeKind::Allocated), "{known:?}");
    assert_eq!(known.len(), 2);
    let analyzer = activity.types.iter().find(|t| t.seat_type == SeatType::Analyzer).unwrap();
    let usage = &analyzer.usage;
    assert_eq!((usage.seats, usage.quarantined, usage.without_user), (3, 1, 1));
    assert_eq!((analyzer.active.last_7_days, analyzer.first_time.last_7_days), (2, 1));
    assert_eq!(analyzer.by_rules.unwrap().release, 0);
}

#[tokio::test]
async fn the_same_lists_again_change_nothing_also_after_a_restart() {
    let world = watched(analyzers(&[("anna", 3), ("bo", 50)])).await;
    poll(&world).await;
    let before = world.store.seats(SITE).await.unwrap();
    let days = world.store.seat_days(SITE, None, NaiveDate::MIN).await.unwrap();
    world.pass(TimeDelta::hours(1));
    assert_eq!(changed(&world).await, [""; 0]);
    let store = world.another_store().await;
    let after = store.seats(SITE).await.unwrap();
    for (one, other) in before.lists.iter().zip(&after.lists) {
        assert_eq!((one.first_read, &one.seats), (other.first_read, &other.seats));
        assert!(one.last_read < other.last_read);
    }
    let again = store.seat_days(SITE, None, NaiveDate::MIN).await.unwrap();
    let users = |days: &[bursar::insight::activity::Day]| -> Vec<(NaiveDate, u32)> {
        days.iter().map(|day| (day.day, day.users)).collect()
    };
    assert_eq!(users(&days), users(&again));
    let mut world = world;
    world.store = store;
    assert_eq!(changed(&world).await, [""; 0]);
}

#[tokio::test]
async fn who_did_what_is_told_as_far_as_it_is_known() {
    let names =
        [("idle", 60), ("taken", 20), ("used", 2), ("deleted", 2), ("moved", 2), ("kept", 1)];
    let mut scenario = analyzers(&names);
    scenario.quirks.quarantine_signed_keys = true;
    for n in 0..10 {
        let (id, created) = (format!("crowd{n}"), When::days_ago(400));
        scenario.users.push(UserSpec::of("CORP", &id));
        let used = SeatSpec::of(SeatKind::Analyzer, &format!("CORP\\{id}"), When::days_ago(1));
        scenario.seats.push(SeatSpec { created, ..used });
    }
    let world = watched(scenario).await;
    poll(&world).await;
    world.pass(TimeDelta::hours(1));

    // Bursar takes the idle one; an admin takes two (one of them was used not long ago), and gives one
    // user the other type; a user is deleted.
    let report = world.run(Mode::Real).await;
    assert_eq!(report.seats.len(), 1, "{report:?}");
    let analyzer = SeatType::Analyzer;
    take(&world, analyzer, SeatKind::Analyzer, "taken").await;
    take(&world, analyzer, SeatKind::Analyzer, "used").await;
    world.control().remove_user("CORP", "deleted");
    take(&world, analyzer, SeatKind::Analyzer, "moved").await;
    give(&world, SeatType::Professional, "moved").await;
    let (_, told, _) = poll(&world).await;
    let mut found = lines(&told.changes);
    found.sort();
    assert_eq!(
        found,
        [
            r"moved professional from analyzer CORP\moved by CORP\admin",
            r"quarantined analyzer CORP\used by CORP\admin",
            r"released analyzer CORP\idle by Bursar",
            // Nobody knows who removes a row that is gone.
            r"released analyzer CORP\taken",
            r"userDeleted analyzer CORP\deleted",
        ]
    );
    let ours = told.changes.iter().find(|change| change.is_by_bursar()).unwrap();
    assert_eq!(ours.by, By::Bursar { run: report.run.clone() });

    // An hour later: one comes back from quarantine, one gets a seat again, and an undo allocates one again.
    world.pass(TimeDelta::hours(1));
    give(&world, analyzer, "used").await;
    give(&world, analyzer, "taken").await;
    give(&world, analyzer, "admin").await;
    let mut found = changed(&world).await;
    found.sort();
    assert_eq!(
        found,
        [
            r"allocated again analyzer CORP\taken by CORP\admin",
            r"allocated analyzer CORP\admin by CORP\admin",
            r"restored analyzer CORP\used by CORP\admin",
        ]
    );
    let counts = {
        let now = world.clock().now() + TimeDelta::minutes(1);
        let day = world.store.seat_changes(SITE, now - TimeDelta::days(1), now).await.unwrap();
        bursar::event::count_changes(&day)
    };
    let of = |kind| counts.iter().find(|c| c.kind == kind && c.seat_type == analyzer).unwrap();
    assert_eq!((of(ChangeKind::Allocated).count, of(ChangeKind::Allocated).churn), (2, 1));
    assert_eq!((of(ChangeKind::Released).count, of(ChangeKind::Released).by_bursar), (2, 1));

    // A week later the quarantine of the deleted user and of the seat that was left is over.
    world.pass(TimeDelta::days(8));
    let mut found = changed(&world).await;
    found.sort();
    assert_eq!(
        found,
        [r"quarantineEnded analyzer CORP\deleted", r"quarantineEnded analyzer CORP\moved",]
    );
}

#[tokio::test]
async fn a_seat_taken_by_bursar_and_given_back_by_an_undo_is_no_churn() {
    let world = watched(crate::release::world::crowd(SeatKind::Analyzer, 1)).await;
    poll(&world).await;
    let report = world.run(Mode::Real).await;
    assert_eq!(changed(&world).await, [r"released analyzer CORP\idle0 by Bursar"]);
    world.pass(TimeDelta::hours(1));
    let order = crate::release::world::order(Mode::Undo);
    let undo = bursar::release::run::Undo::run(report.run);
    world.engine().undo(&undo, &order).await.unwrap();
    assert_eq!(changed(&world).await, [r"allocated analyzer CORP\idle0 by Bursar"]);
    // Lost to Bursar and back at the next login: churn.
    world.pass(TimeDelta::days(1));
    let id = world.seat(SeatKind::Analyzer, "idle0");
    world.control().remove_seat(&id);
    assert_eq!(changed(&world).await, [r"released analyzer CORP\idle0"]);
    world.pass(TimeDelta::days(13));
    world.control().add_seat(&SeatSpec {
        created: When::days_ago(0),
        ..SeatSpec::of(SeatKind::Analyzer, "CORP\\idle0", When::days_ago(0))
    });
    assert_eq!(changed(&world).await, [r"allocated again analyzer CORP\idle0 by CORP\idle0"]);
}

#[tokio::test]
async fn what_is_not_a_complete_list_changes_nothing_of_its_type() {
    let mut scenario = analyzers(&[("anna", 3), ("bo", 50), ("cleo", 2)]);
    scenario.users.push(UserSpec::of("CORP", "pro"));
    let used = When::days_ago(1);
    scenario.seats.push(SeatSpec::of(SeatKind::Professional, "CORP\\pro", used));
    let world = watched(scenario).await;
    poll(&world).await;
    let before = world.store.seats(SITE).await.unwrap();
    for (fault, code) in [
        (Fault::ShortList { drop: 1 }, "incomplete-list"),
        (Fault::HtmlOk, "not-json"),
        (Fault::Forbidden, "forbidden"),
    ] {
        world.pass(TimeDelta::hours(1));
        world.control().clear_faults();
        world.fault(FaultRule::on("/qrs/license/analyzeraccesstype/full", fault));
        let (activity, changes, problem) = poll(&world).await;
        assert_eq!(problem.as_deref(), Some(code));
        assert_eq!(lines(&changes.changes), [""; 0]);
        let types: Vec<_> = activity.types.iter().map(|of| of.seat_type).collect();
        assert_eq!(types, [SeatType::Professional]);
        // The people of the other type still count.
        assert_eq!(activity.people.last_7_days, 3);
        let after = world.store.seats(SITE).await.unwrap();
        let analyzer = SeatType::Analyzer;
        assert_eq!(after.list(analyzer), before.list(analyzer), "{code}");
        let professional = SeatType::Professional;
        let read = |seats: &bursar::store::Seats| seats.list(professional).unwrap().last_read;
        assert!(read(&after) > read(&before), "the other type was read");
    }
    // Nothing at all: an error, and nothing is kept.
    world.control().clear_faults();
    world.fault(FaultRule::on("/qrs/license/", Fault::HtmlOk));
    let before = world.store.seats(SITE).await.unwrap();
    see(&world).await.unwrap_err();
    assert_eq!(world.store.seats(SITE).await.unwrap(), before);
    // What happened meanwhile is found later.
    world.control().clear_faults();
    world.control().remove_seat(&world.seat(SeatKind::Analyzer, "bo"));
    assert_eq!(changed(&world).await, [r"released analyzer CORP\bo"]);
}

#[tokio::test]
async fn users_are_counted_on_each_of_their_days() {
    let world = watched(analyzers(&[("anna", 30), ("bo", 30), ("cleo", 400)])).await;
    poll(&world).await;
    let start = world.clock().now().date_naive();
    for day in 1..=3 {
        for (n, user) in ["anna", "bo", "cleo"].into_iter().enumerate() {
            world.pass(TimeDelta::minutes(10));
            if n < day {
                assert!(world.control().log_in("CORP", user));
            }
        }
        poll(&world).await;
        world.pass(TimeDelta::days(1) - TimeDelta::minutes(30));
        poll(&world).await;
    }
    let days = world.store.seat_days(SITE, Some(SeatType::Analyzer), start).await.unwrap();
    let users: Vec<_> = days.iter().map(|day| day.users).collect();
    assert_eq!(users, [1, 2, 3, 0], "{days:?}");
    let (today, analyzer) = (world.clock().now().date_naive(), Some(SeatType::Analyzer));
    let all = world.store.seat_days(SITE, analyzer, NaiveDate::MIN).await.unwrap();
    let per_day = bursar::insight::activity::per_day(&all, 28, start, today);
    assert_eq!((per_day.days, per_day.average, per_day.maximum), (2, Some(2.5), Some(3)));
    // The history has the closed days, by the same name as the type.
    let from = world.clock().now() - TimeDelta::days(30);
    let history = world
        .store
        .history(
            SITE,
            "activity_analyzer",
            "daily_users",
            bursar::store::history::Resolution::Day,
            from,
            world.clock().now() + TimeDelta::days(1),
        )
        .await
        .unwrap();
    let kept: Vec<_> = history.iter().map(|rollup| rollup.last).collect();
    assert_eq!(kept, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn people_are_read_where_a_breakdown_or_the_rules_need_them() {
    let mut scenario = analyzers(&[("anna", 1), ("bo", 60), ("cleo", 70), ("dan", 2)]);
    for (user, department) in scenario.users.iter_mut().zip(["Sales", "Sales", "", "Finance"]) {
        if !department.is_empty() {
            let (name, value) = ("department".to_owned(), department.to_owned());
            user.custom_properties.push(PropertySpec { name, value });
        }
    }
    scenario.users[1].tags = vec!["Keep".into()];
    let mut world = watched(scenario).await;
    world.settings.sites[0].seats.as_mut().unwrap().breakdown_by = vec!["department".into()];
    let (activity, ..) = poll(&world).await;
    let analyzer = activity.types.iter().find(|t| t.seat_type == SeatType::Analyzer).unwrap();
    let rules = analyzer.by_rules.unwrap();
    // Two are idle; one of them has the tag that keeps.
    assert_eq!((rules.enabled, rules.threshold_days, rules.release), (true, 30, 1));
    assert_eq!(analyzer.usage.reclaimable.after_30_days, 2);
    let seats = world.store.seats(SITE).await.unwrap();
    assert_eq!(seats.people.len(), 4);
    let requests = world.control().requests_to("/qrs/user/full").len();
    world.pass(TimeDelta::hours(1));
    poll(&world).await;
    assert_eq!(world.control().requests_to("/qrs/user/full").len(), requests, "known for a day");
    world.pass(TimeDelta::hours(24));
    poll(&world).await;
    assert!(world.control().requests_to("/qrs/user/full").len() > requests);
}
