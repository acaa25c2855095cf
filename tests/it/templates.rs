//! The shipped templates against the services' documented shapes, templates in the settings, and
//! what arrives of them.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod alertmanager;
mod settings;

use std::collections::BTreeSet;
use std::path::PathBuf;

use bursar::destination::template::{
    Format, Source, Template, context, reference, samples, shipped,
};
use bursar::event::{AlertStatus, Body, Event};
use bursar::secret::Secret;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped_template(name: &str) -> Template {
    let source = Source {
        name: name.into(),
        text: shipped::named(name).unwrap().text.into(),
        format: Format::Json,
        values: vec![("routingKey".into(), Secret::new("0123456789abcdef0123456789abcdef"))],
        zone: chrono_tz::Europe::Stockholm,
    };
    Template::compile(&source).unwrap()
}

fn schema(name: &str) -> jsonschema::Validator {
    let file = root().join(format!("tests/data/templates/{name}.schema.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Every sample, and each with texts far beyond every limit, of signs that escaping makes longer.
fn events() -> Vec<Event> {
    let long = format!("{}{}", samples::NASTY, "<&>\"🦀 ".repeat(2_000));
    let mut events = samples::all();
    for event in samples::all() {
        let mut event = event;
        event.site = long.clone();
        match &mut event.body {
            Body::Alert(notice) => {
                notice.title = long.clone();
                notice.text = long.clone();
                notice.hint = long.clone();
                notice.subject = long.clone();
            }
            Body::SeatWithdrawn(withdrawn) => withdrawn.why = long.clone(),
            _ => {}
        }
        events.push(event);
    }
    events
}

#[test]
fn every_shipped_template_makes_what_its_service_documents() {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("tests/data/templates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        names.extend(name.strip_suffix(".schema.json").map(str::to_owned));
    }
    let all: BTreeSet<String> = shipped::ALL.iter().map(|s| s.name.to_owned()).collect();
    assert_eq!(names, all);
    for name in names {
        let (template, schema) = (shipped_template(&name), schema(&name));
        for event in events() {
            let text = template.render(&event).unwrap_or_else(|e| panic!("{name}: {e}"));
            let json: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<_> =
                schema.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{name}, {}: {errors:#?}", samples::name(&event));
            // Teams takes 28 KB, PagerDuty 512 KB; nothing is meant to come near that of Slack.
            assert!(
                text.len() < 28 * 1024 || name == "alertmanager" || name == "pagerduty",
                "{name}: {}",
                text.len()
            );
        }
    }
}

/// The schemas above would catch what they are there for.
#[test]
fn the_schemas_refuse_what_the_services_refuse() {
    let broken = |name: &str, pointer: &str, value: Value| {
        let event = samples::all().into_iter().find(|e| matches!(e.body, Body::Alert(_))).unwrap();
        let text = shipped_template(name).render(&event).unwrap();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        assert!(schema(name).is_valid(&json), "{name}");
        *json.pointer_mut(pointer).unwrap() = value;
        assert!(!schema(name).is_valid(&json), "{name} {pointer}");
    };
    let long = |n: usize| Value::from("x".repeat(n));
    broken("slack", "/blocks/0/text/text", long(151));
    broken("slack", "/blocks/1/text/text", long(3001));
    broken("slack", "/blocks/1/text/type", "markdown".into());
    broken("slack", "/blocks", Value::Array(vec![]));
    broken("teams", "/attachments/0/contentType", "application/json".into());
    broken("teams", "/attachments/0/content/body/0/style", "bad".into());
    broken("teams", "/type", "card".into());
    broken("pagerduty", "/payload/summary", long(1025));
    broken("pagerduty", "/payload/summary", "".into());
    broken("pagerduty", "/payload/severity", "fatal".into());
    broken("pagerduty", "/event_action", "fire".into());
    broken("pagerduty", "/routing_key", "short".into());
    broken("pagerduty", "/dedup_key", long(256));
    broken("alertmanager", "/0/endsAt", "tomorrow".into());
    broken("alertmanager", "/0/labels/alertname", "".into());
    broken("alertmanager", "/0/labels/severity", 1.into());
}

#[test]
fn names_arrive_as_they_are() {
    let event = samples::all()
        .into_iter()
        .find(|e| matches!(&e.body, Body::Alert(n) if n.status == AlertStatus::Firing))
        .unwrap();
    let json = |name: &str| -> Value {
        serde_json::from_str(&shipped_template(name).render(&event).unwrap()).unwrap()
    };
    let line = "O\"Hara\\ 'x' <script>alert(1)</script> & {{site}} *b* 🦀 ü\\";
    let summary = format!("3 of 120 Professional seats are free {line}");
    assert_eq!(json("pagerduty")["payload"]["summary"], summary);
    assert_eq!(json("alertmanager")[1]["annotations"]["description"], summary);
    assert_eq!(
        json("teams")["attachments"][0]["content"]["body"][1]["inlines"][0]["text"],
        summary
    );
    let slack = json("slack")["blocks"][1]["text"]["text"].as_str().unwrap().to_owned();
    assert!(slack.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{site}}"), "{slack}");
    assert!(!slack.contains('<'));
}

/// PagerDuty closes what it opened: the alert's fingerprint is the key of both.
#[test]
fn pagerduty_triggers_and_resolves_by_one_key() {
    let pagerduty = shipped_template("pagerduty");
    let mut seen = BTreeSet::new();
    for event in samples::all().iter().filter(|e| matches!(e.body, Body::Alert(_))) {
        let json: Value = serde_json::from_str(&pagerduty.render(event).unwrap()).unwrap();
        assert_eq!(json["dedup_key"], "bursar-9f86d081884c7d65");
        seen.insert(json["event_action"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["resolve", "trigger"]);
}

#[test]
fn the_reference_of_templates_is_up_to_date() {
    crate::config::generated("docs/templates-reference.md", &reference::markdown());
}

/// What the guide shows works: each of its examples renders everything it can get.
#[test]
fn the_examples_of_the_guide_work() {
    let guide = std::fs::read_to_string(root().join("docs/templates.md")).unwrap();
    let mut count = 0;
    for block in guide.split("```handlebars\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let format = if text.trim_start().starts_with('{') && !text.trim_start().starts_with("{{") {
            Format::Json
        } else {
            Format::Text
        };
        let source = Source {
            name: "example".into(),
            text: text.into(),
            format,
            values: vec![("team".into(), Secret::new("licenses"))],
            zone: chrono_tz::UTC,
        };
        let alerts = samples::all();
        let alerts = alerts.iter().filter(|event| context::alert(event).is_some());
        Template::compile(&source).unwrap().check(alerts).unwrap_or_else(|e| panic!("{e}\n{text}"));
        count += 1;
    }
    assert!(count >= 3, "{count}");
}
