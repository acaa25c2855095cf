//! The License Monitor app, its reload task, nodes and services.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::monitor_app::{MonitorApp, ScriptLogApi};
use super::rows::reference;
use super::script_logs;
use super::wire::{NO_ID, NO_TIME, named_id, time_or_none, time_text};

/// The default stream of the monitoring apps has the same id on every site.
const MONITORING_STREAM: &str = "a70ca8a5-1d59-4cc9-b5fa-6e207978dcaf";
const NODE: &str = "qlik01.example.com";
const LOG_SIZE: i64 = 6964;
/// A run takes so long.
const RUN_TIME: TimeDelta = TimeDelta::milliseconds(49_784);

pub(super) const TASK_STATUS: &[&str] = &[
    "NeverStarted",
    "Triggered",
    "Started",
    "Queued",
    "AbortInitiated",
    "Aborting",
    "Aborted",
    "FinishedSuccess",
    "FinishedFail",
    "Skipped",
    "Retry",
    "Error",
    "Reset",
    "DistributionQueue",
    "DistributionRunning",
];

#[derive(Debug)]
pub(super) struct Operations {
    pub settings: MonitorApp,
    start: DateTime<Utc>,
    /// The name that the id of the site's node is made of.
    pub node: String,
    /// Downloads that still answer 404, by the reference that was given out.
    downloads: HashMap<Uuid, u32>,
}

/// So many runs a site keeps.
const MOST_RUNS: usize = 200;

impl Operations {
    pub(crate) fn new(settings: &MonitorApp, start: DateTime<Utc>) -> Self {
        Self { settings: settings.clone(), start, node: NODE.to_owned(), downloads: HashMap::new() }
    }

    /// When the last run ended (or would end), `None` when there was none.
    fn last_stop(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let settings = &self.settings;
        let last = settings.last_reload.resolve(self.start).filter(|_| settings.status != 0)?;
        if !settings.repeats || !settings.enabled || settings.every_minutes < 1 {
            return Some(last);
        }
        let since = (now - last).num_minutes().max(0);
        Some(last + TimeDelta::minutes(since - since % settings.every_minutes))
    }

    /// The runs, newest first.
    fn runs(&self, now: DateTime<Utc>) -> Vec<Run> {
        let settings = &self.settings;
        let Some(last) = self.last_stop(now) else { return Vec::new() };
        let every = TimeDelta::minutes(settings.every_minutes.max(1));
        // Those that failed did so at their times: more of them come as the clock goes on.
        let first_failed = self.first_failed().unwrap_or(last);
        let since = (last - first_failed).num_minutes().max(0) / every.num_minutes();
        let since = usize::try_from(since).unwrap_or(0);
        let count = settings.history.max(if is_failed(settings.status) { since + 2 } else { 1 });
        (0..count.min(MOST_RUNS))
            .map(|n| {
                let stop = last - every * i32::try_from(n).unwrap_or(i32::MAX);
                let status = match is_failed(settings.status) {
                    true if stop < first_failed || self.is_mended(stop) => 7,
                    false if n > 0 => 7,
                    _ => settings.status,
                };
                Run { status, began: stop - RUN_TIME, stop }
            })
            .collect()
    }

    /// When the first of the runs ended that failed.
    fn first_failed(&self) -> Option<DateTime<Utc>> {
        let settings = &self.settings;
        let last = settings.last_reload.resolve(self.start)?;
        let before = i32::try_from(settings.failures.max(1) - 1).unwrap_or(i32::MAX);
        Some(last - TimeDelta::minutes(settings.every_minutes.max(1)) * before)
    }

    /// Whether somebody has mended what made runs fail.
    fn is_mended(&self, at: DateTime<Utc>) -> bool {
        let after = self.settings.mended_after_minutes;
        after.is_some_and(|minutes| at - self.start >= TimeDelta::minutes(minutes))
    }

