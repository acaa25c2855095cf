//! The validated settings of alerts (`Butler.alert`).

use std::collections::BTreeMap;
use std::time::Duration;

use super::catalogue::{self, CERTIFICATE_STEPS, RUN_OUT_STEPS, STEPS};
use crate::event::{Channel, Rule, Severity};

/// What is watched for, and how it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Off: only the server license is watched, for the alerts of `serverLicenseMonitor`.
    pub enable: bool,
    pub repeat: Repeat,
    rules: BTreeMap<Rule, RulePolicy>,
    pub limits: Limits,
}

/// When an alert that fires on is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As Butler: whenever the site was read again.
    EachPoll,
    Every(Duration),
}

/// What the settings say of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePolicy {
    pub enable: bool,
    /// In place of the rule's own.
    pub severity: Option<Severity>,
    /// How long it must hold before it fires.
    pub hold: Duration,
    /// Kinds of destinations; empty: all.
    pub destinations: Vec<Channel>,
}

/// From where on rules fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Days, largest first.
    pub server_license_steps: Vec<i64>,
    pub run_out_steps: Vec<i64>,
    pub certificate_steps: Vec<i64>,
    pub low_seats: Option<f64>,
    pub low_percent: Option<f64>,
    pub utilization_percent: f64,
    pub quarantine_seats: f64,
    pub churn_percent: f64,
    pub churn_seats: u32,
    pub stale_polls: u32,
    pub release_ticks: u32,
    pub queue_minutes: i64,
    pub queue_events: u64,
}

impl Limits {
    /// On which days before the end a rule tells, largest first; `None` for one that doesn't go by days.
    pub fn steps(&self, rule: Rule) -> Option<&[i64]> {
        match rule {
            Rule::ServerLicenseExpiring => Some(&self.server_license_steps),
            Rule::SeatsRunOut => Some(&self.run_out_steps),
            Rule::CertificateExpiring => Some(&self.certificate_steps),
            _ => None,
        }
    }

    /// At how many free seats of so many they are low: a number of seats, a share of all, or the larger of both.
    /// `None` without a limit.
    pub fn low(&self, total: f64) -> Option<f64> {
        let share = self.low_percent.map(|percent| (total * percent / 100.0).floor());
        Some(self.low_seats.into_iter().chain(share).reduce(f64::max)?.max(0.0))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            server_license_steps: STEPS.to_vec(),
            run_out_steps: RUN_OUT_STEPS.to_vec(),
            certificate_steps: CERTIFICATE_STEPS.to_vec(),
            low_seats: None,
            low_percent: Some(5.0),
            utilization_percent: 90.0,
            quarantine_seats: 5.0,
            churn_percent: 20.0,
            churn_seats: 5,
            stale_polls: 3,
            release_ticks: 3,
            queue_minutes: 60,
            queue_events: 10_000,
        }
    }
}

impl Default for RulePolicy {
    fn default() -> Self {
        Self { enable: true, severity: None, hold: Duration::ZERO, destinations: Vec::new() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(true, Repeat::Every(Duration::from_secs(86_400)), BTreeMap::new())
    }
}

impl Policy {
    /// A policy with everything that isn't given by default.
    pub fn new(enable: bool, repeat: Repeat, mut rules: BTreeMap<Rule, RulePolicy>) -> Self {
        for entry in catalogue::ALL {
            rules
                .entry(entry.rule)
                .or_insert_with(|| RulePolicy { hold: entry.hold(), ..RulePolicy::default() });
        }
        Self { enable, repeat, rules, limits: Limits::default() }
    }

    /// What holds for a rule.
    pub fn rule(&self, rule: Rule) -> &RulePolicy {
        self.rules.get(&rule).expect("a policy has every rule")
    }

    pub fn rule_mut(&mut self, rule: Rule) -> &mut RulePolicy {
        self.rules.get_mut(&rule).expect("a policy has every rule")
    }

    /// Whether a rule is watched for.
    pub fn watches(&self, rule: Rule) -> bool {
        self.rule(rule).enable && (self.enable || catalogue::is_of_server_license(rule))
    }
}
