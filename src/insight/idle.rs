//! Who uses their seat, and who doesn't: from the list of seats and the time of the question.
//!
//! A day is 24 hours here, as for the rules of release. A time that can't be read is counted as
//! unknown, never as idle and never as used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::license::{Holder, Moment, Seat, SeatType};

/// The thresholds that reclaimable seats are shown for, whatever is configured.
pub const THRESHOLDS: [u32; 3] = [30, 60, 90];

/// Seats by days since their last use. Those in quarantine are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    #[serde(rename = "0-7")]
    pub days_0_7: u32,
    #[serde(rename = "8-30")]
    pub days_8_30: u32,
    #[serde(rename = "31-60")]
    pub days_31_60: u32,
    #[serde(rename = "61-90")]
    pub days_61_90: u32,
    #[serde(rename = "over90")]
    pub over_90: u32,
    pub never_used: u32,
    /// The last use can't be read.
    pub unknown: u32,
}

impl Idle {
    pub fn total(&self) -> u32 {
        self.days_0_7
            + self.days_8_30
            + self.days_31_60
            + self.days_61_90
            + self.over_90
            + self.never_used
            + self.unknown
    }

    fn count(&mut self, seat: &Seat, now: DateTime<Utc>) {
        let bucket = match (&seat.last_used, known(&seat.last_used)) {
            (Moment::Unreadable(_), _) => &mut self.unknown,
            (_, None) => &mut self.never_used,
            (_, Some(at)) => match (now - at).num_days() {
                ..=7 => &mut self.days_0_7,
                8..=30 => &mut self.days_8_30,
                31..=60 => &mut self.days_31_60,
                61..=90 => &mut self.days_61_90,
                91.. => &mut self.over_90,
            },
        };
        *bucket += 1;
    }
}

/// How the seats of a type are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// All of them, those in quarantine too.
    pub seats: u32,
    pub quarantined: u32,
    /// Allocated above what the license has.
    pub excess: u32,
    /// Whose user is deleted.
    pub without_user: u32,
    pub idle: Idle,
    pub reclaimable: Reclaimable,
}

/// Seats that are idle for so long that they could be released, before the rules that keep some
/// (exclusions, announcements, caps) are asked: the plan of a release has the last word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reclaimable {
    pub after_30_days: u32,
    pub after_60_days: u32,
    pub after_90_days: u32,
}

/// The usage of each type that has seats.
pub fn usage(seats: &[Seat], now: DateTime<Utc>) -> BTreeMap<SeatType, Usage> {
    grouped(seats, now, |seat| Some(seat.seat_type))
}

/// Usage by whatever a seat belongs to, such as the department of its user; seats of nothing are left
/// out.
pub fn grouped<K: Ord>(
    seats: &[Seat],
    now: DateTime<Utc>,
    group: impl Fn(&Seat) -> Option<K>,
) -> BTreeMap<K, Usage> {
    let mut groups: BTreeMap<K, Usage> = BTreeMap::new();
    for seat in seats {
        let Some(key) = group(seat) else { continue };
        let usage = groups.entry(key).or_default();
        usage.seats += 1;
        usage.excess += u32::from(seat.excess);
        usage.without_user += u32::from(seat.holder.is_none());
        if seat.quarantined.is_some() {
            usage.quarantined += 1;
            continue;
        }
        usage.idle.count(seat, now);
        let [days_30, days_60, days_90] =
            THRESHOLDS.map(|days| u32::from(is_reclaimable(seat, days, now)));
        usage.reclaimable.after_30_days += days_30;
        usage.reclaimable.after_60_days += days_60;
        usage.reclaimable.after_90_days += days_90;
    }
    groups
}

/// Idle for so many times 24 hours since its last use or its allocation, whichever is later; held by a
/// user, not one of the site itself; not in quarantine; both dates can be read.
pub fn is_reclaimable(seat: &Seat, days: u32, now: DateTime<Utc>) -> bool {
    Use::of(seat).idle_days(now).is_some_and(|idle| idle >= i64::from(days))
}

/// What of a seat tells how it is used.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// Of its holder.
    pub directory: Option<&'a str>,
    pub quarantined: bool,
    pub created: &'a Moment,
    pub last_used: &'a Moment,
}

