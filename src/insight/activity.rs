//! People who were there lately, from the last use that each seat shows.
//!
//! A seat shows its last use only, so this tells who was active up to now, not who was on a day in the
//! past. Somebody with two seats is one person.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use uuid::Uuid;

use super::idle::known;
use crate::license::{Moment, Seat, SeatType};

/// The windows that activity is counted in.
pub const WINDOWS: [u32; 4] = [1, 7, 28, 90];

/// People active within the last so many times 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Active {
    pub last_day: u32,
    pub last_7_days: u32,
    pub last_28_days: u32,
    pub last_90_days: u32,
}

/// Activity of each type, and of all people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub by_type: BTreeMap<SeatType, Active>,
    /// Each person once, whatever they hold.
    pub people: Active,
}

pub fn activity(seats: &[Seat], now: DateTime<Utc>) -> Activity {
    let counted = |seat_type: Option<SeatType>| {
        let of_type = |seat: &&Seat| seat_type.is_none_or(|wanted| seat.seat_type == wanted);
        let [last_day, last_7_days, last_28_days, last_90_days] =
            WINDOWS.map(|days| people(seats.iter().filter(of_type), days, now));
        Active { last_day, last_7_days, last_28_days, last_90_days }
    };
    let types = SeatType::ALL.into_iter();
    let types = types.filter(|wanted| seats.iter().any(|seat| seat.seat_type == *wanted));
    Activity {
        by_type: types.map(|wanted| (wanted, counted(Some(wanted)))).collect(),
        people: counted(None),
    }
}

/// People who used one of the seats within the last so many times 24 hours.
pub fn people<'a>(seats: impl Iterator<Item = &'a Seat>, days: u32, now: DateTime<Utc>) -> u32 {
    let window = TimeDelta::days(days.into());
    let active: HashSet<Uuid> = seats
        .filter(|seat| known(&seat.last_used).is_some_and(|at| now - at < window))
        .filter_map(|seat| Some(seat.holder.as_ref()?.id))
        .collect();
    u32::try_from(active.len()).unwrap_or(u32::MAX)
}

/// People who used a seat for the first time within the last so many times 24 hours, as far as it was
/// seen: a seat that was never used when it was read before, or that was allocated in that time and
/// is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstTime {
    pub last_day: u32,
    pub last_7_days: u32,
    pub last_28_days: u32,
    pub last_90_days: u32,
}

/// When each seat was first used: what was seen of it, else not before it was allocated and not after
/// its last use. `None` of a seat that was never used, or long before anybody looked.
pub fn first_time<'a>(
    first_uses: impl IntoIterator<Item = (&'a Seat, Option<DateTime<Utc>>)>,
    now: DateTime<Utc>,
) -> FirstTime {
    let mut firsts: HashMap<Uuid, DateTime<Utc>> = HashMap::new();
    for (seat, seen) in first_uses {
        let Some(holder) = &seat.holder else { continue };
        // Used and allocated since the same day: its first use lies in between.
        let guess = known(&seat.last_used).and(known(&seat.created));
        let Some(first) = seen.or(guess) else { continue };
        let known = firsts.entry(holder.id).or_insert(first);
        *known = (*known).min(first);
    }
    let [last_day, last_7_days, last_28_days, last_90_days] = WINDOWS.map(|days| {
        let window = TimeDelta::days(days.into());
        let count = firsts.values().filter(|first| now - **first < window).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    });
    FirstTime { last_day, last_7_days, last_28_days, last_90_days }
}

/// A seat that is used now and was not when it was read before: its first use.
pub fn seen_first_use(before: Option<&Seat>, seat: &Seat) -> Option<DateTime<Utc>> {
    let at = known(&seat.last_used)?;
    matches!(before?.last_used, Moment::Never).then_some(at)
}

/// How many people are seen for the first time on a day, by type and (`None`) of all types.
pub type NewOnDay = BTreeMap<(NaiveDate, Option<SeatType>), u32>;

/// Who is active on a day that they were not known to be active on before. A seat shows its last
/// use only: added up over all readings these are the users of each day, as far as anybody looked
/// between two of their days.
pub fn new_on_days<'a>(
    before: impl IntoIterator<Item = &'a Seat>,
    after: &[Seat],
    zone: Tz,
) -> NewOnDay {
    let uses = |seats: &mut dyn Iterator<Item = &Seat>| {
        let mut uses = HashSet::new();
        for seat in seats {
            if let (Some(at), Some(holder)) = (known(&seat.last_used), &seat.holder) {
                let day = at.with_timezone(&zone).date_naive();
                uses.insert((day, Some(seat.seat_type), holder.id));
                uses.insert((day, None, holder.id));
            }
        }
        uses
    };
    let known = uses(&mut before.into_iter());
    let mut new = NewOnDay::new();
    for (day, seat_type, _) in uses(&mut after.iter()).difference(&known) {
        *new.entry((*day, *seat_type)).or_default() += 1;
    }
    new
}

/// The users of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    pub day: NaiveDate,
    pub users: u32,
    /// How often the lists were read on that day; on a day without, users are missing.
    pub readings: u32,
}

/// Users a day, over whole days on which somebody looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PerDay {
    /// Days that count.
    pub days: u32,
    /// Absent without such days.
    pub average: Option<f64>,
    pub maximum: Option<u32>,
    /// When that was.
    pub on: Option<NaiveDate>,
}

/// The first of the last so many days before today.
pub fn per_day_from(today: NaiveDate, last: u32) -> NaiveDate {
    super::days_after(today, -i64::from(last))
}

