//! Tables of every rule: what is known, and what follows.

use std::collections::BTreeSet;

use super::*;
use crate::alert::facts::*;
use crate::alert::policy::{Limits, Repeat};
use crate::event::{Monitor, ReleaseRun};
use crate::ledger::{Head, Mode, RunStatus, Trigger};
use crate::license::LicenseState;
use crate::license::pools::SeatPool;
use crate::license::server::Kind;
use crate::license::server::Start;
use crate::license::version::VersionChange;
use crate::license::{Expiry, Pools, SeatType, ServerLicense, Support, assess};
use crate::policy::{Guard, Refusal};

mod bands;

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn dated<T>(value: T) -> Fact<Dated<T>> {
    Fact::Known(Dated { time: now(), value })
}

/// A site of which nothing is known.
fn unknown() -> Facts {
    Facts {
        site: "prod".into(),
        now: now(),
        server_license: Fact::Unknown,
        pools: Fact::Unknown,
        quarantined_before: Fact::Unknown,
        capacity: Fact::Unknown,
        run_out: Fact::Unknown,
        budget: Fact::Unknown,
        release: Fact::Unknown,
        unsettled: Fact::Unknown,
        overdue: Fact::Unknown,
        churn: Fact::Unknown,
        app: Fact::Unknown,
        version: Fact::Unknown,
        monitors: Fact::Unknown,
    }
}

fn off() -> Facts {
    Facts {
        server_license: Fact::Off,
        pools: Fact::Off,
        quarantined_before: Fact::Off,
        capacity: Fact::Off,
        run_out: Fact::Off,
        budget: Fact::Off,
        release: Fact::Off,
        unsettled: Fact::Off,
        overdue: Fact::Off,
        churn: Fact::Off,
        app: Fact::Off,
        version: Fact::Off,
        monitors: Fact::Off,
        ..unknown()
    }
}

/// `rule subject severity [lingers] [step]: text` of everything that holds.
fn said(facts: &Facts) -> Vec<String> {
    lines(of_site(facts, &Policy::default()))
}

fn lines(judged: Vec<Judged>) -> Vec<String> {
    let line = |rule: Rule, c: &Condition| {
        let subject = if c.subject.is_empty() { String::new() } else { format!(" {}", c.subject) };
        let lingers = if c.level == Level::Lingers { " lingers" } else { "" };
        let step = c.step.map_or(String::new(), |step| format!(" step {step}"));
        format!("{rule}{subject} {}{lingers}{step}: {}", c.severity.as_str(), c.text)
    };
    judged
        .iter()
        .flat_map(|judged| judged.conditions.iter().map(|c| line(judged.rule, c)))
        .collect()
}

#[test]
fn nothing_is_said_of_what_is_not_known_and_all_is_well_of_what_is_off() {
    let policy = Policy::default();
    for judged in of_site(&unknown(), &policy) {
        assert!(judged.conditions.is_empty() && !judged.is_well(""), "{}", judged.rule);
    }
    for judged in of_site(&off(), &policy) {
        assert!(judged.conditions.is_empty() && judged.is_well(""), "{}", judged.rule);
    }
    let nothing = DaemonFacts {
        now: now(),
        queues: Fact::Unknown,
        certificates: Fact::Unknown,
        settings: Fact::Unknown,
        store: Fact::Unknown,
    };
    assert!(of_daemon(&nothing, &policy).iter().all(|judged| !judged.is_well("")));
}

#[test]
fn every_rule_is_judged_once() {
    let policy = Policy::default();
    let daemon = DaemonFacts {
        now: now(),
        queues: Fact::Unknown,
        certificates: Fact::Unknown,
        settings: Fact::Unknown,
        store: Fact::Unknown,
    };
    let of_daemon = of_daemon(&daemon, &policy);
    assert!(of_daemon.iter().all(|judged| catalogue::is_of_daemon(judged.rule)));
    let rules: Vec<Rule> =
        of_site(&unknown(), &policy).iter().chain(&of_daemon).map(|judged| judged.rule).collect();
    let all: BTreeSet<Rule> = catalogue::ALL.iter().map(|entry| entry.rule).collect();
    assert_eq!(rules.len(), all.len());
    assert_eq!(rules.into_iter().collect::<BTreeSet<_>>(), all);
}

