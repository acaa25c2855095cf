//! Entitlement, use, growth and forecast.

use chrono::{Datelike, NaiveDate};

use super::super::svg::{Across, Chart, Lines, Series};
use super::super::{DailyPoint, Report, SiteReport, TypeReport};
use super::{
    Block, IDLE, Section, Table, as_of, count, day_of, later, local, name, optional, percent,
    signed,
};
use crate::insight::models::Kind;
use crate::insight::utilization::{Now, Step};
use crate::insight::words;
use crate::planning::ForecastView;
use crate::planning::idle::{self, AsOf};
use crate::words::{Locale, counted};

const NO_HISTORY: &str = "No history of seats: the access licenses were not polled so far.";

pub(crate) fn entitlement(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
    let mut table = Table::new(
        "Seats before the period and at its end",
        &["License", "When", ">Entitled", ">Taken", ">Quarantined", ">Excess", ">Free"],
    );
    for of_type in &site.types {
        let all = |now: Now| [now.entitled, Some(now.taken), now.quarantined, now.excess, now.free];
        let mut row = |when: String, figures: [String; 5]| {
            table.row([name(of_type.seat_type), when].into_iter().chain(figures));
        };
        for (when, now) in [("before", of_type.before), ("at the end", of_type.at_end)] {
            let Some(now) = now else {
                row(format!("{when}: not known"), all_unknown());
                continue;
            };
            row(format!("{when}: {}", l.day(now.day)), all(now).map(|value| optional(l, value)));
        }
        if let Some((before, end)) = of_type.before.zip(of_type.at_end) {
            let mut pairs = all(before).into_iter().zip(all(end));
            let change = std::array::from_fn(|_| {
                let (before, end) = pairs.next().unwrap_or_default();
                before.zip(end).map_or_else(|| "–".to_owned(), |(b, e)| signed(l, e - b))
            });
            row("change".to_owned(), change);
        }
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
                l.date(change.day),
                name(of_type.seat_type),
                l.number(change.from),
                l.number(change.to)
            )));
        }
    }
    Some(Section { title: "Entitlement".to_owned(), blocks, own_page: false })
}

fn all_unknown() -> [String; 5] {
    std::array::from_fn(|_| "–".to_owned())
}

pub(crate) fn use_and_peaks(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
    let mut blocks = Vec::new();
    for of_type in &site.types {
        blocks.push(Block::Heading(name(of_type.seat_type)));
        if of_type.days == 0 {
            blocks.push(Block::Note("No data in this period.".to_owned()));
            continue;
        }
        blocks.push(Block::Facts(used(report, site, of_type)));
        blocks.push(Block::Chart(history(of_type)));
        let caption = format!("{}: use by {}", name(of_type.seat_type), step(report));
        let mut table = Table::new(
            caption,
            &[
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
            ],
        );
        for period in &of_type.periods {
            table.row([
                period.name.clone(),
                l.number(period.peak),
                l.fixed(period.mean, 1),
                l.number(period.last),
                period.change.map_or_else(|| "–".to_owned(), |change| signed(l, change)),
                optional(l, period.entitled),
                percent(l, period.mean_percent),
                percent(l, period.peak_percent),
                count(l, period.full_days),
                format!("{} of {}", count(l, period.days), count(l, period.of)),
            ]);
        }
        blocks.push(Block::Table(table));
        if report.period.step() == Step::Week {
            let text =
                "Weeks at the ends have only their days in the period: so do all their figures.";
            blocks.push(Block::Text(text.to_owned()));
        }
    }
    (!blocks.is_empty()).then(|| Section {
        title: "Use and peaks".to_owned(),
        blocks,
        own_page: false,
    })
}

/// Of a month that isn't over the same days are compared: its mean a year ago is then not that of the whole month.
fn part_of_month(report: &Report, end: NaiveDate) -> String {
    let today = day_of(report, report.as_of);
    let until = report.locale.number(today.day().into());
    if today < end { format!(", both from the 1st to day {until}") } else { String::new() }
}

/// What is paid more, or less, for what is entitled than a year before.
fn dearer(report: &Report, site: &SiteReport, of_type: &TypeReport) -> Option<String> {
    let l = report.locale;
    let year = of_type.year_on_year.as_ref().ok()?;
    let (this, before) = (year.this.entitled?, year.last_year.as_ref()?.entitled?);
    let more = this - before;
    let prices = site.cost.as_ref()?.by_type.iter().find(|of| of.seat_type == of_type.seat_type)?;
    if more == 0.0 {
        return Some(format!("none: {} seats are entitled, as a year before", l.number(this)));
    }
    let amount = prices.per_seat.times(more.abs().round() as u64).written(l);
    let day = l.date(day_of(report, report.generated));
    let what = if more > 0.0 { "more" } else { "less" };
    Some(format!(
        "{amount} a year {what}: entitled {} to {} ({}), at the price of {day}",
        l.number(before),
        l.number(this),
        signed(l, more)
    ))
}

