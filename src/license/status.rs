//! What a server license means on a given day, and which alerts follow.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::server::{Expiry, Kind, ServerLicense};
use crate::event::{Body, LicenseState, ServerLicenseStatus};

/// The calendar day it is in a time zone: expiry is counted in the days people live in.
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// Judges a license on `today`. The license is valid through the whole of its last day; a
/// threshold equal to the days left counts as expiring.
///
/// That the server says "expired" wins over any date; a date that is over counts without the
/// server saying so.
pub fn assess(
    license: ServerLicense,
    threshold_days: i64,
    today: NaiveDate,
) -> ServerLicenseStatus {
    let expiry_date = match license.expiry {
        Expiry::On(day) => Some(day),
        Expiry::Perpetual | Expiry::Unreadable(_) | Expiry::Unknown => None,
    };
    let days_until_expiry = expiry_date.map(|day| (day - today).num_days());
    let expired = license.server_says_expired || days_until_expiry.is_some_and(|days| days < 0);
    let state = if license.kind == Kind::None {
        LicenseState::None
    } else if license.blacklisted {
        LicenseState::Blacklisted
    } else if license.invalid {
        LicenseState::Invalid
    } else if expired {
        LicenseState::Expired
    } else {
        match license.expiry {
            Expiry::Unreadable(_) => LicenseState::ExpiryUnreadable,
            Expiry::Unknown => LicenseState::ExpiryUnknown,
            Expiry::Perpetual => LicenseState::Perpetual,
            Expiry::On(_) if days_until_expiry.is_some_and(|days| days <= threshold_days) => {
                LicenseState::Expiring
            }
            Expiry::On(_) => LicenseState::Valid,
        }
    };
    ServerLicenseStatus { license, state, expired, expiry_date, days_until_expiry, threshold_days }
}

/// The alerts that a status calls for: none for a license that is well.
///
/// What is wrong and when it ends are told apart, so a blacklisted license that also ends soon
/// gives two: whoever listens for the end alone still hears of it.
pub fn alerts(status: &ServerLicenseStatus) -> Vec<Body> {
    let mut alerts = Vec::new();
    match status.state {
        LicenseState::None
        | LicenseState::Blacklisted
        | LicenseState::Invalid
        | LicenseState::ExpiryUnreadable
        | LicenseState::ExpiryUnknown => alerts.push(Body::ServerLicenseProblem(status.clone())),
        LicenseState::Expired
        | LicenseState::Expiring
        | LicenseState::Perpetual
        | LicenseState::Valid => {}
    }
    let ends_soon = status.days_until_expiry.is_some_and(|days| days <= status.threshold_days);
    if status.expired {
        alerts.push(Body::ServerLicenseExpired(status.clone()));
    } else if ends_soon {
        alerts.push(Body::ServerLicenseExpiring(status.clone()));
    }
    alerts
}

#[cfg(test)]
mod tests {
    use chrono::{Days, TimeZone};

    use super::*;

    const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();

    fn in_days(days: i64) -> Expiry {
        let day = if days < 0 {
            TODAY - Days::new(days.unsigned_abs())
        } else {
            TODAY + Days::new(days.unsigned_abs())
        };
        Expiry::On(day)
    }

    fn license(expiry: Expiry) -> ServerLicense {
        ServerLicense::new(Kind::SignedKey, expiry)
    }

    fn flagged(expiry: Expiry) -> ServerLicense {
        ServerLicense { server_says_expired: true, ..license(expiry) }
    }

