//! Every command, by what `--help` says: its examples, and how it answers people and programs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bursar::simulator::{Fault, Scenario};
use serde_json::Value;

use crate::documents::{Bench, Demo, bare, is_left_out};
use crate::support::process::{Process, bursar, output};
use crate::support::setup::Setup;

/// Commands without `--json`, and why.
const WITHOUT_JSON: &[(&str, &str)] = &[
    ("init", "it writes a file of settings"),
    ("run", "it goes on, and its log can be JSON"),
    ("demo", "it goes on"),
    ("simulate", "it goes on"),
    ("release lock", "it does something, and its exit code tells whether"),
    ("release unlock", "the same"),
    ("release accept percent", "the same"),
    ("release accept site", "the same"),
    ("alert unsilence", "the same"),
    ("outbox retry", "the same"),
    ("outbox drop", "the same"),
    ("user add", "the same"),
    ("user remove", "the same"),
    ("user password", "the same"),
    ("token add", "the token is all that it prints"),
    ("store accept", "it does something, and its exit code tells whether"),
    ("token remove", "the same"),
    ("audit export", "it writes lines of JSON or CSV"),
    ("audit archive", "the same"),
    ("audit rebuild", "it does something; what it would do is what audit verify tells"),
    ("report", "--format json"),
    ("config default", "it is YAML"),
    ("config migrate", "the same"),
    ("config explain", "the same"),
    ("config schema", "it is JSON"),
    ("service install", "it does something, and its exit code tells whether"),
    ("service uninstall", "the same"),
    ("service run", "the service manager calls it"),
    ("completions", "it is a script"),
    ("man", "it is a page"),
];

/// Commands that are not asked here for an answer, and why.
const NOT_ASKED: &[(&str, &str)] = &[
    ("import influxdb", "it wants an InfluxDB: tests/it/import has one"),
    ("alert silence", "it silences"),
    ("release apply", "it is tried as it stands in documents.rs, and changes the demo"),
    ("release undo", "nobody is to be given a seat back in the demo"),
    ("alert test", "the receiver of the demo may be slow"),
    ("reload", "it wants a daemon on a file: reload.rs has one"),
    ("store backup", "it writes a file: store_care.rs has all of them"),
    ("store restore", "it changes the store"),
];

/// Every command that can be run, with its help.
pub fn leaves() -> Vec<(String, String)> {
    let mut leaves: Vec<_> = crate::output::commands()
        .into_iter()
        .filter(|(_, help)| !help.lines().any(|line| line == "Commands:"))
        .collect();
    leaves.sort();
    assert!(leaves.len() > 50, "{}", leaves.len());
    leaves
}

/// The examples of the help of a command, as they are typed.
pub fn examples(command: &str, help: &str) -> Vec<String> {
    // What is longer than a line goes on in the next one.
    let help = help.replace(" \\\n      ", " ");
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let called = format!("bursar {command}");
    let lines = lines.filter_map(|line| line.strip_prefix("  ")).map(bare);
    let is_called = |line: &&str| *line == called || line.starts_with(&format!("{called} "));
    lines.filter(is_called).map(str::to_owned).collect()
}

