//! What is asked of store and site before and after the table of outcomes is.

use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::ledger::Entry;
use crate::license::{Holder, Moment, SeatType, SiteIdentity};
use crate::release::run::tests::start;
use crate::simulator::{Fault, FaultRule, Running, Seat, SeatKind};
use crate::store::settings::OutboxLimits;
use crate::store::{Addition, opened};

const RUN: &str = "run-1";

/// A site, and an engine whose clock stands still.
async fn stopped_clock() -> (Running, Engine, tempfile::TempDir, DateTime<Utc>) {
    let (site, mut engine, folder) = start().await;
    let millis = Utc::now().timestamp_millis();
    let now = DateTime::from_timestamp_millis(millis).expect("a time of now");
    engine.clock = Clock::fast(now, 0.0);
    (site, engine, folder, now)
}

/// The first seats of the site with their users.
fn seats(site: &Running, count: usize) -> Vec<Seat> {
    let mut seats = site.control().seats(SeatKind::Analyzer);
    seats.truncate(count);
    assert_eq!(seats.len(), count);
    seats
}

fn intent(seat: &Seat) -> Intent {
    Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: seat.id,
        holder: Holder {
            id: seat.user.expect("it has a user"),
            directory: "CORP".into(),
            user_id: "somebody".into(),
            name: "".into(),
        },
        created: Moment::At(seat.created),
        last_used: seat.last_used.map_or(Moment::Never, Moment::At),
        because: "idle for 60 days (threshold 30)".into(),
        has: 0,
    }
}

/// Writes an entry as another process did at this time.
async fn note(engine: &Engine, folder: &tempfile::TempDir, at: DateTime<Utc>, entry: Entry) -> u64 {
    let limits = OutboxLimits { max_events: 1_000, max_age: Duration::from_secs(86_400) };
    let file = folder.path().join("bursar.db");
    let store = opened::open(&file, limits, move || at).await.unwrap();
    let site = engine.site.name.clone();
    let addition = Addition { site, run: Some(RUN.to_owned()), entry };
    let (numbers, _) = store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    store.close().await;
    numbers[0]
}

/// A request that counts as refused because nothing came of it in time.
async fn refused(
    engine: &Engine,
    folder: &tempfile::TempDir,
    seat: &Seat,
    (asked, told): (DateTime<Utc>, DateTime<Utc>),
) -> u64 {
    let of = intent(seat);
    let number = note(engine, folder, asked, Entry::Intent(of.clone())).await;
    let outcome = Outcome {
        intent: number,
        action: of.action,
        seat_type: of.seat_type,
        seat: of.seat,
        holder: of.holder,
        result: SeatResult::Refused { why: "nothing came of it".into() },
        settled_later: true,
        evidence: Evidence { by_time: true, ..Evidence::default() },
    };
    note(engine, folder, told, Entry::Outcome(outcome)).await;
    number
}

/// The last outcome of an intent.
async fn outcome(engine: &Engine, intent: u64) -> Option<Outcome> {
    let records = engine.store.records(1, 1_000).await.unwrap().into_iter();
    let outcomes = records.filter_map(|record| match record.entry {
        Entry::Outcome(outcome) if outcome.intent == intent => Some(outcome),
        _ => None,
    });
    outcomes.last()
}

#[test]
fn a_yes_that_nothing_came_of_is_told_by_what_was_asked() {
    assert_eq!(all_the_same(Action::Release), ", but the seat is still there");
    assert_eq!(all_the_same(Action::Allocate), ", but the person has no such seat");
}

