//! Servers whose certificate is too weak to be believed: OpenSSL's own server, since rustls is none of those.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

/// OpenSSL's server with a certificate for `qlik1`; ended with this value.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let run = run.expect("openssl is installed");
    assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
}

/// An authority in `root.pem`, and a server with a certificate that it signed.
fn serve(folder: &Path, root_bits: u16, bits: u16, digest: &str) -> Server {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:qlik1\n").unwrap();
    openssl(
        folder,
        &format!(
            "req -x509 -newkey rsa:{root_bits} -nodes -keyout root.key -out root.pem -days 2 -subj /CN=QLIK1-CA"
        ),
    );
    openssl(
        folder,
        &format!(
            "req -newkey rsa:{bits} -nodes -keyout server.key -out server.csr -subj /CN=qlik1"
        ),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -{digest} -extfile names -out server.pem"
        ),
    );
    let mut child = Command::new("openssl")
        .args("s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www".split(' '))
        .args(["-cipher", "DEFAULT@SECLEVEL=0"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.ok()?;
        line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.trim().parse().ok()
    });
    // Goes on reading, so that the server never waits for a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, port: port.expect("it says where it listens") }
}

#[tokio::test]
async fn weak_certificates_are_told_by_what_is_weak() {
    for (root_bits, bits, digest, expected) in [
        (2048, 2048, "sha1", "its certificate can't be used: it is signed with SHA-1"),
        (2048, 1024, "sha256", "its certificate can't be used: its RSA key has 1024 bits"),
        (1024, 2048, "sha256", "of the certificate in the file: its RSA key has 1024 bits"),
    ] {
        let site = Site::start().await;
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), root_bits, bits, digest);
        let connection = Connection {
            port: server.port,
            ca_cert: folder.path().join("root.pem"),
            tls_server_name: Some("qlik1".into()),
            ..site.connection.clone()
        };
        let error = client(&connection).about(once()).await.unwrap_err();
        let code = if root_bits == 1024 { "tls-unknown-issuer" } else { "tls" };
        assert_error(&error, code, &[expected]);
        assert!(!error.to_string().contains('{'), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let site = Site::start().await;
    let connection = Connection { use_ssl: false, ..site.connection.clone() };
    let error = client(&connection).about(once()).await.unwrap_err();
    assert_error(&error, "not-http", &["no HTTP", "set useSSL: true"]);
}
