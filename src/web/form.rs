//! Forms that are sent: only from pages of our own, only so large, and every field with a bound.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};

use super::answer::Failure;
use crate::plain::one_line;

/// Bytes of a form.
const MOST: usize = 16 * 1024;

/// Fields of a form.
const FIELDS: usize = 32;

/// What a browser speaks with these pages, or with the proxy before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http,
    Https,
    Unknown,
}

/// What was filled in.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form. Whatever changes something begins here, because only forms of our own pages are taken.
    ///
    /// # Errors
    /// When it is none of ours, none at all, or too large.
    pub(super) async fn read(request: Request) -> Result<Self, Failure> {
        let spoken = request.extensions().get::<Spoken>().copied();
        is_ours(request.headers(), spoken.unwrap_or(Spoken::Unknown))?;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let text = "Only forms of these pages are understood here.".to_owned();
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Failure::Refused(status, "Not understood", text));
        }
        let too_much = || {
            let text = format!("A form has {MOST} bytes at most.");
            Failure::Refused(StatusCode::PAYLOAD_TOO_LARGE, "Too much", text)
        };
        let body = axum::body::to_bytes(request.into_body(), MOST).await.map_err(|_| too_much())?;
        let fields = url::form_urlencoded::parse(&body);
        let fields: Vec<_> = fields
            .take(FIELDS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if fields.len() > FIELDS { Err(too_much()) } else { Ok(Self(fields)) }
    }

    /// The field as it was sent; empty where it is not there, or there twice.
    pub(super) fn raw(&self, name: &str) -> &str {
        let mut values = self.0.iter().filter(|(of, _)| of == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }

    /// The field on one line.
    ///
    /// # Errors
    /// When it has more than `most` characters.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<String, Failure> {
        let raw = self.raw(name);
        if raw.chars().count() > most {
            return Err(Failure::Wrong(format!("{name}: write at most {most} characters.")));
        }
        Ok(one_line(raw))
    }

    /// The same, where something has to be written.
    pub(super) fn required(&self, name: &str, most: usize) -> Result<String, Failure> {
        let text = self.text(name, most)?;
        match text.is_empty() {
            true => Err(Failure::Wrong(format!("{name}: write something."))),
            false => Ok(text),
        }
    }
}

/// Whether a request that changes something comes from a page of ours. A page of somebody else could send forms
/// through the browser of a person who is logged in.
///
/// # Errors
/// When it does not, or nobody can tell.
fn is_ours(headers: &HeaderMap, spoken: Spoken) -> Result<(), Failure> {
    let header = |name: header::HeaderName| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let ours = match headers.contains_key("sec-fetch-site") {
        true => header(header::HeaderName::from_static("sec-fetch-site")) == Some("same-origin"),
        // Browsers of before, and programs.
        false => match (header(header::ORIGIN), header(header::HOST)) {
            (Some(origin), Some(host)) => is_same(origin, host, spoken),
            _ => false,
        },
    };
    if ours {
        return Ok(());
    }
    Err(Failure::forbidden("This form was not sent from a page of Bursar, so nothing was done."))
}

/// Whether an origin is this very one: scheme, name and port.
fn is_same(origin: &str, host: &str, spoken: Spoken) -> bool {
    let (port, origin) = match origin.split_once("://") {
        Some(("https", origin)) if spoken != Spoken::Http => (":443", origin),
        Some(("http", origin)) if spoken != Spoken::Https => (":80", origin),
        _ => return false,
    };
    // Browsers leave out the port that goes without saying, programs may not.
    let short = |name: &str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    short(origin) == short(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)], spoken: Spoken) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        is_ours(&map, spoken).is_ok()
    }

    #[test]
    fn only_forms_of_our_own_pages_are_taken() {
        let host = ("host", "127.0.0.1:8478");
        for ours in [
            &[host, ("sec-fetch-site", "same-origin")][..],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[host, ("origin", "http://127.0.0.1:8478")],
        ] {
            assert!(asked(ours, Spoken::Http), "{ours:?}");
            assert!(asked(ours, Spoken::Unknown), "{ours:?}");
        }
        for theirs in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://127.0.0.1:8479")],
            &[host, ("origin", "http://127.0.0.1:8478.evil.example")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8478")],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8478")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[host, ("origin", "http://127.0.0.1:8478"), ("origin", "http://evil.example")],
        ] {
            for spoken in [Spoken::Http, Spoken::Https, Spoken::Unknown] {
                assert!(!asked(theirs, spoken), "{spoken:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn an_origin_is_a_scheme_a_name_and_a_port() {
        use Spoken::{Http, Https, Unknown};
        for (origin, host, spoken, same) in [
            ("http://a.example", "a.example", Http, true),
            ("http://A.example", "a.example:80", Http, true),
            ("https://a.example:443", "a.example", Https, true),
            ("https://a.example", "a.example", Http, false),
            ("http://a.example", "a.example", Https, false),
            ("http://a.example:443", "a.example", Http, false),
            ("https://a.example:80", "a.example", Https, false),
            ("https://a.example", "a.example", Unknown, true),
            ("http://a.example", "a.example", Unknown, true),
            ("ftp://a.example", "a.example", Unknown, false),
            ("a.example", "a.example", Unknown, false),
        ] {
            assert_eq!(is_same(origin, host, spoken), same, "{origin} {host} {spoken:?}");
        }
    }
}
