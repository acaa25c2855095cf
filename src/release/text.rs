//! Plans and runs in words.

use std::collections::BTreeMap;

use super::plan::{Outcome, Plan, TypePlan};
use crate::ledger::{Mode, TypeCounts};

impl TypePlan {
    /// How many seats have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.decisions.iter().filter(|decision| decision.outcome == outcome).count()
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

impl Plan {
    /// What a run of this plan would do, in one line, guards included.
    pub fn headline(&self) -> String {
        if self.types.is_empty() {
            return "no license type is enabled for release".to_owned();
        }
        let stopped = |part: &TypePlan| {
            self.refusals.iter().any(|r| r.seat_type.is_none_or(|t| t == part.seat_type))
        };
        let parts: Vec<_> = self
            .types
            .iter()
            .map(|part| {
                let title = part.seat_type.title();
                if part.problem.is_some() {
                    return format!("no {title} seat (the list can't be read)");
                }
                let (due, seats) = (part.count(Outcome::Release), part.decisions.len());
                let mut text = if stopped(part) && due > 0 {
                    format!("no {title} seat ({due} of {seats} are due, but a guard stops it)")
                } else {
                    format!("{due} of {seats} {title} seats")
                };
                let announced = part.count(Outcome::Announce);
                if announced > 0 {
                    text.push_str(&format!(" ({announced} more are to be announced first)"));
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

impl TypeCounts {
    /// What a run did to the seats of the type, without what is zero.
    pub fn summary(&self, mode: Mode) -> String {
        let done = match mode {
            Mode::Real => "released",
            Mode::Rehearsal => "would be released",
            Mode::Undo => "given back",
        };
        let left = if mode == Mode::Undo { "left as they were" } else { "kept when read again" };
        let mut parts = vec![format!("{} {done}", self.released)];
        for (count, what) in [
            (self.quarantined, "of them in quarantine"),
            (self.announced, "announced"),
            (self.changed, left),
            (self.refused, "refused by the site"),
            (self.gone, "already gone"),
            (self.unclear, "unclear"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if self.kept > 0 {
            parts.push(format!("{} kept", self.kept));
        }
        format!("{}: {}", self.seat_type.title(), parts.join(", "))
    }
}