fn used(report: &Report, site: &SiteReport, of_type: &TypeReport) -> Vec<(String, String)> {
    let l = report.locale;
    let mut facts = Vec::new();
    if let Some(peak) = of_type.peak {
        let share =
            peak.percent.map_or_else(String::new, |share| format!(" ({} %)", l.fixed(share, 1)));
        let text = format!("{}{share} on {}", l.number(peak.taken), l.date(peak.day));
        facts.push(("Peak".to_owned(), text));
    }
    if let Some(mean) = of_type.mean {
        let share =
            of_type.mean_percent.map_or_else(String::new, |s| format!(" ({} %)", l.fixed(s, 1)));
        facts.push(("Mean".to_owned(), format!("{}{share}", l.fixed(mean, 1))));
    }
    if let (Some(before), Some(mean)) = (&of_type.year_before, of_type.mean) {
        let share = before.change_percent;
        let text = format!(
            "the whole period {} on average, {} to {} {}: {}{}",
            l.fixed(mean, 1),
            l.date(before.first),
            l.date(before.last),
            l.fixed(before.mean, 1),
            signed(l, before.change),
            share.map_or_else(String::new, |p| format!(" ({} %)", signed(l, p)))
        );
        facts.push(("Year on year".to_owned(), text));
        let parts = of_type.recorded_in_period.as_ref();
        let parts = parts.filter(|_| before.change.abs() >= 0.5);
        let parts = parts.and_then(|recorded| recorded.parts(before.change, l));
        facts.extend(
            parts.map(|parts| ("Why".to_owned(), format!("{}: {parts}", signed(l, before.change)))),
        );
    }
    let year = match &of_type.year_on_year {
        Err(why) => why.to_string(),
        Ok(year) => match (&year.last_year, year.change) {
            (Some(last), Some(change)) => format!(
                "by the month only{}, means of the days: {} {}, {} {}: {}{}",
                part_of_month(report, year.this.end()),
                year.this.name,
                l.fixed(year.this.mean, 1),
                last.name,
                l.fixed(last.mean, 1),
                signed(l, change),
                year.change_percent.map_or_else(String::new, |p| format!(" ({} %)", signed(l, p)))
            ),
            _ => "no data of a year ago".to_owned(),
        },
    };
    let is_second = of_type.year_before.is_some();
    let name = if is_second { "Year on year, last month" } else { "Year on year" };
    facts.push((name.to_owned(), year));
    let change = of_type.year_on_year.as_ref().ok().and_then(|year| year.change);
    if let Some(recorded) = &of_type.recorded_in_year
        && let Some(change) = change.filter(|change| change.abs() >= 0.5)
    {
        let parts = recorded.parts(change, l);
        // The period as a whole may have changed by another number.
        let name = if is_second { "Why, last month" } else { "Why" };
        facts.extend(
            parts.map(|parts| (name.to_owned(), format!("{}: {parts}", signed(l, change)))),
        );
        facts.push(("Recorded between".to_owned(), recorded.in_words(change, l)));
    }
    facts.extend(dearer(report, site, of_type).map(|text| ("Cost of it".to_owned(), text)));
    if of_type.full_days > 0 {
        let text = {
            let days = counted(l, of_type.full_days.into(), "day", "days");
            format!("on {days} nothing could be given out")
        };
        facts.push(("Full".to_owned(), text));
    }
    facts.push((
        "Days with data".to_owned(),
        format!("{} of {}", count(l, of_type.days), count(l, of_type.of)),
    ));
    facts
}

/// Days since the beginning of the calendar.
fn x(day: NaiveDate) -> f64 {
    f64::from(day.num_days_from_ce())
}

/// The most points of a line: more are not seen.
const MOST_POINTS: usize = 800;

/// The means of the days; of weeks where there are many days.
fn means(of_type: &TypeReport) -> Vec<(f64, f64)> {
    let points = &of_type.daily;
    if points.len() <= MOST_POINTS {
        return points.iter().map(|point| (x(point.day), point.mean)).collect();
    }
    let week = |day: NaiveDate| day.num_days_from_ce() / 7;
    let weeks = points.chunk_by(|a, b| week(a.day) == week(b.day));
    let mean = |days: &[DailyPoint]| {
        let sum: f64 = days.iter().map(|day| day.mean).sum();
        (x(days[days.len() / 2].day), sum / days.len() as f64)
    };
    weeks.map(mean).collect()
}

