//! One conversation with the mail server.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Auth, Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::answer;
use super::failure::{self, Cause, Failure};
use super::settings::{self, OAuth2};
use super::stream::{self, Bounded, Encrypted, NoStartTls};
use crate::descriptors;
use crate::destination::email::settings::EmailSecurity;
use crate::destination::settings::BasicAuth;
use crate::tls::{PemError, Trust, client_config};

/// Where and how mail is handed over.
pub(super) struct Server {
    host: String,
    port: u16,
    security: EmailSecurity,
    tls: Arc<ClientConfig>,
    /// What the server's certificate has to be valid for.
    name: String,
    auth: Option<BasicAuth>,
    oauth2: Option<OAuth2>,
    hello: String,
    timeout: Duration,
}

/// What the server said of each recipient.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) accepted: Vec<Address>,
    /// Refused for now, with the server's words.
    pub(super) later: Vec<(Address, String)>,
    /// Refused for good.
    pub(super) never: Vec<(Address, String)>,
}

impl Server {
    /// # Errors
    /// When the CA file can't be used.
    pub(super) fn new(email: &settings::Email) -> Result<Self, PemError> {
        let trust = match (&email.ca_cert, email.reject_unauthorized) {
            (_, false) => Trust::Anybody,
            (Some(path), true) => Trust::CaFile(path),
            (None, true) => Trust::System,
        };
        Ok(Self {
            host: email.host.clone(),
            port: email.port,
            security: email.security,
            tls: Arc::new(client_config(trust, None)?),
            name: email.server_name.clone().unwrap_or_else(|| email.host.clone()),
            auth: email.auth.clone(),
            oauth2: email.oauth2.clone(),
            hello: email.hello_name.clone().unwrap_or_else(machine_name),
            timeout: email.timeout,
        })
    }

    /// The address as a person knows it.
    pub(super) fn at(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Hands one message over, to those of the recipients that the server accepts.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &[Address],
        message: &[u8],
    ) -> Result<Sent, Failure> {
        let mut smtp = self.open().await?;
        let sent = self.envelope(&mut smtp, from, to).await?;
        if !sent.accepted.is_empty() {
            self.step(Cause::Message, "DATA", smtp.command(Data)).await?;
            self.step(Cause::Message, "the message", smtp.message(message)).await?;
        }
        // The server has it: whatever becomes of the leave-taking changes nothing.
        let _ = timeout(LEAVE, smtp.quit()).await;
        Ok(sent)
    }

    /// The same without a message.
    pub(super) async fn ask(&self, from: &Address, to: &[Address]) -> Result<Sent, Failure> {
        let mut smtp = self.open().await?;
        let sent = self.envelope(&mut smtp, from, to).await?;
        let _ = timeout(LEAVE, smtp.quit()).await;
        Ok(sent)
    }

