//! Entitlement, use, growth and forecast.

use chrono::{Datelike, NaiveDate};

use super::super::gather::local;
use super::super::svg::{Chart, Lines, Series};
use super::super::{Report, SiteReport, TypeReport};
use super::{Block, LEFT_OUT, Section, Table, as_of, name, number, optional, percent, signed};
use crate::insight::models::Kind;
use crate::insight::words;

const NO_HISTORY: &str = "No history of seats: the access licenses were not polled so far.";

pub(crate) fn entitlement(_report: &Report, site: &SiteReport) -> Option<Section> {
    let mut table = Table::new(&[
        "License",
        ">Before",
        ">At the end",
        ">Taken before",
        ">Taken at the end",
        ">Change",
        ">Quarantined",
        ">Excess",
        ">Free",
    ]);
    for of_type in &site.types {
        let (before, end) = (of_type.before, of_type.at_end);
        let change = before.zip(end).map(|(before, end)| signed(end.taken - before.taken));
        table.row([
            name(of_type.seat_type),
            optional(before.and_then(|now| now.entitled)),
            optional(end.and_then(|now| now.entitled)),
            optional(before.map(|now| now.taken)),
            optional(end.map(|now| now.taken)),
            change.unwrap_or_else(|| "–".to_owned()),
            optional(end.and_then(|now| now.quarantined)),
            optional(end.and_then(|now| now.excess)),
            optional(end.and_then(|now| now.free)),
        ]);
    }
    let mut blocks = Vec::new();
    if site.types.is_empty() {
        blocks.push(Block::Note(NO_HISTORY.to_owned()));
    } else {
        blocks.push(Block::Table(table));
    }
    for of_type in &site.types {
        for change in &of_type.entitled_changes {
            blocks.push(Block::Text(format!(
                "On {} the entitled {} changed from {} to {}.",
                words::date(change.day),
                name(of_type.seat_type),
                number(change.from),
                number(change.to)
            )));
        }
    }
    Some(Section { title: "Entitlement".to_owned(), blocks })
}

