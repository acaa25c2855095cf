//! The supervisor: one poller per site and monitor, one delivery worker per destination.
//!
//! Everything that is spawned here is owned by the [`Daemon`] and joined by [`Daemon::stop`].

mod alert;
mod app;
mod backup;
mod history;
mod job;
pub mod lock;
mod log_files;
pub mod logging;
pub mod notify;
pub mod open_files;
mod orders;
mod page;
pub mod poller;
mod pulse;
mod release;
mod reload;
mod report;
mod running;
pub mod seats;
pub mod service;
mod signs;
mod sites;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

pub use self::job::PollFailure;
use self::reload::{Looks, Reloads};
use self::running::{Roots, Running};
use crate::clock::Clock;
use crate::config::Settings;
use crate::event::{Addressing, InForce};
use crate::release::settings as release_settings;
use crate::store::aside::Care;
use crate::store::care::CareError;
use crate::store::settings::Storage;
use crate::store::{Store, StoreError, aside, installation};

/// Everything together has to end within this time after a stop is asked for.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    store: Store,
    roots: Roots,
    settings: watch::Receiver<Arc<Settings>>,
    page: watch::Receiver<Option<page::Served>>,
    lock: Mutex<lock::Lock>,
}

/// What every task of the daemon shares.
#[derive(Clone)]
struct Shared {
    /// The settings in force.
    settings: watch::Sender<Arc<Settings>>,
    clock: Clock,
    /// The start of the daemon.
    since: DateTime<Utc>,
    store: Store,
    addressing: InForce,
    /// All sites, as releases see them.
    sites: release_settings::Sites,
    /// Where the pages are, once they are served.
    page: watch::Sender<Option<page::Served>>,
    /// Has the settings looked at.
    looks: Looks,
}

impl Shared {
    /// The settings in force. They may be others the next time.
    fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    fn put_in_force(&self, settings: Arc<Settings>) {
        self.settings.send_replace(settings);
    }
}

impl Daemon {
    /// Opens the store, builds the destinations and starts everything. Polls begin at once. Settings that are of a
    /// file are read again when it changes.
    ///
    /// # Errors
    /// When the store can't be used, or what a site is asked with can't be made.
    pub async fn start(settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        Self::start_with(settings, clock, None, Arc::default()).await
    }

    /// The same with a log level that holds whatever the file says, and somebody who says when the settings are to be
    /// read again.
    pub async fn start_with(
        settings: Settings,
        clock: Clock,
        level: Option<LevelFilter>,
        reloads: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let Storage { path, outbox, .. } = &settings.storage;
        let lock = lock::take(path)?;
        look_at_store(path, Care::AtStart, clock.now()).await?;
        let store = Store::open_with_clock(path, *outbox, move || clock.now()).await?;
        if let Some(begun) = store.begun_anew().await? {
            tracing::error!("{}; {}", begun.text(), begun.ways());
        }
        if let Err(error) = installation::make(path) {
            tracing::warn!(
                error = %error,
                "the id of this installation can't be kept beside the store: names at MQTT brokers are made of this computer's name alone"
            );
        }
        let addressing = settings.addressing();
        take_over(&store, &addressing).await?;
        let connections = open_files::share_out(&settings);
        let (looks, before_runs) = Looks::new();
        let shared = Shared {
            settings: watch::Sender::new(Arc::new(settings.clone())),
            clock,
            since: clock.now(),
            store: store.clone(),
            addressing: addressing.into(),
            sites: release_settings::Sites::new(settings.release_sites()),
            page: watch::Sender::default(),
            looks,
        };
        let daemon = Self {
            settings: shared.settings.subscribe(),
            page: shared.page.subscribe(),
            lock: lock.into(),
            store,
            roots: Roots::default(),
        };
        let roots = daemon.roots.clone();
        let mut running =
            Running::nothing(shared.clone(), roots.clone(), settings.surroundings(), connections);
        let built = running.build_first(&settings)?;
        warn_of_orphans(&shared).await?;
        running.commit(settings, built).await;
        let (tasks, stop) = (&roots.pollers, &roots.stop_polling);
        tasks.spawn(history::run(shared.clone(), stop.clone()));
        tasks.spawn(alert::run(shared.clone(), stop.clone()));
        tasks.spawn(backup::run(shared.clone(), stop.clone()));
        tasks.spawn(certificates(shared.clone(), stop.clone()));
        tasks.spawn(pulse::run(shared.store.clone(), reloads.clone(), stop.clone()));
        let reloads = Reloads::new(shared, running, level, reloads, before_runs).await?;
        tasks.spawn(reloads.run(stop.clone()));
        Ok(daemon)
    }

