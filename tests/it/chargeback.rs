//! `bursar insight cost --by`: what each department is to pay.

use std::collections::BTreeMap;

use bursar::ledger::SeatResult;
use bursar::license::{Holder, Moment, Person, Seat, SeatType};
use bursar::store::{SeatReading, Store};
use chrono::{TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::insight_cli::{ask, command_bench, fits, json};
use crate::support::process::output;
use crate::support::years;

/// A third of a cent in each seat.
const MORE: &str = "    licenseRelease:\n      licenseType:\n        analyzer: {enable: true, releaseThresholdDays: 50, maxReleasePercent: 100}\n  cost:\n    currency: EUR\n    professional: {perSeatPerYear: 900}\n    analyzer: {perSeatPerYear: 399.9967}\n    analyzerCapacity: {perThousandMinutes: 20}\n";

fn holder(n: u128) -> Holder {
    let directory = if n.is_multiple_of(3) { "corp" } else { "Partner" };
    Holder { directory: directory.into(), ..years::person(n, &format!("u{n}")) }
}

/// Every seventh has no department, every eleventh two.
fn departments(n: u128) -> Vec<&'static str> {
    const NAMES: [&str; 4] = ["Sales", "Finance", "=1+1", "IT"];
    if n.is_multiple_of(7) {
        Vec::new()
    } else if n.is_multiple_of(11) {
        vec!["Sales", "Finance"]
    } else {
        vec![NAMES[(n % 4) as usize]]
    }
}

