//! What was stored still means what it meant.

use std::fmt::Write;

use bursar::alert::state::{Alert, HeldBack, Phase};
use bursar::event::{Body, Channel, Class, Event, Monitor, SeatFacts, Severity};
use bursar::ledger::past::Announcement;
use bursar::ledger::{
    Action, Entry, Evidence, Mode, Outcome, ResponseClass, RunStatus, SeatResult, Statement,
    Trigger, TypeCounts,
};
use bursar::license::changes::{After, By, TimeFrom};
use bursar::license::monitor_app::ScriptLog;
use bursar::license::server::{Kind, Start};
use bursar::license::{Change, ChangeKind, Expiry, LicenseState, Moment, Person, SeatType};
use bursar::policy::{Guard, Policy, Refusal, ThreeWay};
use bursar::release::{self, Keep, Plan};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{files, read};

const RUN: &str = "0199b1c2-0000-7000-8000-000000000002";

/// When all of it was observed.
pub fn now() -> DateTime<Utc> {
    "2026-03-01T08:00:00.125Z".parse().unwrap()
}

fn days_ago(days: i64) -> Moment {
    Moment::At(now() - TimeDelta::days(days))
}

fn sentences<T: serde::de::DeserializeOwned>(folder: &str, say: impl Fn(T) -> String) -> String {
    let mut all = String::new();
    for (name, _) in files(folder) {
        writeln!(all, "{folder}/{name}: {}", say(read(folder, &name))).unwrap();
    }
    all
}

#[test]
fn what_they_say() {
    let mut said = sentences("events", |event: Event| event.summary());
    said += &sentences("entries", |entry: Entry| entry.summary());
    said += &sentences("reasons", |keep: Keep| keep.text());
    said += &sentences("guards", |refusal: Refusal| refusal.to_string());
    said += &sentences("results", |result: SeatResult| result.text());
    insta::assert_snapshot!(said);
}

fn body(name: &str) -> Body {
    let event: Event = read("events", name);
    assert_eq!((event.site.as_str(), event.time), ("default", now()), "{name}");
    assert!(event.id.starts_with("0199b1c2-7a3b-7000-8000-"), "{name}");
    event.body
}

#[test]
fn events_of_every_monitor_and_class() {
    for (name, _) in files("events") {
        let event: Event = read("events", &name);
        let kind = event.kind().as_str();
        let monitor = match kind {
            _ if kind.starts_with("serverLicense") => Monitor::ServerLicense,
            "accessLicenseStatus" => Monitor::AccessLicense,
            "seatActivity" | "seatChanges" => Monitor::Seats,
            "monitorApp" => Monitor::App,
            "qlikSenseVersion" => Monitor::Version,
            "alert" => Monitor::Alert,
            "daemonUptime" => Monitor::Daemon,
            _ => Monitor::Release,
        };
        assert_eq!(event.monitor(), monitor, "{name}");
        let recurring = [
            "serverLicenseStatus",
            "accessLicenseStatus",
            "seatsKept",
            "releaseRun",
            "seatActivity",
            "monitorApp",
            "qlikSenseVersion",
            "daemonUptime",
        ];
        assert_eq!(event.class() == Class::Recurring, recurring.contains(&kind), "{name}");
    }
}

