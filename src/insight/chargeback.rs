//! Cost by department: what each group of people is to pay of the licenses, so that all rows together
//! are the whole, to the smallest unit.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::cost::{self, Minutes, Prices, ReleasedSeats};
use super::groups::Group;
use super::money::{Currency, Money, apportion, sum};
use crate::license::SeatType;

/// The seats that the people of a group have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Not in quarantine.
    pub allocated: u32,
    /// Idle for the threshold of the settings, whatever the rules keep.
    pub idle: u32,
    /// What the release rules let go, over as many runs as that takes.
    pub reclaimable: u32,
    /// Released from them.
    pub released: Vec<ReleasedSeats>,
}

/// A type of seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfType {
    pub seat_type: SeatType,
    pub entitled: u32,
    pub threshold_days: u32,
    pub groups: BTreeMap<Group, Held>,
}

/// What each group costs in a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chargeback {
    pub currency: Currency,
    /// By type, and in it those with the most seats first.
    pub rows: Vec<Row>,
    pub total: Amounts,
    /// Types whose seats have no price: they are in no sum.
    pub without_price: Vec<SeatType>,
}

/// A group's seats of a type; or minutes, which have no type and belong to nobody.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub group: Group,
    pub seat_type: Option<SeatType>,
    pub allocated: u32,
    /// Idle for `thresholdDays`, also those that the rules keep.
    pub idle: u32,
    pub threshold_days: Option<u32>,
    /// What the release rules let go, over as many runs as that takes.
    pub reclaimable: u32,
    /// Absent where the type has no price.
    pub amounts: Option<Amounts>,
}

/// For a year. Each column of all rows adds up to the total exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// What is entitled, shared by the seats that are allocated: those who have one pay the free ones, too.
    pub entitled: Money,
    pub allocated: Money,
    pub idle: Money,
    pub reclaimable: Money,
    /// By releases in the last 365 days.
    pub saved: Money,
}

const COLUMNS: usize = 5;

impl Amounts {
    fn columns(&self) -> [Money; COLUMNS] {
        [self.entitled, self.allocated, self.idle, self.reclaimable, self.saved]
    }

    fn of([entitled, allocated, idle, reclaimable, saved]: [Money; COLUMNS]) -> Self {
        Self { entitled, allocated, idle, reclaimable, saved }
    }
}

/// Shares the cost of a year, as things are now; `saved` is what was released between two days.
pub fn chargeback(
    prices: &Prices,
    types: &[OfType],
    minutes: Option<Minutes>,
    saved: (NaiveDate, NaiveDate),
) -> Chargeback {
    let nothing = Money::zero(prices.currency);
    let mut rows: Vec<Row> = types.iter().flat_map(|of_type| of_type.rows(prices, saved)).collect();
    let mut totals = vec![Amounts::of([nothing; COLUMNS])];
    totals.extend(types.iter().filter_map(|of_type| of_type.total(prices, saved)));
    if let Some(entitled) = minutes.and_then(|minutes| prices.year_of_minutes(minutes)) {
        let amounts = Amounts { entitled, ..totals[0] };
        totals.push(amounts);
        rows.push(Row {
            group: Group::Nobody,
            seat_type: None,
            allocated: 0,
            idle: 0,
            threshold_days: None,
            reclaimable: 0,
            amounts: Some(amounts),
        });
    }
    let total = [0, 1, 2, 3, 4].map(|column| {
        sum(totals.iter().map(|amounts| amounts.columns()[column])).unwrap_or(nothing)
    });
    let exact: Vec<[Money; COLUMNS]> =
        rows.iter().filter_map(|row| row.amounts).map(|amounts| amounts.columns()).collect();
    let rounded = [0, 1, 2, 3, 4].map(|column| {
        let parts: Vec<Money> = exact.iter().map(|columns| columns[column]).collect();
        apportion(total[column], &parts)
    });
    for (n, amounts) in rows.iter_mut().filter_map(|row| row.amounts.as_mut()).enumerate() {
        *amounts = Amounts::of([0, 1, 2, 3, 4].map(|column| rounded[column][n]));
    }
    let unpriced = |of_type: &&OfType| prices.per_seat(of_type.seat_type).is_none();
    Chargeback {
        currency: prices.currency,
        rows,
        total: Amounts::of(total.map(|money| Money::new(money.rounded(), money.currency))),
        without_price: types.iter().filter(unpriced).map(|of_type| of_type.seat_type).collect(),
    }
}