    /// When the app was reloaded last.
    fn reloaded(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let runs = self.runs(now);
        let done = runs.iter().find(|run| run.status == 7).map(|run| run.stop);
        // The history is not that long.
        let every = TimeDelta::minutes(self.settings.every_minutes.max(1));
        done.or_else(|| {
            let is_failed = runs.first().is_some_and(|run| is_failed(run.status));
            self.first_failed().filter(|_| is_failed && runs.len() == MOST_RUNS).map(|t| t - every)
        })
    }

    /// Rows of `/qrs/app/full`.
    pub(crate) fn apps(&self, now: DateTime<Utc>) -> Vec<Value> {
        let own = (0..self.settings.copies).map(|n| {
            let (stream, reloaded) = match n {
                0 => (stream(&self.settings.stream), self.reloaded(now)),
                _ => (Value::Null, None),
            };
            self.app(n, stream, reloaded)
        });
        let elsewhere = (0..self.settings.elsewhere).map(|n| {
            let stream = stream(&format!("Stream {}", n + 1));
            self.app(self.settings.copies + n, stream, None)
        });
        elsewhere.chain(own).collect()
    }

    fn app(&self, n: usize, stream: Value, reloaded: Option<DateTime<Utc>>) -> Value {
        let published = !stream.is_null();
        let created = self.start - TimeDelta::days(1800 - n as i64);
        json!({
            "id": app_id(n).to_string(),
            "createdDate": time_text(created),
            "modifiedDate": time_text(reloaded.unwrap_or(created)),
            "modifiedByUserName": "INTERNAL\\sa_scheduler",
            "customProperties": [],
            "owner": {
                "id": named_id("user", "sa_repository").to_string(),
                "userId": "sa_repository",
                "userDirectory": "INTERNAL",
                "userDirectoryConnectorName": "INTERNAL",
                "name": "sa_repository",
                "privileges": null,
            },
            "name": self.settings.app_name,
            "appId": "",
            "sourceAppId": NO_ID,
            "targetAppId": NO_ID,
            "publishTime": time_or_none(published.then_some(created + TimeDelta::minutes(10))),
            "published": published,
            "tags": [],
            "description": "sample",
            "stream": stream,
            "fileSize": 3_075_944,
            "lastReloadTime": time_or_none(reloaded),
            "thumbnail": "",
            "savedInProductVersion": "12.170.2",
            "migrationHash": "0000000000000000000000000000000000000000",
            "dynamicColor": "",
            "availabilityStatus": 5,
            "privileges": null,
            "schemaPath": "App",
        })
    }

    /// Rows of `/qrs/reloadtask/full`.
    pub(crate) fn tasks(&self, now: DateTime<Utc>) -> Vec<Value> {
        if self.settings.copies == 0 || !self.settings.task {
            return Vec::new();
        }
        let created = self.start - TimeDelta::days(1800);
        let stop = self.last_stop(now);
        let next = stop.map(|t| t + TimeDelta::minutes(self.settings.every_minutes));
        let mut result = match self.runs(now).first() {
            Some(run) => run.row(),
            None => self.never(),
        };
        for only_in_history in
            ["createdDate", "modifiedDate", "modifiedByUserName", "taskID", "executionID"]
        {
            result.shift_remove(only_in_history);
        }
        for only_in_history in ["appID", "executingNodeID", "schemaPath"] {
            result.shift_remove(only_in_history);
        }
        vec![json!({
            "id": task_id().to_string(),
            "createdDate": time_text(created),
            "modifiedDate": time_text(stop.unwrap_or(created)),
            "modifiedByUserName": "INTERNAL\\sa_scheduler",
            "customProperties": [],
            "app": {
                "id": app_id(0).to_string(),
                "name": self.settings.app_name,
                "appId": "",
                "publishTime": time_text(created + TimeDelta::minutes(10)),
                "published": true,
                "stream": stream(&self.settings.stream),
                "savedInProductVersion": "12.170.2",
                "migrationHash": "0000000000000000000000000000000000000000",
                "availabilityStatus": 5,
                "privileges": null,
            },
            "isManuallyTriggered": false,
            "isPartialReload": false,
            "operational": {
                "id": named_id("operational", "0").to_string(),
                "lastExecutionResult": result,
                "nextExecution": time_or_none(next),
                "privileges": null,
            },
            "name": self.settings.task_name,
            "taskType": 0,
            "enabled": self.settings.enabled,
            "taskSessionTimeout": 1440,
            "maxRetries": 0,
            "tags": [],
            "privileges": null,
            "schemaPath": "ReloadTask",
        })]
    }