#[test]
fn licenses() {
    let Body::ServerLicenseStatus(status) = body("serverLicenseStatus") else { panic!() };
    let day = "2026-03-30".parse().unwrap();
    assert_eq!((status.expiry_date, status.days_until_expiry), (Some(day), Some(29)));
    assert_eq!((status.state, status.threshold_days), (LicenseState::Expiring, 60));
    let license = status.license;
    assert_eq!((license.kind, license.expiry), (Kind::SignedKey, Expiry::On(day)));
    assert_eq!(license.allotments[0].name, "professional");
    assert_eq!(license.allotments[0].count, 25);
    assert_eq!(license.maintenance_end, Some("2027-01-01".parse().unwrap()));
    let Body::ServerLicenseExpired(expired) = body("serverLicenseExpired") else { panic!() };
    assert!(expired.expired && expired.license.server_says_expired);
    assert_eq!(expired.license.expired_reason.as_deref(), Some("License has expired"));
    let event: Event = read("events", "serverLicenseExpiring.notice");
    let notice = event.notice.expect("what the rule said");
    assert_eq!((notice.severity, notice.repeats), (Severity::Critical, 2));
    assert_eq!(notice.title, "Server license ends in 29 days");
    let Body::ServerLicenseStatus(later) = body("serverLicenseStatus.notStarted") else { panic!() };
    assert_eq!((later.state, later.days_until_start), (LicenseState::NotStarted, Some(45)));
    assert_eq!(later.license.start, Start::On("2026-04-15".parse().unwrap()));
    assert_eq!(later.license.before, Some(Expiry::On(day)));
    assert_eq!((later.license.overage, later.license.other_lines.len()), (Some(false), 1));
    assert_eq!(later.license.allotments[0].more.as_deref(), Some("2027-04-14"));
    let Body::ServerLicenseStatus(odd) = body("serverLicenseStatus.unreadable") else { panic!() };
    assert_eq!(odd.license.expiry, Expiry::Unreadable("31/02/2027".into()));
    let Body::ServerLicenseStatus(odd) = body("serverLicenseStatus.perpetual") else { panic!() };
    assert_eq!(odd.license.expiry, Expiry::Perpetual);
    let Body::ServerLicenseProblem(problem) = body("serverLicenseProblem") else { panic!() };
    assert!(problem.license.invalid && problem.license.expiry == Expiry::Unknown);

    let Body::AccessLicenseStatus(pools) = body("accessLicenseStatus") else { panic!() };
    let professional = pools.professional.unwrap();
    assert_eq!((professional.total, professional.allocated), (120.0, 97.0));
    assert_eq!((professional.available, professional.used), (23.0, 80.5));
    assert_eq!((professional.quarantined, professional.excess), (2.0, 1.0));
    assert_eq!(pools.analyzer.unwrap().total, 130.0);
    let minutes = pools.analyzer_capacity.unwrap();
    assert_eq!((minutes.allocated_minutes, minutes.used_minutes), (6_000.0, 1_234.5));
    assert!(pools.tokens.is_none() && pools.token_user.is_none());
    let Body::AccessLicenseStatus(pools) = body("accessLicenseStatus.tokens") else { panic!() };
    assert_eq!(pools.tokens.unwrap().available_tokens, 25.0);
    assert_eq!(pools.token_user.unwrap().quarantined_tokens, 1.0);
    let login = pools.token_login.unwrap();
    assert!(!login.enabled && login.token_cost == 0.1 && login.unavailable_tokens == 4.0);
}

fn assert_facts(seat: &SeatFacts) {
    assert_eq!((seat.run.as_str(), seat.rehearsal), (RUN, false));
    assert_eq!((seat.seat_type, seat.seat), (SeatType::Analyzer, Uuid::from_u128(0x501)));
    assert_eq!(seat.holder.account(), r"CORP\user1");
    assert_eq!(&*seat.holder.name, "User \"One\"");
    assert_eq!(seat.holder.id, Uuid::from_u128(0xa01));
    assert_eq!((&seat.created, &seat.last_used), (&days_ago(633), &days_ago(43)));
    assert_eq!(seat.idle_days, 43);
}

#[test]
fn what_was_done_to_seats() {
    let Body::SeatReleased(released) = body("seatReleased") else { panic!() };
    assert_facts(&released.seat);
    assert_eq!(released.result, SeatResult::Freed);
    let Body::SeatReleased(other) = body("seatReleased.quarantined") else { panic!() };
    assert!(other.seat.rehearsal && other.seat.last_used == Moment::Never);
    assert_eq!(other.result, SeatResult::Quarantined { until: days_ago(-7) });
    let Body::SeatAnnounced(announced) = body("seatAnnounced") else { panic!() };
    assert_facts(&announced.seat);
    assert_eq!(announced.due, now() + TimeDelta::days(7));
    let Body::SeatWithdrawn(withdrawn) = body("seatWithdrawn") else { panic!() };
    assert_facts(&withdrawn.seat);
    assert_eq!(withdrawn.why, "used since");
    let Body::SeatRestored(restored) = body("seatRestored") else { panic!() };
    assert_facts(&restored.seat);

    let Body::ReleaseRefused(refused) = body("releaseRefused") else { panic!() };
    assert!(refused.rehearsal && refused.run == RUN);
    assert_refusals(&refused.refusals);
    let Body::SeatsKept(kept) = body("seatsKept") else { panic!() };
    assert_counts(&kept.types);
    let Body::ReleaseRun(run) = body("releaseRun") else { panic!() };
    assert_eq!(
        (run.mode, run.status, &run.trigger),
        (Mode::Real, RunStatus::Done, &Trigger::Schedule)
    );
    assert_eq!((run.started, run.ended), (now(), now() + TimeDelta::minutes(3)));
    assert_counts(&run.types);
    assert_eq!(run.plan_digest, Some("ab".repeat(32)));
    assert_eq!((run.ledger.seq, run.ledger.hash), (77, "cd".repeat(32)));
    let Body::ReleaseRun(run) = body("releaseRun.broken") else { panic!() };
    assert_eq!((run.status, run.why.as_deref()), (RunStatus::Broken, Some("5 failures")));
    assert_eq!(run.trigger.to_string(), "command of user8@admin1");
}

