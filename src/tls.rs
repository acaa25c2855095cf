//! Certificates and keys from PEM files, and the TLS settings made of them.
//!
//! Every TLS connection of the program, to a Qlik site or to a destination, is set up here, so
//! that a file that can't be used gives the same clear error everywhere.

mod weak;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chrono::{DateTime, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme, WantsVerifier,
};
use sha2::{Digest, Sha256};

use crate::input;
pub use weak::Weakness;

/// Why a PEM file can't be used. Each text names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// The file isn't there, or this user may not read it.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// No certificate block in the file.
    #[error("{} holds no PEM certificate (expected a block that starts with -----BEGIN CERTIFICATE-----)", path.display())]
    NoCertificate { path: PathBuf },
    /// A block is there but its content is damaged.
    #[error("{} holds a certificate that can't be parsed: {why}", path.display())]
    BadCertificate { path: PathBuf, why: String },
    /// No private key block in the file.
    #[error("{} holds no PEM private key (expected a block that starts with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----)", path.display())]
    NoKey { path: PathBuf },
    /// The key is protected by a password.
    #[error("{0} holds a private key that is encrypted with a password; decrypt it with: openssl pkey -in \"{0}\" -out \"{0}.decrypted\", and name that file", path.display())]
    EncryptedKey { path: PathBuf },
    /// A key block is there but its content is damaged.
    #[error("{} holds a private key that can't be parsed: {why}", path.display())]
    BadKey { path: PathBuf, why: String },
    /// Certificate and key are both fine but don't belong together.
    #[error("the private key {} does not belong to the certificate {}", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    /// The certificates can't be used as trust anchors.
    #[error("{} can't be used as a certificate authority: {why}", path.display())]
    BadRoot { path: PathBuf, why: String },
}

/// What is worth knowing of a certificate before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertFacts {
    pub subject: String,
    pub issuer: String,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// basicConstraints says it may sign others.
    pub is_ca: bool,
    /// Names the certificate is valid for, as `DNS:...` and `IP:...`.
    pub names: Vec<String>,
}

/// Makes ring the process's provider of cryptography. May be called any number of times.
pub fn install_provider() {
    // An error means another caller was first, with the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl PemError {
    /// The sentence, cut into what is wrong and what to do.
    pub fn what_and_fix(&self) -> (String, String) {
        let text = self.to_string();
        let (what, fix) = text.split_once("; ").unwrap_or((&text, ""));
        let fix = match self {
            Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "write a path from the working directory or from the folder of this file, or a full one"
            }
            Self::Unreadable { source, .. }
                if matches!(
                    source.kind(),
                    std::io::ErrorKind::IsADirectory
                        | std::io::ErrorKind::InvalidInput
                        | std::io::ErrorKind::FileTooLarge
                ) =>
            {
                "name a file in PEM format"
            }
            Self::Unreadable { .. } => "let the user that runs bursar read it",
            Self::Mismatch { .. } => "name the certificate and the key of one export",
            Self::NoCertificate { .. } | Self::BadCertificate { .. } => {
                "export the certificate again, in PEM format"
            }
            Self::NoKey { .. } | Self::BadKey { .. } => "export the key again, in PEM format",
            _ => fix,
        };
        (what.to_owned(), fix.to_owned())
    }
}

/// The certificates of a PEM file, at least one.
pub fn load_certs(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let bytes = read(path)?;
    let certs = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| PemError::BadCertificate { path: path.into(), why: e.to_string() })?;
    if certs.is_empty() {
        return Err(PemError::NoCertificate { path: path.into() });
    }
    Ok(certs)
}

/// The private key of a PEM file: PKCS#1, PKCS#8 or SEC1, any line ends.
pub fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(PemError::EncryptedKey { path: path.into() });
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(PemError::NoKey { path: path.into() });
    }
    PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|e| PemError::BadKey { path: path.into(), why: e.to_string() })
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    input::read(path, input::SMALL)
        .map_err(|source| PemError::Unreadable { path: path.into(), source })
}

/// What a certificate says of itself. `path` is for the error text only.
pub fn inspect(cert: &CertificateDer<'_>, path: &Path) -> Result<CertFacts, PemError> {
    let bad = |why: String| PemError::BadCertificate { path: path.into(), why };
    let (_, cert) = x509_parser::parse_x509_certificate(cert).map_err(|e| bad(e.to_string()))?;
    let time = |t: x509_parser::time::ASN1Time| {
        DateTime::from_timestamp(t.timestamp(), 0)
            .ok_or_else(|| bad(format!("validity {t} is out of range")))
    };
    let is_ca = cert.basic_constraints().ok().flatten().is_some_and(|c| c.value.ca);
    let names = cert.subject_alternative_name().ok().flatten().map_or_else(Vec::new, |ext| {
        use x509_parser::extensions::GeneralName;
        ext.value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DNSName(n) => Some(format!("DNS:{n}")),
                GeneralName::IPAddress([a, b, c, d]) => Some(format!("IP:{a}.{b}.{c}.{d}")),
                _ => None,
            })
            .collect()
    });
    Ok(CertFacts {
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        not_before: time(cert.validity().not_before)?,
        not_after: time(cert.validity().not_after)?,
        is_ca,
        names,
    })
}

