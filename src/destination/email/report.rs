//! A file by mail, for scheduled reports.

use super::failure::Failure;
use super::smtp::Server;
use super::{message, settings};
use crate::tls::PemError;

/// Why a report was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The CA file can't be used.
    #[error("the TLS settings of email can't be used: {0}")]
    Tls(#[from] PemError),
    /// The file name or content type can't stand in a mail.
    #[error("the mail can't be made: {0}")]
    Message(String),
    /// It may work later.
    #[error("{0}")]
    Later(String),
    /// The mail server will never take it.
    #[error("{0}")]
    Never(String),
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        if failure.is_final { Self::Never(failure.what) } else { Self::Later(failure.what) }
    }
}

/// Sends one file to the recipients of the settings. Returns those who did not get it, each with
/// the mail server's words; at least one other did.
///
/// # Errors
/// When nobody got it.
pub async fn send_report(
    settings: &settings::Email,
    subject: &str,
    text: &str,
    filename: &str,
    content_type: &str,
    bytes: Vec<u8>,
) -> Result<Vec<String>, SendError> {
    let server = Server::new(settings)?;
    let message = message::with_file(settings, subject, text, filename, content_type, bytes)
        .map_err(SendError::Message)?;
    let to: Vec<_> = settings.to.iter().chain(&settings.cc).map(|m| m.email.clone()).collect();
    let sent = server.send(&settings.from.email, &to, &message).await?;
    let without: Vec<String> =
        sent.later.iter().chain(&sent.never).map(|(who, why)| format!("{who} {why}")).collect();
    if !sent.accepted.is_empty() {
        return Ok(without);
    }
    let why = format!("no recipient is accepted: {}", without.join("; "));
    Err(if sent.later.is_empty() { SendError::Never(why) } else { SendError::Later(why) })
}
