//! Sites: all of them, one, and its licenses.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::{Amount, Day, Time};
use crate::event::Monitor;
use crate::insight::capacity::{Capacity, MonthEnd};
use crate::insight::idle::Idle;
use crate::insight::returns;
use crate::license::monitor_app::AppHealth;
use crate::license::{LicenseState, SeatType, Support};
use crate::plain::one_line;
use crate::planning::Planning;
use crate::planning::money::Cost;
use crate::planning::seats::SeatCounts;
use crate::status::{MonitorStatus, SiteStatus};
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;

/// All sites.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sites {
    sites: Vec<Site>,
}

/// A site as it is now. What was not read yet is null.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Site {
    name: String,
    server_license: Option<ServerLicense>,
    qlik_sense: Option<Sense>,
    monitor_app: Option<App>,
    release: Release,
    monitors: Vec<Watch>,
    /// Alerts that fire.
    alerts: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ServerLicense {
    read: Time,
    state: LicenseState,
    expired: bool,
    /// Last valid day; null where there is none that can be read.
    expiry_date: Option<Day>,
    /// 0 on the last valid day, negative after it.
    days_until_expiry: Option<i64>,
    threshold_days: i64,
    summary: String,
}

/// Which Qlik Sense it runs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sense {
    read: Time,
    version: Option<String>,
    release: Option<String>,
    /// The last day of its support, where the settings say it.
    support_ends: Option<Day>,
}

/// Qlik's License Monitor app.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct App {
    read: Time,
    health: AppHealth,
    text: String,
    /// When its data were loaded.
    data_from: Option<Time>,
    failed_runs: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Release {
    enabled: bool,
    rehearsal: bool,
    paused: bool,
    /// What keeps the next run from taking seats.
    held: Option<String>,
    next: Option<Time>,
    /// Seats of which it is not known what became of them.
    unsettled: usize,
}

/// How a monitor fares.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Watch {
    /// `serverLicense`, `accessLicense`, `seats`, `app`, `version`, `release`.
    monitor: String,
    schedule: String,
    next: Option<Time>,
    last_poll: Option<Time>,
    last_success: Option<Time>,
    /// Polls that failed in a row; null while it was never asked.
    failures: Option<u32>,
    /// What is wrong now.
    problem: Option<String>,
}

pub(super) async fn all(served: &Served, query: Option<&str>) -> Result<Sites, Failure> {
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let sites = status.sites.iter().map(|site| view(served, site, &status.alerts));
    Ok(Sites { sites: sites.collect() })
}

pub(super) async fn one(served: &Served, name: &str, query: Option<&str>) -> Result<Site, Failure> {
    served.site(name)?;
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let site = status.sites.iter().find(|of| of.name == name);
    let site = site.ok_or_else(|| Failure::NotFound(format!("There is no site {name}.")))?;
    Ok(view(served, site, &status.alerts))
}

fn view(served: &Served, site: &SiteStatus, alerts: &[crate::alert::state::Alert]) -> Site {
    let settings = served.source.settings.sites.iter().find(|of| of.name == site.name);
    let release = site.monitors.iter().find(|of| of.monitor == Monitor::Release);
    let text = |text: &Option<String>| text.as_deref().map(one_line);
    Site {
        name: site.name.clone(),
        server_license: site.server_license.as_ref().map(|read| ServerLicense {
            read: read.time.into(),
            state: read.value.state,
            expired: read.value.expired,
            expiry_date: read.value.expiry_date.map(Day::from),
            days_until_expiry: read.value.days_until_expiry,
            threshold_days: read.value.threshold_days,
            summary: one_line(&read.value.summary()),
        }),
        qlik_sense: site.qlik_sense_version.as_ref().map(|read| Sense {
            read: read.time.into(),
            version: text(&read.value.version),
            release: text(&read.value.release_label),
            support_ends: match read.value.support() {
                Support::Until(day) => Some(day.into()),
                Support::Unknown | Support::NotWatched => None,
            },
        }),
        monitor_app: site.monitor_app.as_ref().map(|read| App {
            read: read.time.into(),
            health: read.value.health,
            text: one_line(&read.value.text),
            data_from: read.value.data_from.map(Time::from),
            failed_runs: read.value.failures,
        }),
        release: Release {
            enabled: settings.is_some_and(|of| of.release.enable),
            rehearsal: settings.is_some_and(|of| of.release.dry_run),
            paused: site.pause.is_some(),
            held: release.and_then(|of| of.held.as_deref()).map(one_line),
            next: release.and_then(|of| of.next).map(Time::from),
            unsettled: site.unsettled.seats,
        },
        monitors: site.monitors.iter().map(watch).collect(),
        alerts: alerts.iter().filter(|alert| alert.key.site == site.name).count(),
    }
}

