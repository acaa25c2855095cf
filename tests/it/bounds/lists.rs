//! Lists of a site that are longer than the site itself counts, and names without an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bursar::daemon::STOP_LIMIT;
use bursar::license::SeatType;
use bursar::qrs::{Client, Patience};
use tokio::net::TcpListener;

use super::connection;
use crate::support::process::Process;

/// A site that counts so many seats. Bytes of the list that were taken.
#[derive(Clone)]
struct Site {
    count: usize,
    row: String,
    /// Rows of the list; as many as are taken without it.
    rows: Option<usize>,
    taken: Arc<AtomicU64>,
}

fn row(id: usize, user_id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"00000000-0000-4000-8000-{id:012}","createdDate":"2024-01-01T00:00:00Z","quarantined":false,
            "user":{{"id":"10000000-0000-4000-8000-{id:012}","userDirectory":"CORP","userId":"{user_id}","name":"{name}"}}}}"#
    )
}

async fn answer(State(site): State<Site>, request: Request) -> Response {
    let json = [("content-type", "application/json")];
    if request.uri().path().ends_with("/count") {
        return (json, format!(r#"{{"value":{}}}"#, site.count)).into_response();
    }
    if !request.uri().path().contains("accesstype/full") {
        let nodes = include_str!("../../data/qrs/servernodeconfiguration.json");
        return (json, nodes).into_response();
    }
    let rows = site.rows.unwrap_or(usize::MAX);
    let (row, taken) = (site.row.clone(), site.taken.clone());
    let pieces = (0..=rows).map(move |n| {
        let piece = match n {
            0 => format!("[{row}"),
            n if n == rows => "]".to_owned(),
            _ => format!(",{row}"),
        };
        taken.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(Bytes::from(piece))
    });
    (json, Body::from_stream(futures_util::stream::iter(pieces))).into_response()
}

impl Site {
    async fn start(row: String, rows: Option<usize>) -> (Self, Client) {
        let site = Self { count: 10, row, rows, taken: Arc::default() };
        let port = site.serve().await;
        let connection = connection(port);
        (site, Client::new("test", &connection).unwrap())
    }

    /// Serves from now on; returns the port.
    async fn serve(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }
}

/// 10 rows are counted, and 1,000 more may have come: 4 KiB for each.
const MOST: u64 = 1_010 * 4 * 1024;

/// What is under way between two sockets.
const ON_THE_WAY: u64 = 16 << 20;

#[tokio::test]
async fn a_list_is_read_as_far_as_the_site_counts_its_rows() {
    let long = "x".repeat(3_000);
    for (row, expected) in [
        (row(1, "anna", "Anna"), "at most 1010 rows"),
        (row(1, "anna", &long), "at most 1010 rows"),
        (row(1, "anna", &"x".repeat(50_000)), "more than 3 MiB"),
        (row(1, &"x".repeat(100_000), "Anna"), "rows of at most 65536 bytes"),
        (row(1, "anna", &"x".repeat(20 << 20)), "rows of at most 65536 bytes"),
    ] {
        let length = row.len() as u64;
        let (site, client) = Site::start(row, None).await;
        let error = client.seats(SeatType::Analyzer, Patience::ONCE).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        let taken = site.taken.load(Ordering::SeqCst);
        assert!(taken < MOST + ON_THE_WAY + length, "{taken}");
    }
}

/// A name that is too long is no name: a seat whose holder can't be named is kept.
#[tokio::test]
async fn names_and_ids_have_1024_bytes_at_most() {
    let text = |length| "x".repeat(length);
    let (_site, client) = Site::start(row(1, &text(1024), &text(1024)), Some(10)).await;
    let seats = client.seats(SeatType::Analyzer, Patience::ONCE).await.unwrap().value;
    let holder = seats[0].holder.as_ref().unwrap();
    assert_eq!((holder.user_id.len(), holder.name.len()), (1024, 1024));
    let (_site, client) = Site::start(row(1, &text(1025), "Anna"), Some(10)).await;
    let seats = client.seats(SeatType::Analyzer, Patience::ONCE).await.unwrap().value;
    assert!(seats.iter().all(|seat| seat.holder.is_none()));
    let (_site, client) = Site::start(row(1, "anna", &text(1025)), Some(10)).await;
    let seats = client.seats(SeatType::Analyzer, Patience::ONCE).await.unwrap().value;
    assert_eq!(seats[0].holder.as_ref().unwrap().name.len(), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_list_without_an_end() {
    let taken = Arc::default();
    let row = row(1, "anna", &"x".repeat(500));
    let site = Site { count: 1_000_000, row, rows: None, taken };
    let port = site.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "Butler:
  logLevel: info
  configQRS: {{host: 127.0.0.1, port: {port}, useSSL: false, authentication: certificates, headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}}]}}}}
  qlikSenseLicense:
    seatMonitor: {{enable: true, frequency: every 6 hours}}
