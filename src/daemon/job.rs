//! One monitor of one site: what it looks at, and what becomes of what it sees.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::poller::{self, Attempt, Tick, Timing};
use super::{Shared, app, seats};
use crate::event::{Body, Event, Latest, Monitor};
use crate::license::monitor_app::KeptRun;
use crate::monitor::seat_lists::Memory;
use crate::monitor::settings::{
    LicenseMonitorApp, SeatMonitor, ServerLicenseMonitor, VersionMonitor,
};
use crate::monitor::{OTHER_SITE, access_license, sense_version, server_license};
use crate::qrs::{self, Patience};
use crate::release::run::Engine;
use crate::store::{PollError, SeatReading, StoreError};

/// What a poller reads.
pub(super) enum PollTarget {
    ServerLicense { client: Arc<qrs::Client>, monitor: ServerLicenseMonitor },
    AccessLicense { client: Arc<qrs::Client> },
    Seats { engine: Box<Engine>, monitor: SeatMonitor, memory: Mutex<Memory> },
    App { client: Arc<qrs::Client>, monitor: Box<LicenseMonitorApp> },
    Version { client: qrs::Client, monitor: Box<VersionMonitor> },
}

/// What a poll brought.
pub(super) struct Observation {
    pub(super) bodies: Vec<Body>,
    /// Is kept with the events, all or nothing.
    pub(super) reading: Option<SeatReading>,
    /// Runs of the License Monitor app, and for how many days they are kept: likewise.
    pub(super) app_runs: Option<(Vec<KeptRun>, u32)>,
    /// What could not be read, where the rest is told all the same.
    pub(super) problem: Option<qrs::Error>,
}

/// Why a poll brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum PollFailure {
    #[error(transparent)]
    Site(#[from] qrs::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it says belongs to another history.
    #[error(
        "another site answers at this address than before, so nothing of it is kept under this name; look at the address in the settings, or, if the site was set up anew, say so: bursar release accept site --why 'site set up anew'"
    )]
    OtherSite,
}

impl From<Vec<Body>> for Observation {
    fn from(bodies: Vec<Body>) -> Self {
        Self { bodies, reading: None, app_runs: None, problem: None }
    }
}

impl PollTarget {
    fn monitor(&self) -> Monitor {
        match self {
            Self::ServerLicense { .. } => Monitor::ServerLicense,
            Self::AccessLicense { .. } => Monitor::AccessLicense,
            Self::Seats { .. } => Monitor::Seats,
            Self::App { .. } => Monitor::App,
            Self::Version { .. } => Monitor::Version,
        }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().expect("no holder of this lock panics")
}

/// One monitor of one site: turns what it sees into durable events, and its failures into health
/// and log lines.
pub(super) struct Job {
    pub(super) shared: Shared,
    pub(super) site: String,
    target: PollTarget,
    last: Mutex<Last>,
}

/// What was said last, so that the log speaks of changes only.
#[derive(Default)]
struct Last {
    summary: String,
    failure: Option<&'static str>,
}

impl Job {
    pub(super) fn new(shared: Shared, site: String, target: PollTarget) -> Self {
        Self { shared, site, target, last: Mutex::default() }
    }

    pub(super) fn run(
        self: Arc<Self>,
        timing: Timing,
        stop: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let job = self.clone();
        let told = move |Tick { lag, missed }: Tick| {
            job.shared.store.note_tick(&job.site, job.target.monitor(), lag, missed);
        };
        let poll = move |now, patience| {
            let job = self.clone();
            async move { job.attempt(now, patience).await }
        };
        Box::pin(poller::run(timing, fastrand::Rng::new(), stop, poll, told))
    }

    async fn observe(
        &self,
        now: DateTime<Utc>,
        patience: Patience,
    ) -> Result<Observation, PollFailure> {
        Ok(match &self.target {
            PollTarget::ServerLicense { client, monitor } => {
                let zone = self.shared.settings().time_zone;
                let mut bodies =
                    server_license::observe(client, monitor, zone, now, patience).await?;
                let latest = self.shared.store.latest().await?;
                if let Some((_, before)) = Latest::new(&latest, &self.site).server_license() {
                    server_license::follow(&mut bodies, before);
                }
                bodies.into()
            }
            PollTarget::AccessLicense { client } => {
                self.meet_site(client, patience).await?;
                access_license::observe(client, patience).await?.into()
            }
            PollTarget::Seats { engine, monitor, memory } => {
                self.meet_site(&engine.client, patience).await?;
                // A poll that ends early forgets it: the next one reads whole lists.
                let mut kept = std::mem::take(&mut *lock(memory));
                let rest = kept.may_wait(monitor, now)
                    && kept.counts_are_the_same(&engine.client, patience).await?;
                if rest {
                    *lock(memory) = kept;
                    return Ok(Vec::new().into());
                }
                let observed = seats::poll(engine, monitor, &mut kept, now, patience).await?;
                let site = &engine.site;
                if let Some(news) = kept.news(monitor, &site.release.policy, site.time_zone()) {
                    tracing::info!(site = self.site, "{news}");
                }
                *lock(memory) = kept;
                Observation {
                    bodies: observed.bodies,
                    reading: Some(observed.reading),
                    app_runs: None,
                    problem: observed.problem,
                }
            }
            PollTarget::App { client, monitor } => {
                app::poll(&self.shared, client, monitor, now, patience).await?
            }
            PollTarget::Version { client, monitor } => {
                let kept = self.shared.store.latest().await?;
                let before = Latest::new(&kept, &self.site).version().map(|(_, version)| version);
                sense_version::observe(client, monitor, before, now, patience).await?.into()
            }
        })
    }

