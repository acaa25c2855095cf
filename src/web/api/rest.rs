//! What is of all sites: alerts, destinations, settings, health.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::Time;
use crate::alert::state::{Alert as Known, HeldBack, Phase};
use crate::event::{Rule, Severity};
use crate::plain::one_line;
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;

/// So much of a history, and so many refused events are told.
const MOST: usize = 200;

/// The picture of now, in few words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// Of Bursar.
    version: String,
    time_zone: String,
    sites: Vec<String>,
    healthy: bool,
    /// `healthy`, or what is late or not read.
    health: String,
    /// Alerts that fire.
    alerts: usize,
    /// Events that wait for a destination, and that one refused for good.
    waiting: u64,
    refused: u64,
}

pub(super) async fn status(served: &Served, query: Option<&str>) -> Result<Status, Failure> {
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let health = health(served, None).await?;
    let queues = || status.queues.iter().map(|queue| &queue.state);
    Ok(Status {
        version: status.version.to_owned(),
        time_zone: status.time_zone.clone(),
        sites: status.sites.iter().map(|site| site.name.clone()).collect(),
        healthy: health.healthy,
        health: health.line,
        alerts: status.alerts.len(),
        waiting: queues().map(|queue| queue.pending).sum(),
        refused: queues().map(|queue| queue.dead).sum(),
    })
}

/// Whether the daemon does its work.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// Whether `/health` answers 200.
    healthy: bool,
    /// `healthy`, or what is late or not read.
    line: String,
    /// Monitors that should have asked their site again, and did not.
    late: Vec<String>,
    /// Monitors that ask and learn nothing, with why.
    unread: Vec<String>,
    /// Whether what is read can be stored.
    writable: bool,
    /// The start of the daemon.
    since: Time,
}

pub(super) async fn health(served: &Served, query: Option<&str>) -> Result<Health, Failure> {
    Asked::of(query)?.only(&[])?;
    let source = &served.source;
    let health = source.store.health().await?;
    let fitness = served.fitness(&health, source.clock.now());
    let writable = source.store.can_write().is_ok();
    Ok(Health {
        healthy: writable && fitness.late.is_empty(),
        line: fitness.line(),
        late: fitness.late,
        unread: fitness.unread,
        writable,
        since: served.since.into(),
    })
}

/// Alerts: what fires, pends, is silenced, and what happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alerts {
    /// Worst first.
    firing: Vec<Alert>,
    pending: Vec<Alert>,
    silences: Vec<Silence>,
    /// Alerts that would reach nobody by the settings, with what to set.
    unheard: Vec<Unheard>,
    /// Newest first, at most 200.
    history: Vec<Occurred>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Alert {
    rule: Rule,
    /// `(bursar)`: the daemon itself.
    site: String,
    /// What it is about: a type of seats, a monitor, a destination.
    subject: String,
    severity: Severity,
    text: String,
    /// What to do about it.
    hint: String,
    since: Time,
    /// How often it was told.
    told: u32,
    silenced: bool,
}

impl From<&Known> for Alert {
    fn from(alert: &Known) -> Self {
        Self {
            rule: alert.key.rule,
            site: alert.key.site.clone(),
            subject: one_line(&alert.key.subject),
            severity: alert.severity,
            text: one_line(&alert.text),
            hint: one_line(&alert.hint),
            since: alert.fired.unwrap_or(alert.since).into(),
            told: alert.notified.as_ref().map_or(0, |told| told.times),
            silenced: matches!(alert.held_back, Some(HeldBack::Silence { .. })),
        }
    }
}

