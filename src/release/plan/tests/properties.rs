//! What holds for every plan, whatever the site, the rules and the past are.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::support::*;
use crate::ledger::Action;
use crate::ledger::past::{Announcement, OpenIntent};
use crate::license::{Moment, Person, PersonRead, Seat, SeatType};
use crate::policy::{NeverRelease, Policy, Property, ThreeWay, TypeRule, UserPattern};
use crate::release::plan::{Decision, Keep, Outcome, Plan, keeping, people_in_question};

/// Accounts of the people in these worlds. Two differ from others only in letter case.
const ACCOUNTS: [&str; 10] = [
    r"CORP\anna",
    r"corp\ANNA",
    r"CORP\bob",
    r"CORP\svc_backup",
    r"CORP\Jürgen",
    r"OTHER\anna",
    r"OTHER\JÜRGEN",
    r"TEMP\x",
    r"INTERNAL\sa_api",
    r"internal\sa_repository",
];

/// Tags, values, roles and groups.
const WORDS: [&str; 5] = ["keep", "KEEP", "Geschützt", "geschützt", "other"];

/// Qlik's own accounts less often: they are always kept.
fn account() -> impl Strategy<Value = &'static str> {
    prop_oneof![15 => select(&ACCOUNTS[..8]), 1 => select(&ACCOUNTS[8..])]
}

fn word() -> impl Strategy<Value = &'static str> {
    select(&WORDS[..])
}

fn words() -> impl Strategy<Value = Vec<Box<str>>> {
    prop::collection::vec(word().prop_map(Into::into), 0..3)
}

fn now() -> DateTime<Utc> {
    World::new().now
}

/// Mostly near one of the boundaries, where mistakes are.
fn a_moment() -> impl Strategy<Value = Moment> {
    let days = select(vec![0_i64, 1, 7, 14, 30, 31, 60, 60, 400, 400, 400]);
    let near = (days, -2_i64..=2).prop_map(|(days, off)| {
        Moment::At(now() - TimeDelta::days(days) + TimeDelta::milliseconds(off))
    });
    let any = (-10_i64..5_000).prop_map(|hours| Moment::At(now() - TimeDelta::hours(hours)));
    prop_oneof![
        16 => near,
        8 => any,
        4 => Just(Moment::Never),
        1 => Just(Moment::At(time("1753-01-01"))),
        1 => Just(Moment::Unreadable("soon".into())),
    ]
}

fn a_seat(number: u128) -> impl Strategy<Value = Seat> {
    let holder = prop_oneof![15 => account().prop_map(Some), 1 => Just(None)];
    let quarantined = prop_oneof![9 => Just(None), 1 => a_moment().prop_map(Some)];
    let flags = (any::<bool>(), quarantined);
    (select(&SeatType::ALL[..]), holder, a_moment(), a_moment(), flags).prop_map(
        move |(seat_type, account, created, last_used, (excess, quarantined))| Seat {
            id: Uuid::from_u128(number),
            seat_type,
            holder: account.map(|account| super::support::holder(account).into()),
            deleted_user: None,
            created,
            last_used,
            excess,
            quarantined,
        },
    )
}

fn a_person(account: &'static str) -> impl Strategy<Value = Person> {
    let list = || prop_oneof![4 => words().prop_map(Some), 1 => Just(None)];
    let properties = prop::collection::vec((word(), word()), 0..3);
    let marks = (any::<bool>(), any::<bool>(), any::<bool>());
    (list(), list(), words(), properties, marks).prop_map(
        move |(roles, groups, tags, properties, (inactive, blocked, removed_externally))| Person {
            roles,
            groups,
            tags,
            properties: properties.into_iter().map(|(n, v)| (n.into(), v.into())).collect(),
            inactive,
            blocked,
            removed_externally,
            ..person(account)
        },
    )
}

/// What is known of a person; `None` = was not asked for.
fn a_reading(account: &'static str) -> impl Strategy<Value = Option<PersonRead>> {
    prop_oneof![
        20 => a_person(account).prop_map(|person| Some(PersonRead::Whole(person))),
        1 => Just(Some(PersonRead::Gone)),
        1 => Just(Some(PersonRead::Unreadable("500".into()))),
        1 => Just(Some(PersonRead::Whole(person(r"CORP\somebody-else")))),
        1 => Just(None),
    ]
}

