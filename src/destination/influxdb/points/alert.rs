//! Alerts as points: each message one, with few different tags.

use crate::destination::influxdb::line::{Field, Point};
use crate::event::{AlertNotice, AlertStatus, Event};

const MEASUREMENT: &str = "bursar_alert";
const NAMES: [&str; 9] =
    ["rule", "severity", "status", "subject", "test", "firing", "repeats", "title", "text"];

pub(super) fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
}

/// `firing` is a figure, too, so that a panel can count or draw it: 1 fires, 0 is over. A test has a tag
/// of its own, and fires nothing.
pub(super) fn notice(
    event: &Event,
    notice: &AlertNotice,
    mut tags: Vec<(String, String)>,
) -> Point {
    tags.push(("rule".into(), notice.rule.to_string()));
    tags.push(("severity".into(), notice.severity.as_str().into()));
    tags.push(("status".into(), notice.status.as_str().into()));
    if !notice.subject.is_empty() {
        tags.push(("subject".into(), notice.subject.clone()));
    }
    if notice.test {
        tags.push(("test".into(), "true".into()));
    }
    let fires = notice.status == AlertStatus::Firing && !notice.test;
    let firing = if fires { 1.0 } else { 0.0 };
    let fields = vec![
        ("firing".into(), Field::Float(firing)),
        ("repeats".into(), Field::Float(f64::from(notice.repeats))),
        ("title".into(), Field::Text(notice.title.clone())),
        ("text".into(), Field::Text(notice.text.clone())),
    ];
    Point { measurement: MEASUREMENT, tags, fields, time: event.time }
}