#[test]
fn how_seats_are_used() {
    let Body::SeatActivity(activity) = body("seatActivity") else { panic!() };
    assert_eq!((activity.people.last_28_days, activity.two_seats), (32, 4));
    let [professional, analyzer] = &activity.types[..] else { panic!() };
    assert_eq!(professional.seat_type, SeatType::Professional);
    let usage = &professional.usage;
    assert_eq!((usage.seats, usage.quarantined, usage.excess, usage.without_user), (28, 1, 2, 3));
    assert_eq!((usage.idle.days_0_7, usage.idle.days_61_90, usage.idle.over_90), (1, 4, 5));
    assert_eq!((usage.idle.never_used, usage.idle.unknown), (6, 7));
    assert_eq!(usage.reclaimable.after_60_days, 15);
    assert_eq!((professional.active.last_day, professional.active.last_90_days), (10, 13));
    assert_eq!(professional.first_time.last_7_days, 2);
    let rules = professional.by_rules.unwrap();
    assert!(rules.enabled);
    assert_eq!((rules.threshold_days, rules.release, rules.announce, rules.unknown), (30, 9, 2, 1));
    assert!(analyzer.by_rules.is_none());

    let Body::SeatChanges(changes) = body("seatChanges") else { panic!() };
    assert_eq!((changes.changes.len(), changes.omitted), (7, 3));
    let allocated = changes.counts.iter().find(|c| c.kind == ChangeKind::Allocated).unwrap();
    assert_eq!((allocated.count, allocated.churn, allocated.by_bursar), (1, 1, 0));
}

#[test]
fn changes_of_seats() {
    let change: Change = read("changes", "allocated");
    assert_eq!((change.seat_type, change.after), (SeatType::Analyzer, After::Held));
    assert_eq!(
        (change.account().as_str(), change.time_from),
        (r"CORP\user1", TimeFrom::CreatedDate)
    );
    assert_eq!(change.by, By::Someone { user: r"CORP\user8".into() });
    assert!(change.is_churn() && change.released_before == days_ago(4).at());
    assert!(read::<Change>("changes", "released").is_by_bursar());
    assert_eq!(read::<Change>("changes", "quarantined").after, After::Quarantined);
    let deleted: Change = read("changes", "userDeleted");
    assert_eq!((deleted.holder, deleted.deleted_user.as_deref()), (None, Some(r"CORP\user6")));
    let moved: Change = read("changes", "moved");
    let from = moved.from.unwrap();
    assert!(moved.initial);
    assert_eq!((from.seat_type, from.after), (SeatType::Professional, After::Quarantined));
}

