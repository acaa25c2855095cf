//! The bytes below TLS and the bodies above it, with the faults that live there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Asks for the connection to be reset. Shared by a connection and the requests on it.
#[derive(Debug, Clone, Default)]
pub(super) struct ResetSwitch(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    pulled: AtomicBool,
    /// Who waits for the next bytes of the connection.
    reader: AtomicWaker,
}

impl ResetSwitch {
    pub(crate) fn pull(&self) {
        self.0.pulled.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    fn is_pulled(&self) -> bool {
        self.0.pulled.load(Ordering::Acquire)
    }
}

/// A TCP connection that can end with a reset in place of an orderly close.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    reset: ResetSwitch,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, reset: ResetSwitch) -> Self {
        Self { tcp, reset }
    }

    fn check(&self) -> io::Result<()> {
        if self.reset.is_pulled() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.is_pulled() {
            // The peer may have been faster; then there is nothing left to reset.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reset.0.reader.register(cx.waker());
        self.check()?;
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    /// In pieces, with a pause before each but the first.
    Drip {
        bytes: usize,
        pause: Duration,
    },
    /// The first half, then the connection breaks.
    Half,
}

/// A body whose length is known, sent at a pace.
#[derive(Debug)]
pub(super) struct PacedBody {
    left: Bytes,
    pace: Pace,
    pause: Option<Pin<Box<Sleep>>>,
    reset: ResetSwitch,
    started: bool,
    /// Reset the connection once the body is out.
    reset_at_end: bool,
}

impl PacedBody {
    pub(crate) fn new(body: Bytes, pace: Pace, reset: ResetSwitch, reset_at_end: bool) -> Self {
        Self { left: body, pace, pause: None, reset, started: false, reset_at_end }
    }
}

/// How long a piece is given to get out before the connection is broken behind it.
const FLUSH: Duration = Duration::from_millis(20);

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let piece = match self.pace {
            Pace::AtOnce => self.left.len(),
            Pace::Drip { bytes, .. } => bytes.clamp(1, self.left.len().max(1)).min(self.left.len()),
            Pace::Half if self.started => {
                self.reset.pull();
                return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
            }
            Pace::Half => self.left.len() / 2,
        };
        self.started = true;
        let data = self.left.split_to(piece);
        match self.pace {
            Pace::Drip { pause, .. } => self.pause = Some(Box::pin(tokio::time::sleep(pause))),
            Pace::Half => self.pause = Some(Box::pin(tokio::time::sleep(FLUSH))),
            Pace::AtOnce => {}
        }
        if data.is_empty() {
            return match self.pace {
                // Nothing to halve: break at once.
                Pace::Half => {
                    self.reset.pull();
                    Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
                }
                _ => Poll::Ready(None),
            };
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.pace != Pace::Half
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        if self.reset_at_end {
            self.reset.pull();
        }
    }
}
