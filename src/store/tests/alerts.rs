//! Alerts: what is told leaves with the state that says it was told, or not at all.

use std::sync::atomic::Ordering::SeqCst;

use proptest::prelude::*;

use super::*;
use crate::alert::facts::QueueFacts;
use crate::alert::policy::Policy;
use crate::alert::state::{Occurrence, States, step};
use crate::alert::{DaemonFacts, Fact, notice, rules};
use crate::event::{Body, DAEMON, Key, Rule, Severity};

/// One look at a queue that may lose events, as the daemon takes it: all from the store, all to it.
async fn look(t: &Bench, loses: bool) -> Result<(), StoreError> {
    let now = t.store_now();
    let queue = QueueFacts {
        destination: "x".into(),
        title: "X".into(),
        pending: 0,
        oldest: None,
        failing: false,
        dead: 0,
        newest_dead: None,
        last_error: None,
        dropped: 1,
        dropped_at: loses.then_some(now),
    };
    let queues = Fact::Known(vec![queue]);
    let facts =
        DaemonFacts { now, queues, certificates: Fact::Off, settings: Fact::Off, store: Fact::Off };
    let policy = Policy::default();
    let judged = vec![(DAEMON.to_owned(), rules::of_daemon(&facts, &policy))];
    let before: States = t.store.alerts().await?;
    let silences = t.store.silences(false).await?;
    let step = step(&before, &judged, &silences, |_| &policy, now);
    let events = step.notices.iter().map(|told| {
        (
            Event::new(DAEMON, now, Body::Alert(notice::alert_notice(told, &[], now))),
            vec!["y".to_owned()],
        )
    });
    let changes = AlertChanges {
        changed: step.states.values().cloned().collect(),
        gone: before.keys().filter(|key| !step.states.contains_key(key)).cloned().collect(),
        happened: step
            .happened
            .iter()
            .map(|(key, what)| AlertHistoryEntry {
                time: now,
                key: key.clone(),
                what: *what,
                severity: Severity::Critical,
                text: "lost".into(),
                sent: 1,
            })
            .collect(),
        events: events.collect(),
        ..AlertChanges::default()
    };
    t.store.record_alerts(changes).await
}

/// What waits for `y`, in words, and the history, oldest first.
async fn outcome(t: &Bench) -> (Vec<String>, Vec<String>) {
    let waiting = t.store.next_batch("y", 1_000).await.unwrap();
    let told = waiting.iter().map(|q| format!("{} {}", q.event.time, q.event.summary())).collect();
    let mut history = t.store.alert_history(1_000).await.unwrap();
    history.reverse();
    let happened =
        history.iter().map(|one| format!("{} {}", one.time, one.what.as_str())).collect();
    (told, happened)
}

/// Runs the looks; where `dies` says so, the process ends before or while it writes, and the next
/// one starts and looks again at once.
async fn run(looks: &[(bool, u8)]) -> (Vec<String>, Vec<String>) {
    let mut t = Bench::new(1_000).await;
    for (loses, dies) in looks {
        match dies {
            // The write never came.
            1 => {
                t.store.shared.gate.writes_left.store(0, SeqCst);
                assert!(look(&t, *loses).await.is_err());
                t.restart().await;
            }
            // It came, and then the process ended.
            2 => {
                look(&t, *loses).await.unwrap();
                t.restart().await;
            }
            _ => {}
        }
        look(&t, *loses).await.unwrap();
        t.advance(Duration::from_secs(6 * 3_600));
    }
    outcome(&t).await
}

impl Bench {
    async fn restart(&mut self) {
        self.store = open(&self.path(), 1_000, &self.clock).await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_with_restarts_tells_the_same_as_one_without(
        looks in prop::collection::vec((any::<bool>(), 0u8..3), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let undisturbed: Vec<_> = looks.iter().map(|(loses, _)| (*loses, 0)).collect();
        let (with, without) =
            runtime.block_on(async { (run(&looks).await, run(&undisturbed).await) });
        prop_assert_eq!(with, without);
    }
}

#[tokio::test]
async fn silences_end_by_time_and_by_hand() {
    let t = Bench::new(10).await;
    let new = |rule| NewSilence {
        rule,
        until: at(3_600),
        why: "why".into(),
        by: "anna".into(),
        ..NewSilence::default()
    };
    let one = t.store.add_silence(new(Some(Rule::SeatsLow))).await.unwrap();
    let all = t.store.add_silence(new(None)).await.unwrap();
    assert_eq!(t.store.silences(false).await.unwrap(), [one.clone(), all.clone()]);
    assert!(t.store.end_silence(one.id).await.unwrap());
    assert!(!t.store.end_silence(one.id).await.unwrap(), "it has ended already");
    assert_eq!(t.store.silences(false).await.unwrap().len(), 1);
    t.advance_by(3_600);
    assert!(t.store.silences(false).await.unwrap().is_empty());
    assert_eq!(t.store.silences(true).await.unwrap().len(), 2);
    // Asked as of a time at which it held, however late.
    let all_of_then = t.store.silences_at(at(3_599)).await.unwrap();
    assert!(all_of_then.iter().any(|silence| silence.id == all.id));
    assert!(t.store.silences_at(at(3_600)).await.unwrap().is_empty());
    // Of a rule that this release doesn't know: it must not silence everything.
    t.other()
        .execute("UPDATE alert_silence SET until = 9000000000000, rule = 'new-rule'", [])
        .unwrap();
    assert!(t.store.silences(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn history_is_kept_for_two_years() {
    let t = Bench::new(10).await;
    look(&t, true).await.unwrap();
    t.advance(729 * DAY);
    look(&t, false).await.unwrap();
    let whats = |all: &[AlertHistoryEntry]| all.iter().map(|one| one.what).collect::<Vec<_>>();
    let history = t.store.alert_history(10).await.unwrap();
    assert_eq!(whats(&history), [Occurrence::Resolved, Occurrence::Fired]);
    assert_eq!(history[1].key, Key::new(DAEMON, Rule::QueueDropped, "x"));
    t.advance(2 * DAY);
    look(&t, true).await.unwrap();
    assert_eq!(
        whats(&t.store.alert_history(10).await.unwrap()),
        [Occurrence::Fired, Occurrence::Resolved]
    );
}
