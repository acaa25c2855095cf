#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod answers;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bursar::destination::registry::Configured;
use bursar::destination::webhook::Webhook;
use bursar::destination::webhook::settings;
use bursar::destination::webhook::settings::{HttpMethod, WebhookPurpose};
use bursar::destination::{Destination, Outcome};
use bursar::event::route::{Routes, Site};
use bursar::event::{Body, Channel, Event, SendSwitch, Switches};
use bursar::ledger::{Mode, RunStatus, SeatResult};
use bursar::license::pools::TokenTotals;
use bursar::license::{
    Expiry, LicenseState, Pools, SeatType, ServerLicense, ServerLicenseStatus, server::Kind,
};
use bursar::secret::Secret;
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::support::proxy::{Mode as ProxyMode, Proxy};
use crate::support::releases;

/// One call that arrived.
#[derive(Debug, Clone)]
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// A receiver that keeps what it gets and answers what it is told.
#[derive(Clone)]
struct Receiver {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    answer: Arc<Mutex<(StatusCode, HeaderMap)>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self::at(listener.local_addr().unwrap().port());
        let router = receiver.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    async fn start_tls(identity: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self::at(listener.local_addr().unwrap().port());
        let router = receiver.router();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![identity.cert.der().clone()],
            PrivateKeyDer::Pkcs8(identity.key.serialize_der().into()),
        )
        .unwrap();
        let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn at(port: u16) -> Self {
        Self {
            port,
            calls: Arc::default(),
            answer: Arc::new(Mutex::new((StatusCode::NO_CONTENT, HeaderMap::new()))),
        }
    }

    fn router(&self) -> Router {
        Router::new().fallback(receive).with_state(self.clone())
    }

    fn answers(&self, status: u16, headers: &[(&'static str, &'static str)]) {
        let headers =
            headers.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        *self.answer.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), headers);
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn only_call(&self) -> Call {
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap());
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    receiver.calls.lock().unwrap().push(Call { method, uri, headers, body });
    let (status, headers) = receiver.answer.lock().unwrap().clone();
    (status, headers).into_response()
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A certificate for a name, its key, and the file of the authority that signed it.
struct Identity {
    cert: rcgen::Certificate,
    key: KeyPair,
    ca_file: PathBuf,
    _dir: tempfile::TempDir,
}

fn identity(name: &str) -> Identity {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).unwrap();
    Identity { cert, key, ca_file, _dir: dir }
}

fn settings(url: &str, method: HttpMethod) -> settings::Webhook {
    settings::Webhook {
        purpose: WebhookPurpose::ServerLicense,
        description: "test".into(),
        url: url.parse().unwrap(),
        method,
        ca_cert: None,
        reject_unauthorized: true,
        headers: vec![],
        hmac_key: None,
        rate_limit: Duration::ZERO,
        timeout: Duration::from_secs(20),
        proxy: bursar::destination::http::Proxy::Environment,
        template: None,
        written: None,
    }
}

fn routes(recurring: bool, alert: bool) -> Routes {
    let switches = Switches::default().with(Channel::Webhook, SendSwitch { recurring, alert });
    let site = Site {
        server_license: Some(switches.clone()),
        access_license: Some(switches.clone()),
        release: Some(switches),
        ..Site::default()
    };
    Routes { named_sites: false, sites: HashMap::from([("default".into(), site)]) }
}

fn build(settings: &settings::Webhook) -> Webhook {
    Webhook::new(settings, routes(true, true)).unwrap()
}

fn status() -> ServerLicenseStatus {
    let date = "2026-12-23".parse().unwrap();
    ServerLicenseStatus {
        license: ServerLicense::new(Kind::SignedKey, Expiry::On(date)),
        state: LicenseState::Expiring,
        expired: false,
        expiry_date: Some(date),
        days_until_expiry: Some(29),
        days_until_start: None,
        threshold_days: 30,
    }
}

fn event(body: Body) -> Event {
    let time = DateTime::from_timestamp(1_795_500_000, 0).unwrap();
    Event { id: "0199".into(), site: "default".into(), time, body, notice: None }
}

