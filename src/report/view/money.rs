//! Minutes and cost.

use super::super::svg::{Bar, Bars, Chart};
use super::super::{Report, SiteReport};
use super::{Block, COST, Section, Table, count, later, local, name, optional, percent};
use crate::insight::capacity::MonthEnd;
use crate::insight::chargeback::Amounts;
use crate::insight::cost::DAYS;
use crate::insight::days_after;
use crate::insight::money::Money;
use crate::insight::money::percent_of;
use crate::insight::utilization::Step;
use crate::insight::words::{self, renewal as said};
use crate::plain::one_line;
use crate::planning::Month;
use crate::planning::chargeback::ByGroup;
use crate::planning::money::Cost;
use crate::words::counted;

const UNKNOWN: &str = "not known yet";

pub(crate) fn capacity(report: &Report, site: &SiteReport) -> Option<Section> {
    let capacity = site.capacity.as_ref()?;
    let l = report.locale;
    let step = report.period.step();
    let months = Month::put_together(&capacity.months, step);
    let by = match step {
        Step::Year => "year",
        Step::Quarter => "quarter",
        Step::Day | Step::Week | Step::Month => "month",
    };
    let mut blocks = Vec::new();
    if capacity.months.is_empty() {
        blocks.push(Block::Note("No data in this period.".to_owned()));
    } else {
        let bars = months.iter().map(|month| Bar {
            label: month.name.clone(),
            value: month.used,
            limit: month.allocated,
        });
        blocks.push(Block::Chart(Chart::Bars(Bars {
            title: format!("Minutes used by {by}"),
            unit: "minutes".to_owned(),
            bars: bars.collect(),
            limit: "Allocated".to_owned(),
        })));
        let mut table = Table::new(
            format!("Minutes of Analyzer Capacity by {by}"),
            &["Period", ">Used", ">Allocated", ">Used %", ">Days with data"],
        );
        for month in &months {
            table.row([
                month.name.clone(),
                l.number(month.used),
                optional(l, month.allocated),
                percent(l, month.percent),
                format!("{} of {}", count(l, month.days), count(l, month.of)),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    if let Some(month) = &capacity.this_month {
        let mut text = format!(
            "This month: {} of {} minutes are used, and {:.0} % of the month is gone.",
            l.number(month.used),
            l.number(month.usable),
            month.gone_percent
        );
        match &month.projected {
            Err(why) => text += &format!(" How it ends: {why}."),
            Ok(projected) => {
                text += &format!(
                    " At this pace it ends with {} minutes;",
                    l.number(projected.used.round())
                );
                text += &match projected.runs_out {
                    MonthEnd::Already => " none are left now.".to_owned(),
                    MonthEnd::RunsOut { day } => format!(" they run out on {}.", l.date(day)),
                    MonthEnd::Lasts => " they last.".to_owned(),
                };
            }
        }
        blocks.push(Block::Text(text));
    }
    Some(Section { title: "Analyzer Capacity".to_owned(), blocks, own_page: false })
}

/// What was entitled in the period itself, and what releases saved in it.
pub(crate) fn of_period(report: &Report, site: &SiteReport) -> Option<Section> {
    let cost = site.cost_in_period.as_ref()?;
    let l = report.locale;
    let mut table = Table::new(
        "Cost of what was entitled in the period",
        &["License", ">Days of seats", ">Cost"],
    );
    for of_type in &cost.by_type {
        let days = count(l, of_type.seat_days);
        table.row([name(of_type.seat_type), days, of_type.cost.written(l)]);
    }
    if let Some(capacity) = cost.capacity {
        table.row(["Analyzer Capacity".to_owned(), "–".to_owned(), capacity.written(l)]);
    }
    table.row(["All".to_owned(), String::new(), cost.all.written(l)]);
    let text = "Each day of a seat that was entitled is a 365th of a year's price; minutes are paid by the \
                month. A day without data counts with what was entitled last; days before the history \
                began are not in it.";
    let mut blocks = vec![Block::Table(table), Block::Text(text.to_owned())];
    blocks.extend(saved(report, site).into_iter().flatten());
    Some(Section { title: "Cost of the period".to_owned(), blocks, own_page: false })
}

/// What releases saved: in the period, in a year, in all.
fn saved(report: &Report, site: &SiteReport) -> Option<[Block; 2]> {
    let l = report.locale;
    let (in_period, earlier) =
        (site.saved_in_period.as_ref()?, site.saved_in_period_by_earlier.as_ref()?);
    let cost = site.cost.as_ref()?;
    let as_of = report.as_of.with_timezone(&report.zone).date_naive();
    let mut table = Table::new("Saved by releases", &["When", "From", "To", ">Saved"]);
    let mut row = |when: &str, from: String, to: String, saved: Money| {
        table.row([when.to_owned(), from, to, saved.written(l)]);
    };
    let (first, last) = (report.period.first, report.period.last.min(as_of));
    let by_own = in_period.amount - earlier.amount;
    row("In the period", l.day(first), l.day(last), in_period.amount);
    row("of it by releases of the period", String::new(), String::new(), by_own);
    row("of it by earlier releases", String::new(), String::new(), earlier.amount);
    let year = days_after(as_of, 1 - DAYS);
    row("In 365 days", l.day(year), l.day(as_of), cost.saved_last_year.amount);
    row("Since the first release", String::new(), l.day(as_of), cost.saved.amount);
    let text = "A seat saves a 365th of its price on each day on which it stays free: from the day after its \
                release until its person has one again, for a year at most. So a period has what earlier \
                releases go on saving, too. It is what as many seats would have cost, not money that came back.";
    Some([Block::Table(table), Block::Text(text.to_owned())])
}

pub(crate) fn cost(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    match &site.cost {
        // There are prices.
        None if site.saved_in_period.is_some() => {
            blocks.push(Block::Text(format!("Cost is {}.", words::NO_ENTITLEMENT)));
        }
        None => blocks
            .push(Block::Text("Nothing has a price in the settings (Butler.cost).".to_owned())),
        Some(cost) => {
            blocks.push(Block::Text(format!(
                "Prices and budget are those of the settings on {}, when the report was made.",
                report.locale.date(report.generated.with_timezone(&report.zone).date_naive())
            )));
            let unknown = if site.left_out { "–" } else { UNKNOWN };
            blocks.push(Block::Table(table(report, cost, unknown)));
            blocks.extend(chart(cost).map(Block::Chart));
            blocks.push(Block::Facts(facts(report, site, cost)));
        }
    }
    Some(Section { title: COST.to_owned(), blocks, own_page: false })
}

fn table(report: &Report, cost: &Cost, unknown: &str) -> Table {
    let l = report.locale;
    let written = |money: Money| l.separated(&money.rounded().to_string());
    let amount = |money: Option<Money>| money.map_or_else(|| unknown.to_owned(), written);
    let mut table = Table::new(
        format!("Cost of a year, in {}", cost.currency),
        &["License", ">Per seat", ">Entitled", ">Allocated", ">Active", ">Idle", ">Reclaimable"],
    );
    for of_type in &cost.by_type {
        table.row([
            of_type.seat_type.title().to_owned(),
            written(of_type.per_seat),
            written(of_type.entitled),
            written(of_type.allocated),
            amount(of_type.active),
            amount(of_type.idle),
            amount(of_type.reclaimable),
        ]);
    }
    let none = String::new;
    let of_seats = |name: &str| {
        let all = [
            Some(cost.entitled_seats),
            Some(cost.allocated),
            cost.active,
            cost.idle,
            cost.reclaimable,
        ];
        [name.to_owned(), none()].into_iter().chain(all.map(amount))
    };
    match &cost.capacity {
        // Minutes are allocated to nobody: all that follows is of seats.
        Some(capacity) => {
            let dashes = || std::array::from_fn::<_, 4, _>(|_| "–".to_owned());
            let only = |name: &str, entitled: Money| {
                [name.to_owned(), none(), written(entitled)].into_iter().chain(dashes())
            };
            table.row(of_seats("All seats"));
            table.row(only("Analyzer Capacity", capacity.entitled));
            table.row(only("Seats and minutes", cost.entitled));
        }
        None => table.row(of_seats("All")),
    }
    let days = span(cost.by_type.iter().filter_map(|of| of.as_of), |day| l.day(day));
    let lists = cost.by_type.iter().filter_map(|of| of.list_as_of);
    let lists = span(lists, |time| local(report, time));
    let priced = l.day(report.generated.with_timezone(&report.zone).date_naive());
    table.row([
        "As of".to_owned(),
        priced,
        days.clone(),
        days,
        lists.clone(),
        lists.clone(),
        lists,
    ]);
    table
}

/// More rows are in the file of the command.
const MOST_ROWS: usize = 60;

/// The cost of a year by each custom property that the settings name, such as the department.
pub(crate) fn by_property(report: &Report, site: &SiteReport) -> Vec<Section> {
    let section = |by: &ByGroup| {
        let name = one_line(&by.by);
        let title = format!("Cost of a year by {name}");
        Section { title, blocks: by_group(report, by, &name), own_page: false }
    };
    site.cost_by_property.iter().map(section).collect()
}

/// The cost of a year by user directory.
pub(crate) fn by_directory(report: &Report, site: &SiteReport) -> Option<Section> {
    site.cost.as_ref()?;
    let title = "Cost of a year by directory".to_owned();
    let Some(by) = &site.cost_by_directory else {
        if site.left_out {
            return None;
        }
        let blocks = vec![Block::Note(format!("Who costs what is {}.", words::NO_LIST))];
        return Some(Section { title, blocks, own_page: false });
    };
    Some(Section { title, blocks: by_group(report, by, "directory"), own_page: false })
}

/// A row for each group of a type, and what they are.
fn by_group(report: &Report, by: &ByGroup, name: &str) -> Vec<Block> {
    let l = report.locale;
    let of = &by.chargeback;
    let caption = format!("Cost of a year by {name}, in {}", of.currency);
    let column = if name == "directory" { "Directory" } else { name };
    let mut table = Table::new(
        caption,
        &["License", column, ">Seats", ">Entitled", ">Idle", ">Reclaimable", ">Saved, 365 days"],
    );
    let whole = |money: Money| words::whole(money, l);
    for row in of.rows.iter().take(MOST_ROWS) {
        let amounts = row.amounts.as_ref();
        let amount = |pick: fn(&Amounts) -> Money| {
            amounts.map_or_else(|| "–".to_owned(), |amounts| whole(pick(amounts)))
        };
        table.row([
            row.seat_type.map_or("Analyzer Capacity", |of| of.title()).to_owned(),
            one_line(row.group.title()),
            count(l, row.allocated),
            amount(|of| of.entitled),
            amount(|of| of.idle),
            amount(|of| of.reclaimable),
            amount(|of| of.saved),
        ]);
    }
    let mut text = format!(
        "Entitled seats are shared by those who hold seats. By the lists of {}, in whole units.",
        local(report, by.as_of)
    );
    text += " Saved: by releases in the last 365 days. bursar insight cost --by --csv has all digits, and other groups.";
    if of.rows.len() > MOST_ROWS {
        let more = (of.rows.len() - MOST_ROWS) as u64;
        text += &format!(" There: {}.", counted(l, more, "more row", "more rows"));
    }
    let mut blocks: Vec<Block> = later(report, by.as_of).into_iter().collect();
    blocks.extend([Block::Table(table), Block::Text(text)]);
    blocks
}

/// One time, or the first and the last of several; nothing of none.
fn span<T: Ord + Copy>(
    times: impl Iterator<Item = T> + Clone,
    text: impl Fn(T) -> String,
) -> String {
    let (first, last) = (times.clone().min(), times.max());
    match first.zip(last) {
        None => String::new(),
        Some((first, last)) if first == last => text(first),
        Some((first, last)) => format!("{} to {}", text(first), text(last)),
    }
}

fn chart(cost: &Cost) -> Option<Chart> {
    use rust_decimal::prelude::ToPrimitive;
    let value = |money: Money| money.amount.to_f64();
    let mut bars = Vec::new();
    let all = [
        ("Entitled", Some(cost.entitled_seats)),
        ("Allocated", Some(cost.allocated)),
        ("Active", cost.active),
        ("Idle", cost.idle),
        ("Reclaimable", cost.reclaimable),
    ];
    for (label, money) in all {
        if let Some(money) = money {
            bars.push(Bar { label: label.to_owned(), value: value(money)?, limit: None });
        }
    }
    Some(Chart::Bars(Bars {
        title: "Cost of a year of seats by what they are good for".to_owned(),
        unit: cost.currency.to_string(),
        bars,
        limit: String::new(),
    }))
}

fn facts(report: &Report, site: &SiteReport, cost: &Cost) -> Vec<(String, String)> {
    let l = report.locale;
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
    let with_minutes = cost.capacity.is_some();
    match (cost.per_active_person, cost.active_people) {
        (Some(amount), Some(people)) => {
            let by = words::per_active_person(people, with_minutes, l);
            let lists = cost.by_type.iter().filter_map(|of| of.list_as_of);
            let lists = span(lists, |time| local(report, time));
            fact(
                "Per active user",
                format!("{}: {by}, by the lists of {lists}", amount.written(l)),
            );
        }
        _ if site.left_out => {}
        _ => fact("Per active user", UNKNOWN.to_owned()),
    }
    if let Some(share) = cost.reclaimable.and_then(|part| percent_of(part, cost.entitled)) {
        let what = words::RECLAIMABLE;
        fact("Reclaimable of entitled", format!("{} %: {what}", l.fixed(share, 1)));
    }
    for of_type in &cost.by_type {
        let seats = &of_type.seats;
        if let (Some(reclaimable), Some(idle), Some(days)) =
            (seats.reclaimable, seats.idle, seats.threshold_days)
        {
            let of_idle = words::of_idle(reclaimable, idle, days, l);
            let limits = words::limits(&seats.limits, l);
            let limits = limits.map_or_else(String::new, |why| format!("; {why}"));
            fact(&format!("Reclaimable {}", name(of_type.seat_type)), format!("{of_idle}{limits}"));
        }
    }
    if site.saved_in_period.is_some() {
        let saved = cost.saved.amount.written(l);
        let until = l.date(report.as_of.with_timezone(&report.zone).date_naive());
        fact(
            "Saved by releases",
            format!("{saved} from the first one to {until}; by time: see Cost of the period"),
        );
    }
    let minutes = cost.capacity.as_ref().map(|capacity| words::for_minutes(capacity.entitled, l));
    let next_year = std::iter::once(words::for_seats(&cost.next_year.to_pay, l)).chain(minutes);
    let next_year = next_year.collect::<Vec<_>>().join(", and ");
    let year = cost.next_year.year;
    fact(
        if year.by_renewal { "Year of the budget" } else { "Next 12 months" },
        format!(
            "{} to {}, if what is entitled is renewed as it is: {next_year}",
            l.date(year.first),
            l.date(year.last)
        ),
    );
    for projection in cost.next_year.by_type.iter().filter(|p| p.missing_high > 0) {
        let first = words::first_to_buy(&projection.to_buy, l).unwrap_or_default();
        let to_buy = words::to_buy(projection, l);
        fact("To buy", format!("{to_buy}; {first} ({})", words::FIRST_TO_BUY));
    }
    let budget = cost.budget.as_ref();
    fact(
        "Budget",
        budget.map_or_else(|| "none set".to_owned(), |budget| words::budget_in_year(budget, l)),
    );
    if let Some(order) = site.order.as_ref().and_then(|order| said::order_beside_budget(order, l)) {
        fact("Or order anew", format!("{order}. See What to renew with."));
    }
    let beside = site.order.as_ref().and_then(|order| cost.beside(order));
    if let Some(of) = beside {
        fact("Both together", said::beside(&of, l));
    }
    for seat_type in &cost.without_price {
        fact("Without a price", format!("{} seats: in no sum", seat_type.title()));
    }
    facts
}
