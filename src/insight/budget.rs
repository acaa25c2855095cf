//! What is to be paid in the year of the budget, and the budget that it is set against.
//!
//! One computation: the seats to buy, the range of what is to be paid and the verdict on the budget
//! are the same wherever they are told.

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;

use super::cost::{Counts, DAYS, MoneyRange, Prices};
use super::days_after;
use super::forecast::{Forecast, RunsOut};
use super::money::Money;
use super::purchase::{self, Need, Purchase};
use super::renewal::last_day;
use super::series::Entitled;
use crate::license::SeatType;

/// The year of the budget of a type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projection {
    pub seat_type: SeatType,
    /// Of the seats taken.
    pub allocated: MoneyRange,
    /// Of what is entitled, and of what has to be bought when that isn't enough.
    pub to_pay: MoneyRange,
    /// Seats that are entitled on the last day of the year, if none is bought.
    pub entitled_seats: u64,
    /// Seats to buy until its end.
    pub missing_low: u64,
    pub missing_high: u64,
    /// When they are to be bought, and what they cost.
    pub to_buy: Purchase,
}

/// The year that a budget is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Year {
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// It begins when the contract or the license is renewed, or on the same day of a year before that. Else it is
    /// not known when, and it begins tomorrow.
    pub by_renewal: bool,
}

impl Year {
    /// The next one to come: it begins within 365 days.
    pub fn of(renewal: Option<NaiveDate>, today: NaiveDate) -> Self {
        let tomorrow = days_after(today, 1);
        let soon = days_after(today, DAYS);
        let before = |of: NaiveDate, years: u32| of.checked_sub_months(Months::new(12 * years));
        let first = renewal.and_then(|of| {
            let mut years = (0..).map_while(|years| before(of, years));
            years.find(|day| *day <= soon)
        });
        let by_renewal = first.is_some();
        let first = first.unwrap_or(tomorrow).max(tomorrow);
        Self { first, last: last_day(first, 12), by_renewal }
    }
}

/// The cost of a year by a forecast. `None` without a price.
///
/// What has to be bought until its end is counted in each of the drawn paths, those that say when the seats run out, and told as
/// they are: in a tenth, half and nine tenths of them no more.
pub fn project(
    prices: &Prices,
    seat_type: SeatType,
    forecast: &Forecast,
    entitled: &Entitled,
    year: Year,
) -> Option<Projection> {
    let per_seat = prices.per_seat(seat_type)?;
    let held = forecast.held();
    let total = |day: NaiveDate| entitled.on(day).unwrap_or(forecast.entitled);
    // A year's price is that of 365 days.
    let days = || (0..DAYS).map(|n| days_after(year.first, n));
    let outlooks: Vec<_> = days().map(|day| forecast.outlook(day)).collect();
    let taken = [
        outlooks.iter().map(|of| of.low).sum(),
        outlooks.iter().map(|of| of.middle).sum(),
        outlooks.iter().map(|of| of.high).sum(),
    ];
    let sums = (taken, days().map(total).sum(), total(year.last));
    let tomorrow = days_after(forecast.today, 1);
    let paths = forecast.demand((tomorrow, year.last));
    let batches = paths.iter().map(|path| {
        purchase::batches(path.iter().zip(tomorrow.iter_days()).map(|(of, day)| Need {
            day,
            seats: of.highest,
            usable: total(day) - held,
        }))
    });
    let cases = batches.map(|batches| {
        let cost = purchase::cost_within(&batches, per_seat, prices.term, (year.first, year.last));
        (batches, cost)
    });
    let to_buy = Purchase::of(cases.collect(), &forecast.runs_out, forecast.today)?;
    Some(projection(seat_type, per_seat, sums, to_buy))
}

/// The same where nothing is known of what comes: all stays as it is.
pub fn as_now(
    prices: &Prices,
    counts: &Counts,
    today: NaiveDate,
    year: Year,
) -> Option<Projection> {
    let per_seat = prices.per_seat(counts.seat_type)?;
    let (seats, total) = (f64::from(counts.allocated), f64::from(counts.entitled));
    let batches = purchase::batches([Need { day: days_after(today, 1), seats, usable: total }]);
    let cost = purchase::cost_within(&batches, per_seat, prices.term, (year.first, year.last));
    // What lacks a seat does so now.
    let to_buy = Purchase::of(vec![(batches, cost)], &RunsOut::Already, today)?;
    let days = DAYS as f64;
    let sums = ([seats * days; 3], total * days, total);
    Some(projection(counts.seat_type, per_seat, sums, to_buy))
}

/// `taken`, at the ends and in the middle of what may come, and `entitled`: seats on each day, summed up; `last`: those
/// entitled on the last one.
fn projection(
    seat_type: SeatType,
    per_seat: Money,
    (taken, entitled, last): ([f64; 3], f64, f64),
    to_buy: Purchase,
) -> Projection {
    let [low, middle, high] = taken.map(|seat_days| of_seat_days(per_seat, seat_days));
    let entitled = of_seat_days(per_seat, entitled);
    Projection {
        seat_type,
        allocated: MoneyRange { low, middle, high },
        to_pay: to_buy.cost.plus(MoneyRange::exactly(entitled)),
        entitled_seats: last.round().max(0.0) as u64,
        missing_low: to_buy.seats_low,
        missing_high: to_buy.seats_high,
        to_buy,
    }
}

/// What seats cost on so many days: seat-days come from a forecast and are no money yet.
pub(super) fn of_seat_days(per_seat: Money, seat_days: f64) -> Money {
    per_seat.times(whole(seat_days)).over(DAYS).unwrap_or(Money::zero(per_seat.currency))
}

