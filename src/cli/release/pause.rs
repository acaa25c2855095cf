//! `bursar release lock` and `unlock`: a pause that survives restarts.

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::{Exit, Passed, Target, block_on, who};
use crate::cli::time;
use crate::config::{Needs, Settings};
use crate::daemon::lock::{self, Holder};
use crate::ledger::past::Pause;
use crate::ledger::{Entry, Mode};
use crate::plain::one_line;
use crate::store::{Addition, Store};
use crate::words;

/// Pause all real releases of a site until a date
///
/// Rehearsals, plans and undo go on. The pause is kept in the store and recorded in the ledger. A run
/// in progress takes no seats but those it is about to take, some 35 at most; the command waits
/// until that run has stopped.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release lock -c bursar.yaml --until 2099-01-07 --why 'year end closing'\n  bursar release lock -c bursar.yaml --until '2099-01-07 18:00' --why 'move of the servers'"
)]
pub(crate) struct Lock {
    #[command(flatten)]
    target: Target,
    /// Until when: 2027-01-07 (that day included), '2027-01-07 18:00', or with a zone
    /// 2027-01-07T18:00:00Z
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Why, for those who find releases paused
    #[arg(long, value_name = "TEXT")]
    why: String,
}

/// End a pause
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar release unlock -c bursar.yaml")]
pub(crate) struct Unlock {
    #[command(flatten)]
    target: Target,
}

impl Lock {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        // A daemon goes on by the settings of before: who wants no seat to go doesn't wait until they are mended.
        let (Passed { settings, mistakes }, site) = match self.target.pass(Needs::Store) {
            Ok(passed) => passed,
            Err(exit) => return Ok(exit),
        };
        let zone = settings.time_zone;
        let now = time::now();
        let until = match day_or_time(&self.until, zone) {
            Some(until) if until > now => until,
            Some(_) => {
                errln!("bursar: {} is over already", self.until);
                return Ok(Exit::Unusable);
            }
            None => {
                errln!(
                    "bursar: {:?} is no date; write 2027-01-07, '2027-01-07 18:00' or \
                     2027-01-07T18:00:00Z",
                    self.until
                );
                return Ok(Exit::Unusable);
            }
        };
        if one_line(&self.why).is_empty() {
            errln!("bursar: --why must say why");
            return Ok(Exit::Unusable);
        }
        let entry = Entry::Paused { until, why: one_line(&self.why), by: who() };
        let before = pause_of(&settings, &site.name)?;
        record(&settings, &site.name, entry)?;
        if let Some(Pause { until, why, by, .. }) = before.filter(|pause| !pause.begun_anew) {
            let (until, by, why) = (words::local(until, zone), one_line(&by), one_line(&why));
            outln!("in place of the pause until {until} by {by}: {why}");
        }
        if !block_on(stopped(&settings, &site.name))?? {
            errln!(
                "bursar: the pause is recorded, and a run of {} has not stopped within {} s: it may \
                 still take the seats in hand; see `bursar release history`",
                site.name,
                PATIENCE.as_secs()
            );
            return Ok(Exit::Failed);
        }
        outln!("no seat of {} is released {}", site.name, until_text(&self.until, until, zone));
        if mistakes.is_some() {
            let store = settings.storage.path.display();
            let runs = matches!(lock::holder(&settings.storage.path), Ok(Holder::Daemon));
            let who = if runs {
                "a daemon runs"
            } else {
                "no daemon runs, so look whether that is its store,"
            };
            outln!(
                "the pause is in {store}, on which {who}; end it with bursar release unlock once the settings are mended"
            );
        }
        Ok(Exit::Ok)
    }
}

