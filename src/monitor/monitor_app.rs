//! Looks at Qlik's License Monitor app: the app, the task that reloads it, the runs of the task and,
//! after a failure, the script log.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::license::monitor_app::MonitorApp;
use crate::license::monitor_app::choose::{Choice, choose_app, choose_task};
use crate::license::monitor_app::judge::failed_run;
use crate::license::monitor_app::{
    App, Execution, Facts, KeptRun, Limits, ScriptLog, Task, Wanted, judge,
};
use crate::monitor::settings::LicenseMonitorApp;
use crate::qrs::{self, Field};

const ID: Field = Field::new("id");
const NAME: Field = Field::new("name");
const APP_ID: Field = Field::new("app.id");

/// At the first look, runs of so many days are read.
const FIRST_LOOK: TimeDelta = TimeDelta::days(30);

/// Later, those from so long before the last known one: one that was under way then is over now.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// What a look brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub app: MonitorApp,
    /// The runs that were read, the last one included.
    pub runs: Vec<KeptRun>,
}

/// Reads the app and its task, and says how the app fares. `known`: runs of earlier looks, newest
/// first; the log of a run that is among them is not read again.
///
/// # Errors
/// When the app or its task can't be read. A history or a log that can't be read is a note.
pub async fn observe(
    client: &qrs::Client,
    settings: &LicenseMonitorApp,
    known: &[KeptRun],
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Observed, qrs::Error> {
    let wanted = &settings.wanted;
    let mut notes = Vec::new();
    let app = find_app(client, wanted, &mut notes, patience).await?;
    let task = match &app {
        Some(app) => find_task(client, wanted, app, &mut notes, patience).await?,
        None => None,
    };
    let mut history = Vec::new();
    let mut log = None;
    if let Some(task) = &task {
        let newest = known.iter().filter(|run| run.task == task.id).filter_map(|r| r.run.start);
        let since = newest.max().map_or(now - FIRST_LOOK, |start| start.min(now) - OVERLAP);
        match client.executions(task.id, since, patience).await {
            Ok(runs) => history = runs,
            Err(error) => notes.push(format!("earlier runs can't be read: {}", error.what())),
        }
        if let Some(run) = failed_run(task, &history) {
            log = log_of(client, task.id, run, known, &mut notes, patience).await;
        }
    }
    let runs = task.as_ref().map(|task| kept(task, &history, log.as_ref())).unwrap_or_default();
    let limits = Limits {
        stale_hours: settings.stale_hours,
        running_long_minutes: settings.running_long_minutes,
    };
    let facts = Facts { wanted: wanted.clone(), app, task, history, log, notes };
    Ok(Observed { app: judge(facts, limits, now), runs })
}

/// By its id, else by its name, else by the app that the task of the usual name reloads: then it
/// was renamed.
async fn find_app(
    client: &qrs::Client,
    wanted: &Wanted,
    notes: &mut Vec<String>,
    patience: qrs::Patience,
) -> Result<Option<App>, qrs::Error> {
    if let Some(id) = wanted.app_id {
        return Ok(client.apps(&ID.eq(id), patience).await?.into_iter().next());
    }
    let apps = client.apps(&NAME.eq(wanted.app_name.as_str()), patience).await?;
    if let Some(choice) = choose_app(apps, wanted) {
        return Ok(Some(noting(choice, notes)));
    }
    let tasks = client.reload_tasks(&NAME.eq(wanted.task_name.as_str()), patience).await?;
    let Some(choice) = choose_task(tasks, wanted) else { return Ok(None) };
    let Some(id) = choice.chosen.app else { return Ok(None) };
    let app = client.apps(&ID.eq(id), patience).await?.into_iter().next();
    if let Some(app) = &app {
        notes.push(format!(
            "no app is called \"{}\": \"{}\" was taken, which the task \"{}\" reloads; set appName \
             to its new name",
            wanted.app_name, app.name, choice.chosen.name
        ));
    }
    Ok(app)
}

async fn find_task(
    client: &qrs::Client,
    wanted: &Wanted,
    app: &App,
    notes: &mut Vec<String>,
    patience: qrs::Patience,
) -> Result<Option<Task>, qrs::Error> {
    let tasks = client.reload_tasks(&APP_ID.eq(app.id), patience).await?;
    if let Some(choice) = choose_task(tasks, wanted) {
        return Ok(Some(noting(choice, notes)));
    }
    let tasks = client.reload_tasks(&NAME.eq(wanted.task_name.as_str()), patience).await?;
    let (ours, others): (Vec<_>, Vec<_>) =
        tasks.into_iter().partition(|task| task.app.is_none_or(|id| id == app.id));
    if !others.is_empty() {
        notes.push(format!("the task \"{}\" reloads another app", wanted.task_name));
    }
    Ok(choose_task(ours, wanted).map(|choice| noting(choice, notes)))
}

fn noting<T>(choice: Choice<T>, notes: &mut Vec<String>) -> T {
    notes.extend(choice.notes);
    choice.chosen
}

/// The log of a failed run: the one that is kept already, or the site's.
async fn log_of(
    client: &qrs::Client,
    task: Uuid,
    run: &Execution,
    known: &[KeptRun],
    notes: &mut Vec<String>,
    patience: qrs::Patience,
) -> Option<ScriptLog> {
    let known = known.iter().find(|kept| Some(kept.id) == run.id);
    if let Some(log) = known.and_then(|kept| kept.log.clone()) {
        return Some(log);
    }
    match client.script_log(task, run, patience).await {
        Ok(log) => Some(log),
        Err(error) => {
            notes.push(format!("the script log can't be read: {}", error.what()));
            None
        }
    }
}

/// All runs that were read, each once: what the task itself says of its last one counts.
fn kept(task: &Task, history: &[Execution], log: Option<&ScriptLog>) -> Vec<KeptRun> {
    let failed = failed_run(task, history).and_then(|run| run.id);
    let earlier = history.iter().filter(|run| run.id != task.last.id);
    std::iter::once(&task.last)
        .chain(earlier)
        .filter_map(|run| {
            let id = run.id?;
            let log = log.filter(|_| failed == Some(id)).cloned();
            Some(KeptRun { id, task: task.id, run: run.facts(), log })
        })
        .collect()
}
