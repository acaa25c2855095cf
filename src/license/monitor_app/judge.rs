//! How the app fares, from what the site says of it.
//!
//! Two times tell how fresh the data are. The app's own `lastReloadTime` wins: it is about the data
//! in the app, however they were loaded (by its task, another task, or by hand). The end of the last
//! run that worked counts only for an app that says it was never reloaded.
//!
//! While a run is under way the app is judged by the run before, so that an hourly reload that keeps
//! failing does not look well for a minute in each hour.

use chrono::{DateTime, TimeDelta, Utc};

use super::{App, Execution, Phase, ScriptLog, Task, Wanted};
use crate::license::Moment;
use crate::license::monitor_app::{AppHealth, AppName, MonitorApp, TaskName};

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub wanted: Wanted,
    pub app: Option<App>,
    pub task: Option<Task>,
    /// Earlier runs of the task, in any order; may hold the last one, too.
    pub history: Vec<Execution>,
    /// The script log of the failed run ([`failed_run`]), where it could be read.
    pub log: Option<ScriptLog>,
    /// What is to be told beside the state.
    pub notes: Vec<String>,
}

/// The settings that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Data older than this are stale.
    pub stale_hours: u32,
    /// A run that takes longer is worth a look.
    pub running_long_minutes: u32,
}

/// A time so far ahead is no matter of clocks that differ a little.
const LONGEST_SKEW: TimeDelta = TimeDelta::minutes(10);

/// The app and its task differ in what they say of the last reload by more than this.
const CONTRADICTION: TimeDelta = TimeDelta::hours(1);

/// The last run that ended in a known way, newest first; the task's own last one or one of its
/// history.
fn ended<'a>(task: &'a Task, history: &'a [Execution]) -> Vec<&'a Execution> {
    let mut runs: Vec<&Execution> = history.iter().filter(|run| run.id != task.last.id).collect();
    runs.push(&task.last);
    runs.retain(|run| matches!(run.status.phase(), Phase::Succeeded | Phase::Failed));
    // The task's own last run is the newest, whatever its times say.
    runs.sort_by_key(|run| {
        let own = run.id == task.last.id;
        std::cmp::Reverse((own, run.time()))
    });
    runs
}

/// The run whose script log tells why the app is not well.
pub fn failed_run<'a>(task: &'a Task, history: &'a [Execution]) -> Option<&'a Execution> {
    let newest = ended(task, history).into_iter().next()?;
    (newest.status.phase() == Phase::Failed).then_some(newest)
}

/// Says how the app is at `now`.
pub fn judge(facts: Facts, limits: Limits, now: DateTime<Utc>) -> MonitorApp {
    let mut result = MonitorApp {
        health: AppHealth::Unknown,
        text: String::new(),
        app: None,
        task: None,
        last_run: None,
        data_from: None,
        running_since: None,
        next_run: None,
        failures: 0,
        cause: None,
        errors: Vec::new(),
        hint: None,
        notes: facts.notes.clone(),
        stale_hours: limits.stale_hours,
        running_long_minutes: limits.running_long_minutes,
    };
    if let Some(app) = &facts.app {
        let stream = app.stream.as_ref().filter(|_| app.published);
        let stream = stream.map(|stream| stream.name.clone());
        result.app = Some(AppName { id: app.id, name: app.name.clone(), stream });
    }
    if let Some(task) = &facts.task {
        result.task =
            Some(TaskName { id: task.id, name: task.name.clone(), enabled: task.enabled });
        result.next_run = task.next.at().filter(|_| task.enabled);
        result.last_run = task.last.id.is_some().then(|| task.last.facts());
    }
    let verdict = weigh(&facts, limits, now, &mut result);
    result.health = verdict.health;
    result.text = verdict.text;
    result.hint = (!verdict.health.is_fine()).then_some(verdict.hint);
    result
}

struct Verdict {
    health: AppHealth,
    text: String,
    hint: String,
}

