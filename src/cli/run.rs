//! `bursar run`: the daemon in the foreground, as systemd and containers want it.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::{ConfigFile, Exit, block_on, override_level, parse_level};
use crate::clock::Clock;
use crate::config::{Files, Loaded, Severity};
use crate::daemon::{self, Daemon, Hangup, logging, notify};

/// Run the daemon until it is told to stop (SIGTERM, SIGINT, ctrl-c)
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar run -c /etc/bursar/bursar.yaml\n  bursar run -c butler.yaml -l debug"
)]
pub(crate) struct Run {
    #[command(flatten)]
    config: ConfigFile,
    /// Log level, in place of the one in the settings: error, warn, info, verbose, debug, silly
    #[arg(short, long, value_parser = parse_level)]
    level: Option<LevelFilter>,
    /// Start nothing when the certificate or key of any site or destination can't be used, or when
    /// something that its settings refer to isn't there. Without this, what it is for is left out
    /// until it is mended, and the rest is watched
    #[arg(long)]
    strict: bool,
    /// Time runs so many times as fast: for benches and trials, never for real sites
    #[arg(long, hide = true)]
    speed: Option<f64>,
}

/// Logs name people and sites: files that are made from now on are for this account and its group
/// (which may be that of a log shipper), whatever the umask was.
fn only_for_us() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
}

impl Run {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (mut loaded, files) = match super::load_with_files(&self.config.file, self.strict) {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        override_level(&mut loaded.settings, self.level);
        let clock = self
            .speed
            .map_or_else(super::time::clock, |speed| Clock::fast(super::time::now(), speed));
        only_for_us();
        let guard = logging::start(&loaded.settings.log)?;
        let stop = CancellationToken::new();
        let reloads = Arc::new(Notify::new());
        let level = self.level;
        let result = block_on(async move {
            let hangup = Hangup::Reloads(reloads.clone());
            let signals = tokio::spawn(daemon::signals(stop.clone(), hangup));
            let result = serve(loaded, files, clock, Start { stop, reloads, level }).await;
            signals.abort();
            result
        })?;
        if let Err(error) = &result {
            tracing::error!("{error:#}");
        }
        drop(guard);
        Ok(if result.is_ok() { Exit::Ok } else { Exit::Failed })
    }
}

/// From whoever starts the daemon.
pub(crate) struct Start {
    pub(crate) stop: CancellationToken,
    /// Told when the settings are to be read again.
    pub(crate) reloads: Arc<Notify>,
    /// A log level that holds whatever the settings say.
    pub(crate) level: Option<LevelFilter>,
}

/// Runs the daemon until it is told to stop. Also what the Windows service runs.
pub(crate) async fn serve(
    loaded: Loaded,
    files: Files,
    clock: Clock,
    start: Start,
) -> anyhow::Result<()> {
    let Start { stop, reloads, level } = start;
    let Loaded { settings, warnings, .. } = loaded;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        "bursar starts with {}, {} site(s)",
        settings.file.display(),
        settings.sites.len()
    );
    for warning in warnings.iter().chain(&files.problems) {
        match warning.severity {
            Severity::Warning => tracing::warn!("{warning}"),
            // What it is for says so itself, each time it is tried.
            Severity::Error => tracing::error!("left out until it is mended: {warning}"),
        }
    }
    for site in files.sites_without.iter().filter_map(|place| settings.sites.get(*place)) {
        match &site.connection.missing {
            Some(missing) => tracing::error!(site = site.name, "it is not watched: {missing}"),
            None => tracing::error!(
                site = site.name,
                "no certificate that can be used: it is not watched"
            ),
        }
    }
    if let Some(line) = settings.unimplemented_line() {
        tracing::info!("{line}");
    }
    for unheard in settings.unheard() {
        tracing::warn!("{}; {}", unheard.what(), unheard.fix);
    }
    let daemon = Daemon::start_with(settings, clock, level, reloads).await?;
    notify::ready();
    let watchdog = tokio::spawn(notify::watchdog(daemon.store().clone(), stop.clone()));
    stop.cancelled().await;
    notify::stopping();
    tracing::info!("stopping");
    daemon.stop().await;
    watchdog.abort();
    tracing::info!("stopped");
    Ok(())
}
