//! A store that is damaged, at a start and under a running daemon: it is kept, that is said everywhere, and no seat is
//! released by the fresh one until a person said so.

use std::path::{Path, PathBuf};

use bursar::ledger::{Action, Entry, Intent};
use bursar::license::{Holder, Moment, SeatType};
use bursar::simulator::{Scenario, SeatKind};
use bursar::store::aside::Care;
use bursar::store::settings::OutboxLimits;
use bursar::store::{Addition, Store, aside, installation};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::release::world::{World, crowd};
use crate::support::process::{Process, bursar, output, until};
use crate::support::setup::Setup;

const PAGE: usize = 4096;

/// A site with idle seats, releases for real, and a store that a daemon left behind. The pages have `more` beside them.
async fn left_behind(more: &str) -> Setup {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 4)).await;
    let World { setup, store, .. } = world;
    store.close().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("  web: {enable: false}\n", "") + more;
    setup.write(&text.replace("every 24 hours", "every 1 minute"));
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], setup.folder.path());
    daemon.wait_for("access licenses");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    setup
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = output(&[args, &["-c", "bursar.yaml"]].concat(), folder);
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Stores that were set aside, with what was noted beside them.
fn set_aside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.contains(".damaged-")
                && ![".txt", "-wal", "-shm", ".log-is-to-come"]
                    .iter()
                    .any(|end| name.ends_with(end))
        })
        .collect();
    found.sort();
    found
}

