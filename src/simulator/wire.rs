//! Texts as the Repository Service writes them.

use chrono::{DateTime, Utc};

/// The time that stands for "none": the first moment SQL Server can store.
pub const NO_TIME: &str = "1753-01-01T00:00:00.000Z";

/// A GUID that stands for "none".
pub const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// UTC with exactly three digits of a second.
pub fn time_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// As [`time_text`], [`NO_TIME`] for none.
pub fn time_or_none(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| NO_TIME.to_owned(), time_text)
}

/// The `Date` header of HTTP.
pub fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
