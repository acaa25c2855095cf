//! Rules of the server license.

use super::{condition, days, known, level_of, severity_of_days, step_of};
use crate::alert::facts::{Dated, Facts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged};
use crate::event::{Rule, Severity};
use crate::license::server::Start;
use crate::license::{Expiry, LicenseState, ServerLicenseStatus, status};

const NEW_KEY: &str =
    "enter the new license in the Qlik Management Console, under License management";

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    let fact = &facts.server_license;
    let problem =
        |rule: Rule, states: &'static [LicenseState], title: &'static str, hint: &'static str| {
            known(rule, fact, move |dated| {
                let status = &dated.value;
                let holds = states.contains(&status.state);
                let text = if holds { status::problem_text(status) } else { now(status) };
                let told = condition(rule, "", dated.time, title, text, hint);
                vec![described(told, status).level(level_of(holds, false))]
            })
        };
    vec![
        known(Rule::ServerLicenseExpiring, fact, |dated| {
            let found = expiring(dated, &limits.server_license_steps);
            vec![found.unwrap_or_else(|| well(Rule::ServerLicenseExpiring, dated))]
        }),
        known(Rule::ServerLicenseExpired, fact, |dated| {
            vec![expired(dated).unwrap_or_else(|| well(Rule::ServerLicenseExpired, dated))]
        }),
        problem(
            Rule::ServerLicenseInvalid,
            &[LicenseState::Invalid],
            "Server license is invalid",
            "ask Qlik's support why; people may lose access",
        ),
        problem(
            Rule::ServerLicenseBlacklisted,
            &[LicenseState::Blacklisted],
            "Server license is blacklisted",
            "ask Qlik's support why; people may lose access",
        ),
        problem(
            Rule::ServerLicenseMissing,
            &[LicenseState::None],
            "No server license is installed",
            NEW_KEY,
        ),
        problem(
            Rule::ServerLicenseUnreadable,
            &[
                LicenseState::ExpiryUnreadable,
                LicenseState::ExpiryUnknown,
                LicenseState::ExpiryDisputed,
                LicenseState::StartUnreadable,
            ],
            "End of the server license can't be told",
            "look at it in the Qlik Management Console; serverLicenseMonitor.dateOrder says how a \
             date such as 03/04/2027 is meant",
        ),
        known(Rule::ServerLicenseNotStarted, fact, |dated| {
            let found = not_started(dated);
            vec![found.unwrap_or_else(|| well(Rule::ServerLicenseNotStarted, dated))]
        }),
    ]
}

/// `the server license is valid, ends 2027-12-23 (in 400 days)`
fn now(status: &ServerLicenseStatus) -> String {
    format!("the server license is {}", status.summary())
}

/// How the license is when nothing is wrong with it.
fn well(rule: Rule, dated: &Dated<ServerLicenseStatus>) -> Condition {
    let status = &dated.value;
    described(condition(rule, "", dated.time, "", now(status), ""), status).well()
}

/// A key that was entered ahead of its time is well as long as the one before it lasts.
fn not_started(dated: &Dated<ServerLicenseStatus>) -> Option<Condition> {
    let status = &dated.value;
    if status.state != LicenseState::NotStarted || status.is_covered() == Some(true) {
        return None;
    }
    let rule = Rule::ServerLicenseNotStarted;
    let severity = match (&status.license.before, status.days_until_start, &status.license.start) {
        (Some(Expiry::On(end)), Some(days), Start::On(start)) => {
            let left = days - (*start - *end).num_days();
            severity_of_days(left).max(Severity::Warning)
        }
        _ => Severity::Warning,
    };
    let text = status::problem_text(status);
    let title = "Server license has not begun";
    let hint =
        "see that the license in use lasts until then, or ask Qlik for a key that starts earlier";
    Some(described(condition(rule, "", dated.time, title, text, hint), status).severity(severity))
}

/// Also of a license that has expired: being over doesn't make it well, and the alert that says so
/// inhibits this one.
fn expiring(dated: &Dated<ServerLicenseStatus>, steps: &[i64]) -> Option<Condition> {
    let status = &dated.value;
    let left = status.days_until_expiry?;
    let step = step_of(left, steps)?;
    let text = status::expiring_text(status);
    let hint = format!("order the renewal, then {NEW_KEY}");
    let title = format!("Server license ends in {}", days(left));
    Some(
        described(
            condition(Rule::ServerLicenseExpiring, "", dated.time, title, text, hint),
            status,
        )
        .severity(severity_of_days(left))
        .step(step, steps),
    )
}

fn expired(dated: &Dated<ServerLicenseStatus>) -> Option<Condition> {
    let status = &dated.value;
    let text = status::expired_text(status);
    status.expired.then(|| {
        let rule = Rule::ServerLicenseExpired;
        described(
            condition(rule, "", dated.time, "Server license has expired", text, NEW_KEY),
            status,
        )
    })
}

fn described(condition: Condition, status: &ServerLicenseStatus) -> Condition {
    condition
        .with("state", status.state.as_str())
        .with("expiryDate", status::expiry_text(status))
        .with("daysUntilExpiry", status.days_until_expiry)
        .with("thresholdDays", status.threshold_days)
}
