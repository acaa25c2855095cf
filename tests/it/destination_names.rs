//! Destinations as people see and call them: also before the first event, also by their description.

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::simulator::Scenario;
use chrono::Utc;

use crate::support::process::output;
use crate::support::receiver::Receiver;
use crate::support::setup::Setup;

/// A receiver that alerts are sent to, or not.
fn section(url: &str, is_told: bool) -> String {
    format!(
        "  alert: {{destination: {{webhook: {{enable: {is_told}}}}}}}
  webhookNotification:
    enable: true
    qlikSenseAlert:
      rateLimit: 0
      webhooks: [{{description: duty officer, webhookURL: '{url}', httpMethod: POST}}]
  web: {{enable: true, host: 127.0.0.1, port: 0}}
"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_destination_is_listed_before_its_first_event() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let more = section(&receiver.url("/duty"), false);
    let yaml = setup.yaml("every 6 hours", &more);
    let file = setup.write(&yaml);
    let (file, folder) = (file.to_str().unwrap(), setup.folder.path());
    let clock = Clock::fast(Utc::now(), 1.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.expect("it starts");
    let none = daemon.store().queue_states().await.unwrap();
    assert!(!none.iter().any(|queue| queue.destination.starts_with("webhook/")), "{none:?}");
    let address = daemon.page().unwrap();
    let page = reqwest::get(format!("http://{address}/destinations")).await.unwrap();
    let page = page.text().await.unwrap();
    let said = |args: &[&str]| {
        let run = output(&[args, &["-c", file]].concat(), folder);
        String::from_utf8([run.stdout, run.stderr].concat()).unwrap()
    };
    let (status, list, json) =
        (said(&["status"]), said(&["outbox", "list"]), said(&["status", "--json"]));
    daemon.stop().await;
    for shown in [&page, &status, &list] {
        assert!(shown.contains("duty officer") && shown.contains("nothing yet"), "{shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let queues = json["queues"].as_array().unwrap();
    let queue = queues.iter().find(|of| of["title"].as_str().unwrap().contains("duty officer"));
    assert_eq!(queue.unwrap()["pending"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_message_goes_to_a_receiver_by_its_description() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 6 hours", &section(&receiver.url("/duty"), true)));
    let test = |name: &str| {
        let args = ["alert", "test", "-c", file.to_str().unwrap(), "--destination", name];
        let run = output(&args, setup.folder.path());
        let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        (run.status.code(), said)
    };
    let (code, said) = test("Duty Officer");
    assert_eq!(code, Some(0), "{said}");
    assert!(receiver.calls().iter().any(|call| call.path == "/duty"));
    let (code, said) = test("duty oficer");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("there is no destination duty oficer; did you mean duty officer?"),
        "{said}"
    );
}
