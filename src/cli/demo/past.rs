//! The demo's past: what would be in the store if Bursar had watched the site for three years.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use super::{alerts, releases, seats};
use crate::config::settings::{Settings, Site};
use crate::license::{LicenseState, Pools};
use crate::schedule::Schedule;
use crate::simulator::Control;
use crate::simulator::past::{Past, Polls};
use crate::store::Store;
use crate::store::demo::DemoClock;
use crate::store::history::{Figure, SERVER_LICENSE, state_number};

/// The license is prolonged for a year each time so many days before its end.
const PROLONGED: i64 = 41;

/// Writes the past of the first site into a new store; a store that has a past keeps it. To be
/// called before the daemon opens the store, which gets the demo's clock. `site`: whose seats are known
/// at the end.
pub(super) async fn write(
    settings: &Settings,
    past: &Past,
    control: &Control,
    shown: &DemoClock,
) -> anyhow::Result<()> {
    let Some(site) = settings.sites.first() else { return Ok(()) };
    let time = Arc::new(AtomicI64::new(past.end.timestamp()));
    let clock = time.clone();
    let now =
        move || DateTime::from_timestamp(clock.load(Ordering::Relaxed), 0).unwrap_or_default();
    let is_new = !settings.storage.path.exists();
    let store =
        Store::open_with_clock(&settings.storage.path, settings.storage.outbox, now).await?;
    if is_new {
        store.become_demo(shown.clone()).await?;
    }
    if store.history_series(Some(&site.name)).await?.is_empty() {
        releases::write(&store, site, past, &|at| time.store(at.timestamp(), Ordering::Relaxed))
            .await?;
        time.store(past.end.timestamp(), Ordering::Relaxed);
        let history = settings.storage.history;
        store.maintain_history(history, settings.time_zone).await?;
        let polls = polls(settings, site, past);
        store.keep_past(&site.name, FIGURES, history, polls).await?;
        seats::write(&store, settings, site, past, control).await?;
        alerts::write(&store, settings, site, past).await?;
        store.maintain_history(history, settings.time_zone).await?;
    }
    store.close().await;
    Ok(())
}

/// How often a schedule looks.
pub(super) fn every(schedule: &Schedule, settings: &Settings, end: DateTime<Utc>) -> TimeDelta {
    match schedule.upcoming(end, settings.time_zone, 2)[..] {
        [first, second] => second - first,
        _ => TimeDelta::hours(1),
    }
}

/// How often the access licenses are looked at.
pub(super) fn poll_every(settings: &Settings, site: &Site, end: DateTime<Utc>) -> TimeDelta {
    let schedule = site.access_license.as_ref().map(|monitor| &monitor.schedule);
    schedule.map_or(TimeDelta::hours(6), |schedule| every(schedule, settings, end))
}

/// The figures of a poll, in the order of [`values`].
const FIGURES: [Figure; 17] = [
    ("analyzer", "allocated"),
    ("analyzer", "available"),
    ("analyzer", "excess"),
    ("analyzer", "quarantined"),
    ("analyzer", "total"),
    ("analyzer", "used"),
    ("professional", "allocated"),
    ("professional", "available"),
    ("professional", "excess"),
    ("professional", "quarantined"),
    ("professional", "total"),
    ("professional", "used"),
    ("analyzer_capacity", "allocated_minutes"),
    ("analyzer_capacity", "unavailable_minutes"),
    ("analyzer_capacity", "used_minutes"),
    (SERVER_LICENSE, "days_until_expiry"),
    (SERVER_LICENSE, "state"),
];

/// What was polled, as often as the settings say.
fn polls(
    settings: &Settings,
    site: &Site,
    past: &Past,
) -> impl Iterator<Item = (DateTime<Utc>, [f64; 17])> + Send + use<> {
    let of_license = site.server_license.as_ref().map(|monitor| &monitor.schedule);
    let of_license = of_license.map_or(TimeDelta::hours(6), |s| every(s, settings, past.end));
    let of_license = of_license.num_seconds().max(1);
    let (end, mut seen) = (past.end.date_naive(), Polls::new(past));
    past.looks(poll_every(settings, site, past.end)).map(move |time| {
        let is_looked_at = time.timestamp() % of_license == 0;
        let days = (end - time.date_naive()).num_days().rem_euclid(365) + PROLONGED;
        (time, values(&seen.at(time), is_looked_at.then_some(days)))
    })
}

fn values(pools: &Pools, days: Option<i64>) -> [f64; 17] {
    let mut values = [f64::NAN; 17];
    let known = pools.figures().into_iter().flat_map(|kind| kind.figures);
    for (value, (_, known)) in values.iter_mut().zip(known) {
        *value = known;
    }
    if let Some(days) = days {
        let state = if days <= 60 { LicenseState::Expiring } else { LicenseState::Valid };
        [values[15], values[16]] = [days as f64, state_number(state)];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Scenario;

    /// The figures stand in the order in which the pools tell them.
    #[test]
    fn each_value_is_of_its_figure() {
        let past = Past::demo(&Scenario::demo(), "2026-11-24T09:30:00Z".parse().unwrap());
        let pools = past.pools_at(past.end);
        let told = pools.figures().into_iter().flat_map(|kind| {
            kind.figures.into_iter().map(move |(figure, value)| ((kind.pool, figure), value))
        });
        let values = values(&pools, Some(41));
        let mut count = 0;
        for ((figure, value), n) in told.zip(0..) {
            assert_eq!((FIGURES[n], values[n]), (figure, value));
            count += 1;
        }
        assert_eq!(count, 15);
    }
}
