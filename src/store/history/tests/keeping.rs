//! What is kept of polls, and what is answered.

use super::*;
use crate::event::{Body, Event};
use crate::store::samples::{at, server_status};

#[tokio::test]
async fn a_poll_is_kept_with_its_event_even_when_no_destination_wants_it() {
    let t = Bench::new(100).await;
    let event = Event::new("a", at(0), Body::AccessLicenseStatus(pools(40.0)));
    t.store.record(vec![(event, vec![]), (server_status("a", 0), vec![])]).await.unwrap();
    assert_eq!(t.rows("event"), 0);
    let found = show(&t.store, Resolution::Raw, Tz::UTC).await;
    assert_eq!(found, "01-15 08:00:00 min 40 mean 40 max 40 last 40 of 1\n");
    let names: Vec<_> = t.store.history_series(None).await.unwrap();
    let names: Vec<_> =
        names.iter().map(|s| format!("{} {} {}", s.site, s.pool, s.field)).collect();
    assert_eq!(
        names,
        [
            "a professional allocated",
            "a professional available",
            "a professional excess",
            "a professional quarantined",
            "a professional total",
            "a professional used",
            "a server_license state",
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_leaves_no_history() {
    let t = Bench::new(100).await;
    let drop_table = |db: &Connection| db.execute_batch("DROP TABLE delivery");
    t.store.shared.gate.read("break", drop_table).await.unwrap();
    let event = Event::new("a", at(0), Body::AccessLicenseStatus(pools(40.0)));
    assert!(t.store.record(vec![(event, vec!["x".into()])]).await.is_err());
    assert_eq!(t.rows("history_raw"), 0);
    assert_eq!(t.store.latest().await.unwrap(), []);
}

#[tokio::test]
async fn the_same_second_is_replaced_and_what_is_no_number_left_out() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    keep(&t.store, &[("2027-01-15T07:00:00Z", 1.0), ("2027-01-15T07:00:00.9Z", 2.0)]).await;
    keep(&t.store, &[("2027-01-15T07:00:00Z", 3.5)]).await;
    let bad = [f64::NAN, f64::INFINITY].map(|value| sample("2027-01-15T07:30:00Z", value));
    t.store.keep_samples("a", bad.to_vec()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            show(&t.store, Resolution::Hour, Tz::UTC).await,
            "01-15 07:00:00 min 3.5 mean 3.5 max 3.5 last 3.5 of 1\n"
        );
        t.maintain(RETENTION, Tz::UTC).await;
    }
}

#[tokio::test]
async fn hours_and_days_are_answered_before_and_after_they_are_rolled_up() {
    let t = Bench::at("2027-01-15T07:59:00Z").await;
    keep(
        &t.store,
        &[
            ("2027-01-14T22:59:59Z", 10.0),
            ("2027-01-14T23:00:00Z", 20.0),
            ("2027-01-15T07:10:00Z", 50.0),
            ("2027-01-15T07:05:00Z", 30.0),
            ("2027-01-15T07:20:00Z", 40.0),
        ],
    )
    .await;
    let zone = chrono_tz::Europe::Stockholm;
    t.maintain(RETENTION, zone).await;
    for hour in 0..2 {
        let hours = show(&t.store, Resolution::Hour, Tz::UTC).await;
        let days = show(&t.store, Resolution::Day, zone).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(hours, @r"
            01-14 22:00:00 min 10 mean 10 max 10 last 10 of 1
            01-14 23:00:00 min 20 mean 20 max 20 last 20 of 1
            01-15 07:00:00 min 30 mean 40 max 50 last 40 of 3
            ");
            insta::assert_snapshot!(days, @r"
            01-14 00:00:00 min 10 mean 10 max 10 last 10 of 1
            01-15 00:00:00 min 20 mean 35 max 50 last 40 of 4
            ");
        }
        t.advance(HOUR * (hour * 48 + 1));
        t.maintain(RETENTION, zone).await;
    }
    assert_eq!(t.rows("history_day"), 2);
    assert_eq!(t.rows("history_dirty"), 0);
}

#[tokio::test]
async fn a_poll_that_comes_late_is_counted_where_it_belongs() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    keep(&t.store, &[("2027-01-10T10:00:00Z", 1.0)]).await;
    t.maintain(RETENTION, Tz::UTC).await;
    keep(&t.store, &[("2027-01-10T10:30:00Z", 5.0), ("2027-01-10T09:30:00Z", 9.0)]).await;
    for _ in 0..2 {
        let hours = show(&t.store, Resolution::Hour, Tz::UTC).await;
        let days = show(&t.store, Resolution::Day, Tz::UTC).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(hours, @r"
            01-10 09:00:00 min 9 mean 9 max 9 last 9 of 1
            01-10 10:00:00 min 1 mean 3 max 5 last 5 of 2
            ");
            insta::assert_snapshot!(days, @r"01-10 00:00:00 min 1 mean 5 max 9 last 5 of 3");
        }
        t.maintain(RETENTION, Tz::UTC).await;
    }
}

#[tokio::test]
async fn a_range_takes_what_begins_in_it() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    keep(&t.store, &[("2027-01-10T10:00:00Z", 1.0), ("2027-01-10T11:59:59Z", 2.0)]).await;
    let count = async |resolution, from: &str, to: &str| {
        let (from, to) = (time(from), time(to));
        let all = t.store.history("a", "professional", "allocated", resolution, from, to).await;
        all.unwrap().len()
    };
    for (resolution, from, to, expected) in [
        (Resolution::Raw, "2027-01-10T10:00:00Z", "2027-01-10T11:59:59Z", 1),
        (Resolution::Raw, "2027-01-10T10:00:00.001Z", "2027-01-10T11:59:59.001Z", 1),
        (Resolution::Hour, "2027-01-10T10:00:00Z", "2027-01-10T11:00:00Z", 1),
        (Resolution::Hour, "2027-01-10T10:00:01Z", "2027-01-10T11:00:01Z", 1),
        (Resolution::Hour, "2027-01-10T10:00:01Z", "2027-01-10T11:00:00Z", 0),
        (Resolution::Day, "2027-01-10T00:00:00Z", "2027-01-11T00:00:00Z", 1),
        (Resolution::Day, "2027-01-10T00:00:01Z", "2027-01-11T00:00:00Z", 0),
        (Resolution::Day, "2027-01-12T00:00:00Z", "2027-01-11T00:00:00Z", 0),
    ] {
        assert_eq!(count(resolution, from, to).await, expected, "{resolution:?} {from} {to}");
    }
    for (site, pool, field) in [("b", "professional", "allocated"), ("a", "analyzer", "allocated")]
    {
        let (from, to) = (time("2000-01-01T00:00:00Z"), time("2100-01-01T00:00:00Z"));
        let all = t.store.history(site, pool, field, Resolution::Day, from, to).await.unwrap();
        assert_eq!(all, []);
    }
}