fn license(expiry: Expiry, change: impl Fn(&mut ServerLicense)) -> Vec<String> {
    let mut license = ServerLicense::new(Kind::SignedKey, expiry);
    change(&mut license);
    let status = assess(license, 90, now().date_naive());
    said(&Facts { server_license: dated(status), ..off() })
}

fn in_days(days: i64) -> Expiry {
    Expiry::On(now().date_naive() + chrono::TimeDelta::days(days))
}

#[test]
fn server_license() {
    let plain = |days| license(in_days(days), |_| {});
    assert!(plain(91).is_empty());
    let expected = [
        (90, "info step 90"),
        (61, "info step 90"),
        (60, "info step 60"),
        (30, "warning step 30"),
        (8, "warning step 14"),
        (7, "critical step 7"),
        (3, "critical step 3"),
        (1, "critical step 1"),
        (0, "critical step 1"),
    ];
    for (days, words) in expected {
        let lines = plain(days);
        let start = format!(
            "serverLicenseExpiring {words}: Qlik Sense server license is about to expire in {days} days"
        );
        assert!(lines.len() == 1 && lines[0].starts_with(&start), "{days}: {lines:?}");
    }
    let names = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect()
    };
    // What is over still ends soon: the one holds the other back.
    assert_eq!(names(plain(-1)), ["serverLicenseExpiring", "serverLicenseExpired"]);
    let flagged = license(Expiry::Perpetual, |l| l.server_says_expired = true);
    assert_eq!(names(flagged), ["serverLicenseExpired"]);
    assert!(license(Expiry::Perpetual, |_| {}).is_empty());
    let unreadable = || Expiry::Unreadable("03/04/2027".into());
    assert_eq!(names(license(unreadable(), |_| {})), ["serverLicenseUnreadable"]);
    assert_eq!(names(license(Expiry::Unknown, |_| {})), ["serverLicenseUnreadable"]);
    let invalid = license(in_days(3), |l| l.invalid = true);
    assert_eq!(names(invalid), ["serverLicenseExpiring", "serverLicenseInvalid"]);
    let blacklisted = license(Expiry::Perpetual, |l| l.blacklisted = true);
    assert_eq!(names(blacklisted), ["serverLicenseBlacklisted"]);
    let later = |before: Option<i64>| {
        license(in_days(400), |l| {
            l.start = Start::On(now().date_naive() + chrono::TimeDelta::days(45));
            l.before = before.map(in_days);
        })
    };
    let start = |lines: Vec<String>| lines[0].split(':').next().unwrap().to_owned();
    assert_eq!(start(later(None)), "serverLicenseNotStarted warning");
    assert_eq!(start(later(Some(43))), "serverLicenseNotStarted warning");
    assert_eq!(start(later(Some(7))), "serverLicenseNotStarted critical");
    assert_eq!(start(later(Some(-1))), "serverLicenseNotStarted critical");
    assert!(later(Some(44)).is_empty(), "the old one lasts until the new one begins");
    let disputed = license(in_days(400), |l| l.expired_reason = Some("over".into()));
    assert_eq!(names(disputed), ["serverLicenseUnreadable"]);
    let none = license(Expiry::Unknown, |l| l.kind = Kind::None);
    assert_eq!(names(none), ["serverLicenseMissing"]);
}

#[test]
fn only_the_last_of_several_steps_repeats() {
    let of = |days, steps: &[i64]| {
        let status = assess(
            ServerLicense::new(Kind::SignedKey, in_days(days)),
            steps[0],
            now().date_naive(),
        );
        assert_eq!(status.state, LicenseState::Expiring);
        let mut policy = Policy::default();
        policy.limits.server_license_steps = steps.to_vec();
        let facts = Facts { server_license: dated(status), ..off() };
        of_site(&facts, &policy)[0].conditions[0].repeats
    };
    assert!(!of(20, &[30, 7]));
    assert!(of(7, &[30, 7]));
    assert!(of(20, &[30]), "a written threshold is the only step");
}

