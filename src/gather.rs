//! Reads facts from the store. Never asks a site.

mod overdue;
mod slow;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::alert::facts::{
    AppFacts, AppState, CertificateFacts, DaemonFacts, Dated, Fact, Facts, MonitorFacts,
    QueueFacts, ReleaseFacts, SettingsFacts, StoreFacts, UnsettledFacts, VersionFacts,
};
use crate::config::settings::{Site, Watch};
use crate::config::{self, Settings};
use crate::destination::registry;
use crate::event::{Latest, Monitor, ReleaseRun};
use crate::gather::overdue::overdue;
use crate::gather::slow::{Slow, read_slow};
use crate::ledger::RunStatus;
use crate::ledger::past::{Said, standing};
use crate::license;
use crate::license::monitor_app::AppHealth;
use crate::monitor::OTHER_SITE;
use crate::store::{Drop, Health, PollError, QueueState, Store, StoreError};

/// What the history says changes slowly, and is not cheap: it is asked once an hour, and not more
/// often than this where time runs fast.
const SLOW_EVERY: TimeDelta = TimeDelta::hours(1);
const SLOW_AT_MOST: Duration = Duration::from_secs(10);
/// Beyond when a monitor should have looked: what a poll may take, with its tries.
const STALE_GRACE: TimeDelta = TimeDelta::minutes(5);

/// Reads facts, and remembers those that are not read each time.
#[derive(Debug, Default)]
pub struct Gatherer {
    slow: HashMap<String, (DateTime<Utc>, Instant, Slow)>,
    certificates: Option<Certificates>,
    /// When the first look was.
    since: Option<DateTime<Utc>>,
}

/// What one look found.
#[derive(Debug)]
pub struct Gathered {
    pub sites: Vec<Facts>,
    pub daemon: DaemonFacts,
    /// Queues that lost events since the look before.
    pub drops: Vec<Drop>,
}

/// By which a changed file is known.
type Stamp = (Option<SystemTime>, u64);

/// Certificates that were read.
#[derive(Debug)]
struct Certificates {
    read: DateTime<Utc>,
    all: Vec<config::CertificateExpiry>,
    files: Vec<Option<Stamp>>,
}

fn stamps(all: &[config::CertificateExpiry]) -> Vec<Option<Stamp>> {
    all.iter().map(|one| stamp(&one.file)).collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok(), facts.len()))
}

/// Whether the settings file is in force as it is: by what the daemon found when it read it last.
async fn settings_file(
    settings: &Settings,
    store: &Store,
) -> Result<Fact<SettingsFacts>, StoreError> {
    let Some(in_force) = store.in_force().await? else { return Ok(Fact::Unknown) };
    let problems = in_force.refused.map(|refused| refused.problems).unwrap_or_default();
    Ok(Fact::Known(SettingsFacts {
        file: settings.file.clone(),
        errors: problems.len(),
        first: problems.into_iter().next().unwrap_or_default(),
    }))
}

