//! The page as HTML, made from the same picture as `bursar status`.

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::event::{Monitor, Severity};
use crate::license::monitor_app::AppHealth;
use crate::license::{self, LicenseState, SeatType, Support};
use crate::status::{SiteStatus, Status};
use crate::store::{KnownRun, RunState};
use crate::words;

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    version: &'a str,
    time: String,
    alerts: Vec<Alert<'a>>,
    /// Alerts that reach nobody, each with what to do.
    unheard: Vec<(String, &'a str)>,
    sites: Vec<Site<'a>>,
    queues: Vec<Queue<'a>>,
}

struct Alert<'a> {
    tone: &'static str,
    severity: &'static str,
    text: &'a str,
    hint: &'a str,
    /// Its rule, what it is about, since when, how often told, silenced by whom.
    told: String,
}

struct Site<'a> {
    name: &'a str,
    license: Option<License>,
    pools_seen: Option<String>,
    pools: Vec<Pool>,
    app: Option<App>,
    version: Option<Version>,
    /// The last run, and before it the last real one where that was a rehearsal.
    releases: Vec<Release>,
    problems: Vec<String>,
    monitors: Vec<(&'static str, &'a str, String)>,
}

struct License {
    tone: &'static str,
    headline: String,
    details: Vec<String>,
    seen: String,
}

struct App {
    tone: &'static str,
    headline: String,
    lines: Vec<String>,
    seen: String,
}

struct Version {
    tone: &'static str,
    headline: String,
    before: String,
    seen: String,
}

struct Release {
    kind: &'static str,
    seen: String,
    lines: Vec<String>,
}

struct Pool {
    name: &'static str,
    percent: String,
    width: String,
    tone: &'static str,
    facts: Vec<(&'static str, String)>,
}

struct Queue<'a> {
    name: &'a str,
    title: &'a str,
    tone: &'static str,
    pending: u64,
    dead: u64,
    dropped: u64,
    last: String,
    error: String,
}

/// The whole page.
pub(crate) fn render(status: &Status, zone: Tz) -> String {
    let page = Page {
        version: status.version,
        time: words::local(status.time, zone),
        alerts: status.alerts.iter().map(|alert| alert_view(alert, status, zone)).collect(),
        unheard: status.unheard.iter().map(|one| (one.what(), one.fix.as_str())).collect(),
        sites: status.sites.iter().map(|site| view(site, status, zone)).collect(),
        queues: status
            .queues
            .iter()
            .map(|told @ crate::status::Queue { title, state: queue }| Queue {
                name: &queue.destination,
                title: title.as_deref().unwrap_or("no longer configured"),
                error: told.trouble().unwrap_or_default(),
                tone: if queue.dead > 0 || queue.dropped > 0 {
                    "bad"
                } else if queue.last_error.is_some() && queue.pending > 0 {
                    "warn"
                } else {
                    "good"
                },
                pending: queue.pending,
                dead: queue.dead,
                dropped: queue.dropped,
                last: queue
                    .last_delivered
                    .map_or_else(|| "never".to_owned(), |time| words::ago(time, status.time)),
            })
            .collect(),
    };
    page.render().expect("the template has no fallible parts")
}

fn alert_view<'a>(alert: &'a crate::alert::state::Alert, status: &Status, zone: Tz) -> Alert<'a> {
    Alert {
        tone: match alert.severity {
            Severity::Info => "",
            Severity::Warning => "warn",
            Severity::Critical => "bad",
        },
        severity: alert.severity.as_str(),
        text: &alert.text,
        hint: &alert.hint,
        told: status.told(alert, zone),
    }
}

