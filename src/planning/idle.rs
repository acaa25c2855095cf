//! What idle seats cost: every figure that answers it, each with its name, beside one another.

use chrono::{DateTime, NaiveDate, Utc};

use super::money::{Cost, SeatNumbers};
use super::replay::Simulation;
use crate::insight::days_after;
use crate::insight::money::Money;
use crate::insight::order::Order;
use crate::insight::words::{self as said, renewal as words};
use crate::license::SeatType;
use crate::words::Locale;

/// One of the figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: &'static str,
    /// The answer to what idle seats cost.
    pub is_answer: bool,
    /// Absent where it is no number of seats.
    pub seats: Option<u32>,
    /// A year's price of them, or what was or would have been saved.
    /// Of the answer a range, where people may come back.
    pub amount: String,
    pub as_of: AsOf,
    pub what: String,
}

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AsOf {
    /// Of the list that was read then.
    List(DateTime<Utc>),
    /// The last day with data.
    Day(NaiveDate),
    /// The year that ended so.
    Year(NaiveDate),
}

/// How the figures stand to one another.
pub const RELATION: &str = "Reclaimable is the answer: what idle seats cost that the release rules let go. It is a part \
                            of idle. Free seats are neither: nobody has them. What is released becomes free, and its \
                            money comes back only when fewer seats are renewed.";

/// Whether what is reclaimable of a type fits into the runs that are left until the term that is ordered for:
/// `until 10 January 2027 in 10 runs of at most 20 (41 runs are left: enough)`. `None` where that isn't known, and where it
/// changes no seat of the order.
pub fn until_term(order: &Order, seat_type: SeatType, l: Locale) -> Option<String> {
    let counted_on = order.lines.iter().find(|line| line.seat_type == seat_type);
    let counted_on = counted_on.and_then(|line| Some((days_after(line.on, -1), line.runs?)));
    let others = order.otherwise.iter().flat_map(|of| &of.lines);
    let mut others = others.filter(|line| line.seat_type == seat_type);
    let (by, runs) = counted_on.or_else(|| others.find_map(|line| Some((line.by, line.runs?))))?;
    Some(format!("until {} {}", l.date(by), words::within(runs, l)))
}

/// The figures, of the types that have a price. What isn't known has no line. `simulation`: of the year before.
pub fn lines(
    cost: &Cost,
    simulation: Option<&Simulation>,
    today: NaiveDate,
    l: Locale,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let seats = |number: fn(&SeatNumbers) -> Option<u32>| {
        cost.by_type.iter().map(|of| number(&of.seats)).sum::<Option<u32>>()
    };
    let list = cost.by_type.iter().filter_map(|of| of.list_as_of).min();
    let day = cost.by_type.iter().filter_map(|of| of.as_of).max();
    let mut line = |name: &'static str,
                    seats: Option<u32>,
                    amount: Option<Money>,
                    as_of: Option<AsOf>,
                    what: &str| {
        let (Some(amount), Some(as_of)) = (amount, as_of) else { return };
        let (is_answer, mut what) = (name == ANSWER, what.to_owned());
        let mut amount = amount.written(l);
        if let Some(of) = cost.could_be_saved.as_ref().filter(|_| is_answer) {
            amount = said::could_be_saved(of, l);
            what += &format!("; {}", said::coming_back(of, l));
        }
        lines.push(Line { name, is_answer, seats, amount, as_of, what });
    };
    let of_list = list.map(AsOf::List);
    let reclaimable = "idle, and let go by the release rules, over as many runs as it takes";
    line(ANSWER, seats(|of| of.reclaimable), cost.reclaimable, of_list, reclaimable);
    let idle = "not used for as long as makes a seat idle (releaseThresholdDays), also those that the rules or a guard keep";
    line("Idle", seats(|of| of.idle), cost.idle, of_list, idle);
    let free = "entitled, and nobody has them: paid for all the same";
    line("Free", seats(|of| of.free), cost.free, day.map(AsOf::Day), free);
    let saved = "by what was released, from then on: a part of a year for each seat";
    let past = Some(AsOf::Year(today));
    line("Saved by releases", None, Some(cost.saved_last_year.amount), past, saved);
    if let Some((amount, last)) = simulation.and_then(|of| would_have_saved(of, cost, l)) {
        lines.push(Line {
            name: "Would have been saved",
            is_answer: false,
            seats: None,
            amount,
            as_of: AsOf::Year(last),
            what: "by the rules in force, had a run a day released for real: a part of a year for each seat"
                .to_owned(),
        });
    }
    lines
}

const ANSWER: &str = "Reclaimable";

/// Under the threshold in force, of all types that have a price; `None` where one isn't known.
fn would_have_saved(of: &Simulation, cost: &Cost, l: Locale) -> Option<(String, NaiveDate)> {
    let saved = cost.by_type.iter().map(|of_type| {
        let replayed = of.types.iter().find(|of| of.seat_type == of_type.seat_type)?;
        let in_force = of_type.seats.threshold_days?;
        let found = replayed.thresholds.iter().find(|of| of.threshold_days == in_force)?;
        found.saved
    });
    let all = saved.collect::<Option<Vec<_>>>()?;
    let sum = all.into_iter().reduce(|a, b| super::replay::MoneyBounds {
        at_least: a.at_least + b.at_least,
        at_most: a.at_most + b.at_most,
    })?;
    Some((sum.written(l), of.span.last))
}
