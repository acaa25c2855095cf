//! `bursar reload`: have the running daemon read its settings again, and say what came of it.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tokio::time::Instant;

use super::{ConfigFile, Exit, block_on};
use crate::config::Settings;
use crate::daemon::lock::{self, Holder};
use crate::store::{InForce, Store};

/// Have the running daemon read its settings again at once, and say what came of it
///
/// Without this it looks by itself (`Butler.configReload.seconds`). Settings with anything wrong change nothing. Needs no
/// signal: it works the same for a Windows service.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar reload -c bursar.yaml\n  bursar reload -c bursar.yaml --json\n\nExit codes: 0 the settings of the file are in force, 1 no daemon runs or it did not answer, 2 the settings can't be used, 3 the daemon does not take them"
)]
pub(crate) struct Reload {
    #[command(flatten)]
    config: ConfigFile,
    /// Seconds to wait for the daemon's answer
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// How often it is looked for the answer.
const LOOK: Duration = Duration::from_millis(100);

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    in_force: bool,
    #[serde(flatten)]
    state: &'a InForce,
}

impl Reload {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => {
                errln!("a daemon that runs goes on with the settings it has");
                return Ok(exit);
            }
        };
        let path = &settings.storage.path;
        if lock::holder(path)? != Holder::Daemon {
            errln!(
                "no daemon runs on {}; if Butler.storage.path was changed, restart the one that runs",
                path.display()
            );
            return Ok(Exit::Failed);
        }
        let state = block_on(self.ask(&settings))??;
        if self.json {
            let answer = Answer { in_force: state.refused.is_none(), state: &state };
            outln!("{}", serde_json::to_string_pretty(&answer)?);
        } else {
            self.print(&state)?;
        }
        Ok(if state.refused.is_some() { Exit::NotInOrder } else { Exit::Ok })
    }

    async fn ask(&self, settings: &Settings) -> anyhow::Result<InForce> {
        let (path, outbox) = (&settings.storage.path, settings.storage.outbox);
        let store = Store::open(path, outbox).await?;
        let wish = store.ask_for_reload().await?;
        let until = Instant::now() + Duration::from_secs(self.timeout);
        loop {
            if store.wish().await?.done >= wish {
                let state = store.in_force().await?;
                store.close().await;
                return state.context("the daemon says nothing of its settings");
            }
            anyhow::ensure!(
                Instant::now() < until,
                "the daemon did not answer within {} s; its log says what it does",
                self.timeout
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    fn print(&self, state: &InForce) -> anyhow::Result<()> {
        if let Some(refused) = &state.refused {
            errln!("the daemon goes on with the settings of before:");
            for problem in &refused.problems {
                errln!("{problem}");
            }
            return Ok(());
        }
        match state.changed.as_slice() {
            [] => outln!("nothing changed: the settings of {} are in force", state.file),
            changed => {
                outln!("the settings of {} are in force; changed:", state.file);
                for what in changed {
                    outln!("  {}", crate::plain::one_line(what));
                }
            }
        }
        for warning in &state.warnings {
            errln!("{}", crate::plain::one_line(warning));
        }
        for setting in &state.needs_restart {
            outln!("  {setting} is in force after a restart");
        }
        Ok(())
    }
}
