//! `bursar release undo`: seats back to the people who had them.

use std::time::Duration;

use super::super::limit::RunLimit;
use super::super::text::Paint;
use super::apply::{as_json, exit, render};
use super::working::Seats;
use super::{Exit, Target, called, confirmed, refused, trigger};
use crate::ledger::Mode;
use crate::qrs::Patience;
use crate::release::run::{self, Order};

/// How long what fails of reading the site is tried again.
const RETRYING: Duration = Duration::from_secs(60);

/// Give seats back to the people who had them: all of a run, or the last one of a user
///
/// Allocates the same type of seat to the same user again, as far as there are free ones, and
/// tells what could not be given back. Works while releasing is paused.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release undo -c bursar.yaml 0199c2f4           a run, as `release history` shows it\n  bursar release undo -c bursar.yaml 'CORP\\anna'        a user"
)]
pub struct Undo {
    #[command(flatten)]
    target: Target,
    /// Id of a run or its beginning, or a user as DIRECTORY\id
    #[arg(value_name = "RUN|USER")]
    what: String,
    /// Of a run, give back also seats that were found gone late and are only attributed to it
    #[arg(long)]
    also: bool,
    /// Don't ask for the site's name
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    limit: RunLimit,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Undo {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let target = self.target.clone();
        target.with_engine(|engine| async move {
            let (what, named) = if self.what.contains('\\') {
                (run::Undo::User(self.what.clone()), format!("user {}", self.what))
            } else {
                let (run, also) = (self.what.clone(), self.also);
                (run::Undo::Run { run, also }, format!("run {}", self.what))
            };
            let question = format!(
                "This allocates seats again that were taken from {named}, on {}.",
                engine.client.address()
            );
            let name = called(&engine.settings, &engine.site).to_owned();
            if !confirmed(&question, &name, self.yes)? {
                return Ok(Exit::Unusable);
            }
            let (stop, progress) = (self.limit.stop(Duration::ZERO), Seats::of(&engine.client));
            let order = Order {
                mode: Mode::Undo,
                trigger: trigger(),
                stop: stop.token(),
                patience: Patience::retrying_for(RETRYING),
                progress: progress.progress(),
            };
            let result = engine.undo(&what, &order).await;
            drop(progress);
            match result {
                Ok(report) => {
                    stop.explain(&report);
                    if self.json {
                        outln!("{}", serde_json::to_string_pretty(&as_json(&report))?);
                    } else {
                        out!("{}", render(&report, Paint::for_stdout()));
                    }
                    Ok(exit(&report))
                }
                Err(error) => refused(error),
            }
        })
    }
}
