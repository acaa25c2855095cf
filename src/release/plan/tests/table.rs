//! `tests/data/release/decisions.txt`: who, which seat, what is given -> what becomes of it.

use std::panic::catch_unwind;

use uuid::Uuid;

use super::support::*;
use crate::license::{Moment, PersonRead, SeatType};
use crate::policy::{Property, ThreeWay, TypeRule, UserPattern};
use crate::release::plan::Outcome;

const TABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/release/decisions.txt"));

/// As the table has. A line that is lost by a mistake in the file or in this reader fails the test.
const CASES: usize = 250;

#[test]
fn every_line_of_the_decision_table_holds() {
    let lines = TABLE.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let mut count = 0;
    let mut failures = Vec::new();
    for (n, line) in lines {
        count += 1;
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let [who, seat, created, used, given, now, expected] = columns[..] else {
            failures.push(format!("line {}: {} columns", n + 1, columns.len()));
            continue;
        };
        let found = catch_unwind(|| case(who, seat, created, used, given, now))
            .unwrap_or_else(|_| "a mistake in the line, see above".to_owned());
        if found != expected {
            failures.push(format!("line {}: {line}\n    found: {found}", n + 1));
        }
    }
    assert!(failures.is_empty(), "{} lines fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, CASES);
    assert!(count >= 60);
}

/// The outcome and the first reason of the seat of one line.
fn case(who: &str, seat: &str, created: &str, used: &str, given: &str, now: &str) -> String {
    let mut world = World::new();
    if now != "-" {
        world.now = time(now);
    }
    let (account, marks) = match who.split_once(',') {
        Some((account, marks)) => (account.trim(), marks),
        None => (who, ""),
    };
    let number = add_seat(&mut world, 1, account, seat, created, used);
    for mark in marks.split(',').map(str::trim).filter(|mark| !mark.is_empty()) {
        add_mark(&mut world, account, mark);
    }
    let mut others = 1;
    for token in given.split(';').map(str::trim).filter(|token| *token != "-") {
        if let Some(other) = token.strip_prefix("and ") {
            others += 1;
            let mut words = other.splitn(3, ", ");
            let mut next = || words.next().unwrap_or_else(|| panic!("{token}"));
            let (who, seat, used) = (next(), next(), next());
            let (who, removed) = match who.strip_suffix(" removed") {
                Some(who) => (who, true),
                None => (who, false),
            };
            let who = if who == "same" { account } else { who };
            add_seat(&mut world, others, who, seat, "2020-01-01", used);
            if removed {
                world.person(who).removed_externally = true;
            }
        } else {
            add_given(&mut world, token);
        }
    }

    let plan = world.plan();
    let decision = decision(&plan, number);
    let mut found = match (decision.outcome, decision.keep.first()) {
        (Outcome::Keep, Some(reason)) => format!("keep {}", reason.code()),
        (Outcome::Release, None) => "release".to_owned(),
        (Outcome::Announce, None) => "announce".to_owned(),
        (outcome, reason) => panic!("{outcome:?} with {reason:?}"),
    };
    if !plan.withdrawn.is_empty() {
        found.push_str(", withdrawn");
    }
    found
}

fn add_seat(
    world: &mut World,
    number: u128,
    who: &str,
    what: &str,
    created: &str,
    used: &str,
) -> u128 {
    let mut words = what.split(' ');
    let seat_type = match words.next() {
        Some("pro") => Professional,
        Some("ana") => Analyzer,
        Some("user") => SeatType::User,
        other => panic!("no type of seat: {other:?}"),
    };
    let mut new = seat(seat_type, number, who, created, used);
    for word in words {
        match word {
            "excess" => new.excess = true,
            "quarantined" => new.quarantined = Some(Moment::At(time("2026-11-30"))),
            _ => new.id = Uuid::from_u128(word.strip_prefix('#').unwrap().parse().unwrap()),
        }
    }
    let number = new.id.as_u128();
    world.seat(new);
    number
}

fn add_mark(world: &mut World, account: &str, mark: &str) {
    let (name, value) = mark.split_once(' ').unwrap_or((mark, ""));
    let list = || Some(vec![value.into()]);
    match name {
        "tag" => world.person(account).tags.push(value.into()),
        "property" => {
            let (name, value) = value.split_once(" = ").unwrap();
            world.person(account).properties.push((name.into(), value.into()));
        }
        "role" => world.person(account).roles = list(),
        "group" => world.person(account).groups = list(),
        "no-roles" => world.person(account).roles = None,
        "no-groups" => world.person(account).groups = None,
        "inactive" => world.person(account).inactive = true,
        "blocked" => world.person(account).blocked = true,
        "removed" => world.person(account).removed_externally = true,
        "now-named" => {
            let (directory, user_id) = value.split_once('\\').unwrap();
            let person = world.person(account);
            (person.directory, person.user_id) = (directory.into(), user_id.into());
        }
        "gone" => world.read(account, PersonRead::Gone),
        "unread" => world.read(account, PersonRead::Unreadable("a login page".into())),
        "not-asked" => {
            world.snapshot.people.remove(&holder(account).id);
        }
        "answer-is-other" => world.read(account, PersonRead::Whole(person(value))),
        "deleted" | "null" => {
            for seats in &mut world.snapshot.seats {
                for seat in seats.list.as_mut().unwrap() {
                    seat.holder = None;
                    seat.deleted_user = (name == "deleted").then(|| account.into());
                }
            }
        }
        _ => panic!("unknown mark: {mark}"),
    }
}

fn add_given(world: &mut World, token: &str) {
    let (name, value) = token.split_once(' ').unwrap_or((token, ""));
    let number = || value.parse::<u32>().unwrap_or_else(|_| panic!("no number: {token}"));
    let three_way = || match value {
        "yes" => ThreeWay::Yes,
        "no" => ThreeWay::No,
        "ignore" => ThreeWay::Ignore,
        _ => panic!("unknown switch: {token}"),
    };
    let never = &mut world.policy.never_release;
    match name {
        "user" => {
            let (directory, user_id) = value.split_once('\\').unwrap();
            never.users.push(UserPattern {
                directory: directory.into(),
                user_id: user_id.into(),
                ..UserPattern::default()
            });
        }
        "directory" => never.directories.push(value.into()),
        "tag" => never.tags.push(value.into()),
        "property" => {
            let (name, value) = value.split_once(" = ").unwrap();
            never.custom_properties.push(Property { name: name.into(), value: value.into() });
        }
        "role" => never.roles.push(value.into()),
        "group" => never.groups.push(value.into()),
        "blank-entries" => {
            let blank = || String::from(" ");
            never.users.push(UserPattern {
                directory: blank(),
                user_id: String::new(),
                ..UserPattern::default()
            });
            never.custom_properties.push(Property { name: blank(), value: String::new() });
            for list in
                [&mut never.directories, &mut never.tags, &mut never.roles, &mut never.groups]
            {
                list.push(blank());
            }
        }
        "inactive" => never.inactive = three_way(),
        "blocked" => never.blocked = three_way(),
        "removed" => never.removed_externally = three_way(),
        "per-user" => world.policy.judge_per_user = value == "yes",
        "free" => world.free(number().into(), number().into()),
        "user-type" => world.policy.types.push(TypeRule::new(SeatType::User)),
        "free-unknown" => world.snapshot.pools = None,
        "unreadable-list" if value == "ana" => world.unreadable_list(Analyzer, "short"),
        "released" => {
            world.past.released.insert((Professional, holder_of_1(world)), time(value));
        }
        "released-ana" => {
            world.past.released.insert((Analyzer, holder_of_1(world)), time(value));
        }
        "announced" => {
            let (due, changed) = match value.split_once(", ") {
                Some((due, changed)) => (due, Some(changed)),
                None => (value, None),
            };
            let announcement = world.announced(1, due);
            match changed.map(|changed| changed.split_once(' ').unwrap()) {
                None => {}
                Some(("last-used", used)) => announcement.last_used = moment(used),
                Some(("of", account)) => announcement.holder = holder(account),
                Some(("seat", number)) => {
                    let gone = Uuid::from_u128(number.parse().unwrap());
                    announcement.seat = gone;
                    let announcement = world.past.announced.remove(&Uuid::from_u128(1)).unwrap();
                    world.past.announced.insert(gone, announcement);
                }
                other => panic!("unknown change: {other:?}"),
            }
        }
        _ => {
            for rule in &mut world.policy.types {
                match name {
                    "threshold" => rule.release_threshold_days = number(),
                    "never-used" => rule.never_used_grace_days = number(),
                    "keepFree" => rule.keep_free = Some(number()),
                    "grace" => rule.grace_days = number(),
                    "max" => rule.max_releases = Some(number()),
                    "churn" => rule.reallocated_grace_days = number(),
                    _ => panic!("unknown setting: {token}"),
                }
            }
        }
    }
}

fn holder_of_1(world: &World) -> Uuid {
    let lists = world.snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
    let id = Uuid::from_u128(1);
    lists.flatten().find(|seat| seat.id == id).unwrap().holder.as_ref().unwrap().id
}
