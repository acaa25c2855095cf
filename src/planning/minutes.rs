//! The minutes of Analyzer Capacity, month by month.

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::Planning;
use crate::insight::Entitled;
use crate::insight::utilization::{Step, periods};

/// The minutes of a month.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Month {
    /// `2026-10`.
    pub name: String,
    /// The most that was seen: minutes only go up within a month.
    pub used: f64,
    /// On the month's last day with data.
    pub allocated: Option<f64>,
    pub percent: Option<f64>,
    /// Days with data, and days of the month.
    pub days: u32,
    pub of: u32,
}

impl Planning {
    /// The minutes of the months between two days (both included) that have data, oldest first.
    pub fn minutes_by_month(&self, range: (NaiveDate, NaiveDate)) -> Vec<Month> {
        let Some(minutes) = &self.minutes else { return Vec::new() };
        let months = periods(&minutes.used, &Entitled::default(), Step::Month, range);
        let month = months.into_iter().map(|month| {
            let end = month.start.checked_add_months(Months::new(1)).unwrap_or(month.start);
            let allocated = minutes.allocated.between(month.start, end.pred_opt().unwrap_or(end));
            let allocated = allocated.last().map(|day| day.last);
            let percent = allocated.filter(|a| *a > 0.0).map(|a| month.peak / a * 100.0);
            let (name, used) = (month.name, month.peak);
            Month { name, used, allocated, percent, days: month.days, of: month.of }
        });
        month.collect()
    }
}
