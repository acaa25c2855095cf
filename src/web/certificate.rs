//! The certificate of the pages, read again when its files change.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;

use crate::config::settings::WebTls;
use crate::tls::{PemError, server_config};

/// What TLS is spoken with.
#[derive(Debug)]
pub(super) struct Certificate {
    files: WebTls,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// Of the files that were looked at last, whatever they held.
    seen: [Seen; 2],
}

/// What tells a file that was changed.
type Seen = Option<(SystemTime, u64)>;

impl Certificate {
    /// # Errors
    /// When the files can't be used.
    pub(super) fn load(files: &WebTls) -> Result<Self, PemError> {
        let seen = seen(files);
        let config = Arc::new(server_config(&files.cert, &files.key)?);
        Ok(Self { files: files.clone(), current: Mutex::new(Current { config, seen }) })
    }

    /// What the next connection is spoken with. Files that can't be used leave the one of before.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen(&self.files);
        if seen != current.seen {
            current.seen = seen;
            match server_config(&self.files.cert, &self.files.key) {
                Ok(config) => {
                    current.config = Arc::new(config);
                    tracing::info!("the certificate of the pages was read again");
                }
                Err(error) => tracing::warn!(
                    %error,
                    "the certificate of the pages changed and can't be used; the one of before goes on"
                ),
            }
        }
        current.config.clone()
    }
}

fn seen(files: &WebTls) -> [Seen; 2] {
    let of = |path: &Path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    [of(&files.cert), of(&files.key)]
}
