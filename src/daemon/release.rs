//! Runs of the release engine on their schedule, one site each.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::poller::{Timing, tick_after};
use super::reload::Looks;
use crate::clock::{Clock, Waited, ticks_count_from};
use crate::event::Monitor;
use crate::ledger::{Entry, Mode, RunStatus, Trigger};
use crate::plain::one_line;
use crate::policy::Refusal;
use crate::qrs::Patience;
use crate::release::next::{self, Next};
use crate::release::run::{Engine, Order, Progress, Report, RunError};
use crate::store::{Ahead, Holder, PollError};

/// How long reading may be retried before a run gives up until the next tick.
const RETRYING: Duration = Duration::from_secs(600);

/// The end of all reading before the first seat: 1,500 requests for the users of a site of 200,000,
/// two seconds each.
const READING: Duration = Duration::from_secs(3600);

/// How long settling asks again about a seat at start.
const SETTLING: Duration = Duration::from_secs(30);

/// Runs on every tick of the schedule until `stop`. At start only if a tick was missed since the
/// last run, and see [`first_run`].
pub(super) async fn run(engine: Engine, timing: Timing, looks: Looks, stop: CancellationToken) {
    let clock = timing.clock;
    if !clock.pass(chrono_duration(timing.start_delay), &stop).await {
        return;
    }
    settle(&engine, &stop).await;
    let mut next = first_run(&engine, &timing).await;
    announce_next(&engine, &timing, next, &stop).await;
    let mut kept = None;
    let after = |kept| {
        let tick = |after| next_tick(&engine, &timing, after);
        tick(ticks_count_from(kept, clock.now(), tick))
    };
    while let Some(tick) = next {
        match clock.wait_until(tick, &stop).await {
            Waited::Come => {}
            Waited::SetBack => {
                next = after(kept);
                continue;
            }
            Waited::Stopped => return,
        }
        let lag = (clock.now() - tick).max(chrono::Duration::zero());
        engine.store.note_tick(&engine.site.name, Monitor::Release, lag, 0);
        run_once(&engine, &timing, &looks, tick, &stop).await;
        kept = Some(tick);
        next = after(kept);
    }
    tracing::warn!(
        site = engine.site.name,
        schedule = timing.schedule.text(),
        "the schedule of the release has no further time"
    );
}

/// When the schedule runs for the first time after a start; a time that is over was missed and is
/// made up for at once.
///
/// A real run makes up for a missed tick only if the schedule's last run was a real one by the same
/// policy. Who has just switched releases on, or changed what decides, can read what the next run
/// would do until its tick. A rehearsal takes nothing, so that one starts at once.
async fn first_run(engine: &Engine, timing: &Timing) -> Option<DateTime<Utc>> {
    let next = due_since_last(engine, timing).await;
    // One that was missed is made up for at once, but not outside of the allowed hours.
    let now = timing.clock.now();
    if next.is_some_and(|tick| tick <= now) && !next::may_start(&engine.site.release, now) {
        return next_tick(engine, timing, now);
    }
    next
}

/// As [`first_run`], at whatever hour that is.
async fn due_since_last(engine: &Engine, timing: &Timing) -> Option<DateTime<Utc>> {
    let site = &engine.site.name;
    let now = timing.clock.now();
    // Runs by hand are few beside it, and don't stand in for the schedule's.
    let starts = match engine.store.run_starts(Some(site), 1000).await {
        Ok(starts) => starts,
        Err(error) => {
            tracing::error!(site, %error, "the last run can't be looked up");
            return next_tick(engine, timing, now);
        }
    };
    let rehearses = engine.site.release.dry_run;
    let last = starts.iter().find_map(|record| match &record.entry {
        Entry::RunStarted { trigger: Trigger::Schedule, mode, policy, .. } => {
            Some((record.time, *mode, policy))
        }
        _ => None,
    });
    match last {
        None if rehearses => Some(now),
        Some((time, _, _)) if rehearses => next_tick(engine, timing, time),
        Some((time, Mode::Real, policy)) if *policy == engine.site.release.policy => {
            next_tick(engine, timing, time)
        }
        _ => next_tick(engine, timing, now),
    }
}

