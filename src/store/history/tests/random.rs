//! Whatever comes in whatever order, and whenever maintenance runs or is cut short: the answers are
//! those of a plain list of all samples.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;

use proptest::prelude::*;

use super::calendar::{date_of, number_of};
use super::*;

const KEPT: HistoryRetention = HistoryRetention { raw_days: 2, hourly_days: 5, daily_days: 3650 };

#[derive(Debug, Clone)]
enum Op {
    /// Samples so many seconds ago.
    Keep(Vec<(i64, f64)>),
    /// The clock goes so many hours on, or back.
    Pass(i64),
    Maintain,
    /// Maintenance ends after so many transactions.
    CutShort(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![(0..50_i32).prop_map(f64::from), -1e6..1e6];
    // Mostly what is not final, and often in the same hour.
    let ago = prop_oneof![0..7200_i64, 0..3 * 86_400_i64, 0..12 * 86_400_i64];
    prop_oneof![
        4 => proptest::collection::vec((ago, value), 1..12).prop_map(Op::Keep),
        2 => prop_oneof![3 => 1..40_i64, 1 => -60..0_i64].prop_map(Op::Pass),
        2 => Just(Op::Maintain),
        1 => (0..12_usize).prop_map(Op::CutShort),
    ]
}

/// All samples, and how far the clock ever was.
struct Model {
    samples: BTreeMap<i64, f64>,
    latest: i64,
    zone: Tz,
}

impl Model {
    fn day(&self, time: i64) -> i64 {
        let time = DateTime::from_timestamp(time, 0).unwrap();
        number_of(time.with_timezone(&self.zone).date_naive())
    }

    /// Minimum, sum, maximum, last, number.
    fn rolled(&self, of: impl Fn(i64) -> i64) -> BTreeMap<i64, (f64, f64, f64, f64, u64)> {
        let mut all: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (time, value) in &self.samples {
            all.entry(of(*time)).or_default().push(*value);
        }
        let roll = |values: Vec<f64>| {
            let (mut sorted, last) = (values.clone(), *values.last().unwrap());
            sorted.sort_by(f64::total_cmp);
            let sum: f64 = values.iter().sum();
            (sorted[0], sum, sorted[sorted.len() - 1], last, values.len() as u64)
        };
        all.into_iter().map(|(at, values)| (at, roll(values))).collect()
    }

    fn compare(&self, unit: Resolution, found: &[Rollup]) -> Result<(), TestCaseError> {
        let of = |time: i64| match unit {
            Resolution::Raw => time,
            Resolution::Hour => time.div_euclid(3600),
            Resolution::Day => self.day(time),
        };
        let expected = self.rolled(of);
        let mut seen = Vec::new();
        for rollup in found {
            let at = of(rollup.start.timestamp());
            seen.push(at);
            let Some((min, sum, max, last, samples)) = expected.get(&at).copied() else {
                return Err(TestCaseError::fail(format!("{unit:?} {at} must not be there")));
            };
            prop_assert_eq!(
                (rollup.min, rollup.max, rollup.last, rollup.samples),
                (min, max, last, samples),
                "{:?} {}",
                unit,
                at
            );
            let mean = sum / samples as f64;
            prop_assert!((rollup.mean - mean).abs() < 1e-6, "{} instead of {mean}", rollup.mean);
        }
        prop_assert!(seen.is_sorted());
        // All that is not past its time must be there.
        let today = self.day(self.latest);
        for at in expected.keys().filter(|at| !seen.contains(at)) {
            let day = match unit {
                Resolution::Raw => self.day(*at),
                Resolution::Hour => self.day(*at * 3600),
                Resolution::Day => *at,
            };
            let kept = match unit {
                Resolution::Raw => KEPT.raw_days,
                Resolution::Hour => KEPT.hourly_days,
                Resolution::Day => KEPT.daily_days,
            };
            prop_assert!(day < today - i64::from(kept), "{unit:?} {at} is missing");
        }
        Ok(())
    }
}

async fn play(ops: Vec<Op>, zone: Tz) -> Result<(), TestCaseError> {
    let t = Bench::at("2027-03-26T12:00:00Z").await;
    t.maintain(KEPT, zone).await;
    let mut now = t.store_now().timestamp();
    let mut model = Model { samples: BTreeMap::new(), latest: now, zone };
    let count = ops.len();
    for (number, op) in ops.into_iter().enumerate() {
        match op {
            Op::Keep(samples) => {
                let mut kept = Vec::new();
                for (ago, value) in samples {
                    let time = now - ago;
                    // That a final sample comes again can't be known.
                    if model.samples.contains_key(&time) && time < model.latest - 86_400 {
                        continue;
                    }
                    model.samples.insert(time, value);
                    let time = DateTime::from_timestamp(time, 0).unwrap();
                    kept.push(Sample { time, ..sample("2027-01-01T00:00:00Z", value) });
                }
                t.store.keep_samples("a", kept).await.unwrap();
            }
            Op::Pass(hours) => {
                t.advance_by(hours * 3600);
                now += hours * 3600;
                model.latest = model.latest.max(now);
            }
            Op::Maintain => drop(t.maintain(KEPT, zone).await),
            Op::CutShort(steps) => {
                let left = &t.store.shared.gate.writes_left;
                left.store(steps, SeqCst);
                let _ = t.store.maintain_history(KEPT, zone).await;
                left.store(usize::MAX, SeqCst);
            }
        }
        // Not after each: it takes the most time.
        let units = [Resolution::Day, Resolution::Hour, Resolution::Raw];
        let units = if number + 1 == count { &units[..] } else { &units[number % 3..][..1] };
        for unit in units.iter().copied() {
            model.compare(unit, &everything(&t.store, "allocated", unit).await)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_answers_are_those_of_a_plain_list(
        ops in proptest::collection::vec(op(), 1..40),
        zone in prop_oneof![
            Just(Tz::UTC),
            // Both change their clocks in these days.
            Just(chrono_tz::Europe::Stockholm),
            Just(chrono_tz::Australia::Lord_Howe),
            Just(chrono_tz::Asia::Kolkata),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(ops, zone))?;
    }
}

#[test]
fn dates_and_numbers_are_one_to_one() {
    for day in -1000..40_000 {
        assert_eq!(number_of(date_of(day)), day);
    }
}
