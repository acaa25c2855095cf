//! What is wrong with one site, one destination or the disk doesn't stop the rest.

use std::path::Path;
use std::process::Command;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::{Monitor, Rule};
use bursar::simulator::Scenario;
use bursar::store::{Health, Store};

use crate::support::process::{Process, output, until};
use crate::support::receiver::Receiver;
use crate::support::setup::Setup;

/// Two names for the simulated site; the second one has files of its own.
fn two_sites(setup: &Setup, more: &str) -> String {
    let own = setup.folder.path().join("own");
    std::fs::create_dir_all(&own).unwrap();
    let own = own.display();
    let sites = format!(
        "  sites:
    - name: one
    - name: two
      cert: {{clientCert: '{own}/client.pem', clientCertKey: '{own}/client_key.pem', clientCertCA: '{own}/root.pem'}}
{more}"
    );
    setup.yaml("every 10 minutes", &sites)
}

/// Gives the second site the files of the first.
fn renew(setup: &Setup) {
    for file in ["root.pem", "client_key.pem", "client.pem"] {
        let from = setup.folder.path().join("certificates").join(file);
        std::fs::copy(from, setup.folder.path().join("own").join(file)).unwrap();
    }
}

/// A client certificate that ended long ago, with its key.
fn expired(folder: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let own = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("client.pem"), own.pem()).unwrap();
    std::fs::write(folder.join("client_key.pem"), key.serialize_pem()).unwrap();
}

