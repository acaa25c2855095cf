//! `bursar audit archive`.

use super::*;

/// Two runs in May, one in June.
async fn may_and_june() -> Desk {
    let desk = Desk::new().await;
    for (run, time) in [
        ("run-1", "2024-05-10T02:00:00Z"),
        ("run-2", "2024-05-20T02:00:00Z"),
        ("run-3", "2024-06-10T02:00:00Z"),
    ] {
        desk.set(time);
        desk.run(run, 1, true).await;
    }
    desk
}

fn archive(desk: &Desk, before: &str, file: &str) -> Said {
    desk.audit(&["archive", "-c", "bursar.yaml", "--before", before, "-o", file])
}

fn left(desk: &Desk) -> Vec<i64> {
    let db = crate::support::store::database(desk.path("bursar.db"));
    let mut query = db.prepare("SELECT seq FROM ledger ORDER BY seq").unwrap();
    query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn the_chain_goes_on_from_what_was_archived() {
    let desk = may_and_june().await;
    let past = desk.store.release_past("default").await.unwrap();
    let old_head = desk.store.head().await.unwrap().unwrap();
    let said = archive(&desk, "2024-06-01", "may.jsonl");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(left(&desk), [9, 10, 11, 12, 13]);
    let head = desk.store.head().await.unwrap().unwrap();
    assert!(said.out.contains(&format!("head: 13:{}", head.hash)), "{}", said.out);

    let alone = desk.verify(&[]);
    assert_eq!(alone.code, 0, "{}", alone.out);
    assert_eq!(alone.json()["notes"][0], "records up to 8 were archived");
    let both = desk.verify(&["--file", "may.jsonl"]);
    assert_eq!((both.code, both.json()["ranges"].to_string()), (0, "[[1,13]]".to_owned()));
    assert_eq!(desk.audit(&["verify", "--file", "may.jsonl"]).code, 0);
    let head = format!("{}:{}", old_head.seq, old_head.hash);
    assert_eq!(desk.verify(&["--head", &head]).code, 0);

    // The record of it says what the file is.
    let record = desk.store.records(13, 1).await.unwrap().remove(0);
    let Entry::Archived { through, records, file, digest, by } = record.entry else { panic!() };
    assert_eq!((through.seq, records, file.as_str()), (8, 8, "may.jsonl"));
    let bytes = std::fs::read(desk.path("may.jsonl")).unwrap();
    assert_eq!(digest, bursar::ledger::digest(&bytes));
    assert!(by.contains(", process "), "{by}");

    // What the past means for the next run is not forgotten, and the next one goes on.
    assert_eq!(desk.store.release_past("default").await.unwrap(), past);
    desk.set("2024-07-10T02:00:00Z");
    desk.run("run-4", 1, true).await;
    assert_eq!(archive(&desk, "2024-07-01", "june.jsonl").code, 0);
    // The record of the first archive is of today.
    assert_eq!(left(&desk), [13, 14, 15, 16, 17, 18]);
    let all = desk.verify(&["--file", "june.jsonl", "--file", "may.jsonl"]);
    assert_eq!((all.code, all.json()["ranges"].to_string()), (0, "[[1,18]]".to_owned()));
    assert_eq!(desk.verify(&["--file", "june.jsonl"]).code, 0);
    let gap = desk.verify(&["--file", "may.jsonl"]);
    assert_eq!(gap.code, 3);
    assert_eq!((&gap.problems()[0]["first"], &gap.problems()[0]["last"]), (&9.into(), &12.into()));
}

/// The answers of commands to what releases changed, without what tells of the question's own time and of
/// the ledger itself.
fn planning(desk: &Desk) -> Vec<Value> {
    let commands = [
        &["insight", "growth"][..],
        &["insight", "forecast"],
        &["insight", "cost"],
        &["report", "--period", "last-month", "--format", "json"],
    ];
    let ask = |args: &[&str]| {
        let json = if args[0] == "insight" { &["--json"][..] } else { &[] };
        let args = [args, &["-c", "bursar.yaml"], json].concat();
        let said = output(&args, desk.folder.path());
        let mut answer: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        for own in ["time", "generated", "ledger"] {
            answer.as_object_mut().unwrap().shift_remove(own);
        }
        answer
    };
    commands.into_iter().map(ask).collect()
}

/// Three seats went a hundred days ago; who reckons growth, savings and the budget must not forget it.
#[tokio::test]
async fn what_planning_says_stays_the_same() {
    let desk = Desk::new().await;
    let prices = "  cost: {currency: EUR, budgetPerYear: 40000, analyzer: {perSeatPerYear: 365}}\n";
    std::fs::write(desk.path("bursar.yaml"), format!("{SETTINGS}{prices}")).unwrap();
    let day = |ago| Utc::now() - chrono::TimeDelta::days(ago);
    desk.set(&day(100).to_rfc3339());
    desk.run("run-1", 3, true).await;
    desk.set(&day(10).to_rfc3339());
    desk.run("run-2", 1, true).await;
    desk.set(&day(0).to_rfc3339());
    let days = 200;
    let taken = |n: i64| 60.0 + (n as f64 * 0.2).round() - if n >= days - 100 { 3.0 } else { 0.0 };
    let until = day(1).date_naive();
    let seats = |n| Some((taken(n), 110.0));
    crate::support::years::keep_days(&desk.store, "default", "analyzer", (until, days), seats)
        .await;

    let before = planning(&desk);
    let growth = &before[0]["sites"][0]["types"][0]["growth"];
    assert!(growth["addedBack"].as_u64().unwrap() >= 3, "{growth}");
    let saved = &before[2]["sites"][0]["cost"]["saved"]["seatDays"];
    assert!(saved.as_u64().unwrap() >= 300, "{saved}");

    let until = day(50).date_naive().to_string();
    let said = archive(&desk, &until, "old.jsonl");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(left(&desk).len(), 5, "the older run is out of the store");
    assert_eq!(planning(&desk), before);
    assert_eq!(desk.verify(&["--file", "old.jsonl"]).code, 0);
}

#[tokio::test]
async fn a_changed_archive_is_found() {
    let desk = may_and_june().await;
    archive(&desk, "2024-06-01", "may.jsonl");
    let text = std::fs::read_to_string(desk.path("may.jsonl")).unwrap();
    for (changed, code) in [
        (text.replacen("user0", "user9", 1), 3),
        (text.lines().skip(1).map(|line| format!("{line}\n")).collect(), 3),
        (text.lines().take(7).map(|line| format!("{line}\n")).collect(), 3),
        (text.lines().filter(|l| !l.contains("\"seq\":4,")).map(|l| format!("{l}\n")).collect(), 3),
        (text[..text.len() - 1].to_owned(), 3),
        (format!("{text}\n"), 3),
        // Line ends of another system.
        (text.replace('\n', "\r\n"), 0),
    ] {
        std::fs::write(desk.path("other.jsonl"), &changed).unwrap();
        let said = desk.verify(&["--file", "other.jsonl"]);
        assert_eq!(said.code, code, "{}\n{changed}", said.out);
        assert!(code == 3 || said.json()["notes"].to_string().contains("byte for byte"));
    }
}

#[tokio::test]
async fn a_head_of_old_needs_the_archive() {
    let desk = may_and_june().await;
    let hash = desk.store.records(4, 1).await.unwrap().remove(0).hash;
    archive(&desk, "2024-06-01", "may.jsonl");
    let head = format!("4:{hash}");
    let said = desk.verify(&["--head", &head]);
    assert_eq!((said.code, &said.problems()[0]["problem"]), (3, &"notHere".into()));
    assert_eq!(desk.verify(&["--head", &head, "--file", "may.jsonl"]).code, 0);
    let other = format!("4:{}", "a".repeat(64));
    assert_eq!(desk.verify(&["--head", &other, "--file", "may.jsonl"]).code, 3);
}

#[tokio::test]
async fn a_run_is_never_cut() {
    let desk = Desk::new().await;
    desk.set("2024-05-10T02:00:00Z");
    desk.run("run-1", 1, true).await;
    // Under way at midnight of Berlin.
    desk.set("2024-05-31T21:59:00Z");
    desk.append(Some("run-2"), started()).await;
    desk.append(None, Entry::Resumed { by: "anna".into() }).await;
    desk.set("2024-05-31T22:01:00Z");
    desk.append(Some("run-2"), end(0)).await;
    assert_eq!(archive(&desk, "2024-06-01", "may.jsonl").code, 0);
    assert_eq!(left(&desk), [5, 6, 7, 8]);
    let said = archive(&desk, "2024-06-01", "more.jsonl");
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("no records"), "{}", said.out);
    assert!(!desk.path("more.jsonl").exists());
}

