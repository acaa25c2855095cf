//! `bursar outbox`: looks into the queues of the destinations.

use clap::Subcommand;

use super::text;
use super::{ConfigFile, Exit, block_on};
use crate::cli::time;
use crate::store::Selector;
use crate::words;

/// List, retry or drop events that wait for a destination or were refused by one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar outbox list -c bursar.yaml --refused\n  bursar outbox retry -c bursar.yaml --destination influxdb"
)]
pub(crate) struct Outbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List events, oldest first
    List {
        #[command(flatten)]
        config: ConfigFile,
        /// Only this destination's queue, such as influxdb, mqtt, webhook/1f0c2a9b
        #[arg(long)]
        destination: Option<String>,
        /// Only events that the destination refused
        #[arg(long)]
        refused: bool,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put refused events back into the queue
    Retry {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        which: Which,
    },
    /// Remove events for good
    Drop {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// One event, by the id that `list` shows
    #[arg(long)]
    id: Option<String>,
    /// Everything refused by this destination (for drop: refused and waiting)
    #[arg(long)]
    destination: Option<String>,
    /// Everything that was refused, by any destination
    #[arg(long)]
    all_refused: bool,
}

impl From<Which> for Selector {
    fn from(which: Which) -> Self {
        match which {
            Which { id: Some(id), .. } => Self::Event { id, destination: None },
            Which { destination: Some(destination), .. } => Self::Destination(destination),
            Which { .. } => Self::Dead { destination: None },
        }
    }
}

impl Command {
    fn config(&self) -> &ConfigFile {
        match self {
            Self::List { config, .. } | Self::Retry { config, .. } | Self::Drop { config, .. } => {
                config
            }
        }
    }
}

impl Outbox {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::load(&self.command.config().file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let path = &settings.storage.path;
        anyhow::ensure!(
            path.exists(),
            "{} does not exist: no daemon has run with these settings yet",
            path.display()
        );
        block_on(async move {
            let store = time::open_store(&settings).await?;
            match self.command {
                Command::List { destination, refused, limit, json, .. } => {
                    let list = store.list(destination.as_deref(), refused, limit).await?;
                    if json {
                        crate::terminal::print_json(&list)?;
                    } else if list.is_empty() {
                        outln!("nothing is waiting and nothing was refused");
                    } else {
                        let now = time::now();
                        let mut rows = vec![
                            [
                                "EVENT",
                                "DESTINATION",
                                "STATE",
                                "KIND",
                                "SITE",
                                "FROM",
                                "TRIES",
                                "WHY",
                            ]
                            .map(String::from)
                            .to_vec(),
                        ];
                        rows.extend(list.iter().map(|row| {
                            vec![
                                row.event_id.clone(),
                                row.destination.clone(),
                                if row.dead { "refused" } else { "waiting" }.to_owned(),
                                row.kind.clone(),
                                row.site.clone(),
                                words::ago(row.time, now),
                                row.attempts.to_string(),
                                row.last_error.clone().unwrap_or_default(),
                            ]
                        }));
                        out!("{}", text::columns(&rows));
                    }
                }
                Command::Retry { which, .. } => {
                    outln!("{} event(s) put back into the queue", store.retry(which.into()).await?);
                }
                Command::Drop { which, .. } => {
                    outln!("{} event(s) removed", store.drop_events(which.into()).await?);
                }
            }
            store.close().await;
            anyhow::Ok(Exit::Ok)
        })?
    }
}
