//! The copy that is laid beside a store before its format is changed.

use std::path::{Path, PathBuf};

use bursar::store::StoreError;
use bursar::store::settings::OutboxLimits;
use rusqlite::types::Value;

use super::store::{SETTINGS, old_store, say};
use crate::support::process::Process;

async fn open(folder: &Path) -> Result<(), StoreError> {
    let limits = OutboxLimits { max_events: 1000, max_age: std::time::Duration::MAX };
    crate::support::store::open(&folder.join("bursar.db"), limits, chrono::Utc::now)
        .await?
        .close()
        .await;
    Ok(())
}

/// Every row of every table, with the table's name.
fn rows(file: &Path) -> Vec<(String, Vec<Value>)> {
    let db = crate::support::store::database(file);
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut query = db.prepare(sql).unwrap();
    let tables: Vec<String> =
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = Vec::new();
    for table in tables {
        let mut query = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = query.column_count();
        let values = query
            .query_map([], |row| (0..columns).map(|n| row.get::<_, Value>(n)).collect())
            .unwrap();
        for row in values {
            all.push((table.clone(), row.unwrap()));
        }
    }
    all
}

fn format_of(file: &Path) -> i64 {
    let db = crate::support::store::database(file);
    db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn copy_of(folder: &Path) -> PathBuf {
    folder.join("bursar.db.v6.backup")
}

#[tokio::test]
async fn an_old_store_is_copied_whole_before_it_is_changed() {
    let folder = old_store(6);
    let before = rows(&folder.path().join("bursar.db"));
    open(folder.path()).await.unwrap();
    let copy = copy_of(folder.path());
    assert_eq!(names(folder.path()), ["bursar.db", "bursar.db.v6.backup"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!((format_of(&copy), rows(&copy) == before), (6, true));
    assert!(format_of(&folder.path().join("bursar.db")) > 6);
    // Once: there is nothing to change any more.
    open(folder.path()).await.unwrap();
    assert_eq!(names(folder.path()), ["bursar.db", "bursar.db.v6.backup"]);
}

/// What another process has written and not yet brought into the file is in the copy.
#[tokio::test]
async fn the_copy_has_what_is_only_in_the_log() {
    let folder = old_store(6);
    let other = crate::support::store::database(folder.path().join("bursar.db"));
    other.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    other.execute_batch("DELETE FROM alert_history WHERE what <> 'fired'").unwrap();
    open(folder.path()).await.unwrap();
    let copy = rows(&copy_of(folder.path()));
    assert_eq!(copy.iter().filter(|(table, _)| table == "alert_history").count(), 1);
}

#[tokio::test]
async fn one_that_is_there_stays_and_the_next_gets_a_number() {
    let folder = old_store(6);
    open(folder.path()).await.unwrap();
    let copy = copy_of(folder.path());
    let first = std::fs::read(&copy).unwrap();
    for number in [2, 3] {
        // The way back.
        std::fs::copy(&copy, folder.path().join("bursar.db")).unwrap();
        let db = crate::support::store::database(folder.path().join("bursar.db"));
        db.execute("DELETE FROM alert_silence WHERE id < ?1", [number]).unwrap();
        drop(db);
        open(folder.path()).await.unwrap();
        let next = folder.path().join(format!("bursar.db.v6.backup.{number}"));
        assert_eq!(format_of(&next), 6);
        assert!(std::fs::read(&copy).unwrap() == first);
    }
    assert_eq!(names(folder.path()).len(), 4);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_written_through_a_link() {
    use std::os::unix::fs::symlink;
    let folder = old_store(6);
    let victims = tempfile::tempdir().unwrap();
    let victim = victims.path().join("victim");
    std::fs::write(&victim, "mine").unwrap();
    symlink(&victim, copy_of(folder.path())).unwrap();
    symlink(&victim, folder.path().join("bursar.db.v6.backup.3.part")).unwrap();
    symlink(victims.path().join("nowhere"), folder.path().join("bursar.db.v6.backup.2")).unwrap();
    open(folder.path()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(names(victims.path()), ["victim"]);
    let copy = folder.path().join("bursar.db.v6.backup.3");
    assert!(std::fs::symlink_metadata(&copy).unwrap().is_file());
    assert_eq!(format_of(&copy), 6);
}

/// The settings name a link: the copy lies beside the file, where SQLite has its log, too.
#[cfg(unix)]
#[tokio::test]
async fn a_store_behind_a_link_is_copied_beside_itself() {
    let folder = old_store(6);
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("bursar.db");
    std::os::unix::fs::symlink(folder.path().join("bursar.db"), link).unwrap();
    open(links.path()).await.unwrap();
    assert_eq!(format_of(&copy_of(folder.path())), 6);
    assert_eq!(names(links.path()), ["bursar.db"]);
}

#[tokio::test]
async fn without_a_copy_the_store_stays_as_it_is() {
    let folder = old_store(6);
    let before = rows(&folder.path().join("bursar.db"));
    // Something that can't be written over.
    let part = folder.path().join("bursar.db.v6.backup.part");
    std::fs::create_dir(&part).unwrap();
    std::fs::write(part.join("x"), "").unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NoCopy { found: 6, .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("bursar.db.v6.backup.part") && text.contains("nothing was changed"),
        "{text}"
    );
    assert_eq!(format_of(&folder.path().join("bursar.db")), 6);
    assert!(rows(&folder.path().join("bursar.db")) == before);
    assert!(!copy_of(folder.path()).exists());
}

/// The disk is full in the middle of the copy, as a process meets it that may write no larger file.
#[cfg(unix)]
#[test]
fn a_command_on_a_full_disk_changes_nothing_and_says_so() {
    let folder = old_store(6);
    let here = folder.path();
    prepare(here);
    let store = here.join("bursar.db");
    let before = rows(&store);
    let output = std::process::Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" outbox list -c bursar.yaml"])
        .arg(env!("CARGO_BIN_EXE_bursar"))
        .current_dir(here)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("cannot copy the store") && said.contains("nothing was changed"),
        "{said}"
    );
    assert!(said.contains("has room"), "{said}");
    assert_eq!((format_of(&store), rows(&store) == before), (6, true));
    assert!(names(here).iter().all(|name| !name.contains("backup")), "{:?}", names(here));
    // With room it goes on.
    let (code, out, err) = say(here, &["outbox", "list", "-c", "bursar.yaml"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(format_of(&copy_of(here)), 6);
}

/// Settings and certificates for commands in a folder.
fn prepare(folder: &Path) {
    std::fs::write(folder.join("bursar.yaml"), SETTINGS).unwrap();
    crate::audit::write_certificates(folder);
}

#[test]
fn the_daemon_says_where_the_copy_is() {
    let folder = old_store(6);
    prepare(folder.path());
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder.path());
    let line = daemon.wait_for("a verified copy of it as it was");
    assert!(line.contains("bursar.db.v6.backup") && line.contains("had format 6"), "{line}");
    let (ended, said) = daemon.terminate();
    assert!(ended.success(), "{said:#?}");
}

#[test]
fn a_newer_store_is_refused_with_the_way_back_which_works() {
    let folder = old_store(6);
    let here = folder.path();
    prepare(here);
    let store = here.join("bursar.db");
    let status = ["status", "-c", "bursar.yaml", "--json"];
    assert_eq!(say(here, &["outbox", "list", "-c", "bursar.yaml"]).0, 0);
    let known = format!("formats up to {},", format_of(&store));
    crate::support::store::database(&store).pragma_update(None, "user_version", 99).unwrap();
    let commands: [&[&str]; 4] = [
        &status,
        &["outbox", "list", "-c", "bursar.yaml"],
        &["audit", "verify", "-c", "bursar.yaml"],
        &["run", "-c", "bursar.yaml"],
    ];
    for command in commands {
        let (code, out, err) = say(here, command);
        assert_ne!(code, 0, "{command:?}: {out}");
        for part in ["has format 99", &known, "bursar.db.v6.backup to ", "-wal and -shm"] {
            assert!(err.contains(part) || out.contains(part), "{command:?}: {part}: {out}{err}");
        }
    }
    assert_eq!(format_of(&store), 99);
    // As it says.
    std::fs::rename(&store, here.join("moved-away")).unwrap();
    std::fs::copy(copy_of(here), &store).unwrap();
    assert_eq!(say(here, &["outbox", "list", "-c", "bursar.yaml"]).0, 0);
    let (code, out, err) = say(here, &status);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\"perpetual\""), "{out}");
}
