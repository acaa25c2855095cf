//! Plans and runs in words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::guard;
use super::plan::{Decision, Keep, Outcome, Plan, TypePlan, keep};
use crate::ledger::past::{Accepted, Pause};
use crate::ledger::{Mode, TypeAccount, TypeCounts};
use crate::license::SeatType;

impl TypePlan {
    /// How many seats have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.decisions.iter().filter(|decision| decision.outcome == outcome).count()
    }

    /// How many seats are due: nothing keeps them but `keepFree`, `maxReleases`, an announcement or
    /// its grace. Whoever is protected is not.
    pub fn due(&self) -> usize {
        self.decisions.iter().filter(|decision| decision.is_due()).count()
    }

    /// The type whose list could not be read, so that all seats of this one are kept.
    pub(super) fn unread_others(&self) -> Option<SeatType> {
        let keeps = self.decisions.iter().flat_map(|decision| &decision.keep);
        keeps.into_iter().find_map(|keep| match keep {
            Keep::OtherSeatsUnread { seat_type } => Some(*seat_type),
            _ => None,
        })
    }

    /// The kept seats by the code of their first reason.
    pub fn kept_by_reason(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for decision in &self.decisions {
            if let Some(keep) = decision.keep.first() {
                *counts.entry(keep.code()).or_default() += 1;
            }
        }
        counts
    }
}

impl TypePlan {
    /// That `keepFree` lets nothing go although seats are due, and what to do about it.
    pub fn enough_free(&self) -> Option<[String; 2]> {
        let (free, keep_free) = (self.free?, self.rule.keep_free?);
        let is_reached = self.count(Outcome::Release) + self.count(Outcome::Announce) == 0;
        let waits = |decision: &Decision| {
            decision.is_due() && decision.keep.iter().any(|keep| keep.code() == ENOUGH_FREE)
        };
        let waits = is_reached && keep_free <= free && self.decisions.iter().any(waits);
        waits.then(|| enough_free(keep_free, free))
    }
}

/// That nothing goes where so many seats are free, and how they go all the same.
pub(crate) fn enough_free(keep_free: u32, free: u32) -> [String; 2] {
    [
        format!("{free} seats are free, keepFree is {keep_free}: none goes, whoever is due"),
        format!("to release idle ones all the same, leave keepFree out or set it above {free}"),
    ]
}

impl Accepted {
    /// In one line.
    pub fn text(&self) -> String {
        let Self { guard, seat_type, due, seats, until, by, why, .. } = self;
        format!(
            "{by} accepted {guard} for {due} of {seats} {} seats until {}, for no more than {}: {why}",
            seat_type.title(),
            keep::utc(until),
            self.most()
        )
    }
}

impl Decision {
    /// Whether nothing keeps the seat but that it has to wait for its turn.
    pub fn is_due(&self) -> bool {
        self.keep.iter().all(Keep::leaves_it_due)
    }
}

impl Plan {
    /// The same plan for a run at a later time: with the pause, the freeze and the hours as they hold then,
    /// whatever held when it was made.
    #[must_use]
    pub fn for_run_at(mut self, at: DateTime<Utc>, pause: Option<&Pause>) -> Self {
        if self.types.is_empty() {
            return self;
        }
        let pause = pause.filter(|pause| at < pause.until);
        let closed = self.policy.calendar.closed(at);
        let then = pause.map(guard::is_paused).into_iter().chain(closed.map(guard::is_closed));
        let others = self.refusals.into_iter().filter(|refusal| !refusal.guard.is_deliberate());
        self.refusals = then.chain(others).collect();
        self
    }

    /// Whether a guard stops the part for this type.
    pub fn stops(&self, part: &TypePlan) -> bool {
        self.refusals.iter().any(|r| r.seat_type.is_none_or(|t| t == part.seat_type))
    }

