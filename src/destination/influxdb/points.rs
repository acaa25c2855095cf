//! Events as points: the measurements, tags, fields and types that existing dashboards rely on.
//!
//! Figures are floats, flags booleans, text strings: a database that has a field in another type
//! refuses the point.

mod alert;
mod app;
mod release;
mod seats;
mod uptime;
mod version;

use super::line::{Field, Point};
use crate::event::{Body, Event, Monitor, UserTag};
use crate::license::pools::Figures;
use crate::license::{Pools, ServerLicenseStatus, status};

const SERVER_LICENSE: &str = "qlik_sense_server_license";
/// Measurement of the access licenses.
pub const ACCESS_LICENSE: &str = "qlik_sense_license";

/// Tag that tells the kinds of access licenses apart.
pub const LICENSE_TYPE: &str = "license_type";

/// Whether a configured tag must not have this name beside a monitor's points: a name can't be tag
/// and field of one measurement, and `time` is the server's own.
pub fn is_reserved(monitor: Monitor, name: &str) -> bool {
    let names: &[&str] = match monitor {
        Monitor::ServerLicense => &["license_expired", "expiry_date", "days_until_expiry", "state"],
        Monitor::App => &app::FIELDS,
        Monitor::Version => &version::FIELDS,
        Monitor::Daemon => &uptime::NAMES,
        Monitor::Alert => return name == "time" || alert::is_reserved(name),
        Monitor::Seats => return name == "time" || seats::is_reserved(name),
        Monitor::Release => return name == "time" || release::is_reserved(name),
        Monitor::AccessLicense => {
            let fields = Pools::fields().iter().flat_map(|(_, fields)| fields);
            return [LICENSE_TYPE, "time"].contains(&name)
                || fields.into_iter().any(|field| *field == name);
        }
    };
    name == "time" || names.contains(&name)
}

/// The points of an event: none for alerts of licenses, and one for each kind of access license
/// that the server mentioned.
pub fn points(event: &Event, static_tags: Vec<(String, String)>, user_tag: UserTag) -> Vec<Point> {
    match &event.body {
        Body::ServerLicenseStatus(status) => vec![server_license(event, status, static_tags)],
        Body::AccessLicenseStatus(pools) => access_licenses(event, pools, &static_tags),
        Body::ServerLicenseExpiring(_)
        | Body::ServerLicenseExpired(_)
        | Body::ServerLicenseProblem(_) => vec![],
        Body::SeatReleased(released) => {
            vec![release::seat(event, released, static_tags, user_tag)]
        }
        Body::ReleaseRun(run) => release::run(event, run, &static_tags),
        Body::MonitorApp(app) => vec![app::point(event, app, static_tags)],
        Body::QlikSenseVersion(version) => vec![version::point(event, version, static_tags)],
        Body::DaemonUptime(uptime) => vec![uptime::point(event, uptime, static_tags)],
        Body::SeatActivity(activity) => seats::activity(event, activity, &static_tags),
        Body::SeatChanges(changes) => seats::changes(event, changes, &static_tags, user_tag),
        Body::SeatAnnounced(_)
        | Body::SeatWithdrawn(_)
        | Body::SeatRestored(_)
        | Body::ReleaseRefused(_)
        | Body::SeatsKept(_) => vec![],
        Body::Alert(notice) => vec![alert::notice(event, notice, static_tags)],
    }
}

/// `expiry_date` is a date, or `perpetual`, `unreadable`, `unknown` or `none`;
/// `days_until_expiry` is left out where there is no date.
fn server_license(
    event: &Event,
    status: &ServerLicenseStatus,
    tags: Vec<(String, String)>,
) -> Point {
    let mut fields = vec![
        ("license_expired".into(), Field::Bool(status.expired)),
        ("expiry_date".into(), Field::Text(status::expiry_text(status))),
    ];
    if let Some(days) = status.days_until_expiry {
        fields.push(("days_until_expiry".into(), Field::Float(days as f64)));
    }
    fields.push(("state".into(), Field::Text(status.state.as_str().into())));
    Point { measurement: SERVER_LICENSE, tags, fields, time: event.time }
}

