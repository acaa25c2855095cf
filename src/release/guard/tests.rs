//! Each guard just below and just above what it allows.

use super::super::rules::names::{Finding, Mistake};
use crate::policy::calendar::{Day, Freeze};
use chrono::TimeDelta;
use uuid::Uuid;

use super::{check, plan_of_another_site};
use crate::ledger::Action;
use crate::ledger::past::{Accepted, OpenIntent, Pause};
use crate::license::{PersonRead, SeatType, SiteIdentity};
use crate::policy::{Guard, Refusal, ThreeWay};
use crate::release::plan::tests::support::{self, *};
use crate::release::plan::{Clocks, Outcome, Plan, Sharing};

/// A hundred Professional seats, of which the first `due` are due; the others are in use.
fn site(due: u128) -> World {
    let mut world = World::new();
    for number in 0..100 {
        let used = if number < due { "2026-01-01" } else { "2026-11-24 07:00" };
        world.idle(number, &format!("CORP\\u{number}"), used);
    }
    world
}

fn refusals(world: &World) -> Vec<Refusal> {
    check(&world.plan(), &world.snapshot, &world.past, None, None)
}

/// Which guards speak against it, and the type they stop: `percent professional`.
fn guards(world: &World) -> Vec<String> {
    refusals(world).iter().map(name).collect()
}

fn name(refusal: &Refusal) -> String {
    match refusal.seat_type {
        Some(seat_type) => format!("{} {seat_type}", refusal.guard),
        None => refusal.guard.to_string(),
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_site_in_order_is_not_stopped() {
    assert_eq!(guards(&site(10)), NONE);
    assert_eq!(guards(&World::new()), NONE);
}

#[test]
fn percent_counts_all_seats_of_the_type_and_rounds_up() {
    assert_eq!(guards(&site(25)), NONE);
    assert_eq!(guards(&site(26)), ["percent professional"]);

    let mut rounds_up = site(26);
    rounds_up.idle(100, r"CORP\more", "2026-11-20");
    assert_eq!(guards(&rounds_up), NONE);

    // Whoever is protected is not due.
    let mut protected = site(26);
    protected.person(r"CORP\u3").blocked = true;
    protected.policy.never_release.blocked = ThreeWay::Yes;
    assert_eq!(guards(&protected), NONE);
}

#[test]
fn percent_counts_all_that_are_due_before_anything_trims_the_plan() {
    let mut trimmed = site(99);
    trimmed.rule(Professional).keep_free = Some(25);
    trimmed.free(0.0, 0.0);
    let plan = trimmed.plan();
    assert_eq!((plan.types[0].due(), plan.types[0].count(Outcome::Release)), (99, 25));
    assert_eq!(guards(&trimmed), ["percent professional"]);
    assert!(refusals(&trimmed)[0].saw.starts_with("99 of 100"), "{:?}", refusals(&trimmed));

    // Nobody says how many are free.
    trimmed.snapshot.pools = None;
    assert_eq!(guards(&trimmed), ["percent professional"]);

    let mut capped = site(60);
    capped.rule(Professional).max_releases = Some(5);
    assert_eq!(guards(&capped), ["percent professional"]);

    let mut announced = site(60);
    announced.rule(Professional).grace_days = 7;
    assert_eq!(guards(&announced), ["percent professional"]);

    let mut waiting = site(60);
    for number in 0..60 {
        waiting.announced(number, "2026-12-01");
    }
    assert_eq!(waiting.plan().types[0].count(Outcome::Keep), 100);
    assert_eq!(guards(&waiting), ["percent professional"]);
}

#[test]
fn percent_allows_one_release() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-01-01");
    world.seat(seat(Analyzer, 2, r"CORP\bob", "2020-01-01", "2026-11-24 07:00"));
    world.rule(Professional).max_release_percent = 0;
    assert_eq!(guards(&world), NONE);
    world.idle(3, r"CORP\carl", "2026-01-01");
    assert_eq!(guards(&world), ["percent professional"]);
}

#[test]
fn percent_stops_only_its_type() {
    let mut world = site(26);
    world.seat(seat(Analyzer, 200, r"CORP\bob", "2020-01-01", "2026-01-01"));
    let mut plan = world.plan();
    plan.refusals = check(&plan, &world.snapshot, &world.past, None, None);
    assert_eq!(plan.releases(&[]).len(), 1);
    assert_eq!(plan.releases(&[Guard::Percent]).len(), 27);
}

#[test]
fn max_releases_counts_what_the_plan_says_not_what_it_should_say() {
    let mut world = site(10);
    world.rule(Professional).max_releases = Some(5);
    let mut plan = world.plan();
    let ask = |plan: &Plan| {
        let found = check(plan, &world.snapshot, &world.past, None, None);
        found.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(ask(&plan), NONE);
    // Edited by hand.
    let decision = plan.types[0].decisions.iter_mut().find(|d| d.outcome == Outcome::Keep).unwrap();
    decision.outcome = Outcome::Release;
    assert_eq!(ask(&plan), ["max-releases professional"]);
    plan.types[0].rule.max_releases = None;
    assert_eq!(ask(&plan), ["max-releases professional"]);
    // Made under other settings.
    plan.policy.types[0].max_releases = Some(6);
    assert_eq!(ask(&plan), NONE);
}

#[test]
fn stale_signal_looks_for_one_use_among_all_seats() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "2026-11-17 08:00:00.001");
    assert_eq!(guards(&world), NONE);
    world.seats(Professional)[0].last_used = moment("2026-11-17 08:00:00.000");
    assert_eq!(guards(&world), ["stale-signal"]);
    // A seat of a type that is not enabled shows use just as well.
    world.seat(seat(SeatType::User, 2, r"CORP\bob", "2020-01-01", "2026-11-24"));
    assert_eq!(guards(&world), NONE);

    world.seats(SeatType::User)[0].last_used = moment("2027-01-01");
    assert_eq!(guards(&world), ["stale-signal"], "a time in the future is no sign of use");
    world.seats(SeatType::User)[0].last_used = moment("2026-11-24 08:05:00");
    assert_eq!(guards(&world), NONE, "within the tolerance of the clocks");
    world.seats(SeatType::User)[0].last_used = moment("2026-11-24 08:05:00.001");
    assert_eq!(guards(&world), ["stale-signal"]);
}

