//! What changes a site is sent at most once, whatever happens to the connection; and every answer
//! to it has its meaning.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bursar::license::SeatType;
use bursar::qrs::write::Writer;
use bursar::simulator::{Population, SeatKind, SeatSpec, UserSpec, When};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use uuid::Uuid;

use super::plain::plain_connection;
use super::*;

/// What a server does to a connection that was used before.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Breaks {
    /// Right after the answer to a GET, without a word: keep-alive ends at a bad moment.
    AfterGet,
    /// Once the DELETE was read.
    OnDelete,
    /// As `OnDelete`, with a reset.
    ResetOnDelete,
    /// Once a part of the DELETE was read.
    WithinDelete,
}

#[derive(Debug, Default)]
struct Seen {
    /// First lines of a DELETE or POST.
    changes: AtomicUsize,
    connections: AtomicUsize,
}

/// A server that answers a GET and then breaks the connection.
async fn breaking(breaks: Breaks) -> (Connection, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Seen::default());
    let counts = seen.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            counts.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(tcp, breaks, counts.clone()));
        }
    });
    (plain_connection(port), seen)
}

async fn serve(tcp: TcpStream, breaks: Breaks, seen: Arc<Seen>) -> std::io::Result<()> {
    let mut stream = BufReader::new(tcp);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let is_get = first.starts_with("GET");
        if !is_get {
            seen.changes.fetch_add(1, Ordering::SeqCst);
        }
        if !is_get && breaks == Breaks::WithinDelete {
            return Ok(());
        }
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 2 {
            line.clear();
        }
        if is_get {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"buildVersion\":\"1\"}";
            stream.write_all(answer).await?;
            if breaks == Breaks::AfterGet {
                return Ok(());
            }
        } else {
            match breaks {
                Breaks::ResetOnDelete => stream.get_ref().set_zero_linger()?,
                Breaks::AfterGet => {
                    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
                }
                Breaks::OnDelete | Breaks::WithinDelete => {}
            }
            return Ok(());
        }
    }
}

#[tokio::test]
async fn a_delete_is_sent_at_most_once_however_the_connection_breaks() {
    let id = Uuid::from_u128(1);
    for breaks in [Breaks::OnDelete, Breaks::ResetOnDelete, Breaks::WithinDelete] {
        let (connection, seen) = breaking(breaks).await;
        let client = client(&connection);
        let writer = Writer::new(client.clone());
        for sent in 1..=50 {
            client.about(soon()).await.unwrap();
            let error =
                writer.deallocate(SeatType::Analyzer, id, later(), &|| true).await.unwrap_err();
            assert_eq!(error.code(), "interrupted", "{breaks:?} {error}");
            let changes = seen.changes.load(Ordering::SeqCst);
            assert_eq!(changes, sent, "{breaks:?}");
            // The DELETE went out on the connection of the GET: the case that clients repeat.
            assert_eq!(seen.connections.load(Ordering::SeqCst), sent, "{breaks:?}");
        }
        client.about(soon()).await.unwrap();
        let user = writer.allocate(SeatType::Analyzer, id, later(), &|| true).await.unwrap_err();
        assert_eq!(user.code(), "interrupted");
        assert_eq!(seen.changes.load(Ordering::SeqCst), 51, "{breaks:?}: a POST, too");
    }
}

#[tokio::test]
async fn a_delete_meets_a_connection_that_was_just_closed_and_is_sent_at_most_once() {
    let (connection, seen) = breaking(Breaks::AfterGet).await;
    let client = client(&connection);
    let writer = Writer::new(client.clone());
    let mut accepted = 0;
    for turn in 0..200 {
        client.about(soon()).await.unwrap();
        for _ in 0..turn % 7 {
            tokio::task::yield_now().await;
        }
        let before = seen.changes.load(Ordering::SeqCst);
        let result =
            writer.deallocate(SeatType::Analyzer, Uuid::from_u128(1), later(), &|| true).await;
        let sent = seen.changes.load(Ordering::SeqCst) - before;
        match result {
            Ok(answer) => {
                accepted += 1;
                assert_eq!((answer, sent), (204, 1));
            }
            // It was written to a connection that nobody read any more.
            Err(error) => assert!(sent == 0 && error.code() == "interrupted", "{sent} {error}"),
        }
    }
    assert!(accepted > 0);
}

