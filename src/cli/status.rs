//! `bursar status`: what is known, as a table for people or JSON for scripts.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::limit::TimeLimit;
use super::monitor_app::headline;
use super::text::{self, Paint};
use super::{ConfigFile, Exit, Passed, block_on, named};
use crate::alert::state::Alert;
use crate::cli::time;
use crate::config::{Needs, Settings};
use crate::daemon::lock::{self, Holder};
use crate::daemon::open_files;
use crate::event::{DAEMON, Event, Monitor, Severity};
use crate::license::{self, LicenseState, Pools, SeatType, Support};
use crate::monitor::{access_license, sense_version, server_license};
use crate::plain::one_line;
use crate::qrs;
use crate::release::next::Next;
use crate::release::settings::{NOBODY_PROTECTED, PROTECT};
use crate::status::{Dated, MonitorStatus, Queue, SiteStatus, Status as Picture};
use crate::store::{Health, InForce, KnownRun, RunState};
use crate::words::{self, Locale};

/// Show the last known state of licenses, monitors and queues
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar status -c bursar.yaml\n  bursar status -c bursar.yaml --live --json"
)]
pub(crate) struct Status {
    #[command(flatten)]
    config: ConfigFile,
    /// Ask the sites now, in place of what the daemon stored
    #[arg(long)]
    live: bool,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    #[command(flatten)]
    limit: TimeLimit,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let needs = if self.live { Needs::Site } else { Needs::Store };
        let Passed { mut settings, mistakes } = match super::pass(&self.config.file, needs) {
            Ok(passed) => passed,
            Err(exit) => return Ok(exit),
        };
        if let Some(name) = &self.site {
            match named::site(&settings, name).map(|site| site.name.clone()) {
                Ok(name) => settings.sites.retain(|site| site.name == name),
                Err(exit) => return Ok(exit),
            }
        }
        let (mut picture, failed) = block_on(async {
            if self.live {
                Ok(ask(&settings, self.limit.patience()).await)
            } else {
                stored(&settings, self.site.is_some()).await
            }
        })??;
        if let Some(mistakes) = &mistakes {
            picture.pass_over(mistakes);
        }
        if self.json {
            crate::terminal::print_json(&picture)?;
        } else {
            let text = render(&picture, settings.time_zone, Paint::for_stdout());
            out!("{text}");
        }
        Ok(if failed { Exit::Failed } else { Exit::Ok })
    }
}

/// `only`: the settings are of one site of several, and alerts of the others are not asked for.
async fn stored(settings: &Settings, only: bool) -> anyhow::Result<(Picture, bool)> {
    let absent = " yet: start the daemon (bursar run), or ask the sites directly with --live";
    let store = super::open_to_read(settings, absent).await?;
    let mut picture = Picture::read(settings, &store, time::now()).await?;
    picture.look_at_plans(&store).await?;
    let of_others = |alert: &Alert| {
        alert.key.site != DAEMON && !settings.sites.iter().any(|site| site.name == alert.key.site)
    };
    picture.alerts.retain(|alert| !only || !of_others(alert));
    let in_force = store.in_force().await?;
    store.close().await;
    // A lock that can't be looked at says nothing.
    let path = &settings.storage.path;
    picture.daemon_runs = lock::holder(path).ok().map(|holder| holder != Holder::Nobody);
    picture.daemon = in_force.filter(|_| picture.daemon_runs == Some(true));
    Ok((picture, false))
}

