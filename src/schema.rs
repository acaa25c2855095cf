//! JSON schemas as people read them, whatever they are of.

use serde_json::{Map, Value};

/// Unknown keys are errors, text stands on one line, and widths of numbers are nobody's business.
/// `own` is what else becomes of each object of the schema, from the inside out.
pub(crate) fn tidy(schema: &mut Value, own: &dyn Fn(&mut Map<String, Value>)) {
    match schema {
        Value::Object(object) => {
            for value in object.values_mut() {
                tidy(value, own);
            }
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            if object.get("format").is_some_and(|f| f != "date-time" && f != "uuid") {
                object.shift_remove("format");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = one_line(text);
            }
            own(object);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, own)),
        _ => {}
    }
}

pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `anyOf: [X, null]` becomes what `make` makes of X.
pub(crate) fn unwrap_option(
    object: &mut Map<String, Value>,
    make: impl FnOnce(&mut Map<String, Value>),
) {
    let Some(Value::Array(choices)) = object.get("anyOf") else { return };
    let mut real = choices.iter().filter(|choice| choice["type"] != "null");
    let (Some(Value::Object(one)), None) = (real.next(), real.next()) else { return };
    if choices.len() == 1 {
        return;
    }
    let mut one = one.clone();
    make(&mut one);
    object.shift_remove("anyOf");
    for (key, value) in one {
        object.entry(key).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_says_the_same_in_fewer_words() {
        let mut schema = json!({
            "properties": {
                "port": { "format": "uint16", "description": "One\n  line." },
                "time": { "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "null" }] },
                "either": { "anyOf": [{ "type": "string" }, { "type": "number" }] },
            },
        });
        tidy(&mut schema, &|object| {
            unwrap_option(object, |one| drop(one.insert("x".into(), 1.into())))
        });
        let expected = json!({
            "properties": {
                "port": { "description": "One line." },
                "time": { "type": "string", "format": "date-time", "x": 1 },
                "either": { "anyOf": [{ "type": "string" }, { "type": "number" }] },
            },
            "additionalProperties": false,
        });
        assert_eq!(schema, expected);
    }
}