#[tokio::test]
async fn days_have_23_and_25_hours_when_the_clocks_change() {
    let zone = chrono_tz::Europe::Stockholm;
    let t = Bench::at("2027-11-15T08:00:00Z").await;
    let mut samples = Vec::new();
    for begin in ["2027-03-27T22:00:00Z", "2027-10-30T22:00:00Z"] {
        for hour in 0..49 {
            let time = time(begin) + TimeDelta::hours(hour);
            samples.push(Sample { time, ..sample(begin, hour as f64) });
        }
    }
    t.maintain(RETENTION, zone).await;
    t.store.keep_samples("a", samples).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(show(&t.store, Resolution::Day, zone).await);
        t.maintain(RETENTION, zone).await;
    }
    assert_eq!(seen[0], seen[1]);
    insta::assert_snapshot!(seen[0], @r"
    03-27 00:00:00 min 0 mean 0 max 0 last 0 of 1
    03-28 00:00:00 min 1 mean 12 max 23 last 23 of 23
    03-29 00:00:00 min 24 mean 35.5 max 47 last 47 of 24
    03-30 00:00:00 min 48 mean 48 max 48 last 48 of 1
    10-31 00:00:00 min 0 mean 12 max 24 last 24 of 25
    11-01 00:00:00 min 25 mean 36.5 max 48 last 48 of 24
    ");
    assert_eq!(everything(&t.store, "allocated", Resolution::Hour).await.len(), 98);
}

