//! All reasons that apply, in their order; the person who is asked; the seat that is read again.

use uuid::Uuid;

use super::support::*;
use crate::license::{Moment, PersonRead, SeatType};
use crate::policy::{Property, ThreeWay, UserPattern};
use crate::release::plan::{DateField, Keep, keeping, people_in_question};

#[test]
fn all_reasons_that_apply_are_recorded_in_order() {
    let mut world = World::new();
    let account = r"INTERNAL\anna";
    world.idle(1, account, "2026-11-20 10:00");
    world.seat(seat(Analyzer, 2, account, "2020-01-01", "2026-11-21 11:00"));
    world.past.released.insert((Professional, holder(account).id), time("2026-11-15"));
    let anna = world.person(account);
    anna.tags.push("Keep".into());
    anna.properties.push(("License".into(), "keep".into()));
    anna.roles = None;
    anna.groups = Some(vec!["Admins".into()]);
    (anna.inactive, anna.blocked, anna.removed_externally) = (true, true, true);
    let never = &mut world.policy.never_release;
    never.users.push(UserPattern {
        directory: "*".into(),
        user_id: "a*".into(),
        ..UserPattern::default()
    });
    never.directories.push("INT*".into());
    never.tags.push("keep".into());
    never.custom_properties.push(Property { name: "license".into(), value: "KEEP".into() });
    never.roles.push("RootAdmin".into());
    never.groups.push("admins".into());
    never.inactive = ThreeWay::Yes;
    never.blocked = ThreeWay::Yes;
    never.removed_externally = ThreeWay::Yes;

    let rule = |rule: &str| -> Box<str> { rule.into() };
    assert_eq!(
        world.decision(1).keep,
        [
            Keep::UserIncomplete { field: "roles".into() },
            Keep::Internal,
            Keep::User { rule: rule(r"*\a*") },
            Keep::UserDirectory { rule: rule("INT*") },
            Keep::Tag { rule: rule("keep") },
            Keep::CustomProperty { rule: rule("license = KEEP") },
            Keep::UserGroup { rule: rule("admins") },
            Keep::Inactive { is: true },
            Keep::Blocked { is: true },
            Keep::RemovedExternally { is: true },
            Keep::Used { at: time("2026-11-20 10:00"), due: time("2026-12-20 10:00") },
            Keep::UsedOtherSeat {
                seat_type: Analyzer,
                at: time("2026-11-21 11:00"),
                due: time("2026-12-21 11:00"),
            },
            Keep::Reallocated { released: time("2026-11-15"), until: time("2026-11-29") },
        ]
    );
}

#[test]
fn every_rule_that_fits_is_named_once_whatever_the_order_of_the_answer() {
    let mut world = World::new();
    world.idle(1, r"CORP\svc_a", "2026-01-01");
    let never = &mut world.policy.never_release;
    for id in ["svc_?", "svc_*", "SVC_A", "svc_a"] {
        never.users.push(UserPattern {
            directory: "CORP".into(),
            user_id: id.into(),
            ..UserPattern::default()
        });
    }
    never.tags.extend(["b".into(), "A".into(), "c".into()]);
    world.person(r"CORP\svc_a").tags = ["B", "b", "a"].map(Into::into).into();
    let keep = world.decision(1).keep;
    let texts: Vec<_> = keep.iter().map(Keep::text).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    neverRelease.user names `CORP\SVC_A`
    neverRelease.user names `CORP\svc_*`
    neverRelease.user names `CORP\svc_?`
    neverRelease.tag names `A`
    neverRelease.tag names `b`
    ");
    world.person(r"CORP\svc_a").tags.reverse();
    assert_eq!(world.decision(1).keep, keep);
}

#[test]
fn both_dates_are_named_when_neither_can_be_trusted() {
    let mut world = World::new();
    world.seat(seat(Professional, 1, r"CORP\anna", "?x", "?y"));
    world.seat(seat(Professional, 2, r"CORP\bob", "2027-01-01", "2027-02-01"));
    world.seat(seat(Professional, 3, r"CORP\carl", "2027-01-01", "?y"));
    assert_eq!(
        world.decision(1).keep,
        [
            Keep::UnreadableDate { field: DateField::LastUsed, text: "y".into() },
            Keep::UnreadableDate { field: DateField::Created, text: "x".into() },
        ]
    );
    assert_eq!(world.decision(1).idle_since, None);
    assert_eq!(
        world.decision(2).keep,
        [
            Keep::FutureDate { field: DateField::LastUsed, at: time("2027-02-01") },
            Keep::FutureDate { field: DateField::Created, at: time("2027-01-01") },
        ]
    );
    assert_eq!(world.verdict(3), "keep unreadable-date future-date");
    assert_eq!(world.decision(3).idle_since, None);
    world.seat(seat(Professional, 4, r"CORP\dora", "?x", "2020-01-01"));
    assert_eq!(world.decision(4).idle_since, None);
}

