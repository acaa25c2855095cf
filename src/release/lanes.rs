//! A run's way through the seats that are due: what is read ahead, which requests are under way, what
//! waits to be looked at, and when nothing more may be sent.

use std::collections::VecDeque;
use std::time::Duration;
use std::vec;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::apply::{Due, SeatOutcome, count, stopped, until};
use super::batch::{Answered, Looked, Next, Reread, Turn};
use super::seat::{STOPPED, Taking};
use super::session::Tally;
use crate::ledger::RunStatus;
use crate::store::{AppendError, StoreError};

/// So many seats are taken one by one before any are read together: until then the site has shown
/// that it does what it answers. Most runs have no more.
const SINGLY: usize = 8;

/// Most seats that are read again together.
const BATCH: usize = 50;

/// So many seats are looked at together after their requests.
const LOOK: usize = 25;

/// So few that have an intent let the next ones have theirs: enough to be busy until it is written.
const FEW: usize = 10;

/// So many intents are written together.
const OPEN: usize = 25;

/// Fewer than so many are not worth their lists.
const WORTH: usize = 4;

/// Most seats whose requests were sent and whose fate is not known yet.
const WINDOW: usize = 2 * BATCH;

type Reading<'a> = BoxFuture<'a, Result<Result<Vec<Reread>, String>, StoreError>>;

/// Something that is under way.
type Work<'a> = BoxFuture<'a, Result<Done, AppendError>>;

/// What has come of it.
enum Done {
    Opened(Vec<Next>, Vec<SeatOutcome>),
    /// And how long it took.
    Turn(Box<Turn>, Duration),
    Looked(Looked),
    /// By the number of its intent.
    FoundOut(u64, SeatOutcome),
    Withdrawn,
}

struct Lanes<'a> {
    taking: &'a Taking<'a>,
    /// Not looked at yet.
    due: vec::IntoIter<Due>,
    reading: Option<Reading<'a>>,
    /// Read again, without intents.
    read: Option<Vec<Reread>>,
    next: VecDeque<Next>,
    /// To be looked at.
    answered: Vec<Answered>,
    work: FuturesUnordered<Work<'a>>,
    opening: bool,
    /// Seats whose turn it is.
    turns: usize,
    /// The group that is being looked at.
    looking: Vec<Answered>,
    /// Seats whose answer was no plain yes, and which are read by themselves.
    doubts: Vec<Answered>,
    /// How many requests may be out whose end is not known. Each success lets one more, each failure
    /// brings it back to the beginning.
    window: usize,
    successes: usize,
    failures_in_a_row: usize,
    /// How long a seat's turn takes, of late.
    pace: Option<Duration>,
    /// Requests that may be under way at a time.
    lanes: usize,
    /// `stopAfterFailures`.
    limit: usize,
}

/// Takes the seats of a plan, until all are done or something stops it. Seats in hand are finished all
/// the same; at a stop they have a few seconds. What has an intent and was not sent by then is
/// recorded as such.
///
/// All futures are polled here and nothing else is awaited, so that none of them can hold up the
/// store while it waits for its turn.
pub(super) async fn take(
    taking: &Taking<'_>,
    due: Vec<Due>,
    tally: &mut Tally,
) -> Result<(), AppendError> {
    let release = &taking.session.engine.site.release;
    let limit = release.policy.limits.stop_after_failures.max(1) as usize;
    let total = due.len() as u64;
    let mut due = due.into_iter();
    let first = due.by_ref().take(SINGLY).map(Next::Single).collect();
    let mut lanes = Lanes {
        taking,
        due,
        reading: None,
        read: None,
        next: first,
        answered: Vec::new(),
        work: FuturesUnordered::new(),
        opening: false,
        turns: 0,
        looking: Vec::new(),
        doubts: Vec::new(),
        window: limit,
        successes: 0,
        failures_in_a_row: 0,
        pace: None,
        lanes: release.concurrency.max(1),
        limit,
    };
    lanes.run(tally, total).await
}

