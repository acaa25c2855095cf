//! What a person runs, on a site of a real size: nothing is cut for want of patience.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use bursar::simulator::{Fault, FaultRule, Population, Scenario, SeatKind};
use serde_json::Value;

use crate::release_cli::on_a_terminal;
use crate::support::process::{Process, bursar, output, until};
use crate::support::setup::Setup;

/// So many seats, nine of ten of them idle for longer than a month.
fn scenario(seats: usize, faults: Vec<FaultRule>) -> Scenario {
    let mut scenario = Scenario {
        population: Population {
            users: seats,
            professional: 0,
            analyzer: seats,
            idle_share: 0.9,
            logins_per_day: 0.0,
            ..Population::default()
        },
        faults,
        ..Scenario::default()
    };
    scenario.pools.analyzer.total = seats as i64;
    scenario
}

fn slow(millis: u64) -> Vec<FaultRule> {
    vec![FaultRule::from(Fault::Latency { millis })]
}

fn settings(setup: &Setup, keys: &str) -> PathBuf {
    let release = format!(
        "    licenseRelease:
      enable: true
      licenseKeyShared: false
{keys}
      licenseType:
        analyzer: {{enable: true, releaseThresholdDays: 30, maxReleasePercent: 100}}
"
    );
    setup.write(&setup.yaml("every 24 hours", &release))
}