#[test]
fn the_app_and_alerts() {
    let Body::MonitorApp(app) = body("monitorApp") else { panic!() };
    assert_eq!((app.health.as_str(), app.failures), ("failed", 2));
    let run = app.last_run.as_ref().unwrap();
    assert_eq!((run.status, run.seconds, run.node.as_deref()), (8, Some(90.5), Some("node1")));
    assert_eq!(app.cause.unwrap().as_str(), "unauthorized");
    assert_eq!(app.app.as_ref().unwrap().stream.as_deref(), Some("Monitoring apps"));
    assert!(app.task.as_ref().unwrap().enabled);
    assert_eq!((app.stale_hours, app.running_long_minutes), (26, 61));
    let log: ScriptLog = read("script-logs", "full");
    assert_eq!((log.lines().len(), log.cause().as_str()), (3, "unauthorized"));
    assert_eq!(log.errors()[0], "Error: HTTP protocol error 401 (Unauthorized)");

    let Body::QlikSenseVersion(version) = body("qlikSenseVersion") else { panic!() };
    assert_eq!(version.name(), "May 2024 Patch 4 (14.187.4)");
    assert!(version.texts().iter().all(|(_, text)| text.is_some()));
    let change = version.change.as_ref().unwrap();
    assert_eq!((change.from.as_str(), change.to.as_str()), ("14.178.2", "14.187.4"));
    assert_eq!(version.last_known.as_deref(), Some("14.187.4"));
    assert_eq!(version.support_ends, Some("2026-05-14".parse().unwrap()));

    let Body::DaemonUptime(uptime) = body("daemonUptime") else { panic!() };
    assert_eq!((uptime.version.as_str(), uptime.seconds), ("0.1.0", 266_400));
    assert_eq!(uptime.memory_bytes, Some(14_200_000));

    let Body::Alert(notice) = body("alert") else { panic!() };
    assert_eq!((notice.rule.to_string().as_str(), notice.repeats), ("seatsLow", 2));
    assert_eq!(notice.destinations.unwrap(), [Channel::Email, Channel::Mqtt]);
    assert_eq!(notice.facts["percent"], 97.5);
    let Body::Alert(resolved) = body("alert.resolved") else { panic!() };
    assert_eq!((resolved.resolved, resolved.destinations), (Some(now()), None));

    let alert: Alert = read("alerts", "firing");
    let notified = alert.notified.unwrap();
    assert_eq!((alert.phase, notified.times, notified.step), (Phase::Firing, 3, Some(30)));
    assert_eq!(alert.key.subject, "professional");
    let silenced: Alert = read("alerts", "silenced");
    assert_eq!(silenced.held_back, Some(HeldBack::Silence { id: 1 }));
    let inhibited: Alert = read("alerts", "inhibited");
    assert!(
        matches!(inhibited.held_back, Some(HeldBack::Alert { rule }) if rule.to_string() == "siteUnreachable")
    );
    let pending: Alert = read("alerts", "pending");
    assert_eq!((pending.phase, pending.fired, pending.notified), (Phase::Pending, None, None));
}

fn assert_refusals(refusals: &[Refusal]) {
    let guards = [
        Guard::Percent,
        Guard::MaxReleases,
        Guard::StaleSignal,
        Guard::Incomplete,
        Guard::Clock,
        Guard::Unsettled,
        Guard::SharedLicense,
        Guard::Paused,
    ];
    assert_eq!(refusals.iter().map(|r| r.guard).collect::<Vec<_>>(), guards);
    for refusal in refusals {
        let of_type = matches!(refusal.guard, Guard::Percent | Guard::MaxReleases);
        assert_eq!(refusal.seat_type, of_type.then_some(SeatType::Analyzer));
        assert_eq!(refusal.saw, format!("what {} saw", refusal.guard));
        assert_eq!(refusal.fix, format!("what to do about {}", refusal.guard));
    }
}

fn assert_counts(counts: &[TypeCounts]) {
    let [professional, analyzer] = counts else { panic!("{counts:?}") };
    assert_eq!(professional.seat_type, SeatType::Professional);
    assert_eq!(analyzer.seat_type, SeatType::Analyzer);
    for c in counts {
        assert_eq!((c.seats, c.planned, c.released, c.quarantined), (120, 12, 8, 2));
        assert_eq!((c.announced, c.kept, c.changed), (3, 105, 1));
        assert_eq!((c.refused, c.gone, c.unclear), (1, 1, 1));
        assert_eq!((c.kept_by_reason["used"], c.kept_by_reason["never-used"]), (88, 17));
    }
}

