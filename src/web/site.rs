//! The overview of one site: how long the license lasts, how much is left, what is idle, whether all works.

use askama::Template;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::alerts::AlertView;
use super::answer::{self, Answer, age};
use super::frame::{Frame, Part, is_stopped, site_address};
use super::gauge::{Gauge, Standing};
use super::releases::run_address;
use super::wording::{date, days, excerpt, local, locale, number};
use super::{Served, answer::Failure};
use super::{cost, trends};
use crate::config::settings::Site;
use crate::event::{DAEMON, Monitor};
use crate::insight::capacity::MonthEnd;
use crate::insight::words;
use crate::license::monitor_app::AppHealth;
use crate::license::{self, LicenseState, Pools, SeatType, Support};
use crate::plain::one_line;
use crate::planning::Planning;
use crate::release::next::Next;
use crate::status::{SiteStatus, Status};
use crate::store::RunState;

/// So much of a problem stands on top; the table of monitors has all of it.
const LONGEST: usize = 300;

/// What stands in place of figures that come from the list of seats.
pub(super) const NO_LIST: &str = "not known yet: the list of seats was not read so far";

#[derive(Template)]
#[template(path = "site.html")]
struct Page<'a> {
    frame: Frame,
    site: &'a str,
    address: String,
    problems: Vec<String>,
    license: Option<License>,
    pools_seen: Option<String>,
    pools_before: Option<String>,
    pools: Vec<PoolView>,
    charts: Vec<(String, String)>,
    /// Nothing was read of it so far: what comes when.
    first: Vec<String>,
    alerts: Vec<AlertView>,
    release: Release,
    cost: Vec<(String, String)>,
    app: Option<AppView>,
    version: Option<Version>,
    monitors: Vec<MonitorView<'a>>,
}

struct License {
    tone: &'static str,
    headline: String,
    details: Vec<String>,
    seen: String,
}

/// A pool as it stands now, with what is ahead of it.
pub(super) struct PoolView {
    pub(super) name: &'static str,
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) gauge: String,
    pub(super) percent: String,
    pub(super) free: String,
    /// Each may have markup of our own.
    facts: Vec<String>,
    /// Each may have markup of our own.
    lines: Vec<String>,
    trends: Option<&'static str>,
}

struct Release {
    /// The last run, and before it the last real one where that was a rehearsal.
    runs: Vec<LastRun>,
    next: String,
    held: bool,
    freeze: String,
    open: String,
}

struct LastRun {
    address: String,
    mode: &'static str,
    seen: String,
    lines: Vec<String>,
}

/// Qlik's License Monitor app.
pub(super) struct AppView {
    pub(super) tone: &'static str,
    pub(super) headline: String,
    pub(super) lines: Vec<String>,
    pub(super) seen: String,
}

struct Version {
    tone: &'static str,
    headline: String,
    before: String,
    seen: String,
}

struct MonitorView<'a> {
    name: &'static str,
    schedule: &'a str,
    next: String,
    seen: String,
    problem: String,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap, name: &str) -> Answer {
    let source = &served.source;
    let settings = &source.settings;
    let site = served.site(name)?;
    let status = served.status().await?;
    let planning = served.known.planning(source, name).await?;
    let of_site = status.sites.iter().find(|of| of.name == name);
    let of_site = of_site.ok_or_else(|| Failure::NotFound(format!("There is no site {name}.")))?;
    let zone = settings.time_zone;
    let now = status.time;
    let seen = |time| age(time, now);
    let alerts =
        status.alerts.iter().filter(|alert| alert.key.site == name || alert.key.site == DAEMON);
    let pools = of_site.access_licenses.as_ref();
    let page = Page {
        frame: Frame::new(served, &status, Part::Overview, Some(name)),
        site: name,
        address: site_address(name, ""),
        problems: problems(of_site),
        license: of_site.server_license.as_ref().map(|seen_license| {
            let license = &seen_license.value;
            License {
                tone: license_tone(license.state),
                headline: one_line(&license.summary()),
                details: license.details().iter().map(|line| one_line(line)).collect(),
                seen: seen(seen_license.time),
            }
        }),
        pools_seen: pools.map(|pools| seen(pools.time)),
        pools_before: of_site.pools_before_run(status.locale, zone),
        pools: pools.map_or_else(Vec::new, |pools| {
            let mut views = pool_views(site, &pools.value, Some(&planning));
            for view in &mut views {
                ahead(view, &planning, &status);
            }
            views
        }),
        charts: {
            let mut charts = trends::year(&planning);
            charts.extend(trends::users_a_day(served, &planning).await?);
            charts
        },
        first: first(of_site, zone),
        alerts: alerts.map(|alert| AlertView::of(alert, &status, zone)).collect(),
        release: release(site, of_site, &status, zone),
        cost: cost::facts(&planning),
        app: of_site.monitor_app.as_ref().map(|read| app(&read.value, seen(read.time))),
        version: of_site
            .qlik_sense_version
            .as_ref()
            .map(|read| version(&read.value, license::today(now, zone), zone, seen(read.time))),
        monitors: of_site.monitors.iter().map(|of| monitor(of, &status, zone)).collect(),
    };
    Ok(answer::page(headers, now, &page))
}