fn one_seat() -> Scenario {
    Scenario {
        population: Population::none(),
        users: vec![UserSpec::of("CORP", "anna"), UserSpec::of("CORP", "ben")],
        seats: vec![SeatSpec::of(SeatKind::Analyzer, "CORP\\anna", When::days_ago(40))],
        ..Scenario::default()
    }
}

#[tokio::test]
async fn every_answer_to_a_delete_but_2xx_is_an_error_and_none_is_repeated() {
    for (fault, code, text, done) in [
        (status(302), "unexpected-status", "302", false),
        (status(307), "unexpected-status", "307", false),
        (status(400), "refused", "refuses this change", false),
        (status(409), "refused", "409", false),
        (Fault::Unauthorized, "unauthorized", "401", false),
        (Fault::Forbidden, "forbidden", "change licenses", false),
        (Fault::Xsrf, "xsrf", "xrfkey", false),
        (status(500), "server-error", "500", false),
        (
            Fault::Status { code: 503, html: true, retry_after_seconds: Some(0) },
            "server-error",
            "503",
            false,
        ),
        (status(429), "server-error", "429", false),
        (Fault::ResetBefore, "interrupted", "connection broke", false),
        (Fault::ResetHandled, "interrupted", "connection broke", true),
        (Fault::Hang, "timed-out", "within 0.3 s", false),
        (Fault::HangHandled, "timed-out", "within 0.3 s", true),
    ] {
        let mut site = Site::with(one_seat()).await;
        site.connection.request_timeout = Duration::from_millis(300);
        let control = site.running.control();
        let seat = control.seats(SeatKind::Analyzer)[0].id;
        let path = format!("/qrs/license/analyzeraccesstype/{seat}");
        control.set_fault(FaultRule::on(&path, fault.clone()).method("DELETE"));
        let writer = Writer::new(site.client());
        let result = writer.deallocate(SeatType::Analyzer, seat, later(), &|| true).await;
        assert_error(&result.unwrap_err(), code, &[text, &path]);
        let requests = control.requests();
        assert_eq!(requests.len(), 1, "{fault:?}: {requests:?}");
        assert_eq!(control.seats(SeatKind::Analyzer).is_empty(), done, "{fault:?}");
    }
}

/// Only reading the seat tells what any of them means.
#[tokio::test]
async fn any_2xx_is_told_as_it_was_answered() {
    for code in [200, 202, 204] {
        let site = Site::with(one_seat()).await;
        let seat = site.running.control().seats(SeatKind::Analyzer)[0].id;
        site.fault(status(code));
        let answer = Writer::new(site.client())
            .deallocate(SeatType::Analyzer, seat, later(), &|| true)
            .await;
        assert_eq!(answer, Ok(code));
        assert_eq!(site.running.control().request_count(), 1);
    }
}

#[tokio::test]
async fn the_deadline_bounds_a_delete_and_the_wait_before_it() {
    let mut site = Site::with(one_seat()).await;
    site.connection.max_concurrency = 1;
    let control = site.running.control();
    let seat = control.seats(SeatKind::Analyzer)[0].id;
    let client = site.client();
    let writer = Writer::new(client.clone());
    let error =
        writer.deallocate(SeatType::Analyzer, seat, Instant::now(), &|| true).await.unwrap_err();
    assert_error(&error, "not-sent", &["analyzeraccesstype"]);
    assert_eq!(control.request_count(), 0, "it was too late to send it");
    site.fault(Fault::Hang);
    let briefly = Instant::now() + Duration::from_millis(200);
    let error = writer.deallocate(SeatType::Analyzer, seat, briefly, &|| true).await.unwrap_err();
    assert_error(&error, "timed-out", &["s"]);
    // Another request has the only place: nothing is sent.
    let briefly = Instant::now() + Duration::from_millis(200);
    let (_, error) = tokio::join!(
        async { tokio::time::timeout(Duration::from_millis(400), client.pools(soon())).await },
        writer.deallocate(SeatType::Analyzer, seat, briefly, &|| true)
    );
    assert_error(&error.unwrap_err(), "not-sent", &[]);
    let deletes = control.requests().iter().filter(|r| r.method == "DELETE").count();
    assert_eq!(deletes, 1, "that of the first");
    assert_eq!(control.seats(SeatKind::Analyzer).len(), 1);
}

