//! Allocating seats again to the people who had them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::apply::{self, SeatOutcome};
use super::plan::{dates, keep};
use super::rules::fold;
use super::run::{Engine, RunError, Skipped, Undo};
use super::seat::FRESH;
use super::session::{Session, Tally, idle_days};
use super::verdict::WriteResponse;
use super::verify::{self, AttemptResult};
use crate::event::{Body, SeatFacts, SeatRestored};
use crate::ledger::{Action, Entry, Intent, Outcome, Record, SeatResult};
use crate::license::PersonRead;
use crate::license::{Holder, Moment, Seat, SeatType};
use crate::qrs::write::Writer;
use crate::qrs::{Client, Error, Patience};
use crate::store::{AppendError, StoreError};

/// Outcomes that are looked through at a time.
const PART: usize = 1000;

/// Clocks of this machine and the site may differ by so much.
const CLOCKS: chrono::Duration = chrono::Duration::minutes(5);

/// A seat that was taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    intent: Intent,
    at: DateTime<Utc>,
    run: String,
    /// Until when it was to be in quarantine.
    quarantine: Option<Moment>,
    /// Attributed, not proven.
    late: bool,
    /// How many rows of the same type of the same person come before it here.
    nth: usize,
    /// All of these rows.
    rows: Arc<[Uuid]>,
    /// When the last of them was taken.
    latest: DateTime<Utc>,
}

/// A seat that would go back, and what a person should know before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Returning {
    pub seat_type: SeatType,
    /// The row that was taken. It does not come back as such.
    pub seat: Uuid,
    pub holder: Holder,
    pub created: Moment,
    pub last_used: Moment,
    pub taken: DateTime<Utc>,
    /// The run that took it.
    pub run: String,
    /// Until when it was to be in quarantine; absent where it was free at once.
    pub quarantine: Option<Moment>,
    /// Seats of other types that the person got since.
    pub others: Vec<OtherSeat>,
    /// Why it will not be allocated again, as far as the ledger knows.
    pub not: Option<String>,
}

/// A seat of another type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherSeat {
    pub seat_type: SeatType,
    pub created: Moment,
}

/// What would go back, and what could not be read of the site.
#[derive(Debug, Clone)]
pub struct Returns {
    pub seats: Vec<Returning>,
    /// Why it can't be told who got a seat of another type.
    pub unread: Option<String>,
}

/// Whether people get their seat back who meanwhile got one of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    GiveBoth,
    LeaveOut,
}

/// The seats that are meant.
///
/// # Errors
/// When there are none.
pub(super) async fn find(engine: &Engine, what: &Undo) -> Result<Vec<Taken>, RunError> {
    let seats = match what {
        Undo::Run { run, also } => of_run(engine, run, *also).await?,
        Undo::User(account) => of_user(engine, account).await?,
    };
    Ok(numbered(seats))
}

async fn of_run(engine: &Engine, run: &str, also: bool) -> Result<Vec<Taken>, RunError> {
    let records = engine.store.records_of(run).await?;
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
    let all = taken.len();
    taken.retain(|taken| also || !taken.late);
    if taken.is_empty() && all > 0 {
        return Err(RunError::Unusable(format!(
            "all {all} seat(s) of run {run} were found gone late and are only attributed to it; \
             --also allocates them again all the same"
        )));
    }
    if taken.len() < all {
        tracing::warn!(
            site = engine.site.name,
            run,
            "{} seat(s) are left out: they were found gone late and are only attributed to this \
             run; --also includes them",
            all - taken.len()
        );
    }
    if taken.is_empty() {
        return Err(RunError::Unusable(format!("run {run} took no seat from anybody")));
    }
    Ok(taken)
}

/// Of each type, what the last run took that took one from this user.
async fn of_user(engine: &Engine, account: &str) -> Result<Vec<Taken>, RunError> {
    let mut seats: Vec<Taken> = Vec::new();
    for (seat_type, run) in last_runs_of(engine, account).await? {
        let mut of_run = taken(&engine.store.records_of(&run).await?);
        of_run.retain(|t| t.intent.seat_type == seat_type && is_of(&t.intent, account));
        seats.append(&mut of_run);
    }
    if seats.is_empty() {
        return Err(RunError::Unusable(format!(
            "the ledger knows no release of a seat of {account} on this site"
        )));
    }
    seats.sort_by_key(|taken| taken.at);
    Ok(seats)
}

