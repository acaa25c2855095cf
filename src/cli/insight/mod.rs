//! `bursar insight`: what the history says, read from the store alone.

mod activity;
pub mod capacity;
mod changes;
mod chargeback;
pub mod chart;
pub mod cost;
pub mod forecast;
pub mod growth;
pub mod renewal;
pub mod utilization;

pub(in crate::cli) use self::activity::never_read;

use chrono::{DateTime, NaiveDate, Utc};
use clap::Subcommand;
use serde::Serialize;

use self::chart::Style;
use super::sites::{Answer, Answers};
use super::text::{self, Paint};
use super::{ConfigFile, Exit, block_on, named};
use crate::cli::time;
use crate::config::Settings;
use crate::license::SeatType;
use crate::planning::Planning;
use crate::store::Store;
use crate::words::Locale;

/// Answer questions from the history: who uses what, when it runs out, what it costs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight utilization -c bursar.yaml\n  bursar insight forecast -c bursar.yaml --type analyzer\n  bursar insight cost -c bursar.yaml --json"
)]
pub struct Insight {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Utilization(utilization::Utilization),
    Activity(activity::Activity),
    Changes(changes::Changes),
    Growth(growth::Growth),
    Forecast(forecast::Forecast),
    Renewal(renewal::Renewal),
    Cost(cost::Cost),
    Capacity(capacity::Capacity),
}

impl Insight {
    pub fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Utilization(command) => command.execute(),
            Command::Activity(command) => command.execute(),
            Command::Changes(command) => command.execute(),
            Command::Growth(command) => command.execute(),
            Command::Forecast(command) => command.execute(),
            Command::Renewal(command) => command.execute(),
            Command::Cost(command) => command.execute(),
            Command::Capacity(command) => command.execute(),
        }
    }
}

/// What every question here takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Question {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// No colours, whatever the terminal can do
    #[arg(long)]
    no_color: bool,
}

/// What a question takes for given.
struct Assumed<'a> {
    /// Whether it can be answered on a day; if not, why, and what to write.
    check: &'a dyn Fn(NaiveDate) -> Result<(), String>,
    /// Another `releaseThresholdDays` than that of the settings, for all types.
    release_threshold: Option<u32>,
}

impl Question {
    /// Asks each site; prints what `answer` makes of it, as JSON or through `render`.
    fn ask<T: Serialize>(
        &self,
        answer: impl Fn(&Planning) -> T,
        render: impl Fn(&Planning, &Style) -> String,
    ) -> anyhow::Result<Exit> {
        let assumed = Assumed { check: &|_| Ok(()), release_threshold: None };
        self.ask_assuming(assumed, answer, render)
    }

    /// The settings, and the names of the sites that are asked for.
    fn load(&self) -> Result<(Settings, Vec<String>), Exit> {
        let settings = super::load(&self.config.file, false)?.settings;
        let sites = chosen(&settings, self.site.as_deref())?;
        Ok((settings, sites))
    }

    fn style(&self) -> Style {
        Style::new(self.no_color)
    }

    fn ask_assuming<T: Serialize>(
        &self,
        assumed: Assumed<'_>,
        answer: impl Fn(&Planning) -> T,
        render: impl Fn(&Planning, &Style) -> String,
    ) -> anyhow::Result<Exit> {
        let (settings, sites) = match self.load() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let now = time::now();
        let today = now.with_timezone(&settings.time_zone).date_naive();
        if let Err(why) = (assumed.check)(today) {
            errln!("bursar: {why}");
            return Ok(Exit::Unusable);
        }
        let loaded = block_on(load(&settings, &sites, now, assumed.release_threshold))??;
        if self.json {
            let sites = loaded
                .iter()
                .map(|planning| Answer { site: planning.site.clone(), answer: answer(planning) });
            crate::terminal::print_json(&Answers::of(sites.collect()))?;
            return Ok(Exit::Ok);
        }
        let style = Style { locale: settings.locale, ..self.style() };
        for (n, planning) in loaded.iter().enumerate() {
            if n > 0 {
                outln!("");
            }
            out!("{}", render(planning, &style));
        }
        Ok(Exit::Ok)
    }
}

/// The names of the sites that are asked for; complains about one that isn't there.
pub(super) fn chosen(settings: &Settings, name: Option<&str>) -> Result<Vec<String>, Exit> {
    let sites = named::sites(settings, name)?;
    Ok(sites.into_iter().map(|site| site.name.clone()).collect())
}

/// Opens the store of the settings to look at it; it is neither made nor changed.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let absent = " yet, so there is no history: start the daemon (bursar run), or take over \
                  Butler's history (bursar import influxdb)";
    super::open_to_read(settings, absent).await
}

async fn load(
    settings: &Settings,
    sites: &[String],
    now: DateTime<Utc>,
    threshold: Option<u32>,
) -> anyhow::Result<Vec<Planning>> {
    let store = open(settings).await?;
    let mut loaded = Vec::new();
    for site in sites {
        let history = Planning::load_with(&store, settings, site, now, threshold).await?;
        loaded.push(history);
    }
    store.close().await;
    Ok(loaded)
}

/// The types of a site that are asked for and that there is history of.
fn types(planning: &Planning, wanted: Option<SeatType>) -> Vec<SeatType> {
    planning.seat_types().filter(|known| wanted.is_none_or(|wanted| wanted == *known)).collect()
}

/// Heading of a site.
fn heading(planning: &Planning, style: &Style) -> String {
    format!("{}\n", style.paint.strong(&format!("Site {}", planning.site)))
}

/// What is said of a site without any history of what was asked for.
fn no_history(what: &str) -> String {
    format!("  no history of {what} yet: it begins with the first poll of the access licenses\n")
}

/// `Analyzer seats`, `tokens`.
fn things(seat_type: SeatType) -> String {
    match seat_type {
        SeatType::User => "tokens".to_owned(),
        other => format!("{} seats", other.title()),
    }
}

/// `+2.5`, `-1`, `0`, with a digit after the point unless it is whole.
fn signed(l: Locale, value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded > 0.0 { format!("+{}", l.number(rounded)) } else { l.number(rounded + 0.0) }
}

/// `83 %`, or a dash.
fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} %"))
}

/// Rows with a faint head, each line indented by two.
fn table(head: &[&str], rows: Vec<Vec<String>>, paint: Paint) -> String {
    let mut all = vec![head.iter().map(|cell| paint.faint(cell)).collect::<Vec<_>>()];
    all.extend(rows);
    text::columns(&all).lines().map(|line| format!("  {line}\n")).collect()
}