fn run(setup: &Setup, args: &[&str], file: &Path) -> Output {
    let mut all = args.to_vec();
    all.extend(["-c", file.to_str().unwrap()]);
    output(&all, setup.folder.path())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// All that was said, for the failure of a test.
fn said(output: &Output) -> String {
    let text = text(&output.stdout) + &text(&output.stderr);
    text.chars().take(4000).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_seats_are_planned_explained_checked_and_rehearsed_whole() {
    const SEATS: usize = 10_000;
    let setup = Setup::new(scenario(SEATS, slow(2))).await;
    let file = settings(&setup, "      dryRun: true");

    let planned = run(&setup, &["release", "plan", "--json", "-o", "plan.json"], &file);
    assert_eq!(planned.status.code(), Some(0), "{}", said(&planned));
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let plan = &plan["sites"][0];
    assert_eq!(plan["refusals"], Value::Array(Vec::new()));
    let decisions = plan["types"][0]["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), SEATS);
    let due: Vec<_> = decisions.iter().filter(|d| d["outcome"] == "release").collect();
    assert!(due.len() > SEATS / 2, "{} are due", due.len());
    let unread = decisions.iter().filter(|d| d.to_string().contains("user-unread"));
    assert_eq!(unread.count(), 0);
    let headline = format!("release {} of {SEATS} Analyzer seats", due.len());

    // The last one that is asked for.
    let holder = due.iter().map(|d| &d["holder"]).max_by_key(|h| h["id"].to_string()).unwrap();
    let part = |name: &str| holder[name].as_str().unwrap().to_owned();
    let account = format!("{}\\{}", part("directory"), part("userId"));
    let explained = run(&setup, &["release", "plan", "--explain", &account], &file);
    assert_eq!(explained.status.code(), Some(0), "{}", said(&explained));
    assert!(text(&explained.stdout).contains("would be released"), "{}", said(&explained));

    let checked = run(&setup, &["check", "--json"], &file);
    let rows: Vec<Value> = serde_json::from_slice(&checked.stdout).unwrap();
    let row = rows.iter().find(|row| row["subject"].as_str().unwrap().ends_with(": release"));
    let row = row.unwrap_or_else(|| panic!("{}", said(&checked)));
    assert_eq!(row["state"], "ok", "{row}");
    assert!(row["found"].as_str().unwrap().contains(&headline), "{row} {headline}");

    let rehearsed = run(&setup, &["release", "apply", "plan.json", "--yes"], &file);
    assert_eq!(rehearsed.status.code(), Some(0), "{}", said(&rehearsed));
    let result = format!("{} would be released", due.len());
    assert!(text(&rehearsed.stdout).contains(&result), "{}", said(&rehearsed));

    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    let line = daemon.wait_for("release: the next rehearsal");
    assert!(line.contains(&headline) && !line.contains("guard"), "{line}");
    let line = daemon.wait_for("rehearsal done");
    assert!(line.contains(&result), "{line}");
    daemon.terminate();
    let changes = setup.site.control().requests();
    assert!(changes.iter().all(|request| request.method == "GET"));
}

/// A real run, of a plan that was made of more people than four requests hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_more_people_than_four_requests_hold_is_applied() {
    let setup = Setup::new(scenario(900, slow(1))).await;
    let file = settings(&setup, "      dryRun: false\n      concurrency: 8");
    let before = setup.site.control().seats(SeatKind::Analyzer).len();
    let applied = run(&setup, &["release", "apply", "--yes", "--json"], &file);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let report: Value = serde_json::from_slice(&applied.stdout).unwrap();
    let released = report["counts"][0]["released"].as_u64().unwrap() as usize;
    assert!(released > 4 * 147, "{released}");
    assert_eq!(setup.site.control().seats(SeatKind::Analyzer).len(), before - released);
}

/// Who pauses releasing and sees the command return may rely on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_returns_when_the_run_has_stopped() {
    let setup = Setup::new(scenario(900, slow(5))).await;
    let file = settings(&setup, "      dryRun: false");
    let deletes = || {
        let requests = setup.site.control().requests();
        requests.iter().filter(|request| request.method == "DELETE").count()
    };
    let mut apply = bursar(&["release", "apply", "--yes", "-c", file.to_str().unwrap()]);
    apply.current_dir(setup.folder.path()).stdout(std::process::Stdio::piped());
    let apply = apply.stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the run is in the middle", async || (deletes() > 60).then_some(())).await;
    let until = ["release", "lock", "--until", "2099-01-01", "--why", "year end"];
    let locked = run(&setup, &until, &file);
    let before = deletes();
    assert_eq!(locked.status.code(), Some(0), "{}", said(&locked));
    assert!(said(&locked).contains("waiting until it has stopped"), "{}", said(&locked));
    let applied = apply.wait_with_output().unwrap();
    assert_eq!(deletes(), before, "nothing is sent after it");
    assert_eq!(applied.status.code(), Some(3), "{}", said(&applied));
    assert!(said(&applied).contains("year end"), "{}", said(&applied));
    assert!(before < 400, "{before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_limit_belongs_to_the_whole_command() {
    let hang = |path: &str| vec![FaultRule::on(path, Fault::Hang)];
    let setup = Setup::new(scenario(20, hang("/qrs/user/full"))).await;
    let file = settings(&setup, "      dryRun: true");
    for args in [
        &["release", "plan"][..],
        &["release", "plan", "--explain", "CORP\\anna"],
        &["release", "apply", "--yes"],
    ] {
        let mut all = args.to_vec();
        all.extend(["--timeout", "1s"]);
        let began = Instant::now();
        let late = run(&setup, &all, &file);
        assert_eq!(late.status.code(), Some(1), "{}", said(&late));
        let error = text(&late.stderr);
        assert!(error.contains("the time limit of 1 s was over"), "{error}");
        assert!(error.contains("--timeout"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    let checked = run(&setup, &["check", "--json", "--timeout", "1s"], &file);
    assert_eq!(checked.status.code(), Some(3), "{}", said(&checked));
    let rows: Vec<Value> = serde_json::from_slice(&checked.stdout).unwrap();
    let row = rows.iter().find(|row| row["subject"].as_str().unwrap().ends_with(": release"));
    let row = row.unwrap_or_else(|| panic!("{}", said(&checked)));
    assert_eq!(row["state"], "fail", "{row}");
    assert!(row["fix"].as_str().unwrap().contains("--timeout"), "{row}");

    setup.site.control().clear_faults();
    setup.site.control().set_fault(FaultRule::on("/qrs/license", Fault::Hang));
    let live = run(&setup, &["status", "--live", "--timeout", "1s"], &file);
    assert_eq!(live.status.code(), Some(1), "{}", said(&live));
    assert!(text(&live.stderr).contains("--timeout"), "{}", said(&live));
    let wrong = run(&setup, &["status", "--live", "--timeout", "soon"], &file);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("such as 90s, 30m or 2h"), "{}", said(&wrong));
}

/// What is under way is finished, and the rest left as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_time_is_over_stops_after_the_seats_in_hand() {
    let setup = Setup::new(scenario(60, Vec::new())).await;
    let file = settings(&setup, "      dryRun: false\n      concurrency: 1");
    let seats = || setup.site.control().seats(SeatKind::Analyzer).len();
    let before = seats();
    setup.site.control().set_fault(FaultRule::on(
        "/qrs/license/analyzeraccesstype/",
        Fault::Latency { millis: 150 },
    ));
    let args = ["release", "apply", "--yes", "--json", "--timeout", "3s"];
    let stopped = run(&setup, &args, &file);
    assert_eq!(stopped.status.code(), Some(3), "{}", said(&stopped));
    assert!(text(&stopped.stderr).contains("the time limit of 3 s was over"), "{}", said(&stopped));
    let report: Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!(report["status"], "stopped", "{report}");
    let released = report["counts"][0]["released"].as_u64().unwrap() as usize;
    assert!(released > 0 && seats() == before - released, "{report}");
    assert_eq!(report["counts"][0]["unclear"], 0, "{report}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_a_plan_shows_how_far_it_has_come() {
    let setup = Setup::new(scenario(40, slow(400))).await;
    let file = settings(&setup, "      dryRun: true");
    let args = ["release", "plan", "-c", file.to_str().unwrap()];
    let plan = on_a_terminal(setup.folder.path(), &args, "");
    let said = text(&plan.stdout);
    assert!(said.contains("reading ") && said.contains(" rows"), "{said}");
    assert!(said.contains("of 40 Analyzer seats"), "{said}");
    // Elsewhere nothing but the plan.
    let plan = run(&setup, &["release", "plan"], &file);
    assert_eq!(text(&plan.stderr), "");
}
