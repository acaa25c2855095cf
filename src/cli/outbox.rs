//! `bursar outbox`: looks into the queues of the destinations.

use clap::Subcommand;

use super::status::queue_rows;
use super::text::{self, Paint};
use super::{ConfigFile, Exit, block_on, named};
use crate::cli::time;
use crate::config::Needs;
use crate::plain::one_line;
use crate::status::{self, Queue};
use crate::store::{Listed, Selector, StoreError};
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
    #[command(
        after_help = "Examples:\n  bursar outbox list -c bursar.yaml\n  bursar outbox list -c bursar.yaml --refused --json | jq '.[].lastError'"
    )]
    List {
        #[command(flatten)]
        config: ConfigFile,
        /// Only this destination's queue, such as influxdb, mqtt, webhook/1f0c2a9b
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        /// Only events of this site [default: all of them]
        #[arg(long, value_name = "NAME")]
        site: Option<String>,
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
    #[command(
        after_help = "Examples:\n  bursar outbox retry -c bursar.yaml --all-refused\n  bursar outbox retry -c bursar.yaml --destination influxdb"
    )]
    Retry {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        which: Which,
    },
    /// Remove events for good
    #[command(
        after_help = "Examples:\n  bursar outbox drop -c bursar.yaml --all-refused\n  bursar outbox drop -c bursar.yaml --destination influxdb"
    )]
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
    #[arg(long, value_name = "NAME")]
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
    fn destination(&self) -> Option<&str> {
        match self {
            Self::List { destination, .. } => destination.as_deref(),
            Self::Retry { which, .. } | Self::Drop { which, .. } => which.destination.as_deref(),
        }
    }

    fn config(&self) -> &ConfigFile {
        match self {
            Self::List { config, .. } | Self::Retry { config, .. } | Self::Drop { config, .. } => {
                config
            }
        }
    }
}

fn not_there(id: &str) -> Exit {
    errln!("bursar: no event {} waits or was refused; bursar outbox list shows them", one_line(id));
    Exit::Unusable
}

/// More events than a queue holds.
const ALL: usize = 100_000_000;

/// Why a destination is not one that has a queue, now or from before.
fn unknown(queues: &[Queue], name: &str) -> Option<String> {
    let names: Vec<_> = queues.iter().map(|queue| queue.state.destination.as_str()).collect();
    (!names.contains(&name)).then(|| named::unknown("destination", name, &names))
}

/// The events, and below them how each destination fares. `refused`: those that wait were not asked for; `site`:
/// nor were those of other sites.
fn print<'a>(
    list: &[Listed],
    (refused, site): (bool, Option<&str>),
    queues: impl Iterator<Item = &'a Queue>,
) -> anyhow::Result<()> {
    let now = time::now();
    if list.is_empty() {
        let of = site.map_or_else(String::new, |site| format!(" of {}", one_line(site)));
        match refused {
            true => outln!("nothing{of} was refused"),
            false => outln!("nothing{of} is waiting and nothing{of} was refused"),
        }
    } else {
        let titles = ["EVENT", "DESTINATION", "STATE", "KIND", "SITE", "FROM", "TRIES", "WHY"];
        let mut rows = vec![titles.map(String::from).to_vec()];
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
    let rows = queue_rows(queues, now, Paint::for_stdout());
    if !rows.is_empty() {
        outln!("\nDestinations");
    }
    for line in text::columns(&rows).lines() {
        outln!("  {line}");
    }
    Ok(())
}

impl Outbox {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let file = &self.command.config().file;
        let settings = match &self.command {
            Command::List { .. } => super::pass_and_tell(file, Needs::Store).map(|of| of.settings),
            _ => super::load(file, false).map(|loaded| loaded.settings),
        };
        let settings = match settings {
            Ok(settings) => settings,
            Err(exit) => return Ok(exit),
        };
        let path = &settings.storage.path;
        anyhow::ensure!(
            path.exists(),
            "{} does not exist: no daemon has run with these settings yet",
            path.display()
        );
        block_on(async move {
            let is_older = |error: &anyhow::Error| {
                matches!(error.downcast_ref(), Some(StoreError::Older { .. }))
            };
            let store = match self.command {
                Command::List { .. } => match super::open_to_read(&settings, "").await {
                    // A file of an older format is brought up to date, as by every command that writes.
                    Err(error) if is_older(&error) => time::open_store(&settings).await?,
                    opened => opened?,
                },
                _ => time::open_store(&settings).await?,
            };
            let queues = status::queues(&settings, &store).await?;
            if let Some(name) = self.command.destination()
                && let Some(why) = unknown(&queues, name)
            {
                errln!("bursar: {why}");
                store.close().await;
                return Ok(Exit::Unusable);
            }
            match self.command {
                Command::List { destination, site, refused, limit, json, .. } => {
                    let site = match site
                        .map(|name| named::site(&settings, &name).map(|s| s.name.clone()))
                    {
                        Some(Err(exit)) => return Ok(exit),
                        site => site.and_then(Result::ok),
                    };
                    let most = if site.is_some() { ALL } else { limit };
                    let mut list = store.list(destination.as_deref(), refused, most).await?;
                    list.retain(|row| site.as_ref().is_none_or(|site| *site == row.site));
                    list.truncate(limit);
                    if json {
                        crate::terminal::print_json(&list)?;
                    } else {
                        let asked = |queue: &&Queue| {
                            destination.as_ref().is_none_or(|name| *name == queue.state.destination)
                        };
                        let of = (refused, site.as_deref());
                        print(&list, of, queues.iter().filter(asked))?;
                    }
                }
                Command::Retry { which, .. } => {
                    let id = which.id.clone();
                    let count = store.retry(which.into()).await?;
                    if count == 0
                        && let Some(id) = id
                    {
                        return Ok(not_there(&id));
                    }
                    outln!("{count} event(s) put back into the queue");
                }
                Command::Drop { which, .. } => {
                    let id = which.id.clone();
                    let count = store.drop_events(which.into()).await?;
                    if count == 0
                        && let Some(id) = id
                    {
                        return Ok(not_there(&id));
                    }
                    outln!("{count} event(s) removed");
                }
            }
            store.close().await;
            anyhow::Ok(Exit::Ok)
        })?
    }
}
