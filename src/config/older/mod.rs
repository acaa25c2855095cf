//! Files of older Butlers: which keys stand elsewhere today, and what they mean there.
//!
//! [`read`] puts each value at today's place before anything else looks at the tree, so that whatever is
//! said about it later names that place. [`migrate`](migrate::migrate) does the same to the text of the file.

mod edit;
mod migrate;
mod source;

pub use migrate::{Migrated, migrate};

use std::path::Path;

use crate::settings::node::{Key, Node, Place, Value};
use crate::settings::{Problem, Severity};

/// Keys of one section that mean one thing.
#[derive(Debug)]
struct Old {
    section: &'static [&'static str],
    keys: &'static [&'static str],
    /// The Butlers whose files have them.
    versions: &'static str,
    home: Home,
}

/// Where it stands today, from its section on.
#[derive(Debug)]
enum Home {
    /// A key of the same content.
    Key(&'static [&'static str]),
    /// One entry of a list of names and values.
    Entry { list: &'static [&'static str], fixed: Option<&'static str> },
    /// The entries of a list.
    Items(&'static [&'static str]),
}

const RELEASE: &[&str] = &["qlikSenseLicense", "licenseRelease"];

const OLD: [Old; 7] = [
    Old {
        section: &["influxDb"],
        keys: &["auth"],
        versions: "11.1 to 15.0",
        home: Home::Key(&["v1Config", "auth"]),
    },
    Old {
        section: &["influxDb"],
        keys: &["dbName"],
        versions: "11.1 to 15.0",
        home: Home::Key(&["v1Config", "dbName"]),
    },
    Old {
        section: &["influxDb"],
        keys: &["retentionPolicy"],
        versions: "11.1 to 15.0",
        home: Home::Key(&["v1Config", "retentionPolicy"]),
    },
    Old {
        section: &["influxDb"],
        keys: &["instanceTag"],
        versions: "9.4 to 12.4",
        home: Home::Entry { list: &["tag", "static"], fixed: Some("butler_instance") },
    },
    Old {
        section: &["configQRS"],
        keys: &["headerKey", "headerValue"],
        versions: "up to 12.4",
        home: Home::Entry { list: &["headers", "static"], fixed: None },
    },
    Old {
        section: &["uptimeMonitor", "storeInInfluxdb"],
        keys: &["butlerSEMemoryUsage"],
        versions: "up to 12.4",
        home: Home::Key(&["enable"]),
    },
    Old {
        section: RELEASE,
        keys: &["neverReleaseUsers"],
        versions: "11.1 and 12.0",
        home: Home::Items(&["neverRelease", "user"]),
    },
];

impl Old {
    /// The place of one of its keys, in words.
    fn today(&self, key: &str) -> String {
        let section = self.section.join(".");
        match &self.home {
            Home::Key(path) | Home::Items(path) => format!("{section}.{}", path.join(".")),
            Home::Entry { list, fixed: Some(name) } => {
                format!("the tag {name} in {section}.{}", list.join("."))
            }
            Home::Entry { list, fixed: None } => {
                let part = if key == self.keys[0] { "name" } else { "value" };
                format!("the {part} of an entry of {section}.{}", list.join("."))
            }
        }
    }
}

/// Today's place of the old key that is nearest to a name, with how near it is.
pub(super) fn today(name: &str) -> Option<(f64, String)> {
    let wanted = name.to_lowercase();
    let all = OLD.iter().flat_map(|old| old.keys.iter().map(move |key| (old, *key)));
    // `auth` and the like are keys of other sections, too.
    let nearest = all
        .filter(|(_, key)| key.len() > 6)
        .map(|(old, key)| (strsim::jaro_winkler(&key.to_lowercase(), &wanted), old, key))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let (likeness, old, key) = nearest;
    (likeness > 0.9).then(|| (likeness, old.today(key)))
}

/// What becomes of an old key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Moved,
    /// Today's place is taken.
    Unused,
    /// It says nothing.
    Empty,
}

