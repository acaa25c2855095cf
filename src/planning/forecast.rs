//! A forecast as commands and reports show it.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::Planning;
use crate::insight::backtest::BackTest;
use crate::insight::forecast::{self, Outlook, RunsOut, SecondOpinion};
use crate::insight::models::Kind;
use crate::insight::{NotEnough, growth, or_why, words};
use crate::license::SeatType;
use crate::words::Locale;

/// A forecast for people and scripts: what isn't known is absent.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForecastView {
    pub today: NaiveDate,
    /// The last day with data.
    pub as_of: NaiveDate,
    pub entitled: f64,
    pub taken: f64,
    pub free: f64,
    /// What the forecast is made with.
    pub model: Kind,
    /// Why, in words; the figures are the `scores` of `error`.
    pub model_in_words: String,
    pub growth: growth::Growth,
    pub months_at_growth: Option<f64>,
    pub runs_out: RunsOut,
    /// `runsOut` in words.
    pub in_words: String,
    /// Absent while the list of seats isn't known, and so is what follows from it.
    pub reclaimable: Option<u32>,
    pub runs_out_after_release: Option<RunsOut>,
    pub after_release_in_words: Option<String>,
    #[serde(serialize_with = "or_why")]
    pub second_opinion: Result<SecondOpinion, NotEnough>,
    #[serde(serialize_with = "or_why")]
    pub error: Result<BackTest, NotEnough>,
    /// Seats taken on this day of each month to come.
    pub outlook: Vec<Outlook>,
}

impl Planning {
    /// A forecast with so many months ahead. `None` without history of the type.
    pub fn forecast_view(
        &self,
        seat_type: SeatType,
        months: u32,
    ) -> Option<Result<ForecastView, NotEnough>> {
        let reclaimable = self.reclaimable(seat_type);
        let known = self.forecast(seat_type)?;
        Some(known.as_ref().map_err(|why| *why).map(|known| view(known, reclaimable, months)))
    }
}

fn view(forecast: &forecast::Forecast, reclaimable: Option<u32>, months: u32) -> ForecastView {
    let days = (1..=months).filter_map(|n| forecast.today.checked_add_months(Months::new(n)));
    let after = reclaimable.map(|_| forecast.runs_out_after_release);
    ForecastView {
        today: forecast.today,
        as_of: forecast.as_of,
        entitled: forecast.entitled,
        taken: forecast.taken,
        free: forecast.free,
        model: forecast.model,
        model_in_words: model_in_words(forecast),
        growth: forecast.growth,
        months_at_growth: forecast.months_at_growth,
        runs_out: forecast.runs_out,
        in_words: words::runs_out(&forecast.runs_out, forecast.today, Locale::default()),
        reclaimable,
        runs_out_after_release: after,
        after_release_in_words: after
            .map(|after| words::runs_out(&after, forecast.today, Locale::default())),
        second_opinion: forecast.second_opinion,
        error: forecast.error.clone(),
        outlook: days.map(|day| forecast.outlook(day)).collect(),
    }
}

fn model_in_words(forecast: &forecast::Forecast) -> String {
    let chosen = words::chosen(forecast.model, &forecast.error);
    match &forecast.error {
        Ok(test) => format!("{chosen} {}", words::scores(test)),
        Err(_) => chosen,
    }
}
