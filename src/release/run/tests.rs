//! A run of ten seats in which one write of the store fails, whichever it is.

use std::collections::HashMap;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::ledger::Entry;
use crate::qrs::{Backoff, Client, Options};
use crate::simulator::{Population, Running, Scenario, SeatKind, SeatSpec, UserSpec, When};

const SETTINGS: &str = "Butler:
  storage: {path: 'FOLDER/bursar.db'}
  cert: {clientCert: FOLDER/client.pem, clientCertKey: FOLDER/client_key.pem, clientCertCA: FOLDER/root.pem}
  configQRS:
    host: 127.0.0.1
    port: PORT
    tlsServerName: NAME
    headers: {static: [{name: X-Qlik-User, value: UserDirectory=INTERNAL; UserId=sa_api}]}
  qlikSenseLicense:
    licenseRelease:
      enable: true
      dryRun: false
      licenseType: {analyzer: {enable: true}}
";

const IDLE: usize = 10;

/// Ten idle seats among fifty.
pub(in crate::release) async fn start() -> (Running, Engine, TempDir) {
    crate::tls::install_provider();
    let mut scenario = Scenario { population: Population::none(), ..Scenario::default() };
    for n in 0..5 * IDLE {
        let id = format!("user{n}");
        let used = When::days_ago(if n < IDLE { 60 } else { 1 });
        scenario.users.push(UserSpec::of("CORP", &id));
        scenario.seats.push(SeatSpec::of(SeatKind::Analyzer, &format!("CORP\\{id}"), used));
    }
    let site = Running::start(scenario, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    site.pki().write_to(folder.path()).unwrap();
    let text = SETTINGS
        .replace("FOLDER", folder.path().to_str().unwrap())
        .replace("PORT", &site.addr().port().to_string())
        .replace("NAME", &site.pki().server_name);
    let file = folder.path().join("bursar.yaml");
    std::fs::write(&file, text).unwrap();
    let settings = crate::config::load(&file).expect("the settings are right").settings;
    let store = crate::store::opened::open(
        &settings.storage.path,
        settings.storage.outbox,
        chrono::Utc::now,
    )
    .await
    .unwrap();
    let first = settings.sites[0].clone();
    let millis = Duration::from_millis;
    let backoff = Backoff { first: millis(1), cap: millis(2) };
    let options = Options { backoff, ..Options::default() };
    let engine = Engine {
        client: Client::with(&first.name, &first.connection, options).unwrap(),
        site: settings.release_site(&first),
        store,
        clock: Clock::System,
        addressing: InForce::default(),
        waits: Waits { second_look: millis(5), ..Waits::default() },
    };
    (site, engine, folder)
}

fn order() -> Order {
    Order {
        mode: Mode::Real,
        trigger: Trigger::Schedule,
        stop: CancellationToken::new(),
        patience: Patience::ONCE,
        progress: Progress::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_write_fails_the_record_is_right_in_the_end() {
    let mut writes = 0;
    for n in 0.. {
        let (site, engine, _folder) = start().await;
        engine.store.fail_writes(n, 1);
        let first = engine.run(&order()).await;
        let failed = engine.store.writes_fail_no_more();
        // The lock may not have been given back: whoever comes next waits for it.
        engine.store.forget_claims().await;
        let again = engine.run(&order()).await.unwrap();
        assert_eq!(again.status, RunStatus::Done, "write {n}: {first:?} {again:?}");

        assert_eq!(site.control().seats(SeatKind::Analyzer).len(), 4 * IDLE, "write {n}");
        let deletes = site.control().requests().into_iter().filter(|r| r.method == "DELETE");
        assert_eq!(deletes.count(), IDLE, "write {n}: each is asked for once");
        let mut last: HashMap<u64, SeatResult> = HashMap::new();
        let mut sent = HashMap::new();
        for record in engine.store.records(1, 10_000).await.unwrap() {
            match record.entry {
                Entry::Intent(intent) => {
                    sent.insert(record.seq, intent.seat);
                }
                Entry::Outcome(outcome) => {
                    last.insert(outcome.intent, outcome.result);
                }
                _ => {}
            }
        }
        let mut freed: Vec<_> = sent
            .iter()
            .filter(|(seq, _)| last.get(*seq) == Some(&SeatResult::Freed))
            .map(|(_, seat)| *seat)
            .collect();
        freed.sort_unstable();
        freed.dedup();
        assert_eq!(freed.len(), IDLE, "write {n}: {last:?}");
        assert_eq!(last.len(), sent.len(), "write {n}: every intent has its outcome");
        assert!(engine.store.unsettled(&engine.site.name).await.unwrap().is_empty());
        if !failed {
            break;
        }
        writes += 1;
    }
    println!("{writes} writes of a run of ten seats");
    assert!(writes >= 2 * IDLE, "{writes}");
}
