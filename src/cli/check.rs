//! `bursar check`: does everything work, before it has to?

mod access;

use std::time::Duration;

use chrono::Utc;
use indicatif::MultiProgress;
use serde::Serialize;

use super::limit::{Reading, TimeLimit, bars};
use super::text::{self, Paint};
use super::{ConfigFile, Exit, block_on, command, named};
use crate::cli::time;
use crate::config::settings::Site;
use crate::config::{Settings, Unheard};
use crate::daemon::open_files;
use crate::destination::http::shorten;
use crate::destination::{Destination, registry};
use crate::event::InForce;
use crate::ledger::past::Pause;
use crate::license::{LicenseState, SeatType, Support};
use crate::monitor::seat_lists;
use crate::monitor::settings::SeatMonitor;
use crate::plain::one_line;
use crate::qrs::{self, Patience, SeatsOf};
use crate::release::next::Next;
use crate::release::run::{Engine, Waits};
use crate::{license, words};

/// Verify settings, certificates, sites, destinations and schedules
///
/// Reads from every site and writes a harmless probe to every destination. Exit code 3 when
/// something failed, 2 when the settings can't be used at all.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar check -c bursar.yaml\n  bursar check -c bursar.yaml --json | jq '.[] | select(.state != \"ok\")'"
)]
pub(crate) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    #[command(flatten)]
    limit: TimeLimit,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One line of the result.
#[derive(Debug, Clone, Serialize)]
struct Row {
    subject: String,
    state: State,
    found: String,
    /// What to do about it; empty when there is nothing to do.
    fix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Fail,
}

/// How long one destination may take. Sites have the time limit of the command.
const LIMIT: Duration = Duration::from_secs(30);

/// A clock difference that deserves a look; releases will be refused above it.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

impl Row {
    fn new(subject: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self { subject: subject.into(), state, found: found.into(), fix: String::new() }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl Check {
    /// Of a file, for people.
    pub(super) fn of(config: ConfigFile) -> Self {
        Self { config, site: None, limit: TimeLimit::default(), json: false }
    }

    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        command::remember(&self.config.file);
        let mut loaded = match crate::config::load(&self.config.file) {
            Ok(loaded) => loaded,
            Err(problems) => {
                let rows: Vec<_> = problems.iter().map(problem_row).collect();
                self.print(&rows)?;
                return Ok(Exit::Unusable);
            }
        };
        if let Err(exit) = time::adopt(&loaded.settings) {
            return Ok(exit);
        }
        command::remember_sites(&loaded.settings);
        if let Some(name) = &self.site {
            match named::site(&loaded.settings, name).map(|site| site.name.clone()) {
                Ok(name) => loaded.settings.sites.retain(|site| site.name == name),
                Err(exit) => return Ok(exit),
            }
        }
        let files = loaded.files(Utc::now());
        let mut rows =
            vec![Row::new("settings", State::Ok, self.config.file.display().to_string())];
        rows.extend(loaded.warnings.iter().chain(&files.problems).map(problem_row));
        if files.sites_without.len() == loaded.settings.sites.len() {
            self.print(&rows)?;
            return Ok(Exit::Unusable);
        }
        rows.extend(
            loaded.settings.unimplemented_line().map(|line| Row::new("settings", State::Ok, line)),
        );
        rows.extend(certificate_rows(&loaded.settings));
        rows.extend(access::rows(&loaded));
        rows.extend(alert_rows(&loaded.settings));
        rows.extend(block_on(probe_all(&loaded.settings, self.limit.patience()))?);
        rows.extend(block_on(schedule_rows(&loaded.settings))?);
        self.print(&rows)?;
        let failed = rows.iter().any(|row| row.state == State::Fail);
        Ok(if failed { Exit::NotInOrder } else { Exit::Ok })
    }

    fn print(&self, rows: &[Row]) -> anyhow::Result<()> {
        if self.json {
            crate::terminal::print_json(&rows)?;
        } else {
            out!("{}", render(rows, Paint::for_stdout()));
        }
        Ok(())
    }
}

fn problem_row(problem: &crate::config::Problem) -> Row {
    let state = match problem.severity {
        crate::config::Severity::Error => State::Fail,
        crate::config::Severity::Warning => State::Warn,
    };
    Row::new(problem.place(), state, problem.what.clone()).fix(problem.fix.clone())
}

fn render(rows: &[Row], paint: Paint) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let state = match row.state {
                State::Ok => paint.good("ok"),
                State::Warn => paint.warn("warn"),
                State::Fail => paint.bad("fail"),
            };
            let fix = if row.fix.is_empty() {
                String::new()
            } else {
                paint.faint(&format!("-> {}", row.fix))
            };
            vec![state, row.subject.clone(), format!("{} {fix}", row.found).trim_end().to_owned()]
        })
        .collect();
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let (warn, fail) = (count(State::Warn), count(State::Fail));
    format!(
        "{}{} ok, {warn} warning(s), {fail} failure(s)\n",
        text::columns(&cells),
        count(State::Ok)
    )
}

