//! The shapes of the JSON of commands: `docs/commands.schema.json`.
//!
//! The schema grows with what commands say: `UPDATE_GENERATED=1` adds what is new to it, and nothing is taken
//! away but by hand. A key that is told under other circumstances only is added by hand, too.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Objects whose keys are names of things and no part of the shape.
const BY_NAME: &[&str] =
    &["facts", "rateLimits", "keptByReason", "byReason", "types", "properties"];

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
        let validator = jsonschema::validator_for(&at_any_time(shape, 0)).unwrap();
        for error in validator.iter_errors(said).take(5) {
            self.wrong.push(format!("{command} at {}: {error}", error.instance_path()));
        }
    }

    pub fn finish(self) {
        if self.updates {
            // A line for each command.
            let defs = self.schema["$defs"].as_object().unwrap();
            let mut lines: Vec<_> =
                defs.iter().map(|(name, shape)| format!("{}:{shape}", json!(name))).collect();
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

/// The shape as it holds whenever it is looked at: deeper than the sites and their keys, what is told depends on what
/// happened, and what was known then may not be known now.
fn at_any_time(shape: &Value, depth: usize) -> Value {
    let Value::Object(shape) = shape else { return shape.clone() };
    let mut shape = shape.clone();
    if let Some(Value::Array(types)) = shape.get_mut("type") {
        if types.as_slice() == [Value::from("null")] {
            return json!({});
        }
        if !types.contains(&"null".into()) {
            types.push("null".into());
        }
    }
    if depth > 1 {
        shape.shift_remove("required");
        shape.shift_remove("additionalProperties");
    }
    if let Some(Value::Object(properties)) = shape.get_mut("properties") {
        for (name, one) in properties {
            let is_sites = depth == 0 && name == "sites";
            *one = at_any_time(one, if is_sites { 1 } else { 2 });
        }
    }
    if let Some(items) = shape.get_mut("items") {
        *items = at_any_time(items, depth);
    }
    Value::Object(shape)
}

/// A shape that both have.
fn merged(one: Value, other: Value) -> Value {
    let (mut one, mut other) = match (one, other) {
        (Value::Object(one), Value::Object(other)) => (one, other),
        (Value::Null, shape) | (shape, _) => return shape,
    };
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
