//! What is ahead, in few figures: what alerts look at.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::Planning;
use crate::insight::budget::Budget;
use crate::insight::capacity::Capacity;
use crate::insight::forecast::RunsOut;
use crate::insight::money::Money;
use crate::insight::{NotEnough, or_why};
use crate::license::SeatType;

/// What is ahead of a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outlook {
    pub site: String,
    pub today: NaiveDate,
    /// Types that there is history of.
    pub types: Vec<TypeOutlook>,
    /// This month's minutes. Absent without Analyzer Capacity, or without a poll in this month.
    pub capacity: Option<Capacity>,
    /// Absent without prices.
    pub cost: Option<CostOutlook>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeOutlook {
    pub seat_type: SeatType,
    /// Time of the last poll.
    pub as_of: DateTime<Utc>,
    pub taken: f64,
    pub entitled: Option<f64>,
    /// What can be given out now.
    pub free: Option<f64>,
    pub percent: Option<f64>,
    pub quarantined: Option<f64>,
    pub excess: Option<f64>,
    #[serde(serialize_with = "or_why")]
    pub runs_out: Result<RunsOut, NotEnough>,
    /// The first day on which the seats may run out; absent when that isn't within ten years, or
    /// there is no forecast.
    pub earliest: Option<NaiveDate>,
    /// The day by which they will have, in 80 of 100 cases.
    pub latest: Option<NaiveDate>,
}

/// A year's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostOutlook {
    pub entitled: Money,
    /// As `bursar insight cost` and reports tell it.
    pub budget: Option<Budget>,
}

/// What is ahead, from a loaded history.
pub fn outlook(planning: &Planning) -> Outlook {
    let types = planning.pools.iter().filter_map(|pool| {
        let now = planning.current(pool.seat_type)?;
        let runs_out = match planning.forecast(pool.seat_type)? {
            Ok(forecast) => Ok(forecast.runs_out),
            Err(why) => Err(*why),
        };
        let days = runs_out.as_ref().ok();
        Some(TypeOutlook {
            seat_type: pool.seat_type,
            as_of: pool.as_of,
            taken: now.taken,
            entitled: now.entitled,
            free: now.free,
            percent: now.percent,
            quarantined: now.quarantined,
            excess: now.excess,
            earliest: days.and_then(|days| days.earliest(planning.today)),
            latest: days.and_then(|days| days.latest(planning.today)),
            runs_out,
        })
    });
    let cost =
        planning.cost().map(|cost| CostOutlook { entitled: cost.entitled, budget: cost.budget });
    Outlook {
        site: planning.site.clone(),
        today: planning.today,
        types: types.collect(),
        capacity: planning.capacity(),
        cost,
    }
}
