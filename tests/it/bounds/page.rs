//! The status page with clients that are slow, many, or say too much.

use std::sync::Arc;
use std::time::Duration;

use bursar::clock::Clock;
use bursar::simulator::Scenario;
use bursar::web::{LIMITS, Limits, Page, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::setup::Setup;
use crate::support::store;

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _setup: Setup,
}

impl Served {
    async fn start(limits: Limits) -> Self {
        let setup = Setup::new(Scenario::default()).await;
        let settings = Arc::new(setup.load(&setup.yaml("every 6 hours", "")));
        let store =
            store::open(&setup.store(), settings.storage.outbox, chrono::Utc::now).await.unwrap();
        let source = Source { settings, store, clock: Clock::System };
        let page = Page::bind("127.0.0.1:0".parse().unwrap(), source).await.unwrap();
        let page = page.with_limits(limits);
        let (address, stop) = (page.address().unwrap(), CancellationToken::new());
        let task = tokio::spawn(page.serve(stop.clone()));
        Self { address, stop, task, _setup: setup }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        // Who is refused before all is said may see a broken connection.
        let _ = stream.write_all(request.as_bytes()).await;
        rest(&mut stream).await
    }
}

/// All that comes until the connection ends, however.
async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut said).await {}
    String::from_utf8_lossy(&said).into_owned()
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[test]
fn the_figures() {
    assert_eq!(LIMITS.connections, 64);
    assert_eq!((LIMITS.head, LIMITS.whole), (Duration::from_secs(10), Duration::from_secs(30)));
    assert_eq!(LIMITS.head_bytes, 16 * 1024);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let head = Duration::from_millis(200);
    let served = Served::start(Limits { head, ..LIMITS }).await;
    for begun in ["", "GET", "GET / HTTP/1.1\r\nhost: localhost\r\nx: "] {
        let began = Instant::now();
        let mut stream = served.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let said = rest(&mut stream).await;
        assert!(!said.contains(" 200 "), "{said}");
        let took = began.elapsed();
        assert!(took >= head && took < LIMITS.head, "{took:?}");
    }
    assert!(served.ask(HEALTH).await.contains(" 200 "));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let whole = Duration::from_millis(300);
    let served = Served::start(Limits { whole, ..LIMITS }).await;
    let mut stream = served.connect().await;
    // A body that comes drop by drop keeps the connection open otherwise.
    let request = "POST /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let began = Instant::now();
    let said = rest(&mut stream).await;
    assert!(said.contains(" 405 "), "{said}");
    assert!(began.elapsed() < LIMITS.head);
}

#[tokio::test]
async fn slow_clients_make_place_for_those_who_ask() {
    let served = Served::start(LIMITS).await;
    let mut held = Vec::new();
    // Some say nothing, some begin, and some have their answer and go on sending.
    let body = "POST /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n";
    for begun in ["", "GET", body].into_iter().cycle().take(3 * LIMITS.connections) {
        let mut stream = served.connect().await;
        let _ = stream.write_all(begun.as_bytes()).await;
        held.push(stream);
    }
    let began = Instant::now();
    for path in ["/health", "/health", "/api/status", "/"] {
        let said = served.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{path}: {said:?}");
    }
    assert!(began.elapsed() < LIMITS.head, "nobody was waited for");
    drop(held);
}

#[tokio::test]
async fn a_head_of_more_than_16_kib_is_refused() {
    let served = Served::start(LIMITS).await;
    let long = |bytes: usize| {
        format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(bytes))
    };
    assert!(served.ask(&long(8 * 1024)).await.contains(" 200 "));
    let said = served.ask(&long(17 * 1024)).await;
    assert!(said.contains(" 431 ") || said.is_empty(), "{said:?}");
    let many = "a: b\r\n".repeat(1_000_000);
    let request = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    let said = tokio::time::timeout(Duration::from_secs(60), served.ask(&request)).await.unwrap();
    assert!(!said.contains(" 200 "), "{said:?}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_slow_clients() {
    let served = Served::start(LIMITS).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET /").await.unwrap();
    assert!(served.ask(HEALTH).await.contains(" 200 "));
    served.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), served.task).await;
    ended.expect("within the grace").unwrap();
}
