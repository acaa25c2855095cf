//! Releases: the last plan, the runs, what other thresholds would have done, and how to prove it.

use askama::Template;
use axum::http::HeaderMap;
use chrono_tz::Tz;

use super::Served;
use super::actions::{called, not_applied};
use super::answer::{self, Answer, age};
use super::frame::{Frame, Part, encoded, site_address};
use super::order_form::About;
use super::plan::{LastPlan, TypePlan};
use super::wording::{local, locale, number};
use crate::event::Monitor;
use crate::ledger::{Mode, RunStatus};
use crate::license::SeatType;
use crate::plain::one_line;
use crate::planning::replay::Simulation;
use crate::policy::Policy;
use crate::release::next::Next;
use crate::store::aside::BegunAnew;
use crate::store::{KnownRun, Ordered, PageOrder, RunState, Store, StoreError};

/// So many runs are shown.
pub(super) const RUNS: usize = 20;

#[derive(Template)]
#[template(path = "releases.html")]
struct Page {
    frame: Frame,
    site: String,
    next: String,
    held: bool,
    freeze: String,
    open: String,
    accepted: Vec<String>,
    plan: Option<PlanView>,
    /// The run that has carried the plan out.
    carried_out: Option<CarriedOut>,
    /// A plan is stored that can't be read, or none.
    no_plan: &'static str,
    runs: Vec<RunView>,
    what_if: Option<String>,
    what_if_types: Vec<WhatIf>,
    no_what_if: String,
    head: Option<(String, String)>,
    complete_from: Option<String>,
    /// What operators can do; `None` for all others.
    operate: Option<Operate>,
    orders: Vec<OrderView>,
}

/// What is in the forms of operators.
struct Operate {
    address: String,
    paused: bool,
    /// Releases are held back by the store, which is ended on the machine alone: how. Empty: they are not.
    begun_anew: String,
    /// What a person types to say that this is the site meant.
    called: String,
    /// Why no plan can be applied.
    not_applied: &'static str,
    /// Run, digest and form of the plan that is shown.
    apply: Option<(String, String, String)>,
}

struct OrderView {
    time: String,
    what: String,
    by: String,
    state: String,
    run: String,
}

/// So many orders are shown.
const ORDERS: usize = 10;

struct CarriedOut {
    how: &'static str,
    run: String,
    address: String,
    /// What came of it.
    lines: Vec<String>,
}

struct PlanView {
    headline: String,
    seen: String,
    run: String,
    address: String,
    types: Vec<TypeView>,
    refusals: Vec<(String, String, String)>,
    notes: Vec<String>,
}