fn pool(total: f64, allocated: f64, available: f64) -> SeatPool {
    let used = allocated;
    SeatPool { enabled: true, total, allocated, available, used, quarantined: 0.0, excess: 0.0 }
}

fn analyzer(pool: SeatPool) -> Facts {
    Facts { pools: dated(Pools { analyzer: Some(pool), ..Pools::default() }), ..off() }
}

#[test]
fn seats_low_by_share_and_by_number_with_a_band() {
    let level = |available: f64, change: &dyn Fn(&mut Limits)| {
        let mut policy = Policy::default();
        change(&mut policy.limits);
        let facts = analyzer(pool(200.0, 200.0 - available, available));
        let judged =
            of_site(&facts, &policy).into_iter().find(|j| j.rule == Rule::SeatsLow).unwrap();
        judged.conditions.first().map(|c| c.level)
    };
    let default = |_: &mut Limits| {};
    for (available, expected) in [
        (13.0, None),
        (12.0, Some(Level::Lingers)),
        (11.0, Some(Level::Lingers)),
        (10.0, Some(Level::Holds)),
        (0.0, Some(Level::Holds)),
    ] {
        assert_eq!(level(available, &default), expected, "{available}");
    }
    let number = |limits: &mut Limits| {
        limits.low_seats = Some(3.0);
        limits.low_percent = None;
    };
    assert_eq!(level(5.0, &number), None);
    assert_eq!(level(4.0, &number), Some(Level::Lingers));
    assert_eq!(level(3.0, &number), Some(Level::Holds));
    let both = |limits: &mut Limits| limits.low_seats = Some(3.0);
    assert_eq!(level(10.0, &both), Some(Level::Holds), "the larger one counts");
}

