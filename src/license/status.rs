//! What a server license means on a given day.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::server::{Expiry, Kind, ServerLicense};
use super::stored;
use crate::form;

/// The server license, with everything that depends on the day it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLicenseStatus {
    #[serde(
        serialize_with = "form::write::<stored::ServerLicense, _, _>",
        deserialize_with = "form::read::<stored::ServerLicense, _, _>"
    )]
    pub license: ServerLicense,
    /// Worst thing that is known about the license.
    pub state: LicenseState,
    /// The server says so, or the last valid day is over.
    pub expired: bool,
    /// Last valid day, where there is one that can be read.
    pub expiry_date: Option<NaiveDate>,
    /// Days from the poll's local day to `expiry_date`: 0 on the last valid day, negative after.
    pub days_until_expiry: Option<i64>,
    /// The configured alert threshold at the time of the poll.
    pub threshold_days: i64,
}

/// One word for the state of a server license, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum LicenseState {
    /// No license is installed on the server.
    None,
    Blacklisted,
    Invalid,
    Expired,
    /// An end date is there but can't be read for certain: the text needs a person.
    ExpiryUnreadable,
    /// Neither an end date nor a statement that there is none.
    ExpiryUnknown,
    /// Ends within the alert threshold.
    Expiring,
    /// The license never ends.
    Perpetual,
    Valid,
}

impl LicenseState {
    /// The state as text, the same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

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

impl ServerLicenseStatus {
    /// State, last day and days left in a few words.
    pub fn summary(&self) -> String {
        let state = match (self.state, &self.license.expiry) {
            (LicenseState::None, _) => "no license is installed".to_owned(),
            (LicenseState::ExpiryUnreadable, Expiry::Unreadable(text)) => {
                format!("its end can't be read for certain: \"{text}\"")
            }
            (LicenseState::ExpiryUnknown, _) => "does not say when it ends".to_owned(),
            (state, _) => state.as_str().to_owned(),
        };
        match (self.expiry_date, self.days_until_expiry) {
            (Some(date), Some(days)) if days < 0 => {
                format!("{state}, ended {date} ({} days ago)", -days)
            }
            (Some(date), Some(days)) => format!("{state}, ends {date} (in {days} days)"),
            _ => state,
        }
    }
}

/// The last valid day as `YYYY-MM-DD`, or the word that says why there is none.
pub fn expiry_text(status: &ServerLicenseStatus) -> String {
    if let Some(date) = status.expiry_date {
        return date.format("%Y-%m-%d").to_string();
    }
    let ServerLicense { kind, expiry, .. } = &status.license;
    match (kind, expiry) {
        (Kind::None, _) => "none".into(),
        (_, Expiry::On(date)) => date.format("%Y-%m-%d").to_string(),
        (_, Expiry::Perpetual) => "perpetual".into(),
        (_, Expiry::Unreadable(_)) => "unreadable".into(),
        (_, Expiry::Unknown) => "unknown".into(),
    }
}

pub fn expiring_text(status: &ServerLicenseStatus) -> String {
    match (status.days_until_expiry, status.expiry_date) {
        (Some(days), Some(date)) => {
            format!("Qlik Sense server license is about to expire in {days} days, on {date}")
        }
        _ => "Qlik Sense server license is about to expire".into(),
    }
}

pub fn expired_text(status: &ServerLicenseStatus) -> String {
    match (status.days_until_expiry, status.expiry_date) {
        (Some(days), Some(date)) if days >= 0 => format!(
            "Qlik Sense server license has expired, says the server, although its last valid day is {date}"
        ),
        (_, Some(date)) => format!("Qlik Sense server license expired on {date}"),
        _ => "Qlik Sense server license has expired, says the server".into(),
    }
}

pub fn problem_text(status: &ServerLicenseStatus) -> String {
    match (status.state, &status.license.expiry) {
        (LicenseState::None, _) => "No Qlik Sense server license is installed".into(),
        (LicenseState::Blacklisted, _) => "Qlik Sense server license is blacklisted".into(),
        (LicenseState::Invalid, _) => "Qlik Sense server license is invalid".into(),
        (LicenseState::ExpiryUnreadable, Expiry::Unreadable(text)) => format!(
            "Qlik Sense server license has an end date that can't be read for certain: \"{text}\""
        ),
        (LicenseState::ExpiryUnreadable, _) => {
            "Qlik Sense server license has an end date that can't be read for certain".into()
        }
        (LicenseState::ExpiryUnknown, _) => {
            "Qlik Sense server license does not say when it ends".into()
        }
        (state, _) => format!("Qlik Sense server license needs a look: {}", state.as_str()),
    }
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
        type Case<'a> = (&'a str, ServerLicense, LicenseState, bool, Option<i64>);
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            ("well",                   license(in_days(31)),           Valid,            false, Some(31)),
            ("at the threshold",       license(in_days(30)),           Expiring,         false, Some(30)),
            ("below the threshold",    license(in_days(29)),           Expiring,         false, Some(29)),
            ("last day",               license(in_days(0)),            Expiring,         false, Some(0)),
            ("day after, no flag",     license(in_days(-1)),           Expired,          true,  Some(-1)),
            ("long over",              license(in_days(-10)),          Expired,          true,  Some(-10)),
            ("flag wins over date",    flagged(in_days(400)),          Expired,          true,  Some(400)),
            ("flag without date",      flagged(Expiry::Unknown),       Expired,          true,  None),
            ("flag, unreadable date",  flagged(unreadable()),          Expired,          true,  None),
            ("flag on perpetual",      flagged(Expiry::Perpetual),     Expired,          true,  None),
            ("perpetual",              license(Expiry::Perpetual),     Perpetual,        false, None),
            ("unreadable",             license(unreadable()),          ExpiryUnreadable, false, None),
            ("unknown",                license(Expiry::Unknown),       ExpiryUnknown,    false, None),
            ("no license",             none,                           LicenseState::None, false, None),
            ("blacklisted",            blacklisted(in_days(100)),      Blacklisted,      false, Some(100)),
            ("blacklisted and ending", blacklisted(in_days(3)),        Blacklisted,      false, Some(3)),
            ("invalid",                invalid(Expiry::Perpetual),     Invalid,          false, None),
            ("invalid and over",       invalid(in_days(-3)),           Invalid,          true,  Some(-3)),
        ];
        for (name, license, state, expired, days) in cases {
            let status = assess(license.clone(), 30, TODAY);
            assert_eq!(status.state, *state, "{name}");
            assert_eq!(status.expired, *expired, "{name}");
            assert_eq!(status.days_until_expiry, *days, "{name}");
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
