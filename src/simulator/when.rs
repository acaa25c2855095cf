//! Points in time as a scenario writes them: absolute, or relative to the start of the site.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};

/// `2027-03-16`, `2027-03-16T08:00:00Z`, `in 41 days`, `3 hours ago`, `now` or `never`.
///
/// Units: seconds, minutes, hours, days, weeks, years (of 365 days), singular or plural.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A fixed instant; a date alone means its first moment, UTC.
    At(DateTime<Utc>),
    /// This long after (before, when negative) the start of the simulated site's clock.
    FromNow(TimeDelta),
    /// Has no date: the license has no end, the seat was never used.
    Never,
}

impl When {
    /// The instant meant, for a site whose clock started at `start`. `None` = never.
    pub fn resolve(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(time) => Some(time),
            Self::FromNow(delta) => start.checked_add_signed(delta).map(|t| t.trunc_subsecs(3)),
            Self::Never => None,
        }
    }

    /// So many days from now.
    pub fn in_days(days: i64) -> Self {
        Self::FromNow(TimeDelta::days(days))
    }

    /// So many days before now.
    pub fn days_ago(days: i64) -> Self {
        Self::in_days(-days)
    }
}

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read {0:?} as a point in time: write it as 2027-03-16, 2027-03-16T08:00:00Z, \
     in 41 days, 3 hours ago, now or never"
)]
pub struct WhenError(String);

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let error = || WhenError(text.to_owned());
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["now"] => Ok(Self::FromNow(TimeDelta::zero())),
            ["never"] => Ok(Self::Never),
            ["in", count, unit] => delta(count, unit).map(Self::FromNow).ok_or_else(error),
            [count, unit, "ago"] => delta(count, unit).map(|d| Self::FromNow(-d)).ok_or_else(error),
            _ => absolute(text.trim()).map(Self::At).ok_or_else(error),
        }
    }
}

fn delta(count: &str, unit: &str) -> Option<TimeDelta> {
    let count: i64 = count.parse().ok()?;
    match unit.strip_suffix('s').unwrap_or(unit) {
        "second" => TimeDelta::try_seconds(count),
        "minute" => TimeDelta::try_minutes(count),
        "hour" => TimeDelta::try_hours(count),
        "day" => TimeDelta::try_days(count),
        "week" => TimeDelta::try_weeks(count),
        "year" => TimeDelta::try_days(count.checked_mul(365)?),
        _ => None,
    }
}

fn absolute(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc())
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "{}", time.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            Self::FromNow(delta) if *delta < TimeDelta::zero() => {
                write!(f, "{} seconds ago", -delta.num_seconds())
            }
            Self::FromNow(delta) => write!(f, "in {} seconds", delta.num_seconds()),
            Self::Never => f.write_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A point in time: 2027-03-16, 2027-03-16T08:00:00Z, in 41 days, \
                            3 hours ago, now or never."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let at = |text: &str| When::At(text.parse().unwrap());
        for (text, expected) in [
            ("2027-03-16", at("2027-03-16T00:00:00Z")),
            ("2027-03-16T10:00:00+02:00", at("2027-03-16T08:00:00Z")),
            ("in 41 days", When::in_days(41)),
            ("In  1 Day", When::in_days(1)),
            ("3 weeks ago", When::days_ago(21)),
            ("2 years ago", When::days_ago(730)),
            ("90 seconds ago", When::FromNow(TimeDelta::seconds(-90))),
            ("now", When::in_days(0)),
            ("never", When::Never),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
            assert_eq!(expected.to_string().parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "soon", "in days", "in x days", "5 moons ago", "2027-13-01", "1 day"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
        assert!("in 9223372036854775807 weeks".parse::<When>().is_err());
    }
}
