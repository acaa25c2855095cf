//! Every rule with its name, its defaults and what it means: the one source for settings, the table
//! in `docs/alerts.md` and `bursar alert rules`.

use std::time::Duration;

use crate::event::{Rule, Severity};

/// A rule, as people are told of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub rule: Rule,
    /// Its key in `Butler.alert.rules`.
    pub key: &'static str,
    /// Its severity when the settings say nothing.
    pub severity: Severity,
    /// What the severity is raised or lowered to, and when; empty when it is always the same.
    pub severity_note: &'static str,
    /// How long it must hold before it fires.
    pub hold_minutes: u32,
    /// When it fires.
    pub when: &'static str,
    /// What its alerts are about: `site`, `seat type`, `monitor`, `queue`, `file`.
    pub subject: &'static str,
}

/// Days before an end at which it is told.
pub const STEPS: [i64; 7] = [90, 60, 30, 14, 7, 3, 1];
/// The same for certificates: a new one takes no purchase.
pub const CERTIFICATE_STEPS: [i64; 6] = [60, 30, 14, 7, 3, 1];
/// The same for seats that run out: a forecast isn't good for single days.
pub const RUN_OUT_STEPS: [i64; 4] = [90, 60, 30, 14];

/// What rules of seats are about: tokens are judged as the seats of a type.
const SEATS_OR_TOKENS: &str = "seat type, or `tokens`";

use Severity::{Critical, Info, Warning};

const fn entry(
    rule: Rule,
    key: &'static str,
    severity: Severity,
    hold_minutes: u32,
    subject: &'static str,
    when: &'static str,
) -> Entry {
    Entry { rule, key, severity, severity_note: "", hold_minutes, when, subject }
}

const fn noted(entry: Entry, severity_note: &'static str) -> Entry {
    Entry { severity_note, ..entry }
}

// A rule without its entry would have no defaults.
const _: () = assert!(<Rule as strum::VariantArray>::VARIANTS.len() == ALL.len());