#[test]
fn stale_signal_knows_a_site_on_which_nothing_was_ever_used() {
    let mut world = World::new();
    world.idle(1, r"CORP\anna", "never");
    world.idle(2, r"CORP\bob", "1753-01-01");
    world.idle(3, r"CORP\carl", "?soon");
    world.rule(Professional).max_release_percent = 100;
    assert_eq!(guards(&world), ["stale-signal"]);
    world.policy.limits.stale_signal_days = 0;
    assert_eq!(guards(&world), NONE);
}

#[test]
fn incomplete_stops_a_type_whose_list_is_short_and_only_that() {
    let mut world = site(10);
    world.seat(seat(Analyzer, 200, r"CORP\bob", "2020-01-01", "2026-01-01"));
    world.unreadable_list(Analyzer, "12 of 13 rows");
    world.policy.judge_per_user = false;
    assert_eq!(guards(&world), ["incomplete analyzer"]);
    let mut plan = world.plan();
    plan.refusals = refusals(&world);
    assert_eq!(plan.releases(Guard::ALL).len(), 10);

    // One that is not enabled is not needed.
    world.policy.types.retain(|rule| rule.seat_type == Professional);
    assert_eq!(guards(&world), NONE);
}

#[test]
fn incomplete_counts_the_people_who_could_not_be_read() {
    let mut world = site(20);
    let asked: Vec<Uuid> = world.snapshot.people.keys().copied().collect();
    assert_eq!(asked.len(), 100);
    let unread = |world: &mut World, n: usize| {
        for id in &asked[..n] {
            world.snapshot.people.insert(*id, PersonRead::Unreadable("a login page".into()));
        }
    };
    unread(&mut world, 10);
    assert_eq!(guards(&world), NONE);
    // Those who are not on the site any more were read well.
    for id in &asked[50..] {
        world.snapshot.people.insert(*id, PersonRead::Gone);
    }
    assert_eq!(guards(&world), NONE);
    unread(&mut world, 11);
    assert_eq!(guards(&world), ["incomplete"]);
    world.policy.limits.max_unread_percent = 11;
    assert_eq!(guards(&world), NONE);
}

