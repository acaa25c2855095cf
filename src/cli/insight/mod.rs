//! `bursar insight`: what the store tells of the licenses. No site is asked.

mod activity;
mod changes;

use clap::Subcommand;

use super::Exit;

/// Who uses which licenses, and what changes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight activity -c bursar.yaml\n  bursar insight changes -c bursar.yaml --days 7"
)]
pub struct Insight {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Activity(activity::Activity),
    Changes(changes::Changes),
}

impl Insight {
    pub fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Activity(command) => command.execute(),
            Command::Changes(command) => command.execute(),
        }
    }
}
