//! `bursar release history`: the runs, newest first.

use super::super::text::{self, Paint};
use super::{Exit, Target, block_on};
use crate::cli::time;
use crate::ledger::RunStatus;
use crate::ledger::past::{Pause, standing};
use crate::plain::one_line;
use crate::store::RunState;
use crate::words;

/// List runs, newest first, rehearsals included, with what became of their seats by now
///
/// Each seat counts by the last that is known of it, also when that was found out after the run or
/// stated by a person. A run is *cut short* when its process ended in the middle.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release history -c bursar.yaml\n  bursar audit show -c bursar.yaml RUN      one run, seat by seat"
)]
pub(crate) struct History {
    #[command(flatten)]
    target: Target,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl History {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, site) = match self.target.load() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let (runs, pause, accepted) = block_on(async {
            let absent = ": no run was ever recorded with these settings";
            let store = crate::cli::open_to_read(&settings, absent).await?;
            let runs = store.runs(&site.name, self.limit).await?;
            let pause = store.pause(&site.name).await?;
            let accepted = store.accepted(&site.name).await?;
            store.close().await;
            anyhow::Ok((runs, pause, accepted))
        })??;
        if self.json {
            crate::terminal::print_json(&runs)?;
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
        for accepted in standing(&accepted, time::now()) {
            outln!("in force: {}", one_line(&accepted.text()));
        }
        if runs.is_empty() {
            outln!("no run yet");
            return Ok(Exit::Ok);
        }
        let paint = Paint::for_stdout();
        let mut rows =
            vec![["RUN", "STARTED", "KIND", "BY", "STATE", "RESULT"].map(String::from).to_vec()];
        rows.extend(runs.iter().map(|run| {
            let state = match run.state {
                RunState::Ended(RunStatus::Done) => paint.good("done"),
                state => paint.warn(state.text()),
            };
            vec![
                run.run.clone(),
                words::local(run.started, settings.time_zone),
                run.mode.as_str().to_owned(),
                one_line(&run.trigger.to_string()),
                state,
                one_line(&run.lines().join("; ")),
            ]
        }));
        out!("{}", text::columns(&rows));
        Ok(Exit::Ok)
    }
}
