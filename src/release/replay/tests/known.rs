//! Small histories, each for one thing, with the answer worked out by hand.

use super::*;
use crate::policy::calendar::{Freeze, Hours, Minute};
use crate::policy::{Property, UserPattern};

/// Used on day 0 and again on day 100; on day 0, 50 and 70; on day 10 for the last time; never.
fn four() -> Vec<Truth> {
    let mut never = Truth::new(4, 5, &[]);
    never.created = at(5, 9);
    vec![
        Truth::new(1, -20, &[at(0, 9), at(100, 9)]),
        Truth::new(2, -20, &[at(0, 9), at(50, 9), at(70, 9)]),
        Truth::new(3, -20, &[at(10, 9)]),
        never,
    ]
}

fn on(replayed: &Replayed, n: usize) -> (u32, u32, u32) {
    let day = &replayed.days[n];
    assert!(day.exact, "{day:?}");
    (day.released.at_least, day.came_back.at_least, day.out.at_least)
}

#[test]
fn a_made_history_has_a_known_answer() {
    let facts = facts(&four(), at(-100, 0));
    let replayed = replay(&facts, &rule(A, 30), span(0, 120), at(120, 12));
    // The run of a day is at its beginning: used at 9 o'clock of day 0, 30 days are over in that of day 31.
    assert_eq!(on(&replayed, 30), (0, 0, 0));
    assert_eq!(on(&replayed, 31), (2, 0, 2));
    assert_eq!(on(&replayed, 36), (1, 0, 3), "never used, allocated on day 5");
    assert_eq!(on(&replayed, 41), (1, 0, 4));
    assert_eq!(on(&replayed, 50), (0, 1, 3), "back after 19 days");
    assert_eq!(on(&replayed, 100), (0, 1, 2), "back after 69 days, and 2 goes again on day 101");
    assert_eq!(on(&replayed, 101), (1, 0, 3));
    assert_eq!(replayed.released, exact(5));
    let back = replayed.came_back;
    let counts = [back.within_14_days, back.within_30_days, back.within_90_days, back.so_far];
    assert_eq!(counts, [0, 1, 2, 2].map(exact));
    let names: Vec<_> = replayed
        .returns
        .iter()
        .map(|back| (back.holder.account(), back.released, back.days, back.certain))
        .collect();
    let account = |n| format!("CORP\\user{n}");
    assert_eq!(names, [(account(2), day(31), 19, true), (account(1), day(31), 69, true)]);
    // For the cost: from the day of the release until the day of the return.
    let certain = &replayed.certain;
    assert!(certain.iter().any(|seats| seats.from == day(31) && seats.until == Some(day(50))));
    assert_eq!(certain.iter().filter(|seats| seats.until.is_none()).count(), 3);

    let later = replay(&facts, &rule(A, 60), span(0, 120), at(120, 12));
    assert_eq!(later.released, exact(3), "1 after 61 days, 3 and 4");
    assert_eq!(later.came_back.so_far, exact(1));
}

#[test]
fn days_before_gaps_were_recorded_are_bounds() {
    let facts = facts(&four(), at(60, 0));
    let replayed = replay(&facts, &rule(A, 30), span(0, 120), at(120, 12));
    let early = &replayed.days[31];
    // Of 1 the gap that was open on day 60 is known, and that 2 was away for 50 days is not.
    assert_eq!(early.released.at_least, 1);
    assert!(!early.exact && early.released.at_most >= 2, "{early:?}");
    assert!(replayed.days[61..].iter().all(|day| day.exact), "{:?}", &replayed.days[61..]);
    assert_eq!(replayed.released.at_least, 4);
    let unknown = Facts { recorded_from: BTreeMap::new(), ..facts };
    let replayed = replay(&unknown, &rule(A, 30), span(0, 120), at(120, 12));
    assert!(replayed.recorded_from.is_none());
    assert_eq!(replayed.released.at_least, 4, "what lies in a known gap is certain all the same");
}

