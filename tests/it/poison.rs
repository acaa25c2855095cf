//! One event that a real receiver does not take, in every queue: it is set aside with its reason, and
//! all others arrive in their order.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::HashMap;
use std::time::Duration;

use bursar::destination::registry;
use bursar::destination::worker;
use bursar::event::{AlertNotice, AlertStatus, Body, Event, Rule, Severity};
use bursar::simulator::Scenario;
use bursar::store::settings::{OutboxLimits, SetAside};
use bursar::store::{Listed, Store};
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::support::exim::{Exim, Offers};
use crate::support::influxd::{ADMIN, Influxd, PASSWORD};
use crate::support::mosquitto::{Mosquitto, Subscriber};
use crate::support::picky::{POISON, Picky};
use crate::support::process::{LIMIT, until};
use crate::support::receiver::Receiver;
use crate::support::setup::Setup;

const TOPIC: &str = "butler/alerts";

/// Four real servers behind proxies that don't take one word, and a worker for each queue.
struct World {
    _setup: Setup,
    _proxies: [Picky; 4],
    mosquitto: Mosquitto,
    subscriber: Subscriber,
    influxd: Influxd,
    receiver: Receiver,
    exim: Exim,
    store: Store,
    queues: Vec<String>,
    stop: CancellationToken,
}

impl World {
    async fn new(set_aside: SetAside) -> Self {
        let setup = Setup::new(Scenario::default()).await;
        let mosquitto = Mosquitto::plain().await;
        let subscriber = Subscriber::new(mosquitto.port, "butler/#").await;
        let influxd = Influxd::start().await;
        influxd.query("", "CREATE DATABASE poison_test").await;
        let receiver = Receiver::start().await;
        let exim = Exim::start(Offers::default()).await;
        let port = |url: &str| url::Url::parse(url).unwrap().port().unwrap();
        let proxies = [
            Picky::tcp(mosquitto.port).await,
            Picky::http(port(influxd.url().as_str())).await,
            Picky::tcp(port(&receiver.url("/"))).await,
            Picky::tcp(exim.port).await,
        ];
        let [mqtt, influx, webhook, mail] = [0, 1, 2, 3].map(|n: usize| proxies[n].port);
        let more = format!(
            "  mqttConfig:
    enable: true
    brokerHost: 127.0.0.1
    brokerPort: {mqtt}
    azureEventGrid: {{enable: false}}
    bursarAlertTopic: {TOPIC}
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {influx}
    version: 1
    v1Config:
      auth: {{enable: true, username: '{ADMIN}', password: '{password}'}}
      dbName: poison_test
      retentionPolicy: {{name: ten_days, duration: 10d}}
  webhookNotification:
    enable: true
    qlikSenseAlert:
      rateLimit: 0
      webhooks:
        - {{description: alerts, webhookURL: 'http://127.0.0.1:{webhook}/alert', httpMethod: POST}}
  email:
    enable: true
    host: 127.0.0.1
    port: {mail}
    security: none
    from: bursar@example.com
    to: [ada@example.com]
  alert:
    enable: true
    destination:
      influxDb: {{enable: true}}
      mqtt: {{enable: true}}
      webhook: {{enable: true}}
      email: {{enable: true}}
",
            password = PASSWORD.replace('\'', "''"),
        );
        let settings = setup.load(&setup.yaml("every 1 hours", &more));
        let limits = OutboxLimits { max_events: 100_000, max_age: Duration::from_secs(86_400) };
        let store = crate::support::store::open(&setup.store(), limits, Utc::now).await.unwrap();
        let stop = CancellationToken::new();
        let mut queues = Vec::new();
        for destination in registry::build(&settings.destinations, &settings.surroundings()) {
            queues.push(destination.id().to_owned());
            let rng = fastrand::Rng::with_seed(queues.len() as u64);
            tokio::spawn(worker::run(destination, store.clone(), set_aside, rng, stop.clone()));
        }
        assert_eq!(queues.len(), 4, "{queues:?}");
        Self {
            _setup: setup,
            _proxies: proxies,
            mosquitto,
            subscriber,
            influxd,
            receiver,
            exim,
            store,
            queues,
            stop,
        }
    }

    async fn send(&self, subject: &str, n: i64, word: &str) {
        self.store.record(vec![(alert(subject, n, word), self.queues.clone())]).await.unwrap();
    }

    async fn waiting(&self) -> u64 {
        self.store.queue_states().await.unwrap().iter().map(|queue| queue.pending).sum()
    }

    async fn dead(&self) -> Vec<Listed> {
        self.store.list(None, true, 10_000).await.unwrap()
    }

