//! The commands as a person types them.

use std::path::Path;

use bursar::simulator::{LicenseVariant, Scenario, When};

use crate::support::process::{Process, bursar, output};
use crate::support::receiver::Receiver;
use crate::support::setup::{Setup, webhook_section};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn help_shows_every_command_with_examples() {
    let help = output(&["--help"], Path::new("."));
    let help = text(&help.stdout);
    for command in [
        "run",
        "check",
        "status",
        "demo",
        "simulate",
        "audit",
        "monitor-app",
        "outbox",
        "config",
        "healthcheck",
        "service",
    ] {
        assert!(help.contains(&format!("  {command} ")), "{command} is missing:\n{help}");
    }
    assert!(help.contains("Examples:"), "{help}");
    let nothing = output(&[], Path::new("."));
    assert_eq!(nothing.status.code(), Some(2), "no command is a mistake");
}

#[test]
fn completions_are_made_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = output(&["completions", shell], Path::new("."));
        assert!(script.status.success() && text(&script.stdout).contains("bursar"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = output(&["man", "--folder", "."], folder.path());
    assert!(run.status.success(), "{}", text(&run.stderr));
    let commands = crate::output::commands();
    for (command, _) in &commands {
        let name = format!("bursar {command}").trim().replace(' ', "-");
        let page = std::fs::read(folder.path().join(format!("{name}.1"))).expect(&name);
        assert!(text(&page).contains(&format!(".TH {name} 1")), "{name}: {}", text(&page));
        let words: Vec<&str> = std::iter::once("man").chain(command.split_whitespace()).collect();
        assert_eq!(output(&words, folder.path()).stdout, page, "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), commands.len());
    let run = output(&["man", "release", "everything"], folder.path());
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("there is no command everything"));
}

#[test]
fn a_broken_file_is_reported_whole_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.yaml");
    std::fs::write(
        &file,
        "Butler:\n  logLevel: loud\n  influxDb:\n    hostPort: 80860\n    enabel: true\n",
    )
    .unwrap();
    for command in ["run", "status", "healthcheck"] {
        let run = output(&[command, "-c", file.to_str().unwrap()], folder.path());
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{command}: {said}");
        for expected in [":2:13: Butler.logLevel", ":4:15: Butler.influxDb.hostPort", "enabel"] {
            assert!(said.contains(expected), "{command}: {expected} is missing:\n{said}");
        }
    }
    assert!(!folder.path().join("bursar.db").exists());
    let missing = output(&["run", "-c", "no-such.yaml"], folder.path());
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("no-such.yaml"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_what_works_and_what_does_not() {
    let license = LicenseVariant::signed(When::in_days(400));
    let setup = Setup::new(Scenario { license, ..Scenario::default() }).await;
    let receiver = Receiver::start().await;
    let good = setup.write(&setup.yaml("every 6 hours", &webhook_section(&receiver.url(""))));
    let run = output(&["check", "-c", good.to_str().unwrap()], setup.folder.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{said}{}", text(&run.stderr));
    for expected in [
        "repository 31.62",
        "server license",
        "(in 400 days)",
        "every 6 hours: next",
        "/client.pem",
        "CN=QlikClient, ends 20",
        "/root.pem",
    ] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }

    let wrong_port = setup.yaml("every 6 hours", &webhook_section("http://127.0.0.1:1"));
    let bad = setup.write(&wrong_port);
    let run = output(&["check", "-c", bad.to_str().unwrap(), "--json"], setup.folder.path());
    assert_eq!(run.status.code(), Some(3), "{}", text(&run.stdout));
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&run.stdout).expect("JSON");
    let failed: Vec<_> = rows.iter().filter(|row| row["state"] == "fail").collect();
    assert_eq!(failed.len(), 2, "both webhooks: {failed:#?}");
    assert!(failed.iter().all(|row| !row["fix"].as_str().unwrap().is_empty()), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_runs_shows_its_state_and_ends_when_told() {
    let license = LicenseVariant::signed(When::in_days(400));
    let setup = Setup::new(Scenario { license, ..Scenario::default() }).await;
    let file = setup.write(&setup.yaml("every 6 hours", "  web: {enable: true, port: 0}\n"));
    let file = file.to_str().unwrap();
    let folder = setup.folder.path();

    let before = output(&["healthcheck", "-c", file], folder);
    assert_eq!(before.status.code(), Some(1), "{}", text(&before.stdout));

    let mut daemon = Process::start(&["run", "-c", file], folder);
    let page = daemon.wait_for("status page at http://");
    let page = page.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    daemon.wait_for("server license: valid");
    let healthy = output(&["healthcheck", "-c", file], folder);
    assert_eq!(text(&healthy.stdout), "healthy\n");

    let status = text(&output(&["status", "-c", file], folder).stdout);
    assert!(status.contains("(in 400 days)"), "{status}");
    let live = output(&["status", "-c", file, "--live", "--json"], folder);
    let live: serde_json::Value = serde_json::from_slice(&live.stdout).expect("JSON");
    assert_eq!(live["sites"][0]["serverLicense"]["daysUntilExpiry"], 400, "{live:#}");
    assert_eq!(live["sites"][0]["accessLicenses"]["professional"]["total"], 25.0, "{live:#}");

    let html = reqwest::get(format!("http://{page}/")).await.unwrap();
    let policy = html.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(html.text().await.unwrap().contains("(in 400 days)"));
    let api: serde_json::Value =
        reqwest::get(format!("http://{page}/api/status")).await.unwrap().json().await.unwrap();
    assert_eq!(api["sites"][0]["name"], "default");
    let rebound = reqwest::Client::new()
        .get(format!("http://{page}/api/status"))
        .header("Host", "evil.example.com")
        .send()
        .await
        .unwrap();
    assert_eq!(rebound.status(), 421);
    let health = reqwest::get(format!("http://{page}/health")).await.unwrap();
    assert_eq!(health.status(), 200);

    let (ended, said) = daemon.terminate();
    assert!(ended.success(), "{said:#?}");
    assert!(said.last().unwrap().contains("stopped"), "{said:#?}");
    let secrets = ["eyJ", "BEGIN", "0001 0002"];
    let leaked = said.iter().find(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert_eq!(leaked, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_listed_retried_and_dropped() {
    use crate::support::receiver::Mood;
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    receiver.set(Mood::Status(422));
    let file = setup.write(&setup.yaml("every 6 hours", &webhook_section(&receiver.url(""))));
    let (file, folder) = (file.to_str().unwrap(), setup.folder.path());
    let daemon = Process::start(&["run", "-c", file], folder);
    receiver.wait(|calls| !calls.is_empty()).await;
    daemon.terminate();

    let list = || {
        let run = output(&["outbox", "list", "-c", file, "--refused", "--json"], folder);
        serde_json::from_slice::<Vec<serde_json::Value>>(&run.stdout).expect("JSON")
    };
    let refused = list();
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0]["lastError"].as_str().unwrap().contains("422"), "{refused:#?}");

    let id = refused[0]["eventId"].as_str().unwrap();
    let retry = output(&["outbox", "retry", "-c", file, "--id", id], folder);
    assert_eq!(text(&retry.stdout), "1 event(s) put back into the queue\n");
    assert!(list().is_empty());
    let drop = output(&["outbox", "drop", "-c", file, "--id", id], folder);
    assert_eq!(text(&drop.stdout), "1 event(s) removed\n");
}

#[test]
fn the_demo_shows_results_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let run = bursar(&["demo", "--once", "--port", "0"])
        .env("TMPDIR", folder.path())
        .env("TEMP", folder.path())
        .output()
        .unwrap();
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{said}{}", text(&run.stderr));
    let made = format!("{}/bursar-demo-", folder.path().display());
    // A day less when the demo's fast clock has passed midnight.
    assert!(said.contains("(in 41 days)") || said.contains("(in 40 days)"), "{said}");
    for expected in ["Server license", "Professional", "page      http://", &made] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    assert!(!said.contains('\x1b'), "no colours when nobody looks");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it removes what it made");
}

/// The files in `config/`, as they stand but for the port, against the simulated site.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_settings_work_against_the_simulated_site() {
    let setup = Setup::new(Scenario::demo()).await;
    let (folder, port) = (setup.folder.path(), setup.site.addr().port().to_string());
    for name in ["bursar.yaml", "butler-shaped.yaml"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        let yaml = std::fs::read_to_string(shipped).unwrap().replace("4242", &port);
        std::fs::write(folder.join(name), yaml).unwrap();
        let run = output(&["check", "-c", name, "--json"], folder);
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&run.stdout).expect("JSON");
        let site: Vec<_> =
            rows.iter().filter(|r| r["subject"].as_str().unwrap().starts_with("site ")).collect();
        let subjects: std::collections::BTreeSet<_> =
            site.iter().map(|row| row["subject"].as_str()).collect();
        assert_eq!(subjects.len(), 5, "{name}: {rows:#?}");
        assert!(site.iter().all(|row| row["state"] != "fail"), "{name}: {site:#?}");
        let scheduled = rows.iter().any(|r| r["subject"] == "schedule release, rehearsal");
        assert_eq!(scheduled, name == "butler-shaped.yaml", "{name}: {rows:#?}");
        let mut daemon = Process::start(&["run", "-c", name], folder);
        daemon.wait_for("server license: ");
        let (ended, said) = daemon.terminate();
        assert!(ended.success(), "{said:#?}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut child = bursar(&["config", "default"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_site_can_not_colour_the_terminal() {
    let mut license = LicenseVariant::signed(When::in_days(400));
    license.extra_lines = vec!["Allotment x\u{1b}[31m: 5".to_owned()];
    let version = "31\u{1b}[31m\nok  forged".to_owned();
    let setup = Setup::new(Scenario { license, version, ..Scenario::default() }).await;
    let file = setup.write(&setup.yaml("every 6 hours", ""));
    for command in [&["check"][..], &["status", "--live"]] {
        let run = output(&[command, &["-c", file.to_str().unwrap()]].concat(), setup.folder.path());
        let said = text(&run.stdout) + &text(&run.stderr);
        assert!(said.contains("[31m") && !said.contains('\u{1b}'), "{said:?}");
        assert!(!said.contains("\nok  forged"), "{said}");
    }
}