impl OfType {
    fn allocated(&self) -> u32 {
        self.groups.values().map(|held| held.allocated).sum()
    }

    /// Exact amounts.
    fn rows(&self, prices: &Prices, saved: (NaiveDate, NaiveDate)) -> Vec<Row> {
        let all = self.allocated();
        let share = |held: &Held| -> Decimal {
            let part = Decimal::from(self.entitled) * Decimal::from(held.allocated);
            part.checked_div(Decimal::from(all)).unwrap_or_default()
        };
        let row = |group: &Group, held: &Held, share: Decimal| Row {
            group: group.clone(),
            seat_type: Some(self.seat_type),
            allocated: held.allocated,
            idle: held.idle,
            threshold_days: Some(self.threshold_days),
            reclaimable: held.reclaimable,
            amounts: prices.per_seat(self.seat_type).map(|seat| Amounts {
                entitled: seat.times(share),
                allocated: seat.times(held.allocated),
                idle: seat.times(held.idle),
                reclaimable: seat.times(held.reclaimable),
                saved: cost::saved(prices, &held.released, saved).amount,
            }),
        };
        let mut rows: Vec<Row> =
            self.groups.iter().map(|(group, held)| row(group, held, share(held))).collect();
        let known = |row: &Row| matches!(row.group, Group::Value(_));
        // Groups of one size stay in the order of their names.
        rows.sort_by_key(|row| (!known(row), std::cmp::Reverse(row.allocated)));
        if all == 0 && self.entitled > 0 {
            rows.push(row(&Group::Nobody, &Held::default(), self.entitled.into()));
        }
        rows
    }

