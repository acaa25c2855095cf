//! What MQTT and webhooks send of each kind of event: the bytes, the schemas, the page.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};

use bursar::destination::influxdb::points::points;
use bursar::destination::payload::{
    alert_text, json, json_schema, reference_markdown, webhook_json,
};
use bursar::destination::template::samples;
use bursar::event::{Event, Kind, Nature, Topic, UserTag};
use serde::Serialize;
use serde_json::Value;

use crate::config::generated;
use crate::stored;

/// An event of each kind as it was stored, by the name of its file.
fn events() -> Vec<(String, Event)> {
    let events: Vec<_> = stored::files("events")
        .into_iter()
        .map(|(name, text)| (name, serde_json::from_str(&text).unwrap()))
        .collect();
    let kinds: BTreeSet<Kind> = events.iter().map(|(_, event): &(_, Event)| event.kind()).collect();
    assert_eq!(kinds, Kind::ALL.into());
    events
}

/// Receivers rely on keys, their order, nulls and whole numbers.
#[test]
fn every_byte_that_is_sent() {
    let mut all = String::new();
    for (name, event) in events() {
        let mqtt = serde_json::to_string(&json(&event, false)).unwrap();
        let webhook = serde_json::to_string(&webhook_json(&event, true)).unwrap();
        writeln!(all, "{name}\n  mqtt {mqtt}\n  webhook {webhook}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_table_of_kinds_says_what_has_points_and_what_is_an_alert() {
    for (name, event) in events() {
        let kind = event.kind();
        let points = points(&event, vec![], UserTag::Name);
        assert_eq!(!points.is_empty(), kind.has_figures(), "{name}");
        assert_eq!(alert_text(&event).is_some(), kind.nature() == Nature::Alert, "{name}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events")
}

/// The schema of a kind; the committed one is the same, which a test holds.
pub fn schema(kind: impl Display) -> Value {
    let word = kind.to_string();
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap();
    serde_json::from_str(&json_schema(kind)).unwrap()
}

/// What the schema of a kind has against a payload.
pub fn schema_errors(kind: impl Display, payload: impl Serialize) -> Vec<String> {
    let schema = schema(kind);
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let payload = serde_json::to_value(payload).unwrap();
    validator.iter_errors(&payload).map(|e| format!("{} {e}", e.instance_path())).collect()
}

#[test]
fn there_is_a_schema_of_each_kind_and_it_is_up_to_date() {
    for kind in Kind::ALL {
        generated(&format!("docs/events/{kind}.schema.json"), &json_schema(kind));
    }
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, Kind::ALL.map(|kind| format!("{kind}.schema.json")).into());
}

#[test]
fn the_page_is_up_to_date() {
    generated("docs/events.md", &reference_markdown());
}

/// Which may be absent of what is sent.
const OPTIONAL: [&str; 10] = [
    "site",
    "destinations",
    "silenced",
    "test",
    "professional",
    "analyzer",
    "analyzerCapacity",
    "tokenUser",
    "tokenLogin",
    "tokens",
];

/// What is sent of an event is as its schema says; a key that the schema doesn't know, and one that is
/// missing, are errors.
pub fn assert_as_its_schema_says(event: &Event) {
    let kind = event.kind();
    let mut forms = vec![webhook_json(event, false), webhook_json(event, true)];
    // Those of the server license are plain text there.
    if kind.topic() != Topic::ServerLicenseAlert {
        forms.extend([json(event, false), json(event, true)]);
    }
    for payload in forms {
        assert_eq!(schema_errors(kind, &payload), Vec::<String>::new(), "{kind} {payload:?}");
        let mut more = payload.clone();
        more.insert("more".into(), 1.into());
        assert_eq!(schema_errors(kind, &more).len(), 1, "{kind}");
        for key in payload.keys().filter(|key| !OPTIONAL.contains(&key.as_str())) {
            // On a topic of their own, messages don't say which kind they are.
            if key == "event" && kind.topic() != Topic::Release {
                continue;
            }
            let mut less = payload.clone();
            less.shift_remove(key);
            assert!(!schema_errors(kind, &less).is_empty(), "{kind} without {key}");
        }
    }
}

#[test]
fn every_message_is_as_its_schema_says() {
    let stored = events().into_iter().map(|(_, event)| event);
    for event in stored.chain(samples::all()) {
        assert_as_its_schema_says(&event);
    }
}

/// What is in a message is as strict as the message.
#[test]
fn no_object_of_a_schema_takes_what_it_does_not_know() {
    fn look(place: &str, schema: &Value, count: &mut usize) {
        match schema {
            Value::Object(object) => {
                if object.get("properties").is_some_and(Value::is_object) && !place.ends_with("if")
                {
                    assert_eq!(schema["additionalProperties"], Value::Bool(false), "{place}");
                    *count += 1;
                }
                for (name, inner) in object {
                    look(&format!("{place}.{name}"), inner, count);
                }
            }
            Value::Array(all) => all.iter().for_each(|inner| look(place, inner, count)),
            _ => {}
        }
    }
    let mut count = 0;
    for kind in Kind::ALL {
        look(kind.as_str(), &schema(kind), &mut count);
    }
    assert!(count > 30, "{count}");
}
