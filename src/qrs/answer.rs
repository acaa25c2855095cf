//! The parts of an HTTP answer: its body within a limit, its dates, the error a status means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::error::Error;
use super::json::Failure;
use crate::plain::one_line;
use crate::secret::{Echo, mask};

/// As much of an error's body is read to tell its kind.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Longest text of a 400 that is repeated in an error, in characters.
const MAX_ANSWER: usize = 200;

/// What takes the pieces of a body, and makes a value of them.
pub(super) trait Sink {
    type Value;

    /// Most bytes of the unpacked body.
    fn limit(&self) -> usize;

    fn feed(&mut self, piece: &[u8]) -> Result<(), Stop>;

    fn finish(self) -> Result<Self::Value, Stop>;
}

/// Why a body is not read further, or is not what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    TooLarge {
        limit: usize,
    },
    /// It repeats a header that it was sent and that nobody may see.
    Echo,
    Not(Failure),
}

impl Stop {
    pub(super) fn error(self, url: String) -> Error {
        match self {
            Self::TooLarge { limit } => Error::TooLarge { url, limit },
            Self::Echo => Error::Echo { url },
            Self::Not(failure) => failure.error(url),
        }
    }
}

pub(super) enum BodyError {
    Stopped(Stop),
    Broken(reqwest::Error),
}

/// Leads the unpacked body into a sink. A body with a secret of ours goes no further: what is read of
/// a site decides about people, so nothing is masked in it.
pub(super) async fn fill(
    response: &mut Response,
    sink: &mut impl Sink,
    mut echo: Option<Echo>,
) -> Result<(), BodyError> {
    let limit = sink.limit();
    let too_large = || BodyError::Stopped(Stop::TooLarge { limit });
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut seen = 0;
    while let Some(piece) = response.chunk().await.map_err(BodyError::Broken)? {
        seen += piece.len();
        if seen > limit {
            return Err(too_large());
        }
        if echo.as_mut().is_some_and(|echo| echo.is_in(&piece)) {
            return Err(BodyError::Stopped(Stop::Echo));
        }
        sink.feed(&piece).map_err(BodyError::Stopped)?;
    }
    Ok(())
}

/// The whole body as it is.
#[derive(Debug)]
pub(super) struct Whole {
    pub body: Vec<u8>,
    pub limit: usize,
}

impl Whole {
    pub(super) fn up_to(limit: usize) -> Self {
        Self { body: Vec::new(), limit }
    }
}

impl Sink for Whole {
    type Value = Vec<u8>;

    fn limit(&self) -> usize {
        self.limit
    }

    fn feed(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.body.extend_from_slice(piece);
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, Stop> {
        Ok(self.body)
    }
}

/// The beginning of an error's body; nothing when it can't be read.
async fn error_body(response: &mut Response) -> Vec<u8> {
    let mut whole = Whole::up_to(MAX_ERROR_BODY);
    match fill(response, &mut whole, None).await {
        Ok(()) => whole.body,
        Err(_) => Vec::new(),
    }
}

/// The error for an answer other than 200.
pub(super) async fn status_error(
    mut response: Response,
    url: String,
    server_date: Option<DateTime<Utc>>,
) -> Error {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { url },
        StatusCode::NOT_FOUND => Error::NotFound { url },
        StatusCode::FORBIDDEN => {
            let body = error_body(&mut response).await;
            let text = String::from_utf8_lossy(&body).to_ascii_uppercase();
            if text.contains("XSRF") { Error::Xsrf { url } } else { Error::Forbidden { url } }
        }
        StatusCode::BAD_REQUEST => {
            let html = is_html(&response);
            let body = error_body(&mut response).await;
            Error::BadFilter { url, answer: plain_text(&body).filter(|_| !html) }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Error::Server { url, status: status.as_u16(), retry_after: None }
        }
        status if status.is_server_error() => {
            Error::Server { url, status: status.as_u16(), retry_after: None }
        }
        status => Error::UnexpectedStatus { url, status: status.as_u16() },
    }
    .with_retry_after(retry_after(response.headers(), server_date))
}

/// The error for an answer to a request that was to change something.
pub(super) async fn change_error(
    mut response: Response,
    url: String,
    server_date: Option<DateTime<Utc>>,
) -> Error {
    match response.status() {
        status @ (StatusCode::BAD_REQUEST | StatusCode::CONFLICT) => {
            let html = is_html(&response);
            let body = error_body(&mut response).await;
            let answer = plain_text(&body).filter(|_| !html);
            Error::Refused { url, status: status.as_u16(), answer }
        }
        _ => status_error(response, url, server_date).await,
    }
}

/// The first line of a plain text, shortened.
fn plain_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next().filter(|line| !line.starts_with('<'))?;
    Some(one_line(&mask(line)).chars().take(MAX_ANSWER).collect())
}

pub(super) fn is_html(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.to_ascii_lowercase().contains("html"))
}

pub(super) fn header_date(headers: &HeaderMap, name: HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

/// `Retry-After`, as seconds or as a date, which is compared with the server's own clock.
fn retry_after(headers: &HeaderMap, server_date: Option<DateTime<Utc>>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = header_date(headers, RETRY_AFTER)?;
    (until - server_date?).to_std().ok()
}

impl Error {
    fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        if let Self::Server { retry_after, .. } = &mut self {
            *retry_after = wait;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_as_seconds_or_date() {
        let wait = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let date = DateTime::parse_from_rfc2822("Tue, 24 Nov 2026 05:00:00 GMT").unwrap();
            retry_after(&headers, Some(date.to_utc())).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Tue, 24 Nov 2026 05:00:30 GMT"), Some(30));
        assert_eq!(wait("Tue, 24 Nov 2026 04:00:00 GMT"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn only_plain_text_is_repeated() {
        assert_eq!(plain_text(b" Invalid expression\r\nmore"), Some("Invalid expression".into()));
        assert_eq!(plain_text(b"<html>"), None);
        assert_eq!(plain_text(b""), None);
        assert_eq!(plain_text(&[b'x'; 1000]).map(|t| t.len()), Some(MAX_ANSWER));
    }
}
