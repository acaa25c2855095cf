//! Servers that never end a line or an answer.

use std::time::Duration;

use bursar::destination::email::Email;
use bursar::destination::email::settings::{Email as EmailSettings, EmailSecurity};
use bursar::destination::settings::BasicAuth;
use bursar::destination::template::samples;
use bursar::destination::{Destination, Outcome};
use bursar::event::route::Routes;
use bursar::license::DateOrder;
use bursar::qrs::{Client, Patience};
use bursar::secret::Secret;
use bursar::simulator::Scenario;

use super::connection;
use crate::support::endless::{Endless, Step, TAKEN};
use crate::support::mosquitto::{Pki, SERVER_NAME};
use crate::support::process::{self, Process, until};
use crate::support::setup::Setup;

const GREETING: Step = Step::Say(b"220 mail.test\r\n");
const LINE: Step = Step::Until(b"\r\n");
const HELLO: Step = Step::Say(b"250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n");
const OK: Step = Step::Say(b"250 ok\r\n");
const NO_END: Step = Step::Endless(b"x");

fn email(port: u16, security: EmailSecurity, pki: &Pki) -> Email {
    let settings = EmailSettings {
        host: "127.0.0.1".into(),
        port,
        security,
        ca_cert: Some(pki.ca.clone()),
        reject_unauthorized: true,
        server_name: Some(SERVER_NAME.into()),
        auth: Some(BasicAuth { username: "me".into(), password: Secret::new("secret") }),
        oauth2: None,
        hello_name: Some("bursar.test".into()),
        from: "bursar@example.com".parse().unwrap(),
        to: vec!["ada@example.com".parse().unwrap()],
        cc: vec![],
        timeout: Duration::from_secs(60),
        subject: None,
        text: None,
        html: None,
    };
    Email::new(&settings, Routes::default(), chrono_tz::UTC).unwrap()
}

#[tokio::test]
async fn a_mail_server_that_never_ends_is_read_for_16_kib() {
    let pki = Pki::new();
    let until = |steps: &[Step]| [steps, &[NO_END]].concat();
    let starttls = [GREETING, LINE, HELLO, LINE, Step::Say(b"220 go on\r\n"), Step::Tls];
    let auth = [LINE, Step::Say(b"235 welcome\r\n")];
    let mail = [LINE, OK, LINE, OK];
    let data = [LINE, Step::Say(b"354 go on\r\n"), Step::Until(b"\r\n.\r\n")];
    use EmailSecurity::{None as Plain, StartTls, Tls};
    let cases = [
        ("greeting", Plain, until(&[])),
        ("line after hello", Plain, until(&[GREETING, LINE])),
        ("lines after hello", Plain, vec![GREETING, LINE, Step::Endless(b"250-AUTH PLAIN\r\n")]),
        ("login", Plain, until(&[GREETING, LINE, HELLO, LINE])),
        (
            "the message",
            Plain,
            until(&[&[GREETING, LINE, HELLO][..], &auth, &mail, &data].concat()),
        ),
        ("encrypted", Tls, until(&[Step::Tls])),
        ("encrypted, lines", Tls, vec![Step::Tls, GREETING, LINE, Step::Endless(b"250-x\r\n")]),
        ("before STARTTLS", StartTls, until(&[])),
        ("the word to STARTTLS", StartTls, until(&[GREETING, LINE, HELLO, LINE])),
        ("after STARTTLS", StartTls, until(&[&starttls[..], &[LINE]].concat())),
        (
            "after STARTTLS, lines",
            StartTls,
            [&starttls[..], &[LINE, HELLO, LINE, Step::Endless(b"235-x\r\n")]].concat(),
        ),
    ];
    let event = samples::all().into_iter().next().unwrap();
    for (name, security, script) in cases {
        let server = Endless::start(script, Some(&pki)).await;
        let email = email(server.port, security, &pki);
        let outcome = email.deliver(std::slice::from_ref(&event)).await.remove(0);
        let Outcome::Retry { why, .. } = &outcome else { panic!("{name}: {outcome:?}") };
        assert!(why.contains("its answer has more than 16 KiB"), "{name}: {why}");
        assert!(server.taken() < TAKEN, "{name}: {}", server.taken());
    }
}

