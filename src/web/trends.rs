//! Trends of a type: what was taken and entitled, what may come, months, seasons, year on year.

mod chart;
mod files;
mod users;
mod zoom;

use askama::Template;
use axum::http::HeaderMap;
use chrono::{Months, NaiveDate};

use super::Served;
use super::answer::{self, Answer, Failure};
use super::asked::{Asked, written};
use super::frame::{Frame, Part, site_address};
use super::wording::{date, locale, number};

use crate::insight::duration::{self, Curve};
use crate::insight::season::Season;
use crate::insight::utilization::{self, Period, Step};
use crate::insight::{NotEnough, days_after, words};
use crate::license::SeatType;
use crate::planning::{Planning, Pool};
use crate::report::svg;
use crate::report::view;

pub(super) use chart::year;
pub(super) use files::csv;
pub(super) use users::users_a_day;

/// So many days ahead at most: forecasts go no further.
const AHEAD: i64 = 3652;

#[derive(Template)]
#[template(path = "trends.html")]
struct Page {
    frame: Frame,
    site: String,
    /// What is asked again with another range.
    seat_type: &'static str,
    title: &'static str,
    types: Vec<(&'static str, &'static str, bool)>,
    ranges: Vec<(&'static str, String, bool)>,
    from: String,
    to: String,
    /// Days, periods, shares of time.
    csv: [String; 3],
    chart: Option<chart::Drawn>,
    /// Of the picture, in its units.
    across: (f64, f64),
    zooms: Vec<(&'static str, char, String)>,
    /// For which share of the time so many seats were taken.
    curve: Option<CurveView>,
    facts: Vec<(&'static str, String)>,
    step: &'static str,
    rows: Vec<Row>,
    ahead: Vec<[String; 4]>,
    events: Vec<(String, String)>,
    seasons: Vec<SeasonView>,
}

struct Row {
    name: String,
    /// What of it there are figures of, where that is not all.
    part: String,
    /// The same range closer.
    address: String,
    cells: Vec<String>,
}

struct CurveView {
    title: String,
    svg: String,
    rows: Vec<[String; 3]>,
}

struct SeasonView {
    title: &'static str,
    why: String,
    parts: Vec<(&'static str, String)>,
}

/// From which to which day, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

/// What is asked of which type.
pub(super) struct Question<'a> {
    pub(super) pool: &'a Pool,
    pub(super) range: Range,
}

impl<'a> Question<'a> {
    pub(super) fn of(planning: &'a Planning, asked: &Asked) -> Result<Option<Self>, Failure> {
        let pool = match asked.get("type") {
            None => planning.pools.first(),
            Some(name) => {
                let of =
                    SeatType::ALL.into_iter().find(|of| of.as_str().eq_ignore_ascii_case(name));
                let names = SeatType::ALL.map(SeatType::as_str).join(", ");
                let of = of.ok_or_else(|| {
                    Failure::Wrong(format!("type: {name:?} is none; write one of {names}."))
                })?;
                planning.pool(of)
            }
        };
        let Some(pool) = pool else { return Ok(None) };
        let today = planning.today;
        let year = Months::new(12);
        let from = asked.day("from")?.or_else(|| today.checked_sub_months(year)).unwrap_or(today);
        let to = asked.day("to")?.or_else(|| today.checked_add_months(year)).unwrap_or(today);
        let to = to.min(days_after(today, AHEAD));
        if to < from {
            let text = format!("The range ends on {to}, before it begins on {from}.");
            return Err(Failure::Wrong(text));
        }
        Ok(Some(Self { pool, range: Range { from, to } }))
    }

    /// The last day that there can be figures of.
    pub(super) fn end(&self, planning: &Planning) -> NaiveDate {
        self.range.to.min(planning.today)
    }
}

pub(super) async fn page(
    served: &Served,
    headers: &HeaderMap,
    name: &str,
    query: Option<&str>,
) -> Answer {
    served.site(name)?;
    let asked = Asked::of(query)?;
    let status = served.status().await?;
    let planning = served.known.planning(&served.source, name).await?;
    let frame = Frame::new(served, &status, Part::Trends, Some(name));
    let site = name.to_owned();
    let Some(question) = Question::of(&planning, &asked)? else {
        let (seat_type, title, step) = ("", "", "");
        let page = Page {
            frame,
            site,
            seat_type,
            title,
            step,
            types: Vec::new(),
            ranges: Vec::new(),
            from: String::new(),
            to: String::new(),
            csv: Default::default(),
            chart: None,
            across: svg::ACROSS,
            zooms: Vec::new(),
            curve: None,
            facts: Vec::new(),
            rows: Vec::new(),
            ahead: Vec::new(),
            events: Vec::new(),
            seasons: Vec::new(),
        };
        return Ok(answer::page(headers, status.time, &page));
    };
    let (pool, range) = (question.pool, question.range);
    let seat_type = pool.seat_type;
    let end = question.end(&planning);
    let address = site_address(name, "/trends");
    let link = |from: NaiveDate, to: NaiveDate| {
        let (from, to) = (from.to_string(), to.to_string());
        let query = written(&[("type", seat_type.as_str()), ("from", &from), ("to", &to)]);
        format!("{address}?{query}")
    };
    let (step, step_name) = step(range.from, end);
    let rows = rows(&planning, &question, step, end, &link);
    let page = Page {
        frame,
        site,
        seat_type: seat_type.as_str(),
        title: title(seat_type),
        types: planning
            .pools
            .iter()
            .map(|of| (of.seat_type.as_str(), title(of.seat_type), of.seat_type == seat_type))
            .collect(),
        ranges: ranges(&planning, pool, range, &link),
        from: range.from.to_string(),
        to: range.to.to_string(),
        csv: ["days", "periods", "curve"].map(|show| {
            let days = link(range.from, range.to).replacen("/trends?", "/trends.csv?", 1);
            format!("{days}&show={show}")
        }),
        chart: chart::of(&planning, pool, range),
        across: svg::ACROSS,
        zooms: zoom::zooms(range, planning.today, &link),
        curve: curve(&planning, pool, range.from, end),
        facts: facts(&planning, pool, end),
        step: step_name,
        rows,
        ahead: ahead(&planning, pool, range),
        events: events(pool, range.from, end),
        seasons: seasons(&planning, seat_type),
    };
    Ok(answer::page(headers, status.time, &page))
}

pub(super) fn title(seat_type: SeatType) -> &'static str {
    match seat_type {
        SeatType::User => "Tokens",
        other => other.title(),
    }
}

/// Days, weeks or months, so that a table stays one that is read.
fn step(from: NaiveDate, to: NaiveDate) -> (Step, &'static str) {
    match (to - from).num_days() {
        ..=62 => (Step::Day, "day"),
        63..=200 => (Step::Week, "week"),
        _ => (Step::Month, "month"),
    }
}

/// The range in whole periods, as far as there can be data: what is cut by a range compares with nothing.
pub(super) fn whole(
    range: (NaiveDate, NaiveDate),
    step: Step,
    today: NaiveDate,
) -> (NaiveDate, NaiveDate) {
    let (from, to) = range;
    (
        utilization::start(step, from),
        utilization::end(step, utilization::start(step, to)).min(today),
    )
}

/// Rows of the table beside a curve.
const CURVE_ROWS: usize = 25;

/// For which share of the days of a range so many seats were taken, beside what is entitled today.
fn curve(planning: &Planning, pool: &Pool, from: NaiveDate, end: NaiveDate) -> Option<CurveView> {
    let curve = duration::curve(pool.taken.between(from, end));
    let entitled = planning.current(pool.seat_type).and_then(|now| now.entitled);
    let chart = view::duration(locale(), pool.seat_type, &curve, entitled)?;
    Some(CurveView {
        title: chart.title().to_owned(),
        svg: chart.svg("chart-curve", locale()),
        rows: curve_rows(&curve),
    })
}

/// Some of the rows, the first and the last among them.
fn curve_rows(curve: &Curve) -> Vec<[String; 3]> {
    let every = curve.rows.len().div_ceil(CURVE_ROWS).max(1);
    let last = curve.rows.len().saturating_sub(1);
    let shown = curve.rows.iter().enumerate().filter(|(n, _)| n % every == 0 || *n == last);
    let row = |(_, held): (usize, &duration::Held)| {
        [number(held.seats as f64), number(held.days.into()), format!("{:.1} %", held.percent)]
    };
    shown.map(row).collect()
}

type Ranges = Vec<(&'static str, String, bool)>;

fn ranges(
    planning: &Planning,
    pool: &Pool,
    range: Range,
    link: &dyn Fn(NaiveDate, NaiveDate) -> String,
) -> Ranges {
    let today = planning.today;
    let months = |n| today.checked_sub_months(Months::new(n)).unwrap_or(today);
    let ahead = |n| today.checked_add_months(Months::new(n)).unwrap_or(today);
    let first = pool.taken.days().first().map_or(today, |day| day.day);
    let all = [
        ("30 days", days_after(today, -29), today),
        ("90 days", days_after(today, -89), today),
        ("12 months", months(12), today),
        ("12 months and what may come", months(12), ahead(12)),
        ("3 years", months(36), ahead(12)),
        ("all", first, today),
    ];
    let is = |from, to| range == Range { from, to };
    all.into_iter().map(|(name, from, to)| (name, link(from, to), is(from, to))).collect()
}

fn rows(
    planning: &Planning,
    question: &Question<'_>,
    step: Step,
    end: NaiveDate,
    link: &dyn Fn(NaiveDate, NaiveDate) -> String,
) -> Vec<Row> {
    let seat_type = question.pool.seat_type;
    let first = question.pool.taken.days().first().map_or(planning.today, |day| day.day);
    let range = whole((question.range.from, end), step, planning.today);
    let periods = planning.utilization(seat_type, step, range);
    // Each month against the same one a year before: as many of its days, and not where the history begins in it.
    let year_before = |period: &Period| {
        let month = planning.year_on_year(seat_type, period.start).filter(|_| step == Step::Month);
        let before = month?.ok()?.last_year?;
        (before.start >= first).then_some(before.mean)
    };
    let part = |period: &Period| match () {
        () if period.end() >= planning.today => "so far".to_owned(),
        () if period.start < first => format!("from {first} on"),
        () => String::new(),
    };
    let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    let percent =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |p| format!("{p:.1} %"));
    let row = |period: Period| Row {
        address: link(period.start, period.end().min(planning.today)),
        part: part(&period),
        cells: vec![
            number(period.peak),
            format!("{:.1}", period.mean),
            number(period.last),
            period.change.map_or_else(|| "–".to_owned(), signed),
            year_before(&period).map_or_else(|| "–".to_owned(), |mean| format!("{mean:.1}")),
            optional(period.entitled),
            percent(period.mean_percent),
            percent(period.peak_percent),
            period.full_days.to_string(),
            format!("{} of {}", period.days, period.of),
        ],
        name: period.name,
    };
    periods.into_iter().rev().map(row).collect()
}

/// With a sign, to one digit.
pub(super) fn signed(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded > 0.0 { format!("+{}", number(rounded)) } else { number(rounded + 0.0) }
}

fn facts(planning: &Planning, pool: &Pool, end: NaiveDate) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(now) = planning.current(pool.seat_type) {
        let of = now.entitled.map_or_else(String::new, |all| format!(" of {}", number(all)));
        let share = now.percent.map_or_else(String::new, |share| format!(" ({share:.1} %)"));
        let text = format!("{}{of}{share}, {}", number(now.taken), date(now.day));
        facts.push(("Allocated", text));
    }
    facts.push((
        "Growth",
        match planning.growth(pool.seat_type) {
            None => "not known".to_owned(),
            Some(Err(why)) => why.to_string(),
            Some(Ok(growth)) => format!(
                "{} a month, in 80 of 100 cases {}",
                signed(growth.per_month.middle),
                words::growth(&growth.per_month, locale())
            ),
        },
    ));
    match planning.forecast_view(pool.seat_type, 12) {
        None => {}
        Some(Err(why)) => facts.push(("Free seats run out", why.to_string())),
        Some(Ok(view)) => {
            let when = words::runs_out(&view.runs_out, view.today, locale());
            facts.push(("Free seats run out", when));
            facts.push(("Model", view.model_in_words));
            facts.push((
                "Error so far",
                match &view.error {
                    Ok(test) => {
                        format!(
                            "{} seats on average; {}",
                            locale().fixed(test.mae, 1),
                            words::held(test)
                        )
                    }
                    Err(why) => why.to_string(),
                },
            ));
        }
    }
    let last = pool.taken.between(NaiveDate::MIN, end).last().map(|day| day.day);
    let year = last.and_then(|day| planning.year_on_year(pool.seat_type, day));
    facts.push((
        "Year on year",
        match year {
            None => "no data".to_owned(),
            Some(Err(why)) => why.to_string(),
            Some(Ok(year)) => match (&year.last_year, year.change) {
                (Some(before), Some(change)) => format!(
                    "{} {:.1}, {} {:.1}: {}{}",
                    year.this.name,
                    year.this.mean,
                    before.name,
                    before.mean,
                    signed(change),
                    year.change_percent.map_or_else(String::new, |p| format!(" ({} %)", signed(p)))
                ),
                _ => "no data of a year ago".to_owned(),
            },
        },
    ));
    facts
}

/// What may come: day, low, middle, high, on this day of each month.
fn ahead(planning: &Planning, pool: &Pool, range: Range) -> Vec<[String; 4]> {
    let Some(Ok(forecast)) = planning.forecast(pool.seat_type) else { return Vec::new() };
    let days = (1..=120).map_while(|n| planning.today.checked_add_months(Months::new(n)));
    let days = days.take_while(|day| *day <= range.to).map(|day| forecast.outlook(day));
    let seats = |value: f64| number(value.round());
    days.map(|of| [of.day.to_string(), seats(of.low), seats(of.middle), seats(of.high)]).collect()
}

/// Purchases, releases and clean-ups, newest first.
fn events(pool: &Pool, from: NaiveDate, end: NaiveDate) -> Vec<(String, String)> {
    let mut events: Vec<(NaiveDate, String)> = Vec::new();
    for change in pool.entitled_changes(from, end) {
        let (before, after) = (number(change.from), number(change.to));
        events.push((change.day, format!("entitled {before} → {after}")));
    }
    for gone in pool.clean_ups(from, end) {
        let text = format!("{} went, not by Bursar: a clean-up, or people who left", gone.count);
        events.push((gone.day, text));
    }
    for released in pool.released.iter().filter(|of| of.day >= from && of.day <= end) {
        events.push((released.day, format!("{} released by Bursar", released.count)));
    }
    events.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
    events.into_iter().map(|(day, what)| (date(day), what)).collect()
}

fn seasons(planning: &Planning, seat_type: SeatType) -> Vec<SeasonView> {
    let mut views = Vec::new();
    let mut view = |title, season: &Result<Season, NotEnough>| {
        let parts = season.as_ref().map(|season| {
            season.parts.iter().map(|part| (part.name, signed(part.difference))).collect()
        });
        let (parts, why) = match parts {
            Ok(parts) => (parts, String::new()),
            Err(why) => (Vec::new(), why.to_string()),
        };
        views.push(SeasonView { title, why, parts });
    };
    if let Some(seasons) = planning.seasons(seat_type) {
        view("Allocated, by month", &seasons.by_month);
        view("Allocated, by weekday", &seasons.by_weekday);
    }
    if let Some(seasons) = planning.seasons_of_use(seat_type) {
        view("In use, by month", &seasons.by_month);
        view("In use, by weekday", &seasons.by_weekday);
    }
    views
}
