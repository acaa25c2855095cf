//! What seats and minutes cost, from the prices of the settings.
//!
//! A year is 365 days here, so that a seat taken for a year costs exactly its price. Nothing is rounded
//! before it is shown, see [`super::money`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::days_after;
use super::money::{Currency, Money, sum};
use super::purchase::Term;
use crate::license::SeatType;

/// Days that a price per year is for.
pub const DAYS: i64 = 365;

/// `Butler.cost`. What has no price has no cost, which is not the same as a cost of nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    pub currency: Currency,
    pub professional_per_seat_per_year: Option<Decimal>,
    pub analyzer_per_seat_per_year: Option<Decimal>,
    /// Analyzer Capacity.
    pub capacity_per_thousand_minutes: Option<Decimal>,
    pub budget_per_year: Option<Decimal>,
    /// Seats are bought for so long.
    pub term: Term,
}

/// How many seats of a type there are, by what they are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub seat_type: SeatType,
    pub entitled: u32,
    pub allocated: u32,
    /// Used within the last 28 days.
    pub active: u32,
    /// Idle for the threshold of the settings, also those that the rules keep.
    pub idle: u32,
    /// What the release rules let go, over as many runs as that takes.
    pub reclaimable: u32,
    /// What can be given out: nobody has it. Absent where that isn't known.
    pub free: Option<u32>,
}

/// Minutes of Analyzer Capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes {
    pub entitled_per_month: u64,
    pub used_this_month: u64,
}

/// The cost of a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    pub by_type: Vec<TypeBill>,
    /// Types that have seats but no price: their cost is in no sum.
    pub without_price: Vec<SeatType>,
    pub capacity: Option<CapacityBill>,
    /// Everything entitled, minutes too: what is paid whether it is used or not.
    pub entitled: Money,
    /// The same without minutes, which are not allocated to anybody.
    pub entitled_seats: Money,
    pub allocated: Money,
    pub active: Money,
    pub idle: Money,
    pub reclaimable: Money,
    /// Absent where it isn't known of one of the types.
    pub free: Option<Money>,
    /// `entitled` by people active within 28 days, each person once. Absent without any.
    pub per_active_person: Option<Money>,
}

/// The cost of a type's seats for a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeBill {
    pub seat_type: SeatType,
    pub per_seat: Money,
    pub entitled: Money,
    pub allocated: Money,
    pub active: Money,
    pub idle: Money,
    pub reclaimable: Money,
    pub free: Option<Money>,
    /// `entitled` by active seats.
    pub per_active_seat: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityBill {
    /// Twelve months of the entitled minutes.
    pub entitled: Money,
    /// The minutes used this month.
    pub used_this_month: Money,
}

impl Prices {
    /// A year of a seat.
    pub fn per_seat(&self, seat_type: SeatType) -> Option<Money> {
        let price = match seat_type {
            SeatType::Professional => self.professional_per_seat_per_year,
            SeatType::Analyzer => self.analyzer_per_seat_per_year,
            // Paid in tokens.
            SeatType::User => None,
        };
        price.map(|price| self.money(price))
    }

    pub fn budget(&self) -> Option<Money> {
        self.budget_per_year.map(|budget| self.money(budget))
    }

    fn money(&self, amount: Decimal) -> Money {
        Money::new(amount, self.currency)
    }

    /// Twelve months of the entitled minutes.
    pub fn year_of_minutes(&self, minutes: Minutes) -> Option<Money> {
        Some(self.minutes(minutes.entitled_per_month)?.times(12))
    }

    /// So many minutes.
    pub fn minutes(&self, minutes: u64) -> Option<Money> {
        let price = self.capacity_per_thousand_minutes?;
        self.money(price).times(minutes).over(1_000)
    }
}

