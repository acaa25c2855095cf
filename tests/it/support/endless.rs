//! A server that goes on and on: it answers as a script says, and then never ends its answer.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::mosquitto::Pki;

/// So much is offered.
pub const OFFERED: u64 = 2 << 30;

/// More than the buffers of two sockets on loopback hold together with what a client reads.
pub const TAKEN: u64 = 24 << 20;

/// How a connection goes.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Says this.
    Say(&'static [u8]),
    /// Reads until these bytes end what came.
    Until(&'static [u8]),
    /// Goes on encrypted.
    Tls,
    /// Says this over and over.
    Endless(&'static [u8]),
}

/// A running server. Stops when dropped.
pub struct Endless {
    pub port: u16,
    taken: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Endless {
    /// Every connection goes by the script.
    pub async fn start(script: Vec<Step>, pki: Option<&Pki>) -> Self {
        let acceptor = pki.map(acceptor);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(AtomicU64::new(0));
        let count = taken.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, acceptor, count) = (script.clone(), acceptor.clone(), count.clone());
                // A client that hangs up is what is waited for.
                tokio::spawn(async move {
                    let _ = talk(Box::new(stream), &script, acceptor, &count).await;
                });
            }
        });
        Self { port, taken, task }
    }

    /// Bytes of the endless answer that the client's side took, of all connections. It took all of it if
    /// it is [`OFFERED`].
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn acceptor(pki: &Pki) -> TlsAcceptor {
    bursar::tls::install_provider();
    let (cert, key) = &pki.server;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(cert).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn talk(
    mut stream: Box<dyn Stream>,
    script: &[Step],
    acceptor: Option<TlsAcceptor>,
    taken: &AtomicU64,
) -> std::io::Result<()> {
    for step in script {
        match step {
            Step::Say(text) => stream.write_all(text).await?,
            Step::Until(end) => {
                let mut came = Vec::new();
                while !came.ends_with(end) {
                    if stream.read_buf(&mut came).await? == 0 {
                        return Ok(());
                    }
                }
            }
            Step::Tls => {
                let acceptor = acceptor.as_ref().expect("a script with TLS has a certificate");
                stream = Box::new(acceptor.accept(stream).await?);
            }
            Step::Endless(text) => {
                let piece = text.repeat((1 << 16) / text.len() + 1);
                let mut left = OFFERED;
                while left > 0 {
                    let written = stream.write(&piece).await? as u64;
                    taken.fetch_add(written, Ordering::SeqCst);
                    left = left.saturating_sub(written);
                }
            }
        }
    }
    Ok(())
}
