//! Every command that writes a file writes it privately, whole, and never through a link.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use bursar::ledger::Entry;
use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};
use bursar::store::Addition;
use chrono::{TimeDelta, Utc};

use crate::support::process::output;
use crate::support::setup::Setup;

/// A command with an option `--output`.
struct Case {
    command: &'static [&'static str],
    more: &'static [&'static str],
    /// A file that is there is replaced.
    replaces: bool,
    /// It may also go to standard output or a pipe.
    streams: bool,
}

/// The archive is last: it takes away what the others write.
const CASES: [Case; 4] = [
    Case { command: &["release", "plan"], more: &[], replaces: true, streams: true },
    Case { command: &["report"], more: &["--format", "json"], replaces: true, streams: true },
    Case {
        command: &["audit", "export"],
        more: &["--format", "jsonl"],
        replaces: false,
        streams: true,
    },
    Case {
        command: &["audit", "archive"],
        more: &["--before", "2199-01-01"],
        replaces: false,
        streams: false,
    },
];

impl Case {
    fn run(&self, setup: &Setup, target: &str) -> Output {
        let mut args = self.command.to_vec();
        args.extend(["-c", "bursar.yaml", "-o", target]);
        args.extend(self.more);
        output(&args, setup.folder.path())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn is_content(text: &str) -> bool {
    text.starts_with('{') && text.trim_end().ends_with('}')
}

fn help(command: &[String]) -> String {
    let mut args: Vec<_> = command.iter().map(String::as_str).collect();
    args.push("--help");
    text(&output(&args, Path::new(".")).stdout)
}

/// Every command of the program, by what `--help` says, with that.
pub fn commands() -> Vec<(String, String)> {
    let mut known = vec![Vec::new()];
    let mut commands = Vec::new();
    while let Some(command) = known.pop() {
        let said = help(&command);
        let lines = said.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in lines.take_while(|line| !line.is_empty()) {
            let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
            let Some(name) = name.and_then(|line| line.split(' ').next()) else { continue };
            if name != "help" {
                known.push([command.clone(), vec![name.to_owned()]].concat());
            }
        }
        commands.push((command.join(" "), said));
    }
    assert!(commands.len() > 30, "{}", commands.len());
    commands
}

#[test]
fn every_command_with_an_output_is_tried_here() {
    let mut found: Vec<_> = commands()
        .into_iter()
        .filter(|(_, help)| help.contains("--output"))
        // It writes no text: store_care.rs has it.
        .filter(|(command, _)| command != "store backup")
        .map(|(command, _)| command)
        .collect();
    found.sort();
    let mut tried: Vec<_> = CASES.iter().map(|case| case.command.join(" ")).collect();
    tried.sort();
    assert_eq!(found, tried);
}

/// A site, and a ledger with a run that took a seat.
async fn setup() -> Setup {
    let user =
        |id: &str| UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() };
    let seat = |id: &str, days| SeatSpec {
        kind: SeatKind::Analyzer,
        user: format!("CORP\\{id}"),
        last_used: When::days_ago(days),
        ..SeatSpec::default()
    };
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    let names = ["idle", "a", "b", "c", "d"];
    let users = names.map(user).to_vec();
    let seats = names.map(|name| seat(name, if name == "idle" { 100 } else { 1 })).to_vec();
    let setup = Setup::new(Scenario { population, users, seats, ..Scenario::default() }).await;
    let release = "    licenseRelease:
      enable: true
      dryRun: false
      licenseKeyShared: false
      licenseType:
        analyzer: {enable: true, releaseThresholdDays: 30}
";
    setup.write(&setup.yaml("every 24 hours", release));
    // What is old enough for an archive.
    let settings = setup.load(&setup.yaml("every 24 hours", release));
    let storage = settings.storage.clone();
    let then = || Utc::now() - TimeDelta::days(3);
    let store = crate::support::store::open(&storage.path, storage.outbox, then).await.unwrap();
    let old = |entry| Addition { site: settings.sites[0].name.clone(), run: None, entry };
    let paused = Entry::Paused {
        until: Utc::now() - TimeDelta::days(2),
        why: "year end".into(),
        by: "anna".into(),
    };
    let both = vec![old(paused), old(Entry::Resumed { by: "anna".into() })];
    store.append(None, both, |_| Vec::new()).await.unwrap();
    store.close().await;
    let apply = output(&["release", "apply", "-c", "bursar.yaml", "--yes"], setup.folder.path());
    assert_eq!(apply.status.code(), Some(0), "{}", text(&apply.stderr));
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_private_whole_and_never_behind_a_link() {
    let setup = setup().await;
    let path = |name: &str| setup.folder.path().join(name);
    let files = || fs::read_dir(setup.folder.path()).unwrap().count();
    fs::write(path("target"), "of somebody").unwrap();
    symlink(path("target"), path("link")).unwrap();
    symlink(path("nowhere"), path("dangling")).unwrap();
    fs::create_dir(path("folder")).unwrap();
    for case in CASES {
        let name = case.command.join(" ");
        let before = files();
        for refused in ["link", "dangling", "folder", "no/such"] {
            let said = case.run(&setup, refused);
            assert_eq!(said.status.code(), Some(1), "{name} -o {refused}: {}", text(&said.stderr));
            let err = text(&said.stderr);
            assert!(err.contains(&format!("cannot write {refused}: ")), "{name}: {err}");
        }
        assert_eq!(fs::read_to_string(path("target")).unwrap(), "of somebody", "{name}");
        assert!(!path("nowhere").exists(), "{name}");
        assert_eq!(files(), before, "{name}: something was left");

        fs::write(path("old"), "old").unwrap();
        fs::set_permissions(path("old"), fs::Permissions::from_mode(0o644)).unwrap();
        let said = case.run(&setup, "old");
        let new = if case.replaces { "old" } else { "new" };
        if !case.replaces {
            assert_eq!(said.status.code(), Some(1), "{name}: {}", text(&said.stderr));
            assert!(text(&said.stderr).contains("already"), "{name}: {}", text(&said.stderr));
            assert_eq!(fs::read_to_string(path("old")).unwrap(), "old", "{name}");
            assert_eq!(case.run(&setup, "new").status.code(), Some(0), "{name}");
        }
        assert!(is_content(&fs::read_to_string(path(new)).unwrap()), "{name}");
        let mode = fs::metadata(path(new)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        for file in ["old", "new"] {
            let _ = fs::remove_file(path(file));
        }
        assert_eq!(files(), before, "{name}: something was left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_and_pipes_get_it_as_it_is() {
    let setup = setup().await;
    let pipe = setup.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for case in CASES {
        let name = case.command.join(" ");
        if !case.streams {
            for target in ["-", "/dev/stdout", "/dev/null", "pipe"] {
                let said = case.run(&setup, target);
                assert_eq!(said.status.code(), Some(1), "{name} -o {target}");
            }
            continue;
        }
        for target in ["-", "/dev/stdout"] {
            let said = case.run(&setup, target);
            assert_eq!(said.status.code(), Some(0), "{name}: {}", text(&said.stderr));
            assert!(is_content(&text(&said.stdout)), "{name} -o {target}: {}", text(&said.stdout));
        }
        assert_eq!(case.run(&setup, "/dev/null").status.code(), Some(0), "{name}");
        let reading = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        assert_eq!(case.run(&setup, "pipe").status.code(), Some(0), "{name}");
        assert!(is_content(&reading.join().unwrap()), "{name}");
    }
}

#[test]
fn keys_of_a_simulated_site_are_not_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("keys")).unwrap();
    symlink(folder.path().join("target"), folder.path().join("keys/client_key.pem")).unwrap();
    let args = ["simulate", "--listen", "127.0.0.1:0", "--certificates", "keys"];
    let said = output(&args, folder.path());
    assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));
    assert!(text(&said.stderr).contains("link"), "{}", text(&said.stderr));
    assert!(!folder.path().join("target").exists());
}