fn verdict(health: AppHealth, text: impl Into<String>, hint: impl Into<String>) -> Verdict {
    Verdict { health, text: text.into(), hint: hint.into() }
}

fn weigh(facts: &Facts, limits: Limits, now: DateTime<Utc>, result: &mut MonitorApp) -> Verdict {
    let Some(app) = &facts.app else { return no_app(&facts.wanted) };
    let Some(task) = &facts.task else {
        result.data_from = app.last_reload.at();
        let text = format!("no task reloads the app \"{}\"", app.name);
        return verdict(AppHealth::Missing, text, NO_TASK);
    };
    if let Moment::Unreadable(text) = &app.last_reload {
        return unreadable("when the app was last reloaded", text);
    }
    let ended = ended(task, &facts.history);
    let worked = ended.iter().find(|run| run.status.phase() == Phase::Succeeded);
    let worked_at = worked.and_then(|run| run.stop.at());
    result.data_from = app.last_reload.at().or(worked_at);
    result.failures = ended
        .iter()
        .take_while(|run| run.status.phase() == Phase::Failed)
        .count()
        .try_into()
        .unwrap_or(u32::MAX);
    if let (Some(app_says), Some(task_says)) = (app.last_reload.at(), worked_at)
        && task_says - app_says > CONTRADICTION
    {
        result.notes.push(format!(
            "the task says that it reloaded the app at {}, the app that its data are of {}: the \
             app is believed",
            shown(task_says),
            shown(app_says)
        ));
    }
    if let Some(ahead) = result.data_from.filter(|from| *from - now > LONGEST_SKEW) {
        let text = format!("the app was last reloaded at {}, which is still to come", shown(ahead));
        return verdict(AppHealth::Unknown, text, "compare the clocks of the site and of Bursar");
    }

    let last = &task.last;
    let phase = last.status.phase();
    let running = phase == Phase::Running;
    match phase {
        Phase::Unknown => {
            let text = format!("the task \"{}\" is in the {}", task.name, last.status);
            return verdict(AppHealth::Unknown, text, LOOK);
        }
        Phase::Running => {
            if let Moment::Unreadable(text) = &last.start {
                return unreadable("when the reload began", text);
            }
            result.running_since = last.start.at();
            let longest = TimeDelta::minutes(limits.running_long_minutes.into());
            if let Some(since) = result.running_since.filter(|since| now - *since > longest) {
                return running_long(since, last, limits);
            }
            if result.running_since.is_none() {
                let note = format!("a reload is {}, the site does not say since when", last.status);
                result.notes.push(note);
            }
        }
        Phase::Succeeded => {
            if let Moment::Unreadable(text) = &last.stop {
                return unreadable("when the last reload ended", text);
            }
        }
        Phase::None | Phase::Failed | Phase::Skipped => {}
    }
    if !task.enabled && !running {
        let text = format!("the task \"{}\" is switched off{}", task.name, since(result));
        return verdict(AppHealth::Disabled, text, SWITCHED_OFF);
    }

    let newest = ended.first();
    if let Some(failed) = newest.filter(|run| run.status.phase() == Phase::Failed) {
        let superseded =
            failed.time().zip(result.data_from).is_some_and(|(failed, data)| data > failed);
        if !superseded {
            return failure(facts, failed, result);
        }
        result.notes.push(format!(
            "the last run of the task failed{}, but the app was reloaded by other means after it",
            failed.time().map(|time| format!(" at {}", shown(time))).unwrap_or_default()
        ));
    }
    let Some(from) = result.data_from else {
        if running {
            return verdict(AppHealth::Running, "its first reload is under way", "");
        }
        let text = format!("the app \"{}\" was never reloaded", app.name);
        return verdict(AppHealth::Never, text, NEVER);
    };
    if now - from > TimeDelta::hours(limits.stale_hours.into()) {
        return stale(from, task, limits);
    }
    if running {
        return verdict(AppHealth::Running, format!("a reload is {}", last.status), "");
    }
    match newest {
        Some(_) => {
            if matches!(phase, Phase::None | Phase::Skipped) {
                let note = format!(
                    "the last state of the task is {}: it is judged by the run before",
                    last.status
                );
                result.notes.push(note);
            }
            verdict(AppHealth::Healthy, format!("reloaded at {}", shown(from)), "")
        }
        None => {
            let text = format!(
                "the app was reloaded at {}, but the state of its task \"{}\" is {}, and no earlier \
                 run is known: whether it works can't be told",
                shown(from),
                task.name,
                last.status
            );
            verdict(AppHealth::Unknown, text, LOOK)
        }
    }
}

