//! What a server license means on a given day.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date;
use super::server::{Expiry, Kind, ServerLicense, Start};
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
    /// Days from the poll's local day to the first valid day, of a license that hasn't begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_until_start: Option<i64>,
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
    /// Its first valid day is still to come.
    NotStarted,
    /// The server gives a reason for its having expired, and says that it hasn't.
    ExpiryDisputed,
    /// A start date is there but can't be read for certain, and may be still to come.
    StartUnreadable,
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
    let days_until_start = match license.start {
        Start::On(day) => Some((day - today).num_days()).filter(|days| *days > 0),
        Start::Unset | Start::Unreadable(_) => None,
    };
    let state = if license.kind == Kind::None {
        LicenseState::None
    } else if license.blacklisted {
        LicenseState::Blacklisted
    } else if license.invalid {
        LicenseState::Invalid
    } else if expired {
        LicenseState::Expired
    } else if days_until_start.is_some() {
        LicenseState::NotStarted
    } else if license.expired_reason.is_some() {
        LicenseState::ExpiryDisputed
    } else {
        match (&license.start, &license.expiry) {
            (Start::Unreadable(text), _) if !date::is_past_either_way(text, today) => {
                LicenseState::StartUnreadable
            }
            (_, Expiry::Unreadable(_)) => LicenseState::ExpiryUnreadable,
            (_, Expiry::Unknown) => LicenseState::ExpiryUnknown,
            (_, Expiry::Perpetual) => LicenseState::Perpetual,
            (_, Expiry::On(_)) if days_until_expiry.is_some_and(|days| days <= threshold_days) => {
                LicenseState::Expiring
            }
            (_, Expiry::On(_)) => LicenseState::Valid,
        }
    };
    ServerLicenseStatus {
        license,
        state,
        expired,
        expiry_date,
        days_until_expiry,
        days_until_start,
        threshold_days,
    }
}

impl ServerLicenseStatus {
    /// State, last day and days left in a few words.
    pub fn summary(&self) -> String {
        let license = &self.license;
        let state = match (self.state, &license.expiry, &license.start) {
            (LicenseState::None, ..) => "no license is installed".to_owned(),
            (LicenseState::NotStarted, _, Start::On(day)) => {
                let days = self.days_until_start.unwrap_or_default();
                format!("starts on {day} (in {})", in_days(days))
            }
            (LicenseState::ExpiryDisputed, ..) => {
                "not expired, says the server, and gives a reason for it".to_owned()
            }
            (LicenseState::StartUnreadable, _, Start::Unreadable(text)) => {
                format!("its start can't be read for certain: \"{text}\"")
            }
            (LicenseState::ExpiryUnreadable, Expiry::Unreadable(text), _) => {
                format!("its end can't be read for certain: \"{text}\"")
            }
            (LicenseState::ExpiryUnknown, ..) => "does not say when it ends".to_owned(),
            (state, ..) => state.as_str().to_owned(),
        };
        match (self.expiry_date, self.days_until_expiry) {
            (Some(date), Some(days)) if days < 0 => {
                format!("{state}, ended {date} ({} ago)", in_days(-days))
            }
            (Some(date), Some(days)) => format!("{state}, ends {date} (in {})", in_days(days)),
            _ => state,
        }
    }

    /// What the license says beyond its state and its end, a line each.
    pub fn details(&self) -> Vec<String> {
        let license = &self.license;
        let mut lines = Vec::new();
        if !license.allotments.is_empty() {
            let allotted =
                license.allotments.iter().map(|one| format!("{} {}", one.name, one.count));
            lines.push(allotted.collect::<Vec<_>>().join(", "));
        }
        if let Some(overage) = license.overage {
            let overage = if overage { "more may be used than is allotted" } else { "no overage" };
            lines.push(overage.to_owned());
        }
        if let Some(end) = license.maintenance_end {
            lines.push(format!("maintenance ends {end}"));
        }
        if self.state == LicenseState::NotStarted
            && let Some(Expiry::On(end)) = license.before
        {
            lines.push(format!("the license before it ends {end}"));
        }
        if let Some(reason) = &license.expired_reason {
            lines.push(format!("the server's reason: \"{reason}\""));
        }
        lines
    }

    /// Takes from the reading before what this one can't know: when the license ends that is still
    /// valid while this one hasn't begun.
    pub fn follow(&mut self, before: &Self) {
        if self.state != LicenseState::NotStarted {
            return;
        }
        self.license.before = if before.license.start == self.license.start {
            before.license.before.clone()
        } else {
            match (before.state, &before.license.expiry) {
                (LicenseState::NotStarted, _) => before.license.before.clone(),
                (LicenseState::None, _) | (_, Expiry::Unknown | Expiry::Unreadable(_)) => None,
                (_, end) => Some(end.clone()),
            }
        };
    }

