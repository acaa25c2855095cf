//! What somebody has to know and to decide who reads nothing else: five lines at most, of figures that stand below.

use super::super::{Report, SiteReport, TypeReport};
use super::license::left;
use super::{as_of, count, name};
use crate::insight::budget::Verdict;
use crate::insight::words::{self, renewal as said};
use crate::planning::idle;

pub(super) fn summary(report: &Report, site: &SiteReport) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push((name.to_owned(), text));
    line("License ends", license(report, site));
    if !site.types.is_empty() {
        let free: Vec<_> = site.types.iter().map(|of| free(report, of)).collect();
        line("Seats free", free.join("; "));
    }
    let order = site.order.as_ref().filter(|order| !order.lines.is_empty());
    if let Some(text) = order.and_then(|of| said::order_beside_budget(of, report.locale)) {
        line("To order", text);
    }
    if let Some(text) = idle_seats(report, site) {
        line("Idle seats cost", text);
    }
    let decisions = decisions(report, site);
    line(
        "To decide",
        if decisions.is_empty() { "nothing".to_owned() } else { decisions.join("; ") },
    );
    lines
}

fn license(report: &Report, site: &SiteReport) -> String {
    let l = report.locale;
    match (&site.server_license, site.license_end) {
        (Some(license), _) => match license.expiry_date {
            Some(day) => format!("{}{}", l.date(day), left(report, license)),
            None => license.in_words.clone(),
        },
        (None, Some(end)) => {
            let read = end.as_of.with_timezone(&report.zone).date_naive();
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
    Some(format!("{} a year: {} reclaimable{others}", answer.amount, count(l, answer.seats?)))
}

fn decisions(report: &Report, site: &SiteReport) -> Vec<String> {
    let l = report.locale;
    let mut all = Vec::new();
    if let Some(license) = &site.server_license
        && license.state.as_str() != "valid"
        && license.state.as_str() != "perpetual"
    {
        all.push(format!("the server license is {}", license.state.as_str().replace('-', " ")));
    }
    let order = site.order.as_ref().and_then(|order| order.budget);
    if let Some(of) = order.filter(|of| !matches!(of.verdict, Verdict::Within { .. })) {
        let verdict = words::verdict(&of.verdict, of.budget, l);
        all.push(format!("the recommended order {verdict}"));
        let other = site.order.as_ref().map(|order| said::otherwise(order, l)).unwrap_or_default();
        if !other.is_empty() {
            all.push(format!("or {}", other.join(", ")));
        }
    }
    let budget = site.cost.as_ref().and_then(|cost| cost.budget);
    if let Some(of) = budget.filter(|of| !matches!(of.verdict, Verdict::Within { .. })) {
        let verdict = words::budget(&of, l);
        all.push(format!("without a new order, what is added {verdict} (as of {})", as_of(report)));
    }
    for of_type in &site.types {
        let Some(seats) = &of_type.seats else { continue };
        if let Some(why) = words::not_released(seats.limits.releasing)
            && seats.reclaimable > 0
        {
            let many = count(l, seats.reclaimable);
            all.push(format!("{many} reclaimable {}: {why}", name(of_type.seat_type)));
        }
        if let Some(held) = seats.limits.held_back {
            let many = count(l, held.seats);
            let seats = name(of_type.seat_type);
            all.push(format!("{many} {seats} are held back by maxReleasePercent"));
        }
    }
    all
}