impl Gatherer {
    /// Everything that is known now.
    pub async fn gather(
        &mut self,
        settings: &Settings,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<Gathered, StoreError> {
        let since = *self.since.get_or_insert(now);
        let latest = store.latest().await?;
        let health = store.health().await?;
        let mut sites = Vec::with_capacity(settings.sites.len());
        for site in &settings.sites {
            let latest = Latest::new(&latest, &site.name);
            let polled = latest.pools().map(|(time, _)| time);
            let slow = self.slow(settings, store, site, polled, now).await?;
            let mut facts = facts_of(settings, site, latest, &health, slow, now);
            let open = store.unsettled(&site.name).await?;
            facts.unsettled = Fact::Known(UnsettledFacts {
                seats: open.len(),
                oldest: open.iter().map(|open| open.time).min(),
            });
            if let Fact::Known(seen) = &mut facts.release {
                accept(&mut seen.value, seen.time, &said(store, &site.name, now).await?);
            }
            if site.release.enable && !site.release.dry_run {
                let problem = facts.release.known().and_then(|seen| seen.value.problem.clone());
                let overdue = overdue(settings, store, site, problem, since, now).await?;
                facts.overdue = Fact::Known(overdue);
            }
            sites.push(facts);
        }
        let (queues, drops) = queues(settings, store, now).await?;
        let daemon = DaemonFacts {
            now,
            queues: Fact::Known(queues),
            certificates: Fact::Known(self.certificates(settings, now).await),
            settings: settings_file(settings, store).await?,
            store: Fact::Known(StoreFacts {
                file: settings.storage.path.clone(),
                begun_anew: store.begun_anew().await?.map(|begun| (begun.text(), begun.ways())),
            }),
        };
        Ok(Gathered { sites, daemon, drops })
    }

    async fn slow(
        &mut self,
        settings: &Settings,
        store: &Store,
        site: &Site,
        polled: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Slow, StoreError> {
        if let Some((at, since, slow)) = self.slow.get(&site.name)
            // The first figures of a fresh store are looked at with the poll that brought them.
            && !(slow.is_empty && polled != slow.polled)
            && ((now - *at).abs() < SLOW_EVERY || since.elapsed() < SLOW_AT_MOST)
        {
            return Ok(slow.clone());
        }
        let slow = Slow { polled, ..read_slow(settings, store, site, now).await? };
        self.slow.insert(site.name.clone(), (now, Instant::now(), slow.clone()));
        Ok(slow)
    }

    /// Files are read once an hour, and when one was changed: a new certificate needs no restart to be
    /// seen.
    async fn certificates(
        &mut self,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Vec<CertificateFacts> {
        let known = self.certificates.take();
        let settings = settings.clone();
        let look = move || match known {
            Some(known)
                if (now - known.read).abs() < SLOW_EVERY && stamps(&known.all) == known.files =>
            {
                known
            }
            _ => {
                let all = config::certificate_expiries(&settings);
                Certificates { read: now, files: stamps(&all), all }
            }
        };
        // The thread can only be lost when the process ends.
        self.certificates = tokio::task::spawn_blocking(look).await.ok();
        let all = self.certificates.iter().flat_map(|known| &known.all);
        all.map(|one| CertificateFacts {
            setting: one.setting.clone(),
            file: one.file.clone(),
            days_left: one.days_left(now),
            not_after: one.not_after,
        })
        .collect()
    }
}

/// What the daemon noted of its last try holds until a run follows it, also one by hand: that says itself how
/// it went.
fn release_facts(
    run: Option<(DateTime<Utc>, ReleaseRun)>,
    health: Option<&Health>,
) -> Option<Dated<ReleaseFacts>> {
    let ran = run.as_ref().map(|(time, _)| *time);
    let time = health.map(|h| h.last_poll).into_iter().chain(ran).max()?;
    // The store keeps milliseconds.
    let ms = |time: DateTime<Utc>| time.timestamp_millis();
    let newest = health.filter(|h| ran.is_none_or(|ran| ms(h.last_poll) >= ms(ran)));
    let wanted = run.as_ref().is_some_and(|(_, run)| run.is_stopped_deliberately());
    let is_refusal = |of: &&PollError| of.code == RunStatus::Refused.as_str();
    // As older builds noted it, who called a pause a problem.
    let problem = newest.and_then(Health::problem).filter(|of| !(wanted && is_refusal(of)));
    Some(Dated {
        time,
        value: ReleaseFacts {
            run: run.map(|(_, run)| run),
            problem: problem.map(|problem| problem.text.clone()),
            is_refused: problem.as_ref().is_some_and(is_refusal),
            accepted: None,
        },
    })
}

/// What people said of a site, in place of guards.
async fn said(store: &Store, site: &str, now: DateTime<Utc>) -> Result<Said, StoreError> {
    Ok(Said {
        accepted: standing(&store.accepted(site).await?, now).cloned().collect(),
        site: store.last_site_acceptance(site).await?,
        is_held_back: store.pause(site).await?.is_some_and(|pause| pause.begun_anew),
    })
}

/// What a person has accepted since the last run stops nothing any more, as in `status`.
fn accept(facts: &mut ReleaseFacts, time: DateTime<Utc>, said: &Said) {
    let Some(run) = facts.run.as_mut().filter(|run| run.is_stopped_by_guards()) else { return };
    let (left, since) = said.left(&run.refusals, time);
    let Some(since) = since else { return };
    if left.is_empty() {
        facts.accepted = Some(since);
    } else {
        run.refusals = left.into_iter().cloned().collect();
    }
}

fn facts_of(
    settings: &Settings,
    site: &Site,
    latest: Latest<'_>,
    health: &[Health],
    slow: Slow,
    now: DateTime<Utc>,
) -> Facts {
    let of = |monitor| health.iter().find(|h| h.site == site.name && h.monitor == monitor);

    let license = latest.server_license().map(|(time, status)| {
        let threshold = site.server_license.as_ref().map_or(0, |monitor| monitor.threshold_days);
        let today = license::today(now, settings.time_zone);
        // The day goes on while nobody looks.
        Dated { time, value: license::assess(status.license.clone(), threshold, today) }
    });
    let pools = latest.pools().map(|(time, pools)| Dated { time, value: pools.clone() });
    let run = latest.release_run().map(|(time, run)| (time, run.clone()));
    let release = release_facts(run, of(Monitor::Release));
    let polls = site.alert.limits.stale_polls;
    let monitors = site
        .watches()
        .into_iter()
        // Whether releases are done is a fact of its own.
        .filter(|watch| watch.monitor != Monitor::Release)
        .map(|Watch { monitor, schedule, .. }| {
            let health = of(monitor);
            let last_success = health.and_then(|h| h.last_success);
            let stale_from = last_success.and_then(|time| {
                let due = schedule.upcoming(time, settings.time_zone, polls as usize);
                due.last().map(|due| *due + STALE_GRACE)
            });
            MonitorFacts {
                monitor,
                last_poll: health.map(|h| h.last_poll),
                last_success,
                stale_from,
                problem: health.and_then(Health::problem).map(|problem| problem.text.clone()),
                other_site: health
                    .and_then(Health::problem)
                    .is_some_and(|problem| problem.code == OTHER_SITE),
            }
        })
        .collect();
    let version = latest.version().map(|(time, version)| Dated {
        time,
        value: VersionFacts {
            name: version.name(),
            change: version.change.clone(),
            support: version.support(),
            today: license::today(now, settings.time_zone),
        },
    });
    let pools_on = site.access_license.is_some();
    let none_left = latest.pools().and_then(|(_, pools)| slow::none_left(pools));
    let capacity = none_left.map_or(slow.capacity, Fact::Known);
    Facts {
        site: site.name.clone(),
        now,
        server_license: when(site.server_license.is_some(), license.into()),
        pools: when(pools_on, pools.into()),
        quarantined_before: when(pools_on, slow.quarantined_before),
        capacity: when(pools_on, capacity),
        run_out: when(pools_on, slow.run_out),
        budget: when(pools_on && settings.cost.is_some(), slow.budget),
        release: when(site.release.enable, release.into()),
        unsettled: Fact::Unknown,
        overdue: Fact::Off,
        churn: slow.churn,
        app: when(site.monitor_app.is_some(), app_of(latest).into()),
        version: when(site.version.is_some(), version.into()),
        monitors: Fact::Known(monitors),
    }
}

/// What is switched off in the settings isn't watched.
fn when<T>(on: bool, fact: Fact<T>) -> Fact<T> {
    if on { fact } else { Fact::Off }
}

/// How Qlik's License Monitor is, by the newest event on it.
fn app_of(latest: Latest<'_>) -> Option<Dated<AppFacts>> {
    latest.monitor_app().map(|(time, app)| {
        let state = match app.health {
            AppHealth::Healthy | AppHealth::Running => AppState::Healthy,
            AppHealth::RunningLong => AppState::RunningLong,
            AppHealth::Failed => AppState::Failed,
            AppHealth::Stale | AppHealth::Never => AppState::Stale,
            AppHealth::Missing => AppState::Missing,
            AppHealth::Disabled => AppState::Disabled,
            AppHealth::Unknown => AppState::Unknown,
        };
        let (_, text, hint) = app.problem().unwrap_or_default();
        Dated { time, value: AppFacts { state, text, hint } }
    })
}

/// The queues of destinations that the settings have, and those that lost events since the last
/// look. A loss that was before the first look counts as one of now: somebody has to hear of it.
async fn queues(
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<(Vec<QueueFacts>, Vec<Drop>), StoreError> {
    let known_drops = store.alert_drops().await?;
    let set_up = registry::queues(&settings.destinations);
    let mut queues = Vec::new();
    let mut drops = Vec::new();
    for state in store.queue_states().await? {
        let Some(known) = set_up.iter().find(|queue| queue.id == state.destination) else {
            continue;
        };
        let before = known_drops.iter().find(|drop| drop.destination == state.destination);
        let grew = state.dropped > before.map_or(0, |drop| drop.count);
        if grew {
            let destination = state.destination.clone();
            drops.push(Drop { destination, count: state.dropped, grew: now });
        }
        let dropped_at = if grew { Some(now) } else { before.map(|drop| drop.grew) };
        let newest_dead = match state.dead {
            0 => None,
            _ => store.newest_dead(&state.destination).await?,
        };
        let mut queue = queue(state, known.title.clone(), dropped_at);
        queue.newest_dead = newest_dead;
        queues.push(queue);
    }
    Ok((queues, drops))
}

fn queue(state: QueueState, title: String, dropped_at: Option<DateTime<Utc>>) -> QueueFacts {
    let failing = state.attempts > 0;
    QueueFacts {
        destination: state.destination,
        title,
        pending: state.pending,
        oldest: state.oldest,
        failing,
        last_error: state.last_error.filter(|_| failing),
        dead: state.dead,
        newest_dead: None,
        dropped: state.dropped,
        dropped_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Head, Mode, Trigger};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn run(minute: i64) -> Option<(DateTime<Utc>, ReleaseRun)> {
        let run = ReleaseRun {
            run: "1".into(),
            mode: Mode::Real,
            trigger: Trigger::Schedule,
            status: RunStatus::Done,
            started: at(minute),
            ended: at(minute),
            types: Vec::new(),
            plan_digest: None,
            ledger: Head { seq: 1, hash: String::new() },
            why: None,
            refusals: Vec::new(),
        };
        Some((at(minute) + TimeDelta::microseconds(400), run))
    }

    /// A run by hand says itself how it went; what the daemon noted before it is over.
    #[test]
    fn the_reason_of_the_daemons_try_holds_until_a_run_follows_it() {
        let health = Health {
            site: "a".into(),
            monitor: Monitor::Release,
            last_poll: at(10),
            last_success: None,
            failures: 1,
            last_error: Some(PollError { code: "failed".into(), text: "site down".into() }),
        };
        let problem = |run| release_facts(run, Some(&health)).unwrap().value.problem;
        assert_eq!(problem(None).as_deref(), Some("site down"));
        assert_eq!(problem(run(9)).as_deref(), Some("site down"));
        assert_eq!(problem(run(10)).as_deref(), Some("site down"), "of the same run");
        assert_eq!(problem(run(11)), None);
        assert_eq!(release_facts(run(11), Some(&health)).unwrap().time, run(11).unwrap().0);
        assert_eq!(release_facts(None, None), None);
    }
}
