//! What is known right now, in one picture: for the terminal, the status page and scripts.
//!
//! It is made of what the store holds; nothing here asks a site.

mod fitness;

pub use fitness::Fitness;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::alert::state::{Alert, HeldBack, Notified, Phase, Silence};
use crate::config::settings::Watch;
use crate::config::{Problems, Settings, Unheard};
use crate::destination::registry;
use crate::event::{Body, DAEMON, Event, Monitor, ReleaseRun};
pub use crate::ledger::past::AcceptedSince;
use crate::ledger::past::{Accepted, Pause, Said, standing};
use crate::ledger::{Mode, RunStatus};
use crate::license::monitor_app::MonitorApp;
use crate::license::{Pools, SenseVersion, ServerLicenseStatus};
use crate::plain::one_line;
use crate::policy::Refusal;
use crate::release::next::Next;
use crate::store::aside::BegunAnew;
use crate::store::{
    Ahead, Health, InForce, KnownRun, MostTried, PollError, QueueState, Store, StoreError,
};
use crate::words::{self, Locale};

/// Everything a status display shows. Serialises to the JSON of `bursar status --json` and
/// `/api/status`; fields are only ever added.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub version: &'static str,
    pub time: DateTime<Utc>,
    pub time_zone: String,
    pub sites: Vec<SiteStatus>,
    pub queues: Vec<Queue>,
    /// What fires, worst first.
    pub alerts: Vec<Alert>,
    /// What people wish to hear nothing of now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<Silence>,
    /// Alerts and real releases that reach nobody by the settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Unheard>,
    /// What is wrong with the file of settings, where it can't be used: what a daemon goes by is another one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
    /// That the store was damaged or gone and a fresh one was begun, by which nothing is released; where that was looked
    /// at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_begun_anew: Option<BegunAnew>,
    /// Whether a daemon runs on the store, where that was looked at: without one all is as old as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_runs: Option<bool>,
    /// The settings of the daemon that runs on the store, and its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<InForce>,
    /// Whether the settings name their sites.
    #[serde(skip)]
    pub named_sites: bool,
    /// How people write numbers and times.
    #[serde(skip)]
    pub locale: Locale,
}

/// What waits for a destination.
#[derive(Debug, Clone, Serialize)]
pub struct Queue {
    /// What a person calls the destination; absent when the settings no longer have it.
    pub title: Option<String>,
    #[serde(flatten)]
    pub state: QueueState,
}

/// Every destination of the settings, also one that had no event yet, and those of before that still have some;
/// by name.
pub async fn queues(settings: &Settings, store: &Store) -> Result<Vec<Queue>, StoreError> {
    let known = registry::queues(&settings.destinations);
    let mut states = store.queue_states().await?;
    for queue in &known {
        if !states.iter().any(|state| state.destination == queue.id) {
            states.push(QueueState::unused(queue.id.as_str()));
        }
    }
    states.sort_by(|a, b| a.destination.cmp(&b.destination));
    let titled = states.into_iter().map(|state| {
        let queue = known.iter().find(|queue| queue.id == state.destination);
        Queue { title: queue.map(|queue| queue.title.clone()), state }
    });
    Ok(titled.collect())
}

