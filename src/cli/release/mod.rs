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

use super::command::quoted;
use super::{ConfigFile, Exit, Passed, block_on, named, sites};
use crate::cli::time;
use crate::config::settings::Site;
use crate::config::{Needs, Settings};
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
    /// Name of the site [default: all of them; what changes something needs one where there are several]
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
        let mut typed = format!(" -c {}", quoted(&self.config.file.display().to_string()));
        if let Some(site) = &self.site {
            typed.push_str(&format!(" --site {}", quoted(site)));
        }
        typed
    }

    /// The settings and the sites that are asked for.
    pub(super) fn load_all(&self) -> Result<(Settings, Vec<Site>), Exit> {
        let settings = super::load(&self.config.file, false)?.settings;
        let sites = named::sites(&settings, self.site.as_deref())?.into_iter().cloned().collect();
        Ok((settings, sites))
    }

    /// As [`load_all`](Self::load_all), also of settings with a mistake, which is told.
    pub(super) fn pass_all(&self) -> Result<(Settings, Vec<Site>), Exit> {
        let settings = super::pass_and_tell(&self.config.file, Needs::Store)?.settings;
        let sites = named::sites(&settings, self.site.as_deref())?.into_iter().cloned().collect();
        Ok((settings, sites))
    }

    /// As [`load`](Self::load), also of settings with a mistake, which is told.
    pub(super) fn pass(&self, needs: Needs) -> Result<(Passed, Site), Exit> {
        let passed = super::pass_and_tell(&self.config.file, needs)?;
        let site = self.one_of(&passed.settings)?;
        Ok((passed, site))
    }

    /// The settings and the one site meant.
    pub(super) fn load(&self) -> Result<(Settings, Site), Exit> {
        let settings = super::load(&self.config.file, false)?.settings;
        let site = self.one_of(&settings)?;
        Ok((settings, site))
    }

    /// The one site meant.
    fn one_of(&self, settings: &Settings) -> Result<Site, Exit> {
        Ok(match (&self.site, settings.sites.as_slice()) {
            (Some(name), _) => named::site(settings, name)?.clone(),
            (None, [only]) => only.clone(),
            (None, several) => {
                let names: Vec<_> = several.iter().map(|site| site.name.as_str()).collect();
                let names = names.join(" or ");
                errln!("bursar: the settings have several sites; name one: --site {names}");
                return Err(Exit::Unusable);
            }
        })
    }

    /// Runs `work` with the engine of the site, and closes the store after it.
    fn with_engine<F, Fut>(&self, work: F) -> anyhow::Result<Exit>
    where
        F: FnOnce(Engine) -> Fut,
        Fut: Future<Output = anyhow::Result<Exit>>,
    {
        match self.load() {
            Ok((settings, site)) => with_engine_of(&settings, &site, work),
            Err(exit) => Ok(exit),
        }
    }

    /// Runs `work` with the engine of each site that is asked for, one after the other.
    fn with_engines<F, Fut>(&self, work: F) -> anyhow::Result<Exit>
    where
        F: Fn(Engine) -> Fut,
        Fut: Future<Output = anyhow::Result<Exit>>,
    {
        let (settings, sites) = match self.load_all() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        if let [only] = sites.as_slice() {
            return with_engine_of(&settings, only, work);
        }
        let mut exits = Vec::new();
        for site in &sites {
            // The other sites are answered for all the same.
            exits.push(with_engine_of(&settings, site, &work).unwrap_or_else(|error| {
                errln!("bursar: site {}: {error:#}", site.name);
                Exit::Failed
            }));
        }
        Ok(sites::worst(exits))
    }
}

fn with_engine_of<F, Fut>(settings: &Settings, site: &Site, work: F) -> anyhow::Result<Exit>
where
    F: FnOnce(Engine) -> Fut,
    Fut: Future<Output = anyhow::Result<Exit>>,
{
    block_on(async move {
        let store = time::open_store(settings).await?;
        let addressing = InForce::from(settings.addressing());
        let client = qrs::Client::new(&site.name, &site.connection)
            .with_context(|| format!("site {}", site.name))?;
        client.is_equipped().with_context(|| format!("site {}", site.name))?;
        let engine = Engine {
            site: settings.release_site(site),
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
    let unnamed = if *what == "host" { "The settings give the site no name. " } else { "" };
    err!("{question}\n{unnamed}Type the {what} of the site ({text}) to go on: ");
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
