//! What became of intents whose outcome is not known: the run that wrote them was cut short, or the
//! site gave no answer that says it.

use chrono::{DateTime, TimeDelta, Utc};

use super::run::{Engine, RunError};
use super::session::idle_days;
use super::verdict::{Observation, SETTLED_AFTER, SeatState, Verdict, WriteResponse, verdict};
use super::verify::{self, AttemptResult};
use crate::event::{Body, SeatFacts, SeatReleased, SeatRestored};
use crate::ledger::{Action, Evidence, Intent, Outcome, SeatResult, Statement, Trigger};
use crate::qrs::Patience;
use crate::store::{AppendError, RefusedByTime, Unsettled};

/// Seats that can't be read in a row before the others are left for later.
const UNREAD: u32 = 3;

/// A seat that is found gone within this time of its intent is attributed to it.
const ATTRIBUTED: TimeDelta = TimeDelta::hours(24);

/// What an answer is told with that says yes to something that has not happened.
pub fn all_the_same(action: Action) -> &'static str {
    match action {
        Action::Release => ", but the seat is still there",
        Action::Allocate => ", but the person has no such seat",
    }
}

/// When it is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// A run, before anything else, or the start of a process.
    Run,
    /// A poll of the seats.
    Poll,
}

/// An open intent and what was seen of it now.
struct Case {
    open: Unsettled,
    answer: WriteResponse,
    observations: Vec<Observation>,
}

/// Asks the site about every intent without an outcome. Returns how many are left.
pub(super) async fn settle(engine: &Engine, patience: Patience) -> Result<u32, RunError> {
    settle_all(engine, patience, Occasion::Run).await
}

/// Whether there is anything to be looked at after a poll.
pub(super) async fn is_any(engine: &Engine) -> Result<bool, RunError> {
    let site = &engine.site.name;
    Ok(!engine.store.unsettled(site).await?.is_empty()
        || !engine.store.refused_by_time(site, since(engine)).await?.is_empty())
}

/// As [`settle`]; and seats that counted as refused by time may be gone by now.
pub(super) async fn after_poll(engine: &Engine, patience: Patience) -> Result<(), RunError> {
    settle_all(engine, patience, Occasion::Poll).await?;
    for refused in engine.store.refused_by_time(&engine.site.name, since(engine)).await? {
        if refused.intent.1 < since(engine) {
            continue;
        }
        // What can't be read is looked at by the next poll.
        if let Ok(state) = verify::read_state(&engine.client, &refused.of, false).await {
            correct(engine, refused, state).await?;
        }
    }
    Ok(())
}

fn since(engine: &Engine) -> DateTime<Utc> {
    engine.clock.now() - ATTRIBUTED
}

/// Another site has none of these seats, which says nothing of what became of them.
async fn is_same_site(engine: &Engine, patience: Patience) -> Result<bool, RunError> {
    let site = &engine.site.name;
    let Some(known) = engine.store.site_identity(site).await? else { return Ok(true) };
    let why = match engine.client.identity_by_nodes(patience).await {
        Ok(now) if known.is_other(&now) => "another site answers at its address".to_owned(),
        Ok(_) => return Ok(true),
        Err(error) => error.what(),
    };
    tracing::warn!(site, "what became of seats can't be found out: {why}");
    Ok(false)
}

async fn settle_all(
    engine: &Engine,
    patience: Patience,
    occasion: Occasion,
) -> Result<u32, RunError> {
    let (mut left, mut unread) = (0, 0);
    let mut again = Vec::new();
    let unsettled = engine.store.unsettled(&engine.site.name).await?;
    if !unsettled.is_empty() && !is_same_site(engine, patience).await? {
        return Ok(u32::try_from(unsettled.len()).unwrap_or(u32::MAX));
    }
    for open in unsettled {
        if unread >= UNREAD {
            left += 1;
            continue;
        }
        let text = open.why.clone().unwrap_or_else(|| WriteResponse::unknown().text);
        let answer = WriteResponse::recorded(open.answered, text);
        let mut case = Case { open, answer, observations: Vec::new() };
        match read(engine, &case.open.intent, patience).await {
            Ok(state) => {
                unread = 0;
                case.observations.push(verify::observation(engine, state));
                match conclude(engine, &case, occasion).await? {
                    Conclusion::Settled => {}
                    Conclusion::Open => left += 1,
                    Conclusion::LookAgain => again.push(case),
                }
            }
            Err(why) => {
                left += 1;
                unread += 1;
                unreadable(engine, &case.open, &why);
            }
        }
    }
    if again.is_empty() {
        return Ok(left);
    }
    tokio::time::sleep(engine.waits.second_look).await;
    for mut case in again {
        match read(engine, &case.open.intent, patience).await {
            Ok(state) => {
                case.observations.push(verify::observation(engine, state));
                if !matches!(conclude(engine, &case, occasion).await?, Conclusion::Settled) {
                    left += 1;
                }
            }
            Err(why) => {
                left += 1;
                unreadable(engine, &case.open, &why);
            }
        }
    }
    Ok(left)
}

fn unreadable(engine: &Engine, open: &Unsettled, why: &str) {
    let account = open.intent.holder.account();
    tracing::warn!(
        site = engine.site.name,
        run = open.run,
        account,
        "what became of a seat can't be read: {why}"
    );
}

/// A complete reading; tried again while there is patience.
async fn read(engine: &Engine, intent: &Intent, patience: Patience) -> Result<SeatState, String> {
    let mut state = verify::read_state(&engine.client, intent, false).await;
    for read in 1..=UNREAD {
        if state.is_ok() || !patience.may_retry() {
            break;
        }
        verify::pause(&engine.client, read).await;
        state = verify::read_state(&engine.client, intent, false).await;
    }
    state
}

