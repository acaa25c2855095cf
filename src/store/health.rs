//! How the polls went: what `status` and `healthcheck` look at.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::{Store, StoreError, time_of};
use crate::event::Monitor;

/// How one monitor of one site is doing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    pub site: String,
    pub monitor: Monitor,
    pub last_poll: DateTime<Utc>,
    pub last_success: Option<DateTime<Utc>>,
    /// Polls that failed in a row; 0 when the last one worked.
    pub failures: u32,
    /// Why the last failed poll failed; kept after a success, until the next failure.
    pub last_error: Option<PollError>,
}

/// Why a poll failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PollError {
    /// Short and stable, for programs: `tls-name`, `timed-out`.
    pub code: String,
    /// A sentence for a person.
    pub text: String,
}

impl Health {
    /// What is wrong now: the last error, unless a poll succeeded after it.
    pub fn problem(&self) -> Option<&PollError> {
        self.last_error.as_ref().filter(|_| self.failures > 0)
    }
}

impl Store {
    /// Writes down how a poll went that ended now.
    pub async fn record_health(
        &self,
        site: &str,
        monitor: Monitor,
        result: Result<(), PollError>,
    ) -> Result<(), StoreError> {
        self.shared.counting.polled(site, monitor, &result);
        let (site, now) = (site.to_owned(), self.now_ms());
        self.shared
            .gate
            .write("record the health of a poll", move |db| {
                let (success, failed) = (result.is_ok().then_some(now), result.is_err());
                let (code, text) = result.err().map(|e| (e.code, e.text)).unzip();
                db.prepare_cached(
                    "INSERT INTO health VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (site, monitor) DO UPDATE SET
                         last_poll = excluded.last_poll,
                         last_success = ifnull(excluded.last_success, last_success),
                         failures = iif(excluded.failures, failures + 1, 0),
                         error_code = ifnull(excluded.error_code, error_code),
                         error_text = ifnull(excluded.error_text, error_text)",
                )?
                .execute(params![
                    site,
                    monitor.code(),
                    now,
                    success,
                    failed,
                    code,
                    text
                ])?;
                Ok(())
            })
            .await?;
        self.wake();
        Ok(())
    }

    /// Whether the daemon lives as far as its store goes: it can be read. What `/healthz` and the watchdog of
    /// systemd are told.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn alive(&self) -> Result<(), StoreError> {
        self.health().await.map(drop)
    }

    /// How each monitor of each site is doing, sites by name. Holds sites that are no longer
    /// configured, too.
    pub async fn health(&self) -> Result<Vec<Health>, StoreError> {
        self.shared
            .gate
            .read("read the health of the polls", |db| {
                let mut query = db.prepare_cached(
                    "SELECT site, monitor, last_poll, last_success, failures, error_code, error_text
                       FROM health ORDER BY site, monitor",
                )?;
                let mut rows = query.query([])?;
                let mut all = Vec::new();
                while let Some(row) = rows.next()? {
                    // Of a newer release: not ours to judge.
                    let Some(monitor) = monitor_of(&row.get::<_, String>(1)?) else { continue };
                    let error: (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
                    all.push(Health {
                        site: row.get(0)?,
                        monitor,
                        last_poll: time_of(row.get(2)?),
                        last_success: row.get::<_, Option<i64>>(3)?.map(time_of),
                        failures: row.get(4)?,
                        last_error: error
                            .0
                            .zip(error.1)
                            .map(|(code, text)| PollError { code, text }),
                    });
                }
                Ok(all)
            })
            .await
    }
}

fn monitor_of(text: &str) -> Option<Monitor> {
    Monitor::ALL.into_iter().find(|m| m.code() == text)
}
