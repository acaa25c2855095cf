//! What commands say of releases: reasons, what was given back, what was accepted, what a question is about.

use bursar::event::Monitor;
use bursar::release::plan::Keep;
use bursar::store::PollError;

use super::*;
use crate::support::{generated, store};

/// A person reads no code without its meaning, and the documentation has the same table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_are_told_with_their_meaning() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let said = text(&run(&setup, &file, &["plan"]).stdout);
    for code in ["tag", "custom-property", "never-used", "used"] {
        let told = said.lines().find(|line| line.split_whitespace().next() == Some(code));
        let told = told.unwrap_or_else(|| panic!("{code}: {said}"));
        assert!(told.ends_with(Keep::meaning(code)), "{told}");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/releasing.md");
    let mut table = String::from("| reason | the seat is kept because |\n| --- | --- |\n");
    for (code, meaning) in Keep::MEANINGS {
        table.push_str(&format!("| `{code}` | {meaning} |\n"));
    }
    generated(&page, "reasons", &table);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_says_how_many_of_its_seats_were_given_back() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, "");
    let config = file.to_str().unwrap();
    let told = |expected: &str| {
        let history = text(&run(&setup, &file, &["history"]).stdout);
        let status = text(&output(&["status", "-c", config], setup.folder.path()).stdout);
        for said in [history, status] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    };
    assert_eq!(run(&setup, &file, &["apply", "--yes"]).status.code(), Some(0));
    told("Analyzer: 2 released, 8 kept");
    assert_eq!(run(&setup, &file, &["undo", "CORP\\idle1", "--yes"]).status.code(), Some(0));
    told("Analyzer: 2 released, 1 of them given back since, 8 kept");
    let json = text(&run(&setup, &file, &["history", "--json"]).stdout);
    let runs: serde_json::Value = serde_json::from_str(&json).unwrap();
    let given: Vec<_> = runs["sites"][0]["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["counts"][0]["givenBack"])
        .collect();
    assert_eq!(given, [0, 1], "of the undo, and of the run: {json}");
    let report = setup.folder.path().join("report.md");
    let period = chrono::Utc::now().format("%Y").to_string();
    let args = ["report", "-c", config, "--period", &period, "--format", "md", "-o"];
    let made = output(&[&args[..], &[report.to_str().unwrap()]].concat(), setup.folder.path());
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("in the period; 1 given back in it"), "{report}");
}

/// The daemon's last run was stopped; since then a person has accepted what stopped it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_since_the_last_run_stops_nothing_any_more() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, ON, ", maxReleasePercent: 10");
    let config = file.to_str().unwrap();
    let status = || text(&output(&["status", "-c", config], setup.folder.path()).stdout);
    assert_eq!(run(&setup, &file, &["apply", "--yes"]).status.code(), Some(3));
    // As the daemon notes it of its own runs.
    let limits = setup.load(&std::fs::read_to_string(&file).unwrap()).storage.outbox;
    let store = store::open(&setup.store(), limits, chrono::Utc::now).await.unwrap();
    let text_of = "percent: 2 of 10 Analyzer seats are due".to_owned();
    let error = PollError { code: "refused".to_owned(), text: text_of.clone() };
    store.record_health("default", Monitor::Release, Err(error)).await.unwrap();
    store.close().await;
    let said = status();
    assert!(said.contains(&format!("release: {text_of}")), "{said}");

    let day = (chrono::Utc::now() + chrono::Duration::days(10)).format("%Y-%m-%d").to_string();
    let args = ["accept", "percent", "--until", &day, "--why", "backlog"];
    let args = [&["release", args[0], args[1], "-c", config][..], &args[2..]].concat();
    let accepted = output(&args, setup.folder.path());
    assert_eq!(accepted.status.code(), Some(0), "{}", text(&accepted.stderr));
    let said = status();
    assert!(!said.contains("release: percent"), "{said}");
    let told =
        said.lines().find(|line| line.contains("percent stopped the last run; accepted by "));
    assert!(told.is_some_and(|line| line.ends_with(": the next run goes on")), "{said}");
    // The next run is the last one then, and speaks for itself.
    assert_eq!(run(&setup, &file, &["apply", "--yes"]).status.code(), Some(0));
    assert!(!status().contains("stopped the last run"), "{}", status());
}

