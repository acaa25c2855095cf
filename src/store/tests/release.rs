//! Ledger, claims, pauses, plans.

use uuid::Uuid;

use super::*;
use crate::ledger::past::Pause;
use crate::ledger::{Action, Entry, Evidence, Head, Intent, Outcome, ResponseClass, SeatResult};
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
        has: 0,
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
        evidence: Default::default(),
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
    assert_eq!(t.store.release_past("a").await.unwrap().open.len(), 1);
    t.store.append(None, add(outcome(1, 1, SeatResult::Freed)), |_| vec![]).await.unwrap();
    assert_eq!(t.store.unsettled("a").await.unwrap(), []);
    let past = t.store.release_past("a").await.unwrap();
    assert_eq!(past.open, []);
    assert_eq!(past.released[&(SeatType::Analyzer, Uuid::from_u128(1))], t.store_now());
}

#[tokio::test]
async fn events_and_records_are_written_together() {
    let t = Bench::new(2).await;
    let mut changes = t.store.changes();
    changes.mark_unchanged();
    let unwanted = recurring("a", 0);
    let latest = unwanted.clone();
    let events = move |head: &Head| {
        let tell = |n| to(&["x"], &alert(&format!("{}-{n}", head.seq), n));
        vec![tell(1), tell(2), tell(3), to(&[], &unwanted)]
    };
    t.store.append(None, add(intent(1)), events).await.unwrap();
    assert!(changes.has_changed().unwrap());
    // The limit of the queue holds, and what nobody wants is kept as the latest.
    let sites: Vec<_> =
        t.store.next_batch("x", 10).await.unwrap().into_iter().map(|q| q.event.site).collect();
    assert_eq!(sites, ["1-2", "1-3"]);
    assert_eq!(t.store.latest().await.unwrap(), [latest]);

    // Without events nobody is woken.
    changes.mark_unchanged();
    t.store.append(None, add(intent(2)), |_| vec![]).await.unwrap();
    assert!(!changes.has_changed().unwrap());
}

#[tokio::test]
async fn a_record_whose_events_cannot_be_written_is_not_written() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let head = t.store.head().await.unwrap();
    t.other()
        .execute_batch(
            "CREATE TRIGGER no_events BEFORE INSERT ON event BEGIN
                 SELECT RAISE (ABORT, 'no room');
             END",
        )
        .unwrap();
    let both = vec![add(intent(2)).remove(0), add(outcome(1, 1, SeatResult::Freed)).remove(0)];
    let error = t.store.append(None, both, |_| vec![to(&["x"], &alert("a", 1))]).await.unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    assert_eq!(t.store.head().await.unwrap(), head);
    assert_eq!(t.rows("ledger"), 1);
    // Nor is anything that follows from it.
    assert_eq!(t.store.unsettled("a").await.unwrap().len(), 1);
    assert_eq!(t.store.release_past("a").await.unwrap().released.len(), 0);
    t.other().execute_batch("DROP TRIGGER no_events").unwrap();
    t.store.append(None, add(intent(2)), |_| vec![to(&["x"], &alert("a", 1))]).await.unwrap();
    assert_in_order(&t).await;
}

