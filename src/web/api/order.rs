//! The recommended order.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::{Amount, Day};
use crate::insight::budget::Verdict;
use crate::insight::order::{self, OrderBudget, OtherLine, Otherwise, Runs};
use crate::insight::words::{self, renewal as said};
use crate::license::SeatType;
use crate::planning::Planning;
use crate::store::StoreError;
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;

/// What to renew with, as `bursar insight renewal` recommends it for the usual terms and risks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    /// The day of the figures.
    today: Day,
    /// By type; empty while the data is too short.
    lines: Vec<Line>,
    /// Types that the data is too short for: in no total.
    unanswered: Vec<SeatType>,
    /// Types without a price: in no total.
    without_price: Vec<SeatType>,
    /// Seats for their terms.
    price: Option<Amount>,
    /// Seats for a year.
    per_year: Option<Amount>,
    /// A year of minutes, as entitled now.
    minutes: Option<Amount>,
    /// The same for the term; null also where the types have not all the same one.
    minutes_for_term: Option<Amount>,
    /// A year of seats and minutes against the budget; null without one, and where a type is in no total.
    budget: Option<Budget>,
    /// The other answer to whether what is reclaimable is released before; null where that changes no seat.
    otherwise: Option<Other>,
    /// How the order and what is paid if what is entitled stays belong together, in words; null where one of both is
    /// not set against the budget.
    beside: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Line {
    seat_type: SeatType,
    /// The first and the last day of the term.
    on: Day,
    last: Day,
    months: u32,
    risk_percent: u8,
    seats: u64,
    /// More than are entitled on the first day.
    change: i64,
    /// What is reclaimable was released before.
    with_release: bool,
    reclaimable: Option<u32>,
    /// Whether the runs until the term can release that; null where it isn't counted on.
    runs: Option<ReleaseRuns>,
    price: Option<Amount>,
    per_year: Option<Amount>,
}

/// The runs that releasing all that is reclaimable takes, and those that are left for it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ReleaseRuns {
    needed: u32,
    left: u32,
    /// Seats that a run takes at most; null where all go in one.
    per_run: Option<u32>,
    enough: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Other {
    with_release: bool,
    /// Types whose seats differ.
    lines: Vec<LineOfOther>,
    per_year: Option<Amount>,
    budget: Option<Budget>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LineOfOther {
    seat_type: SeatType,
    reclaimable: u32,
    seats: u64,
    change: i64,
    /// Seats if as many people come back as did; null where that isn't known.
    seats_if_back: Option<u64>,
    /// The last day before the term.
    by: Day,
    runs: Option<ReleaseRuns>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Budget {
    budget: Amount,
    to_pay: Amount,
    exceeded: bool,
    text: String,
}

impl From<Runs> for ReleaseRuns {
    fn from(of: Runs) -> Self {
        let Runs { needed, left, per_run } = of;
        Self { needed, left, per_run, enough: of.is_enough() }
    }
}

fn budget(planning: &Planning, of: &OrderBudget) -> Budget {
    Budget {
        budget: of.budget.into(),
        to_pay: of.to_pay.into(),
        exceeded: !matches!(of.verdict, Verdict::Within { .. }),
        text: words::verdict(&of.verdict, of.budget, planning.locale),
    }
}

fn line(of: &order::Line) -> Line {
    Line {
        seat_type: of.seat_type,
        on: of.on.into(),
        last: of.last.into(),
        months: of.months,
        risk_percent: of.risk_percent,
        seats: of.seats,
        change: of.change,
        with_release: of.with_release,
        reclaimable: of.reclaimable,
        runs: of.runs.map(ReleaseRuns::from),
        price: of.price.map(Amount::from),
        per_year: of.per_year.map(Amount::from),
    }
}

fn other(planning: &Planning, of: &Otherwise) -> Other {
    let line = |of: &OtherLine| LineOfOther {
        seat_type: of.seat_type,
        reclaimable: of.reclaimable,
        seats: of.seats,
        change: of.change,
        seats_if_back: of.seats_if_back,
        by: of.by.into(),
        runs: of.runs.map(ReleaseRuns::from),
    };
    Other {
        with_release: of.with_release,
        lines: of.lines.iter().map(line).collect(),
        per_year: of.per_year.map(Amount::from),
        budget: of.budget.map(|of| budget(planning, &of)),
    }
}

fn view(planning: &Planning) -> Order {
    let today = planning.today;
    let Some(of) = planning.order() else {
        return Order {
            today: today.into(),
            lines: Vec::new(),
            unanswered: Vec::new(),
            without_price: Vec::new(),
            price: None,
            per_year: None,
            minutes: None,
            minutes_for_term: None,
            budget: None,
            otherwise: None,
            beside: None,
        };
    };
    let beside = planning.cost().and_then(|cost| cost.beside(of));
    Order {
        today: today.into(),
        lines: of.lines.iter().map(line).collect(),
        unanswered: of.unanswered.clone(),
        without_price: of.without_price.clone(),
        price: of.price.map(Amount::from),
        per_year: of.per_year.map(Amount::from),
        minutes: of.minutes.map(Amount::from),
        minutes_for_term: of.minutes_for_term.map(Amount::from),
        budget: of.budget.map(|of| budget(planning, &of)),
        otherwise: of.otherwise.as_ref().map(|of| other(planning, of)),
        beside: beside.map(|of| said::beside(&of, planning.locale)),
    }
}

pub(super) async fn order(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Order, Failure> {
    served.site(name)?;
    Asked::of(query)?.only(&[])?;
    let planning = served.known.planning(&served.source, name).await?;
    // Each case is followed day by day, once.
    let _turn = served.turn().await;
    let made = tokio::task::spawn_blocking(move || view(&planning)).await;
    Ok(made.map_err(|_| StoreError::Closed)?)
}