    /// The store of this daemon, for those who read beside it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        (**self.settings.borrow()).clone()
    }

    /// Waits until the store is found to be damaged, or to be another daemon's, and says how. What runs is to be stopped then; the next start looks
    /// at the whole file, sets it aside and begins a fresh one.
    pub async fn damaged(&self) -> String {
        let looks = async {
            loop {
                tokio::time::sleep(FILE_LOOK).await;
                // What it finds, it tells.
                let _ = self.store.is_whole();
                let lost = self.lock.lock().unwrap_or_else(PoisonError::into_inner).keep();
                if let Some(why) = lost {
                    return why;
                }
            }
        };
        tokio::select! {
            why = self.store.damaged() => why,
            why = looks => why,
        }
    }

    /// Where the status page is served, if it is since the start.
    pub fn page(&self) -> Option<SocketAddr> {
        self.page.borrow().map(|page| page.address)
    }

    /// The same as an address for browsers.
    pub fn page_url(&self) -> Option<String> {
        self.page.borrow().map(|page| page.to_string())
    }

    /// Stops the timers, finishes the deliveries in hand and closes the store, all within
    /// [`STOP_LIMIT`]. What could not be delivered stays in the outbox.
    pub async fn stop(self) {
        let deadline = Instant::now() + STOP_LIMIT;
        self.roots.stop_polling.cancel();
        self.roots.pollers.close();
        if tokio::time::timeout(Duration::from_secs(2), self.roots.pollers.wait()).await.is_err() {
            tracing::warn!("a poll did not end in time and is abandoned");
        }
        self.roots.releases.close();
        let for_releases = deadline - Duration::from_secs(4);
        if tokio::time::timeout_at(for_releases, self.roots.releases.wait()).await.is_err() {
            tracing::warn!(
                "the release of a seat did not end in time; the next start asks the site what \
                 became of it"
            );
        }
        self.roots.stop_delivering.cancel();
        self.roots.workers.close();
        // The rest is for the store, and for the runtime.
        let for_workers = deadline - Duration::from_secs(2);
        if tokio::time::timeout_at(for_workers, self.roots.workers.wait()).await.is_err() {
            tracing::warn!("a delivery did not end in time; its events stay in the outbox");
        }
        let for_store = deadline - Duration::from_secs(1);
        if tokio::time::timeout_at(for_store, self.store.clone().close()).await.is_err() {
            tracing::warn!("what the store has in hand did not end in time and is undone");
        }
    }
}

impl Drop for Daemon {
    /// Ends what a start that failed half-way has begun. After [`Daemon::stop`] all has ended.
    fn drop(&mut self) {
        self.roots.stop_polling.cancel();
        self.roots.stop_delivering.cancel();
    }
}

/// How often the daemon looks whether its store still has its name.
const FILE_LOOK: Duration = Duration::from_secs(1);

/// Looks at the whole of a store in which a page was found to be damaged, and sets it aside where it is. No daemon may
/// run on it.
///
/// # Errors
/// As [`Daemon::start`].
pub async fn look_at_whole_store(settings: &Settings, clock: Clock) -> anyhow::Result<()> {
    let path = &settings.storage.path;
    let _lock = lock::take(path)?;
    look_at_store(path, Care::Whole, clock.now()).await
}

/// Sets a damaged store aside, before it is opened.
async fn look_at_store(path: &Path, care: Care, now: DateTime<Utc>) -> anyhow::Result<()> {
    let file = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || aside::look(&file, care, now)).await?;
    match looked {
        Ok(None) => Ok(()),
        Ok(Some((file, why))) => {
            let (store, aside) = (path.display(), file.display());
            tracing::error!("the store {store} is damaged ({why}): it is kept as {aside}");
            Ok(())
        }
        // What is no store of ours is left as it is, and told as whoever opens it tells it.
        Err(CareError::Store(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// What was queued for destinations while their addresses were not known is theirs.
async fn take_over(store: &Store, addressing: &Addressing) -> Result<(), StoreError> {
    for queue in addressing.queues() {
        let Some(before) = queue.id_before.as_deref().filter(|before| *before != queue.id) else {
            continue;
        };
        let events = store.take_over(before, &queue.id).await?;
        if events > 0 {
            tracing::info!(
                queue = queue.id,
                "{events} event(s) were queued while the address of {} was not known",
                queue.title
            );
        }
    }
    Ok(())
}

/// Says which queues hold events for destinations that the settings no longer have.
async fn warn_of_orphans(shared: &Shared) -> Result<(), StoreError> {
    let addressing = shared.addressing.now();
    for queue in shared.store.queue_states().await? {
        let (name, waiting) = (&queue.destination, queue.pending + queue.dead);
        if waiting > 0 && !addressing.queues().iter().any(|queue| queue.id == *name) {
            tracing::warn!(
                "{waiting} event(s) wait for {name}, which the settings no longer have; bring it \
                 back, or remove them: bursar outbox drop --destination {name}"
            );
        }
    }
    Ok(())
}

/// Warns once a day of certificates that end soon.
async fn certificates(shared: Shared, stop: CancellationToken) {
    let day = chrono::Duration::days(1);
    while shared.clock.pass(day, &stop).await {
        let files = crate::config::check_certificates(&shared.settings(), shared.clock.now());
        for problem in files.problems {
            tracing::warn!("{problem}");
        }
    }
}

/// What SIGHUP does.
#[derive(Debug, Clone)]
pub enum Hangup {
    /// The settings are read again.
    Reloads(Arc<Notify>),
    /// The same as SIGTERM: the terminal of a command is gone. Nothing under `nohup`.
    Stops,
}

/// Cancels `stop` at the first SIGTERM, SIGINT or ctrl-c; on Windows also at ctrl-break, when the window of the console is
/// closed, and when the computer shuts down.
pub async fn signals(stop: CancellationToken, hangup: Hangup) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let stops = matches!(hangup, Hangup::Stops) && !hangup_is_ignored();
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hung_up] = kinds.map(signal);
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hung_up)) =
            (terminate, interrupt, hung_up)
        else {
            tracing::error!("signals can't be received; stop the process by SIGKILL");
            return;
        };
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hung_up.recv() => {
                    match &hangup {
                        Hangup::Reloads(reloads) => reloads.notify_one(),
                        Hangup::Stops if stops => break,
                        Hangup::Stops => {}
                    }
                }
            }
        }
    }
    #[cfg(windows)]
    {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        let _ = hangup;
        let (Ok(mut c), Ok(mut pause), Ok(mut close), Ok(mut shutdown)) =
            (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_shutdown())
        else {
            tracing::error!("ctrl-c can't be received; end the process by taskkill /f");
            return;
        };
        // Windows ends the process some seconds after the last two, whatever it does then.
        tokio::select! {
            _ = c.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
    stop.cancel();
}

/// Whether the process was started to outlive its terminal. Has to be asked before a handler is there.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
