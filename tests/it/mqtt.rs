//! The MQTT destination against a real Mosquitto.

#![expect(clippy::unwrap_used, reason = "in the helpers too, a panic is the failed test")]

mod refusals;

use std::sync::Arc;
use std::time::Duration;

use bursar::config::Settings;
use bursar::config::settings::Log;
use bursar::destination::mqtt::settings::{
    Mqtt as MqttSettings, MqttAuth, MqttProtocol, MqttTemplates, MqttTls, MqttTopics, StatusTopic,
};
use bursar::destination::mqtt::{BuildError, Mqtt};
use bursar::destination::registry::Installation;
use bursar::destination::{Destination, Outcome};
use bursar::event::route::Routes;
use bursar::event::{Body, Event};
use bursar::license::pools::SeatPool;
use bursar::license::server::Kind;
use bursar::license::{Expiry, LicenseState, Pools, ServerLicense, ServerLicenseStatus};
use bursar::secret::Secret;
use bursar::store::settings::{HistoryRetention, OutboxLimits, SetAside, Storage};
use chrono::{NaiveDate, TimeZone, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::endless::{Endless, Step, TAKEN};
use crate::support::mosquitto::{
    DEADLINE, Mosquitto, Pki, Received, SERVER_NAME, Subscriber, eventually, free_port, retained,
};
use crate::support::proxy::{Mode, Proxy};
use crate::support::releases;

const STATE: &str = "qlik/license/server";
const ALERT: &str = "qlik/license/server/alert";
const ACCESS: &str = "qlik/license/access";
const RELEASE: &str = "qlik/license/release";

fn settings(named_sites: bool) -> Settings {
    Settings {
        contracts: Default::default(),
        locale: Default::default(),
        report_names: false,
        file: "test.yaml".into(),
        log: Log {
            level: tracing::level_filters::LevelFilter::INFO,
            json: false,
            directory: None,
            file_bytes: 1,
            files: 1,
        },
        time_zone: chrono_tz::UTC,
        storage: Storage {
            path: "unused.db".into(),
            outbox: OutboxLimits { max_events: 1000, max_age: Duration::from_secs(3600) },
            set_aside: SetAside::after(5),
            backup: bursar::store::settings::Backup {
                schedule: None,
                folder: "backup".into(),
                keep: 7,
            },
            history: HistoryRetention { raw_days: 90, hourly_days: 730, daily_days: 3650 },
        },
        sites: Vec::new(),
        named_sites,
        destinations: Default::default(),
        cost: None,
        alert: Default::default(),
        alert_destination: Default::default(),
        heartbeat: None,
        health_port: None,
        uptime: None,
        reports: None,
        web: None,
        unimplemented: Vec::new(),
        reload_every: std::time::Duration::from_secs(10),
        seen: None,
    }
}

fn mqtt(port: u16, protocol: MqttProtocol) -> MqttSettings {
    MqttSettings {
        host: "127.0.0.1".into(),
        port,
        protocol,
        client_id: Some("bursar-test".into()),
        auth: None,
        keep_alive: Duration::from_secs(30),
        tls: None,
        topics: MqttTopics {
            server_license: STATE.into(),
            server_license_alert: ALERT.into(),
            access_license: ACCESS.into(),
            release: RELEASE.into(),
            seats: "seats".into(),
            seat_changes: "changes".into(),
            monitor_app: "app".into(),
            version: "version".into(),
            alert: "alerts".into(),
        },
        status: StatusTopic::Named("bursar/status".into()),
        templates: MqttTemplates::default(),
    }
}

fn built(mqtt: &MqttSettings, routes: Routes) -> Result<Mqtt, BuildError> {
    Mqtt::new(mqtt, routes, &Installation::default())
}

fn status(days: i64) -> ServerLicenseStatus {
    let date = NaiveDate::from_ymd_opt(2026, 12, 23).unwrap();
    ServerLicenseStatus {
        license: ServerLicense::new(Kind::SignedKey, Expiry::On(date)),
        state: LicenseState::Valid,
        expired: false,
        expiry_date: Some(date),
        days_until_expiry: Some(days),
        days_until_start: None,
        threshold_days: 30,
    }
}

fn event(body: Body) -> Event {
    Event::new("prod", Utc.with_ymd_and_hms(2026, 11, 23, 8, 0, 0).unwrap(), body)
}

fn state(days: i64) -> Event {
    event(Body::ServerLicenseStatus(status(days)))
}

/// The destination with its background work, as the delivery worker owns it.
struct Running {
    mqtt: Arc<Mqtt>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(mqtt: &MqttSettings) -> Self {
        Self::of(built(mqtt, settings(false).routes()).unwrap())
    }

    fn of(mqtt: Mqtt) -> Self {
        let mqtt = Arc::new(mqtt);
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (mqtt, stop) = (mqtt.clone(), stop.clone());
            async move { mqtt.run(stop).await }
        });
        Self { mqtt, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .expect("stops in time")
            .unwrap();
    }
}

