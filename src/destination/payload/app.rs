//! What MQTT and webhooks send of the License Monitor app.
//!
//! | key | value |
//! | --- | --- |
//! | `health` | `healthy`, `running`, `runningLong`, `failed`, `stale`, `missing`, `never`, `disabled` or `unknown` |
//! | `healthy` | true while nobody has to do anything |
//! | `text` | the state as one sentence |
//! | `hint` | what to do about it; `null` while healthy |
//! | `app` | `id`, `name` and `stream` (`null` = not published); `null` when it was not found |
//! | `task` | `id`, `name` and `enabled`; `null` when there is none |
//! | `lastRun` | `id`, `status` (the site's number), `statusName`, `start`, `stop`, `seconds`, `node`; `null` when it never ran |
//! | `dataFrom` | when the app's data were loaded; `null` = never, or not known |
//! | `dataAgeHours` | how old that was when the site was looked at |
//! | `runningSince`, `nextRun` | times or `null` |
//! | `failures` | runs that failed in a row |
//! | `cause` | what usually makes a reload fail so, a word; `null` unless it failed |
//! | `errors` | error lines of the script log, secrets masked |
//! | `notes` | what is odd beside the state |
//! | `staleHours`, `runningLongMinutes` | the settings |

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::time;
use crate::license::monitor_app::{AppRun, MonitorApp};

pub(super) fn monitor_app(app: &MonitorApp, now: DateTime<Utc>) -> Map<String, Value> {
    let moment = |at: Option<DateTime<Utc>>| at.map_or(Value::Null, time);
    let run = |run: &AppRun| {
        json!({
            "id": run.id.map(|id| id.to_string()),
            "status": run.status,
            "statusName": run.status_name,
            "start": moment(run.start),
            "stop": moment(run.stop),
            "seconds": run.seconds,
            "node": run.node,
        })
    };
    let hours = app.age(now).map(|age| (age.num_seconds() as f64 / 360.0).round() / 10.0);
    let entries = [
        ("health", app.health.as_str().into()),
        ("healthy", app.health.is_fine().into()),
        ("text", app.text.as_str().into()),
        ("hint", app.hint.as_deref().into()),
        (
            "app",
            app.app.as_ref().map_or(Value::Null, |app| {
                json!({ "id": app.id.to_string(), "name": app.name, "stream": app.stream })
            }),
        ),
        (
            "task",
            app.task.as_ref().map_or(Value::Null, |task| {
                json!({ "id": task.id.to_string(), "name": task.name, "enabled": task.enabled })
            }),
        ),
        ("lastRun", app.last_run.as_ref().map_or(Value::Null, run)),
        ("dataFrom", moment(app.data_from)),
        ("dataAgeHours", hours.into()),
        ("runningSince", moment(app.running_since)),
        ("nextRun", moment(app.next_run)),
        ("failures", app.failures.into()),
        ("cause", app.cause.map(|cause| cause.as_str()).into()),
        ("errors", app.errors.clone().into()),
        ("notes", app.notes.clone().into()),
        ("staleHours", app.stale_hours.into()),
        ("runningLongMinutes", app.running_long_minutes.into()),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
