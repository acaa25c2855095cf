//! `bursar release plan`: what a run would do now.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::super::command::{of_site, quoted};
use super::super::limit::{Reading, TimeLimit};
use super::super::sites::Answers;
use super::super::text::{self, Paint};
use super::{Exit, Target, explain, refused};
use crate::cli::time;
use crate::license::{Moment, SeatType};
use crate::output::{Existing, Output};
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::next::Next;
use crate::release::plan::{Decision, Keep, Outcome, Plan as Planned, TypePlan};
use crate::release::run::Engine;
use crate::terminal::Json;
use crate::words;

/// Read the site and show what a run would do now, with the reasons; nothing is changed
///
/// Reads every seat and the users of those that are due. Works before releasing is switched on:
/// with --type, for a type that isn't enabled, too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release plan -c bursar.yaml\n  bursar release plan -c bursar.yaml --type analyzer --all\n  bursar release plan -c bursar.yaml -o plan.json\n  bursar release plan -c bursar.yaml --explain 'CORP\\anna'\n\nExit code 3 when a guard would stop the run."
)]
pub(crate) struct Plan {
    #[command(flatten)]
    target: Target,
    /// Only this type: professional, analyzer, user
    #[arg(long = "type", value_name = "TYPE", value_parser = seat_type)]
    only: Option<SeatType>,
    /// List every seat, not only those to be released or announced
    #[arg(long)]
    all: bool,
    /// Print the whole plan of each site as JSON
    #[arg(long)]
    json: bool,
    /// Write the whole plan as JSON to a file, for review and `release apply`; it is replaced. `-`
    /// is standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    limit: TimeLimit,
    /// Tell why this user's seats are kept or released, rule by rule: 'CORP\anna'
    #[arg(long, value_name = "USER", conflicts_with_all = ["json", "output", "all"])]
    explain: Option<String>,
}

/// Seats listed before "and so many more".
const LISTED: usize = 40;

pub(super) fn seat_type(text: &str) -> Result<SeatType, String> {
    SeatType::ALL
        .into_iter()
        .find(|t| t.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| "expected professional, analyzer or user".to_owned())
}

impl Plan {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let plans = Mutex::new(Vec::new());
        let work = |engine| self.of_site(engine, &plans);
        // A file holds the plan of one site.
        let exit = match self.output {
            Some(_) => self.target.with_engine(work)?,
            None => self.target.with_engines(work)?,
        };
        let plans = plans.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !plans.is_empty() {
            print_json(&Answers::of(plans))?;
        }
        Ok(exit)
    }

    /// Prints the plan of a site, or takes it to those of the others for the JSON.
    async fn of_site(&self, engine: Engine, plans: &Mutex<Vec<Planned>>) -> anyhow::Result<Exit> {
        // Everything is asked once: somebody waits for the answer.
        let patience = Patience::ONCE;
        let reading = Reading::of(&engine.client);
        if let Some(account) = &self.explain {
            let explained = explain::explain(&engine, account, self.only, patience);
            let (text, exit) = self.limit.hold(explained).await??;
            drop(reading);
            out!("{text}");
            return Ok(exit);
        }
        let planned = self.limit.hold(engine.plan(self.only, patience)).await?;
        drop(reading);
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return refused(error),
        };
        let mut written = false;
        if let Some(file) = &self.output {
            let cannot = || format!("cannot write {}", file.display());
            let mut out = Output::open(file, Existing::Replace).with_context(cannot)?;
            written = out.is_standard();
            // As the error it is: a closed pipe is no fault.
            serde_json::to_writer_pretty(&mut out, &plan)
                .map_err(std::io::Error::from)
                .with_context(cannot)?;
            out.finish().with_context(cannot)?;
        }
        if written {
            // The plan is on standard output, and nothing else may be.
        } else if self.json {
            let exit = exit(&plan);
            plans.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
            return Ok(exit);
        } else {
            out!("{}", render(&plan, self.all, Paint::for_stdout()));
            outln!("{}", next_run(&engine).await?);
            if let Some(file) = &self.output {
                outln!("\nWritten to {}.", file.display());
            }
            if let Some(step) = self.next_step(&engine, &plan) {
                outln!("\n{step}");
            }
        }
        Ok(exit(&plan))
    }
}