/// Of a site of which nothing was read so far: what comes when.
fn first(site: &SiteStatus, zone: Tz) -> Vec<String> {
    let is_read = |of: &crate::status::MonitorStatus| {
        of.health.as_ref().is_some_and(|health| health.last_success.is_some())
    };
    if site.monitors.iter().any(is_read) {
        return Vec::new();
    }
    let watched = site.monitors.iter().filter_map(|of| {
        let brings = match of.monitor {
            Monitor::Alert | Monitor::Daemon => return None,
            Monitor::ServerLicense => "when the license ends",
            Monitor::AccessLicense => {
                "how many seats there are and how many are taken; a forecast after eight weeks"
            }
            Monitor::Seats => "who has a seat and how idle it is",
            Monitor::App => "how Qlik's License Monitor app fares",
            Monitor::Version => "which Qlik Sense it is and how long it is supported",
            Monitor::Release => "what the rules would take, or take",
        };
        let when = of.next.map_or_else(|| "never".to_owned(), |next| local(next, zone));
        Some(format!("{}, {when}: {brings}", of.monitor.as_str()))
    });
    watched.collect()
}

/// What of a site can't be read now. What a guard stops stands among the needs.
pub(super) fn problems(site: &SiteStatus) -> Vec<String> {
    let problems = site.monitors.iter().filter_map(|monitor| {
        let error = monitor.health.as_ref().filter(|of| !is_stopped(of))?.problem()?;
        let text = match monitor.monitor {
            Monitor::Release => format!("release: {}", error.text),
            other => format!("{} can't be read: {}", other.as_str(), error.text),
        };
        Some(excerpt(&text, LONGEST))
    });
    problems.collect()
}

pub(super) fn license_tone(state: LicenseState) -> &'static str {
    match state {
        LicenseState::Valid | LicenseState::Perpetual => "fine",
        LicenseState::Expiring | LicenseState::NotStarted | LicenseState::ExpiryDisputed => "watch",
        LicenseState::StartUnreadable
        | LicenseState::ExpiryUnreadable
        | LicenseState::ExpiryUnknown => "unknown",
        LicenseState::None
        | LicenseState::Blacklisted
        | LicenseState::Invalid
        | LicenseState::Expired => "act",
    }
}

