//! From the store to a report.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::happened::{AlertLog, changes};
use super::holders::holders;
use super::missing::missing;
use super::names::Names;
use super::{
    CapacityReport, DailyPoint, Ledger, Peak, Period, Report, ReturnedReport, ServerLicense,
    SiteReport, TypeReport, YearBefore,
};
use crate::config::Settings;
use crate::config::settings::Site;
use crate::event::{DAEMON, Latest};
use crate::insight::cost::DAYS;
use crate::insight::returns::Returned;
use crate::insight::utilization;
use crate::insight::{NotEnough, Unit, days_after};
use crate::license::ServerLicenseStatus;
use crate::planning::chargeback::By;
use crate::planning::replay::{Past, Question, ReplayError, Simulation, THRESHOLDS};
use crate::planning::seats::{Known, next_run};
use crate::planning::{Planning, Pool, returns};
use crate::store::{KnownRun, Seats, Store, StoreError};

/// Months ahead that the forecast of a report shows.
const AHEAD: u32 = 12;

/// What only tells of now (who uses a seat) stands for the end of a period for so long, with its own date: a
/// report of a month is made in the next one.
const STANDS: TimeDelta = TimeDelta::days(31);

/// The time that the figures of a report are of.
#[derive(Clone, Copy)]
struct Moment {
    /// The last one of the period, or now while that isn't over.
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Moment {
    fn new(period: &Period, zone: Tz, now: DateTime<Utc>) -> Self {
        let (_, end) = period.span(zone);
        Self { as_of: now.min(end - TimeDelta::milliseconds(1)), now }
    }

    /// Whether what is known of now tells nothing of then.
    fn is_long_ago(self) -> bool {
        self.now - self.as_of > STANDS
    }
}

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
    let moment = Moment::new(&period, zone, now);
    let alerts = AlertLog::read(store).await?;
    let mut reports = Vec::new();
    // Of all sites: who gave an order on one may be named in an alert of another, or of none.
    let mut runs = Vec::new();
    for site in &settings.sites {
        runs.extend(store.runs_between(&site.name, period.span(zone)).await?);
    }
    for site in settings.sites.iter().filter(|site| sites.contains(&site.name)) {
        reports.push(of_site(store, settings, site, &period, moment, (&alerts, &runs)).await?);
    }
    let ledger =
        Ledger { head: store.head().await?, complete_from: store.ledger_complete_from().await? };
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        generated: now,
        as_of: moment.as_of,
        time_zone: zone.name(),
        zone,
        locale: settings.locale,
        contracts: settings.contracts.on(moment.as_of.with_timezone(&zone).date_naive()),
        unfinished: period.last >= today,
        alerts: alerts.of(DAEMON, period.span(zone), &Names::new(settings.report_names, &runs)),
        names: settings.report_names,
        alerts_recorded_from: alerts.recorded_from,
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
    moment: Moment,
    (alerts, all_runs): (&AlertLog, &[KnownRun]),
) -> Result<SiteReport, StoreError> {
    let zone = settings.time_zone;
    let now = moment.now;
    let mut planning = Planning::load(store, settings, &site.name, moment.as_of).await?;
    let left_out = moment.is_long_ago();
    if left_out {
        planning.seats = None;
        planning.license_end = planning.license_end.filter(|end| end.as_of <= moment.as_of);
    }
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
        this_month: planning.capacity().filter(|_| to > now),
    });
    let kept = store.latest().await?;
    let kept = Latest::new(&kept, &site.name);
    let version = kept.version().filter(|_| site.version.is_some() && !left_out);
    let license = kept.server_license().filter(|_| site.server_license.is_some() && !left_out);
    let mut attempts = store.attempts(&site.name).await?;
    let seats = store.seats(&site.name).await?;
    let names = Names::new(settings.report_names, all_runs);
    let runs = store.runs_between(&site.name, (from, to)).await?;
    let changes = changes(store, site, &seats, (from, to), &attempts, &names).await?;
    let returned = returned(store, site, &seats, (from, to), moment.as_of).await?;
    // Who would lose a seat is told only where people are named.
    let turns = match settings.report_names && !left_out {
        true => {
            let known = Known::load(store, &site.name, zone, now).await?;
            next_run(&known, &site.release, now)
        }
        false => HashMap::new(),
    };
    let names_of = (settings.report_names, &turns);
    let mut holders = holders(store, site, &seats, to, names_of).await?;
    // The site may list a type that its license doesn't have.
    holders.retain(|of| of.held + of.quarantined > 0 || planning.pool(of.seat_type).is_some());
    attempts.retain(|attempt| attempt.time >= from && attempt.time < to);
    let by_directory = match left_out {
        true => None,
        false => planning.cost_by(store, settings, site, &By::Directory).await?.ok(),
    };
    let mut by_property = Vec::new();
    let properties = site.seats.iter().flat_map(|monitor| &monitor.breakdown_by);
    for name in properties.filter(|_| !left_out) {
        let by = By::Property(name.clone());
        by_property.extend(planning.cost_by(store, settings, site, &by).await?.ok());
    }
    let simulation = if left_out { None } else { simulation(store, settings, site, now).await? };
    Ok(SiteReport {
        site: site.name.clone(),
        server_license: license.map(|(time, status)| server_license(time, status)),
        qlik_sense_version: version.map(|(_, version)| version.clone()),
        types: planning.pools.iter().map(|pool| of_type(&planning, pool, period)).collect(),
        left_out,
        simulation,
        capacity,
        cost: planning.cost(),
        order: planning.order().cloned(),
        license_end: planning.license_end,
        cost_by_directory: by_directory,
        cost_by_property: by_property,
        cost_in_period: planning.cost_of((period.first, period.last.min(planning.today))),
        saved_in_period: planning.saved((period.first, period.last.min(planning.today))),
        saved_in_period_by_earlier: planning
            .saved_by_earlier((period.first, period.last.min(planning.today))),
        changes,
        holders,
        returned,
        runs: runs.iter().map(|run| names.run(run)).collect(),
        releases: attempts.into_iter().map(|attempt| names.attempt(attempt)).collect(),
        alerts: alerts.of(&site.name, (from, to), &names),
        gaps,
    })
}

