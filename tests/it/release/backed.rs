//! A run goes by the ledger: what somebody writes beside it takes no seat.

use bursar::ledger::{Entry, Mode, RunStatus};
use bursar::release::run::RunError;
use bursar::simulator::SeatKind;
use bursar::store::Addition;
use chrono::TimeDelta;

use super::world::{World, crowd, order, start};
use crate::support::process::output;

fn change(world: &World, sql: &str) {
    let db = crate::support::store::database(world.setup.store());
    db.execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_announcement_takes_no_seat() {
    let mut world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.grace_days = 14;
        }
    });
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 0), "{report:?}");
    // Due today, in place of in two weeks.
    let due = (start() + TimeDelta::days(14)).format("%Y-%m-%dT").to_string();
    let today = start().format("%Y-%m-%dT").to_string();
    change(
        &world,
        &format!("UPDATE release_announced SET json = replace(json, '{due}', '{today}')"),
    );
    world.pass(TimeDelta::hours(1));
    let before = world.records().await.len();
    let error = world.engine().run(&order(Mode::Real)).await.unwrap_err();
    assert!(matches!(error, RunError::NotBacked { count: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("bursar audit verify"), "{error}");
    assert!(error.to_string().contains("CORP\\idle"), "{error}");
    assert_eq!((world.deletes(), world.records().await.len()), (0, before));
    // A rehearsal takes nothing.
    assert_eq!(world.run(Mode::Rehearsal).await.status, RunStatus::Done);
    // The lock is free again, and with the notes as the ledger says, all goes on.
    world.store.rebuild_from_ledger("anna".into()).await.unwrap();
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_was_taken_out_still_stops_a_run() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 2)).await;
    let site = world.settings.sites[0].name.clone();
    let until = chrono::Utc::now() + TimeDelta::days(9);
    let entry = Entry::Paused { until, why: "year end".into(), by: "anna".into() };
    let addition = Addition { site, run: None, entry };
    world.store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    change(&world, "DELETE FROM release_pause");
    let folder = world.setup.folder.path();
    let apply = ["release", "apply", "-c", file.to_str().unwrap(), "--yes"];
    let said = output(&apply, folder);
    let err = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{err}");
    assert!(err.contains("does not note a pause of site"), "{err}");
    assert!(err.contains("bursar audit verify"), "{err}");
    assert_eq!(world.deletes(), 0);
    let rebuild = ["audit", "rebuild", "-c", file.to_str().unwrap(), "--yes"];
    assert!(output(&rebuild, folder).status.success());
    let said = output(&apply, folder);
    assert_eq!(said.status.code(), Some(3), "the pause holds again");
    assert_eq!(world.deletes(), 0);
}

/// Of another site nothing is decided here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_noted_of_another_site_stops_nothing_here() {
    let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
    change(&world, "INSERT INTO release_pause VALUES ('elsewhere', 4102444800000, 'x', 'y', 0)");
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
}

/// An index that was made without some rows hides them from every question that goes through it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_hides_records_stops_a_run() {
    let (mut world, file) = World::now(crowd(SeatKind::Analyzer, 4)).await;
    world.settings(|release| {
        for rule in &mut release.policy.types {
            rule.max_releases = Some(2);
        }
    });
    world.run(Mode::Real).await;
    assert_eq!(world.deletes(), 2);
    change(
        &world,
        "DROP INDEX ledger_time; CREATE INDEX ledger_time ON ledger (site, kind, time) WHERE time < 0;
         PRAGMA writable_schema = 1;
         UPDATE sqlite_master SET sql = 'CREATE INDEX ledger_time ON ledger (site, kind, time)'
          WHERE name = 'ledger_time';
         PRAGMA schema_version = 1000;",
    );
    let error = world.engine().run(&order(Mode::Real)).await.unwrap_err();
    assert!(error.to_string().contains("integrity_check"), "{error}");
    assert_eq!(world.deletes(), 2);
    let verify = ["audit", "verify", "-c", file.to_str().unwrap()];
    let said = output(&verify, world.setup.folder.path());
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(3), "{out}");
    assert!(out.contains("missing from index ledger_time"), "{out}");
}

/// A trigger may change what a run reads after it was compared, and SQLite runs it whatever its type is
/// written like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_lifts_a_pause_stops_a_run() {
    for type_of in ["trigger", "TRIGGER", "Trigger"] {
        let world = World::new(crowd(SeatKind::Analyzer, 2)).await;
        change(
            &world,
            &format!(
                "CREATE TRIGGER zz AFTER INSERT ON ledger BEGIN DELETE FROM release_pause; END;
                 PRAGMA writable_schema = 1;
                 UPDATE sqlite_master SET type = '{type_of}' WHERE name = 'zz';
                 PRAGMA schema_version = 1000;"
            ),
        );
        let error = world.engine().run(&order(Mode::Real)).await.unwrap_err();
        assert!(error.to_string().contains("trigger zz of table ledger"), "{type_of}: {error}");
        assert_eq!(world.deletes(), 0);
    }
}

/// Which site answered is in the ledger: who takes the note out does not let another site in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_or_exchanged_site_stops_a_run() {
    let (world, file) = World::now(crowd(SeatKind::Analyzer, 2)).await;
    let verify = ["audit", "verify", "-c", file.to_str().unwrap()];
    let verified = || output(&verify, world.setup.folder.path());
    world.run(Mode::Rehearsal).await;
    assert_eq!(verified().status.code(), Some(0), "{:?}", verified());
    for sql in [
        "DELETE FROM site_identity",
        "INSERT INTO site_identity SELECT site, '[\"x\"]', license, 0, 0 FROM ledger, \
         (SELECT 'y' AS license) WHERE site <> '' LIMIT 1",
    ] {
        change(&world, sql);
        let error = world.engine().run(&order(Mode::Real)).await.unwrap_err();
        assert!(error.to_string().contains("the one that runs met"), "{error}");
        assert_eq!(world.deletes(), 0);
        assert_eq!(verified().status.code(), Some(3));
    }
    world.store.rebuild_from_ledger("anna".into()).await.unwrap();
    let report = world.run(Mode::Real).await;
    assert_eq!((report.status, world.deletes()), (RunStatus::Done, 2), "{report:?}");
}
