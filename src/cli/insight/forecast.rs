//! `bursar insight forecast`: when the free seats run out.

use std::fmt::Write;

use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;

use super::chart::{Plot, Style};
use super::growth::basis;
use super::utilization::capital;
use super::{Assumed, Exit, Question, heading, no_history, signed, things, types};
use crate::insight::forecast::Bought;
use crate::insight::models::Kind;
use crate::insight::{NotEnough, days_after, or_why, words};
use crate::license::SeatType;
use crate::planning::forecast::WhatIfView;
use crate::planning::{ForecastView, Planning, WhatIf};
use crate::words::counted;

/// Show when the free seats run out, as a range, with and without releasing idle ones
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight forecast -c bursar.yaml\n  bursar insight forecast -c bursar.yaml --type analyzer --months 24\n  bursar insight forecast -c bursar.yaml --type analyzer --buy 20 --on 2027-04-01\n  bursar insight forecast -c bursar.yaml --release-threshold 60"
)]
pub struct Forecast {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    assume: Assume,
}

/// What is assumed that isn't so.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "What if")]
pub struct Assume {
    /// If so many seats more were bought, of each type shown
    #[arg(long, value_name = "SEATS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub buy: Option<u32>,
    /// The day on which they are bought, such as 2027-04-01 [default: today]
    #[arg(long, value_name = "DATE", requires = "buy")]
    pub on: Option<NaiveDate>,
    /// If the release rules had this releaseThresholdDays, for all types
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub release_threshold: Option<u32>,
}

impl Assume {
    fn what_if(self, today: NaiveDate) -> WhatIf {
        let bought = |seats| Bought { seats, on: self.on.unwrap_or(today) };
        WhatIf { bought: self.buy.map(bought), release_threshold: self.release_threshold }
    }
}

/// What of it is shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Options {
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    pub seat_type: Option<SeatType>,
    /// Months ahead, in the chart and in `outlook`; as many back in the chart
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: u32,
}

/// The answer of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteForecast {
    pub types: Vec<TypeForecast>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeForecast {
    pub seat_type: SeatType,
    #[serde(serialize_with = "or_why")]
    pub forecast: Result<ForecastView, NotEnough>,
}

impl Forecast {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let (options, assume) = (self.options, self.assume);
        let check = |today| assume.what_if(today).check(today);
        self.question.ask_assuming(
            Assumed { check: &check, release_threshold: assume.release_threshold },
            |planning| figures(planning, options, assume),
            |planning, style| render(planning, options, assume, style),
        )
    }
}

pub fn figures(planning: &Planning, options: Options, assume: Assume) -> SiteForecast {
    let what_if = assume.what_if(planning.today);
    let types = types(planning, options.seat_type).into_iter().filter_map(|seat_type| {
        Some(TypeForecast {
            seat_type,
            forecast: planning.forecast_view_if(seat_type, options.months, what_if)?,
        })
    });
    SiteForecast { types: types.collect() }
}

pub fn render(planning: &Planning, options: Options, assume: Assume, style: &Style) -> String {
    let mut out = heading(planning, style);
    let answer = figures(planning, options, assume);
    if answer.types.is_empty() {
        out.push_str(&no_history("seats"));
    }
    for (n, answer) in answer.types.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        let what = things(answer.seat_type);
        let _ = writeln!(out, "{}", style.paint.strong(&capital(&what)));
        match &answer.forecast {
            Ok(view) => {
                if let Some(what_if) = &view.what_if {
                    what_if_lines(&mut out, answer.seat_type, what_if, style);
                }
                lines(&mut out, view, style);
                chart(&mut out, planning, answer.seat_type, view, options.months, style);
            }
            Err(why) => {
                let _ = writeln!(out, "  Forecast        {why}");
            }
        }
    }
    out
}

/// That this isn't so, and what differs.
fn what_if_lines(out: &mut String, seat_type: SeatType, what_if: &WhatIfView, style: &Style) {
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<15} {text}");
    };
    if let Some(Bought { seats, on }) = what_if.bought {
        let more = match seats {
            1 => format!("1 more of the {} was", things(seat_type)),
            _ => format!("{seats} more {} were", things(seat_type)),
        };
        let what = format!("if {more} bought on {}", style.locale.date(on));
        line("What if", style.paint.warn(&what));
        line("As it is", format!("run out {}", what_if.as_it_is_in_words));
    }
    if let Some(before) = what_if.short_before {
        line("Before that", format!("they run out in {:.0} of 100 cases", before.percent));
        let after = before.percent_after_release;
        line("", format!("with release in {after:.0} of 100 cases"));
    }
    if let Some(days) = what_if.release_threshold_days {
        let what = format!(
            "if seats idle for {} were released",
            counted(style.locale, days.into(), "day", "days")
        );
        line("What if", style.paint.warn(&what));
    }
}

