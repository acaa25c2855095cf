//! One run: each decision of its plan, and each record of the ledger.

use askama::Template;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Served;
use super::answer::{self, Answer, Failure, age};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::plan::{reason, word};
use super::releases::run_address;
use super::seats::{day, named};
use super::wording::{local, number};
use crate::ledger::{Entry, Mode, Record, RunStatus, TypeAccount};
use crate::license::Holder;
use crate::plain::one_line;
use crate::release::plan::{Decision, Keep, Plan};
use crate::store::{KnownRun, RunState};

/// Rows of a page, of each table.
const ROWS: usize = 200;

/// A run is looked for among so many.
const RUNS: usize = 1000;

#[derive(Template)]
#[template(path = "run.html")]
struct Page {
    frame: Frame,
    site: String,
    releases: String,
    run: String,
    rehearsal: bool,
    facts: Vec<(&'static str, String)>,
    lines: Vec<String>,
    seen: String,
    /// How much of what was planned was done.
    done: String,
    /// Absent where the plan is not stored any more.
    plan: Option<PlanView>,
    records: Vec<RecordView>,
    all_records: String,
    next_records: Option<String>,
    names: bool,
}

struct PlanView {
    /// Word, number, address, whether it is shown.
    groups: Vec<(&'static str, String, String, bool)>,
    shown: String,
    rows: Vec<DecisionView>,
    next: Option<String>,
}

struct DecisionView {
    person: String,
    address: Option<String>,
    seat_type: &'static str,
    decision: &'static str,
    reasons: String,
    used: String,
    idle: String,
}

struct RecordView {
    seq: u64,
    time: String,
    kind: &'static str,
    person: String,
    address: Option<String>,
    text: String,
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    (name, run): (&str, &str),
    query: Option<&str>,
) -> Answer {
    served.site(name)?;
    let asked = Asked::of(query)?;
    let none = || Failure::NotFound("There is no such run of this site.".to_owned());
    let status = served.status().await?;
    let (now, zone, names) = (status.time, served.source.settings.time_zone, served.names());
    let store = &served.source.store;
    // The whole name: a beginning may be that of a run of another site.
    let known = store.runs(name, RUNS).await?.into_iter().find(|known| known.run == run);
    let known = known.ok_or_else(none)?;
    let records = store.records_of(run).await?;
    let from = asked.place("record")?;
    let plan = served.known.plan_of(&served.source, name, run).await?;
    let base = run_address(name, run);
    let of = asked.get("of").unwrap_or_default().to_owned();
    let place = asked.place("from")?;
    let plan = plan.as_ref().as_ref();
    let next = from + ROWS;
    let page = Page {
        frame: Frame::new(served, &status, Part::Releases, Some(name)),
        site: name.to_owned(),
        releases: site_address(name, "/releases"),
        run: run.to_owned(),
        rehearsal: known.mode == Mode::Rehearsal,
        facts: facts(&known, zone),
        lines: known.lines().iter().map(|line| one_line(line)).collect(),
        seen: age(known.started, now),
        done: done(&known),
        plan: plan.map(|plan| plan_view(plan, (name, &base), (&of, place), names, zone)),
        all_records: number(records.len() as f64),
        next_records: (records.len() > next).then(|| {
            let query = [("of", of.as_str()), ("record", &next.to_string())];
            format!("{base}?{}#ledger", written(&query))
        }),
        records: records
            .iter()
            .skip(from)
            .take(ROWS)
            .map(|record| record_view(record, name, names, zone))
            .collect(),
        names,
    };
    Ok(answer::page(headers, now, &page))
}

/// How much of what was planned was done: `Planned to go: 24. Released: 0. A guard stopped the run.`
fn done(known: &KnownRun) -> String {
    let sum = |of: fn(&TypeAccount) -> u64| known.account.counts.iter().map(of).sum::<u64>();
    let (planned, released) = (sum(|of| of.counts.planned), sum(|of| of.counts.released));
    let (planned, released) = (number(planned as f64), number(released as f64));
    let stopped = match (known.state, sum(TypeAccount::not_attempted)) {
        (RunState::Ended(RunStatus::Refused), _) => {
            " A guard stopped the run: nothing of it was done.".to_owned()
        }
        (RunState::UnderWay, _) => " It is under way.".to_owned(),
        (RunState::CutShort, _) => " Its process ended in the middle.".to_owned(),
        (RunState::Ended(_), 0) => String::new(),
        (RunState::Ended(_), some) => {
            format!(" Not attempted, because something stopped it: {}.", number(some as f64))
        }
    };
    match known.mode {
        Mode::Real => format!("Planned to go: {planned}. Released: {released}.{stopped}"),
        Mode::Rehearsal => format!("Would go: {planned}. A rehearsal releases nothing.{stopped}"),
        Mode::Undo => String::new(),
    }
}

fn facts(known: &KnownRun, zone: Tz) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Kind", known.mode.as_str().to_owned()),
        ("Started by", one_line(&known.trigger.to_string())),
        ("Began", local(known.started, zone)),
    ];
    facts.extend(known.ended.map(|time| ("Ended", local(time, zone))));
    facts.push((
        "State",
        match known.state {
            RunState::Ended(status) => status.as_str().to_owned(),
            other => other.text().to_owned(),
        },
    ));
    facts
}