#[tokio::test]
async fn events_that_panic_leave_nothing_behind() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| panic!("on purpose")).await.unwrap_err();
    assert_eq!(t.store.head().await.unwrap(), None);
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    assert_eq!(t.store.records(1, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn records_of_one_call_follow_each_other() {
    let t = Bench::new(100).await;
    let many = (1..=5).flat_map(|n| add(intent(n))).collect();
    let (numbers, head) = t.store.append(None, many, |_| vec![]).await.unwrap();
    assert_eq!((numbers, head.seq), (vec![1, 2, 3, 4, 5], 5));
    assert_in_order(&t).await;
    let (numbers, same) = t.store.append(None, vec![], |_| vec![]).await.unwrap();
    assert_eq!((numbers, same), (vec![], head));
    assert_eq!(t.store.records(2, 2).await.unwrap().len(), 2);
}

/// Checks what the file holds, as the command does.
async fn assert_in_order(t: &Bench) {
    let path = t.path();
    let findings = tokio::task::spawn_blocking(move || {
        let ledger = LedgerFile::open(&path).unwrap();
        let mut check = crate::ledger::check::Check::default();
        let (start, head) = ledger.ends().unwrap();
        let mut pass = check.store("store", start, head);
        ledger
            .each(|record| {
                pass.push(record.as_ref());
                Ok::<_, StoreError>(())
            })
            .unwrap();
        pass.end_of_store(&ledger.unsettled().unwrap());
        check.finish(&[])
    });
    assert_eq!(findings.await.unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_never_fork_the_chain() {
    let t = Bench::new(1000).await;
    let other = open(&t.path(), 1000, &t.clock).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let store = if task % 2 == 0 { t.store.clone() } else { other.clone() };
        tasks.spawn(async move {
            for n in 0..20 {
                let n = 100 * task + 2 * n;
                let additions = add(intent(n)).into_iter().chain(add(intent(n + 1))).collect();
                let tell = move |head: &Head| vec![to(&["x"], &alert("a", head.seq as i64))];
                let (numbers, head) = store.append(None, additions, tell).await.unwrap();
                assert_eq!(numbers[1], numbers[0] + 1);
                assert_eq!(head.seq, numbers[1]);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(t.store.head().await.unwrap().unwrap().seq, 320);
    assert_eq!(t.state("x").await.pending, 160);
    assert_in_order(&t).await;
}

/// How many transactions are in the write-ahead log: its frames that end one.
fn commits(t: &Bench) -> usize {
    let log = std::fs::read(format!("{}-wal", t.path().display())).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let salt = &log[16..24];
    log[32..]
        .chunks_exact(24 + page)
        .take_while(|frame| &frame[8..16] == salt)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}

#[tokio::test]
async fn what_is_appended_at_once_is_synced_once() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let before = commits(&t);
    t.store.append(None, add(intent(2)), |_| vec![to(&["x"], &alert("a", 1))]).await.unwrap();
    assert_eq!(commits(&t), before + 1);
    // While another one is being written, say.
    let lock = t.store.shared.gate.hold().await;
    let four = futures_util::future::join_all(
        (3..7).map(|n| t.store.append(None, add(intent(n)), |_| vec![])),
    );
    let release = async { drop(lock) };
    let (done, ()) = tokio::join!(four, release);
    let mut heads: Vec<_> = done.into_iter().map(|result| result.unwrap().1.seq).collect();
    heads.sort_unstable();
    assert_eq!(heads, [3, 4, 5, 6]);
    assert_eq!(commits(&t), before + 2);
}

#[tokio::test]
async fn tasks_that_append_all_the_time_share_syncs() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let before = commits(&t);
    let tasks = (1..5_u128).map(async |task| {
        for n in 100 * task..100 * task + 10 {
            t.store.append(None, add(intent(n)), |_| vec![]).await.unwrap();
        }
    });
    futures_util::future::join_all(tasks).await;
    let commits = commits(&t) - before;
    println!("{commits} commits of 40 records");
    assert!(commits <= 22, "{commits} commits of 40 records");
}

#[tokio::test]
async fn a_store_of_the_first_format_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bursar.db");
    let event = alert("a", 1);
    let db = opened::database(&path);
    db.execute_batch(include_str!("../migrations/1.sql")).unwrap();
    db.execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 0x42727372").unwrap();
    db.execute("INSERT INTO queue (destination) VALUES ('x')", []).unwrap();
    db.execute(
        "INSERT INTO event (id, site, kind, time, recorded, json) VALUES (?1, 'a', ?2, ?3, ?3, ?4)",
        rusqlite::params![
            event.id,
            event.kind().as_str(),
            at(0).timestamp_millis(),
            serde_json::to_string(&event).unwrap()
        ],
    )
    .unwrap();
    db.execute("INSERT INTO delivery (queue, class, seq) VALUES (1, 1, 1)", []).unwrap();
    drop(db);

    let store = open(&path, 100, &Arc::default()).await.unwrap();
    let batch = store.next_batch("x", 10).await.unwrap();
    assert_eq!(batch.into_iter().map(|q| q.event).collect::<Vec<_>>(), [event]);
    store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    assert_eq!(store.head().await.unwrap().unwrap().seq, 1);
    assert_eq!(store.queue_state("x").await.unwrap().unwrap().pending, 1);
}

#[tokio::test]
async fn what_was_done_to_a_seat_is_remembered() {
    let quarantined = SeatResult::Quarantined { until: Moment::Never };
    let refused = SeatResult::Refused { why: "403".into() };
    let unclear = SeatResult::Unclear { why: "timed out".into() };
    // (result, counts as taken or allocated again, ends the announcement, is still unsettled)
    for (result, moved, forgotten, unsettled) in [
        (SeatResult::Freed, true, true, false),
        (quarantined, true, true, false),
        (SeatResult::Allocated, true, false, false),
        (SeatResult::Gone, false, true, false),
        (refused, false, false, false),
        (unclear, false, false, true),
    ] {
        let t = Bench::new(100).await;
        t.store.append(None, add(announced(1)), |_| vec![]).await.unwrap();
        t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
        t.advance(DAY);
        t.store.append(None, add(outcome(2, 1, result.clone())), |_| vec![]).await.unwrap();
        let past = t.store.release_past("a").await.unwrap();
        let key = (SeatType::Analyzer, Uuid::from_u128(1));
        assert_eq!(past.released.get(&key), moved.then_some(&t.store_now()), "{result:?}");
        let last = t.store.last_released("a", SeatType::Analyzer, key.1).await.unwrap();
        assert_eq!(last, moved.then_some(t.store_now()), "{result:?}");
        assert_eq!(past.announced.is_empty(), forgotten, "{result:?}");
        assert_eq!(past.open.len(), usize::from(unsettled), "{result:?}");
        // None of it is another site's, type's or user's.
        assert_eq!(t.store.release_past("b").await.unwrap(), Default::default());
        let other = |site, seat_type, n| t.store.last_released(site, seat_type, Uuid::from_u128(n));
        assert_eq!(other("b", SeatType::Analyzer, 1).await.unwrap(), None);
        assert_eq!(other("a", SeatType::Professional, 1).await.unwrap(), None);
        assert_eq!(other("a", SeatType::Analyzer, 2).await.unwrap(), None);
    }
}

fn announced(n: u128) -> Entry {
    Entry::Announced {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1000 + n),
        holder: person(n),
        last_used: Moment::At(at(5)),
        due: at(7),
    }
}

#[tokio::test]
async fn an_announcement_holds_until_it_is_withdrawn() {
    let t = Bench::new(100).await;
    t.store.append(None, add(announced(1)), |_| vec![]).await.unwrap();
    t.store.append(None, add(announced(2)), |_| vec![]).await.unwrap();
    let announced = t.store.release_past("a").await.unwrap().announced;
    let first = &announced[&Uuid::from_u128(1001)];
    assert_eq!((first.announced, first.due), (t.store_now(), at(7)));
    assert_eq!((&first.holder, &first.last_used), (&person(1), &Moment::At(at(5))));
    let withdrawn = Entry::Withdrawn {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1001),
        holder: person(1),
        why: "used".into(),
    };
    t.store.append(None, add(withdrawn), |_| vec![]).await.unwrap();
    let left = t.store.release_past("a").await.unwrap().announced;
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [Uuid::from_u128(1002)]);
}

#[tokio::test]
async fn a_pause_holds_until_it_is_over() {
    let t = Bench::new(100).await;
    let pause = |seconds, why: &str| Entry::Paused {
        until: at(seconds),
        why: why.into(),
        by: "anna".into(),
    };
    t.store.append(None, add(pause(100, "first")), |_| vec![]).await.unwrap();
    t.advance(Duration::from_secs(10));
    t.store.append(None, add(pause(50, "second")), |_| vec![]).await.unwrap();
    assert_eq!(t.store.pause("b").await.unwrap(), None);
    // Another process, or the same one after a restart.
    let other = open(&t.path(), 100, &t.clock).await.unwrap();
    let expected = Pause {
        until: at(50),
        why: "second".into(),
        by: "anna".into(),
        since: at(10),
        begun_anew: false,
    };
    assert_eq!(other.pause("a").await.unwrap(), Some(expected));
    t.advance(Duration::from_secs(39));
    assert!(other.pause("a").await.unwrap().is_some());
    t.advance(Duration::from_secs(1));
    assert_eq!(other.pause("a").await.unwrap(), None);
    t.store.append(None, add(pause(1000, "third")), |_| vec![]).await.unwrap();
    assert!(other.pause("a").await.unwrap().is_some());
    let resumed = Entry::Resumed { by: "anna".into() };
    t.store.append(None, add(resumed), |_| vec![]).await.unwrap();
    assert_eq!(other.pause("a").await.unwrap(), None);
    assert_eq!(t.store.head().await.unwrap().unwrap().seq, 4);
}

const LEASE: Duration = Duration::from_secs(60);

async fn claim(store: &Store, run: &str) -> Result<Claim, Holder> {
    store.claim_release("a", run, &format!("owner of {run}"), LEASE).await.unwrap()
}

#[tokio::test]
async fn a_claim_is_one_runs_until_its_lease_ran_out() {
    let t = Bench::new(100).await;
    let other = open(&t.path(), 100, &t.clock).await.unwrap();
    let first = claim(&t.store, "run-1").await.unwrap();
    let holder = claim(&other, "run-2").await.unwrap_err();
    let expected =
        Holder { run: "run-1".into(), owner: "owner of run-1".into(), since: at(0), until: at(60) };
    assert_eq!(holder, expected);
    // Another site is another matter, and taking it again is none.
    assert!(other.claim_release("b", "run-2", "you", LEASE).await.unwrap().is_ok());
    t.advance(Duration::from_secs(30));
    assert_eq!(t.store.renew_claim(&first, LEASE).await.unwrap(), Ok(()));
    assert_eq!(claim(&t.store, "run-1").await.unwrap(), first);
    assert_eq!(claim(&other, "run-2").await.unwrap_err().since, at(0));

    // One second before the end, and at the end.
    t.advance(Duration::from_secs(59));
    assert_eq!(claim(&other, "run-2").await.unwrap_err().until, at(90));
    t.store.append(Some(&first), add(intent(1)), |_| vec![]).await.unwrap();
    t.advance(Duration::from_secs(1));
    let second = claim(&other, "run-2").await.unwrap();
    let taker = t.store.renew_claim(&first, LEASE).await.unwrap().unwrap_err();
    assert_eq!(taker.unwrap().run, "run-2");
    assert_eq!(claim(&t.store, "run-1").await.unwrap_err().run, "run-2");

    // The one who lost it writes nothing more, and gives nothing back.
    let tell = |_: &Head| vec![to(&["x"], &alert("a", 1))];
    let error = t.store.append(Some(&first), add(intent(2)), tell).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("another run took over, owner of run-2 since"), "{told}");
    assert!(matches!(error, AppendError::ClaimLost { site, .. } if site == "a"));
    assert_eq!(t.store.head().await.unwrap().unwrap().seq, 1);
    assert_eq!(t.pending("x").await.len(), 0);
    t.store.drop_claim(&first).await.unwrap();
    other.append(Some(&second), add(intent(2)), |_| vec![]).await.unwrap();

    other.drop_claim(&second).await.unwrap();
    let error = other.append(Some(&second), add(intent(3)), |_| vec![]).await.unwrap_err();
    assert!(matches!(error, AppendError::ClaimLost { .. }));
    assert!(claim(&t.store, "run-3").await.is_ok());
}

