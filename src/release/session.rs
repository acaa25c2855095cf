//! One run that holds the lock: its records, its events, its end.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::lock::Lock;
use super::plan::{self, Decision, Plan, dates};
use super::run::{Engine, Order, Report, RunError, Skipped};
use crate::event::{Body, Event, ReleaseRun, SeatFacts, SeatsKept};
use crate::ledger::{Entry, Head, Intent, Mode, Outcome, RunStatus, SeatResult, TypeCounts};
use crate::license::{Holder, Moment, SeatType};
use crate::policy::Refusal;
use crate::store::{Addition, AppendError};

/// Records of a run that are written at once.
pub(super) const CHUNK: usize = 200;

/// A run under the lock.
pub(super) struct Session<'a> {
    pub(super) engine: &'a Engine,
    pub(super) order: &'a Order,
    pub(super) mode: Mode,
    pub(super) run: String,
    pub(super) lock: &'a Lock,
    started: DateTime<Utc>,
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Vec<TypeCounts>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: Vec<String>,
    pub(super) seats: Vec<(Intent, SeatResult)>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) plan_digest: Option<String>,
    /// What ended the run early.
    pub(super) ended: Option<(RunStatus, String)>,
    /// The first seat that could not be taken or allocated again, and how many there were.
    pub(super) first_failure: Option<String>,
    pub(super) failures: u64,
    /// Types whose seats could not be listed, and types that guards stopped.
    pub(super) unread: Vec<(SeatType, String)>,
    pub(super) stopped: Vec<SeatType>,
}

impl Tally {
    /// The counts of a type, made if it has none yet.
    pub(super) fn of(&mut self, seat_type: SeatType) -> &mut TypeCounts {
        let known = self.counts.iter().position(|counts| counts.seat_type == seat_type);
        let place = known.unwrap_or_else(|| {
            self.counts.push(TypeCounts::new(seat_type));
            self.counts.len() - 1
        });
        &mut self.counts[place]
    }

    pub(super) fn failed(&mut self, why: String) {
        self.failures += 1;
        self.first_failure.get_or_insert(why);
    }

    /// How the run ended, and why early or in part.
    fn status(&self) -> (RunStatus, Option<String>) {
        if let Some((status, why)) = &self.ended {
            return (*status, Some(why.clone()));
        }
        let types = self.counts.len();
        if types > 0 && self.unread.len() == types {
            let why = self.unread.first().map(|(_, why)| why.clone());
            return (RunStatus::Failed, why);
        }
        if types > 0 && self.stopped.len() == types {
            let saw: Vec<_> =
                self.refusals.iter().map(|r| format!("{}: {}", r.guard, r.saw)).collect();
            return (RunStatus::Refused, (!saw.is_empty()).then(|| saw.join("; ")));
        }
        if let Some(first) = &self.first_failure {
            let why = format!("{} of the seats failed; the first: {first}", self.failures);
            return (RunStatus::Partly, Some(why));
        }
        if let Some((_, why)) = self.unread.first() {
            return (RunStatus::Partly, Some(why.clone()));
        }
        let partly = !self.stopped.is_empty();
        (if partly { RunStatus::Partly } else { RunStatus::Done }, None)
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        order: &'a Order,
        mode: Mode,
        run: String,
        lock: &'a Lock,
    ) -> Self {
        let started = engine.clock.now();
        Self { engine, order, mode, run, lock, started }
    }

