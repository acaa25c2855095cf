//! What is recorded of a time that changes how many seats are taken: what may explain a jump.

use chrono::NaiveDate;
use serde::Serialize;

use super::{EntitledChange, Planning};
use crate::insight::utilization::YearOnYear;
use crate::insight::{Released, days_after};
use crate::license::SeatType;
use crate::words::{Locale, counted};

/// A pause in the data is named from so many days on.
const LONG_PAUSE: i64 = 14;

/// What is recorded between two days.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// The history begins within it, be it imported or polled.
    pub begins: Option<NaiveDate>,
    /// Purchases, and totals that fell.
    pub entitled_changes: Vec<EntitledChange>,
    /// Seats that Bursar released and did not give back.
    pub released: u32,
    /// By how much that lowers the later mean against the earlier: what went within either time counts for a part of its days.
    pub released_of_mean: f64,
    /// The same of `cleanUps`.
    pub clean_ups_of_mean: f64,
    /// Many seats that went without it.
    pub clean_ups: Vec<Released>,
    /// The longest time without data, from its first to its last day, where that is two weeks or more.
    pub pause: Option<(NaiveDate, NaiveDate)>,
}

impl Planning {
    /// What is recorded from the month of the year before to the end of the newer one. `None` without the older month.
    pub fn recorded_between(&self, seat_type: SeatType, years: &YearOnYear) -> Option<Recorded> {
        let before = years.last_year.as_ref()?;
        let this = (years.this.start, years.this.end().min(self.today));
        // Of a month that isn't over the same days count.
        let days = this.1 - this.0;
        let until = if this.1 < years.this.end() { before.start + days } else { before.end() };
        self.recorded(seat_type, (before.start, until), this)
    }

    /// What is recorded from the begin of one time to the end of a later one, and what it does to the mean of the later one
    /// against that of the earlier.
    pub fn recorded(
        &self,
        seat_type: SeatType,
        before: (NaiveDate, NaiveDate),
        this: (NaiveDate, NaiveDate),
    ) -> Option<Recorded> {
        let pool = self.pool(seat_type)?;
        let (first, last) = (before.0, this.1);
        // The share of the days of a time on which what went on a day was gone.
        let gone = |(from, to): (NaiveDate, NaiveDate), day: NaiveDate| {
            let all = ((to - from).num_days() + 1).max(1) as f64;
            ((to - day.max(days_after(from, -1))).num_days().max(0) as f64 / all).min(1.0)
        };
        let of_mean =
            |of: &Released| f64::from(of.count) * (gone(this, of.day) - gone(before, of.day));
        let days = pool.taken.between(first, last);
        let begins = pool.taken.days().first().map(|day| day.day).filter(|day| *day > first);
        let pauses = days.windows(2).map(|pair| (pair[0].day, pair[1].day));
        let longest = pauses.max_by_key(|(from, to)| *to - *from);
        let pause = longest.map(|(from, to)| (days_after(from, 1), days_after(to, -1)));
        let pause = pause.filter(|(from, to)| (*to - *from).num_days() + 1 >= LONG_PAUSE);
        let released = pool.released.iter().filter(|of| (first..=last).contains(&of.day));
        let clean_ups = pool.clean_ups(first, last);
        Some(Recorded {
            first,
            last,
            begins,
            entitled_changes: pool.entitled_changes(days_after(first, 1), last),
            released: released.clone().map(|of| of.count).sum(),
            released_of_mean: released.map(of_mean).sum(),
            clean_ups_of_mean: clean_ups.iter().map(of_mean).sum(),
            clean_ups,
            pause,
        })
    }
}

impl Recorded {
    /// Whether something of it lets a figure change so: a release explains no rise.
    fn explains(&self, change: f64) -> bool {
        let total = |of: &EntitledChange| (of.to - of.from) * change > 0.0;
        let gone = self.released > 0 || !self.clean_ups.is_empty();
        self.begins.is_some()
            || self.pause.is_some()
            || self.entitled_changes.iter().any(total)
            || (gone && change < 0.0)
    }

    /// Why a figure has `change`d so, as a sum: seats that were given out beyond those that were given back, less what
    /// was released and what went at once. `None` where something else may explain it: the history begins, or pauses.
    pub fn parts(&self, change: f64, l: Locale) -> Option<String> {
        if self.begins.is_some() || self.pause.is_some() {
            return None;
        }
        let gone: u32 = self.clean_ups.iter().map(|of| of.count).sum();
        let given = change + self.released_of_mean + self.clean_ups_of_mean;
        let less = |of_mean: f64, seats: u32, by: &str| {
            let of_mean = (of_mean * 10.0).round() / 10.0 + 0.0;
            match of_mean == f64::from(seats) {
                true => format!(", less {} that {by}", l.number(seats.into())),
                false => format!(
                    ", less {} on average by {} that {by}, some of them within these times",
                    l.number(of_mean),
                    l.number(seats.into())
                ),
            }
        };
        let number = l.fixed(given.abs(), 1);
        let mut text = match given < 0.0 {
            true => format!("{number} seats more were given back than given out"),
            false => format!("{number} seats more were given out than given back"),
        };
        if self.released > 0 {
            text += &less(self.released_of_mean, self.released, "Bursar released");
        }
        if gone > 0 {
            text += &less(self.clean_ups_of_mean, gone, "went at once without it");
        }
        Some(text)
    }

    /// In words, with whether any of it explains that the figure has `change`d so; that nothing is, where nothing is.
    pub fn in_words(&self, change: f64, l: Locale) -> String {
        let mut parts = Vec::new();
        let on = |day: NaiveDate| l.date(day);
        parts.extend(self.begins.map(|day| format!("the history begins on {}", on(day))));
        parts.extend(self.entitled_changes.iter().map(|of| {
            let (from, to) = (l.number(of.from), l.number(of.to));
            format!("entitled {from} to {to} on {}", on(of.day))
        }));
        if self.released > 0 {
            let seats = counted(l, self.released.into(), "seat", "seats");
            parts.push(format!("Bursar released {seats}"));
        }
        parts.extend(self.clean_ups.iter().map(|of| {
            let seats = counted(l, of.count.into(), "seat", "seats");
            format!("{seats} went on {} without it", on(of.day))
        }));
        parts.extend(
            self.pause.map(|(from, to)| format!("no data from {} to {}", on(from), on(to))),
        );
        match parts.is_empty() {
            true => {
                "nothing that explains it: no change of what is entitled, no release, no clean-up, \
                     no pause in the data"
                    .to_owned()
            }
            false if self.explains(change) => {
                format!("{}; nothing else that explains it", parts.join("; "))
            }
            false => {
                let what = if change > 0.0 { "a rise" } else { "a fall" };
                format!("{}; nothing of it explains {what}", parts.join("; "))
            }
        }
    }
}