fn a_switch() -> impl Strategy<Value = ThreeWay> {
    prop_oneof![18 => Just(ThreeWay::Ignore), 1 => Just(ThreeWay::Yes), 1 => Just(ThreeWay::No)]
}

/// One more protection.
#[derive(Debug, Clone)]
enum Exclusion {
    User(String, String),
    Directory(String),
    Tag(String),
    Property(String, String),
    Role(String),
    Group(String),
    Inactive(ThreeWay),
    Blocked(ThreeWay),
    Removed(ThreeWay),
}

impl Exclusion {
    fn add_to(self, never: &mut NeverRelease) {
        match self {
            Self::User(directory, user_id) => {
                never.users.push(UserPattern { directory, user_id, ..UserPattern::default() })
            }
            Self::Directory(directory) => never.directories.push(directory),
            Self::Tag(tag) => never.tags.push(tag),
            Self::Property(name, value) => never.custom_properties.push(Property { name, value }),
            Self::Role(role) => never.roles.push(role),
            Self::Group(group) => never.groups.push(group),
            // From one value to another is no more of a protection, just another one.
            Self::Inactive(on) if never.inactive == ThreeWay::Ignore => never.inactive = on,
            Self::Blocked(on) if never.blocked == ThreeWay::Ignore => never.blocked = on,
            Self::Removed(on) if never.removed_externally == ThreeWay::Ignore => {
                never.removed_externally = on;
            }
            Self::Inactive(_) | Self::Blocked(_) | Self::Removed(_) => {}
        }
    }
}

fn an_exclusion() -> impl Strategy<Value = Exclusion> {
    let pattern = || select(vec!["CORP", "corp", "O*", "?EMP", "*"]).prop_map(String::from);
    let user = select(vec!["anna", "SVC_*", "jürgen", "b?b", "*"]).prop_map(String::from);
    let word = || word().prop_map(String::from);
    let switch = || prop_oneof![Just(ThreeWay::Yes), Just(ThreeWay::No)];
    prop_oneof![
        (pattern(), user).prop_map(|(directory, user_id)| Exclusion::User(directory, user_id)),
        pattern().prop_map(Exclusion::Directory),
        word().prop_map(Exclusion::Tag),
        (word(), word()).prop_map(|(name, value)| Exclusion::Property(name, value)),
        word().prop_map(Exclusion::Role),
        word().prop_map(Exclusion::Group),
        switch().prop_map(Exclusion::Inactive),
        switch().prop_map(Exclusion::Blocked),
        switch().prop_map(Exclusion::Removed),
    ]
}

fn a_rule(seat_type: SeatType) -> impl Strategy<Value = TypeRule> {
    let days = || select(vec![1_u32, 7, 7, 14, 14, 30, 30, 60, u32::MAX]);
    let limit = || prop_oneof![2 => Just(None), 1 => (0_u32..6).prop_map(Some)];
    (days(), days(), limit(), select(vec![0_u32, 0, 7]), limit(), select(vec![0_u32, 7, 14]))
        .prop_map(move |(threshold, never_used, keep_free, grace, max, churn)| TypeRule {
            release_threshold_days: threshold,
            never_used_grace_days: never_used,
            keep_free,
            grace_days: grace,
            max_releases: max,
            reallocated_grace_days: churn,
            ..TypeRule::new(seat_type)
        })
}

fn a_policy() -> impl Strategy<Value = Policy> {
    let types = prop_oneof![
        Just(vec![Professional]),
        Just(vec![Professional, Analyzer]),
        Just(SeatType::ALL.to_vec())
    ];
    let rules = types.prop_flat_map(|types| types.into_iter().map(a_rule).collect::<Vec<_>>());
    // Few, so that somebody is left to be released.
    let exclusions = prop_oneof![Just(Vec::new()), prop::collection::vec(an_exclusion(), 0..3)];
    let switches = (a_switch(), a_switch(), a_switch());
    (rules, exclusions, switches, any::<bool>()).prop_map(
        |(types, exclusions, (inactive, blocked, removed_externally), judge_per_user)| {
            let mut policy = World::new().policy;
            policy.types = types;
            policy.judge_per_user = judge_per_user;
            let never = &mut policy.never_release;
            (never.inactive, never.blocked) = (inactive, blocked);
            never.removed_externally = removed_externally;
            exclusions.into_iter().for_each(|exclusion| exclusion.add_to(never));
            policy
        },
    )
}

