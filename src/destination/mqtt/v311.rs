//! MQTT 3.1.1.

use rumqttc_v4::{
    AsyncClient, Broker, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, NetworkOptions, Packet, PublishNotice, PublishOptions, QoS, StateError,
    TlsConfiguration, Transport,
};

use super::failure::{Cause, Failure};
use super::link::{Ack, Dialer, Granted, LARGEST_PACKET, Message, Plan, QUEUE, Step};
use crate::destination::LONGEST_ANSWER;

pub(super) fn open(plan: &Plan, dialer: Dialer) -> (AsyncClient, EventLoop) {
    let broker = Broker::tcp(plan.broker_name(), plan.port);
    let mut options = MqttOptions::new(plan.client_id.clone(), broker);
    options.set_clean_session(true);
    options.set_max_packet_size(LONGEST_ANSWER, LARGEST_PACKET);
    options.set_keep_alive(plan.keep_alive_seconds());
    options.set_socket_connector(move |_, _| dialer.clone().dial());
    if let Some(auth) = &plan.auth {
        match &auth.password {
            Some(password) => {
                options.set_credentials(auth.username.clone(), password.reveal().to_owned())
            }
            None => options.set_username(auth.username.clone()),
        };
    }
    if let Some(tls) = &plan.tls {
        let config = TlsConfiguration::Rustls(tls.config.clone());
        options.set_transport(Transport::tls_with_config(config));
    }
    if let Some(will) = &plan.will {
        options.set_last_will(LastWill::new(
            &will.topic,
            will.payload,
            QoS::AtLeastOnce,
            will.retain,
        ));
    }
    let (client, mut events) = AsyncClient::builder(options).capacity(QUEUE).build();
    let mut network = NetworkOptions::new();
    // Whole seconds here; the exact limit is kept by the caller.
    network.set_connection_timeout(plan.connect_timeout.as_secs() + 1);
    events.set_network_options(network);
    (client, events)
}

pub(super) async fn step(events: &mut EventLoop, at: &str) -> Result<Step, Failure> {
    match events.poll().await {
        Ok(Event::Incoming(Packet::ConnAck(_))) => {
            Ok(Step::Connected(Granted { retain: true, max_packet: None }))
        }
        Ok(Event::Incoming(Packet::PubAck(_))) => Ok(Step::Acknowledged),
        Ok(_) => Ok(Step::Progress),
        Err(error) => Err(failure(&error, at)),
    }
}

fn failure(error: &ConnectionError, at: &str) -> Failure {
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let (cause, why) = match code {
                ConnectReturnCode::RefusedProtocolVersion => {
                    (Cause::Version, "it does not speak MQTT 3.1.1")
                }
                ConnectReturnCode::BadClientId => (Cause::ClientId, "client id not accepted"),
                ConnectReturnCode::ServiceUnavailable => (Cause::Busy, "service unavailable"),
                ConnectReturnCode::BadUserNamePassword => {
                    (Cause::BadCredentials, "bad user name or password")
                }
                // Mosquitto says this for a wrong password too.
                ConnectReturnCode::NotAuthorized => (Cause::NotAuthorized, "not authorized"),
                ConnectReturnCode::Success => (Cause::Other, "no reason given"),
            };
            Failure::new(cause, format!("{at} refused the connection: {why}"))
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Failure::new(Cause::Closed, format!("{at} closed the connection"))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Failure::new(Cause::Silent, format!("{at} no longer answers pings"))
        }
        ConnectionError::MqttState(StateError::Deserialization(rumqttc_v4::Error::Io(error))) => {
            Failure::from_error(error, at)
        }
        ConnectionError::MqttState(StateError::Deserialization(_))
        | ConnectionError::NotConnAck(_) => Failure::new(
            Cause::WrongProtocol,
            format!("{at} does not speak MQTT on this port: {error}"),
        ),
        ConnectionError::Tls(error) => Failure::from_handshake(error, at),
        other => Failure::from_error(other, at),
    }
}

pub(super) async fn publish(
    client: &AsyncClient,
    message: Message,
) -> Result<PublishNotice, String> {
    let options = PublishOptions::new(QoS::AtLeastOnce).retain(message.retain);
    client
        .publish_tracked(message.topic, message.payload, options)
        .await
        .map_err(|error| error.to_string())
}

pub(super) async fn ack(notice: PublishNotice) -> Ack {
    // A PUBACK of this version has no reason: a broker drops what its access rules forbid and
    // acknowledges it all the same.
    match notice.wait_async().await {
        Ok(_) => Ack::Done,
        Err(_) => Ack::Lost,
    }
}