    /// What a run of this plan would do, in one line, guards included.
    pub fn headline(&self) -> String {
        if self.types.is_empty() {
            return "would release nothing: no license type is enabled for release".to_owned();
        }
        let parts: Vec<_> = self
            .types
            .iter()
            .map(|part| {
                let title = part.seat_type.title();
                if part.problem.is_some() {
                    return format!("no {title} seat (the list can't be read)");
                }
                let (due, seats) = (part.due(), part.decisions.len());
                if self.stops(part) && due > 0 {
                    return format!(
                        "no {title} seat ({due} of {seats} are due, but a guard stops it)"
                    );
                }
                let release = part.count(Outcome::Release);
                let mut text = format!("{release} of {seats} {title} seats");
                let announced = part.count(Outcome::Announce);
                if announced > 0 {
                    text.push_str(&format!(" ({announced} more are to be announced first)"));
                }
                if due > release + announced {
                    text.push_str(&format!(" ({due} are due)"));
                }
                if let (1.., Some(left)) = (part.taken, part.left) {
                    text.push_str(&format!(
                        " ({} went within the last 22 hours, {left} more may go)",
                        part.taken
                    ));
                }
                text
            })
            .collect();
        let mut line = format!("would release {}", parts.join(" and "));
        if !self.refusals.is_empty() {
            let guards: Vec<_> = self.refusals.iter().map(|r| r.guard.as_str()).collect();
            line.push_str(&format!("; guards: {}", guards.join(", ")));
        }
        line
    }
}

const ENOUGH_FREE: &str = "enough-free";

/// What keeps a seat that is due, by code.
const WAITING: [(&str, &str); 4] = [
    ("over-cap", "by maxReleases"),
    (ENOUGH_FREE, "by keepFree"),
    ("free-unknown", "because how many are free is unknown (keepFree)"),
    ("announced", "until their announced day"),
];

impl TypeCounts {
    /// What a run did to the seats of the type, without what is zero.
    pub fn summary(&self, mode: Mode) -> String {
        self.counted(mode, 0, 0)
    }

    /// What was planned and nothing came of, whatever stopped it; a person has told what became of `stated`.
    fn not_attempted(&self, stated: u64) -> u64 {
        let done_with = self.released + self.changed + self.refused + self.gone;
        self.planned.saturating_sub(done_with + self.taken_before + self.unclear + stated)
    }

    /// The same; a person has told what became of `stated` more, and so many of those released were given back.
    fn counted(&self, mode: Mode, stated: u64, given_back: u64) -> String {
        let done = match mode {
            Mode::Real => "released",
            Mode::Rehearsal => "would be released",
            Mode::Undo => "allocated again",
        };
        let left = if mode == Mode::Undo { "left as they were" } else { "kept when read again" };
        let mut parts = vec![format!("{} {done}", self.released)];
        for (count, what) in [
            (given_back, "of them given back since"),
            (self.quarantined, "of them in quarantine"),
            (self.announced, "announced"),
            (self.changed, left),
            (self.refused, "refused by the site"),
            (self.gone, "already gone"),
            (self.taken_before, "released before by another run"),
            (self.unclear, "unclear"),
            (stated, "closed by a person's word"),
            (self.not_attempted(stated), "planned and not attempted"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if self.kept > 0 {
            let waiting: Vec<_> = WAITING
                .iter()
                .filter_map(|(code, by)| {
                    let count = self.kept_by_reason.get(*code).filter(|count| **count > 0)?;
                    Some(format!("{count} due ones {by}"))
                })
                .collect();
            let waiting = match waiting.as_slice() {
                [] => String::new(),
                waiting => format!(" ({})", waiting.join(", ")),
            };
            parts.push(format!("{} kept{waiting}", self.kept));
        }
        format!("{}: {}", self.seat_type.title(), parts.join(", "))
    }
}

impl TypeAccount {
    /// What was planned and nothing came of, whatever stopped it.
    pub fn not_attempted(&self) -> u64 {
        self.counts.not_attempted(self.stated)
    }

    /// As that of [`TypeCounts`], with what was found out and given back after the run.
    pub fn summary(&self, mode: Mode) -> String {
        let mut text = self.counts.counted(mode, self.stated, self.given_back);
        if self.found_later > 0 {
            text.push_str(&format!(" ({} found out after the run)", self.found_later));
        }
        text
    }
}
