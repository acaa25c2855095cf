//! `bursar insight capacity`: the minutes of Analyzer Capacity.

use std::fmt::Write;

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde::Serialize;

use super::chart::Style;
use super::{Exit, Question, heading, percent, table};
use crate::insight::capacity::{self, MonthEnd};
use crate::planning::{Month, Planning};
use crate::words::ago;

/// Show the minutes of Analyzer Capacity: used against how much of the month is gone
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  bursar insight capacity -c bursar.yaml")]
pub struct Capacity {
    #[command(flatten)]
    question: Question,
    /// Months to show, this one included
    #[arg(long, value_name = "N", default_value_t = 13, value_parser = clap::value_parser!(u32).range(1..=1200))]
    months: u32,
}

/// The answer of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteCapacity {
    /// Time of the last poll; absent without any history of minutes.
    pub as_of: Option<DateTime<Utc>>,
    /// This month; absent without a poll in it.
    pub capacity: Option<capacity::Capacity>,
    pub months: Vec<Month>,
}

impl Capacity {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let months = self.months;
        self.question.ask(
            |planning| figures(planning, months),
            |planning, style| render(planning, months, style),
        )
    }
}

pub fn figures(planning: &Planning, months: u32) -> SiteCapacity {
    let first = chrono::Datelike::with_day(&planning.today, 1)
        .and_then(|first| first.checked_sub_months(Months::new(months - 1)))
        .unwrap_or(NaiveDate::MIN);
    SiteCapacity {
        as_of: planning.minutes.as_ref().map(|minutes| minutes.as_of),
        capacity: planning.capacity(),
        months: planning.minutes_by_month((first, planning.today)),
    }
}

pub fn render(planning: &Planning, months: u32, style: &Style) -> String {
    let mut out = heading(planning, style);
    let answer = figures(planning, months);
    let Some(as_of) = answer.as_of else {
        out.push_str(
            "  no history of Analyzer Capacity: the license has none, or wasn't polled yet\n",
        );
        return out;
    };
    match &answer.capacity {
        Some(capacity) => this_month(&mut out, capacity, as_of, planning, style),
        None => {
            let _ = writeln!(
                out,
                "  not known for this month: the last poll was {}",
                ago(as_of, planning.now)
            );
        }
    }
    let rows = answer.months.iter().map(|month| {
        vec![
            month.name.clone(),
            style.locale.number(month.used),
            month.allocated.map_or_else(|| "-".to_owned(), |all| style.locale.number(all)),
            style.gauge(month.percent.unwrap_or(0.0), 20),
            percent(month.percent),
            if month.days == month.of {
                month.days.to_string()
            } else {
                style.paint.warn(&format!("{} of {}", month.days, month.of))
            },
        ]
    });
    out.push('\n');
    out.push_str(&table(&["MONTH", "USED", "OF", "", "", "DAYS"], rows.collect(), style.paint));
    out
}

fn this_month(
    out: &mut String,
    capacity: &capacity::Capacity,
    as_of: DateTime<Utc>,
    planning: &Planning,
    style: &Style,
) {
    let paint = style.paint;
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<12} {text}");
    };
    let used = capacity.used_percent.unwrap_or(0.0);
    line(
        "Used",
        format!(
            "{} {:>4}  {} of {} minutes",
            style.gauge(used, 30),
            percent(capacity.used_percent),
            style.locale.number(capacity.used),
            style.locale.number(capacity.usable)
        ),
    );
    line(
        "Month gone",
        format!(
            "{} {:>4}  {}",
            style.bar(capacity.gone_percent / 100.0, 30),
            percent(Some(capacity.gone_percent)),
            paint.faint(&ago(as_of, planning.now))
        ),
    );
    match &capacity.projected {
        Err(why) => line("Month end", why.to_string()),
        Ok(projected) => {
            line(
                "Month end",
                format!(
                    "{} minutes at this pace ({})",
                    style.locale.number(projected.used.round()),
                    percent(projected.percent)
                ),
            );
            line(
                "",
                format!(
                    "more than {} in 14 of 15 months",
                    style.locale.number(projected.low.round())
                ),
            );
            line("", runs_out(projected.runs_out, style));
        }
    }
}

fn runs_out(answer: MonthEnd, style: &Style) -> String {
    match answer {
        MonthEnd::Already => style.paint.bad("none are left"),
        MonthEnd::RunsOut { day } => {
            style.paint.bad(&format!("run out on {}", style.locale.date(day)))
        }
        MonthEnd::Lasts => style.paint.good("they last to the end of the month"),
    }
}