async fn health(store: &Store, site: &str) -> Option<Health> {
    let all = store.health().await.unwrap();
    all.into_iter().find(|h| h.site == site && h.monitor == Monitor::AccessLicense)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_without_its_certificate_is_left_out_until_it_has_one() {
    let setup = Setup::new(Scenario::default()).await;
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let settings = setup.load(&two_sites(&setup, ""));
    renew(&setup);
    expired(&setup.folder.path().join("own"));
    let daemon = Daemon::start(settings, clock).await.expect("it starts with the other site");
    let store = daemon.store();
    let works = async |site| health(store, site).await.filter(|h| h.failures == 0).map(drop);
    until("the first site", async || works("one").await).await;
    let fails = async || health(store, "two").await?.problem().cloned();
    let problem = until("the second one's problem", fails).await;
    assert_eq!(problem.code, "certificate-file");
    assert!(problem.text.contains("own/client.pem expired on 2020-01-01"), "{}", problem.text);
    let fires = async |rule| store.alerts().await.unwrap().into_keys().any(|key| key.rule == rule);
    for rule in [Rule::SiteUnreachable, Rule::CertificateExpiring] {
        until("an alert", async || fires(rule).await.then_some(())).await;
    }
    renew(&setup);
    until("the second site, without a restart", async || works("two").await).await;
    let ended = async || (!fires(Rule::CertificateExpiring).await).then_some(());
    until("the end of the alert", ended).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_starts_with_what_works_and_says_what_does_not() {
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&two_sites(&setup, ""));
    let (file, folder) = (file.to_str().unwrap(), setup.folder.path());
    let mut daemon = Process::start(&["run", "-c", file], folder);
    daemon.wait_for("left out until it is mended");
    daemon.wait_for("access licenses");
    let (ended, said) = daemon.terminate();
    assert!(ended.success(), "{said:#?}");

    let checked = output(&["config", "check", "-c", file], folder);
    assert_eq!(checked.status.code(), Some(3));
    let strict = output(&["run", "-c", file, "--strict"], folder);
    let said = String::from_utf8(strict.stderr).unwrap();
    assert_eq!(strict.status.code(), Some(2), "{said}");
    assert!(said.contains("own/client.pem"), "{said}");

    // Readers need no certificate, and a daemon needs one that can be used.
    std::fs::remove_dir_all(setup.folder.path().join("certificates")).unwrap();
    for command in [
        vec!["status"],
        vec!["outbox", "list"],
        vec!["alert", "list"],
        vec!["release", "history", "--site", "one"],
        vec!["audit", "verify"],
        vec!["report"],
        vec!["insight", "utilization", "--site", "one"],
        vec!["config", "explain"],
    ] {
        let read = output(&[command.as_slice(), &["-c", file]].concat(), folder);
        let said = String::from_utf8(read.stderr).unwrap();
        assert_ne!(read.status.code(), Some(2), "{command:?}: {said}");
        assert!(!said.contains(".pem"), "{command:?}: {said}");
    }
    for command in [vec!["run"], vec!["check"], vec!["config", "check"]] {
        let ended = output(&[command.as_slice(), &["-c", file]].concat(), folder);
        assert_eq!(ended.status.code(), Some(2), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_cannot_be_set_up_waits_and_the_others_get_theirs() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = Receiver::start().await;
    let ca = setup.folder.path().join("later.pem");
    let more = format!(
        "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      rateLimit: 0
      webhooks:
        - {{description: well, webhookURL: '{well}', httpMethod: POST}}
        - {{description: later, webhookURL: '{later}', httpMethod: POST, cert: {{enable: true, certCA: '{ca}'}}}}
",
        well = receiver.url("/well"),
        later = receiver.url("/later"),
        ca = ca.display(),
    );
    let settings = setup.load(&setup.yaml("every 6 hours", &more));
    let daemon = Daemon::start(settings, Clock::System).await.expect("it starts with the other");
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/well")).await;
    let store = daemon.store();
    let waits = async || {
        let queues = store.queue_states().await.unwrap();
        queues.into_iter().find(|queue| queue.pending == 1)?.last_error
    };
    let why = until("why it waits", waits).await;
    assert!(why.contains("later.pem"), "{why}");
    assert!(receiver.taken("/later").is_empty());
    std::fs::copy(setup.folder.path().join("certificates/root.pem"), &ca).unwrap();
    receiver.wait(|calls| calls.iter().any(|call| call.path == "/later")).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_was_never_read_is_not_called_healthy() {
    let setup = Setup::new(Scenario::default()).await;
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let settings = setup.load(&two_sites(&setup, "  web: {enable: true, port: 0}\n"));
    let daemon = Daemon::start(settings, clock).await.expect("it starts with the other site");
    let health = format!("http://{}/health", daemon.page().unwrap());
    let answer = async || {
        let answer = reqwest::get(&health).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let degraded = async || Some(answer().await).filter(|(_, text)| text.starts_with("degraded: "));
    let (status, text) = until("it tells of the site", degraded).await;
    assert_eq!(status, 200, "a restart would not help: {text}");
    let told = "access licenses of two (certificate-file)";
    assert!(text.starts_with("degraded: nothing is read by ") && text.contains(told), "{text}");
    assert!(!text.contains("of one"), "{text}");
    renew(&setup);
    until("all is well", async || (answer().await.1 == "healthy\n").then_some(())).await;
    daemon.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_ends_nothing() {
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 6 hours", ""));
    let mut daemon = Process::start(&["run", "-c", file.to_str().unwrap()], setup.folder.path());
    daemon.wait_for("access licenses");
    let sent = Command::new("kill").args(["-HUP", &daemon.id().to_string()]).status();
    assert!(sent.unwrap().success());
    daemon.wait_for("the settings were read again: nothing changed");
    let (ended, said) = daemon.terminate();
    assert!(ended.success(), "{said:#?}");
}

/// A limit on the size of files is a full disk to whoever writes one.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_not_healthy() {
    let setup = Setup::new(Scenario::default()).await;
    let file = setup.write(&setup.yaml("every 10 minutes", "  web: {enable: true, port: 0}\n"));
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" run -c \"$1\" --speed 6000";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_bursar"), file.to_str().unwrap()]);
    command.env("NO_COLOR", "1").env_remove("STATE_DIRECTORY").current_dir(setup.folder.path());
    let mut daemon = Process::spawn(&mut command);
    let page = daemon.wait_for("status page at http://");
    let page = page.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let health = format!("http://{page}/health");
    let answer = async || {
        let answer = reqwest::get(&health).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    // With time that fast, monitors may be late meanwhile.
    let full = async || Some(answer().await).filter(|(_, text)| text.starts_with("what was read"));
    let (status, text) = until("it tells that nothing can be stored", full).await;
    assert_eq!((status, &*text), (503, "what was read can't be stored, see the log\n"));
    // What is there can be read all the same.
    for command in [vec!["status"], vec!["outbox", "list"]] {
        let arguments = [command.as_slice(), &["-c", file.to_str().unwrap()]].concat();
        let read = output(&arguments, setup.folder.path());
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    }
    daemon.kill();
}
