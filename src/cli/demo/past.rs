//! The demo's past: what would be in the store if Bursar had watched the site for three years.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use crate::config::settings::{Settings, Site};
use crate::ledger::{
    Action, Entry, Intent, Mode, Outcome, RunStatus, SeatResult, Trigger, TypeCounts,
};
use crate::license::LicenseState;
use crate::license::{Holder, Moment, SeatType};
use crate::simulator::Seat;
use crate::simulator::past::{CleanUp, Past};
use crate::store::demo::DemoClock;
use crate::store::history::{SERVER_LICENSE, Sample, state_number};
use crate::store::{Addition, Store};

/// Polls that are written at once.
const BATCH: usize = 1_000;

/// The longest time that activity looks back.
const USER_DAYS: i64 = 90;

/// Writes the past of the first site into a new store; a store that has a past keeps it. To be
/// called before the daemon opens the store, which gets the demo's clock. `seats`: those of the site, whose
/// gaps of use are made up.
pub(super) async fn write(
    settings: &Settings,
    past: &Past,
    (seats, seed): (Vec<Seat>, u64),
    shown: &DemoClock,
) -> anyhow::Result<()> {
    let Some(site) = settings.sites.first() else { return Ok(()) };
    let start = past.end - TimeDelta::days(i64::try_from(past.days).unwrap_or(i64::MAX));
    let time = Arc::new(AtomicI64::new(start.timestamp()));
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
        for clean_up in &past.clean_ups {
            time.store(clean_up.time.timestamp(), Ordering::Relaxed);
            release(&store, site, clean_up).await?;
        }
        time.store(past.end.timestamp(), Ordering::Relaxed);
        store.maintain_history(settings.storage.history, settings.time_zone).await?;
        for polls in past.polls(seed).chunks(BATCH) {
            store.keep_samples(&site.name, license(polls.iter().map(|poll| poll.0), past)).await?;
            store.keep_pools(&site.name, polls.to_vec()).await?;
        }
        store.keep_users(&site.name, users(past)).await?;
        for seat_type in SeatType::counted() {
            let gaps = super::gaps::gaps(&seats, seat_type, (past.end, seed));
            store.keep_idle_gaps(&site.name, gaps).await?;
        }
        store.maintain_history(settings.storage.history, settings.time_zone).await?;
    }
    store.close().await;
    Ok(())
}

/// The server license: prolonged for a year each time 41 days before its end.
fn license(times: impl Iterator<Item = DateTime<Utc>>, past: &Past) -> Vec<Sample> {
    let end = past.end.date_naive();
    let figures = times.flat_map(|time| {
        let days = (end - time.date_naive()).num_days().rem_euclid(365) + 41;
        let state = if days <= 60 { LicenseState::Expiring } else { LicenseState::Valid };
        [("days_until_expiry", days as f64), ("state", state_number(state))].map(
            |(field, value)| Sample {
                time,
                pool: SERVER_LICENSE.into(),
                field: field.into(),
                value,
            },
        )
    });
    figures.collect()
}

/// The users of each day that activity looks back on, up to yesterday.
fn users(past: &Past) -> Vec<(NaiveDate, Option<SeatType>, u32)> {
    let today = past.end.date_naive();
    let days = (1..=USER_DAYS).map(|back| today - TimeDelta::days(back));
    let users = days.flat_map(|day| {
        let (professional, analyzer) = past.users(day);
        [
            (day, Some(SeatType::Professional), professional),
            (day, Some(SeatType::Analyzer), analyzer),
            (day, None, professional + analyzer),
        ]
    });
    users.collect()
}

/// A run that released seats, as the ledger has it.
async fn release(store: &Store, site: &Site, clean_up: &CleanUp) -> anyhow::Result<()> {
    let run = run_id(clean_up);
    let add = |entry| Addition { site: site.name.clone(), run: Some(run.clone()), entry };
    let started = Entry::RunStarted {
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        policy: site.release.policy.clone(),
    };
    store.append(None, vec![add(started)], |_| Vec::new()).await?;
    let seats =
        [(SeatType::Professional, clean_up.professional), (SeatType::Analyzer, clean_up.analyzer)];
    let seats: Vec<(SeatType, u32)> =
        seats.into_iter().flat_map(|(of, count)| (1..=count).map(move |n| (of, n))).collect();
    let intents = seats.iter().map(|(seat_type, n)| add(intent(clean_up, *seat_type, *n)));
    let (numbers, _) = store.append(None, intents.collect(), |_| Vec::new()).await?;
    let outcomes = seats.iter().zip(numbers).map(|((seat_type, n), number)| {
        add(Entry::Outcome(Outcome {
            intent: number,
            action: Action::Release,
            seat_type: *seat_type,
            seat: id(clean_up, *seat_type, *n, "seat"),
            holder: holder(clean_up, *seat_type, *n),
            result: SeatResult::Freed,
            settled_later: false,
            evidence: Default::default(),
        }))
    });
    store.append(None, outcomes.collect(), |_| Vec::new()).await?;
    let counts = SeatType::counted().map(|of| {
        let count = seats.iter().filter(|(seat_type, _)| *seat_type == of).count() as u64;
        counts(of, count)
    });
    let ended = Entry::RunEnded { status: RunStatus::Done, counts: counts.collect(), why: None };
    store.append(None, vec![add(ended)], |_| Vec::new()).await?;
    Ok(())
}

/// Of a run that released all seats it had planned to.
fn counts(seat_type: SeatType, released: u64) -> TypeCounts {
    TypeCounts { seats: released, planned: released, released, ..TypeCounts::new(seat_type) }
}

fn intent(clean_up: &CleanUp, seat_type: SeatType, n: u32) -> Entry {
    let idle = TimeDelta::days(90 + i64::from(n));
    Entry::Intent(Intent {
        action: Action::Release,
        seat_type,
        seat: id(clean_up, seat_type, n, "seat"),
        holder: holder(clean_up, seat_type, n),
        created: Moment::At(clean_up.time - idle - TimeDelta::days(200)),
        last_used: Moment::At(clean_up.time - idle),
        because: format!("idle for {} days (threshold 90)", idle.num_days()),
        has: 0,
    })
}

fn holder(clean_up: &CleanUp, seat_type: SeatType, n: u32) -> Holder {
    let user =
        format!("{}{n:03}", if seat_type == SeatType::Analyzer { "reader" } else { "author" });
    let year = clean_up.time.format("%y%m");
    Holder {
        id: id(clean_up, seat_type, n, "user"),
        directory: "CORP".into(),
        user_id: format!("{user}-{year}").into(),
        name: format!("Former colleague {n}").into(),
    }
}

fn run_id(clean_up: &CleanUp) -> String {
    id(clean_up, SeatType::Professional, 0, "run").to_string()
}

/// The same for the same thing of the past.
fn id(clean_up: &CleanUp, seat_type: SeatType, n: u32, what: &str) -> Uuid {
    crate::simulator::named_id(what, &format!("{seat_type} {n} {}", clean_up.time))
}
