//! `email`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::SecretText;

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Email {
    /// Send e-mail.
    pub(crate) enable: bool,
    /// Name or IP address of the mail server.
    #[schemars(example = &"smtp.example.com")]
    pub(crate) host: String,
    /// Port of the mail server. Default 587 for `starttls`, 465 for `tls`, 25 for `none`.
    #[schemars(range(min = 1, max = 65535), extend("x-noun" = "a port"))]
    pub(crate) port: Option<i64>,
    /// `starttls`: the connection is encrypted before anything is said, or not used at all.
    /// `tls`: it is encrypted from the first byte. `none`: never, for a server on this machine.
    pub(crate) security: EmailSecurity,
    /// User name. Empty: no login.
    pub(crate) username: String,
    /// Password.
    pub(crate) password: SecretText,
    /// File with an OAuth2 access token in the place of `password`, for Microsoft 365 and Google
    /// (XOAUTH2). It is read at each login, so whatever renews the token just writes it there. Empty:
    /// none.
    #[serde(rename = "oauth2TokenFile")]
    pub(crate) oauth2_token_file: String,
    /// Sender, such as `Bursar <bursar@example.com>`.
    #[schemars(example = &"Bursar <bursar@example.com>")]
    pub(crate) from: String,
    /// Recipients, each with or without a name.
    #[schemars(example = &["qlik-admins@example.com"])]
    pub(crate) to: Vec<String>,
    /// Recipients of a copy.
    pub(crate) cc: Vec<String>,
    /// Certificate authority of the mail server, PEM. Empty: those the operating system trusts.
    #[serde(rename = "certCA")]
    pub(crate) cert_ca: String,
    /// Verify the mail server's certificate.
    pub(crate) reject_unauthorized: bool,
    /// The name in the mail server's certificate, when it isn't `host`.
    pub(crate) server_name: String,
    /// What Bursar calls itself to the mail server. Empty: the name of this machine.
    pub(crate) hello_name: String,
    /// Seconds to wait for the connection and for each answer. Default 20: mail servers may look
    /// things up before they answer.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) timeout_seconds: i64,
    /// Template of the subject, see docs/templates.md. Empty: the built-in one.
    pub(crate) subject_template: String,
    /// Template of the plain text. Empty: the built-in one.
    pub(crate) text_template: String,
    /// File with the template of the plain text.
    pub(crate) text_template_file: String,
    /// Template of the HTML. Empty: the built-in one.
    pub(crate) html_template: String,
    /// File with the template of the HTML.
    pub(crate) html_template_file: String,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            enable: false,
            host: String::new(),
            port: None,
            security: EmailSecurity::StartTls,
            username: String::new(),
            password: SecretText::default(),
            oauth2_token_file: String::new(),
            from: String::new(),
            to: Vec::new(),
            cc: Vec::new(),
            cert_ca: String::new(),
            reject_unauthorized: true,
            server_name: String::new(),
            hello_name: String::new(),
            timeout_seconds: 20,
            subject_template: String::new(),
            text_template: String::new(),
            text_template_file: String::new(),
            html_template: String::new(),
            html_template_file: String::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum EmailSecurity {
    StartTls,
    Tls,
    None,
}
