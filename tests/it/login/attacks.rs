//! The usual attacks.

use bursar::store::Role;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CHANGES, FORM, PASSWORD, Pages, form, setup};

const PAUSE: &str = "/site/default/releases/pause";
const FIELDS: [(&str, &str); 2] = [("days", "7"), ("why", "year end")];

/// What comes back to these bytes, whatever they are.
async fn raw(pages: &Pages, request: &str) -> String {
    let address = pages.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who is refused before all is said may see a broken connection.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut said = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut said).await {}
    String::from_utf8_lossy(&said).into_owned()
}

async fn operator() -> (crate::support::setup::Setup, Pages, String) {
    let setup = setup().await;
    let pages = Pages::with(&setup, "", "").await;
    pages.user("olga", Role::Operator, None).await;
    let cookie = pages.log_in("olga").await;
    (setup, pages, cookie)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_other_pages_change_nothing() {
    let (_setup, pages, cookie) = operator().await;
    let own = pages.base.clone();
    let encrypted = own.replacen("http:", "https:", 1);
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", encrypted.as_str())],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
    ] {
        for (path, fields) in CHANGES {
            let all = [&[("cookie", cookie.as_str()), FORM], headers].concat();
            let got = pages.ask(Method::POST, path, &all, &form(fields)).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        // A login is a change as well: nobody is logged in as somebody else unnoticed.
        let all = [&[FORM], headers].concat();
        let fields = form(&[("user", "olga"), ("password", PASSWORD)]);
        let got = pages.ask(Method::POST, "/login", &all, &fields).await;
        assert_eq!((got.status, got.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    }
    assert_eq!(pages.daemon.store().pause("default").await.unwrap(), None);
    // Nothing is changed by looking, whatever the address says.
    for (path, fields) in CHANGES {
        let got = pages.get(&format!("{path}?{}", form(fields)), &cookie).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let headers = [("cookie", cookie.as_str()), ("origin", own.as_str()), FORM];
    let got = pages.ask(Method::POST, PAUSE, &headers, &form(&FIELDS)).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "a page of ours, in a browser of before");
    assert!(pages.daemon.store().pause("default").await.unwrap().is_some());
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_and_forged_sessions_open_nothing() {
    let (_setup, pages, cookie) = operator().await;
    let is_known =
        async |cookie: &str| pages.get("/", cookie).await.text.contains("olga (operator)");
    assert!(is_known(&cookie).await);
    let secret = cookie.strip_prefix("bursar=").unwrap();
    let planted = format!("bursar={}", "0".repeat(64));
    for forged in [
        "bursar=".to_owned(),
        planted.clone(),
        format!("bursar={}", secret.to_uppercase()),
        format!("bursar={}", &secret[..63]),
        format!("bursar={secret}0"),
        format!("bursar=' OR '1'='1{}", " ".repeat(52)),
        format!("{planted}; {cookie}"),
        format!("session={secret}"),
    ] {
        assert!(!is_known(&forged).await, "{forged}");
    }
    // The hash that is stored is no secret to come in with.
    let hash = bursar::credential::fingerprint(secret);
    assert!(!is_known(&format!("bursar={hash}")).await);
    // Who logs in gets another secret than the one that was there before, which is over.
    let headers = [("cookie", planted.as_str()), ("sec-fetch-site", "same-origin"), FORM];
    let fields = form(&[("user", "olga"), ("password", PASSWORD)]);
    let got = pages.ask(Method::POST, "/login", &headers, &fields).await;
    assert_ne!(got.cookie(), planted);
    assert!(is_known(&got.cookie()).await && !is_known(&planted).await);
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin"), FORM];
    pages.ask(Method::POST, "/login", &headers, &fields).await;
    assert!(!is_known(&cookie).await, "the session of before ends with a new login");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_that_fail_are_few() {
    let (_setup, pages, _) = operator().await;
    for name in ["olga", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..12 {
            answers.push(pages.try_log_in(name, "wrong wrong wrong").await.status.as_u16());
        }
        assert_eq!(answers[..10], [401; 10], "{name}");
        assert_eq!(answers[10..], [429; 2], "{name}: as many for who is no user");
    }
    let got = pages.try_log_in("olga", PASSWORD).await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "also with the right one");
    let wait: u64 = got.header("retry-after").parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    let mut refused = 0;
    for n in 0..40 {
        let got = pages.try_log_in(&format!("user{n}"), "wrong wrong wrong").await;
        refused += u32::from(got.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 40 - 30, "50 of an address, whatever the names");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_its_headers() {
    let (_setup, pages, cookie) = operator().await;
    let mut answers = vec![
        pages.get("/", "").await,
        pages.get("/login", "").await,
        pages.get("/nothing", "").await,
        pages.get("/site/nowhere", "").await,
        pages.get("/site/default/seats?sort=person", "").await,
        pages.get("/logout", "").await,
        pages.get("/health", "").await,
        pages.get("/api/status", "").await,
        pages.post(PAUSE, "", &FIELDS).await,
        pages.try_log_in("olga", "wrong").await,
        pages.try_log_in("olga", PASSWORD).await,
    ];
    answers.push(pages.ask(Method::DELETE, "/", &[], "").await);
    answers.push(pages.ask(Method::GET, "/", &[("host", "evil.example")], "").await);
    let json = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    let got = pages.ask(Method::POST, PAUSE, &json, "{}").await;
    assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    answers.push(got);
    let long = "x".repeat(17 * 1024);
    let got = pages.post(PAUSE, &cookie, &[("days", "7"), ("why", &long)]).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    answers.push(got);
    let many: Vec<_> = (0..100).map(|_| ("why", "x")).collect();
    let got = pages.post(PAUSE, &cookie, &many).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    answers.push(got);
    let mut seen = std::collections::BTreeSet::new();
    for got in &answers {
        seen.insert(got.status.as_u16());
        let policy = got.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{}: {policy}", got.status);
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(got.header(name), value, "{}: {name}", got.status);
        }
    }
    for status in [200, 303, 400, 401, 403, 404, 405, 413, 415, 421] {
        assert!(seen.contains(&status), "{status} was tried: {seen:?}");
    }
    assert_eq!(pages.daemon.store().pause("default").await.unwrap(), None);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_requests_get_no_further() {
    let (_setup, pages, cookie) = operator().await;
    let head = "host: localhost\r\ncookie: ";
    for path in [
        "/assets/../settings",
        "/assets/%2e%2e/settings",
        "/assets/..%2fsettings",
        "//settings",
        "/site/..",
        "/site/default/../../settings",
        "/site/default%00/seats",
        "/site/default/releases/pause/..",
        "/./settings",
        "/settings/",
        "/SETTINGS",
    ] {
        let said = raw(&pages, &format!("GET {path} HTTP/1.1\r\n{head}{cookie}\r\n\r\n")).await;
        let status = said.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "404", "405"].contains(&status), "{path}: {said}");
    }
    for request in [
        "GET / HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(),
        format!("TRACE / HTTP/1.1\r\n{head}{cookie}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{head}{cookie}\r\nx: {}\r\n\r\n", "y".repeat(20_000)),
        format!(
            "POST {PAUSE} HTTP/1.1\r\n{head}{cookie}\r\nsec-fetch-site: same-origin\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: 1000000000\r\n\r\n{}",
            "days=7&why=".to_owned() + &"x".repeat(100_000)
        ),
        format!(
            "POST {PAUSE} HTTP/1.1\r\n{head}{cookie}\r\nsec-fetch-site: same-origin\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
    ] {
        let said = raw(&pages, &request).await;
        let shown: String = request.chars().take(120).collect();
        assert!(!said.contains(" 200 ") && !said.contains(" 303 "), "{shown}: {said}");
    }
    assert_eq!(pages.daemon.store().pause("default").await.unwrap(), None);
    assert!(pages.get("/", &cookie).await.text.contains("olga (operator)"), "it goes on");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_login_leads_elsewhere() {
    let (_setup, pages, _) = operator().await;
    for (to, leads) in [
        ("/alerts", "/alerts"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ] {
        let fields = [("user", "olga"), ("password", PASSWORD), ("to", to)];
        let got = pages.post("/login", "", &fields).await;
        assert_eq!((got.status, got.header("location")), (StatusCode::SEE_OTHER, leads), "{to:?}");
        assert!(got.headers.get_all("set-cookie").iter().count() == 1, "{to:?}");
        let asked = form(&[("to", to)]);
        let shown = pages.get(&format!("/login?{asked}"), "").await.text;
        assert!(shown.contains(&format!("name=\"to\" value=\"{leads}\"")), "{to:?}: {shown}");
    }
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_forms_stay_texts() {
    let (_setup, pages, cookie) = operator().await;
    let nasty =
        "\"><script>alert(1)</script><img src=x onerror=y>'{{7*7}} \u{1b}[31m\u{202e}x\r\ny";
    let release = "/site/default/releases";
    let mut answers = Vec::new();
    for (path, fields) in
        CHANGES.iter().chain(&[("/login", &[("user", "olga"), ("password", "x"), ("to", "/")][..])])
    {
        for (n, _) in fields.iter().enumerate() {
            let mut fields = fields.to_vec();
            fields[n].1 = nasty;
            answers.push((*path, pages.post(path, &cookie, &fields).await));
        }
    }
    let fields = [
        ("rule", "seatsLow"),
        ("site", "default"),
        ("subject", nasty),
        ("days", "1"),
        ("why", nasty),
    ];
    assert_eq!(pages.post("/alerts/silence", &cookie, &fields).await.status, StatusCode::SEE_OTHER);
    let fields = [("days", "7"), ("why", nasty)];
    assert_eq!(pages.post(PAUSE, &cookie, &fields).await.status, StatusCode::SEE_OTHER);
    for page in ["/", "/alerts", release, "/api/status"] {
        answers.push((page, pages.get(page, &cookie).await));
    }
    for (path, got) in &answers {
        assert_ne!(got.status.as_u16() / 100, 5, "{path}: {}", got.text);
        if *path != "/api/status" {
            for raw in ["<script>alert", "<img src=x", "\u{1b}", "\u{202e}"] {
                assert!(!got.text.contains(raw), "{path}: {}", got.text);
            }
        }
        assert!(!got.text.contains('\u{1b}') && !got.text.contains('\u{202e}'), "{path}");
    }
    assert!(answers.iter().any(|(path, got)| *path == "/alerts" && got.text.contains("alert(1)")));
    pages.stop().await;
}
