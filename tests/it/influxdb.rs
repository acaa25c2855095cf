#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod release;
pub mod v1;
mod v2;
mod v3;

use std::collections::HashMap;
use std::time::Duration;

use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::settings;
use bursar::destination::influxdb::settings::InfluxVersion;
use bursar::destination::registry::Configured;
use bursar::event::route::{Routes, Site};
use bursar::event::{Body, Channel, Event, SendSwitch, Switches, Tag};
use bursar::license::pools::{MinutePool, SeatPool, TokenLoginPool, TokenTotals, TokenUserPool};
use bursar::license::{
    Expiry, LicenseState, Pools, ServerLicense, ServerLicenseStatus, server::Kind,
};
use bursar::secret::Secret;
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::wanted;

fn tag(name: &str, value: &str) -> Tag {
    Tag { name: name.into(), value: value.into() }
}

fn routes() -> Routes {
    let switches = Switches::default().with(Channel::InfluxDb, SendSwitch::ON);
    let site = Site {
        server_license: Some(switches.clone()),
        access_license: Some(switches),
        ..Site::default()
    };
    Routes { named_sites: false, sites: HashMap::from([("default".into(), site)]) }
}

fn build(settings: &settings::InfluxDb) -> InfluxDb {
    InfluxDb::new(settings, routes()).unwrap()
}

/// A time like that of a poll: now, with nanoseconds, so that it survives only if all are kept.
fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000, 123_456_789).unwrap()
}

fn server_license(time: DateTime<Utc>, days: Option<i64>) -> Event {
    let date = days.map(|days| (time + TimeDelta::days(days)).date_naive());
    Event::new(
        "default",
        time,
        Body::ServerLicenseStatus(ServerLicenseStatus {
            license: ServerLicense::new(
                Kind::SignedKey,
                date.map_or(Expiry::Perpetual, Expiry::On),
            ),
            state: LicenseState::Valid,
            expired: days.is_some_and(|days| days < 0),
            expiry_date: date,
            days_until_expiry: days,
            days_until_start: None,
            threshold_days: 30,
        }),
    )
}

fn pools() -> Pools {
    let seats = SeatPool {
        enabled: true,
        total: 100.0,
        allocated: 80.0,
        available: 18.0,
        used: 61.0,
        quarantined: 2.0,
        excess: 0.0,
    };
    Pools {
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
    }
}

fn access_licenses(time: DateTime<Utc>) -> Event {
    Event::new("default", time, Body::AccessLicenseStatus(pools()))
}

#[test]
fn alerts_and_switched_off_monitors_are_not_wanted() {
    let settings = settings::InfluxDb {
        url: "http://127.0.0.1:1".parse().unwrap(),
        ca_cert: None,
        reject_unauthorized: true,
        version: InfluxVersion::V3 { database: "x".into(), token: Secret::new("x") },
        tags: vec![],
        timeout: Duration::from_secs(1),
    };
    let mut routes = routes();
    let site = routes.sites.get_mut("default").unwrap();
    site.access_license = Some(Switches::default());
    let configured = Configured { influxdb: Some(settings), ..Configured::default() };
    let wants = |event: &Event| wanted(&configured, &routes, event);
    let status = server_license(time(), Some(3));
    assert!(wants(&status));
    let Body::ServerLicenseStatus(inner) = status.body.clone() else { unreachable!() };
    for body in [
        Body::ServerLicenseExpiring(inner.clone()),
        Body::ServerLicenseExpired(inner.clone()),
        Body::ServerLicenseProblem(inner),
    ] {
        assert!(!wants(&Event { body, ..status.clone() }));
    }
    assert!(!wants(&access_licenses(time())));
    assert!(!wants(&Event { site: "gone".into(), ..status }));
}
