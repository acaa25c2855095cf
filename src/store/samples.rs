//! For the tests of the store and of the workers: events, and what was logged.

use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, Utc};

use crate::event::{Body, Event};
use crate::license::server::Kind;
use crate::license::{Expiry, Pools, ServerLicense};
use crate::license::{LicenseState, ServerLicenseStatus};

/// Seconds since some morning.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(crate) fn recurring(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::AccessLicenseStatus(Pools::default()))
}

pub(crate) fn server_status(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::ServerLicenseStatus(status()))
}

pub(crate) fn alert(site: &str, seconds: i64) -> Event {
    Event::new(site, at(seconds), Body::ServerLicenseProblem(status()))
}

fn status() -> ServerLicenseStatus {
    let license = ServerLicense::new(Kind::SignedKey, Expiry::Unknown);
    ServerLicenseStatus {
        license,
        state: LicenseState::ExpiryUnknown,
        expired: false,
        expiry_date: None,
        days_until_expiry: None,
        days_until_start: None,
        threshold_days: 30,
    }
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn install(&self) -> tracing::subscriber::DefaultGuard {
        // While there is only one subscriber, tracing asks that of the thread which comes to a
        // log line first whether the line is of interest, and remembers the answer for all
        // threads. The tests on other threads have none; so let there be two.
        static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| tracing_subscriber::fmt().with_writer(std::io::sink).finish().into());
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
