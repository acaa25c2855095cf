//! How long the daemon has been running, as a point in the measurement that Butler has for itself.

use crate::destination::influxdb::line::{Field, Point};
use crate::event::{DaemonUptime, Event};

const MEMORY_USAGE: &str = "butler_memory_usage";

/// Names of its fields and its own tag, and those of Butler's fields: another tag can't have them.
pub(super) const NAMES: [&str; 6] =
    ["process_memory", "uptime_seconds", "version", "heap_used", "heap_total", "external"];

/// Memory is in MiB with two decimals, as Butler has it.
pub(super) fn point(
    event: &Event,
    uptime: &DaemonUptime,
    mut tags: Vec<(String, String)>,
) -> Point {
    tags.push(("version".into(), uptime.version.clone()));
    let memory =
        uptime.memory_bytes.map(|bytes| (bytes as f64 / 1_048_576.0 * 100.0).round() / 100.0);
    let fields = memory
        .map(|memory| ("process_memory".into(), Field::Float(memory)))
        .into_iter()
        .chain([("uptime_seconds".into(), Field::Float(uptime.seconds as f64))])
        .collect();
    Point { measurement: MEMORY_USAGE, tags, fields, time: event.time }
}