/// The cost of a year as things are now. `active_people`: each person once, whatever they hold.
pub fn bill(
    prices: &Prices,
    counts: &[Counts],
    minutes: Option<Minutes>,
    active_people: u32,
) -> Bill {
    let mut by_type = Vec::new();
    let mut without_price = Vec::new();
    for counts in counts {
        let Some(per_seat) = prices.per_seat(counts.seat_type) else {
            if counts.entitled > 0 || counts.allocated > 0 {
                without_price.push(counts.seat_type);
            }
            continue;
        };
        let entitled = per_seat.times(counts.entitled);
        by_type.push(TypeBill {
            seat_type: counts.seat_type,
            per_seat,
            entitled,
            allocated: per_seat.times(counts.allocated),
            active: per_seat.times(counts.active),
            idle: per_seat.times(counts.idle),
            reclaimable: per_seat.times(counts.reclaimable),
            free: counts.free.map(|free| per_seat.times(free)),
            per_active_seat: entitled.over(counts.active),
        });
    }
    let capacity = minutes.and_then(|minutes| {
        Some(CapacityBill {
            entitled: prices.year_of_minutes(minutes)?,
            used_this_month: prices.minutes(minutes.used_this_month)?,
        })
    });
    let total = |value: fn(&TypeBill) -> Money| {
        sum(by_type.iter().map(value)).unwrap_or(Money::zero(prices.currency))
    };
    let entitled_seats = total(|bill| bill.entitled);
    let mut entitled = entitled_seats;
    if let Some(capacity) = &capacity {
        entitled = entitled + capacity.entitled;
    }
    Bill {
        without_price,
        entitled,
        entitled_seats,
        allocated: total(|bill| bill.allocated),
        active: total(|bill| bill.active),
        idle: total(|bill| bill.idle),
        reclaimable: total(|bill| bill.reclaimable),
        free: by_type
            .iter()
            .try_fold(Money::zero(prices.currency), |sum, bill| Some(sum + bill.free?)),
        per_active_person: entitled.over(active_people),
        capacity,
        by_type,
    }
}

/// Seats that were released on a day and, maybe, taken again by the same people on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleasedSeats {
    pub seat_type: SeatType,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub count: u32,
}

/// What released seats would have cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    pub seat_days: u64,
    /// Seat-days of types with a price.
    pub amount: Money,
    /// Seat-days of types without one.
    pub seat_days_without_price: u64,
}

/// The worth of seats between two days (both included): each counts from the day after its release until
/// it is taken again, at most a year.
pub fn saved(
    prices: &Prices,
    released: &[ReleasedSeats],
    (first, last): (NaiveDate, NaiveDate),
) -> Saved {
    let mut of_types: BTreeMap<SeatType, u64> = BTreeMap::new();
    for seats in released {
        let start = days_after(seats.from, 1).max(first);
        let end = days_after(seats.from, DAYS).min(last);
        let end = seats.until.map_or(end, |until| end.min(days_after(until, -1)));
        let days = u64::try_from((end - start).num_days() + 1).unwrap_or(0);
        let of_type = of_types.entry(seats.seat_type).or_default();
        *of_type = of_type.saturating_add(days.saturating_mul(seats.count.into()));
    }
    let mut saved =
        Saved { seat_days: 0, amount: Money::zero(prices.currency), seat_days_without_price: 0 };
    for (seat_type, seat_days) in of_types {
        saved.seat_days = saved.seat_days.saturating_add(seat_days);
        match prices.per_seat(seat_type).and_then(|seat| seat.times(seat_days).over(DAYS)) {
            Some(amount) => saved.amount = saved.amount + amount,
            None => saved.seat_days_without_price += seat_days,
        }
    }
    saved
}

/// An amount between two, 80 % of what may come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyRange {
    pub low: Money,
    pub middle: Money,
    pub high: Money,
}

impl MoneyRange {
    /// One amount that is certain.
    pub fn exactly(amount: Money) -> Self {
        Self { low: amount, middle: amount, high: amount }
    }

