//! `bursar alert history`.

use super::super::text::{self, Paint};
use super::{Access, ConfigFile, Exit, about, coloured, named, parse_rule, with_store};
use crate::cli::time;
use crate::event::Rule;

/// List what happened to alerts: fired, repeated, escalated, resolved, silenced, inhibited
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert history -c bursar.yaml\n  bursar alert history -c bursar.yaml --rule seatsLow --limit 10"
)]
pub(crate) struct History {
    #[command(flatten)]
    config: ConfigFile,
    /// Only of this rule
    #[arg(long, value_parser = parse_rule)]
    rule: Option<Rule>,
    /// Only of this site
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// At most so many, the newest
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lines are picked from as many: two years of a busy site.
const READ_AT_MOST: usize = 100_000;

impl History {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let Self { config, rule, site, limit, json } = self;
        with_store(&config, Access::Read, async move |settings, store| {
            let site = match site.map(|name| named::site(&settings, &name).map(|s| s.name.clone()))
            {
                Some(Err(exit)) => return Ok(exit),
                site => site.and_then(Result::ok),
            };
            let filtered = rule.is_some() || site.is_some();
            let mut all = store.alert_history(if filtered { READ_AT_MOST } else { limit }).await?;
            all.retain(|one| {
                rule.is_none_or(|rule| rule == one.key.rule)
                    && site.as_ref().is_none_or(|site| *site == one.key.site)
            });
            all.truncate(limit);
            if json {
                crate::terminal::print_json(&all)?;
                return Ok(Exit::Ok);
            }
            if all.is_empty() {
                outln!("nothing has happened");
                return Ok(Exit::Ok);
            }
            let paint = Paint::for_stdout();
            let rows: Vec<_> = all
                .iter()
                .map(|one| {
                    vec![
                        time::told(one.time),
                        one.what.as_str().to_owned(),
                        coloured(one.severity, paint),
                        one.key.rule.to_string(),
                        about(&one.key.site, &one.key.subject),
                        match one.sent {
                            0 => "sent to nobody".to_owned(),
                            1 => "sent to 1 destination".to_owned(),
                            sent => format!("sent to {sent} destinations"),
                        },
                    ]
                })
                .collect();
            out!("{}", text::columns(&rows));
            Ok(Exit::Ok)
        })
    }
}
