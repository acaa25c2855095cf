//! Alerts: which rules there are, when they fire, and what is told of it.
//!
//! [`crate::gather`] reads [`Facts`] from the store, [`rules`] turn them into [`Judged`], and [`state`]
//! decides from those and from what was told before what is told now. Rules and state are pure; the
//! store keeps states, history, silences and the events that come of them in one transaction, so
//! a restart tells nothing twice and forgets nothing. How it looks from outside: `docs/alerts.md`.

pub mod catalogue;
pub mod facts;
pub mod notice;
pub mod policy;
pub mod rules;
pub mod state;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub use facts::{DaemonFacts, Fact, Facts};
pub use policy::Policy;

use crate::event::{Rule, Severity};

/// Something that calls for an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub subject: String,
    pub level: Level,
    pub severity: Severity,
    /// A few words: `Professional seats are low`.
    pub title: String,
    /// One line for people, with the figures.
    pub text: String,
    /// What to do about it.
    pub hint: String,
    /// The figures by name.
    pub facts: Map<String, Value>,
    /// The step that was crossed, such as 30 days: a smaller one is told at once.
    pub step: Option<i64>,
    /// Whether it is told again at the repeat interval, or only at the next step.
    pub repeats: bool,
    /// When the facts were observed.
    pub observed: DateTime<Utc>,
}

/// How far a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Past the limit.
    Holds,
    /// Back over the limit, but not far enough: what fires goes on, and nothing begins. Figures that
    /// swing around a limit would otherwise tell of it at every swing.
    Lingers,
}

/// What a rule says of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub rule: Rule,
    pub conditions: Vec<Condition>,
    /// Of which subjects nothing can be said: their alerts stay as they are. All others that are
    /// not in `conditions` are well.
    pub unknown: Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    Nothing,
    These(BTreeSet<String>),
    Everything,
}

impl Judged {
    /// Nothing can be said.
    pub fn unknown(rule: Rule) -> Self {
        Self { rule, conditions: Vec::new(), unknown: Unknown::Everything }
    }

    /// All is known: what is not among the conditions is well.
    pub fn of(rule: Rule, conditions: impl IntoIterator<Item = Condition>) -> Self {
        Self { rule, conditions: conditions.into_iter().collect(), unknown: Unknown::Nothing }
    }

    /// Whether a subject without a condition is known to be well.
    pub fn is_well(&self, subject: &str) -> bool {
        match &self.unknown {
            Unknown::Nothing => true,
            Unknown::These(subjects) => !subjects.contains(subject),
            Unknown::Everything => false,
        }
    }
}
