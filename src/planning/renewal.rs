//! What to renew licenses with, as commands and reports show it.

use chrono::NaiveDate;
use serde::Serialize;

use super::Planning;
use crate::insight::cost::DAYS;
use crate::insight::duration::{self, Curve};
use crate::insight::forecast::LONGEST_DAYS;
use crate::insight::reclaim::Limits;
use crate::insight::renewal::{self, Price, Question, Renewal, last_day};
use crate::insight::{NotEnough, days_after, or_why};
use crate::license::SeatType;

/// The answer for one type, with the picture of its past.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeRenewal {
    pub seat_type: SeatType,
    #[serde(serialize_with = "or_why")]
    pub renewal: Result<RenewalView, NotEnough>,
    /// What decides that no more seats are reclaimable.
    pub limits: Limits,
    /// For which share of the last 365 days so many seats were taken.
    pub curve: Curve,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalView {
    #[serde(flatten)]
    pub answer: Renewal,
    /// Which model the cases are drawn from and why, in words.
    pub model_in_words: String,
    /// Why the model was not tested on the past; absent when it was.
    pub untested: Option<NotEnough>,
    /// How seats that have to be added are paid.
    pub added_for_months: Option<u32>,
}

/// A first day that can't be answered for, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{on} is over; name a day from {today} on")]
    Past { on: NaiveDate, today: NaiveDate },
    #[error(
        "{months} months from {on} end on {last}, and nothing is said of what comes after {latest}; name \
         an earlier day or fewer months"
    )]
    Far { on: NaiveDate, months: u32, last: NaiveDate, latest: NaiveDate },
}

/// Whether a term can be looked at: it begins today or later, and ends within ten years.
///
/// # Errors
/// It can't.
pub fn check(question: &Question, today: NaiveDate) -> Result<(), Refused> {
    let on = question.on.unwrap_or(today);
    if on < today {
        return Err(Refused::Past { on, today });
    }
    let latest = days_after(today, LONGEST_DAYS);
    for months in &question.months {
        let last = last_day(on, *months);
        if last > latest {
            return Err(Refused::Far { on, months: *months, last, latest });
        }
    }
    Ok(())
}

impl Planning {
    /// The first day of a term that nobody named: the next renewal of the contract, if the settings say one and
    /// the longest term from then on can be answered for; else today.
    fn first_day(&self, seat_type: SeatType, question: &Question) -> NaiveDate {
        let renews_on = self.contracts.renewal(seat_type, self.today);
        let fits = |on: &NaiveDate| {
            check(&Question { on: Some(*on), ..question.clone() }, self.today).is_ok()
        };
        renews_on.filter(fits).unwrap_or(self.today)
    }

    /// How many seats to renew a type with. `None` without history of the type, and for tokens, which
    /// are no seats.
    pub fn renewal(&self, seat_type: SeatType, question: &Question) -> Option<TypeRenewal> {
        let pool = self.pool(seat_type).filter(|_| seat_type.is_counted())?;
        let prices = self.prices;
        let price = prices.and_then(|prices| {
            let per_seat = prices.per_seat(seat_type)?;
            Some(Price { per_seat, term: prices.term })
        });
        let renewal = self.forecast(seat_type)?.as_ref().map_err(|why| *why).map(|forecast| {
            let on = question.on.unwrap_or_else(|| self.first_day(seat_type, question));
            let question = Question { on: Some(on), ..question.clone() };
            let entitled = pool.entitled.on(on).unwrap_or(forecast.entitled);
            let reclaimable = self.reclaimable(seat_type);
            RenewalView {
                answer: renewal::renewal(forecast, &question, reclaimable, entitled, price),
                model_in_words: super::forecast::model_in_words(forecast),
                untested: forecast.error.as_ref().err().copied(),
                added_for_months: price.map(|price| price.term.months()),
            }
        });
        let days = pool.taken.between(days_after(self.today, 1 - DAYS), self.today);
        let limits = self.limits(seat_type);
        Some(TypeRenewal { seat_type, renewal, limits, curve: duration::curve(days) })
    }
}
