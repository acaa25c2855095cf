//! `bursar release settle`: what became of seats whose release has no known outcome.

use chrono::{DateTime, Utc};
use serde::Serialize;

use std::sync::PoisonError;

use super::super::sites::{Answers, worst};
use super::super::text::{self, Paint};
use super::{Exit, Target, refused, wait};
use crate::ledger::{Action, Intent, Statement, Trigger};
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::named::is_named;
use crate::release::run::Engine;
use crate::release::settle::all_the_same;
use crate::store::Unsettled;
use crate::words;

/// Ask the site what became of seats whose release has no known outcome, and list what stays open
///
/// Runs and polls of the seats do the same. A seat whose fate the site can't tell is closed by your
/// word, with your name and reason in the ledger. That never counts as a release of Bursar's: it is
/// not undone and not in the figures of released seats. It changes nothing on the site, and protects
/// nobody: the next plan judges the seat like any other.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release settle -c bursar.yaml\n  bursar release settle -c bursar.yaml 'CORP\\anna' --as kept --why 'looked in the QMC, she has it'\n\nExit code 3 while something is open."
)]
pub(crate) struct Settle {
    #[command(flatten)]
    target: Target,
    /// The seat to close: number of its record, id of the seat or its beginning (9 letters at least), or
    /// its user: `CORP\anna` or only `anna`
    #[arg(value_name = "SEAT", requires_all = ["says", "why"])]
    seat: Option<String>,
    /// What you found: the person does not have the seat any more (taken), or has it (kept)
    #[arg(long = "as", value_name = "WHAT", value_parser = statement, requires = "seat")]
    says: Option<Statement>,
    /// How you know
    #[arg(long, value_name = "TEXT", requires = "seat")]
    why: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn statement(text: &str) -> Result<Statement, String> {
    Statement::ALL
        .into_iter()
        .find(|statement| statement.as_str() == text)
        .ok_or_else(|| "expected taken or kept".to_owned())
}

/// An open attempt, for scripts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    record: u64,
    run: String,
    since: DateTime<Utc>,
    action: Action,
    seat_type: &'static str,
    seat: String,
    user: String,
    why: String,
}

/// The open attempts of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteOpen {
    site: String,
    open: Vec<Open>,
}

impl Settle {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let target = self.target.clone();
        if self.seat.is_some() {
            // One seat is of one site.
            return target.with_engine(|engine| async move {
                let mut open = Vec::new();
                let exit = self.run(&engine, &mut open).await?;
                self.tell(open, &[exit])
            });
        }
        let open = std::sync::Mutex::new(Vec::new());
        let exit = target.with_engines(|engine| {
            let (this, open) = (&self, &open);
            async move {
                let mut own = Vec::new();
                let exit = this.run(&engine, &mut own).await?;
                open.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
                Ok(exit)
            }
        })?;
        self.tell(open.into_inner().unwrap_or_else(PoisonError::into_inner), &[exit])
    }

    /// The JSON of all sites, where that is asked for.
    fn tell(&self, open: Vec<SiteOpen>, exits: &[Exit]) -> anyhow::Result<Exit> {
        let exit = worst(exits.iter().copied());
        if self.json && !open.is_empty() {
            crate::terminal::print_json(&Answers::of(open))?;
        }
        Ok(exit)
    }

    async fn run(&self, engine: &Engine, answers: &mut Vec<SiteOpen>) -> anyhow::Result<Exit> {
        if let Err(error) = wait::for_lock(engine).await {
            return refused(error);
        }
        if let Err(error) = engine.settle(Patience::ONCE).await {
            return refused(error);
        }
        let site = &engine.site.name;
        if let (Some(seat), Some(says), Some(why)) = (&self.seat, self.says, &self.why) {
            let open = engine.store.unsettled(site).await?;
            let meant: Vec<_> = open.iter().filter(|open| is_meant(open, seat)).collect();
            let meant = match meant[..] {
                [one] => one,
                [] => {
                    errln!("bursar: nothing is open of {}; what is:", one_line(seat));
                    err!("{}", list(&open, engine));
                    return Ok(Exit::Unusable);
                }
                _ => {
                    errln!("bursar: several are open of {}; name one record:", one_line(seat));
                    err!("{}", list(&open, engine));
                    return Ok(Exit::Unusable);
                }
            };
            let why = one_line(why);
            if why.is_empty() {
                errln!("bursar: --why must say how you know");
                return Ok(Exit::Unusable);
            }
            let seen = engine.is_as_before(&meant.intent).await;
            let (record, trigger) = (meant.seq, Trigger::this_command());
            if let Err(error) = engine.state(record, says, &why, &trigger).await {
                return refused(error);
            }
            let account = one_line(&meant.intent.holder.account());
            errln!("record {record} of {account} is closed by your word: {}", says.as_str());
            for line in remarks(&meant.intent, says, seen.as_ref()) {
                errln!("{}", one_line(&line));
            }
        }
        let open = engine.store.unsettled(site).await?;
        if self.json {
            let open = open.iter().map(as_json).collect();
            answers.push(SiteOpen { site: site.clone(), open });
        } else if open.is_empty() {
            let of = if engine.site.is_named { format!("{site}: ") } else { String::new() };
            outln!("{of}nothing is open: it is known what became of every seat");
        } else {
            if engine.site.is_named {
                outln!("{}", Paint::for_stdout().strong(&format!("Site {site}")));
            }
            out!("{}", list(&open, engine));
        }
        Ok(if open.is_empty() { Exit::Ok } else { Exit::NotInOrder })
    }
}

