//! Every destination, every kind of event at its largest, against real servers where the tests have them.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bursar::destination::email::Email;
use bursar::destination::email::settings::{Email as EmailSettings, EmailSecurity};
use bursar::destination::http::Proxy;
use bursar::destination::influxdb::InfluxDb;
use bursar::destination::influxdb::points::points;
use bursar::destination::mqtt::Mqtt;
use bursar::destination::mqtt::settings::{
    Mqtt as MqttSettings, MqttProtocol, MqttTemplates, MqttTopics, StatusTopic,
};
use bursar::destination::registry::Installation;
use bursar::destination::template::{Format, Source, shipped};
use bursar::destination::webhook::Webhook;
use bursar::destination::webhook::settings::{
    BodyTemplate, HttpMethod, Webhook as WebhookSettings, WebhookPurpose,
};
use bursar::destination::{Destination, Outcome};
use bursar::event::route::Routes;
use bursar::event::{Body, Event, Kind, UserTag};
use bursar::secret::Secret;
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use crate::influxdb::v1::v1;
use crate::support::exim::{Exim, Offers};
use crate::support::influxd;
use crate::support::largest::{self, SEATS};
use crate::support::mosquitto::{Mosquitto, Subscriber};
use crate::support::receiver::Receiver;

/// What Teams takes.
const TEAMS: usize = 28 * 1024;
/// What PagerDuty takes.
const PAGERDUTY: usize = 512 * 1024;
/// As docs/destinations.md says of mails.
const MAIL: usize = 200_000;

/// Delivers as the worker does: in batches as large as the destination wants them.
async fn deliver_all(destination: &dyn Destination, events: &[Event]) {
    for batch in events.chunks(destination.max_batch()) {
        let outcomes = destination.deliver(batch).await;
        for (event, outcome) in batch.iter().zip(&outcomes) {
            let (title, kind) = (destination.title(), event.kind().as_str());
            assert_eq!(*outcome, Outcome::Done, "{kind} to {title}");
        }
    }
}

/// One event for each seat that a rehearsal would release.
fn rehearsed() -> Vec<Event> {
    let released = |event: &&Event| matches!(event.body, Body::SeatReleased(_));
    let all = largest::all();
    let one = all.iter().find(released).unwrap();
    (0..SEATS).map(|_| Event::new(&one.site, one.time, one.body.clone())).collect()
}

fn mqtt(port: u16, protocol: MqttProtocol) -> Arc<Mqtt> {
    let topic = |name: &str| format!("largest/{name}");
    let settings = MqttSettings {
        host: "127.0.0.1".into(),
        port,
        protocol,
        client_id: None,
        auth: None,
        keep_alive: Duration::from_secs(30),
        tls: None,
        topics: MqttTopics {
            server_license: topic("server"),
            server_license_alert: topic("alert"),
            access_license: topic("access"),
            release: topic("release"),
            seats: topic("seats"),
            seat_changes: topic("changes"),
            monitor_app: topic("app"),
            version: topic("version"),
            alert: topic("alerts"),
        },
        status: StatusTopic::Off,
        templates: MqttTemplates::default(),
    };
    Arc::new(Mqtt::new(&settings, Routes::default(), &Installation::default()).unwrap())
}

fn webhook(url: &str, template: Option<&str>) -> Webhook {
    let template = template.map(|name| BodyTemplate {
        source: Source {
            name: name.into(),
            text: shipped::named(name).unwrap().text.into(),
            format: Format::Json,
            values: vec![("routingKey".into(), Secret::new("key"))],
            zone: Tz::UTC,
        },
        content_type: "application/json".into(),
    });
    let settings = WebhookSettings {
        purpose: WebhookPurpose::Alert,
        description: "largest".into(),
        url: url.parse().unwrap(),
        method: HttpMethod::Post,
        ca_cert: None,
        reject_unauthorized: true,
        headers: vec![],
        hmac_key: None,
        rate_limit: Duration::ZERO,
        timeout: Duration::from_secs(20),
        proxy: Proxy::Environment,
        template,
        written: None,
    };
    Webhook::new(&settings, Routes::default()).unwrap()
}

/// With thousands separators, as the page has it.
fn grouped(n: usize) -> String {
    match n {
        0 => "–".into(),
        1..1000 => n.to_string(),
        _ => format!("{},{:03}", n / 1000, n % 1000),
    }
}