#[test]
fn a_shorter_threshold_than_gaps_are_recorded_for_is_never_exact() {
    let facts = facts(&[Truth::new(1, -20, &[at(0, 9), at(10, 9), at(100, 9)])], at(-100, 0));
    let seven = TypeRule { reallocated_grace_days: 0, ..rule(A, 7) };
    let replayed = replay(&facts, &seven, span(0, 120), at(120, 12));
    // Away for ten days, which nobody noted.
    assert_eq!(replayed.days[8].released, Bounds { at_least: 0, at_most: 1 });
    assert_eq!(on(&replayed, 18), (1, 0, 1));
    let longer = replay(&facts, &rule(A, 14), span(0, 120), at(120, 12));
    assert!(longer.days.iter().all(|day| day.exact));
}

#[test]
fn nobody_looked_for_some_days() {
    let mut facts = facts(&four()[..1], at(-100, 0));
    unseen_from(&mut facts, &four()[..1], at(-100, 0), at(20, 0));
    let replayed = replay(&facts, &rule(A, 30), span(0, 120), at(120, 12));
    assert_eq!(replayed.released, Bounds { at_least: 0, at_most: 1 });
}

/// The seat was used again on day 100 at the latest: between day 40 and then nobody looked.
#[test]
fn a_return_that_nobody_saw_has_no_certain_day() {
    let mut facts = facts(&four()[..1], at(-100, 0));
    unseen_from(&mut facts, &four()[..1], at(-100, 0), at(40, 9));
    let replayed = replay(&facts, &rule(A, 30), span(0, 120), at(120, 12));
    assert_eq!(on(&replayed, 31), (1, 0, 1));
    assert_eq!(replayed.days[60].came_back, Bounds { at_least: 0, at_most: 1 });
    assert_eq!(replayed.days[60].out, Bounds { at_least: 0, at_most: 1 });
    assert_eq!(replayed.days[101].out, exact(0));
    let back = replayed.came_back;
    assert_eq!(back.within_14_days, Bounds { at_least: 0, at_most: 1 });
    assert_eq!((back.within_90_days, back.so_far), (exact(1), exact(1)));
}

#[test]
fn who_is_protected_or_not_known_is_never_certain() {
    let mut facts = facts(&four(), at(-100, 0));
    let mut policy = policy(&[rule(A, 30)]);
    let ask = |facts: &Facts, policy: &Policy| {
        let timeline = Timeline::new(facts, policy, &policy.types, at(120, 12));
        let replayed = timeline.replay(&policy.types[0], span(0, 120), false);
        (replayed.released, replayed.undecided)
    };
    policy.never_release.users = vec![UserPattern {
        directory: "CORP".into(),
        user_id: "user2".into(),
        ..UserPattern::default()
    }];
    assert_eq!(ask(&facts, &policy), (exact(3), 0));
    let keep = Property { name: "Keep".into(), value: "yes".into() };
    policy.never_release.custom_properties = vec![keep];
    // Nobody's properties are known now: without them nothing is certain.
    assert_eq!(ask(&facts, &policy), (Bounds { at_least: 0, at_most: 3 }, 3));
    for n in [1, 3, 4] {
        let holder = person(n);
        let properties = if n == 3 { vec![("keep".into(), "YES".into())] } else { Vec::new() };
        let person = Person {
            id: holder.id,
            directory: "CORP".into(),
            user_id: format!("user{n}").into(),
            name: "".into(),
            roles: None,
            groups: None,
            tags: Vec::new(),
            properties,
            inactive: false,
            blocked: false,
            removed_externally: false,
        };
        facts.people.insert(holder.id, person);
    }
    assert_eq!(ask(&facts, &policy), (exact(2), 0));
}