fn view<'a>(site: &'a SiteStatus, status: &Status, zone: Tz) -> Site<'a> {
    Site {
        name: &site.name,
        license: site.server_license.as_ref().map(|seen| {
            let license = &seen.value;
            License {
                tone: match license.state {
                    LicenseState::Valid | LicenseState::Perpetual => "good",
                    LicenseState::Expiring
                    | LicenseState::NotStarted
                    | LicenseState::ExpiryDisputed => "warn",
                    _ => "bad",
                },
                headline: license.summary(),
                details: license.details(),
                seen: words::ago(seen.time, status.time),
            }
        }),
        pools_seen: site.access_licenses.as_ref().map(|seen| words::ago(seen.time, status.time)),
        pools: site.access_licenses.as_ref().map_or_else(Vec::new, |seen| pools(&seen.value)),
        app: site.monitor_app.as_ref().map(|seen| {
            let app = &seen.value;
            let mut lines = Vec::new();
            if !app.health.is_fine() {
                lines.push(app.text.clone());
                lines.extend(app.errors.first().cloned());
                lines.extend(app.hint.clone());
            }
            App {
                tone: match app.health {
                    AppHealth::Healthy | AppHealth::Running => "good",
                    AppHealth::RunningLong
                    | AppHealth::Stale
                    | AppHealth::Disabled
                    | AppHealth::Never => "warn",
                    AppHealth::Failed | AppHealth::Missing | AppHealth::Unknown => "bad",
                },
                headline: app.health.words().to_owned(),
                lines,
                seen: words::ago(seen.time, status.time),
            }
        }),
        version: site.qlik_sense_version.as_ref().map(|seen| {
            let version = &seen.value;
            let (headline, tone) = match version.support() {
                Support::Until(date) if license::today(status.time, zone) > date => {
                    (format!("{}, which is over", version.summary()), "bad")
                }
                Support::Unknown => (version.summary(), "warn"),
                Support::Until(_) | Support::NotWatched => match version.version {
                    Some(_) => (version.summary(), ""),
                    None => (version.summary(), "warn"),
                },
            };
            let before = version.change.as_ref().map_or_else(String::new, |change| {
                format!("was {} until {}", change.from, words::local(change.seen, zone))
            });
            Version { tone, headline, before, seen: words::ago(seen.time, status.time) }
        }),
        releases: site
            .last_run
            .iter()
            .chain(&site.last_real_run)
            .map(|r| release(r, status.time))
            .collect(),
        problems: site
            .monitors
            .iter()
            .filter_map(|monitor| {
                let error = monitor.health.as_ref()?.problem()?;
                Some(match monitor.monitor {
                    Monitor::Release => format!("release: {}", error.text),
                    other => format!("{} can't be read: {}", other.as_str(), error.text),
                })
            })
            .collect(),
        monitors: site
            .monitors
            .iter()
            .map(|monitor| {
                let mut next =
                    monitor.next.map_or_else(String::new, |next| words::local(next, zone));
                if let Some(held) = &monitor.held {
                    next.push_str(&format!(", {held}"));
                }
                (monitor.monitor.as_str(), monitor.schedule.as_str(), next)
            })
            .collect(),
    }
}

fn release(run: &KnownRun, now: DateTime<Utc>) -> Release {
    let unusual = match run.state {
        RunState::Ended(_) => None,
        state => Some(state.text().to_owned()),
    };
    Release {
        kind: run.mode.as_str(),
        seen: words::ago(run.ended.unwrap_or(run.started), now),
        lines: unusual.into_iter().chain(run.lines()).collect(),
    }
}

fn pools(pools: &crate::license::Pools) -> Vec<Pool> {
    let gauge = |name, taken: f64, total: f64, facts| {
        let share = if total > 0.0 { taken / total } else { 0.0 };
        Pool {
            name,
            percent: format!("{:.0} %", share * 100.0),
            width: format!("{:.1}", share.clamp(0.0, 1.0) * 100.0),
            tone: match share {
                ..0.8 => "good",
                0.8..0.95 => "warn",
                _ => "bad",
            },
            facts,
        }
    };
    let mut list = Vec::new();
    for seat_type in SeatType::counted() {
        let pool = pools.seats(seat_type).filter(|pool| pool.enabled);
        let Some(pool) = pool else { continue };
        let facts = vec![
            ("total", words::number(pool.total)),
            ("allocated", words::number(pool.allocated)),
            ("free", words::number(pool.free())),
            ("used", words::number(pool.used)),
            ("quarantined", words::number(pool.quarantined)),
            ("excess", words::number(pool.excess)),
        ];
        list.push(gauge(seat_type.title(), pool.allocated, pool.total, facts));
    }
    if let Some(pool) = pools.analyzer_capacity.filter(|pool| pool.enabled) {
        let facts = vec![
            ("minutes", words::number(pool.allocated_minutes)),
            ("used", words::number(pool.used_minutes)),
            ("unavailable", words::number(pool.unavailable_minutes)),
        ];
        list.push(gauge("Analyzer Capacity", pool.used_minutes, pool.allocated_minutes, facts));
    }
    if let Some(totals) = pools.tokens.filter(|totals| totals.enabled) {
        let taken = totals.total_tokens - totals.available_tokens;
        let mut facts = vec![
            ("total", words::number(totals.total_tokens)),
            ("available", words::number(totals.available_tokens)),
        ];
        if let Some(pool) = pools.token_user {
            facts.push(("user access", words::number(pool.allocated_tokens)));
            facts.push(("quarantined", words::number(pool.quarantined_tokens)));
        }
        if let Some(pool) = pools.token_login {
            facts.push(("login access", words::number(pool.allocated_tokens)));
        }
        list.push(gauge("Tokens", taken, totals.total_tokens, facts));
    }
    list
}
