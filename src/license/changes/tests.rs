//! The comparison of two lists: single cases, and what holds for any.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// When the old list was read.
fn then() -> DateTime<Utc> {
    now() - TimeDelta::hours(1)
}

fn holder(user: u128) -> Holder {
    Holder {
        id: Uuid::from_u128(1000 + user),
        directory: "CORP".into(),
        user_id: format!("user{user}").into(),
        name: "".into(),
    }
}

fn seat(seat_type: SeatType, id: u128, user: u128) -> Seat {
    Seat {
        id: Uuid::from_u128(id),
        seat_type,
        holder: Some(holder(user).into()),
        deleted_user: None,
        created: Moment::At(now() - TimeDelta::days(300)),
        last_used: Moment::Never,
        excess: false,
        quarantined: None,
    }
}

fn row(seat: Seat) -> SeatRow {
    let modified = seat.created.clone();
    SeatRow { seat, modified, modified_by: Some(r"CORP\admin".into()) }
}

fn fresh(seat_type: SeatType, id: u128, user: u128) -> SeatRow {
    let created = Moment::At(now() - TimeDelta::minutes(30));
    row(Seat { created, ..seat(seat_type, id, user) })
}

fn compare(seat_type: SeatType, old: &[Seat], new: &[SeatRow], known: &Known) -> Vec<Change> {
    let old = Some(Old { seats: old, read: then() });
    changes(&[Lists { seat_type, old, new }], known, now())
}

const A: SeatType = SeatType::Analyzer;

#[test]
fn who_made_a_row_is_known_until_it_is_touched() {
    let mut new = fresh(A, 1, 1);
    let by =
        |row: &SeatRow| compare(A, &[], std::slice::from_ref(row), &Known::default()).remove(0).by;
    assert_eq!(by(&new), By::Someone { user: r"CORP\admin".into() });
    new.modified = Moment::At(now() - TimeDelta::minutes(10));
    new.modified_by = Some(r"CORP\user1".into());
    assert_eq!(by(&new), By::Unknown);
    new.modified = Moment::Unreadable("soon".into());
    assert_eq!(by(&new), By::Unknown);
}

#[test]
fn a_use_of_the_seat_hides_who_changed_it_and_when() {
    let old = seat(A, 1, 1);
    let mut new = row(Seat { quarantined: Some(Moment::Never), ..old.clone() });
    new.modified = Moment::At(now() - TimeDelta::minutes(5));
    let change = |row: &SeatRow| {
        let change =
            compare(A, std::slice::from_ref(&old), std::slice::from_ref(row), &Known::default());
        change.into_iter().next().unwrap()
    };
    let known = change(&new);
    assert_eq!((known.time_from, known.kind), (TimeFrom::ModifiedDate, ChangeKind::Quarantined));
    assert_eq!(known.by, By::Someone { user: r"CORP\admin".into() });
    new.modified_by = Some(r"corp\USER1".into());
    let hidden = change(&new);
    assert_eq!((hidden.by, hidden.time_from, hidden.time), (By::Unknown, TimeFrom::Noticed, now()));
    // A date of before the last reading is of something else.
    new.modified_by = Some(r"CORP\admin".into());
    new.modified = Moment::At(then() - TimeDelta::days(1));
    assert_eq!(change(&new).by, By::Unknown);
}

#[test]
fn a_user_who_is_gone_from_the_site_was_deleted() {
    let old = [seat(A, 1, 1), seat(A, 2, 2)];
    let known = Known { gone: HashSet::from([holder(1).id]), ..Known::default() };
    let kinds: Vec<_> = compare(A, &old, &[], &known).iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ChangeKind::Released, ChangeKind::UserDeleted]);
    let found = Lists { seat_type: A, old: Some(Old { seats: &old, read: then() }), new: &[] };
    assert_eq!(vanished(&[found]), [holder(1).id, holder(2).id]);
}

