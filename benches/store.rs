//! What the outbox costs: `cargo bench --bench store` prints a table.
//!
//! Every write is synced to the disk, so the figures say as much about the disk of the temporary
//! folder (`TMPDIR`) as about the program.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use bursar::event::{Body, Event};
use bursar::ledger::check::Check;
use bursar::ledger::{Action, Entry, Intent, Outcome, SeatResult};
use bursar::license::pools::SeatPool;
use bursar::license::{Holder, Moment, Person, Pools, Seat, SeatType};
use bursar::store::settings::OutboxLimits;
use bursar::store::{Addition, LedgerFile, SeatReading, Selector, Settlement, Store};
use chrono::{DateTime, Utc};
use uuid::Uuid;

const QUEUED: usize = 100_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bursar.db");
    let limits = OutboxLimits { max_events: 100_000, max_age: Duration::from_secs(30 * 86_400) };
    let store = Store::open(&path, limits).await?;
    println!("{:<58} {:>12}", "resident before", resident());

    for queues in [1, 3] {
        let what = format!("record(), one event to {queues} destination(s)");
        measure(&what, 1_000, async |n| store.record(vec![event(n, queues)]).await).await?;
    }
    let started = Instant::now();
    let many = (0..1_000).map(|n| store.record(vec![event(n, 3)]));
    futures_util::future::try_join_all(many).await?;
    line("record() by 1,000 sites at the same time, 3 destinations", 1_000, started.elapsed());
    ledger(&store, &path).await?;
    seats(&store, &path).await?;
    for queue in ["q0", "q1", "q2"] {
        store.drop_events(Selector::Destination(queue.into())).await?;
    }

    let started = Instant::now();
    for part in 0..QUEUED / 1_000 {
        store.record((0..1_000).map(|n| event(part * 1_000 + n, 1)).collect()).await?;
    }
    line("record(), 1,000 events a call, up to 100,000 queued", QUEUED, started.elapsed());
    println!("{:<58} {:>12}", "file with 100,000 queued", size(&path));
    println!("{:<58} {:>12}", "resident with 100,000 queued", resident());

    measure("next_batch(1) at 100,000 queued", 1_000, async |_| {
        store.next_batch("q0", 1).await.map(drop)
    })
    .await?;
    measure("record() into a full queue, one event dropped each", 300, async |n| {
        store.record(vec![event(n, 1)]).await
    })
    .await?;
    measure("queue_states()", 1_000, async |_| store.queue_states().await.map(drop)).await?;
    measure("next_batch(1) + settle, from 100,000", 1_000, async |_| round(&store, 1).await)
        .await?;
    let started = Instant::now();
    for _ in 0..50 {
        round(&store, 1_000).await?;
    }
    line("next_batch(1000) + settle, events", 50_000, started.elapsed());
    let started = Instant::now();
    let gone = store.coalesce("q0").await?;
    line("coalesce(), events dropped", gone as usize, started.elapsed());
    println!("{:<58} {:>12}", "resident after", resident());
    println!("{:<58} {:>12}", "file after", size(&path));
    store.close().await;
    Ok(())
}

