//! `bursar audit verify` on what is in order, and on what it can't look at.

use std::collections::BTreeMap;

use super::*;

/// Names and contents of all files of a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[tokio::test]
async fn the_head_is_printed_as_it_is_sent() {
    let desk = Desk::new().await;
    let empty = desk.audit(&["verify", "-c", "bursar.yaml"]);
    assert_eq!((empty.code, empty.out.as_str()), (0, "in order: no records\n"), "{}", empty.err);
    desk.set("2026-06-01T02:00:00Z");
    let head = desk.run("run-1", 1, true).await;
    let said = desk.audit(&["verify", "-c", "bursar.yaml"]);
    assert_eq!(
        said.out,
        format!(
            "in order: 4 records, 1 to 4, written from 2026-06-01 04:00:00 CEST to \
             2026-06-01 04:00:00 CEST\nhead: 4:{}\n",
            head.hash
        )
    );
    let same = desk.verify(&["--head", &format!("4:{}", head.hash.to_uppercase())]);
    assert_eq!(same.code, 0);
}

#[tokio::test]
async fn a_copy_is_verified_and_stays_as_it_is() {
    let desk = Desk::new().await;
    desk.run("run-1", 2, true).await;
    desk.store.clone().close().await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(desk.path("bursar.db"), elsewhere.path().join("copy.db")).unwrap();
    let before = contents(elsewhere.path());
    assert_eq!(before.len(), 1);
    for args in [
        &["verify", "--store", "copy.db"][..],
        &["show", "--store", "copy.db", "run-1"],
        &["export", "--store", "copy.db", "--format", "csv"],
    ] {
        let said = desk.run_in(elsewhere.path(), args);
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        assert!(contents(elsewhere.path()) == before, "{args:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_copy_that_nobody_may_write_to_is_verified() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new().await;
    desk.run("run-1", 2, true).await;
    desk.store.clone().close().await;
    let read_only = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    read_only(&desk.path("bursar.db"), 0o400);
    read_only(desk.folder.path(), 0o500);
    let said = desk.verify(&[]);
    read_only(desk.folder.path(), 0o700);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[tokio::test]
async fn what_the_daemon_wrote_a_moment_ago_is_seen() {
    let desk = Desk::new().await;
    for n in 1..=3 {
        desk.run(&format!("run-{n}"), 1, true).await;
        let said = desk.verify(&[]);
        assert_eq!((said.code, said.json()["records"].as_u64()), (0, Some(4 * n)));
    }
}

#[tokio::test]
async fn a_store_from_before_there_was_a_ledger_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let db = crate::support::store::database(folder.path().join("bursar.db"));
    db.execute_batch(include_str!("../../../src/store/migrations/1.sql")).unwrap();
    db.execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 1114796914").unwrap();
    drop(db);
    let desk = Desk::new().await;
    let said = desk.run_in(folder.path(), &["verify", "--store", "bursar.db"]);
    assert_eq!((said.code, said.out.as_str()), (0, "in order: no records\n"), "{}", said.err);
    let head = format!("1:{}", "0".repeat(64));
    let said = desk.run_in(folder.path(), &["verify", "--store", "bursar.db", "--head", &head]);
    assert_eq!(said.code, 3);
    let said = desk.run_in(folder.path(), &["show", "--store", "bursar.db", "x"]);
    assert_eq!(said.code, 2);
}

#[tokio::test]
async fn what_cannot_be_checked_is_not_in_order() {
    let desk = Desk::new().await;
    desk.run("run-1", 1, true).await;
    for (args, code) in [
        (&["verify"][..], 2),
        (&["verify", "-c", "none.yaml"], 2),
        (&["verify", "-c", "bursar.yaml", "--head", "4"], 2),
        (&["verify", "-c", "bursar.yaml", "--head", "4:abc"], 2),
        (&["verify", "--store", "none.db"], 1),
        (&["verify", "--store", "bursar.yaml"], 1),
        (&["verify", "--file", "none.jsonl"], 1),
    ] {
        let said = desk.audit(args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert_eq!(said.out, "");
        assert!(!said.err.is_empty());
    }
    // Somebody made the ledger's tables disappear.
    let db = crate::support::store::database(desk.path("bursar.db"));
    db.execute_batch("ALTER TABLE ledger_end RENAME TO other").unwrap();
    assert_eq!(desk.verify(&[]).code, 1);
}

#[tokio::test]
async fn problems_are_told_in_words() {
    let desk = Desk::new().await;
    desk.run("run-1", 3, true).await;
    desk.tamper(|db| {
        db.execute_batch(
            "DELETE FROM ledger WHERE seq = 3; UPDATE ledger SET time = 7 WHERE seq = 6",
        )
        .unwrap();
    });
    let said = desk.audit(&["verify", "-c", "bursar.yaml"]);
    assert_eq!(said.code, 3);
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with("not in order: 7 records, 1 to 8"), "{}", said.out);
    assert!(lines[1].ends_with("bursar.db: record 3 is missing"), "{}", said.out);
    assert!(lines[2].ends_with("record 6 was changed: its content does not fit its hash"));
}
