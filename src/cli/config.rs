//! `bursar config`: looks at settings without running anything.

mod migrate;

use std::path::Path;

use clap::Subcommand;

use super::{ConfigFile, Exit, load};
use crate::plain::one_line;
use crate::words;

/// Show, verify and explain settings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar config default > bursar.yaml\n  bursar config explain -c butler.yaml\n  bursar config migrate butler.yaml > bursar.yaml"
)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print an example with every setting, its default and what it does
    Default,
    /// Verify a settings file (and its certificates) without contacting anything
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    Migrate(migrate::Migrate),
    /// Print the JSON schema of the settings, for editors
    Schema,
    /// Print the effective settings and where each comes from; secrets are masked
    Explain {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Print the reference of all settings as Markdown
    #[command(hide = true)]
    Reference,
}

impl Config {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Default => out!("{}", crate::config::default_yaml()),
            Command::Schema => outln!("{}", crate::config::json_schema()),
            Command::Reference => out!("{}", crate::config::reference_markdown()),
            Command::Check { config } => return check(&config.file),
            Command::Migrate(command) => return command.execute(),
            Command::Explain { config } => match config.load() {
                Ok(loaded) => out!("{}", crate::config::explain(&loaded)),
                Err(exit) => return Ok(exit),
            },
        }
        Ok(Exit::Ok)
    }
}

fn check(file: &Path) -> anyhow::Result<Exit> {
    match load(file, true) {
        Err(exit) => Ok(exit),
        Ok(loaded) => {
            let settings = &loaded.settings;
            let files = loaded.files(chrono::Utc::now());
            for problem in &files.problems {
                errln!("{problem}");
            }
            let unheard = settings.unheard();
            for alerts in &unheard {
                let warning =
                    format!("{}: warning: {}; {}", file.display(), alerts.what(), alerts.fix);
                errln!("{}", one_line(&warning));
            }
            let unusable = files.errors().count();
            let warnings = loaded.warnings.len() + files.problems.len() - unusable + unheard.len();
            let file = file.display();
            if unusable == 0 {
                outln!("{file}: settings are valid, {warnings} warning(s)");
            } else if files.sites_without.len() == settings.sites.len() {
                return Ok(Exit::Unusable);
            } else {
                outln!(
                    "{file}: settings are valid, {warnings} warning(s); {unusable} file(s) or \
                     reference(s) can't be used, and what they are for is left out"
                );
            }
            for (name, schedule) in super::text::schedules(settings) {
                let times = schedule.upcoming(super::time::now(), settings.time_zone, 3);
                let times: Vec<_> =
                    times.iter().map(|t| words::local(*t, settings.time_zone)).collect();
                outln!("{name} ({}): {}", schedule.text(), times.join(", "));
            }
            Ok(if unusable == 0 { Exit::Ok } else { Exit::NotInOrder })
        }
    }
}
