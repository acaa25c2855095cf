//! For which hosts pages are answered, and what browsers are told of every answer.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::viewer::Peer;

/// For a year. Of this name alone: those below it may be other machines.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Answers only requests for an IP address, `localhost` or a name of the settings: a page elsewhere could otherwise
/// point its own name at this machine and read the pages through a visitor's browser (DNS rebinding). A proxy before
/// the page has to pass the host on.
pub(super) fn known(
    hosts: &[String],
    request: Request,
) -> Result<Request, (StatusCode, &'static str)> {
    let host = asked(request.headers());
    if host.is_some_and(|host| is_address(host) || is_named(hosts, host)) {
        return Ok(request);
    }
    let why = "ask for this page by IP address, as localhost, or by a name of Butler.web.hosts\n";
    Err((StatusCode::MISDIRECTED_REQUEST, why))
}

/// The host that is asked for, where there is one.
fn asked(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::HOST).iter();
    match (all.next(), all.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// A name of the settings, with or without a port.
fn is_named(hosts: &[String], host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// `127.0.0.1`, `[::1]` or `localhost`, with or without a port; no other spelling of an address (`0x7f.1`), which
/// no browser sends.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !is_bare_v6(name) => name,
        _ => host,
    };
    let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || v6.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
}

/// The colon before is one of an address without brackets, and what follows no port.
fn is_bare_v6(name: &str) -> bool {
    name.contains(':') && !name.ends_with(']')
}

/// Answers with headers that keep a browser from doing more than showing the page. `hsts`: and from asking this
/// name without TLS, where we speak it ourselves. Browsers pass that over for addresses.
pub(super) async fn secure(hsts: bool, request: Request, next: Next) -> Response {
    let is_tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_tls);
    let is_name = asked(request.headers()).is_some_and(|host| !is_address(host));
    let mut response = next.run(request).await;
    if hsts && is_tls && is_name && response.status() != StatusCode::MISDIRECTED_REQUEST {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    const HEADERS: [(HeaderName, &str); 6] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        // A page that isn't sent again opens no window.
        if response.status() == StatusCode::NOT_MODIFIED
            && name.as_str() == "cross-origin-opener-policy"
        {
            continue;
        }
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // What names its content may be kept; what is known of a site stays in no browser's files.
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(cache);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8321",
            "10.0.0.5:1",
            "[::1]",
            "[::1]:8321",
            "localhost",
            "LOCALHOST:80",
        ] {
            assert!(is_address(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:80",
            "0x7f.1",
            "0x7f.1:8321",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "::1",
            "[::1",
            "127.0.0.1@evil.example",
            "localhost.",
            "[::ffff:0x7f.1]",
        ] {
            assert!(!is_address(host), "{host}");
        }
    }
}
