//! The e-mail destination against a real Exim.

#![expect(clippy::unwrap_used, reason = "in the helpers too, a panic is the failed test")]

mod answers;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bursar::destination::email::settings::{Email as EmailSettings, EmailSecurity};
use bursar::destination::email::{Email, SendError, send_report};
use bursar::destination::registry::Configured;
use bursar::destination::settings::BasicAuth;
use bursar::destination::template::{Format, Source, samples};
use bursar::destination::{Destination, Outcome, worker};
use bursar::event::route::{Routes, Site};
use bursar::event::{Channel, Event, SendSwitch, Switches};
use bursar::secret::Secret;
use bursar::store::settings::{OutboxLimits, SetAside};
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use crate::support::exim::{Exim, Offers, PASSWORD, USER};
use crate::support::mosquitto::{Pki, SERVER_NAME};
use crate::support::proxy::{Mode, Proxy};
use crate::support::wanted;

fn settings(port: u16, security: EmailSecurity) -> EmailSettings {
    EmailSettings {
        host: "127.0.0.1".into(),
        port,
        security,
        ca_cert: None,
        reject_unauthorized: true,
        server_name: None,
        auth: None,
        oauth2: None,
        hello_name: Some("bursar.test".into()),
        from: "Bursar <bursar@example.com>".parse().unwrap(),
        to: vec!["Ada Ödön <ada@example.com>".parse().unwrap()],
        cc: vec!["bob@example.com".parse().unwrap()],
        timeout: Duration::from_secs(10),
        subject: None,
        text: None,
        html: None,
    }
}

fn encrypted(port: u16, security: EmailSecurity, pki: &Pki) -> EmailSettings {
    EmailSettings {
        ca_cert: Some(pki.ca.clone()),
        server_name: Some(SERVER_NAME.into()),
        ..settings(port, security)
    }
}

fn destination(settings: &EmailSettings) -> Email {
    Email::new(settings, Routes::default(), Tz::UTC).unwrap()
}

fn sample(name: &str) -> Event {
    let event = samples::all().into_iter().find(|event| samples::name(event) == name).unwrap();
    Event { id: uuid::Uuid::now_v7().to_string(), ..event }
}

fn alert() -> Event {
    sample("alert (firing)")
}

async fn deliver(email: &Email, event: &Event) -> Outcome {
    let outcomes = email.deliver(std::slice::from_ref(event)).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().unwrap()
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => panic!("it was delivered"),
        Outcome::Retry { why, .. } => format!("later: {why}"),
        Outcome::Refused { why } => format!("never: {why}"),
    }
}

/// A failure's text without the port, which is another each time.
fn without_port(text: &str, port: u16) -> String {
    text.replace(&port.to_string(), "PORT")
}

/// A header's value, unfolded.
fn header(mail: &str, name: &str) -> String {
    let head = mail.split("\n\n").next().unwrap().replace("\n ", " ").replace("\n\t", " ");
    let line = head.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in:\n{head}"))[name.len() + 2..].to_owned()
}