/// Days from `from` on that are over and on which somebody looked, without the first, which was read in part.
pub fn whole_days(
    days: &[Day],
    from: NaiveDate,
    first_read: NaiveDate,
    today: NaiveDate,
) -> impl Iterator<Item = &Day> {
    let counts =
        move |d: &&Day| d.day >= from && d.day < today && d.day != first_read && d.readings > 0;
    days.iter().filter(counts)
}

/// Of the last so many days before today; those on which nobody looked don't count, nor does the
/// first, which was read in part.
pub fn per_day(days: &[Day], last: u32, first_read: NaiveDate, today: NaiveDate) -> PerDay {
    let from = per_day_from(today, last);
    let counted: Vec<&Day> = whole_days(days, from, first_read, today).collect();
    if counted.is_empty() {
        return PerDay::default();
    }
    let sum: f64 = counted.iter().map(|day| f64::from(day.users)).sum();
    let most = counted.iter().max_by_key(|day| (day.users, std::cmp::Reverse(day.day)));
    PerDay {
        days: u32::try_from(counted.len()).unwrap_or(u32::MAX),
        average: Some(sum / counted.len() as f64),
        maximum: most.map(|day| day.users),
        on: most.map(|day| day.day),
    }
}

#[cfg(test)]
mod tests {
    use super::super::idle::tests::{now, seat};
    use super::*;
    use crate::license::Moment;

    #[test]
    fn a_person_counts_once_however_many_seats_they_use() {
        let mut seats = vec![
            seat(1, SeatType::Professional, 5),
            seat(1, SeatType::Analyzer, 50),
            seat(2, SeatType::Analyzer, 6 * 24),
            seat(3, SeatType::Analyzer, 27 * 24),
            seat(4, SeatType::Analyzer, 28 * 24),
            seat(5, SeatType::Analyzer, 1),
            seat(6, SeatType::Analyzer, 1),
        ];
        seats[5].last_used = Moment::Never;
        seats[6].holder = None;
        let activity = activity(&seats, now());
        let windows = |active: Active| {
            [active.last_day, active.last_7_days, active.last_28_days, active.last_90_days]
        };
        assert_eq!(windows(activity.by_type[&SeatType::Professional]), [1, 1, 1, 1]);
        assert_eq!(windows(activity.by_type[&SeatType::Analyzer]), [0, 2, 3, 4]);
        assert_eq!(windows(activity.people), [1, 2, 3, 4]);
        assert!(!activity.by_type.contains_key(&SeatType::User));
        assert_eq!(windows(super::activity(&[], now()).people), [0; 4]);
    }

    #[test]
    fn a_first_use_is_seen_or_lies_between_allocation_and_last_use() {
        let ago = |days| now() - TimeDelta::days(days);
        let mut seats: Vec<Seat> = (1..=5).map(|user| seat(user, SeatType::Analyzer, 2)).collect();
        // Allocated five days ago and used since; a year ago, and its first use was seen; never used.
        seats[0].created = Moment::At(ago(5));
        seats[2].last_used = Moment::Never;
        let seen = [None, Some(ago(20)), None, None, Some(ago(400))];
        let found = first_time(seats.iter().zip(seen), now());
        let FirstTime { last_day, last_7_days, last_28_days, last_90_days } = found;
        assert_eq!([last_day, last_7_days, last_28_days, last_90_days], [0, 1, 2, 2]);
        // The same person with two seats is there for the first time once.
        seats[1].holder = seats[0].holder.clone();
        assert_eq!(first_time(seats.iter().zip(seen), now()).last_28_days, 1);
        let [unused, used] = [&seats[2], &seats[3]];
        assert_eq!(seen_first_use(Some(unused), used), used.last_used.at());
        assert_eq!(seen_first_use(Some(used), used), None);
        assert_eq!(seen_first_use(None, used), None);
    }

    #[test]
    fn days_on_which_nobody_looked_are_not_empty_days() {
        let day = |n: u32| NaiveDate::from_ymd_opt(2026, 11, n).unwrap();
        let days: Vec<Day> =
            [(1, 9, 1), (10, 50, 2), (11, 4, 1), (12, 2, 0), (13, 8, 24), (14, 1, 3)]
                .map(|(n, users, readings)| Day { day: day(n), users, readings })
                .to_vec();
        // The 10th was the first reading's; of the 12th nobody knows; the 14th is not over.
        let found = per_day(&days, 7, day(10), day(14));
        let expected = PerDay { days: 2, average: Some(6.0), maximum: Some(8), on: Some(day(13)) };
        assert_eq!(found, expected);
        assert_eq!(per_day(&days, 1, day(13), day(14)), PerDay::default());
        assert_eq!(per_day(&days, 28, day(10), day(14)).days, 3);
    }

    #[test]
    fn somebody_new_on_a_day_is_counted_once_for_it() {
        let zone = chrono_tz::Europe::Stockholm;
        let mut before = vec![seat(1, SeatType::Analyzer, 30), seat(2, SeatType::Analyzer, 5)];
        let mut after = before.clone();
        after[0].last_used = Moment::At("2026-11-23T23:30:00Z".parse().unwrap());
        let today = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let found = new_on_days(&before, &after, zone);
        let expected = NewOnDay::from([((today, None), 1), ((today, Some(SeatType::Analyzer)), 1)]);
        assert_eq!(found, expected, "in Stockholm it is the 24th already");
        // Another seat of the same person: new of its type, not of all people.
        before = after.clone();
        after.push(seat(2, SeatType::Professional, 3));
        let found = new_on_days(&before, &after, zone);
        let expected = NewOnDay::from([((today, Some(SeatType::Professional)), 1)]);
        assert_eq!(found, expected);
        assert!(new_on_days(&after, &after, zone).is_empty());
    }
}