    /// A connection that is encrypted as the settings want it, and logged in.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let at = self.at();
        let mut tcp = self
            .limited(Cause::Unreachable, "connect", async {
                TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| {
                    let why = descriptors::explain(&error);
                    Failure::new(Cause::Unreachable, format!("cannot connect to {at}: {why}"))
                })
            })
            .await?;
        // A message is written in pieces, and the last of them would wait for the answer to the one before. A matter of speed.
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn AsyncTokioStream> = match self.security {
            EmailSecurity::None => Box::new(Bounded::new(tcp)),
            EmailSecurity::Tls => {
                Box::new(Bounded::new(Encrypted::from_the_start(self.encrypt(tcp).await?)))
            }
            EmailSecurity::StartTls => {
                let talk = async {
                    let begun = stream::starttls(&mut tcp, &self.hello).await;
                    begun.map_err(|error| match error {
                        NoStartTls::NotOffered(why) => Failure::new(
                            Cause::NotEncrypted,
                            format!("{at} does not encrypt by STARTTLS ({why}), and without encryption nothing is sent"),
                        ),
                        NoStartTls::Io(error) => Failure::new(
                            Cause::NoAnswer,
                            format!("{at} broke off before STARTTLS: {error}"),
                        ),
                    })
                };
                self.limited(Cause::NoAnswer, "STARTTLS", talk).await?;
                Box::new(Bounded::new(Encrypted::after_starttls(self.encrypt(tcp).await?)))
            }
        };
        let hello = ClientId::Domain(self.hello.clone());
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, &hello);
        let mut smtp = self.step(Cause::NoAnswer, "the greeting", greeting).await?;
        if let Some(auth) = &self.auth {
            let credentials =
                Credentials::new(auth.username.clone(), auth.password.reveal().to_owned());
            let login = smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            self.step(Cause::Login, "the login", login).await?;
        }
        if let Some(oauth2) = &self.oauth2 {
            self.login_by_token(&mut smtp, oauth2).await?;
        }
        Ok(smtp)
    }

    /// XOAUTH2, as Microsoft 365 and Google take it. A token that is not good is answered with the
    /// reason as a challenge; the refusal follows an empty line.
    async fn login_by_token(
        &self,
        smtp: &mut AsyncSmtpConnection,
        oauth2: &OAuth2,
    ) -> Result<(), Failure> {
        let at = self.at();
        if !smtp.server_info().supports_auth_mechanism(Mechanism::Xoauth2) {
            let what = format!("{at} does not offer XOAUTH2, so it takes no token");
            return Err(Failure::new(Cause::Token, what));
        }
        let token = oauth2.token().map_err(|why| Failure::new(Cause::Token, why))?;
        let credentials = Credentials::new(oauth2.username.clone(), token);
        let login = async {
            let begin = Auth::new(Mechanism::Xoauth2, credentials, None)?;
            let answer = smtp.command(begin).await?;
            if answer.has_code(334) { smtp.command("\r\n").await } else { Ok(answer) }
        };
        self.step(Cause::Token, "the login by token", login).await.map(drop)
    }

    async fn encrypt(
        &self,
        tcp: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
        let at = self.at();
        let name = ServerName::try_from(self.name.clone()).map_err(|_| {
            Failure::new(Cause::Tls, format!("{} can't be a name in a certificate", self.name))
        })?;
        let connect = async {
            let connector = TlsConnector::from(self.tls.clone());
            connector
                .connect(name, tcp)
                .await
                .map_err(|error| failure::handshake(&at, &self.name, &error))
        };
        self.limited(Cause::NoAnswer, "the TLS handshake", connect).await
    }

    /// Sender and recipients.
    async fn envelope(
        &self,
        smtp: &mut AsyncSmtpConnection,
        from: &Address,
        to: &[Address],
    ) -> Result<Sent, Failure> {
        let mail = smtp.command(Mail::new(Some(from.clone()), vec![]));
        self.step(Cause::Sender, "the sender", mail).await?;
        let mut sent = Sent::default();
        for recipient in to {
            let rcpt = smtp.command(Rcpt::new(recipient.clone(), vec![]));
            let Ok(answer) = timeout(self.timeout, rcpt).await else {
                return Err(self.silent("a recipient"));
            };
            match answer {
                Ok(_) => sent.accepted.push(recipient.clone()),
                Err(error) => match error.status() {
                    Some(code) => {
                        let words = failure::reply(&error);
                        let why = format!("{code}: {words}");
                        if !error.is_permanent() {
                            sent.later.push((recipient.clone(), why));
                            continue;
                        }
                        match answer::of_every_message(&code.to_string(), &words) {
                            Some(cause) => {
                                let fix = Failure::new(cause, "").fix();
                                sent.later.push((recipient.clone(), format!("{why}; {fix}")));
                            }
                            None => sent.never.push((recipient.clone(), why)),
                        }
                    }
                    None => {
                        let at = self.at();
                        return Err(failure::step(Cause::NoAnswer, &at, "a recipient", &error));
                    }
                },
            }
        }
        Ok(sent)
    }

    /// One command and its answer.
    async fn step<T>(
        &self,
        cause: Cause,
        name: &str,
        command: impl Future<Output = Result<T, smtp::Error>>,
    ) -> Result<T, Failure> {
        let command =
            async { command.await.map_err(|error| failure::step(cause, &self.at(), name, &error)) };
        self.limited(Cause::NoAnswer, name, command).await
    }

    async fn limited<T>(
        &self,
        cause: Cause,
        name: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match timeout(self.timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Failure { cause, ..self.silent(name) }),
        }
    }

    fn silent(&self, name: &str) -> Failure {
        let seconds = self.timeout.as_secs_f32();
        let what = format!("{} did not answer within {seconds} s ({name})", self.at());
        Failure::new(Cause::NoAnswer, what)
    }
}

/// How long the end of a connection may take.
const LEAVE: Duration = Duration::from_secs(2);

/// For EHLO, which takes no other signs.
fn machine_name() -> String {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = name.chars().filter(|c| fits(*c)).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}
