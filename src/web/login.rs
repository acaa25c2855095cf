//! Logging in and out.

mod hashing;
mod tries;

pub(super) use hashing::Hashing;
pub(super) use tries::Tries;

use askama::Template;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::answer::{self, Failure};
use super::form::{Form, Spoken};
use super::viewer::{Peer, Who};
use super::{Served, assets};
use crate::credential::{fingerprint, secret};
use crate::store::SESSION_WHOLE;

/// What the session's secret is kept under in a browser. With the prefix it is set by this very host over TLS, and
/// by nobody else.
const SECURE: &str = "__Host-bursar";
const PLAIN: &str = "bursar";

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    style: String,
    /// Where to go then.
    to: &'a str,
    /// Why it can't be done here, or has to be done again.
    notice: &'a str,
    /// Whether there is a form.
    open: bool,
    user: &'a str,
}

const NOT_HERE: &str = "Passwords are taken over HTTPS and on this machine only: this connection is neither. Set \
                        Butler.web.tls, or let the proxy say that it speaks HTTPS (X-Forwarded-Proto).";

/// The same for a wrong password, an unknown user, and one that was removed meanwhile.
const WRONG: &str = "User or password is wrong.";

/// The page to log in with, in place of the one that was asked for.
pub(super) fn asked(
    served: &Served,
    peer: Option<Peer>,
    headers: &HeaderMap,
    to: &str,
) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    page(status, local(to), "", may(served, peer, headers), "")
}

fn page(status: StatusCode, to: &str, notice: &str, open: bool, user: &str) -> Response {
    let notice = if open { notice } else { NOT_HERE };
    let page = Page { style: assets::style(), to, notice, open, user };
    (status, Html(answer::safe(&answer::render(&page)))).into_response()
}

/// `/login`.
pub(super) fn show(served: &Served, headers: &HeaderMap, to: Option<&str>) -> Response {
    let open = may(served, served.viewer.peer, headers);
    page(StatusCode::OK, local(to.unwrap_or("/")), "", open, "")
}

/// Whether a password may be sent here: not in the clear over a network.
fn may(served: &Served, peer: Option<Peer>, headers: &HeaderMap) -> bool {
    peer.is_some_and(|peer| peer.is_tls || peer.ip().is_loopback())
        || is_secure(served, peer, headers)
}

/// Whether the browser speaks TLS, with us or with the proxy before us.
fn is_secure(served: &Served, peer: Option<Peer>, headers: &HeaderMap) -> bool {
    spoken(served, peer, headers) == Spoken::Https
}

/// What the browser speaks, as far as that is known. Who forges the word of a proxy keeps nothing from anybody else:
/// the browser drops the cookie.
pub(super) fn spoken(served: &Served, peer: Option<Peer>, headers: &HeaderMap) -> Spoken {
    let web = served.source.settings.web.as_ref();
    let is_behind = web.is_some_and(|web| !web.hosts.is_empty() || web.proxy.is_some());
    let forwarded = headers.get("x-forwarded-proto").filter(|_| is_behind);
    match (peer.is_some_and(|peer| peer.is_tls), forwarded) {
        (true, _) => Spoken::Https,
        (false, Some(proto)) if proto == "https" => Spoken::Https,
        (false, Some(_)) => Spoken::Http,
        // A proxy that doesn't tell may be before us.
        (false, None) if is_behind => Spoken::Unknown,
        (false, None) => Spoken::Http,
    }
}

/// An address of these pages, and of nobody else's.
fn local(to: &str) -> &str {
    let is_local = to.starts_with('/')
        && !to.starts_with("//")
        && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && to.len() <= 2000;
    // Whoever just logged in wants to see something.
    if is_local && !to.starts_with("/login") && !to.starts_with("/logout") { to } else { "/" }
}

