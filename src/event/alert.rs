//! What is told of alerts.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Channel;

/// What an alert is about: one rule each, by the name that it has in settings, lists, messages and
/// points. The other name is the one that older releases stored.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::VariantArray,
)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    #[serde(alias = "server-license-expiring")]
    ServerLicenseExpiring,
    #[serde(alias = "server-license-expired")]
    ServerLicenseExpired,
    #[serde(alias = "server-license-invalid")]
    ServerLicenseInvalid,
    #[serde(alias = "server-license-blacklisted")]
    ServerLicenseBlacklisted,
    #[serde(alias = "server-license-missing")]
    ServerLicenseMissing,
    #[serde(alias = "server-license-unreadable")]
    ServerLicenseUnreadable,
    #[serde(alias = "server-license-not-started")]
    ServerLicenseNotStarted,
    #[serde(alias = "seats-low")]
    SeatsLow,
    #[serde(alias = "utilization-high")]
    UtilizationHigh,
    #[serde(alias = "seats-gone")]
    SeatsGone,
    #[serde(alias = "seats-excess")]
    SeatsExcess,
    #[serde(alias = "quarantine-rising")]
    QuarantineRising,
    #[serde(alias = "capacity-short")]
    CapacityShort,
    #[serde(alias = "seats-run-out")]
    SeatsRunOut,
    #[serde(alias = "over-budget")]
    OverBudget,
    #[serde(alias = "release-stopped")]
    ReleaseStopped,
    #[serde(alias = "release-failed")]
    ReleaseFailed,
    #[serde(alias = "release-overdue")]
    ReleaseOverdue,
    #[serde(alias = "release-unsettled")]
    ReleaseUnsettled,
    #[serde(alias = "churn-high")]
    ChurnHigh,
    #[serde(alias = "monitor-app-unhealthy")]
    MonitorAppUnhealthy,
    #[serde(alias = "version-changed")]
    VersionChanged,
    #[serde(alias = "version-unsupported")]
    VersionUnsupported,
    #[serde(alias = "site-unreachable")]
    SiteUnreachable,
    #[serde(alias = "other-site")]
    OtherSite,
    #[serde(alias = "data-stale")]
    DataStale,
    #[serde(alias = "queue-growing")]
    QueueGrowing,
    #[serde(alias = "queue-dropped")]
    QueueDropped,
    #[serde(alias = "dead-letters")]
    DeadLetters,
    #[serde(alias = "certificate-expiring")]
    CertificateExpiring,
    #[serde(alias = "reload-refused")]
    ReloadRefused,
    #[serde(alias = "store-begun-anew")]
    StoreBegunAnew,
}

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum AlertStatus {
    Firing,
    Resolved,
}

/// A rule fires, still fires, or is resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertNotice {
    pub rule: Rule,
    /// What of the site it is about: `professional`, a queue, a file; empty for the site itself.
    pub subject: String,
    /// The same for one rule, site and subject, for ever: receivers tell alerts apart by it.
    pub fingerprint: String,
    pub status: AlertStatus,
    pub severity: Severity,
    /// A few words: `Professional seats are low`.
    pub title: String,
    /// One line for people, with the figures.
    pub text: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// When the rule began to fire.
    pub since: DateTime<Utc>,
    /// `Some` once it is resolved.
    pub resolved: Option<DateTime<Utc>>,
    /// How often it was sent before while it fired.
    pub repeats: u32,
    /// The figures by name, for templates and programs.
    pub facts: Map<String, Value>,
    /// Kinds of destinations it goes to, as far as their switches allow; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<Channel>>,
    /// The silence that holds for it: its end is told all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced: Option<Silenced>,
    /// A person tries how alerts arrive (`bursar alert test`): nothing is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// Who wished to hear nothing of an alert, until when and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Silenced {
    /// Who made the silence.
    pub by: String,
    /// When it ends, UTC.
    #[schemars(extend("format" = "date-time"), with = "String")]
    pub until: DateTime<Utc>,
    /// Why, in their words.
    pub why: String,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl AlertStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Rule {
    /// In keys that must stay what they were, such as those of the store: `seats-low`.
    pub fn stored(self) -> String {
        let mut text = String::new();
        for c in self.to_string().chars() {
            if c.is_ascii_uppercase() {
                text.push('-');
            }
            text.push(c.to_ascii_lowercase());
        }
        text
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl AlertNotice {
    /// One line for people, such as the log shows it.
    pub fn summary(&self) -> String {
        let status = self.status.as_str();
        format!("alert, {}, {status}: {}", self.severity.as_str(), self.text)
    }
}

/// In place of a site's name: what concerns the daemon itself (queues, certificates, settings). No
/// site can have this name.
pub const DAEMON: &str = "(bursar)";

/// What an alert is about. There is at most one alert for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The site's name, or [`DAEMON`].
    pub site: String,
    pub rule: Rule,
    /// What of the site: `professional`, a queue, a file; empty for the site itself.
    pub subject: String,
}

impl Key {
    pub fn new(site: impl Into<String>, rule: Rule, subject: impl Into<String>) -> Self {
        Self { site: site.into(), rule, subject: subject.into() }
    }

    /// The same for the same alert, for ever: receivers tell alerts apart by it.
    pub fn fingerprint(&self) -> String {
        let text = format!("{}\n{}\n{}", self.site, self.rule.stored(), self.subject);
        hex::encode(&Sha256::digest(text.as_bytes())[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receivers close an alert by its fingerprint, and the store finds its state by its key: neither
    /// may change with a name.
    #[test]
    fn an_alert_keeps_its_fingerprint_whatever_its_rule_is_called() {
        let key = Key::new("prod", Rule::SeatsLow, "analyzer");
        assert_eq!(
            (key.rule.to_string(), key.rule.stored()),
            ("seatsLow".into(), "seats-low".into())
        );
        assert_eq!(key.fingerprint(), "536cd8c045daecf9");
    }
}
