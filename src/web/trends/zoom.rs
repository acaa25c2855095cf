//! Another range of the same trend: closer, wider, earlier, later.

use chrono::NaiveDate;

use super::{AHEAD, Range};
use crate::insight::days_after;

/// The longest range: ten years.
const LONGEST: i64 = 3653;

/// The way to another range, with the key that goes it; none where there is no such range.
pub(super) fn zooms(
    range: Range,
    today: NaiveDate,
    link: &dyn Fn(NaiveDate, NaiveDate) -> String,
) -> Vec<(&'static str, char, String)> {
    let days = (range.to - range.from).num_days();
    let (quarter, half) = (days.div_euclid(4), (days / 2).max(1));
    let Range { from, to } = range;
    let last = days_after(today, AHEAD);
    let all = [
        (
            "closer",
            '+',
            days_after(from, quarter.max(i64::from(days > 0))),
            days_after(to, -quarter),
        ),
        ("wider", '-', days_after(from, -half), days_after(to, half)),
        ("earlier", '<', days_after(from, -half), days_after(to, -half)),
        ("later", '>', days_after(from, half), days_after(to, half)),
    ];
    let known =
        all.into_iter().map(|(name, key, from, to)| (name, key, Range { from, to: to.min(last) }));
    let fits = |to: &Range| {
        let days = (to.to - to.from).num_days();
        (0..=LONGEST).contains(&days) && *to != range
    };
    known
        .filter(|(_, _, to)| fits(to))
        .map(|(name, key, to)| (name, key, link(to.from, to.to)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn of(from: &str, to: &str) -> Vec<String> {
        let link = |from: NaiveDate, to: NaiveDate| format!("{from}..{to}");
        let range = Range { from: day(from), to: day(to) };
        let all = zooms(range, day("2026-11-24"), &link);
        all.into_iter().map(|(name, _, range)| format!("{name} {range}")).collect()
    }

    #[test]
    fn a_range_leads_to_closer_and_wider_ones_of_a_day_to_ten_years() {
        assert_eq!(
            of("2026-01-01", "2026-01-09"),
            [
                "closer 2026-01-03..2026-01-07",
                "wider 2025-12-28..2026-01-13",
                "earlier 2025-12-28..2026-01-05",
                "later 2026-01-05..2026-01-13",
            ]
        );
        let one = of("2026-01-01", "2026-01-01");
        assert_eq!(one.len(), 3, "a day has nothing closer: {one:?}");
        assert_eq!(of("2026-01-01", "2026-01-02")[0], "closer 2026-01-02..2026-01-02");
        let ten = of("2017-01-01", "2026-12-31");
        assert!(ten.iter().all(|to| !to.starts_with("wider")), "{ten:?}");
        let last = of("2027-01-01", "2036-11-20");
        assert!(
            last.iter().any(|to| to.starts_with("later") && to.ends_with("2036-11-23")),
            "{last:?}"
        );
    }
}