#[tokio::test]
async fn another_time_zone_makes_the_days_anew_as_far_as_their_polls_are_kept() {
    let t = Bench::at("2027-01-12T12:00:00Z").await;
    let hours: Vec<_> = (0..9 * 24)
        .map(|h| Sample {
            time: time("2027-01-02T00:00:00Z") + TimeDelta::hours(h),
            ..sample("2027-01-02T00:00:00Z", (h / 24) as f64)
        })
        .collect();
    t.store.keep_samples("a", hours).await.unwrap();
    t.maintain_all(HistoryRetention { raw_days: 5, ..RETENTION }, Tz::UTC).await;
    let zone = chrono_tz::Asia::Kolkata;
    t.maintain_all(HistoryRetention { raw_days: 5, ..RETENTION }, zone).await;
    // Until the 7th those of the old zone, from the 8th those of the new one.
    insta::assert_snapshot!(show(&t.store, Resolution::Day, zone).await, @r"
    01-02 00:00:00 min 0 mean 0 max 0 last 0 of 24
    01-03 00:00:00 min 1 mean 1 max 1 last 1 of 24
    01-04 00:00:00 min 2 mean 2 max 2 last 2 of 24
    01-05 00:00:00 min 3 mean 3 max 3 last 3 of 24
    01-06 00:00:00 min 4 mean 4 max 4 last 4 of 24
    01-07 00:00:00 min 5 mean 5 max 5 last 5 of 24
    01-08 00:00:00 min 5 mean 5.791666666666667 max 6 last 6 of 24
    01-09 00:00:00 min 6 mean 6.791666666666667 max 7 last 7 of 24
    01-10 00:00:00 min 7 mean 7.791666666666667 max 8 last 8 of 24
    01-11 00:00:00 min 8 mean 8 max 8 last 8 of 5
    ");
    let hours = everything(&t.store, "allocated", Resolution::Hour).await;
    assert!(hours.len() == 9 * 24 && hours.iter().all(|h| h.samples == 1));
}

#[tokio::test]
async fn first_and_last_sample_are_known() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    let ends = async || {
        let all = t.store.history_series(Some("a")).await.unwrap();
        let [series] = &all[..] else { panic!("{all:?}") };
        format!(
            "{} {}",
            series.first.format("%m-%d %H:%M:%S"),
            series.last.format("%m-%d %H:%M:%S")
        )
    };
    keep(&t.store, &[("2027-01-09T10:11:12Z", 1.0), ("2027-01-15T07:59:59Z", 2.0)]).await;
    assert_eq!(ends().await, "01-09 10:11:12 01-15 07:59:59");
    t.maintain(RETENTION, Tz::UTC).await;
    assert_eq!(ends().await, "01-09 10:11:12 01-15 07:59:59");
    t.maintain(HistoryRetention { raw_days: 1, ..RETENTION }, Tz::UTC).await;
    assert_eq!(ends().await, "01-09 10:00:00 01-15 07:59:59");
    t.maintain_all(HistoryRetention { raw_days: 1, hourly_days: 2, daily_days: 20 }, Tz::UTC).await;
    assert_eq!(ends().await, "01-09 00:00:00 01-15 07:59:59");
    assert_eq!(t.store.history_series(Some("b")).await.unwrap(), []);
}

#[tokio::test]
async fn gaps_are_where_polls_are_missing() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    // Every 5 minutes from the 9th, but not from 06:02 to 06:17 and not from 11:00 on the 10th
    // until 13:00 on the 12th.
    let all = (0..6 * 288).map(|n| time("2027-01-09T00:02:00Z") + TimeDelta::minutes(5 * n));
    let missing = [
        ("2027-01-09T06:02:01Z", "2027-01-09T06:16:00Z"),
        ("2027-01-10T11:00:00Z", "2027-01-12T13:00:00Z"),
    ];
    let there =
        all.filter(|at| !missing.iter().any(|(from, to)| (time(from)..time(to)).contains(at)));
    t.store.keep_pools("a", there.map(|at| (at, pools(1.0))).collect()).await.unwrap();
    // The server license alone is no answer of the pools.
    let other = Event::new("a", time("2027-01-11T00:00:00Z"), server_status("a", 0).body);
    t.store.record(vec![(other, vec![])]).await.unwrap();
    let gaps = async |from: &str, to: &str, minutes: u64| {
        let expected = Duration::from_secs(minutes * 60);
        let gaps = t.store.history_gaps("a", time(from), time(to), expected).await.unwrap();
        let text = |at: DateTime<Utc>| at.format("%dT%H:%M").to_string();
        gaps.iter().map(|gap| format!("{}-{}", text(gap.from), text(gap.to))).collect::<Vec<_>>()
    };
    let (from, to) = ("2027-01-09T00:00:00Z", "2027-01-20T00:00:00Z");
    let holes = ["09T06:02-09T06:17", "10T10:57-12T13:02", "14T23:57-15T08:00"];
    assert_eq!(gaps(from, to, 5).await, holes);
    assert_eq!(gaps(from, to, 60).await, holes[1..]);
    // A quarter of an hour: a poll each 10 minutes was late by half of that, one each 9 is missing.
    assert_eq!(gaps(from, to, 10).await, holes[1..]);
    assert_eq!(gaps(from, to, 9).await, holes);
    assert_eq!(gaps("2027-01-08T20:00:00Z", to, 60).await.first().unwrap(), "08T20:00-09T00:02");
    assert_eq!(
        gaps("2027-01-10T12:00:00Z", "2027-01-10T13:00:00Z", 5).await,
        ["10T12:00-10T13:00"]
    );
    t.maintain_all(HistoryRetention { raw_days: 1, ..RETENTION }, Tz::UTC).await;
    assert_eq!(gaps(from, to, 5).await, ["10T10:57-12T13:00", "14T23:57-15T08:00"]);
    t.maintain_all(HistoryRetention { raw_days: 1, hourly_days: 2, daily_days: 20 }, Tz::UTC).await;
    assert_eq!(gaps(from, to, 5).await, ["10T10:57-12T00:00", "14T23:57-15T08:00"]);
    let nothing = t.store.history_gaps("b", time(from), time(from) + TimeDelta::days(1), HOUR);
    assert_eq!(nothing.await.unwrap().len(), 1);
}
