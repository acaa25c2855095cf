//! Why a broker can't be used, in words, with what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::flight::Sent;
use crate::descriptors;
use crate::destination::http::shorten;

/// What went wrong with a connection, as far as an admin would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    /// The host's name has no address.
    UnknownHost,
    /// Nothing listens on the port.
    ConnectionRefused,
    /// No TCP connection within the time allowed.
    ConnectTimeout,
    /// TCP works, but no CONNACK within the time allowed.
    Silent,
    /// The other side hung up before it said why.
    Closed,
    /// It hung up after CONNACK, while nothing was under way.
    Dropped,
    /// It hung up after CONNACK, with a message of ours not acknowledged.
    HungUp,
    /// The other side doesn't speak TLS, or not MQTT.
    WrongProtocol,
    /// The broker's certificate is signed by somebody unknown.
    UnknownIssuer,
    /// The broker's certificate is for another name.
    WrongName,
    /// The broker's certificate isn't valid today.
    OutOfDate,
    /// The broker wants a client certificate, or another one.
    ClientCertificate,
    /// Any other TLS error.
    Tls,
    /// CONNACK: bad user name or password.
    BadCredentials,
    /// CONNACK or DISCONNECT: not authorized.
    NotAuthorized,
    /// CONNACK: client id not accepted.
    ClientId,
    /// CONNACK: protocol version not accepted.
    Version,
    /// CONNACK or DISCONNECT: the broker can't serve now, or not so often.
    Busy,
    /// The same: a quota is used up.
    Quota,
    /// The same: the broker is elsewhere now.
    Moved,
    /// DISCONNECT: the packet is too large.
    TooLarge,
    /// DISCONNECT: topic or payload are not accepted.
    NotTaken,
    /// CONNACK: the broker keeps no retained messages.
    NoRetain,
    /// Another client with the same id took the session over.
    TakenOver,
    /// No PUBACK within the time allowed.
    NoAck,
    /// Anything else.
    Other,
}

impl Cause {
    /// It comes of a message, not of the connection as such.
    pub(super) fn is_about_a_message(self) -> bool {
        use Cause as C;
        matches!(self, C::HungUp | C::TooLarge | C::NotTaken | C::Quota)
    }
}

