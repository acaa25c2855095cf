//! What others may read or change, and what goes over a network for all to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bursar::simulator::Scenario;

use crate::support::process::{Process, output};
use crate::support::setup::Setup;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The warnings of `check`, as `subject: found -> fix`.
fn warnings(setup: &Setup) -> Vec<String> {
    let args = ["check", "-c", "bursar.yaml", "--json", "--timeout", "20s"];
    let run = output(&args, setup.folder.path());
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    let warnings = rows.iter().filter(|row| row["state"] == "warn");
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    warnings
        .map(|row| {
            format!("{}: {} -> {}", text(row, "subject"), text(row, "found"), text(row, "fix"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_warns_of_what_others_can_read_or_change() {
    let setup = Setup::new(Scenario::default()).await;
    let place = setup.folder.path();
    let own = "  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: 1
    version: 2
    v2Config: {org: o, bucket: b, token: a-token-in-clear}
";
    let file = setup.write(&setup.yaml("every 24 hours", own));
    let key = place.join("certificates/client_key.pem");
    set(&file, 0o600);
    set(&key, 0o600);
    let before = warnings(&setup);
    let meant = |list: &[String]| -> Vec<String> {
        let words = ["can read", "can change"];
        list.iter().filter(|line| words.iter().any(|word| line.contains(word))).cloned().collect()
    };
    assert_eq!(meant(&before), [] as [&str; 0]);

    set(&file, 0o646);
    set(&key, 0o644);
    set(&setup.store(), 0o666);
    let said = meant(&warnings(&setup)).join("\n");
    for expected in [
        "settings: every user of this machine can change ",
        "settings: every user of this machine can read the settings, which hold secrets, in ",
        "key Butler.cert.clientCertKey: every user of this machine can read the private key in ",
        "store: every user of this machine can change ",
        "store: every user of this machine can read the store, which names people, in ",
    ] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    set(&file, 0o600);
    set(&key, 0o600);
    set(&setup.store(), 0o600);
    // Whoever may write into the folder puts another file in the place of this one.
    set(place, 0o777);
    let said = meant(&warnings(&setup)).join("\n");
    assert!(said.contains("settings: every user of this machine can change "), "{said}");
    set(place, 0o1777);
    assert_eq!(meant(&warnings(&setup)), [] as [&str; 0]);
    set(place, 0o700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_warns_of_credentials_that_anybody_on_the_way_can_read() {
    let setup = Setup::new(Scenario::default()).await;
    let sections = |host: &str| {
        format!(
            "  influxDb:
    enable: true
    hostIP: {host}
    hostPort: 1
    version: 2
    v2Config: {{org: o, bucket: b, token: a-token-in-clear}}
  mqttConfig: {{enable: true, brokerHost: '{host}', brokerPort: 1, username: u, password: broker-password}}
  email: {{enable: true, host: '{host}', port: 1, security: none, username: u, password: mail-password,
    from: a@example.com, to: [b@example.com], timeoutSeconds: 1}}
  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor:
      webhooks:
        - {{description: with a key, webhookURL: 'http://{host}:1/x', headers: [{{name: X-Key, value: webhook-key}}]}}
        - {{description: with none, webhookURL: 'http://{host}:1/x'}}
  heartbeat: {{enable: true, remoteURL: 'http://{host}:1/beat', frequency: every 24 hours}}
"
        )
    };
    // An address that is for documentation: nobody is there.
    setup.write(&setup.yaml("every 24 hours", &sections("192.0.2.1")));
    let text = fs::read_to_string(setup.folder.path().join("bursar.yaml")).unwrap();
    assert!(text.contains("192.0.2.1"));
    let clear = |list: Vec<String>| -> Vec<String> {
        list.into_iter().filter(|line| line.contains(" unencrypted")).collect()
    };
    let said = clear(warnings(&setup));
    assert_eq!(
        said,
        [
            "bursar.yaml:43:63: Butler.email.security: the password goes over the network unencrypted -> set it to starttls or tls",
            "bursar.yaml:51:40: Butler.heartbeat.remoteURL: signs of life go over the network unencrypted, with the address that lets anybody send them -> write https:// if the service has it",
            "Butler.influxDb: the credentials go to http://192.0.2.1:1 unencrypted -> set useSSL: true",
            "Butler.mqttConfig: the password goes to 192.0.2.1 unencrypted -> set tls.enable: true and the port for TLS (usually 8883)",
            "Butler.webhookNotification: the credentials of webhook \"with a key\" go to http://192.0.2.1:1 unencrypted -> write an address that begins with https",
        ]
    );
    setup.write(&setup.yaml("every 24 hours", &sections("127.0.0.1")));
    assert_eq!(clear(warnings(&setup)), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_the_daemon_have_the_modes_that_the_page_says() {
    let setup = Setup::new(Scenario::default()).await;
    let place = setup.folder.path();
    let log = "  fileLogging: true\n  logDirectory: log\n";
    setup.write(&setup.yaml("every 24 hours", log));
    // As a shell with a wide umask starts it, and as an older version left the lock.
    let lock = place.join("bursar.db.lock");
    fs::write(&lock, "").unwrap();
    set(&lock, 0o666);
    let mut command = std::process::Command::new("sh");
    command
        .arg("-c")
        .arg("umask 0; exec \"$0\" run -c bursar.yaml")
        .arg(env!("CARGO_BIN_EXE_bursar"));
    command.env("NO_COLOR", "1").current_dir(place);
    let mut daemon = Process::spawn(&mut command);
    daemon.wait_for("server license: valid");
    let log = fs::read_dir(place.join("log")).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&lock), mode(&log), mode(&place.join("log"))), (0o600, 0o640, 0o750));
    for end in ["", "-wal", "-shm", "-id", "-head"] {
        let name = format!("bursar.db{end}");
        assert_eq!(mode(&place.join(&name)), 0o600, "{name}");
    }
    let page = include_str!("../../../docs/install.md");
    for row in [
        "| store, `-wal` and `-shm` beside it | 0600 |",
        "| lock file, `bursar.db.lock` | 0600 |",
        "| id of the installation, `bursar.db-id` | 0600 |",
        "| how far the record of releases has come, `bursar.db-head` | 0600 |",
        "| log files | 0640 |",
    ] {
        assert!(page.contains(row), "{row}");
    }
    daemon.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_else_holds_is_no_healthy_daemon() {
    let setup = Setup::new(Scenario::default()).await;
    let place = setup.folder.path();
    setup.write(&setup.yaml("every 24 hours", ""));
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], place);
    daemon.wait_for("server license: valid");
    let health = || output(&["healthcheck", "-c", "bursar.yaml"], place);
    assert!(health().status.success());
    daemon.terminate();
    // Its polls are still on time, and the lock is held: by us, who are no daemon.
    let lock =
        fs::File::options().write(true).truncate(true).open(place.join("bursar.db.lock")).unwrap();
    lock.lock().unwrap();
    let said = health();
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("another process holds its lock file"), "{said}");
    let run = output(&["run", "-c", "bursar.yaml"], place);
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stderr).unwrap().contains("doesn't say it is bursar"));
}

/// Only an administrator can be two users.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_user_does_not_keep_the_daemon_from_starting() {
    use std::os::unix::process::CommandExt;

    if !rustix_is_root() {
        return;
    }
    let setup = Setup::new(Scenario::default()).await;
    let place = setup.folder.path();
    setup.write(&setup.yaml("every 24 hours", ""));
    let lock = place.join("bursar.db.lock");
    fs::write(&lock, "bursar 1\n").unwrap();
    set(&lock, 0o666);
    set(place, 0o755);
    let mut other = std::process::Command::new("flock");
    other.arg(&lock).args(["sh", "-c", "echo held; read end"]).uid(65534).gid(65534);
    other.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut said).unwrap();
    let health = output(&["healthcheck", "-c", "bursar.yaml"], place);
    assert_eq!(health.status.code(), Some(1), "{health:?}");
    let mut daemon = Process::start(&["run", "-c", "bursar.yaml"], place);
    daemon.wait_for("another user holds the lock file");
    daemon.wait_for("server license: valid");
    assert_eq!(mode(&lock), 0o600);
    assert!(output(&["healthcheck", "-c", "bursar.yaml"], place).status.success());
    daemon.terminate();
    drop(other.stdin.take());
    other.wait().unwrap();
}

fn rustix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata("/proc/self").is_ok_and(|facts| facts.uid() == 0)
}
