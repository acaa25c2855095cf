//! A forecast as commands and reports show it.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::{Planning, SeatCounts};
use crate::insight::backtest::BackTest;
use crate::insight::cost::DAYS;
use crate::insight::forecast::{
    self, Bought, LONGEST_DAYS, Needed, Outlook, RunsOut, SecondOpinion, ShortBefore,
};
use crate::insight::models::Kind;
use crate::insight::reclaim::Limits;
use crate::insight::{NotEnough, days_after, growth, or_why, words};
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
    /// How what is reclaimable goes, and what holds back the rest.
    pub limits: Option<Limits>,
    pub runs_out_after_release: Option<RunsOut>,
    pub after_release_in_words: Option<String>,
    #[serde(serialize_with = "or_why")]
    pub second_opinion: Result<SecondOpinion, NotEnough>,
    #[serde(serialize_with = "or_why")]
    pub error: Result<BackTest, NotEnough>,
    /// Seats that are needed at the most within 365 days.
    pub needed: Needed,
    /// Seats taken on this day of each month to come.
    pub outlook: Vec<Outlook>,
    /// Only when something is assumed that isn't so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIfView>,
}

/// What is assumed that isn't so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WhatIf {
    pub bought: Option<Bought>,
    /// `releaseThresholdDays`, with which the history was [loaded](Planning::load_with).
    pub release_threshold: Option<u32>,
}

/// What a forecast assumes, and what it says without.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WhatIfView {
    /// `monthsAtGrowth`, `runsOut` and the others are with these, and from that day on.
    pub bought: Option<Bought>,
    pub short_before: Option<ShortBefore>,
    /// `reclaimable` and what follows from it are by this threshold.
    pub release_threshold_days: Option<u32>,
    /// `runsOut` as it is.
    pub as_it_is: RunsOut,
    pub as_it_is_in_words: String,
}

impl WhatIf {
    /// Whether that can be looked at: what is bought is bought today or later, within ten years.
    ///
    /// # Errors
    /// It can't; says what to write.
    pub fn check(&self, today: NaiveDate) -> Result<(), String> {
        let Some(Bought { on, .. }) = self.bought else { return Ok(()) };
        let latest = days_after(today, LONGEST_DAYS);
        if on < today {
            return Err(format!("{on} is over; name a day from {today} on"));
        }
        if on > latest {
            return Err(format!(
                "nothing is said of what comes after {latest}; name an earlier day than {on}"
            ));
        }
        Ok(())
    }
}

impl Planning {
    /// A forecast with so many months ahead. `None` without history of the type.
    pub fn forecast_view(
        &self,
        seat_type: SeatType,
        months: u32,
    ) -> Option<Result<ForecastView, NotEnough>> {
        let seats = self.seat_counts(seat_type);
        let known = self.forecast(seat_type)?;
        Some(known.as_ref().map_err(|why| *why).map(|known| view(known, seats, months)))
    }

    /// The same, if.
    pub fn forecast_view_if(
        &self,
        seat_type: SeatType,
        months: u32,
        what_if: WhatIf,
    ) -> Option<Result<ForecastView, NotEnough>> {
        if what_if == WhatIf::default() {
            return self.forecast_view(seat_type, months);
        }
        let known = match self.forecast(seat_type)? {
            Ok(known) => known,
            Err(why) => return Some(Err(*why)),
        };
        let assumed = match what_if.bought {
            Some(bought) => self.forecast_if(seat_type, bought)?,
            None => Ok(known.clone()),
        };
        Some(assumed.map(|assumed| ForecastView {
            what_if: Some(WhatIfView {
                bought: what_if.bought,
                short_before: assumed.short_before,
                release_threshold_days: what_if.release_threshold,
                as_it_is: known.runs_out,
                as_it_is_in_words: words::runs_out(&known.runs_out, known.today, Locale::default()),
            }),
            ..view(&assumed, self.seat_counts(seat_type), months)
        }))
    }
}

fn view(forecast: &forecast::Forecast, seats: Option<&SeatCounts>, months: u32) -> ForecastView {
    let reclaimable = seats.map(|seats| seats.reclaimable);
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
        limits: seats.map(|seats| seats.limits),
        runs_out_after_release: after,
        after_release_in_words: after
            .map(|after| words::runs_out(&after, forecast.today, Locale::default())),
        second_opinion: forecast.second_opinion,
        error: forecast.error.clone(),
        needed: forecast.needed(DAYS),
        outlook: days.map(|day| forecast.outlook(day)).collect(),
        what_if: None,
    }
}

pub(super) fn model_in_words(forecast: &forecast::Forecast) -> String {
    let chosen = words::chosen(forecast.model, &forecast.error);
    match &forecast.error {
        Ok(test) => format!("{chosen} {}", words::scores(test)),
        Err(_) => chosen,
    }
}
