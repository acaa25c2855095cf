//! The HTTP client of a site. It is made of the site's certificate files when it is first needed, and
//! again when one of them was changed: a renewed certificate needs no restart, and one that can't be
//! used is an error of this site's requests alone.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::redirect;
use tokio::time::Instant;

use super::error::{BuildError, Error};
use super::transport::{To, server_name};
use crate::descriptors;
use crate::qrs::settings::Connection;
use crate::tls::{self, ClientFiles, Trust};

/// The files are looked at no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A connection that is not used for so long is closed. The requests of a reading follow each other more
/// closely; of a thousand sites that are read in turn few connections stay.
const IDLE: Duration = Duration::from_secs(2);

/// When a file was changed, and its length.
type Stamp = Option<(SystemTime, u64)>;

#[derive(Debug)]
pub(super) struct Http {
    connection: Connection,
    /// Idle connections are kept for the next requests.
    kept: bool,
    made: Mutex<Option<Made>>,
}

#[derive(Debug)]
struct Made {
    client: reqwest::Client,
    /// Held so that sites with equal certificates share it.
    _tls: Option<Arc<rustls::ClientConfig>>,
    of: [Stamp; 3],
    looked: Instant,
    /// The files as they were when they could not be used in the place of these.
    refused: Option<[Stamp; 3]>,
}

impl Http {
    pub(super) fn new(connection: &Connection, kept: bool) -> Self {
        Self { connection: connection.clone(), kept, made: Mutex::new(None) }
    }

    /// The client of the files as they are now. One whose files are being replaced stays in use until
    /// the new ones fit together.
    ///
    /// # Errors
    /// [`Error::CertificateFile`].
    pub(super) fn client(&self) -> Result<reqwest::Client, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &mut *made {
            if made.looked.elapsed() < LOOK_EVERY {
                return Ok(made.client.clone());
            }
            made.looked = Instant::now();
        }
        let of = self.stamps();
        if let Some(made) = &*made
            && made.of == of
        {
            return Ok(made.client.clone());
        }
        match (self.build(), &mut *made) {
            (Ok((client, tls)), made) => {
                let looked = Instant::now();
                *made = Some(Made { client: client.clone(), _tls: tls, of, looked, refused: None });
                Ok(client)
            }
            (Err(error), Some(made)) => {
                // Said once: a restart would not have what is in use now.
                if made.refused != Some(of) {
                    made.refused = Some(of);
                    let host = &self.connection.host;
                    tracing::warn!(
                        host,
                        "{error}; what was read of these files before stays in use until this \
                         process ends"
                    );
                }
                Ok(made.client.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    fn stamps(&self) -> [Stamp; 3] {
        let Connection { client_cert, client_key, ca_cert, .. } = &self.connection;
        [client_cert, client_key, ca_cert].map(|file| {
            let facts = std::fs::metadata(file).ok()?;
            Some((facts.modified().ok()?, facts.len()))
        })
    }

    fn build(&self) -> Result<(reqwest::Client, Option<Arc<rustls::ClientConfig>>), Error> {
        let made = || {
            if self.connection.use_ssl && self.connection.entry.has_certificate() {
                in_date(&self.connection.client_cert, Utc::now())?;
            }
            client(&self.connection, self.kept).map_err(unusable)
        };
        made().map_err(|error| match descriptors::are_exhausted() {
            // The files are as they were: it is this process that can't open them.
            true => Error::NoFiles {
                address: format!("{}:{}", self.connection.host, self.connection.port),
            },
            false => error,
        })
    }
}

/// What to do about a client certificate that ends.
pub const NEW_CERTIFICATE: &str =
    "export a new one from this site, and put it in its place: no restart is needed";

fn unusable(error: BuildError) -> Error {
    let (what, fix) = match error {
        BuildError::Pem(error) => error.what_and_fix(),
        error => (error.to_string(), "change that setting".to_owned()),
    };
    Error::CertificateFile { what, fix }
}

/// The server would only say that it doesn't want the certificate.
fn in_date(file: &Path, now: DateTime<Utc>) -> Result<(), Error> {
    let certificates = tls::load_certs(file).map_err(|error| unusable(error.into()))?;
    let Some(own) = certificates.first() else { return Ok(()) };
    let facts = tls::inspect(own, file).map_err(|error| unusable(error.into()))?;
    if facts.not_after >= now {
        return Ok(());
    }
    let day = facts.not_after.format("%Y-%m-%d");
    Err(Error::CertificateFile {
        what: format!("the client certificate {} expired on {day}", file.display()),
        fix: NEW_CERTIFICATE.to_owned(),
    })
}

fn client(
    connection: &Connection,
    kept: bool,
) -> Result<(reqwest::Client, Option<Arc<rustls::ClientConfig>>), BuildError> {
    let idle = if kept { connection.max_concurrency.max(1) } else { 0 };
    let mut tls = None;
    let mut http = reqwest::Client::builder()
        .http1_only()
        // The service is inside the trust zone; a proxy from the environment can't reach it.
        .no_proxy()
        .redirect(redirect::Policy::none())
        // What is tried again is decided in `retry`; what changes a site never is.
        .retry(reqwest::retry::never())
        .connect_timeout(connection.connect_timeout)
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    if connection.use_ssl {
        let has_ca = !connection.ca_cert.as_os_str().is_empty();
        let trust = match connection.reject_unauthorized {
            false => Trust::Anybody,
            true if has_ca || connection.entry.has_certificate() => {
                Trust::CaFile(&connection.ca_cert)
            }
            true => Trust::System,
        };
        let client = ClientFiles { cert: &connection.client_cert, key: &connection.client_key };
        let config = match connection.entry.has_certificate() {
            true => tls::shared_client_config(trust, client)?,
            false => Arc::new(tls::client_config(trust, None)?),
        };
        http = http.tls_backend_preconfigured((*config).clone());
        tls = Some(config);
    }
    if server_name(connection)?.is_some() {
        http = http.dns_resolver(To { host: connection.host.clone() });
    }
    let http = http.build().map_err(|error| BuildError::Http(error.to_string()))?;
    Ok((http, tls))
}
