//! Why a mail was not sent, in words, with what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

use lettre::transport::smtp;
use rustls::CertificateError;

use super::answer;
use crate::destination::http::shorten;

/// What went wrong, as far as an admin would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No connection.
    Unreachable,
    /// Connected, and then no answer in time, or none that is SMTP.
    NoAnswer,
    /// The server offers no STARTTLS, or refuses it, or wants encryption.
    NotEncrypted,
    /// The server's certificate, or another TLS error.
    Tls,
    /// User name, password, or no common way to send them.
    Login,
    /// The access token, or the server takes none.
    Token,
    /// The sender's address is refused.
    Sender,
    /// The server takes no mail from this machine, or none for these recipients.
    Relay,
    /// The server takes no more mail of this sender for now.
    Quota,
    /// The message is refused.
    Message,
}

/// One failure. Free of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    /// What was tried and what happened.
    pub(super) what: String,
    /// The server will not take this message at another time either.
    pub(super) is_final: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {}

impl Failure {
    /// Worth another try.
    pub(super) fn new(cause: Cause, what: impl Into<String>) -> Self {
        Self { cause, what: shorten(&what.into(), 500), is_final: false }
    }

    /// What to do about it.
    pub(super) fn fix(&self) -> &'static str {
        match self.cause {
            Cause::Unreachable => "check email.host, .port and the firewalls on the way",
            Cause::NoAnswer => {
                "check email.port and .security: starttls and none for 587 and 25, tls for 465"
            }
            Cause::NotEncrypted => {
                "use a port with STARTTLS (usually 587), or security: tls with its port (usually 465)"
            }
            Cause::Tls => {
                "set email.certCA to the certificate of the mail server's authority, or email.serverName to the name in its certificate"
            }
            Cause::Login => "check email.username and .password",
            Cause::Token => {
                "see that email.oauth2TokenFile holds a token of today for email.username, and that the mail server takes XOAUTH2 for this mailbox"
            }
            Cause::Relay => {
                "let the mail server take mail from this machine for these recipients, or set email.username and .password so that it knows who sends"
            }
            Cause::Quota => "wait, or let the mail server take more mail of this sender",
            Cause::Sender => "write an address in email.from that this user may send as",
            Cause::Message => "ask the mail server's administrator",
        }
    }
}

/// A negative answer or a broken connection, told of one step of the dialogue.
pub(super) fn step(cause: Cause, at: &str, step: &str, error: &smtp::Error) -> Failure {
    if let Some(code) = error.status() {
        let words = match cause {
            Cause::Token => shorten(&without_tokens(&words(error)), 200),
            _ => reply(error),
        };
        let mut what = format!("{at} answered {step} with {code}: {words}");
        let of_all = if cause == Cause::Token {
            None
        } else {
            answer::of_every_message(&code.to_string(), &words).filter(|_| error.is_permanent())
        };
        let failure = Failure::new(of_all.unwrap_or(cause), "");
        if error.is_permanent() && failure.cause != Cause::Message {
            what = format!("{what}; {}", failure.fix());
        }
        let is_final = error.is_permanent()
            && failure.cause == Cause::Message
            && !answer::is_a_judgement(&words);
        return Failure { what: shorten(&what, 500), is_final, ..failure };
    }
    if error.is_client() {
        return Failure::new(cause, format!("{step} is not possible at {at}: {}", reply(error)));
    }
    let why = root(error);
    Failure::new(Cause::NoAnswer, format!("{at} broke off at {step}: {why}"))
}

/// Words of a server that may repeat a token. Those of the settings are masked wherever a text comes in;
/// these are others every hour, and as long as no word is.
fn without_tokens(words: &str) -> String {
    const LONGEST_WORD: usize = 40;
    let shown = |word| if str::len(word) > LONGEST_WORD { "***" } else { word };
    words.split_whitespace().map(shown).collect::<Vec<_>>().join(" ")
}

/// The server's own words on one line.
pub(super) fn reply(error: &smtp::Error) -> String {
    shorten(&words(error), 200)
}

fn words(error: &smtp::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

fn root(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    shorten(&error.to_string(), 200)
}

/// `DnsName("mail.example.com")` without the kind.
fn bare(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

/// A failed TLS handshake. `name` is what the certificate has to be valid for.
pub(super) fn handshake(at: &str, name: &str, error: &io::Error) -> Failure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = tls else {
        let what = match tls {
            Some(rustls::Error::InvalidMessage(_)) => {
                format!("{at} does not speak TLS on this port")
            }
            _ => format!("the TLS handshake with {at} failed: {error}"),
        };
        return Failure::new(Cause::Tls, what);
    };
    let what = match why {
        CertificateError::UnknownIssuer => "is signed by an authority that is not trusted".into(),
        CertificateError::BadSignature => {
            "is not signed by the key in certCA, although that has the authority's name".into()
        }
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            format!("is not valid for {name} but for {}", names.join(", "))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("is not valid for {name}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet: check the clocks of both machines".into()
        }
        other => format!("is not acceptable: {other}"),
    };
    Failure::new(Cause::Tls, format!("the certificate of {at} {what}"))
}