async fn deliver_one(webhook: &Webhook, event: Event) -> Outcome {
    let mut outcomes = webhook.deliver(&[event]).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

#[tokio::test]
async fn post_and_put_send_json_and_get_puts_the_same_names_in_the_query() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/hook?key=1", receiver.port);
    for method in [HttpMethod::Post, HttpMethod::Put] {
        let webhook = build(&settings(&url, method));
        let outcome = deliver_one(&webhook, event(Body::ServerLicenseStatus(status()))).await;
        assert_eq!(outcome, Outcome::Done);
        let call = receiver.only_call();
        assert_eq!(call.method, if method == HttpMethod::Put { Method::PUT } else { Method::POST });
        assert_eq!(call.uri, "/hook?key=1");
        assert_eq!(call.headers["content-type"], "application/json");
        assert_eq!(call.headers["x-bursar-event-id"], "0199");
        assert!(!call.headers.contains_key("x-bursar-signature"));
        assert_eq!(
            call.body,
            r#"{"licenseExpired":false,"expiryDateStr":"2026-12-23","daysUntilExpiry":29,"event":"server license status","state":"expiring","thresholdDays":30,"time":"2026-11-24T06:00:00.000Z","eventId":"0199"}"#
        );
    }
    let webhook = build(&settings(&url, HttpMethod::Get));
    deliver_one(&webhook, event(Body::ServerLicenseExpiring(status()))).await;
    let call = receiver.only_call();
    assert_eq!(call.method, Method::GET);
    assert_eq!(
        call.uri,
        "/hook?key=1&licenseExpired=false&expiryDateStr=2026-12-23&daysUntilExpiry=29&event=server+license+about+to+expire+alert&state=expiring&thresholdDays=30&message=Qlik+Sense+server+license+is+about+to+expire+in+29+days%2C+on+2026-12-23&time=2026-11-24T06%3A00%3A00.000Z&eventId=0199"
    );
    assert!(call.body.is_empty());
}

#[tokio::test]
async fn access_licenses_are_sent_too() {
    let receiver = Receiver::start().await;
    let mut settings = settings(&format!("http://127.0.0.1:{}/", receiver.port), HttpMethod::Post);
    settings.purpose = WebhookPurpose::AccessLicense;
    let tokens = TokenTotals { enabled: true, total_tokens: 40.0, available_tokens: 15.0 };
    let pools = Pools { tokens: Some(tokens), ..Pools::default() };
    deliver_one(&build(&settings), event(Body::AccessLicenseStatus(pools))).await;
    let json: Value = serde_json::from_slice(&receiver.only_call().body).unwrap();
    assert_eq!(json["event"], "access license status");
    assert_eq!(json["tokens"]["availableTokens"], 15);
}

#[tokio::test]
async fn releases_are_sent_as_json_or_as_a_query() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/audit", receiver.port);
    let mut post = settings(&url, HttpMethod::Post);
    post.purpose = WebhookPurpose::Release;
    let released = releases::released(releases::seat(), SeatResult::Freed);
    assert_eq!(deliver_one(&build(&post), released).await, Outcome::Done);
    let json: Value = serde_json::from_slice(&receiver.only_call().body).unwrap();
    assert_eq!(json["event"], "seat released");
    assert_eq!(json["user"], "CORP\\anna");
    assert!(json.get("kind").is_none());

    let get = settings::Webhook { method: HttpMethod::Get, ..post };
    let counts = releases::counts(SeatType::Analyzer);
    let events = [
        releases::refused(false),
        releases::run(Mode::Real, RunStatus::Done, vec![counts]),
        releases::kept(false),
    ];
    let mut queries = String::new();
    for event in events {
        assert_eq!(deliver_one(&build(&get), event).await, Outcome::Done);
        let url: url::Url = format!("http://x{}", receiver.only_call().uri).parse().unwrap();
        for (name, value) in url.query_pairs() {
            queries += &format!("{name}={value}\n");
        }
        queries += "\n";
    }
    insta::assert_snapshot!(queries, @r#"
    refusals=[{"guard":"percent","licenseType":"analyzer","saw":"60 of 100 seats would go, more than maxReleasePercent (25)","fix":"see whether the directory sync works"},{"guard":"clock","licenseType":null,"saw":"the clocks differ by 7 minutes","fix":"synchronise them"}]
    rehearsal=false
    run=0199b1c2-0000-7000-8000-000000000001
    event=license release refused alert
    message=Qlik Sense license release was refused: Analyzer seats: 60 of 100 seats would go, more than maxReleasePercent (25); see whether the directory sync works | the clocks differ by 7 minutes; synchronise them
    time=2026-11-24T06:00:00.005Z
    eventId=0199-id

    mode=real
    status=done
    trigger=schedule
    started=2026-11-24T05:59:58.250Z
    ended=2026-11-24T06:00:00.005Z
    licenseTypes.analyzer.seats=100
    licenseTypes.analyzer.planned=12
    licenseTypes.analyzer.released=9
    licenseTypes.analyzer.quarantined=2
    licenseTypes.analyzer.announced=1
    licenseTypes.analyzer.kept=87
    licenseTypes.analyzer.changed=1
    licenseTypes.analyzer.refused=1
    licenseTypes.analyzer.gone=1
    licenseTypes.analyzer.unclear=0
    planDigest=abababababababababababababababababababababababababababababababab
    ledger.seq=77
    ledger.hash=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
    rehearsal=false
    run=0199b1c2-0000-7000-8000-000000000001
    event=license release run
    time=2026-11-24T06:00:00.005Z
    eventId=0199-id

    licenseTypes.professional.seats=100
    licenseTypes.professional.kept=87
    licenseTypes.professional.keptByReason.custom-property=7
    licenseTypes.professional.keptByReason.never-used=10
    licenseTypes.professional.keptByReason.used=70
    licenseTypes.analyzer.seats=100
    licenseTypes.analyzer.kept=87
    licenseTypes.analyzer.keptByReason.custom-property=7
    licenseTypes.analyzer.keptByReason.never-used=10
    licenseTypes.analyzer.keptByReason.used=70
    rehearsal=false
    run=0199b1c2-0000-7000-8000-000000000001
    event=seats kept
    time=2026-11-24T06:00:00.005Z
    eventId=0199-id
    "#);
}