#[test]
fn what_bursar_took_is_no_move_and_its_time_is_that_of_the_ledger() {
    let old = [seat(SeatType::Professional, 1, 1)];
    let new = [fresh(A, 2, 1)];
    let lists = |known: &Known| {
        let none = Some(Old { seats: &[], read: then() });
        let professional = Some(Old { seats: &old, read: then() });
        let lists = [
            Lists { seat_type: SeatType::Professional, old: professional, new: &[] },
            Lists { seat_type: A, old: none, new: &new },
        ];
        let changes = changes(&lists, known, now());
        changes.into_iter().map(|c| (c.kind, c.is_by_bursar(), c.time)).collect::<Vec<_>>()
    };
    let half_an_hour_ago = now() - TimeDelta::minutes(30);
    assert_eq!(lists(&Known::default()), [(ChangeKind::Moved, false, half_an_hour_ago)]);
    let time = now() - TimeDelta::minutes(40);
    let action = OwnAction {
        seat_type: SeatType::Professional,
        seat: old[0].id,
        user: holder(1).id,
        restored: false,
        time,
        run: "run".into(),
    };
    let known = Known { own_actions: vec![action], ..Known::default() };
    assert_eq!(
        lists(&known),
        [(ChangeKind::Released, true, time), (ChangeKind::Allocated, false, half_an_hour_ago)]
    );
}

#[test]
fn churn_is_fourteen_days_and_the_same_type() {
    let lost = |seat_type, days| {
        let at = now() - TimeDelta::minutes(30) - TimeDelta::days(days);
        Known { lost: HashMap::from([((seat_type, holder(1).id), at)]), ..Known::default() }
    };
    let is_churn = |known: &Known| compare(A, &[], &[fresh(A, 1, 1)], known)[0].is_churn();
    assert!(is_churn(&lost(A, 0)) && is_churn(&lost(A, 14)));
    assert!(!is_churn(&lost(A, 15)) && !is_churn(&lost(SeatType::Professional, 1)));
    // Both between two readings.
    let both = compare(A, &[seat(A, 9, 1)], &[fresh(A, 1, 1)], &Known::default());
    let told: Vec<_> = both.iter().map(|c| (c.kind, c.is_churn())).collect();
    assert_eq!(told, [(ChangeKind::Allocated, true), (ChangeKind::Released, false)]);
}

#[test]
fn the_first_reading_tells_of_allocations_alone() {
    let old = row(seat(A, 1, 1));
    let quarantined = Seat { quarantined: Some(Moment::Never), ..fresh(A, 2, 2).seat };
    let mut odd = fresh(A, 3, 3);
    odd.seat.created = Moment::Unreadable("yesterday".into());
    let rows = [old, row(quarantined), odd];
    let found = changes(&[Lists { seat_type: A, old: None, new: &rows }], &Known::default(), now());
    let told: Vec<_> = found.iter().map(|c| (c.kind, c.seat, c.initial, c.time_from)).collect();
    let expected = (ChangeKind::Allocated, Uuid::from_u128(2), true, TimeFrom::CreatedDate);
    assert_eq!(told, [expected]);
}

/// Where each seat is, as the changes tell it.
type States = BTreeMap<(SeatType, Uuid), (After, bool)>;

fn states(lists: &BTreeMap<SeatType, Vec<Seat>>) -> States {
    let seats = lists.values().flatten();
    seats.map(|seat| ((seat.seat_type, seat.id), (state(seat), is_deleted(seat)))).collect()
}

fn apply(states: &mut States, changes: &[Change]) {
    for change in changes {
        let mut put = |seat_type, seat, after| {
            let key = (seat_type, seat);
            match after {
                After::Gone => states.remove(&key).map(|_| ()),
                after => {
                    let was = states.get(&key).is_some_and(|(_, deleted)| *deleted);
                    let deleted = was || change.kind == ChangeKind::UserDeleted;
                    states.insert(key, (after, deleted)).map(|_| ())
                }
            }
        };
        if let Some(from) = &change.from {
            put(from.seat_type, from.seat, from.after);
        }
        put(change.seat_type, change.seat, change.after);
    }
}