/// The pools that the license has. With a history the month of minutes is known, too.
pub(super) fn pool_views(site: &Site, pools: &Pools, planning: Option<&Planning>) -> Vec<PoolView> {
    let policy = &site.alert;
    let seats = site_address(&site.name, "/seats");
    let mut views = Vec::new();
    let share = |what: &str, taken: f64, total: f64| match total > 0.0 {
        true => format!("{:.0} % {what},", taken / total * 100.0),
        false => "–".to_owned(),
    };
    for seat_type in SeatType::counted() {
        let pool = pools.seats(seat_type).filter(|pool| pool.enabled);
        let Some(pool) = pool else { continue };
        let standing = Standing::of(policy, pool.total, pool.allocated, pool.free());
        let label = format!(
            "{}: {} of {} allocated, {} free, {} in quarantine; {}",
            seat_type.title(),
            number(pool.allocated),
            number(pool.total),
            number(pool.free()),
            number(pool.quarantined),
            standing.limits_in_words
        );
        let gauge = Gauge {
            label: &label,
            total: pool.total,
            taken: pool.allocated,
            blocked: pool.quarantined,
            tone: standing.tone,
            limits: &standing.limits,
            gone: None,
        };
        // Each leads to the seats that the list has of it.
        let of = seat_type.as_str();
        let rows = |count: f64, state: &str| {
            format!("<a href=\"{seats}?q=type:{of}+state:{state}\">{}</a>", number(count))
        };
        let mut facts = vec![
            format!("{} of {} allocated", rows(pool.allocated, "allocated"), number(pool.total)),
            format!("{} free", number(pool.free())),
            format!("{} quarantined", rows(pool.quarantined, "quarantined")),
            format!("{} in use, as the server counts", number(pool.used)),
        ];
        if pool.excess > 0.0 {
            facts.push(format!("{} excess", rows(pool.excess, "excess")));
        }
        facts.push(standing.limits_in_words.clone());
        views.push(PoolView {
            name: seat_type.title(),
            tone: standing.tone,
            word: standing.word,
            gauge: gauge.svg(),
            percent: share("allocated", pool.allocated, pool.total),
            free: number(pool.free()),
            facts,
            lines: Vec::new(),
            trends: Some(seat_type.as_str()),
        });
    }
    if let Some(pool) = pools.analyzer_capacity.filter(|pool| pool.enabled) {
        views.push(minutes(pool, planning, &share));
    }
    if let Some(totals) = pools.tokens.filter(|totals| totals.enabled) {
        let taken = totals.total_tokens - totals.available_tokens;
        let standing = Standing::of(policy, totals.total_tokens, taken, totals.available_tokens);
        let label = format!("{} of {} tokens", number(taken), number(totals.total_tokens));
        let gauge = Gauge {
            label: &label,
            total: totals.total_tokens,
            taken,
            tone: standing.tone,
            limits: &standing.limits,
            ..Gauge::default()
        };
        let mut facts = vec![
            format!("{} of {} taken", number(taken), number(totals.total_tokens)),
            format!("{} available", number(totals.available_tokens)),
        ];
        if let Some(pool) = pools.token_user {
            facts.push(format!("{} for users", number(pool.allocated_tokens)));
            facts.push(format!("{} quarantined", number(pool.quarantined_tokens)));
        }
        if let Some(pool) = pools.token_login {
            facts.push(format!("{} for logins", number(pool.allocated_tokens)));
        }
        facts.push(standing.limits_in_words.clone());
        views.push(PoolView {
            name: "Tokens",
            tone: standing.tone,
            word: standing.word,
            gauge: gauge.svg(),
            percent: share("taken", taken, totals.total_tokens),
            free: number(totals.available_tokens),
            facts,
            lines: Vec::new(),
            trends: Some(SeatType::User.as_str()),
        });
    }
    views
}

