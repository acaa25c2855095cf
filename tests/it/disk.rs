//! Disks that are full or read-only: real ones, in memory. Mounting wants root; without it these say so and look at nothing.

#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bursar::simulator::Scenario;

use crate::support::process::{Process, bursar, output, until};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, webhook_section};
use crate::support::store::database;

/// A small file system of its own, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let place = folder.join("disk");
        std::fs::create_dir(&place).unwrap();
        let size = format!("size={size}");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).output();
        match done {
            Ok(done) if done.status.success() => Some(Self(place)),
            Ok(done) => {
                println!("not looked at: {}", String::from_utf8_lossy(&done.stderr).trim());
                None
            }
            Err(error) => {
                println!("not looked at: there is no mount: {error}");
                None
            }
        }
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        let done = Command::new("mount").args(["-o", &how]).arg(&self.0).status();
        assert!(done.expect("it was mounted").success());
    }

    /// Takes all room that is left.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut file = std::fs::File::create(&filler).unwrap();
        for size in [64 * 1024, 4096, 512] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

struct World {
    setup: Setup,
    receiver: Receiver,
    disk: Disk,
    file: String,
}

impl World {
    async fn new(size: &str) -> Option<Self> {
        let setup = Setup::new(Scenario::default()).await;
        let disk = Disk::mount(setup.folder.path(), size)?;
        let receiver = Receiver::start().await;
        let yaml = setup.yaml("every 10 minutes", &webhook_section(&receiver.url("")));
        let yaml =
            yaml.replace(&format!("path: '{}'", setup.store().display()), "path: 'disk/bursar.db'");
        assert!(yaml.contains("disk/bursar.db"));
        let file = setup.write(&yaml).display().to_string();
        Some(Self { setup, receiver, disk, file })
    }

    fn run(&self) -> Process {
        Process::start(&["run", "-c", &self.file, "--speed", "6000"], self.setup.folder.path())
    }

    fn store(&self) -> PathBuf {
        self.disk.0.join("bursar.db")
    }

    fn command(&self, args: &[&str]) -> (bool, String) {
        let done = output(&[args, &["-c", &self.file]].concat(), self.setup.folder.path());
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// The numbers of all events that were ever to be delivered.
    fn produced(&self) -> i64 {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'";
        database(self.store()).query_row(sql, [], |r| r.get(0)).unwrap_or(-1)
    }
}

/// What was read while there was no room is not stored, which is said; all that was stored arrives once there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_loses_nothing_of_what_was_stored() {
    // A log of SQLite grows to 4 MB before it goes into the file: a disk with less room than that is filled by the store.
    let Some(world) = World::new("16m").await else { return };
    world.receiver.set(Mood::Status(503));
    let mut daemon = world.run();
    daemon.wait_for("server license:");
    let stored = async || (world.produced() > 2).then_some(());
    until("events are queued", stored).await;
    let filler = world.disk.fill();
    let said = daemon.wait_for("no room to write the store");
    assert!(said.contains("bursar.db") && said.contains("free some space"), "{said}");
    let before = world.produced();
    std::fs::remove_file(filler).unwrap();
    until("it goes on", async || (world.produced() > before + 2).then_some(())).await;
    world.receiver.set(Mood::Well);
    let emptied = async || {
        let db = database(world.store());
        let waiting = db.query_row("SELECT sum(pending) FROM queue", [], |r| r.get::<_, i64>(0));
        waiting.is_ok_and(|waiting| waiting <= 2).then_some(())
    };
    until("what waited is delivered", emptied).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said:#?}");

    let db = database(world.store());
    let whole: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let calls = world.receiver.calls();
    let id = |call: &crate::support::receiver::Call| {
        call.headers["x-bursar-event-id"].to_str().unwrap().to_owned()
    };
    let tried: HashSet<String> = calls.iter().map(id).collect();
    let taken: HashSet<String> = calls.iter().filter(|call| call.taken).map(id).collect();
    let waiting: i64 = db.query_row("SELECT count(*) FROM event", [], |r| r.get(0)).unwrap();
    let lost = tried.difference(&taken).count() as i64;
    assert!(lost <= waiting, "{lost} were tried and never taken, {waiting} wait");
    assert!(
        world.produced() <= taken.len() as i64 + waiting,
        "more were stored than arrived or wait"
    );
}