#[tokio::test]
async fn a_clock_that_was_set_forward_takes_no_claim_away() {
    let t = Bench::new(100).await;
    let first = claim(&t.store, "run-1").await.unwrap();
    t.advance(DAY);
    t.store.append(Some(&first), add(intent(1)), |_| vec![]).await.unwrap();
    assert_eq!(t.store.renew_claim(&first, LEASE).await.unwrap(), Ok(()));
    assert_eq!(claim(&t.store, "run-2").await.unwrap_err().run, "run-1");
    t.advance(DAY);
    // Nobody renewed it: another run may take it, and then it is lost.
    claim(&t.store, "run-2").await.unwrap();
    let error = t.store.append(Some(&first), add(intent(2)), |_| vec![]).await.unwrap_err();
    assert!(matches!(error, AppendError::ClaimLost { by: Some(by), .. } if by.run == "run-2"));
    // A record without a claim can be written always: the truth about a seat.
    t.store.append(None, add(intent(2)), |_| vec![]).await.unwrap();
}

#[tokio::test]
async fn a_second_open_intent_of_a_seat_is_refused() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let both = vec![add(intent(2)).remove(0), add(intent(1)).remove(0)];
    let error = t.store.append(None, both, |_| vec![]).await.unwrap_err();
    assert!(matches!(error, AppendError::Open { seq: 1, .. }), "{error}");
    assert_eq!(t.store.head().await.unwrap().unwrap().seq, 1, "none of both was written");
    // Another site has seats of its own.
    let elsewhere = Addition { site: "b".into(), ..add(intent(1)).remove(0) };
    t.store.append(None, vec![elsewhere], |_| vec![]).await.unwrap();
    t.store.append(None, add(outcome(1, 1, SeatResult::Freed)), |_| vec![]).await.unwrap();
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
}