/// All rules, in the order in which they are shown.
pub const ALL: [Entry; 32] = [
    noted(
        entry(
            Rule::ServerLicenseExpiring,
            "serverLicenseExpiring",
            Warning,
            0,
            "site",
            "the server license ends within 90 days; told at 90, 60, 30, 14, 7, 3 and 1 days \
             (`steps`), or at a written `thresholdDays` only",
        ),
        "info over 30 days, critical from 7 days on",
    ),
    entry(
        Rule::ServerLicenseExpired,
        "serverLicenseExpired",
        Critical,
        0,
        "site",
        "the server says so, or the last valid day is over",
    ),
    entry(
        Rule::ServerLicenseInvalid,
        "serverLicenseInvalid",
        Critical,
        0,
        "site",
        "the server says that its license is invalid",
    ),
    entry(
        Rule::ServerLicenseBlacklisted,
        "serverLicenseBlacklisted",
        Critical,
        0,
        "site",
        "the server says that its license is blacklisted",
    ),
    entry(
        Rule::ServerLicenseMissing,
        "serverLicenseMissing",
        Critical,
        0,
        "site",
        "no license is installed on the server",
    ),
    entry(
        Rule::ServerLicenseUnreadable,
        "serverLicenseUnreadable",
        Warning,
        0,
        "site",
        "the end or the start of the server license can't be read for certain, its end isn't said, \
         or the server gives a reason for its having expired and says that it hasn't",
    ),
    noted(
        entry(
            Rule::ServerLicenseNotStarted,
            "serverLicenseNotStarted",
            Warning,
            0,
            "site",
            "the first valid day of the server license is still to come, and the one before it ends \
             earlier, or its end was never seen",
        ),
        "critical from 7 days before the old one's end on",
    ),
    entry(
        Rule::SeatsLow,
        "seatsLow",
        Warning,
        0,
        SEATS_OR_TOKENS,
        "5 % of the seats or fewer are free (`percent`, or a number: `seats`)",
    ),
    entry(
        Rule::UtilizationHigh,
        "utilizationHigh",
        Info,
        60,
        SEATS_OR_TOKENS,
        "90 % of the seats or more are allocated (`percent`)",
    ),
    entry(Rule::SeatsGone, "seatsGone", Critical, 0, SEATS_OR_TOKENS, "no seat is free"),
    entry(
        Rule::SeatsExcess,
        "seatsExcess",
        Critical,
        0,
        "seat type",
        "more seats are allocated than the license has",
    ),
    entry(
        Rule::QuarantineRising,
        "quarantineRising",
        Info,
        0,
        "seat type",
        "5 seats more are quarantined than 7 days ago (`seats`)",
    ),
    noted(
        entry(
            Rule::CapacityShort,
            "capacityShort",
            Warning,
            60,
            "site",
            "at this pace, each day by its weekday in earlier months, the minutes of Analyzer \
             Capacity don't last until the end of the month; from the 4th day on, and from the 11th \
             with fewer than 28 days of earlier months",
        ),
        "critical when none are left",
    ),
    entry(
        Rule::SeatsRunOut,
        "seatsRunOut",
        Warning,
        0,
        "seat type",
        "the seats may run out within 90 days, by the early end of the forecast; told at 90, 60, \
         30 and 14 days (`steps`)",
    ),
    entry(
        Rule::OverBudget,
        "overBudget",
        Warning,
        0,
        "site",
        "what is licensed, or may have to be in the year of the budget, costs more than \
         `Butler.cost.budgetPerYear`",
    ),
    entry(
        Rule::ReleaseStopped,
        "releaseStopped",
        Warning,
        0,
        "site",
        "guards stopped the last release run or a type of it: told with their reasons, and whether \
         it was a rehearsal; not when only a pause, a freeze or the allowed hours did",
    ),
    entry(
        Rule::ReleaseFailed,
        "releaseFailed",
        Warning,
        0,
        "site",
        "the last release run failed, or couldn't release some seats for another reason than a \
         guard's",
    ),
    noted(
        entry(
            Rule::ReleaseOverdue,
            "releaseOverdue",
            Warning,
            0,
            "site",
            "releases are on and no rehearsal, and for 3 times of the schedule in a row (`ticks`) no \
             run was done: told with the reason, such as a forgotten pause, a freeze or a guard",
        ),
        "info in a freeze",
    ),
    entry(
        Rule::ReleaseUnsettled,
        "releaseUnsettled",
        Warning,
        0,
        "site",
        "for an hour or more it has not been known what became of a seat at a release",
    ),
    entry(
        Rule::ChurnHigh,
        "churnHigh",
        Info,
        0,
        "seat type",
        "of the seats that changed hands within 28 days, 20 % or more went to people who had lost \
         one within 14 days (`percent`), and at least 5 (`seats`)",
    ),
    noted(
        entry(
            Rule::MonitorAppUnhealthy,
            "monitorAppUnhealthy",
            Warning,
            0,
            "site",
            "Qlik's License Monitor failed, is stale, runs long, is missing or isn't reloaded",
        ),
        "info when it runs long",
    ),
    entry(
        Rule::VersionChanged,
        "versionChanged",
        Info,
        0,
        "version",
        "the site runs another version of Qlik Sense than at the look before; over 24 hours after that",
    ),
    entry(
        Rule::VersionUnsupported,
        "versionUnsupported",
        Warning,
        0,
        "site",
        "the last day of support of the version is over, by the days that you have written in \
         `versionMonitor.endOfSupport`; nothing is said of a release that isn't listed there",
    ),
    entry(
        Rule::SiteUnreachable,
        "siteUnreachable",
        Critical,
        10,
        "site",
        "every monitor of the site fails",
    ),
    entry(
        Rule::OtherSite,
        "otherSite",
        Critical,
        0,
        "site",
        "another site answers at the address than before: nothing of it is stored, and no seat is \
         released",
    ),
    entry(
        Rule::DataStale,
        "dataStale",
        Warning,
        15,
        "monitor",
        "a monitor read nothing at 3 times in a row at which it should have (`polls`)",
    ),
    entry(
        Rule::QueueGrowing,
        "queueGrowing",
        Warning,
        0,
        "queue",
        "the oldest event that waits for a destination is 60 minutes old (`minutes`) and its \
         deliveries fail, or 10,000 events wait (`events`)",
    ),
    entry(
        Rule::QueueDropped,
        "queueDropped",
        Critical,
        0,
        "queue",
        "events were dropped undelivered at the outbox's limits; over 24 hours after the last one",
    ),
    entry(
        Rule::DeadLetters,
        "deadLetters",
        Warning,
        0,
        "queue",
        "a destination refused events for good, or they were set aside because it takes others; over \
         when they are retried or dropped (`bursar outbox`)",
    ),
    noted(
        entry(
            Rule::CertificateExpiring,
            "certificateExpiring",
            Warning,
            0,
            "file",
            "a certificate of the settings ends within 60 days; told at 60, 30, 14, 7, 3 and 1 \
             days (`steps`)",
        ),
        "info over 30 days, critical from 7 days on",
    ),
    entry(
        Rule::ReloadRefused,
        "reloadRefused",
        Warning,
        1,
        "file",
        "the settings file, or what it refers to, was changed and can't be used: the daemon goes on with the settings of before",
    ),
    entry(
        Rule::StoreBegunAnew,
        "storeBegunAnew",
        Critical,
        0,
        "file",
        "the store was damaged or gone, and a fresh one was begun: no seat is released",
    ),
];