/// Asks every site at the same time. A site that can't be read is reported on standard error.
async fn ask(settings: &Settings, patience: qrs::Patience) -> (Picture, bool) {
    let now = time::now();
    let connections = open_files::share_out(settings);
    let answers = futures_util::future::join_all(settings.sites.iter().map(async |site| {
        let mut status = SiteStatus::empty(&site.name);
        let mut failed = false;
        let client = match qrs::Client::sharing(&site.name, &site.connection, &connections) {
            Ok(client) => client,
            Err(error) => {
                errln!("{}: {error}", site.name);
                return (status, true);
            }
        };
        let mut results = Vec::new();
        if let Some(monitor) = &site.server_license {
            let zone = settings.time_zone;
            results.push(server_license::observe(&client, monitor, zone, now, patience).await);
        }
        results.push(access_license::observe(&client, patience).await);
        if let Some(monitor) = &site.version {
            match qrs::Client::of_system(&site.name, &monitor.connection, &connections) {
                Ok(client) => {
                    results
                        .push(sense_version::observe(&client, monitor, None, now, patience).await);
                }
                Err(error) => {
                    errln!("{}: {error}", site.name);
                    failed = true;
                }
            }
        }
        let mut told: Vec<String> = Vec::new();
        for result in results {
            match result {
                Ok(bodies) => {
                    for body in bodies {
                        status.take(Event::new(&site.name, now, body));
                    }
                }
                // What keeps one from being read keeps the others, too.
                Err(error) => {
                    let line = format!("{}: {error}", site.name);
                    if !told.contains(&line) {
                        errln!("{line}");
                        told.push(line);
                    }
                    failed = true;
                }
            }
        }
        (status, failed)
    }))
    .await;
    let failed = answers.iter().any(|(_, failed)| *failed);
    let picture = Picture {
        version: env!("CARGO_PKG_VERSION"),
        time: now,
        time_zone: settings.time_zone.name().to_owned(),
        sites: answers.into_iter().map(|(status, _)| status).collect(),
        queues: Vec::new(),
        alerts: Vec::new(),
        silences: Vec::new(),
        unheard: settings.unheard(),
        mistakes: Vec::new(),
        store_begun_anew: None,
        daemon_runs: None,
        daemon: None,
        named_sites: settings.named_sites,
        locale: settings.locale,
    };
    (picture, failed)
}

/// The picture as text.
pub(crate) fn render(picture: &Picture, zone: Tz, paint: Paint) -> String {
    let mut out = String::new();
    if !picture.mistakes.is_empty() {
        for mistake in &picture.mistakes {
            let _ = writeln!(out, "{}", paint.bad(&one_line(mistake)));
        }
        let text = "The file of settings can't be used: what is told here is what is stored. A daemon that runs goes on by the \
                    settings of before";
        let _ = writeln!(out, "{}\n", paint.warn(text));
    }
    if picture.daemon_runs == Some(false) {
        let text = "No daemon runs on this store: what is told here is as it was left. Start it with \
                    bursar run, or ask the sites with bursar status --live";
        let _ = writeln!(out, "{}\n", paint.warn(text));
    }
    if let Some(daemon) = &picture.daemon {
        daemon_lines(&mut out, daemon, picture, zone, paint);
    }
    if let Some(begun) = &picture.store_begun_anew {
        let _ = writeln!(out, "{}", paint.bad(&one_line(&begun.text())));
        let _ = writeln!(out, "  {}\n", one_line(&begun.ways()));
    }
    alert_lines(&mut out, picture, zone, paint);
    for site in &picture.sites {
        let _ = writeln!(out, "{}", paint.strong(&format!("Site {}", site.name)));
        server_license_lines(&mut out, site, picture.time, paint);
        pool_lines(&mut out, site, picture, zone, paint);
        app_lines(&mut out, site, picture.time, paint);
        version_line(&mut out, site, picture, zone, paint);
        last_release(&mut out, site, picture.time, paint);
        unsettled_line(&mut out, site, picture.time, paint);
        pause_line(&mut out, site, (picture.locale, zone), paint);
        for accepted in &site.accepted {
            let _ = writeln!(out, "  Accepted         {}", one_line(&accepted.text()));
        }
        plan_lines(&mut out, site, picture, zone, paint);
        if let Some(since) = &site.accepted_since {
            let text = since.text(picture.locale, zone);
            let _ = writeln!(out, "  Releases         {}", paint.good(&text));
        }
        monitor_lines(&mut out, site, picture, zone, paint);
        out.push('\n');
    }
    queue_lines(&mut out, picture, paint);
    out
}

/// What the newest plan says of the rules, and what would stop the next run.
fn plan_lines(out: &mut String, site: &SiteStatus, picture: &Picture, zone: Tz, paint: Paint) {
    for note in &site.plan_notes {
        let _ = writeln!(out, "  Last plan        {}", paint.warn(&one_line(note)));
    }
    for refusal in site.ahead.iter().flat_map(|ahead| &ahead.refusals) {
        let text = format!("the next run would be stopped by {}: {refusal}", refusal.guard);
        let text = one_line(&text);
        let _ = writeln!(out, "  Last plan        {}", paint.bad(&text));
    }
    if let Some(ahead) = &site.ahead {
        let at = picture.locale.moment(ahead.time, zone);
        let text = format!("by the daemon's look ahead of {at}; now: bursar release plan");
        let _ = writeln!(out, "                   {}", paint.faint(&text));
    }
    if site.nobody_protected {
        let text = format!("REAL runs, and {NOBODY_PROTECTED}; {PROTECT}");
        let _ = writeln!(out, "  Releases         {}", paint.warn(&text));
    }
}

