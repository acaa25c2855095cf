//! One connection to a broker, the same for both protocol versions.
//!
//! Each connection has a client of its own that dies with it. So the client's memory never holds
//! a message that was reported as not delivered: the outbox stays the only queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::{Cause, Failure, Unreached};
use super::tap::{Said, Tap};
use super::{v5, v311};
use crate::destination::mqtt::settings::{MqttAuth, MqttProtocol};

/// Requests that may wait between a caller and the event loop; a batch and the status fit in.
pub(super) const QUEUE: usize = 32;

/// The most that may follow a packet's fixed header: what the four bytes of its length can say. The
/// only limit of ours; what a broker takes is for the broker to say.
const LONGEST_REST: usize = 268_435_455;

/// The largest packet of the protocol, with its fixed header.
pub(super) const LARGEST_PACKET: usize = LONGEST_REST + 5;

/// Everything needed to open a connection.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) protocol: MqttProtocol,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) client_id: String,
    pub(super) auth: Option<MqttAuth>,
    pub(super) keep_alive: Duration,
    pub(super) tls: Option<Tls>,
    pub(super) will: Option<Will>,
    /// How long TCP, TLS and MQTT together may take to connect.
    pub(super) connect_timeout: Duration,
}

#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<rustls::ClientConfig>,
    /// Name expected in the broker's certificate.
    pub(super) name: String,
}

/// What the broker publishes on our behalf when the connection breaks.
#[derive(Clone)]
pub(super) struct Will {
    pub(super) topic: String,
    pub(super) payload: &'static str,
    pub(super) retain: bool,
}

impl Plan {
    /// The address as a person knows it.
    pub(super) fn at(&self) -> String {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }

    pub(super) fn keep_alive_seconds(&self) -> u16 {
        u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX)
    }

    /// The name the client library is given as the broker's: it is what TLS verifies. The address
    /// that is really connected to is decided where it is dialled.
    pub(super) fn broker_name(&self) -> &str {
        self.tls.as_ref().map_or(&self.host, |tls| &tls.name)
    }

    /// A connection to be driven by [`Events::step`]; nothing happens before that is called.
    pub(super) fn open(&self) -> Link {
        let reached = Arc::new(AtomicBool::new(false));
        let dialer = Dialer {
            host: self.host.clone(),
            port: self.port,
            at: self.at(),
            reached: reached.clone(),
        };
        let (publisher, events) = match self.protocol {
            MqttProtocol::V311 => {
                let (client, events) = v311::open(self, dialer);
                (Publisher::V311(client), Inner::V311(Box::new(events)))
            }
            MqttProtocol::V5 => {
                let said = Said::default();
                let (client, events) = v5::open(self, dialer, said.clone());
                (Publisher::V5(client), Inner::V5(Box::new(events), said))
            }
        };
        Link {
            publisher,
            events: Events { inner: events, at: self.at() },
            reached: Reached(reached),
        }
    }

    /// What it means that no CONNACK came in time.
    pub(super) fn timed_out(&self, reached: &Reached) -> Failure {
        let at = self.at();
        let seconds = self.connect_timeout.as_secs_f32();
        if reached.0.load(Ordering::Relaxed) {
            Failure::new(
                Cause::Silent,
                format!(
                    "{at} accepted the connection but did not answer as an MQTT broker within {seconds} s"
                ),
            )
        } else {
            Failure::new(Cause::ConnectTimeout, format!("no answer from {at} within {seconds} s"))
        }
    }
}

/// Makes the TCP connection, to the address of the settings, and notes that it did.
#[derive(Clone)]
pub(super) struct Dialer {
    host: String,
    port: u16,
    at: String,
    reached: Arc<AtomicBool>,
}

impl Dialer {
    pub(super) async fn dial(self) -> std::io::Result<TcpStream> {
        let addresses: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| Unreached::unknown(&error, &self.at))?
            .collect();
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(|error| Unreached::refused(&error, &self.at))?;
        // Messages are small and each is waited for.
        stream.set_nodelay(true)?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(stream)
    }

    /// The same, with TLS where it is wanted, and listened to.
    pub(super) async fn dial_and_listen(
        self,
        tls: Option<Tls>,
        said: Said,
    ) -> std::io::Result<Tap<Box<dyn Stream>>> {
        let at = self.at.clone();
        let tcp = self.dial().await?;
        let Some(Tls { config, name }) = tls else { return Ok(Tap::new(Box::new(tcp), said)) };
        let name = ServerName::try_from(name).map_err(std::io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
            Unreached::handshake(Failure::from_handshake(&error, &at), error.kind())
        })?;
        Ok(Tap::new(Box::new(stream), said))
    }
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Whether TCP was connected.
pub(super) struct Reached(Arc<AtomicBool>);