const REQUEST: Step = Step::Until(b"\r\n\r\n");

/// Answers of HTTP without an end, in all of their parts.
fn http() -> Vec<(&'static str, Vec<Step>)> {
    let body = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let error = b"HTTP/1.1 500 No\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    vec![
        ("status line", vec![REQUEST, Step::Say(b"HTTP/1.1 200 "), NO_END]),
        ("one header", vec![REQUEST, Step::Say(b"HTTP/1.1 200 OK\r\nx: "), NO_END]),
        ("headers", vec![REQUEST, Step::Say(b"HTTP/1.1 200 OK\r\n"), Step::Endless(b"a: b\r\n")]),
        ("informational", vec![REQUEST, Step::Endless(b"HTTP/1.1 100 Continue\r\n\r\n")]),
        ("body", vec![REQUEST, Step::Say(body), NO_END]),
        ("body of an error", vec![REQUEST, Step::Say(error), NO_END]),
        ("length of a chunk", vec![REQUEST, Step::Say(chunked), Step::Endless(b"f")]),
        ("extension", vec![REQUEST, Step::Say(chunked), Step::Say(b"1;"), NO_END]),
        (
            "trailers",
            vec![REQUEST, Step::Say(chunked), Step::Say(b"0\r\n"), Step::Endless(b"a: b\r\n")],
        ),
    ]
}

#[tokio::test]
async fn a_site_that_never_ends_is_not_read_for_ever() {
    for (name, script) in http() {
        let server = Endless::start(script, None).await;
        let client = Client::new("test", &connection(server.port)).unwrap();
        let answer = client.server_license(DateOrder::Unset, Patience::ONCE).await;
        assert!(answer.is_err(), "{name}");
        assert!(server.taken() < TAKEN, "{name}: {}", server.taken());
    }
}

/// All destinations at once, through the command.
#[tokio::test]
async fn receivers_that_never_end_are_told_by_check() {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in http() {
        let server = Endless::start(script, None).await;
        let yaml = format!(
            "Butler:
  logLevel: info
  configQRS: {{host: 127.0.0.1, port: {port}, useSSL: false, authentication: certificates, headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}}]}}}}
  cert: {{clientCert: a, clientCertKey: b, clientCertCA: c}}
  qlikSenseLicense:
    serverLicenseMonitor: {{enable: true, frequency: every 6 hours}}
  influxDb:
    enable: true
    hostIP: 127.0.0.1
    hostPort: {port}
    version: 2
    v2Config: {{org: o, bucket: b, token: t}}
",
            port = server.port,
        );
        let file = folder.path().join("bursar.yaml");
        std::fs::write(&file, yaml).unwrap();
        let path = folder.path().to_owned();
        let run = move || process::output(&["check", "-c", "bursar.yaml"], &path);
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success(), "{name}: {said}");
        assert!(said.contains("InfluxDB"), "{name}: {said}");
        assert!(server.taken() < 8 * TAKEN, "{name}: {}", server.taken());
    }
}

/// Where signs of life are sent is another's server, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_signs_of_life_and_never_ends_is_not_read_for_ever() {
    let setup = Setup::new(Scenario::default()).await;
    let some = |name: &str| ["headers", "body", "body of an error"].contains(&name);
    for (name, script) in http().into_iter().filter(|(name, _)| some(name)) {
        let server = Endless::start(script, None).await;
        let more = format!(
            "  heartbeat: {{enable: true, remoteURL: 'http://127.0.0.1:{}/', frequency: every 1 minute, signals: startAndFail}}\n",
            server.port
        );
        let file = setup.write(&setup.yaml("every 1 minute", &more));
        let args = ["run", "-c", file.to_str().unwrap(), "--speed", "300"];
        let mut daemon = Process::start(&args, setup.folder.path());
        let taken = async || (server.taken() > 0).then_some(());
        until("a sign of life is answered", taken).await;
        // An answer that says 200 before it goes on and on is one.
        if name != "body" {
            daemon.wait_for("signs of life do not get to");
        }
        let (ended, log) = daemon.terminate();
        assert!(ended.success(), "{name}: {log:#?}");
        assert!(server.taken() < 8 * TAKEN, "{name}: {}", server.taken());
    }
}