struct TypeView {
    title: &'static str,
    problem: String,
    sentence: String,
    /// Word, number, address of the rows.
    groups: Vec<(&'static str, String, String)>,
}

struct RunView {
    started: String,
    mode: &'static str,
    state: String,
    lines: Vec<String>,
    run: String,
    address: String,
    /// Of the form with which its seats go back.
    undo: Option<String>,
}

struct WhatIf {
    title: String,
    remark: String,
    rows: Vec<[String; 7]>,
    remarks: Vec<String>,
}

pub(super) async fn page(served: &Served, headers: &HeaderMap, name: &str) -> Answer {
    let site = served.site(name)?;
    let status = served.status().await?;
    let (now, zone, names) = (status.time, served.source.settings.time_zone, served.names());
    let store = &served.source.store;
    let of_site = status.sites.iter().find(|of| of.name == name);
    let monitor = of_site.and_then(|of| of.monitors.iter().find(|m| m.monitor == Monitor::Release));
    let (next, held) = match monitor {
        None => {
            ("releases are switched off in the settings (licenseRelease.enable)".to_owned(), false)
        }
        Some(monitor) => {
            let next = Next { at: monitor.next, held: monitor.held.clone() };
            let kind = if site.release.dry_run { "rehearsal" } else { "real run" };
            (format!("{kind}, {}", one_line(&next.text(zone))), next.held.is_some())
        }
    };
    let open = of_site.and_then(|of| Some((of.unsettled.seats, of.unsettled.oldest?)));
    let open = open.map_or_else(String::new, |(seats, oldest)| {
        format!(
            "{seats} open since {}: it is not known what became of them; bursar release settle",
            age(oldest, now)
        )
    });
    let last = served.known.plan(&served.source, name).await?;
    let last = last.as_deref();
    let runs = store.runs(name, RUNS).await?;
    let simulation = served.known.simulation(&served.source, name).await?;
    let (simulation, no_what_if) = match &*simulation {
        Ok(Some(simulation)) => (Some(simulation), String::new()),
        Ok(None) => (None, super::site::NO_LIST.to_owned()),
        Err(why) => (None, why.clone()),
    };
    let orders = store.orders(name, ORDERS).await?;
    let newest = orders.first().map_or(0, |order| order.id);
    let is_operator = served.is_operator();
    let by = served.viewer.by();
    let form = |what, run: &str, digest: &str| {
        About { by: &by, site: name, what, run, digest }.number(newest)
    };
    let carried_out = match last {
        Some(last) => carried_out(store, name, last).await?,
        None => None,
    };
    let operate = is_operator.then(|| Operate {
        address: site_address(name, "/releases"),
        paused: of_site.is_some_and(|of| of.pause.is_some()),
        begun_anew: of_site
            .and_then(|of| of.pause.as_ref())
            .filter(|pause| pause.begun_anew)
            .map(|pause| {
                status.store_begun_anew.as_ref().map_or_else(|| pause.why.clone(), BegunAnew::ways)
            })
            .unwrap_or_default(),
        called: called(served, site),
        not_applied: not_applied(site).unwrap_or_default(),
        apply: last.filter(|_| not_applied(site).is_none() && carried_out.is_none()).map(|last| {
            let form = form(Ordered::Apply, &last.run, &last.digest);
            (last.run.clone(), last.digest.clone(), form)
        }),
    });
    let runs = runs.iter().map(|run| RunView {
        undo: (is_operator && run.mode == Mode::Real && has_taken(run))
            .then(|| form(Ordered::Undo, &run.run, "")),
        started: local(run.started, zone),
        mode: run.mode.as_str(),
        state: match run.state {
            RunState::Ended(status) => status.as_str().to_owned(),
            other => other.text().to_owned(),
        },
        lines: run.lines().iter().map(|line| one_line(line)).collect(),
        address: run_address(name, &run.run),
        run: run.run.clone(),
    });
    let page = Page {
        site: name.to_owned(),
        next,
        held,
        freeze: super::site::freeze(site, now),
        open,
        accepted: of_site.map_or_else(Vec::new, |of| {
            let since = of.accepted_since.as_ref().map(|since| since.text(locale(), zone));
            of.accepted.iter().map(|a| one_line(&a.text())).chain(since).collect()
        }),
        plan: last
            .map(|plan| plan_view(plan, name, names && served.all_sites(), age(plan.time, now))),
        carried_out: carried_out.map(|run| CarriedOut {
            how: match run.state {
                RunState::UnderWay => "Is being carried out",
                _ => "Carried out",
            },
            address: run_address(name, &run.run),
            lines: run.lines().iter().map(|line| one_line(line)).collect(),
            run: run.run,
        }),
        no_plan: "No plan was stored yet: a rehearsal or a run stores one. bursar release plan makes one now, by hand.",
        runs: runs.collect(),
        what_if: simulation.map(|of| format!("{} to {}", of.span.first, of.span.last)),
        what_if_types: simulation
            .map_or_else(Vec::new, |of| what_if(of, &site.release.policy, zone)),
        no_what_if,
        head: store.head().await?.map(|head| (head.seq.to_string(), head.hash)),
        operate,
        orders: orders.into_iter().map(|of| order_view(of, zone, names)).collect(),
        complete_from: store.ledger_complete_from().await?.map(|time| local(time, zone)),
        frame: Frame::new(served, &status, Part::Releases, Some(name)),
    };
    Ok(answer::page(headers, now, &page))
}

/// The page of a run.
pub(super) fn run_address(site: &str, run: &str) -> String {
    site_address(site, &format!("/run/{}", encoded(run)))
}

/// The real run that has carried out a plan, its own or one that a person had read.
///
/// # Errors
/// When the store can't be read.
pub(super) async fn carried_out(
    store: &Store,
    site: &str,
    plan: &LastPlan,
) -> Result<Option<KnownRun>, StoreError> {
    let run = store.last_real_run(site).await?;
    let is_done = |run: &KnownRun| match run.state {
        RunState::UnderWay => true,
        RunState::CutShort | RunState::Ended(RunStatus::Refused | RunStatus::Failed) => false,
        // What a guard or the end of the run has left may still be wanted.
        RunState::Ended(_) => run.account.counts.iter().all(|of| of.not_attempted() == 0),
    };
    Ok(run.filter(|run| run.run == plan.stored_by && is_done(run)))
}

/// Whether there is anything of a run to give back.
fn has_taken(run: &KnownRun) -> bool {
    run.account.counts.iter().any(|of| of.counts.released > of.given_back)
}

fn order_view(order: PageOrder, zone: Tz, names: bool) -> OrderView {
    let run = one_line(&order.run);
    let state = match (&order.outcome, order.taken) {
        (Some(outcome), _) => one_line(outcome),
        (None, Some(taken)) => format!("under way since {}", local(taken, zone)),
        (None, None) => "waits for the release engine".to_owned(),
    };
    OrderView {
        time: local(order.time, zone),
        what: match order.what {
            Ordered::Apply => format!("apply the plan of run {run}"),
            Ordered::Undo => format!("give the seats of run {run} back"),
        },
        by: match names {
            true => one_line(&format!("{}, from {}", order.by, order.peer)),
            false => "an operator".to_owned(),
        },
        state,
        run: order.done.as_deref().map(one_line).unwrap_or_default(),
    }
}

fn plan_view(plan: &LastPlan, site: &str, names: bool, seen: String) -> PlanView {
    let seats = site_address(site, "/seats");
    let refusals = plan.refusals.iter();
    let notes = match names || plan.notes.is_empty() {
        true => plan.notes.iter().chain(&plan.accepted).cloned().collect(),
        // They may name people.
        false => vec![format!("{} notes: bursar release plan shows them.", plan.notes.len())],
    };
    PlanView {
        headline: plan.headline.clone(),
        seen,
        run: plan.run.clone(),
        address: run_address(site, &plan.run),
        types: plan.types.iter().map(|of| type_view(of, &seats)).collect(),
        refusals: refusals.map(|of| (of.of.clone(), of.saw.clone(), of.fix.clone())).collect(),
        notes,
    }
}

fn type_view(of: &TypePlan, seats: &str) -> TypeView {
    let free = of.free.map_or_else(String::new, |free| format!(", {} free", number(free.into())));
    let stopped = if of.stopped { "; a guard stops it" } else { "" };
    let count = |count: usize| number(count as f64);
    let groups = of.groups.iter().map(|(word, of_word)| {
        let address = format!("{seats}?q=type:{}+why:{word}", of.seat_type.as_str());
        (*word, count(*of_word), address)
    });
    let enough = of.enough_free.as_ref().map(|lines| format!("; {}", lines.join("; ")));
    let enough = enough.unwrap_or_default();
    let (seats_of, due) = (count(of.seats), count(of.due));
    let noun = if of.seats == 1 { "seat" } else { "seats" };
    TypeView {
        title: of.seat_type.title(),
        problem: of.problem.clone().unwrap_or_default(),
        sentence: format!("{seats_of} {noun}{free}, {due} due{stopped}{enough}"),
        groups: groups.collect(),
    }
}

fn what_if(simulation: &Simulation, policy: &Policy, zone: Tz) -> Vec<WhatIf> {
    let types = simulation.types.iter().map(|of| {
        let own = policy.rule(of.seat_type).map(|rule| rule.release_threshold_days);
        let off = if of.enabled { "" } else { "; not released by the settings: default rules" };
        let title = match of.seat_type {
            SeatType::User => "User access".to_owned(),
            other => format!("{} seats", other.title()),
        };
        let undecided = match of.undecided {
            0 => String::new(),
            1 => "; undecided: 1 seat, which counts in the upper bounds only".to_owned(),
            some => format!("; undecided: {some} seats, which count in the upper bounds only"),
        };
        let rows = of.thresholds.iter().map(|threshold| {
            let days = threshold.threshold_days;
            let mark = if own == Some(days) { " (the rules)" } else { "" };
            let [within_14, within_30, within_90] = threshold.back(|bounds| bounds.to_string());
            let saved = threshold.saved.map(|saved| saved.to_string());
            [
                format!("{days}{mark}"),
                threshold.released.to_string(),
                within_14,
                within_30,
                within_90,
                threshold.out.to_string(),
                saved.unwrap_or_else(|| threshold.no_amount("no price")),
            ]
        });
        let recorded = of.recorded(|time| local(time, zone));
        let remark = format!("{} now{off}{undecided}; {recorded}", number(of.seats.into()));
        let remarks = of.remarks(|day| day.to_string());
        WhatIf { title, remark, rows: rows.collect(), remarks }
    });
    types.collect()
}
