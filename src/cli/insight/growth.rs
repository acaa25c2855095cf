//! `bursar insight growth`: seats a month.

use std::fmt::Write;

use serde::Serialize;

use super::chart::Style;
use super::utilization::capital;
use super::{Exit, Question, heading, no_history, signed, things, types};
use crate::insight::forecast::SecondOpinion;
use crate::insight::growth;
use crate::insight::{Basis, NotEnough, or_why, words};
use crate::license::SeatType;
use crate::planning::Planning;
use crate::words::Locale;

/// Show how many seats more there are each month, without what releases and purchases did
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight growth -c bursar.yaml\n  bursar insight growth -c bursar.yaml --type analyzer --json"
)]
pub struct Growth {
    #[command(flatten)]
    question: Question,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    seat_type: Option<SeatType>,
}

/// The answer of a site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteGrowth {
    pub types: Vec<TypeGrowth>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeGrowth {
    pub seat_type: SeatType,
    #[serde(serialize_with = "or_why")]
    pub growth: Result<growth::Growth, NotEnough>,
    /// Growth of the next month by a damped trend.
    #[serde(serialize_with = "or_why")]
    pub second_opinion: Result<SecondOpinion, NotEnough>,
}

impl Growth {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let wanted = self.seat_type;
        self.question.ask(
            |planning| figures(planning, wanted),
            |planning, style| render(planning, wanted, style),
        )
    }
}

pub fn figures(planning: &Planning, wanted: Option<SeatType>) -> SiteGrowth {
    let types = types(planning, wanted).into_iter().filter_map(|seat_type| {
        let second_opinion = match planning.forecast(seat_type)? {
            Ok(forecast) => forecast.second_opinion,
            Err(why) => Err(*why),
        };
        Some(TypeGrowth { seat_type, growth: planning.growth(seat_type)?, second_opinion })
    });
    SiteGrowth { types: types.collect() }
}

pub fn render(planning: &Planning, wanted: Option<SeatType>, style: &Style) -> String {
    let mut out = heading(planning, style);
    let answer = figures(planning, wanted);
    if answer.types.is_empty() {
        out.push_str(&no_history("seats"));
    }
    for answer in &answer.types {
        let _ = writeln!(out, "{}", style.paint.strong(&capital(&things(answer.seat_type))));
        lines(&mut out, answer, style);
    }
    out
}

fn lines(out: &mut String, answer: &TypeGrowth, style: &Style) {
    let growth = match &answer.growth {
        Ok(growth) => growth,
        Err(why) => {
            let _ = writeln!(out, "  Growth          {why}");
            return;
        }
    };
    let middle =
        style.paint.strong(&format!("{} a month", signed(style.locale, growth.per_month.middle)));
    let range = words::growth(&growth.per_month, Locale::default());
    let _ = writeln!(out, "  Growth          {middle}, in 80 of 100 cases {range}");
    match &answer.second_opinion {
        Ok(second) => {
            let _ = writeln!(
                out,
                "  If it fades     {} in the next month (damped trend{})",
                signed(style.locale, second.per_month),
                words::of_late(&growth.per_month, second.per_month)
            );
        }
        Err(why) => {
            let _ = writeln!(out, "  If it fades     {why}");
        }
    }
    let mut notes = Vec::new();
    if growth.segments > 1 {
        let changes = match growth.segments - 1 {
            1 => "a change".to_owned(),
            changes => format!("{changes} changes"),
        };
        notes.push(format!("cut at {changes} of the total"));
    }
    if growth.added_back > 0 {
        notes.push(format!("{} released seats added back", growth.added_back));
    }
    if growth.full_days > 0 {
        notes.push(format!("{} full days left out", growth.full_days));
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "  Reckoned        {}", notes.join(", "));
    }
    let _ = writeln!(out, "  Data            {}", basis(&growth.basis));
}

/// `365 days from 25 November 2025 to 24 November 2026, 3 missing`.
pub(super) fn basis(basis: &Basis) -> String {
    let missing = match basis.missing {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    format!(
        "{} from {} to {}{missing}",
        crate::words::counted(crate::words::Locale::default(), basis.days.into(), "day", "days"),
        words::date(basis.first),
        words::date(basis.last)
    )
}
