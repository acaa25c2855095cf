//! What somebody has to know and to decide who reads nothing else: five lines at most, of figures that stand below.

use super::super::{Report, SiteReport, TypeReport};
use super::license::left;
use super::{COST, IDLE, RENEWAL, SERVER_LICENSE, as_of, count, day_of, name, not_of_the_end};
use crate::insight::budget::Verdict;
use crate::insight::days_after;
use crate::insight::words::{self, renewal as said};
use crate::planning::idle::{self, AsOf};
use crate::words::counted;

pub(super) fn summary(report: &Report, site: &SiteReport) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push((name.to_owned(), text));
    line("License ends", license(report, site));
    if !site.types.is_empty() {
        let free: Vec<_> = site.types.iter().map(|of| free(report, of)).collect();
        line("Seats free", format!("{}{}", at_the_end(report), free.join("; ")));
    }
    let order = site.order.as_ref().filter(|order| !order.lines.is_empty());
    if let Some(text) = order.and_then(|of| said::order_in_short(of, report.locale)) {
        line("To order", format!("{}{text}", at_the_end(report)));
    }
    if let Some(text) = idle_seats(report, site) {
        line("Could be saved", text);
    }
    let decide = match decisions(report, site).len() {
        0 => "nothing".to_owned(),
        1 => "1 thing, below".to_owned(),
        many => format!("{many} things, by number below"),
    };
    line("To decide", decide);
    lines
}

/// `as of 31 October 2026: `, of a period that is over.
fn at_the_end(report: &Report) -> String {
    if report.unfinished { String::new() } else { format!("as of {}: ", as_of(report)) }
}

fn license(report: &Report, site: &SiteReport) -> String {
    let l = report.locale;
    match (&site.server_license, site.license_end) {
        (Some(license), _) => match license.expiry_date {
            Some(day) => {
                let read = l.date(day_of(report, license.as_of));
                let read = not_of_the_end(report, license.as_of)
                    .map_or_else(String::new, |_| format!(", as read on {read}"));
                format!("{}{}{read}", l.date(day), left(report, license))
            }
            None => license.in_words.clone(),
        },
        (None, Some(end)) => {
            let read = day_of(report, end.as_of);
            format!("{}, as read on {}", l.date(end.last_valid), l.date(read))
        }
        (None, None) => "not known".to_owned(),
    }
}

/// `120 of 900 Analyzer, run out between 5 March and 20 June 2027`.
fn free(report: &Report, of_type: &TypeReport) -> String {
    let l = report.locale;
    let title = of_type.seat_type.title();
    let Some(end) = of_type.at_end else { return format!("{title}: not known") };
    let seats = match end.free.zip(end.entitled) {
        Some((free, entitled)) => format!("{} of {} {title}", l.number(free), l.number(entitled)),
        None => format!("{title}: not known"),
    };
    match &of_type.forecast {
        Ok(view) => {
            format!("{seats} (run out: {})", words::runs_out(&view.runs_out, view.today, l))
        }
        Err(_) => seats,
    }
}

/// The answer of the table of idle seats.
fn idle_seats(report: &Report, site: &SiteReport) -> Option<String> {
    let l = report.locale;
    let cost = site.cost.as_ref()?;
    let today = report.as_of.with_timezone(&report.zone).date_naive();
    let lines = idle::lines(cost, None, today, l);
    let text = |of: &idle::Line| {
        let seats = of.seats.map_or_else(String::new, |seats| format!("{} ", count(l, seats)));
        format!("{seats}{}, {}", of.name.to_lowercase(), of.amount)
    };
    let answer = lines.iter().find(|line| line.is_answer)?;
    let others = lines.iter().filter(|line| !line.is_answer && line.seats.is_some());
    let others: Vec<_> = others.map(text).collect();
    let others =
        if others.is_empty() { String::new() } else { format!(" ({})", others.join("; ")) };
    let when = match answer.as_of {
        AsOf::List(time) => not_of_the_end(report, time)
            .map_or_else(String::new, |_| format!("as of {}: ", l.date(day_of(report, time)))),
        AsOf::Day(_) | AsOf::Year(_) => String::new(),
    };
    let seats = counted(l, answer.seats?.into(), "reclaimable seat", "reclaimable seats");
    let back = cost.could_be_saved.as_ref();
    let back = back.map_or_else(String::new, |of| format!("; {}", words::coming_back(of, l)));
    Some(format!("{when}{} a year by releasing {seats}{back}{others}", answer.amount))
}

