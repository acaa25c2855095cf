//! `bursar healthcheck`: is the daemon alive and polling? For containers and load balancers.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{ConfigFile, Exit, block_on};
use crate::config::Settings;
use crate::daemon::lock::{self, Holder};
use crate::schedule::Schedule;
use crate::status::Status;

/// Tell whether a daemon runs on the store and polls on time (exit code 0), or not (1)
///
/// A site or destination that is down does not make the daemon unhealthy: a restart would not
/// help.
#[derive(Debug, clap::Args)]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    config: ConfigFile,
}

impl Healthcheck {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let path = settings.storage.path.clone();
        match lock::holder(&path)? {
            Holder::Daemon => {}
            Holder::Nobody => {
                outln!("no daemon runs on {}", path.display());
                return Ok(Exit::Failed);
            }
            Holder::Somebody => {
                outln!("no daemon runs on {}: another process holds its lock file", path.display());
                return Ok(Exit::Failed);
            }
        }
        let late = block_on(late_monitors(&settings))??;
        if late.is_empty() {
            outln!("healthy");
            return Ok(Exit::Ok);
        }
        outln!("late: {}", late.join(", "));
        Ok(Exit::Failed)
    }
}

async fn late_monitors(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let now = Utc::now();
    let store =
        super::open_to_read(settings, ": no daemon has run with these settings yet").await?;
    let status = Status::read(settings, &store, now).await?;
    store.close().await;
    let mut late = Vec::new();
    for site in &status.sites {
        for monitor in &site.monitors {
            let Some(health) = &monitor.health else { continue };
            let schedule = Schedule::parse(&monitor.schedule)?;
            if is_late(&schedule, settings.time_zone, health.last_poll, now) {
                late.push(format!("{} of {}", monitor.monitor.as_str(), site.name));
            }
        }
    }
    Ok(late)
}

/// Two ticks and five minutes after the last attempt there should have been another.
fn is_late(schedule: &Schedule, zone: Tz, last: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    schedule
        .next_after(last, zone)
        .and_then(|tick| schedule.next_after(tick, zone))
        .is_some_and(|second| now > second + chrono::Duration::minutes(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_is_two_ticks_and_a_while() {
        let schedule = Schedule::parse("every 6 hours").unwrap();
        let last = "2026-01-15T05:00:00Z".parse().unwrap();
        for (now, expected) in [
            ("2026-01-15T12:00:00Z", false),
            ("2026-01-15T12:05:00Z", false),
            ("2026-01-15T12:05:01Z", true),
        ] {
            assert_eq!(is_late(&schedule, Tz::UTC, last, now.parse().unwrap()), expected, "{now}");
        }
    }
}
