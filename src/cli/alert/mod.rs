//! `bursar alert`: what fires, what happened, what nobody wants to hear of for a while, and whether
//! it arrives.

mod history;
mod list;
mod rules;
mod send;
mod silence;

use clap::Subcommand;

use super::{ConfigFile, Exit, block_on, named};
use crate::alert::catalogue;
use crate::cli::time;
use crate::config::{Needs, Settings};
use crate::event::{DAEMON, Rule, Severity};
use crate::store::Store;

use super::text::Paint;

/// List alerts and their history, silence them, and try how they arrive
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert list -c bursar.yaml\n  bursar alert history -c bursar.yaml --rule seatsLow\n  bursar alert silence -c bursar.yaml --rule seatsLow --for 7d --why 'order is placed'\n  bursar alert unsilence -c bursar.yaml 3\n  bursar alert rules -c bursar.yaml\n  bursar alert test -c bursar.yaml --destination email"
)]
pub(crate) struct Alert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    History(history::History),
    Silence(silence::Silence),
    Unsilence(silence::Unsilence),
    Rules(rules::Rules),
    Test(send::Test),
}

impl Alert {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::List(command) => command.execute(),
            Command::History(command) => command.execute(),
            Command::Silence(command) => command.execute(),
            Command::Unsilence(command) => command.execute(),
            Command::Rules(command) => command.execute(),
            Command::Test(command) => command.execute(),
        }
    }
}

/// What a command does with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Runs `work` with the store of the settings, which must be there already.
fn with_store<F, Fut>(config: &ConfigFile, access: Access, work: F) -> anyhow::Result<Exit>
where
    F: FnOnce(Settings, Store) -> Fut,
    Fut: Future<Output = anyhow::Result<Exit>>,
{
    let settings = match super::pass_and_tell(&config.file, Needs::Store) {
        Ok(passed) => passed.settings,
        Err(exit) => return Ok(exit),
    };
    block_on(async move {
        let absent = ": no daemon has run with these settings yet";
        let mut store = super::open_to_read(&settings, absent).await?;
        if access == Access::Write {
            store.close().await;
            store = time::open_store(&settings).await?;
        }
        let result = work(settings, store.clone()).await;
        store.close().await;
        result
    })?
}

/// A rule by either of its names.
fn parse_rule(text: &str) -> Result<Rule, String> {
    catalogue::find(text.trim()).ok_or_else(|| {
        let keys = catalogue::ALL.map(|entry| entry.key);
        match named::nearest(text, &keys) {
            Some(key) => format!("there is no such rule; did you mean {key}?"),
            None => "there is no such rule; bursar alert rules lists them".to_owned(),
        }
    })
}

/// What an alert is about, in a table: `prod`, `prod professional`, `mqtt`.
fn about(site: &str, subject: &str) -> String {
    match (site, subject) {
        (DAEMON, subject) => subject.to_owned(),
        (site, "") => site.to_owned(),
        (site, subject) => format!("{site} {subject}"),
    }
}

fn coloured(severity: Severity, paint: Paint) -> String {
    let text = severity.as_str();
    match severity {
        Severity::Info => text.to_owned(),
        Severity::Warning => paint.warn(text),
        Severity::Critical => paint.bad(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_either_name_and_near_ones_are_offered() {
        assert_eq!(parse_rule("seatsLow"), Ok(Rule::SeatsLow));
        assert_eq!(parse_rule("seatsLow"), Ok(Rule::SeatsLow));
        assert!(parse_rule("seatslow").unwrap_err().contains("did you mean seatsLow?"));
        assert!(parse_rule("nonsense").unwrap_err().contains("bursar alert rules"));
    }
    #[test]
    fn the_daemon_has_no_name_of_a_site() {
        assert_eq!(about(DAEMON, "mqtt"), "mqtt");
        assert_eq!(about("prod", ""), "prod");
        assert_eq!(about("prod", "analyzer"), "prod analyzer");
    }
}
