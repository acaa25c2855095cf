//! Imports: what is taken, what is left, and that it makes no difference how often.

use std::ops::Range;

use proptest::prelude::*;

use super::calendar::{Calendar, hour_floor, number_of};
use super::*;

const ZONE: Tz = chrono_tz::Europe::Stockholm;
const KEPT: HistoryRetention = HistoryRetention { raw_days: 3, hourly_days: 8, daily_days: 30 };

/// A source that was polled at these times.
struct Butler(Vec<Sample>);

impl Butler {
    /// Every so many minutes, with the number of the poll as its figure.
    fn every(minutes: i64, from: &str, to: &str) -> Self {
        let (from, to) = (time(from), time(to));
        let count = (to - from).num_minutes() / minutes;
        let at = |n: i64| from + TimeDelta::minutes(n * minutes);
        Self((0..count).map(|n| Sample { time: at(n), ..sample(TIME, n as f64) }).collect())
    }

    fn without(mut self, from: &str, to: &str) -> Self {
        self.0.retain(|sample| !(time(from)..time(to)).contains(&sample.time));
        self
    }

    /// All there is of some days, as an importer has to give it.
    fn days(&self, days: Range<i64>, zone: Tz) -> Batch {
        let calendar = Calendar(zone);
        let span = hour_floor(calendar.start(days.start))..calendar.start(days.end);
        let in_it = |sample: &&Sample| span.contains(&sample.time.timestamp());
        let samples = self.0.iter().filter(in_it).cloned().collect();
        Batch { site: "a".into(), zone, days, samples }
    }
}

const TIME: &str = "2027-01-01T00:00:00Z";

fn days(from: &str, to: &str) -> Range<i64> {
    let number = |date: &str| number_of(date.parse().unwrap());
    number(from)..number(to) + 1
}

impl Bench {
    async fn import(&self, batch: Batch) -> Imported {
        let dry = self.store.import_history(batch.clone(), KEPT, true).await.unwrap();
        let dump = self.dump();
        let done = self.store.import_history(batch.clone(), KEPT, false).await.unwrap();
        assert_eq!(dry, done, "a dry run tells the truth");
        if done.new == 0 {
            assert_eq!(self.dump(), dump, "nothing new, nothing changed");
        }
        let again = self.store.import_history(batch, KEPT, false).await.unwrap();
        let known = Imported { new: 0, known: done.new + done.known, ..done };
        assert_eq!(again, known, "the second time all is known");
        done
    }

    /// Everything of the history in the file.
    fn dump(&self) -> String {
        let db = self.other();
        let mut text = String::new();
        for table in ["raw", "hour", "day", "dirty", "series", "source"] {
            let mut query = db.prepare(&format!("SELECT * FROM history_{table}")).unwrap();
            let columns = query.column_count();
            let mut rows = query.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    let value: rusqlite::types::Value = row.get(column).unwrap();
                    text.push_str(&format!("{value:?} "));
                }
                text.push('\n');
            }
        }
        text
    }
}

#[tokio::test]
async fn old_days_come_as_rollups_and_new_ones_as_polls() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    t.maintain(KEPT, ZONE).await;
    let butler = Butler::every(60, "2026-12-01T00:00:00Z", "2027-01-15T08:00:00Z");
    let all = days("2026-12-01", "2027-01-15");
    let done = t.import(butler.days(all.clone(), ZONE)).await;
    // Kept from 2026-12-16 on; the first two hours of 2026-12-01 are none of its own.
    assert_eq!((done.new, done.known, done.own), (30 * 24 + 9, 0, 0));
    assert_eq!(done.new + done.old, butler.0.len() as u64);
    for _ in 0..2 {
        let of = async |unit| everything(&t.store, "allocated", unit).await;
        let (polls, hours) = (of(Resolution::Raw).await, of(Resolution::Hour).await);
        assert_eq!(polls[0].start, time("2027-01-11T23:00:00Z"));
        assert_eq!((polls.len(), hours[0].start), (81, time("2027-01-06T23:00:00Z")));
        let found = of(Resolution::Day).await;
        let mut whole = found.iter().filter(|day| day.samples == 24).count();
        assert_eq!((found.len(), whole, found[0].start), (31, 30, time("2026-12-15T23:00:00Z")));
        whole = hours.iter().filter(|hour| hour.samples == 1).count();
        assert_eq!((hours.len(), whole), (8 * 24 + 9, 8 * 24 + 9));
        t.maintain_all(KEPT, ZONE).await;
    }
    // Much later, when all of it is final, it is still known.
    t.advance_to("2027-01-20T08:00:00Z");
    t.maintain_all(KEPT, ZONE).await;
    let done = t.import(butler.days(all, ZONE)).await;
    assert_eq!((done.new, done.known), (0, 25 * 24 + 9));
}

