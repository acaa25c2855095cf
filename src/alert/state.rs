//! From what rules say now and what was told before to what is told now. Pure: no clock, no store.
//!
//! An alert is **pending** until its condition held for as long as its rule asks for, then it
//! **fires** until the condition is known to be over. What is not known changes nothing. While it
//! fires it is told at once, again at each smaller step and when its severity changes for others
//! (`due`), and again at the repeat interval; unless a
//! silence matches it or a worse alert of the same site says it all ([`INHIBITED`]). What was held
//! back is told when that ends, if it still fires. Once it is over that is told, if it was told that
//! it fires; also under a silence, because receivers keep an alert open until they hear of its end.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::policy::{Policy, Repeat};
use super::{Condition, Judged, Level};
use crate::event::{AlertStatus, Key, Rule, Severity};

/// What is remembered of an alert that is pending or fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    #[serde(flatten)]
    pub key: Key,
    pub phase: Phase,
    /// Since when the condition holds without a break.
    pub since: DateTime<Utc>,
    /// Since when it fires.
    pub fired: Option<DateTime<Utc>>,
    #[serde(rename = "told")]
    pub notified: Option<Notified>,
    /// Why it is not told now.
    pub held_back: Option<HeldBack>,
    pub severity: Severity,
    pub title: String,
    pub text: String,
    pub hint: String,
    pub facts: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Pending,
    Firing,
}

/// How often and when an alert was told while it fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    pub last: DateTime<Utc>,
    pub times: u32,
    /// To how many destinations it went the last time: 0 reached nobody. Absent of what older releases told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_to: Option<u32>,
    /// The smallest step that was told, as far as it wasn't left again.
    pub step: Option<i64>,
    /// The severity that was told last. Absent of what older releases told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// When the facts were observed that were told last.
    pub observed: DateTime<Utc>,
}

impl Notified {
    /// `told once`, `told 3 times`; also that it reached nobody.
    pub fn in_words(&self) -> String {
        let times = match self.times {
            1 => "told once".to_owned(),
            times => format!("told {times} times"),
        };
        match self.sent_to {
            Some(0) => format!("{times}, the last time to nobody: no destination takes it"),
            _ => times,
        }
    }
}

/// Why an alert that fires is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by")]
pub enum HeldBack {
    /// A worse one of the same site.
    Alert {
        rule: Rule,
    },
    Silence {
        id: i64,
    },
}

/// A person's wish to hear nothing of some alerts for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    pub id: i64,
    /// `None`: of every one.
    pub site: Option<String>,
    pub rule: Option<Rule>,
    pub subject: Option<String>,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub why: String,
    pub by: String,
}

impl Silence {
    /// Whether it holds for an alert now.
    pub fn covers(&self, key: &Key, now: DateTime<Utc>) -> bool {
        now < self.until
            && self.site.as_ref().is_none_or(|site| site.eq_ignore_ascii_case(&key.site))
            && self.rule.is_none_or(|rule| rule == key.rule)
            && self.subject.as_ref().is_none_or(|s| s.eq_ignore_ascii_case(&key.subject))
    }
}

impl Alert {
    /// As it is silenced by what people wish now: the daemon notes that with its next look only.
    #[must_use]
    pub fn with_silences(mut self, silences: &[Silence], now: DateTime<Utc>) -> Self {
        let silence = silences.iter().find(|silence| silence.covers(&self.key, now));
        match (silence, &self.held_back) {
            (_, Some(HeldBack::Alert { .. })) | (None, None) => {}
            (None, Some(HeldBack::Silence { .. })) => self.held_back = None,
            (Some(_), Some(HeldBack::Silence { id }))
                if silences.iter().any(|of| of.id == *id && of.covers(&self.key, now)) => {}
            (Some(silence), _) => self.held_back = Some(HeldBack::Silence { id: silence.id }),
        }
        self
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub alert: Alert,
    pub status: AlertStatus,
    /// Told before in the same firing.
    pub repeats: u32,
    /// The silence that holds for it: the end of an alert is told all the same.
    pub silence: Option<Silence>,
}

/// What happened to an alert, for the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Occurrence {
    Fired,
    /// Told again at the interval, or because it is less bad now.
    Repeated,
    /// Told again because a smaller step was crossed, or because it is worse now.
    Escalated,
    Resolved,
    /// It fires, and a silence keeps it from being told.
    Silenced,
    /// It fires, and a worse alert keeps it from being told.
    Inhibited,
}

impl Occurrence {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// All alerts that are pending or fire.
pub type States = BTreeMap<Key, Alert>;

/// What came of one look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    pub states: States,
    /// In the order of their keys.
    pub notices: Vec<Notice>,
    pub happened: Vec<(Key, Occurrence)>,
}