#[tokio::test]
async fn a_run_that_has_not_ended_is_waited_for() {
    let desk = Desk::new().await;
    desk.set("2024-05-10T02:00:00Z");
    desk.run("run-1", 1, false).await;
    let said = archive(&desk, "2024-06-01", "may.jsonl");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("run run-1 began before 2024-06-01"), "{}", said.err);
    // Its process died, and the next run went over it.
    desk.set("2024-05-11T02:00:00Z");
    desk.run("run-2", 1, true).await;
    // Unless it lives and has the lock.
    let hour = Duration::from_secs(3600);
    let claim = desk.store.claim_release("default", "run-1", "me", hour).await.unwrap().unwrap();
    desk.set(&Utc::now().to_rfc3339());
    let renewed = desk.store.claim_release("default", "run-1", "me", hour).await.unwrap();
    assert!(renewed.is_ok());
    let said = archive(&desk, "2024-06-01", "may.jsonl");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("run run-1 is under way"), "{}", said.err);
    assert_eq!(left(&desk).len(), 7);
    desk.store.drop_claim(&claim).await.unwrap();
    std::fs::remove_file(desk.path("may.jsonl")).unwrap();
    assert_eq!(archive(&desk, "2024-06-01", "may.jsonl").code, 0);
}

#[tokio::test]
async fn an_intent_without_an_outcome_stays() {
    let desk = Desk::new().await;
    desk.set("2024-05-10T02:00:00Z");
    desk.append(Some("run-1"), started()).await;
    let seq = desk.append(Some("run-1"), intent(1)).await;
    desk.append(Some("run-1"), end(0)).await;
    let said = archive(&desk, "2024-06-01", "may.jsonl");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("record 2 is an intent"), "{}", said.err);
    assert!(!desk.path("may.jsonl").exists());
    desk.append(Some("run-2"), outcome(seq, 1, SeatResult::Freed)).await;
    assert_eq!(archive(&desk, "2024-06-01", "may.jsonl").code, 0);
}

