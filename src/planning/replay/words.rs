//! What commands, reports and pages say of a type beside its table, the same everywhere.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Bounds, KnownFrom, OfType, Threshold};
use crate::release::enough_free;

/// In place of a figure that is not known yet.
const NOT_YET: &str = "not yet";

/// The day from which a figure is known, where it is not yet.
type DayOf = fn(&KnownFrom) -> Option<NaiveDate>;

impl OfType {
    /// From when on its past is known. `time`: how a time is written.
    pub fn recorded(&self, time: impl Fn(DateTime<Utc>) -> String) -> String {
        match (self.recorded_from, self.is_shorter) {
            (Some(from), true) => format!("watched since {}: before, nothing is known", time(from)),
            (None, true) => "not watched yet: only who is due now is known".to_owned(),
            (Some(from), false) => {
                format!("gaps of use recorded since {}; before, bounds", time(from))
            }
            (None, false) => "no gaps of use are recorded yet: figures are bounds".to_owned(),
        }
    }

    /// What is not known yet and from which day on it will be, what can be asked until then, and whether
    /// `keepFree` lets nothing go; a sentence each. `date`: how a day is written.
    pub fn remarks(&self, date: impl Fn(NaiveDate) -> String) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.is_shorter {
            remarks.push("the first day's releases are of all who were due by then".to_owned());
        }
        let figures: [(&str, DayOf); 4] = [
            ("back within 14 days", |from| from.within_14_days),
            ("back within 30 days", |from| from.within_30_days),
            ("back within 90 days", |from| from.within_90_days),
            ("saved", |from| from.saved),
        ];
        let before = remarks.len();
        let without = self.thresholds.iter().filter(|of| of.nobody_went());
        let without: Vec<String> = without.map(|of| of.threshold_days.to_string()).collect();
        if !without.is_empty() {
            let days = without.join(", ");
            remarks.push(format!("{days} days: nobody has gone yet, so nobody could come back"));
        }
        for (what, from) in figures {
            let mut days: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
            for threshold in &self.thresholds {
                if let Some(from) = from(&threshold.known_from) {
                    days.entry(from).or_default().push(threshold.threshold_days.to_string());
                }
            }
            let is_all = days.values().any(|of| of.len() == self.thresholds.len());
            for (day, of) in days {
                let at = if is_all { String::new() } else { format!("{} days: ", of.join(", ")) };
                remarks.push(format!("{at}{what} is known from {} on", date(day)));
            }
        }
        if remarks.len() > before {
            remarks.push("who is due now, and why, tells bursar release plan".to_owned());
        }
        if let Some(reached) = self.enough_free {
            remarks.extend(enough_free(reached.keep_free, reached.free));
        }
        remarks
    }
}

impl Threshold {
    /// On a new site: nothing went since anything is known, and no day can be named from which more will be.
    fn nobody_went(&self) -> bool {
        self.came_back.within_14_days.is_none() && self.known_from.within_14_days.is_none()
    }

    /// Who came back within 14, 30 and 90 days; `write`: how figures are written.
    pub fn back(&self, write: impl Fn(Bounds<u64>) -> String) -> [String; 3] {
        let back = self.came_back;
        [back.within_14_days, back.within_30_days, back.within_90_days]
            .map(|bounds| bounds.map_or_else(|| NOT_YET.to_owned(), &write))
    }

    /// What is in place of an amount where there is none: not known yet, or no price.
    pub fn no_amount(&self, no_price: &str) -> String {
        match self.known_from.saved {
            Some(_) => NOT_YET.to_owned(),
            None => no_price.to_owned(),
        }
    }
}