/// A release writes an intent and then an outcome with an event.
async fn ledger(store: &Store, path: &Path) -> anyhow::Result<()> {
    measure("append() of an intent and then of its outcome", 300, async |n| seat(store, n).await)
        .await?;
    let started = Instant::now();
    let tasks = (1..5).map(async |task| {
        for n in 0..100 {
            seat(store, task * 1_000 + n).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(tasks).await?;
    line("the same by 4 tasks", 400, started.elapsed());

    for part in 0..50 {
        let many = (0..1_000).map(|n| addition(intent(part * 1_000 + n))).collect();
        store.append(None, many, |_| Vec::new()).await?;
    }
    let started = Instant::now();
    let file = LedgerFile::open(path)?;
    let (start, head) = file.ends()?;
    let records = head.seq as usize;
    let mut check = Check::default();
    let mut pass = check.store("store", start, head);
    file.each(|record| {
        pass.push(record.as_ref());
        anyhow::Ok(())
    })?;
    pass.end_of_store(&file.unsettled()?);
    anyhow::ensure!(check.finish(&[]).in_order, "the ledger is not in order");
    line("verifying the ledger, records", records, started.elapsed());
    Ok(())
}

async fn seat(store: &Store, n: usize) -> anyhow::Result<()> {
    let (numbers, _) = store.append(None, vec![addition(intent(n))], |_| Vec::new()).await?;
    let Entry::Intent(what) = intent(n) else { unreachable!("it is an intent") };
    let outcome = Entry::Outcome(Outcome {
        intent: numbers[0],
        action: what.action,
        seat_type: what.seat_type,
        seat: what.seat,
        holder: what.holder,
        result: SeatResult::Freed,
        settled_later: false,
        evidence: Default::default(),
    });
    store.append(None, vec![addition(outcome)], move |_| vec![event(n, 1)]).await?;
    Ok(())
}

fn addition(entry: Entry) -> Addition {
    Addition { site: "default".into(), run: Some("0197f3c2-7d1e".into()), entry }
}

fn intent(n: usize) -> Entry {
    let id = uuid::Uuid::from_u128(n as u128);
    Entry::Intent(Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: id,
        holder: Holder {
            id,
            directory: "CORP".into(),
            user_id: format!("user{n}").into(),
            name: "Anna Muster".into(),
        },
        created: Moment::At(chrono::Utc::now()),
        last_used: Moment::At(chrono::Utc::now()),
        because: "idle for 43 days (threshold 30)".into(),
        has: 0,
    })
}

fn event(n: usize, queues: usize) -> (Event, Vec<String>) {
    let seats = SeatPool {
        enabled: true,
        total: 1_000.0,
        allocated: 700.0 + (n % 100) as f64,
        available: 300.0,
        used: 650.0,
        quarantined: 3.0,
        excess: 0.0,
    };
    let pools = Pools { professional: Some(seats), analyzer: Some(seats), ..Pools::default() };
    let site = format!("site-{}", n % 1_000);
    let event = Event::new(site, chrono::Utc::now(), Body::AccessLicenseStatus(pools));
    (event, (0..queues).map(|q| format!("q{q}")).collect())
}

/// The hourly look at the seats: reading what is known, and keeping a list in which one seat was used, or
/// all were; and how long others waited for the store at most.
async fn seats(store: &Store, path: &Path) -> anyhow::Result<()> {
    for (site, count) in [("small", 15_000), ("large", 200_000)] {
        let first: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
        let started = Instant::now();
        let waited = beside(store, store.keep_seats(site, reading(count, 0, first), Vec::new()));
        let waited = waited.await?;
        line(&format!("first reading of {count} seats and their users"), 1, started.elapsed());
        println!("{:<58} {waited:>9.3?}", "  others waited at most");
        for (hour, used, known) in [
            (1, 1, "one used"),
            (2, count, "all used"),
            (3, 1, "one used, without the index on users"),
        ] {
            if known.contains("without") {
                if count > 15_000 {
                    continue;
                }
                rusqlite::Connection::open(path)?.execute_batch("DROP INDEX seat_user")?;
            }
            let now = first + chrono::TimeDelta::hours(hour);
            let started = Instant::now();
            let seats = store.seats(site).await?;
            line(&format!("what is known of {count} seats"), 1, started.elapsed());
            assert_eq!(seats.people.len(), count);
            let mut hourly = reading(count, used, now);
            hourly.people.clear();
            let started = Instant::now();
            let waited = beside(store, store.keep_seats(site, hourly, Vec::new())).await?;
            line(&format!("hourly reading of {count} seats, {known}"), 1, started.elapsed());
            println!("{:<58} {waited:>9.3?}", "  others waited at most");
        }
        let index = "CREATE INDEX IF NOT EXISTS seat_user ON seat (site, user)";
        rusqlite::Connection::open(path)?.execute_batch(index)?;
        println!("{:<58} {:>12}", format!("file with {count} seats more"), size(path));
    }
    Ok(())
}

/// Records events all the time beside something, and returns how long one of them took at most.
async fn beside(
    store: &Store,
    work: impl Future<Output = Result<(), bursar::store::StoreError>>,
) -> anyhow::Result<Duration> {
    let mut work = std::pin::pin!(work);
    let mut longest = Duration::ZERO;
    loop {
        let started = Instant::now();
        let mut other = std::pin::pin!(store.record(vec![event(0, 1)]));
        tokio::select! {
            done = &mut work => {
                other.await?;
                done?;
                return Ok(longest.max(started.elapsed()));
            }
            recorded = &mut other => recorded?,
        }
        longest = longest.max(started.elapsed());
    }
}

/// A list of so many seats, of which the first ones were just used, and all their users.
fn reading(count: usize, used: usize, now: DateTime<Utc>) -> SeatReading {
    let id = |n: usize| Uuid::from_u128(n as u128 + 1);
    let long_ago = DateTime::from_timestamp(1_750_000_000, 0).unwrap_or_default();
    let list = (0..count).map(|n| Seat {
        id: id(n),
        seat_type: SeatType::Analyzer,
        holder: Some(std::sync::Arc::new(Holder {
            id: id(1_000_000 + n),
            directory: "CORP".into(),
            user_id: format!("user{n}").into(),
            name: format!("User {n}").into(),
        })),
        deleted_user: None,
        created: Moment::At(long_ago),
        last_used: Moment::At(if n < used { now } else { long_ago }),
        excess: false,
        quarantined: None,
    });
    let people = (0..count).map(|n| Person {
        id: id(1_000_000 + n),
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: format!("User {n}").into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: vec!["one of the tags".into()],
        properties: vec![("Department".into(), "Sales".into())],
        inactive: false,
        blocked: false,
        removed_externally: false,
    });
    SeatReading {
        time: now,
        lists: vec![(SeatType::Analyzer, list.collect())],
        changes: Vec::new(),
        people: people.collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::Tz::UTC,
        keep_changes_days: 90,
    }
}

async fn round(store: &Store, max: usize) -> Result<(), bursar::store::StoreError> {
    let batch = store.next_batch("q0", max).await?;
    let done: Vec<_> = batch.iter().map(|q| (q.id, Settlement::Done)).collect();
    store.settle("q0", &done).await
}

async fn measure<F, E>(what: &str, times: usize, call: impl Fn(usize) -> F) -> Result<(), E>
where
    F: Future<Output = Result<(), E>>,
{
    let started = Instant::now();
    for n in 0..times {
        call(n).await?;
    }
    line(what, times, started.elapsed());
    Ok(())
}

fn line(what: &str, times: usize, took: Duration) {
    let each = took.as_secs_f64() * 1e6 / times as f64;
    println!("{what:<58} {each:>9.1} µs {:>10.0} /s", 1e6 / each);
}

/// Of the file and its write-ahead log.
fn size(path: &Path) -> String {
    let of = |suffix: &str| {
        let name = format!("{}{suffix}", path.display());
        std::fs::metadata(name).map_or(0.0, |m| m.len() as f64 / 1e6)
    };
    format!("{:.1} + {:.1} MB", of(""), of("-wal"))
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.map_or_else(|| "unknown".into(), |l| l.trim().to_owned())
}