const BOTH: [MqttProtocol; 2] = [MqttProtocol::V311, MqttProtocol::V5];

/// Why the only event was not delivered.
async fn why_retry(mqtt: &Mqtt) -> String {
    match mqtt.deliver(&[state(1)]).await.as_slice() {
        [Outcome::Retry { why, .. }] => why.clone(),
        other => panic!("expected a retry, got {other:?}"),
    }
}

fn pools() -> Pools {
    let seats = SeatPool {
        enabled: true,
        total: 100.0,
        allocated: 80.0,
        available: 20.0,
        used: 61.0,
        quarantined: 2.0,
        excess: 0.0,
    };
    Pools { professional: Some(seats), ..Pools::default() }
}

#[tokio::test]
async fn payloads_topics_and_retain_flags() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "qlik/#").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let mut expired = status(-10);
        expired.expiry_date = NaiveDate::from_ymd_opt(2026, 11, 13);
        let events = [
            state(30),
            event(Body::ServerLicenseExpiring(status(30))),
            event(Body::ServerLicenseExpired(expired)),
            event(Body::AccessLicenseStatus(pools())),
        ]
        .map(|e| Event { id: "0199".into(), ..e });
        assert_eq!(running.mqtt.deliver(&events).await, vec![Outcome::Done; 4]);

        let server = r#"{"licenseExpired":false,"expiryDateStr":"2026-12-23","daysUntilExpiry":30,"state":"valid","thresholdDays":30,"time":"2026-11-23T08:00:00.000Z","eventId":"0199"}"#;
        let access = r#"{"professional":{"enabled":true,"total":100,"allocated":80,"available":20,"used":61,"quarantined":2,"excess":0},"time":"2026-11-23T08:00:00.000Z","eventId":"0199"}"#;
        subscriber.until("all four arrive", |r| r.len() == 4).await;
        let live = |topic: &str, payload: &str| Received {
            topic: topic.into(),
            payload: payload.into(),
            retain: false,
        };
        assert_eq!(
            subscriber.received(),
            [
                live(STATE, server),
                live(
                    ALERT,
                    "Qlik Sense server license is about to expire in 30 days, on 2026-12-23"
                ),
                live(ALERT, "Qlik Sense server license expired on 2026-11-13"),
                live(ACCESS, access),
            ]
        );
        assert_eq!(retained(broker.port, STATE).await.as_deref(), Some(server));
        assert_eq!(retained(broker.port, ACCESS).await.as_deref(), Some(access));
        assert_eq!(retained(broker.port, ALERT).await, None);
        running.stop().await;
    }
}

/// Everything that is told of releases is JSON on one topic, and an old release greets nobody.
#[tokio::test]
async fn releases_have_one_topic_and_are_not_retained() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "qlik/#").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let events = releases::all();
        for part in events.chunks(running.mqtt.max_batch()) {
            assert_eq!(running.mqtt.deliver(part).await, vec![Outcome::Done; part.len()]);
        }
        subscriber.until("all arrive", |r| r.len() == events.len()).await;
        for (received, event) in subscriber.received().iter().zip(&events) {
            assert_eq!((received.topic.as_str(), received.retain), (RELEASE, false));
            let json: serde_json::Value = serde_json::from_str(&received.payload).unwrap();
            assert_eq!(json["kind"], event.kind().as_str());
            assert_eq!(json["eventId"], event.id.as_str());
            assert!(json.get("event").is_none());
        }
        let first = &subscriber.received()[0].payload;
        assert!(first.starts_with(r#"{"kind":"seatReleased","user":"CORP\\anna","#), "{first}");
        assert!(first.contains("Anna Ödman"), "{first}");
        assert_eq!(retained(broker.port, RELEASE).await, None);
        running.stop().await;
    }
}

