//! What MQTT and webhooks send of an event: one JSON object, and plain text for alerts.
//!
//! Each kind has a struct in one of the files below; `Message` is what all of them have. The schemas
//! (`docs/events/`) and the page (`docs/events.md`) are made of these structs.

mod alert;
mod app;
mod daemon;
mod license;
mod reference;
mod release;
mod schema;
pub mod seats;
mod value;
mod version;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::event::{Body, Event, Kind, ReleaseRefused, Topic};
use crate::license::status;

pub use reference::reference_markdown;
pub(in crate::destination) use reference::{Key, keys_of_alert};
pub use schema::json_schema;

use value::Time;

/// One message. `B` stands before the keys that every message has, `A` among them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Message<'a, B, A> {
    /// Which event this is. On MQTT only, where all of them have one topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(flatten)]
    body: B,
    /// Which event this is, in words. In webhooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(flatten)]
    after: A,
    /// Name of the site; only when the settings name their sites.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    site: Option<&'a str>,
    /// When the site was looked at or, of single seats and runs, when it happened; UTC.
    time: Time,
    /// The same at every repetition of one delivery: deduplicate by it.
    #[schemars(length(min = 1))]
    event_id: &'a str,
}

/// Nothing more.
#[derive(Debug, Serialize, JsonSchema)]
struct Nothing {}

/// How an event is sent.
#[derive(Debug, Clone, Copy)]
struct Form {
    kind: bool,
    event: bool,
    named_site: bool,
}

/// The JSON object of an event as MQTT sends it: with `kind` where a topic has several.
pub fn json(event: &Event, named_site: bool) -> Map<String, Value> {
    object(event, Form { kind: has_kind(event.kind()), event: false, named_site })
}

/// The JSON object of an event as webhooks send it: with `event`.
pub fn webhook_json(event: &Event, named_site: bool) -> Map<String, Value> {
    object(event, Form { kind: false, event: true, named_site })
}

/// Whether the kind's messages share a topic with those of other kinds.
fn has_kind(kind: Kind) -> bool {
    kind.topic() == Topic::Release
}

fn object(event: &Event, form: Form) -> Map<String, Value> {
    use alert::Text;
    let text = |message: String| Text { message };
    match &event.body {
        Body::ServerLicenseStatus(status) => {
            form.of(event, license::ServerLicense::from(status), license::State::from(status))
        }
        Body::ServerLicenseExpiring(status)
        | Body::ServerLicenseExpired(status)
        | Body::ServerLicenseProblem(status) => {
            let message = alert_text(event).unwrap_or_default();
            let after = license::StateOfAlert::new(status, message);
            form.of(event, license::ServerLicense::from(status), after)
        }
        Body::AccessLicenseStatus(pools) => {
            form.of(event, license::AccessLicenses::from(pools), Nothing {})
        }
        Body::SeatReleased(released) => {
            form.of(event, release::SeatReleased::from(released), Nothing {})
        }
        Body::SeatAnnounced(announced) => {
            form.of(event, release::SeatAnnounced::from(announced), Nothing {})
        }
        Body::SeatWithdrawn(withdrawn) => {
            form.of(event, release::SeatWithdrawn::from(withdrawn), Nothing {})
        }
        Body::SeatRestored(restored) => {
            form.of(event, release::SeatRestored::from(restored), Nothing {})
        }
        Body::ReleaseRefused(refused) => {
            form.of(event, release::ReleaseRefused::from(refused), text(refused_text(refused)))
        }
        Body::SeatsKept(kept) => form.of(event, release::SeatsKept::from(kept), Nothing {}),
        Body::ReleaseRun(run) => form.of(event, release::ReleaseRun::from(run), Nothing {}),
        Body::SeatActivity(activity) => {
            form.of(event, seats::SeatActivity::from(activity), Nothing {})
        }
        Body::SeatChanges(changes) => form.of(event, seats::SeatChanges::from(changes), Nothing {}),
        Body::MonitorApp(app) => form.of(event, app::MonitorApp::new(app, event.time), Nothing {}),
        Body::QlikSenseVersion(version) => {
            form.of(event, version::SenseVersion::new(version, event.time), Nothing {})
        }
        Body::DaemonUptime(uptime) => {
            form.of(event, daemon::DaemonUptime::from(uptime), Nothing {})
        }
        Body::Alert(notice) => {
            form.of(event, alert::Alert::from(notice), text(notice.text.clone()))
        }
    }
}