/// Seats whose fate at a release is not known.
fn unsettled_line(out: &mut String, site: &SiteStatus, now: DateTime<Utc>, paint: Paint) {
    let Some(oldest) = site.unsettled.oldest else { return };
    let text = format!(
        "{} open since {}: it is not known what became of them; bursar release settle",
        site.unsettled.seats,
        words::ago(oldest, now)
    );
    let _ = writeln!(out, "  Releases         {}", paint.warn(&text));
}

fn alert_lines(out: &mut String, picture: &Picture, zone: Tz, paint: Paint) {
    if picture.alerts.is_empty() && picture.unheard.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", paint.strong("Alerts"));
    for alert in &picture.alerts {
        let severity = alert.severity.as_str();
        let severity = match alert.severity {
            Severity::Info => severity.to_owned(),
            Severity::Warning => paint.warn(severity),
            Severity::Critical => paint.bad(severity),
        };
        let _ = writeln!(out, "  {severity}  {}", one_line(&alert.text));
        let _ = writeln!(out, "    {}", paint.faint(&picture.told(alert, zone)));
    }
    for unheard in &picture.unheard {
        let _ = writeln!(out, "  {}", paint.warn(&one_line(&unheard.in_short())));
        let _ = writeln!(out, "    {}", paint.faint(&one_line(&unheard.fix)));
    }
    out.push('\n');
}

fn server_license_lines(out: &mut String, site: &SiteStatus, now: DateTime<Utc>, paint: Paint) {
    let Some(Dated { time, value }) = &site.server_license else {
        let _ = writeln!(out, "  Server license   {}", paint.faint("not read yet"));
        return;
    };
    let summary = value.summary();
    let coloured = match value.state {
        LicenseState::Valid | LicenseState::Perpetual => paint.good(&summary),
        LicenseState::Expiring | LicenseState::NotStarted | LicenseState::ExpiryDisputed => {
            paint.warn(&summary)
        }
        LicenseState::None
        | LicenseState::Blacklisted
        | LicenseState::Invalid
        | LicenseState::Expired
        | LicenseState::StartUnreadable
        | LicenseState::ExpiryUnreadable
        | LicenseState::ExpiryUnknown => paint.bad(&summary),
    };
    let seen = paint.faint(&words::ago(*time, now));
    let _ = writeln!(out, "  Server license   {coloured}   {seen}");
    for line in value.details() {
        let _ = writeln!(out, "                   {line}");
    }
}

fn pool_lines(out: &mut String, site: &SiteStatus, picture: &Picture, zone: Tz, paint: Paint) {
    let Some(Dated { time, value: pools }) = &site.access_licenses else {
        let _ = writeln!(out, "  Access licenses  {}", paint.faint("not read yet"));
        return;
    };
    let seen = paint.faint(&words::ago(*time, picture.time));
    let _ = writeln!(out, "  Access licenses  {seen}");
    if let Some(text) = site.pools_before_run(picture.locale, zone) {
        let _ = writeln!(out, "    {}", paint.warn(&text));
    }
    for row in text::columns(&pool_rows(pools, picture.locale, paint)).lines() {
        let _ = writeln!(out, "    {row}");
    }
    if SeatType::counted().any(|of| pools.seats(of).is_some_and(|pool| pool.enabled)) {
        let _ = writeln!(out, "    {}", paint.faint(LEGEND));
    }
}

/// Which daemon it is, on which settings, and whether the file is in force as it is.
fn daemon_lines(out: &mut String, daemon: &InForce, picture: &Picture, zone: Tz, paint: Paint) {
    let l = picture.locale;
    let mut line =
        format!("Daemon runs since {} on {}", l.moment(daemon.started, zone), daemon.file);
    if daemon.since != daemon.started {
        line.push_str(&format!(", in force since {}", l.moment(daemon.since, zone)));
    }
    let _ = writeln!(out, "{}", paint.faint(&one_line(&line)));
    if let Some(refused) = &daemon.refused {
        let since = l.moment(refused.since, zone);
        let text = format!("the file can't be used since {since}, the settings of before go on:");
        let _ = writeln!(out, "{}", paint.bad(&text));
        // What the file says now stands above all.
        for problem in refused.problems.iter().filter(|of| !picture.mistakes.contains(of)) {
            let _ = writeln!(out, "  {}", one_line(problem));
        }
    }
    for setting in &daemon.needs_restart {
        let _ = writeln!(out, "{}", paint.warn(&format!("{setting} is in force after a restart")));
    }
    out.push('\n');
}