impl<'a> Use<'a> {
    pub fn of(seat: &'a Seat) -> Self {
        Self {
            directory: seat.holder.as_ref().map(|holder| &*holder.directory),
            quarantined: seat.quarantined.is_some(),
            created: &seat.created,
            last_used: &seat.last_used,
        }
    }

    /// Its last use or its allocation, whichever is later.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        known(self.last_used).max(known(self.created))
    }

    /// The same, where that says since when somebody lets their seat lie: held by a user, not one of the site
    /// itself; not in quarantine; both dates can be read.
    pub fn idle_since(&self) -> Option<DateTime<Utc>> {
        let unreadable = |moment: &Moment| matches!(moment, Moment::Unreadable(_));
        let directory = self.directory?;
        if self.quarantined
            || directory.eq_ignore_ascii_case("INTERNAL")
            || unreadable(self.created)
            || unreadable(self.last_used)
        {
            return None;
        }
        self.since()
    }

    /// Times 24 hours since then.
    pub fn idle_days(&self, now: DateTime<Utc>) -> Option<i64> {
        Some((now - self.idle_since()?).num_days())
    }

    /// Not in quarantine, and never used so far: what [`Idle::never_used`] counts.
    pub fn is_never_used(&self) -> bool {
        let unreadable = matches!(self.last_used, Moment::Unreadable(_));
        !self.quarantined && !unreadable && known(self.last_used).is_none()
    }
}

/// Somebody who holds seats of several types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TwoSeats {
    pub holder: Holder,
    pub seats: Vec<SeatType>,
}

/// People with more than one seat, in the order of their accounts. Seats in quarantine don't count.
pub fn two_seats(seats: &[Seat]) -> Vec<TwoSeats> {
    let mut people: HashMap<Uuid, (&Holder, BTreeSet<SeatType>)> = HashMap::new();
    for seat in seats.iter().filter(|seat| seat.quarantined.is_none()) {
        if let Some(holder) = &seat.holder {
            people.entry(holder.id).or_insert((holder, BTreeSet::new())).1.insert(seat.seat_type);
        }
    }
    let mut found: Vec<TwoSeats> = people
        .into_values()
        .filter(|(_, types)| types.len() > 1)
        .map(|(holder, types)| TwoSeats {
            holder: holder.clone(),
            seats: types.into_iter().collect(),
        })
        .collect();
    found.sort_by_cached_key(|person| (person.holder.account().to_lowercase(), person.holder.id));
    found
}

