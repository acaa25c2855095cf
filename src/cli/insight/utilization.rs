//! `bursar insight utilization`: how much of what is entitled is taken.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use clap::ValueEnum;
use serde::Serialize;

use super::chart::Style;
use super::{Exit, Question, heading, no_history, percent, signed, table, things, types};
use crate::cli::text::wrapped;
use crate::insight::season::Season;
use crate::insight::utilization::{Now, Period, Step, YearOnYear};
use crate::insight::{NotEnough, or_why};
use crate::license::SeatType;
use crate::planning::recorded::Recorded;
use crate::planning::{Planning, Seasons};
use crate::words;

/// Show how much is taken: now, per day, week or month, a year ago, by season
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight utilization -c bursar.yaml\n  bursar insight utilization -c bursar.yaml --type analyzer --by week --months 6"
)]
pub struct Utilization {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    options: Options,
}

/// What of it is shown.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Options {
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    pub seat_type: Option<SeatType>,
    /// What a row is
    #[arg(long, value_enum, default_value_t = By::Month)]
    pub by: By,
    /// How far back, this month included [default: 13 by month, 3 by week, 1 by day]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1200))]
    pub months: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    Day,
    /// Monday to Sunday
    Week,
    #[default]
    Month,
}

impl By {
    fn step(self) -> Step {
        match self {
            Self::Day => Step::Day,
            Self::Week => Step::Week,
            Self::Month => Step::Month,
        }
    }

    fn months(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 3,
            Self::Month => 13,
        }
    }
}

/// The answer of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteUtilization {
    pub types: Vec<TypeUtilization>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeUtilization {
    pub seat_type: SeatType,
    /// Time of the last poll.
    pub as_of: DateTime<Utc>,
    pub now: Option<Now>,
    pub by: Step,
    pub periods: Vec<Row>,
    /// This month against the same one a year before.
    #[serde(serialize_with = "or_why")]
    pub year_on_year: Result<YearOnYear, NotEnough>,
    /// What is recorded between the two months; `null` without the older one.
    pub recorded_in_year: Option<Recorded>,
    pub seasons: Seasons,
    /// The same of the seats in use, by the server's own measure.
    pub seasons_of_use: Seasons,
}

/// A period; a month also against the same one a year before.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    #[serde(flatten)]
    pub period: Period,
    /// Change of the mean against the year before, where that month is known.
    pub year_on_year_percent: Option<f64>,
}

impl Utilization {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let options = self.options;
        self.question.ask(
            |planning| figures(planning, options),
            |planning, style| render(planning, options, style),
        )
    }
}

pub fn figures(planning: &Planning, options: Options) -> SiteUtilization {
    let months = options.months.unwrap_or_else(|| options.by.months());
    let this_month = planning.today.with_day(1).unwrap_or(planning.today);
    let first = this_month.checked_sub_months(Months::new(months - 1)).unwrap_or(NaiveDate::MIN);
    let types = types(planning, options.seat_type).into_iter().filter_map(|seat_type| {
        let pool = planning.pool(seat_type)?;
        let periods = planning.utilization(seat_type, options.by.step(), (first, planning.today));
        let rows = periods.into_iter().map(|period| {
            let year = (options.by == By::Month)
                .then(|| planning.year_on_year(seat_type, period.start))
                .flatten();
            let year_on_year_percent = year.and_then(Result::ok).and_then(|y| y.change_percent);
            Row { period, year_on_year_percent }
        });
        // A month whose polls have not begun yet is none to compare: the newest that has data is.
        let newest = pool.taken.last().map_or(planning.today, |day| day.day);
        let year_on_year = planning.year_on_year(seat_type, newest)?;
        let recorded_in_year = year_on_year
            .as_ref()
            .ok()
            .and_then(|years| planning.recorded_between(seat_type, years));
        Some(TypeUtilization {
            recorded_in_year,
            seat_type,
            as_of: pool.as_of,
            now: planning.current(seat_type),
            by: options.by.step(),
            periods: rows.collect(),
            year_on_year,
            seasons: planning.seasons(seat_type)?,
            seasons_of_use: planning.seasons_of_use(seat_type)?,
        })
    });
    SiteUtilization { types: types.collect() }
}

pub fn render(planning: &Planning, options: Options, style: &Style) -> String {
    let mut out = heading(planning, style);
    let answer = figures(planning, options);
    if answer.types.is_empty() {
        out.push_str(&no_history("seats"));
    }
    for (n, answer) in answer.types.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        of_type(&mut out, answer, planning, style);
    }
    out
}