/// Whether a run would take place.
fn exit(plan: &Planned) -> Exit {
    let stopped = !plan.refusals.is_empty() || plan.types.iter().any(|part| part.problem.is_some());
    if stopped { Exit::NotInOrder } else { Exit::Ok }
}

impl Plan {
    /// What a person may do about the plan now.
    fn next_step(&self, engine: &Engine, plan: &Planned) -> Option<String> {
        let of = |part: &&TypePlan| part.count(Outcome::Release) > 0;
        if !plan.types.iter().any(|part| of(&part)) {
            return None;
        }
        if plan.types.iter().filter(of).all(|part| plan.stops(part)) {
            return Some(
                "Nothing was changed. As long as a guard stops it, a run takes none of these."
                    .into(),
            );
        }
        let release = &engine.site.release;
        let enabled = |part: &TypePlan| release.policy.rule(part.seat_type).is_some();
        if !plan.types.iter().filter(of).all(enabled) {
            let setting = "Butler.qlikSenseLicense.licenseRelease.licenseType";
            return Some(format!(
                "Nothing was changed. To release these, enable the type: {setting}"
            ));
        }
        let mut command = String::from("bursar release apply");
        command.push_str(&self.target.as_typed());
        if let Some(file) = &self.output {
            let _ = write!(command, " {}", quoted(&file.display().to_string()));
        }
        let mut although = "";
        if !release.enable || release.dry_run {
            command.push_str(" --real");
            although = if release.enable {
                " although dryRun is true"
            } else {
                " although enable is false"
            };
        }
        if self.only.is_some() && self.output.is_none() {
            // Without a plan from a file, apply goes for all types.
            command = format!(
                "write the plan to a file (-o plan.json) and apply that: {command} plan.json"
            );
        }
        Some(format!("Nothing was changed. To release these by hand now{although}: {command}"))
    }
}

/// Straight to standard output: the text of a large plan is larger than all that it was made of.
fn print_json(plans: &Answers<Planned>) -> anyhow::Result<()> {
    let mut out = Json::new(Output::open(Path::new("-"), Existing::Keep)?);
    if let Err(error) = serde_json::to_writer_pretty(&mut out, plans) {
        // As the error it is: a closed pipe is no fault.
        return Err(std::io::Error::from(error).into());
    }
    out.write_all(b"\n")?;
    Ok(out.finish()?.finish()?)
}

/// When the schedule next starts a run, and what will keep it from releasing.
async fn next_run(engine: &Engine) -> anyhow::Result<String> {
    let (site, zone) = (&engine.site, engine.site.time_zone());
    if !site.release.enable {
        return Ok("\nNo run is scheduled: licenseRelease.enable is false.".to_owned());
    }
    let pause = engine.store.pause(&site.name).await?;
    let next = Next::of(&site.release, zone, pause.as_ref(), engine.clock.now());
    let kind = if site.release.dry_run { "rehearsal (dryRun: true)" } else { "REAL run" };
    Ok(format!("\nThe next {kind}: {}", one_line(&next.text(zone))))
}

/// The plan as text: totals first, then seats, then what speaks against it.
pub(crate) fn render(plan: &Planned, all: bool, paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}",
        paint.strong(&format!("Site {}, plan of {}", plan.site, time::told(plan.now)))
    );
    let _ = writeln!(out, "A run now {}.\n", plan.headline());
    out.push_str(&totals(plan, paint));
    for part in &plan.types {
        if let Some([that, how]) = part.enough_free() {
            let _ = writeln!(out, "\n{}: {that};\n{how}", part.seat_type.title());
        }
        seats(&mut out, part, plan, all, paint);
    }
    if !plan.withdrawn.is_empty() {
        let _ = writeln!(out, "\nAnnouncements that no longer hold");
        for withdrawal in &plan.withdrawn {
            let account = one_line(&withdrawal.announcement.holder.account());
            let _ = writeln!(out, "  {account}: {}", withdrawal.why);
        }
    }
    if !plan.refusals.is_empty() {
        let _ = writeln!(out, "\n{}", paint.bad("Guards that stop a run"));
        for refusal in &plan.refusals {
            let of = refusal.seat_type.map_or_else(String::new, |t| format!(" ({})", t.title()));
            let _ = writeln!(out, "  {}{of}: {}", refusal.guard, one_line(&refusal.saw));
            let fix = one_line(&refusal.fix);
            let fix = format!("-> {}", of_site(&fix, &plan.site));
            let _ = writeln!(out, "    {}", paint.faint(&fix));
        }
    }
    for accepted in &plan.accepted {
        let _ = writeln!(out, "\nAccepted: {}", one_line(&accepted.text()));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\nNote: {}", one_line(note));
    }
    out
}

