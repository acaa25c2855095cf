//! `bursar init`: from nothing to settings that work.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use bursar::simulator::Scenario;

use crate::support::process::output;
use crate::support::setup::Setup;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_writes_reads_a_site() {
    let setup = Setup::new(Scenario::default()).await;
    let folder = setup.folder.path();
    let certificates = folder.join("certificates");
    let port = setup.site.addr().port().to_string();
    let run = output(
        &[
            "init",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--tls-server-name",
            &setup.site.pki().server_name,
            "--certificates",
            certificates.to_str().unwrap(),
            "--check",
            "new.yaml",
        ],
        folder,
    );
    let said = text(&run.stdout) + &text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    assert!(said.contains("wrote new.yaml") && said.contains("repository"), "{said}");
    // It never takes the place of a file.
    let before = std::fs::read(folder.join("new.yaml")).unwrap();
    let again = output(&["init", "--host", "other.example.com", "new.yaml"], folder);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("stays as it is"), "{}", text(&again.stderr));
    assert_eq!(std::fs::read(folder.join("new.yaml")).unwrap(), before);
}

#[test]
fn what_it_writes_is_valid_and_what_it_cannot_is_said() {
    let folder = tempfile::tempdir().unwrap();
    bursar::simulator::Pki::generate("one").write_to(&folder.path().join("certificates")).unwrap();
    let init = |arguments: &[&str]| output(&[&["init"], arguments].concat(), folder.path());
    let full = init(&[
        "--host",
        "qlik.example.com",
        "--influxdb",
        "http://influxdb.example.com:8086",
        "--mail-host",
        "smtp.example.com",
        "--mail-from",
        "bursar@example.com",
        "--mail-to",
        "a@example.com,b@example.com",
    ]);
    let said = text(&full.stdout);
    assert_eq!(full.status.code(), Some(0), "{said}{}", text(&full.stderr));
    assert!(said.contains("bursar check -c bursar.yaml") && said.contains("alert test"), "{said}");
    let check = output(&["config", "check", "-c", "bursar.yaml"], folder.path());
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    assert_eq!(text(&check.stderr), "", "no warning");
    let lines = std::fs::read_to_string(folder.path().join("bursar.yaml")).unwrap().lines().count();
    assert!(lines < 55, "{lines}");
    let shown = init(&["--host", "qlik.example.com", "-"]);
    assert!(shown.status.success() && !folder.path().join("-").exists(), "{}", text(&shown.stderr));
    assert!(text(&shown.stdout).contains("host: qlik.example.com"), "{}", text(&shown.stdout));
    for (arguments, expected) in [
        (&["x.yaml"][..], "--host is missing"),
        (
            &["--host", "https://qlik.example.com/qrs", "x.yaml"],
            "write the name or IP address alone",
        ),
        (&["--host", "q", "--influxdb", "http://u:p@h:8086", "x.yaml"], "${env:INFLUXDB_PASSWORD}"),
        (&["--host", "q", "--user", "sa_api", "x.yaml"], "write directory and id"),
        (&["--host", "q", "--user", "A;b\nButler: x", "x.yaml"], "a line break"),
        (&["--host", "q", "--user", "A;${file:/etc/passwd}", "x.yaml"], "is a reference"),
        (&["--host", "${env:HOME}", "x.yaml"], "is a reference"),
        (&["--host", "q", "--certificates", "a\n\nb", "x.yaml"], "a line break"),
        (&["--host", "q", "--mail-host", "m", "x.yaml"], "--mail-from"),
        (&["--host", "q", "--webhook", "ftp://h/x", "x.yaml"], "https://hooks.example.com/T0001"),
        (&["--host", "q", "--webhook", "https://u:p@h/x", "x.yaml"], "leave out user and password"),
        (&["--host", "q", "--webhook", "https://h/?k=${env:HOME}", "x.yaml"], "is a reference"),
        (&["--host", "q", "no/such/folder.yaml"], "no file can be made in its folder"),
    ] {
        let run = init(arguments);
        assert!(!run.status.success(), "{arguments:?}");
        assert!(text(&run.stderr).contains(expected), "{arguments:?}: {}", text(&run.stderr));
        assert!(!folder.path().join("x.yaml").exists(), "{arguments:?}");
    }
}

