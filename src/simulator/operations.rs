//! The License Monitor app, its reload task, nodes and services.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rows::reference;
use super::scenario::{MonitorApp, ScriptLogApi};
use super::wire::{NO_ID, NO_TIME, named_id, time_or_none, time_text};

/// The default stream of the monitoring apps has the same id on every site.
const MONITORING_STREAM: &str = "a70ca8a5-1d59-4cc9-b5fa-6e207978dcaf";
const NODE: &str = "qlik01.example.com";
const LOG_SIZE: i64 = 6964;

const TASK_STATUS: &[&str] = &[
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
    /// Downloads that still answer 404, by the reference that was given out.
    downloads: HashMap<Uuid, u32>,
}

impl Operations {
    pub fn new(settings: &MonitorApp, start: DateTime<Utc>) -> Self {
        Self { settings: settings.clone(), start, downloads: HashMap::new() }
    }

    fn last_stop(&self) -> Option<DateTime<Utc>> {
        let never_ran = self.settings.status == 0;
        self.settings.last_reload.resolve(self.start).filter(|_| !never_ran)
    }

    /// Rows of `/qrs/app/full`.
    pub fn apps(&self) -> Vec<Value> {
        (0..self.settings.copies).map(|n| self.app(n)).collect()
    }

    fn app(&self, n: usize) -> Value {
        let published = n == 0;
        let created = self.start - TimeDelta::days(1800 - n as i64);
        let reloaded = self.last_stop().filter(|_| published);
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
            "name": "License Monitor",
            "appId": "",
            "sourceAppId": NO_ID,
            "targetAppId": NO_ID,
            "publishTime": time_or_none(published.then_some(created + TimeDelta::minutes(10))),
            "published": published,
            "tags": [],
            "description": "sample",
            "stream": if published { stream() } else { Value::Null },
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
    pub fn tasks(&self) -> Vec<Value> {
        if self.settings.copies == 0 {
            return Vec::new();
        }
        let created = self.start - TimeDelta::days(1800);
        let stop = self.last_stop();
        let next = stop.map(|t| t + TimeDelta::minutes(self.settings.every_minutes));
        let mut result = self.execution();
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
                "name": "License Monitor",
                "appId": "",
                "publishTime": time_text(created + TimeDelta::minutes(10)),
                "published": true,
                "stream": stream(),
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

    /// Rows of `/qrs/executionresult/full`: the last run, if there was one.
    pub fn executions(&self) -> Vec<Value> {
        if self.last_stop().is_none() || self.settings.copies == 0 {
            return Vec::new();
        }
        vec![Value::Object(self.execution())]
    }

    fn execution(&self) -> serde_json::Map<String, Value> {
        let status = self.settings.status;
        let Some(stop) = self.last_stop() else {
            return object(json!({
                "id": NO_ID,
                "executingNodeName": "",
                "status": status,
                "startTime": NO_TIME,
                "stopTime": NO_TIME,
                "duration": 0,
                "fileReferenceID": NO_ID,
                "scriptLogAvailable": false,
                "details": [],
                "scriptLogLocation": "",
                "scriptLogSize": 0,
                "privileges": null,
            }));
        };
        let running = matches!(status, 1..=5 | 10 | 13 | 14);
        let began = stop - TimeDelta::milliseconds(49_784);
        let messages: &[&str] = match status {
            6 | 8 | 11 => &[
                "Changing task state to Triggered",
                "Message from ReloadProvider: Reload failed in Engine. Check engine or script logs.",
            ],
            _ => &[
                "Changing task state to Triggered",
                "Trying to start task. Sending task to slave-node qlik01.example.com",
            ],
        };
        let details: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(n, message)| {
                json!({
                    "id": named_id("detail", &n.to_string()).to_string(),
                    "detailsType": 2,
                    "message": message,
                    "detailCreatedDate": time_text(began + TimeDelta::milliseconds(224 * n as i64)),
                    "privileges": null,
                })
            })
            .collect();
        let log_name = stop.format("%Y%m%dT%H%M%S%.3f+0000");
        object(json!({
            "id": execution_id().to_string(),
            "createdDate": time_text(began),
            "modifiedDate": time_text(stop),
            "modifiedByUserName": "INTERNAL\\sa_scheduler",
            "taskID": task_id().to_string(),
            "executionID": named_id("execution", "1").to_string(),
            "appID": app_id(0).to_string(),
            "executingNodeID": named_id("node", NODE).to_string(),
            "executingNodeName": NODE,
            "status": status,
            "startTime": time_text(began),
            "stopTime": if running { NO_TIME.to_owned() } else { time_text(stop) },
            "duration": if running { 0 } else { 49_784 },
            "fileReferenceID": if running { NO_ID.to_owned() } else { file_id().to_string() },
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

    /// The reference to download a script log with. `old` = asked by file reference.
    pub fn script_log(&mut self, task: &str, old: bool, reference: &str) -> Option<Value> {
        let known = match self.settings.script_log {
            ScriptLogApi::Both => true,
            ScriptLogApi::Old => old,
            ScriptLogApi::New => !old,
        };
        let wanted = if old { file_id() } else { execution_id() };
        let fits = Uuid::try_parse(task).ok() == Some(task_id())
            && Uuid::try_parse(reference).ok() == Some(wanted);
        if !known || !fits || self.last_stop().is_none() {
            return None;
        }
        let id = named_id("download", "1");
        self.downloads.entry(id).or_insert(self.settings.early_not_found);
        Some(json!({ "value": id.to_string() }))
    }

    /// The script log itself; `None` while it isn't ready.
    pub fn download(&mut self, reference: &str) -> Option<String> {
        let waits = self.downloads.get_mut(&Uuid::try_parse(reference).ok()?)?;
        if *waits > 0 {
            *waits -= 1;
            return None;
        }
        let failed = matches!(self.settings.status, 6 | 8 | 11);
        let end = if failed {
            "Error: HTTP protocol error 401 (Unauthorized)\r\nExecution Failed\r\n"
        } else {
            "Execution finished.\r\n"
        };
        Some(format!("Execution started.\r\n0001 SET ThousandSep=','\r\n{end}"))
    }

    pub fn nodes(&self) -> Vec<Value> {
        vec![json!({
            "id": named_id("node", NODE).to_string(),
            "name": "Central",
            "hostName": NODE,
            "temporaryfilepath": "C:\\Users\\svc\\AppData\\Local\\Temp\\",
            "serviceCluster": reference(named_id("cluster", "0"), "ServiceCluster"),
            "privileges": null,
        })]
    }

    /// As [`Self::nodes`], with what the long form adds.
    pub fn nodes_full(&self) -> Vec<Value> {
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

    pub fn services(&self, now: DateTime<Utc>) -> Vec<Value> {
        let kinds = [(0, "Repository"), (1, "Proxy"), (2, "Scheduler"), (3, "Engine")];
        let row = |(number, name): (i32, &str)| {
            json!({
                "id": named_id("service", name).to_string(),
                "createdDate": time_text(self.start - TimeDelta::days(1800)),
                "modifiedDate": time_text(now),
                "modifiedByUserName": "INTERNAL\\sa_repository",
                "serverNodeConfiguration": reference(named_id("node", NODE), "Central"),
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

fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

fn stream() -> Value {
    json!({ "id": MONITORING_STREAM, "name": "Monitoring apps", "privileges": null })
}

fn app_id(n: usize) -> Uuid {
    named_id("app", &n.to_string())
}

fn task_id() -> Uuid {
    named_id("task", "0")
}

fn execution_id() -> Uuid {
    named_id("executionresult", "1")
}

fn file_id() -> Uuid {
    named_id("file", "1")
}
