//! What a mail server's refusals mean: the server's settings wait, a recipient or a body are final for
//! it alone.

use bursar::destination::email::settings::OAuth2;

use super::*;
use crate::support::smtp::{Answers, MailServer, Step};

/// How a delivery with one answer ends, and what is said.
async fn with(answers: Answers) -> (String, Vec<Vec<String>>) {
    let server = MailServer::start(answers).await;
    let email = destination(&EmailSettings {
        auth: Some(BasicAuth { username: USER.into(), password: Secret::new(PASSWORD) }),
        ..settings(server.port, EmailSecurity::None)
    });
    let said = match deliver(&email, &alert()).await {
        Outcome::Done => "done".to_owned(),
        other => without_port(&why(other), server.port),
    };
    (said, server.taken())
}

/// Case "mail server refuses the sender": the lines of `smtp-answers.tsv`.
#[tokio::test]
async fn mail_server_refuses_the_sender() {
    let cases: [(Step, &str, &str); 9] = [
        (
            Step::Mail,
            "530 5.7.57 client not authenticated to send mail",
            "later, check email.username and .password",
        ),
        (
            Step::Mail,
            "550 5.7.60 client does not have permissions to send as this sender",
            "later, write an address in email.from",
        ),
        (
            Step::Rcpt,
            "550 5.7.54 unable to relay recipient in non-accepted domain",
            "later, let the mail server take mail from this machine",
        ),
        (
            Step::Auth,
            "535 5.7.8 authentication failed",
            "later, check email.username and .password",
        ),
        (Step::Auth, "538 5.7.11 encryption required", "later, security: tls"),
        (Step::Rcpt, "550 5.1.1 user unknown", "never, 550: 5.1.1 user unknown"),
        (Step::Data, "552 5.3.4 message too big", "never, 552: 5.3.4 message too big"),
        // For good once others are delivered: the worker knows.
        (Step::Data, "554 5.7.1 rejected as spam", "later, 554: 5.7.1 rejected as spam"),
        (Step::Rcpt, "450 4.2.0 greylisted", "later, 450: 4.2.0 greylisted"),
    ];
    for (step, answer, expected) in cases {
        let (class, words) = expected.split_once(", ").unwrap();
        let (said, taken) = with(vec![(step, "", answer)]).await;
        assert!(said.starts_with(&format!("{class}: ")), "{answer}: {said}");
        assert!(said.contains(words), "{answer}: {said}");
        assert!(taken.is_empty(), "{answer}: {taken:?}");
        if step == Step::Data {
            let (said, _) = with(vec![(Step::Message, "", answer)]).await;
            assert!(said.starts_with(&format!("{class}: ")) && said.contains(words), "{said}");
        }
    }
}

/// What Exchange and Postfix say later than one would think is about every message all the same.
#[tokio::test]
async fn a_sender_that_is_refused_late_waits_too() {
    for (step, answer) in [
        (
            Step::Message,
            "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com",
        ),
        (Step::Rcpt, "553 5.7.1 <bursar@example.com>: Sender address rejected: not owned by user"),
        (Step::Rcpt, "554 5.7.1 <ada@example.com>: Relay access denied"),
    ] {
        let (said, _) = with(vec![(step, "", answer)]).await;
        assert!(said.starts_with("later: "), "{answer}: {said}");
    }
}

/// The others get it, at once, and a mended server gets what waited.
#[tokio::test]
async fn a_refusal_of_one_recipient_is_for_it_alone() {
    let unknown = vec![(Step::Rcpt, "bob@", "550 5.1.1 user unknown")];
    let (said, taken) = with(unknown).await;
    assert_eq!(said, "done");
    assert_eq!(taken, [["ada@example.com"]]);

    let server = MailServer::start(vec![(Step::Mail, "", "550 5.7.60 not as this sender")]).await;
    let email = destination(&settings(server.port, EmailSecurity::None));
    let event = alert();
    assert!(why(deliver(&email, &event).await).starts_with("later: "));
    server.set(vec![]);
    assert_eq!(deliver(&email, &event).await, Outcome::Done);
    assert_eq!(server.taken(), [["ada@example.com", "bob@example.com"]]);
}

/// Microsoft 365 and Google: the token of now, from a file that something else renews.
#[tokio::test]
async fn a_token_file_logs_in_by_xoauth2() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let server = MailServer::start(vec![]).await;
    let oauth2 = OAuth2 { username: "bursar@example.com".into(), token_file: token_file.clone() };
    let email = destination(&EmailSettings {
        oauth2: Some(oauth2),
        ..settings(server.port, EmailSecurity::None)
    });
    let said = why(deliver(&email, &alert()).await);
    assert!(said.starts_with("later: the token file "), "{said}");
    for text in ["", "two\nlines\n"] {
        std::fs::write(&token_file, text).unwrap();
        let said = why(deliver(&email, &alert()).await);
        assert!(said.contains("does not hold a token on one line"), "{said}");
    }
    for token in ["t0ken.one", "t0ken.two"] {
        std::fs::write(&token_file, format!("{token}\n")).unwrap();
        assert_eq!(deliver(&email, &alert()).await, Outcome::Done);
        let sent = format!("user=bursar@example.com\u{1}auth=Bearer {token}\u{1}\u{1}");
        let expected = format!("AUTH XOAUTH2 {}", base64(sent.as_bytes()));
        assert!(server.lines().contains(&expected), "{:?}", server.lines());
    }
    assert!(email.probe().await.unwrap().found.contains("login accepted"));

    // A server that repeats the line.
    let long = "t0ken-".repeat(20);
    std::fs::write(&token_file, &long).unwrap();
    let repeats = format!("535 no such login {}", base64(format!("x{long}").as_bytes()));
    let repeats: &'static str = Box::leak(format!("{repeats} or {long}").into_boxed_str());
    server.set(vec![(Step::Auth, "", repeats)]);
    let said = why(deliver(&email, &alert()).await);
    assert!(said.contains("535: no such login ***") && !said.contains("t0ken"), "{said}");

    // A token that has ended: a challenge with the reason, then the refusal.
    server.set(vec![(Step::Auth, "", "334 eyJzdGF0dXMiOiI0MDEifQ==")]);
    let said = why(deliver(&email, &alert()).await);
    assert!(
        said.contains("answered the login by token with 535: 5.7.8 the token is not good"),
        "{said}"
    );
    assert!(said.contains("email.oauth2TokenFile") && !said.contains("t0ken"), "{said}");
}

/// Without a crate for it: three bytes are four letters.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let byte = |n: usize| u32::from(part.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * n) & 63) as usize] as char;
            text.push(if n <= part.len() { letter } else { '=' });
        }
    }
    text
}
