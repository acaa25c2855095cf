//! `bursar release history`: the runs, newest first.

use serde::Serialize;

use super::super::sites::Answers;
use super::super::text::{self, Paint};
use super::{Exit, Target, block_on};
use crate::cli::time;
use crate::ledger::RunStatus;
use crate::ledger::past::{Accepted, Pause, standing};
use crate::plain::one_line;
use crate::store::{KnownRun, RunState};

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
        let (settings, sites) = match self.target.pass_all() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let known = block_on(async {
            let absent = ": no run was ever recorded with these settings";
            let store = crate::cli::open_to_read(&settings, absent).await?;
            let mut known = Vec::new();
            for site in &sites {
                let accepted = store.accepted(&site.name).await?;
                known.push(SiteRuns {
                    site: site.name.clone(),
                    pause: store.pause(&site.name).await?,
                    accepted: standing(&accepted, time::now()).cloned().collect(),
                    runs: store.runs(&site.name, self.limit).await?,
                });
            }
            store.close().await;
            anyhow::Ok(known)
        })??;
        if self.json {
            crate::terminal::print_json(&Answers::of(known))?;
            return Ok(Exit::Ok);
        }
        for (n, of_site) in known.iter().enumerate() {
            if settings.named_sites {
                let gap = if n > 0 { "\n" } else { "" };
                let title = format!("Site {}", of_site.site);
                outln!("{gap}{}", Paint::for_stdout().strong(&title));
            }
            of_site.print()?;
        }
        Ok(Exit::Ok)
    }
}

/// The runs of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteRuns {
    site: String,
    /// The pause of real runs that holds now.
    pause: Option<Pause>,
    /// What is accepted in place of a guard now.
    accepted: Vec<Accepted>,
    /// Newest first.
    runs: Vec<KnownRun>,
}

impl SiteRuns {
    fn print(&self) -> anyhow::Result<()> {
        let Self { pause, accepted, runs, .. } = self;
        if let Some(pause) = pause {
            let before = if pause.begun_anew { "" } else { "releasing is " };
            outln!("{before}{}", one_line(&pause.text(&time::told(pause.until))));
        }
        for accepted in accepted {
            outln!("in force: {}", one_line(&accepted.text()));
        }
        if runs.is_empty() {
            outln!("no run yet");
            return Ok(());
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
                time::told(run.started),
                run.mode.as_str().to_owned(),
                one_line(&run.trigger.to_string()),
                state,
                one_line(&run.lines().join("; ")),
            ]
        }));
        out!("{}", text::columns(&rows));
        Ok(())
    }
}
