//! The threat model names the tests that show it: each of them is there.

use std::collections::BTreeSet;
use std::path::Path;

const MODEL: &str = include_str!("../../docs/threat-model.md");

/// The functions of a folder that are tests.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                match name.and_then(|rest| rest.split_once('(')) {
                    Some((name, _)) if is_test => {
                        found.insert(name.to_owned());
                        is_test = false;
                    }
                    Some(_) => is_test = false,
                    None => {
                        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                    }
                }
            }
        }
    }
}

/// The rows of a table under a heading: its first cell, and what stands between backticks in its second.
fn rows(heading: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let table = MODEL.split_once(heading).expect("the heading").1;
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        (cells[0], last.split('`').skip(1).step_by(2).collect())
    })
    .collect()
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests(&root.join(folder), &mut known);
    }
    let named = rows("## What shows it");
    assert!(named.len() > 30, "{}", named.len());
    for (claim, tests) in &named {
        assert!(!tests.is_empty(), "no test for: {claim}");
        for test in tests {
            assert!(known.contains(*test), "{claim}: there is no test {test}");
        }
    }
}

#[test]
fn every_threat_has_a_row_of_tests() {
    let shown: Vec<&str> = rows("## What shows it").into_iter().map(|(claim, _)| claim).collect();
    for (threat, _) in rows("## Who and how, and the answer") {
        assert!(shown.contains(&threat), "no row in \"What shows it\" for: {threat}");
    }
}
