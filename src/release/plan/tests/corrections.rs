//! What Butler gets wrong when it releases, as far as a plan can. The numbers are those of the
//! design's list.

use super::support::*;
use crate::license::PersonRead;
use crate::policy::{Property, ThreeWay, UserPattern};
use crate::release::plan::{Keep, Outcome};

/// A person who is protected in every way there is.
fn protected_world() -> World {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    let anna = world.person(r"CORP\anna");
    anna.tags.push("Keep".into());
    anna.properties.push(("License".into(), "keep".into()));
    anna.inactive = true;
    let never = &mut world.policy.never_release;
    never.tags.push("Keep".into());
    never.custom_properties.push(Property { name: "License".into(), value: "keep".into() });
    never.inactive = ThreeWay::Yes;
    world
}

#[test]
fn correction_7_an_answer_that_is_not_this_user_takes_no_protection_away() {
    let world = protected_world();
    assert_eq!(world.verdict(1), "keep tag custom-property inactive");

    for read in [
        PersonRead::Unreadable("200 with a login page".into()),
        PersonRead::Unreadable("200 with {}".into()),
        PersonRead::Whole(person(r"CORP\bob")),
    ] {
        let mut world = world.clone();
        world.read(r"CORP\anna", read.clone());
        assert_eq!(world.verdict(1), "keep user-unread", "{read:?}");
    }
    let mut world = world.clone();
    world.snapshot.people.clear();
    assert_eq!(world.verdict(1), "keep user-unread");
}

#[test]
fn correction_8_one_bad_row_or_an_empty_list_stops_nobody_else() {
    let mut world = World::new();
    world.idle(1, r"CORP\null", "2026-01-01");
    world.seats(Professional)[0].holder = None;
    world.idle(2, r"CORP\gone", "2026-01-01");
    world.read(r"CORP\gone", PersonRead::Gone);
    world.idle(3, r"CORP\anna", "2026-01-01");
    world.seat(seat(Analyzer, 4, r"CORP\bob", "2020-01-01", "2026-01-01"));
    assert_eq!(world.verdict(1), "keep no-user");
    assert_eq!(world.verdict(2), "keep user-gone");
    assert_eq!(world.released(), [3, 4]);

    world.unreadable_list(Professional, "500");
    world.policy.judge_per_user = false;
    assert_eq!(world.plan().types[0].problem.as_deref(), Some("500"));
    assert_eq!(world.released(), [4]);
}

#[test]
fn correction_10_a_seat_allocated_yesterday_and_never_used_is_kept() {
    let mut world = World::new();
    world.seat(seat(Professional, 1, r"CORP\anna", "2026-11-23 08:00", "1753-01-01"));
    let decision = world.decision(1);
    assert_eq!(verdict(&decision), "keep never-used");
    assert_eq!(decision.idle_since, Some(time("2026-11-23 08:00")));
}

#[test]
fn correction_11_exclusions_do_not_look_at_letter_case() {
    let mut world = World::new();
    world.idle(1, r"Corp\Jürgen", "2026-01-01");
    let person = world.person(r"Corp\Jürgen");
    person.tags.push("Lizenz GESCHÜTZT".into());
    person.properties.push(("Abteilung".into(), "Vorstand".into()));
    person.roles = Some(vec!["RootAdmin".into()]);
    person.groups = Some(vec!["Ärzte".into()]);
    let never = &mut world.policy.never_release;
    never.users.push(UserPattern {
        directory: "CORP".into(),
        user_id: "JÜRGEN".into(),
        ..UserPattern::default()
    });
    never.directories.push("cORP".into());
    never.tags.push("lizenz geschützt".into());
    let property = Property { name: "ABTEILUNG".into(), value: "vorstand".into() };
    never.custom_properties.push(property);
    never.roles.push("ROOTADMIN".into());
    never.groups.push("ÄRZTE".into());
    assert_eq!(world.verdict(1), "keep user user-directory tag custom-property role user-group");
}

#[test]
fn correction_12_a_threshold_is_so_many_whole_days_and_not_the_end_of_a_local_day() {
    let mut world = World::new();
    world.rule(Professional).release_threshold_days = 1;
    world.rule(Professional).never_used_grace_days = 1;
    // Late on the day before: at the end of the local day it would be "yesterday".
    world.idle(1, r"CORP\anna", "2026-11-23 08:00:00.001");
    world.idle(2, r"CORP\bob", "2026-11-23 08:00:00.000");
    // Working right now.
    world.idle(3, r"CORP\carl", "2026-11-24 07:59:59.999");
    assert_eq!(world.released(), [2]);
    assert_eq!(world.decision(1).outcome, Outcome::Keep);
    assert_eq!(
        world.decision(3).keep,
        [Keep::Used { at: time("2026-11-24 07:59:59.999"), due: time("2026-11-25 07:59:59.999") }]
    );
}