fn has_json(help: &str) -> bool {
    let options = help.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("--json"));
    options.into_iter().any(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[test]
fn each_has_an_example_and_answers_programs() {
    let leaves = leaves();
    let (mut bare, mut silent) = (Vec::new(), BTreeSet::new());
    for (command, help) in &leaves {
        if examples(command, help).is_empty() {
            bare.push(command);
        }
        for line in help.lines().skip_while(|line| *line != "Examples:").skip(1) {
            if line.is_empty() {
                break;
            }
            let begins = ["  bursar ", "      ", "  curl ", "  # "];
            let whole = begins.iter().any(|begin| line.starts_with(begin));
            assert!(whole, "{command}: {line}");
        }
        if !has_json(help) {
            silent.insert(command.as_str());
        }
    }
    assert!(bare.is_empty(), "no example in the help of {bare:?}");
    let known: BTreeSet<_> = WITHOUT_JSON.iter().map(|(command, _)| *command).collect();
    assert_eq!(silent, known, "--json, or a reason in WITHOUT_JSON");
}

/// However narrow the terminal is, what is pasted of the examples is commands, with what each does behind a `#`.
#[cfg(unix)]
#[test]
fn examples_of_the_help_are_commands_on_every_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let shown = |words: &[&str], columns: &str| {
        let help = bursar(words).arg("--help").env("COLUMNS", columns).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let mut scripts = 0;
    for (command, _) in crate::output::commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        for columns in ["60", "80", "100"] {
            let help = shown(&words, columns);
            let block = help.lines().skip_while(|line| *line != "Examples:").skip(1);
            let block: Vec<&str> = block.take_while(|line| !line.is_empty()).collect();
            let is_narrow = |line: &&str| line.chars().count() <= columns.parse().unwrap();
            assert!(block.iter().all(is_narrow), "{command} at {columns}: {block:#?}");
            if block.is_empty() || columns == "80" {
                continue;
            }
            // Each is asked for its help behind its arguments, which have to be right for that; of other programs there
            // are none.
            let script = format!(
                "bursar() {{ '{}' \"$@\" --help >/dev/null || echo \"WRONG: $*\" >&2; }}\n\
                 curl() {{ :; }}\n{}\n",
                env!("CARGO_BIN_EXE_bursar"),
                // A hash is shortened there.
                block.join("\n").replace("4be9...", &format!("4be9{:060}", 0))
            );
            let run = Command::new("/bin/sh")
                .args(["-c", &script])
                .current_dir(folder.path())
                .env("PATH", &nothing)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8(run.stderr).unwrap();
            let wrong = ["WRONG", "yntax", "bursar: not found", "unexpected"];
            assert!(
                !wrong.iter().any(|word| said.contains(word)),
                "{command} at {columns}: {said}\n{script}"
            );
            scripts += 1;
        }
    }
    assert!(scripts > 100, "{scripts}");
}

/// What a command is asked with here: the first of its examples that can be run.
fn question(command: &str, help: &str) -> Option<Vec<String>> {
    let asked = |line: &&&str| !is_left_out(line) && !line.contains([';', '>', '&', '\'', '"']);
    let examples = examples(command, help);
    let without_pipe: Vec<&str> =
        examples.iter().filter_map(|line| line.split(" | ").next()).collect();
    let line = without_pipe.iter().find(asked)?;
    Some(line.split_whitespace().skip(1).map(str::to_owned).collect())
}

/// Every command that reads, with what it is asked.
pub fn questions() -> Vec<(String, Vec<String>)> {
    let mut questions = Vec::new();
    for (command, help) in leaves() {
        let is_asked = has_json(&help) && !NOT_ASKED.iter().any(|(not, _)| *not == command);
        if let Some(args) = question(&command, &help).filter(|_| is_asked) {
            let args = args.into_iter().filter(|arg| arg != "--json").collect();
            questions.push((command, args));
        }
    }
    assert!(questions.len() >= 20, "{questions:?}");
    questions
}

pub fn asked(folder: &Path, args: &[String], more: &[&str]) -> Output {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    output(&args, folder)
}

pub fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

/// Times without their zone: what follows a date and a time of the day.
fn bare_times(text: &str) -> Vec<&str> {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let mut found = Vec::new();
    for (at, _) in text.match_indices(':') {
        // `2026-11-30 14:49`: a date, a blank or a `T`, and two digits.
        let Some(begin) = at.checked_sub("2026-11-30 14".len()) else { continue };
        let Some(date) = text.get(begin..at) else { continue };
        let shape: String =
            date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if !["0000-00-00 00", "0000-00-00T00"].contains(&shape.as_str()) || !is_digit(at + 1) {
            continue;
        }
        let rest = &text[at..];
        let end =
            rest.find(|c: char| !c.is_ascii_digit() && !":.".contains(c)).unwrap_or(rest.len());
        let zone = &rest[end..];
        let named = zone.starts_with('Z')
            || zone.starts_with(['+', '-'])
            || zone.strip_prefix(' ').is_some_and(|zone| {
                zone.starts_with(['+', '-']) || zone.chars().take(2).all(|c| c.is_ascii_uppercase())
            });
        if !named {
            found.push(&text[begin..(at + end + 12).min(text.len())]);
        }
    }
    found
}

#[test]
fn a_time_without_its_zone_is_found() {
    assert_eq!(bare_times("since 2026-11-30 14:49:12 CET, 2026-11-30T14:49:12.5Z 14:49"), [""; 0]);
    assert_eq!(bare_times("since 2026-11-30 14:49, it"), ["2026-11-30 14:49, it"]);
}

