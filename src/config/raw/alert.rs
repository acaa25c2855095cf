//! `alert`: what people are told of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::destination::switches::raw::{Destinations, Enable, Form, InfluxDbSwitch};
use crate::event::Channel;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Alerting {
    /// Watch for what the rules below describe. On by default: what fires is shown by `bursar alert
    /// list`, `bursar status` and the status page even when it is sent nowhere. Off: only the server
    /// license is watched, for the alerts of `serverLicenseMonitor`.
    pub(in crate::config) enable: bool,
    /// When an alert that fires on is sent again: `interval`, after `repeatHours`; or `eachPoll`,
    /// whenever the site was read again, as Butler does. Default `interval`.
    pub(in crate::config) repeat: Repeat,
    /// Hours after which an alert that fires on is sent again. Default 24: a daily reminder. Alerts
    /// with several `steps` are repeated at each step, and at this interval after the last one.
    #[schemars(range(min = 1, max = 8_760))]
    pub(in crate::config) repeat_hours: i64,
    /// The rules, with what differs from their defaults. All of them, their defaults and their
    /// meaning are in `docs/alerts.md`.
    pub(in crate::config) rules: AlertRules,
    /// Where alerts go. The server license's go where `serverLicenseMonitor` sends its alerts while
    /// they fire, as Butler's do; that they are over goes here.
    pub(in crate::config) destination: Destinations<AlertForm>,
}

