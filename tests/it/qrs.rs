//! The client of the repository service against the simulated site, over real TLS.

mod once;
mod people;
pub(crate) mod plain;
mod proxy;
mod seats;
mod site;
mod tls;
mod weak;

use std::path::Path;
use std::time::Duration;

use bursar::license::DateOrder;
use bursar::license::server::{Expiry, Kind};
use bursar::qrs::settings::Connection;
use bursar::qrs::{Backoff, BuildError, Client, Connections, Error, Options, Patience};
use bursar::simulator::{Fault, FaultRule, PkiFiles, Running, Scenario};

/// A site, the files a client of it needs, and the settings that fit.
struct Site {
    running: Running,
    files: PkiFiles,
    connection: Connection,
    _dir: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        Self::with(Scenario::default()).await
    }

    async fn with(scenario: Scenario) -> Self {
        let server_name = scenario.server_name.clone();
        let running =
            Running::start(scenario, ([127, 0, 0, 1], 0).into()).await.expect("the site starts");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let files = running.pki().write_to(dir.path()).expect("the folder can be written");
        let connection = Connection {
            host: "127.0.0.1".into(),
            port: running.addr().port(),
            use_ssl: true,
            client_cert: files.client_cert.clone(),
            client_key: files.client_key.clone(),
            ca_cert: files.root.clone(),
            reject_unauthorized: true,
            tls_server_name: Some(server_name),
            headers: vec![("X-Qlik-User".into(), "UserDirectory=INTERNAL; UserId=sa_api".into())],
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            max_concurrency: 4,
            entry: Default::default(),
            missing: None,
        };
        Self { running, files, connection, _dir: dir }
    }

    fn client(&self) -> Client {
        client(&self.connection)
    }

    fn fault(&self, fault: impl Into<FaultRule>) -> &Self {
        self.running.control().set_fault(fault);
        self
    }

    /// The error of reading the license, without a second try.
    async fn license_error(&self) -> Error {
        self.client()
            .server_license(DateOrder::Unset, once())
            .await
            .expect_err("the site is faulty")
    }
}

/// A client that retries fast.
fn client(connection: &Connection) -> Client {
    let millis = Duration::from_millis;
    let backoff = Backoff { first: millis(1), cap: millis(5) };
    let options = Options { rng: fastrand::Rng::with_seed(1), backoff, ..Options::default() };
    Client::with("test", connection, options).expect("the files fit")
}

fn once() -> Patience {
    Patience::ONCE
}

fn soon() -> Patience {
    Patience::retrying_for(Duration::from_secs(20))
}

/// When a change has to be answered.
fn later() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(20)
}

fn status(code: u16) -> Fault {
    Fault::Status { code, html: false, retry_after_seconds: None }
}

#[track_caller]
fn assert_error(error: &Error, code: &str, texts: &[&str]) {
    assert_eq!(error.code(), code, "{error}");
    let shown = error.to_string();
    for text in texts {
        assert!(shown.contains(text), "{text:?} is not in {shown:?}");
    }
}

#[tokio::test]
async fn reads_license_pools_and_version() {
    let site = Site::start().await;
    let client = site.client();
    let license = client.server_license(DateOrder::Unset, soon()).await.unwrap();
    assert_eq!(license.kind, Kind::SignedKey);
    assert!(matches!(license.expiry, Expiry::On(_)), "{license:?}");
    let pools = client.pools(soon()).await.unwrap();
    assert!(pools.professional.is_some_and(|pool| pool.total > 0.0), "{pools:?}");
    let about = client.about(soon()).await.unwrap();
    assert_eq!(about.value.build_version, "31.62.0.0");
    assert!(about.server_date.is_some() && about.latency > Duration::ZERO);
    client.ping(soon()).await.unwrap();
}