    /// Sees to it that figures and seats of another site are not mixed into the history of this one.
    async fn meet_site(&self, client: &qrs::Client, patience: Patience) -> Result<(), PollFailure> {
        let identity = client.identity_by_nodes(patience).await?;
        let is_other = self.shared.store.meet_site(&self.site, identity).await?;
        if is_other { Err(PollFailure::OtherSite) } else { Ok(()) }
    }

    async fn attempt(&self, now: DateTime<Utc>, patience: Patience) -> Attempt {
        let monitor = self.target.monitor();
        let (attempt, problem) = match self.observe(now, patience).await {
            Ok(mut observation) => {
                let problem = observation.problem.take();
                match (self.record(now, observation, problem.is_none()).await, problem) {
                    (Ok(()), None) => (Attempt::Done, None),
                    (Ok(()), Some(error)) => self.failed(&error),
                    (Err(error), _) => self.not_stored(&error),
                }
            }
            Err(PollFailure::Store(error)) => self.not_stored(&error),
            Err(PollFailure::Site(error)) => self.failed(&error),
            Err(error @ PollFailure::OtherSite) => {
                let text = error.to_string();
                self.log_failure(OTHER_SITE, &text);
                let problem = PollError { code: OTHER_SITE.to_owned(), text };
                (Attempt::FailedUntilFixed, Some(problem))
            }
        };
        if let PollTarget::Seats { engine, .. } = &self.target
            && matches!(attempt, Attempt::Done)
        {
            self.settle(engine, patience).await;
        }
        let result = problem.map_or(Ok(()), Err);
        if let Err(error) = self.shared.store.record_health(&self.site, monitor, result).await {
            tracing::error!(site = self.site, %error, "the state of the monitor can't be stored");
        }
        attempt
    }

    /// A poll of the seats is an occasion to find out what became of seats at releases.
    async fn settle(&self, engine: &Engine, patience: Patience) {
        if let Err(error) = engine.settle_after_poll(patience).await {
            tracing::error!(site = self.site, %error, "earlier releases can't be settled");
        }
    }

    fn failed(&self, error: &qrs::Error) -> (Attempt, Option<PollError>) {
        self.log_failure(error.code(), &error.to_string());
        let attempt =
            if error.is_transient() { Attempt::FailedForNow } else { Attempt::FailedUntilFixed };
        let problem = PollError { code: error.code().to_owned(), text: error.to_string() };
        (attempt, Some(problem))
    }

    fn not_stored(&self, error: &StoreError) -> (Attempt, Option<PollError>) {
        tracing::error!(site = self.site, %error, "what was read can't be stored");
        let problem = PollError { code: "store".to_owned(), text: error.to_string() };
        (Attempt::FailedForNow, Some(problem))
    }

    /// Makes what was seen durable; `whole` when nothing is missing.
    async fn record(
        &self,
        now: DateTime<Utc>,
        observation: Observation,
        whole: bool,
    ) -> Result<(), StoreError> {
        let addressing = self.shared.addressing.now();
        let events: Vec<(Event, Vec<String>)> = observation
            .bodies
            .into_iter()
            .map(|body| Event::new(&self.site, now, body))
            .map(|event| addressing.address(event))
            .collect();
        let is_news = !events.is_empty();
        let summary = events.iter().map(|(e, _)| e.summary()).collect::<Vec<_>>().join("; ");
        let store = &self.shared.store;
        match (observation.reading, observation.app_runs) {
            (Some(reading), _) => store.keep_seats(&self.site, reading, events).await?,
            (None, Some((runs, days))) => {
                store.keep_app_runs(&self.site, runs, days, events).await?;
            }
            (None, None) => store.record(events).await?,
        }
        let mut last = self.last.lock().expect("no holder of this lock panics");
        if whole && last.failure.take().is_some() {
            tracing::info!(
                site = self.site,
                monitor = self.target.monitor().as_str(),
                "reading works again"
            );
        }
        if !is_news {
            tracing::debug!(
                site = self.site,
                "nothing but the counts was due, and they are the same"
            );
        } else if last.summary == summary {
            tracing::debug!(site = self.site, "{summary}");
        } else {
            tracing::info!(site = self.site, "{summary}");
            last.summary = summary;
        }
        Ok(())
    }

    /// Warns of a new kind of failure; the same one again is only for those who debug.
    fn log_failure(&self, code: &'static str, error: &str) {
        let mut last = self.last.lock().expect("no holder of this lock panics");
        let (site, monitor) = (self.site.as_str(), self.target.monitor().as_str());
        if last.failure.replace(code) == Some(code) {
            tracing::debug!(site, monitor, code, "{error}");
        } else {
            tracing::warn!(site, monitor, code, "{error}");
        }
    }
}
