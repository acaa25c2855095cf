//! `bursar insight cost`: what licenses cost, and what of it is for nothing.

use std::fmt::Write;

use serde::Serialize;

use super::chargeback::{self, Form};
use super::chart::Style;
use super::{Exit, Question, heading, table};
use crate::cli::text::wrapped;
use crate::insight::budget::{Budget, Verdict};
use crate::insight::money::{Money, percent_of};
use crate::insight::order::Order;
use crate::insight::words::{self, renewal as said};
use crate::planning::Planning;
use crate::planning::chargeback::By;
use crate::planning::{idle, money};

/// Show what entitled, allocated, active and reclaimable seats cost, what releases saved, and what is ahead
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prices come from Butler.cost.\n\nExamples:\n  bursar insight cost -c bursar.yaml\n  bursar insight cost -c bursar.yaml --by directory\n  bursar insight cost -c bursar.yaml --by Department --csv > invoices.csv"
)]
pub struct Cost {
    #[command(flatten)]
    question: Question,
    /// By what people belong to: directory, or the name of a custom property
    #[arg(long, value_name = "GROUP")]
    by: Option<String>,
    /// Print a table for a spreadsheet, whose columns add up exactly
    #[arg(long, requires = "by", conflicts_with = "json")]
    csv: bool,
}

/// The answer of a site; `cost` is absent without prices.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteCost {
    pub cost: Option<money::Cost>,
    /// The recommended order of `insight renewal`, for the usual terms and risks.
    pub order: Option<Order>,
}

impl Cost {
    pub fn execute(self) -> anyhow::Result<Exit> {
        if let Some(by) = &self.by {
            let form = match (self.csv, self.question.json) {
                (true, _) => Form::Csv,
                (false, true) => Form::Json,
                (false, false) => Form::Text,
            };
            return chargeback::execute(&self.question, &By::parse(by), form);
        }
        let figures = |planning: &Planning| {
            let order = planning.prices.and_then(|_| planning.order().cloned());
            SiteCost { cost: planning.cost(), order }
        };
        self.question.ask(figures, render)
    }
}

const UNKNOWN: &str = "not known yet";

