//! What orchestrators ask: `/healthz`, `/readyz`, `bursar healthcheck`.

use std::process::Command;

use bursar::simulator::{Fault, FaultRule, Scenario};
use serde_json::Value;

use crate::support::process::{Process, bursar, output, until};
use crate::support::receiver::{Mood, Receiver};
use crate::support::setup::{Setup, webhook_section};

struct World {
    setup: Setup,
    daemon: Process,
    page: String,
}

impl World {
    async fn start(scenario: Scenario, more: &str) -> Self {
        let setup = Setup::new(scenario).await;
        let more =
            format!("{more}  web: {{enable: true, port: 0}}\n  configReload: {{seconds: 1}}\n");
        let file = setup.write(&setup.yaml("every 1 minute", &more));
        let args = ["run", "-c", file.to_str().unwrap()];
        let mut daemon = Process::start(&args, setup.folder.path());
        let line = daemon.wait_for("status page at http://");
        let page = line.split("status page at ").nth(1).unwrap().trim().to_owned();
        Self { setup, daemon, page }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.page)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn reasons(&self) -> Vec<String> {
        let (code, text) = self.get("readyz").await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(code == 200, answer["ready"] == true, "{text}");
        let reasons = answer["reasons"].as_array().unwrap();
        assert_eq!(answer["problems"], reasons.len(), "{text}");
        reasons.iter().map(|of| format!("{}: {}", of["of"], of["what"])).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_what_does_not_work_and_liveness_does_not_care() {
    let receiver = Receiver::start().await;
    let world = World::start(Scenario::default(), &webhook_section(&receiver.url(""))).await;
    until("all works", async || world.reasons().await.is_empty().then_some(())).await;

    let file = world.setup.folder.path().join("bursar.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}  locale: elvish\n")).unwrap();
    let has = async |text: &str| {
        world.reasons().await.iter().any(|reason| reason.contains(text)).then_some(())
    };
    until("the file", async || has("settings").await).await;
    assert_eq!(world.get("healthz").await, (200, "alive\n".to_owned()));

    receiver.set(Mood::Status(503));
    std::fs::write(&file, good.replace("every 1 minute", "every 2 minutes")).unwrap();
    until("the destination", async || has("takes nothing").await).await;
    assert_eq!(world.get("healthz").await, (200, "alive\n".to_owned()));
    receiver.set(Mood::Well);
    until("all works again", async || world.reasons().await.is_empty().then_some(())).await;
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_was_not_read_yet_is_not_ready() {
    let faults = vec![FaultRule::from(Fault::Hang)];
    let world = World::start(Scenario { faults, ..Scenario::default() }, "").await;
    let reasons = world.reasons().await;
    assert!(reasons.iter().any(|reason| reason.contains("was not read yet")), "{reasons:?}");
    assert_eq!(world.get("healthz").await.0, 200);
}

/// The watchdog of systemd is fed while `/healthz` says that the daemon lives, and not longer.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_fed_while_the_daemon_lives() {
    use std::os::unix::net::UnixDatagram;

    let setup = Setup::new(Scenario::default()).await;
    let socket = setup.folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let told = || {
        let mut text = [0; 4096];
        let length = systemd.recv(&mut text)?;
        Ok::<_, std::io::Error>(String::from_utf8(text[..length].to_vec()).unwrap())
    };
    let file = setup.write(&setup.yaml("every 24 hours", "  web: {enable: true, port: 0}\n"));
    let mut daemon = Process::spawn(
        bursar(&["run", "-c", file.to_str().unwrap()])
            .current_dir(setup.folder.path())
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "300000"),
    );
    let line = daemon.wait_for("status page at http://");
    let page = line.split("status page at ").nth(1).unwrap().trim().to_owned();
    let alive = async || reqwest::get(format!("{page}healthz")).await.unwrap().status().as_u16();
    systemd.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    for expected in ["READY=1", "WATCHDOG=1"] {
        while !told().unwrap().contains(expected) {}
    }
    assert_eq!(alive().await, 200);

    let db = crate::support::store::database(setup.store());
    db.execute_batch("ALTER TABLE health RENAME TO elsewhere").unwrap();
    daemon.wait_for("no such table: health");
    systemd.set_nonblocking(true).unwrap();
    while told().is_ok() {}
    assert_eq!(alive().await, 503);
    // Longer than the watchdog would wait: nothing comes, however slow this computer is.
    systemd.set_nonblocking(false).unwrap();
    systemd.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    assert!(told().is_err(), "it is fed though the store can't be read");

    db.execute_batch("ALTER TABLE elsewhere RENAME TO health").unwrap();
    daemon.wait_for("the store can be read again");
    systemd.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    assert!(told().unwrap().contains("WATCHDOG=1"));
    drop(db);
    let (ended, log) = daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    while !told().unwrap().contains("STOPPING=1") {}
}

/// A lock is held by a process that does nothing any more, too.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_does_not_answer_is_not_healthy() {
    let world = World::start(Scenario::default(), "").await;
    let healthy = || {
        let output = output(&["healthcheck", "-c", "bursar.yaml"], world.setup.folder.path());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    until("it is well", async || (healthy().0 == Some(0)).then_some(())).await;
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &world.daemon.id().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    signal("-STOP");
    let (code, said) = healthy();
    signal("-CONT");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not answer"), "{said}");
    until("it is well again", async || (healthy().0 == Some(0)).then_some(())).await;
}

/// A typo is no reason to end a daemon that goes on with the settings of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_on_the_settings_of_before_is_healthy() {
    let world = World::start(Scenario::default(), "").await;
    let healthy = || {
        let output = output(&["healthcheck", "-c", "bursar.yaml"], world.setup.folder.path());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    until("it is well", async || (healthy().0 == Some(0)).then_some(())).await;
    let file = world.setup.folder.path().join("bursar.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    for broken in ["  x: [1\n", "  locale: elvish\n"] {
        std::fs::write(&file, format!("{good}{broken}")).unwrap();
        let (code, said) = healthy();
        assert_eq!(code, Some(0), "{broken}: {said}");
        assert!(said.contains("settings of before"), "{said}");
    }
    let (ended, log) = world.daemon.terminate();
    assert!(ended.success(), "{log:#?}");
    assert_eq!(healthy().0, Some(2), "and without a daemon it is what the file is");
}