fn lines(out: &mut String, view: &ForecastView, style: &Style) {
    let paint = style.paint;
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<15} {text}");
    };
    line(
        "Free now",
        format!("{} of {}", style.locale.number(view.free), style.locale.number(view.entitled)),
    );
    let lasts = view.months_at_growth.map_or_else(String::new, |months| {
        format!("; at that pace they last {}", words::about_months(months))
    });
    line(
        "Growth",
        format!("{} a month{lasts}", signed(style.locale, view.growth.per_month.middle)),
    );
    let when = |of| words::runs_out(of, view.today, style.locale);
    line("Run out", paint.strong(&when(&view.runs_out)));
    line(
        "With release",
        match (view.reclaimable, view.runs_out_after_release.as_ref().map(when)) {
            (Some(seats), Some(after)) => {
                let seats = words::reclaimable(seats, style.locale);
                format!("{after} (of {seats}, once)")
            }
            _ => paint.faint("not known yet: the list of seats was not read so far"),
        },
    );
    for why in view.limits.iter().flat_map(|of| words::limits_each(of, style.locale)) {
        line("", why);
    }
    line("Model", words::chosen(view.model, &view.error));
    if let Ok(test) = &view.error {
        line("", words::scores(test));
    }
    if view.model != Kind::Damped {
        line(
            "If growth fades",
            match &view.second_opinion {
                Ok(second) => format!(
                    "{}{}",
                    words::runs_out(&second.runs_out, view.today, style.locale),
                    words::of_late(&view.growth.per_month, second.per_month)
                ),
                Err(why) => why.to_string(),
            },
        );
    }
    match &view.error {
        Ok(test) => {
            let horizons = test
                .horizons
                .iter()
                .map(|horizon| format!("{:.1} at {}", horizon.mae, horizon.days));
            let horizons = horizons.collect::<Vec<_>>().join(", ");
            line("Error so far", format!("seats: {horizons} days"));
            line("", format!("{:.1} in all (\"no change\": {:.1})", test.mae, test.no_change_mae));
            line("", words::held(test));
        }
        Err(why) => line("Error so far", why.to_string()),
    }
    line("Data", basis(&view.growth.basis));
    if view.as_of < days_after(view.today, -2) {
        line("Note", paint.warn(&format!("the last data is of {}", style.locale.date(view.as_of))));
    }
}

const WIDTH: usize = 66;
const HEIGHT: usize = 10;

fn chart(
    out: &mut String,
    planning: &Planning,
    seat_type: SeatType,
    view: &ForecastView,
    months: u32,
    style: &Style,
) {
    let Some(pool) = planning.pool(seat_type) else { return };
    let Some(first) = view.today.checked_sub_months(Months::new(months)) else { return };
    let x = |day: NaiveDate| f64::from(day.num_days_from_ce());
    let days = pool.taken.between(first, view.today);
    let Some(first) = days.first().map(|day| day.day) else { return };
    let line: Vec<_> = days.iter().map(|day| (x(day.day), day.mean)).collect();
    let start = (x(view.as_of), view.taken, view.taken);
    let ahead = view.outlook.iter().map(|point| (x(point.day), point.low, point.high));
    let end = view.outlook.last().map_or(view.today, |point| point.day);
    let limit = days.iter().filter_map(|day| Some((x(day.day), pool.entitled.on(day.day)?)));
    let ahead_of = |day: NaiveDate| (x(day), view.entitled);
    let limit = limit.chain([ahead_of(view.today)]);
    let bought = view.what_if.as_ref().and_then(|what_if| what_if.bought);
    let limit = match bought.filter(|bought| bought.on <= end) {
        Some(Bought { seats, on }) => {
            let total = view.entitled + f64::from(seats);
            limit.chain(vec![ahead_of(on), (x(on), total), (x(end), total)])
        }
        None => limit.chain(vec![ahead_of(end)]),
    };
    let plot =
        Plot { line, band: std::iter::once(start).chain(ahead).collect(), limit: limit.collect() };
    out.push('\n');
    for line in plot.draw(style, WIDTH, HEIGHT) {
        let _ = writeln!(out, "{line}");
    }
    let (left, right) = (first.to_string(), end.to_string());
    let gap = WIDTH.saturating_sub(left.len() + right.len());
    let _ = writeln!(out, "         {left}{}{right}", " ".repeat(gap));
    let legend = if style.ascii {
        "* taken   . 80 % range   - entitled"
    } else {
        "line: taken   dotted: 80 % range   faint: entitled"
    };
    let _ = writeln!(out, "         {}", style.paint.faint(legend));
}
