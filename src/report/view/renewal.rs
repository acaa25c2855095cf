//! How many seats to renew with.

use chrono_tz::Tz;

use super::super::svg::{Across, Chart, Lines, Series};
use super::super::{Report, SiteReport};
use super::{Block, RENEWAL, Section, Table, as_of, name};
use crate::insight::duration::Curve;
use crate::insight::money::Money;
use crate::insight::order::{Beside, Order};
use crate::insight::reclaim::Limits;
use crate::insight::renewal::{Choice, Renewal, TermAnswer};
use crate::insight::words::{self, renewal as said};
use crate::license::SeatType;
use crate::planning::renewal::{RenewalView, TypeRenewal};
use crate::words::{Locale, counted};

const HEAD: [&str; 10] = [
    ">Months",
    ">Risk",
    ">Seats",
    ">Change",
    ">Price",
    ">Free",
    ">Paid for them",
    ">Too few in",
    ">More needed",
    ">For",
];

pub(crate) fn renewal(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
    let types: Vec<&TypeRenewal> =
        site.types.iter().filter_map(|of_type| of_type.renewal.as_ref()).collect();
    if types.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Text(format!(
        "As of {}: how many seats to buy so that they last a term, from all the data up to then. After release means as if \
         nobody came back who lost a seat: how many would is told by what the rules would have done.",
        as_of(report)
    ))];
    blocks.extend(renewal_legend(&types));
    if let Some(order) = &site.order {
        let beside = site.cost.as_ref().and_then(|cost| cost.beside(order));
        blocks.extend(renewal_order(l, order, beside.as_ref()));
    }
    for of_type in &types {
        blocks.push(Block::Heading(name(of_type.seat_type)));
        let no_list = if site.left_out { "" } else { words::NO_LIST };
        blocks.extend(renewal_of_type(
            (l, report.zone),
            of_type,
            &format!("As of {}", as_of(report)),
            no_list,
        ));
    }
    Some(Section { title: RENEWAL.to_owned(), blocks, own_page: true })
}

/// The recommended order: the marked rows of all types in one total, beside the budget. `beside`: how it belongs
/// together with what is paid otherwise.
pub(crate) fn renewal_order(l: Locale, order: &Order, beside: Option<&Beside>) -> Vec<Block> {
    if order.lines.is_empty() {
        return Vec::new();
    }
    let names =
        ["License", ">Seats", ">Change", "Term", ">For the term", ">For a year", "Why so many"];
    let mut table = Table::new("Recommended order: the marked rows together", &names);
    let amount = |money: Option<Money>| money.map_or_else(|| "–".to_owned(), |of| of.written(l));
    for line in &order.lines {
        let [_, why] = said::ordered(line, l);
        table.row([
            name(line.seat_type),
            l.number(line.seats as f64),
            said::signed(line.change, l),
            format!("{} to {}", l.day(line.on), l.day(line.last)),
            amount(line.price),
            amount(line.per_year),
            format!("risk {} %, {why}", line.risk_percent),
        ]);
    }
    let none = String::new;
    if let Some(minutes) = order.minutes {
        let what = "Analyzer Capacity".to_owned();
        let why = "minutes, as now".to_owned();
        let term = order.minutes_for_term;
        table.row([what, none(), none(), none(), amount(term), amount(Some(minutes)), why]);
    }
    if let Some(seats) = order.per_year {
        let all = order.minutes.map_or(seats, |minutes| seats + minutes);
        table.marked = Some(table.rows.len());
        table.row([
            "Together".to_owned(),
            none(),
            none(),
            none(),
            amount(order.price_of_all()),
            amount(Some(all)),
            none(),
        ]);
    }
    let mut blocks = vec![Block::Table(table)];
    if order.budget.is_some() {
        if let Some(of) = beside {
            blocks.push(Block::Note(format!("Budget: {}.", words::budget_in_year(&of.budget, l))));
        }
        let other = said::otherwise(order, l);
        if !other.is_empty() {
            blocks.push(Block::Note(format!("Or {}.", other.join(", "))));
        }
        blocks.extend(beside.map(|of| Block::Text(said::beside(of, l))));
    }
    blocks
}

/// How the figures of all types are to be read; `None` where there are none.
pub(crate) fn renewal_legend(types: &[&TypeRenewal]) -> Option<Block> {
    let view = types.iter().find_map(|of_type| of_type.renewal.as_ref().ok())?;
    Some(Block::Text(said::legend(view.added_for_months).join(" ")))
}

/// What to renew a type with. `then`: what the time of its figures is called; `no_list`: what stands in place of
/// what comes from a list of seats; empty where that is left out.
pub(crate) fn renewal_of_type(
    (l, zone): (Locale, Tz),
    of_type: &TypeRenewal,
    then: &str,
    no_list: &str,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    let entitled = match &of_type.renewal {
        Err(why) => {
            blocks.push(Block::Note(format!("To buy: {why}")));
            None
        }
        Ok(view) => {
            let names = (name(of_type.seat_type), then, no_list);
            let list = of_type.list_as_of.map(|time| super::local_in(l, zone, time));
            of_type_blocks(l, &mut blocks, names, view, (of_type.limits, list));
            Some(view.answer.entitled)
        }
    };
    blocks.extend(duration(l, of_type.seat_type, &of_type.curve, entitled).map(Block::Chart));
    blocks
}

