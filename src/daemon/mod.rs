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
pub mod poller;
mod release;
mod report;
pub mod seats;
pub mod service;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::job::PollFailure;
use self::job::{Job, PollTarget};
use self::poller::Timing;
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::destination::{registry, worker};
use crate::event::Addressing;
use crate::release::run::{Engine, Waits};
use crate::schedule::Schedule;
use crate::store::settings::Storage;
use crate::store::{Store, StoreError, installation};
use crate::{qrs, web};

/// Everything together has to end within this time after a stop is asked for.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// With several sites, ticks are spread over at most this long.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

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
    page: Option<SocketAddr>,
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
        let lock = lock::take(path)?;
        let store = Store::open_with_clock(path, *outbox, move || clock.now()).await?;
        if let Err(error) = installation::make(path) {
            tracing::warn!(
                error = %error,
                "the id of this installation can't be kept beside the store: names at MQTT brokers are made of this computer's name alone"
            );
        }
        let destinations = registry::build(&settings.destinations, &settings.surroundings());
        let addressing = Arc::new(settings.addressing());
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
        if let Some(address) = shared.settings.web {
            let source = web::Source {
                settings: shared.settings.clone(),
                store: shared.store.clone(),
                clock,
            };
            let page = web::Page::bind(address, source).await?;
            daemon.page = Some(page.address()?);
            daemon.pollers.spawn(page.serve(daemon.stop_polling.clone()));
        }
        for site in &shared.settings.sites {
            daemon.start_site(&shared, site)?;
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

    /// Where the status page is served, if it is.
    pub fn page(&self) -> Option<SocketAddr> {
        self.page
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

    fn start_site(&self, shared: &Shared, site: &Site) -> anyhow::Result<()> {
        let client = qrs::Client::sharing(&site.name, &site.connection, &shared.connections)
            .with_context(|| format!("site {}", site.name))?;
        let client = Arc::new(client);
        if let Some(monitor) = site.server_license.clone() {
            let schedule = monitor.schedule.clone();
            let target = PollTarget::ServerLicense { client: client.clone(), monitor };
            self.start_poller(shared, site, target, schedule);
        }
        if let Some(monitor) = &site.access_license {
            let target = PollTarget::AccessLicense { client: client.clone() };
            self.start_poller(shared, site, target, monitor.schedule.clone());
        }
        if let Some(monitor) = site.seats.clone() {
            let schedule = monitor.schedule.clone();
            let engine = Box::new(engine(shared, site, &client));
            let memory = std::sync::Mutex::default();
            let target = PollTarget::Seats { engine, monitor, memory };
            self.start_poller(shared, site, target, schedule);
        }
        if let Some(monitor) = site.monitor_app.clone() {
            let schedule = monitor.schedule.clone();
            let target = PollTarget::App { client: client.clone(), monitor: Box::new(monitor) };
            self.start_poller(shared, site, target, schedule);
        }
        if let Some(monitor) = site.version.clone() {
            let connection = &monitor.connection;
            let client = qrs::Client::of_system(&site.name, connection, &shared.connections)
                .with_context(|| format!("site {}, its version", site.name))?;
            let schedule = monitor.schedule.clone();
            let target = PollTarget::Version { client, monitor: Box::new(monitor) };
            self.start_poller(shared, site, target, schedule);
        }
        if site.release.enable {
            self.start_release(shared, engine(shared, site, &client));
        }
        Ok(())
    }

    fn start_release(&self, shared: &Shared, engine: Engine) {
        let (offset, start_delay) = spread(shared.settings.sites.len(), &engine.site.name);
        let timing = Timing {
            clock: shared.clock,
            zone: shared.settings.time_zone,
            schedule: engine.site.release.schedule.clone(),
            offset,
            start_delay,
        };
        let stop = self.stop_polling.clone();
        self.releases.spawn(async move {
            // As with pollers: a panic is reported, and the schedule goes on.
            while !stop.is_cancelled() {
                let run = release::run(engine.clone(), timing.clone(), stop.clone());
                let Err(error) = tokio::spawn(run).await else { return };
                let site = engine.site.name.as_str();
                tracing::error!(site, %error, "the release engine stopped; it starts again");
                let pause = engine.clock.now() + chrono::Duration::seconds(60);
                engine.clock.sleep_until(pause, &stop).await;
            }
        });
    }

    fn start_poller(&self, shared: &Shared, site: &Site, target: PollTarget, schedule: Schedule) {
        let (offset, start_delay) = spread(shared.settings.sites.len(), &site.name);
        let timing = Timing {
            clock: shared.clock,
            zone: shared.settings.time_zone,
            schedule,
            offset,
            start_delay,
        };
        let job = Arc::new(Job::new(shared.clone(), site.name.clone(), target));
        let stop = self.stop_polling.clone();
        self.pollers.spawn(async move {
            // A panic ends only the inner task: it is reported, and the monitor starts over.
            while !stop.is_cancelled() {
                let inner = tokio::spawn(job.clone().run(timing.clone(), stop.clone()));
                let Err(error) = inner.await else { return };
                tracing::error!(site = job.site, %error, "a monitor stopped; it starts again");
                let pause = job.shared.clock.now() + chrono::Duration::seconds(60);
                job.shared.clock.sleep_until(pause, &stop).await;
            }
        });
    }
}

/// Releases of a site.
fn engine(shared: &Shared, site: &Site, client: &qrs::Client) -> Engine {
    Engine {
        site: shared.settings.release_site(site),
        client: client.clone(),
        store: shared.store.clone(),
        clock: shared.clock,
        addressing: shared.addressing.clone(),
        waits: Waits::default(),
    }
}

impl Drop for Daemon {
    /// Ends what a start that failed half-way has begun. After [`Daemon::stop`] all has ended.
    fn drop(&mut self) {
        self.stop_polling.cancel();
        self.stop_delivering.cancel();
    }
}

/// Tick offset and start delay of a site: nothing for one site, and for many a share of the spread
/// that depends on nothing but the site's name.
fn spread(sites: usize, site: &str) -> (Duration, Duration) {
    if sites < 2 {
        return (Duration::ZERO, Duration::ZERO);
    }
    let mut hasher = DefaultHasher::new();
    site.hash(&mut hasher);
    let share = (hasher.finish() % 1000) as f64 / 1000.0;
    let spread = LONGEST_SPREAD.min(Duration::from_millis(100 * sites as u64));
    (spread.mul_f64(share), spread.mul_f64(share) / 3)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_many_sites_are_spread_and_those_of_one_are_not() {
        assert_eq!(spread(1, "only"), (Duration::ZERO, Duration::ZERO));
        let offsets = |sites: usize| -> Vec<Duration> {
            (0..sites).map(|i| spread(sites, &format!("site{i}")).0).collect()
        };
        assert!(offsets(10).iter().all(|offset| *offset <= Duration::from_secs(1)));
        let many = offsets(1000);
        assert_eq!(many, offsets(1000), "the same at every start");
        for part in 0..6 {
            let range = LONGEST_SPREAD * part / 6..LONGEST_SPREAD * (part + 1) / 6;
            let count = many.iter().filter(|offset| range.contains(*offset)).count();
            assert!((100..250).contains(&count), "{count} of 1,000 in part {part}");
        }
    }
}