fn assert_full_policy(policy: &Policy) {
    let never = &policy.never_release;
    assert_eq!((&*never.users[0].directory, &*never.users[0].user_id), ("CORP", "svc_*"));
    assert_eq!(never.directories, ["ADMIN*"]);
    assert_eq!(never.tags, ["Keep"]);
    let property = &never.custom_properties[0];
    assert_eq!((property.name.as_str(), property.value.as_str()), ("Dept", "Board"));
    assert_eq!((never.roles[0].as_str(), never.groups[0].as_str()), ("RootAdmin", "Admins"));
    assert_eq!(
        (never.inactive, never.blocked, never.removed_externally),
        (ThreeWay::Ignore, ThreeWay::Yes, ThreeWay::No)
    );
    let rule = policy.rule(SeatType::Professional).unwrap();
    assert_eq!((rule.release_threshold_days, rule.never_used_grace_days), (31, 32));
    assert_eq!((rule.keep_free, rule.grace_days, rule.max_releases), (Some(5), 7, Some(50)));
    assert_eq!((rule.max_release_percent, rule.reallocated_grace_days), (26, 15));
    let rule = policy.rule(SeatType::Analyzer).unwrap();
    assert_eq!((rule.keep_free, rule.max_releases), (None, None));
    assert!(policy.judge_per_user);
    let limits = &policy.limits;
    assert_eq!((limits.stale_signal_days, limits.clock_tolerance_seconds), (9, 301));
    assert_eq!((limits.max_unread_percent, limits.max_unsettled), (11, Some(2)));
    assert_eq!((limits.license_key_shared, limits.stop_after_failures), (Some(false), 6));
}

#[test]
fn policies_and_plans() {
    assert_full_policy(&read("policies", "full"));
    let plain: Policy = read("policies", "defaults");
    assert!(!plain.judge_per_user && plain.never_release.users.is_empty());
    assert_eq!(plain.limits.license_key_shared, None);
    let rule = plain.rule(SeatType::Analyzer).unwrap();
    assert_eq!((rule.release_threshold_days, rule.max_release_percent), (30, 25));

    let held: Policy = read("policies", "full.calendar");
    let rule = held.never_release.users[1].to_string();
    assert_eq!(rule, "CORP\\anna (through 2027-03-31: parental leave)");
    assert_eq!(held.calendar.time_zone, chrono_tz::Europe::Stockholm);
    assert_eq!(held.calendar.hours_text(), "mon, sat 20:00-06:00");
    let frozen = held.calendar.closed("2026-12-20T12:00:00Z".parse().unwrap());
    assert_eq!(frozen.unwrap().to_string(), "frozen through 2027-01-10: year end");
    assert_eq!(plain.calendar.closed(now()), None);
    let started = Entry::RunStarted {
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        version: "0.1.0".into(),
        policy: held,
    };
    let text = serde_json::to_string(&started).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), started, "{text}");
    for guard in [Guard::Frozen, Guard::RuleMisspelt] {
        assert_eq!(read::<Refusal>("guards", guard.as_str()).guard, guard);
    }

    let plan: Plan = read("plans", "full");
    assert_eq!((plan.format, plan.run.as_str(), plan.site.as_str()), (1, RUN, "default"));
    assert_eq!(plan.now, now());
    assert_full_policy(&plan.policy);
    assert_eq!((plan.types[0].taken, plan.types[0].left), (0, None));
    assert!(plan.identity.is_none() && plan.accepted.is_empty());
    let newer: Plan = read("plans", "full.identity");
    assert_eq!((newer.types[0].taken, newer.types[0].left), (7, Some(3)));
    assert_eq!(newer.accepted[0].due, 81);
    assert_eq!(newer.identity.map(|site| site.nodes.len()), Some(2));
    assert_refusals(&plan.refusals);
    assert_eq!(plan.notes, ["a remark"]);
    let [professional, analyzer] = &plan.types[..] else { panic!() };
    assert_eq!(professional.problem.as_deref(), Some("the site answered 500"));
    assert_eq!(professional.rule.keep_free, Some(5));
    assert_eq!((analyzer.free, analyzer.decisions.len()), (Some(9), 32));
    // Only the first is to go, and nothing that stops a run is accepted by itself.
    assert!(plan.releases(&[]).is_empty());
    let first = &analyzer.decisions[0];
    assert_eq!((first.outcome, first.seat), (release::Outcome::Release, Uuid::from_u128(0x501)));
    assert_eq!((&first.created, &first.last_used), (&days_ago(633), &days_ago(43)));
    assert_eq!(first.idle_since, days_ago(43).at());
    assert!(first.keep.is_empty() && first.removed_externally && !first.excess);
    assert_eq!(analyzer.decisions[1].outcome, release::Outcome::Announce);
    let last = &analyzer.decisions[31];
    assert_eq!(last.created, Moment::Unreadable("soon".into()));
    assert!(last.holder.is_none());
    assert_eq!(last.keep, [Keep::NoUser { deleted: None }, Keep::NoDate]);
    let withdrawal = &plan.withdrawn[0];
    assert_eq!(
        (withdrawal.why.as_str(), withdrawal.announcement.seat),
        ("used since", Uuid::from_u128(0x504))
    );

    let announcement: Announcement = read("announcements", "full");
    assert_eq!(
        (announcement.seat, announcement.due),
        (Uuid::from_u128(0x502), now() + TimeDelta::days(2))
    );
    assert_eq!(announcement.announced, now() - TimeDelta::days(5));
}

