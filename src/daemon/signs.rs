//! Signs of life: to a monitoring service, to the log and InfluxDB, to whoever asks at a port of this machine.

use chrono::TimeDelta;
use chrono_tz::Tz;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::Shared;
use super::running::{Roots, Task};
use crate::clock::{Waited, ticks_count_from};
use crate::config::settings::{Heartbeat, SignalForm, UptimeMonitor};
use crate::destination::http::{self, Endpoint, Proxy};
use crate::event::{Body, DAEMON, DaemonUptime, Event};
use crate::status::Fitness;
use crate::{process, web};

/// How soon a port that could not be had is tried again.
const AGAIN: TimeDelta = TimeDelta::seconds(30);

/// Most characters of a reason that is sent to a service.
const LONGEST_REASON: usize = 2_000;

/// What of it runs, by the settings it was made of.
#[derive(Default)]
pub(super) struct Signs {
    heartbeat: Option<(Heartbeat, Tz, Task)>,
    uptime: Option<(UptimeMonitor, Tz, Task)>,
    health: Option<(u16, Task)>,
}

impl Signs {
    /// Stops and starts what the settings in force have otherwise; adds what that is, in words.
    pub(super) async fn follow(
        &mut self,
        shared: &Shared,
        roots: &Roots,
        changed: &mut Vec<String>,
    ) {
        let settings = shared.settings();
        let zone = settings.time_zone;
        let runs = self.heartbeat.as_ref().map(|(of, zone, _)| (of, *zone));
        if runs != settings.heartbeat.as_ref().map(|of| (of, zone)) {
            changed.push("signs of life to a monitoring service".to_owned());
            if let Some((_, _, task)) = self.heartbeat.take() {
                task.end();
            }
            self.heartbeat = settings.heartbeat.clone().map(|of| {
                let task = Task::below(&roots.stop_polling);
                let stop = task.stop().clone();
                task.spawn(&roots.pollers, send(shared.clone(), of.clone(), zone, stop));
                (of, zone, task)
            });
        }
        let runs = self.uptime.as_ref().map(|(of, zone, _)| (of, *zone));
        if runs != settings.uptime.as_ref().map(|of| (of, zone)) {
            changed.push("how long the daemon runs".to_owned());
            if let Some((_, _, task)) = self.uptime.take() {
                task.end();
            }
            self.uptime = settings.uptime.clone().map(|of| {
                let task = Task::below(&roots.stop_polling);
                let stop = task.stop().clone();
                task.spawn(&roots.pollers, tell(shared.clone(), of.clone(), zone, stop));
                (of, zone, task)
            });
        }
        if self.health.as_ref().map(|(port, _)| *port) != settings.health_port {
            changed.push("the health check of containers".to_owned());
            if let Some((_, task)) = self.health.take() {
                task.end().wait().await;
            }
            self.health = settings.health_port.map(|port| {
                let task = Task::below(&roots.stop_polling);
                task.spawn(&roots.pollers, answer(shared.clone(), port, task.stop().clone()));
                (port, task)
            });
        }
    }
}

/// What is told to a service.
#[derive(Debug, Clone, Copy)]
enum Signal<'a> {
    Start,
    Alive,
    Fail(&'a str),
}

/// Sends signs of life at each time of the schedule until `stop`; none while something is not read or not stored.
async fn send(shared: Shared, of: Heartbeat, zone: Tz, stop: CancellationToken) {
    let tells_all = of.signals == SignalForm::StartAndFail;
    let origin = http::origin(&of.url);
    let mut sent = Told::default();
    let mut well = Told::default();
    let deliver = async |signal: Signal<'_>, sent: &mut Told| {
        let outcome = tokio::select! {
            outcome = request(&of, signal) => outcome,
            () = stop.cancelled() => return,
        };
        sent.note(
            outcome.err(),
            |why| tracing::warn!("signs of life do not get to {origin}: {why}"),
            || tracing::info!("signs of life get to {origin} again"),
        );
    };
    if tells_all {
        deliver(Signal::Start, &mut sent).await;
    }
    let mut kept = None;
    let next = |after| of.schedule.next_after(after, zone);
    while let Some(tick) = next(ticks_count_from(kept, shared.clock.now(), next)) {
        match shared.clock.wait_until(tick, &stop).await {
            Waited::Come => kept = Some(tick),
            Waited::SetBack => continue,
            Waited::Stopped => return,
        }
        let problem = problem(&shared).await;
        well.note(
            problem.clone(),
            |why| tracing::warn!("no sign of life is sent to {origin}: {why}"),
            || tracing::info!("signs of life are sent to {origin} again"),
        );
        match problem {
            None => deliver(Signal::Alive, &mut sent).await,
            Some(why) if tells_all => deliver(Signal::Fail(&why), &mut sent).await,
            Some(_) => {}
        }
    }
    tracing::warn!(schedule = of.schedule.text(), "the schedule of heartbeat has no further time");
}

