//! What is started of each site: a poller for each monitor, and the releases.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::task::TaskTracker;

use super::job::{Job, PollTarget};
use super::poller::Timing;
use super::running::{Clients, Roots, Task};
use super::{Shared, orders, release};
use crate::config::settings::Site;
use crate::event::Monitor;
use crate::qrs;
use crate::release::run::{Engine, Waits};
use crate::schedule::Schedule;
use crate::store::PollError;

/// With several sites, ticks are spread over at most this long.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// How often it is said of a site that is left out that its settings are not complete.
const LOOK: chrono::Duration = chrono::Duration::minutes(1);

/// The code of a site's problem while something that its settings refer to isn't there.
const MISSING: &str = "settings-missing";

/// What is started of one site, and where it belongs.
pub(super) struct Sites<'a> {
    pub(super) shared: &'a Shared,
    pub(super) roots: &'a Roots,
    pub(super) pollers: &'a Task,
    pub(super) releases: &'a Task,
    /// What ran of it by other settings, and ends before this begins.
    pub(super) before: Arc<Vec<TaskTracker>>,
}

impl Clients {
    pub(super) fn of(site: &Site, connections: &qrs::Connections) -> anyhow::Result<Self> {
        let repository = qrs::Client::sharing(&site.name, &site.connection, connections)?;
        let system = site.version.as_ref().map(|monitor| {
            qrs::Client::of_system(&site.name, &monitor.connection, connections)
                .context("its version")
        });
        Ok(Self { repository: Arc::new(repository), system: system.transpose()? })
    }
}

/// Returns when all of these have ended.
async fn ended(before: Arc<Vec<TaskTracker>>) {
    for task in before.iter() {
        task.wait().await;
    }
}

impl Sites<'_> {
    /// Leaves a site out until its settings are complete; what is missing is a failure of all its monitors.
    pub(super) fn wait_for(&self, site: &Site) {
        let (shared, site, stop) = (self.shared.clone(), site.clone(), self.pollers.stop().clone());
        let before = self.before.clone();
        self.pollers.spawn(&self.roots.pollers, async move {
            ended(before).await;
            let why = site.connection.missing.as_deref().unwrap_or_default();
            loop {
                for watch in site.watches().into_iter().filter(|w| w.monitor != Monitor::Release) {
                    let text = format!("it is left out until its settings are complete: {why}");
                    let problem = PollError { code: MISSING.to_owned(), text };
                    let kept = shared.store.record_health(&site.name, watch.monitor, Err(problem));
                    if let Err(error) = kept.await {
                        tracing::error!(
                            site = site.name,
                            %error,
                            "the state of the monitor can't be stored"
                        );
                    }
                }
                if !shared.clock.pass(LOOK, &stop).await {
                    return;
                }
            }
        });
    }

    /// Starts what the settings have of a site, or its releases alone.
    pub(super) fn start(&self, site: &Site, clients: &Clients, only_releases: bool) {
        let client = &clients.repository;
        if !only_releases {
            self.start_pollers(site, clients);
        }
        if site.release.enable {
            self.start_release(engine(self.shared, site, client));
        }
        if self.shared.settings().web.is_some() {
            self.start_orders(engine(self.shared, site, client));
        }
    }

    fn start_pollers(&self, site: &Site, clients: &Clients) {
        let client = &clients.repository;
        if let Some(monitor) = site.server_license.clone() {
            let schedule = monitor.schedule.clone();
            let target = PollTarget::ServerLicense { client: client.clone(), monitor };
            self.start_poller(site, target, schedule);
        }
        if let Some(monitor) = &site.access_license {
            let target = PollTarget::AccessLicense { client: client.clone() };
            self.start_poller(site, target, monitor.schedule.clone());
        }
        if let Some(monitor) = site.seats.clone() {
            let schedule = monitor.schedule.clone();
            let engine = Box::new(engine(self.shared, site, client));
            let memory = std::sync::Mutex::default();
            let target = PollTarget::Seats { engine, monitor, memory };
            self.start_poller(site, target, schedule);
        }
        if let Some(monitor) = site.monitor_app.clone() {
            let schedule = monitor.schedule.clone();
            let target = PollTarget::App { client: client.clone(), monitor: Box::new(monitor) };
            self.start_poller(site, target, schedule);
        }
        if let (Some(monitor), Some(client)) = (site.version.clone(), clients.system.clone()) {
            let schedule = monitor.schedule.clone();
            let target = PollTarget::Version { client, monitor: Box::new(monitor) };
            self.start_poller(site, target, schedule);
        }
    }

    fn start_orders(&self, engine: Engine) {
        let (stop, before) = (self.releases.stop().clone(), self.before.clone());
        let looks = self.shared.looks.clone();
        self.releases.spawn(&self.roots.releases, async move {
            ended(before).await;
            // As with pollers: a panic is reported, the order in hand is told as cut short, and the rest goes on.
            while !stop.is_cancelled() {
                let run = orders::run(engine.clone(), looks.clone(), stop.clone());
                let Err(error) = tokio::spawn(run).await else { return };
                let site = engine.site.name.as_str();
                tracing::error!(site, %error, "an order could not be carried out");
                engine.clock.pass(chrono::Duration::seconds(60), &stop).await;
            }
        });
    }

    fn start_release(&self, engine: Engine) {
        let timing = self.timing(&engine.site.name, engine.site.release.schedule.clone());
        let (stop, before) = (self.releases.stop().clone(), self.before.clone());
        let looks = self.shared.looks.clone();
        self.releases.spawn(&self.roots.releases, async move {
            ended(before).await;
            while !stop.is_cancelled() {
                let run = release::run(engine.clone(), timing.clone(), looks.clone(), stop.clone());
                let Err(error) = tokio::spawn(run).await else { return };
                let site = engine.site.name.as_str();
                tracing::error!(site, %error, "the release engine stopped; it starts again");
                engine.clock.pass(chrono::Duration::seconds(60), &stop).await;
            }
        });
    }

    fn start_poller(&self, site: &Site, target: PollTarget, schedule: Schedule) {
        let timing = self.timing(&site.name, schedule);
        let job = Arc::new(Job::new(self.shared.clone(), site.name.clone(), target));
        let (stop, before) = (self.pollers.stop().clone(), self.before.clone());
        self.pollers.spawn(&self.roots.pollers, async move {
            ended(before).await;
            // A panic ends only the inner task: it is reported, and the monitor starts over.
            while !stop.is_cancelled() {
                let inner = tokio::spawn(job.clone().run(timing.clone(), stop.clone()));
                let Err(error) = inner.await else { return };
                tracing::error!(site = job.site, %error, "a monitor stopped; it starts again");
                job.shared.clock.pass(chrono::Duration::seconds(60), &stop).await;
            }
        });
    }

    fn timing(&self, site: &str, schedule: Schedule) -> Timing {
        let settings = self.shared.settings();
        let (offset, start_delay) = spread(settings.sites.len(), site);
        let zone = settings.time_zone;
        Timing { clock: self.shared.clock, zone, schedule, offset, start_delay }
    }
}

/// Releases of a site.
fn engine(shared: &Shared, site: &Site, client: &qrs::Client) -> Engine {
    Engine {
        site: shared.settings().release_site_among(site, shared.sites.clone()),
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