/// Which alert keeps which others of the same site and subject from being told while it fires.
/// `siteUnreachable` does so with all others of its site.
pub const INHIBITED: [(Rule, &[Rule]); 7] = [
    (Rule::ServerLicenseExpired, &[Rule::ServerLicenseExpiring]),
    (Rule::ServerLicenseInvalid, &[Rule::ServerLicenseExpiring]),
    (Rule::ServerLicenseBlacklisted, &[Rule::ServerLicenseExpiring, Rule::ServerLicenseInvalid]),
    (Rule::ServerLicenseMissing, &[Rule::ServerLicenseExpiring, Rule::ServerLicenseExpired]),
    (Rule::SeatsGone, &[Rule::SeatsLow, Rule::UtilizationHigh, Rule::SeatsRunOut]),
    (Rule::SeatsLow, &[Rule::UtilizationHigh]),
    (Rule::QueueDropped, &[Rule::QueueGrowing]),
];

/// One look at everything.
///
/// `judged` are the rules' words by site. Alerts of sites that are not in it, because the settings
/// have them no more, are over. `policy_of` gives the settings of a site.
pub fn step<'a>(
    before: &States,
    judged: &[(String, Vec<Judged>)],
    silences: &[Silence],
    policy_of: impl Fn(&str) -> &'a Policy,
    now: DateTime<Utc>,
) -> Step {
    let mut next = Step::default();
    let mut conditions: BTreeMap<Key, &Condition> = BTreeMap::new();
    let mut rules: BTreeMap<(&str, Rule), &Judged> = BTreeMap::new();
    for (site, all) in judged {
        for one in all {
            rules.insert((site, one.rule), one);
            for condition in &one.conditions {
                conditions.insert(Key::new(site, one.rule, &condition.subject), condition);
            }
        }
    }

    for (key, alert) in before {
        if conditions.contains_key(key) {
            continue;
        }
        let rule = rules.get(&(key.site.as_str(), key.rule));
        if rule.is_none_or(|one| one.is_well(&key.subject)) {
            let now_well = rule.and_then(|one| one.now(&key.subject));
            resolve(alert, now_well, covering(silences, key, now), &mut next);
        } else {
            next.states.insert(key.clone(), alert.clone());
        }
    }
    for (key, condition) in &conditions {
        let rule = policy_of(&key.site).rule(key.rule);
        let hold = TimeDelta::from_std(rule.hold).unwrap_or(TimeDelta::MAX);
        if let Some(alert) = advance(before.get(key), key, condition, hold, now) {
            next.states.insert(key.clone(), alert);
        }
    }
    notify(&mut next, &conditions, silences, &policy_of, now);
    next.notices.sort_by(|a, b| a.alert.key.cmp(&b.alert.key));
    next
}

/// It is over. Told if it was told that it fires, with how things are now.
fn resolve(
    alert: &Alert,
    now_well: Option<&Condition>,
    silence: Option<&Silence>,
    next: &mut Step,
) {
    if alert.phase == Phase::Firing {
        next.happened.push((alert.key.clone(), Occurrence::Resolved));
    }
    if let Some(notified) = &alert.notified {
        let mut alert = alert.clone();
        alert.text = match now_well {
            Some(well) => format!("over: {} (it was: {})", well.text, alert.text),
            None => format!("over: {}", alert.text),
        };
        if let Some(well) = now_well {
            alert.facts = well.facts.clone();
        }
        next.notices.push(Notice {
            alert,
            status: AlertStatus::Resolved,
            repeats: notified.times.saturating_sub(1),
            silence: silence.cloned(),
        });
    }
}

/// The silence of an alert: the one that ends last, so that another one's end doesn't look like a new
/// silence.
fn covering<'a>(silences: &'a [Silence], key: &Key, now: DateTime<Utc>) -> Option<&'a Silence> {
    silences.iter().filter(|s| s.covers(key, now)).max_by_key(|s| (s.until, s.id))
}

/// The alert of a condition after this look; `None` when there is none yet, or none any more.
fn advance(
    before: Option<&Alert>,
    key: &Key,
    condition: &Condition,
    hold: TimeDelta,
    now: DateTime<Utc>,
) -> Option<Alert> {
    let firing = before.is_some_and(|alert| alert.phase == Phase::Firing);
    if condition.level == Level::Lingers && !firing {
        return None;
    }
    // A clock that was set back must not make it wait for longer.
    let since = before.map_or(now, |alert| alert.since.min(now));
    let fired = before.and_then(|alert| alert.fired).map(|fired| fired.min(now));
    let phase = if firing || now - since >= hold { Phase::Firing } else { Phase::Pending };
    let lingering = before.filter(|_| condition.level == Level::Lingers);
    Some(Alert {
        key: key.clone(),
        phase,
        since,
        fired: (phase == Phase::Firing).then(|| fired.unwrap_or(now)),
        notified: before
            .and_then(|alert| alert.notified.clone())
            .map(|notified| follow(notified, condition, now)),
        held_back: before.and_then(|alert| alert.held_back.clone()),
        // What lingers is no news: the severity stays until it is over.
        severity: lingering.map_or(condition.severity, |alert| alert.severity),
        title: condition.title.clone(),
        text: condition.text.clone(),
        hint: condition.hint.clone(),
        facts: condition.facts.clone(),
    })
}