/// What the words of the rows of seats mean.
const LEGEND: &str =
    "allocated: given to somebody; free: can be given now; used: in use as Qlik Sense counts it";

fn pool_rows(pools: &Pools, l: Locale, paint: Paint) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let gauge = |taken: f64, total: f64| {
        let share = if total > 0.0 { taken / total } else { 0.0 };
        let bar = text::bar(share, 20);
        let bar = match share {
            ..0.8 => paint.good(&bar),
            0.8..0.95 => paint.warn(&bar),
            _ => paint.bad(&bar),
        };
        let percent =
            if total > 0.0 { format!("{:3.0} %", share * 100.0) } else { "  – ".into() };
        (bar, percent)
    };
    for seat_type in SeatType::counted() {
        let pool = pools.seats(seat_type).filter(|pool| pool.enabled);
        let Some(pool) = pool else { continue };
        let (bar, percent) = gauge(pool.allocated, pool.total);
        let mut facts = vec![
            format!("{} of {} allocated", l.number(pool.allocated), l.number(pool.total)),
            format!("{} free", l.number(pool.free())),
            format!("{} used", l.number(pool.used)),
        ];
        if pool.quarantined > 0.0 {
            facts.push(paint.warn(&format!("{} quarantined", l.number(pool.quarantined))));
        }
        if pool.excess > 0.0 {
            facts.push(paint.bad(&format!("{} excess", l.number(pool.excess))));
        }
        rows.push(vec![seat_type.title().to_owned(), bar, percent, facts.join(", ")]);
    }
    if let Some(pool) = pools.analyzer_capacity.filter(|pool| pool.enabled) {
        let (bar, percent) = gauge(pool.used_minutes, pool.allocated_minutes);
        rows.push(vec![
            "Analyzer Capacity".to_owned(),
            bar,
            percent,
            format!(
                "{} of {} minutes used this month",
                l.number(pool.used_minutes),
                l.number(pool.allocated_minutes)
            ),
        ]);
    }
    if let Some(totals) = pools.tokens.filter(|totals| totals.enabled) {
        let taken = totals.total_tokens - totals.available_tokens;
        let (bar, percent) = gauge(taken, totals.total_tokens);
        let mut facts =
            vec![format!("{} of {} allocated", l.number(taken), l.number(totals.total_tokens))];
        if let Some(pool) = pools.token_user {
            facts.push(format!("{} for users", l.number(pool.allocated_tokens)));
        }
        if let Some(pool) = pools.token_login {
            facts.push(format!("{} for logins", l.number(pool.allocated_tokens)));
        }
        rows.push(vec!["Tokens".to_owned(), bar, percent, facts.join(", ")]);
    }
    rows
}

fn app_lines(out: &mut String, site: &SiteStatus, now: DateTime<Utc>, paint: Paint) {
    let Some(Dated { time, value: app }) = &site.monitor_app else { return };
    let seen = paint.faint(&words::ago(*time, now));
    let state = headline(app, paint);
    let _ = writeln!(out, "  License Monitor  {state}   {seen}");
    if !app.health.is_fine() {
        let _ = writeln!(out, "                   {} (bursar monitor-app)", app.text);
    }
}

fn version_line(out: &mut String, site: &SiteStatus, picture: &Picture, zone: Tz, paint: Paint) {
    let now = picture.time;
    let Some(Dated { time, value: version }) = &site.qlik_sense_version else { return };
    let today = license::today(now, zone);
    let summary = one_line(&version.summary());
    let summary = match (version.support(), &version.version) {
        (Support::Until(date), _) if today > date => {
            paint.bad(&format!("{summary}, which is over"))
        }
        (Support::Unknown, _) | (_, None) => paint.warn(&summary),
        (Support::Until(_) | Support::NotWatched, Some(_)) => summary,
    };
    let seen = paint.faint(&words::ago(*time, now));
    let _ = writeln!(out, "  Version          {summary}   {seen}");
    if let Some(change) = &version.change {
        let (from, when) = (one_line(&change.from), picture.locale.moment(change.seen, zone));
        let _ = writeln!(out, "                   was {from} until {when}");
    }
}

