//! History in a store, through the questions that commands, reports and alerts ask.

use bursar::config::Settings;
use bursar::insight::forecast::RunsOut;
use bursar::ledger::SeatResult;
use bursar::license::{Moment, Person, Seat, SeatType};
use bursar::planning::{Planning, outlook};
use bursar::store::history::Sample;
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::years;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

async fn bench(sites: &[&str], more: &str) -> (TempDir, Settings, Store) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(folder.path(), sites, more)).unwrap();
    let settings = match bursar::config::load(&file) {
        Ok(loaded) => loaded.settings,
        Err(problems) => panic!("{problems}"),
    };
    let store = years::open(&settings.storage.path, now()).await;
    (folder, settings, store)
}

/// 20 to 30 users in four months of 30.4375 days, of 98 seats: 2.5 a month, 68 free.
async fn worked_example(store: &Store, site: &str) {
    let month = bursar::insight::DAYS_PER_MONTH;
    let seats = |n: i64| Some((20.0 + n as f64 * 2.5 / month, 98.0));
    // The 122nd day is 121.75 days after the first, as near as days go.
    years::keep_days(store, site, "analyzer", (day("2026-11-24"), 123), |n| {
        seats(n).map(|(taken, total)| (taken.min(30.0), total))
    })
    .await;
    years::roll_up(store, chrono_tz::UTC).await;
}

#[tokio::test]
async fn the_worked_example_comes_out() {
    let (_folder, settings, store) = bench(&[], "").await;
    worked_example(&store, "default").await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let forecast = planning.forecast(SeatType::Analyzer).unwrap().as_ref().unwrap();
    assert_eq!((forecast.taken, forecast.free), (30.0, 68.0));
    assert!((forecast.growth.per_month.middle - 2.5).abs() < 0.01, "{forecast:?}");
    assert!((forecast.months_at_growth.unwrap() - 27.2).abs() < 0.2, "{forecast:?}");
    assert!(planning.forecast(SeatType::Professional).is_none());
    assert_eq!(planning.reclaimable(SeatType::Analyzer), None, "never zero");

    let outlook = outlook(&planning);
    assert_eq!(outlook.types.len(), 1);
    let analyzer = &outlook.types[0];
    assert_eq!(analyzer.free, Some(68.0));
    assert!(matches!(analyzer.runs_out, Ok(RunsOut::Between { .. })));
    assert!(analyzer.earliest.unwrap() > day("2028-06-01"), "{analyzer:?}");
    assert!(outlook.capacity.is_none() && outlook.cost.is_none());
}

#[tokio::test]
async fn releases_are_added_back_unless_they_were_undone() {
    let (_folder, settings, store) = bench(&["oslo"], "").await;
    years::keep_days(&store, "oslo", "analyzer", (day("2026-11-24"), 100), |_| Some((50.0, 98.0)))
        .await;
    let freed = || SeatResult::Freed;
    for n in 0..3 {
        years::attempt(&store, "oslo", SeatType::Analyzer, years::person(n, "a"), freed()).await;
    }
    let back = SeatResult::Allocated;
    years::attempt(&store, "oslo", SeatType::Analyzer, years::person(1, "a"), back).await;
    let refused = SeatResult::Refused { why: "no".into() };
    years::attempt(&store, "oslo", SeatType::Analyzer, years::person(7, "a"), refused).await;
    years::attempt(&store, "bergen", SeatType::Analyzer, years::person(8, "a"), freed()).await;
    // No poll has shown them yet: the figures still have them, and so does the line.
    let before = Planning::load(&store, &settings, "oslo", now()).await.unwrap();
    assert_eq!(before.pool(SeatType::Analyzer).unwrap().released, []);
    let polled = now() + TimeDelta::minutes(1);
    store.keep_samples("oslo", years::seats("analyzer", polled, 48.0, 98.0)).await.unwrap();
    let planning = Planning::load(&store, &settings, "oslo", polled).await.unwrap();
    let released = &planning.pool(SeatType::Analyzer).unwrap().released;
    assert_eq!(released.len(), 1);
    assert_eq!((released[0].day, released[0].count), (day("2026-11-24"), 2));
    assert_eq!(planning.released.iter().filter(|seats| seats.until.is_some()).count(), 1);
    let attempts = store.attempts("oslo").await.unwrap();
    assert_eq!(attempts.len(), 5);
    assert_eq!(attempts[0].because.as_deref(), Some("idle for 43 days (threshold 30)"));
}

