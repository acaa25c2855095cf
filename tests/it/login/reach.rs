//! Whom pages are shown to, by the settings: loopback, TLS, proxies, names.

use std::path::Path;

use bursar::clock::Clock;
use bursar::config::settings::Reach;
use bursar::config::{FixedEnvironment, load_text};
use bursar::daemon::Daemon;
use bursar::simulator::{Pki, Scenario};
use bursar::store::Role;
use chrono::Utc;
use reqwest::{Certificate, Method, StatusCode};

use super::{Pages, client, setup};
use crate::support::process::until;
use crate::support::setup::Setup;

const SITE: &str = "Butler:
  configQRS: {host: q, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
  qlikSenseLicense: {licenseMonitor: {enable: true}}
";

#[test]
fn who_reaches_the_pages_by_the_settings() {
    let of = |web: &str| {
        let text = format!("{SITE}{web}");
        let loaded = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default());
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
        (loaded.settings.web, warnings.join("\n"))
    };
    let (web, _) = of("");
    let web = web.expect("on by default");
    assert_eq!((web.address.to_string().as_str(), web.reach), ("127.0.0.1:8478", Reach::Anybody));
    assert!(!web.show_names);
    assert_eq!(of("  web: {enable: false}\n").0, None);
    let tls = "tls: {cert: c.pem, key: k.pem}";
    for (web, reach, warns) in [
        ("requireLogin: true".to_owned(), Reach::LoggedIn, ""),
        ("host: 0.0.0.0".to_owned(), Reach::Nobody, "nobody is answered but /health"),
        (
            "host: 0.0.0.0, requireLogin: true".to_owned(),
            Reach::Nobody,
            "nobody is answered but /health",
        ),
        (format!("host: 0.0.0.0, {tls}"), Reach::LoggedIn, ""),
        (tls.to_owned(), Reach::Anybody, ""),
        ("host: 0.0.0.0, proxy: {from: [10.0.0.0/24]}".to_owned(), Reach::LoggedIn, ""),
        (
            "proxy: {from: [127.0.0.1]}".to_owned(),
            Reach::LoggedIn,
            "whoever is logged on to this machine can",
        ),
        (
            "host: 0.0.0.0, hosts: [b.example]".to_owned(),
            Reach::Anybody,
            "whoever reaches this address reads",
        ),
        ("host: 0.0.0.0, hosts: [b.example], requireLogin: true".to_owned(), Reach::LoggedIn, ""),
    ] {
        let (settings, warnings) = of(&format!("  web: {{{web}}}\n"));
        assert_eq!(settings.unwrap().reach, reach, "{web}");
        match warns {
            "" => assert!(!warnings.contains("Butler.web"), "{web}: {warnings}"),
            warns => assert!(warnings.contains(warns), "{web}: {warnings}"),
        }
    }
    for (web, why) in [
        ("tls: {cert: c.pem}", "Butler.web.tls.key: this is missing"),
        ("tls: {key: c.pem}", "Butler.web.tls.cert: this is missing"),
        ("hosts: ['https://b.example']", "is not the name of a machine"),
        ("proxy: {from: [proxy]}", "is not an address"),
        ("proxy: {from: [10.0.0.1], userHeader: Cookie}", "can't be the header with the user"),
        ("proxy: {operators: [anna]}", "there is none"),
        ("host: example.com", "is not an IP address"),
    ] {
        let text = format!("{SITE}  web: {{{web}}}\n");
        let problems = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default());
        let problems = problems.expect_err(web).to_string();
        assert!(problems.contains(why), "{web}: {problems}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_login_is_needed_nothing_is_told_without() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "requireLogin: true", "").await;
    pages.user("bert", Role::Viewer, None).await;
    for path in
        ["/", "/alerts", "/site/default/seats?q=x", "/site/nowhere", "/settings", "/nothing"]
    {
        let got = pages.get(path, "").await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(
            got.text.contains("<h1>Log in</h1>") && !got.text.contains("Professional"),
            "{path}"
        );
        assert!(
            got.text.contains(&format!("name=\"to\" value=\"{path}\"")),
            "{path}: {}",
            got.text
        );
    }
    for path in ["/api/status", "/site/default/seats.csv"] {
        let got = pages.ask(Method::GET, path, &[], "").await;
        assert_eq!(
            (got.status, got.header("www-authenticate")),
            (StatusCode::UNAUTHORIZED, "Bearer realm=\"Bursar\"")
        );
        assert_eq!(got.text, "log in first, or send a token: Authorization: Bearer TOKEN\n");
    }
    let health = pages.get("/health", "").await;
    assert!(
        ["healthy\n", "degraded\n", "late\n"].contains(&health.text.as_str()),
        "{}",
        health.text
    );
    let cookie = pages.log_in("bert").await;
    assert_eq!(pages.get("/", &cookie).await.status, 200);
    pages.stop().await;

    let settings = setup.load(&setup.yaml("every 24 hours", "  web: {host: 0.0.0.0, port: 0}\n"));
    let mut pages = Pages::start(settings, Clock::System).await;
    pages.base = pages.base.replace("0.0.0.0", "127.0.0.1");
    for path in ["/", "/login", "/api/status"] {
        let got = pages.get(path, "").await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}");
        assert!(got.text.contains("shown to nobody"), "{path}: {}", got.text);
    }
    assert_ne!(pages.get("/health", "").await.status, StatusCode::FORBIDDEN);
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_believed_from_its_addresses_alone() {
    let setup = setup().await;
    let web =
        |from: &str| format!("proxy: {{from: [{from}], userHeader: X-User, operators: [olga]}}");
    let pages = Pages::with(&setup, &web("127.0.0.0/8"), "").await;
    let ask = |headers: &'static [(&str, &str)]| pages.ask(Method::GET, "/", headers, "");
    assert!(ask(&[("x-user", "olga")]).await.text.contains("olga (operator)"));
    assert!(ask(&[("X-User", "bert")]).await.text.contains("bert (viewer)"));
    assert!(!ask(&[("x-user", "Olga")]).await.text.contains("operator"), "another name");
    for nobody in [&[][..], &[("x-user", "")], &[("x-user", "bert"), ("x-user", "olga")]] {
        assert_eq!(ask(nobody).await.status, StatusCode::UNAUTHORIZED, "{nobody:?}");
    }
    let odd = ask(&[("x-user", "<b>x")]).await;
    assert!(odd.text.contains("&#60;b&#62;") && !odd.text.contains("<b>"), "{}", odd.text);
    let headers = [("x-user", "olga"), ("sec-fetch-site", "same-origin"), super::FORM];
    let body = super::form(&[("days", "7"), ("why", "year end")]);
    let path = "/site/default/releases/pause";
    let got = pages.ask(Method::POST, path, &headers, &body).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
    let paused = pages.daemon.store().pause("default").await.unwrap().unwrap();
    assert_eq!(paused.by, "page user olga, named by the proxy, from 127.0.0.1");
    pages.stop().await;
    let pages = Pages::with(&setup, &web("10.0.0.1"), "").await;
    let got = pages.ask(Method::GET, "/", &[("x-user", "olga")], "").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "not from there");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_names_of_the_settings_are_answered() {
    let setup = setup().await;
    let pages = Pages::with(&setup, "hosts: [Bursar.example.com]", "").await;
    for (host, status) in [
        ("bursar.example.com", 200),
        ("BURSAR.example.com:8443", 200),
        ("127.0.0.1:1", 200),
        ("evil.example", 421),
        ("bursar.example.com.evil.example", 421),
        ("x.bursar.example.com", 421),
        ("bursar.example.com@evil.example", 421),
    ] {
        let got = pages.ask(Method::GET, "/", &[("host", host)], "").await;
        assert_eq!(got.status.as_u16(), status, "{host}");
    }
    pages.user("bert", Role::Viewer, None).await;
    let headers = [
        ("host", "bursar.example.com"),
        ("x-forwarded-proto", "https"),
        ("sec-fetch-site", "same-origin"),
        super::FORM,
    ];
    let fields = super::form(&[("user", "bert"), ("password", super::PASSWORD)]);
    let got = pages.ask(Method::POST, "/login", &headers, &fields).await;
    assert!(got.header("set-cookie").starts_with("__Host-bursar="), "{}", got.text);
    // In a browser of before a form of ours has the scheme that the proxy speaks with it.
    for (proto, origin, status) in [
        (Some("https"), "https://bursar.example.com", 303),
        (Some("https"), "http://bursar.example.com", 403),
        (Some("http"), "https://bursar.example.com", 403),
        (None, "https://bursar.example.com", 303),
        (None, "https://bursar.example.com:8443", 403),
    ] {
        let mut headers = vec![("host", "bursar.example.com"), ("origin", origin), super::FORM];
        headers.extend(proto.map(|proto| ("x-forwarded-proto", proto)));
        let got = pages.ask(Method::POST, "/logout", &headers, "").await;
        assert_eq!(got.status.as_u16(), status, "{proto:?} {origin}: {}", got.text);
    }
    let headers = [("host", "bursar.example.com"), ("x-forwarded-proto", "https")];
    let got = pages.ask(Method::GET, "/", &headers, "").await;
    assert_eq!(got.header("strict-transport-security"), "", "that is the proxy's to say");
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_a_certificate_that_is_read_again() {
    let setup = setup().await;
    let folder = setup.folder.path().join("own");
    let (first, second) = (Pki::generate("127.0.0.1"), Pki::generate("127.0.0.1"));
    let files = first.write_to(&folder).unwrap();
    let tls = format!(
        "tls: {{cert: '{}', key: '{}'}}",
        files.server_cert.display(),
        files.server_key.display()
    );
    let mut pages = Pages::with(&setup, &format!("{tls}, hosts: [bursar.example.com]"), "").await;
    assert!(pages.base.starts_with("https://"), "{}", pages.base);
    let trusting = |pki: &Pki| {
        let root = Certificate::from_pem(pki.root_pem.as_bytes()).unwrap();
        client().tls_certs_only([root]).build().unwrap()
    };
    pages.client = trusting(&first);
    pages.user("olga", Role::Operator, None).await;
    let got = pages.try_log_in("olga", super::PASSWORD).await;
    let set = got.header("set-cookie");
    assert!(set.starts_with("__Host-bursar=") && set.ends_with("; Secure"), "{set}");
    assert!(pages.get("/", &got.cookie()).await.text.contains("olga (operator)"));
    let named = [("host", "bursar.example.com")];
    let hsts = "strict-transport-security";
    assert_eq!(pages.ask(Method::GET, "/", &named, "").await.header(hsts), "", "not wished for");
    let plain = format!("{}/", pages.base.replace("https:", "http:"));
    assert!(client().build().unwrap().get(plain).send().await.is_err(), "nothing in the clear");

    std::fs::write(&files.server_cert, "damaged").unwrap();
    assert_eq!(pages.get("/", "").await.status, 200, "what can't be used leaves the one of before");
    second.write_to(&folder).unwrap();
    let url = format!("{}/health", pages.base);
    assert!(trusting(&second).get(&url).send().await.is_ok(), "the new one is shown at once");
    assert!(trusting(&first).get(&url).send().await.is_err());
    pages.stop().await;

    let wished = format!("{}, hsts: true}}, hosts: [bursar.example.com]", &tls[..tls.len() - 1]);
    let mut pages = Pages::with(&setup, &wished, "").await;
    pages.client = trusting(&second);
    for (host, path, told) in [
        ("bursar.example.com", "/", "max-age=31536000"),
        ("bursar.example.com:8443", "/nothing", "max-age=31536000"),
        ("127.0.0.1", "/", ""),
        ("localhost", "/", ""),
        ("evil.example", "/", ""),
    ] {
        let got = pages.ask(Method::GET, path, &[("host", host)], "").await;
        assert_eq!(got.header(hsts), told, "{host} {path}: {}", got.status);
    }
    pages.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_tried_again_and_keeps_nothing_from_starting() {
    let setup = Setup::new(Scenario::default()).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let web = format!("  web: {{port: {port}}}\n");
    let settings = setup.load(&setup.yaml("every 24 hours", &web));
    let daemon = Daemon::start(settings, Clock::fast(Utc::now(), 600.0)).await.unwrap();
    assert_eq!(daemon.page(), None);
    let read = async || {
        let health = daemon.store().health().await.unwrap();
        health.iter().any(|of| of.last_success.is_some()).then_some(())
    };
    until("the site is read all the same", read).await;
    drop(taken);
    let answered = async || {
        let url = format!("http://127.0.0.1:{port}/health");
        client().build().unwrap().get(url).send().await.ok().map(drop)
    };
    until("the pages are served once the port is free", answered).await;
    daemon.stop().await;
}
