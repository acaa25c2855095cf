//! The JSON schema of the file, made from the raw structs.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::raw;
use crate::schema::unwrap_option;

/// By which a raw struct names the keys of Butler's that it doesn't have.
const BUTLERS: &str = "x-butlers";

/// Marks what is accepted and never looked at.
pub(super) const IGNORED: &str = "x-ignored";

/// The schema as the checks and the pages use it: without null, which stands for "not written"
/// everywhere.
pub(super) fn plain() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<raw::File>().to_value();
        if let Some(defs) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
            defs.values_mut().for_each(add_ignored);
        }
        crate::schema::tidy(&mut schema, &tidy);
        schema
    })
}

/// Adds the keys that a struct names as Butler's.
fn add_ignored(def: &mut Value) {
    let names = def.as_object_mut().and_then(|def| def.remove(BUTLERS));
    let Some(properties) = def.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let names = names.as_ref().and_then(Value::as_array);
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let ignored =
            json!({ "description": "A setting of Butler's that Bursar ignores.", IGNORED: true });
        properties.insert(name.to_owned(), ignored);
    }
}

/// A section's default is the sum of its keys' defaults; "or null" is said for everything at once by
/// [`nullable`].
fn tidy(object: &mut Map<String, Value>) {
    if object.get("default").is_some_and(|d| d.is_object() || d.is_null()) {
        object.shift_remove("default");
    }
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|k| k != "null");
        if let [one] = kinds.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    unwrap_option(object, |_| {});
}

/// The schema for editors.
pub fn json_schema() -> String {
    let mut schema = plain().clone();
    nullable(&mut schema);
    schema["title"] = "Bursar configuration".into();
    // Keys for anchors that are used further down.
    schema["patternProperties"] = json!({ "^x-": true });
    let mut text = serde_json::to_string_pretty(&schema).expect("a JSON value can be written");
    text.push('\n');
    text
}

/// Every value may be null: Butler's files leave lists and sections empty.
fn nullable(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for value in object.values_mut() {
                nullable(value);
            }
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for property in properties.values_mut() {
                    or_null(property);
                }
            }
            if let Some(items) = object.get_mut("items") {
                or_null(items);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(nullable),
        _ => {}
    }
}

fn or_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.push(Value::Null);
    }
    if let Some(reference) = object.remove("$ref") {
        object.insert("anyOf".to_owned(), json!([{ "$ref": reference }, { "type": "null" }]));
    }
    if object.get("x-amount").is_some() {
        object.insert("type".to_owned(), json!(["number", "string", "null"]));
        object.insert("pattern".to_owned(), r"^$|^\d+(\.\d+)?$|^\$\{".into());
        object.insert("minimum".to_owned(), 0.into());
    } else if let Some(kind) = object.get("type").and_then(Value::as_str) {
        // A reference such as ${env:PORT} is text wherever it stands.
        let kinds = match kind {
            "integer" | "number" | "boolean" => json!([kind, "string", "null"]),
            _ => json!([kind, "null"]),
        };
        if kinds.as_array().is_some_and(|k| k.len() == 3) {
            object.insert("pattern".to_owned(), r"^\$\{".into());
        }
        object.insert("type".to_owned(), kinds);
    }
}

/// What a schema stands for: its target when it is a reference to a definition.
pub(super) fn target(schema: &'static Value) -> &'static Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let name = reference.rsplit('/').next().unwrap_or_default();
    &plain()["$defs"][name]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::node;

    #[test]
    fn editors_accept_what_bursar_accepts() {
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors = |text: &str| -> Vec<String> {
            let (tree, _) = node::parse(text, Path::new("x.yaml")).unwrap();
            let json = tree.to_json();
            validator.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect()
        };
        for text in [
            include_str!("../../config/bursar.yaml"),
            include_str!("../../config/butler-shaped.yaml"),
            include_str!("../../tests/data/config/butler16-full.yaml"),
            &crate::config::default_yaml(),
            "Butler: {configQRS: {port: '${env:PORT}'}}",
            "Butler: {cost: {budgetPerYear: 1.5, analyzer: {perSeatPerYear: '7.50'}}}",
        ] {
            assert_eq!(errors(text), Vec::<String>::new());
        }
        for text in [
            "Butler: {configQRS: {port: 0}}",
            "Butler: {configQRS: {port: '4242'}}",
            "Butler: {cost: {budgetPerYear: -1}}",
            "Butler: {cost: {budgetPerYear: '1,5'}}",
            "Butler: {logLevel: loud}",
            "Butler: {nonsense: 1}",
            "Bursar: {}",
        ] {
            assert_eq!(errors(text).len(), 1, "{text}");
        }
        let null = serde_json::json!({ "Butler": { "sites": null, "influxDb": { "tag": null } } });
        assert!(validator.is_valid(&null));
    }
}
