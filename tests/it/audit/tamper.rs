//! Whatever somebody does to the file is found, and the record named.

use bursar::ledger::chain::Raw;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::*;

/// A ledger of ten records, from a run of four seats.
async fn ten() -> (Desk, Head) {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00Z");
    let head = desk.run("run-1", 4, true).await;
    assert_eq!(head.seq, 10);
    assert_eq!(desk.verify(&[]).code, 0);
    (desk, head)
}

async fn found(change: impl FnOnce(&Connection)) -> Vec<Value> {
    let (desk, _) = ten().await;
    desk.tamper(change);
    let said = desk.verify(&[]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    said.problems()
}

fn run(db: &Connection, sql: &str) {
    db.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_changed_byte_of_an_entry() {
    let sql = "UPDATE ledger SET entry = replace(entry, 'user1', 'user7') WHERE seq = 4";
    assert_eq!(found(|db| run(db, sql)).await, [json!({"problem": "changed", "seq": 4})]);
}

#[tokio::test]
async fn a_changed_time_site_run_or_kind() {
    for column in ["time = time + 1", "site = 'other'", "run = 'run-2'", "kind = 'resumed'"] {
        let sql = format!("UPDATE ledger SET {column} WHERE seq = 6");
        assert_eq!(
            found(|db| run(db, &sql)).await,
            [json!({"problem": "changed", "seq": 6})],
            "{column}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let sql = "UPDATE ledger SET site = CAST(x'ff80' AS TEXT) WHERE seq = 6";
    let found = found(|db| run(db, sql)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["problem"], &found[0]["place"]), (&json!("unreadable"), &Value::Null));
}

#[tokio::test]
async fn two_exchanged_records() {
    let sql = "UPDATE ledger SET seq = 1004 WHERE seq = 4;
               UPDATE ledger SET seq = 4 WHERE seq = 6;
               UPDATE ledger SET seq = 6 WHERE seq = 1004;";
    assert_eq!(
        found(|db| run(db, sql)).await,
        [
            json!({"problem": "moved", "seq": 4, "writtenAs": 6}),
            json!({"problem": "moved", "seq": 6, "writtenAs": 4}),
        ]
    );
}

#[tokio::test]
async fn a_record_that_was_removed_in_the_middle() {
    let found = found(|db| run(db, "DELETE FROM ledger WHERE seq = 5")).await;
    assert_eq!(found[0], json!({"problem": "missing", "first": 5, "last": 5}));
}

#[tokio::test]
async fn the_last_record_or_all_that_were_removed() {
    assert_eq!(
        found(|db| run(db, "DELETE FROM ledger WHERE seq = 10")).await,
        [json!({"problem": "cutOff", "last": 9, "head": 10})]
    );
    assert_eq!(
        found(|db| run(db, "DELETE FROM ledger")).await,
        [json!({"problem": "cutOff", "last": 0, "head": 10})]
    );
}

#[tokio::test]
async fn what_comes_after_a_cut_does_not_hide_it() {
    let (desk, _) = ten().await;
    desk.tamper(|db| run(db, "DELETE FROM ledger WHERE seq > 8"));
    desk.append(None, Entry::Resumed { by: "anna".into() }).await;
    let said = desk.verify(&[]);
    assert_eq!(
        said.problems(),
        [
            json!({"problem": "missing", "first": 9, "last": 10}),
            // One of them was an outcome.
            json!({"problem": "forgotten", "seq": 8}),
        ]
    );
}

#[tokio::test]
async fn a_head_that_was_set_back_with_the_cut_shows_only_outside() {
    let (desk, head) = ten().await;
    desk.tamper(|db| {
        run(
            db,
            "DELETE FROM ledger WHERE seq > 9;
             UPDATE ledger_end SET (seq, hash) = (SELECT seq, hash FROM ledger WHERE seq = 9)
              WHERE which = 'head'",
        );
    });
    assert_eq!(desk.verify(&[]).code, 0);
    let said = desk.verify(&["--head", &format!("{}:{}", head.seq, head.hash)]);
    assert_eq!(said.code, 3);
    assert_eq!(said.problems(), [json!({"problem": "cutOff", "last": 9, "head": 10})]);
}

#[tokio::test]
async fn a_record_that_was_put_behind_the_last_one() {
    let sql = "INSERT INTO ledger SELECT 11, time, site, run, kind, entry, hash, hash FROM ledger
                WHERE seq = 10";
    assert_eq!(found(|db| run(db, sql)).await, [json!({"problem": "added", "seq": 11})]);
}

/// All records, as they are.
fn records(db: &Connection) -> Vec<Raw> {
    let sql = "SELECT seq, time, site, run, kind, entry, previous, hash FROM ledger ORDER BY seq";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |r| {
        Ok(Raw {
            seq: r.get::<_, i64>(0)? as u64,
            time: r.get(1)?,
            site: r.get(2)?,
            run: r.get(3)?,
            kind: r.get(4)?,
            entry: r.get(5)?,
            previous: r.get(6)?,
            hash: r.get(7)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Writes the chain anew from a record on, so that all is in order again.
fn forge(db: &Connection, from: u64) {
    let mut previous = String::new();
    for mut raw in records(db) {
        if raw.seq >= from {
            if raw.seq > 1 {
                raw.previous.clone_from(&previous);
            }
            raw.hash = raw.expected_hash();
            db.execute(
                "UPDATE ledger SET previous = ?2, hash = ?3 WHERE seq = ?1",
                params![raw.seq as i64, raw.previous, raw.hash],
            )
            .unwrap();
        }
        previous = raw.hash;
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_but_for_the_noted_head() {
    let found = found(|db| {
        run(db, "UPDATE ledger SET entry = replace(entry, 'user1', 'user7') WHERE seq = 4");
        forge(db, 4);
    })
    .await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["problem"], &found[0]["seq"]), (&json!("differs"), &json!(10)));
    assert_eq!(found[0]["witness"], json!("store"));
}

#[tokio::test]
async fn a_chain_that_was_written_anew_whole_shows_only_outside() {
    let (desk, head) = ten().await;
    let early = format!("3:{}", {
        let db = crate::support::store::database(desk.path("bursar.db"));
        records(&db)[2].hash.clone()
    });
    desk.tamper(|db| {
        run(db, "UPDATE ledger SET entry = replace(entry, 'user1', 'user7') WHERE seq = 4");
        forge(db, 4);
        run(
            db,
            "UPDATE ledger_end SET hash = (SELECT hash FROM ledger WHERE seq = 10)
              WHERE which = 'head'",
        );
    });
    assert_eq!(desk.verify(&[]).code, 0);
    // What lies before the change is as it was.
    assert_eq!(desk.verify(&["--head", &early]).code, 0);
    let said = desk.verify(&["--head", &early, "--head", &format!("10:{}", head.hash)]);
    assert_eq!(said.code, 3);
    let found = said.problems();
    assert_eq!((found.len(), &found[0]["seq"]), (1, &json!(10)));
    assert_eq!((&found[0]["witness"], &found[0]["noted"]), (&json!("outside"), &json!(head.hash)));
}

#[tokio::test]
async fn guards_that_were_taken_off() {
    let (desk, _) = ten().await;
    let db = crate::support::store::database(desk.path("bursar.db"));
    for sql in [
        "UPDATE ledger SET time = 0 WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 1",
        "DELETE FROM ledger",
        "INSERT INTO ledger SELECT 12, time, site, run, kind, entry, hash, hash FROM ledger
          WHERE seq = 10",
        "INSERT INTO ledger SELECT 11, time, site, run, kind, entry, previous, hash FROM ledger
          WHERE seq = 10",
        "INSERT OR REPLACE INTO ledger SELECT 5, time, site, run, kind, entry, previous, hash
           FROM ledger WHERE seq = 10",
        "UPDATE ledger_end SET seq = 5 WHERE which = 'head'",
        "UPDATE ledger_end SET seq = 5 WHERE which = 'start'",
        "DELETE FROM ledger_end",
    ] {
        let error = db.execute_batch(sql).expect_err(sql).to_string();
        assert!(error.contains("ledger"), "{sql}: {error}");
    }
    assert_eq!(desk.verify(&[]).code, 0);
    run(&db, "DROP TRIGGER ledger_unchanged");
    let said = desk.verify(&[]);
    assert_eq!(said.problems(), [json!({"problem": "guard", "name": "ledger_unchanged"})]);
    // One of the same name that does nothing is no better; nor is one more that does something.
    run(&db, "CREATE TRIGGER ledger_unchanged BEFORE UPDATE ON ledger BEGIN SELECT 1; END");
    run(&db, "CREATE TRIGGER mine AFTER INSERT ON ledger BEGIN SELECT 1; END");
    let names: Vec<_> = desk.verify(&[]).problems().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(names, ["ledger_unchanged", "mine"]);
}

#[tokio::test]
async fn an_unsettled_intent_that_was_hidden() {
    let desk = Desk::new().await;
    desk.append(Some("run-1"), started()).await;
    let seq = desk.append(Some("run-1"), intent(1)).await;
    let unclear = outcome(seq, 1, SeatResult::Unclear { why: "timed out".into() });
    desk.append(Some("run-1"), unclear).await;
    assert_eq!(desk.verify(&[]).code, 0);
    desk.tamper(|db| run(db, "DELETE FROM release_unsettled"));
    assert_eq!(desk.verify(&[]).problems(), [json!({"problem": "forgotten", "seq": seq})]);
}

#[tokio::test]
async fn a_plan_that_was_changed() {
    let desk = Desk::new().await;
    let plan = b"{\"plan\":1}".to_vec();
    let digest = bursar::ledger::digest(&plan);
    desk.append(Some("run-1"), planned(&digest)).await;
    desk.append(Some("run-2"), planned(&digest)).await;
    desk.store.save_plan("default", "run-1", plan).await.unwrap();
    assert_eq!(desk.verify(&[]).code, 0);
    desk.store.save_plan("default", "run-1", b"{\"plan\":2}".to_vec()).await.unwrap();
    let changed = json!({"problem": "plan", "seq": 1, "run": "run-1"});
    assert_eq!(desk.verify(&[]).problems(), std::slice::from_ref(&changed));
    desk.tamper(|db| run(db, "UPDATE release_plan SET json = x'00'"));
    assert_eq!(desk.verify(&[]).problems(), [changed]);
}

#[tokio::test]
async fn an_end_that_was_moved_over_records_that_were_removed() {
    let found = found(|db| {
        run(
            db,
            "UPDATE ledger_end SET (seq, hash) = (SELECT seq, hash FROM ledger WHERE seq = 5)
              WHERE which = 'start';
             DELETE FROM ledger WHERE seq <= 5",
        );
    })
    .await;
    assert_eq!(found, [json!({"problem": "notArchived", "through": 5})]);
}

/// A ledger that leaves rows in every table beside it.
async fn noted() -> Desk {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00Z");
    desk.run("run-1", 2, true).await;
    let announced = |n: u128| Entry::Announced {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(2000 + n),
        holder: person(n),
        last_used: Moment::Never,
        due: "2026-06-15T02:00:00Z".parse().unwrap(),
    };
    desk.append(Some("run-2"), started()).await;
    for n in [5, 6] {
        desk.append(Some("run-2"), announced(n)).await;
    }
    let seq = desk.append(Some("run-2"), intent(7)).await;
    let unclear = SeatResult::Unclear { why: "timed out".into() };
    desk.append(Some("run-2"), outcome(seq, 7, unclear)).await;
    desk.append(Some("run-2"), end(0)).await;
    desk.append(
        None,
        Entry::Paused {
            until: "2099-01-07T00:00:00Z".parse().unwrap(),
            why: "year end".into(),
            by: "anna".into(),
        },
    )
    .await;
    assert_eq!(desk.verify(&[]).code, 0, "{}", desk.verify(&[]).out);
    desk
}

/// What somebody changes beside the ledger is found, whatever the table, and told in words; and the
/// ledger makes it right again.
#[tokio::test]
async fn notes_that_do_not_follow_from_the_ledger() {
    let forged = "INSERT INTO release_announced SELECT site, 'ffff', json FROM release_announced \
                  WHERE json LIKE '%user5%'";
    for (sql, table, words) in [
        (
            "DELETE FROM release_pause",
            "release_pause",
            "does not note a pause of site default until 2099-01-07 00:00:00 UTC by anna",
        ),
        ("UPDATE release_pause SET until = 0", "release_pause", "by the ledger it is a pause"),
        ("UPDATE release_pause SET why = 'nothing'", "release_pause", "nothing; by the ledger"),
        (
            "INSERT INTO release_pause VALUES ('other', 4102444800000, 'x', 'y', 0)",
            "release_pause",
            "the store notes a pause of site other",
        ),
        (
            "DELETE FROM release_announced WHERE json LIKE '%user5%'",
            "release_announced",
            "seat of CORP\\user5 on site default goes on 2026-06-15",
        ),
        (
            "UPDATE release_announced SET json = replace(json, '2026-06-15', '2026-06-02') WHERE json LIKE '%user5%'",
            "release_announced",
            "goes on 2026-06-02",
        ),
        (forged, "release_announced", "which does not follow from the ledger"),
        (
            "UPDATE release_announced SET json = '{' WHERE json LIKE '%user5%'",
            "release_announced",
            "unreadable announcement",
        ),
        (
            "DELETE FROM release_past WHERE user LIKE '%0001'",
            "release_past",
            "as the last time at which the analyzer seat of user",
        ),
        (
            "UPDATE release_past SET time = 0 WHERE user LIKE '%0001'",
            "release_past",
            "notes 1970-01-01",
        ),
        (
            "INSERT INTO release_past VALUES ('default', 'analyzer', 'x', 0)",
            "release_past",
            "seat of user x on site default",
        ),
        (
            "INSERT INTO release_unsettled (site, seq) VALUES ('default', 2)",
            "release_unsettled",
            "record 2 as an open intent",
        ),
        (
            "INSERT INTO release_unsettled (site, seq) VALUES ('default', 999)",
            "release_unsettled",
            "record 999 as an open intent",
        ),
    ] {
        let desk = noted().await;
        desk.tamper(|db| run(db, sql));
        let said = desk.verify(&[]);
        assert_eq!(said.code, 3, "{sql}");
        let found = said.problems();
        assert_eq!(found.len(), 1, "{sql}: {found:?}");
        assert_eq!(
            (&found[0]["problem"], &found[0]["table"]),
            (&json!("notBacked"), &json!(table))
        );
        let told = desk.audit(&["verify", "-c", "bursar.yaml"]).out;
        assert!(told.contains(words), "{sql}: {told}");

        let shown = desk.audit(&["rebuild", "-c", "bursar.yaml"]);
        assert_eq!(shown.code, 3, "{}", shown.err);
        assert!(shown.out.contains(words) && shown.out.contains("--yes"), "{}", shown.out);
        assert_eq!(desk.verify(&[]).code, 3);
        let made = desk.audit(&["rebuild", "-c", "bursar.yaml", "--yes"]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert_eq!(desk.verify(&[]).code, 0, "{sql}: {}", desk.verify(&[]).out);
        let last = desk.store.head().await.unwrap().unwrap().seq;
        let record = desk.store.records(last, 1).await.unwrap().remove(0);
        let Entry::Rebuilt { count, changes, .. } = record.entry else { panic!() };
        assert!(count == 1 && changes[0].contains(words), "{changes:?}");
        let again = desk.audit(&["rebuild", "-c", "bursar.yaml", "--yes"]);
        assert_eq!((again.code, desk.store.head().await.unwrap().unwrap().seq), (0, last));
    }
}

#[tokio::test]
async fn nothing_is_made_from_a_ledger_that_is_not_in_order() {
    let desk = noted().await;
    desk.tamper(|db| {
        run(db, "UPDATE ledger SET entry = replace(entry, 'user1', 'user7') WHERE seq = 4");
        run(db, "DELETE FROM release_pause");
    });
    let said = desk.verify(&[]);
    assert_eq!(said.problems(), [json!({"problem": "changed", "seq": 4})]);
    assert!(said.json()["notes"].to_string().contains("was not compared"), "{}", said.out);
    let made = desk.audit(&["rebuild", "-c", "bursar.yaml", "--yes"]);
    assert_eq!(made.code, 3);
    assert!(made.err.contains("nothing is made from it"), "{}", made.err);
    let db = crate::support::store::database(desk.path("bursar.db"));
    let pauses: i64 = db.query_row("SELECT count(*) FROM release_pause", [], |r| r.get(0)).unwrap();
    assert_eq!(pauses, 0);
}

#[tokio::test]
async fn a_lock_that_no_run_can_have() {
    let now = Utc::now().timestamp_millis();
    let lock = |run: &str, since: i64| {
        format!(
            "INSERT INTO release_claim VALUES ('default', '{run}', 'me', {since}, {}, 99000000000)",
            now + 60_000
        )
    };
    for (run_id, since, odd) in [
        // One that ended, one that never wrote a record, one that begins now.
        ("run-1", now - 1000, true),
        ("nobody", now - 3_600_000, true),
        ("nobody", now + 3_600_000, true),
        ("new", now - 1000, false),
    ] {
        let desk = noted().await;
        desk.tamper(|db| run(db, &lock(run_id, since)));
        let said = desk.verify(&[]);
        if !odd {
            assert_eq!(said.code, 0, "{}", said.out);
            continue;
        }
        let found = said.problems();
        assert_eq!((found.len(), &found[0]["table"]), (1, &json!("release_claim")), "{found:?}");
        assert!(found[0]["says"].as_str().unwrap().contains(run_id), "{found:?}");
        assert_eq!(desk.audit(&["rebuild", "-c", "bursar.yaml", "--yes"]).code, 0);
        assert_eq!(desk.verify(&[]).code, 0);
    }
}

#[tokio::test]
async fn a_foreign_trigger_on_any_table() {
    let desk = Desk::new().await;
    let db = crate::support::store::database(desk.path("bursar.db"));
    let mut query = db
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                 AND name NOT IN ('ledger', 'ledger_end')",
        )
        .unwrap();
    let tables: Vec<String> =
        query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() > 20, "{tables:?}");
    for table in &tables {
        run(&db, &format!("CREATE TRIGGER mine AFTER INSERT ON {table} BEGIN SELECT 1; END"));
        let found = desk.verify(&[]).problems();
        assert_eq!(found, [json!({"problem": "trigger", "name": "mine", "table": table})]);
        run(&db, "DROP TRIGGER mine");
    }
    run(&db, "DROP TRIGGER delivery_gone");
    let found = desk.verify(&[]).problems();
    let missing = json!({"problem": "trigger", "name": "delivery_gone", "table": "delivery"});
    assert_eq!(found, [missing]);
}