fn of_type_blocks(
    l: Locale,
    blocks: &mut Vec<Block>,
    (name, then, no_list): (String, &str, &str),
    view: &RenewalView,
    (limits, list): (Limits, Option<String>),
) {
    let answer = &view.answer;
    let mut facts = vec![
        ("Term from".to_owned(), format!("{} ({})", l.date(answer.on), view.begins.text(l))),
        (
            then.to_owned(),
            format!(
                "{} of {} taken, {} free",
                l.number(answer.taken),
                l.number(answer.entitled),
                l.number(answer.free)
            ),
        ),
        ("Model".to_owned(), view.model_in_words.clone()),
    ];
    if let Some(why) = &view.untested {
        facts.push(("Test of the model".to_owned(), why.to_string()));
    }
    match answer.reclaimable {
        Some(seats) => {
            let limits = words::limits(&limits, l);
            let limits = limits.map_or_else(String::new, |why| format!(" ({why})"));
            let (seats, released) = (words::reclaimable(seats, l), said::released(answer, l));
            let list = list.map_or_else(String::new, |time| format!(" by the list of {time}"));
            facts.push(("After release".to_owned(), format!("{seats}{list}, {released}{limits}")));
        }
        None if no_list.is_empty() => {}
        None => facts.push(("After release".to_owned(), no_list.to_owned())),
    }
    blocks.push(Block::Facts(facts));
    let caption = |what: &str| format!("{name}: seats to renew with, {what}");
    blocks.extend(said::notes(answer, l).into_iter().map(Block::Note));
    blocks.push(Block::Text(said::recommended(answer).join(" ")));
    blocks.push(Block::Table(table(l, caption("without release"), view)));
    if answer.reclaimable.is_some_and(|seats| seats > 0) {
        blocks.push(Block::Table(after_release(l, caption("after release"), view)));
    }
}

/// Names of columns; those of amounts with the currency.
fn head(caption: String, view: &RenewalView, names: &[&str]) -> Table {
    let currency = view.answer.currency().map_or_else(String::new, |c| format!(" {c}"));
    let names = names.iter().map(|name| match *name {
        ">Price" | ">Paid for them" | ">For" => format!("{name}{currency}"),
        other => other.to_owned(),
    });
    let names: Vec<String> = names.collect();
    Table::new(caption, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn table(l: Locale, caption: String, view: &RenewalView) -> Table {
    let mut table = head(caption, view, &HEAD);
    for term in &view.answer.terms {
        for (risks, risk) in term.rows() {
            let choice = &risk.without_release;
            let is_first = is_first(&view.answer, term, &risks, false);
            if is_first {
                table.marked = Some(table.rows.len());
            }
            let [months, percent, seats, change, price] =
                seats(l, (term.months, &risks), choice, is_first);
            table.row([
                months,
                percent,
                seats,
                change,
                price,
                said::free_seats(&choice.too_many, l),
                said::idle(&choice.too_many, l),
                said::cases(&choice.too_few, l),
                said::missing_seats(&choice.too_few, l),
                said::to_add(&choice.too_few, l),
            ]);
        }
    }
    table
}

fn after_release(l: Locale, caption: String, view: &RenewalView) -> Table {
    let mut table = head(caption, view, &HEAD[..5]);
    for term in &view.answer.terms {
        for (risks, risk) in term.rows() {
            if let Some(choice) = &risk.with_release {
                let is_first = is_first(&view.answer, term, &risks, true);
                if is_first {
                    table.marked = Some(table.rows.len());
                }
                table.row(seats(l, (term.months, &risks), choice, is_first));
            }
        }
    }
    table
}

/// Whether a row, after release or without, is the one to order.
fn is_first(of: &Renewal, term: &TermAnswer, risks: &[u8], with_release: bool) -> bool {
    let first = &of.recommended;
    first.with_release == with_release && risks.iter().any(|risk| first.is(term.months, *risk))
}

fn seats(l: Locale, (months, risks): (u32, &[u8]), choice: &Choice, is_first: bool) -> [String; 5] {
    [
        months.to_string(),
        said::risks(risks),
        said::seats(choice, is_first, l),
        said::change(choice, l),
        words::whole_or_dash(choice.price, l),
    ]
}

/// For which share of the days so many seats were taken, beside what is entitled. `None` without data.
pub(crate) fn duration(
    l: Locale,
    seat_type: SeatType,
    curve: &Curve,
    entitled: Option<f64>,
) -> Option<Chart> {
    let basis = curve.basis?;
    let mut series = vec![Series::line("At least so many taken", curve.steps())];
    if let Some(entitled) = entitled {
        series.push(Series::limit("Entitled", vec![(0.0, entitled), (100.0, entitled)]));
    }
    Some(Chart::Lines(Lines {
        title: format!(
            "{}: for which share of {} to {} so many were taken",
            name(seat_type),
            counted(l, basis.days.into(), "day", "days"),
            l.date(basis.last)
        ),
        unit: "seats".to_owned(),
        across: Across::Percent,
        series,
        band: Vec::new(),
        marks: Vec::new(),
        from_zero: true,
    }))
}
