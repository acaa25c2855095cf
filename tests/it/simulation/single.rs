//! One fault at a time, with the same world.

use std::collections::BTreeSet;
use std::time::Duration;

use bursar::daemon::Daemon;
use bursar::event::Monitor;
use bursar::simulator::{Fault, FaultRule, Pki, RequestLog, SHARED_SERVER_NAME};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use super::script::BREAKABLE;
use super::world::World;

const SEATS: &str = "/qrs/license/analyzeraccesstype";
const POLLS: [&str; 2] = ["/qrs/license/accesstypeoverview", "/qrs/license"];

/// A site whose idle seats are taken, four of them in a run.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.speed = 1.0;
    world.settle_on("dryRun: true", "dryRun: false");
    world.settle_on("maxReleasePercent: 5,", "maxReleasePercent: 80,");
    world
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn deletes(world: &World) -> Vec<RequestLog> {
    let mut requests = world.control.requests();
    requests.retain(|request| request.method == "DELETE");
    requests
}

/// How often a path was read since then, by the site's clock.
fn reads(world: &World, path: &str, since: DateTime<Utc>) -> usize {
    let requests = world.control.requests();
    requests.iter().filter(|r| r.method == "GET" && r.path == path && r.time > since).count()
}

/// In the middle of a run: what was read of the other seats is an hour old, though the runtime's clock stood still.
#[test]
fn a_machine_that_slept_an_hour_catches_up_once_and_takes_no_seat_by_what_it_knew() {
    let mut world = world(1);
    world.settle_on("concurrency: 2", "concurrency: 1");
    world.settle_on("concurrency: 3", "concurrency: 1");
    let slow = Fault::Latency { millis: 20_000 };
    world.control.set_fault(FaultRule::on(SEATS, slow).method("DELETE").times(1));
    world.with_daemon(async |world, _| {
        sleep(minutes(15) + Duration::from_secs(10)).await;
        assert_eq!(deletes(world).len(), 1, "the first seat of the run is under way");
        world.suspend(TimeDelta::hours(1));
        let woke = world.control.now();
        for n in 0..8 {
            world.control.log_in("CORP", &format!("idle{n}"));
        }
        sleep(minutes(4)).await;
        for path in POLLS {
            let polls = reads(world, path, woke);
            assert!((1..=2).contains(&polls), "{path} was read {polls} times in four minutes");
        }
        assert_eq!(deletes(world).len(), 1, "everybody else is at work");
    });
}

/// Who sets the clock to tomorrow and back keeps the data, and nobody's seat goes meanwhile.
#[test]
fn a_clock_that_is_set_to_tomorrow_and_back_stops_releases_and_no_poll() {
    let mut world = world(1);
    world.with_daemon(async |world, _| {
        sleep(minutes(5)).await;
        world.set_clock(TimeDelta::days(1));
        let set = world.control.now();
        sleep(minutes(40)).await;
        assert!(deletes(world).is_empty(), "clocks that differ by a day release nothing");
        for path in POLLS {
            let polls = reads(world, path, set);
            assert!((2..=6).contains(&polls), "{path} was read {polls} times in 40 minutes");
        }
        world.set_clock(TimeDelta::zero());
        let set = world.control.now();
        sleep(minutes(40)).await;
        for path in POLLS {
            let polls = reads(world, path, set);
            assert!((2..=6).contains(&polls), "{path} was read {polls} times in 40 minutes");
        }
        assert!(!deletes(world).is_empty(), "the clocks agree again");
    });
}

/// What a monitor's last poll met, if it failed.
async fn problem(daemon: &Daemon) -> Option<String> {
    let health = daemon.store().health().await.unwrap();
    let health = health.iter().find(|health| health.monitor == Monitor::AccessLicense)?;
    health.problem().map(|problem| problem.code.clone())
}

/// Certificates of another authority on both sides: no restart is needed, and the files may come later than the server's.
#[test]
fn a_site_that_is_away_for_minutes_and_comes_back_with_other_certificates_is_read_again() {
    let mut world = world(1);
    let renewed = Pki::generate(SHARED_SERVER_NAME);
    world.with_daemon(async |world, daemon| {
        sleep(minutes(12)).await;
        assert_eq!(problem(daemon).await, None);
        world.close_site().await;
        sleep(minutes(12)).await;
        assert!(problem(daemon).await.is_some(), "nobody answers");
        world.open_site(Pki::shared());
        sleep(minutes(6)).await;
        assert_eq!(problem(daemon).await, None, "it answers again");

        world.close_site().await;
        world.open_site(&renewed);
        sleep(minutes(12)).await;
        let strange = problem(daemon).await;
        assert!(strange.is_some(), "its authority is another one");
        renewed.write_to(&world.folder.path().join("certificates")).unwrap();
        let since = world.control.now();
        sleep(minutes(31)).await;
        assert_eq!(problem(daemon).await, None, "{strange:?} before the files were renewed");
        assert!(reads(world, POLLS[0], since) > 0);
    });
}

/// Each statement of a poll once: what is known last and what waits for delivery always tell of the same polls.
#[test]
fn whatever_a_poll_cannot_write_it_is_stored_whole_or_not_at_all() {
    let tables = BREAKABLE.iter().map(|(table, _)| *table).collect::<BTreeSet<_>>();
    for table in tables.into_iter().chain(["all"]) {
        let mut world = World::new(0);
        world.with_daemon(async |world, daemon| {
            sleep(Duration::from_secs(25)).await;
            world.break_store(table);
            sleep(Duration::from_secs(60)).await;
            let told = daemon.store().can_write();
            world.break_store("");
            agree(world, table);
            sleep(Duration::from_secs(60)).await;
            agree(world, table);
            assert!(table != "all" || told.is_err(), "nothing can be written, and nobody knows");
            assert!(daemon.store().can_write().is_ok(), "{table} can be written again");
        });
    }
}

/// Of each kind the newest that is known is the newest that was queued.
fn agree(world: &World, table: &str) {
    let db = world.database();
    let mut query = db
        .prepare(
            "SELECT kind, time, (SELECT max(json ->> 'time') FROM sim_produced
                                  WHERE json -> 'body' ->> 'kind' = latest.kind)
               FROM latest WHERE kind IN ('serverLicenseStatus', 'accessLicenseStatus')",
        )
        .unwrap();
    let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?)));
    let rows: Vec<(String, i64, Option<String>)> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for (kind, known, queued) in rows {
        let queued: DateTime<Utc> = queued.unwrap_or_else(|| panic!("{kind}")).parse().unwrap();
        assert_eq!(known, queued.timestamp_millis(), "{kind}, without {table}");
    }
}
