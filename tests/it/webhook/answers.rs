//! Calls through a proxy, and receivers that say no or seem to say yes.

use bursar::destination::http::Proxy;
use bursar::destination::template::{Format, Source, shipped};
use bursar::destination::webhook::settings::BodyTemplate;
use bursar::simulator::Scenario;
use chrono_tz::Tz;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::support::process::{Process, bursar};
use crate::support::setup::{Setup, webhook_section};

fn status_event() -> Event {
    event(Body::ServerLicenseStatus(status()))
}

/// What is wrong with the address or the credentials holds for every event: it waits and is told.
#[tokio::test]
async fn the_address_and_the_credentials_wait() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/secret-path", receiver.port);
    let webhook = build(&settings(&url, HttpMethod::Post));
    for (answer, words) in [
        (401, "the credentials are missing or wrong"),
        (403, "the credentials do not allow this"),
        (404, "the address is gone"),
        (407, "the proxy wants a user name and password"),
        (410, "the address is gone"),
    ] {
        receiver.answers(answer, &[]);
        let outcome = deliver_one(&webhook, status_event()).await;
        let Outcome::Retry { why, .. } = outcome else { panic!("{answer}: {outcome:?}") };
        assert!(why.contains(&answer.to_string()) && why.contains(words), "{why}");
        assert!(!why.contains("secret"), "{why}");
    }
}

/// Case "Teams says 200", through a call.
#[tokio::test]
async fn teams_says_200() {
    let body = Arc::new(Mutex::new(""));
    let said = body.clone();
    let router = Router::new().fallback(move || async move { *said.lock().unwrap() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let with = |name: &str| {
        let shipped = shipped::named(name).unwrap();
        let source = Source {
            name: name.into(),
            text: shipped.text.into(),
            format: Format::Json,
            values: vec![("routingKey".into(), Secret::new("x"))],
            zone: Tz::UTC,
        };
        let template = BodyTemplate { source, content_type: "application/json".into() };
        build(&settings::Webhook { template: Some(template), ..settings(&url, HttpMethod::Post) })
    };
    let teams413 = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x";
    let teams429 = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x";
    for (name, answer, expected) in [
        ("teams", "1", "done"),
        ("teams", teams413, "never"),
        ("teams", teams429, "later"),
        ("slack", "ok", "done"),
        ("slack", r#"{"ok":false,"error":"invalid_blocks"}"#, "never"),
        ("slack", r#"{"ok":false,"error":"ratelimited"}"#, "later"),
        ("pagerduty", r#"{"status":"success"}"#, "done"),
        ("pagerduty", r#"{"status":"invalid event"}"#, "never"),
        ("alertmanager", teams413, "done"),
    ] {
        *body.lock().unwrap() = answer;
        let found = match deliver_one(&with(name), status_event()).await {
            Outcome::Done => "done",
            Outcome::Retry { .. } => "later",
            Outcome::Refused { .. } => "never",
        };
        assert_eq!(found, expected, "{name}: {answer}");
    }
    // Another receiver may say what it likes.
    *body.lock().unwrap() = teams413;
    let plain = build(&settings(&url, HttpMethod::Post));
    assert_eq!(deliver_one(&plain, status_event()).await, Outcome::Done);
}

/// A setting of each webhook, in front of what the environment says.
#[tokio::test]
async fn calls_go_through_the_proxy_of_the_settings() {
    let proxy = Receiver::start().await;
    let with = |address: String| {
        let proxy = Proxy::At(address.parse().unwrap());
        settings::Webhook {
            proxy,
            ..settings("http://hooks.invalid/secret-path", HttpMethod::Post)
        }
    };
    let through = with(format!("http://me:s3cret@127.0.0.1:{}", proxy.port));
    let webhook = build(&through);
    assert_eq!(deliver_one(&webhook, status_event()).await, Outcome::Done);
    let call = proxy.only_call();
    assert_eq!(call.uri.to_string(), "http://hooks.invalid/secret-path");
    assert_eq!(call.headers["proxy-authorization"], "Basic bWU6czNjcmV0");
    proxy.answers(407, &[]);
    let Outcome::Retry { why, .. } = deliver_one(&webhook, status_event()).await else { panic!() };
    assert!(why.contains("407") && why.contains("the proxy wants"), "{why}");

    // One that is down: it is named, and nothing of its credentials.
    let webhook = build(&with("http://me:s3cret@127.0.0.1:1".into()));
    let Outcome::Retry { why, .. } = deliver_one(&webhook, status_event()).await else { panic!() };
    assert!(why.ends_with("(through the proxy http://127.0.0.1:1)"), "{why}");
    let probe = webhook.probe().await.unwrap();
    for text in [why, format!("{probe:?} {webhook:?} {through:?} {:?}", through.proxy)] {
        assert!(!text.contains("s3cret") && !text.contains("secret-path"), "{text}");
    }
}

/// `HTTPS_PROXY` of the environment, and no word of its password in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_of_the_environment_is_used_and_its_password_never_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let setup = Setup::new(Scenario::default()).await;
    let yaml = setup.yaml("every 10 minutes", &webhook_section("https://hooks.invalid"));
    let file = setup.write(&yaml);
    let folder = setup.folder.path().to_owned();
    let said = tokio::task::spawn_blocking(move || {
        let mut command = bursar(&["run", "-c", file.to_str().unwrap()]);
        command.current_dir(folder).env("HTTPS_PROXY", format!("http://me:s3cret@{address}"));
        let mut daemon = Process::spawn(&mut command);
        daemon.wait_for("cannot deliver to webhook status");
        daemon.terminate().1.join("\n")
    });
    let said = said.await.unwrap();
    let head = asked.await.unwrap();
    assert!(head.starts_with("CONNECT hooks.invalid:443 "), "{head}");
    assert!(head.contains("Basic bWU6czNjcmV0"), "{head}");
    assert!(said.contains("(through the proxy of the environment)"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}
