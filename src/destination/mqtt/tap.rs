//! Listens in for the reason of a DISCONNECT of MQTT 5. The client library takes one without the
//! length of its properties for broken, which it may leave out and Mosquitto does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a broker's DISCONNECT gave as its reason, once there was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<AtomicU8>);

impl Said {
    /// 0 is no reason, and no broker's.
    pub(super) fn reason(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|reason| *reason != 0)
    }
}

/// A connection that is listened to, already without TLS.
#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    at: Place,
    said: Said,
}

/// Where in the stream of packets the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// In the length of what follows.
    Length {
        is_disconnect: bool,
        rest: usize,
        shift: u32,
    },
    /// At the reason of a DISCONNECT, with so many bytes after it.
    Reason {
        rest: usize,
    },
    Inside {
        rest: usize,
    },
    /// What comes is no MQTT.
    Lost,
}

const DISCONNECT: u8 = 0xe0;

impl<S> Tap<S> {
    pub(super) fn new(stream: S, said: Said) -> Self {
        Self { stream, at: Place::Start, said }
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest_of_bytes)) = bytes.split_first() {
            match self.at {
                Place::Start => {
                    let is_disconnect = *byte == DISCONNECT;
                    self.at = Place::Length { is_disconnect, rest: 0, shift: 0 };
                }
                Place::Length { is_disconnect, rest, shift } => {
                    let rest = rest | usize::from(byte & 0x7f) << shift;
                    let shift = shift + 7;
                    self.at = match (byte & 0x80 != 0, rest) {
                        (true, _) if shift >= 28 => Place::Lost,
                        (true, _) => Place::Length { is_disconnect, rest, shift },
                        (false, 0) => Place::Start,
                        (false, _) if is_disconnect => Place::Reason { rest: rest - 1 },
                        (false, _) => Place::Inside { rest },
                    };
                }
                Place::Reason { rest } => {
                    self.said.0.store(*byte, Ordering::Relaxed);
                    self.at = if rest == 0 { Place::Start } else { Place::Inside { rest } };
                }
                Place::Inside { rest } => {
                    let passed = rest.min(bytes.len());
                    bytes = &bytes[passed..];
                    let rest = rest - passed;
                    self.at = if rest == 0 { Place::Start } else { Place::Inside { rest } };
                    continue;
                }
                Place::Lost => return,
            }
            bytes = rest_of_bytes;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.hear(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CONNACK, a PUBACK, a PUBLISH of 200 bytes, and the DISCONNECT.
    fn stream(disconnect: &[u8]) -> Vec<u8> {
        let publish = [&[0x30, 0xc8, 0x01][..], &[DISCONNECT; 200]].concat();
        [&[0x20, 3, 0, 0, 0][..], &[0x40, 2, 0, 1], &publish, disconnect].concat()
    }

    #[test]
    fn a_reason_is_heard_however_it_is_cut() {
        for (disconnect, reason) in [
            (&[DISCONNECT, 1, 0x95][..], Some(0x95)),
            (&[DISCONNECT, 2, 0x8e, 0], Some(0x8e)),
            (&[DISCONNECT, 6, 0x87, 4, 0x1f, 0, 1, b'x'], Some(0x87)),
            (&[DISCONNECT, 0], None),
            (&[0xd0, 0], None),
            (&[0x30, 0xff, 0xff, 0xff, 0xff, DISCONNECT, 1, 0x95], None),
        ] {
            let bytes = stream(disconnect);
            for step in [1, 2, 3, 7, bytes.len()] {
                let said = Said::default();
                let mut tap = Tap::new((), said.clone());
                bytes.chunks(step).for_each(|chunk| tap.hear(chunk));
                assert_eq!(said.reason(), reason, "{disconnect:?} by {step}");
            }
        }
    }
}
