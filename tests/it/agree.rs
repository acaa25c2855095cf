//! Screens that tell of the same thing agree: what a run did, whom it took from, and who hears of it.

use std::process::Output;

use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};
use serde_json::Value;

use crate::support::process::{Process, output};
use crate::support::setup::Setup;

fn scenario() -> Scenario {
    let user =
        |id: &str| UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() };
    let seat = |id: &str, days| SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("CORP\\{id}"),
        last_used: When::days_ago(days),
        ..SeatSpec::default()
    };
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    let people = [("idle", 100), ("sleepy", 90), ("busy", 1)];
    let users = people.iter().map(|(id, _)| user(id)).collect();
    let seats = people.iter().map(|(id, days)| seat(id, *days)).collect();
    Scenario { population, users, seats, ..Scenario::default() }
}

fn settings(setup: &Setup, more: &str) {
    let release = "    licenseRelease:
      licenseKeyShared: false
      enable: true
      dryRun: false
      frequency: at 05:00
      neverRelease: {role: [RootAdmin]}
";
    let types = format!(
        "      licenseType: {{analyzer: {{enable: true, releaseThresholdDays: 30{more}}}}}\n"
    );
    setup.write(&setup.yaml("every 24 hours", &format!("{release}{types}")));
}

fn run(setup: &Setup, args: &[&str]) -> Output {
    let args: Vec<&str> = args.iter().copied().chain(["-c", "bursar.yaml"]).collect();
    output(&args, setup.folder.path())
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_did_is_told_alike_after_it() {
    let setup = Setup::new(scenario()).await;
    // The pools are read once, before all runs.
    settings(&setup, ", maxReleasePercent: 10");
    let file = setup.folder.path().join("bursar.yaml");
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("access licenses: ");
    daemon.wait_for("release: the next REAL run");
    daemon.terminate();

    // A refused run took nothing: what refused it is what there is to tell.
    assert_eq!(run(&setup, &["release", "apply", "--yes"]).status.code(), Some(3));
    let status = said(&run(&setup, &["status"]));
    let line = status.lines().find(|line| line.contains("Last release run")).unwrap();
    assert!(line.contains("(real)  refused by percent: 2 of 3 Analyzer seats are due"), "{line}");
    assert!(!line.contains("0 released") && !status.contains("as read before"), "{status}");

    settings(&setup, ", maxReleasePercent: 100");
    assert_eq!(run(&setup, &["release", "apply", "--yes"]).status.code(), Some(0));
    let status = said(&run(&setup, &["status"]));
    assert!(status.contains("as read before the run at 20"), "{status}");
    assert!(status.contains(": 2 seats were released by it"), "{status}");
    let runs = run(&setup, &["release", "history", "--json"]);
    let runs: Value = serde_json::from_slice(&runs.stdout).unwrap();
    let id = runs["sites"][0]["runs"][0]["run"].as_str().unwrap();

    // Whose seat went is told where it is asked why, with the way back; which works as it is printed.
    let explained = said(&run(&setup, &["release", "plan", "--explain", "CORP\\idle"]));
    let told = format!("by run {id}; give it back with: ");
    let (before, after) = explained.split_once(&told).unwrap_or_else(|| panic!("{explained}"));
    assert!(before.contains("The Analyzer seat of CORP\\idle was released at 20"), "{explained}");
    let undo = after.lines().next().unwrap();
    assert!(undo.ends_with(" release undo -c bursar.yaml 'CORP\\idle'"), "{undo}");
    assert_eq!(run(&setup, &["release", "undo", "CORP\\idle", "--yes"]).status.code(), Some(0));
    let status = said(&run(&setup, &["status"]));
    assert!(status.contains(": 1 seat was allocated again by it"), "{status}");
    let explained = said(&run(&setup, &["release", "plan", "--explain", "idle"]));
    assert!(
        explained.contains("already allocated again") && !explained.contains("give it back"),
        "{explained}"
    );
    // Nothing is told of others.
    let of_busy = said(&run(&setup, &["release", "plan", "--explain", "busy"]));
    assert!(!of_busy.contains("was released at"), "{of_busy}");

    // Records of a person are a line each for programs, and fit the terminal of a person.
    let shown = run(&setup, &["audit", "show", "--user", "CORP\\sleepy"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.lines().count() == 2 && shown.lines().all(|line| line.contains(id)), "{shown}");
    #[cfg(target_os = "linux")]
    {
        let program = env!("CARGO_BIN_EXE_bursar");
        let asked = format!("{program} audit show --user 'CORP\\sleepy' -c bursar.yaml");
        let mut command = std::process::Command::new("sh");
        command.args(["-ec", &format!("stty cols 80 rows 24; {asked}")]);
        command.current_dir(setup.folder.path()).env("NO_COLOR", "1").env("TERM", "xterm");
        let (status, shown) = crate::support::terminal::typed_on_terminal(command, &[]);
        assert!(status.success() && shown.contains("CORP\\sleepy"), "{shown}");
        let wide = shown.lines().find(|line| line.trim_end().chars().count() > 80);
        assert_eq!(wide, None, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_is_told_alike() {
    let setup = Setup::new(scenario()).await;
    settings(&setup, "");
    assert_eq!(run(&setup, &["check"]).status.code(), Some(0));
    let (status, list) = (said(&run(&setup, &["status"])), said(&run(&setup, &["alert", "list"])));
    let told: Vec<_> =
        status.lines().filter(|line| line.contains("nobody is told which")).collect();
    assert_eq!(told.len(), 1, "{status}");
    assert!(list.contains(told[0].trim()), "{list}");
    let json = |args: &[&str]| {
        let answer = run(&setup, &[args, &["--json"]].concat());
        serde_json::from_slice::<Value>(&answer.stdout).unwrap()["unheard"].clone()
    };
    assert_eq!(json(&["alert", "list"]), json(&["status"]));
    assert_eq!(json(&["alert", "list"]).as_array().unwrap().len(), 2);
}

/// Nothing was missed before the first run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_rehearsal_is_no_missed_one() {
    let setup = Setup::new(scenario()).await;
    settings(&setup, "");
    let file = setup.folder.path().join("bursar.yaml");
    let rehearses = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rehearses.replace("dryRun: false", "dryRun: true")).unwrap();
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    let told = daemon.wait_for("release: the next rehearsal");
    assert!(told.contains(" at once, since it is the first, "), "{told}");
    daemon.kill();
}
