//! The session at a virtual proxy: begun once, kept for all requests of a client, and begun again where the proxy no
//! longer knows it. A proxy allows a user five sessions at a time, so none is begun beside one that works.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Response, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::{Peer, Transport, XRFKEY_HEADER};
use crate::qrs::answer::{is_html, status_error};
use crate::qrs::diagnose;
use crate::qrs::error::Error;
use crate::qrs::proxy::ProxyProblem;
use crate::secret::{Forms, keep_passing};

/// What the proxy wants back with each request, since November 2024.
const CSRF: HeaderName = HeaderName::from_static("qlik-csrf-token");

/// Where it tells that, and begins a session.
const CSRF_PAGE: &str = "qps/csrftoken";

/// One that was idle for longer is not used any more: a proxy ends sessions after half an hour by default, and each of the requests that
/// come then may begin one.
const LONGEST_IDLE: Duration = Duration::from_secs(20 * 60);

/// With which names of cookies sessions begin.
const SESSION: &str = "X-Qlik-Session";

/// What later requests send.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) headers: HeaderMap,
}

/// The one session of a client.
#[derive(Debug)]
pub(super) struct Sessions {
    /// `Bearer ...`, where the proxy takes a token; else the fixed headers say who asks.
    token: Option<HeaderValue>,
    /// With the time at which it was used last.
    known: Mutex<Option<(Arc<Session>, Instant)>>,
}

impl Sessions {
    pub(super) fn new(token: Option<HeaderValue>) -> Self {
        Self { token, known: Mutex::default() }
    }

    /// The proxy doesn't know it any more. Another one, that was begun meanwhile, stays.
    pub(super) async fn forget(&self, session: &Arc<Session>) {
        let mut known = self.known.lock().await;
        if known.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, session)) {
            *known = None;
        }
    }
}

impl Transport {
    /// The session at the virtual proxy that there is, or one that is begun now: whoever comes meanwhile waits for it.
    pub(super) async fn session(
        &self,
        sessions: &Sessions,
        http: &reqwest::Client,
        headers: &HeaderMap,
        until: Option<Instant>,
    ) -> Result<Arc<Session>, Error> {
        // Who has it may be waiting for a proxy that doesn't answer.
        let waiting = until.unwrap_or_else(|| Instant::now() + self.timeout);
        let known = tokio::time::timeout_at(waiting, sessions.known.lock()).await;
        let mut known = known.map_err(|_| Error::NotSent { url: self.beside(CSRF_PAGE) })?;
        if let Some((session, used)) = &mut *known
            && used.elapsed() < LONGEST_IDLE
        {
            *used = Instant::now();
            return Ok(session.clone());
        }
        let mut headers = headers.clone();
        headers.extend(sessions.token.clone().map(|token| (AUTHORIZATION, token)));
        let session = Arc::new(self.begin(http, &headers, until).await?);
        // Whoever has it may do what Bursar may.
        let mut forms = Forms::default();
        for (name, value) in &session.headers {
            forms.header(name.as_str(), value.to_str().unwrap_or_default());
        }
        keep_passing(forms);
        *known = Some((session.clone(), Instant::now()));
        Ok(session)
    }

    async fn begin(
        &self,
        http: &reqwest::Client,
        headers: &HeaderMap,
        until: Option<Instant>,
    ) -> Result<Session, Error> {
        // A release before November 2024 has no such page; there any request begins a session.
        for path in [CSRF_PAGE, "qrs/about"] {
            let url = self.beside(path);
            let left = until.map_or(self.timeout, |until| until - Instant::now());
            let timeout = left.min(self.timeout);
            if timeout.is_zero() {
                return Err(Error::NotSent { url });
            }
            let request = http.get(self.url_beside(path, headers)).headers(headers.clone());
            let answer = request.timeout(timeout).send().await;
            let answer = answer
                .map_err(|error| diagnose::request_error(&error, &self.peer, &url, timeout))?;
            let problem = |problem| Err(Error::Proxy { url: url.clone(), problem });
            match answer.status() {
                StatusCode::NOT_FOUND if path == CSRF_PAGE => continue,
                StatusCode::UNAUTHORIZED => return problem(ProxyProblem::Login),
                // To a page on which a person logs in.
                status if status.is_redirection() => return problem(ProxyProblem::Login),
                StatusCode::FORBIDDEN => return problem(ProxyProblem::Host),
                StatusCode::BAD_REQUEST if is_html(&answer) => {
                    return problem(ProxyProblem::Prefix);
                }
                status if status.is_success() => {
                    let session = of(answer.headers(), self.prefix());
                    return session.ok_or(Error::Proxy { url, problem: ProxyProblem::NoSession });
                }
                _ => return Err(status_error(answer, url, None).await),
            }
        }
        Err(Error::NotFound { url: self.beside(CSRF_PAGE) })
    }

