//! The newest plan of a site, as its decisions are looked up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ledger::past::Pause;
use crate::license::SeatType;
use crate::plain::one_line;
use crate::release::plan::{Keep, Outcome, Plan};

/// The last plan that was stored.
#[derive(Debug)]
pub(super) struct LastPlan {
    pub(super) run: String,
    /// The run with which it was stored last: that of a plan that was applied.
    pub(super) stored_by: String,
    /// Of the plan as it is stored.
    pub(super) digest: String,
    pub(super) time: DateTime<Utc>,
    /// `would release 4 Professional seats ...`, as the command tells it.
    pub(super) headline: String,
    pub(super) types: Vec<TypePlan>,
    /// What stops it.
    pub(super) refusals: Vec<Refusal>,
    pub(super) accepted: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) seats: HashMap<Uuid, Decided>,
}

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) of: String,
    pub(super) saw: String,
    pub(super) fix: String,
}

/// The part of a type, by what is to become of its seats.
#[derive(Debug)]
pub(super) struct TypePlan {
    pub(super) seat_type: SeatType,
    pub(super) problem: Option<String>,
    pub(super) seats: usize,
    pub(super) free: Option<u32>,
    pub(super) due: usize,
    /// That `keepFree` lets nothing go, and what to do about it.
    pub(super) enough_free: Option<[String; 2]>,
    /// A guard stops it.
    pub(super) stopped: bool,
    /// By word: `release`, `announce`, or why seats are kept; most first.
    pub(super) groups: Vec<(&'static str, usize)>,
}

/// What is to become of a seat, and why.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) outcome: Outcome,
    pub(super) keep: Vec<Keep>,
}

impl Decided {
    /// `release`, `announce`, or the first reason to keep it.
    pub(super) fn word(&self) -> &'static str {
        word(self.outcome, &self.keep)
    }

    /// The reasons as people read them.
    pub(super) fn reasons(&self, names: bool) -> Vec<String> {
        self.keep.iter().map(|keep| reason(keep, names)).collect()
    }
}

/// `release`, `announce`, or the first reason to keep a seat.
pub(super) fn word(outcome: Outcome, keep: &[Keep]) -> &'static str {
    match (outcome, keep.first()) {
        (Outcome::Release, _) => "release",
        (Outcome::Announce, _) => "announce",
        (Outcome::Keep, Some(keep)) => keep.code(),
        (Outcome::Keep, None) => "keep",
    }
}

/// Without the names of people that a reason may hold, unless they are shown.
pub(super) fn reason(keep: &Keep, names: bool) -> String {
    match keep {
        Keep::User { .. } if !names => "neverRelease.user names the person".to_owned(),
        Keep::NoUser { .. } if !names => "the seat names no user".to_owned(),
        Keep::UserUnread { .. } if !names => "the user could not be read".to_owned(),
        keep => one_line(&keep.text()),
    }
}

/// All words that decisions have.
pub(super) fn words() -> Vec<&'static str> {
    ["release", "announce"].into_iter().chain(Keep::CODES.iter().copied()).collect()
}

impl LastPlan {
    /// `now` with the pause that holds now: one that is over by then stops nothing any more.
    pub(super) fn of(
        plan: Plan,
        stored_by: String,
        (now, pause): (DateTime<Utc>, Option<&Pause>),
    ) -> Self {
        let digest = plan.digest();
        let plan = plan.for_run_at(now, pause);
        let headline = plan.headline();
        let mut types = Vec::new();
        for part in &plan.types {
            let mut groups: BTreeMap<&'static str, usize> =
                part.kept_by_reason().into_iter().collect();
            for (outcome, word) in [(Outcome::Release, "release"), (Outcome::Announce, "announce")]
            {
                let count = part.count(outcome);
                if count > 0 {
                    groups.insert(word, count);
                }
            }
            let mut groups: Vec<_> = groups.into_iter().collect();
            let first = |word| matches!(word, "release" | "announce");
            groups.sort_by_key(|(word, count)| (!first(*word), std::cmp::Reverse(*count), *word));
            types.push(TypePlan {
                seat_type: part.seat_type,
                problem: part.problem.clone(),
                seats: part.decisions.len(),
                free: part.free,
                due: part.due(),
                enough_free: part.enough_free(),
                stopped: plan.stops(part),
                groups,
            });
        }
        let refusals = plan.refusals.iter().map(|refusal| {
            let of = refusal.seat_type.map_or_else(String::new, |of| format!(" ({})", of.title()));
            let of = format!("{}{of}", refusal.guard);
            Refusal { of, saw: one_line(&refusal.saw), fix: one_line(&refusal.fix) }
        });
        let refusals = refusals.collect();
        let accepted = plan.accepted.iter().map(|accepted| one_line(&accepted.text())).collect();
        let decisions = plan.types.into_iter().flat_map(|part| part.decisions);
        let seats =
            decisions.map(|of| (of.seat, Decided { outcome: of.outcome, keep: of.keep })).collect();
        Self {
            run: plan.run,
            stored_by,
            digest,
            time: plan.now,
            headline,
            types,
            refusals,
            accepted,
            notes: plan.notes.iter().map(|note| one_line(note)).collect(),
            seats,
        }
    }

    /// The seats of a word.
    pub(super) fn seats_of(&self, word: &str) -> Arc<HashSet<Uuid>> {
        let seats = self.seats.iter().filter(|(_, decided)| decided.word() == word);
        Arc::new(seats.map(|(seat, _)| *seat).collect())
    }
}