#[test]
fn incomplete_counts_answers_of_somebody_else_and_people_nobody_asked_for() {
    let mut world = site(9);
    for number in 0..9 {
        world.read(&format!("CORP\\u{number}"), PersonRead::Whole(person(r"CORP\other")));
    }
    world.policy.limits.max_unread_percent = 9;
    assert_eq!(guards(&world), NONE);
    world.policy.limits.max_unread_percent = 8;
    assert_eq!(guards(&world), ["incomplete"]);

    // The same people were not asked for at all: they are 9 of 100 again.
    for number in 0..9 {
        world.snapshot.people.remove(&holder(&format!("CORP\\u{number}")).id);
    }
    assert_eq!(guards(&world), ["incomplete"]);
    world.policy.limits.max_unread_percent = 9;
    assert_eq!(guards(&world), NONE);
    // Nobody was asked for anything.
    world.snapshot.people.clear();
    assert_eq!(guards(&world), ["incomplete"]);
}

#[test]
fn clock_allows_the_tolerance_to_both_sides_and_has_to_be_known() {
    let mut world = site(10);
    let mut off = |milliseconds| {
        let here = world.now;
        let site = here + TimeDelta::milliseconds(milliseconds);
        world.snapshot.clocks = Some(Clocks { site, here });
        guards(&world)
    };
    assert_eq!(off(300_000), NONE);
    assert_eq!(off(-300_000), NONE);
    assert_eq!(off(300_001), ["clock"]);
    assert_eq!(off(-300_001), ["clock"]);
    let saw = |world: &World| refusals(world).remove(0).saw;
    let text = saw(&world);
    assert!(text.contains("is 301 s behind this machine's (allowed: 300 s)"), "{text}");
    world.snapshot.clocks =
        Some(Clocks { site: world.now + TimeDelta::seconds(301), here: world.now });
    let text = saw(&world);
    assert!(text.contains("is 301 s ahead of this machine's (allowed: 300 s)"), "{text}");
    world.snapshot.clocks = None;
    assert_eq!(guards(&world), ["clock"]);
    assert!(saw(&world).ends_with("the answer had no readable `Date`"), "{}", saw(&world));
}

#[test]
fn where_no_list_could_be_read_the_clock_is_not_to_blame() {
    let clock = |unread: &[SeatType]| {
        let mut world = site(10);
        world.snapshot.clocks = None;
        for seat_type in unread {
            world.unreadable_list(*seat_type, &format!("403 for {seat_type}"));
        }
        let refusals = refusals(&world);
        refusals.into_iter().find(|refusal| refusal.guard == Guard::Clock).unwrap().saw
    };
    let all = clock(&SeatType::ALL);
    let why = format!("no list of seats could be read: 403 for {}", SeatType::ALL[0]);
    assert!(all.ends_with(&why), "{all}");
    for some in [&SeatType::ALL[1..], &SeatType::ALL[..1], &[]] {
        assert!(clock(some).ends_with("no readable `Date`"), "{some:?}");
    }
}

#[test]
fn five_misspelt_rules_are_named_and_the_others_counted() {
    let saw = |rules: usize| {
        let mut world = site(10);
        let misspelt = |n: usize| Finding {
            setting: "neverRelease.user",
            rule: format!("CORP\\CORP\\u{n}"),
            what: Mistake::Misspelt { means: format!("CORP\\u{n}"), why: "twice" },
        };
        world.snapshot.rules = (0..rules).map(misspelt).collect();
        refusals(&world).remove(0).saw
    };
    assert!(!saw(5).contains("more rules") && saw(5).contains(r"CORP\u4"), "{}", saw(5));
    assert!(saw(6).ends_with("; and 1 more rules"), "{}", saw(6));
}

