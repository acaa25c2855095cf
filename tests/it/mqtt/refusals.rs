//! What brokers do when they do not like a message, a client or its id.

use std::collections::BTreeSet;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::Scenario;

use super::*;
use crate::support::broker::{Answer, Broker, Packet};
use crate::support::largest;
use crate::support::process::Process;
use crate::support::setup::{Setup, mqtt_section};

const STATUS: &str = "bursar/status";

fn expiring(days: i64) -> Event {
    event(Body::ServerLicenseExpiring(status(days)))
}

/// A broker that takes everything but alerts of the server license.
async fn picky(protocol: MqttProtocol, answer: Answer) -> Broker {
    Broker::start(protocol, move |packet| if packet.is_on(ALERT) { answer } else { Answer::Take })
        .await
}

/// What becomes of a bad event when it is sent alone, and that others get through.
async fn alone(mqtt: &Mqtt) -> Outcome {
    assert_eq!(mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
    let outcome = mqtt.deliver(&[expiring(2)]).await.remove(0);
    assert_eq!(mqtt.deliver(&[state(3)]).await, [Outcome::Done]);
    outcome
}

/// Case "big MQTT message": 200 changes in one message, to a broker without a limit.
#[tokio::test]
async fn big_mqtt_message() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "changes").await;
        let running = Running::start(&mqtt(broker.port, protocol));
        assert_eq!(running.mqtt.deliver(&[largest::seat_changes()]).await, [Outcome::Done]);
        subscriber.until("the changes arrive", |all| all.len() == 1).await;
        let bytes = subscriber.received()[0].payload.len();
        assert!(bytes > 12_770, "{bytes}");
        running.stop().await;
    }
}

/// Case "one event that can't be delivered": a broker that hangs up on a topic it does not allow.
#[tokio::test]
async fn one_event_that_cant_be_delivered_says_its_topic() {
    for protocol in BOTH {
        let broker = picky(protocol, Answer::HangUp).await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let Outcome::Retry { why, .. } = alone(&running.mqtt).await else { panic!("it waits") };
        let at = format!("mqtt://127.0.0.1:{}", broker.port);
        let expected = format!(
            "{at} hung up after PUBLISH to {ALERT}: may this client publish there? (the message has 69 bytes)"
        );
        assert_eq!(why, expected);

        // The one that is named is the first that was not acknowledged, not what came after it.
        let batch = [state(4), expiring(2), state(5)];
        let outcomes = running.mqtt.deliver(&batch).await;
        let whys: Vec<_> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
        assert!(whys.iter().any(|why| why.contains("after PUBLISH to")), "{whys:?}");
        assert!(!whys.iter().any(|why| why.contains(&format!("PUBLISH to {STATE}:"))), "{whys:?}");
        running.stop().await;
    }
}

/// The same case: brokers of MQTT 3.1.1 can't say that a packet is too large, and hang up.
#[tokio::test]
async fn one_event_that_cant_be_delivered_to_a_broker_with_max_packet_size() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_packet_size 1500\n").await;
    let running = Running::start(&mqtt(broker.port, MqttProtocol::V311));
    assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
    for _ in 0..2 {
        let outcome = running.mqtt.deliver(&[largest::seat_changes()]).await.remove(0);
        let Outcome::Retry { why, .. } = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("hung up after PUBLISH to changes: may this client"), "{why}");
        assert!(!why.contains("does not speak MQTT"), "{why}");
    }
    assert_eq!(running.mqtt.deliver(&[state(2)]).await, [Outcome::Done]);
    running.stop().await;
}

