//! Numbers, days and times as `Butler.locale` writes them, on the pages. Files for programs don't use these.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::words::Locale;

tokio::task_local! {
    /// Of the page that is made.
    static LOCALE: Locale;
}

/// Makes an answer with a locale.
pub(super) async fn with(locale: Locale, request: Request, next: Next) -> Response {
    LOCALE.scope(locale, next.run(request)).await
}

/// That of the page that is made; the default where none is.
pub(super) fn locale() -> Locale {
    LOCALE.try_with(|locale| *locale).unwrap_or_default()
}

/// `12,345.6`.
pub(super) fn number(value: f64) -> String {
    locale().number(value)
}

/// A time to the second, with the abbreviation of the zone.
pub(super) fn local(time: DateTime<Utc>, zone: Tz) -> String {
    locale().moment(time, zone)
}

/// `5 March 2027`.
pub(super) fn date(day: NaiveDate) -> String {
    locale().date(day)
}