#[test]
fn unsettled_stops_the_run() {
    let ask = |open: usize, hours: i64, max: Option<u32>| {
        let mut world = site(10);
        world.past.open = open_intents(&world, open, hours);
        world.policy.limits.max_unsettled = max;
        guards(&world)
    };
    // One of a hundred.
    assert_eq!(ask(1, 25, None), NONE);
    assert_eq!(ask(2, 25, None), ["unsettled professional"]);
    // Those of the last day don't count.
    assert_eq!(ask(10, 24, None), NONE);
    assert_eq!(ask(4, 25, Some(4)), NONE);
    assert_eq!(ask(5, 25, Some(4)), ["unsettled professional"]);
    assert_eq!(ask(1, 25, Some(0)), ["unsettled professional"]);
    for (seats, most) in [(0, 1), (10, 1), (100, 1), (101, 2), (1999, 20), (2000, 20), (90_000, 20)]
    {
        assert_eq!(super::most_unsettled(None, seats), most, "{seats}");
    }
}

/// So many attempts at Professional seats that are nobody's here.
fn open_intents(world: &World, count: usize, hours: i64) -> Vec<OpenIntent> {
    let since = world.now - TimeDelta::hours(hours);
    let one = |n| OpenIntent {
        record: n as u64,
        action: Action::Release,
        seat_type: Professional,
        seat: Uuid::from_u128(900_000 + n as u128),
        since,
    };
    (0..count).map(one).collect()
}

#[test]
fn shared_license_stops_until_somebody_says_something_that_is_not_wrong() {
    let mut world = site(10);
    let other = |same: Result<(), &str>| Sharing {
        site: "Test".into(),
        same: same.map_err(ToOwned::to_owned),
    };
    let mut ask = |same, declared| {
        world.snapshot.sharing = vec![other(same)];
        world.policy.limits.license_key_shared = declared;
        guards(&world)
    };
    assert_eq!(ask(Ok(()), None), ["shared-license"]);
    assert_eq!(ask(Err("no answer"), None), ["shared-license"]);
    assert_eq!(ask(Ok(()), Some(true)), NONE);
    assert_eq!(ask(Err("no answer"), Some(false)), NONE);
    assert_eq!(ask(Ok(()), Some(false)), ["shared-license"]);
}

#[test]
fn other_site_stops_until_it_is_known_who_answers() {
    let mut world = site(10);
    // Seen for the first time.
    assert_eq!(guards(&world), NONE);
    let known = |node: &str, license: &str| Some(support::site(node, license));
    world.past.identity = known("node", "license");
    assert_eq!(guards(&world), NONE);
    let mut ask = |known: Option<SiteIdentity>, now: Result<SiteIdentity, String>| {
        world.past.identity = known;
        world.snapshot.identity = Some(now);
        let refusals = refusals(&world);
        assert!(refusals.iter().all(|r| r.guard == Guard::OtherSite && r.seat_type.is_none()));
        refusals.into_iter().map(|r| r.to_string()).collect::<String>()
    };
    let now = || Ok(support::site("node", "license"));
    assert!(ask(known("other", "license"), now()).contains("another site answers"));
    let renewed = ask(known("node", "before"), now());
    assert!(renewed.contains("another license than before") && renewed.contains("accept site"));
    let unread = ask(known("node", "license"), Err("timed out".into()));
    assert!(unread.contains("can't be told which site answers: timed out"), "{unread}");
    // Not even when it was never seen before.
    assert!(ask(None, Err("timed out".into())).contains("timed out"));
    assert!(ask(None, Ok(SiteIdentity::default())).contains("neither the site's nodes nor"));
    let fewer = SiteIdentity { nodes: Vec::new(), ..support::site("node", "license") };
    assert!(ask(known("node", "license"), Ok(fewer)).contains("can't be read any more"));
    world.snapshot.identity = None;
    assert_eq!(guards(&world), ["other-site"]);
    assert!(!Guard::OtherSite.can_be_accepted());
}

