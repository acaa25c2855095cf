//! Whether alerts reach somebody: what `check`, the start and `status` say of it, and a test message
//! through the real destinations.

use std::path::Path;

use bursar::config::FixedEnvironment;
use bursar::destination::mqtt::settings::MqttProtocol;
use bursar::simulator::Scenario;
use serde_json::Value;

use crate::support::broker::{Answer, Broker, Packet};
use crate::support::process::{Process, bursar};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, mqtt_section};
use crate::support::smtp::MailServer;

/// Runs a command, with its exit code and what it said to both.
async fn run(args: &[&str]) -> (i32, String, String) {
    let mut command = tokio::process::Command::from(bursar(args));
    let output = command.output().await.expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Seats alone, and a list of webhooks for alerts.
fn webhook(url: &str, more: &str) -> String {
    format!(
        "  webhookNotification:
    enable: true
    qlikSenseAlert:
      webhooks:
        - {{description: all, webhookURL: '{url}', httpMethod: POST}}
{more}"
    )
}

const ON: &str = "  alert: {destination: {webhook: {enable: true}}}\n";

#[tokio::test]
async fn check_names_the_rules_that_reach_nobody_and_the_switch() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let alerts = async |more: &str| -> Vec<Value> {
        let file = setup.write(&setup.yaml("every 6 hours", more));
        let (code, out, said) = run(&["check", "--json", "-c", file.to_str().unwrap()]).await;
        assert_eq!(code, 0, "{said}");
        let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
        rows.into_iter().filter(|row| row["subject"] == "alerts").collect()
    };
    let off = alerts(&webhook(&receiver.url("/all"), "")).await;
    assert_eq!(off[0]["state"], "warn", "{off:#?}");
    let found = off[0]["found"].as_str().unwrap();
    assert!(found.contains("seatsGone") && found.contains("siteUnreachable"), "{found}");
    assert!(!found.contains("releaseFailed"), "releases are off: {found}");
    assert_eq!(off[0]["fix"], "set Butler.alert.destination.webhook.enable: true");
    let on = alerts(&webhook(&receiver.url("/all"), ON)).await;
    assert!(on.len() == 1 && on[0]["state"] == "ok", "{on:#?}");
}

#[tokio::test]
async fn a_check_of_the_settings_alone_warns_of_them_too() {
    let setup = Setup::new(Scenario::default()).await;
    let check = async |more: &str| {
        let file =
            setup.write(&setup.yaml("every 6 hours", &webhook("http://127.0.0.1:9/x", more)));
        let (code, out, said) = run(&["config", "check", "-c", file.to_str().unwrap()]).await;
        assert_eq!(code, 0, "{said}");
        (out, said)
    };
    let (out, said) = check("").await;
    let warning = said.lines().find(|line| line.contains("no alert reaches anybody")).unwrap();
    assert!(warning.contains("warning") && warning.contains("seatsGone"), "{warning}");
    assert!(warning.ends_with("set Butler.alert.destination.webhook.enable: true"), "{warning}");
    let (heard, said) = check(ON).await;
    assert!(!said.contains("reaches"), "{said}");
    let count = |out: &str| -> u32 {
        let words = out.lines().next().unwrap().split_whitespace();
        words.rev().nth(1).unwrap().parse().unwrap()
    };
    assert_eq!(count(&out), count(&heard) + 1, "{out}{heard}");
}

