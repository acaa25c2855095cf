//! What the server license says, as the command, the daemon and the page tell it.

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::{LicenseVariant, Scenario, When};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::process::{Process, output};
use crate::support::receiver::Receiver;
use crate::support::setup::{Setup, webhook_section};

async fn site(license: LicenseVariant) -> Setup {
    Setup::new(Scenario { license, ..Scenario::default() }).await
}

fn answering(answer: Value) -> LicenseVariant {
    LicenseVariant { answer: Some(answer), ..LicenseVariant::default() }
}

/// What `bursar status --live` says: its text, and the license in its JSON.
fn live(setup: &Setup) -> (String, Value) {
    let file = setup.write(&setup.yaml("every 6 hours", ""));
    let file = file.to_str().unwrap();
    let run = |more: &[&str]| {
        let args = [&["status", "-c", file, "--live"], more].concat();
        let run = output(&args, setup.folder.path());
        assert!(run.status.success(), "{run:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    (run(&[]), json["sites"][0]["serverLicense"].clone())
}

fn case(name: &str) -> Value {
    let file = format!("{}/tests/data/cases/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lef_with_seats() {
    let case = case("lef-seats.json");
    let setup = site(answering(case.clone())).await;
    let (text, license) = live(&setup);
    let expected = &case["expected"];
    let count = |name: &str| {
        let all = license["license"]["allotments"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).map_or(0, |one| one["count"].as_i64().unwrap())
    };
    for name in ["professional", "analyzer", "tokens"] {
        assert_eq!(expected[name], count(name), "{name}: {license:#}");
    }
    assert_eq!(license["expiryDate"], expected["ends"]);
    assert_eq!(license["license"]["overage"], false);
    assert_eq!(license["license"]["otherLines"], json!(["PURPOSE;Example;;"]));
    assert!(text.contains("professional 60, analyzer 240\n"), "{text}");
    assert!(text.contains("no overage") && !text.contains("tokens"), "{text}");
    for secret in ["9000000000000042", "12345", "AAAA-BBBB"] {
        assert!(!license.to_string().contains(secret) && !text.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_tells_what_a_lef_with_seats_says() {
    let setup = site(answering(case("lef-seats.json"))).await;
    let file = setup.write(&setup.yaml("every 6 hours", "  web: {enable: true, port: 0}\n"));
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    let page = daemon.wait_for("status page at http://");
    let page = page.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    daemon.wait_for("server license: ");
    let get = async |path: &str| {
        reqwest::get(format!("http://{page}{path}")).await.unwrap().text().await.unwrap()
    };
    let html = get("/").await;
    assert!(html.contains("professional 60, analyzer 240"), "{html}");
    let api: Value = serde_json::from_str(&get("/api/status").await).unwrap();
    let license = &api["sites"][0]["serverLicense"]["license"];
    assert_eq!(license["otherLines"], json!(["PURPOSE;Example;;"]));
    let (_, said) = daemon.terminate();
    for secret in ["9000000000000042", "AAAA-BBBB"] {
        assert!(!html.contains(secret) && !said.concat().contains(secret), "{secret}");
    }
}

/// Lines that nobody knows are shown as they came, and can't do harm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_lines_of_a_key_are_shown_bounded_and_safe() {
    let mut license = LicenseVariant::signed(When::in_days(400));
    license.extra_lines = [
        "Allotment professional_b:7;2027-03-09;",
        "Product: Example 1",
        "Overage: 10 %",
        "Lizenznummer: 0001-0002-0003-0004",
        "Key: eyJhbGciOiJSUzUxMiJ9.SAMPLE.SAMPLE",
        "Colour: \u{1b}[31mred\u{202e}der",
    ]
    .map(str::to_owned)
    .into();
    license.extra_lines.extend((0..100).map(|n| format!("Line {n}: {}", "x".repeat(20))));
    let setup = site(license).await;
    let (text, license) = live(&setup);
    let lines = license["license"]["otherLines"].as_array().unwrap();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
    let first = ["Product: Example 1", "Overage: 10 %", "***", "***", "Colour: [31mred der"];
    assert_eq!(lines[..5], first);
    assert_eq!((lines.len(), lines[40]), (41, "(65 lines more)"));
    let allotments = license["license"]["allotments"].as_array().unwrap();
    assert_eq!(allotments.len(), 5, "none is lost: {allotments:?}");
    assert_eq!(allotments[4], json!({"name": "professional_b", "count": 7, "more": "2027-03-09"}));
    assert!(text.contains("professional_b 7") && !text.contains("Product"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_starts_later_is_a_state_of_its_own() {
    let license = LicenseVariant {
        valid_from: Some(When::in_days(45)),
        ..LicenseVariant::signed(When::in_days(410))
    };
    let setup = site(license).await;
    let (text, license) = live(&setup);
    assert_eq!(license["state"], "not-started", "{license:#}");
    let day = (Utc::now() + TimeDelta::days(45)).date_naive();
    assert!(text.contains(&format!("starts on {day} (in 45 days), ends ")), "{text}");
    let file = setup.folder.path().join("bursar.yaml");
    let check = output(&["check", "-c", file.to_str().unwrap()], setup.folder.path());
    let check = String::from_utf8(check.stdout).unwrap();
    assert!(check.contains("see that the license in use lasts until then"), "{check}");
}

/// The key for the next year was entered, and there is a gap: the alert comes at once, well before the
/// old license ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_before_a_key_that_starts_later_is_told_before_the_old_one_ends() {
    let receiver = Receiver::start().await;
    let setup = site(LicenseVariant::signed(When::in_days(100))).await;
    let yaml = setup.yaml("every 1 hours", &webhook_section(&receiver.url("")));
    let start = Utc::now();
    let later = |from: i64| LicenseVariant {
        valid_from: Some(When::in_days(from)),
        ..LicenseVariant::signed(When::in_days(500))
    };
    // An hour a second: nothing of this ends while the test runs.
    let clock = Clock::fast(start, 3_600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.expect("the daemon starts");
    let state_of = |body: &str| {
        let message: Value = serde_json::from_str(body).unwrap();
        message["state"].as_str().unwrap().to_owned()
    };
    let told = async |path: &str, state: &str| {
        let calls = receiver
            .wait(|calls| calls.iter().any(|c| c.path == path && state_of(&c.body) == state))
            .await;
        calls
            .into_iter()
            .filter(|c| c.path == path && state_of(&c.body) == state)
            .collect::<Vec<_>>()
    };
    told("/status", "valid").await;
    setup.site.control().set_license(later(100));
    told("/status", "not-started").await;
    let alerts = |calls: &[crate::support::receiver::Call]| {
        calls.iter().filter(|call| call.path == "/alert").count()
    };
    assert_eq!(alerts(&receiver.calls()), 0, "the old one lasts until then");
    setup.site.control().set_license(later(145));
    let alert = told("/alert", "not-started").await.remove(0);
    daemon.stop().await;
    let alert: Value = serde_json::from_str(&alert.body).unwrap();
    let day = |days| (start + TimeDelta::days(days)).date_naive();
    assert_eq!(alert["event"], "server license problem alert");
    let message = alert["message"].as_str().unwrap();
    let begin = format!("Qlik Sense server license starts on {}, in ", day(145));
    let end = format!("the one before it ends on {}, and nothing is valid in between", day(100));
    assert!(message.starts_with(&begin) && message.ends_with(&end), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_for_an_end_that_is_denied_is_told() {
    let license = LicenseVariant {
        expired_reason: Some("License was revoked".into()),
        ..LicenseVariant::signed(When::in_days(400))
    };
    let receiver = Receiver::start().await;
    let setup = site(license).await;
    let (text, license) = live(&setup);
    assert_eq!(
        (&license["state"], &license["expired"]),
        (&json!("expiry-disputed"), &json!(false))
    );
    assert_eq!(license["license"]["expiredReason"], "License was revoked");
    assert!(text.contains("the server's reason: \"License was revoked\""), "{text}");
    let yaml = setup.yaml("every 1 hours", &webhook_section(&receiver.url("")));
    let daemon = Daemon::start(setup.load(&yaml), Clock::System).await.expect("the daemon starts");
    let calls = receiver.wait(|calls| calls.iter().any(|call| call.path == "/alert")).await;
    daemon.stop().await;
    let alert = calls.iter().find(|call| call.path == "/alert").unwrap();
    assert!(
        alert.body.contains("gives a reason for it: \\\"License was revoked\\\""),
        "{}",
        alert.body
    );
}
