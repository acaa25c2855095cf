//! `bursar run`: the daemon in the foreground, as systemd and containers want it.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::{ConfigFile, Exit, block_on, override_level, parse_level};
use crate::clock::Clock;
use crate::config::{Files, Loaded, Settings, Severity};
use crate::daemon::{self, Daemon, Hangup, logging, notify};
use crate::store::{Store, StoreError};

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
    let (serving, served) = watch::channel(None);
    let watchdog = tokio::spawn(notify::watchdog(served, stop.clone()));
    let result = until_stopped(settings, clock, level, &reloads, &stop, &serving).await;
    watchdog.abort();
    result
}

/// How often a store is begun anew, or found to be whole after all, before the disk is to be looked at.
const MOST_DAMAGES: u32 = 3;

/// One daemon, and another one where its store was found to be damaged.
async fn until_stopped(
    mut settings: Settings,
    clock: Clock,
    level: Option<LevelFilter>,
    reloads: &Arc<Notify>,
    stop: &CancellationToken,
    serving: &watch::Sender<Option<Store>>,
) -> anyhow::Result<()> {
    for _ in 0..=MOST_DAMAGES {
        let started = Daemon::start_with(settings.clone(), clock, level, reloads.clone()).await;
        let daemon = match started {
            Ok(daemon) => daemon,
            // What a start doesn't wait for to be checked is found when it is read.
            Err(error) if is_damage(&error) => {
                tracing::error!("{error:#}");
                daemon::look_at_whole_store(&settings, clock).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        serving.send_replace(Some(daemon.store().clone()));
        notify::ready();
        tokio::select! {
            () = stop.cancelled() => {
                notify::stopping();
                tracing::info!("stopping");
                daemon.stop().await;
                tracing::info!("stopped");
                return Ok(());
            }
            why = daemon.damaged() => {
                tracing::error!(
                    "the store is damaged ({why}): everything stops, and the whole file is looked at"
                );
                serving.send_replace(None);
                settings = daemon.settings();
                daemon.stop().await;
                daemon::look_at_whole_store(&settings, clock).await?;
            }
        }
    }
    anyhow::bail!(
        "the store was found to be damaged {} times since the start: look at the disk and the memory of this machine",
        MOST_DAMAGES + 1
    )
}

fn is_damage(error: &anyhow::Error) -> bool {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    matches!(cause, Some(StoreError::Damaged { .. }))
}