fn of_type(out: &mut String, answer: &TypeUtilization, planning: &Planning, style: &Style) {
    let paint = style.paint;
    let title = paint.strong(&capital(&things(answer.seat_type)));
    if let Some(now) = &answer.now {
        let share = now.percent.unwrap_or(0.0);
        let of =
            now.entitled.map_or_else(String::new, |e| format!(" of {}", style.locale.number(e)));
        let seen = paint.faint(&words::ago(answer.as_of, planning.now));
        let _ = writeln!(
            out,
            "{title}  {} {}  {}{of} taken  {seen}",
            style.gauge(share, 16),
            percent(now.percent),
            style.locale.number(now.taken)
        );
    }
    if let Some(held) = answer.now.as_ref().and_then(|now| held(now, style)) {
        let _ = writeln!(out, "  {held}");
    }
    let means: Vec<_> = answer.periods.iter().map(|row| Some(row.period.mean)).collect();
    if means.len() > 2 {
        let _ = writeln!(out, "  {}", style.sparkline(&means));
    }
    let by_month = answer.by == Step::Month;
    let mut head =
        vec!["PERIOD", "PEAK", "MEAN", "LAST", "CHANGE", "OF", "MEAN %", "PEAK %", "DAYS"];
    if by_month {
        head.push("A YEAR AGO");
    }
    let rows = answer.periods.iter().map(|row| {
        let period = &row.period;
        let mut cells = vec![
            period.name.clone(),
            style.locale.number(period.peak),
            format!("{:.1}", period.mean),
            style.locale.number(period.last),
            period.change.map_or_else(|| "-".to_owned(), |by| signed(style.locale, by)),
            period.entitled.map_or_else(|| "-".to_owned(), |all| style.locale.number(all)),
            percent(period.mean_percent),
            percent(period.peak_percent),
            if period.days == period.of {
                period.days.to_string()
            } else {
                paint.warn(&format!("{} of {}", period.days, period.of))
            },
        ];
        if by_month {
            let change = row.year_on_year_percent;
            cells.push(
                change.map_or_else(|| "-".to_owned(), |c| format!("{} %", signed(style.locale, c))),
            );
        }
        cells
    });
    out.push_str(&table(&head, rows.collect(), paint));
    full_line(out, answer);
    match &answer.year_on_year {
        Ok(year) => year_line(out, year, style),
        Err(why) => {
            let _ = writeln!(out, "  Year on year: {why}");
        }
    }
    let change = answer.year_on_year.as_ref().ok().and_then(|year| year.change);
    if let Some(recorded) = &answer.recorded_in_year
        && let Some(change) = change.filter(|change| change.abs() >= 0.5)
    {
        for (n, line) in wrapped(&recorded.in_words(change, style.locale), 60).lines().enumerate() {
            let name = if n == 0 { "Recorded between:" } else { "" };
            let _ = writeln!(out, "  {name:<17} {line}");
        }
    }
    season_lines(out, "By month", &answer.seasons.by_month, style);
    season_lines(out, "By weekday", &answer.seasons.by_weekday, style);
    // Too little for the one is too little for the other: that is said above.
    if answer.seasons_of_use.by_month.is_ok() || answer.seasons_of_use.by_weekday.is_ok() {
        season_lines(out, "In use by month", &answer.seasons_of_use.by_month, style);
        season_lines(out, "In use by weekday", &answer.seasons_of_use.by_weekday, style);
    }
}

/// `12 in quarantine, 0 free`; `None` where all that isn't taken is free.
fn held(now: &Now, style: &Style) -> Option<String> {
    let free = now.free.map(|free| format!("{} free", style.locale.number(free)));
    let in_quarantine = now.quarantined.filter(|seats| *seats > 0.0);
    let in_quarantine =
        in_quarantine.map(|seats| format!("{} in quarantine", style.locale.number(seats)));
    let excess = now.excess.filter(|seats| *seats > 0.0);
    let excess = excess.map(|seats| format!("{} more than entitled", style.locale.number(seats)));
    if in_quarantine.is_none() && excess.is_none() {
        return None;
    }
    Some([in_quarantine, excess, free].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Days on which nothing could be given out.
fn full_line(out: &mut String, answer: &TypeUtilization) {
    let full: Vec<u32> = answer.periods.iter().map(|row| row.period.full_days).collect();
    let days: u32 = full.iter().sum();
    if days == 0 {
        return;
    }
    let of: u32 = answer.periods.iter().map(|row| row.period.days).sum();
    let last = answer.periods.iter().rev().find(|row| row.period.full_days > 0);
    let last = last.map_or_else(String::new, |row| format!(", lastly in {}", row.period.name));
    let of = if of == 1 { "1 day".to_owned() } else { format!("{of} days") };
    let _ = writeln!(out, "  Nothing could be given out on {days} of {of}{last}");
}

fn year_line(out: &mut String, year: &YearOnYear, style: &Style) {
    let this = format!("{} has {:.1} on average", year.this.name, year.this.mean);
    let Some(last) = &year.last_year else {
        let _ = writeln!(out, "  Year on year: {this}; there is no data of a year ago");
        return;
    };
    let part = if year.this.days < year.this.of { " up to the same day" } else { "" };
    let change = year.change.map(|by| signed(style.locale, by)).unwrap_or_default();
    let share = year
        .change_percent
        .map_or_else(String::new, |c| format!(" ({} %)", signed(style.locale, c)));
    let _ = writeln!(
        out,
        "  Year on year: {this}\n                {} had {:.1}{part}: {change}{share}",
        last.name, last.mean
    );
}

/// Seats that the whole height of a season's bars stands for, at least: tenths of a seat are no season.
const SEASON: f64 = 5.0;

fn season_lines(out: &mut String, what: &str, season: &Result<Season, NotEnough>, style: &Style) {
    let season = match season {
        Ok(season) => season,
        Err(why) => {
            let _ = writeln!(out, "  {what}: {why}");
            return;
        }
    };
    let values: Vec<_> = season.parts.iter().map(|part| Some(part.difference)).collect();
    let _ = writeln!(
        out,
        "  {what}, against its surroundings: {}",
        style.sparkline_of(&values, SEASON)
    );
    let cells: Vec<_> = season
        .parts
        .iter()
        .map(|part| format!("{} {}", &part.name[..3], signed(style.locale, part.difference)))
        .collect();
    for line in cells.chunks(7) {
        let _ = writeln!(out, "    {}", line.join("  "));
    }
}

/// With a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
