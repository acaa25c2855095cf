//! `bursar config`: looks at settings without running anything.

mod migrate;

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use super::{ConfigFile, Exit, load};
use crate::config::{Problem, Severity};
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
    #[command(after_help = "Examples:\n  bursar config default > all-settings.yaml")]
    Default,
    /// Verify a settings file (and its certificates) without contacting anything
    #[command(
        after_help = "Examples:\n  bursar config check -c bursar.yaml\n  bursar config check -c bursar.yaml --json | jq '.problems[]'"
    )]
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Print what is wrong as JSON
        #[arg(long)]
        json: bool,
    },
    Migrate(migrate::Migrate),
    /// Print the JSON schema of the settings, for editors
    #[command(after_help = "Examples:\n  bursar config schema > bursar.schema.json")]
    Schema,
    /// Print the effective settings and where each comes from; secrets are masked
    #[command(after_help = "Examples:\n  bursar config explain -c bursar.yaml")]
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
            Command::Default => as_it_is(&crate::config::default_yaml())?,
            Command::Schema => as_it_is(&format!("{}\n", crate::config::json_schema()))?,
            Command::Reference => as_it_is(&crate::config::reference_markdown())?,
            Command::Check { config, json: true } => return check_as_json(&config.file),
            Command::Check { config, json: false } => return check(&config.file),
            Command::Migrate(command) => return command.execute(),
            Command::Explain { config } => match config.load() {
                Ok(loaded) => as_it_is(&crate::config::explain(&loaded))?,
                Err(exit) => return Ok(exit),
            },
        }
        Ok(Exit::Ok)
    }
}

/// Prints what may be copied into a file: its lines stay whole.
fn as_it_is(text: &str) -> std::io::Result<()> {
    crate::terminal::print(format_args!("{text}"))
}

/// What is wrong with a file of settings, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    /// Whether a daemon starts with it.
    usable: bool,
    problems: Vec<Told>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    severity: &'static str,
    /// File, line, column and setting, as far as they are known.
    place: String,
    what: String,
    fix: String,
}

impl Told {
    fn of(problem: &Problem) -> Self {
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            place: problem.place(),
            what: problem.what.clone(),
            fix: problem.fix.clone(),
        }
    }
}

fn check_as_json(file: &Path) -> anyhow::Result<Exit> {
    let (exit, problems) = match crate::config::load(file) {
        Err(problems) => (Exit::Unusable, problems.iter().map(Told::of).collect()),
        Ok(loaded) => {
            let files = loaded.files(chrono::Utc::now());
            let of_files = loaded.warnings.iter().chain(&files.problems).map(Told::of);
            let unheard = loaded.settings.unheard().into_iter().map(|one| Told {
                severity: "warning",
                place: file.display().to_string(),
                what: one.what(),
                fix: one.fix.clone(),
            });
            let none_left = files.sites_without.len() == loaded.settings.sites.len();
            let exit = match files.errors().count() {
                0 => Exit::Ok,
                _ if none_left => Exit::Unusable,
                _ => Exit::NotInOrder,
            };
            (exit, of_files.chain(unheard).collect())
        }
    };
    crate::terminal::print_json(&Checked { usable: exit != Exit::Unusable, problems })?;
    Ok(exit)
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
