//! A TCP proxy that fails on command.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does with connections. A change cuts the open ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Nothing listens on the port.
    Refuse,
    /// Connections are accepted, read from, and never answered.
    Silent,
    /// So many bytes of requests reach the target on each connection, then it is cut.
    CutRequestAfter(usize),
    /// Requests reach the target, so many bytes of the answers come back, then it is cut.
    CutAnswerAfter(usize),
}

/// A running proxy. Stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    wanted: watch::Sender<Mode>,
    applied: watch::Receiver<Option<Mode>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a local port.
    pub async fn start(target_port: u16, mode: Mode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target_port));
        let (wanted, modes) = watch::channel(mode);
        let (applied_sender, applied) = watch::channel(None);
        let task = tokio::spawn(serve(listener, port, target, modes, applied_sender));
        let proxy = Self { port, wanted, applied, task };
        proxy.set(mode).await;
        proxy
    }

    /// Changes the mode; returns when it holds.
    pub async fn set(&self, mode: Mode) {
        self.wanted.send_replace(mode);
        let mut applied = self.applied.clone();
        applied.wait_for(|now| *now == Some(mode)).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A socket that keeps the port and doesn't listen: who connects is refused, and nobody else gets the
/// port meanwhile.
fn bound(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).unwrap();
    socket
}

async fn serve(
    listener: TcpListener,
    port: u16,
    target: SocketAddr,
    mut modes: watch::Receiver<Mode>,
    applied: watch::Sender<Option<Mode>>,
) {
    let mut listener = Some(listener);
    let mut held = None;
    loop {
        let mode = *modes.borrow_and_update();
        if mode == Mode::Refuse {
            drop(listener.take());
            held.get_or_insert_with(|| bound(port));
        } else if listener.is_none() {
            let socket = held.take().unwrap_or_else(|| bound(port));
            listener = Some(socket.listen(1024).unwrap());
        }
        applied.send_replace(Some(mode));
        let Some(listener) = &listener else {
            if modes.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = modes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Ok((client, _)) = listener.accept() => {
                let mut modes = modes.clone();
                modes.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = modes.changed() => {}
                        () = handle(client, target, mode) => {}
                    }
                });
            }
        }
    }
}

async fn handle(mut client: TcpStream, target: SocketAddr, mode: Mode) {
    if mode == Mode::Silent {
        let mut buffer = [0; 4096];
        while client.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (request_limit, answer_limit) = match mode {
        Mode::CutRequestAfter(bytes) => (bytes, usize::MAX),
        Mode::CutAnswerAfter(bytes) => (usize::MAX, bytes),
        _ => (usize::MAX, usize::MAX),
    };
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    // Whichever direction ends first ends both: HTTP and MQTT have no half-open connections.
    tokio::select! {
        () = pump(client_read, server_write, request_limit) => {}
        () = pump(server_read, client_write, answer_limit) => {}
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    limit: usize,
) {
    let mut left = limit;
    let mut buffer = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        let pass = count.min(left);
        if count == 0 || to.write_all(&buffer[..pass]).await.is_err() || pass < count {
            return;
        }
        left -= pass;
    }
}
