//! From what reqwest, hyper, rustls and the system say to one of [`Error`]'s cases.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerMisbehaved};

use super::error::Error;
use super::transport::Peer;
use crate::descriptors;
use crate::plain::shortened;
use crate::secret::mask;
use crate::tls::Weakness;

/// Why a request has no answer. `shown` is the request for people, `timeout` what it was given.
pub(super) fn request_error(
    error: &reqwest::Error,
    peer: &Peer,
    shown: &str,
    timeout: Duration,
) -> Error {
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_error(tls, peer);
    }
    let address = peer.address.clone();
    // A resolver that can't open its files says that there is no such name, or nothing for a while.
    if descriptors::are_named(error) || (error.is_connect() && descriptors::are_exhausted()) {
        return Error::NoFiles { address };
    }
    if error.is_connect() {
        let why = if error.is_timeout() {
            format!("no answer within {} s", peer.connect_timeout.min(timeout).as_secs_f64())
        } else {
            connect_reason(error)
        };
        return Error::CannotConnect { address, why };
    }
    if error.is_timeout() {
        return Error::TimedOut { url: shown.to_owned(), after: timeout };
    }
    if chain(error)
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
    {
        return Error::NotHttp { url: shown.to_owned(), clear: !peer.address.starts_with("https") };
    }
    Error::Interrupted { url: shown.to_owned(), why: innermost(error) }
}

fn connect_reason(error: &reqwest::Error) -> String {
    let kind = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .find(|kind| *kind != io::ErrorKind::Other);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => {
            "connection refused, nothing listens there".to_owned()
        }
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            "the connection was closed during the TLS handshake".to_owned()
        }
        _ if error.is_dns() => format!("the name can't be resolved ({})", innermost(error)),
        _ => innermost(error),
    }
}

/// What a failure of TLS means. The client's certificate may be refused long after the handshake
/// from this side's view (TLS 1.3), so the alert can come with any request.
fn tls_error(error: &rustls::Error, peer: &Peer) -> Error {
    let other = |why: String, fix| Error::Tls { address: peer.address.clone(), why, fix };
    match error {
        rustls::Error::InvalidCertificate(reason) => certificate_error(reason, peer),
        rustls::Error::AlertReceived(alert) => match refusal(*alert) {
            Some(why) => Error::ClientCertificateRefused {
                address: peer.address.clone(),
                cert: peer.client_cert.clone(),
                why: why.to_owned(),
            },
            None => {
                let (why, fix) = alert_reason(*alert);
                other(why, fix)
            }
        },
        rustls::Error::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests) => {
            other(RENEGOTIATION.to_owned(), NO_RENEGOTIATION)
        }
        rustls::Error::InappropriateHandshakeMessage { got_type, .. }
            if *got_type == rustls::HandshakeType::HelloRequest =>
        {
            other(RENEGOTIATION.to_owned(), NO_RENEGOTIATION)
        }
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => other(
            "it does not speak TLS".to_owned(),
            "check port (4242 is the repository service), or set useSSL to false where plain HTTP is meant",
        ),
        rustls::Error::PeerIncompatible(_) => other(
            format!("it has no version or cipher in common with this program ({error})"),
            CIPHERS,
        ),
        error => other(told(&error.to_string()), LOGS),
    }
}

const RENEGOTIATION: &str = "it asks for the client certificate only after the request (received HelloRequest), and TLS renegotiation is not supported";

const NO_RENEGOTIATION: &str = "have the client certificate asked for in the first handshake (netsh http: clientcertnegotiation=enable), or enable TLS 1.3";

const CIPHERS: &str =
    "enable TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3, in the Windows settings of the server";

const LOGS: &str =
    "look into the system event log (Schannel) and the repository's logs of the server";

fn certificate_error(reason: &CertificateError, peer: &Peer) -> Error {
    let address = peer.address.clone();
    match reason {
        CertificateError::NotValidForName => Error::NameMismatch {
            address,
            expected: peer.expected_name.clone(),
            accepted: Vec::new(),
        },
        CertificateError::NotValidForNameContext { presented, .. } => Error::NameMismatch {
            address,
            expected: peer.expected_name.clone(),
            accepted: presented.iter().take(20).map(|name| told(&bare_name(name))).collect(),
        },
        // A CA that was created again has the same name and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Error::UnknownIssuer { address, ca: peer.ca.clone(), note: peer.ca_note.clone() }
        }
        CertificateError::Expired => Error::ServerCertificateExpired { address, since: None },
        CertificateError::ExpiredContext { not_after, .. } => {
            let since = i64::try_from(not_after.as_secs())
                .ok()
                .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
                .map(|time| time.date_naive().to_string());
            Error::ServerCertificateExpired { address, since }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Error::Tls {
            address,
            why: "its certificate is not valid yet".to_owned(),
            fix: "compare the clocks of both machines",
        },
        other => Error::Tls {
            address,
            why: match Weakness::find(other) {
                Some(weak) => format!("its certificate can't be used: {weak}"),
                None => told(&format!("its certificate can't be used: {other}")),
            },
            fix: "have Qlik Sense create its certificates again, then export them anew",
        },
    }
}

