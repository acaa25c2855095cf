//! When seats may be taken at all: freeze windows and allowed hours, in the time zone of the
//! settings. Pure.
//!
//! A freeze goes by the days of the calendar, so a change of the clocks doesn't touch it. Allowed
//! hours lie between two points in time: where a time of day comes twice, the first one is meant,
//! and where the clocks skip it, the first time after the gap.

mod text;

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use text::{days_of, minutes_of};

/// Beyond so many days an end is not looked for: freezes that follow one another over two years
/// have none.
const LONGEST: u32 = 800;

/// So many days ahead a beginning of allowed hours is looked for: each day of the week twice, for
/// one that a change of the clocks leaves out.
const WEEKS: u64 = 15;

/// `freeze`, `allowedHours` and the time zone that they, and dates of `neverRelease`, are meant in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Calendar {
    pub time_zone: Tz,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
    /// Empty: at any time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_hours: Vec<Hours>,
}

/// Days on which no seat is taken, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub from: Day,
    pub to: Day,
    #[serde(default)]
    pub why: String,
}

/// A day of one year or of every year; as text `2026-12-15` or `12-15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Day {
    On(NaiveDate),
    Yearly { month: u32, day: u32 },
}

/// Hours in which seats may be taken, on days that begin within them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Empty: every day.
    #[serde(default)]
    pub days: Vec<Weekday>,
    pub from: Minute,
    /// Not included. Not after `from`: of the next day.
    pub to: Minute,
}

/// A time of day, in minutes after midnight, up to 24:00; as text `05:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minute(pub u16);

/// Why no seat may be taken at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// A freeze, through this day; `None` = without an end in sight.
    Frozen { until: Option<NaiveDate>, why: String },
    /// Outside of the allowed hours; when the next begin.
    Hours { allowed: String, opens: Option<DateTime<Utc>>, zone: Tz },
}

impl Default for Calendar {
    fn default() -> Self {
        Self { time_zone: Tz::UTC, freeze: Vec::new(), allowed_hours: Vec::new() }
    }
}

impl Calendar {
    /// What speaks against taking seats at a time. A freeze comes first: it lasts longer.
    pub fn closed(&self, at: DateTime<Utc>) -> Option<Closed> {
        self.frozen(at).or_else(|| {
            (!self.in_hours(at)).then(|| Closed::Hours {
                allowed: self.hours_text(),
                opens: self.opens(at),
                zone: self.time_zone,
            })
        })
    }

    /// The freeze that holds at a time.
    pub fn frozen(&self, at: DateTime<Utc>) -> Option<Closed> {
        let today = self.date(at);
        let window = self.freeze.iter().find(|window| window.holds_on(today))?;
        let frozen = |day: NaiveDate| self.freeze.iter().any(|window| window.holds_on(day));
        let mut last = Some(today);
        for _ in 0..LONGEST {
            match last.and_then(|day| day.succ_opt()) {
                Some(day) if frozen(day) => last = Some(day),
                Some(_) => return Some(Closed::Frozen { until: last, why: window.why.clone() }),
                None => break,
            }
        }
        Some(Closed::Frozen { until: None, why: window.why.clone() })
    }

    /// The first and, where it has one, the last day of the next freeze that begins after a time, with why;
    /// none within `LONGEST` days.
    pub fn next_freeze(&self, at: DateTime<Utc>) -> Option<(NaiveDate, Option<NaiveDate>, String)> {
        let frozen = |day: NaiveDate| self.freeze.iter().any(|window| window.holds_on(day));
        let mut days = self.date(at).iter_days().skip(1).take(LONGEST as usize);
        let mut before = frozen(self.date(at));
        let first = days.find(|day| {
            let now = frozen(*day);
            let was = std::mem::replace(&mut before, now);
            now && !was
        })?;
        let Some(Closed::Frozen { until, why }) = self.frozen(self.day_after(first.pred_opt()?)?)
        else {
            return None;
        };
        Some((first, until, why))
    }

