//! What somebody has to know and to decide who reads nothing else: five lines at most, of figures that stand below.

use super::super::{Report, SiteReport, TypeReport};
use super::license::left;
use super::{as_of, count, day_of, name, not_of_the_end};
use crate::insight::budget::Verdict;
use crate::insight::cost::DAYS;
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
    let (of_the_end, of_now) = decisions(report, site);
    let mut all = Vec::new();
    if !of_the_end.is_empty() {
        all.push(format!("{}{}", at_the_end(report), of_the_end.join("; ")));
    }
    if !of_now.is_empty() {
        let day = report.locale.date(day_of(report, report.generated));
        let when = if report.unfinished { String::new() } else { format!("As of {day}: ") };
        all.push(format!("{when}{}", of_now.join("; ")));
    }
    line(
        "To decide",
        if all.is_empty() {
            "nothing".to_owned()
        } else {
            all.join(if report.unfinished { "; " } else { ". " })
        },
    );
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
    Some(format!("{when}{} a year by releasing {seats}{others}", answer.amount))
}

/// What is to be decided by the figures of the end of the period, and what by those of now.
fn decisions(report: &Report, site: &SiteReport) -> (Vec<String>, Vec<String>) {
    let l = report.locale;
    let (mut of_the_end, mut of_now) = (Vec::new(), Vec::new());
    if let Some(license) = &site.server_license
        && license.state.as_str() != "valid"
        && license.state.as_str() != "perpetual"
    {
        of_now.push(format!("the server license is {}", license.state.as_str().replace('-', " ")));
    }
    let budgeted = site.order.as_ref().and_then(|order| Some((order, order.budget?)));
    if let Some((order, of)) =
        budgeted.filter(|(_, of)| !matches!(of.verdict, Verdict::Within { .. }))
    {
        let verdict = words::verdict(&of.verdict, of.budget, l);
        of_the_end.push(format!("the recommended order {verdict}"));
        let other = said::otherwise(order, l);
        if !other.is_empty() {
            of_the_end.push(format!("or {}", other.join(", ")));
        }
    }
    let budget = site.cost.as_ref().and_then(|cost| cost.budget);
    if let Some(of) = budget.filter(|of| !matches!(of.verdict, Verdict::Within { .. })) {
        let verdict = words::budget(&of, l);
        let today = day_of(report, report.as_of);
        let until = l.date(days_after(today, DAYS));
        of_the_end.push(format!(
            "without a new order, if what is entitled stays until {until} and missing seats are added, what is paid \
             {verdict}"
        ));
    }
    for of_type in &site.types {
        let Some(seats) = &of_type.seats else { continue };
        if let Some(why) = words::not_released(seats.limits.releasing)
            && seats.reclaimable > 0
        {
            let many = count(l, seats.reclaimable);
            of_now.push(format!("{many} reclaimable {}: {why}", name(of_type.seat_type)));
        }
        if let Some(held) = seats.limits.held_back {
            let (many, seats) = (count(l, held.seats), name(of_type.seat_type));
            of_now.push(format!(
                "{many} {seats} could go, and wait for a person: so many at once are not taken by themselves \
                 (maxReleasePercent)"
            ));
        }
    }
    (of_the_end, of_now)
}
