//! `bursar release history`: the runs, newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::text::{self, Paint};
use super::{Exit, Target, block_on};
use crate::ledger::{Entry, Mode, Record, RunStatus, Trigger, TypeCounts, corrected};
use crate::plain::one_line;
use crate::release::plan::standing;
use crate::store::{Pause, Store, StoreError};
use crate::words;

/// List runs, newest first, rehearsals included
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release history -c bursar.yaml\n  bursar audit show -c bursar.yaml RUN      one run, seat by seat"
)]
pub struct History {
    #[command(flatten)]
    target: Target,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    run: String,
    started: DateTime<Utc>,
    mode: Mode,
    trigger: Trigger,
    /// Absent while it is under way, or when its process ended in the middle.
    status: Option<RunStatus>,
    counts: Vec<TypeCounts>,
    why: Option<String>,
}

impl History {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let (settings, site) = match self.target.load() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let path = &settings.storage.path;
        anyhow::ensure!(
            path.exists(),
            "{} does not exist: no run was ever recorded with these settings",
            path.display()
        );
        let (runs, pause, accepted) = block_on(async {
            let store = Store::open(path, settings.storage.outbox).await?;
            let runs = read(&store, &site.name, self.limit).await?;
            let pause = store.pause(&site.name).await?;
            let accepted = store.accepted(&site.name).await?;
            store.close().await;
            anyhow::Ok((runs, pause, accepted))
        })??;
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&runs)?);
            return Ok(Exit::Ok);
        }
        if let Some(Pause { until, why, by, .. }) = pause {
            outln!(
                "releasing is paused until {} by {}: {}",
                words::local(until, settings.time_zone),
                one_line(&by),
                one_line(&why)
            );
        }
        for accepted in standing(&accepted, Utc::now()) {
            outln!("{}", one_line(&accepted.text()));
        }
        if runs.is_empty() {
            outln!("no run yet");
            return Ok(Exit::Ok);
        }
        let paint = Paint::for_stdout();
        let mut rows =
            vec![["RUN", "STARTED", "KIND", "BY", "STATE", "RESULT"].map(String::from).to_vec()];
        rows.extend(runs.iter().map(|run| {
            let state = match run.status {
                Some(RunStatus::Done) => paint.good("done"),
                Some(status) => paint.warn(status.as_str()),
                None => paint.warn("not ended"),
            };
            let mut result: Vec<_> = run.counts.iter().map(|c| c.summary(run.mode)).collect();
            result.extend(run.why.clone());
            vec![
                run.run.clone(),
                words::local(run.started, settings.time_zone),
                run.mode.as_str().to_owned(),
                one_line(&run.trigger.to_string()),
                state,
                result.join("; "),
            ]
        }));
        out!("{}", text::columns(&rows));
        Ok(Exit::Ok)
    }
}

async fn read(store: &Store, site: &str, limit: usize) -> Result<Vec<Run>, StoreError> {
    let mut runs = Vec::new();
    for start in store.run_starts(Some(site), limit).await? {
        let (Some(id), Entry::RunStarted { mode, trigger, .. }) = (start.run, start.entry) else {
            continue;
        };
        let records = store.records_of(&id).await?;
        let (status, counts, why) = end(&records);
        runs.push(Run { run: id, started: start.time, mode, trigger, status, counts, why });
    }
    Ok(runs)
}

fn end(records: &[Record]) -> (Option<RunStatus>, Vec<TypeCounts>, Option<String>) {
    records
        .iter()
        .find_map(|record| match &record.entry {
            Entry::RunEnded { status, counts, why } => {
                Some((Some(*status), corrected(counts, records), why.clone()))
            }
            _ => None,
        })
        .unwrap_or_default()
}
