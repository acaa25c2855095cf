//! Says of a certificate that is refused for its key or its signature which of the two it is, and why.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use x509_parser::oid_registry::OID_PKCS1_SHA1WITHRSA;
use x509_parser::public_key::PublicKey;

/// Bits that an RSA key has to have.
const LEAST_BITS: usize = 2048;

/// Why a certificate is too weak to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Its own RSA key.
    #[error("its RSA key has {0} bits, and 2048 are the least")]
    Key(usize),
    /// How it was signed.
    #[error("it is signed with SHA-1, which proves nothing any more")]
    Sha1,
}

impl Weakness {
    /// What is weak about a certificate, if anything.
    pub fn of(cert: &CertificateDer<'_>) -> Option<Self> {
        let (_, cert) = x509_parser::parse_x509_certificate(cert).ok()?;
        match cert.public_key().parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() < LEAST_BITS => {
                return Some(Self::Key(key.key_size()));
            }
            _ => {}
        }
        (cert.signature_algorithm.algorithm == OID_PKCS1_SHA1WITHRSA).then_some(Self::Sha1)
    }

    /// The one that a failed handshake is about.
    pub fn find(error: &CertificateError) -> Option<&Self> {
        match error {
            CertificateError::Other(OtherError(why)) => why.downcast_ref(),
            _ => None,
        }
    }
}

/// Decides as the verifier in it, and explains some of its refusals.
#[derive(Debug)]
pub(super) struct Explaining(pub(super) Arc<dyn ServerCertVerifier>);

fn explained(error: rustls::Error, cert: &CertificateDer<'_>) -> rustls::Error {
    use CertificateError as Bad;
    let rustls::Error::InvalidCertificate(reason) = &error else {
        return error;
    };
    let is_signature = matches!(
        reason,
        Bad::BadSignature
            | Bad::UnsupportedSignatureAlgorithmContext { .. }
            | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    );
    match Weakness::of(cert).filter(|_| is_signature) {
        Some(weak) => Bad::Other(OtherError(Arc::new(weak))).into(),
        None => error,
    }
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| explained(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss).map_err(|error| explained(error, cert))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss).map_err(|error| explained(error, cert))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
