//! Nothing that was stored is lost when it is read, and fields may come and be absent.

use std::collections::BTreeSet;

use bursar::event::Rule;
use serde_json::{Map, Value, json};

use super::{FORMS, files};

/// Texts by name, not fields.
const MAPS: [&str; 2] = ["facts", "keptByReason"];

/// Where `new` lacks something of `old` or says it in another way.
fn lost(place: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                let place = format!("{place}.{name}");
                match new.get(name) {
                    Some(new) => lost(&place, value, new, found),
                    // Absent and null mean the same.
                    None if value.is_null() => {}
                    None => found.push(format!("{place} is gone")),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (n, (old, new)) in old.iter().zip(new).enumerate() {
                lost(&format!("{place}[{n}]"), old, new, found);
            }
        }
        (old, new) if old == new => {}
        // Rules got the names of the settings; both are read.
        (old, new) if place.ends_with(".rule") && is_same_rule(old, new) => {}
        (old, new) => found.push(format!("{place} was {old} and became {new}")),
    }
}

fn is_same_rule(old: &Value, new: &Value) -> bool {
    let rule = |name: &Value| serde_json::from_value::<Rule>(name.clone()).ok();
    rule(old).is_some() && rule(old) == rule(new)
}

fn assert_kept(what: &str, old: &Value, new: &Value) {
    let mut found = Vec::new();
    lost("", old, new, &mut found);
    assert!(found.is_empty(), "{what}: {}", found.join("\n"));
}

/// The places of all objects, as JSON pointers.
fn objects(place: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if MAPS.iter().any(|map| place.ends_with(&format!("/{map}"))) {
                return;
            }
            found.push(place.to_owned());
            for (name, value) in fields {
                objects(&format!("{place}/{name}"), value, found);
            }
        }
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                objects(&format!("{place}/{n}"), value, found);
            }
        }
        _ => {}
    }
}

fn object<'a>(value: &'a mut Value, place: &str) -> &'a mut Map<String, Value> {
    value.pointer_mut(place).and_then(Value::as_object_mut).expect("an object is there")
}

#[test]
fn everything_that_was_stored_is_read_and_written_under_the_same_name() {
    let mut count = 0;
    for form in FORMS {
        for (name, text) in files(form.folder) {
            let what = format!("{}/{name}.json", form.folder);
            let new = (form.again)(&text).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_kept(&what, &serde_json::from_str(&text).unwrap(), &new);
            count += 1;
        }
    }
    assert!(count >= 103, "{count}");
}

/// What a newer build adds to a form that this one knows.
#[test]
fn fields_that_this_build_does_not_know_are_passed_over() {
    for form in FORMS {
        for (name, text) in files(form.folder) {
            let old: Value = serde_json::from_str(&text).unwrap();
            let mut places = Vec::new();
            objects("", &old, &mut places);
            for place in places {
                for unknown in [json!(null), json!(1), json!([{ "a": "b" }]), json!({ "at": 1 })] {
                    let mut newer = old.clone();
                    // `Moment` and the like are one word in an object of their own.
                    let fields = object(&mut newer, &place);
                    if fields.len() == 1
                        && ["at", "unreadable"].iter().any(|one| fields.contains_key(*one))
                    {
                        continue;
                    }
                    fields.insert("addedLater".into(), unknown);
                    let what = format!("{}/{name}.json with another field in {place}", form.folder);
                    let new =
                        (form.again)(&newer.to_string()).unwrap_or_else(|e| panic!("{what}: {e}"));
                    assert_kept(&what, &old, &new);
                }
            }
        }
    }
}

/// What has no value may as well not be there.
#[test]
fn a_field_that_is_null_may_be_absent() {
    let mut count = 0;
    for form in FORMS {
        for (name, text) in files(form.folder) {
            let old: Value = serde_json::from_str(&text).unwrap();
            let mut places = Vec::new();
            objects("", &old, &mut places);
            for place in places {
                let names: Vec<_> = object(&mut old.clone(), &place)
                    .iter()
                    .filter(|(_, value)| value.is_null())
                    .map(|(name, _)| name.clone())
                    .collect();
                for field in names {
                    let mut without = old.clone();
                    object(&mut without, &place).shift_remove(&field);
                    let what = format!("{}/{name}.json without {place}/{field}", form.folder);
                    let new = (form.again)(&without.to_string())
                        .unwrap_or_else(|e| panic!("{what}: {e}"));
                    assert_kept(&what, &old, &new);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 50, "{count}");
}

/// Without these a thing makes no sense, so they were there from the beginning. Nothing is added here:
/// a new field has a default.
const ALWAYS: &[&str] = &[
    // Of all of them.
    "id",
    "site",
    "time",
    "body",
    "kind",
    "run",
    "rehearsal",
    "seatType",
    "seat",
    "holder",
    "why",
    "by",
    "says",
    "user",
    "who",
    "until",
    "due",
    "status",
    "name",
    "text",
    // People and seats.
    "directory",
    "userId",
    "created",
    "lastUsed",
    "idleDays",
    "guard",
    "seats",
    "is",
    "was",
    "nodes",
    "changes",
    "result",
    "after",
    "timeFrom",
    "count",
    // Runs and records.
    "mode",
    "trigger",
    "version",
    "policy",
    "digest",
    "action",
    "because",
    "intent",
    "through",
    "seq",
    "hash",
    "records",
    "file",
    "started",
    "ended",
    "types",
    "ledger",
    "guard",
    "refusals",
    // Rules.
    "releaseThresholdDays",
    "neverUsedGraceDays",
    "maxReleasePercent",
    "value",
    // Licenses.
    "license",
    "type",
    "expiry",
    "state",
    "expired",
    "thresholdDays",
    "enabled",
    "total",
    "allocated",
    "available",
    "allocatedMinutes",
    "usedMinutes",
    "allocatedTokens",
    "usedTokens",
    "totalTokens",
    "availableTokens",
    // Activity and changes.
    "people",
    "changes",
    "counts",
    // The app and alerts.
    "health",
    "failures",
    "errors",
    "notes",
    "staleHours",
    "runningLongMinutes",
    "statusName",
    "rule",
    "subject",
    "fingerprint",
    "severity",
    "title",
    "hint",
    "since",
    "repeats",
    "facts",
];

/// What an older build did not write yet, as far as events and the ledger go.
#[test]
fn every_other_field_may_be_absent() {
    let mut removed = BTreeSet::new();
    for form in FORMS.iter().filter(|form| ["events", "entries"].contains(&form.folder)) {
        for (name, text) in files(form.folder) {
            let old: Value = serde_json::from_str(&text).unwrap();
            let mut places = Vec::new();
            objects("", &old, &mut places);
            for place in places {
                let fields = object(&mut old.clone(), &place).clone();
                let moment = fields.len() == 1
                    && ["at", "unreadable"].iter().any(|m| fields.contains_key(*m));
                for field in fields.keys().filter(|f| !moment && !ALWAYS.contains(&f.as_str())) {
                    let mut without = old.clone();
                    object(&mut without, &place).shift_remove(field);
                    let what = format!("{}/{name}.json without {place}/{field}", form.folder);
                    let new = (form.again)(&without.to_string()).unwrap_or_else(|e| {
                        panic!("{what}: {e}; a field that is added has #[serde(default)]")
                    });
                    assert_kept(&what, &without, &new);
                    removed.insert(field.clone());
                }
            }
        }
    }
    assert!(removed.len() > 60, "{}: {removed:?}", removed.len());
}
