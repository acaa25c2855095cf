//! The limits of size and age.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::samples::Log;

fn count(state: &QueueState, reason: DropReason, class: Class) -> u64 {
    state.drops.iter().filter(|d| (d.reason, d.class) == (reason, class)).map(|d| d.count).sum()
}

#[tokio::test]
async fn recurring_data_goes_first_and_alerts_last() {
    let t = Bench::new(3).await;
    let events =
        [alert("a", 0), recurring("a", 1), alert("a", 2), recurring("a", 3), alert("a", 4)];
    for event in &events[..4] {
        t.record(&["x"], event).await;
    }
    let ids = |of: &[usize]| of.iter().map(|n| events[*n].id.clone()).collect::<Vec<_>>();
    assert_eq!(t.pending("x").await, ids(&[0, 2, 3]));
    t.record(&["x"], &events[4]).await;
    assert_eq!(t.pending("x").await, ids(&[0, 2, 4]));
    // Full of alerts: the new recurring event is itself the first to go.
    t.record(&["x"], &recurring("a", 5)).await;
    assert_eq!(t.pending("x").await, ids(&[0, 2, 4]));
    t.record(&["x"], &alert("a", 6)).await;
    assert_eq!(t.pending("x").await[..2], ids(&[2, 4]));
    let state = t.state("x").await;
    assert_eq!((state.pending, state.dropped), (3, 4));
    assert_eq!(count(&state, DropReason::Overflow, Class::Recurring), 3);
    assert_eq!(count(&state, DropReason::Overflow, Class::Alert), 1);
    assert_eq!(t.rows("event"), 3);
}

#[tokio::test]
async fn a_full_queue_takes_nothing_from_the_others() {
    let t = Bench::new(2).await;
    let events = [recurring("a", 0), recurring("a", 1), recurring("a", 2)];
    t.record(&["x", "y"], &events[0]).await;
    t.settle_head("y", Settlement::Done).await;
    t.record(&["x", "y"], &events[1]).await;
    t.record(&["x", "y"], &events[2]).await;
    assert_eq!(t.pending("x").await.len(), 2);
    assert_eq!(t.pending("y").await.len(), 2);
    assert_eq!((t.state("x").await.dropped, t.state("y").await.dropped), (1, 0));
}

#[tokio::test]
async fn what_is_too_old_goes_alerts_and_dead_letters_too() {
    let t = Bench::new(100).await;
    for event in [recurring("a", 0), alert("a", 0), alert("b", 0)] {
        t.record(&["x", "y"], &event).await;
    }
    t.settle_head("x", dead("bad")).await;
    t.advance(20 * DAY);
    let young = alert("c", 1);
    t.record(&["x"], &young).await;
    t.advance(10 * DAY);
    assert_eq!(t.pending("x").await.len(), 3, "30 days old is not too old");

    t.advance(Duration::from_secs(1));
    assert_eq!(t.pending("x").await, [young.id.as_str()]);
    let (x, y) = (t.state("x").await, t.state("y").await);
    assert_eq!((x.pending, x.dead, x.dropped), (1, 0, 3));
    assert_eq!((y.pending, y.dead, y.dropped), (0, 0, 3));
    assert_eq!(count(&x, DropReason::Expired, Class::Alert), 2);
    assert_eq!(count(&x, DropReason::Expired, Class::Recurring), 1);
    assert_eq!(t.rows("event"), 1);

    t.advance(30 * DAY);
    t.record(&["y"], &recurring("d", 2)).await;
    assert_eq!(t.state("x").await.pending, 0, "recording drops what is too old as well");
}

#[tokio::test]
async fn drops_are_logged_with_their_count_and_not_one_by_one() {
    let log = Log::default();
    let _guard = log.install();
    let t = Bench::new(2).await;
    for n in 0..5 {
        t.record(&["x"], &recurring("a", n)).await;
    }
    t.advance(Duration::from_secs(61));
    t.store.record((0..4).map(|n| to(&["x"], &recurring("a", n))).collect()).await.unwrap();
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for (line, count) in lines.iter().zip(["count=1", "count=6"]) {
        assert!(line.contains("WARN") && line.contains("destination=x"), "{line}");
        assert!(line.contains(count) && line.contains("size limit"), "{line}");
    }
    assert_eq!(t.state("x").await.dropped, 7);
}

