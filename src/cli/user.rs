//! `bursar user`: who can log in to the pages.

mod password;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{ConfigFile, Exit, block_on, named, text};
use crate::cli::time;
use crate::config::{Needs, Settings};
use crate::credential::hash_password;
use crate::store::{self, Access, Store};
use crate::words;

/// Make, list and remove the users of the pages, and set their passwords
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar user add anna --role operator -c bursar.yaml\n  bursar user add bert --role viewer --site prod -c bursar.yaml\n  bursar user password anna -c bursar.yaml --password-file new.txt\n  bursar user list -c bursar.yaml"
)]
pub(crate) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user, who can log in at once
    #[command(
        after_help = "Examples:\n  bursar user add anna --role operator -c bursar.yaml\n  bursar user add bert --role viewer --site prod -c bursar.yaml --password-file new.txt"
    )]
    Add {
        #[command(flatten)]
        config: ConfigFile,
        /// What the person types to log in
        #[arg(value_parser = name)]
        name: String,
        #[command(flatten)]
        rights: Rights,
        #[command(flatten)]
        password: password::From,
    },
    /// List the users
    #[command(after_help = "Examples:\n  bursar user list -c bursar.yaml")]
    List(Listed),
    /// Remove a user; who is logged in under the name is logged out
    #[command(after_help = "Examples:\n  bursar user remove anna -c bursar.yaml")]
    Remove(Named),
    /// Set a new password; who is logged in under the name is logged out
    #[command(
        after_help = "Examples:\n  bursar user password anna -c bursar.yaml\n  bursar user password anna -c bursar.yaml --password-file new.txt"
    )]
    Password {
        #[command(flatten)]
        config: ConfigFile,
        name: String,
        #[command(flatten)]
        password: password::From,
    },
}

/// Of users and of tokens: all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Listed {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// One of them.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    pub(super) name: String,
}

/// What a user or a token may see and do.
#[derive(Debug, clap::Args)]
pub(super) struct Rights {
    /// viewer: looks, without names of people unless Butler.web.showNames is on; operator: sees names and gives orders
    #[arg(long, value_enum, default_value = "viewer")]
    role: Role,
    /// Only this site (may be repeated); without it, all sites
    #[arg(long = "site", value_name = "NAME")]
    sites: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Viewer,
    Operator,
}

impl Rights {
    /// With the sites as the settings spell them.
    pub(super) fn of(self, settings: &Settings) -> Result<Access, Exit> {
        let mut sites = Vec::new();
        for name in &self.sites {
            sites.push(named::site(settings, name)?.name.clone());
        }
        let role = match self.role {
            Role::Viewer => store::Role::Viewer,
            Role::Operator => store::Role::Operator,
        };
        Ok(Access { role, sites: (!sites.is_empty()).then_some(sites) })
    }
}

/// `prod, test`, or `all`.
pub(super) fn sites(access: &Access) -> String {
    access.sites.as_ref().map_or_else(|| "all".to_owned(), |sites| sites.join(", "))
}

/// A name that can be typed, and looks like no other on a page or in the ledger.
pub(super) fn name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_@\\".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("write 1 to 64 letters and digits of ASCII, or . - _ @ \\".to_owned()),
    }
}

/// Which settings will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loading {
    /// Those that are in order: somebody gets rights.
    Whole,
    /// Also those with a mistake: somebody looks, or takes rights away.
    Pass,
}

/// Opens the store of the settings for `work`, and closes it.
pub(super) fn with_store<F, Fut>(
    config: &ConfigFile,
    loading: Loading,
    work: F,
) -> anyhow::Result<Exit>
where
    F: FnOnce(Settings, Store) -> Fut,
    Fut: Future<Output = anyhow::Result<Exit>>,
{
    let settings = match loading {
        Loading::Whole => super::load(&config.file, false).map(|loaded| loaded.settings),
        Loading::Pass => super::pass_and_tell(&config.file, Needs::Store).map(|of| of.settings),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(exit) => return Ok(exit),
    };
    let path: &PathBuf = &settings.storage.path;
    anyhow::ensure!(
        path.exists(),
        "{} does not exist: start the daemon once, so that it belongs to the daemon's account",
        path.display()
    );
    block_on(async move {
        let store = time::open_store(&settings).await?;
        let done = work(settings, store.clone()).await;
        store.close().await;
        done
    })?
}

impl User {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Add { config, name, rights, password } => {
                with_store(&config, Loading::Whole, async move |settings, store| {
                    let access = match rights.of(&settings) {
                        Ok(access) => access,
                        Err(exit) => return Ok(exit),
                    };
                    if store.users().await?.iter().any(|user| user.name == name) {
                        return Ok(there_is(&name));
                    }
                    let password = match password.read()? {
                        Ok(password) => password,
                        Err(why) => return Ok(wrong(&why)),
                    };
                    let told = format!("{} of {}", access.role.as_str(), sites(&access));
                    if !store.add_user(&name, access, hash_password(&password)?).await? {
                        return Ok(there_is(&name));
                    }
                    outln!("{name} can log in: {told}");
                    Ok(Exit::Ok)
                })
            }
            Command::List(Listed { config, json }) => {
                with_store(&config, Loading::Pass, async move |settings, store| {
                    let users = store.users().await?;
                    if json {
                        crate::terminal::print_json(&users)?;
                        return Ok(Exit::Ok);
                    }
                    if users.is_empty() {
                        outln!("there are no users: bursar user add NAME makes one");
                        return Ok(Exit::Ok);
                    }
                    let zone = settings.time_zone;
                    let head = ["USER", "ROLE", "SITES", "PASSWORD SET", "LOGGED IN"];
                    let rows = users.iter().map(|user| {
                        vec![
                            user.name.clone(),
                            user.access.role.as_str().to_owned(),
                            sites(&user.access),
                            words::local(user.password_set, zone),
                            user.sessions.to_string(),
                        ]
                    });
                    let rows: Vec<_> =
                        std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect();
                    out!("{}", text::columns(&rows));
                    Ok(Exit::Ok)
                })
            }
            Command::Remove(Named { config, name }) => {
                with_store(&config, Loading::Pass, async move |_, store| {
                    if !store.remove_user(&name).await? {
                        return there_is_no(&name, &store).await;
                    }
                    outln!("{name} can't log in any more");
                    Ok(Exit::Ok)
                })
            }
            Command::Password { config, name, password } => {
                with_store(&config, Loading::Whole, async move |_, store| {
                    if store.password(&name).await?.is_none() {
                        return there_is_no(&name, &store).await;
                    }
                    let password = match password.read()? {
                        Ok(password) => password,
                        Err(why) => return Ok(wrong(&why)),
                    };
                    if !store.set_password(&name, hash_password(&password)?).await? {
                        return there_is_no(&name, &store).await;
                    }
                    outln!(
                        "the password of {name} is set; who was logged in under it is logged out"
                    );
                    Ok(Exit::Ok)
                })
            }
        }
    }
}

fn wrong(why: &str) -> Exit {
    errln!("bursar: {why}");
    Exit::Unusable
}

fn there_is(name: &str) -> Exit {
    wrong(&format!("there is a user {name} already; bursar user password sets a new password"))
}

async fn there_is_no(name: &str, store: &Store) -> anyhow::Result<Exit> {
    let users = store.users().await?;
    let known: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    Ok(wrong(&named::unknown("user", name, &known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["anna", "CORP\\anna", "anna.b-c_d@example.com"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", " anna", "a b", "ann\u{430}", "a\nb", "<b>", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