"
    );
    std::fs::write(folder.path().join("bursar.yaml"), yaml).unwrap();
    let taken = site.taken.clone();
    let run = move || {
        let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder.path());
        daemon.wait_for("bursar starts");
        let began = std::time::Instant::now();
        while taken.load(Ordering::SeqCst) < 20 << 20 {
            assert!(began.elapsed() < crate::support::process::LIMIT, "the list is not read");
            std::thread::yield_now();
        }
        let asked = std::time::Instant::now();
        let (status, said) = daemon.terminate();
        assert!(status.success() && said.iter().any(|line| line.contains("stopped")), "{said:#?}");
        let took = asked.elapsed();
        assert!(took < STOP_LIMIT, "{took:?}");
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// Seats of one site that make a list of this size; each row is within what is read of one.
const LARGE_LIST: usize = 480 << 20;
const LONG_NAME: usize = 1_024;

/// One site lists 480 MB of seats, another has ten and is asked each second: what the first costs the second, in
/// memory, time and a stop. `tests/long.sh`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "asked all the time, it would measure the asking")]
async fn a_list_of_480_mb_lets_other_sites_in_between() {
    if std::env::var_os("BURSAR_LONG").is_none() {
        return;
    }
    let name = "x".repeat(LONG_NAME);
    let length = row(1, "user000000001", &name).len() + 1;
    let sites = [Many::default(), Many::default()];
    let [large, small] = [LARGE_LIST / length, 10];
    let ports = [sites[0].serve(large).await, sites[1].serve(small).await];
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "Butler:
  logLevel: info
  configQRS: {{host: 127.0.0.1, port: {}, useSSL: false, authentication: certificates, headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}}]}}}}
  qlikSenseLicense:
    seatMonitor: {{enable: true, frequency: every 1 second}}
  sites:
    - {{name: large, qlikSenseLicense: {{seatMonitor: {{enable: true, frequency: every 1 minute}}}}}}
    - {{name: small, configQRS: {{port: {}}}}}
",
        ports[0], ports[1]
    );
    std::fs::write(folder.path().join("bursar.yaml"), yaml).unwrap();
    let asked = sites[1].asked.clone();
    let whole = sites[0].whole.clone();
    let run = move || {
        let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], folder.path());
        daemon.wait_for("bursar starts");
        let began = std::time::Instant::now();
        let health = || {
            let args = ["status", "-c", "bursar.yaml", "--json"];
            let output = crate::support::process::output(&args, folder.path());
            let status: serde_json::Value =
                serde_json::from_slice(&output.stdout).unwrap_or_default();
            let sites = status["sites"].as_array().cloned().unwrap_or_default();
            let site = sites.into_iter().find(|site| site["name"] == "large").unwrap_or_default();
            site["monitors"][0]["health"].clone()
        };
        while !health()["lastSuccess"].is_string() {
            assert!(began.elapsed() < Duration::from_secs(900), "{}", health());
            std::thread::sleep(Duration::from_secs(1));
        }
        let took = began.elapsed();
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
        let times = asked.lock().unwrap().clone();
        let gap = times.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default();
        // In the middle of the next list.
        let before = whole.load(Ordering::SeqCst);
        while whole.load(Ordering::SeqCst) < before + (LARGE_LIST as u64) / 2 {
            assert!(began.elapsed() < Duration::from_secs(1_800), "it is not read again");
            std::thread::sleep(Duration::from_millis(100));
        }
        let stopped = std::time::Instant::now();
        let (status, said) = daemon.terminate();
        let stop = stopped.elapsed();
        eprintln!(
            "{large} seats, {} MiB: read and stored in {took:?}, peak {peak}, the other site was read {} times, \
             at most {gap:?} apart; a stop in the middle took {stop:?}",
            LARGE_LIST >> 20,
            times.len() / 3
        );
        assert!(status.success(), "{said:#?}");
        assert!(stop < STOP_LIMIT, "{stop:?}");
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// A site with analyzer seats of its own each.
#[derive(Clone, Default)]
struct Many {
    asked: Arc<std::sync::Mutex<Vec<std::time::Instant>>>,
    /// Bytes of its lists that were taken.
    whole: Arc<AtomicU64>,
}

impl Many {
    async fn serve(&self, seats: usize) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let of = self.clone();
        let app = Router::new().fallback(move |request: Request| {
            let of = of.clone();
            async move { of.answer(seats, &request) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }

    fn answer(&self, seats: usize, request: &Request) -> Response {
        let json = [("content-type", "application/json")];
        let path = request.uri().path();
        let seats = if path.contains("/analyzeraccesstype") { seats } else { 0 };
        if path.ends_with("/count") {
            return (json, format!(r#"{{"value":{seats}}}"#)).into_response();
        }
        if !path.contains("accesstype/full") {
            let nodes = include_str!("../../data/qrs/servernodeconfiguration.json");
            return (json, nodes).into_response();
        }
        self.asked.lock().unwrap().push(std::time::Instant::now());
        let name = "x".repeat(LONG_NAME);
        let whole = self.whole.clone();
        let pieces = (0..=seats).map(move |n| {
            let piece = match (n, seats) {
                (0, 0) => "[]".to_owned(),
                (n, seats) if n == seats => "]".to_owned(),
                (n, _) => {
                    let row = row(n, &format!("user{n:09}"), &name);
                    format!("{}{row}", if n == 0 { "[" } else { "," })
                }
            };
            whole.fetch_add(piece.len() as u64, Ordering::SeqCst);
            Ok::<_, std::convert::Infallible>(Bytes::from(piece))
        });
        (json, Body::from_stream(futures_util::stream::iter(pieces))).into_response()
    }
}
