//! `bursar release undo`: seats back to the people who had them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::super::limit::{Reading, RunLimit};
use super::super::text::Paint;
use super::apply::{as_json, exit, render};
use super::working::Seats;
use super::{Called, Exit, Target, confirmed, refused, wait, with_engine_of};
use crate::config::Needs;
use crate::ledger::{Mode, RunStatus, Trigger};
use crate::license::{Holder, Moment};
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::run::{Engine, Order, Report};
use crate::release::undo::{Others, Returning, Returns};

/// How long what fails of reading the site is tried again.
const RETRYING: Duration = Duration::from_secs(60);

/// Allocate seats again to the people who had them: all of a run, or the last ones of a user
///
/// Allocates the same type of seat to the same user again, as far as there are free ones, and
/// tells what could not be allocated again. Of a user, that is the last one taken of each type, and all
/// rows where there were several. The rows themselves don't come back: each seat gets a new id and
/// new dates, and custom fields of the old row are gone. People who got a seat of another type since
/// are listed, and asked about (with --yes they get both). Works while releasing is paused.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release undo -c bursar.yaml 0199c2f4-1a2b-7c3d    a run, as `release history` shows it\n  bursar release undo -c bursar.yaml 'CORP\\anna'           a user\n\nExit codes: 0 all is allocated again, now or before; 1 failed; 2 nothing was done: no such run or person, or the question was not answered with the host; 3 not everything was allocated again"
)]
pub(crate) struct Undo {
    #[command(flatten)]
    target: Target,
    /// Id of a run or its beginning, or a user: `CORP\anna`, or only `anna`
    #[arg(value_name = "RUN|USER")]
    what: String,
    /// Of a run, allocate again also seats that were found gone late and are only attributed to it
    #[arg(long)]
    also: bool,
    /// Don't ask: neither for the site's host nor about people who got a seat of another type since
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    limit: RunLimit,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Seats listed before "and so many more".
const LISTED: usize = 40;

impl Undo {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        // Who complains gets the seat back whatever else is misspelt in the settings.
        let (passed, site) = match self.target.pass(Needs::Site) {
            Ok(passed) => passed,
            Err(exit) => return Ok(exit),
        };
        with_engine_of(&passed.settings, &site, |engine| async move { self.run(engine).await })
    }

    async fn run(self, engine: Engine) -> anyhow::Result<Exit> {
        let began = Instant::now();
        if let Err(error) = wait::and_settle(&engine, Patience::retrying_for(RETRYING)).await {
            return refused(error);
        }
        let what = match engine.to_undo(&self.what, self.also).await {
            Ok(what) => what,
            Err(error) => return refused(error),
        };
        let reading = Reading::of(&engine.client);
        let returns = engine.returns(&what, Patience::retrying_for(RETRYING));
        let returns = self.limit.reading().hold(returns).await?;
        drop(reading);
        let returns = match returns {
            Ok(returns) => returns,
            Err(error) => return refused(error),
        };
        let spent = began.elapsed();
        err!("{}", preview(&returns));
        if returns.seats.iter().all(|seat| seat.not.is_some()) {
            return self.nothing(&returns);
        }
        let others = match self.ask(&engine, &returns)? {
            Some(others) => others,
            None => return Ok(Exit::Unusable),
        };
        let (stop, progress) = (self.limit.stop(spent), Seats::of(&engine.client));
        let order = Order {
            mode: Mode::Undo,
            trigger: Trigger::this_command(),
            stop: stop.token(),
            patience: Patience::retrying_for(RETRYING),
            progress: progress.progress(),
        };
        let result = engine.undo_with(&what, others, &order).await;
        drop(progress);
        match result {
            Ok(report) => {
                stop.explain(&report);
                if self.json {
                    crate::terminal::print_json(&as_json(&report))?;
                } else {
                    out!("{}", render(&report, Paint::for_stdout()));
                }
                Ok(ended(&report, &returns))
            }
            Err(error) => refused(error),
        }
    }

    /// Says that there is nothing to allocate again, without a question and without a run.
    fn nothing(&self, returns: &Returns) -> anyhow::Result<Exit> {
        if self.json {
            let why = |seat: &Returning| serde_json::json!({ "seat": seat.seat, "licenseType": seat.seat_type, "why": seat.not });
            let seats: Vec<_> = returns.seats.iter().map(why).collect();
            crate::terminal::print_json(&serde_json::json!({ "nothingToUndo": seats }))?;
        }
        errln!("bursar: there is nothing to undo: nothing was changed");
        Ok(Exit::Ok)
    }

    /// `None`: nothing is to be done.
    fn ask(&self, engine: &Engine, returns: &Returns) -> anyhow::Result<Option<Others>> {
        let question =
            format!("This allocates the seats above again, on {}.", engine.client.address());
        let name = Called::of(&engine.site);
        if !confirmed(&question, &name, self.yes)? {
            return Ok(None);
        }
        if self.yes {
            return Ok(Some(Others::GiveBoth));
        }
        if !returns.seats.iter().any(Returning::is_doubtful) {
            // Whoever gets another seat from now on was not asked about.
            return Ok(Some(Others::LeaveOut));
        }
        Ok(Some(if said_yes("Give them the seat above as well? Type yes, or leave them out: ")? {
            Others::GiveBoth
        } else {
            Others::LeaveOut
        }))
    }
}