/// Nothing is changed, what can be read is read, and the start says what is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_read_only_is_named_and_can_be_read() {
    let Some(world) = World::new("8m").await else { return };
    let mut daemon = world.run();
    daemon.wait_for("server license:");
    assert!(daemon.terminate().0.success());
    world.disk.remount("ro");
    let (status, said) = world.run().ended();
    let said = said.join("\n");
    assert!(!status.success() && said.contains("bursar.db"), "{said}");
    for command in [&["status"][..], &["outbox", "list"], &["audit", "verify"], &["alert", "list"]]
    {
        let (works, said) = world.command(command);
        assert!(works, "{command:?}: {said}");
    }
    world.disk.remount("rw");
    let mut daemon = world.run();
    daemon.wait_for("server license:");
    assert!(daemon.terminate().0.success());
}

/// Who looks at a store after a crash has no room for the index of its log, and sees what was written last all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_read_on_a_full_disk_without_the_index_of_its_log() {
    let Some(world) = World::new("16m").await else { return };
    let mut daemon = world.run();
    daemon.wait_for("server license:");
    // While the daemon has the file open, it stays in the log.
    let why = "the year end";
    let lock = ["release", "lock", "--until", "2099-01-07", "--why", why];
    assert!(world.command(&lock).0);
    daemon.kill();
    let beside = |end: &str| world.disk.0.join(format!("bursar.db{end}"));
    let log = std::fs::read(beside("-wal")).unwrap();
    let _ = std::fs::remove_file(beside("-shm"));
    let _filler = world.disk.fill();
    for index in [None, Some(&b"abc"[..])] {
        let _ = std::fs::remove_file(beside("-shm"));
        if let Some(bytes) = index {
            std::fs::write(beside("-shm"), bytes).unwrap_or_default();
        }
        for command in
            [&["release", "history"][..], &["status"], &["outbox", "list"], &["alert", "list"]]
        {
            let (works, said) = world.command(command);
            assert!(works, "{command:?} {index:?}: {said}");
            assert!(command[0] != "release" || said.contains(why), "{said}");
        }
        assert!(std::fs::read(beside("-wal")).unwrap() == log, "nothing was written");
    }
}

/// A disk that takes very long to write: what was stored can be looked at, a stop comes in time, and what is there is whole.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_end_its_syncs_keeps_nobody_from_looking_or_stopping() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(503));
    let yaml = setup.yaml("every 1 second", &webhook_section(&receiver.url("")));
    let file = setup.write(&yaml).display().to_string();
    let folder = setup.folder.path();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/slow_sync.rs");
    let built = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o", "slow_sync.so"])
        .arg(source)
        .current_dir(folder)
        .output()
        .expect("rustc made this test, too");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let slow = folder.join("slow");
    let mut daemon = Process::spawn(
        bursar(&["run", "-c", &file])
            .current_dir(folder)
            .env("LD_PRELOAD", folder.join("slow_sync.so"))
            .env("SLOW_SYNC", &slow),
    );
    daemon.wait_for("access licenses");
    let produced = || -> i64 {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'";
        database(setup.store()).query_row(sql, [], |row| row.get(0)).unwrap_or(-1)
    };
    until("events are queued", async || (produced() > 2).then_some(())).await;
    let asked = || setup.site.control().requests().len();
    std::fs::write(&slow, "").unwrap();
    // What was asked before is being stored, or waits for that.
    let before = asked();
    until("it asks on", async || (asked() > before).then_some(())).await;
    let stored = produced();
    let said = output(&["status", "-c", &file], folder);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let asked_to_stop = std::time::Instant::now();
    let (ended, log) = daemon.terminate();
    let took = asked_to_stop.elapsed();
    assert!(ended.success(), "{log:#?}");
    assert!(took < bursar::daemon::STOP_LIMIT * 2, "{took:?} {log:#?}");
    let in_hand = "what the store has in hand did not end in time and is undone";
    assert!(log.iter().any(|line| line.contains(in_hand)), "{log:#?}");
    std::fs::remove_file(&slow).unwrap();
    assert!(produced() >= stored);
    receiver.set(Mood::Well);
    let calls = receiver.calls().len();
    let mut daemon = Process::start(&["run", "-c", &file], folder);
    daemon.wait_for("bursar starts with");
    until("it arrives", async || (receiver.calls().len() > calls + 1).then_some(())).await;
    assert!(daemon.terminate().0.success());
    assert!(output(&["store", "check", "-c", &file], folder).status.success());
}
