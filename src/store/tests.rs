use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::event::{Body, Class, Event, LicenseState, Monitor, ServerLicenseStatus};
use crate::license::server::Kind;
use crate::license::{Expiry, Pools, ServerLicense};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn recurring(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::AccessLicenseStatus(Pools::default()))
}

fn alert(site: &str, seconds: i64) -> Event {
    let license = ServerLicense {
        kind: Kind::SignedKey,
        expiry: Expiry::Unknown,
        server_says_expired: false,
        expired_reason: None,
        blacklisted: false,
        invalid: false,
        allotments: Vec::new(),
        maintenance_end: None,
    };
    let status = ServerLicenseStatus {
        license,
        state: LicenseState::ExpiryUnknown,
        expired: false,
        expiry_date: None,
        days_until_expiry: None,
        threshold_days: 30,
    };
    Event::new(site, at(seconds), Body::ServerLicenseProblem(status))
}

fn for_(event: &Event, destinations: &[&str]) -> (Event, Vec<String>) {
    (event.clone(), destinations.iter().map(|d| (*d).to_owned()).collect())
}

/// A store in a folder of its own, on a clock that only the test moves.
struct Bench {
    folder: TempDir,
    store: Store,
    clock: Arc<AtomicI64>,
}

impl Bench {
    async fn new(max_events: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let store = open(&folder.path().join("bursar.db"), max_events, &clock).await.unwrap();
        Self { folder, store, clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("bursar.db")
    }

    fn advance(&self, by: Duration) {
        self.clock.fetch_add(by.as_secs() as i64, Ordering::Relaxed);
    }

    async fn pending(&self, destination: &str) -> Vec<String> {
        let batch = self.store.next_batch(destination, 1000).await.unwrap();
        batch.into_iter().map(|q| q.event.id).collect()
    }

    async fn state(&self, destination: &str) -> QueueState {
        self.store.queue_state(destination).await.unwrap().unwrap()
    }
}

async fn open(path: &Path, max_events: u64, clock: &Arc<AtomicI64>) -> Result<Store, StoreError> {
    let limits = OutboxLimits { max_events, max_age: 30 * DAY };
    let clock = clock.clone();
    Store::open_with_clock(path, limits, move || at(clock.load(Ordering::Relaxed))).await
}

#[tokio::test]
async fn an_event_is_queued_for_each_destination_and_leaves_with_its_last_delivery() {
    let t = Bench::new(100).await;
    let (first, second) = (recurring("a", 0), alert("a", 0));
    t.store.record(vec![for_(&first, &["x", "y"]), for_(&second, &["x"])]).await.unwrap();

    let batch = t.store.next_batch("x", 10).await.unwrap();
    assert_eq!(batch.iter().map(|q| &q.event).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(t.pending("y").await, [first.id.as_str()]);
    assert_eq!(t.pending("z").await, Vec::<String>::new());

    let done: Vec<_> = batch.iter().map(|q| (q.id, Settlement::Done)).collect();
    t.store.settle("x", &done).await.unwrap();
    assert_eq!(t.pending("x").await, Vec::<String>::new());
    assert_eq!(t.pending("y").await, [first.id.as_str()]);
    t.store.settle("y", &done[..1]).await.unwrap();
    assert_eq!(rows(&t.path(), "event"), 0);
}

fn rows(path: &Path, table: &str) -> i64 {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap()
}
