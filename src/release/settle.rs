//! What became of intents whose outcome is not known: the run that wrote them was cut short, or the
//! site gave no answer.

use std::time::Duration;

use super::lock::Lock;
use super::run::{Engine, RunError};
use super::session::idle_days;
use super::verify::{self, Seen};
use crate::event::{Body, SeatFacts, SeatReleased, SeatRestored};
use crate::ledger::{Action, Entry, Intent, Outcome, SeatResult};
use crate::qrs::Patience;
use crate::store::{Addition, AppendError, Unsettled};

/// A seat that is as it was counts as refused only so long after the intent. A request is sent
/// within a minute of it and its answer not waited for any longer, so nothing can be under way by
/// then but what the site itself has been working at for a minute.
const SETTLED_AFTER: Duration = Duration::from_secs(120);

/// Seats that can't be read in a row before the others are left for later.
const UNREAD: u32 = 3;

/// Asks the site about every intent without an outcome. Returns how many are left.
pub(super) async fn settle(
    engine: &Engine,
    lock: &Lock,
    patience: Patience,
) -> Result<u32, RunError> {
    let unsettled = engine.store.unsettled(&engine.site.name).await?;
    let (mut left, mut unread) = (0, 0);
    for entry in unsettled {
        if unread >= UNREAD {
            left += 1;
            continue;
        }
        match find_out(engine, &entry, patience).await {
            Ok(Some(result)) => {
                unread = 0;
                record(engine, lock, &entry, result).await?;
            }
            Ok(None) => left += 1,
            Err(why) => {
                left += 1;
                unread += 1;
                let account = entry.intent.holder.account();
                tracing::warn!(
                    site = engine.site.name,
                    run = entry.run,
                    account,
                    "what became of a seat can't be read: {why}"
                );
            }
        }
    }
    Ok(left)
}

/// `None` while it can't be known.
async fn find_out(
    engine: &Engine,
    entry: &Unsettled,
    patience: Patience,
) -> Result<Option<SeatResult>, String> {
    let Intent { action, seat_type, seat, holder, .. } = &entry.intent;
    let age = (engine.clock.now() - entry.time).abs().to_std().expect("it is not negative");
    let over = age >= engine.clock.shown(SETTLED_AFTER);
    let refused = |what: &str| {
        let why = format!("{what}: nothing was sent, or the site refused it");
        over.then_some(SeatResult::Refused { why })
    };
    match action {
        Action::Release => {
            let mut seen = verify::see(&engine.client, *seat_type, *seat, holder.id, false).await;
            for read in 1.. {
                if seen.is_ok() || !patience.may_retry() || read > UNREAD {
                    break;
                }
                verify::pause(&engine.client, read).await;
                seen = verify::see(&engine.client, *seat_type, *seat, holder.id, false).await;
            }
            Ok(match seen? {
                Seen::Absent => Some(SeatResult::Freed),
                Seen::Quarantined(until) => Some(SeatResult::Quarantined { until }),
                Seen::There => refused("the seat is still there"),
            })
        }
        Action::Allocate => {
            let has = verify::has_seat(&engine.client, *seat_type, holder.id).await?;
            Ok(if has { Some(SeatResult::Allocated) } else { refused("the user has no seat") })
        }
    }
}

/// The outcome belongs to the run that wrote the intent.
async fn record(
    engine: &Engine,
    lock: &Lock,
    entry: &Unsettled,
    result: SeatResult,
) -> Result<(), AppendError> {
    let Intent { action, seat_type, seat, holder, created, last_used, .. } = &entry.intent;
    let outcome = Outcome {
        intent: entry.seq,
        action: *action,
        seat_type: *seat_type,
        seat: *seat,
        holder: holder.clone(),
        result: result.clone(),
        settled_later: true,
    };
    let facts = SeatFacts {
        run: entry.run.clone(),
        rehearsal: false,
        seat_type: *seat_type,
        seat: *seat,
        holder: holder.clone(),
        created: created.clone(),
        last_used: last_used.clone(),
        idle_days: idle_days(created, last_used, entry.time),
    };
    let body = match &result {
        SeatResult::Freed | SeatResult::Quarantined { .. } => {
            Some(Body::SeatReleased(SeatReleased { seat: facts, result: result.clone() }))
        }
        SeatResult::Allocated => Some(Body::SeatRestored(SeatRestored { seat: facts })),
        SeatResult::Refused { .. } | SeatResult::Gone | SeatResult::Unclear { .. } => None,
    };
    tracing::info!(
        site = engine.site.name,
        run = entry.run,
        account = holder.account(),
        "found out what became of a {} seat: {}",
        seat_type.title(),
        in_words(&result)
    );
    let events: Vec<_> = body.into_iter().map(|body| engine.addressed(body)).collect();
    let addition = Addition {
        site: engine.site.name.clone(),
        run: Some(entry.run.clone()),
        entry: Entry::Outcome(outcome),
    };
    engine.store.append(Some(lock.claim()), vec![addition], move |_| events).await.map(drop)
}

fn in_words(result: &SeatResult) -> &'static str {
    match result {
        SeatResult::Freed => "it is free",
        SeatResult::Quarantined { .. } => "it is in quarantine",
        SeatResult::Refused { .. } => "it is as it was",
        SeatResult::Gone => "it is gone",
        SeatResult::Unclear { .. } => "still not known",
        SeatResult::Allocated => "the user has it again",
    }
}