/// One failure: the case, and what was tried and what happened. Free of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Failure {
    pub(super) fn new(cause: Cause, what: impl Into<String>) -> Self {
        Self { cause, what: shorten(&what.into(), 500) }
    }

    /// The failure behind an error of the client library. `at` is the broker's address as a person
    /// knows it.
    pub(super) fn from_error(error: &(dyn Error + 'static), at: &str) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::from_tls(tls, at);
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                return Self::from_io(io, at);
            }
            next = error.source();
        }
        Self::new(Cause::Other, format!("the connection to {at} failed: {error}"))
    }

    /// The same for an error of the TLS handshake.
    pub(super) fn from_handshake(error: &(dyn Error + 'static), at: &str) -> Self {
        let failure = Self::from_error(error, at);
        if failure.cause == Cause::Closed {
            // Mosquitto's answer to TLS on a port without it.
            let what = format!("{at} hung up during the TLS handshake: does this port expect TLS?");
            return Self::new(Cause::WrongProtocol, what);
        }
        failure
    }

    /// The same, now that the broker had accepted the connection. `oldest` is what it had not
    /// acknowledged. Whoever answered CONNACK speaks MQTT, so it is never said that it does not.
    pub(super) fn after_connack(self, at: &str, oldest: Option<&Sent>) -> Self {
        let Some(Sent { topic, bytes }) = oldest else {
            return match self.cause {
                Cause::Closed => Self { cause: Cause::Dropped, ..self },
                Cause::WrongProtocol => {
                    Self::new(Cause::Dropped, format!("{at} sent something that can't be read"))
                }
                _ => self,
            };
        };
        let after = format!(
            "after PUBLISH to {topic}: may this client publish there? (the message has {bytes} bytes)"
        );
        match self.cause {
            Cause::Closed | Cause::WrongProtocol => {
                Self::new(Cause::HungUp, format!("{at} hung up {after}"))
            }
            Cause::NotAuthorized => Self::new(self.cause, format!("{}, {after}", self.what)),
            Cause::TooLarge | Cause::NotTaken | Cause::Quota => {
                let what = format!("{}, after PUBLISH to {topic} of {bytes} bytes", self.what);
                Self::new(self.cause, what)
            }
            _ => self,
        }
    }

    /// The broker said of the one message that was under way that it will not take it.
    pub(super) fn is_final_for_the_message(&self) -> bool {
        matches!(self.cause, Cause::TooLarge | Cause::NotTaken)
    }

    fn from_io(error: &io::Error, at: &str) -> Self {
        if let Some(inner) = error.get_ref() {
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Self::from_tls(tls, at);
            }
            if let Some(unreached) = inner.downcast_ref::<Unreached>() {
                return Self::new(unreached.cause, unreached.what.clone());
            }
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                Self::new(Cause::Closed, format!("{at} closed the connection ({error})"))
            }
            _ => Self::new(Cause::Other, format!("the connection to {at} failed: {error}")),
        }
    }

    fn from_tls(error: &rustls::Error, at: &str) -> Self {
        use rustls::Error as E;
        let (cause, why) = match error {
            // The latter: an authority of the same name but another key.
            E::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => (Cause::UnknownIssuer, "its certificate is signed by an unknown authority".into()),
            E::InvalidCertificate(CertificateError::NotValidForNameContext {
                expected,
                presented,
            }) => {
                let wanted = expected.to_str();
                let has = presented.join(", ");
                (
                    Cause::WrongName,
                    format!("its certificate is not valid for {wanted}, only for: {has}"),
                )
            }
            E::InvalidCertificate(CertificateError::NotValidForName) => {
                (Cause::WrongName, "its certificate is for another name".into())
            }
            E::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => (Cause::OutOfDate, "its certificate is not valid today".into()),
            E::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::DecryptError
                | AlertDescription::HandshakeFailure,
            ) => (
                Cause::ClientCertificate,
                format!("it did not accept the client certificate ({error})"),
            ),
            E::InvalidMessage(_) => {
                (Cause::WrongProtocol, "it does not speak TLS on this port".into())
            }
            other => (Cause::Tls, format!("the TLS handshake failed: {other}")),
        };
        Self::new(cause, format!("cannot connect to {at}: {why}"))
    }

    /// The other side answered, and will answer the same until somebody changes something.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self.cause,
            Cause::BadCredentials
                | Cause::NotAuthorized
                | Cause::ClientId
                | Cause::ClientCertificate
                | Cause::Version
                | Cause::Moved
        )
    }

    /// What a person can do about it. Setting names as in the file.
    pub(super) fn fix(&self) -> &'static str {
        match self.cause {
            Cause::UnknownHost => {
                "correct mqttConfig.brokerHost, or the name service of this computer"
            }
            Cause::ConnectionRefused => {
                "start the broker, or correct mqttConfig.brokerHost and mqttConfig.brokerPort"
            }
            Cause::ConnectTimeout => {
                "check that the broker is up and that no firewall stands between (1883 is the usual port, 8883 with TLS)"
            }
            Cause::Silent => {
                "check that mqttConfig.brokerPort is the MQTT port, and whether that port expects TLS (mqttConfig.tls.enable)"
            }
            Cause::Closed => {
                "check whether the port expects TLS (mqttConfig.tls.enable) or a client certificate, and read the broker's log: it says why it hung up"
            }
            Cause::Dropped => {
                "read the broker's log: it says why it ended the connection; another client with the same mqttConfig.clientId is a usual reason"
            }
            Cause::HungUp => {
                "allow this user or client id to publish on that topic, in the broker's access file, or let the broker take larger messages; its log says which"
            }
            Cause::WrongProtocol => {
                "use the broker's TLS port (usually 8883), or set mqttConfig.tls.enable to false"
            }
            Cause::UnknownIssuer => {
                "set mqttConfig.tls.certCA to the file of the authority that signed the broker's certificate"
            }
            Cause::WrongName => {
                "set mqttConfig.tls.serverName to one of the names in the certificate"
            }
            Cause::OutOfDate => "renew the broker's certificate, or set this computer's clock",
            Cause::ClientCertificate => {
                "set mqttConfig.tls.clientCert and mqttConfig.tls.clientKey to a certificate that the broker's authority signed"
            }
            Cause::Tls => "check the TLS settings of the broker and of mqttConfig.tls",
            Cause::BadCredentials => "correct mqttConfig.username and mqttConfig.password",
            Cause::NotAuthorized => {
                "allow this user or client id to connect and to publish, in the broker's password and access files; correct mqttConfig.username and mqttConfig.password"
            }
            Cause::ClientId => "choose another mqttConfig.clientId",
            Cause::Version => "set mqttConfig.protocolVersion to the version the broker speaks",
            Cause::Busy => "try again later; if it stays, look at the broker's connection limits",
            Cause::Quota => {
                "raise the quota of this client at the broker, or wait until it is renewed"
            }
            Cause::Moved => {
                "write the broker's new address in mqttConfig.brokerHost and mqttConfig.brokerPort"
            }
            Cause::TooLarge => "raise the largest packet that the broker takes",
            Cause::NotTaken => "correct the topic or the template of this message in mqttConfig",
            Cause::NoRetain => "nothing to do: messages are sent without the retain flag",
            Cause::TakenOver => {
                "give each instance its own mqttConfig.clientId: two clients use the same one"
            }
            Cause::NoAck => {
                "look at the broker's log and load: it takes messages but does not confirm them"
            }
            Cause::Other => "look at the broker's log",
        }
    }
}

/// Why no TCP connection came about; travels inside an [`io::Error`] through the client library.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Unreached {
    cause: Cause,
    what: String,
}

impl Unreached {
    /// Wraps the error of a name look-up so that [`Failure::from_error`] finds it again.
    pub(super) fn unknown(error: &io::Error, at: &str) -> io::Error {
        let what = format!("cannot find the address of {at}: {}", descriptors::explain(error));
        io::Error::new(error.kind(), Self { cause: Cause::UnknownHost, what })
    }

    /// The same for a failed TLS handshake.
    pub(super) fn handshake(failure: Failure, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, Self { cause: failure.cause, what: failure.what })
    }

    /// The same for the error of a TCP connect.
    pub(super) fn refused(error: &io::Error, at: &str) -> io::Error {
        let cause = match error.kind() {
            io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => Cause::ConnectTimeout,
            _ => Cause::Other,
        };
        let what = format!("cannot connect to {at}: {}", descriptors::explain(error));
        io::Error::new(error.kind(), Self { cause, what })
    }
}
