//! Each person by themselves says what all seats together say, day by day.

use proptest::prelude::*;

use super::properties::{DAYS, people, rules};
use super::*;
use crate::policy::calendar::{Calendar, Freeze, Hours, Minute};
use crate::release::replay::alone;
use crate::release::replay::course::Terms;
use crate::release::replay::ticks::Ticks;

/// Days on which nothing may go: some weeks, and all days but some of each week.
fn calendars() -> impl Strategy<Value = Calendar> {
    let frozen = prop::option::of((0_i64..DAYS, 0_i64..40));
    let weekdays = prop::option::weighted(0.3, 1_usize..4);
    (frozen, weekdays).prop_map(|(frozen, weekdays)| {
        use chrono::Weekday::{Fri, Mon, Wed};
        let date = |days: i64| day(days).to_string().try_into().unwrap();
        let freeze = |(from, days): (i64, i64)| Freeze {
            from: date(from),
            to: date(from + days),
            why: String::new(),
        };
        let hours = |count: usize| Hours {
            days: [Mon, Wed, Fri][..count].to_vec(),
            from: Minute(0),
            to: Minute(60),
        };
        Calendar {
            freeze: frozen.map(freeze).into_iter().collect(),
            allowed_hours: weekdays.map(hours).into_iter().collect(),
            ..Calendar::default()
        }
    })
}

/// Who lost a seat has another one some days later.
fn again(facts: &mut Facts, after: i64, used: bool) {
    for (n, removed) in (0_u128..).zip(&facts.removed) {
        let created = removed.removed + TimeDelta::days(after);
        facts.seats.push(Seat {
            id: Uuid::from_u128(1_000_000 + n),
            seat_type: removed.seat_type,
            holder: Some(removed.holder.clone().into()),
            deleted_user: None,
            created: Moment::At(created),
            last_used: if used { Moment::At(created + TimeDelta::days(40)) } else { Moment::Never },
            excess: false,
            quarantined: None,
        });
    }
}

fn together(timeline: &Timeline<'_>, rule: &TypeRule, span: Span) -> String {
    let ticks = Ticks::new(&timeline.policy.calendar, span, None, timeline.now);
    let terms = Terms { timeline, rule, ticks: &ticks };
    let (certain, possible, both) = timeline.in_turn(terms, false, true);
    format!("{:#?}", timeline.answer(terms, (&certain, &possible), both))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn each_by_themselves_says_what_all_together_say(
        all in people(), rule in rules(), calendar in calendars(), first in 0_i64..120,
        recorded in 0_i64..DAYS, after in 0_i64..60, used in any::<bool>(), short in any::<bool>(),
    ) {
        let threshold = if short { rule.release_threshold_days / 3 } else { rule.release_threshold_days };
        let rule = TypeRule {
            release_threshold_days: threshold,
            max_releases: None,
            keep_free: None,
            grace_days: 0,
            ..rule
        };
        let mut facts = facts(&all, at(recorded, 0));
        again(&mut facts, after, used);
        let mut policy = policy(std::slice::from_ref(&rule));
        policy.calendar = calendar;
        let timeline = Timeline::new(&facts, &policy, &policy.types, at(DAYS, 12));
        let span = span(first, DAYS);
        let ticks = Ticks::new(&policy.calendar, span, None, timeline.now);
        let terms = Terms { timeline: &timeline, rule: &rule, ticks: &ticks };
        prop_assert!(alone::replay(terms, true).is_some(), "nothing stops a run");
        let alone = format!("{:#?}", timeline.replay(&rule, span, true));
        prop_assert_eq!(alone, together(&timeline, &rule, span));
    }

    #[test]
    fn a_time_lies_on_its_day(hours in -3_000_i64..12_000, minutes in 0_i64..60, offset in 0_i64..300) {
        let calendar = Calendar { time_zone: chrono_tz::Europe::Berlin, ..Calendar::default() };
        let ticks = Ticks::new(&calendar, span(offset, offset + 300), Some(at(offset, 5)), at(400, 0));
        let time = (at(0, hours) + TimeDelta::minutes(minutes)).timestamp_millis();
        prop_assert_eq!(ticks.at_or_after(time), ticks.times.partition_point(|begin| *begin < time));
        prop_assert_eq!(ticks.after(time), ticks.times.partition_point(|begin| *begin <= time));
        let exactly = ticks.times[usize::try_from(offset).unwrap()];
        prop_assert_eq!(ticks.after(exactly), ticks.at_or_after(exactly) + 1);
    }
}

/// A share that stops a run: what follows depends on all seats together.
#[test]
fn a_run_that_is_stopped_is_replayed_with_all_seats() {
    let all: Vec<Truth> = (0..10).map(|n| Truth::new(n, -5, &[at(20, 9)])).collect();
    let facts = facts(&all, at(-1_000, 0));
    let rule = TypeRule { max_release_percent: 25, ..rule(A, 30) };
    let policy = policy(std::slice::from_ref(&rule));
    let timeline = Timeline::new(&facts, &policy, &policy.types, at(80, 12));
    let ticks = Ticks::new(&policy.calendar, span(0, 80), None, timeline.now);
    let terms = Terms { timeline: &timeline, rule: &rule, ticks: &ticks };
    assert!(alone::replay(terms, true).is_none());
    let replayed = timeline.replay(&rule, span(0, 80), true);
    assert_eq!(replayed.released, exact(0));
    let turns = TypeRule { max_release_percent: 100, max_releases: Some(1), ..rule };
    assert!(alone::replay(Terms { rule: &turns, ..terms }, true).is_none(), "they take turns");
}
