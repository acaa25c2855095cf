//! The reference page and the annotated example, from the schema of the raw structs.

use serde_json::{Map, Value};

use super::schema;
use crate::event::Channel;

/// Columns of a line of text, with its indentation.
const WIDTH: usize = 96;

type Properties = &'static Map<String, Value>;

fn properties(schema: &'static Value) -> Option<Properties> {
    schema::target(schema)["properties"].as_object()
}

fn described(properties: Properties) -> impl Iterator<Item = (&'static String, &'static Value)> {
    properties.iter().filter(|(_, schema)| schema[schema::IGNORED] != true)
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// A configuration with every setting, its meaning and its default or an example. It can be loaded
/// as it is.
pub fn default_yaml() -> String {
    let mut out = String::from(
        "# Every setting of Bursar with its default, or an example where there is none.\n\
         # Any of them can be left out. Settings marked (Bursar) are unknown to Butler.\n\n",
    );
    if let Some(root) = properties(schema::plain()) {
        section(&mut out, root, 0);
    }
    out
}

fn section(out: &mut String, properties: Properties, indent: usize) {
    let pad = " ".repeat(indent);
    for (key, schema) in described(properties) {
        let target = schema::target(schema);
        wrap(out, &format!("{pad}# "), &remark(schema, target));
        if let Some(inner) = target["properties"].as_object() {
            out.push_str(&format!("{pad}{key}:\n"));
            section(out, inner, indent + 2);
        } else if target["type"] == "array" {
            list(out, key, schema, indent);
        } else {
            let line = format!("{pad}{key}: {}", scalar(shown(schema, target)));
            out.push_str(&format!("{}\n", line.trim_end()));
        }
        if indent <= 2 && !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
}

/// A list with one entry, commented out unless the file needs it.
fn list(out: &mut String, key: &str, schema: &'static Value, indent: usize) {
    let pad = " ".repeat(indent);
    let active = schema["x-example"] == true;
    let (end, sign) = if active { ("", "") } else { (" []", "# ") };
    out.push_str(&format!("{pad}{key}:{end}\n"));
    let item = schema::target(&schema["items"]);
    let Some(inner) = item["properties"].as_object() else {
        return;
    };
    let scalars = described(inner)
        .map(|(key, schema)| (key, schema, schema::target(schema)))
        .filter(|(_, _, target)| !target["properties"].is_object() && target["type"] != "array");
    for (i, (key, schema, target)) in scalars.enumerate() {
        let dash = if i == 0 { "- " } else { "  " };
        out.push_str(&format!("{pad}  {sign}{dash}{key}: {}\n", scalar(shown(schema, target))));
    }
}

fn remark(schema: &Value, target: &Value) -> String {
    let mut text = description(schema);
    if let Some(choices) = target["enum"].as_array() {
        let names: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        if names.len() > 1 {
            text += &format!(" One of: {}.", names.join(", "));
        }
    }
    if schema["x-bursar"] == true {
        text += " (Bursar)";
    }
    text
}

/// Writes words into lines that start with `start`.
fn wrap(out: &mut String, start: &str, text: &str) {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && start.len() + line.len() + 1 + word.len() > WIDTH {
            out.push_str(&format!("{start}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{start}{line}\n"));
    }
}

/// An example where there is one, else the default.
fn shown<'a>(schema: &'a Value, target: &'a Value) -> &'a Value {
    let of = |s: &'a Value| s["examples"].get(0).or_else(|| s.get("default"));
    of(schema).or_else(|| of(target)).unwrap_or(&Value::Null)
}

/// A value on one YAML line.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let plain = !text.is_empty()
                && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" ./_-=;".contains(&b))
                && !text.ends_with(' ')
                && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.as_str());
            // JSON's quoting is YAML's.
            if plain { text.clone() } else { value.to_string() }
        }
        other => other.to_string(),
    }
}

/// The reference page.
pub fn reference_markdown() -> String {
    let mut page = Page { out: String::from(include_str!("introduction.md")), seen: Vec::new() };
    page.ignored();
    let butler = &schema::plain()["properties"]["Butler"];
    page.section("Butler", butler, "");
    page.out
}

struct Page {
    out: String,
    /// Definitions that have been described, with the setting where.
    seen: Vec<(&'static str, String)>,
}

impl Page {
    /// Butler's sections that are accepted, in one list.
    fn ignored(&mut self) {
        let mut names = Vec::new();
        let mut collect = |path: &str, schema: &'static Value| {
            for (key, schema) in properties(schema).into_iter().flatten() {
                if schema[schema::IGNORED] == true {
                    names.push(format!("`{path}{key}`"));
                }
            }
        };
        let butler = &schema::plain()["properties"]["Butler"];
        collect("", butler);
        for section in Channel::ALL.map(Channel::section) {
            let path = format!("{section}.");
            collect(&path, &schema::target(butler)["properties"][section]);
        }
        let mut lines = String::new();
        wrap(&mut lines, "", &format!("{}.", names.join(", ")));
        self.out += &format!("{lines}\n# Settings\n\n");
    }

