//! What the licenses cost. What isn't known (who is active, what is idle) has no amount.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::Planning;
use super::renewal::Begins;
use crate::insight::budget::{self, Budget, Projection, Year};
use crate::insight::cost::{self, CapacityBill, Counts, DAYS, Minutes, MoneyRange, Prices, Saved};
use crate::insight::days_after;
use crate::insight::money::{Currency, Money};
use crate::insight::order::{Beside, Order};
use crate::insight::reclaim::Limits;
use crate::insight::returns::{CouldBeSaved, could_be_saved};
use crate::license::SeatType;

/// The cost of a year as things are now, what was saved, and what may come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    pub currency: Currency,
    pub by_type: Vec<TypeCost>,
    /// Types that have seats but no price: their cost is in no sum.
    pub without_price: Vec<SeatType>,
    pub capacity: Option<CapacityBill>,
    /// Seats and minutes.
    pub entitled: Money,
    /// Of seats, as all that follow: minutes are allocated to nobody.
    pub entitled_seats: Money,
    pub allocated: Money,
    /// Of seats used within 28 days. Absent while the list of seats isn't known.
    pub active: Option<Money>,
    /// Of seats idle for the threshold of the settings, also those that the rules keep. Absent as above.
    pub idle: Option<Money>,
    /// Of seats that the release rules let go, over as many runs as that takes. Absent as above.
    pub reclaimable: Option<Money>,
    /// `reclaimable`, and what of it is left where people come back. Absent as `reclaimable`.
    pub could_be_saved: Option<CouldBeSaved>,
    /// Of seats that nobody has and that can be given out. Absent where that isn't known.
    pub free: Option<Money>,
    /// `entitled` by `activePeople`.
    pub per_active_person: Option<Money>,
    /// People who used a seat of any type within 28 days, each once.
    pub active_people: Option<u32>,
    /// By the releases in the ledger, over all time and in the last 365 days.
    pub saved: Saved,
    pub saved_last_year: Saved,
    pub next_year: NextYear,
    /// Absent without a budget.
    pub budget: Option<Budget>,
}

/// A type of seats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeCost {
    pub seat_type: SeatType,
    /// What is entitled and allocated is of this day, the last one with data.
    pub as_of: Option<NaiveDate>,
    /// What is active and reclaimable is of the list that was read then.
    pub list_as_of: Option<DateTime<Utc>>,
    pub seats: SeatNumbers,
    pub per_seat: Money,
    pub entitled: Money,
    pub allocated: Money,
    pub active: Option<Money>,
    pub idle: Option<Money>,
    pub reclaimable: Option<Money>,
    pub free: Option<Money>,
    pub per_active_seat: Option<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatNumbers {
    pub entitled: u32,
    pub allocated: u32,
    pub active: Option<u32>,
    /// Idle for `thresholdDays`, also those that the rules keep.
    pub idle: Option<u32>,
    pub threshold_days: Option<u32>,
    /// What the release rules let go, over as many runs as that takes.
    pub reclaimable: Option<u32>,
    /// What can be given out. Absent where that isn't known.
    pub free: Option<u32>,
    /// How they go, and what holds back the rest.
    pub limits: Limits,
}

/// What was entitled in a period cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodCost {
    /// Of the types that have a price.
    pub by_type: Vec<PeriodTypeCost>,
    pub seats: Money,
    /// Absent without minutes or their price.
    pub capacity: Option<Money>,
    pub all: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodTypeCost {
    pub seat_type: SeatType,
    /// Entitled seats, summed up over the days.
    pub seat_days: u64,
    pub cost: Money,
}

/// The year of the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextYear {
    #[serde(flatten)]
    pub year: Year,
    pub by_type: Vec<Projection>,
    /// Types with a price but without a forecast: taken as they are now.
    pub without_forecast: Vec<SeatType>,
    /// Of the seats taken, of what is to be paid, and of what of it has to be bought; minutes are not
    /// in it.
    pub allocated: MoneyRange,
    pub to_pay: MoneyRange,
    pub to_buy: MoneyRange,
}

impl Cost {
    /// How an order belongs together with what is paid if what is entitled stays. `None` where one of both is not set
    /// against the budget.
    pub fn beside(&self, order: &Order) -> Option<Beside> {
        let types = &self.next_year.by_type;
        let added = |seats: fn(&Projection) -> u64| types.iter().map(seats).sum();
        let added = (added(|of| of.missing_low), added(|of| of.missing_high));
        Beside::of(order, self.budget.as_ref()?, added)
    }
}

