//! Seats, people, and what changed about them.

use schemars::JsonSchema;
use serde::Serialize;

use super::view::{Happened, Person, Time};
use crate::insight::idle::Use;
use crate::license::{ChangeKind, SeatType};
use crate::plain::one_line;
use crate::store::KnownSeat;
use crate::web::Served;
use crate::web::answer::Failure;
use crate::web::asked::Asked;
use crate::web::changes;
use crate::web::person::facts;
use crate::web::plan::LastPlan;
use crate::web::seats::{search, state};

/// Rows of an answer, unless it is asked for others.
const ROWS: u32 = 100;

/// The most rows of an answer.
const MOST: u32 = 1000;

/// Seats that a filter finds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seats {
    /// Of all pages.
    total: u64,
    /// When each list was read.
    lists: Vec<List>,
    /// When the plan was made that decisions are of; null while there is none.
    plan: Option<Time>,
    seats: Vec<Seat>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct List {
    seat_type: SeatType,
    read: Time,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Seat {
    id: String,
    seat_type: SeatType,
    /// Null once the user is deleted.
    person: Option<Person>,
    allocated: Happened,
    last_used: Happened,
    /// Whole days since the last use or the allocation, whichever is later; null where that isn't counted.
    idle_days: Option<i64>,
    quarantined: bool,
    excess: bool,
    /// What is unusual, in words; may be empty.
    state: String,
    /// What the last plan decided: `release`, `announce`, or the first reason to keep it; null where no plan knows it.
    decision: Option<String>,
}

fn seat(
    known: &KnownSeat,
    plan: Option<&LastPlan>,
    names: bool,
    now: chrono::DateTime<chrono::Utc>,
) -> Seat {
    let seat = &known.seat;
    let decided = plan.and_then(|plan| plan.seats.get(&seat.id));
    Seat {
        id: seat.id.to_string(),
        seat_type: seat.seat_type,
        person: seat.holder.as_deref().map(|holder| Person::new(holder, names)),
        allocated: (&seat.created).into(),
        last_used: (&seat.last_used).into(),
        idle_days: Use::of(seat).idle_days(now),
        quarantined: seat.quarantined.is_some(),
        excess: seat.excess,
        state: state(seat),
        decision: decided.map(|decided| decided.word().to_owned()),
    }
}

pub(super) async fn list(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Seats, Failure> {
    served.site(name)?;
    let asked = Asked::of(query)?;
    asked.only(&["q", "sort", "after", "limit"])?;
    let rows = asked.number("limit", 1, MOST)?.unwrap_or(ROWS);
    let (now, names) = (served.source.clock.now(), served.names());
    let found = search(served, name, &asked, rows as usize, now).await?;
    let plan = found.plan.as_deref();
    let lists = served.source.store.seat_lists(name).await?;
    let lists =
        lists.iter().map(|list| List { seat_type: list.seat_type, read: list.last_read.into() });
    Ok(Seats {
        total: found.seats.total,
        lists: lists.collect(),
        plan: plan.map(|plan| plan.time.into()),
        seats: found.seats.seats.iter().map(|known| seat(known, plan, names, now)).collect(),
        next: found.next,
    })
}

/// A person with their seats, and what happened to them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OnePerson {
    person: Person,
    /// When the plan was made that decisions are of; null while there is none.
    plan: Option<Time>,
    seats: Vec<Held>,
    /// Newest first, at most 200.
    history: Vec<Entry>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Held {
    #[serde(flatten)]
    seat: Seat,
    /// Why the plan keeps it, rule by rule.
    reasons: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    time: Time,
    what: String,
}

pub(super) async fn person(
    served: &Served,
    site: &str,
    person: &str,
    query: Option<&str>,
) -> Result<OnePerson, Failure> {
    served.site(site)?;
    Asked::of(query)?.only(&[])?;
    let (now, names) = (served.source.clock.now(), served.names());
    let known = facts(served, site, person).await?;
    let plan = known.plan.as_deref();
    let seats = known.seats.iter().map(|of| {
        let decided = plan.and_then(|plan| plan.seats.get(&of.seat.id));
        let reasons = decided.map_or_else(Vec::new, |decided| decided.reasons(names));
        Held { seat: seat(of, plan, names, now), reasons }
    });
    Ok(OnePerson {
        person: Person::new(&known.holder, names),
        plan: plan.map(|plan| plan.time.into()),
        seats: seats.collect(),
        history: known
            .history(names)
            .into_iter()
            .map(|(time, what)| Entry { time: time.into(), what })
            .collect(),
    })
}

/// What changed about the seats, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changes {
    changes: Vec<Change>,
    /// `before` of the next page; null on the last one.
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Change {
    time: Time,
    seat_type: SeatType,
    change: ChangeKind,
    /// Null where nobody is known.
    person: Option<Person>,
    /// Who did it, as far as that is known and may be shown.
    by: String,
    /// Whether a seat came back soon after it was released.
    churn: bool,
    /// Whether it is from the first reading of the list.
    initial: bool,
}

pub(super) async fn changes(
    served: &Served,
    name: &str,
    query: Option<&str>,
) -> Result<Changes, Failure> {
    served.site(name)?;
    let asked = Asked::of(query)?;
    asked.only(&["before", "limit"])?;
    let rows = asked.number("limit", 1, MOST)?.unwrap_or(ROWS) as usize;
    let before = changes::place(&asked)?;
    let names = served.names();
    let attempts = served.source.store.attempts(name).await?;
    let (found, next) = changes::newest(served, name, before, rows, &attempts).await?;
    let changes = found.iter().map(|deed| &deed.change).map(|change| Change {
        time: change.time.into(),
        seat_type: change.seat_type,
        change: change.kind,
        person: change.holder.as_ref().map(|holder| Person::new(holder, names)),
        by: one_line(changes::by(&change.by, names).trim_start_matches(" by ")),
        churn: change.is_churn(),
        initial: change.initial,
    });
    Ok(Changes { changes: changes.collect(), next })
}