/// Asked by people: times with their zone, the settings' for all that commands tell themselves; letters of
/// ASCII where that is asked for.
#[cfg(unix)]
#[test]
fn people_are_told_times_with_their_zone_and_ascii_when_they_ask_for_it() {
    // Texts of alerts and of the release engine are those that programs get, too.
    let in_utc = ["alert list", "status", "check", "monitor-app", "release plan", "release settle"];
    let bench = Bench::start();
    let folder = bench.in_another_zone();
    for (command, args) in questions() {
        let plain = said(&asked(&folder, &args, &[]));
        assert_eq!(bare_times(&plain), [""; 0], "{command}: {plain}");
        let utc = plain.lines().find(|line| line.contains("UTC"));
        assert!(utc.is_none() || in_utc.contains(&command.as_str()), "{command}: {utc:?}");
        let ascii = said(&asked(&folder, &args, &["--ascii"]));
        let beyond: String = ascii.chars().filter(|c| !c.is_ascii()).collect();
        assert_eq!(beyond, "", "{command}: {ascii}");
    }
}

/// All sites unless one is named, and the same shape of JSON for one as for two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_of_all_sites_or_of_the_one_that_is_named() {
    let setup = Setup::new(Scenario::default()).await;
    let sites = "  sites:\n    - name: bergen\n    - name: oslo\n";
    let yaml = setup.yaml("every 6 hours", sites);
    let watched = yaml.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}");
    let file = setup.write(&watched);
    let (file, folder) = (file.to_str().unwrap(), setup.folder.path());
    let mut daemon = Process::start(&["run", "-c", file], folder);
    for _ in 0..2 {
        daemon.wait_for(" used within 28 days");
    }
    daemon.terminate();
    let ask =
        |command: &[&str], more: &[&str]| output(&[command, &["-c", file], more].concat(), folder);
    for command in [
        &["status"][..],
        &["status", "--live"],
        &["release", "plan"],
        &["release", "history"],
        &["release", "settle"],
        &["release", "simulate"],
        &["insight", "activity"],
        &["insight", "changes"],
        &["insight", "growth"],
        &["insight", "forecast"],
    ] {
        for (more, names) in [(&[][..], &["bergen", "oslo"][..]), (&["--site", "OSLO"], &["oslo"])]
        {
            let run = ask(command, &[&["--json"], more].concat());
            let json: Value = serde_json::from_slice(&run.stdout)
                .unwrap_or_else(|error| panic!("{command:?}: {error}: {}", said(&run)));
            let sites = json["sites"].as_array().unwrap().iter();
            let told: Vec<_> =
                sites.map(|of| of.get("site").unwrap_or(&of["name"]).as_str().unwrap()).collect();
            assert_eq!(told, names, "{command:?} {more:?}: {json:#}");
            assert!(json["time"].is_string() && json["timeZone"] == "UTC", "{command:?}: {json:#}");
        }
        let text = said(&ask(command, &[]));
        assert!(text.contains("bergen") && text.contains("oslo"), "{command:?}: {text}");
    }
    // What changes something wants one of them.
    let lock = ["--until", "2099-01-07", "--why", "x"];
    let several = ask(&["release", "lock"], &lock);
    assert!(several.status.code() == Some(2) && said(&several).contains("--site bergen or oslo"));
    let to_file = ask(&["release", "plan"], &["-o", "plan.json"]);
    assert!(to_file.status.code() == Some(2) && said(&to_file).contains("--site bergen or oslo"));

    // Nothing that isn't there is taken for something.
    for (command, more) in [
        (&["status"][..], &["--site", "olso"][..]),
        (&["check"], &["--site", "olso"]),
        (&["release", "plan"], &["--site", "olso"]),
        (&["release", "lock"], &["--site", "olso", "--until", "2099-01-07", "--why", "x"]),
        (&["insight", "cost"], &["--site", "olso"]),
        (&["monitor-app"], &["--site", "olso"]),
        (&["report"], &["--site", "olso"]),
        (&["alert", "list"], &["--site", "olso"]),
        (&["alert", "rules"], &["--site", "olso"]),
        (&["alert", "history"], &["--site", "olso"]),
        (&["alert", "silence"], &["--site", "olso", "--for", "1d", "--why", "x"]),
        (&["outbox", "list"], &["--site", "olso"]),
        (&["user", "add", "anna"], &["--site", "olso"]),
        (&["token", "add", "grafana"], &["--site", "olso"]),
    ] {
        let run = ask(command, more);
        assert_eq!(run.status.code(), Some(2), "{command:?}: {}", said(&run));
        let expected = "there is no site olso; did you mean oslo?";
        assert!(said(&run).contains(expected), "{command:?}: {}", said(&run));
    }
    for (command, more, expected) in [
        (
            &["alert", "silence"][..],
            &["--subject", "anlyzer", "--for", "1d", "--why", "x"][..],
            "there is no subject anlyzer; did you mean analyzer?",
        ),
        (&["outbox", "list"], &["--destination", "infuxdb"], "there is no destination infuxdb"),
        (&["outbox", "retry"], &["--destination", "infuxdb"], "there is no destination infuxdb"),
        (&["outbox", "drop"], &["--destination", "infuxdb"], "there is no destination infuxdb"),
        (&["outbox", "retry"], &["--id", "0199"], "no event 0199 waits or was refused"),
        (&["alert", "test"], &["--destination", "infuxdb"], "there is no destination infuxdb"),
        (&["alert", "unsilence", "7"], &[], "there is no silence 7"),
        (&["alert", "history"], &["--rule", "seatslo"], "did you mean seatsLow?"),
        (&["user", "remove", "anna"], &[], "there is no user anna"),
        (&["token", "remove", "grafana"], &[], "there is no token grafana"),
        (&["audit", "show", "0199"], &[], "there is no run 0199"),
        (&["release", "undo", "0199"], &["--site", "oslo"], "there is no run 0199"),
    ] {
        let run = ask(command, more);
        assert_eq!(run.status.code(), Some(2), "{command:?} {more:?}: {}", said(&run));
        assert!(said(&run).contains(expected), "{command:?}: {}", said(&run));
    }
    // What can't be read is told once, however many readings end with it.
    setup.site.control().set_fault(Fault::Forbidden);
    let live = ask(&["status", "--live"], &["--site", "oslo"]);
    let complaints = String::from_utf8(live.stderr.clone()).unwrap();
    let mut lines: Vec<_> = complaints.lines().collect();
    lines.dedup();
    assert_eq!(lines.len(), complaints.lines().count(), "{complaints}");
    // What is silenced is told with by whom and until when.
    let named =
        ["--rule", "seatsLow", "--site", "oslo", "--until", "2099-01-07", "--why", "ordered"];
    assert_eq!(ask(&["alert", "silence"], &named).status.code(), Some(0));
    let list = said(&ask(&["alert", "list"], &[]));
    assert!(list.contains("silence 1 until 2099-01-08 00:00:00 UTC: seatsLow of oslo"), "{list}");
}