#[tokio::test]
async fn an_alert_arrives_as_text_and_html() {
    let exim = Exim::start(Offers::default()).await;
    let event = alert();
    let email = destination(&settings(exim.port, EmailSecurity::None));
    assert_eq!(deliver(&email, &event).await, Outcome::Done);
    let mails = exim.until(1).await;
    let mail = &mails[0];
    assert_eq!(header(mail, "Return-path"), "<bursar@example.com>");
    let envelope = header(mail, "Envelope-to");
    assert!(envelope.contains("ada@example.com") && envelope.contains("bob@example.com"));
    assert_eq!(header(mail, "From"), "Bursar <bursar@example.com>");
    assert!(header(mail, "To").ends_with("<ada@example.com>"));
    assert_eq!(header(mail, "Cc"), "bob@example.com");
    assert_eq!(header(mail, "Message-ID"), format!("<{}@example.com>", event.id));
    assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(mail, "Date"), "Tue, 24 Nov 2026 06:00:00 +0000");
    assert!(header(mail, "Content-Type").starts_with("multipart/alternative;"));
    assert!(mail.contains("text/plain") && mail.contains("text/html"));
    // A name can't become markup.
    let html = mail.split("text/html").nth(1).unwrap();
    assert!(html.contains("&lt;script") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn encrypted_by_starttls_and_from_the_first_byte() {
    let pki = Pki::new();
    for security in [EmailSecurity::StartTls, EmailSecurity::Tls] {
        let offers = match security {
            EmailSecurity::Tls => Offers { tls: Some(&pki), login: true, ..Offers::default() },
            _ => Offers { starttls: Some(&pki), login: true, ..Offers::default() },
        };
        let exim = Exim::start(offers).await;
        let auth = BasicAuth { username: USER.into(), password: Secret::new(PASSWORD) };
        let settings = EmailSettings { auth: Some(auth), ..encrypted(exim.port, security, &pki) };
        let email = destination(&settings);
        assert_eq!(deliver(&email, &alert()).await, Outcome::Done, "{}", exim.log());
        exim.until(1).await;
        assert!(exim.log().contains("X=TLS1.3:"), "{}", exim.log());
        let found = email.probe().await.unwrap();
        let how =
            if security == EmailSecurity::Tls { "encrypted" } else { "encrypted by STARTTLS" };
        assert_eq!(
            found.found,
            format!("{how}, login accepted, sender and 2 recipients accepted (nothing sent)")
        );
        assert_eq!(exim.mails().len(), 1, "a probe sends nothing");
    }
}

#[tokio::test]
async fn without_encryption_nothing_is_said() {
    // A server, or somebody before it, that offers no STARTTLS.
    let pki = Pki::new();
    let exim = Exim::start(Offers { login: true, ..Offers::default() }).await;
    let auth = BasicAuth { username: USER.into(), password: Secret::new(PASSWORD) };
    let settings =
        EmailSettings { auth: Some(auth), ..encrypted(exim.port, EmailSecurity::StartTls, &pki) };
    let email = destination(&settings);
    insta::assert_snapshot!(without_port(&why(deliver(&email, &alert()).await), exim.port), @"later: 127.0.0.1:PORT does not encrypt by STARTTLS (it is not among what the server offers), and without encryption nothing is sent");
    let failure = email.probe().await.unwrap_err();
    insta::assert_snapshot!(failure.fix, @"use a port with STARTTLS (usually 587), or security: tls with its port (usually 465)");
    // Neither the login nor the sender, only the greeting.
    crate::support::mosquitto::eventually("both connections are over", || {
        exim.log().matches("no MAIL in SMTP connection").count() == 2
    })
    .await;
    assert_eq!(exim.log().matches(" C=EHLO").count(), 2, "{}", exim.log());
    assert!(!exim.log().contains("AUTH"), "{}", exim.log());
    assert!(exim.mails().is_empty());
    // TLS from the first byte with a server that speaks plainly.
    let settings = encrypted(exim.port, EmailSecurity::Tls, &pki);
    let said = why(deliver(&destination(&settings), &alert()).await);
    insta::assert_snapshot!(without_port(&said, exim.port), @"later: 127.0.0.1:PORT does not speak TLS on this port");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_gets_no_mail() {
    let (pki, other) = (Pki::new(), Pki::new());
    let exim = Exim::start(Offers { starttls: Some(&pki), ..Offers::default() }).await;
    let right = encrypted(exim.port, EmailSecurity::StartTls, &pki);
    let cases = [
        EmailSettings { ca_cert: None, ..right.clone() },
        EmailSettings { ca_cert: Some(other.ca.clone()), ..right.clone() },
        EmailSettings { server_name: None, ..right.clone() },
        EmailSettings { server_name: Some("elsewhere.test".into()), ..right.clone() },
    ];
    let mut said = Vec::new();
    for settings in &cases {
        said.push(why(deliver(&destination(settings), &alert()).await));
    }
    insta::assert_snapshot!(without_port(&said.join("\n"), exim.port), @r#"
    later: the certificate of 127.0.0.1:PORT is signed by an authority that is not trusted
    later: the certificate of 127.0.0.1:PORT is not signed by the key in certCA, although that has the authority's name
    later: the certificate of 127.0.0.1:PORT is not valid for 127.0.0.1 but for broker.test
    later: the certificate of 127.0.0.1:PORT is not valid for elsewhere.test but for broker.test
    "#);
    assert!(exim.mails().is_empty());
    let careless = EmailSettings { reject_unauthorized: false, ..cases[0].clone() };
    let email = destination(&careless);
    assert_eq!(deliver(&email, &alert()).await, Outcome::Done);
    assert_eq!(email.probe().await.unwrap().warnings.len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_tried_again_and_never_shown() {
    let pki = Pki::new();
    let exim = Exim::start(Offers { starttls: Some(&pki), login: true, ..Offers::default() }).await;
    let auth = BasicAuth { username: USER.into(), password: Secret::new("s3cret-and-wrong") };
    let settings =
        EmailSettings { auth: Some(auth), ..encrypted(exim.port, EmailSecurity::StartTls, &pki) };
    let email = destination(&settings);
    let said = why(deliver(&email, &alert()).await);
    insta::assert_snapshot!(without_port(&said, exim.port), @"later: 127.0.0.1:PORT answered the login with 535: Incorrect authentication data; check email.username and .password");
    let failure = email.probe().await.unwrap_err();
    insta::assert_snapshot!(failure.fix, @"check email.username and .password");
    for text in [said, failure.what, format!("{email:?} {settings:?} {}", email.title())] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn a_refused_recipient_keeps_the_mail_from_nobody_else() {
    let exim = Exim::start(Offers::default()).await;
    let to = ["ada@example.com", "nobody@example.com", "bob@example.com"];
    let settings = EmailSettings {
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        cc: vec![],
        ..settings(exim.port, EmailSecurity::None)
    };
    let email = destination(&settings);
    assert_eq!(deliver(&email, &alert()).await, Outcome::Done);
    let mails = exim.until(1).await;
    assert_eq!(header(&mails[0], "Envelope-to"), "ada@example.com, bob@example.com");
    let found = email.probe().await.unwrap();
    insta::assert_snapshot!(found.warnings.join("\n"), @"recipient nobody@example.com is not accepted: 550: no such user");

    // Refused for now: only that one is asked again.
    exim.set("later-bob");
    let event = alert();
    let said = why(deliver(&email, &event).await);
    insta::assert_snapshot!(said, @"later: not all recipients have it yet: bob@example.com 451: try later");
    exim.unset("later-bob");
    assert_eq!(deliver(&email, &event).await, Outcome::Done);
    let mails = exim.until(3).await;
    let envelopes: Vec<String> = mails[1..].iter().map(|m| header(m, "Envelope-to")).collect();
    assert_eq!(envelopes, ["ada@example.com", "bob@example.com"]);
    assert_eq!(header(&mails[1], "Message-ID"), header(&mails[2], "Message-ID"));

    let nobody = EmailSettings { to: vec!["nobody@example.com".parse().unwrap()], ..settings };
    let email = destination(&nobody);
    insta::assert_snapshot!(why(deliver(&email, &alert()).await), @"never: no recipient is accepted: nobody@example.com 550: no such user");
    assert!(email.probe().await.is_err());
    assert_eq!(exim.mails().len(), 3);
}

#[tokio::test]
async fn the_servers_no_for_now_and_for_good() {
    let exim = Exim::start(Offers::default()).await;
    let email = destination(&settings(exim.port, EmailSecurity::None));
    exim.set("data-later");
    let event = alert();
    insta::assert_snapshot!(without_port(&why(deliver(&email, &event).await), exim.port), @"later: 127.0.0.1:PORT answered the message with 451: the scanner is busy");
    exim.unset("data-later");
    assert_eq!(deliver(&email, &event).await, Outcome::Done);
    exim.set("data-never");
    insta::assert_snapshot!(without_port(&why(deliver(&email, &alert()).await), exim.port), @"later: 127.0.0.1:PORT answered the message with 550: this is spam");
    exim.until(1).await;
}

#[tokio::test]
async fn what_no_server_takes_waits_in_order_until_one_does() {
    let mut exim = Exim::start(Offers::default()).await;
    exim.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let limits = OutboxLimits { max_events: 1000, max_age: Duration::from_secs(3600) };
    let store =
        crate::support::store::open(&folder.path().join("bursar.db"), limits, chrono::Utc::now)
            .await
            .unwrap();
    let events = [alert(), sample("serverLicenseExpired"), sample("seatReleased")];
    let queue = events.iter().map(|event| (event.clone(), vec!["email".to_owned()])).collect();
    store.record(queue).await.unwrap();
    let email = destination(&settings(exim.port, EmailSecurity::None));
    let said = why(deliver(&email, &events[0]).await);
    assert!(said.starts_with("later: cannot connect to 127.0.0.1:"), "{said}");
    let stop = CancellationToken::new();
    let rng = fastrand::Rng::with_seed(1);
    let worker = tokio::spawn(worker::run(
        Arc::new(email),
        store.clone(),
        SetAside::after(5),
        rng,
        stop.clone(),
    ));
    exim.start_again().await;
    let mails = exim.until(3).await;
    stop.cancel();
    worker.await.unwrap();
    let mut ids: Vec<String> = mails.iter().map(|mail| header(mail, "X-Bursar-Event-Id")).collect();
    ids.sort();
    assert_eq!(ids, events.map(|event| event.id));
    assert!(store.next_batch("email", 10).await.unwrap().is_empty());
    store.close().await;
}

#[tokio::test]
async fn a_lost_answer_makes_the_same_mail_again() {
    let exim = Exim::start(Offers::default()).await;
    let proxy = Proxy::start(exim.port, Mode::CutRequestAfter(300)).await;
    let email = destination(&settings(proxy.port, EmailSecurity::None));
    let event = alert();
    let said = why(deliver(&email, &event).await);
    assert!(said.starts_with("later: "), "{said}");
    assert!(exim.mails().is_empty(), "half a mail is no mail");
    proxy.set(Mode::Silent).await;
    let hurried = EmailSettings {
        timeout: Duration::from_millis(50),
        ..settings(proxy.port, EmailSecurity::None)
    };
    let said = why(deliver(&destination(&hurried), &event).await);
    insta::assert_snapshot!(without_port(&said, proxy.port), @"later: 127.0.0.1:PORT did not answer within 0.05 s (the greeting)");
    proxy.set(Mode::Pass).await;
    assert_eq!(deliver(&email, &event).await, Outcome::Done);
    exim.until(1).await;
}

#[tokio::test]
async fn templates_make_subject_text_and_html() {
    let exim = Exim::start(Offers::default()).await;
    let source = |text: &str, format| {
        Some(Source { name: "t".into(), text: text.into(), format, values: vec![], zone: Tz::UTC })
    };
    let templated = EmailSettings {
        subject: source("{{alert.rule}}\r\nBcc: x@example.com", Format::Text),
        text: source("{{kind}} says so", Format::Text),
        html: source("<i>{{alert.title}}</i>", Format::Html),
        ..settings(exim.port, EmailSecurity::None)
    };
    assert_eq!(deliver(&destination(&templated), &alert()).await, Outcome::Done);
    let mails = exim.until(1).await;
    assert_eq!(header(&mails[0], "Subject"), "seatsLow Bcc: x@example.com", "no header of its own");
    assert!(mails[0].contains("alert says so"));
    assert!(mails[0].contains("<i>") && mails[0].contains("&lt;script"), "{}", mails[0]);

    // A name that this event hasn't: an alert must not be lost for that.
    let failing = EmailSettings { text: source("{{alert.nope}}", Format::Text), ..templated };
    assert_eq!(deliver(&destination(&failing), &alert()).await, Outcome::Done);
    let mails = exim.until(2).await;
    assert!(mails[1].contains("Sent by Bursar"));
}

#[tokio::test]
async fn a_report_is_sent_as_a_file() {
    let exim = Exim::start(Offers::default()).await;
    let to = settings(exim.port, EmailSecurity::None);
    let bytes = b"pool,seats\nprofessional,100\n".to_vec();
    let without =
        send_report(&to, "Licenses", "See the file.", "report.csv", "text/csv", bytes).await;
    assert_eq!(without.unwrap(), Vec::<String>::new());
    let mails = exim.until(1).await;
    assert_eq!(header(&mails[0], "Subject"), "Licenses");
    assert!(mails[0].contains("attachment; filename=\"report.csv\""), "{}", mails[0]);
    assert!(mails[0].contains("professional,100"), "{}", mails[0]);
    let nobody =
        EmailSettings { to: vec!["nobody@example.com".parse().unwrap()], cc: vec![], ..to };
    let refused = send_report(&nobody, "Licenses", "", "a.csv", "text/csv", vec![]).await;
    assert!(matches!(refused, Err(SendError::Never(_))), "{refused:?}");
}

#[test]
fn a_ca_file_that_is_not_there_is_an_error() {
    let settings = EmailSettings {
        ca_cert: Some(PathBuf::from("/nowhere/ca.pem")),
        ..settings(1, EmailSecurity::Tls)
    };
    let error = Email::new(&settings, Routes::default(), Tz::UTC).unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[test]
fn mail_goes_where_the_switches_say() {
    let email = SendSwitch { recurring: false, alert: true };
    let switches = Switches::default().with(Channel::Email, email);
    let site =
        Site { alert: Some(switches.clone()), access_license: Some(switches), ..Site::default() };
    let event = alert();
    let routes = Routes { named_sites: true, sites: HashMap::from([(event.site.clone(), site)]) };
    let email = Some(settings(1, EmailSecurity::None));
    let configured = Configured { email, ..Configured::default() };
    assert!(wanted(&configured, &routes, &event));
    assert!(!wanted(&configured, &routes, &sample("accessLicenseStatus")));
}
