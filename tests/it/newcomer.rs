//! What somebody who follows the README and the guide to a first release is told, command by command.

use std::path::{Path, PathBuf};
use std::process::Output;

use bursar::simulator::{Population, PropertySpec, Scenario, SeatKind, SeatSpec, UserSpec, When};
use serde_json::Value;

use crate::support::process::{Process, output};
use crate::support::setup::{Setup, influxdb_section};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn seat(kind: SeatKind, id: &str, days: i64) -> SeatSpec {
    let (user, last_used) = (format!("CORP\\{id}"), When::days_ago(days));
    SeatSpec { kind, user, last_used, ..SeatSpec::default() }
}

/// Ten Analyzer seats and four Professional ones, two of each idle for 100 days; one of the idle ones is tagged, one
/// person has a custom property.
fn scenario() -> Scenario {
    let user =
        |id: &str| UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() };
    let property = PropertySpec { name: "LicenseManage".into(), value: "do-not-release".into() };
    let mut users = vec![
        UserSpec { tags: vec!["Do not release".into()], ..user("idle1") },
        user("idle2"),
        user("pro1"),
        UserSpec { custom_properties: vec![property], ..user("pro2") },
    ];
    let mut seats: Vec<_> = ["idle1", "idle2"]
        .map(|id| seat(SeatKind::Analyzer, id, 100))
        .into_iter()
        .chain(["pro1", "pro2"].map(|id| seat(SeatKind::Professional, id, 100)))
        .collect();
    for n in 1..=8 {
        let id = format!("busy{n}");
        seats.push(seat(SeatKind::Analyzer, &id, n));
        users.push(user(&id));
    }
    for n in 1..=2 {
        let id = format!("maker{n}");
        seats.push(seat(SeatKind::Professional, &id, n));
        users.push(user(&id));
    }
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    Scenario { population, users, seats, ..Scenario::default() }
}

/// Settings with these keys of `licenseRelease`, and sections behind them.
fn settings(setup: &Setup, release: &str, more: &str) -> PathBuf {
    let head = "    licenseRelease:\n      licenseKeyShared: false\n";
    setup.write(&setup.yaml("every 24 hours", &format!("{head}{release}{more}")))
}

fn run(setup: &Setup, args: &[&str]) -> Output {
    let args: Vec<&str> = args.iter().copied().chain(["-c", "bursar.yaml"]).collect();
    output(&args, setup.folder.path())
}

/// What `check` finds of a subject: state, what was found, what to do.
fn checked(setup: &Setup, subject: &str) -> Vec<[String; 3]> {
    let rows: Vec<Value> =
        serde_json::from_slice(&run(setup, &["check", "--json"]).stdout).unwrap();
    let of =
        |row: &Value| ["state", "found", "fix"].map(|key| row[key].as_str().unwrap().to_owned());
    rows.iter().filter(|row| row["subject"] == subject).map(of).collect()
}