/// Announced as it is now, or with a change since.
fn some_announced(seats: &[Seat]) -> impl Strategy<Value = Vec<Announcement>> + use<> {
    let seats: Vec<_> = seats.iter().filter(|seat| seat.holder.is_some()).cloned().collect();
    let one =
        (any::<Index>(), -3_i64..=3, prop_oneof![2 => Just(None), 1 => a_moment().prop_map(Some)]);
    prop::collection::vec(one, 0..4).prop_map(move |picks| {
        let announce = |(index, due, last_used): (Index, i64, Option<Moment>)| {
            let seat = seats.get(index.index(seats.len().max(1)))?;
            Some(Announcement {
                seat_type: seat.seat_type,
                seat: seat.id,
                holder: seat.holder.as_deref().cloned()?,
                last_used: last_used.unwrap_or_else(|| seat.last_used.clone()),
                announced: now() - TimeDelta::days(7),
                due: now() + TimeDelta::milliseconds(due),
            })
        };
        picks.into_iter().filter_map(announce).collect()
    })
}

/// An attempt at the seat of this number, so many hours ago.
fn an_open_one((seat, hours): (u128, i64)) -> OpenIntent {
    OpenIntent {
        record: 7,
        action: Action::Release,
        seat_type: Professional,
        seat: Uuid::from_u128(seat),
        since: now() - TimeDelta::hours(hours),
    }
}

fn a_world() -> impl Strategy<Value = World> {
    let seats = (0_usize..16).prop_flat_map(|n| (1..=n as u128).map(a_seat).collect::<Vec<_>>());
    let people = Vec::from(ACCOUNTS.map(a_reading));
    let released = prop::collection::vec((select(&SeatType::ALL[..]), account(), 0_i64..20), 0..3);
    let free = prop_oneof![Just(None), (-1.0..5.0_f64, -1.0..5.0_f64).prop_map(Some)];
    let broken = prop_oneof![8 => Just(None), 1 => select(&SeatType::ALL[..]).prop_map(Some)];
    let announced = seats.prop_flat_map(|seats| (some_announced(&seats), Just(seats)));
    let open = prop::collection::vec((1_u128..16, 0_i64..50), 0..2);
    (announced, people, a_policy(), (released, open), free, broken).prop_map(
        |((announced, seats), people, policy, (released, open), free, broken)| {
            let mut world = World::new();
            world.policy = policy;
            for seat in seats {
                world.seats(seat.seat_type).push(seat);
            }
            for (account, read) in ACCOUNTS.into_iter().zip(people) {
                if let Some(read) = read {
                    world.read(account, read);
                }
            }
            for (seat_type, account, days) in released {
                let at = now() - TimeDelta::days(days);
                world.past.released.insert((seat_type, holder(account).id), at);
            }
            world.past.open = open.into_iter().map(an_open_one).collect();
            world.past.announced = announced.into_iter().map(|a| (a.seat, a)).collect();
            if let Some((professional, analyzer)) = free {
                world.free(professional, analyzer);
            }
            if let Some(seat_type) = broken {
                world.unreadable_list(seat_type, "short");
            }
            world
        },
    )
}

fn without_limits(mut world: World) -> World {
    for rule in &mut world.policy.types {
        (rule.max_releases, rule.keep_free) = (None, None);
    }
    world
}

fn decisions(plan: &Plan) -> impl Iterator<Item = (&TypeRule, Option<u32>, &Decision)> {
    plan.types
        .iter()
        .flat_map(|part| part.decisions.iter().map(move |d| (&part.rule, part.free, d)))
}

/// Seats that lose their user now, and those that are to lose them.
fn going(plan: &Plan) -> BTreeSet<Uuid> {
    let going = decisions(plan).filter(|(_, _, d)| d.outcome != Outcome::Keep);
    going.map(|(_, _, d)| d.seat).collect()
}

fn held_by_limits_only(decision: &Decision) -> bool {
    let is_limit = |keep: &Keep| {
        matches!(keep, Keep::EnoughFree { .. } | Keep::OverCap { .. } | Keep::FreeUnknown { .. })
    };
    !decision.keep.is_empty() && decision.keep.iter().all(is_limit)
}

fn seat_of(world: &World, id: Uuid) -> &Seat {
    let lists = world.snapshot.seats.iter().filter_map(|seats| seats.list.as_ref().ok());
    lists.flatten().find(|seat| seat.id == id).unwrap()
}

