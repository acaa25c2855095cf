//! The commands of the README, of docs and of the help of each command, run as they stand against the demo.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::process::{bursar, output};

/// Those that are not run here: how they begin, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("bursar run ", "it goes on for ever, and the demo is one"),
    ("bursar config default > bursar.yaml", "it would take the place of the demo's settings"),
    (
        "bursar import influxdb ",
        "it wants an InfluxDB with Butler's points: tests/it/import has one",
    ),
    ("bursar alert unsilence ", "the number is that of a silence of the reader's"),
    ("bursar audit verify -c bursar.yaml --head ", "the hash is that of a record of the reader's"),
    ("bursar release undo ", "nothing was taken from the reader's person in the demo"),
    ("bursar user password ", "the same"),
    ("bursar user remove ", "the demo has no such user"),
    ("bursar init", "tests/it/init tries it"),
    ("bursar simulate", "it goes on for ever"),
    ("bursar demo", "the same"),
    ("bursar service ", "it changes the computer: service.rs tries it in a folder"),
    ("bursar completions ", "tests/it/cli tries them"),
    ("bursar man ", "the same"),
    ("bursar audit verify -c bursar.yaml --file ", "the file is one of the reader's"),
    ("bursar audit verify --file ", "the same"),
    ("bursar audit show -c bursar.yaml RUN", "the id is that of a run of the reader's"),
    ("bursar outbox retry -c bursar.yaml --destination influxdb", "the demo has no InfluxDB"),
    ("bursar outbox drop -c bursar.yaml --destination influxdb", "the same"),
    ("bursar alert test -c bursar.yaml --destination email", "the demo has no mail server"),
    ("bursar user add ", "it asks for a password, as tests/it/login has it"),
    (
        "bursar audit show -c bursar.yaml --user ",
        "the demo's ledger says nothing of the reader's person",
    ),
    ("bursar audit show -c bursar.yaml 019a7c", "the id is that of a run of the reader's"),
    (
        "bursar store restore ",
        "a daemon runs on the store of the demo: tests/it/store_care restores",
    ),
    ("bursar store check -c bursar.yaml --file ", "the copy is one of the reader's"),
    ("bursar store backup -c bursar.yaml -o /backup/", "the folder is one of the reader's"),
    ("bursar release settle -c bursar.yaml 'CORP\\anna' --as", "nothing is open in the demo"),
];

/// Those that tell by exit code 3 that what they looked at is not in order, as it is in the demo.
const NOT_IN_ORDER: &[(&str, &str)] = &[
    ("bursar monitor-app ", "the app's reload fails"),
    ("bursar release plan ", "a guard may stop the run, by the hour of the demo"),
    ("bursar release apply ", "the same"),
    ("bursar release accept ", "there is nothing to accept"),
    ("bursar store accept ", "there is nothing to accept"),
    ("bursar status ", "the license ends soon"),
    ("bursar alert test ", "the receiver of the demo may be slow"),
];

/// The lines of a document that call the program, without what is said of them.
fn commands(document: &str) -> Vec<String> {
    let mut inside = None;
    let mut found = Vec::new();
    for line in document.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            inside = match inside {
                None => Some(kind.to_owned()),
                Some(_) => None,
            };
        } else if line.starts_with("bursar ")
            && inside.as_deref().is_some_and(|kind| kind.is_empty() || kind == "sh")
        {
            found.push(bare(line).to_owned());
        }
    }
    found
}

/// A line before its comment: behind ` #`, or words behind three blanks.
pub fn bare(line: &str) -> &str {
    let line = line.split(" # ").next().unwrap_or(line);
    let said = line.match_indices("   ").find(|(at, _)| {
        line[*at..].trim_start().starts_with(|sign: char| sign.is_alphabetic() || sign == '\'')
    });
    line[..said.map_or(line.len(), |(at, _)| at)].trim_end()
}

fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    pages.insert(0, root.join("README.md"));
    pages
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// Whether a command is one of [`LEFT_OUT`].
pub fn is_left_out(command: &str) -> bool {
    LEFT_OUT.iter().any(|(begins, _)| command.starts_with(begins))
}