/// The time of a moment; the year 1753 and before are "never".
pub(super) fn known(moment: &Moment) -> Option<DateTime<Utc>> {
    moment.at().filter(|at| at.year() > 1753)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;

    use super::*;

    pub(in super::super) fn now() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    /// A seat of a user with a number, last used so many hours ago, allocated a year ago.
    pub(in super::super) fn seat(user: u128, seat_type: SeatType, hours: i64) -> Seat {
        let ago = |delta: TimeDelta| Moment::At(now() - delta);
        Seat {
            id: Uuid::from_u128(user * 10 + seat_type as u128),
            seat_type,
            holder: Some(Arc::new(Holder {
                id: Uuid::from_u128(user),
                directory: if user.is_multiple_of(2) { "CORP" } else { "corp" }.into(),
                user_id: format!("user{user}").into(),
                name: "".into(),
            })),
            deleted_user: None,
            created: ago(TimeDelta::days(365)),
            last_used: ago(TimeDelta::hours(hours)),
            excess: false,
            quarantined: None,
        }
    }

    fn one(seat: &Seat) -> Idle {
        usage(std::slice::from_ref(seat), now())[&seat.seat_type].idle
    }

    #[test]
    fn every_day_has_its_bucket() {
        let by_days = |days: i64, hours: i64| {
            let idle = one(&seat(1, SeatType::Analyzer, days * 24 + hours));
            assert_eq!(idle.total(), 1);
            let Idle { days_0_7, days_8_30, days_31_60, days_61_90, over_90, .. } = idle;
            [days_0_7, days_8_30, days_31_60, days_61_90, over_90]
                .iter()
                .position(|count| *count == 1)
        };
        let edges =
            [(0, 0), (7, 23), (8, 0), (30, 23), (31, 0), (60, 23), (61, 0), (90, 23), (91, 0)];
        let found = edges.map(|(days, hours)| by_days(days, hours).unwrap());
        assert_eq!(found, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
        // A clock that is behind.
        assert_eq!(by_days(-2, 0), Some(0));
    }

    #[test]
    fn never_is_not_unknown_and_neither_is_idle() {
        let mut unused = seat(1, SeatType::Analyzer, 0);
        unused.last_used = Moment::Never;
        assert_eq!(one(&unused).never_used, 1);
        unused.last_used = Moment::At("1753-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(one(&unused).never_used, 1);
        // Never used and allocated a year ago can go; allocated a week ago can't.
        assert!(is_reclaimable(&unused, 90, now()));
        unused.created = Moment::At(now() - TimeDelta::days(7));
        assert!(!is_reclaimable(&unused, 30, now()));
        unused.last_used = Moment::Unreadable("soon".into());
        assert_eq!((one(&unused).unknown, one(&unused).never_used), (1, 0));
        unused.created = Moment::At(now() - TimeDelta::days(365));
        assert!(!is_reclaimable(&unused, 30, now()));
    }

    #[test]
    fn reclaimable_is_at_least_so_many_days() {
        let idle = |hours| seat(1, SeatType::Professional, hours);
        assert!(!is_reclaimable(&idle(30 * 24 - 1), 30, now()));
        assert!(is_reclaimable(&idle(30 * 24), 30, now()));
        assert!(!is_reclaimable(&idle(30 * 24), 60, now()));
        let mut internal = idle(5_000);
        if let Some(holder) = &mut internal.holder {
            Arc::make_mut(holder).directory = "internal".into();
        }
        assert!(!is_reclaimable(&internal, 30, now()));
        let mut gone = idle(5_000);
        gone.holder = None;
        assert!(!is_reclaimable(&gone, 30, now()));
        let mut quarantined = idle(5_000);
        quarantined.quarantined = Some(Moment::Never);
        assert!(!is_reclaimable(&quarantined, 30, now()));
    }

    #[test]
    fn a_type_is_the_sum_of_its_seats() {
        let mut seats = vec![
            seat(1, SeatType::Analyzer, 10),
            seat(2, SeatType::Analyzer, 70 * 24),
            seat(3, SeatType::Analyzer, 200 * 24),
            seat(4, SeatType::Professional, 1),
        ];
        seats[1].excess = true;
        let mut quarantined = seat(5, SeatType::Analyzer, 400 * 24);
        quarantined.quarantined = Some(Moment::Never);
        let mut deleted = seat(6, SeatType::Analyzer, 400 * 24);
        deleted.holder = None;
        seats.extend([quarantined, deleted]);
        let usage = usage(&seats, now());
        let analyzer = usage[&SeatType::Analyzer];
        assert_eq!(usage[&SeatType::Professional].seats, 1);
        assert_eq!(
            (analyzer.seats, analyzer.quarantined, analyzer.excess, analyzer.without_user),
            (5, 1, 1, 1)
        );
        assert_eq!(analyzer.idle.total() + analyzer.quarantined, analyzer.seats);
        assert_eq!((analyzer.idle.days_61_90, analyzer.idle.over_90), (1, 2));
        let Reclaimable { after_30_days, after_60_days, after_90_days } = analyzer.reclaimable;
        assert_eq!((after_30_days, after_60_days, after_90_days), (2, 2, 1));
    }

    #[test]
    fn two_seats_are_two_types() {
        let mut seats = vec![
            seat(2, SeatType::Professional, 1),
            seat(2, SeatType::Analyzer, 1),
            seat(1, SeatType::Analyzer, 1),
            seat(1, SeatType::Professional, 1),
            seat(3, SeatType::Analyzer, 1),
            seat(4, SeatType::Analyzer, 1),
            seat(4, SeatType::Professional, 1),
        ];
        seats[5].quarantined = Some(Moment::Never);
        let found = two_seats(&seats);
        let names: Vec<&str> = found.iter().map(|two| &*two.holder.user_id).collect();
        assert_eq!(names, ["user1", "user2"]);
        assert_eq!(found[0].seats, [SeatType::Professional, SeatType::Analyzer]);
    }
}
