//! The supervisor: one poller per site and monitor, one delivery worker per destination.
//!
//! Everything that is spawned here is owned by the [`Daemon`] and joined by [`Daemon::stop`].

mod alert;
mod app;
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
mod release;
mod report;
pub mod seats;
pub mod service;
mod sites;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::job::PollFailure;
use self::sites::Sites;
use crate::clock::Clock;
use crate::config::Settings;
use crate::destination::{registry, worker};
use crate::event::Addressing;
use crate::qrs;
use crate::store::settings::Storage;
use crate::store::{Store, StoreError, installation};

/// Everything together has to end within this time after a stop is asked for.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    store: Store,
    stop_polling: CancellationToken,
    stop_delivering: CancellationToken,
    pollers: TaskTracker,
    workers: TaskTracker,
    /// Runs of the release engine: a seat in hand is finished before they end.
    releases: TaskTracker,
    page: Option<page::Served>,
    _lock: lock::Lock,
}

/// What every poller of the daemon shares.
#[derive(Clone)]
struct Shared {
    settings: Arc<Settings>,
    clock: Clock,
    store: Store,
    addressing: Arc<Addressing>,
    connections: qrs::Connections,
}

impl Daemon {
    /// Opens the store, builds the destinations and starts everything. Polls begin at once.
    pub async fn start(settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let Storage { path, outbox, .. } = &settings.storage;
        let lock = lock::take(path, &settings.file)?;
        let store = Store::open_with_clock(path, *outbox, move || clock.now()).await?;
        if let Err(error) = installation::make(path) {
            tracing::warn!(
                error = %error,
                "the id of this installation can't be kept beside the store: names at MQTT brokers are made of this computer's name alone"
            );
        }
        let destinations = registry::build(&settings.destinations, &settings.surroundings());
        let addressing = Arc::new(settings.addressing());
        take_over(&store, &addressing).await?;
        let connections = open_files::share_out(&settings);
        let settings = Arc::new(settings);
        let shared = Shared { settings, clock, store: store.clone(), addressing, connections };

        let mut daemon = Self {
            page: None,
            _lock: lock,
            store,
            stop_polling: CancellationToken::new(),
            stop_delivering: CancellationToken::new(),
            pollers: TaskTracker::new(),
            workers: TaskTracker::new(),
            releases: TaskTracker::new(),
        };
        for destination in destinations {
            tracing::info!(queue = destination.id(), "delivering to {}", destination.title());
            daemon.workers.spawn(worker::run(
                destination,
                shared.store.clone(),
                shared.settings.storage.set_aside,
                fastrand::Rng::new(),
                daemon.stop_delivering.clone(),
            ));
        }
        warn_of_orphans(&shared).await?;
        if let Some(web) = &shared.settings.web {
            let (tasks, stop) = (&daemon.pollers, &daemon.stop_polling);
            daemon.page = page::start(&shared, web, tasks, stop).await;
        }
        let sites = Sites {
            stop: daemon.stop_polling.clone(),
            pollers: daemon.pollers.clone(),
            releases: daemon.releases.clone(),
        };
        for site in &shared.settings.sites {
            match site.connection.missing {
                Some(_) => sites.wait_for(&shared, site),
                None => sites.start(&shared, site)?,
            }
        }
        daemon.pollers.spawn(history::run(shared.clone(), daemon.stop_polling.clone()));
        daemon.pollers.spawn(alert::run(shared.clone(), daemon.stop_polling.clone()));
        if let Some(reports) = shared.settings.reports.clone() {
            let stop = daemon.stop_polling.clone();
            daemon.pollers.spawn(report::run(shared.clone(), reports, stop));
        }
        daemon.pollers.spawn(certificates(shared, daemon.stop_polling.clone()));
        Ok(daemon)
    }

    /// The store of this daemon, for those who read beside it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where the status page is served, if it is since the start.
    pub fn page(&self) -> Option<SocketAddr> {
        self.page.map(|page| page.address)
    }

    /// The same as an address for browsers.
    pub fn page_url(&self) -> Option<String> {
        self.page.map(|page| page.to_string())
    }

    /// Stops the timers, finishes the deliveries in hand and closes the store, all within
    /// [`STOP_LIMIT`]. What could not be delivered stays in the outbox.
    pub async fn stop(self) {
        let deadline = Instant::now() + STOP_LIMIT;
        self.stop_polling.cancel();
        self.pollers.close();
        if tokio::time::timeout(Duration::from_secs(2), self.pollers.wait()).await.is_err() {
            tracing::warn!("a poll did not end in time and is abandoned");
        }
        self.releases.close();
        let for_releases = deadline - Duration::from_secs(4);
        if tokio::time::timeout_at(for_releases, self.releases.wait()).await.is_err() {
            tracing::warn!(
                "the release of a seat did not end in time; the next start asks the site what \
                 became of it"
            );
        }
        self.stop_delivering.cancel();
        self.workers.close();
        // The rest is for the store, and for the runtime.
        let for_workers = deadline - Duration::from_secs(2);
        if tokio::time::timeout_at(for_workers, self.workers.wait()).await.is_err() {
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
        self.stop_polling.cancel();
        self.stop_delivering.cancel();
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
    for queue in shared.store.queue_states().await? {
        let (name, waiting) = (&queue.destination, queue.pending + queue.dead);
        if waiting > 0 && !shared.addressing.queues().iter().any(|queue| queue.id == *name) {
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
    while shared.clock.sleep_until(shared.clock.now() + day, &stop).await {
        let files = crate::config::check_certificates(&shared.settings, shared.clock.now());
        for problem in files.problems {
            tracing::warn!("{problem}");
        }
    }
}

/// What SIGHUP does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// Nothing but a line in the log: settings are read at the start only.
    Ignored,
    /// The same as SIGTERM: the terminal of a command is gone. Nothing under `nohup`.
    Stops,
}

/// Cancels `stop` at the first SIGTERM, SIGINT or ctrl-c.
pub async fn signals(stop: CancellationToken, hangup: Hangup) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let stops = hangup == Hangup::Stops && !hangup_is_ignored();
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
                    if stops {
                        break;
                    }
                    tracing::warn!(
                        "SIGHUP is ignored: the settings are read at the start only; restart to \
                         use changed ones"
                    );
                }
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = hangup;
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "ctrl-c can't be received");
            return;
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