#[tokio::test]
async fn named_sites_have_topics_of_their_own() {
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "#").await;
    let running =
        Running::of(built(&mqtt(broker.port, MqttProtocol::V5), settings(true).routes()).unwrap());
    assert_eq!(running.mqtt.deliver(&[state(30)]).await, [Outcome::Done]);
    subscriber.until("status and state", |r| r.len() == 2).await;
    assert_eq!(subscriber.on("bursar/status"), ["online"]);
    let payloads = subscriber.on("qlik/license/server/prod");
    assert!(payloads[0].contains(r#""site":"prod""#), "{payloads:?}");
    running.stop().await;
}

/// Which state was sent, by the number of days in it.
fn days(payload: &str) -> i64 {
    let json: serde_json::Value = serde_json::from_str(payload).unwrap();
    json["daysUntilExpiry"].as_i64().unwrap()
}

/// The newest state that arrived; -1 before the first.
fn last(received: &[Received]) -> i64 {
    received.last().map_or(-1, |message| days(&message.payload))
}

#[tokio::test]
async fn fifty_events_keep_their_order() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, STATE).await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let events: Vec<_> = (0..50).map(state).collect();
        for batch in events.chunks(running.mqtt.max_batch()) {
            assert_eq!(running.mqtt.deliver(batch).await, vec![Outcome::Done; batch.len()]);
        }
        subscriber.until("all fifty arrive", |r| r.len() == 50).await;
        let order: Vec<_> = subscriber.on(STATE).iter().map(|p| days(p)).collect();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
        running.stop().await;
    }
}

/// Delivers all events in order, as the delivery worker does: what is not done comes again.
async fn pump(mqtt: &Mqtt, events: &[Event]) {
    let mut left = events;
    while !left.is_empty() {
        let batch = &left[..left.len().min(mqtt.max_batch())];
        let outcomes = mqtt.deliver(batch).await;
        assert_eq!(outcomes.len(), batch.len());
        let done = outcomes.iter().take_while(|o| **o == Outcome::Done).count();
        assert!(
            outcomes[done..].iter().all(|o| matches!(o, Outcome::Retry { .. })),
            "{outcomes:?}"
        );
        left = &left[done..];
    }
}

#[tokio::test]
async fn a_broker_that_was_down_gets_everything_in_order() {
    for protocol in BOTH {
        let mut broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, STATE).await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let events: Vec<_> = (0..40).map(state).collect();
        pump(&running.mqtt, &events[..10]).await;

        broker.stop().await;
        let started = Instant::now();
        let outcomes = running.mqtt.deliver(&events[10..30]).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(outcomes.len(), 20);
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Retry { .. })), "{outcomes:?}");
        let why = why_retry(&running.mqtt).await;
        assert!(why.contains("refused") && why.contains(&broker.port.to_string()), "{why}");

        broker.start().await;
        timeout(DEADLINE, pump(&running.mqtt, &events[10..])).await.expect("delivered in time");
        subscriber.until("the last state arrives", |r| last(r) == 39).await;
        assert_eq!(first_seen(&subscriber), (0..40).collect::<Vec<_>>());
        running.stop().await;
    }
}

/// The order in which states were seen for the first time.
fn first_seen(subscriber: &Subscriber) -> Vec<i64> {
    let mut seen = Vec::new();
    for payload in subscriber.on(STATE) {
        let days = days(&payload);
        if !seen.contains(&days) {
            seen.push(days);
        }
    }
    seen
}