#[test]
fn a_plan_that_was_made_of_another_site_is_not_applied() {
    let identity = |node: Option<&str>, license: &str| {
        SiteIdentity::new(node.map(str::to_owned).into_iter(), Some(Some(license)))
    };
    let plan = |identity: Option<&SiteIdentity>| Plan {
        identity: identity.cloned(),
        ..World::new().plan()
    };
    let refusal = |then: Option<&SiteIdentity>, now: Option<&SiteIdentity>| {
        plan_of_another_site(&plan(then), &plan(now))
    };
    let then = identity(Some("a"), "1");
    for now in [&then, &identity(Some("a"), "1")] {
        assert_eq!(refusal(Some(&then), Some(now)), None);
    }
    for (now, saw) in [
        (identity(Some("b"), "1"), "was made of another site"),
        (identity(Some("a"), "2"), "has another license now"),
        (identity(None, "1"), "can't be told"),
    ] {
        let found = refusal(Some(&then), Some(&now)).expect(saw);
        assert_eq!((found.guard, found.seat_type), (Guard::OtherSite, None));
        assert!(found.saw.contains(saw), "{found:?}");
    }
    // What a plan doesn't say is looked at elsewhere.
    assert_eq!(refusal(None, Some(&then)), None);
    assert_eq!(refusal(Some(&then), None), None);
}

