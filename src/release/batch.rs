//! Many seats at once: read again by a few lists, their intents in one commit, looked at by a list
//! after their requests, their outcomes in one commit. Only the DELETE is one by one.
//!
//! A list proves what it says of a seat as one reading of the seat does: it holds nothing that was not
//! asked for, nothing twice, and as many rows as the site counts by the same filter. What it doesn't
//! say that clearly is left to the seat's own readings in [`seat`](super::seat).

use std::collections::HashMap;

use futures_util::future::join_all;
use uuid::Uuid;

use super::apply::{Due, SeatOutcome};
use super::read;
use super::seat::{FRESH, Look, Opened, Recheck, Stamp, Taking, news_of};
use super::verdict::{SeatState, WriteResponse, verdict};
use super::verify::{self, AttemptResult};
use crate::ledger::{Entry, Intent};
use crate::license::{Seat, SeatType};
use crate::qrs::Patience;
use crate::store::{AppendError, StoreError};

/// Why an intent came to nothing whose look was too old when its turn came.
const WAITED: &str = "it waited for more than a minute after it was looked at";

/// What was read so many times longer ago than a batch is to wait is read once more, at its turn.
const STALE: u32 = 3;

/// A seat before its intent.
pub(super) enum Reread {
    /// As in the plan, and still due.
    Same(Due, Stamp),
    /// The lists don't say it: it is read by itself, at its turn.
    Unsure(Due),
    /// It is kept.
    Done(SeatOutcome),
}

/// A seat whose turn comes.
pub(super) enum Next {
    /// Its intent is written.
    Open(Box<Opened>, Stamp),
    /// Nothing is written of it yet, and nothing known.
    Single(Due),
}

/// A seat whose request was answered.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) opened: Opened,
    pub(super) answer: WriteResponse,
}

/// What a look at seats showed.
pub(super) struct Looked {
    pub(super) done: Vec<SeatOutcome>,
    /// To be read by themselves.
    pub(super) rest: Vec<Answered>,
    /// Why it could not be recorded.
    pub(super) trouble: Option<AppendError>,
}

/// What came of a seat's turn.
pub(super) enum Turn {
    Answered(Answered),
    Done(SeatOutcome),
}

