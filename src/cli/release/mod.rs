//! `bursar release`: plans of releases, and what a person does about them.

mod accept;
mod apply;
mod explain;
mod history;
mod pause;
mod plan;
mod settle;
mod simulate;
mod undo;
mod wait;
mod working;

use anyhow::Context;
use clap::Subcommand;

use super::{ConfigFile, Exit, block_on};
use crate::cli::time;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::event::InForce;
use crate::qrs;
use crate::release::run::{Engine, RunError, Waits};

pub(super) use pause::day_or_time;

/// Simulate, plan, apply, undo, review and pause the release of idle seats
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release simulate -c bursar.yaml\n  bursar release plan -c bursar.yaml\n  bursar release plan -c bursar.yaml --explain 'CORP\\anna'\n  bursar release plan -c bursar.yaml -o plan.json && bursar release apply -c bursar.yaml plan.json\n  bursar release undo -c bursar.yaml 'CORP\\anna'\n  bursar release lock -c bursar.yaml --until 2027-01-07 --why 'year end closing'"
)]
pub(crate) struct Release {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(simulate::Simulate),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Undo(undo::Undo),
    Settle(settle::Settle),
    History(history::History),
    Lock(pause::Lock),
    Unlock(pause::Unlock),
    Accept(accept::Accept),
}

/// The settings file and the site, the same options for every command here.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Target {
    #[command(flatten)]
    config: ConfigFile,
    /// Name of the site; needed when the settings have several
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
}

impl Release {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Simulate(command) => command.execute(),
            Command::Plan(command) => command.execute(),
            Command::Apply(command) => command.execute(),
            Command::Undo(command) => command.execute(),
            Command::Settle(command) => command.execute(),
            Command::History(command) => command.execute(),
            Command::Lock(command) => command.execute(),
            Command::Unlock(command) => command.execute(),
            Command::Accept(command) => command.execute(),
        }
    }
}

impl Target {
    /// As a person would write it in a command.
    fn as_typed(&self) -> String {
        let mut typed = format!(" -c {}", plan::quoted(&self.config.file.display().to_string()));
        if let Some(site) = &self.site {
            typed.push_str(&format!(" --site {}", plan::quoted(site)));
        }
        typed
    }

    /// The settings and the site meant.
    pub(super) fn load(&self) -> Result<(Settings, Site), Exit> {
        let settings = super::load(&self.config.file, false)?.settings;
        let names = || settings.sites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>();
        let site = match &self.site {
            Some(name) => settings.sites.iter().find(|s| s.name.eq_ignore_ascii_case(name)),
            None if settings.sites.len() == 1 => settings.sites.first(),
            None => {
                errln!(
                    "bursar: the settings have several sites; name one: --site {}",
                    names().join(" or ")
                );
                return Err(Exit::Unusable);
            }
        };
        match site.cloned() {
            Some(site) => Ok((settings, site)),
            None => {
                errln!("bursar: there is no such site; the settings have {}", names().join(", "));
                Err(Exit::Unusable)
            }
        }
    }

    /// Runs `work` with the engine of the site, and closes the store after it.
    fn with_engine<F, Fut>(&self, work: F) -> anyhow::Result<Exit>
    where
        F: FnOnce(Engine) -> Fut,
        Fut: Future<Output = anyhow::Result<Exit>>,
    {
        let (settings, site) = match self.load() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        block_on(async move {
            let store = time::open_store(&settings).await?;
            let addressing = InForce::from(settings.addressing());
            let client = qrs::Client::new(&site.name, &site.connection)
                .with_context(|| format!("site {}", site.name))?;
            client.is_equipped().with_context(|| format!("site {}", site.name))?;
            let engine = Engine {
                site: settings.release_site(&site),
                client,
                store: store.clone(),
                clock: time::clock(),
                addressing,
                waits: Waits::default(),
            };
            let result = work(engine).await;
            store.close().await;
            result
        })?
    }
}

/// Who gives the command: user, process and machine, and what the environment says beyond that.
pub(super) fn who() -> String {
    crate::who::am_i().to_string()
}

/// What a person types to say that this is the site meant.
struct Called {
    /// `name` or `host`.
    what: &'static str,
    text: String,
}

impl Called {
    /// By its name, or by its host where the settings give it no name.
    fn of(site: &crate::release::settings::Site) -> Self {
        if site.is_named {
            Self { what: "name", text: site.name.clone() }
        } else {
            Self { what: "host", text: site.host.clone() }
        }
    }
}

/// Asks for a site's name or host on the terminal. Without a terminal, or with another answer, it is
/// no.
fn confirmed(question: &str, called: &Called, yes: bool) -> anyhow::Result<bool> {
    use std::io::{BufRead, IsTerminal};
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        errln!(
            "bursar: {question} There is nobody to ask here; add --yes to do it without asking."
        );
        return Ok(false);
    }
    let Called { what, text } = called;
    err!("{question}\nType the {what} of the site ({text}) to go on: ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let same = answer.trim() == text;
    if !same {
        errln!("bursar: that is not {text}: nothing was done");
    }
    Ok(same)
}

/// Exit code for a run that did not take place: a plan that can't be used is the command line's
/// fault.
fn refused(error: RunError) -> anyhow::Result<Exit> {
    match error {
        RunError::Unusable(why) => {
            errln!("bursar: {why}");
            Ok(Exit::Unusable)
        }
        other => Err(other.into()),
    }
}
