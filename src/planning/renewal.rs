//! What to renew licenses with, as commands and reports show it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::Planning;
use crate::insight::cost::DAYS;
use crate::insight::duration::{self, Curve};
use crate::insight::forecast::LONGEST_DAYS;
use crate::insight::order::{self, Order, Runs};
use crate::insight::reclaim::Limits;
use crate::insight::renewal::{self, Price, Question, Renewal, last_day};
use crate::insight::returns::Returned;
use crate::insight::{NotEnough, days_after, or_why};
use crate::license::SeatType;
use crate::words::{Locale, counted};

/// The answer for one type, with the picture of its past.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeRenewal {
    pub seat_type: SeatType,
    #[serde(serialize_with = "or_why")]
    pub renewal: Result<RenewalView, NotEnough>,
    /// How what is reclaimable goes, and what holds back the rest.
    pub limits: Limits,
    /// What is reclaimable is by the list that was read then; absent while none was.
    pub list_as_of: Option<DateTime<Utc>>,
    /// For which share of the last 365 days so many seats were taken.
    pub curve: Curve,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalView {
    #[serde(flatten)]
    pub answer: Renewal,
    /// Why the term begins on that day.
    pub begins: Begins,
    /// Which model the cases are drawn from and why, in words.
    pub model_in_words: String,
    /// Why the model was not tested on the past; absent when it was.
    pub untested: Option<NotEnough>,
    /// How seats that have to be added are paid.
    pub added_for_months: Option<u32>,
}

/// Why a term begins on its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "by")]
pub enum Begins {
    /// Somebody named the day.
    Asked,
    /// The contract renews on it (`Butler.cost.renewsOn`).
    Contract,
    /// The settings name no day on which the contract renews: the day after the last one on which the license of
    /// the server is valid.
    LicenseEnd {
        last_valid: NaiveDate,
        /// The end was read on this day, before that of the figures; absent where it is of the same day or later.
        recorded: Option<NaiveDate>,
    },
    /// It is today: no day to come is known, or it is too far ahead to be answered for.
    Today { too_far: Option<NaiveDate> },
}

impl Begins {
    /// Why, to be put behind the day.
    pub fn text(self, l: Locale) -> String {
        match self {
            Self::Asked => "as asked".to_owned(),
            Self::Contract => "the contract renews: cost.renewsOn".to_owned(),
            Self::LicenseEnd { last_valid, recorded } => {
                let end = l.date(last_valid);
                let then = recorded.map(|day| format!(", as read on {}", l.date(day)));
                format!("server license ends {end}{} (no cost.renewsOn)", then.unwrap_or_default())
            }
            Self::Today { too_far: None } => {
                "no cost.renewsOn, no license end known: the day of the figures".to_owned()
            }
            Self::Today { too_far: Some(day) } => {
                format!("no answer from {} on: the day of the figures", l.date(day))
            }
        }
    }
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
    /// The first day of a term: the one that is asked for; else the next renewal of the contract, if the settings say
    /// one; else the day after the end of the server's license, if that is known and ahead; else today. Today
    /// also where the longest term from such a day on can't be answered for.
    fn first_day(&self, seat_type: SeatType, question: &Question) -> (NaiveDate, Begins) {
        if let Some(on) = question.on {
            return (on, Begins::Asked);
        }
        let (on, begins) = self.next_term(seat_type);
        let fits = check(&Question { on: Some(on), ..question.clone() }, self.today).is_ok();
        match begins {
            begins if fits => (on, begins),
            _ => (self.today, Begins::Today { too_far: Some(on) }),
        }
    }

    /// When the next term of a type begins, whatever is asked of it, and how that is known.
    pub fn next_term(&self, seat_type: SeatType) -> (NaiveDate, Begins) {
        if let Some(on) = self.contracts.renewal(seat_type, self.today) {
            return (on, Begins::Contract);
        }
        let license = self.license_end.filter(|end| end.last_valid >= self.today);
        match license {
            Some(super::LicenseEnd { last_valid, as_of }) => {
                let read = as_of.with_timezone(&self.zone).date_naive();
                let recorded = (read < self.today).then_some(read);
                (days_after(last_valid, 1), Begins::LicenseEnd { last_valid, recorded })
            }
            None => (self.today, Begins::Today { too_far: None }),
        }
    }

