//! From a [`Notice`] to the event that is sent, and to whom.

use chrono::{DateTime, Utc};

use super::catalogue;
use super::state::Notice;
use crate::event::{
    AlertNotice, AlertStatus, Body, Channel, Key, Kind, Queue, Rule, Severity, Silenced,
};
use crate::license::ServerLicenseStatus;

/// An alert of the server license while it fires, in Butler's form. `None` for all others, and when
/// the license isn't known.
pub fn butlers(notice: &Notice, license: Option<&ServerLicenseStatus>) -> Option<Body> {
    if notice.status != AlertStatus::Firing {
        return None;
    }
    let status = license?.clone();
    Some(match butlers_kind(notice.alert.key.rule)? {
        Kind::ServerLicenseExpiring => Body::ServerLicenseExpiring(status),
        Kind::ServerLicenseExpired => Body::ServerLicenseExpired(status),
        _ => Body::ServerLicenseProblem(status),
    })
}

/// As what kind of event Butler's form tells of a rule.
pub fn butlers_kind(rule: Rule) -> Option<Kind> {
    match rule {
        Rule::ServerLicenseExpiring => Some(Kind::ServerLicenseExpiring),
        Rule::ServerLicenseExpired => Some(Kind::ServerLicenseExpired),
        rule if catalogue::is_of_server_license(rule) => Some(Kind::ServerLicenseProblem),
        _ => None,
    }
}

/// What is sent of an alert.
pub fn alert_notice(notice: &Notice, destinations: &[Channel], now: DateTime<Utc>) -> AlertNotice {
    let alert = &notice.alert;
    let resolved = notice.status == AlertStatus::Resolved;
    AlertNotice {
        rule: alert.key.rule,
        subject: alert.key.subject.clone(),
        fingerprint: alert.key.fingerprint(),
        status: notice.status,
        severity: alert.severity,
        title: alert.title.clone(),
        text: alert.text.clone(),
        hint: if resolved { String::new() } else { alert.hint.clone() },
        since: alert.fired.unwrap_or(alert.since),
        resolved: resolved.then_some(now),
        repeats: notice.repeats,
        facts: alert.facts.clone(),
        silenced: notice.silence.as_ref().map(|silence| Silenced {
            by: silence.by.clone(),
            until: silence.until,
            why: silence.why.clone(),
        }),
        test: false,
        // What concerns a queue may go beyond the kinds that the rule names: see `receivers`.
        destinations: (!destinations.is_empty() && !is_of_queue(alert.key.rule))
            .then(|| destinations.to_vec()),
    }
}

/// A message that says that it is a test: of a rule, as if of a site, by a person.
pub fn test(
    site: &str,
    rule: Rule,
    by: &str,
    since: DateTime<Utc>,
    status: AlertStatus,
) -> AlertNotice {
    // No alert has this subject, so it opens and closes nothing that is real.
    let subject = "test";
    let over = if status == AlertStatus::Resolved { "over: " } else { "" };
    AlertNotice {
        rule,
        subject: subject.to_owned(),
        fingerprint: Key::new(site, rule, subject).fingerprint(),
        status,
        severity: Severity::Info,
        title: format!("Test: alerts of {rule} arrive here"),
        text: format!(
            "{over}this is a test by {by}, nothing is wrong: alerts of {rule} arrive here"
        ),
        hint: String::new(),
        since,
        resolved: (status == AlertStatus::Resolved).then_some(since),
        repeats: 0,
        facts: [("test".to_owned(), true.into())].into_iter().collect(),
        destinations: None,
        silenced: None,
        test: true,
    }
}

/// Whether it is about a queue that grows or loses events: others are told of it.
pub fn is_of_queue(rule: Rule) -> bool {
    matches!(rule, Rule::QueueGrowing | Rule::QueueDropped)
}

/// Which of the destinations that want an event get it.
///
/// What concerns a queue is told elsewhere, if anything else is there to be told, whatever kinds of
/// destinations the rule names: a receiver that is down can't say that it is down.
pub fn receivers<'a>(
    notice: &Notice,
    wanting: &[&'a Queue],
    destinations: &[Channel],
) -> Vec<&'a Queue> {
    let key = &notice.alert.key;
    let named = |queue: &&&Queue| destinations.is_empty() || destinations.contains(&queue.channel);
    let chosen: Vec<&Queue> = wanting.iter().filter(named).copied().collect();
    if !is_of_queue(key.rule) {
        return chosen;
    }
    let others = |list: &[&'a Queue]| -> Vec<&'a Queue> {
        list.iter().copied().filter(|queue| queue.id != key.subject).collect()
    };
    let elsewhere = others(&chosen);
    if !elsewhere.is_empty() {
        return elsewhere;
    }
    let anybody = others(wanting);
    if anybody.is_empty() { chosen } else { anybody }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::state::{Alert, Phase};

    fn notice(rule: Rule, subject: &str) -> Notice {
        let now = DateTime::UNIX_EPOCH;
        Notice {
            alert: Alert {
                key: Key::new("prod", rule, subject),
                phase: Phase::Firing,
                since: now,
                fired: Some(now),
                notified: None,
                held_back: None,
                severity: Severity::Warning,
                title: String::new(),
                text: String::new(),
                hint: String::new(),
                facts: serde_json::Map::new(),
            },
            status: AlertStatus::Firing,
            repeats: 0,
            silence: None,
        }
    }

    /// The names of those that get the notice, of MQTT and webhooks with these names.
    fn sent_to(notice: &Notice, wanting: &[&str], kinds: &[Channel]) -> String {
        let queue = |id: &&str| {
            let channel = if *id == "mqtt" { Channel::Mqtt } else { Channel::Webhook };
            Queue { id: (*id).to_owned(), ..Queue::only(channel, |_| true) }
        };
        let queues: Vec<Queue> = wanting.iter().map(queue).collect();
        let wanting: Vec<&Queue> = queues.iter().collect();
        let told = receivers(notice, &wanting, kinds);
        told.iter().map(|queue| queue.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_concerns_a_queue_goes_elsewhere() {
        let queue = notice(Rule::QueueGrowing, "mqtt");
        let to = |wanting: &[&str], kinds: &[Channel]| sent_to(&queue, wanting, kinds);
        assert_eq!(to(&["mqtt", "webhook/1", "webhook/2"], &[]), "webhook/1 webhook/2");
        assert_eq!(
            to(&["mqtt", "webhook/1"], &[Channel::Mqtt]),
            "webhook/1",
            "rather than nowhere"
        );
        assert_eq!(to(&["mqtt"], &[]), "mqtt", "there is nobody else: it comes later");
        assert_eq!(to(&[], &[Channel::Mqtt]), "");
    }

    #[test]
    fn rules_may_name_kinds_of_destinations() {
        let low = notice(Rule::SeatsLow, "analyzer");
        let both = ["mqtt", "webhook/1"];
        assert_eq!(sent_to(&low, &both, &[Channel::Webhook]), "webhook/1");
        assert_eq!(sent_to(&low, &both, &[]), "mqtt webhook/1");
    }
}