#[tokio::test]
async fn a_broker_that_restarts_in_the_middle_loses_nothing() {
    for protocol in BOTH {
        let mut broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, STATE).await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let events: Vec<_> = (0..1000).map(state).collect();
        let pumping = tokio::spawn({
            let mqtt = running.mqtt.clone();
            async move { pump(&mqtt, &events).await }
        });
        subscriber.until("some states arrive", |r| r.len() > 200).await;
        broker.stop().await;
        assert!(
            !pumping.is_finished(),
            "all was delivered before the broker stopped: nothing is tested"
        );
        broker.start().await;
        timeout(DEADLINE, pumping).await.expect("delivered in time").unwrap();
        subscriber.until("the last state arrives", |r| last(r) == 999).await;
        assert_eq!(first_seen(&subscriber), (0..1000).collect::<Vec<_>>());
        running.stop().await;
    }
}

#[tokio::test]
async fn connections_that_break_again_and_again_lose_nothing() {
    for (protocol, fault) in [
        // The acknowledgements of some messages never arrive.
        (MqttProtocol::V311, Mode::CutAnswerAfter(40)),
        (MqttProtocol::V5, Mode::CutAnswerAfter(50)),
        // Breaks in the middle of a message.
        (MqttProtocol::V311, Mode::CutRequestAfter(2000)),
        (MqttProtocol::V5, Mode::CutRequestAfter(2000)),
    ] {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, STATE).await;
        let proxy = Proxy::start(broker.port, fault).await;
        let running = Running::start(&mqtt(proxy.port, protocol));
        let events: Vec<_> = (0..60).map(state).collect();
        timeout(DEADLINE, pump(&running.mqtt, &events)).await.expect("delivered in time");
        subscriber.until("the last state arrives", |r| last(r) == 59).await;
        let order: Vec<_> = subscriber.on(STATE).iter().map(|p| days(p)).collect();
        assert_eq!(first_seen(&subscriber), (0..60).collect::<Vec<_>>(), "{order:?}");
        // Repetitions start over somewhere and leave nothing out from there on.
        assert!(order.windows(2).all(|two| two[1] <= two[0] + 1), "{order:?}");
        running.stop().await;
    }
}

fn login(user: &str, password: Option<&str>) -> Option<MqttAuth> {
    Some(MqttAuth { username: user.into(), password: password.map(Secret::new) })
}

#[tokio::test]
async fn a_password_is_right_or_wrong() {
    let broker = Mosquitto::with_password("bursar", "s3cret-word").await;
    for protocol in BOTH {
        let mut mqtt = mqtt(broker.port, protocol);
        mqtt.auth = login("bursar", Some("s3cret-word"));
        let running = Running::start(&mqtt);
        assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
        running.stop().await;

        mqtt.auth = login("bursar", Some("wr0ng-word"));
        let running = Running::start(&mqtt);
        let why = why_retry(&running.mqtt).await;
        assert!(why.contains("refused the connection: not authorized"), "{why}");
        assert!(!why.contains("wr0ng"), "{why}");
        let failure = running.mqtt.probe().await.unwrap_err();
        assert!(failure.what.contains("not authorized"), "{failure:?}");
        assert!(failure.fix.contains("password"), "{failure:?}");
        running.stop().await;
    }
}

fn tls(pki: &Pki) -> MqttTls {
    MqttTls {
        ca_cert: Some(pki.ca.clone()),
        client: Some(pki.client.clone()),
        reject_unauthorized: true,
        server_name: Some(SERVER_NAME.into()),
    }
}

