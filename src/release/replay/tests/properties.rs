//! Random histories.

use proptest::prelude::*;

use super::oracle::{Answer, answer};
use super::*;

pub(super) const DAYS: i64 = 300;

/// Uses as hours after the allocation, never at midnight.
fn seat_of(seat_type: SeatType, person: u128) -> impl Strategy<Value = Truth> {
    let pauses = prop::collection::vec(prop_oneof![3 => 1_i64..240, 2 => 240_i64..2_400], 0..12);
    let removed = prop::option::weighted(0.3, (1_i64..3_000, any::<bool>()));
    (-60_i64..200, pauses, removed).prop_map(move |(created, pauses, removed)| {
        let (mut time, mut uses) = (at(created, 0) + TimeDelta::minutes(90), Vec::new());
        let created = time;
        for pause in pauses {
            time += TimeDelta::hours(pause);
            uses.push(time);
        }
        let now = at(DAYS, 12);
        uses.retain(|used| *used <= now);
        let last = uses.last().copied().unwrap_or(created);
        let removed = removed.map(|(hours, own)| (last + TimeDelta::hours(hours), own));
        let removed = removed.filter(|(removed, _)| *removed <= now);
        Truth {
            seat_type,
            person,
            created,
            uses,
            removed: removed.map(|(removed, _)| removed),
            by_bursar: removed.is_some_and(|(_, own)| own),
        }
    })
}

/// People, some with seats of two types.
pub(super) fn people() -> impl Strategy<Value = Vec<Truth>> {
    let two = |person| {
        let other = prop::option::weighted(0.3, seat_of(P, person));
        (seat_of(A, person), other).prop_map(|(one, other)| {
            let all: Vec<Truth> = std::iter::once(one).chain(other).collect();
            all
        })
    };
    let all: Vec<_> = (0..8_u128).map(two).collect();
    all.prop_map(|all| all.concat())
}

pub(super) fn rules() -> impl Strategy<Value = TypeRule> {
    let limits = (
        prop::option::weighted(0.4, 0_u32..4),
        prop::option::weighted(0.4, 0_u32..12),
        prop_oneof![3 => Just(0_u32), 1 => 1_u32..20],
    );
    (14_u32..70, 14_u32..70, 0_u32..40, limits).prop_map(
        |(threshold, never_used, again, (max_releases, keep_free, grace_days))| TypeRule {
            never_used_grace_days: never_used,
            reallocated_grace_days: again,
            max_releases,
            keep_free,
            grace_days,
            ..rule(A, threshold)
        },
    )
}

/// Nothing but the threshold decides.
fn without_limits(rule: &TypeRule) -> TypeRule {
    TypeRule {
        max_releases: None,
        keep_free: None,
        grace_days: 0,
        reallocated_grace_days: 0,
        ..rule.clone()
    }
}

fn back(replayed: &Replayed) -> [Bounds<u64>; 4] {
    let back = replayed.came_back;
    [back.within_14_days, back.within_30_days, back.within_90_days, back.so_far]
}

fn assert_exact(replayed: &Replayed, answer: &Answer) {
    for (n, day) in replayed.days.iter().enumerate() {
        let said = (day.released, day.came_back, day.out, day.exact);
        let truth =
            (exact(answer.released[n]), exact(answer.came_back[n]), exact(answer.out[n]), true);
        assert_eq!(said, truth, "{}", day.day);
    }
    assert_eq!(back(replayed), answer.back.map(exact));
    let all: u64 = answer.released.iter().map(|n| u64::from(*n)).sum();
    assert_eq!(replayed.released, exact(all));
}

