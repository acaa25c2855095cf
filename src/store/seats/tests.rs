//! Readings of the lists, kept and read back.

mod gaps;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::*;
use crate::event::{Body, Event, SeatActivity, count_changes};
use crate::insight::activity;
use crate::license::changes::{Lists, Old, SeatRow, changes};
use crate::license::{ChangeKind, Holder, Moment};
use crate::store::tests::Bench;

const A: SeatType = SeatType::Analyzer;

fn seat(n: u128) -> Seat {
    let holder = Holder {
        id: Uuid::from_u128(1000 + n),
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: "User".into(),
    };
    Seat {
        id: Uuid::from_u128(n),
        seat_type: A,
        holder: Some(holder.into()),
        deleted_user: None,
        created: Moment::At("2024-03-01T08:00:00.123Z".parse().unwrap()),
        last_used: Moment::Never,
        excess: false,
        quarantined: None,
    }
}

/// A reading at this time, compared with what the store knows.
async fn reading(t: &Bench, time: DateTime<Utc>, seats: Vec<Seat>) -> SeatReading {
    let known = t.store.seats("a").await.unwrap();
    let before = known.to_vec();
    let old = known.list(A).map(|list| Old { seats: &before, read: list.last_read });
    let row =
        |seat: &Seat| SeatRow { seat: seat.clone(), modified: Moment::Never, modified_by: None };
    let rows: Vec<_> = seats.iter().map(row).collect();
    let found = t.store.known_of_seats("a", time, time).await.unwrap();
    SeatReading {
        time,
        changes: changes(&[Lists { seat_type: A, old, new: &rows }], &found, time),
        new_on_days: activity::new_on_days(&before, &seats, Tz::UTC),
        lists: vec![(A, seats)],
        people: Vec::new(),
        zone: Tz::UTC,
        keep_changes_days: 30,
    }
}

fn told(time: DateTime<Utc>) -> Vec<(Event, Vec<String>)> {
    let event = Event::new("a", time, Body::SeatActivity(SeatActivity::default()));
    vec![(event, vec!["x".to_owned()])]
}

#[tokio::test]
async fn every_kind_of_seat_is_given_back_as_it_was() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let mut odd = seat(2);
    odd.holder = None;
    odd.deleted_user = Some(r"CORP\gone".into());
    odd.created = Moment::Unreadable("yesterday".into());
    odd.quarantined = Some(Moment::At(now + TimeDelta::days(3)));
    odd.excess = true;
    let mut blank = seat(3);
    blank.quarantined = Some(Moment::Never);
    blank.last_used = Moment::At(now);
    let seats = vec![seat(1), odd, blank];
    let reading = reading(&t, now, seats.clone()).await;
    t.store.keep_seats("a", reading, told(now)).await.unwrap();
    let known = t.store.seats("a").await.unwrap();
    assert_eq!(known.to_vec(), seats);
    assert_eq!(known.lists[0].first_read, now);
    assert!(known.seats().all(|known| known.first_seen == now));
    assert!(t.store.seats("b").await.unwrap().lists.is_empty());
}

/// A kill in the middle leaves neither the list nor the events: the next reading finds the same.
#[tokio::test]
async fn a_reading_and_its_events_are_kept_together_or_not_at_all() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let first = reading(&t, now, vec![seat(1), seat(2)]).await;
    t.store.keep_seats("a", first, told(now)).await.unwrap();
    let later = now + TimeDelta::hours(1);
    let second = reading(&t, later, vec![seat(1)]).await;
    assert_eq!(second.changes.len(), 1);
    let before = t.store.seats("a").await.unwrap();
    let broken = told(later);
    t.store.shared.gate.writes_left.store(0, std::sync::atomic::Ordering::SeqCst);
    t.store.keep_seats("a", second.clone(), broken).await.unwrap_err();
    t.store.shared.gate.writes_left.store(usize::MAX, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(t.store.seats("a").await.unwrap(), before);
    assert_eq!((t.rows("seat_change"), t.rows("event")), (0, 1));
    assert_eq!(reading(&t, later, vec![seat(1)]).await.changes, second.changes);
    t.store.keep_seats("a", second, told(later)).await.unwrap();
    assert_eq!((t.rows("seat_change"), t.rows("event"), t.rows("seat")), (1, 2, 1));
    let third = reading(&t, later + TimeDelta::hours(1), vec![seat(1)]).await;
    assert_eq!(third.changes, []);
}

#[tokio::test]
async fn changes_are_kept_for_as_long_as_the_settings_say() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    for (days, seats) in [(0, vec![seat(1)]), (1, vec![]), (31, vec![])] {
        let time = now + TimeDelta::days(days);
        let reading = reading(&t, time, seats).await;
        t.store.keep_seats("a", reading, told(time)).await.unwrap();
        assert_eq!(t.rows("seat_change"), i64::from(days > 0), "{days}");
    }
    let time = now + TimeDelta::days(32);
    let reading = reading(&t, time, vec![]).await;
    t.store.keep_seats("a", reading, told(time)).await.unwrap();
    assert_eq!(t.rows("seat_change"), 0);
}

