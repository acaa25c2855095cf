//! `bursar release apply`: releases by hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::limit::{Reading, RunLimit};
use super::super::text::Paint;
use super::working::Seats;
use super::{Called, Exit, Target, confirmed, plan, refused, wait, with_engine_of};
use crate::config::Unheard;
use crate::input::{self, Seen};
use crate::ledger::{Mode, RunStatus, SeatResult, Trigger, TypeCounts};
use crate::plain::one_line;
use crate::policy::{Guard, Refusal};
use crate::qrs::Patience;
use crate::release::plan::{Outcome, Plan, TypePlan};
use crate::release::run::{Engine, Order, Report};

/// Release seats by a plan: one from a file that a person has read, or one made now
///
/// Every seat is read again just before it is released, and kept if anything changed. Nothing is
/// released while the settings have `enable: false` or `dryRun: true`, unless --real is given.
/// After a run whose process died, its lock is waited for, at most a minute; a plan that is made now
/// is made after it is known what became of the seats of that run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar release apply -c bursar.yaml                 plan now, show it, ask, release\n  bursar release apply -c bursar.yaml plan.json       a plan that was saved and reviewed\n  bursar release apply -c bursar.yaml plan.json --accept percent --yes\n\nExit codes: 0 all done, or nothing is due; 1 failed; 2 nothing was done: the plan can't be used, or the question was not answered with the host; 3 not everything was released, such as what a guard stopped"
)]
pub(crate) struct Apply {
    #[command(flatten)]
    target: Target,
    /// A plan that `release plan -o` wrote, `-` for standard input; absent: plan now
    #[arg(id = "plan", value_name = "PLAN")]
    file: Option<PathBuf>,
    /// Name every seat, however many there are
    #[arg(long)]
    all: bool,
    /// Don't ask for the site's host
    #[arg(long)]
    yes: bool,
    /// Release although the settings have `enable: false` or `dryRun: true`
    #[arg(long)]
    real: bool,
    /// Go on although this guard speaks against it, after review (may be repeated)
    #[arg(long, value_name = "GUARD", value_parser = guard)]
    accept: Vec<Guard>,
    #[command(flatten)]
    limit: RunLimit,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Until when seats that earlier runs left open are asked for again and again.
const SETTLING: Duration = Duration::from_secs(30);

/// How long what fails of reading the site is tried again.
const RETRYING: Duration = Duration::from_secs(60);

fn guard(text: &str) -> Result<Guard, String> {
    let found = Guard::ALL.iter().copied().find(|guard| guard.as_str() == text);
    match found {
        Some(guard) => match guard.not_acceptable() {
            None => Ok(guard),
            Some(why) => Err(format!("{guard} can't be accepted: {why}")),
        },
        None => {
            let names: Vec<_> = Guard::ALL
                .iter()
                .filter(|guard| guard.can_be_accepted())
                .map(|guard| guard.as_str())
                .collect();
            Err(format!("expected one of {}", names.join(", ")))
        }
    }
}

impl Apply {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, site) = match self.target.load() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let seen = settings.seen.clone().unwrap_or_default();
        let unheard = settings.unheard_by_hand(&site.name);
        with_engine_of(
            &settings,
            &site,
            |engine| async move { self.run(engine, seen, unheard).await },
        )
    }

    async fn run(
        self,
        engine: Engine,
        seen: Seen,
        unheard: Option<Unheard>,
    ) -> anyhow::Result<Exit> {
        let began = Instant::now();
        let release = &engine.site.release;
        let real = self.real || (release.enable && !release.dry_run);
        let unheard = unheard.filter(|_| real);
        // A plan made now has to know what became of the seats of earlier runs.
        let ready = if self.file.is_none() && real {
            wait::and_settle(&engine, Patience::retrying_for(SETTLING)).await
        } else {
            wait::for_lock(&engine).await
        };
        if let Err(error) = ready {
            return refused(error);
        }
        let plan = match &self.file {
            Some(file) => read(file)?,
            None => {
                let reading = Reading::of(&engine.client);
                let planned = engine.plan(None, Patience::retrying_for(RETRYING));
                let planned = self.limit.reading().hold(planned).await?;
                drop(reading);
                match planned {
                    Ok(plan) => plan,
                    Err(error) => return refused(error),
                }
            }
        };
        let spent = began.elapsed();
        let text = plan::render(&plan, self.all, Paint::for_stderr());
        // Nobody may be there to read it.
        errln!("{text}");
        let (accepted, standing): (Vec<Guard>, Vec<Guard>) = plan
            .refusals
            .iter()
            .map(|refusal| refusal.guard)
            .partition(|g| self.accept.contains(g));
        for (guards, words) in [
            (accepted, "Accepted by you, and stops nothing"),
            (standing, "Not accepted, and stops it"),
        ] {
            let mut names: Vec<&str> = guards.iter().map(|guard| guard.as_str()).collect();
            names.dedup();
            if !names.is_empty() {
                errln!("{words}: {}", names.join(", "));
            }
        }
        // A guard that stops a type keeps all its seats; one that was accepted stops nothing.
        let stopped = |part: &TypePlan| {
            let of = |refusal: &&Refusal| refusal.seat_type.is_none_or(|of| of == part.seat_type);
            plan.refusals.iter().filter(of).any(|refusal| !self.accept.contains(&refusal.guard))
        };
        let goes = plan.types.iter().filter(|part| !stopped(part));
        let count: usize = goes.map(|part| part.count(Outcome::Release)).sum();
        if count == 0 {
            let is_unread = plan.refusals.iter().any(|refusal| refusal.guard == Guard::Incomplete);
            let due: usize = plan.types.iter().map(|part| part.count(Outcome::Release)).sum();
            errln!(
                "{}",
                match (is_unread, due) {
                    (true, _) => "nothing can be released: the site could not be read in full",
                    (false, 0) => "there is nothing to release",
                    (false, _) => "nothing goes: what is not accepted stops all of it",
                }
            );
        }
        if let Some(unheard) = unheard.as_ref().filter(|_| count > 0) {
            errln!("{}; {}", Paint::for_stderr().warn(&unheard.what()), unheard.fix);
        }
        if real && count > 0 {
            let question = format!("This takes {count} seat(s), on {}.", engine.client.address());
            let name = Called::of(&engine.site);
            if !confirmed(&question, &name, self.yes)? {
                return Ok(Exit::Unusable);
            }
        }
        let (stop, progress) = (self.limit.stop(spent), Seats::of(&engine.client));
        stop.when_changed(seen);
        let order = Order {
            mode: if real { Mode::Real } else { Mode::Rehearsal },
            trigger: Trigger::this_command(),
            stop: stop.token(),
            patience: Patience::retrying_for(RETRYING),
            progress: progress.progress(),
        };
        let result = engine.apply(plan, &self.accept, &order).await;
        drop(progress);
        let report = match result {
            Ok(report) => report,
            Err(error) => return refused(error),
        };
        if self.json {
            let mut json = as_json(&report);
            if let Some(unheard) = &unheard {
                json["unheard"] = serde_json::to_value(unheard)?;
            }
            crate::terminal::print_json(&json)?;
        } else {
            out!("{}", render(&report, Paint::for_stdout()));
        }
        stop.explain(&report);
        if !real && count > 0 {
            errln!(
                "nothing was released: the settings have enable: {} and dryRun: {}; to release by \
                 hand all the same: --real",
                release.enable,
                release.dry_run
            );
        }
        Ok(exit(&report))
    }
}