#[test]
fn seats_as_they_are_now() {
    insta::assert_snapshot!(said(&analyzer(pool(200.0, 120.0, 80.0))).join("\n"));
    insta::assert_snapshot!(said(&analyzer(pool(200.0, 179.0, 21.0))).join("\n"), @"utilizationHigh analyzer info lingers: 90 % of the Analyzer seats are allocated (179 of 200), the limit is 90 %");
    insta::assert_snapshot!(said(&analyzer(pool(200.0, 180.0, 20.0))).join("\n"), @"utilizationHigh analyzer info: 90 % of the Analyzer seats are allocated (180 of 200), the limit is 90 %");
    insta::assert_snapshot!(said(&analyzer(pool(200.0, 199.0, 1.0))).join("\n"), @r"
    seatsLow analyzer warning: 1 of 200 Analyzer seats is free, the limit is 10
    utilizationHigh analyzer info: 100 % of the Analyzer seats are allocated (199 of 200), the limit is 90 %
    seatsGone analyzer critical lingers: 1 of 200 Analyzer seats is free
    ");
    let full = SeatPool { quarantined: 3.0, excess: 2.0, ..pool(200.0, 199.0, 0.0) };
    insta::assert_snapshot!(said(&analyzer(full)).join("\n"), @r"
    seatsLow analyzer warning: 0 of 200 Analyzer seats are free, the limit is 10
    utilizationHigh analyzer info: 100 % of the Analyzer seats are allocated (199 of 200), the limit is 90 %
    seatsGone analyzer critical: none of 200 Analyzer seats is free: 199 are allocated, 3 in quarantine
    seatsExcess analyzer critical: 2 seats in excess of the 200 Analyzer seats of the license
    ");
    // A license without this type has no seats to be low on.
    assert!(said(&analyzer(SeatPool { enabled: false, ..pool(0.0, 0.0, 0.0) })).is_empty());
    assert!(said(&analyzer(pool(0.0, 0.0, 0.0))).is_empty());
}

#[test]
fn quarantine_is_compared_with_a_week_ago() {
    let facts = |before: Option<f64>| Facts {
        quarantined_before: Fact::Known(
            before.map(|seats| (SeatType::Analyzer, seats)).into_iter().collect(),
        ),
        ..analyzer(SeatPool { quarantined: 9.0, ..pool(200.0, 100.0, 91.0) })
    };
    insta::assert_snapshot!(said(&facts(Some(4.0))).join("\n"), @"quarantineRising analyzer info: 9 Analyzer seats are quarantined, 5 more than a week ago");
    assert!(said(&facts(Some(7.0))).is_empty());
    let judged = of_site(&facts(None), &Policy::default());
    let judged = judged.iter().find(|j| j.rule == Rule::QuarantineRising).unwrap();
    assert!(!judged.is_well("analyzer"), "nothing is known of a week ago");
}

#[test]
fn churn_needs_a_share_and_a_number() {
    let of = |allocated, again| {
        let churn = ChurnFacts { seat_type: SeatType::Professional, allocated, again };
        said(&Facts { churn: Fact::Known(vec![churn]), ..off() })
    };
    assert!(of(10, 3).is_empty(), "too few");
    assert!(of(28, 5).is_empty(), "below 20 %");
    insta::assert_snapshot!(of(25, 5).join("\n"), @"churnHigh professional info: 5 of 25 Professional seats that were allocated within 28 days went to people who had lost one not long before");
}

#[test]
fn what_is_ahead() {
    let capacity = |short| said(&Facts { capacity: Fact::Known(short), ..off() });
    let end = CapacityEnd::Short { day: "2026-11-27".parse().unwrap(), sure: true };
    let short = CapacityFacts { used: 4_000.0, usable: 5_000.0, projected: 6_250.4, end };
    assert!(capacity(CapacityFacts { end: CapacityEnd::Lasts, ..short.clone() }).is_empty());
    insta::assert_snapshot!(capacity(short.clone()).join("\n"), @"capacityShort warning: 4000 of 5000 minutes of Analyzer Capacity are used; at this pace they are gone on 2026-11-27, and 6250 would be needed by the end of the month");
    insta::assert_snapshot!(capacity(CapacityFacts { used: 5_000.0, end: CapacityEnd::NoneLeft, ..short }).join("\n"), @"capacityShort critical: 5000 of 5000 minutes of Analyzer Capacity are used: none is left this month");

    let run_out = |days| {
        let when = "between 5 March and 20 June 2027".to_owned();
        let of = RunOutFacts { seat_type: SeatType::Analyzer, days, when };
        Facts { run_out: Fact::Known(vec![of]), ..off() }
    };
    assert!(said(&run_out(Ok(None))).is_empty());
    assert!(said(&run_out(Ok(Some(98)))).is_empty());
    insta::assert_snapshot!(said(&run_out(Ok(Some(60)))).join("\n"), @"seatsRunOut analyzer warning step 60: the free Analyzer seats run out between 5 March and 20 June 2027");
    let judged = of_site(&run_out(Err(())), &Policy::default());
    let judged = judged.iter().find(|j| j.rule == Rule::SeatsRunOut).unwrap();
    assert!(!judged.is_well("analyzer") && judged.is_well("professional"), "too little history");

    let over = BudgetFacts {
        what: "what is licensed costs in a year".into(),
        cost: "EUR 120,000".into(),
        budget: "EUR 100,000".into(),
        is_over: true,
        is_near: true,
    };
    assert!(said(&Facts { budget: Fact::Known(None), ..off() }).is_empty());
    insta::assert_snapshot!(said(&Facts { budget: Fact::Known(Some(over)), ..off() }).join("\n"), @"overBudget warning: what is licensed costs in a year EUR 120,000, the budget is EUR 100,000");
}

fn run(status: RunStatus, why: Option<&str>) -> ReleaseRun {
    ReleaseRun {
        run: "r1".into(),
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        status,
        started: now(),
        ended: now(),
        types: Vec::new(),
        plan_digest: None,
        ledger: Head::zero(),
        why: why.map(str::to_owned),
        refusals: Vec::new(),
    }
}

#[test]
fn a_release_that_is_not_done_for_long() {
    let of = |last, by_plan| {
        let reason = "frozen through 2027-01-10: year end".to_owned();
        let overdue = OverdueFacts { last, ticks: 3, reason, by_plan };
        said(&Facts { overdue: Fact::Known(Some(overdue)), ..off() }).join("\n")
    };
    insta::assert_snapshot!(of(Some(now()), true));
    insta::assert_snapshot!(of(None, false));
    assert!(said(&Facts { overdue: Fact::Known(None), ..off() }).is_empty());
}

#[test]
fn release_runs() {
    let of = |run, problem: Option<&str>| {
        let problem = problem.map(str::to_owned);
        let is_refused = false;
        said(&Facts {
            release: dated(ReleaseFacts { run, problem, is_refused, accepted: None }),
            ..off()
        })
    };
    assert!(of(None, None).is_empty());
    for fine in [RunStatus::Done, RunStatus::Stopped] {
        assert!(of(Some(run(fine, None)), None).is_empty(), "{fine:?}");
    }
    insta::assert_snapshot!(of(Some(run(RunStatus::Refused, Some("12 seats, at most 5"))), None).join("\n"), @"releaseStopped warning: the last real release run was stopped by guards: 12 seats, at most 5");
    for bad in [RunStatus::Partly, RunStatus::Broken, RunStatus::Failed] {
        let lines = of(Some(run(bad, None)), None);
        assert!(lines.len() == 1 && lines[0].starts_with("releaseFailed warning"), "{lines:?}");
    }
    insta::assert_snapshot!(of(Some(run(RunStatus::Done, None)), Some("no\nconnection")).join("\n"), @"releaseFailed warning: the last release run failed: no connection");
    let refused = ReleaseFacts {
        run: Some(run(RunStatus::Refused, Some("12 seats, at most 5"))),
        problem: Some("12 seats, at most 5; raise it".to_owned()),
        is_refused: true,
        accepted: None,
    };
    let lines = said(&Facts { release: dated(refused), ..off() });
    assert!(lines.len() == 1 && lines[0].starts_with("releaseStopped"), "one alert: {lines:?}");
}

/// A person's pause, and a freeze of the settings, are what somebody wanted: they are no alert, and don't hide what is.
#[test]
fn what_somebody_wanted_to_stop_is_not_stopped_by_guards() {
    let refusal = |guard, saw: &str| Refusal {
        guard,
        seat_type: None,
        saw: saw.to_owned(),
        fix: "wait".to_owned(),
    };
    let of = |refusals| {
        let run = Some(ReleaseRun { refusals, ..run(RunStatus::Refused, Some("stopped")) });
        let facts = ReleaseFacts { run, problem: None, is_refused: false, accepted: None };
        said(&Facts { release: dated(facts), ..off() }).join("\n")
    };
    let paused = || refusal(Guard::Paused, "anna paused releasing");
    assert_eq!(of(vec![paused()]), "");
    assert_eq!(of(vec![paused(), refusal(Guard::Frozen, "frozen")]), "");
    let both = of(vec![paused(), refusal(Guard::Clock, "clocks differ")]);
    assert!(both.starts_with("releaseStopped") && both.contains("clocks differ"), "{both}");
    assert!(!both.contains("anna"), "{both}");
}

/// An undo takes nothing, so that no guard has let anything go on: what fires stays.
#[test]
fn an_undo_says_nothing_of_guards() {
    let undo = ReleaseRun { mode: Mode::Undo, ..run(RunStatus::Done, None) };
    let undo = ReleaseFacts { run: Some(undo), problem: None, is_refused: false, accepted: None };
    let judged = super::site::judge(&Facts { release: dated(undo), ..off() });
    let stopped = judged.iter().find(|of| of.rule == Rule::ReleaseStopped).unwrap();
    assert_eq!(stopped.unknown, crate::alert::Unknown::Everything);
}

#[test]
fn seats_whose_fate_is_not_known() {
    let of = |seats, minutes| {
        let oldest = Some(now() - chrono::TimeDelta::minutes(minutes));
        said(&Facts { unsettled: Fact::Known(UnsettledFacts { seats, oldest }), ..off() })
    };
    assert!(of(3, 59).is_empty());
    insta::assert_snapshot!(of(3, 60).join("\n"), @"releaseUnsettled warning: it has not been known since 2026-11-24 11:00 UTC what became of 3 seats at a release");
    let none = Fact::Known(UnsettledFacts { seats: 0, oldest: None });
    assert!(said(&Facts { unsettled: none, ..off() }).is_empty());
}

#[test]
fn the_license_monitor_app() {
    let of = |state| {
        let facts = AppFacts { state, text: "words".into(), hint: String::new() };
        Facts { app: dated(facts), ..off() }
    };
    assert!(said(&of(AppState::Healthy)).is_empty());
    for state in [AppState::Failed, AppState::Stale, AppState::Missing, AppState::Disabled] {
        assert_eq!(said(&of(state)), ["monitorAppUnhealthy warning: words"]);
    }
    assert_eq!(said(&of(AppState::RunningLong)), ["monitorAppUnhealthy info: words"]);
    let judged = of_site(&of(AppState::Unknown), &Policy::default());
    assert!(judged.iter().any(|j| j.rule == Rule::MonitorAppUnhealthy && !j.is_well("")));
}

#[test]
fn the_version_of_qlik_sense() {
    let today: chrono::NaiveDate = now().date_naive();
    let of = |support, changed_hours_ago: Option<i64>| {
        let change = changed_hours_ago.map(|hours| VersionChange {
            from: "14.1".into(),
            to: "14.2".into(),
            seen: now() - chrono::TimeDelta::hours(hours),
        });
        let facts = VersionFacts { name: "May 2024 (14.2)".into(), change, support, today };
        Facts { version: dated(facts), ..off() }
    };
    let yesterday = today.pred_opt().unwrap();
    assert!(said(&of(Support::NotWatched, None)).is_empty());
    // The last day is one of support, and a change is news for a day.
    assert!(said(&of(Support::Until(today), Some(24))).is_empty());
    insta::assert_snapshot!(said(&of(Support::Until(yesterday), Some(23))).join("\n"), @r"
    versionChanged 14.2 info: Qlik Sense was 14.1 and is 14.2: May 2024 (14.2)
    versionUnsupported warning: support of Qlik Sense May 2024 (14.2) ended on 2026-11-23
    ");
    let judged = of_site(&of(Support::Unknown, None), &Policy::default());
    assert!(judged.iter().any(|j| j.rule == Rule::VersionUnsupported && !j.is_well("")));
}

fn monitor(
    monitor: Monitor,
    success_hours_ago: Option<i64>,
    problem: Option<&str>,
) -> MonitorFacts {
    let success = success_hours_ago.map(|hours| now() - chrono::TimeDelta::hours(hours));
    MonitorFacts {
        monitor,
        last_poll: Some(now()),
        last_success: success,
        stale_from: success.map(|time| time + chrono::TimeDelta::hours(3)),
        problem: problem.map(str::to_owned),
        other_site: problem == Some("another site"),
    }
}

/// The version comes from another service, which says nothing of the repository.
#[test]
fn a_version_that_can_be_read_is_no_site_that_can() {
    let of = |monitors| {
        let judged =
            of_site(&Facts { monitors: Fact::Known(monitors), ..off() }, &Policy::default());
        let found = judged.into_iter().find(|j| j.rule == Rule::SiteUnreachable).unwrap();
        (found.conditions.len(), found.is_well(""))
    };
    let version = monitor(Monitor::Version, Some(0), None);
    let failing = monitor(Monitor::ServerLicense, Some(2), Some("down"));
    assert_eq!(of(vec![failing, version.clone()]).0, 1);
    assert_eq!(of(vec![version]), (0, true));
    let unread = monitor(Monitor::Version, None, Some("down"));
    assert_eq!(of(vec![monitor(Monitor::ServerLicense, Some(0), None), unread]), (0, true));
}

#[test]
fn another_site_is_told_once_and_for_all_monitors() {
    let other = |kind| monitor(kind, Some(30), Some("another site"));
    let monitors = vec![other(Monitor::AccessLicense), other(Monitor::Seats)];
    let facts = Facts { monitors: Fact::Known(monitors), ..off() };
    insta::assert_snapshot!(lines(of_site(&facts, &Policy::default())).join("\n"), @"otherSite critical: another site");
}

#[test]
fn monitors() {
    let of =
        |monitors: Vec<MonitorFacts>| said(&Facts { monitors: Fact::Known(monitors), ..off() });
    let (server, access) = (Monitor::ServerLicense, Monitor::AccessLicense);
    assert!(of(vec![monitor(server, Some(1), None), monitor(access, Some(1), None)]).is_empty());
    assert!(
        of(vec![monitor(server, Some(1), None), monitor(access, Some(2), Some("no"))]).is_empty()
    );
    insta::assert_snapshot!(of(vec![monitor(server, Some(1), None), monitor(access, Some(3), Some("refused"))]).join("\n"), @"dataStale access licenses warning: access licenses: last read 2026-11-24 09:00 UTC: refused");
    insta::assert_snapshot!(of(vec![monitor(server, Some(1), Some("timed out")), monitor(access, None, Some("refused"))]).join("\n"), @r"
    siteUnreachable critical: site prod can't be read: timed out (last read 2026-11-24 11:00 UTC)
    dataStale access licenses warning: access licenses: never read successfully: refused
    ");
    // Not polled yet: nothing can be said.
    let fresh = MonitorFacts { last_poll: None, ..monitor(server, None, None) };
    let judged =
        of_site(&Facts { monitors: Fact::Known(vec![fresh]), ..off() }, &Policy::default());
    for rule in [Rule::SiteUnreachable, Rule::DataStale] {
        let judged = judged.iter().find(|j| j.rule == rule).unwrap();
        assert!(judged.conditions.is_empty(), "{rule}");
    }
}

fn daemon(change: impl Fn(&mut DaemonFacts)) -> Vec<String> {
    let mut facts = DaemonFacts {
        now: now(),
        queues: Fact::Off,
        certificates: Fact::Off,
        settings: Fact::Off,
        store: Fact::Off,
    };
    change(&mut facts);
    lines(of_daemon(&facts, &Policy::default()))
}

#[test]
fn queues() {
    let queue = |pending, minutes: i64, failing, dropped_hours: Option<i64>| {
        daemon(|facts| {
            facts.queues = Fact::Known(vec![QueueFacts {
                destination: "mqtt".into(),
                title: "MQTT".into(),
                pending,
                oldest: Some(now() - chrono::TimeDelta::minutes(minutes)),
                failing,
                last_error: failing.then(|| "refused".to_owned()),
                dead: 0,
                newest_dead: None,
                dropped: 7,
                dropped_at: dropped_hours.map(|hours| now() - chrono::TimeDelta::hours(hours)),
            }]);
        })
    };
    assert!(queue(3, 29, true, None).is_empty());
    let held = queue(3, 600, false, None).join("\n");
    assert!(held.contains("lingers"), "a rate limit may hold events for long: {held}");
    insta::assert_snapshot!(queue(3, 60, true, None).join("\n"), @"queueGrowing mqtt warning: 3 event(s) wait for MQTT, the oldest for 60 minutes; last error: refused");
    insta::assert_snapshot!(queue(10_000, 1, false, None).join("\n"), @"queueGrowing mqtt warning: 10000 event(s) wait for MQTT, the oldest for 1 minute");
    insta::assert_snapshot!(queue(0, 0, false, Some(23)).join("\n"), @"queueDropped mqtt critical: 7 event(s) for MQTT were dropped undelivered so far, the last 2026-11-23 13:00 UTC");
    assert!(queue(0, 0, false, Some(24)).is_empty());
}

#[test]
fn dead_letters() {
    let queue = |dead| {
        daemon(|facts| {
            facts.queues = Fact::Known(vec![QueueFacts {
                destination: "mqtt".into(),
                title: "MQTT".into(),
                pending: 0,
                oldest: None,
                failing: false,
                last_error: None,
                dead,
                newest_dead: Some("not allowed".into()),
                dropped: 0,
                dropped_at: None,
            }]);
        })
    };
    assert!(queue(0).is_empty());
    insta::assert_snapshot!(queue(2).join("\n"), @"deadLetters mqtt warning: MQTT does not take 2 event(s); the newest: not allowed");
}

#[test]
fn certificates_and_settings() {
    let certificate = |days_left: i64| {
        daemon(|facts| {
            facts.certificates = Fact::Known(vec![CertificateFacts {
                setting: "Butler.cert.clientCert".into(),
                file: "client.pem".into(),
                days_left,
                not_after: now() + chrono::TimeDelta::days(days_left),
            }]);
        })
    };
    assert!(certificate(61).is_empty());
    insta::assert_snapshot!(certificate(60).join("\n"), @"certificateExpiring Butler.cert.clientCert info step 60: client.pem ends in 60 days, on 2027-01-23 (Butler.cert.clientCert)");
    insta::assert_snapshot!(certificate(-2).join("\n"), @"certificateExpiring Butler.cert.clientCert critical step 1: client.pem ended on 2026-11-22 (Butler.cert.clientCert)");
    let settings = |errors| {
        daemon(|facts| {
            let first = "x.yaml:1:1: wrong".to_owned();
            facts.settings = Fact::Known(SettingsFacts { file: "x.yaml".into(), errors, first });
        })
    };
    assert!(settings(0).is_empty());
    insta::assert_snapshot!(settings(2).join("\n"), @"
    reloadRefused x.yaml warning: x.yaml was changed and has 2 error(s), the first: x.yaml:1:1: wrong; the daemon goes on with the settings of before
    ");
}

#[test]
fn settings_switch_rules_off_and_change_their_severity() {
    let facts = analyzer(pool(200.0, 197.0, 3.0));
    let mut policy = Policy::default();
    policy.rule_mut(Rule::SeatsLow).enable = false;
    policy.rule_mut(Rule::UtilizationHigh).severity = Some(Severity::Critical);
    let lines = lines(of_site(&facts, &policy));
    assert!(
        lines.len() == 1 && lines[0].starts_with("utilizationHigh analyzer critical"),
        "{lines:?}"
    );
    // Off as a whole, the server license is still watched: Butler's settings ask for it.
    let ending = assess(ServerLicense::new(Kind::SignedKey, in_days(3)), 90, now().date_naive());
    let facts = Facts { server_license: dated(ending), ..facts };
    let off = Policy::new(false, Repeat::EachPoll, Default::default());
    let judged = of_site(&facts, &off);
    let firing: Vec<Rule> =
        judged.iter().filter(|j| !j.conditions.is_empty()).map(|j| j.rule).collect();
    assert_eq!(firing, [Rule::ServerLicenseExpiring]);
}

/// A guard's refusal is one alert, with its reason and its kind.
#[test]
fn what_guards_stop_is_one_alert_with_its_reason_and_its_kind() {
    let refusal = crate::policy::Refusal {
        guard: crate::policy::Guard::Percent,
        seat_type: Some(SeatType::Analyzer),
        saw: "60 of 100 seats would go".into(),
        fix: "look at the directory".into(),
    };
    let of = |status, mode, problem: Option<&str>| {
        let run = ReleaseRun { mode, refusals: vec![refusal.clone()], ..run(status, None) };
        let problem = problem.map(str::to_owned);
        let facts =
            ReleaseFacts { run: Some(run), is_refused: problem.is_some(), problem, accepted: None };
        said(&Facts { release: dated(facts), ..off() }).join("\n")
    };
    insta::assert_snapshot!(of(RunStatus::Refused, Mode::Rehearsal, Some("60 of 100")), @"releaseStopped warning: the last rehearsal of releases was stopped by guards: Analyzer seats: 60 of 100 seats would go; look at the directory");
    insta::assert_snapshot!(of(RunStatus::Partly, Mode::Real, Some("60 of 100")), @"releaseStopped warning: the last real release run was stopped in part by guards: Analyzer seats: 60 of 100 seats would go; look at the directory");
    assert_eq!(
        of(RunStatus::Partly, Mode::Real, None),
        of(RunStatus::Partly, Mode::Real, Some("60 of 100"))
    );
}