#[tokio::test]
async fn own_headers_and_a_signature_that_can_be_checked() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    for method in [HttpMethod::Post, HttpMethod::Get] {
        let mut settings = settings(&url, method);
        settings.headers = vec![
            ("Authorization".into(), Secret::new("Bearer abc")),
            ("User-Agent".into(), Secret::new("mine")),
            ("Content-Type".into(), Secret::new("application/vnd.mine+json")),
        ];
        settings.hmac_key = Some(Secret::new("key"));
        deliver_one(&build(&settings), event(Body::ServerLicenseStatus(status()))).await;
        let call = receiver.only_call();
        assert_eq!(call.headers["authorization"], "Bearer abc");
        assert_eq!(call.headers["user-agent"], "mine");
        assert_eq!(call.headers["content-type"], "application/vnd.mine+json");
        assert_eq!(call.headers.get_all("content-type").iter().count(), 1);
        let signed = match method {
            HttpMethod::Get => call.uri.query().unwrap().as_bytes(),
            _ => &call.body[..],
        };
        let sent = call.headers["x-bursar-signature"].to_str().unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"key").unwrap();
        mac.update(signed);
        mac.verify_slice(&hex::decode(sent.strip_prefix("sha256=").unwrap()).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn answers_decide_between_done_retry_and_refused() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/secret-path", receiver.port);
    let webhook = build(&settings(&url, HttpMethod::Post));
    let call = async || deliver_one(&webhook, event(Body::ServerLicenseStatus(status()))).await;

    receiver.answers(503, &[("retry-after", "120")]);
    let after = Some(Duration::from_secs(120));
    let why = "answered 503 Service Unavailable".into();
    assert_eq!(call().await, Outcome::Retry { after, why });

    receiver.answers(
        429,
        &[
            ("retry-after", "Tue, 24 Nov 2026 08:01:00 GMT"),
            ("date", "Tue, 24 Nov 2026 08:00:00 GMT"),
        ],
    );
    let after = Some(Duration::from_secs(60));
    let why = "answered 429 Too Many Requests".into();
    assert_eq!(call().await, Outcome::Retry { after, why });

    receiver.answers(500, &[]);
    assert!(matches!(call().await, Outcome::Retry { after: None, .. }));

    receiver.answers(422, &[]);
    let why = "answered 422 Unprocessable Entity".into();
    assert_eq!(call().await, Outcome::Refused { why });

    receiver.calls.lock().unwrap().clear();
    receiver.answers(302, &[("location", "/elsewhere")]);
    let Outcome::Refused { why } = call().await else { panic!("not refused") };
    assert!(why.contains("302") && why.contains("final address"), "{why}");
    assert_eq!(receiver.only_call().uri, "/secret-path", "the redirect was followed");
}

#[tokio::test]
async fn no_answer_is_tried_again_and_shows_no_secret() {
    let receiver = Receiver::start().await;
    let proxy = Proxy::start(receiver.port, ProxyMode::Refuse).await;
    let url = format!("http://user:pass@127.0.0.1:{}/secret-path?key=secret", proxy.port);
    let mut settings = settings(&url, HttpMethod::Get);
    settings.timeout = Duration::from_millis(300);
    let webhook = build(&settings);
    let call = async || deliver_one(&webhook, event(Body::ServerLicenseStatus(status()))).await;
    for mode in [
        ProxyMode::Refuse,
        ProxyMode::Silent,
        ProxyMode::CutRequestAfter(10),
        ProxyMode::CutAnswerAfter(5),
    ] {
        proxy.set(mode).await;
        let Outcome::Retry { after: None, why } = call().await else { panic!("{mode:?}") };
        assert!(!why.contains("secret") && !why.contains("pass"), "{why}");
    }
    proxy.set(ProxyMode::Refuse).await;
    assert!(webhook.probe().await.is_err());
    proxy.set(ProxyMode::Pass).await;
    let before = receiver.calls().len();
    assert!(webhook.probe().await.is_ok());
    assert_eq!(receiver.calls().len(), before, "the probe must not look like a message");
}