#[tokio::test]
async fn minutes_of_another_month_say_nothing_of_this_one() {
    let (_folder, settings, store) = bench(&[], "").await;
    let poll = |text: &str, used| years::minutes(text.parse().unwrap(), used, 10_000.0);
    store.keep_samples("default", poll("2026-10-31T12:00:00Z", 9_000.0)).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    assert_eq!(planning.capacity(), None);
    // Nothing is known of the weekdays: the first ten days say nothing.
    store.keep_samples("default", poll("2026-11-10T12:00:00Z", 4_000.0)).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    assert!(planning.capacity().unwrap().projected.is_err());
    // A poll of a week ago: the pace is that of its time.
    store.keep_samples("default", poll("2026-11-16T12:00:00Z", 4_000.0)).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let capacity = planning.capacity().unwrap();
    assert_eq!((capacity.used, capacity.usable), (4_000.0, 10_000.0));
    assert!((capacity.gone_percent - 15.5 / 30.0 * 100.0).abs() < 0.01, "{capacity:?}");
    assert!((capacity.projected.unwrap().used - 4_000.0 / 15.5 * 30.0).abs() < 1.0);
}

#[tokio::test]
async fn tokens_are_taken_by_users_and_logins_together() {
    let (_folder, settings, store) = bench(&[], "").await;
    let sample = |field: &'static str, value| bursar::store::history::Sample {
        time: now(),
        pool: "tokens_available".into(),
        field: field.into(),
        value,
    };
    let samples = vec![sample("total_tokens", 100.0), sample("available_tokens", 40.0)];
    store.keep_samples("default", samples).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let current = planning.current(SeatType::User).unwrap();
    assert_eq!((current.taken, current.entitled, current.percent), (60.0, Some(100.0), Some(60.0)));
}

#[tokio::test]
async fn cost_leaves_out_what_is_not_known() {
    let prices = "  cost:\n    currency: EUR\n    budgetPerYear: 50000\n    analyzer: {perSeatPerYear: 500}\n    professional: {perSeatPerYear: 900}\n";
    let (_folder, settings, store) = bench(&[], prices).await;
    worked_example(&store, "default").await;
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let cost = planning.cost().unwrap();
    assert_eq!(cost.entitled.to_string(), "49,000.00 EUR");
    assert_eq!(cost.allocated.to_string(), "15,000.00 EUR");
    assert_eq!((cost.active, cost.reclaimable, cost.per_active_person), (None, None, None));
    assert_eq!(cost.next_year.to_pay.high.to_string(), "49,000.00 EUR");
    let json = serde_json::to_value(&cost).unwrap();
    assert_eq!(json["byType"][0]["reclaimable"], serde_json::Value::Null);
    assert_eq!(json["budget"]["verdict"], "within");
}

#[tokio::test]
async fn a_site_without_history_has_no_answers_and_no_errors() {
    let (_folder, settings, store) = bench(&["oslo", "bergen"], "").await;
    worked_example(&store, "oslo").await;
    let planning = Planning::load(&store, &settings, "bergen", now()).await.unwrap();
    assert!(planning.pools.is_empty() && planning.cost().is_none());
    assert!(outlook(&planning).types.is_empty());
}

#[tokio::test]
async fn reading_neither_makes_nor_changes_a_store() {
    let (folder, settings, store) = bench(&[], "").await;
    worked_example(&store, "default").await;
    store.close().await;
    let path = &settings.storage.path;
    let before = std::fs::read(path).unwrap();
    let reader = crate::support::store::open_to_read(path, settings.storage.outbox).await.unwrap();
    let planning = Planning::load(&reader, &settings, "default", now()).await.unwrap();
    assert_eq!(planning.pools.len(), 1);
    assert!(reader.keep_samples("default", years::minutes(now(), 1.0, 2.0)).await.is_err());
    reader.close().await;
    assert!(std::fs::read(path).unwrap() == before);

    let missing = folder.path().join("other.db");
    crate::support::store::open_to_read(&missing, settings.storage.outbox).await.unwrap_err();
    assert!(!missing.exists());
    // The first format had no ledger and no history.
    let older = folder.path().join("older.db");
    let db = crate::support::store::database(&older);
    db.execute_batch(
        "PRAGMA application_id = 0x42727372; PRAGMA user_version = 1; CREATE TABLE a (b);",
    )
    .unwrap();
    drop(db);
    let error =
        crate::support::store::open_to_read(&older, settings.storage.outbox).await.unwrap_err();
    assert!(error.to_string().contains("start the daemon (bursar run) once"), "{error}");
}