async fn probe_all(settings: &Settings, patience: Patience) -> Vec<Row> {
    let bars = bars();
    let connections = open_files::share_out(settings);
    let mut rows = vec![store_row(settings).await];
    let sites = futures_util::future::join_all(
        settings.sites.iter().map(|s| ask_site(settings, s, &connections, patience, &bars)),
    );
    let destinations = async {
        let list = registry::build(&settings.destinations, &settings.surroundings());
        let probes = list.iter().map(|destination| destination_rows(destination.as_ref()));
        futures_util::future::join_all(probes).await.concat()
    };
    let (sites, destinations) = tokio::join!(sites, destinations);
    rows.extend(sites.concat());
    if destinations.is_empty() {
        rows.push(
            Row::new(
                "destinations",
                State::Warn,
                "none is switched on: nothing leaves this machine",
            )
            .fix("enable influxDb, mqttConfig, webhookNotification or email"),
        );
    }
    rows.extend(destinations);
    rows
}

async fn store_row(settings: &Settings) -> Row {
    let path = &settings.storage.path;
    let existed = path.exists();
    match time::open_store(settings).await {
        Ok(store) => {
            store.close().await;
            let found = format!("{}{}", path.display(), if existed { "" } else { " (made)" });
            Row::new("store", State::Ok, found)
        }
        Err(error) => Row::new("store", State::Fail, error.to_string()),
    }
}

async fn ask_site(
    settings: &Settings,
    site: &Site,
    connections: &qrs::Connections,
    patience: Patience,
    bars: &MultiProgress,
) -> Vec<Row> {
    let subject = |part: &str| format!("site {}: {part}", site.name);
    let client = match qrs::Client::sharing(&site.name, &site.connection, connections) {
        Ok(client) => client,
        Err(error) => return vec![Row::new(subject("connection"), State::Fail, error.to_string())],
    };
    let reading = Reading::among(bars, &client);
    let mut rows = Vec::new();
    match client.about(patience).await {
        Err(error) => {
            // The other requests would fail the same way.
            rows.push(Row::new(subject("connection"), State::Fail, error.to_string()));
            return rows;
        }
        Ok(reading) => {
            rows.push(Row::new(
                subject("connection"),
                State::Ok,
                format!(
                    "{}:{}, repository {}, answered in {} ms",
                    site.connection.host,
                    site.connection.port,
                    one_line(&reading.value.build_version),
                    reading.latency.as_millis()
                ),
            ));
            if let Some(theirs) = reading.server_date {
                let off = time::now() - theirs;
                let tolerance = time::clock().shown(CLOCK_TOLERANCE);
                if off.abs().to_std().is_ok_and(|off| off > tolerance) {
                    let found = format!("differs from the site's by {} s", off.num_seconds());
                    rows.push(
                        Row::new(subject("clock"), State::Warn, found)
                            .fix("synchronise both machines' clocks (NTP)"),
                    );
                }
            }
        }
    }
    let (order, threshold) = site
        .server_license
        .as_ref()
        .map_or((Default::default(), 0), |monitor| (monitor.date_order, monitor.threshold_days));
    rows.push(match client.server_license(order, patience).await {
        Err(error) => Row::new(subject("server license"), State::Fail, error.to_string()),
        Ok(license) => {
            let today = license::today(time::now(), settings.time_zone);
            let status = license::assess(license, threshold, today);
            let state = match status.state {
                LicenseState::Valid | LicenseState::Perpetual => State::Ok,
                _ => State::Warn,
            };
            Row::new(subject("server license"), state, status.summary()).fix(advice(status.state))
        }
    });
    rows.push(match client.pools(patience).await {
        Err(error) => Row::new(subject("access licenses"), State::Fail, error.to_string()),
        Ok(pools) => Row::new(subject("access licenses"), State::Ok, pools.summary()),
    });
    if let Some(monitor) = &site.seats {
        rows.push(seats_row(subject("seats"), settings, site, monitor, &client, patience).await);
    }
    rows.extend(version_row(site, connections, patience).await);
    rows.extend(release_rows(settings, site, client, patience).await);
    drop(reading);
    rows
}

