//! Apps, their reload tasks, the runs of these and their script logs: what it takes to tell how the
//! License Monitor app fares.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::answer::{Sink, Stop};
use super::filter::{Field, Filter};
use super::loose::{Any, Name, Words};
use super::{Client, Error, Patience};
use crate::license::Moment;
use crate::license::monitor_app::{
    App, Execution, ScriptLog, Stream, Task, TaskStatus, script_log,
};

const TASK_ID: Field = Field::new("taskID");
const START_TIME: Field = Field::new("startTime");

/// A script log beyond this is not read to its end. Logs of the app have some hundred kilobytes.
const MAX_LOG: usize = 64 * 1024 * 1024;

/// So much of its end is kept while it is read.
const KEPT_LOG: usize = 256 * 1024;

/// A download answers 404 for a moment after its reference was given out.
const DOWNLOAD_TRIES: u32 = 3;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppRow {
    id: Uuid,
    name: Name,
    published: bool,
    #[serde(default)]
    stream: Option<StreamRow>,
    #[serde(default)]
    last_reload_time: Any<Moment>,
}

#[derive(Debug, Deserialize)]
struct StreamRow {
    #[serde(default)]
    id: Any<Option<Uuid>>,
    name: Name,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskRow {
    id: Uuid,
    name: Name,
    #[serde(default)]
    app: Option<IdRow>,
    enabled: bool,
    operational: Operational,
}

#[derive(Debug, Deserialize)]
struct IdRow {
    id: Uuid,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operational {
    /// Null of a task that never ran, on some servers.
    #[serde(default)]
    last_execution_result: Option<ExecutionRow>,
    #[serde(default)]
    next_execution: Any<Moment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionRow {
    id: Uuid,
    status: i64,
    #[serde(default)]
    start_time: Any<Moment>,
    #[serde(default)]
    stop_time: Any<Moment>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    executing_node_name: Any<Option<Box<str>>>,
    #[serde(default, rename = "fileReferenceID")]
    file_reference: Any<Option<Uuid>>,
    #[serde(default)]
    details: Option<Vec<DetailRow>>,
}

#[derive(Debug, Deserialize)]
struct DetailRow {
    #[serde(default)]
    message: Any<Words>,
}

/// `{"value": "<guid>"}`
#[derive(Debug, Deserialize)]
struct Reference {
    value: Uuid,
}

impl From<AppRow> for App {
    fn from(row: AppRow) -> Self {
        Self {
            id: row.id,
            name: row.name.0.into(),
            published: row.published,
            stream: row.stream.map(|stream| Stream { id: stream.id.0, name: stream.name.0.into() }),
            last_reload: row.last_reload_time.0,
        }
    }
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        let never = || Execution {
            id: None,
            status: TaskStatus(0),
            start: Moment::Never,
            stop: Moment::Never,
            milliseconds: None,
            node: None,
            file: None,
            messages: Vec::new(),
        };
        Self {
            id: row.id,
            name: row.name.0.into(),
            app: row.app.map(|app| app.id),
            enabled: row.enabled,
            last: row.operational.last_execution_result.map_or_else(never, Execution::from),
            next: row.operational.next_execution.0,
        }
    }
}

impl From<ExecutionRow> for Execution {
    fn from(row: ExecutionRow) -> Self {
        let messages = row.details.unwrap_or_default().into_iter();
        let messages: Vec<String> = messages
            .filter_map(|detail| detail.message.0.0)
            .map(|message| script_log::clean(&message))
            .collect();
        Self {
            id: Some(row.id).filter(|id| !id.is_nil()),
            status: TaskStatus(row.status),
            start: row.start_time.0,
            stop: row.stop_time.0,
            milliseconds: row.duration.map(|ms| ms as i64),
            node: row.executing_node_name.0.map(String::from),
            file: row.file_reference.0,
            // The last ones say how it ended.
            messages: messages.into_iter().rev().take(3).rev().collect(),
        }
    }
}

impl Client {
    /// The apps that match.
    ///
    /// # Errors
    /// See [`Error`]. Whoever may not read apps gets [`Error::Forbidden`] or, where a security rule
    /// hides single ones, a list without them.
    pub async fn apps(&self, filter: &Filter, patience: Patience) -> Result<Vec<App>, Error> {
        let rows = self.list_full::<AppRow>("app", Some(filter), patience).await?;
        Ok(rows.value.into_iter().map(App::from).collect())
    }

