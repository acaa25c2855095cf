//! Checks the file's tree against the schema: types, unknown keys, choices and ranges, everything
//! at once. Resolves references on the way.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value as Json;

use super::left_out::can_be_left_out;
use super::{older, schema};
use crate::settings::node::{Key, Node, Place, Value};
use crate::settings::{Environment, Problem, Severity, list, reference};

pub(super) struct Shape<'a> {
    pub(super) file: &'a Path,
    pub(super) env: &'a dyn Environment,
    pub(super) problems: Vec<Problem>,
    /// References that lead nowhere, where only a destination or a site is left out for want of it.
    pub(super) missing: Vec<Problem>,
    /// Butler's settings that are filled in and ignored, as full paths in file order.
    pub(super) ignored: Vec<String>,
    /// For how many unknown keys the nearest known one was looked for.
    pub(super) suggested: usize,
}

/// For so many unknown keys the nearest known one is looked for. A file that has more of them is of another
/// program, or made to be slow.
const SUGGESTIONS: usize = 100;

impl<'a> Shape<'a> {
    pub(super) fn new(file: &'a Path, env: &'a dyn Environment) -> Self {
        let (problems, missing, ignored) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, env, problems, missing, ignored, suggested: 0 }
    }

    /// After this the tree has only known keys and right types, so that it can be read into the
    /// raw structs. What was wrong is reported and marked as broken.
    pub(super) fn check(&mut self, root: &mut Node) {
        if let Value::Map(entries) = &mut root.value {
            entries.retain(|(key, _)| !key.text.starts_with("x-"));
        }
        self.node(root, schema::plain());
    }

    fn node(&mut self, node: &mut Node, schema: &'static Json) {
        if node.is_null() {
            return;
        }
        let schema_here = schema::target(schema);
        let secret = schema["writeOnly"] == true;
        if let Value::Text(text) = &node.value
            && text.contains("${")
        {
            self.resolve(node, kind_of(schema_here));
            from_text(node, schema_here);
        }
        if let (Value::Float(x), "integer") = (&node.value, kind_of(schema_here))
            && x.fract() == 0.0
            && x.abs() < 9e15
        {
            node.value = Value::Int(*x as i64);
        }
        if kind_of(schema_here) == "amount"
            && let Some(text) = decimal_text(&node.value)
        {
            node.value = Value::Text(text);
        }
        if let Some(choice) = nearly_a_choice(&node.value, schema_here) {
            node.value = Value::Text(choice);
        }
        match (kind_of(schema_here), &mut node.value) {
            ("object", Value::Map(_)) => self.section(node, schema_here),
            ("array", Value::List(items)) => {
                items.retain(|item| !item.is_null());
                for item in items {
                    self.node(item, &schema_here["items"]);
                }
            }
            ("string", Value::Text(text)) => {
                if let Some(choices) = schema_here["enum"].as_array()
                    && !choices.iter().any(|c| c == text.as_str())
                {
                    let text = text.clone();
                    let (what, fix) = wrong_choice(&node.quoted(&text), choices);
                    self.broken(node, what, fix);
                }
            }
            ("integer", Value::Int(number)) => {
                let number = *number;
                if let Some((what, fix)) = out_of_range(number, schema_here) {
                    self.broken(node, what, fix);
                }
            }
            ("boolean", Value::Bool(_)) | ("amount", Value::Text(_)) => {}
            (kind, _) => {
                let (what, fix) = wrong_type(node, kind, schema_here, secret);
                self.broken(node, what, fix);
            }
        }
    }

    fn section(&mut self, node: &mut Node, schema: &'static Json) {
        let Value::Map(entries) = &mut node.value else { return };
        let Some(properties) = schema["properties"].as_object() else { return };
        let taken = std::mem::take(entries);
        for (key, mut child) in taken {
            match properties.get(&key.text) {
                Some(known) if known[schema::IGNORED] == true => {
                    if !child.is_null() {
                        self.ignored.push(child.path);
                    }
                }
                Some(known) => {
                    self.node(&mut child, known);
                    if let Value::Map(entries) = &mut node.value {
                        entries.push((key, child));
                    }
                }
                None => self.unknown(&key, &child, properties),
            }
        }
    }

    fn unknown(&mut self, key: &Key, child: &Node, known: &serde_json::Map<String, Json>) {
        let fix = if self.suggested < SUGGESTIONS {
            self.suggested += 1;
            suggestion(key, &child.path, known)
                .unwrap_or_else(|| nothing_like_it(&child.path, known))
        } else {
            nothing_like_it(&child.path, known)
        };
        self.report(key.place, &child.path, "this is not a setting".to_owned(), fix);
    }

    fn resolve(&mut self, node: &mut Node, kind: &str) {
        let Value::Text(text) = &node.value else { return };
        node.written = Some(text.as_str().into());
        match reference::resolve(text, self.env) {
            Ok((text, references)) => {
                node.value = Value::Text(text);
                node.references = references;
            }
            Err(problems) => {
                let one_value = kind != "object" && kind != "array";
                for problem in problems {
                    let is_left_out = problem.absent && one_value && can_be_left_out(&node.path);
                    self.report(node.place, &node.path, problem.what, problem.fix);
                    if is_left_out {
                        self.missing.extend(self.problems.pop());
                    }
                }
                node.value = Value::Null;
                node.broken = true;
            }
        }
    }

    fn broken(&mut self, node: &mut Node, what: String, fix: String) {
        if !node.broken {
            self.report(node.place, &node.path, what, fix);
        }
        node.value = Value::Null;
        node.broken = true;
    }

    fn report(&mut self, place: Place, path: &str, what: String, fix: String) {
        self.problems.push(Problem {
            severity: Severity::Error,
            file: self.file.to_path_buf(),
            line: place.line,
            column: place.column,
            path: path.to_owned(),
            what,
            fix,
        });
    }
}