/// What the table of a period is by.
fn step(report: &Report) -> &'static str {
    match report.period.step() {
        Step::Day => "day",
        Step::Week => "week",
        Step::Month => "month",
        Step::Quarter => "quarter",
        Step::Year => "year",
    }
}

fn history(of_type: &TypeReport) -> Chart {
    let points = &of_type.daily;
    let entitled = points.iter().filter_map(|point| Some((x(point.day), point.entitled?)));
    Chart::Lines(Lines {
        title: format!("{}: taken and entitled", name(of_type.seat_type)),
        unit: "seats".to_owned(),
        across: Across::Days,
        series: vec![
            Series::line("Taken", means(of_type)),
            Series::limit("Entitled", entitled.collect()),
        ],
        band: Vec::new(),
        marks: Vec::new(),
        from_zero: true,
    })
}

pub(crate) fn forecast(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
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
                    signed(l, growth.per_month.middle),
                    words::growth(&growth.per_month, l)
                ),
            ),
            Err(why) => fact("Growth", why.to_string()),
        }
        match &of_type.forecast {
            Err(why) => fact("Run out", why.to_string()),
            Ok(view) => {
                let free = format!("{} of {}", l.number(view.free), l.number(view.entitled));
                fact("Free", free);
                if let Some(months) = view.months_at_growth {
                    fact("At that growth", format!("they last {}", words::about_months(months)));
                }
                fact("Run out", words::runs_out(&view.runs_out, view.today, l));
                if !site.left_out {
                    fact("With release", with_release(report, of_type, view));
                }
                fact("Model", view.model_in_words.clone());
                if view.model != Kind::Damped {
                    fact(
                        "If growth fades",
                        match &view.second_opinion {
                            Ok(second) => format!(
                                "{}{}",
                                words::runs_out(&second.runs_out, view.today, l),
                                words::of_late(&view.growth.per_month, second.per_month)
                            ),
                            Err(why) => why.to_string(),
                        },
                    );
                }
                fact(
                    "Error so far",
                    match &view.error {
                        Ok(test) => {
                            format!(
                                "{} seats on average; {}",
                                l.fixed(test.mae, 1),
                                words::held(test)
                            )
                        }
                        Err(why) => why.to_string(),
                    },
                );
            }
        }
        blocks.push(Block::Facts(facts));
        blocks.extend(ahead(report, of_type).map(Block::Chart));
    }
    (!site.types.is_empty()).then(|| Section {
        title: "Growth and forecast".to_owned(),
        blocks,
        own_page: false,
    })
}

/// When seats run out once what is reclaimable was released.
fn with_release(report: &Report, of_type: &TypeReport, view: &ForecastView) -> String {
    let l = report.locale;
    let (Some(seats), Some(after)) = (view.reclaimable, &view.runs_out_after_release) else {
        return words::NO_LIST.to_owned();
    };
    let list = of_type.seats.as_ref();
    let by = list
        .map_or_else(String::new, |list| format!(" by the list of {}", local(report, list.as_of)));
    let limits = view.limits.and_then(|of| words::limits(&of, l));
    let limits = limits.map_or_else(String::new, |why| format!("; {why}"));
    if seats == 0 {
        return format!("as without: none are reclaimable{by}{limits}");
    }
    let when = words::runs_out(after, view.today, l);
    format!("{when} (of {}{by}, once{limits})", words::reclaimable(seats, l))
}

