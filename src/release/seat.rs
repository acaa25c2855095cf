//! One seat: read again, compare, intent, DELETE, read again, outcome.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::apply::{Due, SeatOutcome};
use super::batch::{Answered, Turn};
use super::plan::{self, Clocks, Decision, Keep, dates, keep};
use super::read;
use super::run::Skipped;
use super::session::Session;
use super::verdict::{SeatState, WriteResponse};
use super::verify::{self, AttemptResult};
use crate::event::{Body, SeatReleased};
use crate::ledger::past::Past;
use crate::ledger::{self, Action, Entry, Intent};
use crate::license::{Holder, Moment, PersonRead, Seat, SeatType};
use crate::policy::Policy;
use crate::qrs::write::Writer;
use crate::qrs::{Error, Patience};
use crate::store::{AppendError, StoreError};
use crate::words;

/// A seat is taken only if it was read within this time, and the site's answer is not waited for
/// beyond it.
pub(super) const FRESH: Duration = Duration::from_secs(60);

/// Why a seat in hand was left at a stop.
pub(super) const STOPPED: &str = "the run was stopped";

/// How often a seat and its user are read before they count as unreadable.
const READS: u32 = 3;

/// How often a seat is looked at again because storing the intent took so long.
const LOOKS: u32 = 3;

/// What is needed to take seats.
pub(super) struct Taking<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) writer: Writer,
    pub(super) past: &'a Past,
    pub(super) policy: &'a Policy,
    /// The types whose lists the plan was made of: the person's other seats are looked for there.
    pub(super) looked: &'a [SeatType],
    /// Those of them that the site doesn't have.
    pub(super) absent: &'a [SeatType],
    /// [`FRESH`].
    pub(super) fresh: Duration,
    /// For lists that are read beside the DELETEs: these would wait for their turn behind them.
    pub(super) beside: Semaphore,
}

/// A seat whose intent is written.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) due: Due,
    pub(super) intent: Intent,
    /// Of the intent.
    pub(super) number: u64,
    /// When the intent had been written.
    pub(super) time: DateTime<Utc>,
}

/// What was read again of a seat that is there.
pub(super) struct Look<'a> {
    /// When the reading began.
    pub(super) stamp: Stamp,
    pub(super) seat: &'a Seat,
    pub(super) clocks: Option<Clocks>,
    pub(super) person: &'a PersonRead,
    /// What the plan didn't know of the person's other seats; or why they can't be read.
    pub(super) others: Result<Option<String>, String>,
}

/// What a second look at a seat says.
pub(super) enum Recheck {
    /// As in the plan, and still due, when the look began.
    Same(Stamp),
    Changed(String),
    Gone,
    Unread(String),
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    shown: DateTime<Utc>,
    pub(super) runtime: Instant,
}