impl Lanes<'_> {
    async fn run(&mut self, tally: &mut Tally, total: u64) -> Result<(), AppendError> {
        let session = self.taking.session;
        let (stop, lost) = (&session.order.stop, session.lock.lost());
        let mut trouble = None;
        let mut done = 0;
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
            match (&tally.ended, &trouble) {
                (None, None) => self.go_on(),
                (_, Some(trouble)) => self.finish(&trouble.to_string()),
                (Some((RunStatus::Stopped, why)), _) if patience.is_none() => self.finish(why),
                (Some((RunStatus::Broken, _)), _) => self.finish("the run ended after failures"),
                (Some(_), _) => self.finish(STOPPED),
            }
            self.look_if_due();
            if self.work.is_empty() && self.reading.is_none() {
                let whole = tally.ended.is_some() || trouble.is_some() || done == total;
                debug_assert!(whole, "{done} of {total} seats had their turn");
                return trouble.map_or(Ok(()), Err);
            }
            let next = tokio::select! {
                biased;
                Some(next) = self.work.next() => next,
                read = answer_of(&mut self.reading) => {
                    self.reading = None;
                    match read {
                        Ok(Ok(read)) => self.read = Some(read),
                        Ok(Err(why)) => {
                            tally.ended.get_or_insert((RunStatus::Stopped, why));
                        }
                        Err(error) => {
                            trouble.get_or_insert(error.into());
                        }
                    }
                    continue;
                }
                () = lost.cancelled(), if trouble.is_none() => continue,
                () = stop.cancelled(), if patience.is_none() => continue,
                () = until(patience) => {
                    let (left, site) = (self.out(), session.site());
                    tracing::warn!(
                        site,
                        "{left} seat(s) in hand got no answer in time; the next start finds out \
                         what became of them"
                    );
                    let answered = self.answered.drain(..).chain(self.looking.drain(..));
                    let answered: Vec<_> = answered.chain(self.doubts.drain(..)).collect();
                    self.work.clear();
                    if !answered.is_empty() {
                        self.taking.leave_open(&answered).await?;
                    }
                    return trouble.map_or(Ok(()), Err);
                }
            };
            let outcomes = match next {
                Ok(Done::Looked(Looked { done, rest, trouble: failed })) => {
                    self.looking.clear();
                    self.doubt(rest);
                    if let Some(failed) = failed {
                        trouble.get_or_insert(failed);
                    }
                    done
                }
                Ok(done) => self.took(done),
                Err(error) => {
                    trouble.get_or_insert(error);
                    continue;
                }
            };
            for outcome in outcomes {
                if let SeatOutcome::Halt(why) = outcome {
                    tally.ended.get_or_insert((RunStatus::Stopped, why));
                    continue;
                }
                self.judge(count(tally, outcome));
                done += 1;
                (session.order.progress.0)(done, total);
            }
            if self.failures_in_a_row >= self.limit && tally.ended.is_none() {
                let first = tally.first_failure.as_deref().unwrap_or_default();
                let failures = self.failures_in_a_row;
                let why = format!("{failures} seats in a row failed; the first failure: {first}");
                tally.ended = Some((RunStatus::Broken, why));
            }
        }
    }

    /// Seats whose requests may be out and whose end is not known.
    fn out(&self) -> usize {
        self.turns + self.answered.len() + self.looking.len() + self.doubts.len()
    }

    /// How many more may be sent. Once something has failed, those that are out may fail as well:
    /// together they must not go beyond the limit.
    fn room(&self) -> usize {
        let most = match self.is_careful() {
            false => self.window,
            true => self.window.min(self.limit.saturating_sub(self.failures_in_a_row)),
        };
        most.saturating_sub(self.out())
    }

    /// How many are read again together: half of those that have their turn in time, because as many
    /// are before them. On a slow site they are few, and then each is read at its turn.
    fn batch(&self) -> usize {
        let Some(pace) = self.pace.filter(|pace| !pace.is_zero()) else { return BATCH };
        let ahead = self.taking.session.engine.waits.ahead;
        let turns = ahead.as_secs_f64() / pace.as_secs_f64() * self.lanes as f64;
        ((turns / 2.0) as usize).clamp(1, BATCH)
    }

    fn is_single_next(&self) -> bool {
        matches!(self.next.front(), Some(Next::Single(_)))
    }

    fn is_careful(&self) -> bool {
        self.failures_in_a_row > 0 || !self.doubts.is_empty()
    }

    /// Starts what may be started.
    fn go_on(&mut self) {
        let taking = self.taking;
        while self.turns < self.lanes
            && self.room() > 0
            && let Some(next) = self.next.pop_front()
        {
            self.turns += 1;
            self.work.push(Box::pin(async move {
                let began = Instant::now();
                let turn = taking.turn(next).await?;
                Ok(Done::Turn(Box::new(turn), began.elapsed()))
            }));
        }
        // Before the intents: what is read by itself later has its turn at once. What is read while many
        // others wait to be read by themselves would be old at its turn.
        let near = !self.is_single_next() || self.next.len() <= self.lanes;
        let idle = self.out() == 0 && self.next.is_empty() && !self.opening;
        let may = idle || (self.successes > 0 && (!self.is_careful() || self.room() > 0));
        if may && near && self.reading.is_none() && self.read.is_none() && self.due.len() > 0 {
            let most = if self.is_careful() { self.room().max(1) } else { self.window };
            let most = most.min(self.batch());
            let batch: Vec<Due> = self.due.by_ref().take(most).collect();
            if batch.len() < WORTH {
                self.read = Some(batch.into_iter().map(Reread::Unsure).collect());
            } else {
                self.reading = Some(Box::pin(taking.reread(batch)));
            }
        }
        // What has an intent is sent within a minute or not at all, so few are written ahead, and none
        // while the first ones have still to show what the site does.
        let wanted = match self.is_careful() {
            false => self.next.len() <= FEW.min(self.batch() / 4) && !self.is_single_next(),
            true => self.next.is_empty() && self.room() > 0,
        };
        if wanted
            && !self.opening
            && let Some(mut read) = self.read.take()
        {
            self.opening = true;
            let rest = read.split_off(read.len().min(OPEN));
            self.read = Some(rest).filter(|rest| !rest.is_empty());
            let open = async move {
                let (next, done) = taking.open(read).await?;
                Ok(Done::Opened(next, done))
            };
            self.work.push(Box::pin(open));
        }
    }

    /// Nothing more is sent: what has an intent is recorded as not sent, and the rest is left.
    fn finish(&mut self, why: &str) {
        (self.reading, self.read) = (None, None);
        let opened: Vec<_> = self
            .next
            .drain(..)
            .filter_map(|next| match next {
                Next::Open(opened, _) => Some(*opened),
                Next::Single(_) => None,
            })
            .collect();
        if !opened.is_empty() {
            let (taking, why) = (self.taking, why.to_owned());
            let withdraw = async move {
                taking.withdraw(opened, &why).await?;
                Ok(Done::Withdrawn)
            };
            self.work.push(Box::pin(withdraw));
        }
    }

    /// Looks at those that were answered, when there are enough, or nothing else can go on.
    fn look_if_due(&mut self) {
        let enough = (self.window / 2).clamp(1, LOOK);
        let due = self.answered.len() >= enough || self.room() == 0 || self.next.is_empty();
        if self.answered.is_empty() || !self.looking.is_empty() || !due {
            return;
        }
        let group: Vec<_> = self.answered.drain(..LOOK.min(self.answered.len())).collect();
        self.looking.clone_from(&group);
        let taking = self.taking;
        self.work.push(Box::pin(async move { Ok(Done::Looked(taking.look(group).await)) }));
    }

    /// Reads by themselves what became of these.
    fn doubt(&mut self, seats: impl IntoIterator<Item = Answered>) {
        let taking = self.taking;
        for one in seats {
            self.doubts.push(one.clone());
            let Answered { opened, answer } = one;
            let number = opened.number;
            let find = async move {
                let done = taking.find_out(opened, answer).await?;
                Ok(Done::FoundOut(number, done))
            };
            self.work.push(Box::pin(find));
        }
    }

    /// Notes what has come of something, and returns which seats are done.
    fn took(&mut self, done: Done) -> Vec<SeatOutcome> {
        match done {
            Done::Opened(next, done) => {
                self.opening = false;
                self.next.extend(next);
                done
            }
            Done::Turn(turn, took) => {
                self.turns -= 1;
                let took = match *turn {
                    Turn::Answered(_) => took,
                    // Read before and after its request, too.
                    Turn::Done(_) => took / 4,
                };
                self.pace = Some(self.pace.map_or(took, |pace| (pace * 3 + took) / 4));
                match *turn {
                    Turn::Done(outcome) => vec![outcome],
                    // The service's own answer to a DELETE.
                    Turn::Answered(one) if one.answer.is_sure() => {
                        self.answered.push(one);
                        Vec::new()
                    }
                    Turn::Answered(one) => {
                        self.doubt([one]);
                        Vec::new()
                    }
                }
            }
            Done::FoundOut(number, outcome) => {
                self.doubts.retain(|one| one.opened.number != number);
                vec![outcome]
            }
            Done::Looked(_) | Done::Withdrawn => Vec::new(),
        }
    }

    fn judge(&mut self, worked: Option<bool>) {
        match worked {
            Some(true) => {
                self.failures_in_a_row = 0;
                self.successes += 1;
                self.window = (self.window + 1).min(WINDOW.max(self.limit));
            }
            Some(false) => {
                self.failures_in_a_row += 1;
                self.window = self.limit;
            }
            None => {}
        }
    }
}

async fn answer_of<T>(future: &mut Option<BoxFuture<'_, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