/// `/login`, sent.
pub(super) async fn log_in(served: &Served, request: Request) -> Result<Response, Failure> {
    let headers = request.headers().clone();
    let peer = served.viewer.peer;
    let form = Form::read(request).await?;
    let to = local(form.raw("to"));
    let again = |status, notice: &str| page(status, to, notice, true, "");
    if !may(served, peer, &headers) {
        return Ok(page(StatusCode::FORBIDDEN, to, "", false, ""));
    }
    let (user, password) = (form.raw("user").trim(), form.raw("password"));
    let Some(peer) = peer else { return Ok(again(StatusCode::FORBIDDEN, WRONG)) };
    if let Err(wait) = served.tries.begin(user, peer.ip()) {
        tracing::warn!(from = %peer.ip(), "too many logins fail: more are refused for a while");
        let minutes = wait.as_secs().div_ceil(60);
        let text = format!("Too many logins failed. Try again in {minutes} minutes.");
        let mut answer = again(StatusCode::TOO_MANY_REQUESTS, &text);
        let wait = HeaderValue::from(wait.as_secs());
        answer.headers_mut().insert(header::RETRY_AFTER, wait);
        return Ok(answer);
    }
    let store = &served.source.store;
    let known = store.password(user).await?;
    let is_user = known.is_some();
    let right = served.hashing.is_password(password.to_owned(), known).await;
    let Some(right) = right else {
        let busy = "Many are logging in: try again in a moment.";
        return Ok(again(StatusCode::SERVICE_UNAVAILABLE, busy));
    };
    let fresh = secret().map_err(|error| {
        tracing::error!(%error, "nobody can log in");
        let text = "Nobody can log in now, see the log.".to_owned();
        Failure::Refused(StatusCode::SERVICE_UNAVAILABLE, "Not now", text)
    })?;
    let begun = match right {
        Some(hash) => {
            let before = cookie(&headers).map(fingerprint);
            let from = peer.ip().to_string();
            store.begin_session(user, &hash, fingerprint(&fresh), before, from).await?
        }
        None => false,
    };
    if !begun {
        // What was written for a name may be a password.
        let user = if is_user { user } else { "somebody unknown" };
        tracing::warn!(from = %peer.ip(), "a login of {user} failed");
        return Ok(again(StatusCode::UNAUTHORIZED, WRONG));
    }
    served.tries.succeeded(user, peer.ip());
    tracing::info!(from = %peer.ip(), "{user} logged in");
    let seconds = SESSION_WHOLE.num_seconds();
    let cookie = set_cookie(is_secure(served, Some(peer), &headers), &fresh, seconds);
    Ok(see(to, Some(cookie)))
}

/// `/logout`, sent.
pub(super) async fn log_out(served: &Served, request: Request) -> Result<Response, Failure> {
    let is_secure = is_secure(served, served.viewer.peer, request.headers());
    Form::read(request).await?;
    if let Who::User { name, session } = &served.viewer.who {
        served.source.store.end_session(session).await?;
        tracing::info!(from = served.viewer.from(), "{name} logged out");
    }
    Ok(see("/", Some(set_cookie(is_secure, "", 0))))
}

/// On to another page, with its own address.
pub(super) fn see(to: &str, cookie: Option<HeaderValue>) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    let mut answer = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    if let Some(cookie) = cookie {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

fn set_cookie(is_secure: bool, secret: &str, seconds: i64) -> HeaderValue {
    let (name, secure) = if is_secure { (SECURE, "; Secure") } else { (PLAIN, "") };
    let text =
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a cookie of ours has letters of ASCII")
}

/// The secret of the session that a browser names. Two of one name: one of them was planted by somebody else.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = || {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|of| of.to_str().ok());
        values.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
    };
    let named = |name: &str| {
        let mut of = all().filter(|(of, _)| *of == name).map(|(_, value)| value);
        match (of.next(), of.next()) {
            (Some(secret), None) => Some(secret).filter(|secret| secret.len() == 64),
            _ => None,
        }
    };
    named(SECURE).or_else(|| named(PLAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_no_other_place_is_gone_to() {
        for to in ["/", "/site/a%20b/seats?q=type:user&sort=idle", "/alerts"] {
            assert_eq!(local(to), to);
        }
        for to in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil",
            "/a\r\nset-cookie: x=y",
            "/\t/evil.example",
            "/\u{e9}",
            "/login",
            "/logout",
        ] {
            assert_eq!(local(to), "/", "{to:?}");
        }
        assert_eq!(local(&format!("/{}", "x".repeat(2000))), "/");
    }

    #[test]
    fn a_cookie_counts_where_it_stands_once() {
        let of = |texts: &[&str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(header::COOKIE, text.parse().unwrap());
            }
            cookie(&headers).map(str::to_owned)
        };
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(of(&[&format!("x=1; bursar={a}; y=2")]), Some(a.clone()));
        assert_eq!(of(&[&format!("bursar={a}; __Host-bursar={b}")]), Some(b.clone()));
        assert_eq!(of(&["bursar=short"]), None);
        assert_eq!(of(&[&format!("Bursar={a}")]), None);
        assert_eq!(of(&[&format!("bursar={a}; bursar={b}")]), None);
        assert_eq!(of(&[&format!("bursar={a}"), &format!("bursar={b}")]), None);
    }
}
