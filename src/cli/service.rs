//! `bursar service`: installs, removes and asks the service of systemd or of Windows, and runs as the latter.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use std::path::PathBuf;

use clap::Subcommand;

#[cfg(any(windows, target_os = "linux"))]
use super::text;
#[cfg(any(windows, target_os = "linux"))]
use super::time;
use super::{ConfigFile, Exit};
#[cfg(any(windows, target_os = "linux"))]
use crate::daemon::service::Known;
#[cfg(not(windows))]
use crate::daemon::service::unit::Credential;
#[cfg(any(windows, target_os = "linux"))]
use crate::words;

/// Install, remove or look at the service of systemd or of Windows
#[derive(Debug, clap::Args)]
pub(crate) struct Service {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(Install),
    Uninstall(Uninstall),
    Status(Status),
    Run(Run),
}

/// Install the service and let it start with the computer (as root or administrator)
///
/// systemd: makes the user bursar, and writes and enables /etc/systemd/system/bursar.service. Windows: a service of the
/// account NT SERVICE\Bursar, with the rights that it needs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar service install -c /etc/bursar/bursar.yaml\n  bursar service install -c /etc/bursar/bursar.yaml --print\n  bursar service install -c /etc/bursar/bursar.yaml \\\n      --credential influxdb-token:/etc/bursar/credentials/influxdb-token"
)]
struct Install {
    #[command(flatten)]
    config: ConfigFile,
    /// Start it at once
    #[arg(long)]
    now: bool,
    /// Print the unit of systemd and change nothing
    #[cfg(not(windows))]
    #[arg(long, conflicts_with_all = ["now", "root"])]
    print: bool,
    /// Write into the system in this folder, such as an image, in place of the one that runs
    #[cfg(not(windows))]
    #[arg(long, value_name = "DIR", conflicts_with = "now")]
    root: Option<PathBuf>,
    /// The program that it starts [default: this one]
    #[cfg(not(windows))]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// A secret that only root can read where it lies: ${credential:NAME} in the settings. May be given again
    #[cfg(not(windows))]
    #[arg(long = "credential", value_name = "NAME:FILE", value_parser = Credential::parse)]
    credentials: Vec<Credential>,
}

/// Stop and remove the service (as root or administrator); settings and store stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar service uninstall")]
struct Uninstall {
    /// Of the system in this folder, in place of the one that runs
    #[cfg(not(windows))]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Tell whether the service is installed, starts with the computer and runs, and how it ended
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar service status\n  bursar service status --json\n\nExit codes: 0 it runs, 3 it does not, 1 it could not be asked"
)]
struct Status {
    /// Of the system in this folder, of which files alone tell
    #[cfg(not(windows))]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Run as the Windows service; the service manager calls this
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar service run -c C:\\ProgramData\\Bursar\\bursar.yaml")]
struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Service {
    #[cfg(any(windows, target_os = "linux"))]
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Install(command) => command.execute(),
            Command::Uninstall(command) => command.execute(),
            Command::Status(command) => command.execute(),
            Command::Run(command) => command.execute(),
        }
    }

    #[cfg(not(any(windows, target_os = "linux")))]
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        errln!("bursar: services of systemd and of Windows only; here, run: bursar run");
        Ok(Exit::Unusable)
    }
}

#[cfg(any(windows, target_os = "linux"))]
impl Status {
    fn tell(&self, known: &Known) -> anyhow::Result<Exit> {
        if self.json {
            crate::terminal::print_json(known)?;
        } else {
            outln!("{}", known.line());
            let again = known.restarts.filter(|times| *times > 0).map(|times| {
                words::counted(words::Locale::default(), times.into(), "time", "times")
            });
            let rows = [
                ("since", known.since.map(time::told)),
                ("process", known.pid.map(|pid| pid.to_string())),
                ("started again", again),
                ("starts", known.command.clone()),
                ("as", known.account.clone()),
                ("unit", known.unit.clone()),
            ];
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .filter_map(|(name, value)| {
                    let value = crate::plain::one_line(&value?);
                    Some(vec![format!("  {name}"), value])
                })
                .collect();
            out!("{}", text::columns(&rows));
        }
        Ok(if known.runs { Exit::Ok } else { Exit::NotInOrder })
    }
}