impl Taking<'_> {
    /// Reads these seats, their users and the users' other seats again. `Err` holds why no further
    /// seat may be taken.
    pub(super) async fn reread(
        &self,
        batch: Vec<Due>,
    ) -> Result<Result<Vec<Reread>, String>, StoreError> {
        if let Some(why) = self.closed().await? {
            return Ok(Err(why));
        }
        let engine = self.session.engine;
        let (client, once) = (&engine.client, Patience::ONCE);
        let stamp = Stamp::now(self.session);
        let mut users: Vec<Uuid> = batch.iter().map(|due| due.holder.id).collect();
        users.sort_unstable();
        users.dedup();
        let seats = by_type(batch.iter().map(|due| (due.seat_type, due.decision.seat)));
        let seats = seats.into_iter().map(async |(seat_type, ids)| {
            (seat_type, self.beside(client.seats_by_id(seat_type, &ids, once)).await)
        });
        let judged = if self.policy.judge_per_user { self.looked } else { &[] };
        let others = judged.iter().map(async |&seat_type| {
            let seats = self.beside(client.seats_of_users(seat_type, &users, once)).await;
            (seat_type, self.listed(seat_type, seats))
        });
        let people = self.beside(client.people(&users, once));
        let (seats, people, others) = tokio::join!(join_all(seats), people, join_all(others));

        let mut there: HashMap<Uuid, (&Seat, _)> = HashMap::new();
        for (_, reading) in &seats {
            // The seats of a list that can't be read are unsure.
            let Ok(reading) = reading else { continue };
            let clocks = read::clocks(reading, &engine.clock);
            there.extend(reading.value.iter().map(|seat| (seat.id, (seat, clocks))));
        }
        let mut held: HashMap<(SeatType, Uuid), Vec<&Seat>> = HashMap::new();
        for (seat_type, list) in &others {
            for seat in list.iter().flatten() {
                let Some(holder) = &seat.holder else { continue };
                held.entry((*seat_type, holder.id)).or_default().push(seat);
            }
        }
        let others = |due: &Due| {
            for (seat_type, list) in &others {
                if let Err(why) = list {
                    return Err(why.clone());
                }
                let theirs = held.get(&(*seat_type, due.holder.id)).map_or(&[][..], Vec::as_slice);
                if let Some(why) = news_of(due, *seat_type, theirs.iter().copied())? {
                    return Ok(Some(why));
                }
            }
            Ok(None)
        };
        let judge = |due: Due| {
            let Some((seat, clocks)) = there.get(&due.decision.seat) else {
                return Reread::Unsure(due);
            };
            let Some(person) = people.get(&due.holder.id) else { return Reread::Unsure(due) };
            let others = others(&due);
            match self.judge(&due, Look { stamp, seat, clocks: *clocks, person, others }) {
                Recheck::Same(stamp) => Reread::Same(due, stamp),
                Recheck::Changed(why) => Reread::Done(SeatOutcome::Kept(due.skipped(why))),
                Recheck::Gone | Recheck::Unread(_) => Reread::Unsure(due),
            }
        };
        Ok(Ok(batch.into_iter().map(judge).collect()))
    }

    /// What is read beside the DELETEs, at its turn.
    async fn beside<T>(&self, reading: impl Future<Output = T>) -> T {
        let _turn = self.beside.acquire().await.expect("it is never closed");
        reading.await
    }

    /// Writes the intents of a batch at once, unless a person paused releasing. What of it is done, too.
    pub(super) async fn open(
        &self,
        batch: Vec<Reread>,
    ) -> Result<(Vec<Next>, Vec<SeatOutcome>), AppendError> {
        if let Some(why) = self.closed().await? {
            return Ok((Vec::new(), vec![SeatOutcome::Halt(why)]));
        }
        let mut done = Vec::new();
        let mut batch: Vec<_> = batch
            .into_iter()
            .filter_map(|reread| match reread {
                Reread::Same(due, stamp) => Some((due, Some(stamp))),
                Reread::Unsure(due) => Some((due, None)),
                Reread::Done(outcome) => {
                    done.push(outcome);
                    None
                }
            })
            .collect();
        let (intents, numbers) = loop {
            let same = batch.iter().filter(|(_, stamp)| stamp.is_some());
            let intents: Vec<Intent> = same.map(|(due, _)| self.intent(due)).collect();
            if intents.is_empty() {
                break (intents, Vec::new());
            }
            let entries = intents.iter().cloned().map(Entry::Intent).collect();
            match self.session.append(entries, Vec::new()).await {
                Ok(numbers) => break (intents, numbers),
                // Another process has an intent of this one.
                Err(AppendError::Open { seat, seq }) => {
                    let error = AppendError::Open { seat, seq };
                    let place = batch.iter().position(|(due, _)| due.decision.seat == seat);
                    let (due, _) = batch.remove(place.expect("it is one of these"));
                    done.push(SeatOutcome::Kept(due.skipped(error.to_string())));
                }
                Err(error) => return Err(error),
            }
        };
        let time = self.session.engine.clock.now();
        let mut written = intents.into_iter().zip(numbers);
        let next = batch.into_iter().map(|(due, stamp)| match stamp {
            Some(stamp) => {
                let (intent, number) = written.next().expect("each has its intent");
                Next::Open(Box::new(Opened { due, intent, number, time }), stamp)
            }
            None => Next::Single(due),
        });
        Ok((next.collect(), done))
    }

    /// A seat's turn.
    pub(super) async fn turn(&self, next: Next) -> Result<Turn, AppendError> {
        let (opened, stamp) = match next {
            Next::Single(due) => return self.release(due).await,
            Next::Open(opened, stamp) => (*opened, stamp),
        };
        let until = stamp.runtime + FRESH;
        let age = stamp.age(self.session);
        if age >= self.fresh {
            // Its intent is older than a request may be: it gets another one.
            let due = opened.due.clone();
            self.record(opened, AttemptResult::not_sent(WAITED), true).await?;
            return self.release(due).await;
        }
        let mut read = stamp;
        if age >= self.session.engine.waits.ahead * STALE {
            match self.again(self.recheck_once(&opened.due).await).await {
                Ok(again) => read = again,
                Err((why, kept)) => {
                    let done = self.record(opened, AttemptResult::not_sent(&why), kept).await?;
                    return Ok(Turn::Done(done));
                }
            }
        }
        match self.delete(&opened, read, until).await {
            Ok(answer) => Ok(Turn::Answered(Answered { opened, answer })),
            // It speaks against the others as well.
            Err(why) => {
                self.withdraw(vec![opened], &why).await?;
                match self.session.lock.is_held() {
                    true => Ok(Turn::Done(SeatOutcome::Halt(why))),
                    false => Err(self.session.lock.loss()),
                }
            }
        }
    }

    /// Looks at what became of seats whose requests were accepted, and records it at once. Those of
    /// which the list doesn't say that they are gone come back: they are read by themselves; so do all that
    /// could not be recorded.
    pub(super) async fn look(&self, group: Vec<Answered>) -> Looked {
        if group.len() < 2 {
            return Looked { done: Vec::new(), rest: group, trouble: None };
        }
        let engine = self.session.engine;
        let asked = by_type(group.iter().map(|one| (one.opened.due.seat_type, one.seat())));
        let lists = asked.into_iter().map(async |(seat_type, ids)| {
            let seats = engine.client.seats_by_id(seat_type, &ids, Patience::ONCE);
            (seat_type, self.beside(seats).await)
        });
        // A list may be cut by rules that its count follows, from some moment on: the first and the last
        // one of the group are read by themselves.
        let singly = [&group[0], &group[group.len() - 1]].map(|one| {
            verify::read_state(&engine.client, &one.opened.intent, one.answer.is_sure())
        });
        let singly = self.beside(join_all(singly));
        let (lists, singly) = tokio::join!(join_all(lists), singly);
        if singly.iter().any(|state| *state != Ok(SeatState::Missing)) {
            return Looked { done: Vec::new(), rest: group, trouble: None };
        }
        let is_missing = |one: &Answered| {
            let list = lists.iter().find(|(of, _)| *of == one.opened.due.seat_type);
            let list = list.and_then(|(_, list)| list.as_ref().ok());
            list.is_some_and(|list| list.value.iter().all(|seat| seat.id != one.seat()))
        };
        let (gone, mut rest): (Vec<_>, Vec<_>) = group.into_iter().partition(is_missing);
        let (mut outcomes, mut done) = (Vec::new(), Vec::new());
        for Answered { opened, answer } in &gone {
            let observations = [verify::observation(engine, SeatState::Missing)];
            let times = verify::times(engine, opened.time);
            let became = AttemptResult::of(verdict(answer, &observations, times), answer);
            let became = became.expect("a seat that is missing after its request is ours");
            let result = became.result.clone();
            outcomes.push(self.outcome(opened, became));
            let intent = opened.intent.clone();
            done.push(SeatOutcome::Attempted { intent, result, kept: false });
        }
        if !outcomes.is_empty()
            && let Err(error) = self.session.append_outcomes(outcomes).await
        {
            rest.extend(gone);
            return Looked { done: Vec::new(), rest, trouble: Some(error) };
        }
        Looked { done, rest, trouble: None }
    }

    /// Records what seats were answered of which nothing more can be found out now.
    pub(super) async fn leave_open(&self, seats: &[Answered]) -> Result<(), AppendError> {
        let outcomes = seats.iter().map(|Answered { opened, answer }| {
            let action = opened.intent.action;
            self.outcome(opened, AttemptResult::open(action, answer, &[], None))
        });
        self.session.append_outcomes(outcomes.collect()).await
    }

    /// Records that nothing was sent after these intents.
    pub(super) async fn withdraw(&self, opened: Vec<Opened>, why: &str) -> Result<(), AppendError> {
        let outcomes = opened.iter().map(|one| self.outcome(one, AttemptResult::not_sent(why)));
        self.session.append_outcomes(outcomes.collect()).await
    }
}

impl Answered {
    fn seat(&self) -> Uuid {
        self.opened.due.decision.seat
    }
}

/// The ids of each type.
fn by_type(seats: impl Iterator<Item = (SeatType, Uuid)>) -> Vec<(SeatType, Vec<Uuid>)> {
    let mut types: Vec<(SeatType, Vec<Uuid>)> = Vec::new();
    for (seat_type, id) in seats {
        match types.iter_mut().find(|(of, _)| *of == seat_type) {
            Some((_, ids)) => ids.push(id),
            None => types.push((seat_type, vec![id])),
        }
    }
    types
}
