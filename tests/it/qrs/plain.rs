//! Plain HTTP, for the shapes of lists and bodies that the site does not make.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::routing::get;
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NAME: bursar::qrs::Field = bursar::qrs::Field::new("name");

pub(super) async fn serve(router: Router) -> Connection {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    plain_connection(port)
}

/// Settings for a server without TLS.
pub(crate) fn plain_connection(port: u16) -> Connection {
    Connection {
        host: "127.0.0.1".into(),
        port,
        use_ssl: false,
        client_cert: "none".into(),
        client_key: "none".into(),
        ca_cert: "none".into(),
        reject_unauthorized: true,
        tls_server_name: Some("ignored.example.com".into()),
        headers: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
        max_concurrency: 4,
        entry: Default::default(),
        missing: None,
    }
}

/// A list and a count, each with one answer after the other.
async fn lists(lists: &[&'static str], counts: &[u64]) -> Result<Vec<Value>, Error> {
    let (lists, counts) = (lists.to_vec(), counts.to_vec());
    let (listed, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let router = Router::new()
        .route("/qrs/user/full", get(async move || lists[listed.fetch_add(1, Ordering::Relaxed)]))
        .route(
            "/qrs/user/count",
            get(async move || {
                let value = counts[counted.fetch_add(1, Ordering::Relaxed)];
                axum::Json(json!({"value": value}))
            }),
        );
    let client = client(&serve(router).await);
    client.list_full("user", None, once()).await.map(|list| list.value)
}

#[tokio::test]
async fn a_list_is_compared_with_its_count() {
    assert_eq!(lists(&["[]"], &[0]).await, Ok(vec![]));
    assert_eq!(lists(&["[1,2]"], &[2]).await.map(|rows| rows.len()), Ok(2));
    assert_eq!(lists(&["[1,2]"], &[1]).await.map(|rows| rows.len()), Ok(2), "one went");
    let came = lists(&["[1]", "[1,2]"], &[2, 2]).await;
    assert_eq!(came.map(|rows| rows.len()), Ok(2), "one came in between");
    let error = lists(&["[1]", "[1]"], &[3, 3]).await.unwrap_err();
    assert_error(&error, "incomplete-list", &["1 rows", "count is 3", "/qrs/user/full"]);
}

#[tokio::test]
async fn nothing_else_is_taken_for_an_empty_list() {
    for (body, code, text) in [
        ("null", "unexpected-shape", "expected a list, found null"),
        ("{}", "unexpected-shape", "expected a list, found an object"),
        ("{\"value\":[]}", "unexpected-shape", "expected a list, found an object"),
        ("<html>", "not-json", "an HTML page"),
        ("", "not-json", "an empty body"),
        ("[1,", "not-json", "a truncated body"),
        ("Forbidden", "not-json", "text"),
    ] {
        assert_error(&lists(&[body], &[0]).await.unwrap_err(), code, &[text]);
    }
}

#[tokio::test]
async fn a_filter_arrives_as_it_was_built() {
    let router = Router::new().route(
        "/qrs/user/count",
        get(async |RawQuery(query): RawQuery| {
            let query = query.unwrap_or_default();
            let pairs: Vec<(String, String)> =
                url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let expected = r"name eq 'Q1\'25 & #+é\\'";
            let fits = pairs[1] == ("filter".to_owned(), expected.to_owned());
            axum::Json(json!({"value": u8::from(fits && pairs[0].0 == "xrfkey")}))
        }),
    );
    let client = client(&serve(router).await);
    let filter = NAME.eq("Q1'25 & #+é\\");
    assert_eq!(client.count("user", Some(&filter), once()).await, Ok(1));
}

#[tokio::test]
async fn a_bad_filter_is_told_with_the_servers_words() {
    let router = Router::new().route(
        "/qrs/user/count",
        get(async || (axum::http::StatusCode::BAD_REQUEST, "Invalid expression")),
    );
    let client = client(&serve(router).await);
    let error = client.count("user", None, soon()).await.unwrap_err();
    assert_error(&error, "bad-filter", &["400 (Invalid expression)"]);
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let announced = "x".repeat(5 * 1024 * 1024);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(announced.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let router = Router::new()
        .route("/qrs/announced", get(async || announced))
        .route("/qrs/packed", get(async || ([("content-encoding", "gzip")], packed)))
        .route(
            "/qrs/endless",
            get(async || {
                let mebibyte = || Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024]);
                Body::from_stream(futures_util::stream::repeat_with(mebibyte))
            }),
        );
    let client = client(&serve(router).await);
    for path in ["announced", "packed", "endless"] {
        let error = client.get_json::<Value>(path, &[], soon()).await.unwrap_err();
        assert_error(&error, "too-large", &["4 MiB", path]);
    }
}

/// What is no list: the version, and the log of a run of Qlik's License Monitor.
#[tokio::test]
async fn an_endless_version_or_log_is_not_read_to_its_end() {
    let sent = Arc::new(AtomicUsize::new(0));
    let endless = {
        let sent = sent.clone();
        async move || {
            let mebibyte = move || {
                sent.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(vec![b'x'; 1024 * 1024])
            };
            Body::from_stream(futures_util::stream::repeat_with(mebibyte))
        }
    };
    let id = "11111111-2222-3333-4444-555555555555";
    let router = Router::new()
        .route("/v1/systeminfo", get(endless.clone()))
        .route("/qrs/executionresult/count", get(async || axum::Json(json!({"value": 1}))))
        .route(
            "/qrs/executionresult/full",
            get(async move || axum::Json(json!([{"id": id, "status": 8, "fileReferenceID": id}]))),
        )
        .route(
            &format!("/qrs/reloadtask/{id}/scriptlog"),
            get(async move || axum::Json(json!({"value": id}))),
        )
        .route(&format!("/qrs/download/reloadtask/{id}/scriptlog.txt"), get(endless));
    let connection = serve(router).await;

    let system = Client::of_system("test", &connection, &Connections::unlimited()).unwrap();
    let error = system.system_info(soon()).await.unwrap_err();
    assert!(error.to_string().contains("64 KiB"), "{error}");
    // Sockets hold some.
    let of_version = sent.swap(0, Ordering::Relaxed);
    assert!(of_version <= 16, "{of_version} MiB");

    let client = client(&connection);
    let task = id.parse().unwrap();
    let runs = client.executions(task, chrono::Utc::now(), soon()).await.unwrap();
    let error = client.script_log(task, &runs[0], soon()).await.unwrap_err();
    assert_error(&error, "too-large", &["64 MiB", "scriptlog.txt"]);
    let of_log = sent.load(Ordering::Relaxed);
    assert!((64..=80).contains(&of_log), "{of_log} MiB");
}

#[tokio::test]
async fn tls_towards_a_plain_port_is_told() {
    let site = Site::start().await;
    let plain = serve(Router::new()).await;
    let connection = Connection { port: plain.port, ..site.connection.clone() };
    let error = client(&connection).pools(once()).await.unwrap_err();
    assert_error(&error, "tls", &["does not speak TLS"]);
}