impl Queue {
    /// What went wrong last while events wait, and at which of them.
    pub fn trouble(&self) -> Option<String> {
        let error = self.state.last_error.as_deref().filter(|_| self.state.pending > 0)?;
        let Some(most) = self.state.most_tried.as_ref().filter(|most| most.attempts > 1) else {
            return Some(error.to_owned());
        };
        let MostTried { kind, site, attempts, .. } = most;
        Some(format!("{error} ({kind} of {site} was tried {attempts} times)"))
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteStatus {
    pub name: String,
    pub server_license: Option<Dated<ServerLicenseStatus>>,
    pub access_licenses: Option<Dated<Pools>>,
    /// Qlik's License Monitor app.
    pub monitor_app: Option<Dated<MonitorApp>>,
    /// Which Qlik Sense it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qlik_sense_version: Option<Dated<SenseVersion>>,
    /// The last run of the release engine, rehearsals included.
    pub release: Option<Dated<ReleaseRun>>,
    /// The last run that began, as the ledger tells it now; also one that was cut short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<KnownRun>,
    /// The last run that was real, where rehearsals or the undoing of one followed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_real_run: Option<KnownRun>,
    /// Attempts at seats of which it is not known what came of them.
    pub unsettled: Unsettled,
    /// A person's pause of real runs that holds now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// What a person has accepted in place of a guard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// Who has accepted, since the last run, what stopped it: the next one goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_since: Option<AcceptedSince>,
    /// What the newest plan remarks, such as a rule of `neverRelease` that protects nobody: that of the last run, or of the
    /// daemon's look ahead since; where that was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan_notes: Vec<String>,
    /// What would stop the next run, by the daemon's look ahead, where no run was since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// That seats are released for real by settings that protect nobody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nobody_protected: bool,
    pub monitors: Vec<MonitorStatus>,
}

impl AcceptedSince {
    /// `percent stopped the last run; accepted by anna on 2026-11-24 08:00 UTC: the next run goes on`.
    pub fn text(&self, l: Locale, zone: Tz) -> String {
        let guards: Vec<_> = self.guards.iter().map(|guard| guard.as_str()).collect();
        one_line(&format!(
            "{} stopped the last run; accepted by {} at {}: the next run goes on",
            guards.join(" and "),
            self.by,
            l.moment(self.time, zone)
        ))
    }
}

/// How many attempts are open, and since when.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Unsettled {
    pub seats: usize,
    pub oldest: Option<DateTime<Utc>>,
}

/// A value and when it was read.
#[derive(Debug, Clone, Serialize)]
pub struct Dated<T> {
    pub time: DateTime<Utc>,
    #[serde(flatten)]
    pub value: T,
}

/// How a monitor fares.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorStatus {
    pub monitor: Monitor,
    pub schedule: String,
    pub next: Option<DateTime<Utc>>,
    /// Of releases: whether the next run takes seats; else it is a rehearsal.
    #[serde(skip)]
    pub real: Option<bool>,
    /// What keeps the next run from doing what it is there for: a pause, a freeze.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    pub health: Option<Health>,
}

impl Status {
    /// The picture that the store holds for the sites of the settings.
    pub async fn read(
        settings: &Settings,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let latest = store.latest().await?;
        let health = store.health().await?;
        let queues = queues(settings, store).await?;
        let silences = store.silences_at(now).await?;
        let firing =
            store.alerts().await?.into_values().filter(|alert| alert.phase == Phase::Firing);
        let mut alerts: Vec<_> = firing.map(|alert| alert.with_silences(&silences, now)).collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
        let mut open = Vec::with_capacity(settings.sites.len());
        let mut pauses = Vec::with_capacity(settings.sites.len());
        for site in &settings.sites {
            let all = store.unsettled(&site.name).await?;
            let oldest = all.iter().map(|open| open.time).min();
            open.push(Unsettled { seats: all.len(), oldest });
            pauses.push(store.pause(&site.name).await?);
        }
        let mut accepted = HashMap::new();
        let mut accepted_sites = HashMap::new();
        let mut last_runs = HashMap::new();
        let mut real_runs = HashMap::new();
        for site in &settings.sites {
            let last = store.runs(&site.name, 1).await?.pop();
            if last.as_ref().is_some_and(|run| run.mode != Mode::Real) {
                real_runs.insert(site.name.as_str(), store.last_real_run(&site.name).await?);
            }
            last_runs.insert(site.name.as_str(), last);
            let all = store.accepted(&site.name).await?;
            let holds: Vec<_> = standing(&all, now).cloned().collect();
            accepted.insert(site.name.as_str(), holds);
            accepted_sites
                .insert(site.name.as_str(), store.last_site_acceptance(&site.name).await?);
        }
        let sites = settings
            .sites
            .iter()
            .zip(open.into_iter().zip(&pauses))
            .map(|(site, (unsettled, pause))| {
                let monitors = site.watches().into_iter().map(|watch| {
                    let Watch { monitor, schedule, .. } = watch;
                    let found = health.iter().find(|h| h.site == site.name && h.monitor == monitor);
                    let next = if monitor == Monitor::Release {
                        Next::of(&site.release, settings.time_zone, pause.as_ref(), now)
                    } else {
                        let at = schedule.next_after(now, settings.time_zone);
                        Next { at, held: None }
                    };
                    MonitorStatus {
                        monitor,
                        schedule: schedule.text().to_owned(),
                        next: next.at,
                        real: (monitor == Monitor::Release).then_some(!site.release.dry_run),
                        held: next.held,
                        health: found.cloned(),
                    }
                });
                let monitors = monitors.collect();
                let mut status = SiteStatus::empty(&site.name);
                status.monitors = monitors;
                status.nobody_protected = site.release.takes_from_anybody();
                status.unsettled = unsettled;
                status.pause = pause.clone();
                status.accepted = accepted.remove(site.name.as_str()).unwrap_or_default();
                for event in latest.iter().filter(|event| event.site == site.name) {
                    status.take(event.clone());
                }
                status.know(last_runs.remove(site.name.as_str()).flatten());
                status.forget_what_is_over(accepted_sites.remove(site.name.as_str()).flatten());
                status.last_real_run = real_runs.remove(site.name.as_str()).flatten();
                status
            })
            .collect();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            time: now,
            time_zone: settings.time_zone.name().to_owned(),
            sites,
            queues,
            alerts,
            silences,
            unheard: settings.unheard(),
            mistakes: Vec::new(),
            store_begun_anew: store.begun_anew().await?,
            daemon_runs: None,
            daemon: None,
            named_sites: settings.named_sites,
            locale: settings.locale,
        })
    }
}

