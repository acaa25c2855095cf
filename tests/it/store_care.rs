//! `bursar store`: copies, putting them back, checking and measuring, as a person does it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bursar::simulator::Scenario;
use serde_json::Value;

use crate::support::process::{Process, bursar, output, until};
use crate::support::setup::Setup;

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = output(&[args, &["-c", "bursar.yaml"]].concat(), folder);
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(said).expect("UTF-8"))
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let (code, said) = run(folder, &[args, &["--json"]].concat());
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{code:?}: {said}"))
}

/// A daemon that polls all the time.
async fn busy(more: &str) -> (Setup, Process) {
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 1 minute", more));
    let args = ["run", "-c", file.to_str().unwrap(), "--speed", "600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("access licenses");
    (setup, daemon)
}

fn copies(folder: &Path) -> Vec<PathBuf> {
    let Ok(all) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_made_beside_a_daemon_at_work_and_put_back() {
    let (setup, daemon) = busy("").await;
    let folder = setup.folder.path();
    for n in 0..5 {
        let name = format!("copy-{n}.db");
        let (code, said) = run(folder, &["store", "backup", "-o", &name]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("read back and compared"), "{said}");
        let (code, said) = run(folder, &["store", "check", "--file", &name]);
        assert_eq!(code, Some(0), "{said}");
    }
    let (code, said) = run(folder, &["store", "backup", "-o", "copy-0.db"]);
    assert_eq!(code, Some(1), "nothing is written over: {said}");
    assert!(said.contains("is there already"), "{said}");
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::MetadataExt::mode(&folder.join("copy-0.db").metadata().unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
    let (code, said) = run(folder, &["store", "restore", "copy-0.db"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("stop the daemon"), "{said}");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let rows = |table: &str| {
        let size = json(folder, &["store", "size"]);
        let tables = size["tables"].as_array().unwrap().clone();
        tables.into_iter().find(|of| of["table"] == table).unwrap()["rows"].as_u64().unwrap()
    };
    let before = rows("history_raw");
    let restored = json(folder, &["store", "restore", "copy-0.db"]);
    let kept = PathBuf::from(restored["kept"].as_str().unwrap());
    assert!(kept.exists(), "{restored}");
    assert!(rows("history_raw") <= before);
    let (code, said) = run(folder, &["status"]);
    assert_eq!(code, Some(0), "{said}");
    // And the way back.
    let (code, said) = run(folder, &["store", "restore", kept.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows("history_raw"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_made_by_a_schedule_and_the_oldest_go() {
    let backup = "    backup: {enable: true, frequency: every 1 minute, folder: copies, keep: 2}\n";
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 10 minutes", "");
    let at = yaml.find("  cert:\n").expect("the section after storage");
    let file = setup.write(&format!("{}{backup}{}", &yaml[..at], &yaml[at..]));
    let folder = setup.store().parent().unwrap().join("copies");
    let args = ["run", "-c", file.to_str().unwrap(), "--speed", "600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    for _ in 0..4 {
        daemon.wait_for("the store was backed up");
    }
    daemon.wait_for("an old copy of the store was removed");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let left = copies(&folder);
    assert!((1..=3).contains(&left.len()), "{left:?}");
    // A file of somebody else's in that folder is never removed.
    std::fs::write(folder.join("bursar-notes.backup.db"), "mine").unwrap();
    let (code, said) = run(setup.folder.path(), &["store", "backup"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(folder.join("bursar-notes.backup.db").exists());
    let all = copies(&folder).len();
    assert_eq!(all, left.len() + 2, "those of the daemon's fast clock, the new one and the notes");
}

/// Whoever closes a file once more loses the locks that the process has on it, and with them its log.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_no_lock_from_the_daemon() {
    let backup = "    backup: {enable: true, frequency: every 1 minute, folder: copies, keep: 2}\n";
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 10 minutes", "");
    let at = yaml.find("  cert:\n").expect("the section after storage");
    let file = setup.write(&format!("{}{backup}{}", &yaml[..at], &yaml[at..]));
    let args = ["run", "-c", file.to_str().unwrap(), "--speed", "600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    daemon.wait_for("the store was backed up");
    let inode = std::os::unix::fs::MetadataExt::ino(&setup.store().metadata().unwrap());
    let (process, file) = (daemon.id().to_string(), format!(":{inode}"));
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let is_its = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.contains(&process.as_str()) && words.iter().any(|word| word.ends_with(&file))
    };
    assert!(locks.lines().any(|line| is_its(&line)), "{locks}");
    // Others that open and close the store leave its log where it is.
    let log = setup
        .store()
        .with_file_name(format!("{}-wal", setup.store().file_name().unwrap().to_str().unwrap()));
    let before = std::os::unix::fs::MetadataExt::ino(&log.metadata().unwrap());
    let db = crate::support::store::database(setup.store());
    let _: i64 = db.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    drop(db);
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&log.metadata().unwrap()), before);
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

/// Whenever it is killed, there is a whole copy or none under its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_leaves_no_half_copy() {
    let (setup, daemon) = busy("").await;
    let folder = setup.folder.path();
    daemon.terminate();
    // Large enough to be met in the middle.
    let db = crate::support::store::database(setup.store());
    db.execute_batch(
        "CREATE TABLE filler (x BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         INSERT INTO filler SELECT randomblob(4000) FROM n",
    )
    .unwrap();
    drop(db);
    let part = folder.join("copy.db.part");
    let mut met = 0;
    for _ in 0..10 {
        let args = ["store", "backup", "-c", "bursar.yaml", "-o", "copy.db"];
        let mut command = bursar(&args);
        command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        until("it begins, or is over", async || {
            (part.exists() || child_is_over(&part, folder)).then_some(())
        })
        .await;
        let _ = child.kill();
        child.wait().unwrap();
        met += usize::from(part.exists());
        if folder.join("copy.db").exists() {
            let (code, said) = run(folder, &["store", "check", "--file", "copy.db"]);
            assert_eq!(code, Some(0), "{said}");
            std::fs::remove_file(folder.join("copy.db")).unwrap();
        }
    }
    assert!(met > 0, "it was never met in the middle");
    let (code, said) = run(folder, &["store", "backup", "-o", "copy.db"]);
    assert_eq!(code, Some(0), "what was left behind is in nobody's way: {said}");
    assert!(!part.exists());
}

fn child_is_over(part: &Path, folder: &Path) -> bool {
    !part.exists() && folder.join("copy.db").exists()
}

/// One page is damaged, any of them: that is told, and never put in the place of a store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_page_is_found_and_no_copy_with_one_is_put_back() {
    let (setup, daemon) = busy("").await;
    let folder = setup.folder.path();
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    let (code, said) = run(folder, &["store", "backup", "-o", "whole.db"]);
    assert_eq!(code, Some(0), "{said}");
    let whole = std::fs::read(folder.join("whole.db")).unwrap();
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let pages = whole.len() / page;
    let mut found = 0;
    let step = (pages / 12).max(1);
    for n in (1..pages).step_by(step) {
        let mut broken = whole.clone();
        // The head of a page says what is in it.
        broken[n * page..n * page + 16].fill(0xa5);
        std::fs::write(folder.join("broken.db"), &broken).unwrap();
        let (code, said) = run(folder, &["store", "check", "--file", "broken.db"]);
        // A page that is free holds nothing.
        if code == Some(0) {
            continue;
        }
        found += 1;
        assert!(said.contains("is damaged") || said.contains("damaged"), "page {n}: {said}");
        let (code, said) = run(folder, &["store", "restore", "broken.db"]);
        assert_eq!(code, Some(1), "page {n}: {said}");
        let (code, said) = run(folder, &["store", "check"]);
        assert_eq!(code, Some(0), "the store stays: {said}");
    }
    assert!(found * 2 > pages / step, "{found} of {}", pages / step);
    let (code, said) = run(folder, &["store", "restore", "bursar.yaml"]);
    assert_eq!(code, Some(1), "{said}");
}

/// A copy of earlier knows nothing of a pause that came later: nobody goes by it unless a person says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_earlier_holds_releases_back() {
    let (setup, daemon) = busy("").await;
    daemon.terminate();
    let folder = setup.folder.path();
    let done = |args: &[&str]| {
        let (code, said) = run(folder, args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    };
    done(&["store", "backup", "-o", "earlier.db"]);
    done(&["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
    done(&["store", "backup", "-o", "now.db"]);
    let said = done(&["store", "restore", "earlier.db"]);
    assert!(said.contains("no seat is released until a person lets it"), "{said}");
    let told = done(&["release", "history"]);
    assert!(told.contains("what was written last is gone"), "{told}");
    assert_eq!(run(folder, &["release", "unlock"]).0, Some(3));
    // What knows all again holds what it knew, and no more.
    done(&["store", "restore", "now.db"]);
    let told = done(&["release", "history"]);
    assert!(told.contains("year end") && !told.contains("is gone"), "{told}");
    done(&["store", "restore", "earlier.db"]);
    done(&["store", "accept", "--why", "the pause was over"]);
    assert!(!done(&["release", "history"]).contains("is gone"));
}

/// A clock that was ahead once leaves copies of a time to come: they take no place of those that are made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_time_to_come_remove_no_others() {
    let (setup, daemon) = busy("").await;
    daemon.terminate();
    let folder = setup.folder.path();
    let yaml = setup.yaml("every 1 minute", "");
    let at = yaml.find("  cert:\n").expect("the section after storage");
    setup.write(&format!(
        "{}    backup: {{folder: copies, keep: 2}}\n{}",
        &yaml[..at],
        &yaml[at..]
    ));
    let made = json(folder, &["store", "backup"]);
    let first = PathBuf::from(made["file"].as_str().unwrap());
    let copies_of = folder.join(first.parent().unwrap());
    let stem = setup.store().file_stem().unwrap().to_str().unwrap().to_owned();
    for day in ["20990101", "20990102", "20990103"] {
        let name = format!("{stem}-{day}T000000Z.backup.db");
        std::fs::copy(folder.join(&first), copies_of.join(name)).unwrap();
    }
    let old = copies_of.join(format!("{stem}-20200101T000000Z.backup.db"));
    std::fs::rename(folder.join(&first), &old).unwrap();
    let made = json(folder, &["store", "backup"]);
    assert!(folder.join(made["file"].as_str().unwrap()).exists(), "{made}");
    assert_eq!((old.exists(), copies(&copies_of).len()), (true, 5));
    // Its name is no address, whatever it looks like.
    std::fs::copy(setup.store(), folder.join("other.db")).unwrap();
    let before = std::fs::read(folder.join("other.db")).unwrap();
    let (code, said) = run(folder, &["store", "backup", "-o", "file:other.db#"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(std::fs::read(folder.join("other.db")).unwrap() == before);
    assert!(folder.join("file:other.db#").metadata().unwrap().len() > 0);
}

/// While a store stands in the place of one that was lost, the copies of that one stay, and its own don't fill the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_store_that_was_lost_stay_and_others_are_bounded() {
    let (setup, daemon) = busy("").await;
    daemon.terminate();
    let folder = setup.folder.path();
    let yaml = setup.yaml("every 1 minute", "");
    let at = yaml.find("  cert:\n").expect("the section after storage");
    let backup = "    backup: {folder: copies, keep: 2}\n";
    setup.write(&format!("{}{backup}{}", &yaml[..at], &yaml[at..]));
    let begun: chrono::DateTime<chrono::Utc> = "2020-06-01T00:00:00Z".parse().unwrap();
    let sql = "INSERT INTO begun_anew (id, time, why) VALUES (1, ?1, 'it is gone')";
    let db = crate::support::store::database(setup.store());
    db.execute(sql, [begun.timestamp_millis()]).unwrap();
    drop(db);
    let copies_of = folder.join("copies");
    std::fs::create_dir(&copies_of).unwrap();
    let stem = setup.store().file_stem().unwrap().to_str().unwrap().to_owned();
    let of = |day: &str| copies_of.join(format!("{stem}-{day}T000000Z.backup.db"));
    let days = ["20200101", "20200102", "20200103", "20200701", "20200702", "20200703"];
    for day in days {
        std::fs::copy(setup.store(), of(day)).unwrap();
    }
    json(folder, &["store", "backup"]);
    let left: Vec<_> = days.into_iter().filter(|day| of(day).exists()).collect();
    assert_eq!(left, ["20200101", "20200102", "20200103", "20200703"]);
}
