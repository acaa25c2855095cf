//! The snapshot that a plan is made of, read from a simulated site: what is asked, what is not
//! asked, and what an answer that can't be used does to the plan.

use std::time::Duration;

use bursar::clock::Clock;
use bursar::ledger::past::Past;
use bursar::license::{PersonRead, SeatType};
use bursar::policy::{Limits, NeverRelease, Policy, TypeRule};
use bursar::qrs::settings::Connection;
use bursar::qrs::{Backoff, Client, Options, Patience};
use bursar::release::plan::{Snapshot, plan};
use bursar::release::read::snapshot;
use bursar::release::{Keep, Outcome, Plan};
use bursar::simulator::{
    Fault, FaultRule, Population, Running, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use chrono::{DateTime, Utc};

struct Site {
    running: Running,
    connection: Connection,
    clock: Clock,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn with(mut scenario: Scenario) -> Self {
        scenario.clock.speed = 0.0;
        let loopback = ([127, 0, 0, 1], 0).into();
        let running = Running::start(scenario, loopback).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = running.pki().write_to(folder.path()).unwrap();
        let connection = Connection {
            host: "127.0.0.1".into(),
            port: running.addr().port(),
            use_ssl: true,
            client_cert: files.client_cert,
            client_key: files.client_key,
            ca_cert: files.root,
            reject_unauthorized: true,
            tls_server_name: Some(running.pki().server_name.clone()),
            headers: vec![("X-Qlik-User".into(), "UserDirectory=INTERNAL; UserId=sa_api".into())],
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
            max_concurrency: 4,
            entry: bursar::qrs::settings::Entry::default(),
            missing: None,
        };
        let clock = Clock::following(running.control().now());
        Self { running, connection, clock, _folder: folder }
    }

    fn client(&self) -> Client {
        let millis = Duration::from_millis;
        let backoff = Backoff { first: millis(1), cap: millis(5) };
        let options = Options { rng: fastrand::Rng::with_seed(1), backoff, ..Options::default() };
        Client::with("test", &self.connection, options).unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn snapshot(&self, policy: &Policy, patience: Patience) -> Snapshot {
        snapshot(&self.client(), policy, &Past::default(), &self.clock, self.now(), patience).await
    }

    /// A snapshot and its plan.
    async fn plan(&self, policy: &Policy) -> (Snapshot, Plan) {
        self.plan_until(policy, soon()).await
    }

    async fn plan_until(&self, policy: &Policy, patience: Patience) -> (Snapshot, Plan) {
        let snapshot = self.snapshot(policy, patience).await;
        let plan = plan("run", "test", &snapshot, &Past::default(), policy, self.now());
        (snapshot, plan)
    }

    fn fault(&self, fault: impl Into<FaultRule>) {
        self.running.control().set_fault(fault);
    }

    /// Method and path of the requests so far, sorted.
    fn lines(&self) -> Vec<String> {
        let requests = self.running.control().requests();
        let mut lines: Vec<_> = requests.iter().map(bursar::simulator::RequestLog::line).collect();
        lines.sort();
        lines
    }
}

fn policy(types: &[SeatType]) -> Policy {
    Policy {
        never_release: NeverRelease { tags: vec!["keep".into()], ..NeverRelease::default() },
        types: types.iter().map(|seat_type| TypeRule::new(*seat_type)).collect(),
        judge_per_user: true,
        limits: Limits::default(),
        calendar: Default::default(),
    }
}

fn soon() -> Patience {
    Patience::retrying_for(Duration::from_secs(30))
}

/// Anna and Ben are idle, Anna is protected; Cleo works; Dora has never worked; Emil is deleted.
fn small() -> Scenario {
    let user = |id: &str| UserSpec::of("CORP", id);
    let idle = |id: &str| SeatSpec {
        created: When::days_ago(300),
        ..SeatSpec::of(SeatKind::Professional, &format!("CORP\\{id}"), When::days_ago(90))
    };
    Scenario {
        population: Population::none(),
        users: vec![
            UserSpec { tags: vec!["Keep".into()], ..user("anna") },
            user("ben"),
            user("cleo"),
            user("dora"),
        ],
        seats: vec![
            idle("anna"),
            idle("ben"),
            SeatSpec { last_used: When::days_ago(1), ..idle("cleo") },
            SeatSpec { last_used: When::Never, ..idle("dora") },
            idle("emil"),
        ],
        ..Scenario::default()
    }
}

const PROFESSIONAL: &[SeatType] = &[SeatType::Professional];

/// Outcome and first reason by the user's id.
fn outcomes(plan: &Plan) -> Vec<(String, String)> {
    let mut outcomes: Vec<_> = plan.types[0]
        .decisions
        .iter()
        .map(|decision| {
            let who = decision.holder.as_ref().map_or("nobody", |holder| &holder.user_id);
            let what = match decision.outcome {
                Outcome::Release => "release",
                Outcome::Announce => "announce",
                Outcome::Keep => decision.keep.first().map_or("", Keep::code),
            };
            (who.to_owned(), what.to_owned())
        })
        .collect();
    outcomes.sort();
    outcomes
}

#[track_caller]
fn assert_outcomes(plan: &Plan, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    assert_eq!(outcomes(plan), expected);
}

#[tokio::test]
async fn a_snapshot_asks_what_a_plan_needs_and_nothing_else() {
    let site = Site::with(small()).await;
    let (snapshot, plan) = site.plan(&policy(PROFESSIONAL)).await;
    assert_eq!(
        site.lines(),
        [
            "GET /qrs/license/accesstypeoverview",
            "GET /qrs/license/analyzeraccesstype/count",
            "GET /qrs/license/analyzeraccesstype/full",
            "GET /qrs/license/professionalaccesstype/count",
            "GET /qrs/license/professionalaccesstype/full",
            "GET /qrs/user/full",
        ]
    );
    let types: Vec<_> = snapshot.seats.iter().map(|seats| seats.seat_type).collect();
    assert_eq!(types, [SeatType::Professional, SeatType::Analyzer]);
    assert_eq!(snapshot.people.len(), 3, "not Cleo, who works, and not Emil, who is gone");
    assert!(snapshot.people.values().all(|person| matches!(person, PersonRead::Whole(_))));
    assert!(snapshot.pools.is_some() && snapshot.sharing.is_empty());
    assert_outcomes(
        &plan,
        &[
            ("anna", "tag"),
            ("ben", "release"),
            ("cleo", "used"),
            ("dora", "release"),
            ("nobody", "no-user"),
        ],
    );
}

#[tokio::test]
async fn the_types_that_matter_are_read() {
    let all = SeatType::ALL;
    let [professional, analyzer, user] = all;
    let site = Site::with(small()).await;
    for (enabled, together, read) in [
        (&[professional][..], true, &[professional, analyzer][..]),
        (&[analyzer], true, &[professional, analyzer]),
        (&[analyzer], false, &[analyzer]),
        (&[user], true, &all),
        (&[user], false, &[user]),
        (&[professional, user], false, &[professional, user]),
        (&all, true, &all),
        (&[], true, &[]),
    ] {
        let policy = Policy { judge_per_user: together, ..policy(enabled) };
        let snapshot = site.snapshot(&policy, soon()).await;
        let types: Vec<_> = snapshot.seats.iter().map(|seats| seats.seat_type).collect();
        assert_eq!(types, read, "{enabled:?} {together}");
    }
}

#[tokio::test]
async fn a_type_that_cannot_be_read_stops_no_other() {
    let site = Site::with(small()).await;
    let both = policy(&[SeatType::Professional, SeatType::Analyzer]);
    let cut = Fault::ShortList { drop: 1 };
    let list = "/qrs/license/professionalaccesstype/full";
    for (fault, text) in [
        (cut, "4 rows although its count is 5"),
        (Fault::HtmlOk, "an HTML page"),
        (Fault::Truncate, "a truncated body"),
        (Fault::Forbidden, "403"),
    ] {
        site.fault(FaultRule::on(list, fault));
        let (snapshot, plan) = site.plan_until(&both, Patience::ONCE).await;
        let problem = snapshot.seats[0].list.as_ref().unwrap_err();
        assert!(problem.contains(text), "{problem}");
        assert!(snapshot.seats[1].list.is_ok() && snapshot.clocks.is_some());
        assert!(plan.types[0].problem.is_some() && plan.types[0].decisions.is_empty());
        site.running.control().clear_faults();
    }
    site.fault(FaultRule::on("/qrs/license/accesstypeoverview", Fault::Null));
    let (snapshot, plan) = site.plan(&both).await;
    assert!(snapshot.pools.is_none() && snapshot.seats.iter().all(|seats| seats.list.is_ok()));
    assert_eq!(plan.types[0].free, None);
}

/// Everything else waits for them: at a site far away each wait counts.
#[tokio::test]
async fn the_lists_are_asked_for_before_anything_else() {
    let mut site = Site::with(small()).await;
    // One request at a time: they come in the order in which they were asked.
    site.connection.max_concurrency = 1;
    site.snapshot(&policy(PROFESSIONAL), soon()).await;
    let requests = site.running.control().requests();
    let first: Vec<_> = requests.iter().map(|request| &*request.path).take(3).collect();
    let expected =
        ["professionalaccesstype/count", "analyzeraccesstype/count", "accesstypeoverview"];
    assert_eq!(first, expected.map(|path| format!("/qrs/license/{path}")));
}

#[tokio::test]
async fn the_clocks_are_compared_at_the_time_of_the_answer() {
    let site = Site::with(small()).await;
    let policy = policy(PROFESSIONAL);
    let differ = async || {
        let clocks = site.snapshot(&policy, soon()).await.clocks.unwrap();
        (clocks.site - clocks.here).num_seconds()
    };
    // The site's clock stands, ours goes on; whole seconds are cut off.
    assert!((-20..=0).contains(&differ().await));
    site.fault(Fault::ClockSkew { seconds: 3600 });
    assert!((3580..=3600).contains(&differ().await));
    site.running.control().clear_faults();
    site.fault(Fault::ClockSkew { seconds: -600 });
    assert!((-620..=-600).contains(&differ().await));
}

/// Corrections: what answers 200 and is not the user switches no protection off, and takes nobody
/// else along.
#[tokio::test]
async fn who_is_not_read_whole_keeps_the_seat() {
    let site = Site::with(small()).await;
    let policy = policy(PROFESSIONAL);
    site.running.control().add_user(&UserSpec::of("CORP", "stranger"));
    for fault in [
        Fault::HtmlOk,
        Fault::EmptyOk,
        Fault::EmptyObject,
        Fault::Null,
        Fault::BrokenJson,
        Fault::Truncate,
        Fault::AnotherUser { user: "CORP\\stranger".into() },
        Fault::FieldMissing { name: "inactive".into() },
        Fault::Status { code: 500, html: true, retry_after_seconds: None },
    ] {
        site.fault(FaultRule::on("/qrs/user/", fault.clone()));
        let (_, plan) = site.plan_until(&policy, Patience::ONCE).await;
        let kept = [
            ("anna", "user-unread"),
            ("ben", "user-unread"),
            ("cleo", "used"),
            ("dora", "user-unread"),
            ("nobody", "no-user"),
        ];
        assert_eq!(plan.releases(&[]).len(), 0, "{fault:?}");
        assert_outcomes(&plan, &kept);
        site.running.control().clear_faults();
    }
    let expected = [
        ("anna", "tag"),
        ("ben", "release"),
        ("cleo", "used"),
        ("dora", "release"),
        ("nobody", "no-user"),
    ];
    // A list that lacks its end: those who came are read, the others one by one.
    for drop in 1..3 {
        site.fault(FaultRule::on("/qrs/user/full", Fault::ShortList { drop }));
        let (snapshot, plan) = site.plan(&policy).await;
        assert_eq!(snapshot.people.len(), 3);
        assert_outcomes(&plan, &expected);
        site.running.control().clear_faults();
    }
}

#[tokio::test]
async fn a_user_who_goes_in_between_is_kept_and_stops_nobody() {
    let site = Site::with(small()).await;
    let control = site.running.control();
    // The row still names Ben.
    let ben = control.users().into_iter().find(|user| user.user_id == "ben").unwrap().id;
    let row = serde_json::json!({"id": ben, "userId": "ben", "userDirectory": "CORP", "name": ""});
    control.remove_user("CORP", "ben");
    control.remove_user("CORP", "dora");
    site.fault(FaultRule::on(
        "/qrs/license/professionalaccesstype",
        Fault::Field { name: "user".into(), value: row },
    ));
    let (snapshot, plan) = site.plan(&policy(PROFESSIONAL)).await;
    assert_eq!(snapshot.people[&ben], PersonRead::Gone);
    assert!(plan.releases(&[]).is_empty());
    assert!(outcomes(&plan).iter().any(|(_, why)| why == "user-gone"), "{:?}", outcomes(&plan));
}

/// Correction: a site is read with few requests over few connections.
#[tokio::test]
async fn requests_and_connections_are_few() {
    let scenario = Scenario {
        population: Population {
            users: 1500,
            professional: 500,
            analyzer: 1000,
            idle_share: 0.9,
            ..Population::default()
        },
        ..Scenario::default()
    };
    let site = Site::with(scenario).await;
    let both = policy(&[SeatType::Professional, SeatType::Analyzer]);
    let (snapshot, plan) = site.plan(&both).await;
    assert!(snapshot.people.len() > 1000, "{}", snapshot.people.len());
    assert!(snapshot.people.values().all(|person| matches!(person, PersonRead::Whole(_))));
    assert!(plan.releases(&[]).len() > 500);
    let requests = site.running.control().requests();
    let counts = requests.iter().filter(|request| request.path.ends_with("/count")).count();
    assert_eq!(counts, 2, "one a list");
    let others = requests.len() - counts;
    assert!(others <= 2 + 1500 / 100, "{others} requests");
    let connections = site.running.control().connections();
    assert!(connections <= 6, "{connections} connections");
    assert!(requests.iter().all(|request| request.method == "GET"));
}
