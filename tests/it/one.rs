//! One of everything: a site with one seat, one person and one day of history is told of in the singular.
#![cfg(unix)]

use bursar::event::{Body, Event};
use bursar::ledger::SeatResult;
use bursar::license::changes::{After, By, Change, ChangeKind, TimeFrom};
use bursar::license::pools::SeatPool;
use bursar::license::server::{Expiry, Kind};
use bursar::license::{Moment, Person, Pools, Seat, SeatType, ServerLicense, assess};
use bursar::store::{SeatReading, Store};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::insight_cli::command_bench;
use crate::output::commands;
use crate::support::process::output;
use crate::support::years;

const SETTINGS: &str = "    serverLicenseMonitor: {enable: true}
    licenseMonitorApp: {enable: true}
    seatMonitor: {enable: true, breakdownBy: [Department]}
    licenseRelease:
      enable: true
      dryRun: true
      licenseKeyShared: false
      licenseType:
        analyzer: {enable: true, releaseThresholdDays: 1, neverUsedGraceDays: 1, maxReleases: 1, maxReleasePercent: 100}
  cost:
    currency: EUR
    budgetPerYear: 1
    term: 1 month
    analyzer: {perSeatPerYear: 365}
";

/// Commands that tell of what is in the store.
const TOLD: [&[&str]; 27] = [
    &["status"],
    &["insight", "utilization"],
    &["insight", "utilization", "--by", "day", "--months", "1"],
    &["insight", "activity"],
    &["insight", "changes"],
    &["insight", "growth"],
    &["insight", "forecast"],
    &["insight", "forecast", "--buy", "1"],
    &["insight", "forecast", "--release-threshold", "1"],
    &["insight", "renewal", "--months", "1", "--risk", "1"],
    &["insight", "cost"],
    &["insight", "cost", "--by", "directory"],
    &["insight", "cost", "--by", "Department"],
    &["insight", "capacity"],
    &["alert", "list"],
    &["alert", "history"],
    &["alert", "rules"],
    &["monitor-app"],
    &["outbox", "list"],
    &["user", "list"],
    &["token", "list"],
    &["release", "simulate"],
    &["release", "simulate", "--threshold", "1"],
    &["release", "history"],
    &["audit", "verify"],
    &["report", "--format", "md", "--names", "--period", "MONTH"],
    &["report", "--format", "html", "--period", "MONTH"],
];

/// Commands that ask a site or a person, change something, or tell of settings alone.
const OTHERS: [&str; 32] = [
    "reload",
    "",
    "alert",
    "alert silence",
    "alert test",
    "alert unsilence",
    "audit",
    "audit archive",
    "audit export",
    "audit rebuild",
    "audit show",
    "check",
    "completions",
    "config",
    "demo",
    "healthcheck",
    "init",
    "insight",
    "man",
    "outbox",
    "outbox drop",
    "outbox retry",
    "release",
    "release accept",
    "release apply",
    "release lock",
    "release plan",
    "release settle",
    "release undo",
    "release unlock",
    "run",
    "simulate",
];

/// Whole families of such commands.
const FAMILIES: [&str; 7] =
    ["config ", "release accept ", "import", "service", "store", "user", "token"];

/// What can be counted.
const MANY: [&str; 38] = [
    "accounts",
    "alerts",
    "attempts",
    "cases",
    "changes",
    "days",
    "destinations",
    "events",
    "failures",
    "gaps",
    "holders",
    "hours",
    "licenses",
    "lists",
    "minutes",
    "months",
    "people",
    "persons",
    "plans",
    "polls",
    "ranges",
    "readings",
    "records",
    "rehearsals",
    "releases",
    "rows",
    "rules",
    "runs",
    "seats",
    "sites",
    "steps",
    "things",
    "times",
    "tokens",
    "units",
    "users",
    "weeks",
    "years",
];

/// `1 seats`, with what stands around it.
fn wrong(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let letters = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let mut found = Vec::new();
    for (n, pair) in words.windows(2).enumerate() {
        let one = pair[0].trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
        // `1 of 2 seats`, `0.1 seats` and `1 Analyzer seats` are other words than `1`.
        let many = [
            Some(pair[1]),
            words
                .get(n + 2)
                .copied()
                .filter(|_| ["Analyzer", "Professional", "more", "reclaimable"].contains(&pair[1])),
        ];
        let is_many = many.into_iter().flatten().any(|word| MANY.contains(&letters(word).as_str()));
        // `7, 3 and 1 days`.
        let is_last = n > 0 && words[n - 1] == "and";
        if one == "1" && is_many && !is_last {
            found.push(words[n.saturating_sub(3)..(n + 5).min(words.len())].join(" "));
        }
    }
    found
}

