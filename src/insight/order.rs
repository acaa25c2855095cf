//! What to order: the recommended answers of a renewal in one total, beside the budget.
//!
//! It replaces what is entitled for a whole term. What the [`budget`](super::budget) is set against elsewhere is
//! another question: what is entitled stays, and only seats that are missing within 365 days are added.

use chrono::NaiveDate;
use serde::Serialize;

use super::budget::Verdict;
use super::cost::{MoneyRange, Prices};
use super::days_after;
use super::money::{Money, sum};
use super::reclaim::Releasing;
use super::renewal::Renewal;
use crate::license::SeatType;

/// The order that is recommended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub lines: Vec<Line>,
    /// Types that the data is too short for: in no total.
    pub unanswered: Vec<SeatType>,
    /// Types without a price: in no total.
    pub without_price: Vec<SeatType>,
    /// Seats for their terms. Absent without a price, as all amounts.
    pub price: Option<Money>,
    /// The same for a year.
    pub per_year: Option<Money>,
    /// A year of minutes, as entitled now; absent without them or their price.
    pub minutes: Option<Money>,
    /// A year of seats and minutes against the budget; absent without one, and where a type is in no total.
    pub budget: Option<OrderBudget>,
    /// The other answer to whether what is reclaimable is released before; absent where that changes no seat.
    pub otherwise: Option<Otherwise>,
}

/// What would be ordered if all that is reclaimable were released before, or, where that is what is recommended,
/// if none were.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Otherwise {
    pub with_release: bool,
    /// Types whose seats differ.
    pub lines: Vec<OtherLine>,
    /// A year of all types, without minutes.
    pub per_year: Option<Money>,
    pub budget: Option<OrderBudget>,
}

/// A type of [`Otherwise`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherLine {
    pub seat_type: SeatType,
    pub reclaimable: u32,
    pub seats: u64,
    /// More than are entitled on the first day.
    pub change: i64,
    /// The last day before the term: until then they have to be released.
    pub by: NaiveDate,
}

/// The seats of a type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub seat_type: SeatType,
    pub on: NaiveDate,
    pub last: NaiveDate,
    pub months: u32,
    pub risk_percent: u8,
    pub seats: u64,
    /// More than are entitled on the first day.
    pub change: i64,
    /// What is reclaimable was released before.
    pub with_release: bool,
    pub reclaimable: Option<u32>,
    pub releasing: Option<Releasing>,
    /// For the term.
    pub price: Option<Money>,
    pub per_year: Option<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBudget {
    #[serde(flatten)]
    pub verdict: Verdict,
    pub budget: Money,
    pub to_pay: Money,
}

/// The recommended order. `renewals`: of each type, `None` where the data is too short. `minutes`: a year of those that
/// are entitled.
pub fn order<'a>(
    renewals: impl Iterator<Item = (SeatType, Option<&'a Renewal>)>,
    prices: Option<&Prices>,
    minutes: Option<Money>,
) -> Order {
    let (mut lines, mut unanswered, mut without_price) = (Vec::new(), Vec::new(), Vec::new());
    let mut others = Vec::new();
    for (seat_type, renewal) in renewals {
        let known = renewal.and_then(|of| Some((of, of.to_order()?)));
        let Some((renewal, (choice, last))) = known else {
            unanswered.push(seat_type);
            continue;
        };
        let per_seat = prices.and_then(|prices| prices.per_seat(seat_type));
        if per_seat.is_none() {
            without_price.push(seat_type);
        }
        let first = &renewal.recommended;
        others.push(
            renewal
                .to_order_if(!first.with_release)
                .map(|(choice, _)| (choice.seats, choice.change)),
        );
        lines.push(Line {
            seat_type,
            on: renewal.on,
            last,
            months: first.months,
            risk_percent: first.risk_percent,
            seats: choice.seats,
            change: choice.change,
            with_release: first.with_release,
            reclaimable: renewal.reclaimable,
            releasing: renewal.releasing,
            price: choice.price,
            per_year: per_seat.map(|price| price.times(choice.seats)),
        });
    }
    let price = sum(lines.iter().filter_map(|line| line.price));
    let per_year = sum(lines.iter().filter_map(|line| line.per_year));
    // A total without one of its types would be too small.
    let is_whole = unanswered.is_empty() && without_price.is_empty();
    let against = |per_year: Option<Money>| {
        let budget = prices.and_then(Prices::budget).zip(per_year).filter(|_| is_whole);
        budget.map(|(budget, seats)| {
            let to_pay = minutes.map_or(seats, |minutes| seats + minutes);
            let verdict = Verdict::of(budget, MoneyRange::exactly(to_pay));
            OrderBudget { verdict, budget, to_pay }
        })
    };
    let budget = against(per_year);
    let otherwise = otherwise(&lines, &others, prices).map(|(with_release, lines, per_year)| {
        Otherwise { with_release, lines, per_year, budget: against(per_year) }
    });
    Order { lines, unanswered, without_price, price, per_year, minutes, budget, otherwise }
}

/// `others`: seats and change of the other answer. Whether it is with release, the types that differ, and a year of all types.
fn otherwise(
    lines: &[Line],
    others: &[Option<(u64, i64)>],
    prices: Option<&Prices>,
) -> Option<(bool, Vec<OtherLine>, Option<Money>)> {
    let differs = |line: &Line, other: &Option<(u64, i64)>| {
        other.filter(|(seats, _)| *seats != line.seats).zip(line.reclaimable)
    };
    let all = || lines.iter().zip(others);
    // Where nothing is released yet of a type, releasing it is the question; else leaving it.
    let with_release =
        all().any(|(line, other)| !line.with_release && differs(line, other).is_some());
    let mut changed = Vec::new();
    let mut amounts = Vec::new();
    for (line, other) in all() {
        let other = differs(line, other).filter(|_| line.with_release != with_release);
        let seats = other.map_or(line.seats, |((seats, _), _)| seats);
        amounts.extend(prices.and_then(|of| of.per_seat(line.seat_type)).map(|of| of.times(seats)));
        changed.extend(other.map(|((seats, change), reclaimable)| OtherLine {
            seat_type: line.seat_type,
            reclaimable,
            seats,
            change,
            by: days_after(line.on, -1),
        }));
    }
    (!changed.is_empty()).then(|| (with_release, changed, sum(amounts)))
}
