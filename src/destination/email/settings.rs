//! `Butler.email`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;

use crate::destination::Destination;
use crate::destination::registry::{SetUp, Surroundings};
use crate::destination::settings::{BasicAuth, CertificateFile};
use crate::destination::template;
use crate::event::{Channel, Kind, Queue};
use crate::input;
use crate::secret::Forms;

/// `Butler.email`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub security: EmailSecurity,
    /// Own CA; the system's roots when absent.
    pub ca_cert: Option<PathBuf>,
    pub reject_unauthorized: bool,
    /// The name in the server's certificate, when it isn't `host`.
    pub server_name: Option<String>,
    pub auth: Option<BasicAuth>,
    /// In the place of `auth`.
    pub oauth2: Option<OAuth2>,
    /// What Bursar calls itself in EHLO.
    pub hello_name: Option<String>,
    pub from: Mailbox,
    /// At least one of `to` and `cc`.
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// For one command and its answer.
    pub timeout: Duration,
    /// Kept on one line.
    pub subject: Option<template::Source>,
    pub text: Option<template::Source>,
    pub html: Option<template::Source>,
}

/// A login by an access token that something else renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// The mailbox.
    pub username: String,
    pub token_file: PathBuf,
}

impl OAuth2 {
    /// The token of now.
    ///
    /// # Errors
    /// In words: the file can't be read, or holds something else.
    pub(super) fn token(&self) -> Result<String, String> {
        let file = self.token_file.display();
        let text = input::read_text(&self.token_file, LONGEST_TOKEN)
            .map_err(|error| format!("the token file {file} can't be read: {error}"))?;
        let token = text.trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!("the token file {file} does not hold a token on one line"));
        }
        Ok(token.to_owned())
    }
}

/// Those of Microsoft have some 2,000 characters, 4,000 with many groups.
const LONGEST_TOKEN: u64 = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSecurity {
    /// Begins in plain text and must be encrypted before anything is said (usually port 587).
    StartTls,
    /// Encrypted from the first byte (usually port 465).
    Tls,
    /// Never encrypted.
    None,
}

/// Its queue: the same whatever its settings say.
pub(crate) fn queue() -> Queue {
    Queue::only(Channel::Email, |kind| kind != Kind::DaemonUptime)
}

impl SetUp for Email {
    fn queues(&self) -> Vec<Queue> {
        vec![queue()]
    }

    fn build(&self, _: usize, surroundings: &Surroundings) -> anyhow::Result<Arc<dyn Destination>> {
        let Surroundings { routes, time_zone, locale, .. } = surroundings;
        let email = super::Email::new(self, routes.clone(), *time_zone)?;
        Ok(Arc::new(email.with_locale(*locale)))
    }

    fn certificates(&self) -> Vec<CertificateFile<'_>> {
        let ca = self.ca_cert.iter();
        ca.map(|ca| CertificateFile::authority("Butler.email.certCA", ca)).collect()
    }

    fn secrets(&self, forms: &mut Forms) {
        if let Some(auth) = &self.auth {
            forms.login(&auth.username, auth.password.reveal());
        }
        let templates = [&self.subject, &self.text, &self.html];
        templates.into_iter().flatten().for_each(|template| template.secrets(forms));
    }

    /// Its check warns of it, at the setting.
    fn in_clear(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
