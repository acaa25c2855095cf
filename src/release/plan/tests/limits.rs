//! Who goes first, `keepFree`, `maxReleases`, and which types a guard stops.

use super::support::*;
use crate::insight::reclaim::{HeldBack, KeepFree, Limits, Spent};
use crate::license::pools::{TokenTotals, TokenUserPool};
use crate::license::{Pools, SeatType};
use crate::policy::{Guard, Refusal, TypeRule};
use crate::release::plan::{Keep, Outcome};
use crate::release::reclaim;

#[test]
fn people_removed_from_their_directory_go_first_then_who_has_been_idle_longest() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-03-01");
    world.idle(2, r"CORP\bob", "2026-01-01");
    world.idle(3, r"CORP\carl", "2026-10-01");
    world.person(r"CORP\carl").removed_externally = true;
    world.idle(4, r"CORP\dora", "2026-02-01");
    world.idle(5, r"CORP\emil", "2026-09-01");
    world.person(r"CORP\emil").removed_externally = true;
    // Of equals a seat above what the license allows, then by id.
    world.idle(7, r"CORP\fritz", "2026-02-01");
    world.seats(Professional)[5].excess = true;
    world.idle(6, r"CORP\gabi", "2026-02-01");
    // Allocation counts where it is later.
    world.seat(seat(Professional, 8, r"CORP\hans", "2026-02-15", "2026-01-15"));
    world.seat(seat(Professional, 9, r"CORP\ines", "2026-01-15", "never"));
    assert_eq!(world.released(), [5, 3, 2, 9, 7, 4, 6, 8, 1]);
}

#[test]
fn releases_come_first_then_announcements_then_the_rest_by_account() {
    let mut world = World::new();
    world.rule(Professional).grace_days = 7;
    world.idle(1, r"CORP\zoe", "2026-11-20");
    world.idle(2, r"CORP\yves", "2026-01-02");
    world.idle(3, r"CORP\xaver", "2026-01-01");
    world.idle(4, r"CORP\anna", "2026-11-20");
    world.idle(5, r"CORP\null", "2026-11-20");
    world.seats(Professional)[4].holder = None;
    world.idle(6, r"CORP\willi", "2026-01-03");
    world.announced(6, "2026-11-20");
    world.idle(7, r"BORG\anna", "2026-11-20");
    let order: Vec<_> = world.plan().types[0].decisions.iter().map(|d| d.seat.as_u128()).collect();
    assert_eq!(order, [6, 3, 2, 7, 4, 1, 5]);
}

#[test]
fn each_type_has_its_own_limit() {
    let mut world = World::new();
    for number in 0..6 {
        let seat_type = if number % 2 == 0 { Professional } else { Analyzer };
        world.seat(seat(seat_type, number, &format!("CORP\\{number}"), "2020-01-01", "2026-01-01"));
    }
    world.rule(Professional).max_releases = Some(1);
    world.rule(Analyzer).max_releases = Some(2);
    assert_eq!(world.released(), [0, 1, 3]);
    assert_eq!(world.decision(2).keep, [Keep::OverCap { cap: 1, taken: 0 }]);
}

/// A figure for people says all that is due, also right after a run that took its ration.
#[test]
fn what_is_reclaimable_is_what_all_runs_take() {
    let mut world = World::new();
    for number in 0..5 {
        world.idle(number, &format!(r"CORP\{number}"), "2026-01-01");
    }
    world.rule(Professional).max_releases = Some(3);
    world.rule(Professional).max_release_percent = 100;
    world.past.taken.insert(Professional, 3);
    assert!(world.released().is_empty(), "the ration of the day is used up");
    // Release, announce, which seats, and how they go.
    let told = |world: &World| {
        let World { snapshot, past, policy, now } = world;
        let (rules, limits) = reclaim::by_rules(snapshot, past, policy, *now)[&Professional];
        let mut seats: Vec<_> = reclaim::seats(snapshot, past, policy, *now)
            .into_iter()
            .map(|(_, seat)| seat.as_u128())
            .collect();
        seats.sort_unstable();
        ((rules.release, rules.announce), seats, limits)
    };
    let spent = Some(Spent { taken: 3, of: 3 });
    let ration = Limits { next_run: 3, max_releases: Some(3), spent, ..Limits::default() };
    assert_eq!(told(&world), ((5, 0), vec![0, 1, 2, 3, 4], ration));
    world.past.taken.clear();

    // Two more are to be free: those that were idle for longest, of equals by their ids.
    world.rule(Professional).keep_free = Some(6);
    world.free(4.0, 0.0);
    let keep_free = Some(KeepFree { is: 6, free: 4, seats: 3 });
    let two = Limits { next_run: 2, keep_free, ..Limits::default() };
    assert_eq!(told(&world), ((2, 0), vec![0, 1], two));
    world.rule(Professional).keep_free = None;

    // Whoever was told that their seat goes counts while they wait, as do those who will be told.
    world.rule(Professional).grace_days = 14;
    world.announced(2, "2026-12-20");
    let notice = Limits { after_notice: 5, ..Limits::default() };
    assert_eq!(told(&world), ((0, 5), vec![0, 1, 2, 3, 4], notice));
    world.rule(Professional).grace_days = 0;
    world.past.announced.clear();

    // A guard lets none of them go.
    world.rule(Professional).max_release_percent = 50;
    let held_back = Some(HeldBack { seats: 5, max_release_percent: 50, due: 5, of: 5 });
    assert_eq!(told(&world), ((0, 0), vec![], Limits { held_back, ..Limits::default() }));
}

