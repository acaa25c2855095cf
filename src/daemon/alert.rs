//! Looks at the alerts: after each poll, and at least once a minute.
//!
//! All it knows it reads from the store, and all it decides it writes there in one transaction: the
//! states, the history, and the events that tell of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::alert::facts::Facts;
use crate::alert::state::{self, Notice, States, Step};
use crate::alert::{Policy, notice, rules};
use crate::config::{Settings, takers};
use crate::event::{Addressing, AlertStatus, Body, DAEMON, Event, Key, Kind, Queue, Rule};
use crate::gather::Gatherer;
use crate::store::{AlertChanges, AlertHistoryEntry, StoreError};

/// The longest time between two looks.
const EVERY: chrono::Duration = chrono::Duration::minutes(1);
/// The shortest, of real time: many polls at once are looked at together.
const PAUSE: Duration = Duration::from_millis(100);
/// And so many times what a look took, so that alerts take a tenth of one core at most. One long look, at
/// years of history, doesn't keep back what comes after it.
const SHARE: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Looks until `stop`.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    let mut gatherer = Gatherer::default();
    let mut changes = shared.store.changes();
    let mut failed = false;
    let mut unheard = Unheard::default();
    while !stop.is_cancelled() {
        changes.borrow_and_update();
        let began = Instant::now();
        let now = shared.clock.now();
        match look(&shared, &mut gatherer, now).await {
            Ok(told) => {
                failed = false;
                unheard.note(&told, &shared.settings(), now);
            }
            // A store that can't be written is reported once, not each minute.
            Err(error) if failed => tracing::debug!(%error, "alerts can't be looked at"),
            Err(error) => {
                failed = true;
                tracing::error!(%error, "alerts can't be looked at; they will be again");
            }
        }
        let pause = (began.elapsed() * SHARE).clamp(PAUSE, LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let rest = (now + EVERY - shared.clock.now()).clamp(chrono::Duration::zero(), EVERY);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            goes_on = shared.clock.pass(rest, &stop) => if !goes_on { return },
        }
    }
}

/// How long nothing more is said of alerts that reach nobody.
const UNHEARD_FOR: chrono::Duration = chrono::Duration::hours(24);

/// Alerts that were told to nobody: said in the log once a day.
#[derive(Default)]
struct Unheard {
    last: Option<DateTime<Utc>>,
}

impl Unheard {
    fn note(&mut self, told: &[Told], settings: &Settings, now: DateTime<Utc>) {
        let to_nobody = told.iter().filter(|one| one.firing && one.sent_to == 0);
        let alerts: BTreeSet<String> =
            to_nobody.map(|Told { key, .. }| format!("{} of {}", key.rule, key.site)).collect();
        let is_due = self.last.is_none_or(|last| (now - last).abs() >= UNHEARD_FOR);
        if alerts.is_empty() || !is_due {
            return;
        }
        self.last = Some(now);
        let fix = settings.unheard_alerts().into_iter().next().map(|unheard| unheard.fix);
        let fix = fix.unwrap_or_else(|| "see bursar alert rules".to_owned());
        let alerts = alerts.into_iter().collect::<Vec<_>>().join(", ");
        tracing::warn!(sent_to = 0, "alerts fire and reach nobody: {alerts}; {fix}");
    }
}

/// What a look told of an alert.
struct Told {
    key: Key,
    firing: bool,
    sent_to: usize,
}

