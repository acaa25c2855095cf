//! The outbox against the hardest stop there is: SIGKILL of a process that records and delivers.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bursar::destination::{Destination, Outcome, Probe, ProbeFailure, worker};
use bursar::event::{Body, Event};
use bursar::license::Pools;
use bursar::store::Store;
use bursar::store::settings::{OutboxLimits, SetAside};
use tokio_util::sync::CancellationToken;

/// Folder of the store, set for the child process only.
const CHILD: &str = "BURSAR_TEST_OUTBOX_CHILD";
const QUEUE: &str = "file";

async fn open(folder: &Path) -> Store {
    let limits = OutboxLimits { max_events: 100_000, max_age: Duration::from_secs(86_400) };
    crate::support::store::open(&folder.join("bursar.db"), limits, chrono::Utc::now)
        .await
        .expect("open the store")
}

fn sent_to(folder: &Path) -> PathBuf {
    folder.join("sent.txt")
}

/// Appends the id of each event to a file; every third delivery fails first.
struct Appender {
    file: Mutex<File>,
    calls: Mutex<u32>,
}

#[async_trait]
impl Destination for Appender {
    fn id(&self) -> &str {
        QUEUE
    }

    fn title(&self) -> String {
        "a file".into()
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let mut calls = self.calls.lock().expect("no call panicked");
        *calls += 1;
        if calls.is_multiple_of(3) {
            let after = Some(Duration::ZERO);
            return vec![Outcome::Retry { after, why: "not now".into() }; events.len()];
        }
        // In one write: a kill must not leave half a line.
        let lines: String = events.iter().map(|e| format!("{}\n", e.id)).collect();
        let mut file = self.file.lock().expect("no call panicked");
        file.write_all(lines.as_bytes()).expect("append to the file");
        vec![Outcome::Done; events.len()]
    }

    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        unreachable!("a worker doesn't probe")
    }
}

/// Not a test by itself: the process that the test below kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let store = open(&folder).await;
    let file = OpenOptions::new().create(true).append(true).open(sent_to(&folder)).unwrap();
    let destination = Arc::new(Appender { file: Mutex::new(file), calls: Mutex::default() });
    let rng = fastrand::Rng::with_seed(1);
    tokio::spawn(worker::run(
        destination,
        store.clone(),
        SetAside::after(5),
        rng,
        CancellationToken::new(),
    ));
    loop {
        let body = Body::AccessLicenseStatus(Pools::default());
        let event = Event::new("site", chrono::Utc::now(), body);
        let id = event.id.clone();
        store.record(vec![(event, vec![QUEUE.into()])]).await.expect("record");
        println!("recorded {id}");
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

/// Starts the child, kills it after it recorded this many events, and returns all it said.
fn record_and_kill(folder: &Path, events: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("the test binary has a path"))
        .args(["--exact", "outbox::child", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the child");
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut child = Some(Killed(child));
    let mut recorded = Vec::new();
    for line in output.lines() {
        let line = line.expect("the child writes text");
        // A line that was cut by the kill was not said whole: it doesn't count.
        let id = line.split_once("recorded ").map(|(_, id)| id.to_owned());
        recorded.extend(id.filter(|id| id.len() == 36));
        if recorded.len() == events {
            child.take();
        }
    }
    recorded
}

#[tokio::test]
async fn a_killed_process_loses_no_event_and_keeps_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = Vec::new();
    for events in [1, 40, 90] {
        let said = record_and_kill(folder.path(), events);
        assert!(said.len() >= events, "the child ended early: {said:?}");
        recorded.extend(said);
    }
    let store = open(folder.path()).await;
    let waiting = store.next_batch(QUEUE, 100_000).await.unwrap();
    let waiting: Vec<String> = waiting.into_iter().map(|q| q.event.id).collect();
    let sent = std::fs::read_to_string(sent_to(folder.path())).unwrap();
    let mut seen: Vec<&str> = sent.lines().collect();
    // At least once: a delivery that was not settled before the kill is repeated, right after.
    seen.dedup();
    let repeated = seen.last().is_some_and(|last| waiting.first().is_some_and(|w| w == last));
    let rest = waiting.iter().skip(usize::from(repeated)).map(String::as_str);
    let all: Vec<&str> = seen.iter().copied().chain(rest).collect();
    let mut at = all.iter();
    for id in &recorded {
        assert!(at.any(|seen| seen == id), "{id} is lost or out of order");
    }
    assert!(seen.len() > 3, "the worker delivered next to nothing: {seen:?}");
}