/// The schema of what [`object`] makes, as schemars gives it.
fn object_schema(kind: Kind) -> schemars::Schema {
    use alert::Text;
    match kind {
        Kind::ServerLicenseStatus => schema::of::<license::ServerLicense, license::State>(),
        Kind::ServerLicenseExpiring | Kind::ServerLicenseExpired | Kind::ServerLicenseProblem => {
            schema::of::<license::ServerLicense, license::StateOfAlert>()
        }
        Kind::AccessLicenseStatus => schema::of::<license::AccessLicenses, Nothing>(),
        Kind::SeatReleased => schema::of::<release::SeatReleased<'_>, Nothing>(),
        Kind::SeatAnnounced => schema::of::<release::SeatAnnounced<'_>, Nothing>(),
        Kind::SeatWithdrawn => schema::of::<release::SeatWithdrawn<'_>, Nothing>(),
        Kind::SeatRestored => schema::of::<release::SeatRestored<'_>, Nothing>(),
        Kind::ReleaseRefused => schema::of::<release::ReleaseRefused<'_>, Text>(),
        Kind::SeatsKept => schema::of::<release::SeatsKept<'_>, Nothing>(),
        Kind::ReleaseRun => schema::of::<release::ReleaseRun<'_>, Nothing>(),
        Kind::SeatActivity => schema::of::<seats::SeatActivity, Nothing>(),
        Kind::SeatChanges => schema::of::<seats::SeatChanges<'_>, Nothing>(),
        Kind::MonitorApp => schema::of::<app::MonitorApp<'_>, Nothing>(),
        Kind::QlikSenseVersion => schema::of::<version::SenseVersion<'_>, Nothing>(),
        Kind::DaemonUptime => schema::of::<daemon::DaemonUptime<'_>, Nothing>(),
        Kind::Alert => schema::of::<alert::Alert<'_>, Text>(),
    }
}

impl Form {
    fn of<B: Serialize, A: Serialize>(
        self,
        event: &Event,
        body: B,
        after: A,
    ) -> Map<String, Value> {
        let message = Message {
            kind: self.kind.then(|| event.kind()),
            body,
            event: self.event.then(|| event.kind().title()),
            after,
            site: self.named_site.then_some(event.site.as_str()),
            time: Time(event.time),
            event_id: &event.id,
        };
        match serde_json::to_value(message) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct with text keys is an object"),
        }
    }
}

/// An alert as one line of plain text; `None` for recurring events and for what happened to single
/// seats. The first two wordings are Butler's ("days" whatever the number).
pub fn alert_text(event: &Event) -> Option<String> {
    match &event.body {
        Body::ServerLicenseStatus(_)
        | Body::AccessLicenseStatus(_)
        | Body::SeatReleased(_)
        | Body::SeatAnnounced(_)
        | Body::SeatWithdrawn(_)
        | Body::SeatRestored(_)
        | Body::SeatsKept(_)
        | Body::SeatActivity(_)
        | Body::SeatChanges(_)
        | Body::MonitorApp(_)
        | Body::QlikSenseVersion(_)
        | Body::DaemonUptime(_)
        | Body::ReleaseRun(_) => None,
        Body::Alert(notice) => Some(notice.text.clone()),
        Body::ReleaseRefused(refused) => Some(refused_text(refused)),
        Body::ServerLicenseExpiring(status) => Some(status::expiring_text(status)),
        Body::ServerLicenseExpired(status) => Some(status::expired_text(status)),
        Body::ServerLicenseProblem(status) => Some(status::problem_text(status)),
    }
}

