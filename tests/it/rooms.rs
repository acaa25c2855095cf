//! Who may import whom: every folder of `src/` and every file beside them is a room, and imports go one
//! way. `ARCHITECTURE.md` draws the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may import. A room stands below all that it imports, so there is
/// no way round.
const ROOMS: [(&str, &[&str]); 40] = [
    // The ground floor knows nothing of Qlik.
    ("backoff", &[]),
    ("clock", &[]),
    ("credential", &[]),
    ("descriptors", &[]),
    ("form", &[]),
    ("input", &[]),
    ("plain", &[]),
    ("process", &[]),
    ("secret", &[]),
    ("terminal", &["plain", "secret"]),
    ("output", &["terminal"]),
    ("schedule", &[]),
    ("schema", &[]),
    ("spreadsheet", &["plain"]),
    ("tls", &["input"]),
    ("words", &[]),
    ("who", &["plain"]),
    // How settings are read, whatever they are of.
    ("settings", &["input", "plain", "schedule", "secret"]),
    // The domain, without I/O.
    ("license", &["form", "plain"]),
    ("policy", &["license"]),
    ("insight", &["license", "settings", "words"]),
    ("ledger", &["form", "license", "policy", "who"]),
    ("event", &["form", "insight", "ledger", "license", "plain", "policy"]),
    ("alert", &["event", "ledger", "license", "plain", "words"]),
    // What talks to somebody.
    ("simulator", &["license", "output"]),
    ("qrs", &["backoff", "descriptors", "license", "plain", "secret", "settings", "tls"]),
    (
        "store",
        &[
            "alert", "event", "input", "insight", "ledger", "license", "policy", "schedule",
            "settings",
        ],
    ),
    (
        "destination",
        &[
            "backoff",
            "descriptors",
            "event",
            "input",
            "insight",
            "ledger",
            "license",
            "plain",
            "policy",
            "schema",
            "secret",
            "settings",
            "store",
            "tls",
            "words",
        ],
    ),
    (
        "release",
        &[
            "clock",
            "destination",
            "event",
            "insight",
            "ledger",
            "license",
            "plain",
            "policy",
            "qrs",
            "schedule",
            "settings",
            "store",
            "who",
            "words",
        ],
    ),
    (
        "monitor",
        &[
            "destination",
            "event",
            "insight",
            "ledger",
            "license",
            "policy",
            "qrs",
            "release",
            "schedule",
            "settings",
            "store",
        ],
    ),
    // The settings know everybody who has some.
    (
        "config",
        &[
            "alert",
            "destination",
            "event",
            "input",
            "insight",
            "monitor",
            "plain",
            "policy",
            "qrs",
            "release",
            "schedule",
            "schema",
            "secret",
            "settings",
            "store",
            "tls",
            "words",
        ],
    ),
    (
        "planning",
        &["config", "event", "insight", "ledger", "license", "policy", "release", "store", "words"],
    ),
    ("import", &["config", "destination", "license", "secret", "store"]),
    (
        "gather",
        &[
            "alert",
            "config",
            "destination",
            "event",
            "insight",
            "ledger",
            "license",
            "monitor",
            "planning",
            "release",
            "store",
            "words",
        ],
    ),
    (
        "report",
        &[
            "config",
            "event",
            "insight",
            "ledger",
            "license",
            "plain",
            "planning",
            "spreadsheet",
            "store",
            "words",
        ],
    ),
    (
        "status",
        &[
            "alert",
            "config",
            "destination",
            "event",
            "ledger",
            "license",
            "plain",
            "policy",
            "release",
            "store",
            "words",
        ],
    ),
    (
        "web",
        &[
            "alert",
            "clock",
            "config",
            "credential",
            "descriptors",
            "event",
            "insight",
            "ledger",
            "license",
            "plain",
            "planning",
            "policy",
            "process",
            "release",
            "report",
            "secret",
            "spreadsheet",
            "status",
            "store",
            "tls",
            "words",
        ],
    ),
    (
        "daemon",
        &[
            "alert",
            "backoff",
            "clock",
            "config",
            "descriptors",
            "destination",
            "event",
            "gather",
            "input",
            "ledger",
            "license",
            "monitor",
            "output",
            "plain",
            "policy",
            "process",
            "qrs",
            "release",
            "report",
            "schedule",
            "secret",
            "status",
            "store",
            "terminal",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "alert",
            "clock",
            "config",
            "credential",
            "daemon",
            "destination",
            "event",
            "import",
            "input",
            "insight",
            "ledger",
            "license",
            "monitor",
            "output",
            "plain",
            "planning",
            "policy",
            "qrs",
            "release",
            "report",
            "schedule",
            "secret",
            "simulator",
            "spreadsheet",
            "status",
            "store",
            "terminal",
            "tls",
            "who",
            "words",
        ],
    ),
    // The crate itself, which names all rooms, and the program.
    ("main", &[]),
];

