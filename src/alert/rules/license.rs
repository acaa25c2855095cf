//! Rules of the server license.

use super::{condition, days, known, severity_of_days, step_of};
use crate::alert::facts::{Dated, Facts};
use crate::alert::policy::Limits;
use crate::alert::{Condition, Judged};
use crate::event::Rule;
use crate::license::{LicenseState, ServerLicenseStatus, status};

const NEW_KEY: &str =
    "enter the new license in the Qlik Management Console, under License management";

pub(super) fn judge(facts: &Facts, limits: &Limits) -> Vec<Judged> {
    let fact = &facts.server_license;
    let problem =
        |rule: Rule, states: &'static [LicenseState], title: &'static str, hint: &'static str| {
            known(rule, fact, move |dated| {
                states
                    .contains(&dated.value.state)
                    .then(|| {
                        let text = status::problem_text(&dated.value);
                        described(condition(rule, "", dated.time, title, text, hint), &dated.value)
                    })
                    .into_iter()
                    .collect()
            })
        };
    vec![
        known(Rule::ServerLicenseExpiring, fact, |dated| {
            expiring(dated, &limits.server_license_steps).into_iter().collect()
        }),
        known(Rule::ServerLicenseExpired, fact, |dated| expired(dated).into_iter().collect()),
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
            &[LicenseState::ExpiryUnreadable, LicenseState::ExpiryUnknown],
            "End of the server license can't be told",
            "look at it in the Qlik Management Console; serverLicenseMonitor.dateOrder says how a \
             date such as 03/04/2027 is meant",
        ),
    ]
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