    /// Rows of `/qrs/executionresult/full`, newest first.
    pub(crate) fn executions(&self, now: DateTime<Utc>) -> Vec<Value> {
        if self.settings.copies == 0 || !self.settings.task {
            return Vec::new();
        }
        self.runs(now).iter().map(|run| Value::Object(run.row())).collect()
    }

    /// The last run of a task that never ran.
    fn never(&self) -> serde_json::Map<String, Value> {
        object(json!({
            "id": NO_ID,
            "executingNodeName": "",
            "status": self.settings.status,
            "startTime": NO_TIME,
            "stopTime": NO_TIME,
            "duration": 0,
            "fileReferenceID": NO_ID,
            "scriptLogAvailable": false,
            "details": [],
            "scriptLogLocation": "",
            "scriptLogSize": 0,
            "privileges": null,
        }))
    }

    /// The reference to download a script log with. `old` = asked by file reference.
    pub(crate) fn script_log(
        &mut self,
        task: &str,
        old: bool,
        reference: &str,
        now: DateTime<Utc>,
    ) -> Option<Value> {
        let known = match self.settings.script_log {
            ScriptLogApi::Both => true,
            ScriptLogApi::Old => old,
            ScriptLogApi::New => !old,
            ScriptLogApi::Neither => false,
        };
        let wanted = Uuid::try_parse(reference).ok();
        let runs = self.runs(now);
        let run = runs.iter().filter(|run| !run.is_running()).find(|run| {
            wanted == Some(if old { run.id_of("file") } else { run.id_of("executionresult") })
        })?;
        if !known || Uuid::try_parse(task).ok() != Some(task_id()) {
            return None;
        }
        let id = run.id_of("download");
        self.downloads.entry(id).or_insert(self.settings.early_not_found);
        Some(json!({ "value": id.to_string() }))
    }

    /// The script log itself; `None` while it isn't ready.
    pub(crate) fn download(&mut self, reference: &str, now: DateTime<Utc>) -> Option<String> {
        let id = Uuid::try_parse(reference).ok()?;
        let run = self.runs(now).into_iter().find(|run| run.id_of("download") == id)?;
        let waits = self.downloads.get_mut(&id)?;
        if *waits > 0 {
            *waits -= 1;
            return None;
        }
        let error = is_failed(run.status).then_some(self.settings.script_error);
        Some(script_logs::text(run.began, run.stop, error))
    }

    pub(crate) fn nodes(&self) -> Vec<Value> {
        vec![json!({
            "id": named_id("node", &self.node).to_string(),
            "name": "Central",
            "hostName": NODE,
            "temporaryfilepath": "C:\\Users\\svc\\AppData\\Local\\Temp\\",
            "serviceCluster": reference(named_id("cluster", "0"), "ServiceCluster"),
            "privileges": null,
        })]
    }

    /// As [`Self::nodes`], with what the long form adds.
    pub(crate) fn nodes_full(&self) -> Vec<Value> {
        let mut nodes = self.nodes();
        for node in &mut nodes {
            node["isCentral"] = json!(true);
            node["nodePurpose"] = json!(0);
            node["engineEnabled"] = json!(true);
            node["proxyEnabled"] = json!(true);
            node["schedulerEnabled"] = json!(true);
            node["printingEnabled"] = json!(true);
            node["roles"] = json!([]);
            node["schemaPath"] = json!("ServerNodeConfiguration");
        }
        nodes
    }

    pub(crate) fn services(&self, now: DateTime<Utc>) -> Vec<Value> {
        let kinds = [(0, "Repository"), (1, "Proxy"), (2, "Scheduler"), (3, "Engine")];
        let row = |(number, name): (i32, &str)| {
            json!({
                "id": named_id("service", name).to_string(),
                "createdDate": time_text(self.start - TimeDelta::days(1800)),
                "modifiedDate": time_text(now),
                "modifiedByUserName": "INTERNAL\\sa_repository",
                "serverNodeConfiguration": reference(named_id("node", &self.node), "Central"),
                "serviceType": number,
                "serviceState": 2,
                "timestamp": time_text(now),
                "privileges": null,
                "schemaPath": "ServiceStatus",
            })
        };
        kinds.into_iter().map(row).collect()
    }
}

