//! `bursar healthcheck`: is the daemon alive and polling? For containers and load balancers.

use super::{ConfigFile, Exit, block_on};
use crate::config::Settings;
use crate::daemon::lock::{self, Holder};
use crate::status::Fitness;

/// Tell whether a daemon runs on the store and polls on time (exit code 0), or not (1)
///
/// A site or destination that is down does not make the daemon unhealthy: a restart would not
/// help. A site of which nothing is read is told as "degraded", with exit code 0.
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
        let fitness = block_on(fitness(&settings))??;
        outln!("{}", fitness.line());
        Ok(if fitness.late.is_empty() { Exit::Ok } else { Exit::Failed })
    }
}

async fn fitness(settings: &Settings) -> anyhow::Result<Fitness> {
    let store =
        super::open_to_read(settings, ": no daemon has run with these settings yet").await?;
    let health = store.health().await?;
    store.close().await;
    let since = lock::since(&settings.storage.path).map(super::time::shown);
    Ok(Fitness::of(settings, &health, since, super::time::now()))
}