#[tokio::test]
async fn nothing_is_archived_from_a_broken_ledger_or_over_a_file() {
    let desk = may_and_june().await;
    std::fs::write(desk.path("may.jsonl"), "mine").unwrap();
    let said = archive(&desk, "2024-06-01", "may.jsonl");
    assert_eq!(said.code, 1);
    assert_eq!(std::fs::read_to_string(desk.path("may.jsonl")).unwrap(), "mine");
    assert_eq!(left(&desk).len(), 12);
    desk.tamper(|db| db.execute_batch("UPDATE ledger SET time = 7 WHERE seq = 12").unwrap());
    let said = archive(&desk, "2024-06-01", "other.jsonl");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("record 12 was changed"), "{}", said.err);
    assert!(!desk.path("other.jsonl").exists());
    assert_eq!(left(&desk).len(), 12);
}

/// `maxReleases` and `maxReleasePercent` count what went within 22 hours.
#[tokio::test]
async fn what_the_limits_of_releases_count_stays() {
    let desk = Desk::new().await;
    let hours_ago = |hours| (Utc::now() - chrono::TimeDelta::hours(hours)).to_rfc3339();
    desk.set(&hours_ago(23));
    desk.run("run-1", 1, true).await;
    desk.set(&hours_ago(21));
    desk.run("run-2", 2, true).await;
    let tomorrow = (Utc::now() + chrono::TimeDelta::days(2)).format("%Y-%m-%d").to_string();
    assert_eq!(archive(&desk, &tomorrow, "all.jsonl").code, 0);
    assert_eq!(left(&desk)[0], 5, "the second run stays");
    let past = desk.store.release_past("default").await.unwrap();
    assert_eq!(past.taken(SeatType::Analyzer), 2);
    let again = archive(&desk, &tomorrow, "more.jsonl");
    assert!(again.out.contains("can leave the store"), "{}{}", again.out, again.err);
}