#[derive(Debug, Clone)]
enum Step {
    /// To which of the two queues, and whether it is an alert.
    Record {
        x: bool,
        y: bool,
        alert: bool,
    },
    Settle {
        y: bool,
        take: usize,
        fate: u8,
    },
    RetryDead,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(x, y, alert)| Step::Record { x, y, alert }),
        2 => (any::<bool>(), 1usize..4, 0u8..3)
            .prop_map(|(y, take, fate)| Step::Settle { y, take, fate }),
        1 => Just(Step::RetryDead),
    ]
}

/// A queue as the documentation describes it.
#[derive(Debug, Default)]
struct Model {
    /// Number of the event -> is an alert, is dead.
    rows: BTreeMap<usize, (bool, bool)>,
    dropped: [u64; 2],
}

impl Model {
    fn evict(&mut self, max: usize) {
        while self.rows.len() > max {
            let victim = self.rows.iter().min_by_key(|(n, (alert, dead))| (*alert, !*dead, **n));
            let (n, (alert, _)) = victim.map(|(n, row)| (*n, *row)).unwrap();
            self.rows.remove(&n);
            self.dropped[usize::from(alert)] += 1;
        }
    }

    /// Alerts first.
    fn waiting(&self) -> Vec<usize> {
        let mut rows: Vec<_> = self.rows.iter().filter(|(_, (_, dead))| !dead).collect();
        rows.sort_by_key(|(n, (alert, _))| (!alert, **n));
        rows.into_iter().map(|(n, _)| *n).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn queues_behave_as_described(max in 1usize..6, steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(follow(max, &steps))?;
    }
}

async fn follow(max: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let t = Bench::new(max as u64).await;
    let mut models = [Model::default(), Model::default()];
    let mut ids: Vec<String> = Vec::new();
    for step in steps {
        match step {
            Step::Record { x, y, alert: is_alert } => {
                let n = ids.len();
                let event = if *is_alert { alert("a", 0) } else { recurring("a", 0) };
                ids.push(event.id.clone());
                let wanted = [("x", x), ("y", y)].into_iter().filter(|(_, w)| **w);
                let names: Vec<&str> = wanted.map(|(name, _)| name).collect();
                t.record(&names, &event).await;
                for (model, wanted) in models.iter_mut().zip([x, y]) {
                    if *wanted {
                        model.rows.insert(n, (*is_alert, false));
                        model.evict(max);
                    }
                }
            }
            Step::Settle { y, take, fate } => {
                let name = if *y { "y" } else { "x" };
                let batch = t.store.next_batch(name, *take).await.unwrap();
                let settlement =
                    [Settlement::Done, dead("bad"), retry("busy")][*fate as usize].clone();
                let results: Vec<_> = batch.iter().map(|q| (q.id, settlement.clone())).collect();
                t.store.settle(name, &results).await.unwrap();
                let model = &mut models[usize::from(*y)];
                for n in model.waiting().into_iter().take(*take) {
                    match fate {
                        0 => drop(model.rows.remove(&n)),
                        1 => {
                            model.rows.entry(n).and_modify(|row| row.1 = true).or_default().1 = true
                        }
                        _ => {}
                    }
                }
            }
            Step::RetryDead => {
                t.store.retry(Selector::Dead { destination: None }).await.unwrap();
                models.iter_mut().flat_map(|m| m.rows.values_mut()).for_each(|row| row.1 = false);
            }
        }
        for (name, model) in ["x", "y"].into_iter().zip(&models) {
            let waiting: Vec<_> = model.waiting().into_iter().map(|n| ids[n].clone()).collect();
            prop_assert_eq!(t.pending(name).await, waiting);
            let Some(state) = t.store.queue_state(name).await.unwrap() else { continue };
            prop_assert_eq!(state.pending + state.dead, model.rows.len() as u64);
            prop_assert_eq!(
                count(&state, DropReason::Overflow, Class::Recurring),
                model.dropped[0]
            );
            prop_assert_eq!(count(&state, DropReason::Overflow, Class::Alert), model.dropped[1]);
        }
        let mut kept: Vec<usize> = models.iter().flat_map(|m| m.rows.keys().copied()).collect();
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(t.rows("event"), kept.len() as i64);
    }
    Ok(())
}