    pub(super) fn site(&self) -> &'a str {
        &self.engine.site.name
    }

    pub(super) fn rehearsal(&self) -> bool {
        self.mode == Mode::Rehearsal
    }

    /// Appends records of this run, and what is told of them, while the lock is held.
    pub(super) async fn append(
        &self,
        entries: Vec<Entry>,
        bodies: Vec<Body>,
    ) -> Result<Vec<u64>, AppendError> {
        let events = bodies.into_iter().map(|body| self.engine.addressed(body)).collect();
        let additions = entries.into_iter().map(|entry| self.addition(entry)).collect();
        let claim = Some(self.lock.claim());
        let (numbers, _) = self.engine.store.append(claim, additions, move |_| events).await?;
        Ok(numbers)
    }

    /// Appends what became of an intent of this run, with what is told of it, also after the lock is
    /// lost: a request that left can't be taken back, and its answer must not get lost.
    pub(super) async fn append_outcome(
        &self,
        outcome: Outcome,
        bodies: Vec<Body>,
    ) -> Result<(), AppendError> {
        let events = bodies.into_iter().map(|body| self.engine.addressed(body)).collect();
        let store = &self.engine.store;
        store.append_outcome(self.site(), &self.run, outcome, events).await.map(drop)
    }

    /// As [`append_outcome`](Self::append_outcome), of several at once.
    pub(super) async fn append_outcomes(
        &self,
        outcomes: Vec<(Outcome, Option<Body>)>,
    ) -> Result<(), AppendError> {
        let addressed = |body: Option<Body>| body.into_iter().map(|b| self.engine.addressed(b));
        let outcomes = outcomes.into_iter();
        let outcomes = outcomes.map(|(outcome, body)| (outcome, addressed(body).collect()));
        let store = &self.engine.store;
        store.append_outcomes(self.site(), &self.run, outcomes.collect()).await.map(drop)
    }

    fn addition(&self, entry: Entry) -> Addition {
        Addition { site: self.site().to_owned(), run: Some(self.run.clone()), entry }
    }

    /// The run begins: nothing was read for it and nothing done.
    pub(super) async fn begin(&self) -> Result<(), AppendError> {
        let entry = Entry::RunStarted {
            mode: self.mode,
            trigger: self.order.trigger.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            policy: self.engine.site.release.policy.clone(),
        };
        self.append(vec![entry], Vec::new()).await.map(drop)
    }

    /// The run ends, with what went wrong with its records. A run that has lost its lock still says
    /// so: that changes nothing on the site.
    pub(super) async fn end(
        &self,
        mut tally: Tally,
        done: Result<(), AppendError>,
    ) -> Result<Report, RunError> {
        if let Err(error) = done {
            tally.ended = Some((RunStatus::Failed, error.to_string()));
        }
        let (status, why) = tally.status();
        match self.record_end(&tally, status, why.clone(), true).await {
            Ok(head) => Ok(self.report(tally, status, why, head)),
            Err(lost @ AppendError::ClaimLost { .. }) => {
                let (status, why) = (RunStatus::Failed, Some(lost.to_string()));
                let head = self.record_end(&tally, status, why.clone(), false).await?;
                Ok(self.report(tally, status, why, head))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn record_end(
        &self,
        tally: &Tally,
        status: RunStatus,
        why: Option<String>,
        fenced: bool,
    ) -> Result<Head, AppendError> {
        let entry = Entry::RunEnded { status, counts: tally.counts.clone(), why: why.clone() };
        let mut bodies = Vec::new();
        if self.mode != Mode::Undo && tally.plan_digest.is_some() {
            bodies.push(Body::SeatsKept(SeatsKept {
                run: self.run.clone(),
                rehearsal: self.rehearsal(),
                types: tally.counts.clone(),
            }));
        }
        let ended = ReleaseRun {
            run: self.run.clone(),
            mode: self.mode,
            trigger: self.order.trigger.clone(),
            status,
            started: self.started,
            ended: self.engine.clock.now(),
            types: tally.counts.clone(),
            plan_digest: tally.plan_digest.clone(),
            ledger: Head { seq: 0, hash: String::new() },
            why,
            refusals: tally.refusals.clone(),
        };
        let engine = self.engine.clone();
        let events = move |head: &Head| {
            bodies.push(Body::ReleaseRun(ReleaseRun { ledger: head.clone(), ..ended }));
            bodies.into_iter().map(|body| engine.addressed(body)).collect()
        };
        let claim = fenced.then(|| self.lock.claim());
        let additions = vec![self.addition(entry)];
        let (_, head) = self.engine.store.append(claim, additions, events).await?;
        Ok(head)
    }

    fn report(&self, tally: Tally, status: RunStatus, why: Option<String>, head: Head) -> Report {
        Report {
            run: self.run.clone(),
            mode: self.mode,
            status,
            counts: tally.counts,
            refusals: tally.refusals,
            notes: tally.notes,
            seats: tally.seats,
            skipped: tally.skipped,
            why,
            head,
        }
    }

    /// What events say of a seat.
    pub(super) fn facts(
        &self,
        seat_type: SeatType,
        decision: &Decision,
        holder: &Holder,
    ) -> SeatFacts {
        let (created, last_used) = (&decision.created, &decision.last_used);
        SeatFacts {
            run: self.run.clone(),
            rehearsal: self.rehearsal(),
            seat_type,
            seat: decision.seat,
            holder: holder.clone(),
            created: created.clone(),
            last_used: last_used.clone(),
            idle_days: idle_days(created, last_used, self.engine.clock.now()),
        }
    }
}

impl Engine {
    /// An event of this site, now, with those who want it.
    pub(super) fn addressed(&self, body: Body) -> (Event, Vec<String>) {
        self.addressing.now().address(Event::new(&self.site.name, self.clock.now(), body))
    }
}

/// A fresh id of a run; ids sort by time.
pub(super) fn run_id() -> String {
    Uuid::now_v7().to_string()
}

/// Whole days since last use or, for a seat that was never used, since its allocation.
pub(super) fn idle_days(created: &Moment, last_used: &Moment, now: DateTime<Utc>) -> i64 {
    let since = dates::known(last_used).or_else(|| dates::known(created));
    since.map_or(0, |since| (now - since).num_days())
}

/// The counts of a plan before anything is done.
pub(super) fn planned(plan: &Plan) -> Vec<TypeCounts> {
    let counts = |outcome, part: &super::TypePlan| part.count(outcome) as u64;
    plan.types
        .iter()
        .map(|part| {
            let reasons = part.kept_by_reason().into_iter();
            TypeCounts {
                seats: part.decisions.len() as u64,
                planned: counts(plan::Outcome::Release, part),
                kept: counts(plan::Outcome::Keep, part),
                kept_by_reason: reasons
                    .map(|(code, count)| (code.to_owned(), count as u64))
                    .collect(),
                ..TypeCounts::new(part.seat_type)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(types: usize) -> Tally {
        let mut tally = Tally::default();
        for seat_type in SeatType::ALL.into_iter().take(types) {
            tally.of(seat_type).seats += 1;
        }
        tally
    }

    #[test]
    fn how_a_run_ended() {
        let unread = |t| (t, "no answer".to_owned());
        let [one, two, _] = SeatType::ALL;
        assert_eq!(tally(0).status(), (RunStatus::Done, None));
        assert_eq!(tally(2).status(), (RunStatus::Done, None));
        let partly = Tally { stopped: vec![one], ..tally(2) };
        assert_eq!(partly.status(), (RunStatus::Partly, None));
        let refused = Tally { stopped: vec![one, two], ..tally(2) };
        assert_eq!(refused.status(), (RunStatus::Refused, None));
        let percent = Refusal {
            guard: crate::policy::Guard::Percent,
            seat_type: Some(one),
            saw: "99 of 100 are due".into(),
            fix: "look".into(),
        };
        let named = Tally { refusals: vec![percent], stopped: vec![one], ..tally(1) };
        let why = "percent: 99 of 100 are due".to_owned();
        assert_eq!(named.status(), (RunStatus::Refused, Some(why)));
        // One could not be read, the other one was stopped by a guard.
        let refused = Tally { unread: vec![unread(one)], ..refused };
        assert_eq!(refused.status(), (RunStatus::Refused, None));
        let half = Tally { unread: vec![unread(one)], stopped: vec![one], ..tally(2) };
        assert_eq!(half.status(), (RunStatus::Partly, Some("no answer".into())));
        let failed = Tally { unread: vec![unread(one), unread(two)], ..refused };
        assert_eq!(failed.status(), (RunStatus::Failed, Some("no answer".into())));

        let mut some = tally(1);
        some.failed("CORP\\anna: 409".into());
        some.failed("CORP\\bert: 500".into());
        let why = "2 of the seats failed; the first: CORP\\anna: 409".to_owned();
        assert_eq!(some.status(), (RunStatus::Partly, Some(why)));
        some.ended = Some((RunStatus::Stopped, "it was stopped".into()));
        assert_eq!(some.status().0, RunStatus::Stopped);
    }

    #[test]
    fn idle_days_are_whole_and_count_from_the_last_use_or_the_allocation() {
        let now: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        let ago = |hours| Moment::At(now - chrono::Duration::hours(hours));
        assert_eq!(idle_days(&ago(1), &ago(47), now), 1);
        assert_eq!(idle_days(&ago(48), &Moment::Never, now), 2);
        let never = "1753-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(idle_days(&ago(48), &Moment::At(never), now), 2);
        assert_eq!(idle_days(&Moment::Never, &Moment::Never, now), 0);
    }
}