/// What of a JSON value is not as promised.
fn broken(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            if decimals > 6 {
                found.push(format!("{at}: {text} has more digits than anybody measured"));
            }
        }
        // A time is RFC 3339 with its offset; a text may hold times for people.
        Value::String(text) if text.len() < 40 => {
            found.extend(bare_times(text).iter().map(|time| format!("{at}: {time} has no zone")));
            let is_time = text.len() > 15 && text.as_bytes()[4] == b'-' && text.contains("UTC");
            if is_time && text.starts_with("20") {
                found.push(format!("{at}: {text} is not RFC 3339"));
            }
        }
        Value::Array(all) => {
            all.iter().for_each(|one| broken(one, &format!("{at}[]"), found));
        }
        Value::Object(all) => {
            all.iter().for_each(|(name, one)| broken(one, &format!("{at}.{name}"), found));
        }
        _ => {}
    }
}

/// Asked by programs: JSON of the documented shape, without digits of the computer, with times in RFC 3339.
#[cfg(unix)]
#[test]
fn programs_are_told_what_the_schema_says() {
    let bench = Bench::start();
    let mut shapes = crate::shapes::Shapes::read();
    for (command, args) in questions() {
        let run = asked(bench.folder(), &args, &["--json"]);
        let json = serde_json::from_slice::<Value>(&run.stdout);
        let json = json.unwrap_or_else(|error| panic!("{command}: {error}: {}", said(&run)));
        let mut found = Vec::new();
        broken(&json, "", &mut found);
        assert!(found.is_empty(), "{command}: {found:#?}");
        let ascii = asked(bench.folder(), &args, &["--json", "--ascii"]);
        assert!(ascii.stdout.is_ascii(), "{command}");
        assert!(serde_json::from_slice::<Value>(&ascii.stdout).is_ok(), "{command}");
        shapes.look(&command, &json);
    }
    shapes.finish();
}