/// Which servers to believe.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// Only those whose certificate this CA file signed.
    CaFile(&'a Path),
    /// Those the operating system trusts.
    System,
    /// Anybody: `rejectUnauthorized: false`. The connection is encrypted but can be intercepted.
    Anybody,
}

/// A client certificate and its key, as files.
#[derive(Debug, Clone, Copy)]
pub struct ClientFiles<'a> {
    pub cert: &'a Path,
    pub key: &'a Path,
}

/// TLS settings that are in use, by what they are made of.
static SHARED: Mutex<BTreeMap<Vec<u8>, Weak<ClientConfig>>> = Mutex::new(BTreeMap::new());

/// The settings of a site: one for all sites whose files hold the same, as long as one of them uses it. A file
/// that was renewed makes new ones.
pub fn shared_client_config(
    trust: Trust<'_>,
    client: ClientFiles<'_>,
) -> Result<Arc<ClientConfig>, PemError> {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    match trust {
        Trust::CaFile(path) => add(&read(path)?),
        Trust::System => add(b"system"),
        Trust::Anybody => add(b"anybody"),
    }
    add(&read(client.cert)?);
    add(&read(client.key)?);
    let key = hash.finalize().to_vec();
    let shared = || SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = shared().get(&key).and_then(Weak::upgrade) {
        return Ok(config);
    }
    let config = Arc::new(client_config(trust, Some(client))?);
    let mut shared = shared();
    shared.retain(|_, config| config.strong_count() > 0);
    shared.insert(key, Arc::downgrade(&config));
    Ok(config)
}

/// Client-side TLS settings (TLS 1.2 and 1.3).
pub fn client_config(
    trust: Trust<'_>,
    client: Option<ClientFiles<'_>>,
) -> Result<ClientConfig, PemError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3");
    let builder = match trust {
        Trust::CaFile(path) => believing(builder, load_roots(path)?, provider),
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAnybody { provider })),
        Trust::System => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            believing(builder, roots, provider)
        }
    };
    match client {
        None => Ok(builder.with_no_client_auth()),
        Some(files) => {
            let certs = load_certs(files.cert)?;
            let key = load_key(files.key)?;
            builder.with_client_auth_cert(certs, key).map_err(|e| match e {
                rustls::Error::InconsistentKeys(_) => {
                    PemError::Mismatch { cert: files.cert.into(), key: files.key.into() }
                }
                other => PemError::BadKey { path: files.key.into(), why: other.to_string() },
            })
        }
    }
}

/// Believes whom these authorities signed, and says why not.
fn believing(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let roots = Arc::new(roots);
    match WebPkiServerVerifier::builder_with_provider(roots.clone(), provider).build() {
        Ok(verifier) => {
            let verifier = Arc::new(weak::Explaining(verifier));
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
        // No authority at all: nobody is believed.
        Err(_) => builder.with_root_certificates(roots),
    }
}

/// TLS settings of a server (TLS 1.2 and 1.3), for HTTP/1.1.
pub fn server_config(cert: &Path, key: &Path) -> Result<ServerConfig, PemError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(load_certs(cert)?, load_key(key)?)
        .map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                PemError::Mismatch { cert: cert.into(), key: key.into() }
            }
            other => PemError::BadKey { path: key.into(), why: other.to_string() },
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The trust anchors of a CA file.
pub fn load_roots(path: &Path) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for cert in load_certs(path)? {
        roots.add(cert).map_err(|e| PemError::BadRoot { path: path.into(), why: e.to_string() })?;
    }
    Ok(roots)
}

/// Checks nothing about the server's identity, but still that the handshake is signed.
#[derive(Debug)]
struct AcceptAnybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Pki;

    #[test]
    fn equal_files_have_one_tls_configuration() {
        install_provider();
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, pki: &Pki| pki.write_to(&folder.path().join(name)).unwrap();
        let (pki, other) = (Pki::generate("one"), Pki::generate("other"));
        let config = |files: &crate::simulator::PkiFiles, anybody: bool| {
            let trust = if anybody { Trust::Anybody } else { Trust::CaFile(&files.root) };
            let client = ClientFiles { cert: &files.client_cert, key: &files.client_key };
            shared_client_config(trust, client).unwrap()
        };
        let (first, second, third) = (make("a", &pki), make("b", &pki), make("c", &other));
        let shared = config(&first, false);
        assert!(Arc::ptr_eq(&shared, &config(&second, false)), "the same in another folder");
        assert!(!Arc::ptr_eq(&shared, &config(&third, false)), "another site's");
        assert!(!Arc::ptr_eq(&shared, &config(&first, true)), "whoever answers");
        make("a", &other);
        assert!(!Arc::ptr_eq(&shared, &config(&first, false)), "renewed");
    }
}