/// Of requests of the last 24 hours: the seat may be gone by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_by_time_is_corrected_for_a_day() {
    let (site, engine, folder, now) = stopped_clock().await;
    assert!(!is_any(&engine).await.unwrap(), "nothing was asked for");
    let seats = seats(&site, 3);
    let day = TimeDelta::hours(24);
    let (late, told) = (TimeDelta::milliseconds(1), now - TimeDelta::minutes(30));
    let mut numbers = Vec::new();
    for (seat, asked) in seats.iter().zip([now - day - late, now - day, now - day + late]) {
        numbers.push(refused(&engine, &folder, seat, (asked, told)).await);
        assert!(site.control().remove_seat(&seat.id.to_string()));
    }
    assert!(is_any(&engine).await.unwrap(), "none is open, and some may be gone");
    after_poll(&engine, Patience::ONCE).await.unwrap();
    let mut freed = Vec::new();
    for number in numbers {
        let last = outcome(&engine, number).await.unwrap();
        freed.push(last.result == SeatResult::Freed && last.evidence.late);
    }
    assert_eq!(freed, [false, true, true], "what is older than a day is nobody's");
    assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
    // What was told as refused more than a day ago is not looked at again.
    let (_site, engine, folder, now) = stopped_clock().await;
    let seat = seats.first().unwrap();
    let before = now - day - TimeDelta::hours(1);
    refused(&engine, &folder, seat, (before, before)).await;
    assert!(!is_any(&engine).await.unwrap());
}

/// An open attempt is settled by what the site shows, and found to be so by a poll.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_attempt_is_looked_at_after_a_poll() {
    let (site, engine, folder, now) = stopped_clock().await;
    let seat = &seats(&site, 1)[0];
    let number = note(&engine, &folder, now, Entry::Intent(intent(seat))).await;
    assert!(is_any(&engine).await.unwrap());
    assert!(site.control().remove_seat(&seat.id.to_string()));
    after_poll(&engine, Patience::ONCE).await.unwrap();
    let last = outcome(&engine, number).await.unwrap();
    assert_eq!((&last.result, last.evidence.late), (&SeatResult::Freed, true));
    assert!(!is_any(&engine).await.unwrap());
}

/// Another site lacks the seat, and that says nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_settles_nothing() {
    let (site, engine, folder, now) = stopped_clock().await;
    let name = &engine.site.name;
    let other = SiteIdentity { nodes: vec!["another".to_owned()], ..SiteIdentity::default() };
    assert!(!engine.store.meet_site(name, other).await.unwrap());
    let seats = seats(&site, 2);
    for seat in &seats {
        note(&engine, &folder, now, Entry::Intent(intent(seat))).await;
        assert!(site.control().remove_seat(&seat.id.to_string()));
    }
    assert_eq!(settle(&engine, Patience::ONCE).await.unwrap(), 2, "both are left");
    assert_eq!(engine.store.unsettled(name).await.unwrap().len(), 2);
}

/// After three that can't be read the others are not even tried; all are left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_read_is_left_and_counted() {
    let (site, engine, folder, now) = stopped_clock().await;
    let seats = seats(&site, 5);
    for seat in &seats {
        note(&engine, &folder, now, Entry::Intent(intent(seat))).await;
    }
    let broken = FaultRule::on(
        "/qrs/license",
        Fault::Status { code: 500, html: false, retry_after_seconds: None },
    );
    site.control().set_fault(broken);
    assert_eq!(settle(&engine, Patience::ONCE).await.unwrap(), 5);
    let asked = site.control().requests();
    let tried = |seat: &&Seat| asked.iter().any(|of| of.path.contains(&seat.id.to_string()));
    assert_eq!(seats.iter().filter(tried).count(), 3);
    site.control().clear_faults();
    for seat in &seats {
        assert!(site.control().remove_seat(&seat.id.to_string()));
    }
    assert_eq!(settle(&engine, Patience::ONCE).await.unwrap(), 0);
}

/// The seat is as it was, and nobody knows whether the request left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_open_is_counted() {
    let (site, engine, folder, now) = stopped_clock().await;
    let seats = seats(&site, 2);
    for seat in &seats {
        note(&engine, &folder, now, Entry::Intent(intent(seat))).await;
    }
    for _ in 0..2 {
        assert_eq!(settle(&engine, Patience::ONCE).await.unwrap(), 2);
    }
    assert_eq!(engine.store.unsettled(&engine.site.name).await.unwrap().len(), 2);
    assert!(is_any(&engine).await.unwrap());
}