#[test]
fn what_they_say() {
    let mut world = site(60);
    world.seat(seat(Analyzer, 200, r"CORP\bob", "2020-01-01", "2026-01-01"));
    world.unreadable_list(Analyzer, "the site sent 12 of 13 rows");
    world.policy.judge_per_user = false;
    for number in 0..100 {
        world.seats(Professional)[number].last_used = moment("2026-10-01 10:00");
    }
    for number in 0..30 {
        let why = PersonRead::Unreadable("200 with a login page".into());
        world.read(&format!("CORP\\u{number}"), why);
    }
    world.snapshot.clocks =
        Some(Clocks { site: world.now - TimeDelta::seconds(400), here: world.now });
    world.past.open = open_intents(&world, 9, 25);
    world.past.identity = Some(support::site("other", "license"));
    world.snapshot.sharing = vec![
        Sharing { site: "Test".into(), same: Ok(()) },
        Sharing { site: "Dev".into(), same: Err("connection refused".into()) },
    ];
    let mut plan = world.plan();
    plan.policy.types[0].max_releases = Some(50);
    let [from, to] = ["11-20", "11-30"].map(|day| Day::parse(day).unwrap());
    plan.policy.calendar.freeze = vec![Freeze { from, to, why: "audit".into() }];
    world.snapshot.rules = vec![Finding {
        setting: "neverRelease.user",
        rule: "CORP\\CORP\\anna".into(),
        what: Mistake::Misspelt {
            means: "CORP\\anna".into(),
            why: "userId holds the directory, too",
        },
    }];
    let pause = Pause {
        until: time("2026-12-31 22:59"),
        why: "year-end closing".into(),
        by: "anna@qlik1".into(),
        since: time("2026-11-20"),
        begun_anew: false,
    };
    let mut refusals = check(&plan, &world.snapshot, &world.past, Some(&pause), None);
    let begun_anew =
        Pause { begun_anew: true, why: "the store was damaged".into(), ..pause.clone() };
    refusals.push(super::is_paused(&begun_anew));
    let seen: Vec<_> = refusals.iter().map(|r| r.guard).collect();
    for &guard in Guard::ALL {
        assert!(seen.contains(&guard), "{guard}");
    }
    let lines: Vec<_> = refusals.iter().map(|r| format!("{}: {r}", name(r))).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn names_are_those_of_json_and_none_is_missing() {
    for &guard in Guard::ALL {
        assert_eq!(serde_json::to_value(guard).unwrap(), guard.as_str());
    }
    // Said by the definition itself, so that nobody has to remember the list.
    let error = serde_json::from_str::<Guard>("\"none\"").unwrap_err().to_string();
    let known = error.matches('`').count() / 2 - 1;
    assert_eq!(known, Guard::ALL.len(), "{error}");
    for &guard in Guard::ALL {
        assert!(error.contains(&format!("`{guard}`")), "{error}");
    }
}

#[test]
fn max_releases_are_less_what_went_within_the_window() {
    let mut world = site(10);
    world.rule(Professional).max_releases = Some(5);
    world.past.taken.insert(Professional, 3);
    let plan = world.plan();
    assert_eq!(plan.types[0].count(Outcome::Release), 2);
    assert_eq!((plan.types[0].taken, plan.types[0].left), (3, Some(2)));
    assert_eq!(guards(&world), NONE);
    // Of another type.
    world.past.taken.insert(Analyzer, 9);
    assert_eq!(world.plan().types[0].left, Some(2));
    // A plan that was made before.
    let ask = |world: &World| check(&plan, &world.snapshot, &world.past, None, None);
    assert_eq!(ask(&world), []);
    world.past.taken.insert(Professional, 4);
    let [refusal] = &ask(&world)[..] else { panic!("{:?}", ask(&world)) };
    insta::assert_snapshot!(refusal.saw, @"2 seats of type Professional are to be released, 4 went within the last 22 hours, given back since or not, and maxReleases is 5");
    // More than that went: nothing more goes.
    world.past.taken.insert(Professional, 6);
    assert_eq!(world.plan().types[0].count(Outcome::Release), 0);
    assert_eq!(guards(&world), NONE);
}

#[test]
fn percent_counts_what_went_within_the_window() {
    let mut world = site(20);
    world.past.taken.insert(Professional, 7);
    // 27 of 107; 25 % are 27.
    assert_eq!(guards(&world), NONE);
    world.past.taken.insert(Professional, 8);
    assert_eq!(guards(&world), ["percent professional"]);
    // Where nothing is due there is nothing to stop.
    let mut done = site(0);
    done.past.taken.insert(Professional, 80);
    assert_eq!(guards(&done), NONE);
}

fn accepted(seat_type: SeatType, due: u64, until: &str) -> Accepted {
    Accepted {
        guard: Guard::Percent,
        seat_type,
        due,
        seats: 100,
        since: time("2026-11-20"),
        until: time(until),
        by: "anna@qlik1".into(),
        why: "backlog".into(),
    }
}

#[test]
fn an_accepted_backlog_goes_until_its_day_and_while_it_does_not_grow() {
    let mut world = site(66);
    world.past.accepted = vec![accepted(Professional, 60, "2026-11-24 08:00:01")];
    assert_eq!(guards(&world), NONE);
    assert_eq!(world.plan().accepted, world.past.accepted);

    // What went meanwhile is part of it, and so is what came.
    world.past.taken.insert(Professional, 1);
    assert_eq!(guards(&world), ["percent professional"]);
    let saw = &refusals(&world)[0].saw;
    assert!(saw.contains("anna@qlik1 accepted 60, and the backlog has grown by more than a tenth"));
    world.past.taken.clear();

    // Its end, another type, and what was said after it.
    world.past.accepted = vec![accepted(Professional, 60, "2026-11-24 08:00")];
    assert_eq!(guards(&world), ["percent professional"]);
    assert_eq!(world.plan().accepted, []);
    world.past.accepted = vec![accepted(Analyzer, 60, "2026-12-24")];
    assert_eq!(guards(&world), ["percent professional"]);
    world.past.accepted =
        vec![accepted(Professional, 60, "2026-12-24"), accepted(Professional, 30, "2026-12-24")];
    assert_eq!(guards(&world), ["percent professional"]);
    assert_eq!(world.plan().accepted.len(), 1);
    // It is one guard that was accepted.
    world.past.accepted = vec![accepted(Professional, 60, "2026-12-24")];
    let mut plan = world.plan();
    plan.policy.types[0].max_releases = Some(1);
    let found = check(&plan, &world.snapshot, &world.past, None, None);
    assert_eq!(found.iter().map(name).collect::<Vec<_>>(), ["max-releases professional"]);
}
