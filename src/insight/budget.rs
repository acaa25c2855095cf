//! What is to be paid within the next 12 months, and the budget that it is set against.
//!
//! One computation: the seats to buy, the range of what is to be paid and the verdict on the budget
//! are the same wherever they are told.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;

use super::cost::{Counts, DAYS, MoneyRange, Prices};
use super::days_after;
use super::forecast::Forecast;
use super::money::Money;
use super::purchase::{self, Need, Purchase};
use super::series::Entitled;
use crate::license::SeatType;

/// The next 365 days of a type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projection {
    pub seat_type: SeatType,
    /// Of the seats taken.
    pub allocated: MoneyRange,
    /// Of what is entitled, and of what has to be bought when that isn't enough.
    pub to_pay: MoneyRange,
    /// Seats to buy within the year.
    pub missing_low: u64,
    pub missing_high: u64,
    /// When they are to be bought, and what they cost.
    pub to_buy: Purchase,
}

/// The cost of the next 365 days along the range of a forecast. `None` without a price.
pub fn project(
    prices: &Prices,
    seat_type: SeatType,
    forecast: &Forecast,
    entitled: &Entitled,
) -> Option<Projection> {
    let held = forecast.held();
    let day = |ahead: i64| {
        let day = days_after(forecast.today, ahead);
        let outlook = forecast.outlook(day);
        let total = entitled.on(day).unwrap_or(forecast.entitled);
        Ahead { day, seats: [outlook.low, outlook.middle, outlook.high], total, held }
    };
    let along = along(prices, seat_type, (1..=DAYS).map(day))?;
    Some(Projection { to_buy: along.to_buy.by_when(&forecast.runs_out, forecast.today), ..along })
}

/// The same where nothing is known of what comes: all stays as it is.
pub fn as_now(prices: &Prices, counts: &Counts, today: NaiveDate) -> Option<Projection> {
    let (seats, total) = (f64::from(counts.allocated), f64::from(counts.entitled));
    let day =
        |ahead: i64| Ahead { day: days_after(today, ahead), seats: [seats; 3], total, held: 0.0 };
    along(prices, counts.seat_type, (1..=DAYS).map(day))
}

/// A day to come: the seats taken at the ends and in the middle of what may come, what is entitled,
/// and how many of those can't be given out.
struct Ahead {
    day: NaiveDate,
    seats: [f64; 3],
    total: f64,
    held: f64,
}

fn along(
    prices: &Prices,
    seat_type: SeatType,
    days: impl Iterator<Item = Ahead>,
) -> Option<Projection> {
    let per_seat = prices.per_seat(seat_type)?;
    let days: Vec<Ahead> = days.collect();
    let until = days.last()?.day;
    let cost = |seat_days: f64| of_seat_days(per_seat, seat_days);
    let allocated = [0, 1, 2].map(|line| cost(days.iter().map(|day| day.seats[line]).sum()));
    let entitled = cost(days.iter().map(|day| day.total).sum());
    let batches = [0, 1, 2].map(|line| {
        purchase::batches(days.iter().map(|of| Need {
            day: of.day,
            seats: of.seats[line],
            usable: of.total - of.held,
        }))
    });
    let costs =
        [0, 1, 2].map(|line: usize| purchase::cost(&batches[line], per_seat, prices.term, until));
    let to_buy = Purchase::new(&batches, costs);
    let [low, middle, high] = allocated;
    Some(Projection {
        seat_type,
        allocated: MoneyRange { low, middle, high },
        to_pay: to_buy.cost.plus(MoneyRange::exactly(entitled)),
        missing_low: to_buy.seats_low,
        missing_high: to_buy.seats_high,
        to_buy,
    })
}

/// What seats cost on so many days: seat-days come from a forecast and are no money yet.
pub(super) fn of_seat_days(per_seat: Money, seat_days: f64) -> Money {
    per_seat.times(whole(seat_days)).over(DAYS).unwrap_or(Money::zero(per_seat.currency))
}