/// The next tick at which a run starts.
fn next_tick(engine: &Engine, timing: &Timing, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    next::next_start(&engine.site.release, |after| tick_after(timing, after), after)
}

fn chrono_duration(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}

/// Finds out what became of seats whose release was cut short by the end of an earlier process.
async fn settle(engine: &Engine, stop: &CancellationToken) {
    let site = &engine.site.name;
    let settling = async || {
        let settled = engine.settle(Patience::retrying_for(SETTLING)).await;
        // Perhaps of the process that was cut short: nobody renews it, so it ends within a minute.
        match settled {
            Err(RunError::Busy(holder))
                if engine.clock.pass(left(&holder, engine.clock), stop).await =>
            {
                engine.settle(Patience::retrying_for(SETTLING)).await
            }
            settled => settled,
        }
    };
    let settled = tokio::select! {
        settled = settling() => settled,
        () = stop.cancelled() => return,
    };
    match settled {
        Ok(0) => {}
        Ok(left) => tracing::warn!(
            site,
            "it is not known what became of {}; runs and seat polls go on asking, and `bursar \
             release settle` lists them and closes them by your word",
            open_seats(engine, left).await
        ),
        Err(RunError::Busy(holder)) => {
            tracing::info!(site, "another run is under way: {}", holder.owner);
        }
        Err(error) => tracing::error!(site, %error, "earlier releases can't be settled"),
    }
}

/// Seats named in a log line before "and so many more".
const NAMED: usize = 3;

/// `2 seat(s) of earlier runs: CORP\anna (Analyzer), CORP\bert (Analyzer)`.
async fn open_seats(engine: &Engine, left: u32) -> String {
    let open = engine.store.unsettled(&engine.site.name).await.unwrap_or_default();
    let mut names: Vec<_> = open
        .iter()
        .take(NAMED)
        .map(|open| {
            let intent = &open.intent;
            one_line(&format!("{} ({})", intent.holder.account(), intent.seat_type.title()))
        })
        .collect();
    if open.len() > NAMED {
        names.push(format!("and {} more", open.len() - NAMED));
    }
    format!("{left} seat(s) of earlier runs: {}", names.join(", "))
}

/// Says what the next run would do, once at start.
async fn announce_next(
    engine: &Engine,
    timing: &Timing,
    next: Option<DateTime<Utc>>,
    stop: &CancellationToken,
) {
    let site = &engine.site.name;
    let soon = Instant::now() + READING;
    let ahead = next.filter(|tick| *tick > timing.clock.now());
    let until = ahead.map_or(soon, |tick| soon.min(timing.clock.instant_at(tick)));
    // Every request is sent once: the log line is no reason to bother a site that is in trouble.
    let planned = tokio::select! {
        planned = tokio::time::timeout_at(until, engine.plan(None, Patience::ONCE)) => planned,
        () = stop.cancelled() => return,
    };
    if let Ok(Ok(plan)) = &planned {
        let (notes, mut refusals) = (plan.notes.clone(), plan.refusals.clone());
        if engine.site.release.dry_run {
            refusals = refusals.into_iter().map(Refusal::of_rehearsal).collect();
        }
        let ahead = Ahead { time: timing.clock.now(), notes, refusals };
        if let Err(error) = engine.store.note_ahead(site, &ahead).await {
            tracing::warn!(site, %error, "what the next run would do can't be stored");
        }
    }
    match planned {
        Err(_) => tracing::info!(
            site,
            "what a release would do can't be told: reading the site was not over in time"
        ),
        Ok(Ok(plan)) => {
            let now = timing.clock.now();
            let missed = next.is_some_and(|tick| tick <= now);
            let pause = match engine.store.pause(site).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(site, %error, "whether releases are paused can't be told");
                    None
                }
            };
            let release = &engine.site.release;
            let is_first = missed && !has_run(engine).await;
            let (when, held, plan) = if missed {
                // It starts now, and is stopped by what holds now.
                let held = next::held_at(release, timing.zone, pause.as_ref(), now);
                let why =
                    if is_first { "since it is the first" } else { "to make up for a missed time" };
                (format!("once, {why}"), held, plan)
            } else {
                let tick = |after| tick_after(timing, after);
                let next = Next::after(release, tick, pause.as_ref(), now);
                let when = next.at.map_or_else(
                    || "never".to_owned(),
                    |at| at.format("%Y-%m-%d %H:%M UTC").to_string(),
                );
                let plan = match next.at {
                    Some(at) => plan.for_run_at(at, pause.as_ref()),
                    None => plan,
                };
                (when, next.held, plan)
            };
            let held = match held {
                Some(held) => format!(", {}:", one_line(&held)),
                None if missed => ",".to_owned(),
                None => String::new(),
            };
            let kind = if release.dry_run {
                "rehearsal (dryRun is on, nothing will be released)"
            } else {
                "REAL run"
            };
            tracing::info!(site, "release: the next {kind} at {when}{held} {}", plan.headline());
            for note in &plan.notes {
                tracing::warn!(site, "release: {}", one_line(note));
            }
        }
        Ok(Err(error)) => {
            tracing::warn!(site, %error, "what a release would do can't be told");
        }
    }
}

