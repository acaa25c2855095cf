//! Certificates shaped like those a Qlik Sense site makes for itself.
//!
//! The shape decides what a TLS client has to cope with, so it follows exported Qlik certificates
//! closely: RSA 2048, no key usage and no extended key usage anywhere, the server's name once as
//! CN and once as the only DNS entry, a client certificate `CN=QlikClient` without any name,
//! private extensions, a serial of 15 bytes, PKCS#1 keys.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SerialNumber,
};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::{OsRng, RngCore};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::keys::rsa_keys;
use crate::output::{self, Existing};

/// The private extension Qlik marks the purpose of a certificate with.
const PURPOSE_OID: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 13, 3];
const SUBJECT_KEY_IDENTIFIER_OID: &[u64] = &[2, 5, 29, 14];

/// The name in the shared server certificate.
pub const SHARED_SERVER_NAME: &str = "qlik01.example.com";

/// One site's certificate authority with its server and client certificates, as PEM texts.
#[derive(Clone)]
pub struct Pki {
    /// The certificate authority: `CN=<MACHINE>-CA`.
    pub root_pem: String,
    pub server_pem: String,
    /// PKCS#1.
    pub server_key_pem: String,
    /// `CN=QlikClient`.
    pub client_pem: String,
    /// PKCS#1.
    pub client_key_pem: String,
    /// The only name the server certificate is valid for.
    pub server_name: String,
    root_params: CertificateParams,
    root_key: Vec<u8>,
    client_key: Vec<u8>,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// Where [`Pki::write_to`] put the files. The names are those of a Qlik export.
#[derive(Debug, Clone)]
pub struct PkiFiles {
    pub root: PathBuf,
    pub client_cert: PathBuf,
    pub client_key: PathBuf,
    pub server_cert: PathBuf,
    pub server_key: PathBuf,
}

impl Pki {
    /// A new authority with a server certificate for `server_name` and a client certificate.
    ///
    /// Makes three RSA keys, in parallel: tenths of a second.
    ///
    /// # Panics
    /// When `server_name` isn't a DNS name.
    pub fn generate(server_name: &str) -> Self {
        let [root_key, server_key, client_key] = rsa_keys().map(|key| Key::new(&key));
        let machine = server_name.split('.').next().unwrap_or(server_name).to_uppercase();
        let now = Utc::now();

        let mut root_params = params(&format!("{machine}-CA"), "Root", now);
        root_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_pair = pair(&root_key.pkcs8);
        let root_pem = root_params.self_signed(&root_pair).expect("the parameters are valid").pem();
        let issuer = Issuer::from_params(&root_params, &root_pair);

        let mut server = leaf(server_name, "Service", now, &pair(&server_key.pkcs8));
        server.subject_alt_names = CertificateParams::new(vec![server_name.to_owned()])
            .expect("the server name is a DNS name")
            .subject_alt_names;
        let server_pem = sign(&server, &pair(&server_key.pkcs8), &issuer);
        let client = leaf("QlikClient", "Client", now, &pair(&client_key.pkcs8));
        let client_pem = sign(&client, &pair(&client_key.pkcs8), &issuer);

        Self {
            root_pem,
            server_pem,
            server_key_pem: server_key.pkcs1_pem,
            client_pem,
            client_key_pem: client_key.pkcs1_pem,
            server_name: server_name.to_owned(),
            root_params,
            root_key: root_key.pkcs8,
            client_key: client_key.pkcs8,
        }
    }

    /// One PKI for the whole process, for [`SHARED_SERVER_NAME`]: RSA keys take time to make.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pki> = OnceLock::new();
        SHARED.get_or_init(|| Self::generate(SHARED_SERVER_NAME))
    }

    /// Writes `root.pem`, `server.pem`, `server_key.pem`, `client.pem` and `client_key.pem`, readable
    /// by their owner only.
    pub fn write_to(&self, dir: &Path) -> std::io::Result<PkiFiles> {
        self.write(dir, str::to_owned)
    }

    /// As [`Self::write_to`] with CRLF line ends, as newer Windows servers export them.
    pub fn write_crlf_to(&self, dir: &Path) -> std::io::Result<PkiFiles> {
        self.write(dir, |text| text.replace("\r\n", "\n").replace('\n', "\r\n"))
    }

    fn write(&self, dir: &Path, ends: impl Fn(&str) -> String) -> std::io::Result<PkiFiles> {
        std::fs::create_dir_all(dir)?;
        let put = |name: &str, text: &str| {
            let path = dir.join(name);
            output::write_file(&path, Existing::Replace, ends(text).as_bytes())?;
            Ok::<_, std::io::Error>(path)
        };
        Ok(PkiFiles {
            root: put("root.pem", &self.root_pem)?,
            server_cert: put("server.pem", &self.server_pem)?,
            server_key: put("server_key.pem", &self.server_key_pem)?,
            client_cert: put("client.pem", &self.client_pem)?,
            client_key: put("client_key.pem", &self.client_key_pem)?,
        })
    }