/// `after` is stricter than `before` in something other than limits. Without limits nothing may be
/// added. With limits, who is kept now makes room for the next in turn, who was due before and held
/// by the limit alone; the number doesn't grow.
fn check_stricter(before: &World, after: &World) -> Result<(), TestCaseError> {
    let (old, new) = (before.plan(), after.plan());
    for (old_part, new_part) in old.types.iter().zip(&new.types) {
        for outcome in [Outcome::Release, Outcome::Announce] {
            let (old, new) = (old_part.count(outcome), new_part.count(outcome));
            // Who is told nothing any more makes room below `keepFree` for somebody else.
            if outcome == Outcome::Release || old_part.rule.keep_free.is_none() {
                prop_assert!(new <= old, "{outcome:?}: {new} after {old}");
            }
        }
    }
    for seat in going(&new).difference(&going(&old)) {
        let decision = decision(&old, seat.as_u128());
        prop_assert!(held_by_limits_only(decision), "added: {decision:?}");
    }
    let (before, after) = (without_limits(before.clone()), without_limits(after.clone()));
    let (old, new) = (going(&before.plan()), going(&after.plan()));
    prop_assert!(new.is_subset(&old), "added: {:?}", new.difference(&old).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_seat_of_an_enabled_type_has_one_decision_with_reasons_in_order(world in a_world()) {
        let plan = world.plan();
        prop_assert_eq!(plan.types.len(), world.policy.types.len());
        for part in &plan.types {
            let decided: Vec<_> = part.decisions.iter().map(|d| d.seat).collect();
            let unique: BTreeSet<_> = decided.iter().copied().collect();
            prop_assert_eq!(unique.len(), decided.len());
            match world.snapshot.list(part.seat_type) {
                Ok(seats) => {
                    prop_assert_eq!(unique, seats.iter().map(|seat| seat.id).collect());
                    prop_assert_eq!(&part.problem, &None);
                }
                Err(problem) => {
                    prop_assert!(decided.is_empty());
                    prop_assert_eq!(part.problem.as_deref(), Some(problem));
                }
            }
            prop_assert!(part.decisions.is_sorted_by_key(|d| d.outcome));
            for decision in &part.decisions {
                let keeps = decision.outcome == Outcome::Keep;
                prop_assert_eq!(keeps, !decision.keep.is_empty());
                let place = |keep: &Keep| Keep::CODES.iter().position(|code| *code == keep.code());
                prop_assert!(decision.keep.is_sorted_by_key(place), "{:?}", decision.keep);
            }
        }
    }

    #[test]
    fn limits_hold(world in a_world()) {
        for part in world.plan().types {
            let needed = part.rule.keep_free.map(|keep| part.free.map_or(0, |free| keep.saturating_sub(free)));
            for limit in [part.rule.max_releases, needed].into_iter().flatten() {
                for outcome in [Outcome::Release, Outcome::Announce] {
                    prop_assert!(part.count(outcome) <= limit as usize);
                }
            }
            if let Some(needed) = needed {
                let both = part.count(Outcome::Release) + part.count(Outcome::Announce);
                prop_assert!(both <= needed as usize);
            }
            // And they keep nobody they need not keep.
            let held = part.decisions.iter().filter(|d| held_by_limits_only(d)).count();
            if part.rule.grace_days == 0 && needed.is_none() && part.rule.max_releases.is_none() {
                prop_assert_eq!(held, 0);
            }
        }
    }

    #[test]
    fn a_seat_used_after_the_cut_off_never_goes(world in a_world()) {
        let plan = world.plan();
        for (rule, _, decision) in decisions(&plan).filter(|(_, _, d)| d.outcome != Outcome::Keep) {
            let threshold = TimeDelta::days(rule.release_threshold_days.into());
            let never_used = TimeDelta::days(rule.never_used_grace_days.into());
            let cut_off = |days: TimeDelta| plan.now.checked_sub_signed(days);
            let at = |moment: &Moment| match moment {
                Moment::At(at) if *at > time("1754-01-01") => Some(*at),
                _ => None,
            };
            match at(&decision.last_used) {
                Some(used) => {
                    prop_assert!(Some(used) <= cut_off(threshold));
                    prop_assert!(at(&decision.created) <= cut_off(threshold));
                }
                None => {
                    let created = at(&decision.created);
                    prop_assert!(created.is_some() && created <= cut_off(never_used));
                }
            }
        }
    }

    #[test]
    fn who_is_not_known_never_goes(world in a_world()) {
        let plan = world.plan();
        for (_, _, decision) in decisions(&plan).filter(|(_, _, d)| d.outcome != Outcome::Keep) {
            let holder = decision.holder.as_ref();
            prop_assert!(holder.is_some());
            let holder = holder.unwrap();
            match world.snapshot.people.get(&holder.id) {
                Some(PersonRead::Whole(person)) => prop_assert_eq!(person.id, holder.id),
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(!holder.directory.eq_ignore_ascii_case("internal"));
            prop_assert!(seat_of(&world, decision.seat).quarantined.is_none());
        }
    }

    #[test]
    fn an_excluded_user_never_goes(world in a_world(), n in any::<Index>(), upper in any::<bool>()) {
        let case = |text: &str| if upper { text.to_uppercase() } else { text.to_lowercase() };
        let account = ACCOUNTS[n.index(ACCOUNTS.len())];
        let (directory, user_id) = account.split_once('\\').unwrap();
        let mut exclusions = vec![
            Exclusion::User(case(directory), case(user_id)),
            Exclusion::User("*".into(), format!("{}*", case(&user_id[..1]))),
            Exclusion::Directory(case(directory)),
            Exclusion::Directory(format!("?{}", case(&directory[1..]))),
        ];
        if let Some(PersonRead::Whole(person)) = world.snapshot.people.get(&holder(account).id) {
            exclusions.extend(person.tags.iter().map(|tag| Exclusion::Tag(case(tag))));
            let properties = person.properties.iter();
            exclusions.extend(properties.map(|(n, v)| Exclusion::Property(case(n), case(v))));
            let roles = person.roles.iter().flatten();
            exclusions.extend(roles.map(|role| Exclusion::Role(case(role))));
            let groups = person.groups.iter().flatten();
            exclusions.extend(groups.map(|group| Exclusion::Group(case(group))));
        }
        for exclusion in exclusions {
            let mut world = world.clone();
            exclusion.clone().add_to(&mut world.policy.never_release);
            let plan = world.plan();
            for (_, _, decision) in decisions(&plan) {
                if decision.holder.as_deref() == Some(&holder(account)) {
                    prop_assert_eq!(decision.outcome, Outcome::Keep, "{:?}", exclusion);
                }
            }
        }
    }

    #[test]
    fn one_more_exclusion_never_adds_a_release(world in a_world(), exclusion in an_exclusion()) {
        let mut stricter = world.clone();
        exclusion.add_to(&mut stricter.policy.never_release);
        check_stricter(&world, &stricter)?;
    }

    #[test]
    fn a_higher_threshold_never_adds_a_release(
        world in a_world(),
        more in 1_u32..100,
        which in 0..4,
    ) {
        let mut stricter = world.clone();
        for rule in &mut stricter.policy.types {
            let days = match which {
                0 => &mut rule.release_threshold_days,
                1 => &mut rule.never_used_grace_days,
                _ => &mut rule.reallocated_grace_days,
            };
            *days = days.saturating_add(more);
        }
        check_stricter(&world, &stricter)?;
    }

    #[test]
    fn a_lower_limit_never_adds_a_release(world in a_world(), cap in 0_u32..6) {
        let mut stricter = world.clone();
        for rule in &mut stricter.policy.types {
            rule.max_releases = Some(rule.max_releases.map_or(cap, |max| max.min(cap)));
        }
        let releases = |world: &World| {
            let plan = world.plan();
            plan.releases(&[]).iter().map(|(_, d)| d.seat).collect::<BTreeSet<_>>()
        };
        prop_assert!(releases(&stricter).is_subset(&releases(&world)));
    }

    #[test]
    fn the_order_of_rows_changes_nothing_and_twice_is_the_same(
        world in a_world(),
        order in prop::collection::vec(any::<u64>(), 16),
    ) {
        let plan = world.plan();
        prop_assert_eq!(&world.plan(), &plan);
        let mut shuffled = world.clone();
        for seats in shuffled.snapshot.seats.iter_mut().filter_map(|seats| seats.list.as_mut().ok()) {
            seats.sort_by_key(|seat| order[seat.id.as_u128() as usize % order.len()]);
        }
        shuffled.snapshot.seats.reverse();
        shuffled.snapshot.people = world.snapshot.people.clone().into_iter().collect();
        for read in shuffled.snapshot.people.values_mut() {
            if let PersonRead::Whole(person) = read {
                person.tags.reverse();
                person.properties.reverse();
            }
        }
        let again = shuffled.plan();
        prop_assert_eq!(&again.types, &plan.types);
        prop_assert_eq!(&again.withdrawn, &plan.withdrawn);
        prop_assert_eq!(again.digest(), plan.digest());
    }

    #[test]
    fn asking_only_the_people_in_question_makes_the_same_plan(world in a_world()) {
        let World { snapshot, past, policy, now } = &world;
        let asked = people_in_question(snapshot, past, policy, *now);
        let mut asked_only = world.clone();
        asked_only.snapshot.people.retain(|id, _| asked.contains(id));
        let (all, few) = (world.plan(), asked_only.plan());
        prop_assert_eq!(going(&all), going(&few));
        prop_assert_eq!(&all.withdrawn, &few.withdrawn);
        prop_assert!(asked.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn what_goes_may_still_go_when_it_is_read_again(world in a_world()) {
        let plan = world.plan();
        for (_, _, decision) in decisions(&plan) {
            let seat = seat_of(&world, decision.seat);
            let Some(read) = seat.holder.as_ref().and_then(|h| world.snapshot.people.get(&h.id))
            else {
                continue;
            };
            let keep = keeping(seat, read, &world.past, &world.policy, world.now);
            prop_assert!(decision.outcome == Outcome::Keep || keep.is_empty(), "{:?}", keep);
            for reason in &keep {
                prop_assert!(decision.keep.contains(reason), "{:?}", reason);
            }
        }
    }

    #[test]
    fn withdrawn_is_not_standing(world in a_world()) {
        let plan = world.plan();
        for withdrawal in &plan.withdrawn {
            let seat = withdrawal.announcement.seat;
            prop_assert_eq!(world.past.announced.get(&seat), Some(&withdrawal.announcement));
            let standing = decisions(&plan).any(|(_, _, d)| {
                d.seat == seat && d.keep.iter().any(|keep| matches!(keep, Keep::Announced { .. }))
            });
            prop_assert!(!standing);
        }
        // What was announced is released at its date or later, and only as it was announced.
        for (rule, _, decision) in decisions(&plan).filter(|(_, _, d)| d.outcome == Outcome::Release) {
            if rule.grace_days > 0 {
                let announcement = world.past.announced.get(&decision.seat);
                prop_assert!(announcement.is_some_and(|a| a.due <= plan.now));
            }
        }
    }

    #[test]
    fn json_there_and_back_is_the_same_plan(world in a_world()) {
        let plan = world.plan();
        let back: Plan = serde_json::from_slice(&serde_json::to_vec(&plan).unwrap()).unwrap();
        prop_assert_eq!(back.digest(), plan.digest());
        prop_assert_eq!(back, plan);
    }
}

proptest! {
    /// Nothing is sent for a seat twice, before it is known what became of it.
    #[test]
    fn an_open_seat_is_never_released(world in a_world()) {
        for (_, _, decision) in decisions(&world.plan()) {
            if world.past.open.iter().any(|open| open.seat == decision.seat) {
                prop_assert_eq!(decision.outcome, Outcome::Keep);
                let says = |keep: &Keep| matches!(keep, Keep::Unsettled { .. });
                prop_assert!(decision.keep.iter().any(says));
            }
        }
    }
}

/// Properties of worlds in which nobody is ever released would prove nothing.
#[test]
fn these_worlds_have_all_outcomes() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..1_000 {
        let world = a_world().new_tree(&mut runner).unwrap().current();
        let plan = world.plan();
        *counts.entry("withdrawn".into()).or_default() += plan.withdrawn.len() as u32;
        for (_, _, decision) in decisions(&plan) {
            let outcome = format!("{:?}", decision.outcome);
            *counts.entry(outcome).or_default() += 1;
            for keep in &decision.keep {
                *counts.entry(keep.code().to_owned()).or_default() += 1;
            }
        }
    }
    let expected =
        ["Release", "Announce", "Keep", "withdrawn"].into_iter().chain(Keep::CODES.iter().copied());
    for what in expected.filter(|code| !["listed-twice", "type-off"].contains(code)) {
        assert!(counts.get(what).is_some_and(|n| *n >= 15), "{what}: {counts:?}");
    }
}