/// Whether the schedule has run before.
async fn has_run(engine: &Engine) -> bool {
    let starts = engine.store.run_starts(Some(&engine.site.name), 1000).await.unwrap_or_default();
    starts
        .iter()
        .any(|record| matches!(record.entry, Entry::RunStarted { trigger: Trigger::Schedule, .. }))
}

/// After so long somebody is told that a run waits for settings at rest.
const RESTLESS: Duration = Duration::from_secs(300);

/// Whether what the files of the settings hold is in force, and a real run may begin; waits for as long as somebody writes them.
/// A run that did not begin is no run of the record: who changes the settings before each of them, or all the time, is told
/// why nothing is released.
async fn settled(
    engine: &Engine,
    looks: &Looks,
    tick: DateTime<Utc>,
    stop: &CancellationToken,
) -> bool {
    let site = &engine.site.name;
    let due = tick.format("%Y-%m-%d %H:%M UTC");
    let told = async |code: &str, text: String| {
        tracing::warn!(site, "release: {text}");
        let health = Err(PollError { code: code.to_owned(), text });
        if let Err(error) = engine.store.record_health(site, Monitor::Release, health).await {
            tracing::error!(site, %error, "why a run doesn't begin can't be stored");
        }
    };
    let looked = looks.settled(site, stop);
    tokio::pin!(looked);
    let found = match tokio::time::timeout(RESTLESS, &mut looked).await {
        Ok(found) => found,
        Err(_) => {
            let text = format!(
                "the run due at {due} waits: a file of the settings has changed again and again for {} minutes",
                RESTLESS.as_secs() / 60
            );
            told("settings_restless", text).await;
            looked.await
        }
    };
    if !found {
        let text = format!(
            "the run due at {due} was not begun: other settings came into force just then, or the daemon was stopped"
        );
        told("not_begun", text).await;
    }
    found
}

