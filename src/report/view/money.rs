//! Minutes and cost.

use super::super::svg::{Bar, Bars, Chart};
use super::super::{Report, SiteReport};
use super::{Block, LEFT_OUT, Section, Table, as_of, number, optional, percent};
use crate::insight::capacity::MonthEnd;
use crate::insight::money::Money;
use crate::insight::money::percent_of;
use crate::insight::words;
use crate::planning::money::Cost;

const UNKNOWN: &str = "not known yet";
const NOT_THEN: &str = "not known";

pub(crate) fn capacity(site: &SiteReport) -> Option<Section> {
    let capacity = site.capacity.as_ref()?;
    let mut blocks = Vec::new();
    if capacity.months.is_empty() {
        blocks.push(Block::Note("No data in this period.".to_owned()));
    } else {
        let bars = capacity.months.iter().map(|month| Bar {
            label: month.name.clone(),
            value: month.used,
            limit: month.allocated,
        });
        blocks.push(Block::Chart(Chart::Bars(Bars {
            title: "Minutes used by month".to_owned(),
            unit: "minutes".to_owned(),
            bars: bars.collect(),
            limit: "Allocated".to_owned(),
        })));
        let mut table = Table::new(&["Month", ">Used", ">Allocated", ">Used %", ">Days"]);
        for month in &capacity.months {
            table.row([
                month.name.clone(),
                number(month.used),
                optional(month.allocated),
                percent(month.percent),
                format!("{} of {}", month.days, month.of),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    if let Some(month) = &capacity.this_month {
        let mut text = format!(
            "This month: {} of {} minutes are used, and {:.0} % of the month is gone.",
            number(month.used),
            number(month.usable),
            month.gone_percent
        );
        match &month.projected {
            Err(why) => text += &format!(" How it ends: {why}."),
            Ok(projected) => {
                text += &format!(
                    " At this pace it ends with {} minutes;",
                    number(projected.used.round())
                );
                text += &match projected.runs_out {
                    MonthEnd::Already => " none are left now.".to_owned(),
                    MonthEnd::RunsOut { day } => format!(" they run out on {}.", words::date(day)),
                    MonthEnd::Lasts => " they last.".to_owned(),
                };
            }
        }
        blocks.push(Block::Text(text));
    }
    Some(Section { title: "Analyzer Capacity".to_owned(), blocks })
}

pub(crate) fn cost(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.cost {
        None => blocks
            .push(Block::Text("Nothing has a price in the settings (Butler.cost).".to_owned())),
        Some(cost) => {
            blocks.push(Block::Text(format!(
                "As of {}, at the prices and the budget that the settings had when the report was made.",
                as_of(report)
            )));
            let unknown = if site.left_out { NOT_THEN } else { UNKNOWN };
            blocks.push(Block::Table(table(cost, unknown)));
            blocks.extend(chart(report, cost).map(Block::Chart));
            blocks.push(Block::Facts(facts(site, cost)));
        }
    }
    Some(Section { title: "Cost of a year".to_owned(), blocks })
}

fn table(cost: &Cost, unknown: &str) -> Table {
    let amount =
        |money: Option<Money>| money.map_or_else(|| unknown.to_owned(), |money| money.to_string());
    let mut table =
        Table::new(&["", ">Per seat", ">Entitled", ">Allocated", ">Active", ">Reclaimable"]);
    for of_type in &cost.by_type {
        table.row([
            of_type.seat_type.title().to_owned(),
            of_type.per_seat.to_string(),
            of_type.entitled.to_string(),
            of_type.allocated.to_string(),
            amount(of_type.active),
            amount(of_type.reclaimable),
        ]);
    }
    let none = String::new;
    if let Some(capacity) = &cost.capacity {
        let entitled = capacity.entitled.to_string();
        table.row(["Analyzer Capacity".to_owned(), none(), entitled, none(), none(), none()]);
    }
    table.row([
        "All".to_owned(),
        none(),
        cost.entitled.to_string(),
        cost.allocated.to_string(),
        amount(cost.active),
        amount(cost.reclaimable),
    ]);
    table
}

fn chart(report: &Report, cost: &Cost) -> Option<Chart> {
    use rust_decimal::prelude::ToPrimitive;
    let value = |money: Money| money.amount.to_f64();
    let mut bars = Vec::new();
    let all = [
        ("Entitled", Some(cost.entitled)),
        ("Allocated", Some(cost.allocated)),
        ("Active", cost.active),
        ("Reclaimable", cost.reclaimable),
    ];
    for (label, money) in all {
        if let Some(money) = money {
            bars.push(Bar { label: label.to_owned(), value: value(money)?, limit: None });
        }
    }
    Some(Chart::Bars(Bars {
        title: format!("Cost of a year, as of {}", as_of(report)),
        unit: cost.currency.to_string(),
        bars,
        limit: String::new(),
    }))
}

fn facts(site: &SiteReport, cost: &Cost) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
    fact(
        "Per active user",
        match cost.per_active_person {
            Some(amount) => amount.to_string(),
            None if site.left_out => LEFT_OUT.to_owned(),
            None => UNKNOWN.to_owned(),
        },
    );
    if let Some(share) = cost.reclaimable.and_then(|part| percent_of(part, cost.entitled)) {
        fact("Reclaimable of entitled", format!("{share:.1} %"));
    }
    if let Some(cost) = site.cost_in_period {
        fact("In the period", format!("{cost} for the seats that were entitled, day by day"));
    }
    if let Some(saved) = &site.saved_in_period {
        fact(
            "Saved by releases",
            format!("{} in the period, {} in all until its end", saved.amount, cost.saved.amount),
        );
    }
    let minutes = cost.capacity.as_ref().map(|capacity| words::for_minutes(capacity.entitled));
    let next_year = std::iter::once(words::for_seats(&cost.next_year.to_pay)).chain(minutes);
    fact("Next 12 months", next_year.collect::<Vec<_>>().join(", and "));
    for projection in cost.next_year.by_type.iter().filter(|p| p.missing_high > 0) {
        let first = words::first_to_buy(&projection.to_buy).unwrap_or_default();
        fact("To buy", format!("{}, {first} ({})", words::to_buy(projection), words::FIRST_TO_BUY));
    }
    let budget = cost.budget.as_ref();
    fact("Budget", budget.map_or_else(|| "none set".to_owned(), words::budget));
    for seat_type in &cost.without_price {
        fact("Without a price", format!("{} seats: in no sum", seat_type.title()));
    }
    facts
}