pub fn render(planning: &Planning, style: &Style) -> String {
    let mut out = heading(planning, style);
    let paint = style.paint;
    let Some(cost) = planning.cost() else {
        if planning.prices.is_some() {
            let _ = writeln!(out, "  {}", words::NO_ENTITLEMENT);
            return out;
        }
        out.push_str("  nothing has a price: set Butler.cost (currency and prices)\n");
        return out;
    };
    let l = style.locale;
    let amount =
        |money: Option<Money>| money.map_or_else(|| paint.faint(UNKNOWN), |money| money.written(l));
    let mut rows: Vec<Vec<String>> = cost
        .by_type
        .iter()
        .map(|of_type| {
            vec![
                of_type.seat_type.title().to_owned(),
                of_type.entitled.written(l),
                of_type.allocated.written(l),
                amount(of_type.active),
                amount(of_type.reclaimable),
            ]
        })
        .collect();
    let of_seats = |name: &str| {
        vec![
            paint.strong(name),
            paint.strong(&cost.entitled_seats.written(l)),
            cost.allocated.written(l),
            amount(cost.active),
            amount(cost.reclaimable),
        ]
    };
    match &cost.capacity {
        // Minutes are allocated to nobody: what they cost is in none of the other sums.
        Some(capacity) => {
            let only = |name: String, amount: String| {
                vec![name, amount, String::new(), String::new(), String::new()]
            };
            rows.push(of_seats("seats"));
            rows.push(only("Capacity".to_owned(), capacity.entitled.written(l)));
            rows.push(only(paint.strong("a year"), paint.strong(&cost.entitled.written(l))));
        }
        None => rows.push(of_seats("a year")),
    }
    out.push_str(&table(&["", "ENTITLED", "ALLOCATED", "ACTIVE", "RECLAIMABLE"], rows, paint));
    let days = cost.by_type.iter().filter_map(|of| of.as_of);
    let lists = cost.by_type.iter().filter_map(|of| of.list_as_of);
    let mut as_of: Vec<String> = Vec::new();
    as_of.extend(days.max().map(|day| format!("entitled and allocated of {}", l.date(day))));
    as_of.extend(lists.min().map(|time| {
        format!("active and reclaimable by the list of {}", l.moment(time, planning.zone))
    }));
    for line in as_of {
        let _ = writeln!(out, "  {}", paint.faint(&line));
    }
    if let Some(reclaimable) = cost.reclaimable
        && let Some(share) = percent_of(reclaimable, cost.entitled)
    {
        let _ =
            writeln!(out, "  Reclaimable         {} {share:.0} %", style.bar(share / 100.0, 20));
        let _ = writeln!(out, "  {:<19} {}", "", paint.faint(words::RECLAIMABLE));
    }
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<19} {text}");
    };
    for of_type in &cost.by_type {
        let seats = &of_type.seats;
        if let (Some(reclaimable), Some(idle), Some(days)) =
            (seats.reclaimable, seats.idle, seats.threshold_days)
        {
            let of_idle = words::of_idle(reclaimable, idle, days, l);
            line("", format!("{}: {of_idle}", of_type.seat_type.title()));
        }
        for why in words::limits_each(&seats.limits, l) {
            line("", format!("  {why}"));
        }
    }
    let lines = idle::lines(&cost, None, planning.today, l);
    let is_known = lines.iter().any(|line| line.is_answer);
    if is_known {
        line("Idle seats cost", "each figure that is called so, by its name:".to_owned());
    }
    // What was saved stands below.
    for of in lines.into_iter().filter(|of| of.seats.is_some()) {
        let seats =
            of.seats.map_or_else(String::new, |seats| format!("{}: ", l.number(seats.into())));
        line(of.name, format!("{seats}{}{}", of.amount, if of.is_answer { " *" } else { "" }));
        for part in wrapped(&of.what, 56).lines() {
            line("", paint.faint(part));
        }
    }
    if is_known {
        for part in wrapped(&format!("*: {}", idle::RELATION), 56).lines() {
            line("", paint.faint(part));
        }
    }
    line("Per active user", amount(cost.per_active_person));
    if let Some(people) = cost.active_people.filter(|_| cost.per_active_person.is_some()) {
        line("", words::per_active_person(people, cost.capacity.is_some(), l));
    }
    line(
        "Saved by releases",
        format!("{} in the last 365 days", cost.saved_last_year.amount.written(l)),
    );
    line("", format!("{} since the first release", cost.saved.amount.written(l)));
    let year = &cost.next_year.year;
    if year.by_renewal {
        line("Year of the budget", format!("{} to {}", l.date(year.first), l.date(year.last)));
        line("", words::for_seats(&cost.next_year.to_pay, l));
    } else {
        line("Next 12 months", words::for_seats(&cost.next_year.to_pay, l));
    }
    line("", format!("{} for those taken", words::money(&cost.next_year.allocated, l)));
    if let Some(capacity) = &cost.capacity {
        line("", words::for_minutes(capacity.entitled, l));
    }
    for projection in cost.next_year.by_type.iter().filter(|p| p.missing_high > 0) {
        let [seats, all, amount] = words::to_buy_each(projection, l);
        line("To buy", format!("{seats}: {amount}"));
        line("", all);
        line("", words::first_to_buy(&projection.to_buy, l).unwrap_or_default());
    }
    if cost.next_year.by_type.iter().any(|p| p.missing_high > 0) {
        line("", words::FIRST_TO_BUY.to_owned());
    }
    for seat_type in &cost.next_year.without_forecast {
        line("", format!("{} as now: not enough data for a forecast", seat_type.title()));
    }
    line("Budget", budget(cost.budget.as_ref(), style));
    if let Some(order) = planning.order().filter(|of| !of.lines.is_empty()) {
        let first = order.lines.iter().map(|line| line.on).min();
        let on = first.map_or_else(String::new, |on| format!(" from {}", l.date(on)));
        line("Or order anew", format!("as insight renewal recommends{on}:"));
        for of in &order.lines {
            let [seats, why] = said::ordered(of, l);
            line("", seats);
            line("", format!("  {why}"));
        }
        for total in said::order_total(order, l) {
            line("", total);
        }
        if let Some(of) = cost.beside(order) {
            let text = wrapped(&said::beside(&of, l), 76);
            for line in text.lines() {
                let _ = writeln!(out, "  {}", paint.faint(line.trim_start()));
            }
        }
    }
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<19} {text}");
    };
    for seat_type in &cost.without_price {
        line("Without a price", format!("{} seats: in no sum", seat_type.title()));
    }
    out
}

fn budget(of: Option<&Budget>, style: &Style) -> String {
    let Some(of) = of else {
        return style.paint.faint("none set (Butler.cost.budgetPerYear)");
    };
    let text = words::budget(of, style.locale);
    match of.verdict {
        Verdict::Within { .. } => style.paint.good(&text),
        Verdict::MayExceed { .. } => style.paint.warn(&text),
        Verdict::Exceeded { .. } => style.paint.bad(&text),
    }
}
