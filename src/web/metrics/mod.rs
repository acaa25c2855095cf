//! `/metrics`: what is known now, as Prometheus and its kin read it. The values are those of `bursar status` and
//! the pages, by the same functions; what is not known has none.

mod family;
mod process;
mod site;
mod text;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::time::Instant;

use self::family::Metric;
pub use self::family::reference;
use self::text::{Form, Samples};
use super::Served;
use crate::secret::mask_own;
use crate::status::{Queue, Status};
use crate::store::{StoreError, Tally};

/// So long at most figures of the history are made anew for one answer: a scraper waits ten seconds. What is left is
/// made for the next one.
const MAKING: Duration = Duration::from_secs(4);

/// 1 for yes.
fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// Seconds since 1970.
fn stamp(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

pub(super) async fn answer(served: &Served, headers: &HeaderMap) -> Result<Response, StoreError> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::accepted(accept);
    let samples = samples(served).await?;
    let text = mask_own(&samples.written(form)).into_owned();
    let kind = HeaderValue::from_static(form.content_type());
    let vary = (header::VARY, HeaderValue::from_static("accept"));
    Ok(([(header::CONTENT_TYPE, kind), vary], text).into_response())
}

async fn samples(served: &Served) -> Result<Samples, StoreError> {
    let source = &served.source;
    let (settings, store) = (&source.settings, &source.store);
    let until = Instant::now() + MAKING;
    let status = served.status().await?;
    let (now, zone) = (status.time, settings.time_zone);
    let mut samples = Samples::default();
    for site in &status.sites {
        let of = settings.sites.iter().find(|of| of.name == site.name);
        if let Some(of) = of {
            site::status(&mut samples, site, of, zone, now);
        }
        site::monitors(&mut samples, site);
        if let Some(figures) = served.known.figures(source, &site.name, until).await? {
            site::figures(&mut samples, &figures, zone);
        }
    }
    let alerts = store.alerts().await?;
    let alerts = alerts.values().filter(|alert| served.sees(&alert.key.site));
    site::alerts(&mut samples, &status, alerts);
    let tally = store.tally();
    polls(&mut samples, &status, &tally);
    queues(&mut samples, &status.queues, &tally);
    let health = store.health().await?;
    let fitness = served.fitness(&health, now);
    let writable = store.can_write().is_ok();
    samples.add(Metric::Healthy, &[], flag(writable && fitness.late.is_empty()));
    samples.add(Metric::MonitorsLate, &[], fitness.late.len() as f64);
    samples.add(Metric::MonitorsUnread, &[], fitness.unread.len() as f64);
    if let Some(in_force) = store.in_force().await? {
        samples.add(Metric::SettingsInForce, &[], flag(in_force.refused.is_none()));
        samples.add(Metric::SettingsSince, &[], stamp(in_force.since));
        samples.add(Metric::SettingsRestart, &[], in_force.needs_restart.len() as f64);
        samples.add(Metric::SettingsInfo, &[&in_force.hash], 1.0);
    }
    samples.add(Metric::StoreWritable, &[], flag(writable));
    samples.add(Metric::StoreBegunAnew, &[], flag(store.begun_anew().await?.is_some()));
    let size = |path: &std::path::Path| std::fs::metadata(path).ok().map(|file| file.len() as f64);
    samples.maybe(Metric::StoreSize, &[], size(&settings.storage.path));
    let mut wal = settings.storage.path.clone().into_os_string();
    wal.push("-wal");
    samples.maybe(Metric::StoreWal, &[], size(wal.as_ref()));
    process::add(&mut samples);
    samples.add(Metric::Start, &[], stamp(served.since));
    samples.add(Metric::BuildInfo, &[status.version], 1.0);
    Ok(samples)
}

/// Counts of the polls of this process. A monitor that was not asked yet was asked 0 times.
fn polls(samples: &mut Samples, status: &Status, tally: &Tally) {
    for site in &status.sites {
        for monitor in &site.monitors {
            let labels = [site.name.as_str(), monitor.monitor.code()];
            let known = tally.polls.get(&(site.name.clone(), labels[1])).copied();
            let polls = known.unwrap_or_default();
            for (result, count) in [("ok", polls.ok), ("failed", polls.failed)] {
                samples.add(Metric::Polls, &[labels[0], labels[1], result], count as f64);
            }
            let lag = polls.lag.map(|lag| lag.num_milliseconds() as f64 / 1000.0);
            samples.maybe(Metric::PollLag, &labels, lag);
            samples.add(Metric::PollMissed, &labels, polls.missed as f64);
        }
    }
}

fn queues(samples: &mut Samples, queues: &[Queue], tally: &Tally) {
    for Queue { title, state } in queues {
        let name = [state.destination.as_str()];
        let title = title.as_deref().unwrap_or("no longer configured");
        samples.add(Metric::QueueInfo, &[name[0], title], 1.0);
        samples.add(Metric::QueueEvents, &name, state.pending as f64);
        samples.add(Metric::QueueDead, &name, state.dead as f64);
        samples.maybe(Metric::QueueOldest, &name, state.oldest.map(stamp));
        samples.maybe(Metric::QueueLast, &name, state.last_delivered.map(stamp));
        samples.add(Metric::QueueFailures, &name, state.attempts.into());
        let done = tally.deliveries.get(name[0]).copied().unwrap_or_default();
        samples.add(Metric::QueueSent, &name, done.sent as f64);
        samples.add(Metric::QueueRetries, &name, done.retried as f64);
        samples.add(Metric::QueueRefused, &name, done.refused as f64);
        let mut by_reason = std::collections::BTreeMap::new();
        for dropped in &state.drops {
            *by_reason.entry(dropped.reason.as_str()).or_insert(0) += dropped.count;
        }
        for (reason, count) in by_reason {
            samples.add(Metric::QueueDropped, &[name[0], reason], count as f64);
        }
    }
}
