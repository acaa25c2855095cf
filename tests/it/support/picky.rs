//! Servers that don't take one message: they end the connection, or answer 500, whenever they see
//! [`POISON`], and pass everything else on to the real server.

use std::io::Read;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub const POISON: &str = "poison";

/// In front of a real server; gone when dropped.
pub struct Picky {
    pub port: u16,
    task: AbortHandle,
}

impl Drop for Picky {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Picky {
    /// Ends a connection that carries the word.
    pub async fn tcp(target: u16) -> Self {
        let (listener, port) = listener().await;
        let serve = async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, target));
            }
        };
        Self { port, task: tokio::spawn(serve).abort_handle() }
    }

    /// Answers 500 to a gzipped body with the word.
    pub async fn http(target: u16) -> Self {
        bursar::tls::install_provider();
        let (listener, port) = listener().await;
        let to = SocketAddr::from(([127, 0, 0, 1], target));
        let app = Router::new().fallback(answer).with_state((reqwest::Client::new(), to));
        let serve = async move { axum::serve(listener, app).await.expect("serving does not fail") };
        Self { port, task: tokio::spawn(serve).abort_handle() }
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

async fn pass_on(mut client: TcpStream, target: u16) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    // What was seen of the client's words: a word may come in two pieces.
    let mut seen: Vec<u8> = Vec::new();
    loop {
        let (read, from_client) = tokio::select! {
            read = client.read(&mut up) => (read, true),
            read = server.read(&mut down) => (read, false),
        };
        let Ok(1..) = read else { return };
        let count = read.unwrap_or_default();
        if from_client {
            seen.extend_from_slice(&up[..count]);
            if seen.windows(POISON.len()).any(|window| window == POISON.as_bytes()) {
                return;
            }
            seen.drain(..seen.len().saturating_sub(POISON.len()));
        }
        let passed = match from_client {
            true => server.write_all(&up[..count]).await,
            false => client.write_all(&down[..count]).await,
        };
        if passed.is_err() {
            return;
        }
    }
}

async fn answer(
    State((client, to)): State<(reqwest::Client, SocketAddr)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut text = String::new();
    let readable = flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).is_ok();
    if readable && text.contains(POISON) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "unexpected").into_response();
    }
    let mut request = client.request(method, format!("http://{to}{uri}")).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            (status, answer.bytes().await.unwrap_or_default()).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