/// The commands that programs of the demo print for people to type run as they stand.
#[cfg(unix)]
#[test]
fn printed_commands_run_when_they_are_pasted() {
    let bench = Bench::start();
    let (program, leaves) = (env!("CARGO_BIN_EXE_bursar"), leaves());
    let mut printed: BTreeMap<String, String> = BTreeMap::new();
    for (command, args) in questions() {
        let text = said(&asked(bench.folder(), &args, &[]));
        for (at, _) in text.match_indices(program) {
            let rest = &text[at..];
            let end = rest.find(['`', '\n', ';', ',', ')']).unwrap_or(rest.len());
            // Behind the command the sentence goes on.
            let words: Vec<&str> = rest[..end].split(' ').collect();
            let file = words.iter().position(|word| *word == "-c").unwrap_or(words.len());
            if file + 1 >= words.len() {
                let leaf = leaves.iter().rev().find(|(leaf, _)| {
                    rest[program.len()..].trim_start().starts_with(leaf.as_str())
                });
                let wants = leaf.is_some_and(|(_, help)| help.contains("--config"));
                assert!(!wants, "{command} names no settings, or breaks the line: {rest}");
                continue;
            }
            let line = words[..file + 2].join(" ");
            printed.insert(line.trim_end_matches('.').to_owned(), command.clone());
        }
        for (leaf, help) in &leaves {
            let as_it_is = [format!(" bursar {leaf} "), format!("`bursar {leaf}")];
            let is_bare = as_it_is.iter().any(|bare| text.contains(bare));
            assert!(!is_bare || !help.contains("--config"), "{command}: {leaf}: {text}");
        }
    }
    assert!(printed.len() > 3, "{printed:#?}");
    for (line, by) in &printed {
        if NEEDS_MORE.iter().any(|words| line.contains(words)) {
            continue;
        }
        let run = bench.sh(line);
        assert_ne!(run.status.code(), Some(2), "{by} prints {line}: {}", said(&run));
    }
}

/// The demo tells its story calmly: what there is, what to try, how to stop; what it prints to try works.
#[cfg(unix)]
#[test]
fn what_the_demo_says_to_try_works() {
    let folder = tempfile::tempdir().unwrap();
    let errors = folder.path().join("errors");
    let mut command = bursar(&["demo", "--speed", "1", "--port", "0", "--dir", "the demo"]);
    command.current_dir(folder.path()).stdout(Stdio::piped());
    let mut child = command.stderr(std::fs::File::create(&errors).unwrap()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let _demo = Demo(child);
    let mut told = Vec::new();
    for line in lines {
        told.push(line);
        if told.last().unwrap().starts_with("Look at it: ") {
            break;
        }
    }
    let told_whole = told.join("\n");
    let to_try = told.iter().skip_while(|line| !line.starts_with("What to try")).skip(1);
    let to_try: Vec<_> = to_try.take_while(|line| !line.is_empty()).collect();
    assert!(
        to_try.len() > 3 && told_whole.contains("until ctrl-c; its files stay"),
        "{told_whole}"
    );
    for line in to_try {
        let line = line.trim().split("   ").next().unwrap();
        assert!(line.contains(" -c '"), "the folder has a blank in its name: {line}");
        let run =
            Command::new("sh").args(["-ec", line]).current_dir(folder.path()).output().unwrap();
        assert!(matches!(run.status.code(), Some(0 | 3)), "{line}: {}", said(&run));
    }
    let log = std::fs::read_to_string(errors).unwrap();
    assert!(!log.contains("webhook received") && log.lines().count() < 20, "{log}");
}

/// Printed commands of which the sentence says what else has to be typed, or that go on.
#[cfg(unix)]
const NEEDS_MORE: &[&str] = &[
    " release undo ",
    " token add ",
    " user add ",
    " release accept ",
    " run -c",
    " release apply ",
    " outbox drop ",
    " outbox retry ",
    " audit show ",
];