/// The same case: MQTT 5 says why it disconnects.
#[tokio::test]
async fn one_event_that_cant_be_delivered_is_told_by_disconnect() {
    let cases = [
        (0x95, true, "packet too large (reason 0x95), after PUBLISH to"),
        (0x99, true, "payload format invalid (reason 0x99), after PUBLISH to"),
        (0x87, false, "not authorized (reason 0x87), after PUBLISH to"),
        (0x97, false, "quota exceeded (reason 0x97), after PUBLISH to"),
        (0x9c, false, "use another server for now (reason 0x9C)"),
        (0x9d, false, "the server has moved (reason 0x9D)"),
        (0x8e, false, "another client with this id (bursar-test)?"),
    ];
    for (reason, is_final, words) in cases {
        let broker = picky(MqttProtocol::V5, Answer::Disconnect(reason)).await;
        let running = Running::start(&mqtt(broker.port, MqttProtocol::V5));
        let why = match alone(&running.mqtt).await {
            Outcome::Refused { why } if is_final => why,
            Outcome::Retry { why, .. } if !is_final => why,
            other => panic!("{reason:x}: {other:?}"),
        };
        assert!(why.contains(words), "{reason:x}: {why}");
        running.stop().await;
    }
    // Of several under way it can't be said which it was: all come again, then one by one.
    let broker = picky(MqttProtocol::V5, Answer::Disconnect(0x95)).await;
    let running = Running::start(&mqtt(broker.port, MqttProtocol::V5));
    let batch = [state(1), expiring(2), state(3)];
    let outcomes = running.mqtt.deliver(&batch).await;
    assert!(!outcomes.iter().any(|o| matches!(o, Outcome::Refused { .. })), "{outcomes:?}");
    let outcomes = running.mqtt.deliver(&batch).await;
    let [Outcome::Done, Outcome::Refused { .. }, Outcome::Retry { .. }] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(running.mqtt.deliver(&[state(3)]).await, [Outcome::Done]);
    running.stop().await;
}

/// The status may be forbidden: everything else goes on, without it and without the last will.
#[tokio::test]
async fn a_forbidden_status_topic_stops_nothing() {
    for protocol in BOTH {
        let mut ends = vec![Answer::HangUp];
        if protocol == MqttProtocol::V5 {
            ends.push(Answer::Disconnect(0x87));
        }
        for end in ends {
            let broker = Broker::start(protocol, move |packet| match packet.is_on(STATUS) {
                true => end,
                false => Answer::Take,
            })
            .await;
            let running = Running::start(&mqtt(broker.port, protocol));
            timeout(DEADLINE, pump(&running.mqtt, &[state(1), state(2)])).await.expect("delivered");
            assert_eq!(broker.taken(), [STATE, STATE]);
            assert_eq!(broker.wills(), [true, false]);
            running.stop().await;
        }
        // A broker that judges the last will before it lets anybody in.
        let code = if protocol == MqttProtocol::V5 { 0x87 } else { 5 };
        let broker = Broker::start(protocol, move |packet| match packet {
            Packet::Connect { will: true } => Answer::Refuse(code),
            _ => Answer::Take,
        })
        .await;
        let running = Running::start(&mqtt(broker.port, protocol));
        timeout(DEADLINE, pump(&running.mqtt, &[state(1)])).await.expect("delivered");
        assert_eq!(broker.taken(), [STATE]);
        running.stop().await;
    }
}

#[tokio::test]
async fn the_status_topic_can_be_off() {
    for protocol in BOTH {
        let broker = Broker::start(protocol, |_| Answer::Take).await;
        let settings = MqttSettings { status: StatusTopic::Off, ..mqtt(broker.port, protocol) };
        let running = Running::start(&settings);
        assert_eq!(running.mqtt.deliver(&[state(1)]).await, [Outcome::Done]);
        assert!(running.mqtt.probe().await.is_ok());
        running.stop().await;
        assert_eq!(broker.taken(), [STATE, &format!("{STATE}/check")]);
        assert_eq!(broker.wills(), [false, false]);
    }
}

/// Case "two installations, one broker": by default they share neither id nor status topic.
#[tokio::test]
async fn two_installations_one_broker() {
    for protocol in BOTH {
        let broker = Mosquitto::plain().await;
        let subscriber = Subscriber::new(broker.port, "#").await;
        let default = MqttSettings {
            client_id: None,
            status: StatusTopic::Below("qlik".into()),
            ..mqtt(broker.port, protocol)
        };
        let start = |id: &str| {
            let host = "qlik-watch.example.com".to_owned();
            let me = Installation { host, id: Some(id.to_owned()) };
            Running::of(Mqtt::new(&default, settings(false).routes(), &me).unwrap())
        };
        let two = [start("0a1b2c"), start("3d4e5f")];
        for days in 0..5 {
            for running in &two {
                assert_eq!(running.mqtt.deliver(&[state(days)]).await, [Outcome::Done]);
            }
        }
        for id in ["0a1b2c", "3d4e5f"] {
            let topic = format!("qlik/bursar/status/qlik-watch.example.com-{id}");
            subscriber.until("online", |all| all.iter().any(|m| m.topic == topic)).await;
            assert_eq!(subscriber.on(&topic), ["online"], "nobody ended anybody's connection");
            assert!(
                broker.log().contains(&format!("as bursar-qlik-watc-{id} ")),
                "{}",
                broker.log()
            );
        }
        for running in two {
            running.stop().await;
        }
    }
}

