//! The replay against a history whose answer is known, and against a naive one made day by day.

mod alone;
mod known;
mod oracle;
mod properties;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::license::Moment;
use crate::policy::{Limits, NeverRelease};

const A: SeatType = SeatType::Analyzer;
const P: SeatType = SeatType::Professional;

/// The first day of all histories.
fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// So many days and hours after it.
fn at(days: i64, hours: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(days) + TimeDelta::hours(hours)
}

fn day(days: i64) -> NaiveDate {
    at(days, 0).date_naive()
}

fn span(first: i64, last: i64) -> Span {
    Span { first: day(first), last: day(last) }
}

fn rule(seat_type: SeatType, threshold: u32) -> TypeRule {
    TypeRule {
        release_threshold_days: threshold,
        never_used_grace_days: threshold,
        max_release_percent: 100,
        ..TypeRule::new(seat_type)
    }
}

fn policy(types: &[TypeRule]) -> Policy {
    Policy {
        never_release: NeverRelease::default(),
        types: types.to_vec(),
        judge_per_user: true,
        limits: Limits::default(),
        calendar: Default::default(),
    }
}

fn person(n: u128) -> Holder {
    let user_id: String = format!("user{n}");
    Holder {
        id: Uuid::from_u128(10_000 + n),
        directory: "CORP".into(),
        user_id: user_id.into(),
        name: "".into(),
    }
}

/// Somebody's seat with all its uses, as nobody can know it: what is known follows from it.
#[derive(Debug, Clone)]
struct Truth {
    seat_type: SeatType,
    person: u128,
    created: DateTime<Utc>,
    /// In order.
    uses: Vec<DateTime<Utc>>,
    removed: Option<DateTime<Utc>>,
    /// Bursar took it: the ledger has its last use.
    by_bursar: bool,
}

impl Truth {
    fn new(person: u128, created: i64, uses: &[DateTime<Utc>]) -> Self {
        Self {
            seat_type: A,
            person,
            created: at(created, 9),
            uses: uses.to_vec(),
            removed: None,
            by_bursar: false,
        }
    }

    fn seat(&self) -> Uuid {
        Uuid::from_u128(self.person * 10 + self.seat_type as u128)
    }

    fn ended(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.removed.unwrap_or(now)
    }
}

/// What is known of histories that were read every second from `recorded` on.
fn facts(truth: &[Truth], recorded: DateTime<Utc>) -> Facts {
    let mut facts = Facts { gaps: gaps(truth, recorded).into_iter().collect(), ..Facts::default() };
    for seat_type in [A, P] {
        facts.recorded_from.insert(seat_type, recorded);
    }
    for of in truth {
        let holder = person(of.person);
        let last = of.uses.last();
        match of.removed {
            None => facts.seats.push(Seat {
                id: of.seat(),
                seat_type: of.seat_type,
                holder: Some(holder.into()),
                deleted_user: None,
                created: Moment::At(of.created),
                last_used: last.map_or(Moment::Never, |used| Moment::At(*used)),
                excess: false,
                quarantined: None,
            }),
            Some(removed) => facts.removed.push(Removed {
                seat_type: of.seat_type,
                seat: of.seat(),
                holder,
                allocated: (of.created >= recorded).then_some(of.created),
                removed,
                idle_since: of.by_bursar.then(|| IdleSince {
                    at: last.copied().unwrap_or(of.created),
                    never: last.is_none(),
                }),
            }),
        }
    }
    facts
}

/// The gaps of use that were noted.
fn gaps(truth: &[Truth], recorded: DateTime<Utc>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for of in truth {
        let mut before = (of.created, true);
        for used in &of.uses {
            if *used - before.0 >= TimeDelta::days(14) && *used >= recorded {
                gaps.push(Gap {
                    seat_type: of.seat_type,
                    seat: of.seat(),
                    user: person(of.person).id,
                    from: before.0,
                    to: *used,
                    first_use: before.1,
                    unused_at: *used - TimeDelta::seconds(1),
                });
            }
            before = (*used, false);
        }
    }
    gaps
}

/// The same facts, but of the last gap it is certain up to this time only.
fn unseen_from(facts: &mut Facts, truth: &[Truth], recorded: DateTime<Utc>, time: DateTime<Utc>) {
    let mut all = gaps(truth, recorded);
    all.last_mut().unwrap().unused_at = time;
    facts.gaps = all.into_iter().collect();
}

/// So many free seats on each day.
fn free(facts: &mut Facts, free: u32) {
    for seat_type in [A, P] {
        let days = (-30..1_000).map(|n| (day(n), free)).collect::<BTreeMap<_, _>>();
        facts.free.insert(seat_type, days);
    }
}

fn replay(facts: &Facts, rule: &TypeRule, span: Span, now: DateTime<Utc>) -> Replayed {
    let policy = policy(std::slice::from_ref(rule));
    Timeline::new(facts, &policy, std::slice::from_ref(rule), now).replay(rule, span, true)
}

fn exact<T>(value: T) -> Bounds<T>
where
    T: Copy,
{
    Bounds { at_least: value, at_most: value }
}
