//! `bursar audit rebuild`.

use super::super::block_on;
use super::super::release::who;
use super::{ConfigFile, Exit, Place, sentence, verify};
use crate::cli::time;
use crate::ledger::chain::Broken;
use crate::ledger::check::Check;
use crate::plain::one_line;

/// Make what the store notes beside the ledger anew from the ledger
///
/// For when `audit verify` says that pauses, announcements, earlier releases, open intents or locks
/// don't follow from the ledger, and runs stop because of it. The ledger itself has to be in order.
/// A record says who did it and what was changed. Keep a copy of the store's file before, if you
/// want to find out who changed it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar audit rebuild -c bursar.yaml          says what would be changed\n  bursar audit rebuild -c bursar.yaml --yes    changes it"
)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    config: ConfigFile,
    /// Do it; without this, it is only shown
    #[arg(long)]
    yes: bool,
}

impl Rebuild {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match self.config.load() {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let place = Place { store: settings.storage.path.clone(), zone: settings.time_zone };
        let findings = verify::check_store(&place, Check::default(), &mut [])?.finish(&[]);
        let beside =
            |broken: &Broken| matches!(broken, Broken::NotBacked { .. } | Broken::Forgotten { .. });
        let mut bad = false;
        for problem in findings.problems.iter().filter(|problem| !beside(&problem.broken)) {
            errln!("bursar: {}", sentence(problem));
            bad = true;
        }
        if bad {
            errln!(
                "bursar: the ledger is not in order, so nothing is made from it: keep the store's \
                 file as it is"
            );
            return Ok(Exit::NotInOrder);
        }
        if findings.problems.is_empty() {
            outln!("what the store notes beside the ledger follows from it: nothing to do");
            return Ok(Exit::Ok);
        }
        if !self.yes {
            for problem in &findings.problems {
                outln!("{}", sentence(problem));
            }
            outln!("nothing was changed; with --yes all of it is made as the ledger says");
            return Ok(Exit::NotInOrder);
        }
        let changed = block_on(async {
            let store = time::open_store(&settings).await?;
            let result = store.rebuild_from_ledger(who()).await;
            store.close().await;
            anyhow::Ok(result?)
        })??;
        for difference in &changed {
            outln!("made right: {}", one_line(&difference.to_string()));
        }
        Ok(Exit::Ok)
    }
}
