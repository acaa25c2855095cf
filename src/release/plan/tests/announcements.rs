//! Announced first, released later, withdrawn in between.

use super::support::*;
use crate::license::{PersonRead, SeatType};

/// A site that announces, and a seat that was announced for `due`.
fn announced(due: &str) -> World {
    let mut world = World::new();
    world.rule(Professional).grace_days = 7;
    world.idle(1, r"CORP\anna", "2026-09-01");
    world.announced(1, due);
    world
}

fn why(world: &World) -> String {
    let withdrawn = world.plan().withdrawn;
    assert!(withdrawn.len() <= 1);
    withdrawn.into_iter().map(|w| w.why).collect()
}

#[test]
fn a_withdrawal_says_why() {
    let world = announced("2026-11-23");
    assert_eq!(why(&world), "");

    let mut used = world.clone();
    used.seats(Professional)[0].last_used = moment("2026-11-20 10:00");
    assert_eq!(why(&used), "used on 2026-11-20 10:00 UTC");

    let mut protected = world.clone();
    protected.policy.never_release.tags.push("Keep".into());
    protected.person(r"CORP\anna").tags.push("keep".into());
    assert_eq!(why(&protected), "neverRelease.tag names `Keep`");

    let mut gone = world.clone();
    gone.seats(Professional).clear();
    assert_eq!(why(&gone), "the seat is gone");

    let mut other = world.clone();
    other.seats(Professional)[0].holder = Some(holder(r"CORP\bob").into());
    assert_eq!(why(&other), "the seat belongs to somebody else now");

    let mut deleted = world.clone();
    deleted.seats(Professional)[0].holder = None;
    assert_eq!(why(&deleted), "the seat names no user");

    let mut reset = world.clone();
    reset.seats(Professional)[0].last_used = moment("never");
    assert_eq!(why(&reset), "the site has no last use of it any more");
}

#[test]
fn a_protection_that_comes_with_a_failure_to_read_withdraws_all_the_same() {
    let mut world = announced("2026-11-23");
    world.read(r"CORP\anna", PersonRead::Unreadable("500".into()));
    assert_eq!(why(&world), "");
    world.policy.never_release.directories.push("CORP".into());
    assert_eq!(why(&world), "neverRelease.userDirectory names `CORP`");
}

#[test]
fn announcements_of_a_type_that_is_off_or_unread_stand() {
    let mut world = announced("2026-11-23");
    world.unreadable_list(Professional, "500");
    assert_eq!(why(&world), "");
    world.policy.types.retain(|rule| rule.seat_type == Analyzer);
    assert_eq!(why(&world), "");
}

#[test]
fn withdrawals_are_in_the_order_of_types_and_seats() {
    let mut world = World::new();
    world.policy.types.reverse();
    for number in [3, 1, 2] {
        world.idle(number, r"CORP\anna", "2026-09-01");
        world.announced(number, "2026-11-23");
    }
    world.seat(seat(Analyzer, 0, r"CORP\anna", "2020-01-01", "2026-09-01"));
    world.announced(0, "2026-11-23");
    world.seats(Professional).clear();
    world.seats(Analyzer).clear();
    let order: Vec<_> = world
        .plan()
        .withdrawn
        .iter()
        .map(|w| (w.announcement.seat_type, w.announcement.seat.as_u128()))
        .collect();
    assert_eq!(order, [(Professional, 1), (Professional, 2), (Professional, 3), (Analyzer, 0)]);
}

#[test]
fn the_date_that_was_told_holds_whatever_the_settings_say_now() {
    let mut world = announced("2026-12-24");
    assert_eq!(world.verdict(1), "keep announced");
    world.rule(Professional).grace_days = 0;
    assert_eq!(world.verdict(1), "keep announced");
    world.now = time("2026-12-24");
    assert_eq!(world.verdict(1), "release");
}

#[test]
fn nobody_is_told_for_a_seat_that_is_not_needed() {
    let mut world = World::new();
    for (number, account) in [(1, r"CORP\a"), (2, r"CORP\b"), (3, r"CORP\c"), (4, r"CORP\d")] {
        world.idle(number, account, &format!("2026-09-0{number}"));
    }
    world.rule(Professional).grace_days = 7;
    world.rule(Professional).keep_free = Some(3);
    world.free(0.0, 0.0);
    let verdicts = |world: &World| [1, 2, 3, 4].map(|number| world.verdict(number));
    let (tell, wait, go) = ("announce", "keep announced", "release");
    assert_eq!(verdicts(&world), [tell, tell, tell, "keep enough-free"]);
    // One is told already, one has had the time that was told.
    world.announced(4, "2026-11-30");
    assert_eq!(verdicts(&world), [tell, tell, "keep enough-free", wait]);
    world.announced(3, "2026-11-20");
    assert_eq!(verdicts(&world), [tell, "keep enough-free", go, wait]);
    world.free(2.0, 0.0);
    assert_eq!(verdicts(&world), ["keep enough-free", "keep enough-free", go, wait]);
}

#[test]
fn token_seats_are_announced_like_others() {
    let mut world = World::new();
    let mut rule = crate::policy::TypeRule::new(SeatType::User);
    rule.grace_days = 1;
    world.policy.types.push(rule);
    world.seat(seat(SeatType::User, 1, r"CORP\anna", "2020-01-01", "2026-09-01"));
    assert_eq!(world.verdict(1), "announce");
}
