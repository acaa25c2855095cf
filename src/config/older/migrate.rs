//! The text of an older file in today's layout.

use std::path::Path;

use serde_json::Value as Json;

use super::{Found, all, edit, read, without_dry_run};
use crate::settings::node::{self, Node};
use crate::settings::{Problem, Problems, Severity};

/// Old keys that are moved. Each means reading the file once more; a site has seven of them.
const MOST: usize = 2_000;

/// A file in today's layout.
#[derive(Debug, Clone)]
pub struct Migrated {
    pub text: String,
    /// What became of each old key, with its place in the file as it was.
    pub notes: Vec<Problem>,
}

/// Writes each old key at today's place by editing its lines. All others stay as they are, and the new
/// text means what the old one did: that is compared at the end.
///
/// # Errors
/// When the file can't be read, and for what can't be done by editing lines.
pub fn migrate(text: &str, file: &Path) -> Result<Migrated, Problems> {
    let mut meant = parse(text, file)?;
    let mut notes = read(&mut meant, file);
    let unsaid = without_dry_run(&meant).into_iter().map(|node| no_dry_run(node, file));
    notes.extend(unsaid.collect::<Vec<_>>());
    notes.sort_by_key(|note| (note.line, note.column));
    let releases: Vec<String> =
        without_dry_run(&meant).iter().map(|release| release.path.clone()).collect();

    if notes.len() > MOST {
        let what = format!("it has {} keys of older Butlers", notes.len());
        return Err(by_hand(&meant, file, what));
    }
    // A mark of the byte order is no part of the first line.
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let mut body = body.to_owned();
    for _ in 0..=MOST {
        let tree = parse(&body, file).map_err(|_| changed(&meant, file))?;
        let found = all(&tree);
        let Some(next) = found.first() else { break };
        body = edit::rewrite(&body, next).ok_or_else(|| not_by_lines(next, file))?;
    }
    for path in &releases {
        let tree = parse(&body, file).map_err(|_| changed(&meant, file))?;
        let node = tree.find(path).unwrap_or(&tree);
        body = edit::with_dry_run(&body, node)
            .ok_or_else(|| by_hand(node, file, "dryRun: true can't be put here".to_owned()))?;
    }
    let mut expected = meant.to_json();
    for path in &releases {
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        if let Some(release) = expected.pointer_mut(&pointer) {
            release["dryRun"] = true.into();
        }
    }
    let mut written = parse(&body, file).map_err(|_| changed(&meant, file))?.to_json();
    prune(&mut expected);
    prune(&mut written);
    if let Some(path) = first_difference(&expected, &written, "") {
        let node = meant.find(&path).unwrap_or(&meant);
        let what = format!("the meaning of {path} would change by editing lines");
        return Err(by_hand(node, file, what));
    }
    for note in notes.iter_mut().filter(|note| note.fix == super::TO_MOVE) {
        note.fix = "moved there".to_owned();
    }
    Ok(Migrated { text: format!("{mark}{body}"), notes })
}

fn parse(text: &str, file: &Path) -> Result<Node, Problems> {
    let (tree, duplicates) = node::parse(text, file).map_err(|problem| Problems(vec![problem]))?;
    if duplicates.is_empty() { Ok(tree) } else { Err(Problems(duplicates)) }
}

/// The setting that two trees differ in first.
fn first_difference(one: &Json, other: &Json, path: &str) -> Option<String> {
    if one == other {
        return None;
    }
    let below = match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.keys().chain(other.keys()).find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let null = &Json::Null;
                first_difference(
                    one.get(key).unwrap_or(null),
                    other.get(key).unwrap_or(null),
                    &path,
                )
            })
        }
        (Json::Array(one), Json::Array(other)) if one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs
                .find_map(|(n, (one, other))| first_difference(one, other, &format!("{path}[{n}]")))
        }
        _ => None,
    };
    Some(below.unwrap_or_else(|| path.to_owned()))
}

/// What is empty is the same as what is not written.
fn prune(json: &mut Json) {
    match json {
        Json::Object(entries) => {
            entries.values_mut().for_each(prune);
            entries.retain(|_, value| !is_nothing(value));
        }
        Json::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Object(entries) => entries.is_empty(),
        Json::Array(items) => items.is_empty(),
        other => other.is_null(),
    }
}

fn no_dry_run(release: &Node, file: &Path) -> Problem {
    Problem {
        severity: Severity::Warning,
        file: file.to_path_buf(),
        line: release.place.line,
        column: release.place.column,
        path: format!("{}.dryRun", release.path),
        what: "not written, as in files of Butler 11.1 and 12.0: a rehearsal".to_owned(),
        fix: "dryRun: true says so; write false when seats are to be released".to_owned(),
    }
}

fn not_by_lines(found: &Found<'_>, file: &Path) -> Problems {
    let (key, node) = found.keys[0];
    let what = format!("this can't be moved to {} by editing lines", found.old.today(&key.text));
    let mut problem = by_hand(node, file, what);
    for problem in &mut problem.0 {
        (problem.line, problem.column) = (key.place.line, key.place.column);
    }
    problem
}

fn changed(root: &Node, file: &Path) -> Problems {
    by_hand(root, file, "its meaning would change by editing lines".to_owned())
}

fn by_hand(node: &Node, file: &Path, what: String) -> Problems {
    Problems(vec![Problem {
        severity: Severity::Error,
        file: file.to_path_buf(),
        line: node.place.line,
        column: node.place.column,
        path: node.path.clone(),
        what,
        fix: "move it by hand, to where bursar check says; nothing was written".to_owned(),
    }])
}