/// A receiver of webhooks alone is enough to hear of alerts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_it_was_given_gets_the_test_message() {
    let setup = Setup::new(Scenario::default()).await;
    let receiver = crate::support::receiver::Receiver::start().await;
    let folder = setup.folder.path();
    let port = setup.site.addr().port().to_string();
    let hook = receiver.url("/T0001");
    let certificates = folder.join("certificates");
    let mut init = vec!["init", "--host", "127.0.0.1", "--port", &port];
    init.extend(["--tls-server-name", &setup.site.pki().server_name, "--webhook", &hook]);
    init.extend(["--certificates", certificates.to_str().unwrap(), "hook.yaml"]);
    let run = output(&init, folder);
    let said = text(&run.stdout) + &text(&run.stderr);
    assert!(run.status.success() && said.contains("alert test -c hook.yaml"), "{said}");
    let check = output(&["config", "check", "-c", "hook.yaml"], folder);
    assert!(check.status.success() && check.stderr.is_empty(), "{}", text(&check.stderr));
    // The store is the daemon's by default.
    let file = folder.join("hook.yaml");
    let yaml = std::fs::read_to_string(&file).unwrap();
    let store = setup.store().display().to_string();
    std::fs::write(&file, yaml + &format!("  storage: {{path: '{store}'}}\n")).unwrap();
    let test = output(&["alert", "test", "-c", "hook.yaml"], folder);
    assert_eq!(test.status.code(), Some(0), "{}", text(&test.stderr));
    let told = receiver.taken("/T0001");
    assert!(!told.is_empty() && told.iter().all(|body| body.contains("test")), "{told:?}");
}

/// Answers on a terminal.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_asks() {
    let folder = tempfile::tempdir().unwrap();
    let asked = |answers: &str| -> Output {
        let program = format!("{} init", env!("CARGO_BIN_EXE_bursar"));
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--echo", "never", "--command", &program, "/dev/null"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("util-linux has script");
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let file = folder.path().join("bursar.yaml");
    let answers = "qlik.example.com\n\n\nno address\na@example.com\n\n\n\n\nno\n";
    let run = asked(answers);
    let said = text(&run.stdout);
    assert!(run.status.success() && said.contains("wrote bursar.yaml"), "{said}");
    let written = std::fs::read_to_string(&file).unwrap();
    for expected in [
        "host: qlik.example.com",
        "certificates/root.pem",
        "host: smtp.example.com",
        "from: bursar@example.com",
    ] {
        assert!(written.contains(expected), "{expected}:\n{written}");
    }
    assert!(!written.contains("influxDb"), "{written}");

    // The whole conversation, with answers that can't be used.
    std::fs::remove_file(&file).unwrap();
    let run = asked(
        "\n${env:HOST}\nqlik.example.com\nqlik-server\ncerts\n${file:/etc/passwd}\n\nhook\nhttps://hooks/T1\nno address\nhttps://influxdb:8443\nlicenses\nno\n",
    );
    let said = text(&run.stdout);
    assert!(run.status.success(), "{said}");
    let mut rest = said.as_str();
    for expected in [
        "Name or IP address of the central node: ",
        "Name or IP address of the central node: ${...} is a reference",
        "Name or IP address of the central node: ",
        "Name in the server's certificate, where it is another than that (tlsServerName): ",
        "Certificates are exported from the QMC",
        "Folder with client.pem, client_key.pem, root.pem [certificates]: ",
        "Who gets alerts by e-mail (addresses; empty for nobody): ${...} is a reference",
        "Who gets alerts by e-mail (addresses; empty for nobody): ",
        "Webhook that gets alerts, such as of Teams or Slack (address; empty for none): write it such as https://hooks.example.com/T0001",
        "Webhook that gets alerts, such as of Teams or Slack (address; empty for none): ",
        "Address of InfluxDB 1.x (empty for none): write it such as http://influxdb.example.com:8086",
        "Address of InfluxDB 1.x (empty for none): ",
        "Its database [bursar]: ",
        "Try the settings now (yes or no) [yes]: ",
        "wrote bursar.yaml",
        "check -c bursar.yaml",
        "run -c bursar.yaml",
    ] {
        let at = rest.find(expected).unwrap_or_else(|| panic!("{expected} is not next:\n{said}"));
        rest = &rest[at + expected.len()..];
    }
    let written = std::fs::read_to_string(&file).unwrap();
    for expected in [
        "tlsServerName: qlik-server",
        "certs/root.pem",
        "hostPort: 8443",
        "dbName: licenses",
        "webhookURL: 'https://hooks/T1'",
    ] {
        assert!(written.contains(expected), "{expected}:\n{written}");
    }
    assert!(!written.contains("${") && !written.contains("email"), "{written}");
    // At the end of the input nothing is written.
    std::fs::remove_file(&file).unwrap();
    let run = asked("qlik.example.com\n\u{4}");
    assert!(!run.status.success() && !file.exists(), "{}", text(&run.stdout));
}
