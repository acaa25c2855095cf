//! How a page is answered: safe text, a tag of its content, and nothing when that is what the browser has.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use super::assets;
use crate::plain::on_terminal;
use crate::secret::mask_own;
use crate::store::StoreError;
use crate::words;

/// What stands in a page for its tag, which is known when it is made.
const TAG: &str = "@etag@";

/// The same for the daemon's time.
const NOW: &str = "@time@";

/// The daemon's time, from which ages are counted: with 304, too.
const TIME: HeaderName = HeaderName::from_static("bursar-time");

/// A page that was asked for, or why there is none.
pub(super) type Answer = Result<Response, Failure>;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failure {
    /// The details go to the log.
    Store(StoreError),
    /// There is nothing at this address: what was looked for.
    NotFound(String),
    /// What was asked can't be understood: what, and what to write.
    Wrong(String),
    /// It is not for everybody who reads pages: why.
    Hidden(String),
    /// Something went wrong here; the details are in the log.
    Unmade(String),
    /// It was understood and is not done: the title of the page, and why.
    Refused(StatusCode, &'static str, String),
}

impl Failure {
    pub(super) fn forbidden(why: &str) -> Self {
        Self::Refused(StatusCode::FORBIDDEN, "Not allowed", why.to_owned())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    style: String,
    title: &'a str,
    text: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::Store(error) => {
                tracing::error!(%error, "a page can't read the store");
                let text =
                    "The store can't be read, see the log. Nothing is known here until it can.";
                (StatusCode::SERVICE_UNAVAILABLE, "Not known", text.to_owned())
            }
            Self::NotFound(text) => (StatusCode::NOT_FOUND, "Not found", text),
            Self::Wrong(text) => (StatusCode::BAD_REQUEST, "Not understood", text),
            Self::Hidden(text) => (StatusCode::FORBIDDEN, "Not shown", text),
            Self::Unmade(text) => (StatusCode::INTERNAL_SERVER_ERROR, "Not made", text),
            Self::Refused(status, title, text) => (status, title, text),
        };
        let page = FailurePage { style: assets::style(), title, text: &text };
        (status, Html(safe(&render(&page)))).into_response()
    }
}

/// A template as text.
pub(super) fn render(page: &impl Template) -> String {
    page.render().expect("the templates have no fallible parts")
}

/// Without secrets that somebody repeats, and without signs that mislead.
pub(super) fn safe(page: &str) -> String {
    on_terminal(&mask_own(page), false).into_owned()
}

/// A page, or 304 where the browser has it. Ages are not part of what a page says: the script counts on by
/// itself.
pub(super) fn page(asked: &HeaderMap, time: DateTime<Utc>, page: &impl Template) -> Response {
    let body = safe(&render(page));
    let tag = tag(&body);
    let (now, time) = time_of(time);
    let etag = HeaderValue::from_str(&tag).expect("a tag has letters of ASCII");
    let headers = [(header::ETAG, etag), (TIME, time)];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|theirs| is_among(theirs, &headers[0].1)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    // In an attribute, so without its quotes.
    let body = body.replacen(TAG, &tag.replace('"', "&quot;"), 1).replacen(NOW, &now, 1);
    (headers, Html(body)).into_response()
}

/// The daemon's time, as text and as a header.
fn time_of(time: DateTime<Utc>) -> (String, HeaderValue) {
    let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let value = HeaderValue::from_str(&text).expect("a time has letters of ASCII");
    (text, value)
}

/// Whether a tag is one of those that a browser has.
pub(super) fn is_among(theirs: &HeaderValue, tag: &HeaderValue) -> bool {
    let theirs = theirs.as_bytes().split(|byte| *byte == b',');
    theirs.map(<[u8]>::trim_ascii).any(|theirs| theirs == tag.as_bytes())
}

/// Nothing, as the browser has it all.
pub(super) fn not_modified(tag: HeaderValue, time: DateTime<Utc>) -> Response {
    let headers = [(header::ETAG, tag), (TIME, time_of(time).1)];
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Weak: two pages with the same tag differ in their ages. When something was is part of what a page says; how
/// long ago that is isn't.
fn tag(body: &str) -> String {
    let mut digest = Sha256::new();
    let mut rest = body;
    while let Some((start, end)) = age_in(rest) {
        digest.update(&rest[..start]);
        rest = &rest[end..];
    }
    digest.update(rest);
    format!("W/\"{}\"", &hex::encode(digest.finalize())[..20])
}

/// From where to where the text of the next age goes.
fn age_in(text: &str) -> Option<(usize, usize)> {
    let start = text.find(AGE)?;
    let start = start + text[start..].find('>')? + 1;
    let end = start + text[start..].find("</time>")?;
    Some((start, end))
}

const AGE: &str = "<time data-age ";

/// How long ago something was, as markup that the script counts on.
pub(super) fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let time = then.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(r#"{AGE}datetime="{time}">{}</time>"#, words::ago(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_all_but_how_long_ago_something_was() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let then = time("2026-11-24T07:45:00Z");
        let page = |then, now: &str| format!("<p>read {}, 3 free</p>", age(then, time(now)));
        let first = page(then, "2026-11-24T07:45:10Z");
        assert_eq!(
            first,
            "<p>read <time data-age datetime=\"2026-11-24T07:45:00Z\">10 s ago</time>, 3 free</p>"
        );
        assert_eq!(tag(&first), tag(&page(then, "2026-11-24T07:55:10Z")));
        assert_ne!(tag(&first), tag(&first.replace("3 free", "2 free")), "what follows counts");
        assert_ne!(tag(&first), tag(&first.replace("read", "not read")), "and what stands before");
        let later = page(time("2026-11-24T07:46:00Z"), "2026-11-24T07:46:10Z");
        assert_ne!(tag(&first), tag(&later), "it was read again");
    }
}