/// The exit code of a run.
pub(super) fn exit(report: &Report) -> Exit {
    let left =
        |counts: &TypeCounts| counts.changed + counts.refused + counts.gone + counts.unclear > 0;
    match report.status {
        // What was planned and not done is told by the code, however good the reason.
        RunStatus::Done if report.counts.iter().any(left) => Exit::NotInOrder,
        RunStatus::Done => Exit::Ok,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Refused | RunStatus::Partly | RunStatus::Broken | RunStatus::Stopped => {
            Exit::NotInOrder
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Plan> {
    let name = file.display();
    let json = if file == Path::new("-") {
        input::read_stream(std::io::stdin().lock(), input::PLAN)
    } else {
        input::read(file, input::PLAN)
    };
    let json = json.with_context(|| format!("cannot read the plan {name}"))?;
    serde_json::from_slice(&json).with_context(|| {
        format!("{name} is no plan that this release can read; write one: bursar release plan -o")
    })
}

/// What a run did, for people.
pub(super) fn render(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    for counts in &report.counts {
        out.push_str(&format!("{}\n", counts.summary(report.mode)));
    }
    for (intent, result) in &report.seats {
        let account = one_line(&intent.holder.account());
        let text = match result {
            SeatResult::Freed | SeatResult::Allocated => continue,
            SeatResult::Quarantined { until } => {
                let until = until.at().map_or_else(
                    || "an unknown time".to_owned(),
                    crate::cli::time::told,
                );
                format!("{account}: in quarantine until {until}")
            }
            SeatResult::Refused { why } => paint.bad(&format!("{account}: {}", one_line(why))),
            SeatResult::Gone | SeatResult::Stated { .. } => {
                format!("{account}: the seat was gone already")
            }
            SeatResult::Unclear { why } => paint.bad(&format!(
                "{account}: open, it is not known what became of the seat ({}); runs and polls go on asking, \
                 bursar release settle closes it by your word",
                one_line(why)
            )),
        };
        out.push_str(&format!("  {text}\n"));
    }
    for seat in &report.skipped {
        let account = one_line(&seat.holder.account());
        let left = if seat.taken_by.is_none() { "left as it was: " } else { "" };
        out.push_str(&format!("  {account}: {left}{}\n", one_line(&seat.why)));
    }
    for refusal in &report.refusals {
        out.push_str(&format!("{}\n", refused_line(refusal, paint)));
    }
    // Of a refused run it says the same as the refusals.
    if let Some(why) = report.why.as_ref().filter(|_| report.status != RunStatus::Refused) {
        out.push_str(&format!("{}\n", paint.warn(why)));
    }
    out.push_str(&format!(
        "run {} {}, ledger {}:{}\n",
        report.run,
        report.status.as_str(),
        report.head.seq,
        report.head.hash
    ));
    out
}

fn refused_line(refusal: &Refusal, paint: Paint) -> String {
    let says = one_line(&refusal.to_string());
    format!("{} {says}", paint.bad(&format!("stopped by {}:", refusal.guard)))
}

pub(super) fn as_json(report: &Report) -> serde_json::Value {
    let seats: Vec<_> = report
        .seats
        .iter()
        .map(|(intent, result)| serde_json::json!({ "seat": intent, "outcome": result }))
        .collect();
    serde_json::json!({
        "run": report.run,
        "mode": report.mode,
        "status": report.status,
        "counts": report.counts,
        "refusals": report.refusals,
        "seats": seats,
        "skipped": report.skipped,
        "why": report.why,
        "ledger": report.head,
    })
}
