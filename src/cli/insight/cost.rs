//! `bursar insight cost`: what licenses cost, and what of it is for nothing.

use std::fmt::Write;

use serde::Serialize;

use super::chart::Style;
use super::{Exit, Question, heading, table};
use crate::insight::cost::Budget;
use crate::insight::money::{Money, percent_of};
use crate::insight::words;
use crate::planning::Planning;
use crate::planning::money;

/// Show what entitled, allocated, active and idle seats cost, what releases saved, and what is ahead
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prices come from Butler.cost.\n\nExample:\n  bursar insight cost -c bursar.yaml"
)]
pub struct Cost {
    #[command(flatten)]
    question: Question,
}

/// The answer of a site; `cost` is absent without prices.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteCost {
    pub cost: Option<money::Cost>,
}

impl Cost {
    pub fn execute(self) -> anyhow::Result<Exit> {
        self.question.ask(|planning| SiteCost { cost: planning.cost() }, render)
    }
}

const UNKNOWN: &str = "not known yet";

pub fn render(planning: &Planning, style: &Style) -> String {
    let mut out = heading(planning, style);
    let paint = style.paint;
    let Some(cost) = planning.cost() else {
        out.push_str("  nothing has a price: set Butler.cost (currency and prices)\n");
        return out;
    };
    let amount = |money: Option<Money>| {
        money.map_or_else(|| paint.faint(UNKNOWN), |money| money.to_string())
    };
    let mut rows: Vec<Vec<String>> = cost
        .by_type
        .iter()
        .map(|of_type| {
            vec![
                of_type.seat_type.title().to_owned(),
                of_type.entitled.to_string(),
                of_type.allocated.to_string(),
                amount(of_type.active),
                amount(of_type.idle),
            ]
        })
        .collect();
    if let Some(capacity) = &cost.capacity {
        let none = String::new;
        rows.push(vec!["Capacity".into(), capacity.entitled.to_string(), none(), none(), none()]);
    }
    rows.push(vec![
        paint.strong("a year"),
        paint.strong(&cost.entitled.to_string()),
        cost.allocated.to_string(),
        amount(cost.active),
        amount(cost.idle),
    ]);
    out.push_str(&table(&["", "ENTITLED", "ALLOCATED", "ACTIVE", "IDLE"], rows, paint));
    if let Some(idle) = cost.idle
        && let Some(share) = percent_of(idle, cost.entitled)
    {
        let _ =
            writeln!(out, "  Idle of entitled    {} {share:.0} %", style.bar(share / 100.0, 20));
    }
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<19} {text}");
    };
    line("Per active user", amount(cost.per_active_person));
    line(
        "Saved by releases",
        format!(
            "{} in the last 365 days, {} in all",
            cost.saved_last_year.amount, cost.saved.amount
        ),
    );
    line("Next 12 months", format!("{} to pay for seats", words::money(&cost.next_year.to_pay)));
    line("", format!("{} for those taken", words::money(&cost.next_year.allocated)));
    for projection in cost.next_year.by_type.iter().filter(|p| p.missing_high > 0) {
        let seats = if projection.missing_low == projection.missing_high {
            projection.missing_high.to_string()
        } else {
            format!("{} to {}", projection.missing_low, projection.missing_high)
        };
        line("", format!("{seats} {} seats to buy within the year", projection.seat_type.title()));
    }
    for seat_type in &cost.next_year.without_forecast {
        line("", format!("{} as now: not enough data for a forecast", seat_type.title()));
    }
    line("Budget", budget(cost.budget.as_ref(), style));
    for seat_type in &cost.without_price {
        line("Without a price", format!("{} seats: in no sum", seat_type.title()));
    }
    out
}

fn budget(verdict: Option<&Budget>, style: &Style) -> String {
    match verdict {
        None => style.paint.faint("none set (Butler.cost.budgetPerYear)"),
        Some(Budget::Within { budget, left }) => {
            style.paint.good(&format!("within {budget}, {left} left"))
        }
        Some(Budget::MayExceed { budget, by }) => {
            style.paint.warn(&format!("may exceed {budget} by up to {by} in the next 12 months"))
        }
        Some(Budget::Exceeded { budget, by }) => {
            style.paint.bad(&format!("exceeds {budget} by {by}"))
        }
    }
}
