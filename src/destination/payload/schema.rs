//! The JSON schemas of what is sent, made from the structs.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::{Message, has_kind, object_schema};
use crate::event::Kind;
use crate::schema::{one_line, unwrap_option};

/// Of a key that is there only where another one says a word: its name and the word.
pub(super) const ONLY_WHERE: &str = "x-onlyWhere";

pub(super) fn of<B: JsonSchema, A: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Message<'_, B, A>>()
}

/// The schema of a kind as it is in `docs/events`.
pub fn json_schema(kind: Kind) -> String {
    let mut schema = plain(kind);
    conditions(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).expect("a JSON value can be written");
    text.push('\n');
    text
}

/// The schema of a kind, with [`ONLY_WHERE`] in the place of conditions.
pub(super) fn plain(kind: Kind) -> Map<String, Value> {
    let mut made = object_schema(kind).to_value();
    crate::schema::tidy(&mut made, &tidy);
    let mut take = |key: &str| made.get_mut(key).map(Value::take).unwrap_or_default();
    let (mut properties, required) = (take("properties"), take("required"));
    properties["event"]["const"] = kind.title().into();
    if let Some(event) = properties["event"].as_object_mut() {
        event.shift_remove("type");
    }
    if let Some(properties) = properties.as_object_mut() {
        let said = properties.shift_remove("kind");
        if has_kind(kind) {
            let description = said.map(|mut said| said["description"].take());
            let kind = json!({ "description": description, "const": kind.as_str() });
            properties.shift_insert(0, "kind".into(), kind);
        }
    }
    let mut schema = Map::new();
    let mut set = |key: &str, value: Value| schema.insert(key.to_owned(), value);
    set("$schema", "https://json-schema.org/draft/2020-12/schema".into());
    set("title", title(kind).into());
    set("description", description(kind).into());
    set("type", "object".into());
    set("properties", properties);
    set("required", required);
    if has_kind(kind) {
        set("oneOf", json!([{ "required": ["kind"] }, { "required": ["event"] }]));
    }
    set("additionalProperties", false.into());
    schema
}

/// `Seat released`
fn title(kind: Kind) -> String {
    let mut title = kind.title().to_owned();
    title[..1].make_ascii_uppercase();
    title
}

/// What a kind says, from its doc comment.
pub(super) fn description(kind: Kind) -> String {
    let schema = schemars::schema_for!(Kind).to_value();
    let kinds = schema["oneOf"].as_array().into_iter().flatten();
    let own = kinds.into_iter().find(|of| of["const"] == kind.as_str());
    let text = own.and_then(|of| of["description"].as_str()).unwrap_or_default();
    one_line(text)
}

/// What says the same in fewer words is said so.
fn tidy(object: &mut Map<String, Value>) {
    words(object);
    unwrap_option(object, or_null);
}

/// `oneOf: [{const: X}, {enum: [Y, Z]}]` becomes `enum: [X, Y, Z]`.
fn words(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let mut words = Vec::new();
    for choice in choices {
        match (&choice["const"], &choice["enum"]) {
            (Value::String(word), _) => words.push(word.as_str().into()),
            (_, Value::Array(some)) => words.extend(some.iter().cloned()),
            _ => return,
        }
    }
    object.shift_remove("oneOf");
    object.insert("enum".to_owned(), words.into());
}

fn or_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.push(Value::Null);
    }
    if let Some(kind) = object.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
}

/// Writes [`ONLY_WHERE`] as JSON schema says it.
fn conditions(schema: &mut Map<String, Value>) {
    let mut conditions = Vec::new();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (key, property) in properties.into_iter().flatten() {
        let only_where = property.as_object_mut().and_then(|p| p.shift_remove(ONLY_WHERE));
        let Some(only_where) = only_where else { continue };
        let (other, word) = (only_where[0].as_str().unwrap_or_default(), &only_where[1]);
        conditions.push(json!({
            "if": { "properties": { other: { "const": word } } },
            "then": { "required": [key] },
            "else": { "not": { "required": [key] } },
        }));
    }
    if !conditions.is_empty() {
        schema.insert("allOf".to_owned(), conditions.into());
    }
}
