//! The page that lists what templates can use, made from what they get.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::{context, helpers, samples, shipped};
use crate::destination::payload::{self, Key};

/// docs/templates-reference.md.
pub fn markdown() -> String {
    let mut out = String::from(
        "# What templates can use\n\n\
         Made from the program itself; how templates are written is in [templates](templates.md).\n\n\
         ## Every event\n\n| name | what |\n| --- | --- |\n",
    );
    for (name, meaning) in context::COMMON {
        let _ = writeln!(out, "| `{name}` | {meaning} |");
    }
    out.push_str("\n## Alerts\n\nOf kinds ");
    let alerts: BTreeSet<&str> = samples::all()
        .iter()
        .filter(|event| context::alert(event).is_some())
        .map(|event| event.kind().as_str())
        .collect();
    let alerts: Vec<String> = alerts.iter().map(|kind| format!("`{kind}`")).collect();
    let _ = write!(out, "{}", alerts.join(", "));
    out.push_str(":\n\n| name | value | |\n| --- | --- | --- |\n");
    for Key { name, value, meaning } in payload::keys_of_alert() {
        let _ = writeln!(out, "| `alert.{name}` | {value} | {meaning} |");
    }
    out.push_str("\n## Helpers\n\n| helper | example | what it makes |\n| --- | --- | --- |\n");
    for (name, example, meaning) in helpers::HELPERS {
        let _ = writeln!(out, "| `{name}` | `{example}` | {meaning} |");
    }
    out.push_str("\n## Shipped templates\n\n| `template:` | for |\n| --- | --- |\n");
    for shipped in shipped::ALL {
        let _ = writeln!(out, "| `{}` | {} |", shipped.name, shipped.about);
    }
    out.push_str(
        "\n## By kind\n\nEach object as templates get it, without `values`. Names hold signs that \
         need escaping on purpose. What the keys mean: [what is sent of each event](events.md).\n",
    );
    let mut last = None;
    for event in samples::all() {
        let kind = event.kind();
        if last.replace(kind) == Some(kind) {
            continue;
        }
        let object = context::shortened(&Value::Object(context::of(&event)));
        let text = serde_json::to_string_pretty(&object).unwrap_or_default();
        let _ = write!(out, "\n### {kind}\n\n```json\n{text}\n```\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(table: &[(&str, &str)]) -> BTreeSet<String> {
        table.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn the_tables_say_what_is_there() {
        for event in samples::all() {
            let object = context::of(&event);
            for name in names(context::COMMON).iter().filter(|name| *name != "values") {
                assert!(object.contains_key(name), "{name} of {}", event.kind());
            }
            if let Some(alert) = context::alert(&event) {
                let there: BTreeSet<String> = alert.keys().cloned().collect();
                let known: BTreeSet<String> =
                    payload::keys_of_alert().into_iter().map(|key| key.name).collect();
                assert_eq!(there, known, "{}", event.kind());
            }
        }
    }
}