pub(super) struct Link {
    pub(super) publisher: Publisher,
    pub(super) events: Events,
    pub(super) reached: Reached,
}

/// What a broker granted in its CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Granted {
    /// It keeps retained messages.
    pub(super) retain: bool,
    /// The largest packet it takes, in bytes.
    pub(super) max_packet: Option<u32>,
}

pub(super) enum Step {
    /// CONNACK was seen.
    Connected(Granted),
    /// A PUBACK came in.
    Acknowledged,
    /// Something else went in or out.
    Progress,
}

/// The side of a connection that makes it move.
pub(super) struct Events {
    inner: Inner,
    at: String,
}

enum Inner {
    V311(Box<rumqttc_v4::EventLoop>),
    V5(Box<rumqttc_v5::EventLoop>, Said),
}

impl Events {
    /// Moves the connection on. After an error it is over.
    pub(super) async fn step(&mut self) -> Result<Step, Failure> {
        match &mut self.inner {
            Inner::V311(events) => v311::step(events, &self.at).await,
            Inner::V5(events, said) => v5::step(events, said, &self.at).await,
        }
    }
}

/// One message to be sent with QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) retain: bool,
}

impl Message {
    /// Bytes of its PUBLISH packet; `None` when the protocol can't express it.
    pub(super) fn packet_size(&self, protocol: MqttProtocol) -> Option<usize> {
        // The topic's length, the packet identifier and, in version 5, the length of no properties.
        let properties = usize::from(protocol == MqttProtocol::V5);
        let rest = 2 + self.topic.len() + 2 + properties + self.payload.len();
        let length = match rest {
            0..128 => 1,
            128..16_384 => 2,
            16_384..2_097_152 => 3,
            2_097_152..=LONGEST_REST => 4,
            _ => return None,
        };
        Some(1 + length + rest)
    }
}

/// The side of a connection that hands messages over.
pub(super) enum Publisher {
    V311(rumqttc_v4::AsyncClient),
    V5(rumqttc_v5::AsyncClient),
}

/// A message that was handed over but not acknowledged yet.
pub(super) enum Notice {
    V311(rumqttc_v4::PublishNotice),
    V5(rumqttc_v5::PublishNotice),
}

/// What became of a message that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ack {
    /// PUBACK, and the broker took it.
    Done,
    /// PUBACK, but the broker didn't take it; that may change.
    Later(String),
    /// PUBACK, and the broker will never take this one.
    Never(String),
    /// The connection ended first.
    Lost,
}

impl Publisher {
    /// Hands a message over. Waits while the connection is behind. An error means the connection
    /// is over or the message can't be expressed.
    pub(super) async fn publish(&self, message: Message) -> Result<Notice, String> {
        match self {
            Self::V311(client) => v311::publish(client, message).await.map(Notice::V311),
            Self::V5(client) => v5::publish(client, message).await.map(Notice::V5),
        }
    }

    /// Asks for a DISCONNECT as soon as everything handed over is acknowledged.
    pub(super) async fn disconnect(&self) {
        // An error means the connection is over already.
        match self {
            Self::V311(client) => drop(client.disconnect().await),
            Self::V5(client) => drop(client.disconnect().await),
        }
    }
}

impl Notice {
    /// Waits for the PUBACK, or for the end of the connection.
    pub(super) async fn ack(self) -> Ack {
        match self {
            Self::V311(notice) => v311::ack(notice).await,
            Self::V5(notice) => v5::ack(notice).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_the_size_that_brokers_count() {
        let of = |bytes: usize, protocol| {
            let message = Message { topic: "t".into(), payload: vec![b'x'; bytes], retain: false };
            message.packet_size(protocol)
        };
        assert_eq!(of(0, MqttProtocol::V311), Some(7));
        assert_eq!(of(0, MqttProtocol::V5), Some(8));
        assert_eq!(of(122, MqttProtocol::V311), Some(129));
        assert_eq!(of(123, MqttProtocol::V311), Some(131));
        assert_eq!(of(12_770, MqttProtocol::V5), Some(12_770 + 9));
        assert_eq!(of(LONGEST_REST, MqttProtocol::V311), None);
    }
}
