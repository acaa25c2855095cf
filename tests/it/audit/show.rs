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
    assert!(said.err.contains("several runs begin with 0197, such as 0197-a, 0197-b"));
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
