//! A webhook receiver that remembers what it got and can be told to misbehave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What to do with the next calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Take them: 200.
    Well,
    /// Answer with this status.
    Status(u16),
    /// Take the call and never answer, until the mood changes.
    Silent,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub body: String,
    pub headers: axum::http::HeaderMap,
    /// Whether it was answered with 200.
    pub taken: bool,
}

#[derive(Clone)]
struct Shared {
    mood: watch::Sender<Mood>,
    calls: Arc<Mutex<Vec<Call>>>,
    count: watch::Sender<usize>,
}

pub struct Receiver {
    address: SocketAddr,
    shared: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Shared {
            mood: watch::Sender::new(Mood::Well),
            calls: Arc::default(),
            count: watch::Sender::new(0),
        };
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("serving does not fail");
        });
        Self { address, shared, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn set(&self, mood: Mood) {
        self.shared.mood.send_replace(mood);
    }

    /// Every call so far, taken or not.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("no holder panics").clone()
    }

    /// The bodies taken at a path, in order.
    pub fn taken(&self, path: &str) -> Vec<String> {
        let calls = self.calls();
        calls.iter().filter(|c| c.taken && c.path == path).map(|c| c.body.clone()).collect()
    }

    /// Waits until `enough` says so of the calls.
    pub async fn wait(&self, enough: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut count = self.shared.count.subscribe();
        let seen = async {
            loop {
                let calls = self.calls();
                if enough(&calls) {
                    return calls;
                }
                count.changed().await.expect("the sender lives");
            }
        };
        match tokio::time::timeout(super::process::LIMIT, seen).await {
            Ok(calls) => calls,
            Err(_) => panic!("not enough calls: {:#?}", self.calls()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let mood = *shared.mood.borrow();
    shared.calls.lock().expect("no holder panics").push(Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        headers: parts.headers,
        taken: mood == Mood::Well,
    });
    shared.count.send_modify(|n| *n += 1);
    match mood {
        Mood::Well => StatusCode::OK.into_response(),
        Mood::Status(code) => StatusCode::from_u16(code).expect("a status").into_response(),
        Mood::Silent => {
            let mut moods = shared.mood.subscribe();
            let _ = moods.wait_for(|mood| *mood != Mood::Silent).await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
