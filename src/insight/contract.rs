//! When contracts are renewed.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::purchase::Term;
use crate::license::SeatType;

/// `Butler.cost.renewsOn`, of everything and of its parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contracts {
    pub term: Term,
    /// What has no day of its own.
    pub all: Option<NaiveDate>,
    pub professional: Option<NaiveDate>,
    pub analyzer: Option<NaiveDate>,
    pub analyzer_capacity: Option<NaiveDate>,
}

/// A contract on a given day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    pub of: Part,
    /// The first day of the term that goes on.
    pub since: NaiveDate,
    /// The next time that it is renewed: this day or a later one.
    pub renews_on: NaiveDate,
    pub days_left: i64,
    #[serde(skip)]
    pub term: Term,
}

/// What a contract is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[derive(strum::IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Part {
    All,
    Professional,
    Analyzer,
    AnalyzerCapacity,
}

impl Part {
    /// As people name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::All => "Contract",
            Self::Professional => "Professional seats",
            Self::Analyzer => "Analyzer seats",
            Self::AnalyzerCapacity => "Analyzer Capacity",
        }
    }

    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Contracts {
    /// Those whose day is known, as they stand on a day; the common one first.
    pub fn on(&self, today: NaiveDate) -> Vec<Contract> {
        let all = [
            (Part::All, self.all),
            (Part::Professional, self.professional),
            (Part::Analyzer, self.analyzer),
            (Part::AnalyzerCapacity, self.analyzer_capacity),
        ];
        let known = all.into_iter().filter_map(|(of, day)| Some((of, day?)));
        known.filter_map(|(of, day)| self.contract(of, day, today)).collect()
    }

    /// When seats of a type are renewed next: on their own day, or on the common one; as it is written while
    /// that is ahead.
    pub fn renewal(&self, seat_type: SeatType, today: NaiveDate) -> Option<NaiveDate> {
        let own = match seat_type {
            SeatType::Professional => self.professional,
            SeatType::Analyzer => self.analyzer,
            _ => None,
        };
        let day = own.or(self.all)?;
        if day >= today {
            return Some(day);
        }
        Some(self.contract(Part::All, day, today)?.renews_on)
    }

    fn contract(&self, of: Part, day: NaiveDate, today: NaiveDate) -> Option<Contract> {
        // From the written day each time: the last day of a month stays one.
        let nth = |terms: i64| {
            let months = Months::new(
                u32::try_from(terms.unsigned_abs()).ok()?.checked_mul(self.term.months())?,
            );
            if terms < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) }
        };
        let mut next = 0;
        while nth(next - 1)? >= today {
            next -= 1;
        }
        while nth(next)? < today {
            next += 1;
        }
        let (since, renews_on) = (nth(next - 1)?, nth(next)?);
        let days_left = (renews_on - today).num_days();
        Some(Contract { of, since, renews_on, days_left, term: self.term })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn on(term: &str, renews_on: &str, today: &str) -> (String, String, i64) {
        let term = Term::parse(term).unwrap();
        let contracts = Contracts { term, all: Some(day(renews_on)), ..Contracts::default() };
        let contract = contracts.on(day(today))[0];
        (contract.since.to_string(), contract.renews_on.to_string(), contract.days_left)
    }

    #[test]
    fn a_day_stands_for_each_term() {
        let expected = |since: &str, next: &str, left| (since.to_owned(), next.to_owned(), left);
        let year = |today| on("1 year", "2027-03-31", today);
        assert_eq!(year("2026-11-24"), expected("2026-03-31", "2027-03-31", 127));
        assert_eq!(year("2027-03-31"), expected("2026-03-31", "2027-03-31", 0));
        assert_eq!(year("2027-04-01"), expected("2027-03-31", "2028-03-31", 365));
        // A report of the past.
        assert_eq!(year("2025-12-31"), expected("2025-03-31", "2026-03-31", 90));
        let month = |today| on("1 month", "2026-01-31", today);
        assert_eq!(month("2026-02-10"), expected("2026-01-31", "2026-02-28", 18));
        assert_eq!(month("2026-03-10"), expected("2026-02-28", "2026-03-31", 21));
    }

    #[test]
    fn the_next_renewal_is_the_written_day_while_that_is_ahead() {
        let all = Contracts { all: Some(day("2029-03-31")), ..Contracts::default() };
        let next = |today| all.renewal(SeatType::Analyzer, day(today)).unwrap().to_string();
        assert_eq!(next("2026-11-24"), "2029-03-31");
        assert_eq!(next("2029-03-31"), "2029-03-31");
        assert_eq!(next("2029-04-01"), "2030-03-31");
        let own = Contracts { analyzer: Some(day("2027-06-30")), ..all };
        assert_eq!(own.renewal(SeatType::Analyzer, day("2026-11-24")), Some(day("2027-06-30")));
        assert_eq!(own.renewal(SeatType::Professional, day("2026-11-24")), all.all);
        assert_eq!(Contracts::default().renewal(SeatType::Analyzer, day("2026-11-24")), None);
    }

    #[test]
    fn what_has_no_day_has_no_contract() {
        assert_eq!(Contracts::default().on(day("2026-11-24")), []);
    }
}