enum Conclusion {
    Settled,
    LookAgain,
    Open,
}

/// Records what the readings show, as far as they show it.
async fn conclude(
    engine: &Engine,
    case: &Case,
    occasion: Occasion,
) -> Result<Conclusion, AppendError> {
    let open = &case.open;
    let verdict = verdict(&case.answer, &case.observations, verify::times(engine, open.time));
    let again = verdict == Verdict::LookAgain;
    let Some(became) = AttemptResult::of(verdict, &case.answer) else {
        if again {
            return Ok(Conclusion::LookAgain);
        }
        // That nothing had happened until now is worth a record, once.
        if open.there.is_none() {
            record(
                engine,
                open,
                AttemptResult::open(open.intent.action, &case.answer, &case.observations, None),
            )
            .await?;
        }
        return Ok(Conclusion::Open);
    };
    record(engine, open, attributed(engine, open, became, occasion)).await?;
    Ok(Conclusion::Settled)
}

/// A seat that is found gone long after the request: what is only likely is marked as such, and what
/// is not even that is not ours.
fn attributed(
    engine: &Engine,
    open: &Unsettled,
    became: AttemptResult,
    occasion: Occasion,
) -> AttemptResult {
    if !became.result.is_taken() && became.result != SeatResult::Allocated {
        return became;
    }
    let AttemptResult { result, mut evidence } = became;
    let age = engine.clock.now() - open.time;
    let soon = chrono::Duration::from_std(engine.clock.shown(SETTLED_AFTER)).unwrap_or_default();
    if open.there.is_some() && age > ATTRIBUTED {
        let why = "it was still there after the request, and is gone more than a day later";
        evidence.remark = Some(why.to_owned());
        let gone = match result {
            SeatResult::Allocated => SeatResult::Refused { why: why.to_owned() },
            _ => SeatResult::Gone,
        };
        return AttemptResult { result: gone, evidence };
    }
    evidence.late = occasion == Occasion::Poll || age > soon;
    AttemptResult { result, evidence }
}

/// A seat that counted as refused by time and is gone by now was taken by that request, as far as
/// can be told.
async fn correct(
    engine: &Engine,
    refused: RefusedByTime,
    state: SeatState,
) -> Result<(), AppendError> {
    let result = match state {
        SeatState::Missing | SeatState::Anew(_) => SeatResult::Freed,
        SeatState::Quarantined(until) => SeatResult::Quarantined { until },
        SeatState::Has => SeatResult::Allocated,
        SeatState::AsBefore => return Ok(()),
    };
    let evidence = Evidence { answered: refused.answered, late: true, ..Evidence::default() };
    let (seq, time) = refused.intent;
    let open = Unsettled {
        seq,
        time,
        run: refused.run,
        intent: refused.of,
        answered: refused.answered,
        there: None,
        why: None,
    };
    record(engine, &open, AttemptResult { result, evidence }).await
}

/// Whether the site shows the seat of an intent as it was before.
pub(super) async fn is_as_before(engine: &Engine, intent: &Intent) -> Result<bool, String> {
    Ok(verify::read_state(&engine.client, intent, false).await? == SeatState::AsBefore)
}

/// Closes an open intent by a person's word.
pub(super) async fn state(
    engine: &Engine,
    record_of: u64,
    says: Statement,
    why: &str,
    trigger: &Trigger,
) -> Result<(), RunError> {
    let all = engine.store.unsettled(&engine.site.name).await?;
    let Some(open) = all.into_iter().find(|open| open.seq == record_of) else {
        let why = format!("record {record_of} is not open any more");
        return Err(RunError::Unusable(why));
    };
    let by = trigger.by().unwrap_or_else(|| trigger.to_string());
    let result = SeatResult::Stated { says, by, why: why.to_owned() };
    let evidence = Evidence { answered: open.answered, ..Evidence::default() };
    record(engine, &open, AttemptResult { result, evidence }).await?;
    Ok(())
}

/// The outcome belongs to the run that wrote the intent.
async fn record(
    engine: &Engine,
    open: &Unsettled,
    became: AttemptResult,
) -> Result<(), AppendError> {
    let AttemptResult { result, evidence } = became;
    let Intent { action, seat_type, seat, holder, created, last_used, .. } = &open.intent;
    let facts = SeatFacts {
        run: open.run.clone(),
        rehearsal: false,
        seat_type: *seat_type,
        seat: *seat,
        holder: holder.clone(),
        created: created.clone(),
        last_used: last_used.clone(),
        idle_days: idle_days(created, last_used, open.time),
    };
    let body = match &result {
        result if result.is_taken() => Some(Body::SeatReleased(SeatReleased {
            seat: facts,
            result: result.clone(),
            late: evidence.late,
        })),
        SeatResult::Allocated => Some(Body::SeatRestored(SeatRestored { seat: facts })),
        _ => None,
    };
    let outcome = Outcome {
        intent: open.seq,
        action: *action,
        seat_type: *seat_type,
        seat: *seat,
        holder: holder.clone(),
        result,
        settled_later: true,
        evidence,
    };
    tracing::info!(
        site = engine.site.name,
        run = open.run,
        account = holder.account(),
        "{} the {} seat: {}",
        if *action == Action::Release { "releasing" } else { "allocating again" },
        seat_type.title(),
        outcome.text()
    );
    let events: Vec<_> = body.into_iter().map(|body| engine.addressed(body)).collect();
    engine.store.append_outcome(&engine.site.name, &open.run, outcome, events).await.map(drop)
}

#[cfg(test)]
mod tests;