/// A type that a guard stops keeps its seats, so nobody is asked about them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_counts_only_what_guards_let_go() {
    let mut scenario = scenario();
    for n in 0..3 {
        scenario.users.push(user(&format!("pro{n}")));
        let kind = SeatKind::Professional;
        let last = When::days_ago(if n < 2 { 80 } else { 1 });
        scenario.seats.push(SeatSpec { kind, ..seat(&format!("pro{n}"), last) });
    }
    let setup = Setup::new(scenario).await;
    let file = settings(&setup, ON, "}\n        professional: {enable: true");
    let asked = run(&setup, &file, &["apply"]);
    let said = text(&asked.stderr);
    assert!(said.contains("no Professional seat (2 of 3 are due, but a guard stops it)"), "{said}");
    assert!(said.contains("This takes 2 seat(s), on "), "{said}");
    assert_eq!(asked.status.code(), Some(2), "there is nobody to ask");
    // Who accepts the guard is asked about all.
    let said = text(&run(&setup, &file, &["apply", "--accept", "percent"]).stderr);
    assert!(said.contains("This takes 4 seat(s), on "), "{said}");
    assert_eq!(changes(&setup), [] as [&str; 0]);
}

/// `thresholdDays` of the server license takes the place of all steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_go_by_days_name_the_days_that_hold() {
    let setup = Setup::new(scenario()).await;
    let config = setup.write(&setup.yaml("every 24 hours", ""));
    let args = ["alert", "rules", "-c", config.to_str().unwrap()];
    let said = text(&output(&args, setup.folder.path()).stdout);
    let line = |rule: &str| said.lines().find(|line| line.starts_with(rule)).unwrap_or_default();
    assert!(line("serverLicenseExpiring").contains("at 60 days"), "{said}");
    assert!(line("seatsRunOut").contains("at 90, 60, 30 and 14 days"), "{said}");
    assert!(!line("seatsLow").contains(" days"), "{said}");
    let json = text(&output(&[&args[..], &["--json"]].concat(), setup.folder.path()).stdout);
    let rules: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rules[0]["days"], serde_json::json!([60]), "{json}");
}

/// Of one day there is no plural.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_day_is_told_as_one() {
    let mut scenario = scenario();
    scenario.seats.retain(|seat| seat.user.ends_with("busy1") || seat.user.ends_with("busy2"));
    let setup = Setup::new(scenario).await;
    let analyzer = ", maxReleasePercent: 100";
    let file = settings(&setup, ON, analyzer);
    let yaml = std::fs::read_to_string(&file).unwrap();
    let yaml = yaml.replace("releaseThresholdDays: 30", "releaseThresholdDays: 1");
    std::fs::write(&file, yaml).unwrap();
    let plan = text(&run(&setup, &file, &["plan"]).stdout);
    assert!(plan.contains("idle for 1 day, last used"), "{plan}");
    let apply = run(&setup, &file, &["apply", "--yes"]);
    let said = text(&apply.stdout) + &text(&apply.stderr);
    assert_eq!(apply.status.code(), Some(0), "{said}");
    let config = file.to_str().unwrap();
    let audit =
        output(&["audit", "show", "-c", config, "--user", "CORP\\busy1"], setup.folder.path());
    let audit = text(&audit.stdout);
    assert!(audit.contains("idle for 1 day (threshold 1)"), "{audit}");
    for said in [plan, said, audit] {
        assert!(!said.contains("1 days"), "{said}");
    }
}

/// What the log tells somebody to type runs as it stands, in lines of text and of JSON.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_in_the_log_can_be_pasted() {
    let program = env!("CARGO_BIN_EXE_bursar");
    for format in ["human", "json"] {
        let setup = Setup::new(scenario()).await;
        let keys = "      enable: true\n      dryRun: true";
        let file = settings(&setup, keys, ", maxReleasePercent: 1");
        let written = std::fs::read_to_string(&file).unwrap();
        let level = "  logLevel: info\n";
        let written = written.replacen(level, &format!("{level}  logFormat: {format}\n"), 1);
        std::fs::write(&file, written).unwrap();
        let config = file.to_str().unwrap();
        let mut daemon = Process::start(&["run", "-c", config], setup.folder.path());
        let line = daemon.wait_for("release accept percent");
        daemon.terminate();
        if format == "json" {
            let json: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
            assert!(json["message"].is_string(), "{line}");
        }
        let typed = format!("{program} release accept percent -c {config} --type analyzer");
        assert!(line.contains(&typed), "{line}");
    }
}
