//! From the store to a report.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Months, NaiveDate, Utc};
use chrono_tz::Tz;

use super::missing::missing;
use super::{
    Alert, CapacityReport, ChangeCount, ChangeLine, Changes, DailyPoint, EntitledChange, Ledger,
    Peak, Period, Report, SiteReport, TypeReport,
};
use crate::config::Settings;
use crate::config::settings::Site;
use crate::event::Latest;
use crate::insight::utilization::Step;
use crate::insight::{NotEnough, Unit, days_after};
use crate::license::SeatType;
use crate::license::changes::{By, Change};
use crate::planning::replay::{Past, Question, ReplayError, Simulation, THRESHOLDS};
use crate::planning::{Planning, Pool};
use crate::store::{AlertHistoryEntry, Store, StoreError};

/// Months ahead that the forecast of a report shows.
const AHEAD: u32 = 12;

/// Makes the report of some sites.
///
/// # Errors
/// The store can't be read.
pub async fn report(
    store: &Store,
    settings: &Settings,
    sites: &[String],
    period: Period,
    now: DateTime<Utc>,
) -> Result<Report, StoreError> {
    let zone = settings.time_zone;
    let today = now.with_timezone(&zone).date_naive();
    let mut reports = Vec::new();
    for site in settings.sites.iter().filter(|site| sites.contains(&site.name)) {
        reports.push(of_site(store, settings, site, &period, now).await?);
    }
    let ledger =
        Ledger { head: store.head().await?, complete_from: store.ledger_complete_from().await? };
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        generated: now,
        time_zone: zone.name(),
        zone,
        unfinished: period.last >= today,
        period,
        sites: reports,
        ledger,
    })
}

async fn of_site(
    store: &Store,
    settings: &Settings,
    site: &Site,
    period: &Period,
    now: DateTime<Utc>,
) -> Result<SiteReport, StoreError> {
    let zone = settings.time_zone;
    let planning = Planning::load(store, settings, &site.name, now).await?;
    let (from, to) = period.span(zone);
    let until = to.min(now);
    let gaps = match &site.access_license {
        Some(monitor) => {
            let expected = longest_pause(&monitor.schedule.upcoming(now, zone, 10));
            Some(missing(&store.history_gaps(&site.name, from, until, expected).await?))
        }
        None => None,
    };
    let capacity = planning.minutes.is_some().then(|| CapacityReport {
        months: planning.minutes_by_month((period.first, period.last)),
        this_month: planning.capacity(),
    });
    let kept = store.latest().await?;
    let latest = Latest::new(&kept, &site.name).version().filter(|_| site.version.is_some());
    let releases = planning.attempts.iter().filter(|a| a.time >= from && a.time < to);
    Ok(SiteReport {
        site: site.name.clone(),
        qlik_sense_version: latest.map(|(_, version)| version.clone()),
        types: planning.pools.iter().map(|pool| of_type(&planning, pool, period)).collect(),
        simulation: simulation(store, settings, site, now).await?,
        capacity,
        cost: planning.cost(),
        saved_in_period: planning.saved((period.first, period.last.min(planning.today))),
        changes: changes(store, &site.name, (from, to)).await?,
        releases: releases.cloned().collect(),
        alerts: alerts(store, &site.name, (from, to)).await?,
        gaps,
    })
}

