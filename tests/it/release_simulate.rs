//! `bursar release simulate` as a person types it, on histories whose answer is known.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use bursar::license::{Moment, Person, Seat, SeatType, SiteIdentity};
use bursar::store::{IdleGap, SeatReading, SeatsPast, Store};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::process::output;
use crate::support::years;

const SITE: &str = "default";
const A: SeatType = SeatType::Analyzer;

/// A seat costs 1 EUR a day.
const SETTINGS: &str = "    licenseRelease:
      neverRelease: {tag: [vip]}
      licenseType:
        analyzer: {enable: true, releaseThresholdDays: 60, maxReleasePercent: 100}
  cost: {currency: EUR, analyzer: {perSeatPerYear: 365}}
";

/// Where gaps are recorded since a day, and what is read today.
struct Bench {
    folder: TempDir,
    file: PathBuf,
    today: NaiveDate,
}

impl Bench {
    /// `watched`: so many days ago the seats were read first.
    async fn new(watched: i64, seats: Vec<Seat>, people: Vec<Person>, gaps: Vec<IdleGap>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bursar.yaml");
        std::fs::write(&file, years::settings_yaml(folder.path(), &[], SETTINGS)).unwrap();
        let now = Utc::now();
        let bench = Self { folder, file, today: now.date_naive() };
        let first = bench.ago(watched).min(now);
        let store = bench.store(first).await;
        let nodes = vec!["node".to_owned()];
        let identity = SiteIdentity { nodes, ..SiteIdentity::default() };
        assert!(!store.meet_site(SITE, identity).await.unwrap());
        keep(&store, first, Vec::new(), Vec::new()).await;
        store.close().await;
        let store = bench.store(now).await;
        keep(&store, now, seats, people).await;
        let past = SeatsPast { gaps, ..SeatsPast::default() };
        store.keep_seats_past(SITE, past).await.unwrap();
        let days = (bench.today, 400);
        years::keep_days(&store, SITE, "analyzer", days, |_| Some((40.0, 50.0))).await;
        years::roll_up(&store, chrono_tz::UTC).await;
        store.close().await;
        bench
    }

    async fn store(&self, now: DateTime<Utc>) -> Store {
        years::open(&self.folder.path().join("bursar.db"), now).await
    }

    /// Half past midnight, so many days ago.
    fn ago(&self, days: i64) -> DateTime<Utc> {
        ago(self.today, days)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut all = vec!["release", "simulate", "-c", self.file.to_str().unwrap()];
        all.extend(args);
        output(&all, self.folder.path())
    }