impl Status {
    /// Looks for what the newest plan of each site remarks. The whole plan is read for it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn look_at_plans(&mut self, store: &Store) -> Result<(), StoreError> {
        #[derive(Default, Deserialize)]
        struct Remarks {
            #[serde(default)]
            notes: Vec<String>,
        }
        let releases = |site: &&mut SiteStatus| {
            site.monitors.iter().any(|monitor| monitor.monitor == Monitor::Release)
        };
        for site in self.sites.iter_mut().filter(releases) {
            let planned = site.last_run.iter().chain(&site.last_real_run);
            let last = planned.map(|run| run.started).max();
            if let Some(mut ahead) = store.ahead(&site.name).await?
                && last.is_none_or(|last| last < ahead.time)
            {
                site.plan_notes.append(&mut ahead.notes);
                // What somebody wanted is told with the next run, and what was accepted since stops nothing.
                ahead.refusals.retain(|of| {
                    let is_accepted = |by: &Accepted| {
                        by.guard == of.guard
                            && Some(by.seat_type) == of.seat_type
                            && by.since >= ahead.time
                    };
                    !of.guard.is_deliberate() && !site.accepted.iter().any(is_accepted)
                });
                site.ahead = Some(ahead).filter(|ahead| !ahead.refusals.is_empty());
                continue;
            }
            let Some(run) = store.last_plan(&site.name).await? else { continue };
            let plan = store.load_plan(&run).await?.unwrap_or_default();
            // One in a form that this program doesn't know says nothing here.
            site.plan_notes = serde_json::from_slice::<Remarks>(&plan).unwrap_or_default().notes;
        }
        Ok(())
    }

    /// That the settings have mistakes: what they say of who hears what and of the next times is not what a daemon goes by.
    pub fn pass_over(&mut self, mistakes: &Problems) {
        self.mistakes = mistakes.errors().map(ToString::to_string).collect();
        self.unheard.clear();
        for site in &mut self.sites {
            site.nobody_protected = false;
        }
        for monitor in self.sites.iter_mut().flat_map(|site| &mut site.monitors) {
            monitor.next = None;
            monitor.real = None;
            monitor.held = None;
        }
    }

    /// What is known of an alert beside its text: the rule, what it is about, since when, how often it
    /// was told, and what keeps it from being told.
    pub fn told(&self, alert: &Alert, zone: Tz) -> String {
        let key = &alert.key;
        let mut facts = vec![key.rule.to_string()];
        if self.named_sites || key.site == DAEMON {
            facts.push(key.site.clone());
        }
        facts.push(key.subject.clone());
        facts.push(format!("since {}", words::ago(alert.fired.unwrap_or(alert.since), self.time)));
        let told = alert.notified.as_ref().filter(|notified| notified.times > 0);
        facts.push(told.map_or_else(|| "not told yet".to_owned(), Notified::in_words));
        facts.push(match &alert.held_back {
            None => String::new(),
            Some(HeldBack::Alert { rule }) => format!("held back by {rule}"),
            Some(HeldBack::Silence { id }) => {
                match self.silences.iter().find(|silence| silence.id == *id) {
                    None => "silenced".to_owned(),
                    Some(silence) => format!(
                        "silenced by {} until {} ({})",
                        silence.by,
                        self.locale.moment(silence.until, zone),
                        silence.why
                    ),
                }
            }
        });
        facts.retain(|fact| !fact.is_empty());
        one_line(&facts.join(", "))
    }
}