/// What commands say of themselves.
fn helps() -> Vec<(PathBuf, Vec<String>)> {
    let told = crate::commands::leaves().into_iter().map(|(command, help)| {
        let examples = crate::commands::examples(&command, &help);
        (PathBuf::from(format!("bursar {command} --help")), examples)
    });
    told.collect()
}

/// A demo, in whose folder commands are run.
pub struct Bench {
    folder: tempfile::TempDir,
    _demo: Demo,
}

impl Bench {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = demo(folder.path());
        prepare(folder.path());
        Self { folder, _demo: demo }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A folder in which the settings of the demo have another time zone.
    #[cfg(unix)]
    pub fn in_another_zone(&self) -> PathBuf {
        let folder = self.folder().join("stockholm");
        fs::create_dir(&folder).unwrap();
        let settings = fs::read_to_string(self.folder().join("bursar.yaml")).unwrap();
        let zoned = settings.replacen("Butler:\n", "Butler:\n  timeZone: Europe/Stockholm\n", 1);
        assert_ne!(settings, zoned);
        fs::write(folder.join("bursar.yaml"), zoned).unwrap();
        prepare_rules(&folder);
        folder
    }

    /// Runs a line in a shell that finds the program.
    #[cfg(unix)]
    pub fn sh(&self, line: &str) -> std::process::Output {
        let program = Path::new(env!("CARGO_BIN_EXE_bursar")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("sh")
            .args(["-ec", line])
            .current_dir(self.folder())
            .env("PATH", format!("{}:{path}", program.display()))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// What a command of a document needs beside the demo's own files.
fn prepare(folder: &Path) {
    fs::copy(folder.join("bursar.yaml"), folder.join("butler.yaml")).unwrap();
    fs::copy(folder.join("bursar.db"), folder.join("copy-of-the-store.db")).unwrap();
    prepare_rules(folder);
}

fn prepare_rules(folder: &Path) {
    let stricter = "neverRelease:\n  tag:\n    - Board\n";
    fs::write(folder.join("stricter.yaml"), stricter).unwrap();
}

/// Killed when dropped.
pub struct Demo(pub Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A demo whose site was read.
fn demo(folder: &Path) -> Demo {
    let args = ["demo", "--speed", "1", "--port", "0", "--level", "error", "--dir"];
    let mut command = bursar(&args);
    command.arg(folder).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let demo = Demo(child);
    assert!(lines.any(|line| line.contains("next look at access licenses")), "it shows the site");
    // Whatever it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    demo
}

/// Whose seat the rehearsal of the demo would have released, as commands name people.
fn somebody_due(folder: &Path) -> String {
    let plan = output(&["release", "plan", "--json", "-c", "bursar.yaml"], folder);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let all = plan["sites"][0]["types"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|of| of["seatType"] == "analyzer");
    let mut seats = all.flat_map(|of_type| of_type["decisions"].as_array().unwrap());
    let holder = &seats.find(|seat| seat["outcome"] == "release").unwrap()["holder"];
    format!(r"{}\{}", holder["directory"].as_str().unwrap(), holder["userId"].as_str().unwrap())
}

#[cfg(unix)]
#[test]
fn every_command_works_as_it_stands() {
    let bench = Bench::start();
    let person = somebody_due(bench.folder());
    let (mut left_out, mut ran, mut tried) = (BTreeSet::new(), 0, BTreeSet::new());
    let pages = documents().into_iter().map(|(page, text)| (page, commands(&text)));
    for (document, commands) in pages.chain(helps()) {
        for command in commands {
            if !tried.insert(command.clone()) {
                continue;
            }
            // What comes behind a pipe is another program.
            let command = command.split(" | ").next().unwrap_or_default().to_owned();
            if let Some((begins, _)) =
                LEFT_OUT.iter().find(|(begins, _)| command.starts_with(begins))
            {
                left_out.insert(*begins);
                continue;
            }
            let command =
                command.replace("FILE", "bursar.yaml").replace("--site oslo", "--site default");
            // Who is called anna there is somebody here.
            let command = command.replace("CORP\\anna", &person);
            // What asks is answered.
            let answered = command.contains(" release apply ") && !command.contains("--yes");
            let command = format!("{command}{}", if answered { " --yes" } else { "" });
            let run = bench.sh(&command);
            let code = run.status.code();
            let may = NOT_IN_ORDER.iter().any(|(begins, _)| command.starts_with(begins));
            assert!(
                code == Some(0) || (code == Some(3) && may),
                "{}: {command}\n{code:?} {}{}",
                document.display(),
                String::from_utf8_lossy(&run.stderr),
                String::from_utf8_lossy(&run.stdout)
            );
            ran += 1;
        }
    }
    assert!(ran > 55, "{ran}");
    assert_eq!(left_out.len(), LEFT_OUT.len(), "one is in no document any more: {left_out:?}");
}

#[test]
fn what_is_said_of_a_command_is_no_part_of_it() {
    let text = "```\nbursar alert list     -c x   # what fires\nbursar report -c x   last month\n\
                bursar release undo -c x 'A B'    # hers\n```\nbursar no -c x\n```yaml\nbursar: x\n```\n";
    assert_eq!(
        commands(text),
        ["bursar alert list     -c x", "bursar report -c x", "bursar release undo -c x 'A B'"]
    );
}

/// Each page is in the table of contents, and each link between pages leads to one.
#[test]
fn pages_are_listed_and_links_lead_somewhere() {
    let summary = include_str!("../../docs/SUMMARY.md");
    for (path, text) in documents() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_listed = summary.contains(&format!("]({name})"));
        assert!(is_listed || ["README.md", "SUMMARY.md"].contains(&name), "{name} is not listed");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") || file.starts_with('<') {
                continue;
            }
            let lead = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(lead.exists(), "{name}: {target}");
            if !anchor.is_empty() && lead.extension().is_some_and(|end| end == "md") {
                let anchors = anchors(&fs::read_to_string(&lead).unwrap());
                assert!(anchors.contains(anchor), "{name}: {target}");
            }
        }
    }
}

/// What headings of a page are called in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// The sections of a page: heading and text, without blocks of code.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections = vec![(String::new(), String::new())];
    let mut is_code = false;
    for line in text.lines() {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        if !is_code && line.starts_with('#') {
            sections.push((line.to_owned(), String::new()));
        } else if !is_code && !is_fence {
            let (_, body) = sections.last_mut().unwrap();
            body.push_str(line);
            body.push('\n');
        }
    }
    sections
}