/// So much of a seat's id can't be taken for the number of a record.
const ID: usize = "01234567-".len();

fn is_meant(open: &Unsettled, seat: &str) -> bool {
    let intent = &open.intent;
    open.seq.to_string() == seat
        || (seat.len() >= ID && intent.seat.to_string().starts_with(&seat.to_ascii_lowercase()))
        || is_named(&intent.holder, seat)
}

/// What a person should know who has closed an attempt by this word. `seen`: whether the site shows
/// the seat as it was before the attempt.
fn remarks(intent: &Intent, says: Statement, seen: Result<&bool, &String>) -> Vec<String> {
    let (title, holder) = (intent.seat_type.title(), &intent.holder);
    let account = holder.account();
    let mut lines = Vec::new();
    match (intent.action, says, seen) {
        (Action::Release, Statement::Taken, Ok(true)) => lines.push(format!(
            "warning: the site still shows the {title} seat of {account} as it was: your word takes \
             nothing away. The next plan judges the seat like any other, and releases it again"
        )),
        (Action::Allocate, Statement::Kept, Ok(true)) => lines.push(format!(
            "warning: the site shows no {title} seat that {account} was given: your word gives none. \
             `bursar release undo` tries it again"
        )),
        (_, _, Err(why)) => lines.push(format!("what the site shows of it can't be read: {why}")),
        _ => {}
    }
    if (intent.action, says) == (Action::Release, Statement::Kept) {
        lines.push(format!(
            "the next plan judges the seat like any other, and releases it again if it is due; who \
             is to keep it stands in neverRelease, such as user: [{{userDir: {}, userId: {}}}]",
            holder.directory, holder.user_id
        ));
    }
    lines
}

/// Why nothing more is known of an open attempt.
fn why_open(open: &Unsettled) -> String {
    let why = open.why.as_deref().unwrap_or("the run ended before it could tell");
    let but = all_the_same(open.intent.action);
    if open.there.is_some() && !why.ends_with(but) { format!("{why}{but}") } else { why.to_owned() }
}

fn as_json(open: &Unsettled) -> Open {
    Open {
        record: open.seq,
        run: open.run.clone(),
        since: open.time,
        action: open.intent.action,
        seat_type: open.intent.seat_type.as_str(),
        seat: open.intent.seat.to_string(),
        user: open.intent.holder.account(),
        why: why_open(open),
    }
}

fn list(open: &[Unsettled], engine: &Engine) -> String {
    let (paint, zone) = (Paint::for_stdout(), engine.site.time_zone());
    let now = engine.clock.now();
    let mut rows =
        vec![["RECORD", "SINCE", "AGE", "WHAT", "USER", "WHY"].map(String::from).to_vec()];
    rows.extend(open.iter().map(|open| {
        let what = match open.intent.action {
            Action::Release => "release",
            Action::Allocate => "allocate again",
        };
        vec![
            open.seq.to_string(),
            words::local(open.time, zone),
            paint.warn(&words::ago(open.time, now)),
            format!("{what}, {}", open.intent.seat_type.title()),
            one_line(&open.intent.holder.account()),
            one_line(&why_open(open)),
        ]
    }));
    text::columns(&rows)
}