    /// A client certificate of this authority for the same client key that ended yesterday.
    pub fn expired_client_pem(&self) -> String {
        let key = pair(&self.client_key);
        let mut client = leaf("QlikClient", "Client", Utc::now(), &key);
        let now = Utc::now();
        set_validity(&mut client, now - TimeDelta::days(400), now - TimeDelta::days(1));
        let root_pair = pair(&self.root_key);
        sign(&client, &key, &Issuer::from_params(&self.root_params, &root_pair))
    }

    /// A client certificate for the same client key, by an authority this site doesn't know.
    pub fn foreign_client_pem(&self) -> String {
        let (params, pair_of_other) = foreign_root();
        let key = pair(&self.client_key);
        let client = leaf("QlikClient", "Client", Utc::now(), &key);
        sign(&client, &key, &Issuer::from_params(&params, &pair_of_other))
    }

    /// The certificate of an authority that has nothing to do with this site.
    pub fn foreign_root_pem(&self) -> String {
        let (params, pair) = foreign_root();
        params.self_signed(&pair).expect("the parameters are valid").pem()
    }

    /// What a password-protected key looks like in OpenSSL's traditional form. The content is
    /// made up: no password opens it.
    pub fn encrypted_key_traditional(&self) -> String {
        self.client_key_pem.replacen(
            "-----BEGIN RSA PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
             DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n",
            1,
        )
    }

    /// What a password-protected key looks like as PKCS#8. The content is made up.
    pub fn encrypted_key_pkcs8(&self) -> String {
        self.client_key_pem.replace("RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    }

    /// The client key as PKCS#8, which OpenSSL 3 and other tools write.
    pub fn client_key_pkcs8_pem(&self) -> String {
        pair(&self.client_key).serialize_pem()
    }
}

struct Key {
    pkcs8: Vec<u8>,
    pkcs1_pem: String,
}

impl Key {
    fn new(key: &RsaPrivateKey) -> Self {
        let pkcs1_pem = key.to_pkcs1_pem(LineEnding::LF).expect("an RSA key can be encoded");
        Self {
            pkcs8: key.to_pkcs8_der().expect("an RSA key can be encoded").as_bytes().to_vec(),
            pkcs1_pem: pkcs1_pem.to_string(),
        }
    }
}

fn pair(pkcs8: &[u8]) -> KeyPair {
    let der = PrivatePkcs8KeyDer::from(pkcs8);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).expect("the key was made here")
}

fn sign(params: &CertificateParams, key: &KeyPair, issuer: &Issuer<'_, &KeyPair>) -> String {
    params.signed_by(key, issuer).expect("the parameters are valid").pem()
}

fn foreign_root() -> (CertificateParams, KeyPair) {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the algorithm is known");
    let mut root = params("OTHER-CA", "Root", Utc::now());
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (root, pair)
}

fn leaf(common_name: &str, purpose: &str, now: DateTime<Utc>, key: &KeyPair) -> CertificateParams {
    let mut params = params(common_name, purpose, now);
    // The library adds this only together with basicConstraints, which Qlik's leaves don't have.
    let mut identifier = params.key_identifier(key);
    identifier.truncate(20);
    params.custom_extensions.push(CustomExtension::from_oid_content(
        SUBJECT_KEY_IDENTIFIER_OID,
        tlv(0x04, &identifier),
    ));
    params
}

fn params(common_name: &str, purpose: &str, now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    set_validity(&mut params, now - TimeDelta::days(1), now + TimeDelta::days(5 * 365 + 7));
    params.serial_number = Some(serial());
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions =
        vec![CustomExtension::from_oid_content(PURPOSE_OID, tlv(0x0c, purpose.as_bytes()))];
    params
}

/// 15 random bytes with the first bit set, so that DER puts a zero in front.
fn serial() -> SerialNumber {
    let mut bytes = [0; 15];
    OsRng.fill_bytes(&mut bytes);
    bytes[0] |= 0x80;
    SerialNumber::from_slice(&bytes)
}

/// DER of a short value.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("the content is short");
    [&[tag, length], content].concat()
}

/// Year, month and day, as the certificate library takes them.
fn ymd(time: DateTime<Utc>) -> (i32, u8, u8) {
    let part = |n: u32| u8::try_from(n).expect("months and days are small");
    (time.year(), part(time.month()), part(time.day()))
}

