//! For which share of the time so many seats were taken: a load duration curve.

use serde::Serialize;

use super::series::{Basis, Daily, basis};

/// At least so many seats were taken on so many of the days with data, at their highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    pub seats: u64,
    pub days: u32,
    pub percent: f64,
}

/// A row for each number of seats that was the highest of some day. Days without data are in none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Curve {
    /// Absent without data.
    pub basis: Option<Basis>,
    /// The most seats first.
    pub rows: Vec<Held>,
}

impl Curve {
    /// Corners of the curve: percent of the days, and seats.
    pub fn steps(&self) -> Vec<(f64, f64)> {
        let mut from = 0.0;
        let corners = self.rows.iter().flat_map(|row| {
            let seats = row.seats as f64;
            [(std::mem::replace(&mut from, row.percent), seats), (row.percent, seats)]
        });
        corners.collect()
    }
}

/// Of days in order.
pub fn curve(days: &[Daily]) -> Curve {
    let mut highest: Vec<u64> = days.iter().map(|day| day.max.max(0.0).round() as u64).collect();
    highest.sort_unstable_by(|a, b| b.cmp(a));
    let mut rows: Vec<Held> = Vec::new();
    for (n, seats) in (1_u32..).zip(highest) {
        let row = Held { seats, days: n, percent: f64::from(n) * 100.0 / days.len() as f64 };
        match rows.last_mut() {
            Some(last) if last.seats == seats => *last = row,
            _ => rows.push(row),
        }
    }
    Curve { basis: basis(days), rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::days_after;

    #[test]
    fn a_row_says_on_how_many_days_at_least_so_many_were_taken() {
        let first = "2026-03-01".parse().unwrap();
        let days: Vec<Daily> = [7.0, 9.0, 7.0, 5.0, 9.0, 7.0, 7.0, 12.0]
            .into_iter()
            .zip(0..)
            .map(|(max, n)| Daily { max, ..Daily::flat(days_after(first, n), 1.0) })
            .collect();
        let curve = super::curve(&days);
        let rows: Vec<_> =
            curve.rows.iter().map(|row| (row.seats, row.days, row.percent)).collect();
        assert_eq!(rows, [(12, 1, 12.5), (9, 3, 37.5), (7, 7, 87.5), (5, 8, 100.0)]);
        assert_eq!(curve.basis.unwrap().days, 8);
        assert_eq!(curve.steps()[..4], [(0.0, 12.0), (12.5, 12.0), (12.5, 9.0), (37.5, 9.0)]);
        assert_eq!(super::curve(&[]), Curve { basis: None, rows: vec![] });
    }
}