fn totals(plan: &Planned, paint: Paint) -> String {
    let mut rows = Vec::new();
    for part in &plan.types {
        let title = paint.strong(part.seat_type.title());
        if let Some(problem) = &part.problem {
            rows.push(vec![title, String::new(), paint.bad(problem)]);
            continue;
        }
        let free = part.free.map_or_else(String::new, |free| format!(", {free} free"));
        rows.push(vec![title, part.decisions.len().to_string(), format!("seats{free}")]);
        rows.push(vec!["  due".to_owned(), part.due().to_string(), window(part)]);
        for (outcome, name) in [
            (Outcome::Release, "release"),
            (Outcome::Announce, "announce"),
            (Outcome::Keep, "keep"),
        ] {
            let count = part.count(outcome);
            if count > 0 || outcome == Outcome::Release {
                let stopped = outcome != Outcome::Keep && count > 0 && plan.stops(part);
                let but = if stopped { "but a guard stops it" } else { "" };
                rows.push(vec![format!("  {name}"), count.to_string(), but.to_owned()]);
            }
        }
        let mut reasons: Vec<_> = part.kept_by_reason().into_iter().collect();
        reasons.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        for (code, count) in reasons {
            let meaning = paint.faint(Keep::meaning(code));
            rows.push(vec![paint.faint(&format!("    {code}")), count.to_string(), meaning]);
        }
    }
    text::columns(&rows)
}

/// What went within the window, and what may still go.
fn window(part: &TypePlan) -> String {
    match (part.taken, part.left) {
        (0, None) => String::new(),
        (taken, None) => format!("{taken} went within the last 22 hours"),
        (taken, Some(left)) => {
            format!("{taken} went within the last 22 hours, {left} more may go (maxReleases)")
        }
    }
}

fn seats(out: &mut String, part: &TypePlan, plan: &Planned, all: bool, paint: Paint) {
    let wanted: Vec<_> =
        part.decisions.iter().filter(|decision| all || decision.outcome != Outcome::Keep).collect();
    if wanted.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.strong(&format!("{} seats", part.seat_type.title())));
    let shown = if all { wanted.len() } else { LISTED };
    let rows: Vec<_> = wanted.iter().take(shown).map(|d| row(d, plan, paint)).collect();
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
    if wanted.len() > shown {
        let _ = writeln!(out, "  and {} more (--all)", wanted.len() - shown);
    }
}

fn row(decision: &Decision, plan: &Planned, paint: Paint) -> Vec<String> {
    let (outcome, why) = match decision.outcome {
        Outcome::Release => (paint.warn("release"), idle(decision, plan)),
        Outcome::Announce => ("announce".to_owned(), idle(decision, plan)),
        Outcome::Keep => {
            let reasons: Vec<_> = decision.keep.iter().map(|keep| one_line(&keep.text())).collect();
            (paint.faint("keep"), reasons.join("; "))
        }
    };
    vec![outcome, account(decision), why]
}

/// Whose seat it is.
pub(super) fn account(decision: &Decision) -> String {
    match &decision.holder {
        Some(holder) if holder.name.is_empty() => one_line(&holder.account()),
        Some(holder) => one_line(&format!("{} ({})", holder.account(), holder.name)),
        None => "nobody".to_owned(),
    }
}

/// For how long a seat has been idle, and since when.
pub(super) fn idle(decision: &Decision, plan: &Planned) -> String {
    let Some(since) = decision.idle_since else { return "idle since an unknown time".to_owned() };
    let days = (plan.now - since).num_days();
    let what = match decision.last_used {
        Moment::At(used) if used == since => "last used",
        Moment::Never => "never used, allocated",
        _ => "allocated",
    };
    let gone = if decision.removed_externally { ", removed from the directory" } else { "" };
    format!("idle for {}, {what} {}{gone}", words::days(days), since.format("%Y-%m-%d"))
}
