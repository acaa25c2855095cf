//! The chart of a type: what was, with what changed it, and what may come.

use chrono::{Datelike, Months, NaiveDate};

use super::super::wording::{date, locale, number};
use super::{Range, title};
use crate::insight::days_after;
use crate::insight::utilization::{self, Step};
use crate::planning::{Planning, Pool};
use crate::report::svg::{Across, Lines, Series};

/// More days than these are drawn by their weeks: a line has no more points than a screen, and its table no more
/// rows than can be gone through.
const DAYS: i64 = 400;

/// So many changes are marked at most, the largest; the table has them all.
const MARKS: usize = 12;

/// Days without data before a gap is shown as one.
pub(super) const GAP: i64 = 2;

/// Days since the beginning of the calendar.
fn x(day: NaiveDate) -> f64 {
    f64::from(day.num_days_from_ce())
}

/// The last twelve months and the next six, of each type: for the overview. Title, and the picture as markup.
pub(in crate::web) fn year(planning: &Planning) -> Vec<(String, String)> {
    let day = |months: Option<NaiveDate>| months.unwrap_or(planning.today);
    let range = Range {
        from: day(planning.today.checked_sub_months(Months::new(12))),
        to: day(planning.today.checked_add_months(Months::new(6))),
    };
    let drawn = planning.pools.iter().filter_map(|pool| drawn(planning, pool, range, true));
    drawn.map(|drawn| (drawn.title, drawn.svg)).collect()
}

/// A chart, and the same as a table.
pub(super) struct Drawn {
    pub(super) title: String,
    /// What there is to see, as markup.
    pub(super) svg: String,
    /// A line needs more points than there are: there is no picture, but words.
    pub(super) is_early: bool,
    /// The days at its left and right end, as the picture counts them.
    pub(super) ends: (f64, f64),
    pub(super) rows: Vec<Twin>,
}

/// A point of the chart: where it is, its day, what was allocated, entitled, and what may come.
pub(super) struct Twin {
    pub(super) x: f64,
    pub(super) day: NaiveDate,
    pub(super) taken: String,
    pub(super) entitled: String,
    pub(super) ahead: String,
}

/// The chart of a range.
pub(super) fn of(planning: &Planning, pool: &Pool, range: Range) -> Option<Drawn> {
    drawn(planning, pool, range, false)
}

/// `small`: with fewer points, for a page that has more to show.
fn drawn(planning: &Planning, pool: &Pool, range: Range, small: bool) -> Option<Drawn> {
    let end = range.to.min(planning.today);
    let days = pool.taken.between(range.from, end);
    let by_week = small || (end - range.from).num_days() > DAYS;
    let taken: Vec<_> = match by_week {
        false => days.iter().map(|day| (x(day.day), day.mean)).collect(),
        true => {
            let weeks = planning.utilization(pool.seat_type, Step::Week, (range.from, end));
            let middle = |start| x(days_after(start, 3).clamp(range.from, end));
            weeks.iter().map(|week| (middle(week.start), week.mean)).collect()
        }
    };
    let mut rows: Vec<Twin> = match small {
        true => Vec::new(),
        false => taken.iter().map(|(x, mean)| twin(pool, *x, *mean)).collect(),
    };
    let known = days.iter().filter_map(|day| Some((day.day, pool.entitled.on(day.day)?)));
    let mut entitled: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for (day, total) in known {
        if last.is_none_or(|(_, before)| before != total) {
            entitled.push((x(day), total));
        }
        last = Some((day, total));
    }
    entitled.extend(last.map(|(day, total)| (x(day), total)));
    let mut lines = Lines {
        title: format!(
            "{}: allocated and entitled, {} to {}",
            title(pool.seat_type),
            range.from,
            range.to
        ),
        unit: "seats".to_owned(),
        across: Across::Days,
        series: vec![Series::line("Allocated", taken)],
        band: Vec::new(),
        marks: marks(planning, pool, range, end),
        from_zero: true,
    };
    let forecast = planning.forecast(pool.seat_type).and_then(|of| of.as_ref().ok());
    if let Some(forecast) = forecast.filter(|_| range.to > planning.today) {
        let each = ((range.to - planning.today).num_days() / 24).max(1);
        let ahead = (1..).map(|n| days_after(planning.today, n * each));
        let ahead = ahead.take_while(|day| *day < range.to).chain([range.to]);
        let ahead: Vec<_> = ahead.map(|day| forecast.outlook(day)).collect();
        rows.extend(ahead.iter().filter(|_| !small).map(|of| {
            let [low, middle, high] = [of.low, of.middle, of.high].map(|v| number(v.round()));
            Twin {
                x: x(of.day),
                day: of.day,
                taken: String::new(),
                entitled: number(forecast.entitled),
                ahead: format!("{middle} ({low} to {high})"),
            }
        }));
        let start = (x(forecast.as_of), forecast.taken);
        let middle = ahead.iter().map(|of| (x(of.day), of.middle));
        lines.series.push(Series::dashed("Forecast", [start].into_iter().chain(middle).collect()));
        let band = ahead.iter().map(|of| (x(of.day), of.low, of.high));
        lines.band = [(start.0, start.1, start.1)].into_iter().chain(band).collect();
        entitled.push((x(range.to), forecast.entitled));
    }
    if lines.series.iter().all(|series| series.points.is_empty()) {
        return None;
    }
    // A line needs two points. Where there is one, and nothing ahead of it, there is nothing to see.
    if let [series] = &lines.series[..]
        && series.points.len() < 2
        && range.to >= planning.today
    {
        let next = match by_week {
            true => days_after(utilization::start(Step::Week, planning.today), 7),
            false => days_after(planning.today, 1),
        };
        let first = days.first().map_or(planning.today, |day| day.day);
        return Some(Drawn {
            svg: too_early(first, next),
            title: lines.title,
            is_early: true,
            ends: (0.0, 0.0),
            rows,
        });
    }
    lines.series.push(Series::limit("Entitled", entitled));
    let id = format!("chart-{}", pool.seat_type.as_str());
    let svg = lines.svg_with_gaps(&id, locale(), &gaps(pool, range.from, end));
    let ends = lines.ends();
    Some(Drawn { title: lines.title, svg, is_early: false, ends, rows })
}