    fn kinds(status: &ServerLicenseStatus) -> Vec<&'static str> {
        alerts(status)
            .iter()
            .map(|alert| match alert {
                Body::ServerLicenseExpiring(_) => "expiring",
                Body::ServerLicenseExpired(_) => "expired",
                Body::ServerLicenseProblem(_) => "problem",
                other => panic!("{other:?} is no alert"),
            })
            .collect()
    }

    #[test]
    fn every_case() {
        use LicenseState::{
            Blacklisted, Expired, Expiring, ExpiryUnknown, ExpiryUnreadable, Invalid, Perpetual,
            Valid,
        };
        let unreadable = || Expiry::Unreadable("03/04/2027".into());
        let none = ServerLicense { kind: Kind::None, ..license(Expiry::Unknown) };
        let blacklisted = |expiry| ServerLicense { blacklisted: true, ..license(expiry) };
        let invalid = |expiry| ServerLicense { invalid: true, ..license(expiry) };
        type Case<'a> = (&'a str, ServerLicense, LicenseState, bool, Option<i64>, &'a [&'a str]);
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            ("well",                   license(in_days(31)),           Valid,            false, Some(31),  &[]),
            ("at the threshold",       license(in_days(30)),           Expiring,         false, Some(30),  &["expiring"]),
            ("below the threshold",    license(in_days(29)),           Expiring,         false, Some(29),  &["expiring"]),
            ("last day",               license(in_days(0)),            Expiring,         false, Some(0),   &["expiring"]),
            ("day after, no flag",     license(in_days(-1)),           Expired,          true,  Some(-1),  &["expired"]),
            ("long over",              license(in_days(-10)),          Expired,          true,  Some(-10), &["expired"]),
            ("flag wins over date",    flagged(in_days(400)),          Expired,          true,  Some(400), &["expired"]),
            ("flag without date",      flagged(Expiry::Unknown),       Expired,          true,  None,      &["expired"]),
            ("flag, unreadable date",  flagged(unreadable()),          Expired,          true,  None,      &["expired"]),
            ("flag on perpetual",      flagged(Expiry::Perpetual),     Expired,          true,  None,      &["expired"]),
            ("perpetual",              license(Expiry::Perpetual),     Perpetual,        false, None,      &[]),
            ("unreadable",             license(unreadable()),          ExpiryUnreadable, false, None,      &["problem"]),
            ("unknown",                license(Expiry::Unknown),       ExpiryUnknown,    false, None,      &["problem"]),
            ("no license",             none,                           LicenseState::None, false, None,    &["problem"]),
            ("blacklisted",            blacklisted(in_days(100)),      Blacklisted,      false, Some(100), &["problem"]),
            ("blacklisted and ending", blacklisted(in_days(3)),        Blacklisted,      false, Some(3),   &["problem", "expiring"]),
            ("invalid",                invalid(Expiry::Perpetual),     Invalid,          false, None, &["problem"]),
            ("invalid and over",       invalid(in_days(-3)),           Invalid,          true,  Some(-3),  &["problem", "expired"]),
        ];
        for (name, license, state, expired, days, alerts) in cases {
            let status = assess(license.clone(), 30, TODAY);
            assert_eq!(status.state, *state, "{name}");
            assert_eq!(status.expired, *expired, "{name}");
            assert_eq!(status.days_until_expiry, *days, "{name}");
            assert_eq!(kinds(&status), *alerts, "{name}");
            assert_eq!(status.threshold_days, 30);
        }
    }

    #[test]
    fn threshold_zero_alerts_on_the_last_day_only() {
        assert_eq!(assess(license(in_days(1)), 0, TODAY).state, LicenseState::Valid);
        assert_eq!(assess(license(in_days(0)), 0, TODAY).state, LicenseState::Expiring);
    }

    #[test]
    fn the_day_is_counted_in_the_zone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let stockholm = chrono_tz::Europe::Stockholm;
        let day = |m, d| NaiveDate::from_ymd_opt(2026, m, d).unwrap();
        // Summer time until 2026-10-25 01:00 UTC, then an hour less.
        assert_eq!(today(at("2026-10-24T21:59:59Z"), stockholm), day(10, 24));
        assert_eq!(today(at("2026-10-24T22:00:00Z"), stockholm), day(10, 25));
        assert_eq!(today(at("2026-10-25T22:59:59Z"), stockholm), day(10, 25));
        assert_eq!(today(at("2026-10-25T23:00:00Z"), stockholm), day(10, 26));
        assert_eq!(today(at("2026-03-28T23:00:00Z"), stockholm), day(3, 29));
        assert_eq!(today(at("2026-03-29T22:00:00Z"), stockholm), day(3, 30));
        assert_eq!(today(at("2026-06-30T10:00:00Z"), chrono_tz::Pacific::Kiritimati), day(7, 1));
        assert_eq!(today(at("2026-07-01T10:59:59Z"), chrono_tz::Pacific::Pago_Pago), day(6, 30));
    }

    #[test]
    fn across_a_clock_change_a_day_is_a_day() {
        let zone = chrono_tz::America::New_York;
        let license = license(Expiry::On(NaiveDate::from_ymd_opt(2026, 11, 2).unwrap()));
        let days = |y, m, d, h| {
            let now = zone.with_ymd_and_hms(y, m, d, h, 30, 0).earliest().unwrap();
            assess(license.clone(), 0, today(now.to_utc(), zone)).days_until_expiry
        };
        // 2026-11-01 has 25 hours there.
        assert_eq!(days(2026, 10, 31, 23), Some(2));
        assert_eq!(days(2026, 11, 1, 0), Some(1));
        assert_eq!(days(2026, 11, 1, 23), Some(1));
        assert_eq!(days(2026, 11, 2, 23), Some(0));
        assert_eq!(days(2026, 11, 3, 0), Some(-1));
    }
}
