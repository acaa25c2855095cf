//! Events that fail again and again: whether it is the event or the destination, and when one is set
//! aside.
//!
//! A suspect that has failed often enough and long enough is on trial. Only another event that the
//! destination acknowledges shows that it works. The suspect is set aside when it fails after one
//! acknowledgement, and again at once after a second one: so neither a destination that just came back
//! nor one that just went away makes a dead letter of a good event.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{self, Backoff};
use crate::event::{Kind, Series};
use crate::store::QueueId;
use crate::store::settings::SetAside;

/// The pace at which a suspect is tried while others get through.
const PACE: Backoff = Backoff { first: Duration::from_secs(2), cap: Duration::from_secs(30) };
/// Most suspects that others pass by at a time: each is tried every half minute.
const MOST_ON_TRIAL: usize = 16;
/// Most of a site and kind: with so many, all others of it wait behind them.
const MOST_ALIKE: usize = 4;
/// Most different answers that are kept of a suspect, and most causes that are remembered.
const MOST_ANSWERS: usize = 5;
const MOST_CAUSES: usize = 16;
/// How long the cause of an event that was set aside is remembered.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// When nothing but its own series waits behind a suspect, that one is tried after so many times the
/// usual time.
const ALONE: u32 = 10;

#[derive(Debug)]
pub(super) struct Suspects {
    rule: SetAside,
    rng: fastrand::Rng,
    all: Vec<Suspect>,
    causes: VecDeque<Cause>,
}

/// Why events of a kind were set aside.
#[derive(Debug)]
struct Cause {
    kind: Kind,
    why: String,
    at: Instant,
}

#[derive(Debug)]
struct Suspect {
    id: QueueId,
    series: Series,
    failures: u32,
    since: Instant,
    /// What the destination said, and how often.
    answers: Vec<(String, u32)>,
    trial: Option<Trial>,
}

#[derive(Debug)]
struct Trial {
    next: Instant,
    pace: backoff::Series,
    evidence: Evidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    None,
    /// Another event was acknowledged.
    OtherTaken,
    /// After that, this one failed again.
    FailedSince,
    /// And then another one was acknowledged again: this one is tried next.
    LastTry,
}

/// An event that becomes a dead letter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) id: QueueId,
    pub(super) why: String,
}

/// What a failure means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The destination may be down: everything waits.
    All,
    /// It is on trial, and others pass it by.
    Alone,
    /// It is to blame, and nothing else.
    SetAside(Verdict),
}

impl Suspects {
    pub(super) fn new(rule: SetAside, rng: fastrand::Rng) -> Self {
        Self { rule, rng, all: Vec::new(), causes: VecDeque::new() }
    }

    /// An event failed. A receiver that asks for a pause (`after`) speaks of itself: such a failure is
    /// evidence of nothing.
    pub(super) fn failed(
        &mut self,
        id: QueueId,
        series: &Series,
        why: &str,
        after: Option<Duration>,
    ) -> Failed {
        let now = Instant::now();
        self.causes.retain(|cause| now - cause.at < REMEMBERED);
        let known_cause = self.is_known_cause(series.kind, why);
        let room = self.all.iter().filter(|one| one.trial.is_some()).count() < MOST_ON_TRIAL;
        let rule = self.rule;
        let rng = self.rng.fork();
        let suspect = self.suspect(id, series, now);
        suspect.failures = suspect.failures.saturating_add(1);
        suspect.answered(why);
        match &mut suspect.trial {
            Some(Trial { evidence: Evidence::None, .. }) if !known_cause => Failed::All,
            Some(trial) if after.is_some() => {
                trial.evidence = Evidence::OtherTaken;
                trial.next = now + trial.pace.next_delay().max(after.unwrap_or_default());
                Failed::Alone
            }
            Some(Trial { evidence: Evidence::LastTry, .. }) => {
                let verdict = suspect.verdict(now);
                self.causes.push_front(Cause { kind: series.kind, why: why.to_owned(), at: now });
                self.causes.truncate(MOST_CAUSES);
                self.forget(id);
                Failed::SetAside(verdict)
            }
            Some(trial) => {
                if trial.evidence == Evidence::OtherTaken {
                    trial.evidence = Evidence::FailedSince;
                }
                trial.next = now + trial.pace.next_delay();
                Failed::Alone
            }
            None => {
                if room && (known_cause || suspect.is_over(rule, now)) {
                    let mut pace = PACE.series(rng);
                    let next = now + pace.next_delay();
                    suspect.trial = Some(Trial { next, pace, evidence: Evidence::None });
                }
                if known_cause && room { Failed::Alone } else { Failed::All }
            }
        }
    }

    /// Others fail as well: nothing that was seen before counts.
    pub(super) fn all_fail(&mut self) {
        for trial in self.all.iter_mut().filter_map(|one| one.trial.as_mut()) {
            trial.evidence = Evidence::None;
        }
    }