/// In place of a chart.
pub(super) fn too_early(first: NaiveDate, next: NaiveDate) -> String {
    format!(
        "<p class=\"unknown\">The data begin on {}: too few for a chart yet, there will be one from {} on.</p>",
        date(first),
        date(next)
    )
}

fn twin(pool: &Pool, x: f64, mean: f64) -> Twin {
    let day = NaiveDate::from_num_days_from_ce_opt(x as i32).unwrap_or_default();
    Twin {
        x,
        day,
        taken: number((mean * 10.0).round() / 10.0),
        entitled: pool.entitled.on(day).map_or_else(|| "not known".to_owned(), number),
        ahead: String::new(),
    }
}

/// What changed the figures: purchases, releases and clean-ups, the largest.
fn marks(planning: &Planning, pool: &Pool, range: Range, end: NaiveDate) -> Vec<(f64, String)> {
    let changes = pool.entitled_changes(range.from, end).into_iter().map(|change| {
        let by = change.to - change.from;
        (change.day, by.abs(), format!("{} entitled", super::signed(by)))
    });
    let within = |day: &NaiveDate| *day >= range.from && *day <= end;
    let released = pool.released.iter().filter(|of| within(&of.day));
    let released =
        released.map(|of| (of.day, f64::from(of.count), format!("{} released", of.count)));
    let cleaned = pool.clean_ups(range.from, end).into_iter();
    let cleaned = cleaned.map(|of| (of.day, f64::from(of.count), format!("{} went", of.count)));
    let mut all: Vec<_> = changes.chain(released).chain(cleaned).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(MARKS);
    all.sort_by_key(|(day, ..)| *day);
    let mut marks: Vec<_> = all.into_iter().map(|(day, _, text)| (x(day), text)).collect();
    if range.to > planning.today && range.from <= planning.today {
        marks.push((x(planning.today), "today".to_owned()));
    }
    marks
}

/// Times without data, from the last day before to the first one after.
fn gaps(pool: &Pool, from: NaiveDate, end: NaiveDate) -> Vec<(f64, f64)> {
    let days = pool.taken.between(from, end);
    let within = days.windows(2).map(|pair| (pair[0].day, pair[1].day));
    let last = days.last().map(|day| (day.day, end));
    within
        .chain(last)
        .filter(|(before, after)| (*after - *before).num_days() > GAP)
        .map(|(before, after)| (x(before), x(after)))
        .collect()
}
