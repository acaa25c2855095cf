//! An MQTT broker that answers as a test says. What it can't: sessions, subscribers, QoS other than 1.

#![expect(clippy::unwrap_used, reason = "test support: a panic is the failed test")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bursar::destination::mqtt::settings::MqttProtocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// PUBACK, or CONNACK with success.
    Take,
    /// The same, and then the connection is closed.
    TakeAndHangUp,
    /// CONNACK with this code.
    Refuse(u8),
    /// The connection is closed without a word.
    HangUp,
    /// DISCONNECT with this reason (MQTT 5).
    Disconnect(u8),
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    Connect { will: bool },
    Publish { topic: String, bytes: usize },
}

impl Packet {
    pub fn is_on(&self, wanted: &str) -> bool {
        matches!(self, Self::Publish { topic, .. } if topic == wanted)
    }
}

pub struct Broker {
    pub port: u16,
    seen: Arc<Mutex<Vec<(Packet, Answer)>>>,
    task: JoinHandle<()>,
}

impl Broker {
    pub async fn start(
        protocol: MqttProtocol,
        judge: impl Fn(&Packet) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let (judge, all) = (Arc::new(judge), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (judge, all) = (judge.clone(), all.clone());
                tokio::spawn(async move {
                    let answer = |packet: Packet| {
                        let answer = judge(&packet);
                        all.lock().unwrap().push((packet, answer));
                        answer
                    };
                    talk(stream, protocol, answer).await
                });
            }
        });
        Self { port, seen, task }
    }

    /// Topics of what was taken, in order.
    pub fn taken(&self) -> Vec<String> {
        let taken = |(packet, answer): &(Packet, Answer)| match (packet, answer) {
            (Packet::Publish { topic, .. }, Answer::Take) => Some(topic.clone()),
            _ => None,
        };
        self.seen.lock().unwrap().iter().filter_map(taken).collect()
    }

    /// Whether each connection so far came with a last will.
    pub fn wills(&self) -> Vec<bool> {
        let will = |(packet, _): &(Packet, Answer)| match packet {
            Packet::Connect { will } => Some(*will),
            Packet::Publish { .. } => None,
        };
        self.seen.lock().unwrap().iter().filter_map(will).collect()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `None` is the end of the connection.
async fn talk(
    mut stream: TcpStream,
    protocol: MqttProtocol,
    answer: impl Fn(Packet) -> Answer,
) -> Option<()> {
    let v5 = protocol == MqttProtocol::V5;
    loop {
        let kind = stream.read_u8().await.ok()?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = stream.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (packet, taken) = match kind >> 4 {
            1 => {
                let ok = if v5 { vec![0x20, 3, 0, 0, 0] } else { vec![0x20, 2, 0, 0] };
                (Packet::Connect { will: body[7] & 0x04 != 0 }, ok)
            }
            3 => {
                let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
                let bytes = length - end - 2 - usize::from(v5);
                let puback = vec![0x40, 2, body[end], body[end + 1]];
                (Packet::Publish { topic, bytes }, puback)
            }
            12 => {
                stream.write_all(&[0xd0, 0]).await.ok()?;
                continue;
            }
            _ => return None,
        };
        match answer(packet) {
            Answer::Take => stream.write_all(&taken).await.ok()?,
            Answer::TakeAndHangUp => {
                stream.write_all(&taken).await.ok()?;
                return None;
            }
            Answer::Refuse(code) => {
                let refusal = if v5 { vec![0x20, 3, 0, code, 0] } else { vec![0x20, 2, 0, code] };
                stream.write_all(&refusal).await.ok()?;
                return None;
            }
            Answer::HangUp => return None,
            Answer::Disconnect(reason) => {
                // Without the length of no properties, as Mosquitto sends it.
                stream.write_all(&[0xe0, 1, reason]).await.ok()?;
                return None;
            }
        }
    }
}
