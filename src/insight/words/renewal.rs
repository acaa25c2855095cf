//! What to renew with, in words.

use super::super::cost::MoneyRange;
use super::super::days_after;
use super::super::renewal::{Choice, Missing, Recommended, Renewal, TooFew, TooMany};
use super::{months_in_words, whole};
use crate::words::Locale;

/// What is to be known of all seats of a renewal.
pub fn notes(of: &Renewal, l: Locale) -> Vec<String> {
    let mut notes = Vec::new();
    if of.full {
        notes.push("none are free: who waits is in no figure; these are the least".to_owned());
    }
    if of.held > 0 {
        notes.push(format!("{} in quarantine can't be given out: they are in all seats", of.held));
    }
    if of.as_of < days_after(of.today, -2) {
        notes.push(format!("the last data is of {}", l.date(of.as_of)));
    }
    notes
}

/// `released once, today`; by the first day of a term that begins later.
pub fn released(of: &Renewal, l: Locale) -> String {
    let when = match of.on > of.today {
        true => format!("by {}", l.date(of.on)),
        false => "today".to_owned(),
    };
    format!("released once, {when}")
}

/// How the figures of a renewal are to be read, in lines that fit a terminal.
pub fn legend(of: &Renewal, added_for_months: Option<u32>) -> Vec<String> {
    let mut lines = vec![
        "Seats: the fewest that last the term in all but RISK of 100 cases.".to_owned(),
        "Change: against entitled. Free: on an average day (in 10 to 90 of 100 cases).".to_owned(),
    ];
    lines.push(match added_for_months {
        Some(months) => {
            let term = months_in_words(months);
            format!("Missing, to add (for {term}): middle of the short cases (9 of 10 cases).")
        }
        None => {
            "Missing: middle of the short cases (9 of 10 cases). No price, no amounts.".to_owned()
        }
    });
    lines.push(recommended(&of.recommended));
    lines
}

/// `*: to begin with: 12 months (cost.term), risk 5 % (default).`
pub fn recommended(of: &Recommended) -> String {
    let term = if of.by_term { "cost.term" } else { "shortest asked" };
    let risk = if of.by_default { "lower default" } else { "lowest asked" };
    let months = months_in_words(of.months);
    format!("*: to begin with: {months} ({term}), risk {} % ({risk}).", of.risk_percent)
}

/// The months of a row; the one to begin with is marked.
pub fn months(of: &Recommended, months: u32, risk_percent: u8) -> String {
    let mark = if of.is(months, risk_percent) { " *" } else { "" };
    format!("{months}{mark}")
}

/// More or fewer seats than are entitled.
pub fn change(of: &Choice, l: Locale) -> String {
    let sign = if of.change > 0 { "+" } else { "" };
    format!("{sign}{}", l.number(of.change as f64))
}

/// `19`, or `19 (12-25)`.
pub fn free_seats(of: &TooMany, l: Locale) -> String {
    let whole = |seats: f64| l.number(seats.round());
    spread(whole(of.seats.middle), whole(of.seats.low), whole(of.seats.high))
}

/// `6,900`, or `6,900 (5,100-8,800)`: what seats cost that nobody has.
pub fn idle(of: &TooMany, l: Locale) -> String {
    let Some(MoneyRange { low, middle, high }) = of.idle else { return "-".to_owned() };
    spread(whole(middle, l), whole(low, l), whole(high, l))
}

fn spread(middle: String, low: String, high: String) -> String {
    if low == high { middle } else { format!("{middle} ({low}-{high})") }
}

/// In how many of 100 cases seats are missing.
pub fn cases(of: &TooFew, l: Locale) -> String {
    if of.missing.is_none() {
        "none".to_owned()
    } else {
        format!("{} %", l.fixed(of.cases_percent, 1))
    }
}

/// `3`, or `3 (8)`; `-` when none are missing.
pub fn missing_seats(of: &TooFew, l: Locale) -> String {
    let Some(missing) = of.missing else { return "-".to_owned() };
    let (middle, high) = (missing.seats_middle, missing.seats_high);
    up_to(l.number(middle as f64), l.number(high as f64))
}

/// `1,200`, or `1,200 (3,360)`: what it costs to add them.
pub fn to_add(of: &TooFew, l: Locale) -> String {
    let Some(Missing { cost_middle: Some(middle), cost_high: Some(high), .. }) = of.missing else {
        return "-".to_owned();
    };
    up_to(whole(middle, l), whole(high, l))
}

fn up_to(middle: String, high: String) -> String {
    if middle == high { middle } else { format!("{middle} ({high})") }
}