fn access_licenses(event: &Event, pools: &Pools, static_tags: &[(String, String)]) -> Vec<Point> {
    let point = |kind: Figures| {
        let mut tags = static_tags.to_vec();
        tags.push((LICENSE_TYPE.into(), kind.pool.into()));
        let fields = kind
            .figures
            .into_iter()
            .map(|(name, figure)| (name.into(), Field::Float(figure)))
            .collect();
        Point { measurement: ACCESS_LICENSE, tags, fields, time: event.time }
    };
    pools.figures().into_iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::license::pools::{MinutePool, SeatPool, TokenLoginPool, TokenTotals, TokenUserPool};
    use crate::license::{Expiry, LicenseState, ServerLicense, server::Kind};

    fn event(body: Body) -> Event {
        Event {
            id: "id".into(),
            site: "default".into(),
            time: DateTime::from_timestamp(1_795_500_000, 0).unwrap(),
            body,
            notice: None,
        }
    }

    fn lines(event: &Event, tags: &[(&str, &str)]) -> String {
        let tags: Vec<_> = tags.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        points(event, tags, UserTag::Name)
            .iter()
            .map(|point| point.to_line().unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn status(expiry: Expiry, days: Option<i64>) -> ServerLicenseStatus {
        ServerLicenseStatus {
            expiry_date: if let Expiry::On(date) = &expiry { Some(*date) } else { None },
            license: ServerLicense::new(Kind::SignedKey, expiry),
            state: LicenseState::Valid,
            expired: false,
            days_until_expiry: days,
            days_until_start: None,
            threshold_days: 30,
        }
    }

    #[test]
    fn server_license_with_and_without_a_last_day() {
        let dated = status(Expiry::On("2026-12-23".parse().unwrap()), Some(-3));
        insta::assert_snapshot!(
            lines(&event(Body::ServerLicenseStatus(dated)), &[("env", "prod")]),
            @r#"qlik_sense_server_license,env=prod license_expired=false,expiry_date="2026-12-23",days_until_expiry=-3,state="valid" 1795500000000000000"#
        );
        insta::assert_snapshot!(
            lines(&event(Body::ServerLicenseStatus(status(Expiry::Perpetual, None))), &[]),
            @r#"qlik_sense_server_license license_expired=false,expiry_date="perpetual",state="valid" 1795500000000000000"#
        );
    }

    #[test]
    fn all_six_kinds_of_access_licenses() {
        let seats = SeatPool {
            enabled: true,
            total: 100.0,
            allocated: 80.0,
            available: 18.0,
            used: 61.0,
            quarantined: 2.0,
            excess: 0.0,
        };
        let pools = Pools {
            professional: Some(seats),
            analyzer: Some(SeatPool { total: 200.0, ..seats }),
            analyzer_capacity: Some(MinutePool {
                enabled: true,
                allocated_minutes: 6000.0,
                used_minutes: 12.5,
                unavailable_minutes: 3.0,
            }),
            token_user: Some(TokenUserPool {
                enabled: true,
                token_cost: 1.0,
                allocated_tokens: 20.0,
                used_tokens: 12.0,
                quarantined_tokens: 2.0,
            }),
            token_login: Some(TokenLoginPool {
                enabled: true,
                token_cost: 0.1,
                allocated_tokens: 5.0,
                used_tokens: 1.0,
                unavailable_tokens: 4.0,
            }),
            tokens: Some(TokenTotals { enabled: true, total_tokens: 40.0, available_tokens: 15.0 }),
        };
        let event = event(Body::AccessLicenseStatus(pools));
        insta::assert_snapshot!(lines(&event, &[]), @r"
        qlik_sense_license,license_type=analyzer allocated=80,available=18,excess=0,quarantined=2,total=200,used=61 1795500000000000000
        qlik_sense_license,license_type=professional allocated=80,available=18,excess=0,quarantined=2,total=100,used=61 1795500000000000000
        qlik_sense_license,license_type=analyzer_capacity allocated_minutes=6000,unavailable_minutes=3,used_minutes=12.5 1795500000000000000
        qlik_sense_license,license_type=token_login allocated_tokens=5,token_cost=0.1,unavailable_tokens=4,used_tokens=1 1795500000000000000
        qlik_sense_license,license_type=token_user allocated_tokens=20,quarantined_tokens=2,token_cost=1,used_tokens=12 1795500000000000000
        qlik_sense_license,license_type=tokens_available available_tokens=15,total_tokens=40 1795500000000000000
        ");
        for point in points(&event, vec![], UserTag::Name) {
            for (name, _) in point.fields {
                assert!(is_reserved(Monitor::AccessLicense, &name), "{name}");
            }
        }
    }

    #[test]
    fn a_kind_the_server_did_not_mention_makes_no_point() {
        let event = event(Body::AccessLicenseStatus(Pools::default()));
        assert_eq!(points(&event, vec![], UserTag::Name), vec![]);
    }

    #[test]
    fn alerts_make_no_points() {
        let body = Body::ServerLicenseExpired(status(Expiry::Unknown, None));
        assert_eq!(points(&event(body), vec![], UserTag::Name), vec![]);
    }

    #[test]
    fn an_alert_has_few_tags_and_says_as_a_figure_whether_it_fires() {
        let since = DateTime::from_timestamp(1_795_400_000, 0).unwrap();
        let mut notice = crate::event::AlertNotice {
            rule: crate::event::Rule::SeatsLow,
            subject: "analyzer".into(),
            fingerprint: "f".into(),
            status: crate::event::AlertStatus::Firing,
            severity: crate::event::Severity::Warning,
            title: "Analyzer seats are low".into(),
            text: "3 of 120 \"free\"".into(),
            hint: String::new(),
            since,
            resolved: None,
            repeats: 2,
            facts: serde_json::Map::new(),
            destinations: None,
            silenced: None,
            test: false,
        };
        let fires = lines(&event(Body::Alert(notice.clone())), &[("site", "oslo")]);
        insta::assert_snapshot!(fires, @r#"bursar_alert,rule=seatsLow,severity=warning,site=oslo,status=firing,subject=analyzer firing=1,repeats=2,title="Analyzer seats are low",text="3 of 120 \"free\"" 1795500000000000000"#);
        let test = crate::event::AlertNotice { test: true, ..notice.clone() };
        let test = lines(&event(Body::Alert(test)), &[]);
        assert!(test.contains(",test=true ") && test.contains("firing=0"), "{test}");
        notice.status = crate::event::AlertStatus::Resolved;
        let over = lines(&event(Body::Alert(notice)), &[]);
        assert!(over.contains("status=resolved") && over.contains("firing=0"), "{over}");
        assert!(is_reserved(Monitor::Alert, "firing") && !is_reserved(Monitor::Alert, "site"));
    }
}