#[tokio::test]
async fn a_seat_is_given_and_a_refusal_is_told_with_the_servers_words() {
    let mut scenario = one_seat();
    scenario.pools.analyzer.total = 2;
    let site = Site::with(scenario).await;
    let control = site.running.control();
    let user = |name: &str| {
        control.users().into_iter().find(|user| user.user_id == name).map(|user| user.id).unwrap()
    };
    let writer = Writer::new(site.client());
    let seat = writer.allocate(SeatType::Analyzer, user("ben"), later(), &|| true).await.unwrap();
    assert_eq!(seat.holder.map(|holder| holder.id), Some(user("ben")));
    assert_eq!(control.seats(SeatKind::Analyzer).len(), 2);
    let again =
        writer.allocate(SeatType::Analyzer, user("ben"), later(), &|| true).await.unwrap_err();
    assert_error(&again, "refused", &["400 (The user already has this access)"]);
    let nobody = writer
        .allocate(SeatType::Analyzer, Uuid::from_u128(7), later(), &|| true)
        .await
        .unwrap_err();
    assert_error(&nobody, "refused", &["invalid property user"]);
    control.add_user(&UserSpec::of("CORP", "cleo"));
    let full =
        writer.allocate(SeatType::Analyzer, user("cleo"), later(), &|| true).await.unwrap_err();
    assert_error(&full, "refused", &["Broken rules"]);

    let (seats, path) = (control.requests().len(), "/qrs/license/analyzeraccesstype");
    control.update_pools(|pools| pools.analyzer.total = 99);
    for (fault, code) in [
        (Fault::Status { code: 200, html: true, retry_after_seconds: None }, "not-json"),
        (status(200), "not-json"),
        (status(204), "unexpected-status"),
        (status(302), "unexpected-status"),
        (status(503), "server-error"),
        (Fault::ResetBefore, "interrupted"),
    ] {
        control.set_fault(FaultRule::on(path, fault.clone()).method("POST").times(1));
        let error =
            writer.allocate(SeatType::Analyzer, user("cleo"), later(), &|| true).await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?} {error}");
    }
    assert_eq!(control.requests().len(), seats + 6, "none was repeated");
    control.set_fault(FaultRule::on(path, Fault::Truncate).method("POST").times(1));
    let error =
        writer.allocate(SeatType::Analyzer, user("cleo"), later(), &|| true).await.unwrap_err();
    assert_error(&error, "not-json", &["truncated"]);
    assert_eq!(control.seats(SeatKind::Analyzer).len(), 3, "given all the same");
}

#[tokio::test]
async fn a_seat_for_somebody_else_is_not_what_was_asked_for() {
    let row = |user: u128, kind: &str| {
        serde_json::json!({"id": Uuid::from_u128(9).to_string(), "quarantined": false,
            "schemaPath": format!("License.{kind}AccessType"),
            "user": {"id": Uuid::from_u128(user).to_string(), "userId": "u", "userDirectory": "D"}})
    };
    for (answer, text) in [
        (row(2, "Analyzer"), "another seat"),
        (row(1, "Professional"), "a row of another type"),
        (serde_json::json!({}), "id"),
    ] {
        let router = axum::Router::new().route(
            "/qrs/license/analyzeraccesstype",
            axum::routing::post(async move || {
                (axum::http::StatusCode::CREATED, axum::Json(answer))
            }),
        );
        let writer = Writer::new(client(&super::plain::serve(router).await));
        let result =
            writer.allocate(SeatType::Analyzer, Uuid::from_u128(1), later(), &|| true).await;
        assert_error(&result.unwrap_err(), "unexpected-shape", &[text]);
    }
}
