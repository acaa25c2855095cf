//! `bursar audit show`: a run as a story.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::super::text;
use super::{Exit, Source, person};
use crate::ledger::chain::Raw;
use crate::ledger::{Account, Entry, Intent, Mode, Outcome, Record, SeatResult};
use crate::license::{Holder, SeatType};
use crate::plain::one_line;
use crate::policy::{NeverRelease, Policy, ThreeWay, TypeRule};
use crate::words;

/// Tell what a run did: who started it, with which settings, each seat with reason and outcome
///
/// With --user, everything that the ledger says of a person instead, over all runs and sites:
/// announcements, what was about to be done and why, and what came of it.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("whom").args(["run", "user"]).required(true),
    after_help = "Examples:\n  bursar release history -c bursar.yaml     the runs\n  bursar audit show -c bursar.yaml RUN      one of them\n  bursar audit show -c bursar.yaml --user 'CORP\\anna'"
)]
pub(crate) struct Show {
    #[command(flatten)]
    source: Source,
    /// Id of the run, or its beginning
    run: Option<String>,
    /// A person instead of a run: `CORP\anna`, or only `anna`; compared as rules of release do
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Print JSON: the records as they are
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let place = match self.source.required() {
            Ok(place) => place,
            Err(exit) => return Ok(exit),
        };
        if let Some(user) = &self.user {
            return person::show(&place, user, self.json);
        }
        let run = self.run.as_deref().unwrap_or_default();
        let ledger = place.open()?;
        let raws = ledger.run(run)?;
        if raws.is_empty() {
            errln!(
                "bursar: there is no run {} in {}; bursar release history lists them",
                run,
                place.name()
            );
            return Ok(Exit::Unusable);
        }
        let changed: Vec<u64> =
            raws.iter().filter(|raw| raw.expected_hash() != raw.hash).map(|raw| raw.seq).collect();
        let records = raws.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        if self.json {
            crate::terminal::print_json(&records)?;
        } else {
            let first = &records[0];
            let whole = first.run.as_deref().unwrap_or_default();
            let given_back = ledger.given_back(&first.site, (whole, first.seq))?;
            out!("{}", tell(&records, &given_back, place.zone));
        }
        for seq in &changed {
            errln!("bursar: record {seq} was changed: its content does not fit its hash");
        }
        Ok(if changed.is_empty() { Exit::Ok } else { Exit::NotInOrder })
    }
}

fn read(raw: &Raw) -> anyhow::Result<Record> {
    raw.record().map_err(|e| anyhow::anyhow!("record {} can't be read: {e}", raw.seq))
}

/// What is known of a seat.
struct Seat<'a> {
    at: DateTime<Utc>,
    intent: &'a Intent,
    outcome: Option<(&'a Record, &'a Outcome)>,
}

/// `given_back`: how many of its seats undos have allocated again since.
fn tell(records: &[Record], given_back: &[(SeatType, u64)], zone: Tz) -> String {
    let mut out = String::new();
    let mut seats: BTreeMap<u64, Seat<'_>> = BTreeMap::new();
    let mut notices = Vec::new();
    let mut end = None;
    let mut account = Account::of(records);
    account.note_given_back(given_back);
    let mut mode = Mode::Real;
    let run = records[0].run.as_deref().unwrap_or_default();
    fact(&mut out, "run", run);
    for record in records {
        let time = words::local(record.time, zone);
        match &record.entry {
            Entry::RunStarted { mode: of, trigger, version, policy } => {
                mode = *of;
                fact(&mut out, "site", &record.site);
                fact(&mut out, "kind", mode.as_str());
                fact(&mut out, "started", &format!("{time} by {trigger}, Bursar {version}"));
                for (n, line) in settings(policy).iter().enumerate() {
                    fact(&mut out, if n == 0 { "settings" } else { "" }, line);
                }
            }
            Entry::Planned { digest, counts, refusals, accepted, standing, site: _ } => {
                fact(&mut out, "planned", &format!("{time}, SHA-256 {digest}"));
                for count in counts {
                    let (title, seats) = (count.seat_type.title(), count.seats);
                    fact(&mut out, "", &format!("{title}: {} of {seats} seats", count.planned));
                }
                for (n, refusal) in refusals.iter().enumerate() {
                    let how = if accepted.iter().any(|name| name == refusal.guard.as_str()) {
                        ", accepted by a person"
                    } else {
                        ""
                    };
                    let of = refusal.seat_type.map_or(String::new(), |t| format!(" ({t})"));
                    let text = format!("{}{of}{how}: {}", refusal.guard, refusal.saw);
                    fact(&mut out, if n == 0 { "guards" } else { "" }, &text);
                }
                for (n, accepted) in standing.iter().enumerate() {
                    fact(&mut out, if n == 0 { "accepted" } else { "" }, &accepted.text());
                }
            }
            Entry::Intent(intent) => {
                let seat = Seat { at: record.time, intent, outcome: None };
                seats.insert(record.seq, seat);
            }
            Entry::Outcome(outcome) => match seats.get_mut(&outcome.intent) {
                Some(seat) => seat.outcome = Some((record, outcome)),
                // Of an earlier run, found out by this one.
                None => notices.push((time, record.entry.summary())),
            },
            Entry::RunEnded { status, .. } => {
                let mut text = format!("{time}: {}", status.as_str());
                if let Some(why) = &account.why {
                    let _ = write!(text, ", {why}");
                }
                end = Some(text);
            }
            Entry::Announced { .. }
            | Entry::Withdrawn { .. }
            | Entry::Paused { .. }
            | Entry::Resumed { .. }
            | Entry::Accepted { .. }
            | Entry::LossAccepted { .. }
            | Entry::SiteAccepted { .. }
            | Entry::Archived { .. }
            | Entry::Rebuilt { .. } => notices.push((time, record.entry.summary())),
        }
    }
    let not_recorded = "not recorded: under way, or its process ended in between";
    fact(&mut out, "ended", end.as_deref().unwrap_or(not_recorded));
    for counts in &account.counts {
        fact(&mut out, "", &counts.summary(mode));
    }
    table(&mut out, "seats", seats.values().map(|seat| seat.row(run, zone)).collect());
    let rows = notices.into_iter().map(|(time, text)| vec![time, one_line(&text)]);
    table(&mut out, "notices", rows.collect());
    let own = |record: &&Record| record.run.as_deref() == Some(run);
    if let Some(last) = records.iter().rev().find(own) {
        let _ = writeln!(out, "\nrecords {} to {}, head {}", records[0].seq, last.seq, last.hash);
    }
    out
}