#[test]
fn a_seat_beyond_both_limits_names_both() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.idle(2, r"CORP\bob", "2026-01-02");
    world.idle(3, r"CORP\carl", "2026-01-03");
    world.rule(Professional).max_releases = Some(2);
    world.rule(Professional).keep_free = Some(5);
    world.free(4.0, 0.0);
    let enough = Keep::EnoughFree { free: 4, keep_free: 5 };
    assert_eq!(world.released(), [1]);
    assert_eq!(world.decision(2).keep, std::slice::from_ref(&enough));
    assert_eq!(world.decision(3).keep, [enough, Keep::OverCap { cap: 2, taken: 0 }]);
}

#[test]
fn free_seats_are_whole_and_never_less_than_none() {
    let mut world = World::new();
    let mut free = |available| {
        world.free(available, 0.0);
        world.plan().types[0].free
    };
    assert_eq!(free(3.0), Some(3));
    assert_eq!(free(2.9), Some(2));
    assert_eq!(free(-4.0), Some(0));
    assert_eq!(free(f64::NAN), None);
    assert_eq!(free(f64::INFINITY), None);
}

#[test]
fn free_user_access_is_counted_in_tokens() {
    let mut world = World::new();
    world.policy.types = vec![TypeRule::new(SeatType::User)];
    let mut free = |available_tokens, token_cost| {
        world.snapshot.pools = Some(Pools {
            token_user: Some(TokenUserPool {
                enabled: true,
                token_cost,
                allocated_tokens: 10.0,
                used_tokens: 0.0,
                quarantined_tokens: 0.0,
            }),
            tokens: Some(TokenTotals { enabled: true, total_tokens: 20.0, available_tokens }),
            ..Pools::default()
        });
        world.plan().types[0].free
    };
    assert_eq!(free(7.0, 2.0), Some(3));
    assert_eq!(free(7.0, 0.0), None);
    world.snapshot.pools.as_mut().unwrap().tokens = None;
    assert_eq!(world.plan().types[0].free, None);
}

#[test]
fn what_a_guard_stops_is_not_released_unless_a_person_accepted_it() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.seat(seat(Analyzer, 2, r"CORP\bob", "2020-01-01", "2026-01-01"));
    let mut plan = world.plan();
    let refuse =
        |guard, seat_type| Refusal { guard, seat_type, saw: String::new(), fix: String::new() };
    let released = |plan: &crate::release::Plan, accepted: &[Guard]| {
        plan.releases(accepted).iter().map(|(_, d)| d.seat.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(released(&plan, &[]), [1, 2]);

    plan.refusals = vec![refuse(Guard::Percent, Some(Professional))];
    assert_eq!(released(&plan, &[]), [2]);
    assert_eq!(released(&plan, &[Guard::MaxReleases]), [2]);
    assert_eq!(released(&plan, &[Guard::Percent]), [1, 2]);

    plan.refusals.push(refuse(Guard::StaleSignal, None));
    assert_eq!(released(&plan, &[Guard::Percent]), [0; 0]);
    assert_eq!(released(&plan, &[Guard::StaleSignal]), [2]);
    assert_eq!(released(&plan, &[Guard::Percent, Guard::StaleSignal]), [1, 2]);

    for guard in [Guard::Incomplete, Guard::Unsettled, Guard::Paused] {
        plan.refusals = vec![refuse(guard, None)];
        assert_eq!(released(&plan, Guard::ALL), [0; 0], "{guard}");
        plan.refusals = vec![refuse(guard, Some(Analyzer))];
        assert_eq!(released(&plan, Guard::ALL), [1], "{guard}");
    }
}

#[test]
fn only_releases_are_released() {
    let mut world = World::new();
    world.rule(Analyzer).grace_days = 7;
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.idle(2, r"CORP\bob", "2026-11-20");
    world.seat(seat(Analyzer, 3, r"CORP\carl", "2020-01-01", "2026-01-01"));
    let plan = world.plan();
    assert_eq!(plan.types[1].decisions[0].outcome, Outcome::Announce);
    assert_eq!(world.released(), [1]);
}