fn deletes(setup: &Setup) -> usize {
    setup.site.control().requests().iter().filter(|request| request.method == "DELETE").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_is_kept_and_releases_stop_until_a_person_says_so() {
    let setup = left_behind("  web: {enable: true, port: 0}\n").await;
    let folder = setup.folder.path();
    let (code, said) =
        run(folder, &["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder, &["store", "backup", "-o", "good.db"]);
    assert_eq!(code, Some(0), "{said}");
    let mut broken = std::fs::read(setup.store()).unwrap();
    let second = PAGE * 2;
    broken[second..second + 64].fill(0xa5);
    std::fs::write(setup.store(), &broken).unwrap();

    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
    daemon.wait_for("is damaged");
    let line = daemon.wait_for("no seat is released");
    for way in ["store restore", "store accept", "audit export --store", ".recover"] {
        assert!(line.contains(way), "{way}: {line}");
    }
    let page = daemon.wait_for("status page at ");
    let page = page.split("status page at ").nth(1).unwrap().trim().to_owned();
    let [kept] = &set_aside(folder)[..] else { panic!("{:?}", set_aside(folder)) };
    assert!(std::fs::read(kept).unwrap() == broken, "it is kept as it was");
    assert!(
        std::fs::read_to_string(format!("{}.txt", kept.display())).is_ok_and(|why| !why.is_empty())
    );

    // It is said everywhere.
    daemon.wait_for("critical, firing: the store was damaged");
    let get = async |path: &str| {
        reqwest::get(format!("{page}{path}")).await.unwrap().text().await.unwrap()
    };
    assert!(get("readyz").await.contains("began anew"));
    assert!(get("metrics").await.contains("bursar_store_begun_anew 1"));
    assert!(get("alerts").await.contains("The store began anew"));
    let (code, said) = run(folder, &["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&kept.display().to_string()), "{said}");
    let (code, said) = run(folder, &["alert", "list"]);
    assert!(said.contains("storeBegunAnew"), "{code:?} {said}");
    let answer = run(folder, &["healthcheck"]);
    assert_eq!(answer.0, Some(0), "a restart would not help: {}", answer.1);

    // Nothing is released, by whatever way.
    let made = run(folder, &["release", "plan", "-o", "plan.json"]);
    assert!(made.1.contains("was damaged"), "{made:?}");
    let plan = std::fs::read_to_string(folder.join("plan.json")).unwrap();
    assert!(plan.contains("store-begun-anew"), "it is no pause that somebody wanted: {plan}");
    let (code, said) = run(folder, &["release", "apply", "plan.json", "--real", "--yes"]);
    assert_ne!(code, Some(0), "{said}");
    let (code, said) = run(folder, &["release", "unlock"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("store accept"), "{said}");
    assert_eq!(deletes(&setup), 0);
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");

    // A copy brings the pause back with it.
    std::fs::copy(setup.store(), folder.join("fresh.db")).unwrap();
    let (code, said) = run(folder, &["store", "restore", "good.db"]);
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains("year end") && !said.contains("began"), "{said}");
    // The other way: by a person's word, and not without a reason.
    let (code, said) = run(folder, &["store", "restore", "fresh.db"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(folder, &["store", "accept", "--why", " "]).0, Some(2));
    let (code, said) = run(folder, &["store", "accept", "--why", "no pause is needed"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(folder, &["store", "accept", "--why", "again"]).0, Some(3));
    let (_, said) = run(folder, &["audit", "export", "--format", "jsonl"]);
    assert!(said.contains("lossAccepted") && said.contains("no pause is needed"), "{said}");
    assert_eq!(run(folder, &["audit", "verify"]).0, Some(0));
    let (code, said) = run(folder, &["release", "plan", "-o", "after.json"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder, &["release", "apply", "after.json", "--real", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(deletes(&setup) > 0, "{said}");
}

/// Commands write to the file that has the name: a daemon that goes on with another one knows of no pause.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_removed_under_a_running_daemon_holds_releases_back() {
    let setup = left_behind("").await;
    let folder = setup.folder.path();
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
    daemon.wait_for("bursar starts with");
    daemon.wait_for("access licenses");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", setup.store().display()));
    }
    daemon.wait_for("was removed or replaced while it was open");
    daemon.wait_for("no seat is released");
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains("is gone or empty"), "{said}");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    assert_eq!(deletes(&setup), 0);
}

/// What the daemon wrote last is in a log that has no name any more: it is brought into the file, and all goes on with
/// another log that commands find, too. Nothing is lost and no copy needed.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_or_index_that_is_removed_under_a_running_daemon_is_made_anew() {
    for (suffixes, said) in [
        (&["-wal"][..], "its write-ahead log was removed"),
        (&["-shm"][..], "the index of its log was removed"),
        (&["-wal", "-shm"][..], "its write-ahead log was removed"),
    ] {
        let setup = left_behind("").await;
        let folder = setup.folder.path();
        let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
        daemon.wait_for("access licenses");
        let (code, text) =
            run(folder, &["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
        assert_eq!(code, Some(0), "{text}");
        for suffix in suffixes {
            std::fs::remove_file(format!("{}{suffix}", setup.store().display())).unwrap();
        }
        daemon.wait_for(said);
        daemon.wait_for("access licenses");
        let (_, text) = run(folder, &["release", "history"]);
        assert!(text.contains("year end") && !text.contains("damaged"), "{text}");
        assert_eq!(run(folder, &["store", "check"]).0, Some(0));
        let (ended, log) = daemon.terminate();
        assert!(ended.success(), "{log:#?}");
        assert!(set_aside(folder).is_empty(), "{log:#?}");
        assert_eq!(deletes(&setup), 0);
    }
}

/// The file that a link leads to is set aside, and another one is begun where it was.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_behind_a_link_is_begun_anew_where_it_was() {
    let setup = left_behind("").await;
    let folder = setup.folder.path();
    std::fs::create_dir(folder.join("disk")).unwrap();
    let real = folder.join("disk/x.db");
    std::fs::rename(setup.store(), &real).unwrap();
    std::os::unix::fs::symlink("disk/x.db", setup.store()).unwrap();
    let mut broken = std::fs::read(&real).unwrap();
    broken[PAGE * 2..PAGE * 2 + 64].fill(0xa5);
    std::fs::write(&real, &broken).unwrap();
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
    daemon.wait_for("is damaged");
    daemon.wait_for("access licenses");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    assert!(setup.store().is_symlink() && real.is_file());
    let [kept] = &set_aside(&folder.join("disk"))[..] else { panic!("{log:#?}") };
    assert!(std::fs::read(kept).unwrap() == broken);
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains(kept.file_name().unwrap().to_str().unwrap()), "{said}");
    assert_eq!(deletes(&setup), 0);
}

/// What was written last lies in a log beside the file that a link leads to: commands read it, and a copy of earlier lacks it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_in_the_log_of_a_store_behind_a_link_is_read_and_missed() {
    let setup = left_behind("").await;
    let folder = setup.folder.path();
    std::fs::create_dir(folder.join("disk")).unwrap();
    let head = |store: &Path| PathBuf::from(format!("{}-head", store.display()));
    let real = folder.join("disk/x.db");
    std::fs::rename(head(&setup.store()), head(&real)).unwrap();
    std::fs::rename(setup.store(), &real).unwrap();
    std::os::unix::fs::symlink("disk/x.db", setup.store()).unwrap();
    assert_eq!(run(folder, &["store", "backup", "-o", "earlier.db"]).0, Some(0));
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
    daemon.wait_for("access licenses");
    let (code, said) =
        run(folder, &["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains("year end"), "{said}");
    daemon.kill();
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains("year end"), "{said}");
    let (code, said) = run(folder, &["store", "restore", "earlier.db"]);
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = run(folder, &["release", "history"]);
    assert!(said.contains("what was written last is gone"), "{said}");
    run(folder, &["release", "plan", "-o", "plan.json"]);
    let (code, said) = run(folder, &["release", "apply", "plan.json", "--real", "--yes"]);
    assert_ne!(code, Some(0), "{said}");
    assert_eq!(deletes(&setup), 0);
}

/// SQLite takes a write-ahead log that is gone or damaged for one that ends early: the store looks whole, and a pause that was
/// confirmed is in none of its tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_was_lost_with_the_log_holds_all_the_same() {
    for damage in ["removed", "flipped"] {
        let setup = left_behind("").await;
        let folder = setup.folder.path();
        let log = PathBuf::from(format!("{}-wal", setup.store().display()));
        let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
        daemon.wait_for("access licenses");
        let (code, said) =
            run(folder, &["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
        assert_eq!(code, Some(0), "{said}");
        daemon.kill();
        let mut bytes = std::fs::read(&log).unwrap();
        // The first frame, behind the head of the log and its own.
        bytes[32 + 24 + 100] ^= 1;
        let _ = std::fs::remove_file(format!("{}-shm", setup.store().display()));
        match damage {
            "removed" => std::fs::remove_file(&log).unwrap(),
            _ => std::fs::write(&log, &bytes).unwrap(),
        }
        let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder);
        daemon.wait_for("what was written last is gone");
        daemon.wait_for("access licenses");
        let (_, said) = run(folder, &["release", "history"]);
        assert!(said.contains("what was written last is gone"), "{damage}: {said}");
        run(folder, &["release", "plan", "-o", "plan.json"]);
        let (code, said) = run(folder, &["release", "apply", "plan.json", "--real", "--yes"]);
        assert_ne!(code, Some(0), "{damage}: {said}");
        assert_eq!(deletes(&setup), 0, "{damage}");
        let (ended, log) = daemon.terminate();
        assert!(ended.success(), "{log:#?}");
        // Told once, it stays until a person says so.
        let (code, said) = run(folder, &["store", "accept", "--why", "set again"]);
        assert_eq!(code, Some(0), "{damage}: {said}");
    }
}

/// Two processes that share no index of the log write over each other: what the one was told to be durable is what the other
/// misses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_another_process_that_this_one_does_not_see_holds() {
    let setup = left_behind("").await;
    let head = PathBuf::from(format!("{}-head", setup.store().display()));
    let [file, before] = [&setup.store(), &head].map(|path| std::fs::read(path).unwrap());
    let lock = ["release", "lock", "--until", "2099-01-07", "--why", "holiday"];
    let (code, said) = run(setup.folder.path(), &lock);
    assert_eq!(code, Some(0), "{said}");
    let ahead = std::fs::read(&head).unwrap();
    assert_ne!(ahead, before);
    std::fs::write(setup.store(), &file).unwrap();
    std::fs::write(&head, &before).unwrap();
    let store = open(&setup.store()).await;
    assert!(store.pause("default").await.unwrap().is_none());
    std::fs::write(&head, &ahead).unwrap();
    let entry = Entry::Resumed { by: "anna".to_owned() };
    let record = Addition { site: "elsewhere".to_owned(), run: None, entry };
    store.append(None, vec![record], |_| Vec::new()).await.unwrap();
    let held = store.pause("default").await.unwrap().expect("no seat is released");
    assert!(held.begun_anew, "{held:?}");
}

/// Who still has the index of a log that others no longer find records nothing.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_recorded_by_an_index_that_has_no_name_any_more() {
    let setup = left_behind("").await;
    let store = open(&setup.store()).await;
    std::fs::remove_file(format!("{}-shm", setup.store().display())).unwrap();
    let entry = Entry::Resumed { by: "anna".to_owned() };
    let record = Addition { site: "elsewhere".to_owned(), run: None, entry };
    let refused = store.append(None, vec![record], |_| Vec::new()).await.unwrap_err();
    assert!(refused.to_string().contains("the index of its log was removed"), "{refused}");
}

async fn open(path: &Path) -> Store {
    let limits = OutboxLimits { max_events: 1000, max_age: std::time::Duration::from_secs(86_400) };
    crate::support::store::open(path, limits, Utc::now).await.unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-30T08:00:00Z".parse().unwrap()
}

/// What may be wrong with a file, at one of its pages. A whole page of another place in it is not among them: no check of the
/// file alone sees an empty table in the place of a full one.
fn damages(whole: &[u8], page: usize) -> Vec<(&'static str, Vec<u8>)> {
    let place = page * PAGE..(page + 1) * PAGE;
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut broken = whole.to_vec();
        change(&mut broken);
        broken
    };
    vec![
        ("zeros", changed(&|broken| broken[place.clone()].fill(0))),
        ("its head", changed(&|broken| broken[place.start..place.start + 16].fill(0xa5))),
        ("the end is cut off", whole[..place.start].to_vec()),
    ]
}

/// Whichever page is damaged: the pause is there as it was said, or the store began anew and nothing may be released. So it
/// is with a file that is gone or empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_store_that_lost_a_pause_lets_a_seat_go() {
    let setup = left_behind("").await;
    let folder = setup.folder.path();
    let said = run(folder, &["release", "lock", "--until", "2099-01-07", "--why", "year end"]);
    assert_eq!(said.0, Some(0), "{said:?}");
    let (code, said) = run(folder, &["store", "backup", "-o", "whole.db"]);
    assert_eq!(code, Some(0), "{said}");
    let whole = std::fs::read(folder.join("whole.db")).unwrap();
    let pages = whole.len() / PAGE;
    assert!(pages > 20, "{pages}");
    let (mut begun, mut seen) = (0, 0);
    let mut cases: Vec<(String, Option<Vec<u8>>)> =
        vec![("gone".to_owned(), None), ("empty".to_owned(), Some(Vec::new()))];
    for page in (0..pages).step_by((pages / 24).max(1)) {
        let all = damages(&whole, page).into_iter();
        cases.extend(all.map(|(what, broken)| (format!("page {page}: {what}"), Some(broken))));
    }
    for (what, broken) in cases {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("bursar.db");
        installation::make(&path).unwrap();
        if let Some(broken) = &broken {
            std::fs::write(&path, broken).unwrap();
        }
        let found = match aside::look(&path, Care::AtStart, now()) {
            Ok(found) => found,
            // Refused: nothing runs on it.
            Err(error) => {
                assert!(std::fs::read(&path).ok() == broken, "{what}: {error}");
                continue;
            }
        };
        seen += 1;
        let store = open(&path).await;
        let pause = store.pause("default").await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let pause = pause.unwrap_or_else(|| panic!("{what}: the pause is lost"));
        assert_eq!(pause.begun_anew, pause.why != "year end", "{what}");
        if let Some((kept, _)) = &found {
            assert!(std::fs::read(kept).ok() == broken, "{what}: it is kept as it was");
            assert!(pause.begun_anew, "{what}");
        }
        if pause.begun_anew {
            begun += 1;
            assert!(refused(&store).await, "{what}");
        }
        store.close().await;
    }
    assert!(begun * 2 > seen && seen > 40, "{begun} of {seen}");
}

/// Whether the store takes no intent to release a seat.
async fn refused(store: &Store) -> bool {
    let holder = Holder {
        id: Uuid::from_u128(1),
        directory: "CORP".into(),
        user_id: "anna".into(),
        name: "Anna".into(),
    };
    let intent = Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(2),
        holder,
        created: Moment::Never,
        last_used: Moment::Never,
        because: "idle".into(),
        has: 0,
    };
    let entry = Entry::Intent(intent);
    let addition = Addition { site: "default".into(), run: Some("r".into()), entry };
    let appended = store.append(None, vec![addition], |_| Vec::new()).await;
    appended.is_err_and(|error| error.to_string().contains("no seat is released"))
}

/// A crash between any two steps of setting a store aside ends in the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_between_leaves_no_store_that_does_not_know() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bursar.db");
    let store = open(&path).await;
    installation::make(&path).unwrap();
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(&wal).unwrap());
    store.close().await;
    // The file was renamed, and its log was not.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let kept = format!("{}.damaged-20261130T080000Z", path.display());
    std::fs::write(&kept, &file).unwrap();
    std::fs::write(&wal, &log).unwrap();
    std::fs::write(format!("{kept}.log-is-to-come"), "").unwrap();
    assert_eq!(aside::look(&path, Care::AtStart, now() + TimeDelta::hours(1)).unwrap(), None);
    assert!(std::fs::read(format!("{kept}-wal")).unwrap() == log, "what was queued last is in it");
    let store = open(&path).await;
    let begun = store.begun_anew().await.unwrap().unwrap();
    assert_eq!(begun.file.as_deref(), Some(Path::new(&kept)));
    // And it stays so, whoever opens it.
    store.close().await;
    assert!(open(&path).await.pause("default").await.unwrap().unwrap().begun_anew);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_damaged_under_a_running_daemon_is_found() {
    let setup = Setup::new(Scenario::default()).await;
    setup.write(&setup.yaml("every 1 minute", "  web: {enable: true, port: 0}\n"));
    let folder = setup.folder.path();
    let args = ["run", "-c", "bursar.yaml", "--speed", "600"];
    let mut daemon = Process::start(&args, folder);
    daemon.wait_for("status page at ");
    daemon.wait_for("access licenses");
    let db = crate::support::store::database(setup.store());
    db.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    let root: usize = db
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'reload'", [], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
        .try_into()
        .unwrap();
    let touch = "UPDATE reload SET pinged = pinged";
    db.execute(touch, []).unwrap();
    until("what was written is in the file", async || {
        let row = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        (db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], row) == Ok(0)).then_some(())
    })
    .await;
    {
        use std::io::{Seek, SeekFrom, Write};
        let mut file = std::fs::OpenOptions::new().write(true).open(setup.store()).unwrap();
        let pages = file.metadata().unwrap().len() as usize / PAGE;
        for page in (1..pages).filter(|page| page + 1 != root) {
            file.seek(SeekFrom::Start((page * PAGE) as u64)).unwrap();
            file.write_all(&[0xa5; 64]).unwrap();
        }
    }
    // Whoever sees that somebody wrote reads the pages again.
    let _ = db.execute(touch, []);
    daemon.wait_for("the store is damaged (");
    daemon.wait_for("is kept as");
    daemon.wait_for("no seat is released");
    daemon.wait_for("status page at ");
    daemon.wait_for("access licenses");
    assert_eq!(set_aside(folder).len(), 1);
    let (code, said) = run(folder, &["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a fresh one was begun"), "{said}");
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

/// What one process has in hand is not taken away by another that wants the same name.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_under_one_name_do_not_take_each_others_away() {
    let setup = left_behind("").await;
    let folder = setup.folder.path();
    let part = folder.join("copy.db.part");
    std::fs::write(&part, "in hand").unwrap();
    let in_hand = std::fs::File::open(&part).unwrap();
    in_hand.try_lock().unwrap();
    let (code, said) = run(folder, &["store", "backup", "-o", "copy.db"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another copy is being made"), "{said}");
    assert_eq!(std::fs::read_to_string(&part).unwrap(), "in hand");
    // What its process left behind is in nobody's way.
    drop(in_hand);
    let args = ["store", "backup", "-o", "copy.db", "-c", "bursar.yaml"];
    let all: Vec<_> = (0..4)
        .map(|_| {
            let mut command = bursar(&args);
            command.current_dir(folder).stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let ended = all.into_iter().map(|mut child| child.wait().unwrap());
    assert_eq!(ended.filter(|status| status.success()).count(), 1, "one name, one copy");
    let (code, said) = run(folder, &["store", "check", "--file", "copy.db"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!part.exists());
}
