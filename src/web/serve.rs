//! Connections of the page: so many at once, each for one request and for so long. Whoever holds one without
//! asking for anything makes place for the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::certificate::Certificate;
use super::viewer::Peer;

/// What a client may take of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. For one more the oldest is closed that isn't being answered; where all are, it is
    /// answered 503 and closed.
    pub connections: usize,
    /// How long the head of a request may take, from connecting.
    pub head: Duration,
    /// How long a connection may last, the answer included.
    pub whole: Duration,
    /// Bytes of a request's head. More is answered 431. Bodies are read of forms only, up to their own limit.
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
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\ncache-control: no-store\r\n\
      content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
      x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves until `stop`, each connection by the newest app.
pub(super) async fn serve(
    listener: TcpListener,
    apps: watch::Receiver<Router>,
    certificate: Option<Arc<Certificate>>,
    limits: Limits,
    stop: CancellationToken,
) {
    let mut places = Places { limit: limits.connections, taken: Vec::new() };
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the status page can't take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take() else {
            tracing::debug!("a connection more than the status page takes is closed");
            if certificate.is_none() {
                // Whoever does not get it sees a closed connection.
                let _ = stream.try_write(BUSY);
            }
            continue;
        };
        let (app, stop) = (apps.borrow().clone(), stop.clone());
        let certificate = certificate.clone();
        connections.spawn(async move {
            let (end, answered) = (place.end.clone(), place.clone());
            let peer = Peer { address: peer, is_tls: certificate.is_some() };
            let answer = async {
                let Some(certificate) = certificate else {
                    return one(stream, peer, app, limits, answered, stop).await;
                };
                let tls = TlsAcceptor::from(certificate.current()).accept(stream);
                match tokio::time::timeout(limits.head, tls).await {
                    Ok(Ok(stream)) => one(stream, peer, app, limits, answered, stop).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a connection speaks no TLS"),
                    Err(_) => tracing::debug!("a connection did not begin TLS in time"),
                }
            };
            tokio::select! {
                () = answer => {}
                () = end.cancelled() => {
                    tracing::debug!("a connection that asked for nothing made place for another");
                }
            }
            drop(place);
        });
    }
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

/// A connection that is open.
#[derive(Debug, Default)]
struct Place {
    /// A request of it is being answered.
    answering: AtomicBool,
    /// Closes it.
    end: CancellationToken,
}

/// The connections that are open, oldest first.
struct Places {
    limit: usize,
    taken: Vec<Weak<Place>>,
}

impl Places {
    /// A place for one more. Whoever is slow to ask, or to read an answer, holds none from others.
    fn take(&mut self) -> Option<Arc<Place>> {
        self.taken.retain(|place| place.strong_count() > 0);
        if self.taken.len() >= self.limit {
            let idle = self.taken.iter().position(|place| {
                place.upgrade().is_none_or(|place| !place.answering.load(Ordering::Relaxed))
            })?;
            if let Some(oldest) = self.taken.remove(idle).upgrade() {
                oldest.end.cancel();
            }
        }
        let place = Arc::new(Place::default());
        self.taken.push(Arc::downgrade(&place));
        Some(place)
    }
}

/// One connection, one request.
async fn one(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    app: Router,
    limits: Limits,
    place: Arc<Place>,
    stop: CancellationToken,
) {
    let app = app.layer(from_fn(move |mut request: Request, next: Next| {
        let place = place.clone();
        request.extensions_mut().insert(peer);
        async move {
            place.answering.store(true, Ordering::Relaxed);
            let response = next.run(request).await;
            place.answering.store(false, Ordering::Relaxed);
            response
        }
    }));
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn whoever_is_being_answered_keeps_the_place() {
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let wait = move || {
            let _ = begun.send(());
            std::future::pending::<&'static str>()
        };
        let app = Router::new().route("/", get(wait)).route("/health", get(async || "well"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let limits = Limits { connections: 3, ..LIMITS };
        let (_apps, app) = watch::channel(app);
        let served = tokio::spawn(serve(listener, app, None, limits, stop.clone()));
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        };
        let said = async |mut stream: TcpStream| {
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said).await;
            said
        };
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(ask("/").await);
            begins.recv().await.unwrap();
        }
        assert!(said(ask("/health").await).await.ends_with("well"), "one place is free");
        held.push(ask("/").await);
        begins.recv().await.unwrap();
        let refused = said(TcpStream::connect(address).await.unwrap()).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.contains("retry-after: 10"), "{refused}");
        stop.cancel();
        served.await.unwrap();
    }
}