#[tokio::test]
async fn tls_with_a_client_certificate() {
    let pki = Pki::new();
    let broker = Mosquitto::with_tls(&pki).await;
    for protocol in BOTH {
        let mut mqtt = mqtt(broker.port, protocol);
        mqtt.tls = Some(tls(&pki));
        let running = Running::start(&mqtt);
        assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
        running.stop().await;

        mqtt.tls = Some(MqttTls {
            ca_cert: None,
            server_name: None,
            reject_unauthorized: false,
            ..tls(&pki)
        });
        let running = Running::start(&mqtt);
        assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
        let probe = running.mqtt.probe().await.unwrap();
        assert!(probe.warnings.iter().any(|w| w.contains("rejectUnauthorized")), "{probe:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn tls_failures_say_what_is_wrong_and_what_to_do() {
    let pki = Pki::new();
    let other = Pki::new();
    let broker = Mosquitto::with_tls(&pki).await;
    let plain = Mosquitto::plain().await;
    let cases = [
        (
            broker.port,
            Some(MqttTls { ca_cert: Some(other.ca.clone()), ..tls(&pki) }),
            "unknown authority",
            "certCA",
        ),
        (
            broker.port,
            Some(MqttTls { server_name: None, ..tls(&pki) }),
            "only for: DnsName(\"broker.test\")",
            "serverName",
        ),
        (
            broker.port,
            Some(MqttTls { client: None, ..tls(&pki) }),
            "client certificate",
            "clientCert",
        ),
        (
            broker.port,
            Some(MqttTls { client: Some(other.client.clone()), ..tls(&pki) }),
            "client certificate",
            "clientCert",
        ),
        (broker.port, None, "closed the connection", "TLS"),
        (plain.port, Some(tls(&pki)), "hung up during the TLS handshake", "8883"),
    ];
    for (port, tls, what, fix) in cases {
        for protocol in BOTH {
            let mut mqtt = mqtt(port, protocol);
            mqtt.tls = tls.clone();
            let running = Running::start(&mqtt);
            let why = why_retry(&running.mqtt).await;
            assert!(why.contains(what), "{protocol:?}, {what}: {why}");
            let failure = running.mqtt.probe().await.unwrap_err();
            assert!(failure.what.contains(what), "{protocol:?}, {what}: {failure:?}");
            assert!(failure.fix.contains(fix), "{protocol:?}, {fix}: {failure:?}");
            running.stop().await;
        }
    }
}

/// Azure Event Grid: MQTT 5 over TLS, client certificate, user name = client id, no password.
#[tokio::test]
async fn azure_event_grid_settings() {
    let pki = Pki::new();
    let broker = Mosquitto::with_tls(&pki).await;
    let mut mqtt = mqtt(broker.port, MqttProtocol::V5);
    mqtt.tls = Some(tls(&pki));
    mqtt.auth = login("bursar-test", None);
    let running = Running::start(&mqtt);
    assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
    // Protocol 5, clean session, keep alive, user name.
    eventually("the broker logs the connection", || {
        broker.log().contains("as bursar-test (p5, c1, k30, u'bursar-test')")
    })
    .await;
    running.stop().await;
}

/// Accepts connections and leaves them to the test.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn a_broker_that_accepts_and_never_answers() {
    for protocol in BOTH {
        // The kernel accepts; nobody reads.
        let (_listener, port) = listener().await;
        let limit = Duration::from_millis(300);
        let mqtt = built(&mqtt(port, protocol), settings(false).routes())
            .unwrap()
            .with_timeouts(limit, limit);
        let running = Running::of(mqtt);
        let started = Instant::now();
        let why = why_retry(&running.mqtt).await;
        assert!(why.contains("did not answer as an MQTT broker within 0.3 s"), "{why}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        let failure = running.mqtt.probe().await.unwrap_err();
        assert!(failure.what.contains("did not answer"), "{failure:?}");
        running.stop().await;
    }
}

/// A packet is read as far as its head, which tells its length: more than 16 KiB is none.
#[tokio::test]
async fn a_broker_that_never_ends_a_packet() {
    for protocol in BOTH {
        let connack: &[u8] = match protocol {
            MqttProtocol::V311 => &[0x20, 2, 0, 0],
            MqttProtocol::V5 => &[0x20, 3, 0, 0, 0],
        };
        // The end of a CONNECT with a last will.
        let connect = Step::Until(b"offline");
        let publish = Step::Say(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        for script in [
            vec![connect, publish, Step::Endless(b"x")],
            vec![connect, Step::Say(connack), publish, Step::Endless(b"x")],
            vec![connect, Step::Endless(&[0xff])],
        ] {
            let broker = Endless::start(script, None).await;
            let limit = Duration::from_secs(2);
            let mqtt = built(&mqtt(broker.port, protocol), settings(false).routes())
                .unwrap()
                .with_timeouts(limit, limit);
            let running = Running::of(mqtt);
            why_retry(&running.mqtt).await;
            running.stop().await;
            assert!(broker.taken() < TAKEN, "{}", broker.taken());
        }
    }
}

#[tokio::test]
async fn a_delivery_without_running_connection_ends() {
    let limit = Duration::from_millis(50);
    let mqtt = built(&mqtt(1, MqttProtocol::V5), settings(false).routes())
        .unwrap()
        .with_timeouts(limit, limit);
    let why = why_retry(&mqtt).await;
    assert_eq!(why, "not connected to mqtt://127.0.0.1:1 yet");
}

/// What a client sent on one connection that was answered with CONNACK and nothing else.
async fn swallow(listener: &TcpListener, protocol: MqttProtocol) -> JoinHandle<Vec<u8>> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let connack: &[u8] = match protocol {
        MqttProtocol::V311 => &[0x20, 2, 0, 0],
        MqttProtocol::V5 => &[0x20, 3, 0, 0, 0],
    };
    tokio::spawn(async move {
        let mut sent = vec![0; 4096];
        let mut length = stream.read(&mut sent).await.unwrap();
        stream.write_all(connack).await.unwrap();
        loop {
            sent.resize(length + 4096, 0);
            match stream.read(&mut sent[length..]).await {
                Ok(0) | Err(_) => break,
                Ok(more) => length += more,
            }
        }
        sent.truncate(length);
        sent
    })
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_once() {
    for protocol in BOTH {
        let (listener, port) = listener().await;
        let limit = Duration::from_millis(300);
        let mqtt = built(&mqtt(port, protocol), settings(false).routes())
            .unwrap()
            .with_timeouts(Duration::from_secs(5), limit);
        let running = Running::of(mqtt);
        for round in 0..3 {
            let events = [state(1), state(2)];
            let (outcomes, sent) =
                tokio::join!(running.mqtt.deliver(&events), swallow(&listener, protocol));
            assert_eq!(outcomes.len(), 2);
            for (n, outcome) in outcomes.iter().enumerate() {
                let Outcome::Retry { why, .. } = outcome else { panic!("{outcome:?}") };
                // Sent together it may be either; later only the first was sent.
                let words = match (n, round) {
                    (0, _) | (_, 0) => "did not acknowledge",
                    _ => "an earlier event of the batch",
                };
                assert!(why.contains(words), "{why}");
            }
            // The connection was given up, with all it still held.
            let sent = timeout(DEADLINE, sent).await.expect("the connection ends").unwrap();
            let times = String::from_utf8_lossy(&sent).matches("licenseExpired").count();
            // After the first failure only the event in front is tried.
            assert_eq!(times, if round == 0 { 2 } else { 1 }, "{protocol:?}, round {round}");
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn the_last_will_speaks_when_the_process_dies() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "bursar/status").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        subscriber.until("online", |r| r.len() == 1).await;
        assert_eq!(retained(broker.port, "bursar/status").await.as_deref(), Some("online"));
        running.task.abort();
        subscriber.until("offline", |r| r.len() == 2).await;
        assert_eq!(subscriber.on("bursar/status"), ["online", "offline"]);
        assert_eq!(retained(broker.port, "bursar/status").await.as_deref(), Some("offline"));
    }
}

#[tokio::test]
async fn a_clean_stop_says_offline_and_disconnects() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "bursar/status").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        subscriber.until("online", |r| r.len() == 1).await;
        running.stop().await;
        // With DISCONNECT the broker logs this; without, "closed its connection" and a second
        // "offline" from the last will.
        eventually("disconnected", || broker.log().contains("Client bursar-test disconnected."))
            .await;
        assert_eq!(retained(broker.port, "bursar/status").await.as_deref(), Some("offline"));
        assert_eq!(subscriber.on("bursar/status"), ["online", "offline"]);
    }
}