/// Of the thresholds that are compared by default, without the days.
async fn simulation(
    store: &Store,
    settings: &Settings,
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Option<Simulation>, StoreError> {
    let past = match Past::load(store, settings, site, None, now).await {
        Ok(past) => past,
        Err(ReplayError::Store(error)) => return Err(error),
        Err(ReplayError::TooMuch { .. }) => None,
    };
    let policy = &site.release.policy;
    let question = Question { policy, thresholds: &THRESHOLDS, names: false };
    Ok(past.map(|past| past.answer(question).without_days()))
}

/// The longest time between polls, by the next times of their schedule; an hour if it has none.
fn longest_pause(upcoming: &[DateTime<Utc>]) -> Duration {
    let pauses = upcoming.windows(2).filter_map(|pair| (pair[1] - pair[0]).to_std().ok());
    pauses.max().unwrap_or(Duration::from_secs(3600))
}

fn of_type(planning: &Planning, pool: &Pool, period: &Period) -> TypeReport {
    let (first, last) = (period.first, period.last.min(planning.today));
    let days = pool.taken.between(first, last);
    let share = |day: NaiveDate, taken: f64| {
        let entitled = pool.entitled.on(day).filter(|entitled| *entitled > 0.0)?;
        Some(taken / entitled * 100.0)
    };
    let mut peak: Option<Peak> = None;
    for day in days {
        if peak.is_none_or(|peak| day.max > peak.taken) {
            peak = Some(Peak { day: day.day, taken: day.max, percent: share(day.day, day.max) });
        }
    }
    let shares: Vec<f64> = days.iter().filter_map(|day| share(day.day, day.mean)).collect();
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let means: Vec<f64> = days.iter().map(|day| day.mean).collect();
    let one_month = first.checked_add_months(Months::new(1)).is_some_and(|next| period.last < next);
    let step = if one_month { Step::Week } else { Step::Month };
    let since = last.checked_sub_months(Months::new(12)).unwrap_or(first).min(first);
    let daily = pool.taken.between(since, last).iter().map(|day| DailyPoint {
        day: day.day,
        mean: day.mean,
        max: day.max,
        last: day.last,
        entitled: pool.entitled.on(day.day),
    });
    let seat_type = pool.seat_type;
    let nothing = NotEnough { have: 0, need: 1, unit: Unit::Days };
    TypeReport {
        seat_type,
        before: pool.on(days_after(first, -1)),
        at_end: days.last().and_then(|_| pool.on(last)),
        peak,
        mean: mean(&means),
        mean_percent: mean(&shares),
        days: u32::try_from(days.len()).unwrap_or(u32::MAX),
        of: u32::try_from((last - first).num_days() + 1).unwrap_or(0),
        periods: planning.utilization(seat_type, step, (first, last)),
        entitled_changes: entitled_changes(pool, first, last),
        year_on_year: days
            .last()
            .and_then(|day| planning.year_on_year(seat_type, day.day))
            .unwrap_or(Err(nothing)),
        growth: planning.growth(seat_type).unwrap_or(Err(nothing)),
        forecast: planning.forecast_view(seat_type, AHEAD).unwrap_or(Err(nothing)),
        seats: planning.seat_counts(seat_type).cloned(),
        daily: daily.collect(),
    }
}

fn entitled_changes(pool: &Pool, first: NaiveDate, last: NaiveDate) -> Vec<EntitledChange> {
    let mut changes = Vec::new();
    let mut known = pool.entitled.on(days_after(first, -1));
    for day in pool.taken.between(first, last) {
        let total = pool.entitled.on(day.day);
        if let (Some(from), Some(to)) = (known, total)
            && from != to
        {
            changes.push(EntitledChange { day: day.day, from, to });
        }
        known = total.or(known);
    }
    changes
}

async fn changes(
    store: &Store,
    site: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Changes>, StoreError> {
    let known = store.seats(site).await?;
    let Some(recorded_from) = known.lists.iter().map(|list| list.first_read).min() else {
        return Ok(None);
    };
    let list = store.seat_changes(site, from, to).await?;
    let mut counts: BTreeMap<(SeatType, &'static str), (u32, u32)> = BTreeMap::new();
    for change in &list {
        let count = counts.entry((change.seat_type, change.kind.title())).or_default();
        count.0 += 1;
        count.1 += u32::from(change.is_by_bursar());
    }
    let counts = counts.into_iter().map(|((seat_type, what), (count, by_bursar))| ChangeCount {
        seat_type,
        what: what.to_owned(),
        count,
        by_bursar,
    });
    let list = list.iter().map(line).collect();
    Ok(Some(Changes { recorded_from, counts: counts.collect(), list }))
}

fn line(change: &Change) -> ChangeLine {
    ChangeLine {
        time: change.time,
        seat_type: change.seat_type,
        what: change.kind.title().to_owned(),
        user: change.account(),
        by: match &change.by {
            By::Unknown => "not known".to_owned(),
            By::Bursar { run } => format!("Bursar, run {run}"),
            By::Someone { user } => user.to_string(),
        },
        again: change.is_churn(),
    }
}

/// What happened to the alerts of a site, oldest first. `None` when no alert was ever recorded: that
/// says nothing of the period.
async fn alerts(
    store: &Store,
    site: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Vec<Alert>>, StoreError> {
    let all = store.alert_history(usize::MAX).await?;
    if all.is_empty() {
        return Ok(None);
    }
    let of_period = all.into_iter().rev().filter(|happened| {
        happened.key.site == site && happened.time >= from && happened.time < to
    });
    let alert = |happened: AlertHistoryEntry| Alert {
        time: happened.time,
        severity: happened.severity.as_str().to_owned(),
        rule: happened.key.rule.to_string(),
        state: happened.what.as_str().to_owned(),
        text: happened.text,
    };
    Ok(Some(of_period.map(alert).collect()))
}

/// A time of the report, to the minute, in its zone.
pub fn local(time: DateTime<Utc>, zone: Tz) -> String {
    time.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}
