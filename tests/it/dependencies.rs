//! The policy of `deny.toml`, checked from cargo's own metadata.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().unwrap().iter()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// The quoted strings between `after` and the next `]` line of deny.toml.
fn quoted_list(after: &str) -> Vec<String> {
    let policy = read("deny.toml");
    let start = policy.find(after).expect("the list is in deny.toml");
    let body = &policy[start + after.len()..];
    let body = &body[..body.find("\n]").expect("the list ends")];
    let mut list = Vec::new();
    for line in body.lines() {
        if let Some(name) = line.split('"').nth(1) {
            list.push(name.to_owned());
        }
    }
    assert!(!list.is_empty());
    list
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Whether an SPDX expression without nested parentheses can be satisfied by the allowed terms.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    // `(A OR B) AND C`: every AND part needs one allowed alternative.
    if expression.contains(" AND ") && expression.contains('(') {
        return expression
            .split(" AND ")
            .all(|part| satisfied(part.trim_matches(['(', ')', ' ']), allowed));
    }
    expression.split(" OR ").any(|alternative| {
        alternative
            .split(" AND ")
            .all(|term| allowed.iter().any(|a| a == term.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn every_dependency_has_an_allowed_license() {
    let allowed = quoted_list("allow = [");
    let metadata = metadata();
    let refused: Vec<_> = packages(&metadata)
        .filter(|package| !satisfied(text(package, "license"), &allowed))
        .map(|package| format!("{}: {}", text(package, "name"), text(package, "license")))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
    assert!(!satisfied("GPL-3.0", &allowed) && !satisfied("MIT AND GPL-3.0", &allowed));
    assert!(
        satisfied("GPL-3.0 OR MIT", &allowed) && satisfied("(MIT OR GPL-3.0) AND ISC", &allowed)
    );
}

#[test]
fn no_banned_crate_and_no_other_source() {
    let banned = quoted_list("deny = [");
    let metadata = metadata();
    let resolved: BTreeSet<&str> = packages(&metadata).map(|p| text(p, "name")).collect();
    let found: Vec<_> = banned.iter().filter(|name| resolved.contains(name.as_str())).collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
    for package in packages(&metadata).filter(|p| text(p, "name") != "bursar") {
        let source = text(package, "source");
        assert!(source.starts_with("registry+") && source.contains("crates.io"), "{source}");
    }
}

#[test]
fn every_direct_dependency_is_used_and_has_its_reason_written_down() {
    let reasons = read("docs/dependencies.md");
    let metadata = metadata();
    let own = packages(&metadata).find(|p| text(p, "name") == "bursar").unwrap();
    let mut code = String::new();
    for folder in ["src", "tests", "benches"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    for dependency in own["dependencies"].as_array().unwrap() {
        let name = text(dependency, "name");
        assert!(
            reasons.contains(&format!("`{name}`")),
            "docs/dependencies.md says nothing of {name}"
        );
        let library = dependency["rename"].as_str().unwrap_or(name).replace('-', "_");
        let used = [":", "!", " "].iter().any(|end| code.contains(&format!("{library}{end}")));
        assert!(used, "{name} is in Cargo.toml but not used");
    }
}

fn collect(folder: &Path, code: &mut String) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|e| e == "rs") {
            code.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
