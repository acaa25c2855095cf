//! What releasing costs: 300 of 1,000 seats, with the second look at each seat and its user, the
//! ledger on disk, and the look at what became of it.
//!
//! `cargo bench --bench release` runs the engine against a simulated site on loopback. Figures are
//! printed, nothing is asserted but that the work was done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar::clock::Clock;
use bursar::ledger::{Mode, RunStatus, Trigger};
use bursar::qrs;
use bursar::release::run::{Engine, Order, Progress, Undo};
use bursar::simulator::{
    Fault, FaultRule, Population, Running, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use bursar::store::Store;
use tokio_util::sync::CancellationToken;

const SEATS: usize = 1000;
const IDLE: usize = 300;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    bursar::tls::install_provider();
    runtime.block_on(async {
        println!("releasing {IDLE} of {SEATS} seats, then giving them back");
        println!("latency  concurrency      release  requests         undo");
        for (latency, concurrency) in [(0, 1), (0, 2), (0, 4), (5, 1), (5, 2), (5, 4), (5, 8)] {
            one(latency, concurrency).await;
        }
    });
}

fn scenario() -> Scenario {
    let mut scenario = Scenario { population: Population::none(), ..Scenario::default() };
    scenario.pools.analyzer.total = 2 * SEATS as i64;
    for n in 0..SEATS {
        let id = format!("user{n}");
        let days = if n < IDLE { 60 } else { 1 };
        scenario.users.push(UserSpec::of("CORP", &id));
        let account = format!("CORP\\{id}");
        scenario.seats.push(SeatSpec::of(SeatKind::Analyzer, &account, When::days_ago(days)));
    }
    scenario
}

async fn one(latency: u64, concurrency: usize) {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let site = Running::start(scenario(), loopback).await.expect("the site starts");
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = folder.path().join("certificates");
    site.pki().write_to(&certificates).expect("certificates are written");
    let file = folder.path().join("bursar.yaml");
    let settings = format!(
        "\
Butler:
  storage: {{path: '{store}'}}
  cert:
    clientCert: '{certificates}/client.pem'
    clientCertKey: '{certificates}/client_key.pem'
    clientCertCA: '{certificates}/root.pem'
  configQRS:
    host: 127.0.0.1
    port: {port}
    tlsServerName: {name}
    headers: {{static: [{{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}}]}}
  qlikSenseLicense:
    licenseRelease:
      enable: true
      dryRun: false
      concurrency: {concurrency}
      licenseType: {{analyzer: {{enable: true, maxReleasePercent: 100}}}}
",
        store = folder.path().join("bursar.db").display(),
        certificates = certificates.display(),
        port = site.addr().port(),
        name = site.pki().server_name,
    );
    std::fs::write(&file, settings).expect("the file is written");
    let settings = bursar::config::load(&file).expect("the settings are right").settings;
    let store = Store::open(&settings.storage.path, settings.storage.outbox).await;
    let site_settings = settings.sites[0].clone();
    let engine = Engine {
        client: qrs::Client::new(&site_settings.name, &site_settings.connection)
            .expect("the files fit"),
        site: site_settings,
        settings: Arc::new(settings),
        store: store.expect("the store opens"),
        clock: Clock::System,
        destinations: [].into(),
    };
    if latency > 0 {
        site.control().set_fault(FaultRule::from(Fault::Latency { millis: latency }));
    }

    let order = |mode| Order {
        mode,
        trigger: Trigger::Schedule,
        stop: CancellationToken::new(),
        patience: bursar::qrs::Patience::retrying_for(Duration::from_secs(60)),
        progress: Progress::default(),
    };
    let begin = Instant::now();
    let report = engine.run(&order(Mode::Real)).await.expect("there is a run");
    let released = begin.elapsed();
    let requests = site.control().request_count();
    assert_eq!(report.status, RunStatus::Done, "{:?}", report.why);
    assert_eq!(site.control().seats(SeatKind::Analyzer).len(), SEATS - IDLE);

    let begin = Instant::now();
    let report = engine.undo(&Undo::Run(report.run), &order(Mode::Undo)).await;
    let given_back = begin.elapsed();
    assert_eq!(report.expect("there is a run").status, RunStatus::Done);
    assert_eq!(site.control().seats(SeatKind::Analyzer).len(), SEATS);
    println!(
        "{latency:>4} ms {concurrency:>12} {:>10.2} s {requests:>9} {:>10.2} s",
        released.as_secs_f64(),
        given_back.as_secs_f64()
    );
    engine.store.close().await;
    site.stop().await;
}
