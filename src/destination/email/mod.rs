//! Events as e-mail, by SMTP to one mail server.
//!
//! An event counts as delivered when the mail server took the message (250 after the data). A
//! message that comes again after a lost answer has the same `Message-ID`, so that mail servers and
//! readers can tell. 4xx answers and everything that holds for every message (certificate, encryption,
//! login, sender, relaying, see `answer`) are tried again: nothing is wrong with the message. Other
//! 5xx answers to the message are final, and those to a recipient for that recipient; a filter's
//! judgement is left to the worker, which sees whether other messages get through.
//!
//! With `starttls` and `tls` nothing is said before the connection is encrypted, the login least of
//! all: a server that offers no encryption gets no mail.
//!
//! A recipient that is refused keeps the message from nobody else, see `recipients`.

mod answer;
mod failure;
mod message;
pub(crate) mod raw;
mod recipients;
mod report;
pub mod settings;
mod smtp;
mod stream;
pub(crate) mod validate;

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use lettre::Address;
use tokio::time::timeout;
use tracing::{error, warn};

use self::failure::Failure;
use self::message::{Local, Words};
use self::recipients::{Progress, Verdict};
use self::smtp::Server;
use super::template::{self, Template};
use super::{Destination, Outcome, Probe, ProbeFailure};
use crate::destination::email::settings::EmailSecurity;
use crate::event::route::Routes;
use crate::event::{Channel, Event};
use crate::tls::PemError;
use crate::words::Locale;

pub use report::{SendError, send_report};

/// Why the destination can't be made of its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The CA file can't be used.
    #[error("the TLS settings of email can't be used: {0}")]
    Tls(#[from] PemError),
    /// A template was not looked at before.
    #[error("a template of email can't be used: {0}")]
    Template(#[from] template::Error),
}

/// One mail, from the connection to the last answer. The worker cuts a delivery off a little later.
const LONGEST_DELIVERY: Duration = Duration::from_secs(110);

/// The e-mail destination.
pub struct Email {
    settings: settings::Email,
    server: Server,
    subject: Option<Template>,
    text: Option<Template>,
    html: Option<Template>,
    routes: Routes,
    local: Local,
    progress: Mutex<Progress>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("server", &self.server.at()).finish_non_exhaustive()
    }
}

impl Email {
    /// Reads the CA file and compiles the templates; connects nowhere.
    ///
    /// # Errors
    /// When the CA file or a template can't be used.
    pub fn new(email: &settings::Email, routes: Routes, zone: Tz) -> Result<Self, BuildError> {
        let compile =
            |source: &Option<template::Source>| source.as_ref().map(Template::compile).transpose();
        Ok(Self {
            server: Server::new(email)?,
            subject: compile(&email.subject)?,
            text: compile(&email.text)?,
            html: compile(&email.html)?,
            settings: email.clone(),
            routes,
            local: Local { zone, locale: Locale::default() },
            progress: Mutex::default(),
        })
    }

    /// With numbers and days as a locale writes them.
    pub fn with_locale(mut self, locale: Locale) -> Self {
        self.local.locale = locale;
        self
    }

    fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.settings.to.iter().chain(&self.settings.cc).map(|mailbox| &mailbox.email)
    }

    /// Subject, text and HTML: by the templates, or built in. Losing an event would be worse than
    /// sending it in another form.
    fn words(&self, event: &Event) -> Words {
        let built_in = Words::of(event, self.local, self.routes.named_sites);
        let rendered = |template: &Option<Template>, part: &str, built_in: String| match template
            .as_ref()
            .map(|template| template.render(event))
        {
            None => built_in,
            Some(Ok(text)) => text,
            Some(Err(why)) => {
                error!(
                    destination = "email",
                    event = event.id,
                    part,
                    why = %why,
                    "a template failed: the built-in form is sent"
                );
                built_in
            }
        };
        Words {
            subject: message::subject_line(&rendered(&self.subject, "subject", built_in.subject)),
            text: rendered(&self.text, "text", built_in.text),
            html: rendered(&self.html, "html", built_in.html),
        }
    }

    async fn mail(&self, event: &Event) -> Outcome {
        let message = match message::of_event(&self.settings, event, self.words(event)) {
            Ok(message) => message,
            Err(error) => {
                return Outcome::Refused { why: format!("can't be made a mail: {error}") };
            }
        };
        let open: Vec<Address> = {
            let mut progress = self.progress.lock().expect("nothing panics while it is held");
            progress.begin(&event.id);
            self.recipients().filter(|address| progress.is_open(address)).cloned().collect()
        };
        let sent =
            timeout(LONGEST_DELIVERY, self.server.send(&self.settings.from.email, &open, &message));
        let sent = match sent.await {
            Ok(Ok(sent)) => sent,
            Ok(Err(failure)) => return outcome(failure),
            Err(_) => {
                let (at, limit) = (self.server.at(), LONGEST_DELIVERY.as_secs());
                let why = format!("{at} did not take the mail within {limit} s");
                return Outcome::Retry { after: None, why };
            }
        };
        let verdict = self.progress.lock().expect("nothing panics while it is held").judge(&sent);
        match verdict {
            Verdict::Done { without } => {
                for (recipient, why) in without {
                    warn!(
                        destination = "email",
                        event = event.id,
                        recipient = %recipient,
                        why,
                        "a recipient did not get a mail that others got"
                    );
                }
                Outcome::Done
            }
            Verdict::Again(why) => Outcome::Retry { after: None, why },
            Verdict::Never(why) => Outcome::Refused { why },
        }
    }
}

fn outcome(failure: Failure) -> Outcome {
    let why = failure.what;
    if failure.is_final { Outcome::Refused { why } } else { Outcome::Retry { after: None, why } }
}

#[async_trait]
impl Destination for Email {
    fn id(&self) -> &str {
        Channel::Email.as_str()
    }

    fn title(&self) -> String {
        format!("e-mail by {}", self.server.at())
    }

    /// Mail servers keep count of those who come back too often.
    fn longest_wait(&self) -> Duration {
        Duration::from_secs(5 * 60)
    }

    async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let outcome = match Outcome::waits_for(outcomes.last()) {
                Some(waits) => waits,
                None => self.mail(event).await,
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Everything up to the message itself: encryption, login, sender and recipients.
    async fn probe(&self) -> Result<Probe, ProbeFailure> {
        let recipients: Vec<Address> = self.recipients().cloned().collect();
        let asked = self.server.ask(&self.settings.from.email, &recipients).await;
        let sent = asked.map_err(|failure| ProbeFailure {
            fix: failure.fix().to_owned(),
            what: failure.what,
        })?;
        let turned_down: Vec<String> = sent
            .later
            .iter()
            .chain(&sent.never)
            .map(|(recipient, why)| format!("recipient {recipient} is not accepted: {why}"))
            .collect();
        if sent.accepted.is_empty() {
            return Err(ProbeFailure {
                what: turned_down.join("; "),
                fix: "check the addresses in email.to and .cc, and whether the mail server lets \
                      this machine send to them"
                    .into(),
            });
        }
        let mut warnings = turned_down;
        if self.settings.security != EmailSecurity::None && !self.settings.reject_unauthorized {
            warnings
                .push("certificates are not verified (email.rejectUnauthorized: false)".to_owned());
        }
        let how = match self.settings.security {
            EmailSecurity::StartTls => "encrypted by STARTTLS",
            EmailSecurity::Tls => "encrypted",
            EmailSecurity::None => "not encrypted",
        };
        let logs_in = self.settings.auth.is_some() || self.settings.oauth2.is_some();
        let login = if logs_in { ", login accepted" } else { "" };
        let people = match sent.accepted.len() {
            1 => "1 recipient".to_owned(),
            count => format!("{count} recipients"),
        };
        Ok(Probe {
            found: format!("{how}{login}, sender and {people} accepted (nothing sent)"),
            warnings,
        })
    }
}