/// Whether times or sizes are told: a number, a blank and a unit.
fn has_figure(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches('*')).collect();
    words.windows(2).any(|pair| {
        let unit = pair[1].trim_end_matches(|sign: char| !sign.is_alphabetic());
        pair[0].starts_with(|sign: char| sign.is_ascii_digit())
            && ["µs", "ms", "s", "kB", "MB", "MiB", "GB"].contains(&unit)
    })
}

/// Whether the day and the commit are told: `2026-11-30` and `0a2dd16`.
fn is_dated(text: &str) -> bool {
    let mut words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
    let is_day = |word: &str| word.parse::<chrono::NaiveDate>().is_ok();
    let is_commit = |word: &str| {
        word.len() == 7
            && word.chars().all(|sign| sign.is_ascii_digit() || ('a'..='f').contains(&sign))
    };
    words.clone().any(is_day) && words.any(is_commit)
}

/// What was measured is told with its day and commit, or with a link to where it is.
#[test]
fn measured_figures_have_their_day_and_commit() {
    const MEASURED: &[&str] = &["measured", "median", "resident", "processor time"];
    let mut found = 0;
    for (path, text) in documents() {
        let name = path.file_name().unwrap().to_str().unwrap();
        for (heading, body) in sections(&text) {
            let is_measured = name == "performance.md"
                || MEASURED.iter().any(|word| body.to_lowercase().contains(word));
            // Its figures are bounds, and none was measured.
            let is_of_bounds = name == "threat-model.md";
            if !is_measured || is_of_bounds || !has_figure(&body) {
                continue;
            }
            found += 1;
            let leads_there = name != "performance.md" && body.contains("performance.md");
            assert!(is_dated(&body) || leads_there, "{name}: {heading}: no day and commit: {body}");
        }
    }
    assert!(found > 10, "{found}");
    assert!(has_figure("it takes **1.3** s, once") && !has_figure("3 sites in 2 seconds"));
    assert!(!is_dated("on 2026-11-24, version 0.1.0") && is_dated("(2026-11-30, `0a2dd16`)"));
}
