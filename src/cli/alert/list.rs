//! `bursar alert list`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::text::{Paint, set_in};
use super::{Access, ConfigFile, Exit, about, coloured, named, with_store};
use crate::alert::state::{Alert, HeldBack, Notified, Phase, Silence};
use crate::cli::time;
use crate::config::Unheard;
use crate::event::Key;
use crate::plain::one_line;
use crate::words;

/// List what fires, and what is silenced
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert list -c bursar.yaml\n  bursar alert list -c bursar.yaml --pending --json"
)]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this site [default: all of them]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Also what hasn't held for long enough to fire
    #[arg(long)]
    pending: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The JSON of `bursar alert list --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    /// Alerts and real releases that reach nobody by the settings.
    unheard: Vec<Unheard>,
}

impl List {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (pending, json, site) = (self.pending, self.json, self.site);
        with_store(&self.config, Access::Read, async move |settings, store| {
            let sites = match named::sites(&settings, site.as_deref()) {
                Ok(sites) => sites,
                Err(exit) => return Ok(exit),
            };
            let silences = store.silences(false).await?;
            let now = time::now();
            let all = store.alerts().await?.into_values();
            let all = all.map(|alert| alert.with_silences(&silences, now));
            let asked = |key: &Key| site.is_none() || sites.iter().any(|one| one.name == key.site);
            let alerts = all.filter(|alert| asked(&alert.key));
            let mut alerts: Vec<_> =
                alerts.filter(|alert| pending || alert.phase == Phase::Firing).collect();
            alerts.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
            // As `status` says it; what settings with a mistake say of it is not in force.
            let mut unheard = match settings.seen.is_some() {
                true => settings.unheard(),
                false => Vec::new(),
            };
            unheard.retain(|one| {
                site.is_none() || sites.iter().any(|of| one.sites.contains(&of.name))
            });
            if json {
                crate::terminal::print_json(&Listed { alerts, silences, unheard })?;
                return Ok(Exit::Ok);
            }
            out!("{}", table(&alerts, &silences, now, Paint::for_stdout()));
            for silence in &silences {
                let until = words::local(silence.until, settings.time_zone);
                outln!("{}", describe(silence, &until));
            }
            for one in &unheard {
                outln!("{}", Paint::for_stdout().warn(&one_line(&one.in_short())));
                outln!("    {}", one_line(&one.fix));
            }
            Ok(Exit::Ok)
        })
    }
}

/// One block for each: what it is, the figures, what to do.
fn table(alerts: &[Alert], silences: &[Silence], now: DateTime<Utc>, paint: Paint) -> String {
    if alerts.is_empty() {
        return "nothing fires\n".to_owned();
    }
    let mut out = String::new();
    for alert in alerts {
        let key = &alert.key;
        let begun = alert.fired.unwrap_or(alert.since);
        let mut facts = vec![about(&key.site, &key.subject), words::ago(begun, now)];
        facts.retain(|fact| !fact.is_empty());
        if alert.phase == Phase::Pending {
            facts.push("pending".to_owned());
        }
        let told = alert.notified.as_ref().filter(|notified| notified.times > 0);
        facts.extend(told.map(Notified::in_words));
        match &alert.held_back {
            Some(HeldBack::Silence { id }) => {
                let by = silences.iter().find(|silence| silence.id == *id);
                let by =
                    by.map_or(String::new(), |silence| format!(" by {}", one_line(&silence.by)));
                let until = silences.iter().find(|silence| silence.id == *id);
                let until =
                    until.map_or(String::new(), |s| format!(" until {}", time::told(s.until)));
                facts.push(format!("silenced{by}{until} ({id})"));
            }
            Some(HeldBack::Alert { rule }) => facts.push(format!("held back by {rule}")),
            None => {}
        }
        out.push_str(&format!(
            "{}  {}  {}\n",
            coloured(alert.severity, paint),
            paint.strong(&key.rule.to_string()),
            paint.faint(&facts.join(", "))
        ));
        out.push_str(&format!("{}\n", set_in(&alert.text, 4)));
        if !alert.hint.is_empty() {
            out.push_str(&format!("{}\n", paint.faint(&set_in(&alert.hint, 4))));
        }
    }
    out
}

/// `silence 3 until ...: seatsLow of prod (order is placed, by anna@host)`
pub(super) fn describe(silence: &Silence, until: &str) -> String {
    let rule = silence.rule.map_or("everything".to_owned(), |rule| rule.to_string());
    let of = match (&silence.site, &silence.subject) {
        (None, None) => String::new(),
        (site, subject) => {
            let site = site.as_deref().unwrap_or("every site");
            format!(" of {}", about(site, subject.as_deref().unwrap_or_default()))
        }
    };
    format!("silence {} until {until}: {rule}{of} ({}, by {})", silence.id, silence.why, silence.by)
}
