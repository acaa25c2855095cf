//! Handshakes that the simulated site doesn't make: a bare TLS server with certificates of its own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority that signs for `name`, and makes the files a client needs.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { params, key: KeyPair::generate().expect("a key") }
    }

    fn pem(&self) -> String {
        self.params.self_signed(&self.key).expect("valid parameters").pem()
    }

    /// Certificate and key for a name; the server's names are alternative names too.
    fn sign(&self, params: &CertificateParams) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        (params.signed_by(&key, &issuer).expect("valid parameters"), key)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn server_params() -> CertificateParams {
    CertificateParams::new(vec!["qlik1".to_owned()]).expect("a valid name")
}

/// A server that answers each request: the version is the `Host` header it saw.
async fn serve(
    authority: &Authority,
    server: &CertificateParams,
    versions: &[&'static SupportedProtocolVersion],
) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let root = authority.params.self_signed(&authority.key).expect("valid parameters");
    roots.add(root.der().clone()).expect("a valid root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let (cert, key) = authority.sign(server);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("supported versions")
        .with_client_cert_verifier(verifier.build().expect("a root"))
        .with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("certificate and key fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(acceptor.accept(tcp).await?).lines();
                let mut host = String::new();
                while let Some(line) = lines.next_line().await? {
                    match line.to_ascii_lowercase().strip_prefix("host: ") {
                        Some(value) => host = value.to_owned(),
                        None if line.is_empty() => {
                            let body = format!("{{\"buildVersion\":\"{host}\"}}");
                            let head = format!(
                                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                                body.len()
                            );
                            let mut stream = lines.into_inner();
                            stream.write_all(format!("{head}{body}").as_bytes()).await?;
                            stream.shutdown().await?;
                            break;
                        }
                        None => {}
                    }
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    port
}

/// Settings for a client whose certificate `of_client` signed and that trusts `trusted`.
fn connection(dir: &Path, port: u16, of_client: &Authority, trusted: &Authority) -> Connection {
    let (cert, key) = of_client.sign(&named("QlikClient"));
    let put = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).expect("the folder can be written");
        dir.join(name)
    };
    Connection {
        host: "127.0.0.1".into(),
        port,
        use_ssl: true,
        client_cert: put("client.pem", &cert.pem()),
        client_key: put("client_key.pem", &key.serialize_pem()),
        ca_cert: put("root.pem", &trusted.pem()),
        reject_unauthorized: true,
        tls_server_name: Some("qlik1".into()),
        headers: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
        max_concurrency: 4,
        entry: Default::default(),
        missing: None,
    }
}

#[tokio::test]
async fn both_versions_of_tls_work_and_the_host_is_the_servers_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let site = Authority::new("QLIK1-CA");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let port = serve(&site, &server_params(), &[version]).await;
        let client = client(&connection(dir.path(), port, &site, &site));
        let about = client.about(once()).await.unwrap().value;
        assert_eq!(about.build_version, format!("qlik1:{port}"));
    }
}

#[tokio::test]
async fn a_refused_client_certificate_is_told_in_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let (site, other) = (Authority::new("QLIK1-CA"), Authority::new("OTHER-CA"));
    // A site that created its certificates again: the same name, another key.
    let before = Authority::new("QLIK1-CA");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let port = serve(&site, &server_params(), &[version]).await;
        for of_client in [&other, &before] {
            let client = client(&connection(dir.path(), port, of_client, &site));
            let error = client.about(once()).await.unwrap_err();
            assert_error(&error, "tls-client-certificate-refused", &["client.pem"]);
        }
    }
}

#[tokio::test]
async fn an_authority_that_was_created_again_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (site, before) = (Authority::new("QLIK1-CA"), Authority::new("QLIK1-CA"));
    let port = serve(&site, &server_params(), rustls::ALL_VERSIONS).await;
    let error = client(&connection(dir.path(), port, &site, &before)).about(once()).await;
    assert_error(&error.unwrap_err(), "tls-unknown-issuer", &["root.pem"]);
}

#[tokio::test]
async fn an_expired_server_certificate_is_told_with_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let site = Authority::new("QLIK1-CA");
    let mut expired = server_params();
    expired.not_before = rcgen::date_time_ymd(2015, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2020, 1, 8);
    let port = serve(&site, &expired, rustls::ALL_VERSIONS).await;
    let error = client(&connection(dir.path(), port, &site, &site)).about(once()).await;
    let texts = ["qlik1", "expired on 2020-01-08"];
    assert_error(&error.unwrap_err(), "tls-server-certificate-expired", &texts);
}

#[tokio::test]
async fn a_handshake_that_is_cut_is_no_connection() {
    let dir = tempfile::tempdir().unwrap();
    let site = Authority::new("QLIK1-CA");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            drop(tcp)
        }
    });
    let error = client(&connection(dir.path(), port, &site, &site)).about(once()).await;
    assert_error(&error.unwrap_err(), "cannot-connect", &["closed during the TLS handshake"]);
}