    /// The reload tasks that match.
    ///
    /// # Errors
    /// As for [`apps`](Self::apps).
    pub async fn reload_tasks(
        &self,
        filter: &Filter,
        patience: Patience,
    ) -> Result<Vec<Task>, Error> {
        let rows = self.list_full::<TaskRow>("reloadtask", Some(filter), patience).await?;
        Ok(rows.value.into_iter().map(Task::from).collect())
    }

    /// The runs of a task that began at `since` or later.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn executions(
        &self,
        task: Uuid,
        since: DateTime<Utc>,
        patience: Patience,
    ) -> Result<Vec<Execution>, Error> {
        let filter = TASK_ID.eq(task).and(START_TIME.ge(since));
        let rows =
            self.list_full::<ExecutionRow>("executionresult", Some(&filter), patience).await?;
        Ok(rows.value.into_iter().map(Execution::from).collect())
    }

    /// The end of a run's script log: by the way that servers have had for long, then by that of
    /// newer ones.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] when neither way knows a log of this run.
    pub async fn script_log(
        &self,
        task: Uuid,
        run: &Execution,
        patience: Patience,
    ) -> Result<ScriptLog, Error> {
        let old = run.file.map(|id| ("scriptlog", "fileReferenceId", id));
        let new = run.id.map(|id| ("scriptlogfile", "executionResultId", id));
        let mut error =
            Error::NotFound { url: self.shown(&format!("reloadtask/{task}/scriptlog")) };
        for (route, name, id) in old.into_iter().chain(new) {
            let path = format!("reloadtask/{task}/{route}");
            let id = id.to_string();
            let found = self.get_object::<Reference>(&path, &[(name, id.as_str())], patience).await;
            let log = match found {
                Ok(reference) => self.download(reference.value.value, patience).await,
                Err(error) => Err(error),
            };
            match log {
                Ok(log) => return Ok(log),
                Err(failed) if failed.is_transient() => return Err(failed),
                // A refusal says more than that there is nothing.
                Err(failed) if matches!(error, Error::NotFound { .. }) => error = failed,
                Err(_) => {}
            }
        }
        Err(error)
    }

    async fn download(&self, reference: Uuid, patience: Patience) -> Result<ScriptLog, Error> {
        // Any name works for the file.
        let path = format!("download/reloadtask/{reference}/scriptlog.txt");
        let first: Duration = self.pace().first;
        let mut wait = first;
        let mut tries = 0;
        loop {
            tokio::time::sleep(wait).await;
            tries += 1;
            match self.get(&path, &[], Tail::default, patience).await {
                Ok(tail) => return Ok(ScriptLog::read(&tail.value.kept, tail.value.cut)),
                Err(Error::NotFound { .. }) if tries < DOWNLOAD_TRIES => wait = first * 4,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Keeps the end of what comes.
#[derive(Debug, Default)]
struct Tail {
    kept: Vec<u8>,
    cut: bool,
}

impl Sink for Tail {
    type Value = Self;

    fn limit(&self) -> usize {
        MAX_LOG
    }

    fn feed(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.kept.extend_from_slice(piece);
        // Seldom, so that a long log isn't moved with every piece.
        if self.kept.len() > 2 * KEPT_LOG {
            self.kept.drain(..self.kept.len() - KEPT_LOG);
            self.cut = true;
        }
        Ok(())
    }

    fn finish(self) -> Result<Self, Stop> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_long_log_the_end_is_kept() {
        let mut tail = Tail::default();
        for n in 0..100_000 {
            tail.feed(format!("line number {n}\r\n").as_bytes()).unwrap();
        }
        assert!(tail.cut && tail.kept.len() <= 2 * KEPT_LOG && tail.kept.len() >= KEPT_LOG);
        assert!(tail.kept.ends_with(b"line number 99999\r\n"));
        let mut short = Tail::default();
        short.feed(b"one").unwrap();
        assert!(!short.cut && short.kept == b"one");
    }

    #[test]
    fn a_task_without_a_last_run_never_ran() {
        let row = json!({
            "id": Uuid::from_u128(1), "name": "t", "enabled": true,
            "operational": {"lastExecutionResult": null, "nextExecution": null},
        });
        let task = Task::from(serde_json::from_value::<TaskRow>(row).unwrap());
        assert_eq!((task.last.id, task.last.status), (None, TaskStatus(0)));
    }

    #[test]
    fn what_decides_must_be_there() {
        let row = json!({"id": Uuid::from_u128(1), "name": "t", "operational": {}});
        assert!(serde_json::from_value::<TaskRow>(row).is_err(), "enabled is missing");
        let run = json!({"id": Uuid::from_u128(1), "status": "7"});
        assert!(serde_json::from_value::<ExecutionRow>(run).is_err());
    }
}