#[test]
fn a_seat_that_is_gone_counts_while_it_was_there() {
    let mut all = vec![Truth::new(1, -20, &[at(0, 9)])];
    all[0].removed = Some(at(60, 9));
    let asked =
        |all: &[Truth]| replay(&facts(all, at(-100, 0)), &rule(A, 30), span(0, 120), at(120, 12));
    // Its last use went with its row.
    assert_eq!(asked(&all).released, Bounds { at_least: 0, at_most: 1 });
    all[0].by_bursar = true;
    let replayed = asked(&all);
    assert_eq!(
        (on(&replayed, 31), on(&replayed, 59), on(&replayed, 60)),
        ((1, 0, 1), (0, 0, 1), (0, 0, 0))
    );
    // Another seat, to the same person, is a return.
    all.push(Truth::new(1, 80, &[]));
    let mut facts = facts(&all, at(-100, 0));
    facts.seats[0].id = Uuid::from_u128(77);
    let replayed = replay(&facts, &rule(A, 60), span(0, 120), at(120, 12));
    assert_eq!(replayed.released, exact(0), "it was gone after 60 days");
    let replayed = replay(&facts, &rule(A, 50), span(0, 120), at(120, 12));
    assert_eq!((replayed.released, replayed.came_back.within_30_days), (exact(1), exact(1)));
    assert_eq!(replayed.days[80].came_back, exact(1));
}

#[test]
fn freezes_and_days_without_hours_have_no_run() {
    let facts = facts(&four(), at(-100, 0));
    let mut policy = policy(&[rule(A, 30)]);
    policy.calendar.freeze = vec![Freeze {
        from: "2026-01-20".to_owned().try_into().unwrap(),
        to: "2026-02-14".to_owned().try_into().unwrap(),
        why: String::new(),
    }];
    let timeline = Timeline::new(&facts, &policy, &policy.types, at(120, 12));
    let replayed = timeline.replay(&policy.types[0], span(0, 120), false);
    // The freeze ends with day 44.
    assert_eq!((replayed.days[44].out, replayed.days[45].released), (exact(0), exact(4)));
    policy.calendar.freeze.clear();
    let hours = Hours { days: vec![chrono::Weekday::Mon], from: Minute(0), to: Minute(60) };
    policy.calendar.allowed_hours = vec![hours];
    let timeline = Timeline::new(&facts, &policy, &policy.types, at(120, 12));
    let replayed = timeline.replay(&policy.types[0], span(0, 120), false);
    use chrono::Datelike;
    let on_mondays = replayed
        .days
        .iter()
        .all(|day| day.released.at_most == 0 || day.day.weekday() == chrono::Weekday::Mon);
    assert!(on_mondays && replayed.released.at_least > 0);
}

#[test]
fn too_large_a_share_stops_days_after_the_first() {
    // Ten idle from the beginning, and ten more that become idle together.
    let old = (0..10).map(|n| Truth::new(n, -200, &[at(-100, 9)]));
    let late = (10..20).map(|n| Truth::new(n, -5, &[at(20, 9)]));
    let all: Vec<Truth> = old.chain(late).collect();
    let mut facts = facts(&all, at(-1_000, 0));
    free(&mut facts, 5);
    let rule = TypeRule { max_release_percent: 25, ..rule(A, 30) };
    let replayed = replay(&facts, &rule, span(0, 80), at(80, 12));
    assert_eq!(replayed.accepted, Some((10, 20)));
    assert_eq!(on(&replayed, 0), (10, 0, 10));
    // What was accepted holds for as many again.
    assert_eq!(on(&replayed, 51), (10, 0, 20));
    assert_eq!(replayed.days[51].free_then, Some(exact(25)));
    let replayed = replay(&facts, &rule, span(40, 80), at(80, 12));
    assert_eq!(replayed.accepted, Some((10, 20)));
    let late = facts.seats.split_off(10);
    let facts = Facts { seats: late, ..facts };
    let replayed = replay(&facts, &rule, span(0, 80), at(80, 12));
    assert_eq!((replayed.accepted, replayed.released), (None, exact(0)));
    assert_eq!(replayed.days.iter().filter(|day| day.stopped).count(), 30);
}