/// What the seat monitor reads how often.
async fn seats_row(
    subject: String,
    settings: &Settings,
    site: &Site,
    monitor: &SeatMonitor,
    client: &qrs::Client,
    patience: Patience,
) -> Row {
    let mut sizes = Vec::new();
    for seat_type in SeatType::ALL {
        match client.count_seats(seat_type, SeatsOf::All, patience).await {
            Ok(count) => sizes.push(usize::try_from(count).unwrap_or(usize::MAX)),
            // A server that has no such type.
            Err(qrs::Error::NotFound { .. }) => {}
            Err(error) => return Row::new(subject, State::Fail, error.to_string()),
        }
    }
    let text = seat_lists::told(&sizes, monitor, &site.release.policy, settings.time_zone);
    Row::new(subject, State::Ok, text)
}

/// Which Qlik Sense the site runs, where that is watched.
async fn version_row(
    site: &Site,
    connections: &qrs::Connections,
    patience: Patience,
) -> Option<Row> {
    let monitor = site.version.as_ref()?;
    let subject = format!("site {}: Qlik Sense version", site.name);
    let client = qrs::Client::of_system(&site.name, &monitor.connection, connections);
    let client = match client {
        Ok(client) => client,
        Err(error) => return Some(Row::new(subject, State::Fail, error.to_string())),
    };
    Some(match client.system_info(patience).await {
        Err(error) => Row::new(subject, State::Fail, error.to_string()),
        Ok(version) => {
            let version = version.after(None, &monitor.end_of_support, time::now());
            let mut text = version.summary();
            let supported = match version.support() {
                Support::Unknown => false,
                Support::Until(last) if last < time::now().date_naive() => {
                    text.push_str(", which is over");
                    false
                }
                Support::Until(_) | Support::NotWatched => true,
            };
            let fine = supported && version.version.is_some();
            Row::new(subject, if fine { State::Ok } else { State::Warn }, one_line(&text))
        }
    })
}

/// What the next run of the release would do, where one is set up.
async fn release_rows(
    settings: &Settings,
    site: &Site,
    client: qrs::Client,
    patience: Patience,
) -> Vec<Row> {
    let subject = format!("site {}: release", site.name);
    let release = &site.release;
    if !release.enable && release.policy.types.is_empty() {
        return Vec::new();
    }
    let store = match time::open_store(settings).await {
        Ok(store) => store,
        Err(error) => return vec![Row::new(subject, State::Fail, error.to_string())],
    };
    let engine = Engine {
        site: settings.release_site(site),
        client,
        store: store.clone(),
        clock: time::clock(),
        addressing: InForce::default(),
        waits: Waits::default(),
    };
    let planned = engine.plan(None, patience).await;
    let pause = store.pause(&site.name).await;
    store.close().await;
    let (plan, pause) = match (planned, pause) {
        (Ok(_), _) if patience.is_over() => {
            let found = "the time limit was over before all that a run needs was read";
            let fix = "give it more time (--timeout), or look at the load of the central node";
            return vec![Row::new(subject, State::Fail, found).fix(fix)];
        }
        (Ok(plan), Ok(pause)) => (plan, pause),
        (Err(error), _) => return vec![Row::new(subject, State::Fail, error.to_string())],
        (_, Err(error)) => return vec![Row::new(subject, State::Fail, error.to_string())],
    };
    let (kind, plan) = match (release.enable, release.dry_run) {
        (false, _) => ("off (enable: false); a run now".to_owned(), plan),
        (true, dry_run) => {
            let zone = settings.time_zone;
            let next = Next::of(release, zone, pause.as_ref(), time::now());
            let plan = match next.at {
                Some(at) => plan.for_run_at(at, pause.as_ref()),
                None => plan,
            };
            let kind = if dry_run { "rehearsal (dryRun: true)" } else { "REAL run" };
            (format!("the next {kind}, {},", one_line(&next.text(zone))), plan)
        }
    };
    let found = format!("{kind} {}", one_line(&plan.headline()));
    let unread = plan.types.iter().find_map(|part| part.problem.clone());
    let mut rows = vec![match (plan.refusals.first(), unread) {
        (Some(refusal), _) => {
            let refusal = match release.dry_run {
                true => refusal.clone().of_rehearsal(),
                false => refusal.clone(),
            };
            Row::new(&subject, State::Warn, format!("{found}: {}", one_line(&refusal.saw)))
                .fix(command::of_site(&refusal.fix, &site.name))
        }
        (None, Some(problem)) => {
            Row::new(&subject, State::Fail, format!("{found}: {}", one_line(&problem)))
        }
        (None, None) => Row::new(&subject, State::Ok, found),
    }];
    rows.extend(plan.notes.iter().map(|note| Row::new(&subject, State::Warn, one_line(note))));
    rows
}

