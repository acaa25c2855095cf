//! Alerts: what fires, what is silenced, what happened.

use askama::Template;
use axum::http::HeaderMap;
use chrono_tz::Tz;

use super::Served;
use super::answer::{self, Answer};
use super::frame::{Frame, Part, tone};
use super::wording::local;
use crate::alert::state::{Alert, Phase};
use crate::event::DAEMON;
use crate::plain::one_line;
use crate::status::Status;

/// So much of the history is shown.
const HISTORY: usize = 200;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    frame: Frame,
    off: bool,
    /// Each with whether the one who looks may silence it.
    firing: Vec<(AlertView, bool)>,
    pending: Vec<(String, String)>,
    unheard: Vec<(String, String, String)>,
    silences: Vec<SilenceView>,
    /// Who looks may silence alerts, and those of all sites.
    operator: bool,
    operator_of_all: bool,
    history: Vec<HistoryView>,
}

struct SilenceView {
    of: String,
    until: String,
    by: String,
    why: String,
    /// For the form that ends it, where the one who looks may.
    end: Option<i64>,
}

/// An alert that fires.
pub(super) struct AlertView {
    pub(super) tone: &'static str,
    pub(super) severity: &'static str,
    pub(super) text: String,
    pub(super) hint: String,
    pub(super) told: String,
    rule: String,
    site: String,
    subject: String,
}

impl AlertView {
    pub(super) fn of(alert: &Alert, status: &Status, zone: Tz) -> Self {
        Self {
            tone: tone(alert.severity),
            severity: alert.severity.as_str(),
            text: one_line(&alert.text),
            hint: one_line(&alert.hint),
            told: status.told(alert, zone),
            rule: alert.key.rule.to_string(),
            site: alert.key.site.clone(),
            subject: alert.key.subject.clone(),
        }
    }
}

struct HistoryView {
    time: String,
    what: &'static str,
    tone: &'static str,
    severity: &'static str,
    rule: String,
    of: String,
    text: String,
    sent: u32,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap) -> Answer {
    let settings = &served.source.settings;
    let status = served.status().await?;
    let (now, zone) = (status.time, settings.time_zone);
    let store = &served.source.store;
    let all = store.alerts().await?;
    let sees = |site: &str| site == DAEMON || served.viewer.sees(site);
    let pending = all.values().filter(|of| of.phase == Phase::Pending && sees(&of.key.site));
    let any = |of: Option<&str>| of.unwrap_or("any").to_owned();
    let silences = status.silences.iter().map(|silence| SilenceView {
        of: format!(
            "site {}, rule {}, {}",
            any(silence.site.as_deref()),
            any(silence.rule.map(|rule| rule.to_string()).as_deref()),
            one_line(&any(silence.subject.as_deref()))
        ),
        until: local(silence.until, zone),
        by: one_line(&silence.by),
        why: one_line(&silence.why),
        end: served.may_end(silence).then_some(silence.id),
    });
    let of = |site: &str, subject: &str| {
        let site = if settings.named_sites || site == DAEMON { site } else { "" };
        [site, subject].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let history = store.alert_history(HISTORY).await?.into_iter();
    let history = history.filter(|entry| sees(&entry.key.site)).map(|entry| HistoryView {
        time: local(entry.time, zone),
        what: entry.what.as_str(),
        tone: tone(entry.severity),
        severity: entry.severity.as_str(),
        rule: entry.key.rule.to_string(),
        of: of(&entry.key.site, &entry.key.subject),
        text: one_line(&entry.text),
        sent: entry.sent,
    });
    let page = Page {
        off: !settings.alert.enable && served.sites().all(|site| !site.alert.enable),
        firing: status
            .alerts
            .iter()
            .map(|alert| (AlertView::of(alert, &status, zone), served.may_change(&alert.key.site)))
            .collect(),
        pending: pending
            .map(|alert| {
                let key = &alert.key;
                let what =
                    format!("{} ({}, {})", alert.text, key.rule, of(&key.site, &key.subject));
                (one_line(&what), local(alert.since, zone))
            })
            .collect(),
        unheard: status
            .unheard
            .iter()
            .map(|one| (one.in_short(), one.what(), one.fix.clone()))
            .collect(),
        silences: silences.collect(),
        operator: served.is_operator(),
        operator_of_all: served.is_operator() && served.all_sites(),
        history: history.collect(),
        frame: Frame::new(served, &status, Part::Alerts, None),
    };
    Ok(answer::page(headers, now, &page))
}
