//! `bursar alert rules`.

use serde::Serialize;

use super::super::text::{self, Paint, set_in};
use super::{ConfigFile, Exit, coloured, named};
use crate::alert::Policy;
use crate::alert::catalogue::{self, Entry};
use crate::event::{Channel, Rule, Severity};

/// List the rules and what holds for them by the settings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert rules -c bursar.yaml\n  bursar alert rules -c bursar.yaml --json | jq '.[] | select(.watched)'"
)]
pub(crate) struct Rules {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One rule of `bursar alert rules --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rule: Rule,
    /// In the settings.
    key: &'static str,
    /// Absent for rules of the daemon itself.
    site: Option<String>,
    watched: bool,
    severity: Severity,
    /// When the severity differs from it.
    severity_note: &'static str,
    for_minutes: u64,
    destinations: Vec<Channel>,
    /// Days before the end at which it is told, largest first, where the rule goes by days.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<Vec<i64>>,
    when: &'static str,
}

impl Row {
    fn of(entry: &Entry, policy: &Policy, site: Option<&str>) -> Self {
        let rule = policy.rule(entry.rule);
        Self {
            rule: entry.rule,
            key: entry.key,
            site: site.map(str::to_owned),
            watched: policy.watches(entry.rule),
            severity: rule.severity.unwrap_or(entry.severity),
            severity_note: if rule.severity.is_some() { "" } else { entry.severity_note },
            for_minutes: rule.hold.as_secs() / 60,
            destinations: rule.destinations.clone(),
            days: policy.limits.steps(entry.rule).map(<[i64]>::to_vec),
            when: entry.when,
        }
    }
}

impl Rules {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match super::super::load(&self.config.file, false) {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let sites = match named::sites(&settings, self.site.as_deref()) {
            Ok(sites) => sites,
            Err(exit) => return Ok(exit),
        };
        let mut rows = Vec::new();
        for entry in &catalogue::ALL {
            if catalogue::is_of_daemon(entry.rule) {
                rows.push(Row::of(entry, &settings.alert, None));
                continue;
            }
            rows.extend(sites.iter().map(|s| Row::of(entry, &s.alert, Some(&s.name))));
        }
        if self.json {
            crate::terminal::print_json(&rows)?;
            return Ok(Exit::Ok);
        }
        let paint = Paint::for_stdout();
        let mut last = "";
        for row in &rows {
            let site = row.site.as_deref().filter(|_| settings.named_sites);
            let mut cells = vec![paint.strong(row.key)];
            cells.push(if row.watched {
                coloured(row.severity, paint)
            } else {
                paint.faint("off")
            });
            if row.for_minutes > 0 {
                cells.push(format!("after {} min", row.for_minutes));
            }
            cells.extend(row.days.as_deref().map(days_before));
            if !row.severity_note.is_empty() {
                cells.push(row.severity_note.to_owned());
            }
            if !row.destinations.is_empty() {
                let to: Vec<&str> =
                    row.destinations.iter().map(|channel| channel.as_str()).collect();
                cells.push(format!("to {}", to.join(", ")));
            }
            cells.extend(site.map(|name| format!("at {name}")));
            out!("{}", text::columns(&[cells]));
            if last != row.key && rows.iter().rfind(|r| r.key == row.key).is_some() {
                outln!("{}", paint.faint(&set_in(row.when, 4)));
            }
            last = row.key;
        }
        Ok(Exit::Ok)
    }
}

/// `at 90, 60 and 30 days`.
fn days_before(days: &[i64]) -> String {
    match days {
        [] => String::new(),
        [1] => "at 1 day".to_owned(),
        [one] => format!("at {one} days"),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(ToString::to_string).collect();
            format!("at {} and {last} days", most.join(", "))
        }
    }
}
