//! What brokers do when they do not like a message, a client or its id.

use super::*;
use crate::support::broker::{Answer, Broker, Packet};
use crate::support::largest;

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
        assert!(!whys.iter().any(|why| why.contains(STATE)), "{whys:?}");
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

/// The same case, with one id for both: MQTT 3.1.1 tells nobody why, and it is named all the same.
#[tokio::test]
async fn two_installations_one_id_are_named() {
    for protocol in BOTH {
        let end = match protocol {
            MqttProtocol::V311 => Answer::TakeAndHangUp,
            MqttProtocol::V5 => Answer::Disconnect(0x8e),
        };
        let broker = Broker::start(protocol, move |packet| match packet.is_on(STATUS) {
            true => end,
            false => Answer::Take,
        })
        .await;
        let running = Running::start(&mqtt(broker.port, protocol));
        let named = async {
            loop {
                let outcomes = running.mqtt.deliver(&[state(1)]).await;
                if let [Outcome::Retry { why, .. }] = outcomes.as_slice()
                    && why.contains("another client with this id (bursar-test)?")
                {
                    return why.clone();
                }
            }
        };
        let why = timeout(DEADLINE, named).await.expect("it is named");
        assert!(!why.contains("TLS"), "{why}");
        running.stop().await;
    }
}