const LOOK: &str = "look at the task in the management console (Tasks)";
const NO_TASK: &str = "create a reload task with an hourly trigger for the app in the management \
                       console, or set appId to the app that has one";
const SWITCHED_OFF: &str = "switch the task on in the management console (Tasks, Enabled)";
const NEVER: &str = "start its task once in the management console and look at its script log; new \
                     installations need the password in its REST connections first";

fn no_app(wanted: &Wanted) -> Verdict {
    let what = match wanted.app_id {
        Some(id) => format!("no app has the id {id}"),
        None => format!(
            "no app is called \"{}\", and no task is called \"{}\"",
            wanted.app_name, wanted.task_name
        ),
    };
    let hint = "if it was renamed, set appName or appId; if it was deleted, import License \
                Monitor.qvf from the default apps of the installation; if it is there, give the \
                user in X-Qlik-User the right to read apps and tasks";
    verdict(AppHealth::Missing, what, hint)
}

fn unreadable(what: &str, text: &str) -> Verdict {
    let text = format!("{what} can't be read as a time: \"{text}\"");
    verdict(AppHealth::Unknown, text, LOOK)
}

fn running_long(since: DateTime<Utc>, last: &Execution, limits: Limits) -> Verdict {
    let text = format!(
        "a reload has been {} since {}, longer than {} minutes",
        last.status,
        shown(since),
        limits.running_long_minutes
    );
    let hint = "look at the load of the engine and at the task in the management console; a reload \
                that hangs has to be stopped there before the next can begin";
    verdict(AppHealth::RunningLong, text, hint)
}

fn stale(from: DateTime<Utc>, task: &Task, limits: Limits) -> Verdict {
    let text = format!("its data are of {}, older than {} hours", shown(from), limits.stale_hours);
    let hint = match task.next {
        Moment::At(next) => format!(
            "the task is due at {}: if that is past or far off, look at its triggers and whether \
             the scheduler service runs",
            shown(next)
        ),
        _ => "the task has no next time: give it a trigger in the management console".to_owned(),
    };
    verdict(AppHealth::Stale, text, hint)
}

fn failure(facts: &Facts, failed: &Execution, result: &mut MonitorApp) -> Verdict {
    let how = match failed.status.0 {
        6 => "was aborted",
        11 => "ended with an error",
        _ => "failed",
    };
    let when = failed.time().map(|time| format!(" at {}", shown(time))).unwrap_or_default();
    let row = match result.failures {
        0 | 1 => String::new(),
        n => format!(", {n} times in a row"),
    };
    let text = format!("the reload {how}{when}{row}{}", since(result));
    let cause = match &facts.log {
        Some(log) => {
            result.errors = log.errors().to_vec();
            log.cause()
        }
        None => {
            result.errors = failed.messages.clone();
            super::Cause::Unknown
        }
    };
    let cause = if failed.status.0 == 6 { super::Cause::Aborted } else { cause };
    result.cause = Some(cause);
    verdict(AppHealth::Failed, text, cause.hint())
}

fn since(result: &MonitorApp) -> String {
    match result.data_from {
        Some(from) => format!("; its data are of {}", shown(from)),
        None => "; it was never reloaded".to_owned(),
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "judge/tests.rs"]
mod tests;
