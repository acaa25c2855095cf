//! Polls of another site behind the same address are not mixed into the history of the first.

use bursar::clock::Clock;
use bursar::daemon::Daemon;
use bursar::event::{Body, Monitor, Rule};
use bursar::ledger::Entry;
use bursar::license::{Pools, SeatType};
use bursar::qrs::Patience;
use bursar::simulator::{Population, Scenario, SeatKind, SeatSpec, UserSpec, When};
use bursar::store::{Addition, Store};

use crate::support::process::until;
use crate::support::setup::Setup;

async fn pools(store: &Store) -> Option<Pools> {
    store.latest().await.unwrap().into_iter().find_map(|event| match event.body {
        Body::AccessLicenseStatus(pools) => Some(pools),
        _ => None,
    })
}

async fn holders(store: &Store) -> Vec<String> {
    let seats = store.seats("default").await.unwrap();
    let list = seats.list(SeatType::Analyzer).map(|list| list.seats.as_slice()).unwrap_or_default();
    list.iter().filter_map(|known| Some(known.seat.holder.as_ref()?.account())).collect()
}

const KEPT_APART: [Monitor; 2] = [Monitor::AccessLicense, Monitor::Seats];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_site_says_is_not_stored_until_a_person_accepts_it() {
    let anna = SeatSpec::of(SeatKind::Analyzer, r"CORP\anna", When::days_ago(3));
    let scenario = Scenario {
        population: Population::none(),
        users: vec![UserSpec::of("CORP", "anna")],
        seats: vec![anna],
        ..Scenario::default()
    };
    let setup = Setup::new(scenario).await;
    let yaml = setup
        .yaml("every 10 minutes", "")
        .replace("seatMonitor: {enable: false}", "seatMonitor: {frequency: every 10 minutes}");
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let daemon = Daemon::start(setup.load(&yaml), clock).await.expect("the daemon starts");
    let store = daemon.store();
    let before = until("the first poll", async || pools(store).await).await;
    until("the seats", async || (holders(store).await == [r"CORP\anna"]).then_some(())).await;

    let control = setup.site.control();
    control.become_site("elsewhere");
    control.update_pools(|pools| pools.analyzer.total = 777);
    control.add_user(&UserSpec::of("CORP", "bert"));
    control.add_seat(&SeatSpec::of(SeatKind::Analyzer, r"CORP\bert", When::days_ago(3)));
    let refused = async |monitor: Monitor| {
        let health = store.health().await.unwrap();
        let health = health.into_iter().find(|health| health.monitor == monitor)?;
        health.problem().filter(|problem| problem.code == "other-site").cloned()
    };
    for monitor in KEPT_APART {
        let problem = until("it is refused", async || refused(monitor).await).await;
        assert!(problem.text.contains("bursar release accept site"), "{}", problem.text);
    }
    assert_eq!(pools(store).await, Some(before));
    assert_eq!(holders(store).await, [r"CORP\anna"]);
    let rules = async || {
        let alerts = store.alerts().await.unwrap();
        alerts.into_keys().map(|key| key.rule).collect::<Vec<_>>()
    };
    until("an alert", async || rules().await.contains(&Rule::OtherSite).then_some(())).await;

    let client = bursar::qrs::Client::new("default", &setup.load(&yaml).sites[0].connection);
    let is = client.unwrap().identity(Patience::ONCE).await.unwrap();
    let entry = Entry::SiteAccepted {
        was: None,
        is,
        known_as: None,
        why: "moved".into(),
        by: "anna".into(),
    };
    let addition = Addition { site: "default".into(), run: None, entry };
    store.append(None, vec![addition], |_| Vec::new()).await.unwrap();
    let total = async || pools(store).await?.analyzer.map(|pool| pool.total);
    until("its figures", async || (total().await == Some(777.0)).then_some(())).await;
    until("its seats", async || (holders(store).await.len() == 2).then_some(())).await;
    until("the end", async || (!rules().await.contains(&Rule::OtherSite)).then_some(())).await;
    daemon.stop().await;
}

/// The same nodes: it is the same site, and its history goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_license_does_not_break_the_history() {
    let setup = Setup::new(Scenario::default()).await;
    let clock = Clock::fast(chrono::Utc::now(), 600.0);
    let settings = setup.load(&setup.yaml("every 10 minutes", ""));
    let daemon = Daemon::start(settings, clock).await.expect("the daemon starts");
    let store = daemon.store();
    until("the first poll", async || pools(store).await).await;
    let control = setup.site.control();
    control.renew_license("0009 0009 0009 0009");
    control.update_pools(|pools| pools.analyzer.total = 777);
    let total = async || pools(store).await?.analyzer.map(|pool| pool.total);
    until("its figures", async || (total().await == Some(777.0)).then_some(())).await;
    daemon.stop().await;
}