impl Taking<'_> {
    /// Takes one seat from its user, if nothing has changed. An answer that is no plain yes is left to
    /// be looked into.
    pub(super) async fn release(&self, due: Due) -> Result<Turn, AppendError> {
        let session = self.session;
        if let Some(why) = self.closed().await? {
            return Ok(Turn::Done(SeatOutcome::Halt(why)));
        }
        let mut read = match self.recheck(&due).await {
            Recheck::Same(read) => read,
            Recheck::Changed(why) => return Ok(Turn::Done(SeatOutcome::Kept(due.skipped(why)))),
            Recheck::Gone => {
                let gone = due.skipped("the seat is gone".to_owned());
                return Ok(Turn::Done(SeatOutcome::Gone(gone)));
            }
            Recheck::Unread(why) => return Ok(Turn::Done(SeatOutcome::Unread(due.skipped(why)))),
        };
        if session.order.stop.is_cancelled() {
            return Ok(Turn::Done(SeatOutcome::Halt(STOPPED.to_owned())));
        }
        let intent = self.intent(&due);
        let written = session.append(vec![Entry::Intent(intent.clone())], Vec::new()).await;
        let number = match written {
            Ok(numbers) => numbers.first().copied().expect("one record was appended"),
            Err(error @ AppendError::Open { .. }) => {
                return Ok(Turn::Done(SeatOutcome::Kept(due.skipped(error.to_string()))));
            }
            Err(error) => return Err(error),
        };
        let time = session.engine.clock.now();
        let opened = Opened { due, intent, number, time };

        for looks in 1.. {
            if read.age(session) < self.fresh {
                break;
            }
            let look = if looks < LOOKS {
                self.recheck(&opened.due).await
            } else {
                Recheck::Unread("storing what is to be done took too long".to_owned())
            };
            match self.again(look).await {
                Ok(again) => read = again,
                Err((why, kept)) => {
                    let done = self.record(opened, AttemptResult::not_sent(&why), kept).await?;
                    return Ok(Turn::Done(done));
                }
            }
        }
        let done = match self.delete(&opened, read, read.runtime + FRESH).await {
            Ok(answer) if answer.is_sure() => self.find_out(opened, answer).await,
            Ok(answer) => return Ok(Turn::Answered(Answered { opened, answer })),
            Err(why) => self.record(opened, AttemptResult::not_sent(&why), true).await,
        };
        done.map(Turn::Done)
    }

    /// When a seat with an intent was read once more; or why nothing is sent after all, and whether that
    /// is the seat's own affair.
    pub(super) async fn again(&self, look: Recheck) -> Result<Stamp, (String, bool)> {
        match look {
            // The machine may have slept for so long that another run took over.
            Recheck::Same(_) if self.session.lock.ask().await.is_err() => {
                Err((self.session.lock.loss().to_string(), true))
            }
            Recheck::Same(again) => Ok(again),
            Recheck::Changed(why) => Err((why, true)),
            Recheck::Gone => Err(("the seat is gone".to_owned(), true)),
            Recheck::Unread(why) => Err((why, false)),
        }
    }

    /// Sends the request before `until`, as long as the look at the seat is fresh by both clocks, and
    /// unless something speaks against it when its turn among the requests has come.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub(super) async fn delete(
        &self,
        opened: &Opened,
        read: Stamp,
        until: Instant,
    ) -> Result<WriteResponse, String> {
        let Due { seat_type, decision, .. } = &opened.due;
        if let Some(why) = self.against() {
            return Err(why);
        }
        let may = || self.against().is_none() && read.age(self.session) < FRESH;
        let answer = self.writer.deallocate(*seat_type, decision.seat, until, &may).await;
        match answer {
            Err(Error::NotSent { .. }) if let Some(why) = self.against() => Err(why),
            answer => Ok(WriteResponse::of_delete(&answer)),
        }
    }

    /// Reads what became of a request, and records it.
    pub(super) async fn find_out(
        &self,
        opened: Opened,
        answer: WriteResponse,
    ) -> Result<SeatOutcome, AppendError> {
        let engine = self.session.engine;
        let became = verify::find_out(engine, &opened.intent, opened.time, &answer).await;
        self.record(opened, became, false).await
    }

    /// What came up since the intent was written and speaks against sending anything.
    pub(super) fn against(&self) -> Option<String> {
        let session = self.session;
        if !session.lock.is_held() {
            return Some(session.lock.loss().to_string());
        }
        if session.order.stop.is_cancelled() {
            return Some(STOPPED.to_owned());
        }
        if let Err(error) = session.engine.store.is_whole() {
            return Some(error.to_string());
        }
        self.frozen()
    }

    /// Why no further seat may be taken: a person's pause, a freeze, or the end of allowed hours.
    pub(super) async fn closed(&self) -> Result<Option<String>, StoreError> {
        let session = self.session;
        if let Some(pause) = session.engine.store.pause(session.site()).await? {
            return Ok(Some(pause.told(&keep::utc(&pause.until))));
        }
        Ok(self.frozen())
    }

    fn frozen(&self) -> Option<String> {
        let now = self.session.engine.clock.now();
        self.policy.calendar.closed(now).map(|closed| closed.to_string())
    }

    /// The outcome, and the event if the seat was taken, at once.
    pub(super) async fn record(
        &self,
        opened: Opened,
        became: AttemptResult,
        kept: bool,
    ) -> Result<SeatOutcome, AppendError> {
        let result = became.result.clone();
        let (outcome, body) = self.outcome(&opened, became);
        self.session.append_outcome(outcome, body.into_iter().collect()).await?;
        Ok(SeatOutcome::Attempted { intent: opened.intent, result, kept })
    }

    /// What is written of an attempt, and told if the seat was taken.
    pub(super) fn outcome(
        &self,
        opened: &Opened,
        became: AttemptResult,
    ) -> (ledger::Outcome, Option<Body>) {
        let AttemptResult { result, evidence } = became;
        let Due { seat_type, decision, holder, .. } = &opened.due;
        let body = result.is_taken().then(|| {
            let seat = self.session.facts(*seat_type, decision, holder);
            Body::SeatReleased(SeatReleased { seat, result: result.clone(), late: false })
        });
        let outcome = ledger::Outcome {
            intent: opened.number,
            action: opened.intent.action,
            seat_type: *seat_type,
            seat: decision.seat,
            holder: holder.clone(),
            result,
            settled_later: false,
            evidence,
        };
        (outcome, body)
    }

    pub(super) fn intent(&self, due: &Due) -> Intent {
        Intent {
            action: Action::Release,
            seat_type: due.seat_type,
            seat: due.decision.seat,
            holder: due.holder.clone(),
            created: due.decision.created.clone(),
            last_used: due.decision.last_used.clone(),
            because: self.because(due),
            has: 0,
        }
    }

    /// `idle for 43 days (threshold 30)`.
    fn because(&self, due: &Due) -> String {
        let now = self.session.engine.clock.now();
        let rule = self.policy.rule(due.seat_type);
        let days = due.decision.idle_since.map_or(0, |since| (now - since).num_days());
        match dates::known(&due.decision.last_used) {
            Some(_) => {
                let threshold = rule.map_or(0, |rule| rule.release_threshold_days);
                format!("idle for {} (threshold {threshold})", words::days(days))
            }
            None => {
                let grace = rule.map_or(0, |rule| rule.never_used_grace_days);
                format!("never used, allocated {} ago (grace {grace})", words::days(days))
            }
        }
    }

    /// Reads the seat, its user and the user's other seats again.
    async fn recheck(&self, due: &Due) -> Recheck {
        let mut unread = String::new();
        for read in 0..READS {
            if read > 0 {
                verify::pause(&self.session.engine.client, read).await;
            }
            match self.recheck_once(due).await {
                Recheck::Unread(why) => unread = why,
                look => return look,
            }
        }
        Recheck::Unread(unread)
    }

    pub(super) async fn recheck_once(&self, due: &Due) -> Recheck {
        let client = &self.session.engine.client;
        let stamp = Stamp::now(self.session);
        let (seat, person, others) = tokio::join!(
            client.seat_reading(due.seat_type, due.decision.seat, Patience::ONCE),
            client.person(due.holder.id, Patience::ONCE),
            self.others(due),
        );
        let reading = match seat {
            Ok(Some(reading)) => reading,
            Ok(None) => return self.is_gone(due).await,
            Err(error) => return Recheck::Unread(error.what()),
        };
        let clocks = read::clocks(&reading, &self.session.engine.clock);
        self.judge(due, Look { stamp, seat: &reading.value, clocks, person: &person, others })
    }

    /// Whether the seat is as in the plan and still due, by what was read again.
    pub(super) fn judge(&self, due: &Due, look: Look<'_>) -> Recheck {
        let Look { stamp, seat, clocks, person, others } = look;
        if let Some(why) = difference(&due.decision, seat) {
            return Recheck::Changed(why);
        }
        if let PersonRead::Unreadable(why) = person {
            return Recheck::Unread(format!("the user could not be read: {why}"));
        }
        let now = self.session.engine.clock.now();
        let now = clocks.map_or(now, |clocks| clocks.earlier(now));
        let keep = plan::keeping(seat, person, self.past, self.policy, now);
        if let Some(first) = keep.first() {
            return Recheck::Changed(first.text());
        }
        match others {
            Ok(None) => Recheck::Same(stamp),
            Ok(Some(why)) => Recheck::Changed(why),
            Err(why) => Recheck::Unread(why),
        }
    }

    /// Asks twice: a service that is not there answers 404, too.
    async fn is_gone(&self, due: &Due) -> Recheck {
        match verify::read_state(&self.session.engine.client, &self.intent(due), false).await {
            Ok(SeatState::Missing) => Recheck::Gone,
            Ok(_) => Recheck::Unread(
                "the site answered 404 for the seat, and then it was there".to_owned(),
            ),
            Err(why) => Recheck::Unread(why),
        }
    }

    /// Whether the person has got or used another seat since the plan was made. All seats of the
    /// person are asked for, not only those that the plan knew.
    async fn others(&self, due: &Due) -> Result<Option<String>, String> {
        if !self.policy.judge_per_user {
            return Ok(None);
        }
        let (client, user) = (&self.session.engine.client, due.holder.id);
        let reads = self.looked.iter().map(async |&seat_type| {
            let seats = client.seats_of(seat_type, user, Patience::ONCE).await;
            (seat_type, seats)
        });
        for (seat_type, seats) in join_all(reads).await {
            let seats = self.listed(seat_type, seats)?;
            if let Some(why) = news_of(due, seat_type, seats.iter())? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// The seats of a list of people's others. A type that the site doesn't have has none.
    pub(super) fn listed(
        &self,
        seat_type: SeatType,
        seats: Result<Vec<Seat>, Error>,
    ) -> Result<Vec<Seat>, String> {
        match seats {
            Ok(seats) => Ok(seats),
            Err(Error::NotFound { .. }) if self.absent.contains(&seat_type) => Ok(Vec::new()),
            Err(error) => {
                let (title, why) = (seat_type.title(), error.what());
                Err(format!("the user's {title} seats could not be read: {why}"))
            }
        }
    }
}

/// What the plan didn't know of a person's seats of a type, which are all of them.
///
/// # Errors
/// When the seat itself is not among them: then they are not all.
pub(super) fn news_of<'s>(
    due: &Due,
    seat_type: SeatType,
    seats: impl Iterator<Item = &'s Seat> + Clone,
) -> Result<Option<String>, String> {
    let own = seat_type == due.seat_type;
    if own && !seats.clone().any(|seat| seat.id == due.decision.seat) {
        let title = seat_type.title();
        return Err(format!("the list of the user's {title} seats lacks this one"));
    }
    let mut others = seats.filter(|seat| seat.id != due.decision.seat);
    Ok(others.find_map(|seat| news(due, seat)))
}