fn set_validity(params: &mut CertificateParams, from: DateTime<Utc>, to: DateTime<Utc>) {
    let (year, month, day) = ymd(from);
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = ymd(to);
    params.not_after = rcgen::date_time_ymd(year, month, day);
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

    use super::*;

    const SKI: &str = "2.5.29.14";
    const SAN: &str = "2.5.29.17";
    const CONSTRAINTS: &str = "2.5.29.19";
    const AKI: &str = "2.5.29.35";
    const PURPOSE: &str = "1.3.6.1.5.5.7.13.3";

    #[test]
    fn certificates_are_shaped_like_those_of_a_qlik_site() {
        let pki = Pki::shared();
        let expected: [(&str, &str, &[&str], &str); 3] = [
            (&pki.root_pem, "CN=QLIK01-CA", &[AKI, CONSTRAINTS, PURPOSE, SKI], "Root"),
            (&pki.server_pem, "CN=qlik01.example.com", &[AKI, PURPOSE, SAN, SKI], "Service"),
            (&pki.client_pem, "CN=QlikClient", &[AKI, PURPOSE, SKI], "Client"),
        ];
        let mut root_id = None;
        for (pem, subject, extensions, purpose) in expected {
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            let (_, cert) = X509Certificate::from_der(&der).unwrap();
            assert_eq!(cert.subject().to_string(), subject);
            assert_eq!(cert.issuer().to_string(), "CN=QLIK01-CA");
            assert_eq!(cert.version().0, 2, "X.509 version 3");
            assert_eq!(cert.signature_algorithm.algorithm.to_id_string(), "1.2.840.113549.1.1.11");
            let serial = cert.raw_serial();
            assert_eq!((serial.len(), serial[0]), (16, 0), "15 bytes and a leading zero");
            let mut found: Vec<String> =
                cert.extensions().iter().map(|e| e.oid.to_id_string()).collect();
            found.sort();
            let mut wanted: Vec<String> = extensions.iter().map(|&e| e.to_owned()).collect();
            wanted.sort();
            assert_eq!(found, wanted, "{subject}");
            for extension in cert.extensions() {
                let oid = extension.oid.to_id_string();
                assert_eq!(extension.critical, oid == CONSTRAINTS, "{subject} {oid}");
                match extension.parsed_extension() {
                    ParsedExtension::BasicConstraints(c) => {
                        assert!(c.ca && c.path_len_constraint.is_none());
                    }
                    ParsedExtension::SubjectAlternativeName(san) => {
                        let names: Vec<String> =
                            san.general_names.iter().map(ToString::to_string).collect();
                        assert_eq!(names, ["DNSName(qlik01.example.com)"]);
                    }
                    ParsedExtension::SubjectKeyIdentifier(id) if subject.ends_with("-CA") => {
                        root_id = Some(id.0.to_vec());
                    }
                    ParsedExtension::SubjectKeyIdentifier(id) => assert_eq!(id.0.len(), 20),
                    ParsedExtension::AuthorityKeyIdentifier(id) if root_id.is_some() => {
                        let id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                        assert_eq!(id, root_id, "{subject}");
                    }
                    _ if oid == PURPOSE => {
                        assert!(extension.value.ends_with(purpose.as_bytes()));
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn files_are_named_as_in_an_export_and_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let files = Pki::shared().write_to(folder.path()).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = ["client.pem", "client_key.pem", "root.pem", "server.pem", "server_key.pem"];
        assert_eq!(names, expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&files.client_key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let crlf = Pki::shared().write_crlf_to(&folder.path().join("crlf")).unwrap();
        for files in [files, crlf] {
            let key = std::fs::read_to_string(&files.client_key).unwrap();
            assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
            let client =
                crate::tls::ClientFiles { cert: &files.client_cert, key: &files.client_key };
            crate::tls::client_config(crate::tls::Trust::CaFile(&files.root), Some(client))
                .unwrap();
        }
        let text = std::fs::read_to_string(folder.path().join("crlf/root.pem")).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }

    #[test]
    fn encrypted_keys_are_recognised_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::shared();
        for text in [pki.encrypted_key_traditional(), pki.encrypted_key_pkcs8()] {
            let path = folder.path().join("key.pem");
            std::fs::write(&path, text).unwrap();
            let error = crate::tls::load_key(&path).unwrap_err();
            assert!(matches!(error, crate::tls::PemError::EncryptedKey { .. }), "{error}");
        }
        let path = folder.path().join("pkcs8.pem");
        std::fs::write(&path, pki.client_key_pkcs8_pem()).unwrap();
        crate::tls::load_key(&path).unwrap();
    }
}