    fn section(&mut self, path: &str, schema: &'static Value, text: &str) {
        let target = schema::target(schema);
        let Some(inner) = target["properties"].as_object() else { return };
        self.out += &format!("## {path}\n\n");
        if !text.is_empty() {
            self.out += &format!("{text}\n\n");
        }
        if let Some(name) = schema["$ref"].as_str() {
            if let Some((_, known)) = self.seen.iter().find(|(seen, _)| *seen == name) {
                let anchor = anchor(known);
                self.out += &format!("The same keys as in [{known}](#{anchor}).\n\n");
                return;
            }
            self.seen.push((name, path.to_owned()));
        }
        self.out += "| key | kind | default | |\n| --- | --- | --- | --- |\n";
        self.rows(path, "", inner, &Value::Null);
        self.out.push('\n');
        self.subsections(path, inner);
    }

    /// Small sections stand in their parent's table, as `alert.thresholdDays`.
    fn rows(&mut self, path: &str, prefix: &str, properties: Properties, above: &Value) {
        for (key, schema) in described(properties) {
            let key = format!("{prefix}{key}");
            match self::properties(schema) {
                Some(inner) if is_small(schema) => {
                    self.rows(path, &format!("{key}."), inner, schema);
                }
                _ => self.row(path, &key, schema, above),
            }
        }
    }

    fn subsections(&mut self, path: &str, properties: Properties) {
        for (key, schema) in described(properties) {
            let path = format!("{path}.{key}");
            match self::properties(schema) {
                Some(inner) if is_small(schema) => self.subsections(&path, inner),
                Some(_) => self.section(&path, schema, &description(schema)),
                None if schema::target(schema)["type"] == "array" => {
                    let text = format!("An entry of the list. {}", description(schema));
                    self.section(&format!("{path}[]"), &schema["items"], &text);
                }
                None => {}
            }
        }
    }

    /// `above` is the small section that the key stands in.
    fn row(&mut self, path: &str, key: &str, schema: &'static Value, above: &Value) {
        let target = schema::target(schema);
        let mut text = description(schema);
        if key.ends_with(".enable") {
            text = format!("{} {text}", description(above));
        }
        if schema["x-bursar"] == true || above["x-bursar"] == true {
            text += " *Bursar's own.*";
        }
        let link = |path: &str| format!("[`{key}`](#{})", anchor(path));
        let (name, kind) = if target["properties"].is_object() {
            (link(&format!("{path}.{key}")), "section".to_owned())
        } else if target["type"] == "array" {
            let items = schema::target(&schema["items"]);
            if items["properties"].is_object() {
                (link(&format!("{path}.{key}[]")), "list".to_owned())
            } else {
                (format!("`{key}`"), "list of texts".to_owned())
            }
        } else {
            (format!("`{key}`"), kind(schema, target))
        };
        let default = match schema.get("default").or_else(|| target.get("default")) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
            Some(Value::Array(items)) if items.is_empty() => "empty".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
        };
        self.out += &format!("| {name} | {kind} | {default} | {text} |\n");
    }
}

/// At most three settings, counted with those of inner sections.
fn is_small(schema: &'static Value) -> bool {
    fn leaves(schema: &'static Value) -> usize {
        properties(schema).map_or(1, |inner| described(inner).map(|(_, s)| leaves(s)).sum())
    }
    leaves(schema) <= 3
}

fn kind(schema: &Value, target: &Value) -> String {
    if let Some(choices) = target["enum"].as_array() {
        let names: Vec<String> =
            choices.iter().filter_map(Value::as_str).map(|c| format!("`{c}`")).collect();
        return names.join(", ");
    }
    if target["x-amount"] == true {
        return "amount".to_owned();
    }
    match target["type"].as_str() {
        Some("boolean") => "true/false".to_owned(),
        Some("integer") => match (target["minimum"].as_i64(), target["maximum"].as_i64()) {
            (Some(low), Some(high)) => format!("number, {low} to {high}"),
            (Some(low), None) => format!("number, {low} or more"),
            _ => "number".to_owned(),
        },
        _ if schema["writeOnly"] == true || target["writeOnly"] == true => "secret text".to_owned(),
        _ => "text".to_owned(),
    }
}

/// The anchor that Markdown renderers make of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
        .collect()
}