#[tokio::test]
async fn a_stop_is_bounded_when_the_broker_is_gone() {
    let (listener, port) = listener().await;
    let running = Running::start(&mqtt(port, MqttProtocol::V311));
    let _sent = swallow(&listener, MqttProtocol::V311).await;
    // `online` is never acknowledged, nor will `offline` be.
    running.stop().await;

    let mut mqtt = mqtt(free_port(), MqttProtocol::V5);
    mqtt.host = "localhost".into();
    let running = Running::start(&mqtt);
    why_retry(&running.mqtt).await;
    running.stop().await;
}

#[tokio::test]
async fn a_forbidden_topic_waits_and_so_does_what_follows() {
    let acl = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(acl.path(), format!("topic readwrite {STATE}\ntopic readwrite bursar/#\n"))
        .unwrap();
    let config = format!("allow_anonymous true\nacl_file {}\n", acl.path().display());
    let broker = Mosquitto::with(&config).await;
    let subscriber = Subscriber::new(broker.port, STATE).await;
    let running = Running::start(&mqtt(broker.port, MqttProtocol::V5));
    let events = [state(3), event(Body::ServerLicenseExpiring(status(3))), state(2)];
    let outcomes = running.mqtt.deliver(&events).await;
    assert_eq!(outcomes[0], Outcome::Done);
    let why = |n: usize| match &outcomes[n] {
        Outcome::Retry { why, .. } => why.as_str(),
        other => panic!("expected a retry, got {other:?}"),
    };
    assert_eq!(why(1), "not authorized to publish on this topic (reason 0x87)");
    assert_eq!(why(2), "an earlier event of the batch has to be sent again");

    // From now on the event in front is tried alone.
    for _ in 0..3 {
        let outcomes = running.mqtt.deliver(&events[1..]).await;
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Retry { .. })), "{outcomes:?}");
    }
    assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
    subscriber.until("the last state arrives", |r| last(r) == 1).await;
    let order: Vec<_> = subscriber.on(STATE).iter().map(|p| days(p)).collect();
    assert_eq!(order, [3, 2, 1]);
    running.stop().await;
}