#[tokio::test]
async fn polls_share_one_connection_and_each_request_has_a_fresh_key() {
    let site = Site::start().await;
    let client = site.client();
    for _ in 0..10 {
        client.server_license(DateOrder::Unset, soon()).await.unwrap();
        client.pools(soon()).await.unwrap();
    }
    let control = site.running.control();
    assert_eq!(control.connections(), 1);
    let requests = control.requests();
    assert_eq!(requests.len(), 20);
    assert!(requests.iter().all(|request| request.xrf_ok));
    assert!(
        requests.iter().all(|r| r.user.as_deref() == Some("UserDirectory=INTERNAL; UserId=sa_api"))
    );
    let keys: std::collections::HashSet<_> = requests.iter().map(|r| r.query.clone()).collect();
    assert_eq!(keys.len(), 20);
}

#[tokio::test]
async fn a_name_that_does_not_fit_is_answered_with_the_one_that_does() {
    let mut site = Site::start().await;
    for host in ["127.0.0.1", "localhost"] {
        site.connection.host = host.into();
        site.connection.tls_server_name = None;
        let error = site.license_error().await;
        assert_error(
            &error,
            "tls-name-mismatch",
            &[host, "set tlsServerName to qlik01.example.com"],
        );
        assert!(!error.is_transient());
    }
    site.connection.tls_server_name = Some("other.example.com".into());
    let error = site.license_error().await;
    assert_error(&error, "tls-name-mismatch", &["other.example.com", "qlik01.example.com"]);
}

#[tokio::test]
async fn the_server_name_is_apart_from_the_address() {
    let mut site = Site::start().await;
    for (host, name) in [("127.0.0.1", "qlik01.example.com"), ("localhost", "QLIK01.example.com")] {
        site.connection.host = host.into();
        site.connection.tls_server_name = Some(name.into());
        site.client().pools(soon()).await.unwrap();
    }
    site.connection.tls_server_name = Some("127.0.0.2".into());
    let error = Client::new("test", &site.connection).unwrap_err();
    assert!(matches!(error, BuildError::ServerName { .. }), "{error}");
}

#[tokio::test]
async fn the_names_of_the_machine_may_hold_an_underscore() {
    let scenario = Scenario { server_name: "win_qlik1".into(), ..Scenario::default() };
    Site::with(scenario).await.client().pools(soon()).await.unwrap();
}

