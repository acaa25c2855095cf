//! The shapes of the JSON of commands: `docs/commands.schema.json`.
//!
//! The schema grows with what commands say: `UPDATE_GENERATED=1` adds what is new to it, and nothing is taken
//! away but by hand. A key that is told under other circumstances only is added by hand, too. What is promised is what
//! one look can tell: the keys of an answer and of its sites, the types of values, which of them are times or days, and
//! the words of closed lists, which come from the program and not from what it happened to say.

use std::path::{Path, PathBuf};

use bursar::event::{Monitor, Rule};
use bursar::license::SeatType;
use bursar::policy::Guard;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Objects whose keys are names of things and no part of the shape.
const BY_NAME: &[&str] =
    &["facts", "rateLimits", "keptByReason", "byReason", "types", "properties"];

/// Closed lists of words: the key, the commands at which it has them (all, where none is named), and the words.
fn lists() -> Vec<(&'static str, &'static [&'static str], Vec<String>)> {
    fn words<T: Serialize>(all: impl IntoIterator<Item = T>) -> Vec<String> {
        let word = |one: T| serde_json::to_value(one).unwrap().as_str().unwrap().to_owned();
        all.into_iter().map(word).collect()
    }
    let typed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let alerts = &["alert list", "alert history", "alert rules", "status"][..];
    let monitors = [
        Monitor::ServerLicense,
        Monitor::AccessLicense,
        Monitor::Release,
        Monitor::Seats,
        Monitor::App,
        Monitor::Version,
        Monitor::Alert,
    ];
    let rules = bursar::alert::catalogue::ALL.iter().map(|entry| entry.rule);
    vec![
        ("seatType", &[], words(SeatType::ALL)),
        ("severity", &[], typed(&["info", "warning", "critical"])),
        ("rule", alerts, words::<Rule>(rules)),
        ("phase", &[], typed(&["pending", "firing"])),
        ("what", &["alert history"], words(bursar::alert::state::Occurrence::ALL)),
        ("monitor", &["status"], words(monitors)),
        ("guard", &[], words(Guard::ALL)),
        ("mode", &["release history", "status"], typed(&["real", "rehearsal", "undo"])),
        ("outcome", &["release plan"], typed(&["release", "announce", "keep"])),
    ]
}

pub struct Shapes {
    schema: Map<String, Value>,
    updates: bool,
    wrong: Vec<String>,
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.schema.json")
}

impl Shapes {
    pub fn read() -> Self {
        let updates = std::env::var_os("UPDATE_GENERATED").is_some();
        let text = std::fs::read_to_string(file());
        let schema = match text {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(_) if updates => Map::new(),
            Err(error) => panic!("docs/commands.schema.json: {error}"),
        };
        Self { schema, updates, wrong: Vec::new() }
    }

    /// What a command said has to have the shape of the schema.
    pub fn look(&mut self, command: &str, said: &Value) {
        if self.updates {
            let shapes = self.schema.entry("$defs").or_insert_with(|| json!({}));
            let known = shapes.as_object_mut().unwrap().entry(command).or_insert(Value::Null);
            *known = merged(known.take(), shape("", said));
            return;
        }
        let Some(shape) = self.schema["$defs"].get(command) else {
            self.wrong.push(format!("{command} is not in docs/commands.schema.json"));
            return;
        };
        let validator = jsonschema::validator_for(&closed(shape, 0)).unwrap();
        for error in validator.iter_errors(said).take(5) {
            self.wrong.push(format!("{command} at {}: {error}", error.instance_path()));
        }
    }

    pub fn finish(self) {
        if self.updates {
            // A line for each command.
            let defs = self.schema["$defs"].as_object().unwrap();
            let promised = |(name, shape): (&String, &Value)| {
                format!("{}:{}", json!(name), promised(name, "", shape, 0))
            };
            let mut lines: Vec<_> = defs.iter().map(promised).collect();
            lines.sort();
            let text = format!(
                "{{\n\"$schema\":{},\n\"title\":{},\n\"$defs\":{{\n{}\n}}}}\n",
                json!("https://json-schema.org/draft/2020-12/schema"),
                json!("What bursar's commands print with --json, by command"),
                lines.join(",\n")
            );
            std::fs::write(file(), text).unwrap();
        }
        assert!(
            self.wrong.is_empty(),
            "the JSON of commands changed; run with UPDATE_GENERATED=1 and tell it in CHANGELOG.md: {:#?}",
            self.wrong
        );
    }
}

/// The shape of a value. `name`: of the key that holds it.
fn shape(name: &str, value: &Value) -> Value {
    match value {
        Value::Null => json!({ "type": ["null"] }),
        Value::Bool(_) => json!({ "type": ["boolean"] }),
        Value::Number(_) => json!({ "type": ["number"] }),
        Value::String(text) if chrono::DateTime::parse_from_rfc3339(text).is_ok() => {
            json!({ "type": ["string"], "format": "date-time" })
        }
        Value::String(_) => json!({ "type": ["string"] }),
        Value::Array(all) => {
            let items = all.iter().map(|one| shape("", one)).fold(Value::Null, merged);
            if items.is_null() {
                return json!({ "type": ["array"] });
            }
            json!({ "type": ["array"], "items": items })
        }
        Value::Object(all) if BY_NAME.contains(&name) => {
            let of_each = all.values().map(|one| shape("", one)).fold(Value::Null, merged);
            let of_each = if of_each.is_null() { json!(true) } else { of_each };
            json!({ "type": ["object"], "additionalProperties": of_each })
        }
        Value::Object(all) => {
            let known = all.iter().map(|(key, one)| (key.clone(), shape(key, one)));
            let required: Vec<_> = all.keys().cloned().collect();
            json!({
                "type": ["object"],
                "properties": Value::Object(known.collect()),
                "required": required,
                "additionalProperties": false,
            })
        }
    }
}

/// The shape as it holds whenever a command is asked: deeper than the sites and their keys, what is told depends on
/// what happened, and what was known then may not be known now. `key`: of what holds it.
fn promised(command: &str, key: &str, shape: &Value, depth: usize) -> Value {
    let Value::Object(shape) = shape else { return shape.clone() };
    let mut shape = shape.clone();
    let Some(Value::Array(types)) = shape.get_mut("type") else { return Value::Object(shape) };
    if types.as_slice() == [Value::from("null")] {
        return json!({});
    }
    let is_always = depth == 0 && ["", "sites", "time", "timeZone"].contains(&key);
    if is_always {
        types.retain(|of| of != "null");
    } else if !types.contains(&"null".into()) {
        types.push("null".into());
        types.sort_by_key(ToString::to_string);
    }
    shape.shift_remove("enum");
    for (name, commands, words) in lists() {
        let is_list = name == key && (commands.is_empty() || commands.contains(&command));
        if is_list && shape["type"].as_array().unwrap().contains(&"string".into()) {
            let mut words: Vec<_> = words.into_iter().map(Value::from).collect();
            words.push(Value::Null);
            shape.insert("enum".into(), words.into());
        }
    }
    if depth > 1 {
        shape.shift_remove("required");
    }
    // Keys are added: whoever reads has to pass over those that are not known.
    if shape.get("additionalProperties") == Some(&false.into()) {
        shape.shift_remove("additionalProperties");
    }
    if let Some(Value::Object(properties)) = shape.get_mut("properties") {
        for (name, one) in properties {
            let deeper = match depth {
                0 if name == "sites" => 1,
                0 if ["time", "timeZone"].contains(&name.as_str()) => 0,
                _ => 2,
            };
            *one = match deeper {
                // The list itself is always there.
                1 => promised_sites(command, one),
                deeper => promised(command, name, one, deeper),
            };
        }
    }
    if let Some(items) = shape.get_mut("items") {
        let key = if depth == 0 { "" } else { key };
        *items = promised(command, key, items, depth);
    }
    Value::Object(shape)
}

/// The list of sites, each with the keys that all have.
fn promised_sites(command: &str, list: &Value) -> Value {
    let mut list = list.clone();
    if let Some(items) = list.get_mut("items") {
        let mut one = promised(command, "", items, 1);
        one["type"] = json!(["object"]);
        *items = one;
    }
    list["type"] = json!(["array"]);
    list
}

/// The shape with no other keys than those that it has, as far as all of them are known: a new one has to be told.
fn closed(shape: &Value, depth: usize) -> Value {
    let Value::Object(shape) = shape else { return shape.clone() };
    let mut shape = shape.clone();
    if let Some(Value::Object(properties)) = shape.get_mut("properties") {
        for (name, one) in properties.iter_mut() {
            if depth == 0 && name == "sites" {
                *one = closed(one, 1);
            }
        }
        if depth < 2 {
            shape.insert("additionalProperties".into(), false.into());
        }
    }
    if let Some(items) = shape.get_mut("items") {
        *items = closed(items, depth);
    }
    Value::Object(shape)
}

/// A shape that both have.
fn merged(one: Value, other: Value) -> Value {
    let (mut one, mut other) = match (one, other) {
        (Value::Object(one), Value::Object(other)) => (one, other),
        (Value::Null, shape) | (shape, _) => return shape,
    };
    // What is nowhere said may be anything.
    if !one.contains_key("type") {
        return Value::Object(other);
    }
    if !other.contains_key("type") {
        return Value::Object(one);
    }
    let types = |of: &Map<String, Value>| of["type"].as_array().unwrap().clone();
    let mut all = types(&one);
    all.extend(types(&other).into_iter().filter(|of| !types(&one).contains(of)));
    all.sort_by_key(ToString::to_string);
    // What is a time here and a text there is a text.
    let is_text = |of: &Map<String, Value>| types(of).contains(&"string".into());
    if is_text(&one) && is_text(&other) && one.get("format") != other.get("format") {
        one.shift_remove("format");
        other.shift_remove("format");
    }
    match (one.shift_remove("required"), other.shift_remove("required")) {
        (Some(Value::Array(mut both)), Some(Value::Array(theirs))) => {
            both.retain(|key| theirs.contains(key));
            one.insert("required".into(), both.into());
        }
        (only, None) | (None, only) => {
            one.extend(only.map(|only| ("required".to_owned(), only)));
        }
        _ => unreachable!("required is a list"),
    }
    for (key, theirs) in other {
        let ours = one.shift_remove(&key);
        let value = match (key.as_str(), ours) {
            ("type", _) => Value::Array(all.clone()),
            ("properties", Some(Value::Object(mut ours))) => {
                for (name, shape) in theirs.as_object().unwrap() {
                    let known = ours.shift_remove(name).unwrap_or(Value::Null);
                    ours.insert(name.clone(), merged(known, shape.clone()));
                }
                let mut sorted: Vec<_> = ours.into_iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Object(sorted.into_iter().collect())
            }
            ("items" | "additionalProperties", Some(ours @ Value::Object(_))) => {
                merged(ours, theirs)
            }
            (_, _) => theirs,
        };
        one.insert(key, value);
    }
    Value::Object(one)
}
