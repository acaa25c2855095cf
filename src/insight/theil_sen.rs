//! Theil-Sen: the median of the slopes between all pairs of points.
//!
//! Up to 29 % of the points may be anything without moving it. With several groups the pairs within
//! each group are pooled, so that a jump between groups is no slope. The interval is Sen's (1968),
//! from the variance of Kendall's score with ties; for one group it is what
//! `scipy.stats.theilslopes` gives. It takes the points for independent of each other.

use std::cmp::Ordering;

/// A point; `x` in days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Slope per day with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    pub slope: f64,
    pub low: f64,
    pub high: f64,
}

/// The pooled slope of groups, with an interval of `z` standard deviations of the normal
/// distribution to either side. `None` without two points of different `x` in one group.
pub fn slope(groups: &[&[Point]], z: f64) -> Option<Slope> {
    let pairs = groups.iter().map(|g| g.len() * g.len().saturating_sub(1) / 2).sum();
    let mut slopes: Vec<f64> = Vec::with_capacity(pairs);
    let mut variance = 0.0;
    for group in groups {
        for (i, a) in group.iter().enumerate() {
            for b in &group[i + 1..] {
                let run = b.x - a.x;
                if run != 0.0 {
                    slopes.push((b.y - a.y) / run);
                }
            }
        }
        variance += score_variance(group);
    }
    if slopes.iter().any(|slope| !slope.is_finite()) {
        slopes.retain(|slope| slope.is_finite());
    }
    let count = slopes.len();
    if count == 0 {
        return None;
    }
    let spread = z * variance.sqrt();
    // Half to even, as numpy rounds.
    let rank = |value: f64| (value / 2.0).round_ties_even();
    let low = (rank(count as f64 - spread) - 1.0).clamp(0.0, (count - 1) as f64) as usize;
    let high = rank(count as f64 + spread).clamp(0.0, (count - 1) as f64) as usize;
    let middle = count / 2;
    let slope = if count % 2 == 1 {
        nth(&mut slopes, middle)
    } else {
        let upper = nth(&mut slopes, middle);
        // What is left of the upper one is not above it.
        let lower = slopes[..middle].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        lower / 2.0 + upper / 2.0
    };
    // The halves are in place already: each rank is looked for in its own.
    let (below, above) = slopes.split_at_mut(middle);
    let mut ranked = |rank: usize| {
        if rank < middle { nth(below, rank) } else { nth(above, rank - middle) }
    };
    let (low, high) = (ranked(low), ranked(high));
    Some(Slope { slope, low, high })
}

fn nth(values: &mut [f64], rank: usize) -> f64 {
    *values.select_nth_unstable_by(rank, order).1
}

fn order(a: &f64, b: &f64) -> Ordering {
    a.total_cmp(b)
}

/// Variance of Kendall's score of a group.
fn score_variance(group: &[Point]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let ties = |value: fn(&Point) -> f64| {
        let mut values: Vec<f64> = group.iter().map(value).collect();
        values.sort_unstable_by(order);
        values.chunk_by(|a, b| a == b).map(|tied| term(tied.len() as f64)).sum::<f64>()
    };
    // Ties in x take away what ties in y take away.
    (term(group.len() as f64) - ties(|p| p.x) - ties(|p| p.y)).max(0.0) / 18.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        values.iter().enumerate().map(|(i, y)| Point { x: i as f64, y: *y }).collect()
    }

    #[test]
    fn one_wild_point_changes_nothing() {
        let mut values: Vec<f64> = (0..20).map(|i| f64::from(i) * 2.0).collect();
        values[10] = 1e6;
        let slope = slope(&[&points(&values)], 1.0).unwrap();
        assert_eq!(slope.slope, 2.0);
        assert!(slope.low <= 2.0 && slope.high >= 2.0);
    }

    #[test]
    fn a_jump_between_groups_is_no_slope() {
        let (before, after) = (points(&[1.0, 2.0, 3.0]), points(&[53.0, 54.0, 55.0]));
        assert_eq!(slope(&[&before, &after], 1.0).unwrap().slope, 1.0);
        let together: Vec<f64> = before.iter().chain(&after).map(|p| p.y).collect();
        assert_eq!(slope(&[&points(&together)], 1.0).unwrap().slope, 13.25);
    }

    #[test]
    fn without_a_pair_there_is_no_slope() {
        assert_eq!(slope(&[], 1.0), None);
        assert_eq!(slope(&[&points(&[1.0]), &points(&[2.0])], 1.0), None);
        let twice = [Point { x: 1.0, y: 1.0 }, Point { x: 1.0, y: 5.0 }];
        assert_eq!(slope(&[&twice], 1.0), None);
        assert_eq!(slope(&[&points(&[-1e308, 1e308])], 1.0), None);
    }
}
