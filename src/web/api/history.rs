//! Trends and forecasts.

use chrono::Months;
use schemars::JsonSchema;
use serde::Serialize;

use super::view::{Day, Time};
use crate::insight::utilization::{Period, Step};
use crate::license::SeatType;
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;
use crate::web::trends::Question;

/// So many months ahead at most, as forecasts go ten years.
const MONTHS: u32 = 120;

/// What was taken and entitled over time. Empty while there is no history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trends {
    /// Types that there is history of.
    seat_types: Vec<SeatType>,
    seat_type: Option<SeatType>,
    from: Option<Day>,
    to: Option<Day>,
    /// Time of the last poll.
    read: Option<Time>,
    /// Those with data, oldest first.
    periods: Vec<Span>,
    entitled_changes: Vec<EntitledChange>,
    /// Seats that Bursar released, by day.
    released: Vec<Released>,
    /// What may come, on this day of each month.
    ahead: Vec<Ahead>,
}

/// A day, week or month.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Span {
    /// `2026-11-24`, `2026-W48`, `2026-11`.
    name: String,
    start: Day,
    /// Days with data.
    days: u32,
    peak: f64,
    mean: f64,
    last: f64,
    entitled: Option<f64>,
    peak_percent: Option<f64>,
    mean_percent: Option<f64>,
    /// Days on which nothing could be given out.
    full_days: u32,
}

impl From<Period> for Span {
    fn from(of: Period) -> Self {
        Self {
            name: of.name,
            start: of.start.into(),
            days: of.days,
            peak: of.peak,
            mean: of.mean,
            last: of.last,
            entitled: of.entitled,
            peak_percent: of.peak_percent,
            mean_percent: of.mean_percent,
            full_days: of.full_days,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct EntitledChange {
    day: Day,
    from: f64,
    to: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Released {
    day: Day,
    seats: u64,
}

/// Seats taken on a day to come: in 80 of 100 cases between low and high.
#[derive(Debug, Serialize, JsonSchema)]
struct Ahead {
    day: Day,
    low: f64,
    middle: f64,
    high: f64,
}

pub(super) async fn trends(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Trends, Failure> {
    served.site(name)?;
    let asked = Asked::of(query)?;
    asked.only(&["type", "from", "to", "step"])?;
    let step = match asked.get("step") {
        None | Some("day") => Step::Day,
        Some("week") => Step::Week,
        Some("month") => Step::Month,
        Some(other) => {
            let text = format!("step: {other:?} is none; write one of day, week, month.");
            return Err(Failure::Wrong(text));
        }
    };
    let planning = served.known.planning(&served.source, name).await?;
    let mut trends = Trends {
        seat_types: planning.seat_types().collect(),
        seat_type: None,
        from: None,
        to: None,
        read: None,
        periods: Vec::new(),
        entitled_changes: Vec::new(),
        released: Vec::new(),
        ahead: Vec::new(),
    };
    let Some(question) = Question::of(&planning, &asked)? else { return Ok(trends) };
    let (pool, range) = (question.pool, question.range);
    let end = question.end(&planning);
    trends.seat_type = Some(pool.seat_type);
    trends.from = Some(range.from.into());
    trends.to = Some(range.to.into());
    trends.read = Some(pool.as_of.into());
    let periods = planning.utilization(pool.seat_type, step, (range.from, end));
    trends.periods = periods.into_iter().map(Span::from).collect();
    let changes = pool.entitled_changes(range.from, end).into_iter();
    let change = |of: crate::planning::EntitledChange| EntitledChange {
        day: of.day.into(),
        from: of.from,
        to: of.to,
    };
    trends.entitled_changes = changes.map(change).collect();
    let released = pool.released.iter().filter(|of| of.day >= range.from && of.day <= end);
    let released = released.map(|of| Released { day: of.day.into(), seats: of.count.into() });
    trends.released = released.collect();
    if let Some(Ok(forecast)) = planning.forecast(pool.seat_type) {
        let days = (1..=MONTHS).map_while(|n| planning.today.checked_add_months(Months::new(n)));
        let days = days.take_while(|day| *day <= range.to).map(|day| forecast.outlook(day));
        trends.ahead = days.map(Ahead::from).collect();
    }
    Ok(trends)
}

impl From<crate::insight::forecast::Outlook> for Ahead {
    fn from(of: crate::insight::forecast::Outlook) -> Self {
        Self { day: of.day.into(), low: of.low, middle: of.middle, high: of.high }
    }
}

/// When the free seats run out, by type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forecasts {
    today: Day,
    types: Vec<Forecast>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Forecast {
    seat_type: SeatType,
    /// In words, also why there is none.
    runs_out: String,
    /// Null where there is none: `runsOut` says why.
    forecast: Option<Known>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Known {
    /// The last day with data.
    as_of: Day,
    entitled: f64,
    taken: f64,
    free: f64,
    earliest: Option<Day>,
    latest: Option<Day>,
    /// Seats a month.
    growth_low: f64,
    growth_middle: f64,
    growth_high: f64,
    /// What it is made with, and why.
    model: String,
    /// Seats that the release rules let go, over as many runs as that takes; null while the list of seats isn't known.
    reclaimable: Option<u32>,
    /// `runsOut` once they were taken.
    runs_out_after_release: Option<String>,
    /// On this day of each month to come.
    ahead: Vec<Ahead>,
}

pub(super) async fn forecast(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Forecasts, Failure> {
    served.site(name)?;
    let asked = Asked::of(query)?;
    asked.only(&["months"])?;
    let months = asked.number("months", 1, MONTHS)?.unwrap_or(12);
    let planning = served.known.planning(&served.source, name).await?;
    let types = planning.seat_types().map(|seat_type| {
        let (runs_out, forecast) = match planning.forecast_view(seat_type, months) {
            None => ("not known: there is no history of it yet".to_owned(), None),
            Some(Err(why)) => (why.to_string(), None),
            Some(Ok(view)) => {
                let known = Known {
                    as_of: view.as_of.into(),
                    entitled: view.entitled,
                    taken: view.taken,
                    free: view.free,
                    earliest: view.runs_out.earliest(planning.today).map(Day::from),
                    latest: view.runs_out.latest(planning.today).map(Day::from),
                    growth_low: view.growth.per_month.low,
                    growth_middle: view.growth.per_month.middle,
                    growth_high: view.growth.per_month.high,
                    model: view.model_in_words,
                    reclaimable: view.reclaimable,
                    runs_out_after_release: view.after_release_in_words,
                    ahead: view.outlook.into_iter().map(Ahead::from).collect(),
                };
                (view.in_words, Some(known))
            }
        };
        Forecast { seat_type, runs_out, forecast }
    });
    Ok(Forecasts { today: planning.today.into(), types: types.collect() })
}
