//! `bursar alert silence` and `unsilence`.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::release::{day_or_time, who};
use super::{Access, ConfigFile, Exit, list, named, parse_rule, with_store};
use crate::alert::catalogue;
use crate::alert::rules::TOKENS;
use crate::cli::time;
use crate::config::Settings;
use crate::destination::registry;
use crate::event::Rule;
use crate::license::SeatType;
use crate::store::{NewSilence, Store};
use crate::words;

/// Hear nothing of some alerts for a while
///
/// What fires under a silence is not sent, and is when the silence ends, if it still fires then. That
/// something told of before is over is sent all the same.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert silence -c bursar.yaml --rule seatsLow --for 7d --why 'order is placed'\n  bursar alert silence -c bursar.yaml --subject analyzer --until 2099-01-07 --why 'ordered'"
)]
pub(crate) struct Silence {
    #[command(flatten)]
    config: ConfigFile,
    /// Only alerts of this rule
    #[arg(long, value_parser = parse_rule)]
    rule: Option<Rule>,
    /// Only alerts of this site
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Only alerts about this: professional, analyzer, a queue ... as `list` shows it
    #[arg(long)]
    subject: Option<String>,
    /// Every alert of every site
    #[arg(long, conflicts_with_all = ["rule", "site", "subject"])]
    all: bool,
    /// For how long: 90m, 12h, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    duration: Option<TimeDelta>,
    /// Until when: 2027-01-07 (that day included) or '2027-01-07 18:00'
    #[arg(long, value_name = "DATE", conflicts_with = "duration")]
    until: Option<String>,
    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Print the silence as JSON
    #[arg(long)]
    json: bool,
}

/// End a silence
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar alert list -c bursar.yaml         shows the numbers\n  bursar alert unsilence -c bursar.yaml 3"
)]
pub(crate) struct Unsilence {
    #[command(flatten)]
    config: ConfigFile,
    /// Its number, as `list` shows it
    id: i64,
}

impl Silence {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        if self.why.trim().is_empty() {
            errln!("bursar: --why must say why");
            return Ok(Exit::Unusable);
        }
        if !self.all && self.rule.is_none() && self.site.is_none() && self.subject.is_none() {
            errln!("bursar: name what to silence: --rule, --site or --subject, or --all");
            return Ok(Exit::Unusable);
        }
        let config = self.config.clone();
        with_store(&config, Access::Write, async move |settings, store| {
            let until = match self.end(&settings, time::now()) {
                Ok(until) => until,
                Err(why) => {
                    errln!("bursar: {why}");
                    return Ok(Exit::Unusable);
                }
            };
            if self.site.is_some() && self.rule.is_some_and(catalogue::is_of_daemon) {
                errln!("bursar: this rule is not of a site: leave out --site");
                return Ok(Exit::Unusable);
            }
            let site = match self.site.as_ref().map(|name| named::site(&settings, name)) {
                Some(Err(exit)) => return Ok(exit),
                site => site.and_then(Result::ok).map(|site| site.name.clone()),
            };
            let subject = match &self.subject {
                Some(subject) => match known_subject(&settings, &store, subject).await? {
                    Ok(subject) => Some(subject),
                    Err(exit) => return Ok(exit),
                },
                None => None,
            };
            let new = NewSilence {
                site,
                rule: self.rule,
                subject,
                until,
                why: crate::plain::one_line(&self.why),
                by: who(),
            };
            let silence = store.add_silence(new).await?;
            if self.json {
                crate::terminal::print_json(&silence)?;
            } else {
                let until = words::local(silence.until, settings.time_zone);
                outln!("{}", list::describe(&silence, &until));
            }
            Ok(Exit::Ok)
        })
    }

    fn end(&self, settings: &Settings, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        match (self.duration, &self.until) {
            (Some(duration), _) => Ok(now + duration),
            (None, Some(text)) => match day_or_time(text, settings.time_zone) {
                Some(until) if until > now => Ok(until),
                Some(_) => Err(format!("{text} is over already")),
                None => Err(format!(
                    "{text:?} is no date; write 2027-01-07, '2027-01-07 18:00' or \
                     2027-01-07T18:00:00Z"
                )),
            },
            (None, None) => Err("say for how long: --for 7d, or --until 2027-01-07".to_owned()),
        }
    }
}

/// What alerts can be about, as it is spelt: a silence of something else would silence nothing.
async fn known_subject(
    settings: &Settings,
    store: &Store,
    subject: &str,
) -> anyhow::Result<Result<String, Exit>> {
    let types = SeatType::ALL.iter().map(|seat_type| seat_type.as_str().to_owned());
    let monitors = settings.sites.iter().flat_map(|site| site.watches());
    let monitors = monitors.map(|watch| watch.monitor.as_str().to_owned());
    let queues = registry::queues(&settings.destinations).into_iter().map(|queue| queue.id);
    let mut known: BTreeSet<String> = types.chain(monitors).chain(queues).collect();
    known.insert(TOKENS.to_owned());
    known.extend(store.alerts().await?.into_keys().map(|key| key.subject));
    known.extend(store.queue_states().await?.into_iter().map(|queue| queue.destination));
    known.remove("");
    if let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(subject.trim())) {
        return Ok(Ok(known.clone()));
    }
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    errln!("bursar: {}", named::unknown("subject", subject, &known));
    Ok(Err(Exit::Unusable))
}

impl Unsilence {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let id = self.id;
        with_store(&self.config, Access::Write, async move |_, store| {
            if store.end_silence(id).await? {
                outln!("silence {id} has ended; what fires is told within a minute");
                return Ok(Exit::Ok);
            }
            errln!("bursar: there is no silence {id} that holds; bursar alert list shows them");
            Ok(Exit::Unusable)
        })
    }
}

/// `90m`, `12h`, `7d`: up to ten years.
fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "write a number with m, h or d, such as 90m, 12h or 7d".to_owned();
    let (number, unit) =
        text.trim().split_at_checked(text.trim().len().saturating_sub(1)).ok_or_else(wrong)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 1_440,
        _ => return Err(wrong()),
    };
    match number.trim().parse::<i64>() {
        Ok(count) if (1..=3_650 * 1_440 / minutes).contains(&count) => {
            Ok(TimeDelta::minutes(count * minutes))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        assert_eq!(parse_duration("90m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(parse_duration(" 12h "), Ok(TimeDelta::hours(12)));
        assert_eq!(parse_duration("7d"), Ok(TimeDelta::days(7)));
        for bad in ["", "m", "7", "0d", "-1h", "99999d", "7w", "é"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