/// What was told last, so that a failure is told once, and its end.
#[derive(Default)]
struct Told {
    fails: bool,
}

impl Told {
    fn note(&mut self, problem: Option<String>, begins: impl Fn(&str), ends: impl Fn()) {
        match (problem, std::mem::take(&mut self.fails)) {
            (Some(why), known) => {
                self.fails = true;
                if known {
                    tracing::debug!("signs of life: {why}");
                } else {
                    begins(&why);
                }
            }
            (None, true) => ends(),
            (None, false) => {}
        }
    }
}

/// Why no sign of life may be sent: whatever is not known to be well. Nothing: the last poll of each monitor of each
/// site is stored and fresh.
async fn problem(shared: &Shared) -> Option<String> {
    let settings = shared.settings();
    if settings.sites.iter().all(|site| site.watches().is_empty()) {
        return Some("nothing is watched".to_owned());
    }
    let health = match shared.store.health().await {
        Ok(health) => health,
        Err(error) => return Some(format!("the store can't be read: {error}")),
    };
    // The start is no poll.
    let fitness = Fitness::of(&settings, &health, None, shared.clock.now());
    if fitness != Fitness::default() {
        return Some(fitness.line());
    }
    let written = shared.store.can_write();
    written.err().map(|_| "what is read can't be stored".to_owned())
}

async fn request(of: &Heartbeat, signal: Signal<'_>) -> Result<(), String> {
    let mut url = of.url.clone();
    let below = match signal {
        Signal::Alive => None,
        Signal::Start => Some("start"),
        Signal::Fail(_) => Some("fail"),
    };
    if let (Some(below), Ok(mut path)) = (below, url.path_segments_mut()) {
        path.pop_if_empty().push(below);
    }
    let endpoint = Endpoint {
        url: &url,
        ca_cert: of.ca_cert.as_deref(),
        reject_unauthorized: true,
        timeout: of.timeout,
        proxy: &Proxy::Environment,
    };
    let client = endpoint.client().map_err(|error| error.to_string())?;
    let request = match signal {
        Signal::Fail(why) => client.post(url.clone()).body(http::shorten(why, LONGEST_REASON)),
        Signal::Start | Signal::Alive => client.get(url.clone()),
    };
    let answer = request.send().await.map_err(|error| http::no_answer(&url, error))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

/// Says how long the daemon has been running at each time of the schedule until `stop`.
async fn tell(shared: Shared, of: UptimeMonitor, zone: Tz, stop: CancellationToken) {
    let mut kept = None;
    let next = |after| of.schedule.next_after(after, zone);
    while let Some(tick) = next(ticks_count_from(kept, shared.clock.now(), next)) {
        match shared.clock.wait_until(tick, &stop).await {
            Waited::Come => kept = Some(tick),
            Waited::SetBack => continue,
            Waited::Stopped => return,
        }
        let now = shared.clock.now();
        let uptime = DaemonUptime {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seconds: (now - shared.since).num_seconds().max(0).unsigned_abs(),
            memory_bytes: process::resident_memory(),
        };
        log(of.level, &uptime.summary());
        if of.to_influxdb {
            let event = Event::new(DAEMON, now, Body::DaemonUptime(uptime));
            let event = shared.addressing.now().address(event);
            if let Err(error) = shared.store.record(vec![event]).await {
                tracing::error!(%error, "how long the daemon runs can't be stored");
            }
        }
    }
    tracing::warn!(
        schedule = of.schedule.text(),
        "the schedule of uptimeMonitor has no further time"
    );
}

/// A macro of tracing has its level in the source.
fn log(level: LevelFilter, text: &str) {
    match level {
        LevelFilter::ERROR => tracing::error!("{text}"),
        LevelFilter::WARN => tracing::warn!("{text}"),
        LevelFilter::INFO => tracing::info!("{text}"),
        LevelFilter::TRACE => tracing::trace!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}

/// Answers health checks at a port of this machine until `stop`.
async fn answer(shared: Shared, port: u16, stop: CancellationToken) {
    let mut told = false;
    let listener = loop {
        let bound = TcpListener::bind(("127.0.0.1", port)).await;
        match bound.and_then(|bound| Ok((bound.local_addr()?, bound))) {
            Ok((address, listener)) => {
                tracing::info!("health checks are answered at http://{address}/health");
                break listener;
            }
            Err(error) if told => tracing::debug!("health checks are not answered yet: {error}"),
            Err(error) => {
                told = true;
                tracing::warn!(
                    "health checks are not answered yet: port {port} of 127.0.0.1 can't be had ({error}); it is tried again every 30 s"
                );
            }
        }
        if !shared.clock.pass(AGAIN, &stop).await {
            return;
        }
    };
    web::serve_health(listener, shared.store.clone(), stop).await;
}
