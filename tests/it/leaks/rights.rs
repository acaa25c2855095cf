//! The rights that the documentation asks for are enough, and no more than what is used.

use std::collections::BTreeSet;

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::Monitor;
use bursar::simulator::{
    Action, Population, PropertySpec, Scenario, ScriptError, SeatKind, SeatSpec, SecurityRule,
    UserSpec, When,
};
use chrono::Utc;

use crate::support::process::{LIMIT, output};
use crate::support::setup::Setup;

const PAGE: &str = include_str!("../../../docs/qlik-rights.md");

/// The rules of the page: reading, then releasing.
fn rules() -> [SecurityRule; 2] {
    let values = |name: &str| {
        let begin = format!("| {name} | ");
        let lines = PAGE.lines().filter_map(move |line| line.strip_prefix(&begin));
        lines
            .map(|rest| rest.trim_end_matches(" |").trim_matches('`').to_owned())
            .collect::<Vec<_>>()
    };
    let (filters, actions, conditions) =
        (values("resource filter"), values("actions"), values("condition"));
    assert_eq!((filters.len(), actions.len(), conditions.len()), (2, 2, 2));
    let rule = |n: usize| {
        assert!(
            conditions[n].contains("user.userDirectory=\"CORP\" and user.userId=\"svc-bursar\"")
        );
        SecurityRule {
            user: "CORP\\svc-bursar".into(),
            resource_filter: filters[n].clone(),
            actions: actions[n].split(", ").map(|name| Action::parse(name).unwrap()).collect(),
        }
    };
    [rule(0), rule(1)]
}

/// The table of calls, as `GET /qrs/about`, of a rule or of all.
fn calls(of: Option<&str>) -> BTreeSet<String> {
    let rows = PAGE.lines().filter(|line| {
        ["| GET |", "| POST |", "| PUT |", "| DELETE |"].iter().any(|begin| line.starts_with(begin))
    });
    let cells = rows.map(|line| line.trim_matches(['|', ' ']).split(" | ").collect::<Vec<_>>());
    let wanted = cells.filter(|cells| of.is_none_or(|rule| cells[3] == rule));
    wanted.map(|cells| format!("{} {}", cells[0], cells[1].trim_matches('`'))).collect()
}

/// A request as the table has it.
fn as_in_table(method: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let types = ["professionalaccesstype", "analyzeraccesstype", "useraccesstype"];
        if types.contains(&part) {
            "{type}"
        } else if uuid::Uuid::try_parse(part).is_ok() {
            "{id}"
        } else {
            part
        }
    });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

fn seen(setup: &Setup) -> BTreeSet<String> {
    let requests = setup.site.control().requests();
    requests.iter().map(|request| as_in_table(&request.method, &request.path)).collect()
}

fn scenario() -> Scenario {
    let user =
        |id: &str| UserSpec { directory: "CORP".into(), user_id: id.into(), ..UserSpec::default() };
    let seat = |kind, id: &str, days| SeatSpec {
        kind,
        user: format!("CORP\\{id}"),
        last_used: When::days_ago(days),
        ..SeatSpec::default()
    };
    let mut users = vec![
        user("idle1"),
        UserSpec {
            custom_properties: vec![PropertySpec { name: "Keep".into(), value: "yes".into() }],
            ..user("idle2")
        },
    ];
    let mut seats =
        vec![seat(SeatKind::Analyzer, "idle1", 100), seat(SeatKind::Professional, "idle2", 100)];
    for n in 1..=6 {
        let id = format!("busy{n}");
        users.push(user(&id));
        seats.push(seat(SeatKind::Analyzer, &id, 1));
        seats.push(seat(SeatKind::Professional, &id, 1));
    }
    let population = Population { users: 0, professional: 0, analyzer: 0, ..Population::default() };
    let mut scenario = Scenario { population, users, seats, ..Scenario::default() };
    scenario.license_monitor.status = 8;
    scenario.license_monitor.script_error = ScriptError::Unauthorized;
    scenario
}

const RELEASE: &str = "    licenseMonitorApp: {enable: true}
    licenseRelease:
      enable: true
      dryRun: false
      licenseKeyShared: false
      neverRelease:
        user: [{userDir: CORP, userId: boss}]
        tag: [vip]
        customProperty: [{name: keep, value: n*}]
      licenseType:
        analyzer: {enable: true, releaseThresholdDays: 30}
        professional: {enable: true, releaseThresholdDays: 30}
";

fn yaml(setup: &Setup) -> String {
    let own = setup.yaml("every 24 hours", RELEASE);
    let own = own.replace("seatMonitor: {enable: false}", "seatMonitor: {enable: true}");
    own.replace(
        "UserDirectory=Internal; UserId=sa_repository",
        "UserDirectory=CORP; UserId=svc-bursar",
    )
}

