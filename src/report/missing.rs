//! Gaps of the history as a person reads them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::store::history::Gap;

/// From so many gaps of about the same length on, with a single poll between each two, they are one
/// line: a time that was polled less often than the settings ask for now.
const FEWEST: usize = 3;

/// A time in which polls are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Single polls within it, far apart; 0: there is nothing at all.
    pub polls: usize,
    /// How far apart they are, by the middle one; 0 as above.
    pub every_minutes: i64,
}

/// Puts gaps together that only single polls part; those of another length stay by themselves.
pub(crate) fn missing(gaps: &[Gap]) -> Vec<Missing> {
    let length = |gap: &Gap| (gap.to - gap.from).num_seconds();
    let mut all = Vec::new();
    let mut rest = gaps;
    while let Some((first, after)) = rest.split_first() {
        let mut end = first.to;
        let more = after.iter().take_while(|gap| {
            let joined = gap.from == end
                && length(gap) <= 2 * length(first)
                && length(first) <= 2 * length(gap);
            end = gap.to;
            joined
        });
        let count = 1 + more.count();
        let (group, others) = rest.split_at(if count < FEWEST { 1 } else { count });
        let to = group.last().map_or(first.to, |gap| gap.to);
        let mut lengths: Vec<i64> =
            group.iter().map(|gap| (gap.to - gap.from).num_minutes()).collect();
        lengths.sort_unstable();
        let every_minutes = if group.len() > 1 { lengths[lengths.len() / 2] } else { 0 };
        all.push(Missing { from: first.from, to, polls: group.len() - 1, every_minutes });
        rest = others;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: u32, to: u32) -> Gap {
        let time = |hour| DateTime::from_timestamp(i64::from(hour) * 3_600, 0).unwrap();
        Gap { from: time(from), to: time(to) }
    }

    fn told(gaps: &[Gap]) -> Vec<(i64, i64, usize)> {
        let hour = |time: DateTime<Utc>| time.timestamp() / 3_600;
        missing(gaps).into_iter().map(|m| (hour(m.from), hour(m.to), m.polls)).collect()
    }

    #[test]
    fn a_time_that_was_polled_less_often_is_one_line() {
        let every_six: Vec<Gap> = (0..40).map(|n| gap(n * 6, n * 6 + 6)).collect();
        assert_eq!(told(&every_six), [(0, 240, 39)]);
        assert_eq!(missing(&every_six)[0].every_minutes, 360);
    }

    #[test]
    fn an_outage_among_them_stays_by_itself() {
        let gaps = [
            gap(0, 6),
            gap(6, 12),
            gap(12, 18),
            gap(18, 114),
            gap(114, 120),
            gap(120, 126),
            gap(126, 132),
        ];
        assert_eq!(told(&gaps), [(0, 18, 2), (18, 114, 0), (114, 132, 2)]);
    }

    #[test]
    fn outages_that_lie_apart_or_are_two_only_stay_as_they_are() {
        assert_eq!(told(&[gap(0, 6), gap(6, 12)]), [(0, 6, 0), (6, 12, 0)]);
        assert_eq!(
            told(&[gap(0, 5), gap(9, 14), gap(20, 25)]),
            [(0, 5, 0), (9, 14, 0), (20, 25, 0)]
        );
        assert_eq!(told(&[]), []);
    }
}
