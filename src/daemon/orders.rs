//! What people ordered on the pages, carried out by the release engine of the site.
//!
//! An order is taken up on the disk before anything is done, and never twice: one that was cut short by the end of
//! the process is told as such, with the run that it had begun.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::release::{left, log};
use super::reload::Looks;
use crate::ledger::{Entry, Mode, Trigger};
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::plan::Plan;
use crate::release::run::{Engine, Order, Progress, Report, RunError, Undo};
use crate::store::{Ordered, PageOrder, StoreError};

/// How often it is looked for orders that nobody woke for.
const LOOK: Duration = Duration::from_secs(30);

/// What waited for longer is not done any more: who ordered it has gone, and things have changed.
const OLDEST: TimeDelta = TimeDelta::hours(1);

/// How long an order waits for another run, and what fails of reading the site is tried again.
const RETRYING: Duration = Duration::from_secs(600);

/// Runs that are looked through for that of an order that was cut short.
const RUNS: usize = 1000;

/// Carries out the orders of a site until `stop`.
pub(super) async fn run(engine: Engine, looks: Looks, stop: CancellationToken) {
    if let Err(error) = end_cut(&engine).await {
        tracing::error!(site = engine.site.name, %error, "orders that were cut short can't be told");
    }
    let mut changes = engine.store.changes();
    while !stop.is_cancelled() {
        changes.borrow_and_update();
        match engine.store.take_order(&engine.site.name).await {
            Ok(Some(order)) => {
                carry_out(&engine, &order, &looks, &stop).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(site = engine.site.name, %error, "orders can't be looked for");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Says of orders that an earlier process had in hand what became of them.
async fn end_cut(engine: &Engine) -> Result<(), StoreError> {
    let site = &engine.site.name;
    let cut = engine.store.cut_orders(site).await?;
    if cut.is_empty() {
        return Ok(());
    }
    let starts = engine.store.run_starts(Some(site), RUNS).await?;
    for order in cut {
        let is_its = |entry: &Entry| {
            let Entry::RunStarted { trigger: Trigger::Page { order: of, .. }, .. } = entry else {
                return false;
            };
            *of == order.id
        };
        let run = starts.iter().find(|record| is_its(&record.entry)).and_then(|of| of.run.clone());
        let outcome = match &run {
            Some(_) => {
                "cut short by the end of the daemon: the run says what was done, and it is not done again"
            }
            None => {
                "cut short by the end of the daemon before anything was done; order it again if it is still wanted"
            }
        };
        tracing::warn!(site, order = order.id, "order {}: {outcome}", order.id);
        engine.store.end_order(order.id, run, outcome.to_owned()).await?;
    }
    Ok(())
}

async fn carry_out(engine: &Engine, order: &PageOrder, looks: &Looks, stop: &CancellationToken) {
    let site = &engine.site.name;
    tracing::info!(site, order = order.id, "order {} of the page is taken up", order.id);
    let (run, outcome) = match work(engine, order, looks, stop).await {
        Ok(report) => {
            log(site, &report);
            (Some(report.run.clone()), told(&report))
        }
        Err(why) => {
            tracing::warn!(site, order = order.id, "order {} was not carried out: {why}", order.id);
            (None, format!("not carried out: {why}"))
        }
    };
    if let Err(error) = engine.store.end_order(order.id, run, outcome).await {
        tracing::error!(site, order = order.id, %error, "what came of an order can't be stored");
    }
}

async fn work(
    engine: &Engine,
    order: &PageOrder,
    looks: &Looks,
    stop: &CancellationToken,
) -> Result<Report, String> {
    is_young(engine, order)?;
    if order.what == Ordered::Apply && !looks.settled(&engine.site.name, stop).await {
        return Err("other settings came into force, or the daemon stopped; order it again".into());
    }
    // However long that took.
    is_young(engine, order)?;
    let release = &engine.site.release;
    let plan = match order.what {
        Ordered::Undo => None,
        Ordered::Apply if !release.enable || release.dry_run => {
            return Err("the settings have releases switched off, or rehearse".to_owned());
        }
        Ordered::Apply => Some(plan(engine, order).await?),
    };
    let patience = Patience::retrying_for(RETRYING);
    let by_hand = Order {
        mode: if plan.is_some() { Mode::Real } else { Mode::Undo },
        trigger: Trigger::Page {
            user: order.by.clone(),
            peer: order.peer.clone(),
            order: order.id,
        },
        stop: stop.clone(),
        patience,
        progress: Progress::default(),
    };
    loop {
        let done = match &plan {
            Some(plan) => engine.apply(plan.clone(), &[], &by_hand).await,
            None => engine.undo(&Undo::run(&order.run), &by_hand).await,
        };
        match done {
            Err(RunError::Busy(holder)) if patience.may_retry() => {
                let again = left(&holder, engine.clock) + TimeDelta::seconds(1);
                if !engine.clock.pass(again, stop).await {
                    return Err("the daemon stopped before it could begin".to_owned());
                }
                is_young(engine, order)?;
            }
            done => return done.map_err(|error| one_line(&error.to_string())),
        }
    }
}

fn is_young(engine: &Engine, order: &PageOrder) -> Result<(), String> {
    if engine.clock.now() - order.time > OLDEST {
        return Err("it waited for more than an hour; order it again if it is still wanted".into());
    }
    Ok(())
}

/// The plan that the person saw, and no other.
async fn plan(engine: &Engine, order: &PageOrder) -> Result<Plan, String> {
    let json = engine.store.load_plan(&order.run).await.map_err(|error| error.to_string())?;
    let json = json.ok_or("its plan is not kept any more")?;
    let plan: Plan = serde_json::from_slice(&json).map_err(|_| "its plan can't be read")?;
    match order.digest.as_ref() == Some(&plan.digest()) {
        true => Ok(plan),
        false => Err("its plan is not the one that was looked at".to_owned()),
    }
}

fn told(report: &Report) -> String {
    let counts = report.counts.iter().map(|counts| counts.summary(report.mode));
    let counts = counts.collect::<Vec<_>>().join("; ");
    let refusals = report.refusals.iter().map(ToString::to_string);
    let parts = [Some(counts).filter(|counts| !counts.is_empty()), report.why.clone()];
    let all: Vec<_> = parts.into_iter().flatten().chain(refusals).collect();
    one_line(&format!("{}: {}", report.status.as_str(), all.join("; ")))
}