    fn said(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> Value {
        let json = self.said(&[args, &["--json"]].concat());
        let mut answers: Value = serde_json::from_str(&json).unwrap();
        answers["sites"][0].take()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

fn ago(today: NaiveDate, days: i64) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(0, 30, 0).unwrap();
    (today - TimeDelta::days(days)).and_time(time).and_utc()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn keep(store: &Store, time: DateTime<Utc>, seats: Vec<Seat>, people: Vec<Person>) {
    let reading = SeatReading {
        time,
        lists: vec![(A, seats)],
        changes: Vec::new(),
        people,
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats(SITE, reading, Vec::new()).await.unwrap();
}

fn seat(n: u128, user: &str, created: DateTime<Utc>, used: Option<DateTime<Utc>>) -> Seat {
    Seat {
        id: Uuid::from_u128(n),
        seat_type: A,
        holder: Some(years::person(1_000_000 + n, user).into()),
        deleted_user: None,
        created: Moment::At(created),
        last_used: used.map_or(Moment::Never, Moment::At),
        excess: false,
        quarantined: None,
    }
}

fn person(n: u128, user: &str, tags: &[&str]) -> Person {
    let holder = years::person(1_000_000 + n, user);
    Person {
        id: holder.id,
        directory: "CORP".into(),
        user_id: user.into(),
        name: "".into(),
        roles: None,
        groups: None,
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    }
}

fn gap(n: u128, from: DateTime<Utc>, to: DateTime<Utc>) -> IdleGap {
    IdleGap {
        seat_type: A,
        seat: Uuid::from_u128(n),
        user: Uuid::from_u128(1_000_000 + n),
        from,
        to,
        first_use: false,
        unused_at: to - TimeDelta::minutes(10),
    }
}

/// `anna` stayed away for 80 days and came back; `bert` is away for 70; `carl` is protected; `dora` works.
async fn four(watched: i64) -> Bench {
    let today = Utc::now().date_naive();
    let ago = |days| ago(today, days);
    let seats = vec![
        seat(1, "anna", ago(600), Some(ago(0))),
        seat(2, "bert", ago(600), Some(ago(70))),
        seat(3, "carl", ago(600), Some(ago(300))),
        seat(4, "dora", ago(600), Some(ago(0))),
    ];
    let people = vec![
        person(1, "anna", &[]),
        person(2, "bert", &[]),
        person(3, "carl", &["VIP"]),
        person(4, "dora", &[]),
    ];
    Bench::new(watched, seats, people, vec![gap(1, ago(200), ago(120))]).await
}

fn threshold(answer: &Value, days: u32) -> &Value {
    let thresholds = answer["types"][0]["thresholds"].as_array().unwrap();
    thresholds.iter().find(|t| t["thresholdDays"] == days).unwrap()
}

fn exact(count: u32) -> Value {
    json!({"atLeast": count, "atMost": count})
}

#[tokio::test]
async fn a_made_history_has_its_known_answer() {
    let bench = four(400).await;
    let answer = bench.json(&["--threshold", "60,90", "--names"]);
    assert_eq!(answer["by"], "by today's tags and properties");
    assert_eq!(answer["types"][0]["seatType"], "analyzer");
    let sixty = threshold(&answer, 60);
    assert_eq!(sixty["released"], exact(2), "{sixty}");
    let back = &sixty["cameBack"];
    assert_eq!((&back["within14Days"], &back["within30Days"]), (&exact(0), &exact(1)));
    assert_eq!((&back["within90Days"], &back["soFar"]), (&exact(1), &exact(1)));
    assert_eq!(sixty["out"], exact(1));
    // anna's 18 days and bert's 9, whole ones.
    assert_eq!(sixty["seatDays"], exact(27));
    let euros = json!({"amount": "27.00", "currency": "EUR"});
    assert_eq!(sixty["saved"], json!({"atLeast": euros, "atMost": euros}));
    let back = &sixty["returns"][0];
    assert_eq!((&back["user"], &back["afterDays"]), (&"CORP\\anna".into(), &19.into()));
    let days = sixty["days"].as_array().unwrap();
    assert!(days.len() == 365 && days.iter().all(|day| day["exact"] == true));
    let on = |ago: i64| {
        let day = (bench.today - TimeDelta::days(ago)).to_string();
        days.iter().find(|known| known["day"] == day).unwrap()
    };
    assert_eq!((&on(139)["released"], &on(139)["out"]), (&exact(1), &exact(1)));
    assert_eq!((&on(120)["cameBack"], &on(120)["out"]), (&exact(1), &exact(0)));
    assert_eq!(on(130)["free"], 10);
    assert_eq!((&on(130)["freeThen"], &on(110)["freeThen"]), (&exact(11), &exact(10)));
    let ninety = threshold(&answer, 90);
    assert_eq!((&ninety["released"], &ninety["returns"]), (&exact(0), &json!([])));
}

#[tokio::test]
async fn the_table_compares_thresholds_and_fits_a_terminal() {
    let bench = four(400).await;
    let table = bench.said(&[]);
    for (days, gone) in [("30", "2"), ("60 *", "2"), ("90", "0"), ("120", "0"), ("180", "0")] {
        let row = table.lines().find(|line| line.trim_start().starts_with(&format!("{days} ")));
        let row = row.unwrap_or_else(|| panic!("{days}:\n{table}"));
        let cells = row.trim_start().strip_prefix(days).unwrap();
        assert_eq!(cells.split_whitespace().next(), Some(gone), "{table}");
    }
    assert!(table.contains("by today's tags and properties"), "{table}");
    let one = bench.said(&["--threshold", "60", "--names"]);
    assert!(one.contains("CORP\\anna") && one.contains("19 days"), "{one}");
    let daily = bench.said(&["--threshold", "60", "--daily"]);
    assert!(daily.lines().count() > 365, "{daily}");
    for line in [table, one, daily].iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

#[tokio::test]
async fn rules_of_another_file_are_asked() {
    let bench = four(400).await;
    // Without the tag carl goes, and anna is named.
    let below = "neverRelease: {user: [{userDir: CORP, userId: anna}]}\nlicenseType:\n  \
                 analyzer: {enable: true, releaseThresholdDays: 65, maxReleasePercent: 100}\n";
    let inner: String = below.lines().map(|line| format!("  {line}\n")).collect();
    let whole: String = below.lines().map(|line| format!("      {line}\n")).collect();
    let whole =
        years::settings_yaml(bench.folder.path(), &[], &format!("    licenseRelease:\n{whole}"));
    for (name, text) in [
        ("below.yaml", below.to_owned()),
        ("with-key.yaml", format!("licenseRelease:\n{inner}")),
        ("whole.yaml", whole),
    ] {
        let file = bench.write(name, &text);
        let answer = bench.json(&["--policy", file.to_str().unwrap()]);
        let rule = &threshold(&answer, 65)["rule"];
        assert_eq!(rule["neverUsedGraceDays"], 65, "{name}");
        assert_eq!(threshold(&answer, 65)["released"], exact(2), "{name}: bert and carl");
        let answer = bench.json(&["--policy", file.to_str().unwrap(), "--threshold", "100"]);
        assert_eq!(threshold(&answer, 100)["released"], exact(1), "{name}: carl");
    }
    let wrong = below.replace("65", "soon");
    let file = bench.write("wrong.yaml", &wrong);
    let output = bench.run(&["--policy", file.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("wrong.yaml:3:") && said.contains("releaseThresholdDays"), "{said}");
    assert!(!said.contains("bursar.yaml"), "{said}");
}

#[tokio::test]
async fn days_before_gaps_were_recorded_are_bounds_and_are_said_to_be() {
    let bench = four(150).await;
    let since = (bench.today - TimeDelta::days(364)).to_string();
    let answer = bench.json(&["--threshold", "60", "--since", &since]);
    let recorded: DateTime<Utc> =
        answer["types"][0]["recordedFrom"].as_str().unwrap().parse().unwrap();
    assert_eq!(recorded.date_naive(), bench.today - TimeDelta::days(150));
    let sixty = threshold(&answer, 60);
    // What lies in a known gap, or is not over, is certain.
    assert_eq!(sixty["released"]["atLeast"], 2);
    assert!(sixty["released"]["atMost"].as_u64() > Some(2), "{}", sixty["released"]);
    let days = sixty["days"].as_array().unwrap();
    let first_exact = bench.today - TimeDelta::days(149);
    for day in days {
        let date: NaiveDate = day["day"].as_str().unwrap().parse().unwrap();
        assert!(day["exact"] == true || date < first_exact, "{day}");
    }
    assert!(days.iter().any(|day| day["exact"] == false));
    let said = bench.said(&["--threshold", "60", "--since", &since]);
    assert!(said.contains("; before, bounds"), "{said}");
}

/// Where nobody names a day, no day is replayed of which nothing can be known: all figures are exact.
#[tokio::test]
async fn the_replay_begins_when_the_seats_were_read_first() {
    let bench = four(150).await;
    let answer = bench.json(&[]);
    let first = (bench.today - TimeDelta::days(150)).to_string();
    assert_eq!((&answer["first"], &answer["types"][0]["first"]), (&json!(first), &json!(first)));
    for days in [30, 60] {
        let threshold = threshold(&answer, days);
        assert_eq!(threshold["released"], exact(2), "{threshold}");
        assert_eq!(threshold["days"].as_array().unwrap().len(), 151);
        assert!(threshold["days"].as_array().unwrap().iter().all(|day| day["exact"] == true));
    }
    // anna was due when the seats were read first, and came back 30 days later.
    assert_eq!(threshold(&answer, 30)["cameBack"]["within30Days"], exact(1));
    assert_eq!(threshold(&answer, 30)["cameBack"]["within14Days"], exact(0));
}

/// On the first day it is known who is due, and nothing of what they do then: no figure is invented.
#[tokio::test]
async fn a_new_site_is_told_what_is_not_known_yet_and_from_which_day_on_it_is() {
    let today = Utc::now().date_naive();
    let day = |days: i64| (today + TimeDelta::days(days)).to_string();
    let seats = |ago: &dyn Fn(i64) -> DateTime<Utc>| {
        vec![
            seat(1, "anna", ago(600), Some(ago(1))),
            seat(2, "bert", ago(600), Some(ago(70))),
            seat(4, "dora", ago(600), Some(ago(300))),
        ]
    };
    let people = || (1..=4).map(|n| person(n, "somebody", &[])).collect::<Vec<_>>();
    let bench = Bench::new(0, seats(&|days| ago(today, days)), people(), Vec::new()).await;
    let answer = bench.json(&[]);
    assert_eq!(answer["first"], day(0));
    for (days, due) in [(30, 2), (60, 2), (90, 1), (180, 1)] {
        let of = threshold(&answer, days);
        assert_eq!((&of["released"], &of["out"]), (&exact(due), &exact(due)), "{days}: {of}");
        for not_yet in ["within14Days", "within30Days", "within90Days"] {
            assert!(of["cameBack"][not_yet].is_null(), "{days}: {of}");
        }
        assert!(of["saved"].is_null() && of["seatDays"].is_null(), "{of}");
        let from = &of["knownFrom"];
        let dates = ["within14Days", "within30Days", "within90Days", "saved"].map(|key| &from[key]);
        // The first run was in the middle of the day.
        assert_eq!(dates, [&json!(day(15)), &json!(day(31)), &json!(day(91)), &json!(day(1))]);
    }
    let said = bench.said(&[]);
    let row = said.lines().find(|line| line.trim_start().starts_with("60 *")).unwrap();
    let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, ["60 *", "2", "not yet", "not yet", "not yet", "2", "not yet"], "{said}");
    let known = format!("back within 30 days is known from {} on", day(31));
    assert!(said.contains(&known) && said.contains("bursar release plan"), "{said}");
    assert!(said.contains("before, nothing is known"), "{said}");
    // A command is as long as it has to be.
    let mut sentences = said.lines().filter(|line| !line.contains("bursar release plan"));
    assert!(sentences.all(|line| line.chars().count() <= 80), "{said}");
    let report = |format: &str| {
        let args = ["report", "-c", bench.file.to_str().unwrap(), "--format", format];
        let output = output(&args, bench.folder.path());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let md = report("md");
    assert!(md.contains(r"| 60 \* | 2 | not yet | not yet | not yet | 2 | not yet |"), "{md}");
    assert!(md.contains("Back within 30 days is known from"), "{md}");
    let csv = report("csv");
    assert!(csv.contains(&format!("60.back30Days.knownFrom,{}\r\n", day(31))), "{csv}");
    assert!(!csv.contains("60.back30Days.atLeast"), "{csv}");

    // Where nobody goes nobody can come back, which says nothing of a threshold, and on no day will.
    let kept = "licenseType:\n  analyzer: {enable: true, releaseThresholdDays: 60, keepFree: 5}\n";
    let kept = bench.write("kept.yaml", kept);
    let kept = ["--policy", kept.to_str().unwrap(), "--threshold", "60", "--names"];
    let answer = bench.json(&kept);
    let of = threshold(&answer, 60);
    assert_eq!(of["released"], exact(0));
    for not_yet in ["within14Days", "within30Days", "within90Days"] {
        assert!(of["cameBack"][not_yet].is_null() && of["knownFrom"][not_yet].is_null(), "{of}");
    }
    let said = bench.said(&kept);
    for told in
        ["60 days: nobody has gone yet, so nobody could come back", "nobody can be named yet"]
    {
        assert!(said.contains(told), "{said}");
    }

    // Three weeks later the first figure is known.
    let bench = Bench::new(20, seats(&|days| ago(today, days)), people(), Vec::new()).await;
    let of = bench.json(&["--threshold", "30"]);
    let of = threshold(&of, 30);
    assert_eq!(of["cameBack"]["within14Days"], exact(0));
    assert_eq!(of["knownFrom"]["within30Days"], day(11));
    assert!(of["knownFrom"]["within14Days"].is_null() && of["knownFrom"]["saved"].is_null());
    assert_eq!((&of["seatDays"], &of["cameBack"]["within30Days"]), (&exact(40), &Value::Null));
}

/// With `keepFree` below what is free nothing goes: said, with the way out.
#[tokio::test]
async fn keep_free_that_lets_nothing_go_is_told() {
    let bench = four(400).await;
    let rules = |keep_free: u32| {
        let text = format!(
            "licenseType:\n  analyzer: {{enable: true, releaseThresholdDays: 60, keepFree: {keep_free}}}\n"
        );
        bench.write("rules.yaml", &text).to_str().unwrap().to_owned()
    };
    let said = bench.said(&["--policy", &rules(5)]);
    assert!(said.contains("10 seats are free, keepFree is 5: none goes"), "{said}");
    assert!(said.contains("leave keepFree out or set it above 10"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    let answer = bench.json(&["--policy", &rules(5)]);
    let reached = json!({"keepFree": 5, "free": 10});
    assert_eq!(answer["types"][0]["enoughFree"], reached);
    assert_eq!(threshold(&answer, 60)["released"], exact(0));
    let above = bench.json(&["--policy", &rules(11)]);
    assert!(above["types"][0]["enoughFree"].is_null(), "{above}");
    assert_ne!(threshold(&above, 60)["released"], exact(0));
}

#[tokio::test]
async fn what_can_not_be_asked_is_said() {
    let bench = four(400).await;
    let tomorrow = (bench.today + TimeDelta::days(2)).to_string();
    for (args, expected) in [
        (&["--since", &tomorrow][..], "lies in the future"),
        (&["--since", "2001-01-01"], "more than ten years ago"),
        (&["--daily"], "add --threshold DAYS"),
        (&["--threshold", "0"], "1..=3650"),
    ] {
        let output = bench.run(args);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(expected), "{args:?}: {said}");
    }
    let empty = tempfile::tempdir().unwrap();
    let file = empty.path().join("bursar.yaml");
    std::fs::write(&file, years::settings_yaml(empty.path(), &[], SETTINGS)).unwrap();
    years::open(&empty.path().join("bursar.db"), Utc::now()).await.close().await;
    let args = ["release", "simulate", "-c", file.to_str().unwrap()];
    assert_eq!(output(&args, empty.path()).status.code(), Some(3));
}

#[tokio::test]
async fn a_report_compares_the_thresholds() {
    let bench = four(400).await;
    let config = bench.file.to_str().unwrap();
    let report = |format: &str| {
        let output = output(&["report", "-c", config, "--format", format], bench.folder.path());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let md = report("md");
    let section = md.split("### What the release rules would have done").nth(1).unwrap();
    assert!(section.contains("by today's tags and properties"), "{section}");
    assert!(section.contains(r"| 60 \* | 2 | 0 | 1 | 1 | 1 | 27 EUR |"), "{section}");
    assert!(report("csv").contains("60.back30Days.atMost,1\r\n"));
    let json: Value = serde_json::from_str(&report("json")).unwrap();
    let simulation = &json["sites"][0]["simulation"];
    assert_eq!(threshold(simulation, 60)["released"], exact(2));
    assert!(threshold(simulation, 60)["days"].is_null());
}

/// 10,000 seats with two years of gaps: counted by hand, whatever the command does.
#[tokio::test]
async fn two_years_of_ten_thousand_seats() {
    const SEATS: u128 = 10_000;
    let today = Utc::now().date_naive();
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut seats, mut gaps, mut people) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=SEATS {
        let user = format!("user{n}");
        let mut day = rng.i64(0..120);
        seats.push(seat(n, &user, ago(today, 900), Some(ago(today, day))));
        people.push(person(n, &user, &[]));
        loop {
            let to = day + rng.i64(1..60);
            day = to + rng.i64(14..150);
            if day > 800 {
                break;
            }
            gaps.push(gap(n, ago(today, day), ago(today, to)));
        }
    }
    // The first run that finds so many days over, until the next use.
    let count = |threshold: i64| {
        let goes = |from: i64, to: i64| (from - threshold - 1).min(699) >= to;
        let day = |time: DateTime<Utc>| (today - time.date_naive()).num_days();
        let of_gaps = gaps.iter().filter(|gap| goes(day(gap.from), day(gap.to))).count();
        let idle = |seat: &&Seat| goes(day(seat.last_used.at().unwrap()), 0);
        (of_gaps + seats.iter().filter(idle).count(), of_gaps)
    };
    let expected: Vec<_> = [30, 60, 90, 120, 180].map(|days| (days, count(days))).into();
    let total = gaps.len();
    let bench = Bench::new(800, seats, people, gaps).await;
    let since = (bench.today - TimeDelta::days(699)).to_string();
    let start = Instant::now();
    let answer = bench.json(&["--since", &since]);
    let took = start.elapsed();
    println!("{SEATS} seats, {total} gaps, 700 days, 5 thresholds: {took:.1?}");
    for (days, (released, back)) in expected {
        let threshold = threshold(&answer, days as u32);
        assert_eq!(threshold["released"], exact(released as u32), "{days}");
        assert_eq!(threshold["cameBack"]["soFar"], exact(back as u32), "{days}");
        let days = threshold["days"].as_array().unwrap();
        assert!(days.len() == 700 && days.iter().all(|day| day["exact"] == true));
    }
    assert!(took.as_secs() < 60, "{took:?}");
}

/// Only the store is needed, and it stays as it is.
#[tokio::test]
async fn nothing_is_changed() {
    let bench = four(400).await;
    let store = bench.folder.path().join("bursar.db");
    let before = std::fs::read(&store).unwrap();
    bench.said(&["--names"]);
    assert!(Path::new(&store).exists() && std::fs::read(&store).unwrap() == before);
}