async fn run_once(
    engine: &Engine,
    timing: &Timing,
    looks: &Looks,
    tick: DateTime<Utc>,
    stop: &CancellationToken,
) {
    let clock = timing.clock;
    // Other rules stop this, and the next time is theirs.
    if !engine.site.release.dry_run && !settled(engine, looks, tick, stop).await {
        return;
    }
    let limit = Instant::now() + RETRYING;
    let limit = next_tick(engine, timing, clock.now())
        .map_or(limit, |tick| limit.min(clock.instant_at(tick)));
    let patience = Patience::retrying_until(limit).ending_at(Instant::now() + READING);
    let mode = if engine.site.release.dry_run { Mode::Rehearsal } else { Mode::Real };
    let order = Order {
        mode,
        trigger: Trigger::Schedule,
        stop: stop.clone(),
        patience,
        progress: Progress::default(),
    };
    let site = &engine.site.name;
    let result = loop {
        match engine.run(&order).await {
            // Its process may be dead: then its lock runs out, and this run is still due.
            Err(RunError::Busy(holder)) if patience.may_retry() => {
                let (owner, until) = (&holder.owner, holder.until);
                tracing::warn!(site, "the run waits for another one: {owner}, until {until}");
                if !clock.pass(left(&holder, clock) + chrono::Duration::seconds(1), stop).await {
                    return;
                }
                // Somebody may have been protected meanwhile.
                let is_real = mode == Mode::Real;
                if is_real && !settled(engine, looks, tick, stop).await {
                    return;
                }
            }
            result => break result,
        }
    };
    let problem = match &result {
        Ok(report) => {
            log(site, report);
            problem(report)
        }
        Err(error) => {
            tracing::error!(site, %error, "the release run could not be done");
            Some(PollError { code: "failed".to_owned(), text: error.to_string() })
        }
    };
    let health = problem.map_or(Ok(()), Err);
    if let Err(error) = engine.store.record_health(site, Monitor::Release, health).await {
        tracing::error!(site, %error, "the state of the release can't be stored");
    }
}

/// How long another run has the site at most, unless it goes on.
pub(super) fn left(holder: &Holder, clock: Clock) -> chrono::Duration {
    (holder.until - clock.now()).max(chrono::Duration::zero())
}

pub(super) fn log(site: &str, report: &Report) {
    let counts: Vec<_> = report.counts.iter().map(|c| c.summary(report.mode)).collect();
    let kind = if report.mode == Mode::Rehearsal { "rehearsal" } else { "release" };
    let counts = match (counts.is_empty(), &report.why) {
        (false, _) => counts.join("; "),
        (true, Some(why)) => one_line(why),
        (true, None) => "before any seat was looked at".to_owned(),
    };
    let text = format!("{kind} {}: {counts}", report.status.as_str());
    let deliberate = Refusal::are_deliberate(&report.refusals);
    match report.status {
        RunStatus::Done => tracing::info!(site, run = report.run, "{text}"),
        RunStatus::Refused if deliberate => tracing::info!(site, run = report.run, "{text}"),
        _ => tracing::warn!(site, run = report.run, why = report.why, "{text}"),
    }
    for note in &report.notes {
        tracing::warn!(site, run = report.run, "{}", one_line(note));
    }
    for refusal in &report.refusals {
        let guard = refusal.guard.as_str();
        if deliberate {
            tracing::info!(site, run = report.run, guard, "{refusal}");
        } else {
            tracing::warn!(site, run = report.run, guard, "{refusal}");
        }
    }
}

/// What a person should look at. A pause or a freeze is what somebody wanted, and is told with the next run for as
/// long as it holds.
fn problem(report: &Report) -> Option<PollError> {
    if Refusal::are_deliberate(&report.refusals)
        && (report.status == RunStatus::Refused
            || report.status == RunStatus::Partly && report.why.is_none())
    {
        return None;
    }
    let text = match report.status {
        RunStatus::Done | RunStatus::Stopped => return None,
        RunStatus::Refused | RunStatus::Partly | RunStatus::Broken | RunStatus::Failed => {
            let refusals = Refusal::unwanted(&report.refusals).map(Refusal::to_string);
            // Of a refused run it says the same.
            let why = report.why.iter().filter(|_| report.status != RunStatus::Refused);
            let all: Vec<_> = why.cloned().chain(refusals).collect();
            all.join("; ")
        }
    };
    // Where nothing but guards kept a type of it, they have an alert of their own.
    let only_guards =
        report.status == RunStatus::Partly && report.why.is_none() && !report.refusals.is_empty();
    let status = if only_guards { RunStatus::Refused } else { report.status };
    Some(PollError { code: status.as_str().to_owned(), text })
}