#[tokio::test]
async fn what_bursar_recorded_itself_is_neither_changed_nor_added_to() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    t.maintain(KEPT, ZONE).await;
    let own = |text: &str| (time(text), pools(77.0));
    // An hour that is gone but for its day, a final one, one of polls.
    let polls = [
        "2026-12-20T10:10:00Z",
        "2027-01-09T10:10:00Z",
        "2027-01-14T10:10:00Z",
        "2027-01-14T10:40:00Z",
    ];
    t.store.keep_pools("a", polls.map(own).to_vec()).await.unwrap();
    t.maintain_all(KEPT, ZONE).await;
    let before = show(&t.store, Resolution::Hour, ZONE).await;
    let butler = Butler::every(10, "2026-12-20T00:00:00Z", "2027-01-15T08:00:00Z");
    let done = t.import(butler.days(days("2026-12-20", "2027-01-15"), ZONE)).await;
    // 2026-12-20 in whole, but for its first hour, which Butler doesn't have; then two hours.
    assert_eq!((done.own, done.old), (6 * 23 + 6 + 6, 0));
    assert_eq!(done.new, butler.0.len() as u64 - done.own);
    t.maintain_all(KEPT, ZONE).await;
    let after = show(&t.store, Resolution::Hour, ZONE).await;
    for line in before.lines() {
        assert!(after.contains(line), "{line}");
    }
    let day = show(&t.store, Resolution::Day, ZONE).await;
    let line = |date: &str| day.lines().find(|line| line.starts_with(date)).unwrap().to_owned();
    assert_eq!(line("12-20"), "12-20 00:00:00 min 77 mean 77 max 77 last 77 of 1");
    // Bursar's two and Butler's others.
    assert!(line("01-14").ends_with(&format!("of {}", 2 + 23 * 6)), "{}", line("01-14"));
    // Another pool and another site are not Bursar's own.
    let mut other = butler.days(days("2027-01-14", "2027-01-14"), ZONE);
    other.samples.iter_mut().for_each(|sample| sample.pool = "analyzer".into());
    assert_eq!(t.import(other.clone()).await.own, 0);
    other.site = "b".into();
    assert_eq!(t.import(other).await.own, 0);
}

#[tokio::test]
async fn more_of_a_day_replaces_less_of_it_and_less_takes_nothing_away() {
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    t.maintain(KEPT, Tz::UTC).await;
    for day in ["2026-12-25", "2027-01-09", "2027-01-14"] {
        let days = days(day, day);
        let at = |time: &str| format!("{day}T{time}:00Z");
        let whole = Butler::every(30, &at("00:00"), &at("23:59"));
        let part =
            Butler::every(30, &at("00:00"), &at("23:59")).without(&at("10:15"), &at("20:00"));
        let done = t.import(part.days(days.clone(), Tz::UTC)).await;
        assert_eq!((done.new, done.known), (part.0.len() as u64, 0));
        let done = t.import(whole.days(days.clone(), Tz::UTC)).await;
        assert_eq!((done.new, done.known), ((47 - part.0.len()) as u64, part.0.len() as u64));
        let days_then = show(&t.store, Resolution::Day, Tz::UTC).await;
        assert_eq!(t.import(part.days(days, Tz::UTC)).await.new, 0);
        assert_eq!(show(&t.store, Resolution::Day, Tz::UTC).await, days_then);
        assert!(days_then.lines().last().unwrap().ends_with("of 47"));
    }
}