    fn total(&self, prices: &Prices, saved: (NaiveDate, NaiveDate)) -> Option<Amounts> {
        let seat = prices.per_seat(self.seat_type)?;
        let count = |of: fn(&Held) -> u32| seat.times(self.groups.values().map(of).sum::<u32>());
        let released: Vec<ReleasedSeats> =
            self.groups.values().flat_map(|held| held.released.iter().copied()).collect();
        Some(Amounts {
            entitled: seat.times(self.entitled),
            allocated: count(|held| held.allocated),
            idle: count(|held| held.idle),
            reclaimable: count(|held| held.reclaimable),
            saved: cost::saved(prices, &released, saved).amount,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::purchase::Term;
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const YEAR: (&str, &str) = ("2025-11-25", "2026-11-24");

    fn ask(price: &str, groups: &[(Group, u32, u32)], entitled: u32) -> Chargeback {
        let prices = Prices {
            currency: Currency::parse("EUR").unwrap(),
            professional_per_seat_per_year: None,
            analyzer_per_seat_per_year: Some(price.parse().unwrap()),
            capacity_per_thousand_minutes: Some("12.345".parse().unwrap()),
            budget_per_year: None,
            term: Term::default(),
        };
        let held = |allocated, idle| Held {
            allocated,
            idle,
            reclaimable: idle / 2,
            released: vec![ReleasedSeats {
                seat_type: SeatType::Analyzer,
                from: day("2026-11-14"),
                until: None,
                count: idle,
            }],
        };
        let of =
            |(group, allocated, idle): &(Group, u32, u32)| (group.clone(), held(*allocated, *idle));
        let types = [
            OfType {
                seat_type: SeatType::Professional,
                entitled: 5,
                threshold_days: 30,
                groups: [(Group::Without, held(3, 0))].into(),
            },
            OfType {
                seat_type: SeatType::Analyzer,
                entitled,
                threshold_days: 60,
                groups: groups.iter().map(of).collect(),
            },
        ];
        let minutes = Minutes { entitled_per_month: 5_000, used_this_month: 0 };
        chargeback(&prices, &types, Some(minutes), (day(YEAR.0), day(YEAR.1)))
    }

    fn named(name: &str) -> Group {
        Group::Value(name.to_owned())
    }

    /// 10 seats of 100 are entitled and 7 allocated: a cent goes to those with the largest rest.
    #[test]
    fn free_seats_are_paid_by_those_who_have_some() {
        let groups = [(named("A"), 3, 2), (named("B"), 2, 0), (Group::Unknown, 2, 1)];
        let answer = ask("100", &groups, 10);
        let rows: Vec<_> = answer
            .rows
            .iter()
            .map(|row| {
                let amount =
                    |pick: fn(&Amounts) -> Money| row.amounts.as_ref().map(|a| pick(a).to_string());
                (row.group.title(), row.allocated, amount(|a| a.entitled), amount(|a| a.saved))
            })
            .collect();
        let some = |text: &str| Some(format!("{text} EUR"));
        assert_eq!(
            rows,
            [
                ("(without)", 3, None, None),
                // 428.571 and 285.714 twice; ten days of two seats and of one.
                ("A", 3, some("428.57"), some("5.48")),
                ("B", 2, some("285.72"), some("0.00")),
                ("(unknown)", 2, some("285.71"), some("2.74")),
                ("(nobody)", 0, some("740.70"), some("0.00")),
            ]
        );
        assert_eq!(answer.total.entitled.to_string(), "1,740.70 EUR");
        assert_eq!(answer.without_price, [SeatType::Professional]);
    }

    #[test]
    fn what_nobody_has_is_paid_by_nobody() {
        let answer = ask("100", &[], 10);
        let rows: Vec<_> = answer.rows[1..]
            .iter()
            .map(|row| {
                (row.group.title(), row.seat_type, row.amounts.unwrap().entitled.to_string())
            })
            .collect();
        let seats = Some(SeatType::Analyzer);
        assert_eq!(
            rows,
            [
                ("(nobody)", seats, "1,000.00 EUR".to_owned()),
                ("(nobody)", None, "740.70 EUR".to_owned())
            ]
        );
    }

    proptest::proptest! {
        /// Whatever a seat costs and however many groups there are: the rows are the total, and none is a
        /// cent or more from what it is exactly.
        #[test]
        fn rows_add_up_to_the_total_exactly(
            price in 0_u32..2_000_000,
            entitled in 0_u32..20_000,
            groups in proptest::collection::vec((0_u32..900, 0_u32..300), 0..40),
        ) {
            let price = Decimal::new(price.into(), 3).to_string();
            let groups: Vec<_> = groups
                .into_iter()
                .enumerate()
                .map(|(n, (allocated, idle))| (named(&n.to_string()), allocated, idle))
                .collect();
            let answer = ask(&price, &groups, entitled);
            let rows: Vec<Amounts> = answer.rows.iter().filter_map(|row| row.amounts).collect();
            for column in 0..COLUMNS {
                let all: Decimal = rows.iter().map(|row| row.columns()[column].amount).sum();
                proptest::prop_assert_eq!(all, answer.total.columns()[column].amount);
                let whole = |money: Money| money.amount == money.rounded();
                proptest::prop_assert!(rows.iter().all(|row| whole(row.columns()[column])));
            }
            let cent = Decimal::new(1, 2);
            let seat: Decimal = price.parse().unwrap();
            for row in answer.rows.iter().filter(|row| row.seat_type == Some(SeatType::Analyzer)) {
                let off = row.amounts.unwrap().allocated.amount - seat * Decimal::from(row.allocated);
                proptest::prop_assert!(off.abs() < cent, "{}", off);
            }
        }
    }
}