impl Fate {
    fn of(old: &Old, section: &Node) -> Self {
        let values: Vec<&Node> = old.keys.iter().filter_map(|key| child(section, key)).collect();
        if values.iter().all(|value| is_empty(value)) {
            return Self::Empty;
        }
        let taken = match &old.home {
            Home::Key(path) => find(section, path).is_some_and(|node| !node.is_null()),
            Home::Items(_) => false,
            Home::Entry { list, fixed } => {
                let entries = find(section, list).map(Node::items).unwrap_or_default();
                let names = entries.iter().filter_map(|entry| text(child(entry, "name")?));
                match (fixed, child(section, old.keys[0]).and_then(text)) {
                    (Some(fixed), _) => names.into_iter().any(|name| name.trim() == *fixed),
                    (None, Some(name)) => {
                        names.into_iter().any(|n| n.trim().eq_ignore_ascii_case(name.trim()))
                    }
                    (None, None) => !entries.is_empty(),
                }
            }
        };
        if taken { Self::Unused } else { Self::Moved }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => items.iter().all(Node::is_null),
        _ => false,
    }
}

/// Puts what older files say at today's place, with a note for each of their keys.
pub(super) fn read(root: &mut Node, file: &Path) -> Vec<Problem> {
    let mut notes = Vec::new();
    each_scope(root, &mut |scope| {
        for old in &OLD {
            if let Some(section) = find_mut(scope, old.section) {
                notes.extend(move_home(old, section, file));
            }
        }
    });
    notes
}

/// The common sections, and those of each site.
fn each_scope(root: &mut Node, look: &mut impl FnMut(&mut Node)) {
    let Some(butler) = find_mut(root, &["Butler"]) else { return };
    look(butler);
    let Some(Node { value: Value::List(sites), .. }) = find_mut(butler, &["sites"]) else { return };
    sites.iter_mut().for_each(look);
}

fn move_home(old: &Old, section: &mut Node, file: &Path) -> Vec<Problem> {
    let fate = Fate::of(old, section);
    let taken: Vec<(Key, Node)> = old.keys.iter().filter_map(|key| take(section, key)).collect();
    let notes = taken.iter().map(|(key, node)| note(old, fate, key, node, file)).collect();
    let Some(place) = taken.first().map(|(key, _)| key.place) else { return notes };
    if fate != Fate::Moved {
        return notes;
    }
    match &old.home {
        Home::Key(path) => {
            let [above @ .., name] = path else { return notes };
            let Some(home) = ensure(section, above, place) else { return notes };
            for (key, node) in taken {
                put(home, Key { text: (*name).to_owned(), place: key.place }, node);
            }
        }
        Home::Entry { list, fixed } => {
            let Some(home) = ensure_list(section, list, place) else { return notes };
            let mut entry = Node::map(place);
            if let Some(name) = fixed {
                let name = Node { value: Value::Text((*name).to_owned()), ..Node::map(place) };
                put(&mut entry, Key { text: "name".to_owned(), place }, name);
            }
            for (key, node) in taken {
                let is_name = fixed.is_none() && key.text == old.keys[0];
                let text = if is_name { "name" } else { "value" }.to_owned();
                put(&mut entry, Key { text, place: key.place }, node);
            }
            prepend(home, vec![entry]);
        }
        Home::Items(list) => {
            let Some(home) = ensure_list(section, list, place) else { return notes };
            let items = taken.into_iter().flat_map(|(_, node)| match node.value {
                Value::List(items) => items,
                // Its kind is wrong, which is said of the list's entry.
                _ => vec![node],
            });
            let items = items.collect();
            prepend(home, items);
        }
    }
    notes
}

/// What to do about a key that is read at another place.
const TO_MOVE: &str = "write it there, or let bursar config migrate do it";

fn note(old: &Old, fate: Fate, key: &Key, node: &Node, file: &Path) -> Problem {
    let (today, versions) = (old.today(&key.text), old.versions);
    let (what, fix) = match fate {
        Fate::Moved => (format!("a key of Butler {versions}, read as {today}"), TO_MOVE),
        Fate::Unused => {
            let there = match &old.home {
                Home::Entry { list, .. } => {
                    format!("{}.{} has one of that name", old.section.join("."), list.join("."))
                }
                Home::Key(_) | Home::Items(_) => format!("{today} is written, too"),
            };
            (format!("a key of Butler {versions}, not used: {there}"), "remove it")
        }
        Fate::Empty => (format!("a key of Butler {versions} without a value"), "remove it"),
    };
    Problem {
        severity: Severity::Warning,
        file: file.to_path_buf(),
        line: key.place.line,
        column: key.place.column,
        path: node.path.clone(),
        what,
        fix: fix.to_owned(),
    }
}

