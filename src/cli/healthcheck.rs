//! `bursar healthcheck`: is the daemon alive and polling? For containers and load balancers.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::{ConfigFile, Exit, block_on};
use crate::config::Settings;
use crate::daemon::lock::{self, Holder};
use crate::status::Fitness;
use crate::store::Store;
use crate::store::settings::OutboxLimits;

/// Tell whether a daemon runs on the store, answers and polls on time (exit code 0), or not (1)
///
/// A site or destination that is down does not make the daemon unhealthy: a restart would not
/// help. A site of which nothing is read is told as "degraded", with exit code 0.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar healthcheck -c bursar.yaml\n  bursar healthcheck -c bursar.yaml --json"
)]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    config: ConfigFile,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The answer, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// As the exit code has it.
    healthy: bool,
    daemon_runs: bool,
    /// Monitors that should have asked their site again, and did not.
    late: Vec<String>,
    /// Monitors that ask and learn nothing, each with why.
    unread: Vec<String>,
    text: String,
}

impl Healthcheck {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return self.without_settings(exit),
        };
        let path = settings.storage.path.clone();
        match lock::holder(&path)? {
            Holder::Daemon => {}
            Holder::Nobody => {
                return self.no_daemon(format!("no daemon runs on {}", path.display()));
            }
            Holder::Somebody => {
                let path = path.display();
                return self.no_daemon(format!(
                    "no daemon runs on {path}: another process holds its lock file"
                ));
            }
        }
        if !block_on(answers(&path, settings.storage.outbox))? {
            let path = path.display();
            return self
                .no_daemon(format!("the daemon on {path} holds its lock and does not answer"));
        }
        let fitness = block_on(fitness(&settings))??;
        let healthy = fitness.late.is_empty();
        let text = fitness.line();
        let Fitness { late, unread } = fitness;
        self.tell(&Answer { healthy, daemon_runs: true, late, unread, text })?;
        Ok(if healthy { Exit::Ok } else { Exit::Failed })
    }

    /// A typo in the file is no reason to start a daemon anew that goes on with the settings of before, and would not
    /// start again.
    fn without_settings(&self, exit: Exit) -> anyhow::Result<Exit> {
        let path = crate::config::store_of_broken(&self.config.file);
        let limits = OutboxLimits { max_events: u64::MAX, max_age: Duration::MAX };
        if lock::holder(&path)? != Holder::Daemon || !block_on(answers(&path, limits))? {
            return Ok(exit);
        }
        let text =
            "the daemon answers, and goes on with the settings of before: the file can't be used";
        let (late, unread) = (Vec::new(), Vec::new());
        let text = text.to_owned();
        self.tell(&Answer { healthy: true, daemon_runs: true, late, unread, text })?;
        Ok(Exit::Ok)
    }

    fn no_daemon(&self, text: String) -> anyhow::Result<Exit> {
        let (late, unread) = (Vec::new(), Vec::new());
        self.tell(&Answer { healthy: false, daemon_runs: false, late, unread, text })?;
        Ok(Exit::Failed)
    }

    fn tell(&self, answer: &Answer) -> anyhow::Result<()> {
        if self.json {
            crate::terminal::print_json(answer)?;
        } else {
            outln!("{}", answer.text);
        }
        Ok(())
    }
}

/// How long a daemon may take to say that it lives.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether the daemon says that it lives. A store that can't be written doesn't carry the question, and is told by what
/// is late.
async fn answers(store: &Path, limits: OutboxLimits) -> bool {
    let Ok(store) = Store::open(store, limits).await else { return true };
    let Ok(question) = store.ping().await else { return true };
    let answered = async {
        loop {
            match store.wish().await {
                Ok(wish) if wish.answered < question => sleep(ANSWER / 100).await,
                _ => return,
            }
        }
    };
    let answers = timeout(ANSWER, answered).await.is_ok();
    store.close().await;
    answers
}

async fn fitness(settings: &Settings) -> anyhow::Result<Fitness> {
    let store =
        super::open_to_read(settings, ": no daemon has run with these settings yet").await?;
    let health = store.health().await?;
    store.close().await;
    let since = lock::since(&settings.storage.path).map(super::time::shown);
    Ok(Fitness::of(settings, &health, since, super::time::now()))
}