/// What is to be decided, each with how many, by when, for how much, and where more of it stands: first by the figures of
/// the end of the period, then by those of now.
pub(super) fn decisions(report: &Report, site: &SiteReport) -> Vec<String> {
    let l = report.locale;
    let end = at_the_end(report);
    let day = report.locale.date(day_of(report, report.generated));
    let now = if report.unfinished { String::new() } else { format!("as of {day}: ") };
    let mut all = Vec::new();
    let order = site.order.as_ref();
    let first = order.and_then(|order| order.lines.iter().map(|line| line.on).min());
    // Until the day before the term.
    let until = first.map(|day| l.date(days_after(day, -1)));
    let budgeted = order.and_then(|order| Some((order, order.budget?)));
    if let Some((order, _)) =
        budgeted.filter(|(_, of)| !matches!(of.verdict, Verdict::Within { .. }))
    {
        let by = until.as_ref().map_or_else(String::new, |day| format!("by {day}, "));
        let text = said::order_in_short(order, l).unwrap_or_default();
        let beside = site.cost.as_ref().and_then(|cost| cost.beside(order));
        let over = beside.map(|of| said::over_budget(&of, l));
        let over = over.map_or_else(String::new, |over| format!("; {over}"));
        let other = said::otherwise(order, l);
        let other =
            if other.is_empty() { String::new() } else { format!("; or {}", other.join(", ")) };
        all.push(format!("{end}{by}whether to order {text}{over}{other} (see {RENEWAL})"));
    }
    let cost = site.cost.as_ref();
    let over = cost.and_then(|cost| Some((cost, cost.budget?)));
    if let Some((cost, of)) = over.filter(|(_, of)| !matches!(of.verdict, Verdict::Within { .. })) {
        let verdict = words::budget_in_year(&of, l);
        let buy = cost.next_year.by_type.iter().filter(|of| of.missing_high > 0).map(|of| {
            let first = words::first_to_buy(&of.to_buy, l).unwrap_or_default();
            format!("{}, {first}", words::to_buy(of, l))
        });
        let buy: Vec<_> = buy.collect();
        let buy =
            if buy.is_empty() { String::new() } else { format!("; to buy: {}", buy.join("; ")) };
        all.push(format!(
            "{end}what is paid if what is entitled is renewed as it is, and missing seats are added: \
             {}, {verdict}{buy} (see {COST})",
            words::amounts(&of.to_pay, l)
        ));
    }
    if let Some(license) = &site.server_license
        && license.state.as_str() != "valid"
        && license.state.as_str() != "perpetual"
    {
        let ends = license.expiry_date.map_or_else(String::new, |day| {
            format!(": it ends on {}{}", l.date(day), left(report, license))
        });
        let state = license.state.as_str().replace('-', " ");
        all.push(format!("{now}the server license is {state}{ends} (see {SERVER_LICENSE})"));
    }
    for of_type in &site.types {
        let Some(seats) = &of_type.seats else { continue };
        let per_seat = cost.and_then(|cost| {
            let of = cost.by_type.iter().find(|of| of.seat_type == of_type.seat_type)?;
            Some(of.per_seat)
        });
        let price = |seats: u32| {
            let amount = per_seat.map(|of| of.times(seats).written(l));
            amount.map_or_else(String::new, |amount| {
                format!(", up to {amount} a year, if nobody comes back")
            })
        };
        if let Some(why) = words::not_released(seats.limits.releasing)
            && seats.reclaimable > 0
        {
            let many = count(l, seats.reclaimable);
            let fits = order.and_then(|order| idle::until_term(order, of_type.seat_type, l));
            let fits = fits.map_or_else(String::new, |fits| format!("; they would go {fits}"));
            all.push(format!(
                "{now}{many} reclaimable {}{}: {why}{fits} (see {IDLE})",
                name(of_type.seat_type),
                price(seats.reclaimable)
            ));
        }
        if let Some(held) = seats.limits.held_back {
            let (many, seats) = (count(l, held.seats), name(of_type.seat_type));
            all.push(format!(
                "{now}{many} {seats} could go, and wait for a person{}: so many at once are not taken by \
                 themselves (maxReleasePercent) (see {IDLE})",
                price(held.seats)
            ));
        }
    }
    all
}
