//! `bursar audit export`.

use super::*;

/// Three runs on three days of Berlin; the second begins at midnight there.
async fn three_days() -> Desk {
    let desk = Desk::new().await;
    for (run, time) in [
        ("run-1", "2026-06-01T21:59:59.999Z"),
        ("run-2", "2026-06-01T22:00:00.000Z"),
        ("run-3", "2026-06-02T22:00:00.000Z"),
    ] {
        desk.set(time);
        desk.run(run, 1, true).await;
    }
    desk
}

fn seqs(jsonl: &str) -> Vec<u64> {
    jsonl
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn days_are_those_of_the_settings_and_whole() {
    let desk = three_days().await;
    for (from, to, expected) in [
        (Some("2026-06-01"), Some("2026-06-01"), 1..=4),
        (Some("2026-06-02"), Some("2026-06-02"), 5..=8),
        (Some("2026-06-02"), Some("2026-06-03"), 5..=12),
        (None, Some("2026-06-02"), 1..=8),
        (Some("2026-06-03"), None, 9..=12),
        (None, None, 1..=12),
    ] {
        let mut args = vec!["export", "-c", "bursar.yaml", "--format", "jsonl"];
        args.extend(from.iter().flat_map(|day| ["--from", day]));
        args.extend(to.iter().flat_map(|day| ["--to", day]));
        let said = desk.audit(&args);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(seqs(&said.out), expected.collect::<Vec<_>>(), "{from:?} {to:?}");
    }
    // A store by itself knows no zone.
    let said =
        desk.audit(&["export", "--store", "bursar.db", "--format", "jsonl", "--to", "2026-06-01"]);
    assert_eq!(seqs(&said.out).len(), 8);
    let said =
        desk.audit(&["export", "-c", "bursar.yaml", "--format", "csv", "--from", "2030-01-01"]);
    assert_eq!((said.code, said.out.lines().count()), (0, 1));
    let said = desk.audit(&[
        "export",
        "-c",
        "bursar.yaml",
        "--format",
        "csv",
        "--from",
        "2026-02-01",
        "--to",
        "2026-01-01",
    ]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
}

#[tokio::test]
async fn a_clock_that_was_set_back_leaves_no_gap() {
    let desk = Desk::new().await;
    for (run, time) in [
        ("run-1", "2026-06-01T12:00:00Z"),
        ("run-2", "2026-05-20T12:00:00Z"),
        ("run-3", "2026-06-01T13:00:00Z"),
    ] {
        desk.set(time);
        desk.run(run, 1, true).await;
    }
    let day = "2026-06-01";
    let said = desk.audit(&[
        "export",
        "-c",
        "bursar.yaml",
        "--format",
        "jsonl",
        "--from",
        day,
        "--to",
        day,
        "-o",
        "day.jsonl",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(desk.audit(&["verify", "--file", "day.jsonl"]).code, 0);
}

#[tokio::test]
async fn an_export_is_verified_without_the_store_and_speaks_against_a_rewrite() {
    let desk = three_days().await;
    let args = ["export", "-c", "bursar.yaml", "--format", "jsonl", "-o", "out.jsonl"];
    let day = ["--from", "2026-06-02", "--to", "2026-06-02"];
    let said = desk.audit(&[&args[..], &day].concat());
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(said.err.contains("4 records"), "{}", said.err);
    // It does not write over anything.
    assert_eq!(desk.audit(&args).code, 1);

    let said = desk.audit(&["verify", "--file", "out.jsonl", "--json"]);
    assert_eq!((said.code, said.json()["ranges"].to_string()), (0, "[[5,8]]".to_owned()));
    assert!(said.json()["notes"][0].as_str().unwrap().contains("before 5"));
    assert_eq!(desk.verify(&["--file", "out.jsonl"]).code, 0);

    // Written anew behind record 6, and all of it in order in itself.
    desk.tamper(|db| {
        db.execute_batch("UPDATE ledger SET time = time + 1 WHERE seq = 6").unwrap();
    });
    assert_eq!(desk.verify(&["--file", "out.jsonl"]).code, 3);
}

#[tokio::test]
async fn a_table_can_be_read_by_a_spreadsheet() {
    let desk = Desk::new().await;
    desk.set("2026-06-01T02:00:00.007Z");
    let mut user = person(0);
    user.user_id = "=HYPERLINK(\"http://x\")".into();
    let withdrawn = Entry::Withdrawn {
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(7),
        holder: user,
        why: "=1+1".into(),
    };
    desk.append(Some("run-1"), withdrawn).await;
    desk.append(Some("run-1"), intent(0)).await;
    let quarantined =
        SeatResult::Quarantined { until: Moment::At("2026-06-08T00:00:00Z".parse().unwrap()) };
    desk.append(Some("run-1"), outcome(2, 0, quarantined)).await;
    let said = desk.audit(&["export", "-c", "bursar.yaml", "--format", "csv"]);
    assert_eq!(said.code, 0);
    let lines: Vec<_> = said.out.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "seq,time,site,run,kind,summary,by,mode,action,licenseType,seat,user,userName,lastUsed,\
         because,result,until,previous,hash,entry"
    );
    assert!(
        lines[1].starts_with("1,2026-06-01T02:00:00.007Z,default,run-1,withdrawn,"),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains(",\"'=1+1\","), "{}", lines[1]);
    assert!(lines[1].contains(",\"CORP\\=HYPERLINK(\"\"http://x\"\")\",\"Zoë, \"\"Zo\"\"\","));
    assert!(lines[2].contains(",release,analyzer,00000000-0000-0000-0000-0000000003e8,"));
    assert!(lines[2].contains(",never,idle for 43 days (threshold 30),,,"), "{}", lines[2]);
    assert!(lines[3].contains(",,,quarantined,2026-06-08T00:00:00.000Z,"), "{}", lines[3]);
    assert_eq!((lines.len(), lines[4]), (5, ""));
}

#[tokio::test]
async fn a_broken_ledger_is_exported_with_a_warning() {
    let desk = three_days().await;
    desk.tamper(|db| db.execute_batch("DELETE FROM ledger WHERE seq = 2").unwrap());
    let said = desk.audit(&["export", "-c", "bursar.yaml", "--format", "jsonl"]);
    assert_eq!((said.code, seqs(&said.out).len()), (3, 11));
    assert!(said.err.contains("record 2 is missing"), "{}", said.err);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_with_names_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let desk = three_days().await;
    desk.audit(&["export", "-c", "bursar.yaml", "--format", "csv", "-o", "out.csv"]);
    let mode = std::fs::metadata(desk.path("out.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