/// Runs what reads: the daemon until each monitor has read, and every command that asks a site.
async fn read_everything(setup: &Setup) {
    let yaml = yaml(setup);
    let daemon = Daemon::start(setup.load(&yaml), Clock::System).await.unwrap();
    let all = async {
        loop {
            let health = daemon.store().health().await.unwrap();
            let read =
                |monitor| health.iter().any(|h| h.monitor == monitor && h.last_success.is_some());
            let monitors =
                [Monitor::ServerLicense, Monitor::AccessLicense, Monitor::Seats, Monitor::App];
            if monitors.into_iter().all(read) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("each monitor reads");
    daemon.stop().await;
    for args in [
        &["check"][..],
        &["status", "--live"],
        &["release", "plan"],
        &["release", "plan", "--explain", "CORP\\idle1"],
        &["release", "settle"],
    ] {
        let run = output(&[args, &["-c", "bursar.yaml"]].concat(), setup.folder.path());
        let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        assert!(!said.contains("answered 403"), "{args:?}: {said}");
        assert!(run.status.success(), "{args:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_the_page_are_enough_and_its_table_has_every_call() {
    let setup = Setup::new(scenario()).await;
    let control = setup.site.control();
    let [reading, releasing] = rules();
    control.set_security_rules(vec![reading.clone()]);
    read_everything(&setup).await;
    let read = seen(&setup);
    let beyond: Vec<_> = read.iter().filter(|call| !calls(None).contains(*call)).collect();
    assert!(beyond.is_empty(), "these calls are not in the table: {beyond:?}");
    assert!(read.is_disjoint(&calls(Some("releasing"))), "reading needs no right to release");

    // Reading alone releases nothing: the site refuses, and says so.
    let apply = |more: &[&str]| {
        let args =
            [&["release", "apply", "-c", "bursar.yaml", "--yes", "--accept", "percent"], more]
                .concat();
        let run = output(&args, setup.folder.path());
        String::from_utf8([run.stdout, run.stderr].concat()).unwrap()
    };
    let has = |kind, id| control.seat_of(kind, "CORP", id).is_some();
    let said = apply(&[]);
    assert!(said.contains("answered 403"), "{said}");
    assert!(has(SeatKind::Analyzer, "idle1") && has(SeatKind::Professional, "idle2"), "{said}");

    control.set_security_rules(vec![reading, releasing]);
    let said = apply(&[]);
    assert!(!has(SeatKind::Analyzer, "idle1"), "{said}");
    let undo = ["release", "undo", "-c", "bursar.yaml", "CORP\\idle1", "--yes"];
    let run = output(&undo, setup.folder.path());
    let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
    assert!(has(SeatKind::Analyzer, "idle1"), "{said}");

    let all = seen(&setup);
    let beyond: Vec<_> = all.difference(&calls(None)).cloned().collect();
    assert!(beyond.is_empty(), "these calls are not in the table: {beyond:?}");
    // The other way to a script log is for newer servers; users are counted where a reading lacks some.
    let unused: Vec<_> = calls(None).difference(&all).cloned().collect();
    let expected = ["GET /qrs/reloadtask/{id}/scriptlogfile", "GET /qrs/user/count"];
    assert_eq!(unused, expected, "the table has these for nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_servers_are_asked_for_script_logs_by_the_other_call_of_the_table() {
    let mut scenario = scenario();
    scenario.license_monitor.script_log = bursar::simulator::ScriptLogApi::New;
    let setup = Setup::new(scenario).await;
    setup.site.control().set_security_rules(rules().into());
    read_everything(&setup).await;
    let seen = seen(&setup);
    assert!(seen.contains("GET /qrs/reloadtask/{id}/scriptlogfile"), "{seen:?}");
    assert!(seen.is_subset(&calls(None)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_of_the_reading_rule_is_needed() {
    let [reading, _] = rules();
    let parts: Vec<&str> = reading.resource_filter.split(',').collect();
    // No seat of the third type is read at a site that has none.
    for without in parts.iter().filter(|part| !part.contains("UserAccess")) {
        let setup = Setup::new(scenario()).await;
        let rest: Vec<_> = parts.iter().filter(|part| *part != without).copied().collect();
        let rule = SecurityRule { resource_filter: rest.join(","), ..reading.clone() };
        setup.site.control().set_security_rules(vec![rule]);
        let file = setup.write(&yaml(&setup));
        let daemon = Daemon::start(setup.load(&yaml(&setup)), Clock::System).await.unwrap();
        let refused = async {
            loop {
                let requests = setup.site.control().requests();
                if requests.iter().any(|request| request.status == Some(403)) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(std::time::Duration::from_millis(1500), refused).await.is_err() {
            // Users are read for releases alone.
            let plan =
                output(&["release", "plan", "-c", file.to_str().unwrap()], setup.folder.path());
            let said = String::from_utf8([plan.stdout, plan.stderr].concat()).unwrap();
            let requests = setup.site.control().requests();
            assert!(requests.iter().any(|r| r.status == Some(403)), "without {without}: {said}");
        }
        daemon.stop().await;
    }
    let _ = Utc::now();
}
