//! `bursar service`: installs, removes and runs the Windows service.

use clap::Subcommand;

#[cfg(windows)]
use super::ConfigFile;
use super::Exit;

/// Install, uninstall or run as a Windows service
#[derive(Debug, clap::Args)]
pub(crate) struct Service {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register the service, started with the machine (as administrator)
    #[command(
        after_help = "Examples:\n  bursar service install -c C:\\ProgramData\\bursar\\bursar.yaml"
    )]
    Install {
        #[cfg(windows)]
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Stop and remove the service (as administrator)
    #[command(after_help = "Examples:\n  bursar service uninstall")]
    Uninstall,
    /// Run as the service; the service manager calls this
    #[command(
        after_help = "Examples:\n  bursar service run -c C:\\ProgramData\\bursar\\bursar.yaml"
    )]
    Run {
        #[cfg(windows)]
        #[command(flatten)]
        config: ConfigFile,
    },
}

impl Service {
    #[cfg(not(windows))]
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let command = match self.command {
            Command::Install {} => "install",
            Command::Uninstall => "uninstall",
            Command::Run {} => "run",
        };
        errln!(
            "bursar: service {command} is for Windows; elsewhere, use the systemd unit or the \
             container (docs/install.md)"
        );
        Ok(Exit::Unusable)
    }

    #[cfg(windows)]
    pub fn execute(self) -> anyhow::Result<Exit> {
        use crate::daemon::service;
        match self.command {
            Command::Install { config } => {
                if let Err(exit) = super::load_with_files(&config.file, false) {
                    return Ok(exit);
                }
                service::install(&config.file)?;
                outln!("service {} installed; start it with: sc start {0}", service::NAME);
            }
            Command::Uninstall => {
                service::uninstall()?;
                outln!("service {} removed", service::NAME);
            }
            Command::Run { config } => return run(config),
        }
        Ok(Exit::Ok)
    }
}

#[cfg(windows)]
fn run(config: ConfigFile) -> anyhow::Result<Exit> {
    use crate::clock::Clock;
    use crate::daemon::{logging, service};
    let (loaded, files) = match super::load_with_files(&config.file, false) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    service::run(move |stop| {
        let guard = logging::start(&loaded.settings.log)?;
        // The default is a folder in %ProgramData% that nobody else makes. Without it, the daemon
        // says what is wrong.
        if let Some(folder) = loaded.settings.storage.path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let result = super::block_on(super::run::serve(
            loaded.clone(),
            files.clone(),
            super::time::clock(),
            super::run::Start { stop, reloads: std::sync::Arc::default(), level: None },
        ))?;
        if let Err(error) = &result {
            tracing::error!("{error:#}");
        }
        drop(guard);
        result
    })?;
    Ok(Exit::Ok)
}