/// Seats of few users with few ids, so that much happens between two lists.
fn list(seat_type: SeatType) -> impl Strategy<Value = Vec<SeatRow>> {
    let one = (0..8_u128, 0..5_u128, 0..4_u8, 0..90_i64, any::<bool>());
    proptest::collection::vec(one, 0..8).prop_map(move |rows| {
        let mut ids = BTreeSet::new();
        let rows = rows.into_iter().filter(|(id, ..)| ids.insert(*id));
        rows.map(|(id, user, state, minutes, own)| {
            // A seat belongs to one user as long as it is there.
            let user = if state == 3 { user } else { id % 5 };
            let mut seat = seat(seat_type, id + 100 * (seat_type as u128 + 1), user);
            seat.created = Moment::At(now() - TimeDelta::minutes(minutes));
            if state == 1 || state == 2 {
                seat.quarantined = Some(Moment::Never);
            }
            if state == 2 {
                seat.deleted_user = seat.holder.take().map(|holder| holder.account().into());
            }
            let by = if own { r"CORP\user1" } else { r"CORP\admin" };
            SeatRow { modified: seat.created.clone(), seat, modified_by: Some(by.into()) }
        })
        .collect()
    })
}

fn both() -> impl Strategy<Value = BTreeMap<SeatType, Vec<SeatRow>>> {
    (list(SeatType::Professional), list(A))
        .prop_map(|(one, other)| BTreeMap::from([(SeatType::Professional, one), (A, other)]))
}

fn plain_seats(rows: &BTreeMap<SeatType, Vec<SeatRow>>) -> BTreeMap<SeatType, Vec<Seat>> {
    let seats = |rows: &Vec<SeatRow>| rows.iter().map(|row| row.seat.clone()).collect();
    rows.iter().map(|(seat_type, rows)| (*seat_type, seats(rows))).collect()
}

fn difference(
    old: &BTreeMap<SeatType, Vec<Seat>>,
    new: &BTreeMap<SeatType, Vec<SeatRow>>,
) -> Vec<Change> {
    let lists: Vec<_> = new
        .iter()
        .map(|(seat_type, rows)| {
            let old = Some(Old { seats: &old[seat_type], read: then() });
            Lists { seat_type: *seat_type, old, new: rows }
        })
        .collect();
    changes(&lists, &Known::default(), now())
}

proptest! {
    #[test]
    fn the_changes_lead_from_the_old_lists_to_the_new_ones(old in both(), new in both()) {
        let old = plain_seats(&old);
        let changes = difference(&old, &new);
        let mut found = states(&old);
        apply(&mut found, &changes);
        let mut expected = states(&plain_seats(&new));
        // Of a seat that has a user again, "deleted" is not taken back: no change tells of it.
        for (key, state) in &mut expected {
            state.1 |= found.get(key).is_some_and(|found| found.1)
                && states(&old).get(key).is_some_and(|old| old.1);
        }
        prop_assert_eq!(found, expected, "{:#?}", changes);
    }

    #[test]
    fn the_same_lists_have_no_changes(rows in both()) {
        prop_assert_eq!(difference(&plain_seats(&rows), &rows), vec![]);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        old in both(),
        new in both(),
        seed in any::<u64>(),
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (old, mut mixed_old) = (plain_seats(&old), plain_seats(&old));
        let mut mixed = new.clone();
        mixed_old.values_mut().for_each(|seats| rng.shuffle(seats));
        mixed.values_mut().for_each(|rows| rng.shuffle(rows));
        prop_assert_eq!(difference(&old, &new), difference(&mixed_old, &mixed));
    }

    #[test]
    fn a_move_is_neither_a_release_nor_an_allocation(old in both(), new in both()) {
        let changes = difference(&plain_seats(&old), &new);
        for moved in changes.iter().filter(|change| change.kind == ChangeKind::Moved) {
            let from = moved.from.as_ref().unwrap();
            prop_assert_ne!(from.seat_type, moved.seat_type);
            let others = changes.iter().filter(|c| c.kind.is_loss() && c.seat == from.seat);
            prop_assert_eq!(others.count(), 0);
            let user = |change: &&Change| change.holder == moved.holder;
            let gained = changes.iter().filter(user).filter(|c| c.kind == ChangeKind::Allocated);
            prop_assert!(gained.into_iter().all(|c| c.seat != moved.seat));
        }
    }
}