/// The files of a folder and below.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The text without comments, and without what is only there in tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of a file that are only there in tests.
fn of_tests(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match file.file_stem().and_then(|name| name.to_str()) {
        Some("mod" | "lib") => file.parent().expect("it is in a folder").to_owned(),
        _ => file.with_extension(""),
    };
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        let name = lines.next().unwrap_or_default().trim().trim_end_matches(';');
        if let Some(name) = name.split("mod ").nth(1) {
            found.push(folder.join(name));
        }
    }
    found
}

/// The rooms after each `crate::`, in groups too.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut first) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => first = true,
                c if first && c.is_ascii_alphabetic() => {
                    found.insert(word(&group[at..]));
                    first = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// Which room imports which, with the files in which it does.
fn arrows() -> BTreeMap<(String, String), Vec<String>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let read = |file: &PathBuf| std::fs::read_to_string(file).expect("it can be read");
    let only_tests: Vec<_> = all.iter().flat_map(|file| of_tests(file, &read(file))).collect();
    let mut arrows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in &all {
        let whole = file.with_extension("");
        if only_tests.iter().any(|test| whole.starts_with(test)) {
            continue;
        }
        let name = file.strip_prefix(&src).expect("it is below").display().to_string();
        let room = name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        if room == "lib" {
            continue;
        }
        for other in imports(&code(&read(file))) {
            if other != room && ROOMS.iter().any(|(known, _)| *known == other) {
                arrows.entry((room.clone(), other)).or_default().push(name.clone());
            }
        }
    }
    arrows
}

#[test]
fn imports_go_one_way() {
    let mut above = BTreeSet::new();
    for (room, may) in ROOMS {
        for other in may {
            assert!(above.contains(other), "{room} may import {other}, which stands below it");
        }
        assert!(above.insert(room), "{room} is there twice");
    }
    let arrows = arrows();
    let may = |room: &str| ROOMS.iter().find(|(known, _)| *known == room).map(|(_, may)| *may);
    for ((room, other), files) in &arrows {
        let may = may(room).unwrap_or_else(|| panic!("{room} is not among the rooms"));
        assert!(may.contains(&other.as_str()), "{room} imports {other}, in {}", files.join(", "));
    }
    for (room, may) in ROOMS {
        for other in may {
            let used = arrows.contains_key(&(room.to_owned(), (*other).to_owned()));
            assert!(used, "{room} does not import {other} any more: take it out of the table");
        }
    }
}

#[test]
fn every_room_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(src).expect("it is there") {
        let name = entry.expect("it can be read").file_name().into_string().expect("UTF-8");
        let room = name.trim_end_matches(".rs");
        assert!(room == "lib" || ROOMS.iter().any(|(known, _)| *known == room), "{room}");
    }
}

#[test]
fn groups_and_tests_are_seen_for_what_they_are() {
    let text = "use crate::{plain::{a, b}, store};\nfn f() { crate::web::x(); }\n// crate::cli\n\
                #[cfg(test)]\nmod tests { use crate::daemon; }";
    let expected = ["plain", "store", "web"].map(str::to_owned).into();
    assert_eq!(imports(&code(text)), expected);
}

#[test]
fn tests_open_the_store_in_two_places() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let allowed = ["tests/it/support/store.rs", "tests/it/rooms.rs", "src/store/opened.rs"];
    let mut found = Vec::new();
    let mut all = Vec::new();
    for folder in ["src", "tests/it"] {
        files(&root.join(folder), &mut all);
    }
    for file in all {
        let name = file.strip_prefix(root).expect("it is below").display().to_string();
        let name = name.replace('\\', "/");
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let of_tests = name.starts_with("tests/") || name.contains("/tests");
        let tests = match text.split_once("#[cfg(test)]\nmod tests {") {
            _ if of_tests => text.as_str(),
            Some((_, tests)) => tests,
            None => continue,
        };
        let opens = ["Store::open", "Connection::open"].map(|call| tests.matches(call).count());
        // That a commit is on the disk is asked of the store that the daemon opens.
        let own = usize::from(name == "src/store/tests/files.rs");
        if !allowed.contains(&name.as_str()) && opens.iter().sum::<usize>() > own {
            found.push(name);
        }
    }
    assert!(found.is_empty(), "a store is opened in {}", found.join(", "));
}