impl Seat<'_> {
    fn row(&self, run: &str, zone: Tz) -> Vec<String> {
        let result = match self.outcome {
            None => "no outcome recorded".to_owned(),
            Some((record, outcome)) => {
                let mut text = outcome.text();
                if outcome.settled_later {
                    let how = match outcome.result {
                        SeatResult::Stated { .. } => "said",
                        _ => "found out",
                    };
                    let _ = write!(text, ", {how} {}", words::local(record.time, zone));
                    if let Some(other) = record.run.as_deref().filter(|other| *other != run) {
                        let _ = write!(text, " by run {other}");
                    }
                }
                text
            }
        };
        vec![
            words::local(self.at, zone),
            self.intent.seat_type.as_str().to_owned(),
            named(&self.intent.holder),
            one_line(&self.intent.because),
            one_line(&result),
        ]
    }
}

fn named(holder: &Holder) -> String {
    if holder.name.is_empty() {
        one_line(&holder.account())
    } else {
        one_line(&format!("{} ({})", holder.account(), holder.name))
    }
}

/// A line of the head; writing to a text can't fail.
fn fact(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name:<9} {}", one_line(value));
}

fn table(out: &mut String, title: &str, rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
}

/// The settings in force, one line each.
fn settings(policy: &Policy) -> Vec<String> {
    let mut lines: Vec<String> = policy.types.iter().map(rule).collect();
    if policy.types.is_empty() {
        lines.push("no license type is enabled".to_owned());
    }
    if policy.judge_per_user {
        lines.push("use of one seat keeps the same person's other seats".to_owned());
    }
    lines.extend(protected(&policy.never_release));
    let limits = &policy.limits;
    let shared = match limits.license_key_shared {
        None => "not said",
        Some(true) => "yes",
        Some(false) => "no",
    };
    lines.push(format!(
        "guards: no use for {} days, clocks {} s apart, {} % unread people, {} unsettled seats, \
         license shared: {shared}; stop after {} failures",
        limits.stale_signal_days,
        limits.clock_tolerance_seconds,
        limits.max_unread_percent,
        limits.max_unsettled.map_or_else(|| "20 or 1 %".to_owned(), |max| max.to_string()),
        limits.stop_after_failures
    ));
    lines
}

fn rule(rule: &TypeRule) -> String {
    let mut text = format!(
        "{}: idle for {} days, never used for {}, left alone for {} days after it came back, at most {} %",
        rule.seat_type.title(),
        rule.release_threshold_days,
        rule.never_used_grace_days,
        rule.reallocated_grace_days,
        rule.max_release_percent
    );
    if let Some(max) = rule.max_releases {
        let _ = write!(text, " and {max} seats");
    }
    if let Some(free) = rule.keep_free {
        let _ = write!(text, ", until {free} are free");
    }
    if rule.grace_days > 0 {
        let _ = write!(text, ", announced {} days ahead", rule.grace_days);
    }
    text
}

fn protected(rules: &NeverRelease) -> Vec<String> {
    let users = rules.users.iter().map(|u| format!("{}\\{}", u.directory, u.user_id));
    let properties = rules.custom_properties.iter().map(|p| format!("{}={}", p.name, p.value));
    let marks = [
        ("inactive", rules.inactive),
        ("blocked", rules.blocked),
        ("removed externally", rules.removed_externally),
    ];
    let marks = marks.into_iter().filter_map(|(name, mark)| match mark {
        ThreeWay::Ignore => None,
        ThreeWay::Yes => Some(name.to_owned()),
        ThreeWay::No => Some(format!("not {name}")),
    });
    let lists: [(&str, Vec<String>); 7] = [
        ("users", users.collect()),
        ("directories", rules.directories.clone()),
        ("tags", rules.tags.clone()),
        ("properties", properties.collect()),
        ("roles", rules.roles.clone()),
        ("groups", rules.groups.clone()),
        ("those who are", marks.collect()),
    ];
    lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| format!("never: {name} {}", list.join(", ")))
        .collect()
}