/// What was meant to protect somebody is not to be removed.
fn nothing_like_it(path: &str, known: &serde_json::Map<String, Json>) -> String {
    /// So many keys are named on a line.
    const FEW: usize = 12;
    let keys: Vec<&str> = known
        .iter()
        .filter(|(_, of)| of[schema::IGNORED] != true)
        .map(|(key, _)| key.as_str())
        .collect();
    let of_item = path.rsplit_once('.').is_some_and(|(section, _)| section.ends_with(']'));
    if of_item && keys.len() <= FEW && !path.contains(".neverRelease.") {
        return format!("remove it; the known ones here are {}", list(&keys, "and"));
    }
    let inside = path.split_once(".licenseRelease.").map(|(_, inside)| inside);
    let fix = if inside.is_some_and(|key| key.starts_with("neverRelease.")) {
        "nobody is protected by it; the known ones are in docs/configuration.md"
    } else if inside.is_some_and(|key| !key.contains('.')) {
        "if it protects anybody, write that below neverRelease; the known ones are in docs/configuration.md"
    } else {
        "remove it; the known ones are in docs/configuration.md"
    };
    fix.to_owned()
}

/// What was probably meant by an unknown key.
fn suggestion(key: &Key, path: &str, known: &serde_json::Map<String, Json>) -> Option<String> {
    let wanted = key.text.to_lowercase();
    let nearest = known
        .keys()
        // A short key that begins like the wanted one is not near it: `web` and `webhooks`.
        .filter(|k| k.len() * 2 > wanted.len())
        .map(|k| (strsim::jaro_winkler(&k.to_lowercase(), &wanted), k))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    // `url` and `method` of a webhook are words of `webhookURL` and `httpMethod`.
    let nearest = nearest.or_else(|| {
        let mut ends = known.keys().filter(|key| {
            wanted.len() >= 3 && key.to_lowercase().ends_with(&wanted) && path.contains(']')
        });
        ends.next().filter(|_| ends.next().is_none()).map(|key| (1.0, key))
    });
    if let Some((likeness, today)) = older::today(&key.text)
        && nearest.is_none_or(|(other, _)| other < likeness)
    {
        return Some(format!("Butler had such a key; today it is {today}"));
    }
    let homes = homes(&key.text);
    // Of several sections that know it, the one that this one stands in.
    let around = || {
        let is_around = |home: &&String| {
            path.strip_prefix(home.as_str()).is_some_and(|rest| rest.matches('.').count() == 2)
        };
        homes.iter().filter(is_around).max_by_key(|home| home.len())
    };
    match (nearest, homes) {
        (Some((_, name)), _) => Some(format!("did you mean {name}?")),
        (None, [home]) => Some(format!("it belongs to {home}")),
        (None, _) => around().map(|home| format!("it belongs to {home}")),
    }
}

/// The sections that know a key, where it isn't one that every section has.
fn homes(key: &str) -> &'static [String] {
    type Homes = HashMap<&'static str, Vec<String>>;
    fn search(path: &str, schema: &'static Json, found: &mut Homes) {
        let properties = schema::target(schema)["properties"].as_object();
        for (name, inner) in properties.into_iter().flatten() {
            if inner[schema::IGNORED] == true || name == "sites" {
                continue;
            }
            found.entry(name).or_default().push(path.to_owned());
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            search(&path, inner, found);
        }
    }
    static HOMES: OnceLock<Homes> = OnceLock::new();
    let homes = HOMES.get_or_init(|| {
        let mut found = Homes::new();
        search("", schema::plain(), &mut found);
        found
    });
    homes.get(key).map_or(&[], Vec::as_slice)
}