#[tokio::test]
async fn hours_that_begin_in_another_day_are_whole() {
    let zone = chrono_tz::Asia::Kolkata;
    let t = Bench::at("2027-01-15T08:00:00Z").await;
    t.maintain(KEPT, zone).await;
    let butler = Butler::every(10, "2027-01-06T18:30:00Z", "2027-01-15T08:00:00Z");
    // Day by day, backwards.
    let all = days("2027-01-07", "2027-01-15");
    for day in all.rev() {
        t.import(butler.days(day..day + 1, zone)).await;
    }
    for _ in 0..2 {
        let hours = everything(&t.store, "allocated", Resolution::Hour).await;
        let partial: Vec<_> = hours.iter().filter(|hour| hour.samples != 6).collect();
        assert_eq!(partial.len(), 1, "{partial:#?}");
        assert_eq!((hours.len(), partial[0].samples), (8 * 24 + 14, 3));
        let days = everything(&t.store, "allocated", Resolution::Day).await;
        assert_eq!(days.len(), 9);
        assert!(days[..8].iter().all(|day| day.samples == 144), "{days:#?}");
        t.maintain_all(KEPT, zone).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Whatever days are imported, in whatever order, and however time goes on between: it is what
    /// the source has of these days.
    #[test]
    fn any_imports_give_what_the_source_has(
        imports in proptest::collection::vec((0..16_i64, 1..6_i64, 0..40_i64, any::<bool>()), 1..10),
        zone in prop_oneof![Just(Tz::UTC), Just(ZONE)],
        odd in 7..200_i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result: Result<(), TestCaseError> = runtime.block_on(async {
            let t = Bench::at("2027-04-05T12:00:00Z").await;
            t.maintain(KEPT, zone).await;
            let butler = Butler::every(odd, "2027-03-20T00:00:00Z", "2027-04-05T12:00:00Z");
            let first = number_of("2027-03-20".parse().unwrap());
            let mut imported = std::collections::BTreeSet::new();
            for (start, length, hours, maintain) in imports {
                let days = first + start..first + start + length;
                imported.extend(days.clone());
                t.import(butler.days(days, zone)).await;
                t.advance_by(hours * 3600);
                if maintain {
                    t.maintain(KEPT, zone).await;
                }
            }
            let calendar = Calendar(zone);
            let today = calendar.day_of(t.store_now().timestamp());
            for unit in [Resolution::Day, Resolution::Hour] {
                let kept = if unit == Resolution::Day { KEPT.daily_days } else { KEPT.hourly_days };
                let of = |time: i64| match unit {
                    Resolution::Day => calendar.day_of(time),
                    _ => time.div_euclid(3600),
                };
                let mut expected: std::collections::BTreeMap<i64, (u64, f64, f64)> = Default::default();
                for sample in &butler.0 {
                    let time = sample.time.timestamp();
                    if imported.contains(&calendar.day_of(time)) {
                        let entry = expected.entry(of(time)).or_insert((0, sample.value, 0.0));
                        *entry = (entry.0 + 1, entry.1, sample.value);
                    }
                }
                let found = everything(&t.store, "allocated", unit).await;
                for rollup in &found {
                    let at = of(rollup.start.timestamp());
                    let seen = (rollup.samples, rollup.min, rollup.last);
                    prop_assert_eq!(expected.remove(&at), Some(seen), "{:?} {}", unit, at);
                }
                for at in expected.keys() {
                    let day = if unit == Resolution::Day { *at } else { calendar.day_of(at * 3600) };
                    prop_assert!(day < today - i64::from(kept), "{unit:?} {at} is missing");
                }
            }
            Ok(())
        });
        result?;
    }
}
