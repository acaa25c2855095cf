//! A plan as a file that people and programs read.

use chrono::{DateTime, Utc};

use super::support::*;
use crate::license::Moment;
use crate::release::Plan;
use crate::release::plan::keep::tests::one_of_each;

fn there_and_back(plan: &Plan) -> Plan {
    let json = serde_json::to_string(plan).unwrap();
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn a_plan_of_every_reason_comes_back_the_same() {
    let mut world = World::new();
    world.idle(1, "CÖRP\\an\"na\u{1}\\", "2026-01-01 00:00:00.123");
    world.seats(Professional)[0].created = Moment::Unreadable("\u{0}?".into());
    world.idle(2, r"CORP\bob", "9999-12-31 23:59:59.999");
    world.seats(Professional)[1].created = Moment::At(DateTime::<Utc>::MAX_UTC);
    world.idle(3, r"CORP\carl", "2026-01-01");
    world.announced(3, "2026-11-20");
    world.seats(Professional).pop();
    world.unreadable_list(Analyzer, "short");
    let mut plan = world.plan();
    plan.types[0].decisions[0].keep = one_of_each();
    assert_eq!(plan.withdrawn.len(), 1);
    let back = there_and_back(&plan);
    assert_eq!(back, plan);
    assert_eq!(back.digest(), plan.digest());
}

#[test]
fn the_json_of_a_small_plan() {
    let mut world = World::new();
    world.policy.types.truncate(1);
    world.idle(1, r"CORP\anna", "2026-01-01 10:00:00.500");
    world.seat(seat(Professional, 2, r"CORP\bob", "2026-11-20", "never"));
    world.policy.never_release.tags.push("Keep".into());
    world.person(r"CORP\bob").tags.push("keep".into());
    world.free(3.0, 4.0);
    let plan = world.plan();
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
}
