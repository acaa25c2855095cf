//! `alert`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::raw;
use super::{At, Check};
use crate::alert::catalogue;
use crate::alert::policy::{Limits, Policy, Repeat, RulePolicy};
use crate::destination::switches::validate::{Available, switches_for_one_list};
use crate::destination::webhook::settings::WebhookPurpose;
use crate::event::{Rule, Severity, Switches};

/// Where alerts go, and when there are any.
pub(super) fn settings(
    check: &Check<'_>,
    at: &At<'_>,
    available: &Available,
) -> (Policy, Switches) {
    let raw: raw::Alerting = at.read();
    let rules = rules(&raw.rules);
    let repeat = match raw.repeat {
        raw::Repeat::EachPoll => Repeat::EachPoll,
        raw::Repeat::Interval => Repeat::Every(check.seconds(raw.repeat_hours * 3_600)),
    };
    if raw.repeat == raw::Repeat::EachPoll && at.get("repeatHours").node.is_some() {
        check.warn(
            &at.get("repeatHours"),
            "this has no effect: repeat is eachPoll",
            "remove it, or write repeat: interval",
        );
    }
    let mut policy = Policy::new(raw.enable, repeat, rules);
    policy.limits = limits(check, &at.get("rules"), &raw.rules);
    let list = WebhookPurpose::Alert;
    let destination_at = at.get("destination");
    (policy, switches_for_one_list(check, &destination_at, &raw.destination, available, list))
}

fn rules(raw: &raw::AlertRules) -> BTreeMap<Rule, RulePolicy> {
    let rule = |rule: Rule, raw: &raw::AlertRule| {
        let hold = raw.for_minutes.map_or_else(
            || catalogue::entry_of(rule).hold(),
            |minutes| Duration::from_secs(minutes.unsigned_abs() * 60),
        );
        let severity = raw.severity.map(|severity| match severity {
            raw::AlertSeverity::Info => Severity::Info,
            raw::AlertSeverity::Warning => Severity::Warning,
            raw::AlertSeverity::Critical => Severity::Critical,
        });
        let destinations = raw.destinations.clone();
        (rule, RulePolicy { enable: raw.enable, severity, hold, destinations })
    };
    BTreeMap::from([
        rule(Rule::ServerLicenseExpiring, &raw.server_license_expiring.common),
        rule(Rule::ServerLicenseExpired, &raw.server_license_expired),
        rule(Rule::ServerLicenseInvalid, &raw.server_license_invalid),
        rule(Rule::ServerLicenseBlacklisted, &raw.server_license_blacklisted),
        rule(Rule::ServerLicenseMissing, &raw.server_license_missing),
        rule(Rule::ServerLicenseUnreadable, &raw.server_license_unreadable),
        rule(Rule::ServerLicenseNotStarted, &raw.server_license_not_started),
        rule(Rule::SeatsLow, &raw.seats_low.common),
        rule(Rule::UtilizationHigh, &raw.utilization_high.common),
        rule(Rule::SeatsGone, &raw.seats_gone),
        rule(Rule::SeatsExcess, &raw.seats_excess),
        rule(Rule::QuarantineRising, &raw.quarantine_rising.common),
        rule(Rule::CapacityShort, &raw.capacity_short),
        rule(Rule::SeatsRunOut, &raw.seats_run_out.common),
        rule(Rule::OverBudget, &raw.over_budget),
        rule(Rule::ReleaseStopped, &raw.release_stopped),
        rule(Rule::ReleaseFailed, &raw.release_failed),
        rule(Rule::ReleaseUnsettled, &raw.release_unsettled),
        rule(Rule::ReleaseOverdue, &raw.release_overdue.common),
        rule(Rule::ChurnHigh, &raw.churn_high.common),
        rule(Rule::MonitorAppUnhealthy, &raw.monitor_app_unhealthy),
        rule(Rule::VersionChanged, &raw.version_changed),
        rule(Rule::VersionUnsupported, &raw.version_unsupported),
        rule(Rule::SiteUnreachable, &raw.site_unreachable),
        rule(Rule::OtherSite, &raw.other_site),
        rule(Rule::DataStale, &raw.data_stale.common),
        rule(Rule::QueueGrowing, &raw.queue_growing.common),
        rule(Rule::QueueDropped, &raw.queue_dropped),
        rule(Rule::DeadLetters, &raw.dead_letters),
        rule(Rule::CertificateExpiring, &raw.certificate_expiring.common),
        rule(Rule::ReloadRefused, &raw.reload_refused),
    ])
}

fn limits(check: &Check<'_>, at: &At<'_>, raw: &raw::AlertRules) -> Limits {
    let whole = |number: i64| number as f64;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let low = &raw.seats_low;
    let usual = Limits::default();
    let steps_of = |rule: &str, raw: &[i64], usual: Vec<i64>| {
        let steps = steps(check, &at.get(rule).get("steps"), raw);
        if steps.is_empty() { usual } else { steps }
    };
    Limits {
        server_license_steps: steps_of(
            "serverLicenseExpiring",
            &raw.server_license_expiring.steps,
            usual.server_license_steps,
        ),
        run_out_steps: steps_of("seatsRunOut", &raw.seats_run_out.steps, usual.run_out_steps),
        certificate_steps: steps_of(
            "certificateExpiring",
            &raw.certificate_expiring.steps,
            usual.certificate_steps,
        ),
        low_seats: low.seats.map(whole),
        low_percent: match (low.seats, low.percent) {
            (None, None) => usual.low_percent,
            (_, percent) => percent.map(whole),
        },
        utilization_percent: whole(raw.utilization_high.percent),
        quarantine_seats: whole(raw.quarantine_rising.seats),
        churn_percent: whole(raw.churn_high.percent),
        churn_seats: count(raw.churn_high.seats),
        stale_polls: count(raw.data_stale.polls),
        release_ticks: count(raw.release_overdue.ticks),
        queue_minutes: raw.queue_growing.minutes,
        queue_events: raw.queue_growing.events.unsigned_abs(),
    }
}

/// Largest first, each once.
fn steps(check: &Check<'_>, at: &At<'_>, raw: &[i64]) -> Vec<i64> {
    if raw.iter().any(|step| !(0..=36_500).contains(step)) {
        check.error(at, "a step is a number of days", "write numbers from 0 to 36500");
    }
    let mut steps = raw.to_vec();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    steps.dedup();
    steps
}