    /// Whether a time lies in the allowed hours.
    pub fn in_hours(&self, at: DateTime<Utc>) -> bool {
        // Hours over midnight belong to the day on which they begin.
        self.allowed_hours.is_empty() || self.spans(at, 3).any(|(from, to)| from <= at && at < to)
    }

    /// When allowed hours next begin, after a time outside of them.
    pub fn opens(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let spans = self.spans(at, WEEKS).filter(|(from, to)| *from > at && from < to);
        spans.map(|(from, _)| from).min()
    }

    /// The first time at which seats may be taken by the hours, of those that `next` names after
    /// another. Freezes don't count: they are shown.
    pub fn first_in_hours(
        &self,
        next: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
        after: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let mut after = after;
        // Each step goes to the next day with hours: that is more than a year.
        for _ in 0..LONGEST {
            let tick = next(after)?;
            if self.in_hours(tick) {
                return Some(tick);
            }
            let just_before = self.opens(tick)? - TimeDelta::milliseconds(1);
            after = just_before.max(tick);
        }
        None
    }

    /// The day of the calendar that a time is in.
    pub fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.time_zone).date_naive()
    }

    /// When the day after this one begins.
    pub fn day_after(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        self.time(day.succ_opt()?, Minute(0))
    }

    /// The allowed hours that begin on the days around a time, from two days before it.
    fn spans(
        &self,
        at: DateTime<Utc>,
        days: u64,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        let first = self.date(at).checked_sub_days(Days::new(2)).unwrap_or(NaiveDate::MIN);
        let dates = (0..=days + 1).filter_map(move |n| first.checked_add_days(Days::new(n)));
        dates.flat_map(move |date| {
            let on = self.allowed_hours.iter().filter(move |hours| hours.begin_on(date.weekday()));
            on.filter_map(move |hours| self.span(hours, date))
        })
    }

    fn span(&self, hours: &Hours, date: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let end = if hours.to > hours.from { date } else { date.succ_opt()? };
        Some((self.time(date, hours.from)?, self.time(end, hours.to)?))
    }

    /// A time of a day: the first one where it comes twice, the next one there is where it is
    /// skipped.
    fn time(&self, date: NaiveDate, minute: Minute) -> Option<DateTime<Utc>> {
        let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute.0.into());
        // No zone skips more than a day.
        let later = (0..=26 * 60).map(|more| local + TimeDelta::minutes(more));
        let earliest =
            |local: chrono::NaiveDateTime| self.time_zone.from_local_datetime(&local).earliest();
        later.filter_map(earliest).next().map(|time| time.to_utc())
    }
}

impl Freeze {
    pub fn holds_on(&self, date: NaiveDate) -> bool {
        let today = (date.month(), date.day());
        match (self.from, self.to) {
            (Day::On(from), Day::On(to)) => from <= date && date <= to,
            (Day::Yearly { month, day }, Day::Yearly { month: to_month, day: to_day }) => {
                let (from, to) = ((month, day), (to_month, to_day));
                if from <= to { from <= today && today <= to } else { from <= today || today <= to }
            }
            // The settings refuse it; who gets here all the same keeps the seats.
            _ => true,
        }
    }
}

impl Hours {
    fn begin_on(&self, day: Weekday) -> bool {
        self.days.is_empty() || self.days.contains(&day)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen { until, why } => {
                match until {
                    Some(until) => write!(f, "frozen through {until}")?,
                    None => f.write_str("frozen without an end")?,
                }
                if why.is_empty() { Ok(()) } else { write!(f, ": {why}") }
            }
            Self::Hours { allowed, opens, zone } => {
                write!(f, "outside the allowed hours ({allowed})")?;
                match opens {
                    Some(opens) => {
                        let opens = opens.with_timezone(zone).format("%a %Y-%m-%d %H:%M %Z");
                        write!(f, ", which begin {opens}")
                    }
                    None => f.write_str(", which never begin"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