/// The example that people start from tells somebody.
#[test]
fn the_examples_of_the_readme_and_of_config_alert_somebody() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let unheard = |text: &str| {
        let mut environment = FixedEnvironment::default();
        environment.variables.insert("INFLUXDB_TOKEN".into(), "of the composition".into());
        let loaded = bursar::config::load_text(text, Path::new("x.yaml"), &environment);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, [], "it is an example");
        loaded.settings.unheard()
    };
    assert_eq!(unheard(example), []);
    for file in ["deploy/bursar.yaml", "deploy/debian/bursar.yaml", "deploy/windows/bursar.yaml"] {
        assert_eq!(unheard(&std::fs::read_to_string(root.join(file)).unwrap()), [], "{file}");
    }
    // With what stands in comments there: it runs as it is against a simulated site.
    let text = std::fs::read_to_string(root.join("config/bursar.yaml")).unwrap();
    let text = text
        .replace("enable: false # true together with email below", "enable: true")
        .replace("  # email:\n", "  email:\n")
        .replace("  #   enable: true\n  #   host: smtp", "    enable: true\n    host: smtp")
        .replace("  #   from:", "    from:")
        .replace("  #   to:", "    to:");
    assert_eq!(unheard(&text), []);
}

/// The start says it, and while alerts fire and reach nobody, the log does once a day: here each hour
/// one is told again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_once_a_day_that_alerts_reach_nobody() {
    let setup = Setup::new(Scenario::default()).await;
    let more = "  alert: {repeat: eachPoll, rules: {seatsLow: {seats: 1000000}}}\n";
    let file = setup.write(&setup.yaml("every 1 hours", more));
    // Six hours a second.
    let args = ["run", "-c", file.to_str().unwrap(), "--speed", "21600"];
    let mut daemon = Process::start(&args, setup.folder.path());
    let start = daemon.wait_for("no alert reaches anybody of default, (bursar)");
    assert!(start.contains("seatsLow") && start.contains("Butler.alert.destination"), "{start}");
    let first = daemon.wait_for("alerts fire and reach nobody: seatsLow of default");
    assert!(first.contains("Butler.alert.destination"), "with what to do: {first}");
    daemon.wait_for("alerts fire and reach nobody");
    let lines = daemon.kill();
    let at = |text: &str| -> Vec<usize> {
        let found = lines.iter().enumerate().filter(|(_, line)| line.contains(text));
        found.map(|(n, _)| n).collect()
    };
    let nobody = at("alerts fire and reach nobody");
    let between = at("alert, warning, firing").into_iter();
    let between = between.filter(|n| (nobody[0]..nobody[1]).contains(n)).count();
    assert!(between > 6, "told {between} times in between:\n{}", lines.join("\n"));
    for command in [["status"].as_slice(), &["alert", "list"]] {
        let args = [command, &["-c", file.to_str().unwrap()]].concat();
        let (_, shown, said) = run(&args).await;
        assert!(shown.contains("the last time to nobody"), "{command:?}: {shown}{said}");
    }
}

#[tokio::test]
async fn a_test_message_waits_for_its_acknowledgement_and_says_that_it_is_one() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 6 hours", &webhook(&receiver.url("/all"), ON)));
    let file = file.to_str().unwrap();
    let (code, out, said) = run(&["alert", "test", "-c", file, "--rule", "seatsGone"]).await;
    assert_eq!(code, 0, "{out}{said}");
    assert!(out.starts_with("ok") && out.contains("seatsGone of default"), "{out}");
    assert!(out.contains("acknowledged after"), "{out}");
    let bodies: Vec<Value> =
        receiver.taken("/all").iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(bodies.len(), 2, "that it is over, too: {bodies:#?}");
    for (body, status) in bodies.iter().zip(["firing", "resolved"]) {
        assert_eq!((&body["test"], &body["rule"]), (&true.into(), &"seatsGone".into()));
        assert_eq!((&body["status"], &body["severity"]), (&status.into(), &"info".into()));
        assert_eq!(body["subject"], "test");
        assert!(body["title"].as_str().unwrap().starts_with("Test: "), "{body}");
        assert!(body["message"].as_str().unwrap().contains("nothing is wrong"), "{body}");
    }
    assert_eq!(bodies[0]["fingerprint"], bodies[1]["fingerprint"]);
    assert!(!setup.store().exists(), "the store is neither needed nor made");

    // Another rule, and as JSON.
    let (code, out, _) = run(&["alert", "test", "-c", file, "--json"]).await;
    let sent: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &sent[0]["acknowledged"], &sent[0]["why"]), (0, &true.into(), &"".into()));
    assert!(sent[0]["destination"].as_str().unwrap().starts_with("webhook/"), "{sent}");

    // A webhook for the licenses alone is none of those that are meant.
    let licenses = format!(
        "    qlikSenseLicenseMonitor:\n      webhooks:\n        - {{description: licenses, \
         webhookURL: '{}', httpMethod: PUT}}\n{ON}",
        receiver.url("/licenses")
    );
    setup.write(&setup.yaml("every 6 hours", &webhook(&receiver.url("/all"), &licenses)));
    let (code, out, said) = run(&["alert", "test", "-c", file, "--destination", "webhook"]).await;
    assert_eq!((code, out.lines().count()), (0, 1), "{out}{said}");

    receiver.set(Mood::Status(503));
    let (code, out, _) = run(&["alert", "test", "-c", file, "--json", "--timeout", "1"]).await;
    let sent: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &sent[0]["acknowledged"]), (1, &false.into()), "{sent}");
    assert!(sent[0]["why"].as_str().unwrap().contains("503"), "{sent}");
}