#[test]
fn people() {
    let person: Person = read("people", "full");
    assert_eq!(
        (&*person.user_id, person.roles.as_deref()),
        ("user2", Some(&["RootAdmin".into()][..]))
    );
    assert_eq!(person.properties[1], ("Dept".into(), "Sales".into()));
    assert!(person.blocked && person.removed_externally && !person.inactive);
    let person: Person = read("people", "without-roles");
    assert!(person.roles.is_none() && person.groups.is_some() && person.inactive);
}

#[test]
fn records_of_the_ledger() {
    let entry = |name: &str| read::<Entry>("entries", name);
    let Entry::RunStarted { mode, trigger, version, policy } = entry("runStarted.command") else {
        panic!()
    };
    assert_eq!((mode, version.as_str()), (Mode::Undo, "0.1.0"));
    assert_eq!(trigger, Trigger::Command { user: "user8@admin1".into(), process: None });
    assert_full_policy(&policy);
    let Entry::RunStarted { mode, trigger, .. } = entry("runStarted.schedule") else { panic!() };
    assert_eq!((mode, trigger), (Mode::Real, Trigger::Schedule));
    let Entry::Planned { digest, counts, refusals, accepted, standing, site } = entry("planned")
    else {
        panic!()
    };
    assert!(standing.is_empty() && site.is_none());
    assert_eq!((digest, accepted), ("ab".repeat(32), vec!["percent".into(), "clock".into()]));
    assert_counts(&counts);
    assert_refusals(&refusals);
    for (name, action) in
        [("intent.release", Action::Release), ("intent.allocate", Action::Allocate)]
    {
        let Entry::Intent(intent) = entry(name) else { panic!() };
        assert_eq!((intent.action, intent.seat_type), (action, SeatType::Analyzer));
        assert_eq!(
            (intent.seat, intent.holder.id),
            (Uuid::from_u128(0x501), Uuid::from_u128(0xa01))
        );
        assert_eq!((intent.created, intent.last_used), (days_ago(633), days_ago(43)));
        assert_eq!(intent.because, "idle for 43 days (threshold 30)");
    }
    let Entry::Announced { seat, last_used, due, .. } = entry("announced") else { panic!() };
    assert_eq!((seat, last_used), (Uuid::from_u128(0x502), days_ago(43)));
    assert_eq!(due, now() + TimeDelta::days(2));
    let Entry::Withdrawn { seat, why, .. } = entry("withdrawn") else { panic!() };
    assert_eq!((seat, why.as_str()), (Uuid::from_u128(0x504), "used since"));
    let Entry::RunEnded { status, counts, why } = entry("runEnded.broken") else { panic!() };
    assert_eq!((status, why.as_deref()), (RunStatus::Broken, Some("why it ended early")));
    assert_counts(&counts);
    let Entry::RunEnded { status, why, .. } = entry("runEnded.done") else { panic!() };
    assert_eq!((status, why), (RunStatus::Done, None));
    let Entry::Paused { until, why, by } = entry("paused") else { panic!() };
    assert_eq!(
        (until, why.as_str(), by.as_str()),
        (now() + TimeDelta::days(20), "year end", "user8@admin1")
    );
    let Entry::Accepted { guard, seat_type, due, seats, why, by, .. } = entry("accepted") else {
        panic!()
    };
    assert_eq!((guard, seat_type, due, seats), (Guard::Percent, SeatType::Analyzer, 81, 100));
    assert_eq!((why.as_str(), by.as_str()), ("backlog of years", "user8@admin1"));
    let Entry::SiteAccepted { was, is, .. } = entry("siteAccepted") else { panic!() };
    assert_eq!(was.map(|was| was.nodes.len()), Some(1));
    assert_eq!((is.nodes.len(), is.license.as_deref()), (2, Some("1f2e3d4c")));
    let Entry::LossAccepted { lost, file, since, .. } = entry("lossAccepted") else { panic!() };
    assert_eq!(lost, "database disk image is malformed");
    assert!(
        file.is_some_and(|file| file.contains(".damaged-")) && since.timestamp() == 1_796_025_600
    );
    let Entry::Planned { site: Some(site), .. } = entry("planned.site") else { panic!() };
    assert_eq!(site, is);
    let Entry::SiteAccepted { known_as, .. } = entry("siteAccepted.knownAs") else { panic!() };
    assert_eq!(known_as.as_deref(), Some("default"));
    let Entry::Planned { standing, .. } = entry("planned.standing") else { panic!() };
    assert_eq!((standing.len(), standing[0].due), (1, 81));
    let Entry::Archived { through, records, file, .. } = entry("archived") else { panic!() };
    assert_eq!((through.seq, records, file.as_str()), (5, 5, "ledger-2025.jsonl"));
    let Entry::RunStarted { trigger, .. } = entry("runStarted.page") else { panic!() };
    let (user, peer) = ("user8, logged in".to_owned(), "10.0.0.8".to_owned());
    assert_eq!(trigger, Trigger::Page { user, peer, order: 7 });
    let Entry::RunStarted { trigger, .. } = entry("runStarted.process") else { panic!() };
    let Trigger::Command { user, process: Some(process) } = trigger else { panic!() };
    assert_eq!(
        (user.as_str(), process.uid, process.account.as_deref(), process.pid),
        ("user8@admin1", Some(1008), Some("user8"), 4711)
    );
    assert_eq!((process.host.as_str(), process.says.len()), ("admin1", 2));
    let Entry::Rebuilt { by, count, changes } = entry("rebuilt") else { panic!() };
    assert!(by.starts_with("uid 1008 (user8)"));
    assert_eq!((count, changes.len()), (2, 2));
}

