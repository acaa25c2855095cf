//! `bursar release simulate`: what the rules would have done.

mod text;

use std::path::PathBuf;

use chrono::NaiveDate;

use super::super::insight::never_read;
use super::super::sites::Answers;
use super::super::text::Paint;
use super::super::{Exit, block_on, open_to_read};
use super::Target;
use crate::cli::time;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::planning::replay::{MOST_DAYS, Past, Question, Simulation};
use crate::policy::Policy;
use crate::release::replay::THRESHOLDS;

/// Show what other rules would have done: who would have gone, and who came back
///
/// Replays the history of the seats day by day, one run a day, by today's tags and properties. From
/// the day gaps of use are recorded the figures are exact, for thresholds of 14 days or more; earlier
/// days, asked for by --since, are bounds, such as 3-9. What can't be known yet is said to be so, with
/// the day from which it is. Reads the store only: no site is asked, nothing is changed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release simulate -c bursar.yaml\n  bursar release simulate -c bursar.yaml --threshold 60 --names\n  bursar release simulate -c bursar.yaml --policy stricter.yaml --since 2026-01-01\n  bursar release simulate -c bursar.yaml --threshold 90 --json | jq '.sites[].types'"
)]
pub(crate) struct Simulate {
    #[command(flatten)]
    target: Target,
    /// With this releaseThresholdDays in place of the settings'; may be given several times
    /// [default: 30, 60, 90, 120 and 180, or what --policy has]
    #[arg(
        long = "threshold",
        value_name = "DAYS",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=3650)
    )]
    thresholds: Vec<u32>,
    /// With the rules of this file: licenseRelease as the settings have it, or a whole settings file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// First day, such as 2026-01-01 [default: a year ago, or when the seats were read first]
    #[arg(long, value_name = "DATE")]
    since: Option<NaiveDate>,
    /// Name who would have lost a seat and used it again
    #[arg(long)]
    names: bool,
    /// List each day, of one threshold
    #[arg(long)]
    daily: bool,
    /// Name at most so many of each threshold; all are counted, and in the JSON
    #[arg(long, default_value_t = 30, value_name = "N")]
    limit: usize,
    /// Print JSON, with every day
    #[arg(long)]
    json: bool,
}

/// So many thresholds are compared at once.
const MOST_THRESHOLDS: usize = 20;

impl Simulate {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, sites) = match self.target.load_all() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        if let Some(wrong) = self.wrong(&settings) {
            errln!("bursar: {wrong}");
            return Ok(Exit::Unusable);
        }
        let (mut exit, mut answers) = (Exit::Ok, Vec::new());
        for site in &sites {
            let policy = match self.rules(site) {
                Ok(policy) => policy,
                Err(exit) => return Ok(exit),
            };
            match self.of_site(&settings, site, &policy)? {
                Some(answer) => answers.push((answer, policy)),
                None => {
                    errln!("bursar: {}: {}", site.name, never_read(site));
                    exit = Exit::NotInOrder;
                }
            }
        }
        if self.json {
            let answers: Vec<_> = answers.into_iter().map(|(answer, _)| answer).collect();
            if !answers.is_empty() {
                crate::terminal::print_json(&Answers::of(answers))?;
            }
            return Ok(exit);
        }
        let texts = answers.iter().map(|(answer, policy)| {
            let shown = text::Shown {
                daily: self.daily,
                limit: self.limit,
                zone: settings.time_zone,
                paint: Paint::for_stdout(),
            };
            text::render(answer, policy, shown)
        });
        out!("{}", texts.collect::<Vec<_>>().join("\n"));
        Ok(exit)
    }

    /// What the rules would have done at a site; `None` when its seats were never read.
    fn of_site(
        &self,
        settings: &Settings,
        site: &Site,
        policy: &Policy,
    ) -> anyhow::Result<Option<Simulation>> {
        let past = block_on(async {
            let absent = " yet: start the daemon (bursar run), which reads the seats";
            let store = open_to_read(settings, absent).await?;
            let past = Past::load(&store, settings, site, self.since, time::now()).await;
            store.close().await;
            anyhow::Ok(past?)
        })??;
        let Some(past) = past else { return Ok(None) };
        let mut thresholds = self.thresholds.clone();
        if thresholds.is_empty() && self.policy.is_none() {
            thresholds = THRESHOLDS.to_vec();
        }
        thresholds.sort_unstable();
        thresholds.dedup();
        let question = Question { policy, thresholds: &thresholds, names: self.names };
        Ok(Some(past.answer(question)))
    }

    /// What of the command line can't be answered.
    fn wrong(&self, settings: &Settings) -> Option<String> {
        if self.thresholds.len() > MOST_THRESHOLDS {
            return Some(format!("at most {MOST_THRESHOLDS} thresholds are compared at once"));
        }
        if self.daily && self.policy.is_none() && self.thresholds.len() != 1 {
            return Some("--daily lists the days of one threshold: add --threshold DAYS".into());
        }
        let since = self.since?;
        let today = time::now().with_timezone(&settings.time_zone).date_naive();
        let days = (today - since).num_days();
        if days < 0 {
            return Some(format!("--since {since} lies in the future; name a day up to {today}"));
        }
        (days > MOST_DAYS).then(|| {
            let first = today - chrono::TimeDelta::days(MOST_DAYS);
            format!("--since {since} is more than ten years ago; name {first} or a later day")
        })
    }

    fn rules(&self, site: &Site) -> Result<Policy, Exit> {
        let Some(file) = &self.policy else { return Ok(site.release.policy.clone()) };
        crate::config::load_rules(file, &self.target.config.file, &site.name).map_err(|problems| {
            errln!("{problems}");
            Exit::Unusable
        })
    }
}
