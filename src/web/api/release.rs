//! Releases: the next run, the last plan, the runs, the ledger.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::view::Time;
use crate::event::Monitor;
use crate::ledger::TypeAccount;
use crate::license::SeatType;
use crate::plain::one_line;
use crate::store::{KnownRun, RunState};
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;
use crate::web::plan::LastPlan;
use crate::web::releases::carried_out;

/// So many runs are told.
const RUNS: usize = 20;

/// Releases of a site.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Releases {
    enabled: bool,
    rehearsal: bool,
    next: Option<Time>,
    /// What keeps the next run from taking seats: a pause, a freeze.
    held: Option<String>,
    /// Seats of which it is not known what became of them.
    unsettled: usize,
    /// The last plan that was stored; null while there is none.
    plan: Option<Plan>,
    /// Newest first.
    runs: Vec<Run>,
    /// The last record of the ledger: a copy outside proves whether it was rewritten.
    ledger: Option<Head>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Plan {
    run: String,
    time: Time,
    headline: String,
    /// The run that has carried it out.
    carried_out_by: Option<String>,
    types: Vec<PlanType>,
    /// What stops it.
    refusals: Vec<Refusal>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlanType {
    seat_type: SeatType,
    seats: usize,
    free: Option<u32>,
    due: usize,
    /// Whether a guard stops it.
    stopped: bool,
    problem: Option<String>,
    /// Seats by `release`, `announce`, or the first reason to keep them.
    decisions: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Refusal {
    of: String,
    saw: String,
    fix: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Run {
    run: String,
    /// `real`, `rehearsal`, `undo`.
    mode: String,
    /// How it ended, `under way` or `cut short`.
    state: String,
    started: Time,
    ended: Option<Time>,
    why: Option<String>,
    types: Vec<RunType>,
}

/// What became of the seats of a type, by the ledger until now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RunType {
    seat_type: SeatType,
    seats: u64,
    planned: u64,
    released: u64,
    /// Of those released, given back by an undo since.
    given_back: u64,
    quarantined: u64,
    announced: u64,
    kept: u64,
    changed: u64,
    refused: u64,
    gone: u64,
    taken_before: u64,
    unclear: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Head {
    seq: u64,
    hash: String,
}

pub(super) async fn releases(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Releases, Failure> {
    let settings = served.site(name)?;
    Asked::of(query)?.only(&[])?;
    let status = served.status().await?;
    let site = status.sites.iter().find(|of| of.name == name);
    let monitor = site.and_then(|of| of.monitors.iter().find(|m| m.monitor == Monitor::Release));
    let store = &served.source.store;
    let plan = served.known.plan(&served.source, name).await?;
    let carried_out = match plan.as_deref() {
        Some(plan) => carried_out(store, name, plan).await?,
        None => None,
    };
    let runs = store.runs(name, RUNS).await?;
    Ok(Releases {
        enabled: settings.release.enable,
        rehearsal: settings.release.dry_run,
        next: monitor.and_then(|of| of.next).map(Time::from),
        held: monitor.and_then(|of| of.held.as_deref()).map(one_line),
        unsettled: site.map_or(0, |site| site.unsettled.seats),
        plan: plan.as_deref().map(|plan| of_plan(plan, carried_out.map(|run| run.run))),
        runs: runs.iter().map(of_run).collect(),
        ledger: store.head().await?.map(|head| Head { seq: head.seq, hash: head.hash }),
    })
}

fn of_plan(plan: &LastPlan, carried_out_by: Option<String>) -> Plan {
    let types = plan.types.iter().map(|of| PlanType {
        seat_type: of.seat_type,
        seats: of.seats,
        free: of.free,
        due: of.due,
        stopped: of.stopped,
        problem: of.problem.as_deref().map(one_line),
        decisions: of.groups.iter().map(|(word, seats)| ((*word).to_owned(), *seats)).collect(),
    });
    let refusals = plan.refusals.iter().map(|of| Refusal {
        of: of.of.clone(),
        saw: of.saw.clone(),
        fix: of.fix.clone(),
    });
    Plan {
        run: plan.run.clone(),
        time: plan.time.into(),
        headline: one_line(&plan.headline),
        carried_out_by,
        types: types.collect(),
        refusals: refusals.collect(),
    }
}

fn of_run(run: &KnownRun) -> Run {
    Run {
        run: run.run.clone(),
        mode: run.mode.as_str().to_owned(),
        state: match run.state {
            RunState::Ended(status) => status.as_str().to_owned(),
            other => other.text().to_owned(),
        },
        started: run.started.into(),
        ended: run.ended.map(Time::from),
        why: run.account.why.as_deref().map(one_line),
        types: run.account.counts.iter().map(RunType::from).collect(),
    }
}

impl From<&TypeAccount> for RunType {
    fn from(account: &TypeAccount) -> Self {
        let of = &account.counts;
        Self {
            seat_type: of.seat_type,
            seats: of.seats,
            planned: of.planned,
            released: of.released,
            given_back: account.given_back,
            quarantined: of.quarantined,
            announced: of.announced,
            kept: of.kept,
            changed: of.changed,
            refused: of.refused,
            gone: of.gone,
            taken_before: of.taken_before,
            unclear: of.unclear,
        }
    }
}