impl Entry {
    /// Until when it goes on once it fires: some way beyond its limit, so that a figure that swings
    /// around the limit is told once.
    pub const fn over(&self) -> &'static str {
        match self.rule {
            Rule::ServerLicenseExpiring | Rule::CertificateExpiring => {
                "it ends later than the first step; days only go down, so nothing swings"
            }
            Rule::ServerLicenseExpired
            | Rule::ServerLicenseInvalid
            | Rule::ServerLicenseBlacklisted
            | Rule::ServerLicenseMissing
            | Rule::ServerLicenseUnreadable
            | Rule::ServerLicenseNotStarted => "the server says otherwise; there is no limit",
            Rule::SeatsLow => "more seats are free than the limit, one, and a tenth of the limit",
            Rule::UtilizationHigh => "the share is 2 points below the limit",
            Rule::SeatsGone => "more than one seat, and more than 1 % of them, is free",
            Rule::SeatsExcess => "none is in excess, and a seat is free",
            Rule::QuarantineRising => {
                "more than one, and a tenth of the limit, below it; with a limit of 1: none more"
            }
            Rule::CapacityShort => {
                "the minutes last at the pace of the month; it begins when they don't even at the \
                 low end of what is projected, which 14 of 15 months pass"
            }
            Rule::SeatsRunOut => "the early end is more than 7 days beyond the first step",
            Rule::OverBudget => "what is and may be licensed costs 0.2 % less than the budget",
            Rule::ReleaseStopped => {
                "a run is stopped by nothing, or by a pause or a freeze only, or a person has accepted all that stopped it"
            }
            Rule::ReleaseFailed => "a run does not fail",
            Rule::ReleaseOverdue => "a run is done",
            Rule::ReleaseUnsettled => "it is known what became of each seat",
            Rule::ChurnHigh => {
                "the share is 2 points below its limit, or the seats are 2 below theirs"
            }
            Rule::MonitorAppUnhealthy => "its health is good; there is no limit",
            Rule::VersionChanged => "24 hours have passed",
            Rule::VersionUnsupported => "the version, or its last day, is another",
            Rule::SiteUnreachable => "one monitor reads the site; it begins after 10 minutes",
            Rule::OtherSite => "the site itself answers, or the other one is accepted",
            Rule::DataStale => "the monitor reads; it begins after 3 times without",
            Rule::QueueGrowing => {
                "the oldest event is younger than half of the limit, and fewer than 9 tenths of the \
                 events wait"
            }
            Rule::QueueDropped => "24 hours have passed since the last one",
            Rule::DeadLetters => "they are retried or dropped",
            Rule::ReloadRefused => "the file can be used, and is in force",
            Rule::StoreBegunAnew => "a copy is put back, or a person says that releases go on",
        }
    }

    /// How long it must hold before it fires.
    pub fn hold(&self) -> Duration {
        Duration::from_secs(u64::from(self.hold_minutes) * 60)
    }
}

/// The entry of a rule.
pub fn entry_of(rule: Rule) -> &'static Entry {
    ALL.iter().find(|entry| entry.rule == rule).expect("every rule is in the catalogue")
}

/// A rule by its name; also by the one that older releases showed (`seats-low`).
pub fn find(name: &str) -> Option<Rule> {
    let found = ALL.iter().find(|e| e.key == name || e.rule.stored() == name);
    found.map(|entry| entry.rule)
}

/// Whether a rule is about the daemon itself.
pub fn is_of_daemon(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::QueueGrowing
            | Rule::QueueDropped
            | Rule::DeadLetters
            | Rule::CertificateExpiring
            | Rule::ReloadRefused
            | Rule::StoreBegunAnew
    )
}

/// Whether a rule is about the server license: while it fires, it is told as Butler tells it.
pub fn is_of_server_license(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::ServerLicenseExpiring
            | Rule::ServerLicenseExpired
            | Rule::ServerLicenseInvalid
            | Rule::ServerLicenseBlacklisted
            | Rule::ServerLicenseMissing
            | Rule::ServerLicenseUnreadable
            | Rule::ServerLicenseNotStarted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_there_once_and_is_found_by_both_names() {
        let mut rules: Vec<Rule> = ALL.iter().map(|entry| entry.rule).collect();
        rules.dedup();
        assert_eq!(rules.len(), ALL.len());
        assert!(rules.is_sorted(), "in the order of the rules, so none is there twice");
        for entry in ALL {
            assert_eq!(entry.key, entry.rule.to_string(), "one name everywhere");
            assert_eq!(find(entry.key), Some(entry.rule));
            assert_eq!(find(&entry.rule.stored()), Some(entry.rule));
            let read = |name: String| serde_json::from_value::<Rule>(name.into()).unwrap();
            assert_eq!(read(entry.rule.stored()), entry.rule);
            assert_eq!(read(entry.rule.to_string()), entry.rule);
            assert_eq!(find(&entry.rule.to_string()), Some(entry.rule));
        }
        assert_eq!(find("seats"), None);
    }
}