pub(crate) fn use_and_peaks(_report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = Vec::new();
    for of_type in &site.types {
        blocks.push(Block::Heading(name(of_type.seat_type)));
        if of_type.days == 0 {
            blocks.push(Block::Note("No data in this period.".to_owned()));
            continue;
        }
        blocks.push(Block::Facts(used(of_type)));
        blocks.push(Block::Chart(history(of_type)));
        let mut table = Table::new(&[
            "Period",
            ">Peak",
            ">Mean",
            ">Last",
            ">Change",
            ">Entitled",
            ">Mean %",
            ">Peak %",
            ">Full days",
            ">Days",
        ]);
        for period in &of_type.periods {
            table.row([
                period.name.clone(),
                number(period.peak),
                format!("{:.1}", period.mean),
                number(period.last),
                period.change.map_or_else(|| "–".to_owned(), signed),
                optional(period.entitled),
                percent(period.mean_percent),
                percent(period.peak_percent),
                period.full_days.to_string(),
                format!("{} of {}", period.days, period.of),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    (!blocks.is_empty()).then(|| Section { title: "Use and peaks".to_owned(), blocks })
}

fn used(of_type: &TypeReport) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(peak) = of_type.peak {
        let share = peak.percent.map_or_else(String::new, |share| format!(" ({share:.1} %)"));
        let text = format!("{}{share} on {}", number(peak.taken), words::date(peak.day));
        facts.push(("Peak".to_owned(), text));
    }
    if let Some(mean) = of_type.mean {
        let share = of_type.mean_percent.map_or_else(String::new, |s| format!(" ({s:.1} %)"));
        facts.push(("Mean".to_owned(), format!("{mean:.1}{share}")));
    }
    let year = match &of_type.year_on_year {
        Err(why) => why.to_string(),
        Ok(year) => match (&year.last_year, year.change) {
            (Some(last), Some(change)) => format!(
                "{} {:.1}, {} {:.1}: {}{}",
                year.this.name,
                year.this.mean,
                last.name,
                last.mean,
                signed(change),
                year.change_percent.map_or_else(String::new, |p| format!(" ({} %)", signed(p)))
            ),
            _ => "no data of a year ago".to_owned(),
        },
    };
    facts.push(("Year on year".to_owned(), year));
    if of_type.full_days > 0 {
        let text = format!("on {} days nothing could be given out", of_type.full_days);
        facts.push(("Full".to_owned(), text));
    }
    facts.push(("Days with data".to_owned(), format!("{} of {}", of_type.days, of_type.of)));
    facts
}

/// Days since the beginning of the calendar.
fn x(day: NaiveDate) -> f64 {
    f64::from(day.num_days_from_ce())
}

fn history(of_type: &TypeReport) -> Chart {
    let points = &of_type.daily;
    let entitled = points.iter().filter_map(|point| Some((x(point.day), point.entitled?)));
    Chart::Lines(Lines {
        title: format!("{}: taken and entitled", name(of_type.seat_type)),
        unit: "seats".to_owned(),
        series: vec![
            Series::line("Taken", points.iter().map(|p| (x(p.day), p.mean)).collect()),
            Series::limit("Entitled", entitled.collect()),
        ],
        band: Vec::new(),
        marks: Vec::new(),
    })
}

pub(crate) fn forecast(report: &Report, site: &SiteReport) -> Option<Section> {
    let mut blocks = vec![Block::Text(format!(
        "As of {}, from all the data up to then. Ranges hold 80 of 100 cases.",
        as_of(report)
    ))];
    for of_type in &site.types {
        blocks.push(Block::Heading(name(of_type.seat_type)));
        let mut facts = Vec::new();
        let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
        match &of_type.growth {
            Ok(growth) => fact(
                "Growth",
                format!(
                    "{} a month, in 80 of 100 cases {}",
                    signed(growth.per_month.middle),
                    words::growth(&growth.per_month)
                ),
            ),
            Err(why) => fact("Growth", why.to_string()),
        }
        match &of_type.forecast {
            Err(why) => fact("Run out", why.to_string()),
            Ok(view) => {
                let free = format!("{} of {}", number(view.free), number(view.entitled));
                fact("Free", free);
                if let Some(months) = view.months_at_growth {
                    fact("At that growth", format!("they last {}", words::about_months(months)));
                }
                fact("Run out", view.in_words.clone());
                fact(
                    "With release",
                    match (view.reclaimable, &view.after_release_in_words) {
                        (Some(seats), Some(words)) => {
                            let list = of_type.seats.as_ref();
                            let by = list.map_or_else(String::new, |list| {
                                format!(" by the list of {}", local(list.as_of, report.zone))
                            });
                            format!("{words} (of {seats} reclaimable seats{by}, once)")
                        }
                        _ if site.left_out => LEFT_OUT.to_owned(),
                        _ => "not known yet: the list of seats was not read so far".to_owned(),
                    },
                );
                fact("Model", view.model_in_words.clone());
                if view.model != Kind::Damped {
                    fact(
                        "If growth fades",
                        match &view.second_opinion {
                            Ok(second) => format!(
                                "{}{}",
                                words::runs_out(&second.runs_out, view.today),
                                words::of_late(&view.growth.per_month, second.per_month)
                            ),
                            Err(why) => why.to_string(),
                        },
                    );
                }
                fact(
                    "Error so far",
                    match &view.error {
                        Ok(test) => format!(
                            "{:.1} seats on average; {:.0} % of {} earlier ranges held",
                            test.mae, test.coverage_percent, test.forecasts
                        ),
                        Err(why) => why.to_string(),
                    },
                );
            }
        }
        let idle = if site.left_out { LEFT_OUT.to_owned() } else { idle(report, of_type) };
        fact("Idle", idle);
        blocks.push(Block::Facts(facts));
        blocks.extend(ahead(report, of_type).map(Block::Chart));
    }
    (!site.types.is_empty())
        .then(|| Section { title: "Growth, forecast and idle seats".to_owned(), blocks })
}

fn idle(report: &Report, of_type: &TypeReport) -> String {
    let Some(seats) = &of_type.seats else {
        return "not known yet: the list of seats was not read so far".to_owned();
    };
    let idle = seats.usage.idle;
    let undecided = match seats.undecided {
        0 => String::new(),
        n => format!(" (undecided: {n})"),
    };
    format!(
        "{} of {} seats for {} days or longer; reclaimable under the rules {}{}; \
         {} active within 28 days; never used {}, in quarantine {}; by the list of {}",
        seats.idle,
        seats.usage.seats,
        seats.threshold_days,
        seats.reclaimable,
        undecided,
        seats.active,
        idle.never_used,
        seats.usage.quarantined,
        local(seats.as_of, report.zone)
    )
}

/// What the day is that a forecast starts from.
fn mark(report: &Report) -> &'static str {
    if report.unfinished { "today" } else { "end of the period" }
}

fn ahead(report: &Report, of_type: &TypeReport) -> Option<Chart> {
    let view = of_type.forecast.as_ref().ok()?;
    let recent = of_type.daily.iter().filter(|point| point.day <= view.as_of);
    let line: Vec<_> = recent.map(|point| (x(point.day), point.mean)).collect();
    let end = x(view.outlook.last()?.day);
    let first = line.first().map_or(x(view.as_of), |point| point.0);
    let start = (x(view.as_of), view.taken, view.taken);
    let points = view.outlook.iter().map(|point| (x(point.day), point.low, point.high));
    let middle = std::iter::once((x(view.as_of), view.taken))
        .chain(view.outlook.iter().map(|point| (x(point.day), point.middle)));
    let entitled = of_type.daily.iter().filter_map(|point| Some((x(point.day), point.entitled?)));
    let entitled = entitled.chain([(x(view.as_of), view.entitled), (end, view.entitled)]);
    let mut entitled: Vec<_> = entitled.filter(|point| point.0 >= first).collect();
    entitled.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Chart::Lines(Lines {
        title: format!("{}: forecast of the next 12 months", name(of_type.seat_type)),
        unit: "seats".to_owned(),
        series: vec![
            Series::line("Taken", line),
            Series::dashed("Forecast", middle.collect()),
            Series::limit("Entitled", entitled),
        ],
        band: std::iter::once(start).chain(points).collect(),
        marks: vec![(x(view.today), mark(report).to_owned())],
    }))
}
