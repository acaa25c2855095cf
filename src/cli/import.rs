//! `bursar import`: takes over what other programs recorded.

use std::io::IsTerminal as _;

use chrono::NaiveDate;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ConfigFile, Exit, block_on, named, text};
use crate::cli::time;
use crate::config::Settings;
use crate::event::Channel;
use crate::import::influxdb::{self, ImportError, Order, Selection, Summary};
use crate::plain::one_line;
use crate::words;

/// Take over the history that Butler wrote
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Influxdb(Influxdb),
}

/// Take over the access licenses (qlik_sense_license) from the InfluxDB of the settings
///
/// Can be repeated: what is there already stays as it is, and so does all that Bursar recorded
/// itself. The daemon may run meanwhile.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar import influxdb -c bursar.yaml --dry-run\n  bursar import influxdb -c bursar.yaml --from 2024-01-01\n  bursar import influxdb -c bursar.yaml --site oslo --tag butler_instance=oslo"
)]
struct Influxdb {
    #[command(flatten)]
    config: ConfigFile,
    /// First day, such as 2024-01-01, in the configured time zone [default: the first there is]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day [default: the last there is]
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// For which site points count that have no tag `site` written by Bursar
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Take only points with this tag; several times: with all of these names, and for a name that
    /// is given several times with one of its values
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_tag)]
    tag: Vec<(String, String)>,
    /// InfluxDB 1.x: retention policy that holds the points [default: the database's default]
    #[arg(long, value_name = "NAME")]
    retention_policy: Option<String>,
    /// Only say what would be imported
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

impl Import {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let Command::Influxdb(command) = self.command;
        command.execute()
    }
}

impl Influxdb {
    fn execute(self) -> anyhow::Result<Exit> {
        let settings = match self.config.load() {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        if let Some(missing) = settings.destinations.missing(Channel::InfluxDb) {
            errln!("bursar: {missing}");
            return Ok(Exit::Unusable);
        }
        if settings.destinations.influxdb.is_none() {
            errln!(
                "bursar: influxDb.enable is off in {}: set it to true, or write the section into \
                 another file and name that one",
                settings.file.display()
            );
            return Ok(Exit::Unusable);
        }
        if let Some(Err(exit)) = self.site.as_ref().map(|name| named::site(&settings, name)) {
            return Ok(exit);
        }
        block_on(self.run(settings))?
    }

    async fn run(self, settings: Settings) -> anyhow::Result<Exit> {
        let store = match self.dry_run && !settings.storage.path.exists() {
            true => None,
            false => Some(time::open_store(&settings).await?),
        };
        let order = Order {
            from: self.from,
            to: self.to,
            selection: Selection { site: self.site, tags: self.tag },
            retention_policy: self.retention_policy,
            dry_run: self.dry_run,
        };
        let bar = progress_bar();
        let mut progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let result =
            influxdb::run(&settings, store.as_ref(), time::now(), &order, &mut progress).await;
        bar.finish_and_clear();
        if let Some(store) = store {
            store.close().await;
        }
        let summary = match result {
            Ok(summary) => summary,
            Err(error @ ImportError::Selection(_)) => {
                errln!("bursar: {}", one_line(&error.to_string()));
                return Ok(Exit::Unusable);
            }
            Err(error) => anyhow::bail!("{}", one_line(&error.to_string())),
        };
        if self.json {
            crate::terminal::print_json(&summary)?;
        } else {
            out!("{}", render(&summary, &settings));
        }
        Ok(Exit::Ok)
    }
}

fn progress_bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days, {eta} left")
        .expect("the template is right");
    bar.set_style(style);
    bar
}

fn render(summary: &Summary, settings: &Settings) -> String {
    let Summary { source, database, dry_run, sites, skipped } = summary;
    let mut out = format!("{source}, {database}\n");
    let new = if *dry_run { "WOULD BE NEW" } else { "NEW" };
    let mut rows =
        vec![["SITE", "FIGURES", "FIRST", "LAST", new, "KNOWN"].map(String::from).to_vec()];
    for site in sites {
        rows.push(vec![
            site.site.clone(),
            site.series.len().to_string(),
            words::local(site.first, settings.time_zone),
            words::local(site.last, settings.time_zone),
            site.new.to_string(),
            site.known.to_string(),
        ]);
    }
    if sites.is_empty() {
        out.push_str("nothing to import\n");
    } else {
        out.push_str(&text::columns(&rows));
    }
    for (reason, count) in skipped {
        match count {
            0 => out.push_str(&format!("skipped: {reason}\n")),
            count => out.push_str(&format!("skipped: {count}, {reason}\n")),
        }
    }
    out
}