fn holds<T: Ord + Copy + std::fmt::Debug>(bounds: Bounds<T>, truth: T, what: &str) {
    assert!(bounds.at_least <= truth && truth <= bounds.at_most, "{what}: {truth:?} in {bounds:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Every gap is recorded, of every seat that is gone its last use is known, and nobody has two.
    #[test]
    fn a_known_past_is_replayed_exactly(mut all in people(), rule in rules(), first in 0_i64..120) {
        all.retain(|of| of.seat_type == A);
        for of in &mut all {
            of.by_bursar = true;
            // When within its first 14 days a seat was used first, nobody knows.
            let first = of.uses.first().copied().unwrap_or(of.created);
            if first - of.created < TimeDelta::days(14) && !of.uses.is_empty() {
                of.created = first - TimeDelta::days(200);
            }
        }
        let (now, free_seats) = (at(DAYS, 12), 3);
        let mut facts = facts(&all, at(-1_000, 0));
        free(&mut facts, free_seats);
        let replayed = replay(&facts, &rule, span(first, DAYS), now);
        assert_exact(&replayed, &answer(&all, &rule, (first, DAYS), free_seats, now));
    }

    #[test]
    fn what_is_not_known_lies_within_the_bounds(
        all in people(), rule in rules(), first in 0_i64..120, recorded in 0_i64..DAYS,
    ) {
        let rule = without_limits(&rule);
        let now = at(DAYS, 12);
        let facts = facts(&all, at(recorded, 0));
        let replayed = replay(&facts, &rule, span(first, DAYS), now);
        let truth = answer(&all, &rule, (first, DAYS), 0, now);
        for (n, day) in replayed.days.iter().enumerate() {
            holds(day.released, truth.released[n], &format!("released on {}", day.day));
            holds(day.came_back, truth.came_back[n], &format!("came back on {}", day.day));
            holds(day.out, truth.out[n], &format!("out on {}", day.day));
        }
        holds(replayed.released, truth.released.iter().map(|n| u64::from(*n)).sum(), "released");
        for (bounds, truth) in back(&replayed).into_iter().zip(truth.back) {
            holds(bounds, truth, "back");
        }
    }

    #[test]
    fn a_higher_threshold_takes_no_more_on_the_first_day(
        all in people(), rule in rules(), first in 0_i64..250, recorded in 0_i64..DAYS, more in 1_u32..60,
    ) {
        let now = at(DAYS, 12);
        let mut facts = facts(&all, at(recorded, 0));
        free(&mut facts, 3);
        let rule = TypeRule { never_used_grace_days: rule.release_threshold_days, ..rule };
        let higher = with_threshold(&rule, rule.release_threshold_days + more);
        prop_assert_eq!(higher.never_used_grace_days, higher.release_threshold_days);
        let low = replay(&facts, &rule, span(first, DAYS), now).days[0].released;
        let high = replay(&facts, &higher, span(first, DAYS), now).days[0].released;
        prop_assert!(high.at_least <= low.at_least && high.at_most <= low.at_most, "{:?} {:?}", low, high);
    }

    #[test]
    fn nobody_comes_back_who_did_not_go(all in people(), rule in rules(), recorded in 0_i64..DAYS) {
        let now = at(DAYS, 12);
        let replayed = replay(&facts(&all, at(recorded, 0)), &rule, span(0, DAYS), now);
        let [within_14, within_30, within_90, so_far] = back(&replayed);
        let (mut gone, mut came_back) = (0, 0);
        for (fewer, more) in
            [(within_14, within_30), (within_30, within_90), (within_90, so_far), (so_far, replayed.released)]
        {
            prop_assert!(fewer.at_least <= more.at_least && fewer.at_most <= more.at_most);
        }
        for day in &replayed.days {
            gone += day.released.at_least;
            came_back += day.came_back.at_least;
            prop_assert!(day.out.at_least <= day.out.at_most);
        }
        // Who went for certain may have done so on another day.
        prop_assert!(u64::from(gone) <= replayed.released.at_least);
        prop_assert!(u64::from(came_back) <= replayed.released.at_least);
        let named = replayed.returns.iter().filter(|back| back.certain).count();
        prop_assert_eq!(named as u64, so_far.at_least);
    }
}
