//! What commands print on terminals of several widths: lines end between words, tables fit, and names of 200
//! characters push nothing out of sight.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use bursar::plain::width;
use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};

use crate::commands::{asked, questions, said};
use crate::documents::Bench;
use crate::support::process::{Process, output};
use crate::support::setup::Setup;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bursar");

/// What a command shows on a terminal of so many columns.
fn shown(folder: &Path, args: &[String], columns: usize) -> String {
    let quoted: Vec<_> = args.iter().map(|arg| format!("'{arg}'")).collect();
    let line =
        format!("stty rows 40 cols {columns}; exec {PROGRAM} {} 2>/dev/null", quoted.join(" "));
    let run = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("BURSAR_CONFIG")
        .stdin(Stdio::null())
        .output()
        .expect("util-linux has script");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// What has to be whole to be pasted or compared: a command, an address, a path, a hash, a setting. A word that has a
/// line to itself can't be ended anywhere.
fn is_whole(line: &str) -> bool {
    line.contains(PROGRAM)
        || !line.trim().contains(' ')
        || line.split(' ').any(|word| {
            width(word) > 30 && (word.contains(['/', ':', '.', '_']) || !word.contains('\\'))
        })
}

/// Lines that are wider than the terminal though they need not be.
fn too_wide(text: &str, columns: usize) -> Vec<&str> {
    let lines = text.lines().map(str::trim_end);
    // What a progress bar overwrote is behind a carriage return.
    let wide =
        |line: &&str| width(line) > columns && !line.contains(['\r', '\u{1b}']) && !is_whole(line);
    lines.filter(wide).collect()
}

/// Words of a text, without what changes from one call to the next.
fn words(text: &str) -> BTreeSet<&str> {
    let words = text.split_whitespace().map(|word| word.trim_end_matches(['\r', '\n']));
    words.filter(|word| !word.contains(|sign: char| sign.is_ascii_digit())).collect()
}

/// Words on the terminal that are in no line of the pipe: parts of words.
fn parts<'a>(shown: &'a str, piped: &str) -> Vec<&'a str> {
    let whole = words(piped);
    let ages = ["just", "now", "second", "seconds", "s", "min", "ago"];
    let is_part = |word: &&&str| {
        let is_shortened = word.ends_with("...") && width(word) >= 24;
        !whole.contains(**word) && !is_shortened && !ages.contains(*word)
    };
    words(shown).iter().filter(is_part).copied().collect()
}

#[cfg(target_os = "linux")]
#[test]
fn lines_end_between_words_on_a_terminal() {
    let bench = Bench::start();
    for (command, args) in questions() {
        let text = shown(bench.folder(), &args, 80);
        assert_eq!(too_wide(&text, 80), [""; 0], "{command}: {text}");
    }
}

/// A name of 200 characters.
fn long(word: &str) -> String {
    format!("{word}-{}", "x".repeat(199 - word.len()))
}

/// Much has happened: people and a receiver whose names have 200 characters, a run and an undo, a pause, a silence, a
/// token, an event that waits. Its settings are `bursar.yaml`.
async fn eventful() -> Setup {
    let ids = [long("idle"), long("busy"), "anna".to_owned(), "bert".to_owned()];
    let user = |id: &String| UserSpec {
        directory: "CORP".into(),
        user_id: id.clone(),
        name: format!("{} {}", long("First"), long("Last")),
        ..UserSpec::default()
    };
    let seat = |(n, id): (usize, &String)| SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("CORP\\{id}"),
        last_used: When::days_ago(if n % 2 == 0 { 100 } else { 1 }),
        ..SeatSpec::default()
    };
    let scenario = Scenario {
        population: Population::none(),
        users: ids.iter().map(user).collect(),
        seats: ids.iter().enumerate().map(seat).collect(),
        ..Scenario::default()
    };
    let setup = Setup::new(scenario).await;
    let more = format!(
        "    licenseRelease:
      enable: true
      licenseKeyShared: false
      frequency: every 24 hours
      licenseType: {{analyzer: {{enable: true, releaseThresholdDays: 30, maxReleasePercent: 60}}}}
  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks: [{{description: {}, webhookURL: 'http://127.0.0.1:9/', httpMethod: POST}}]
",
        long("receiver")
    );
    let yaml = setup.yaml("every 6 hours", &more);
    let file =
        setup.write(&yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}"));
    let (config, folder) = (file.to_str().unwrap(), setup.folder.path());
    let mut daemon = Process::start(&["run", "-c", config], folder);
    daemon.wait_for(" used within 28 days");
    daemon.terminate();
    let why = format!("because {}", long("reason"));
    for command in [
        &["release", "apply", "--real", "--yes"][..],
        &["release", "undo", "CORP\\anna", "--yes"],
        &["release", "lock", "--until", "2099-01-07", "--why", &why],
        &["alert", "silence", "--rule", "seatsLow", "--until", "2099-01-07", "--why", &why],
        &["token", "add", "grafana"],
    ] {
        let run = output(&[command, &["-c", config]].concat(), folder);
        assert_eq!(run.status.code(), Some(0), "{command:?}: {}", said(&run));
    }
    setup
}

/// Every command at three widths.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_200_characters_leave_every_table_readable() {
    let setup = eventful().await;
    let (folder, name, ids) = (setup.folder.path(), "bursar.yaml", [long("idle"), long("busy")]);
    let runs = output(&["release", "history", "--json", "-c", name], folder);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    let run = runs["sites"][0]["runs"][1]["run"].as_str().unwrap();

    let more = [
        &["audit", "show", run][..],
        &["audit", "show", "--user", &ids[0]],
        &["release", "plan", "--all"],
        &["release", "plan", "--explain", &ids[1]],
        &["insight", "changes"],
        &["alert", "history"],
    ];
    let more = more.map(|args| (args.join(" "), [args, &["-c", name]].concat()));
    let more = more.map(|(command, args)| (command, args.into_iter().map(str::to_owned).collect()));
    let mut printed = 0;
    for (command, args) in questions().into_iter().chain(more) {
        let piped = said(&asked(folder, &args, &[]));
        printed += usize::from(piped.lines().count() > 2);
        for columns in [60, 80, 120] {
            let text = shown(folder, &args, columns);
            assert_eq!(too_wide(&text, columns), [""; 0], "{command} at {columns}: {text}");
            assert_eq!(parts(&text, &piped), [""; 0], "{command} at {columns}: {text}\n{piped}");
        }
    }
    assert!(printed > 15, "{printed}");
}