/// A number of seat-days as a decimal without a fraction; the largest there is if it is beyond.
fn whole(seat_days: f64) -> Decimal {
    Decimal::from_f64(seat_days.round()).unwrap_or(Decimal::MAX)
}

/// The next 12 months against the budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    #[serde(flatten)]
    pub verdict: Verdict,
    pub budget: Money,
    /// What is entitled now, for a year.
    pub entitled: Money,
    /// What is entitled, and what has to be bought.
    pub to_pay: MoneyRange,
    /// Seats are bought for so many months (`cost.term`), and paid for all of them when they are.
    pub term_months: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// Even the high end is within it.
    Within { left: MoneyRange },
    /// The low end is within it, the high end is not: by so much at most.
    MayExceed { by: Money },
    /// Even the low end is over it.
    Exceeded { by: MoneyRange },
}

/// What is entitled and what has to be bought within the next 12 months, against the budget. `None`
/// without one. `to_buy`: the costs of [`Projection::to_buy`] of all types.
pub fn budget(prices: &Prices, entitled: Money, to_buy: MoneyRange) -> Option<Budget> {
    let budget = prices.budget()?;
    let to_pay = to_buy.plus(MoneyRange::exactly(entitled));
    let verdict = Verdict::of(budget, to_pay);
    Some(Budget { verdict, budget, entitled, to_pay, term_months: prices.term.months() })
}

