//! MQTT 5.

use std::time::Duration;

use rumqttc_v5::{
    AsyncClient, Broker, ConnectReturnCode, ConnectionError, DisconnectReasonCode, Event,
    EventLoop, IncomingPacketSizeLimit, LastWill, MqttOptions, Packet, PubAckReason, PublishNotice,
    PublishNoticeError, PublishOptions, PublishResult, QoS, StateError,
};

use super::failure::{Cause, Failure};
use crate::destination::http::shorten;

use super::tap::Said;

use super::link::{Ack, Dialer, Granted, Message, Plan, QUEUE, Step};
use crate::destination::LONGEST_ANSWER;

pub(super) fn open(plan: &Plan, dialer: Dialer, said: Said) -> (AsyncClient, EventLoop) {
    let broker = Broker::tcp(plan.broker_name(), plan.port);
    let mut options = MqttOptions::new(plan.client_id.clone(), broker);
    options.set_clean_start(true);
    options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(LONGEST_ANSWER as u32));
    options.set_keep_alive(plan.keep_alive_seconds());
    // The exact limit is kept by the caller, who knows more of what it means.
    options.set_connect_timeout(plan.connect_timeout + Duration::from_secs(1));
    let tls = plan.tls.clone();
    options.set_socket_connector(move |_, _| {
        dialer.clone().dial_and_listen(tls.clone(), said.clone())
    });
    if let Some(auth) = &plan.auth {
        match &auth.password {
            Some(password) => {
                options.set_credentials(auth.username.clone(), password.reveal().to_owned())
            }
            None => options.set_username(auth.username.clone()),
        };
    }
    if let Some(will) = &plan.will {
        options.set_last_will(LastWill::new(
            &will.topic,
            will.payload,
            QoS::AtLeastOnce,
            will.retain,
            None,
        ));
    }
    AsyncClient::builder(options).capacity(QUEUE).build()
}

pub(super) async fn step(events: &mut EventLoop, said: &Said, at: &str) -> Result<Step, Failure> {
    match events.poll().await {
        Ok(Event::Incoming(Packet::ConnAck(connack))) => {
            let limits = connack.properties.as_ref();
            if limits.and_then(|p| p.max_qos) == Some(0) {
                return Err(Failure::new(
                    Cause::Other,
                    format!("{at} offers QoS 0 only, which acknowledges nothing"),
                ));
            }
            Ok(Step::Connected(Granted {
                retain: limits.and_then(|p| p.retain_available) != Some(0),
                max_packet: limits.and_then(|p| p.max_packet_size),
            }))
        }
        Ok(Event::Incoming(Packet::PubAck(_))) => Ok(Step::Acknowledged),
        Ok(_) => Ok(Step::Progress),
        Err(error) => Err(failure(&error, said, at)),
    }
}

fn failure(error: &ConnectionError, said: &Said, at: &str) -> Failure {
    // The library can't read every DISCONNECT, see `tap`.
    let heard = said.reason().and_then(|reason| DisconnectReasonCode::try_from(reason).ok());
    if let Some(reason) = heard
        && !matches!(error, ConnectionError::MqttState(StateError::ServerDisconnect { .. }))
    {
        return disconnected(reason, "", at);
    }
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
            let (cause, why) = refusal(*code);
            Failure::new(cause, format!("{at} refused the connection: {why}"))
        }
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            let said = reason_string
                .as_deref()
                .map(|s| format!(" ({})", shorten(s, 200)))
                .unwrap_or_default();
            disconnected(*reason_code, &said, at)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Failure::new(Cause::Closed, format!("{at} closed the connection"))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Failure::new(Cause::Silent, format!("{at} no longer answers pings"))
        }
        ConnectionError::MqttState(StateError::Deserialization(rumqttc_v5::Error::Io(error))) => {
            Failure::from_error(error, at)
        }
        ConnectionError::MqttState(StateError::Deserialization(_))
        | ConnectionError::NotConnAck(_) => Failure::new(
            Cause::WrongProtocol,
            format!("{at} does not speak MQTT 5 on this port: {error}"),
        ),
        ConnectionError::Tls(error) => Failure::from_handshake(error, at),
        other => Failure::from_error(other, at),
    }
}

fn disconnected(reason: DisconnectReasonCode, said: &str, at: &str) -> Failure {
    let (cause, why) = farewell(reason);
    let code = reason as u8;
    Failure::new(cause, format!("{at} ended the connection: {why} (reason 0x{code:02X}){said}"))
}