    /// Sums of ranges: as wide as if all types went the same way.
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            middle: self.middle + other.middle,
            high: self.high + other.high,
        }
    }

    /// By how much it is over an amount; negative where it is below.
    pub(super) fn over(self, amount: Money) -> Self {
        self.plus(Self::exactly(Money::zero(amount.currency) - amount))
    }

    /// How much of an amount it leaves.
    pub(super) fn left_of(self, amount: Money) -> Self {
        Self { low: amount - self.high, middle: amount - self.middle, high: amount - self.low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn decimal(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    fn prices() -> Prices {
        Prices {
            currency: Currency::parse("EUR").unwrap(),
            professional_per_seat_per_year: decimal("840.10"),
            analyzer_per_seat_per_year: decimal("280"),
            capacity_per_thousand_minutes: decimal("12.345"),
            budget_per_year: None,
            term: Term::default(),
        }
    }

    fn counts(seat_type: SeatType, entitled: u32) -> Counts {
        Counts {
            seat_type,
            entitled,
            allocated: 40,
            active: 30,
            idle: 8,
            reclaimable: 6,
            free: Some(9),
        }
    }

    #[test]
    fn a_year_costs_what_its_seats_and_minutes_do() {
        let counts = [
            counts(SeatType::Professional, 50),
            counts(SeatType::Analyzer, 100),
            counts(SeatType::User, 10),
        ];
        let minutes = Minutes { entitled_per_month: 5_000, used_this_month: 1_501 };
        let bill = bill(&prices(), &counts, Some(minutes), 61);
        let professional = &bill.by_type[0];
        let shown = [
            professional.entitled,
            professional.allocated,
            professional.active,
            professional.reclaimable,
            professional.per_active_seat.unwrap(),
        ]
        .map(|money| money.to_string());
        assert_eq!(
            shown,
            ["42,005.00 EUR", "33,604.00 EUR", "25,203.00 EUR", "5,040.60 EUR", "1,400.17 EUR"]
        );
        let capacity = bill.capacity.clone().unwrap();
        assert_eq!(capacity.entitled.to_string(), "740.70 EUR");
        // 18.529845
        assert_eq!(capacity.used_this_month.to_string(), "18.53 EUR");
        assert_eq!(bill.entitled.to_string(), "70,745.70 EUR");
        assert_eq!(bill.entitled_seats.to_string(), "70,005.00 EUR");
        assert_eq!(bill.idle.to_string(), "8,960.80 EUR");
        // Nine of each: 7,560.90 and 2,520.
        assert_eq!(bill.free.unwrap().to_string(), "10,080.90 EUR");
        assert_eq!(bill.reclaimable.to_string(), "6,720.60 EUR");
        assert_eq!(bill.per_active_person.unwrap().to_string(), "1,159.77 EUR");
        assert_eq!(bill.without_price, [SeatType::User]);
    }

    #[test]
    fn what_has_no_price_is_said_and_not_free() {
        let nothing = Prices {
            professional_per_seat_per_year: None,
            capacity_per_thousand_minutes: None,
            ..prices()
        };
        let minutes = Minutes { entitled_per_month: 5_000, used_this_month: 1 };
        let counts = [counts(SeatType::Professional, 50), counts(SeatType::Analyzer, 100)];
        let bill = bill(&nothing, &counts, Some(minutes), 0);
        assert_eq!((bill.by_type.len(), bill.capacity), (1, None));
        assert_eq!(bill.without_price, [SeatType::Professional]);
        assert_eq!(bill.per_active_person, None);
    }

    #[test]
    fn a_seat_given_back_saves_until_it_is_taken_again_or_a_year() {
        let seats = |from: &str, until: Option<&str>, count| ReleasedSeats {
            seat_type: SeatType::Analyzer,
            from: day(from),
            until: until.map(day),
            count,
        };
        let whole = (day("2020-01-01"), day("2030-01-01"));
        let of = |seats: ReleasedSeats, between| saved(&prices(), &[seats], between);
        // At most 365 days, and then exactly the price.
        let year = of(seats("2022-05-01", None, 1), whole);
        assert_eq!((year.seat_days, year.amount.to_string()), (365, "280.00 EUR".to_owned()));
        // Taken again on the 11th: the 2nd to the 10th.
        assert_eq!(of(seats("2022-05-01", Some("2022-05-11"), 3), whole).seat_days, 27);
        assert_eq!(of(seats("2022-05-01", Some("2022-05-01"), 3), whole).seat_days, 0);
        // Within the period only.
        let may = (day("2022-05-01"), day("2022-05-31"));
        assert_eq!(of(seats("2022-04-20", None, 2), may).seat_days, 62);
        assert_eq!(of(seats("2022-05-30", None, 2), may).seat_days, 2);
        assert_eq!(of(seats("2022-06-30", None, 2), may).seat_days, 0);
        let token = ReleasedSeats { seat_type: SeatType::User, ..seats("2022-05-30", None, 2) };
        let token = of(token, may);
        assert_eq!(
            (token.seat_days_without_price, token.amount),
            (2, Money::zero(prices().currency))
        );
    }
}
