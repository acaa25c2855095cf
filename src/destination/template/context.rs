//! The one object that templates see.

use serde_json::{Map, Value, json};

use crate::destination::payload;
use crate::event::{AlertNotice, AlertStatus, Body, Event, Key, Rule, Severity};
use crate::license::{LicenseState, ServerLicenseStatus, status};

/// Name and meaning of what every event has, for the reference.
pub(super) const COMMON: &[(&str, &str)] = &[
    ("kind", "kind of the event, one of the headings below"),
    ("event", "the same as built-in webhooks call it, in words"),
    ("summary", "one line for people, of any event"),
    ("site", "name of the site; `default` when the settings name no sites"),
    ("time", "when the site was polled: UTC, RFC 3339"),
    ("eventId", "the same at every repetition of one delivery"),
    ("alert", "the alert, see below; null for what is none"),
    ("values", "the values of the template's own settings: `values.NAME`"),
];

/// Everything of the built-in webhook message, and `COMMON`.
pub fn of(event: &Event) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("kind".into(), event.kind().as_str().into());
    let summary = match event.summary() {
        empty if empty.trim().is_empty() => event.kind().title().to_owned(),
        summary => summary,
    };
    map.insert("summary".into(), summary.into());
    map.extend(payload::webhook_json(event, true));
    map.insert("alert".into(), alert(event).map_or(Value::Null, Value::Object));
    map
}

/// The alert of an event, whatever kind of event tells it.
pub fn alert(event: &Event) -> Option<Map<String, Value>> {
    let notice = notice(event)?;
    let Ok(Value::Object(mut map)) = serde_json::to_value(notice) else { return None };
    map.shift_remove("destinations");
    // What most alerts don't have is there all the same: templates may ask for it.
    map.entry("silenced").or_insert(Value::Null);
    map.entry("test").or_insert(Value::Bool(false));
    Some(map)
}

/// An alert in the form that all rules have: what its rule says. Of an event that an older release
/// stored, and of refused releases, only the event is known, so the beginning is the event's time.
pub fn notice(event: &Event) -> Option<AlertNotice> {
    if let Some(notice) = &event.notice {
        return Some((**notice).clone());
    }
    let text = payload::alert_text(event)?;
    let (rule, severity, title, hint, facts) = match &event.body {
        Body::Alert(notice) => return Some(notice.clone()),
        Body::ServerLicenseExpiring(status) => {
            let facts = license_facts(status);
            (Rule::ServerLicenseExpiring, Severity::Warning, text.clone(), "", facts)
        }
        Body::ServerLicenseExpired(status) => {
            let facts = license_facts(status);
            (Rule::ServerLicenseExpired, Severity::Critical, text.clone(), "", facts)
        }
        Body::ServerLicenseProblem(status) => {
            let rule = problem(status.state);
            let unclear =
                matches!(rule, Rule::ServerLicenseUnreadable | Rule::ServerLicenseNotStarted);
            let severity = if unclear { Severity::Warning } else { Severity::Critical };
            (rule, severity, text.clone(), "", license_facts(status))
        }
        Body::ReleaseRefused(refused) => (
            Rule::ReleaseStopped,
            Severity::Warning,
            "License release was stopped".to_owned(),
            "look at the reasons: bursar release history, bursar release plan",
            vec![("run", refused.run.as_str().into()), ("rehearsal", refused.rehearsal.into())],
        ),
        _ => return None,
    };
    Some(AlertNotice {
        rule,
        subject: String::new(),
        fingerprint: Key::new(event.site.as_str(), rule, "").fingerprint(),
        status: AlertStatus::Firing,
        severity,
        title,
        text,
        hint: hint.into(),
        since: event.time,
        resolved: None,
        repeats: 0,
        facts: facts
            .into_iter()
            .map(|(name, value): (&str, Value)| (name.to_owned(), value))
            .collect(),
        destinations: None,
        silenced: None,
        test: false,
    })
}

/// As the rules give them.
fn license_facts(status: &ServerLicenseStatus) -> Vec<(&'static str, Value)> {
    vec![
        ("state", status.state.as_str().into()),
        ("expiryDate", status::expiry_text(status).into()),
        ("daysUntilExpiry", status.days_until_expiry.into()),
        ("thresholdDays", status.threshold_days.into()),
    ]
}

fn problem(state: LicenseState) -> Rule {
    match state {
        LicenseState::None => Rule::ServerLicenseMissing,
        LicenseState::Blacklisted => Rule::ServerLicenseBlacklisted,
        LicenseState::Invalid => Rule::ServerLicenseInvalid,
        LicenseState::NotStarted => Rule::ServerLicenseNotStarted,
        _ => Rule::ServerLicenseUnreadable,
    }
}

/// What the reference shows of an object: texts are cut, lists have one entry.
pub(super) fn shortened(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().take(1).map(shortened).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), shortened(v))).collect())
        }
        other => json!(other),
    }
}
