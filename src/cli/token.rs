//! `bursar token`: programs that may read the pages.

use chrono::TimeDelta;
use clap::Subcommand;

use super::user::{Listed, Loading, Named, Rights, name, sites, with_store};
use super::{ConfigFile, Exit, named, text};
use crate::cli::time;
use crate::credential::{fingerprint, secret};
use crate::words;

/// Make, list and remove the tokens with which programs read the pages
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar token add grafana --days 365 -c bursar.yaml\n  curl -H 'Authorization: Bearer TOKEN' http://127.0.0.1:8478/api/status"
)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it: it is shown this once only
    #[command(after_help = "Examples:\n  bursar token add grafana --days 365 -c bursar.yaml")]
    Add {
        #[command(flatten)]
        config: ConfigFile,
        /// What it is for
        #[arg(value_parser = name)]
        name: String,
        #[command(flatten)]
        rights: Rights,
        /// For how many days it holds; without it, until it is removed
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: Option<i64>,
    },
    /// List the tokens, without what they are
    #[command(after_help = "Examples:\n  bursar token list -c bursar.yaml")]
    List(Listed),
    /// Remove a token: it opens nothing any more
    #[command(after_help = "Examples:\n  bursar token remove grafana -c bursar.yaml")]
    Remove(Named),
}

impl Token {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Add { config, name, rights, days } => {
                with_store(&config, Loading::Whole, async move |settings, store| {
                    let access = match rights.of(&settings) {
                        Ok(access) => access,
                        Err(exit) => return Ok(exit),
                    };
                    let until = days.map(|days| time::now() + TimeDelta::days(days));
                    let secret = secret()?;
                    if !store.add_token(&name, access, fingerprint(&secret), until).await? {
                        errln!(
                            "bursar: there is a token {name} already; remove it, or take another name"
                        );
                        return Ok(Exit::Unusable);
                    }
                    errln!("the token {name}, which is shown this once only:");
                    outln!("{secret}");
                    Ok(Exit::Ok)
                })
            }
            Command::List(Listed { config, json }) => {
                with_store(&config, Loading::Pass, async move |settings, store| {
                    let tokens = store.tokens().await?;
                    if json {
                        crate::terminal::print_json(&tokens)?;
                        return Ok(Exit::Ok);
                    }
                    if tokens.is_empty() {
                        outln!("there are no tokens: bursar token add NAME makes one");
                        return Ok(Exit::Ok);
                    }
                    let (now, zone) = (time::now(), settings.time_zone);
                    let head = ["TOKEN", "ROLE", "SITES", "MADE", "UNTIL"];
                    let rows = tokens.iter().map(|token| {
                        let until = match token.until {
                            None => "it is removed".to_owned(),
                            Some(until) if until <= now => {
                                format!("{}, which is over", words::local(until, zone))
                            }
                            Some(until) => words::local(until, zone),
                        };
                        vec![
                            token.name.clone(),
                            token.access.role.as_str().to_owned(),
                            sites(&token.access),
                            words::local(token.since, zone),
                            until,
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
                    if !store.remove_token(&name).await? {
                        let tokens = store.tokens().await?;
                        let known: Vec<_> =
                            tokens.iter().map(|token| token.name.as_str()).collect();
                        errln!("bursar: {}", named::unknown("token", &name, &known));
                        return Ok(Exit::Unusable);
                    }
                    outln!("the token {name} opens nothing any more");
                    Ok(Exit::Ok)
                })
            }
        }
    }
}
