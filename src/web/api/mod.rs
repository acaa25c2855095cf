//! `/api/v1`: what the pages show, as JSON. The same functions make it, and people are named as on the pages.
//!
//! `endpoint` has the table of all paths with their parameters and answers; routes and the OpenAPI document are made of it.
//! Everything only reads.

mod endpoint;
mod history;
mod order;
mod page;
mod release;
mod rest;
mod seats;
mod site;
mod view;

use std::io::Write;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, RawQuery};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

pub use self::endpoint::openapi;
use self::endpoint::{Ask, Endpoint, as_json};
pub(super) use self::page::page;
use super::answer::Failure;
use super::viewer::State;
use super::{Of, Served};

/// Answers below this are not worth packing.
const SMALL: usize = 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is answered, or why it isn't.
type Answer = Result<Response, Problem>;

/// The routes below `/api/v1`.
pub(super) fn routes() -> Router<Served> {
    let all = endpoint::all().into_iter();
    all.fold(Router::new(), |all, of| all.route(of.path, route(of)))
        .route(
            "/openapi.json",
            get(async |headers: HeaderMap| -> Answer { send(&headers, as_json(openapi())) }),
        )
        .fallback(async || -> Problem {
            Failure::NotFound(
                "There is nothing at this address; /api/v1/openapi.json tells what there is."
                    .to_owned(),
            )
            .into()
        })
        .method_not_allowed_fallback(only_get)
}

fn route(of: Endpoint) -> MethodRouter<Served> {
    get(
        async move |State(served): Of,
                    names: Result<RawPathParams, RawPathParamsRejection>,
                    RawQuery(query): RawQuery,
                    headers: HeaderMap|
                    -> Answer {
            let names = match names {
                Ok(names) => names.iter().map(|(_, name)| name.to_owned()).collect(),
                Err(_) if !of.path.contains('{') => Vec::new(),
                Err(_) => return Err(unreadable().into()),
            };
            send(&headers, (of.answer)(Ask { of: served, names, query }).await?)
        },
    )
}

fn unreadable() -> Failure {
    Failure::Wrong("The address can't be read: names in it are UTF-8, percent-encoded.".to_owned())
}

async fn only_get() -> Response {
    let text = "Everything is asked with GET.".to_owned();
    problem(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", text)
}

/// JSON, or 304 where it is there already; packed where that is asked for. The time of the daemon is no part of it:
/// it is in the head.
fn send(asked: &HeaderMap, body: String) -> Answer {
    let tag = format!("\"{}\"", &hex::encode(Sha256::digest(&body))[..20]);
    let etag = HeaderValue::from_str(&tag).expect("a tag has letters of ASCII");
    let of = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let headers = [
        (header::ETAG, etag),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (header::CONTENT_TYPE, JSON),
    ];
    let theirs = of(header::IF_NONE_MATCH).unwrap_or_default();
    // A cache may have made it a weak one.
    if theirs.split(',').any(|theirs| theirs.trim().trim_start_matches("W/") == tag) {
        let [etag, vary, _] = headers;
        return Ok((StatusCode::NOT_MODIFIED, [etag, vary]).into_response());
    }
    if body.len() >= SMALL && takes_gzip(of(header::ACCEPT_ENCODING).unwrap_or_default()) {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(body.as_bytes()).expect("memory takes every byte");
        let packed = packed.finish().expect("memory takes every byte");
        let gzip = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Ok((headers, gzip, packed).into_response());
    }
    Ok((headers, body).into_response())
}

/// Whether an answer may come packed: `gzip`, unless with the weight 0.
fn takes_gzip(accept: &str) -> bool {
    accept.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let gzip = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        gzip && !words.any(|word| matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Why there is no answer, as RFC 9457 has it.
struct Problem(Failure);

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self.0 {
            Failure::Store(error) => {
                tracing::error!(%error, "the API can't read the store");
                let text = "The store can't be read, see the log of the daemon.".to_owned();
                problem(StatusCode::SERVICE_UNAVAILABLE, "Not known", text)
            }
            Failure::NotFound(text) => problem(StatusCode::NOT_FOUND, "Not found", text),
            Failure::Wrong(text) => problem(StatusCode::BAD_REQUEST, "Not understood", text),
            Failure::Refused(status, title, text) => problem(status, title, text),
            Failure::Hidden(text) => problem(StatusCode::FORBIDDEN, "Not shown", text),
            Failure::Unmade(text) => problem(StatusCode::INTERNAL_SERVER_ERROR, "Not made", text),
        }
    }
}

fn problem(status: StatusCode, title: &str, detail: String) -> Response {
    let problem = view::Problem { title: title.to_owned(), status: status.as_u16(), detail };
    let kind = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, kind)], as_json(problem)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (accept, takes) in [
            ("", false),
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br, gzip; q=0.0", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(accept), takes, "{accept}");
        }
    }
}