/// What the plan didn't know of another seat of the person.
fn news(due: &Due, seat: &Seat) -> Option<String> {
    let title = seat.seat_type.title();
    match due.others.iter().find(|other| other.seat == seat.id) {
        Some(other) if other.last_used == seat.last_used => None,
        Some(_) => Some(match dates::known(&seat.last_used) {
            Some(at) => {
                format!("the same person used the {title} seat on {}", keep::utc(&at))
            }
            None => format!("the last use of the {title} seat changed"),
        }),
        None => Some(format!("the same person has a {title} seat that the plan did not know")),
    }
}

impl Stamp {
    pub(super) fn now(session: &Session<'_>) -> Self {
        Self { shown: session.engine.clock.now(), runtime: Instant::now() }
    }

    pub(super) fn age(&self, session: &Session<'_>) -> Duration {
        session.engine.clock.age(self.shown, self.runtime)
    }
}

impl Due {
    pub(super) fn skipped(&self, why: String) -> Skipped {
        Skipped {
            seat_type: self.seat_type,
            seat: self.decision.seat,
            holder: self.holder.clone(),
            why,
            taken_by: None,
        }
    }
}

/// What is not as the plan saw it.
fn difference(planned: &Decision, seat: &Seat) -> Option<String> {
    let holder = |holder: &Option<Arc<Holder>>| holder.as_ref().map(|h| h.id);
    if let Some(until) = &seat.quarantined {
        return Some(Keep::Quarantined { until: until.clone() }.text());
    }
    if seat.id != planned.seat || holder(&seat.holder) != holder(&planned.holder) {
        return Some("the seat belongs to somebody else now".to_owned());
    }
    if seat.last_used != planned.last_used {
        return Some(match &seat.last_used {
            Moment::At(at) => format!("used on {}", keep::utc(at)),
            Moment::Never | Moment::Unreadable(_) => "its last use changed".to_owned(),
        });
    }
    if seat.created != planned.created {
        return Some("the time of its allocation changed".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
