//! What to renew with, in words.

use std::cmp::Ordering;

use super::super::cost::MoneyRange;
use super::super::days_after;
use super::super::money::Money;
use super::super::order::{Beside, Line, Order, Runs};
use super::super::reclaim::Releasing;
use super::super::renewal::{Choice, Missing, Renewal, TooFew, TooMany};
use super::{amounts, months_in_words, whole};
use crate::words::{Locale, counted};

/// What is to be known of all seats of a renewal.
pub fn notes(of: &Renewal, l: Locale) -> Vec<String> {
    let mut notes = Vec::new();
    if of.full {
        notes.push("none are free: who waits is in no figure; these are the least".to_owned());
    }
    if of.held > 0 {
        notes.push(format!(
            "{} in quarantine can't be given out, and count as seats that are needed",
            of.held
        ));
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
pub fn legend(added_for_months: Option<u32>) -> Vec<String> {
    let mut lines = vec![
        "Seats: the fewest that last the term in all but so many of 100 cases (risk).".to_owned(),
        "Risks that lead to the same seats share a row.".to_owned(),
        "Change: against the seats that are entitled on the first day of the term.".to_owned(),
        "Free: seats nobody has on an average day (in 10 to 90 of 100 cases), and".to_owned(),
        "what is paid for them over the whole term.".to_owned(),
        "Too few in: the share of cases in which the seats don't last. In the middle".to_owned(),
    ];
    lines.push(match added_for_months {
        Some(months) => {
            let term = months_in_words(months);
            format!("one of those so many more are needed, bought for {term} (in 9 of 10).")
        }
        None => {
            "one of those so many more are needed (in 9 of 10). No price, no amounts.".to_owned()
        }
    });
    lines
}

/// `* recommended: 12 months (cost.term), risk 5 % (lower default)`, and with release or without, and why.
pub fn recommended(of: &Renewal) -> [String; 2] {
    let first = &of.recommended;
    let term = if first.by_term { "cost.term" } else { "shortest asked" };
    let risk = if first.by_default { "lower default" } else { "lowest asked" };
    let months = months_in_words(first.months);
    [
        format!("* recommended: {months} ({term}), risk {} % ({risk}),", first.risk_percent),
        format!("{}.", which(first.with_release, of.releasing, of.reclaimable)),
    ]
}

/// Whether the seats after release are recommended or those without, and why.
fn which(with_release: bool, releasing: Option<Releasing>, reclaimable: Option<u32>) -> String {
    if with_release {
        return "after release: runs release for real (dryRun is off)".to_owned();
    }
    let why = match (releasing, reclaimable) {
        (_, None) | (None, _) => "what is reclaimable is not known",
        (Some(Releasing::Rehearsal), _) => "runs only rehearse (dryRun is on)",
        (Some(Releasing::Off), _) => "releases are off (licenseRelease)",
        (Some(Releasing::TypeOff), _) => "the settings release none of this type",
        (Some(Releasing::Real), _) => "none are reclaimable now",
    };
    format!("without release: {why}")
}

/// `954 Analyzer seats (+54): 400,680 EUR`, and why so many.
pub fn ordered(of: &Line, l: Locale) -> [String; 2] {
    let seats = format!("{} {} seats", l.number(of.seats as f64), of.seat_type.title());
    let price = of.price.map_or_else(|| "no price".to_owned(), |price| price.written(l));
    [
        format!("{seats} ({}): {price}", signed(of.change, l)),
        which(of.with_release, of.releasing, of.reclaimable),
    ]
}

/// `from 11 January 2027 for 12 months`.
pub fn term(of: &Line, l: Locale) -> String {
    format!("from {} for {}", l.date(of.on), months_in_words(of.months))
}

/// The total of an order and the other answer, in lines that fit a terminal. How it stands to the budget is told by
/// [`beside`], so that there is one verdict.
pub fn order_total(of: &Order, l: Locale) -> Vec<String> {
    let mut lines = total(of, l);
    let other = otherwise(of, l);
    lines.extend(other.iter().take(1).map(|line| format!("or {line}")));
    lines.extend(other.into_iter().skip(1));
    if !of.unanswered.is_empty() || !of.without_price.is_empty() {
        lines.push("so it is not set against the budget".to_owned());
    }
    lines
}

/// The same without the other answer.
fn total(of: &Order, l: Locale) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(seats) = of.per_year {
        let all = of.minutes.map_or(seats, |minutes| seats + minutes).written(l);
        lines.push(format!("{all} a year"));
        if let Some(minutes) = of.minutes {
            lines.push(format!("of it {} for minutes, as now", minutes.written(l)));
        }
        let is_a_year = of.lines.iter().all(|line| line.months == 12);
        if let Some(price) = of.price.filter(|_| !is_a_year) {
            lines.push(format!("{} for the seats of the whole term", price.written(l)));
        }
    }
    let names = |types: &[crate::license::SeatType]| {
        types.iter().map(|of| of.title()).collect::<Vec<_>>().join(", ")
    };
    if !of.unanswered.is_empty() {
        let types = names(&of.unanswered);
        lines.push(format!("without {types}: too little data"));
    }
    if !of.without_price.is_empty() {
        let types = names(&of.without_price);
        lines.push(format!("without {types}: no price"));
    }
    for (line, runs) in of.lines.iter().filter_map(|line| Some((line, line.runs?))) {
        let seats = l.number(line.reclaimable.unwrap_or(0).into());
        lines.push(format!("{seats} {} to release until then", line.seat_type.title()));
        lines.push(within(runs, l));
    }
    lines
}

/// The other answer to whether what is reclaimable is released before, in lines that fit a terminal.
pub fn otherwise(of: &Order, l: Locale) -> Vec<String> {
    let Some(other) = &of.otherwise else { return Vec::new() };
    let (mut lines, mut back) = (Vec::new(), Vec::new());
    for of in &other.lines {
        let many = l.number(of.reclaimable.into());
        let seats = l.number(of.seats as f64);
        let seats = format!("{seats} {} seats ({})", of.seat_type.title(), signed(of.change, l));
        if other.with_release {
            lines.push(format!("if {many} are released by {}", l.date(of.by)));
            lines.extend(of.listed.map(|day| format!("by the list of {}", l.date(day))));
            lines.extend(of.runs.map(|runs| within(runs, l)));
            lines.push(format!("and none comes back: {seats}"));
            if let Some(seats) = of.seats_if_back {
                let (seats, title) = (l.number(seats as f64), of.seat_type.title());
                back.push(format!("if as many come back as did: {seats} {title} seats"));
            }
        } else {
            lines.push(format!("if none of {many} is released: {seats}"));
        }
    }
    if let Some(seats) = other.per_year {
        let all = of.minutes.map_or(seats, |minutes| seats + minutes).written(l);
        lines.push(format!("then {all} a year"));
    }
    // Their price would be another one.
    lines.append(&mut back);
    lines
}

/// `in 10 runs of at most 20 (41 runs are left: enough)`: whether what is reclaimable fits into the runs that are left.
pub fn within(of: Runs, l: Locale) -> String {
    let Runs { needed, left, per_run } = of;
    let number = |number: u32| l.number(number.into());
    let left_over = match left {
        0 => "no run is left".to_owned(),
        1 => "1 run is left".to_owned(),
        left => format!("{} runs are left", number(left)),
    };
    let Some(most) = per_run else {
        return match of.is_enough() {
            true => format!("in one run ({left_over}: enough)"),
            false => format!("in one run, but {left_over}"),
        };
    };
    if most == 0 {
        return "but runs take none (maxReleases is 0)".to_owned();
    }
    let runs = counted(l, needed.into(), "run", "runs");
    match (of.is_enough(), left) {
        (true, _) => format!("in {runs} of at most {} ({left_over}: enough)", number(most)),
        (false, 0) => format!("in {runs} of at most {}, but {left_over}", number(most)),
        (false, _) => {
            let all = number(left.saturating_mul(most));
            format!("in {runs} of at most {}; only {left_over}, for {all}", number(most))
        }
    }
}

/// `24,680.00 EUR over the budget`: an order for a year.
pub fn over_budget(of: &Beside, l: Locale) -> String {
    let zero = Money::zero(of.over.currency);
    match of.over.amount.cmp(&zero.amount) {
        Ordering::Greater => format!("{} over the budget", of.over.written(l)),
        Ordering::Less => format!("{} below the budget", (zero - of.over).written(l)),
        Ordering::Equal => "as much as the budget".to_owned(),
    }
}

/// How the order and what is paid if what is entitled stays belong together, and of which days each is.
pub fn beside(of: &Beside, l: Locale) -> String {
    let change = match of.change {
        0 => "as many seats as are entitled".to_owned(),
        change => format!(
            "{} {} than are entitled",
            l.number(change.unsigned_abs() as f64),
            match (change > 0, change.unsigned_abs()) {
                (true, 1) => "seat more",
                (true, _) => "seats more",
                (false, 1) => "seat fewer",
                (false, _) => "seats fewer",
            }
        ),
    };
    let (low, high) = of.added;
    let added = match low == high {
        true => l.number(high as f64),
        false => format!("{} to {}", l.number(low as f64), l.number(high as f64)),
    };
    let zero = Money::zero(of.more.currency);
    let over = over_budget(of, l);
    let year = of.budget.year;
    let term = match (of.term_first, of.term_last) == (year.first, year.last) {
        true => String::new(),
        false => format!(", from {} to {},", l.date(of.term_first), l.date(of.term_last)),
    };
    let difference = match of.more.amount.cmp(&zero.amount) {
        Ordering::Greater => format!("{} more than the most of that", of.more.written(l)),
        Ordering::Less => format!("{} less than the most of that", (zero - of.more).written(l)),
        Ordering::Equal => "as much as the most of that".to_owned(),
    };
    if of.term_first > year.last {
        return format!(
            "Two years. If what is entitled stays as it is, from {} to {}, and seats are added only on the day that lacks \
             them ({added}): {}. The verdict on the budget is on this. The recommended order is for the time after it, \
             from {} to {}: {}, {over}. It has {change}, from its first day on.",
            l.date(year.first),
            l.date(year.last),
            amounts(&of.budget.to_pay, l),
            l.date(of.term_first),
            l.date(of.term_last),
            of.ordered.written(l),
        );
    }
    format!(
        "Two answers to one question, each for a year. If what is entitled is renewed as it is, from {} to {}, and seats \
         are added only on the day that lacks them ({added}): {}. The verdict on the budget is on this. The recommended \
         order{term} takes its place: {}, {difference}, {over}. It has {change}, from its first day on, with the risk \
         that it names: it pays at once for what may be missing later, or never.",
        l.date(year.first),
        l.date(year.last),
        amounts(&of.budget.to_pay, l),
        of.ordered.written(l),
    )
}

/// What the order comes to, beside the budget of the cost.
pub fn order_beside_budget(of: &Order, l: Locale) -> Option<String> {
    in_a_line(of, order_total(of, l), l)
}

/// The same without the other answer.
pub fn order_in_short(of: &Order, l: Locale) -> Option<String> {
    in_a_line(of, total(of, l), l)
}

fn in_a_line(of: &Order, total: Vec<String>, l: Locale) -> Option<String> {
    let first = of.lines.iter().map(|line| line.on).min()?;
    let last = of.lines.iter().map(|line| line.last).max()?;
    let seats = of.lines.iter().map(|line| {
        let seats = l.number(line.seats as f64);
        format!("{seats} {} ({})", line.seat_type.title(), signed(line.change, l))
    });
    let seats = seats.collect::<Vec<_>>().join(", ");
    let total = total.join("; ");
    let total = if total.is_empty() { "no price".to_owned() } else { total };
    Some(format!("{seats} from {} to {}: {total}", l.date(first), l.date(last)))
}

/// `5, 20 %`.
pub fn risks(of: &[u8]) -> String {
    let risks: Vec<_> = of.iter().map(u8::to_string).collect();
    format!("{} %", risks.join(", "))
}

/// Seats of a row, marked where they are those to order.
pub fn seats(of: &Choice, is_recommended: bool, l: Locale) -> String {
    format!("{}{}", l.number(of.seats as f64), if is_recommended { " *" } else { "" })
}

/// With a sign.
pub fn signed(change: i64, l: Locale) -> String {
    let sign = if change > 0 { "+" } else { "" };
    format!("{sign}{}", l.number(change as f64))
}

/// More or fewer seats than are entitled.
pub fn change(of: &Choice, l: Locale) -> String {
    signed(of.change, l)
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