/// What a broker's DISCONNECT means.
fn farewell(code: DisconnectReasonCode) -> (Cause, String) {
    use DisconnectReasonCode as C;
    let (cause, why) = match code {
        C::NotAuthorized => (Cause::NotAuthorized, "not authorized"),
        C::SessionTakenOver => (Cause::TakenOver, "another client connected with this id"),
        C::PacketTooLarge => (Cause::TooLarge, "packet too large"),
        C::QuotaExceeded => (Cause::Quota, "quota exceeded"),
        C::UseAnotherServer => (Cause::Moved, "use another server for now"),
        C::ServerMoved => (Cause::Moved, "the server has moved"),
        C::TopicNameInvalid => (Cause::NotTaken, "topic not accepted"),
        C::PayloadFormatInvalid => (Cause::NotTaken, "payload format invalid"),
        C::RetainNotSupported => (Cause::NoRetain, "retained messages not supported"),
        C::ServerBusy => (Cause::Busy, "server busy"),
        C::ServerShuttingDown => (Cause::Busy, "server shutting down"),
        C::MessageRateTooHigh => (Cause::Busy, "message rate too high"),
        C::ConnectionRateExceeded => (Cause::Busy, "connection rate exceeded"),
        other => return (Cause::Other, format!("{other:?}")),
    };
    (cause, why.to_owned())
}

fn refusal(code: ConnectReturnCode) -> (Cause, String) {
    use ConnectReturnCode as C;
    let (cause, why) = match code {
        C::BadUserNamePassword => (Cause::BadCredentials, "bad user name or password"),
        // Mosquitto says this for a wrong password too.
        C::NotAuthorized => (Cause::NotAuthorized, "not authorized"),
        C::BadAuthenticationMethod => (Cause::NotAuthorized, "bad authentication method"),
        C::Banned => (Cause::NotAuthorized, "banned"),
        C::BadClientId | C::ClientIdentifierNotValid => (Cause::ClientId, "client id not accepted"),
        C::RefusedProtocolVersion | C::UnsupportedProtocolVersion => {
            (Cause::Version, "it does not speak MQTT 5")
        }
        C::ServiceUnavailable | C::ServerUnavailable => (Cause::Busy, "server unavailable"),
        C::ServerBusy => (Cause::Busy, "server busy"),
        C::QuotaExceeded => (Cause::Quota, "quota exceeded"),
        C::UseAnotherServer => (Cause::Moved, "use another server for now"),
        C::ServerMoved => (Cause::Moved, "the server has moved"),
        C::PacketTooLarge => (Cause::TooLarge, "packet too large"),
        C::ConnectionRateExceeded => (Cause::Busy, "connection rate exceeded"),
        C::RetainNotSupported => (Cause::NoRetain, "retained messages not supported"),
        other => return (Cause::Other, format!("{other:?}")),
    };
    (cause, why.to_owned())
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
    match notice.wait_async().await {
        Ok(PublishResult::Qos1(puback)) => {
            let said = puback.properties.and_then(|p| p.reason_string);
            judge(puback.reason, said.as_deref())
        }
        Ok(_) => Ack::Done,
        Err(error @ PublishNoticeError::RetainNotSupported) => Ack::Later(error.to_string()),
        Err(_) => Ack::Lost,
    }
}

/// What a PUBACK's reason code means for the message.
///
/// Missing rights and quotas are mended at the broker, so the message waits for that. A topic or
/// payload the broker calls invalid stays invalid: the message would block all that follow.
fn judge(reason: PubAckReason, said: Option<&str>) -> Ack {
    let (never, why) = match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return Ack::Done,
        PubAckReason::NotAuthorized => (false, "not authorized to publish on this topic"),
        PubAckReason::QuotaExceeded => (false, "quota exceeded"),
        PubAckReason::PacketIdentifierInUse => (false, "packet identifier in use"),
        PubAckReason::UnspecifiedError => (false, "unspecified error"),
        PubAckReason::ImplementationSpecificError => (false, "implementation specific error"),
        PubAckReason::TopicNameInvalid => (true, "topic not accepted"),
        PubAckReason::PayloadFormatInvalid => (true, "payload format invalid"),
    };
    let said = said.map(|s| format!(": {}", shorten(s, 200))).unwrap_or_default();
    let why = format!("{why} (reason 0x{:02x}){said}", reason as u8);
    if never { Ack::Never(why) } else { Ack::Later(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_codes_from_0x80_are_never_done() {
        use PubAckReason as R;
        for reason in [
            R::UnspecifiedError,
            R::ImplementationSpecificError,
            R::NotAuthorized,
            R::PacketIdentifierInUse,
            R::QuotaExceeded,
        ] {
            assert!(matches!(judge(reason, None), Ack::Later(_)), "{reason:?}");
        }
        for reason in [R::TopicNameInvalid, R::PayloadFormatInvalid] {
            assert!(matches!(judge(reason, None), Ack::Never(_)), "{reason:?}");
        }
        for reason in [R::Success, R::NoMatchingSubscribers] {
            assert_eq!(judge(reason, None), Ack::Done, "{reason:?}");
        }
    }

    #[test]
    fn a_rejection_says_the_code_and_the_brokers_words() {
        assert_eq!(
            judge(PubAckReason::NotAuthorized, Some("no topic space")),
            Ack::Later(
                "not authorized to publish on this topic (reason 0x87): no topic space".into()
            )
        );
    }
}