/// One look: what is known, what follows, and what is told of it.
async fn look(
    shared: &Shared,
    gatherer: &mut Gatherer,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, StoreError> {
    let settings = &*shared.settings();
    let addressing = &*shared.addressing.now();
    let gathered = gatherer.gather(settings, &shared.store, now).await?;
    let before = shared.store.alerts().await?;
    let silences = shared.store.silences_at(now).await?;

    let mut judged: Vec<_> = settings
        .sites
        .iter()
        .zip(&gathered.sites)
        .map(|(site, facts)| (site.name.clone(), rules::of_site(facts, &site.alert)))
        .collect();
    judged.push((DAEMON.to_owned(), rules::of_daemon(&gathered.daemon, &settings.alert)));

    let step = state::step(&before, &judged, &silences, |site| policy(settings, site), now);
    let telling = Telling { settings, addressing, now };
    let mut changes = telling.changes(&before, &step, &gathered.sites);
    changes.drops = gathered.drops;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let events = changes.events.clone();
    shared.store.record_alerts(changes).await?;
    let mut in_butlers_form = 0;
    let mut told = Vec::new();
    for (event, queues) in &events {
        let Body::Alert(notice) = &event.body else {
            in_butlers_form = queues.len();
            continue;
        };
        let sent_to = std::mem::take(&mut in_butlers_form) + queues.len();
        log(event, sent_to);
        let key = Key::new(event.site.as_str(), notice.rule, notice.subject.as_str());
        // Its takers get the refusals themselves.
        let heard = notice.rule == Rule::ReleaseStopped
            && !takers(addressing, &key.site, key.rule, policy(settings, &key.site)).is_empty();
        let firing = notice.status == AlertStatus::Firing && !heard;
        told.push(Told { key, firing, sent_to });
    }
    Ok(told)
}

fn policy<'a>(settings: &'a Settings, site: &str) -> &'a Policy {
    let of_site = settings.sites.iter().find(|s| s.name == site);
    of_site.map_or(&settings.alert, |site| &site.alert)
}

/// Everything that is told is logged, too: what concerns a destination that is down may reach nobody
/// otherwise.
fn log(event: &Event, sent_to: usize) {
    let site = event.site.as_str();
    let summary = event.summary();
    match &event.body {
        Body::Alert(alert) if alert.status == AlertStatus::Resolved => {
            tracing::info!(site, sent_to, "{summary}");
        }
        Body::Alert(alert)
            if matches!(
                alert.rule,
                Rule::QueueDropped | Rule::QueueGrowing | Rule::DeadLetters
            ) =>
        {
            tracing::error!(site, sent_to, "{summary}");
        }
        _ => tracing::warn!(site, sent_to, "{summary}"),
    }
}

/// Turns a step into what is written down and sent.
struct Telling<'a> {
    settings: &'a Settings,
    addressing: &'a Addressing,
    now: DateTime<Utc>,
}

