//! A store of which somebody emptied a table: each command says what is wrong, or goes on without it.

use bursar::ledger::SeatResult;
use bursar::license::SeatType;
use chrono::Utc;
use rusqlite::Connection;

use crate::insight_cli::command_bench;
use crate::support::process::output;
use crate::support::store::database;
use crate::support::years;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_table_is_told_of_or_nothing_is_known_of_it() {
    let (folder, file, store) = command_bench(&[], "").await;
    let today = Utc::now().date_naive();
    years::keep_days(&store, "default", "analyzer", (today, 100), |_| Some((40.0, 50.0))).await;
    let who = years::person(1, "anna");
    years::attempt(&store, "default", SeatType::Analyzer, who, SeatResult::Freed).await;
    store.close().await;
    let path = folder.path().join("bursar.db");
    let whole = std::fs::read(&path).unwrap();
    let names = |kind: &str| -> Vec<String> {
        let db = database(&path);
        let mut query = db
            .prepare("SELECT name FROM sqlite_schema WHERE type = ?1 AND name NOT LIKE 'sqlite_%'")
            .unwrap();
        let names = query.query_map([kind], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    let (tables, triggers) = (names("table"), names("trigger"));
    assert!(tables.len() > 15, "{tables:?}");
    let mut damaged = 0;
    for table in &tables {
        std::fs::write(&path, &whole).unwrap();
        let db = database(&path);
        let drop: String = triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect();
        db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {drop} DELETE FROM {table};"))
            .unwrap();
        drop_log(db);
        for command in [&["status"][..], &["insight", "forecast"], &["audit", "verify"]] {
            let args: Vec<&str> = command.iter().copied().chain(["-c", &file]).collect();
            let run = output(&args, folder.path());
            let said = [run.stdout, run.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            for never in ["Query returned no rows", "panicked", "RUST_BACKTRACE"] {
                assert!(!said.contains(never), "{table}, {command:?}: {said}");
            }
            damaged += usize::from(said.contains("a table that is never empty has no row"));
        }
    }
    assert!(damaged > 0, "some tables are never empty");
}

/// All that was written is in the file itself.
fn drop_log(db: Connection) {
    let _: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    db.close().unwrap();
}