/// 30 Analyzer seats: 18 used yesterday, 12 idle for 60 days, of which a rule keeps one and of one the
/// user is not known; person 1 got a seat again after its release, person 2 did not.
#[tokio::test]
async fn the_list_of_seats_tells_who_is_active_and_idle() {
    let more = "    licenseRelease: {neverRelease: {tag: [keep]}}\n  cost:\n    currency: EUR\n    \
                analyzer: {perSeatPerYear: 365}\n";
    let (_folder, settings, store) = bench(&[], more).await;
    worked_example(&store, "default").await;
    let before = now() - TimeDelta::days(100);
    let store_then = years::open(&settings.storage.path, before).await;
    for n in [1, 2] {
        let person = years::person(n, "a");
        let freed = SeatResult::Freed;
        years::attempt(&store_then, "default", SeatType::Analyzer, person, freed).await;
    }
    let seat = |n: u128| Seat {
        id: Uuid::from_u128(n),
        seat_type: SeatType::Analyzer,
        // Person 2 has none.
        holder: Some(years::person(if n == 2 { 99 } else { n }, "a").into()),
        deleted_user: None,
        // Person 1 got it 60 days after the release.
        created: Moment::At(now() - TimeDelta::days(if n == 1 { 40 } else { 200 })),
        last_used: Moment::At(now() - TimeDelta::days(if n <= 18 { 1 } else { 60 })),
        excess: false,
        quarantined: None,
    };
    let whole = |n: u128| Person {
        id: Uuid::from_u128(n),
        directory: "CORP".into(),
        user_id: "a".into(),
        name: "".into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: if n == 19 { vec!["keep".into()] } else { Vec::new() },
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    };
    let reading = SeatReading {
        time: now(),
        lists: vec![(SeatType::Analyzer, (1..=30).map(seat).collect())],
        changes: Vec::new(),
        people: (19..=29).map(whole).collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let counts = planning.seat_counts(SeatType::Analyzer).unwrap();
    assert_eq!((counts.active, counts.idle, counts.reclaimable, counts.undecided), (18, 12, 10, 1));
    assert_eq!(planning.reclaimable(SeatType::Analyzer), Some(10));
    // A site whose clock runs ahead of ours: no use is in the future then.
    let behind = now() - TimeDelta::days(2);
    let slow = Planning::load(&store, &settings, "default", behind).await.unwrap();
    assert_eq!(slow.seat_counts(SeatType::Analyzer), Some(counts));
    assert_eq!(planning.reclaimable(SeatType::Professional), None, "that list was never read");
    let cost = planning.cost().unwrap();
    assert_eq!(cost.active.unwrap().to_string(), "6,570.00 EUR");
    assert_eq!(cost.reclaimable.unwrap().to_string(), "3,650.00 EUR");
    assert_eq!(cost.per_active_person.unwrap().to_string(), "1,987.22 EUR");
    // One euro a day: person 1's seat for 59 days until it came back, person 2's for all 100.
    assert_eq!(cost.saved.amount.to_string(), "159.00 EUR");
    // Of the last ten days: all of it by what was released long before; of a year nothing.
    let today = planning.today;
    let ten = (today - TimeDelta::days(9), today);
    let year = (today - TimeDelta::days(364), today);
    let amounts = |range| {
        let all = planning.saved(range).unwrap().amount.to_string();
        (all, planning.saved_by_earlier(range).unwrap().amount.to_string())
    };
    assert_eq!(amounts(ten), ("10.00 EUR".to_owned(), "10.00 EUR".to_owned()));
    assert_eq!(amounts(year), ("159.00 EUR".to_owned(), "0.00 EUR".to_owned()));
    let released = &planning.pool(SeatType::Analyzer).unwrap().released;
    assert_eq!(released.iter().map(|seats| seats.count).sum::<u32>(), 2, "in growth both count");
    let forecast = planning.forecast(SeatType::Analyzer).unwrap().as_ref().unwrap();
    assert_eq!(forecast.reclaimable, 10);
    // Released since the list and the figures were read: it is not released once more in them.
    let later = now() + TimeDelta::minutes(5);
    let store_later = years::open(&settings.storage.path, later).await;
    let person = years::person(20, "a");
    years::attempt(&store_later, "default", SeatType::Analyzer, person, SeatResult::Freed).await;
    let after = Planning::load(&store, &settings, "default", later).await.unwrap();
    assert_eq!(after.reclaimable(SeatType::Analyzer), Some(9));
    let then = after.forecast(SeatType::Analyzer).unwrap().as_ref().unwrap();
    assert_eq!((then.taken, then.runs_out), (forecast.taken, forecast.runs_out));
    assert!(
        forecast.runs_out_after_release.earliest(forecast.today)
            > forecast.runs_out.earliest(forecast.today)
    );
}

/// 98 entitled, 30 allocated and 68 in quarantine: nothing can be given out.
#[tokio::test]
async fn seats_in_quarantine_are_not_free() {
    let (_folder, settings, store) = bench(&[], "").await;
    worked_example(&store, "default").await;
    let sample = |field: &'static str, value| Sample {
        time: years::noon(day("2026-11-24")),
        pool: "analyzer".into(),
        field: field.into(),
        value,
    };
    let samples = vec![sample("available", 0.0), sample("quarantined", 68.0)];
    store.keep_samples("default", samples).await.unwrap();
    let planning = Planning::load(&store, &settings, "default", now()).await.unwrap();
    let free = planning.current(SeatType::Analyzer).unwrap().free;
    let outlook = outlook(&planning);
    let view = planning.forecast_view(SeatType::Analyzer, 12).unwrap().unwrap();
    assert_eq!((free, outlook.types[0].free, view.free), (Some(0.0), Some(0.0), 0.0));
    assert_eq!((view.runs_out, view.in_words.as_str()), (RunsOut::Already, "none are free now"));
    assert_eq!(outlook.types[0].quarantined, Some(68.0));
}