impl Telling<'_> {
    fn changes(&self, before: &States, step: &Step, sites: &[Facts]) -> AlertChanges {
        let changed = step.states.iter().filter(|(key, alert)| before.get(key) != Some(alert));
        let mut changes = AlertChanges {
            changed: changed.map(|(_, alert)| alert.clone()).collect(),
            gone: before.keys().filter(|key| !step.states.contains_key(key)).cloned().collect(),
            ..AlertChanges::default()
        };
        let mut sent: BTreeMap<_, usize> = BTreeMap::new();
        for notice in &step.notices {
            let events = self.events(notice, sites);
            let to: usize = events.iter().map(|(_, queues)| queues.len()).sum();
            sent.insert(&notice.alert.key, to);
            let told = changes.changed.iter_mut().find(|alert| alert.key == notice.alert.key);
            if let Some(notified) = told.and_then(|alert| alert.notified.as_mut()) {
                let heard = self.has_heard_elsewhere(notice, &events);
                notified.sent_to = Some(u32::try_from(to + heard).unwrap_or(u32::MAX));
            }
            changes.events.extend(events);
        }
        for (key, what) in &step.happened {
            let over = |n: &&Notice| n.alert.key == *key && n.status == AlertStatus::Resolved;
            let over = step.notices.iter().find(over).map(|notice| &notice.alert);
            let known = over.or_else(|| step.states.get(key)).or_else(|| before.get(key));
            let Some(alert) = known else { continue };
            let told = !matches!(what, state::Occurrence::Silenced | state::Occurrence::Inhibited);
            let sent = sent.get(key).filter(|_| told).copied().unwrap_or(0);
            changes.happened.push(AlertHistoryEntry {
                time: self.now,
                key: key.clone(),
                what: *what,
                severity: alert.severity,
                text: alert.text.clone(),
                sent: u32::try_from(sent).unwrap_or(u32::MAX),
            });
        }
        changes
    }

    /// The events of a notice and the queues they go to. Whoever takes the server license's alerts
    /// in Butler's form gets that; other takers of alerts get Bursar's form, nobody both.
    fn events(&self, notice: &Notice, sites: &[Facts]) -> Vec<(Event, Vec<String>)> {
        let key = &notice.alert.key;
        let facts = sites.iter().find(|facts| facts.site == key.site);
        let license = facts.and_then(|facts| facts.server_license.known());
        let destinations = &policy(self.settings, &key.site).rule(key.rule).destinations;
        let butlers = notice::butlers(notice, license.map(|seen| &seen.value));
        let told = notice::alert_notice(notice, destinations, self.now);
        let own = Body::Alert(told.clone());
        let mut events: Vec<(Event, Vec<String>)> = Vec::new();
        for body in butlers.into_iter().chain([own]) {
            let mut event = Event::new(&key.site, self.now, body);
            if !matches!(event.body, Body::Alert(_)) {
                event.notice = Some(Box::new(told.clone()));
            }
            let has = |id: &str| events.iter().any(|(_, queues)| queues.iter().any(|q| q == id));
            let wanting: Vec<_> = self
                .addressing
                .queues_of(&event)
                .filter(|queue| !has(&queue.id) && !self.has_heard(notice, queue))
                .collect();
            let queues = notice::receivers(notice, &wanting, destinations);
            let queues = queues.into_iter().map(|queue| queue.id.clone()).collect();
            events.push((event, queues));
        }
        events
    }

    /// Of how many queues it is true that they got its reasons otherwise.
    fn has_heard_elsewhere(&self, notice: &Notice, events: &[(Event, Vec<String>)]) -> usize {
        let Some((event, _)) = events.last() else { return 0 };
        self.addressing.queues_of(event).filter(|queue| self.has_heard(notice, queue)).count()
    }

    /// Whoever gets the refusals of releases has heard of a stopped run already, with its reasons.
    fn has_heard(&self, notice: &Notice, queue: &Queue) -> bool {
        let key = &notice.alert.key;
        key.rule == Rule::ReleaseStopped
            && notice.status == AlertStatus::Firing
            && self.addressing.takes(queue, &key.site, Kind::ReleaseRefused)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::alert::state::{Alert, Phase};
    use crate::config::{DEFAULT_SITE, FixedEnvironment, load_text};
    use crate::event::Severity;

    /// Both get alerts; MQTT gets what is told of releases, too.
    const FILE: &str = "Butler:
  configQRS: {host: q, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
  mqttConfig: {enable: true, brokerHost: mqtt}
  email: {enable: true, host: mail, from: a@b.example, to: [c@d.example]}
  alert: {destination: {mqtt: {enable: true}, email: {enable: true}}}
  qlikSenseLicense:
    licenseRelease: {destination: {mqtt: {enable: true, sendAlert: {enable: true}}}}
";

    #[test]
    fn who_gets_the_refusals_hears_of_a_stopped_run_once() {
        let loaded = load_text(FILE, Path::new("x.yaml"), &FixedEnvironment::default());
        let settings = loaded.unwrap_or_else(|problems| panic!("{problems}")).settings;
        let addressing = settings.addressing();
        let now = DateTime::UNIX_EPOCH;
        let telling = Telling { settings: &settings, addressing: &addressing, now };
        let told = |rule: Rule, status: AlertStatus| -> Vec<String> {
            let alert = Alert {
                key: Key::new(DEFAULT_SITE, rule, ""),
                phase: Phase::Firing,
                since: now,
                fired: Some(now),
                notified: None,
                held_back: None,
                severity: Severity::Warning,
                title: String::new(),
                text: String::new(),
                hint: String::new(),
                facts: serde_json::Map::new(),
            };
            let notice = Notice { alert, status, repeats: 0, silence: None };
            telling.events(&notice, &[]).into_iter().flat_map(|(_, queues)| queues).collect()
        };
        assert_eq!(told(Rule::ReleaseStopped, AlertStatus::Firing), ["email"]);
        assert_eq!(told(Rule::ReleaseStopped, AlertStatus::Resolved), ["mqtt", "email"]);
        assert_eq!(told(Rule::ReleaseFailed, AlertStatus::Firing), ["mqtt", "email"]);
    }
}
