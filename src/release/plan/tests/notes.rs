//! Remarks, patterns, clocks and rows that say two things: what no seat of a whole plan shows.

use chrono::TimeDelta;

use super::support::*;
use crate::policy::{Property, UserPattern};
use crate::release::plan::{Clocks, Keep, each_once};
use crate::release::rules::names::{Finding, Mistake};

fn pattern(directory: &str, user_id: &str) -> UserPattern {
    let (directory, user_id) = (directory.to_owned(), user_id.to_owned());
    UserPattern { directory, user_id, until: None, why: None }
}

/// Rules that name nobody are told of one by one up to fifty, then by their number.
#[test]
fn fifty_rules_that_name_nobody_are_told_of_one_by_one() {
    let mut world = World::new();
    let nobody = |n: usize| Finding {
        setting: "neverRelease.user",
        rule: format!("CORP\\x{n}"),
        what: Mistake::Nobody { nearest: None },
    };
    world.snapshot.rules = (0..50).map(nobody).collect();
    let notes = world.plan().notes;
    assert_eq!(notes.len(), 50);
    assert!(notes.iter().all(|note| note.contains("CORP\\x")), "{notes:?}");
    world.snapshot.rules.extend((50..52).map(nobody));
    let notes = world.plan().notes;
    assert_eq!(notes.len(), 51);
    assert_eq!(notes[50], "2 more rules of neverRelease name nobody that is known");
    // What is misspelt stops the run, and is no remark.
    world.snapshot.rules = vec![Finding {
        what: Mistake::Misspelt { means: "CORP\\anna".into(), why: "twice" },
        ..nobody(0)
    }];
    assert_eq!(world.plan().notes, [""; 0]);
}

#[test]
fn an_entry_that_ends_within_two_weeks_is_remarked_on() {
    let note = |until: &str| {
        let mut world = World::new();
        let until = Some(until.parse().unwrap());
        world.policy.never_release.users = vec![UserPattern { until, ..pattern("CORP", "anna") }];
        world.plan().notes.join("; ")
    };
    // Today is 2026-11-24.
    assert_eq!(note("2026-12-09"), "");
    assert!(note("2026-12-08").contains("ends soon"), "{}", note("2026-12-08"));
    assert!(note("2026-11-24").contains("ends soon"), "{}", note("2026-11-24"));
    assert!(note("2026-11-23").contains("has ended"), "{}", note("2026-11-23"));
}

#[test]
fn a_pattern_is_about_those_whom_both_halves_fit() {
    let rule = pattern("Corp*", "an?a");
    for (account, is_named) in [
        (r"CORP\anna", true),
        (r"corp2\ANNA", true),
        (r"CORP\annika", false),
        (r"OTHER\anna", false),
        (r"OTHER\bob", false),
    ] {
        assert_eq!(rule.names(&holder(account)), is_named, "{account}");
    }
}

#[test]
fn a_custom_property_may_be_a_pattern_on_both_sides() {
    let kept = |name: &str, value: &str| {
        let mut world = World::new();
        world.idle(1, r"CORP\anna", "2026-01-01");
        world.person(r"CORP\anna").properties.push(("Department".into(), "Sales North".into()));
        let property = Property { name: name.into(), value: value.into() };
        world.policy.never_release.custom_properties.push(property);
        world.verdict(1)
    };
    assert_eq!(kept("Dep*", "sales*"), "keep custom-property");
    assert_eq!(kept("Department", "* north"), "keep custom-property");
    assert_eq!(kept("Team*", "sales*"), "release");
    assert_eq!(kept("Dep*", "board*"), "release");
}

#[test]
fn of_two_clocks_the_earlier_one_counts() {
    let world = World::new();
    let at = |off: TimeDelta| {
        let now = world.now;
        Clocks { site: now + off, here: now }.earlier(now) - now
    };
    let milliseconds = TimeDelta::milliseconds;
    assert_eq!(at(milliseconds(-10_000)), milliseconds(-10_000));
    assert_eq!(at(milliseconds(-1_000)), milliseconds(-1_000));
    assert_eq!(at(milliseconds(-999)), milliseconds(0), "a site tells whole seconds");
    assert_eq!(at(milliseconds(0)), milliseconds(0));
    assert_eq!(at(milliseconds(5_000)), milliseconds(0));
}

/// A seat that is listed twice is kept; it is shown with its last use, whichever row came first.
#[test]
fn of_two_rows_of_a_seat_the_one_that_was_used_last_stands() {
    let row = |used: &str| seat(Professional, 1, r"CORP\anna", "2020-01-01", used);
    for (one, other, stands) in [
        ("2026-01-01", "2026-11-20", "2026-11-20"),
        // As text the first is the greater one.
        ("2026-09-30", "2026-10-01", "2026-10-01"),
        ("never", "2026-01-01", "2026-01-01"),
        ("2026-01-01", "2026-01-01", "2026-01-01"),
    ] {
        for rows in [[row(one), row(other)], [row(other), row(one)]] {
            let each = each_once(&rows);
            assert_eq!(each.len(), 1);
            assert_eq!((&each[0].0.last_used, each[0].1), (&moment(stands), one != other));
        }
    }
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.idle(1, r"CORP\anna", "2026-01-02");
    let plan = world.plan();
    assert_eq!(plan.types[0].decisions.len(), 1);
    assert_eq!(plan.types[0].decisions[0].keep[0], Keep::ListedTwice);
}

/// The ledger and events tell two plans apart by it.
#[test]
fn a_digest_is_of_the_plan_s_json() {
    let world = World::new();
    let mut other = World::new();
    other.idle(1, r"CORP\anna", "2026-01-01");
    let (digest, of_other) = (world.plan().digest(), other.plan().digest());
    assert_eq!((digest.len(), of_other.len()), (64, 64));
    assert!(digest != of_other && digest == World::new().plan().digest());
    let json = serde_json::to_vec(&world.plan()).unwrap();
    assert_eq!(digest, crate::ledger::digest(&json));
}