#[test]
fn never_used_is_said_only_of_a_seat_that_was_never_used() {
    let mut world = World::new();
    world.seat(seat(Professional, 1, r"CORP\anna", "2026-11-20", "?soon"));
    world.seat(seat(Professional, 2, r"CORP\bob", "2026-11-20", "2027-01-01"));
    assert_eq!(world.verdict(1), "keep unreadable-date");
    assert_eq!(world.verdict(2), "keep future-date");
}

#[test]
fn the_other_seat_counts_only_if_it_was_used_later_and_within_this_threshold() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-11-20");
    world.seat(seat(Analyzer, 2, r"CORP\anna", "2020-01-01", "2026-11-19"));
    assert_eq!(world.verdict(1), "keep used");
    assert_eq!(world.verdict(2), "keep used used-other-seat");

    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.seat(seat(Analyzer, 2, r"CORP\anna", "2020-01-01", "2026-10-20"));
    world.rule(Professional).release_threshold_days = 90;
    world.rule(Analyzer).release_threshold_days = 7;
    assert_eq!(world.verdict(1), "keep used-other-seat");
    world.rule(Professional).release_threshold_days = 7;
    world.rule(Analyzer).release_threshold_days = 90;
    assert_eq!(world.verdict(1), "release");
}

#[test]
fn of_several_seats_of_another_type_the_newest_use_counts() {
    for order in [["2026-11-20", "2026-01-02"], ["2026-01-02", "2026-11-20"]] {
        let mut world = World::new();
        world.idle(1, r"CORP\anna", "2026-01-01");
        for (number, used) in (2..).zip(order) {
            world.seat(seat(Analyzer, number, r"CORP\anna", "2020-01-01", used));
        }
        world.rule(Professional).release_threshold_days = 400;
        assert_eq!(
            world.decision(1).keep[1],
            Keep::UsedOtherSeat {
                seat_type: Analyzer,
                at: time("2026-11-20"),
                due: time("2027-12-25"),
            }
        );
    }
}

#[test]
fn a_seat_in_quarantine_did_not_come_back() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.past.released.insert((Professional, holder(r"CORP\anna").id), time("2026-11-20"));
    assert_eq!(world.verdict(1), "keep reallocated");
    world.seats(Professional)[0].quarantined = Some(Moment::Never);
    assert_eq!(world.verdict(1), "keep quarantined");
}

#[test]
fn rules_on_the_account_are_told_of_a_user_who_cannot_be_read_too() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.policy.never_release.directories.push("corp".into());
    for read in [PersonRead::Unreadable("500".into()), PersonRead::Gone] {
        world.read(r"CORP\anna", read);
        assert!(world.verdict(1).ends_with(" user-directory"), "{}", world.verdict(1));
    }
}

#[test]
fn times_beyond_the_calendar_do_not_overflow() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.rule(Professional).release_threshold_days = u32::MAX;
    world.past.released.insert((Professional, holder(r"CORP\anna").id), time("2026-01-01"));
    world.rule(Professional).reallocated_grace_days = u32::MAX;
    assert_eq!(world.verdict(1), "keep used reallocated");
    world.seats(Professional)[0].last_used = Moment::At(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    assert_eq!(world.verdict(1), "keep future-date reallocated");
    world.seats(Professional)[0].last_used = Moment::At(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    assert_eq!(world.verdict(1), "keep reallocated");
}

#[test]
fn a_seat_that_is_listed_twice_is_decided_once() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.idle(1, r"CORP\anna", "2026-01-01");
    assert_eq!(world.plan().types[0].decisions.len(), 1);
    assert_eq!(world.verdict(1), "release");

    // With different facts neither can be believed.
    world.idle(1, r"CORP\anna", "2026-02-01");
    world.idle(1, r"CORP\bob", "2026-01-01");
    assert_eq!(world.plan().types[0].decisions.len(), 1);
    assert_eq!(world.verdict(1), "keep listed-twice");
    let plan = world.plan();
    world.seats(Professional).reverse();
    assert_eq!(world.plan(), plan);
}