#[tokio::test]
async fn every_destination_takes_every_kind_at_its_largest() {
    let mut events = largest::all();
    assert_eq!(events.len(), Kind::ALL.len(), "one of each kind");
    // Only InfluxDB gets what the daemon says of itself.
    let of_daemon: Vec<_> = events.extract_if(.., |of| of.kind() == Kind::DaemonUptime).collect();
    let rehearsed = rehearsed();
    let mut sizes: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut note = |event: &Event, bytes: usize| {
        sizes.entry(event.kind().as_str()).or_default().push(bytes);
    };

    for protocol in [MqttProtocol::V311, MqttProtocol::V5] {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "largest/#").await;
        let mqtt = mqtt(broker.port, protocol);
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (mqtt, stop) = (mqtt.clone(), stop.clone());
            async move { mqtt.run(stop).await }
        });
        deliver_all(mqtt.as_ref(), &events).await;
        subscriber.until("all arrive", |all| all.len() == events.len()).await;
        if protocol == MqttProtocol::V311 {
            for (event, message) in events.iter().zip(subscriber.received()) {
                note(event, message.payload.len());
            }
        }
        deliver_all(mqtt.as_ref(), &rehearsed).await;
        let whole = events.len() + rehearsed.len();
        subscriber.until("all seats arrive", |all| all.len() == whole).await;
        stop.cancel();
        running.await.unwrap();
    }

    let influxd = influxd::shared().await;
    let influxdb = InfluxDb::new(&v1(influxd.url(), "largest"), Routes::default()).unwrap();
    deliver_all(&influxdb, &events).await;
    deliver_all(&influxdb, &rehearsed).await;
    deliver_all(&influxdb, &of_daemon).await;
    for event in &events {
        let lines = points(event, vec![], UserTag::Name);
        note(event, lines.iter().map(|point| point.to_line().unwrap().len() + 1).sum());
    }

    let receiver = Receiver::start().await;
    for template in [None, Some("slack"), Some("teams"), Some("pagerduty"), Some("alertmanager")] {
        let path = format!("/{}", template.unwrap_or("plain"));
        deliver_all(&webhook(&receiver.url(&path), template), &events).await;
        let bodies = receiver.taken(&path);
        assert_eq!(bodies.len(), events.len());
        for (event, body) in events.iter().zip(&bodies) {
            let limit = match template {
                None => {
                    note(event, body.len());
                    continue;
                }
                Some("teams") => TEAMS,
                Some("pagerduty") => PAGERDUTY,
                Some(_) => usize::MAX,
            };
            let (kind, bytes) = (event.kind().as_str(), body.len());
            assert!(bytes <= limit, "{kind} by {template:?}: {bytes} bytes");
        }
    }

    let exim = Exim::start(Offers::default()).await;
    let mail = EmailSettings {
        host: "127.0.0.1".into(),
        port: exim.port,
        security: EmailSecurity::None,
        ca_cert: None,
        reject_unauthorized: true,
        server_name: None,
        auth: None,
        oauth2: None,
        hello_name: None,
        from: "bursar@example.com".parse().unwrap(),
        to: vec!["ada@example.com".parse().unwrap()],
        cc: vec![],
        timeout: Duration::from_secs(20),
        subject: None,
        text: None,
        html: None,
    };
    deliver_all(&Email::new(&mail, Routes::default(), Tz::UTC).unwrap(), &events).await;
    let largest = exim.until(events.len()).await.iter().map(String::len).max().unwrap();
    assert!(largest <= MAIL, "{largest}");

    let mut table =
        String::from("| event | MQTT | InfluxDB | webhook |\n| --- | --- | --- | --- |\n");
    for event in &events {
        let kind = event.kind().as_str();
        let cells: Vec<String> = sizes[kind].iter().map(|bytes| grouped(*bytes)).collect();
        table.push_str(&format!("| `{kind}` | {} |\n", cells.join(" | ")));
    }
    let file = "docs/destinations.md";
    let text = std::fs::read_to_string(file).unwrap();
    let (begin, end) = ("<!-- sizes -->\n", "<!-- /sizes -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(file, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "run the tests with UPDATE_GENERATED=1");
    }
}