fn monitor_lines(out: &mut String, site: &SiteStatus, picture: &Picture, zone: Tz, paint: Paint) {
    let now = picture.time;
    for monitor in &site.monitors {
        let name = monitor.monitor.as_str();
        if monitor.monitor == Monitor::Release {
            release_lines(out, monitor, zone, paint);
            continue;
        }
        if let Some(health) = &monitor.health
            && let Some(error) = health.problem()
        {
            let since = health.last_success.map_or_else(
                || "never read successfully".to_owned(),
                |time| format!("last read {}", words::ago(time, now)),
            );
            let line = format!("{name} can't be read: {} ({since})", error.text);
            let _ = writeln!(out, "  {}", paint.bad(&line));
        }
        if let Some(next) = monitor.next {
            let line = format!("next look at {name}: {}", picture.locale.moment(next, zone));
            let _ = writeln!(out, "  {}", paint.faint(&line));
        }
    }
}

fn last_release(out: &mut String, site: &SiteStatus, now: DateTime<Utc>, paint: Paint) {
    for run in site.last_run.iter().chain(&site.last_real_run) {
        release_line(out, run, now, paint);
    }
}

fn release_line(out: &mut String, run: &KnownRun, now: DateTime<Utc>, paint: Paint) {
    let counts = run.account.counts.iter().map(|counts| counts.summary(run.mode));
    let unusual = match run.state {
        RunState::Ended(_) => None,
        state => Some(state.text().to_owned()),
    };
    // Nothing of it was done: what stopped it is what there is to tell.
    let refused = run.refused_by().map(|why| paint.warn(&one_line(&format!("refused by {why}"))));
    let said: Vec<_> = match refused {
        Some(refused) => vec![refused],
        None => unusual.into_iter().chain(counts).collect(),
    };
    let seen = paint.faint(&words::ago(run.ended.unwrap_or(run.started), now));
    let kind = run.mode.as_str();
    let _ = writeln!(out, "  Last release run ({kind})  {}   {seen}", said.join("; "));
}

/// A pause where no run is scheduled; beside the next run it is told there.
fn pause_line(out: &mut String, site: &SiteStatus, (l, zone): (Locale, Tz), paint: Paint) {
    let scheduled = site.monitors.iter().any(|monitor| monitor.monitor == Monitor::Release);
    let Some(pause) = site.pause.as_ref().filter(|_| !scheduled) else { return };
    let until = l.moment(pause.until, zone);
    let text = one_line(&pause.text(&until));
    let _ = writeln!(out, "  Releases         {}", paint.warn(&text));
}

fn release_lines(out: &mut String, monitor: &MonitorStatus, zone: Tz, paint: Paint) {
    if let Some(problem) = monitor.health.as_ref().and_then(Health::problem) {
        let _ = writeln!(out, "  {}", paint.bad(&format!("release: {}", problem.text)));
    }
    let Some(real) = monitor.real else {
        let line = "next release run: when, and whether seats go, the settings of before say";
        let _ = writeln!(out, "  {}", paint.warn(line));
        return;
    };
    let next = Next { at: monitor.next, held: monitor.held.clone() };
    let kind = if real { "REAL" } else { "rehearsal" };
    let line = format!("next release run ({kind}): {}", one_line(&next.text(zone)));
    let line = if next.held.is_some() { paint.warn(&line) } else { paint.faint(&line) };
    let _ = writeln!(out, "  {line}");
}

fn queue_lines(out: &mut String, picture: &Picture, paint: Paint) {
    if picture.queues.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", paint.strong("Queues"));
    for row in text::columns(&queue_rows(&picture.queues, picture.time, paint)).lines() {
        let _ = writeln!(out, "  {row}");
    }
}

/// How each destination fares: its name, what people call it, what waits and what went wrong.
pub(super) fn queue_rows<'a>(
    queues: impl IntoIterator<Item = &'a Queue>,
    now: DateTime<Utc>,
    paint: Paint,
) -> Vec<Vec<String>> {
    let row = |queue: &Queue| {
        let title = queue.title.as_deref().unwrap_or("no longer configured");
        let trouble = queue.trouble();
        let queue = &queue.state;
        let mut facts = vec![format!("{} waiting", queue.pending)];
        if queue.is_unused() {
            facts = vec!["nothing yet".to_owned()];
        }
        if queue.dead > 0 {
            facts.push(paint.bad(&format!("{} refused (bursar outbox list)", queue.dead)));
        }
        if queue.dropped > 0 {
            facts.push(paint.bad(&format!("{} dropped", queue.dropped)));
        }
        if let Some(time) = queue.last_delivered {
            facts.push(format!("last delivered {}", words::ago(time, now)));
        }
        if let Some(trouble) = trouble {
            facts.push(paint.warn(&trouble));
        }
        vec![queue.destination.clone(), one_line(title), facts.join(", ")]
    };
    queues.into_iter().map(row).collect()
}