const REAL: &str = "      enable: true
      dryRun: false
      frequency: at 05:00
      neverRelease: {tag: [Do not release]}
      licenseType: {analyzer: {enable: true, releaseThresholdDays: 30}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_releases_that_no_destination_gets_are_warned_of() {
    let setup = Setup::new(scenario()).await;
    let file = settings(&setup, REAL, &influxdb_section(9, "x"));
    let told = "nobody is told which: no destination gets the releases of default";
    let [[state, found, fix]] = &checked(&setup, "releases")[..] else { panic!() };
    assert_eq!(state, "warn");
    assert!(found.ends_with(told), "{found}");
    let switch = "Butler.qlikSenseLicense.licenseRelease.destination.influxDb.enable: true";
    assert_eq!(*fix, format!("set {switch}"));
    let of_settings = run(&setup, &["config", "check"]);
    assert!(text(&of_settings.stderr).contains(told), "{of_settings:?}");
    let status = text(&run(&setup, &["status"]).stdout);
    assert!(status.contains(told) && status.contains(switch), "{status}");
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    assert!(daemon.wait_for(told).contains(switch));
    daemon.kill();

    // Whoever rehearses takes nothing, and whoever is told is told.
    settings(&setup, &REAL.replace("dryRun: false", "dryRun: true"), "");
    assert_eq!(checked(&setup, "releases"), [[""; 3]; 0]);
    let heard = format!("{REAL}      destination: {{influxDb: {{enable: true}}}}\n");
    settings(&setup, &heard, &influxdb_section(9, "x"));
    assert_eq!(checked(&setup, "releases"), [[""; 3]; 0]);
    // A switch of a destination that isn't set up tells nobody.
    settings(&setup, &heard, "");
    let [[_, _, fix]] = &checked(&setup, "releases")[..] else { panic!() };
    assert!(fix.starts_with("set up influxDb, email, mqttConfig or "), "{fix}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protection_with_a_slip_stops_real_runs_and_one_that_the_site_lacks_is_warned_of() {
    let setup = Setup::new(scenario()).await;
    let rules = |never: &str| REAL.replace("{tag: [Do not release]}", never);
    for (never, means) in [
        ("{tag: [Do not relase]}", "the tag Do not release"),
        (
            "{customProperty: [{name: LicenseManage, value: do-not-relase}]}",
            "the custom property LicenseManage = do-not-release",
        ),
        (
            "{customProperty: [{name: LicenceManage, value: do-not-release}]}",
            "the custom property LicenseManage",
        ),
    ] {
        settings(&setup, &rules(never), "");
        let plan = run(&setup, &["release", "plan"]);
        let said = text(&plan.stdout);
        assert_eq!(plan.status.code(), Some(3), "{never}: {said}");
        assert!(said.contains("rule-misspelt") && said.contains(means), "{never}: {said}");
        let apply = run(&setup, &["release", "apply", "--yes"]);
        assert_eq!(apply.status.code(), Some(3), "{never}: {}", text(&apply.stdout));
        let state = checked(&setup, "site default: release");
        assert!(state[0][0] == "warn" && state[0][1].contains(means), "{never}: {state:?}");
    }
    let requests = setup.site.control().requests();
    assert!(requests.iter().all(|request| request.method == "GET"), "nothing was taken");

    settings(&setup, &rules("{tag: [Board, Do not release]}"), "");
    let note = "neverRelease.tag `Board` protects nobody: the site has no tag of this name";
    let plan = run(&setup, &["release", "plan"]);
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stdout));
    assert!(text(&plan.stdout).contains(&format!("Note: {note}")), "{}", text(&plan.stdout));
    let found = checked(&setup, "site default: release");
    assert!(found.iter().any(|row| row[0] == "warn" && row[1].starts_with(note)), "{found:?}");
    assert!(!text(&run(&setup, &["status"]).stdout).contains(note), "no run has made a plan of it");
    let apply = run(&setup, &["release", "apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    let status = text(&run(&setup, &["status"]).stdout);
    assert!(status.contains(note), "{status}");
}

/// What the daemon saw when it looked ahead at its next run is told before there was any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_before_the_first_run_what_would_stop_it_and_whom_rules_miss() {
    let setup = Setup::new(scenario()).await;
    let real = REAL.replace("{tag: [Do not release]}", "{tag: [Board, Do not relase]}");
    let file = settings(&setup, &real, "");
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("release: the next REAL run at");
    let status = text(&run(&setup, &["status"]).stdout).replace('\n', " ");
    let note = "Last plan        neverRelease.tag `Board` protects nobody: the site has no tag of this name";
    assert!(status.contains(note), "{status}");
    let stopped =
        "the next run would be stopped by rule-misspelt: neverRelease.tag `Do not relase`";
    assert!(status.contains(stopped), "{status}");
    let json: Value = serde_json::from_slice(&run(&setup, &["status", "--json"]).stdout).unwrap();
    let ahead = &json["sites"][0]["ahead"]["refusals"];
    assert_eq!(ahead[0]["guard"], "rule-misspelt", "{json}");
    daemon.kill();
    // The run itself says it from then on.
    assert_eq!(run(&setup, &["release", "apply", "--yes"]).status.code(), Some(3));
    let json: Value = serde_json::from_slice(&run(&setup, &["status", "--json"]).stdout).unwrap();
    assert!(json["sites"][0].get("ahead").is_none(), "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_run_by_hand_says_before_it_begins_that_nobody_is_told() {
    let setup = Setup::new(scenario()).await;
    let told = "nobody is told which: no destination gets the releases of default; set up";
    for (dry_run, real) in [("dryRun: false", vec![]), ("dryRun: true", vec!["--real"])] {
        settings(&setup, &REAL.replace("dryRun: false", dry_run), "");
        // Nobody is there to answer, so nothing is taken yet.
        let asked = run(&setup, &[&["release", "apply"], &real[..]].concat());
        let said = text(&asked.stderr);
        let (before, after) = said.split_once(told).unwrap_or_else(|| panic!("{said}"));
        assert!(before.contains("Analyzer") && after.contains("This takes 1 seat(s)"), "{said}");
    }
    // A rehearsal takes nothing.
    let rehearsed = run(&setup, &["release", "apply", "--json"]);
    assert!(
        !text(&rehearsed.stderr).contains(told) && !text(&rehearsed.stdout).contains("unheard")
    );
    let done = run(&setup, &["release", "apply", "--real", "--yes", "--json"]);
    let json: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(json["unheard"]["sites"][0], "default", "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_releases_that_protect_nobody_are_told_by_check_start_and_status() {
    let setup = Setup::new(scenario()).await;
    let none = REAL.replace("      neverRelease: {tag: [Do not release]}\n", "");
    let told = "nobody is protected except the users of the directory INTERNAL";
    let file = settings(&setup, &none, "");
    let check = text(&run(&setup, &["check"]).stdout);
    assert!(check.replace('\n', " ").contains(told), "{check}");
    let status = text(&run(&setup, &["status"]).stdout).replace('\n', " ");
    assert!(status.contains(&format!("REAL runs, and {told}")), "{status}");
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for(told);
    daemon.kill();
    assert_eq!(run(&setup, &["release", "plan"]).status.code(), Some(0), "it stops nothing");
    // Who rehearses takes nothing, and who protects somebody has thought of it.
    for fine in [&none.replace("dryRun: false", "dryRun: true"), REAL] {
        settings(&setup, fine, "");
        let status = text(&run(&setup, &["status"]).stdout).replace('\n', " ");
        assert!(!status.contains(told), "{status}");
    }
}

/// A protection with a slip stops the run that would take the seat of the one it was meant for; a rule of somebody who has
/// left stays without harm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_user_whose_seat_is_due_stops_real_runs_and_one_who_left_is_warned_of() {
    let user =
        |id: &str| UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() };
    let mut all = scenario();
    all.users.extend(["martins", "martinz"].map(user));
    all.seats.push(seat(SeatKind::Analyzer, "martins", 300));
    all.seats.push(seat(SeatKind::Analyzer, "martinz", 90));
    let setup = Setup::new(all).await;
    let rules = |id: &str| {
        let never = format!("{{tag: [Do not release], user: [{{userDir: CORP, userId: {id}}}]}}");
        let rule = "{enable: true, maxReleases: 1, maxReleasePercent: 100, rel";
        REAL.replace("{tag: [Do not release]}", &never).replace("{enable: true, rel", rule)
    };
    let deletes = || {
        let requests = setup.site.control().requests();
        requests.iter().filter(|request| request.method == "DELETE").count()
    };
    for slip in ["martinx", "matrins", "marttins"] {
        settings(&setup, &rules(slip), "");
        let apply = run(&setup, &["release", "apply", "--yes"]);
        let said = text(&apply.stdout).replace('\n', " ");
        assert_eq!(apply.status.code(), Some(3), "{slip}: {said}");
        let means = format!(
            "neverRelease.user `CORP\\{slip}` protects nobody as it is written, and seems to mean CORP\\martin"
        );
        assert!(
            said.contains("stopped by rule-misspelt") && said.contains(&means),
            "{slip}: {said}"
        );
    }
    assert_eq!(deletes(), 0);
    let warned = |id: &str| {
        settings(&setup, &rules(id), "");
        let plan = run(&setup, &["release", "plan"]);
        let said = text(&plan.stdout).replace('\n', " ");
        assert_eq!(plan.status.code(), Some(0), "{id}: {said}");
        let note = format!("neverRelease.user `CORP\\{id}` protects nobody");
        assert!(said.contains(&note) && !said.contains("rule-misspelt"), "{id}: {said}");
    };
    // Like somebody whose seat is not due, like nobody, and another one by the number.
    for id in ["bussy1", "somebody", "idle7"] {
        warned(id);
    }
    // Who has left is known: the longest idle one, whose seat went.
    settings(&setup, &rules("somebody"), "");
    let apply = run(&setup, &["release", "apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stdout));
    assert_eq!(deletes(), 1);
    warned("martins");
}

/// The YAML of a step of the guide, one after the other.
fn step(number: u32) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/releasing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split(&format!("\n## Step {number}:")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// On the site that `bursar simulate` runs, each protection of the example keeps somebody's seat, and nothing is
/// remarked on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_the_guide_protect_somebody_each_on_the_simulated_site() {
    let setup = Setup::new(Scenario::trial()).await;
    let [example] = &step(2)[..] else { panic!() };
    let (_, release) = example.split_once("  qlikSenseLicense:\n").unwrap();
    setup.write(&setup.yaml("every 24 hours", release));
    let plan = run(&setup, &["release", "plan", "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let plan = &plan["sites"][0];
    assert_eq!((&plan["notes"], &plan["refusals"]), (&Value::from(vec![""; 0]), &plan["notes"]));
    let decisions = plan["types"][0]["decisions"].as_array().unwrap();
    let kept = |user: &str| {
        let of = decisions.iter().find(|seat| seat["holder"]["userId"] == user).unwrap();
        of["keep"][0]["reason"].as_str().unwrap_or_default().to_owned()
    };
    let of = ["svc_reports", "admin01", "chair", "leave1"].map(kept);
    assert_eq!(of, ["user", "role", "custom-property", "tag"], "{plan:#}");
    for row in checked(&setup, "site default: release") {
        assert_eq!(row[0], "ok", "{row:?}");
    }

    // The steps that follow are settings, too: limits are there, and somebody is told.
    let (rehearsal, real) = (step(4).remove(0), step(6).remove(0));
    let (_, told) = rehearsal.split_once("      destination:\n").unwrap();
    let real = format!("{real}      destination:\n{told}      neverRelease: {{tag: [x]}}\n");
    let real = real.replace("licenseKeyShared", "x");
    settings(&setup, &real, &influxdb_section(9, "x"));
    let check = run(&setup, &["config", "check"]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    assert!(!text(&check.stderr).contains("nobody is told"), "{}", text(&check.stderr));
    assert!(real.contains("maxReleases: "), "{real}");
}

/// The commands between backticks in a text.
fn commands(said: &str) -> Vec<String> {
    let quoted = said.split('`').skip(1).step_by(2);
    quoted.filter(|of| of.contains(" release ")).map(str::to_owned).collect()
}

/// Each command that a guard proposes runs as it stands, and goes no further than the type that the guard stops.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guard_proposes_runs_as_it_stands_and_is_of_its_type_alone() {
    let setup = Setup::new(scenario()).await;
    let types = "      enable: true
      dryRun: true
      neverRelease: {tag: [VIP]}
      licenseType:
        analyzer: {enable: true, maxReleasePercent: 10}
        professional: {enable: true, maxReleasePercent: 25}
";
    settings(&setup, types, "");
    let plan = run(&setup, &["release", "plan", "--type", "analyzer"]);
    let said = text(&plan.stdout);
    assert_eq!(plan.status.code(), Some(3), "{said}");
    let [accept, save, apply] = &commands(&said)[..] else { panic!("{said}") };
    let sh = |line: &str| {
        let mut shell = std::process::Command::new("sh");
        let shell = shell.args(["-ec", line]).current_dir(setup.folder.path());
        let run = shell.stdin(std::process::Stdio::null()).output().unwrap();
        (run.status.code(), text(&run.stdout) + &text(&run.stderr))
    };
    // Saving tells by its code that the guard stops it.
    let (code, saved) = sh(save);
    assert_eq!(code, Some(3), "{save}: {saved}");
    let (code, applied) = sh(&format!("{apply} --yes"));
    assert_eq!(code, Some(0), "{apply}: {applied}");
    let has = |kind, id: &str| setup.site.control().seat_of(kind, "CORP", id).is_some();
    assert!(!has(SeatKind::Analyzer, "idle1") && !has(SeatKind::Analyzer, "idle2"));
    assert!(has(SeatKind::Professional, "pro1"), "{applied}");
    // Only what is accepted once the seats are back.
    let undo = run(&setup, &["release", "undo", "CORP\\idle1", "--yes"]);
    assert_eq!(undo.status.code(), Some(0), "{}", text(&undo.stderr));
    let (code, accepted) = sh(accept);
    assert!([Some(0), Some(3)].contains(&code), "{accept}: {accepted}");
    assert!(!accepted.contains("Professional"), "{accepted}");
}

/// Reports of a run say the same of what was given back, and codes what was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_seats_were_given_back_is_told_so_by_all_commands() {
    let setup = Setup::new(scenario()).await;
    let none = REAL.replace("Do not release", "VIP");
    settings(&setup, &none, "");
    let apply = run(&setup, &["release", "apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    let history = || text(&run(&setup, &["release", "history"]).stdout);
    let id = history().lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let undo = |whom: &str| run(&setup, &["release", "undo", whom, "--yes"]).status.code();
    assert_eq!(undo("CORP\\idle1"), Some(0));
    let told = "Analyzer: 2 released, 1 of them given back since";
    assert!(history().contains(told), "{}", history());
    let show = text(&run(&setup, &["audit", "show", &id]).stdout);
    assert!(show.contains(told), "{show}");
    // Nobody of that name lost a seat; all is back already; the rest goes back.
    assert_eq!(undo("CORP\\busy1"), Some(2));
    assert_eq!(undo("CORP\\idle1"), Some(0));
    assert_eq!(undo(&id), Some(0));
    let asked = run(&setup, &["release", "undo", &id]);
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    let show = text(&run(&setup, &["audit", "show", &id]).stdout);
    assert!(show.contains("2 released, 2 of them given back since"), "{show}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_events_that_were_asked_for_say_nothing_of_those_that_wait() {
    let setup = Setup::new(scenario()).await;
    let told = format!("{REAL}      destination: {{influxDb: {{enable: true}}}}\n");
    settings(&setup, &told, &influxdb_section(9, "x"));
    let list = |refused: &[&str]| {
        let args = [&["outbox", "list"], refused].concat();
        text(&run(&setup, &args).stdout)
    };
    let apply = run(&setup, &["release", "apply", "--yes"]);
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    assert!(list(&[]).contains("waiting"), "{}", list(&[]));
    let refused = list(&["--refused"]);
    assert!(refused.starts_with("nothing was refused\n"), "{refused}");
    assert!(!refused.contains("nothing is waiting"), "{refused}");
}

/// Who can't be read is asked less: the text says what was not asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_says_what_was_not_asked() {
    let setup = Setup::new(scenario()).await;
    settings(&setup, REAL, "");
    let explain = |who: &str| {
        let plan = run(&setup, &["release", "plan", "--explain", who]);
        text(&plan.stdout)
    };
    let due = explain("CORP\\idle2");
    assert!(due.contains("all 31 reasons to keep a seat were asked: none holds"), "{due}");
    assert!(!due.contains("not asked"), "{due}");
    let tagged = explain("CORP\\idle1");
    let not_due = "4 were not asked, since the seat is not due: announced, enough-free, free-unknown, over-cap";
    assert!(tagged.contains(not_due), "{tagged}");
    assert!(tagged.contains("26 other reasons to keep a seat were asked"), "{tagged}");
}

/// A reader who has seen enough closes the pipe: that is no fault of anybody.
#[test]
fn scripts_and_manual_pages_end_quietly_where_nobody_reads_on() {
    for args in [&["completions", "bash"][..], &["man"], &["man", "release", "plan"]] {
        let mut command = crate::support::process::bursar(args);
        // Nobody reads: each write fails.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(0), ""), "{args:?}");
    }
}

/// Texts on standard error end between words, too.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_apply_and_undo_say_fits_the_terminal() {
    use crate::support::terminal::typed_on_terminal;
    let setup = Setup::new(scenario()).await;
    settings(&setup, &REAL.replace("Do not release", "VIP"), "");
    let shown = |line: &str| {
        let program = env!("CARGO_BIN_EXE_bursar");
        let line = format!("stty cols 80 rows 24; {program} {line} -c bursar.yaml");
        let mut command = std::process::Command::new("sh");
        command.args(["-ec", &line]).current_dir(setup.folder.path());
        command.env("NO_COLOR", "1").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        let (status, shown) = typed_on_terminal(command, &[]);
        assert!(status.success(), "{shown}");
        shown
    };
    shown("release apply --yes");
    let undo = shown(r"release undo 'CORP\idle1' --yes");
    assert!(undo.contains("custom fields"), "{undo}");
    // How far it has come is drawn again and again.
    let told = undo.lines().filter(|line| !line.contains(['\u{1b}', '\r']));
    for line in told {
        let is_one_word = line.trim().split(' ').count() == 1;
        assert!(line.chars().count() <= 80 || is_one_word, "{line}\n{undo}");
    }
}

#[test]
fn a_webhook_s_keys_are_named_where_one_is_misspelt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    let yaml = "Butler:
  webhookNotification:
    enable: true
    qlikSenseAlert:
      webhooks:
        - {descripton: a, url: 'http://127.0.0.1:9/x', method: POST, colour: red}
";
    std::fs::write(&file, yaml).unwrap();
    let check = output(&["check", "-c", file.to_str().unwrap()], folder.path());
    let said = text(&check.stdout) + &text(&check.stderr);
    for meant in [
        "did you mean description?",
        "did you mean webhookURL?",
        "did you mean httpMethod?",
        "the known ones here are ",
    ] {
        assert!(said.contains(meant), "{meant}: {said}");
    }
}

/// What is reclaimable by default rules is told apart from what is reclaimable once releases are on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_settings_do_not_release_is_said_beside_what_is_reclaimable() {
    let setup = Setup::new(scenario()).await;
    let off =
        REAL.replace("enable: true\n      dryRun: false", "enable: false\n      dryRun: true");
    let file = settings(&setup, &off, "");
    let yaml = std::fs::read_to_string(&file).unwrap();
    setup.write(&yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}"));
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], setup.folder.path());
    daemon.wait_for("used within 28 days");
    daemon.terminate();
    let activity = text(&run(&setup, &["insight", "activity"]).stdout);
    for told in [
        "Professional: not released by the settings: default rules",
        "Analyzer: nothing is released: releases are off (licenseRelease)",
    ] {
        assert!(activity.contains(told), "{told}: {activity}");
    }
}

/// Of several sites, a command that is proposed says which it is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_a_guard_proposes_names_its_site_where_there_are_several() {
    let setup = Setup::new(scenario()).await;
    let real = REAL.replace("{enable: true, rel", "{enable: true, maxReleasePercent: 10, rel");
    let real = real.replace("      neverRelease: {tag: [Do not release]}\n", "");
    settings(&setup, &real, "  sites: [{name: oslo}, {name: bergen}]\n");
    let plan = text(&run(&setup, &["release", "plan", "--site", "oslo"]).stdout);
    let proposed = commands(&plan);
    assert!(!proposed.is_empty(), "{plan}");
    for command in proposed {
        assert!(command.contains(" -c bursar.yaml --site oslo "), "{command}");
    }
}

/// The daemon goes on by the settings of before where the file has a mistake, and so does the way to stop it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_paused_with_settings_that_have_a_mistake() {
    let setup = Setup::new(Scenario::default()).await;
    let whole = setup.yaml("every 24 hours", "");
    setup.write(&whole);
    let folder = setup.folder.path();
    let said = |args: &[&str]| {
        let output = output(&[args, &["-c", "bursar.yaml"]].concat(), folder);
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let lock = ["release", "lock", "--until", "2099-01-07", "--why", "stop"];
    // Without a store nothing is made.
    setup.write(&format!("{whole}  qlikSenseLicence: {{}}\n"));
    assert_eq!(said(&lock).0, Some(2));
    assert!(!setup.store().exists());
    setup.write(&whole);
    assert_eq!(said(&["release", "lock", "--until", "2099-01-06", "--why", "before"]).0, Some(0));
    setup.write(&format!("{whole}  qlikSenseLicence: {{}}\n"));
    let (code, text) = said(&lock);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("qlikSenseLicence") && text.contains("no daemon runs"), "{text}");
    setup.write(&whole);
    assert!(said(&["release", "history"]).1.contains("stop"));
}
