//! What works with settings that have a mistake: looking at what is stored, stopping things and giving back. What takes
//! seats, or goes by rules, prices and destinations, doesn't.

use std::path::Path;
use std::process::{Command, Stdio};

use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};

use crate::support::process::output;
use crate::support::setup::Setup;

/// Commands that go on, in this order, with their options.
const PASS: &[(&str, &str)] = &[
    ("status", ""),
    ("release history", ""),
    ("release undo", "'CORP\\idle' --yes"),
    ("release lock", "--until 2099-01-07 --why stop"),
    ("alert list", ""),
    ("alert history", ""),
    ("alert silence", "--rule seatsLow --for 1h --why known"),
    ("alert unsilence", "1"),
    ("audit verify", ""),
    ("audit show", "--user 'CORP\\idle'"),
    ("audit export", "--format jsonl"),
    ("outbox list", ""),
    ("store backup", "-o copy.db"),
    ("store check", ""),
    ("store size", ""),
    ("user list", ""),
    ("user remove", "anna"),
    ("token list", ""),
    ("token remove", "grafana"),
];

/// Commands that need no settings, or whose answer to a mistake has a test of its own.
const APART: &[(&str, &str)] = &[
    ("init", "it writes them"),
    ("demo", "it writes its own"),
    ("simulate", "it has none"),
    ("healthcheck", "its answer is the daemon's: reload.rs"),
    ("config default", "it reads none"),
    ("config schema", "the same"),
    ("config migrate", "it changes keys, whatever they say: config.rs"),
    ("completions", "it reads none"),
    ("man", "the same"),
    ("service install", "it changes the machine"),
    ("service uninstall", "the same"),
    ("service run", "the service manager calls it"),
    ("service status", "it asks the service manager"),
    ("user password", "no password is asked for here"),
    ("audit archive", "its end is a day before today"),
];

const MISTAKE: &str = "bursar.yaml:";
const GOES_ON: &str = "this command needs only what is right of them";

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
    let users = vec![user("idle"), user("busy")];
    Scenario {
        population,
        users,
        seats: vec![seat("idle", 100), seat("busy", 1)],
        ..Scenario::default()
    }
}

const RELEASE: &str = "    licenseRelease:
      licenseKeyShared: false
      enable: true
      dryRun: false
      frequency: at 05:00
      neverRelease: {role: [RootAdmin]}
      licenseType: {analyzer: {enable: true, releaseThresholdDays: 30, maxReleasePercent: 100}}
";

/// A line of a shell, with `bursar` as the program; its exit code, and what it said on both ways.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_bursar"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env_remove("BURSAR_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_command_goes_on_or_not_as_its_page_says() {
    let setup = Setup::new(scenario()).await;
    let folder = setup.folder.path();
    let whole = setup.yaml("every 24 hours", RELEASE);
    setup.write(&whole);
    let done = output(&["release", "apply", "--yes", "-c", "bursar.yaml"], folder);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let token = output(&["token", "add", "grafana", "-c", "bursar.yaml"], folder);
    assert_eq!(token.status.code(), Some(0), "{token:?}");
    let deletes = || {
        let requests = setup.site.control().requests();
        requests.iter().filter(|request| request.method == "DELETE").count()
    };
    assert_eq!(deletes(), 1);
    setup.write(&format!("{whole}  qlikSenseLicence: {{}}\n"));

    for (command, options) in PASS {
        let (code, stdout, stderr) =
            shell(folder, &format!("bursar {command} {options} -c bursar.yaml"));
        let said = if *command == "status" { &stdout } else { &stderr };
        assert!(said.contains(MISTAKE) && said.contains("qlikSenseLicence"), "{command}: {said}");
        // Nobody of that name is there.
        let expected = if *command == "user remove" { 2 } else { 0 };
        assert_eq!(code, Some(expected), "{command}: {stdout}{stderr}");
        assert_eq!(stderr.contains(GOES_ON), *command != "status", "{command}: {stderr}");
    }

    for (command, help) in crate::commands::leaves() {
        let known = |list: &[(&str, &str)]| list.iter().any(|(of, _)| *of == command);
        if known(PASS) || known(APART) {
            continue;
        }
        let examples = crate::commands::examples(&command, &help);
        let line = examples.first().unwrap_or_else(|| panic!("{command} has no example"));
        let line = line.split([';', '|', '&']).next().unwrap().replace("/etc/bursar/", "");
        let line = if line.contains(" -c ") { line } else { format!("{line} -c bursar.yaml") };
        let (code, stdout, stderr) = shell(folder, &line);
        let told = format!("{stdout}{stderr}");
        assert_eq!(code, Some(2), "{line}: {told}");
        assert!(told.contains("qlikSenseLicence"), "{line}: {told}");
        assert!(!told.contains(GOES_ON), "{line}: {told}");
    }
    assert_eq!(deletes(), 1, "nothing took a seat");
}

/// Which store and which site are meant has to be right, and nothing of the file is told as if it were in force.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_store_is_taken_for_the_one_that_is_meant() {
    let setup = Setup::new(scenario()).await;
    let folder = setup.folder.path();
    let whole = setup.yaml("every 24 hours", RELEASE);
    setup.write(&whole);
    assert_eq!(output(&["check", "-c", "bursar.yaml"], folder).status.code(), Some(0));
    let said = |yaml: &str, line: &str| {
        setup.write(yaml);
        let (code, stdout, stderr) = shell(folder, line);
        (code, format!("{stdout}{stderr}"))
    };
    let status = "bursar status -c bursar.yaml";
    for (right, wrong) in [("  storage:", "  storag:"), ("    path:", "    pth:")] {
        assert!(whole.contains(right), "{whole}");
        let (code, text) = said(&whole.replace(right, wrong), status);
        assert_eq!(code, Some(2), "{wrong}: {text}");
    }
    // The store is sure, and how the site is reached is not.
    let other_host = whole.replace("    host:", "    hst:");
    let (code, text) = said(&other_host, status);
    assert_eq!(code, Some(0), "{text}");
    for asks in
        ["bursar status --live -c bursar.yaml", "bursar release undo x --yes -c bursar.yaml"]
    {
        let (code, text) = said(&other_host, asks);
        assert!(code == Some(2) && !text.contains(GOES_ON), "{asks}: {text}");
    }

    // The mistake is what a reader sees first, and what the file says of runs is not told as what comes.
    let (code, text) = said(&whole.replace("dryRun: false", "dryRun: maybe"), status);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with(MISTAKE) && text.lines().next().unwrap().contains("dryRun"), "{text}");
    assert!(text.contains("the settings of before say"), "{text}");
    assert!(!text.contains("(rehearsal)") && !text.contains("(REAL)"), "{text}");
    // A pause stays until the settings are whole, and the reason is said.
    setup.write(&whole);
    let lock = "bursar release lock --until 2099-01-07 --why stop -c bursar.yaml";
    assert_eq!(shell(folder, lock).0, Some(0));
    let (code, text) =
        said(&format!("{whole}  qlikSenseLicence: {{}}\n"), "bursar release unlock -c bursar.yaml");
    assert!(code == Some(2) && text.contains("no pause is ended with such settings"), "{text}");
}