    /// What is before the repository service in addresses: the prefix of a virtual proxy.
    fn prefix(&self) -> &str {
        self.base.path().strip_suffix("qrs/").unwrap_or("/")
    }

    fn url_beside(&self, path: &str, headers: &HeaderMap) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.prefix()));
        let key = headers.get(XRFKEY_HEADER).and_then(|key| key.to_str().ok());
        url.set_query(Some(&format!("xrfkey={}", key.unwrap_or_default())));
        url
    }

    /// A request for people.
    fn beside(&self, path: &str) -> String {
        let Peer { address, via, .. } = &self.peer;
        let prefix = self.prefix();
        format!("{}{prefix}{path}{via}", address.strip_suffix(via.as_str()).unwrap_or(address))
    }
}

/// Whether a proxy doesn't know the session any more in which it was asked: it wants a login, leads to one, or has begun another
/// session by itself, as it does where a header says who asks.
pub(super) fn is_over(session: &Session, answer: &Response) -> bool {
    let status = answer.status();
    let has_page = is_html(answer) && (status == StatusCode::FORBIDDEN || status.is_success());
    status == StatusCode::UNAUTHORIZED
        || status.is_redirection()
        || has_page
        || sessions(answer.headers())
            .any(|(name, value)| name == session.name() && Some(value) != session.value())
}

impl Session {
    fn cookie(&self) -> Option<(&str, &str)> {
        self.headers.get(COOKIE)?.to_str().ok()?.split_once('=')
    }

    fn name(&self) -> &str {
        self.cookie().map_or("", |(name, _)| name)
    }

    fn value(&self) -> Option<&str> {
        self.cookie().map(|(_, value)| value)
    }
}

/// The sessions that an answer begins, by name and value. Proxies in a row may each have one.
fn sessions(answer: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let cookies = answer.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    cookies
        .filter_map(|cookie| cookie.split(';').next()?.trim().split_once('='))
        .filter(|(name, value)| name.starts_with(SESSION) && !value.is_empty())
}

/// The session that an answer begins: that of the virtual proxy, if it is named after the prefix as by default, or else the first.
fn of(answer: &HeaderMap, prefix: &str) -> Option<Session> {
    let own = match prefix.trim_matches('/') {
        "" => SESSION.to_owned(),
        prefix => format!("{SESSION}-{prefix}"),
    };
    let (name, value) = sessions(answer)
        .find(|(name, _)| name.eq_ignore_ascii_case(&own))
        .or_else(|| sessions(answer).next())?;
    let mut headers = HeaderMap::new();
    let mut cookie = HeaderValue::from_str(&format!("{name}={value}")).ok()?;
    cookie.set_sensitive(true);
    headers.insert(COOKIE, cookie);
    if let Some(csrf) = answer.get(CSRF) {
        let mut csrf = csrf.clone();
        csrf.set_sensitive(true);
        headers.insert(CSRF, csrf);
    }
    Some(Session { headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_session_is_its_cookie_and_what_goes_with_it() {
        let mut answer = headers(&[(CSRF, "abc")]);
        answer.append(SET_COOKIE, HeaderValue::from_static("other=1; Path=/"));
        answer.append(
            SET_COOKIE,
            HeaderValue::from_static("X-Qlik-Session-api=0f1e; Path=/; HttpOnly; Secure"),
        );
        let session = of(&answer, "/api/").unwrap().headers;
        assert_eq!(session[COOKIE], "X-Qlik-Session-api=0f1e");
        assert_eq!(session[CSRF], "abc");
        assert!(session.values().all(HeaderValue::is_sensitive), "no log shows them");
        // A proxy of before November 2024.
        let old = of(&headers(&[(SET_COOKIE, "X-Qlik-Session=1")]), "/api/").unwrap().headers;
        assert_eq!(old.len(), 1);
        assert!(of(&headers(&[(CSRF, "abc")]), "/").is_none());
    }

    #[test]
    fn of_several_sessions_the_one_of_the_prefix_is_taken() {
        let mut answer = headers(&[]);
        for cookie in ["X-Qlik-Session=front", "X-Qlik-Session-api=ours", "X-Qlik-Session-hub=x"] {
            answer.append(SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let value = |prefix| of(&answer, prefix).unwrap().value().unwrap().to_owned();
        assert_eq!(value("/api/"), "ours");
        assert_eq!(value("/"), "front");
        assert_eq!(value("/other/"), "front");
    }
}