impl Verdict {
    /// What is to be paid for a year, against the budget.
    pub fn of(budget: Money, to_pay: MoneyRange) -> Self {
        let over = to_pay.over(budget);
        if over.low.amount > Decimal::ZERO {
            Self::Exceeded { by: over }
        } else if over.high.amount > Decimal::ZERO {
            Self::MayExceed { by: over.high }
        } else {
            Self::Within { left: to_pay.left_of(budget) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forecast::forecast;
    use super::super::growth::History;
    use super::super::money::Currency;
    use super::super::purchase::Term;
    use super::super::series::{Daily, Series};
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
            professional_per_seat_per_year: None,
            analyzer_per_seat_per_year: decimal("280"),
            capacity_per_thousand_minutes: None,
            budget_per_year: None,
            term: Term::default(),
        }
    }

    /// From 100 seats, 0.1 more each day: 119.9 on the last one.
    fn growing(total: f64) -> (Forecast, Entitled) {
        let first = day("2026-01-01");
        let series = Series::new(
            (0..200_u32)
                .map(|i| Daily::flat(days_after(first, i.into()), 100.0 + f64::from(i) * 0.1)),
        );
        let entitled = Entitled::always(total);
        let history = History { series: &series, entitled: &entitled, released: &[] };
        (forecast(&history, 0, days_after(first, 199)).unwrap(), entitled)
    }

    fn next_year(total: f64) -> Projection {
        let (forecast, entitled) = growing(total);
        project(&prices(), SeatType::Analyzer, &forecast, &entitled).unwrap()
    }

    #[test]
    fn next_year_goes_along_the_growth() {
        let enough = next_year(200.0);
        // From 119.9 seats, 0.1 more each day: 138.2 on the average day, 38,696.00; the forecast starts from
        // the level of weeks, which is a hundredth of a seat off.
        assert_eq!(enough.allocated.middle.to_string(), "38,694.47 EUR");
        assert_eq!(enough.to_pay.low.to_string(), "56,000.00 EUR");
        assert_eq!((enough.missing_low, enough.missing_high), (0, 0));
        // 156.4 on the last day.
        let short = next_year(130.0);
        assert_eq!((short.missing_low, short.missing_high), (27, 27));
        // A whole year of each, though most of them are needed for a part of it.
        assert_eq!(short.to_buy.cost.middle.to_string(), "7,560.00 EUR");
        assert_eq!(short.to_pay.middle.to_string(), "43,960.00 EUR");
        // 129.8 on the 99th day, which is all 130: the first full day of the forecast, two days before a seat is missing.
        assert_eq!(short.to_buy.earliest, Some(day("2026-10-26")));
        let (forecast, _) = growing(130.0);
        assert_eq!(short.to_buy.earliest, forecast.runs_out.earliest(forecast.today));
    }

    #[test]
    fn what_is_in_quarantine_can_not_be_given_to_those_who_come() {
        let (known, entitled) = growing(140.0);
        let missing = |forecast: &Forecast| {
            project(&prices(), SeatType::Analyzer, forecast, &entitled).unwrap().missing_low
        };
        // From 119.9 to 156.4.
        assert_eq!(missing(&known), 17);
        assert_eq!(missing(&known.clone().with_free(10.0)), 27);
    }

    #[test]
    fn without_a_forecast_all_stays_as_it_is() {
        let counts = |entitled| Counts {
            seat_type: SeatType::Analyzer,
            entitled,
            allocated: 40,
            active: 0,
            idle: 0,
            reclaimable: 0,
            free: None,
        };
        let today = day("2026-01-01");
        let over = as_now(&prices(), &counts(38), today).unwrap();
        assert_eq!((over.missing_low, over.missing_high), (2, 2));
        assert_eq!(over.to_pay.low.to_string(), "11,200.00 EUR");
        let enough = as_now(&prices(), &counts(50), today).unwrap();
        assert_eq!((enough.missing_high, enough.to_buy.earliest), (0, None));
        assert_eq!(enough.to_pay.low.to_string(), "14,000.00 EUR");
    }

    /// 40 to 43 Analyzer seats of 420 a year have to be bought, and 8,000 of the budget are left.
    #[test]
    fn the_budget_is_set_against_what_has_to_be_bought() {
        let prices = Prices {
            analyzer_per_seat_per_year: decimal("420"),
            budget_per_year: decimal("50000"),
            ..prices()
        };
        let entitled = Money::new(Decimal::from(42_000), prices.currency);
        let ahead = |n: i64| {
            let more = n as f64 / DAYS as f64;
            let seats = [40.0, 41.0, 43.0].map(|seats| 100.0 + seats * more);
            Ahead { day: days_after(day("2026-11-24"), n), seats, total: 100.0, held: 0.0 }
        };
        let projection = along(&prices, SeatType::Analyzer, (1..=DAYS).map(ahead)).unwrap();
        assert_eq!((projection.missing_low, projection.missing_high), (40, 43));
        let budget = super::budget(&prices, entitled, projection.to_buy.cost).unwrap();
        let Verdict::Exceeded { by } = budget.verdict else { panic!("{budget:?}") };
        assert_eq!(
            (by.low.to_string(), by.high.to_string()),
            ("8,800.00 EUR".into(), "10,060.00 EUR".into())
        );
    }

    #[test]
    fn the_budget_is_compared_with_both_ends() {
        let verdict = |budget: &str, low: &str, high: &str| {
            let prices = Prices { budget_per_year: decimal(budget), ..prices() };
            let money = |text: &str| Money::new(text.parse().unwrap(), prices.currency);
            let to_buy = MoneyRange { low: money(low), middle: money(low), high: money(high) };
            super::budget(&prices, money("29481.40"), to_buy).unwrap().verdict
        };
        let by = |by: &str| Money::new(by.parse().unwrap(), prices().currency);
        let Verdict::Within { left } = verdict("30000", "0", "518.60") else { panic!() };
        assert_eq!((left.low, left.high), (by("0"), by("518.6")));
        let Verdict::MayExceed { by: over } = verdict("30000", "518.60", "519") else { panic!() };
        assert_eq!(over, by("0.4"));
        let Verdict::Exceeded { by: over } = verdict("29481", "0", "1") else { panic!() };
        assert_eq!((over.low, over.high), (by("0.4"), by("1.4")));
        let none = MoneyRange::exactly(by("0"));
        assert_eq!(super::budget(&prices(), by("1"), none), None);
    }
}
