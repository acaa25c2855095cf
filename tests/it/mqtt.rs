//! The MQTT destination against a real Mosquitto.

use std::sync::Arc;
use std::time::Duration;

use bursar::config::Settings;
use bursar::config::settings::{
    Log, Mqtt as MqttSettings, MqttProtocol, MqttTopics, OutboxLimits, Storage,
};
use bursar::destination::mqtt::Mqtt;
use bursar::destination::{Destination, Outcome};
use bursar::event::{Body, Event, LicenseState, ServerLicenseStatus};
use bursar::license::server::Kind;
use bursar::license::{Expiry, ServerLicense};
use chrono::{NaiveDate, TimeZone, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::mosquitto::{Mosquitto, Subscriber};

const STATE: &str = "qlik/license/server";
const ALERT: &str = "qlik/license/server/alert";

fn settings(named_sites: bool) -> Settings {
    Settings {
        file: "test.yaml".into(),
        log: Log { level: tracing::level_filters::LevelFilter::INFO, json: false, directory: None },
        time_zone: chrono_tz::UTC,
        storage: Storage {
            path: "unused.db".into(),
            outbox: OutboxLimits { max_events: 1000, max_age: Duration::from_secs(3600) },
        },
        sites: Vec::new(),
        named_sites,
        influxdb: None,
        mqtt: None,
        webhooks: Vec::new(),
        unimplemented: Vec::new(),
    }
}

fn mqtt(port: u16, protocol: MqttProtocol) -> MqttSettings {
    MqttSettings {
        host: "127.0.0.1".into(),
        port,
        protocol,
        client_id: "bursar-test".into(),
        auth: None,
        keep_alive: Duration::from_secs(30),
        tls: None,
        topics: MqttTopics {
            server_license: STATE.into(),
            server_license_alert: ALERT.into(),
            access_license: "qlik/license/access".into(),
            status: "bursar/status".into(),
        },
    }
}

fn status(days: i64) -> ServerLicenseStatus {
    let date = NaiveDate::from_ymd_opt(2026, 12, 23).unwrap();
    ServerLicenseStatus {
        license: ServerLicense {
            kind: Kind::SignedKey,
            expiry: Expiry::On(date),
            server_says_expired: false,
            expired_reason: None,
            blacklisted: false,
            invalid: false,
            allotments: Vec::new(),
            maintenance_end: None,
        },
        state: LicenseState::Valid,
        expired: false,
        expiry_date: Some(date),
        days_until_expiry: Some(days),
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
        Self::of(Mqtt::new(mqtt, &settings(false)).unwrap())
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

#[tokio::test]
async fn a_state_is_done_when_the_broker_has_it() {
    for protocol in [MqttProtocol::V311, MqttProtocol::V5] {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "qlik/#").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        assert_eq!(running.mqtt.deliver(&[state(30)]).await, [Outcome::Done]);
        subscriber.until("the state arrives", |r| r.len() == 1).await;
        running.stop().await;
    }
}