    /// Of a license that hasn't begun: whether the one before it lasts until then. `None`: not known.
    pub fn is_covered(&self) -> Option<bool> {
        match (&self.license.start, self.license.before.as_ref()?) {
            (_, Expiry::Perpetual) => Some(true),
            (Start::On(start), Expiry::On(end)) => {
                Some(end.succ_opt().is_none_or(|day| day >= *start))
            }
            _ => None,
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

/// `1 day`, `41 days`.
fn in_days(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

pub fn expiring_text(status: &ServerLicenseStatus) -> String {
    match (status.days_until_expiry, status.expiry_date) {
        (Some(days), Some(date)) => {
            // Butler's words, which others may look for.
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
        (LicenseState::NotStarted, _) => not_started_text(status),
        (LicenseState::ExpiryDisputed, _) => format!(
            "Qlik Sense server license has not expired, says the server, and gives a reason for it: \"{}\"",
            status.license.expired_reason.as_deref().unwrap_or_default()
        ),
        (LicenseState::StartUnreadable, _) => match &status.license.start {
            Start::Unreadable(text) => format!(
                "Qlik Sense server license has a start date that can't be read for certain: \"{text}\""
            ),
            _ => "Qlik Sense server license has a start date that can't be read for certain".into(),
        },
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

fn not_started_text(status: &ServerLicenseStatus) -> String {
    let license = &status.license;
    let (Start::On(start), Some(days)) = (&license.start, status.days_until_start) else {
        return "Qlik Sense server license has not begun".into();
    };
    let begin = format!("Qlik Sense server license starts on {start}, in {}", in_days(days));
    match (&license.before, status.is_covered()) {
        (Some(Expiry::On(end)), Some(false)) => {
            format!("{begin}; the one before it ends on {end}, and nothing is valid in between")
        }
        (Some(Expiry::On(end)), _) => format!("{begin}; the one before it ends on {end}"),
        (Some(_), _) => format!("{begin}; the one before it has no end"),
        (None, _) => {
            format!("{begin}; it is not known whether the one before it lasts until then")
        }
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
            Blacklisted, Expired, Expiring, ExpiryDisputed, ExpiryUnknown, ExpiryUnreadable,
            Invalid, NotStarted, Perpetual, StartUnreadable, Valid,
        };
        let unreadable = || Expiry::Unreadable("03/04/2027".into());
        let none = ServerLicense { kind: Kind::None, ..license(Expiry::Unknown) };
        let blacklisted = |expiry| ServerLicense { blacklisted: true, ..license(expiry) };
        let invalid = |expiry| ServerLicense { invalid: true, ..license(expiry) };
        let from = |start, license: ServerLicense| ServerLicense { start, ..license };
        let starts = |days: u64| Start::On(TODAY + Days::new(days));
        let odd_start = |text: &str| Start::Unreadable(text.into());
        let reason = |license| ServerLicense { expired_reason: Some("over".into()), ..license };
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
            ("starts later",           from(starts(45), license(in_days(400))), NotStarted, false, Some(400)),
            ("starts later, no end",   from(starts(1), license(Expiry::Unknown)), NotStarted, false, None),
            ("starts today",           from(starts(0), license(in_days(400))), Valid,     false, Some(400)),
            ("over before it starts",  from(starts(45), flagged(in_days(400))), Expired,  true,  Some(400)),
            ("start past either way",  from(odd_start("03/04/2024"), license(in_days(400))), Valid, false, Some(400)),
            ("start may be to come",   from(odd_start("03/12/2026"), license(in_days(400))), StartUnreadable, false, Some(400)),
            ("start is no date",       from(odd_start("soon"), license(in_days(400))), StartUnreadable, false, Some(400)),
            ("a reason, not expired",  reason(license(in_days(400))),  ExpiryDisputed,   false, Some(400)),
            ("a reason, not started",  from(starts(45), reason(license(in_days(400)))), NotStarted, false, Some(400)),
            ("a reason, and expired",  reason(flagged(in_days(400))),  Expired,          true,  Some(400)),
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

    #[test]
    fn a_license_that_starts_later_keeps_the_end_of_the_one_before() {
        let starts = |days: u64, expiry| ServerLicense {
            start: Start::On(TODAY + Days::new(days)),
            ..license(expiry)
        };
        let of = |license| assess(license, 30, TODAY);
        let new = || of(starts(45, in_days(400)));
        let following = |before: &ServerLicenseStatus| {
            let mut status = new();
            status.follow(before);
            status
        };
        assert_eq!(new().is_covered(), None);
        assert_eq!(
            new().summary(),
            "starts on 2027-01-07 (in 45 days), ends 2027-12-28 (in 400 days)"
        );
        for (days, covered) in [(43, false), (44, true), (60, true)] {
            let status = following(&of(license(in_days(days))));
            assert_eq!(status.is_covered(), Some(covered), "{days}");
            assert_eq!(following(&status).license.before, Some(in_days(days)), "and the day after");
        }
        let text = problem_text(&following(&of(license(in_days(20)))));
        assert!(
            text.contains("2027-01-07, in 45 days; the one before it ends on 2026-12-13, and"),
            "{text}"
        );
        assert_eq!(following(&of(license(Expiry::Perpetual))).is_covered(), Some(true));
        assert_eq!(following(&of(license(Expiry::Unknown))).is_covered(), None);
        // A second key, before the first has begun.
        let first = following(&of(license(in_days(20))));
        let mut second = of(starts(50, in_days(500)));
        second.follow(&first);
        assert_eq!(second.license.before, Some(in_days(20)));
    }
}
