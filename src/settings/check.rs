//! What sections check alike: where a setting stands, and texts, hosts, paths and schedules that can
//! be used. Every finding is reported with its place.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;

use super::environment::Environment;
use super::node::{Node, Place, Value};
use super::problem::{Problem, Severity};
use crate::schedule::Schedule;

/// A setting's place: the node if it was written, else where it would stand.
#[derive(Clone)]
pub(crate) struct At<'a> {
    pub(crate) node: Option<&'a Node>,
    pub(crate) place: Place,
    pub(crate) path: String,
    /// Something was wrong with the value already, so there is nothing more to say about it.
    pub(crate) broken: bool,
    /// The text with its references, where it has some.
    pub(crate) written: Option<&'a str>,
}

/// What is said of a setting that has to be there.
pub(crate) const MISSING: &str = "this is missing";

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self {
            node: Some(node),
            place: node.place,
            path: node.path.clone(),
            broken: node.broken,
            written: node.written.as_deref(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Self {
        let entry = match self.node.map(|n| &n.value) {
            Some(Value::Map(entries)) => entries.iter().find(|(k, _)| k.text == key),
            _ => None,
        };
        match entry {
            Some((_, node)) => Self {
                node: Some(node).filter(|n| !n.is_null()),
                place: node.place,
                path: node.path.clone(),
                broken: self.broken || node.broken,
                written: node.written.as_deref(),
            },
            None => Self {
                node: None,
                place: self.place,
                path: if self.path.is_empty() {
                    key.to_owned()
                } else {
                    format!("{}.{key}", self.path)
                },
                broken: self.broken,
                written: None,
            },
        }
    }

    pub(crate) fn at(&self, path: &str) -> Self {
        path.split('.').fold(self.clone(), |at, key| at.get(key))
    }

    /// The entries of a list, which are those of the raw list one by one.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.node.map(Node::items).unwrap_or_default();
        items.iter().filter(|n| !n.is_null()).map(Self::root)
    }

    /// Whether something in it was wrong already: what it comes to can't be told then.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.broken || self.node.is_some_and(Node::has_broken)
    }

    /// The text with its references as written; empty where it has none.
    pub(crate) fn written(&self) -> String {
        self.written.unwrap_or_default().to_owned()
    }

    /// A text for a message. One with an `@` may hold a password.
    pub(crate) fn quoted(&self, text: &str) -> String {
        match self.node {
            _ if text.contains('@') => "this".to_owned(),
            Some(node) => node.quoted(text),
            None => format!("\"{text}\""),
        }
    }

    /// The section as a raw struct. The tree has been checked against the schema of the structs.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> T {
        self.node.and_then(|n| serde_json::from_value(n.to_json()).ok()).unwrap_or_default()
    }
}

/// Collects the findings of all sections.
pub(crate) struct Check<'a> {
    pub(crate) file: &'a Path,
    pub(crate) env: &'a dyn Environment,
    pub(crate) zone: Tz,
    pub(crate) problems: RefCell<Vec<Problem>>,
    /// What isn't there, and of which destination or site: that is left out, and the rest goes on.
    pub(crate) missing: RefCell<Vec<Problem>>,
    /// Whether any monitor of any site is on.
    pub(crate) watching: Cell<bool>,
}

