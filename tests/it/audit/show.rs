//! `bursar audit show`.

use super::*;

#[tokio::test]
async fn a_run_is_told_as_a_story() {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00Z");
    desk.append(Some("0197-run"), started()).await;
    desk.append(Some("0197-run"), planned("5b3f")).await;
    for (n, result) in [
        (0, SeatResult::Freed),
        (1, SeatResult::Refused { why: "HTTP 403\u{1b}[31m".into() }),
        (2, SeatResult::Unclear { why: "timed out".into() }),
    ] {
        let seq = desk.append(Some("0197-run"), intent(n)).await;
        desk.append(Some("0197-run"), outcome(seq, n, result)).await;
    }
    desk.append(Some("0197-run"), intent(3)).await;
    let due = "2026-06-08T02:00:00Z".parse().unwrap();
    let announced = Entry::Announced {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(9),
        holder: person(4),
        last_used: Moment::Never,
        due,
    };
    desk.append(Some("0197-run"), announced).await;
    desk.append(
        Some("0197-run"),
        Entry::RunEnded {
            status: RunStatus::Partly,
            counts: vec![counts(1)],
            why: Some("one seat was refused".into()),
        },
    )
    .await;
    desk.set("2026-06-02T02:00:00Z");
    let later = Entry::Outcome(Outcome {
        settled_later: true,
        evidence: Default::default(),
        ..match outcome(7, 2, SeatResult::Freed) {
            Entry::Outcome(outcome) => outcome,
            _ => unreachable!(),
        }
    });
    desk.append(Some("0198-run"), later).await;
    let said = desk.audit(&["show", "-c", "bursar.yaml", "0197"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let hash = desk.store.records(11, 1).await.unwrap().remove(0).hash;
    insta::assert_snapshot!(said.out.replace(&hash, "[hash]"));

    let later = desk.audit(&["show", "-c", "bursar.yaml", "0198"]);
    assert!(later.out.contains("(record 7): released, as found out later"), "{}", later.out);
    let json = desk.audit(&["show", "-c", "bursar.yaml", "0197-run", "--json"]).json();
    assert_eq!(json.as_array().unwrap().len(), 12);
    assert_eq!(json[0]["entry"]["kind"], "runStarted");
    assert_eq!(json[0]["time"], "2026-06-01T02:00:00Z");
}

#[tokio::test]
async fn the_beginning_of_an_id_must_be_enough() {
    let desk = Desk::new().await;
    desk.run("0197-a", 0, true).await;
    desk.run("0197-b", 0, true).await;
    let said = desk.audit(&["show", "-c", "bursar.yaml", "0197"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("several runs begin with it, such as 0197-a, 0197-b"));
    assert_eq!(desk.audit(&["show", "-c", "bursar.yaml", "0197-b"]).code, 0);
    for none in ["0198", "", "%", "_197-a"] {
        assert_eq!(desk.audit(&["show", "-c", "bursar.yaml", none]).code, 2, "{none:?}");
    }
}

#[tokio::test]
async fn a_changed_record_is_not_shown_as_if_it_were_true() {
    let desk = Desk::new().await;
    desk.run("run-1", 1, true).await;
    desk.tamper(|db| {
        let sql = "UPDATE ledger SET entry = replace(entry, 'user0', 'user9') WHERE seq = 3";
        db.execute_batch(sql).unwrap();
    });
    let said = desk.audit(&["show", "-c", "bursar.yaml", "run-1"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("record 3 was changed"), "{}", said.err);
}

#[tokio::test]
async fn everything_about_a_person_over_all_runs() {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00Z");
    desk.run("run-1", 3, true).await;
    let announced = Entry::Announced {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(9),
        holder: person(1),
        last_used: Moment::Never,
        due: "2026-06-08T02:00:00Z".parse().unwrap(),
    };
    desk.append(Some("run-2"), announced).await;
    desk.set("2026-07-01T02:00:00Z");
    let seq = desk.append(Some("run-3"), intent(1)).await;
    let refused = SeatResult::Refused { why: "HTTP 403\u{1b}[31m".into() };
    desk.append(Some("run-3"), outcome(seq, 1, refused)).await;
    for user in ["CORP\\user1", " corp\\USER1 ", "User1"] {
        let said = desk.audit(&["show", "-c", "bursar.yaml", "--user", user]);
        assert_eq!(said.code, 0, "{user}: {}", said.err);
        let lines: Vec<_> = said.out.lines().collect();
        assert_eq!(lines.len(), 5, "{}", said.out);
        for (line, expected) in lines.iter().zip([
            "run run-1  about to release the Analyzer seat of CORP\\user1: idle for 43 days",
            "run run-1  Analyzer seat of CORP\\user1 (record 4): released",
            "run run-2  announced: the Analyzer seat of CORP\\user1 goes on 2026-06-08",
            "run run-3  about to release",
            "not done, the site refused: HTTP 403 [31m",
        ]) {
            assert!(line.contains(expected), "{line}");
        }
        let json = desk.audit(&["show", "-c", "bursar.yaml", "--user", user, "--json"]).json();
        assert_eq!(json.as_array().unwrap().len(), 5);
        assert_eq!(json[2]["entry"]["kind"], "announced");
    }
    let nobody = desk.audit(&["show", "-c", "bursar.yaml", "--user", "CORP\\user11"]);
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
    let nobody = desk.audit(&["show", "-c", "bursar.yaml", "--user", "user11", "--json"]);
    assert_eq!(nobody.json(), Value::Array(Vec::new()));
    for wrong in
        [&["show", "-c", "bursar.yaml"][..], &["show", "-c", "bursar.yaml", "run-1", "--user", "x"]]
    {
        assert_eq!(desk.audit(wrong).code, 2);
    }
    desk.tamper(|db| {
        let sql = "UPDATE ledger SET entry = replace(entry, '43 days', '93 days') WHERE seq = 4";
        db.execute_batch(sql).unwrap();
    });
    let said = desk.audit(&["show", "-c", "bursar.yaml", "--user", "user1"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("record 4 was changed"), "{}", said.err);
}
