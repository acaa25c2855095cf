//! What goes when, and what happens around it.

use super::*;

/// A poll every six hours on each of some days of January.
async fn fill(t: &Bench, days: std::ops::RangeInclusive<u32>) {
    for day in days {
        let samples: Vec<_> = (0..4)
            .map(|n| (format!("2027-01-{day:02}T{:02}:30:00Z", n * 6), f64::from(day * 10 + n)))
            .collect();
        let samples: Vec<_> = samples.iter().map(|(text, value)| (&**text, *value)).collect();
        keep(&t.store, &samples).await;
    }
}

#[tokio::test]
async fn polls_hours_and_days_go_when_their_time_is_over_and_the_rest_stays_the_same() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    fill(&t, 2..=14).await;
    let days = show(&t.store, Resolution::Day, Tz::UTC).await;
    let hours = show(&t.store, Resolution::Hour, Tz::UTC).await;
    t.maintain_all(SHORT, Tz::UTC).await;
    assert_eq!(show(&t.store, Resolution::Day, Tz::UTC).await, days);
    let kept = everything(&t.store, "allocated", Resolution::Hour).await;
    assert_eq!(kept.first().unwrap().start, time("2027-01-10T00:00:00Z"));
    assert!(hours.ends_with(&show(&t.store, Resolution::Hour, Tz::UTC).await));
    let kept = everything(&t.store, "allocated", Resolution::Raw).await;
    assert_eq!(kept.first().unwrap().start, time("2027-01-13T00:30:00Z"));
    t.advance_to("2027-01-26T08:00:00Z");
    t.maintain_all(SHORT, Tz::UTC).await;
    let kept = everything(&t.store, "allocated", Resolution::Day).await;
    assert_eq!(kept.first().unwrap().start, time("2027-01-06T00:00:00Z"));
    assert_eq!((t.rows("history_hour"), t.rows("history_raw")), (0, 0));
}

#[tokio::test]
async fn a_clock_that_is_wrong_for_a_while_does_not_empty_the_history() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    fill(&t, 2..=14).await;
    t.maintain(RETENTION, Tz::UTC).await;
    t.advance_to("2041-06-01T00:00:00Z");
    t.maintain(RETENTION, Tz::UTC).await;
    let count = async |resolution| everything(&t.store, "allocated", resolution).await.len();
    // One day of each.
    assert_eq!(count(Resolution::Raw).await, 12 * 4);
    assert_eq!(count(Resolution::Hour).await, 12 * 4);
    assert_eq!(count(Resolution::Day).await, 12);
    t.advance_to("2027-01-15T09:00:00Z");
    keep(&t.store, &[("2027-01-15T09:00:00Z", 7.0)]).await;
    assert_eq!(count(Resolution::Raw).await, 12 * 4 + 1);
    assert_eq!(t.maintain(RETENTION, Tz::UTC).await.deleted, 0);
}

#[tokio::test]
async fn polls_of_final_hours_and_days_are_still_counted_once() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    fill(&t, 2..=14).await;
    t.maintain_all(SHORT, Tz::UTC).await;
    let raw = t.rows("history_raw");
    // In an hour that is there, in one that is not, in one whose time is over.
    let late = [
        ("2027-01-11T00:10:00Z", 5.0),
        ("2027-01-11T02:10:00Z", 500.0),
        ("2027-01-05T01:10:00Z", 1.0),
    ];
    keep(&t.store, &late).await;
    // The same again, as after an unclear answer.
    keep(&t.store, &late[1..2]).await;
    assert_eq!(t.rows("history_raw"), raw);
    t.maintain_all(SHORT, Tz::UTC).await;
    let hours = show(&t.store, Resolution::Hour, Tz::UTC).await;
    let of_11: Vec<_> = hours.lines().filter(|line| line.starts_with("01-11")).collect();
    insta::assert_snapshot!(of_11.join("\n"), @r"
    01-11 00:00:00 min 5 mean 57.5 max 110 last 110 of 2
    01-11 02:00:00 min 500 mean 500 max 500 last 500 of 1
    01-11 06:00:00 min 111 mean 111 max 111 last 111 of 1
    01-11 12:00:00 min 112 mean 112 max 112 last 112 of 1
    01-11 18:00:00 min 113 mean 113 max 113 last 113 of 1
    ");
    let days = show(&t.store, Resolution::Day, Tz::UTC).await;
    let late: Vec<_> =
        days.lines().filter(|d| d.starts_with("01-11") || d.starts_with("01-05")).collect();
    insta::assert_snapshot!(late.join("\n"), @r"
    01-05 00:00:00 min 1 mean 41.4 max 53 last 53 of 5
    01-11 00:00:00 min 5 mean 158.5 max 500 last 113 of 6
    ");
    assert!(!hours.contains("01-05"));
}

#[tokio::test]
async fn where_days_begin_between_two_hours_nothing_is_counted_twice() {
    let zone = chrono_tz::Asia::Kolkata;
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    let all: Vec<_> = (0..10 * 48)
        .map(|n| Sample {
            time: time("2027-01-03T18:30:00Z") + TimeDelta::minutes(30 * n),
            ..sample("2027-01-03T18:30:00Z", n as f64)
        })
        .collect();
    t.maintain(SHORT, zone).await;
    t.store.keep_samples("a", all).await.unwrap();
    let days = show(&t.store, Resolution::Day, zone).await;
    let hours = show(&t.store, Resolution::Hour, zone).await;
    t.maintain_all(SHORT, zone).await;
    assert_eq!(show(&t.store, Resolution::Day, zone).await, days);
    assert!(hours.ends_with(&show(&t.store, Resolution::Hour, zone).await));
    // 18:00 to 18:30 UTC is in the last final day, and its hour is not final: again, corrected, new.
    let first = everything(&t.store, "allocated", Resolution::Raw).await[0];
    assert_eq!(first.start, time("2027-01-12T18:00:00Z"));
    keep(
        &t.store,
        &[
            ("2027-01-12T18:00:00Z", first.last),
            ("2027-01-12T18:00:00Z", first.last + 1000.0),
            ("2027-01-12T18:10:00Z", 2000.0),
        ],
    )
    .await;
    for _ in 0..2 {
        let line = |text: &str, start: &str| {
            text.lines().find(|line| line.starts_with(start)).unwrap().to_owned()
        };
        let day = line(&show(&t.store, Resolution::Day, zone).await, "01-12 00:00:00");
        let hour = line(&show(&t.store, Resolution::Hour, Tz::UTC).await, "01-12 18:00:00");
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{day}\n{hour}"), @r"
            01-12 00:00:00 min 384 mean 460.40816326530614 max 2000 last 2000 of 49
            01-12 18:00:00 min 432 mean 1287.6666666666667 max 2000 last 432 of 3
            ");
        }
        t.maintain_all(SHORT, zone).await;
    }
}