/// For how long a run in progress may go on after its pause, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// Waits for the end of a run in progress that takes seats. Whether it has ended.
async fn stopped(settings: &Settings, site: &str) -> anyhow::Result<bool> {
    let store = time::open_store(settings).await?;
    let mut told = false;
    let waiting = async {
        let Some(run) = real_run(&store, site).await? else { return anyhow::Ok(()) };
        while real_run(&store, site).await?.as_ref() == Some(&run) {
            if !told {
                errln!("a run of {site} is in progress: waiting until it has stopped");
                told = true;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    store.close().await;
    waited.map_or(Ok(false), |waited| waited.map(|()| true))
}

/// The run that takes seats of a site now.
async fn real_run(store: &Store, site: &str) -> anyhow::Result<Option<String>> {
    let Some(holder) = store.release_holder(site).await? else { return Ok(None) };
    let records = store.records_of(&holder.run).await?;
    let is_rehearsal = matches!(
        records.first().map(|record| &record.entry),
        Some(Entry::RunStarted { mode: Mode::Rehearsal | Mode::Undo, .. })
    );
    Ok((!is_rehearsal).then_some(holder.run))
}

/// The pause that holds now.
fn pause_of(settings: &Settings, site: &str) -> anyhow::Result<Option<Pause>> {
    let paused = block_on(async {
        let store = time::open_store(settings).await?;
        let paused = store.pause(site).await;
        store.close().await;
        paused
    })??;
    Ok(paused)
}

impl Unlock {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, site) = match self.target.load() {
            Ok(loaded) => loaded,
            Err(exit) => {
                errln!(
                    "bursar: no pause is ended with such settings: the daemon goes by those of before, and seats would go \
                     by rules that nobody sees in the file"
                );
                return Ok(exit);
            }
        };
        let paused = pause_of(&settings, &site.name)?;
        if let Some(held) = paused.as_ref().filter(|pause| pause.begun_anew) {
            errln!(
                "bursar: it is no pause of a person: {}; put a copy back (bursar store restore COPY), or \
                 let releases go on without what it knew: bursar store accept --why TEXT",
                one_line(&held.why)
            );
            return Ok(Exit::NotInOrder);
        }
        if paused.is_none() {
            outln!("releases of {} were not paused: nothing was changed", site.name);
            return Ok(Exit::Ok);
        }
        record(&settings, &site.name, Entry::Resumed { by: who() })?;
        outln!("releases of {} are not paused any more", site.name);
        Ok(Exit::Ok)
    }
}

fn record(settings: &crate::config::Settings, site: &str, entry: Entry) -> anyhow::Result<()> {
    let addition = Addition { site: site.to_owned(), run: None, entry };
    block_on(async {
        let store = time::open_store(settings).await?;
        let result = store.append(None, vec![addition], |_| Vec::new()).await;
        store.close().await;
        result.context("the pause could not be recorded").map(drop)
    })?
}

/// `through 2027-01-07 (until 2027-01-08 00:00:00 CET)` of a day that a person named, else only the
/// time.
pub(in crate::cli) fn until_text(written: &str, until: DateTime<Utc>, zone: Tz) -> String {
    let time = words::local(until, zone);
    match NaiveDate::parse_from_str(written.trim(), "%Y-%m-%d") {
        Ok(day) => format!("through {day} (until {time})"),
        Err(_) => format!("until {time}"),
    }
}

/// A day through its end, or a time; in the zone of the settings unless it has its own.
pub(in crate::cli) fn day_or_time(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let local = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => day.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0)?,
        Err(_) => ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?,
    };
    // In the hour that a change of the clocks leaves out or repeats: the later one.
    local
        .and_local_timezone(zone)
        .latest()
        .or_else(|| (local + chrono::Duration::hours(1)).and_local_timezone(zone).latest())
        .map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_mean_the_whole_day_in_the_configured_zone() {
        let zone = chrono_tz::Europe::Stockholm;
        for (text, expected) in [
            ("2027-01-07", Some("2027-01-07T23:00:00Z")),
            ("2027-01-07 18:00", Some("2027-01-07T17:00:00Z")),
            (" 2027-07-07T18:00 ", Some("2027-07-07T16:00:00Z")),
            ("2027-01-07T18:00:00Z", Some("2027-01-07T18:00:00Z")),
            ("2027-03-28 02:30", Some("2027-03-28T01:30:00Z")),
            ("2027-10-31 02:30", Some("2027-10-31T01:30:00Z")),
            ("7 January", None),
            ("2027-02-30", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(day_or_time(text, zone), expected, "{text}");
        }
    }
}
