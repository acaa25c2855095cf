//! `bursar audit`: the ledger of releases, for those who check it.

mod archive;
mod export;
mod file;
mod person;
mod rebuild;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::Subcommand;

use super::{ConfigFile, Exit};
use crate::config::Needs;
use crate::ledger::chain::Broken;
use crate::ledger::check::{Check, Findings, Problem};
use crate::store::LedgerFile;

/// Verify, export, show, archive and rebuild from the ledger: the record of what was done to seats
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar audit verify -c bursar.yaml\n  bursar audit verify --store copy.db --head 812:4be9...\n  bursar audit export -c bursar.yaml --from 2026-10-01 --to 2026-12-31 --format csv -o q4.csv\n  bursar audit show -c bursar.yaml RUN\n  bursar audit show -c bursar.yaml --user 'CORP\\anna'"
)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Verify),
    Export(export::Export),
    Show(show::Show),
    Archive(archive::Archive),
    Rebuild(rebuild::Rebuild),
}

impl Audit {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Verify(command) => command.execute(),
            Command::Export(command) => command.execute(),
            Command::Show(command) => command.execute(),
            Command::Archive(command) => command.execute(),
            Command::Rebuild(command) => command.execute(),
        }
    }
}

/// Which ledger to look at.
#[derive(Debug, Clone, clap::Args)]
struct Source {
    /// Settings file (YAML, Butler's tree); it names the store
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "BURSAR_CONFIG")]
    config: Option<PathBuf>,
    /// The store's file itself, such as a copy, in place of the settings; days are counted in UTC
    /// then
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

/// A store's file and the zone in which days are counted.
#[derive(Debug)]
struct Place {
    store: PathBuf,
    zone: Tz,
}

impl Source {
    /// The store that is meant; `None` when nothing was said.
    fn place(&self) -> Result<Option<Place>, Exit> {
        if let Some(store) = &self.store {
            return Ok(Some(Place { store: store.clone(), zone: Tz::UTC }));
        }
        let Some(file) = &self.config else { return Ok(None) };
        let settings = super::pass_and_tell(file, Needs::Store)?.settings;
        Ok(Some(Place { store: settings.storage.path, zone: settings.time_zone }))
    }

    /// As [`place`](Self::place), where there must be one.
    fn required(&self) -> Result<Place, Exit> {
        self.place()?.ok_or_else(|| {
            errln!("bursar: name the settings (-c FILE) or a store's file (--store FILE)");
            Exit::Unusable
        })
    }
}

impl Place {
    /// Opens the ledger to look at it.
    fn open(&self) -> anyhow::Result<LedgerFile> {
        anyhow::ensure!(
            self.store.exists(),
            "{} does not exist: nothing was recorded there yet",
            self.store.display()
        );
        Ok(LedgerFile::open(&self.store)?)
    }

    /// As messages name the store.
    fn name(&self) -> String {
        self.store.display().to_string()
    }
}

/// What is to be said of the ledger in a store's file.
pub(super) fn findings(store: &Path) -> anyhow::Result<Findings> {
    let place = Place { store: store.to_owned(), zone: Tz::UTC };
    Ok(verify::check_store(&place, Check::default(), &mut [])?.finish(&[]))
}

/// The first moment of a day.
fn day_start(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    // Where the clocks are set forward at midnight, the day begins later.
    (0..=48)
        .find_map(|halves| {
            (midnight + TimeDelta::minutes(30 * halves)).and_local_timezone(zone).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |time| time.to_utc())
}

/// The first moment after a day.
fn day_end(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    day.checked_add_days(Days::new(1))
        .map_or(DateTime::<Utc>::MAX_UTC, |next| day_start(next, zone))
}

/// Says on standard error what is wrong with a ledger.
fn complain(problems: &[Problem]) {
    for problem in problems {
        errln!("bursar: {}", sentence(problem));
    }
}

/// A problem and its place, as far as the place says something.
fn sentence(problem: &Problem) -> String {
    if problem.place.is_empty() || matches!(problem.broken, Broken::Unreadable { .. }) {
        problem.broken.to_string()
    } else {
        format!("{}: {}", problem.place, problem.broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        for (day, zone, start, end) in [
            ("2026-03-29", Tz::Europe__Berlin, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-25", Tz::Europe__Berlin, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // Midnight is left out there on that day.
            ("2024-09-08", Tz::America__Santiago, "2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z"),
            ("2026-06-01", Tz::UTC, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
        ] {
            let parsed: NaiveDate = day.parse().unwrap();
            assert_eq!(day_start(parsed, zone), start.parse::<DateTime<Utc>>().unwrap(), "{day}");
            assert_eq!(day_end(parsed, zone), end.parse::<DateTime<Utc>>().unwrap(), "{day}");
        }
    }
}
