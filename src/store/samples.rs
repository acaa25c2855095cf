//! Events for the tests of the store and of the workers.

use chrono::{DateTime, Utc};

use crate::event::{Body, Event, LicenseState, ServerLicenseStatus};
use crate::license::server::Kind;
use crate::license::{Expiry, Pools, ServerLicense};

/// Seconds since some morning.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(crate) fn recurring(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::AccessLicenseStatus(Pools::default()))
}

pub(crate) fn server_status(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::ServerLicenseStatus(status()))
}

pub(crate) fn alert(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::ServerLicenseProblem(status()))
}

fn status() -> ServerLicenseStatus {
    let license = ServerLicense {
        kind: Kind::SignedKey,
        expiry: Expiry::Unknown,
        server_says_expired: false,
        expired_reason: None,
        blacklisted: false,
        invalid: false,
        allotments: Vec::new(),
        maintenance_end: None,
    };
    ServerLicenseStatus {
        license,
        state: LicenseState::ExpiryUnknown,
        expired: false,
        expiry_date: None,
        days_until_expiry: None,
        threshold_days: 30,
    }
}