/// What somebody wishes to hear nothing of. Null: of every one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Silence {
    site: Option<String>,
    rule: Option<Rule>,
    subject: Option<String>,
    until: Time,
    by: String,
    why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Unheard {
    what: String,
    fix: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Occurred {
    time: Time,
    what: String,
    rule: Rule,
    site: String,
    subject: String,
    severity: Severity,
    text: String,
    /// To how many destinations it was sent.
    sent: u32,
}

pub(super) async fn alerts(served: &Served, query: Option<&str>) -> Result<Alerts, Failure> {
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let store = &served.source.store;
    let all = store.alerts().await?;
    let pending =
        all.values().filter(|alert| alert.phase == Phase::Pending && served.sees(&alert.key.site));
    let silences = status.silences.iter().map(|of| Silence {
        site: of.site.clone(),
        rule: of.rule,
        subject: of.subject.as_deref().map(one_line),
        until: of.until.into(),
        by: one_line(&of.by),
        why: one_line(&of.why),
    });
    let unheard = status.unheard.iter().map(|of| Unheard { what: of.what(), fix: of.fix.clone() });
    let history = store.alert_history(MOST).await?.into_iter();
    let history = history.filter(|of| served.sees(&of.key.site)).map(|of| Occurred {
        time: of.time.into(),
        what: of.what.as_str().to_owned(),
        rule: of.key.rule,
        site: of.key.site,
        subject: one_line(&of.key.subject),
        severity: of.severity,
        text: one_line(&of.text),
        sent: of.sent,
    });
    Ok(Alerts {
        firing: status.alerts.iter().map(Alert::from).collect(),
        pending: pending.map(Alert::from).collect(),
        silences: silences.collect(),
        unheard: unheard.collect(),
        history: history.collect(),
    })
}

/// Destinations: what waits, what was refused.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Destinations {
    destinations: Vec<Destination>,
    /// Oldest first, at most 200.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Destination {
    /// `influxdb`, `mqtt`, `webhook/1f0c2a9b`.
    name: String,
    /// Null when the settings no longer have it.
    title: Option<String>,
    /// Events that wait.
    waiting: u64,
    oldest: Option<Time>,
    /// Events that it refused for good.
    refused: u64,
    /// Events lost to the limits of size and age, ever.
    lost: u64,
    /// Deliveries that failed in a row.
    failed_attempts: u32,
    last_delivered: Option<Time>,
    /// What went wrong last while events wait.
    problem: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Refused {
    id: String,
    destination: String,
    kind: String,
    site: String,
    time: Time,
    error: Option<String>,
}

pub(super) async fn destinations(
    served: &Served,
    query: Option<&str>,
) -> Result<Destinations, Failure> {
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let refused = served.source.store.list(None, true, MOST).await?;
    let refused = refused.into_iter().filter(|of| served.sees(&of.site)).map(|of| Refused {
        id: of.event_id,
        destination: of.destination,
        kind: of.kind,
        site: of.site,
        time: of.time.into(),
        error: of.last_error.as_deref().map(one_line),
    });
    let destinations = status.queues.iter().map(|queue| Destination {
        name: queue.state.destination.clone(),
        title: queue.title.as_deref().map(one_line),
        waiting: queue.state.pending,
        oldest: queue.state.oldest.map(Time::from),
        refused: queue.state.dead,
        lost: queue.state.dropped,
        failed_attempts: queue.state.attempts,
        last_delivered: queue.state.last_delivered.map(Time::from),
        problem: queue.trouble().as_deref().map(one_line),
    });
    Ok(Destinations { destinations: destinations.collect(), refused: refused.collect() })
}

/// The settings in effect, secrets masked.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Settings {
    file: String,
    /// A setting, its value and where it comes from, as `bursar config explain` tells it.
    lines: Vec<String>,
}

pub(super) async fn settings(served: &Served, query: Option<&str>) -> Result<Settings, Failure> {
    Asked::of(query)?.only(&[])?;
    if !served.all_sites() {
        let text = "The settings are of all sites: shown to those who may see all of them.";
        return Err(Failure::forbidden(text));
    }
    let lines = served.explained.text(served.names()).lines().map(one_line);
    Ok(Settings { file: served.source.settings.file.display().to_string(), lines: lines.collect() })
}
