//! The ledger as an auditor meets it: the commands, on real files that somebody tampered with.

mod archive;
mod export;
mod real;
mod show;
mod tamper;
#[cfg(unix)]
mod terminal;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bursar::ledger::{
    Action, Entry, Head, Intent, Mode, Outcome, RunStatus, SeatResult, Trigger, TypeCounts,
};
use bursar::license::{Holder, Moment, SeatType};
use bursar::policy::{
    Guard, Limits, NeverRelease, Policy, Property, Refusal, ThreeWay, TypeRule, UserPattern,
};
use bursar::store::settings::OutboxLimits;
use bursar::store::{Addition, Store};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::process::output;

/// Commands that look at the store ask no site.
const SETTINGS: &str = r"
Butler:
  timeZone: Europe/Berlin
  storage:
    path: bursar.db
  configQRS:
    host: qlik.example.com
    headers:
      static:
        - name: X-Qlik-User
          value: UserDirectory=INTERNAL; UserId=sa_repository
  cert:
    clientCert: client.pem
    clientCertKey: client_key.pem
    clientCertCA: root.pem
";

/// The settings name certificates, and they are looked at.
pub fn write_certificates(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["qlik.example.com".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    std::fs::write(folder.join("client.pem"), &certificate).unwrap();
    std::fs::write(folder.join("root.pem"), &certificate).unwrap();
    std::fs::write(folder.join("client_key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// A store with settings that name it, on a clock that the test moves.
struct Desk {
    folder: TempDir,
    store: Store,
    clock: Arc<AtomicI64>,
}

/// What a command said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("JSON on standard output")
    }

    /// The problems of `verify --json`, without their places.
    fn problems(&self) -> Vec<Value> {
        let mut problems = self.json()["problems"].as_array().expect("a list").clone();
        for problem in &mut problems {
            problem.as_object_mut().expect("an object").shift_remove("place");
        }
        problems
    }
}

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let limits = OutboxLimits { max_events: 100, max_age: Duration::from_secs(3600) };
        let time = clock.clone();
        let now = move || DateTime::from_timestamp_millis(time.load(Ordering::Relaxed)).unwrap();
        let path = folder.path().join("bursar.db");
        let store = crate::support::store::open(&path, limits, now).await.unwrap();
        std::fs::write(folder.path().join("bursar.yaml"), SETTINGS).unwrap();
        write_certificates(folder.path());
        Self { folder, store, clock }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, time: &str) {
        let time: DateTime<Utc> = time.parse().unwrap();
        self.clock.store(time.timestamp_millis(), Ordering::Relaxed);
    }

    async fn append(&self, run: Option<&str>, entry: Entry) -> u64 {
        let addition = Addition { site: "default".into(), run: run.map(str::to_owned), entry };
        self.store.append(None, vec![addition], |_| Vec::new()).await.unwrap().0[0]
    }

    /// A run of some seats that ended, or not: two records, and two for each seat.
    async fn run(&self, run: &str, seats: u128, ended: bool) -> Head {
        self.append(Some(run), started()).await;
        for n in 0..seats {
            let seq = self.append(Some(run), intent(n)).await;
            self.append(Some(run), outcome(seq, n, SeatResult::Freed)).await;
        }
        if ended {
            self.append(Some(run), end(seats as u64)).await;
        }
        self.store.head().await.unwrap().unwrap()
    }

    fn audit(&self, args: &[&str]) -> Said {
        self.run_in(self.folder.path(), args)
    }

    fn run_in(&self, folder: &Path, args: &[&str]) -> Said {
        let args: Vec<_> = ["audit"].iter().chain(args).copied().collect();
        let output = output(&args, folder);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Said {
            code: output.status.code().expect("it ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    fn verify(&self, args: &[&str]) -> Said {
        let args: Vec<_> =
            ["verify", "-c", "bursar.yaml", "--json"].iter().chain(args).copied().collect();
        self.audit(&args)
    }

    /// Does something to the ledger that the database would refuse, as one would who has the file:
    /// without its triggers, and with them put back, so that nothing else shows.
    fn tamper(&self, change: impl FnOnce(&rusqlite::Connection)) {
        let db = crate::support::store::database(self.path("bursar.db"));
        let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'
                       AND tbl_name IN ('ledger', 'ledger_end')";
        let mut query = db.prepare(sql).unwrap();
        let triggers: Vec<(String, String)> = query
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(triggers.len(), 6);
        for (name, _) in &triggers {
            db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        change(&db);
        for (_, sql) in &triggers {
            db.execute_batch(sql).unwrap();
        }
    }
}

fn person(n: u128) -> Holder {
    Holder {
        id: Uuid::from_u128(n),
        directory: "CORP".into(),
        user_id: format!("user{n}").into(),
        name: if n == 0 { "Zoë, \"Zo\"".into() } else { "".into() },
    }
}

fn started() -> Entry {
    let types = vec![TypeRule {
        max_releases: Some(50),
        keep_free: Some(5),
        grace_days: 7,
        ..TypeRule::new(SeatType::Analyzer)
    }];
    let never_release = NeverRelease {
        users: vec![UserPattern {
            directory: "CORP".into(),
            user_id: "svc_*".into(),
            ..UserPattern::default()
        }],
        tags: vec!["Keep".into()],
        custom_properties: vec![Property { name: "Role".into(), value: "VIP".into() }],
        blocked: ThreeWay::Yes,
        ..NeverRelease::default()
    };
    let policy = Policy {
        never_release,
        types,
        judge_per_user: true,
        limits: Limits::default(),
        calendar: Default::default(),
    };
    let trigger = Trigger::Command { user: "anna@qlik-admin1".into(), process: None };
    Entry::RunStarted { mode: Mode::Real, trigger, version: "0.1.0".into(), policy }
}

fn planned(digest: &str) -> Entry {
    let refusal = Refusal {
        guard: Guard::Percent,
        seat_type: Some(SeatType::Analyzer),
        saw: "3 of 10 Analyzer seats are to go, which is more than 25 %".into(),
        fix: "review the plan".into(),
    };
    Entry::Planned {
        digest: digest.to_owned(),
        counts: vec![counts(0)],
        refusals: vec![refusal],
        accepted: vec!["percent".into()],
        standing: Vec::new(),
        site: None,
    }
}

fn counts(released: u64) -> TypeCounts {
    TypeCounts {
        seats: 10,
        planned: 3,
        released,
        kept: 7,
        kept_by_reason: [("used".to_owned(), 7)].into(),
        ..TypeCounts::new(SeatType::Analyzer)
    }
}

fn intent(n: u128) -> Entry {
    Entry::Intent(Intent {
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1000 + n),
        holder: person(n),
        created: Moment::At("2025-01-01T00:00:00Z".parse().unwrap()),
        last_used: Moment::Never,
        because: "idle for 43 days (threshold 30)".into(),
        has: 0,
    })
}

fn outcome(intent: u64, n: u128, result: SeatResult) -> Entry {
    Entry::Outcome(Outcome {
        intent,
        action: Action::Release,
        seat_type: SeatType::Analyzer,
        seat: Uuid::from_u128(1000 + n),
        holder: person(n),
        result,
        settled_later: false,
        evidence: Default::default(),
    })
}

fn end(released: u64) -> Entry {
    Entry::RunEnded { status: RunStatus::Done, counts: vec![counts(released)], why: None }
}
