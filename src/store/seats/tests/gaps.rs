//! Gaps of use.

use super::*;
use crate::store::IdleGap;
use crate::store::seats::difference::PART;

/// Keeps a reading of these seats.
async fn keep(t: &Bench, time: DateTime<Utc>, seats: Vec<Seat>) {
    let reading = reading(t, time, seats).await;
    t.store.keep_seats("a", reading, told(time)).await.unwrap();
}

async fn gaps(t: &Bench) -> Vec<IdleGap> {
    let (from, to) = (DateTime::UNIX_EPOCH, t.store_now() + TimeDelta::days(10_000));
    t.store.idle_gaps("a", from, to).await.unwrap()
}

fn used(n: u128, at: DateTime<Utc>) -> Seat {
    Seat { last_used: Moment::At(at), ..seat(n) }
}

#[tokio::test]
async fn a_use_after_fourteen_days_or_more_is_kept_once() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let before = now - TimeDelta::days(14);
    keep(
        &t,
        now,
        vec![used(1, before), used(2, before + TimeDelta::milliseconds(1)), used(3, now)],
    )
    .await;
    assert_eq!(gaps(&t).await, []);
    let later = now + TimeDelta::minutes(5);
    for time in [later, later + TimeDelta::hours(1), later] {
        keep(&t, time, vec![used(1, now), used(2, now), used(3, later)]).await;
        let gap = IdleGap {
            seat_type: A,
            seat: Uuid::from_u128(1),
            user: Uuid::from_u128(1001),
            from: before,
            to: now,
            first_use: false,
            unused_at: now,
        };
        assert_eq!(gaps(&t).await, [gap]);
    }
}

/// Nobody looked for a month: certain is only what the last reading before showed.
#[tokio::test]
async fn a_gap_says_up_to_when_somebody_looked() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let used_before = now - TimeDelta::days(3);
    keep(&t, now, vec![used(1, used_before)]).await;
    let later = now + TimeDelta::days(30);
    keep(&t, later, vec![used(1, later)]).await;
    let [gap] = &gaps(&t).await[..] else { panic!() };
    assert_eq!((gap.from, gap.to, gap.unused_at), (used_before, later, now));
}

#[tokio::test]
async fn a_first_use_counts_from_the_allocation() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let created = |n, days| Seat { created: Moment::At(now - TimeDelta::days(days)), ..seat(n) };
    let unreadable = Seat { created: Moment::Unreadable("soon".into()), ..seat(3) };
    let seats = vec![created(1, 40), created(2, 13), unreadable];
    keep(&t, now, seats.clone()).await;
    let later = now + TimeDelta::hours(1);
    let used = |seat: &Seat| Seat { last_used: Moment::At(later), ..seat.clone() };
    keep(&t, later, seats.iter().map(used).collect()).await;
    let [gap] = &gaps(&t).await[..] else { panic!() };
    assert_eq!((gap.from, gap.first_use), (now - TimeDelta::days(40), true));
    assert_eq!((gap.to, gap.unused_at), (later, now));
}

#[tokio::test]
async fn what_is_not_certain_is_no_gap() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let long_ago = now - TimeDelta::days(50);
    let odd = |n| Seat { last_used: Moment::Unreadable("x".into()), ..seat(n) };
    let nobody = |seat: Seat| Seat { holder: None, ..seat };
    let before =
        vec![used(1, long_ago), odd(2), used(3, long_ago), nobody(used(4, long_ago)), used(5, now)];
    keep(&t, now, before).await;
    let later = now + TimeDelta::hours(1);
    let somebody_else = Seat { holder: seat(9).holder, ..used(1, later) };
    let after = vec![
        somebody_else,
        used(2, later),
        used(3, later + TimeDelta::days(1)),
        used(4, later),
        used(5, long_ago),
        // Not in the list before.
        used(6, later),
    ];
    keep(&t, later, after).await;
    assert_eq!(gaps(&t).await, []);
}

#[tokio::test]
async fn gaps_are_kept_as_long_as_changes_and_found_by_site_and_time() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    keep(&t, now, vec![used(1, now - TimeDelta::days(20))]).await;
    keep(&t, now + TimeDelta::hours(1), vec![used(1, now)]).await;
    let find = async |site: &str, from, to| t.store.idle_gaps(site, from, to).await.unwrap().len();
    let hour = TimeDelta::hours(1);
    assert_eq!(find("a", now, now + hour).await, 1);
    assert_eq!(find("a", now - hour, now).await, 0);
    assert_eq!(find("b", now, now + hour).await, 0);
    for (days, left) in [(30, 1), (31, 0)] {
        keep(&t, now + TimeDelta::days(days), vec![used(1, now)]).await;
        assert_eq!(gaps(&t).await.len(), left, "{days}");
    }
    let plan: String = t
        .other()
        .query_row(
            "EXPLAIN QUERY PLAN SELECT * FROM seat_gap WHERE site = 'a' AND until >= 1 AND until < 2",
            [],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.starts_with("SEARCH seat_gap USING PRIMARY KEY (site=? AND until>?"), "{plan}");
}

/// In parts, also where many ended at the same moment; what is made up is read like the rest.
#[tokio::test]
async fn all_gaps_are_read_in_parts_each_once() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let gap = |n: usize| IdleGap {
        seat_type: if n.is_multiple_of(2) { A } else { SeatType::Professional },
        seat: Uuid::from_u128(n as u128),
        user: Uuid::from_u128(1),
        from: now - TimeDelta::days(30),
        to: now + TimeDelta::seconds(n as i64 / (PART as i64 * 2)),
        first_use: false,
        unused_at: now,
    };
    let mut all: Vec<IdleGap> = (0..2 * PART + 7).map(gap).collect();
    let past = |gaps| SeatsPast { gaps, ..SeatsPast::default() };
    t.store.keep_seats_past("a", past(all.clone())).await.unwrap();
    t.store.keep_seats_past("b", past(vec![gap(1)])).await.unwrap();
    let range = (now, now + TimeDelta::hours(1));
    let (mut read, mut last) = (Vec::new(), None);
    loop {
        let part = t.store.next_idle_gaps("a", range, last).await.unwrap();
        assert!(part.len() <= PART);
        let Some(end) = part.last() else { break };
        last = Some(*end);
        read.extend(part);
    }
    all.sort_by_key(|gap| (gap.to, gap.seat_type.as_str(), gap.seat.to_string()));
    assert_eq!(read.len(), all.len());
    assert!(read == all);
    let none = t.store.next_idle_gaps("a", (now - TimeDelta::hours(1), now), None).await.unwrap();
    assert_eq!(none, []);
}

#[tokio::test]
async fn all_changes_are_read_in_parts_each_once() {
    let t = Bench::new(100).await;
    let now = t.store_now();
    let created = Moment::At(now - TimeDelta::days(3));
    let seats = (0..PART as u128 + 5).map(|n| Seat { created: created.clone(), ..seat(n) });
    keep(&t, now, seats.collect()).await;
    let range = (now - TimeDelta::days(5), now);
    let first = t.store.next_seat_changes("a", range, None).await.unwrap();
    assert_eq!(first.len(), PART);
    let (number, last) = first.last().unwrap();
    let rest = t.store.next_seat_changes("a", range, Some((last.time, *number))).await.unwrap();
    let all: Vec<_> = first.iter().chain(&rest).map(|(_, change)| change.clone()).collect();
    assert!(all == t.store.seat_changes("a", range.0, range.1).await.unwrap());
}