    /// When the next term of a type begins, beside when its seats run out.
    pub fn next_term_in_words(&self, seat_type: SeatType, l: Locale) -> String {
        let (day, begins) = self.next_term(seat_type);
        let days = (day - self.today).num_days();
        let days = counted(l, days.unsigned_abs(), "day", "days");
        match begins {
            Begins::Contract => format!("the contract renews on {} (in {days})", l.date(day)),
            Begins::LicenseEnd { last_valid, .. } => format!(
                "the server license ends on {}, the day before the next term (in {days}; Butler.cost.renewsOn \
                 is not set)",
                l.date(last_valid)
            ),
            Begins::Asked | Begins::Today { .. } => {
                "when the contract renews is not said (Butler.cost.renewsOn)".to_owned()
            }
        }
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
            let (on, begins) = self.first_day(seat_type, question);
            let question = Question { on: Some(on), ..question.clone() };
            let entitled = pool.entitled.on(on).unwrap_or(forecast.entitled);
            let reclaimable = self.reclaimable(seat_type);
            RenewalView {
                begins,
                answer: renewal::renewal(
                    forecast,
                    &question,
                    reclaimable,
                    self.limits(seat_type).releasing,
                    entitled,
                    price,
                ),
                model_in_words: super::forecast::model_in_words(forecast),
                untested: forecast.error.as_ref().err().copied(),
                added_for_months: price.map(|price| price.term.months()),
            }
        });
        let days = pool.taken.between(days_after(self.today, 1 - DAYS), self.today);
        let limits = self.limits(seat_type);
        let list_as_of = self.seat_counts(seat_type).map(|seats| seats.as_of);
        Some(TypeRenewal { seat_type, renewal, limits, list_as_of, curve: duration::curve(days) })
    }

    /// The recommended answers of all types in one total. `None` without any type to order.
    pub fn order_of(&self, answers: &[TypeRenewal]) -> Option<Order> {
        let renewals = answers
            .iter()
            .map(|of| (of.seat_type, of.renewal.as_ref().ok().map(|view| &view.answer)));
        let minutes = self.minutes_of_month();
        let minutes = self.prices.zip(minutes);
        let minutes = minutes.and_then(|(prices, minutes)| prices.year_of_minutes(minutes));
        (!answers.is_empty()).then(|| {
            let mut order = order::order(renewals, self.prices.as_ref(), minutes);
            for line in order.lines.iter_mut().filter(|line| line.with_release) {
                line.runs = self.runs(line.seat_type, days_after(line.on, -1));
            }
            for line in order.otherwise.iter_mut().filter(|of| of.with_release) {
                for line in &mut line.lines {
                    line.runs = self.runs(line.seat_type, line.by);
                    let listed =
                        self.seat_counts(line.seat_type).map(|seats| self.day(seats.as_of));
                    line.listed = listed.filter(|day| *day > self.today);
                    let back = self.returned.as_ref().and_then(Returned::coming_back);
                    let back = back.map(|of| u64::from(of.of(line.reclaimable)));
                    line.seats_if_back = back.map(|back| line.seats + back);
                }
            }
            order
        })
    }

    /// Whether what is reclaimable of a type fits into the runs from the time of its list to the end of a day. `None`
    /// while the list was never read.
    fn runs(&self, seat_type: SeatType, last: NaiveDate) -> Option<Runs> {
        let seats = self.seat_counts(seat_type)?;
        let some_later = seats.limits.after_notice > 0;
        let from = seats.as_of.max(self.now);
        Some(self.release.as_ref()?.runs((seat_type, seats.reclaimable), some_later, (from, last)))
    }

    fn day(&self, time: DateTime<Utc>) -> NaiveDate {
        time.with_timezone(&self.zone).date_naive()
    }

    /// The same for the usual terms and risks. Computed once.
    pub fn order(&self) -> Option<&Order> {
        let make = || {
            let types = self.seat_types();
            let answers = types.filter_map(|of| self.renewal(of, &Question::default()));
            self.order_of(&answers.collect::<Vec<_>>())
        };
        self.order.get_or_init(make).as_ref()
    }
}
