//! What is sent of alerts.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::value::time_schema;
use crate::event::{AlertNotice, AlertStatus, Channel, Rule, Severity, Silenced};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Alert<'a> {
    /// The rule that fires or fired.
    rule: Rule,
    /// What of the site it is about: `professional`, a queue, a file; empty for the site itself.
    subject: &'a str,
    /// The same for one rule, site and subject, for ever: receivers tell alerts apart by it.
    #[schemars(length(min = 1))]
    fingerprint: &'a str,
    /// Whether it begins or goes on, or is over.
    status: AlertStatus,
    /// How bad it is.
    severity: Severity,
    /// A few words: `Professional seats are low`.
    title: &'a str,
    /// One line for people, with the figures.
    text: &'a str,
    /// What to do about it; may be empty.
    hint: &'a str,
    /// When the rule began to fire, UTC. In templates of alerts that older releases stored, and of
    /// refused releases: when it was seen.
    #[schemars(schema_with = "time_schema")]
    since: DateTime<Utc>,
    /// When it was over, UTC; null while it fires.
    #[schemars(extend("type" = ["string", "null"], "format" = "date-time"), with = "String")]
    resolved: Option<DateTime<Utc>>,
    /// How often it was sent before while it fired.
    repeats: u32,
    /// The figures by name; which ones depends on the rule.
    facts: &'a Map<String, Value>,
    /// Kinds of destinations it goes to, as far as their switches allow; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Channel>")]
    destinations: Option<&'a [Channel]>,
    /// The silence that holds for it: its end is sent all the same; left out: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Silenced")]
    silenced: Option<&'a Silenced>,
    /// `true`: somebody tries how alerts arrive (`bursar alert test`), and nothing is wrong; left out
    /// of all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    test: Option<bool>,
}

/// One line of text, at the place where all alerts have it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Text {
    /// The alert as one line of text.
    pub(super) message: String,
}

impl<'a> From<&'a AlertNotice> for Alert<'a> {
    fn from(notice: &'a AlertNotice) -> Self {
        let AlertNotice {
            rule,
            subject,
            fingerprint,
            status,
            severity,
            title,
            text,
            hint,
            since,
            resolved,
            repeats,
            facts,
            destinations,
            silenced,
            test,
        } = notice;
        Self {
            rule: *rule,
            subject,
            fingerprint,
            status: *status,
            severity: *severity,
            title,
            text,
            hint,
            since: *since,
            resolved: *resolved,
            repeats: *repeats,
            facts,
            destinations: destinations.as_deref(),
            silenced: silenced.as_ref(),
            test: test.then_some(true),
        }
    }
}