/// What to do about a license in that state.
fn advice(state: LicenseState) -> &'static str {
    match state {
        LicenseState::Valid | LicenseState::Perpetual => "",
        LicenseState::Expiring => "renew it in time",
        LicenseState::Expired => "renew it: people can't work without it",
        LicenseState::None => "apply a license in the QMC, or see whether this is the central node",
        LicenseState::Blacklisted | LicenseState::Invalid => "ask Qlik or your partner about it",
        LicenseState::NotStarted => "see that the license in use lasts until then",
        LicenseState::ExpiryDisputed => "look at the license in the QMC, and ask Qlik why",
        LicenseState::ExpiryUnreadable | LicenseState::StartUnreadable => {
            "set serverLicenseMonitor.dateOrder to dmy or mdy if the date can be read both ways"
        }
        LicenseState::ExpiryUnknown => "look at the license in the QMC",
    }
}

async fn destination_rows(destination: &dyn Destination) -> Vec<Row> {
    let title = destination.title();
    match tokio::time::timeout(LIMIT, destination.probe()).await {
        Err(_) => vec![
            Row::new(title, State::Fail, format!("no answer within {} s", LIMIT.as_secs()))
                .fix("check the address, the port and firewalls"),
        ],
        Ok(Err(failure)) => {
            vec![Row::new(title, State::Fail, said(&failure.what)).fix(failure.fix)]
        }
        Ok(Ok(found)) => {
            let mut rows = vec![Row::new(&title, State::Ok, said(&found.found))];
            rows.extend(found.warnings.iter().map(|w| Row::new(&title, State::Warn, said(w))));
            rows
        }
    }
}

/// Whatever a destination lets through of what its server said.
fn said(text: &str) -> String {
    shorten(text, 1000)
}

/// Alerts and real releases that would reach nobody.
fn alert_rows(settings: &Settings) -> Vec<Row> {
    let unheard = settings.unheard();
    let row = |one: &Unheard| {
        let subject = if one.releases { "releases" } else { "alerts" };
        Row::new(subject, State::Warn, one.what()).fix(&one.fix)
    };
    let mut rows: Vec<Row> = unheard.iter().map(row).collect();
    if unheard.iter().all(|one| one.releases) {
        rows.insert(0, Row::new("alerts", State::Ok, "each that is watched for reaches somebody"));
    }
    rows
}

/// Every certificate file with its end. Those that end soon are among the warnings already.
fn certificate_rows(settings: &Settings) -> Vec<Row> {
    let now = time::now();
    let certificates = crate::config::certificate_expiries(settings);
    let fine = certificates.iter().filter(|certificate| !certificate.is_near(now));
    fine.map(|certificate| {
        let found = format!(
            "{}, ends {} (in {} days)",
            one_line(&certificate.subject),
            certificate.not_after.date_naive(),
            certificate.days_left(now)
        );
        Row::new(format!("certificate {}", certificate.file.display()), State::Ok, found)
    })
    .collect()
}

async fn schedule_rows(settings: &Settings) -> Vec<Row> {
    let (now, zone) = (time::now(), settings.time_zone);
    let mut rows = Vec::new();
    for (name, schedule) in text::schedules(settings) {
        let site = settings.sites.iter().find(|s| std::ptr::eq(&s.release.schedule, schedule));
        let mut held = String::new();
        let times = match site {
            Some(Site { name, release, .. }) => {
                let pause = pause(settings, name).await;
                let next = Next::of(release, zone, pause.as_ref(), now);
                held = next.held.map_or_else(String::new, |held| format!(" ({})", one_line(&held)));
                let after = |time: &_| Next::of(release, zone, pause.as_ref(), *time).at;
                std::iter::successors(next.at, after).take(3).collect()
            }
            None => schedule.upcoming(now, zone, 3),
        };
        let times: Vec<_> = times.iter().map(|time| words::local(*time, zone)).collect();
        let times = if times.is_empty() { "never".to_owned() } else { times.join(", ") };
        let found = format!("{}: next {times}{held}", schedule.text());
        rows.push(Row::new(format!("schedule {name}"), State::Ok, found));
    }
    rows
}

/// The pause of a site's releases; one that can't be read is told where the store is.
async fn pause(settings: &Settings, site: &str) -> Option<Pause> {
    let store = super::open_to_read(settings, "").await.ok()?;
    let pause = store.pause(site).await.ok().flatten();
    store.close().await;
    pause
}