impl Default for Alerting {
    fn default() -> Self {
        Self {
            enable: true,
            repeat: Repeat::Interval,
            repeat_hours: 24,
            rules: AlertRules::default(),
            destination: Destinations::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(in crate::config) enum Repeat {
    Interval,
    EachPoll,
}

/// The form of `destination` here: on or off.
#[derive(Debug, Clone)]
pub(in crate::config) struct AlertForm;

impl Form for AlertForm {
    const NAME: &'static str = "AlertDestination";
    const BUTLERS: &'static [Channel] = &Channel::ALL;
    type Figures = InfluxDbSwitch;
    type Messages = Enable;

    fn described(channel: Channel) -> String {
        channel.described_for_alerts()
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct AlertRules {
    /// The server license ends soon.
    pub(in crate::config) server_license_expiring: ExpiringRule,
    /// The server license has ended.
    pub(in crate::config) server_license_expired: AlertRule,
    /// The server says that its license is invalid.
    pub(in crate::config) server_license_invalid: AlertRule,
    /// The server says that its license is blacklisted.
    pub(in crate::config) server_license_blacklisted: AlertRule,
    /// No license is installed.
    pub(in crate::config) server_license_missing: AlertRule,
    /// The end of the license can't be told.
    pub(in crate::config) server_license_unreadable: AlertRule,
    /// The license begins later, and the one before it doesn't last until then, or nobody knows.
    pub(in crate::config) server_license_not_started: AlertRule,
    /// Few seats are free.
    pub(in crate::config) seats_low: SeatsLowRule,
    /// Nearly all seats are allocated.
    pub(in crate::config) utilization_high: UtilizationRule,
    /// No seat is free.
    pub(in crate::config) seats_gone: AlertRule,
    /// More seats are allocated than licensed.
    pub(in crate::config) seats_excess: AlertRule,
    /// More seats are in quarantine than a week ago.
    pub(in crate::config) quarantine_rising: QuarantineRule,
    /// The minutes of Analyzer Capacity will not last the month.
    pub(in crate::config) capacity_short: AlertRule,
    /// The forecast says that seats may run out.
    pub(in crate::config) seats_run_out: RunOutRule,
    /// Licenses cost more than the budget.
    pub(in crate::config) over_budget: AlertRule,
    /// Guards stopped a release run.
    pub(in crate::config) release_stopped: AlertRule,
    /// A release run failed.
    pub(in crate::config) release_failed: AlertRule,
    /// It is not known what became of seats at a release.
    pub(in crate::config) release_unsettled: AlertRule,
    /// Releases are on, and no real run was done for long.
    pub(in crate::config) release_overdue: OverdueRule,
    /// Many seats go back to people who had lost them.
    pub(in crate::config) churn_high: ChurnRule,
    /// Qlik's License Monitor is not well.
    pub(in crate::config) monitor_app_unhealthy: AlertRule,
    /// A site runs another version of Qlik Sense than before.
    pub(in crate::config) version_changed: AlertRule,
    /// The version of Qlik Sense is out of support, by `versionMonitor.endOfSupport`.
    pub(in crate::config) version_unsupported: AlertRule,
    /// A site can't be read.
    pub(in crate::config) site_unreachable: AlertRule,
    /// Another site answers at the address than before.
    pub(in crate::config) other_site: AlertRule,
    /// A monitor has read nothing for long.
    pub(in crate::config) data_stale: StaleRule,
    /// Deliveries to a destination fail.
    pub(in crate::config) queue_growing: QueueRule,
    /// Events were lost.
    pub(in crate::config) queue_dropped: AlertRule,
    /// A destination does not take some events.
    pub(in crate::config) dead_letters: AlertRule,
    /// A certificate ends soon.
    pub(in crate::config) certificate_expiring: CertificateRule,
    /// The settings file was changed and can't be used.
    pub(in crate::config) reload_refused: AlertRule,
}

/// What every rule has.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct AlertRule {
    /// Watch for it. Default true.
    pub(in crate::config) enable: bool,
    /// `info`, `warning` or `critical`, in place of the rule's own.
    pub(in crate::config) severity: Option<AlertSeverity>,
    /// Minutes for which it must hold before it is told of. The rule's own by default, mostly 0.
    #[schemars(range(min = 0, max = 525_600))]
    pub(in crate::config) for_minutes: Option<i64>,
    /// Kinds of destinations it goes to. Empty: all.
    #[schemars(extend("description" = kinds()))]
    pub(in crate::config) destinations: Vec<Channel>,
}

/// The description of `destinations`.
fn kinds() -> String {
    let words = Channel::ALL.map(|channel| format!("`{channel}`")).join(", ");
    format!(
        "Kinds of destinations it goes to, as far as their switches allow: {words}. Empty: all."
    )
}

impl Default for AlertRule {
    fn default() -> Self {
        Self { enable: true, severity: None, for_minutes: None, destinations: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::config) enum AlertSeverity {
    Info,
    Warning,
    Critical,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ExpiringRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Days before the end at which it is told. Empty: 90, 60, 30, 14, 7, 3 and 1. A written
    /// `qlikSenseLicense.serverLicenseMonitor.alert.thresholdDays` takes the place of all of them.
    pub(in crate::config) steps: Vec<i64>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct SeatsLowRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// So many free seats or fewer.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub(in crate::config) seats: Option<i64>,
    /// So many percent of the seats or fewer are free. Default 5, when `seats` isn't written either;
    /// of both the larger counts.
    #[schemars(range(min = 0, max = 100))]
    pub(in crate::config) percent: Option<i64>,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct UtilizationRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// So many percent of the seats or more are allocated. Default 90.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) percent: i64,
}

impl Default for UtilizationRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), percent: 90 }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct QuarantineRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// So many more than a week ago. Default 5.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(in crate::config) seats: i64,
}

impl Default for QuarantineRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), seats: 5 }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct RunOutRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Days before the early end of the forecast at which it is told. Empty: 90, 60, 30 and 14.
    pub(in crate::config) steps: Vec<i64>,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct ChurnRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// So many percent of the seats allocated within 28 days or more. Default 20.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) percent: i64,
    /// And at least so many seats. Default 5: of few seats a percentage says little.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(in crate::config) seats: i64,
}

impl Default for ChurnRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), percent: 20, seats: 5 }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct OverdueRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Times of `licenseRelease.frequency` in a row, within its `allowedHours`, at which no real run
    /// was done. Default 3.
    #[schemars(range(min = 1, max = 1_000))]
    pub(in crate::config) ticks: i64,
}

impl Default for OverdueRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), ticks: 3 }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct StaleRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Times in a row at which the monitor should have read something and didn't. Default 3.
    #[schemars(range(min = 1, max = 1_000))]
    pub(in crate::config) polls: i64,
}

impl Default for StaleRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), polls: 3 }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct QueueRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Age of the oldest waiting event, in minutes, while deliveries fail. Default 60.
    #[schemars(range(min = 1, max = 525_600))]
    pub(in crate::config) minutes: i64,
    /// Or so many waiting events, whatever their age. Default 10,000: a tenth of what an outbox
    /// holds by default.
    #[schemars(range(min = 1))]
    pub(in crate::config) events: i64,
}

impl Default for QueueRule {
    fn default() -> Self {
        Self { common: AlertRule::default(), minutes: 60, events: 10_000 }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct CertificateRule {
    #[serde(flatten)]
    pub(in crate::config) common: AlertRule,
    /// Days before the end at which it is told. Empty: 60, 30, 14, 7, 3 and 1.
    pub(in crate::config) steps: Vec<i64>,
}
