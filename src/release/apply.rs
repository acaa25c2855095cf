//! Works through the seats of a plan: in their order, a few at a time, until something stops it.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::Plan;
use super::lanes;
use super::plan::{Decision, Outcome, Snapshot};
use super::run::{Engine, Skipped};
use super::seat::{FRESH, Taking};
use super::session::{CHUNK, Session, Tally};
use crate::event::{Body, SeatAnnounced, SeatFacts, SeatReleased, SeatWithdrawn};
use crate::ledger::past::Past;
use crate::ledger::{Entry, Intent, Mode, RunStatus, SeatResult};
use crate::license::{Holder, Moment, SeatType};
use crate::policy::Policy;
use crate::qrs::write::Writer;
use crate::store::AppendError;

/// A seat that is to be taken.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) seat_type: SeatType,
    pub(super) decision: Decision,
    pub(super) holder: Holder,
    /// Other seats of the same person, and when they were last used.
    pub(super) others: Vec<Other>,
}

/// Another seat of the person whose seat is to be taken.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) seat: Uuid,
    pub(super) last_used: Moment,
}

/// What takes seats. A rehearsal is like the real thing up to here, and has nothing to write with.
pub(super) enum Executor {
    Real(Writer),
    Rehearsal,
}

impl Executor {
    pub(super) fn of(session: &Session<'_>) -> Self {
        match session.mode {
            Mode::Real | Mode::Undo => Self::Real(Writer::new(session.engine.client.clone())),
            Mode::Rehearsal => Self::Rehearsal,
        }
    }
}

/// The types of seats that a plan was made of.
#[derive(Clone, Copy)]
pub(super) struct Types<'a> {
    /// Those whose lists were read.
    pub(super) looked: &'a [SeatType],
    /// Those of them that the site doesn't have.
    pub(super) absent: &'a [SeatType],
}

/// What became of one seat.
pub(super) enum SeatOutcome {
    /// Nothing was begun: the run has to end.
    Halt(String),
    /// Nothing was done, for a good reason.
    Kept(Skipped),
    /// Nothing was done: the seat was not there any more.
    Gone(Skipped),
    /// Nothing was done: another run of Bursar's had taken the seat.
    TakenBefore(Skipped),
    /// Nothing was done: what has to be known could not be read.
    Unread(Skipped),
    /// An intent was written. `kept`: nothing was sent after it, because the seat had changed.
    Attempted { intent: Intent, result: SeatResult, kept: bool },
}

/// Makes and withdraws announcements. A rehearsal only tells of them: they are a promise.
pub(super) async fn announce(
    session: &Session<'_>,
    plan: &Plan,
    due: &[Due],
    tally: &mut Tally,
) -> Result<(), AppendError> {
    let mut notices = Vec::new();
    for Due { seat_type, decision, holder, .. } in due {
        let grace = plan.policy.rule(*seat_type).map_or(0, |rule| rule.grace_days);
        let due = plan.now + chrono::Duration::days(grace.into());
        let seat = session.facts(*seat_type, decision, holder);
        let entry = Entry::Announced {
            seat_type: *seat_type,
            seat: decision.seat,
            holder: holder.clone(),
            last_used: decision.last_used.clone(),
            due,
        };
        tally.of(*seat_type).announced += 1;
        notices.push((entry, Body::SeatAnnounced(SeatAnnounced { seat, due })));
    }
    for withdrawal in &plan.withdrawn {
        let announcement = &withdrawal.announcement;
        let seat = SeatFacts {
            run: session.run.clone(),
            rehearsal: session.rehearsal(),
            seat_type: announcement.seat_type,
            seat: announcement.seat,
            holder: announcement.holder.clone(),
            created: Moment::Never,
            last_used: announcement.last_used.clone(),
            idle_days: super::session::idle_days(&Moment::Never, &announcement.last_used, plan.now),
        };
        let entry = Entry::Withdrawn {
            seat_type: announcement.seat_type,
            seat: announcement.seat,
            holder: announcement.holder.clone(),
            why: withdrawal.why.clone(),
        };
        let why = withdrawal.why.clone();
        notices.push((entry, Body::SeatWithdrawn(SeatWithdrawn { seat, why })));
    }
    let mut notices = notices.into_iter().peekable();
    while notices.peek().is_some() {
        let (entries, bodies) = notices.by_ref().take(CHUNK).unzip();
        let entries = if session.rehearsal() { Vec::new() } else { entries };
        session.append(entries, bodies).await?;
    }
    Ok(())
}

