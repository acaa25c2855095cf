//! The parts of an HTTP answer: its body within a limit, its dates, the error a status means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::error::Error;

/// As much of an error's body is read to tell its kind.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Longest text of a 400 that is repeated in an error, in characters.
const MAX_ANSWER: usize = 200;

pub(super) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// The unpacked body, at most `max_bytes` of it.
pub(super) async fn read_body(
    response: &mut Response,
    max_bytes: usize,
) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
            let body = read_body(&mut response, MAX_ERROR_BODY).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&body).to_ascii_uppercase();
            if text.contains("XSRF") { Error::Xsrf { url } } else { Error::Forbidden { url } }
        }
        StatusCode::BAD_REQUEST => {
            let html = is_html(&response);
            let body = read_body(&mut response, MAX_ERROR_BODY).await.unwrap_or_default();
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

/// The first line of a plain text, shortened.
fn plain_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next().filter(|line| !line.starts_with('<'))?;
    Some(line.chars().take(MAX_ANSWER).map(|c| if c.is_control() { ' ' } else { c }).collect())
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
