//! `bursar report`: a report of a month, a quarter or a year.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::insight::{chosen, open};
use super::{ConfigFile, Exit, block_on};
use crate::cli::time;
use crate::config::settings::Format;
use crate::output::{self, Existing};
use crate::report::Period;
use crate::report::gather::report;

/// Write a report: entitlement, use, growth, cost, every release with its proof, gaps
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar report -c bursar.yaml --period last-month -o october.html\n  bursar report -c bursar.yaml --period 2026-Q3 --format csv -o q3.csv\n  bursar report -c bursar.yaml --period 2026 --format json --site oslo"
)]
pub(crate) struct Report {
    #[command(flatten)]
    config: ConfigFile,
    /// A month (2026-10), a quarter (2026-Q3), a year (2026), last-month, last-quarter or last-year; or from
    /// one to another (2017..2026)
    #[arg(long, value_name = "PERIOD", default_value = "last-month")]
    period: String,
    /// What it is written as [default: by the name of the file, else html]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Name people: who holds a seat, who lost one, who gave an order; else they are told apart by a part of an id
    #[arg(long)]
    names: bool,
    /// File to write; it is replaced. `-` is standard output, which is the default
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let mut settings = match super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        settings.report_names |= self.names;
        let sites = match chosen(&settings, self.site.as_deref()) {
            Ok(sites) => sites,
            Err(exit) => return Ok(exit),
        };
        let now = time::now();
        let today = now.with_timezone(&settings.time_zone).date_naive();
        let period = match Period::parse(&self.period, today) {
            Ok(period) => period,
            Err(why) => {
                errln!("bursar: {why}");
                return Ok(Exit::Unusable);
            }
        };
        let format = self.format.unwrap_or_else(|| self.by_name());
        let report = block_on(async {
            let store = open(&settings).await?;
            let report = report(&store, &settings, &sites, period, now).await?;
            store.close().await;
            anyhow::Ok(report)
        })??;
        let text = report.write(format)?;
        let path = self.output.as_deref().unwrap_or(Path::new("-"));
        output::write(path, Existing::Replace, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        if path != Path::new("-") {
            errln!("{} written", path.display());
        }
        Ok(Exit::Ok)
    }

    fn by_name(&self) -> Format {
        let end = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        let known =
            |format: &Format| end.is_some_and(|end| end.eq_ignore_ascii_case(format.as_str()));
        Format::ALL.into_iter().find(known).unwrap_or(Format::Html)
    }
}
