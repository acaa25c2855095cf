//! Every setting in effect, and where it comes from.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;

use super::describe::scalar;
use super::load::Loaded;
use super::schema;
use super::validate::inherit;
use crate::plain::{padded, width};
use crate::settings::Problem;
use crate::settings::node::{Node, Value};

/// Sections that a site inherits: shown at each site instead of once, when there are sites.
const INHERITED: [&str; 5] = ["configQRS", "cert", "qlikSenseLicense", "qlikSenseVersion", "alert"];

/// Lists every setting with its value and its source; secrets are masked.
pub fn explain(loaded: &Loaded) -> String {
    let mut lines = Lines { loaded, rows: Vec::new() };
    let butler = &schema::plain()["properties"]["Butler"];
    lines.section("Butler", butler, loaded.tree.find("Butler"));
    lines.write()
}

struct Lines<'a> {
    loaded: &'a Loaded,
    /// Setting, value, source.
    rows: Vec<(String, String, String)>,
}

impl Lines<'_> {
    fn section(&mut self, path: &str, schema: &'static Json, node: Option<&Node>) {
        let Some(properties) = schema::target(schema)["properties"].as_object() else { return };
        for (key, schema) in properties {
            let inherited = INHERITED.contains(&key.as_str()) && path == "Butler";
            if schema[schema::IGNORED] == true || (inherited && self.loaded.settings.named_sites) {
                continue;
            }
            let child = node.and_then(|n| child(n, key));
            let path = format!("{path}.{key}");
            if path == "Butler.sites" {
                self.sites(schema, child);
            } else {
                self.setting(&path, schema, child);
            }
        }
    }

    fn setting(&mut self, path: &str, schema: &'static Json, node: Option<&Node>) {
        let target = schema::target(schema);
        if let Some(missing) = self.missing(path, node) {
            let file = self.loaded.settings.file.display();
            let source = format!("{file}:{}, {}", missing.line, missing.what);
            self.rows.push((path.to_owned(), "(unknown)".to_owned(), source));
            return;
        }
        if target["properties"].is_object() {
            self.section(path, schema, node);
            return;
        }
        let items = node.map(Node::items).unwrap_or_default();
        if target["type"] == "array" && !items.is_empty() {
            for (i, item) in items.iter().enumerate() {
                self.setting(&format!("{path}[{i}]"), &schema["items"], Some(item));
            }
            return;
        }
        let from_file = |n: &Node| n.references.iter().any(|r| !r.starts_with("${env:"));
        let secret = schema["writeOnly"] == true
            || target["writeOnly"] == true
            || node.is_some_and(from_file)
            || is_other_header(path, node);
        let default = schema.get("default").or_else(|| target.get("default"));
        let mut value = node.map(Node::to_json).or_else(|| default.cloned()).unwrap_or(Json::Null);
        let mut source = node.map_or_else(|| "default".to_owned(), |n| self.source(path, n));
        if path == "Butler.storage.path" && value == "" {
            let store = &self.loaded.settings.storage.path;
            value = store.display().to_string().into();
            if store.parent().is_some_and(|folder| folder != Path::new("")) {
                "environment, the service's state directory".clone_into(&mut source);
            }
        }
        let shown = match value {
            Json::Null => "(not set)".to_owned(),
            Json::String(text) if text.is_empty() => "\"\"".to_owned(),
            _ if secret => "***".to_owned(),
            value => scalar(&value),
        };
        self.rows.push((path.to_owned(), shown, source));
    }

    /// Why the value isn't known. One that isn't has no node.
    fn missing(&self, path: &str, node: Option<&Node>) -> Option<&Problem> {
        if node.is_some() {
            return None;
        }
        let common = path.strip_prefix("Butler.sites[").and_then(|rest| rest.split_once("]."));
        let common = common.map(|(_, key)| format!("Butler.{key}"));
        let mut missing = self.loaded.missing.iter();
        missing.find(|missing| missing.path == path || Some(&missing.path) == common.as_ref())
    }

    fn sites(&mut self, schema: &'static Json, list: Option<&Node>) {
        let properties = schema::target(&schema["items"])["properties"].as_object();
        for site in list.map(Node::items).unwrap_or_default() {
            for (key, schema) in properties.into_iter().flatten() {
                let own = child(site, key);
                let path = format!("{}.{key}", site.path);
                if INHERITED.contains(&key.as_str()) {
                    let common = self.loaded.tree.find(&format!("Butler.{key}"));
                    let merged = inherit(common, own);
                    self.section(&path, schema, merged.as_ref());
                } else {
                    self.setting(&path, schema, own);
                }
            }
        }
    }

    fn source(&self, path: &str, node: &Node) -> String {
        let file = self.loaded.settings.file.display();
        let mut source = format!("{file}:{}", node.place.line);
        if path.starts_with("Butler.sites[")
            && INHERITED.iter().any(|k| path.contains(&format!("].{k}.")))
        {
            let kind =
                if node.path.starts_with("Butler.sites[") { "site override" } else { "common" };
            let _ = write!(source, ", {kind}");
        }
        if !node.references.is_empty() {
            let _ = write!(source, ", from {}", node.references.join(" and "));
        }
        source
    }

    fn write(&self) -> String {
        let widest = |column: fn(&(String, String, String)) -> usize, limit: usize| {
            self.rows.iter().map(column).filter(|w| *w <= limit).max().unwrap_or(0)
        };
        let first = widest(|r| width(&r.0), 90);
        let second = widest(|r| width(&r.1), 44);
        let mut out = String::new();
        for (path, value, source) in &self.rows {
            let (path, value) = (padded(path, first), padded(value, second));
            let _ = writeln!(out, "{path}  {value}  {source}");
        }
        for name in &self.loaded.settings.unimplemented {
            let path = padded(&format!("Butler.{name}"), first);
            let (what, source) = ("(ignored)", "a setting of Butler's");
            let _ = writeln!(out, "{path}  {what:<second$}  {source}");
        }
        out
    }
}

/// The value of a key: merged trees hold values from several places, so paths don't lead there.
fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(k, _)| k.text == key).map(|(_, n)| n).filter(|n| !n.is_null())
}
/// A fixed header that isn't the acting user may be a credential.
fn is_other_header(path: &str, node: Option<&Node>) -> bool {
    path.contains(".headers.static[")
        && path.ends_with("].value")
        && node.is_some_and(|node| {
            !matches!(node.to_json(), Json::String(text)
                if text.trim_start().to_ascii_lowercase().starts_with("userdirectory="))
        })
}