async fn fill(store: &Store, now: DateTime<Utc>) {
    let today = now.date_naive();
    years::keep_days(store, "default", "analyzer", (today, 1), |_| Some((1.0, 1.0))).await;
    let pool = SeatPool {
        enabled: true,
        total: 1.0,
        allocated: 1.0,
        available: 0.0,
        used: 1.0,
        quarantined: 0.0,
        excess: 0.0,
    };
    let pools = Pools { analyzer: Some(pool), ..Pools::default() };
    let license = ServerLicense::new(Kind::SignedKey, Expiry::On(today + TimeDelta::days(1)));
    for body in
        [Body::AccessLicenseStatus(pools), Body::ServerLicenseStatus(assess(license, 30, today))]
    {
        let event = Event::new("default", now - TimeDelta::hours(1), body);
        store.record(vec![(event, Vec::new())]).await.unwrap();
    }
    let id = Uuid::from_u128(1);
    let seat = Seat {
        id,
        seat_type: SeatType::Analyzer,
        holder: Some(years::person(1, "anna").into()),
        deleted_user: None,
        created: Moment::At(now - TimeDelta::days(40)),
        last_used: Moment::At(now - TimeDelta::days(1) - TimeDelta::hours(1)),
        excess: false,
        quarantined: None,
    };
    let person = Person {
        id,
        directory: "CORP".into(),
        user_id: "anna".into(),
        name: "".into(),
        roles: Some(Vec::new()),
        groups: Some(Vec::new()),
        tags: Vec::new(),
        properties: vec![("Department".into(), "Sales".into())],
        inactive: false,
        blocked: false,
        removed_externally: false,
    };
    let change = Change {
        kind: ChangeKind::Allocated,
        seat_type: SeatType::Analyzer,
        seat: id,
        holder: Some(years::person(1, "anna")),
        deleted_user: None,
        after: After::Held,
        from: None,
        time: now - TimeDelta::minutes(1),
        time_from: TimeFrom::Noticed,
        by: By::Unknown,
        released_before: None,
        initial: false,
    };
    let reading = SeatReading {
        time: now,
        lists: vec![(SeatType::Analyzer, vec![seat])],
        changes: vec![change],
        people: vec![person],
        new_on_days: Default::default(),
        zone: chrono_tz::UTC,
        keep_changes_days: 730,
    };
    store.keep_seats("default", reading, Vec::new()).await.unwrap();
    let who = years::person(2, "bob");
    years::attempt(store, "default", SeatType::Analyzer, who, SeatResult::Freed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_everything_is_told_in_the_singular() {
    let now = Utc::now();
    let (folder, file, store) = command_bench(&[], SETTINGS).await;
    fill(&store, now).await;
    store.close().await;
    let month = now.format("%Y-%m").to_string();
    let mut mistakes = Vec::new();
    for command in TOLD {
        let mut args: Vec<&str> = command.to_vec();
        for arg in &mut args {
            if *arg == "MONTH" {
                *arg = &month;
            }
        }
        args.extend(["-c", &file]);
        let run = output(&args, folder.path());
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let err = String::from_utf8_lossy(&run.stderr);
        let told = run.status.code().is_some_and(|code| code == 0 || code == 3);
        if !told {
            mistakes.push(format!("{command:?}: {:?} {said}{err}", run.status.code()));
        }
        // Tags of a page are no words.
        let said = said.replace('<', " <").replace('>', "> ");
        mistakes.extend(wrong(&said).into_iter().map(|what| format!("{command:?}: {what}")));
        mistakes.extend(wrong(&err).into_iter().map(|what| format!("{command:?}: {what}")));
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_command_is_told_of_or_named_as_another() {
    for (command, _) in commands() {
        let is_told =
            TOLD.iter().any(|told| told.join(" ").starts_with(&command) && !command.is_empty());
        let is_family = FAMILIES.iter().any(|family| command.starts_with(family));
        assert!(is_told || is_family || OTHERS.contains(&command.as_str()), "{command}");
    }
}