#[test]
fn asked_is_who_would_lose_a_seat_and_who_was_told_so() {
    let mut world = World::new();
    world.seat(seat(Analyzer, 9, r"CORP\zoe", "2020-01-01", "2026-01-01"));
    world.idle(1, r"CORP\due", "2026-01-01");
    world.idle(2, r"CORP\due", "2026-01-02");
    world.idle(3, r"CORP\working", "2026-11-20");
    world.idle(4, r"CORP\told", "2026-11-20");
    world.announced(4, "2026-11-23");
    world.idle(5, r"CORP\quarantined", "2026-01-01");
    world.seats(Professional)[4].quarantined = Some(Moment::Never);
    world.idle(6, r"CORP\back", "2026-01-01");
    world.past.released.insert((Professional, holder(r"CORP\back").id), time("2026-11-20"));
    world.idle(7, r"CORP\other", "2026-01-01");
    world.seat(seat(SeatType::User, 8, r"CORP\other", "2020-01-01", "2026-11-20"));
    world.seat(seat(SeatType::User, 10, r"CORP\type-off", "2020-01-01", "2026-01-01"));
    world.idle(11, r"CORP\null", "2026-01-01");
    world.seats(Professional).last_mut().unwrap().holder = None;

    let mut expected: Vec<Uuid> =
        [r"CORP\due", r"CORP\told", r"CORP\zoe"].map(|account| holder(account).id).into();
    expected.sort_unstable();
    let World { snapshot, past, policy, now } = &world;
    assert_eq!(people_in_question(snapshot, past, policy, *now), expected);
}

#[test]
fn a_seat_that_is_read_again_is_judged_by_itself() {
    let mut world = World::new();
    world.rule(Professional).grace_days = 7;
    world.rule(Professional).max_releases = Some(0);
    world.rule(Professional).keep_free = Some(0);
    let World { past, policy, now, .. } = &world;
    let whole = PersonRead::Whole(person(r"CORP\anna"));
    let ask = |used: &str, read: &PersonRead| {
        let seat = seat(Professional, 1, r"CORP\anna", "2020-01-01", used);
        let keep = keeping(&seat, read, past, policy, *now);
        keep.iter().map(Keep::code).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask("2026-10-25 08:00", &whole), "");
    assert_eq!(ask("2026-10-25 08:00:00.001", &whole), "used");
    assert_eq!(ask("2026-01-01", &PersonRead::Gone), "user-gone");
    assert_eq!(ask("2026-11-20", &PersonRead::Unreadable("x".into())), "user-unread used");
    assert_eq!(ask("2026-01-01", &PersonRead::Whole(person(r"CORP\bob"))), "user-unread");

    let mut blocked = person(r"CORP\anna");
    blocked.blocked = true;
    let mut policy = policy.clone();
    policy.never_release.blocked = ThreeWay::Yes;
    let mut again = seat(Professional, 1, r"CORP\anna", "2020-01-01", "2026-01-01");
    let read = PersonRead::Whole(blocked);
    assert_eq!(keeping(&again, &read, past, &policy, *now), [Keep::Blocked { is: true }]);
    again.quarantined = Some(Moment::Never);
    policy.types.retain(|rule| rule.seat_type == Analyzer);
    assert_eq!(keeping(&again, &read, past, &policy, *now), [Keep::TypeOff]);
}

#[test]
fn a_type_that_was_not_read_has_a_problem_and_no_decisions() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.snapshot.seats.retain(|seats| seats.seat_type != Analyzer);
    let plan = world.plan();
    assert_eq!(plan.types[1].seat_type, Analyzer);
    assert_eq!(plan.types[1].problem.as_deref(), Some("the seats were not read"));
    assert_eq!(plan.releases(&[]).len(), 1);
}

#[test]
fn where_the_other_list_cannot_be_read_everybody_keeps_their_seat() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.idle(2, r"CORP\bob", "2026-11-20");
    world.announced(1, "2026-11-20");
    world.unreadable_list(Analyzer, "short: 3 of 4 rows");
    assert_eq!(world.verdict(1), "keep other-seats-unread");
    assert_eq!(world.verdict(2), "keep used other-seats-unread");
    let plan = world.plan();
    insta::assert_snapshot!(
        plan.notes.join("\n"),
        @"Professional seats are kept, because the Analyzer seats of the same people could not be read: short: 3 of 4 rows"
    );
    assert!(plan.withdrawn.is_empty(), "nobody is told anything for what could not be found out");
    assert_eq!(plan.types[0].due(), 0);
    // Nobody has to be asked for.
    world.past.announced.clear();
    let asked = people_in_question(&world.snapshot, &world.past, &world.policy, world.now);
    assert!(asked.is_empty(), "{asked:?}");

    world.policy.judge_per_user = false;
    assert_eq!(world.plan().notes, [""; 0]);
    assert_eq!(world.verdict(1), "release");
}

#[test]
fn facts_of_the_seat_stand_in_its_decision() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.seats(Professional)[0].excess = true;
    world.person(r"CORP\anna").removed_externally = true;
    let decision = world.decision(1);
    assert_eq!(decision.holder.as_deref(), Some(&holder(r"CORP\anna")));
    assert_eq!(decision.idle_since, Some(time("2026-01-01")));
    assert_eq!(decision.created, moment("2020-01-01"));
    assert_eq!(decision.last_used, moment("2026-01-01"));
    assert!(decision.excess && decision.removed_externally);
}
