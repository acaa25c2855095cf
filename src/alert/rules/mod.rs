//! The rules: from what is known to what calls for an alert. Pure.
//!
//! A rule says nothing of what it doesn't know; see [`Judged`].

mod daemon;
mod license;
mod outlook;
mod seats;
mod site;

pub use seats::TOKENS;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::facts::{DaemonFacts, Fact, Facts};
use super::policy::Policy;
use super::{Condition, Judged, Level, catalogue};
use crate::event::{Rule, Severity};

/// What all rules of a site say. Those that are switched off say that all is well.
pub fn of_site(facts: &Facts, policy: &Policy) -> Vec<Judged> {
    let mut all = license::judge(facts, &policy.limits);
    all.extend(seats::judge(facts, &policy.limits));
    all.extend(outlook::judge(facts, &policy.limits));
    all.extend(site::judge(facts));
    apply(all, policy)
}

/// What all rules of the daemon itself say.
pub fn of_daemon(facts: &DaemonFacts, policy: &Policy) -> Vec<Judged> {
    apply(daemon::judge(facts, &policy.limits), policy)
}

/// Puts the settings on top: what is switched off, and other severities.
fn apply(all: Vec<Judged>, policy: &Policy) -> Vec<Judged> {
    let one = |mut judged: Judged| {
        if !policy.watches(judged.rule) {
            return Judged::of(judged.rule, []);
        }
        if let Some(severity) = policy.rule(judged.rule).severity {
            judged.conditions.iter_mut().for_each(|c| c.severity = severity);
        }
        judged
    };
    all.into_iter().map(one).collect()
}

/// A condition that holds, with the rule's own severity.
fn condition(
    rule: Rule,
    subject: impl Into<String>,
    observed: DateTime<Utc>,
    title: impl Into<String>,
    text: impl Into<String>,
    hint: impl Into<String>,
) -> Condition {
    Condition {
        subject: subject.into(),
        level: Level::Holds,
        severity: catalogue::entry_of(rule).severity,
        title: title.into(),
        text: text.into(),
        hint: hint.into(),
        facts: Map::new(),
        step: None,
        repeats: true,
        observed,
    }
}

impl Condition {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// How it is when it doesn't hold.
    fn well(self) -> Self {
        self.level(Level::Well)
    }

    /// Told at each step, and at the repeat interval after the last one only.
    fn step(mut self, step: i64, steps: &[i64]) -> Self {
        self.step = Some(step);
        self.repeats = steps.iter().all(|other| step <= *other);
        self
    }
}

/// Past the limit, back over it but still in its band, or well.
fn level_of(is_past: bool, is_in_band: bool) -> Level {
    match (is_past, is_in_band) {
        (true, _) => Level::Holds,
        (false, true) => Level::Lingers,
        (false, false) => Level::Well,
    }
}

/// Judges what is known; off is well, unknown stays unknown.
fn known<T>(rule: Rule, fact: &Fact<T>, conditions: impl FnOnce(&T) -> Vec<Condition>) -> Judged {
    match fact {
        Fact::Off => Judged::of(rule, []),
        Fact::Unknown => Judged::unknown(rule),
        Fact::Known(value) => Judged::of(rule, conditions(value)),
    }
}

/// The smallest step that isn't below the days left, if any is.
fn step_of(days: i64, steps: &[i64]) -> Option<i64> {
    steps.iter().copied().filter(|step| days <= *step).min()
}

/// How bad it is that something ends in so many days.
fn severity_of_days(days: i64) -> Severity {
    match days {
        ..=7 => Severity::Critical,
        8..=30 => Severity::Warning,
        _ => Severity::Info,
    }
}

/// `1 day`, `3 days`
fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// `1 seat`, `3 seats`
fn seats_text(count: f64) -> String {
    if count == 1.0 { "1 seat".to_owned() } else { format!("{} seats", number(count)) }
}

fn number(value: f64) -> String {
    crate::words::number(value)
}

#[cfg(test)]
mod tests;