    /// What arrived where, as texts of alerts.
    async fn arrived(&self) -> HashMap<&'static str, Vec<String>> {
        let text = |json: &str| -> String {
            let json: serde_json::Value = serde_json::from_str(json).unwrap();
            let found = json.get("text").or_else(|| json.pointer("/alert/text"));
            found.and_then(|text| text.as_str()).unwrap_or_else(|| panic!("{json}")).to_owned()
        };
        let points = self.influxd.rows("poison_test", "SELECT \"text\" FROM bursar_alert").await;
        let mails = self.exim.mails();
        let said = |mail: &String| {
            let line = mail.lines().find(|line| line.starts_with("says "));
            line.unwrap_or_else(|| panic!("{mail}")).trim_end().to_owned()
        };
        HashMap::from([
            ("mqtt", self.subscriber.on(TOPIC).iter().map(|json| text(json)).collect()),
            ("webhook", self.receiver.taken("/alert").iter().map(|json| text(json)).collect()),
            ("influxdb", points.iter().map(|row| row["text"].as_str().unwrap().into()).collect()),
            ("email", mails.iter().map(said).collect()),
        ])
    }

    async fn end(self) {
        self.stop.cancel();
        self.store.close().await;
        drop(self.mosquitto);
    }
}

fn alert(subject: &str, n: i64, word: &str) -> Event {
    let time = DateTime::from_timestamp(1_795_500_000 + n, 0).unwrap();
    let notice = AlertNotice {
        rule: Rule::QueueGrowing,
        subject: subject.into(),
        fingerprint: subject.into(),
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        title: "Something grows".into(),
        text: format!("says {word} {subject} {n:06}"),
        hint: String::new(),
        since: time,
        resolved: None,
        repeats: 0,
        facts: serde_json::Map::new(),
        destinations: None,
        silenced: None,
        test: false,
    };
    Event::new("default", time, Body::Alert(notice))
}

/// Each subject's numbers arrive in order, none is missing (a repetition is allowed), none is poison.
fn check(arrived: &HashMap<&'static str, Vec<String>>, expected: &[String]) {
    for (name, texts) in arrived {
        let missing: Vec<_> = expected.iter().filter(|text| !texts.contains(text)).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?}");
        assert!(texts.iter().all(|text| !text.contains(POISON)), "{name}");
        let mut newest: HashMap<&str, &str> = HashMap::new();
        for text in texts {
            let words: Vec<&str> = text.split(' ').collect();
            let before = newest.insert(words[2], words[3]);
            // Of InfluxDB all that is known is that they are there: it sorts by time.
            assert!(
                before.is_none_or(|before| before <= words[3]),
                "{name}: {text} after {before:?}"
            );
        }
    }
}

/// The rules of the default settings take a minute; these are the same without the minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_that_no_real_server_takes_makes_way_for_the_others() {
    let world = World::new(SetAside { failures: 2, over: Duration::ZERO }).await;
    let mut expected = Vec::new();
    world.send("bad", 0, POISON).await;
    for n in 0..4 {
        for subject in ["a", "b"] {
            world.send(subject, n, "well").await;
            expected.push(format!("says well {subject} {n:06}"));
        }
    }
    // One that waits alone is judged by what comes next.
    let more = std::cell::Cell::new(0);
    let done = async || {
        if world.waiting().await == 0 {
            return Some(());
        }
        if more.get() < 40 && world.waiting().await <= 4 {
            world.send("c", more.get(), "well").await;
            more.set(more.get() + 1);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        None
    };
    let emptied = tokio::time::timeout(LIMIT / 2, until("the queues are empty", done)).await;
    let states = world.store.queue_states().await.unwrap();
    assert!(emptied.is_ok(), "{states:#?}");
    expected.extend((0..more.get()).map(|n| format!("says well c {n:06}")));
    let dead = world.dead().await;
    assert_eq!(dead.len(), 4, "{dead:#?}");
    for letter in &dead {
        let why = letter.last_error.as_deref().unwrap();
        assert!(why.starts_with("set aside after "), "{why}");
    }
    world.exim.until(expected.len()).await;
    check(&world.arrived().await, &expected);
    world.end().await;
}

/// An hour with one such event every five minutes: `tests/long.sh`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_with_a_poison_event_every_five_minutes() {
    let Some(minutes) = std::env::var("BURSAR_SOAK_MINUTES").ok() else { return };
    let minutes: i64 = minutes.parse().unwrap();
    let world = World::new(SetAside::after(5)).await;
    let mut expected = Vec::new();
    let mut poisons = 0;
    for n in 0..minutes * 6 {
        if n % 30 == 3 {
            world.send(&format!("bad{n}"), n, POISON).await;
            poisons += 1;
        }
        for subject in ["a", "b", "c"] {
            world.send(subject, n, "well").await;
            expected.push(format!("says well {subject} {n:06}"));
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    for n in 0..60 {
        if world.waiting().await == 0 {
            break;
        }
        world.send("end", n, "well").await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let dead = world.dead().await;
    println!("{} sent to each, {poisons} poison, {} dead letters", expected.len(), dead.len());
    for letter in &dead {
        println!("{} {}", letter.destination, letter.last_error.as_deref().unwrap_or_default());
    }
    assert_eq!(world.waiting().await, 0);
    assert_eq!(dead.len(), 4 * poisons);
    check(&world.arrived().await, &expected);
    world.end().await;
}