#[test]
fn what_outcomes_rest_on() {
    let evidence = |name: &str| {
        let Entry::Outcome(outcome) = read("entries", &format!("outcome.{name}")) else { panic!() };
        outcome.evidence
    };
    let none = Evidence::default();
    assert_eq!(evidence("freed"), none, "of records that had none of it");
    let late = Evidence {
        answered: Some(ResponseClass::Unclear),
        remark: Some("the site answered 404".into()),
        late: true,
        corrects: Some(18),
        ..none.clone()
    };
    assert_eq!(evidence("freed.late"), late);
    let by_time = Evidence {
        answered: Some(ResponseClass::NotSent),
        there: true,
        by_time: true,
        ..none.clone()
    };
    assert_eq!(evidence("refused.by-time"), by_time);
    let accepted = Evidence { answered: Some(ResponseClass::Accepted), ..none };
    assert_eq!(evidence("stated"), accepted);
    let says = SeatResult::Stated {
        says: Statement::Kept,
        by: "command of user8@admin1".into(),
        why: "asked the person".into(),
    };
    assert_eq!(read::<SeatResult>("results", "stated"), says);
}

#[test]
fn what_became_of_seats() {
    for (name, result) in [
        ("freed", SeatResult::Freed),
        ("quarantined", SeatResult::Quarantined { until: days_ago(-7) }),
        ("refused", SeatResult::Refused { why: "403".into() }),
        ("gone", SeatResult::Gone),
        ("unclear", SeatResult::Unclear { why: "no answer".into() }),
        ("allocated", SeatResult::Allocated),
    ] {
        assert_eq!(read::<SeatResult>("results", name), result);
        let Entry::Outcome(outcome) = read("entries", &format!("outcome.{name}")) else { panic!() };
        let Outcome { intent, seat, holder, settled_later, .. } = &outcome;
        assert_eq!((*intent, *seat), (17, Uuid::from_u128(0x501)));
        assert_eq!((holder.account().as_str(), *settled_later), (r"CORP\user1", name == "gone"));
        let action = if name == "allocated" { Action::Allocate } else { Action::Release };
        assert_eq!((outcome.action, outcome.result), (action, result));
    }
}