/// How many seats are used, idle and reclaimable, and how what is reclaimable goes.
pub(crate) fn idle(report: &Report, site: &SiteReport) -> Option<Section> {
    let l = report.locale;
    if site.left_out || site.types.is_empty() {
        return None;
    }
    let title = IDLE.to_owned();
    let known: Vec<_> =
        site.types.iter().filter_map(|of| Some((of.seat_type, of.seats.as_ref()?))).collect();
    let Some(as_of) = known.iter().map(|(_, seats)| seats.as_of).min() else {
        let text = format!("How many seats are used is {}.", words::NO_LIST);
        return Some(Section { title, blocks: vec![Block::Note(text)], own_page: false });
    };
    let mut used = Table::new(
        format!("Seats by the lists of {}", local(report, as_of)),
        &[
            "License",
            ">Listed",
            ">In quarantine",
            ">Active",
            ">Never used",
            ">Idle",
            ">Reclaimable",
        ],
    );
    let mut lines = Vec::new();
    for (seat_type, seats) in &known {
        let days = counted(l, seats.threshold_days.into(), "day", "days");
        used.row([
            name(*seat_type),
            count(l, seats.usage.seats),
            count(l, seats.usage.quarantined),
            count(l, seats.active),
            count(l, seats.usage.idle.never_used),
            format!("{} ({days})", count(l, seats.idle)),
            count(l, seats.reclaimable),
        ]);
        let mut goes = words::limits_each(&seats.limits, l);
        if seats.undecided > 0 {
            let people = "whose user is not known well enough to ask the rules";
            goes.push(format!("undecided: {}, {people}", count(l, seats.undecided)));
        }
        let order = site.order.as_ref();
        let until = order.and_then(|order| idle::until_term(order, *seat_type, l));
        goes.extend(until.map(|until| format!("they go {until}")));
        goes.extend(lasts(site, *seat_type, l));
        if !goes.is_empty() {
            let reclaimable = count(l, seats.reclaimable);
            lines.push((
                name(*seat_type),
                format!("{reclaimable} reclaimable; {}", goes.join("; ")),
            ));
        }
    }
    let mut blocks: Vec<Block> = later(report, as_of).into_iter().collect();
    blocks.extend([
        Block::Table(used),
        Block::Text(format!(
            "Listed: taken and in quarantine. Active: used within 28 days. Idle: not used for so many days or \
             longer (releaseThresholdDays), also where the rules keep them. Reclaimable: {}; cost, forecast \
             and renewal with release count these.",
            words::RECLAIMABLE
        )),
    ]);
    if !lines.is_empty() {
        blocks.push(Block::Facts(lines));
    }
    blocks.extend(idle_cost(report, site));
    Some(Section { title, blocks, own_page: false })
}

/// How long what is free lasts together with what is reclaimable.
fn lasts(site: &SiteReport, seat_type: crate::license::SeatType, l: Locale) -> Option<String> {
    let of_type = site.types.iter().find(|of| of.seat_type == seat_type)?;
    let view = of_type.forecast.as_ref().ok()?;
    let (seats, after) =
        (view.reclaimable.filter(|seats| *seats > 0)?, view.runs_out_after_release?);
    let all = l.number(view.free + f64::from(seats));
    let when = words::runs_out(&after, view.today, l);
    Some(format!("with the {} free ones {all}, which run out: {when}", l.number(view.free)))
}

/// What idle seats cost: every figure that is called something like it.
fn idle_cost(report: &Report, site: &SiteReport) -> Vec<Block> {
    let l = report.locale;
    let Some(cost) = &site.cost else { return Vec::new() };
    let today = report.as_of.with_timezone(&report.zone).date_naive();
    let lines = idle::lines(cost, site.simulation.as_ref(), today, l);
    if !lines.iter().any(|line| line.is_answer) {
        return Vec::new();
    }
    let mut table = Table::new(
        "What idle seats cost a year: each figure with its name",
        &["Called", ">Seats", ">Amount", "As of", "What it is"],
    );
    for (n, line) in lines.iter().enumerate() {
        if line.is_answer {
            table.marked = Some(n);
        }
        table.row([
            format!("{}{}", line.name, if line.is_answer { " *" } else { "" }),
            line.seats.map_or_else(|| "–".to_owned(), |seats| count(l, seats)),
            line.amount.clone(),
            match line.as_of {
                AsOf::List(time) => format!("list of {}", local(report, time)),
                AsOf::Day(day) => l.day(day),
                AsOf::Year(last) => format!("365 days to {}", l.day(last)),
            },
            line.what.to_owned(),
        ]);
    }
    vec![Block::Table(table), Block::Text(format!("*: {}", idle::RELATION))]
}

/// What the day is that a forecast starts from.
fn mark(report: &Report) -> &'static str {
    if report.unfinished { "today" } else { "end of the period" }
}

fn ahead(report: &Report, of_type: &TypeReport) -> Option<Chart> {
    let view = of_type.forecast.as_ref().ok()?;
    // A year ahead is best seen beside a year or two before.
    let since = view.as_of - chrono::TimeDelta::days(2 * 365);
    let recent = of_type.daily.iter().filter(|point| (since..=view.as_of).contains(&point.day));
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
        title: {
            let last = view.outlook.last()?;
            let l = report.locale;
            let [low, high] = [view.needed.low, view.needed.high].map(|seats| count(l, seats));
            format!(
                "{}: forecast of the next 12 months, {} taken on {}; in 80 of 100 cases {low} to {high} are needed at \
                 the most up to {}",
                name(of_type.seat_type),
                l.number(last.middle.round()),
                l.date(last.day),
                l.date(view.needed.until)
            )
        },
        unit: "seats".to_owned(),
        across: Across::Days,
        series: vec![
            Series::line("Taken", line),
            Series::dashed("Forecast", middle.collect()),
            Series::limit("Entitled", entitled),
        ],
        band: std::iter::once(start).chain(points).collect(),
        marks: vec![(x(view.today), mark(report).to_owned())],
        from_zero: false,
    }))
}
