//! Connections of the page: so many at once, each for one request and for so long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a client may take of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. One more is answered 503 and closed.
    pub connections: usize,
    /// How long the head of a request may take, from connecting.
    pub head: Duration,
    /// How long a connection may last, the answer included.
    pub whole: Duration,
    /// Bytes of a request's head. More is answered 431. Bodies are not read.
    pub head_bytes: usize,
}

/// A page for some people and a health check: browsers ask for a page or two, and a head has 2 KiB.
pub const LIMITS: Limits = Limits {
    connections: 64,
    head: Duration::from_secs(10),
    whole: Duration::from_secs(30),
    head_bytes: 16 * 1024,
};

/// How long answers may still take once the daemon stops.
const GRACE: Duration = Duration::from_secs(1);

/// A pause after a connection that could not be taken, for want of files for one.
const PAUSE: Duration = Duration::from_secs(1);

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the status page can't take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::debug!("a connection more than the status page takes is closed");
            // Whoever does not get it sees a closed connection.
            let _ = stream.try_write(BUSY);
            continue;
        };
        let (app, stop) = (app.clone(), stop.clone());
        connections.spawn(async move {
            one(stream, app, limits, stop).await;
            drop(place);
        });
    }
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

/// One connection, one request.
async fn one(stream: TcpStream, app: Router, limits: Limits, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::time::timeout(limits.whole, async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    });
    match ended.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the status page broke off"),
        Err(_) => tracing::debug!("a connection to the status page lasted too long and is closed"),
    }
}