/// Takes the seats, or tells which it would take.
pub(super) async fn release(
    session: &Session<'_>,
    due: Vec<Due>,
    types: Types<'_>,
    past: &Past,
    policy: &Policy,
    tally: &mut Tally,
) -> Result<(), AppendError> {
    match Executor::of(session) {
        Executor::Rehearsal => rehearse(session, due, tally).await,
        Executor::Real(writer) => {
            let Types { looked, absent } = types;
            let beside = beside(session.engine);
            let taking =
                Taking { session, writer, past, policy, looked, absent, fresh: FRESH, beside };
            lanes::take(&taking, due, tally).await
        }
    }
}

/// Two requests each, as far as the DELETEs leave any of a site's requests at a time.
fn beside(engine: &Engine) -> Semaphore {
    let spare = engine.client.concurrency().saturating_sub(engine.site.release.concurrency);
    Semaphore::new((spare / 2).max(1))
}

async fn rehearse(
    session: &Session<'_>,
    due: Vec<Due>,
    tally: &mut Tally,
) -> Result<(), AppendError> {
    let (total, mut done) = (due.len() as u64, 0);
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() {
        if session.order.stop.is_cancelled() {
            tally.ended = Some(stopped());
            return Ok(());
        }
        let mut bodies = Vec::new();
        for Due { seat_type, decision, holder, .. } in due.by_ref().take(CHUNK) {
            let seat = session.facts(seat_type, &decision, &holder);
            let result = SeatResult::Freed;
            bodies.push(Body::SeatReleased(SeatReleased { seat, result, late: false }));
            tally.of(seat_type).released += 1;
        }
        done += bodies.len() as u64;
        session.append(Vec::new(), bodies).await?;
        (session.order.progress.0)(done, total);
    }
    Ok(())
}

/// Does something to each seat, a few at a time, and counts what became of them. Ends early when a
/// person stops it, when too many fail in a row, when the records can't be written, and when the
/// lock is lost. Seats in hand are finished all the same; at a stop they have a few seconds.
///
/// All futures are polled here and nothing else is awaited, so that none of them can hold up the
/// store while it waits for its turn.
pub(super) async fn in_turn<J, F>(
    session: &Session<'_>,
    mut jobs: impl Iterator<Item = J>,
    total: u64,
    tally: &mut Tally,
    attempt: impl Fn(J) -> F,
) -> Result<(), AppendError>
where
    F: Future<Output = Result<SeatOutcome, AppendError>>,
{
    let release = &session.engine.site.release;
    let concurrency = release.concurrency.max(1);
    let limit = release.policy.limits.stop_after_failures.max(1) as usize;
    let (stop, lost) = (&session.order.stop, session.lock.lost());
    let mut in_hand = FuturesUnordered::new();
    let (mut in_a_row, mut done) = (0, 0);
    let mut trouble = None;
    // When those in hand are left to the next start.
    let mut patience = None;
    loop {
        if stop.is_cancelled() && patience.is_none() {
            tally.ended.get_or_insert_with(stopped);
            patience = Some(Instant::now() + session.engine.waits.at_stop);
        }
        if lost.is_cancelled() && trouble.is_none() {
            trouble = Some(session.lock.loss());
        }
        // Seats in hand may fail, too: together they must not go beyond the limit.
        while tally.ended.is_none()
            && trouble.is_none()
            && in_hand.len() < concurrency.min(limit.saturating_sub(in_a_row))
        {
            let Some(job) = jobs.next() else { break };
            in_hand.push(attempt(job));
        }
        let next = tokio::select! {
            biased;
            next = in_hand.next() => next,
            () = lost.cancelled(), if trouble.is_none() => continue,
            () = stop.cancelled(), if patience.is_none() => continue,
            () = until(patience) => {
                let left = in_hand.len();
                let site = session.site();
                tracing::warn!(
                    site,
                    "{left} seat(s) in hand got no answer in time; the next start finds out what \
                     became of them"
                );
                return trouble.map_or(Ok(()), Err);
            }
        };
        let result = match next {
            None => return trouble.map_or(Ok(()), Err),
            Some(Err(error)) => {
                trouble.get_or_insert(error);
                continue;
            }
            Some(Ok(result)) => result,
        };
        if let SeatOutcome::Halt(why) = result {
            tally.ended.get_or_insert((RunStatus::Stopped, why));
            continue;
        }
        match count(tally, result) {
            Some(true) => in_a_row = 0,
            Some(false) => in_a_row += 1,
            None => {}
        }
        done += 1;
        (session.order.progress.0)(done, total);
        if in_a_row >= limit && tally.ended.is_none() {
            let first = tally.first_failure.as_deref().unwrap_or_default();
            let why = format!("{in_a_row} seats in a row failed; the first failure: {first}");
            tally.ended = Some((RunStatus::Broken, why));
        }
    }
}

pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

pub(super) fn stopped() -> (RunStatus, String) {
    (RunStatus::Stopped, "it was stopped".to_owned())
}

/// Writes down what became of a seat. Whether it worked; `None` when that says nothing about the
/// site's health.
pub(super) fn count(tally: &mut Tally, done: SeatOutcome) -> Option<bool> {
    match done {
        SeatOutcome::Halt(_) => None,
        SeatOutcome::Kept(skipped) => {
            tally.of(skipped.seat_type).changed += 1;
            tally.skipped.push(skipped);
            None
        }
        SeatOutcome::Gone(skipped) => {
            tally.of(skipped.seat_type).gone += 1;
            tally.skipped.push(skipped);
            None
        }
        SeatOutcome::TakenBefore(skipped) => {
            tally.of(skipped.seat_type).taken_before += 1;
            tally.skipped.push(skipped);
            None
        }
        SeatOutcome::Unread(skipped) => {
            tally.of(skipped.seat_type).changed += 1;
            tally.failed(format!("{}: {}", skipped.holder.account(), skipped.why));
            tally.skipped.push(skipped);
            Some(false)
        }
        SeatOutcome::Attempted { intent, result, kept } => {
            let counts = tally.of(intent.seat_type);
            let worked = match &result {
                SeatResult::Freed | SeatResult::Allocated => {
                    counts.released += 1;
                    Some(true)
                }
                SeatResult::Quarantined { .. } => {
                    counts.released += 1;
                    counts.quarantined += 1;
                    Some(true)
                }
                // No run gets here with a person's statement.
                SeatResult::Gone | SeatResult::Stated { .. } => {
                    counts.gone += 1;
                    None
                }
                SeatResult::Refused { .. } if kept => {
                    counts.changed += 1;
                    None
                }
                SeatResult::Refused { why } => {
                    counts.refused += 1;
                    tally.failed(format!("{}: {why}", intent.holder.account()));
                    Some(false)
                }
                SeatResult::Unclear { why } => {
                    counts.unclear += 1;
                    tally.failed(format!("{}: {why}", intent.holder.account()));
                    Some(false)
                }
            };
            tally.seats.push((intent, result));
            worked
        }
    }
}

/// The decisions of one outcome with what is needed to carry them out: those of types that are not
/// stopped, in their order, each seat once.
pub(super) fn due<'a>(
    decisions: impl Iterator<Item = (SeatType, &'a Decision)>,
    snapshot: &Snapshot,
) -> Vec<Due> {
    let mut due: Vec<Due> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (seat_type, decision) in decisions {
        if let Some(holder) = decision.holder.as_deref().cloned()
            && decision.keep.is_empty()
            && decision.outcome != Outcome::Keep
            && seen.insert(decision.seat)
        {
            due.push(Due { seat_type, decision: decision.clone(), holder, others: Vec::new() });
        }
    }
    let mut places: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (place, due) in due.iter().enumerate() {
        places.entry(due.holder.id).or_default().push(place);
    }
    for seat in snapshot.seats.iter().filter_map(|part| part.list.as_ref().ok()).flatten() {
        let Some(holder) = &seat.holder else { continue };
        for place in places.get(&holder.id).into_iter().flatten() {
            if due[*place].decision.seat != seat.id {
                due[*place].others.push(Other { seat: seat.id, last_used: seat.last_used.clone() });
            }
        }
    }
    due
}
