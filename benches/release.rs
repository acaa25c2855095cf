//! What releasing costs: 300 of 1,000 seats, with the second look at each seat and its user, the
//! ledger on disk, and the look at what became of it.
//!
//! `cargo bench --bench release` runs the built program's `release apply` and `release undo` against
//! a simulated site on loopback. Figures are printed, nothing is asserted but that the work was done.

use std::process::Command;
use std::time::Instant;

use bursar::simulator::{
    Fault, FaultRule, Population, Running, Scenario, SeatKind, SeatSpec, UserSpec, When,
};
use serde_json::Value;

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
        println!("releasing {IDLE} of {SEATS} seats, then allocating them again");
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
    if latency > 0 {
        site.control().set_fault(FaultRule::from(Fault::Latency { millis: latency }));
    }

    let run = async |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command.arg("release").args(words).args(["--yes", "--json", "-c"]).arg(&file);
        command.env_remove("BURSAR_CONFIG").env_remove("STATE_DIRECTORY");
        let ended = tokio::task::spawn_blocking(move || command.output()).await;
        let output = ended.expect("waiting doesn't panic").expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).expect("a report")
    };
    let begin = Instant::now();
    let report = run(&["apply"]).await;
    let released = begin.elapsed();
    let requests = site.control().request_count();
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!(site.control().seats(SeatKind::Analyzer).len(), SEATS - IDLE);

    let begin = Instant::now();
    let report = run(&["undo", report["run"].as_str().expect("a run has an id")]).await;
    let given_back = begin.elapsed();
    assert_eq!(report["status"], "done", "{report}");
    assert_eq!(site.control().seats(SeatKind::Analyzer).len(), SEATS);
    println!(
        "{latency:>4} ms {concurrency:>12} {:>10.2} s {requests:>9} {:>10.2} s",
        released.as_secs_f64(),
        given_back.as_secs_f64()
    );
    site.stop().await;
}
