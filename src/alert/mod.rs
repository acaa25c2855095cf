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
    /// It doesn't hold: how things are now, for those who are told that it is over.
    Well,
}

/// What a rule says of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub rule: Rule,
    /// What holds or lingers.
    pub conditions: Vec<Condition>,
    /// What is well, where there is something to say of it.
    pub well: Vec<Condition>,
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
        Self { rule, conditions: Vec::new(), well: Vec::new(), unknown: Unknown::Everything }
    }

    /// All is known: what is not among the conditions is well.
    pub fn of(rule: Rule, conditions: impl IntoIterator<Item = Condition>) -> Self {
        let all = conditions.into_iter();
        let (well, conditions) = all.partition(|condition| condition.level == Level::Well);
        Self { rule, conditions, well, unknown: Unknown::Nothing }
    }

    /// How a subject that is well is now, where the rule says it.
    pub fn now(&self, subject: &str) -> Option<&Condition> {
        self.well.iter().find(|condition| condition.subject == subject)
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
