//! What a trend shows, as files.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::{Question, step, whole};
use crate::insight::duration;
use crate::planning::Planning;
use crate::spreadsheet::Cell;
use crate::web::Served;
use crate::web::answer::{Answer, Failure};
use crate::web::asked::Asked;
use crate::web::sheet::{self, Csv};

/// The days of the range, one a row; or its periods, or for which share of the days so many seats were taken.
pub(in crate::web) async fn csv(served: &Served, name: &str, query: Option<&str>) -> Answer {
    served.site(name)?;
    let asked = Asked::of(query)?;
    let planning = served.known.planning(&served.source, name).await?;
    let question = Question::of(&planning, &asked)?;
    let question = question.as_ref();
    let (what, sheet) = match asked.get("show").unwrap_or("days") {
        "days" => ("days", days(&planning, question)),
        "periods" => ("periods", periods(&planning, question)),
        "curve" => ("curve", curve(&planning, question)),
        other => {
            let text = format!("show: {other:?} is none; write one of days, periods, curve.");
            return Err(Failure::Wrong(text));
        }
    };
    let of = question.map_or("none", |question| question.pool.seat_type.as_str());
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), sheet::file_name(&[name, of, what])], sheet.finish())
        .into_response())
}

fn row(sheet: &mut Csv, cells: &[String]) {
    sheet.row(cells.iter().map(|cell| Cell::Number(cell)));
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn days(planning: &Planning, question: Option<&Question<'_>>) -> Csv {
    let mut sheet = Csv::new(&["day", "min", "mean", "max", "last", "entitled"].map(Cell::Text));
    let Some(question) = question else { return sheet };
    let pool = question.pool;
    for day in pool.taken.between(question.range.from, question.end(planning)) {
        let [min, mean, max, last] = [day.min, day.mean, day.max, day.last].map(|v| v.to_string());
        let entitled = optional(pool.entitled.on(day.day));
        row(&mut sheet, &[day.day.to_string(), min, mean, max, last, entitled]);
    }
    sheet
}

fn periods(planning: &Planning, question: Option<&Question<'_>>) -> Csv {
    let head = [
        "period",
        "start",
        "peak",
        "mean",
        "last",
        "change",
        "entitled",
        "meanPercent",
        "peakPercent",
        "fullDays",
        "days",
        "of",
    ];
    let mut sheet = Csv::new(&head.map(Cell::Text));
    let Some(question) = question else { return sheet };
    let end = question.end(planning);
    let (step, _) = step(question.range.from, end);
    let range = whole((question.range.from, end), step, planning.today);
    for of in planning.utilization(question.pool.seat_type, step, range) {
        row(
            &mut sheet,
            &[
                of.name.clone(),
                of.start.to_string(),
                of.peak.to_string(),
                of.mean.to_string(),
                of.last.to_string(),
                optional(of.change),
                optional(of.entitled),
                optional(of.mean_percent),
                optional(of.peak_percent),
                of.full_days.to_string(),
                of.days.to_string(),
                of.of.to_string(),
            ],
        );
    }
    sheet
}

fn curve(planning: &Planning, question: Option<&Question<'_>>) -> Csv {
    let mut sheet = Csv::new(&["seats", "days", "percent"].map(Cell::Text));
    let Some(question) = question else { return sheet };
    let days = question.pool.taken.between(question.range.from, question.end(planning));
    for held in duration::curve(days).rows {
        let [seats, days] = [held.seats.to_string(), held.days.to_string()];
        row(&mut sheet, &[seats, days, format!("{:.2}", held.percent)]);
    }
    sheet
}