impl Check<'_> {
    pub(crate) fn report(&self, severity: Severity, at: &At<'_>, what: String, fix: String) {
        // What is wrong with a section may follow from what is wrong in it.
        if at.is_uncertain() {
            return;
        }
        // However a section says it: what a reference leads to may be a secret.
        let hidden = |text: String| match at.node {
            Some(node) if !node.references.is_empty() => node.hide(&text),
            _ => text,
        };
        let (what, fix) = (hidden(what), hidden(fix));
        let problem = Problem {
            severity,
            file: self.file.to_path_buf(),
            line: at.place.line,
            column: at.place.column,
            path: at.path.clone(),
            what,
            fix,
        };
        let mut problems = self.problems.borrow_mut();
        // Several sites share the common sections, and what is wrong with them.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(crate) fn error(&self, at: &At<'_>, what: impl Into<String>, fix: impl Into<String>) {
        self.report(Severity::Error, at, what.into(), fix.into());
    }

    pub(crate) fn warn(&self, at: &At<'_>, what: impl Into<String>, fix: impl Into<String>) {
        self.report(Severity::Warning, at, what.into(), fix.into());
    }

    /// Something of a destination isn't there: no reason for the rest not to start.
    pub(crate) fn is_missing(&self, at: &At<'_>, what: String, fix: &str) {
        if at.is_uncertain() {
            return;
        }
        let (place, path, fix) = (at.place, at.path.clone(), fix.to_owned());
        let (severity, file) = (Severity::Error, self.file.to_path_buf());
        let (line, column) = (place.line, place.column);
        let problem = Problem { severity, file, line, column, path, what, fix };
        self.missing.borrow_mut().push(problem);
    }

    /// What of a section isn't there, in a sentence.
    pub(crate) fn missing_in(&self, at: &At<'_>) -> Option<String> {
        let missing = self.missing.borrow();
        if missing.is_empty() {
            return None;
        }
        let mut by_path: HashMap<&str, Vec<&Problem>> = HashMap::new();
        for problem in missing.iter() {
            by_path.entry(&problem.path).or_default().push(problem);
        }
        let mut found: Vec<String> = Vec::new();
        at.node?.each(&mut |node| {
            let here = by_path.get(node.path.as_str()).into_iter().flatten();
            found.extend(here.map(|problem| format!("{}: {}", problem.path, problem.what)));
        });
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// The same of a single setting, which has no value then.
    pub(crate) fn missing_here(&self, at: &At<'_>) -> Option<String> {
        let missing = self.missing.borrow();
        let here = missing.iter().find(|problem| problem.path == at.path)?;
        Some(format!("{}: {}", here.path, here.what))
    }

    /// A text that must be there.
    pub(crate) fn required(&self, at: &At<'_>, text: &str, fix: &str) -> String {
        if text.trim().is_empty() {
            self.error(at, MISSING, fix);
        }
        text.trim().to_owned()
    }

    /// A host as people write it, without scheme, path or port.
    pub(crate) fn host(&self, at: &At<'_>, text: &str, port_key: &str) -> String {
        let host = text.trim();
        let v6 = host.trim_start_matches('[').trim_end_matches(']');
        if v6.parse::<std::net::Ipv6Addr>().is_ok() {
            return v6.to_owned();
        }
        let fix = if host.is_empty() {
            self.error(at, MISSING, "write the server's name or IP address");
            return String::new();
        } else if host.contains('/') {
            "write the name or IP address alone, without scheme and path".to_owned()
        } else if host.contains(':') {
            format!("write the port in {port_key}")
        } else if host.contains([
            '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}',
        ]) {
            "its quotes are a word processor's: write it without them".to_owned()
        } else if url::Host::parse(host).is_err() {
            "write the server's name or IP address".to_owned()
        } else {
            return host.to_owned();
        };
        self.error(at, format!("{} is not a name or address", at.quoted(host)), fix);
        String::new()
    }

    /// The name expected in a server's certificate, when it is written.
    pub(crate) fn server_name(&self, at: &At<'_>, text: &str) -> Option<String> {
        let name = text.trim();
        if name.is_empty() {
            return None;
        }
        if ServerName::try_from(name).is_err() {
            let what = format!("{} can't be the name in a certificate", at.quoted(name));
            self.error(at, what, "write the DNS name or IP address as the certificate has it");
        }
        Some(name.to_owned())
    }

    pub(crate) fn port(&self, number: i64) -> u16 {
        // The schema has checked the range.
        u16::try_from(number).unwrap_or_default()
    }

    pub(crate) fn seconds(&self, number: i64) -> Duration {
        Duration::from_secs(number.unsigned_abs())
    }

    /// A file, from the working directory if it is there, else from the configuration's folder.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        let path = PathBuf::from(text.trim());
        if path.is_absolute() || self.env.exists(&path) {
            return path;
        }
        let beside = self.file.parent().map(|folder| folder.join(&path));
        beside.filter(|p| self.env.exists(p)).unwrap_or(path)
    }

    pub(crate) fn optional_path(&self, text: &str) -> Option<PathBuf> {
        (!text.trim().is_empty()).then(|| self.path(text))
    }

    pub(crate) fn required_path(&self, at: &At<'_>, text: &str, fix: &str) -> PathBuf {
        self.required(at, text, fix);
        self.path(text)
    }
}

/// A monitor that is off may keep a schedule that doesn't work: its section is a warning then.
pub(crate) fn schedule(
    check: &Check<'_>,
    at: &At<'_>,
    text: &str,
    enabled: bool,
) -> Option<Schedule> {
    let schedule =
        Schedule::parse(text).and_then(|s| s.fires_after(check.env.now(), check.zone).map(|()| s));
    match schedule {
        Ok(schedule) => {
            if let (true, Some(remark)) = (enabled, schedule.remark()) {
                check.warn(at, remark, "");
            }
            Some(schedule)
        }
        Err(error) => {
            let severity = if enabled { Severity::Error } else { Severity::Warning };
            check.report(severity, at, error.what(), error.fix().to_owned());
            None
        }
    }
}

/// Whether it can be the name of an HTTP header.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// `a, b and c`.
pub(crate) fn list(items: &[impl AsRef<str>], word: &str) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} {word} {last}", all.join(", ")),
    }
}
