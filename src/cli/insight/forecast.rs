//! `bursar insight forecast`: when the free seats run out.

use std::fmt::Write;

use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;

use super::chart::{Plot, Style};
use super::growth::basis;
use super::utilization::capital;
use super::{Exit, Question, heading, no_history, signed, things, types};
use crate::insight::models::Kind;
use crate::insight::{NotEnough, days_after, or_why, words};
use crate::license::SeatType;
use crate::planning::{ForecastView, Planning};
use crate::words::{Locale, grouped as number};

/// Show when the free seats run out, as a range, with and without releasing idle ones
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight forecast -c bursar.yaml\n  bursar insight forecast -c bursar.yaml --type analyzer --months 24"
)]
pub struct Forecast {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    options: Options,
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
        let options = self.options;
        self.question.ask(
            |planning| figures(planning, options),
            |planning, style| render(planning, options, style),
        )
    }
}

pub fn figures(planning: &Planning, options: Options) -> SiteForecast {
    let types = types(planning, options.seat_type).into_iter().filter_map(|seat_type| {
        Some(TypeForecast {
            seat_type,
            forecast: planning.forecast_view(seat_type, options.months)?,
        })
    });
    SiteForecast { types: types.collect() }
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
        let what = things(answer.seat_type);
        let _ = writeln!(out, "{}", style.paint.strong(&capital(&what)));
        match &answer.forecast {
            Ok(view) => {
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

fn lines(out: &mut String, view: &ForecastView, style: &Style) {
    let paint = style.paint;
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<15} {text}");
    };
    line("Free now", format!("{} of {}", number(view.free), number(view.entitled)));
    let lasts = view.months_at_growth.map_or_else(String::new, |months| {
        format!("; at that pace they last {}", words::about_months(months))
    });
    line("Growth", format!("{} a month{lasts}", signed(view.growth.per_month.middle)));
    line("Run out", paint.strong(&view.in_words));
    line(
        "With release",
        match (view.reclaimable, &view.after_release_in_words) {
            (Some(seats), Some(words)) => format!("{words} (of {seats} reclaimable seats, once)"),
            _ => paint.faint("not known yet: the list of seats was not read so far"),
        },
    );
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
                    words::runs_out(&second.runs_out, view.today, Locale::default()),
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
            line(
                "",
                format!(
                    "{:.1} in all (\"no change\": {:.1}); {:.0} % of {} ranges held",
                    test.mae, test.no_change_mae, test.coverage_percent, test.forecasts
                ),
            );
        }
        Err(why) => line("Error so far", why.to_string()),
    }
    line("Data", basis(&view.growth.basis));
    if view.as_of < days_after(view.today, -2) {
        line("Note", paint.warn(&format!("the last data is of {}", words::date(view.as_of))));
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
    let limit = limit.chain([(x(view.today), view.entitled), (x(end), view.entitled)]);
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