#[tokio::test]
async fn a_maintenance_that_is_cut_short_anywhere_loses_and_doubles_nothing() {
    use std::sync::atomic::Ordering::SeqCst;

    let t = Bench::at("2027-01-15T08:00:00Z").await;
    fill(&t, 2..=14).await;
    let days = show(&t.store, Resolution::Day, Tz::UTC).await;
    let hours = show(&t.store, Resolution::Hour, Tz::UTC).await;
    let left = &t.store.shared.gate.writes_left;
    let mut runs = 0;
    for steps in 0.. {
        // Goes on where the last one was cut short, as after a kill and a new start.
        left.store(steps % 9, SeqCst);
        let ended = t.store.maintain_history(SHORT, Tz::UTC).await.is_ok();
        left.store(usize::MAX, SeqCst);
        assert_eq!(show(&t.store, Resolution::Day, Tz::UTC).await, days, "{steps}");
        assert!(hours.ends_with(&show(&t.store, Resolution::Hour, Tz::UTC).await), "{steps}");
        runs += 1;
        if ended {
            break;
        }
        assert!(steps < 1000, "it never ends");
    }
    assert!(runs > 10, "{runs}");
    t.maintain_all(SHORT, Tz::UTC).await;
    assert_eq!(show(&t.store, Resolution::Day, Tz::UTC).await, days);
    assert_eq!(t.rows("history_raw"), 2 * 4);
}

#[tokio::test]
async fn one_run_cut_short_at_each_of_its_steps() {
    use std::sync::atomic::Ordering::SeqCst;

    for steps in 0.. {
        let t = Bench::at("2027-01-15T08:00:00Z").await;
        fill(&t, 9..=14).await;
        let days = show(&t.store, Resolution::Day, Tz::UTC).await;
        t.store.shared.gate.writes_left.store(steps, SeqCst);
        let ended = t.store.maintain_history(SHORT, Tz::UTC).await.is_ok();
        t.store.shared.gate.writes_left.store(usize::MAX, SeqCst);
        // A late one meets every state, too.
        keep(&t.store, &[("2027-01-09T03:00:00Z", 1.0)]).await;
        t.maintain_all(SHORT, Tz::UTC).await;
        let (after, late) = (show(&t.store, Resolution::Day, Tz::UTC).await, "of 5\n");
        assert_eq!(after.split_once(late).unwrap().1, days.split_once("of 4\n").unwrap().1);
        assert!(after.starts_with("01-09 00:00:00 min 1 mean 73.4 max 93 last 93 of 5"), "{after}");
        if ended {
            assert!(steps > 10, "{steps}");
            break;
        }
    }
}

/// What is kept at once is what would be there if it had been kept poll by poll.
#[tokio::test]
async fn a_past_is_kept_as_if_it_had_been_polled() {
    for zone in [Tz::UTC, chrono_tz::Europe::Stockholm, chrono_tz::Asia::Kolkata] {
        let (from, now) = (time("2026-12-20T00:00:00Z"), "2027-01-15T08:10:00Z");
        let polls = || {
            let times = (0..).map(move |n| (n, from + TimeDelta::minutes(20 * n)));
            let times = times.take_while(move |(_, at)| *at < time(now));
            times
                .map(|(n, at)| (at, [(n * 7 % 50) as f64, if n % 3 == 0 { 1.0 } else { f64::NAN }]))
        };
        let figures = [("professional", "allocated"), ("professional", "used")];
        let (one, all) = (Bench::at(now).await, Bench::at(now).await);
        for t in [&one, &all] {
            t.maintain(SHORT, zone).await;
        }
        let samples = polls().flat_map(|(at, values)| {
            figures.into_iter().zip(values).map(move |((pool, field), value)| Sample {
                time: at,
                pool: pool.into(),
                field: field.into(),
                value,
            })
        });
        one.store.keep_samples("a", samples.collect()).await.unwrap();
        all.store.keep_past("a", figures, SHORT, polls()).await.unwrap();
        for t in [&one, &all] {
            t.maintain_all(SHORT, zone).await;
        }
        for field in ["allocated", "used"] {
            for resolution in [Resolution::Raw, Resolution::Hour, Resolution::Day] {
                let kept = show_field(&all.store, field, resolution, zone).await;
                let polled = show_field(&one.store, field, resolution, zone).await;
                assert!(!polled.is_empty());
                assert_eq!(kept, polled, "{field} {resolution:?} {zone}");
            }
        }
        for table in ["history_raw", "history_hour", "history_day"] {
            assert_eq!(all.rows(table), one.rows(table), "{table} {zone}");
        }
    }
}