impl Planning {
    /// `None` without prices, and while neither seats nor minutes are known: that costs not nothing.
    pub fn cost(&self) -> Option<Cost> {
        let prices = self.prices?;
        let counts = self.counts();
        if !self.is_entitlement_known() {
            return None;
        }
        let people = self.seats.as_ref().map(|seats| seats.active_people);
        let bill = cost::bill(&prices, &counts, self.minutes_of_month(), people.unwrap_or(0));
        let next_year = self.next_year()?;
        let budget = budget::budget(&prices, bill.entitled, next_year.to_buy, next_year.year);
        // A sum without one of its types would be too small.
        let known = counts.iter().all(|c| self.seat_counts(c.seat_type).is_some());
        let by_type = bill.by_type.iter().map(|bill| {
            let counts = counts.iter().find(|counts| counts.seat_type == bill.seat_type);
            let number = |value: fn(&Counts) -> u32| counts.map_or(0, value);
            let of_type = self.seat_counts(bill.seat_type).is_some();
            TypeCost {
                seat_type: bill.seat_type,
                as_of: self.current(bill.seat_type).map(|now| now.day),
                list_as_of: self.seat_counts(bill.seat_type).map(|seats| seats.as_of),
                seats: SeatNumbers {
                    entitled: number(|c| c.entitled),
                    allocated: number(|c| c.allocated),
                    active: of_type.then(|| number(|c| c.active)),
                    idle: of_type.then(|| number(|c| c.idle)),
                    threshold_days: self.seat_counts(bill.seat_type).map(|of| of.threshold_days),
                    reclaimable: of_type.then(|| number(|c| c.reclaimable)),
                    free: counts.and_then(|counts| counts.free),
                    limits: self.limits(bill.seat_type),
                },
                per_seat: bill.per_seat,
                entitled: bill.entitled,
                allocated: bill.allocated,
                active: of_type.then_some(bill.active),
                idle: of_type.then_some(bill.idle),
                reclaimable: of_type.then_some(bill.reclaimable),
                free: bill.free,
                per_active_seat: bill.per_active_seat.filter(|_| of_type),
            }
        });
        let reclaimable = priced(&prices, &counts);
        let seen = self.returned.as_ref().filter(|_| known);
        Some(Cost {
            could_be_saved: seen.and_then(|seen| could_be_saved(&reclaimable, seen)),
            currency: prices.currency,
            by_type: by_type.collect(),
            without_price: bill.without_price,
            entitled: bill.entitled,
            entitled_seats: bill.entitled_seats,
            allocated: bill.allocated,
            active: known.then_some(bill.active),
            idle: known.then_some(bill.idle),
            reclaimable: known.then_some(bill.reclaimable),
            free: bill.free,
            active_people: people,
            per_active_person: bill.per_active_person.filter(|_| {
                // People of a type without a price would make it too small.
                known && counts.iter().all(|of| prices.per_seat(of.seat_type).is_some())
            }),
            capacity: bill.capacity,
            saved: self.saved((NaiveDate::MIN, self.today))?,
            saved_last_year: self.saved(self.last_year())?,
            next_year,
            budget,
        })
    }

    /// What released seats would have cost between two days, both included. `None`
    /// without prices.
    pub fn saved(&self, range: (NaiveDate, NaiveDate)) -> Option<Saved> {
        Some(cost::saved(&self.prices?, &self.released, range))
    }

    /// What of [`saved`](Self::saved) is by seats that were released before the first of the days, and went on saving:
    /// each does until it is taken again, for a year at most.
    pub fn saved_by_earlier(&self, range: (NaiveDate, NaiveDate)) -> Option<Saved> {
        let earlier = self.released.iter().filter(|seats| seats.from < range.0);
        Some(cost::saved(&self.prices?, &earlier.copied().collect::<Vec<_>>(), range))
    }

    /// Whether anything is known of what the site is entitled to.
    pub(super) fn is_entitlement_known(&self) -> bool {
        !self.counts().is_empty() || self.minutes_of_month().is_some()
    }

    /// The last 365 days, with today.
    pub(super) fn last_year(&self) -> (NaiveDate, NaiveDate) {
        (days_after(self.today, 1 - DAYS), self.today)
    }