/// `/qrs/about/api/enums`, the part that matters for tasks and services.
pub(super) fn enums() -> Value {
    let status: Vec<String> =
        TASK_STATUS.iter().enumerate().map(|(n, name)| format!("{n}: {name}")).collect();
    json!({
        "StatusEnum": { "values": status, "usages": ["ExecutionResult.Status"] },
        "ServiceStateEnum": {
            "values": ["0: Initializing", "1: CertificatesNotInstalled", "2: Running"],
            "usages": ["ServiceStatus.ServiceState"],
        },
        "TaskTypeEnum": { "values": ["0: Reload", "1: ExternalProgram"], "usages": [] },
    })
}

/// A run of the task.
#[derive(Debug)]
struct Run {
    status: u8,
    began: DateTime<Utc>,
    stop: DateTime<Utc>,
}

impl Run {
    /// Ids follow from the time, so that a run has the same ones for ever.
    fn id_of(&self, what: &str) -> Uuid {
        named_id(what, &self.stop.timestamp_millis().to_string())
    }

    fn is_running(&self) -> bool {
        matches!(self.status, 1..=5 | 10 | 13 | 14)
    }

    fn row(&self) -> serde_json::Map<String, Value> {
        let running = self.is_running();
        let messages: &[&str] = if is_failed(self.status) {
            &[
                "Changing task state to Triggered",
                "Message from ReloadProvider: Reload failed in Engine. Check engine or script logs.",
            ]
        } else {
            &[
                "Changing task state to Triggered",
                "Trying to start task. Sending task to slave-node qlik01.example.com",
            ]
        };
        let details: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(n, message)| {
                let time = self.began + TimeDelta::milliseconds(224 * n as i64);
                json!({
                    "id": named_id("detail", &n.to_string()).to_string(),
                    "detailsType": 2,
                    "message": message,
                    "detailCreatedDate": time_text(time),
                    "privileges": null,
                })
            })
            .collect();
        let log_name = self.stop.format("%Y%m%dT%H%M%S%.3f+0000");
        object(json!({
            "id": self.id_of("executionresult").to_string(),
            "createdDate": time_text(self.began),
            "modifiedDate": time_text(self.stop),
            "modifiedByUserName": "INTERNAL\\sa_scheduler",
            "taskID": task_id().to_string(),
            "executionID": self.id_of("execution").to_string(),
            "appID": app_id(0).to_string(),
            "executingNodeID": named_id("node", NODE).to_string(),
            "executingNodeName": NODE,
            "status": self.status,
            "startTime": time_text(self.began),
            "stopTime": if running { NO_TIME.to_owned() } else { time_text(self.stop) },
            "duration": if running { 0 } else { RUN_TIME.num_milliseconds() },
            "fileReferenceID":
                if running { NO_ID.to_owned() } else { self.id_of("file").to_string() },
            // As seen live: false although there is a log.
            "scriptLogAvailable": false,
            "details": details,
            "scriptLogLocation":
                format!("{NODE}\\Script\\{}.{log_name}.ABCDEF0123456789ABCD.log", app_id(0)),
            "scriptLogSize": if running { 0 } else { LOG_SIZE },
            "privileges": null,
            "schemaPath": "ExecutionResult",
        }))
    }
}

fn is_failed(status: u8) -> bool {
    matches!(status, 6 | 8 | 11)
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

fn stream(name: &str) -> Value {
    let id = match name {
        "Monitoring apps" => MONITORING_STREAM.to_owned(),
        other => named_id("stream", other).to_string(),
    };
    json!({ "id": id, "name": name, "privileges": null })
}

fn app_id(n: usize) -> Uuid {
    named_id("app", &n.to_string())
}

fn task_id() -> Uuid {
    named_id("task", "0")
}