/// `None` where nothing was released in the year.
async fn returned(
    store: &Store,
    site: &Site,
    seats: &Seats,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    as_of: DateTime<Utc>,
) -> Result<Option<ReturnedReport>, StoreError> {
    let year = as_of - TimeDelta::days(DAYS);
    let away = returns::away(store, &site.name, seats, (from.min(year), as_of)).await?;
    let since = |first: DateTime<Utc>, last: DateTime<Utc>| {
        let within = away.iter().filter(|away| away.from >= first && away.from < last);
        Returned::of(within.copied(), as_of)
    };
    let (in_period, in_year) = (since(from, to), since(year, to));
    Ok((in_year.released > 0 || in_period.released > 0)
        .then_some(ReturnedReport { in_period, in_year }))
}

/// Of nearly all days of both.
const OF_DAYS: f64 = 0.95;

/// The whole period against the same days a year before.
fn year_before(pool: &Pool, (first, last): (NaiveDate, NaiveDate)) -> Option<YearBefore> {
    let back = |day: NaiveDate| day.checked_sub_months(Months::new(12));
    let mean = |first: NaiveDate, last: NaiveDate| {
        let days = pool.taken.between(first, last);
        let all = (last - first).num_days() as f64 + 1.0;
        let count = days.len() as f64;
        (count >= all * OF_DAYS && count > 0.0)
            .then(|| days.iter().map(|day| day.mean).sum::<f64>() / count)
    };
    let (this, before) = (mean(first, last)?, mean(back(first)?, back(last)?)?);
    let change = this - before;
    let change_percent = (before > 0.0).then(|| change / before * 100.0);
    Some(YearBefore {
        first: back(first)?,
        last: back(last)?,
        mean: before,
        change,
        change_percent,
    })
}

fn server_license(as_of: DateTime<Utc>, status: &ServerLicenseStatus) -> ServerLicense {
    let license = &status.license;
    ServerLicense {
        as_of,
        state: status.state,
        in_words: status.summary(),
        expiry_date: status.expiry_date,
        days_until_expiry: status.days_until_expiry,
        maintenance_end: license.maintenance_end,
        number: license.number_ends.as_ref().map(|ends| format!("…{ends}")),
    }
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
    let since = last.checked_sub_months(Months::new(12)).unwrap_or(first).min(first);
    let daily = pool.taken.between(since, last).iter().map(|day| DailyPoint {
        day: day.day,
        mean: day.mean,
        max: day.max,
        last: day.last,
        entitled: pool.entitled.on(day.day),
    });
    let seat_type = pool.seat_type;
    let year_on_year = days.last().and_then(|day| planning.year_on_year(seat_type, day.day));
    let before = year_before(pool, (first, last)).filter(|_| period.months() > 1);
    let nothing = NotEnough { have: 0, need: 1, unit: Unit::Days };
    TypeReport {
        seat_type,
        before: pool.on(days_after(first, -1)),
        at_end: days.last().and_then(|_| pool.on(last)),
        peak,
        mean: mean(&means),
        mean_percent: mean(&shares),
        days: u32::try_from(days.len()).unwrap_or(u32::MAX),
        full_days: utilization::full_days(days, &pool.entitled),
        of: u32::try_from((last - first).num_days() + 1).unwrap_or(0),
        periods: planning.utilization_within(seat_type, period.step(), (first, period.last)),
        entitled_changes: pool.entitled_changes(first, last),
        recorded_in_year: year_on_year
            .as_ref()
            .and_then(|years| planning.recorded_between(seat_type, years.as_ref().ok()?)),
        recorded_in_period: before
            .and_then(|of| planning.recorded(seat_type, (of.first, of.last), (first, last))),
        year_before: before,
        year_on_year: year_on_year.unwrap_or(Err(nothing)),
        growth: planning.growth(seat_type).unwrap_or(Err(nothing)),
        forecast: planning.forecast_view(seat_type, AHEAD).unwrap_or(Err(nothing)),
        renewal: planning.renewal(seat_type, &Default::default()),
        seats: planning.seat_counts(seat_type).cloned(),
        daily: daily.collect(),
    }
}
