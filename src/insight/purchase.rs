//! Seats that have to be bought: how many, when, and what they cost for the term they are bought for.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::cost::MoneyRange;
use super::forecast::RunsOut;
use super::money::Money;
use super::ranked;

/// How long a purchase of seats is for: it is paid for all of that when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    months: u32,
}

/// The longest term.
const MOST_MONTHS: u32 = 120;

impl Term {
    /// `1 year`, `18 months`.
    pub fn in_words(self) -> String {
        let (number, unit) = match self.months {
            months if months % 12 == 0 => (months / 12, "year"),
            months => (months, "month"),
        };
        format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
    }

    /// `1 year`, `3 years`, `1 month`, `18 months`; `None` for anything else and above ten years.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.trim().split_once(char::is_whitespace)?;
        let number: u32 = number.parse().ok()?;
        let months = match unit.trim() {
            "month" | "months" => number,
            "year" | "years" => number.checked_mul(12)?,
            _ => return None,
        };
        (1..=MOST_MONTHS).contains(&months).then_some(Self { months })
    }

    pub fn months(self) -> u32 {
        self.months
    }
}

/// Subscriptions of Qlik are sold by the year.
impl Default for Term {
    fn default() -> Self {
        Self { months: 12 }
    }
}

/// A day's need: seats that must be there, and those that can be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    pub day: NaiveDate,
    pub seats: f64,
    pub usable: f64,
}

/// Seats that are bought on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub day: NaiveDate,
    pub seats: u64,
}

/// What has to be bought for each day's need, each seat on the first day that lacks it.
pub fn batches(days: impl IntoIterator<Item = Need>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut bought = 0;
    for Need { day, seats, usable } in days {
        // What lacks a millionth of a seat lacks none: that is rounding.
        let missing = (seats - usable - 1e-6).max(0.0).ceil() as u64;
        if missing > bought {
            batches.push(Batch { day, seats: missing - bought });
            bought = missing;
        }
    }
    batches
}

/// What the batches cost up to and including a day: each is paid on its day for a whole term, and
/// again when that is over.
pub fn cost(batches: &[Batch], seat_for_a_year: Money, term: Term, until: NaiveDate) -> Money {
    cost_within(batches, seat_for_a_year, term, (NaiveDate::MIN, until))
}

/// The same from one day to another, both included: what was bought before is renewed on the first of them, with all that is
/// entitled.
pub fn cost_within(
    batches: &[Batch],
    seat_for_a_year: Money,
    term: Term,
    (first, until): (NaiveDate, NaiveDate),
) -> Money {
    let zero = Money::zero(seat_for_a_year.currency);
    let seat = seat_for_a_year.times(term.months).over(12).unwrap_or(zero);
    let payments = |batch: &Batch| {
        let begin = batch.day.max(first);
        let nth = |n: u32| begin.checked_add_months(Months::new(n.checked_mul(term.months)?));
        let count = (0..).map_while(nth).take_while(|day| *day <= until).count();
        seat.times(batch.seats).times(count as u64)
    };
    batches.iter().map(payments).fold(zero, |sum, cost| sum + cost)
}

/// What has to be bought of a type up to the end of a year: in 10 and in 90 of 100 cases no more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    pub seats_low: u64,
    pub seats_high: u64,
    /// By when the first has to be there: the first day on which the seats may run out, as the forecast says. No time that an
    /// order takes is taken off. Absent when none has to be bought.
    pub earliest: Option<NaiveDate>,
    /// The day by which they will have run out; absent when it may be that none has to be bought.
    pub latest: Option<NaiveDate>,
    pub cost: MoneyRange,
}

impl Purchase {
    /// Of cases that are all as likely, each with what has to be bought and its cost. By when follows from when the seats
    /// run out, which is counted in the same cases. `None` of no case.
    pub fn of(
        mut cases: Vec<(Vec<Batch>, Money)>,
        runs_out: &RunsOut,
        today: NaiveDate,
    ) -> Option<Self> {
        cases.first()?;
        let mut seats: Vec<u64> =
            cases.iter().map(|(of, _)| of.iter().map(|batch| batch.seats).sum()).collect();
        seats.sort_unstable();
        cases.sort_unstable_by_key(|(_, cost)| cost.amount);
        let (seats_low, seats_high) = (*ranked(&seats, 10), *ranked(&seats, 90));
        let [low, middle, high] = [10, 50, 90].map(|percent| ranked(&cases, percent).1);
        Some(Self {
            seats_low,
            seats_high,
            earliest: runs_out.earliest(today).filter(|_| seats_high > 0),
            latest: runs_out.latest(today).filter(|_| seats_low > 0),
            cost: MoneyRange { low, middle, high },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::money::Currency;
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn price(amount: &str) -> Money {
        Money::new(amount.parse().unwrap(), Currency::parse("EUR").unwrap())
    }

    #[test]
    fn a_term_is_a_number_of_months_or_years() {
        let months = |text| Term::parse(text).map(|term| term.months);
        assert_eq!(months("1 year"), Some(12));
        assert_eq!(months(" 3  years "), Some(36));
        assert_eq!(months("1 month"), Some(1));
        assert_eq!(months("18 months"), Some(18));
        assert_eq!(months("10 years"), Some(120));
        for text in ["", "12", "year", "0 months", "11 years", "-1 years", "1.5 years", "2 weeks"] {
            assert_eq!(months(text), None, "{text}");
        }
        assert_eq!(Term::parse("99999999999 years"), None);
    }

    #[test]
    fn each_seat_is_bought_on_the_first_day_that_lacks_it() {
        let needs = [90.0, 101.2, 101.9, 100.4, 103.000_000_1].into_iter().zip(1..);
        let needs = needs.map(|(seats, n)| Need {
            day: NaiveDate::from_ymd_opt(2027, 3, n).unwrap(),
            seats,
            usable: 100.0,
        });
        let batch = |text, seats| Batch { day: day(text), seats };
        assert_eq!(batches(needs), [batch("2027-03-02", 2), batch("2027-03-05", 1)]);
    }

    /// 40 seats on the last day of the year cost what 40 cost on its first: they are bought for a year.
    #[test]
    fn a_seat_is_paid_for_its_whole_term_whenever_it_is_bought() {
        let until = day("2027-11-24");
        let cost = |batch: &str, term: &str| {
            let batch = [Batch { day: day(batch), seats: 40 }];
            super::cost(&batch, price("420"), Term::parse(term).unwrap(), until).to_string()
        };
        assert_eq!(cost("2026-11-25", "1 year"), "16,800.00 EUR");
        assert_eq!(cost("2027-11-24", "1 year"), "16,800.00 EUR");
        assert_eq!(cost("2027-06-01", "3 years"), "50,400.00 EUR");
        // By the month, six times: June to November.
        assert_eq!(cost("2027-06-01", "1 month"), "8,400.00 EUR");
        assert_eq!(cost("2027-06-25", "1 month"), "7,000.00 EUR");
    }
}