/// A number of seat-days as a decimal without a fraction; the largest there is if it is beyond.
fn whole(seat_days: f64) -> Decimal {
    Decimal::from_f64(seat_days.round()).unwrap_or(Decimal::MAX)
}

/// What is to be paid in its year against the budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    #[serde(flatten)]
    pub verdict: Verdict,
    pub budget: Money,
    pub year: Year,
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

/// What is entitled and what has to be bought until the end of the year, against the budget. `None`
/// without one. `to_buy`: the costs of [`Projection::to_buy`] of all types.
pub fn budget(prices: &Prices, entitled: Money, to_buy: MoneyRange, year: Year) -> Option<Budget> {
    let budget = prices.budget()?;
    let to_pay = to_buy.plus(MoneyRange::exactly(entitled));
    let verdict = Verdict::of(budget, to_pay);
    let term_months = prices.term.months();
    Some(Budget { verdict, budget, year, entitled, to_pay, term_months })
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

    fn next(today: NaiveDate) -> Year {
        Year::of(None, today)
    }

    /// A budget is of the year that begins with a renewal: the next one to come.
    #[test]
    fn the_year_of_the_budget_begins_with_a_renewal() {
        let of = |renewal: Option<&str>| {
            let year = Year::of(renewal.map(day), day("2026-11-24"));
            (year.first.to_string(), year.last.to_string(), year.by_renewal)
        };
        let is = |first: &str, last: &str, by| (first.to_owned(), last.to_owned(), by);
        assert_eq!(of(None), is("2026-11-25", "2027-11-24", false));
        assert_eq!(of(Some("2027-01-12")), is("2027-01-12", "2028-01-11", true));
        // A contract of three years has years in between; its own days in leap years.
        assert_eq!(of(Some("2029-03-31")), is("2027-03-31", "2028-03-30", true));
        assert_eq!(of(Some("2028-02-29")), is("2027-02-28", "2028-02-27", true));
        // Today's renewal is over tomorrow.
        assert_eq!(of(Some("2026-11-24")), is("2026-11-25", "2027-11-24", true));
    }

    /// 130 seats, of which all are taken on the 99th day: in a year that begins later all that are missing by its end are
    /// paid from its first day on, or from the day that lacks them.
    #[test]
    fn what_is_bought_before_the_year_is_paid_in_it_too() {
        let (forecast, entitled) = growing(130.0);
        let year = Year::of(Some(days_after(forecast.today, 150)), forecast.today);
        let found = project(&prices(), SeatType::Analyzer, &forecast, &entitled, year).unwrap();
        // From 119.9 to 171.3 on the 514th day.
        assert_eq!((found.missing_low, found.missing_high), (42, 42));
        assert_eq!(found.to_buy.cost.middle.to_string(), "11,760.00 EUR");
        assert_eq!(found.to_buy.earliest, forecast.runs_out.earliest(forecast.today));
        assert_eq!(found.to_pay.middle.to_string(), "48,160.00 EUR");
    }

    fn next_year(total: f64) -> Projection {
        let (forecast, entitled) = growing(total);
        project(&prices(), SeatType::Analyzer, &forecast, &entitled, next(forecast.today)).unwrap()
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
            let year = next(forecast.today);
            project(&prices(), SeatType::Analyzer, forecast, &entitled, year).unwrap().missing_low
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
        let over = as_now(&prices(), &counts(38), today, next(today)).unwrap();
        assert_eq!((over.missing_low, over.missing_high), (2, 2));
        assert_eq!(over.to_pay.low.to_string(), "11,200.00 EUR");
        let enough = as_now(&prices(), &counts(50), today, next(today)).unwrap();
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
        let until = days_after(day("2026-11-24"), DAYS);
        let cases = [43, 40, 41].map(|seats| {
            let batches = vec![purchase::Batch { day: until, seats }];
            let cost = purchase::cost(
                &batches,
                prices.per_seat(SeatType::Analyzer).unwrap(),
                prices.term,
                until,
            );
            (batches, cost)
        });
        let known = RunsOut::Between {
            earliest: day("2027-01-05"),
            latest: Some(day("2027-02-05")),
            median: None,
            within_ten_years_percent: 100,
        };
        let to_buy = Purchase::of(cases.to_vec(), &known, day("2026-11-24")).unwrap();
        assert_eq!((to_buy.seats_low, to_buy.seats_high), (40, 43));
        assert_eq!(
            (to_buy.earliest, to_buy.latest),
            (Some(day("2027-01-05")), Some(day("2027-02-05")))
        );
        let budget =
            super::budget(&prices, entitled, to_buy.cost, next(day("2026-11-24"))).unwrap();
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
            super::budget(&prices, money("29481.40"), to_buy, next(day("2026-11-24")))
                .unwrap()
                .verdict
        };
        let by = |by: &str| Money::new(by.parse().unwrap(), prices().currency);
        let Verdict::Within { left } = verdict("30000", "0", "518.60") else { panic!() };
        assert_eq!((left.low, left.high), (by("0"), by("518.6")));
        let Verdict::MayExceed { by: over } = verdict("30000", "518.60", "519") else { panic!() };
        assert_eq!(over, by("0.4"));
        let Verdict::Exceeded { by: over } = verdict("29481", "0", "1") else { panic!() };
        assert_eq!((over.low, over.high), (by("0.4"), by("1.4")));
        let none = MoneyRange::exactly(by("0"));
        assert_eq!(super::budget(&prices(), by("1"), none, next(day("2026-11-24"))), None);
    }
}
