//! What MQTT and webhooks send of each kind of event: the bytes, the schemas, the page.

use std::collections::BTreeSet;
use std::fmt::Write;

use bursar::destination::influxdb::points::points;
use bursar::destination::payload::{alert_text, json, webhook_json};
use bursar::event::{Event, Kind, Nature, UserTag};

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
