//! What is started of each site: a poller for each monitor, and the releases.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::job::{Job, PollTarget};
use super::poller::Timing;
use super::{Shared, orders, release};
use crate::config::settings::Site;
use crate::event::{Addressing, Monitor};
use crate::qrs;
use crate::release::run::{Engine, Waits};
use crate::schedule::Schedule;
use crate::store::PollError;

/// With several sites, ticks are spread over at most this long.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// How often it is looked whether a site that is left out has complete settings.
const LOOK: chrono::Duration = chrono::Duration::minutes(1);

/// The code of a site's problem while something that its settings refer to isn't there.
const MISSING: &str = "settings-missing";

/// Where the tasks of sites belong. All that is spawned is joined by [`Daemon::stop`](super::Daemon::stop).
#[derive(Clone)]
pub(super) struct Sites {
    pub(super) stop: CancellationToken,
    pub(super) pollers: TaskTracker,
    /// Runs of the release engine: a seat in hand is finished before they end.
    pub(super) releases: TaskTracker,
}

impl Sites {
    /// Leaves a site out until its settings are complete; what is missing is a failure of all its monitors.
    pub(super) fn wait_for(&self, shared: &Shared, site: &Site) {
        let (sites, shared, site) = (self.clone(), shared.clone(), site.clone());
        self.pollers.spawn(async move { sites.waiting(shared, site).await });
    }

    async fn waiting(self, shared: Shared, site: Site) {
        let mut why = site.connection.missing.clone().unwrap_or_default();
        loop {
            for watch in site.watches().into_iter().filter(|w| w.monitor != Monitor::Release) {
                let text = format!("it is left out until its settings are complete: {why}");
                let problem = PollError { code: MISSING.to_owned(), text };
                let kept = shared.store.record_health(&site.name, watch.monitor, Err(problem));
                if let Err(error) = kept.await {
                    tracing::error!(site = site.name, %error, "the state of the monitor can't be stored");
                }
            }
            if !shared.clock.sleep_until(shared.clock.now() + LOOK, &self.stop).await {
                return;
            }
            let before = shared.settings.clone();
            let read = tokio::task::spawn_blocking(move || before.read_again());
            let settings = match read.await {
                Ok(Ok(settings)) => settings,
                Ok(Err(problems)) => {
                    why = problems.to_string();
                    continue;
                }
                Err(_) => continue,
            };
            let Some(now) = settings.sites.iter().find(|now| now.name == site.name) else {
                continue;
            };
            if let Some(missing) = &now.connection.missing {
                why.clone_from(missing);
                continue;
            }
            // The queues are those that have a worker.
            let queues = shared.addressing.queues().to_vec();
            let addressing = Arc::new(Addressing::new(queues, settings.routes()));
            let now = now.clone();
            let shared = Shared { settings: Arc::new(settings), addressing, ..shared };
            match self.start(&shared, &now) {
                Ok(()) => {
                    tracing::info!(site = site.name, "its settings are complete, it is watched")
                }
                Err(error) => tracing::error!(site = site.name, "it can't be watched: {error:#}"),
            }
            return;
        }
    }

    /// Starts what the settings have of a site.
    pub(super) fn start(&self, shared: &Shared, site: &Site) -> anyhow::Result<()> {
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
        if shared.settings.web.is_some() {
            self.start_orders(engine(shared, site, &client));
        }
        Ok(())
    }

    fn start_orders(&self, engine: Engine) {
        let stop = self.stop.clone();
        self.releases.spawn(async move {
            // As with pollers: a panic is reported, the order in hand is told as cut short, and the rest goes on.
            while !stop.is_cancelled() {
                let run = orders::run(engine.clone(), stop.clone());
                let Err(error) = tokio::spawn(run).await else { return };
                let site = engine.site.name.as_str();
                tracing::error!(site, %error, "an order could not be carried out");
                let pause = engine.clock.now() + chrono::Duration::seconds(60);
                engine.clock.sleep_until(pause, &stop).await;
            }
        });
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
        let stop = self.stop.clone();
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
        let stop = self.stop.clone();
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