/// `qlik1` of rustls' `DnsName("qlik1")`.
fn bare_name(presented: &str) -> String {
    match (presented.find('('), presented.strip_suffix(')')) {
        (Some(open), Some(text)) => text[open + 1..].trim_matches('"').to_owned(),
        _ => presented.to_owned(),
    }
}

/// What an alert says of our certificate, if that is what it is about.
fn refusal(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it wants one and got none that it accepts"
        }
        AlertDescription::UnknownCA => "another certificate authority signed it",
        AlertDescription::BadCertificate => "it finds it damaged or wrongly signed",
        AlertDescription::UnsupportedCertificate => "it does not take this type",
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::CertificateExpired => "it is expired",
        AlertDescription::CertificateUnknown => "it gives no reason",
        AlertDescription::AccessDenied => "access is denied to it",
        // Signed by our key, checked against our certificate: they must have come apart.
        AlertDescription::DecryptError => {
            "it was signed by an authority of the same name but another key, or its key does not fit"
        }
        _ => return None,
    })
}

fn alert_reason(alert: AlertDescription) -> (String, &'static str) {
    match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => (
            "it broke off the handshake: it has no cipher in common with this program, or does not accept the client certificate"
                .to_owned(),
            CIPHERS,
        ),
        AlertDescription::ProtocolVersion => {
            ("it has neither TLS 1.2 nor TLS 1.3".to_owned(), CIPHERS)
        }
        AlertDescription::UnrecognisedName => (
            "it does not know the name it was called by".to_owned(),
            "set tlsServerName to the name in its certificate",
        ),
        other => (format!("it broke off with the alert {other:?}"), LOGS),
    }
}

/// An error and what caused it, also inside of [`io::Error`]s, which hide what they wrap.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the error at the end of a chain says: those before it only say that there was one.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    told(&chain(error).last().unwrap_or(error).to_string())
}

/// Names of a certificate and words of libraries, which may be the server's.
fn told(text: &str) -> String {
    shortened(&mask(text), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            address: "https://qlik1:4242".into(),
            via: String::new(),
            connect_timeout: Duration::from_secs(10),
            expected_name: "10.0.0.5".into(),
            client_cert: "client.pem".into(),
            ca: "root.pem".into(),
            ca_note: None,
        }
    }

    #[test]
    fn finds_a_tls_error_inside_of_io_errors() {
        let tls = rustls::Error::AlertReceived(AlertDescription::UnknownCA);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls.clone()));
        assert_eq!(find::<rustls::Error>(&nested), Some(&tls));
        assert_eq!(innermost(&nested), tls.to_string());
    }

    #[test]
    fn alerts_about_our_certificate_are_told_from_others() {
        let code = |alert| tls_error(&rustls::Error::AlertReceived(alert), &peer()).code();
        for alert in [
            AlertDescription::CertificateRequired,
            AlertDescription::UnknownCA,
            AlertDescription::BadCertificate,
            AlertDescription::CertificateExpired,
            AlertDescription::CertificateUnknown,
            AlertDescription::AccessDenied,
        ] {
            assert_eq!(code(alert), "tls-client-certificate-refused", "{alert:?}");
        }
        for alert in [
            AlertDescription::HandshakeFailure,
            AlertDescription::ProtocolVersion,
            AlertDescription::InternalError,
        ] {
            assert_eq!(code(alert), "tls", "{alert:?}");
        }
    }

    #[test]
    fn a_mismatch_names_what_would_work() {
        let reason = CertificateError::NotValidForNameContext {
            expected: "10.0.0.5".try_into().unwrap(),
            presented: vec!["DnsName(\"qlik1.example.com\")".into()],
        };
        assert_eq!(
            certificate_error(&reason, &peer()).to_string(),
            "the certificate of https://qlik1:4242 is not valid for the name 10.0.0.5 but for \
             qlik1.example.com; set tlsServerName to qlik1.example.com"
        );
    }

    #[test]
    fn renegotiation_is_explained() {
        let error = rustls::Error::InappropriateHandshakeMessage {
            expect_types: vec![],
            got_type: rustls::HandshakeType::HelloRequest,
        };
        assert!(tls_error(&error, &peer()).to_string().contains("received HelloRequest"));
    }
}