fn whole(n: u128) -> Person {
    let holder = holder(n);
    Person {
        id: holder.id,
        directory: (&*holder.directory).into(),
        user_id: (&*holder.user_id).into(),
        name: "".into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: Vec::new(),
        properties: departments(n).into_iter().map(|d| ("Department".into(), d.into())).collect(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}

/// 8,000 Analyzer seats of 10,000, every tenth idle for 60 days, the last in quarantine and the one before of
/// nobody; 40 Professional seats of 50; one released two weeks ago.
async fn fill(store: &Store, lists: &[SeatType]) {
    let yesterday = Utc::now().date_naive() - TimeDelta::days(1);
    let keep = async |pool, taken, total| {
        years::keep_days(store, "default", pool, (yesterday, 3), |_| Some((taken, total))).await;
    };
    keep("analyzer", 7_999.0, 10_000.0).await;
    keep("professional", 40.0, 50.0).await;
    let minutes = years::minutes(years::noon(yesterday), 100.0, 5_000.0);
    store.keep_samples("default", minutes).await.unwrap();
    let read = Utc::now() - TimeDelta::hours(1);
    let seat = |n: u128, seat_type| Seat {
        id: Uuid::from_u128(1_000_000 + n),
        seat_type,
        holder: (n != 7_999).then(|| holder(n).into()),
        deleted_user: None,
        created: Moment::At(read - TimeDelta::days(400)),
        last_used: Moment::At(read - TimeDelta::days(if n % 10 == 1 { 60 } else { 1 })),
        excess: false,
        quarantined: (n == 8_000).then_some(Moment::At(read)),
    };
    let list = |of: &SeatType| {
        let (of, numbers) = match of {
            SeatType::Professional => (*of, 8_001..=8_040),
            _ => (*of, 1..=8_000),
        };
        (of, numbers.map(|n| seat(n, of)).collect())
    };
    let reading = SeatReading {
        time: read,
        lists: lists.iter().map(list).collect(),
        changes: Vec::new(),
        people: (1..=8_040).map(whole).collect(),
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
}

const BOTH: [SeatType; 2] = [SeatType::Professional, SeatType::Analyzer];

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_an_invoice_are_the_bill_to_the_cent() {
    let (folder, file, store) = command_bench(&[], MORE).await;
    let ago = years::open(&folder.path().join("bursar.db"), Utc::now() - TimeDelta::days(14)).await;
    years::attempt(&ago, "default", SeatType::Analyzer, holder(9_003), SeatResult::Freed).await;
    ago.close().await;
    fill(&store, &BOTH).await;
    store.close().await;
    let bill = json(&folder, &["insight", "cost", "-c", &file]);
    let bill = &bill["sites"][0]["cost"];
    for (by, groups) in [("directory", 2), ("department", 5)] {
        let csv = ask(&folder, &["insight", "cost", "-c", &file, "--by", by, "--csv"]);
        let mut reader = csv::ReaderBuilder::new().from_reader(csv.as_bytes());
        let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(
            head.join(","),
            "site,group,of,licenseType,currency,allocated,reclaimable,idle,thresholdDays,\
             entitledAmount,allocatedAmount,reclaimableAmount,idleAmount,savedAmount"
        );
        let rows: Vec<BTreeMap<String, String>> =
            reader.deserialize().map(Result::unwrap).collect();
        let sum = |column: &str| -> Decimal { rows.iter().map(|row| decimal(&row[column])).sum() };
        let exact = |column: &str, of: &Value| {
            assert_eq!(sum(column), decimal(of["amount"].as_str().unwrap()), "{by} {column}");
        };
        exact("entitledAmount", &bill["entitled"]);
        exact("allocatedAmount", &bill["allocated"]);
        exact("reclaimableAmount", &bill["reclaimable"]);
        exact("savedAmount", &bill["savedLastYear"]["amount"]);
        // 800 are idle for 50 days; the rules keep none of them but those of INTERNAL, of which there are none.
        let count =
            |column: &str| rows.iter().map(|row| row[column].parse::<u32>().unwrap()).sum::<u32>();
        assert_eq!((count("allocated"), count("idle")), (7_999 + 40, 800 + 4));
        let named =
            || rows.iter().filter(|row| row["licenseType"] == "analyzer" && row["of"] == "value");
        assert_eq!(named().count(), groups, "{csv}");
        let kinds = |of: &str| rows.iter().filter(|row| row["of"] == of).count();
        assert_eq!(kinds("nobody"), 1, "minutes are no department's");
        assert_eq!(kinds("noUser"), 1);
        if by == "department" {
            // Of Professional seats, too; one that was released is of somebody who isn't known any more.
            assert_eq!((kinds("without"), kinds("unknown")), (2, 1));
            let both = named().find(|row| row["group"] == "Finance + Sales").unwrap();
            let people =
                (1..8_000_u128).filter(|n| departments(*n).len() == 2 && *n != 7_999).count();
            assert_eq!(both["allocated"], people.to_string());
            assert!(csv.contains("'=1+1"), "no group is a formula");
        } else {
            let corp = rows.iter().find(|row| row["group"] == "CORP").unwrap();
            assert_eq!((&*corp["licenseType"], &*corp["of"]), ("professional", "value"));
            // 13 days of 399.9967 a year, of a user of the directory whose record says so.
            let saved = rows.iter().find(|row| row["savedAmount"] != "0.00").unwrap();
            assert_eq!((&*saved["group"], &*saved["licenseType"]), ("CORP", "analyzer"));
        }
    }
    let text = ask(&folder, &["insight", "cost", "-c", &file, "--by", "Department"]);
    fits(&text);
    for told in [
        "cost of a year by Department",
        "Finance + Sales",
        "(without)",
        "Professional 30, Analyzer 50",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let answer = json(&folder, &["insight", "cost", "-c", &file, "--by", "directory"]);
    let site = &answer["sites"][0];
    let keys =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(site), "site by asOf currency rows total withoutPrice");
    assert_eq!(
        keys(&site["rows"][0]),
        "group seatType allocated idle thresholdDays reclaimable amounts"
    );
    assert_eq!(keys(&site["total"]), "entitled allocated idle reclaimable saved");
    assert_eq!(site["total"]["entitled"], bill["entitled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_invoice_is_made_of_what_is_not_known() {
    let refused = async |more: &str, lists: &[SeatType], by: &[&str]| {
        let (folder, file, store) = command_bench(&[], more).await;
        fill(&store, lists).await;
        store.close().await;
        let all: Vec<&str> = ["insight", "cost", "-c", &file, "--by"]
            .into_iter()
            .chain(by.iter().copied())
            .collect();
        let run = output(&all, folder.path());
        assert!(run.stdout.is_empty(), "{}", String::from_utf8_lossy(&run.stdout));
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    let (code, said) = refused("", &BOTH, &["directory", "--csv"]).await;
    assert!(code == Some(3) && said.contains("set Butler.cost"), "{code:?} {said}");
    let (code, said) = refused(MORE, &[], &["directory"]).await;
    assert!(code == Some(3) && said.contains("were not read yet"), "{code:?} {said}");
    let (code, said) = refused(MORE, &[SeatType::Analyzer], &["directory", "--csv"]).await;
    assert!(code == Some(3) && said.contains("list of Professional seats was not read"), "{said}");
    let (code, said) = refused(MORE, &BOTH, &["Departement"]).await;
    assert!(code == Some(2) && said.contains("there are: Department"), "{code:?} {said}");
    let (code, said) = refused(MORE, &BOTH, &["directory", "--csv", "--json"]).await;
    assert!(code == Some(2) && said.contains("--json"), "{code:?} {said}");
}
