//! `bursar completions`: completion scripts for shells.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Exit};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar completions bash > bursar.bash\n  bursar completions zsh > _bursar"
)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (mut command, mut script) = (Arguments::command(), Vec::new());
        clap_complete::generate(self.shell, &mut command, "bursar", &mut script);
        // A reader who has seen enough closes the pipe.
        std::io::stdout().write_all(&script)?;
        Ok(Exit::Ok)
    }
}