    /// What was entitled cost between two days, both included: a day of a seat is a 365th of a year's price,
    /// minutes are paid by the month, and of one that isn't over by its days. Days before anything was known
    /// cost nothing here. `None` without prices, and where nothing is known of any day.
    pub fn cost_of(&self, range: (NaiveDate, NaiveDate)) -> Option<PeriodCost> {
        let (first, last) = range;
        let prices = self.prices?;
        let cost = |pool: &super::Pool| {
            let per_seat = prices.per_seat(pool.seat_type)?;
            let days = first.iter_days().take_while(|day| *day <= last);
            let seats =
                days.filter_map(|day| pool.entitled.on(day)).map(|seats| u64::from(whole(seats)));
            let seat_days = seats.sum::<u64>();
            let cost = per_seat.times(seat_days).over(DAYS)?;
            Some(PeriodTypeCost { seat_type: pool.seat_type, seat_days, cost })
        };
        let by_type: Vec<_> = self.pools.iter().filter_map(cost).collect();
        let zero = Money::zero(prices.currency);
        let seats = by_type.iter().fold(zero, |sum, of| sum + of.cost);
        let months = self.minutes_by_month(range);
        let minutes = months.iter().filter_map(|month| {
            let allocated = month.allocated?.round().to_u64()?;
            let gone = last.min(month.end()) - first.max(month.start) + chrono::TimeDelta::days(1);
            let part = u64::try_from(gone.num_days()).unwrap_or(0).min(month.of.into());
            prices.minutes(allocated)?.times(part).over(month.of)
        });
        let capacity = minutes.reduce(|sum, cost| sum + cost);
        if capacity.is_none() && by_type.iter().all(|of| of.seat_days == 0) {
            return None;
        }
        let all = capacity.map_or(seats, |capacity| seats + capacity);
        Some(PeriodCost { by_type, seats, capacity, all })
    }

    /// The year that the budget is of: it begins with the next renewal of any type, by the contract or the server's license, or on the same
    /// day of a year before.
    pub fn budget_year(&self) -> Year {
        let types = self.seat_types().filter(|of| of.is_counted());
        let known = types.filter_map(|of| match self.next_term(of) {
            (day, Begins::Contract | Begins::LicenseEnd { .. }) => Some(day),
            (_, Begins::Asked | Begins::Today { .. }) => None,
        });
        Year::of(known.min(), self.today)
    }

    /// The cost of the year of the budget of a type. `None` without a price or a forecast.
    pub fn project(&self, seat_type: SeatType) -> Option<Projection> {
        let Some(Ok(forecast)) = self.forecast(seat_type) else { return None };
        let entitled = &self.pool(seat_type)?.entitled;
        budget::project(&self.prices?, seat_type, forecast, entitled, self.budget_year())
    }

    fn next_year(&self) -> Option<NextYear> {
        let prices = self.prices?;
        let nothing = MoneyRange::exactly(Money::zero(prices.currency));
        let year = self.budget_year();
        let mut next = NextYear {
            year,
            by_type: Vec::new(),
            without_forecast: Vec::new(),
            allocated: nothing,
            to_pay: nothing,
            to_buy: nothing,
        };
        for seats in self.counts() {
            let known = self.project(seats.seat_type);
            if known.is_none() && prices.per_seat(seats.seat_type).is_some() {
                next.without_forecast.push(seats.seat_type);
            }
            let as_now = || budget::as_now(&prices, &seats, self.today, year);
            let Some(projection) = known.or_else(as_now) else { continue };
            next.by_type.push(projection);
            next.allocated = next.allocated.plus(projection.allocated);
            next.to_pay = next.to_pay.plus(projection.to_pay);
            next.to_buy = next.to_buy.plus(projection.to_buy.cost);
        }
        Some(next)
    }

    /// Seats by type as they are now. Who is active and idle is zero while it isn't known.
    pub(super) fn counts(&self) -> Vec<Counts> {
        let types = self.pools.iter().filter(|pool| pool.seat_type.is_counted());
        types
            .filter_map(|pool| {
                let now = self.current(pool.seat_type)?;
                let seats = self.seat_counts(pool.seat_type);
                Some(Counts {
                    seat_type: pool.seat_type,
                    entitled: whole(now.entitled.unwrap_or(0.0)),
                    allocated: whole(now.taken),
                    active: seats.map_or(0, |seats| seats.active),
                    idle: seats.map_or(0, |seats| seats.idle),
                    reclaimable: seats.map_or(0, |seats| seats.reclaimable),
                    free: now.free.map(whole),
                })
            })
            .collect()
    }

    pub(super) fn minutes_of_month(&self) -> Option<Minutes> {
        let minutes = self.minutes.as_ref()?;
        let entitled = minutes.allocated.last()?.last;
        let used = self.capacity().map_or(0.0, |capacity| capacity.used);
        Some(Minutes {
            entitled_per_month: entitled.round().to_u64().unwrap_or(0),
            used_this_month: used.round().to_u64().unwrap_or(0),
        })
    }
}

/// Reclaimable seats of the types that have a price, each with that.
fn priced(prices: &Prices, counts: &[Counts]) -> Vec<(u32, Money)> {
    let of = |counts: &Counts| Some((counts.reclaimable, prices.per_seat(counts.seat_type)?));
    counts.iter().filter_map(of).collect()
}

/// A count that came as a figure.
fn whole(figure: f64) -> u32 {
    figure.round().to_u32().unwrap_or(0)
}