fn plan_view(
    plan: &Plan,
    (site, base): (&str, &str),
    (of, from): (&str, usize),
    names: bool,
    zone: Tz,
) -> PlanView {
    let all = || plan.types.iter().flat_map(|part| part.decisions.iter().map(move |of| (part, of)));
    let mut groups: Vec<(&'static str, usize)> = Vec::new();
    for (_, decision) in all() {
        let word = word(decision.outcome, &decision.keep);
        match groups.iter_mut().find(|(of, _)| *of == word) {
            Some((_, count)) => *count += 1,
            None => groups.push((word, 1)),
        }
    }
    let is_first = |word: &str| matches!(word, "release" | "announce");
    groups.sort_by_key(|(word, count)| (!is_first(word), std::cmp::Reverse(*count), *word));
    let shown = groups.iter().map(|(word, _)| *word).find(|word| *word == of);
    let shown = shown.or(groups.first().map(|(word, _)| *word)).unwrap_or_default();
    let of_word = || all().filter(|(_, of)| word(of.outcome, &of.keep) == shown);
    let next = from + ROWS;
    PlanView {
        next: of_word().nth(next).map(|_| {
            format!("{base}?{}#plan", written(&[("of", shown), ("from", &next.to_string())]))
        }),
        rows: of_word()
            .skip(from)
            .take(ROWS)
            .map(|(part, decision)| {
                let seat_type = part.seat_type.title();
                decision_view(decision, seat_type, site, (names, plan.now, zone))
            })
            .collect(),
        groups: groups
            .into_iter()
            .map(|(word, count)| {
                let address = format!("{base}?{}#plan", written(&[("of", word)]));
                (word, number(count as f64), address, word == shown)
            })
            .collect(),
        shown: shown.to_owned(),
    }
}

fn decision_view(
    decision: &Decision,
    seat_type: &'static str,
    site: &str,
    (names, now, zone): (bool, DateTime<Utc>, Tz),
) -> DecisionView {
    let holder = decision.holder.as_deref();
    let idle = decision.idle_since.map(|since| (now - since).num_days().max(0));
    let reasons = |keep: &[Keep]| keep.iter().map(|keep| reason(keep, names)).collect::<Vec<_>>();
    DecisionView {
        person: holder.map_or_else(|| "nobody (user deleted)".to_owned(), |of| named(of, names)),
        address: holder.map(|of| person_address(site, of)),
        seat_type,
        decision: word(decision.outcome, &decision.keep),
        reasons: reasons(&decision.keep).join("; "),
        used: day(&decision.last_used, zone),
        idle: idle.map_or_else(|| "–".to_owned(), |days| format!("{} d", number(days as f64))),
    }
}

fn person_address(site: &str, holder: &Holder) -> String {
    site_address(site, &format!("/person/{}", holder.id))
}

fn record_view(record: &Record, site: &str, names: bool, zone: Tz) -> RecordView {
    let holder = match &record.entry {
        Entry::Intent(intent) => Some(&intent.holder),
        Entry::Outcome(outcome) => Some(&outcome.holder),
        Entry::Announced { holder, .. } | Entry::Withdrawn { holder, .. } => Some(holder),
        _ => None,
    };
    RecordView {
        seq: record.seq,
        time: local(record.time, zone),
        kind: record.entry.kind(),
        person: holder.map_or_else(String::new, |holder| named(holder, names)),
        address: holder.map(|holder| person_address(site, holder)),
        text: match &record.entry {
            Entry::Intent(intent) => {
                one_line(&format!("{} seat: {}", intent.seat_type.title(), intent.because))
            }
            Entry::Outcome(outcome) => {
                let seat_type = outcome.seat_type.title();
                // What a site answered may name people.
                let became =
                    if names { outcome.text() } else { outcome.result.as_str().to_owned() };
                one_line(&format!("{seat_type} seat (record {}): {became}", outcome.intent))
            }
            Entry::Announced { seat_type, due, .. } => {
                format!("{} seat: goes on {}", seat_type.title(), local(*due, zone))
            }
            Entry::Withdrawn { seat_type, why, .. } => match names {
                true => one_line(&format!("{} seat: {why}", seat_type.title())),
                false => format!("{} seat stays", seat_type.title()),
            },
            entry => one_line(&entry.summary()),
        },
    }
}