fn watch(of: &MonitorStatus) -> Watch {
    let health = of.health.as_ref();
    Watch {
        monitor: of.monitor.code().to_owned(),
        schedule: of.schedule.clone(),
        next: of.next.map(Time::from),
        last_poll: health.map(|health| health.last_poll.into()),
        last_success: health.and_then(|health| health.last_success).map(Time::from),
        failures: health.map(|health| health.failures),
        problem: health.and_then(|health| health.problem()).map(|of| one_line(&of.text)),
    }
}

/// What there is of each type, how it is used, how long it lasts and what it costs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Licenses {
    /// When the pools were read; null while they were not.
    read: Option<Time>,
    types: Vec<Type>,
    tokens: Option<Tokens>,
    /// Analyzer Capacity in this month; null without it, or while nothing was counted in it.
    capacity: Option<Month>,
    /// Of a year; null without prices, and while what is entitled is not known.
    cost: Option<Costs>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Type {
    seat_type: SeatType,
    entitled: f64,
    allocated: f64,
    /// By the count of the site.
    free: f64,
    /// By the undocumented measure of the server.
    in_use: f64,
    quarantined: f64,
    excess: f64,
    /// From the list of seats; null while it was not read.
    usage: Option<Usage>,
    /// When the free seats run out, in words.
    runs_out: String,
    /// The first day on which they may; null where that is not within ten years, or not known.
    runs_out_earliest: Option<Day>,
    /// The day by which they will have, in 80 of 100 cases.
    runs_out_latest: Option<Day>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Usage {
    read: Time,
    seats: u32,
    /// People who used one within 28 days.
    active: u32,
    never_used: u32,
    /// Idle for `thresholdDays` or longer.
    idle: u32,
    threshold_days: u32,
    /// What the release rules let go, over as many runs as that takes; 0 while a guard stops the runs.
    reclaimable: u32,
    /// Of those, how many go in the next run.
    next_run: u32,
    /// What a guard holds back, and is not reclaimable.
    held_back: u32,
    /// Idle seats of which the rules cannot be asked.
    undecided: u32,
    by_days_since_use: ByDays,
}

/// Seats by days since their last use, without those in quarantine.
#[derive(Debug, Serialize, JsonSchema)]
struct ByDays {
    #[serde(rename = "0-7")]
    week: u32,
    #[serde(rename = "8-30")]
    month: u32,
    #[serde(rename = "31-60")]
    two_months: u32,
    #[serde(rename = "61-90")]
    three_months: u32,
    over90: u32,
    never: u32,
    unknown: u32,
}

impl From<Idle> for ByDays {
    fn from(idle: Idle) -> Self {
        Self {
            week: idle.days_0_7,
            month: idle.days_8_30,
            two_months: idle.days_31_60,
            three_months: idle.days_61_90,
            over90: idle.over_90,
            never: idle.never_used,
            unknown: idle.unknown,
        }
    }
}

impl From<&SeatCounts> for Usage {
    fn from(counts: &SeatCounts) -> Self {
        Self {
            read: counts.as_of.into(),
            seats: counts.usage.seats,
            active: counts.active,
            never_used: counts.usage.idle.never_used,
            idle: counts.idle,
            threshold_days: counts.threshold_days,
            reclaimable: counts.reclaimable,
            next_run: counts.limits.next_run,
            held_back: counts.limits.held_back.map_or(0, |held| held.seats),
            undecided: counts.undecided,
            by_days_since_use: counts.usage.idle.into(),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    total: f64,
    available: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Month {
    /// Its first day.
    month: Day,
    usable_minutes: f64,
    used_minutes: f64,
    left_minutes: f64,
    /// How much of the month is gone.
    gone_percent: f64,
    /// At its end, at the same pace; null while that can't be said.
    projected_minutes: Option<f64>,
    /// The day on which they run out at this pace; null where they last, or that can't be said.
    runs_out: Option<Day>,
}

impl From<Capacity> for Month {
    fn from(of: Capacity) -> Self {
        let ends = of.projected.as_ref().ok();
        Self {
            month: of.month.into(),
            usable_minutes: of.usable,
            used_minutes: of.used,
            left_minutes: of.left,
            gone_percent: of.gone_percent,
            projected_minutes: ends.map(|ends| ends.used),
            runs_out: ends.and_then(|ends| match ends.runs_out {
                MonthEnd::RunsOut { day } => Some(day.into()),
                MonthEnd::Lasts | MonthEnd::Already => None,
            }),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Costs {
    entitled: Amount,
    allocated: Amount,
    /// Of seats used within 28 days; null while the list of seats isn't known.
    active: Option<Amount>,
    /// Of seats that the release rules let go, over as many runs as that takes; null as above.
    reclaimable: Option<Amount>,
    /// What could be saved in a year by releasing these; null as above.
    could_be_saved: Option<CouldBeSaved>,
    saved_last_year: Amount,
    budget: Option<Amount>,
}

/// Less is saved where people come back and take a seat again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CouldBeSaved {
    /// If as many come back as of those who lost a seat in the last 365 days; null where they were too few to say.
    low: Option<Amount>,
    /// If nobody comes back.
    high: Amount,
    /// So many came back, of so many, within so many days; null as `low`.
    back: Option<u32>,
    of: Option<u32>,
    within_days: Option<i64>,
}

impl From<returns::CouldBeSaved> for CouldBeSaved {
    fn from(saved: returns::CouldBeSaved) -> Self {
        let seen = saved.coming_back;
        Self {
            low: saved.low.map(Amount::from),
            high: saved.high.into(),
            back: seen.map(|seen| seen.back),
            of: seen.map(|seen| seen.of),
            within_days: seen.map(|seen| seen.within_days),
        }
    }
}

impl From<Cost> for Costs {
    fn from(cost: Cost) -> Self {
        Self {
            entitled: cost.entitled.into(),
            allocated: cost.allocated.into(),
            active: cost.active.map(Amount::from),
            reclaimable: cost.reclaimable.map(Amount::from),
            could_be_saved: cost.could_be_saved.map(CouldBeSaved::from),
            saved_last_year: cost.saved_last_year.amount.into(),
            budget: cost.budget.map(|budget| budget.budget.into()),
        }
    }
}

pub(super) async fn licenses(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Licenses, Failure> {
    served.site(name)?;
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let planning = served.known.planning(&served.source, name).await?;
    let site = status.sites.iter().find(|of| of.name == name);
    let read = site.and_then(|site| site.access_licenses.as_ref());
    let pools = read.map(|read| &read.value);
    let types = SeatType::counted().filter_map(|seat_type| {
        let pool = pools?.seats(seat_type).filter(|pool| pool.enabled)?;
        Some(of_type(&planning, seat_type, &pool))
    });
    let tokens = pools.and_then(|pools| pools.tokens).filter(|tokens| tokens.enabled);
    Ok(Licenses {
        read: read.map(|read| read.time.into()),
        types: types.collect(),
        tokens: tokens.map(|of| Tokens { total: of.total_tokens, available: of.available_tokens }),
        capacity: planning.capacity().map(Month::from),
        cost: planning.cost().map(Costs::from),
    })
}

fn of_type(
    planning: &Planning,
    seat_type: SeatType,
    pool: &crate::license::pools::SeatPool,
) -> Type {
    let forecast = planning.forecast(seat_type).and_then(|forecast| forecast.as_ref().ok());
    let runs_out = forecast.map(|forecast| forecast.runs_out);
    let day = |day: Option<chrono::NaiveDate>| day.map(Day::from);
    Type {
        seat_type,
        entitled: pool.total,
        allocated: pool.allocated,
        free: pool.free(),
        in_use: pool.used,
        quarantined: pool.quarantined,
        excess: pool.excess,
        usage: planning.seat_counts(seat_type).map(Usage::from),
        runs_out: match planning.forecast_view(seat_type, 0) {
            None => "not known: there is no history of it yet".to_owned(),
            Some(Err(why)) => why.to_string(),
            Some(Ok(view)) => view.in_words,
        },
        runs_out_earliest: day(runs_out.and_then(|of| of.earliest(planning.today))),
        runs_out_latest: day(runs_out.and_then(|of| of.latest(planning.today))),
    }
}