#[tokio::test]
async fn without_verification_any_name_and_issuer_will_do() {
    let mut site = Site::start().await;
    site.connection.reject_unauthorized = false;
    site.connection.tls_server_name = None;
    site.connection.ca_cert = "no such file".into();
    site.client().pools(soon()).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_no_authority_is_told() {
    let mut site = Site::start().await;
    site.connection.ca_cert = site.files.server_cert.clone();
    let error = site.license_error().await;
    let texts = ["server.pem", "root.pem", "CN=qlik01.example.com", "no authority"];
    assert_error(&error, "tls-unknown-issuer", &texts);
}

#[tokio::test]
async fn the_authority_of_another_site_is_told() {
    let mut site = Site::start().await;
    let other = site.files.root.with_file_name("other_root.pem");
    std::fs::write(&other, site.running.pki().foreign_root_pem()).unwrap();
    site.connection.ca_cert = other;
    let error = site.license_error().await;
    assert_error(&error, "tls-unknown-issuer", &["other_root.pem", "from this very site"]);
}

#[tokio::test]
async fn a_refused_client_certificate_is_told() {
    let mut site = Site::start().await;
    let cert = site.files.client_cert.with_file_name("refused.pem");
    site.connection.client_cert = cert.clone();
    let pki = site.running.pki();
    for (pem, code) in [
        (pki.foreign_client_pem(), "tls-client-certificate-refused"),
        // The site isn't asked.
        (pki.expired_client_pem(), "certificate-file"),
    ] {
        std::fs::write(&cert, pem).unwrap();
        for _ in 0..5 {
            let error = site.license_error().await;
            assert_error(&error, code, &["refused.pem"]);
        }
    }
}

#[tokio::test]
async fn every_form_of_certificate_and_key_works() {
    let mut site = Site::start().await;
    let dir = tempfile::tempdir().unwrap();
    let files = site.running.pki().write_crlf_to(dir.path()).unwrap();
    let connect = |connection: &mut Connection, files: &PkiFiles, key: &Path| {
        connection.client_cert = files.client_cert.clone();
        connection.client_key = key.to_owned();
        connection.ca_cert = files.root.clone();
    };
    connect(&mut site.connection, &files, &files.client_key);
    site.client().pools(soon()).await.unwrap();
    let pkcs8 = dir.path().join("pkcs8_key.pem");
    std::fs::write(&pkcs8, site.running.pki().client_key_pkcs8_pem()).unwrap();
    connect(&mut site.connection, &files, &pkcs8);
    site.client().pools(soon()).await.unwrap();
    std::fs::write(&pkcs8, site.running.pki().encrypted_key_pkcs8()).unwrap();
    let error = site.client().pools(soon()).await.unwrap_err();
    assert_error(&error, "certificate-file", &["openssl"]);
}

#[tokio::test]
async fn refusals_by_status_are_told_apart() {
    for (fault, code, text) in [
        (Fault::Xsrf, "xsrf", "xrfkey"),
        (Fault::Forbidden, "forbidden", "X-Qlik-User"),
        (Fault::Unauthorized, "unauthorized", "4242"),
        (status(404), "not-found", "404"),
        (status(400), "bad-filter", "400"),
        (status(302), "unexpected-status", "302"),
        (status(204), "unexpected-status", "204"),
        (status(409), "unexpected-status", "409"),
    ] {
        let site = Site::start().await;
        let client = site.fault(fault.clone()).client();
        let error = client.server_license(DateOrder::Unset, soon()).await.unwrap_err();
        assert_error(&error, code, &[text, "/qrs/license"]);
        assert_eq!(site.running.control().request_count(), 1, "{fault:?} was tried again");
    }
}

#[tokio::test]
async fn what_is_not_the_answer_is_told_apart() {
    for (fault, code, text) in [
        (Fault::HtmlOk, "not-json", "an HTML page"),
        (Fault::EmptyOk, "not-json", "an empty body"),
        (Fault::Null, "unexpected-shape", "found null"),
        (Fault::EmptyObject, "unexpected-shape", "without any of its sections"),
        (Fault::BrokenJson, "not-json", "a truncated body"),
        (Fault::Truncate, "not-json", "a truncated body"),
    ] {
        let site = Site::start().await;
        let error = site.fault(fault).client().pools(once()).await.unwrap_err();
        assert_error(&error, code, &[text, "/qrs/license/accesstypeoverview"]);
    }
}

#[tokio::test]
async fn no_license_is_an_answer() {
    let site = Site::start().await;
    let client = site.fault(Fault::Null).client();
    let license = client.server_license(DateOrder::Unset, once()).await.unwrap();
    assert_eq!(license.kind, Kind::None);
}

#[tokio::test]
async fn faults_that_pass_are_outlasted() {
    for fault in [
        status(500),
        status(503),
        status(408),
        Fault::Status { code: 429, html: true, retry_after_seconds: Some(0) },
        Fault::ResetBefore,
        Fault::ResetHandled,
        Fault::ResetAfter,
        Fault::Truncate,
    ] {
        let site = Site::start().await;
        site.fault(FaultRule::from(fault.clone()).times(2));
        let pools = site.client().pools(soon()).await;
        assert!(pools.is_ok(), "{fault:?}: {pools:?}");
    }
}

#[tokio::test]
async fn a_server_that_stays_faulty_is_told() {
    let site = Site::start().await;
    let error = site.fault(status(503)).license_error().await;
    assert_error(&error, "server-error", &["503"]);
    assert!(error.is_transient());
    let site = Site::start().await;
    let wait = Fault::Status { code: 503, html: true, retry_after_seconds: Some(3600) };
    let client = site.fault(wait).client();
    let error = client.pools(soon()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(site.running.control().request_count(), 1, "the wait is beyond the deadline");
}

/// At the pace of the daemon: it had been thousands.
#[tokio::test]
async fn a_site_that_wants_retries_at_once_gets_them_at_the_usual_pace() {
    let site = Site::start().await;
    site.fault(Fault::Status { code: 503, html: false, retry_after_seconds: Some(0) });
    let options = Options { rng: fastrand::Rng::with_seed(1), ..Options::default() };
    let client = Client::with("test", &site.connection, options).unwrap();
    let briefly = Patience::retrying_for(Duration::from_secs(1));
    client.pools(briefly).await.unwrap_err();
    let count = site.running.control().request_count();
    assert!((1..=5).contains(&count), "{count} requests in a second");
}

/// Whatever the pace is.
#[tokio::test]
async fn a_site_gets_60_retries_a_minute_over_all_requests() {
    let site = Site::start().await;
    site.fault(status(503));
    let client = site.client();
    let briefly = Patience::retrying_for(Duration::from_secs(2));
    let asked = (0..20).map(|_| client.pools(briefly));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(site.running.control().request_count(), 20 + 60);
}

#[tokio::test]
async fn a_second_try_ends_with_the_deadline() {
    let mut site = Site::start().await;
    site.connection.request_timeout = Duration::from_secs(600);
    let client = site.client();
    site.fault(FaultRule::from(status(503)).times(1));
    site.fault(FaultRule::from(Fault::Hang).skip(1));
    let briefly = Patience::retrying_for(Duration::from_millis(300));
    let answer = tokio::time::timeout(Duration::from_secs(60), client.pools(briefly)).await;
    let error = answer.expect("the deadline, not the request timeout").unwrap_err();
    assert_error(&error, "server-error", &["503"]);
    assert_eq!(site.running.control().request_count(), 2);
}

#[tokio::test]
async fn a_broken_connection_is_told() {
    for fault in [Fault::ResetBefore, Fault::ResetHandled] {
        let error = Site::start().await.fault(fault).license_error().await;
        assert_error(&error, "interrupted", &["/qrs/license"]);
    }
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    for fault in [Fault::Hang, Fault::SlowDrip { bytes: 1, millis: 100 }] {
        let mut site = Site::start().await;
        site.connection.request_timeout = Duration::from_millis(300);
        let error = site.fault(fault).license_error().await;
        assert_error(&error, "timed-out", &["0.3 s", "/qrs/license"]);
    }
}

#[tokio::test]
async fn nobody_there_is_told() {
    let mut site = Site::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    site.connection.port = free.local_addr().unwrap().port();
    drop(free);
    let error = site.license_error().await;
    assert_error(&error, "cannot-connect", &["connection refused", "firewall"]);
    assert!(error.is_transient());

    site.connection.host = "no-such-host.invalid".into();
    assert_error(&site.license_error().await, "cannot-connect", &["can't be resolved"]);
}

#[tokio::test]
async fn a_port_that_accepts_and_says_nothing_is_told() {
    let mut site = Site::start().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    site.connection.port = silent.local_addr().unwrap().port();
    site.connection.connect_timeout = Duration::from_millis(100);
    assert_error(&site.license_error().await, "cannot-connect", &["no answer within 0.1 s"]);
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let mut site = Site::start().await;
    site.connection.max_concurrency = 2;
    site.fault(Fault::Latency { millis: 20 });
    let client = site.client();
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        polls.spawn(async move { client.pools(soon()).await.unwrap() });
    }
    polls.join_all().await;
    assert_eq!(site.running.control().request_count(), 10);
    assert!(site.running.control().connections() <= 2);
}