fn kind_of(schema: &Json) -> &str {
    if schema["x-amount"] == true {
        return "amount";
    }
    // An enum without a type is one of texts.
    schema["type"].as_str().unwrap_or("string")
}

/// A number or flag that came out of a reference.
fn from_text(node: &mut Node, schema: &Json) {
    let Value::Text(text) = &node.value else { return };
    let value = match kind_of(schema) {
        "integer" => text.trim().parse().ok().map(Value::Int),
        "boolean" => text.trim().parse().ok().map(Value::Bool),
        _ => None,
    };
    if let Some(value) = value {
        node.value = value;
    }
}

/// A number as it was written: all its digits, as far as a float is sure of them.
fn decimal_text(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) if number.is_finite() => {
            let text = number.to_string();
            let digits = text.replace(['-', '.'], "");
            (digits.trim_matches('0').len() <= f64::DIGITS as usize).then_some(text)
        }
        _ => None,
    }
}

/// A choice in other case, or a number that is one when quoted: `protocolVersion: 5`.
fn nearly_a_choice(value: &Value, schema: &Json) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Int(number) => number.to_string(),
        _ => return None,
    };
    let choices = schema["enum"].as_array()?.iter().filter_map(Json::as_str);
    choices.into_iter().find(|c| c.eq_ignore_ascii_case(&text)).map(str::to_owned)
}

fn wrong_choice(quoted: &str, choices: &[Json]) -> (String, String) {
    let names: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
    (format!("{quoted} is not one of the choices"), format!("write {}", list(&names, "or")))
}

fn out_of_range(number: i64, schema: &Json) -> Option<(String, String)> {
    let low = schema["minimum"].as_i64();
    let high = schema["maximum"].as_i64();
    if low.is_none_or(|l| number >= l) && high.is_none_or(|h| number <= h) {
        return None;
    }
    let noun = schema["x-noun"].as_str().unwrap_or("a possible value");
    let fix = match (low, high) {
        (Some(low), Some(high)) => format!("write a number from {low} to {high}"),
        (Some(low), None) => format!("write {low} or more"),
        (None, Some(high)) => format!("write {high} or less"),
        (None, None) => String::new(),
    };
    Some((format!("{number} is not {noun}"), fix))
}

fn wrong_type(node: &Node, kind: &str, schema: &Json, secret: bool) -> (String, String) {
    let expected = match kind {
        "object" => "a section",
        "array" => "a list",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "amount" => "an amount",
        _ => "text",
    };
    let found = match &node.value {
        Value::Text(text) if !secret && kind != "object" && kind != "array" => node.quoted(text),
        Value::Int(number) if !secret => number.to_string(),
        Value::Float(number) if !secret => number.to_string(),
        Value::Bool(flag) if !secret => flag.to_string(),
        _ => node.kind().to_owned(),
    };
    let fix = match (kind, &node.value) {
        ("boolean", Value::Text(text)) => match text.to_lowercase().as_str() {
            flag @ ("true" | "false") => format!("write {flag} without quotes"),
            "yes" | "on" => "write true".to_owned(),
            "no" | "off" => "write false".to_owned(),
            _ => "write true or false".to_owned(),
        },
        ("boolean", _) => "write true or false".to_owned(),
        ("integer", Value::Text(text)) if !secret && text.trim().parse::<i64>().is_ok() => {
            format!("write {} without quotes", text.trim())
        }
        ("integer", _) => "write a whole number".to_owned(),
        ("amount", Value::Float(_)) => {
            "it has more digits than a number keeps: put it in quotes".to_owned()
        }
        ("amount", _) => "write digits and a point, such as 1234.50".to_owned(),
        ("string", Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
            match schema["enum"].as_array() {
                Some(choices) => {
                    let names: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
                    format!("write {}, in quotes", list(&names, "or"))
                }
                None => "put it in quotes".to_owned(),
            }
        }
        ("string", _) => "write a text on this line".to_owned(),
        ("array", _) => "start each entry on a line of its own with a dash".to_owned(),
        _ => "write its keys on the lines below, indented".to_owned(),
    };
    (format!("expected {expected}, found {found}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{FixedEnvironment, node};

    #[test]
    fn unknown_keys_by_the_thousands_get_100_suggestions() {
        let mut text = String::from("Butler:\n");
        for n in 0..50_000 {
            text += &format!("  logLevel{n}: 1\n");
        }
        let (file, env) = (Path::new("x.yaml"), FixedEnvironment::default());
        let (mut tree, _) = node::parse(&text, file).unwrap();
        let mut shape = Shape::new(file, &env);
        shape.check(&mut tree);
        assert_eq!(shape.problems.len(), 50_000);
        let meant = shape.problems.iter().filter(|p| p.fix == "did you mean logLevel?");
        assert_eq!((meant.count(), shape.suggested), (SUGGESTIONS, SUGGESTIONS));
    }
}