/// What an archive lacks at its beginning is named, and an empty one is no archive.
#[tokio::test]
async fn an_archive_whose_first_records_were_cut_is_found() {
    let desk = may_and_june().await;
    archive(&desk, "2024-06-01", "may.jsonl");
    let text = std::fs::read_to_string(desk.path("may.jsonl")).unwrap();
    for cut in [1, 3, 7] {
        let rest: String = text.lines().skip(cut).map(|line| format!("{line}\n")).collect();
        std::fs::write(desk.path("cut.jsonl"), rest).unwrap();
        let said = desk.verify(&["--file", "cut.jsonl"]);
        assert_eq!(said.code, 3);
        let expected = serde_json::json!({
            "problem": "archiveCut", "first": 1, "last": cut, "archive": "may.jsonl",
        });
        assert_eq!(said.problems(), [expected]);
    }
    std::fs::write(desk.path("cut.jsonl"), "").unwrap();
    for args in [
        &["verify", "--json", "--file", "cut.jsonl"][..],
        &["verify", "--json", "-c", "bursar.yaml", "--file", "cut.jsonl"],
    ] {
        let said = desk.audit(args);
        assert_eq!(
            (said.code, said.problems()),
            (3, vec![serde_json::json!({"problem": "empty"})])
        );
    }
    // The rest of an archive beside its beginning is whole.
    let (begin, rest) = text.split_at(text.match_indices('\n').nth(2).unwrap().0 + 1);
    std::fs::write(desk.path("begin.jsonl"), begin).unwrap();
    std::fs::write(desk.path("rest.jsonl"), rest).unwrap();
    let said = desk.verify(&["--file", "rest.jsonl", "--file", "begin.jsonl"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

/// What the store notes of archived records is taken on trust, and checked where they are at hand.
#[tokio::test]
async fn notes_of_archived_records_are_checked_with_the_archive() {
    let desk = may_and_june().await;
    archive(&desk, "2024-06-01", "may.jsonl");
    let notes = |said: &Said| said.json()["notes"].to_string();
    let alone = desk.verify(&[]);
    assert!(notes(&alone).contains("taken on trust"), "{}", alone.out);
    let both = desk.verify(&["--file", "may.jsonl"]);
    assert_eq!((both.code, notes(&both).contains("taken on trust")), (0, false), "{}", both.out);

    // An old row that nothing says is wrong shows only with the archive; a new one at once.
    let insert = |time: i64| {
        format!("INSERT INTO release_past VALUES ('default', 'professional', 'f{time}', {time})")
    };
    let old = "2024-05-11T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    desk.tamper(|db| db.execute_batch(&insert(old)).unwrap());
    assert_eq!(desk.verify(&[]).code, 0);
    let both = desk.verify(&["--file", "may.jsonl"]);
    assert_eq!(both.code, 3);
    let found = both.problems();
    assert_eq!((found.len(), &found[0]["table"]), (1, &"release_past".into()), "{found:?}");
    desk.tamper(|db| {
        db.execute_batch("DELETE FROM release_past WHERE time < 1716000000000").unwrap()
    });
    let new = Utc::now().timestamp_millis() + 1000;
    desk.tamper(|db| db.execute_batch(&insert(new)).unwrap());
    assert_eq!(desk.verify(&[]).code, 3);
}
