//! What to order: the recommended answers of a renewal in one total, beside the budget.
//!
//! It replaces what is entitled for a whole term. What the [`budget`](super::budget) is set against elsewhere is
//! another question: what is entitled stays, and only seats that are missing within 365 days are added. [`Beside`]
//! says how the two belong together.

use chrono::NaiveDate;
use serde::Serialize;

use super::budget::{Budget, Verdict};
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
    /// The same for the term; absent also where the types have not all the same one.
    pub minutes_for_term: Option<Money>,
    /// A year of seats and minutes against the budget; absent without one, and where a type is in no total.
    pub budget: Option<OrderBudget>,
    /// The other answer to whether what is reclaimable is released before; absent where that changes no seat.
    pub otherwise: Option<Otherwise>,
}

impl Order {
    /// Seats and minutes for the term; `None` without a price, and where there are minutes and no one term.
    pub fn price_of_all(&self) -> Option<Money> {
        match (self.price?, self.minutes, self.minutes_for_term) {
            (seats, None, _) => Some(seats),
            (seats, Some(_), minutes) => Some(seats + minutes?),
        }
    }
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
    /// Seats if as many people come back as did, who lost one; absent where that isn't known, and where none is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats_if_back: Option<u64>,
    /// The last day before the term: until then they have to be released.
    pub by: NaiveDate,
    /// Whether the runs until then can release them; absent where that isn't known.
    pub runs: Option<Runs>,
    /// The day of the list that they are by, where it is later than that of the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<NaiveDate>,
}

/// The runs that releasing all that is reclaimable takes, and those that are left for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Runs {
    pub needed: u32,
    /// On the schedule of the release engine until the last day before the term, whether it is switched on or not.
    pub left: u32,
    /// Seats that a run takes at most (`maxReleases`); absent where all go in one.
    pub per_run: Option<u32>,
}

impl Runs {
    /// So many seats, in runs of at most so many.
    pub fn of(reclaimable: u32, per_run: Option<u32>, left: u32) -> Self {
        let needed = match per_run {
            // A run that takes none never ends.
            Some(0) if reclaimable > 0 => u32::MAX,
            Some(most) => reclaimable.div_ceil(most.max(1)),
            None => u32::from(reclaimable > 0),
        };
        Self { needed, left, per_run }
    }

    pub fn is_enough(self) -> bool {
        self.needed <= self.left
    }
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
    /// Whether the runs until the term can release what is reclaimable; absent where that isn't counted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<Runs>,
    /// For the term.
    pub price: Option<Money>,
    pub per_year: Option<Money>,
}

/// The order, and what is paid if what is entitled stays: what both are of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// The budget, with its year, in which what is entitled stays and seats are added: the verdict is on that.
    pub budget: Budget,
    /// The term that the order is for; of several, from the first day of any to the last one of any.
    pub term_first: NaiveDate,
    pub term_last: NaiveDate,
    /// The order for a year, with minutes.
    pub ordered: Money,
    /// By what the order is more than the most that is paid otherwise; negative where it is less.
    pub more: Money,
    /// By what it is over the budget; negative where it is below.
    pub over: Money,
    /// Seats of the order beyond those that are entitled; negative where they are fewer.
    pub change: i64,
    /// Seats that are added otherwise, at both ends of the forecast.
    pub added: (u64, u64),
}

impl Beside {
    /// `added`: seats that are added where what is entitled stays. `None` where one of both has no total.
    pub fn of(order: &Order, budget: &Budget, added: (u64, u64)) -> Option<Self> {
        let ordered = order.budget?.to_pay;
        Some(Self {
            budget: *budget,
            term_first: order.lines.iter().map(|line| line.on).min()?,
            term_last: order.lines.iter().map(|line| line.last).max()?,
            ordered,
            more: ordered - budget.to_pay.high,
            over: ordered - budget.budget,
            change: order.lines.iter().map(|line| line.change).sum(),
            added,
        })
    }
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
            runs: None,
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
    let months = lines.iter().map(|line| line.months);
    let term = months.clone().min().filter(|first| months.max() == Some(*first));
    let minutes_for_term =
        minutes.zip(term).and_then(|(minutes, months)| minutes.times(months).over(12));
    let otherwise = otherwise(&lines, &others, prices).map(|(with_release, lines, per_year)| {
        Otherwise { with_release, lines, per_year, budget: against(per_year) }
    });
    Order {
        lines,
        unanswered,
        without_price,
        price,
        per_year,
        minutes,
        minutes_for_term,
        budget,
        otherwise,
    }
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
            seats_if_back: None,
            by: days_after(line.on, -1),
            runs: None,
            listed: None,
        }));
    }
    (!changed.is_empty()).then(|| (with_release, changed, sum(amounts)))
}