fn minutes(
    pool: license::pools::MinutePool,
    planning: Option<&Planning>,
    share: &dyn Fn(&str, f64, f64) -> String,
) -> PoolView {
    let month = planning.and_then(Planning::capacity);
    let (used, total) = month
        .as_ref()
        .map_or((pool.used_minutes, pool.allocated_minutes), |month| (month.used, month.usable));
    let ends = month.as_ref().and_then(|month| month.projected.as_ref().ok());
    let (tone, word) = match ends.map(|ends| ends.runs_out) {
        Some(MonthEnd::Already) => ("act", "none left"),
        Some(MonthEnd::RunsOut { .. }) => ("watch", "too few"),
        Some(MonthEnd::Lasts) => ("fine", "they last"),
        None => ("unknown", "whether they last is not known"),
    };
    let mut facts = vec![format!("{} of {} minutes used this month", number(used), number(total))];
    let mut lines = Vec::new();
    if let Some(month) = &month {
        facts.push(format!("{} left", number(month.left)));
        facts.push(format!("{:.0} % of the month gone", month.gone_percent));
        lines.push(match &month.projected {
            Err(why) => format!("How the month ends: {why}."),
            Ok(ends) => match ends.runs_out {
                MonthEnd::Already => "None are left now.".to_owned(),
                MonthEnd::RunsOut { day } => {
                    format!("At this pace they run out on {}.", date(day))
                }
                MonthEnd::Lasts => format!(
                    "At this pace the month ends with {} minutes: they last.",
                    number(ends.used.round())
                ),
            },
        });
    } else if planning.is_some() {
        lines.push("Nothing was counted in this month yet.".to_owned());
    }
    let label = facts.join(", ");
    let gauge = Gauge {
        label: &label,
        total,
        taken: used,
        tone,
        gone: month.as_ref().map(|month| month.gone_percent / 100.0),
        ..Gauge::default()
    };
    PoolView {
        name: "Analyzer Capacity",
        tone,
        word,
        gauge: gauge.svg(),
        percent: share("used", used, total),
        free: number((total - used).max(0.0)),
        facts,
        lines,
        trends: None,
    }
}

/// What is idle of a pool and how long it lasts.
fn ahead(view: &mut PoolView, planning: &Planning, status: &Status) {
    let Some(seat_type) = SeatType::ALL.into_iter().find(|of| view.trends == Some(of.as_str()))
    else {
        return;
    };
    let seats_address = site_address(&planning.site, "/seats");
    view.lines.push(match planning.seat_counts(seat_type) {
        None => format!("Idle: {NO_LIST}."),
        Some(seats) => {
            let idle = seats.usage.idle;
            let undecided = match seats.undecided {
                0 => String::new(),
                some => format!(" (undecided: {})", number(some.into())),
            };
            let limits = words::limits(&seats.limits, locale());
            let limits = limits.map_or_else(String::new, |why| format!(" ({why})"));
            let of = seat_type.as_str();
            let threshold = seats.threshold_days;
            let idle_for = days(threshold.into());
            format!(
                "<a href=\"{seats_address}?q=type:{of}+idle:%3E%3D{threshold}\">Idle for {idle_for} or longer: {}</a> of {}; \
                 by the rules {} can go{limits}{undecided}; \
                 <a href=\"{seats_address}?q=type:{of}+idle:never\">never used {}</a>. <span class=\"faint\">List of seats: {}</span>",
                number(seats.idle.into()),
                number(seats.usage.seats.into()),
                number(seats.reclaimable.into()),
                number(idle.never_used.into()),
                age(seats.as_of, status.time)
            )
        }
    });
    let of_type = planning.forecast_view(seat_type, 12);
    let runs_out = match of_type {
        None => "not known: there is no history of it yet".to_owned(),
        Some(Err(why)) => why.to_string(),
        Some(Ok(view)) => {
            let when = |of| words::runs_out(of, view.today, locale());
            let without = when(&view.runs_out);
            match (view.runs_out_after_release.as_ref().map(when), view.reclaimable) {
                (Some(after), Some(1..)) if after != without => {
                    let limits = planning.limits(seat_type);
                    let dry = words::not_released(limits.releasing);
                    let dry = dry.map_or_else(String::new, |why| format!(" ({why})"));
                    format!("{without}; with release {after}{dry}")
                }
                _ => without,
            }
        }
    };
    // The one beside the other: whether the seats last as long as the contract.
    let renews = planning.next_term_in_words(seat_type, locale());
    let renewal = site_address(&planning.site, "/renewal");
    view.lines.push(format!(
        "Free seats run out: {runs_out}; {renews}. <a href=\"{renewal}\">What to renew with</a>"
    ));
}

/// The next days on which no seat is taken; empty without any, and where nothing is released.
pub(super) fn freeze(site: &Site, now: DateTime<Utc>) -> String {
    if !site.release.enable {
        return String::new();
    }
    match site.release.policy.calendar.next_freeze(now) {
        None => String::new(),
        Some((first, last, why)) => {
            let last = last.map_or_else(|| "on".to_owned(), |last| format!("to {last}"));
            let why = if why.is_empty() { why } else { format!(": {}", one_line(&why)) };
            format!("Next freeze: {first} {last}{why}")
        }
    }
}