/// The seats that a run took, with what their intents say of them, by the last outcome of each.
fn taken(records: &[Record]) -> Vec<Taken> {
    let mut intents: HashMap<u64, &Intent> = HashMap::new();
    let mut last: BTreeMap<u64, (&Record, &Outcome)> = BTreeMap::new();
    for record in records {
        match &record.entry {
            Entry::Intent(intent) => {
                intents.insert(record.seq, intent);
            }
            Entry::Outcome(outcome) => {
                last.insert(outcome.intent, (record, outcome));
            }
            _ => {}
        }
    }
    let mut taken = Vec::new();
    for (intent, (record, outcome)) in last {
        let Some(intent) = intents.remove(&intent).filter(|_| outcome.is_release()) else {
            continue;
        };
        let quarantine = match &outcome.result {
            SeatResult::Quarantined { until } => Some(until.clone()),
            _ => None,
        };
        taken.push(Taken {
            intent: intent.clone(),
            at: record.time,
            run: record.run.clone().unwrap_or_default(),
            quarantine,
            late: outcome.evidence.late,
            nth: 0,
            rows: [].into(),
            latest: record.time,
        });
    }
    taken
}

/// Tells the seats what others of the same type and person there are.
fn numbered(mut seats: Vec<Taken>) -> Vec<Taken> {
    let mut groups: HashMap<(SeatType, Uuid), Vec<usize>> = HashMap::new();
    for (place, taken) in seats.iter().enumerate() {
        let key = (taken.intent.seat_type, taken.intent.holder.id);
        groups.entry(key).or_default().push(place);
    }
    for places in groups.into_values() {
        let rows: Arc<[Uuid]> = places.iter().map(|place| seats[*place].intent.seat).collect();
        let latest = places.iter().map(|place| seats[*place].at).max().unwrap_or_default();
        for (nth, place) in places.into_iter().enumerate() {
            seats[place].nth = nth;
            seats[place].rows = rows.clone();
            seats[place].latest = latest;
        }
    }
    seats
}

fn is_of(intent: &Intent, account: &str) -> bool {
    fold(&intent.holder.account()) == fold(account)
}

/// For each type, the last run that took a seat of it from this user.
async fn last_runs_of(
    engine: &Engine,
    account: &str,
) -> Result<Vec<(SeatType, String)>, StoreError> {
    let wanted = fold(account);
    let mut found: Vec<(SeatType, String)> = Vec::new();
    let (mut before, mut user) = (u64::MAX, None);
    loop {
        let part = engine.store.outcomes_before(before, &engine.site.name, user, PART).await?;
        let Some(last) = part.last() else { return Ok(found) };
        before = last.seq;
        for record in part {
            let (Entry::Outcome(outcome), Some(run)) = (record.entry, record.run) else { continue };
            let known = found.iter().any(|(seat_type, _)| *seat_type == outcome.seat_type);
            if !known && outcome.is_release() && fold(&outcome.holder.account()) == wanted {
                user = Some(outcome.holder.id);
                found.push((outcome.seat_type, run));
            }
        }
        if found.len() == SeatType::ALL.len() {
            return Ok(found);
        }
    }
}

/// The accounts with this user id that runs took a seat from, each once.
pub(super) async fn accounts_named(engine: &Engine, id: &str) -> Result<Vec<String>, StoreError> {
    let wanted = fold(id);
    let mut found: Vec<String> = Vec::new();
    let mut before = u64::MAX;
    loop {
        let part = engine.store.outcomes_before(before, &engine.site.name, None, PART).await?;
        let Some(last) = part.last() else { return Ok(found) };
        before = last.seq;
        for record in part {
            let Entry::Outcome(outcome) = record.entry else { continue };
            let account = outcome.holder.account();
            if outcome.is_release()
                && fold(&outcome.holder.user_id) == wanted
                && !found.iter().any(|known| fold(known) == fold(&account))
            {
                found.push(account);
            }
        }
    }
}

/// Why the ledger says that a seat is not to be allocated again.
async fn settled_before(engine: &Engine, taken: &Taken) -> Result<Option<String>, StoreError> {
    let Intent { seat_type, holder, .. } = &taken.intent;
    // Allocated again before, or taken by a later run: then that one is to be undone.
    let last = engine.store.last_released(&engine.site.name, *seat_type, holder.id).await?;
    let last = last.filter(|last| *last > taken.latest);
    Ok(last
        .map(|last| format!("already allocated again, or released again, on {}", keep::utc(&last))))
}

/// A seat that was taken from somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenFrom {
    pub seat_type: SeatType,
    pub holder: Holder,
    pub taken: DateTime<Utc>,
    /// The run that took it.
    pub run: String,
    /// Why it will not be allocated again, as far as the ledger knows.
    pub not: Option<String>,
}