#[tokio::test]
async fn what_must_wait_is_not_overtaken() {
    let receiver = Receiver::start().await;
    receiver.answers(503, &[]);
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    let webhook = build(&settings(&url, HttpMethod::Post));
    let events = vec![event(Body::ServerLicenseStatus(status())); 3];
    let outcomes = webhook.deliver(&events).await;
    assert!(outcomes.iter().all(|o| matches!(o, Outcome::Retry { .. })), "{outcomes:?}");
    assert_eq!(receiver.calls().len(), 1);
}

#[tokio::test]
async fn own_authority_wrong_authority_wrong_name_and_none() {
    let right = identity("localhost");
    let receiver = Receiver::start_tls(&right).await;
    let wrong = identity("localhost");
    let call = async |host: &str, ca: Option<&Identity>, reject_unauthorized: bool| {
        let url = format!("https://{host}:{}/hook", receiver.port);
        let mut settings = settings(&url, HttpMethod::Post);
        settings.ca_cert = ca.map(|identity| identity.ca_file.clone());
        settings.reject_unauthorized = reject_unauthorized;
        let webhook = build(&settings);
        let outcome = deliver_one(&webhook, event(Body::ServerLicenseStatus(status()))).await;
        let probe = webhook.probe().await;
        assert_eq!(probe.is_ok(), outcome == Outcome::Done, "{probe:?} {outcome:?}");
        if let (Err(failure), Outcome::Retry { why, .. }) = (&probe, &outcome) {
            assert_eq!(failure.what, *why);
        }
        outcome
    };
    assert_eq!(call("localhost", Some(&right), true).await, Outcome::Done);
    assert_eq!(call("127.0.0.1", None, false).await, Outcome::Done);

    let Outcome::Retry { why, .. } = call("localhost", None, true).await else { panic!() };
    assert!(why.contains("not trusted") && why.contains("set certCA"), "{why}");
    let Outcome::Retry { why, .. } = call("localhost", Some(&wrong), true).await else { panic!() };
    assert!(why.contains("certCA"), "{why}");
    let Outcome::Retry { why, .. } = call("127.0.0.1", Some(&right), true).await else { panic!() };
    assert!(why.contains("not valid for that name") && why.contains("localhost"), "{why}");
}

#[tokio::test]
async fn purpose_and_switches_decide_what_is_wanted() {
    let events = [
        event(Body::ServerLicenseStatus(status())),
        event(Body::ServerLicenseExpiring(status())),
        event(Body::ServerLicenseExpired(status())),
        event(Body::ServerLicenseProblem(status())),
        event(Body::AccessLicenseStatus(Pools::default())),
        releases::refused(false),
        releases::released(releases::seat(), SeatResult::Freed),
        releases::kept(false),
    ];
    let wanted = |purpose, recurring, alert| {
        let mut settings = settings("http://127.0.0.1:1/", HttpMethod::Post);
        settings.purpose = purpose;
        let configured = Configured { webhooks: vec![settings], ..Configured::default() };
        let routes = routes(recurring, alert);
        let wants = |event: &Event| crate::support::wanted(&configured, &routes, event);
        events.iter().map(|e| if wants(e) { 'x' } else { '.' }).collect::<String>()
    };
    assert_eq!(wanted(WebhookPurpose::ServerLicense, true, true), "x.......");
    assert_eq!(wanted(WebhookPurpose::ServerLicense, false, true), "........");
    assert_eq!(wanted(WebhookPurpose::ServerLicenseAlert, true, true), ".xxx....");
    assert_eq!(wanted(WebhookPurpose::ServerLicenseAlert, true, false), "........");
    assert_eq!(wanted(WebhookPurpose::AccessLicense, true, true), "....x...");
    assert_eq!(wanted(WebhookPurpose::AccessLicense, false, true), "........");
    assert_eq!(wanted(WebhookPurpose::Release, true, true), ".....xxx");
    assert_eq!(wanted(WebhookPurpose::Release, true, false), ".......x");
    assert_eq!(wanted(WebhookPurpose::Release, false, true), ".....xx.");
}

#[tokio::test]
async fn the_rate_limit_is_the_shortest_time_between_calls() {
    let mut settings = settings("http://127.0.0.1:1/", HttpMethod::Post);
    assert_eq!(build(&settings).min_interval(), None);
    settings.rate_limit = Duration::from_secs(300);
    assert_eq!(build(&settings).min_interval(), Some(Duration::from_secs(300)));
}
