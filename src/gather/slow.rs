//! Facts of the history, which are asked for once an hour.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::facts::{BudgetFacts, CapacityEnd, CapacityFacts, ChurnFacts, Fact, RunOutFacts};
use crate::config::Settings;
use crate::config::settings::Site;
use crate::insight::budget::Verdict;
use crate::insight::capacity::{Capacity, MonthEnd};
use crate::insight::forecast::RunsOut;
use crate::insight::words;
use crate::license::{ChangeKind, Pools, SeatType};
use crate::planning::outlook::{CostOutlook, TypeOutlook};
use crate::planning::{self, Outlook, Planning};
use crate::store::history::Resolution;
use crate::store::{Store, StoreError};
use crate::words::Locale;

/// Facts of the history of one site.
#[derive(Debug, Clone)]
pub(super) struct Slow {
    pub(super) quarantined_before: Fact<Vec<(SeatType, f64)>>,
    pub(super) capacity: Fact<CapacityFacts>,
    pub(super) run_out: Fact<Vec<RunOutFacts>>,
    pub(super) budget: Fact<Option<BudgetFacts>>,
    pub(super) churn: Fact<Vec<ChurnFacts>>,
    /// There was no history at all: what comes first is looked at once it is there.
    pub(super) is_empty: bool,
    /// The last poll before it was read.
    pub(super) polled: Option<DateTime<Utc>>,
}

/// What the history of a site says.
pub(super) async fn read_slow(
    settings: &Settings,
    store: &Store,
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Slow, StoreError> {
    let planning = Planning::load(store, settings, &site.name, now).await?;
    let is_empty = planning.pools.is_empty() && planning.minutes.is_none();
    // Forecasts take some milliseconds of computing for years of history.
    let ahead = tokio::task::spawn_blocking(move || planning::outlook(&planning)).await.ok();
    let churn = match &site.seats {
        Some(_) => Fact::Known(churn(store, &site.name, now).await?),
        None => Fact::Off,
    };
    Ok(Slow {
        quarantined_before: Fact::Known(quarantined_before(store, &site.name, now).await?),
        capacity: ahead.as_ref().map_or(Fact::Unknown, |ahead| capacity(ahead.capacity.as_ref())),
        run_out: ahead.as_ref().map(run_out).into(),
        budget: ahead.as_ref().and_then(|ahead| ahead.cost.as_ref()).map(budget).into(),
        churn,
        is_empty,
        polled: None,
    })
}

/// Unknown without minutes, and in the first days of a month: what was short before stays so until
/// there is a new projection.
fn capacity(of: Option<&Capacity>) -> Fact<CapacityFacts> {
    let Some(capacity) = of else { return Fact::Unknown };
    let (used, usable) = (capacity.used, capacity.usable);
    let facts = |projected: f64, end| CapacityFacts { used, usable, projected, end };
    if usable > 0.0 && capacity.left <= 0.0 {
        return Fact::Known(facts(used, CapacityEnd::NoneLeft));
    }
    let Ok(projected) = &capacity.projected else { return Fact::Unknown };
    let end = match projected.runs_out {
        MonthEnd::RunsOut { day } => CapacityEnd::Short { day, sure: projected.low >= usable },
        MonthEnd::Lasts | MonthEnd::Already => CapacityEnd::Lasts,
    };
    Fact::Known(facts(projected.used, end))
}

/// By the last poll alone: that none is left is told at once, and not when the history is looked at
/// next.
pub(super) fn none_left(pools: &Pools) -> Option<CapacityFacts> {
    let pool = pools.analyzer_capacity.filter(|pool| pool.enabled)?;
    let usable = (pool.allocated_minutes - pool.unavailable_minutes).max(0.0);
    let (used, end) = (pool.used_minutes, CapacityEnd::NoneLeft);
    (usable > 0.0 && used >= usable).then_some(CapacityFacts { used, usable, projected: used, end })
}

fn run_out(ahead: &Outlook) -> Vec<RunOutFacts> {
    let of_type = |of: &TypeOutlook| {
        let days = match &of.runs_out {
            Err(_) => Err(()),
            Ok(RunsOut::Already) => Ok(Some(0)),
            Ok(_) => Ok(of.earliest.map(|day| (day - ahead.today).num_days().max(0))),
        };
        let when = match &of.runs_out {
            Ok(RunsOut::Already) => "now".to_owned(),
            Ok(runs_out) => words::runs_out(runs_out, ahead.today, Locale::default()),
            Err(_) => String::new(),
        };
        RunOutFacts { seat_type: of.seat_type, days, when }
    };
    ahead.types.iter().map(of_type).collect()
}

/// Within the budget, but by less than one part in so many: what went over it isn't well yet. A part
/// of it is a seat or two; more would call what was mended on purpose too much for ever.
const BUDGET_BAND: u32 = 500;

/// `None`: there is no budget.
fn budget(cost: &CostOutlook) -> Option<BudgetFacts> {
    let of = cost.budget.as_ref()?;
    let year = words::budget_year(&of.year, Locale::default());
    let may_come = format!("what may have to be licensed {year} costs up to");
    let high = of.to_pay.high;
    let (what, amount, is_over) = match of.verdict {
        Verdict::Within { .. } => (may_come, high.to_string(), false),
        Verdict::MayExceed { .. } => (may_come, high.to_string(), true),
        Verdict::Exceeded { .. } if of.entitled.amount > of.budget.amount => {
            ("what is licensed costs in a year".to_owned(), of.entitled.to_string(), true)
        }
        Verdict::Exceeded { .. } => (
            format!("what has to be licensed {year} costs"),
            words::money(&of.to_pay, Locale::default()),
            true,
        ),
    };
    let highest = of.entitled.amount.max(high.amount);
    let band = of.budget.amount / rust_decimal::Decimal::from(BUDGET_BAND);
    Some(BudgetFacts {
        what,
        cost: amount,
        budget: of.budget.to_string(),
        is_over,
        is_near: is_over || highest > of.budget.amount - band,
    })
}

/// Seats that were allocated within 28 days, and those of them that went to people who had lost one
/// not long before. What the first reading of a list tells of the past isn't counted: it knows of no
/// losses.
async fn churn(
    store: &Store,
    site: &str,
    now: DateTime<Utc>,
) -> Result<Vec<ChurnFacts>, StoreError> {
    let changes = store.seat_changes(site, now - TimeDelta::days(28), now).await?;
    let of_type = |seat_type: SeatType| {
        let allocated: Vec<_> = changes
            .iter()
            .filter(|c| c.seat_type == seat_type && c.kind == ChangeKind::Allocated && !c.initial)
            .collect();
        let again = allocated.iter().filter(|c| c.released_before.is_some()).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        ChurnFacts { seat_type, allocated: count(allocated.len()), again: count(again) }
    };
    Ok(SeatType::ALL.into_iter().map(of_type).collect())
}

/// Quarantined seats of each type a week ago: the last figure of the three days before, so that a
/// weekend without polls doesn't matter. Types without a figure are left out.
async fn quarantined_before(
    store: &Store,
    site: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(SeatType, f64)>, StoreError> {
    let to = now - TimeDelta::days(7);
    let from = to - TimeDelta::days(3);
    let mut all = Vec::new();
    for seat_type in SeatType::counted() {
        let pool = seat_type.as_str();
        let hours = store.history(site, pool, "quarantined", Resolution::Hour, from, to).await?;
        all.extend(hours.last().map(|hour| (seat_type, hour.last)));
    }
    Ok(all)
}