/// A step that was left upwards counts again when it is crossed again; a clock that was set back
/// doesn't put off the next repetition by more than the interval.
fn follow(mut notified: Notified, condition: &Condition, now: DateTime<Utc>) -> Notified {
    notified.last = notified.last.min(now);
    if condition.step > notified.step {
        notified.step = condition.step;
    }
    notified
}

fn notify<'a>(
    next: &mut Step,
    conditions: &BTreeMap<Key, &Condition>,
    silences: &[Silence],
    policy_of: &impl Fn(&str) -> &'a Policy,
    now: DateTime<Utc>,
) {
    let firing: Vec<Key> = next
        .states
        .values()
        .filter(|alert| alert.phase == Phase::Firing)
        .map(|alert| alert.key.clone())
        .collect();
    for key in &firing {
        let Some(alert) = next.states.get_mut(key) else { continue };
        let held_back = held_back(key, &firing, silences, now);
        if held_back != alert.held_back {
            match held_back {
                Some(HeldBack::Alert { .. }) => {
                    next.happened.push((key.clone(), Occurrence::Inhibited))
                }
                Some(HeldBack::Silence { .. }) => {
                    next.happened.push((key.clone(), Occurrence::Silenced))
                }
                None => {}
            }
            alert.held_back = held_back;
        }
        // Without a condition nothing is known, so there is nothing new to tell.
        let Some(condition) = conditions.get(key).filter(|_| alert.held_back.is_none()) else {
            continue;
        };
        let repeat = policy_of(&key.site).repeat;
        let due = due(alert.notified.as_ref(), alert.severity, condition, repeat, now);
        let Some(what) = due else { continue };
        let times = alert.notified.as_ref().map_or(0, |notified| notified.times);
        alert.notified = Some(Notified {
            last: now,
            times: times.saturating_add(1),
            // Whoever addresses it knows.
            sent_to: None,
            step: condition.step,
            severity: Some(alert.severity),
            observed: condition.observed,
        });
        let status = AlertStatus::Firing;
        next.notices.push(Notice { alert: alert.clone(), status, repeats: times, silence: None });
        next.happened.push((key.clone(), what));
    }
}

/// Whether an alert is to be told now, and as what.
///
/// A worse severity is told at once. A better one is where it changes who is told: receivers wake
/// somebody for what is critical, and send it elsewhere when it isn't any more.
fn due(
    notified: Option<&Notified>,
    severity: Severity,
    condition: &Condition,
    repeat: Repeat,
    now: DateTime<Utc>,
) -> Option<Occurrence> {
    let Some(notified) = notified else { return Some(Occurrence::Fired) };
    if condition.level == Level::Lingers {
        return None;
    }
    if let (Some(step), Some(before)) = (condition.step, notified.step)
        && step < before
    {
        return Some(Occurrence::Escalated);
    }
    match notified.severity {
        Some(before) if severity > before => return Some(Occurrence::Escalated),
        Some(Severity::Critical) if severity < Severity::Critical => {
            return Some(Occurrence::Repeated);
        }
        _ => {}
    }
    let again = match repeat {
        Repeat::EachPoll => condition.observed > notified.observed,
        Repeat::Every(interval) => {
            condition.repeats
                && TimeDelta::from_std(interval)
                    .is_ok_and(|interval| now - notified.last >= interval)
        }
    };
    again.then_some(Occurrence::Repeated)
}

fn held_back(
    key: &Key,
    firing: &[Key],
    silences: &[Silence],
    now: DateTime<Utc>,
) -> Option<HeldBack> {
    let inhibits = |other: &&Key| {
        other.site == key.site
            && other.rule != key.rule
            && (other.rule == Rule::SiteUnreachable
                || (other.subject == key.subject
                    && INHIBITED
                        .iter()
                        .any(|(rule, less)| *rule == other.rule && less.contains(&key.rule))))
    };
    if let Some(worse) = firing.iter().find(inhibits) {
        return Some(HeldBack::Alert { rule: worse.rule });
    }
    Some(HeldBack::Silence { id: covering(silences, key, now)?.id })
}

#[cfg(test)]
mod tests;
