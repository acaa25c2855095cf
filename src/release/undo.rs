//! Giving seats back to the people who had them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::apply::{self, Done};
use super::plan::{PersonRead, keep};
use super::rules::fold;
use super::run::{Engine, RunError, Skipped, Undo};
use super::seat::FRESH;
use super::session::{Session, Tally, idle_days};
use super::verdict::Answer;
use super::verify::{self, Became};
use crate::event::{Body, SeatFacts, SeatRestored};
use crate::ledger::{Action, Entry, Intent, Outcome, Record, SeatResult};
use crate::qrs::Patience;
use crate::qrs::write::Writer;
use crate::store::{AppendError, StoreError};

/// Records that are looked through at a time.
const PART: u64 = 1000;

/// A seat that was taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    intent: Intent,
    at: DateTime<Utc>,
    /// Attributed, not proven.
    late: bool,
}

/// The seats that are meant.
///
/// # Errors
/// When there are none.
pub(super) async fn find(engine: &Engine, what: &Undo) -> Result<Vec<Taken>, RunError> {
    let also = matches!(what, Undo::Run { also: true, .. });
    let (run, account) = match what {
        Undo::Run { run, .. } => (run.clone(), None),
        Undo::User(account) => match last_run_of(engine, account).await? {
            Some(run) => (run, Some(account)),
            None => {
                return Err(RunError::Unusable(format!(
                    "the ledger knows no release of a seat of {account} on this site; the account \
                     is written as DIRECTORY\\id"
                )));
            }
        },
    };
    let records = engine.store.records_of(&run).await?;
    let Some(first) = records.first() else {
        return Err(RunError::Unusable(format!(
            "there is no run {run}; the runs are listed by `bursar release history`"
        )));
    };
    if first.site != engine.site.name {
        return Err(RunError::Unusable(format!(
            "run {run} released seats of site {}, not of {}",
            first.site, engine.site.name
        )));
    }
    let mut taken = taken(&records);
    if let Some(account) = account {
        taken.retain(|taken| is_of(&taken.intent, account));
    }
    let all = taken.len();
    // Naming one person is reason enough.
    taken.retain(|taken| also || account.is_some() || !taken.late);
    if taken.len() < all {
        tracing::warn!(
            site = engine.site.name,
            run,
            "{} seat(s) are left out: they were found gone late and are only attributed to this \
             run; --also includes them",
            all - taken.len()
        );
    }
    if taken.is_empty() && all > 0 {
        return Err(RunError::Unusable(format!(
            "all {all} seat(s) of run {run} were found gone late and are only attributed to it; \
             --also gives them back all the same"
        )));
    }
    if taken.is_empty() {
        return Err(RunError::Unusable(format!("run {run} took no seat from anybody")));
    }
    Ok(taken)
}

/// The seats that a run took, with what their intents say of them, by the last outcome of each.
fn taken(records: &[Record]) -> Vec<Taken> {
    let mut intents: HashMap<u64, &Intent> = HashMap::new();
    let mut last: BTreeMap<u64, (DateTime<Utc>, &Outcome)> = BTreeMap::new();
    for record in records {
        match &record.entry {
            Entry::Intent(intent) => {
                intents.insert(record.seq, intent);
            }
            Entry::Outcome(outcome) => {
                last.insert(outcome.intent, (record.time, outcome));
            }
            _ => {}
        }
    }
    let mut taken: Vec<Taken> = Vec::new();
    for (intent, (at, outcome)) in last {
        if outcome.is_release()
            && let Some(intent) = intents.remove(&intent)
        {
            // One seat of a type is enough for anybody.
            let user = |intent: &Intent| (intent.seat_type, intent.holder.id);
            taken.retain(|other| user(&other.intent) != user(intent));
            taken.push(Taken { intent: intent.clone(), at, late: outcome.evidence.late });
        }
    }
    taken
}

fn is_of(intent: &Intent, account: &str) -> bool {
    fold(&intent.holder.account()) == fold(account)
}

/// The last run that took a seat from this user.
async fn last_run_of(engine: &Engine, account: &str) -> Result<Option<String>, StoreError> {
    let account = fold(account);
    let Some(head) = engine.store.head().await? else { return Ok(None) };
    let mut end = head.seq;
    while end > 0 {
        let begin = end.saturating_sub(PART) + 1;
        let count = (end - begin + 1) as usize;
        let records = engine.store.records(begin, count).await?;
        let found = records.into_iter().rev().find(|record| {
            record.seq <= end
                && record.site == engine.site.name
                && matches!(&record.entry, Entry::Outcome(outcome)
                    if outcome.is_release() && fold(&outcome.holder.account()) == account)
        });
        if let Some(record) = found {
            return Ok(record.run);
        }
        end = begin - 1;
    }
    Ok(None)
}

