//! `bursar completions`: completion scripts for shells.

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
    pub(crate) fn execute(self) -> Exit {
        let mut command = Arguments::command();
        clap_complete::generate(self.shell, &mut command, "bursar", &mut std::io::stdout());
        Exit::Ok
    }
}
