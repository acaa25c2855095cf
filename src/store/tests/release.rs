//! Ledger, claims, pauses, plans.

use uuid::Uuid;

use super::*;
use crate::ledger::{Action, Entry, Intent, Outcome, SeatResult};
use crate::license::{Holder as Person, Moment, SeatType};

fn person(n: u128) -> Person {
    Person {
        id: Uuid::from_u128(n),
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: "".into(),
    }
}

fn intent(n: u128) -> Entry {
    Entry::Intent(Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1000 + n),
        holder: person(n),
        created: Moment::At(at(0)),
        last_used: Moment::Never,
        because: "idle for 43 days (threshold 30)".into(),
    })
}

fn outcome(intent: u64, n: u128, result: SeatResult) -> Entry {
    let action = if result == SeatResult::Allocated { Action::Allocate } else { Action::Release };
    Entry::Outcome(Outcome {
        intent,
        action,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1000 + n),
        holder: person(n),
        result,
        settled_later: false,
    })
}

fn add(entry: Entry) -> Vec<Addition> {
    vec![Addition { site: "a".into(), run: Some("run-1".into()), entry }]
}

#[tokio::test]
async fn records_are_chained_from_one_on() {
    let t = Bench::new(100).await;
    assert_eq!(t.store.head().await.unwrap(), None);
    let (numbers, head) = t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    assert_eq!((numbers, head.seq), (vec![1], 1));
    let freed = outcome(1, 1, SeatResult::Freed);
    let (numbers, head) = t.store.append(None, add(freed), |_| vec![]).await.unwrap();
    assert_eq!((numbers, head.seq), (vec![2], 2));
    assert_eq!(t.store.head().await.unwrap(), Some(head.clone()));
    let records = t.store.records(1, 10).await.unwrap();
    assert_eq!(records[0].previous, crate::ledger::chain::ZERO);
    assert_eq!(records[1].previous, records[0].hash);
    assert_eq!(records[1].hash, head.hash);
    assert_eq!(records[0].entry, intent(1));
    assert_eq!(t.store.records_of("run").await.unwrap(), records);
}

#[tokio::test]
async fn an_intent_is_unsettled_until_its_outcome_is_known() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let unclear = outcome(1, 1, SeatResult::Unclear { why: "timed out".into() });
    t.store.append(None, add(unclear), |_| vec![]).await.unwrap();
    let unsettled = t.store.unsettled("a").await.unwrap();
    assert_eq!((unsettled.len(), unsettled[0].seq), (1, 1));
    assert_eq!(t.store.release_past("a").await.unwrap().unsettled, 1);
    t.store.append(None, add(outcome(1, 1, SeatResult::Freed)), |_| vec![]).await.unwrap();
    assert_eq!(t.store.unsettled("a").await.unwrap(), []);
    let past = t.store.release_past("a").await.unwrap();
    assert_eq!(past.unsettled, 0);
    assert_eq!(past.released[&(SeatType::Analyzer, Uuid::from_u128(1))], t.store_now());
}

#[tokio::test]
async fn a_claim_is_one_runs_until_its_lease_ran_out() {
    let t = Bench::new(100).await;
    let other = open(&t.path(), 100, &t.clock).await.unwrap();
    let lease = Duration::from_secs(60);
    let first = t.store.claim_release("a", "run-1", "me", lease).await.unwrap().unwrap();
    let holder = other.claim_release("a", "run-2", "you", lease).await.unwrap().unwrap_err();
    assert_eq!((holder.run.as_str(), holder.owner.as_str()), ("run-1", "me"));
    t.advance(lease);
    let second = other.claim_release("a", "run-2", "you", lease).await.unwrap().unwrap();
    let error = t.store.append(Some(&first), add(intent(1)), |_| vec![]).await.unwrap_err();
    assert!(matches!(error, AppendError::ClaimLost { .. }));
    assert_eq!(t.store.head().await.unwrap(), None);
    other.append(Some(&second), add(intent(1)), |_| vec![]).await.unwrap();
}

#[tokio::test]
async fn plans_are_kept_as_they_are() {
    let t = Bench::new(100).await;
    for n in 10..45 {
        t.store.save_plan("a", &format!("run-{n}"), vec![n]).await.unwrap();
    }
    assert_eq!(t.store.load_plan("run-14").await.unwrap(), None);
    assert_eq!(t.store.load_plan("run-15").await.unwrap(), Some(vec![15]));
    assert_eq!(t.store.load_plan("run-44").await.unwrap(), Some(vec![44]));
}