/// An old key of a tree as it was parsed.
struct Found<'a> {
    old: &'static Old,
    section: &'a Node,
    keys: Vec<(&'a Key, &'a Node)>,
    fate: Fate,
}

fn all(root: &Node) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for scope in scopes(root) {
        for old in &OLD {
            let Some(section) = find(scope, old.section) else { continue };
            let keys: Vec<_> = old.keys.iter().filter_map(|key| entry(section, key)).collect();
            if !keys.is_empty() {
                found.push(Found { old, section, keys, fate: Fate::of(old, section) });
            }
        }
    }
    found
}

fn scopes(root: &Node) -> Vec<&Node> {
    let Some(butler) = child(root, "Butler") else { return Vec::new() };
    let sites = child(butler, "sites").map(Node::items).unwrap_or_default();
    std::iter::once(butler).chain(sites).collect()
}

/// Releases that are switched on without a word on `dryRun`, and don't inherit one.
fn without_dry_run(root: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    for scope in scopes(root) {
        let Some(release) = find(scope, RELEASE) else { continue };
        let says = |key| child(release, key).is_some_and(|node| !node.is_null());
        if says("dryRun") {
            if scope.path == "Butler" {
                // Every site inherits it.
                return Vec::new();
            }
        } else if says("enable") {
            found.push(release);
            if scope.path == "Butler" {
                break;
            }
        }
    }
    found
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<(&'a Key, &'a Node)> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(k, _)| k.text == key).map(|(key, node)| (key, node))
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    entry(node, key).map(|(_, node)| node)
}

fn find<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, key| child(node, key))
}

fn find_mut<'a>(node: &'a mut Node, path: &[&str]) -> Option<&'a mut Node> {
    path.iter().try_fold(node, |node, key| {
        let Value::Map(entries) = &mut node.value else { return None };
        entries.iter_mut().find(|(k, _)| k.text == *key).map(|(_, node)| node)
    })
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn take(section: &mut Node, key: &str) -> Option<(Key, Node)> {
    let Value::Map(entries) = &mut section.value else { return None };
    let at = entries.iter().position(|(k, _)| k.text == key)?;
    Some(entries.remove(at))
}

/// The section of that path, made where nothing is written. `None` when something else is.
fn ensure<'a>(node: &'a mut Node, path: &[&str], place: Place) -> Option<&'a mut Node> {
    let mut node = node;
    for key in path {
        if find_mut(node, &[key]).is_none() {
            put(node, Key { text: (*key).to_owned(), place }, Node::map(place));
        }
        node = find_mut(node, &[key])?;
        if node.is_null() {
            node.value = Value::Map(Vec::new());
        }
        let Value::Map(_) = node.value else { return None };
    }
    Some(node)
}

fn ensure_list<'a>(node: &'a mut Node, path: &[&str], place: Place) -> Option<&'a mut Node> {
    let [above @ .., name] = path else { return None };
    let node = ensure(node, above, place)?;
    if find_mut(node, &[name]).is_none() {
        put(node, Key { text: (*name).to_owned(), place }, Node::map(place));
        find_mut(node, &[name])?.value = Value::Null;
    }
    let node = find_mut(node, &[name])?;
    if node.is_null() {
        node.value = Value::List(Vec::new());
    }
    matches!(node.value, Value::List(_)).then_some(node)
}

fn put(section: &mut Node, key: Key, mut node: Node) {
    let path = format!("{}.{}", section.path, key.text);
    let Value::Map(entries) = &mut section.value else { return };
    entries.retain(|(k, _)| k.text != key.text);
    rename(&mut node, path);
    entries.push((key, node));
}

fn prepend(list: &mut Node, mut items: Vec<Node>) {
    let Value::List(known) = &mut list.value else { return };
    items.append(known);
    for (i, item) in items.iter_mut().enumerate() {
        rename(item, format!("{}[{i}]", list.path));
    }
    *known = items;
}

fn rename(node: &mut Node, path: String) {
    match &mut node.value {
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(key, n)| rename(n, format!("{path}.{}", key.text)));
        }
        Value::List(items) => {
            items.iter_mut().enumerate().for_each(|(i, n)| rename(n, format!("{path}[{i}]")));
        }
        _ => {}
    }
    node.path = path;
}

impl Node {
    /// A section that is written nowhere.
    fn map(place: Place) -> Self {
        let (value, path) = (Value::Map(Vec::new()), String::new());
        Self { value, place, path, references: Vec::new(), written: None, broken: false }
    }
}