/// Gives the seats back, as far as there are free ones.
pub(super) async fn undo(
    session: &Session<'_>,
    taken: Vec<Taken>,
    tally: &mut Tally,
) -> Result<(), AppendError> {
    for taken in &taken {
        tally.of(taken.intent.seat_type).planned += 1;
    }
    let writer = Writer::new(session.engine.client.clone());
    let total = taken.len() as u64;
    let give = |taken| give_back(session, &writer, taken);
    apply::in_turn(session, taken.into_iter(), total, tally, give).await
}

async fn give_back(
    session: &Session<'_>,
    writer: &Writer,
    taken: Taken,
) -> Result<Done, AppendError> {
    let engine = session.engine;
    let Intent { seat_type, seat, holder, created, last_used, .. } = taken.intent;
    let skipped = |why: String| Skipped { seat_type, seat, holder: holder.clone(), why };

    // Given back before, or taken again by a later run: then that one is to be undone.
    let last = engine.store.last_released(session.site(), seat_type, holder.id).await?;
    if let Some(last) = last.filter(|last| *last > taken.at) {
        let why = format!("already given back, or released again, on {}", keep::utc(&last));
        return Ok(Done::Kept(skipped(why)));
    }
    let asked = Instant::now();
    let (person, has) = tokio::join!(
        engine.client.person(holder.id, Patience::ONCE),
        verify::has_seat(&engine.client, seat_type, holder.id),
    );
    match (person, has) {
        (PersonRead::Gone, _) => {
            return Ok(Done::Kept(skipped("the user is not on the site any more".to_owned())));
        }
        (PersonRead::Unreadable(why), _) => {
            return Ok(Done::Unread(skipped(format!("the user could not be read: {why}"))));
        }
        (_, Err(why)) => return Ok(Done::Unread(skipped(why))),
        (_, Ok(true)) => {
            return Ok(Done::Kept(skipped("the user has a seat again already".to_owned())));
        }
        (PersonRead::Whole(_), Ok(false)) => {}
    }
    let intent = Intent {
        action: Action::Allocate,
        seat_type,
        seat,
        holder: holder.clone(),
        created,
        last_used,
        because: format!("it was taken on {}", keep::utc(&taken.at)),
    };
    let written = session.append(vec![Entry::Intent(intent.clone())], Vec::new()).await;
    let number = match written {
        Ok(numbers) => numbers.first().copied().expect("one record was appended"),
        Err(error @ AppendError::Open { .. }) => return Ok(Done::Kept(skipped(error.to_string()))),
        Err(error) => return Err(error),
    };
    let time = engine.clock.now();
    let became = if session.lock.is_held() {
        let answer = writer.allocate(seat_type, intent.holder.id, asked + FRESH).await;
        verify::find_out(engine, &intent, time, &Answer::of_post(&answer)).await
    } else {
        Became::not_sent(&session.lock.loss().to_string())
    };
    let result = became.result.clone();
    record(session, number, &intent, became).await?;
    Ok(Done::Attempted { intent, result, kept: false })
}

/// The outcome, and the event if the user has a seat again, at once.
async fn record(
    session: &Session<'_>,
    number: u64,
    intent: &Intent,
    Became { result, evidence }: Became,
) -> Result<(), AppendError> {
    let Intent { action, seat_type, seat, holder, created, last_used, .. } = intent.clone();
    let facts = SeatFacts {
        run: session.run.clone(),
        rehearsal: false,
        seat_type,
        seat,
        holder: holder.clone(),
        created: created.clone(),
        last_used: last_used.clone(),
        idle_days: idle_days(&created, &last_used, session.engine.clock.now()),
    };
    let outcome = Outcome {
        intent: number,
        action,
        seat_type,
        seat,
        holder,
        result,
        settled_later: false,
        evidence,
    };
    let restored = outcome.result == SeatResult::Allocated;
    let bodies = restored.then_some(Body::SeatRestored(SeatRestored { seat: facts }));
    session.append_outcome(outcome, bodies.into_iter().collect()).await
}
