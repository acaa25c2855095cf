//! The page about messages, made from the schemas.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::schema::{self, ONLY_WHERE};
use crate::event::{Kind, Nature, Topic};

/// What every message has.
const OF_ALL: [&str; 5] = ["kind", "event", "site", "time", "eventId"];

/// A key as people read about it.
#[derive(Debug)]
pub(in crate::destination) struct Key {
    pub(in crate::destination) name: String,
    /// What a value is: `time or null`.
    pub(in crate::destination) value: String,
    pub(in crate::destination) meaning: String,
}

/// The keys of an alert that templates see, whatever kind of event tells it.
pub(in crate::destination) fn keys_of_alert() -> Vec<Key> {
    let schema = schema::plain(Kind::Alert);
    let properties = schema.get("properties").and_then(Value::as_object);
    let own = |key: &str| !OF_ALL.contains(&key) && !["message", "destinations"].contains(&key);
    let keys = properties.into_iter().flatten().filter(|(name, _)| own(name));
    keys.map(|(name, of)| Key {
        name: name.clone(),
        value: value(of),
        meaning: of["description"].as_str().unwrap_or_default().to_owned(),
    })
    .collect()
}

/// `docs/events.md`.
pub fn reference_markdown() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str("| kind | `event` | on MQTT | when |\n| --- | --- | --- | --- |\n");
    for kind in Kind::ALL {
        let (title, when) = (kind.title(), schema::description(kind));
        let _ = writeln!(
            out,
            "| [`{kind}`](#{}) | `{title}` | {} | {when} |",
            kind.as_str().to_lowercase(),
            on_mqtt(kind)
        );
    }
    out.push_str("\n## Every message\n\n");
    let mut any = schema::plain(Kind::SeatReleased);
    for key in ["kind", "event"] {
        if let Some(word) = any["properties"][key].as_object_mut() {
            word.shift_remove("const");
            word.insert("type".to_owned(), "string".into());
        }
    }
    table(&mut out, &any, |key| OF_ALL.contains(&key));
    for kind in Kind::ALL {
        let (title, when) = (kind.title(), schema::description(kind));
        let _ = write!(
            out,
            "\n## {kind}\n\n{when} In webhooks `{title}`. [Schema](events/{kind}.schema.json).\n\n"
        );
        table(&mut out, &schema::plain(kind), |key| !OF_ALL.contains(&key));
    }
    out
}

const INTRODUCTION: &str = "\
# What is sent of each event

<!-- Generated from the structs in src/destination/payload. Write it anew with
     UPDATE_GENERATED=1 cargo test --test it payloads:: -->

What MQTT and webhooks send unless a [template](templates.md) makes something else; templates see the
same keys. MQTT and webhooks get the same object, apart from `kind` and `event`. Each kind has a JSON
schema, in the folder `docs/events`. The schemas allow no other keys; a later version may add keys, and
adds them to its schemas.

A dot leads into an object, `[]` into each entry of a list, and `TYPE` stands for `professional`,
`analyzer` and `user`. Keys are always there, with null where there is no value, unless it says
\"optional\". Examples of all kinds: [what templates can use](templates-reference.md#by-kind).

";

fn on_mqtt(kind: Kind) -> &'static str {
    match (kind.topic(), kind.nature()) {
        (Topic::ServerLicenseAlert, _) => "the `message`, as plain text",
        (_, Nature::State) => "retained",
        _ => "not retained",
    }
}

/// The keys of an object that are wanted, and what is in them.
fn table(out: &mut String, schema: &Map<String, Value>, wanted: impl Fn(&str) -> bool) {
    out.push_str("| key | value | |\n| --- | --- | --- |\n");
    keys(out, "", schema, &wanted);
}

fn keys(
    out: &mut String,
    before: &str,
    schema: &Map<String, Value>,
    wanted: &dyn Fn(&str) -> bool,
) {
    let required = schema.get("required").and_then(Value::as_array);
    let required = |key: &str| required.is_some_and(|all| all.iter().any(|one| one == key));
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, of) in properties.into_iter().flatten().filter(|(key, _)| wanted(key)) {
        let place = format!("{before}{key}");
        let mut what = value(of);
        if !required(key) {
            what.push_str(", optional");
        }
        let mut meaning = of["description"].as_str().unwrap_or_default().to_owned();
        if let (Some(other), Some(word)) = (of[ONLY_WHERE][0].as_str(), of[ONLY_WHERE][1].as_str())
        {
            let _ = write!(meaning, " Only where `{other}` is `{word}`.");
        }
        let _ = writeln!(out, "| `{place}` | {what} | {meaning} |");
        inside(out, &place, of);
    }
}

/// The keys in a value.
fn inside(out: &mut String, place: &str, of: &Value) {
    if let Value::Object(object) = of {
        keys(out, &format!("{place}."), object, &|_| true);
    }
    if let Value::Object(item) = &of["items"] {
        keys(out, &format!("{place}[]."), item, &|_| true);
    }
    if let Value::Object(one) = &of["additionalProperties"] {
        keys(out, &format!("{place}.TYPE."), one, &|_| true);
    }
}

/// What a value is, in words.
fn value(of: &Value) -> String {
    if let Some(word) = of["const"].as_str() {
        return format!("`{word}`");
    }
    let kinds: Vec<&str> = match &of["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let main = kinds.iter().find(|kind| **kind != "null").copied().unwrap_or_default();
    let mut text = match (&of["enum"], main, of["format"].as_str()) {
        (Value::Array(words), ..) => {
            let words: Vec<_> =
                words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        (_, "string", Some("date-time")) => "time".to_owned(),
        (_, "string", Some("uuid")) => "id".to_owned(),
        (_, "string", _) => "text".to_owned(),
        (_, "integer", _) => "whole number".to_owned(),
        (_, "boolean", _) => "true or false".to_owned(),
        (_, "array", _) => "list".to_owned(),
        (_, other, _) => other.to_owned(),
    };
    if kinds.contains(&"null") || of["enum"].as_array().is_some_and(|e| e.contains(&Value::Null)) {
        text.push_str(" or null");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::payload;
    use crate::destination::template::samples;
    use crate::event::Event;

    /// A key without a meaning can't be used.
    #[test]
    fn every_key_is_explained() {
        for line in reference_markdown().lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.split(" | ").collect();
            let (what, meaning) = (cells[1].trim(), cells[2].trim_end_matches('|').trim());
            assert!(!what.is_empty() && !meaning.is_empty(), "{line}");
        }
    }

    /// Whatever is sent is on the page.
    #[test]
    fn every_key_that_is_sent_is_there() {
        let page = reference_markdown();
        let sections: Vec<&str> = page.split("\n## ").collect();
        let section =
            |name: &str| *sections.iter().find(|s| s.lines().next() == Some(name)).unwrap();
        let all = section("Every message");
        for event in samples::all() {
            let own = section(event.kind().as_str());
            for key in keys_of(&event) {
                let row = format!("| `{key}` |");
                assert!(own.contains(&row) || all.contains(&row), "{key} of {}", event.kind());
            }
        }
    }

    fn keys_of(event: &Event) -> Vec<String> {
        let mut keys: Vec<String> = payload::json(event, true).keys().cloned().collect();
        keys.extend(payload::webhook_json(event, true).keys().cloned());
        keys
    }
}
