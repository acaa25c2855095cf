//! What MQTT and webhooks send of an event: one JSON object, and plain text for alerts.
//!
//! The server license object starts with the three keys that Butler sends, in Butler's order, so
//! that what is built on them keeps working; everything else is Bursar's own and comes after:
//!
//! | key | value |
//! | --- | --- |
//! | `licenseExpired` | true once the server says so or the last valid day is over |
//! | `expiryDateStr` | last valid day as `YYYY-MM-DD`; else `perpetual`, `unreadable`, `unknown` or `none` (no license installed) |
//! | `daysUntilExpiry` | 0 on the last valid day, negative after; `null` without a readable last day |
//! | `event` | webhooks only: [`Kind::title`](crate::event::Kind::title) |
//! | `state` | one of [`LicenseState`](crate::license::LicenseState)'s words |
//! | `thresholdDays` | the configured alert threshold |
//! | `message` | alerts only: the text of [`alert_text`] |
//! | `site` | only when the settings name their sites |
//! | `time` | when the site was polled, UTC, RFC 3339 with milliseconds |
//! | `eventId` | the same at every repetition of one delivery |
//!
//! The access license object has one nested object for each kind that the server mentioned
//! (`professional`, `analyzer`, `analyzerCapacity`, `tokenUser`, `tokenLogin`, `tokens`), then
//! `event`, `site`, `time` and `eventId` as above.
//!
//! What is told of seats is in `payload/seats.rs`, of releases in `payload/release.rs`; those objects begin with `kind` on MQTT, where all of
//! them have one topic.

mod app;
mod release;
pub mod seats;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value};

use crate::event::{Body, Event, Monitor, ReleaseRefused};
use crate::license::{Pools, ServerLicenseStatus, status};

/// The JSON object of an event as MQTT sends it: with `kind` where a topic has several.
pub fn json(event: &Event, named_site: bool) -> Map<String, Value> {
    let mut map = Map::new();
    if event.monitor() == Monitor::Release {
        map.insert("kind".into(), event.kind().as_str().into());
    }
    map.extend(object(event, None, named_site));
    map
}

/// The JSON object of an event as webhooks send it: with `event`.
pub fn webhook_json(event: &Event, named_site: bool) -> Map<String, Value> {
    object(event, Some(event.kind().title()), named_site)
}

fn object(event: &Event, name: Option<&str>, named_site: bool) -> Map<String, Value> {
    let mut map = match &event.body {
        Body::ServerLicenseStatus(status)
        | Body::ServerLicenseExpiring(status)
        | Body::ServerLicenseExpired(status)
        | Body::ServerLicenseProblem(status) => server_license(status),
        Body::AccessLicenseStatus(pools) => access_license(pools),
        Body::SeatReleased(released) => release::seat_released(released),
        Body::SeatAnnounced(announced) => release::seat_announced(announced),
        Body::SeatWithdrawn(withdrawn) => release::seat_withdrawn(withdrawn),
        Body::SeatRestored(restored) => release::seat_restored(restored),
        Body::ReleaseRefused(refused) => release::release_refused(refused),
        Body::SeatsKept(kept) => release::seats_kept(kept),
        Body::ReleaseRun(run) => release::release_run(run),
        Body::SeatActivity(activity) => seats::activity(activity),
        Body::SeatChanges(changes) => seats::changes(changes),
        Body::MonitorApp(app) => app::monitor_app(app, event.time),
        Body::Alert(notice) => plain(notice),
    };
    if let Some(name) = name {
        map.insert("event".into(), name.into());
    }
    if let Body::ServerLicenseStatus(status)
    | Body::ServerLicenseExpiring(status)
    | Body::ServerLicenseExpired(status)
    | Body::ServerLicenseProblem(status) = &event.body
    {
        map.insert("state".into(), status.state.as_str().into());
        map.insert("thresholdDays".into(), status.threshold_days.into());
    }
    if let Some(text) = alert_text(event) {
        map.insert("message".into(), text.into());
    }
    if named_site {
        map.insert("site".into(), event.site.as_str().into());
    }
    map.insert("time".into(), time(event.time));
    map.insert("eventId".into(), event.id.as_str().into());
    map
}

/// The keys of the event itself.
fn plain<T: serde::Serialize>(body: &T) -> Map<String, Value> {
    match serde_json::to_value(body) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// UTC, RFC 3339 with milliseconds.
fn time(time: DateTime<Utc>) -> Value {
    time.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

fn server_license(status: &ServerLicenseStatus) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("licenseExpired".into(), status.expired.into());
    map.insert("expiryDateStr".into(), status::expiry_text(status).into());
    map.insert("daysUntilExpiry".into(), status.days_until_expiry.into());
    map
}

fn access_license(pools: &Pools) -> Map<String, Value> {
    let Ok(Value::Object(mut map)) = serde_json::to_value(pools) else {
        return Map::new();
    };
    map.retain(|_, pool| !pool.is_null());
    for pool in map.values_mut().filter_map(Value::as_object_mut) {
        for figure in pool.values_mut() {
            *figure = without_fraction(figure.take());
        }
    }
    map
}

/// `12.0` as `12`: seats, tokens and minutes are counted in whole ones.
fn without_fraction(value: Value) -> Value {
    const EXACT_UP_TO: f64 = 9_007_199_254_740_992.0; // 2^53
    match value.as_f64() {
        Some(f) if value.is_f64() && f.fract() == 0.0 && f.abs() <= EXACT_UP_TO => {
            Value::Number(Number::from(f as i64))
        }
        _ => value,
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
    use chrono::NaiveDate;

    use super::*;
    use crate::license::pools::{MinutePool, SeatPool};
    use crate::license::server::Kind;
    use crate::license::{Expiry, LicenseState, ServerLicense};

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