#[tokio::test]
async fn a_broker_without_retained_messages() {
    let broker = Mosquitto::with("allow_anonymous true\nretain_available false\n").await;
    let running = Running::start(&mqtt(broker.port, MqttProtocol::V5));
    timeout(DEADLINE, pump(&running.mqtt, &[state(1)])).await.expect("delivered without the flag");
    let probe = running.mqtt.probe().await.unwrap();
    assert!(probe.warnings.iter().any(|w| w.contains("no retained messages")), "{probe:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_message_larger_than_the_broker_takes_is_refused() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_packet_size 180\n").await;
    let running = Running::start(&mqtt(broker.port, MqttProtocol::V5));
    let events = [state(1), event(Body::ServerLicenseExpiring(status(1)))];
    let outcomes = running.mqtt.deliver(&events).await;
    assert_eq!(outcomes[1], Outcome::Done);
    match &outcomes[0] {
        Outcome::Refused { why } => assert!(why.contains("packets up to 180"), "{why}"),
        other => panic!("expected a refusal, got {other:?}"),
    }
    running.stop().await;
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind_and_disturbs_nobody() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "bursar/#").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        subscriber.until("online", |r| r.len() == 1).await;
        let probe = running.mqtt.probe().await.unwrap();
        let version = if protocol == MqttProtocol::V5 { "MQTT 5" } else { "MQTT 3.1.1" };
        assert_eq!(
            probe.found,
            format!(
                "{version} broker at mqtt://127.0.0.1:{}, test message on bursar/status/check acknowledged",
                broker.port
            )
        );
        assert_eq!(probe.warnings.len(), usize::from(protocol == MqttProtocol::V311));
        subscriber.until("the test message", |r| r.len() == 2).await;
        assert_eq!(subscriber.on("bursar/status/check"), ["bursar check"]);
        assert_eq!(retained(broker.port, "bursar/status/check").await, None);
        // The daemon's own session goes on.
        assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
        assert_eq!(subscriber.on("bursar/status"), ["online"]);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_probe_of_nobody() {
    for protocol in BOTH {
        let failure = built(&mqtt(free_port(), protocol), settings(false).routes())
            .unwrap()
            .probe()
            .await
            .unwrap_err();
        assert!(failure.what.contains("refused"), "{failure:?}");
        assert!(failure.fix.contains("brokerHost"), "{failure:?}");

        let mut nowhere = mqtt(1883, protocol);
        nowhere.host = "no-such-broker.invalid".into();
        let failure = built(&nowhere, settings(false).routes()).unwrap().probe().await.unwrap_err();
        assert!(failure.what.contains("no-such-broker.invalid"), "{failure:?}");
        assert!(failure.fix.contains("name service"), "{failure:?}");
    }
}