#[tokio::test]
async fn a_first_use_is_noted_when_it_is_seen_and_stays() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let first = reading(&t, now, vec![seat(1)]).await;
    t.store.keep_seats("a", first, told(now)).await.unwrap();
    let mut used = seat(1);
    for hours in [2, 50] {
        let time = now + TimeDelta::hours(hours);
        used.last_used = Moment::At(time - TimeDelta::hours(1));
        let reading = reading(&t, time, vec![used.clone()]).await;
        t.store.keep_seats("a", reading, told(time)).await.unwrap();
        let known = t.store.seats("a").await.unwrap();
        assert_eq!(known.lists[0].seats[0].first_used, Some(now + TimeDelta::hours(1)));
    }
    let counts =
        count_changes(&t.store.seat_changes("a", now, now + TimeDelta::days(9)).await.unwrap());
    assert!(counts.iter().all(|counted| counted.kind != ChangeKind::Allocated));
}

#[tokio::test]
async fn users_and_readings_of_a_day_add_up() {
    let t = Bench::new(100).await;
    let noon = t.store_now().date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc();
    let used = |n, at| Seat { last_used: Moment::At(at), ..seat(n) };
    let first = reading(&t, noon, vec![used(1, noon - TimeDelta::hours(1)), seat(2)]).await;
    t.store.keep_seats("a", first, told(noon)).await.unwrap();
    // The same person again, and another one.
    let later = noon + TimeDelta::hours(1);
    let seats = vec![used(1, later - TimeDelta::minutes(5)), used(2, later)];
    let second = reading(&t, later, seats).await;
    t.store.keep_seats("a", second, told(later)).await.unwrap();
    for seat_type in [Some(A), None] {
        let days = t.store.seat_days("a", seat_type, noon.date_naive()).await.unwrap();
        let [day] = days[..] else { panic!("{days:?}") };
        assert_eq!((day.day, day.users, day.readings), (noon.date_naive(), 2, 2), "{seat_type:?}");
    }
}

/// Of 25,000 seats, which are written in three parts.
fn many() -> Vec<Seat> {
    (1..=25_000).map(seat).collect()
}

#[tokio::test]
async fn a_first_list_that_is_not_kept_to_its_end_is_none() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    for parts in 0..4 {
        let first = reading(&t, now, many()).await;
        t.store.fail_writes(parts, usize::MAX);
        t.store.keep_seats("a", first, told(now)).await.unwrap_err();
        assert!(!t.store.writes_fail_no_more(), "part {parts} failed");
        assert_eq!(t.rows("seat"), (parts * difference::PART).min(25_000) as i64, "{parts}");
        assert_eq!(t.store.seats("a").await.unwrap(), Seats::default(), "{parts}");
        assert_eq!((t.rows("event"), t.rows("seat_change")), (0, 0));
    }
    // What is left of it is no seat of the next reading, and counts as seen for the first time.
    let later = now + TimeDelta::hours(1);
    let second = reading(&t, later, vec![seat(1), seat(30_000)]).await;
    t.store.keep_seats("a", second, told(later)).await.unwrap();
    let known = t.store.seats("a").await.unwrap();
    assert_eq!(known.to_vec(), [seat(1), seat(30_000)]);
    assert!(known.seats().all(|known| known.first_seen == later));
}

/// Nobody waits for a whole list, and nobody sees a part of one.
#[tokio::test]
async fn others_use_the_store_while_a_list_is_kept() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let mut seats = many();
    for (hours, parts) in [(0, 8), (1, 5)] {
        let time = now + TimeDelta::hours(hours);
        seats[0].last_used = Moment::At(time);
        let known = t.store.seats("a").await.unwrap().to_vec();
        let next = reading(&t, time, seats.clone()).await;
        let store = t.store.clone();
        let keeping = tokio::spawn(async move { store.keep_seats("a", next, told(time)).await });
        let mut between = 0;
        while !keeping.is_finished() {
            let seen = t.store.seats("a").await.unwrap().to_vec();
            assert!(seen == known || seen == seats, "{} of {} seats", seen.len(), seats.len());
            between += 1;
        }
        keeping.await.unwrap().unwrap();
        assert!(between >= 1);
        let store = t.store.clone();
        let again = reading(&t, time, seats.clone()).await;
        let keeping = tokio::spawn(async move { store.keep_seats("a", again, told(time)).await });
        let mut turns = 0;
        while !keeping.is_finished() {
            t.store.health().await.unwrap();
            turns += 1;
        }
        keeping.await.unwrap().unwrap();
        assert!(turns >= parts.min(5), "{turns} turns for others");
    }
    assert_eq!(t.store.seats("a").await.unwrap().to_vec(), seats);
}

#[tokio::test]
async fn users_without_a_seat_are_forgotten_in_parts() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let person = |n: u128| crate::license::Person {
        id: Uuid::from_u128(1000 + n),
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: "User".into(),
        roles: None,
        groups: None,
        tags: Vec::new(),
        properties: Vec::new(),
        inactive: false,
        blocked: false,
        removed_externally: false,
    };
    let mut first = reading(&t, now, many()).await;
    first.people = (1..=25_000).map(person).collect();
    t.store.keep_seats("a", first, told(now)).await.unwrap();
    assert_eq!(t.rows("seat_person"), 25_000);
    let later = now + TimeDelta::hours(1);
    let second = reading(&t, later, vec![seat(7), seat(24_999)]).await;
    t.store.keep_seats("a", second, told(later)).await.unwrap();
    assert_eq!((t.rows("seat"), t.rows("seat_person")), (2, 2));
}