fn refused_text(refused: &ReleaseRefused) -> String {
    let what = if refused.rehearsal { "would be refused" } else { "was refused" };
    format!("Qlik Sense license release {what}: {}", refused.reasons())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;
    use crate::license::pools::{MinutePool, SeatPool};
    use crate::license::server::Kind;
    use crate::license::{Expiry, LicenseState, Pools, ServerLicense, ServerLicenseStatus};

    fn status(expiry: Expiry, days: Option<i64>, state: LicenseState) -> ServerLicenseStatus {
        let date = match &expiry {
            Expiry::On(date) => Some(*date),
            _ => None,
        };
        ServerLicenseStatus {
            license: ServerLicense::new(Kind::SignedKey, expiry),
            state,
            expired: days.is_some_and(|d| d < 0),
            expiry_date: date,
            days_until_expiry: days,
            days_until_start: None,
            threshold_days: 60,
        }
    }

    fn day(text: &str) -> Expiry {
        Expiry::On(text.parse::<NaiveDate>().unwrap())
    }

    fn event(body: Body) -> Event {
        Event {
            id: "0199-id".into(),
            site: "prod".into(),
            time: DateTime::from_timestamp(1_795_500_000, 5_000_000).unwrap(),
            body,
            notice: None,
        }
    }

    fn text(map: &Map<String, Value>) -> String {
        serde_json::to_string(map).unwrap()
    }

    #[test]
    fn server_license_starts_with_butlers_keys() {
        let status = status(day("2026-12-23"), Some(30), LicenseState::Expiring);
        let event = event(Body::ServerLicenseStatus(status));
        assert_eq!(
            text(&json(&event, false)),
            r#"{"licenseExpired":false,"expiryDateStr":"2026-12-23","daysUntilExpiry":30,"state":"expiring","thresholdDays":60,"time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}"#
        );
        assert_eq!(
            text(&webhook_json(&event, true)),
            r#"{"licenseExpired":false,"expiryDateStr":"2026-12-23","daysUntilExpiry":30,"event":"server license status","state":"expiring","thresholdDays":60,"site":"prod","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}"#
        );
    }

    #[test]
    fn a_license_without_a_last_day_says_which_kind() {
        let cases = [
            (Expiry::Perpetual, LicenseState::Perpetual, "perpetual"),
            (Expiry::Unreadable("03/04/27".into()), LicenseState::ExpiryUnreadable, "unreadable"),
            (Expiry::Unknown, LicenseState::ExpiryUnknown, "unknown"),
        ];
        for (expiry, state, word) in cases {
            let map = json(&event(Body::ServerLicenseStatus(status(expiry, None, state))), false);
            assert_eq!(map["expiryDateStr"], word);
            assert_eq!(map["daysUntilExpiry"], Value::Null);
        }
        let mut none = status(Expiry::Unknown, None, LicenseState::None);
        none.license.kind = Kind::None;
        assert_eq!(status::expiry_text(&none), "none");
    }

    #[test]
    fn alert_texts() {
        let expiring = status(day("2026-12-23"), Some(30), LicenseState::Expiring);
        assert_eq!(
            alert_text(&event(Body::ServerLicenseExpiring(expiring))).unwrap(),
            "Qlik Sense server license is about to expire in 30 days, on 2026-12-23"
        );
        let tomorrow = status(day("2026-11-25"), Some(1), LicenseState::Expiring);
        assert_eq!(
            alert_text(&event(Body::ServerLicenseExpiring(tomorrow))).unwrap(),
            "Qlik Sense server license is about to expire in 1 days, on 2026-11-25"
        );
        let expired = status(day("2026-11-13"), Some(-11), LicenseState::Expired);
        let expired = event(Body::ServerLicenseExpired(expired));
        assert_eq!(
            alert_text(&expired).unwrap(),
            "Qlik Sense server license expired on 2026-11-13"
        );
        assert_eq!(json(&expired, false)["message"], alert_text(&expired).unwrap());
        let unreadable =
            status(Expiry::Unreadable("03/04/27".into()), None, LicenseState::ExpiryUnreadable);
        assert_eq!(
            alert_text(&event(Body::ServerLicenseProblem(unreadable.clone()))).unwrap(),
            "Qlik Sense server license has an end date that can't be read for certain: \"03/04/27\""
        );
        assert_eq!(alert_text(&event(Body::ServerLicenseStatus(unreadable))), None);
    }

    #[test]
    fn the_servers_word_does_not_put_a_future_day_in_the_past() {
        let mut revoked = status(day("2027-01-31"), Some(68), LicenseState::Expired);
        revoked.expired = true;
        let text = alert_text(&event(Body::ServerLicenseExpired(revoked))).unwrap();
        assert!(!text.contains("expired on 2027"), "{text}");
        assert!(text.contains("2027-01-31"), "{text}");
    }

    #[test]
    fn access_licenses_are_nested_and_whole_numbers_stay_whole() {
        let pools = Pools {
            professional: Some(SeatPool {
                enabled: true,
                total: 100.0,
                allocated: 80.0,
                available: 20.0,
                used: 61.0,
                quarantined: 2.0,
                excess: 0.0,
            }),
            analyzer_capacity: Some(MinutePool {
                enabled: true,
                allocated_minutes: 6000.0,
                used_minutes: 12.5,
                unavailable_minutes: 0.0,
            }),
            ..Pools::default()
        };
        let event = event(Body::AccessLicenseStatus(pools));
        assert_eq!(
            text(&webhook_json(&event, false)),
            r#"{"professional":{"enabled":true,"total":100,"allocated":80,"available":20,"used":61,"quarantined":2,"excess":0},"analyzerCapacity":{"enabled":true,"allocatedMinutes":6000,"usedMinutes":12.5,"unavailableMinutes":0},"event":"access license status","time":"2026-11-24T06:00:00.005Z","eventId":"0199-id"}"#
        );
        assert!(!json(&event, false).contains_key("event"));
    }
}