/// Settings of the program with one id for all, and nothing to send.
fn with_one_id(setup: &Setup, port: u16, protocol: &str) -> String {
    let mqtt =
        format!("{}    clientId: mine\n    protocolVersion: '{protocol}'\n", mqtt_section(port));
    let yaml = setup.yaml("every 24 hours", &mqtt);
    let file = setup.write(&yaml.replace("mqtt: {enable: true", "mqtt: {enable: false"));
    file.to_str().unwrap().to_owned()
}

/// The same case, with one id for both, through the program, on MQTT 5. Mosquitto 2.0.11 hangs up without
/// a reason: it is named all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_one_id_are_named_on_mqtt_5() {
    let broker = Mosquitto::plain().await;
    let two = [Setup::new(Scenario::default()).await, Setup::new(Scenario::default()).await];
    let start = |setup: &Setup| {
        let file = with_one_id(setup, broker.port, "5");
        Process::start(&["run", "-c", &file], setup.folder.path())
    };
    let (mut first, second) = (start(&two[0]), &two[1]);
    let line = tokio::task::block_in_place(|| {
        first.wait_for("connected to the MQTT broker");
        let _second = start(second);
        first.wait_for("another client with this id (mine)?")
    });
    assert!(!line.contains("TLS"), "{line}");
}

/// The same on MQTT 3.1.1, whose brokers say nothing, through the program: it is named all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_one_id_are_named() {
    let broker = Broker::start(MqttProtocol::V311, |packet| match packet {
        Packet::Publish { .. } => Answer::TakeAndHangUp,
        Packet::Connect { .. } => Answer::Take,
    })
    .await;
    let setup = Setup::new(Scenario::default()).await;
    let file = with_one_id(&setup, broker.port, "3.1.1");
    let folder = setup.folder.path().to_owned();
    let said = tokio::task::spawn_blocking(move || {
        let mut daemon = Process::start(&["run", "-c", &file], &folder);
        let line = daemon.wait_for("another client with this id (mine)?");
        (line, daemon.terminate().1.join("\n"))
    });
    let (line, all) = said.await.unwrap();
    assert!(line.contains("ended it without a reason 3 times"), "{line}");
    // That it was up in between is said once.
    assert_eq!(all.matches("connected to the MQTT broker").count(), 1, "{all}");
}

/// The same case through the program: its names are below the configured root, stay through a restart,
/// and differ from those of another installation on the same computer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_of_the_program_have_names_of_their_own() {
    let broker = Mosquitto::plain().await;
    let subscriber = Subscriber::new(broker.port, "butler/bursar/status/#").await;
    let start = async |setup: &Setup| {
        let yaml = setup.yaml("every 24 hours", &mqtt_section(broker.port));
        Daemon::start(setup.load(&yaml), Clock::System).await.unwrap()
    };
    let topics = |all: &[Received]| -> BTreeSet<String> {
        all.iter().map(|message| message.topic.clone()).collect()
    };
    let (one, two) = (Setup::new(Scenario::default()).await, Setup::new(Scenario::default()).await);
    let (first, second) = (start(&one).await, start(&two).await);
    subscriber.until("two names", |all| topics(all).len() == 2).await;
    first.stop().await;
    let first = start(&one).await;
    subscriber.until("back again", |all| all.len() == 4).await;
    let all = subscriber.received();
    assert_eq!(topics(&all).len(), 2, "{all:?}");
    let words: Vec<&str> = all.iter().map(|message| message.payload.as_str()).collect();
    assert_eq!(words, ["online", "online", "offline", "online"]);
    first.stop().await;
    second.stop().await;
}
