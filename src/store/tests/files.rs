//! The file: crashes, other processes, other programs' files, old and new formats.

use rusqlite::Connection;

use super::*;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bursar.db");
    (folder, path)
}

async fn refusal(path: &Path) -> StoreError {
    open(path, 100, &Arc::default()).await.expect_err("the file must be refused")
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_crash() {
    let t = Bench::new(100).await;
    let events = [alert("a", 0), recurring("a", 1)];
    for event in &events {
        t.record(&["x"], event).await;
    }
    // The files as they are while the process lives: what a crash leaves behind.
    let (_folder, copy) = folder();
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(name(&t.path()), name(&copy)).unwrap();
    }
    let store = open(&copy, 100, &t.clock).await.unwrap();
    let batch = store.next_batch("x", 10).await.unwrap();
    assert_eq!(batch.into_iter().map(|q| q.event).collect::<Vec<_>>(), events);
}

#[tokio::test]
async fn a_commit_is_on_the_disk_when_it_returns() {
    let (_folder, path) = folder();
    let limits = OutboxLimits { max_events: 1, max_age: DAY };
    let store = Store::open(&path, limits).await.unwrap();
    let pragma = async |name: &'static str| {
        let query = move |db: &Connection| {
            db.pragma_query_value(None, name, |r| r.get::<_, rusqlite::types::Value>(0))
        };
        store.shared.gate.read("look", query).await.unwrap()
    };
    assert_eq!(pragma("journal_mode").await, "wal".to_owned().into());
    const FULL: i64 = 2;
    assert_eq!(pragma("synchronous").await, FULL.into());
}

#[tokio::test]
async fn a_store_that_was_dropped_or_closed_opens_again() {
    let (_folder, path) = folder();
    let clock = Arc::default();
    for n in 0..3 {
        let store = open(&path, 100, &clock).await.unwrap();
        assert_eq!(store.next_batch("x", 10).await.unwrap().len(), n);
        store.record(vec![to(&["x"], &alert("a", 0))]).await.unwrap();
        if n == 1 {
            let other = store.clone();
            store.close().await;
            let error = other.record(vec![to(&["x"], &alert("a", 0))]).await.unwrap_err();
            assert!(matches!(error, StoreError::Closed), "{error}");
            assert!(matches!(other.latest().await.unwrap_err(), StoreError::Closed));
        }
    }
}

#[tokio::test]
async fn two_processes_use_the_file_at_once() {
    let t = Bench::new(1000).await;
    let command = open(&t.path(), 1000, &t.clock).await.unwrap();
    let daemon = async {
        for n in 0..50 {
            t.record(&["x"], &recurring("a", n)).await;
        }
    };
    let other = async {
        for n in 0..50 {
            command.record(vec![to(&["x"], &alert("b", n))]).await.unwrap();
            command.list(None, false, 10).await.unwrap();
        }
    };
    tokio::join!(daemon, other);
    assert_eq!(t.pending("x").await.len(), 100);
    assert_eq!(command.drop_events(Selector::Destination("x".into())).await.unwrap(), 100);
    assert_eq!(t.state("x").await.pending, 0);
}

#[tokio::test]
async fn a_new_file_may_be_opened_by_several_at_the_same_moment() {
    for _ in 0..8 {
        let (_folder, path) = folder();
        let clock = Arc::default();
        let opened = futures_util::future::join_all((0..6).map(|_| open(&path, 100, &clock))).await;
        for store in opened {
            store.unwrap().record(vec![to(&["x"], &alert("a", 0))]).await.unwrap();
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let t = Bench::new(100).await;
    t.record(&["x"], &alert("a", 0)).await;
    for entry in std::fs::read_dir(t.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (_folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    let store = open(&path, 100, &Arc::default()).await.unwrap();
    store.record(vec![to(&["x"], &alert("a", 0))]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let text = "Butler:\n  logLevel: info\n".repeat(300);
    std::fs::write(&path, &text).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    assert!(error.to_string().contains("bursar.db"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_store_is_refused_and_left_alone() {
    let t = Bench::new(100).await;
    t.record(&["x"], &alert("a", 0)).await;
    let path = t.path();
    t.store.clone().close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    // The header stays, the schema's page is rubbish.
    bytes[100..4096].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("bursar store restore"), "{said}");
    assert!(said.contains("sets the file aside and begins a fresh one"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    opened::database(&path).execute_batch("CREATE TABLE songs (title)").unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_store_of_a_newer_release_is_refused_and_left_alone() {
    let t = Bench::new(100).await;
    t.record(&["x"], &alert("a", 0)).await;
    let path = t.path();
    t.store.clone().close().await;
    opened::database(&path).pragma_update(None, "user_version", 99).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::Newer { found: 99, copy: None, .. }), "{error}");
    assert!(error.to_string().contains("no copy of an older format"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    // Of the copies beside it the newest that this release can open.
    let copies = ["v3.backup", "v6.backup", "v6.backup.3", "v98.backup", "v6.backup.old"];
    for copy in copies {
        std::fs::write(t.folder.path().join(format!("bursar.db.{copy}")), "").unwrap();
    }
    let error = refusal(&path).await.to_string();
    assert!(error.contains("bursar.db.v6.backup.3 to "), "{error}");
    assert!(error.contains("format 99") && error.contains("start the newer release"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_new_file_gets_no_copy() {
    let t = Bench::new(100).await;
    t.record(&["x"], &alert("a", 0)).await;
    for entry in std::fs::read_dir(t.folder.path()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().contains("backup"), "{name:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let (folder, _) = folder();
    let error = refusal(&folder.path().join("no/bursar.db")).await;
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
    assert!(error.to_string().contains("no/bursar.db"), "{error}");
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let t = Bench::new(100_000).await;
    t.record(&["x"], &alert("a", 0)).await;
    // A file that may not grow fails as a full disk does.
    let pages = |db: &Connection, max: i64| db.pragma_update(None, "max_page_count", max);
    t.store.shared.gate.read("limit", move |db| pages(db, 1)).await.unwrap();
    let big = |n: i64| to(&["x"], &recurring(&"site".repeat(10_000), n));
    let (a, b) = tokio::join!(
        t.store.record(vec![to(&["x"], &alert("small", 1))]),
        t.store.record((0..20).map(big).collect()),
    );
    assert!(matches!(b, Err(StoreError::Full { .. })), "{b:?}");
    let recorded = 1 + usize::from(a.is_ok());
    assert_eq!(t.pending("x").await.len(), recorded);

    t.store.shared.gate.read("limit", move |db| pages(db, 1_000_000)).await.unwrap();
    t.store.record((0..20).map(big).collect()).await.unwrap();
    assert_eq!(t.pending("x").await.len(), recorded + 20);
}

#[tokio::test]
async fn a_file_that_was_full_shrinks_again() {
    let t = Bench::new(100_000).await;
    let site = "s".repeat(8_000);
    t.store.record((0..2_000).map(|n| to(&["x"], &recurring(&site, n))).collect()).await.unwrap();
    t.store.drop_events(Selector::Destination("x".into())).await.unwrap();
    for n in 0..40 {
        t.record(&["x"], &recurring("a", n)).await;
    }
    let (path, clock) = (t.path(), t.clock.clone());
    t.store.clone().close().await;
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 6 * 1024 * 1024, "{size}");
    drop(open(&path, 100, &clock).await.unwrap());
}