#[tokio::test]
async fn a_test_says_who_does_not_get_such_alerts() {
    let receiver = Receiver::start().await;
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 6 hours", &webhook(&receiver.url("/all"), "")));
    let file = file.to_str().unwrap();
    let (code, out, said) = run(&["alert", "test", "-c", file]).await;
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(said.contains("no destination gets alerts"), "{said}");
    assert!(said.contains("set Butler.alert.destination.webhook.enable: true"), "{said}");
    let (code, out, _) = run(&["alert", "test", "-c", file, "--destination", "webhook"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("fail") && out.contains("no such alert goes there"), "{out}");
    let (code, _, said) = run(&["alert", "test", "-c", file, "--destination", "pigeon"]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("there is no destination pigeon; there are: webhook/"), "{said}");
    assert!(receiver.calls().is_empty(), "nothing was sent");
}

/// The daemon is connected at the same time: its session and its status are its own.
#[tokio::test]
async fn a_test_at_a_broker_takes_nothing_over() {
    let broker = Broker::start(MqttProtocol::V311, |_: &Packet| Answer::Take).await;
    let setup = Setup::new(Scenario::default()).await;
    let on = "  alert: {destination: {mqtt: {enable: true}}}\n";
    let more = format!("{}{on}", mqtt_section(broker.port));
    let file = setup.write(&setup.yaml("every 6 hours", &more));
    let (code, out, said) = run(&["alert", "test", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{out}{said}");
    assert_eq!(broker.taken(), ["bursar/alert"]);
    assert_eq!(broker.wills(), [false], "it says nothing of the daemon");
}

#[tokio::test]
async fn a_test_by_mail_has_it_in_its_subject() {
    let server = MailServer::start(Vec::new()).await;
    let setup = Setup::new(Scenario::default()).await;
    let more = format!(
        "  email: {{enable: true, host: 127.0.0.1, port: {}, security: none, from: a@b.example, \
         to: [c@d.example]}}\n  alert: {{destination: {{email: {{enable: true}}}}}}\n",
        server.port
    );
    let file = setup.write(&setup.yaml("every 6 hours", &more));
    let args = ["alert", "test", "-c", file.to_str().unwrap(), "--destination", "email"];
    let (code, out, said) = run(&args).await;
    assert_eq!(code, 0, "{out}{said}");
    assert_eq!(server.taken(), [["c@d.example"]], "one mail");
    let lines = server.lines();
    let subject = lines.iter().find(|line| line.starts_with("Subject: ")).unwrap();
    assert!(subject.starts_with("Subject: [TEST] Test: alerts of "), "{subject}");
}