fn release(site: &Site, of_site: &SiteStatus, status: &Status, zone: Tz) -> Release {
    let monitor = of_site.monitors.iter().find(|of| of.monitor == Monitor::Release);
    let (next, held) = match monitor {
        Some(monitor) => {
            let next = Next { at: monitor.next, held: monitor.held.clone() };
            (one_line(&next.text(zone)), next.held.is_some())
        }
        None => match &of_site.pause {
            Some(pause) => {
                let until = local(pause.until, zone);
                (one_line(&pause.text(&until)), true)
            }
            None => ("releases are switched off in the settings".to_owned(), false),
        },
    };
    let next = match site.release.enable && site.release.dry_run {
        true => format!("{next} (rehearsal)"),
        false => next,
    };
    let open = of_site.unsettled.oldest.map_or_else(String::new, |oldest| {
        format!(
            "{} open since {}: it is not known what became of them; bursar release settle",
            of_site.unsettled.seats,
            age(oldest, status.time)
        )
    });
    let runs = of_site.last_run.iter().chain(&of_site.last_real_run).map(|run| {
        let unusual = match run.state {
            RunState::Ended(_) => None,
            state => Some(state.text().to_owned()),
        };
        LastRun {
            address: run_address(&site.name, &run.run),
            mode: run.mode.as_str(),
            seen: age(run.ended.unwrap_or(run.started), status.time),
            lines: unusual.into_iter().chain(run.lines()).map(|line| one_line(&line)).collect(),
        }
    });
    let freeze = freeze(site, status.time);
    Release { runs: runs.collect(), next, held, freeze, open }
}

pub(super) fn app(app: &license::monitor_app::MonitorApp, seen: String) -> AppView {
    let mut lines = Vec::new();
    if !app.health.is_fine() {
        lines.push(app.text.clone());
        lines.extend(app.errors.first().cloned());
        lines.extend(app.hint.clone());
    }
    AppView {
        tone: match app.health {
            AppHealth::Healthy | AppHealth::Running => "fine",
            AppHealth::RunningLong | AppHealth::Stale | AppHealth::Disabled | AppHealth::Never => {
                "watch"
            }
            AppHealth::Unknown => "unknown",
            AppHealth::Failed | AppHealth::Missing => "act",
        },
        headline: app.health.words().to_owned(),
        lines: lines.iter().map(|line| one_line(line)).collect(),
        seen,
    }
}

fn version(
    version: &license::SenseVersion,
    today: chrono::NaiveDate,
    zone: Tz,
    seen: String,
) -> Version {
    let (headline, tone) = match version.support() {
        Support::Until(date) if today > date => {
            (format!("{}, which is over", version.summary()), "act")
        }
        Support::Unknown => (version.summary(), "watch"),
        Support::Until(_) | Support::NotWatched => match version.version {
            Some(_) => (version.summary(), ""),
            None => (version.summary(), "unknown"),
        },
    };
    let before = version.change.as_ref().map_or_else(String::new, |change| {
        format!("was {} until {}", change.from, local(change.seen, zone))
    });
    Version { tone, headline: one_line(&headline), before: one_line(&before), seen }
}

fn monitor<'a>(of: &'a crate::status::MonitorStatus, status: &Status, zone: Tz) -> MonitorView<'a> {
    let mut next = of.next.map_or_else(String::new, |next| local(next, zone));
    if let Some(held) = &of.held {
        next.push_str(&format!(", {}", one_line(held)));
    }
    let read = of.health.as_ref().and_then(|health| health.last_success);
    let problem = of.health.as_ref().and_then(crate::store::Health::problem);
    MonitorView {
        name: of.monitor.as_str(),
        schedule: &of.schedule,
        next,
        seen: read.map_or_else(|| "not yet".to_owned(), |time| age(time, status.time)),
        problem: problem.map_or_else(String::new, |problem| one_line(&problem.text)),
    }
}