    /// The destination acknowledged an event. Returns those that can't be delivered any more, because
    /// this is a later one of their series.
    pub(super) fn acknowledged(&mut self, id: QueueId, series: &Series) -> Vec<Verdict> {
        let now = Instant::now();
        self.forget(id);
        let rule = self.rule;
        let mut overtaken = Vec::new();
        self.all.retain_mut(|suspect| {
            let over = suspect.is_over(rule, now);
            let Some(trial) = &mut suspect.trial else { return true };
            if suspect.series == *series && suspect.id < id {
                overtaken.push(suspect.verdict(now));
                return false;
            }
            match trial.evidence {
                Evidence::None => trial.evidence = Evidence::OtherTaken,
                Evidence::FailedSince if over => {
                    trial.evidence = Evidence::LastTry;
                    trial.next = now;
                }
                _ => {}
            }
            true
        });
        overtaken
    }

    /// It left the queue, one way or another.
    pub(super) fn forget(&mut self, id: QueueId) {
        self.all.retain(|one| one.id != id);
    }

    /// The suspect that is to be tried again while others get through.
    pub(super) fn due(&self) -> Option<QueueId> {
        let now = Instant::now();
        let next = self.trials().min_by_key(|(_, trial)| trial.next)?;
        (next.1.next <= now).then_some(next.0.id)
    }

    /// When there will be one.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.trials().map(|(_, trial)| trial.next).min()
    }

    /// What the others pass by.
    pub(super) fn series_on_trial(&self) -> Vec<Series> {
        let on_trial: Vec<_> = self.trials().map(|(suspect, _)| &suspect.series).collect();
        let alike = |series: &Series| on_trial.iter().filter(|one| one.is_like(series)).count();
        let passed = |series: &&Series| match alike(series) {
            MOST_ALIKE.. => series.whole_kind(),
            _ => (*series).clone(),
        };
        on_trial.iter().map(passed).collect()
    }

    /// The first that is on trial.
    pub(super) fn first_on_trial(&self) -> Option<QueueId> {
        self.trials().map(|(suspect, _)| suspect.id).min()
    }

    /// Whether it has failed for so long that a later event of its series may prove that it is to blame,
    /// if there is no other.
    pub(super) fn may_be_overtaken(&self, id: QueueId) -> bool {
        let long = self.rule.over * ALONE;
        self.trials().any(|(one, _)| one.id == id && one.since.elapsed() >= long)
    }

    fn trials(&self) -> impl Iterator<Item = (&Suspect, &Trial)> {
        self.all.iter().filter_map(|one| Some((one, one.trial.as_ref()?)))
    }

    fn suspect(&mut self, id: QueueId, series: &Series, now: Instant) -> &mut Suspect {
        let at = self.all.iter().position(|one| one.id == id).unwrap_or_else(|| {
            // One in each lane, and those on trial: others that failed were tried out of turn.
            if self.all.len() >= 2 * MOST_ON_TRIAL
                && let Some(oldest) = self.all.iter().position(|one| one.trial.is_none())
            {
                self.all.remove(oldest);
            }
            let series = series.clone();
            self.all.push(Suspect {
                id,
                series,
                failures: 0,
                since: now,
                answers: Vec::new(),
                trial: None,
            });
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    /// Whether events of this kind were set aside for this answer, or one is on trial for it while others
    /// are taken.
    fn is_known_cause(&self, kind: Kind, why: &str) -> bool {
        let told = |one: &Suspect| one.answers.iter().any(|(said, _)| said == why);
        self.causes.iter().any(|cause| cause.kind == kind && cause.why == why)
            || self.trials().any(|(one, trial)| {
                trial.evidence != Evidence::None && one.series.kind == kind && told(one)
            })
    }
}

impl Suspect {
    fn is_over(&self, rule: SetAside, now: Instant) -> bool {
        self.failures >= rule.failures && now - self.since >= rule.over
    }

    fn answered(&mut self, why: &str) {
        if let Some((_, times)) = self.answers.iter_mut().find(|(known, _)| known == why) {
            *times += 1;
        } else if self.answers.len() < MOST_ANSWERS {
            self.answers.push((why.to_owned(), 1));
        }
    }

    fn verdict(&self, now: Instant) -> Verdict {
        let answers: Vec<_> = self
            .answers
            .iter()
            .map(|(why, times)| match times {
                1 => why.clone(),
                _ => format!("{why} ({times} times)"),
            })
            .collect();
        let why = format!(
            "set aside after {} failed deliveries in {} s, while other events were taken: {}",
            self.failures,
            (now - self.since).as_secs(),
            answers.join("; ")
        );
        Verdict { id: self.id, why }
    }
}
