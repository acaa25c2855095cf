//! The history against the hardest stop there is, SIGKILL of a process that polls and maintains;
//! and as the daemon makes it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::Scenario;
use bursar::store::Store;
use bursar::store::history::{Resolution, Rollup, Sample};
use bursar::store::settings::{HistoryRetention, OutboxLimits};
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::process::LIMIT;
use crate::support::setup::Setup;

/// Folder of the store, set for the child process only.
const CHILD: &str = "BURSAR_TEST_HISTORY_CHILD";

const ZONE: chrono_tz::Tz = chrono_tz::Europe::Stockholm;
const RETENTION: HistoryRetention =
    HistoryRetention { raw_days: 2, hourly_days: 4, daily_days: 10_000 };

/// Time of the poll of a number: one each hour.
fn time_of(n: i64) -> DateTime<Utc> {
    "2026-10-01T00:10:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(n)
}

async fn open(folder: &Path, clock: &Arc<AtomicI64>) -> Store {
    let limits = OutboxLimits { max_events: 10, max_age: Duration::from_secs(86_400) };
    let clock = clock.clone();
    let now = move || time_of(clock.load(Ordering::Relaxed));
    crate::support::store::open(&folder.join("bursar.db"), limits, now)
        .await
        .expect("open the store")
}

async fn history(store: &Store, resolution: Resolution) -> Vec<Rollup> {
    let (from, to) = (time_of(-1000), time_of(1_000_000));
    store.history("a", "pool", "field", resolution, from, to).await.expect("read the history")
}

/// Not a test by itself: the process that the test below kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let clock = Arc::new(AtomicI64::new(0));
    let store = open(&folder, &clock).await;
    let last = history(&store, Resolution::Day).await.last().map_or(-1.0, |day| day.last);
    clock.store(last as i64, Ordering::Relaxed);
    let maintenance = {
        let store = store.clone();
        async move {
            loop {
                store.maintain_history(RETENTION, ZONE).await.expect("maintain");
            }
        }
    };
    tokio::spawn(maintenance);
    loop {
        let n = clock.fetch_add(1, Ordering::Relaxed) + 1;
        let value = n as f64;
        let sample = Sample { time: time_of(n), pool: "pool".into(), field: "field".into(), value };
        store.keep_samples("a", vec![sample]).await.expect("keep");
        println!("kept {n}");
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // SIGKILL on unix. Fails only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the child, kills it after so many polls, and returns the last one that it said.
fn keep_and_kill(folder: &Path, polls: usize) -> i64 {
    let mut child = Command::new(std::env::current_exe().expect("the test binary has a path"))
        .args(["--exact", "history::child", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the child");
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut child = Some(Killed(child));
    let mut last = None;
    let mut said = 0;
    for line in output.lines().map_while(Result::ok) {
        // A line that was cut by the kill may be a smaller number.
        let number = line.split_once("kept ").and_then(|(_, n)| n.trim().parse::<i64>().ok());
        last = last.max(number);
        said += usize::from(number.is_some());
        if said == polls {
            child.take();
        }
    }
    assert!(said >= polls, "the child ended early");
    last.expect("the child kept something")
}

#[tokio::test]
async fn a_killed_process_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(0));
    let mut last = 0;
    for polls in [3, 90, 41, 160, 77] {
        last = keep_and_kill(folder.path(), polls);
        let store = open(folder.path(), &clock).await;
        let days = history(&store, Resolution::Day).await;
        let kept = days.last().unwrap().last as i64;
        // The last one may be on the disk and not said.
        assert!((last..=last + 1).contains(&kept), "{kept} of {last}");
        let samples: u64 = days.iter().map(|day| day.samples).sum();
        let sum: f64 = days.iter().map(|day| day.mean * day.samples as f64).sum();
        assert_eq!(samples as i64, kept + 1, "each poll is counted once");
        assert!((sum - (kept * (kept + 1) / 2) as f64).abs() < 1e-3, "{sum}");
        store.close().await;
    }
    assert!(last >= 370, "{last}");
    // What is past its time went meanwhile.
    clock.store(last, Ordering::Relaxed);
    let store = open(folder.path(), &clock).await;
    while store.maintain_history(RETENTION, ZONE).await.unwrap() != Default::default() {}
    let raw = history(&store, Resolution::Raw).await;
    assert!((48..=72).contains(&raw.len()), "{}", raw.len());
    let hours = history(&store, Resolution::Hour).await;
    assert!((96..=120).contains(&hours.len()), "{}", hours.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_keeps_what_it_polls_and_rolls_it_up() {
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 1 minute", "  timeZone: Asia/Kolkata\n");
    // Four hours a second.
    let clock = Clock::fast(Utc::now(), 14_400.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.unwrap();
    let db = crate::support::store::database(setup.store());
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let wait = async {
        while count("SELECT count(*) FROM history_hour") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("an hour is rolled up");
    assert_eq!(count("SELECT count(*) FROM history_zone WHERE name = 'Asia/Kolkata'"), 1);
    let series = daemon.store().history_series(Some("default")).await.unwrap();
    let has = |pool: &str, field: &str| series.iter().any(|s| s.pool == pool && s.field == field);
    assert!(has("professional", "allocated") && has("analyzer_capacity", "used_minutes"));
    assert!(has("server_license", "state") && !has("token_user", "used_tokens"), "{series:#?}");
    let total = daemon.store().history(
        "default",
        "professional",
        "total",
        Resolution::Day,
        DateTime::UNIX_EPOCH,
        DateTime::<Utc>::MAX_UTC,
    );
    assert_eq!(total.await.unwrap()[0].max, 25.0);
    daemon.stop().await;
}