impl Engine {
    /// The last seat of each type that was taken from a user, written as `CORP\anna` or only `anna`; none where nothing was.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn taken_from(&self, user: &str) -> Result<Vec<TakenFrom>, RunError> {
        let found = match self.to_undo(user, false).await {
            Ok(what @ Undo::User(_)) => find(self, &what).await,
            Ok(Undo::Run { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let found = match found {
            Err(RunError::Unusable(_)) => Vec::new(),
            found => found?,
        };
        let mut all = Vec::with_capacity(found.len());
        for taken in found {
            let not = settled_before(self, &taken).await?;
            let Intent { seat_type, holder, .. } = taken.intent;
            all.push(TakenFrom { seat_type, holder, taken: taken.at, run: taken.run, not });
        }
        Ok(all)
    }

    /// What an undo would allocate again, and what a person should know before. Nothing is changed.
    ///
    /// # Errors
    /// As [`undo`](Self::undo).
    pub async fn returns(&self, what: &Undo, patience: Patience) -> Result<Returns, RunError> {
        let seats = find(self, what).await?;
        let people: HashSet<Uuid> = seats.iter().map(|taken| taken.intent.holder.id).collect();
        let mut unread = None;
        let mut held: HashMap<Uuid, Vec<OtherSeat>> = HashMap::new();
        for seat_type in SeatType::ALL {
            let list = match self.client.seats(seat_type, patience).await {
                Ok(list) => list.value,
                // The license has no such type.
                Err(Error::NotFound { .. }) => continue,
                Err(error) => {
                    let title = seat_type.title();
                    unread = Some(format!("the {title} seats can't be read: {}", error.what()));
                    continue;
                }
            };
            for seat in list.into_iter().filter(|seat| seat.quarantined.is_none()) {
                let Some(holder) = seat.holder else { continue };
                if people.contains(&holder.id) {
                    let other = OtherSeat { seat_type, created: seat.created };
                    held.entry(holder.id).or_default().push(other);
                }
            }
        }
        let mut returning = Vec::with_capacity(seats.len());
        for taken in seats {
            let not = settled_before(self, &taken).await?;
            let others = held.get(&taken.intent.holder.id).into_iter().flatten();
            let others =
                others.filter(|other| is_new_other(&taken, other.seat_type, &other.created));
            let others = others.cloned().collect();
            let Intent { seat_type, seat, holder, created, last_used, .. } = taken.intent;
            returning.push(Returning {
                seat_type,
                seat,
                holder,
                created,
                last_used,
                taken: taken.at,
                run: taken.run,
                quarantine: taken.quarantine,
                others,
                not,
            });
        }
        Ok(Returns { seats: returning, unread })
    }
}

/// A seat of another type that the person did not have when this one was taken.
fn is_new_other(taken: &Taken, seat_type: SeatType, created: &Moment) -> bool {
    seat_type != taken.intent.seat_type && !is_older(created, taken.at)
}

/// What is known to have been there before a time. A time that is not known is not before it.
fn is_older(created: &Moment, time: DateTime<Utc>) -> bool {
    dates::known(created).is_some_and(|created| created < time - CLOCKS)
}

/// Allocates the seats again, as far as there are free ones.
pub(super) async fn undo(
    session: &Session<'_>,
    seats: Vec<Taken>,
    others: Others,
    tally: &mut Tally,
) -> Result<(), AppendError> {
    // Before anything is allocated again, which is written down like a release.
    let mut wanted = Vec::with_capacity(seats.len());
    for taken in seats {
        tally.of(taken.intent.seat_type).planned += 1;
        match settled_before(session.engine, &taken).await? {
            None => wanted.push(taken),
            Some(why) => {
                let Intent { seat_type, seat, holder, .. } = taken.intent;
                apply::count(
                    tally,
                    SeatOutcome::Kept(Skipped { seat_type, seat, holder, why, taken_by: None }),
                );
            }
        }
    }
    let writer = Writer::new(session.engine.client.clone());
    let give = |taken| give_back(session, &writer, others, taken);
    // The second row of a person waits for the first one.
    for nth in 0.. {
        let (now, later): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|t| t.nth == nth);
        if now.is_empty() || tally.ended.is_some() {
            break;
        }
        let total = now.len() as u64;
        apply::in_turn(session, now.into_iter(), total, tally, give).await?;
        wanted = later;
    }
    Ok(())
}

async fn give_back(
    session: &Session<'_>,
    writer: &Writer,
    others: Others,
    taken: Taken,
) -> Result<SeatOutcome, AppendError> {
    let engine = session.engine;
    let client = &engine.client;
    let Intent { seat_type, seat, holder, created, last_used, .. } = taken.intent.clone();
    let skipped =
        |why: String| Skipped { seat_type, seat, holder: holder.clone(), why, taken_by: None };

    let asked = Instant::now();
    let (person, has, new) = tokio::join!(
        client.person(holder.id, Patience::ONCE),
        verify::usable_seats(client, seat_type, holder.id),
        new_others(client, others, &taken),
    );
    let has = match (person, has) {
        (PersonRead::Gone, _) => {
            return Ok(SeatOutcome::Kept(skipped(
                "the user is not on the site any more".to_owned(),
            )));
        }
        (PersonRead::Unreadable(why), _) => {
            return Ok(SeatOutcome::Unread(skipped(format!("the user could not be read: {why}"))));
        }
        (_, Err(why)) => return Ok(SeatOutcome::Unread(skipped(why))),
        (PersonRead::Whole(_), Ok(has)) => has,
    };
    // A row that was there all the time is not one that came back.
    let again = |row: &&Seat| taken.rows.contains(&row.id) || !is_older(&row.created, taken.at);
    let again = has.iter().filter(again).count();
    if again > taken.nth {
        let why = match again {
            1 => "the user has a seat again already".to_owned(),
            again => format!("the user has {again} seats again already"),
        };
        return Ok(SeatOutcome::Kept(skipped(why)));
    }
    match new {
        Err(why) => return Ok(SeatOutcome::Unread(skipped(why))),
        Ok(Some(other)) => {
            let why = format!(
                "the user got a {} seat since; to allocate this one again as well: --yes",
                other.title()
            );
            return Ok(SeatOutcome::Kept(skipped(why)));
        }
        Ok(None) => {}
    }
    let intent = Intent {
        action: Action::Allocate,
        seat_type,
        seat,
        holder: holder.clone(),
        created,
        last_used,
        because: format!("it was taken on {}", keep::utc(&taken.at)),
        has: u32::try_from(has.len()).unwrap_or(u32::MAX),
    };
    let written = session.append(vec![Entry::Intent(intent.clone())], Vec::new()).await;
    let number = match written {
        Ok(numbers) => numbers.first().copied().expect("one record was appended"),
        Err(error @ AppendError::Open { .. }) => {
            return Ok(SeatOutcome::Kept(skipped(error.to_string())));
        }
        Err(error) => return Err(error),
    };
    let time = engine.clock.now();
    let may = || session.lock.is_held();
    let answer = writer.allocate(seat_type, intent.holder.id, asked + FRESH, &may).await;
    let mut became = match &answer {
        Err(Error::NotSent { .. }) if !session.lock.is_held() => {
            AttemptResult::not_sent(&session.lock.loss().to_string())
        }
        answer => verify::find_out(engine, &intent, time, &WriteResponse::of_post(answer)).await,
    };
    if let SeatResult::Refused { why } = &mut became.result
        && taken.nth > 0
    {
        let rows = taken.rows.len();
        *why = format!(
            "{rows} rows of this type were taken, and the site gives no further one: {why}"
        );
    }
    let result = became.result.clone();
    record(session, number, &intent, became).await?;
    Ok(SeatOutcome::Attempted { intent, result, kept: false })
}

/// A type of which the person got a seat since, where that matters.
async fn new_others(
    client: &Client,
    others: Others,
    taken: &Taken,
) -> Result<Option<SeatType>, String> {
    if others == Others::GiveBoth {
        return Ok(None);
    }
    let own = taken.intent.seat_type;
    for seat_type in SeatType::ALL.into_iter().filter(|seat_type| *seat_type != own) {
        let user = taken.intent.holder.id;
        let seats = match client.seats_of(seat_type, user, Patience::ONCE).await {
            Ok(seats) => seats,
            Err(Error::NotFound { .. }) => continue,
            Err(error) => return Err(error.what()),
        };
        let usable = seats.iter().filter(|seat| seat.quarantined.is_none());
        if usable.into_iter().any(|seat| is_new_other(taken, seat_type, &seat.created)) {
            return Ok(Some(seat_type));
        }
    }
    Ok(None)
}

/// The outcome, and the event if the user has a seat again, at once.
async fn record(
    session: &Session<'_>,
    number: u64,
    intent: &Intent,
    AttemptResult { result, evidence }: AttemptResult,
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
