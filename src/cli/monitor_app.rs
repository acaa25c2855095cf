//! `bursar monitor-app`: how Qlik's License Monitor app is, and how its reloads went.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::sites::Answers;
use super::text::{self, Paint};
use super::{ConfigFile, Exit, block_on, named};
use crate::cli::time;
use crate::config::Settings;
use crate::event::Latest;
use crate::license::monitor_app::{AppHealth, AppRun, MonitorApp as State};
use crate::license::monitor_app::{Cause, KeptRun, Phase, TaskStatus};
use crate::store::PollError;
use crate::words;

/// Show how Qlik's License Monitor app is, and its last reloads
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The daemon reads the app (qlikSenseLicense.licenseMonitorApp); this command shows what it\nstored and never asks a site. Exit code 3: the app of a site is not fine, or was never read.\n\nExamples:\n  bursar monitor-app -c bursar.yaml\n  bursar monitor-app -c bursar.yaml --log        the end of the last failed reload's script log"
)]
pub(crate) struct MonitorApp {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Show the end of the script log of the last reload that failed
    #[arg(long)]
    log: bool,
    /// At most so many reloads
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A site, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteView {
    site: String,
    /// Absent when it was never read.
    read: Option<DateTime<Utc>>,
    state: Option<State>,
    /// Why it can't be read now.
    problem: Option<PollError>,
    /// Newest first.
    runs: Vec<RunView>,
    /// With `--log`: the end of the script log of the last run that failed.
    log: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunView {
    #[serde(flatten)]
    run: AppRun,
    cause: Option<Cause>,
    errors: Vec<String>,
}

/// Failed reloads are looked for among so many.
const SEARCHED: usize = 1000;

impl MonitorApp {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let sites = match named::sites(&settings, self.site.as_deref()) {
            Ok(sites) => sites,
            Err(exit) => return Ok(exit),
        };
        let watched: Vec<_> = sites
            .into_iter()
            .filter(|site| site.monitor_app.is_some())
            .map(|site| site.name.clone())
            .collect();
        if watched.is_empty() {
            errln!(
                "nobody looks at the License Monitor app: set \
                 Butler.qlikSenseLicense.licenseMonitorApp.enable: true"
            );
            return Ok(Exit::Unusable);
        }
        let path = &settings.storage.path;
        anyhow::ensure!(
            path.exists(),
            "{} does not exist yet: start the daemon (bursar run)",
            path.display()
        );
        let views = block_on(self.read(&settings, &watched))??;
        if self.json {
            crate::terminal::print_json(&Answers::of(views.iter().collect()))?;
        } else {
            let (zone, paint) = (settings.time_zone, Paint::for_stdout());
            for view in &views {
                out!("{}", render(view, time::now(), zone, paint));
            }
        }
        let fine = views.iter().all(|view| {
            view.problem.is_none() && view.state.as_ref().is_some_and(|s| s.health.is_fine())
        });
        Ok(if fine { Exit::Ok } else { Exit::NotInOrder })
    }

    async fn read(&self, settings: &Settings, sites: &[String]) -> anyhow::Result<Vec<SiteView>> {
        let absent = ": no daemon has run with these settings yet";
        let store = super::open_to_read(settings, absent).await?;
        let latest = store.latest().await?;
        let health = store.health().await?;
        let mut views = Vec::new();
        for site in sites {
            let state = Latest::new(&latest, site).monitor_app();
            let state = state.map(|(time, app)| (time, app.clone()));
            let monitor = crate::event::Monitor::App;
            let health = health.iter().find(|h| h.site == *site && h.monitor == monitor);
            let runs = store.app_runs(site, SEARCHED).await?;
            let log = if self.log { runs.iter().find_map(|run| run.log.as_ref()) } else { None };
            views.push(SiteView {
                site: site.clone(),
                read: state.as_ref().map(|(time, _)| *time),
                state: state.map(|(_, app)| app),
                problem: health.and_then(|health| health.problem().cloned()),
                log: log.map(|log| log.lines().to_vec()),
                runs: runs.into_iter().take(self.limit).map(RunView::from).collect(),
            });
        }
        store.close().await;
        Ok(views)
    }
}

impl From<KeptRun> for RunView {
    fn from(kept: KeptRun) -> Self {
        let (cause, errors) = match kept.log {
            Some(log) => (Some(log.cause()), log.errors().to_vec()),
            None => (None, Vec::new()),
        };
        Self { run: kept.run, cause, errors }
    }
}

/// The state in one coloured line.
pub(crate) fn headline(state: &State, paint: Paint) -> String {
    let words = state.health.words();
    match state.health {
        AppHealth::Healthy | AppHealth::Running => paint.good(words),
        AppHealth::RunningLong | AppHealth::Stale | AppHealth::Disabled | AppHealth::Never => {
            paint.warn(words)
        }
        AppHealth::Failed | AppHealth::Missing | AppHealth::Unknown => paint.bad(words),
    }
}

fn render(view: &SiteView, now: DateTime<Utc>, zone: Tz, paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint.strong(&format!("Site {}", view.site)));
    if let Some(problem) = &view.problem {
        let line = format!("License Monitor app can't be read: {}", problem.text);
        out.push_str(&line_of(&line, 2, |line| paint.bad(line)));
    }
    match (&view.state, view.read) {
        (Some(state), Some(read)) => state_lines(&mut out, state, read, now, zone, paint),
        _ => {
            let _ = writeln!(out, "  {}", paint.faint("not read yet"));
        }
    }
    if !view.runs.is_empty() {
        let _ = writeln!(out, "  {}", paint.strong("Last reloads"));
        let rows: Vec<_> = view.runs.iter().map(|run| row(run, zone, paint)).collect();
        for line in text::columns(&rows).lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    if let Some(log) = &view.log {
        let _ = writeln!(out, "  {}", paint.strong("End of the last failed reload's script log"));
        for line in log {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

fn state_lines(
    out: &mut String,
    state: &State,
    read: DateTime<Utc>,
    now: DateTime<Utc>,
    zone: Tz,
    paint: Paint,
) {
    let seen = paint.faint(&format!("read {}", words::ago(read, now)));
    let _ = writeln!(out, "  License Monitor app: {}   {seen}", headline(state, paint));
    out.push_str(&line_of(&state.text, 2, str::to_owned));
    let mut rows = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        rows.extend(value.map(|value| vec![name.to_owned(), value]));
    };
    let when =
        |time: DateTime<Utc>| format!("{} ({})", words::local(time, zone), words::ago(time, now));
    fact(
        "App",
        state.app.as_ref().map(|app| match &app.stream {
            Some(stream) => format!("{}, stream {stream}", app.name),
            None => format!("{}, not published", app.name),
        }),
    );
    fact("Task", state.task.as_ref().map(|task| task.name.clone()));
    fact("Data of", state.data_from.map(when));
    fact("Running since", state.running_since.map(when));
    fact("Next reload", state.next_run.map(|time| words::local(time, zone)));
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "    {line}");
    }
    if !state.errors.is_empty() {
        let _ = writeln!(out, "  {}", paint.strong("Errors of the last reload"));
        for error in &state.errors {
            out.push_str(&line_of(error, 4, |line| paint.bad(line)));
        }
    }
    if let Some(hint) = &state.hint {
        let _ = writeln!(out, "  {}", paint.strong("What to do"));
        out.push_str(&line_of(hint, 4, str::to_owned));
    }
    for note in &state.notes {
        out.push_str(&line_of(&format!("note: {note}"), 2, |line| paint.faint(line)));
    }
}

fn row(view: &RunView, zone: Tz, paint: Paint) -> Vec<String> {
    let run = &view.run;
    let status = match TaskStatus(run.status).phase() {
        Phase::Succeeded => paint.good(&run.status_name),
        Phase::Failed | Phase::Unknown => paint.bad(&run.status_name),
        Phase::Running | Phase::Skipped | Phase::None => paint.warn(&run.status_name),
    };
    let start = run.start.map_or_else(|| "unknown".to_owned(), |time| words::local(time, zone));
    let took = run.seconds.map_or_else(String::new, |seconds| format!("{seconds:.0} s"));
    let cause = view.cause.map(|cause| cause.as_str().to_owned()).unwrap_or_default();
    vec![start, status, took, cause]
}

/// A text as a line of its own, set in; nothing of an empty one.
fn line_of(text: &str, indent: usize, style: impl Fn(&str) -> String) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { text } else { format!("{}\n", style(&text::set_in(&text, indent))) }
}
