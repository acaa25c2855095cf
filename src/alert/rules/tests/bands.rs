//! What has begun does not end as soon as it is a little better.

use super::*;

/// Of each limit a figure at which its rule fires, the last at which it goes on, and the first at which
/// it is over: what `Entry::over` says, and so the table of the page.
#[test]
fn every_limit_has_its_band() {
    let policy = Policy::default();
    let level = |facts: Facts, rule: Rule| {
        let judged = of_site(&facts, &policy).into_iter().find(|j| j.rule == rule).unwrap();
        let all = judged.conditions.iter().chain(&judged.well);
        all.map(|c| c.level).next().unwrap_or(Level::Well)
    };
    let free = |free: f64| analyzer(pool(400.0, 400.0 - free, free));
    let excess = |excess: f64, free: f64| {
        analyzer(SeatPool { excess, ..pool(400.0, 400.0 + excess - free, free) })
    };
    let quarantined = |more: f64| Facts {
        quarantined_before: Fact::Known(vec![(SeatType::Analyzer, 10.0)]),
        ..analyzer(SeatPool { quarantined: 10.0 + more, ..pool(400.0, 1.0, 399.0) })
    };
    let churn = |allocated, again| Facts {
        churn: Fact::Known(vec![ChurnFacts { seat_type: SeatType::Analyzer, allocated, again }]),
        ..off()
    };
    let capacity = |end| Facts {
        capacity: Fact::Known(CapacityFacts { used: 1.0, usable: 2.0, projected: 3.0, end }),
        ..off()
    };
    let short = |sure| CapacityEnd::Short { day: "2026-11-27".parse().unwrap(), sure };
    let run_out = |days| {
        let of = RunOutFacts {
            seat_type: SeatType::Analyzer,
            days: Ok(Some(days)),
            when: String::new(),
        };
        Facts { run_out: Fact::Known(vec![of]), ..off() }
    };
    let budget = |is_over, is_near| Facts {
        budget: Fact::Known(Some(BudgetFacts {
            what: String::new(),
            cost: String::new(),
            budget: String::new(),
            is_over,
            is_near,
        })),
        ..off()
    };
    let tokens = |available: f64| Facts {
        pools: dated(Pools {
            tokens: Some(crate::license::pools::TokenTotals {
                enabled: true,
                total_tokens: 400.0,
                available_tokens: available,
            }),
            ..Pools::default()
        }),
        ..off()
    };
    let rows: Vec<(Rule, [Facts; 3])> = vec![
        (Rule::SeatsLow, [free(20.0), free(23.0), free(24.0)]),
        (Rule::UtilizationHigh, [free(40.0), free(47.0), free(48.0)]),
        (Rule::SeatsGone, [free(0.0), free(4.0), free(5.0)]),
        (Rule::SeatsExcess, [excess(1.0, 0.0), excess(0.0, 0.0), excess(0.0, 1.0)]),
        (Rule::QuarantineRising, [quarantined(5.0), quarantined(4.0), quarantined(3.0)]),
        (Rule::ChurnHigh, [churn(100, 20), churn(100, 19), churn(100, 18)]),
        (Rule::ChurnHigh, [churn(10, 5), churn(10, 4), churn(10, 3)]),
        (
            Rule::CapacityShort,
            [capacity(short(true)), capacity(short(false)), capacity(CapacityEnd::Lasts)],
        ),
        (Rule::SeatsRunOut, [run_out(90), run_out(97), run_out(98)]),
        (Rule::OverBudget, [budget(true, true), budget(false, true), budget(false, false)]),
        (Rule::SeatsLow, [tokens(20.0), tokens(23.0), tokens(24.0)]),
        (Rule::UtilizationHigh, [tokens(40.0), tokens(47.0), tokens(48.0)]),
        (Rule::SeatsGone, [tokens(0.0), tokens(4.0), tokens(5.0)]),
    ];
    for (rule, facts) in rows {
        let levels = facts.map(|facts| level(facts, rule));
        assert_eq!(levels, [Level::Holds, Level::Lingers, Level::Well], "{rule}");
    }
    let queue = |pending, minutes: i64, failing| {
        let facts = DaemonFacts {
            now: now(),
            queues: Fact::Known(vec![QueueFacts {
                destination: "mqtt".into(),
                title: "MQTT".into(),
                pending,
                oldest: Some(now() - chrono::TimeDelta::minutes(minutes)),
                failing,
                last_error: None,
                dead: 0,
                newest_dead: None,
                dropped: 0,
                dropped_at: None,
            }]),
            certificates: Fact::Off,
            settings: Fact::Off,
            store: Fact::Off,
        };
        let all = of_daemon(&facts, &policy);
        let judged = all.into_iter().find(|j| j.rule == Rule::QueueGrowing).unwrap();
        judged.conditions.first().map_or(Level::Well, |c| c.level)
    };
    let age = [queue(3, 60, true), queue(3, 30, false), queue(3, 29, true)];
    assert_eq!(age, [Level::Holds, Level::Lingers, Level::Well]);
    let many = [queue(10_000, 1, false), queue(9_000, 1, false), queue(8_999, 1, false)];
    assert_eq!(many, [Level::Holds, Level::Lingers, Level::Well]);
}

#[test]
fn tokens_are_judged_as_the_seats_of_a_type() {
    let of = |total: f64, available: f64| {
        let totals = crate::license::pools::TokenTotals {
            enabled: true,
            total_tokens: total,
            available_tokens: available,
        };
        let pools = Pools { tokens: Some(totals), ..Pools::default() };
        said(&Facts { pools: dated(pools), ..off() }).join("\n")
    };
    insta::assert_snapshot!(of(100.0, 40.0), @"");
    insta::assert_snapshot!(of(100.0, 9.0), @"utilizationHigh tokens info: 91 % of the tokens are allocated (91 of 100), the limit is 90 %");
    insta::assert_snapshot!(of(100.0, 4.5), @r"
    seatsLow tokens warning: 4.5 of 100 tokens are free, the limit is 5
    utilizationHigh tokens info: 96 % of the tokens are allocated (95.5 of 100), the limit is 90 %
    ");
    insta::assert_snapshot!(of(100.0, 0.0), @r"
    seatsLow tokens warning: 0 of 100 tokens are free, the limit is 5
    utilizationHigh tokens info: 100 % of the tokens are allocated (100 of 100), the limit is 90 %
    seatsGone tokens critical: all 100 tokens are taken
    ");
}

/// The last seat comes and goes eight times: that none is free is told once, and once that it is over.
#[test]
fn seats_that_swing_around_none_are_told_once() {
    let policy = Policy::default();
    let mut states = crate::alert::state::States::new();
    let mut told = Vec::new();
    for look in 0..20_i32 {
        let free = match look {
            0..16 => f64::from(look % 2),
            _ => 6.0,
        };
        let judged = of_site(&analyzer(pool(100.0, 100.0 - free, free)), &policy);
        let judged = [("prod".to_owned(), judged)];
        let time = now() + chrono::TimeDelta::minutes(look.into());
        let step = crate::alert::state::step(&states, &judged, &[], |_| &policy, time);
        let of_gone = step.notices.iter().filter(|n| n.alert.key.rule == Rule::SeatsGone);
        told.extend(of_gone.map(|n| format!("{look} {}: {}", n.status.as_str(), n.alert.text)));
        states = step.states;
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    0 firing: all 100 Analyzer seats are taken
    16 resolved: over: 6 of 100 Analyzer seats are free (it was: 1 of 100 Analyzer seats is free)
    ");
}