/// The exit code: who had the seat back before is no reason to say that not all was allocated again.
fn ended(report: &Report, returns: &Returns) -> Exit {
    let back_before = returns.seats.iter().filter(|seat| seat.not.is_some()).count() as u64;
    let counts = &report.counts;
    let left: u64 = counts.iter().map(|of| of.changed).sum();
    let failed: u64 = counts.iter().map(|of| of.refused + of.gone + of.unclear).sum();
    match report.status {
        RunStatus::Done if failed == 0 && left <= back_before => Exit::Ok,
        _ => exit(report),
    }
}

/// What a person types on the terminal.
fn said_yes(question: &str) -> anyhow::Result<bool> {
    use std::io::BufRead;
    err!("{question}");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

impl Returning {
    /// It would be allocated again, and the person got a seat of another type since.
    fn is_doubtful(&self) -> bool {
        self.not.is_none() && !self.others.is_empty()
    }
}

/// What goes back, what can't, and who has another seat meanwhile.
fn preview(returns: &Returns) -> String {
    let mut out = String::new();
    let (back, not): (Vec<_>, Vec<_>) = returns.seats.iter().partition(|seat| seat.not.is_none());
    // Writing to a text can't fail.
    let _ =
        writeln!(out, "{} back, as far as there are free ones:", seats(back.len(), "goes", "go"));
    listed(&mut out, &back, |seat| {
        format!(
            "{}: {}, taken on {} by run {}; was allocated {}, last used {}",
            person(&seat.holder),
            seat.seat_type.title(),
            time(seat.taken),
            seat.run,
            moment(&seat.created),
            moment(&seat.last_used),
        )
    });
    if !not.is_empty() {
        let _ = writeln!(out, "{} as before:", seats(not.len(), "stays", "stay"));
        listed(&mut out, &not, |seat| {
            format!("{}: {}", person(&seat.holder), seat.not.as_deref().unwrap_or_default())
        });
    }
    if !back.is_empty() {
        out.push_str(
            "What does not come back: the rows themselves. Each seat gets a new id, counts as \
             allocated today and never used, and custom fields that somebody added to the old row \
             are gone.\n",
        );
    }
    let quarantined = back.iter().filter(|seat| seat.quarantine.is_some()).count();
    if quarantined > 0 {
        let _ = writeln!(
            out,
            "{quarantined} of them went to quarantine: until it ends, the site may give the same \
             row back; after that it takes a free seat."
        );
    }
    let rows = |seat: &&&Returning| {
        let same = |other: &&&Returning| {
            (other.seat_type, other.holder.id) == (seat.seat_type, seat.holder.id)
        };
        back.iter().filter(same).count() > 1
    };
    let several = back.iter().filter(rows).count();
    if several > 0 {
        let _ = writeln!(
            out,
            "{several} of them are of people who lost several of one type: the site may refuse to \
             allocate more than one again."
        );
    }
    let doubtful: Vec<_> = back.into_iter().filter(|seat| seat.is_doubtful()).collect();
    if !doubtful.is_empty() {
        let _ = writeln!(
            out,
            "{} of them are of people who got a seat of another type since, which they keep:",
            doubtful.len()
        );
        listed(&mut out, &doubtful, |seat| {
            let others: Vec<_> = seat
                .others
                .iter()
                .map(|other| {
                    format!("{} since {}", other.seat_type.title(), moment(&other.created))
                })
                .collect();
            format!("{}: {}", person(&seat.holder), others.join(", "))
        });
    }
    if let Some(why) = &returns.unread {
        let _ =
            writeln!(out, "Who got a seat of another type since can't be told: {}", one_line(why));
    }
    out
}

/// `1 seat goes`, `2 seats go`.
fn seats(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 seat {one}") } else { format!("{count} seats {many}") }
}

fn listed(out: &mut String, seats: &[&Returning], line: impl Fn(&Returning) -> String) {
    for seat in seats.iter().take(LISTED) {
        let _ = writeln!(out, "  {}", line(seat));
    }
    if seats.len() > LISTED {
        let _ = writeln!(out, "  and {} more", seats.len() - LISTED);
    }
}

fn person(holder: &Holder) -> String {
    if holder.name.is_empty() {
        one_line(&holder.account())
    } else {
        one_line(&format!("{} ({})", holder.account(), holder.name))
    }
}

fn moment(moment: &Moment) -> String {
    match moment {
        Moment::Never => "never".to_owned(),
        Moment::At(at) => at.format("%Y-%m-%d").to_string(),
        Moment::Unreadable(text) => one_line(text),
    }
}

fn time(time: DateTime<Utc>) -> String {
    crate::cli::time::told(time)
}
