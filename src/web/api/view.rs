//! What several answers have.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::insight::money::Money;
use crate::license::{Holder, Moment};
use crate::plain::one_line;
use crate::web::seats::named;

/// A time, UTC.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Time(#[schemars(extend("format" = "date-time"))] String);

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A day in the time zone of the settings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Day(#[schemars(extend("format" = "date"))] String);

impl From<NaiveDate> for Day {
    fn from(day: NaiveDate) -> Self {
        Self(day.to_string())
    }
}

/// When something happened to a seat, as its site says it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happened {
    /// Null where it never happened, or the site's text is no time.
    time: Option<Time>,
    /// True where the site says that it never happened.
    never: bool,
    /// The text of the site that is no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

impl From<&Moment> for Happened {
    fn from(moment: &Moment) -> Self {
        let unreadable = match moment {
            Moment::Unreadable(text) => Some(one_line(text)),
            Moment::Never | Moment::At(_) => None,
        };
        let never = matches!(moment, Moment::Never);
        Self { time: moment.at().map(Time::from), never, unreadable }
    }
}

/// Who holds a seat.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    id: String,
    /// The name and account, or the beginning of the id where people are not named.
    shown: String,
    directory: String,
}

impl Person {
    pub(super) fn new(holder: &Holder, names: bool) -> Self {
        Self {
            id: holder.id.to_string(),
            shown: named(holder, names),
            directory: one_line(&holder.directory),
        }
    }
}

/// An amount of money, as a decimal number with all digits of its currency.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Amount {
    amount: String,
    /// ISO 4217.
    currency: String,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { amount: money.rounded().to_string(), currency: money.currency.to_string() }
    }
}

/// Why there is no answer: RFC 9457.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    pub(super) title: String,
    pub(super) status: u16,
    /// What to do about it.
    pub(super) detail: String,
}
