//! The License Monitor app as a point: no names, so that a site is one series.

use chrono::{DateTime, Utc};

use crate::destination::influxdb::line::{Field, Point};
use crate::event::Event;
use crate::license::monitor_app::MonitorApp;

const MONITOR_APP: &str = "bursar_monitor_app";

/// Names of the fields.
pub(super) const FIELDS: [&str; 9] = [
    "health",
    "healthy",
    "cause",
    "data_age_hours",
    "last_status",
    "last_run_seconds",
    "running_minutes",
    "failures",
    "errors",
];

/// Fields of which nothing is known are left out.
pub(super) fn point(event: &Event, app: &MonitorApp, tags: Vec<(String, String)>) -> Point {
    let hours = |since: DateTime<Utc>| (event.time - since).num_seconds() as f64 / 3600.0;
    let mut fields = vec![
        ("health".into(), Field::Text(app.health.as_str().into())),
        ("healthy".into(), Field::Bool(app.health.is_fine())),
    ];
    // Always there, so that the last value of the field is never that of an older failure.
    let cause = app.cause.map_or("none", |cause| cause.as_str());
    fields.push(("cause".into(), Field::Text(cause.into())));
    let mut number = |name: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            fields.push((name.into(), Field::Float(value)));
        }
    };
    let last = app.last_run.as_ref();
    number("data_age_hours", app.data_from.map(hours));
    number("last_status", last.map(|run| run.status as f64));
    number("last_run_seconds", last.and_then(|run| run.seconds));
    number("running_minutes", app.running_since.map(|since| hours(since) * 60.0));
    number("failures", Some(app.failures.into()));
    number("errors", Some(app.errors.len() as f64));
    Point { measurement: MONITOR_APP, tags, fields, time: event.time }
}
