//! What changed, in place of whole lists: the same seats, a small part of the bytes, and nothing that
//! vanished is missed.

use bursar::clock::Clock;
use bursar::daemon::{Daemon, seats};
use bursar::event::Event;
use bursar::license::{Seat, SeatType};
use bursar::monitor::seat_lists::{Memory, WHOLE_UP_TO, told};
use bursar::monitor::settings::Pace;
use bursar::qrs::Patience;
use bursar::simulator::{
    ClockSettings, Population, RequestLog, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use chrono::TimeDelta;

use super::{SITE, watched};
use crate::release::world::{World, start};
use crate::support::process::{output, until};
use crate::support::setup::Setup;

const LIST: &str = "/qrs/license/analyzeraccesstype/full";

/// A site whose list of Analyzer seats is long enough to be read by what changed.
fn large() -> Scenario {
    let clock = ClockSettings { start: Some(When::At(start())), speed: 0.0, ..Default::default() };
    let population = Population {
        quarantined_share: 0.02,
        ..Population::of(WHOLE_UP_TO + 300, 20, WHOLE_UP_TO + 100)
    };
    let mut scenario = Scenario { clock, population, ..Scenario::default() };
    scenario.pools.analyzer.total = 100_000;
    scenario.pools.professional.total = 100_000;
    scenario
}

/// The same, without quarantines that end.
fn quiet() -> Scenario {
    let mut scenario = large();
    scenario.population.quarantined_share = 0.0;
    scenario
}

/// One look that is kept, as the daemon does it.
async fn look(world: &World, memory: &mut Memory) {
    let monitor = world.settings.sites[0].seats.as_ref().expect("seats are looked at");
    let now = world.clock().now();
    let observed = seats::poll(&world.engine(), monitor, memory, now, Patience::ONCE).await;
    let observed = observed.expect("the lists can be read");
    assert!(observed.problem.is_none(), "{:?}", observed.problem);
    let bodies = observed.bodies.into_iter();
    let events = bodies.map(|body| (Event::new(SITE, now, body), vec!["x".to_owned()])).collect();
    world.store.keep_seats(SITE, observed.reading, events).await.unwrap();
}

fn sorted(mut seats: Vec<Seat>) -> Vec<Seat> {
    seats.sort_by_key(|seat| seat.id);
    seats
}

/// What is kept is what a whole reading gives.
async fn assert_whole(world: &World, what: &str) {
    let kept = world.store.seats(SITE).await.unwrap();
    for seat_type in [SeatType::Analyzer, SeatType::Professional] {
        let whole = world.engine().client.seats(seat_type, Patience::ONCE).await.unwrap().value;
        let list = kept.list(seat_type).expect("it was read");
        let kept = list.seats.iter().map(|known| known.seat.clone()).collect();
        // Once more by name: a difference of a thousand seats is hard to read.
        for (kept, whole) in sorted(kept).iter().zip(&sorted(whole.clone())) {
            assert_eq!(kept, whole, "{what}");
        }
        assert_eq!(list.seats.len(), whole.len(), "{what}");
    }
}

/// Requests for the long list since the last look, whole ones first.
fn lists(world: &World, since: u64) -> (usize, usize) {
    let requests = world.control().requests_to(LIST);
    let (changed, whole): (Vec<_>, Vec<_>) =
        requests.iter().filter(|r| r.number > since).partition(|r| r.query.contains("filter"));
    (whole.len(), changed.len())
}

async fn looked(world: &World, memory: &mut Memory) -> (usize, usize) {
    let before = world.control().request_count();
    look(world, memory).await;
    lists(world, before)
}

fn analyzers(world: &World) -> Vec<bursar::simulator::Seat> {
    world.control().seats(SeatKind::Analyzer)
}

#[tokio::test]
async fn under_random_changes_the_same_seats_are_kept_as_by_whole_readings() {
    let world = watched(large()).await;
    let (mut memory, mut rng) = (Memory::default(), fastrand::Rng::with_seed(12));
    assert_eq!(looked(&world, &mut memory).await, (1, 0), "the first reading is whole");
    let (mut by_difference, mut whole) = (0, 0);
    for round in 0..60 {
        world.pass(TimeDelta::minutes(rng.i64(1..90)));
        for _ in 0..rng.usize(0..12) {
            let seats = analyzers(&world);
            let seat = rng.choice(&seats).unwrap();
            let (id, user) = (seat.id.to_string(), seat.user.map(|user| user.to_string()));
            let users = world.control().users();
            let user = users.iter().find(|one| Some(one.id.to_string()) == user);
            match (rng.u8(0..12), user) {
                (0, _) => {
                    world.control().remove_seat(&id);
                }
                (1, _) => {
                    let name = format!("new{round}-{}", rng.u32(..));
                    world.control().add_user(&UserSpec::of("CORP", &name));
                    let user = format!("CORP\\{name}");
                    let seat = SeatSpec::of(SeatKind::Analyzer, &user, When::Never);
                    let now = world.control().now();
                    world.control().add_seat(&SeatSpec { created: When::At(now), ..seat });
                }
                (2, Some(user)) => {
                    world.control().remove_user(&user.directory, &user.user_id);
                }
                (3, _) => {
                    world.control().update_seat(seat.id, |seat| seat.excess = !seat.excess);
                }
                (_, Some(user)) => {
                    world.control().log_in(&user.directory, &user.user_id);
                }
                (_, None) => {}
            }
        }
        let (all, _) = looked(&world, &mut memory).await;
        if all == 0 {
            by_difference += 1
        } else {
            whole += 1
        }
        assert_whole(&world, &format!("round {round}")).await;
    }
    assert!(by_difference >= 20, "{by_difference} of 60 readings by difference");
    assert!(whole >= 5, "{whole} whole ones, where something vanished or a day was over");
}

/// One row goes or changes without a trace in its dates: the counts say so.
#[tokio::test]
async fn what_vanishes_is_never_missed() {
    let world = watched(quiet()).await;
    let mut memory = Memory::default();
    look(&world, &mut memory).await;
    let hour = TimeDelta::hours(1);
    world.pass(hour);
    assert_eq!(looked(&world, &mut memory).await, (0, 1), "nothing changed");
    assert_whole(&world, "nothing changed").await;

    let old = |world: &World| {
        let now = world.control().now();
        let idle = |seat: &bursar::simulator::Seat| {
            seat.quarantined_until.is_none()
                && seat.last_used.is_some_and(|used| now - used > TimeDelta::days(40))
        };
        analyzers(world).into_iter().find(idle).expect("somebody is idle")
    };
    type Change = fn(&World, bursar::simulator::Seat);
    let cases: [(&str, Change); 5] = [
        ("a seat is gone", |world, seat| {
            world.control().remove_seat(&seat.id.to_string());
        }),
        ("one is gone and another there", |world, seat| {
            world.control().remove_seat(&seat.id.to_string());
            world.control().add_user(&UserSpec::of("CORP", "another"));
            let new = SeatSpec::of(SeatKind::Analyzer, "CORP\\another", When::Never);
            let now = world.control().now();
            world.control().add_seat(&SeatSpec { created: When::At(now), ..new });
        }),
        ("one is quarantined, its dates as before", |world, seat| {
            let end = world.control().now() + TimeDelta::days(7);
            world.control().update_seat(seat.id, |seat| seat.quarantined_until = Some(end));
        }),
        ("one is excess, its dates as before", |world, seat| {
            world.control().update_seat(seat.id, |seat| seat.excess = true);
        }),
        ("one was used yesterday and its row came late", |world, seat| {
            let used = world.control().now() - TimeDelta::days(3);
            world.control().update_seat(seat.id, |seat| seat.last_used = Some(used));
        }),
    ];
    for (what, change) in cases {
        world.pass(hour);
        change(&world, old(&world));
        let (whole, _) = looked(&world, &mut memory).await;
        assert!(whole >= 1, "{what}: the whole list is read");
        assert_whole(&world, what).await;
        world.pass(hour);
        assert_eq!(looked(&world, &mut memory).await, (0, 1), "{what}: then it adds up again");
    }
}

#[tokio::test]
async fn once_a_day_and_by_whoever_forgot_the_whole_list_is_read() {
    let world = watched(quiet()).await;
    let mut memory = Memory::default();
    let mut whole = Vec::new();
    for hour in 0..50 {
        if looked(&world, &mut memory).await.0 > 0 {
            whole.push(hour);
        }
        world.pass(TimeDelta::hours(1));
    }
    assert_eq!(whole, [0, 24, 48]);
    assert_eq!(looked(&world, &mut Memory::default()).await, (1, 0), "a new process");
}

/// A server that refuses such a filter is not asked again; one without `excess` is no obstacle.
#[tokio::test]
async fn a_server_without_these_filters_is_read_whole() {
    let world = watched(quiet()).await;
    let mut memory = Memory::default();
    look(&world, &mut memory).await;
    world.control().update_pools(|pools| pools.with_excess = false);
    world.pass(TimeDelta::hours(1));
    assert_eq!(looked(&world, &mut memory).await, (0, 1), "without excess");
    world.control().update_quirks(|quirks| quirks.without = vec!["modifiedDate".to_owned()]);
    world.pass(TimeDelta::hours(1));
    assert_eq!(looked(&world, &mut memory).await, (1, 0), "the count of what changed is refused");
    world.pass(TimeDelta::hours(1));
    let before = world.control().request_count();
    assert_eq!(looked(&world, &mut memory).await, (1, 0));
    let filtered = |r: &RequestLog| r.number > before && r.query.contains("modifiedDate");
    assert!(!world.control().requests().iter().any(filtered), "it is not asked again");
    assert_whole(&world, "at the end").await;
}

/// What decides over releases is the whole list, whatever the monitor reads.
#[tokio::test]
async fn a_release_never_reads_by_what_changed() {
    let world = watched(large()).await;
    let mut memory = Memory::default();
    look(&world, &mut memory).await;
    world.pass(TimeDelta::hours(1));
    look(&world, &mut memory).await;
    let before = world.control().request_count();
    world.run(bursar::ledger::Mode::Rehearsal).await;
    let requests = world.control().requests();
    let of_run = || requests.iter().filter(|r| r.number > before);
    assert!(of_run().any(|r| r.path == LIST && !r.query.contains("filter")), "the whole list");
    let dated = |r: &RequestLog| r.query.contains("Date") || r.query.contains("lastUsed");
    assert_eq!(of_run().filter(|r| dated(r)).count(), 0, "no filter on dates");
}

/// The daemon, with people who log in between its looks: the bytes are counted where they are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_reads_a_small_part_of_the_bytes() {
    let setup = Setup::new(quiet()).await;
    let control = setup.site.control();
    // Ten minutes in a second.
    control.set_speed(600.0);
    let yaml = setup.yaml("every 24 hours", "");
    let every = "seatMonitor: {frequency: every 10 minutes}";
    let yaml = yaml.replace("seatMonitor: {enable: false}", every);
    let clock = Clock::fast(control.now(), 600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    let seats = analyzers_of(&setup);
    let mut read = None;
    for n in 0..7 {
        read = until("a reading is kept", async || {
            let kept = daemon.store().seats(SITE).await.unwrap();
            let list = kept.list(SeatType::Analyzer)?;
            (Some(list.last_read) != read).then_some(Some(list.last_read))
        })
        .await;
        let users = control.users();
        let user = users.iter().find(|user| Some(user.id) == seats[n * 7].user).unwrap();
        control.log_in(&user.directory, &user.user_id);
    }
    daemon.stop().await;
    let lists = control.requests_to(LIST);
    let (changed, whole): (Vec<_>, Vec<_>) =
        lists.into_iter().partition(|request| request.query.contains("filter"));
    assert_eq!(whole.len(), 1, "the first one");
    assert!(changed.len() >= 6, "{}", changed.len());
    let each = bytes(&whole);
    let counts = control.requests_to("/qrs/license/analyzeraccesstype/count");
    let small = bytes(&changed) + bytes(&counts);
    assert!(
        small * 10 < each * changed.len(),
        "{small} bytes in {} readings of what changed, {each} in one whole reading",
        changed.len()
    );
}

fn bytes(requests: &[RequestLog]) -> usize {
    requests.iter().map(|request| request.bytes).sum()
}

fn analyzers_of(setup: &Setup) -> Vec<bursar::simulator::Seat> {
    let seats = setup.site.control().seats(SeatKind::Analyzer);
    seats.into_iter().filter(|seat| seat.user.is_some()).collect()
}

/// A file that doesn't name the seat monitor: with more than 5,000 seats the lists are read every two hours, and
/// what vanished in between is still noticed within the hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_site_is_read_at_a_slower_pace_and_told_of() {
    let mut scenario = large();
    scenario.population = Population::of(5_600, 0, 5_500);
    let setup = Setup::new(scenario).await;
    let control = setup.site.control();
    // Ten minutes in a second: the first reading takes some.
    control.set_speed(600.0);
    let yaml = setup.yaml("every 24 hours", "").replace("    seatMonitor: {enable: false}\n", "");
    let file = setup.write(&yaml);
    let check = output(&["check", "-c", file.to_str().unwrap()], setup.folder.path());
    let check = String::from_utf8(check.stdout).unwrap();
    let expected = "5500 seats are read: once a day the whole lists, about 3.0 MB; between, every 2 hours what \
                    changed, and every 1 hour how many there are, proved by the site's counts";
    assert!(check.contains(expected), "{check}");
    assert!(check.contains("users in full once a day, those of idle seats only"), "{check}");

    let before = control.request_count();
    let clock = Clock::fast(control.now(), 600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    let counts = || {
        let counts = control.requests_to("/qrs/license/analyzeraccesstype/count");
        counts.iter().filter(|r| r.number > before && r.query.matches('=').count() == 1).count()
    };
    let lists = || {
        let lists = control.requests_to(LIST);
        lists.iter().filter(|r| r.number > before && r.status.is_some()).count()
    };
    // The look of an hour that reads no list: a count more, and no list more.
    until("the first reading is kept", async || {
        let kept = daemon.store().seats(SITE).await.unwrap();
        kept.list(SeatType::Analyzer).map(|_| ())
    })
    .await;
    let (so_far, counted) = (lists(), counts());
    assert_eq!(so_far, 1);
    until("the counts are looked at", async || (counts() > counted).then_some(())).await;
    assert_eq!(lists(), so_far, "and no list is read in that hour");
    let gone = analyzers_of(&setup)[3].clone();
    control.remove_seat(&gone.id.to_string());
    until("the seat that vanished is noticed", async || {
        let kept = daemon.store().seats(SITE).await.unwrap();
        let list = kept.list(SeatType::Analyzer)?;
        (list.seats.len() == 5_499).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[test]
fn what_is_read_is_told_with_its_size() {
    let environment = bursar::config::FixedEnvironment::default();
    let text = "Butler: {configQRS: {host: x, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}, cert: {clientCert: a, clientCertKey: b, clientCertCA: c}, qlikSenseLicense: {seatMonitor: {enable: true}}}";
    let loaded =
        bursar::config::load_text(text, std::path::Path::new("x.yaml"), &environment).unwrap();
    let site = &loaded.settings.sites[0];
    let monitor = site.seats.clone().unwrap();
    let of = |sizes: &[usize], monitor| told(sizes, monitor, &site.release.policy, chrono_tz::UTC);
    let mut all = vec![of(&[800, 40], &monitor), of(&[3_000, 40], &monitor)];
    all.push(of(&[15_000, 900], &monitor));
    all.push(of(&[60_000], &monitor));
    let mut written = monitor.clone();
    written.pace = Pace::AsWritten;
    written.breakdown_by = vec!["department".to_owned()];
    all.push(of(&[15_000], &written));
    insta::assert_snapshot!(all.join("\n"));
}