fn of(entry: Entry) -> Outcome {
    match entry {
        Entry::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_outcome_that_comes_second_corrects_the_first_or_says_nothing() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let refused = outcome(1, 1, SeatResult::Refused { why: "403".into() });
    assert!(t.store.append_outcome("a", "run-1", of(refused.clone()), vec![]).await.unwrap());
    // The same once more, or less than is known.
    assert!(!t.store.append_outcome("a", "run-1", of(refused), vec![]).await.unwrap());
    let unclear = outcome(1, 1, SeatResult::Unclear { why: "timed out".into() });
    assert!(!t.store.append_outcome("a", "run-1", of(unclear), vec![]).await.unwrap());
    assert_eq!(t.store.head().await.unwrap().unwrap().seq, 2);
    let freed = of(outcome(1, 1, SeatResult::Freed));
    let told = vec![to(&["x"], &alert("a", 1))];
    assert!(t.store.append_outcome("a", "run-1", freed.clone(), told.clone()).await.unwrap());
    assert!(!t.store.append_outcome("a", "run-1", freed, told).await.unwrap());
    assert_eq!(t.pending("x").await.len(), 1, "it is told once");
    let records = t.store.records(1, 10).await.unwrap();
    assert_eq!(of(records[2].entry.clone()).evidence.corrects, Some(2));
    assert_eq!(t.store.attempts("a").await.unwrap().len(), 1, "the last one counts");
    let past = t.store.release_past("a").await.unwrap();
    assert!(past.released.contains_key(&(SeatType::Analyzer, Uuid::from_u128(1))));
}

#[tokio::test]
async fn what_is_refused_by_time_is_found_until_it_is_corrected() {
    let t = Bench::new(100).await;
    let by_time = |intent, n| {
        let mut outcome = of(outcome(intent, n, SeatResult::Refused { why: "late".into() }));
        outcome.evidence.by_time = true;
        outcome
    };
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    t.store.append_outcome("a", "run-1", by_time(1, 1), vec![]).await.unwrap();
    t.advance(DAY);
    t.store.append(None, add(intent(2)), |_| vec![]).await.unwrap();
    t.store.append_outcome("a", "run-1", by_time(3, 2), vec![]).await.unwrap();
    t.store.append(None, add(intent(3)), |_| vec![]).await.unwrap();
    let said_so = of(outcome(5, 3, SeatResult::Refused { why: "403".into() }));
    t.store.append_outcome("a", "run-1", said_so, vec![]).await.unwrap();
    let intents = async |since: i64| -> Vec<u64> {
        let found = t.store.refused_by_time("a", at(since)).await.unwrap();
        found.into_iter().map(|refused| refused.intent.0).collect()
    };
    assert_eq!(intents(0).await, [3, 1]);
    assert_eq!(intents(1).await, [3]);
    t.store
        .append_outcome("a", "run-1", of(outcome(3, 2, SeatResult::Freed)), vec![])
        .await
        .unwrap();
    assert_eq!(intents(0).await, [1]);
    assert!(t.store.refused_by_time("b", at(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_leaves_an_intent_open_is_kept_with_it() {
    let t = Bench::new(100).await;
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let open = t.store.unsettled("a").await.unwrap().remove(0);
    assert_eq!((open.answered, open.there, open.why), (None, None, None));
    let mut unclear = of(outcome(1, 1, SeatResult::Unclear { why: "timed out".into() }));
    unclear.evidence.answered = Some(ResponseClass::Accepted);
    t.store.append_outcome("a", "run-1", unclear.clone(), vec![]).await.unwrap();
    unclear.evidence = Evidence { there: true, ..Evidence::default() };
    unclear.result = SeatResult::Unclear { why: "as it was".into() };
    t.store.append_outcome("a", "run-1", unclear, vec![]).await.unwrap();
    let open = t.store.unsettled("a").await.unwrap().remove(0);
    assert_eq!(open.answered, Some(ResponseClass::Accepted));
    assert_eq!((open.there, open.why), (Some(t.store_now()), Some("as it was".into())));
}

#[tokio::test]
async fn a_clock_that_was_set_back_locks_nobody_out() {
    let t = Bench::new(100).await;
    t.advance(DAY);
    claim(&t.store, "run-1").await.unwrap();
    t.clock.store(0, Ordering::Relaxed);
    // Perhaps the holder is alive: it gets a whole lease to show it.
    assert_eq!(claim(&t.store, "run-2").await.unwrap_err().until, at(60));
    t.advance(Duration::from_secs(59));
    assert_eq!(claim(&t.store, "run-2").await.unwrap_err().until, at(60));
    t.advance(Duration::from_secs(1));
    assert!(claim(&t.store, "run-2").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_runs_at_once_one_gets_the_claim() {
    let t = Bench::new(100).await;
    let other = open(&t.path(), 100, &t.clock).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..12 {
        let store = if n % 2 == 0 { t.store.clone() } else { other.clone() };
        tasks.spawn(async move { claim(&store, &format!("run-{n}")).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test]
async fn the_beginning_of_an_id_finds_one_run_or_none() {
    let t = Bench::new(100).await;
    let record = async |site: &str, run: &str, entry: Entry| {
        let addition = Addition { site: site.into(), run: Some(run.into()), entry };
        t.store.append(None, vec![addition], |_| vec![]).await.unwrap();
    };
    record("a", "0197-aa", start()).await;
    record("b", "0197-ab", start()).await;
    record("a", "0198", start()).await;
    record("a", "0198-a", start()).await;
    t.store
        .append(
            None,
            vec![Addition {
                site: "a".into(),
                run: None,
                entry: Entry::Resumed { by: "anna".into() },
            }],
            |_| vec![],
        )
        .await
        .unwrap();
    t.store.save_plan("a", "0197-ac", b"plan".to_vec()).await.unwrap();
    for (begin, found) in
        [("0197-aa", 1), ("0198", 1), ("0198-", 1), ("0199", 0), ("", 0), ("%", 0), ("0197-ac", 0)]
    {
        assert_eq!(t.store.records_of(begin).await.unwrap().len(), found, "{begin}");
    }
    // Whether it has records or a plan: nobody knows which one is meant.
    for begin in ["0197", "0197-a", "019"] {
        let error = t.store.records_of(begin).await.unwrap_err();
        assert!(matches!(error, StoreError::Ambiguous { .. }), "{begin}: {error}");
        assert!(t.store.load_plan(begin).await.is_err(), "{begin}");
    }
    assert_eq!(t.store.load_plan("0197-ac").await.unwrap(), Some(b"plan".to_vec()));

    let runs = async |site, max| {
        let starts = t.store.run_starts(site, max).await.unwrap();
        starts.into_iter().map(|record| record.run.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(runs(Some("a"), 10).await, ["0198-a", "0198", "0197-aa"]);
    assert_eq!(runs(None, 3).await, ["0198-a", "0198", "0197-ab"]);
}

fn start() -> Entry {
    Entry::RunStarted {
        mode: crate::ledger::Mode::Real,
        trigger: crate::ledger::Trigger::Schedule,
        version: "0.1.0".into(),
        policy: crate::policy::Policy {
            never_release: Default::default(),
            types: vec![],
            judge_per_user: true,
            limits: Default::default(),
            calendar: Default::default(),
        },
    }
}

#[tokio::test]
async fn only_what_is_in_the_file_leaves_the_store() {
    let t = Bench::new(100).await;
    for n in 1..=6 {
        t.store.append(None, add(announced(n)), |_| vec![]).await.unwrap();
    }
    let records = t.store.records(1, 10).await.unwrap();
    let archive = |seq: u64, hash: &str, records| Archive {
        through: Head { seq, hash: hash.to_owned() },
        records,
        file: "old.jsonl".into(),
        digest: "0".repeat(64),
        by: "anna".into(),
    };
    let hash = &records[2].hash;
    for wrong in [
        archive(3, &records[3].hash, 3),
        archive(3, hash, 2),
        archive(7, hash, 7),
        archive(0, "", 0),
    ] {
        let error = t.store.archive_ledger(wrong.clone()).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Changed), "{wrong:?}: {error}");
        assert_eq!(t.store.records(1, 10).await.unwrap(), records);
    }
    let head = t.store.archive_ledger(archive(3, hash, 3)).await.unwrap();
    assert_eq!(head.seq, 7);
    assert_in_order(&t).await;
    // Not twice, and not again from the beginning.
    for wrong in [archive(3, hash, 3), archive(5, &records[4].hash, 5)] {
        let error = t.store.archive_ledger(wrong).await.unwrap_err();
        assert!(matches!(error, ArchiveError::Changed), "{error}");
    }
    t.store.append(None, add(intent(1)), |_| vec![]).await.unwrap();
    let last = t.store.head().await.unwrap().unwrap();
    let error = t.store.archive_ledger(archive(8, &last.hash, 5)).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Unsettled(8)), "{error}");
    t.store.archive_ledger(archive(5, &records[4].hash, 2)).await.unwrap();
    let left: Vec<_> =
        t.store.records(1, 10).await.unwrap().into_iter().map(|record| record.seq).collect();
    assert_eq!(left, [6, 7, 8, 9]);
    assert_in_order(&t).await;
}

#[tokio::test]
async fn the_newest_plans_of_a_site_are_kept() {
    let t = Bench::new(100).await;
    t.store.save_plan("b", "other", b"of another site".to_vec()).await.unwrap();
    for n in 10..45 {
        t.store.save_plan("a", &format!("run-{n}"), vec![n; 100_000]).await.unwrap();
    }
    assert_eq!(t.store.load_plan("run-14").await.unwrap(), None);
    for n in [15, 44] {
        let plan = t.store.load_plan(&format!("run-{n}")).await.unwrap();
        assert_eq!(plan, Some(vec![n; 100_000]));
    }
    assert!(t.store.load_plan("other").await.unwrap().is_some());
    assert_eq!(t.rows("release_plan"), 31);
    let bytes: i64 = t
        .other()
        .query_row("SELECT sum(length(json)) FROM release_plan", [], |r| r.get(0))
        .unwrap();
    assert!(bytes < 100_000, "{bytes}");
    // Saving one again makes it the newest, and no second one.
    t.store.save_plan("a", "run-15", b"again".to_vec()).await.unwrap();
    t.store.save_plan("a", "run-45", b"new".to_vec()).await.unwrap();
    assert_eq!(t.store.load_plan("run-15").await.unwrap(), Some(b"again".to_vec()));
    assert_eq!(t.store.load_plan("run-16").await.unwrap(), None);
}

#[tokio::test]
async fn what_runs_took_counts_from_their_start() {
    let t = Bench::new(100).await;
    let policy = || crate::policy::Policy {
        never_release: crate::policy::NeverRelease::default(),
        types: Vec::new(),
        judge_per_user: true,
        limits: crate::policy::Limits::default(),
        calendar: Default::default(),
    };
    let started = || Entry::RunStarted {
        mode: crate::ledger::Mode::Real,
        trigger: crate::ledger::Trigger::Schedule,
        version: "0".into(),
        policy: policy(),
    };
    let append = async |site: &str, run: &str, entries: Vec<Entry>| {
        let additions = entries.into_iter().map(|entry| Addition {
            site: site.into(),
            run: Some(run.into()),
            entry,
        });
        t.store.append(None, additions.collect(), |_| vec![]).await.unwrap().0
    };
    let taken = async || {
        let past = t.store.release_past("a").await.unwrap();
        past.taken(SeatType::Analyzer)
    };
    append("a", "old", vec![started()]).await;
    let n = append("a", "old", vec![intent(1)]).await[0];
    t.advance_by(3600);
    append("a", "new", vec![started()]).await;
    append("a", "old", vec![outcome(n, 1, SeatResult::Freed)]).await;
    let until = Moment::Never;
    let refused = SeatResult::Refused { why: "409".into() };
    let unclear = SeatResult::Unclear { why: "504".into() };
    let results =
        [SeatResult::Freed, SeatResult::Quarantined { until }, refused, unclear, SeatResult::Gone];
    for (user, result) in (2..).zip(results) {
        let n = append("a", "new", vec![intent(user)]).await[0];
        append("a", "new", vec![outcome(n, user, result)]).await;
    }
    append("b", "elsewhere", vec![started(), intent(20)]).await;
    // One of the old run; of the new one those that are or may be gone.
    assert_eq!(taken().await, 4);
    t.advance_by(21 * 3600 - 1);
    assert_eq!(taken().await, 4);
    t.advance_by(1);
    assert_eq!(taken().await, 3, "the old run began 22 hours ago");
    t.advance_by(3600);
    assert_eq!(taken().await, 0);
}

/// Ten years of runs are not looked through.
#[tokio::test]
async fn the_window_is_found_by_an_index() {
    let t = Bench::new(100).await;
    let db = t.other();
    let plan = |sql: &str| {
        let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = query.query_map(["a", "0"], |r| r.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    let steps = plan(crate::store::release::TAKEN);
    assert!(steps.contains("USING INDEX ledger_time (site=? AND kind=? AND time>?)"), "{steps}");
    assert!(steps.contains("USING INDEX ledger_run (run=?)"), "{steps}");
    assert!(!steps.contains("SCAN"), "{steps}");
}