impl SiteStatus {
    /// A site of which nothing is known yet.
    pub fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            server_license: None,
            access_licenses: None,
            monitor_app: None,
            qlik_sense_version: None,
            release: None,
            last_run: None,
            last_real_run: None,
            unsettled: Unsettled::default(),
            pause: None,
            accepted: Vec::new(),
            accepted_since: None,
            plan_notes: Vec::new(),
            ahead: None,
            nobody_protected: false,
            monitors: Vec::new(),
        }
    }

    /// What a person has accepted since is no problem any more, though it stopped the last run, and what somebody
    /// wanted to stop it never was one: a pause and a freeze are told with the next run while they hold.
    /// `site`: when and by whom the site that answers was said to be the right one.
    fn forget_what_is_over(&mut self, site: Option<(DateTime<Utc>, String)>) {
        let Some(Dated { time, value: run }) = &self.release else { return };
        let said = Said {
            accepted: self.accepted.clone(),
            site,
            is_held_back: self.pause.as_ref().is_some_and(|pause| pause.begun_anew),
        };
        let (left, since) = said.left(&run.refusals, *time);
        if left.len() == run.refusals.len() {
            return;
        }
        let left: Vec<_> = left.into_iter().map(Refusal::to_string).collect();
        let release = self.monitors.iter_mut().filter(|of| of.monitor == Monitor::Release);
        for health in release.filter_map(|of| of.health.as_mut()) {
            if health.problem().is_some_and(|of| of.code == RunStatus::Refused.as_str()) {
                let error = health.last_error.take().filter(|_| !left.is_empty());
                health.last_error = error.map(|error| PollError { text: left.join("; "), ..error });
            }
        }
        // Else the next run doesn't go on.
        self.accepted_since = since.filter(|_| left.is_empty());
    }

    /// Takes in the last run. What was found out after its end counts in what its event said, too.
    fn know(&mut self, run: Option<KnownRun>) {
        if let (Some(run), Some(Dated { value, .. })) = (&run, &mut self.release)
            && run.run == value.run
        {
            value.types = run.account.counts.iter().map(|of| of.counts.clone()).collect();
            value.why.clone_from(&run.account.why);
        }
        self.last_run = run;
    }

    /// That the pools were read before a run that moved seats, which are not counted there yet.
    pub fn pools_before_run(&self, l: Locale, zone: Tz) -> Option<String> {
        let read = self.access_licenses.as_ref()?.time;
        let runs = self.last_run.iter().chain(&self.last_real_run);
        let mut later = runs.filter(|run| run.ended.unwrap_or(run.started) > read);
        let run = later.find(|run| run.seats_moved() > 0)?;
        let at = l.moment(run.ended.unwrap_or(run.started), zone);
        Some(format!("as read before the run at {at}: {}", run.moved()))
    }

    /// Takes in a recurring event; others change nothing.
    pub fn take(&mut self, event: Event) {
        let time = event.time;
        match event.body {
            Body::ServerLicenseStatus(value) => self.server_license = Some(Dated { time, value }),
            Body::AccessLicenseStatus(value) => self.access_licenses = Some(Dated { time, value }),
            Body::MonitorApp(value) => self.monitor_app = Some(Dated { time, value }),
            Body::QlikSenseVersion(value) => self.qlik_sense_version = Some(Dated { time, value }),
            Body::ReleaseRun(value) => self.release = Some(Dated { time, value }),
            Body::ServerLicenseExpiring(_)
            | Body::ServerLicenseExpired(_)
            | Body::ServerLicenseProblem(_)
            | Body::SeatReleased(_)
            | Body::SeatAnnounced(_)
            | Body::SeatWithdrawn(_)
            | Body::SeatRestored(_)
            | Body::ReleaseRefused(_)
            | Body::SeatsKept(_)
            | Body::SeatActivity(_)
            | Body::SeatChanges(_)
            | Body::DaemonUptime(_)
            | Body::Alert(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_that_holds_a_queue_is_named_with_its_tries() {
        let mut queue = Queue {
            title: None,
            state: QueueState {
                destination: "mqtt".into(),
                pending: 3,
                dead: 0,
                oldest: None,
                dropped: 0,
                drops: Vec::new(),
                last_error: Some("hung up".into()),
                last_error_at: None,
                attempts: 2,
                last_delivered: None,
                most_tried: None,
            },
        };
        assert_eq!(queue.trouble().as_deref(), Some("hung up"));
        let mut most = MostTried {
            event_id: "1".into(),
            site: "main".into(),
            kind: "alert".into(),
            attempts: 1,
        };
        queue.state.most_tried = Some(most.clone());
        assert_eq!(queue.trouble().as_deref(), Some("hung up"), "the first try is no news");
        most.attempts = 2;
        queue.state.most_tried = Some(most);
        assert_eq!(queue.trouble().as_deref(), Some("hung up (alert of main was tried 2 times)"));
        // What went wrong before everything was delivered is over.
        queue.state.pending = 0;
        assert_eq!(queue.trouble(), None);
    }
}
